#include "app/bench/log_world_bench.h"

#include "engine/core/memory_files.h"
#include "engine/world/world.h"

#include <fmt/format.h>

#include <array>
#include <chrono>
#include <memory>

namespace queuelab::bench {

namespace {

constexpr std::uint64_t kProducers = 4;
constexpr double kRatePerProducer = 250'000; // in virtual time; how fast that runs is measured

std::vector<world::Command> readers()
{
    world::CreateTopic topic;
    topic.name = "bench";
    topic.partitions = 8;
    // Old segments go, so that the run measures the path of a record and not the size of memory.
    topic.configs = {{"segment.bytes", "16777216"}, {"retention.bytes", "16777216"}};
    world::AddConsumer consumers;
    consumers.group = "readers";
    consumers.topics = {topic.name};
    consumers.count = 4;
    consumers.configs = {{"auto.offset.reset", "earliest"}, {"max.poll.records", "5000"}};
    return {topic, consumers};
}

std::vector<world::Command> writers(std::uint64_t records)
{
    std::vector<world::Command> commands;
    for (std::uint64_t i = 0; i < kProducers; ++i) {
        world::AddProducer producer;
        producer.topic = "bench";
        producer.rate = {kRatePerProducer};
        producer.size = {100, 100};
        producer.total = records / kProducers;
        producer.configs = {{"batch.size", "131072"}, {"linger.ms", "20"}};
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

Result<double, Error> runOnce(std::uint64_t wanted)
{
    const std::uint64_t records = wanted / kProducers * kProducers; // each makes as many
    world::WorldConfig config;
    config.logConfigs = {{"log.retention.check.interval.ms", "1000"}};
    auto created = world::World::create(config, std::make_unique<MemoryFiles>());
    if (!created)
        return std::unexpected(created.error());
    world::World &world = **created;
    if (const auto done = applyAll(world, readers()); !done)
        return std::unexpected(done.error());
    // The group is stable before the first record comes: retention would delete what nobody reads.
    world.runUntil(world.now() + 15s);
    const auto begun = std::chrono::steady_clock::now();
    if (const auto done = applyAll(world, writers(records)); !done)
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
    const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - begun;
    return static_cast<double>(records) / elapsed.count();
}

} // namespace

Result<std::vector<Figure>, Error> benchLogWorld(const LogWorldBenchOptions &options)
{
    const std::array<Contender, 1> contenders{Contender{"producer to consumer, tracing on",
        "records/s", [&options] { return runOnce(options.records); }, 0}};
    return measureInterleaved(contenders, options.rounds);
}

} // namespace queuelab::bench
