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

JoinGroupResponse joinError(ErrorCode error, const std::string &memberId)
{
    JoinGroupResponse response;
    response.error = error;
    response.memberId = memberId;
    return response;
}
void answerJoinError(Caller caller, ErrorCode error, const std::string &memberId, Effects &effects)
{
    caller.answer(joinError(error, memberId), effects);
}
SyncGroupResponse syncError(ErrorCode error)
{
    SyncGroupResponse response;
    response.error = error;
    return response;
}

} // namespace

GroupCoordinator::GroupCoordinator(const BrokerConfig &config, NodeId broker)
    : m_config(config)
    , m_broker(broker)
{
}

GroupCoordinator::Group *GroupCoordinator::find(const std::string &group)
{
    const auto found = m_groups.find(group);
    return found == m_groups.end() ? nullptr : &found->second;
}

GroupCoordinator::Group &GroupCoordinator::create(const std::string &id, Context &context)
{
    Group &group = m_groups[id];
    group.id = id;
    group.name = context.trace.name(id);
    group.partition = partitionOf(id);
    group.stateTimestampMs = epochMillis(context.wallClock());
    return group;
}

/// Ends it without a word to anybody: no deadline of it is left.
void GroupCoordinator::forget(Group &group)
{
    m_deadlines.cancel(group.joinDeadline);
    m_deadlines.cancel(group.syncDeadline);
    for (auto &[id, handle] : group.pendingMembers)
        m_deadlines.cancel(handle);
    for (auto &[id, member] : group.members)
        m_deadlines.cancel(member.session);
    for (auto &[id, life] : group.lives)
        cancel(life);
    m_groups.erase(m_groups.find(group.id));
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
    case GroupState::Assigning: // no state of a classic group
    case GroupState::Reconciling:
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

SharedBytes GroupCoordinator::metadataFor(const Member &member, const std::string &protocol)
{
    const auto chosen = std::ranges::find(member.protocols, protocol, &Protocol::name);
    return chosen == member.protocols.end() ? SharedBytes() : chosen->metadata;
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
    if (!coordinates(request.group))
        return answerJoinError(caller, ErrorCode::NotCoordinator, request.memberId, effects);
    Group *known = find(request.group);
    if (!known && !request.memberId.empty())
        return answerJoinError(caller, ErrorCode::UnknownMemberId, request.memberId, effects);

    if (known && known->modern && !becomeClassic(*known))
        return answerJoinError(
            caller, ErrorCode::InconsistentGroupProtocol, request.memberId, effects);
    const bool isNew = !known || !known->toBury.empty();

    Group &group = known ? *known : create(request.group, context);
    if (!acceptsAnother(group, request.memberId)) {
        dropPendingMember(group, request.memberId);
        removeMember(group, request.memberId, LogReason::GroupFull, context, effects);
        answerJoinError(caller, ErrorCode::GroupMaxSizeReached, {}, effects);
    } else if (!supportsProtocols(group, request)) {
        answerJoinError(caller, ErrorCode::InconsistentGroupProtocol, request.memberId, effects);
    } else if (request.memberId.empty()) {
        joinNewMember(caller, group, request, context, effects);
    } else {
        joinKnownMember(caller, group, request, context, effects);
    }
    // Whoever takes over must know the group, also when it never gets to an assignment.
    if (isNew)
        writeMetadata(group, NewGroup{}, {}, context);
}

void GroupCoordinator::dropPendingMember(Group &group, const std::string &memberId)
{
    const auto pending = group.pendingMembers.find(memberId);
    if (pending == group.pendingMembers.end())
        return;
    m_deadlines.cancel(pending->second);
    group.pendingMembers.erase(pending);
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
            return answerCurrentGeneration({caller}, group, member, group.leaderId, effects);
        return updateMember(
            caller, group, member, request, LogReason::MetadataChanged, context, effects);
    case GroupState::Stable:
        // The leader rejoins to say that something it shares out has changed, so it may always
        // start a round.
        if (isLeader || !unchanged) {
            return updateMember(
                caller, group, member, request, LogReason::MetadataChanged, context, effects);
        }
        return answerCurrentGeneration({caller}, group, member, group.leaderId, effects);
    case GroupState::Empty:
    case GroupState::Dead:
    case GroupState::Assigning: // no state of a classic group
    case GroupState::Reconciling:
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
    dropPendingMember(group, memberId);
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

/// The same process, as far as the group is concerned, under another member id.
GroupCoordinator::Member &GroupCoordinator::renameStaticMember(
    Group &group, const std::string &from, const std::string &to)
{
    auto node = group.members.extract(from);
    invariant(!node.empty(), "a static member that is renamed is a member");
    node.mapped().memberId = to;
    node.key() = to;
    Member &member = group.members.insert(std::move(node)).position->second;
    group.staticMembers[*member.groupInstanceId] = to;
    if (group.leaderId == from)
        group.leaderId = to;
    if (group.pendingSync.erase(from) > 0)
        group.pendingSync.insert(to);
    return member;
}

void GroupCoordinator::replaceStaticMember(Caller caller, Group &group,
    const std::string &newMemberId, const JoinGroupRequest &request, Context &context,
    Effects &effects)
{
    const std::string oldMemberId = group.staticMembers.at(*request.groupInstanceId);
    const std::string oldLeader = group.leaderId;
    Member &member = renameStaticMember(group, oldMemberId, newMemberId);
    // Whoever still waits under the old id is a second process with the same group.instance.id.
    if (const auto call = std::exchange(member.joinCall, {}))
        call->answer(joinError(ErrorCode::FencedInstanceId, oldMemberId), effects);
    if (const auto call = std::exchange(member.syncCall, {}))
        call->answer(syncError(ErrorCode::FencedInstanceId), effects);

    Member before = member;
    before.memberId = oldMemberId;
    before.session.reset();
    member.clientId = request.clientId;
    member.name = context.trace.name(request.clientId);
    member.protocols = protocolsOf(request);
    member.sessionTimeout = request.sessionTimeout;
    member.rebalanceTimeout = request.rebalanceTimeout;
    keepAlive(group, member, context);

    if (group.state == GroupState::Stable && selectProtocol(group) == group.protocolName) {
        // It takes up its predecessor's assignment once its new id stands in the log.
        member.joinCall = ParkedCall{caller};
        std::map<std::string, SharedBytes> assignments;
        for (const auto &[id, other] : group.members)
            assignments.emplace(id, other.assignment);
        return writeMetadata(group,
            StaticMemberReplaced{
                newMemberId, std::move(before), oldLeader, request.canSkipAssignment},
            assignments, context);
    }
    parkJoin(caller, group, member, context);
    rebalanceOrCompleteJoin(group, LogReason::NewMember, context, effects);
}

void GroupCoordinator::finish(const std::string &groupId, StaticMemberReplaced &write,
    ErrorCode error, Context &context, Effects &effects)
{
    Group *group = find(groupId);
    if (!group || group->state != GroupState::Stable)
        return; // a round has begun, in which it waits like everybody else
    const auto found = group->members.find(write.newMemberId);
    if (found == group->members.end() || !found->second.joinCall)
        return; // gone again, or replaced once more
    Member &member = found->second;
    const ParkedCall call = *std::exchange(member.joinCall, {});
    if (error != ErrorCode::None) {
        JoinGroupResponse response = joinError(error, {});
        response.generation = group->generation;
        response.protocolName = group->protocolName;
        response.leader = write.leaderBefore;
        Member &restored = renameStaticMember(*group, write.newMemberId, write.before.memberId);
        const Handle session = restored.session;
        restored = std::move(write.before);
        restored.session = session;
        keepAlive(*group, restored, context);
        return call.answer(std::move(response), effects);
    }
    if (!write.canSkipAssignment) {
        // Its former id as the leader keeps it from sharing out anew.
        return answerCurrentGeneration(call, *group, member, write.leaderBefore, effects);
    }
    answerCurrentGeneration(call, *group, member, group->leaderId, effects);
}

void GroupCoordinator::parkJoin(Caller caller, Group &group, Member &member, Context &context)
{
    const auto waits = [](const auto &entry) { return entry.second.joinCall.has_value(); };
    if (std::ranges::none_of(group.members, waits))
        group.firstJoinAt = context.now;
    group.lastJoiner = member.name;
    member.joinCall = ParkedCall{caller};
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::MemberJoining),
        .subject = group.name,
        .actor = member.name});
}

