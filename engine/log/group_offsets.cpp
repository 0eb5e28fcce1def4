// Committed offsets: who may commit, what is committed, and when it is forgotten.

#include "engine/log/group_coordinator.h"

#include "engine/log/assignor.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::size_t kOffsetMetadataMaxBytes = 4096; // offset.metadata.max.bytes
constexpr std::string_view kConsumerProtocolType = "consumer";

} // namespace

NameId GroupCoordinator::nameOf(const std::string &group, const std::string &memberId) const
{
    const auto found = m_groups.find(group);
    if (found == m_groups.end())
        return kNoName;
    if (found->second.modern) {
        const ModernMember *modern = found->second.modern->member(memberId);
        return modern ? modern->name : kNoName;
    }
    const auto member = found->second.members.find(memberId);
    return member == found->second.members.end() ? kNoName : member->second.name;
}

/// Whether this member may commit now; keeps its session alive if so.
ErrorCode GroupCoordinator::admitCommit(const OffsetCommitRequest &request, Context &context)
{
    if (request.group.empty())
        return ErrorCode::InvalidGroupId;
    if (!coordinates(request.group))
        return ErrorCode::NotCoordinator;
    Group *group = find(request.group);
    if (!group)
        return request.generation < 0 ? ErrorCode::None : ErrorCode::IllegalGeneration;
    if (group->modern)
        return ErrorCode::None; // judged by the partition
    if (request.generation < 0 && group->state == GroupState::Empty)
        return ErrorCode::None;
    const bool isSimple =
        request.generation < 0 && request.memberId.empty() && !request.groupInstanceId;
    if (isSimple) {
        // The group has members, and the committer is none of them.
        return ErrorCode::UnknownMemberId;
    }
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

GroupCoordinator::Commits GroupCoordinator::gather(const std::string &group,
    std::span<const OffsetCommitRequest::Partition> wanted, ErrorCode admitted,
    std::span<const ErrorCode> refused, const Context &context)
{
    invariant(refused.empty() || refused.size() == wanted.size(),
        "there is one verdict of the broker for each partition of a commit");
    const std::int64_t nowMs = epochMillis(context.wallClock());
    Commits commits;
    commits.batch.reset();
    commits.verdicts.reserve(wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        const OffsetCommitRequest::Partition &partition = wanted[i];
        ErrorCode error = admitted;
        if (error == ErrorCode::None && !refused.empty())
            error = refused[i];
        if (error == ErrorCode::None && partition.metadata.size() > kOffsetMetadataMaxBytes)
            error = ErrorCode::OffsetMetadataTooLarge;
        commits.verdicts.push_back(error);
        if (error != ErrorCode::None)
            continue;
        const Commit commit{
            partition.committedOffset, partition.committedLeaderEpoch, partition.metadata, nowMs};
        commits.batch.append(
            nowMs, encodeKey(OffsetKey{group, partition.partition}), encodeValue(commit));
        commits.accepted.emplace_back(partition.partition, commit);
    }
    return commits;
}

void GroupCoordinator::commit(Caller caller, const OffsetCommitRequest &request, NameId client,
    Context &context, Effects &effects, std::span<const ErrorCode> refused)
{
    const ErrorCode admitted = admitCommit(request, context);
    std::vector<ErrorCode> judged;
    if (const Group *group = find(request.group); group && group->modern) {
        judged = judgeModernCommit(*group->modern, request.generation, request.memberId,
            request.partitions, refused, false);
        refused = judged;
    }
    Commits commits = gather(request.group, request.partitions, admitted, refused, context);
    OffsetsCommitted pending{
        {caller}, nameOf(request.group, request.memberId), {}, std::move(commits.accepted)};
    if (pending.committer == kNoName)
        pending.committer = client;
    pending.response.partitions.reserve(request.partitions.size());
    for (std::size_t i = 0; i < request.partitions.size(); ++i)
        pending.response.partitions.push_back(
            {request.partitions[i].partition, commits.verdicts[i]});
    if (pending.commits.empty())
        return finish(request.group, pending, ErrorCode::None, context, effects);
    write(request.group, std::move(pending), commits.batch);
}

void GroupCoordinator::recordRefusedCommit(
    NameId group, NameId committer, ErrorCode error, Context &context) const
{
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::CommitRefused),
        .subject = group,
        .actor = committer,
        .value = static_cast<std::int64_t>(error)});
}

