#include "engine/world/world_state.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace queuelab::world {

void World::State::connectBrokers()
{
    for (const LogNode &one : logNodes) {
        for (const LogNode &other : logNodes) {
            if (one.id < other.id)
                connections.emplace_back(kNoHost, one.id, other.id,
                    root.stream(fmt::format("link of {} and {}", one.name, other.name)));
        }
    }
}

void World::State::connect(Host &host)
{
    const auto index = static_cast<HostIndex>(&host - hosts.data());
    host.firstConnection = static_cast<ConnectionIndex>(connections.size());
    if (host.engine != Engine::Log) {
        connections.emplace_back(
            index, NodeId{0}, NodeId{0}, root.stream(fmt::format("link of {}", host.name)));
        return;
    }
    host.connections = static_cast<std::uint32_t>(logNodes.size());
    for (const LogNode &node : logNodes)
        connections.emplace_back(index, NodeId{0}, node.id,
            root.stream(fmt::format("link of {} to {}", host.name, node.name)));
}

ConnectionIndex World::State::connectionOf(const Host &host, NodeId broker) const
{
    const auto offset = static_cast<std::uint32_t>(std::max(broker.value() - 1, 0));
    invariant(offset < host.connections, "a client speaks to brokers that are there");
    return host.firstConnection + offset;
}

ConnectionIndex World::State::connectionBetween(NodeId one, NodeId other) const
{
    const auto found = std::ranges::find_if(connections, [&](const Connection &connection) {
        return connection.near == std::min(one, other) && connection.far == std::max(one, other);
    });
    invariant(found != connections.end(), "a broker speaks to brokers that are there");
    return static_cast<ConnectionIndex>(found - connections.begin());
}

namespace {

/// When something sent now comes to that end: after latency and jitter, as TCP never before what
/// was sent there earlier.
Instant arrivalAt(const World::State &world, Connection &connection, End to)
{
    Duration latency = world.config.latency;
    for (const End end : {End::Near, End::Far}) {
        if (connection.brokerAt(end).value() != 0)
            latency += world.nodeOf(connection.brokerAt(end)).slowness;
    }
    if (world.config.jitter > Duration{})
        latency += Duration(connection.jitter.between(0, world.config.jitter.count()));
    Instant &last = connection.lastArrivalAt(to);
    last = std::max(world.now + latency, last);
    return last;
}

} // namespace

void World::State::send(ConnectionIndex index, End to, Message message)
{
    Connection &connection = connections[index];
    const std::uint32_t life = connection.knownAt(otherEnd(to));
    if (life == connection.life)
        connection.open = true;
    agenda.add(arrivalAt(*this, connection, to), Carried{index, to, life, std::move(message)});
}

bool World::State::isBlocked(const Connection &connection) const
{
    if (connection.cut)
        return true;
    const bool fromClient = connection.client != kNoHost;
    if (fromClient && hosts[connection.client].linkCut)
        return true;
    return std::ranges::any_of(std::array{connection.near, connection.far}, [&](NodeId id) {
        if (id.value() == 0)
            return false;
        const Isolation isolation = nodeOf(id).isolation;
        return isolation == Isolation::FromEveryone
            || (isolation == Isolation::FromBrokers && !fromClient);
    });
}

void World::State::arrive(Carried &&carried)
{
    const ConnectionIndex index = carried.connection;
    Connection &connection = connections[index];
    // What comes while older messages still wait stays behind them.
    if (isBlocked(connection) || !connection.waiting.empty()) {
        connection.waiting.emplace_back(std::move(carried));
        return;
    }
    if (carried.life != connection.life)
        return; // it was on the line when the connection broke
    const NodeId broker = connection.brokerAt(carried.to);
    if (broker.value() != 0 && !nodeOf(broker).alive) {
        breakConnection(index, carried.to); // connection refused
        return;
    }
    if (logTap) {
        if (const auto *to = std::get_if<ToLog>(&carried.message))
            logTap->request(broker, to->request, now);
        else if (const auto *from = std::get_if<FromLog>(&carried.message))
            logTap->answer(connection.brokerAt(otherEnd(carried.to)), from->answer, now);
    }
    deliver(std::move(carried));
}

void World::State::arrive(const Broken &broken)
{
    Connection &connection = connections[broken.connection];
    if (isBlocked(connection) || !connection.waiting.empty()) {
        connection.waiting.emplace_back(broken);
        return;
    }
    std::uint32_t &known = connection.knownAt(broken.to);
    if (known >= broken.life)
        return; // a process that began later knows already
    known = broken.life;
    deliver(broken);
}

void World::State::breakConnection(ConnectionIndex index, std::optional<End> dead)
{
    Connection &connection = connections[index];
    connection.open = false;
    ++connection.life;
    const bool ofClient = connection.client != kNoHost;
    for (const End end : {End::Near, End::Far}) {
        if (end == dead)
            continue;
        agenda.add(arrivalAt(*this, connection, end),
            Broken{index, end, connection.life,
                ofClient ? hosts[connection.client].client : ClientId{0}});
    }
}

void World::State::breakConnectionsOf(const LogNode &node)
{
    for (std::size_t index = 0; index < connections.size(); ++index) {
        Connection &connection = connections[index];
        for (const End end : {End::Near, End::Far}) {
            if (connection.brokerAt(end) == node.id && connection.open)
                breakConnection(static_cast<ConnectionIndex>(index), end);
        }
    }
}

std::int64_t World::State::release()
{
    std::int64_t messages = 0;
    for (std::size_t index = 0; index < connections.size(); ++index) {
        const Connection &connection = connections[index];
        if (connection.waiting.empty() || isBlocked(connection))
            continue;
        messages += static_cast<std::int64_t>(connection.waiting.size());
        agenda.add(now + config.latency, Drain{static_cast<ConnectionIndex>(index)});
    }
    return messages;
}

void World::State::drain(ConnectionIndex index)
{
    if (isBlocked(connections[index]))
        return; // it was cut again meanwhile
    for (Item &item : std::exchange(connections[index].waiting, {})) {
        if (auto *carried = std::get_if<Carried>(&item))
            arrive(std::move(*carried));
        else
            arrive(std::get<Broken>(item));
    }
}

} // namespace queuelab::world
