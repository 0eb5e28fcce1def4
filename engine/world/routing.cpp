#include "engine/world/world_state.h"

#include <algorithm>

namespace queuelab::world {

Host *World::State::hostOf(ClientId client)
{
    const HostIndex index =
        client.value() < hostOfClient.size() ? hostOfClient[client.value()] : kNoHost;
    return index == kNoHost ? nullptr : &hosts[index];
}

Host *World::State::living(ClientId client)
{
    Host *host = hostOf(client);
    const bool lives = host && host->client == client
        && (host->state == ClientState::Running || host->state == ClientState::Paused);
    return lives ? host : nullptr;
}

namespace {

/// As TCP: latency and jitter, but nothing overtakes what was sent before on the same connection.
Instant arrival(const WorldConfig &config, Instant now, Random &random, Instant &last)
{
    Instant at = now + config.latency;
    if (config.jitter > Duration{})
        at += Duration(random.between(0, config.jitter.count()));
    last = std::max(at, last);
    return last;
}

/// Whose connection an item travels on; nothing for wake-ups.
std::optional<ClientId> travelsFor(const Item &item)
{
    struct {
        std::optional<ClientId> operator()(const ToLog &to) const { return to.request.client; }
        std::optional<ClientId> operator()(const FromLog &from) const { return from.answer.client; }
        std::optional<ClientId> operator()(const ToExchange &to) const
        {
            return to.method.connection;
        }
        std::optional<ClientId> operator()(const FromExchange &from) const
        {
            return from.method.connection;
        }
        std::optional<ClientId> operator()(const ToVisibility &to) const
        {
            return to.request.client;
        }
        std::optional<ClientId> operator()(const FromVisibility &from) const
        {
            return from.answer.client;
        }
        std::optional<ClientId> operator()(const ClientLeft &left) const { return left.client; }
        std::optional<ClientId> operator()(const ConnectionBroke &broke) const
        {
            return broke.client;
        }
        std::optional<ClientId> operator()(const WakeLog &) const { return std::nullopt; }
        std::optional<ClientId> operator()(const WakeExchange &) const { return std::nullopt; }
        std::optional<ClientId> operator()(const WakeVisibility &) const { return std::nullopt; }
        std::optional<ClientId> operator()(const WakeClient &) const { return std::nullopt; }
    } client;
    return std::visit(client, item);
}

template <class... Cases> struct Overloaded : Cases... {
    using Cases::operator()...;
};

} // namespace

Instant World::State::toEngine(Host &host)
{
    return arrival(config, now, host.linkRandom, host.lastToEngine);
}

Instant World::State::toClient(Host &host)
{
    return arrival(config, now, host.linkRandom, host.lastToClient);
}

void World::State::wakeAt(Wakes &wakes, Instant at, Item item)
{
    at = std::max(at, now);
    if (wakes.ask(at))
        agenda.add(at, std::move(item));
}

void World::State::deliver(Item item)
{
    if (const std::optional<ClientId> client = travelsFor(item)) {
        Host *host = hostOf(*client);
        if (host && host->linkCut) {
            host->onTheLine.push_back(std::move(item));
            return;
        }
    }
    // A client that was paused keeps what came for it at its door; one that is gone gets nothing.
    const auto hand = [&](ClientId client, auto &&step) {
        Host *host = living(client);
        if (!host)
            return;
        if (host->state == ClientState::Paused)
            host->atTheDoor.push_back(std::move(item));
        else
            act(*host, step);
    };
    std::visit(
        Overloaded{
            [&](ToLog &to) {
                LogNode &node = logNodes[static_cast<std::size_t>(to.node.value() - 1)];
                if (node.alive)
                    applyToLog(node, log::Input(std::move(to.request)));
                else if (Host *host = living(to.request.client)) // connection refused
                    agenda.add(toClient(*host), ConnectionBroke{host->client, node.id});
            },
            [&](FromLog &from) {
                hand(from.answer.client, [&](Actor &actor, ActorContext &actorContext) {
                    actor.receive(from.answer.id, from.answer.response, actorContext);
                });
            },
            [&](ToExchange &to) { applyToExchange(exchange::Input(std::move(to.method))); },
            [&](FromExchange &from) {
                hand(from.method.connection, [&](Actor &actor, ActorContext &actorContext) {
                    actor.receive(from.method.channel, from.method.method, actorContext);
                });
            },
            [&](ToVisibility &to) { applyToVisibility(visibility::Input(std::move(to.request))); },
            [&](FromVisibility &from) {
                hand(from.answer.client, [&](Actor &actor, ActorContext &actorContext) {
                    actor.receive(from.answer.id, from.answer.response, actorContext);
                });
            },
            [&](ClientLeft &left) {
                switch (hostOf(left.client)->engine) {
                case Engine::Log:
                    for (LogNode &node : logNodes) {
                        if (node.alive)
                            applyToLog(node, log::ClientGone{left.client});
                    }
                    break;
                case Engine::Exchange:
                    applyToExchange(exchange::ConnectionLost{left.client});
                    break;
                case Engine::Visibility:
                    applyToVisibility(visibility::ClientGone{left.client});
                    break;
                }
            },
            [&](ConnectionBroke &broke) {
                hand(broke.client, [&](Actor &actor, ActorContext &actorContext) {
                    actor.connectionLost(broke.node, actorContext);
                });
            },
            [&](WakeLog &wake) {
                LogNode &node = logNodes[static_cast<std::size_t>(wake.node.value() - 1)];
                if (!node.alive || node.life != wake.life)
                    return;
                node.wakes.came();
                applyToLog(node, log::WakeUp{});
            },
            [&](WakeExchange &) {
                exchangeWakes.came();
                applyToExchange(exchange::WakeUp{});
            },
            [&](WakeVisibility &) {
                visibilityWakes.came();
                applyToVisibility(visibility::WakeUp{});
            },
            [&](WakeClient &wake) {
                Host *host = living(wake.life);
                if (!host)
                    return;
                host->wakes.came();
                if (host->state == ClientState::Running) // resuming wakes a paused one
                    act(*host,
                        [](Actor &actor, ActorContext &actorContext) { actor.wake(actorContext); });
            },
        },
        item);
}

void World::State::applyToLog(LogNode &node, const log::Input &input)
{
    Context base = context(node.random);
    logEffects.clear();
    node.broker.apply(input, base, logEffects);
    carryOutLog(node);
}

void World::State::carryOutLog(LogNode &node)
{
    for (log::Effect &effect : logEffects) {
        if (auto *answer = std::get_if<log::Answer>(&effect)) {
            if (Host *host = living(answer->client))
                agenda.add(toClient(*host), FromLog{node.id, std::move(*answer)});
        } else if (const auto *wake = std::get_if<log::WakeAt>(&effect)) {
            wakeAt(node.wakes, wake->at, WakeLog{node.id, node.life});
        }
    }
    logEffects.clear();
}

void World::State::applyToExchange(const exchange::Input &input)
{
    Context base = context(exchangeRandom);
    exchangeEffects.clear();
    exchange.apply(input, base, exchangeEffects);
    carryOutExchange();
}

void World::State::carryOutExchange()
{
    for (exchange::Effect &effect : exchangeEffects) {
        if (auto *method = std::get_if<exchange::ToClient>(&effect)) {
            if (Host *host = living(method->connection))
                agenda.add(toClient(*host), FromExchange{std::move(*method)});
        } else if (const auto *wake = std::get_if<exchange::WakeAt>(&effect)) {
            wakeAt(exchangeWakes, wake->at, WakeExchange{});
        }
    }
    exchangeEffects.clear();
}

void World::State::applyToVisibility(const visibility::Input &input)
{
    Context base = context(visibilityRandom);
    visibilityEffects.clear();
    visibility.apply(input, base, visibilityEffects);
    carryOutVisibility();
}

void World::State::carryOutVisibility()
{
    for (visibility::Effect &effect : visibilityEffects) {
        if (auto *answer = std::get_if<visibility::Answer>(&effect)) {
            if (Host *host = living(answer->client))
                agenda.add(toClient(*host), FromVisibility{std::move(*answer)});
        } else if (const auto *wake = std::get_if<visibility::WakeAt>(&effect)) {
            wakeAt(visibilityWakes, wake->at, WakeVisibility{});
        }
    }
    visibilityEffects.clear();
}

void World::State::record(
    WorldEvent event, NameId subject, WorldReason why, std::int64_t count, std::int64_t value)
{
    TraceEvent entry;
    entry.at = now;
    entry.kind = kind(event);
    entry.reason = reason(why);
    entry.subject = subject;
    entry.count = count;
    entry.value = value;
    trace.record(entry);
}

void World::State::beginLife(Host &host)
{
    host.client = ClientId(static_cast<std::uint32_t>(hostOfClient.size()));
    hostOfClient.push_back(static_cast<HostIndex>(&host - hosts.data()));
    ++host.life;
    host.state = ClientState::Running;
    host.stopping = false;
    host.wakes.pending.clear();
    record(WorldEvent::ClientStarted, host.nameId, WorldReason::None, 1, host.life);
    act(host, [](Actor &actor, ActorContext &actorContext) { actor.start(actorContext); });
}

void World::State::endLife(Host &host, ClientState state, WorldReason why)
{
    const bool crashed = state == ClientState::Crashed;
    if (crashed)
        host.actor->crash();
    host.state = state;
    host.wakes.pending.clear();
    host.atTheDoor.clear();
    record(crashed ? WorldEvent::ClientCrashed : WorldEvent::ClientStopped, host.nameId, why);
    // The operating system closes the connection; that travels behind what was sent before.
    agenda.add(toEngine(host), ClientLeft{host.client});
}

void World::State::stop(Host &host)
{
    host.stopping = true;
    act(host, [](Actor &actor, ActorContext &actorContext) { actor.stop(actorContext); });
}

void World::State::resume(Host &host)
{
    std::vector<Item> waited = std::exchange(host.atTheDoor, {});
    host.state = ClientState::Running;
    record(WorldEvent::ClientResumed, host.nameId, WorldReason::None,
        static_cast<std::int64_t>(waited.size()));
    act(host, [](Actor &actor, ActorContext &actorContext) { actor.resume(actorContext); });
    for (Item &item : waited)
        deliver(std::move(item));
}

void World::State::mend(Host &host)
{
    std::vector<Item> waited = std::exchange(host.onTheLine, {});
    host.linkCut = false;
    record(WorldEvent::LinkMended, host.nameId, WorldReason::None,
        static_cast<std::int64_t>(waited.size()));
    // As TCP sends again: all of it arrives after one latency, in order, and nothing newer before
    // it.
    const Instant at = std::max({now + config.latency, host.lastToEngine, host.lastToClient});
    host.lastToEngine = at;
    host.lastToClient = at;
    for (Item &item : waited)
        agenda.add(at, std::move(item));
}

void World::State::kill(LogNode &node)
{
    node.alive = false;
    node.wakes.pending.clear();
    record(WorldEvent::BrokerKilled, trace.name(node.name));
    for (Host &host : hosts) {
        if (host.engine == Engine::Log && living(host.client) == &host)
            agenda.add(toClient(host), ConnectionBroke{host.client, node.id});
    }
}

Result<void, Error> World::State::restart(LogNode &node)
{
    log::Broker broker(node.id, logConfig);
    Context base = context(node.random);
    auto opened = broker.open(base);
    if (!opened)
        return std::unexpected(opened.error());
    notes.insert(notes.end(), opened->begin(), opened->end());
    node.broker = std::move(broker);
    node.alive = true;
    ++node.life;
    record(WorldEvent::BrokerRestarted, trace.name(node.name));
    applyToLog(node, log::WakeUp{}); // its first timers
    return {};
}

} // namespace queuelab::world
