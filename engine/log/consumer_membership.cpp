// A consumer as a member of its group, in the classic protocol: joining, leading, heartbeating.
// And, in both protocols, giving up and taking over partitions.

#include "engine/log/consumer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

void Consumer::State::tendMembership(Context &context, ClientEffects &effects)
{
    if (config.groupProtocol == GroupProtocol::Consumer)
        return tendConsumerMembership(context, effects);
    if (!coordinator)
        return;
    if (!waiting && generation >= 0 && context.now >= lastPoll + config.maxPollInterval) {
        // The application is stuck. It keeps working on what it has; only its next poll() finds
        // out.
        if (!config.groupInstanceId)
            leave(kPollTimeoutReason, context, effects);
        membershipLost(true, LogReason::MaxPollInterval);
    }
    if (waiting) {
        if (phase == Phase::Synced)
            takeOverAssignment(context);
        autoCommit(context, effects);
        const bool mustJoin = phase == Phase::Unjoined || (phase == Phase::Stable && rejoinNeeded);
        if (mustJoin && context.now >= joinNotBefore)
            join(context, effects);
    }
    commitWhatIsWanted(context, effects);
    const bool heartbeats = generation >= 0 && phase != Phase::Unjoined && phase != Phase::Joining;
    if (heartbeats && !isOut(Sent::Heartbeat) && context.now >= nextHeartbeat) {
        nextHeartbeat = context.now + config.heartbeatInterval;
        send(Sent::Heartbeat, *coordinator,
            HeartbeatRequest{config.group, generation, memberId, config.groupInstanceId},
            std::min<Duration>(config.sessionTimeout, config.requestTimeout), context, effects);
    }
}

void Consumer::State::join(Context &context, ClientEffects &effects)
{
    if (generation < 0) {
        revokeAll(lostReason, context);
    } else {
        // The last chance to commit before others may read on from there.
        if (config.enableAutoCommit)
            sendCommit(offsetsToCommit(), context, effects);
        if (!cooperative)
            revokeAll(LogReason::Rebalance, context);
    }
    Subscription subscription;
    subscription.topics = config.topics;
    subscription.generation = generation;
    for (const auto &[partition, owned] : partitions)
        subscription.owned.push_back(partition);
    Subscription ofSticky = subscription;
    if (lastAssignment)
        ofSticky.userData = encodeStickyUserData(*lastAssignment);

    JoinGroupRequest request;
    request.group = config.group;
    request.sessionTimeout = config.sessionTimeout;
    request.rebalanceTimeout = config.maxPollInterval;
    request.memberId = memberId;
    request.groupInstanceId = config.groupInstanceId;
    for (const Assignor assignor : config.assignors) {
        request.protocols.push_back({std::string(assignorName(assignor)),
            encodeSubscription(assignor == Assignor::Sticky ? ofSticky : subscription)});
    }
    request.clientId = clientId;
    request.reason = std::exchange(rejoinReason, {});
    phase = Phase::Joining;
    forget({Sent::Heartbeat});
    // It may wait for the slowest member; only then is something wrong.
    const Duration timeout = std::max<Duration>(
        config.requestTimeout, config.maxPollInterval + std::chrono::milliseconds{5'000});
    send(Sent::Join, *coordinator, std::move(request), timeout, context, effects);
}

void Consumer::State::applyJoin(
    const JoinGroupResponse &response, Context &context, ClientEffects &effects)
{
    if (response.error == ErrorCode::MemberIdRequired) {
        memberId = response.memberId;
        phase = Phase::Unjoined;
        return;
    }
    if (response.error != ErrorCode::None) {
        phase = Phase::Unjoined;
        return groupError(response.error, context);
    }
    generation = response.generation;
    memberId = response.memberId;
    nextHeartbeat = context.now + config.heartbeatInterval;
    groupTopics.clear();
    if (response.leader != memberId) {
        sendSync({}, context, effects);
        return;
    }
    led = response;
    for (const JoinGroupResponse::Member &member : led.members) {
        const auto subscription = decodeSubscription(member.metadata.view());
        if (subscription)
            groupTopics.insert(subscription->topics.begin(), subscription->topics.end());
    }
    // Partitions may have come or gone: it shares out by what is there now.
    phase = Phase::Assigning;
    metadataWanted = true;
    metadataNotBefore = context.now;
    forget({Sent::Metadata});
}

void Consumer::State::shareOut(Context &context, ClientEffects &effects)
{
    assignedCounts = countsOf(groupTopics);
    const Assignor assignor = assignorByName(led.protocolName).value_or(config.assignors.front());
    std::vector<GroupMember> members;
    for (const JoinGroupResponse::Member &member : led.members) {
        members.push_back({member.memberId, member.groupInstanceId,
            decodeSubscription(member.metadata.view()).value_or(Subscription{})});
    }
    std::vector<SyncGroupRequest::Assignment> assignments;
    for (const auto &[id, assigned] : assign(assignor, members, assignedCounts))
        assignments.push_back({id, encodeAssignment(assigned)});
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::AssignmentComputed),
        .subject = groupName,
        .actor = name,
        .detail = context.trace.name(assignorName(assignor)),
        .count = static_cast<std::int64_t>(members.size()),
        .value = generation});
    led = {};
    sendSync(std::move(assignments), context, effects);
}

void Consumer::State::sendSync(std::vector<SyncGroupRequest::Assignment> &&assignments,
    Context &context, ClientEffects &effects)
{
    if (!coordinator) {
        phase = Phase::Unjoined;
        return;
    }
    SyncGroupRequest request;
    request.group = config.group;
    request.generation = generation;
    request.memberId = memberId;
    request.groupInstanceId = config.groupInstanceId;
    request.assignments = std::move(assignments);
    phase = Phase::Syncing;
    send(Sent::Sync, *coordinator, std::move(request),
        std::max<Duration>(config.requestTimeout, config.maxPollInterval), context, effects);
}

