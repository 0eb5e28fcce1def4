#pragma once

#include "engine/world/command.h"
#include "engine/world/session.h"
#include "engine/world/world.h"
#include "lessons/runner.h"
#include "ui/session/frame.h"
#include "ui/session/latest_cell.h"

#include <QObject>
#include <QThread>

#include <optional>

namespace queuelab::ui {

class WorldWorker;

/// The window's side of the engine: commands go in by queue and never wait, frames come out
/// coalesced, at most one a screen frame, with the latest winning. One world is open at a time.
/// Used on the window's thread only.
class EngineThread final : public QObject {
    Q_OBJECT

public:
    explicit EngineThread(QObject *parent = nullptr);
    ~EngineThread() override; ///< stops the world, cancels a live part, and waits for the thread

    void openLesson(
        const lessons::Lesson &lesson, std::optional<std::uint64_t> seed = std::nullopt);
    /// At its end, as it was left; an empty one is a sandbox and plays.
    void openSession(const world::Session &session);

    void setPlaying(bool playing);
    /// Virtual seconds a second, 0 as fast as it goes; nothing lets each step take about five
    /// seconds.
    void setSpeed(std::optional<double> speed);
    void seek(Nanoseconds target); ///< of many in a row only the last is gone to
    void stepForward();
    void stepBack();
    void nextEvent();
    void switchToBranch(std::size_t branch);

    void runStep();
    void playStepAtOnce();
    void rewindToStep(std::size_t index);
    void cancelLive();

    /// Answered by the signal of the same name with the ticket returned here.
    quint64 perform(const world::Command &command);
    quint64 tellStory(const QString &subject, qint64 item);
    quint64 readRecords(const QString &topic, int partition, qint64 fromOffset);
    void save(const QString &path);

Q_SIGNALS:
    void frame(const queuelab::ui::Frame &frame);
    void problem(const QString &text);
    void stepFinished(const queuelab::lessons::StepResult &result);
    void liveProgress(double progress); ///< 0 to 1; -1 when it has ended
    void performed(quint64 ticket, const std::optional<queuelab::world::CommandError> &error);
    void storyTold(quint64 ticket, const std::vector<queuelab::ui::EventRow> &rows);
    void recordsRead(quint64 ticket, const std::vector<queuelab::world::World::MessageRow> &rows);
    void saved(const QString &path, const QString &problem); ///< problem is empty when it is

private:
    void deliver();
    template <class Call> void post(Call call);

    LatestCell<Frame> m_frames;
    LatestCell<Nanoseconds> m_seekTarget;
    QThread m_thread;
    WorldWorker *m_worker; // lives on m_thread, which deletes it when it finishes
    quint64 m_tickets = 0;
};

} // namespace queuelab::ui
