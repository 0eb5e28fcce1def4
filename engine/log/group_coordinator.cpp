#include "engine/log/group_coordinator.h"

#include "engine/log/assignor.h"

#include <algorithm>
#include <utility>

#include <fmt/core.h>

namespace queuelab::log {

namespace {

/// A new member's parked JoinGroup is given up after this; no session runs for it yet.
constexpr Duration kNewMemberJoinTimeout = std::chrono::minutes{5};

std::string newMemberId(std::string_view prefix, Random &random)
{
    const std::uint64_t high = random.next();
    const std::uint64_t low = random.next();
    return fmt::format("{}-{:08x}-{:04x}-{:04x}-{:04x}-{:012x}", prefix, high >> 32,
        high >> 16 & 0xffff, (high & 0xfff) | 0x4000, (low >> 48 & 0x3fff) | 0x8000,
        low & 0xffff'ffff'ffff);
}

void answerJoinError(Caller caller, ErrorCode error, const std::string &memberId, Effects &effects)
{
    JoinGroupResponse response;
    response.error = error;
    response.memberId = memberId;
    effects.push_back(Answer{caller.client, caller.id, std::move(response)});
}

} // namespace

GroupCoordinator::GroupCoordinator(const BrokerConfig &config)
    : m_config(config)
{
}

GroupCoordinator::Group *GroupCoordinator::find(const std::string &group)
{
    const auto found = m_groups.find(group);
    return found == m_groups.end() ? nullptr : &found->second;
}

ErrorCode GroupCoordinator::checkMember(const Group &group, const std::string &memberId,
    const std::optional<std::string> &groupInstanceId) const
{
    if (groupInstanceId) {
        const auto known = group.staticMembers.find(*groupInstanceId);
        if (known == group.staticMembers.end())
            return ErrorCode::UnknownMemberId;
        if (known->second != memberId)
            return ErrorCode::FencedInstanceId;
    }
    return group.members.contains(memberId) ? ErrorCode::None : ErrorCode::UnknownMemberId;
}

bool GroupCoordinator::acceptsAnother(const Group &group, const std::string &memberId) const
{
    const auto limit = static_cast<std::size_t>(std::max(m_config.groupMaxSize, 0));
    switch (group.state) {
    case GroupState::Empty:
    case GroupState::Dead:
        return true;
    case GroupState::PreparingRebalance: {
        const auto waits = [](const auto &entry) { return entry.second.joinCall.has_value(); };
        const auto member = group.members.find(memberId);
        return (member != group.members.end() && member->second.joinCall)
            || static_cast<std::size_t>(std::ranges::count_if(group.members, waits)) < limit;
    }
    case GroupState::CompletingRebalance:
    case GroupState::Stable:
        return group.members.contains(memberId) || group.members.size() < limit;
    }
    return false;
}

bool GroupCoordinator::supportsProtocols(const Group &group, const JoinGroupRequest &request)
{
    if (request.protocolType.empty() || request.protocols.empty())
        return false;
    if (group.members.empty())
        return true;
    if (request.protocolType != group.protocolType)
        return false;
    const auto supportedByAll = [&group](const JoinGroupRequest::Protocol &wanted) {
        return std::ranges::all_of(group.members, [&wanted](const auto &entry) {
            return std::ranges::find(entry.second.protocols, wanted.name, &Protocol::name)
                != entry.second.protocols.end();
        });
    };
    return std::ranges::any_of(request.protocols, supportedByAll);
}

std::vector<GroupCoordinator::Protocol> GroupCoordinator::protocolsOf(
    const JoinGroupRequest &request)
{
    std::vector<Protocol> protocols;
    protocols.reserve(request.protocols.size());
    for (const JoinGroupRequest::Protocol &protocol : request.protocols)
        protocols.push_back({protocol.name, protocol.metadata});
    return protocols;
}

void GroupCoordinator::join(
    Caller caller, const JoinGroupRequest &request, Context &context, Effects &effects)
{
    if (request.group.empty())
        return answerJoinError(caller, ErrorCode::InvalidGroupId, request.memberId, effects);
    if (request.sessionTimeout < m_config.groupMinSessionTimeout
        || request.sessionTimeout > m_config.groupMaxSessionTimeout)
        return answerJoinError(caller, ErrorCode::InvalidSessionTimeout, request.memberId, effects);
    if (!m_groups.contains(request.group) && !request.memberId.empty())
        return answerJoinError(caller, ErrorCode::UnknownMemberId, request.memberId, effects);

    Group &group = m_groups[request.group];
    if (group.id.empty()) {
        group.id = request.group;
        group.name = context.trace.name(request.group);
    }
    if (!acceptsAnother(group, request.memberId)) {
        if (const auto pending = group.pendingMembers.find(request.memberId);
            pending != group.pendingMembers.end()) {
            m_deadlines.cancel(pending->second);
            group.pendingMembers.erase(pending);
        }
        return answerJoinError(caller, ErrorCode::GroupMaxSizeReached, {}, effects);
    }
    if (!supportsProtocols(group, request)) {
        return answerJoinError(
            caller, ErrorCode::InconsistentGroupProtocol, request.memberId, effects);
    }
    if (request.memberId.empty())
        joinNewMember(caller, group, request, context, effects);
    else
        joinKnownMember(caller, group, request, context, effects);
}

void GroupCoordinator::joinNewMember(Caller caller, Group &group, const JoinGroupRequest &request,
    Context &context, Effects &effects)
{
    const std::string memberId =
        newMemberId(request.groupInstanceId.value_or(request.clientId), context.random);
    if (request.groupInstanceId) {
        if (group.staticMembers.contains(*request.groupInstanceId))
            replaceStaticMember(caller, group, memberId, request, context, effects);
        else
            addMember(caller, group, memberId, request, context, effects);
        return;
    }
    if (!request.memberIdRequired)
        return addMember(caller, group, memberId, request, context, effects);
    // The client comes back with the id: so a JoinGroup whose answer was lost leaves no ghost
    // member behind.
    group.pendingMembers[memberId] = m_deadlines.set(
        context.now + request.sessionTimeout, {Due::PendingMember, group.id, memberId});
    answerJoinError(caller, ErrorCode::MemberIdRequired, memberId, effects);
}

void GroupCoordinator::joinKnownMember(Caller caller, Group &group, const JoinGroupRequest &request,
    Context &context, Effects &effects)
{
    if (group.pendingMembers.contains(request.memberId) && !request.groupInstanceId)
        return addMember(caller, group, request.memberId, request, context, effects);
    if (const ErrorCode error = checkMember(group, request.memberId, request.groupInstanceId);
        error != ErrorCode::None)
        return answerJoinError(caller, error, request.memberId, effects);

    Member &member = group.members.at(request.memberId);
    const bool unchanged = member.protocols == protocolsOf(request);
    const bool isLeader = group.leaderId == member.memberId;
    switch (group.state) {
    case GroupState::PreparingRebalance:
        return updateMember(
            caller, group, member, request, LogReason::MetadataChanged, context, effects);
    case GroupState::CompletingRebalance:
        // The same join again: its answer was lost.
        if (unchanged)
            return answerCurrentGeneration(caller, group, member, group.leaderId, effects);
        return updateMember(
            caller, group, member, request, LogReason::MetadataChanged, context, effects);
    case GroupState::Stable:
        // The leader rejoins to say that something it shares out has changed, so it may always
        // start a round.
        if (isLeader || !unchanged) {
            return updateMember(
                caller, group, member, request, LogReason::MetadataChanged, context, effects);
        }
        return answerCurrentGeneration(caller, group, member, group.leaderId, effects);
    case GroupState::Empty:
    case GroupState::Dead:
        return answerJoinError(caller, ErrorCode::UnknownMemberId, request.memberId, effects);
    }
}

void GroupCoordinator::addMember(Caller caller, Group &group, const std::string &memberId,
    const JoinGroupRequest &request, Context &context, Effects &effects)
{
    Member member;
    member.memberId = memberId;
    member.clientId = request.clientId;
    member.name = context.trace.name(request.clientId);
    member.groupInstanceId = request.groupInstanceId;
    member.sessionTimeout = request.sessionTimeout;
    member.rebalanceTimeout = request.rebalanceTimeout;
    member.protocols = protocolsOf(request);
    member.isNew = true;
    member.lastHeartbeat = context.now;
    member.session =
        m_deadlines.set(context.now + kNewMemberJoinTimeout, {Due::Session, group.id, memberId});

    if (group.state == GroupState::PreparingRebalance && group.previousState == GroupState::Empty)
        group.memberAddedWhileDelaying = true;
    if (group.members.empty())
        group.protocolType = request.protocolType;
    if (group.leaderId.empty())
        group.leaderId = memberId;
    if (member.groupInstanceId)
        group.staticMembers[*member.groupInstanceId] = memberId;
    if (const auto pending = group.pendingMembers.find(memberId);
        pending != group.pendingMembers.end()) {
        m_deadlines.cancel(pending->second);
        group.pendingMembers.erase(pending);
    }
    Member &added = group.members.emplace(memberId, std::move(member)).first->second;
    parkJoin(caller, group, added, context);
    rebalanceOrCompleteJoin(group, LogReason::NewMember, context, effects);
}

void GroupCoordinator::updateMember(Caller caller, Group &group, Member &member,
    const JoinGroupRequest &request, LogReason reason, Context &context, Effects &effects)
{
    member.protocols = protocolsOf(request);
    member.sessionTimeout = request.sessionTimeout;
    member.rebalanceTimeout = request.rebalanceTimeout;
    parkJoin(caller, group, member, context);
    rebalanceOrCompleteJoin(group, reason, context, effects);
}

void GroupCoordinator::replaceStaticMember(Caller caller, Group &group,
    const std::string &newMemberId, const JoinGroupRequest &request, Context &context,
    Effects &effects)
{
    std::string &current = group.staticMembers.at(*request.groupInstanceId);
    const std::string oldMemberId = std::exchange(current, newMemberId);
    auto node = group.members.extract(oldMemberId);
    Member &member = node.mapped();
    // Whoever still waits under the old id is a second process with the same group.instance.id.
    if (member.joinCall && !member.joinCall->gone)
        answerJoinError(member.joinCall->caller, ErrorCode::FencedInstanceId, oldMemberId, effects);
    if (member.syncCall && !member.syncCall->gone) {
        SyncGroupResponse response;
        response.error = ErrorCode::FencedInstanceId;
        effects.push_back(
            Answer{member.syncCall->caller.client, member.syncCall->caller.id, response});
    }
    member.joinCall.reset();
    member.syncCall.reset();
    m_deadlines.cancel(member.session);

    const std::string oldLeader = group.leaderId;
    if (group.leaderId == oldMemberId)
        group.leaderId = newMemberId;
    if (group.pendingSync.erase(oldMemberId) > 0)
        group.pendingSync.insert(newMemberId);
    member.memberId = newMemberId;
    member.clientId = request.clientId;
    member.name = context.trace.name(request.clientId);
    member.protocols = protocolsOf(request);
    member.sessionTimeout = request.sessionTimeout;
    member.rebalanceTimeout = request.rebalanceTimeout;
    node.key() = newMemberId;
    Member &replaced = group.members.insert(std::move(node)).position->second;
    keepAlive(group, replaced, context);

    if (group.state == GroupState::Stable && selectProtocol(group) == group.protocolName) {
        // It takes up its predecessor's assignment. The old leader's id keeps it from sharing out
        // anew.
        return answerCurrentGeneration(caller, group, replaced, oldLeader, effects);
    }
    parkJoin(caller, group, replaced, context);
    rebalanceOrCompleteJoin(group, LogReason::NewMember, context, effects);
}

void GroupCoordinator::parkJoin(Caller caller, const Group &group, Member &member, Context &context)
{
    member.joinCall = ParkedCall{caller};
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::MemberJoining),
        .subject = group.name,
        .actor = member.name});
}

