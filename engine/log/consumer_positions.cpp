// Where a consumer reads on, and what it commits.

#include "engine/log/consumer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

Consumer::State::Offsets Consumer::State::offsetsToCommit() const
{
    Offsets offsets;
    for (const auto &[partition, owned] : partitions) {
        if (owned.position >= 0)
            offsets.emplace_back(partition, owned.position);
    }
    return offsets;
}

/// These, and not what the positions are by the time they are sent: meanwhile poll() may have given
/// more, which is not handled yet.
void Consumer::State::wantCommit(const Offsets &offsets)
{
    for (const auto &[partition, offset] : offsets) {
        if (!partitions.contains(partition))
            continue;
        const auto known = std::ranges::find(
            commitWanted, partition, [](const auto &entry) -> const auto & { return entry.first; });
        if (known == commitWanted.end())
            commitWanted.emplace_back(partition, offset);
        else
            known->second = offset;
    }
}

void Consumer::State::autoCommit(Context &context, ClientEffects &effects)
{
    if (!waiting || !nextAutoCommit || generation < 0 || context.now < *nextAutoCommit)
        return;
    nextAutoCommit = context.now + config.autoCommitInterval;
    sendCommit(offsetsToCommit(), context, effects);
}

void Consumer::State::commitWhatIsWanted(Context &context, ClientEffects &effects)
{
    if (!commitWanted.empty() && generation >= 0 && context.now >= commitNotBefore)
        sendCommit(std::exchange(commitWanted, {}), context, effects);
}

void Consumer::State::sendCommit(
    Offsets &&offsets, Context &context, ClientEffects &effects, Sent sent)
{
    if (offsets.empty() || !coordinator)
        return;
    OffsetCommitRequest request;
    request.group = config.group;
    request.generation = generation;
    request.memberId = memberId;
    request.groupInstanceId = config.groupInstanceId;
    for (const auto &[partition, offset] : offsets)
        request.partitions.push_back({partition, offset, partitions.at(partition).epoch, {}});
    send(sent, *coordinator, std::move(request), config.requestTimeout, context, effects,
        std::move(offsets));
}

void Consumer::State::applyCommit(
    const InFlight &request, const OffsetCommitResponse &response, Context &context)
{
    for (const auto &entry : request.offsets) {
        const TopicPartition &partition = entry.first;
        const auto result = std::ranges::find(
            response.partitions, partition, &OffsetCommitResponse::Partition::partition);
        if (result == response.partitions.end())
            continue;
        const auto owned = partitions.find(partition);
        if (result->error == ErrorCode::None) {
            if (owned != partitions.end())
                owned->second.committed = entry.second;
            std::erase_if(commitWanted, [&](const auto &wanted) { return wanted == entry; });
        } else if (result->error != ErrorCode::UnknownTopicOrPartition
            && result->error != ErrorCode::OffsetMetadataTooLarge) {
            // Errors of the group come for all partitions alike.
            return commitRefused(request, result->error, context);
        }
    }
    if (request.sent == Sent::CommitFirst)
        reconciliation->commitFirst.clear();
}

void Consumer::State::commitRefused(const InFlight &request, ErrorCode error, Context &context)
{
    // A member epoch that was raised while the commit was out: the offsets are good all the same.
    const bool again = isRetriable(error) || error == ErrorCode::StaleMemberEpoch;
    if (request.sent == Sent::CommitFirst) {
        if (again)
            reconciliation->commitNotBefore = context.now + backoff(1, context);
        else
            reconciliation->commitFirst.clear();
    } else if (again) {
        wantCommit(request.offsets);
        commitNotBefore = context.now + backoff(1, context);
    }
    if (config.groupProtocol == GroupProtocol::Consumer) {
        // Where it stands with its group it learns by its heartbeats alone.
        if (error == ErrorCode::NotCoordinator || error == ErrorCode::CoordinatorNotAvailable)
            coordinatorLost(context);
        return;
    }
    // One about an earlier generation, or while it rejoins anyway, says nothing new.
    const bool settled = phase == Phase::Stable || phase == Phase::Synced;
    if (request.generation == generation && (settled || error != ErrorCode::RebalanceInProgress))
        groupError(error, context);
}

