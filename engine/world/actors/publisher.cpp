#include "engine/world/actor.h"

#include "engine/world/actors/one_channel.h"

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <variant>

namespace queuelab::world {
namespace {

/// A publisher faster than a thousand messages a second makes what falls due within a millisecond
/// in one go: an application that fast does not sleep between two messages either.
constexpr Duration kShortestSleep = std::chrono::milliseconds{1};

/// An application that publishes to an exchange at a rate, with its routing keys in turn. With
/// confirms it counts what the broker took over and, when it leaves, waits for the last of them.
class PublisherActor final : public Actor {
public:
    PublisherActor(AddPublisher command, std::string name)
        : m_command(std::move(command))
        , m_name(std::move(name))
    {
    }

    std::unique_ptr<Actor> clone() const override
    {
        return std::make_unique<PublisherActor>(*this);
    }

    void start(ActorContext &context) override
    {
        forget();
        if (m_command.total != 0 && m_made >= m_command.total) {
            context.out.finished = true;
            return;
        }
        m_connected = true;
        send(kConnection, exchange::ConnectionOpen{m_name, "/"}, context);
        send(kChannel, exchange::ChannelOpen{}, context);
        if (m_command.confirms)
            send(kChannel, exchange::ConfirmSelect{}, context);
        const std::uint64_t left = m_command.total == 0 ? 0 : m_command.total - m_made;
        m_arrivals.emplace(m_command.rate, m_command.arrival, left, context.base.now);
        wake(context);
    }

    void wake(ActorContext &context) override
    {
        if (!m_arrivals)
            return;
        const Instant now = context.base.now;
        while (m_arrivals->next() && *m_arrivals->next() <= now)
            publish(*m_arrivals->next(), context);
        if (const auto next = m_arrivals->next()) {
            const bool fast = m_command.rate.perSecond > 1000;
            context.out.wake(fast ? std::max(*next, now + kShortestSleep) : *next);
        } else if (m_command.total != 0 && m_made >= m_command.total) {
            leave(context);
        }
    }

    void receive(exchange::ChannelNumber channel, const exchange::ServerMethod &method,
        ActorContext &context) override
    {
        if (const auto *ack = std::get_if<exchange::ConfirmAck>(&method)) {
            m_acked += settle(ack->deliveryTag, ack->multiple);
        } else if (const auto *nack = std::get_if<exchange::ConfirmNack>(&method)) {
            m_nacked += settle(nack->deliveryTag, nack->multiple);
        } else if (std::holds_alternative<exchange::BasicReturn>(method)) {
            ++m_returned;
        } else if (const auto *closed = std::get_if<exchange::ChannelClosed>(&method)) {
            breakOff(closed->replyText);
        } else if (const auto *lost = std::get_if<exchange::ConnectionClosed>(&method)) {
            m_connected = false;
            breakOff(lost->replyText);
        } else if (m_closing && channel == kConnection && m_openAnswered) {
            m_connected = false; // close-ok
        } else if (channel == kConnection) {
            m_openAnswered = true;
        }
        if (m_leaving)
            leave(context);
    }

    void connectionLost(NodeId, ActorContext &context) override
    {
        m_connected = false;
        breakOff("connection lost");
        if (m_leaving)
            leave(context);
    }

    void stop(ActorContext &context) override { leave(context); }

    void crash() override { forget(); }

    bool setRate(Rate rate, ActorContext &context) override
    {
        m_command.rate = rate;
        if (m_arrivals) {
            m_arrivals->setRate(rate, context.base.now);
            if (const auto next = m_arrivals->next())
                context.out.wake(*next);
        }
        return true;
    }

