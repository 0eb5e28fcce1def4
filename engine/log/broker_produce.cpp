// Producing: one batch for each partition of a request, appended by the leader, answered when the
// request's acks are there.

#include "engine/core/crc32c.h"
#include "engine/log/broker_state.h"
#include "engine/log/record_batch.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::int16_t kAcksAll = -1;
constexpr std::int16_t kAcksNone = 0;
constexpr std::int16_t kAcksLeader = 1;
/// Batches whose sizes are known apart from each other while nothing is committed.
constexpr std::size_t kUncommittedMax = 256;

/// The same batch as a producer without idempotence would have sent it (PlantedBug).
SharedBytes withoutProducerId(ByteView batch)
{
    constexpr std::size_t kCrcAt = 17;
    constexpr std::size_t kCoveredFrom = 21;
    constexpr std::size_t kProducerIdAt = 43; // then epoch and base sequence, up to 57
    constexpr std::size_t kRecordCountAt = 57;
    Bytes bytes(batch.begin(), batch.end());
    if (bytes.size() < kBatchHeaderBytes)
        return SharedBytes(std::move(bytes));
    std::fill(bytes.begin() + kProducerIdAt, bytes.begin() + kRecordCountAt, std::uint8_t{0xff});
    storeBigEndian(bytes.data() + kCrcAt, crc32c(ByteView(bytes).subspan(kCoveredFrom)));
    return SharedBytes(std::move(bytes));
}

} // namespace

void Broker::State::produce(Caller caller, NameId producer, const ProduceRequest &request,
    Context &context, Effects &effects)
{
    const bool validAcks =
        request.acks == kAcksAll || request.acks == kAcksNone || request.acks == kAcksLeader;
    if (!validAcks) {
        ProduceResponse response;
        for (const ProduceRequest::Partition &batch : request.partitions) {
            response.partitions.push_back(
                {.partition = batch.partition, .error = ErrorCode::InvalidRequiredAcks});
        }
        caller.answer(std::move(response), effects);
        return;
    }
    const bool transactional = std::ranges::any_of(request.partitions, [](const auto &batch) {
        const auto header = readBatchHeader(batch.records.view());
        return header && header->producerId >= 0 && header->isTransactional();
    });
    if (transactional)
        produceInTransaction(caller, producer, request, context, effects);
    else
        appendAll(caller, producer, request, {}, context, effects);
}

void Broker::State::appendAll(Caller caller, NameId producer, const ProduceRequest &request,
    const std::vector<ErrorCode> &refused, Context &context, Effects &effects)
{
    const NameId transactionalId =
        request.transactionalId ? context.trace.name(*request.transactionalId) : kNoName;
    ProduceResponse response;
    response.partitions.reserve(request.partitions.size());
    Awaits awaits;
    for (std::size_t i = 0; i < request.partitions.size(); ++i) {
        const ProduceRequest::Partition &batch = request.partitions[i];
        if (!refused.empty() && refused[i] != ErrorCode::None) {
            ProduceResponse::Partition &out = response.partitions.emplace_back();
            out.partition = batch.partition;
            out.error = refused[i];
            if (refused[i] == ErrorCode::NotLeaderOrFollower)
                out.currentLeader = leaderHint(batch.partition);
            continue;
        }
        Appended appended = appendBatch(batch, request.acks, producer, AppendOrigin::Client,
            context, effects, {.transactionalId = transactionalId});
        if (appended.awaits)
            awaits.emplace_back(response.partitions.size(), *appended.awaits);
        response.partitions.push_back(std::move(appended.result));
    }
    if (!awaits.empty())
        park(caller, std::move(response), awaits, request.timeout, context);
    else if (request.acks != kAcksNone)
        caller.answer(std::move(response), effects);
}

Broker::State::Appended Broker::State::appendBatch(const ProduceRequest::Partition &batch,
    std::int16_t acks, NameId producer, AppendOrigin origin, Context &context, Effects &effects,
    const TransactionPart &part)
{
    Appended out;
    out.result.partition = batch.partition;
    const auto header = readBatchHeader(batch.records.view());
    const bool transactional = header && header->producerId >= 0 && header->isTransactional();
    const auto refuse = [&](ErrorCode error) {
        out.result.error = error;
        if (error == ErrorCode::InvalidProducerEpoch && transactional
            && origin == AppendOrigin::Client) {
            recordFenced(producer, part.transactionalId, header->producerEpoch, context);
        }
        if (error == ErrorCode::NotLeaderOrFollower)
            out.result.currentLeader = leaderHint(batch.partition);
        const Partition *known = find(batch.partition);
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::BatchRefused),
            .subject = known ? known->name : context.trace.name(batch.partition.name()),
            .actor = producer,
            .value = static_cast<std::int64_t>(error)});
        return std::move(out);
    };
    const auto leading = led(batch.partition);
    if (!leading)
        return refuse(leading.error());
    Partition &partition = **leading;
    if (acks == kAcksAll && partition.isr.size() < minIsr(partition))
        return refuse(ErrorCode::NotEnoughReplicas);

    ProducerTerms terms{.markerVersion = part.markerVersion,
        .anyEpoch = config.plantedBug == PlantedBug::NoTransactionFencing};
    if (transactional) {
        const auto verification = partition.verifications.find(header->producerId);
        if (verification != partition.verifications.end()) {
            terms.beginsAtZero = verification->second.addsPartition;
            terms.lowestSequence = verification->second.lowestSequence;
        }
    }
    const SharedBytes records = config.plantedBug == PlantedBug::NoDuplicateCheck && !transactional
        ? withoutProducerId(batch.records.view())
        : batch.records;
    const auto appended =
        partition.log.append(records.view(), partition.leaderEpoch, context, origin, terms);
    if (!appended)
        return refuse(appended.error());
    out.result.baseOffset = appended->baseOffset;
    out.result.logAppendTimeMs = appended->logAppendTimeMs;
    out.result.logStartOffset = partition.log.logStartOffset();
    const auto bytes = static_cast<std::int64_t>(batch.records.size());
    const std::int64_t end = appended->lastOffset + 1;
    const std::int64_t count = end - appended->baseOffset;
    if (appended->duplicate) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::DuplicateAnswered),
            .subject = partition.name,
            .actor = producer,
            .item = appended->baseOffset,
            .count = count});
    } else {
        if (appended->rolled) {
            context.trace.record({.at = context.now,
                .kind = kind(LogEvent::SegmentRolled),
                .subject = partition.name,
                .item = appended->baseOffset});
            considerCleaning(batch.partition, partition.log, context);
        }
        // What groups write is told by their own events; with followers it is seen travelling too.
        if (origin == AppendOrigin::Client || partition.replicas.size() > 1) {
            context.trace.record({.at = context.now,
                .kind = kind(LogEvent::BatchAppended),
                .subject = partition.name,
                .actor = producer,
                .detail = name,
                .item = appended->baseOffset,
                .count = count,
                .value = bytes});
        }
        if (transactional)
            partition.verifications.erase(header->producerId);
        if (header && header->isControl())
            recordMarker(partition, batch.records.view(), *appended, context);
        if (partition.uncommitted.size() < kUncommittedMax)
            partition.uncommitted.push_back({end, bytes});
        else // counted late, all the same
            partition.uncommitted.back() = {end, partition.uncommitted.back().bytes + bytes};
        wakeFetches(partition.waitingFollowers, bytes, context, effects);
        advanceHighWatermark(partition, context, effects);
    }
    if (acks == kAcksAll && partition.highWatermark < end
        && config.plantedBug != PlantedBug::AcknowledgeEarly)
        out.awaits = end;
    return out;
}

