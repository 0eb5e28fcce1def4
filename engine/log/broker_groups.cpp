// Consumer groups on a broker: where a group's coordinator is, and what the coordinator here wants
// read from and written to its partitions of __consumer_offsets.

#include "engine/core/overloaded.h"
#include "engine/log/broker_state.h"
#include "engine/log/transaction_records.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::chrono::milliseconds kCommitTimeout{5'000}; // offsets.commit.timeout.ms

/// Where a coordinator keeps what it knows.
std::string_view internalTopicName(CoordinatorType type)
{
    switch (type) {
    case CoordinatorType::Transaction:
        return kTransactionTopic;
    case CoordinatorType::Share:
        return kShareStateTopic;
    case CoordinatorType::Group:
        break;
    }
    return kOffsetsTopic;
}

/// How that topic is created.
struct InternalTopic {
    std::int32_t partitions = 0;
    std::int16_t replicationFactor = 0;
    std::map<std::string, std::string> configs;
};

InternalTopic internalTopic(CoordinatorType type, const BrokerConfig &config)
{
    constexpr const char *kSegmentBytes = "104857600";
    switch (type) {
    case CoordinatorType::Transaction:
        return {config.transactionPartitions, config.transactionReplicationFactor,
            {{"cleanup.policy", "compact"}, {"segment.bytes", kSegmentBytes},
                {"compression.type", "uncompressed"},
                {"min.insync.replicas", std::to_string(config.transactionMinIsr)},
                {"unclean.leader.election.enable", "false"}}};
    case CoordinatorType::Share:
        return {config.shareStatePartitions, config.shareStateReplicationFactor,
            {{"cleanup.policy", "delete"}, {"retention.ms", "-1"}, {"segment.bytes", kSegmentBytes},
                {"min.insync.replicas", std::to_string(config.shareStateMinIsr)}}};
    case CoordinatorType::Group:
        break;
    }
    return {config.offsetsTopicPartitions, config.offsetsTopicReplicationFactor,
        {{"cleanup.policy", "compact"}, {"segment.bytes", kSegmentBytes}}};
}

} // namespace

FindCoordinatorResponse Broker::State::findCoordinator(
    const FindCoordinatorRequest &request, Context &context, Effects &effects)
{
    if (request.key.empty())
        return {request.type == CoordinatorType::Group ? ErrorCode::InvalidGroupId
                                                       : ErrorCode::InvalidRequest,
            -1};
    const auto partition = coordinatingPartition(request.type, request.key, context, effects);
    const PartitionImage *known = partition ? image.partition(*partition) : nullptr;
    if (!known || known->leader < 0)
        return {ErrorCode::CoordinatorNotAvailable, -1};
    return {ErrorCode::None, known->leader};
}

std::optional<TopicPartition> Broker::State::coordinatingPartition(
    CoordinatorType type, std::string_view key, Context &context, Effects &effects)
{
    const std::string_view topicName = internalTopicName(type);
    if (!image.topic(topicName)) {
        const InternalTopic wanted = internalTopic(type, config);
        const std::size_t brokers = std::max<std::size_t>(config.brokers.size(), 1);
        const auto replicas = static_cast<std::int16_t>(
            std::min<std::size_t>(brokers, static_cast<std::size_t>(wanted.replicationFactor)));
        askForTopic({.name = std::string(topicName),
                        .partitions = wanted.partitions,
                        .replicationFactor = replicas,
                        .configs = wanted.configs},
            context);
        settle(context, effects); // where this broker is alone it is there now
    }
    const TopicImage *topic = image.topic(topicName);
    if (!topic)
        return std::nullopt;
    return TopicPartition{
        topic->name, offsetsPartitionFor(key, static_cast<std::int32_t>(topic->partitions.size()))};
}

bool Broker::State::isLoading(const std::string &group) const
{
    return !groupsToLoad.empty()
        && groupsToLoad.contains(offsetsPartitionFor(group, config.offsetsTopicPartitions));
}

