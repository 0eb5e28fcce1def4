#include "engine/exchange/field_text.h"
#include "engine/exchange/names.h"
#include "engine/exchange/state.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::exchange {

namespace {

constexpr std::string_view kAlternate = "alternate-exchange";
constexpr std::string_view kReservedPrefix = "amq.";
/// What the trace calls the exchange without a name, as the management API does.
constexpr std::string_view kDefaultExchangeTraceName = "amq.default";

std::unexpected<Refusal> refuseDefaultExchange()
{
    return refuse(ReplyCode::AccessRefused, "operation not permitted on the default exchange");
}

std::string_view flagText(bool flag)
{
    return flag ? "true" : "false";
}

Checked sameField(std::string_view field, const std::string &exchange, std::string_view current,
    std::string_view declared)
{
    if (current == declared)
        return {};
    return refuse(ReplyCode::PreconditionFailed,
        fmt::format("inequivalent arg '{}' for {}: received '{}' but current is '{}'", field,
            resourceText("exchange", exchange), declared, current));
}

Checked sameExchange(const Exchange &current, const ExchangeDeclare &declared)
{
    struct Field {
        std::string_view name;
        std::string_view current;
        std::string_view declared;
    };
    const Field fields[] = {{"type", current.type, declared.type},
        {"durable", flagText(current.durable), flagText(declared.durable)},
        {"auto_delete", flagText(current.autoDelete), flagText(declared.autoDelete)},
        {"internal", flagText(current.internal), flagText(declared.internal)}};
    for (const Field &field : fields) {
        if (auto same = sameField(field.name, current.name, field.current, field.declared); !same)
            return same;
    }
    return checkSameArgument(
        kAlternate, resourceText("exchange", current.name), current.arguments, declared.arguments);
}

} // namespace

void Broker::State::declarePredeclared()
{
    struct Predeclared {
        std::string_view name;
        std::string_view type;
        bool internal;
    };
    static constexpr Predeclared kAll[] = {{"", "direct", false}, {"amq.direct", "direct", false},
        {"amq.fanout", "fanout", false}, {"amq.headers", "headers", false},
        {"amq.match", "headers", false}, {"amq.rabbitmq.trace", "topic", true},
        {"amq.topic", "topic", false}};
    for (const auto &[name, type, internal] : kAll) {
        ExchangeDeclare method;
        method.exchange = name;
        method.type = type;
        method.durable = true;
        method.internal = internal;
        Exchange &exchange = addExchange(method, *routerOfType(type));
        exchange.system = true;
        if (name.empty())
            defaultExchange = exchange.id;
    }
}

Exchange &Broker::State::addExchange(const ExchangeDeclare &method, Router router)
{
    Exchange exchange;
    exchange.name = method.exchange;
    const auto [nameId, isNew] = exchangeNameIds.try_emplace(
        method.exchange, ExchangeNameId(static_cast<std::uint32_t>(exchangeNames.size())));
    if (isNew)
        exchangeNames.push_back(method.exchange);
    exchange.nameId = nameId->second;
    exchange.type = method.type;
    exchange.durable = method.durable;
    exchange.autoDelete = method.autoDelete;
    exchange.internal = method.internal;
    exchange.arguments = method.arguments;
    if (const FieldValue *alternate = lookup(method.arguments, kAlternate))
        exchange.alternate = std::get<std::string>(alternate->value);
    exchange.router = std::move(router);
    Exchange &added = exchanges.add(std::move(exchange));
    exchangesByName.insert_or_assign(added.name, added.id);
    return added;
}

Exchange *Broker::State::findExchange(std::string_view name)
{
    const auto found = exchangesByName.find(name);
    return found == exchangesByName.end() ? nullptr : &exchanges.at(found->second);
}

Result<Exchange *, Refusal> Broker::State::needExchange(const std::string &name)
{
    if (Exchange *exchange = findExchange(name))
        return exchange;
    return refuse(ReplyCode::NotFound, "no " + resourceText("exchange", name));
}

NameId Broker::State::traceNameOf(Exchange &exchange, Step &step)
{
    if (exchange.traceName == kNoName) {
        exchange.traceName = step.context.trace.name(
            exchange.name.empty() ? kDefaultExchangeTraceName : exchange.name);
    }
    return exchange.traceName;
}