void GroupCoordinator::finish(const std::string &groupId, OffsetsCommitted &write, ErrorCode error,
    Context &context, Effects &effects)
{
    ErrorCode firstError = ErrorCode::None;
    for (OffsetCommitResponse::Partition &partition : write.response.partitions) {
        if (partition.error == ErrorCode::None)
            partition.error = error;
        if (firstError == ErrorCode::None)
            firstError = partition.error;
    }
    const NameId groupName = context.trace.name(groupId);
    if (firstError != ErrorCode::None)
        recordRefusedCommit(groupName, write.committer, firstError, context);
    if (error == ErrorCode::None && !write.commits.empty()) {
        // A group that only commits begins with its first commit.
        Group *known = find(groupId);
        Group &group = known ? *known : create(groupId, context);
        for (auto &[partition, commit] : write.commits) {
            context.trace.record({.at = context.now,
                .kind = kind(LogEvent::OffsetCommitted),
                .subject = context.trace.name(partition.name()),
                .actor = write.committer,
                .detail = groupName,
                .item = commit.offset});
            group.offsets[partition] = {std::move(commit), m_nextOrder++};
        }
    }
    write.call.answer(std::move(write.response), effects);
}

/// A member may be told only while it is the one that the coordinator knows; others need not say
/// who they are.
ErrorCode GroupCoordinator::admitFetch(
    const ModernGroup &group, const OffsetFetchRequest &request) const
{
    if (!request.memberId && request.memberEpoch < 0)
        return ErrorCode::None;
    const ModernMember *member = group.member(request.memberId.value_or(std::string()));
    if (!member)
        return ErrorCode::UnknownMemberId;
    return member->epoch == request.memberEpoch ? ErrorCode::None : ErrorCode::StaleMemberEpoch;
}

/// With an epoch before its present one a member may still commit what it had then and has now
/// (KIP-1251).
std::vector<ErrorCode> GroupCoordinator::judgeModernCommit(const ModernGroup &group,
    std::int32_t epoch, const std::string &memberId,
    std::span<const OffsetCommitRequest::Partition> wanted, std::span<const ErrorCode> refused,
    bool inTransaction) const
{
    std::vector<ErrorCode> verdicts(wanted.size(), ErrorCode::None);
    const bool isShare = group.type() == GroupType::Share;
    const ModernMember *member = group.member(memberId);
    const bool isSimple = epoch < 0 && group.members().empty();
    const bool isUnchecked = inTransaction && epoch == -1 && memberId.empty();
    const ErrorCode stale =
        inTransaction ? ErrorCode::IllegalGeneration : ErrorCode::StaleMemberEpoch;
    for (std::size_t i = 0; i < wanted.size(); ++i) {
        if (!refused.empty() && refused[i] != ErrorCode::None) {
            verdicts[i] = refused[i];
        } else if (isShare) {
            verdicts[i] = ErrorCode::GroupIdNotFound; // it commits no offsets
        } else if (isSimple || isUnchecked) {
            continue;
        } else if (!member) {
            verdicts[i] = ErrorCode::UnknownMemberId;
        } else if (epoch != member->epoch) {
            const TopicPartition &partition = wanted[i].partition;
            auto since = member->assigned.find(partition);
            if (since == member->assigned.end()) {
                since = member->revoking.find(partition);
                if (since == member->revoking.end()) {
                    verdicts[i] = stale;
                    continue;
                }
            }
            if (epoch > member->epoch || epoch < since->second)
                verdicts[i] = stale;
        }
    }
    return verdicts;
}

