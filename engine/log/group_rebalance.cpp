// The rounds of a rebalance: who waits for whom, what a timeout does, and when a generation begins.
// What clients ask for is in group_coordinator.cpp.

#include "engine/log/group_coordinator.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

bool GroupCoordinator::everybodyJoined(const Group &group)
{
    return group.pendingMembers.empty()
        && std::ranges::all_of(
            group.members, [](const auto &entry) { return entry.second.joinCall.has_value(); });
}

Duration GroupCoordinator::rebalanceTimeout(const Group &group)
{
    Duration longest{};
    for (const auto &[id, member] : group.members)
        longest = std::max(longest, member.rebalanceTimeout);
    return longest;
}

std::string GroupCoordinator::selectProtocol(const Group &group)
{
    // Each member votes for the first of its protocols that all support. Kafka leaves a tie open;
    // here the name decides.
    std::map<std::string_view, int> support;
    for (const auto &[id, member] : group.members) {
        for (const Protocol &protocol : member.protocols)
            ++support[protocol.name];
    }
    std::map<std::string_view, int> votes;
    for (const auto &[id, member] : group.members) {
        for (const Protocol &protocol : member.protocols) {
            if (support[protocol.name] == static_cast<int>(group.members.size())) {
                ++votes[protocol.name];
                break;
            }
        }
    }
    if (votes.empty())
        return {};
    const auto winner =
        std::ranges::max_element(votes, {}, [](const auto &entry) { return entry.second; });
    return std::string(winner->first);
}

void GroupCoordinator::changeState(Group &group, GroupState state, LogReason why, Context &context)
{
    group.previousState = group.state;
    group.state = state;
    group.stateTimestampMs = epochMillis(context.wallClock());
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::GroupStateChanged),
        .reason = reason(why),
        .subject = group.name,
        .detail = context.trace.name(groupStateName(state)),
        .item = group.generation,
        .value = static_cast<std::int64_t>(state)});
}

void GroupCoordinator::keepAlive(Group &group, Member &member, Context &context)
{
    member.lastHeartbeat = context.now;
    m_deadlines.cancel(member.session);
    member.session = m_deadlines.set(
        context.now + member.sessionTimeout, {Due::Session, group.id, member.memberId});
}

void GroupCoordinator::rebalanceOrCompleteJoin(
    Group &group, LogReason why, Context &context, Effects &effects)
{
    if (group.state == GroupState::PreparingRebalance)
        completeJoinIfAllJoined(group, LogReason::AllJoined, context, effects);
    else if (group.state != GroupState::Dead)
        prepareRebalance(group, why, context, effects);
}

void GroupCoordinator::prepareRebalance(
    Group &group, LogReason why, Context &context, Effects &effects)
{
    if (group.state == GroupState::CompletingRebalance) {
        // The assignment that these wait for will never come.
        for (auto &[id, member] : group.members)
            member.assignment = {};
        answerParkedSyncs(group, ErrorCode::RebalanceInProgress, context, effects);
    }
    m_deadlines.cancel(group.syncDeadline);
    group.pendingSync.clear();

    const bool isInitial = group.state == GroupState::Empty;
    changeState(group, GroupState::PreparingRebalance, why, context);
    if (!isInitial) {
        if (everybodyJoined(group)) {
            completeJoin(group, LogReason::AllJoined, context, effects);
        } else {
            m_deadlines.cancel(group.joinDeadline);
            group.joinDeadline = m_deadlines.set(
                context.now + rebalanceTimeout(group), {Due::JoinPhase, group.id, {}});
        }
        return;
    }
    // A new group waits a little, so that members starting together cost one rebalance and not
    // many.
    group.memberAddedWhileDelaying = false;
    group.currentDelay = m_config.groupInitialRebalanceDelay;
    group.remainingDelay = std::max(rebalanceTimeout(group) - group.currentDelay, Duration::zero());
    m_deadlines.cancel(group.joinDeadline);
    group.joinDeadline =
        m_deadlines.set(context.now + group.currentDelay, {Due::InitialDelay, group.id, {}});
}

