#pragma once

#include "engine/core/result.h"

#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace queuelab::lessons {

/// Wall clock time of studying. Always handed in by the caller, so that tests need no real days.
using StudyTime = std::chrono::sys_seconds;

/// One prediction as it was made.
struct PredictionMade {
    std::string lesson; ///< id: "sqs.reappear"
    int step = 0; ///< of the lesson, from 0
    int choice = 0; ///< the card that was chosen, from 1 as in the lesson file
    int confidencePercent = 50; ///< 0..100: how sure the learner was
    bool right = false;
    StudyTime at{};
    friend bool operator==(const PredictionMade &, const PredictionMade &) = default;
};

/// The dot beside a lesson in the course list.
enum class LessonState {
    New, ///< never opened
    Seen, ///< opened; nothing predicted yet, or the last prediction of some step was wrong
    PredictedRight, ///< the last prediction of every step that was predicted is right
    DueAgain, ///< time to repeat a prediction
};

struct LessonProgress {
    LessonState state = LessonState::New;
    std::optional<StudyTime> firstSeen;
    std::optional<StudyTime> lastSeen;
    std::optional<StudyTime> finished; ///< the last time it was gone through to the end
    int predictions = 0; ///< ever made
    int right = 0; ///< of those
    std::optional<StudyTime> due; ///< when its first step is to be repeated
};

/// When a prediction is to be made again: a day after a wrong one; after a right one in 3 days, and
/// twice as long after each further right one that was given when it was due. A right answer given
/// before its time keeps the interval.
class Repetition {
public:
    void answered(bool right, StudyTime at);
    std::optional<StudyTime> due() const { return m_due; } ///< nothing before the first answer
    bool lastRight() const { return m_lastRight; }

private:
    std::chrono::days m_interval{0}; // of the current run of right answers; 0 when there is none
    std::optional<StudyTime> m_due;
    bool m_lastRight = false;
};

/// The study progress of one person in one SQLite file, in WAL mode: several windows may have it
/// open. Used from the thread that opened it. Every failure names the file, what is wrong and a way
/// out; nothing is ever overwritten or thrown away because it could not be read.
class StudyStore {
public:
    /// Opens `path`, creating it and its directory when they are missing. Refuses a file that is
    /// damaged, is not a study file, or was written by a newer version, and leaves it as it is.
    static Result<StudyStore, Error> open(const std::string &path);
    StudyStore(StudyStore &&) noexcept;
    StudyStore &operator=(StudyStore &&) noexcept;
    ~StudyStore();

    Result<void, Error> lessonSeen(const std::string &lesson, StudyTime at);
    Result<void, Error> lessonFinished(const std::string &lesson, StudyTime at);
    Result<void, Error> addPrediction(const PredictionMade &prediction);

    /// In the order they were made; of one lesson, or of all when `lesson` is empty.
    Result<std::vector<PredictionMade>, Error> predictions(const std::string &lesson = {}) const;
    /// By lesson id; lessons that were never opened are not in it (they are LessonState::New).
    Result<std::map<std::string, LessonProgress>, Error> progress(StudyTime now) const;

private:
    class Database;
    explicit StudyStore(std::unique_ptr<Database> database);

    std::unique_ptr<Database> m_database;
};

} // namespace queuelab::lessons
