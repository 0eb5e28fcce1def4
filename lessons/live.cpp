#include "engine/core/posix_files.h"
#include "engine/core/random.h"
#include "engine/log/partition_log.h"
#include "lessons/expectation_kind.h"
#include "lessons/measures/scratch.h"
#include "lessons/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

namespace queuelab::lessons {

namespace {

using Clock = std::chrono::steady_clock;

/// Moves the world along with the wall clock for the live part's time; returns how long that really
/// was.
Duration driveByWallClock(world::World &world, Duration length,
    const std::function<void(double)> &progress, const std::atomic<bool> *cancel)
{
    constexpr std::uint64_t kStepsAtOnce = 4096;
    const auto begun = Clock::now();
    Duration reported{};
    while (cancel == nullptr || !cancel->load(std::memory_order_relaxed)) {
        const Duration elapsed = Clock::now() - begun;
        if (elapsed >= length)
            break;
        const bool caughtUp = world.runUntil(world.start() + elapsed, kStepsAtOnce);
        if (progress && elapsed - reported > 100ms) {
            reported = elapsed;
            progress(static_cast<double>(elapsed.count()) / static_cast<double>(length.count()));
        }
        if (caughtUp) {
            const Instant due = world.nextDue().value_or(world.start() + length);
            const Duration wait = std::min<Duration>(due - world.start() - elapsed, 1ms);
            if (wait > Duration::zero())
                std::this_thread::sleep_for(wait);
        }
    }
    return Clock::now() - begun;
}

struct FileFindings {
    std::uint64_t bytes = 0;
    std::uint64_t damaged = 0; ///< partitions that needed mending or could not be opened
    std::int64_t records = 0; ///< ever appended, by the log end offsets found
};

/// Opens every partition again as a broker does after an unclean stop: all of it is read and
/// checked.
Result<FileFindings, Error> inspectFiles(
    const std::string &root, const log::ClusterSnapshot &cluster)
{
    Result<std::unique_ptr<PosixFiles>, Error> files = PosixFiles::open(root);
    if (!files)
        return std::unexpected(files.error());
    Random random(1);
    Trace trace;
    Context context{kVirtualStart, random, trace, **files};
    FileFindings findings;
    for (const log::TopicSnapshot &topic : cluster.topics) {
        if (topic.isInternal)
            continue; // commits are no records of the lesson
        const Result<log::LogConfig, log::LogConfig::Invalid> config =
            log::LogConfig::parse(topic.configs);
        for (const log::PartitionSnapshot &partition : topic.partitions) {
            const std::string directory =
                fmt::format("broker-{}/{}-{}", partition.leader, topic.name, partition.partition);
            log::RecoveryReport report;
            const Result<log::PartitionLog, Error> reopened = log::PartitionLog::open(
                directory, config.value_or(log::LogConfig{}), false, context, &report);
            if (!reopened || report.bytesCut > 0) {
                ++findings.damaged;
                continue;
            }
            findings.records += reopened->logEndOffset();
            findings.bytes += reopened->sizeBytes();
        }
    }
    return findings;
}

struct Totals {
    double target = 0; ///< messages a second all producers were asked for
    std::uint64_t confirmed = 0;
    std::uint64_t handled = 0;
};

Totals totalsOf(const world::Snapshot &snapshot)
{
    Totals totals;
    for (const world::ClientSnapshot &client : snapshot.clients) {
        totals.target += client.configuredRate;
        totals.confirmed += client.confirmed;
        totals.handled += client.handled;
    }
    return totals;
}

std::vector<Measurement> measure(
    const Totals &totals, const FileFindings &findings, Duration elapsed, std::int64_t appended)
{
    const double seconds = std::chrono::duration<double>(elapsed).count();
    const double perSecond = static_cast<double>(totals.confirmed) / seconds;
    // A message can be handled before its confirmation is back: that is no lag.
    const std::uint64_t lag = totals.confirmed - std::min(totals.confirmed, totals.handled);
    return {
        {"seconds", seconds, "s"},
        {"target-per-second", totals.target, "records/s"},
        {"appended", static_cast<double>(totals.confirmed), "records"},
        {"appended-per-second", perSecond, "records/s"},
        {"share-of-target", totals.target > 0 ? perSecond / totals.target : 0, ""},
        {"consumed", static_cast<double>(totals.handled), "records"},
        {"consumed-per-second", static_cast<double>(totals.handled) / seconds, "records/s"},
        {"lag-at-end", static_cast<double>(lag), "records"},
        {"bytes-stored", static_cast<double>(findings.bytes), "bytes"},
        {"damaged-partitions", static_cast<double>(findings.damaged), "partitions"},
        {"missing-records", static_cast<double>(appended - findings.records), "records"},
    };
}

} // namespace

const std::vector<ExpectationField> &liveFigures()
{
    static const std::vector<ExpectationField> names{
        {"seconds", "how long it ran by the wall clock"},
        {"target-per-second", "what all producers together were asked for"},
        {"appended", "records the engine confirmed"},
        {"appended-per-second", "the rate this machine reached"},
        {"share-of-target", "that rate over the target: 1 is all of it"},
        {"consumed", "records the consumers finished with"},
        {"consumed-per-second", "their rate"},
        {"lag-at-end", "confirmed and not yet handled when it ended"},
        {"bytes-stored", "bytes found in the segment files afterwards"},
        {"damaged-partitions",
            "partitions that had to be mended when their files were opened again"},
        {"missing-records", "records the broker had appended and the files do not hold"},
    };
    return names;
}

Result<LiveResult, Error> runLive(const LiveRun &live, std::uint64_t seed,
    const std::function<void(double)> &progress, const std::atomic<bool> *cancel)
{
    const Result<ScratchDirectory, Error> directory = ScratchDirectory::create();
    if (!directory)
        return std::unexpected(directory.error());
    Result<std::unique_ptr<PosixFiles>, Error> files = PosixFiles::open(directory->path());
    if (!files)
        return std::unexpected(files.error());
    world::WorldConfig config = live.world;
    config.seed = seed;
    const Instant start{
        std::chrono::duration_cast<Duration>(std::chrono::system_clock::now().time_since_epoch())};
    Result<std::unique_ptr<world::World>, Error> created =
        world::World::create(std::move(config), std::move(*files), world::Mode::Live, start);
    if (!created)
        return std::unexpected(created.error());
    world::World &world = **created;
    for (const world::Command &command : live.commands) {
        if (const Result<void, world::CommandError> done = world.apply(command); !done)
            return std::unexpected(Error{world::commandText(command),
                fmt::format("refused with {}: {}", done.error().code, done.error().message), {}});
    }

    const Duration elapsed = driveByWallClock(world, live.duration, progress, cancel);
    const std::shared_ptr<const world::Snapshot> snapshot = world.snapshot();
    if (Result<void, Error> closed = world.close(); !closed)
        return std::unexpected(closed.error());
    const Result<FileFindings, Error> findings = inspectFiles(directory->path(), snapshot->log);
    if (!findings)
        return std::unexpected(findings.error());

    std::int64_t appended = 0;
    for (const log::TopicSnapshot &topic : snapshot->log.topics) {
        if (topic.isInternal)
            continue;
        for (const log::PartitionSnapshot &partition : topic.partitions)
            appended += partition.logEndOffset;
    }
    LiveResult result;
    result.measurements = measure(totalsOf(*snapshot), *findings, elapsed, appended);
    const Evidence evidence{*snapshot, world.trace(), result.measurements};
    for (const Expectation &expectation : live.expectations)
        result.expectations.push_back(evaluate(expectation, evidence));
    return result;
}

} // namespace queuelab::lessons
