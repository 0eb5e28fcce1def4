// The replicas on this broker follow the image: they are opened, lead, follow, and go.

#include "engine/log/broker_state.h"

#include <utility>

#include <fmt/core.h>

namespace queuelab::log {

namespace {

constexpr const char *kPartitionMetadataFile = "/partition.metadata";

std::string partitionMetadata(const TopicId &topicId)
{
    return fmt::format("version: 0\ntopic_id: {}\n", topicIdText(topicId));
}

} // namespace

Broker::State::Partition *Broker::State::find(const TopicPartition &partition)
{
    return const_cast<Partition *>(std::as_const(*this).find(partition));
}

const Broker::State::Partition *Broker::State::find(const TopicPartition &partition) const
{
    const auto topic = topics.find(partition.topic);
    if (topic == topics.end() || partition.partition < 0
        || partition.partition >= static_cast<std::int32_t>(topic->second.partitions.size()))
        return nullptr;
    const auto &slot = topic->second.partitions[static_cast<std::size_t>(partition.partition)];
    return slot ? &*slot : nullptr;
}

Result<Broker::State::Partition *, ErrorCode> Broker::State::led(
    const TopicPartition &partition, std::int32_t currentLeaderEpoch)
{
    Partition *found = find(partition);
    if (!found) {
        const PartitionImage *known = image.partition(partition);
        if (!known)
            return std::unexpected(ErrorCode::UnknownTopicOrPartition);
        const bool failed = published && known->leader == id.value();
        return std::unexpected(
            failed ? ErrorCode::KafkaStorageError : ErrorCode::NotLeaderOrFollower);
    }
    if (currentLeaderEpoch >= 0 && currentLeaderEpoch < found->leaderEpoch)
        return std::unexpected(ErrorCode::FencedLeaderEpoch);
    if (currentLeaderEpoch > found->leaderEpoch)
        return std::unexpected(ErrorCode::UnknownLeaderEpoch);
    if (!leads(*found))
        return std::unexpected(ErrorCode::NotLeaderOrFollower);
    return found;
}

LogConfig Broker::State::logConfigOf(const TopicImage &topic)
{
    std::map<std::string, std::string> merged = config.topicDefaults;
    for (const auto &[key, value] : topic.configs)
        merged[key] = value;
    auto parsed = LogConfig::parse(merged);
    if (parsed)
        return std::move(*parsed);
    notes.push_back(fmt::format("topic {}: {}: {}; it has the defaults", topic.name,
        parsed.error().key, parsed.error().why));
    return {};
}

void Broker::State::publish(Context &context, Effects &effects)
{
    published = true;
    removeStrays(context);
    Delta all;
    for (const auto &[topicName, topic] : image.topics()) {
        for (std::size_t number = 0; number < topic.partitions.size(); ++number)
            all.partitions[topic.id].insert(static_cast<std::int32_t>(number));
    }
    follow(std::move(all), context, effects);
    loadGroups(context);
    loadShareStates(context);
    loadTransactions(context);
    checkpointedHighWatermarks.clear();
    checkpointedLogStarts.clear();
}

void Broker::State::follow(Delta &&changes, Context &context, Effects &effects)
{
    if (!changes.removed.empty() || !changes.partitions.empty())
        coordinator.metadataChanged();
    for (const auto &[topicId, topicName] : changes.removed)
        removeTopic(topicId, topicName, context, effects);
    for (const TopicId &topicId : changes.configs) {
        const TopicImage *topic = image.topic(topicId);
        const auto hosted = topic ? topics.find(topic->name) : topics.end();
        if (hosted == topics.end())
            continue;
        hosted->second.logConfig = logConfigOf(*topic);
        for (std::size_t number = 0; number < hosted->second.partitions.size(); ++number) {
            std::optional<Partition> &partition = hosted->second.partitions[number];
            if (partition) {
                partition->log.configure(hosted->second.logConfig);
                considerCleaning(
                    {topic->name, static_cast<std::int32_t>(number)}, partition->log, context);
                if (leads(*partition)) // min.insync.replicas may have gone down
                    advanceHighWatermark(*partition, context, effects);
            }
        }
    }
    for (const auto &[topicId, numbers] : changes.partitions) {
        const TopicImage *topic = image.topic(topicId);
        for (const std::int32_t number : numbers) {
            if (topic)
                updatePartition(*topic, number, context, effects);
        }
    }
}

void Broker::State::removeTopic(
    const TopicId &topicId, const std::string &topicName, Context &context, Effects &effects)
{
    coordinator.forgetTopic(topicName, context);
    forgetShareStates(topicId, context, effects);
    const auto found = topics.find(topicName);
    if (found == topics.end() || found->second.id != topicId)
        return;
    Topic topic = std::move(found->second);
    topics.erase(found);
    // Not to be found by a later topic of the same name.
    saveCheckpoints(context);
    forgetCleanedReplicas(context);
    for (std::size_t number = 0; number < topic.partitions.size(); ++number) {
        if (topic.partitions[number]) {
            dropReplica({topicName, static_cast<std::int32_t>(number)},
                std::move(*topic.partitions[number]), context, effects);
        }
    }
}

void Broker::State::dropReplica(
    const TopicPartition &partitionName, Partition &&partition, Context &context, Effects &effects)
{
    // It is out of `topics`, so whoever waited for its records learns now that there are none.
    leaveRole(partitionName, partition, context, effects);
    failAppends(partition, ErrorCode::UnknownTopicOrPartition, context, effects);
    answerFetches(partition, context, effects);
    const std::string path = partition.log.directory();
    (void)partition.log.close(context); // removed all the same
    if (const auto removed = context.files.remove(path); !removed)
        notes.push_back(removed.error().text()); // a stray at the next start
}

void Broker::State::updatePartition(
    const TopicImage &topic, std::int32_t number, Context &context, Effects &effects)
{
    const auto index = static_cast<std::size_t>(number);
    const PartitionImage &now = topic.partitions[index];
    const TopicPartition partitionName{topic.name, number};
    if (!hasBroker(now.replicas, id.value())) {
        if (!find(partitionName))
            return;
        std::optional<Partition> gone;
        std::swap(gone, topics.find(topic.name)->second.partitions[index]);
        saveCheckpoints(context);
        forgetCleanedReplicas(context);
        dropReplica(partitionName, std::move(*gone), context, effects);
        return;
    }
    const auto [hosted, isNewTopic] = topics.try_emplace(topic.name);
    if (isNewTopic) {
        hosted->second.id = topic.id;
        hosted->second.logConfig = logConfigOf(topic);
    }
    std::vector<std::optional<Partition>> &slots = hosted->second.partitions;
    if (slots.size() < topic.partitions.size())
        slots.resize(topic.partitions.size());
    std::optional<Partition> &slot = slots[index];
    if (!slot) {
        slot = openReplica(topic, number, hosted->second.logConfig, context);
        if (!slot)
            return;
        // Where more than the clean part was lost, what is written there again is dirty.
        if (const auto known = cleanedUpTo.find(partitionName);
            known != cleanedUpTo.end() && known->second > slot->log.logEndOffset())
            cleanedUpTo.erase(known);
        considerCleaning(partitionName, slot->log, context);
    }
    if (slot->partitionEpoch >= now.partitionEpoch)
        return;
    const bool newEpoch = slot->leaderEpoch != now.leaderEpoch || slot->leader != now.leader;
    const bool ledBefore = leads(*slot);
    const bool resigns = ledBefore && now.leader != id.value();
    if (resigns || (newEpoch && !ledBefore))
        leaveRole(partitionName, *slot, context, effects);
    slot->leader = now.leader;
    slot->leaderEpoch = now.leaderEpoch;
    slot->partitionEpoch = now.partitionEpoch;
    slot->replicas = now.replicas;
    slot->isr = now.isr;
    slot->askedIsr.reset();
    isrToAsk.erase(partitionName);
    if (resigns)
        failAppends(*slot, ErrorCode::NotLeaderOrFollower, context, effects);
    if (newEpoch)
        beginRole(partitionName, *slot, ledBefore, context, effects);
    else if (leads(*slot))
        advanceHighWatermark(*slot, context, effects);
}

std::optional<Broker::State::Partition> Broker::State::openReplica(
    const TopicImage &topic, std::int32_t number, const LogConfig &logConfig, Context &context)
{
    const TopicPartition partitionName{topic.name, number};
    const std::string path = directory + "/" + partitionName.name();
    const std::string metadataPath = path + kPartitionMetadataFile;
    const std::string metadata = partitionMetadata(topic.id);
    const auto failed = [&](const Error &error) {
        notes.push_back(error.text());
        return std::nullopt;
    };
    bool isKnown = false;
    if (context.files.exists(metadataPath)) {
        const auto file = context.files.open(metadataPath, false);
        if (!file)
            return failed(file.error());
        const auto bytes = readWhole(context.files, *file);
        context.files.close(*file);
        if (!bytes)
            return failed(bytes.error());
        isKnown = asText(*bytes) == metadata;
        if (!isKnown) {
            if (const auto removed = context.files.remove(path); !removed)
                return failed(removed.error());
            notes.push_back(path + ": removed; it belonged to an earlier topic of this name");
        }
    }
    const bool isNew = !context.files.exists(path);
    RecoveryReport report;
    auto log = PartitionLog::open(path, logConfig, cleanShutdown || isNew, context, &report);
    if (!log)
        return failed(log.error());
    if (!isKnown) {
        if (const auto written = replaceFile(context.files, metadataPath, asBytes(metadata));
            !written) {
            (void)log->close(context); // the error to tell is the first one
            return failed(written.error());
        }
    }
    const NameId traceName = context.trace.name(partitionName.name());
    if (!report.notes.empty()) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::LogRecovered),
            .subject = traceName,
            .item = log->logEndOffset(),
            .value = static_cast<std::int64_t>(report.bytesCut)});
    }
    for (const std::string &note : report.notes)
        notes.push_back(path + "/" + note);
    if (const auto start = checkpointedLogStarts.find(partitionName);
        start != checkpointedLogStarts.end())
        log->raiseLogStartOffset(std::min(start->second, log->logEndOffset()));
    const auto checkpointed = checkpointedHighWatermarks.find(partitionName);
    const std::int64_t highWatermark =
        checkpointed == checkpointedHighWatermarks.end() ? 0 : checkpointed->second;
    Partition partition{.log = std::move(*log), .name = traceName};
    partition.highWatermark =
        std::clamp(highWatermark, partition.log.logStartOffset(), partition.log.logEndOffset());
    partition.log.highWatermarkMoved(partition.highWatermark);
    return partition;
}

