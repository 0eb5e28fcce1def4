#include "lessons/ledger.h"
#include "lessons/report.h"
#include "lessons/runner.h"

#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QTest>
#include <QXmlStreamReader>

#include <sstream>

using namespace queuelab;
using namespace queuelab::lessons;

namespace {

/// A small lesson; `messages` is what it expects at its end, `extra` a further step.
Lesson lessonExpecting(const QByteArray &messages, const QByteArray &extra = {})
{
    const QByteArray text = "id: test.small\n"
                            "title: Small & <sharp>\n"
                            "summary: s\n"
                            "proves: [sqs.hide]\n"
                            "world: {seed: 4}\n"
                            "steps:\n"
                            "  - title: Send\n"
                            "    do:\n"
                            "      - create-queue: {name: jobs}\n"
                            "      - send-message: {queue: jobs, body: hello, label: job-1}\n"
                            "    run: 2s\n"
                            "    expect:\n"
                            "      - queue jobs: {ApproximateNumberOfMessages: "
        + messages
        + ", NumberOfMessagesSent: 1}\n"
          "  - do: [{add-receiver: {queue: jobs, name: worker-1, processing: 1s}}]\n"
          "    run: 3s\n"
          "    expect: [{message job-1: {state: deleted}}]\n"
        + extra;
    auto lesson = readLesson(text.toStdString(), "small.yaml");
    if (!lesson)
        throw std::runtime_error(lesson.error().front().text());
    return std::move(*lesson);
}

LessonResult run(const Lesson &lesson, const RunOptions &options = {})
{
    auto result = runLesson(lesson, options);
    if (!result)
        throw std::runtime_error(result.error().text());
    return std::move(*result);
}

/// Keeps the trace as text.
class TextSink final : public TraceSink {
public:
    void event(std::uint64_t sequence, const TraceEvent &event, const NameTable &names) override
    {
        text << sequence << ' ' << event.at.time_since_epoch().count() << ' ' << event.kind << ' '
             << names.name(event.subject) << ' ' << names.name(event.actor) << ' ' << event.item
             << ' ' << event.value << '\n';
    }
    std::ostringstream text;
};

} // namespace

