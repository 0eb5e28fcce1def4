#include "engine/core/memory_files.h"
#include "engine/world/world.h"
#include "lessons/measures/measure.h"
#include "lessons/measures/rounds.h"
#include "lessons/measures/scratch.h"

#include <algorithm>
#include <memory>

namespace queuelab::lessons {

namespace {

constexpr const char *kName = "measured";
constexpr Duration kLook = std::chrono::milliseconds{10};
constexpr Duration kLongest = std::chrono::minutes{10};

/// A sample: records a second of the world's own time, microseconds of this processor for a record.
/// With 0 records in a transaction there are none.
Result<Sample, Error> produce(std::int32_t inTransaction, std::int64_t total)
{
    auto created = world::World::create({}, std::make_unique<MemoryFiles>());
    if (!created)
        return std::unexpected(created.error());
    world::World &world = **created;
    const auto apply = [&](const world::Command &command) -> Result<void, Error> {
        if (const auto done = world.apply(command); !done)
            return std::unexpected(
                Error{world::commandText(command), done.error().message, done.error().code});
        return {};
    };
    world::CreateTopic topic;
    topic.name = kName;
    world::AddProducer producer;
    producer.name = kName;
    producer.topic = kName;
    producer.rate.perSecond = 1e6;
    producer.total = static_cast<std::uint64_t>(total);
    if (inTransaction > 0) {
        producer.configs = {{"transactional.id", kName}};
        producer.transaction.records = inTransaction;
    }
    for (const world::Command &command : {world::Command(topic), world::Command(producer)}) {
        if (const auto done = apply(command); !done)
            return std::unexpected(done.error());
    }
    const double processor = threadProcessorSeconds();
    const auto isDone = [&] {
        return world.snapshot()->clients.front().confirmed >= static_cast<std::uint64_t>(total);
    };
    while (!isDone() && world.now() - world.start() < kLongest)
        world.runUntil(world.now() + kLook);
    const double processorOfAll = threadProcessorSeconds() - processor;
    const std::chrono::duration<double> took = world.now() - world.start();
    const auto records = static_cast<double>(total);
    return Sample{records / took.count(), processorOfAll * 1e6 / records};
}

Result<std::vector<Measurement>, Error> measureTransactionCost(
    const MeasureSettings &settings, const std::string &, const MeasureWatch &watch)
{
    const std::int64_t total = settings.at("total");
    const auto few = static_cast<std::int32_t>(settings.at("few"));
    const auto many = static_cast<std::int32_t>(settings.at("many"));
    const std::vector<OneRun> contenders{[&] { return produce(0, total); },
        [&] { return produce(few, total); }, [&] { return produce(many, total); }};
    const Result<Rounds, Error> rounds = takeTurns(contenders, settings.at("rounds"), watch);
    if (!rounds)
        return std::unexpected(rounds.error());
    return std::vector<Measurement>{
        {"plain-rate", rounds->median(0, 0), "records/s"},
        {"few-rate", rounds->median(1, 0), "records/s"},
        {"many-rate", rounds->median(2, 0), "records/s"},
        {"plain-over-few", rounds->ratio(0, 1, 0), "times"},
        {"plain-over-many", rounds->ratio(0, 2, 0), "times"},
        {"plain-processor-time", rounds->median(0, 1), "us"},
        {"few-processor-time", rounds->median(1, 1), "us"},
        {"many-processor-time", rounds->median(2, 1), "us"},
    };
}

} // namespace

Measure transactionCost()
{
    return {"transaction-cost",
        "One producer writes to one broker as fast as it can, in virtual time over a network of "
        "0.5 "
        "ms: idempotent only, in small transactions, in large ones. Processor time is this "
        "machine's.",
        {{"few", "records in a small transaction", 10, 1, 1'000'000},
            {"many", "records in a large one", 1'000, 1, 1'000'000},
            {"total", "records in all", 20'000, 100, 10'000'000},
            {"rounds", "how often all three are measured", 1, 1, 99}},
        {{"plain-rate", "records a second of the world's time, without transactions"},
            {"few-rate", "the same in small transactions"}, {"many-rate", "the same in large ones"},
            {"plain-over-few", "how many times the rate of small transactions"},
            {"plain-over-many", "how many times the rate of large ones"},
            {"plain-processor-time", "for a record, client and broker, without transactions"},
            {"few-processor-time", "the same in small transactions"},
            {"many-processor-time", "the same in large ones"}},
        measureTransactionCost};
}

} // namespace queuelab::lessons
