#pragma once

#include "engine/core/memory_files.h"
#include "engine/exchange/broker.h"
#include "engine/exchange/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::exchange {

/// One broker on a bench, with time moved by hand: what it answers is kept by client and channel
/// until it is taken. A value: copying it copies the broker and everything around it.
class Lab {
public:
    using Place = std::pair<std::uint32_t, ChannelNumber>; ///< client and channel

    explicit Lab(BrokerConfig config = {})
        : m_broker(config)
    {
    }

    Instant now() const { return m_now; }
    Duration elapsed() const { return m_now - kVirtualStart; }
    const Trace &trace() const { return m_trace; }
    Trace &trace() { return m_trace; }
    BrokerSnapshot snapshot() const { return m_broker.snapshot(); }

    /// Connects client `client` ("client-N") and opens channel 1.
    Place connect(std::uint32_t client)
    {
        send({client, 0}, ConnectionOpen{fmt::format("client-{}", client), "/"});
        return channel(client, 1);
    }
    Place channel(std::uint32_t client, ChannelNumber number)
    {
        send({client, number}, ChannelOpen{});
        m_inbox[{client, 0}].clear();
        m_inbox[{client, number}].clear();
        return {client, number};
    }

    /// Hands the broker one method; what it asks to be woken for at this moment waits.
    void hand(Place from, Method method)
    {
        apply(ClientMethod{ConnectionId(from.first), from.second, std::move(method)});
    }
    /// The same, and lets the moment pass: confirms go out.
    void send(Place from, Method method)
    {
        hand(from, std::move(method));
        settle();
    }
    void loseConnection(std::uint32_t client)
    {
        apply(ConnectionLost{ConnectionId(client)});
        settle();
    }
    void settle() { advance({}); }
    /// Runs every wake-up due within `duration`, each at its time.
    void advance(Duration duration)
    {
        const Instant until = m_now + duration;
        while (m_wakeAt && *m_wakeAt <= until) {
            m_now = std::max(m_now, *std::exchange(m_wakeAt, std::nullopt));
            apply(WakeUp{});
        }
        m_now = until;
    }

    /// Everything of type T that waits for `place`, in order; the rest stays.
    template <class T> std::vector<T> take(Place place)
    {
        std::vector<T> taken;
        std::erase_if(m_inbox[place], [&](ServerMethod &method) {
            auto *wanted = std::get_if<T>(&method);
            if (wanted)
                taken.push_back(std::move(*wanted));
            return wanted != nullptr;
        });
        return taken;
    }
    std::vector<ServerMethod> takeAll(Place place) { return std::exchange(m_inbox[place], {}); }

    /// Sends and takes the one answer of type T; fails the run when there is none.
    template <class T> T call(Place from, Method method)
    {
        send(from, std::move(method));
        std::vector<T> answers = take<T>(from);
        invariant(!answers.empty(), "the broker answers");
        return answers.front();
    }
    /// "404 NOT_FOUND - ..." when the broker closed the channel over it, "connection 530 ..." when
    /// the connection,
    /// "" when it did neither. A closed channel is opened again.
    std::string refusal(Place from, Method method)
    {
        send(from, std::move(method));
        std::string text;
        for (const ChannelClosed &closed : take<ChannelClosed>(from)) {
            text = fmt::format("{} {}", closed.replyCode, closed.replyText);
            channel(from.first, from.second);
        }
        for (const ConnectionClosed &closed : take<ConnectionClosed>({from.first, 0}))
            text = fmt::format("connection {} {}", closed.replyCode, closed.replyText);
        return text;
    }

    // Shorthand for what most tests do.

    void queue(Place from, const std::string &name, FieldTable arguments = {})
    {
        QueueDeclare method;
        method.queue = name;
        method.arguments = std::move(arguments);
        call<QueueDeclareOk>(from, std::move(method));
    }
    void exchange(
        Place from, const std::string &name, const std::string &type, FieldTable arguments = {})
    {
        ExchangeDeclare method;
        method.exchange = name;
        method.type = type;
        method.arguments = std::move(arguments);
        call<Ok>(from, std::move(method));
    }
    void bind(Place from, const std::string &queue, const std::string &exchange,
        const std::string &key, FieldTable arguments = {})
    {
        call<Ok>(from, QueueBind{queue, exchange, key, std::move(arguments)});
    }
    static BasicPublish message(const std::string &exchange, const std::string &key,
        const std::string &body, Properties properties = {})
    {
        return {exchange, key, false,
            std::make_shared<const Content>(
                Content{std::move(properties), SharedBytes::fromText(body)})};
    }
    void publish(Place from, const std::string &exchange, const std::string &key,
        const std::string &body, Properties properties = {})
    {
        send(from, message(exchange, key, body, std::move(properties)));
    }
    std::string consume(
        Place from, const std::string &queue, const std::string &tag = {}, bool noAck = false)
    {
        return call<BasicConsumeOk>(from, BasicConsume{queue, tag, noAck, false, {}}).consumerTag;
    }
    void prefetch(Place from, std::uint16_t count, bool global = false)
    {
        call<Ok>(from, BasicQos{count, global});
    }

    /// Bodies of what was delivered to `place` since it was last asked, "b" or "b*" when
    /// redelivered.
    std::vector<std::string> delivered(Place place)
    {
        std::vector<std::string> bodies;
        for (const BasicDeliver &delivery : take<BasicDeliver>(place))
            bodies.push_back(
                std::string(delivery.content->body.text()) + (delivery.redelivered ? "*" : ""));
        return bodies;
    }
    /// Labels of the ready messages, from the head.
    std::vector<std::string> ready(const std::string &queue) const
    {
        std::vector<std::string> labels;
        for (const MessageSnapshot &message : find(queue).ready)
            labels.push_back(message.label);
        return labels;
    }
    QueueSnapshot find(const std::string &queue) const
    {
        const BrokerSnapshot all = snapshot();
        const auto found = std::ranges::find(all.queues, queue, &QueueSnapshot::name);
        return found == all.queues.end() ? QueueSnapshot{} : *found;
    }
    bool hasQueue(const std::string &queue) const { return !find(queue).name.empty(); }
    std::uint64_t count(ExchangeEvent event, ExchangeReason why = ExchangeReason::None) const
    {
        return m_trace.count(kind(event), reason(why));
    }

private:
    void apply(const Input &input)
    {
        Context context{m_now, m_random, m_trace, m_files};
        Effects effects;
        m_broker.apply(input, context, effects);
        for (Effect &effect : effects) {
            if (auto *message = std::get_if<ToClient>(&effect))
                m_inbox[{message->connection.value(), message->channel}].push_back(
                    std::move(message->method));
            else if (const Instant at = std::get<WakeAt>(effect).at; !m_wakeAt || at < *m_wakeAt)
                m_wakeAt = at;
        }
    }

    Broker m_broker;
    Trace m_trace;
    Random m_random{7};
    /// The engine stores nothing yet, so all copies share it.
    static inline MemoryFiles m_files;
    Instant m_now = kVirtualStart;
    std::optional<Instant> m_wakeAt;
    std::map<Place, std::vector<ServerMethod>> m_inbox;
};

} // namespace queuelab::exchange
