#include "engine/log/offset_map.h"

#include "engine/core/result.h"

#include <algorithm>
#include <bit>
#include <limits>

namespace queuelab::log {
namespace {

constexpr std::uint64_t kC1 = 0x87c37b91114253d5;
constexpr std::uint64_t kC2 = 0x4cf5ad432745937f;

std::uint64_t loadLittleEndian(const std::uint8_t *at, std::size_t size)
{
    std::uint64_t value = 0;
    std::memcpy(&value, at, size);
    if constexpr (std::endian::native == std::endian::big)
        value = std::byteswap(value);
    return value;
}

std::uint64_t mixLow(std::uint64_t k)
{
    return std::rotl(k * kC1, 31) * kC2;
}

std::uint64_t mixHigh(std::uint64_t k)
{
    return std::rotl(k * kC2, 33) * kC1;
}

std::uint64_t finish(std::uint64_t h)
{
    h ^= h >> 33;
    h *= 0xff51afd7ed558ccd;
    h ^= h >> 33;
    h *= 0xc4ceb9fe1a85ec53;
    return h ^ h >> 33;
}

} // namespace

KeyHash hashKey(ByteView key)
{
    constexpr std::size_t kBlock = 16;
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    ByteView rest = key;
    for (; rest.size() >= kBlock; rest = rest.subspan(kBlock)) {
        low ^= mixLow(loadLittleEndian(rest.data(), 8));
        low = (std::rotl(low, 27) + high) * 5 + 0x52dce729;
        high ^= mixHigh(loadLittleEndian(rest.data() + 8, 8));
        high = (std::rotl(high, 31) + low) * 5 + 0x38495ab5;
    }
    if (rest.size() > 8)
        high ^= mixHigh(loadLittleEndian(rest.data() + 8, rest.size() - 8));
    if (!rest.empty())
        low ^= mixLow(loadLittleEndian(rest.data(), std::min<std::size_t>(rest.size(), 8)));
    low ^= key.size();
    high ^= key.size();
    low += high;
    high += low;
    low = finish(low);
    high = finish(high);
    low += high;
    high += low;
    return {low, high};
}

OffsetMap::OffsetMap(std::uint64_t bufferBytes, double loadFactor, std::uint64_t mostKeys)
{
    constexpr std::uint64_t kMostSlots = std::numeric_limits<std::uint32_t>::max();
    const std::uint64_t slots = std::clamp<std::uint64_t>(bufferBytes / kSlotBytes, 2, kMostSlots);
    const auto filled = static_cast<std::uint64_t>(static_cast<double>(slots) * loadFactor);
    m_mostKeys = std::clamp<std::uint64_t>(filled, 1, slots - 1);
    // Half empty when that is to be had: a table that is nearly full takes many probes.
    m_slots.resize(std::min(slots, 2 * std::min(mostKeys, slots) + 2));
}

std::size_t OffsetMap::slotOf(const KeyHash &key) const
{
    std::size_t slot = home(key);
    while (m_slots[slot].nextOffset != 0 && m_slots[slot].key != key)
        slot = slot + 1 == m_slots.size() ? 0 : slot + 1;
    return slot;
}

void OffsetMap::put(const KeyHash &key, std::int64_t offset)
{
    Slot &slot = m_slots[slotOf(key)];
    if (slot.nextOffset == 0) {
        invariant(m_size + 1 < m_slots.size(), "an offset map keeps a free slot");
        slot.key = key;
        ++m_size;
    }
    slot.nextOffset = offset + 1;
}

std::int64_t OffsetMap::find(const KeyHash &key) const
{
    return m_slots[slotOf(key)].nextOffset - 1;
}

} // namespace queuelab::log