void Consumer::State::applySync(const SyncGroupResponse &response, Context &context)
{
    auto assigned = response.error == ErrorCode::None ? decodeAssignment(response.assignment.view())
                                                      : std::nullopt;
    if (!assigned) {
        phase = Phase::Unjoined;
        groupError(
            response.error == ErrorCode::None ? ErrorCode::UnknownServerError : response.error,
            context);
        return;
    }
    newAssignment = std::move(*assigned);
    rejoinNeeded = false;
    phase = Phase::Synced;
}

void Consumer::State::takeOverAssignment(Context &context)
{
    const std::set<TopicPartition> assigned(newAssignment.begin(), newAssignment.end());
    lastAssignment = {std::exchange(newAssignment, {}), generation};
    phase = Phase::Stable;
    // Cooperative: what was given up can be handed on only in a second round.
    if (own(assigned, context))
        rejoin("need to revoke partitions and re-join");
}

/// From now on it owns these. True when it gave up others.
bool Consumer::State::own(const std::set<TopicPartition> &assigned, Context &context)
{
    bool gaveUp = false;
    for (auto at = partitions.begin(); at != partitions.end();) {
        if (assigned.contains(at->first)) {
            ++at;
        } else {
            revoke(at, LogReason::Rebalance, context);
            gaveUp = true;
        }
    }
    for (const TopicPartition &partition : assigned) {
        const auto [at, isNew] = partitions.try_emplace(partition);
        if (!isNew)
            continue;
        at->second.name = context.trace.name(partition.name());
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::PartitionAssigned),
            .subject = at->second.name,
            .actor = name,
            .detail = groupName,
            .value = generation});
        if (leaderOf(partition).broker.value() < 0)
            metadataWanted = true;
    }
    holdsAssignment = true;
    if (config.enableAutoCommit)
        nextAutoCommit = context.now + config.autoCommitInterval;
    return gaveUp;
}

void Consumer::State::applyHeartbeat(const HeartbeatResponse &response, Context &context)
{
    if (response.error == ErrorCode::RebalanceInProgress) {
        // While it joins or syncs already, this is an echo of the round before.
        if (phase == Phase::Stable || phase == Phase::Synced)
            rejoin("group is already rebalancing");
    } else if (response.error != ErrorCode::None) {
        groupError(response.error, context);
    }
}

void Consumer::State::rejoin(std::string why)
{
    rejoinNeeded = true;
    rejoinReason = std::move(why);
}

void Consumer::State::groupError(ErrorCode error, Context &context)
{
    switch (error) {
    case ErrorCode::UnknownMemberId:
        membershipLost(true, LogReason::Rebalance);
        break;
    case ErrorCode::IllegalGeneration:
        membershipLost(false, LogReason::Rebalance);
        break;
    case ErrorCode::RebalanceInProgress:
        rejoin("group is already rebalancing");
        break;
    case ErrorCode::NotCoordinator:
    case ErrorCode::CoordinatorNotAvailable:
        coordinatorLost(context);
        joinNotBefore = context.now + backoff(1, context);
        break;
    default:
        if (isRetriable(error)) {
            joinNotBefore = context.now + backoff(1, context);
            break;
        }
        fail(error, context);
        break;
    }
}

/// Fenced, or a setting that the group does not take: trying again would not help.
void Consumer::State::fail(ErrorCode error, Context &context)
{
    failure = error;
    running = false;
    revokeAll(LogReason::Rebalance, context);
    membershipLost(true, LogReason::Rebalance);
    inFlight.clear();
}

void Consumer::State::membershipLost(bool forgetMemberId, LogReason why)
{
    generation = -1;
    if (forgetMemberId)
        memberId.clear();
    phase = Phase::Unjoined;
    rejoinNeeded = false;
    lostReason = why;
    groupTopics.clear();
    newAssignment.clear();
    nextAutoCommit.reset();
    commitWanted.clear();
    heartbeatTellsAll = true;
    acknowledges = false;
    target.reset();
    isReconciled = true;
    reconciliation.reset();
    forget({Sent::Join, Sent::Sync, Sent::Heartbeat, Sent::ConsumerHeartbeat, Sent::Commit,
        Sent::CommitFirst});
}

void Consumer::State::leave(std::string_view why, Context &context, ClientEffects &effects)
{
    if (!coordinator || memberId.empty())
        return;
    LeaveGroupRequest request;
    request.group = config.group;
    request.members.push_back({memberId, config.groupInstanceId, std::string(why)});
    send(Sent::Leave, *coordinator, std::move(request), config.requestTimeout, context, effects);
}

void Consumer::State::revoke(
    std::map<TopicPartition, Partition>::iterator &at, LogReason why, Context &context)
{
    drop(at->first);
    std::erase_if(commitWanted, [&at](const auto &wanted) { return wanted.first == at->first; });
    const Partition &given = at->second;
    const std::int64_t handledTo = std::max(given.committed, given.start);
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::PartitionRevoked),
        .reason = reason(why),
        .subject = given.name,
        .actor = name,
        .detail = groupName,
        .item = given.position,
        .count = std::max<std::int64_t>(0, given.position - handledTo),
        .value = generation});
    at = partitions.erase(at);
}

void Consumer::State::revokeAll(LogReason why, Context &context)
{
    for (auto at = partitions.begin(); at != partitions.end();)
        revoke(at, why, context);
    holdsAssignment = false;
}

} // namespace queuelab::log
