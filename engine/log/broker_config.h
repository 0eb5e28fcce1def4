#pragma once

#include "engine/core/ids.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace queuelab::log {

/// A fault of the engine itself, for testing that the simulation's checkers find it.
enum class PlantedBug : std::uint8_t {
    None,
    AcknowledgeEarly, ///< acks=all is answered before anything is replicated
    NoTruncation, ///< a follower whose log has parted keeps its records
    HighWatermarkPastIsr, ///< the high watermark follows the leader's log alone
    NoDuplicateCheck, ///< a batch that is there already is appended again
    OverlappingAssignment, ///< the coordinator gives one member's partitions to all
    LastStableOffsetIgnored, ///< read_committed reads up to the high watermark
    AbortedTransactionsHidden, ///< a fetch does not name aborted transactions
    NoTransactionFencing, ///< an old producer epoch is as good as the newest
    TxnOffsetsAtOnce, ///< offsets of a transaction count before it commits
    CompactionDropsLast, ///< the newest value of a key goes too
    TombstonesForgottenEarly, ///< a tombstone goes before older values of its key
    ShareLockIgnored, ///< an acquired record is given out to others too
    ShareStateNotWritten, ///< acknowledgements are answered before they are stored
};

/// What brokers ask one another: request.timeout.ms and retry.backoff.ms of their own clients.
constexpr std::chrono::milliseconds kRequestTimeout{30'000};
constexpr std::chrono::milliseconds kRetryBackoff{100};

/// Broker-wide settings under Kafka's keys and defaults (facts: kafka.md 1.6, 3, 5).
struct BrokerConfig {
    // Topics.
    std::int32_t numPartitions = 1; ///< num.partitions, for auto-created topics
    std::int16_t defaultReplicationFactor = 1; ///< default.replication.factor
    bool autoCreateTopics = true; ///< auto.create.topics.enable
    std::map<std::string, std::string>
        topicDefaults; ///< topic keys that apply where a topic sets none
    std::chrono::milliseconds retentionCheckInterval{300'000}; ///< log.retention.check.interval.ms

    // Groups.
    std::chrono::milliseconds groupMinSessionTimeout{6'000}; ///< group.min.session.timeout.ms
    std::chrono::milliseconds groupMaxSessionTimeout{1'800'000}; ///< group.max.session.timeout.ms
    std::chrono::milliseconds groupInitialRebalanceDelay{
        3'000}; ///< group.initial.rebalance.delay.ms
    std::int32_t groupMaxSize = INT32_MAX; ///< group.max.size
    std::int32_t offsetsTopicPartitions = 50; ///< offsets.topic.num.partitions
    std::int16_t offsetsTopicReplicationFactor = 3; ///< offsets.topic.replication.factor; at most
                                                    ///< the voters and observers there are
    std::chrono::milliseconds offsetsRetention{604'800'000}; ///< offsets.retention.minutes

    // Groups with assignment by the coordinator (KIP-848).
    std::chrono::milliseconds consumerSessionTimeout{45'000}; ///< group.consumer.session.timeout.ms
    std::chrono::milliseconds consumerHeartbeatInterval{
        5'000}; ///< group.consumer.heartbeat.interval.ms
    std::int32_t consumerGroupMaxSize = INT32_MAX; ///< group.consumer.max.size
    std::vector<std::string> consumerAssignors{
        "uniform", "range"}; ///< group.consumer.assignors; the first is the default
    std::chrono::milliseconds consumerAssignmentInterval{
        1'000}; ///< group.consumer.assignment.interval.ms (4.3): at most one target in that time

    // Share groups (KIP-932).
    std::chrono::milliseconds shareSessionTimeout{45'000}; ///< group.share.session.timeout.ms
    std::chrono::milliseconds shareHeartbeatInterval{5'000}; ///< group.share.heartbeat.interval.ms
    std::int32_t shareGroupMaxSize = 200; ///< group.share.max.size
    std::chrono::milliseconds shareRecordLockDuration{
        30'000}; ///< group.share.record.lock.duration.ms
    std::chrono::milliseconds shareMinRecordLockDuration{
        15'000}; ///< group.share.min.record.lock.duration.ms
    std::chrono::milliseconds shareMaxRecordLockDuration{
        60'000}; ///< group.share.max.record.lock.duration.ms
    std::int16_t shareDeliveryCountLimit = 5; ///< group.share.delivery.count.limit
    std::int32_t sharePartitionMaxRecordLocks = 2'000; ///< group.share.partition.max.record.locks
    std::int32_t shareMaxSessions = 2'000; ///< group.share.max.share.sessions
    std::int32_t shareStatePartitions = 50; ///< share.coordinator.state.topic.num.partitions
    std::int16_t shareStateReplicationFactor =
        3; ///< share.coordinator.state.topic.replication.factor
    std::int32_t shareStateMinIsr = 2; ///< share.coordinator.state.topic.min.isr
    std::int32_t shareSnapshotUpdates =
        500; ///< share.coordinator.snapshot.update.records.per.snapshot

    // Transactions.
    std::int32_t transactionPartitions = 50; ///< transaction.state.log.num.partitions
    std::int16_t transactionReplicationFactor = 3; ///< transaction.state.log.replication.factor
    std::int32_t transactionMinIsr = 2; ///< transaction.state.log.min.isr
    std::chrono::milliseconds transactionMaxTimeout{900'000}; ///< transaction.max.timeout.ms
    std::chrono::milliseconds transactionAbortInterval{
        10'000}; ///< transaction.abort.timed.out.transaction.cleanup.interval.ms
    std::chrono::milliseconds transactionalIdExpiration{
        604'800'000}; ///< transactional.id.expiration.ms
    std::chrono::milliseconds transactionalIdCleanupInterval{
        3'600'000}; ///< transaction.remove.expired.transaction.cleanup.interval.ms
    bool transactionPartitionVerification = true; ///< transaction.partition.verification.enable
    std::int16_t transactionVersion = 2; ///< feature transaction.version: 2 is KIP-890

    // Compaction.
    bool logCleaner = true; ///< log.cleaner.enable
    std::chrono::milliseconds logCleanerBackoff{15'000}; ///< log.cleaner.backoff.ms
    std::int64_t logCleanerDedupeBufferSize = 134'217'728; ///< log.cleaner.dedupe.buffer.size
    double logCleanerLoadFactor = 0.9; ///< log.cleaner.io.buffer.load.factor

    // Replication.
    std::chrono::milliseconds replicaLagTimeMax{30'000}; ///< replica.lag.time.max.ms
    std::chrono::milliseconds replicaFetchWaitMax{500}; ///< replica.fetch.wait.max.ms
    std::int32_t replicaFetchMaxBytes = 1'048'576; ///< replica.fetch.max.bytes, a partition
    std::int32_t replicaFetchResponseMaxBytes = 10'485'760; ///< replica.fetch.response.max.bytes
    std::chrono::milliseconds replicaFetchBackoff{1'000}; ///< replica.fetch.backoff.ms
    std::chrono::milliseconds highWatermarkCheckpointInterval{
        5'000}; ///< replica.high.watermark.checkpoint.interval.ms
    std::chrono::milliseconds producerIdExpiration{86'400'000}; ///< producer.id.expiration.ms

    // The cluster.
    std::vector<NodeId> brokers{}; ///< all brokers there are; empty: this one alone
    std::vector<NodeId> quorumVoters{}; ///< controller.quorum.voters; empty: this broker alone
    std::chrono::milliseconds quorumElectionTimeout{
        1'000}; ///< controller.quorum.election.timeout.ms
    std::chrono::milliseconds quorumFetchTimeout{2'000}; ///< controller.quorum.fetch.timeout.ms
    std::chrono::milliseconds quorumElectionBackoffMax{
        1'000}; ///< controller.quorum.election.backoff.max.ms
    std::chrono::milliseconds quorumRequestTimeout{2'000}; ///< controller.quorum.request.timeout.ms
    std::chrono::milliseconds brokerHeartbeatInterval{2'000}; ///< broker.heartbeat.interval.ms
    std::chrono::milliseconds brokerSessionTimeout{9'000}; ///< broker.session.timeout.ms
    bool autoLeaderRebalance = true; ///< auto.leader.rebalance.enable
    std::chrono::milliseconds leaderImbalanceCheckInterval{
        300'000}; ///< leader.imbalance.check.interval.seconds
    std::int32_t leaderImbalancePercentage = 10; ///< leader.imbalance.per.broker.percentage
    std::chrono::milliseconds uncleanElectionInterval{
        300'000}; ///< unclean.leader.election.interval.ms
    bool eligibleLeaderReplicas = true; ///< feature eligible.leader.replicas.version=1 (since 4.1)

    PlantedBug plantedBug = PlantedBug::None; ///< tests only
};

} // namespace queuelab::log