void GroupCoordinator::answerCurrentGeneration(Caller caller, const Group &group,
    const Member &member, const std::string &leaderId, Effects &effects) const
{
    JoinGroupResponse response;
    response.generation = group.generation;
    response.protocolName = group.protocolName;
    response.leader = leaderId;
    response.memberId = member.memberId;
    if (leaderId == member.memberId) {
        for (const auto &[id, other] : group.members) {
            const auto chosen =
                std::ranges::find(other.protocols, group.protocolName, &Protocol::name);
            response.members.push_back({id, other.groupInstanceId,
                chosen == other.protocols.end() ? SharedBytes() : chosen->metadata});
        }
    }
    effects.push_back(Answer{caller.client, caller.id, std::move(response)});
}

void GroupCoordinator::sync(
    Caller caller, const SyncGroupRequest &request, Context &context, Effects &effects)
{
    const auto answer = [&](ErrorCode error, const Group *group, SharedBytes assignment) {
        SyncGroupResponse response;
        response.error = error;
        if (group)
            response.protocolName = group->protocolName;
        response.assignment = std::move(assignment);
        effects.push_back(Answer{caller.client, caller.id, std::move(response)});
    };
    if (request.group.empty())
        return answer(ErrorCode::InvalidGroupId, nullptr, {});
    Group *group = find(request.group);
    if (!group)
        return answer(ErrorCode::UnknownMemberId, nullptr, {});
    if (const ErrorCode error = checkMember(*group, request.memberId, request.groupInstanceId);
        error != ErrorCode::None)
        return answer(error, nullptr, {});
    if (request.generation != group->generation)
        return answer(ErrorCode::IllegalGeneration, nullptr, {});

    Member &member = group->members.at(request.memberId);
    switch (group->state) {
    case GroupState::Empty:
    case GroupState::Dead:
        return answer(ErrorCode::UnknownMemberId, nullptr, {});
    case GroupState::PreparingRebalance:
        return answer(ErrorCode::RebalanceInProgress, nullptr, {});
    case GroupState::Stable:
        memberSynced(*group, member.memberId);
        keepAlive(*group, member, context);
        recordSynced(*group, member, context);
        return answer(ErrorCode::None, group, member.assignment);
    case GroupState::CompletingRebalance:
        break;
    }
    member.syncCall = ParkedCall{caller};
    memberSynced(*group, member.memberId);
    if (group->leaderId != member.memberId)
        return;
    for (auto &[id, other] : group->members) {
        const auto given =
            std::ranges::find(request.assignments, id, &SyncGroupRequest::Assignment::memberId);
        other.assignment = given == request.assignments.end() ? SharedBytes() : given->assignment;
    }
    changeState(*group, GroupState::Stable, LogReason::AssignmentReceived, context);
    answerParkedSyncs(*group, ErrorCode::None, context, effects);
}