void Consumer::State::findPositions(Context &context, ClientEffects &effects)
{
    OffsetFetchRequest committed;
    std::map<NodeId, ListOffsetsRequest> resets;
    const std::int64_t resetTo = config.autoOffsetReset == OffsetReset::Earliest
        ? ListOffsetsRequest::kEarliest
        : ListOffsetsRequest::kLatest;
    for (auto &[partition, owned] : partitions) {
        if (owned.sought) {
            owned.sought = false;
            recordReset(owned, LogReason::Seek, context);
        }
        if (owned.position >= 0 || owned.stuck || owned.revoking || context.now < owned.notBefore)
            continue;
        if (!owned.resetReason) {
            if (!committed.partitions)
                committed.partitions.emplace();
            committed.partitions->push_back(partition);
            continue;
        }
        const Leader leader = leaderOf(partition);
        if (leader.broker.value() >= 0 && brokers.canReach(leader.broker, context.now))
            resets[leader.broker].partitions.push_back({partition, resetTo, leader.epoch});
    }
    if (committed.partitions && coordinator && !isOut(Sent::OffsetFetch)) {
        committed.group = config.group;
        committed.requireStable = true;
        if (config.groupProtocol == GroupProtocol::Consumer) {
            committed.memberId = memberId;
            committed.memberEpoch = generation;
        }
        send(Sent::OffsetFetch, *coordinator, std::move(committed), config.requestTimeout, context,
            effects);
    }
    if (!isOut(Sent::ListOffsets)) {
        for (auto &[leader, request] : resets) {
            request.isolation = config.isolationLevel;
            send(Sent::ListOffsets, leader, std::move(request), config.requestTimeout, context,
                effects);
        }
    }
}

void Consumer::State::applyOffsetFetch(const OffsetFetchResponse &response, Context &context)
{
    if (response.error != ErrorCode::None) {
        for (auto &[partition, owned] : partitions) {
            if (owned.position < 0)
                backOff(owned, context);
        }
        if (config.groupProtocol == GroupProtocol::Classic)
            groupError(response.error, context);
        else if (response.error == ErrorCode::NotCoordinator
            || response.error == ErrorCode::CoordinatorNotAvailable)
            coordinatorLost(context);
        return;
    }
    // An offset that a transaction is about to commit may replace the one there is: like the Java
    // client it then takes none, and asks for all of them again.
    const bool isUnstable =
        std::ranges::any_of(response.partitions, [](const OffsetFetchResponse::Partition &result) {
            return result.error == ErrorCode::UnstableOffsetCommit;
        });
    for (const OffsetFetchResponse::Partition &result : response.partitions) {
        const auto found = partitions.find(result.partition);
        if (found == partitions.end() || found->second.position >= 0 || found->second.resetReason)
            continue;
        Partition &owned = found->second;
        if (isUnstable || result.error != ErrorCode::None) {
            backOff(owned, context);
        } else if (result.committedOffset >= 0) {
            owned.committed = result.committedOffset;
            setPosition(result.partition, owned, result.committedOffset, -1);
        } else {
            owned.resetReason = LogReason::NoCommittedOffset;
            owned.stuck = config.autoOffsetReset == OffsetReset::None;
            if (owned.stuck)
                recordReset(owned, LogReason::NoCommittedOffset, context);
        }
    }
}

void Consumer::State::applyListOffsets(const ListOffsetsResponse &response, Context &context)
{
    for (const ListOffsetsResponse::Partition &result : response.partitions) {
        const auto found = partitions.find(result.partition);
        if (found == partitions.end() || !found->second.resetReason)
            continue;
        Partition &owned = found->second;
        if (result.error != ErrorCode::None) {
            leaderIsWrong(result.partition, std::nullopt);
            backOff(owned, context);
            continue;
        }
        setPosition(result.partition, owned, result.offset, result.leaderEpoch);
        forgetLostCommit(owned);
        recordReset(owned, *std::exchange(owned.resetReason, std::nullopt), context);
    }
}

