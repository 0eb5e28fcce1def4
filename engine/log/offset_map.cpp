#include "engine/log/offset_map.h"

#include "engine/core/result.h"

#include <algorithm>
#include <bit>
#include <limits>
#include <new>

#if defined(__linux__)
#include <sys/mman.h>
#endif

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

OffsetMap::OffsetMap(
    std::uint64_t bufferBytes, double loadFactor, std::int64_t firstOffset, std::int64_t endOffset)
    : m_firstOffset(firstOffset)
{
    constexpr std::uint64_t kMostSlots = std::numeric_limits<std::uint32_t>::max();
    const std::uint64_t most = std::clamp<std::uint64_t>(bufferBytes / kBytesAKey, 2, kMostSlots);
    const auto filled = static_cast<std::uint64_t>(static_cast<double>(most) * loadFactor);
    m_mostKeys = std::clamp<std::uint64_t>(filled, 1, most - 1);
    const auto offsets =
        static_cast<std::uint64_t>(std::max<std::int64_t>(endOffset - firstOffset, 0));
    // A third empty when that is to be had: a table that is nearly full takes many probes.
    const std::uint64_t wanted = std::min(offsets, most);
    m_slotCount = std::min(most, wanted + wanted / 2 + 2);
    m_slots = allocate(m_slotCount);
    // What is left of kBytesAKey for each slot.
    constexpr std::uint64_t kBitsASlot = 8 * (kBytesAKey - sizeof(Slot));
    const std::uint64_t bits = std::min(offsets, most * kBitsASlot);
    m_superseded.resize((bits + kWordBits - 1) / kWordBits);
    m_endOfBits = firstOffset + static_cast<std::int64_t>(bits);
}

/// Free slots. The system gives large ones out cleared, so they are not touched here.
std::unique_ptr<OffsetMap::Slot[], OffsetMap::Free> OffsetMap::allocate(std::size_t slots)
{
    auto *const memory = static_cast<Slot *>(std::calloc(slots, sizeof(Slot)));
    if (memory == nullptr)
        throw std::bad_alloc();
#if defined(__linux__)
    // Each look-up is somewhere else, so with small pages nearly each would have to ask for its
    // page's place, too. When there are no large ones it goes without.
    constexpr std::size_t kPage = 2 << 20;
    void *at = memory;
    std::size_t bytes = slots * sizeof(Slot);
    if (std::align(kPage, kPage, at, bytes) != nullptr)
        static_cast<void>(::madvise(at, bytes / kPage * kPage, MADV_HUGEPAGE));
#endif
    return std::unique_ptr<Slot[], Free>(memory);
}

OffsetMap::Slot &OffsetMap::slotOf(const KeyHash &key) const
{
    Slot *const begin = m_slots.get();
    Slot *const end = begin + m_slotCount;
    Slot *slot = begin + home(key);
    const auto low = static_cast<std::uint32_t>(key.low);
    while (slot->next != 0 && (slot->high != key.high || slot->low != low)) {
        if (++slot == end)
            slot = begin;
    }
    return *slot;
}

void OffsetMap::put(const KeyHash &key, std::int64_t offset)
{
    invariant(hasRoomFor(offset), "an offset map keeps a free slot");
    Slot &slot = slotOf(key);
    const auto next = static_cast<std::uint32_t>(offset - m_firstOffset + 1);
    if (slot.next == 0) {
        slot = {key.high, static_cast<std::uint32_t>(key.low), next};
        ++m_size;
        return;
    }
    if (slot.next == next)
        return;
    const std::uint64_t bit = std::min(slot.next, next) - 1;
    if (bit / kWordBits < m_superseded.size())
        m_superseded[bit / kWordBits] |= std::uint64_t{1} << bit % kWordBits;
    slot.next = std::max(slot.next, next);
}

std::int64_t OffsetMap::find(const KeyHash &key) const
{
    const Slot &slot = slotOf(key);
    return slot.next == 0 ? -1 : m_firstOffset + slot.next - 1;
}

} // namespace queuelab::log
