// The window as a person uses it: offscreen, by clicks and keys, on real worlds.

#include "stage_snapshots.h"

#include "engine/exchange/events.h"
#include "ui/panels/event_model.h"
#include "ui/panels/event_panel.h"
#include "ui/panels/time_axis.h"
#include "ui/stages/scene_stage.h"
#include "ui/widgets/prose_label.h"
#include "ui/window/actions.h"
#include "ui/window/main_window.h"
#include "ui/window/stage_area.h"

#include <QAbstractItemModelTester>
#include <QAction>
#include <QApplication>
#include <QClipboard>
#include <QComboBox>
#include <QFile>
#include <QGuiApplication>
#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QPushButton>
#include <QScrollArea>
#include <QSettings>
#include <QStandardPaths>
#include <QTableView>
#include <QTemporaryDir>
#include <QTest>

#include <algorithm>
#include <memory>

using namespace queuelab;
using namespace queuelab::ui;
using namespace Qt::StringLiterals;

namespace {

constexpr int kPatienceMs =
    20'000; // the machine may be busy; nothing is asserted about how long it takes

/// A helper's failed check ends the test that called it.
#define HOLDS(call)                                                                                \
    do {                                                                                           \
        call;                                                                                      \
        if (QTest::currentTestFailed())                                                            \
            return;                                                                                \
    } while (false)

constexpr auto kLesson = R"(id: test.first
title: Two partitions
summary: A lesson of the test.
world: {seed: 3, log: {brokers: 1}}
steps:
  - say: A topic and a producer.
    predict:
      ask: How many partitions does the topic have?
      choices: [one, two]
      answer: 2
      because: It was created with two.
    do:
      - create-topic: {name: orders, partitions: 2}
      - add-producer: {topic: orders, name: checkout, rate: 50/s}
      - add-consumer: {group: billing, topics: [orders], count: 1}
    run: 8s
    expect:
      - topic orders: {partitions: 2}
  - say: It goes on.
    do: []
    run: 1s
    expect:
      - topic orders: {partitions: 2}
)";

/// Long words wherever a lesson may have them.
constexpr auto kLongWords = R"(id: test.long
title: ApproximateNumberOfMessagesNotVisible
summary: A lesson of the test.
world: {seed: 3}
steps:
  - say: What is `ApproximateNumberOfMessagesNotVisibleInTheQueueOfPaymentsAndRefundsOfTheYear`?
    do:
      - create-queue: {name: payments-of-the-department-of-very-long-names-and-of-nothing-else-at-all}
    run: 1s
    expect:
      - queue payments-of-the-department-of-very-long-names-and-of-nothing-else-at-all:
          {ApproximateNumberOfMessagesNotVisible: 0}
)";

} // namespace