HeartbeatResponse GroupCoordinator::heartbeat(const HeartbeatRequest &request, Context &context)
{
    if (request.group.empty())
        return {ErrorCode::InvalidGroupId};
    Group *group = find(request.group);
    if (!group)
        return {ErrorCode::UnknownMemberId};
    if (const ErrorCode error = checkMember(*group, request.memberId, request.groupInstanceId);
        error != ErrorCode::None)
        return {error};
    if (request.generation != group->generation)
        return {ErrorCode::IllegalGeneration};
    keepAlive(*group, group->members.at(request.memberId), context);
    return {group->state == GroupState::PreparingRebalance ? ErrorCode::RebalanceInProgress
                                                           : ErrorCode::None};
}

LeaveGroupResponse GroupCoordinator::leave(
    const LeaveGroupRequest &request, Context &context, Effects &effects)
{
    LeaveGroupResponse response;
    if (request.group.empty()) {
        response.error = ErrorCode::InvalidGroupId;
        return response;
    }
    Group *group = find(request.group);
    bool someoneLeft = false;
    for (const LeaveGroupRequest::Member &leaving : request.members) {
        ErrorCode error = ErrorCode::UnknownMemberId;
        std::string memberId = leaving.memberId;
        if (group && memberId.empty() && leaving.groupInstanceId) {
            // An administrator removes a static member by its instance id.
            const auto known = group->staticMembers.find(*leaving.groupInstanceId);
            if (known != group->staticMembers.end())
                memberId = known->second;
        }
        if (group && group->pendingMembers.contains(memberId)) {
            m_deadlines.cancel(group->pendingMembers.at(memberId));
            group->pendingMembers.erase(memberId);
            error = ErrorCode::None;
            someoneLeft = true;
        } else if (group) {
            error = checkMember(*group, memberId, leaving.groupInstanceId);
            if (error == ErrorCode::None) {
                removeMember(*group, memberId,
                    leaving.reason == kPollTimeoutReason ? LogReason::MaxPollInterval
                                                         : LogReason::MemberLeaves,
                    context, effects);
                someoneLeft = true;
            }
        }
        response.members.push_back(error);
    }
    // One rebalance for all who left together.
    if (someoneLeft && group->state != GroupState::Empty)
        rebalanceOrCompleteJoin(*group, LogReason::MemberLeaves, context, effects);
    return response;
}

