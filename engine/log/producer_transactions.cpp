// The transactional producer: its producer id and epochs, what belongs to a transaction, how one
// ends, and which errors it survives. Kafka's TransactionManager (facts: kafka.md 4.4; KIP-98,
// KIP-360, KIP-447, KIP-890).

#include "engine/core/result.h"
#include "engine/log/producer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::int16_t kAddsImplicitly = 2; // transaction.version of KIP-890
/// Kafka asks again sooner when the first partition of a transaction has to wait for the end of the
/// one before.
constexpr std::chrono::milliseconds kFirstPartitionBackoff{20};

bool isFenced(ErrorCode error)
{
    return error == ErrorCode::ProducerFenced || error == ErrorCode::InvalidProducerEpoch;
}

/// The group has gone on without the member whose offsets these are.
bool isCommitFailure(ErrorCode error)
{
    return error == ErrorCode::UnknownMemberId || error == ErrorCode::IllegalGeneration
        || error == ErrorCode::FencedInstanceId || error == ErrorCode::StaleMemberEpoch
        || error == ErrorCode::FencedMemberEpoch;
}

bool isElsewhere(ErrorCode error)
{
    return error == ErrorCode::NotCoordinator || error == ErrorCode::CoordinatorNotAvailable
        || error == ErrorCode::RequestTimedOut;
}

/// What an answer by partition comes to: an error that waiting does not help with, else one that it
/// does, else that nothing was attempted.
template <class Partitions> ErrorCode worstOf(const Partitions &partitions)
{
    const auto rank = [](ErrorCode error) {
        if (error == ErrorCode::None)
            return 0;
        if (error == ErrorCode::OperationNotAttempted)
            return 1;
        return isRetriable(error) ? 2 : 3;
    };
    ErrorCode worst = ErrorCode::None;
    for (const auto &partition : partitions) {
        if (rank(partition.error) > rank(worst))
            worst = partition.error;
    }
    return worst;
}

} // namespace

// What the application calls.

void Producer::initTransactions(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    State::Transaction &transaction = state.transaction;
    invariant(state.isTransactional(), "only a producer with a transactional id has transactions");
    invariant(transaction.status == TransactionStatus::Uninitialized && !transaction.initWanted,
        "transactions are initialized once");
    transaction.initWanted = true;
    state.requestMetadata(context, effects);
    state.drain(context, effects);
    state.askForNextWake(context.now, effects);
}

void Producer::beginTransaction(Context &context)
{
    State &state = *m_state;
    State::Transaction &transaction = state.transaction;
    invariant(transaction.status == TransactionStatus::Ready,
        "a transaction begins when the one before is over");
    transaction.status = TransactionStatus::InTransaction;
    transaction.version = transaction.clusterVersion;
    transaction.begun = context.now;
    transaction.records = 0;
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::TransactionBegun),
        .subject = state.ownName(context),
        .detail = context.trace.name(*state.config.transactionalId),
        .item = state.identity.epoch});
}

void Producer::sendOffsets(const std::vector<std::pair<TopicPartition, std::int64_t>> &offsets,
    const ConsumerGroupMetadata &group, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    State::Transaction &transaction = state.transaction;
    invariant(transaction.status == TransactionStatus::InTransaction,
        "offsets are committed in a transaction");
    if (offsets.empty())
        return;
    State::Transaction::Offsets &added = transaction.offsets.emplace_back();
    added.group = group;
    added.isAdded = transaction.version >= kAddsImplicitly;
    for (const auto &[partition, offset] : offsets) {
        TxnOffsetCommitRequest::Partition &wanted = added.partitions.emplace_back();
        wanted.partition = partition;
        wanted.committedOffset = offset;
    }
    state.drain(context, effects);
    state.askForNextWake(context.now, effects);
}

void Producer::commitTransaction(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    invariant(state.transaction.status == TransactionStatus::InTransaction,
        "a transaction is committed while nothing of it has failed");
    state.transaction.status = TransactionStatus::Ending;
    state.transaction.isCommitting = true;
    flush(context, effects);
}

