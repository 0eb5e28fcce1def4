// Whether a transaction has the partitions that its producer writes to (KIP-890). The first batch
// of a transaction in a partition waits while the leader asks the transaction coordinator; with
// transaction.version 2 that adds the partition. The codes that come of it are those of Kafka's
// ReplicaManager and AddPartitionsToTxnManager.

#include "engine/log/broker_state.h"

#include "engine/core/overloaded.h"

#include <algorithm>
#include <optional>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::chrono::milliseconds kVerificationRetryBackoff{
    20}; // add.partitions.to.txn.retry.backoff.ms
constexpr std::chrono::milliseconds kRetryMax{100}; // add.partitions.to.txn.retry.backoff.max.ms
constexpr std::int32_t kNoSequence = -1;

const std::string &transactionalIdOf(
    const std::variant<ProduceRequest, TxnOffsetCommitRequest> &request)
{
    const auto *produce = std::get_if<ProduceRequest>(&request);
    return produce ? *produce->transactionalId
                   : std::get<TxnOffsetCommitRequest>(request).transactionalId;
}

bool addsPartitions(const std::variant<ProduceRequest, TxnOffsetCommitRequest> &request)
{
    return std::visit([](const auto &asked) { return asked.addsPartitionsToTxn; }, request);
}

/// What the producer is told. Older clients would not try again after some of these; after
/// NotEnoughReplicas they do, without looking for another leader.
ErrorCode forProducer(ErrorCode error, bool addsPartition)
{
    switch (error) {
    case ErrorCode::NetworkException:
    case ErrorCode::CoordinatorLoadInProgress:
    case ErrorCode::CoordinatorNotAvailable:
    case ErrorCode::NotCoordinator:
        return ErrorCode::NotEnoughReplicas;
    case ErrorCode::ConcurrentTransactions:
        return addsPartition ? error : ErrorCode::NotEnoughReplicas;
    default:
        return error;
    }
}

/// What a producer that commits offsets is told: as Kafka's group coordinator words it.
ErrorCode forCommitter(ErrorCode error)
{
    switch (error) {
    case ErrorCode::NetworkException:
        return ErrorCode::CoordinatorLoadInProgress;
    case ErrorCode::UnknownTopicOrPartition:
        return ErrorCode::CoordinatorNotAvailable;
    case ErrorCode::NotLeaderOrFollower:
    case ErrorCode::KafkaStorageError:
        return ErrorCode::NotCoordinator;
    default:
        return error;
    }
}

} // namespace

void Broker::State::produceInTransaction(Caller caller, NameId producer,
    const ProduceRequest &request, Context &context, Effects &effects)
{
    std::optional<std::pair<std::int64_t, std::int16_t>> found;
    bool several = false;
    for (const ProduceRequest::Partition &batch : request.partitions) {
        const auto header = readBatchHeader(batch.records.view());
        if (!header || header->producerId < 0 || !header->isTransactional())
            continue;
        const std::pair batchProducer{header->producerId, header->producerEpoch};
        several = several || (found && *found != batchProducer);
        found = batchProducer;
    }
    const auto refuse = [&](ErrorCode error) {
        appendAll(caller, producer, request, std::vector(request.partitions.size(), error), context,
            effects);
    };
    if (!request.transactionalId)
        return refuse(ErrorCode::TransactionalIdAuthorizationFailed);
    if (several)
        return refuse(ErrorCode::InvalidProducerIdMapping);
    if (!request.addsPartitionsToTxn && !config.transactionPartitionVerification) {
        appendAll(caller, producer, request, {}, context, effects);
        return;
    }
    const auto [producerId, producerEpoch] = found.value();
    startVerification({.caller = caller,
                          .client = producer,
                          .request = request,
                          .producerId = producerId,
                          .producerEpoch = producerEpoch,
                          .since = context.now},
        context, effects);
}

void Broker::State::commitInTransaction(Caller caller, NameId client,
    const TxnOffsetCommitRequest &request, Context &context, Effects &effects)
{
    if (isLoading(request.group)) {
        TxnOffsetCommitResponse response;
        for (const TxnOffsetCommitRequest::Partition &wanted : request.partitions)
            response.partitions.push_back({wanted.partition, ErrorCode::CoordinatorLoadInProgress});
        caller.answer(std::move(response), effects);
        return;
    }
    Verifying verification{.caller = caller,
        .client = client,
        .request = request,
        .producerId = request.producerId,
        .producerEpoch = request.producerEpoch,
        .since = context.now};
    // What the group's coordinator refuses anyway needs no transaction.
    if (request.group.empty() || !coordinator.coordinates(request.group)
        || (!request.addsPartitionsToTxn && !config.transactionPartitionVerification))
        commitVerified(verification, request, {}, context, effects);
    else
        startVerification(std::move(verification), context, effects);
}

