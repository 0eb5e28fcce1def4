#include "ui/window/main_window.h"

#include "ui/panels/chart_panel.h"
#include "ui/panels/command_palette.h"
#include "ui/panels/course_list.h"
#include "ui/panels/event_panel.h"
#include "ui/panels/fault_menu.h"
#include "ui/panels/inspector.h"
#include "ui/panels/message_panel.h"
#include "ui/panels/notice_bar.h"
#include "ui/panels/rebalance_panel.h"
#include "ui/panels/time_axis.h"
#include "ui/panels/timeline_bar.h"
#include "ui/panels/top_bar.h"
#include "ui/panels/transaction_panel.h"
#include "ui/session/engine_thread.h"
#include "ui/stages/words.h"
#include "ui/theme/style_sheet.h"
#include "ui/window/actions.h"
#include "ui/window/settings.h"
#include "ui/window/stage_area.h"

#include <QAbstractButton>
#include <QAbstractScrollArea>
#include <QAction>
#include <QApplication>
#include <QCloseEvent>
#include <QDockWidget>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QKeyEvent>
#include <QMimeData>
#include <QTabWidget>
#include <QToolButton>
#include <QVBoxLayout>

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

namespace {

constexpr int kLayoutVersion = 1;
constexpr int kCardGap = 8; // between the cards

/// A card in a dock, with the ground of the window around it.
QWidget *framed(QWidget *panel, const QMargins &margins)
{
    auto *frame = new QWidget;
    auto *column = new QVBoxLayout(frame);
    column->setContentsMargins(margins);
    column->addWidget(panel);
    return frame;
}

/// As chosen, else as the desktop is.
Theme chosenTheme(const QSettings &settings)
{
    const QString name = kThemeSetting.value(settings);
    Theme theme = name.isEmpty() ? Theme::of(QApplication::palette())
        : name == "dark"_L1      ? Theme::darkTheme()
                                 : Theme::light();
    theme.scale = kTypePercentSetting.value(settings) / 100.0;
    return theme;
}

} // namespace

MainWindow::MainWindow(const lessons::Catalogue &catalogue, QSettings &settings,
    lessons::StudyStore *study, QWidget *parent)
    : QMainWindow(parent)
    , m_catalogue(catalogue)
    , m_settings(settings)
    , m_study(study)
    , m_theme(chosenTheme(settings))
    , m_typePercent(kTypePercentSetting.value(settings))
    , m_actions(makeActions())
    , m_engine(new EngineThread(this))
    , m_top(new TopBar(*m_actions, this))
    , m_course(new CourseList(catalogue, this))
    , m_stages(new StageArea(this))
    , m_timeline(new TimelineBar(*m_actions, this))
    , m_notice(new NoticeBar(this))
    , m_lessonPanel(new LessonPanel(*m_actions, this))
    , m_tabs(new QTabWidget(this))
    , m_events(new EventPanel(this))
    , m_charts(new ChartPanel(this))
    , m_messages(new MessagePanel(this))
    , m_rebalances(new RebalancePanel(this))
    , m_transactions(new TransactionPanel(this))
    , m_inspector(new Inspector(this))
    , m_faults(new FaultMenu(this))
{
    setWindowTitle(tr("Queuelab"));
    setAcceptDrops(true);
    setFocusPolicy(Qt::StrongFocus);
    setFocus(); // nothing is pressed by the first key but the window's own shortcuts
    build();
    QList<QAction *> listed = m_actions->all();
    for (const QDockWidget *dock : m_docks)
        listed.append(dock->toggleViewAction());
    m_palette = new CommandPalette(catalogue, listed, this);
    m_slow.setSingleShot(true);
    m_slow.setInterval(150ms);
    connectEngine();
    connectPanels();
    connectActions();

    m_defaultLayout = saveState(kLayoutVersion);
    restoreGeometry(kGeometrySetting.value(m_settings));
    restoreState(kDocksSetting.value(m_settings), kLayoutVersion);
    m_inspectorDock->hide(); // nothing is picked yet
    m_actions->reduceMotion->setChecked(kReduceMotionSetting.value(m_settings));
    showProgress();
}

MainWindow::~MainWindow() = default;

Actions *MainWindow::makeActions()
{
    // Before any panel is made, so that each is made in its final colours and type.
    if (auto *application = qobject_cast<QApplication *>(QCoreApplication::instance()))
        applyTheme(*application, m_theme);
    auto *actions = new Actions(this);
    actions->restyle(m_theme);
    return actions;
}

