// The ends of transactions on a partition's leader: the markers that the transaction coordinator
// has written, and the last stable offset that moves when they are committed (facts: kafka.md 4.4).

#include "engine/log/broker_state.h"
#include "engine/log/control_records.h"

#include <utility>

namespace queuelab::log {

void Broker::State::writeMarkers(Caller caller, NameId client,
    const WriteTxnMarkersRequest &request, Context &context, Effects &effects)
{
    const MarkersId requestId = nextMarkers++;
    ParkedMarkers parked{caller, request};
    std::vector<MarkerAppend> appends;
    for (std::size_t i = 0; i < request.markers.size(); ++i) {
        const WriteTxnMarkersRequest::Marker &marker = request.markers[i];
        WriteTxnMarkersResponse::Marker &answer = parked.response.markers.emplace_back();
        answer.producerId = marker.producerId;
        for (const TopicPartition &partitionName : marker.partitions) {
            appends.push_back({requestId, i, answer.partitions.size()});
            answer.partitions.push_back({partitionName, ErrorCode::InvalidRequest});
        }
    }
    // Clients have no say in how a transaction ends but through its coordinator.
    if (caller.peer.value() == 0 || appends.empty()) {
        caller.answer(std::move(parked.response), effects);
        return;
    }
    parked.awaited = appends.size();
    parkedMarkers.emplace_hint(parkedMarkers.end(), requestId, std::move(parked));
    for (const MarkerAppend &append : appends) {
        const WriteTxnMarkersRequest::Marker &marker = request.markers[append.marker];
        SharedBytes batch(endTransactionBatch(
            marker.committed ? ControlType::Commit : ControlType::Abort, marker.producerId,
            marker.producerEpoch, marker.coordinatorEpoch, epochMillis(context.wallClock())));
        Appended appended = appendBatch(
            {.partition = marker.partitions[append.partition], .records = std::move(batch)}, -1,
            client, AppendOrigin::Broker, context, effects,
            {.markerVersion = marker.transactionVersion});
        if (appended.awaits) {
            ProduceResponse response;
            response.partitions.push_back(std::move(appended.result));
            park(append, std::move(response), {{0, *appended.awaits}}, kRequestTimeout, context);
        } else {
            markerSettled(append, appended.result.error, context, effects);
        }
    }
}

void Broker::State::markerSettled(
    const MarkerAppend &append, ErrorCode error, Context &context, Effects &effects)
{
    const auto found = parkedMarkers.find(append.request);
    ParkedMarkers &parked = found->second;
    const WriteTxnMarkersRequest::Marker &marker = parked.request.markers[append.marker];
    const TopicPartition &partitionName = marker.partitions[append.partition];
    parked.response.markers[append.marker].partitions[append.partition].error = error;
    if (error == ErrorCode::None && partitionName.topic == kOffsetsTopic) {
        coordinator.transactionEnded(
            partitionName.partition, marker.producerId, marker.committed, context, effects);
    }
    if (--parked.awaited > 0)
        return;
    parked.caller.answer(std::move(parked.response), effects);
    parkedMarkers.erase(found);
}

void Broker::State::recordMarker(
    const Partition &partition, ByteView batch, const AppendResult &appended, Context &context)
{
    const BatchHeader header = *readBatchHeader(batch);
    const auto marker = readEndTransaction(header, batch);
    if (!marker)
        return;
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::MarkerWritten),
        .subject = partition.name,
        .detail = context.trace.name(marker->committed ? "COMMIT" : "ABORT"),
        .item = appended.baseOffset,
        .count = appended.ended ? appended.ended->recordCount : 0,
        .value = header.producerId});
}

void Broker::State::followLastStableOffset(Partition &partition, std::int64_t stableBefore,
    std::int64_t before, std::int64_t bytes, Context &context, Effects &effects)
{
    const std::int64_t stable = partition.log.lastStableOffset(partition.highWatermark);
    if (stableBefore == before && stable == partition.highWatermark) {
        wakeFetches(partition.waitingCommitted, bytes, context, effects);
        return;
    }
    // A transaction holds it back, or did: it moves by other steps than the high watermark.
    if (stable <= stableBefore)
        return;
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::LastStableOffsetMoved),
        .subject = partition.name,
        .item = stable});
    reconsiderFetches(partition.waitingCommitted, context, effects);
}

} // namespace queuelab::log
