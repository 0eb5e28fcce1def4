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
};

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
