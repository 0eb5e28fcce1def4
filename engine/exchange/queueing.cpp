#include "engine/exchange/state.h"

#include <algorithm>

namespace queuelab::exchange {

namespace {

/// Fixed when the message arrives: the shorter of the queue's and its own time to live.
Instant expiryOf(const Queue &queue, const Envelope &envelope, Instant now)
{
    std::optional<Duration> ttl = queue.settings.messageTtl;
    if (envelope.content->properties.expiration) {
        const auto own = readExpiration(*envelope.content->properties.expiration);
        if (own && (!ttl || *own < *ttl))
            ttl = *own;
    }
    return ttl ? now + *ttl : kNever;
}

} // namespace

bool Broker::State::enqueue(
    Queue &queue, const std::shared_ptr<const Envelope> &envelope, const Origin &origin, Step &step)
{
    const std::size_t bodyBytes = envelope->content->body.size();
    if (queue.settings.overflow != Overflow::DropHead
        && queue.settings.exceededBy(queue.ready.count() + 1, queue.ready.bytes() + bodyBytes)) {
        if (queue.settings.overflow == Overflow::RejectPublishDlx) {
            die(queue, 0, envelope, ExchangeReason::MaxLength, origin.actor, step);
        } else {
            ++queue.dropped;
            step.record(ExchangeEvent::Dropped,
                {.reason = reason(ExchangeReason::MaxLength),
                    .subject = queue.traceName,
                    .actor = origin.actor});
        }
        return false;
    }

    Message message;
    message.number = ++queue.lastNumber;
    message.envelope = envelope;
    message.expires = expiryOf(queue, *envelope, step.now());
    message.priority =
        std::min(envelope->content->properties.priority.value_or(0), queue.settings.maxPriority);
    ++queue.published;
    // A queue with ready messages has no consumer with room, so only an empty one can hand the
    // message over at once.
    Consumer *consumer = queue.ready.empty() ? nextConsumer(queue) : nullptr;
    step.record(ExchangeEvent::Enqueued,
        {.reason = reason(consumer ? ExchangeReason::HandedOver : ExchangeReason::None),
            .subject = queue.traceName,
            .actor = origin.actor,
            .detail = origin.routingKey,
            .item = static_cast<std::int64_t>(message.number),
            .value = static_cast<std::int64_t>(origin.diedAs)});
    if (consumer) {
        deliver(queue, *consumer, std::move(message), step);
        return true;
    }
    queue.ready.push(std::move(message));
    dropOverLimit(queue, step);
    expireHead(queue, step);
    armQueueTimer(queue, step);
    return true;
}

void Broker::State::dropOverLimit(Queue &queue, Step &step)
{
    if (queue.settings.overflow != Overflow::DropHead)
        return;
    while (!queue.ready.empty()
        && queue.settings.exceededBy(queue.ready.count(), queue.ready.bytes())) {
        const Message message = queue.ready.pop();
        die(queue, message.number, message.envelope, ExchangeReason::MaxLength, kNoName, step);
    }
}

void Broker::State::expireHead(Queue &queue, Step &step)
{
    // Messages leave only at the head: one that lives longer holds back expired ones behind it.
    for (const Message *head = queue.ready.front(); head && head->expires <= step.now();
        head = queue.ready.front()) {
        const Message message = queue.ready.pop();
        ++queue.expired;
        die(queue, message.number, message.envelope, ExchangeReason::Expired, kNoName, step);
    }
}

void Broker::State::giveBack(
    Queue &queue, Unacked delivery, ExchangeReason why, NameId actor, Step &step)
{
    step.record(ExchangeEvent::Requeued,
        {.reason = reason(why),
            .subject = queue.traceName,
            .actor = actor,
            .item = static_cast<std::int64_t>(delivery.message.number)});
    queue.ready.giveBack(std::move(delivery.message));
}

void Broker::State::armQueueTimer(Queue &queue, Step &step)
{
    Instant due = kNever;
    if (const Message *head = queue.ready.front())
        due = head->expires;
    if (queue.settings.expires && queue.consumers.empty())
        due = std::min(due, std::max(queue.lastUsed + *queue.settings.expires, step.now()));
    // A timer that fires early only looks again, so one that is set is moved forward, never back.
    if (due >= queue.timer)
        return;
    if (queue.timer != kNever)
        timers.erase({queue.timer, Timer::Kind::Queue, queue.id.value()});
    queue.timer = due;
    timers.insert({due, Timer::Kind::Queue, queue.id.value()});
}

void Broker::State::queueTimerFired(Queue &queue, Step &step)
{
    queue.timer = kNever;
    expireHead(queue, step);
    if (queue.settings.expires && queue.consumers.empty()
        && queue.lastUsed + *queue.settings.expires <= step.now()) {
        deleteQueue(queue, ExchangeReason::Expired, step);
        return;
    }
    armQueueTimer(queue, step);
}

} // namespace queuelab::exchange
