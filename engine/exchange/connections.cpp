#include "engine/exchange/state.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::exchange {

namespace {

constexpr Duration kTick =
    std::chrono::minutes{1}; // channel_tick_interval (facts: rabbitmq.md 4.3)
constexpr std::string_view kOnlyVirtualHost = "/";

std::uint64_t channelKey(ConnectionId connection, ChannelNumber number)
{
    return std::uint64_t{connection.value()} << 16 | number;
}

} // namespace

void Broker::State::handle(const ClientMethod &message, Step &step)
{
    if (const auto known = channelIds.find(channelKey(message.connection, message.channel));
        known != channelIds.end() && !channels.at(known->second).closing) {
        Channel &channel = channels.at(known->second);
        const Checked done = std::visit(
            [&]<class M>(const M &method) -> Checked {
                if constexpr (std::is_same_v<M, ChannelClose>) {
                    sendConfirms(channel, step);
                    endChannels({channel.id}, ExchangeReason::ChannelClosed, step);
                    step.effects.push_back(ToClient{message.connection, message.channel, Ok{}});
                    return {};
                } else if constexpr (std::is_same_v<M, ChannelOpen>) {
                    return refuse(ReplyCode::ChannelError, "second 'channel.open' seen");
                } else if constexpr (std::is_same_v<M, ConnectionOpen>
                    || std::is_same_v<M, ConnectionClose>) {
                    return refuse(ReplyCode::CommandInvalid, "unimplemented method");
                } else {
                    return on(channel, method, step);
                }
            },
            message.method);
        if (!done)
            refuseOnChannel(
                message.connection, message.channel, done.error(), ExchangeReason::ByBroker, step);
        return;
    }

    if (const auto *open = std::get_if<ConnectionOpen>(&message.method);
        open && message.channel == 0) {
        openConnection(message.connection, *open, step);
        return;
    }
    const auto found = connections.find(message.connection);
    if (found == connections.end() || found->second.closing) {
        // After the broker closed a connection the client's close is answered; the rest of what was
        // under way is ignored.
        if (std::holds_alternative<ConnectionClose>(message.method)) {
            connections.erase(message.connection);
            step.effects.push_back(ToClient{message.connection, 0, Ok{}});
        }
        return;
    }
    if (message.channel == 0 && std::holds_alternative<ConnectionClose>(message.method)) {
        closeConnectionByClient(message.connection, step);
        return;
    }
    Checked done;
    const auto known = channelIds.find(channelKey(message.connection, message.channel));
    const bool closing = known != channelIds.end();
    if (message.channel == 0) {
        done = refuse(ReplyCode::ChannelError, "unexpected method in connection state running");
    } else if (std::holds_alternative<ChannelOpen>(message.method)) {
        if (closing)
            endChannels({known->second}, ExchangeReason::ByBroker, step);
        done = openChannel(message.connection, found->second, message.channel, step);
    } else if (closing) {
        if (std::holds_alternative<ChannelClose>(message.method)) {
            endChannels({known->second}, ExchangeReason::ByBroker, step);
            step.effects.push_back(ToClient{message.connection, message.channel, Ok{}});
        }
    } else {
        done = refuse(ReplyCode::ChannelError, "expected 'channel.open'");
    }
    if (!done)
        refuseOnChannel(
            message.connection, message.channel, done.error(), ExchangeReason::ByBroker, step);
}

void Broker::State::handle(const ConnectionLost &lost, Step &step)
{
    endConnection(lost.connection, ExchangeReason::ConnectionLost, 0, step);
    connections.erase(lost.connection);
}

void Broker::State::openConnection(ConnectionId id, const ConnectionOpen &method, Step &step)
{
    // A client that comes back under its number has lost what it had.
    endConnection(id, ExchangeReason::ConnectionLost, 0, step);
    Connection &connection = connections[id];
    connection = {};
    connection.name = method.name;
    connection.traceName = step.context.trace.name(method.name);
    if (method.virtualHost != kOnlyVirtualHost) {
        const Refusal refusal =
            refuse(ReplyCode::NotAllowed, fmt::format("vhost {} not found", method.virtualHost))
                .error();
        refuseOnChannel(id, 0, refusal, ExchangeReason::ByBroker, step);
        return;
    }
    step.record(ExchangeEvent::ConnectionOpened, {.subject = connection.traceName});
    step.effects.push_back(ToClient{id, 0, Ok{}});
}

Checked Broker::State::openChannel(
    ConnectionId id, Connection &connection, ChannelNumber number, Step &step)
{
    if (connection.channels.size() >= config.channelMax) {
        return refuse(ReplyCode::NotAllowed,
            fmt::format(
                "number of channels opened ({}) has reached the negotiated channel_max ({})",
                connection.channels.size(), config.channelMax));
    }
    Channel channel;
    channel.connection = id;
    channel.number = number;
    channel.clientName = connection.traceName;
    channel.opened = step.now();
    const Channel &opened = channels.add(std::move(channel));
    connection.channels.emplace(number, opened.id);
    channelIds.emplace(channelKey(id, number), opened.id);
    send(opened, Ok{}, step);
    return {};
}

void Broker::State::closeConnectionByClient(ConnectionId id, Step &step)
{
    for (const auto &[number, channel] : connections.at(id).channels)
        sendConfirms(channels.at(channel), step);
    endConnection(id, ExchangeReason::ByClient, 0, step);
    connections.erase(id);
    step.effects.push_back(ToClient{id, 0, Ok{}});
}