class TestMainWindow : public QObject {
    Q_OBJECT

private:
    template <class Widget> Widget *find(const QString &name)
    {
        return m_window->findChild<Widget *>(name);
    }
    void click(const QString &name)
    {
        auto *button = find<QAbstractButton>(name);
        QVERIFY2(button, qPrintable(name));
        QVERIFY2(button->isEnabled(), qPrintable(name));
        button->click();
    }
    void flatOut()
    {
        auto *speed = find<QComboBox>(u"timeline.speed"_s);
        speed->setCurrentIndex(speed->count() - 1);
    }
    /// Opens the palette by its key, types what is wanted, and takes the first hit.
    void openForm(const QString &command)
    {
        QTest::keyClick(m_window.get(), Qt::Key_K, Qt::ControlModifier);
        auto *search = find<QLineEdit>(u"palette.search"_s);
        QVERIFY(search->isVisible());
        QTest::keyClicks(search, command);
        QTest::keyClick(search, Qt::Key_Return);
        QVERIFY(find<QPushButton>(u"form.perform"_s)->isVisible());
    }
    void fillIn(const QString &field, const QString &text)
    {
        auto *editor = find<QWidget>(u"form.field."_s + field);
        QVERIFY2(editor, qPrintable(field));
        if (auto *box = qobject_cast<QComboBox *>(editor))
            box->setEditText(text);
        else
            QTest::keyClicks(editor, text);
    }
    void performForm()
    {
        auto *perform = find<QPushButton>(u"form.perform"_s);
        QTest::mouseClick(perform, Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(!perform->isVisible(), kPatienceMs);
    }
    void openLesson()
    {
        m_window->openPath(m_lessonFile);
        QTRY_VERIFY_WITH_TIMEOUT(m_window->frame().snapshot, kPatienceMs);
        flatOut();
    }
    void runFirstStep()
    {
        HOLDS(openLesson());
        HOLDS(click(u"lesson.choice.2"_s));
        HOLDS(click(u"lesson.sure.70"_s));
        HOLDS(click(u"lesson.go"_s));
        QTRY_VERIFY_WITH_TIMEOUT(find<QWidget>(u"lesson.result.holds"_s), kPatienceMs);
    }
    QString writeLesson(const char *text)
    {
        const QString path = m_folder.filePath(u"lesson.yaml"_s);
        QFile file(path);
        return file.open(QIODevice::WriteOnly) && file.write(text) > 0 ? path : QString();
    }
    qint64 position() const { return m_window->frame().clock.position; }
    const world::Snapshot &snapshot() const { return *m_window->frame().snapshot; }

private Q_SLOTS:
    void initTestCase()
    {
        QStandardPaths::setTestModeEnabled(true);
        const auto catalogue = lessons::loadCatalogue(lessons::catalogueDirectory());
        QVERIFY(catalogue);
        m_catalogue = *catalogue;
        m_lessonFile = m_folder.filePath(u"first.yaml"_s);
        QFile file(m_lessonFile);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write(kLesson);
    }
    void init()
    {
        m_settings = std::make_unique<QSettings>(
            m_folder.filePath(QString::fromLatin1(QTest::currentTestFunction()) + u".ini"_s),
            QSettings::IniFormat);
        auto study = lessons::StudyStore::open(
            m_folder.filePath(QString::fromLatin1(QTest::currentTestFunction()) + u".sqlite"_s)
                .toStdString());
        QVERIFY(study);
        m_study = std::make_unique<lessons::StudyStore>(std::move(*study));
        m_window = std::make_unique<MainWindow>(m_catalogue, *m_settings, m_study.get());
        m_window->resize(1280, 800);
        m_window->show();
        QVERIFY(QTest::qWaitForWindowExposed(m_window.get()));
    }
    void cleanup()
    {
        m_window.reset();
        m_study.reset();
    }

    void theFirstStartShowsALessonThatRuns()
    {
        m_window->openFirst();
        QTRY_VERIFY_WITH_TIMEOUT(position() > 0, kPatienceMs);
        QVERIFY(m_window->windowTitle().contains(u"The seventh consumer"_s));
    }

    void aQuestionIsAnsweredThenTheRunSaysWhatItSaw()
    {
        HOLDS(openLesson());
        auto *go = find<QPushButton>(u"lesson.go"_s);
        QVERIFY(!go->isEnabled()); // not before one has chosen, and said how sure one is
        HOLDS(click(u"lesson.choice.1"_s));
        QVERIFY(!go->isEnabled());
        HOLDS(click(u"lesson.sure.90"_s));
        QVERIFY(go->isEnabled());
        QVERIFY(!find<QWidget>(u"lesson.result.holds"_s));

        HOLDS(click(u"lesson.go"_s));
        QTRY_VERIFY_WITH_TIMEOUT(find<QWidget>(u"lesson.result.holds"_s), kPatienceMs);
        QCOMPARE(find<QAbstractButton>(u"lesson.choice.1"_s)->accessibleDescription(), u"wrong"_s);
        QCOMPARE(find<QAbstractButton>(u"lesson.choice.2"_s)->accessibleDescription(), u"right"_s);
        QCOMPARE(position(), qint64{8'000'000'000});
        QVERIFY(find<EventPanel>({})->model().rowCount() > 10);

        HOLDS(click(u"lesson.go"_s)); // the next step asks nothing, so it runs
        QTRY_COMPARE_WITH_TIMEOUT(position(), qint64{9'000'000'000}, kPatienceMs);
    }

    void draggingTheTimeBarGoesBack()
    {
        HOLDS(runFirstStep());
        const auto records = [this] {
            qint64 sum = 0;
            for (const auto &topic : snapshot().log.topics) {
                for (const auto &partition : topic.partitions)
                    sum += topic.isInternal ? 0 : partition.logEndOffset;
            }
            return sum;
        };
        const qint64 atTheEnd = records();
        auto *axis = find<TimeAxis>(u"timeline.axis"_s);
        const QPoint end(axis->xFor(position()), axis->height() / 2);
        const QPoint middle(axis->xFor(4'000'000'000), axis->height() / 2);
        QTest::mousePress(axis, Qt::LeftButton, {}, end);
        QTest::mouseMove(axis, middle);
        QTest::mouseRelease(axis, Qt::LeftButton, {}, middle);
        QTRY_VERIFY_WITH_TIMEOUT(
            std::abs(position() - 4'000'000'000) < 100'000'000 && !m_window->frame().clock.seeking,
            kPatienceMs);
        QVERIFY(records() < atTheEnd);

        QTest::keyClick(axis, Qt::Key_End);
        QTRY_COMPARE_WITH_TIMEOUT(position(), qint64{8'000'000'000}, kPatienceMs);
        QCOMPARE(records(), atTheEnd);
    }

    void stepsGoForwardAndBackByKey()
    {
        HOLDS(runFirstStep());
        QTest::keyClick(find<TimeAxis>(u"timeline.axis"_s), Qt::Key_Home);
        QTRY_COMPARE_WITH_TIMEOUT(position(), qint64{0}, kPatienceMs);
        const quint64 before = snapshot().steps;
        QTest::keyClick(m_window.get(), Qt::Key_F10);
        QTRY_COMPARE_WITH_TIMEOUT(snapshot().steps, before + 1, kPatienceMs);
        QTest::keyClick(m_window.get(), Qt::Key_F9);
        QTRY_COMPARE_WITH_TIMEOUT(snapshot().steps, before, kPatienceMs);
        QTest::keyClick(m_window.get(), Qt::Key_F11);
        QTRY_VERIFY_WITH_TIMEOUT(snapshot().events > 0, kPatienceMs);
    }

    void aPersonBuildsATopologyAndCrashesAConsumer()
    {
        m_window->openSandbox();
        QTRY_VERIFY_WITH_TIMEOUT(
            m_window->frame().snapshot && m_window->frame().clock.playing, kPatienceMs);
        HOLDS(openForm(u"create-topic"_s));
        fillIn(u"name"_s, u"orders"_s);
        fillIn(u"partitions"_s, u"3"_s);
        HOLDS(performForm());
        QTRY_COMPARE_WITH_TIMEOUT(snapshot().log.topics.size(), std::size_t{1}, kPatienceMs);
        QCOMPARE(snapshot().log.topics[0].partitions.size(), std::size_t{3});

        HOLDS(openForm(u"add producer"_s));
        fillIn(u"topic"_s, u"orders"_s);
        fillIn(u"name"_s, u"checkout"_s);
        HOLDS(performForm());
        HOLDS(openForm(u"add consumer"_s));
        fillIn(u"group"_s, u"billing"_s);
        fillIn(u"topics"_s, u"orders"_s);
        fillIn(u"name"_s, u"reader"_s);
        HOLDS(performForm());
        QTRY_COMPARE_WITH_TIMEOUT(snapshot().clients.size(), std::size_t{2}, kPatienceMs);

        HOLDS(openForm(u"crash-consumer"_s));
        fillIn(u"name"_s, u"reader"_s);
        HOLDS(performForm());
        QTRY_VERIFY_WITH_TIMEOUT(std::ranges::any_of(snapshot().clients,
                                     [](const world::ClientSnapshot &client) {
                                         return client.state == world::ClientState::Crashed;
                                     }),
            kPatienceMs);
    }

    void aRefusedCommandSaysWhyAndKeepsWhatWasTyped()
    {
        m_window->openSandbox();
        QTRY_VERIFY_WITH_TIMEOUT(m_window->frame().snapshot, kPatienceMs);
        auto *problem = find<QLabel>(u"form.problem"_s);

        HOLDS(openForm(u"create-topic"_s));
        fillIn(u"name"_s, u"orders"_s);
        fillIn(u"partitions"_s, u"many"_s);
        QTest::mouseClick(find<QPushButton>(u"form.perform"_s), Qt::LeftButton);
        QVERIFY(problem->isVisible());
        QVERIFY(problem->text().contains(u"partitions"_s));
        QCOMPARE(find<QLineEdit>(u"form.field.name"_s)->text(), u"orders"_s);

        QTest::keyClick(m_window.get(), Qt::Key_Escape);
        QTest::keyClick(m_window.get(), Qt::Key_Escape);
        HOLDS(openForm(u"crash-consumer"_s));
        fillIn(u"name"_s, u"nobody"_s);
        QTest::mouseClick(find<QPushButton>(u"form.perform"_s), Qt::LeftButton);
        QTRY_VERIFY_WITH_TIMEOUT(
            problem->isVisible() && problem->text().contains(u"nobody"_s), kPatienceMs);
    }

    void aSavedSessionGivesTheSameRunAgain()
    {
        HOLDS(runFirstStep());
        const quint64 events = snapshot().events;
        const EventModel &model = find<EventPanel>({})->model();
        QStringList before;
        for (int row = 0; row < model.rowCount(); ++row)
            before += model.at(row).text;

        const QString file = m_folder.filePath(u"saved.yaml"_s);
        m_window->saveTo(file);
        QTRY_VERIFY_WITH_TIMEOUT(
            find<QLabel>(u"notice.text"_s)->text().contains(file), kPatienceMs);
        m_window->openSandbox();
        QTRY_VERIFY_WITH_TIMEOUT(snapshot().log.topics.empty(), kPatienceMs);
        m_window->openPath(file);
        QTRY_VERIFY_WITH_TIMEOUT(
            position() == 8'000'000'000 && !m_window->frame().clock.seeking, kPatienceMs);
        QCOMPARE(snapshot().events, events);
        QStringList after;
        for (int row = 0; row < model.rowCount(); ++row)
            after += model.at(row).text;
        QCOMPARE(after, before);
    }

    void changingThePastKeepsTheFutureAsABranch()
    {
        HOLDS(runFirstStep());
        auto *axis = find<TimeAxis>(u"timeline.axis"_s);
        QTest::mouseClick(
            axis, Qt::LeftButton, {}, QPoint(axis->xFor(4'000'000'000), axis->height() / 2));
        QTRY_VERIFY_WITH_TIMEOUT(position() < 5'000'000'000, kPatienceMs);
        HOLDS(openForm(u"crash-consumer"_s));
        fillIn(u"name"_s, u"billing-1"_s);
        HOLDS(performForm());
        QTRY_COMPARE_WITH_TIMEOUT(
            m_window->frame().clock.branches.size(), std::size_t{1}, kPatienceMs);
        QCOMPARE(m_window->frame().clock.branches[0].end, qint64{8'000'000'000});
    }

    void aBrokenLessonFileIsExplainedInTheWindow()
    {
        const QString path = m_folder.filePath(u"broken.yaml"_s);
        QFile file(path);
        QVERIFY(file.open(QIODevice::WriteOnly));
        file.write("id: test.broken\ntitle: Broken\nsummary: Broken.\nworld: {seed: 1}\nsteps:\n  "
                   "- sey: hello\n    "
                   "run: 1s\n");
        file.close();
        m_window->openPath(path);
        auto *notice = find<QLabel>(u"notice.text"_s);
        QVERIFY(notice->isVisible());
        QVERIFY2(notice->text().contains(u"broken.yaml:6:"_s), qPrintable(notice->text()));
        QVERIFY2(notice->text().contains(u"say"_s), qPrintable(notice->text()));
    }

    void aLessonFileIsReadAgainWhenItChanges()
    {
        const QString path = m_folder.filePath(u"changing.yaml"_s);
        const auto write = [&](QByteArray text) {
            QFile file(path);
            QVERIFY(file.open(QIODevice::WriteOnly));
            file.write(text);
        };
        write(kLesson);
        m_window->openPath(path);
        QTRY_VERIFY_WITH_TIMEOUT(m_window->frame().snapshot, kPatienceMs);
        write(QByteArray(kLesson).replace("title: Two partitions", "title: Changed on disk"));
        QTRY_VERIFY_WITH_TIMEOUT(
            m_window->windowTitle().contains(u"Changed on disk"_s), kPatienceMs);
    }

    void longWordsWrapAndAreCopiedWhole()
    {
        m_window->openPath(writeLesson(kLongWords));
        QTRY_VERIFY_WITH_TIMEOUT(find<QFrame>(u"lesson.result.holds"_s), kPatienceMs);
        auto *area = find<QScrollArea>(u"lesson.text"_s);
        for (const int percent : {100, 160}) {
            m_window->setTypePercent(percent);
            QCoreApplication::processEvents();
            QVERIFY(area->widget()->width() <= area->viewport()->width());
            for (const QLabel *label : area->widget()->findChildren<QLabel *>())
                QVERIFY2(
                    label->minimumSizeHint().width() <= label->width(), qPrintable(label->text()));
        }
        auto *row = find<QFrame>(u"lesson.result.holds"_s);
        auto *detail = row->findChildren<ProseLabel *>().last();
        detail->setSelection(0, static_cast<int>(detail->text().size()));
        detail->setFocus();
        QTest::keyClick(detail, Qt::Key_C, Qt::ControlModifier);
        QCOMPARE(
            QGuiApplication::clipboard()->text(), u"ApproximateNumberOfMessagesNotVisible: 0"_s);
    }

    void aJumpShowsWhatHadJustHappened()
    {
        StageArea area;
        area.setEngines({world::Engine::Log, world::Engine::Exchange});
        area.showEngine(world::Engine::Exchange);
        area.show();
        auto *stage = area.findChild<SceneStage *>(u"stage.exchange"_s);
        const auto says = [&](const QString &words) {
            return std::ranges::any_of(stage->scene().marks, [&](const Mark &mark) {
                const auto *label = std::get_if<LabelMark>(&mark);
                return label && label->text.contains(words);
            });
        };
        Frame frame;
        frame.snapshot =
            std::make_shared<const world::Snapshot>(queuelab::test::exchangeSnapshot());
        const qint64 now = (frame.snapshot->now - frame.snapshot->start).count();
        frame.jump = 1;
        frame.reset = true;
        EventRow row;
        row.kind = exchange::kind(exchange::ExchangeEvent::Requeued);
        row.subject = u"card"_s;
        row.actor = u"worker-1"_s;
        for (const Duration ago : {Duration(9s), Duration(2s), Duration(1s)}) {
            row.atNs = now - ago.count();
            frame.rows.push_back(row);
            ++row.sequence;
        }
        area.setFrame(frame);
        QVERIFY(says(u"2 requeued"_s));
        QCOMPARE(stage->movesUnderWay(), 0U);
        area.setFrame(frame); // all rows again, as when the world comes to a stand
        QVERIFY(says(u"2 requeued"_s));

        area.showEngine(world::Engine::Log);
        area.showEngine(world::Engine::Exchange);
        QVERIFY(says(u"2 requeued"_s));

        frame.reset = false;
        row.atNs = now;
        frame.rows = {row};
        area.setFrame(frame);
        QVERIFY(says(u"3 requeued"_s));
        QCOMPARE(stage->movesUnderWay(), 1U);
        area.comeToRest();
        QVERIFY(says(u"3 requeued"_s));
        QCOMPARE(stage->movesUnderWay(), 0U);
    }

    void tabGoesThroughTimeThenTheQuestionThenTheTables()
    {
        HOLDS(openLesson());
        const auto next = [&] {
            QTest::keyClick(QApplication::focusWidget(), Qt::Key_Tab);
            return QApplication::focusWidget()->objectName();
        };
        find<QWidget>(u"timeline.speed"_s)->setFocus();
        QCOMPARE(next(), u"timeline.axis"_s);
        QCOMPARE(next(), u"lesson.text"_s);
        QCOMPARE(next(), u"lesson.choice.1"_s); // the arrows reach the others
        QCOMPARE(next(), u"lesson.sure.50"_s);
        QTest::keyClick(QApplication::focusWidget(), Qt::Key_Space);
        HOLDS(click(u"lesson.choice.2"_s));
        QCOMPARE(next(), u"lesson.go"_s);
        QCOMPARE(next(), u"qt_tabwidget_tabbar"_s);
    }

    void rowsAreCopiedAsTabSeparatedText()
    {
        HOLDS(runFirstStep());
        auto *table = find<QTableView>(u"events.table"_s);
        table->selectRow(0);
        table->findChild<QAction *>(u"table.copy"_s)->trigger();
        const QStringList lines =
            QGuiApplication::clipboard()->text().split(u'\n', Qt::SkipEmptyParts);
        QCOMPARE(lines.size(), 2);
        QCOMPARE(lines[0], u"Time\tEvent\tWhere\tWhy"_s);
        QCOMPARE(lines[1].count(u'\t'), 3);
    }

    void clickingAnEventShowsWhatItHappenedTo()
    {
        HOLDS(runFirstStep());
        auto *table = find<QTableView>(u"events.table"_s);
        auto *filter = find<QLineEdit>(u"events.filter"_s);
        QTest::keyClicks(filter, u"billing"_s);
        QVERIFY(table->model()->rowCount() > 0);
        const QModelIndex index = table->model()->index(table->model()->rowCount() - 1, 0);
        table->scrollTo(index);
        QTest::mouseClick(table->viewport(), Qt::LeftButton, {}, table->visualRect(index).center());
        auto *inspector = find<QWidget>(u"inspector"_s);
        QVERIFY(inspector->isVisible());
        QVERIFY(!find<QLabel>(u"inspector.title"_s)->text().isEmpty());
        QTest::keyClick(m_window.get(), Qt::Key_Escape);
        QVERIFY(!inspector->isVisible());
    }

    void theThemeAndTheSizeOfTypeChangeByKey()
    {
        const bool dark = m_window->isDark();
        QTest::keyClick(m_window.get(), Qt::Key_T, Qt::ControlModifier);
        QCOMPARE(m_window->isDark(), !dark);
        QCOMPARE(Theme::of(*m_window).dark, !dark);
        const double before = Theme::of(*m_window).scale;
        m_window->actions().larger->trigger();
        QVERIFY(Theme::of(*m_window).scale > before);
        m_window->actions().normalSize->trigger();
        QCOMPARE(Theme::of(*m_window).scale, 1.0);
        if (m_window->isDark() != dark)
            m_window->actions().theme->trigger();
    }

    void everyActionHasAShortcutThatItsToolTipShows()
    {
        for (const QAction *action : m_window->actions().all()) {
            QVERIFY2(!action->objectName().isEmpty(), qPrintable(action->text()));
            const QString keys = action->shortcut().toString(QKeySequence::NativeText);
            QVERIFY2(
                !keys.isEmpty() || action == m_window->actions().quit, qPrintable(action->text()));
            QVERIFY2(action->toolTip().contains(keys), qPrintable(action->text()));
        }
    }

    void whatWasPredictedIsKept()
    {
        QVERIFY(m_window->openLesson(u"kafka.ceiling"_s));
        QTRY_VERIFY_WITH_TIMEOUT(m_window->frame().snapshot, kPatienceMs);
        flatOut();
        HOLDS(click(u"lesson.choice.2"_s));
        HOLDS(click(u"lesson.sure.90"_s));
        HOLDS(click(u"lesson.go"_s));
        QTRY_VERIFY_WITH_TIMEOUT(find<QWidget>(u"lesson.result.holds"_s), kPatienceMs);
        const auto made = m_study->predictions("kafka.ceiling");
        QVERIFY(made);
        QCOMPARE(made->size(), std::size_t{1});
        QCOMPARE(made->front().choice, 2);
        QCOMPARE(made->front().confidencePercent, 90);
        QVERIFY(made->front().right);
    }

    void theSearchFindsLessonsByTheirClaims()
    {
        auto *search = find<QLineEdit>(u"course.search"_s);
        QTest::keyClicks(search, u"kafka.ceiling"_s);
        auto *list = find<QListView>(u"course.list"_s);
        QCOMPARE(list->model()->rowCount(), 2); // the section and the lesson
        QTest::keyClick(search, Qt::Key_Return);
        QTRY_VERIFY_WITH_TIMEOUT(m_window->windowTitle().contains(u"seventh"_s), kPatienceMs);
    }

private:
    QTemporaryDir m_folder;
    QString m_lessonFile;
    lessons::Catalogue m_catalogue;
    std::unique_ptr<QSettings> m_settings;
    std::unique_ptr<lessons::StudyStore> m_study;
    std::unique_ptr<MainWindow> m_window;
};

QTEST_MAIN(TestMainWindow)
#include "tst_main_window.moc"
