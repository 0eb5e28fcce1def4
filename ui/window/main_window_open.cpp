// Opening lessons, sessions and sandboxes; the rest of the window is in main_window.cpp.

#include "ui/window/main_window.h"

#include "ui/panels/course_list.h"
#include "ui/panels/inspector.h"
#include "ui/panels/notice_bar.h"
#include "ui/panels/prediction_card.h"
#include "ui/panels/top_bar.h"
#include "ui/session/engine_thread.h"
#include "ui/stages/words.h"
#include "ui/window/actions.h"
#include "ui/window/settings.h"
#include "ui/window/stage_area.h"

#include <QAction>
#include <QEventLoop>
#include <QFile>
#include <QFileDialog>
#include <QFileInfo>

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

constexpr auto kFirstLesson = "kafka.ceiling";

QString problemText(const std::vector<Error> &errors)
{
    QStringList lines;
    for (const Error &error : errors)
        lines += QString::fromStdString(error.text());
    return lines.join(u'\n');
}

/// Session files say on their first line what they are.
bool isSessionFile(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) && file.readLine(200).startsWith("queuelab-session:");
}

/// Studying happens in the learner's time, not in the world's.
lessons::StudyTime now()
{
    return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
}

} // namespace

void MainWindow::openFirst()
{
    QString id = kLastLessonSetting.value(m_settings);
    if (!m_catalogue.find(id.toStdString()))
        id = QLatin1String(kFirstLesson);
    if (const lessons::Lesson *lesson = m_catalogue.find(id.toStdString()))
        open(*lesson, LessonPanel::Begin::Running);
    else
        openSandbox();
}

bool MainWindow::openLesson(const QString &id)
{
    const lessons::Lesson *lesson = m_catalogue.find(id.toStdString());
    if (lesson)
        open(*lesson, LessonPanel::Begin::AsWritten);
    return lesson != nullptr;
}

void MainWindow::open(const lessons::Lesson &lesson, LessonPanel::Begin begin)
{
    const QString id = QString::fromStdString(lesson.id);
    const bool ofCourse = m_catalogue.find(lesson.id) != nullptr;
    if (!m_watcher.files().isEmpty())
        m_watcher.removePaths(m_watcher.files());
    if (!lesson.file.empty())
        m_watcher.addPath(QString::fromStdString(lesson.file));
    m_notice->hide();
    pick({});
    m_lesson = lesson;
    m_engine->openLesson(lesson);
    m_stages->setEngines(enginesOf(lesson));
    m_lessonPanel->setLesson(lesson, begin);
    m_top->setPlace({QString::fromStdString(lessons::sectionTitle(lesson.section)),
        QString::fromStdString(lesson.title)});
    setWindowTitle(tr("%1 — Queuelab").arg(QString::fromStdString(lesson.title)));
    if (ofCourse) {
        m_course->setCurrentLesson(id);
        kLastLessonSetting.set(m_settings, id);
        keepStudy([&](lessons::StudyStore &study) { return study.lessonSeen(lesson.id, now()); });
    } else {
        m_course->setNothingCurrent();
    }
}

void MainWindow::openNeighbour(int by)
{
    if (!m_lesson)
        return;
    const std::vector<lessons::Lesson> &all = m_catalogue.lessons;
    const auto here = std::ranges::find(all, m_lesson->id, &lessons::Lesson::id);
    const auto wished = (here - all.begin()) + by;
    if (here != all.end() && wished >= 0 && wished < std::ssize(all))
        open(all[static_cast<std::size_t>(wished)], LessonPanel::Begin::AsWritten);
}

void MainWindow::openSandbox()
{
    m_notice->hide();
    pick({});
    m_lesson.reset();
    m_stages->setEngines({world::Engine::Log, world::Engine::Exchange, world::Engine::Visibility});
    m_lessonPanel->setSandbox();
    m_course->setCurrentLesson({});
    m_top->setPlace({tr("Sandbox")});
    setWindowTitle(tr("Sandbox — Queuelab"));
    m_engine->openSession({});
}

void MainWindow::openPath(const QString &path)
{
    kLastFolderSetting.set(m_settings, QFileInfo(path).absolutePath());
    if (isSessionFile(path))
        openSessionFile(path);
    else
        openLessonFile(path, LessonPanel::Begin::AsWritten);
}

void MainWindow::openLessonFile(const QString &path, LessonPanel::Begin begin)
{
    const auto lesson = lessons::loadLesson(path.toStdString());
    if (lesson) {
        open(*lesson, begin);
        return;
    }
    m_notice->showProblem(problemText(lesson.error()));
    m_watcher.addPath(path); // the next save may mend it
}