void MainWindow::build()
{
    setMenuWidget(m_top);
    setDockOptions(
        QMainWindow::AnimatedDocks | QMainWindow::AllowNestedDocks | QMainWindow::AllowTabbedDocks);
    setCorner(Qt::BottomLeftCorner, Qt::LeftDockWidgetArea);
    setCorner(Qt::BottomRightCorner, Qt::RightDockWidgetArea);

    auto *centre = new QWidget(this);
    auto *column = new QVBoxLayout(centre);
    column->setContentsMargins(kCardGap, kCardGap, kCardGap / 2, 0);
    column->setSpacing(kCardGap);
    column->addWidget(m_notice);
    column->addWidget(m_stages, 1);
    column->addWidget(m_timeline);
    setCentralWidget(centre);

    auto *tables = new QFrame;
    setRole(*tables, "card");
    auto *tablesColumn = new QVBoxLayout(tables);
    tablesColumn->setContentsMargins(6, 2, 6, 6);
    m_tabs->setObjectName(u"tables"_s);
    m_tabs->setDocumentMode(true);
    m_tabs->addTab(m_events, tr("Events"));
    m_tabs->addTab(m_charts, tr("Charts"));
    m_tabs->addTab(m_messages, tr("Messages"));
    m_tabs->addTab(m_rebalances, tr("Rebalances"));
    m_tabs->setTabVisible(m_tabs->addTab(m_transactions, tr("Transactions")), false);
    m_tabs->setCornerWidget(m_events->filterBar());
    connect(m_tabs, &QTabWidget::currentChanged, this,
        [this] { m_events->filterBar()->setVisible(m_tabs->currentWidget() == m_events); });
    tablesColumn->addWidget(m_tabs);

    const auto control = [](Qt::Key key) { return Qt::CTRL | Qt::SHIFT | key; };
    QDockWidget *course =
        addDock("dock.course", tr("Course"), m_course, Qt::LeftDockWidgetArea, control(Qt::Key_1));
    QDockWidget *lesson = addDock("dock.lesson", tr("Lesson"),
        framed(m_lessonPanel, {kCardGap / 2, kCardGap, kCardGap, kCardGap}),
        Qt::RightDockWidgetArea, control(Qt::Key_2));
    QDockWidget *bottom = addDock("dock.tables", tr("Events, charts, messages"),
        framed(tables, {kCardGap, kCardGap / 2, kCardGap / 2, kCardGap}), Qt::BottomDockWidgetArea,
        control(Qt::Key_3));
    m_inspectorDock = addDock("dock.inspector", tr("Inspector"),
        framed(m_inspector, {kCardGap / 2, kCardGap / 2, kCardGap / 2, kCardGap}),
        Qt::BottomDockWidgetArea, control(Qt::Key_4));
    m_sideDocks = {course, lesson};
    resizeDocks({bottom}, {216}, Qt::Vertical);
    setArranging(false);
}

QDockWidget *MainWindow::addDock(const char *name, const QString &title, QWidget *panel,
    Qt::DockWidgetArea area, QKeyCombination keys)
{
    auto *dock = new QDockWidget(title, this);
    dock->setObjectName(QLatin1String(name));
    dock->setWidget(panel);
    addDockWidget(area, dock);
    QAction *toggle = dock->toggleViewAction();
    toggle->setObjectName(u"view."_s + QLatin1String(name));
    toggle->setText(tr("Show or hide: %1").arg(title));
    toggle->setShortcut(keys);
    addAction(toggle);
    m_docks.push_back(dock);
    return dock;
}

