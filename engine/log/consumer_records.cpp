// What a consumer fetches ahead, and what it hands out.

#include "engine/log/consumer_state.h"
#include "engine/log/control_records.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

void Consumer::State::sendFetches(Context &context, ClientEffects &effects)
{
    if (!running)
        return;
    // One fetch in flight for each broker, of all partitions that have nothing buffered, as the
    // Java client does.
    std::map<NodeId, FetchRequest> requests;
    for (auto &[partition, owned] : partitions) {
        if (owned.position < 0 || owned.buffered || owned.paused || owned.revoking
            || context.now < owned.notBefore || !isValid(partition, owned))
            continue;
        const Leader leader = leaderOf(partition);
        if (leader.broker.value() < 0) {
            metadataWanted = true;
            continue;
        }
        // Who leads now, and since when, is being asked: until then there may be a truncation to
        // find.
        if (leader.epoch < 0 && metadataWanted)
            continue;
        if (owned.epoch < 0)
            owned.validEpoch = leader.epoch;
        requests[leader.broker].partitions.push_back(
            {partition, owned.fetched, leader.epoch, config.maxPartitionFetchBytes});
    }
    for (auto &[broker, request] : requests) {
        const bool busy = std::ranges::any_of(inFlight, [&broker = broker](const InFlight &sent) {
            return sent.sent == Sent::Fetch && sent.broker == broker;
        });
        if (busy || !brokers.canReach(broker, context.now))
            continue;
        request.isolation = config.isolationLevel;
        request.maxWait = config.fetchMaxWait;
        request.minBytes = config.fetchMinBytes;
        request.maxBytes = config.fetchMaxBytes;
        // Another partition comes first each time, so that none starves when the answer is full.
        const auto turn = static_cast<std::ptrdiff_t>(fetchesSent++ % request.partitions.size());
        std::ranges::rotate(request.partitions, request.partitions.begin() + turn);
        Offsets offsets;
        offsets.reserve(request.partitions.size());
        for (const FetchRequest::Partition &wanted : request.partitions)
            offsets.emplace_back(wanted.partition, wanted.fetchOffset);
        send(Sent::Fetch, broker, std::move(request), config.fetchMaxWait + config.requestTimeout,
            context, effects, std::move(offsets));
    }
}

