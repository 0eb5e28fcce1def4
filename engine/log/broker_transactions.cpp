// Transactions on the broker that coordinates them: requests find their coordinator, its records
// are read and written, its markers go to the leaders of the partitions.

#include "engine/log/broker_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

/// Whether a marker is to be sent again after this answer.
enum class MarkerFate : std::uint8_t { Settled, Again, Dropped };

MarkerFate fateOf(ErrorCode error)
{
    switch (error) {
    case ErrorCode::None:
    case ErrorCode::InvalidProducerEpoch: // the log is past it: it stands there already
        return MarkerFate::Settled;
    case ErrorCode::TransactionCoordinatorFenced: // a younger coordinator sees to it
        return MarkerFate::Dropped;
    default:
        return MarkerFate::Again;
    }
}

ErrorCode errorOf(
    const WriteTxnMarkersResponse &response, const TransactionCoordinator::MarkerWanted &marker)
{
    const auto answered = std::ranges::find(
        response.markers, marker.producerId, &WriteTxnMarkersResponse::Marker::producerId);
    if (answered == response.markers.end())
        return ErrorCode::UnknownServerError;
    const auto partition = std::ranges::find(
        answered->partitions, marker.partition, &WriteTxnMarkersResponse::Partition::partition);
    return partition == answered->partitions.end() ? ErrorCode::UnknownServerError
                                                   : partition->error;
}

/// One entry for each transaction; one has its markers from one coordinator at a time.
WriteTxnMarkersRequest requestFor(const std::vector<TransactionCoordinator::MarkerWanted> &markers)
{
    WriteTxnMarkersRequest request;
    std::map<std::int64_t, std::size_t> entries; // by producer id
    for (const TransactionCoordinator::MarkerWanted &marker : markers) {
        const auto [entry, isFirst] =
            entries.try_emplace(marker.producerId, request.markers.size());
        if (isFirst) {
            request.markers.push_back({marker.producerId, marker.producerEpoch, marker.committed,
                marker.coordinatorEpoch, marker.transactionVersion, {}});
        }
        request.markers[entry->second].partitions.push_back(marker.partition);
    }
    return request;
}

} // namespace

bool Broker::State::isLoadingTransactions(const std::string &transactionalId) const
{
    return !transactionsToLoad.empty() && !transactionalId.empty()
        && transactionsToLoad.contains(
            offsetsPartitionFor(transactionalId, config.transactionPartitions));
}

void Broker::State::initTransactions(Caller caller, NameId client,
    const InitProducerIdRequest &request, Context &context, Effects &effects)
{
    if (isLoadingTransactions(*request.transactionalId))
        caller.answer(
            InitProducerIdResponse{.error = ErrorCode::CoordinatorLoadInProgress}, effects);
    else
        transactions.initProducerId(caller, request, client, context, effects);
}

void Broker::State::addPartitionsToTxn(Caller caller, NameId client,
    const AddPartitionsToTxnRequest &request, Context &context, Effects &effects)
{
    const auto isKnown = [this](const TopicPartition &partition) {
        return image.partition(partition) != nullptr;
    };
    const bool isLoading = isLoadingTransactions(request.transactionalId);
    if (!isLoading && std::ranges::all_of(request.partitions, isKnown))
        return transactions.addPartitions(caller, request, client, context, effects);
    AddPartitionsToTxnResponse response;
    response.partitions.reserve(request.partitions.size());
    for (const TopicPartition &partition : request.partitions) {
        const ErrorCode error = !isKnown(partition) ? ErrorCode::UnknownTopicOrPartition
            : isLoading                             ? ErrorCode::CoordinatorLoadInProgress
                                                    : ErrorCode::OperationNotAttempted;
        response.partitions.push_back({partition, error});
    }
    caller.answer(std::move(response), effects);
}

void Broker::State::addOffsetsToTxn(Caller caller, NameId client,
    const AddOffsetsToTxnRequest &request, Context &context, Effects &effects)
{
    if (isLoadingTransactions(request.transactionalId)) {
        caller.answer(AddOffsetsToTxnResponse{ErrorCode::CoordinatorLoadInProgress}, effects);
        return;
    }
    const auto partition =
        coordinatingPartition(CoordinatorType::Group, request.group, context, effects);
    if (partition)
        transactions.addOffsets(caller, request, *partition, client, context, effects);
    else
        caller.answer(AddOffsetsToTxnResponse{ErrorCode::CoordinatorNotAvailable}, effects);
}

