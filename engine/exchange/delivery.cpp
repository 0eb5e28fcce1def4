#include "engine/exchange/field_text.h"
#include "engine/exchange/names.h"
#include "engine/exchange/state.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::exchange {

Checked Broker::State::on(Channel &channel, const BasicQos &method, Step &step)
{
    if (method.global) {
        channel.globalPrefetch = method.prefetchCount;
    } else {
        // A call for consumers to come clears the channel's own limit (facts: rabbitmq.md 4.2).
        channel.consumerPrefetch = method.prefetchCount;
        channel.globalPrefetch = 0;
    }
    send(channel, Ok{}, step);
    unblock(channel, {}, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const BasicConsume &method, Step &step)
{
    const auto found = needQueue(channel, method.queue);
    if (!found)
        return std::unexpected(found.error());
    Queue &queue = **found;
    if (channel.consumers.contains(method.consumerTag)) {
        return refuse(ReplyCode::NotAllowed,
            fmt::format("attempt to reuse consumer tag '{}'", method.consumerTag));
    }
    std::int64_t priority = 0;
    if (const FieldValue *value = lookup(method.arguments, "x-priority")) {
        const auto *number = std::get_if<std::int64_t>(&value->value);
        if (!number) {
            return refuse(ReplyCode::PreconditionFailed,
                fmt::format("invalid arg 'x-priority' for consumer '{}': {{unacceptable_type,{}}}",
                    method.consumerTag, fieldTypeName(*value)));
        }
        priority = *number;
    }
    const bool hasExclusive = std::ranges::any_of(
        queue.consumers, [&](ConsumerId id) { return consumers.at(id).exclusive; });
    if (hasExclusive
        || (method.exclusive
            && (!queue.consumers.empty() || queue.settings.singleActiveConsumer))) {
        return refuse(
            ReplyCode::AccessRefused, resourceText("queue", queue.name) + " in exclusive use");
    }

    Consumer consumer;
    consumer.tag = method.consumerTag.empty() ? generatedName("amq.ctag-", step.context.random)
                                              : method.consumerTag;
    consumer.queue = queue.id;
    consumer.channel = channel.id;
    consumer.noAck = method.noAck;
    consumer.exclusive = method.exclusive;
    consumer.prefetch = channel.consumerPrefetch;
    consumer.priority = priority;
    const Consumer &added = consumers.add(std::move(consumer));
    channel.consumers.emplace(added.tag, added.id);
    queue.consumers.push_back(added.id);
    addTurn(queue, added);
    chooseActive(queue);
    step.record(ExchangeEvent::ConsumerAdded,
        {.subject = queue.traceName, .actor = channel.clientName, .value = added.prefetch});
    send(channel, BasicConsumeOk{added.tag}, step);
    dispatch(queue, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const BasicCancel &method, Step &step)
{
    const auto found = channel.consumers.find(method.consumerTag);
    if (found == channel.consumers.end()) {
        send(channel, BasicCancelOk{method.consumerTag}, step);
        return {};
    }
    Consumer &consumer = consumers.at(found->second);
    const QueueId queue = consumer.queue;
    removeConsumer(consumer, ExchangeReason::ByClient, step);
    send(channel, BasicCancelOk{method.consumerTag}, step);
    afterConsumersLeft(queue, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const BasicGet &method, Step &step)
{
    const auto found = needQueue(channel, method.queue);
    if (!found)
        return std::unexpected(found.error());
    Queue &queue = **found;
    queue.lastUsed = step.now();
    expireHead(queue, step);
    if (queue.ready.empty()) {
        send(channel, BasicGetEmpty{}, step);
        return {};
    }
    Message message = queue.ready.pop();
    const bool redelivered = message.redelivered();
    const std::uint64_t tag = ++channel.lastDeliveryTag;
    ++message.deliveries;
    ++queue.delivered;
    queue.redelivered += redelivered;
    step.record(ExchangeEvent::Delivered,
        {.reason = reason(redelivered ? ExchangeReason::Redelivered : ExchangeReason::None),
            .subject = queue.traceName,
            .actor = channel.clientName,
            .item = static_cast<std::int64_t>(message.number),
            .value = static_cast<std::int64_t>(tag)});
    BasicGetOk got;
    got.deliveryTag = tag;
    got.redelivered = redelivered;
    got.exchange = exchangeName(message.envelope->exchange);
    got.routingKey = message.envelope->routingKey;
    got.messageCount =
        static_cast<std::uint32_t>(std::min<std::uint64_t>(queue.ready.count(), UINT32_MAX));
    got.messageNumber = message.number;
    got.content = message.envelope->content;
    send(channel, std::move(got), step);
    if (!method.noAck) {
        ++queue.unacked;
        channel.unacked.add({tag, queue.id, ConsumerId(0), step.now(), std::move(message)});
        armAckTimeout(channel, step);
    }
    armQueueTimer(queue, step);
    return {};
}

void Broker::State::removeConsumer(Consumer &consumer, ExchangeReason why, Step &step)
{
    Queue &queue = queues.at(consumer.queue);
    Channel &channel = channels.at(consumer.channel);
    step.record(ExchangeEvent::ConsumerCancelled,
        {.reason = reason(why), .subject = queue.traceName, .actor = channel.clientName});
    std::erase(queue.consumers, consumer.id);
    for (Turns &turns : queue.turns)
        std::erase(turns.order, consumer.id);
    channel.consumers.erase(consumer.tag);
    queue.lastUsed = step.now();
    consumers.remove(consumer.id);
    chooseActive(queue);
}

void Broker::State::chooseActive(Queue &queue)
{
    if (!queue.settings.singleActiveConsumer || consumers.find(queue.active))
        return;
    queue.active = ConsumerId(0);
    for (const ConsumerId id : queue.consumers) {
        if (queue.active == ConsumerId(0)
            || consumers.at(id).priority > consumers.at(queue.active).priority)
            queue.active = id;
    }
}

void Broker::State::afterConsumersLeft(QueueId id, Step &step)
{
    Queue *queue = queues.find(id);
    if (!queue)
        return;
    if (queue->autoDelete && queue->consumers.empty()) {
        deleteQueue(*queue, ExchangeReason::ByBroker, step);
        return;
    }
    dropOverLimit(*queue, step);
    dispatch(*queue, step);
}

bool Broker::State::hasRoom(const Consumer &consumer) const
{
    if (consumer.noAck)
        return true;
    if (consumer.prefetch != 0 && consumer.unacked >= consumer.prefetch)
        return false;
    const Channel &channel = channels.at(consumer.channel);
    return channel.globalPrefetch == 0 || channel.unacked.size() < channel.globalPrefetch;
}

void Broker::State::addTurn(Queue &queue, const Consumer &consumer)
{
    if (queue.settings.singleActiveConsumer)
        return; // only the active one is asked
    auto at = std::ranges::find_if(
        queue.turns, [&](const Turns &turns) { return turns.priority <= consumer.priority; });
    if (at == queue.turns.end() || at->priority != consumer.priority)
        at = queue.turns.insert(at, {consumer.priority, {}});
    at->order.push_back(consumer.id);
}

Consumer *Broker::State::nextConsumer(Queue &queue)
{
    if (queue.settings.singleActiveConsumer) {
        Consumer *active = consumers.find(queue.active);
        if (active)
            active->blocked = !hasRoom(*active);
        return active && !active->blocked ? active : nullptr;
    }
    for (Turns &turns : queue.turns) {
        while (!turns.order.empty()) {
            Consumer &consumer = consumers.at(turns.order.front());
            if (hasRoom(consumer)) {
                if (turns.order.size() > 1) {
                    turns.order.pop_front();
                    turns.order.push_back(consumer.id);
                }
                return &consumer;
            }
            turns.order.pop_front();
            consumer.blocked = true;
        }
    }
    return nullptr;
}

void Broker::State::deliver(Queue &queue, Consumer &consumer, Message message, Step &step)
{
    Channel &channel = channels.at(consumer.channel);
    const bool redelivered = message.redelivered();
    const std::uint64_t tag = ++channel.lastDeliveryTag;
    ++message.deliveries;
    ++queue.delivered;
    queue.redelivered += redelivered;
    step.record(ExchangeEvent::Delivered,
        {.reason = reason(redelivered ? ExchangeReason::Redelivered : ExchangeReason::None),
            .subject = queue.traceName,
            .actor = channel.clientName,
            .item = static_cast<std::int64_t>(message.number),
            .value = static_cast<std::int64_t>(tag)});
    step.effects.push_back(ToClient{channel.connection, channel.number,
        BasicDeliver{consumer.tag, tag, redelivered, exchangeName(message.envelope->exchange),
            message.envelope->routingKey, message.number, message.envelope->content}});
    if (consumer.noAck)
        return;
    ++queue.unacked;
    ++consumer.unacked;
    channel.unacked.add({tag, queue.id, consumer.id, step.now(), std::move(message)});
    armAckTimeout(channel, step);
}

void Broker::State::dispatch(Queue &queue, Step &step)
{
    expireHead(queue, step);
    while (!queue.ready.empty()) {
        Consumer *consumer = nextConsumer(queue);
        if (!consumer)
            break;
        deliver(queue, *consumer, queue.ready.pop(), step);
        expireHead(queue, step);
    }
    armQueueTimer(queue, step);
}

void Broker::State::unblock(Channel &channel, const std::vector<ConsumerId> &settled, Step &step)
{
    // With a limit for the whole channel, settling one delivery makes room for any of its
    // consumers.
    std::vector<ConsumerId> all;
    if (settled.empty() || channel.globalPrefetch != 0) {
        for (const auto &[tag, consumer] : channel.consumers)
            all.push_back(consumer);
        std::ranges::sort(all);
    }
    for (const ConsumerId id : all.empty() ? settled : all) {
        Consumer *consumer = consumers.find(id);
        if (!consumer || !consumer->blocked || !hasRoom(*consumer))
            continue;
        Queue &queue = queues.at(consumer->queue);
        consumer->blocked = false;
        addTurn(queue, *consumer);
        dispatch(queue, step);
    }
}

} // namespace queuelab::exchange