ErrorCode GroupCoordinator::admitCommit(const OffsetCommitRequest &request, Context &context)
{
    if (request.group.empty())
        return ErrorCode::InvalidGroupId;
    Group *group = find(request.group);
    const bool isSimple =
        request.generation < 0 && request.memberId.empty() && !request.groupInstanceId;
    if (!group)
        return request.generation < 0 ? ErrorCode::None : ErrorCode::IllegalGeneration;
    if (request.generation < 0 && group->state == GroupState::Empty)
        return ErrorCode::None;
    if (isSimple)
        return ErrorCode::UnknownMemberId; // the group has members, and the committer is none of
                                           // them
    if (const ErrorCode error = checkMember(*group, request.memberId, request.groupInstanceId);
        error != ErrorCode::None)
        return error;
    if (request.generation != group->generation)
        return ErrorCode::IllegalGeneration;
    if (group->state == GroupState::CompletingRebalance)
        return ErrorCode::RebalanceInProgress;
    keepAlive(*group, group->members.at(request.memberId), context);
    return ErrorCode::None;
}

NameId GroupCoordinator::nameOf(const std::string &group, const std::string &memberId) const
{
    const auto found = m_groups.find(group);
    if (found == m_groups.end())
        return kNoName;
    const auto member = found->second.members.find(memberId);
    return member == found->second.members.end() ? kNoName : member->second.name;
}

