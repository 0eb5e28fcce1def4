// Fetching: reading below the high watermark, and waiting when there is not enough to read.

#include "engine/log/broker_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

void Broker::State::fetch(
    Caller caller, NameId consumer, FetchRequest request, Context &context, Effects &effects)
{
    const bool mayWait = request.maxWait > std::chrono::milliseconds::zero();
    std::int64_t missingBytes = 0;
    FetchResponse response = read(request, !mayWait, missingBytes, consumer, context);
    if (missingBytes <= 0 || !mayWait) {
        effects.push_back(Answer{caller.client, caller.id, std::move(response)});
        return;
    }
    const FetchId fetchId = nextFetch++;
    for (const FetchRequest::Partition &wanted : request.partitions) {
        Partition *partition = find(wanted.partition);
        if (partition && (partition->waiting.empty() || partition->waiting.back() != fetchId))
            partition->waiting.push_back(fetchId);
    }
    const auto deadline = fetchDeadlines.set(context.now + request.maxWait, fetchId);
    parkedFetches.emplace_hint(parkedFetches.end(), fetchId,
        ParkedFetch{caller, consumer, std::move(request), missingBytes, deadline});
}

/// Reads what there is, in the order of the request: the client rotates it, so that nobody starves
/// at max bytes. `missingBytes` is how much less than min bytes there is; 0 also when an error has
/// to be told at once. When something is missing the response is complete only with `force`.
FetchResponse Broker::State::read(const FetchRequest &request, bool force,
    std::int64_t &missingBytes, NameId consumer, Context &context)
{
    FetchResponse response;
    response.partitions.resize(request.partitions.size());
    std::uint64_t totalBytes = 0;
    bool failed = false;
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
        const Partition *partition = find(wanted.partition);
        ErrorCode error = ErrorCode::None;
        if (!partition)
            error = ErrorCode::UnknownTopicOrPartition;
        else if (partition->leader != id.value())
            error = ErrorCode::NotLeaderOrFollower;
        else if (wanted.currentLeaderEpoch >= 0
            && wanted.currentLeaderEpoch < partition->leaderEpoch)
            error = ErrorCode::FencedLeaderEpoch;
        else if (wanted.currentLeaderEpoch > partition->leaderEpoch)
            error = ErrorCode::UnknownLeaderEpoch;
        else if (wanted.fetchOffset < partition->log.logStartOffset()
            || wanted.fetchOffset > partition->log.logEndOffset())
            error = ErrorCode::OffsetOutOfRange;

        // The first batch of a response is returned whatever its size, so that nobody gets stuck.
        const auto maxBytes = static_cast<std::uint64_t>(std::max(request.maxBytes, 0));
        const auto partitionMax = static_cast<std::uint64_t>(std::max(wanted.partitionMaxBytes, 0));
        const bool isFull = totalBytes > 0 && totalBytes >= maxBytes;
        if (error == ErrorCode::None && !isFull && wanted.fetchOffset < partition->highWatermark) {
            const std::uint64_t budget =
                std::min(partitionMax, maxBytes > totalBytes ? maxBytes - totalBytes : 0);
            auto result = partition->log.read(
                wanted.fetchOffset, partition->highWatermark, budget, out.records, context.files);
            if (!result) {
                error = result.error();
            } else if (totalBytes > 0 && result->bytes > budget) {
                out.records.clear(); // too big a batch, and not the first of the response
            } else {
                totalBytes += result->bytes;
                reads.push_back({partition, wanted.fetchOffset, *result});
            }
        }
        if (error != ErrorCode::None) {
            out.error = error;
            out.records.clear();
            failed = true;
            continue;
        }
        out.highWatermark = partition->highWatermark;
        out.lastStableOffset = partition->highWatermark; // no transactions are open
        out.logStartOffset = partition->log.logStartOffset();
    }
    missingBytes = failed || request.partitions.empty()
        ? 0
        : request.minBytes - static_cast<std::int64_t>(totalBytes);
    if (missingBytes > 0 && !force)
        return response;
    for (const Read &read : reads) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::RecordsFetched),
            .subject = read.partition->name,
            .actor = consumer,
            .item = read.from,
            .count = read.result.nextOffset - read.from,
            .value = static_cast<std::int64_t>(read.result.bytes)});
    }
    return response;
}

void Broker::State::wakeFetches(
    Partition &partition, std::int64_t bytes, Context &context, Effects &effects)
{
    if (partition.waiting.empty())
        return;
    std::vector<FetchId> ready;
    for (const FetchId fetchId : partition.waiting) {
        ParkedFetch &parked = parkedFetches.at(fetchId);
        parked.missingBytes -= bytes;
        if (parked.missingBytes <= 0)
            ready.push_back(fetchId);
    }
    for (const FetchId fetchId : ready)
        answerFetch(fetchId, context, effects);
}

void Broker::State::answerFetch(FetchId fetchId, Context &context, Effects &effects)
{
    unparkFetch(fetchId);
    auto node = parkedFetches.extract(fetchId);
    ParkedFetch &parked = node.mapped();
    std::int64_t missingBytes = 0;
    FetchResponse response = read(parked.request, true, missingBytes, parked.name, context);
    effects.push_back(Answer{parked.caller.client, parked.caller.id, std::move(response)});
}

void Broker::State::unparkFetch(FetchId fetchId)
{
    ParkedFetch &parked = parkedFetches.at(fetchId);
    fetchDeadlines.cancel(parked.deadline);
    for (const FetchRequest::Partition &wanted : parked.request.partitions) {
        if (Partition *partition = find(wanted.partition))
            std::erase(partition->waiting, fetchId);
    }
}

ListOffsetsResponse Broker::State::listOffsets(
    const ListOffsetsRequest &request, const Files &files) const
{
    ListOffsetsResponse response;
    response.partitions.reserve(request.partitions.size());
    for (const ListOffsetsRequest::Partition &wanted : request.partitions) {
        ListOffsetsResponse::Partition &out = response.partitions.emplace_back();
        out.partition = wanted.partition;
        const Partition *partition = find(wanted.partition);
        if (!partition) {
            out.error = ErrorCode::UnknownTopicOrPartition;
            continue;
        }
        if (partition->leader != id.value()) {
            out.error = ErrorCode::NotLeaderOrFollower;
            continue;
        }
        if (wanted.timestamp == ListOffsetsRequest::kLatest) {
            out.offset = partition->highWatermark;
            continue;
        }
        if (wanted.timestamp == ListOffsetsRequest::kEarliest) {
            out.offset = partition->log.logStartOffset();
            continue;
        }
        std::int64_t timestamp = wanted.timestamp;
        if (timestamp == ListOffsetsRequest::kMaxTimestamp) {
            timestamp = -1;
            for (const SegmentInfo &segment : partition->log.segments())
                timestamp = std::max(timestamp, segment.maxTimestamp);
        }
        if (timestamp < 0) {
            // An empty log has no newest record; other negative times name tiers that are not
            // modelled.
            if (wanted.timestamp != ListOffsetsRequest::kMaxTimestamp)
                out.error = ErrorCode::UnsupportedVersion;
            continue;
        }
        const auto found = partition->log.offsetForTime(timestamp, partition->highWatermark, files);
        if (!found) {
            out.error = ErrorCode::KafkaStorageError;
            continue;
        }
        out.timestamp = found->timestamp;
        out.offset = found->offset;
    }
    return response;
}

} // namespace queuelab::log
