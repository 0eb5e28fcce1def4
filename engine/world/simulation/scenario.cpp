#include "engine/world/simulation/scenario.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>

namespace queuelab::world::simulation {

namespace {

template <class T, std::size_t N> const T &pick(const std::array<T, N> &choices, Random &random)
{
    return choices[static_cast<std::size_t>(random.below(N))];
}

std::int32_t between(Random &random, std::int32_t low, std::int32_t high)
{
    return static_cast<std::int32_t>(random.between(low, high));
}

WorldConfig drawCluster(std::uint64_t seed, Random &random)
{
    constexpr std::array<std::int32_t, 8> kBrokers{1, 2, 3, 3, 3, 3, 4, 5};
    WorldConfig world;
    world.seed = seed;
    world.logBrokers = pick(kBrokers, random);
    world.latency = std::chrono::microseconds(random.between(200, 3'000));
    world.jitter = std::chrono::microseconds(random.between(0, 4'000));
    world.logConfigs = {
        {"broker.heartbeat.interval.ms", "500"},
        {"broker.session.timeout.ms", "3000"},
        {"controller.quorum.election.timeout.ms", "500"},
        {"controller.quorum.fetch.timeout.ms", "1000"},
        {"controller.quorum.request.timeout.ms", "1000"},
        {"group.initial.rebalance.delay.ms", random.chance(0.5) ? "0" : "500"},
        {"offsets.topic.num.partitions", fmt::format("{}", between(random, 1, 4))},
        {"replica.lag.time.max.ms", "3000"},
        {"unclean.leader.election.interval.ms", "1000"},
        {"leader.imbalance.check.interval.seconds", "10"},
        {"auto.create.topics.enable", "false"},
    };
    if (world.logBrokers >= 2) // as Kafka's operators do: its default of 1 can lose offsets
        world.logConfigs["min.insync.replicas"] = "2";
    return world;
}

void drawTopics(Scenario &scenario, bool safe, Random &random)
{
    const std::int32_t brokers = scenario.world.logBrokers;
    const std::int32_t count = between(random, 1, 2);
    for (std::int32_t number = 0; number < count; ++number) {
        SimulatedTopic &topic = scenario.topics.emplace_back();
        topic.name = number == 0 ? "orders" : "payments";
        topic.partitions = between(random, 1, 4);
        topic.replicationFactor =
            safe ? std::min(brokers, 3) : between(random, 1, std::min(brokers, 3));
        topic.minInsyncReplicas =
            safe ? 2 : between(random, 1, std::min(topic.replicationFactor, 2));
        topic.uncleanElection = !safe && random.chance(0.5);

        CreateTopic create;
        create.name = topic.name;
        create.partitions = topic.partitions;
        create.replicationFactor = topic.replicationFactor;
        create.configs = {{"min.insync.replicas", std::to_string(topic.minInsyncReplicas)},
            {"unclean.leader.election.enable", topic.uncleanElection ? "true" : "false"}};
        if (random.chance(0.3)) // many segments, so that recovery and truncation meet their ends
            create.configs["internal.segment.bytes"] = "16384";
        scenario.commands.emplace_back(create);
    }
}

void drawProducers(Scenario &scenario, bool safe, Random &random)
{
    const std::int32_t count = between(random, 1, 3);
    for (std::int32_t number = 1; number <= count; ++number) {
        SimulatedProducer &producer = scenario.producers.emplace_back();
        producer.name = fmt::format("shop-{}", number);
        producer.topic =
            scenario.topics[static_cast<std::size_t>(random.below(scenario.topics.size()))].name;
        producer.acks = safe || random.chance(0.4) ? std::int16_t{-1}
                                                   : static_cast<std::int16_t>(random.below(2));
        producer.idempotent = producer.acks == -1 && random.chance(0.6);
        producer.maxInFlight = random.chance(0.3) ? 1 : 5;

        AddProducer add;
        add.name = producer.name;
        add.topic = producer.topic;
        add.rate.perSecond = static_cast<double>(random.between(10, 60));
        add.arrival = random.chance(0.5) ? Arrival::Poisson : Arrival::Steady;
        add.keys.count = random.chance(0.5) ? 20 : 0;
        add.size = {60, 300};
        add.configs = {
            {"acks", producer.acks == -1 ? "all" : std::to_string(producer.acks)},
            {"delivery.timeout.ms", "20000"},
            {"enable.idempotence", producer.idempotent ? "true" : "false"},
            {"linger.ms", random.chance(0.5) ? "0" : "20"},
            {"max.in.flight.requests.per.connection", std::to_string(producer.maxInFlight)},
            {"metadata.max.age.ms", "5000"},
            {"request.timeout.ms", "3000"},
        };
        scenario.commands.emplace_back(add);
    }
}

void drawGroups(Scenario &scenario, Random &random)
{
    constexpr std::array<const char *, 4> kAssignors{
        "range", "roundrobin", "sticky", "cooperative-sticky"};
    constexpr std::array<const char *, 3> kCommits{"auto", "after", "before"};
    const std::int32_t count = between(random, 1, 2);
    for (std::int32_t number = 0; number < count; ++number) {
        SimulatedGroup &group = scenario.groups.emplace_back();
        group.name = number == 0 ? "billing" : "search";
        group.topic =
            scenario.topics[static_cast<std::size_t>(random.below(scenario.topics.size()))].name;
        AddConsumer add;
        add.group = group.name;
        add.topics = {group.topic};
        add.count = between(random, 1, 4);
        add.commit = pick(kCommits, random);
        add.processing = {Duration{}, std::chrono::milliseconds(random.between(0, 4))};
        add.configs = {
            {"auto.commit.interval.ms", "1000"},
            {"auto.offset.reset", "earliest"},
            {"heartbeat.interval.ms", "1000"},
            {"metadata.max.age.ms", "5000"},
            {"partition.assignment.strategy", pick(kAssignors, random)},
            {"session.timeout.ms", "6000"},
        };
        for (std::int32_t member = 1; member <= add.count; ++member)
            group.members.push_back(fmt::format("{}-{}", group.name, member));
        scenario.commands.emplace_back(add);
    }
}

} // namespace

const SimulatedTopic &Scenario::topic(std::string_view name) const
{
    return *std::ranges::find(topics, name, &SimulatedTopic::name);
}

const SimulatedProducer *Scenario::producer(std::string_view name) const
{
    const auto found = std::ranges::find(producers, name, &SimulatedProducer::name);
    return found == producers.end() ? nullptr : &*found;
}

std::string Scenario::text() const
{
    std::string all =
        fmt::format("{} broker{}", world.logBrokers, world.logBrokers == 1 ? "" : "s");
    for (const SimulatedTopic &topic : topics)
        all += fmt::format("; topic {}: {} partitions, replication factor {}, min.insync {}{}",
            topic.name, topic.partitions, topic.replicationFactor, topic.minInsyncReplicas,
            topic.uncleanElection ? ", unclean" : "");
    for (const SimulatedProducer &producer : producers)
        all += fmt::format("; {} to {}: acks={}{}, {} in flight", producer.name, producer.topic,
            producer.acks == -1 ? "all" : std::to_string(producer.acks),
            producer.idempotent ? " idempotent" : "", producer.maxInFlight);
    for (const SimulatedGroup &group : groups)
        all += fmt::format(
            "; group {} on {}: {} members", group.name, group.topic, group.members.size());
    return all;
}

Scenario drawScenario(std::uint64_t seed)
{
    Random random = Random(seed).stream("scenario");
    Scenario scenario;
    scenario.world = drawCluster(seed, random);
    const bool safe = scenario.world.logBrokers >= 3 && random.chance(0.7);
    drawTopics(scenario, safe, random);
    drawProducers(scenario, safe, random);
    drawGroups(scenario, random);
    return scenario;
}

} // namespace queuelab::world::simulation
