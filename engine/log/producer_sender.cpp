// The producer's sending half: what goes to which broker, and what its answers mean.

#include "engine/log/producer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

/// Errors that say the client's picture of the cluster is old (Kafka's InvalidMetadataException).
bool needsNewMetadata(ErrorCode error)
{
    return error == ErrorCode::UnknownTopicOrPartition || error == ErrorCode::NotLeaderOrFollower
        || error == ErrorCode::LeaderNotAvailable || error == ErrorCode::KafkaStorageError
        || error == ErrorCode::FencedLeaderEpoch || error == ErrorCode::NetworkException;
}

} // namespace

std::size_t Producer::State::inFlightTo(NodeId broker) const
{
    return static_cast<std::size_t>(std::ranges::count(inFlight, broker, &ProduceInFlight::broker));
}

void Producer::State::drain(Context &context, ClientEffects &effects)
{
    if (isTransactional())
        tendTransaction(context, effects);
    else
        tendSequences(context, effects);
    // Each request makes room or fills up a connection, so this ends.
    for (bool sent = true; sent;) {
        sent = false;
        for (const Place &place : readyPlaces) {
            const NodeId leader = at(place).leader;
            if (inFlightTo(leader) >= static_cast<std::size_t>(config.maxInFlight)
                || !isSendable(place, context.now))
                continue;
            sendBatches(leader, context, effects);
            sent = true;
            break;
        }
    }
}

/// Whether the oldest ready batch of a partition may leave now.
bool Producer::State::isSendable(const Place &place, Instant now)
{
    const Partition &partition = at(place);
    if (partition.leader.value() < 0 || !brokers.canReach(partition.leader, now))
        return false;
    const Batch &oldest = partition.ready.front();
    const bool isBackingOff =
        now < oldest.retryAt && partition.leaderEpoch <= oldest.triedLeaderEpoch;
    return !isBackingOff && sequencesAllow(place);
}

void Producer::State::sendBatches(NodeId broker, Context &context, ClientEffects &effects)
{
    // One batch for each partition, its oldest; one that waits for its next try holds back the
    // younger ones behind it. A partition that has more takes its place at the end of the line.
    const RequestId id{nextRequest++};
    const auto maxBytes = static_cast<std::size_t>(config.maxRequestSize);
    std::vector<Batch> batches;
    std::size_t bytes = 0;
    for (const Place &place : std::exchange(readyPlaces, {})) {
        Partition &partition = at(place);
        Batch &oldest = partition.ready.front();
        if (partition.leader == broker && isSendable(place, context.now)
            && (batches.empty() || bytes + oldest.sizeBytes() <= maxBytes)) {
            bytes += oldest.sizeBytes();
            batches.push_back(std::move(oldest));
            partition.ready.pop_front();
            partition.newestRequest = id;
        }
        if (!partition.ready.empty())
            readyPlaces.push_back(place);
    }
    std::ranges::stable_partition(
        readyPlaces, [this, id](const Place &place) { return at(place).newestRequest != id; });

    // A request that leaves anyway takes along what still lingers for this broker, as Kafka's
    // sender does.
    for (std::size_t i = 0; i < topics.size(); ++i) {
        for (std::size_t p = 0; p < topics[i].partitions.size(); ++p) {
            const Place place{i, static_cast<std::int32_t>(p)};
            const Partition &partition = at(place);
            if (partition.builder.recordCount() == 0 || partition.leader != broker
                || partition.newestRequest == id || !partition.ready.empty()
                || bytes + partition.builder.sizeBytes() > maxBytes || !maySequence(place))
                continue;
            batches.push_back(finishBatch(place));
            bytes += batches.back().sizeBytes();
        }
    }

    ProduceRequest request;
    request.acks = config.acks;
    request.timeout = config.requestTimeout;
    if (isTransactional()) {
        request.transactionalId = config.transactionalId;
        request.addsPartitionsToTxn = transaction.version >= 2;
    }
    request.partitions.reserve(batches.size());
    for (Batch &batch : batches) {
        const Place &place = batch.place;
        batch.triedLeaderEpoch = at(place).leaderEpoch;
        if (!batch.unsealed.empty())
            seal(batch);
        request.partitions.push_back({{topics[place.topic].name, place.partition}, batch.records});
        counters.bufferedRecords -= batch.recordCount;
        counters.inFlightRecords += batch.recordCount;
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::BatchSent),
            .subject = at(place).name,
            .actor = ownName(context),
            .count = batch.recordCount,
            .value = static_cast<std::int64_t>(batch.records.size())});
    }
    effects.emplace_back(std::in_place_type<SendRequest>, broker, id, std::move(request));
    if (config.acks == 0) {
        // Nobody will answer: sent is as good as it gets.
        for (Batch &batch : batches)
            delivered(batch, ErrorCode::None, -1, context);
        return;
    }
    inFlight.push_back({id, broker, context.now, std::move(batches)});
    ask(context.now + config.requestTimeout, effects);
}