void Broker::State::coordinate(
    Caller caller, NameId client, const Request &request, Context &context, Effects &effects)
{
    const auto refused = [&]<class Response_>(const std::string &group, Response_ response) {
        if (!isLoading(group))
            return false;
        response.error = ErrorCode::CoordinatorLoadInProgress;
        caller.answer(std::move(response), effects);
        return true;
    };
    std::visit(
        Overloaded{
            [&](const JoinGroupRequest &asked) {
                if (!refused(asked.group, JoinGroupResponse{.memberId = asked.memberId}))
                    coordinator.join(caller, asked, context, effects);
            },
            [&](const SyncGroupRequest &asked) {
                if (!refused(asked.group, SyncGroupResponse{}))
                    coordinator.sync(caller, asked, context, effects);
            },
            [&](const HeartbeatRequest &asked) {
                // A broker that still reads the group cannot know the member: it lives, as in
                // Kafka.
                if (isLoading(asked.group))
                    caller.answer(HeartbeatResponse{}, effects);
                else
                    caller.answer(coordinator.heartbeat(asked, context), effects);
            },
            [&](const LeaveGroupRequest &asked) {
                if (!refused(asked.group, LeaveGroupResponse{}))
                    caller.answer(coordinator.leave(asked, context, effects), effects);
            },
            [&](const OffsetCommitRequest &asked) {
                commitOffsets(caller, client, asked, context, effects);
            },
            [&](const OffsetFetchRequest &asked) {
                if (!refused(asked.group, OffsetFetchResponse{}))
                    caller.answer(coordinator.fetch(asked), effects);
            },
            [&](const ConsumerGroupHeartbeatRequest &asked) {
                if (!refused(asked.group, ConsumerGroupHeartbeatResponse{}))
                    coordinator.consumerHeartbeat(caller, asked, client, image, context, effects);
            },
            [&](const ShareGroupHeartbeatRequest &asked) {
                if (!refused(asked.group, ShareGroupHeartbeatResponse{}))
                    coordinator.shareHeartbeat(caller, asked, client, image, context, effects);
            },
            [](const auto &) { invariantBroken("only requests of groups reach the coordinator"); },
        },
        request);
}

void Broker::State::commitOffsets(Caller caller, NameId client, const OffsetCommitRequest &request,
    Context &context, Effects &effects)
{
    if (isLoading(request.group)) {
        OffsetCommitResponse response;
        for (const OffsetCommitRequest::Partition &wanted : request.partitions)
            response.partitions.push_back({wanted.partition, ErrorCode::CoordinatorLoadInProgress});
        caller.answer(std::move(response), effects);
        return;
    }
    std::vector<ErrorCode> refused;
    refused.reserve(request.partitions.size());
    for (const OffsetCommitRequest::Partition &wanted : request.partitions) {
        refused.push_back(image.partition(wanted.partition) ? ErrorCode::None
                                                            : ErrorCode::UnknownTopicOrPartition);
    }
    coordinator.commit(caller, request, client, context, effects, refused);
}

bool Broker::State::loadGroups(Context &context)
{
    bool any = false;
    for (auto next = groupsToLoad.begin(); next != groupsToLoad.end();) {
        const Partition *partition = find({std::string(kOffsetsTopic), *next});
        // What stood in the log when this leader began may have been acknowledged by the one
        // before; it counts once it is known to be committed.
        if (partition->highWatermark < partition->replication.epochStartOffset()) {
            ++next;
            continue;
        }
        if (const auto loaded =
                coordinator.load(*next, partition->log, partition->highWatermark, context, image);
            !loaded)
            notes.push_back(loaded.error().text());
        next = groupsToLoad.erase(next);
        any = true;
    }
    return any;
}

bool Broker::State::writeGroups(Context &context, Effects &effects)
{
    coordinator.takeWrites(groupWrites);
    if (groupWrites.empty())
        return false;
    for (GroupCoordinator::Write &write : std::exchange(groupWrites, {})) {
        Appended appended = appendBatch(
            {.partition = {std::string(kOffsetsTopic), write.partition}, .records = write.batch},
            -1, name, AppendOrigin::Broker, context, effects);
        if (appended.awaits) {
            ProduceResponse response;
            response.partitions.push_back(std::move(appended.result));
            park(write.id, std::move(response), {{0, *appended.awaits}}, kCommitTimeout, context);
        } else {
            coordinator.written(write.id, appended.result.error, context, effects);
        }
    }
    return true;
}

} // namespace queuelab::log