void MainWindow::connectEngine()
{
    connect(m_engine, &EngineThread::frame, this, &MainWindow::showFrame);
    connect(m_engine, &EngineThread::problem, m_notice, &NoticeBar::showProblem);
    connect(m_engine, &EngineThread::stepFinished, this, &MainWindow::stepFinished);
    connect(m_engine, &EngineThread::liveProgress, m_lessonPanel, &LessonPanel::showLiveProgress);
    connect(m_engine, &EngineThread::performed, this,
        [this](quint64 ticket, const std::optional<world::CommandError> &error) {
            const auto command = m_performing.extract(ticket);
            if (ticket == m_formTicket)
                m_palette->showOutcome(error);
            else if (error)
                m_notice->showProblem(tr("Refused: %1 (%2)")
                        .arg(QString::fromStdString(error->message),
                            QString::fromStdString(error->code)));
            if (!error && !command.empty())
                m_notice->showDone(tr("Done at %1: %2")
                        .arg(clockText(m_frame.clock.position),
                            QString::fromStdString(world::commandText(command.mapped()))));
        });
    connect(m_engine, &EngineThread::storyTold, this,
        [this](quint64 ticket, const std::vector<EventRow> &rows) {
            if (ticket == m_storyTicket)
                m_inspector->setStory(rows);
        });
    connect(m_engine, &EngineThread::recordsRead, this,
        [this](quint64 ticket, const std::vector<world::World::MessageRow> &rows) {
            if (ticket == m_recordsTicket && m_frame.snapshot)
                m_messages->setRecords(rows, m_frame.snapshot->start);
        });
    connect(
        m_engine, &EngineThread::saved, this, [this](const QString &path, const QString &problem) {
            if (problem.isEmpty())
                m_notice->showDone(tr("Saved: %1").arg(path));
            else
                m_notice->showProblem(problem);
        });
}

void MainWindow::connectPanels()
{
    connect(m_course, &CourseList::lessonChosen, this, &MainWindow::openLesson);
    connect(m_course, &CourseList::sandboxChosen, this, &MainWindow::openSandbox);

    connect(m_timeline, &TimelineBar::speedChosen, m_engine, &EngineThread::setSpeed);
    connect(&m_timeline->axis(), &TimeAxis::seekWished, m_engine, &EngineThread::seek);
    connect(&m_timeline->axis(), &TimeAxis::branchWished, this,
        [this](int index) { m_engine->switchToBranch(static_cast<std::size_t>(index)); });

    connect(m_lessonPanel, &LessonPanel::runWished, m_engine, &EngineThread::runStep);
    connect(m_lessonPanel, &LessonPanel::cancelLiveWished, m_engine, &EngineThread::cancelLive);
    connect(m_lessonPanel, &LessonPanel::againWished, this, [this](std::size_t step) {
        m_engine->rewindToStep(step);
        m_lessonPanel->showStep(step, LessonPanel::Begin::AsWritten);
    });
    connect(m_lessonPanel, &LessonPanel::nextLessonWished, this, [this] { openNeighbour(1); });
    connect(m_lessonPanel, &LessonPanel::predicted, this, &MainWindow::predicted);

    connect(m_stages, &StageArea::picked, this, &MainWindow::pick);
    connect(m_messages, &MessagePanel::picked, this, &MainWindow::pick);
    connect(m_transactions, &TransactionPanel::picked, this, &MainWindow::pick);
    connect(m_messages, &MessagePanel::recordsWished, this,
        [this](const QString &topic, int partition, qint64 from) {
            m_recordsTicket = m_engine->readRecords(topic, partition, from);
        });
    connect(
        m_events, &EventPanel::subjectPicked, this, [this](const QString &subject, qint64 item) {
            if (m_frame.snapshot)
                pick(thingNamed(*m_frame.snapshot, subject, item));
        });
    connect(m_events, &EventPanel::seekWished, m_engine, &EngineThread::seek);
    connect(m_inspector, &Inspector::seekWished, m_engine, &EngineThread::seek);
    connect(m_inspector, &Inspector::closeWished, this, [this] { pick({}); });

    connect(m_palette, &CommandPalette::lessonChosen, this, &MainWindow::openLesson);
    connect(m_palette, &CommandPalette::performWished, this,
        [this](const world::Command &command) { perform(command, true); });
    connect(m_faults, &FaultMenu::performWished, this,
        [this](const world::Command &command) { perform(command, false); });
    connect(m_faults, &FaultMenu::formWished, m_palette, &CommandPalette::openForm);
    connect(&m_slow, &QTimer::timeout, this, &MainWindow::refreshSlowPanels);
    connect(&m_watcher, &QFileSystemWatcher::fileChanged, this, [this](const QString &path) {
        // Editors replace the file: look again when the new one has come to rest.
        QTimer::singleShot(100ms, this, [this, path] {
            if (QFile::exists(path))
                openLessonFile(path, LessonPanel::Begin::AsWritten);
        });
    });
}

