// A consumer's requests, and what it knows of the cluster: its group's coordinator, the leaders of
// partitions, and the brokers it can reach.

#include "engine/log/consumer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

void Consumer::State::send(Sent sent, NodeId broker, Request &&request, Duration timeout,
    Context &context, ClientEffects &effects, Offsets offsets)
{
    const RequestId id{nextRequest++};
    inFlight.push_back({id, sent, broker, context.now + timeout, generation, std::move(offsets)});
    effects.emplace_back(std::in_place_type<SendRequest>, broker, id, std::move(request));
}

bool Consumer::State::isOut(Sent sent) const
{
    return std::ranges::find(inFlight, sent, &InFlight::sent) != inFlight.end();
}

void Consumer::State::forget(std::initializer_list<Sent> kinds)
{
    std::erase_if(inFlight, [kinds](const InFlight &request) {
        return std::ranges::find(kinds, request.sent) != kinds.end();
    });
}

/// A request without an answer costs the connection, and with it all that is out to the broker.
void Consumer::State::expireRequests(Context &context)
{
    const auto isLate = [&](const InFlight &request) { return context.now >= request.expires; };
    for (;;) {
        const auto late = std::ranges::find_if(inFlight, isLate);
        if (late == inFlight.end())
            return;
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::RequestTimedOut),
            .subject = groupName,
            .actor = name});
        lose(late->broker, context);
    }
}

void Consumer::State::lose(NodeId broker, Context &context)
{
    brokers.lost(broker, context.now, context.random);
    std::vector<InFlight> lost;
    for (InFlight &request : inFlight) {
        if (request.broker == broker)
            lost.push_back(std::move(request));
    }
    std::erase_if(inFlight, [broker](const InFlight &request) { return request.broker == broker; });
    if (coordinator == broker)
        coordinatorLost(context);
    metadataWanted = true;
    for (const InFlight &request : lost)
        requestFailed(request, context);
}

void Consumer::State::requestFailed(const InFlight &request, Context &context)
{
    switch (request.sent) {
    case Sent::Metadata:
        metadataWanted = true;
        metadataFailures = std::min(metadataFailures + 1, kManyFailures);
        metadataNotBefore = context.now + backoff(metadataFailures, context);
        break;
    case Sent::FindCoordinator:
        coordinatorLost(context);
        break;
    case Sent::Join:
    case Sent::Sync:
        phase = Phase::Unjoined;
        joinNotBefore = context.now + backoff(1, context);
        break;
    case Sent::Heartbeat:
        nextHeartbeat = context.now + backoff(1, context);
        break;
    case Sent::ConsumerHeartbeat:
        consumerHeartbeatFailed(context);
        break;
    case Sent::OffsetFetch:
    case Sent::ListOffsets:
        for (auto &[partition, owned] : partitions) {
            if (owned.position < 0)
                backOff(owned, context);
        }
        break;
    case Sent::Validate:
        for (const auto &[partition, offset] : request.offsets) {
            if (const auto owned = partitions.find(partition); owned != partitions.end())
                backOff(owned->second, context);
        }
        break;
    case Sent::Commit:
        wantCommit(request.offsets);
        commitNotBefore = context.now + backoff(1, context);
        break;
    case Sent::CommitFirst:
        reconciliation->commitNotBefore = context.now + backoff(1, context);
        break;
    case Sent::Fetch: // the broker itself is left alone for a while
    case Sent::Leave:
        break;
    }
}

Duration Consumer::State::backoff(int failures, Context &context) const
{
    return exponentialBackoff(
        config.retryBackoff, config.retryBackoffMax, failures, context.random);
}

void Consumer::State::backOff(Partition &partition, Context &context) const
{
    partition.failures = std::min(partition.failures + 1, kManyFailures);
    partition.notBefore = context.now + backoff(partition.failures, context);
}

void Consumer::State::findCoordinator(Context &context, ClientEffects &effects)
{
    if (coordinator || isOut(Sent::FindCoordinator) || context.now < coordinatorNotBefore)
        return;
    if (const auto broker = brokers.any(context.now, context.random)) {
        send(Sent::FindCoordinator, *broker, FindCoordinatorRequest{.key = config.group},
            config.requestTimeout, context, effects);
    }
}

