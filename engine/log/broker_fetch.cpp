// Fetching: consumers read below the high watermark, followers to the end of the log; both wait
// when there is not enough to read.

#include "engine/log/broker_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

bool isFollower(const FetchRequest &request)
{
    return request.replicaId >= 0;
}

bool readsCommitted(const FetchRequest &request)
{
    return !isFollower(request) && request.isolation == IsolationLevel::ReadCommitted;
}

} // namespace

void Broker::State::fetch(
    Caller caller, NameId fetcher, FetchRequest request, Context &context, Effects &effects)
{
    const bool mayWait = request.maxWait > std::chrono::milliseconds::zero();
    std::int64_t missingBytes = 0;
    FetchResponse response = read(request, !mayWait, missingBytes, fetcher, context);
    const bool waits = missingBytes > 0 && mayWait;
    const FetchId fetchId = nextFetch;
    if (waits) {
        ++nextFetch;
        for (const FetchRequest::Partition &wanted : request.partitions) {
            Partition *partition = find(wanted.partition);
            if (!partition)
                continue;
            auto &waiting = isFollower(request) ? partition->waitingFollowers
                : readsCommitted(request)       ? partition->waitingCommitted
                                                : partition->waiting;
            if (waiting.empty() || waiting.back() != fetchId)
                waiting.push_back(fetchId);
        }
    }
    // What a follower asks for tells what it has. As in Kafka it learns with its next fetch what
    // follows from this one.
    if (isFollower(request)) {
        for (std::size_t i = 0; i < request.partitions.size(); ++i) {
            const FetchResponse::Partition &answer = response.partitions[i];
            if (answer.error != ErrorCode::None || answer.divergingEpoch)
                continue;
            Partition &partition = *find(answer.partition);
            followerFetched(answer.partition, partition, request, request.partitions[i],
                partition.log.logEndOffset(), context, effects);
        }
    }
    if (!waits) {
        caller.answer(std::move(response), effects);
        return;
    }
    const auto deadline = fetchDeadlines.set(context.now + request.maxWait, fetchId);
    parkedFetches.emplace_hint(parkedFetches.end(), fetchId,
        ParkedFetch{caller, fetcher, std::move(request), missingBytes, deadline});
}

std::int64_t Broker::State::readLimit(const Partition &partition, IsolationLevel isolation) const
{
    return isolation == IsolationLevel::ReadUncommitted
            || config.plantedBug == PlantedBug::LastStableOffsetIgnored
        ? partition.highWatermark
        : partition.log.lastStableOffset(partition.highWatermark);
}