void Broker::State::leaveRole(
    const TopicPartition &partitionName, Partition &partition, Context &context, Effects &effects)
{
    if (leads(partition)) {
        partition.replication.resign();
        partition.uncommitted.clear();
        partition.verifications.clear();
        if (partitionName.topic == kOffsetsTopic) {
            groupsToLoad.erase(partitionName.partition);
            coordinator.unload(partitionName.partition, context, effects);
        }
        if (partitionName.topic == kShareStateTopic) {
            shares.statesToLoad.erase(partitionName.partition);
            shares.coordinator.unload(partitionName.partition);
        }
        dropShares(partitionName);
        if (partitionName.topic == kTransactionTopic) {
            transactionsToLoad.erase(partitionName.partition);
            transactions.unload(partitionName.partition, effects);
        }
    } else if (const auto fetcher = fetchers.find(NodeId{partition.leader});
        fetcher != fetchers.end()) {
        fetcher->second.partitions.erase(partitionName);
    }
}

void Broker::State::beginRole(const TopicPartition &partitionName, Partition &partition,
    bool ledBefore, Context &context, Effects &effects)
{
    if (leads(partition)) {
        if (const auto begun = partition.log.beginEpoch(partition.leaderEpoch, context); !begun)
            notes.push_back(begun.error().text()); // its first batch begins it then
        partition.replication.lead(id.value(), partition.replicas, partition.isr,
            partition.log.logEndOffset(), ledBefore, context.now);
        if (partition.replicas.size() > 1 && !nextIsrCheck)
            nextIsrCheck = context.now + config.replicaLagTimeMax / 2;
        advanceHighWatermark(partition, context, effects);
        if (partitionName.topic == kOffsetsTopic && !ledBefore)
            groupsToLoad.insert(partitionName.partition);
        if (partitionName.topic == kShareStateTopic && !ledBefore)
            shares.statesToLoad.insert(partitionName.partition);
        if (partitionName.topic == kTransactionTopic && !ledBefore)
            transactionsToLoad.insert(partitionName.partition);
    } else if (partition.leader >= 0) {
        partition.fetchAfter.reset();
        fetchers[NodeId{partition.leader}].partitions.insert(partitionName);
        fetchersChanged = true;
    }
    answerFetches(partition, context, effects);
}

} // namespace queuelab::log