void GroupCoordinator::answerCurrentGeneration(const ParkedCall &call, const Group &group,
    const Member &member, const std::string &leaderId, Effects &effects) const
{
    JoinGroupResponse response;
    response.generation = group.generation;
    response.protocolName = group.protocolName;
    response.leader = leaderId;
    response.memberId = member.memberId;
    if (leaderId == member.memberId) {
        response.skipAssignment = group.state == GroupState::Stable;
        response.members.reserve(group.members.size());
        for (const auto &[id, other] : group.members) {
            response.members.push_back(
                {id, other.groupInstanceId, metadataFor(other, group.protocolName)});
        }
    }
    call.answer(std::move(response), effects);
}

void GroupCoordinator::sync(
    Caller caller, const SyncGroupRequest &request, Context &context, Effects &effects)
{
    const auto refuse = [&](ErrorCode error) { caller.answer(syncError(error), effects); };
    if (request.group.empty())
        return refuse(ErrorCode::InvalidGroupId);
    if (!coordinates(request.group))
        return refuse(ErrorCode::NotCoordinator);
    Group *group = find(request.group);
    if (!group)
        return refuse(ErrorCode::UnknownMemberId);
    if (const ErrorCode error = checkMember(*group, request.memberId, request.groupInstanceId);
        error != ErrorCode::None)
        return refuse(error);
    if (request.generation != group->generation)
        return refuse(ErrorCode::IllegalGeneration);
    if (request.protocolType.value_or(group->protocolType) != group->protocolType
        || request.protocolName.value_or(group->protocolName) != group->protocolName)
        return refuse(ErrorCode::InconsistentGroupProtocol);

    Member &member = group->members.at(request.memberId);
    switch (group->state) {
    case GroupState::Empty:
    case GroupState::Dead:
    case GroupState::Assigning: // no state of a classic group
    case GroupState::Reconciling:
        return refuse(ErrorCode::UnknownMemberId);
    case GroupState::PreparingRebalance:
        return refuse(ErrorCode::RebalanceInProgress);
    case GroupState::Stable: {
        memberSynced(*group, member.memberId);
        keepAlive(*group, member, context);
        recordSynced(*group, member, context);
        SyncGroupResponse response;
        response.protocolName = group->protocolName;
        response.assignment = member.assignment;
        return caller.answer(std::move(response), effects);
    }
    case GroupState::CompletingRebalance:
        break;
    }
    member.syncCall = ParkedCall{caller};
    memberSynced(*group, member.memberId);
    if (group->leaderId != member.memberId)
        return;
    Assigned write{group->generation, {}};
    for (const SyncGroupRequest::Assignment &given : request.assignments) {
        const bool overlaps = m_config.plantedBug == PlantedBug::OverlappingAssignment;
        if (group->members.contains(given.memberId))
            write.assignments.emplace(given.memberId,
                overlaps ? request.assignments.front().assignment : given.assignment);
    }
    const std::map<std::string, SharedBytes> assignments = write.assignments;
    writeMetadata(*group, std::move(write), assignments, context);
}