void Consumer::State::applyFetch(
    const InFlight &request, const FetchResponse &response, Context &context)
{
    for (std::size_t i = 0; i < response.partitions.size() && i < request.offsets.size(); ++i) {
        const FetchResponse::Partition &result = response.partitions[i];
        const auto found = partitions.find(result.partition);
        // Given up, moved by seek(), or led by another while the fetch was out: the answer is of no
        // use.
        if (found == partitions.end() || found->second.buffered || found->second.revoking
            || !isValid(result.partition, found->second)
            || request.offsets[i].first != result.partition
            || found->second.fetched != request.offsets[i].second)
            continue;
        Partition &owned = found->second;
        switch (result.error) {
        case ErrorCode::None:
            owned.failures = 0;
            owned.readableEnd = config.isolationLevel == IsolationLevel::ReadCommitted
                ? result.lastStableOffset
                : result.highWatermark;
            if (!result.records.empty() && !takeIn(owned, result))
                backOff(owned, context);
            break;
        case ErrorCode::OffsetOutOfRange:
            owned.position = -1;
            owned.fetched = -1;
            owned.epoch = -1;
            owned.resetReason = LogReason::OutOfRange;
            owned.stuck = config.autoOffsetReset == OffsetReset::None;
            if (owned.stuck)
                recordReset(owned, LogReason::OutOfRange, context);
            break;
        case ErrorCode::UnknownLeaderEpoch: // the broker has not heard of its election yet
            backOff(owned, context);
            break;
        default:
            if (!leaderIsWrong(result.partition, result.currentLeader))
                backOff(owned, context);
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
    Fetched &fetched = buffer.emplace_back();
    fetched.partition = result.partition;
    fetched.pieces = result.records;
    fetched.end = end;
    if (config.isolationLevel == IsolationLevel::ReadCommitted) {
        fetched.aborted = result.abortedTransactions;
        std::ranges::stable_sort(
            fetched.aborted, {}, &FetchResponse::Partition::AbortedTransaction::firstOffset);
    }
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
    for (auto at = buffer.begin(); left > 0 && at != buffer.end();) {
        Partition &owned = partitions.at(at->partition);
        if (owned.paused) {
            ++at;
            continue;
        }
        left -= handOutFrom(*at, owned, left, handle, context);
        if (owned.position < at->end && !owned.damaged) {
            ++at;
            continue;
        }
        if (std::exchange(owned.damaged, false)) {
            owned.fetched = owned.position;
            backOff(owned, context);
        }
        owned.buffered = false;
        at = buffer.erase(at);
    }
}

/// Whether the batch that comes next belongs to an aborted transaction. The broker names those
/// transactions by producer and first offset; each ends with the producer's next ABORT marker.
bool Consumer::State::isAborted(Fetched &fetched, const BatchHeader &header, ByteView batch)
{
    if (header.producerId < 0)
        return false;
    for (; fetched.begun < fetched.aborted.size()
        && fetched.aborted[fetched.begun].firstOffset <= header.lastOffset();
        ++fetched.begun) {
        const std::int64_t producer = fetched.aborted[fetched.begun].producerId;
        if (std::ranges::find(fetched.abortedProducers, producer) == fetched.abortedProducers.end())
            fetched.abortedProducers.push_back(producer);
    }
    if (fetched.abortedProducers.empty())
        return false;
    if (!header.isControl())
        return header.isTransactional()
            && std::ranges::find(fetched.abortedProducers, header.producerId)
            != fetched.abortedProducers.end();
    const auto end = readEndTransaction(header, batch);
    if (end && !end->committed)
        std::erase(fetched.abortedProducers, header.producerId);
    return false;
}

/// Hands out at most `most` records of one partition; returns how many.
std::int32_t Consumer::State::handOutFrom(Fetched &fetched, Partition &owned, std::int32_t most,
    const std::function<void(const TopicPartition &, const RecordView &)> &handle, Context &context)
{
    PolledRecords run{fetched.partition, -1, -1, 0};
    while (run.count < most && owned.position < fetched.end) {
        if (fetched.open && fetched.open->next()) {
            const RecordView &record = fetched.open->record();
            if (record.offset < owned.position)
                continue; // the batch begins before the position
            handle(fetched.partition, record);
            owned.position = record.offset + 1;
            owned.epoch = fetched.epoch;
            if (run.count++ == 0)
                run.firstOffset = record.offset;
            run.lastOffset = record.offset;
            continue;
        }
        owned.damaged = fetched.open && !fetched.open->ok();
        if (owned.damaged)
            break;
        if (fetched.at == fetched.pieces[fetched.piece].size()) {
            if (++fetched.piece == fetched.pieces.size()) {
                owned.position = fetched.end; // the last batch ends in offsets without records
                break;
            }
            fetched.at = 0;
        }
        const ByteView rest = fetched.pieces[fetched.piece].view().subspan(fetched.at);
        const BatchHeader header = *readBatchHeader(rest);
        const ByteView batch = rest.first(header.sizeBytes());
        fetched.at += header.sizeBytes();
        fetched.epoch = header.partitionLeaderEpoch;
        if (isAborted(fetched, header, batch) || header.isControl()) {
            // Neither is for the application, and the position goes on over it.
            owned.position = std::max(owned.position, header.lastOffset() + 1);
            owned.epoch = fetched.epoch;
        } else {
            fetched.open.emplace(batch);
        }
    }
    if (run.count > 0) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::RecordsPolled),
            .subject = owned.name,
            .actor = name,
            .item = run.firstOffset,
            .count = run.count,
            .value = run.lastOffset});
        polled.push_back(run);
    }
    return run.count;
}

} // namespace queuelab::log
