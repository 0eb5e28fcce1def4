#pragma once

#include "engine/core/time.h"
#include "engine/log/partition_log.h"
#include "engine/log/types.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace queuelab::log {

/// What the log engine shows of itself; plain values, ordered.

struct PartitionSnapshot {
    std::int32_t partition = 0;
    std::int32_t leader = -1;
    std::int32_t leaderEpoch = 0;
    std::vector<std::int32_t> replicas;
    std::vector<std::int32_t> isr;
    std::int64_t logStartOffset = 0;
    std::int64_t lastStableOffset = 0;
    std::int64_t highWatermark = 0;
    std::int64_t logEndOffset = 0;
    std::uint64_t sizeBytes = 0;
    std::vector<SegmentInfo> segments; ///< oldest first; at most the newest 64
};
struct TopicSnapshot {
    std::string name;
    std::int32_t replicationFactor = 1;
    std::map<std::string, std::string> configs; ///< those that were set
    std::vector<PartitionSnapshot> partitions;
};

/// Kafka's names: "Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead".
enum class GroupState : std::uint8_t {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
    Dead
};
std::string_view groupStateName(GroupState state);

struct MemberSnapshot {
    std::string memberId;
    std::string clientId; ///< the simulated consumer's name, or the real client's
    std::optional<std::string> groupInstanceId;
    bool joinParked = false; ///< waits in JoinGroup for the others
    bool syncParked = false; ///< waits in SyncGroup for the leader
    std::vector<TopicPartition> assignment; ///< as of the current generation; sorted
    Instant lastHeartbeat{};
};
struct CommittedOffset {
    TopicPartition partition;
    std::int64_t offset = 0;
    Instant at{};
};
struct GroupSnapshot {
    std::string name;
    GroupState state = GroupState::Empty;
    std::int32_t generation = 0;
    std::string protocol; ///< the assignor in use
    std::string leader; ///< member id
    std::vector<MemberSnapshot> members; ///< by member id
    std::vector<CommittedOffset> committed; ///< by partition
};
struct BrokerSnapshot {
    std::int32_t id = 1;
    bool alive = true;
};
struct ClusterSnapshot {
    std::vector<BrokerSnapshot> brokers;
    std::vector<TopicSnapshot> topics; ///< by name
    std::vector<GroupSnapshot> groups; ///< by name
};

} // namespace queuelab::log
