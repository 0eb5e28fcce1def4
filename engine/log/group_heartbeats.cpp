// Groups with assignment by the coordinator: their heartbeats (KIP-848; share groups have the same
// with less in it, KIP-932). As Kafka's GroupMetadataManager has it: a heartbeat may change the
// member, and with it the group epoch; then a target is computed, if one is due; then the member
// goes a step towards it.

#include "engine/log/group_config.h"
#include "engine/log/group_coordinator.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

/// group.share.assignment.interval.ms
constexpr std::chrono::milliseconds kShareAssignmentInterval{1'000};

/// What is wrong with a request in itself; empty: nothing.
std::string_view invalidIn(const ConsumerGroupHeartbeatRequest &request)
{
    if (request.memberId.empty())
        return "MemberId can't be empty.";
    if (request.group.empty())
        return "GroupId can't be empty.";
    if (request.groupInstanceId && request.groupInstanceId->empty())
        return "InstanceId can't be empty.";
    if (request.memberEpoch == kJoinEpoch) {
        if (request.rebalanceTimeoutMs == -1)
            return "RebalanceTimeoutMs must be provided in first request.";
        if (!request.owned || !request.owned->empty())
            return "TopicPartitions must be empty when (re-)joining.";
        if (!request.subscribedTopics)
            return "SubscribedTopicNames must be set when (re-)joining.";
    }
    if (request.memberEpoch == kLeaveForNowEpoch && !request.groupInstanceId)
        return "InstanceId can't be null.";
    if (request.memberEpoch < kLeaveForNowEpoch)
        return "MemberEpoch is invalid.";
    return {};
}

/// Changes when a topic that the group reads comes, goes, or gets partitions (FNV-1a); 0 when it
/// reads none that exists.
std::uint64_t hashOf(
    const std::set<std::string> &topics, const PartitionCounts &sizes, const TopicIds &ids)
{
    std::uint64_t hash = 0xcbf29ce484222325;
    bool any = false;
    const auto add = [&hash](std::uint8_t byte) { hash = (hash ^ byte) * 0x100000001b3; };
    for (const auto &[name, size] : sizes) {
        if (!topics.contains(name))
            continue;
        any = true;
        for (const std::uint8_t byte : ids.at(name))
            add(byte);
        for (auto rest = static_cast<std::uint32_t>(size); rest > 0; rest >>= 8)
            add(static_cast<std::uint8_t>(rest));
    }
    return any ? hash : 0;
}

bool isSubset(const std::optional<PartitionSet> &owned,
    const std::map<TopicPartition, std::int32_t> &assigned)
{
    return owned && std::ranges::all_of(*owned, [&](const TopicPartition &partition) {
        return assigned.contains(partition);
    });
}

std::vector<TopicPartition> partitionsOf(const ModernMember &member)
{
    std::vector<TopicPartition> partitions;
    partitions.reserve(member.assigned.size());
    for (const auto &[partition, epoch] : member.assigned)
        partitions.push_back(partition);
    return partitions;
}

} // namespace

