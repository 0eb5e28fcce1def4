// The controller's decisions about partitions: who leads and who is in sync.

#include "engine/log/controller.h"

#include <algorithm>
#include <set>

namespace queuelab::log {

namespace {

constexpr std::int32_t kNobody = -1;

/// How the leader of `change` was found, or lost; `why` when the leader stays. `uncleanShutdown` is
/// the broker that the change takes out of the ELR.
LogReason reasonOf(const PartitionImage &before, const PartitionChangeRecord &change, LogReason why,
    std::int32_t uncleanShutdown)
{
    if (!change.leader)
        return why;
    const bool isGone = why == LogReason::ReplicaFenced || why == LogReason::Restarted;
    if (*change.leader == kNobody)
        return isGone ? LogReason::LeaderFenced : why;
    if (!contains(before.isr, *change.leader)
        && !contains(before.eligibleLeaderReplicas, *change.leader)) {
        const bool nobodyIsEligible = std::ranges::all_of(before.eligibleLeaderReplicas,
            [uncleanShutdown](std::int32_t replica) { return replica == uncleanShutdown; });
        const bool ledLast = before.isr.empty() && nobodyIsEligible
            && before.lastKnownElr == std::vector{*change.leader};
        return ledLast ? LogReason::LastKnownLeader : LogReason::UncleanElection;
    }
    if (before.leader == kNobody)
        return LogReason::ReplicaReturned;
    return isGone ? LogReason::LeaderFenced : why;
}

} // namespace

LogConfig Controller::settings(const TopicImage &topic) const
{
    const auto parsed = LogConfig::parse(m_config.topicDefaults, topic.configs);
    invariant(parsed.has_value(), "the settings of a topic that exists are valid");
    return *parsed;
}

bool Controller::leadsAny(std::int32_t broker) const
{
    return std::ranges::any_of(m_image.topics(), [broker](const auto &named) {
        return std::ranges::count(named.second.partitions, broker, &PartitionImage::leader) > 0;
    });
}

bool Controller::changePartition(const TopicImage &topic, std::int32_t number,
    PartitionTarget target, LogReason why, Changes &changes, std::int32_t mayNotLead)
{
    const PartitionImage &partition = topic.partitions[static_cast<std::size_t>(number)];
    const PartitionRules rules{
        .minIsr = std::min(settings(topic).minInsyncReplicas,
            static_cast<std::int32_t>(topic.partitions.front().replicas.size())),
        .eligibleLeaderReplicas = m_config.eligibleLeaderReplicas,
        .canLead =
            [this, mayNotLead](std::int32_t id) {
                const BrokerImage *broker = m_image.broker(id);
                return id != mayNotLead && broker && broker->isActive();
            },
    };
    const std::int32_t uncleanShutdown = target.uncleanShutdown;
    auto change = partitionChange(partition, topic.id, number, std::move(target), rules);
    if (!change)
        return false;
    const LogReason reason = reasonOf(partition, *change, why, uncleanShutdown);
    commit(changes, std::move(*change), reason);
    return true;
}

void Controller::removeFromIsrs(Lost lost, LogReason why, Changes &changes)
{
    for (const auto &[name, topic] : m_image.topics()) {
        for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
            const PartitionImage &partition = topic.partitions[i];
            const bool isConcerned = contains(partition.isr, lost.fenced)
                || contains(partition.isr, lost.uncleanShutdown)
                || contains(partition.eligibleLeaderReplicas, lost.uncleanShutdown);
            if (!isConcerned)
                continue;
            PartitionTarget target{.isr = partition.isr,
                .election =
                    settings(topic).uncleanLeaderElection ? Election::Unclean : Election::Online,
                .uncleanShutdown = lost.uncleanShutdown};
            std::erase(target.isr, lost.fenced);
            std::erase(target.isr, lost.uncleanShutdown);
            changePartition(
                topic, static_cast<std::int32_t>(i), std::move(target), why, changes, lost.fenced);
        }
    }
}

void Controller::electWhereOffline(Changes &changes)
{
    for (const auto &[name, topic] : m_image.topics()) {
        for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
            const PartitionImage &partition = topic.partitions[i];
            if (partition.leader != kNobody)
                continue;
            changePartition(topic, static_cast<std::int32_t>(i),
                {.isr = partition.isr,
                    .election = settings(topic).uncleanLeaderElection ? Election::Unclean
                                                                      : Election::Online},
                LogReason::ReplicaReturned, changes);
        }
    }
}

void Controller::applyMinIsr(const TopicImage &topic, Changes &changes)
{
    for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
        changePartition(topic, static_cast<std::int32_t>(i), {.isr = topic.partitions[i].isr},
            LogReason::AskedFor, changes);
    }
}

AlterPartitionResponse Controller::alterPartitions(
    const AlterPartitionRequest &request, Changes &changes)
{
    AlterPartitionResponse response;
    if (!hasEpoch(request.brokerId, request.brokerEpoch)) {
        response.error = ErrorCode::StaleBrokerEpoch;
        return response;
    }
    for (const AlterPartitionRequest::Partition &wanted : request.partitions)
        response.partitions.push_back(alterPartition(request.brokerId, wanted, changes));
    return response;
}