class TestRunnerReports : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aLessonThatHoldsHolds()
    {
        const LessonResult result = run(lessonExpecting("1"));
        QVERIFY2(result.holds(), report({result}, ReportFormat::Text).c_str());
        QCOMPARE(result.steps.size(), std::size_t{2});
        QCOMPARE(result.steps[0].at, Duration(2s));
        QCOMPARE(result.virtualTime, Duration(5s));
        QCOMPARE(result.seed, std::uint64_t{4});
        QVERIFY(result.lastEvents.empty());
    }

    void aFalsifiedExpectationSaysWhatWasExpectedSeenAndWhen()
    {
        const LessonResult result = run(lessonExpecting("5"));
        QVERIFY(!result.holds());
        QVERIFY(!result.lastEvents.empty());
        const QString text = QString::fromStdString(report({result}, ReportFormat::Text));
        QVERIFY2(text.contains("FAIL step 1, Send"), qPrintable(text));
        QVERIFY2(text.contains(
                     "queue jobs: expected ApproximateNumberOfMessages 5, seen 1, at 0:02.000"),
            qPrintable(text));
        QVERIFY2(text.contains("small.yaml:13:9"), qPrintable(text));
        QVERIFY2(text.contains("The last events before it:"), qPrintable(text));
        QVERIFY2(text.contains("0 of 1 hold"), qPrintable(text));
        QVERIFY(!text.contains(QChar(27)));
        QVERIFY(
            QString::fromStdString(report({result}, ReportFormat::Text, true)).contains(QChar(27)));
    }

    void junitHasASuiteForALessonAndACaseForAnExpectation()
    {
        const LessonResult result = run(lessonExpecting("5"));
        QXmlStreamReader xml(QString::fromStdString(
            report({result, run(lessonExpecting("1"))}, ReportFormat::Junit)));
        int suites = 0;
        int cases = 0;
        QStringList failures;
        while (!xml.atEnd()) {
            if (xml.readNext() != QXmlStreamReader::StartElement)
                continue;
            if (xml.name() == QLatin1String("testsuite")) {
                ++suites;
                QCOMPARE(xml.attributes().value("name"), QLatin1String("test.small"));
                QCOMPARE(xml.attributes().value("tests"), QLatin1String("2"));
            } else if (xml.name() == QLatin1String("testcase")) {
                ++cases;
            } else if (xml.name() == QLatin1String("failure")) {
                failures.append(xml.attributes().value("message").toString());
                QVERIFY(xml.readElementText().contains("The last events before it:"));
            }
        }
        QVERIFY2(!xml.hasError(), qPrintable(xml.errorString()));
        QCOMPARE(suites, 2);
        QCOMPARE(cases, 4);
        QCOMPARE(failures,
            QStringList{"queue jobs: expected ApproximateNumberOfMessages 5, seen 1, at 0:02.000"});
    }

    void jsonTellsTheSame()
    {
        const std::string text = report({run(lessonExpecting("5"))}, ReportFormat::Json);
        QJsonParseError error;
        const QJsonObject root =
            QJsonDocument::fromJson(QByteArray::fromStdString(text), &error).object();
        QCOMPARE(error.error, QJsonParseError::NoError);
        QCOMPARE(root["holds"].toBool(), false);
        const QJsonObject lesson = root["lessons"][0].toObject();
        QCOMPARE(lesson["title"].toString(), QString("Small & <sharp>"));
        const QJsonObject check = lesson["steps"][0]["expectations"][0]["checks"][0].toObject();
        QCOMPARE(check["expected"].toString(), QString("5"));
        QCOMPARE(check["seen"].toString(), QString("1"));
        QCOMPARE(check["holds"].toBool(true), false);
    }

    void tapCountsItsPoints()
    {
        const QString text =
            QString::fromStdString(report({run(lessonExpecting("5"))}, ReportFormat::Tap));
        const QStringList lines = text.split('\n');
        QCOMPARE(lines[0], QString("TAP version 13"));
        QCOMPARE(lines[1], QString("1..2"));
        QVERIFY2(
            text.contains("\nnot ok 1 - test.small step 1, Send: queue jobs"), qPrintable(text));
        QVERIFY2(
            text.contains("\nok 2 - test.small step 2: message job-1 {state}"), qPrintable(text));
    }

    void formatsAreKnownByName()
    {
        QVERIFY(reportFormatByName("junit") == ReportFormat::Junit);
        QVERIFY(!reportFormatByName("xml"));
    }

    void aRefusedCommandFailsItsStepWithTheEnginesOwnCode()
    {
        const QByteArray step = "  - do: [{send-message: {queue: nowhere, body: x}}]\n";
        const LessonResult result = run(lessonExpecting("1", step));
        QVERIFY(!result.holds());
        const CommandFailure &failure = result.steps[2].failures.at(0);
        QVERIFY2(failure.place == "small.yaml:17:10", failure.place.c_str());
        const QString text = QString::fromStdString(report({result}, ReportFormat::Text));
        QVERIFY2(text.contains(QString::fromStdString("was refused with " + failure.error.code)),
            qPrintable(text));
        QVERIFY2(failure.error.code.find("NonExistentQueue") != std::string::npos
                || failure.error.code.find("QueueDoesNotExist") != std::string::npos,
            failure.error.code.c_str());

        const LessonResult wanted = run(lessonExpecting(
            "1", step + "    refused: " + QByteArray::fromStdString(failure.error.code) + "\n"));
        QVERIFY2(wanted.holds(), report({wanted}, ReportFormat::Text).c_str());

        const LessonResult other = run(lessonExpecting("1", step + "    refused: OverLimit\n"));
        QVERIFY(!other.holds());
        const LessonResult none = run(lessonExpecting(
            "1", "  - do: [{send-message: {queue: jobs, body: x}}]\n    refused: OverLimit\n"));
        QCOMPARE(none.steps[2].expectations.at(0).text(),
            "commands: refused: expected OverLimit, seen nothing was refused");
    }

    void theSameSeedGivesTheSameTrace()
    {
        TextSink first;
        TextSink second;
        run(lessonExpecting("1"), {.seed = 7, .traceSink = &first});
        run(lessonExpecting("1"), {.seed = 7, .traceSink = &second});
        QVERIFY(!first.text.str().empty());
        QCOMPARE(first.text.str(), second.text.str());
    }

    void theLessonAsASessionGivesTheSameTrace()
    {
        TextSink played;
        const Lesson lesson = lessonExpecting("1");
        run(lesson, {.traceSink = &played});
        TextSink replayed;
        auto timeline = world::Timeline::create(lesson.session());
        QVERIFY(timeline);
        (*timeline)->world().setTraceSink(&replayed);
        (*timeline)->seek(lesson.session().end);
        QCOMPARE(played.text.str(), replayed.text.str());
    }

    void rewindingForgetsTheStepAndWhatCameAfter()
    {
        auto created = LessonPlayer::create(lessonExpecting("1"));
        QVERIFY(created);
        LessonPlayer &player = **created;
        const world::Timeline *timeline = &player.timeline();
        player.playStep();
        player.playStep();
        const std::uint64_t events = player.timeline().world().snapshot()->events;
        player.rewindToStep(1);
        QCOMPARE(&player.timeline(), timeline);
        QCOMPARE(player.nextStep(), std::size_t{1});
        QCOMPARE(player.timeline().position(), Duration(2s));
        QCOMPARE(player.timeline().session().commands.size(), std::size_t{2});
        QVERIFY(player.verdict(0).holds());
        QVERIFY(player.playStep().holds());
        QCOMPARE(player.timeline().world().snapshot()->events, events);
        player.rewindToStep(0);
        QCOMPARE(player.timeline().position(), Duration(0));
        QVERIFY(player.playStep().holds());
    }

    void aLivePartRunsOnRealFilesAndMeasures()
    {
        const QByteArray step = R"(  - live:
      for: 300ms
      do:
        - create-topic: {name: live, partitions: 2}
        - add-producer: {topic: live, name: fast, rate: 1000/s}
      expect:
        - measured appended: {value: "> 0"}
        - measured missing-records: {value: 0}
        - measured damaged-partitions: {value: 0}
        - measured target-per-second: {value: 1000}
)";
        const Lesson lesson = lessonExpecting("1", step);
        const LessonResult result = run(lesson);
        QVERIFY2(result.holds(), report({result}, ReportFormat::Text).c_str());
        QCOMPARE(result.steps[2].expectations.size(), std::size_t{4});
        QVERIFY(report({result}, ReportFormat::Text).find("measured appended-per-second: ")
            != std::string::npos);
        QVERIFY(run(lesson, {.live = false}).steps[2].measurements.empty());
    }

    void aStepMeasures()
    {
        const QByteArray step = R"(  - measure:
      zero-copy: {mebibytes: 1, rounds: 1}
      expect:
        - measured sendfile-through-user-space: {value: 0}
    proves: [sqs.hide]
)";
        const Lesson lesson = lessonExpecting("1", step);
        QCOMPARE(lesson.steps[2].measure->settings.at("mebibytes"), std::int64_t{1});
        QCOMPARE(lesson.steps[2].measure->settings.at("broker"), std::int64_t{0});
        const LessonResult result = run(lesson);
        QVERIFY2(result.holds(), report({result}, ReportFormat::Text).c_str());
        QVERIFY(!result.steps[2].leftOut);
        QVERIFY(report({result}, ReportFormat::Text).find("measured sendfile-rate: ")
            != std::string::npos);

        const LessonResult leftOut = run(lesson, {.measure = false});
        QVERIFY(leftOut.steps[2].leftOut);
        QVERIFY(leftOut.steps[2].measurements.empty());

        // What was not measured proves nothing.
        Catalogue catalogue;
        catalogue.lessons = {lesson};
        const std::vector<Claim> claims{{.id = "sqs.hide",
            .section = "sqs",
            .show = "measure",
            .verdict = "holds",
            .text = "t",
            .nuance = {},
            .cells = {}}};
        QVERIFY(judgeClaims(claims, catalogue, {result})[0].proved());
        QVERIFY(!judgeClaims(claims, catalogue, {leftOut})[0].proved());
    }

    void claimsAreHeldAgainstTheStepsThatNameThem()
    {
        Catalogue catalogue;
        catalogue.lessons = {lessonExpecting("1")};
        Claim named{.id = "sqs.hide",
            .section = "sqs",
            .show = "run",
            .verdict = "holds",
            .text = "t",
            .nuance = {},
            .cells = {}};
        Claim unproved = named;
        unproved.id = "sqs.delete";
        const std::vector<LessonResult> results{run(catalogue.lessons[0])};
        const auto statuses = judgeClaims({named, unproved}, catalogue, results);
        // No step names the claim, so each step that expects something is a proof of it.
        QCOMPARE(statuses[0].proofs.size(), std::size_t{2});
        QVERIFY(statuses[0].proved());
        QVERIFY(!statuses[1].proved());
        QVERIFY(!judgeClaims({named}, catalogue, {})[0].proved());
        QVERIFY(unknownClaims(catalogue.lessons[0], {named}).empty());
        Claim near = named;
        near.id = "sqs.hides";
        QCOMPARE(unknownClaims(catalogue.lessons[0], {near}).at(0).text(),
            "small.yaml: it proves 'sqs.hide', which is no claim of the ledger; did you mean "
            "'sqs.hides'?");
    }
};

QTEST_APPLESS_MAIN(TestRunnerReports)
#include "tst_runner_reports.moc"
