#pragma once

#include "engine/core/context.h"
#include "engine/log/broker_config.h"
#include "engine/log/cluster_image.h"
#include "engine/log/events.h"
#include "engine/log/log_config.h"
#include "engine/log/partition_change.h"
#include "engine/log/requests.h"

#include <map>
#include <optional>
#include <vector>

namespace queuelab::log {

/// The active controller: decides about brokers, topics, leaders and ISRs (facts: kafka.md 5;
/// Kafka's QuorumController with its ReplicationControlManager, ClusterControlManager and
/// PartitionChangeBuilder). It decides on an image in which what it has decided but not yet seen
/// committed is already done; the broker appends the records to the quorum's log and gives the
/// answer once they are committed. A value; it lives as long as its broker leads the quorum.
///
/// All decisions are functions of the image, the heartbeats and the time: no message is sent from
/// here.
class Controller {
public:
    /// `image` is everything in the log, committed or not. Every registered broker that is not
    /// fenced gets a whole broker.session.timeout.ms from now.
    Controller(const BrokerConfig &config, ClusterImage image, Instant now);

    /// A record with what its event in the trace says of it: see recordChange().
    struct Change {
        MetadataRecord record;
        LogReason why = LogReason::None;
        /// With a TopicRecord, or the first PartitionRecord of those that CreatePartitions adds:
        /// how many partitions come with it.
        std::int64_t partitions = 0;
    };
    struct Decision {
        std::vector<Change> changes; ///< one batch: all or nothing; may be empty
        Response response; ///< to be given when the records are committed
    };
    /// Takes CreateTopics, CreatePartitions, DeleteTopics, AlterConfigs, ElectLeaders,
    /// BrokerRegistration, BrokerHeartbeat, AlterPartition and AllocateProducerIds; the records are
    /// applied to its own image before it returns. `logEndOffset` is where the first record will
    /// stand: a registration takes it as broker epoch. Anything else breaks an invariant.
    Decision decide(const Request &request, std::int64_t logEndOffset, Context &context);
    static bool decides(const Request &request);

    std::optional<Instant> nextDeadline() const;
    /// What is due: brokers whose heartbeats stay out are fenced, leaders go back to the preferred
    /// replica (auto.leader.rebalance.enable; whatever the imbalance, as KRaft does), offline
    /// partitions with unclean.leader.election.enable get a leader. The records are applied.
    std::vector<Change> expire(Context &context);

    const ClusterImage &image() const { return m_image; }

private:
    using Changes = std::vector<Change>;
    /// What a controller knows of a broker beside its registration. Not in the log: the next
    /// controller begins anew.
    struct Liveness {
        Instant lastHeartbeat{};
        std::int64_t metadataOffset = -1; ///< the newest record it has applied
        /// In controlled shutdown: where the records that moved its leaders away end; -1 otherwise.
        std::int64_t shutdownOffset = -1;
    };
    /// Which replicas of a partition may not be counted on any more.
    struct Lost {
        std::int32_t fenced = -1; ///< leaves the ISR; may stay eligible
        std::int32_t uncleanShutdown = -1; ///< leaves ISR and ELR
    };

    /// Appends a record and applies it to the image.
    void commit(
        Changes &changes, MetadataRecord record, LogReason why, std::int64_t partitions = 0);

    // Topics: controller_topics.cpp.
    CreateTopicsResponse createTopics(
        const CreateTopicsRequest &request, Changes &changes, Context &context);
    CreateTopicsResponse::Topic createTopic(
        const CreateTopicsRequest::Topic &wanted, Changes &changes, Context &context);
    CreatePartitionsResponse createPartitions(
        const CreatePartitionsRequest &request, Changes &changes, Context &context);
    CreatePartitionsResponse::Topic addPartitions(const CreatePartitionsRequest::Topic &wanted,
        bool validateOnly, Changes &changes, Context &context);
    DeleteTopicsResponse deleteTopics(const DeleteTopicsRequest &request, Changes &changes);
    AlterConfigsResponse alterConfigs(const AlterConfigsRequest &request, Changes &changes);
    AlterConfigsResponse::Resource alterTopic(
        const AlterConfigsRequest::Resource &wanted, Changes &changes);
    AlterConfigsResponse::Resource alterGroup(
        const AlterConfigsRequest::Resource &wanted, Changes &changes);
    void commitPartition(Changes &changes, const TopicId &topic, std::int32_t number,
        const std::vector<std::int32_t> &replicas, std::int64_t partitions);
    std::vector<std::int32_t> activeOf(const std::vector<std::int32_t> &replicas) const;

    // Brokers: controller_brokers.cpp.
    BrokerRegistrationResponse registerBroker(const BrokerRegistrationRequest &request,
        std::int64_t logEndOffset, Changes &changes, Context &context);
    BrokerHeartbeatResponse heartbeat(const BrokerHeartbeatRequest &request,
        std::int64_t logEndOffset, Changes &changes, Context &context);
    AllocateProducerIdsResponse allocateProducerIds(
        const AllocateProducerIdsRequest &request, Changes &changes);
    bool hasEpoch(std::int32_t broker, std::int64_t epoch) const;
    bool hasSession(std::int32_t broker, Instant now) const;
    std::optional<Instant> firstSessionEnd() const;
    void fence(std::int32_t broker, LogReason why, Changes &changes);
    void fenceSilentBrokers(Instant now, Changes &changes);

    // Leaders and ISRs: controller_partitions.cpp.
    AlterPartitionResponse alterPartitions(const AlterPartitionRequest &request, Changes &changes);
    AlterPartitionResponse::Partition alterPartition(
        std::int32_t broker, const AlterPartitionRequest::Partition &wanted, Changes &changes);
    ErrorCode checkAlteration(std::int32_t broker, const PartitionImage &partition,
        const AlterPartitionRequest::Partition &wanted) const;
    ElectLeadersResponse electLeaders(const ElectLeadersRequest &request, Changes &changes);
    ErrorCode electLeader(const TopicPartition &partition, ElectionType type, Changes &changes);
    void removeFromIsrs(Lost lost, LogReason why, Changes &changes);
    void electWhereOffline(Changes &changes);
    void applyMinIsr(const TopicImage &topic, Changes &changes);
    void electPreferredLeaders(Changes &changes);
    void electUncleanLeaders(Changes &changes);
    /// The change of one partition, worded: elections name how they came about, other changes
    /// `why`.
    bool changePartition(const TopicImage &topic, std::int32_t number, PartitionTarget target,
        LogReason why, Changes &changes, std::int32_t mayNotLead = -1);
    bool leadsAny(std::int32_t broker) const;
    LogConfig settings(const TopicImage &topic) const;

    BrokerConfig m_config;
    ClusterImage m_image;
    std::map<std::int32_t, Liveness> m_liveness;
    Instant m_nextRebalance;
    Instant m_nextUncleanElection;
};

/// Records in the trace what a change does to the cluster (leader-elected, isr-shrunk,
/// broker-fenced, topic-created, ...). The active controller's broker calls it once the record is
/// committed; `before` is the image without it.
void recordChange(const ClusterImage &before, const Controller::Change &change, Context &context);

} // namespace queuelab::log