/// `epoch` is the leader epoch of the record before the position, -1 when not known.
void Consumer::State::setPosition(
    const TopicPartition &partition, Partition &owned, std::int64_t offset, std::int32_t epoch)
{
    owned.position = offset;
    owned.fetched = offset;
    if (owned.start < 0)
        owned.start = offset;
    owned.epoch = epoch;
    owned.validEpoch = leaderOf(partition).epoch;
    owned.failures = 0;
}

/// The log has been cut below what was committed: that says nothing about its records any more.
void Consumer::State::forgetLostCommit(Partition &owned)
{
    if (owned.committed > owned.position)
        owned.committed = -1;
}

void Consumer::State::recordReset(const Partition &partition, LogReason why, Context &context)
{
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::OffsetReset),
        .reason = reason(why),
        .subject = partition.name,
        .actor = name,
        .item = partition.position});
}

bool Consumer::State::isValid(const TopicPartition &partition, const Partition &owned) const
{
    return owned.epoch < 0 || leaderOf(partition).epoch <= owned.validEpoch;
}

/// A new leader may have less than the one before had, and other records at the same offsets. It is
/// asked where the epoch of the last record ends in its log; until then nothing is fetched
/// (KIP-320).
void Consumer::State::validatePositions(Context &context, ClientEffects &effects)
{
    std::map<NodeId, OffsetForLeaderEpochRequest> requests;
    for (auto &[partition, owned] : partitions) {
        if (owned.position < 0 || isValid(partition, owned))
            continue;
        drop(partition);
        owned.fetched = owned.position;
        const Leader leader = leaderOf(partition);
        if (leader.broker.value() < 0 || context.now < owned.notBefore
            || !brokers.canReach(leader.broker, context.now) || isOut(Sent::Validate))
            continue;
        owned.askedEpoch = leader.epoch;
        requests[leader.broker].partitions.push_back({partition, leader.epoch, owned.epoch});
    }
    for (auto &[broker, request] : requests) {
        Offsets offsets;
        for (const OffsetForLeaderEpochRequest::Partition &asked : request.partitions)
            offsets.emplace_back(asked.partition, partitions.at(asked.partition).position);
        send(Sent::Validate, broker, std::move(request), config.requestTimeout, context, effects,
            std::move(offsets));
    }
}

void Consumer::State::applyValidation(
    const InFlight &request, const OffsetForLeaderEpochResponse &response, Context &context)
{
    for (const auto &[partition, asked] : request.offsets) {
        const auto result = std::ranges::find(
            response.partitions, partition, &OffsetForLeaderEpochResponse::Partition::partition);
        const auto found = partitions.find(partition);
        if (found == partitions.end() || found->second.position != asked)
            continue; // given up, or moved by seek()
        Partition &owned = found->second;
        if (result == response.partitions.end() || result->error != ErrorCode::None) {
            leaderIsWrong(partition, std::nullopt);
            backOff(owned, context);
            continue;
        }
        owned.failures = 0;
        owned.validEpoch = owned.askedEpoch;
        const EpochEnd &end = result->end;
        const bool isUnknown = end.epoch < 0 || end.endOffset < 0;
        if (!isUnknown && end.endOffset >= owned.position)
            continue;
        if (isUnknown || config.autoOffsetReset == OffsetReset::None) {
            owned.position = -1;
            owned.fetched = -1;
            owned.epoch = -1;
            owned.resetReason = LogReason::LogsParted;
            owned.stuck = config.autoOffsetReset == OffsetReset::None;
            if (owned.stuck)
                recordReset(owned, LogReason::LogsParted, context);
        } else {
            owned.position = end.endOffset;
            owned.fetched = end.endOffset;
            owned.epoch = end.epoch;
            forgetLostCommit(owned);
            recordReset(owned, LogReason::LogsParted, context);
        }
    }
}

} // namespace queuelab::log