/// Reads what there is, in the order of the request: the client rotates it, so that nobody starves
/// at max bytes. `missingBytes` is how much less than min bytes there is; 0 also when an error has
/// to be told at once. When something is missing the response is complete only with `force`.
FetchResponse Broker::State::read(const FetchRequest &request, bool force,
    std::int64_t &missingBytes, NameId fetcher, Context &context)
{
    FetchResponse response;
    response.partitions.resize(request.partitions.size());
    std::uint64_t totalBytes = 0;
    bool isUrgent = false;
    struct Read {
        const Partition *partition;
        std::int64_t from;
        PartitionLog::ReadResult result;
    };
    std::vector<Read> reads;
    for (std::size_t i = 0; i < request.partitions.size(); ++i) {
        const FetchRequest::Partition &wanted = request.partitions[i];
        FetchResponse::Partition &out = response.partitions[i];
        out.partition = wanted.partition;
        const auto fail = [&](ErrorCode error) {
            out.error = error;
            out.records.clear();
            if (error == ErrorCode::NotLeaderOrFollower || error == ErrorCode::FencedLeaderEpoch)
                out.currentLeader = leaderHint(wanted.partition);
            isUrgent = true;
        };
        const auto leading = led(wanted.partition, wanted.currentLeaderEpoch);
        if (!leading) {
            fail(leading.error());
            continue;
        }
        const Partition &partition = **leading;
        if (isFollower(request) && !partition.replication.follower(request.replicaId)) {
            fail(ErrorCode::NotLeaderOrFollower);
            continue;
        }
        if (wanted.lastFetchedEpoch >= 0 && config.plantedBug != PlantedBug::NoTruncation) {
            const EpochEnd mine = partition.log.endOfEpoch(wanted.lastFetchedEpoch);
            if (mine.endOffset < 0) {
                fail(ErrorCode::OffsetOutOfRange);
                continue;
            }
            if (mine.epoch < wanted.lastFetchedEpoch || mine.endOffset < wanted.fetchOffset) {
                out.divergingEpoch = mine;
                isUrgent = true;
            }
        }
        const std::int64_t limit = isFollower(request) ? partition.log.logEndOffset()
                                                       : readLimit(partition, request.isolation);
        if (!out.divergingEpoch
            && (wanted.fetchOffset < partition.log.logStartOffset()
                || wanted.fetchOffset > partition.log.logEndOffset())) {
            fail(ErrorCode::OffsetOutOfRange);
            continue;
        }
        // The first batch of a response is returned whatever its size, so that nobody gets stuck.
        const auto maxBytes = static_cast<std::uint64_t>(std::max(request.maxBytes, 0));
        const auto partitionMax = static_cast<std::uint64_t>(std::max(wanted.partitionMaxBytes, 0));
        const bool isFull = totalBytes > 0 && totalBytes >= maxBytes;
        if (!out.divergingEpoch && !isFull && wanted.fetchOffset < limit) {
            const std::uint64_t budget =
                std::min(partitionMax, maxBytes > totalBytes ? maxBytes - totalBytes : 0);
            auto result =
                partition.log.read(wanted.fetchOffset, limit, budget, out.records, context.files);
            if (!result) {
                fail(result.error());
                continue;
            }
            if (totalBytes > 0 && result->bytes > budget) {
                out.records.clear(); // too big a batch, and not the first of the response
            } else {
                totalBytes += result->bytes;
                if (readsCommitted(request)
                    && config.plantedBug != PlantedBug::AbortedTransactionsHidden) {
                    out.abortedTransactions =
                        partition.log.abortedTransactions(wanted.fetchOffset, result->nextOffset);
                }
                reads.push_back({&partition, wanted.fetchOffset, *result});
            }
        }
        out.highWatermark = partition.highWatermark;
        out.lastStableOffset = partition.log.lastStableOffset(partition.highWatermark);
        out.logStartOffset = partition.log.logStartOffset();
    }
    missingBytes = isUrgent || request.partitions.empty()
        ? 0
        : request.minBytes - static_cast<std::int64_t>(totalBytes);
    if ((missingBytes > 0 && !force) || isFollower(request)) // followers: batch-replicated says it
        return response;
    for (const Read &read : reads) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::RecordsFetched),
            .subject = read.partition->name,
            .actor = fetcher,
            .item = read.from,
            .count = read.result.nextOffset - read.from,
            .value = static_cast<std::int64_t>(read.result.bytes)});
    }
    return response;
}

void Broker::State::wakeFetches(
    const std::vector<FetchId> &waiting, std::int64_t bytes, Context &context, Effects &effects)
{
    if (waiting.empty())
        return;
    std::vector<FetchId> ready;
    for (const FetchId fetchId : waiting) {
        ParkedFetch &parked = parkedFetches.at(fetchId);
        parked.missingBytes -= bytes;
        if (parked.missingBytes <= 0)
            ready.push_back(fetchId);
    }
    for (const FetchId fetchId : ready)
        answerFetch(fetchId, context, effects);
}

void Broker::State::reconsiderFetches(
    std::vector<FetchId> waiting, Context &context, Effects &effects)
{
    for (const FetchId fetchId : waiting) {
        const auto found = parkedFetches.find(fetchId);
        if (found == parkedFetches.end())
            continue;
        ParkedFetch &parked = found->second;
        FetchResponse response =
            read(parked.request, false, parked.missingBytes, parked.name, context);
        if (parked.missingBytes > 0)
            continue;
        unparkFetch(fetchId);
        parkedFetches.extract(fetchId).mapped().caller.answer(std::move(response), effects);
    }
}

void Broker::State::answerFetches(Partition &partition, Context &context, Effects &effects)
{
    for (auto *waiting :
        {&partition.waiting, &partition.waitingCommitted, &partition.waitingFollowers}) {
        for (const FetchId fetchId : std::exchange(*waiting, {}))
            answerFetch(fetchId, context, effects);
    }
}

