#include "app/cli/broken_invariant.h"
#include "app/cli/commands.h"
#include "app/cli/terminal.h"
#include "engine/world/simulation/simulation.h"

#include <fmt/format.h>

#include <charconv>
#include <cstdio>
#include <memory>

namespace queuelab::cli {

namespace {

namespace simulation = world::simulation;

struct Wanted {
    std::string engine = "log";
    std::string seeds = "1..20";
    std::string time = "60s";
    bool verbose = false;
};
struct Seeds {
    std::uint64_t first = 1;
    std::uint64_t last = 1;
};

std::optional<std::uint64_t> number(std::string_view text)
{
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

/// "17" or "1..2000".
Result<Seeds, Error> readSeeds(const std::string &text)
{
    const std::size_t dots = text.find("..");
    const std::string_view all(text);
    const std::optional<std::uint64_t> first = number(all.substr(0, dots));
    const std::optional<std::uint64_t> last =
        dots == std::string::npos ? first : number(all.substr(dots + 2));
    if (!first || !last || *first > *last)
        return std::unexpected(Error{"--seeds", fmt::format("'{}' names no seeds", text),
            "write one number, or the first and the last as 1..2000"});
    return Seeds{*first, *last};
}

Result<Duration, Error> readTime(const std::string &text)
{
    const std::optional<Duration> time = parseDuration(text);
    if (!time || *time < simulation::kShortestTime || *time > std::chrono::hours{1})
        return std::unexpected(Error{"--time", fmt::format("'{}' cannot be simulated", text),
            fmt::format(
                "write a duration from {} to 1h", formatDuration(simulation::kShortestTime))});
    return *time;
}

void print(const simulation::Report &report, std::uint64_t seed, bool promised)
{
    fmt::print("seed {}: {}\n", seed, report.scenario.text());
    for (const simulation::Anomaly &anomaly : report.anomalies) {
        if (anomaly.isPromised == promised)
            fmt::print("  {} {}{}: {}\n", anomaly.count, simulation::anomalyName(anomaly.kind),
                anomaly.count == 1 ? "" : " (each)", anomaly.text);
    }
}

/// What was found over all seeds.
struct Totals {
    std::uint64_t acknowledged = 0;
    std::uint64_t read = 0;
    std::uint64_t faults = 0;
    std::uint64_t failed = 0;
    std::map<simulation::AnomalyKind, std::uint64_t> allowed; ///< not promised

    void add(const simulation::Report &report)
    {
        acknowledged += report.acknowledged;
        read += report.read;
        faults += report.faults;
        failed += report.hasFailed() ? 1 : 0;
        for (const simulation::Anomaly &anomaly : report.anomalies) {
            if (!anomaly.isPromised)
                allowed[anomaly.kind] += anomaly.count;
        }
    }
};

void saveFailure(const simulation::Report &report, std::uint64_t seed, Duration time)
{
    const std::string path = fmt::format("broken-simulate-log-seed-{}.session.yaml", seed);
    if (const Result<void, Error> saved = world::saveSession(report.session, path); !saved)
        printError(saved.error());
    else
        fmt::print("  its session is in {}; the same again: queuelab-cli simulate --seeds {} "
                   "--time {}\n",
            path, seed, formatDuration(time));
}

ExitCode simulate(const Wanted &wanted)
{
    const Result<Seeds, Error> seeds = readSeeds(wanted.seeds);
    const Result<Duration, Error> time = readTime(wanted.time);
    if (!seeds || !time) {
        printError(seeds ? time.error() : seeds.error());
        return ExitCode::BadInput;
    }
    fmt::print("simulate --engine {} --seeds {}..{} --time {} (queuelab {})\n", wanted.engine,
        seeds->first, seeds->last, formatDuration(*time), QUEUELAB_VERSION);
    std::fflush(stdout);

    Progress progress;
    Totals totals;
    for (std::uint64_t seed = seeds->first; seed <= seeds->last; ++seed) {
        progress.show(fmt::format(
            "seed {} of {}..{}, {} failed", seed, seeds->first, seeds->last, totals.failed));
        world::Session session;
        const InvariantGuard guard(session, "simulate-log");
        const simulation::Report report =
            simulation::simulate({.seed = seed, .time = *time}, &session);
        totals.add(report);
        if (report.hasFailed()) {
            fmt::print("FAILED ");
            print(report, seed, true);
            saveFailure(report, seed, *time);
        }
        if (wanted.verbose && !report.anomalies.empty())
            print(report, seed, false);
        std::fflush(stdout);
    }
    fmt::print("{} seeds, {} faults, {} records acknowledged, {} read: {} failed\n",
        seeds->last - seeds->first + 1, totals.faults, totals.acknowledged, totals.read,
        totals.failed);
    for (const auto &[kind, count] : totals.allowed)
        fmt::print("  not promised: {} {}\n", count, simulation::anomalyName(kind));
    return totals.failed == 0 ? ExitCode::AllHold : ExitCode::InvariantBroken;
}

} // namespace

void addSimulate(CLI::App &app, ExitCode &exit)
{
    CLI::App *command = app.add_subcommand("simulate",
        "Random clusters, clients and faults under checkers: lost writes, order, duplicates");
    auto wanted = std::make_shared<Wanted>();
    command->add_option("--engine", wanted->engine, "Which engine")
        ->check(CLI::IsMember({"log"}))
        ->capture_default_str();
    command->add_option("--seeds", wanted->seeds, "One seed, or a range as 1..2000")
        ->capture_default_str();
    command->add_option("--time", wanted->time, "Virtual time under faults, before all is healed")
        ->capture_default_str();
    command->add_flag("--verbose", wanted->verbose,
        "Also what is not promised, seed by seed: what weak settings have cost, or a loss of "
        "power");
    command->footer("Exit code 3 when a promise was broken: the seed is printed and its session "
                    "saved.\n\nExample:\n  queuelab-cli simulate --seeds 1..200 --time 30s");
    command->callback([wanted, &exit] { exit = simulate(*wanted); });
}

} // namespace queuelab::cli
