#include "app/bench/log_world_bench.h"

#include "app/bench/cpu_time.h"
#include "engine/core/memory_files.h"
#include "engine/world/world.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <memory>

namespace queuelab::bench {

namespace {

constexpr std::uint64_t kProducers = 4;
constexpr double kRatePerProducer = 250'000; // in virtual time; how fast that runs is measured

/// What is measured, and on which cluster.
struct Setting {
    std::int32_t brokers = 1;
    std::int32_t replicationFactor = 1;
    std::uint64_t records = 0;
    /// Of a producer, beside the defaults: acks=all and idempotence among them.
    world::Settings producer{};
};

std::vector<world::Command> readers(std::int32_t replicationFactor)
{
    world::CreateTopic topic;
    topic.name = "bench";
    topic.partitions = 8;
    topic.replicationFactor = replicationFactor;
    // Old segments go, so that the run measures the path of a record and not the size of memory.
    topic.configs = {{"segment.bytes", "16777216"}, {"retention.bytes", "16777216"},
        {"file.delete.delay.ms", "0"}};
    world::AddConsumer consumers;
    consumers.group = "readers";
    consumers.topics = {topic.name};
    consumers.count = 4;
    consumers.configs = {{"auto.offset.reset", "earliest"}, {"max.poll.records", "5000"}};
    return {topic, consumers};
}

std::vector<world::Command> writers(const Setting &setting)
{
    std::vector<world::Command> commands;
    for (std::uint64_t i = 0; i < kProducers; ++i) {
        world::AddProducer producer;
        producer.topic = "bench";
        producer.rate = {kRatePerProducer};
        producer.size = {100, 100};
        producer.total = setting.records / kProducers;
        producer.configs = setting.producer;
        commands.emplace_back(producer);
    }
    return commands;
}

Result<void, Error> applyAll(world::World &world, const std::vector<world::Command> &commands)
{
    for (const world::Command &command : commands) {
        if (const auto done = world.apply(command); !done)
            return std::unexpected(
                Error{world::commandText(command), done.error().message, done.error().code});
    }
    return {};
}

std::uint64_t handledIn(const world::Snapshot &snapshot)
{
    std::uint64_t handled = 0;
    for (const world::OutcomeSnapshot &outcome : snapshot.outcomes)
        handled += outcome.handled;
    return handled;
}

/// What the way of all records from producers to consumers took.
struct Elapsed {
    std::chrono::duration<double> wall{};
    std::chrono::duration<double> cpu{};
};

Result<Elapsed, Error> runOnce(const Setting &setting)
{
    const std::uint64_t records = setting.records;
    world::WorldConfig config;
    config.logBrokers = setting.brokers;
    config.logConfigs = {{"log.retention.check.interval.ms", "1000"}};
    auto created = world::World::create(config, std::make_unique<MemoryFiles>());
    if (!created)
        return std::unexpected(created.error());
    world::World &world = **created;
    if (const auto done = applyAll(world, readers(setting.replicationFactor)); !done)
        return std::unexpected(done.error());
    // The group is stable before the first record comes: retention would delete what nobody reads.
    world.runUntil(world.now() + 15s);
    const auto begun = std::chrono::steady_clock::now();
    const auto cpuBefore = cpuTime();
    if (const auto done = applyAll(world, writers(setting)); !done)
        return std::unexpected(done.error());
    const Duration needed = std::chrono::duration_cast<Duration>(std::chrono::duration<double>(
        static_cast<double>(records / kProducers) / kRatePerProducer));
    const Instant limit = world.now() + needed + 60s; // the last batches come on top, not minutes
    while (handledIn(*world.snapshot()) < records) {
        if (world.now() >= limit)
            return std::unexpected(Error{"bench log",
                fmt::format("only {} of {} records arrived", handledIn(*world.snapshot()), records),
                {}});
        world.runUntil(world.now() + 100ms);
    }
    return Elapsed{std::chrono::steady_clock::now() - begun, cpuTime() - cpuBefore};
}

Result<double, Error> recordsASecond(const Setting &setting)
{
    const auto elapsed = runOnce(setting);
    if (!elapsed)
        return std::unexpected(elapsed.error());
    return static_cast<double>(setting.records) / elapsed->wall.count();
}

Result<double, Error> nanosecondsARecord(const Setting &setting)
{
    const auto elapsed = runOnce(setting);
    if (!elapsed)
        return std::unexpected(elapsed.error());
    return elapsed->cpu.count() * 1e9 / static_cast<double>(setting.records);
}

} // namespace

Result<std::vector<Figure>, Error> benchLogWorld(const LogWorldBenchOptions &options)
{
    const std::uint64_t each = options.records / kProducers;
    const Setting one{
        .records = each * kProducers, .producer = {{"batch.size", "131072"}, {"linger.ms", "20"}}};
    const std::uint64_t replicated = std::max<std::uint64_t>(each / 4, 1) * kProducers;
    const Setting single{.brokers = 3, .replicationFactor = 1, .records = replicated};
    const Setting triple{.brokers = 3, .replicationFactor = 3, .records = replicated};
    const std::array<Contender, 3> contenders{
        Contender{"producer to consumer, tracing on", "records/s",
            [&] { return recordsASecond(one); }, 0},
        Contender{"3 brokers, replication factor 1, acks=all", "ns CPU/record",
            [&] { return nanosecondsARecord(single); }, 1},
        Contender{"3 brokers, replication factor 3, acks=all", "ns CPU/record",
            [&] { return nanosecondsARecord(triple); }, 1},
    };
    return measureInterleaved(contenders, options.rounds);
}

} // namespace queuelab::bench
