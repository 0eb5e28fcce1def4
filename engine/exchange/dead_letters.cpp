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

/// The message as it travels on: its death in the headers, no expiration of its own, the keys it is
/// routed by now.
std::shared_ptr<const Envelope> envelopeAfter(Death death, const Envelope &envelope,
    ExchangeNameId exchange, const std::optional<std::string> &routingKey)
{
    death.routingKeys.push_back(envelope.routingKey);
    if (envelope.moreKeys) {
        death.routingKeys.insert(death.routingKeys.end(), envelope.moreKeys->copy.begin(),
            envelope.moreKeys->copy.end());
    }
    Content content = *envelope.content;
    death.expiration = std::exchange(content.properties.expiration, std::nullopt);
    recordDeath(content.properties.headers, death);

    Envelope next;
    next.exchange = exchange;
    next.routingKey = routingKey.value_or(envelope.routingKey);
    if (routingKey)
        content.properties.headers.erase("CC");
    else
        next.moreKeys = envelope.moreKeys;
    next.content = std::make_shared<const Content>(std::move(content));
    return std::make_shared<const Envelope>(std::move(next));
}

} // namespace

void Broker::State::die(Queue &queue, std::uint64_t number,
    const std::shared_ptr<const Envelope> &envelope, ExchangeReason why, NameId actor, Step &step)
{
    const std::int64_t item = number == 0 ? -1 : static_cast<std::int64_t>(number);
    const auto drop = [&](ExchangeReason dropReason, NameId detail) {
        ++queue.dropped;
        step.record(ExchangeEvent::Dropped,
            {.reason = reason(dropReason),
                .subject = queue.traceName,
                .actor = actor,
                .detail = detail,
                .item = item});
    };
    if (!queue.settings.deadLetterExchange) {
        drop(why, kNoName);
        return;
    }
    Exchange *exchange = findExchange(*queue.settings.deadLetterExchange);
    if (!exchange) {
        drop(ExchangeReason::NoDeadLetterExchange,
            step.context.trace.name(*queue.settings.deadLetterExchange));
        return;
    }

    Death death;
    death.queue = queue.name;
    death.reason = deathReason(why);
    death.exchange = exchangeName(envelope->exchange);
    death.at = step.now();
    const auto next = envelopeAfter(
        std::move(death), *envelope, exchange->nameId, queue.settings.deadLetterRoutingKey);
    routeEnvelope(*exchange, *next, step.now());
    std::vector<QueueId> targets;
    std::vector<NameId> cycles;
    for (const QueueId id : m_routed) {
        const bool cycle = why != ExchangeReason::Rejected
            && isAutomaticCycle(next->content->properties.headers, queues.at(id).name);
        if (cycle)
            cycles.push_back(queues.at(id).traceName);
        else
            targets.push_back(id);
    }
    if (targets.empty() && !cycles.empty()) {
        drop(ExchangeReason::DeadLetterCycle, cycles.front());
        return;
    }

    ++queue.deadLettered;
    ++exchange->publishedIn;
    exchange->publishedOut += targets.size();
    const NameId exchangeTraceName = traceNameOf(*exchange, step);
    const NameId key = step.context.trace.name(next->routingKey);
    step.record(ExchangeEvent::DeadLettered,
        {.reason = reason(why),
            .subject = queue.traceName,
            .actor = actor,
            .detail = exchangeTraceName,
            .item = item});
    for (const NameId cycle : cycles) {
        step.record(ExchangeEvent::Dropped,
            {.reason = reason(ExchangeReason::DeadLetterCycle),
                .subject = cycle,
                .actor = queue.traceName});
    }
    if (targets.empty()) {
        ++exchange->unroutable;
        step.record(ExchangeEvent::Unroutable,
            {.subject = exchangeTraceName, .actor = queue.traceName, .detail = key});
    }
    // They arrive once the step at hand is complete, as in RabbitMQ, where they travel in messages
    // of their own: a dead letter may go to the very queue that is being worked on.
    for (const QueueId target : targets)
        deadLetters.push_back({target, next, {queue.traceName, key, number}});
}

void Broker::State::deliverDeadLetters(Step &step)
{
    while (!deadLetters.empty()) {
        const DeadLetter next = std::move(deadLetters.front());
        deadLetters.pop_front();
        if (Queue *target = queues.find(next.target))
            enqueue(*target, next.envelope, next.origin, step);
    }
}

} // namespace queuelab::exchange
