#include "engine/world/world.h"

#include "engine/world/client_configs.h"
#include "engine/world/world_state.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::world {

namespace {

constexpr Duration kRateWindow = std::chrono::seconds{1};

/// What a client's rate counts: what it sends, or what it gets done.
std::uint64_t messagesOf(const Host &host, const NameTable &names)
{
    ClientSnapshot client;
    client.role = host.role;
    host.actor->describe(client, names);
    switch (host.role) {
    case ClientRole::Producer:
    case ClientRole::Publisher:
    case ClientRole::Sender:
        return client.sent;
    case ClientRole::Consumer:
    case ClientRole::Worker:
    case ClientRole::Receiver:
        return client.handled;
    }
    return 0;
}

/// Who the brokers and the voters are; one broker alone is the default.
void nameTheCluster(const WorldConfig &config, log::BrokerConfig &settings)
{
    if (config.logBrokers == 1)
        return;
    constexpr std::int32_t kUsualVoters = 3;
    const std::int32_t voters = config.logControllers != 0
        ? config.logControllers
        : std::min(kUsualVoters, config.logBrokers);
    for (std::int32_t number = 1; number <= config.logBrokers; ++number) {
        settings.brokers.emplace_back(number);
        if (number <= voters)
            settings.quorumVoters.emplace_back(number);
    }
}

} // namespace

World::State::State(WorldConfig worldConfig, std::unique_ptr<Files> worldFiles, Mode worldMode,
    Instant worldStart, const log::BrokerConfig &brokerSettings)
    : config(std::move(worldConfig))
    , mode(worldMode)
    , start(worldStart)
    , now(worldStart)
    , root(config.seed)
    , files(std::move(worldFiles))
    , logConfig(brokerSettings)
    , exchange(exchange::BrokerConfig{})
    , exchangeRandom(root.stream("exchange"))
    , visibility(visibility::ServiceConfig{})
    , visibilityRandom(root.stream("visibility"))
    , hostOfClient(kYourClient.value() + 1, kNoHost)
    , series(worldStart)
    , nextRates(worldStart + kRateWindow)
    , yourRandom(root.stream(kYou))
{
    for (std::int32_t number = 1; number <= config.logBrokers; ++number) {
        const NodeId id{number};
        std::string name = fmt::format("broker-{}", number);
        const Random random = root.stream(name);
        logNodes.emplace_back(id, std::move(name), log::Broker(id, logConfig), random);
    }
    connectBrokers();
}

World::World() = default;
World::~World() = default;

Result<std::unique_ptr<World>, Error> World::create(
    WorldConfig config, std::unique_ptr<Files> files, Mode mode, Instant start, log::PlantedBug bug)
{
    if (config.logBrokers < 1 || config.logBrokers > WorldConfig::kMostLogBrokers)
        return std::unexpected(
            Error{"world: log: brokers", fmt::format("cannot be {}", config.logBrokers),
                fmt::format("write 1 to {}", WorldConfig::kMostLogBrokers)});
    if (config.logControllers < 0 || config.logControllers > config.logBrokers)
        return std::unexpected(
            Error{"world: log: controllers", fmt::format("cannot be {}", config.logControllers),
                fmt::format("there are {} brokers that can vote", config.logBrokers)});
    auto settings = brokerConfig(config.logConfigs);
    if (!settings)
        return std::unexpected(
            Error{"world: log: configs", settings.error().problem, settings.error().remedy});
    nameTheCluster(config, *settings);
    settings->plantedBug = bug;

    std::unique_ptr<World> world(new World);
    world->m_state =
        std::make_unique<State>(std::move(config), std::move(files), mode, start, *settings);
    State &state = *world->m_state;
    for (LogNode &node : state.logNodes) {
        Context context = state.context(node);
        auto opened = node.broker.open(context);
        if (!opened)
            return std::unexpected(opened.error());
        state.notes.insert(state.notes.end(), opened->begin(), opened->end());
        // Its first timers (retention) are asked for when it is first woken.
        state.applyToLog(node, log::WakeUp{});
    }
    return world;
}