void Broker::State::park(Appender from, ProduceResponse &&response, const Awaits &awaits,
    std::chrono::milliseconds timeout, Context &context)
{
    const ProduceId produceId = nextProduce++;
    for (const auto &[index, upTo] : awaits) {
        ProduceResponse::Partition &out = response.partitions[index];
        out.error = ErrorCode::RequestTimedOut; // unless something comes before
        std::vector<AwaitedAppend> &awaited = find(out.partition)->awaited;
        awaited.insert(std::ranges::upper_bound(awaited, upTo, {}, &AwaitedAppend::upTo),
            {upTo, produceId, index});
    }
    parkedProduces.emplace_hint(parkedProduces.end(), produceId,
        ParkedProduce{std::move(from), std::move(response), awaits.size(),
            produceDeadlines.set(context.now + timeout, produceId)});
}

void Broker::State::appendSettled(
    ProduceId produceId, std::size_t index, ErrorCode error, Context &context, Effects &effects)
{
    ParkedProduce &parked = parkedProduces.at(produceId);
    ProduceResponse::Partition &out = parked.response.partitions[index];
    out.error = error;
    if (error == ErrorCode::NotLeaderOrFollower)
        out.currentLeader = leaderHint(out.partition);
    if (--parked.awaited == 0)
        finish(produceId, context, effects);
}

void Broker::State::completeAppends(Partition &partition, Context &context, Effects &effects)
{
    if (partition.awaited.empty() || partition.awaited.front().upTo > partition.highWatermark)
        return;
    const auto firstLeft = std::ranges::upper_bound(
        partition.awaited, partition.highWatermark, {}, &AwaitedAppend::upTo);
    const std::vector<AwaitedAppend> committed(partition.awaited.begin(), firstLeft);
    partition.awaited.erase(partition.awaited.begin(), firstLeft);
    const ErrorCode error = maximalIsrSize(partition) >= minIsr(partition)
        ? ErrorCode::None
        : ErrorCode::NotEnoughReplicasAfterAppend;
    for (const AwaitedAppend &append : committed)
        appendSettled(append.produce, append.index, error, context, effects);
}

void Broker::State::failAppends(
    Partition &partition, ErrorCode error, Context &context, Effects &effects)
{
    for (const AwaitedAppend &append : std::exchange(partition.awaited, {}))
        appendSettled(append.produce, append.index, error, context, effects);
}

void Broker::State::produceTimedOut(ProduceId produceId, Context &context, Effects &effects)
{
    for (const ProduceResponse::Partition &out : parkedProduces.at(produceId).response.partitions) {
        if (Partition *partition = find(out.partition)) {
            std::erase_if(partition->awaited,
                [&](const AwaitedAppend &append) { return append.produce == produceId; });
        }
    }
    finish(produceId, context, effects);
}

void Broker::State::finish(ProduceId produceId, Context &context, Effects &effects)
{
    auto found = parkedProduces.extract(produceId);
    ParkedProduce &parked = found.mapped();
    produceDeadlines.cancel(parked.deadline);
    if (const auto *caller = std::get_if<Caller>(&parked.from)) {
        caller->answer(std::move(parked.response), effects);
        return;
    }
    const ErrorCode error = parked.response.partitions.front().error;
    if (const auto *write = std::get_if<TransactionWrite>(&parked.from))
        transactions.written(write->id, error, context, effects);
    else if (const auto *marker = std::get_if<MarkerAppend>(&parked.from))
        markerSettled(*marker, error, context, effects);
    else if (auto *state = std::get_if<ShareStateAnswer>(&parked.from))
        answerShareState(std::move(*state), error, effects);
    else
        coordinator.written(std::get<std::uint64_t>(parked.from), error, context, effects);
}

} // namespace queuelab::log
