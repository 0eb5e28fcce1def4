// What a change to the cluster looks like in the trace.

#include "engine/log/controller.h"

#include <algorithm>

#include <fmt/core.h>

namespace queuelab::log {

namespace {

NameId brokerName(std::int32_t id, Trace &trace)
{
    return id < 0 ? kNoName : trace.name(fmt::format("broker-{}", id));
}

/// Words one change. Each overload records what happened to the thing its record is about.
class Recorder {
public:
    Recorder(const ClusterImage &before, const Controller::Change &change, Context &context)
        : m_before(before)
        , m_change(change)
        , m_context(context)
    {
    }

    void operator()(const RegisterBrokerRecord &record)
    {
        const BrokerImage *before = m_before.broker(record.brokerId);
        if (before && before->epoch == record.brokerEpoch)
            return; // told before: the broker asked twice
        add(LogEvent::BrokerRegistered, broker(record.brokerId), {.value = record.brokerEpoch});
    }
    void operator()(const BrokerRegistrationChangeRecord &record)
    {
        if (record.inControlledShutdown)
            add(LogEvent::BrokerShuttingDown, broker(record.brokerId), {});
        if (record.fenced) {
            add(*record.fenced ? LogEvent::BrokerFenced : LogEvent::BrokerUnfenced,
                broker(record.brokerId), {.reason = reason(m_change.why)});
        }
    }
    void operator()(const TopicRecord &record)
    {
        add(LogEvent::TopicCreated, name(record.name), {.count = m_change.partitions});
    }
    void operator()(const PartitionRecord &record)
    {
        const TopicImage &topic = topicOf(record.topicId);
        if (m_change.partitions > 0) {
            add(LogEvent::PartitionsAdded, name(topic.name),
                {.count = m_change.partitions,
                    .value =
                        static_cast<std::int64_t>(topic.partitions.size()) + m_change.partitions});
        }
        add(LogEvent::LeaderElected, name(TopicPartition{topic.name, record.partition}.name()),
            {.reason = reason(m_change.why),
                .actor = broker(record.leader),
                .value = record.leaderEpoch});
    }
    void operator()(const PartitionChangeRecord &record)
    {
        const TopicImage &topic = topicOf(record.topicId);
        const NameId subject = name(TopicPartition{topic.name, record.partition}.name());
        const PartitionImage &before = topic.partitions[static_cast<std::size_t>(record.partition)];
        const std::vector<std::int32_t> &isr = record.isr ? *record.isr : before.isr;
        const auto size = static_cast<std::int64_t>(isr.size());
        for (const std::int32_t replica : before.isr) {
            if (std::ranges::find(isr, replica) == isr.end()) {
                add(LogEvent::IsrShrunk, subject,
                    {.reason = reason(reasonToLeave()), .actor = broker(replica), .count = size});
            }
        }
        if (record.leader) {
            const bool isOffline = *record.leader < 0;
            add(isOffline ? LogEvent::PartitionOffline : LogEvent::LeaderElected, subject,
                {.reason = reason(m_change.why),
                    .actor = broker(*record.leader),
                    .detail = broker(before.leader),
                    .value = before.leaderEpoch + 1});
        }
        for (const std::int32_t replica : isr) {
            if (std::ranges::find(before.isr, replica) == before.isr.end())
                add(LogEvent::IsrExpanded, subject, {.actor = broker(replica), .count = size});
        }
    }
    void operator()(const RemoveTopicRecord &record)
    {
        add(LogEvent::TopicDeleted, name(topicOf(record.topicId).name), {});
    }
    void operator()(const ConfigRecord &record)
    {
        if (m_change.why == LogReason::NewTopic)
            return; // the topic began with it
        add(LogEvent::ConfigsAltered, name(record.name),
            {.detail = name(fmt::format("{}={}", record.key, record.value.value_or("default")))});
    }
    void operator()(const ProducerIdsRecord &) { } // told when a producer gets one of them

private:
    struct Details {
        EventReason reason = 0;
        NameId actor = kNoName;
        NameId detail = kNoName;
        std::int64_t count = 1;
        std::int64_t value = 0;
    };
    void add(LogEvent event, NameId subject, const Details &details)
    {
        m_context.trace.record({.at = m_context.now,
            .kind = kind(event),
            .reason = details.reason,
            .subject = subject,
            .actor = details.actor,
            .detail = details.detail,
            .count = details.count,
            .value = details.value});
    }
    NameId name(std::string_view text) { return m_context.trace.name(text); }
    NameId broker(std::int32_t id) { return brokerName(id, m_context.trace); }
    const TopicImage &topicOf(const TopicId &id) const
    {
        const TopicImage *topic = m_before.topic(id);
        invariant(topic != nullptr, "a metadata record speaks of a topic that is there");
        return *topic;
    }
    /// Why a replica leaves the ISR: the change may be worded by the election that it came with.
    LogReason reasonToLeave() const
    {
        const bool isElection =
            m_change.why == LogReason::LeaderFenced || m_change.why == LogReason::UncleanElection;
        return isElection ? LogReason::ReplicaFenced : m_change.why;
    }

    const ClusterImage &m_before;
    const Controller::Change &m_change;
    Context &m_context;
};

} // namespace

void recordChange(const ClusterImage &before, const Controller::Change &change, Context &context)
{
    std::visit(Recorder(before, change, context), change.record);
}

} // namespace queuelab::log