void Producer::abortTransaction(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    State::Transaction &transaction = state.transaction;
    invariant(transaction.status == TransactionStatus::InTransaction
            || transaction.status == TransactionStatus::AbortableError,
        "what is aborted has begun and not ended");
    transaction.status = TransactionStatus::Ending;
    transaction.isCommitting = false;
    transaction.error = ErrorCode::None;
    // What the coordinator may have heard of has to be settled; the rest never happens.
    std::erase_if(transaction.places, [&state](const State::Place &place) {
        State::Membership &membership = state.at(place).membership;
        if (membership != State::Membership::Wanted)
            return false;
        membership = State::Membership::Outside;
        return true;
    });
    std::erase_if(transaction.offsets,
        [](const State::Transaction::Offsets &offsets) { return !offsets.isAsked; });
    state.drain(context, effects);
    state.askForNextWake(context.now, effects);
}

TransactionStatus Producer::transactionStatus() const
{
    return m_state->transaction.status;
}

ErrorCode Producer::transactionError() const
{
    return m_state->transaction.error;
}

std::int64_t Producer::producerId() const
{
    return m_state->identity.id;
}

std::int16_t Producer::producerEpoch() const
{
    return m_state->identity.epoch;
}

// What is asked of the coordinators.

/// Drops what will not be sent any more, and asks the next question that is due.
void Producer::State::tendTransaction(Context &context, ClientEffects &effects)
{
    using Ask = Transaction::Ask;
    if (transaction.status == TransactionStatus::FatalError)
        dropAll(transaction.error, context);
    else if (transaction.status == TransactionStatus::AbortableError)
        dropUnsent(transaction.error, context);
    else if (transaction.isAborting())
        dropUnsent(ErrorCode::OperationNotAttempted, context);

    while (!transaction.asked) {
        const std::optional<Ask> next = nextAsk();
        if (!next)
            return;
        if (*next == Ask::End && !transaction.isStarted) {
            endTransaction(context); // nobody else knows of it
            continue;
        }
        if (context.now < transaction.notBefore)
            return ask(transaction.notBefore, effects);
        if (!askCoordinator(*next, context, effects))
            return;
    }
    ask(transaction.asked->question.sentAt + config.requestTimeout, effects);
}

std::optional<Producer::State::Transaction::Ask> Producer::State::nextAsk()
{
    using Ask = Transaction::Ask;
    if (transaction.initWanted)
        return versionIsMissing() ? std::nullopt : std::optional(Ask::InitProducerId);
    if (transaction.status != TransactionStatus::InTransaction
        && transaction.status != TransactionStatus::Ending)
        return std::nullopt;
    const auto isMissing = [this](const Place &place) {
        return at(place).membership != Membership::Inside;
    };
    if (std::ranges::any_of(transaction.places, isMissing))
        return Ask::AddPartitions;
    if (!transaction.offsets.empty())
        return transaction.offsets.front().isAdded ? Ask::CommitOffsets : Ask::AddOffsets;
    const bool isFlushed = counters.bufferedRecords == 0 && counters.inFlightRecords == 0;
    if (transaction.status == TransactionStatus::Ending && isFlushed)
        return Ask::End;
    return std::nullopt;
}

/// False when nobody can be asked now.
bool Producer::State::askCoordinator(
    Transaction::Ask what, Context &context, ClientEffects &effects)
{
    using Ask = Transaction::Ask;
    std::optional<NodeId> *coordinator = &transaction.coordinator;
    if (what == Ask::CommitOffsets) {
        const std::string &group = transaction.offsets.front().group.group;
        if (transaction.group != group)
            transaction.groupCoordinator.reset();
        transaction.group = group;
        coordinator = &transaction.groupCoordinator;
    }
    std::optional<NodeId> broker = *coordinator;
    if (!broker) {
        what = what == Ask::CommitOffsets ? Ask::FindGroupCoordinator : Ask::FindCoordinator;
        broker = brokers.any(context.now, context.random);
        if (!broker) {
            ask(brokers.anyAt(), effects);
            return false;
        }
    } else if (!brokers.canReach(*broker, context.now)) {
        ask(*brokers.reconnectAt(*broker), effects);
        return false;
    }
    const Question question{RequestId{nextRequest++}, *broker, context.now};
    transaction.asked = {what, question};
    effects.emplace_back(
        std::in_place_type<SendRequest>, question.broker, question.id, requestFor(what));
    return true;
}