void Producer::State::applyProduce(
    RequestId id, const ProduceResponse &response, Context &context, ClientEffects &effects)
{
    const auto found = std::ranges::find(inFlight, id, &ProduceInFlight::id);
    if (found == inFlight.end())
        return; // timed out or lost before: its batches are on their way again
    brokers.answered(found->broker);
    std::vector<Batch> batches = std::move(found->batches);
    inFlight.erase(found);
    for (std::size_t i = 0; i < batches.size(); ++i) {
        Batch &batch = batches[i];
        const Topic &topic = topics[batch.place.topic];
        const auto isMine = [&](const ProduceResponse::Partition &result) {
            return result.partition.partition == batch.place.partition
                && result.partition.topic == topic.name;
        };
        // Brokers answer in the order of the request; others are looked for.
        const auto result = i < response.partitions.size() && isMine(response.partitions[i])
            ? response.partitions.begin() + static_cast<std::ptrdiff_t>(i)
            : std::ranges::find_if(response.partitions, isMine);
        if (result != response.partitions.end()) {
            applyResult(std::move(batch), *result, context);
        } else {
            const ProduceResponse::Partition missing{
                .partition = {}, .error = ErrorCode::UnknownServerError, .currentLeader = {}};
            applyResult(std::move(batch), missing, context);
        }
    }
    requestMetadata(context, effects);
}

void Producer::State::applyResult(
    Batch &&batch, const ProduceResponse::Partition &result, Context &context)
{
    const ErrorCode error = result.error;
    if (error == ErrorCode::None || error == ErrorCode::DuplicateSequenceNumber) {
        // A duplicate so old that the broker does not know its offset any more is there all the
        // same.
        acknowledged(batch);
        delivered(batch, ErrorCode::None, result.baseOffset, context);
        return;
    }
    if (error == ErrorCode::NotLeaderOrFollower || error == ErrorCode::FencedLeaderEpoch
        || error == ErrorCode::UnknownTopicOrPartition)
        leaderIsWrong(batch.place, result.currentLeader);
    else if (needsNewMetadata(error))
        topics[batch.place.topic].needsMetadata = true;

    if (error == ErrorCode::MessageTooLarge && batch.recordCount > 1)
        split(std::move(batch));
    else if (canRetry(batch, error, context.now))
        retry(std::move(batch), context);
    else
        giveUp(std::move(batch), error, batch.attempts < config.retries, context);
}

bool Producer::State::canRetry(const Batch &batch, ErrorCode error, Instant now)
{
    if (now >= batch.firstSent + config.deliveryTimeout || batch.attempts >= config.retries)
        return false;
    if (config.enableIdempotence && error == ErrorCode::OutOfOrderSequenceNumber) {
        // In a transaction a gap stays: its end begins a new epoch.
        if (isTransactional())
            return !transaction.hasGap && !isNext(batch);
        outOfOrder(batch);
        return true;
    }
    return isRetriable(error);
}

void Producer::State::retry(Batch &&batch, Context &context)
{
    counters.inFlightRecords -= batch.recordCount;
    counters.bufferedRecords += batch.recordCount;
    ++batch.attempts;
    batch.retryAt = context.now
        + exponentialBackoff(
            config.retryBackoff, config.retryBackoffMax, batch.attempts, context.random);
    queue(std::move(batch));
}

/// The broker takes no batch of this size, but each record may be small enough: as Kafka, it is cut
/// into batches of batch.size, and one that was cut before into halves. They keep its sequences.
void Producer::State::split(Batch &&batch)
{
    counters.inFlightRecords -= batch.recordCount;
    counters.bufferedRecords += batch.recordCount;
    counters.bufferedBytes -= batch.memory;
    forget(batch);
    auto target = static_cast<std::size_t>(config.batchSize);
    if (batch.isSplit)
        target = batch.records.size() / 2;

    BatchBuilder builder;
    builder.setCompression(config.compression);
    const auto begin = [&] {
        builder.reset();
        builder.setTransactional(isTransactional());
    };
    std::int32_t done = 0;
    const auto close = [&] {
        Batch part{.place = batch.place,
            .firstRecord = batch.firstRecord + done,
            .unsealed = {},
            .records = builder.take(),
            .recordCount = builder.recordCount(),
            .memory = static_cast<std::int64_t>(builder.sizeBytes()),
            .firstSent = batch.firstSent,
            .isSplit = true};
        if (batch.baseSequence >= 0)
            keepSequence(part, batch);
        counters.bufferedBytes += part.memory;
        done += part.recordCount;
        begin();
        queue(std::move(part));
    };
    begin();
    for (RecordCursor cursor(batch.records.view()); cursor.next();) {
        const RecordView &record = cursor.record();
        std::vector<BatchBuilder::Header> headers;
        for (const HeaderView &header : readHeaders(record).value_or(std::vector<HeaderView>{}))
            headers.push_back({header.key, header.value});
        const std::size_t bytes =
            BatchBuilder::recordSizeUpperBound(
                record.key ? record.key->size() : 0, record.value ? record.value->size() : 0)
            + record.headerBytes.size();
        if (builder.recordCount() > 0 && builder.sizeBytes() + bytes > target)
            close();
        builder.append(record.timestamp, record.key, record.value, headers);
    }
    close();
}

