// The follower's side of replication: one fetch at a time from each leader, for all partitions
// followed there (Kafka's ReplicaFetcherThread, without fetch sessions).

#include "engine/log/broker_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr Duration kFetchTimeout = std::chrono::seconds{30}; // replica.socket.timeout.ms

} // namespace

void Broker::State::retryFetchAt(Instant at)
{
    if (!nextFetchRetry || at < *nextFetchRetry)
        nextFetchRetry = at;
}

void Broker::State::backOff(Partition &partition, const Context &context)
{
    partition.fetchAfter = context.now + config.replicaFetchBackoff;
    retryFetchAt(*partition.fetchAfter);
}

void Broker::State::sendFetches(Context &context, Effects &effects)
{
    fetchersChanged = false;
    for (auto &[leader, fetcher] : fetchers) {
        if (fetcher.inFlight || fetcher.partitions.empty())
            continue;
        if (fetcher.after && *fetcher.after > context.now) {
            retryFetchAt(*fetcher.after);
            continue;
        }
        fetcher.after.reset();
        FetchRequest request{.replicaId = id.value(),
            .replicaEpoch = brokerEpoch,
            .maxWait = config.replicaFetchWaitMax,
            .minBytes = 1,
            .maxBytes = config.replicaFetchResponseMaxBytes};
        request.partitions.reserve(fetcher.partitions.size());
        // Who got records last comes last, so that nobody starves when answers are full.
        auto next = fetcher.last ? fetcher.partitions.upper_bound(*fetcher.last)
                                 : fetcher.partitions.begin();
        for (std::size_t i = 0; i < fetcher.partitions.size(); ++i, ++next) {
            if (next == fetcher.partitions.end())
                next = fetcher.partitions.begin();
            Partition *partition = find(*next);
            if (!partition)
                continue;
            if (partition->fetchAfter && *partition->fetchAfter > context.now) {
                retryFetchAt(*partition->fetchAfter);
                continue;
            }
            partition->fetchAfter.reset();
            partition->fetchEpoch = partition->leaderEpoch;
            partition->fetchOffset = partition->log.logEndOffset();
            request.partitions.push_back({.partition = *next,
                .fetchOffset = partition->fetchOffset,
                .currentLeaderEpoch = partition->fetchEpoch,
                .partitionMaxBytes = config.replicaFetchMaxBytes,
                .lastFetchedEpoch = partition->log.latestEpoch(),
                .logStartOffset = partition->log.logStartOffset()});
        }
        if (request.partitions.empty())
            continue;
        fetcher.inFlight = true;
        ask(leader, std::move(request), ReplicaFetchAsk{}, kFetchTimeout, context, effects);
    }
}

void Broker::State::replicaFetched(
    NodeId leader, const FetchResponse &response, Context &context, Effects &effects)
{
    for (const FetchResponse::Partition &fetched : response.partitions) {
        Partition *partition = find(fetched.partition);
        // The answer to a question that is not asked any more.
        if (!partition || partition->leader != leader.value()
            || partition->leaderEpoch != partition->fetchEpoch
            || partition->log.logEndOffset() != partition->fetchOffset)
            continue;
        if (fetched.error == ErrorCode::OffsetOutOfRange) {
            askLogEnds(leader, fetched.partition, *partition, context, effects);
        } else if (fetched.error != ErrorCode::None) {
            backOff(*partition, context);
        } else if (fetched.divergingEpoch) {
            followDivergence(*partition, *fetched.divergingEpoch, context);
            cutCleanerCheckpoint(fetched.partition, partition->log, context);
        } else {
            if (!fetched.records.empty())
                fetchers[leader].last = fetched.partition;
            replicate(*partition, fetched, context);
        }
    }
}