void GroupCoordinator::consumerHeartbeat(Caller caller,
    const ConsumerGroupHeartbeatRequest &request, NameId client, const ClusterImage &image,
    Context &context, Effects &effects)
{
    ConsumerGroupHeartbeatResponse response;
    response.memberId = request.memberId;
    response.memberEpoch = request.memberEpoch;
    response.heartbeatInterval =
        GroupConfig::of(m_config, image.groupConfigs(request.group)).consumerHeartbeatInterval;
    const auto refuse = [&](ErrorCode error, std::string_view message) {
        response.error = error;
        response.message = message;
        caller.answer(std::move(response), effects);
    };
    if (const std::string_view problem = invalidIn(request); !problem.empty())
        return refuse(ErrorCode::InvalidRequest, problem);
    if (request.serverAssignor
        && std::ranges::find(m_config.consumerAssignors, *request.serverAssignor)
            == m_config.consumerAssignors.end())
        return refuse(ErrorCode::UnsupportedAssignor,
            "ServerAssignor " + *request.serverAssignor + " is not supported.");
    if (!coordinates(request.group))
        return refuse(ErrorCode::NotCoordinator, {});

    Beat beat;
    beat.group = request.group;
    beat.epoch = request.memberEpoch;
    beat.member.memberId = request.memberId;
    beat.member.clientId = request.clientId;
    beat.member.name = client;
    beat.member.instanceId = request.groupInstanceId;
    beat.member.rebalanceTimeoutMs = request.rebalanceTimeoutMs;
    beat.member.assignor = request.serverAssignor;
    if (request.subscribedTopics)
        beat.topics.emplace(request.subscribedTopics->begin(), request.subscribedTopics->end());
    if (request.owned)
        beat.owned.emplace(request.owned->begin(), request.owned->end());
    beat.isFull = beat.epoch == kJoinEpoch
        || (request.rebalanceTimeoutMs != -1 && request.subscribedTopics && request.owned);
    BeatAnswer answer =
        beat.epoch < 0 ? leaveModern(beat, context) : takeBeat(beat, image, context);
    if (answer.error != ErrorCode::None)
        return refuse(answer.error, errorName(answer.error));
    response.memberEpoch = answer.epoch;
    response.assignment = std::move(answer.assignment);
    answerWhenWritten(
        *find(request.group), {{{caller}, std::move(response)}}, {}, context, effects);
}

/// Who may send this heartbeat. `group` is nothing when there is none.
ErrorCode GroupCoordinator::admitBeat(const Beat &beat, Group *group) const
{
    const bool joins = beat.epoch == kJoinEpoch;
    if (!group)
        return joins ? ErrorCode::None : ErrorCode::GroupIdNotFound;
    if (!group->modern || group->modern->type() != beat.type) {
        // An empty group of the classic protocol becomes one of this; others keep their type.
        const bool isFree =
            !group->modern && group->state == GroupState::Empty && beat.type == GroupType::Consumer;
        return joins && isFree ? ErrorCode::None : ErrorCode::GroupIdNotFound;
    }
    const ModernGroup &modern = *group->modern;
    const std::string &memberId = beat.member.memberId;
    const std::int32_t sizeMax =
        beat.type == GroupType::Share ? m_config.shareGroupMaxSize : m_config.consumerGroupMaxSize;
    const ModernMember *member = modern.member(memberId);
    if (beat.epoch >= 0 && !member
        && modern.members().size() >= static_cast<std::size_t>(std::max(sizeMax, 0)))
        return ErrorCode::GroupMaxSizeReached;
    if (beat.member.instanceId) {
        const ModernMember *holder = modern.staticMember(*beat.member.instanceId);
        if (joins) {
            return holder && holder->epoch != kLeaveForNowEpoch ? ErrorCode::UnreleasedInstanceId
                                                                : ErrorCode::None;
        }
        if (!holder)
            return ErrorCode::UnknownMemberId;
        if (holder->memberId != memberId)
            return ErrorCode::FencedInstanceId;
        member = holder;
    }
    if (!member)
        return joins ? ErrorCode::None : ErrorCode::UnknownMemberId;
    return admitEpoch(beat, *member);
}

/// A member that comes with its previous epoch has not heard of the new one; in a consumer group it
/// must not have anything that the new one does not give it.
ErrorCode GroupCoordinator::admitEpoch(const Beat &beat, const ModernMember &member) const
{
    if (beat.epoch <= kJoinEpoch || beat.epoch == member.epoch)
        return ErrorCode::None;
    const bool missedTheAnswer = beat.epoch == member.previousEpoch && beat.epoch < member.epoch
        && (beat.type == GroupType::Share || isSubset(beat.owned, member.assigned));
    return missedTheAnswer ? ErrorCode::None : ErrorCode::FencedMemberEpoch;
}

