// The share-partitions that this broker leads: their state is read from the share coordinator when
// they are first asked for, and what changes is stored there before anybody is told.

#include "engine/log/broker_state.h"
#include "engine/log/group_records.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

using Led = BrokerShares::Led;
using Phase = BrokerShares::Led::Phase;
using Asking = BrokerShares::Led::Asking;

constexpr Duration kStateTimeout = std::chrono::seconds{5}; // share.coordinator.write.timeout.ms
constexpr std::int32_t kAttempts = 5;
constexpr Duration kFirstBackoff = std::chrono::seconds{1}; // as Kafka's PersisterStateManager
constexpr Duration kLongestBackoff = std::chrono::seconds{30};

/// Whether the share coordinator is to be asked again.
bool isPassing(ErrorCode error)
{
    return error == ErrorCode::NotCoordinator || error == ErrorCode::CoordinatorNotAvailable
        || error == ErrorCode::CoordinatorLoadInProgress;
}

/// What a consumer is told when its share-partition's state cannot be read or written.
ErrorCode toldConsumers(ErrorCode error)
{
    switch (error) {
    case ErrorCode::NotCoordinator:
    case ErrorCode::CoordinatorNotAvailable:
    case ErrorCode::CoordinatorLoadInProgress:
        return ErrorCode::CoordinatorNotAvailable;
    case ErrorCode::GroupIdNotFound:
    case ErrorCode::UnknownTopicOrPartition:
    case ErrorCode::FencedStateEpoch:
        return error;
    case ErrorCode::FencedLeaderEpoch:
        return ErrorCode::NotLeaderOrFollower;
    default:
        return ErrorCode::UnknownServerError;
    }
}

/// After these the state here is not the one that counts: it is read anew when it is asked for.
bool isFencing(ErrorCode error)
{
    return error == ErrorCode::FencedStateEpoch || error == ErrorCode::NotLeaderOrFollower
        || error == ErrorCode::GroupIdNotFound || error == ErrorCode::UnknownTopicOrPartition;
}

} // namespace

const GroupConfig &Broker::State::groupConfig(const std::string &group)
{
    const auto [known, isNew] = shares.groupConfigs.try_emplace(group);
    if (isNew)
        known->second = GroupConfig::of(config, image.groupConfigs(group));
    return known->second;
}

SharePartition::Settings Broker::State::shareSettings(const std::string &group)
{
    const GroupConfig &configured = groupConfig(group);
    return {.deliveryCountLimit = configured.shareDeliveryCountLimit,
        .maxRecordLocks = configured.sharePartitionMaxRecordLocks,
        .lockDuration = configured.shareRecordLockDuration,
        .ignoresLocks = config.plantedBug == PlantedBug::ShareLockIgnored};
}

BrokerShares::Led *Broker::State::findShare(const ShareKey &key)
{
    const auto groups = shares.led.find(key.partition);
    if (groups == shares.led.end())
        return nullptr;
    const auto share = groups->second.find(key.group);
    return share == groups->second.end() ? nullptr : &share->second;
}

Result<BrokerShares::Led *, ErrorCode> Broker::State::ledShare(
    const ShareKey &key, Context &context)
{
    const auto leading = led(key.partition);
    if (!leading)
        return std::unexpected(leading.error());
    if (BrokerShares::Led *known = findShare(key))
        return known;
    Led share{.records = SharePartition((*leading)->name, context.trace.name(key.group)),
        .life = shares.nextLife++,
        .leaderEpoch = (*leading)->leaderEpoch,
        .asking = Asking::Due};
    shares.statesToAsk.push_back(key);
    return &shares.led[key.partition].emplace(key.group, std::move(share)).first->second;
}

void Broker::State::shareChanged(const ShareKey &key, Led &share)
{
    shares.callsToServe.insert(share.waiting.begin(), share.waiting.end());
    if (share.asking == Asking::No && share.records.hasChanges()) {
        share.asking = Asking::Due;
        shares.statesToAsk.push_back(key);
    }
    const std::optional<Instant> deadline = share.records.nextDeadline();
    if (share.lockDeadline && share.lockDeadline->at == deadline)
        return;
    shares.lockDeadlines.cancel(share.lockDeadline);
    if (deadline)
        share.lockDeadline = shares.lockDeadlines.set(*deadline, key);
}