void MainWindow::openSessionFile(const QString &path)
{
    const auto session = world::loadSession(path.toStdString());
    if (!session) {
        m_notice->showProblem(problemText(session.error()));
        return;
    }
    openSandbox();
    m_course->setNothingCurrent();
    m_top->setPlace({tr("Session"), QFileInfo(path).fileName()});
    for (const world::TimedCommand &command : session->commands)
        if (const std::optional<world::Engine> engine = engineOf(command.command)) {
            m_stages->showEngine(*engine);
            break;
        }
    m_engine->openSession(*session);
}

void MainWindow::saveTo(const QString &path)
{
    m_engine->save(path);
}

void MainWindow::askOpen()
{
    const QString path = QFileDialog::getOpenFileName(this, tr("Open lesson or session"),
        kLastFolderSetting.value(m_settings), tr("Lessons and sessions (*.yaml *.yml)"));
    if (!path.isEmpty())
        openPath(path);
}

void MainWindow::askSave()
{
    const QString path = QFileDialog::getSaveFileName(this, tr("Save session"),
        kLastFolderSetting.value(m_settings) + u"/session.yaml"_s, tr("Sessions (*.yaml)"));
    if (path.isEmpty())
        return;
    kLastFolderSetting.set(m_settings, QFileInfo(path).absolutePath());
    saveTo(path);
}

void MainWindow::keepStudy(const std::function<Result<void, Error>(lessons::StudyStore &)> &change)
{
    if (!m_study)
        return;
    if (const auto kept = change(*m_study); !kept)
        m_notice->showProblem(QString::fromStdString(kept.error().text()));
    showProgress();
}

void MainWindow::showProgress()
{
    if (!m_study)
        return;
    if (const auto progress = m_study->progress(now()))
        m_course->setProgress(*progress);
    else
        m_notice->showProblem(QString::fromStdString(progress.error().text()));
}

void MainWindow::predicted(std::size_t step, std::size_t choice, int surePercent, bool right)
{
    if (!m_lesson || !m_catalogue.find(m_lesson->id))
        return;
    keepStudy([&](lessons::StudyStore &study) {
        return study.addPrediction({.lesson = m_lesson->id,
            .step = static_cast<int>(step),
            .choice = static_cast<int>(choice) + 1,
            .confidencePercent = surePercent,
            .right = right,
            .at = now()});
    });
}

void MainWindow::stepFinished(const lessons::StepResult &result)
{
    m_lessonPanel->showResult(result);
    if (m_lesson && result.index + 1 == m_lesson->steps.size() && m_catalogue.find(m_lesson->id))
        keepStudy(
            [&](lessons::StudyStore &study) { return study.lessonFinished(m_lesson->id, now()); });
}

void MainWindow::showProblem(const QString &text)
{
    m_notice->showProblem(text);
}

QString MainWindow::showPlayed(const QString &idOrPath, std::size_t steps)
{
    m_actions->reduceMotion->setChecked(true);
    if (const lessons::Lesson *lesson = m_catalogue.find(idOrPath.toStdString()))
        open(*lesson, LessonPanel::Begin::Standing);
    else if (QFile::exists(idOrPath))
        openLessonFile(idOrPath, LessonPanel::Begin::Standing);
    else
        return tr("There is no lesson and no file '%1'; `queuelab-cli list` names the lessons.")
            .arg(idOrPath);
    if (!m_lesson)
        return m_notice->text();
    if (steps > m_lesson->steps.size())
        return tr("%1 has %2.")
            .arg(idOrPath, counted(m_lesson->steps.size(), tr("1 step"), tr("%1 steps")));
    if (steps == 0)
        steps = m_lesson->steps.size();

    QEventLoop loop;
    bool finished = false;
    connect(m_engine, &EngineThread::stepFinished, &loop, [&] { finished = true; });
    connect(m_engine, &EngineThread::problem, &loop, [&] { finished = true; });
    for (std::size_t step = 0; step < steps; ++step) {
        m_lessonPanel->showStep(step, LessonPanel::Begin::Standing);
        if (const auto &question = m_lesson->steps[step].prediction)
            m_lessonPanel->prediction()->setAnswer(question->answer, 70);
        m_lessonPanel->showRunning();
        finished = false;
        m_engine->playStepAtOnce();
        while (!finished)
            loop.processEvents(QEventLoop::WaitForMoreEvents);
    }
    const Nanoseconds end = m_lesson->stepEnd(steps - 1).count();
    while (m_notice->text().isEmpty() && m_frame.clock.position < end)
        loop.processEvents(QEventLoop::WaitForMoreEvents);
    refreshSlowPanels();
    m_stages->comeToRest();
    return m_notice->text();
}

} // namespace queuelab::ui
