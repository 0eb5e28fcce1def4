#pragma once

#include "engine/world/timeline.h"
#include "lessons/expectation.h"
#include "lessons/lesson.h"

#include <atomic>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace queuelab::lessons {

struct CommandFailure {
    std::string place;
    std::string command; ///< as in a session file
    world::CommandError error;
};
struct StepResult {
    std::size_t index = 0;
    std::string title; ///< the step's; may be empty
    Duration at{}; ///< virtual time of the verdict
    std::vector<CommandFailure> failures; ///< commands that were refused and should not have been
    std::vector<ExpectationResult>
        expectations; ///< a wanted refusal among them, and those of the part by the wall clock
    std::vector<Measurement> measurements; ///< of the part by the wall clock
    std::optional<Error> liveError; ///< that part could not run
    bool leftOut = false; ///< there is such a part, and it was not run
    bool holds() const;
};
struct LessonResult {
    std::string id;
    std::string title;
    std::string file;
    std::uint64_t seed = 0;
    std::vector<StepResult> steps;
    std::vector<std::string>
        lastEvents; ///< before the first step that did not hold: sentences, oldest first
    Duration virtualTime{};
    Duration wallTime{};
    bool holds() const;
};

/// Plays one lesson, step by step, on a timeline: used headless (all steps at once) and by the
/// window (which moves the timeline itself, at a speed, and asks for the verdict when a step's time
/// is up).
class LessonPlayer {
public:
    static Result<std::unique_ptr<LessonPlayer>, Error> create(
        Lesson lesson, std::optional<std::uint64_t> seed = std::nullopt);

    const Lesson &lesson() const { return m_lesson; }
    world::Timeline &timeline() { return *m_timeline; }
    std::size_t nextStep() const
    {
        return m_nextStep;
    } ///< lesson().steps.size() when all were begun

    /// Applies the commands of the next step at the current position. The step is over at stepEnd.
    void beginStep();
    /// Evaluates step `index` (begun before) on the world as it is now.
    StepResult verdict(std::size_t index) const;
    /// Begins the next step, runs it to its end, evaluates it. What it has to run by the wall clock
    /// is left out.
    StepResult playStep();
    /// Back to just before step `index`: its commands and all later ones are forgotten.
    void rewindToStep(std::size_t index);

private:
    LessonPlayer() = default;
    Lesson m_lesson;
    std::unique_ptr<world::Timeline> m_timeline;
    std::size_t m_nextStep = 0;
    std::vector<std::vector<CommandFailure>> m_refusals; // of each step that was begun
    std::vector<std::size_t>
        m_firstCommand; // of each step that was begun, in the timeline's session
};

/// The live part of a step, by the wall clock, on real files in a fresh directory below the
/// system's temporary directory, which is removed afterwards. `progress` (0..1) may be empty;
/// `cancel` ends it early.
struct LiveResult {
    std::vector<Measurement> measurements;
    std::vector<ExpectationResult> expectations;
};
Result<LiveResult, Error> runLive(const LiveRun &live, std::uint64_t seed,
    const std::function<void(double)> &progress = {}, const std::atomic<bool> *cancel = nullptr);
/// A measurement, in a fresh directory as above, on a disk where there is one.
Result<LiveResult, Error> runMeasure(const MeasureRun &run,
    const std::function<void(double)> &progress = {}, const std::atomic<bool> *cancel = nullptr);
/// Runs the live part or the measurement of a step that has one, and puts what it gave, or why it
/// could not run, into the step's result.
void addMeasured(StepResult &result, const Step &step, std::uint64_t seed,
    const std::function<void(double)> &progress = {}, const std::atomic<bool> *cancel = nullptr);

struct RunOptions {
    std::optional<std::uint64_t> seed = std::nullopt;
    bool live = true; ///< also run live parts
    bool measure = true; ///< also measure
    TraceSink *traceSink = nullptr;
    std::function<void(std::size_t step, double liveShare)> progress =
        {}; ///< share of the part by the wall clock that is over
};
/// Plays a whole lesson headless.
Result<LessonResult, Error> runLesson(const Lesson &lesson, const RunOptions &options);

} // namespace queuelab::lessons
