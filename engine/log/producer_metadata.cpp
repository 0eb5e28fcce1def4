// What a producer knows of the cluster: who leads which partition, and whom to ask.

#include "engine/log/producer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

/// Asks any broker; nothing while it is too soon or none can be reached.
std::optional<Producer::State::Question> Producer::State::askAny(
    Request &&request, Backoff &backoff, Context &context, ClientEffects &effects)
{
    const Instant soonest = std::max(backoff.notBefore, brokers.anyAt());
    const std::optional<NodeId> broker =
        context.now < soonest ? std::nullopt : brokers.any(context.now, context.random);
    if (!broker) {
        ask(soonest, effects);
        return std::nullopt;
    }
    const Question question{RequestId{nextRequest++}, *broker, context.now};
    ask(context.now + config.requestTimeout, effects);
    effects.emplace_back(
        std::in_place_type<SendRequest>, question.broker, question.id, std::move(request));
    return question;
}

void Producer::State::questionFailed(
    std::optional<Question> &question, Backoff &backoff, Context &context)
{
    question.reset();
    ++backoff.failures;
    backoff.notBefore = context.now
        + exponentialBackoff(
            config.retryBackoff, config.retryBackoffMax, backoff.failures, context.random);
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
    if (!request.topics->empty() || versionIsMissing())
        metadata = askAny(std::move(request), metadataBackoff, context, effects);
}

/// What it knows of the cluster is asked for again after metadata.max.age.ms: that is how it finds
/// partitions that were added.
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
    brokers.learn(response);
    transaction.clusterVersion = response.transactionVersion;
    bool complete = true;
    for (const TopicMetadata &described : response.topics) {
        const auto found = topicIds.find(described.name);
        if (found == topicIds.end())
            continue;
        Topic &topic = topics[found->second];
        if (described.error != ErrorCode::None) {
            complete = false;
            continue;
        }
        topic.needsMetadata = false;
        while (topic.partitions.size() < described.partitions.size()) {
            const auto number = static_cast<std::int32_t>(topic.partitions.size());
            Partition &added = topic.partitions.emplace_back();
            added.name = context.trace.name(TopicPartition{topic.name, number}.name());
            added.builder.setCompression(config.compression);
        }
        for (const PartitionMetadata &partition : described.partitions)
            applyPartitionMetadata(topic, partition);
        complete = complete && !topic.needsMetadata;
        appendWaiting(found->second, context, effects);
    }
    // A new question of the same kind waits a little in any case, longer while answers are no good.
    // The first about a topic does not wait for the one about the cluster alone.
    metadataBackoff.failures = complete ? 0 : metadataBackoff.failures + 1;
    if (!response.topics.empty()) {
        metadataBackoff.notBefore = context.now
            + exponentialBackoff(config.retryBackoff, config.retryBackoffMax,
                std::max(metadataBackoff.failures, 1), context.random);
    }
    metadataExpires = context.now + config.metadataMaxAge;
    ask(*metadataExpires, effects);
    requestMetadata(context, effects);
}

void Producer::State::applyPartitionMetadata(Topic &topic, const PartitionMetadata &described)
{
    if (described.partition < 0
        || described.partition >= static_cast<std::int32_t>(topic.partitions.size()))
        return;
    Partition &partition = topic.partitions[static_cast<std::size_t>(described.partition)];
    // A broker that lags behind would send it back to a leader that was.
    if (described.leaderEpoch >= partition.leaderEpoch || described.leaderEpoch < 0) {
        partition.leader = NodeId{described.leader};
        partition.leaderEpoch = described.leaderEpoch;
    }
    topic.needsMetadata = topic.needsMetadata || partition.leader.value() < 0;
}

/// What was sent before the partitions were known takes its place now, in order.
void Producer::State::appendWaiting(std::size_t topicId, Context &context, ClientEffects &effects)
{
    Topic &topic = topics[topicId];
    const auto view = [](const std::optional<Bytes> &bytes) {
        return bytes ? std::optional<ByteView>(*bytes) : std::nullopt;
    };
    std::vector<BatchBuilder::Header> headers;
    for (WaitingRecord &record : std::exchange(topic.waiting, {})) {
        if (record.partition
            && *record.partition >= static_cast<std::int32_t>(topic.partitions.size())) {
            topic.needsMetadata = true;
            topic.waiting.push_back(std::move(record));
            continue;
        }
        headers.clear();
        for (const auto &[key, value] : record.headers)
            headers.push_back({key, view(value)});
        counters.bufferedBytes -= record.memory;
        append(topicId, record.partition, record.timestampMs, view(record.key), view(record.value),
            headers, context, effects);
    }
    if (transaction.status == TransactionStatus::Ending)
        finishAll(); // it is being flushed already
}

/// The broker it was sent to does not lead it. The answer may name who does (KIP-951); else, and to
/// be sure, metadata is asked for.
void Producer::State::leaderIsWrong(const Place &place, const std::optional<LeaderHint> &hint)
{
    Partition &partition = at(place);
    topics[place.topic].needsMetadata = true;
    if (hint && hint->leader >= 0 && hint->leaderEpoch > partition.leaderEpoch) {
        partition.leader = NodeId{hint->leader};
        partition.leaderEpoch = hint->leaderEpoch;
    } else {
        partition.leaderEpoch = -1; // also of a topic that was deleted and made anew
    }
}

/// Nothing out to this broker will be answered.
void Producer::State::lose(NodeId broker, Context &context)
{
    brokers.lost(broker, context.now, context.random);
    std::vector<Batch> lost;
    for (ProduceInFlight &request : inFlight) {
        if (request.broker == broker)
            std::ranges::move(request.batches, std::back_inserter(lost));
    }
    std::erase_if(inFlight, [&](const ProduceInFlight &sent) { return sent.broker == broker; });
    for (Batch &batch : lost) {
        const ProduceResponse::Partition result{
            .partition = {}, .error = ErrorCode::NetworkException, .currentLeader = {}};
        applyResult(std::move(batch), result, context);
    }
    if (metadata && metadata->broker == broker)
        questionFailed(metadata, metadataBackoff, context);
    if (producerId && producerId->broker == broker)
        questionFailed(producerId, producerIdBackoff, context);
    if (isTransactional())
        loseTransactionQuestion(broker, context.now);
    for (Topic &topic : topics)
        topic.needsMetadata = true;
}

} // namespace queuelab::log