void Broker::State::replicate(
    Partition &partition, const FetchResponse::Partition &fetched, Context &context)
{
    const std::int64_t before = partition.log.logEndOffset();
    if (!fetched.records.empty()) {
        const auto replicated = partition.log.replicate(fetched.records, context);
        if (!replicated)
            backOff(partition, context); // what came before the bad batch is there
        else if (replicated->rolled)
            considerCleaning(fetched.partition, partition.log, context);
        std::int64_t bytes = 0;
        for (const SharedBytes &piece : fetched.records)
            bytes += static_cast<std::int64_t>(piece.size());
        if (const std::int64_t after = partition.log.logEndOffset(); after > before) {
            context.trace.record({.at = context.now,
                .kind = kind(LogEvent::BatchReplicated),
                .subject = partition.name,
                .actor = name,
                .item = before,
                .count = after - before,
                .value = bytes});
        }
    }
    const std::int64_t end = partition.log.logEndOffset();
    if (fetched.logStartOffset > partition.log.logStartOffset()) {
        partition.log.raiseLogStartOffset(std::min(fetched.logStartOffset, end));
        checkpointSoon(context);
    }
    const std::int64_t highWatermark =
        std::clamp(fetched.highWatermark, partition.log.logStartOffset(), end);
    if (highWatermark != partition.highWatermark) {
        partition.highWatermark = highWatermark;
        partition.log.highWatermarkMoved(highWatermark);
        checkpointSoon(context);
    }
}

/// The leader's answer: the epoch that the logs have in common at most, and where it ends there.
void Broker::State::followDivergence(
    Partition &partition, const EpochEnd &diverging, Context &context)
{
    const std::int64_t end = partition.log.logEndOffset();
    const EpochEnd mine = partition.log.endOfEpoch(diverging.epoch);
    if (mine.endOffset < 0) {
        truncate(partition, std::min(diverging.endOffset, end), context);
    } else if (mine.epoch == diverging.epoch) {
        truncate(partition, std::min({mine.endOffset, diverging.endOffset, end}), context);
    } else {
        // It has no record of that epoch: back to the end of the one before, and ask again.
        truncate(partition, std::min(mine.endOffset, end), context);
    }
}

void Broker::State::truncate(Partition &partition, std::int64_t offset, Context &context)
{
    const std::int64_t before = partition.log.logEndOffset();
    if (const auto cut = partition.log.truncateTo(offset, context); !cut) {
        notes.push_back(cut.error().text());
        backOff(partition, context);
        return;
    }
    const std::int64_t after = partition.log.logEndOffset();
    partition.highWatermark =
        std::clamp(partition.highWatermark, partition.log.logStartOffset(), after);
    partition.log.highWatermarkMoved(partition.highWatermark);
    checkpointSoon(context);
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::ReplicaTruncated),
        .reason = reason(LogReason::LogsParted),
        .subject = partition.name,
        .actor = name,
        .item = after,
        .count = before - after,
        .value = partition.leaderEpoch});
}

void Broker::State::askLogEnds(NodeId leader, const TopicPartition &partitionName,
    Partition &partition, Context &context, Effects &effects)
{
    backOff(partition, context); // the answer ends it early
    ListOffsetsRequest request;
    for (const std::int64_t which : {ListOffsetsRequest::kEarliest, ListOffsetsRequest::kLatest})
        request.partitions.push_back({partitionName, which, partition.leaderEpoch});
    ask(leader, std::move(request), LogEndsAsk{partitionName, partition.leaderEpoch}, kFetchTimeout,
        context, effects);
}

void Broker::State::logEndsKnown(
    const LogEndsAsk &out, const ListOffsetsResponse &response, Context &context)
{
    Partition *partition = find(out.partition);
    if (!partition || leads(*partition) || partition->leaderEpoch != out.leaderEpoch
        || response.partitions.size() != 2
        || std::ranges::any_of(response.partitions,
            [](const auto &answer) { return answer.error != ErrorCode::None; }))
        return; // the back-off goes on
    partition->fetchAfter.reset();
    fetchersChanged = true;
    const std::int64_t leaderStart = response.partitions[0].offset;
    const std::int64_t leaderEnd = response.partitions[1].offset;
    const std::int64_t end = partition->log.logEndOffset();
    if (leaderEnd < end) {
        truncate(*partition, leaderEnd, context);
        cutCleanerCheckpoint(out.partition, partition->log, context);
    } else if (leaderStart > end) {
        // All it has is gone at the leader: it begins anew there.
        if (const auto restarted = partition->log.restartAt(leaderStart, context); !restarted) {
            notes.push_back(restarted.error().text());
            backOff(*partition, context);
            return;
        }
        partition->highWatermark = leaderStart;
        checkpointSoon(context);
        cutCleanerCheckpoint(out.partition, partition->log, context);
    }
}

} // namespace queuelab::log
