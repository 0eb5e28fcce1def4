#include "engine/log/producer.h"

#include "engine/log/producer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

Producer::Producer(std::string clientId, ProducerConfig config)
    : m_state(std::make_unique<State>())
{
    m_state->clientId = std::move(clientId);
    m_state->config = config;
}

Producer::Producer(const Producer &other)
    : m_state(std::make_unique<State>(*other.m_state))
{
}

Producer &Producer::operator=(const Producer &other)
{
    if (this != &other)
        m_state = std::make_unique<State>(*other.m_state);
    return *this;
}

Producer::Producer(Producer &&) noexcept = default;
Producer &Producer::operator=(Producer &&) noexcept = default;
Producer::~Producer() = default;

std::int32_t Producer::send(std::string_view topic, std::optional<std::int32_t> partition,
    std::int64_t timestampMs, std::optional<ByteView> key, std::optional<ByteView> value,
    Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    const std::size_t index = state.topicIndex(topic);
    State::Topic &target = state.topics[index];
    ++state.counters.bufferedRecords;
    if (!target.partitions.empty()
        && (!partition || *partition < static_cast<std::int32_t>(target.partitions.size())))
        return state.append(index, partition, timestampMs, key, value, context, effects);

    const auto copy = [](std::optional<ByteView> bytes) {
        return bytes ? std::optional<Bytes>(Bytes(bytes->begin(), bytes->end())) : std::nullopt;
    };
    target.waiting.push_back({partition, timestampMs, copy(key), copy(value), context.now});
    target.needsMetadata = true;
    state.ask(context.now + state.config.deliveryTimeout, effects);
    state.requestMetadata(context, effects);
    return -1;
}

void Producer::apply(
    RequestId id, const Response &response, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    if (const auto *metadata = std::get_if<MetadataResponse>(&response)) {
        if (!state.metadata || state.metadata->id != id)
            return;
        state.metadata.reset();
        state.applyMetadata(*metadata, context, effects);
    } else if (const auto *produce = std::get_if<ProduceResponse>(&response)) {
        state.applyProduce(id, *produce, context, effects);
    }
    state.drain(context, effects);
}

void Producer::connectionLost(NodeId broker, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    const Instant retryAt = context.now + state.config.retryBackoff;
    std::vector<State::Batch> lost;
    for (State::ProduceInFlight &request : state.inFlight) {
        if (request.broker == broker)
            std::ranges::move(request.batches, std::back_inserter(lost));
    }
    std::erase_if(
        state.inFlight, [&](const State::ProduceInFlight &sent) { return sent.broker == broker; });
    state.retry(std::move(lost), retryAt, effects);
    state.metadata.reset();
    state.metadataNotBefore = retryAt;
    for (State::Topic &topic : state.topics)
        topic.needsMetadata = true;
    state.ask(retryAt, effects);
}

void Producer::wake(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    state.askedWake.reset();
    state.expireInFlight(context, effects);
    state.expireWaiting(context);
    for (std::size_t i = 0; i < state.topics.size(); ++i) {
        State::Topic &topic = state.topics[i];
        for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
            const State::Partition &partition = topic.partitions[p];
            if (partition.builder.recordCount() > 0
                && context.now >= partition.opened + state.config.linger)
                state.queue(state.finishBatch({i, static_cast<std::int32_t>(p)}, context.now));
        }
    }
    state.expireMetadata(context.now);
    state.requestMetadata(context, effects);
    state.drain(context, effects);
    state.askForNextWake(context.now, effects);
}

void Producer::flush(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    for (std::size_t i = 0; i < state.topics.size(); ++i) {
        for (std::size_t p = 0; p < state.topics[i].partitions.size(); ++p) {
            if (state.topics[i].partitions[p].builder.recordCount() > 0)
                state.queue(state.finishBatch({i, static_cast<std::int32_t>(p)}, context.now));
        }
    }
    state.drain(context, effects);
}