std::unique_ptr<World> World::copy() const
{
    std::unique_ptr<World> world(new World);
    world->m_state = std::make_unique<State>(*m_state);
    if (!world->m_state->files)
        return nullptr;
    world->m_state->logTap = nullptr;
    return world;
}

Result<void, CommandError> World::apply(const Command &command)
{
    return m_state->apply(command);
}

std::optional<Instant> World::nextDue() const
{
    return m_state->agenda.nextDue();
}

bool World::step()
{
    if (m_state->agenda.empty())
        return false;
    m_state->runNext();
    return true;
}

bool World::runUntil(Instant until, std::uint64_t maxSteps)
{
    while (true) {
        const std::optional<Instant> due = m_state->agenda.nextDue();
        if (!due || *due > until)
            break;
        if (maxSteps-- == 0)
            return false;
        m_state->runNext();
    }
    m_state->advanceTo(std::max(until, m_state->now));
    return true;
}

void World::State::runNext()
{
    advanceTo(std::max(*agenda.nextDue(), now));
    ++steps;
    run(agenda.take());
}

void World::State::advanceTo(Instant to)
{
    // Samples are of the moment when everything due by then has been done: so once time moves
    // beyond it.
    while (series.nextSample() < to)
        sample();
    if (nextRates < to) {
        measureRates();
        nextRates += kRateWindow;
    }
    if (nextRates < to) { // after a quiet stretch the last full second was a quiet one
        measureRates();
        nextRates += ((to - nextRates - Duration{1}) / kRateWindow + 1) * kRateWindow;
    }
    now = to;
}

void World::State::measureRates()
{
    for (Host &host : hosts) {
        const std::uint64_t count = messagesOf(host, trace.names());
        // A client that starts again with empty memory counts from 0.
        const std::uint64_t grown = count >= host.countBefore ? count - host.countBefore : count;
        host.rate = static_cast<double>(grown);
        host.countBefore = count;
    }
}

std::uint64_t World::memoryBytes() const
{
    return m_state->files->memoryBytes();
}

Instant World::now() const
{
    return m_state->now;
}

Instant World::start() const
{
    return m_state->start;
}

std::uint64_t World::steps() const
{
    return m_state->steps;
}

const WorldConfig &World::config() const
{
    return m_state->config;
}

Mode World::mode() const
{
    return m_state->mode;
}

const Trace &World::trace() const
{
    return m_state->trace;
}

void World::setTraceSink(TraceSink *sink)
{
    m_state->trace.setSink(sink);
}

void World::setLogTap(LogTap *tap)
{
    m_state->logTap = tap;
}

Result<std::vector<SharedBytes>, log::ErrorCode> World::replicaBatches(NodeId broker,
    const log::TopicPartition &partition, std::int64_t fromOffset, std::uint64_t maxBytes) const
{
    const LogNode &node = m_state->nodeOf(broker);
    if (!node.alive)
        return std::unexpected(log::ErrorCode::NetworkException);
    return node.broker.peek(partition, fromOffset, maxBytes, *m_state->files);
}

std::shared_ptr<const Snapshot> World::snapshot() const
{
    return m_state->snapshot();
}

std::vector<World::MessageRow> World::records(const std::string &topic, std::int32_t partition,
    std::int64_t fromOffset, std::size_t limit) const
{
    return m_state->records(topic, partition, fromOffset, limit);
}

Result<void, Error> World::close()
{
    for (LogNode &node : m_state->logNodes) {
        if (!node.alive)
            continue;
        Context context = m_state->context(node);
        if (auto closed = node.broker.close(context); !closed)
            return closed;
        node.alive = false;
    }
    return {};
}

} // namespace queuelab::world
