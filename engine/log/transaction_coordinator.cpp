// Producers and the partitions of their transactions. How transactions end is in
// transaction_ending.cpp, what is written and read back in transaction_persistence.cpp.

#include "engine/log/transaction_coordinator.h"

#include "engine/core/overloaded.h"
#include "engine/log/group_records.h"
#include "engine/log/producer_entries.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

TransactionCoordinator::TransactionCoordinator(const BrokerConfig &config, NodeId broker)
    : m_config(config)
    , m_broker(broker)
{
}

void TransactionCoordinator::Asker::answer(
    ErrorCode error, Effects &effects, std::int64_t producerId, std::int16_t producerEpoch) const
{
    if (gone)
        return;
    std::visit(
        Overloaded{
            [&](const ToInit &) {
                caller.answer(InitProducerIdResponse{error, producerId, producerEpoch}, effects);
            },
            [&](const ToAddPartitions &to) {
                AddPartitionsToTxnResponse response;
                response.partitions.reserve(to.partitions.size());
                for (const TopicPartition &partition : to.partitions)
                    response.partitions.push_back({partition, error});
                caller.answer(std::move(response), effects);
            },
            [&](const ToAddOffsets &) { caller.answer(AddOffsetsToTxnResponse{error}, effects); },
            [&](const ToEnd &) {
                caller.answer(EndTxnResponse{error, producerId, producerEpoch}, effects);
            },
        },
        what);
}

std::int32_t TransactionCoordinator::partitionOf(const std::string &transactionalId) const
{
    return offsetsPartitionFor(transactionalId, m_config.transactionPartitions);
}

bool TransactionCoordinator::coordinates(const std::string &transactionalId) const
{
    return m_loaded.contains(partitionOf(transactionalId));
}

TransactionCoordinator::Transaction *TransactionCoordinator::find(
    const std::string &transactionalId)
{
    const auto found = m_transactions.find(transactionalId);
    return found == m_transactions.end() ? nullptr : &found->second;
}

TransactionCoordinator::Transaction &TransactionCoordinator::create(
    std::string transactionalId, Context &context)
{
    Transaction transaction;
    transaction.transactionalId = transactionalId;
    transaction.name = context.trace.name(transactionalId);
    transaction.partition = partitionOf(transactionalId);
    return m_transactions.emplace(std::move(transactionalId), std::move(transaction)).first->second;
}

void TransactionCoordinator::forget(std::map<std::string, Transaction>::iterator transaction)
{
    m_deadlines.cancel(transaction->second.timeout);
    m_deadlines.cancel(transaction->second.retry);
    m_transactions.erase(transaction);
}

bool TransactionCoordinator::isOtherEpoch(
    const Transaction &transaction, std::int16_t producerEpoch) const
{
    if (m_config.plantedBug == PlantedBug::NoTransactionFencing)
        return false;
    return transaction.metadata.producerEpoch != producerEpoch;
}

void TransactionCoordinator::refuse(const Asker &asker, ErrorCode error,
    const std::string &transactionalId, std::int16_t producerEpoch, Context &context,
    Effects &effects)
{
    // What a leader asks is about a batch that it tells of itself.
    if (error == ErrorCode::ProducerFenced && asker.caller.peer.value() == 0) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::ProducerFenced),
            .subject = asker.client,
            .detail = context.trace.name(transactionalId),
            .item = producerEpoch,
            .value = static_cast<std::int64_t>(error)});
    }
    asker.answer(error, effects);
}

void TransactionCoordinator::initProducerId(Caller caller, const InitProducerIdRequest &request,
    NameId client, Context &context, Effects &effects)
{
    init({caller, client, ToInit{}}, request, context, effects);
}