/// Kafka: a batch that the broker has refused for good leaves its sequences free, so that they are
/// given anew; one that may have been written does not.
void Producer::State::giveUp(Batch &&batch, ErrorCode error, bool sequenceIsFree, Context &context)
{
    if (batch.baseSequence >= 0) {
        forget(batch);
        if (isTransactional())
            transaction.hasGap = true;
        else if (error == ErrorCode::OutOfOrderSequenceNumber || sequenceIsFree)
            wantEpochBump(batch.place);
        else
            leaveUnresolved(batch);
    }
    delivered(batch, error, -1, context);
}

void Producer::State::delivered(
    Batch &batch, ErrorCode error, std::int64_t baseOffset, Context &context)
{
    const bool ok = error == ErrorCode::None;
    counters.inFlightRecords -= batch.recordCount;
    counters.bufferedBytes -= batch.memory;
    (ok ? counters.ackedRecords : counters.failedRecords) +=
        static_cast<std::uint64_t>(batch.recordCount);
    deliveries.push_back({.partition = {topics[batch.place.topic].name, batch.place.partition},
        .error = error,
        .baseOffset = baseOffset,
        .recordCount = batch.recordCount,
        .firstSent = batch.firstSent});
    context.trace.record({.at = context.now,
        .kind = kind(ok ? LogEvent::BatchAcked : LogEvent::BatchFailed),
        .subject = at(batch.place).name,
        .actor = ownName(context),
        .item = baseOffset,
        .count = batch.recordCount,
        .value = ok ? (context.now - batch.firstSent).count() : static_cast<std::int64_t>(error)});
    if (!ok && isTransactional())
        recordsRefused(error, context);
}

void Producer::State::expireInFlight(Context &context)
{
    for (ProduceInFlight &request : inFlight) {
        std::vector<Batch> kept;
        for (Batch &batch : std::exchange(request.batches, {})) {
            if (context.now >= batch.firstSent + config.deliveryTimeout)
                giveUp(std::move(batch), ErrorCode::RequestTimedOut, false, context);
            else
                kept.push_back(std::move(batch));
        }
        request.batches = std::move(kept);
    }
    // A request without an answer costs the connection, and with it all that is out to the broker.
    while (!inFlight.empty() && context.now >= inFlight.front().sentAt + config.requestTimeout) {
        const ProduceInFlight &late = inFlight.front();
        if (!late.batches.empty()) {
            context.trace.record({.at = context.now,
                .kind = kind(LogEvent::RequestTimedOut),
                .subject = context.trace.name(topics[late.batches.back().place.topic].name),
                .actor = ownName(context)});
        }
        lose(late.broker, context);
    }
    const auto isLate = [&](const std::optional<Question> &question) {
        return question && context.now >= question->sentAt + config.requestTimeout;
    };
    if (isLate(metadata))
        lose(metadata->broker, context);
    if (isLate(producerId))
        lose(producerId->broker, context);
    const std::optional<Transaction::Asked> &asked = transaction.asked;
    if (asked && context.now >= asked->question.sentAt + config.requestTimeout)
        lose(asked->question.broker, context);
}

/// Batches that were never sent, or that are between two tries.
void Producer::State::expireReady(Context &context)
{
    for (const Place &place : readyPlaces) {
        std::deque<Batch> &ready = at(place).ready;
        while (!ready.empty() && context.now >= ready.front().firstSent + config.deliveryTimeout) {
            counters.bufferedRecords -= ready.front().recordCount;
            counters.inFlightRecords += ready.front().recordCount;
            Batch batch = std::move(ready.front());
            ready.pop_front();
            giveUp(std::move(batch), ErrorCode::RequestTimedOut, false, context);
        }
    }
    std::erase_if(readyPlaces, [this](const Place &place) { return at(place).ready.empty(); });
}

} // namespace queuelab::log