void Broker::State::startVerification(Verifying &&request, Context &context, Effects &effects)
{
    const VerificationId verification = nextVerification++;
    verifying.emplace_hint(verifying.end(), verification, std::move(request));
    verify(verification, context, effects);
}

void Broker::State::verify(VerificationId verification, Context &context, Effects &effects)
{
    Verifying &waiting = verifying.at(verification);
    waiting.retry.reset();
    const bool adds = addsPartitions(waiting.request);
    // What was appended meanwhile need not be asked about again.
    const std::vector<Verifying::Guarded> before = std::exchange(waiting.guards, {});
    std::chrono::milliseconds timeout = kRequestTimeout;
    if (const auto *produce = std::get_if<ProduceRequest>(&waiting.request)) {
        timeout = produce->timeout;
        for (const ProduceRequest::Partition &batch : produce->partitions) {
            const auto header = readBatchHeader(batch.records.view());
            if (header && header->producerId >= 0 && header->isTransactional())
                addGuard(waiting, batch.partition, header->baseSequence, adds);
        }
    } else {
        const std::string &group = std::get<TxnOffsetCommitRequest>(waiting.request).group;
        addGuard(waiting,
            {std::string(kOffsetsTopic), offsetsPartitionFor(group, config.offsetsTopicPartitions)},
            kNoSequence, adds);
    }
    releaseGuards(waiting, before);
    if (waiting.guards.empty()) {
        verified(verification, {}, context, effects);
        return;
    }
    AddPartitionsToTxnRequest question{.transactionalId = transactionalIdOf(waiting.request),
        .producerId = waiting.producerId,
        .producerEpoch = waiting.producerEpoch,
        .verifyOnly = !adds,
        .fromBroker = true};
    for (const Verifying::Guarded &guarded : waiting.guards)
        question.partitions.push_back(guarded.partition);
    const auto partition = coordinatingPartition(
        CoordinatorType::Transaction, question.transactionalId, context, effects);
    const PartitionImage *known = partition ? image.partition(*partition) : nullptr;
    if (!known || known->leader < 0) {
        verified(verification,
            std::vector(question.partitions.size(), ErrorCode::CoordinatorNotAvailable), context,
            effects);
        return;
    }
    ask(NodeId{known->leader}, std::move(question), VerificationAsk{verification}, timeout, context,
        effects);
}

void Broker::State::verificationAnswered(
    VerificationId verification, const Response *response, Context &context, Effects &effects)
{
    const auto found = verifying.find(verification);
    if (found == verifying.end()) // its client is gone
        return;
    Verifying &waiting = found->second;
    std::vector<ErrorCode> errors(waiting.guards.size(), ErrorCode::NetworkException);
    const auto *answer = response ? std::get_if<AddPartitionsToTxnResponse>(response) : nullptr;
    if (answer && answer->partitions.size() == errors.size()) {
        std::ranges::transform(answer->partitions, errors.begin(), [](const auto &partition) {
            // To producers an epoch that was replaced is always told so.
            return partition.error == ErrorCode::ProducerFenced ? ErrorCode::InvalidProducerEpoch
                                                                : partition.error;
        });
    }
    // The transaction before is still being ended, or another batch's partition just being added.
    // It will not take long, and the producer's own back-off would.
    const bool busy = std::ranges::find(errors, ErrorCode::ConcurrentTransactions) != errors.end();
    if (busy && std::holds_alternative<ProduceRequest>(waiting.request)
        && addsPartitions(waiting.request) && context.now - waiting.since < kRetryMax) {
        waiting.retry =
            verificationRetries.set(context.now + kVerificationRetryBackoff, verification);
        return;
    }
    verified(verification, std::move(errors), context, effects);
}

void Broker::State::verified(
    VerificationId verification, std::vector<ErrorCode> errors, Context &context, Effects &effects)
{
    auto node = verifying.extract(verification);
    Verifying &waiting = node.mapped();
    for (std::size_t i = 0; i < errors.size(); ++i) {
        if (errors[i] == ErrorCode::None)
            errors[i] = checkGuard(waiting, waiting.guards[i]);
    }
    std::visit(Overloaded{
                   [&](const ProduceRequest &produce) {
                       appendVerified(waiting, produce, errors, context, effects);
                   },
                   [&](const TxnOffsetCommitRequest &commit) {
                       commitVerified(waiting, commit, errors, context, effects);
                   },
               },
        waiting.request);
    releaseGuards(waiting, waiting.guards);
}

