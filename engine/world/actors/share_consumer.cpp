#include "engine/log/share_consumer.h"

#include "engine/world/actor.h"
#include "engine/world/actors/handled_record.h"
#include "engine/world/actors/log_client.h"
#include "engine/world/actors/shown.h"
#include "engine/world/client_configs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <deque>
#include <memory>

namespace queuelab::world {

namespace {

log::ShareConsumerConfig configOf(
    const AddShareConsumer &command, const std::vector<NodeId> &bootstrap)
{
    log::ShareConsumerConfig config =
        shareConsumerConfig(command).value_or(log::ShareConsumerConfig{});
    if (!command.configs.contains("bootstrap.servers"))
        config.bootstrapServers = bootstrap;
    return config;
}

/// An application in a share group: polls, works on each record, and says of each what became of
/// it: accepted when the work is done, released or rejected when it failed.
class ShareConsumerActor final : public Actor {
public:
    ShareConsumerActor(const AddShareConsumer &command, const std::string &name,
        const std::vector<NodeId> &bootstrap)
        : m_command(command)
        , m_consumer(name, configOf(command, bootstrap))
        , m_connections(bootstrap.size())
    {
    }

    std::unique_ptr<Actor> clone() const override
    {
        return std::make_unique<ShareConsumerActor>(*this);
    }

    void start(ActorContext &context) override
    {
        m_stopping = false;
        m_consumer.start(context.base, m_effects);
        step(context);
    }
    void wake(ActorContext &context) override
    {
        m_consumer.wake(context.base, m_effects);
        step(context);
    }
    void receive(RequestId id, const log::Response &response, ActorContext &context) override
    {
        m_connections.answered();
        m_consumer.apply(id, response, context.base, m_effects);
        step(context);
    }
    void connectionLost(NodeId broker, ActorContext &context) override
    {
        m_connections.lost(broker);
        m_consumer.connectionLost(broker, context.base, m_effects);
        step(context);
    }
    /// Finishes what the last poll gave it, then leaves the group.
    void stop(ActorContext &context) override
    {
        m_stopping = true;
        step(context);
    }
    void crash() override
    {
        m_consumer.crash();
        m_effects.clear();
        m_held.clear();
        m_workEnds.reset();
        m_renewAt.reset();
    }
    bool setProcessing(const Span &processing, ActorContext &context) override
    {
        m_command.processing = processing; // from the next record on
        step(context);
        return true;
    }

    void describe(ClientSnapshot &out, const NameTable &names) const override
    {
        out.group = m_command.group;
        out.target = fmt::format("{}", fmt::join(m_command.topics, ", "));
        out.received = m_received;
        out.handled = m_handled;
        out.failed = m_failed;
        out.handledAgain = m_handledAgain;
        out.lastPoll = m_lastPoll;
        out.holdingCount = m_held.size();
        for (const Held &held : m_held) {
            if (out.holding.size() == kShownMessages)
                break;
            out.holding.push_back({.subject = std::string(names.name(held.record.partitionName)),
                .item = held.record.offset,
                .label = held.record.text(names),
                .redelivered = held.deliveries > 1,
                .deliveries = held.deliveries});
        }
        if (m_workEnds && !out.holding.empty())
            out.holding.front().workEnds = *m_workEnds;
        if (m_consumer.failure() != log::ErrorCode::None)
            out.note = fmt::format("ended: {}", log::errorName(m_consumer.failure()));
        else if (m_connections.areLost())
            out.note = "connection lost";
        else if (!m_consumer.isMember())
            out.note = "joining the group";
        else if (m_consumer.assignment().empty())
            out.note = "idle: has no partition";
    }

private:
    /// A record that poll() gave and that waits for its turn.
    struct Held {
        HandledRecord record;
        std::int16_t deliveries = 1;
        bool alwaysFails = false;
    };

    bool isExplicit() const { return m_consumer.config().explicitAcknowledgement; }