void GroupCoordinator::finish(const std::string &groupId, Assigned &write, ErrorCode error,
    Context &context, Effects &effects)
{
    Group *group = find(groupId);
    // Another round may have begun while it was written.
    if (!group || group->state != GroupState::CompletingRebalance
        || group->generation != write.generation)
        return;
    if (error != ErrorCode::None) {
        for (auto &[id, member] : group->members)
            member.assignment = {};
        answerParkedSyncs(*group, error, context, effects);
        return prepareRebalance(*group, LogReason::AssignmentNotStored, context, effects);
    }
    for (auto &[id, member] : group->members) {
        const auto given = write.assignments.find(id);
        member.assignment = given == write.assignments.end() ? SharedBytes() : given->second;
    }
    changeState(*group, GroupState::Stable, LogReason::AssignmentReceived, context);
    answerParkedSyncs(*group, ErrorCode::None, context, effects);
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::RebalanceCompleted),
        .subject = group->name,
        .actor = group->lastJoiner,
        .count = static_cast<std::int64_t>(group->members.size()),
        .value = (context.now - group->firstJoinAt).count()});
}

HeartbeatResponse GroupCoordinator::heartbeat(const HeartbeatRequest &request, Context &context)
{
    if (request.group.empty())
        return {ErrorCode::InvalidGroupId};
    if (!coordinates(request.group))
        return {ErrorCode::NotCoordinator};
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
    if (!coordinates(request.group)) {
        response.error = ErrorCode::NotCoordinator;
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
            dropPendingMember(*group, memberId);
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

void GroupCoordinator::clientGone(ClientId client)
{
    const auto isOf = [client](const ParkedCall &call) {
        return call.caller.peer.value() == 0 && call.caller.client == client;
    };
    for (auto &[id, group] : m_groups) {
        for (auto &[memberId, member] : group.members) {
            for (std::optional<ParkedCall> *call : {&member.joinCall, &member.syncCall}) {
                if (*call && isOf(**call))
                    (*call)->gone = true;
            }
        }
    }
    for (auto &[id, write] : m_pending) {
        if (auto *commit = std::get_if<OffsetsCommitted>(&write.kind); commit && isOf(commit->call))
            commit->call.gone = true;
        if (auto *commit = std::get_if<TxnOffsetsWritten>(&write.kind);
            commit && isOf(commit->call))
            commit->call.gone = true;
        if (auto *modern = std::get_if<ModernWritten>(&write.kind)) {
            for (Reply &reply : modern->replies)
                reply.call.gone = reply.call.gone || isOf(reply.call);
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
        out.coordinator = m_broker.value();
        out.state = group.state;
        out.generation = group.generation;
        out.protocol = group.protocolName;
        out.leader = group.leaderId;
        out.type = group.modern ? group.modern->type() : GroupType::Classic;
        if (group.modern)
            showModern(group, out);
        out.members.reserve(out.members.size() + group.members.size());
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
        out.committed.reserve(group.offsets.size());
        for (const auto &[partition, stored] : group.offsets) {
            out.committed.push_back({partition, stored.commit.offset,
                Instant(std::chrono::milliseconds(stored.commit.timestampMs))});
        }
        for (const auto &[producerId, pending] : group.pendingTxn) {
            for (const auto &[partition, stored] : pending)
                out.pendingTxn.push_back({partition, stored.commit.offset, producerId});
        }
        std::ranges::stable_sort(out.pendingTxn, {}, &PendingTxnOffset::partition);
    }
    return groups;
}

} // namespace queuelab::log
