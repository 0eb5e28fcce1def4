#include "lessons/measures/measure.h"
#include "lessons/measures/real_log.h"
#include "lessons/measures/rounds.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <thread>

namespace queuelab::lessons {

namespace {

using Clock = std::chrono::steady_clock;

constexpr std::size_t kBatchRecords = 150; // of about 100 bytes: the usual batch of 16 KiB

/// One producer with a partition of its own: builds and appends until its share is written.
Result<void, Error> produce(RealLog &log, const std::vector<Bytes> &values, std::uint64_t bytes)
{
    log::BatchBuilder builder;
    for (std::size_t first = 0; log.sizeBytes() < bytes; first += kBatchRecords) {
        if (const Result<void, Error> done =
                log.append(buildBatch(builder, values, first, kBatchRecords));
            !done)
            return done;
    }
    return {};
}

/// A sample: megabytes a second over all partitions, each with a thread of its own.
Result<Sample, Error> produceInParallel(const std::string &root, const std::vector<Bytes> &values,
    std::size_t partitions, std::uint64_t bytes)
{
    std::error_code ignored; // if it stays, opening it says so
    std::filesystem::remove_all(root, ignored);
    std::vector<std::unique_ptr<RealLog>> logs;
    for (std::size_t i = 0; i < partitions; ++i) {
        Result<std::unique_ptr<RealLog>, Error> log = RealLog::open(fmt::format("{}/{}", root, i));
        if (!log)
            return std::unexpected(log.error());
        logs.push_back(std::move(*log));
    }
    std::vector<Result<void, Error>> ends(partitions);
    const auto begun = Clock::now();
    {
        std::vector<std::jthread> threads;
        for (std::size_t i = 0; i < partitions; ++i)
            threads.emplace_back(
                [&, i] { ends[i] = produce(*logs[i], values, bytes / partitions); });
    }
    const std::chrono::duration<double> took = Clock::now() - begun;
    std::uint64_t written = 0;
    for (std::size_t i = 0; i < partitions; ++i) {
        if (!ends[i])
            return std::unexpected(ends[i].error());
        written += logs[i]->sizeBytes();
    }
    return Sample{static_cast<double>(written) / 1e6 / took.count()};
}

Result<std::vector<Measurement>, Error> measurePartitionThroughput(
    const MeasureSettings &settings, const std::string &directory, const MeasureWatch &watch)
{
    const std::size_t cores = std::max(std::thread::hardware_concurrency(), 1U);
    const std::size_t many = cores * static_cast<std::size_t>(settings.at("partitions-per-core"));
    const auto bytes = static_cast<std::uint64_t>(settings.at("mebibytes")) << 20;
    const std::vector<Bytes> values = eventValues(100, 256);
    const std::string root = directory + "/logs";
    std::vector<OneRun> contenders;
    for (const std::size_t partitions : {std::size_t{1}, cores, many})
        contenders.emplace_back(
            [&, partitions] { return produceInParallel(root, values, partitions, bytes); });
    const Result<Rounds, Error> rounds = takeTurns(contenders, settings.at("rounds"), watch);
    if (!rounds)
        return std::unexpected(rounds.error());
    return std::vector<Measurement>{
        {"cores", static_cast<double>(cores), "cores"},
        {"one-partition", rounds->median(0), "MB/s"},
        {"one-a-core", rounds->median(1), "MB/s"},
        {"many-partitions", rounds->median(2), "MB/s"},
        {"gain-up-to-the-cores", rounds->ratio(1, 0), "times"},
        {"gain-beyond-the-cores", rounds->ratio(2, 1), "times"},
    };
}

} // namespace

Measure partitionThroughput()
{
    return {"partition-throughput",
        "Producers with a thread and a partition each append to real files: one, as many as there "
        "are processor cores, and several for each core. All of them together write the same "
        "amount.",
        {{"partitions-per-core", "partitions for each core in the third run", 4, 1, 16},
            {"mebibytes", "what a run writes in all", 64, 1, 4096},
            {"rounds", "how often all are measured", 3, 1, 99}},
        {{"cores", "processor cores this program may use"},
            {"one-partition", "rate of one producer"},
            {"one-a-core", "rate of a producer for each core"},
            {"many-partitions", "rate of several producers for each core"},
            {"gain-up-to-the-cores", "how many times the first rate the second is"},
            {"gain-beyond-the-cores", "how many times the second rate the third is"}},
        measurePartitionThroughput};
}

} // namespace queuelab::lessons
