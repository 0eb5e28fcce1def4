#include "ui/session/world_worker.h"

#include "ui/session/event_rows.h"

#include <algorithm>
#include <cmath>

namespace queuelab::ui {

namespace {

constexpr qint64 kFrameMs = 15; // with the look at the clock that ends it, 60 frames a second
constexpr qint64 kSliceMs = 10; // how long the thread works before it looks for commands
// Agenda items between two looks at the wall clock. A step with thousands of records takes as long
// as hundreds of heartbeats, so their number follows from how long the last ones took.
constexpr std::uint64_t kFewestSteps = 8;
constexpr std::uint64_t kMostSteps = 2048;
constexpr qint64 kLookNs = 1'000'000;
constexpr std::size_t kRowsWhilePlaying = 1000;
constexpr std::size_t kStoryRows = 200;
constexpr std::size_t kRecordRows = 500;
constexpr Duration kFlatOutStride =
    std::chrono::seconds{10}; // without a limit, so that pausing stays possible
constexpr Duration kNextEventLimit = std::chrono::hours{24};

} // namespace

double comfortableSpeed(Duration run)
{
    constexpr double wallSeconds = 5;
    const double seconds = std::chrono::duration<double>(run).count();
    return std::max(1.0, seconds / wallSeconds);
}

WorldWorker::WorldWorker(LatestCell<Frame> &frames)
    : m_frames(frames)
    , m_timer(this) // a child, so that it moves to the thread with its parent
{
    m_timer.setSingleShot(true);
    m_timer.setTimerType(Qt::PreciseTimer);
    connect(&m_timer, &QTimer::timeout, this, &WorldWorker::tick);
    m_wall.start();
}

WorldWorker::~WorldWorker()
{
    joinLive();
}

world::Timeline *WorldWorker::timeline()
{
    return m_player ? &m_player->timeline() : m_timeline.get();
}

Duration WorldWorker::limit() const
{
    if (!m_player)
        return Duration::max();
    world::Timeline &timeline = m_player->timeline();
    const std::size_t begun = m_player->nextStep();
    if (begun == 0)
        return timeline.end();
    const Duration bound = std::max(m_player->lesson().stepEnd(begun - 1), timeline.end());
    const bool free =
        begun == m_player->lesson().steps.size() && !m_runningStep && timeline.position() >= bound;
    return free ? Duration::max() : bound;
}

void WorldWorker::openLesson(lessons::Lesson lesson, std::optional<std::uint64_t> seed)
{
    auto player = lessons::LessonPlayer::create(std::move(lesson), seed);
    if (!player) {
        Q_EMIT problem(QString::fromStdString(player.error().text()));
        return;
    }
    m_player = std::move(*player);
    m_timeline.reset();
    opened();
    postFrame();
}

void WorldWorker::openSession(world::Session session)
{
    const Duration end = session.end;
    auto timeline = world::Timeline::create(std::move(session));
    if (!timeline) {
        Q_EMIT problem(QString::fromStdString(timeline.error().text()));
        return;
    }
    m_player.reset();
    m_timeline = std::move(*timeline);
    opened();
    if (end > Duration{})
        m_seekTarget = end;
    else
        play();
    tick();
}

void WorldWorker::opened()
{
    joinLive();
    m_driver.pause();
    m_runningStep.reset();
    m_seekTarget.reset();
    m_free = false;
    ++m_world;
    jumped();
}

void WorldWorker::jumped()
{
    ++m_jump;
    m_rowsReset = true;
}

void WorldWorker::play()
{
    const world::Timeline *here = timeline();
    if (!here)
        return;
    double speed = m_speed.value_or(1);
    if (!m_speed && m_player && m_player->nextStep() > 0)
        speed = comfortableSpeed(m_player->lesson().steps[m_player->nextStep() - 1].run);
    m_driver.play(Duration(m_wall.nsecsElapsed()), here->position(), speed);
    m_timer.start(0);
}

void WorldWorker::setPlaying(bool playing)
{
    if (playing) {
        // Past the end of a step that was judged, the world goes on for those who want to watch or
        // break it. The next step then begins at its own time, and what came of this is kept as a
        // branch.
        const world::Timeline *here = timeline();
        if (m_player && m_player->nextStep() > 0 && !m_runningStep && here->position() >= limit())
            m_free = true;
        play();
    } else {
        m_driver.pause();
        postFrame();
    }
}

void WorldWorker::setSpeed(std::optional<double> speed)
{
    m_speed = speed;
    if (m_driver.playing())
        play();
    else
        postFrame();
}

void WorldWorker::seek(Nanoseconds target)
{
    if (!timeline())
        return;
    m_driver.pause();
    m_seekTarget = std::clamp(Duration(target), Duration{}, limit());
    jumped();
    tick();
}

void WorldWorker::stepForward()
{
    world::Timeline *here = timeline();
    if (!here)
        return;
    m_driver.pause();
    const std::optional<Instant> due = here->world().nextDue();
    const Duration bound = limit();
    if (due && *due - here->world().start() <= bound)
        here->stepForward();
    else if (bound != Duration::max())
        here->seek(bound);
    judgeWhenDue();
    postFrame();
}

void WorldWorker::stepBack()
{
    world::Timeline *here = timeline();
    if (!here)
        return;
    m_driver.pause();
    here->stepBack();
    jumped();
    postFrame();
}

void WorldWorker::nextEvent()
{
    world::Timeline *here = timeline();
    if (!here)
        return;
    m_driver.pause();
    const Duration bound = limit();
    const Duration stretch = bound == Duration::max() ? kNextEventLimit : bound - here->position();
    here->runToNextEvent(EventWeight::Notable, std::min(stretch, kNextEventLimit));
    judgeWhenDue();
    postFrame();
}

void WorldWorker::switchTo(std::size_t branch)
{
    world::Timeline *here = timeline();
    if (!here || branch >= here->branches().size())
        return;
    m_driver.pause();
    here->switchTo(branch, here->branches()[branch].end);
    jumped();
    postFrame();
}

void WorldWorker::runStep()
{
    if (!m_player || m_runningStep || m_player->nextStep() >= m_player->lesson().steps.size())
        return;
    const std::size_t index = m_player->nextStep();
    world::Timeline &here = m_player->timeline();
    const Duration start = m_player->lesson().stepStart(index);
    if (here.position() != start) {
        here.seek(start);
        jumped();
    }
    m_player->beginStep();
    m_runningStep = index;
    m_free = false;
    play();
    tick();
}

void WorldWorker::playStepAtOnce()
{
    if (!m_player || m_player->nextStep() >= m_player->lesson().steps.size())
        return;
    const lessons::StepResult result = m_player->playStep();
    postFrame();
    Q_EMIT stepFinished(result);
}

void WorldWorker::rewindToStep(std::size_t index)
{
    if (!m_player)
        return;
    joinLive();
    m_driver.pause();
    m_seekTarget.reset();
    m_runningStep.reset();
    m_free = false;
    m_player->rewindToStep(index);
    jumped();
    postFrame();
}

void WorldWorker::tick()
{
    world::Timeline *here = timeline();
    if (!here)
        return;
    QElapsedTimer slice;
    slice.start();
    bool more = false;
    if (m_seekTarget) {
        more = !seekOn();
    } else if (m_driver.playing()) {
        const Duration bound = limit();
        do {
            const qint64 before = m_wall.nsecsElapsed();
            Duration until = bound;
            if (bound == Duration::max() && m_driver.speed() == world::Driver::kFlatOut)
                until = here->position() + kFlatOutStride;
            more = m_driver.advance(*here, Duration(before), until, m_stepsAtOnce);
            const qint64 took = m_wall.nsecsElapsed() - before;
            m_stepsAtOnce = std::clamp(
                took > kLookNs ? m_stepsAtOnce / 2 : m_stepsAtOnce * 2, kFewestSteps, kMostSteps);
        } while (more && slice.elapsed() < kSliceMs && here->position() < bound
            && m_wall.elapsed() - m_lastFrameMs < kFrameMs);
        const bool nothingComes = bound == Duration::max()
            && m_driver.speed() == world::Driver::kFlatOut && !here->world().nextDue();
        if (here->position() >= bound || nothingComes) {
            m_driver.pause();
            more = false;
        }
    }
    judgeWhenDue();
    const bool stands = !m_seekTarget && !m_driver.playing();
    if (stands || m_wall.elapsed() - m_lastFrameMs >= kFrameMs)
        postFrame();
    if (!stands)
        m_timer.start(more ? 0 : static_cast<int>(kFrameMs));
}

bool WorldWorker::seekOn()
{
    constexpr std::uint64_t stepsASlice = 20'000;
    if (timeline()->seek(*m_seekTarget, stepsASlice)) {
        m_seekTarget.reset();
        return true;
    }
    return false;
}

void WorldWorker::judgeWhenDue()
{
    if (!m_player || !m_runningStep
        || m_player->timeline().position() < m_player->lesson().stepEnd(*m_runningStep))
        return;
    const std::size_t index = *m_runningStep;
    m_runningStep.reset();
    m_driver.pause();
    lessons::StepResult result = m_player->verdict(index);
    if (m_player->lesson().steps[index].measures())
        startLive(index, std::move(result));
    else
        Q_EMIT stepFinished(result);
}

void WorldWorker::startLive(std::size_t index, lessons::StepResult soFar)
{
    joinLive();
    m_cancelLive = false;
    Q_EMIT liveProgress(0);
    m_live = std::thread([this, step = m_player->lesson().steps[index],
                             seed = m_player->timeline().session().world.seed, world = m_world,
                             result = std::move(soFar)]() mutable {
        lessons::addMeasured(
            result, step, seed, [this](double progress) { Q_EMIT liveProgress(progress); },
            &m_cancelLive);
        QMetaObject::invokeMethod(
            this,
            [this, world, result] {
                if (world != m_world)
                    return;
                Q_EMIT liveProgress(-1);
                Q_EMIT stepFinished(result);
            },
            Qt::QueuedConnection);
    });
}

void WorldWorker::joinLive()
{
    m_cancelLive = true;
    if (m_live.joinable()) {
        m_live.join();
        Q_EMIT liveProgress(-1);
    }
}

void WorldWorker::cancelLive()
{
    m_cancelLive = true; // it still answers, with what it measured so far or why it did not
}

void WorldWorker::perform(quint64 ticket, const world::Command &command)
{
    world::Timeline *here = timeline();
    if (!here)
        return;
    const auto done = here->perform(command);
    Q_EMIT performed(ticket, done ? std::nullopt : std::optional(done.error()));
    postFrame();
}

void WorldWorker::tellStory(quint64 ticket, const std::string &subject, std::int64_t item)
{
    if (const world::Timeline *here = timeline())
        Q_EMIT storyTold(ticket,
            lifeStory(here->world().trace(), subject, item, kStoryRows, here->world().start()));
}

void WorldWorker::readRecords(
    quint64 ticket, const std::string &topic, std::int32_t partition, std::int64_t fromOffset)
{
    if (const world::Timeline *here = timeline())
        Q_EMIT recordsRead(
            ticket, here->world().records(topic, partition, fromOffset, kRecordRows));
}

void WorldWorker::save(const std::string &path)
{
    const world::Timeline *here = timeline();
    if (!here)
        return;
    const auto written = world::saveSession(here->session(), path);
    Q_EMIT saved(QString::fromStdString(path),
        written ? QString() : QString::fromStdString(written.error().text()));
}

void WorldWorker::postFrame()
{
    world::Timeline *here = timeline();
    if (!here)
        return;
    Frame frame;
    frame.world = m_world;
    frame.jump = m_jump;
    frame.snapshot = here->world().snapshot();
    Clock &clock = frame.clock;
    clock.position = here->position().count();
    clock.end = std::max(here->end(), here->position()).count();
    clock.limit = limit().count();
    clock.playing = m_driver.playing();
    clock.seeking = m_seekTarget.has_value();
    clock.speed = m_driver.speed();
    for (const world::Timeline::Mark &mark : here->marks())
        clock.marks.push_back({mark.at.count(), mark.tone, QString::fromStdString(mark.label)});
    clock.branches = branches();
    frame.nextStep = m_player ? static_cast<qint64>(m_player->nextStep()) : 0;
    frame.runningStep = m_runningStep ? static_cast<qint64>(*m_runningStep) : -1;
    appendRows(frame);
    m_lastFrameMs = m_wall.elapsed();
    if (m_frames.put(std::move(frame)))
        Q_EMIT frameWaiting();
}

void WorldWorker::appendRows(Frame &frame)
{
    const world::Timeline *here = timeline();
    const Trace &trace = here->world().trace();
    const bool moving = m_driver.playing() || m_seekTarget;
    const std::size_t most = moving ? kRowsWhilePlaying : Frame::kMaxRows;
    const std::uint64_t from =
        m_rowsReset || (m_rowsThinned && !moving) ? 0 : std::min(m_rowsSent, trace.end());
    const std::uint64_t available = trace.end() - std::max(from, trace.first());
    const bool thinned = available > most;
    frame.reset = from == 0 || thinned;
    frame.rows = makeEventRows(trace, from, most, here->world().start());
    m_rowsThinned = moving && (thinned || (m_rowsThinned && from != 0));
    m_rowsReset = false;
    m_rowsSent = trace.end();
}

std::vector<Branch> WorldWorker::branches()
{
    const world::Timeline *here = timeline();
    const std::vector<world::TimedCommand> &now = here->session().commands;
    std::vector<Branch> result;
    for (const world::Session &branch : here->branches()) {
        // They part at the first command that only one of them has.
        std::size_t same = 0;
        while (same < now.size() && same < branch.commands.size()
            && now[same].at == branch.commands[same].at
            && world::commandText(now[same].command)
                == world::commandText(branch.commands[same].command))
            ++same;
        Duration fork = std::min(branch.end, here->end());
        if (same < now.size())
            fork = std::min(fork, now[same].at);
        if (same < branch.commands.size())
            fork = std::min(fork, branch.commands[same].at);
        const int number = static_cast<int>(result.size());
        result.push_back({fork.count(), branch.end.count(),
            number < 26 ? QString(QChar(u'A' + number)) : QString::number(number + 1)});
    }
    return result;
}

} // namespace queuelab::ui
