#include "engine/world/simulation/faults.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::world::simulation {

namespace {

constexpr Duration kMeanPause = std::chrono::seconds{2};
constexpr Duration kShortestOutage = std::chrono::milliseconds{300};
constexpr Duration kLongestOutage = std::chrono::seconds{9};

/// The broker or client that a mend is about: that thing is broken meanwhile.
std::string brokenThing(const Command &mend)
{
    if (const auto *restart = std::get_if<RestartBroker>(&mend))
        return fmt::format("{}", restart->broker);
    if (const auto *rejoin = std::get_if<RejoinBroker>(&mend))
        return fmt::format("{}", rejoin->broker);
    if (const auto *slow = std::get_if<SlowBroker>(&mend))
        return fmt::format("{}", slow->broker);
    if (const auto *resume = std::get_if<ResumeConsumer>(&mend))
        return resume->name;
    if (const auto *restart = std::get_if<RestartConsumer>(&mend))
        return restart->name;
    if (const auto *link = std::get_if<MendLink>(&mend))
        return link->client.empty() ? fmt::format("{}", link->brokers.front()) : link->client;
    return {};
}

} // namespace

Duration Faults::nextAt() const
{
    Duration at = m_nextFault;
    for (const Timed &mend : m_mends)
        at = std::min(at, mend.at);
    return at;
}

bool Faults::isBusy(const std::string &thing) const
{
    return std::ranges::any_of(
        m_mends, [&](const Timed &mend) { return brokenThing(mend.command) == thing; });
}

std::int32_t Faults::anyBroker()
{
    return static_cast<std::int32_t>(m_random.between(1, m_scenario.world.logBrokers));
}

std::string Faults::anyClient()
{
    std::vector<std::string> names;
    for (const SimulatedProducer &producer : m_scenario.producers)
        names.push_back(producer.name);
    const auto addMembers = [&](const auto &groups) {
        for (const auto &group : groups)
            names.insert(names.end(), group.members.begin(), group.members.end());
    };
    addMembers(m_scenario.groups);
    addMembers(m_scenario.transformers);
    addMembers(m_scenario.shareGroups);
    return names[static_cast<std::size_t>(m_random.below(names.size()))];
}

/// A transformer that was fenced ends by itself.
std::optional<std::string> Faults::endedTransformer(const Snapshot &world) const
{
    for (const SimulatedTransformers &transformers : m_scenario.transformers) {
        for (const ClientSnapshot &client : world.clients) {
            if (client.group == transformers.group && client.state == ClientState::Stopped)
                return client.name;
        }
    }
    return std::nullopt;
}

bool Faults::isHealthy(const Snapshot &world) const
{
    const bool allLive = std::ranges::all_of(
        world.log.brokers, [](const auto &broker) { return broker.alive && !broker.isFenced; });
    return allLive && std::ranges::all_of(world.log.topics, [](const log::TopicSnapshot &topic) {
        return std::ranges::all_of(topic.partitions, [](const log::PartitionSnapshot &partition) {
            return partition.isr.size() == partition.replicas.size();
        });
    });
}

std::optional<Command> Faults::next(Duration now, const Snapshot &world)
{
    const auto mend =
        std::ranges::find_if(m_mends, [&](const Timed &candidate) { return candidate.at <= now; });
    if (mend != m_mends.end()) {
        const Command command = mend->command;
        m_mends.erase(mend);
        return command;
    }
    if (m_nextFault > now)
        return std::nullopt;
    m_nextFault = now + kShortestOutage + m_random.exponential(kMeanPause);
    std::optional<Command> mended;
    const Command fault = draw(world, mended);
    const std::string thing = mended ? brokenThing(*mended) : std::string();
    if (mended) {
        if (isBusy(thing))
            return std::nullopt; // one thing at a time is broken about it
        const Duration outage(m_random.between(kShortestOutage.count(), kLongestOutage.count()));
        m_mends.push_back({now + outage, *mended});
    }
    return fault;
}

