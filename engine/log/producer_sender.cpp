// The producer's sending half: what goes to which broker, and what its answers mean. The
// accumulator is in producer.cpp.

#include "engine/log/producer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr NodeId kBootstrapBroker{1};
constexpr std::size_t kMaxRequestBytes = 1'048'576; // max.request.size

/// Errors that say the client's picture of the cluster is old.
bool needsNewMetadata(ErrorCode error)
{
    return error == ErrorCode::UnknownTopicOrPartition || error == ErrorCode::NotLeaderOrFollower
        || error == ErrorCode::LeaderNotAvailable || error == ErrorCode::KafkaStorageError;
}

} // namespace

std::size_t Producer::State::inFlightTo(NodeId broker) const
{
    return static_cast<std::size_t>(std::ranges::count(inFlight, broker, &ProduceInFlight::broker));
}

void Producer::State::drain(Context &context, ClientEffects &effects)
{
    // Each request makes room or fills up a connection, so this ends.
    for (bool sent = true; sent;) {
        sent = false;
        for (const Place &place : readyPlaces) {
            const Partition &partition = at(place);
            if (partition.ready.front().retryAt > context.now || partition.leader.value() < 0
                || inFlightTo(partition.leader) >= static_cast<std::size_t>(config.maxInFlight))
                continue;
            sendBatches(partition.leader, context, effects);
            sent = true;
            break;
        }
    }
}

