// What groups ask for beside membership: where their coordinator is, and their committed offsets.

#include "engine/log/broker_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::size_t kOffsetMetadataMaxBytes = 4096; // offset.metadata.max.bytes

} // namespace

FindCoordinatorResponse Broker::State::findCoordinator(const FindCoordinatorRequest &request) const
{
    if (request.group.empty())
        return {ErrorCode::InvalidGroupId, -1};
    return {ErrorCode::None, id.value()};
}

OffsetCommitResponse Broker::State::commitOffsets(
    const OffsetCommitRequest &request, NameId client, Context &context)
{
    const NameId member = coordinator.nameOf(request.group, request.memberId);
    const NameId committer = member == kNoName ? client : member;
    const ErrorCode refused = coordinator.admitCommit(request, context);
    OffsetCommitResponse response;
    response.partitions.reserve(request.partitions.size());
    OffsetStore::Commits commits;
    for (const OffsetCommitRequest::Partition &wanted : request.partitions) {
        ErrorCode error = refused;
        if (error == ErrorCode::None && !find(wanted.partition))
            error = ErrorCode::UnknownTopicOrPartition;
        if (error == ErrorCode::None && wanted.metadata.size() > kOffsetMetadataMaxBytes)
            error = ErrorCode::OffsetMetadataTooLarge;
        if (error == ErrorCode::None) {
            commits[wanted.partition] = {wanted.committedOffset, wanted.committedLeaderEpoch,
                wanted.metadata, epochMillis(context.wallClock())};
        }
        response.partitions.push_back({wanted.partition, error});
    }
    const ErrorCode stored = offsets.commit(request.group, commits, context);
    ErrorCode firstError = stored;
    for (OffsetCommitResponse::Partition &partition : response.partitions) {
        if (partition.error == ErrorCode::None)
            partition.error = stored;
        else if (firstError == ErrorCode::None)
            firstError = partition.error;
    }
    if (firstError != ErrorCode::None) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::CommitRefused),
            .subject = context.trace.name(request.group),
            .actor = committer,
            .value = static_cast<std::int64_t>(firstError)});
    }
    if (stored != ErrorCode::None)
        return response;
    const NameId group = context.trace.name(request.group);
    for (const auto &[partition, commit] : commits) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::OffsetCommitted),
            .subject = find(partition)->name,
            .actor = committer,
            .detail = group,
            .item = commit.offset});
    }
    return response;
}

OffsetFetchResponse Broker::State::fetchOffsets(const OffsetFetchRequest &request) const
{
    OffsetFetchResponse response;
    if (request.group.empty()) {
        response.error = ErrorCode::InvalidGroupId;
        return response;
    }
    const OffsetStore::Commits *commits = offsets.commitsOf(request.group);
    if (!request.partitions) {
        if (commits) {
            for (const auto &[partition, commit] : *commits)
                response.partitions.push_back(
                    {partition, ErrorCode::None, commit.offset, commit.metadata});
        }
        return response;
    }
    response.partitions.reserve(request.partitions->size());
    for (const TopicPartition &partition : *request.partitions) {
        OffsetFetchResponse::Partition &out = response.partitions.emplace_back();
        out.partition = partition;
        if (!commits)
            continue;
        if (const auto found = commits->find(partition); found != commits->end()) {
            out.committedOffset = found->second.offset;
            out.metadata = found->second.metadata;
        }
    }
    return response;
}

std::vector<GroupSnapshot> Broker::State::groups() const
{
    std::vector<GroupSnapshot> shown = coordinator.snapshot();
    for (const auto &[name, commits] : offsets.all()) {
        auto group = std::ranges::lower_bound(shown, name, {}, &GroupSnapshot::name);
        // Groups that only commit, or that have not been seen since the broker started, have no
        // members.
        if (group == shown.end() || group->name != name) {
            GroupSnapshot simple;
            simple.name = name;
            group = shown.insert(group, std::move(simple));
        }
        for (const auto &[partition, commit] : commits) {
            group->committed.push_back(
                {partition, commit.offset, Instant(std::chrono::milliseconds(commit.timestampMs))});
        }
    }
    return shown;
}

} // namespace queuelab::log