void GroupCoordinator::initialDelayOver(Group &group, Context &context, Effects &effects)
{
    if (!group.memberAddedWhileDelaying || group.remainingDelay == Duration::zero())
        return completeJoin(group, LogReason::InitialDelay, context, effects);
    group.memberAddedWhileDelaying = false;
    const Duration delay =
        std::min<Duration>(m_config.groupInitialRebalanceDelay, group.remainingDelay);
    group.remainingDelay = std::max(group.remainingDelay - group.currentDelay, Duration::zero());
    group.currentDelay = delay;
    group.joinDeadline = m_deadlines.set(context.now + delay, {Due::InitialDelay, group.id, {}});
}

void GroupCoordinator::completeJoinIfAllJoined(
    Group &group, LogReason why, Context &context, Effects &effects)
{
    // A group's first round ends by its delay only.
    if (group.state == GroupState::PreparingRebalance && group.previousState != GroupState::Empty
        && everybodyJoined(group))
        completeJoin(group, why, context, effects);
}

void GroupCoordinator::completeJoin(Group &group, LogReason why, Context &context, Effects &effects)
{
    m_deadlines.cancel(group.joinDeadline);
    std::vector<std::string> absent;
    for (const auto &[id, member] : group.members) {
        // Static members are expected back; only their session timeout ends them.
        if (!member.joinCall && !member.groupInstanceId)
            absent.push_back(id);
    }
    for (const std::string &id : absent)
        removeMember(group, id, LogReason::DidNotRejoin, context, effects);

    if (!group.members.empty()) {
        const auto waits = [](const auto &entry) { return entry.second.joinCall.has_value(); };
        const auto leader = group.members.find(group.leaderId);
        if (leader == group.members.end() || !leader->second.joinCall) {
            const auto next = std::ranges::find_if(group.members, waits);
            if (next == group.members.end()) {
                // Only absent static members are left: give them another round.
                group.joinDeadline = m_deadlines.set(
                    context.now + rebalanceTimeout(group), {Due::JoinPhase, group.id, {}});
                return;
            }
            group.leaderId = next->first;
        }
    }

    ++group.generation;
    group.pendingSync.clear();
    if (group.members.empty()) {
        group.protocolName.clear();
        group.leaderId.clear();
        changeState(group, GroupState::Empty, LogReason::NobodyLeft, context);
        return writeMetadata(group, Emptied{}, {}, context);
    }
    group.protocolName = selectProtocol(group);
    changeState(group, GroupState::CompletingRebalance, why, context);
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::LeaderElectedInGroup),
        .subject = group.name,
        .actor = group.members.at(group.leaderId).name,
        .value = group.generation});
    for (auto &[id, member] : group.members) {
        if (member.joinCall) {
            answerCurrentGeneration(*member.joinCall, group, member, group.leaderId, effects);
            context.trace.record({.at = context.now,
                .kind = kind(LogEvent::MemberJoined),
                .subject = group.name,
                .actor = member.name,
                .value = group.generation});
        }
        member.joinCall.reset();
        member.isNew = false;
        keepAlive(group, member, context);
        group.pendingSync.insert(id);
    }
    m_deadlines.cancel(group.syncDeadline);
    group.syncDeadline = m_deadlines.set(
        context.now + rebalanceTimeout(group), {Due::SyncPhase, group.id, {}, group.generation});
}

void GroupCoordinator::memberSynced(Group &group, const std::string &memberId)
{
    group.pendingSync.erase(memberId);
    if (group.pendingSync.empty())
        m_deadlines.cancel(group.syncDeadline);
}

void GroupCoordinator::syncPhaseOver(
    Group &group, std::int32_t generation, Context &context, Effects &effects)
{
    if (generation != group.generation || group.pendingSync.empty())
        return;
    const std::set<std::string> absent = std::exchange(group.pendingSync, {});
    for (const std::string &id : absent)
        removeMember(group, id, LogReason::DidNotSync, context, effects);
    prepareRebalance(group, LogReason::DidNotSync, context, effects);
}

