#include "engine/world/hand.h"

#include "engine/world/client_configs.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::world {

namespace {

template <class Config> Outcome checkConfig(const Result<Config, ConfigProblem> &config)
{
    if (!config)
        return refused(log::ErrorCode::InvalidConfig,
            fmt::format("{}; {}", config.error().problem, config.error().remedy));
    return {};
}

} // namespace

Outcome Hand::operator()(const AddProducer &command)
{
    if (Outcome checked = checkConfig(producerConfig(command)); !checked)
        return checked;
    return m_world.runErrand(command);
}

Outcome Hand::operator()(const AddConsumer &command)
{
    if (Outcome checked = checkConfig(consumerConfig(command)); !checked)
        return checked;
    return m_world.runErrand(command);
}

Outcome Hand::operator()(const AddShareConsumer &command)
{
    if (Outcome checked = checkConfig(shareConsumerConfig(command)); !checked)
        return checked;
    return m_world.runErrand(command);
}

Outcome Hand::operator()(const AddTransformer &command)
{
    if (Outcome checked = checkConfig(transformerConfigs(command, command.name)); !checked)
        return checked;
    return m_world.runErrand(command);
}

Outcome Hand::addNow(const AddProducer &command)
{
    return add(ClientRole::Producer, Engine::Log, command.name, "producer", 1,
        [&](const std::string &name) { return makeProducer(command, name, allBrokers()); });
}

Outcome Hand::addNow(const AddConsumer &command)
{
    return add(ClientRole::Consumer, Engine::Log, command.name, command.group, command.count,
        [&](const std::string &name) { return makeConsumer(command, name, allBrokers()); });
}

Outcome Hand::addNow(const AddShareConsumer &command)
{
    return add(ClientRole::Consumer, Engine::Log, command.name, command.group, command.count,
        [&](const std::string &name) { return makeShareConsumer(command, name, allBrokers()); });
}

Outcome Hand::addNow(const AddTransformer &command)
{
    return add(ClientRole::Consumer, Engine::Log, command.name, command.group, command.count,
        [&](const std::string &name) { return makeTransformer(command, name, allBrokers()); });
}

Outcome Hand::addNow(const Redrive &command)
{
    return add(ClientRole::Consumer, Engine::Log, command.name, "redrive", 1,
        [&](const std::string &name) { return makeRedriver(command, name, allBrokers()); });
}

std::vector<NodeId> Hand::allBrokers() const
{
    std::vector<NodeId> brokers;
    for (const LogNode &node : m_world.logNodes)
        brokers.push_back(node.id);
    return brokers;
}

bool Hand::isTaken(const std::string &name) const
{
    return std::ranges::find(m_world.hosts, name, &Host::name) != m_world.hosts.end();
}

Result<Host *, CommandError> Hand::find(const std::string &name) const
{
    const auto found = std::ranges::find(m_world.hosts, name, &Host::name);
    if (found != m_world.hosts.end())
        return &*found;
    std::vector<std::string> names;
    std::ranges::transform(m_world.hosts, std::back_inserter(names), &Host::name);
    return refused(
        "unknown-client", withNearest(fmt::format("there is no client '{}'", name), name, names));
}

Result<Host *, CommandError> Hand::findRunning(const std::string &name) const
{
    Result<Host *, CommandError> host = find(name);
    if (host && (*host)->state != ClientState::Running)
        return refused(
            "not-running", fmt::format("'{}' is not running; resume or restart it first", name));
    return host;
}

Outcome Hand::stop(const std::string &name)
{
    const auto host = findRunning(name);
    if (!host)
        return std::unexpected(host.error());
    m_world.stop(**host);
    return {};
}

Outcome Hand::operator()(const CrashConsumer &command)
{
    const auto host = find(command.name);
    if (!host)
        return std::unexpected(host.error());
    if ((*host)->state != ClientState::Running && (*host)->state != ClientState::Paused)
        return refused("not-running", fmt::format("'{}' does not run", command.name));
    m_world.endLife(**host, ClientState::Crashed, WorldReason::ByCommand);
    return {};
}

Outcome Hand::operator()(const RestartConsumer &command)
{
    const auto host = find(command.name);
    if (!host)
        return std::unexpected(host.error());
    if ((*host)->state != ClientState::Crashed && (*host)->state != ClientState::Stopped)
        return refused(
            "already-running", fmt::format("'{}' runs; crash or stop it first", command.name));
    m_world.beginLife(**host);
    return {};
}

Outcome Hand::operator()(const PauseConsumer &command)
{
    const auto host = findRunning(command.name);
    if (!host)
        return std::unexpected(host.error());
    (*host)->state = ClientState::Paused;
    (*host)->actor->pause();
    m_world.record(WorldEvent::ClientPaused, (*host)->nameId);
    return {};
}

Outcome Hand::operator()(const ResumeConsumer &command)
{
    const auto host = find(command.name);
    if (!host)
        return std::unexpected(host.error());
    if ((*host)->state != ClientState::Paused)
        return refused("not-paused", fmt::format("'{}' is not paused", command.name));
    m_world.resume(**host);
    return {};
}

Outcome Hand::operator()(const SetProcessing &command)
{
    const auto host = findRunning(command.name);
    if (!host)
        return std::unexpected(host.error());
    bool set = false;
    m_world.act(**host, [&](Actor &actor, ActorContext &context) {
        set = actor.setProcessing(command.processing, context);
    });
    if (!set)
        return refused("no-such-setting", fmt::format("'{}' has no processing time", command.name));
    return {};
}

Outcome Hand::operator()(const SetRate &command)
{
    const auto host = findRunning(command.name);
    if (!host)
        return std::unexpected(host.error());
    bool set = false;
    m_world.act(**host,
        [&](Actor &actor, ActorContext &context) { set = actor.setRate(command.rate, context); });
    if (!set)
        return refused("no-such-setting", fmt::format("'{}' has no rate", command.name));
    return {};
}

} // namespace queuelab::world
