#include "engine/log/client.h"

namespace queuelab::log {

std::int32_t murmur2(ByteView key)
{
    constexpr std::uint32_t kSeed = 0x9747b28c;
    constexpr std::uint32_t kMultiplier = 0x5bd1e995;
    constexpr int kShift = 24;

    std::uint32_t hash = kSeed ^ static_cast<std::uint32_t>(key.size());
    std::size_t at = 0;
    for (; at + 4 <= key.size(); at += 4) {
        std::uint32_t word = static_cast<std::uint32_t>(key[at])
            | static_cast<std::uint32_t>(key[at + 1]) << 8
            | static_cast<std::uint32_t>(key[at + 2]) << 16
            | static_cast<std::uint32_t>(key[at + 3]) << 24;
        word *= kMultiplier;
        word ^= word >> kShift;
        word *= kMultiplier;
        hash *= kMultiplier;
        hash ^= word;
    }
    if (at < key.size()) {
        for (int shift = 0; at < key.size(); ++at, shift += 8)
            hash ^= static_cast<std::uint32_t>(key[at]) << shift;
        hash *= kMultiplier;
    }
    hash ^= hash >> 13;
    hash *= kMultiplier;
    hash ^= hash >> 15;
    return static_cast<std::int32_t>(hash);
}

std::int32_t partitionForKey(ByteView key, std::int32_t partitions)
{
    return (murmur2(key) & 0x7fffffff) % partitions;
}

} // namespace queuelab::log
