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
/// What a log knows of a producer.
struct ProducerSnapshot {
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    std::int32_t lastSequence = -1;
    std::int64_t currentTxnFirstOffset = -1; ///< -1: no transaction is open here
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
    std::vector<PartitionTransaction> transactions{}; ///< by first offset; at most the newest 32
    std::vector<ProducerSnapshot> producers{}; ///< by id; at most 32
    /// Where the next compaction begins; -1 when the topic is not compacted.
    std::int64_t firstDirtyOffset = -1;
    /// Of the bytes below the end of what may be cleaned, were there no min.compaction.lag.ms.
    std::int32_t dirtyPercent = 0;
};
struct TopicSnapshot {
    std::string name{};
    bool isInternal = false; ///< __consumer_offsets, __transaction_state, __share_group_state
    std::int32_t replicationFactor = 1;
    std::map<std::string, std::string> configs{}; ///< those that were set
    std::vector<PartitionSnapshot> partitions{};
};

/// Who shares out: the members (classic), the coordinator (KIP-848), or nobody needs to (KIP-932).
enum class GroupType : std::uint8_t { Classic, Consumer, Share };
std::string_view groupTypeName(GroupType type); ///< "consumer"

/// Kafka's names: "Empty", "PreparingRebalance", "CompletingRebalance", "Stable", "Dead",
/// "Assigning", "Reconciling".
enum class GroupState : std::uint8_t {
    Empty,
    PreparingRebalance,
    CompletingRebalance,
    Stable,
    Dead,
    Assigning, ///< KIP-848: a new target assignment is due
    Reconciling, ///< KIP-848: not every member has its target yet
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
    // Of groups of KIP-848 and share groups.
    std::int32_t memberEpoch = -1;
    std::string state{}; ///< "STABLE", "UNREVOKED_PARTITIONS", "UNRELEASED_PARTITIONS"
    std::vector<TopicPartition> target{}; ///< what it shall have; sorted
    std::vector<TopicPartition> revoking{}; ///< what it has to give up first; sorted
};
struct CommittedOffset {
    TopicPartition partition;
    std::int64_t offset = 0;
    Instant at{};
};
/// Offsets that a transaction will commit, or not.
struct PendingTxnOffset {
    TopicPartition partition;
    std::int64_t offset = 0;
    std::int64_t producerId = -1;
};
struct GroupSnapshot {
    std::string name{};
    GroupType type = GroupType::Classic;
    std::int32_t coordinator = -1; ///< the broker; -1 none at present
    GroupState state = GroupState::Empty;
    std::int32_t generation = 0; ///< or group epoch
    std::int32_t assignmentEpoch = 0; ///< KIP-848: the group epoch of the target assignment
    std::string protocol{}; ///< the assignor in use
    std::string leader{}; ///< member id
    std::vector<MemberSnapshot> members{}; ///< by member id
    std::vector<CommittedOffset> committed{}; ///< by partition
    std::vector<PendingTxnOffset> pendingTxn{}; ///< by partition
};

/// A transactional id, as its coordinator knows it.
struct TransactionSnapshot {
    std::string transactionalId{};
    std::int32_t coordinator = -1; ///< the broker
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    std::string state{}; ///< "Ongoing": Kafka's name
    std::chrono::milliseconds timeout{0};
    Instant startedAt{}; ///< while Ongoing or Prepare...
    std::vector<TopicPartition> partitions{}; ///< in the transaction; sorted
};

/// Where the records of a share-partition stand.
enum class ShareRecordState : std::uint8_t {
    Available = 0,
    Acquired = 1,
    Acknowledged = 2,
    Archived = 4
};
std::string_view shareRecordStateName(ShareRecordState state); ///< "AVAILABLE"
/// A run of records of one state; from the start offset to the end offset without gaps.
struct ShareRecordsSnapshot {
    std::int64_t firstOffset = 0;
    std::int64_t lastOffset = 0;
    ShareRecordState state = ShareRecordState::Available;
    std::int16_t deliveryCount = 0;
    std::string member{}; ///< Acquired: the client that has them
    Instant lockedAt{}; ///< Acquired: since when
    Instant lockedUntil{}; ///< Acquired: when the lock expires
};
struct SharePartitionSnapshot {
    std::string group{};
    TopicPartition partition;
    std::int32_t leader = -1;
    std::int64_t startOffset = 0; ///< SPSO: everything below is settled
    std::int64_t endOffset = 0; ///< SPEO: nothing from here on was given out yet
    std::int16_t deliveryCountLimit = 5;
    std::vector<ShareRecordsSnapshot> records{}; ///< by offset; at most 256 runs
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
    std::vector<TransactionSnapshot> transactions{}; ///< those it coordinates
    std::vector<SharePartitionSnapshot> sharePartitions{}; ///< those it leads
};
/// A cluster as one who sees all of it would describe it: leaders, ISRs and configs as the newest
/// committed metadata says, what logs hold as each broker has it.
struct ClusterSnapshot {
    std::vector<BrokerSnapshot> brokers{}; ///< by id
    std::int32_t controller = -1; ///< the active one, as a majority knows it; -1 none
    std::vector<TopicSnapshot> topics{}; ///< by name, internal ones too
    std::vector<GroupSnapshot> groups{}; ///< by name
    std::vector<TransactionSnapshot> transactions{}; ///< by transactional id
    std::vector<SharePartitionSnapshot> sharePartitions{}; ///< by group and partition
};

/// Puts together what brokers know, dead ones too (the figures they died with). `alive` goes with
/// `views`.
ClusterSnapshot clusterSnapshot(std::vector<BrokerView> views, const std::vector<bool> &alive);

} // namespace queuelab::log
