// How records go: by retention, and by DeleteRecords.

#include "engine/log/broker_state.h"

#include <algorithm>

namespace queuelab::log {

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
    const auto leading = led(wanted.partition);
    if (!leading)
        return refuse(leading.error());
    Partition *partition = *leading;
    if (const LogConfig &topic = partition->log.config(); topic.compacts && !topic.deletes)
        return refuse(ErrorCode::PolicyViolation);
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

void Broker::State::checkRetention(Context &context)
{
    for (auto &[topicName, topic] : topics) {
        for (std::optional<Partition> &replica : topic.partitions) {
            if (!replica)
                continue;
            Partition &partition = *replica;
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
                    .detail = name,
                    .item = before[i].baseOffset,
                    .count = end - before[i].baseOffset,
                    .value = static_cast<std::int64_t>(before[i].sizeBytes)});
            }
        }
    }
    deleteDelayed(context);
}

void Broker::State::deleteDelayed(Context &context)
{
    nextDelayedDelete.reset();
    for (auto &[topicName, topic] : topics) {
        for (std::optional<Partition> &partition : topic.partitions) {
            if (!partition)
                continue;
            partition->log.deleteDelayed(context);
            const std::optional<Instant> next = partition->log.nextDelayedDelete();
            if (next && (!nextDelayedDelete || *next < *nextDelayedDelete))
                nextDelayedDelete = next;
        }
    }
}

} // namespace queuelab::log
