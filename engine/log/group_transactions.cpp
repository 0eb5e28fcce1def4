// Offsets in transactions: they stand in the log as soon as they are committed by a producer, and
// count when a marker behind them says that its transaction has committed (facts: kafka.md 3.6).

#include "engine/log/group_coordinator.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

/// Which commits of a transaction are refused. Unlike a plain commit, one without a member is
/// admitted whatever members there are: the transaction's epoch fences off its predecessors.
ErrorCode GroupCoordinator::admitCommitInTransaction(const TxnOffsetCommitRequest &request) const
{
    if (request.group.empty())
        return ErrorCode::InvalidGroupId;
    if (!coordinates(request.group))
        return ErrorCode::NotCoordinator;
    const auto found = m_groups.find(request.group);
    const bool isMember =
        request.generation >= 0 || !request.memberId.empty() || request.groupInstanceId;
    if (found == m_groups.end())
        return request.generation < 0 ? ErrorCode::None : ErrorCode::IllegalGeneration;
    const Group &group = found->second;
    if (group.modern)
        return ErrorCode::None; // judged by the partition
    if (!isMember || (request.generation < 0 && group.state == GroupState::Empty))
        return ErrorCode::None;
    if (const ErrorCode error = checkMember(group, request.memberId, request.groupInstanceId);
        error != ErrorCode::None)
        return error;
    return request.generation == group.generation ? ErrorCode::None : ErrorCode::IllegalGeneration;
}

void GroupCoordinator::commitInTransaction(Caller caller, const TxnOffsetCommitRequest &request,
    NameId client, Context &context, Effects &effects, std::span<const ErrorCode> refused)
{
    std::vector<OffsetCommitRequest::Partition> wanted;
    wanted.reserve(request.partitions.size());
    for (const TxnOffsetCommitRequest::Partition &partition : request.partitions) {
        wanted.push_back({partition.partition, partition.committedOffset,
            partition.committedLeaderEpoch, partition.metadata});
    }
    std::vector<ErrorCode> judged;
    if (const Group *group = find(request.group); group && group->modern) {
        judged = judgeModernCommit(
            *group->modern, request.generation, request.memberId, wanted, refused, true);
        refused = judged;
    }
    Commits commits =
        gather(request.group, wanted, admitCommitInTransaction(request), refused, context);
    TxnOffsetsWritten pending{{caller}, nameOf(request.group, request.memberId), request.producerId,
        {}, std::move(commits.accepted)};
    if (pending.committer == kNoName)
        pending.committer = client;
    pending.response.partitions.reserve(wanted.size());
    for (std::size_t i = 0; i < wanted.size(); ++i)
        pending.response.partitions.push_back({wanted[i].partition, commits.verdicts[i]});
    if (pending.commits.empty())
        return finish(request.group, pending, ErrorCode::None, context, effects);
    commits.batch.setProducer(request.producerId, request.producerEpoch, -1);
    commits.batch.setTransactional(true);
    write(request.group, std::move(pending), commits.batch);
}

void GroupCoordinator::finish(const std::string &groupId, TxnOffsetsWritten &write, ErrorCode error,
    Context &context, Effects &effects)
{
    ErrorCode firstError = ErrorCode::None;
    for (TxnOffsetCommitResponse::Partition &partition : write.response.partitions) {
        if (partition.error == ErrorCode::None)
            partition.error = error;
        if (firstError == ErrorCode::None)
            firstError = partition.error;
    }
    const NameId groupName = context.trace.name(groupId);
    if (firstError != ErrorCode::None)
        recordRefusedCommit(groupName, write.committer, firstError, context);
    if (error == ErrorCode::None && !write.commits.empty()) {
        Group *known = find(groupId);
        Group &group = known ? *known : create(groupId, context);
        auto &target = m_config.plantedBug == PlantedBug::TxnOffsetsAtOnce
            ? group.offsets
            : group.pendingTxn[write.producerId];
        for (auto &[partition, commit] : write.commits)
            target[partition] = {std::move(commit), m_nextOrder++};
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::TxnOffsetsPending),
            .subject = groupName,
            .actor = write.committer,
            .count = static_cast<std::int64_t>(write.commits.size()),
            .value = write.producerId});
    }
    write.call.answer(std::move(write.response), effects);
}

void GroupCoordinator::transactionEnded(
    std::int32_t partition, std::int64_t producerId, bool committed, Context &context, Effects &)
{
    for (auto &[id, group] : m_groups) {
        if (group.partition != partition)
            continue;
        auto ended = group.pendingTxn.extract(producerId);
        if (ended.empty())
            continue;
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::TxnOffsetsDecided),
            .subject = group.name,
            .detail = context.trace.name(committed ? "committed" : "dropped"),
            .count = static_cast<std::int64_t>(ended.mapped().size()),
            .value = producerId});
        if (committed)
            materialize(std::move(ended.mapped()), group.offsets);
    }
}

/// A plain commit that stands behind one of the transaction is the younger, and stays.
void GroupCoordinator::materialize(StoredCommits &&pending, StoredCommits &offsets)
{
    for (auto &[partition, stored] : pending) {
        const auto existing = offsets.find(partition);
        if (existing == offsets.end() || existing->second.order < stored.order)
            offsets[partition] = std::move(stored);
    }
}

/// What fetch() with requireStable does not tell: pending offsets, and those on their way into the
/// log.
std::set<TopicPartition> GroupCoordinator::unstableOffsets(const std::string &group) const
{
    std::set<TopicPartition> unstable;
    if (const auto found = m_groups.find(group); found != m_groups.end()) {
        for (const auto &[producerId, pending] : found->second.pendingTxn) {
            for (const auto &[partition, commit] : pending)
                unstable.insert(partition);
        }
    }
    for (const auto &[id, pending] : m_pending) {
        const auto *written = std::get_if<TxnOffsetsWritten>(&pending.kind);
        if (!written || pending.group != group)
            continue;
        for (const auto &[partition, commit] : written->commits)
            unstable.insert(partition);
    }
    return unstable;
}

} // namespace queuelab::log
