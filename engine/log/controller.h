#pragma once

#include "engine/core/context.h"
#include "engine/log/broker_config.h"
#include "engine/log/cluster_image.h"
#include "engine/log/events.h"
#include "engine/log/requests.h"

#include <map>
#include <optional>
#include <set>
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
    /// replica (leader.imbalance...), offline partitions with unclean.leader.election.enable get a
    /// leader. The records are applied.
    std::vector<Change> expire(Context &context);

    const ClusterImage &image() const { return m_image; }

private:
    BrokerConfig m_config;
    ClusterImage m_image;
};

/// Records in the trace what a change does to the cluster (leader-elected, isr-shrunk,
/// broker-fenced, topic-created, ...). The active controller's broker calls it once the record is
/// committed; `before` is the image without it.
void recordChange(const ClusterImage &before, const Controller::Change &change, Context &context);

} // namespace queuelab::log