Command Faults::draw(const Snapshot &world, std::optional<Command> &mend)
{
    const std::int32_t broker = anyBroker();
    const std::string client = anyClient();
    const std::int32_t other =
        m_scenario.world.logBrokers > 1 ? broker % m_scenario.world.logBrokers + 1 : broker;
    const SimulatedProducer *producer = m_scenario.producer(client);
    // A producer with a transactional id ends what its last life left open.
    const bool mayCrash = !producer || producer->isTransactional;
    if (const std::optional<std::string> ended = endedTransformer(world);
        ended && m_random.chance(0.5))
        return RestartConsumer{*ended};
    switch (m_random.below(12)) {
    case 0:
    case 1: // the process dies
        mend = RestartBroker{broker};
        return KillBroker{broker};
    case 2: { // the power goes
        mend = RestartBroker{broker};
        KillBroker kill{broker};
        if (isHealthy(world) && m_mends.empty())
            kill.loses = "unsynced";
        return kill;
    }
    case 3:
        mend = RestartBroker{broker};
        return StopBroker{broker};
    case 4:
        mend = RejoinBroker{broker};
        return IsolateBroker{broker, m_random.chance(0.5) ? "everyone" : "brokers"};
    case 5:
        if (other != broker) {
            MendLink link;
            link.brokers = {broker, other};
            mend = link;
            CutLink cut;
            cut.brokers = link.brokers;
            return cut;
        }
        [[fallthrough]];
    case 6: {
        MendLink link;
        link.client = client;
        if (m_random.chance(0.5))
            link.broker = broker;
        mend = link;
        CutLink cut;
        cut.client = link.client;
        cut.broker = link.broker;
        return cut;
    }
    case 7:
        mend = SlowBroker{broker, Duration{}};
        return SlowBroker{broker, std::chrono::milliseconds(m_random.between(5, 400))};
    case 8: { // both ends learn it: a retry meets what was carried before
        ResetLink reset;
        if (other != broker && m_random.chance(0.3)) {
            reset.brokers = {broker, other};
        } else {
            reset.client = client;
            reset.broker = broker;
        }
        return reset;
    }
    case 9: {
        // A coordinator tells by its wall clock how old a transaction is, as Kafka's does: set back
        // by an hour, it would leave open for an hour what a dead producer left.
        const bool areAgesAtStake = !m_scenario.transformers.empty()
            || std::ranges::any_of(m_scenario.producers, &SimulatedProducer::isTransactional);
        const std::int64_t most = areAgesAtStake ? 5 : 3'600;
        return SkipClock{broker, {std::chrono::seconds(m_random.between(-most, most))}};
    }
    case 10:
        if (mayCrash) {
            mend = RestartConsumer{client};
            return CrashConsumer{client};
        }
        [[fallthrough]];
    default:
        mend = ResumeConsumer{client};
        return PauseConsumer{client};
    }
}

std::vector<Command> Faults::healAll(const Snapshot &world)
{
    std::vector<Command> all;
    for (const Timed &mend : m_mends) {
        if (!std::holds_alternative<RestartBroker>(mend.command)
            && !std::holds_alternative<RestartConsumer>(mend.command)
            && !std::holds_alternative<ResumeConsumer>(mend.command))
            all.push_back(mend.command);
    }
    m_mends.clear();
    // Processes as they are found: a controlled shutdown may only have ended by now.
    for (const log::BrokerSnapshot &broker : world.log.brokers) {
        if (!broker.alive)
            all.emplace_back(RestartBroker{broker.id});
    }
    for (const ClientSnapshot &client : world.clients) {
        if (client.state == ClientState::Paused)
            all.emplace_back(ResumeConsumer{client.name});
        else if (client.state == ClientState::Crashed)
            all.emplace_back(RestartConsumer{client.name});
    }
    if (const std::optional<std::string> ended = endedTransformer(world))
        all.emplace_back(RestartConsumer{*ended});
    return all;
}

} // namespace queuelab::world::simulation
