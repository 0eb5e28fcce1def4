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
        {"group.consumer.heartbeat.interval.ms", "1000"},
        {"group.consumer.session.timeout.ms", "6000"},
        {"transaction.state.log.num.partitions", fmt::format("{}", between(random, 1, 3))},
        {"transaction.abort.timed.out.transaction.cleanup.interval.ms", "1000"},
        {"transaction.version", random.chance(0.3) ? "1" : "2"},
        {"log.cleaner.backoff.ms", "1000"},
        {"share.coordinator.state.topic.num.partitions", fmt::format("{}", between(random, 1, 3))},
        {"group.share.heartbeat.interval.ms", "1000"},
        {"group.share.session.timeout.ms", "6000"},
        {"group.share.min.record.lock.duration.ms", "2000"},
        {"group.share.record.lock.duration.ms", "4000"},
    };
    if (world.logBrokers >= 2) // as Kafka's operators do: its default of 1 can lose offsets
        world.logConfigs["min.insync.replicas"] = "2";
    return world;
}

CreateTopic createTopic(const SimulatedTopic &topic)
{
    CreateTopic create;
    create.name = topic.name;
    create.partitions = topic.partitions;
    create.replicationFactor = topic.replicationFactor;
    create.configs = {{"min.insync.replicas", std::to_string(topic.minInsyncReplicas)},
        {"unclean.leader.election.enable", topic.uncleanElection ? "true" : "false"}};
    return create;
}

