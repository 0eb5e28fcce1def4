#pragma once

#include "engine/world/session.h"
#include "lessons/lesson.h"
#include "lessons/runner.h"
#include "lessons/study/study_store.h"
#include "ui/panels/lesson_panel.h"
#include "ui/session/frame.h"
#include "ui/theme/theme.h"

#include <QFileSystemWatcher>
#include <QMainWindow>
#include <QTimer>

#include <functional>
#include <map>
#include <optional>

class QDockWidget;
class QSettings;
class QTabWidget;

namespace queuelab::ui {

class Actions;
class ChartPanel;
class CommandPalette;
class CourseList;
class EngineThread;
class EventPanel;
class FaultMenu;
class Inspector;
class MessagePanel;
class NoticeBar;
class RebalancePanel;
class StageArea;
class TimelineBar;
class TopBar;
class TransactionPanel;

/// The workbench: the course, the stage, time, the lesson and the tables around one world on its
/// own thread.
class MainWindow final : public QMainWindow {
    Q_OBJECT

public:
    /// All three outlive the window. `study` keeps what the learner did; nullptr: nothing is kept.
    MainWindow(const lessons::Catalogue &catalogue, QSettings &settings, lessons::StudyStore *study,
        QWidget *parent = nullptr);
    ~MainWindow() override;

    /// The last lesson, or the first of the course, running.
    void openFirst();
    /// A lesson of the catalogue; false when there is none of that id.
    bool openLesson(const QString &id);
    /// A lesson or a session file; what is wrong with it is shown in the window.
    void openPath(const QString &path);
    void openSandbox();
    void saveTo(const QString &path);

    /// The lesson `id` with its first `steps` steps played at full speed, questions answered
    /// rightly, nothing moving: for pictures. All steps when `steps` is 0. Returns when it is
    /// shown, with a problem in words or nothing.
    QString showPlayed(const QString &idOrPath, std::size_t steps);

    void showProblem(const QString &text);
    void setDark(bool dark);
    void setTypePercent(int percent); ///< 70 to 250
    bool isDark() const { return m_theme.dark; }

    Actions &actions() { return *m_actions; }
    const Frame &frame() const { return m_frame; } ///< the newest one shown

protected:
    bool event(QEvent *event) override;
    void showEvent(QShowEvent *event) override;
    void closeEvent(QCloseEvent *event) override;
    void dragEnterEvent(QDragEnterEvent *event) override;
    void dropEvent(QDropEvent *event) override;

private:
    Actions *makeActions();
    void build();
    QDockWidget *addDock(const char *name, const QString &title, QWidget *panel,
        Qt::DockWidgetArea area, QKeyCombination keys);
    void connectEngine();
    void connectPanels();
    void connectActions();

    void open(const lessons::Lesson &lesson, LessonPanel::Begin begin);
    void openSessionFile(const QString &path);
    void openLessonFile(const QString &path, LessonPanel::Begin begin);
    void openNeighbour(int by); ///< in the course: the next lesson is 1 away
    void showFrame(const Frame &frame);
    void refreshSlowPanels();
    void pick(const Thing &thing);
    void perform(const world::Command &command, bool fromForm);
    void playPressed();
    void askOpen();
    void askSave();
    void setArranging(bool arranging);
    void resetLayout();
    void restyle();
    void keepStudy(const std::function<Result<void, Error>(lessons::StudyStore &)> &change);
    void showProgress();
    void stepFinished(const lessons::StepResult &result);
    void predicted(std::size_t step, std::size_t choice, int surePercent, bool right);

    const lessons::Catalogue &m_catalogue;
    QSettings &m_settings;
    lessons::StudyStore *m_study;
    Theme m_theme;
    int m_typePercent;

    Actions *m_actions;
    EngineThread *m_engine;
    TopBar *m_top;
    CourseList *m_course;
    StageArea *m_stages;
    TimelineBar *m_timeline;
    NoticeBar *m_notice;
    LessonPanel *m_lessonPanel;
    QTabWidget *m_tabs;
    EventPanel *m_events;
    ChartPanel *m_charts;
    MessagePanel *m_messages;
    RebalancePanel *m_rebalances;
    TransactionPanel *m_transactions;
    Inspector *m_inspector;
    CommandPalette *m_palette;
    FaultMenu *m_faults;
    QDockWidget *m_inspectorDock = nullptr;
    std::vector<QDockWidget *> m_docks;
    QList<QDockWidget *> m_sideDocks; // until the first show has given them their widths
    QByteArray m_defaultLayout;

    std::optional<lessons::Lesson> m_lesson; // nothing in a sandbox
    Frame m_frame;
    QTimer m_slow; // tables and charts are brought up to date a few times a second only
    QFileSystemWatcher m_watcher;
    std::map<quint64, world::Command> m_performing; // by ticket
    quint64 m_formTicket = 0;
    quint64 m_storyTicket = 0;
    quint64 m_recordsTicket = 0;
};

} // namespace queuelab::ui
