// The share coordinator on a broker: it keeps the state of share-partitions in the partitions of
// __share_group_state that the broker leads.

#include "engine/core/overloaded.h"
#include "engine/log/broker_state.h"
#include "engine/log/group_records.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::chrono::milliseconds kShareWriteTimeout{5'000}; // share.coordinator.write.timeout.ms
constexpr Duration kPruneInterval =
    std::chrono::minutes{5}; // share.coordinator.state.topic.prune.interval.ms

/// How Kafka's coordinators tell the errors of their own writes.
ErrorCode toldWriters(ErrorCode error)
{
    switch (error) {
    case ErrorCode::None:
        return ErrorCode::None;
    case ErrorCode::NotEnoughReplicas:
    case ErrorCode::NotEnoughReplicasAfterAppend:
    case ErrorCode::RequestTimedOut:
    case ErrorCode::UnknownTopicOrPartition:
        return ErrorCode::CoordinatorNotAvailable;
    case ErrorCode::NotLeaderOrFollower:
    case ErrorCode::KafkaStorageError:
        return ErrorCode::NotCoordinator;
    default:
        return ErrorCode::UnknownServerError;
    }
}

void sayShareError(Response &response, ErrorCode error)
{
    std::visit(
        [error]<class T>(T &answer) {
            if constexpr (requires { answer.error; })
                answer.error = error;
        },
        response);
}

} // namespace

/// The partition of __share_group_state that keeps it, and its name there.
Result<std::pair<std::int32_t, ShareStateKey>, ErrorCode> Broker::State::shareStatePlace(
    const std::string &group, const TopicPartition &partition) const
{
    const TopicImage *topic = image.topic(partition.topic);
    if (!topic || !image.partition(partition))
        return std::unexpected(ErrorCode::UnknownTopicOrPartition);
    const TopicImage *states = image.topic(kShareStateTopic);
    if (!states)
        return std::unexpected(ErrorCode::CoordinatorNotAvailable);
    ShareStateKey key{group, topic->id, partition.partition};
    const std::int32_t place =
        offsetsPartitionFor(key.text(), static_cast<std::int32_t>(states->partitions.size()));
    if (shares.statesToLoad.contains(place))
        return std::unexpected(ErrorCode::CoordinatorLoadInProgress);
    if (!shares.coordinator.coordinates(place))
        return std::unexpected(ErrorCode::NotCoordinator);
    return std::pair(place, std::move(key));
}

void Broker::State::shareState(
    Caller caller, const Request &request, Context &context, Effects &effects)
{
    using Decided = std::pair<Response, std::optional<ShareCoordinator::Change>>;
    const std::int64_t nowMs = epochMillis(context.wallClock());
    /// `judge(partition, key)` says what it comes to.
    const auto judged = [&]<class Response_>(const auto &asked, Response_ response, auto judge) {
        const auto place = shareStatePlace(asked.group, asked.partition);
        const ShareCoordinator::Verdict verdict = place
            ? judge(place->first, place->second)
            : ShareCoordinator::Verdict(std::unexpected(place.error()));
        response.error = verdict ? ErrorCode::None : verdict.error();
        return Decided(std::move(response), verdict ? *verdict : std::nullopt);
    };
    Decided answer = std::visit(
        Overloaded{
            [&](const InitializeShareGroupStateRequest &asked) {
                return judged(asked, InitializeShareGroupStateResponse{},
                    [&](std::int32_t partition, const ShareStateKey &key) {
                        return shares.coordinator.initialize(partition, key, asked, nowMs);
                    });
            },
            [&](const ReadShareGroupStateRequest &asked) {
                const auto place = shareStatePlace(asked.group, asked.partition);
                if (!place)
                    return Decided(ReadShareGroupStateResponse{.error = place.error()}, {});
                ShareCoordinator::Read read =
                    shares.coordinator.read(place->first, place->second, asked, nowMs);
                return Decided(std::move(read.response), std::move(read.change));
            },
            [&](const WriteShareGroupStateRequest &asked) {
                return judged(asked, WriteShareGroupStateResponse{},
                    [&](std::int32_t partition, const ShareStateKey &key) {
                        return shares.coordinator.write(partition, key, asked, nowMs);
                    });
            },
            [&](const DeleteShareGroupStateRequest &asked) {
                return judged(asked, DeleteShareGroupStateResponse{},
                    [&](std::int32_t partition, const ShareStateKey &key) {
                        return shares.coordinator.remove(partition, key);
                    });
            },
            [](const auto &) -> Decided {
                invariantBroken("only requests about the state of share-partitions come here");
            },
        },
        request);
    if (!answer.second)
        return caller.answer(std::move(answer.first), effects);
    const Appended appended = appendShareState(*answer.second, context, effects);
    if (appended.awaits) {
        ProduceResponse response;
        response.partitions.push_back(appended.result);
        park(ShareStateAnswer{caller, std::move(answer.first)}, std::move(response),
            {{0, *appended.awaits}}, kShareWriteTimeout, context);
        return;
    }
    answerShareState({caller, std::move(answer.first)}, appended.result.error, effects);
}

Broker::State::Appended Broker::State::appendShareState(
    const ShareCoordinator::Change &change, Context &context, Effects &effects)
{
    const SharedBytes batch = change.batch(epochMillis(context.wallClock()));
    Appended appended = appendBatch(
        {.partition = {std::string(kShareStateTopic), change.partition}, .records = batch}, -1,
        name, AppendOrigin::Broker, context, effects);
    if (appended.result.error == ErrorCode::None)
        shares.coordinator.apply(change, appended.result.baseOffset);
    return appended;
}

void Broker::State::answerShareState(ShareStateAnswer &&answer, ErrorCode error, Effects &effects)
{
    if (error != ErrorCode::None)
        sayShareError(answer.response, toldWriters(error));
    answer.caller.answer(std::move(answer.response), effects);
}

bool Broker::State::loadShareStates(Context &context)
{
    bool any = false;
    for (auto next = shares.statesToLoad.begin(); next != shares.statesToLoad.end();) {
        const Partition &partition = *find({std::string(kShareStateTopic), *next});
        // As with groups: what the leader before has acknowledged counts once it is committed here.
        if (partition.highWatermark < partition.replication.epochStartOffset()) {
            ++next;
            continue;
        }
        if (const auto loaded = shares.coordinator.load(
                *next, partition.log, partition.highWatermark, context.files);
            !loaded)
            notes.push_back(loaded.error().text());
        next = shares.statesToLoad.erase(next);
        any = true;
        if (!shares.nextPrune)
            shares.nextPrune = context.now + kPruneInterval;
    }
    return any;
}

void Broker::State::forgetShareStates(const TopicId &topicId, Context &context, Effects &effects)
{
    for (const ShareCoordinator::Change &change : shares.coordinator.removeTopic(topicId)) {
        // Where that fails they stay: nobody will ask for a topic with this id.
        (void)appendShareState(change, context, effects);
    }
}

void Broker::State::pruneShareStates(Context &context)
{
    shares.nextPrune.reset();
    bool any = false;
    for (const std::int32_t number : shares.coordinator.partitions()) {
        shares.nextPrune = context.now + kPruneInterval;
        Partition &partition = *find({std::string(kShareStateTopic), number});
        const std::int64_t start =
            std::min(shares.coordinator.redundantBelow(number), partition.highWatermark);
        if (start <= partition.log.logStartOffset())
            continue;
        partition.log.raiseLogStartOffset(start);
        any = true;
    }
    if (!any)
        return;
    if (const auto saved = saveLogStartOffsets(context); !saved)
        notes.push_back(saved.error().text());
}

} // namespace queuelab::log
