// The committed records of the metadata log make the image; clients are told what it says.

#include "engine/log/broker_state.h"

#include "engine/core/overloaded.h"
#include "engine/log/topic_name.h"

#include <utility>

namespace queuelab::log {

bool Broker::State::applyCommitted(Context &context)
{
    const std::int64_t end = quorum.highWatermark();
    if (end <= appliedOffset || metadataFailure)
        return false;
    // What the controller before this one has decided is told when this one commits it. But history
    // that is read at the start has been told.
    const bool tellsAll = quorum.isLeader() && published;
    const auto read = quorum.read(
        appliedOffset, end,
        [&](std::int64_t offset, ByteView value) {
            if (metadataFailure)
                return;
            const auto record = decodeMetadataRecord(value);
            if (!record) {
                metadataFailure = record.error();
                return;
            }
            // Only the active controller has changes that are pending.
            const bool isOwn = !pendingChanges.empty() && pendingChanges.front().offset == offset;
            if (isOwn)
                recordChange(image, pendingChanges.front().change, context);
            else if (tellsAll)
                recordChange(image, {.record = *record}, context);
            if (isOwn)
                pendingChanges.pop_front();
            apply(*record);
        },
        context.files);
    if (!read && !metadataFailure)
        metadataFailure = read.error();
    if (metadataFailure) {
        // A broker that cannot know what all others know stays as it is; its controller fences it.
        notes.push_back(metadataFailure->text());
        return false;
    }
    appliedOffset = end;
    return true;
}

void Broker::State::apply(const MetadataRecord &record)
{
    if (const auto *removed = std::get_if<RemoveTopicRecord>(&record); removed && published)
        delta.removed.emplace_back(removed->topicId, image.topic(removed->topicId)->name);
    image.apply(record);
    if (!published)
        return;
    std::visit(
        Overloaded{
            [&](const PartitionRecord &it) { delta.partitions[it.topicId].insert(it.partition); },
            [&](const PartitionChangeRecord &it) {
                delta.partitions[it.topicId].insert(it.partition);
            },
            [&](const ConfigRecord &it) {
                if (it.resource == ConfigResource::Group)
                    shares.groupConfigs.erase(it.name);
                else if (const TopicImage *topic = image.topic(it.name))
                    delta.configs.insert(topic->id);
            },
            [](const auto &) {}, // concerns no replica
        },
        record);
}

bool Broker::State::isActive(std::int32_t broker) const
{
    const BrokerImage *known = image.broker(broker);
    return known && known->isActive();
}

std::optional<LeaderHint> Broker::State::leaderHint(const TopicPartition &partition) const
{
    const PartitionImage *known = image.partition(partition);
    if (!known || known->leader < 0)
        return std::nullopt;
    return LeaderHint{known->leader, known->leaderEpoch};
}

MetadataResponse Broker::State::metadata(const MetadataRequest &request, Context &context)
{
    MetadataResponse response;
    for (const auto &[broker, known] : image.brokers()) {
        if (!known.fenced)
            response.brokers.push_back(broker);
    }
    response.controller = quorum.leader() ? quorum.leader()->value() : -1;
    response.transactionVersion = config.transactionVersion;
    const auto describe = [&](const TopicImage &topic) {
        TopicMetadata &out = response.topics.emplace_back();
        out.name = topic.name;
        out.isInternal = isInternalTopic(topic.name);
        out.partitions.reserve(topic.partitions.size());
        for (const PartitionImage &partition : topic.partitions) {
            const auto number = static_cast<std::int32_t>(out.partitions.size());
            PartitionMetadata &shown = out.partitions.emplace_back(PartitionMetadata{
                partition.leader < 0 ? ErrorCode::LeaderNotAvailable : ErrorCode::None, number,
                partition.leader, partition.leaderEpoch, partition.replicas, partition.isr});
            for (const std::int32_t broker : partition.replicas) {
                const BrokerImage *known = image.broker(broker);
                if (!known || known->fenced)
                    shown.offlineReplicas.push_back(broker);
            }
        }
    };
    if (!request.topics) {
        for (const auto &[topicName, topic] : image.topics())
            describe(topic);
        return response;
    }
    for (const std::string &topicName : *request.topics) {
        if (const TopicImage *topic = image.topic(topicName)) {
            describe(*topic);
            continue;
        }
        TopicMetadata &unknown = response.topics.emplace_back();
        unknown.name = topicName;
        unknown.error = isValidTopicName(topicName) ? ErrorCode::UnknownTopicOrPartition
                                                    : ErrorCode::InvalidTopicException;
        // Creation is started; the client asks again and then finds the topic, as with Kafka's
        // KRaft brokers.
        if (unknown.error == ErrorCode::UnknownTopicOrPartition && request.allowAutoTopicCreation
            && config.autoCreateTopics)
            askForTopic({.name = topicName, .partitions = -1, .replicationFactor = -1}, context);
    }
    return response;
}

} // namespace queuelab::log