Request Producer::State::requestFor(Transaction::Ask what)
{
    using Ask = Transaction::Ask;
    const std::string &transactionalId = *config.transactionalId;
    switch (what) {
    case Ask::FindCoordinator:
        return FindCoordinatorRequest{transactionalId, CoordinatorType::Transaction};
    case Ask::FindGroupCoordinator:
        return FindCoordinatorRequest{transaction.group, CoordinatorType::Group};
    case Ask::InitProducerId:
        return InitProducerIdRequest{
            transactionalId, config.transactionTimeout, identity.id, identity.epoch};
    case Ask::AddPartitions: {
        AddPartitionsToTxnRequest request{.transactionalId = transactionalId,
            .producerId = identity.id,
            .producerEpoch = identity.epoch};
        for (const Place &place : transaction.places) {
            Membership &membership = at(place).membership;
            if (membership == Membership::Inside)
                continue;
            membership = Membership::Asked;
            request.partitions.push_back({topics[place.topic].name, place.partition});
        }
        return request;
    }
    case Ask::AddOffsets:
        transaction.offsets.front().isAsked = true;
        return AddOffsetsToTxnRequest{
            transactionalId, identity.id, identity.epoch, transaction.offsets.front().group.group};
    case Ask::CommitOffsets: {
        Transaction::Offsets &offsets = transaction.offsets.front();
        offsets.isAsked = true;
        transaction.isStarted = true;
        return TxnOffsetCommitRequest{.transactionalId = transactionalId,
            .group = offsets.group.group,
            .producerId = identity.id,
            .producerEpoch = identity.epoch,
            .generation = offsets.group.generation,
            .memberId = offsets.group.memberId,
            .groupInstanceId = offsets.group.groupInstanceId,
            .partitions = offsets.partitions,
            .addsPartitionsToTxn = transaction.version >= kAddsImplicitly};
    }
    case Ask::End:
        break;
    }
    return EndTxnRequest{transactionalId, identity.id, identity.epoch, transaction.isCommitting,
        transaction.version >= kAddsImplicitly};
}

// What they answer.

void Producer::State::applyTransaction(const Response &response, Context &context)
{
    const Transaction::Asked asked = *std::exchange(transaction.asked, std::nullopt);
    brokers.answered(asked.question.broker);
    const ErrorCode error = resultOf(asked.what, response);
    if (transaction.status == TransactionStatus::FatalError)
        return; // too late to matter
    if (error == ErrorCode::None)
        succeeded(asked.what, response, context);
    else
        refused(asked.what, error, context);
}

ErrorCode Producer::State::resultOf(Transaction::Ask what, const Response &response)
{
    if (const auto *found = std::get_if<FindCoordinatorResponse>(&response))
        return found->error;
    if (const auto *init = std::get_if<InitProducerIdResponse>(&response))
        return init->error;
    if (const auto *partitions = std::get_if<AddPartitionsToTxnResponse>(&response))
        return worstOf(partitions->partitions);
    if (const auto *offsets = std::get_if<AddOffsetsToTxnResponse>(&response))
        return offsets->error;
    if (const auto *end = std::get_if<EndTxnResponse>(&response))
        return end->error;
    const auto *committed = std::get_if<TxnOffsetCommitResponse>(&response);
    invariant(committed && what == Transaction::Ask::CommitOffsets,
        "a coordinator answers the question that it was asked");
    return worstOf(committed->partitions);
}