void Broker::State::refuseOnChannel(
    ConnectionId id, ChannelNumber number, const Refusal &refusal, ExchangeReason why, Step &step)
{
    const auto replyCode = static_cast<std::uint16_t>(refusal.code);
    Connection &connection = connections.at(id);
    step.record(ExchangeEvent::CommandRefused,
        {.subject = connection.traceName,
            .detail = step.context.trace.name(refusal.text),
            .item = number,
            .value = replyCode});
    if (refusal.closesConnection() || number == 0) {
        for (const auto &[channelNumber, channel] : connection.channels)
            sendConfirms(channels.at(channel), step);
        step.effects.push_back(ToClient{id, 0, ConnectionClosed{replyCode, refusal.text}});
        endConnection(id, why, replyCode, step);
        connections.at(id).closing = true;
        return;
    }
    Channel &channel = channels.at(connection.channels.at(number));
    sendConfirms(channel, step);
    send(channel, ChannelClosed{replyCode, refusal.text}, step);
    step.record(ExchangeEvent::ChannelClosed,
        {.reason = reason(why),
            .subject = connection.traceName,
            .item = number,
            .value = replyCode});
    endChannels({channel.id},
        why == ExchangeReason::AckTimeout ? why : ExchangeReason::ChannelClosed, step);

    // The number is taken until the client answers; only then it may be opened again.
    Channel closing;
    closing.connection = id;
    closing.number = number;
    closing.clientName = connection.traceName;
    closing.closing = true;
    const ChannelId closingId = channels.add(std::move(closing)).id;
    connection.channels.emplace(number, closingId);
    channelIds.emplace(channelKey(id, number), closingId);
}

void Broker::State::endConnection(
    ConnectionId id, ExchangeReason why, std::uint16_t replyCode, Step &step)
{
    const auto found = connections.find(id);
    if (found == connections.end() || found->second.closing)
        return;
    step.record(ExchangeEvent::ConnectionClosed,
        {.reason = reason(why), .subject = found->second.traceName, .value = replyCode});
    std::vector<ChannelId> ending;
    for (const auto &[number, channel] : found->second.channels)
        ending.push_back(channel);
    endChannels(
        ending, why == ExchangeReason::ConnectionLost ? why : ExchangeReason::ChannelClosed, step);

    std::vector<QueueId> owned;
    queues.forEach([&](const Queue &queue) {
        if (queue.owner == id)
            owned.push_back(queue.id);
    });
    for (const QueueId queue : owned)
        deleteQueue(queues.at(queue), why, step);
}

void Broker::State::endChannels(
    const std::vector<ChannelId> &ending, ExchangeReason why, Step &step)
{
    // All consumers go first, then everything comes back, then it is handed out again: so nothing
    // is handed to a channel that is about to end too.
    std::set<QueueId> touched;
    for (const ChannelId id : ending) {
        const Channel &channel = channels.at(id);
        std::vector<ConsumerId> leaving;
        for (const auto &[tag, consumer] : channel.consumers)
            leaving.push_back(consumer);
        std::ranges::sort(leaving);
        for (const ConsumerId consumer : leaving) {
            touched.insert(consumers.at(consumer).queue);
            removeConsumer(consumers.at(consumer), why, step);
        }
    }
    for (const ChannelId id : ending) {
        Channel &channel = channels.at(id);
        std::vector<Unacked> held;
        channel.unacked.takeAll(held);
        for (Unacked &delivery : held) {
            if (Queue *queue = release(delivery)) {
                touched.insert(queue->id);
                giveBack(*queue, std::move(delivery), why, channel.clientName, step);
            }
        }
        if (const auto connection = connections.find(channel.connection);
            connection != connections.end())
            connection->second.channels.erase(channel.number);
        channelIds.erase(channelKey(channel.connection, channel.number));
        std::erase(confirming, id);
        channels.remove(id);
    }
    for (const QueueId queue : touched)
        afterConsumersLeft(queue, step);
}

Duration Broker::State::ackTimeout(const Unacked &delivery) const
{
    const Queue *queue = queues.find(delivery.queue);
    return queue && queue->settings.consumerTimeout
        ? *queue->settings.consumerTimeout
        : std::chrono::milliseconds(config.consumerTimeoutMs);
}

void Broker::State::armAckTimeout(Channel &channel, Step &step)
{
    const Unacked *oldest = channel.unacked.oldest();
    if (channel.timeoutArmed || !oldest)
        return;
    const Duration timeout = ackTimeout(*oldest);
    // The channel looks once a minute from when it was opened; the first look after the timeout
    // closes it.
    const Instant due = std::max(oldest->deliveredAt + timeout, step.now());
    const auto ticks = (due - channel.opened) / kTick + 1;
    timers.insert({channel.opened + ticks * kTick, Timer::Kind::Channel, channel.id.value()});
    channel.timeoutArmed = true;
}

void Broker::State::checkAckTimeout(Channel &channel, Step &step)
{
    channel.timeoutArmed = false;
    const Unacked *oldest = channel.unacked.oldest();
    if (!oldest)
        return;
    const Duration timeout = ackTimeout(*oldest);
    if (step.now() - oldest->deliveredAt <= timeout) {
        armAckTimeout(channel, step);
        return;
    }
    const auto milliseconds =
        std::chrono::duration_cast<std::chrono::milliseconds>(timeout).count();
    const Refusal refusal = refuse(ReplyCode::PreconditionFailed,
        fmt::format("delivery acknowledgement on channel {} timed out. Timeout value used: {} ms. "
                    "This timeout "
                    "value can be configured, see consumers doc guide to learn more",
            channel.number, milliseconds))
                                .error();
    refuseOnChannel(channel.connection, channel.number, refusal, ExchangeReason::AckTimeout, step);
}

} // namespace queuelab::exchange