void GroupCoordinator::clientGone(ClientId client)
{
    for (auto &[id, group] : m_groups) {
        for (auto &[memberId, member] : group.members) {
            for (std::optional<ParkedCall> *call : {&member.joinCall, &member.syncCall}) {
                if (*call && (*call)->caller.client == client)
                    (*call)->gone = true;
            }
        }
    }
}

std::vector<GroupSnapshot> GroupCoordinator::snapshot() const
{
    std::vector<GroupSnapshot> groups;
    groups.reserve(m_groups.size());
    for (const auto &[id, group] : m_groups) {
        GroupSnapshot &out = groups.emplace_back();
        out.name = id;
        out.state = group.state;
        out.generation = group.generation;
        out.protocol = group.protocolName;
        out.leader = group.leaderId;
        out.members.reserve(group.members.size());
        for (const auto &[memberId, member] : group.members) {
            MemberSnapshot &shown = out.members.emplace_back();
            shown.memberId = memberId;
            shown.clientId = member.clientId;
            shown.groupInstanceId = member.groupInstanceId;
            shown.joinParked = member.joinCall.has_value();
            shown.syncParked = member.syncCall.has_value();
            shown.assignment =
                decodeAssignment(member.assignment.view()).value_or(std::vector<TopicPartition>{});
            std::ranges::sort(shown.assignment);
            shown.lastHeartbeat = member.lastHeartbeat;
        }
    }
    return groups;
}

} // namespace queuelab::log