void TransactionCoordinator::init(
    const Asker &asker, const InitProducerIdRequest &request, Context &context, Effects &effects)
{
    const std::string &transactionalId = request.transactionalId.value();
    const bool isHalf = (request.producerId < 0) != (request.producerEpoch < 0);
    if (transactionalId.empty() || isHalf)
        return asker.answer(ErrorCode::InvalidRequest, effects);
    if (request.transactionTimeout.count() <= 0
        || request.transactionTimeout > m_config.transactionMaxTimeout)
        return asker.answer(ErrorCode::InvalidTransactionTimeout, effects);
    if (!coordinates(transactionalId))
        return asker.answer(ErrorCode::NotCoordinator, effects);

    Transaction *transaction = find(transactionalId);
    if (!transaction) {
        const auto producerId = takeProducerId();
        if (!producerId) {
            m_waiting.push_back({transactionalId, asker, request});
            return;
        }
        transaction = &create(transactionalId, context);
        transaction->metadata.producerId = *producerId;
        transaction->metadata.lastUpdateMs = epochMillis(context.wallClock());
    }
    if (transaction->next)
        return asker.answer(ErrorCode::ConcurrentTransactions, effects);
    if (!knowsProducer(*transaction, request))
        return refuse(asker, ErrorCode::ProducerFenced, transactionalId, request.producerEpoch,
            context, effects);
    if (transaction->metadata.state != TransactionState::Ongoing)
        return initIdle(*transaction, asker, request, context, effects);
    if (!fence(*transaction, LogReason::NewProducer, asker, context))
        m_waiting.push_back({transactionalId, asker, request});
}

/// A producer that says who it is may go on when it is the current one, when nobody was given an
/// epoch yet, or when it repeats the request by which it got a new id for its last epoch.
bool TransactionCoordinator::knowsProducer(
    const Transaction &transaction, const InitProducerIdRequest &request)
{
    const TransactionMetadata &metadata = transaction.metadata;
    return request.producerId < 0 || metadata.producerEpoch < 0
        || request.producerId == metadata.producerId
        || (request.producerId == metadata.previousProducerId
            && request.producerEpoch >= kLastClientEpoch);
}

/// Nothing is open: the producer gets the next epoch, a new producer id when those are used up, or
/// once more what it was given already.
void TransactionCoordinator::initIdle(Transaction &transaction, const Asker &asker,
    const InitProducerIdRequest &request, Context &context, Effects &effects)
{
    const TransactionMetadata &now = transaction.metadata;
    const bool isKnown = request.producerEpoch >= 0; // the producer says who it is
    const bool isCurrent = now.producerEpoch < 0 || request.producerEpoch == now.producerEpoch;
    Transition step{stepFrom(transaction, TransactionState::Empty), -1, LogReason::NewProducer};
    if (now.producerEpoch >= kLastClientEpoch && (!isKnown || isCurrent)) {
        const auto producerId = takeProducerId();
        if (!producerId) {
            m_waiting.push_back({transaction.transactionalId, asker, request});
            return;
        }
        step.to.producerId = *producerId;
        step.to.producerEpoch = 0;
        step.lastProducerEpoch = isKnown ? now.producerEpoch : std::int16_t{-1};
    } else if (!isKnown || isCurrent) {
        step.to.producerEpoch = static_cast<std::int16_t>(now.producerEpoch + 1);
        step.lastProducerEpoch = isKnown ? now.producerEpoch : std::int16_t{-1};
    } else if (request.producerEpoch == transaction.lastProducerEpoch) {
        step.lastProducerEpoch = transaction.lastProducerEpoch; // the answer had been lost
    } else {
        return refuse(asker, ErrorCode::ProducerFenced, transaction.transactionalId,
            request.producerEpoch, context, effects);
    }
    step.to.timeoutMs = static_cast<std::int32_t>(request.transactionTimeout.count());
    step.to.partitions.clear();
    step.to.startMs = -1;
    step.to.lastUpdateMs = epochMillis(context.wallClock());
    transaction.producer = asker.client;
    begin(transaction, std::move(step), asker, context);
}

/// What the next record says if nothing but the state changes.
TransactionMetadata TransactionCoordinator::stepFrom(
    const Transaction &transaction, TransactionState state)
{
    TransactionMetadata step = transaction.metadata;
    step.state = state;
    step.previousProducerId = transaction.metadata.producerId;
    step.nextProducerId = -1;
    return step;
}

