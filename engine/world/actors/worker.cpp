#include "engine/world/actor.h"

#include "engine/world/actors/one_channel.h"
#include "engine/world/actors/shown.h"

#include <algorithm>
#include <deque>
#include <string>
#include <utility>
#include <variant>

namespace queuelab::world {
namespace {

/// A worker on a RabbitMQ queue: the broker pushes messages up to the prefetch limit, the worker
/// works them off one at a time, and acknowledges each after the work. When the work fails it
/// rejects the message or gives it back.
class WorkerActor final : public Actor {
public:
    WorkerActor(AddWorker command, std::string name)
        : m_command(std::move(command))
        , m_name(std::move(name))
    {
    }

    std::unique_ptr<Actor> clone() const override { return std::make_unique<WorkerActor>(*this); }

    void start(ActorContext &context) override
    {
        forget();
        m_connected = true;
        send(kConnection, exchange::ConnectionOpen{m_name, "/"}, context);
        send(kChannel, exchange::ChannelOpen{}, context);
        send(kChannel, exchange::BasicQos{static_cast<std::uint16_t>(m_command.prefetch), false},
            context);
        exchange::BasicConsume consume;
        consume.queue = m_command.queue;
        consume.consumerTag = m_name;
        consume.noAck = autoAck();
        send(kChannel, std::move(consume), context);
    }

    void wake(ActorContext &context) override { work(context); }

    void receive(exchange::ChannelNumber channel, const exchange::ServerMethod &method,
        ActorContext &context) override
    {
        if (const auto *delivery = std::get_if<exchange::BasicDeliver>(&method)) {
            ++m_received;
            m_held.push_back(*delivery);
        } else if (const auto *closed = std::get_if<exchange::ChannelClosed>(&method)) {
            breakOff(closed->replyText);
        } else if (const auto *lost = std::get_if<exchange::ConnectionClosed>(&method)) {
            m_connected = false;
            breakOff(lost->replyText);
        } else if (std::holds_alternative<exchange::BasicCancelNotify>(method)) {
            m_note = "its queue was deleted";
        } else if (m_closing && channel == kConnection && m_openAnswered) {
            m_connected = false; // close-ok
        } else if (channel == kConnection) {
            m_openAnswered = true;
        }
        work(context);
    }

    void connectionLost(NodeId, ActorContext &context) override
    {
        m_connected = false;
        breakOff("connection lost");
        work(context);
    }

    /// Takes nothing new, finishes the message at hand, and leaves the others to the broker: they
    /// go back to the queue when the connection closes.
    void stop(ActorContext &context) override
    {
        m_stopping = true;
        if (m_connected)
            send(kChannel, exchange::BasicCancel{m_name}, context);
        m_held.resize(std::min<std::size_t>(m_held.size(), m_workEnds ? 1 : 0));
        work(context);
    }

    void crash() override { forget(); }

    bool setProcessing(const Span &processing, ActorContext &) override
    {
        m_command.processing = processing;
        return true;
    }

    void describe(ClientSnapshot &out, const NameTable &) const override
    {
        out.role = ClientRole::Worker;
        out.engine = Engine::Exchange;
        out.target = m_command.queue;
        out.prefetch = static_cast<std::uint16_t>(m_command.prefetch);
        out.autoAck = autoAck();
        out.received = m_received;
        out.handled = m_handled;
        out.handledAgain = m_handledAgain;
        out.failed = m_failed;
        out.holdingCount = m_held.size();
        for (std::size_t i = 0; i < std::min(m_held.size(), kShownMessages); ++i) {
            const exchange::BasicDeliver &held = m_held[i];
            out.holding.push_back({.subject = m_command.queue,
                .item = static_cast<std::int64_t>(held.messageNumber),
                .label = exchange::messageLabel(*held.content),
                .redelivered = held.redelivered,
                .deliveries =
                    held.redelivered ? 2 : 1, // RabbitMQ tells only whether, not how often
                .workEnds = i == 0 && m_workEnds ? *m_workEnds : Instant{}});
        }
        out.note = m_note;
    }

private:
    bool autoAck() const { return m_command.ack == "auto"; }

