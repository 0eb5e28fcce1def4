// What groups need of a broker beside their coordinator: where it is, and the logs it writes to.

#include "engine/log/broker_state.h"

#include <charconv>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::int32_t kLeaderEpoch = 0;

LogConfig offsetsLogConfig()
{
    LogConfig config;
    config.segmentBytes = 104'857'600; // offsets.topic.segment.bytes
    config.retentionMs = -1; // the topic is compacted, never aged out
    config.timestampAfterMaxMs = std::numeric_limits<std::int64_t>::max();
    return config;
}

} // namespace

FindCoordinatorResponse Broker::State::findCoordinator(const FindCoordinatorRequest &request) const
{
    if (request.group.empty())
        return {ErrorCode::InvalidGroupId, -1};
    return {ErrorCode::None, id.value()};
}

void Broker::State::commitOffsets(Caller caller, const OffsetCommitRequest &request, NameId client,
    Context &context, Effects &effects)
{
    std::vector<ErrorCode> refused;
    refused.reserve(request.partitions.size());
    for (const OffsetCommitRequest::Partition &wanted : request.partitions) {
        refused.push_back(
            find(wanted.partition) ? ErrorCode::None : ErrorCode::UnknownTopicOrPartition);
    }
    coordinator.commit(caller, request, client, context, effects, refused);
}

Result<void, Error> Broker::State::openOffsets(
    bool cleanShutdown, Context &context, std::vector<std::string> &notes)
{
    const auto names = context.files.list(directory);
    if (!names)
        return std::unexpected(names.error());
    const std::string prefix = std::string(kOffsetsTopic) + "-";
    for (const std::string &name : *names) {
        if (!name.starts_with(prefix))
            continue;
        std::int32_t partition = -1;
        const char *end = name.data() + name.size();
        const auto parsed = std::from_chars(name.data() + prefix.size(), end, partition);
        if (parsed.ec != std::errc() || parsed.ptr != end)
            continue;
        const auto opened = openOffsetsPartition(partition, cleanShutdown, context, notes);
        if (!opened)
            return opened;
    }
    return {};
}

Result<void, Error> Broker::State::openOffsetsPartition(
    std::int32_t partition, bool cleanShutdown, Context &context, std::vector<std::string> &notes)
{
    RecoveryReport report;
    const std::string name = TopicPartition{std::string(kOffsetsTopic), partition}.name();
    auto log = PartitionLog::open(
        directory + "/" + name, offsetsLogConfig(), cleanShutdown, context, &report);
    if (!log)
        return std::unexpected(log.error());
    notes.insert(notes.end(), report.notes.begin(), report.notes.end());
    const PartitionLog &opened =
        offsetLogs.insert_or_assign(partition, std::move(*log)).first->second;
    return coordinator.load(partition, opened, opened.logEndOffset(), context);
}

Result<void, Error> Broker::State::closeOffsets(Context &context)
{
    for (auto &[partition, log] : offsetLogs) {
        if (const auto closed = log.close(context); !closed)
            return closed;
    }
    return {};
}

void Broker::State::coordinate(const std::string &group, Context &context)
{
    const std::int32_t partition = offsetsPartitionFor(group, config.offsetsTopicPartitions);
    if (offsetLogs.contains(partition))
        return;
    // When it cannot be opened the coordinator answers that it is none.
    std::vector<std::string> notes;
    (void)openOffsetsPartition(partition, true, context, notes);
}

void Broker::State::writeGroups(Context &context, Effects &effects)
{
    std::vector<GroupCoordinator::Write> writes;
    // What is written may lead to more: a write that failed begins a rebalance.
    for (coordinator.takeWrites(writes); !writes.empty(); coordinator.takeWrites(writes)) {
        for (const GroupCoordinator::Write &write : std::exchange(writes, {})) {
            const auto appended =
                offsetLogs.at(write.partition).append(write.batch.view(), kLeaderEpoch, context);
            coordinator.written(
                write.id, appended ? ErrorCode::None : appended.error(), context, effects);
        }
    }
}

} // namespace queuelab::log