void Broker::State::appendVerified(Verifying &waiting, const ProduceRequest &request,
    const std::vector<ErrorCode> &errors, Context &context, Effects &effects)
{
    std::vector<ErrorCode> refused(request.partitions.size(), ErrorCode::None);
    for (std::size_t i = 0; i < errors.size(); ++i) {
        if (errors[i] == ErrorCode::None)
            continue;
        const TopicPartition &partitionName = waiting.guards[i].partition;
        for (std::size_t batch = 0; batch < refused.size(); ++batch) {
            if (request.partitions[batch].partition == partitionName)
                refused[batch] = forProducer(errors[i], request.addsPartitionsToTxn);
        }
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::TransactionalAppendRefused),
            .subject = context.trace.name(partitionName.name()),
            .actor = waiting.client,
            .item = waiting.producerEpoch,
            .value = static_cast<std::int64_t>(errors[i])});
        if (errors[i] == ErrorCode::InvalidProducerEpoch)
            recordFenced(waiting.client, context.trace.name(*request.transactionalId),
                waiting.producerEpoch, context);
    }
    appendAll(waiting.caller, waiting.client, request, refused, context, effects);
}

void Broker::State::commitVerified(Verifying &waiting, const TxnOffsetCommitRequest &request,
    const std::vector<ErrorCode> &errors, Context &context, Effects &effects)
{
    if (!errors.empty() && errors.front() != ErrorCode::None) {
        TxnOffsetCommitResponse response;
        for (const TxnOffsetCommitRequest::Partition &wanted : request.partitions)
            response.partitions.push_back({wanted.partition, forCommitter(errors.front())});
        waiting.caller.answer(std::move(response), effects);
        return;
    }
    std::vector<ErrorCode> refused;
    refused.reserve(request.partitions.size());
    for (const TxnOffsetCommitRequest::Partition &wanted : request.partitions) {
        refused.push_back(image.partition(wanted.partition) ? ErrorCode::None
                                                            : ErrorCode::UnknownTopicOrPartition);
    }
    coordinator.commitInTransaction(
        waiting.caller, request, waiting.client, context, effects, refused);
}

/// Unless the transaction is known to have the partition, or the partition is not led here, which
/// the append finds out.
void Broker::State::addGuard(Verifying &waiting, const TopicPartition &partitionName,
    std::int32_t baseSequence, bool addsPartition)
{
    const auto leading = led(partitionName);
    if (!leading || (*leading)->log.hasOpenTransaction(waiting.producerId, waiting.producerEpoch))
        return;
    Partition &partition = **leading;
    const auto [entry, isNew] = partition.verifications.try_emplace(waiting.producerId);
    Verification &verification = entry->second;
    if (isNew)
        verification.guard = nextGuard++;
    if (isNew || waiting.producerEpoch > verification.producerEpoch) {
        verification.producerEpoch = waiting.producerEpoch;
        verification.lowestSequence = baseSequence;
    } else if (waiting.producerEpoch == verification.producerEpoch) {
        verification.lowestSequence = std::min(verification.lowestSequence, baseSequence);
    }
    verification.addsPartition = addsPartition;
    ++verification.waiting;
    waiting.guards.push_back({partitionName, partition.leaderEpoch, verification.guard});
}

/// Whether what the coordinator has said still holds: no marker was written meanwhile.
ErrorCode Broker::State::checkGuard(const Verifying &waiting, const Verifying::Guarded &guarded)
{
    const auto leading = led(guarded.partition);
    if (!leading)
        return leading.error();
    const Partition &partition = **leading;
    if (partition.leaderEpoch != guarded.leaderEpoch)
        return ErrorCode::NotLeaderOrFollower;
    if (partition.log.hasOpenTransaction(waiting.producerId, waiting.producerEpoch))
        return ErrorCode::None; // a batch that waited with this one has begun it
    const auto verification = partition.verifications.find(waiting.producerId);
    return verification != partition.verifications.end()
            && verification->second.guard == guarded.guard
        ? ErrorCode::None
        : ErrorCode::InvalidTxnState;
}

void Broker::State::releaseGuards(
    const Verifying &waiting, const std::vector<Verifying::Guarded> &guards)
{
    for (const Verifying::Guarded &guarded : guards) {
        Partition *partition = find(guarded.partition);
        if (!partition)
            continue;
        const auto verification = partition->verifications.find(waiting.producerId);
        if (verification != partition->verifications.end()
            && verification->second.guard == guarded.guard && --verification->second.waiting == 0)
            partition->verifications.erase(verification);
    }
}

void Broker::State::recordFenced(
    NameId producer, NameId transactionalId, std::int16_t producerEpoch, Context &context)
{
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::ProducerFenced),
        .subject = producer,
        .detail = transactionalId,
        .item = producerEpoch,
        .value = static_cast<std::int64_t>(ErrorCode::InvalidProducerEpoch)});
}

} // namespace queuelab::log
