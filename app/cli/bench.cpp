#include "app/bench/log_broker_bench.h"
#include "app/bench/log_compaction_bench.h"
#include "app/bench/log_share_bench.h"
#include "app/bench/log_storage_bench.h"
#include "app/bench/log_transaction_bench.h"
#include "app/bench/log_world_bench.h"
#include "app/cli/commands.h"
#include "app/cli/terminal.h"

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <filesystem>
#include <memory>

namespace queuelab::cli {

namespace {

/// Enough for a steady figure, and no more.
constexpr std::uint64_t kTransactionRecords = 1'000'000;

using Json = nlohmann::ordered_json;

/// Figures measured in one place: a directory, or memory.
struct Group {
    std::string place;
    std::vector<bench::Figure> figures;
};

struct BenchArguments {
    std::string engine = "log";
    std::vector<std::string> directories;
    int rounds = 5;
    std::uint64_t megabytes = 256;
    std::uint64_t catchUpMegabytes = 1024;
    std::uint64_t records = 4'000'000;
    std::int32_t partitions = 10'000;
    std::string format = "text";
};

/// "tmpfs /dev/shm" or "disk ."; what lies behind a directory makes the figures what they are.
std::string describe(const std::string &directory)
{
    struct statfs about{};
    const bool inMemory = statfs(directory.c_str(), &about) == 0
        && static_cast<std::uint64_t>(about.f_type) == TMPFS_MAGIC;
    return fmt::format("{} {}", inMemory ? "tmpfs" : "disk", directory);
}

/// A directory in memory, where there is one, and the working directory.
std::vector<std::string> defaultDirectories()
{
    std::error_code ignored;
    std::vector<std::string> directories{"."};
    if (std::filesystem::is_directory("/dev/shm", ignored))
        directories.insert(directories.begin(), "/dev/shm");
    return directories;
}

Result<std::vector<Group>, Error> measure(const BenchArguments &arguments)
{
    Progress progress;
    std::vector<Group> groups;
    const std::vector<std::string> directories =
        arguments.directories.empty() ? defaultDirectories() : arguments.directories;
    for (const std::string &directory : directories) {
        progress.show(fmt::format("files in {}", directory));
        auto figures = bench::benchLogStorage({.directory = directory,
            .bytesARun = arguments.megabytes << 20,
            .bytesToCatchUp = arguments.catchUpMegabytes << 20,
            .rounds = arguments.rounds});
        if (!figures)
            return std::unexpected(figures.error());
        groups.push_back({describe(directory), std::move(*figures)});
        progress.show(fmt::format("compaction in {}", directory));
        figures = bench::benchLogCompaction({.directory = directory,
            .bytesARun = arguments.megabytes << 20,
            .rounds = arguments.rounds});
        if (!figures)
            return std::unexpected(figures.error());
        groups.push_back({fmt::format("compaction, {}", describe(directory)), std::move(*figures)});
    }
    progress.show("a world in virtual time");
    auto figures = bench::benchLogWorld({.records = arguments.records, .rounds = arguments.rounds});
    if (!figures)
        return std::unexpected(figures.error());
    groups.push_back({"virtual time, files in memory", std::move(*figures)});
    progress.show("transactions");
    figures = bench::benchLogTransactions(
        {.records = std::min(arguments.records, kTransactionRecords), .rounds = arguments.rounds});
    if (!figures)
        return std::unexpected(figures.error());
    groups.push_back({"one producer and one broker, files in memory", std::move(*figures)});
    progress.show("one broker");
    figures = bench::benchLogBroker({.directory = directories.front(),
        .partitions = arguments.partitions,
        .rounds = arguments.rounds});
    if (!figures)
        return std::unexpected(figures.error());
    groups.push_back({fmt::format("one broker, files in {}", describe(directories.front())),
        std::move(*figures)});
    progress.show("a share group");
    figures = bench::benchLogShare(arguments.rounds);
    if (!figures)
        return std::unexpected(figures.error());
    groups.push_back({"share group on one broker, files in memory", std::move(*figures)});
    return groups;
}

std::string benchText(const std::vector<Group> &groups)
{
    std::size_t width = 0;
    for (const Group &group : groups) {
        for (const bench::Figure &figure : group.figures)
            width = std::max(width, figure.name.size());
    }
    std::string out;
    for (const Group &group : groups) {
        out += fmt::format("{}\n", group.place);
        for (const bench::Figure &figure : group.figures) {
            out += fmt::format(
                "  {:{}}  {:>12.0f} {:13}", figure.name, width, figure.value, figure.unit);
            if (!figure.baseline.empty())
                out += fmt::format("  {:.2f} of {}", figure.ratio, figure.baseline);
            out += '\n';
        }
    }
    return out + "Medians of interleaved runs; a ratio is taken within each round.\n";
}

std::string benchJson(const BenchArguments &arguments, const std::vector<Group> &groups)
{
    Json figures = Json::array();
    for (const Group &group : groups) {
        for (const bench::Figure &figure : group.figures) {
            Json json{{"place", group.place}, {"name", figure.name}, {"value", figure.value},
                {"unit", figure.unit}, {"runs", figure.runs}};
            if (!figure.baseline.empty()) {
                json["baseline"] = figure.baseline;
                json["ratio"] = figure.ratio;
            }
            figures.push_back(std::move(json));
        }
    }
    return Json{{"engine", arguments.engine}, {"figures", std::move(figures)}}.dump(2) + "\n";
}

ExitCode runBench(const BenchArguments &arguments)
{
    const Result<std::vector<Group>, Error> groups = measure(arguments);
    if (!groups) {
        printError(groups.error());
        return ExitCode::BadInput;
    }
    const Result<void, Error> written = writeOutput(
        {}, arguments.format == "json" ? benchJson(arguments, *groups) : benchText(*groups));
    if (!written) {
        printError(written.error());
        return ExitCode::BadInput;
    }
    return ExitCode::AllHold;
}

} // namespace

void addBench(CLI::App &app, ExitCode &exit)
{
    CLI::App *command = app.add_subcommand("bench", "Measures an engine on this machine");
    auto arguments = std::make_shared<BenchArguments>();
    command->add_option("ENGINE", arguments->engine, "log")->check(CLI::IsMember({"log"}));
    command->add_option("--directory", arguments->directories,
        "Where files are written and removed again; may be given several times. "
        "Without it /dev/shm and the working directory");
    command->add_option("--rounds", arguments->rounds, "Rounds of each measurement")
        ->check(CLI::Range(1, 1000));
    command->add_option("--megabytes", arguments->megabytes, "Size of the file of one run")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{65'536}));
    command
        ->add_option("--catch-up-megabytes", arguments->catchUpMegabytes,
            "Size of the log that a consumer catches up on")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{65'536}));
    command->add_option("--records", arguments->records, "Records of one run in virtual time")
        ->check(CLI::Range(std::uint64_t{4}, std::uint64_t{1'000'000'000}));
    command
        ->add_option("--partitions", arguments->partitions, "Partitions of the broker that starts")
        ->check(CLI::Range(10, 100'000));
    command->add_option("--format", arguments->format, "text or json")
        ->check(CLI::IsMember({"text", "json"}));
    command->footer("Example:\n  queuelab-cli bench log --rounds 9 --format json");
    command->callback([arguments, &exit] { exit = runBench(*arguments); });
}

} // namespace queuelab::cli