void TransactionCoordinator::addPartitions(Caller caller, const AddPartitionsToTxnRequest &request,
    NameId client, Context &context, Effects &effects)
{
    Transaction *transaction = find(request.transactionalId);
    if (request.verifyOnly)
        return caller.answer(verify(request, transaction), effects);
    const Asker asker{caller, client, ToAddPartitions{request.partitions}};
    const ErrorCode error = judgeAdding(
        request.transactionalId, request.producerId, request.producerEpoch, transaction);
    if (error != ErrorCode::None)
        return refuse(
            asker, error, request.transactionalId, request.producerEpoch, context, effects);
    if (!request.fromBroker)
        transaction->producer = client;
    add(*transaction, asker, request.partitions, request.fromBroker ? 2 : 0, context, effects);
}

void TransactionCoordinator::addOffsets(Caller caller, const AddOffsetsToTxnRequest &request,
    const TopicPartition &offsetsPartition, NameId client, Context &context, Effects &effects)
{
    Transaction *transaction = find(request.transactionalId);
    const Asker asker{caller, client, ToAddOffsets{}};
    const ErrorCode error = judgeAdding(
        request.transactionalId, request.producerId, request.producerEpoch, transaction);
    if (error != ErrorCode::None)
        return refuse(
            asker, error, request.transactionalId, request.producerEpoch, context, effects);
    transaction->producer = client;
    add(*transaction, asker, {offsetsPartition}, 0, context, effects);
}

ErrorCode TransactionCoordinator::judgeAdding(const std::string &transactionalId,
    std::int64_t producerId, std::int16_t producerEpoch, const Transaction *transaction) const
{
    if (transactionalId.empty())
        return ErrorCode::InvalidRequest;
    if (!coordinates(transactionalId))
        return ErrorCode::NotCoordinator;
    if (!transaction)
        return ErrorCode::InvalidProducerIdMapping;
    // Before id and epoch: the producer may know already those that it will have after the step.
    if (transaction->next)
        return ErrorCode::ConcurrentTransactions;
    if (transaction->metadata.producerId != producerId)
        return ErrorCode::InvalidProducerIdMapping;
    if (isOtherEpoch(*transaction, producerEpoch))
        return ErrorCode::ProducerFenced;
    return ErrorCode::None;
}

AddPartitionsToTxnResponse TransactionCoordinator::verify(
    const AddPartitionsToTxnRequest &request, const Transaction *transaction) const
{
    // A step under way does not matter here: the leader looks once more as it appends.
    const auto error = [&] {
        if (request.transactionalId.empty())
            return ErrorCode::InvalidRequest;
        if (!coordinates(request.transactionalId))
            return ErrorCode::NotCoordinator;
        if (!transaction || transaction->metadata.producerId != request.producerId)
            return ErrorCode::InvalidProducerIdMapping;
        if (isOtherEpoch(*transaction, request.producerEpoch))
            return ErrorCode::ProducerFenced;
        const TransactionState state = transaction->metadata.state;
        if (state == TransactionState::PrepareCommit || state == TransactionState::PrepareAbort)
            return ErrorCode::ConcurrentTransactions;
        return ErrorCode::None;
    }();
    AddPartitionsToTxnResponse response;
    response.partitions.reserve(request.partitions.size());
    for (const TopicPartition &partition : request.partitions) {
        const bool isIn = error == ErrorCode::None
            && std::ranges::binary_search(transaction->metadata.partitions, partition);
        response.partitions.push_back({partition,
            error == ErrorCode::None && !isIn ? ErrorCode::TransactionAbortable : error});
    }
    return response;
}

