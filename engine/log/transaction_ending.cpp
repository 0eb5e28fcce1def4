// How transactions end: the producer's decision, or the coordinator's when a producer is fenced or
// too late; the markers; the end of ids that nobody uses.

#include "engine/log/producer_entries.h"
#include "engine/log/transaction_coordinator.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

/// The next multiple of `interval` at or after `at`: when Kafka's scan finds what is due at `at`.
Instant nextScan(Instant at, Duration interval)
{
    const Duration past = at.time_since_epoch() % interval;
    return past == Duration::zero() ? at : at + (interval - past);
}

} // namespace

void TransactionCoordinator::end(
    Caller caller, const EndTxnRequest &request, NameId client, Context &context, Effects &effects)
{
    end({caller, client, ToEnd{request.bumpsEpoch}}, request, context, effects);
}

void TransactionCoordinator::end(
    const Asker &asker, const EndTxnRequest &request, Context &context, Effects &effects)
{
    const std::string &transactionalId = request.transactionalId;
    if (transactionalId.empty())
        return asker.answer(ErrorCode::InvalidRequest, effects);
    if (!coordinates(transactionalId))
        return asker.answer(ErrorCode::NotCoordinator, effects);
    Transaction *transaction = find(transactionalId);
    if (!transaction)
        return asker.answer(ErrorCode::InvalidProducerIdMapping, effects);
    const EndJudgement judgement = request.bumpsEpoch ? judgeEndWithBump(*transaction, request)
                                                      : judgeEnd(*transaction, request);
    if (judgement.error != ErrorCode::None)
        return refuse(
            asker, judgement.error, transactionalId, request.producerEpoch, context, effects);
    if (judgement.isDone) {
        if (request.bumpsEpoch)
            return asker.answer(ErrorCode::None, effects, transaction->metadata.producerId,
                transaction->metadata.producerEpoch);
        return asker.answer(ErrorCode::None, effects);
    }

    const TransactionState state =
        request.committed ? TransactionState::PrepareCommit : TransactionState::PrepareAbort;
    Transition step{decided(*transaction, state, request.bumpsEpoch ? 2 : 0, context),
        transaction->lastProducerEpoch,
        request.committed ? LogReason::CommitRequested : LogReason::AbortRequested};
    if (request.bumpsEpoch) {
        step.lastProducerEpoch = transaction->metadata.producerEpoch;
        if (transaction->metadata.producerEpoch >= kLastClientEpoch) {
            const auto producerId = takeProducerId();
            if (!producerId) {
                m_waiting.push_back({transactionalId, asker, request});
                return;
            }
            step.to.nextProducerId = *producerId;
        }
    }
    transaction->producer = asker.client;
    begin(*transaction, std::move(step), asker, context);
}

/// transaction.version 1: an epoch lasts from one InitProducerId to the next, so that a decision
/// may be repeated with the same one.
TransactionCoordinator::EndJudgement TransactionCoordinator::judgeEnd(
    const Transaction &transaction, const EndTxnRequest &request) const
{
    const TransactionMetadata &now = transaction.metadata;
    if (now.producerId != request.producerId)
        return {ErrorCode::InvalidProducerIdMapping};
    if (isOtherEpoch(transaction, request.producerEpoch))
        return {ErrorCode::ProducerFenced};
    if (transaction.next)
        return {ErrorCode::ConcurrentTransactions};
    if (now.state == TransactionState::Ongoing)
        return {};
    const TransactionState done =
        request.committed ? TransactionState::CompleteCommit : TransactionState::CompleteAbort;
    if (now.state == done)
        return {ErrorCode::None, true};
    return {ErrorCode::InvalidTxnState};
}