    void describe(ClientSnapshot &out, const NameTable &) const override
    {
        out.role = ClientRole::Publisher;
        out.engine = Engine::Exchange;
        out.target = m_command.exchange;
        out.configuredRate = m_command.rate.perSecond;
        out.sent = m_made;
        // The broker acknowledges a returned message too, just after it returned it: it took
        // responsibility for it by sending it back.
        const std::uint64_t returned = m_command.confirms ? m_returned : 0;
        out.confirmed = m_acked > returned ? m_acked - returned : 0;
        out.failed = m_returned + m_nacked + m_unknown;
        out.note = m_note;
    }

private:
    static void send(
        exchange::ChannelNumber channel, exchange::Method method, ActorContext &context)
    {
        context.out.messages.push_back(Outbox::ToExchange{channel, std::move(method)});
    }

    void publish(Instant due, ActorContext &context)
    {
        Random &random = context.base.random;
        writeBody({.producer = m_name, .sequence = ++m_made, .created = due - context.worldStart},
            draw(m_command.size, random), m_body);
        auto content = std::make_shared<exchange::Content>();
        content->properties.messageId = m_name + '#' + std::to_string(m_made);
        if (m_command.persistent)
            content->properties.deliveryMode = 2;
        content->body = SharedBytes::fromText(m_body);
        exchange::BasicPublish method;
        method.exchange = m_command.exchange;
        if (!m_command.keys.empty())
            method.routingKey = m_command.keys[(m_made - 1) % m_command.keys.size()];
        method.mandatory = m_command.mandatory;
        method.content = std::move(content);
        send(kChannel, std::move(method), context);
        if (m_command.confirms)
            m_unconfirmed.insert(++m_lastTag);
        m_arrivals->advance(random);
    }

    // How many publishes the broker's answer settles.
    std::uint64_t settle(std::uint64_t tag, bool multiple)
    {
        if (!multiple)
            return m_unconfirmed.erase(tag);
        const auto end = m_unconfirmed.upper_bound(tag);
        const auto settled = std::distance(m_unconfirmed.begin(), end);
        m_unconfirmed.erase(m_unconfirmed.begin(), end);
        return static_cast<std::uint64_t>(settled);
    }

    // Nothing more can be published; what became of the unconfirmed is not known.
    void breakOff(std::string why)
    {
        m_note = std::move(why);
        m_unknown += m_unconfirmed.size();
        m_unconfirmed.clear();
        m_arrivals.reset();
    }

    // Makes nothing more; closes the connection when every publish was answered.
    void leave(ActorContext &context)
    {
        m_leaving = true;
        m_arrivals.reset();
        if (!m_unconfirmed.empty())
            return;
        if (!m_connected) {
            context.out.finished = true;
        } else if (!m_closing) {
            m_closing = true;
            send(kConnection, exchange::ConnectionClose{}, context);
        }
    }

    void forget()
    {
        m_unknown += m_unconfirmed.size();
        m_unconfirmed.clear();
        m_arrivals.reset();
        m_lastTag = 0;
        m_connected = false;
        m_openAnswered = false;
        m_leaving = false;
        m_closing = false;
        m_note.clear();
    }

    AddPublisher m_command;
    std::string m_name;

    // What outlives a crash: the numbers by which messages are told apart, and the counts.
    std::uint64_t m_made = 0;
    std::uint64_t m_acked = 0;
    std::uint64_t m_nacked = 0;
    std::uint64_t m_returned = 0;
    std::uint64_t m_unknown = 0; ///< unconfirmed when the connection ended

    std::optional<ArrivalProcess> m_arrivals;
    std::uint64_t m_lastTag = 0;
    std::set<std::uint64_t> m_unconfirmed; // by confirm tag
    bool m_connected = false;
    bool m_openAnswered = false;
    bool m_leaving = false;
    bool m_closing = false; ///< connection.close is sent
    std::string m_note;
    std::string m_body; // reused
};

} // namespace

std::unique_ptr<Actor> makePublisher(const AddPublisher &command, const std::string &name)
{
    return std::make_unique<PublisherActor>(command, name);
}

} // namespace queuelab::world