void Producer::State::succeeded(Transaction::Ask what, const Response &response, Context &context)
{
    using Ask = Transaction::Ask;
    switch (what) {
    case Ask::FindCoordinator:
        transaction.coordinator = NodeId{std::get<FindCoordinatorResponse>(response).node};
        break;
    case Ask::FindGroupCoordinator:
        transaction.groupCoordinator = NodeId{std::get<FindCoordinatorResponse>(response).node};
        break;
    case Ask::InitProducerId: {
        const auto &init = std::get<InitProducerIdResponse>(response);
        transaction.initWanted = false;
        becomeReady({init.producerId, init.producerEpoch}, context);
        break;
    }
    case Ask::AddPartitions:
        transaction.isStarted = true;
        for (const Place &place : transaction.places) {
            if (at(place).membership == Membership::Asked)
                at(place).membership = Membership::Inside;
        }
        break;
    case Ask::AddOffsets:
        transaction.isStarted = true;
        if (transaction.isAborting())
            transaction.offsets.pop_front();
        else
            transaction.offsets.front().isAdded = true;
        break;
    case Ask::CommitOffsets:
        transaction.offsets.pop_front();
        break;
    case Ask::End: {
        const auto &end = std::get<EndTxnResponse>(response);
        if (transaction.version >= kAddsImplicitly && end.producerId >= 0) {
            identity = {end.producerId, end.producerEpoch};
            transaction.hasGap = false;
        }
        endTransaction(context);
        break;
    }
    }
}

void Producer::State::refused(Transaction::Ask what, ErrorCode error, Context &context)
{
    using Ask = Transaction::Ask;
    if (isElsewhere(error)) {
        (what == Ask::CommitOffsets || what == Ask::FindGroupCoordinator
                ? transaction.groupCoordinator
                : transaction.coordinator)
            .reset();
    }
    if (isRetriable(error)) {
        const bool isFirst = what == Ask::AddPartitions && !transaction.isStarted
            && error == ErrorCode::ConcurrentTransactions;
        transaction.notBefore = context.now
            + (isFirst ? std::min(kFirstPartitionBackoff, config.retryBackoff)
                       : config.retryBackoff);
        // Aborting already: these offsets need not be there.
        if (what == Ask::CommitOffsets && transaction.isAborting())
            transaction.offsets.pop_front();
        return;
    }
    const bool isFatal = [&] {
        switch (what) {
        case Ask::AddPartitions:
            return isFenced(error) || error == ErrorCode::InvalidTxnState
                || error == ErrorCode::InvalidProducerIdMapping;
        case Ask::CommitOffsets:
            return !isCommitFailure(error) && error != ErrorCode::TransactionAbortable;
        case Ask::End: // what cannot even be aborted leaves no way on
            return transaction.isAborting() || error != ErrorCode::TransactionAbortable;
        default:
            return error != ErrorCode::TransactionAbortable;
        }
    }();
    // None of what was asked for is in the transaction.
    if (what == Ask::AddPartitions) {
        std::erase_if(transaction.places, [this](const Place &place) {
            Membership &membership = at(place).membership;
            if (membership != Membership::Asked)
                return false;
            membership = Membership::Outside;
            return true;
        });
    } else if (what == Ask::AddOffsets || what == Ask::CommitOffsets) {
        transaction.offsets.pop_front();
    }
    if (isFatal)
        failTransaction(TransactionStatus::FatalError,
            isFenced(error) ? ErrorCode::ProducerFenced : error, context);
    else
        failTransaction(TransactionStatus::AbortableError, error, context);
}

/// Nothing out to this broker will be answered, and it may not be the coordinator any more.
void Producer::State::loseTransactionQuestion(NodeId broker, Instant now)
{
    if (transaction.coordinator == broker)
        transaction.coordinator.reset();
    if (transaction.groupCoordinator == broker)
        transaction.groupCoordinator.reset();
    if (!transaction.asked || transaction.asked->question.broker != broker)
        return;
    transaction.asked.reset();
    transaction.notBefore = now + config.retryBackoff;
}

// The transaction itself.

/// The first batch of the transaction for a partition is opened. True when the coordinator has to
/// be told first.
bool Producer::State::joinTransaction(const Place &place)
{
    if (transaction.version >= kAddsImplicitly) {
        transaction.isStarted = true;
        return false;
    }
    Partition &partition = at(place);
    if (partition.membership != Membership::Outside)
        return false;
    partition.membership = Membership::Wanted;
    transaction.places.push_back(place);
    return true;
}

