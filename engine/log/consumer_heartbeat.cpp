// A consumer as a member of a group of KIP-848: the coordinator assigns, and heartbeats are all
// there is. What the coordinator wants is reconciled with what the consumer owns, step by step;
// partitions that stay are read on meanwhile.

#include "engine/log/consumer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::int32_t kLeaveEpoch = -1;
constexpr std::int32_t kStaticLeaveEpoch = -2; // expected back within the session timeout

} // namespace

void Consumer::State::tendConsumerMembership(Context &context, ClientEffects &effects)
{
    if (!waiting && generation >= 0 && context.now >= lastPoll + config.maxPollInterval) {
        // As in the classic protocol, but a static member says so too: it is expected back.
        leaveConsumerGroup(context, effects);
        membershipLost(false, LogReason::MaxPollInterval);
    }
    if (generation < 0) {
        if (waiting)
            revokeAll(lostReason, context);
    } else {
        reconcile(context, effects);
        autoCommit(context, effects);
    }
    if (!coordinator)
        return;
    commitWhatIsWanted(context, effects);
    const bool isDue = generation < 0 ? waiting && context.now >= nextHeartbeat
                                      : acknowledges || context.now >= nextHeartbeat;
    if (isDue && !isOut(Sent::ConsumerHeartbeat)) {
        sendConsumerHeartbeat(context, effects);
        reconcile(context, effects); // there may be another target already
    }
}

/// What has not changed since the last one is left out.
void Consumer::State::sendConsumerHeartbeat(Context &context, ClientEffects &effects)
{
    ConsumerGroupHeartbeatRequest request;
    request.group = config.group;
    request.memberId = memberId;
    request.memberEpoch = std::max(generation, 0);
    request.groupInstanceId = config.groupInstanceId;
    request.clientId = clientId;
    const bool tellsAll = std::exchange(heartbeatTellsAll, false) || generation < 0;
    if (tellsAll) {
        request.rebalanceTimeoutMs = static_cast<std::int32_t>(config.maxPollInterval.count());
        request.subscribedTopics = config.topics;
        request.serverAssignor = config.groupRemoteAssignor;
    }
    if (std::exchange(acknowledges, false) || tellsAll) {
        request.owned.emplace();
        for (const auto &[partition, owned] : partitions)
            request.owned->push_back(partition);
    }
    nextHeartbeat = context.now + consumerHeartbeatInterval;
    send(Sent::ConsumerHeartbeat, *coordinator, std::move(request), config.requestTimeout, context,
        effects);
}

void Consumer::State::applyConsumerHeartbeat(
    const ConsumerGroupHeartbeatResponse &response, Context &context)
{
    if (response.error != ErrorCode::None)
        return consumerHeartbeatRefused(response.error, context);
    heartbeatFailures = 0;
    if (consumerHeartbeatInterval != response.heartbeatInterval) {
        consumerHeartbeatInterval = response.heartbeatInterval;
        nextHeartbeat = context.now + consumerHeartbeatInterval;
    }
    generation = response.memberEpoch;
    phase = Phase::Stable;
    if (!response.assignment)
        return;
    std::set<TopicPartition> wanted(response.assignment->begin(), response.assignment->end());
    if (target == wanted)
        return;
    target = std::move(wanted);
    isReconciled = false;
}

void Consumer::State::consumerHeartbeatRefused(ErrorCode error, Context &context)
{
    switch (error) {
    case ErrorCode::FencedMemberEpoch:
    case ErrorCode::UnknownMemberId:
        membershipLost(false, LogReason::Rebalance);
        nextHeartbeat = context.now; // joins as soon as the application has given up what it had
        break;
    case ErrorCode::NotCoordinator:
    case ErrorCode::CoordinatorNotAvailable:
        coordinatorLost(context);
        heartbeatTellsAll = true;
        nextHeartbeat = context.now; // as soon as there is one again
        break;
    case ErrorCode::CoordinatorLoadInProgress:
        consumerHeartbeatFailed(context);
        break;
    default:
        fail(error, context);
        break;
    }
}

void Consumer::State::consumerHeartbeatFailed(Context &context)
{
    heartbeatTellsAll = true;
    heartbeatFailures = std::min(heartbeatFailures + 1, kManyFailures);
    nextHeartbeat = context.now + backoff(heartbeatFailures, context);
}

/// Leads what it owns to what the coordinator wants: only while the application is in poll() the
/// partitions change.
void Consumer::State::reconcile(Context &context, ClientEffects &effects)
{
    if (!reconciliation && !isReconciled && waiting && !acknowledges)
        beginReconciliation(context);
    if (!reconciliation)
        return;
    if (!reconciliation->commitFirst.empty() && context.now < reconciliation->commitUntil) {
        if (coordinator && context.now >= reconciliation->commitNotBefore
            && !isOut(Sent::CommitFirst))
            sendCommit(Offsets(reconciliation->commitFirst), context, effects, Sent::CommitFirst);
        return;
    }
    if (waiting)
        finishReconciliation(context);
}

void Consumer::State::beginReconciliation(Context &context)
{
    reconciliation.emplace();
    reconciliation->target = *target;
    for (auto &[partition, owned] : partitions) {
        if (target->contains(partition))
            continue;
        owned.revoking = true;
        drop(partition);
    }
    if (config.enableAutoCommit)
        reconciliation->commitFirst = offsetsToCommit();
    reconciliation->commitUntil = context.now + config.maxPollInterval;
}

void Consumer::State::finishReconciliation(Context &context)
{
    forget({Sent::CommitFirst});
    const std::set<TopicPartition> assigned = std::move(reconciliation->target);
    reconciliation.reset();
    own(assigned, context);
    isReconciled = target == assigned; // else the coordinator has changed its mind meanwhile
    acknowledges = true;
}

void Consumer::State::leaveConsumerGroup(Context &context, ClientEffects &effects)
{
    if (!coordinator || (generation < 0 && !isOut(Sent::ConsumerHeartbeat)))
        return;
    ConsumerGroupHeartbeatRequest request;
    request.group = config.group;
    request.memberId = memberId;
    request.memberEpoch = config.groupInstanceId ? kStaticLeaveEpoch : kLeaveEpoch;
    request.groupInstanceId = config.groupInstanceId;
    request.clientId = clientId;
    send(Sent::Leave, *coordinator, std::move(request), config.requestTimeout, context, effects);
}

} // namespace queuelab::log
