#pragma once

#include "engine/core/result.h"
#include "engine/log/types.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <optional>
#include <string>

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
    bool uncleanLeaderElection = false; ///< unclean.leader.election.enable
    bool logAppendTime = false; ///< message.timestamp.type
    std::int64_t timestampAfterMaxMs = 3'600'000; ///< message.timestamp.after.max.ms (KIP-1030)
    std::int64_t timestampBeforeMaxMs = INT64_MAX; ///< message.timestamp.before.max.ms
    std::int64_t fileDeleteDelayMs = 60'000; ///< file.delete.delay.ms
    bool deletes = true; ///< cleanup.policy contains delete
    bool compacts = false; ///< cleanup.policy contains compact
    double minCleanableDirtyRatio = 0.5; ///< min.cleanable.dirty.ratio
    std::int64_t minCompactionLagMs = 0; ///< min.compaction.lag.ms
    std::int64_t maxCompactionLagMs = INT64_MAX; ///< max.compaction.lag.ms
    std::int64_t deleteRetentionMs = 86'400'000; ///< delete.retention.ms, of tombstones and markers
    /// compression.type: nothing is `producer`, batches are kept as they come.
    std::optional<CompressionType> compression{};

    /// The age at which a segment is closed: a compacted topic's must be closed before it can be
    /// cleaned, so max.compaction.lag.ms counts too.
    std::int64_t maxSegmentMs() const
    {
        return compacts ? std::min(segmentMs, maxCompactionLagMs) : segmentMs;
    }

    /// Applies "segment.bytes" = "1048576" and so on; ErrorCode::InvalidConfig and why, when key or
    /// value is not valid.
    struct Invalid {
        std::string key{};
        std::string why{};
    };
    static Result<LogConfig, Invalid> parse(const std::map<std::string, std::string> &configs);
    /// The topic's own settings over the broker's defaults for topics.
    static Result<LogConfig, Invalid> parse(const std::map<std::string, std::string> &defaults,
        const std::map<std::string, std::string> &configs);
};

} // namespace queuelab::log