void Broker::State::expireShares(Context &context, Effects &effects)
{
    while (const auto due = shares.lockDeadlines.takeDue(context.now)) {
        Led &share = *findShare(*due);
        share.lockDeadline.reset();
        share.records.expire(shareSettings(due->group), context);
        shareChanged(*due, share);
    }
    while (const auto due = shares.callDeadlines.takeDue(context.now)) {
        (void)serveShareFetch(*due, true, context);
        stopWaiting(*due);
        finishShareCall(*due, effects);
    }
    while (auto due = shares.stateRetries.takeDue(context.now))
        shares.statesToAsk.push_back(std::move(*due));
    if (shares.nextPrune && *shares.nextPrune <= context.now)
        pruneShareStates(context);
}

bool Broker::State::askShareStates(Context &context, Effects &effects)
{
    if (shares.statesToAsk.empty())
        return false;
    for (const ShareKey &key : std::exchange(shares.statesToAsk, {})) {
        if (!findShare(key))
            continue;
        const TopicImage *topic = image.topic(key.partition.topic);
        invariant(topic != nullptr, "what is led stands in the image");
        const ShareStateKey stateKey{key.group, topic->id, key.partition.partition};
        const auto coordinating =
            coordinatingPartition(CoordinatorType::Share, stateKey.text(), context, effects);
        Led *share = findShare(key);
        if (!share || share->asking == Asking::Out) // it is another one under that name by now
            continue;
        share->asking = Asking::Due;
        if (share->phase == Phase::Active && !share->records.writeOut()
            && !share->records.takeWrite()) {
            share->asking = Asking::No;
            continue;
        }
        if (share->phase == Phase::Active
            && config.plantedBug == PlantedBug::ShareStateNotWritten) {
            shareWritten(key, *share, ErrorCode::None, context);
            continue;
        }
        const PartitionImage *keeper = coordinating ? image.partition(*coordinating) : nullptr;
        if (!keeper || keeper->leader < 0) {
            shareStateFailed(key, *share, ErrorCode::CoordinatorNotAvailable, context);
            continue;
        }
        Request request;
        if (share->phase == Phase::Reading) {
            request = ReadShareGroupStateRequest{key.group, key.partition, share->leaderEpoch};
        } else {
            WriteShareGroupStateRequest &write = request.emplace<WriteShareGroupStateRequest>();
            write.group = key.group;
            write.partition = key.partition;
            write.stateEpoch = share->stateEpoch;
            write.leaderEpoch = share->leaderEpoch;
            write.startOffset = share->startOffset;
            if (share->phase == Phase::Active) {
                write.startOffset = share->records.writeOut()->startOffset;
                write.batches = share->records.writeOut()->batches;
            }
        }
        share->asking = Asking::Out;
        ask(NodeId{keeper->leader}, std::move(request), ShareStateAsk{key, share->life},
            kStateTimeout, context, effects);
    }
    return true;
}

void Broker::State::shareStateAnswered(
    const ShareStateAsk &asked, const Response *response, Context &context)
{
    Led *share = findShare(asked.share);
    if (!share || share->life != asked.life)
        return;
    share->asking = Asking::Due;
    const auto *read = response ? std::get_if<ReadShareGroupStateResponse>(response) : nullptr;
    const auto *written = response ? std::get_if<WriteShareGroupStateResponse>(response) : nullptr;
    const ErrorCode error = read ? read->error
        : written                ? written->error
                                 : ErrorCode::CoordinatorNotAvailable;
    if (error != ErrorCode::None)
        return shareStateFailed(asked.share, *share, error, context);
    share->failures = 0;
    switch (share->phase) {
    case Phase::Reading:
        return shareStateRead(asked.share, *share, *read, context);
    case Phase::Starting:
        return beginShare(asked.share, *share, share->startOffset, {}, context);
    case Phase::Active:
        return shareWritten(asked.share, *share, ErrorCode::None, context);
    }
}