void MainWindow::connectActions()
{
    for (QAction *action : m_actions->all())
        addAction(action);
    const auto on = [this](QAction *action, auto call) {
        connect(action, &QAction::triggered, this, call);
    };
    on(m_actions->open, [this] { askOpen(); });
    on(m_actions->save, [this] { askSave(); });
    on(m_actions->sandbox, [this] { openSandbox(); });
    on(m_actions->quit, [this] { close(); });
    on(m_actions->play, [this] { playPressed(); });
    on(m_actions->toStart, [this] { m_engine->seek(0); });
    on(m_actions->stepBack, [this] { m_engine->stepBack(); });
    on(m_actions->stepForward, [this] { m_engine->stepForward(); });
    on(m_actions->nextEvent, [this] { m_engine->nextEvent(); });
    on(m_actions->runStep, [this] { m_lessonPanel->goOn(); });
    on(m_actions->again, [this] {
        if (m_lesson)
            Q_EMIT m_lessonPanel->againWished(m_lessonPanel->step());
    });
    on(m_actions->restartLesson, [this] {
        if (m_lesson)
            open(lessons::Lesson(*m_lesson), LessonPanel::Begin::AsWritten);
    });
    on(m_actions->nextLesson, [this] { openNeighbour(1); });
    on(m_actions->previousLesson, [this] { openNeighbour(-1); });
    on(m_actions->commands, [this] { m_palette->open(); });
    on(m_actions->faults, [this] {
        QWidget *button = m_top->faultsButton();
        m_faults->popup(button->mapToGlobal(QPoint(0, button->height() + 4)));
    });
    on(m_actions->search, [this] { m_course->focusSearch(); });
    on(m_actions->theme, [this] {
        setDark(!m_theme.dark);
        kThemeSetting.set(m_settings, m_theme.dark ? u"dark"_s : u"light"_s);
    });
    const auto resize = [this](int percent) {
        setTypePercent(percent);
        kTypePercentSetting.set(m_settings, m_typePercent);
    };
    on(m_actions->larger, [this, resize] { resize(m_typePercent + 10); });
    on(m_actions->smaller, [this, resize] { resize(m_typePercent - 10); });
    on(m_actions->normalSize, [resize] { resize(100); });
    connect(m_actions->reduceMotion, &QAction::toggled, this, [this](bool reduce) {
        m_stages->setReduceMotion(reduce);
        kReduceMotionSetting.set(m_settings, reduce);
    });
    on(m_actions->closeInspector, [this] {
        if (m_palette->isVisible())
            m_palette->goBack();
        else
            pick({});
    });
    connect(m_actions->arrange, &QAction::toggled, this, &MainWindow::setArranging);
    on(m_actions->resetLayout, [this] { resetLayout(); });
}

void MainWindow::showFrame(const Frame &frame)
{
    const bool otherWorld = frame.world != m_frame.world;
    m_frame = frame;
    m_frame.rows.clear(); // they live on in the table
    if (otherWorld) {
        m_charts->clear();
        m_top->setMode(frame.snapshot->mode, frame.snapshot->seed);
    }
    m_stages->setFrame(frame);
    m_timeline->setClock(frame.clock);
    m_actions->showPlaying(frame.clock.playing);
    if (frame.reset) {
        m_events->model().replace(frame.rows);
        m_rebalances->replace(frame.rows);
    } else {
        m_events->model().append(frame.rows);
        m_rebalances->append(frame.rows);
    }
    m_faults->setSnapshot(frame.snapshot);
    m_palette->setSnapshot(frame.snapshot);
    if (!m_slow.isActive())
        m_slow.start();
}

void MainWindow::refreshSlowPanels()
{
    if (!m_frame.snapshot)
        return;
    m_charts->setSnapshot(m_frame.snapshot);
    m_messages->setSnapshot(m_frame.snapshot);
    m_rebalances->setNow(m_frame.clock.position);
    m_tabs->setTabVisible(
        m_tabs->indexOf(m_transactions), TransactionPanel::concerns(*m_frame.snapshot));
    m_transactions->setSnapshot(m_frame.snapshot);
    m_inspector->setSnapshot(m_frame.snapshot);
    if (m_inspectorDock->isVisible())
        m_storyTicket =
            m_engine->tellStory(traceName(m_inspector->thing()), m_inspector->thing().item);
}