void GroupCoordinator::answerParkedSyncs(
    Group &group, ErrorCode error, Context &context, Effects &effects)
{
    for (auto &[id, member] : group.members) {
        if (!member.syncCall)
            continue;
        SyncGroupResponse response;
        response.error = error;
        if (error == ErrorCode::None) {
            response.protocolName = group.protocolName;
            response.assignment = member.assignment;
        }
        std::exchange(member.syncCall, {})->answer(std::move(response), effects);
        // While it waited its session could not run out, so it starts anew.
        keepAlive(group, member, context);
        if (error == ErrorCode::None)
            recordSynced(group, member, context);
    }
}

void GroupCoordinator::recordSynced(const Group &group, const Member &member, Context &context)
{
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::MemberSynced),
        .subject = group.name,
        .actor = member.name,
        .value = group.generation});
}

void GroupCoordinator::removeMember(
    Group &group, const std::string &memberId, LogReason why, Context &context, Effects &effects)
{
    const auto found = group.members.find(memberId);
    if (found == group.members.end())
        return;
    Member &member = found->second;
    m_deadlines.cancel(member.session);
    if (member.joinCall) {
        JoinGroupResponse response;
        response.error = ErrorCode::UnknownMemberId;
        member.joinCall->answer(std::move(response), effects);
    }
    if (member.syncCall) {
        SyncGroupResponse response;
        response.error = ErrorCode::UnknownMemberId;
        member.syncCall->answer(std::move(response), effects);
    }
    if (member.groupInstanceId)
        group.staticMembers.erase(*member.groupInstanceId);
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::MemberLeft),
        .reason = reason(why),
        .subject = group.name,
        .actor = member.name,
        .value = group.generation});
    group.pendingSync.erase(memberId);
    group.members.erase(found);
    if (group.leaderId == memberId)
        group.leaderId = group.members.empty() ? std::string() : group.members.begin()->first;
}

void GroupCoordinator::sessionExpired(
    Group &group, const std::string &memberId, Context &context, Effects &effects)
{
    const auto found = group.members.find(memberId);
    if (found == group.members.end())
        return;
    Member &member = found->second;
    member.session.reset();
    // A member that waits for others is alive as far as anyone can tell; joining and syncing start
    // its session anew.
    if (!member.isNew && (member.joinCall || member.syncCall))
        return;
    removeMember(group, memberId, LogReason::SessionTimeout, context, effects);
    if (group.state != GroupState::PreparingRebalance)
        rebalanceOrCompleteJoin(group, LogReason::SessionTimeout, context, effects);
    else if (everybodyJoined(group))
        completeJoin(group, LogReason::AllJoined, context, effects);
}

void GroupCoordinator::expire(Context &context, Effects &effects)
{
    while (std::optional<Deadline> deadline = m_deadlines.takeDue(context.now)) {
        if (deadline->due == Due::Retention) {
            expireOffsets(deadline->number, context);
            continue;
        }
        Group *group = find(deadline->group);
        invariant(group != nullptr, "a group with deadlines exists");
        switch (deadline->due) {
        case Due::InitialDelay:
            group->joinDeadline.reset();
            initialDelayOver(*group, context, effects);
            break;
        case Due::JoinPhase:
            group->joinDeadline.reset();
            completeJoin(*group, LogReason::RebalanceTimeout, context, effects);
            break;
        case Due::SyncPhase:
            group->syncDeadline.reset();
            syncPhaseOver(*group, deadline->number, context, effects);
            break;
        case Due::Session:
            sessionExpired(*group, deadline->memberId, context, effects);
            break;
        case Due::ModernSession:
            removeModern(*group, deadline->memberId, LogReason::SessionTimeout, context);
            answerWhenWritten(*group, {}, {}, context, effects);
            break;
        case Due::Revocation:
            revocationOver(*group, deadline->memberId, deadline->number, context);
            answerWhenWritten(*group, {}, {}, context, effects);
            break;
        case Due::PendingMember:
            group->pendingMembers.erase(deadline->memberId);
            // It ends the wait also of a group's first round, as in Kafka.
            if (group->state == GroupState::PreparingRebalance && everybodyJoined(*group))
                completeJoin(*group, LogReason::AllJoined, context, effects);
            break;
        case Due::Retention:
            break;
        }
    }
}

} // namespace queuelab::log
