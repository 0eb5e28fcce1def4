// How records go: by retention, and by DeleteRecords with its checkpoint of log start offsets.

#include "engine/log/broker_state.h"

#include <algorithm>
#include <charconv>

#include <fmt/core.h>

namespace queuelab::log {

namespace {

/// Kafka's format: a version line, the number of entries, then lines "topic partition offset".
constexpr const char *kLogStartFile = "/log-start-offset-checkpoint";
constexpr std::string_view kCheckpointVersion = "0";

template <class T> bool takeNumber(std::string_view &text, char end, T &value)
{
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
    const auto used = static_cast<std::size_t>(parsed.ptr - text.data());
    if (parsed.ec != std::errc() || used == text.size() || text[used] != end)
        return false;
    text.remove_prefix(used + 1);
    return true;
}

std::optional<std::map<TopicPartition, std::int64_t>> parseOffsets(std::string_view text)
{
    std::size_t count = 0;
    if (!text.starts_with(fmt::format("{}\n", kCheckpointVersion)))
        return std::nullopt;
    text.remove_prefix(kCheckpointVersion.size() + 1);
    if (!takeNumber(text, '\n', count))
        return std::nullopt;
    std::map<TopicPartition, std::int64_t> offsets;
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t space = text.find(' ');
        if (space == std::string_view::npos)
            return std::nullopt;
        TopicPartition partition{std::string(text.substr(0, space)), 0};
        text.remove_prefix(space + 1);
        std::int64_t offset = 0;
        if (!takeNumber(text, ' ', partition.partition) || !takeNumber(text, '\n', offset))
            return std::nullopt;
        offsets[std::move(partition)] = offset;
    }
    return text.empty() ? std::optional(offsets) : std::nullopt;
}

} // namespace

DeleteRecordsResponse Broker::State::deleteRecords(
    const DeleteRecordsRequest &request, NameId client, Context &context)
{
    DeleteRecordsResponse response;
    response.partitions.reserve(request.partitions.size());
    for (const DeleteRecordsRequest::Partition &wanted : request.partitions)
        response.partitions.push_back(deleteRecordsOf(wanted, client, context));
    return response;
}

DeleteRecordsResponse::Partition Broker::State::deleteRecordsOf(
    const DeleteRecordsRequest::Partition &wanted, NameId client, Context &context)
{
    DeleteRecordsResponse::Partition result{.partition = wanted.partition};
    const auto refuse = [&result](ErrorCode error) {
        result.error = error;
        return result;
    };
    Partition *partition = find(wanted.partition);
    if (!partition)
        return refuse(ErrorCode::UnknownTopicOrPartition);
    if (partition->leader != id.value())
        return refuse(ErrorCode::NotLeaderOrFollower);
    const std::int64_t before = wanted.beforeOffset == DeleteRecordsRequest::kAll
        ? partition->highWatermark
        : wanted.beforeOffset;
    if (before < 0 || before > partition->highWatermark)
        return refuse(ErrorCode::OffsetOutOfRange);
    const std::int64_t startBefore = partition->log.logStartOffset();
    if (before > startBefore) {
        // The log first, so that after a loss of power it does not end below its start. Then the
        // checkpoint: what was answered as deleted does not come back.
        if (!partition->log.flush(context)
            || !saveLogStartOffsets(context, std::pair(wanted.partition, before)))
            return refuse(ErrorCode::KafkaStorageError);
        partition->log.raiseLogStartOffset(before);
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::RecordsDeleted),
            .subject = partition->name,
            .actor = client,
            .item = startBefore,
            .count = before - startBefore,
            .value = before});
    }
    result.lowWatermark = partition->log.logStartOffset();
    return result;
}

void Broker::State::loadLogStartOffsets(Context &context, std::vector<std::string> &notes)
{
    const std::string path = directory + kLogStartFile;
    if (!context.files.exists(path))
        return;
    std::optional<std::map<TopicPartition, std::int64_t>> starts;
    if (const auto file = context.files.open(path, false)) {
        const auto bytes = readWhole(context.files, *file);
        context.files.close(*file);
        if (bytes)
            starts = parseOffsets(asText(*bytes));
    }
    if (!starts) {
        notes.push_back(path + ": damaged and left aside; logs start at their first segment");
        return;
    }
    for (const auto &[name, offset] : *starts) {
        if (Partition *partition = find(name))
            partition->log.raiseLogStartOffset(offset);
    }
}

Result<void, Error> Broker::State::saveLogStartOffsets(
    Context &context, const std::optional<std::pair<TopicPartition, std::int64_t>> &raised) const
{
    std::map<TopicPartition, std::int64_t> starts;
    for (const auto &[name, topic] : topics) {
        for (std::size_t number = 0; number < topic.partitions.size(); ++number) {
            const PartitionLog &log = topic.partitions[number].log;
            if (log.logStartOffset() > log.segments().front().baseOffset)
                starts[{name, static_cast<std::int32_t>(number)}] = log.logStartOffset();
        }
    }
    if (raised)
        starts[raised->first] = raised->second;
    const std::string path = directory + kLogStartFile;
    if (starts.empty() && !context.files.exists(path))
        return {};
    std::string text = fmt::format("{}\n{}\n", kCheckpointVersion, starts.size());
    for (const auto &[partition, offset] : starts)
        text += fmt::format("{} {} {}\n", partition.topic, partition.partition, offset);
    return replaceFile(context.files, path, asBytes(text));
}

void Broker::State::checkRetention(Context &context)
{
    for (auto &[name, topic] : topics) {
        for (Partition &partition : topic.partitions) {
            const std::vector<SegmentInfo> before = partition.log.segments();
            const std::int64_t startBefore = partition.log.logStartOffset();
            const std::int64_t retainedFrom =
                epochMillis(context.wallClock()) - topic.logConfig.retentionMs;
            const std::size_t deleted =
                partition.log.deleteOldSegments(context, partition.highWatermark);
            for (std::size_t i = 0; i < deleted; ++i) {
                const std::int64_t end = i + 1 < before.size() ? before[i + 1].baseOffset
                                                               : partition.log.logStartOffset();
                const bool isOld =
                    topic.logConfig.retentionMs >= 0 && before[i].maxTimestamp < retainedFrom;
                const LogReason why = end <= startBefore ? LogReason::BelowLogStart
                    : isOld                              ? LogReason::RetentionTime
                                                         : LogReason::RetentionSize;
                context.trace.record({.at = context.now,
                    .kind = kind(LogEvent::SegmentDeleted),
                    .reason = reason(why),
                    .subject = partition.name,
                    .item = before[i].baseOffset,
                    .count = end - before[i].baseOffset,
                    .value = static_cast<std::int64_t>(before[i].sizeBytes)});
            }
        }
    }
}

} // namespace queuelab::log