void Producer::crash()
{
    auto fresh = std::make_unique<State>();
    fresh->clientId = std::move(m_state->clientId);
    fresh->config = m_state->config;
    fresh->nextRequest =
        m_state->nextRequest; // an answer to the old life must not match the new one
    m_state = std::move(fresh);
}

void Producer::takeDeliveries(std::vector<Delivery> &out)
{
    std::ranges::move(m_state->deliveries, std::back_inserter(out));
    m_state->deliveries.clear();
}

Producer::Status Producer::status() const
{
    return m_state->counters;
}

const ProducerConfig &Producer::config() const
{
    return m_state->config;
}

// The accumulator.

std::size_t Producer::State::topicIndex(std::string_view topic)
{
    if (lastTopic < topics.size() && topics[lastTopic].name == topic)
        return lastTopic;
    const auto found = topicIds.find(topic);
    if (found != topicIds.end())
        return lastTopic = found->second;
    lastTopic = topics.size();
    topics.emplace_back().name = topic;
    topicIds.emplace(topic, lastTopic);
    return lastTopic;
}

std::int32_t Producer::State::choosePartition(
    Topic &topic, std::optional<ByteView> key, Random &random)
{
    const auto count = static_cast<std::int32_t>(topic.partitions.size());
    if (key)
        return partitionForKey(*key, count);
    if (topic.sticky.partition < 0) {
        topic.sticky.partition =
            static_cast<std::int32_t>(random.below(static_cast<std::uint64_t>(count)));
        topic.sticky.bytes = 0;
    }
    return topic.sticky.partition;
}

bool Producer::State::allBatchesFull(const Partition &partition, std::int32_t batchSize)
{
    return partition.builder.recordCount() == 0
        || partition.builder.sizeBytes() >= static_cast<std::size_t>(batchSize);
}

void Producer::State::noteStickyBytes(
    Topic &topic, std::int32_t partition, std::int64_t bytes, Random &random)
{
    if (topic.sticky.partition != partition)
        return;
    topic.sticky.bytes += bytes;
    // Not in the middle of a batch, so that no small batch is left behind; but at twice the size at
    // the latest.
    const Partition &current = topic.partitions[static_cast<std::size_t>(partition)];
    const bool enough = topic.sticky.bytes >= config.batchSize;
    if ((enough && allBatchesFull(current, config.batchSize))
        || topic.sticky.bytes >= 2 * std::int64_t{config.batchSize}) {
        topic.sticky.partition = -1;
        choosePartition(topic, std::nullopt, random);
    }
}

std::int32_t Producer::State::append(std::size_t topicId, std::optional<std::int32_t> wanted,
    std::int64_t timestampMs, std::optional<ByteView> key, std::optional<ByteView> value,
    Context &context, ClientEffects &effects)
{
    Topic &topic = topics[topicId];
    const bool isSticky = !wanted && !key;
    std::int32_t number = wanted ? *wanted : choosePartition(topic, key, context.random);
    const auto recordBytes = static_cast<std::int64_t>(
        BatchBuilder::recordSizeUpperBound(key ? key->size() : 0, value ? value->size() : 0));

    Partition *partition = &topic.partitions[static_cast<std::size_t>(number)];
    bool closed = false;
    if (partition->builder.recordCount() > 0
        && partition->builder.sizeBytes() + static_cast<std::size_t>(recordBytes)
            > static_cast<std::size_t>(config.batchSize)) {
        queue(finishBatch({topicId, number}, context.now));
        closed = true;
        if (isSticky) {
            noteStickyBytes(topic, number, 0, context.random);
            number = topic.sticky.partition;
            partition = &topic.partitions[static_cast<std::size_t>(number)];
        }
    }
    if (partition->builder.recordCount() == 0) {
        partition->builder.reset();
        partition->opened = context.now;
        ask(context.now + config.linger, effects);
    }
    const std::size_t before = partition->builder.sizeBytes();
    partition->builder.append(timestampMs, key, value);
    if (isSticky) {
        noteStickyBytes(topic, number,
            static_cast<std::int64_t>(partition->builder.sizeBytes() - before), context.random);
    }
    if (closed)
        drain(context, effects);
    return number;
}

