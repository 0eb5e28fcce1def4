#include "lessons/expectation_kind.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::lessons {

namespace {

using exchange::BindingSnapshot;
using exchange::ExchangeSnapshot;

std::vector<std::string> exchangeNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const ExchangeSnapshot &exchange : evidence.snapshot.exchange.exchanges)
        names.push_back(exchange.name);
    return names;
}

std::vector<std::string> queueNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const exchange::QueueSnapshot &queue : evidence.snapshot.exchange.queues)
        names.push_back(queue.name);
    return names;
}

/// "orders -> audit payment.*"; the key is left out when it is empty.
std::string bindingName(const BindingSnapshot &binding)
{
    return fmt::format("{} -> {}{}{}", binding.source, binding.destination,
        binding.routingKey.empty() ? "" : " ", binding.routingKey);
}

std::vector<std::string> bindingNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const BindingSnapshot &binding : evidence.snapshot.exchange.bindings)
        names.push_back(bindingName(binding));
    return names;
}

struct QueueView {
    const exchange::QueueSnapshot *queue;
    std::uint64_t consumers;
    world::OutcomeSnapshot outcome;
};

void addExchange(Kinds &kinds)
{
    using E = const ExchangeSnapshot *;
    kinds.push_back(std::make_unique<KindOf<E>>(
        ExpectationKind{"exchange", "rabbitmq", "EXCHANGE", "An exchange."},
        [](const Expectation &expectation, const Evidence &evidence) -> Result<E, std::string> {
            for (const ExchangeSnapshot &exchange : evidence.snapshot.exchange.exchanges) {
                if (exchange.name == expectation.name)
                    return &exchange;
            }
            return std::unexpected(notFound("exchange", expectation.name, exchangeNames(evidence)));
        },
        exchangeNames,
        std::vector<ReadableField<E>>{
            {{"type", "what it routes by", FieldType::Text,
                 {"direct", "fanout", "topic", "headers"}},
                [](E e) -> Seen { return e->type; }},
            {{"published", "messages that came in (publish_in)"},
                [](E e) { return number(e->publishedIn); }},
            {{"routed", "copies that went to queues (publish_out)"},
                [](E e) { return number(e->publishedOut); }},
            {{"unroutable", "messages that matched no binding"},
                [](E e) { return number(e->unroutable); }},
        }));
}

void addBinding(Kinds &kinds)
{
    using B = const BindingSnapshot *;
    kinds.push_back(std::make_unique<KindOf<B>>(
        ExpectationKind{"binding", "rabbitmq", "EXCHANGE -> QUEUE KEY",
            "A binding; leave KEY out when it is empty."},
        [](const Expectation &expectation, const Evidence &evidence) -> Result<B, std::string> {
            for (const BindingSnapshot &binding : evidence.snapshot.exchange.bindings) {
                if (bindingName(binding) == expectation.name)
                    return &binding;
            }
            return std::unexpected(notFound("binding", expectation.name, bindingNames(evidence)));
        },
        bindingNames,
        std::vector<ReadableField<B>>{
            {{"matched", "messages it let through"}, [](B b) { return number(b->matched); }},
        }));
}

void addQueue(Kinds &kinds)
{
    using Q = QueueView;
    kinds.push_back(std::make_unique<KindOf<Q>>(
        ExpectationKind{"queue", "rabbitmq", "QUEUE",
            "A queue, and what the workers made of its messages. Counters have the names of the "
            "management UI."},
        [](const Expectation &expectation, const Evidence &evidence) -> Result<Q, std::string> {
            const exchange::BrokerSnapshot &broker = evidence.snapshot.exchange;
            for (const exchange::QueueSnapshot &queue : broker.queues) {
                if (queue.name != expectation.name)
                    continue;
                const auto consumers = std::ranges::count(
                    broker.consumers, queue.name, &exchange::ConsumerSnapshot::queue);
                return Q{&queue, static_cast<std::uint64_t>(consumers),
                    outcomeOf(evidence.snapshot, world::Engine::Exchange, queue.name)};
            }
            return std::unexpected(notFound("queue", expectation.name, queueNames(evidence)));
        },
        queueNames,
        std::vector<ReadableField<Q>>{
            {{"messages", "ready and unacknowledged together"},
                [](const Q &q) {
                    return number(q.queue->messagesReady + q.queue->messagesUnacknowledged);
                }},
            {{"messages_ready", "waiting for a worker"},
                [](const Q &q) { return number(q.queue->messagesReady); }},
            {{"messages_unacknowledged", "delivered, not yet acknowledged"},
                [](const Q &q) { return number(q.queue->messagesUnacknowledged); }},
            {{"consumers", "workers that consume from it"},
                [](const Q &q) { return number(q.consumers); }},
            {{"published", "messages that were put into it"},
                [](const Q &q) { return number(q.queue->published); }},
            {{"delivered", "deliveries, repeated ones included"},
                [](const Q &q) { return number(q.queue->delivered); }},
            {{"redelivered", "deliveries of a message that had been delivered before"},
                [](const Q &q) { return number(q.queue->redelivered); }},
            {{"acknowledged", "messages acknowledged, and so deleted"},
                [](const Q &q) { return number(q.queue->acknowledged); }},
            {{"dead-lettered", "messages handed to the dead-letter exchange"},
                [](const Q &q) { return number(q.queue->deadLettered); }},
            {{"expired", "messages whose TTL ran out"},
                [](const Q &q) { return number(q.queue->expired); }},
            {{"dropped", "messages that died without a dead-letter exchange"},
                [](const Q &q) { return number(q.queue->dropped); }},
            {{"handled", "different messages the workers finished with"},
                [](const Q &q) { return number(q.outcome.handled); }},
            {{"handled-again", "handlings beyond the first of a message"},
                [](const Q &q) { return number(q.outcome.handledAgain); }},
            {{"out-of-order-overall", "messages handled after a later one of the same publisher"},
                [](const Q &q) { return number(q.outcome.outOfOrderOverall); }},
            {{"latency-p99", "from making a message to having handled it, 99 of 100",
                 FieldType::Time},
                [](const Q &q) -> Seen { return q.outcome.latencyP99; }},
        }));
}

} // namespace

void addExchangeKinds(Kinds &kinds)
{
    addExchange(kinds);
    addBinding(kinds);
    addQueue(kinds);
}

} // namespace queuelab::lessons
