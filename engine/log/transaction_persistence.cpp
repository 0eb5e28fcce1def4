// What the coordinator writes to __transaction_state, what becomes of it, and taking ids over.

#include "engine/log/coordinator_log.h"
#include "engine/log/transaction_coordinator.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

bool isComplete(TransactionState state)
{
    return state == TransactionState::CompleteCommit || state == TransactionState::CompleteAbort;
}

} // namespace

void TransactionCoordinator::begin(
    Transaction &transaction, Transition &&step, std::optional<Asker> asker, Context &context)
{
    invariant(!transaction.next, "a transaction takes one step at a time");
    transaction.next = std::move(step);
    write(transaction, std::move(asker), context);
}

void TransactionCoordinator::write(
    Transaction &transaction, std::optional<Asker> asker, Context &context)
{
    invariant(isValidTransition(transaction.metadata.state, transaction.next->to.state),
        "a transaction goes from state to state as Kafka's does");
    encodeTransactionKey(transaction.transactionalId, m_key);
    encodeValue(transaction.next->to, m_config.transactionVersion, m_value);
    m_batch.reset();
    m_batch.append(epochMillis(context.wallClock()), m_key, m_value);
    m_outbox.push_back({m_nextWrite, transaction.partition, m_batch.take()});
    m_pending.emplace(m_nextWrite++,
        PendingWrite{transaction.partition, {transaction.transactionalId}, std::move(asker)});
}

void TransactionCoordinator::takeWrites(std::vector<Write> &out)
{
    std::ranges::move(m_outbox, std::back_inserter(out));
    m_outbox.clear();
}

void TransactionCoordinator::written(
    std::uint64_t id, ErrorCode error, Context &context, Effects &effects)
{
    auto node = m_pending.extract(id);
    if (node.empty())
        return; // its partition was unloaded
    const PendingWrite &write = node.mapped();
    for (const std::string &transactionalId : write.transactionalIds) {
        Transaction &transaction = m_transactions.at(transactionalId);
        if (error == ErrorCode::None)
            stepDone(transaction, write.asker, context, effects);
        else
            rollBack(transaction, write.asker, coordinatorError(error), context, effects);
    }
}

void TransactionCoordinator::rollBack(Transaction &transaction, const std::optional<Asker> &asker,
    ErrorCode error, Context &context, Effects &effects)
{
    if (isComplete(transaction.next->to.state)) {
        // What is decided stays decided; its end is written sooner or later, here or elsewhere.
        transaction.retry = m_deadlines.set(
            context.now + kRetryBackoff, {Due::RetryComplete, transaction.transactionalId});
        return;
    }
    if (transaction.next->fences && m_config.transactionVersion < 2)
        transaction.failedFence = true;
    transaction.next.reset();
    if (!transaction.timeout)
        setTimeout(transaction, context);
    if (asker)
        asker->answer(error, effects);
    if (transaction.metadata.producerEpoch < 0) // nobody was given it yet
        forget(m_transactions.find(transaction.transactionalId));
}

void TransactionCoordinator::stepDone(
    Transaction &transaction, const std::optional<Asker> &asker, Context &context, Effects &effects)
{
    Transition step = *std::exchange(transaction.next, {});
    const TransactionMetadata before = std::exchange(transaction.metadata, std::move(step.to));
    const TransactionMetadata &now = transaction.metadata;
    transaction.lastProducerEpoch = step.lastProducerEpoch;
    recordStep(transaction, before, step, context);
    const auto answer = [&](ErrorCode error, std::int64_t producerId = -1,
                            std::int16_t producerEpoch = -1) {
        if (asker)
            asker->answer(error, effects, producerId, producerEpoch);
    };
    switch (now.state) {
    case TransactionState::Empty:
        return answer(ErrorCode::None, now.producerId, now.producerEpoch);
    case TransactionState::Ongoing:
        if (before.state != TransactionState::Ongoing)
            setTimeout(transaction, context);
        return answer(ErrorCode::None);
    case TransactionState::PrepareCommit:
    case TransactionState::PrepareAbort:
        m_deadlines.cancel(transaction.timeout);
        transaction.failedFence = false;
        wantMarkers(transaction, context);
        if (step.fences) // whoever takes the id tries again when this is over
            return answer(ErrorCode::ConcurrentTransactions);
        if (now.clientTransactionVersion >= 2)
            return answer(ErrorCode::None, transaction.next->to.producerId,
                transaction.next->to.producerEpoch);
        return answer(ErrorCode::None);
    case TransactionState::CompleteCommit:
    case TransactionState::CompleteAbort:
        return;
    case TransactionState::Dead:
        return forget(m_transactions.find(transaction.transactionalId));
    case TransactionState::PrepareEpochFence:
        break;
    }
    invariantBroken("a fence is written as PrepareAbort");
}