GroupCoordinator::Group &GroupCoordinator::modernGroup(const Beat &beat, Context &context)
{
    Group *known = find(beat.group);
    Group &group = known ? *known : create(beat.group, context);
    if (group.modern)
        return group;
    if (known) {
        group.toBury.push_back(encodeKey(GroupKey{group.id}));
        for (auto &[id, handle] : group.pendingMembers)
            m_deadlines.cancel(handle);
        group.pendingMembers.clear();
        group.protocolType.clear();
        group.protocolName.clear();
    }
    group.generation = 0;
    group.modern.emplace(beat.type, m_config.plantedBug == PlantedBug::OverlappingAssignment);
    return group;
}

/// False when it has members: then it stays what it is. Share groups stay it for good.
bool GroupCoordinator::becomeClassic(Group &group)
{
    if (group.modern->type() != GroupType::Consumer || !group.modern->members().empty())
        return false;
    for (const ModernRecordKey &key : group.modern->allKeys())
        group.toBury.push_back(encodeKey(ModernKey{GroupType::Consumer, group.id, key}));
    group.modern.reset();
    group.generation = 0;
    group.protocolName.clear();
    return true;
}

GroupCoordinator::BeatAnswer GroupCoordinator::takeBeat(
    const Beat &beat, const ClusterImage &image, Context &context)
{
    BeatAnswer answer;
    answer.error = admitBeat(beat, find(beat.group));
    if (answer.error != ErrorCode::None) {
        if (answer.error == ErrorCode::FencedMemberEpoch
            || answer.error == ErrorCode::FencedInstanceId) {
            context.trace.record({.at = context.now,
                .kind = kind(LogEvent::MemberFenced),
                .subject = context.trace.name(beat.group),
                .actor = beat.member.name,
                .value = static_cast<std::int64_t>(answer.error)});
        }
        return answer;
    }
    Group &group = modernGroup(beat, context);
    const std::string &memberId = beat.member.memberId;
    const bool isNew = !group.modern->member(memberId);
    const std::vector<TopicPartition> before =
        isNew ? std::vector<TopicPartition>{} : partitionsOf(*group.modern->member(memberId));
    const bool subscriptionChanged = joinOrUpdate(group, beat);
    updateEpoch(group, subscriptionChanged, image);
    updateTarget(group, image, context);
    updateMember(group, beat, subscriptionChanged, context);
    keepModernAlive(group, memberId, image, context);
    if (beat.type == GroupType::Share)
        answer.toInitialize = sharesToInitialize(group, image, context);
    const ModernMember &member = *group.modern->member(memberId);
    if (isNew) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::MemberJoined),
            .subject = group.name,
            .actor = member.name,
            .value = member.epoch});
    }
    showState(group, isNew ? LogReason::NewMember : LogReason::MetadataChanged, context);
    answer.epoch = member.epoch;
    if (std::vector<TopicPartition> after = partitionsOf(member); beat.isFull || after != before)
        answer.assignment = std::move(after);
    return answer;
}

/// Returns whether it subscribes to other topics than before.
bool GroupCoordinator::joinOrUpdate(Group &group, const Beat &beat)
{
    ModernGroup &modern = *group.modern;
    const std::string &memberId = beat.member.memberId;
    if (beat.epoch == kJoinEpoch && beat.member.instanceId) {
        const ModernMember *holder = modern.staticMember(*beat.member.instanceId);
        if (holder) {
            const std::string left = holder->memberId;
            if (const auto life = group.lives.find(left); life != group.lives.end()) {
                cancel(life->second);
                group.lives.erase(life);
            }
            modern.replace(left, memberId);
        }
    }
    const ModernMember *known = modern.member(memberId);
    ModernMember said = known ? *known : ModernMember{};
    said.memberId = memberId;
    said.clientId = beat.member.clientId;
    said.name = beat.member.name;
    if (beat.member.instanceId)
        said.instanceId = beat.member.instanceId;
    if (beat.member.rebalanceTimeoutMs != -1)
        said.rebalanceTimeoutMs = beat.member.rebalanceTimeoutMs;
    if (beat.member.assignor)
        said.assignor = beat.member.assignor;
    if (beat.topics)
        said.topics = *beat.topics;
    return modern.subscribe(said);
}

