#pragma once

#include "engine/core/bytes.h"

#include <cstddef>
#include <cstdint>
#include <vector>

namespace queuelab::log {

/// 128 bits that stand for a key. Two keys of one log with the same hash would be taken for one, as
/// in Kafka, which uses MD5; this is MurmurHash3 (x64, 128 bits), many times as fast. Either can be
/// made to collide on purpose, and does not by chance.
struct KeyHash {
    std::uint64_t low = 0;
    std::uint64_t high = 0;
    friend bool operator==(const KeyHash &, const KeyHash &) = default;
};
KeyHash hashKey(ByteView key);

/// Key → latest offset, for compaction: an open-addressing table of 24 bytes a key that never grows
/// beyond its buffer, as Kafka's SkimpyOffsetMap. Nothing is ever taken out.
class OffsetMap {
public:
    static constexpr std::size_t kSlotBytes = 24;

    /// At most `bufferBytes` / 24 slots, of which at most `loadFactor` (0 to 1) are filled, but at
    /// least one. No more memory is taken than `mostKeys` keys can need.
    OffsetMap(std::uint64_t bufferBytes, double loadFactor, std::uint64_t mostKeys);

    bool isFull() const { return m_size >= m_mostKeys; }
    std::size_t size() const { return m_size; }
    std::uint64_t memoryBytes() const { return m_slots.size() * kSlotBytes; }
    /// Brings the place of a key that put() or find() will be asked about near: the table is far
    /// larger than the processor's caches.
    void prefetch(const KeyHash &key) const { __builtin_prefetch(&m_slots[home(key)]); }
    /// `offset` >= 0. A key that is there gets the new offset. Not when isFull().
    void put(const KeyHash &key, std::int64_t offset);
    /// -1: not there.
    std::int64_t find(const KeyHash &key) const;

private:
    struct Slot {
        KeyHash key;
        std::int64_t nextOffset = 0; // offset + 1; 0 is a free slot
    };
    static_assert(sizeof(Slot) == kSlotBytes);

    std::size_t home(const KeyHash &key) const
    {
        return static_cast<std::size_t>((key.low >> 32) * m_slots.size() >> 32);
    }
    /// Where the key is, or where it would go.
    std::size_t slotOf(const KeyHash &key) const;

    std::vector<Slot> m_slots; // less than 2^32, and always one that is free
    std::size_t m_mostKeys = 1;
    std::size_t m_size = 0;
};

} // namespace queuelab::log
