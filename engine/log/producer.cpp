#include "engine/log/producer.h"

#include "engine/log/producer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::int32_t kMaxInFlightIdempotent = 5; // as many batches as a broker remembers
constexpr std::size_t kMaxVarintBytes = 5; // of a length

ProducerConfig withoutContradiction(ProducerConfig config)
{
    if (config.acks != -1 || config.retries == 0 || config.maxInFlight > kMaxInFlightIdempotent)
        config.enableIdempotence = false;
    return config;
}

std::size_t sizeUpperBound(std::optional<ByteView> key, std::optional<ByteView> value,
    std::span<const BatchBuilder::Header> headers)
{
    std::size_t size =
        BatchBuilder::recordSizeUpperBound(key ? key->size() : 0, value ? value->size() : 0);
    for (const BatchBuilder::Header &header : headers)
        size += 2 * kMaxVarintBytes + header.key.size() + (header.value ? header.value->size() : 0);
    return size;
}

} // namespace

Producer::State::State(const ProducerConfig &wanted)
    : config(withoutContradiction(wanted))
    , brokers(config.bootstrapServers)
{
}

Producer::Producer(std::string clientId, ProducerConfig config)
    : m_state(std::make_unique<State>(config))
{
    invariant(!m_state->isTransactional() || m_state->config.enableIdempotence,
        "a transactional producer is idempotent: acks=all, retries, at most 5 in flight");
    m_state->clientId = std::move(clientId);
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

bool Producer::canTake(std::size_t bytes, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    const auto wanted = static_cast<std::int64_t>(BatchBuilder::recordSizeUpperBound(bytes, 0));
    // It may need a batch of its own.
    const std::int64_t memory = std::max<std::int64_t>(state.config.batchSize, wanted);
    const std::int64_t used = state.counters.bufferedBytes;
    if (used == 0 || used + memory <= state.config.bufferMemory)
        return true;
    flush(context, effects);
    return false;
}

std::int32_t Producer::send(std::string_view topic, std::optional<std::int32_t> partition,
    std::int64_t timestampMs, std::optional<ByteView> key, std::optional<ByteView> value,
    Context &context, ClientEffects &effects, std::span<const BatchBuilder::Header> headers)
{
    State &state = *m_state;
    if (state.isTransactional()) {
        invariant(state.transaction.status == TransactionStatus::InTransaction,
            "a transactional producer sends in a transaction");
        ++state.transaction.records;
    }
    const std::size_t index = state.topicIndex(topic);
    State::Topic &target = state.topics[index];
    ++state.counters.bufferedRecords;
    const std::size_t size = kBatchHeaderBytes + sizeUpperBound(key, value, headers);
    if (size > static_cast<std::size_t>(state.config.maxRequestSize)) {
        state.recordsFailed(target.name, 1, context.now, ErrorCode::MessageTooLarge, context);
        return -1;
    }
    if (!target.partitions.empty()
        && (!partition || *partition < static_cast<std::int32_t>(target.partitions.size())))
        return state.append(index, partition, timestampMs, key, value, headers, context, effects);

    const auto copy = [](std::optional<ByteView> bytes) {
        return bytes ? std::optional<Bytes>(Bytes(bytes->begin(), bytes->end())) : std::nullopt;
    };
    State::WaitingRecord &waiting = target.waiting.emplace_back();
    waiting.partition = partition;
    waiting.timestampMs = timestampMs;
    waiting.key = copy(key);
    waiting.value = copy(value);
    for (const BatchBuilder::Header &header : headers)
        waiting.headers.emplace_back(header.key, copy(header.value));
    waiting.memory = static_cast<std::int64_t>(size);
    waiting.sent = context.now;
    state.counters.bufferedBytes += waiting.memory;
    target.needsMetadata = true;
    state.ask(context.now + state.config.deliveryTimeout, effects);
    state.requestProducerId(context, effects);
    state.requestMetadata(context, effects);
    return -1;
}

void Producer::apply(
    RequestId id, const Response &response, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    if (state.transaction.asked && state.transaction.asked->question.id == id) {
        state.applyTransaction(response, context);
    } else if (const auto *metadata = std::get_if<MetadataResponse>(&response)) {
        if (!state.metadata || state.metadata->id != id)
            return;
        state.brokers.answered(state.metadata->broker);
        state.metadata.reset();
        state.applyMetadata(*metadata, context, effects);
    } else if (const auto *init = std::get_if<InitProducerIdResponse>(&response)) {
        if (!state.producerId || state.producerId->id != id)
            return;
        state.brokers.answered(state.producerId->broker);
        state.applyProducerId(*init, context);
    } else if (const auto *produce = std::get_if<ProduceResponse>(&response)) {
        state.applyProduce(id, *produce, context, effects);
    }
    state.drain(context, effects);
    state.askForNextWake(context.now, effects);
}

void Producer::connectionLost(NodeId broker, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    state.lose(broker, context);
    state.requestMetadata(context, effects);
    state.drain(context, effects);
    state.askForNextWake(context.now, effects);
}

void Producer::wake(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    state.askedWake.reset();
    state.expireInFlight(context);
    state.expireReady(context);
    state.expireWaiting(context);
    for (std::size_t i = 0; i < state.topics.size(); ++i) {
        State::Topic &topic = state.topics[i];
        for (std::size_t p = 0; p < topic.partitions.size(); ++p) {
            const State::Partition &partition = topic.partitions[p];
            if (partition.builder.recordCount() > 0
                && context.now >= partition.opened + state.config.linger)
                state.queue(state.finishBatch({i, static_cast<std::int32_t>(p)}));
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
    state.finishAll();
    state.drain(context, effects);
    state.askForNextWake(context.now, effects);
}

void Producer::crash()
{
    auto fresh = std::make_unique<State>(m_state->config);
    fresh->clientId = std::move(m_state->clientId);
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
        // Any that has a leader, when some have.
        std::vector<std::int32_t> candidates;
        for (std::int32_t number = 0; number < count; ++number) {
            if (topic.partitions[static_cast<std::size_t>(number)].leader.value() >= 0)
                candidates.push_back(number);
        }
        const std::size_t choices =
            candidates.empty() ? static_cast<std::size_t>(count) : candidates.size();
        const auto drawn = static_cast<std::size_t>(random.below(choices));
        topic.sticky.partition =
            candidates.empty() ? static_cast<std::int32_t>(drawn) : candidates[drawn];
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
    std::span<const BatchBuilder::Header> headers, Context &context, ClientEffects &effects)
{
    Topic &topic = topics[topicId];
    const bool isSticky = !wanted && !key;
    std::int32_t number = wanted ? *wanted : choosePartition(topic, key, context.random);
    const std::size_t recordBytes = sizeUpperBound(key, value, headers);

    Partition *partition = &topic.partitions[static_cast<std::size_t>(number)];
    bool closed = false;
    bool joins = false;
    if (partition->builder.recordCount() > 0
        && partition->builder.sizeBytes() + recordBytes
            > static_cast<std::size_t>(config.batchSize)) {
        queue(finishBatch({topicId, number}));
        closed = true;
        if (isSticky) {
            noteStickyBytes(topic, number, 0, context.random);
            number = topic.sticky.partition;
            partition = &topic.partitions[static_cast<std::size_t>(number)];
        }
    }
    if (partition->builder.recordCount() == 0) {
        partition->builder.reset();
        if (isTransactional()) {
            partition->builder.setTransactional(true);
            joins = joinTransaction({topicId, number});
        }
        partition->opened = context.now;
        partition->openMemory =
            std::max<std::int64_t>(config.batchSize, static_cast<std::int64_t>(recordBytes));
        counters.bufferedBytes += partition->openMemory;
        ask(context.now + config.linger, effects);
    }
    const std::size_t before = partition->builder.sizeBytes();
    partition->builder.append(timestampMs, key, value, headers);
    if (isSticky) {
        noteStickyBytes(topic, number,
            static_cast<std::int64_t>(partition->builder.sizeBytes() - before), context.random);
    }
    if (closed || joins)
        drain(context, effects);
    return number;
}

Producer::State::Partition &Producer::State::at(const Place &place)
{
    return topics[place.topic].partitions[static_cast<std::size_t>(place.partition)];
}

Producer::State::Batch Producer::State::finishBatch(const Place &place)
{
    Partition &partition = at(place);
    const std::int32_t count = partition.builder.recordCount();
    Batch batch{.place = place,
        .firstRecord = std::exchange(partition.records, partition.records + count),
        .unsealed = partition.builder.takeUnsealed(),
        .recordCount = count,
        .memory = partition.openMemory,
        .firstSent = partition.opened};
    partition.builder.reset();
    return batch;
}

void Producer::State::finishAll()
{
    for (std::size_t i = 0; i < topics.size(); ++i) {
        for (std::size_t p = 0; p < topics[i].partitions.size(); ++p) {
            if (topics[i].partitions[p].builder.recordCount() > 0)
                queue(finishBatch({i, static_cast<std::int32_t>(p)}));
        }
    }
}

void Producer::State::queue(Batch &&batch)
{
    std::deque<Batch> &ready = at(batch.place).ready;
    if (ready.empty())
        readyPlaces.push_back(batch.place);
    ready.insert(std::ranges::upper_bound(ready, batch.firstRecord, {}, &Batch::firstRecord),
        std::move(batch));
}

void Producer::State::expireWaiting(Context &context)
{
    for (Topic &topic : topics) {
        std::int32_t expired = 0;
        Instant firstSent{};
        while (!topic.waiting.empty()
            && context.now >= topic.waiting.front().sent + config.deliveryTimeout) {
            if (expired++ == 0)
                firstSent = topic.waiting.front().sent;
            counters.bufferedBytes -= topic.waiting.front().memory;
            topic.waiting.pop_front();
        }
        if (expired > 0)
            recordsFailed(
                topic.name, expired, firstSent, ErrorCode::UnknownTopicOrPartition, context);
    }
}

NameId Producer::State::ownName(Context &context)
{
    if (name == kNoName)
        name = context.trace.name(clientId);
    return name;
}

/// Records that never came as far as a batch.
void Producer::State::recordsFailed(const std::string &topic, std::int32_t count, Instant firstSent,
    ErrorCode error, Context &context)
{
    counters.bufferedRecords -= count;
    counters.failedRecords += static_cast<std::uint64_t>(count);
    deliveries.push_back(
        {.partition = {topic, -1}, .error = error, .recordCount = count, .firstSent = firstSent});
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::BatchFailed),
        .subject = context.trace.name(topic),
        .actor = ownName(context),
        .count = count,
        .value = static_cast<std::int64_t>(error)});
    if (isTransactional())
        recordsRefused(error, context);
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
        const Partition &partition = at(place);
        consider(partition.ready.front().firstSent + config.deliveryTimeout);
        consider(partition.ready.front().retryAt);
        if (const auto reconnect = brokers.reconnectAt(partition.leader))
            consider(*reconnect);
    }
    for (const ProduceInFlight &request : inFlight) {
        consider(request.sentAt + config.requestTimeout);
        for (const Batch &batch : request.batches)
            consider(batch.firstSent + config.deliveryTimeout);
    }
    const auto considerQuestion = [&](const std::optional<Question> &question,
                                      const Backoff &backoff, bool isWanted) {
        if (question)
            consider(question->sentAt + config.requestTimeout);
        else if (isWanted)
            consider(std::max(backoff.notBefore, brokers.anyAt()));
    };
    considerQuestion(metadata, metadataBackoff, needsMetadata || versionIsMissing());
    considerQuestion(producerId, producerIdBackoff,
        config.enableIdempotence && !isTransactional() && identity.id < 0 && !topics.empty());
    if (metadataExpires)
        consider(*metadataExpires);
    if (next)
        ask(*next, effects);
}

} // namespace queuelab::log