void GroupCoordinator::updateEpoch(
    Group &group, bool subscriptionChanged, const ClusterImage &image)
{
    ModernGroup &modern = *group.modern;
    const bool sharesWait =
        modern.epoch() <= modern.assignmentEpoch() && modern.hasUnassignedShares();
    if (!subscriptionChanged && !sharesWait && group.seenMetadata == m_metadataVersion)
        return;
    group.seenMetadata = m_metadataVersion;
    const std::set<std::string> topics = modern.subscribedTopics();
    group.topicSizes.clear();
    for (const std::string &name : topics) {
        if (const TopicImage *topic = image.topic(name)) {
            group.topicIds[name] = topic->id;
            group.topicSizes[name] = static_cast<std::int32_t>(topic->partitions.size());
        }
    }
    const std::uint64_t hash = hashOf(topics, group.topicSizes, group.topicIds);
    if (!subscriptionChanged && !sharesWait && hash == modern.metadataHash())
        return;
    modern.bumpEpoch(hash);
    group.generation = modern.epoch();
}

/// Not more often than once in the assignment interval: many that join together cost one target.
void GroupCoordinator::updateTarget(Group &group, const ClusterImage &image, Context &context)
{
    ModernGroup &modern = *group.modern;
    if (modern.epoch() <= modern.assignmentEpoch())
        return;
    const bool isShare = modern.type() == GroupType::Share;
    const std::chrono::milliseconds interval =
        isShare ? kShareAssignmentInterval : m_config.consumerAssignmentInterval;
    const std::int64_t nowMs = epochMillis(context.wallClock());
    // One in the future was written by a coordinator whose clock was ahead: it holds nobody back.
    const std::int64_t lastMs = modern.assignmentMs();
    if (lastMs != 0 && nowMs >= lastMs && nowMs < lastMs + interval.count())
        return;
    PartitionCounts counts;
    PartitionSet assignable;
    for (const std::string &name : modern.subscribedTopics()) {
        const TopicImage *topic = image.topic(name);
        if (!topic)
            continue;
        const auto count = static_cast<std::int32_t>(topic->partitions.size());
        counts.emplace(name, count);
        for (std::int32_t i = 0; isShare && i < count; ++i) {
            if (TopicPartition partition{name, i}; modern.initialized().contains(partition))
                assignable.insert(std::move(partition));
        }
    }
    const std::string assignor = isShare
        ? "simple"
        : modern.preferredAssignor().value_or(m_config.consumerAssignors.front());
    TargetAssignment target = isShare
        ? assignShares(modern.assignees(), assignable)
        : assignPartitions(serverAssignorByName(assignor).value_or(ServerAssignor::Uniform),
              modern.assignees(), counts);
    if (m_config.plantedBug == PlantedBug::OverlappingAssignment && !isShare) {
        const PartitionSet first = target.begin()->second;
        for (auto &[id, partitions] : target)
            partitions = first;
    }
    group.protocolName = assignor;
    modern.setTarget(std::move(target), nowMs);
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::TargetAssignmentComputed),
        .subject = group.name,
        .detail = context.trace.name(assignor),
        .count = static_cast<std::int64_t>(modern.members().size()),
        .value = modern.epoch()});
}

void GroupCoordinator::updateMember(
    Group &group, const Beat &beat, bool subscriptionChanged, Context &context)
{
    const std::string &memberId = beat.member.memberId;
    const ModernMember before = *group.modern->member(memberId);
    if (!group.modern->reconcile(memberId, subscriptionChanged, beat.owned))
        return;
    const ModernMember &member = *group.modern->member(memberId);
    Life &life = group.lives[memberId];
    m_deadlines.cancel(life.revocation);
    if (member.state == ModernMemberState::UnrevokedPartitions) {
        life.revocation =
            m_deadlines.set(context.now + std::chrono::milliseconds{member.rebalanceTimeoutMs},
                {Due::Revocation, group.id, memberId, member.epoch});
    }
    if (member.epoch != before.epoch || member.state != before.state) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::MemberEpochChanged),
            .subject = group.name,
            .actor = member.name,
            .detail = context.trace.name(memberStateName(member.state)),
            .value = member.epoch});
    }
}