bool Producer::State::transactionAllows(const Place &place)
{
    return transaction.version >= kAddsImplicitly || at(place).membership == Membership::Inside;
}

void Producer::State::becomeReady(Identity given, Context &context)
{
    identity = given;
    transaction.hasGap = false;
    transaction.status = TransactionStatus::Ready;
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::ProducerIdAssigned),
        .subject = ownName(context),
        .value = identity.id});
}

/// It is over. With transaction.version 1 a gap in the sequences needs a new epoch first: then the
/// next transaction has to wait for that.
void Producer::State::endTransaction(Context &context)
{
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::TransactionEnded),
        .subject = ownName(context),
        .detail = context.trace.name(transaction.isCommitting ? "committed" : "aborted"),
        .item = identity.epoch,
        .count = transaction.records,
        .value = (context.now - transaction.begun).count()});
    for (const Place &place : std::exchange(transaction.places, {}))
        at(place).membership = Membership::Outside;
    transaction.isStarted = false;
    if (transaction.hasGap)
        transaction.initWanted = true;
    else
        transaction.status = TransactionStatus::Ready;
}

/// Records failed: then the transaction cannot be committed. Kafka's producer survives most of what
/// a partition's leader says, an old epoch too: whether another one has its place it is told by the
/// coordinator, when it aborts.
void Producer::State::recordsRefused(ErrorCode error, Context &context)
{
    const bool isFatal = error == ErrorCode::ProducerFenced
        || error == ErrorCode::InvalidProducerIdMapping || error == ErrorCode::UnsupportedVersion;
    failTransaction(isFatal ? TransactionStatus::FatalError : TransactionStatus::AbortableError,
        error, context);
}

void Producer::State::failTransaction(TransactionStatus status, ErrorCode error, Context &context)
{
    if (transaction.status == TransactionStatus::FatalError || transaction.status == status)
        return;
    if (status == TransactionStatus::AbortableError && transaction.isAborting())
        return; // that is what is being done about it
    transaction.status = status;
    transaction.error = error;
    transaction.initWanted = false;
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::TransactionFailed),
        .subject = ownName(context),
        .detail = context.trace.name(*config.transactionalId),
        .value = static_cast<std::int64_t>(error)});
}

/// What has no sequence yet was never sent. The rest may be in a log and is followed to its end.
void Producer::State::dropUnsent(ErrorCode error, Context &context)
{
    if (counters.bufferedRecords == 0)
        return;
    dropWaiting(error, context);
    finishAll();
    std::erase_if(readyPlaces, [&](const Place &place) {
        std::deque<Batch> &ready = at(place).ready;
        // Those that were sent before are older than those that were not.
        while (!ready.empty() && ready.back().baseSequence < 0) {
            Batch batch = std::move(ready.back());
            ready.pop_back();
            drop(std::move(batch), error, context);
        }
        return ready.empty();
    });
}

void Producer::State::dropAll(ErrorCode error, Context &context)
{
    dropUnsent(error, context);
    for (const Place &place : std::exchange(readyPlaces, {})) {
        for (Batch &batch : std::exchange(at(place).ready, {}))
            drop(std::move(batch), error, context);
    }
    for (ProduceInFlight &request : inFlight) {
        for (Batch &batch : std::exchange(request.batches, {}))
            giveUp(std::move(batch), error, false, context);
    }
}

void Producer::State::dropWaiting(ErrorCode error, Context &context)
{
    for (Topic &topic : topics) {
        if (topic.waiting.empty())
            continue;
        const Instant firstSent = topic.waiting.front().sent;
        for (const WaitingRecord &record : topic.waiting)
            counters.bufferedBytes -= record.memory;
        const auto count = static_cast<std::int32_t>(std::exchange(topic.waiting, {}).size());
        recordsFailed(topic.name, count, firstSent, error, context);
    }
}

/// A ready batch fails without being sent (again).
void Producer::State::drop(Batch &&batch, ErrorCode error, Context &context)
{
    counters.bufferedRecords -= batch.recordCount;
    counters.inFlightRecords += batch.recordCount;
    giveUp(std::move(batch), error, false, context);
}

} // namespace queuelab::log
