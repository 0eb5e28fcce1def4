#pragma once

#include "engine/core/memory_files.h"
#include "engine/log/controller.h"

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::log::testing {

/// A controller with brokers that exist only as their requests, in virtual time. Every record is
/// committed at once and replayed into a second image, which has to equal the controller's.
class ControlledCluster {
public:
    explicit ControlledCluster(BrokerConfig config = {}, std::uint64_t seed = 1)
        : m_config(std::move(config))
        , m_random(seed)
        , m_context{kVirtualStart, m_random, m_trace, m_files}
        , m_controller(m_config, {}, m_context.now)
    {
    }
    ControlledCluster(const ControlledCluster &) = delete;
    ControlledCluster &operator=(const ControlledCluster &) = delete;

    template <class Response> Response ask(const Request &request)
    {
        const std::int64_t end = logEndOffset();
        Controller::Decision decision = m_controller.decide(request, end, m_context);
        commit(decision.changes);
        return std::get<Response>(decision.response);
    }
    void expire() { commit(m_controller.expire(m_context)); }
    /// Time goes on, deadlines are kept.
    void pass(Duration duration)
    {
        const Instant end = m_context.now + duration;
        while (m_controller.nextDeadline() && *m_controller.nextDeadline() <= end) {
            m_context.now = *m_controller.nextDeadline();
            expire();
        }
        m_context.now = end;
    }
    /// Another broker becomes the controller, with the same log.
    void failOver() { m_controller = Controller(m_config, m_replayed, m_context.now); }

    /// The incarnation is drawn anew for each life.
    BrokerRegistrationResponse registerBroker(std::int32_t id, std::int64_t previousEpoch = -1)
    {
        return ask<BrokerRegistrationResponse>(
            BrokerRegistrationRequest{id, ++m_incarnations, previousEpoch});
    }
    BrokerHeartbeatResponse heartbeat(std::int32_t id)
    {
        return ask<BrokerHeartbeatResponse>(
            BrokerHeartbeatRequest{id, broker(id).epoch, logEndOffset() - 1});
    }
    BrokerHeartbeatResponse askToStop(std::int32_t id)
    {
        return ask<BrokerHeartbeatResponse>(BrokerHeartbeatRequest{.brokerId = id,
            .brokerEpoch = broker(id).epoch,
            .currentMetadataOffset = logEndOffset() - 1,
            .wantShutDown = true});
    }
    /// Registered and unfenced, unless it is refused.
    ErrorCode start(std::int32_t id, std::int64_t previousEpoch = -1)
    {
        const ErrorCode error = registerBroker(id, previousEpoch).error;
        if (error == ErrorCode::None)
            (void)heartbeat(id);
        return error;
    }
    /// The others keep their heartbeats until its session is over.
    void kill(std::int32_t id)
    {
        m_dead.push_back(id);
        for (int i = 0; i < 5; ++i) {
            pass(std::chrono::seconds{2});
            for (const auto &[other, image] : image().brokers()) {
                if (!image.fenced && std::ranges::find(m_dead, other) == m_dead.end())
                    (void)heartbeat(other);
            }
        }
        std::erase(m_dead, id);
    }
    ErrorCode createTopic(CreateTopicsRequest::Topic topic)
    {
        return ask<CreateTopicsResponse>(CreateTopicsRequest{{std::move(topic)}}).topics[0].error;
    }
    /// One partition with these replicas.
    ErrorCode createAt(const std::string &name, std::vector<std::int32_t> replicas,
        std::map<std::string, std::string> configs = {})
    {
        return createTopic({name, -1, -1, std::move(configs), {std::move(replicas)}});
    }
    AlterPartitionResponse::Partition alterIsr(
        const TopicPartition &partition, const std::vector<std::int32_t> &isr)
    {
        const PartitionImage now = this->partition(partition);
        AlterPartitionRequest::Partition wanted{.partition = partition,
            .leaderEpoch = now.leaderEpoch,
            .partitionEpoch = now.partitionEpoch};
        for (const std::int32_t replica : isr)
            wanted.newIsr.push_back({replica, broker(replica).epoch});
        return alter(now.leader, std::move(wanted));
    }
    AlterPartitionResponse::Partition alter(
        std::int32_t from, AlterPartitionRequest::Partition wanted)
    {
        return ask<AlterPartitionResponse>(
            AlterPartitionRequest{from, broker(from).epoch, {std::move(wanted)}})
            .partitions.at(0);
    }
    ErrorCode elect(ElectionType type, const TopicPartition &partition)
    {
        return ask<ElectLeadersResponse>(ElectLeadersRequest{type, {{partition}}})
            .partitions.at(0)
            .error;
    }

    const ClusterImage &image() const { return m_controller.image(); }
    const Controller &controller() const { return m_controller; }
    BrokerImage broker(std::int32_t id) const
    {
        const BrokerImage *found = image().broker(id);
        return found ? *found : BrokerImage{};
    }
    PartitionImage partition(const TopicPartition &partition) const
    {
        return *image().partition(partition);
    }
    std::int64_t logEndOffset() const { return static_cast<std::int64_t>(m_log.size()); }
    const std::vector<MetadataRecord> &log() const { return m_log; }
    bool replayAgrees() const { return m_replayed == image(); }
    const Trace &trace() const { return m_trace; }
    std::uint64_t count(
        LogEvent event, LogReason why = LogReason::None, std::string_view subject = {}) const
    {
        return m_trace.count(
            kind(event), reason(why), subject.empty() ? kNoName : m_trace.names().find(subject));
    }
    Context &context() { return m_context; }

private:
    void commit(const std::vector<Controller::Change> &changes)
    {
        for (const Controller::Change &change : changes) {
            recordChange(m_replayed, change, m_context);
            m_replayed.apply(change.record);
            m_log.push_back(change.record);
        }
    }

    BrokerConfig m_config;
    Random m_random;
    Trace m_trace;
    MemoryFiles m_files;
    Context m_context;
    Controller m_controller;
    ClusterImage m_replayed;
    std::vector<MetadataRecord> m_log;
    std::vector<std::int32_t> m_dead;
    std::uint64_t m_incarnations = 0;
};

/// Brokers 1 to 3, alive.
class Three : public ControlledCluster {
public:
    explicit Three(BrokerConfig config = {}, std::uint64_t seed = 1)
        : ControlledCluster(std::move(config), seed)
    {
        for (const std::int32_t id : {1, 2, 3})
            invariant(start(id) == ErrorCode::None, "a broker starts in an empty cluster");
    }
};

} // namespace queuelab::log::testing
