#pragma once

#include "engine/core/bytes.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

namespace queuelab::log {

/// 128 bits that stand for a key. Two keys of one log with the same hash would be taken for one, as
/// in Kafka, which uses MD5; this is MurmurHash3 (x64, 128 bits), many times as fast. Either can be
/// made to collide on purpose, and does not by chance.
struct KeyHash {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
};
KeyHash hashKey(ByteView key);

/// Key → latest offset, for compaction: an open-addressing table that never grows beyond its
/// buffer, as Kafka's SkimpyOffsetMap. Nothing is ever taken out. Where Kafka spends 24 bytes on a
/// key, this spends 16 on it, and one bit on each offset: whether a later record has the same key.
/// So nobody needs to look up again the records that were put in.
class OffsetMap {
public:
    /// What a key may cost, its share of the bits included.
    static constexpr std::size_t kBytesAKey = 24;

    /// For offsets from `firstOffset` up to `endOffset`, which lies behind the last. At most
    /// `bufferBytes` / 24 keys' room, of which at most `loadFactor` (0 to 1) is used, but at least
    /// one key's. No more memory is taken than that many offsets can need.
    OffsetMap(std::uint64_t bufferBytes, double loadFactor, std::int64_t firstOffset,
        std::int64_t endOffset);

    /// Whether put() may be called with this offset, whatever the key.
    bool hasRoomFor(std::int64_t offset) const
    {
        return m_size < m_mostKeys && offset - m_firstOffset < kMostOffsets;
    }
    std::uint64_t memoryBytes() const
    {
        return m_slotCount * sizeof(Slot) + m_superseded.size() * sizeof(m_superseded[0]);
    }
    /// Brings the place of a key that put() or find() will be asked about near: the table is far
    /// larger than the processor's caches.
    void prefetch(const KeyHash &key) const { __builtin_prefetch(&m_slots[home(key)]); }
    /// A key that is there gets the new offset when that is larger. There must be room.
    void put(const KeyHash &key, std::int64_t offset);
    /// -1: not there.
    std::int64_t find(const KeyHash &key) const;
    /// Whether isSuperseded() can tell of all of these offsets.
    bool remembers(std::int64_t firstOffset, std::int64_t lastOffset) const
    {
        return firstOffset >= m_firstOffset && lastOffset < m_endOfBits;
    }
    /// Whether the key that was put with this offset has a larger one too. False when none was, or
    /// it is not remembered.
    bool isSuperseded(std::int64_t offset) const
    {
        const auto bit = static_cast<std::uint64_t>(offset - m_firstOffset);
        return bit / kWordBits < m_superseded.size()
            && ((m_superseded[bit / kWordBits] >> bit % kWordBits) & 1) != 0;
    }

private:
    /// Four lie in a line of the cache. The place of a slot tells something of its key, too, so 96
    /// bits of it are as good as all of them.
    struct Slot {
        std::uint64_t high;
        std::uint32_t low;
        std::uint32_t next; // 1 + how far the offset lies behind m_firstOffset; 0 is a free slot
    };
    static_assert(sizeof(Slot) == 16);
    struct Free {
        void operator()(Slot *slots) const { std::free(slots); }
    };
    static constexpr std::uint64_t kWordBits = 64;
    static constexpr std::int64_t kMostOffsets = 0xffff'ffff; // so that Slot::next can be 1 more
    static std::unique_ptr<Slot[], Free> allocate(std::size_t slots);

    std::size_t home(const KeyHash &key) const
    {
        return static_cast<std::size_t>((key.low >> 32) * m_slotCount >> 32);
    }
    /// Where the key is, or where it would go.
    Slot &slotOf(const KeyHash &key) const;

    const std::int64_t m_firstOffset;
    std::int64_t m_endOfBits = 0; // the offset that has no bit any more
    std::size_t m_mostKeys = 1;
    std::size_t m_size = 0;
    std::size_t m_slotCount = 0; // less than 2^32, and always one that is free
    std::unique_ptr<Slot[], Free> m_slots;
    std::vector<std::uint64_t> m_superseded; // a bit an offset
};

} // namespace queuelab::log
