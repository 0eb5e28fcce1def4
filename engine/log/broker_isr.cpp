// The leader's side of replication: what followers' fetches tell it, the high watermark that
// follows, and the ISR it asks the controller for (facts: kafka.md 5).

#include "engine/log/broker_state.h"

#include <algorithm>

namespace queuelab::log {

bool Broker::State::isInMaximalIsr(const Partition &partition, std::int32_t broker)
{
    return hasBroker(partition.isr, broker)
        || (partition.askedIsr && hasBroker(*partition.askedIsr, broker));
}

std::size_t Broker::State::maximalIsrSize(const Partition &partition)
{
    std::size_t size = partition.isr.size();
    if (partition.askedIsr) {
        size += static_cast<std::size_t>(std::ranges::count_if(*partition.askedIsr,
            [&](std::int32_t broker) { return !hasBroker(partition.isr, broker); }));
    }
    return size;
}

std::size_t Broker::State::minIsr(const Partition &partition)
{
    return std::min(static_cast<std::size_t>(partition.log.config().minInsyncReplicas),
        partition.replicas.size());
}

void Broker::State::followerFetched(const TopicPartition &partitionName, Partition &partition,
    const FetchRequest &request, const FetchRequest::Partition &fetched, std::int64_t logEndOffset,
    Context &context, Effects &effects)
{
    if (!partition.replication.fetched(request.replicaId, request.replicaEpoch, fetched.fetchOffset,
            fetched.logStartOffset, logEndOffset, context.now))
        return;
    const BrokerImage *broker = image.broker(request.replicaId);
    const bool mayJoin = broker && broker->isActive()
        && (request.replicaEpoch < 0 || request.replicaEpoch == broker->epoch);
    if (mayJoin && !partition.askedIsr && !hasBroker(partition.isr, request.replicaId)
        && fetched.fetchOffset >= partition.highWatermark
        && fetched.fetchOffset >= partition.replication.epochStartOffset()) {
        std::vector<std::int32_t> isr = partition.isr;
        isr.push_back(request.replicaId);
        askForIsr(partitionName, partition, std::move(isr));
    }
    advanceHighWatermark(partition, context, effects);
}

void Broker::State::advanceHighWatermark(Partition &partition, Context &context, Effects &effects)
{
    // Below min.insync.replicas nothing more is committed (strict min ISR, KIP-966).
    if (partition.isr.size() < minIsr(partition))
        return;
    const std::int64_t logEndOffset = partition.log.logEndOffset();
    const std::int64_t reached = partition.replication.replicatedTo(
        logEndOffset, [&](const Replication::Follower &follower) {
            if (config.plantedBug == PlantedBug::HighWatermarkPastIsr)
                return false;
            return isInMaximalIsr(partition, follower.broker)
                || (Replication::isCaughtUp(
                        follower, logEndOffset, context.now, config.replicaLagTimeMax)
                    && isActive(follower.broker));
        });
    if (reached <= partition.highWatermark)
        return;
    // How much was there before it began to lead is not known: then whoever waits looks for itself.
    std::int64_t bytes =
        partition.highWatermark < partition.replication.epochStartOffset() ? INT32_MAX : 0;
    const auto firstLeft = std::ranges::find_if(partition.uncommitted,
        [&](const UncommittedBytes &batch) { return batch.endOffset > reached; });
    for (auto batch = partition.uncommitted.begin(); batch != firstLeft; ++batch)
        bytes += batch->bytes;
    partition.uncommitted.erase(partition.uncommitted.begin(), firstLeft);

    const std::int64_t before = partition.highWatermark;
    const std::int64_t stableBefore = partition.log.lastStableOffset(before);
    partition.highWatermark = reached;
    partition.log.highWatermarkMoved(reached);
    invariant(partition.log.logStartOffset() <= reached && reached <= logEndOffset,
        "the high watermark lies between log start and log end offset");
    checkpointSoon(context);
    // With one replica batch-appended says all.
    if (partition.replicas.size() > 1) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::HighWatermarkMoved),
            .subject = partition.name,
            .item = reached});
    }
    wakeFetches(partition.waiting, bytes, context, effects);
    shares.callsToServe.insert(partition.waitingShares.begin(), partition.waitingShares.end());
    followLastStableOffset(partition, stableBefore, before, bytes, context, effects);
    completeAppends(partition, context, effects);
}