OffsetFetchResponse GroupCoordinator::fetch(const OffsetFetchRequest &request) const
{
    OffsetFetchResponse response;
    if (request.group.empty())
        response.error = ErrorCode::InvalidGroupId;
    else if (!coordinates(request.group))
        response.error = ErrorCode::NotCoordinator;
    if (const auto known = m_groups.find(request.group);
        response.error == ErrorCode::None && known != m_groups.end() && known->second.modern)
        response.error = admitFetch(*known->second.modern, request);
    if (response.error != ErrorCode::None)
        return response;

    static const StoredCommits kNone;
    const auto group = m_groups.find(request.group);
    const StoredCommits &offsets = group == m_groups.end() ? kNone : group->second.offsets;
    const std::set<TopicPartition> unstable =
        request.requireStable ? unstableOffsets(request.group) : std::set<TopicPartition>{};
    const auto tell = [&](const TopicPartition &partition) {
        OffsetFetchResponse::Partition &out = response.partitions.emplace_back();
        out.partition = partition;
        const auto found = offsets.find(partition);
        if (unstable.contains(partition)) {
            out.error = ErrorCode::UnstableOffsetCommit;
        } else if (found != offsets.end()) {
            out.committedOffset = found->second.commit.offset;
            out.committedLeaderEpoch = found->second.commit.leaderEpoch;
            out.metadata = found->second.commit.metadata;
        }
    };
    response.partitions.reserve(request.partitions ? request.partitions->size() : offsets.size());
    if (request.partitions) {
        std::ranges::for_each(*request.partitions, tell);
    } else {
        for (const auto &[partition, stored] : offsets)
            tell(partition);
    }
    return response;
}

/// Writes tombstones; what they name is gone when they are committed.
void GroupCoordinator::bury(const std::string &group, std::vector<TopicPartition> offsets,
    bool wholeGroup, Context &context)
{
    const std::int64_t nowMs = epochMillis(context.wallClock());
    BatchBuilder batch;
    batch.reset();
    for (const TopicPartition &partition : offsets)
        batch.append(nowMs, encodeKey(OffsetKey{group, partition}), std::nullopt);
    if (const Group *known = wholeGroup ? find(group) : nullptr; known && known->modern) {
        for (const ModernRecordKey &key : known->modern->allKeys()) {
            batch.append(
                nowMs, encodeKey(ModernKey{known->modern->type(), group, key}), std::nullopt);
        }
    } else if (wholeGroup) {
        batch.append(nowMs, encodeKey(GroupKey{group}), std::nullopt);
    }
    write(group, Tombstones{std::move(offsets), wholeGroup}, batch);
}

void GroupCoordinator::finish(
    const std::string &groupId, Tombstones &write, ErrorCode error, Context &, Effects &)
{
    Group *group = find(groupId);
    if (!group || error != ErrorCode::None)
        return; // what should have gone stays until the next look
    for (const TopicPartition &partition : write.offsets) {
        group->offsets.erase(partition);
        for (auto &[producerId, pending] : group->pendingTxn)
            pending.erase(partition);
    }
    std::erase_if(group->pendingTxn, [](const auto &entry) { return entry.second.empty(); });
    // It may have come to life again meanwhile.
    if (write.group && group->state == GroupState::Empty && group->pendingMembers.empty()
        && group->offsets.empty() && group->pendingTxn.empty() && !isBeingWritten(groupId))
        forget(*group);
}

