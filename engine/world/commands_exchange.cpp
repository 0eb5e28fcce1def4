#include "engine/world/hand.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::world {

Outcome Hand::askExchangeOnce(exchange::Method method)
{
    Context base = m_world.context(m_world.exchangeRandom);
    const bool onConnection = std::holds_alternative<exchange::ConnectionOpen>(method);
    const exchange::ChannelNumber channel = onConnection ? 0 : 1;
    m_world.exchangeEffects.clear();
    m_world.exchange.apply(exchange::ClientMethod{kYourClient, channel, std::move(method)}, base,
        m_world.exchangeEffects);
    Outcome outcome;
    for (const exchange::Effect &effect : m_world.exchangeEffects) {
        const auto *answer = std::get_if<exchange::ToClient>(&effect);
        if (!answer || answer->connection != kYourClient)
            continue;
        // A refusal costs the channel or the whole connection; the next command opens them again.
        if (const auto *closed = std::get_if<exchange::ChannelClosed>(&answer->method)) {
            m_world.yourChannelOpen = false;
            outcome = refused(std::to_string(closed->replyCode), closed->replyText);
        } else if (const auto *lost = std::get_if<exchange::ConnectionClosed>(&answer->method)) {
            m_world.yourConnectionOpen = false;
            m_world.yourChannelOpen = false;
            outcome = refused(std::to_string(lost->replyCode), lost->replyText);
        }
    }
    m_world.carryOutExchange();
    return outcome;
}

Outcome Hand::askExchange(exchange::Method method)
{
    if (!m_world.yourConnectionOpen) {
        if (Outcome opened = askExchangeOnce(exchange::ConnectionOpen{std::string(kYou), "/"});
            !opened)
            return opened;
        m_world.yourConnectionOpen = true;
    }
    if (!m_world.yourChannelOpen) {
        if (Outcome opened = askExchangeOnce(exchange::ChannelOpen{}); !opened)
            return opened;
        m_world.yourChannelOpen = true;
    }
    return askExchangeOnce(std::move(method));
}

Outcome Hand::operator()(const DeclareExchange &command)
{
    exchange::ExchangeDeclare method;
    method.exchange = command.name;
    method.type = command.type;
    method.durable = command.durable;
    method.arguments = command.arguments;
    return askExchange(std::move(method));
}

Outcome Hand::operator()(const DeclareQueue &command)
{
    exchange::QueueDeclare method;
    method.queue = command.name;
    method.durable = command.durable;
    method.arguments = command.arguments;
    return askExchange(std::move(method));
}

Outcome Hand::operator()(const DeleteQueueCommand &command)
{
    const auto isIt = [&](const auto &queue) { return queue.name == command.name; };
    const std::vector<exchange::QueueSnapshot> exchangeQueues = m_world.exchange.snapshot().queues;
    if (std::ranges::any_of(exchangeQueues, isIt))
        return askExchange(exchange::QueueDelete{command.name});
    const std::vector<visibility::QueueSnapshot> visibilityQueues =
        m_world.visibility.snapshot().queues;
    if (std::ranges::any_of(visibilityQueues, isIt))
        return askVisibility(visibility::DeleteQueue{command.name});
    std::vector<std::string> names;
    std::ranges::transform(
        exchangeQueues, std::back_inserter(names), &exchange::QueueSnapshot::name);
    std::ranges::transform(
        visibilityQueues, std::back_inserter(names), &visibility::QueueSnapshot::name);
    return refused("unknown-queue",
        withNearest(fmt::format("there is no queue '{}'", command.name), command.name, names));
}

Outcome Hand::operator()(const Bind &command)
{
    return askExchange(
        exchange::QueueBind{command.queue, command.exchange, command.key, command.arguments});
}

Outcome Hand::operator()(const Unbind &command)
{
    return askExchange(
        exchange::QueueUnbind{command.queue, command.exchange, command.key, command.arguments});
}

Outcome Hand::operator()(const Publish &command)
{
    for (std::int32_t number = 1; number <= command.count; ++number) {
        auto content = std::make_shared<exchange::Content>();
        content->properties.headers = command.headers;
        content->properties.deliveryMode = command.persistent ? 2 : 1;
        if (!command.expiration.empty())
            content->properties.expiration = command.expiration;
        if (!command.messageId.empty())
            content->properties.messageId = command.count == 1
                ? command.messageId
                : fmt::format("{}-{}", command.messageId, number);
        content->body = SharedBytes::fromText(command.body);
        Outcome published = askExchange(
            exchange::BasicPublish{command.exchange, command.key, command.mandatory, content});
        if (!published)
            return published;
    }
    return {};
}

Outcome Hand::operator()(const AddPublisher &command)
{
    // Asked passively first, so that a wrong name is refused here and now, by the engine's own
    // code.
    exchange::ExchangeDeclare exists;
    exists.exchange = command.exchange;
    exists.passive = true;
    if (!command.exchange.empty()) {
        if (Outcome asked = askExchange(exists); !asked)
            return asked;
    }
    return add(ClientRole::Publisher, Engine::Exchange, command.name, "publisher", 1,
        [&](const std::string &name) { return makePublisher(command, name); });
}

Outcome Hand::operator()(const AddWorker &command)
{
    exchange::QueueDeclare exists;
    exists.queue = command.queue;
    exists.passive = true;
    if (Outcome asked = askExchange(exists); !asked)
        return asked;
    return add(ClientRole::Worker, Engine::Exchange, command.name, "worker", command.count,
        [&](const std::string &name) { return makeWorker(command, name); });
}

} // namespace queuelab::world
