// Where a consumer reads on, what it fetches ahead, what it hands out and what it commits.

#include "engine/log/consumer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::int32_t kFetchMaxBytes = 52'428'800; // fetch.max.bytes

} // namespace

void Consumer::State::sendCommit(Context &context, ClientEffects &effects)
{
    commitWanted = false;
    OffsetCommitRequest request;
    request.group = config.group;
    request.generation = generation;
    request.memberId = memberId;
    request.groupInstanceId = config.groupInstanceId;
    Offsets offsets;
    for (const auto &[partition, owned] : partitions) {
        if (owned.position < 0)
            continue;
        request.partitions.push_back({partition, owned.position, leaderOf(partition).epoch, {}});
        offsets.emplace_back(partition, owned.position);
    }
    if (offsets.empty() || !coordinator)
        return;
    send(Sent::Commit, *coordinator, std::move(request), kRequestTimeout, context, effects,
        std::move(offsets));
}

void Consumer::State::applyCommit(
    const InFlight &request, const OffsetCommitResponse &response, Context &context)
{
    for (std::size_t i = 0; i < request.offsets.size(); ++i) {
        const auto &[partition, offset] = request.offsets[i];
        const auto result = std::ranges::find(
            response.partitions, partition, &OffsetCommitResponse::Partition::partition);
        if (result == response.partitions.end())
            continue;
        const auto owned = partitions.find(partition);
        if (result->error == ErrorCode::None) {
            if (owned != partitions.end())
                owned->second.committed = offset;
        } else if (result->error != ErrorCode::UnknownTopicOrPartition
            && result->error != ErrorCode::OffsetMetadataTooLarge) {
            // Errors of the group come for all partitions alike; one about an earlier generation,
            // or while it rejoins anyway, says nothing new.
            const bool settled = phase == Phase::Stable || phase == Phase::Synced;
            if (request.generation == generation
                && (settled || result->error != ErrorCode::RebalanceInProgress))
                groupError(result->error, context);
            return;
        }
    }
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
        if (owned.position >= 0 || owned.stuck || context.now < owned.notBefore)
            continue;
        if (!owned.resetReason) {
            if (!committed.partitions)
                committed.partitions.emplace();
            committed.partitions->push_back(partition);
        } else if (const NodeId leader = leaderOf(partition).broker; leader.value() >= 0) {
            resets[leader].partitions.push_back({partition, resetTo});
        }
    }
    if (committed.partitions && coordinator && !isOut(Sent::OffsetFetch)) {
        committed.group = config.group;
        send(Sent::OffsetFetch, *coordinator, std::move(committed), kRequestTimeout, context,
            effects);
    }
    if (!isOut(Sent::ListOffsets)) {
        for (auto &[leader, request] : resets)
            send(Sent::ListOffsets, leader, std::move(request), kRequestTimeout, context, effects);
    }
}