void Producer::State::sendBatches(NodeId broker, Context &context, ClientEffects &effects)
{
    // One batch for each partition, its oldest; one that waits for its next try holds back the
    // younger ones behind it. A partition that has more takes its place at the end of the line.
    const RequestId id{nextRequest++};
    std::vector<Batch> batches;
    std::size_t bytes = 0;
    for (const Place &place : std::exchange(readyPlaces, {})) {
        Partition &partition = at(place);
        Batch &oldest = partition.ready.front();
        if (partition.leader == broker && oldest.retryAt <= context.now
            && (batches.empty() || bytes + oldest.records.size() <= kMaxRequestBytes)) {
            bytes += oldest.records.size();
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
            Partition &partition = topics[i].partitions[p];
            if (partition.builder.recordCount() == 0 || partition.leader != broker
                || partition.newestRequest == id || !partition.ready.empty()
                || bytes + partition.builder.sizeBytes() > kMaxRequestBytes)
                continue;
            batches.push_back(finishBatch({i, static_cast<std::int32_t>(p)}, context.now));
            bytes += batches.back().records.size();
        }
    }

    if (name == kNoName)
        name = context.trace.name(clientId);
    ProduceRequest request;
    request.acks = config.acks;
    request.timeout = config.requestTimeout;
    request.partitions.reserve(batches.size());
    for (const Batch &batch : batches) {
        const Place &place = batch.place;
        request.partitions.push_back({{topics[place.topic].name, place.partition}, batch.records});
        counters.bufferedRecords -= batch.recordCount;
        counters.inFlightRecords += batch.recordCount;
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::BatchSent),
            .subject = at(place).name,
            .actor = name,
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

void Producer::State::requestMetadata(Context &context, ClientEffects &effects)
{
    if (metadata)
        return;
    MetadataRequest request;
    request.topics.emplace();
    request.allowAutoTopicCreation = true;
    for (const Topic &topic : topics) {
        if (topic.needsMetadata)
            request.topics->push_back(topic.name);
    }
    if (request.topics->empty())
        return;
    if (metadataNotBefore && context.now < *metadataNotBefore) {
        ask(*metadataNotBefore, effects);
        return;
    }
    metadata = MetadataInFlight{RequestId{nextRequest++}, context.now};
    ask(context.now + config.requestTimeout, effects);
    effects.emplace_back(
        std::in_place_type<SendRequest>, kBootstrapBroker, metadata->id, std::move(request));
}

void Producer::State::expireMetadata(Instant now)
{
    if (!metadataExpires || now < *metadataExpires)
        return;
    metadataExpires.reset();
    for (Topic &topic : topics)
        topic.needsMetadata = true;
}

void Producer::State::applyMetadata(
    const MetadataResponse &response, Context &context, ClientEffects &effects)
{
    for (const TopicMetadata &described : response.topics) {
        const auto found = topicIds.find(described.name);
        if (found == topicIds.end())
            continue;
        Topic &topic = topics[found->second];
        if (described.error != ErrorCode::None)
            continue;
        topic.needsMetadata = false;
        while (topic.partitions.size() < described.partitions.size()) {
            const auto number = static_cast<std::int32_t>(topic.partitions.size());
            topic.partitions.emplace_back().name =
                context.trace.name(TopicPartition{topic.name, number}.name());
        }
        for (const PartitionMetadata &partition : described.partitions) {
            if (partition.partition < 0
                || partition.partition >= static_cast<std::int32_t>(topic.partitions.size()))
                continue;
            topic.partitions[static_cast<std::size_t>(partition.partition)].leader =
                NodeId{partition.leader};
            topic.needsMetadata = topic.needsMetadata || partition.leader < 0;
        }
        // What was sent before the partitions were known takes its place now, in order.
        std::deque<WaitingRecord> waiting = std::exchange(topic.waiting, {});
        for (WaitingRecord &record : waiting) {
            if (record.partition
                && *record.partition >= static_cast<std::int32_t>(topic.partitions.size())) {
                topic.needsMetadata = true;
                topic.waiting.push_back(std::move(record));
                continue;
            }
            const auto view = [](const std::optional<Bytes> &bytes) {
                return bytes ? std::optional<ByteView>(*bytes) : std::nullopt;
            };
            append(found->second, record.partition, record.timestampMs, view(record.key),
                view(record.value), context, effects);
        }
    }
    metadataNotBefore = context.now + config.retryBackoff;
    metadataExpires = context.now + config.metadataMaxAge;
    ask(*metadataExpires, effects);
    requestMetadata(context, effects);
}

void Producer::State::applyProduce(
    RequestId id, const ProduceResponse &response, Context &context, ClientEffects &effects)
{
    const auto found = std::ranges::find(inFlight, id, &ProduceInFlight::id);
    if (found == inFlight.end())
        return; // timed out or lost before: its batches are on their way again
    std::vector<Batch> batches = std::move(found->batches);
    inFlight.erase(found);
    std::vector<Batch> again;
    for (std::size_t i = 0; i < batches.size(); ++i) {
        Batch &batch = batches[i];
        Topic &topic = topics[batch.place.topic];
        const auto isMine = [&](const ProduceResponse::Partition &result) {
            return result.partition.partition == batch.place.partition
                && result.partition.topic == topic.name;
        };
        // Brokers answer in the order of the request; others are looked for.
        const auto result = i < response.partitions.size() && isMine(response.partitions[i])
            ? response.partitions.begin() + static_cast<std::ptrdiff_t>(i)
            : std::ranges::find_if(response.partitions, isMine);
        const ErrorCode error =
            result == response.partitions.end() ? ErrorCode::UnknownServerError : result->error;
        if (needsNewMetadata(error))
            topic.needsMetadata = true;
        if (isRetriable(error) && context.now < batch.firstSent + config.deliveryTimeout)
            again.push_back(std::move(batch));
        else
            delivered(batch, error, error == ErrorCode::None ? result->baseOffset : -1, context);
    }
    retry(std::move(again), context.now + config.retryBackoff, effects);
    requestMetadata(context, effects);
}

void Producer::State::delivered(
    Batch &batch, ErrorCode error, std::int64_t baseOffset, Context &context)
{
    const bool ok = error == ErrorCode::None;
    if (name == kNoName)
        name = context.trace.name(clientId);
    counters.inFlightRecords -= batch.recordCount;
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
        .actor = name,
        .item = baseOffset,
        .count = batch.recordCount,
        .value = ok ? (context.now - batch.firstSent).count() : static_cast<std::int64_t>(error)});
}

void Producer::State::retry(std::vector<Batch> &&batches, Instant when, ClientEffects &effects)
{
    if (!batches.empty())
        ask(when, effects);
    for (Batch &batch : batches) {
        counters.inFlightRecords -= batch.recordCount;
        counters.bufferedRecords += batch.recordCount;
        batch.retryAt = when;
        queue(std::move(batch));
    }
}

void Producer::State::expireInFlight(Context &context, ClientEffects &effects)
{
    std::vector<Batch> late;
    while (!inFlight.empty() && context.now >= inFlight.front().sentAt + config.requestTimeout) {
        std::ranges::move(inFlight.front().batches, std::back_inserter(late));
        if (name == kNoName)
            name = context.trace.name(clientId);
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::RequestTimedOut),
            .subject = context.trace.name(topics[late.back().place.topic].name),
            .actor = name});
        inFlight.pop_front();
    }
    retry(std::move(late), context.now + config.retryBackoff, effects);
    if (metadata && context.now >= metadata->sentAt + config.requestTimeout) {
        metadata.reset();
        metadataNotBefore = context.now + config.retryBackoff;
    }
}

} // namespace queuelab::log
