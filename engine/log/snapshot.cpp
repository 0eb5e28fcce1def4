#include "engine/log/snapshot.h"

#include "engine/log/group_records.h"

#include <algorithm>
#include <map>
#include <tuple>
#include <utility>

namespace queuelab::log {

namespace {

/// The index of the view with the newest committed metadata; of those alive, if there are any.
std::size_t newest(const std::vector<BrokerView> &views, const std::vector<bool> &alive)
{
    std::size_t best = 0;
    for (std::size_t i = 1; i < views.size(); ++i) {
        const auto rank = [&](std::size_t index) {
            return std::pair(bool(alive[index]), views[index].self.metadataHighWatermark);
        };
        if (rank(i) > rank(best))
            best = i;
    }
    return best;
}

/// Whom most of the living take for the active controller, when those are a majority of all.
std::int32_t controllerOf(const std::vector<BrokerView> &views, const std::vector<bool> &alive)
{
    std::map<std::int32_t, std::size_t> votes;
    std::size_t voters = 0;
    for (std::size_t i = 0; i < views.size(); ++i) {
        if (!views[i].self.isVoter)
            continue;
        ++voters;
        if (alive[i])
            ++votes[views[i].controller];
    }
    for (const auto &[controller, count] : votes) {
        if (controller >= 0 && 2 * count > voters)
            return controller;
    }
    return -1;
}

void takeFigures(PartitionSnapshot &out, const PartitionSnapshot &from)
{
    out.logStartOffset = from.logStartOffset;
    out.lastStableOffset = from.lastStableOffset;
    out.highWatermark = from.highWatermark;
    out.logEndOffset = from.logEndOffset;
    out.sizeBytes = from.sizeBytes;
    out.segments = from.segments;
    out.transactions = from.transactions;
    out.producers = from.producers;
    out.firstDirtyOffset = from.firstDirtyOffset;
    out.dirtyPercent = from.dirtyPercent;
}

const TopicSnapshot *topicNamed(const std::vector<TopicSnapshot> &topics, const std::string &name)
{
    const auto found = std::ranges::lower_bound(topics, name, {}, &TopicSnapshot::name);
    return found == topics.end() || found->name != name ? nullptr : &*found;
}

/// Gathers what each broker has of the partition. The figures are the leader's, or those of the
/// longest log.
void fillIn(PartitionSnapshot &out, const std::string &topicName,
    const std::vector<BrokerView> &views, const std::vector<bool> &alive,
    const std::map<std::int32_t, std::size_t> &indexOf)
{
    out.replicaStates.clear();
    takeFigures(out, {});
    bool any = false;
    for (const std::int32_t broker : out.replicas) {
        const auto index = indexOf.find(broker);
        if (index == indexOf.end())
            continue;
        const auto number = static_cast<std::size_t>(out.partition);
        const TopicSnapshot *topic = topicNamed(views[index->second].topics, topicName);
        if (!topic || topic->partitions.size() <= number
            || topic->partitions[number].replicaStates.empty())
            continue;
        const PartitionSnapshot &theirs = topic->partitions[number];
        ReplicaSnapshot &replica = out.replicaStates.emplace_back(theirs.replicaStates.front());
        replica.online = alive[index->second];
        replica.inSync = std::ranges::find(out.isr, broker) != out.isr.end();
        const bool isLonger = out.leader < 0 && theirs.logEndOffset > out.logEndOffset;
        if (broker == out.leader || !any || isLonger)
            takeFigures(out, theirs);
        any = true;
    }
}

/// Brokers may both take themselves for a group's coordinator while one of them is cut off: then it
/// is the one that leads the group's partition.
std::vector<GroupSnapshot> groupsOf(const std::vector<BrokerView> &views,
    const std::vector<bool> &alive, const std::vector<TopicSnapshot> &topics)
{
    const TopicSnapshot *offsets = topicNamed(topics, std::string(kOffsetsTopic));
    std::map<std::string, GroupSnapshot> groups;
    for (std::size_t i = 0; i < views.size(); ++i) {
        for (const GroupSnapshot &group : views[i].groups) {
            std::int32_t leader = -1;
            if (offsets) {
                const auto count = static_cast<std::int32_t>(offsets->partitions.size());
                const auto number =
                    static_cast<std::size_t>(offsetsPartitionFor(group.name, count));
                leader = offsets->partitions[number].leader;
            }
            const bool coordinates = alive[i] && leader == views[i].self.id;
            const auto [known, isNew] = groups.try_emplace(group.name, group);
            if (!isNew && coordinates)
                known->second = group;
            if (isNew || coordinates)
                known->second.coordinator = coordinates ? views[i].self.id : -1;
        }
    }
    std::vector<GroupSnapshot> shown;
    shown.reserve(groups.size());
    for (auto &[name, group] : groups)
        shown.push_back(std::move(group));
    return shown;
}

/// A transactional id's coordinator is alive, and of two that take themselves for it the one whose
/// producer epoch is the newer.
std::vector<TransactionSnapshot> transactionsOf(
    const std::vector<BrokerView> &views, const std::vector<bool> &alive)
{
    std::map<std::string, TransactionSnapshot> known;
    for (std::size_t i = 0; i < views.size(); ++i) {
        for (TransactionSnapshot transaction : views[i].transactions) {
            transaction.coordinator = alive[i] ? views[i].self.id : -1;
            const auto [at, isNew] = known.try_emplace(transaction.transactionalId, transaction);
            const auto rank = [](const TransactionSnapshot &it) {
                return std::tuple(it.producerId, it.producerEpoch, it.coordinator);
            };
            if (!isNew && rank(at->second) < rank(transaction))
                at->second = transaction;
        }
    }
    std::vector<TransactionSnapshot> shown;
    shown.reserve(known.size());
    for (auto &[id, transaction] : known)
        shown.push_back(std::move(transaction));
    return shown;
}

/// As their partition's leader has them.
std::vector<SharePartitionSnapshot> sharePartitionsOf(const std::vector<BrokerView> &views,
    const std::vector<bool> &alive, const std::vector<TopicSnapshot> &topics)
{
    std::map<std::pair<std::string, TopicPartition>, SharePartitionSnapshot> known;
    for (std::size_t i = 0; i < views.size(); ++i) {
        if (!alive[i])
            continue;
        for (const SharePartitionSnapshot &share : views[i].sharePartitions) {
            const TopicSnapshot *topic = topicNamed(topics, share.partition.topic);
            const auto number = static_cast<std::size_t>(share.partition.partition);
            if (topic && number < topic->partitions.size()
                && topic->partitions[number].leader == views[i].self.id)
                known[{share.group, share.partition}] = share;
        }
    }
    std::vector<SharePartitionSnapshot> shown;
    shown.reserve(known.size());
    for (auto &[key, share] : known)
        shown.push_back(std::move(share));
    return shown;
}

} // namespace

ClusterSnapshot clusterSnapshot(std::vector<BrokerView> views, const std::vector<bool> &alive)
{
    ClusterSnapshot cluster;
    if (views.empty())
        return cluster;
    std::map<std::int32_t, std::size_t> indexOf;
    for (std::size_t i = 0; i < views.size(); ++i) {
        views[i].self.alive = alive[i];
        indexOf[views[i].self.id] = i;
    }
    for (const auto &[id, index] : indexOf)
        cluster.brokers.push_back(views[index].self);
    cluster.controller = controllerOf(views, alive);
    const std::size_t best = newest(views, alive);
    cluster.topics = views[best].topics;
    // What a broker leads, and whether it is registered and fenced, is what the newest metadata
    // says of it.
    std::map<std::int32_t, std::int32_t> leads;
    for (const TopicSnapshot &topic : cluster.topics) {
        for (const PartitionSnapshot &partition : topic.partitions)
            ++leads[partition.leader];
    }
    for (BrokerSnapshot &broker : cluster.brokers) {
        broker.leads = leads[broker.id];
        const auto known =
            std::ranges::find(views[best].registered, broker.id, &RegisteredBroker::id);
        broker.isRegistered = known != views[best].registered.end();
        broker.isFenced = !broker.isRegistered || known->isFenced;
    }
    for (TopicSnapshot &topic : cluster.topics) {
        for (PartitionSnapshot &partition : topic.partitions)
            fillIn(partition, topic.name, views, alive, indexOf);
    }
    cluster.groups = groupsOf(views, alive, cluster.topics);
    cluster.transactions = transactionsOf(views, alive);
    cluster.sharePartitions = sharePartitionsOf(views, alive, cluster.topics);
    return cluster;
}

std::string_view groupStateName(GroupState state)
{
    switch (state) {
    case GroupState::Empty:
        return "Empty";
    case GroupState::PreparingRebalance:
        return "PreparingRebalance";
    case GroupState::CompletingRebalance:
        return "CompletingRebalance";
    case GroupState::Stable:
        return "Stable";
    case GroupState::Dead:
        return "Dead";
    case GroupState::Assigning:
        return "Assigning";
    case GroupState::Reconciling:
        return "Reconciling";
    }
    return "Dead";
}

std::string_view groupTypeName(GroupType type)
{
    switch (type) {
    case GroupType::Classic:
        return "classic";
    case GroupType::Consumer:
        return "consumer";
    case GroupType::Share:
        return "share";
    }
    return "classic";
}

std::string_view shareRecordStateName(ShareRecordState state)
{
    switch (state) {
    case ShareRecordState::Available:
        return "AVAILABLE";
    case ShareRecordState::Acquired:
        return "ACQUIRED";
    case ShareRecordState::Acknowledged:
        return "ACKNOWLEDGED";
    case ShareRecordState::Archived:
        return "ARCHIVED";
    }
    return "AVAILABLE";
}

std::string_view quorumRoleName(QuorumRole role)
{
    switch (role) {
    case QuorumRole::Unattached:
        return "unattached";
    case QuorumRole::Follower:
        return "follower";
    case QuorumRole::Prospective:
        return "prospective";
    case QuorumRole::Candidate:
        return "candidate";
    case QuorumRole::Leader:
        return "leader";
    case QuorumRole::Observer:
        return "observer";
    }
    return "unattached";
}

} // namespace queuelab::log
