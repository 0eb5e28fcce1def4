#include "lessons/study/study_store.h"

#include <QFile>
#include <QSqlDatabase>
#include <QSqlError>
#include <QSqlQuery>
#include <QTemporaryDir>
#include <QTest>

using namespace queuelab;
using namespace queuelab::lessons;
using namespace std::chrono_literals;

namespace {

constexpr StudyTime kMonday{std::chrono::seconds{1'767'571'200}}; // 2026-01-05T00:00:00Z
constexpr std::chrono::days kDay{1};

PredictionMade prediction(const char *lesson, int step, bool right, StudyTime at)
{
    return {.lesson = lesson,
        .step = step,
        .choice = right ? 1 : 2,
        .confidencePercent = 70,
        .right = right,
        .at = at};
}

/// What another program, or another version, does to the file.
void changeFile(const QString &path, const QStringList &statements)
{
    {
        auto database = QSqlDatabase::addDatabase("QSQLITE", "other");
        database.setDatabaseName(path);
        QVERIFY(database.open());
        QSqlQuery query(database);
        for (const QString &statement : statements)
            QVERIFY2(query.exec(statement), qPrintable(query.lastError().text()));
        database.close();
    }
    QSqlDatabase::removeDatabase("other");
}

QByteArray contentOf(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray("unreadable");
}

} // namespace

class TestStudy : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void wrongPredictionIsDueAfterADay();
    void rightPredictionsAreDueAfterThreeDaysAndThenTwiceAsLong();
    void wrongPredictionBeginsAnew();
    void rightPredictionBeforeItsTimeKeepsTheInterval();

    void newFileIsEmpty();
    void progressSurvivesClosing();
    void lessonStateFollowsItsPredictions();
    void lessonIsDueWhenItsFirstStepIs();
    void seenAndFinishedKeepTheirTimes();
    void predictionsComeInTheOrderTheyWereMade();
    void namesMayHoldAnyCharacter();
    void twoStoresShareOneFile();
    void directoryIsMade();

    void newerFileIsRefusedAndLeftAlone();
    void fileOfAnotherProgramIsRefusedAndLeftAlone();
    void damagedFileIsRefusedAndLeftAlone_data();
    void damagedFileIsRefusedAndLeftAlone();
    void fileWithAMissingTableIsRefused();
    void impossiblePlaceIsRefused();

private:
    QString path(const char *name = "study.sqlite") const { return m_directory->filePath(name); }
    StudyStore open() const { return StudyStore::open(path().toStdString()).value(); }
    Error refusal() const { return StudyStore::open(path().toStdString()).error(); }

    std::unique_ptr<QTemporaryDir> m_directory;

private Q_SLOTS:
    void init() { m_directory = std::make_unique<QTemporaryDir>(); }
};

void TestStudy::wrongPredictionIsDueAfterADay()
{
    Repetition repetition;
    QVERIFY(!repetition.due());
    repetition.answered(false, kMonday);
    QVERIFY(repetition.due() == kMonday + kDay);
    QVERIFY(!repetition.lastRight());
}

void TestStudy::rightPredictionsAreDueAfterThreeDaysAndThenTwiceAsLong()
{
    Repetition repetition;
    StudyTime now = kMonday;
    for (const int days : {3, 6, 12, 24}) {
        repetition.answered(true, now);
        QVERIFY(repetition.due() == now + days * kDay);
        now = *repetition.due();
    }
}

void TestStudy::wrongPredictionBeginsAnew()
{
    Repetition repetition;
    repetition.answered(true, kMonday);
    repetition.answered(true, kMonday + 3 * kDay);
    repetition.answered(false, kMonday + 9 * kDay);
    QVERIFY(repetition.due() == kMonday + 10 * kDay);
    repetition.answered(true, kMonday + 10 * kDay);
    QVERIFY(repetition.due() == kMonday + 13 * kDay);
}

void TestStudy::rightPredictionBeforeItsTimeKeepsTheInterval()
{
    Repetition repetition;
    repetition.answered(true, kMonday);
    repetition.answered(true, kMonday + 1h);
    QVERIFY(repetition.due() == kMonday + 1h + 3 * kDay);
}

void TestStudy::newFileIsEmpty()
{
    const StudyStore store = open();
    QVERIFY(store.progress(kMonday).value().empty());
    QVERIFY(store.predictions().value().empty());
}

void TestStudy::progressSurvivesClosing()
{
    {
        StudyStore store = open();
        QVERIFY(store.lessonSeen("sqs.reappear", kMonday));
        QVERIFY(store.addPrediction(prediction("sqs.reappear", 1, true, kMonday + 1min)));
        QVERIFY(store.lessonFinished("sqs.reappear", kMonday + 5min));
    }
    const StudyStore store = open();
    const auto progress = store.progress(kMonday + 1h).value();
    QCOMPARE(progress.size(), 1U);
    const LessonProgress &lesson = progress.at("sqs.reappear");
    QCOMPARE(lesson.state, LessonState::PredictedRight);
    QVERIFY(lesson.finished == kMonday + 5min);
    QVERIFY(store.predictions("sqs.reappear").value()
        == std::vector{prediction("sqs.reappear", 1, true, kMonday + 1min)});
}

void TestStudy::lessonStateFollowsItsPredictions()
{
    StudyStore store = open();
    const auto state = [&](StudyTime now) { return store.progress(now).value().at("a").state; };
    QVERIFY(store.lessonSeen("a", kMonday));
    QCOMPARE(state(kMonday), LessonState::Seen);
    QVERIFY(store.addPrediction(prediction("a", 0, true, kMonday)));
    QCOMPARE(state(kMonday), LessonState::PredictedRight);
    QVERIFY(store.addPrediction(prediction("a", 1, false, kMonday)));
    QCOMPARE(state(kMonday), LessonState::Seen);
    QCOMPARE(state(kMonday + kDay - 1s), LessonState::Seen);
    QCOMPARE(state(kMonday + kDay), LessonState::DueAgain);
    QVERIFY(store.addPrediction(prediction("a", 1, true, kMonday + kDay)));
    QCOMPARE(state(kMonday + kDay), LessonState::PredictedRight);
    QCOMPARE(state(kMonday + 3 * kDay), LessonState::DueAgain); // of step 0
}

void TestStudy::lessonIsDueWhenItsFirstStepIs()
{
    StudyStore store = open();
    QVERIFY(store.addPrediction(prediction("a", 0, true, kMonday)));
    QVERIFY(store.addPrediction(prediction("a", 1, true, kMonday + 2h)));
    const auto lesson = store.progress(kMonday).value().at("a");
    QVERIFY(lesson.due == kMonday + 3 * kDay);
    QCOMPARE(lesson.predictions, 2);
    QCOMPARE(lesson.right, 2);
}

void TestStudy::seenAndFinishedKeepTheirTimes()
{
    StudyStore store = open();
    QVERIFY(store.lessonSeen("a", kMonday));
    QVERIFY(store.lessonSeen("a", kMonday + 2 * kDay));
    QVERIFY(store.lessonSeen("a", kMonday + kDay)); // a clock that was set back
    const auto lesson = store.progress(kMonday).value().at("a");
    QVERIFY(lesson.firstSeen == kMonday);
    QVERIFY(lesson.lastSeen == kMonday + 2 * kDay);
    QVERIFY(!lesson.finished);
}

void TestStudy::predictionsComeInTheOrderTheyWereMade()
{
    StudyStore store = open();
    const std::vector made{prediction("b", 0, true, kMonday + 1h),
        prediction("a", 2, false, kMonday), prediction("b", 1, false, kMonday)};
    for (const PredictionMade &one : made)
        QVERIFY(store.addPrediction(one));
    QVERIFY(store.predictions().value() == made);
    QCOMPARE(store.predictions("b").value().size(), 2U);
    QCOMPARE(store.predictions("c").value().size(), 0U);
}

void TestStudy::namesMayHoldAnyCharacter()
{
    StudyStore store = open();
    const char *name = "it's; DROP TABLE lessons; -- ü";
    QVERIFY(store.lessonSeen(name, kMonday));
    QVERIFY(store.progress(kMonday).value().contains(name));
}

void TestStudy::twoStoresShareOneFile()
{
    StudyStore one = open();
    StudyStore other = open();
    QVERIFY(one.lessonSeen("a", kMonday));
    QVERIFY(other.lessonSeen("b", kMonday));
    QCOMPARE(one.progress(kMonday).value().size(), 2U);
    QCOMPARE(other.progress(kMonday).value().size(), 2U);
}

void TestStudy::directoryIsMade()
{
    QVERIFY(StudyStore::open(path("deep/down/study.sqlite").toStdString()));
    QVERIFY(QFile::exists(path("deep/down/study.sqlite")));
}

void TestStudy::newerFileIsRefusedAndLeftAlone()
{
    {
        StudyStore store = open();
        QVERIFY(store.lessonSeen("a", kMonday));
    }
    changeFile(path(), {"PRAGMA user_version = 2", "ALTER TABLE lessons ADD COLUMN mood TEXT"});
    const QByteArray before = contentOf(path());
    const Error error = refusal();
    QCOMPARE(QString::fromStdString(error.place), path());
    QVERIFY(error.problem.find("newer Queuelab (version 2") != std::string::npos);
    QVERIFY(!error.remedy.empty());
    QCOMPARE(contentOf(path()), before);
}

void TestStudy::fileOfAnotherProgramIsRefusedAndLeftAlone()
{
    changeFile(path(), {"CREATE TABLE addresses (name TEXT)"});
    const QByteArray before = contentOf(path());
    QCOMPARE(refusal().problem, std::string("is a database of another program"));
    QCOMPARE(contentOf(path()), before);
}

void TestStudy::damagedFileIsRefusedAndLeftAlone_data()
{
    QTest::addColumn<int>("from");
    QTest::addColumn<int>("size");
    QTest::newRow("header") << 0 << 16;
    QTest::newRow("first page") << 100 << 3000;
    QTest::newRow("second page") << 4096 << 4096;
}

void TestStudy::damagedFileIsRefusedAndLeftAlone()
{
    QFETCH(int, from);
    QFETCH(int, size);
    {
        StudyStore store = open();
        for (int i = 0; i < 20; ++i)
            QVERIFY(store.addPrediction(prediction("a", i, true, kMonday)));
    }
    QByteArray damaged = contentOf(path());
    QVERIFY(damaged.size() > from + size);
    damaged.replace(from, size, QByteArray(size, 'Z'));
    QFile file(path());
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(damaged);
    file.close();
    const Error error = refusal();
    QCOMPARE(QString::fromStdString(error.place), path());
    QVERIFY2(error.problem.starts_with("is not a sound study file"), error.problem.c_str());
    QCOMPARE(contentOf(path()), damaged);
}

void TestStudy::fileWithAMissingTableIsRefused()
{
    open();
    changeFile(path(), {"DROP TABLE predictions"});
    QCOMPARE(refusal().problem,
        std::string("is not a sound study file: the table predictions is missing"));
}

void TestStudy::impossiblePlaceIsRefused()
{
    QFile file(path("a-file"));
    QVERIFY(file.open(QIODevice::WriteOnly));
    QVERIFY(!StudyStore::open(path("a-file/study.sqlite").toStdString()));
    const auto onDirectory = StudyStore::open(m_directory->path().toStdString());
    QVERIFY(!onDirectory);
    QCOMPARE(QString::fromStdString(onDirectory.error().place), m_directory->path());
    QVERIFY(!onDirectory.error().remedy.empty());
}

QTEST_GUILESS_MAIN(TestStudy)
#include "tst_study.moc"