    void step(ActorContext &context)
    {
        renewIfDue(context);
        while (!context.out.crashed && !context.out.finished && advance(context))
            continue;
        handOver(m_effects, context.out);
    }

    /// The application's loop: one move. False when it has to wait.
    bool advance(ActorContext &context)
    {
        if (m_workEnds) {
            if (context.base.now < *m_workEnds) {
                context.out.wake(*m_workEnds);
                return false;
            }
            m_workEnds.reset();
            endWork(context);
            return true;
        }
        if (!m_held.empty()) {
            m_workEnds = context.base.now + draw(m_command.processing, context.base.random);
            if (!m_renewAt && m_command.renewEvery > Duration{}) {
                m_renewAt = context.base.now + m_command.renewEvery;
                context.out.wake(*m_renewAt);
            }
            return true;
        }
        m_renewAt.reset();
        if (m_stopping) {
            m_consumer.close(context.base, m_effects);
            context.out.finished = true;
            return false;
        }
        m_lastPoll = context.base.now;
        const std::int64_t count = m_consumer.poll(context.base, m_effects,
            [&](const log::TopicPartition &partition, const log::RecordView &record,
                std::int16_t deliveries) {
                ++m_received;
                const ByteView body = record.value.value_or(ByteView{});
                m_held.push_back({handledRecord(partition, record, context), deliveries,
                    !m_command.failsOn.empty() && asText(body).contains(m_command.failsOn)});
            });
        return count > 0;
    }

    void endWork(ActorContext &context)
    {
        if (m_command.crashChance > 0 && context.base.random.chance(m_command.crashChance)) {
            context.out.crashed = true;
            return;
        }
        const Held held = std::move(m_held.front());
        m_held.pop_front();
        const bool fails = held.alwaysFails
            || (m_command.failChance > 0 && context.base.random.chance(m_command.failChance));
        if (fails) {
            ++m_failed;
        } else {
            ++m_handled;
            const NameId group = context.base.trace.name(m_command.group);
            if (context.outcomes.handled(held.record.handling(group, context.base.now)))
                ++m_handledAgain;
        }
        // Else the next poll accepts it, whatever became of the work.
        if (isExplicit()) {
            m_consumer.acknowledge(held.record.partition, held.record.offset,
                !fails                                ? log::AcknowledgeType::Accept
                    : m_command.onFailure == "reject" ? log::AcknowledgeType::Reject
                                                      : log::AcknowledgeType::Release);
        }
    }

    /// Tells the brokers that it is still at work on what it holds.
    void renewIfDue(ActorContext &context)
    {
        if (!m_renewAt || m_held.empty())
            return;
        if (*m_renewAt <= context.base.now) {
            for (const Held &held : m_held) {
                m_consumer.acknowledge(
                    held.record.partition, held.record.offset, log::AcknowledgeType::Renew);
            }
            m_consumer.commit(context.base, m_effects);
            m_renewAt = context.base.now + m_command.renewEvery;
        }
        context.out.wake(*m_renewAt);
    }

    AddShareConsumer m_command;
    log::ShareConsumer m_consumer;
    std::deque<Held> m_held; // of the last poll, in order
    std::optional<Instant> m_workEnds; // of m_held.front()
    std::optional<Instant> m_renewAt;
    bool m_stopping = false;
    Connections m_connections;
    Instant m_lastPoll{};
    std::uint64_t m_received = 0;
    std::uint64_t m_handled = 0;
    std::uint64_t m_failed = 0;
    std::uint64_t m_handledAgain = 0;
    log::ClientEffects m_effects; // reused
};

} // namespace

std::unique_ptr<Actor> makeShareConsumer(
    const AddShareConsumer &command, const std::string &name, const std::vector<NodeId> &bootstrap)
{
    return std::make_unique<ShareConsumerActor>(command, name, bootstrap);
}

} // namespace queuelab::world