Producer::State::Partition &Producer::State::at(const Place &place)
{
    return topics[place.topic].partitions[static_cast<std::size_t>(place.partition)];
}

Producer::State::Batch Producer::State::finishBatch(const Place &place, Instant now)
{
    Partition &partition = at(place);
    Batch batch{.sequence = nextBatch++,
        .place = place,
        .records = partition.builder.take(),
        .recordCount = partition.builder.recordCount(),
        .firstSent = partition.opened,
        .retryAt = now};
    partition.builder.reset();
    return batch;
}

void Producer::State::queue(Batch &&batch)
{
    std::deque<Batch> &ready = at(batch.place).ready;
    if (ready.empty())
        readyPlaces.push_back(batch.place);
    ready.insert(
        std::ranges::upper_bound(ready, batch.sequence, {}, &Batch::sequence), std::move(batch));
}

void Producer::State::expireWaiting(Context &context)
{
    for (std::size_t i = 0; i < topics.size(); ++i) {
        Topic &topic = topics[i];
        std::int32_t expired = 0;
        Instant firstSent{};
        while (!topic.waiting.empty()
            && context.now >= topic.waiting.front().sent + config.deliveryTimeout) {
            if (expired++ == 0)
                firstSent = topic.waiting.front().sent;
            topic.waiting.pop_front();
        }
        if (expired == 0)
            continue;
        counters.bufferedRecords -= expired;
        counters.failedRecords += static_cast<std::uint64_t>(expired);
        deliveries.push_back({.partition = {topic.name, -1},
            .error = ErrorCode::UnknownTopicOrPartition,
            .recordCount = expired,
            .firstSent = firstSent});
        if (name == kNoName)
            name = context.trace.name(clientId);
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::BatchFailed),
            .subject = context.trace.name(topic.name),
            .actor = name,
            .count = expired,
            .value = static_cast<std::int64_t>(ErrorCode::UnknownTopicOrPartition)});
    }
    // Batches that were never sent, or that are between two tries.
    for (const Place &place : readyPlaces) {
        std::deque<Batch> &ready = at(place).ready;
        while (!ready.empty() && context.now >= ready.front().firstSent + config.deliveryTimeout) {
            counters.bufferedRecords -= ready.front().recordCount;
            counters.inFlightRecords += ready.front().recordCount;
            delivered(ready.front(), ErrorCode::RequestTimedOut, -1, context);
            ready.pop_front();
        }
    }
    std::erase_if(readyPlaces, [this](const Place &place) { return at(place).ready.empty(); });
}

void Producer::State::ask(Instant when, ClientEffects &effects)
{
    if (askedWake && *askedWake <= when)
        return;
    askedWake = when;
    effects.emplace_back(std::in_place_type<WakeClientAt>, when);
}

void Producer::State::askForNextWake(Instant now, ClientEffects &effects)
{
    std::optional<Instant> next;
    // What is due already waits for an answer, not for time: a free place in flight, metadata.
    const auto consider = [&next, now](Instant due) {
        if (due > now && (!next || due < *next))
            next = due;
    };
    bool needsMetadata = false;
    for (const Topic &topic : topics) {
        for (const Partition &partition : topic.partitions) {
            if (partition.builder.recordCount() > 0)
                consider(partition.opened + config.linger);
        }
        if (!topic.waiting.empty())
            consider(topic.waiting.front().sent + config.deliveryTimeout);
        needsMetadata = needsMetadata || topic.needsMetadata;
    }
    for (const Place &place : readyPlaces) {
        consider(at(place).ready.front().firstSent + config.deliveryTimeout);
        consider(at(place).ready.front().retryAt);
    }
    for (const ProduceInFlight &request : inFlight)
        consider(request.sentAt + config.requestTimeout);
    if (metadata)
        consider(metadata->sentAt + config.requestTimeout);
    else if (needsMetadata && metadataNotBefore)
        consider(*metadataNotBefore);
    if (metadataExpires)
        consider(*metadataExpires);
    if (next)
        ask(*next, effects);
}

} // namespace queuelab::log
