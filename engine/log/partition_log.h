#pragma once

#include "engine/core/context.h"
#include "engine/log/record_batch.h"
#include "engine/log/types.h"

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

namespace queuelab::log {

/// A topic's settings, under Kafka's own keys and defaults (facts: kafka.md 1.6). Unknown keys are
/// refused.
struct LogConfig {
    std::int32_t segmentBytes = 1'073'741'824; ///< segment.bytes
    std::int64_t segmentMs = 604'800'000; ///< segment.ms
    std::int64_t retentionMs = 604'800'000; ///< retention.ms, -1 is for ever
    std::int64_t retentionBytes = -1; ///< retention.bytes a partition, -1 is no limit
    std::int32_t segmentIndexBytes = 10'485'760; ///< segment.index.bytes
    std::int32_t indexIntervalBytes = 4096; ///< index.interval.bytes
    std::int32_t maxMessageBytes = 1'048'588; ///< max.message.bytes
    std::int64_t flushMessages = INT64_MAX; ///< flush.messages: fsync after so many records
    std::int32_t minInsyncReplicas = 1; ///< min.insync.replicas
    bool logAppendTime = false; ///< message.timestamp.type
    std::int64_t timestampAfterMaxMs = 3'600'000; ///< message.timestamp.after.max.ms (KIP-1030)

    /// Applies "segment.bytes" = "1048576" and so on; ErrorCode::InvalidConfig and why, when key or
    /// value is not valid.
    struct Invalid {
        std::string key;
        std::string why;
    };
    static Result<LogConfig, Invalid> parse(const std::map<std::string, std::string> &configs);
};

/// One segment, for snapshots and tools.
struct SegmentInfo {
    std::int64_t baseOffset = 0;
    std::uint64_t sizeBytes = 0;
    std::int64_t maxTimestamp = -1;
};

struct AppendResult {
    std::int64_t baseOffset = 0;
    std::int64_t lastOffset = 0;
    std::int64_t logAppendTimeMs = -1; ///< -1 with CreateTime
    bool rolled = false; ///< a new segment was started for it
};

/// What opening a partition had to mend, in words a person can act on.
struct RecoveryReport {
    std::uint64_t bytesCut = 0;
    std::vector<std::string>
        notes; ///< "00000000000000000000.log: torn batch at 4096 cut off (83 bytes)"
};

/// One partition's log on one broker: segments with offset and time index, through Files, in
/// Kafka's file formats (facts: kafka.md 1.5). A value. Knows nothing of replication: who may read
/// up to where is the broker's business.
class PartitionLog {
public:
    /// Opens or creates `directory` (such as "broker-1/orders-3"). After an unclean stop every
    /// segment is checked from the front of the recovery point: a torn or corrupt tail is cut off,
    /// indexes are rebuilt.
    static Result<PartitionLog, Error> open(std::string directory, LogConfig config,
        bool cleanShutdown, Context &context, RecoveryReport *report);

    /// Appends one batch as a leader does: checks it (facts: kafka.md 1.4), gives it the next
    /// offsets and `leaderEpoch`. On refusal nothing changed.
    Result<AppendResult, ErrorCode> append(
        ByteView batch, std::int32_t leaderEpoch, Context &context);

    struct ReadResult {
        std::uint64_t bytes = 0; ///< added to `out`
        std::int64_t nextOffset = 0; ///< after the last batch given
        std::int64_t recordCount =
            0; ///< records in the batches given, those before `from` included
    };
    /// Whole batches from the one that contains `from`, below `limit` (high watermark or last
    /// stable offset), at most `maxBytes`, but at least one batch. OffsetOutOfRange below
    /// logStartOffset() or above logEndOffset(). Each slice added to `out` starts and ends at a
    /// batch.
    Result<ReadResult, ErrorCode> read(std::int64_t from, std::int64_t limit,
        std::uint64_t maxBytes, std::vector<SharedBytes> &out, const Files &files) const;

    struct TimestampOffset {
        std::int64_t timestamp = -1;
        std::int64_t offset = -1;
    };
    /// The first record with a timestamp at or after `timestampMs`, below `limit`; both -1 when
    /// there is none.
    Result<TimestampOffset, Error> offsetForTime(
        std::int64_t timestampMs, std::int64_t limit, const Files &files) const;

    /// Cuts the tail: [0-9][10-19][20-29] truncated to 20 leaves [0-9][10-19]; an offset inside a
    /// batch cuts the whole batch.
    Result<void, Error> truncateTo(std::int64_t offset, Context &context);
    /// Deletes whole old segments past retention.ms and retention.bytes, never the active one.
    /// Returns how many.
    std::size_t deleteOldSegments(Context &context);
    Result<void, Error> flush(Context &context);
    /// Trims the indexes, syncs, closes: what a broker does when it is stopped in order.
    Result<void, Error> close(Context &context);

    std::int64_t logStartOffset() const { return m_logStartOffset; }
    std::int64_t logEndOffset() const { return m_logEndOffset; }
    std::uint64_t sizeBytes() const;
    std::vector<SegmentInfo> segments() const;
    const LogConfig &config() const { return m_config; }
    const std::string &directory() const { return m_directory; }

private:
    struct IndexEntry {
        std::int32_t relativeOffset;
        std::int32_t position;
    };
    struct TimeIndexEntry {
        std::int64_t timestamp;
        std::int32_t relativeOffset;
    };
    struct Segment {
        std::int64_t baseOffset = 0;
        std::uint64_t sizeBytes = 0;
        std::int64_t firstTimestamp = -1;
        std::int64_t maxTimestamp = -1;
        std::int64_t offsetOfMaxTimestamp = -1;
        std::uint64_t bytesSinceIndexEntry = 0;
        Instant created{};
        FileId log{-1};
        FileId index{-1};
        FileId timeIndex{-1};
        std::vector<IndexEntry> entries;
        std::vector<TimeIndexEntry> timeEntries;
    };

    std::string m_directory;
    LogConfig m_config;
    std::deque<Segment> m_segments;
    std::int64_t m_logStartOffset = 0;
    std::int64_t m_logEndOffset = 0;
    std::int64_t m_unflushedMessages = 0;
};

} // namespace queuelab::log
