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

/// One broker's copy of a partition.
struct ReplicaSnapshot {
    std::int32_t broker = 0;
    bool online = true; ///< its broker lives; the figures below are else those it died with
    bool inSync = true; ///< in the ISR, as the controller knows it
    std::int64_t logStartOffset = 0;
    std::int64_t logEndOffset = 0;
    std::int64_t highWatermark = 0; ///< as this replica knows it: followers learn it with a fetch
    std::int32_t leaderEpoch = -1; ///< the epoch of its newest record; -1 it has none
};
struct PartitionSnapshot {
    std::int32_t partition = 0;
    std::int32_t leader = -1; ///< -1: offline
    std::int32_t leaderEpoch = 0;
    std::int32_t partitionEpoch = 0; ///< goes up with every change of ISR, leader or replicas
    std::vector<std::int32_t> replicas{}; ///< the preferred leader first
    std::vector<std::int32_t> isr{};
    std::vector<std::int32_t> eligibleLeaderReplicas{}; ///< KIP-966
    std::vector<ReplicaSnapshot> replicaStates{}; ///< in the order of `replicas`
    /// The leader's; while there is none, those of the replica with the longest log.
    std::int64_t logStartOffset = 0;
    std::int64_t lastStableOffset = 0;
    std::int64_t highWatermark = 0;
    std::int64_t logEndOffset = 0;
    std::uint64_t sizeBytes = 0;
    std::vector<SegmentInfo> segments{}; ///< oldest first; at most the newest 64
};
struct TopicSnapshot {
    std::string name{};
    bool isInternal = false; ///< __consumer_offsets
    std::int32_t replicationFactor = 1;
    std::map<std::string, std::string> configs{}; ///< those that were set
    std::vector<PartitionSnapshot> partitions{};
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
    std::string memberId{};
    std::string clientId{}; ///< the simulated consumer's name, or the real client's
    std::optional<std::string> groupInstanceId{};
    bool joinParked = false; ///< waits in JoinGroup for the others
    bool syncParked = false; ///< waits in SyncGroup for the leader
    std::vector<TopicPartition> assignment{}; ///< as of the current generation; sorted
    Instant lastHeartbeat{};
};
struct CommittedOffset {
    TopicPartition partition;
    std::int64_t offset = 0;
    Instant at{};
};
struct GroupSnapshot {
    std::string name{};
    std::int32_t coordinator = -1; ///< the broker; -1 none at present
    GroupState state = GroupState::Empty;
    std::int32_t generation = 0;
    std::string protocol{}; ///< the assignor in use
    std::string leader{}; ///< member id
    std::vector<MemberSnapshot> members{}; ///< by member id
    std::vector<CommittedOffset> committed{}; ///< by partition
};
/// What a broker is in the controller quorum.
enum class QuorumRole : std::uint8_t {
    Unattached, ///< knows no leader
    Follower,
    Prospective, ///< asks whether it would be elected (KIP-996)
    Candidate,
    Leader, ///< the active controller
    Observer, ///< has no vote; follows the metadata log
};
std::string_view quorumRoleName(QuorumRole role); ///< "leader"

struct BrokerSnapshot {
    std::int32_t id = 1;
    bool alive = true;
    bool isRegistered = false;
    bool isFenced = true; ///< as the controller knows it
    bool isVoter = true;
    QuorumRole role = QuorumRole::Unattached;
    std::int32_t quorumEpoch = 0;
    std::int64_t metadataLogEndOffset = 0;
    std::int64_t metadataHighWatermark = 0;
    std::int32_t leads = 0; ///< partitions
    std::int32_t replicas = 0; ///< partitions it keeps a copy of
};
/// A broker as the metadata log has it.
struct RegisteredBroker {
    std::int32_t id = 0;
    bool isFenced = true;
};
/// What one broker knows: the cluster as its newest committed metadata says, the logs it holds
/// itself, the groups it coordinates.
struct BrokerView {
    BrokerSnapshot self;
    std::int32_t controller = -1; ///< whom it takes for the active one
    std::vector<RegisteredBroker> registered{}; ///< by id
    std::vector<TopicSnapshot> topics{}; ///< by name; of `replicaStates` only its own
    std::vector<GroupSnapshot> groups{}; ///< those it coordinates
};
/// A cluster as one who sees all of it would describe it: leaders, ISRs and configs as the newest
/// committed metadata says, what logs hold as each broker has it.
struct ClusterSnapshot {
    std::vector<BrokerSnapshot> brokers{}; ///< by id
    std::int32_t controller = -1; ///< the active one, as a majority knows it; -1 none
    std::vector<TopicSnapshot> topics{}; ///< by name, internal ones too
    std::vector<GroupSnapshot> groups{}; ///< by name
};

/// Puts together what brokers know, dead ones too (the figures they died with). `alive` goes with
/// `views`.
ClusterSnapshot clusterSnapshot(std::vector<BrokerView> views, const std::vector<bool> &alive);

} // namespace queuelab::log