/// transaction.version 2 (KIP-890): every decision brings the next epoch, so that the epoch tells a
/// repeated request from the next one. Aborting is allowed when nothing is open: the producer may
/// not know whether anything is.
TransactionCoordinator::EndJudgement TransactionCoordinator::judgeEndWithBump(
    const Transaction &transaction, const EndTxnRequest &request) const
{
    using enum TransactionState;
    const TransactionMetadata &now = transaction.metadata;
    const bool isBumped = now.clientTransactionVersion >= 2;
    const bool repeatsOverflow = isBumped && now.previousProducerId == request.producerId
        && now.producerId != request.producerId && request.producerEpoch == kLastClientEpoch
        && now.producerEpoch == 0;
    const bool repeatsBump = isBumped && now.producerId == request.producerId
        && now.producerEpoch == request.producerEpoch + 1;
    // The answer to the request before has told it whom it will be.
    if (transaction.next && transaction.next->to.producerId == request.producerId
        && transaction.next->to.producerEpoch == request.producerEpoch)
        return {ErrorCode::ConcurrentTransactions};
    if (now.producerId != request.producerId && !repeatsOverflow)
        return {ErrorCode::InvalidProducerIdMapping};
    const bool mayRepeat = now.state == PrepareCommit || now.state == PrepareAbort
        || now.state == CompleteCommit || now.state == CompleteAbort;
    const bool repeats = mayRepeat && (repeatsBump || repeatsOverflow);
    if (!repeats && isOtherEpoch(transaction, request.producerEpoch))
        return {ErrorCode::ProducerFenced};
    if (transaction.next)
        return {ErrorCode::ConcurrentTransactions};
    if (repeats) {
        const TransactionState done = request.committed ? CompleteCommit : CompleteAbort;
        if (now.state == done)
            return {ErrorCode::None, true};
        return {ErrorCode::InvalidTxnState};
    }
    if (now.state != Ongoing && request.committed)
        return {ErrorCode::InvalidTxnState};
    return {};
}

/// The record of a decision, which nothing but the markers' end follows.
TransactionMetadata TransactionCoordinator::decided(const Transaction &transaction,
    TransactionState state, std::int16_t clientTransactionVersion, Context &context)
{
    TransactionMetadata step = stepFrom(transaction, state);
    step.clientTransactionVersion = clientTransactionVersion;
    step.lastUpdateMs = epochMillis(context.wallClock());
    if (transaction.metadata.state != TransactionState::Ongoing)
        step.startMs = step.lastUpdateMs; // nothing was added, but it takes its time
    // At the highest one an abort goes through all the same, so that the id is not stuck.
    if (clientTransactionVersion >= 2 && step.producerEpoch < kLastProducerEpoch)
        ++step.producerEpoch;
    return step;
}

TransactionMetadata TransactionCoordinator::completed(
    const Transaction &transaction, Context &context)
{
    const TransactionMetadata &now = transaction.metadata;
    TransactionMetadata step = stepFrom(transaction,
        now.state == TransactionState::PrepareCommit ? TransactionState::CompleteCommit
                                                     : TransactionState::CompleteAbort);
    if (now.clientTransactionVersion >= 2 && now.nextProducerId >= 0) {
        step.producerId = now.nextProducerId;
        step.producerEpoch = 0;
    }
    step.partitions.clear();
    step.lastUpdateMs = epochMillis(context.wallClock());
    return step;
}

bool TransactionCoordinator::fence(
    Transaction &transaction, LogReason reason, std::optional<Asker> asker, Context &context)
{
    Transition step{{}, -1, reason, true};
    if (m_config.transactionVersion >= 2) {
        step.to = decided(
            transaction, TransactionState::PrepareAbort, m_config.transactionVersion, context);
        step.lastProducerEpoch = transaction.metadata.producerEpoch;
        if (transaction.metadata.producerEpoch >= kLastClientEpoch) {
            const auto producerId = takeProducerId();
            if (!producerId)
                return false;
            step.to.nextProducerId = *producerId;
        }
    } else {
        // Fenced from here on, whether the record can be written or not.
        if (!transaction.failedFence && transaction.metadata.producerEpoch < kLastProducerEpoch)
            ++transaction.metadata.producerEpoch;
        transaction.lastProducerEpoch = -1;
        step.to = decided(
            transaction, TransactionState::PrepareAbort, m_config.transactionVersion, context);
    }
    begin(transaction, std::move(step), std::move(asker), context);
    return true;
}

void TransactionCoordinator::wantMarkers(Transaction &transaction, Context &context)
{
    const TransactionMetadata &now = transaction.metadata;
    transaction.next = Transition{
        completed(transaction, context), transaction.lastProducerEpoch, LogReason::MarkersWritten};
    transaction.markersLeft = {now.partitions.begin(), now.partitions.end()};
    for (const TopicPartition &partition : now.partitions) {
        m_markers.push_back({transaction.transactionalId, partition, now.producerId,
            now.producerEpoch, now.state == TransactionState::PrepareCommit,
            m_loaded.at(transaction.partition), now.clientTransactionVersion});
    }
    if (transaction.markersLeft.empty())
        write(transaction, std::nullopt, context);
}

