// What a broker shows of itself.

#include "engine/log/broker_state.h"

#include <algorithm>

namespace queuelab::log {

namespace {

constexpr std::size_t kSegmentsShown = 64;
constexpr std::size_t kShareRunsShown = 256;
constexpr std::size_t kTransactionsShown = 32;
constexpr std::size_t kProducersShown = 32;

} // namespace

SharePartitionSnapshot Broker::State::show(
    const ShareKey &key, const BrokerShares::Led &share) const
{
    const auto configured = shares.groupConfigs.find(key.group);
    return {.group = key.group,
        .partition = key.partition,
        .leader = id.value(),
        .startOffset = share.records.startOffset(),
        .endOffset = share.records.endOffset(),
        .deliveryCountLimit = configured == shares.groupConfigs.end()
            ? config.shareDeliveryCountLimit
            : configured->second.shareDeliveryCountLimit,
        .records = share.records.snapshot(kShareRunsShown,
            [this](std::uint32_t member) { return shares.sessions.clientOf(member); })};
}

BrokerView Broker::view() const
{
    const State &state = *m_state;
    BrokerView view;
    BrokerSnapshot &self = view.self;
    self.id = state.id.value();
    const BrokerImage *registration = state.image.broker(self.id);
    self.isRegistered = registration != nullptr;
    self.isFenced = !registration || registration->fenced;
    self.isVoter = state.config.quorumVoters.empty()
        || std::ranges::find(state.config.quorumVoters, state.id)
            != state.config.quorumVoters.end();
    self.role = state.quorum.role();
    self.quorumEpoch = state.quorum.epoch();
    self.metadataLogEndOffset = state.quorum.logEndOffset();
    self.metadataHighWatermark = state.quorum.highWatermark();
    view.controller = state.quorum.leader() ? state.quorum.leader()->value() : -1;
    for (const auto &[broker, known] : state.image.brokers())
        view.registered.push_back({broker, known.fenced});
    view.groups = state.coordinator.snapshot();
    for (GroupSnapshot &group : view.groups)
        group.coordinator = self.id;
    view.transactions = state.transactions.snapshot();

    for (const auto &[partition, groups] : state.shares.led) {
        for (const auto &[group, share] : groups)
            view.sharePartitions.push_back(state.show({group, partition}, share));
    }

    view.topics.reserve(state.image.topics().size());
    for (const auto &[name, topic] : state.image.topics()) {
        TopicSnapshot &shown = view.topics.emplace_back();
        shown.name = name;
        shown.isInternal = isInternalTopic(name);
        shown.configs = topic.configs;
        shown.partitions.reserve(topic.partitions.size());
        for (const PartitionImage &partition : topic.partitions) {
            PartitionSnapshot &out = shown.partitions.emplace_back();
            out.partition = static_cast<std::int32_t>(shown.partitions.size()) - 1;
            out.leader = partition.leader;
            out.leaderEpoch = partition.leaderEpoch;
            out.partitionEpoch = partition.partitionEpoch;
            out.replicas = partition.replicas;
            out.isr = partition.isr;
            out.eligibleLeaderReplicas = partition.eligibleLeaderReplicas;
            shown.replicationFactor = static_cast<std::int32_t>(partition.replicas.size());
            const State::Partition *replica = state.find({name, out.partition});
            if (!replica)
                continue;
            ++self.replicas;
            if (partition.leader == self.id)
                ++self.leads;
            out.logStartOffset = replica->log.logStartOffset();
            out.lastStableOffset = replica->log.lastStableOffset(replica->highWatermark);
            out.transactions = replica->log.transactions(kTransactionsShown);
            for (const ProducerEntry &producer : replica->log.producers(kProducersShown)) {
                out.producers.push_back({producer.producerId, producer.producerEpoch,
                    producer.lastSequence, producer.currentTxnFirstOffset});
            }
            out.highWatermark = replica->highWatermark;
            out.logEndOffset = replica->log.logEndOffset();
            out.sizeBytes = replica->log.sizeBytes();
            out.segments = replica->log.segments();
            if (out.segments.size() > kSegmentsShown) {
                out.segments.erase(out.segments.begin(),
                    out.segments.end() - static_cast<std::ptrdiff_t>(kSegmentsShown));
            }
            state.showCleaning({name, out.partition}, *replica, out);
            out.replicaStates.push_back({.broker = self.id,
                .inSync = hasBroker(partition.isr, self.id),
                .logStartOffset = out.logStartOffset,
                .logEndOffset = out.logEndOffset,
                .highWatermark = out.highWatermark,
                .leaderEpoch = replica->log.latestEpoch()});
        }
    }
    return view;
}

ClusterSnapshot Broker::snapshot() const
{
    std::vector<BrokerView> views;
    views.push_back(view());
    return clusterSnapshot(std::move(views), {true});
}

Result<std::vector<SharedBytes>, ErrorCode> Broker::peek(const TopicPartition &partition,
    std::int64_t offset, std::uint64_t maxBytes, const Files &files) const
{
    const State::Partition *found = m_state->find(partition);
    if (!found)
        return std::unexpected(ErrorCode::UnknownTopicOrPartition);
    std::vector<SharedBytes> batches;
    const auto read = found->log.read(offset, found->log.logEndOffset(), maxBytes, batches, files);
    if (!read)
        return std::unexpected(read.error());
    return batches;
}

} // namespace queuelab::log