AlterPartitionResponse::Partition Controller::alterPartition(
    std::int32_t broker, const AlterPartitionRequest::Partition &wanted, Changes &changes)
{
    AlterPartitionResponse::Partition answer{.partition = wanted.partition};
    const PartitionImage *partition = m_image.partition(wanted.partition);
    answer.error = partition ? checkAlteration(broker, *partition, wanted)
                             : ErrorCode::UnknownTopicOrPartition;
    if (answer.error != ErrorCode::None)
        return answer;
    PartitionTarget target;
    for (const AlterPartitionRequest::Replica &replica : wanted.newIsr)
        target.isr.push_back(replica.broker);
    const bool shrinks = !std::ranges::all_of(
        partition->isr, [&target](std::int32_t replica) { return contains(target.isr, replica); });
    changePartition(*m_image.topic(wanted.partition.topic), wanted.partition.partition,
        std::move(target), shrinks ? LogReason::ReplicaLagging : LogReason::None, changes);
    answer.leader = partition->leader;
    answer.leaderEpoch = partition->leaderEpoch;
    answer.isr = partition->isr;
    answer.partitionEpoch = partition->partitionEpoch;
    return answer;
}

/// Kafka's checks in Kafka's order (ReplicationControlManager.validateAlterPartitionData).
ErrorCode Controller::checkAlteration(std::int32_t broker, const PartitionImage &partition,
    const AlterPartitionRequest::Partition &wanted) const
{
    // It knows of a decision that this controller does not: there is a newer controller.
    if (wanted.leaderEpoch > partition.leaderEpoch
        || wanted.partitionEpoch > partition.partitionEpoch)
        return ErrorCode::NotController;
    if (wanted.leaderEpoch < partition.leaderEpoch)
        return ErrorCode::FencedLeaderEpoch;
    if (broker != partition.leader)
        return ErrorCode::InvalidRequest;
    if (wanted.partitionEpoch < partition.partitionEpoch)
        return ErrorCode::InvalidUpdateVersion;
    std::set<std::int32_t> named;
    for (const AlterPartitionRequest::Replica &replica : wanted.newIsr) {
        if (!contains(partition.replicas, replica.broker) || !named.insert(replica.broker).second)
            return ErrorCode::InvalidRequest;
    }
    if (!named.contains(partition.leader))
        return ErrorCode::InvalidRequest;
    for (const AlterPartitionRequest::Replica &replica : wanted.newIsr) {
        const BrokerImage *member = m_image.broker(replica.broker);
        if (!member || !member->isActive()
            || (replica.brokerEpoch != -1 && replica.brokerEpoch != member->epoch))
            return ErrorCode::IneligibleReplica;
    }
    return ErrorCode::None;
}

ElectLeadersResponse Controller::electLeaders(const ElectLeadersRequest &request, Changes &changes)
{
    ElectLeadersResponse response;
    if (request.partitions) {
        for (const TopicPartition &partition : *request.partitions)
            response.partitions.push_back(
                {partition, electLeader(partition, request.type, changes)});
        return response;
    }
    for (const auto &[name, topic] : m_image.topics()) {
        for (std::size_t i = 0; i < topic.partitions.size(); ++i) {
            const TopicPartition partition{name, static_cast<std::int32_t>(i)};
            const ErrorCode error = electLeader(partition, request.type, changes);
            if (error != ErrorCode::ElectionNotNeeded)
                response.partitions.push_back({partition, error});
        }
    }
    return response;
}

ErrorCode Controller::electLeader(const TopicPartition &wanted, ElectionType type, Changes &changes)
{
    const PartitionImage *partition = m_image.partition(wanted);
    if (!partition)
        return ErrorCode::UnknownTopicOrPartition;
    const bool isPreferred = type == ElectionType::Preferred;
    if (isPreferred ? partition->leader == partition->replicas.front()
                    : partition->leader != kNobody)
        return ErrorCode::ElectionNotNeeded;
    const bool changed = changePartition(*m_image.topic(wanted.topic), wanted.partition,
        {.isr = partition->isr, .election = isPreferred ? Election::Preferred : Election::Unclean},
        isPreferred ? LogReason::PreferredLeader : LogReason::UncleanElection, changes);
    if (changed)
        return ErrorCode::None;
    return isPreferred ? ErrorCode::PreferredLeaderNotAvailable
                       : ErrorCode::EligibleLeadersNotAvailable;
}

void Controller::electPreferredLeaders(Changes &changes)
{
    (void)electLeaders({.type = ElectionType::Preferred}, changes);
}

void Controller::electUncleanLeaders(Changes &changes)
{
    for (const auto &[name, topic] : m_image.topics()) {
        if (!settings(topic).uncleanLeaderElection)
            continue;
        for (std::size_t i = 0; i < topic.partitions.size(); ++i)
            (void)electLeader({name, static_cast<std::int32_t>(i)}, ElectionType::Unclean, changes);
    }
}

} // namespace queuelab::log