void TransactionCoordinator::takeMarkers(std::vector<MarkerWanted> &out)
{
    std::ranges::move(m_markers, std::back_inserter(out));
    m_markers.clear();
}

bool TransactionCoordinator::stillWants(const MarkerWanted &marker) const
{
    const auto found = m_transactions.find(marker.transactionalId);
    if (found == m_transactions.end())
        return false;
    const Transaction &transaction = found->second;
    return transaction.metadata.producerId == marker.producerId
        && transaction.metadata.producerEpoch == marker.producerEpoch
        && m_loaded.at(transaction.partition) == marker.coordinatorEpoch
        && transaction.markersLeft.contains(marker.partition);
}

void TransactionCoordinator::markerWritten(const MarkerWanted &marker, Context &context)
{
    if (!stillWants(marker))
        return;
    Transaction &transaction = m_transactions.at(marker.transactionalId);
    transaction.markersLeft.erase(marker.partition);
    if (!transaction.markersLeft.empty())
        return;
    transaction.next->to.lastUpdateMs = epochMillis(context.wallClock());
    write(transaction, std::nullopt, context);
}

void TransactionCoordinator::setTimeout(Transaction &transaction, Context &context)
{
    m_deadlines.cancel(transaction.timeout);
    if (transaction.metadata.state != TransactionState::Ongoing)
        return;
    // Its age is told by the calendar, for it began under another coordinator perhaps.
    const std::int64_t leftMs = transaction.metadata.startMs + transaction.metadata.timeoutMs + 1
        - epochMillis(context.wallClock());
    const Duration left = std::chrono::milliseconds{std::max<std::int64_t>(leftMs, 1)};
    transaction.timeout =
        m_deadlines.set(nextScan(context.now + left, m_config.transactionAbortInterval),
            {Due::AbortTimedOut, transaction.transactionalId});
}

void TransactionCoordinator::timedOut(Transaction &transaction, Context &context)
{
    const TransactionMetadata &now = transaction.metadata;
    if (now.state != TransactionState::Ongoing)
        return;
    const bool isDue = now.startMs + now.timeoutMs < epochMillis(context.wallClock());
    if (!isDue || transaction.next)
        return setTimeout(transaction, context);
    if (!fence(transaction, LogReason::TransactionTimeout, std::nullopt, context))
        m_waiting.push_back({transaction.transactionalId, std::nullopt, TimedOut{}});
}

void TransactionCoordinator::removeExpired(Context &context)
{
    const std::int64_t nowMs = epochMillis(context.wallClock());
    const std::int64_t limitMs = nowMs - m_config.transactionalIdExpiration.count();
    std::map<std::int32_t, BatchBuilder> batches;
    std::map<std::int32_t, std::vector<std::string>> expired;
    for (auto &[transactionalId, transaction] : m_transactions) {
        if (transaction.next || transaction.metadata.lastUpdateMs > limitMs
            || !isValidTransition(transaction.metadata.state, TransactionState::Dead))
            continue;
        TransactionMetadata dead = stepFrom(transaction, TransactionState::Dead);
        dead.partitions.clear();
        transaction.next = Transition{std::move(dead), -1, LogReason::TransactionalIdExpired};
        const auto [batch, isFirst] = batches.try_emplace(transaction.partition);
        if (isFirst)
            batch->second.reset();
        batch->second.append(nowMs, encodeTransactionKey(transactionalId), std::nullopt);
        expired[transaction.partition].push_back(transactionalId);
    }
    for (auto &[partition, batch] : batches) {
        m_outbox.push_back({m_nextWrite, partition, batch.take()});
        m_pending.emplace(
            m_nextWrite++, PendingWrite{partition, std::move(expired.at(partition)), {}});
    }
}

void TransactionCoordinator::expire(Context &context)
{
    while (const auto due = m_deadlines.takeDue(context.now)) {
        if (due->due == Due::RemoveExpired) {
            m_nextExpiry = m_deadlines.set(
                context.now + m_config.transactionalIdCleanupInterval, {Due::RemoveExpired});
            removeExpired(context);
            continue;
        }
        Transaction &transaction = m_transactions.at(due->transactionalId);
        if (due->due == Due::AbortTimedOut) {
            transaction.timeout.reset();
            timedOut(transaction, context);
        } else {
            transaction.retry.reset();
            write(transaction, std::nullopt, context);
        }
    }
}

} // namespace queuelab::log
