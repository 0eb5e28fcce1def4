#pragma once

#include "engine/core/context.h"
#include "engine/log/broker_config.h"
#include "engine/log/partition_log.h"

#include <cstdint>
#include <optional>

namespace queuelab::log {

/// How much of a log compaction may touch now (facts: kafka.md 6).
struct Cleanable {
    std::int64_t firstDirtyOffset = 0; ///< where the last cleaning ended; at least the log start
    std::int64_t firstUncleanableOffset = 0; ///< the end of what may be cleaned
    std::uint64_t cleanBytes = 0; ///< in segments below firstDirtyOffset
    std::uint64_t dirtyBytes = 0; ///< from there to firstUncleanableOffset
    bool isOverdue = false; ///< max.compaction.lag.ms
    /// dirty / (clean + dirty); 0 when there is nothing.
    double dirtyRatio() const;
    /// There is something to clean, and its ratio is above min.cleanable.dirty.ratio or it is
    /// overdue.
    bool isDue(const LogConfig &config) const;
};
/// `checkpoint` is the first dirty offset of cleaner-offset-checkpoint, -1 when there is none;
/// below the log start or above the log's end it counts from the log start again. Whole segments
/// are cleaned: those below the last stable offset, never the active one, none that holds a record
/// younger than min.compaction.lag.ms, nor what follows it.
Cleanable cleanableRange(const PartitionLog &log, std::int64_t checkpoint,
    std::int64_t highWatermark, std::int64_t nowMs);
inline Cleanable cleanableRange(const PartitionLog &log, std::int64_t checkpoint,
    std::int64_t highWatermark, const Context &context)
{
    return cleanableRange(log, checkpoint, highWatermark, epochMillis(context.wallClock()));
}

struct CleanResult {
    std::int64_t nextDirtyOffset = 0; ///< to be written to cleaner-offset-checkpoint
    std::int64_t recordsKept = 0;
    std::int64_t recordsRemoved = 0;
    std::uint64_t bytesRead = 0;
    std::uint64_t bytesKept = 0;
};
/// What the cleaner works with; one for all logs of a broker. It is no part of a log's state: a
/// copy of the broker starts with an empty one.
struct CleanerSettings {
    std::int64_t dedupeBufferSize = 134'217'728; ///< log.cleaner.dedupe.buffer.size: 24 bytes a key
    double loadFactor = 0.9; ///< log.cleaner.io.buffer.load.factor
    PlantedBug plantedBug = PlantedBug::None; ///< tests only
};
/// Compacts: a map of key → latest offset over the dirty range, as far as the buffer holds it, then
/// every segment from the log start to the end of that range is written anew without what is
/// superseded, aborted, or (tombstones and markers) past its delete horizon. Offsets do not change.
/// Neighbouring small segments become one, up to segment.bytes. Records it in the trace. On an
/// Error the log is as it was, or partly cleaned, and whole.
Result<CleanResult, Error> cleanLog(PartitionLog &log, const Cleanable &range,
    const CleanerSettings &settings, NameId partition, NameId broker, Context &context);

} // namespace queuelab::log
