#pragma once

#include "engine/core/context.h"
#include "engine/log/partition_log.h"
#include "engine/log/snapshot.h"
#include "engine/log/types.h"

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::log {

inline constexpr std::string_view kOffsetsTopic = "__consumer_offsets";
inline constexpr std::int32_t kOffsetsPartitions = 50; ///< offsets.topic.num.partitions

/// The partition of __consumer_offsets that keeps a group: abs(String.hashCode) % 50, where
/// abs(INT_MIN) is 0.
std::int32_t offsetsPartitionFor(std::string_view group);

/// A group's place in one partition, as it was committed.
struct Commit {
    std::int64_t offset = -1; ///< the next one to read
    std::int32_t leaderEpoch = -1;
    std::string metadata;
    std::int64_t timestampMs = 0; ///< when it was committed
    friend bool operator==(const Commit &, const Commit &) = default;
};

/// The records of __consumer_offsets (facts: kafka.md 3.6): OffsetCommit keys of version 1, values
/// of version 3.
struct OffsetKey {
    std::string group;
    TopicPartition partition;
    friend bool operator==(const OffsetKey &, const OffsetKey &) = default;
};
Bytes encodeOffsetKey(const OffsetKey &key);
/// Nothing for the other record types of this topic.
std::optional<OffsetKey> decodeOffsetKey(ByteView bytes);
Bytes encodeOffsetValue(const Commit &commit);
std::optional<Commit> decodeOffsetValue(ByteView bytes);

/// What groups have committed, kept in memory and in the logs "__consumer_offsets-<n>" of one
/// broker, which are created when a group first needs them and read back by open(). A value.
class OffsetStore {
public:
    /// `directory` is the broker's. Reads back every offsets log found there.
    Result<void, Error> open(const std::string &directory, bool cleanShutdown, Context &context,
        std::vector<std::string> &notes);
    Result<void, Error> close(Context &context);

    using Commits = std::map<TopicPartition, Commit>;
    /// Writes all of them in one batch, or none.
    ErrorCode commit(const std::string &group, const Commits &commits, Context &context);
    /// Writes tombstones for what was committed in a topic that is no more.
    void forgetTopic(const std::string &topic, Context &context);

    /// nullptr when the group has committed nothing.
    const Commits *commitsOf(const std::string &group) const;
    const std::map<std::string, Commits> &all() const { return m_commits; }

private:
    Result<PartitionLog *, Error> logOf(std::int32_t partition, Context &context);
    Result<void, Error> readBack(const PartitionLog &log, const Files &files);
    ErrorCode append(const std::string &group, ByteView batch, Context &context);

    std::string m_directory;
    std::map<std::int32_t, PartitionLog> m_logs; // by partition of __consumer_offsets
    std::map<std::string, Commits> m_commits;
};

} // namespace queuelab::log