void Broker::State::shareStateFailed(
    const ShareKey &key, Led &share, ErrorCode error, Context &context)
{
    if (isPassing(error) && ++share.failures < kAttempts) {
        const Duration backoff = kFirstBackoff * (1 << (share.failures - 1));
        shares.stateRetries.set(context.now + std::min(backoff, kLongestBackoff), key);
        return;
    }
    share.failures = 0;
    if (share.phase == Phase::Active)
        shareWritten(key, share, toldConsumers(error), context);
    else
        dropShare(key, toldConsumers(error));
}

void Broker::State::shareStateRead(
    const ShareKey &key, Led &share, const ReadShareGroupStateResponse &response, Context &context)
{
    share.stateEpoch = response.stateEpoch;
    const Partition &partition = *find(key.partition);
    if (response.startOffset >= 0) {
        beginShare(key, share, response.startOffset, response.batches, context);
        return;
    }
    const auto first = firstShareOffset(key.group, partition, context);
    if (!first)
        return dropShare(key, first.error());
    share.startOffset = *first;
    share.phase = Phase::Starting;
    shares.statesToAsk.push_back(key);
}

/// By share.auto.offset.reset, for a group that has not read the partition before.
Result<std::int64_t, ErrorCode> Broker::State::firstShareOffset(
    const std::string &group, const Partition &partition, Context &context)
{
    const GroupConfig &configured = groupConfig(group);
    switch (configured.shareAutoOffsetReset) {
    case ShareOffsetReset::Earliest:
        return partition.log.logStartOffset();
    case ShareOffsetReset::Latest:
        break;
    case ShareOffsetReset::ByDuration: {
        const std::int64_t from =
            epochMillis(context.wallClock()) - configured.shareResetDuration.count();
        const auto found =
            partition.log.offsetForTime(from, partition.highWatermark, context.files);
        if (!found)
            return std::unexpected(ErrorCode::KafkaStorageError);
        if (found->offset >= 0)
            return found->offset;
    }
    }
    return partition.highWatermark;
}

void Broker::State::beginShare(const ShareKey &key, Led &share, std::int64_t startOffset,
    const std::vector<ShareStateBatch> &batches, Context &context)
{
    share.phase = Phase::Active;
    share.asking = Asking::No;
    const Partition &partition = *find(key.partition);
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::SharePartitionLoaded),
        .subject = partition.name,
        .actor = name,
        .detail = context.trace.name(key.group),
        .item = startOffset,
        .value = share.stateEpoch});
    share.records.load(startOffset, batches, context);
    shareChanged(key, share);
}

void Broker::State::shareWritten(const ShareKey &key, Led &share, ErrorCode error, Context &context)
{
    const SharePartition::WriteId write = share.records.writeOut()->id;
    share.records.written(error == ErrorCode::None, shareSettings(key.group), context);
    share.asking = Asking::No;
    const auto isLater = [write](const Led::Awaited &awaited) { return awaited.write > write; };
    const auto firstLeft = std::ranges::find_if(share.awaited, isLater);
    for (auto awaited = share.awaited.begin(); awaited != firstLeft; ++awaited)
        shareStored(awaited->call, key.partition, error);
    share.awaited.erase(share.awaited.begin(), firstLeft);
    if (isFencing(error))
        return dropShare(key, error);
    shareChanged(key, share);
}

void Broker::State::dropShare(const ShareKey &key, ErrorCode error)
{
    const auto groups = shares.led.find(key.partition);
    auto gone = groups->second.extract(key.group);
    if (groups->second.empty())
        shares.led.erase(groups);
    Led &share = gone.mapped();
    shares.lockDeadlines.cancel(share.lockDeadline);
    for (const Led::Awaited &awaited : share.awaited)
        shareStored(awaited.call, key.partition, error);
    for (const BrokerShares::CallId callId : share.waiting)
        failShareFetch(callId, key.partition, error);
}

void Broker::State::dropShares(const TopicPartition &partition)
{
    while (shares.led.contains(partition)) {
        dropShare(
            {shares.led.at(partition).begin()->first, partition}, ErrorCode::NotLeaderOrFollower);
    }
}

} // namespace queuelab::log