void TransactionCoordinator::add(Transaction &transaction, const Asker &asker,
    const std::vector<TopicPartition> &partitions, std::int16_t clientTransactionVersion,
    Context &context, Effects &effects)
{
    const TransactionMetadata &now = transaction.metadata;
    const bool isOpen = now.state == TransactionState::Ongoing;
    const auto isIn = [&now](const TopicPartition &partition) {
        return std::ranges::binary_search(now.partitions, partition);
    };
    if (isOpen && std::ranges::all_of(partitions, isIn))
        return asker.answer(ErrorCode::None, effects);
    Transition step{stepFrom(transaction, TransactionState::Ongoing), transaction.lastProducerEpoch,
        LogReason::TransactionBegins};
    step.to.lastUpdateMs = epochMillis(context.wallClock());
    if (!isOpen)
        step.to.startMs = step.to.lastUpdateMs;
    step.to.clientTransactionVersion = clientTransactionVersion;
    step.to.partitions.insert(step.to.partitions.end(), partitions.begin(), partitions.end());
    std::ranges::sort(step.to.partitions);
    const auto again = std::ranges::unique(step.to.partitions);
    step.to.partitions.erase(again.begin(), again.end());
    begin(transaction, std::move(step), asker, context);
}

std::optional<std::int64_t> TransactionCoordinator::takeProducerId()
{
    if (m_freeProducerIds.empty())
        return std::nullopt;
    const std::int64_t producerId = m_freeProducerIds.front();
    m_freeProducerIds.pop_front();
    return producerId;
}

std::size_t TransactionCoordinator::producerIdsWanted() const
{
    return m_waiting.size() - std::min(m_waiting.size(), m_freeProducerIds.size());
}

void TransactionCoordinator::giveProducerId(
    std::int64_t producerId, Context &context, Effects &effects)
{
    m_freeProducerIds.push_back(producerId);
    if (m_waiting.empty())
        return;
    // It is judged anew: things may have changed, and the id be left for another.
    const WaitsForProducerId waiting = std::move(m_waiting.front());
    m_waiting.pop_front();
    std::visit(
        Overloaded{
            [&](const TimedOut &) {
                if (Transaction *transaction = find(waiting.transactionalId))
                    timedOut(*transaction, context);
            },
            [&](const InitProducerIdRequest &request) {
                init(*waiting.asker, request, context, effects);
            },
            [&](const EndTxnRequest &request) { end(*waiting.asker, request, context, effects); },
        },
        waiting.what);
}

void TransactionCoordinator::denyProducerIds(Context &context, Effects &effects)
{
    for (const WaitsForProducerId &waiting : std::exchange(m_waiting, {})) {
        if (waiting.asker)
            waiting.asker->answer(ErrorCode::CoordinatorLoadInProgress, effects);
        else if (Transaction *transaction = find(waiting.transactionalId))
            setTimeout(*transaction, context);
    }
}

void TransactionCoordinator::callersGone(const std::function<bool(const Caller &)> &isGone)
{
    const auto mark = [&isGone](std::optional<Asker> &asker) {
        if (asker && isGone(asker->caller))
            asker->gone = true;
    };
    for (auto &[id, write] : m_pending)
        mark(write.asker);
    for (WaitsForProducerId &waiting : m_waiting)
        mark(waiting.asker);
}

std::vector<TransactionSnapshot> TransactionCoordinator::snapshot() const
{
    std::vector<TransactionSnapshot> shown;
    shown.reserve(m_transactions.size());
    for (const auto &[transactionalId, transaction] : m_transactions) {
        const TransactionMetadata &metadata = transaction.metadata;
        if (metadata.producerEpoch < 0)
            continue; // its first record is not committed yet
        TransactionSnapshot &out = shown.emplace_back();
        out.transactionalId = transactionalId;
        out.coordinator = m_broker.value();
        out.producerId = metadata.producerId;
        out.producerEpoch = metadata.producerEpoch;
        out.state = transactionStateName(metadata.state);
        out.timeout = std::chrono::milliseconds{metadata.timeoutMs};
        if (metadata.startMs >= 0)
            out.startedAt = Instant(std::chrono::milliseconds{metadata.startMs});
        out.partitions = metadata.partitions;
    }
    return shown;
}

} // namespace queuelab::log
