#include "ui/session/engine_thread.h"

#include "ui/session/world_worker.h"

namespace queuelab::ui {

EngineThread::EngineThread(QObject *parent)
    : QObject(parent)
    , m_worker(new WorldWorker(m_frames))
{
    m_thread.setObjectName(QStringLiteral("engine"));
    m_worker->moveToThread(&m_thread);
    connect(&m_thread, &QThread::finished, m_worker, &QObject::deleteLater);
    connect(m_worker, &WorldWorker::frameWaiting, this, &EngineThread::deliver);
    connect(m_worker, &WorldWorker::problem, this, &EngineThread::problem);
    connect(m_worker, &WorldWorker::stepFinished, this, &EngineThread::stepFinished);
    connect(m_worker, &WorldWorker::liveProgress, this, &EngineThread::liveProgress);
    connect(m_worker, &WorldWorker::performed, this, &EngineThread::performed);
    connect(m_worker, &WorldWorker::storyTold, this, &EngineThread::storyTold);
    connect(m_worker, &WorldWorker::recordsRead, this, &EngineThread::recordsRead);
    connect(m_worker, &WorldWorker::saved, this, &EngineThread::saved);
    m_thread.start();
}

EngineThread::~EngineThread()
{
    m_thread.quit();
    m_thread.wait();
}

template <class Call> void EngineThread::post(Call call)
{
    QMetaObject::invokeMethod(m_worker, std::move(call), Qt::QueuedConnection);
}

void EngineThread::deliver()
{
    if (const std::optional<Frame> latest = m_frames.take())
        Q_EMIT frame(*latest);
}

void EngineThread::openLesson(const lessons::Lesson &lesson, std::optional<std::uint64_t> seed)
{
    post([worker = m_worker, lesson, seed] { worker->openLesson(lesson, seed); });
}

void EngineThread::openSession(const world::Session &session)
{
    post([worker = m_worker, session] { worker->openSession(session); });
}

void EngineThread::setPlaying(bool playing)
{
    post([worker = m_worker, playing] { worker->setPlaying(playing); });
}

void EngineThread::setSpeed(std::optional<double> speed)
{
    post([worker = m_worker, speed] { worker->setSpeed(speed); });
}

void EngineThread::seek(Nanoseconds target)
{
    if (!m_seekTarget.put(target))
        return; // a seek is on its way; it will take this target
    post([this, worker = m_worker] {
        if (const std::optional<Nanoseconds> latest = m_seekTarget.take())
            worker->seek(*latest);
    });
}

void EngineThread::stepForward()
{
    post([worker = m_worker] { worker->stepForward(); });
}

void EngineThread::stepBack()
{
    post([worker = m_worker] { worker->stepBack(); });
}

void EngineThread::nextEvent()
{
    post([worker = m_worker] { worker->nextEvent(); });
}

void EngineThread::switchToBranch(std::size_t branch)
{
    post([worker = m_worker, branch] { worker->switchTo(branch); });
}

void EngineThread::runStep()
{
    post([worker = m_worker] { worker->runStep(); });
}

void EngineThread::playStepAtOnce()
{
    post([worker = m_worker] { worker->playStepAtOnce(); });
}

void EngineThread::rewindToStep(std::size_t index)
{
    post([worker = m_worker, index] { worker->rewindToStep(index); });
}

void EngineThread::cancelLive()
{
    post([worker = m_worker] { worker->cancelLive(); });
}

quint64 EngineThread::perform(const world::Command &command)
{
    const quint64 ticket = ++m_tickets;
    post([worker = m_worker, ticket, command] { worker->perform(ticket, command); });
    return ticket;
}

quint64 EngineThread::tellStory(const QString &subject, qint64 item)
{
    const quint64 ticket = ++m_tickets;
    post([worker = m_worker, ticket, subject = subject.toStdString(), item] {
        worker->tellStory(ticket, subject, item);
    });
    return ticket;
}

quint64 EngineThread::readRecords(const QString &topic, int partition, qint64 fromOffset)
{
    const quint64 ticket = ++m_tickets;
    post([worker = m_worker, ticket, topic = topic.toStdString(), partition, fromOffset] {
        worker->readRecords(ticket, topic, partition, fromOffset);
    });
    return ticket;
}

void EngineThread::save(const QString &path)
{
    post([worker = m_worker, path = path.toStdString()] { worker->save(path); });
}

} // namespace queuelab::ui