void Consumer::State::applyOffsetFetch(const OffsetFetchResponse &response, Context &context)
{
    if (response.error != ErrorCode::None)
        return groupError(response.error, context);
    for (const OffsetFetchResponse::Partition &result : response.partitions) {
        const auto found = partitions.find(result.partition);
        if (found == partitions.end() || found->second.position >= 0 || found->second.resetReason)
            continue;
        Partition &owned = found->second;
        if (result.error != ErrorCode::None) {
            owned.notBefore = context.now + kRetryBackoff;
        } else if (result.committedOffset >= 0) {
            owned.committed = result.committedOffset;
            owned.position = result.committedOffset;
            owned.fetched = result.committedOffset;
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
            owned.notBefore = context.now + kRetryBackoff;
            metadataWanted = true;
            continue;
        }
        owned.position = result.offset;
        owned.fetched = result.offset;
        recordReset(owned, *std::exchange(owned.resetReason, std::nullopt), context);
    }
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

void Consumer::State::sendFetches(Context &context, ClientEffects &effects)
{
    if (!running)
        return;
    // One fetch in flight for each broker, of all partitions that have nothing buffered, as the
    // Java client does.
    std::map<NodeId, FetchRequest> requests;
    for (const auto &[partition, owned] : partitions) {
        if (owned.position < 0 || owned.buffered || context.now < owned.notBefore)
            continue;
        const Leader leader = leaderOf(partition);
        if (leader.broker.value() < 0) {
            metadataWanted = true;
            continue;
        }
        requests[leader.broker].partitions.push_back(
            {partition, owned.fetched, leader.epoch, config.maxPartitionFetchBytes});
    }
    for (auto &[broker, request] : requests) {
        const bool busy = std::ranges::any_of(inFlight, [&broker = broker](const InFlight &sent) {
            return sent.sent == Sent::Fetch && sent.broker == broker;
        });
        if (const auto at = fetchNotBefore.find(broker); at != fetchNotBefore.end()) {
            if (context.now < at->second)
                continue;
            fetchNotBefore.erase(at);
        }
        if (busy)
            continue;
        request.maxWait = config.fetchMaxWait;
        request.minBytes = config.fetchMinBytes;
        request.maxBytes = kFetchMaxBytes;
        // Another partition comes first each time, so that none starves when the answer is full.
        const auto turn = static_cast<std::ptrdiff_t>(fetchesSent++ % request.partitions.size());
        std::ranges::rotate(request.partitions, request.partitions.begin() + turn);
        Offsets offsets;
        offsets.reserve(request.partitions.size());
        for (const FetchRequest::Partition &wanted : request.partitions)
            offsets.emplace_back(wanted.partition, wanted.fetchOffset);
        send(Sent::Fetch, broker, std::move(request), config.fetchMaxWait + kRequestTimeout,
            context, effects, std::move(offsets));
    }
}

void Consumer::State::applyFetch(
    const InFlight &request, const FetchResponse &response, Context &context)
{
    for (std::size_t i = 0; i < response.partitions.size() && i < request.offsets.size(); ++i) {
        const FetchResponse::Partition &result = response.partitions[i];
        const auto found = partitions.find(result.partition);
        // Given up, or moved by seek() while the fetch was out: the answer is of no use.
        if (found == partitions.end() || found->second.buffered
            || request.offsets[i].first != result.partition
            || found->second.fetched != request.offsets[i].second)
            continue;
        Partition &owned = found->second;
        switch (result.error) {
        case ErrorCode::None:
            if (!result.records.empty() && !takeIn(owned, result))
                owned.notBefore = context.now + kRetryBackoff;
            break;
        case ErrorCode::OffsetOutOfRange:
            owned.position = -1;
            owned.fetched = -1;
            owned.resetReason = LogReason::OutOfRange;
            owned.stuck = config.autoOffsetReset == OffsetReset::None;
            if (owned.stuck)
                recordReset(owned, LogReason::OutOfRange, context);
            break;
        default:
            owned.notBefore = context.now + kRetryBackoff;
            metadataWanted = true;
            break;
        }
    }
}

/// Checks what came (check.crcs) and keeps it for poll(). False when it is damaged: it is fetched
/// again.
bool Consumer::State::takeIn(Partition &partition, const FetchResponse::Partition &result)
{
    std::int64_t end = -1;
    for (const SharedBytes &piece : result.records) {
        for (ByteView rest = piece.view(); !rest.empty();) {
            const auto header = checkBatch(rest);
            if (!header)
                return false;
            end = header->lastOffset() + 1;
            rest = rest.subspan(header->sizeBytes());
        }
    }
    if (end <= partition.position)
        return true;
    partition.fetched = end;
    partition.buffered = true;
    buffer.push_back(
        {.partition = result.partition, .pieces = result.records, .open = {}, .end = end});
    return true;
}

void Consumer::State::drop(const TopicPartition &partition)
{
    std::erase_if(
        buffer, [&partition](const Fetched &fetched) { return fetched.partition == partition; });
    if (const auto owned = partitions.find(partition); owned != partitions.end())
        owned->second.buffered = false;
}

void Consumer::State::handOut(
    const std::function<void(const TopicPartition &, const RecordView &)> &handle, Context &context)
{
    std::int32_t left = config.maxPollRecords;
    while (left > 0 && !buffer.empty()) {
        Fetched &fetched = buffer.front();
        Partition &owned = partitions.at(fetched.partition);
        PolledRecords run{fetched.partition, -1, -1, 0};
        while (left > 0 && owned.position < fetched.end) {
            if (fetched.open && fetched.open->next()) {
                const RecordView &record = fetched.open->record();
                if (record.offset < owned.position)
                    continue; // the batch begins before the position
                handle(fetched.partition, record);
                owned.position = record.offset + 1;
                if (run.count++ == 0)
                    run.firstOffset = record.offset;
                run.lastOffset = record.offset;
                --left;
                continue;
            }
            if (fetched.at == fetched.pieces[fetched.piece].size()) {
                if (++fetched.piece == fetched.pieces.size()) {
                    owned.position = fetched.end; // the last batch ends in offsets without records
                    break;
                }
                fetched.at = 0;
            }
            const ByteView rest = fetched.pieces[fetched.piece].view().subspan(fetched.at);
            const BatchHeader header = *readBatchHeader(rest);
            fetched.at += header.sizeBytes();
            if (header.isControl()) // markers are not for the application
                owned.position = std::max(owned.position, header.lastOffset() + 1);
            else
                fetched.open.emplace(rest.first(header.sizeBytes()));
        }
        if (run.count > 0) {
            context.trace.record({.at = context.now,
                .kind = kind(LogEvent::RecordsPolled),
                .subject = owned.name,
                .actor = name,
                .item = run.firstOffset,
                .count = run.count});
            polled.push_back(std::move(run));
        }
        if (owned.position >= fetched.end) {
            owned.buffered = false;
            buffer.pop_front();
        }
    }
}

} // namespace queuelab::log