Checked Broker::State::on(Channel &channel, const ExchangeDeclare &method, Step &step)
{
    ExchangeDeclare declared = method;
    declared.exchange = withoutLineBreaks(std::move(declared.exchange));
    if (declared.passive) {
        if (declared.exchange.empty())
            return refuseDefaultExchange();
        if (const auto exchange = needExchange(declared.exchange); !exchange)
            return std::unexpected(exchange.error());
        send(channel, Ok{}, step);
        return {};
    }
    std::optional<Router> router = routerOfType(declared.type);
    if (!router)
        return refuse(
            ReplyCode::CommandInvalid, fmt::format("unknown exchange type '{}'", declared.type));
    if (declared.exchange.empty())
        return refuseDefaultExchange();
    if (const Exchange *current = findExchange(declared.exchange)) {
        if (auto same = sameExchange(*current, declared); !same)
            return same;
        send(channel, Ok{}, step);
        return {};
    }
    if (declared.exchange.starts_with(kReservedPrefix)) {
        return refuse(ReplyCode::AccessRefused,
            fmt::format("exchange name '{}' contains reserved prefix 'amq.*'", declared.exchange));
    }
    if (const FieldValue *alternate = lookup(declared.arguments, kAlternate);
        alternate && !std::holds_alternative<std::string>(alternate->value)) {
        return refuse(ReplyCode::PreconditionFailed,
            fmt::format("invalid type '{}' for arg '{}' in {}", fieldTypeName(*alternate),
                kAlternate, resourceText("exchange", declared.exchange)));
    }
    Exchange &exchange = addExchange(declared, std::move(*router));
    step.record(ExchangeEvent::ExchangeDeclared,
        {.subject = traceNameOf(exchange, step), .detail = step.context.trace.name(exchange.type)});
    send(channel, Ok{}, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const ExchangeDelete &method, Step &step)
{
    const std::string name = withoutLineBreaks(method.exchange);
    if (name.empty())
        return refuseDefaultExchange();
    if (Exchange *exchange = findExchange(name)) {
        if (exchange->system) {
            return refuse(ReplyCode::AccessRefused,
                fmt::format("deletion of system {} not allowed", resourceText("exchange", name)));
        }
        if (method.ifUnused && !exchange->bindings.empty())
            return refuse(
                ReplyCode::PreconditionFailed, resourceText("exchange", name) + " in use");
        deleteExchange(*exchange, step);
    }
    send(channel, Ok{}, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const ExchangeBind &method, Step &step)
{
    const std::string sourceName = withoutLineBreaks(method.source);
    const std::string destinationExchange = withoutLineBreaks(method.destination);
    if (sourceName.empty() || destinationExchange.empty())
        return refuseDefaultExchange();
    const auto source = needExchange(sourceName);
    if (!source)
        return std::unexpected(source.error());
    const auto destination = needExchange(destinationExchange);
    if (!destination)
        return std::unexpected(destination.error());
    if (auto bound = bind(**source, (*destination)->id, method.routingKey, method.arguments, step);
        !bound)
        return bound;
    send(channel, Ok{}, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const ExchangeUnbind &method, Step &step)
{
    const std::string sourceName = withoutLineBreaks(method.source);
    const std::string destinationExchange = withoutLineBreaks(method.destination);
    if (sourceName.empty() || destinationExchange.empty())
        return refuseDefaultExchange();
    Exchange *source = findExchange(sourceName);
    const Exchange *destination = findExchange(destinationExchange);
    if (source && destination)
        unbind(*source, destination->id, method.routingKey, method.arguments, step);
    send(channel, Ok{}, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const QueueBind &method, Step &step)
{
    const std::string exchangeOfBinding = withoutLineBreaks(method.exchange);
    if (exchangeOfBinding.empty())
        return refuseDefaultExchange();
    const auto source = needExchange(exchangeOfBinding);
    if (!source)
        return std::unexpected(source.error());
    const auto queue = needQueue(channel, method.queue);
    if (!queue)
        return std::unexpected(queue.error());
    // Without a queue and a key both mean the queue declared last.
    const std::string &key =
        method.queue.empty() && method.routingKey.empty() ? (*queue)->name : method.routingKey;
    if (auto bound = bind(**source, (*queue)->id, key, method.arguments, step); !bound)
        return bound;
    send(channel, Ok{}, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const QueueUnbind &method, Step &step)
{
    const std::string exchangeOfBinding = withoutLineBreaks(method.exchange);
    if (exchangeOfBinding.empty())
        return refuseDefaultExchange();
    Exchange *source = findExchange(exchangeOfBinding);
    const auto queue = needQueue(channel, method.queue);
    if (!queue && queue.error().code != ReplyCode::NotFound)
        return std::unexpected(queue.error());
    if (source && queue) {
        const std::string &key =
            method.queue.empty() && method.routingKey.empty() ? (*queue)->name : method.routingKey;
        unbind(*source, (*queue)->id, key, method.arguments, step);
    }
    send(channel, Ok{}, step);
    return {};
}

Checked Broker::State::bind(Exchange &source, Destination destination, const std::string &key,
    const FieldTable &arguments, Step &step)
{
    if (std::holds_alternative<HeadersRouter>(source.router)) {
        if (const auto pattern = HeadersPattern::read(arguments); !pattern)
            return std::unexpected(pattern.error());
    }
    const BindingKey bindingKey(destination, key, canonicalText(arguments));
    if (source.bindings.contains(bindingKey))
        return {};
    const BindingId id = bindings.add({BindingId(0), source.id, destination, key, arguments}).id;
    source.bindings.emplace(bindingKey, id);
    std::visit([&](auto &router) { router.add(key, arguments, id); }, source.router);
    if (const auto *queue = std::get_if<QueueId>(&destination))
        queues.at(*queue).bindings.insert(id);
    else
        exchanges.at(std::get<ExchangeId>(destination)).bindingsTo.insert(id);
    step.record(ExchangeEvent::Bound,
        {.subject = traceNameOf(source, step),
            .actor = step.context.trace.name(destinationName(destination)),
            .detail = step.context.trace.name(key)});
    return {};
}

void Broker::State::unbind(Exchange &source, Destination destination, const std::string &key,
    const FieldTable &arguments, Step &step)
{
    const auto found = source.bindings.find(BindingKey(destination, key, canonicalText(arguments)));
    if (found == source.bindings.end())
        return;
    removeBinding(found->second, step);
    deleteIfUnused(source.id, step);
}

void Broker::State::removeBinding(BindingId id, Step &step)
{
    const Binding &binding = bindings.at(id);
    Exchange &source = exchanges.at(binding.source);
    step.record(ExchangeEvent::Unbound,
        {.subject = traceNameOf(source, step),
            .actor = step.context.trace.name(destinationName(binding.destination)),
            .detail = step.context.trace.name(binding.routingKey)});
    std::visit([&](auto &router) { router.remove(binding.routingKey, id); }, source.router);
    source.bindings.erase(
        BindingKey(binding.destination, binding.routingKey, canonicalText(binding.arguments)));
    if (const auto *queue = std::get_if<QueueId>(&binding.destination))
        queues.at(*queue).bindings.erase(id);
    else
        exchanges.at(std::get<ExchangeId>(binding.destination)).bindingsTo.erase(id);
    bindings.remove(id);
}

void Broker::State::deleteIfUnused(ExchangeId id, Step &step)
{
    Exchange *exchange = exchanges.find(id);
    if (exchange && exchange->autoDelete && exchange->bindings.empty())
        deleteExchange(*exchange, step);
}

void Broker::State::deleteExchange(Exchange &exchange, Step &step)
{
    while (!exchange.bindings.empty())
        removeBinding(exchange.bindings.begin()->second, step);
    std::vector<ExchangeId> sources;
    while (!exchange.bindingsTo.empty()) {
        const BindingId id = *exchange.bindingsTo.begin();
        sources.push_back(bindings.at(id).source);
        removeBinding(id, step);
    }
    const ExchangeId own = exchange.id;
    exchangesByName.erase(exchangesByName.find(exchange.name));
    exchanges.remove(own);
    for (const ExchangeId source : sources)
        deleteIfUnused(source, step);
}

std::string Broker::State::destinationName(const Destination &destination) const
{
    if (const auto *queue = std::get_if<QueueId>(&destination))
        return queues.at(*queue).name;
    return exchanges.at(std::get<ExchangeId>(destination)).name;
}

void Broker::State::routeEnvelope(Exchange &start, const Envelope &envelope, Instant now)
{
    m_keys.assign(1, envelope.routingKey);
    if (const MoreKeys *more = envelope.moreKeys.get()) {
        m_keys.insert(m_keys.end(), more->copy.begin(), more->copy.end());
        m_keys.insert(m_keys.end(), more->blindCopy.begin(), more->blindCopy.end());
    }
    m_routed.clear();
    route(start, {m_keys, envelope.content->properties.headers}, now, m_routed);
    m_keys.clear();
}

void Broker::State::route(
    Exchange &start, const RoutingInput &input, Instant now, std::vector<QueueId> &out)
{
    ++routeMark;
    const auto reachQueue = [&](Queue &queue) {
        if (queue.routeMark != routeMark) {
            queue.routeMark = routeMark;
            out.push_back(queue.id);
        }
    };
    const auto reachExchange = [&](Exchange &exchange) {
        if (exchange.routeMark != routeMark) {
            exchange.routeMark = routeMark;
            m_toVisit.push_back(exchange.id);
        }
    };
    m_toVisit.clear();
    reachExchange(start);
    for (std::size_t next = 0; next < m_toVisit.size(); ++next) {
        Exchange &exchange = exchanges.at(m_toVisit[next]);
        if (exchange.id == defaultExchange) {
            for (const std::string_view key : input.keys) {
                if (Queue *queue = findQueue(key))
                    reachQueue(*queue);
            }
            continue;
        }
        m_matched.clear();
        std::visit([&](auto &router) { router.match(input, m_matched); }, exchange.router);
        for (const BindingId id : m_matched) {
            Binding &binding = bindings.at(id);
            ++binding.matched;
            binding.lastMatch = now;
            if (const auto *queue = std::get_if<QueueId>(&binding.destination))
                reachQueue(queues.at(*queue));
            else
                reachExchange(exchanges.at(std::get<ExchangeId>(binding.destination)));
        }
        if (m_matched.empty() && exchange.alternate) {
            if (Exchange *alternate = findExchange(*exchange.alternate))
                reachExchange(*alternate);
        }
    }
}

} // namespace queuelab::exchange
