#include "engine/log/controller.h"

#include <algorithm>
#include <type_traits>

namespace queuelab::log {

Controller::Controller(const BrokerConfig &config, ClusterImage image, Instant now)
    : m_config(config)
    , m_image(std::move(image))
    , m_nextRebalance(now + config.leaderImbalanceCheckInterval)
    , m_nextUncleanElection(now + config.uncleanElectionInterval)
{
    for (const auto &[id, broker] : m_image.brokers()) {
        if (!broker.fenced)
            m_liveness[id].lastHeartbeat = now;
    }
}

bool Controller::decides(const Request &request)
{
    return std::visit(
        []<class R>(const R &) {
            return std::is_same_v<R, CreateTopicsRequest>
                || std::is_same_v<R, CreatePartitionsRequest>
                || std::is_same_v<R, DeleteTopicsRequest> || std::is_same_v<R, AlterConfigsRequest>
                || std::is_same_v<R, ElectLeadersRequest>
                || std::is_same_v<R, BrokerRegistrationRequest>
                || std::is_same_v<R, BrokerHeartbeatRequest>
                || std::is_same_v<R, AlterPartitionRequest>
                || std::is_same_v<R, AllocateProducerIdsRequest>;
        },
        request);
}

Controller::Decision Controller::decide(
    const Request &request, std::int64_t logEndOffset, Context &context)
{
    Decision decision;
    Changes &changes = decision.changes;
    decision.response = std::visit(
        [&]<class R>(const R &asked) -> Response {
            if constexpr (std::is_same_v<R, CreateTopicsRequest>)
                return createTopics(asked, changes, context);
            else if constexpr (std::is_same_v<R, CreatePartitionsRequest>)
                return createPartitions(asked, changes, context);
            else if constexpr (std::is_same_v<R, DeleteTopicsRequest>)
                return deleteTopics(asked, changes);
            else if constexpr (std::is_same_v<R, AlterConfigsRequest>)
                return alterConfigs(asked, changes);
            else if constexpr (std::is_same_v<R, ElectLeadersRequest>)
                return electLeaders(asked, changes);
            else if constexpr (std::is_same_v<R, BrokerRegistrationRequest>)
                return registerBroker(asked, logEndOffset, changes, context);
            else if constexpr (std::is_same_v<R, BrokerHeartbeatRequest>)
                return heartbeat(asked, logEndOffset, changes, context);
            else if constexpr (std::is_same_v<R, AlterPartitionRequest>)
                return alterPartitions(asked, changes);
            else if constexpr (std::is_same_v<R, AllocateProducerIdsRequest>)
                return allocateProducerIds(asked, changes);
            else
                invariantBroken("the controller is asked for what it decides");
        },
        request);
    return decision;
}

void Controller::commit(
    Changes &changes, MetadataRecord record, LogReason why, std::int64_t partitions)
{
    m_image.apply(record);
    changes.push_back({std::move(record), why, partitions});
}

std::optional<Instant> Controller::nextDeadline() const
{
    Instant next = m_nextUncleanElection;
    if (m_config.autoLeaderRebalance)
        next = std::min(next, m_nextRebalance);
    if (const auto end = firstSessionEnd())
        next = std::min(next, *end);
    return next;
}

std::vector<Controller::Change> Controller::expire(Context &context)
{
    Changes changes;
    fenceSilentBrokers(context.now, changes);
    if (m_config.autoLeaderRebalance && context.now >= m_nextRebalance) {
        electPreferredLeaders(changes);
        m_nextRebalance = context.now + m_config.leaderImbalanceCheckInterval;
    }
    if (context.now >= m_nextUncleanElection) {
        electUncleanLeaders(changes);
        m_nextUncleanElection = context.now + m_config.uncleanElectionInterval;
    }
    return changes;
}

} // namespace queuelab::log
