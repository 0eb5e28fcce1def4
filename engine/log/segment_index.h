#pragma once

#include "engine/core/bytes.h"

#include <cstdint>
#include <span>
#include <vector>

namespace queuelab::log {

/// An entry of a `.index` file: the batch that starts at `position` in the `.log` ends with offset
/// base + relativeOffset (facts: kafka.md 1.5).
struct IndexEntry {
    std::int32_t relativeOffset = 0;
    std::int32_t position = 0;
    friend bool operator==(const IndexEntry &, const IndexEntry &) = default;
};
inline constexpr std::size_t kIndexEntryBytes = 8;

/// An entry of a `.timeindex` file: no record up to here is younger than `timestamp`, which one in
/// the batch that ends with base + relativeOffset has.
struct TimeIndexEntry {
    std::int64_t timestamp = -1; ///< milliseconds since the epoch
    std::int32_t relativeOffset = 0;
    friend bool operator==(const TimeIndexEntry &, const TimeIndexEntry &) = default;
};
inline constexpr std::size_t kTimeIndexEntryBytes = 12;

Bytes encodeIndex(std::span<const IndexEntry> entries);
Bytes encodeTimeIndex(std::span<const TimeIndexEntry> entries);
/// Whole entries only: what is left of a last, shorter one is not there.
std::vector<IndexEntry> decodeIndex(ByteView bytes);
std::vector<TimeIndexEntry> decodeTimeIndex(ByteView bytes);

} // namespace queuelab::log