void GroupCoordinator::forgetTopic(const std::string &topic, Context &context)
{
    std::map<std::string, std::set<TopicPartition>> gone;
    const auto collect = [&](const std::string &group, const auto &commits) {
        for (const auto &[partition, commit] : commits) {
            if (partition.topic == topic)
                gone[group].insert(partition);
        }
    };
    for (const auto &[id, group] : m_groups) {
        collect(id, group.offsets);
        for (const auto &[producerId, pending] : group.pendingTxn)
            collect(id, pending);
    }
    // What is on its way into the log goes too: its tombstone comes behind it.
    for (const auto &[id, pending] : m_pending) {
        if (const auto *plain = std::get_if<OffsetsCommitted>(&pending.kind))
            collect(pending.group, plain->commits);
        else if (const auto *inTxn = std::get_if<TxnOffsetsWritten>(&pending.kind))
            collect(pending.group, inTxn->commits);
    }
    for (const auto &[id, partitions] : gone)
        bury(id, {partitions.begin(), partitions.end()}, false, context);
    for (auto &[id, group] : m_groups) {
        if (group.modern && group.modern->type() == GroupType::Share)
            group.modern->forgetTopic(topic); // written with the group's next change
    }
}

/// Nothing when it cannot be told.
std::optional<std::set<std::string>> GroupCoordinator::subscribedTopics(const Group &group)
{
    if (group.modern)
        return group.modern->subscribedTopics();
    if (group.members.empty())
        return std::set<std::string>{};
    if (group.protocolType != kConsumerProtocolType)
        return std::nullopt;
    std::set<std::string> topics;
    for (const auto &[id, member] : group.members) {
        const auto subscribed =
            decodeSubscribedTopics(metadataFor(member, group.protocolName).view());
        if (!subscribed)
            return std::nullopt;
        topics.insert(subscribed->begin(), subscribed->end());
    }
    return topics;
}

/// Kafka's rules (facts: kafka.md 3.6): a stable group keeps what it subscribes to, one that has
/// become empty keeps everything for a while, a simple one keeps each commit for a while, and so
/// does one of KIP-848 where it subscribes to it no longer.
std::vector<TopicPartition> GroupCoordinator::expiredOffsets(
    const Group &group, std::int64_t nowMs) const
{
    const bool isSimple = group.modern || group.protocolType.empty();
    const bool isEmpty = group.state == GroupState::Empty;
    if (!isSimple && !isEmpty && group.state != GroupState::Stable)
        return {};
    const auto subscribed = subscribedTopics(group);
    if (!subscribed)
        return {};
    std::vector<TopicPartition> expired;
    const auto isPending = [&group](const TopicPartition &partition) {
        return std::ranges::any_of(group.pendingTxn,
            [&partition](const auto &entry) { return entry.second.contains(partition); });
    };
    for (const auto &[partition, stored] : group.offsets) {
        const Commit &commit = stored.commit;
        if (subscribed->contains(partition.topic) || isPending(partition))
            continue;
        const bool countsFromEmpty = !isSimple && isEmpty && group.stateTimestampMs >= 0;
        const std::int64_t since = countsFromEmpty ? group.stateTimestampMs : commit.timestampMs;
        const bool isOver = commit.expireTimestampMs >= 0
            ? nowMs >= commit.expireTimestampMs
            : nowMs - since >= m_config.offsetsRetention.count();
        if (isOver)
            expired.push_back(partition);
    }
    return expired;
}

void GroupCoordinator::expireOffsets(std::int32_t partition, Context &context)
{
    m_loaded.at(partition) = m_deadlines.set(
        context.now + kOffsetsRetentionCheckInterval, {Due::Retention, {}, {}, partition});
    const std::int64_t nowMs = epochMillis(context.wallClock());
    for (const auto &[id, group] : m_groups) {
        // What is being written may make it young again.
        if (group.partition != partition || isBeingWritten(id))
            continue;
        std::vector<TopicPartition> expired = expiredOffsets(group, nowMs);
        const bool isShare = group.modern && group.modern->type() == GroupType::Share;
        const bool nothingLeft = group.state == GroupState::Empty && !isShare
            && expired.size() == group.offsets.size() && group.pendingTxn.empty();
        if (!expired.empty() || nothingLeft)
            bury(id, std::move(expired), nothingLeft, context);
    }
}

} // namespace queuelab::log
