#include "engine/exchange/state.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::exchange {

namespace {

/// Which consumers get room again, each once.
void noteSettled(ConsumerId consumer, std::vector<ConsumerId> &settled)
{
    if (consumer != ConsumerId(0) && std::ranges::find(settled, consumer) == settled.end())
        settled.push_back(consumer);
}

} // namespace

Checked Broker::State::take(Channel &channel, std::uint64_t tag, bool multiple)
{
    m_taken.clear();
    m_settled.clear();
    if (multiple && tag == 0) {
        channel.unacked.takeAll(m_taken);
        return {};
    }
    bool known = false;
    if (multiple) {
        known = channel.unacked.takeUpTo(tag, m_taken);
    } else if (auto delivery = channel.unacked.take(tag)) {
        m_taken.push_back(std::move(*delivery));
        known = true;
    }
    if (!known)
        return refuse(ReplyCode::PreconditionFailed, fmt::format("unknown delivery tag {}", tag));
    return {};
}

Queue *Broker::State::release(const Unacked &delivery)
{
    if (Consumer *consumer = consumers.find(delivery.consumer))
        --consumer->unacked;
    Queue *queue = queues.find(delivery.queue);
    if (queue)
        --queue->unacked;
    return queue;
}

Checked Broker::State::on(Channel &channel, const BasicAck &method, Step &step)
{
    if (auto taken = take(channel, method.deliveryTag, method.multiple); !taken)
        return taken;
    for (const Unacked &delivery : m_taken) {
        noteSettled(delivery.consumer, m_settled);
        Queue *queue = release(delivery);
        if (!queue)
            continue; // deleted since: nothing is left to acknowledge
        ++queue->acknowledged;
        step.record(ExchangeEvent::Acked,
            {.subject = queue->traceName,
                .actor = channel.clientName,
                .item = static_cast<std::int64_t>(delivery.message.number),
                .value = static_cast<std::int64_t>(delivery.tag)});
    }
    m_taken.clear();
    unblock(channel, m_settled, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const BasicNack &method, Step &step)
{
    if (auto taken = take(channel, method.deliveryTag, method.multiple); !taken)
        return taken;
    rejectTaken(channel, method.requeue, ExchangeReason::Nacked, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const BasicReject &method, Step &step)
{
    if (auto taken = take(channel, method.deliveryTag, false); !taken)
        return taken;
    rejectTaken(channel, method.requeue, ExchangeReason::Rejected, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const BasicRecover &method, Step &step)
{
    if (!method.requeue)
        return refuse(ReplyCode::NotImplemented, "requeue=false");
    m_taken.clear();
    m_settled.clear();
    channel.unacked.takeAll(m_taken);
    send(channel, Ok{}, step);
    requeueTaken(channel, ExchangeReason::Recovered, step);
    return {};
}

void Broker::State::rejectTaken(Channel &channel, bool requeue, ExchangeReason why, Step &step)
{
    if (requeue) {
        requeueTaken(channel, why, step);
        return;
    }
    for (const Unacked &delivery : m_taken) {
        noteSettled(delivery.consumer, m_settled);
        // Nacked or rejected, RabbitMQ calls both deaths "rejected".
        if (Queue *queue = release(delivery)) {
            die(*queue, delivery.message.number, delivery.message.envelope,
                ExchangeReason::Rejected, channel.clientName, step);
        }
    }
    m_taken.clear();
    unblock(channel, m_settled, step);
}

void Broker::State::requeueTaken(Channel &channel, ExchangeReason why, Step &step)
{
    std::vector<QueueId> touched;
    for (Unacked &delivery : m_taken) {
        noteSettled(delivery.consumer, m_settled);
        Queue *queue = release(delivery);
        if (!queue)
            continue;
        if (std::ranges::find(touched, queue->id) == touched.end())
            touched.push_back(queue->id);
        giveBack(*queue, std::move(delivery), why, channel.clientName, step);
    }
    m_taken.clear();
    for (const QueueId queue : touched)
        dropOverLimit(queues.at(queue), step);
    unblock(channel, m_settled, step);
    for (const QueueId queue : touched)
        dispatch(queues.at(queue), step);
}

} // namespace queuelab::exchange