void Broker::State::checkIsrs(Context &context, Effects &effects)
{
    nextIsrCheck.reset();
    for (auto &[topicName, topic] : topics) {
        for (std::size_t number = 0; number < topic.partitions.size(); ++number) {
            std::optional<Partition> &partition = topic.partitions[number];
            if (!partition || !leads(*partition) || partition->replicas.size() < 2)
                continue;
            nextIsrCheck = context.now + config.replicaLagTimeMax / 2;
            if (partition->askedIsr)
                continue;
            const std::vector<std::int32_t> lagging = partition->replication.lagging(partition->isr,
                partition->log.logEndOffset(), context.now, config.replicaLagTimeMax);
            if (lagging.empty())
                continue;
            std::vector<std::int32_t> isr = partition->isr;
            std::erase_if(isr, [&](std::int32_t broker) { return hasBroker(lagging, broker); });
            askForIsr({topicName, static_cast<std::int32_t>(number)}, *partition, std::move(isr));
            // One who was about to join may have fallen behind too.
            advanceHighWatermark(*partition, context, effects);
        }
    }
}

void Broker::State::askForIsr(
    const TopicPartition &partitionName, Partition &partition, std::vector<std::int32_t> isr)
{
    partition.askedIsr = std::move(isr);
    isrToAsk.insert(partitionName);
}

bool Broker::State::sendAlterPartition(Context &context)
{
    if (alterPartitionOut || isrToAsk.empty() || brokerEpoch < 0)
        return false;
    AlterPartitionRequest request{.brokerId = id.value(), .brokerEpoch = brokerEpoch};
    for (const TopicPartition &partitionName : isrToAsk) {
        const Partition *partition = find(partitionName);
        if (!partition || !partition->askedIsr)
            continue;
        AlterPartitionRequest::Partition &wanted = request.partitions.emplace_back();
        wanted.partition = partitionName;
        wanted.leaderEpoch = partition->leaderEpoch;
        wanted.partitionEpoch = partition->partitionEpoch;
        // The life that had the records, not the one that is registered by now: that one may have
        // lost them, and the controller has to refuse it (KIP-903).
        for (const std::int32_t broker : *partition->askedIsr) {
            const Replication::Follower *follower = partition->replication.follower(broker);
            wanted.newIsr.push_back({broker,
                broker == id.value() ? brokerEpoch
                    : follower       ? follower->brokerEpoch
                                     : -1});
        }
    }
    isrToAsk.clear();
    if (request.partitions.empty())
        return false;
    alterPartitionOut = true;
    call(CallPurpose::AlterPartition, {}, std::move(request), context);
    return true;
}

void Broker::State::alterPartitionAnswered(const AlterPartitionRequest &request,
    const AlterPartitionResponse &response, Context &context, Effects &effects)
{
    alterPartitionOut = false;
    if (response.error != ErrorCode::None) {
        // Nothing was changed; the next fetch or check asks again.
        for (const AlterPartitionRequest::Partition &wanted : request.partitions) {
            Partition *partition = find(wanted.partition);
            if (partition && partition->partitionEpoch == wanted.partitionEpoch)
                partition->askedIsr.reset();
        }
        return;
    }
    for (const AlterPartitionResponse::Partition &answer : response.partitions) {
        Partition *partition = find(answer.partition);
        if (!partition || !leads(*partition))
            continue;
        if (answer.error == ErrorCode::None) {
            if (answer.leaderEpoch != partition->leaderEpoch
                || answer.partitionEpoch <= partition->partitionEpoch)
                continue; // the metadata log says more
            partition->isr = answer.isr;
            partition->partitionEpoch = answer.partitionEpoch;
            partition->askedIsr.reset();
            isrToAsk.erase(answer.partition);
            advanceHighWatermark(*partition, context, effects);
        } else if (answer.error == ErrorCode::IneligibleReplica
            || answer.error == ErrorCode::InvalidRequest) {
            partition->askedIsr.reset();
        }
        // Any other error means that the controller knows newer state: it may even have committed
        // this ISR. So the maximal one counts until the metadata log brings it.
    }
}

} // namespace queuelab::log