    static void send(
        exchange::ChannelNumber channel, exchange::Method method, ActorContext &context)
    {
        context.out.messages.push_back(Outbox::ToExchange{channel, std::move(method)});
    }

    // Does all that is done by now, and asks to be woken for the rest.
    void work(ActorContext &context)
    {
        const Instant now = context.base.now;
        while (!m_held.empty() && !(m_stopping && !m_workEnds)) {
            if (!m_workEnds)
                m_workEnds = now + draw(m_command.processing, context.base.random);
            if (*m_workEnds > now) {
                context.out.wake(*m_workEnds);
                return;
            }
            m_workEnds.reset();
            // Dies in the middle of the work: nothing is handled, nothing acknowledged.
            if (m_command.crashChance > 0 && context.base.random.chance(m_command.crashChance)) {
                context.out.crashed = true;
                context.out.finished = true;
                return;
            }
            const exchange::BasicDeliver message = std::move(m_held.front());
            m_held.pop_front();
            finish(message, context);
        }
        if (m_stopping)
            leave(context);
    }

    void finish(const exchange::BasicDeliver &message, ActorContext &context)
    {
        const bool fails =
            m_command.failChance > 0 && context.base.random.chance(m_command.failChance);
        if (fails)
            ++m_failed;
        else
            handled(message, context);
        if (autoAck())
            return;
        if (fails) {
            send(kChannel,
                exchange::BasicReject{message.deliveryTag, m_command.onFailure == "requeue"},
                context);
        } else {
            send(kChannel, exchange::BasicAck{message.deliveryTag, false}, context);
        }
    }

    void handled(const exchange::BasicDeliver &message, ActorContext &context)
    {
        Trace &trace = context.base.trace;
        ++m_handled;
        Outcomes::Handling handling;
        handling.engine = Engine::Exchange;
        handling.scope = trace.name(m_command.queue);
        handling.item = static_cast<std::int64_t>(message.messageNumber);
        handling.keyHash = hashOfKey(asBytes(message.routingKey));
        if (const auto stamp = readBody(message.content->body.view())) {
            handling.producer = trace.name(stamp->producer);
            handling.sequence = stamp->sequence;
            handling.latency = context.base.now - context.worldStart - stamp->created;
        }
        if (context.outcomes.handled(handling))
            ++m_handledAgain;
    }

    // Deliveries of a closed channel belong to the broker again; acknowledging them means nothing.
    void breakOff(std::string why)
    {
        m_note = std::move(why);
        m_held.clear();
        m_workEnds.reset();
    }

    void leave(ActorContext &context)
    {
        m_held.clear();
        if (!m_connected) {
            context.out.finished = true;
        } else if (!m_closing) {
            m_closing = true;
            send(kConnection, exchange::ConnectionClose{}, context);
        }
    }

    void forget()
    {
        m_held.clear();
        m_workEnds.reset();
        m_connected = false;
        m_openAnswered = false;
        m_stopping = false;
        m_closing = false;
        m_note.clear();
    }

    AddWorker m_command;
    std::string m_name;

    // The counts outlive a crash.
    std::uint64_t m_received = 0;
    std::uint64_t m_handled = 0;
    std::uint64_t m_handledAgain = 0;
    std::uint64_t m_failed = 0;

    std::deque<exchange::BasicDeliver> m_held; // the first is being worked on
    std::optional<Instant> m_workEnds;
    bool m_connected = false;
    bool m_openAnswered = false;
    bool m_stopping = false;
    bool m_closing = false; ///< connection.close is sent
    std::string m_note;
};

} // namespace

std::unique_ptr<Actor> makeWorker(const AddWorker &command, const std::string &name)
{
    return std::make_unique<WorkerActor>(command, name);
}

} // namespace queuelab::world
