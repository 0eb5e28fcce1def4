#include "engine/world/world_state.h"

#include <fmt/format.h>

#include <utility>

namespace queuelab::world {

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
    for (std::uint32_t number = 0; number < host.connections; ++number) {
        Connection &connection = connections[host.firstConnection + number];
        connection.knownAt(End::Near) = connection.life;
    }
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
    // The operating system closes the connections; that travels behind what was sent before.
    for (std::uint32_t number = 0; number < host.connections; ++number) {
        if (connections[host.firstConnection + number].open)
            send(host.firstConnection + number, End::Far, ClientLeft{host.client});
    }
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
    for (Item &item : waited) {
        if (auto *carried = std::get_if<Carried>(&item))
            deliver(std::move(*carried));
        else
            deliver(std::get<Broken>(item));
    }
}

void World::State::endLife(LogNode &node, WorldEvent event, WorldReason why)
{
    node.alive = false;
    node.stopping = false;
    node.wakes.pending.clear();
    record(event, trace.name(node.name), why);
    breakConnectionsOf(node);
    if (!errands.empty() && errands.front().request && errands.front().asked == node.id)
        agenda.add(now, YourTurn{errands.front().number});
}

void World::State::beginShutDown(LogNode &node)
{
    node.stopping = true;
    Context base = context(node);
    logEffects.clear();
    node.broker.shutDown(base, logEffects);
    carryOutLog(node);
}

void World::State::finishShutDown(LogNode &node)
{
    Context base = context(node);
    if (const auto closed = node.broker.close(base); !closed)
        notes.push_back(closed.error().text());
    endLife(node, WorldEvent::BrokerStopped);
}

Result<void, Error> World::State::restart(LogNode &node)
{
    log::Broker broker(node.id, logConfig);
    Context base = context(node);
    auto opened = broker.open(base);
    if (!opened)
        return std::unexpected(opened.error());
    notes.insert(notes.end(), opened->begin(), opened->end());
    node.broker = std::move(broker);
    node.alive = true;
    ++node.life;
    for (Connection &connection : connections) {
        for (const End end : {End::Near, End::Far}) {
            if (connection.brokerAt(end) == node.id)
                connection.knownAt(end) = connection.life;
        }
    }
    record(WorldEvent::BrokerRestarted, trace.name(node.name));
    applyToLog(node, log::WakeUp{}); // its first timers
    return {};
}

} // namespace queuelab::world
