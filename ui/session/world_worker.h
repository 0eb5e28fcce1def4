#pragma once

#include "engine/world/driver.h"
#include "engine/world/timeline.h"
#include "lessons/runner.h"
#include "ui/session/frame.h"
#include "ui/session/latest_cell.h"

#include <QElapsedTimer>
#include <QObject>
#include <QTimer>

#include <atomic>
#include <memory>
#include <optional>
#include <thread>

namespace queuelab::ui {

/// How fast a lesson's step is played when nobody chose a speed: so that it takes about five
/// seconds, however long its virtual time is, but never slower than real time.
double comfortableSpeed(Duration run);

/// The world and its clock, on the engine's thread: plays a lesson or a sandbox, answers commands,
/// and puts frames into the cell it was given. Used through EngineThread only.
class WorldWorker final : public QObject {
    Q_OBJECT

public:
    explicit WorldWorker(LatestCell<Frame> &frames);
    ~WorldWorker() override;

    void openLesson(lessons::Lesson lesson, std::optional<std::uint64_t> seed);
    void openSession(world::Session session);

    void setPlaying(bool playing);
    /// Virtual seconds a second, 0 as fast as it goes; nothing: comfortableSpeed() of each step.
    void setSpeed(std::optional<double> speed);
    void seek(Nanoseconds target);
    void stepForward();
    void stepBack();
    void nextEvent();
    void switchTo(std::size_t branch);

    /// Begins the lesson's next step and plays it to its end.
    void runStep();
    /// The lesson's next step at once, for screenshots: answered with stepFinished() before it
    /// returns.
    void playStepAtOnce();
    void rewindToStep(std::size_t index);
    void cancelLive();

    void perform(quint64 ticket, const world::Command &command);
    void tellStory(quint64 ticket, const std::string &subject, std::int64_t item);
    void readRecords(
        quint64 ticket, const std::string &topic, std::int32_t partition, std::int64_t fromOffset);
    void save(const std::string &path);

Q_SIGNALS:
    void frameWaiting();
    /// The world could not be made, or a session's command does not apply.
    void problem(const QString &text);
    void stepFinished(const queuelab::lessons::StepResult &result);
    /// The live part of a step: 0 to 1; -1 when it has ended.
    void liveProgress(double progress);
    void performed(quint64 ticket, const std::optional<queuelab::world::CommandError> &error);
    void storyTold(quint64 ticket, const std::vector<queuelab::ui::EventRow> &rows);
    void recordsRead(quint64 ticket, const std::vector<queuelab::world::World::MessageRow> &rows);
    void saved(const QString &path, const QString &problem);

private:
    world::Timeline *timeline();
    Duration limit() const;
    void opened();
    void jumped();
    void tick();
    bool seekOn();
    void judgeWhenDue();
    void startLive(std::size_t index, lessons::StepResult soFar);
    void joinLive();
    void play();
    void postFrame();
    std::vector<Branch> branches();
    void appendRows(Frame &frame);

    LatestCell<Frame> &m_frames;
    QTimer m_timer;
    QElapsedTimer m_wall;
    std::uint64_t m_stepsAtOnce = 64;
    qint64 m_lastFrameMs = 0;

    std::unique_ptr<lessons::LessonPlayer> m_player; // a lesson, or
    std::unique_ptr<world::Timeline> m_timeline; // a sandbox or session
    world::Driver m_driver;
    std::optional<double> m_speed;
    std::optional<std::size_t> m_runningStep;
    std::optional<Duration> m_seekTarget;
    bool m_free = false; // plays on past the end of the lesson's step

    quint64 m_world = 0;
    quint64 m_jump = 0;
    std::uint64_t m_rowsSent = 0; // trace sequence
    bool m_rowsReset = true; // the next frame carries all rows
    bool m_rowsThinned =
        false; // rows were left out while it ran fast: send them all when it stands

    std::thread m_live;
    std::atomic<bool> m_cancelLive = false;
};

} // namespace queuelab::ui