void Consumer::State::applyCoordinator(const FindCoordinatorResponse &response, Context &context)
{
    if (response.error != ErrorCode::None && !isRetriable(response.error))
        return groupError(response.error, context);
    // The others may name it for a while after it died.
    const NodeId node{response.node};
    if (response.error != ErrorCode::None || !brokers.canReach(node, context.now))
        return coordinatorLost(context);
    coordinator = node;
    coordinatorFailures = 0;
}

void Consumer::State::coordinatorLost(Context &context)
{
    coordinator.reset();
    coordinatorFailures = std::min(coordinatorFailures + 1, kManyFailures);
    coordinatorNotBefore = context.now + backoff(coordinatorFailures, context);
}

void Consumer::State::requestMetadata(Context &context, ClientEffects &effects)
{
    metadataWanted = metadataWanted || context.now >= metadataExpires;
    if (!metadataWanted || isOut(Sent::Metadata) || context.now < metadataNotBefore)
        return;
    const auto broker = brokers.any(context.now, context.random);
    if (!broker)
        return;
    std::set<std::string> wanted(config.topics.begin(), config.topics.end());
    wanted.insert(groupTopics.begin(), groupTopics.end());
    MetadataRequest request;
    request.topics.emplace(wanted.begin(), wanted.end());
    request.allowAutoTopicCreation = true;
    send(Sent::Metadata, *broker, std::move(request), config.requestTimeout, context, effects);
}

void Consumer::State::applyMetadata(
    const MetadataResponse &response, Context &context, ClientEffects &effects)
{
    brokers.learn(response);
    bool complete = true;
    for (const TopicMetadata &topic : response.topics) {
        if (topic.error != ErrorCode::None) {
            topics.erase(topic.name);
            complete = complete && !isRetriable(topic.error);
            continue;
        }
        std::vector<Leader> &leaders = topics[topic.name];
        leaders.resize(topic.partitions.size());
        for (const PartitionMetadata &partition : topic.partitions) {
            if (partition.partition < 0
                || partition.partition >= static_cast<std::int32_t>(leaders.size()))
                continue;
            Leader &leader = leaders[static_cast<std::size_t>(partition.partition)];
            // A broker that lags behind would send it back to a leader that was.
            if (partition.leaderEpoch >= leader.epoch || partition.leaderEpoch < 0)
                leader = {NodeId{partition.leader}, partition.leaderEpoch};
            complete = complete && leader.broker.value() >= 0;
        }
    }
    metadataWanted = false;
    metadataFailures = complete ? 0 : std::min(metadataFailures + 1, kManyFailures);
    const Duration pause = backoff(std::max(metadataFailures, 1), context);
    metadataNotBefore = context.now + pause;
    metadataExpires = context.now
        + (complete ? std::max<Duration>(config.metadataMaxAge, config.retryBackoff) : pause);

    if (phase == Phase::Assigning)
        shareOut(context, effects);
    else if (phase == Phase::Stable && !groupTopics.empty()
        && countsOf(groupTopics) != assignedCounts)
        rejoin("cached metadata has changed since the assignment was made");
}

Consumer::State::Leader Consumer::State::leaderOf(const TopicPartition &partition) const
{
    const auto topic = topics.find(partition.topic);
    if (topic == topics.end() || partition.partition < 0
        || partition.partition >= static_cast<std::int32_t>(topic->second.size()))
        return {};
    return topic->second[static_cast<std::size_t>(partition.partition)];
}

bool Consumer::State::leaderIsWrong(
    const TopicPartition &partition, const std::optional<LeaderHint> &hint)
{
    metadataWanted = true;
    const auto topic = topics.find(partition.topic);
    if (topic == topics.end() || partition.partition < 0
        || partition.partition >= static_cast<std::int32_t>(topic->second.size()))
        return false;
    Leader &leader = topic->second[static_cast<std::size_t>(partition.partition)];
    if (hint && hint->leader >= 0 && hint->leaderEpoch > leader.epoch) {
        leader = {NodeId{hint->leader}, hint->leaderEpoch};
        return true;
    }
    leader.epoch = -1; // also of a topic that was deleted and made anew
    return false;
}

std::map<std::string, std::int32_t> Consumer::State::countsOf(
    const std::set<std::string> &names) const
{
    std::map<std::string, std::int32_t> counts;
    for (const std::string &topic : names) {
        if (const auto found = topics.find(topic); found != topics.end())
            counts[topic] = static_cast<std::int32_t>(found->second.size());
    }
    return counts;
}

} // namespace queuelab::log
