#include "engine/world/hand.h"

#include "engine/core/memory_files.h"

#include <fmt/format.h>

namespace queuelab::world {

Result<LogNode *, CommandError> Hand::findBroker(std::int32_t number) const
{
    if (number < 1 || number > static_cast<std::int32_t>(m_world.logNodes.size()))
        return refused("unknown-broker",
            fmt::format(
                "there is no broker {}: the world has {}", number, m_world.logNodes.size()));
    return &m_world.nodeOf(NodeId{number});
}

Result<LogNode *, CommandError> Hand::findRunningBroker(std::int32_t number) const
{
    Result<LogNode *, CommandError> node = findBroker(number);
    if (node && !(*node)->alive)
        return refused("not-running", fmt::format("{} is down already", (*node)->name));
    return node;
}

Outcome Hand::operator()(const KillBroker &command)
{
    const auto found = findRunningBroker(command.broker);
    if (!found)
        return std::unexpected(found.error());
    LogNode &node = **found;
    auto *memory = dynamic_cast<MemoryFiles *>(&*m_world.files);
    if (!memory)
        return refused("live-world",
            "a broker on a real directory cannot be killed from inside its own process");
    if (command.loses == "unsynced") {
        m_world.endLife(node, WorldEvent::BrokerKilled, WorldReason::UnsyncedLost);
        Random torn = m_world.root.stream(fmt::format("power of {} {}", node.name, node.life));
        memory->crash(node.name, &torn);
    } else if (command.loses == "disk") {
        m_world.endLife(node, WorldEvent::BrokerKilled, WorldReason::DiskLost);
        memory->closeAll(node.name);
        if (const auto removed = memory->remove(node.name); !removed)
            return refused("no-such-directory", removed.error().text());
    } else {
        m_world.endLife(node, WorldEvent::BrokerKilled, WorldReason::NothingLost);
        memory->closeAll(node.name);
    }
    return {};
}

Outcome Hand::operator()(const RestartBroker &command)
{
    const auto node = findBroker(command.broker);
    if (!node)
        return std::unexpected(node.error());
    if ((*node)->alive)
        return refused("already-running", fmt::format("{} runs", (*node)->name));
    if (const auto restarted = m_world.restart(**node); !restarted)
        return refused("recovery-failed", restarted.error().text());
    return {};
}

Outcome Hand::operator()(const StopBroker &command)
{
    const auto node = findRunningBroker(command.broker);
    if (!node)
        return std::unexpected(node.error());
    if ((*node)->stopping)
        return refused("already-stopping", fmt::format("{} shuts down already", (*node)->name));
    m_world.beginShutDown(**node);
    return {};
}

Outcome Hand::operator()(const IsolateBroker &command)
{
    const auto node = findBroker(command.broker);
    if (!node)
        return std::unexpected(node.error());
    const bool fromEveryone = command.from == "everyone";
    const Isolation wanted = fromEveryone ? Isolation::FromEveryone : Isolation::FromBrokers;
    if ((*node)->isolation == wanted)
        return refused("already-isolated", fmt::format("{} is isolated already", (*node)->name));
    (*node)->isolation = wanted;
    m_world.record(WorldEvent::BrokerIsolated, m_world.trace.name((*node)->name),
        fromEveryone ? WorldReason::FromEveryone : WorldReason::FromBrokers);
    m_world.release(); // from everyone to brokers alone lets clients through again
    return {};
}

Outcome Hand::operator()(const RejoinBroker &command)
{
    const auto node = findBroker(command.broker);
    if (!node)
        return std::unexpected(node.error());
    if ((*node)->isolation == Isolation::None)
        return refused("not-isolated", fmt::format("{} is not isolated", (*node)->name));
    (*node)->isolation = Isolation::None;
    const std::int64_t waited = m_world.release();
    m_world.record(
        WorldEvent::BrokerRejoined, m_world.trace.name((*node)->name), WorldReason::None, waited);
    return {};
}

Outcome Hand::operator()(const SlowBroker &command)
{
    const auto node = findBroker(command.broker);
    if (!node)
        return std::unexpected(node.error());
    (*node)->slowness = command.latency;
    m_world.record(WorldEvent::BrokerSlowed, m_world.trace.name((*node)->name), WorldReason::None,
        1, command.latency.count());
    return {};
}

Outcome Hand::operator()(const SkipClock &command)
{
    const auto node = findBroker(command.broker);
    if (!node)
        return std::unexpected(node.error());
    (*node)->clockError += command.by.value;
    m_world.record(WorldEvent::ClockSkipped, m_world.trace.name((*node)->name), WorldReason::None,
        1, command.by.value.count());
    return {};
}

// Links.

Result<Hand::Link, CommandError> Hand::findLink(const std::string &client,
    std::optional<std::int32_t> broker, const std::vector<std::int32_t> &brokers)
{
    if (const std::optional<std::string> wrong = linkProblem(client, broker, brokers))
        return refused("no-such-link", *wrong);
    if (client.empty()) {
        const auto one = findBroker(brokers[0]);
        if (!one)
            return std::unexpected(one.error());
        const auto other = findBroker(brokers[1]);
        if (!other)
            return std::unexpected(other.error());
        return Link{nullptr, m_world.connectionBetween((*one)->id, (*other)->id),
            m_world.trace.name((*one)->name), m_world.trace.name((*other)->name)};
    }
    const auto host = find(client);
    if (!host)
        return std::unexpected(host.error());
    if (!broker)
        return Link{*host, std::nullopt, (*host)->nameId, kNoName};
    const auto node = findBroker(*broker);
    if (!node)
        return std::unexpected(node.error());
    if ((*host)->engine != Engine::Log)
        return refused(
            "no-such-link", fmt::format("'{}' does not speak to brokers of the log", client));
    return Link{*host, m_world.connectionOf(**host, (*node)->id), (*host)->nameId,
        m_world.trace.name((*node)->name)};
}

void Hand::recordLink(WorldEvent event, const Link &link, std::int64_t count)
{
    TraceEvent entry;
    entry.at = m_world.now;
    entry.kind = kind(event);
    entry.subject = link.near;
    entry.actor = link.far;
    entry.count = count;
    m_world.trace.record(entry);
}

bool &Hand::isCut(const Link &link)
{
    return link.connection ? m_world.connections[*link.connection].cut : link.host->linkCut;
}

Outcome Hand::operator()(const CutLink &command)
{
    const auto link = findLink(command.client, command.broker, command.brokers);
    if (!link)
        return std::unexpected(link.error());
    if (isCut(*link))
        return refused("already-cut", "that link is cut already");
    isCut(*link) = true;
    recordLink(link->connection ? WorldEvent::ConnectionCut : WorldEvent::LinkCut, *link, 1);
    return {};
}

Outcome Hand::operator()(const MendLink &command)
{
    const auto link = findLink(command.client, command.broker, command.brokers);
    if (!link)
        return std::unexpected(link.error());
    if (!isCut(*link))
        return refused("not-cut", "that link is whole");
    isCut(*link) = false;
    const std::int64_t waited = m_world.release();
    recordLink(
        link->connection ? WorldEvent::ConnectionMended : WorldEvent::LinkMended, *link, waited);
    return {};
}

Outcome Hand::operator()(const ResetLink &command)
{
    const auto link = findLink(command.client, command.broker, command.brokers);
    if (!link)
        return std::unexpected(link.error());
    const ConnectionIndex first =
        link->connection ? *link->connection : link->host->firstConnection;
    const std::uint32_t count = link->connection ? 1 : link->host->connections;
    for (ConnectionIndex index = first; index < first + count; ++index) {
        if (m_world.connections[index].open)
            m_world.breakConnection(index);
    }
    recordLink(link->connection ? WorldEvent::ConnectionReset : WorldEvent::LinkReset, *link, 1);
    return {};
}

} // namespace queuelab::world