void drawTransactions(
    const std::string &transactionalId, Transactions &plan, Settings &configs, Random &random)
{
    if (!transactionalId.empty())
        configs["transactional.id"] = transactionalId;
    configs["transaction.timeout.ms"] = std::to_string(random.between(4'000, 15'000));
    plan.records = between(random, 1, 30);
    plan.abortChance = random.chance(0.6) ? 0.2 : 0;
    plan.hold = std::chrono::milliseconds(random.chance(0.3) ? random.between(1, 2'000) : 0);
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

        CreateTopic create = createTopic(topic);
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
        producer.isTransactional = producer.idempotent && random.chance(0.5);
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
        if (producer.isTransactional)
            drawTransactions(producer.name, add.transaction, add.configs, random);
        scenario.commands.emplace_back(add);
    }
}

/// Applications that read what the producers wrote, and write it to a topic of their own.
void drawTransformers(Scenario &scenario, Random &random)
{
    const SimulatedTopic from = scenario.topics.front();
    SimulatedTopic to = from;
    to.name = "invoices";
    to.partitions = between(random, 1, 3);
    scenario.topics.push_back(to);
    scenario.commands.emplace_back(createTopic(to));

    SimulatedTransformers &transformers = scenario.transformers.emplace_back();
    transformers.group = "invoicing";
    transformers.from = from.name;
    transformers.to = to.name;
    AddTransformer add;
    add.group = transformers.group;
    add.from = {from.name};
    add.to = to.name;
    add.count = between(random, 1, 3);
    add.processing = {Duration{}, std::chrono::milliseconds(random.between(0, 3))};
    add.configs = {
        {"auto.offset.reset", "earliest"},
        {"delivery.timeout.ms", "20000"},
        {"linger.ms", "0"},
        {"metadata.max.age.ms", "5000"},
        {"request.timeout.ms", "3000"},
    };
    transformers.sharesOutServerSide = random.chance(0.4);
    if (transformers.sharesOutServerSide) {
        add.configs["group.protocol"] = "consumer";
    } else {
        add.configs["heartbeat.interval.ms"] = "1000";
        add.configs["session.timeout.ms"] = "6000";
    }
    drawTransactions({}, add.transaction, add.configs, random);
    // They have to keep up with what the producers write.
    add.transaction.records = between(random, 20, 200);
    add.transaction.hold = std::min<Duration>(add.transaction.hold, std::chrono::milliseconds{100});
    for (std::int32_t member = 1; member <= add.count; ++member)
        transformers.members.push_back(fmt::format("{}-{}", transformers.group, member));
    scenario.commands.emplace_back(add);
}

/// A topic that keeps the newest record of each key, and who writes it: some of it deletes its key.
void drawCompacted(Scenario &scenario, Random &random)
{
    SimulatedTopic topic = scenario.topics.front();
    topic.name = "profiles";
    topic.partitions = between(random, 1, 2);
    topic.isCompacted = true;
    scenario.topics.push_back(topic);
    CreateTopic create = createTopic(topic);
    create.configs["cleanup.policy"] = "compact";
    create.configs["internal.segment.bytes"] = std::to_string(random.between(1'500, 8'000));
    create.configs["min.cleanable.dirty.ratio"] = random.chance(0.5) ? "0.01" : "0.3";
    create.configs["delete.retention.ms"] = std::to_string(random.between(0, 20'000));
    scenario.commands.emplace_back(create);

    SimulatedProducer &producer = scenario.producers.emplace_back();
    producer.name = "accounts";
    producer.topic = topic.name;
    producer.idempotent = true;
    AddProducer add;
    add.name = producer.name;
    add.topic = topic.name;
    add.rate.perSecond = static_cast<double>(random.between(20, 60));
    add.keys.count = static_cast<std::uint64_t>(random.between(2, 30));
    add.size = {60, 200};
    add.tombstoneChance = random.chance(0.7) ? 0.15 : 0;
    add.configs = {
        {"delivery.timeout.ms", "20000"},
        {"linger.ms", "0"},
        {"metadata.max.age.ms", "5000"},
        {"request.timeout.ms", "3000"},
    };
    scenario.commands.emplace_back(add);
}

/// Consumers that acknowledge record by record.
void drawShareGroup(Scenario &scenario, Random &random)
{
    SimulatedShareGroup &group = scenario.shareGroups.emplace_back();
    group.name = "couriers";
    group.topic = scenario.topics.front().name;
    group.deliveryCountLimit = static_cast<std::int16_t>(random.between(2, 6));
    scenario.world.logConfigs["group.share.delivery.count.limit"] =
        std::to_string(group.deliveryCountLimit);
    AlterGroupConfigs settings;
    settings.group = group.name;
    settings.configs = {{"share.auto.offset.reset", "earliest"}};
    scenario.commands.emplace_back(settings);

    AddShareConsumer add;
    add.group = group.name;
    add.topics = {group.topic};
    add.count = between(random, 1, 4);
    add.processing = {Duration{}, std::chrono::milliseconds(random.between(0, 20))};
    add.failChance = random.chance(0.5) ? 0.1 : 0;
    add.onFailure = random.chance(0.7) ? "release" : "reject";
    add.acknowledge = random.chance(0.6) ? "explicit" : "implicit";
    add.renewEvery = random.chance(0.3) ? Duration(std::chrono::seconds{1}) : Duration{};
    add.configs = {{"max.poll.records", std::to_string(random.between(1, 100))}};
    for (std::int32_t member = 1; member <= add.count; ++member)
        group.members.push_back(fmt::format("{}-{}", group.name, member));
    scenario.commands.emplace_back(add);
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
            {"metadata.max.age.ms", "5000"},
        };
        group.readsCommitted = random.chance(0.5);
        if (group.readsCommitted)
            add.configs["isolation.level"] = "read_committed";
        group.sharesOutServerSide = random.chance(0.4);
        if (group.sharesOutServerSide) {
            add.configs["group.protocol"] = "consumer";
        } else {
            add.configs["heartbeat.interval.ms"] = "1000";
            add.configs["partition.assignment.strategy"] = pick(kAssignors, random);
            add.configs["session.timeout.ms"] = "6000";
        }
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

const SimulatedTransformers *Scenario::transformersTo(std::string_view topicName) const
{
    const auto found = std::ranges::find(transformers, topicName, &SimulatedTransformers::to);
    return found == transformers.end() ? nullptr : &*found;
}

bool Scenario::readsCommitted(std::string_view client) const
{
    const auto isMember = [&](const auto &group) {
        return std::ranges::find(group.members, client) != group.members.end();
    };
    const auto group = std::ranges::find_if(groups, isMember);
    return group != groups.end() ? group->readsCommitted
                                 : std::ranges::any_of(transformers, isMember);
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
        all += fmt::format("; topic {}: {} partitions, replication factor {}, min.insync {}{}{}",
            topic.name, topic.partitions, topic.replicationFactor, topic.minInsyncReplicas,
            topic.uncleanElection ? ", unclean" : "", topic.isCompacted ? ", compacted" : "");
    for (const SimulatedProducer &producer : producers)
        all += fmt::format("; {} to {}: acks={}{}, {} in flight", producer.name, producer.topic,
            producer.acks == -1 ? "all" : std::to_string(producer.acks),
            producer.isTransactional  ? " transactional"
                : producer.idempotent ? " idempotent"
                                      : "",
            producer.maxInFlight);
    for (const SimulatedGroup &group : groups)
        all += fmt::format("; group {} on {}: {} members{}{}", group.name, group.topic,
            group.members.size(), group.readsCommitted ? ", read_committed" : "",
            group.sharesOutServerSide ? ", group.protocol=consumer" : "");
    for (const SimulatedTransformers &group : transformers)
        all += fmt::format(
            "; {} transformers from {} to {}", group.members.size(), group.from, group.to);
    for (const SimulatedShareGroup &group : shareGroups)
        all += fmt::format("; share group {} on {}: {} members, {} deliveries", group.name,
            group.topic, group.members.size(), group.deliveryCountLimit);
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
    if (random.chance(0.6))
        drawTransformers(scenario, random);
    if (random.chance(0.4))
        drawCompacted(scenario, random);
    if (random.chance(0.5))
        drawShareGroup(scenario, random);
    drawGroups(scenario, random);
    return scenario;
}

} // namespace queuelab::world::simulation