void Broker::State::answerFetch(FetchId fetchId, Context &context, Effects &effects)
{
    if (!parkedFetches.contains(fetchId)) // answered for another of its partitions
        return;
    unparkFetch(fetchId);
    auto node = parkedFetches.extract(fetchId);
    ParkedFetch &parked = node.mapped();
    std::int64_t missingBytes = 0;
    FetchResponse response = read(parked.request, true, missingBytes, parked.name, context);
    parked.caller.answer(std::move(response), effects);
}

void Broker::State::unparkFetch(FetchId fetchId)
{
    ParkedFetch &parked = parkedFetches.at(fetchId);
    fetchDeadlines.cancel(parked.deadline);
    for (const FetchRequest::Partition &wanted : parked.request.partitions) {
        if (Partition *partition = find(wanted.partition)) {
            std::erase(partition->waiting, fetchId);
            std::erase(partition->waitingCommitted, fetchId);
            std::erase(partition->waitingFollowers, fetchId);
        }
    }
}

ListOffsetsResponse Broker::State::listOffsets(
    Caller caller, const ListOffsetsRequest &request, const Files &files)
{
    const bool asksFollower = caller.peer.value() != 0;
    ListOffsetsResponse response;
    response.partitions.reserve(request.partitions.size());
    for (const ListOffsetsRequest::Partition &wanted : request.partitions) {
        ListOffsetsResponse::Partition &out = response.partitions.emplace_back();
        out.partition = wanted.partition;
        const auto leading = led(wanted.partition, wanted.currentLeaderEpoch);
        if (!leading) {
            out.error = leading.error();
            continue;
        }
        const Partition &partition = **leading;
        if (wanted.timestamp == ListOffsetsRequest::kEarliest) {
            out.offset = partition.log.logStartOffset();
            out.leaderEpoch = partition.log.epochAt(out.offset);
            continue;
        }
        if (asksFollower && wanted.timestamp == ListOffsetsRequest::kLatest) {
            out.offset = partition.log.logEndOffset();
            out.leaderEpoch = partition.leaderEpoch;
            continue;
        }
        // A leader that has just begun may not know yet what is committed before its epoch: then
        // its high watermark would lead consumers back.
        if (partition.highWatermark < partition.replication.epochStartOffset()) {
            out.error = ErrorCode::OffsetNotAvailable;
            continue;
        }
        const std::int64_t limit = readLimit(partition, request.isolation);
        if (wanted.timestamp == ListOffsetsRequest::kLatest) {
            out.offset = limit;
            out.leaderEpoch = partition.leaderEpoch;
            continue;
        }
        std::int64_t timestamp = wanted.timestamp;
        if (timestamp == ListOffsetsRequest::kMaxTimestamp) {
            timestamp = -1;
            for (const SegmentInfo &segment : partition.log.segments())
                timestamp = std::max(timestamp, segment.maxTimestamp);
        }
        if (timestamp < 0) {
            // An empty log has no newest record; other negative times name tiers that are not
            // modelled.
            if (wanted.timestamp != ListOffsetsRequest::kMaxTimestamp)
                out.error = ErrorCode::UnsupportedVersion;
            continue;
        }
        const auto found = partition.log.offsetForTime(timestamp, limit, files);
        if (!found) {
            out.error = ErrorCode::KafkaStorageError;
            continue;
        }
        out.timestamp = found->timestamp;
        out.offset = found->offset;
        if (found->offset >= 0)
            out.leaderEpoch = partition.log.epochAt(found->offset);
    }
    return response;
}

OffsetForLeaderEpochResponse Broker::State::endsOfEpochs(const OffsetForLeaderEpochRequest &request)
{
    OffsetForLeaderEpochResponse response;
    response.partitions.reserve(request.partitions.size());
    for (const OffsetForLeaderEpochRequest::Partition &wanted : request.partitions) {
        OffsetForLeaderEpochResponse::Partition &out = response.partitions.emplace_back();
        out.partition = wanted.partition;
        if (const auto leading = led(wanted.partition, wanted.currentLeaderEpoch))
            out.end = (*leading)->log.endOfEpoch(wanted.leaderEpoch);
        else
            out.error = leading.error();
    }
    return response;
}

} // namespace queuelab::log