void TransactionCoordinator::recordStep(const Transaction &transaction,
    const TransactionMetadata &before, const Transition &step, Context &context) const
{
    const TransactionMetadata &now = transaction.metadata;
    if (now.state != before.state || now.state == TransactionState::Empty) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::TransactionStateChanged),
            .reason = reason(step.reason),
            .subject = transaction.name,
            .actor = transaction.producer,
            .detail = context.trace.name(transactionStateName(now.state)),
            .item = now.producerEpoch,
            .count = static_cast<std::int64_t>(now.partitions.size()),
            .value = now.producerId});
    }
    if (now.state != TransactionState::Ongoing)
        return;
    for (const TopicPartition &partition : now.partitions) {
        const bool wasIn = before.state == TransactionState::Ongoing
            && std::ranges::binary_search(before.partitions, partition);
        if (wasIn)
            continue;
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::PartitionAddedToTxn),
            .subject = context.trace.name(partition.name()),
            .actor = transaction.producer,
            .detail = transaction.name,
            .value = now.producerId});
    }
}

Result<void, Error> TransactionCoordinator::load(std::int32_t partition,
    std::int32_t coordinatorEpoch, const PartitionLog &log, std::int64_t highWatermark,
    Context &context)
{
    if (m_loaded.contains(partition))
        return {};
    std::map<std::string, TransactionMetadata> stored;
    const auto take = [&stored](const RecordView &record) {
        auto transactionalId = record.key ? decodeTransactionKey(*record.key) : std::nullopt;
        if (!transactionalId)
            return false;
        if (!record.value) {
            stored.erase(*transactionalId);
            return true;
        }
        auto metadata = decodeTransactionMetadata(*record.value);
        if (!metadata)
            return false;
        stored.insert_or_assign(std::move(*transactionalId), std::move(*metadata));
        return true;
    };
    const auto read = readBack(log, highWatermark, context.files,
        "restore the directory from a copy, or delete it: transactions that are open then stay so "
        "until their producers begin anew",
        take);
    if (!read)
        return read;
    m_loaded.emplace(partition, coordinatorEpoch);
    if (!m_nextExpiry) {
        m_nextExpiry = m_deadlines.set(
            context.now + m_config.transactionalIdCleanupInterval, {Due::RemoveExpired});
    }
    const auto count = static_cast<std::int64_t>(stored.size());
    for (auto &[transactionalId, metadata] : stored) {
        Transaction &transaction = create(transactionalId, context);
        transaction.metadata = std::move(metadata);
        if (transaction.metadata.state == TransactionState::PrepareCommit
            || transaction.metadata.state == TransactionState::PrepareAbort)
            wantMarkers(transaction, context);
        else
            setTimeout(transaction, context);
    }
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::TransactionsLoaded),
        .subject = context.trace.name("broker-" + std::to_string(m_broker.value())),
        .count = count,
        .value = partition});
    return {};
}

void TransactionCoordinator::unload(std::int32_t partition, Effects &effects)
{
    if (m_loaded.erase(partition) == 0)
        return;
    if (m_loaded.empty())
        m_deadlines.cancel(m_nextExpiry);
    // Whether they made it into the log, the next coordinator knows.
    std::erase_if(
        m_outbox, [partition](const Write &write) { return write.partition == partition; });
    std::erase_if(m_pending, [&](const auto &entry) {
        const PendingWrite &write = entry.second;
        if (write.partition != partition)
            return false;
        if (write.asker)
            write.asker->answer(ErrorCode::NotCoordinator, effects);
        return true;
    });
    std::erase_if(m_waiting, [&](const WaitsForProducerId &waiting) {
        if (partitionOf(waiting.transactionalId) != partition)
            return false;
        if (waiting.asker)
            waiting.asker->answer(ErrorCode::NotCoordinator, effects);
        return true;
    });
    std::erase_if(m_markers, [&](const MarkerWanted &marker) {
        return partitionOf(marker.transactionalId) == partition;
    });
    for (auto at = m_transactions.begin(); at != m_transactions.end();) {
        const auto transaction = at++;
        if (transaction->second.partition == partition)
            forget(transaction);
    }
}

} // namespace queuelab::log
