#include "app/cli/broken_invariant.h"
#include "app/cli/commands.h"
#include "app/cli/targets.h"
#include "app/cli/terminal.h"
#include "engine/world/trace_jsonl.h"
#include "lessons/report.h"
#include "lessons/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <memory>

namespace queuelab::cli {

namespace {

struct RunArguments {
    std::vector<std::string> words;
    bool all = false;
    std::string format = "text";
    std::string output;
    std::optional<std::uint64_t> seed;
    std::uint64_t repeat = 1;
    std::string trace;
    bool noLive = false;
};

/// Plays a saved session to its end. It expects nothing; it holds when it could be played.
Result<lessons::LessonResult, Error> playSession(
    const std::string &file, const world::Session &session, TraceSink *sink)
{
    const auto begun = std::chrono::steady_clock::now();
    Result<std::unique_ptr<world::Timeline>, Error> timeline = world::Timeline::create(session);
    if (!timeline)
        return std::unexpected(timeline.error());
    (*timeline)->setCheckpointsKept(1); // nobody goes back
    (*timeline)->world().setTraceSink(sink);
    (*timeline)->seek(session.end);
    (*timeline)->world().setTraceSink(nullptr);
    lessons::LessonResult result;
    result.id = std::filesystem::path(file).stem().string();
    result.title = "a saved session";
    result.file = file;
    result.seed = session.world.seed;
    lessons::StepResult played;
    played.title = fmt::format("{} commands", session.commands.size());
    played.at = session.end;
    result.steps.push_back(std::move(played));
    result.virtualTime = (*timeline)->position();
    result.wallTime = std::chrono::steady_clock::now() - begun;
    return result;
}

/// One run of one target with one seed.
Result<lessons::LessonResult, Error> runOnce(const Target &target,
    std::optional<std::uint64_t> seed, const RunArguments &arguments, TraceSink *sink,
    Progress &progress)
{
    if (const auto *saved = std::get_if<SavedSession>(&target)) {
        world::Session session = saved->session;
        session.world.seed = seed.value_or(session.world.seed);
        const std::string name = std::filesystem::path(saved->file).stem().string();
        const InvariantGuard guard(session, name);
        progress.show(name);
        return playSession(saved->file, session, sink);
    }
    const auto &lesson = std::get<lessons::Lesson>(target);
    const world::Session session = lesson.session(seed);
    const InvariantGuard guard(session, lesson.id);
    const auto show = [&](std::size_t step, double measuredShare) {
        const std::string live = measuredShare > 0
            ? fmt::format(", by the wall clock {:.0f} %", measuredShare * 100)
            : std::string();
        progress.show(
            fmt::format("{}, step {} of {}{}", lesson.id, step + 1, lesson.steps.size(), live));
    };
    return lessons::runLesson(lesson,
        {.seed = seed,
            .live = !arguments.noLive,
            .measure = !arguments.noLive,
            .traceSink = sink,
            .progress = show});
}

std::uint64_t seedOf(const Target &target)
{
    if (const auto *saved = std::get_if<SavedSession>(&target))
        return saved->session.world.seed;
    return std::get<lessons::Lesson>(target).world.seed;
}

Result<std::vector<Target>, std::vector<Error>> targetsOf(const RunArguments &arguments)
{
    if (!arguments.all)
        return findTargets(arguments.words);
    Result<lessons::Catalogue, std::vector<Error>> catalogue = openCatalogue();
    if (!catalogue)
        return std::unexpected(catalogue.error());
    std::vector<Target> targets;
    for (lessons::Lesson &lesson : catalogue->lessons)
        targets.emplace_back(std::move(lesson));
    return targets;
}

/// What is wrong with the arguments taken together.
std::optional<Error> problemOf(const RunArguments &arguments)
{
    if (arguments.words.empty() && !arguments.all)
        return Error{"run", "nothing to run", "name lessons or files, or say --all"};
    if (!arguments.words.empty() && arguments.all)
        return Error{"--all", "runs the whole catalogue", "leave the names away"};
    if (!arguments.trace.empty()
        && (arguments.all || arguments.words.size() > 1 || arguments.repeat > 1))
        return Error{
            "--trace", "one trace file holds one run", "name one lesson, without --repeat"};
    return std::nullopt;
}

Result<std::vector<lessons::LessonResult>, Error> runAll(
    const std::vector<Target> &targets, const RunArguments &arguments, TraceSink *sink)
{
    Progress progress;
    std::vector<lessons::LessonResult> results;
    for (const Target &target : targets) {
        const std::uint64_t first = arguments.seed.value_or(seedOf(target));
        for (std::uint64_t i = 0; i < arguments.repeat; ++i) {
            Result<lessons::LessonResult, Error> result =
                runOnce(target, first + i, arguments, sink, progress);
            if (!result)
                return std::unexpected(result.error());
            results.push_back(std::move(*result));
        }
    }
    return results;
}

Result<ExitCode, std::vector<Error>> run(const RunArguments &arguments)
{
    const auto one = [](Error error) { return std::unexpected(std::vector{std::move(error)}); };
    if (std::optional<Error> problem = problemOf(arguments))
        return one(std::move(*problem));
    const Result<std::vector<Target>, std::vector<Error>> targets = targetsOf(arguments);
    if (!targets)
        return std::unexpected(targets.error());
    if (const Result<void, Error> writable = checkWritable(arguments.output); !writable)
        return one(writable.error());
    std::ofstream traceFile;
    std::optional<world::JsonlSink> trace;
    const Error cannotTrace{arguments.trace, "the trace cannot be written",
        "choose a place you may write to, with room on it"};
    if (!arguments.trace.empty()) {
        traceFile.open(arguments.trace, std::ios::binary | std::ios::trunc);
        if (!traceFile)
            return one(cannotTrace);
        trace.emplace(traceFile);
    }

    const Result<std::vector<lessons::LessonResult>, Error> results =
        runAll(*targets, arguments, trace ? &*trace : nullptr);
    if (!results)
        return one(results.error());
    if (trace) {
        trace->flush();
        if (!traceFile.flush())
            return one(cannotTrace);
    }
    const lessons::ReportFormat format = *lessons::reportFormatByName(arguments.format);
    const bool colour = arguments.output.empty() && colourOnOutput();
    if (const Result<void, Error> written =
            writeOutput(arguments.output, lessons::report(*results, format, colour));
        !written)
        return one(written.error());
    const bool hold = std::ranges::all_of(*results, &lessons::LessonResult::holds);
    return hold ? ExitCode::AllHold : ExitCode::ExpectationFailed;
}

} // namespace

void addRun(CLI::App &app, ExitCode &exit)
{
    CLI::App *command = app.add_subcommand("run", "Runs lessons, or sessions saved by the window");
    auto arguments = std::make_shared<RunArguments>();
    command->add_option("LESSON", arguments->words, "Ids of lessons, lesson files, session files");
    command->add_flag("--all", arguments->all, "Every lesson of the catalogue");
    command->add_option("--format", arguments->format, "text, json, junit or tap")
        ->check(CLI::IsMember({"text", "json", "junit", "tap"}));
    command->add_option("--output", arguments->output, "Write the report to this file");
    command->add_option("--seed", arguments->seed, "The seed, instead of the lesson's own");
    command
        ->add_option("--repeat", arguments->repeat, "Run with so many seeds, one after the other")
        ->check(CLI::Range(std::uint64_t{1}, std::uint64_t{1'000'000}));
    command->add_option(
        "--trace", arguments->trace, "Write every event to this file, as JSON lines");
    command->add_flag("--no-live", arguments->noLive,
        "Leave out the parts that run by the wall clock: live ones and measurements");
    command->footer(
        "Exit code 0: all expectations hold; 1: one fails, with what was expected and what was "
        "seen;\n"
        "2: the input is wrong; 3: an invariant of an engine broke, the session is saved.\n\n"
        "Examples:\n"
        "  queuelab-cli run kafka.ceiling\n"
        "  queuelab-cli run --all --format junit --output report.xml\n"
        "  queuelab-cli run sqs.reappear --repeat 100\n"
        "  queuelab-cli run scenario.1 --seed 7 --trace events.jsonl");
    command->callback([arguments, &exit] {
        const Result<ExitCode, std::vector<Error>> end = run(*arguments);
        if (!end)
            printErrors(end.error());
        exit = end.value_or(ExitCode::BadInput);
    });
}

} // namespace queuelab::cli
