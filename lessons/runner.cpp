#include "lessons/runner.h"

#include "lessons/measures/measure.h"
#include "lessons/measures/scratch.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>

namespace queuelab::lessons {

namespace {

constexpr std::size_t kLastEvents = 12;

/// The newest events that are worth reading when something did not hold, oldest first.
std::vector<std::string> lastEvents(const world::World &world)
{
    const Trace &trace = world.trace();
    std::vector<std::string> sentences;
    for (std::uint64_t i = trace.end(); i > trace.first() && sentences.size() < kLastEvents; --i) {
        const TraceEvent &event = trace.at(i - 1);
        if (world::eventInfo(event.kind).weight == EventWeight::Routine)
            continue;
        sentences.push_back(fmt::format("{} {}", formatClock(event.at - world.start()),
            world::describeEvent(event, trace.names())));
    }
    std::ranges::reverse(sentences);
    return sentences;
}

/// "refused: 404": that one of the step's commands was refused so.
ExpectationResult judgeRefusal(const std::string &wanted,
    const std::vector<CommandFailure> &refusals, const std::string &place)
{
    CheckResult check{"refused", wanted, "nothing was refused", false};
    for (const CommandFailure &refusal : refusals) {
        check.seen = refusal.error.code;
        check.holds = refusal.error.code == wanted;
        if (check.holds)
            break;
    }
    return {"commands", place, {}, {std::move(check)}};
}

} // namespace

bool StepResult::holds() const
{
    return failures.empty() && !liveError
        && std::ranges::all_of(expectations, &ExpectationResult::holds);
}

bool LessonResult::holds() const
{
    return std::ranges::all_of(steps, &StepResult::holds);
}

Result<std::unique_ptr<LessonPlayer>, Error> LessonPlayer::create(
    Lesson lesson, std::optional<std::uint64_t> seed)
{
    std::unique_ptr<LessonPlayer> player(new LessonPlayer);
    world::Session session;
    session.world = lesson.world;
    session.world.seed = seed.value_or(lesson.world.seed);
    player->m_lesson = std::move(lesson);
    Result<std::unique_ptr<world::Timeline>, Error> timeline =
        world::Timeline::create(std::move(session));
    if (!timeline)
        return std::unexpected(timeline.error());
    player->m_timeline = std::move(*timeline);
    return player;
}

void LessonPlayer::beginStep()
{
    const Step &step = m_lesson.steps[m_nextStep];
    m_firstCommand.push_back(m_timeline->session().commands.size());
    std::vector<CommandFailure> refusals;
    for (std::size_t i = 0; i < step.commands.size(); ++i) {
        if (Result<void, world::CommandError> done = m_timeline->perform(step.commands[i]); !done)
            refusals.push_back({step.commandPlaces[i], world::commandText(step.commands[i]),
                std::move(done.error())});
    }
    m_refusals.push_back(std::move(refusals));
    ++m_nextStep;
}

StepResult LessonPlayer::verdict(std::size_t index) const
{
    const Step &step = m_lesson.steps[index];
    const std::shared_ptr<const world::Snapshot> snapshot = m_timeline->world().snapshot();
    StepResult result;
    result.index = index;
    result.title = step.title;
    result.leftOut = step.measures();
    result.at = snapshot->now - snapshot->start;
    for (const CommandFailure &refusal : m_refusals[index]) {
        if (refusal.error.code != step.refused)
            result.failures.push_back(refusal);
    }
    if (step.refused) {
        result.expectations.push_back(
            judgeRefusal(*step.refused, m_refusals[index], step.commandPlaces.front()));
        result.expectations.back().at = result.at;
    }
    const Evidence evidence{
        *snapshot, m_timeline->world().trace(), {}, snapshot->start + m_lesson.stepStart(index)};
    for (const Expectation &expectation : step.expectations)
        result.expectations.push_back(evaluate(expectation, evidence));
    return result;
}

StepResult LessonPlayer::playStep()
{
    const std::size_t index = m_nextStep;
    beginStep();
    m_timeline->seek(m_lesson.stepEnd(index));
    return verdict(index);
}

void LessonPlayer::rewindToStep(std::size_t index)
{
    const Duration start = m_lesson.stepStart(index);
    world::Session session = m_timeline->session();
    // Steps may begin at the same time (run: 0s), so time alone does not tell whose a command is.
    std::vector<world::TimedCommand> kept;
    for (std::size_t i = 0; i < session.commands.size(); ++i) {
        const Duration at = session.commands[i].at;
        if (at < start
            || (at == start && index < m_firstCommand.size() && i < m_firstCommand[index]))
            kept.push_back(session.commands[i]);
    }
    session.commands = std::move(kept);
    session.end = start;
    // A session that was playing can be played again: creating it cannot fail for a reason of its
    // own.
    Result<std::unique_ptr<world::Timeline>, Error> fresh =
        world::Timeline::create(std::move(session));
    invariant(fresh.has_value(), "a session that was played can be played again");
    *m_timeline = std::move(**fresh); // in place: whoever holds the timeline goes on holding it
    m_timeline->seek(start);
    m_nextStep = std::min(m_nextStep, index);
    m_refusals.resize(std::min(m_refusals.size(), index));
    m_firstCommand.resize(std::min(m_firstCommand.size(), index));
}

Result<LiveResult, Error> runMeasure(const MeasureRun &run,
    const std::function<void(double)> &progress, const std::atomic<bool> *cancel)
{
    const Measure *measure = findMeasure(run.name);
    invariant(measure != nullptr, "a lesson that was read names a measurement that exists");
    const Result<ScratchDirectory, Error> directory = ScratchDirectory::createOnDisk();
    if (!directory)
        return std::unexpected(directory.error());
    Result<std::vector<Measurement>, Error> figures =
        measure->run(run.settings, directory->path(), {progress, cancel});
    if (!figures)
        return std::unexpected(figures.error());
    LiveResult result{std::move(*figures), {}};
    const world::Snapshot nothing; // a measurement has no world
    const Trace silence;
    const Evidence evidence{nothing, silence, result.measurements};
    for (const Expectation &expectation : run.expectations)
        result.expectations.push_back(evaluate(expectation, evidence));
    return result;
}

void addMeasured(StepResult &result, const Step &step, std::uint64_t seed,
    const std::function<void(double)> &progress, const std::atomic<bool> *cancel)
{
    Result<LiveResult, Error> measured = step.live ? runLive(*step.live, seed, progress, cancel)
                                                   : runMeasure(*step.measure, progress, cancel);
    result.leftOut = false;
    if (!measured) {
        result.liveError = std::move(measured.error());
        return;
    }
    result.measurements = std::move(measured->measurements);
    std::ranges::move(measured->expectations, std::back_inserter(result.expectations));
}

Result<LessonResult, Error> runLesson(const Lesson &lesson, const RunOptions &options)
{
    const auto begun = std::chrono::steady_clock::now();
    Result<std::unique_ptr<LessonPlayer>, Error> created =
        LessonPlayer::create(lesson, options.seed);
    if (!created)
        return std::unexpected(created.error());
    LessonPlayer &player = **created;
    player.timeline().setCheckpointsKept(1); // nobody goes back
    player.timeline().world().setTraceSink(options.traceSink);

    LessonResult result;
    result.id = lesson.id;
    result.title = lesson.title;
    result.file = lesson.file;
    result.seed = options.seed.value_or(lesson.world.seed);
    while (player.nextStep() < lesson.steps.size()) {
        const std::size_t index = player.nextStep();
        const auto progress = [&](double share) {
            if (options.progress)
                options.progress(index, share);
        };
        progress(0);
        StepResult step = player.playStep();
        const Step &written = lesson.steps[index];
        if ((written.live && options.live) || (written.measure && options.measure))
            addMeasured(step, written, result.seed, progress);
        if (!step.holds() && result.lastEvents.empty())
            result.lastEvents = lastEvents(player.timeline().world());
        result.steps.push_back(std::move(step));
    }
    player.timeline().world().setTraceSink(nullptr);
    result.virtualTime = player.timeline().position();
    result.wallTime = std::chrono::steady_clock::now() - begun;
    return result;
}

} // namespace queuelab::lessons
