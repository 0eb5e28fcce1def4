#include "engine/exchange/death_table.h"
#include "engine/exchange/state.h"

#include <utility>

namespace queuelab::exchange {

namespace {

/// RabbitMQ's word for a death; only the three kinds that lead to a dead-letter exchange occur.
std::string_view deathReason(ExchangeReason why)
{
    if (why == ExchangeReason::Expired)
        return "expired";
    return why == ExchangeReason::MaxLength ? "maxlen" : "rejected";
}

} // namespace

void Broker::State::die(Queue &queue, std::uint64_t number,
    const std::shared_ptr<const Envelope> &envelope, ExchangeReason why, NameId actor, Step &step)
{
    if (!queue.settings.deadLetterExchange) {
        ++queue.dropped;
        step.record(ExchangeEvent::Dropped,
            {.reason = reason(why),
                .subject = queue.traceName,
                .actor = actor,
                .item = number == 0 ? -1 : static_cast<std::int64_t>(number)});
        return;
    }
    // Sent on once the step at hand is complete, as RabbitMQ does in messages of its own: a dead
    // letter may come back to the very queue that is being worked on.
    dying.push_back({queue.id, queue.name, queue.traceName, actor, why, number, envelope,
        *queue.settings.deadLetterExchange, queue.settings.deadLetterRoutingKey});
}

void Broker::State::sendDeadLetters(Step &step)
{
    while (!dying.empty()) {
        const DyingMessage next = std::move(dying.front());
        dying.pop_front();
        sendDeadLetter(next, step);
    }
}

void Broker::State::sendDeadLetter(const DyingMessage &dead, Step &step)
{
    const std::int64_t item = dead.number == 0 ? -1 : static_cast<std::int64_t>(dead.number);
    const auto drop = [&](ExchangeReason why, NameId detail) {
        if (Queue *origin = queues.find(dead.queue))
            ++origin->dropped;
        step.record(ExchangeEvent::Dropped,
            {.reason = reason(why),
                .subject = dead.queueTraceName,
                .actor = dead.actor,
                .detail = detail,
                .item = item});
    };
    Exchange *exchange = findExchange(dead.exchange);
    if (!exchange) {
        drop(ExchangeReason::NoDeadLetterExchange, step.context.trace.name(dead.exchange));
        return;
    }

    Death death;
    death.queue = dead.queueName;
    death.reason = deathReason(dead.reason);
    death.exchange = exchangeName(dead.envelope->exchange);
    death.routingKeys.push_back(dead.envelope->routingKey);
    if (dead.envelope->moreKeys) {
        const auto &copy = dead.envelope->moreKeys->copy;
        death.routingKeys.insert(death.routingKeys.end(), copy.begin(), copy.end());
    }
    Content content = *dead.envelope->content;
    death.expiration = std::exchange(content.properties.expiration, std::nullopt);
    death.at = step.now();
    recordDeath(content.properties.headers, death);

    Envelope next;
    next.exchange = exchange->nameId;
    next.routingKey = dead.routingKey.value_or(dead.envelope->routingKey);
    if (dead.routingKey)
        content.properties.headers.erase("CC");
    else
        next.moreKeys = dead.envelope->moreKeys;
    next.content = std::make_shared<const Content>(std::move(content));
    const auto envelope = std::make_shared<const Envelope>(std::move(next));

    routeEnvelope(*exchange, *envelope, step.now());
    const FieldTable &headers = envelope->content->properties.headers;
    std::vector<QueueId> targets;
    std::vector<NameId> cycles;
    for (const QueueId id : m_routed) {
        if (dead.reason != ExchangeReason::Rejected
            && isAutomaticCycle(headers, queues.at(id).name))
            cycles.push_back(queues.at(id).traceName);
        else
            targets.push_back(id);
    }
    if (targets.empty() && !cycles.empty()) {
        drop(ExchangeReason::DeadLetterCycle, cycles.front());
        return;
    }

    if (Queue *origin = queues.find(dead.queue))
        ++origin->deadLettered;
    const NameId exchangeTraceName = traceNameOf(*exchange, step);
    const NameId key = step.context.trace.name(envelope->routingKey);
    step.record(ExchangeEvent::DeadLettered,
        {.reason = reason(dead.reason),
            .subject = dead.queueTraceName,
            .actor = dead.actor,
            .detail = exchangeTraceName,
            .item = item});
    ++exchange->publishedIn;
    exchange->publishedOut += targets.size();
    for (const NameId cycle : cycles) {
        step.record(ExchangeEvent::Dropped,
            {.reason = reason(ExchangeReason::DeadLetterCycle),
                .subject = cycle,
                .actor = dead.queueTraceName});
    }
    if (targets.empty()) {
        ++exchange->unroutable;
        step.record(ExchangeEvent::Unroutable,
            {.subject = exchangeTraceName, .actor = dead.queueTraceName, .detail = key});
    }
    for (const QueueId target : targets)
        enqueue(queues.at(target), envelope, {dead.queueTraceName, key, dead.number}, step);
}

} // namespace queuelab::exchange