void MainWindow::pick(const Thing &thing)
{
    const bool any = thing.kind != Thing::Kind::None;
    m_stages->setChosen(thing);
    if (any && !m_inspectorDock->isVisible()) {
        m_inspectorDock->show();
        resizeDocks({m_inspectorDock}, {m_theme.px(360)}, Qt::Horizontal);
    }
    m_inspectorDock->setVisible(any);
    m_inspector->setThing(thing);
    if (!any)
        return;
    if (thing.kind == Thing::Kind::Partition || thing.kind == Thing::Kind::Queue)
        m_messages->choose(thing);
    refreshSlowPanels();
}

void MainWindow::perform(const world::Command &command, bool fromForm)
{
    const quint64 ticket = m_engine->perform(command);
    m_performing.emplace(ticket, command);
    if (fromForm)
        m_formTicket = ticket;
    if (const std::optional<world::Engine> engine = engineOf(command); engine && !m_lesson)
        m_stages->showEngine(*engine);
}

void MainWindow::playPressed()
{
    if (m_frame.clock.playing)
        m_engine->setPlaying(false);
    else if (m_lesson && m_lessonPanel->canRun() && m_frame.clock.position >= m_frame.clock.limit)
        m_lessonPanel->goOn();
    else
        m_engine->setPlaying(true);
}

void MainWindow::setArranging(bool arranging)
{
    for (QDockWidget *dock : m_docks) {
        QWidget *old = dock->titleBarWidget();
        // Without a title a panel is calm and cannot be moved by accident; an empty widget hides
        // the title bar.
        dock->setTitleBarWidget(arranging ? nullptr : new QWidget(dock));
        delete old;
    }
}

void MainWindow::resetLayout()
{
    restoreState(m_defaultLayout, kLayoutVersion);
    m_inspectorDock->setVisible(m_inspector->thing().kind != Thing::Kind::None);
    m_actions->arrange->setChecked(false);
}

void MainWindow::setDark(bool dark)
{
    m_theme = dark ? Theme::darkTheme() : Theme::light();
    restyle();
}

void MainWindow::setTypePercent(int percent)
{
    m_typePercent = std::clamp(percent, 70, 250);
    restyle();
}

void MainWindow::restyle()
{
    m_theme.scale = m_typePercent / 100.0;
    if (auto *application = qobject_cast<QApplication *>(QCoreApplication::instance()))
        applyTheme(*application, m_theme);
    m_actions->restyle(m_theme);
}

bool MainWindow::event(QEvent *event)
{
    // Keys that mean something where the focus is are not taken away from there by the window's
    // shortcuts.
    if (event->type() == QEvent::ShortcutOverride) {
        const int key = static_cast<QKeyEvent *>(event)->key();
        QWidget *focus = QApplication::focusWidget();
        const bool pressesButton = key == Qt::Key_Space && qobject_cast<QAbstractButton *>(focus);
        const bool scrolls = key == Qt::Key_PageDown && qobject_cast<QAbstractScrollArea *>(focus);
        if (pressesButton || scrolls) {
            event->accept();
            return true;
        }
    }
    return QMainWindow::event(event);
}

void MainWindow::showEvent(QShowEvent *event)
{
    QMainWindow::showEvent(event);
    // Once, and not when a person has set the widths before: the stage keeps more than half of a
    // small window.
    if (m_sideDocks.isEmpty())
        return;
    const bool narrow = width() < m_theme.px(1200);
    if (kDocksSetting.value(m_settings).isEmpty()) {
        resizeDocks(m_sideDocks,
            narrow ? QList{m_theme.px(192), m_theme.px(300)}
                   : QList{m_theme.px(224), m_theme.px(346)},
            Qt::Horizontal);
        m_defaultLayout = saveState(kLayoutVersion);
    }
    m_sideDocks.clear();
}

void MainWindow::closeEvent(QCloseEvent *event)
{
    kGeometrySetting.set(m_settings, saveGeometry());
    kDocksSetting.set(m_settings, saveState(kLayoutVersion));
    QMainWindow::closeEvent(event);
}

void MainWindow::dragEnterEvent(QDragEnterEvent *event)
{
    const QList<QUrl> urls = event->mimeData()->urls();
    if (urls.size() == 1 && urls.first().isLocalFile())
        event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent *event)
{
    openPath(event->mimeData()->urls().first().toLocalFile());
    event->acceptProposedAction();
}

} // namespace queuelab::ui