void Broker::State::endTxn(
    Caller caller, NameId client, const EndTxnRequest &request, Context &context, Effects &effects)
{
    if (isLoadingTransactions(request.transactionalId))
        caller.answer(EndTxnResponse{.error = ErrorCode::CoordinatorLoadInProgress}, effects);
    else
        transactions.end(caller, request, client, context, effects);
}

bool Broker::State::loadTransactions(Context &context)
{
    bool any = false;
    for (auto next = transactionsToLoad.begin(); next != transactionsToLoad.end();) {
        const Partition *partition = find({std::string(kTransactionTopic), *next});
        // As with groups: what the leader before has acknowledged must be known to be committed.
        if (partition->highWatermark < partition->replication.epochStartOffset()) {
            ++next;
            continue;
        }
        if (const auto loaded = transactions.load(
                *next, partition->leaderEpoch, partition->log, partition->highWatermark, context);
            !loaded)
            notes.push_back(loaded.error().text());
        next = transactionsToLoad.erase(next);
        any = true;
    }
    return any;
}

bool Broker::State::writeTransactions(Context &context, Effects &effects)
{
    transactions.takeWrites(transactionWrites);
    if (transactionWrites.empty())
        return false;
    ProduceRequest::Partition batch{{std::string(kTransactionTopic), 0}, {}};
    for (TransactionCoordinator::Write &write : transactionWrites) {
        batch.partition.partition = write.partition;
        batch.records = std::move(write.batch);
        Appended appended = appendBatch(batch, -1, name, AppendOrigin::Broker, context, effects);
        if (appended.awaits) {
            ProduceResponse response;
            response.partitions.push_back(std::move(appended.result));
            park(TransactionWrite{write.id}, std::move(response), {{0, *appended.awaits}},
                kRequestTimeout, context);
        } else {
            transactions.written(write.id, appended.result.error, context, effects);
        }
    }
    transactionWrites.clear();
    return true;
}

void Broker::State::placeMarker(TransactionCoordinator::MarkerWanted &&marker, Context &context)
{
    if (!transactions.stillWants(marker))
        return;
    const PartitionImage *known = image.partition(marker.partition);
    if (!known)
        transactions.markerWritten(marker, context); // deleted: nobody reads what is open there
    else if (known->leader < 0)
        markersLater.set(context.now + kRetryBackoff, std::move(marker));
    else
        markerQueues[known->leader].push_back(std::move(marker));
}

bool Broker::State::sendMarkers(Context &context, Effects &effects)
{
    transactions.takeMarkers(markersToPlace);
    bool any = !markersToPlace.empty();
    for (TransactionCoordinator::MarkerWanted &marker : markersToPlace)
        placeMarker(std::move(marker), context);
    markersToPlace.clear();
    for (auto next = markerQueues.begin(); next != markerQueues.end();) {
        if (markersOut.contains(next->first)) {
            ++next;
            continue;
        }
        const NodeId leader{next->first};
        std::vector<TransactionCoordinator::MarkerWanted> markers = std::move(next->second);
        next = markerQueues.erase(next);
        // Leadership may have moved while they waited, or the coordinator.
        std::erase_if(markers, [&](TransactionCoordinator::MarkerWanted &marker) {
            const PartitionImage *known = image.partition(marker.partition);
            if (known && known->leader == leader.value() && transactions.stillWants(marker))
                return false;
            placeMarker(std::move(marker), context);
            any = true;
            return true;
        });
        if (markers.empty())
            continue;
        WriteTxnMarkersRequest request = requestFor(markers);
        markersOut.insert(leader.value());
        ask(leader, std::move(request), MarkersAsk{std::move(markers)}, kRequestTimeout, context,
            effects);
        any = true;
    }
    return any;
}

void Broker::State::markersAnswered(
    NodeId leader, MarkersAsk &&asked, const Response &answer, Context &context)
{
    const auto *response = std::get_if<WriteTxnMarkersResponse>(&answer);
    if (!response)
        return markersLost(leader, std::move(asked), context);
    markersOut.erase(leader.value());
    for (TransactionCoordinator::MarkerWanted &marker : asked.markers) {
        switch (fateOf(errorOf(*response, marker))) {
        case MarkerFate::Settled:
            transactions.markerWritten(marker, context);
            break;
        case MarkerFate::Again:
            markersLater.set(context.now + kRetryBackoff, std::move(marker));
            break;
        case MarkerFate::Dropped:
            break;
        }
    }
}

void Broker::State::markersLost(NodeId leader, MarkersAsk &&asked, const Context &context)
{
    markersOut.erase(leader.value());
    for (TransactionCoordinator::MarkerWanted &marker : asked.markers)
        markersLater.set(context.now + kRetryBackoff, std::move(marker));
}

} // namespace queuelab::log
