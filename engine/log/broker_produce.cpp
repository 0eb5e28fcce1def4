// Producing: one batch for each partition of a request, appended by the leader.

#include "engine/log/broker_state.h"

#include <utility>

namespace queuelab::log {

namespace {

constexpr std::int16_t kAcksAll = -1;
constexpr std::int16_t kAcksNone = 0;
constexpr std::int16_t kAcksLeader = 1;

} // namespace

void Broker::State::produce(Caller caller, NameId producer, const ProduceRequest &request,
    Context &context, Effects &effects)
{
    const bool validAcks =
        request.acks == kAcksAll || request.acks == kAcksNone || request.acks == kAcksLeader;
    ProduceResponse response;
    response.partitions.reserve(request.partitions.size());
    for (const ProduceRequest::Partition &batch : request.partitions) {
        if (validAcks) {
            response.partitions.push_back(
                appendBatch(batch, request.acks, producer, context, effects));
        } else {
            response.partitions.push_back(
                {.partition = batch.partition, .error = ErrorCode::InvalidRequiredAcks});
        }
    }
    if (request.acks != kAcksNone)
        effects.push_back(Answer{caller.client, caller.id, std::move(response)});
}

ProduceResponse::Partition Broker::State::appendBatch(const ProduceRequest::Partition &batch,
    std::int16_t acks, NameId producer, Context &context, Effects &effects)
{
    ProduceResponse::Partition result;
    result.partition = batch.partition;
    Partition *partition = find(batch.partition);
    const auto refuse = [&](ErrorCode error) {
        result.error = error;
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::BatchRefused),
            .subject = partition ? partition->name : context.trace.name(batch.partition.name()),
            .actor = producer,
            .value = static_cast<std::int64_t>(error)});
        return result;
    };
    if (!partition)
        return refuse(ErrorCode::UnknownTopicOrPartition);
    if (partition->leader != id.value())
        return refuse(ErrorCode::NotLeaderOrFollower);
    const auto inSync = static_cast<std::int32_t>(partition->isr.size());
    if (acks == kAcksAll && inSync < partition->log.config().minInsyncReplicas)
        return refuse(ErrorCode::NotEnoughReplicas);

    const auto appended =
        partition->log.append(batch.records.view(), partition->leaderEpoch, context);
    if (!appended)
        return refuse(appended.error());
    result.baseOffset = appended->baseOffset;
    result.logAppendTimeMs = appended->logAppendTimeMs;
    result.logStartOffset = partition->log.logStartOffset();
    if (appended->rolled) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::SegmentRolled),
            .subject = partition->name,
            .item = appended->baseOffset});
    }
    const auto bytes = static_cast<std::int64_t>(batch.records.size());
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::BatchAppended),
        .subject = partition->name,
        .actor = producer,
        .item = appended->baseOffset,
        .count = appended->lastOffset - appended->baseOffset + 1,
        .value = bytes});
    // The only replica has it, so it is committed: the batch-appended event says all, no
    // high-watermark-moved beside it.
    partition->highWatermark = partition->log.logEndOffset();
    invariant(partition->highWatermark >= partition->log.logStartOffset(),
        "the high watermark is never below the log start offset");
    wakeFetches(*partition, bytes, context, effects);
    return result;
}

} // namespace queuelab::log