void GroupCoordinator::showState(Group &group, LogReason why, Context &context)
{
    if (const GroupState state = group.modern->state(); state != group.state)
        changeState(group, state, why, context);
}

void GroupCoordinator::keepModernAlive(
    Group &group, const std::string &memberId, const ClusterImage &image, Context &context)
{
    Life &life = group.lives[memberId];
    life.lastHeartbeat = context.now;
    m_deadlines.cancel(life.session);
    const GroupConfig configured = GroupConfig::of(m_config, image.groupConfigs(group.id));
    const std::chrono::milliseconds timeout = group.modern->type() == GroupType::Share
        ? configured.shareSessionTimeout
        : configured.consumerSessionTimeout;
    life.session = m_deadlines.set(context.now + timeout, {Due::ModernSession, group.id, memberId});
}

void GroupCoordinator::cancel(Life &life)
{
    m_deadlines.cancel(life.session);
    m_deadlines.cancel(life.revocation);
}

GroupCoordinator::BeatAnswer GroupCoordinator::leaveModern(const Beat &beat, Context &context)
{
    BeatAnswer answer;
    Group *group = find(beat.group);
    answer.error = admitBeat(beat, group);
    answer.epoch = beat.epoch;
    if (answer.error != ErrorCode::None)
        return answer;
    const std::string &memberId = beat.member.memberId;
    if (beat.epoch != kLeaveForNowEpoch) {
        removeModern(*group, memberId, LogReason::MemberLeaves, context);
        return answer;
    }
    // It will be back; until its session ends its partitions wait for it.
    group->modern->leaveForNow(memberId);
    m_deadlines.cancel(group->lives[memberId].revocation);
    showState(*group, LogReason::MemberLeaves, context);
    return answer;
}

void GroupCoordinator::removeModern(
    Group &group, const std::string &memberId, LogReason why, Context &context)
{
    ModernGroup &modern = *group.modern;
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::MemberLeft),
        .reason = reason(why),
        .subject = group.name,
        .actor = modern.member(memberId)->name,
        .value = modern.epoch()});
    modern.remove(memberId);
    if (const auto life = group.lives.find(memberId); life != group.lives.end()) {
        cancel(life->second);
        group.lives.erase(life);
    }
    modern.bumpEpoch(hashOf(modern.subscribedTopics(), group.topicSizes, group.topicIds));
    group.generation = modern.epoch();
    showState(group, why, context);
}

/// It was told to give up partitions, and has not done so within its rebalance timeout.
void GroupCoordinator::revocationOver(
    Group &group, const std::string &memberId, std::int32_t epoch, Context &context)
{
    group.lives.at(memberId).revocation.reset();
    const ModernMember *member = group.modern->member(memberId);
    if (member->epoch != epoch || member->state != ModernMemberState::UnrevokedPartitions)
        return;
    removeModern(group, memberId, LogReason::RebalanceTimeout, context);
}

void GroupCoordinator::showModern(const Group &group, GroupSnapshot &out) const
{
    out.generation = group.modern->epoch();
    out.assignmentEpoch = group.modern->assignmentEpoch();
    out.members.reserve(group.modern->members().size());
    for (const auto &[id, member] : group.modern->members()) {
        MemberSnapshot &shown = out.members.emplace_back();
        shown.memberId = id;
        shown.clientId = member.clientId;
        shown.groupInstanceId = member.instanceId;
        shown.assignment = partitionsOf(member);
        if (const auto life = group.lives.find(id); life != group.lives.end())
            shown.lastHeartbeat = life->second.lastHeartbeat;
        shown.memberEpoch = member.epoch;
        shown.state = memberStateName(member.state);
        const PartitionSet &target = group.modern->target(id);
        shown.target.assign(target.begin(), target.end());
        for (const auto &[partition, epoch] : member.revoking)
            shown.revoking.push_back(partition);
    }
}

} // namespace queuelab::log
