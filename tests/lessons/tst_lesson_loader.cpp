#include "lessons/ledger.h"
#include "lessons/lesson.h"

#include <QTemporaryDir>
#include <QTest>

#include <filesystem>
#include <fstream>

using namespace queuelab;
using namespace queuelab::lessons;

namespace {

/// A valid lesson in which a test replaces one part.
const QByteArray kHead = "id: test.lesson\n"
                         "title: A lesson\n"
                         "summary: For a test.\n";
const QByteArray kStep = "steps:\n"
                         "  - do: [{create-topic: {name: orders, partitions: 6}}]\n"
                         "    run: 1s\n";

QStringList problemsIn(const QByteArray &yaml)
{
    const auto lesson = readLesson(yaml.toStdString(), "lesson.yaml");
    QStringList texts;
    if (!lesson) {
        for (const Error &error : lesson.error())
            texts.append(QString::fromStdString(error.text()));
    }
    return texts;
}

void write(const std::filesystem::path &path, const QByteArray &text)
{
    std::filesystem::create_directories(path.parent_path());
    std::ofstream(path, std::ios::binary) << text.toStdString();
}

} // namespace

class TestLessonLoader : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void readsEverythingALessonMayHave()
    {
        const QByteArray yaml = R"(id: test.lesson
title: A lesson
summary: For a test.
proves: [kafka.spread, kafka.ceiling]
world: {seed: 7, log: {brokers: 1}}
steps:
  - title: First
    say: Some *words*.
    predict: {ask: "How many?", choices: [one, two], answer: 2, because: It is so.}
    do:
      - create-topic: {name: orders, partitions: 6}
    run: 1500ms
    expect:
      - group billing: {state: Stable, lag: "< 5", partitions-per-member: [2, 2, 2]}
    because: Told after the run.
    proves: [kafka.spread]
  - do: [{delete-topic: {name: nothing}}]
    refused: UNKNOWN_TOPIC_OR_PARTITION
    live:
      for: 2s
      world: {log: {brokers: 1}}
      do: [{create-topic: {name: live}}]
      expect: [{measured appended: {value: "> 0"}}]
interview: Say this.
nuance: Until it is not so.
)";
        const auto read = readLesson(yaml.toStdString(), "catalogue/kafka/lesson.yaml");
        QVERIFY2(read, read ? "" : read.error().front().text().c_str());
        const Lesson &lesson = *read;
        QCOMPARE(lesson.id, "test.lesson");
        QCOMPARE(lesson.section, "kafka");
        QCOMPARE(lesson.world.seed, std::uint64_t{7});
        QCOMPARE(lesson.world.logBrokers, 1);
        QCOMPARE(lesson.proves.size(), std::size_t{2});
        QCOMPARE(lesson.steps.size(), std::size_t{2});
        const Step &first = lesson.steps[0];
        QCOMPARE(first.prediction->answer, std::size_t{1});
        QCOMPARE(first.commands.size(), std::size_t{1});
        QCOMPARE(first.commandPlaces[0], "catalogue/kafka/lesson.yaml:11:9");
        QCOMPARE(first.run, Duration(1500ms));
        QCOMPARE(first.expectations[0].kind, "group");
        QCOMPARE(first.expectations[0].name, "billing");
        QCOMPARE(first.expectations[0].checks.size(), std::size_t{3});
        QCOMPARE(first.proves, std::vector<std::string>{"kafka.spread"});
        QCOMPARE(*lesson.steps[1].refused, "UNKNOWN_TOPIC_OR_PARTITION");
        QCOMPARE(lesson.steps[1].live->duration, Duration(2s));
        QCOMPARE(lesson.steps[1].live->expectations[0].name, "appended");
        QCOMPARE(lesson.stepStart(1), Duration(1500ms));
        QCOMPARE(lesson.session(99).world.seed, std::uint64_t{99});
        QCOMPARE(lesson.session().commands[1].at, Duration(1500ms));
    }

    void badInputIsRefusedWithItsPlace_data()
    {
        QTest::addColumn<QByteArray>("yaml");
        QTest::addColumn<QString>("problem");
        const auto row = [](const char *name, const QByteArray &yaml, const char *problem) {
            QTest::newRow(name) << yaml << QString::fromUtf8(problem);
        };
        const auto step = [](const char *body) {
            return kHead + "steps:\n  - run: 1s\n    " + body + "\n";
        };
        const auto command = [](const char *body) {
            return kHead + "steps:\n  - do:\n      - " + body + "\n";
        };
        row("no YAML at all", "id: [",
            "lesson.yaml:1:1: not valid YAML: end of sequence flow not found");
        row("unknown key", kHead + kStep + "sumary: x\n",
            "lesson.yaml:7:1: a lesson has no 'sumary'; did you mean 'summary'?");
        row("missing key", "id: a.b\ntitle: t\n" + kStep,
            "lesson.yaml:1:1: a lesson needs 'summary'");
        row("key given twice", kHead + "title: again\n" + kStep,
            "lesson.yaml:4:1: 'title' is given twice");
        row("bad id", "id: Kafka Ceiling\ntitle: t\nsummary: s\n" + kStep,
            "lesson.yaml:1:5: 'Kafka Ceiling' is not an id: small letters, digits, '.' and '-', as "
            "in "
            "kafka.ceiling");
        row("no steps", kHead,
            "lesson.yaml:1:1: a lesson needs 'steps', a list of at least one step");
        row("empty steps", kHead + "steps: []\n",
            "lesson.yaml:4:8: a lesson needs 'steps', a list of at least one step");
        row("unknown key of a step", step("expects: []"),
            "lesson.yaml:6:5: a step has no 'expects'; did you mean 'expect'?");
        row("not a duration", kHead + "steps:\n  - run: soon\n",
            "lesson.yaml:5:10: 'soon' is not a duration; write 300ms, 5s, 10m or 4h");
        row("answer beyond the choices",
            step("predict: {ask: a, choices: [x, y], answer: 3, because: b}"),
            "lesson.yaml:6:48: 'answer' is 3, but the choices are numbered 1 to 2");
        row("answer zero", step("predict: {ask: a, choices: [x, y], answer: 0, because: b}"),
            "lesson.yaml:6:48: 'answer' is 0, but the choices are numbered 1 to 2");
        row("the same choice twice",
            step("predict: {ask: a, choices: [x, x], answer: 1, because: b}"),
            "lesson.yaml:6:14: two choices are the same");
        row("one choice", step("predict: {ask: a, choices: [x], answer: 1, because: b}"),
            "lesson.yaml:6:14: a prediction needs at least two choices");
        row("unknown command", command("create-topik: {name: a}"),
            "lesson.yaml:6:9: there is no command 'create-topik'; did you mean 'create-topic'?");
        row("unknown field of a command", command("create-topic: {name: a, partition: 6}"),
            "lesson.yaml:6:33: create-topic has no 'partition'; did you mean 'partitions'?");
        row("wrong type", command("create-topic: {name: a, partitions: six}"),
            "lesson.yaml:6:45: 'six' is not a whole number");
        row("more replicas than brokers",
            kHead
                + "world: {log: {brokers: 3}}\nsteps:\n  - do:\n      - create-topic: {name: a, "
                  "replication-factor: 7}\n",
            "lesson.yaml:7:9: replication-factor is 7, but the world has 3 brokers; give the world "
            "more brokers (log: {brokers: N}) or the topic fewer replicas");
        row("more brokers than a cluster has", kHead + "world: {log: {brokers: 10}}\n" + kStep,
            "lesson.yaml:4:24: 'brokers' is 10, outside 1 to 9");
        row("more controllers than brokers",
            kHead + "world: {log: {brokers: 3, controllers: 4}}\n" + kStep,
            "lesson.yaml:4:40: 'controllers' is 4, outside 1 to 3");
        row("the same client name twice",
            kHead
                + "steps:\n  - do:\n      - add-worker: {queue: a, name: bob}\n"
                  "      - add-worker: {queue: b, name: bob}\n",
            "lesson.yaml:7:9: a client called 'bob' was added before; every client of a lesson has "
            "a name "
            "of its own");
        row("unknown kind", step("expect: [{groop billing: {state: Stable}}]"),
            "lesson.yaml:6:15: 'groop' is no kind of expectation; did you mean 'group'?");
        row("kind of another engine", step("expect: [{sqs exchange a: {type: topic}}]"),
            "lesson.yaml:6:15: sqs has no 'exchange' to expect something of; it may be: client, "
            "event, "
            "measured, message, queue");
        row("kind without its name", step("expect: [{group: {state: Stable}}]"),
            "lesson.yaml:6:15: 'group' needs a name behind it: group GROUP");
        row("unknown field", step("expect: [{group billing: {idle-member: 1}}]"),
            "lesson.yaml:6:31: group has no 'idle-member'; did you mean 'idle-members'?");
        row("field given twice", step("expect: [{group billing: {lag: 1, lag: 2}}]"),
            "lesson.yaml:6:39: 'lag' is given twice");
        row("nothing expected", step("expect: [{group billing: {}}]"),
            "lesson.yaml:6:30: say what is expected of group, such as {state: ...}");
        row("not a number", step("expect: [{group billing: {lag: little}}]"),
            "lesson.yaml:6:36: 'lag': 'little' is not a number; write 3, \">= 3\", \"< 5\" or "
            "2..4");
        row("not one of the choices", step("expect: [{group billing: {state: Stabel}}]"),
            "lesson.yaml:6:38: 'state': 'Stabel' is not one of Empty, PreparingRebalance, "
            "CompletingRebalance, Stable, Dead; did you mean 'Stable'?");
        row("order of texts", step("expect: [{group billing: {protocol: \"> range\"}}]"),
            "lesson.yaml:6:41: 'protocol' is a text, which has no order: '> range' cannot be "
            "decided");
        row("a list is wanted", step("expect: [{group billing: {partitions-per-member: 2}}]"),
            "lesson.yaml:6:54: 'partitions-per-member' is a list: write it as [2, 2, 2]");
        row("an empty range", step("expect: [{group billing: {lag: 4..2}}]"),
            "lesson.yaml:6:36: 'lag': nothing lies in 4..2; write the smaller bound first");
        row("unknown event", step("expect: [{event partition-asigned: {count: 1}}]"),
            "lesson.yaml:6:15: no event is called 'partition-asigned'; did you mean "
            "'partition-assigned'?");
        row("measured outside live", step("expect: [{measured appended: {value: 1}}]"),
            "lesson.yaml:6:15: nothing is measured here; expect it under 'live' or 'measure'");
        row("unknown measurement",
            step("live: {for: 1s, expect: [{measured apended: {value: 1}}]}"),
            "lesson.yaml:6:31: no measured is called 'apended'; did you mean 'appended'?");
        row("live without its time", step("live: {do: []}"),
            "lesson.yaml:6:11: live needs 'for', how long it runs by the wall clock");
        row("live for too long", step("live: {for: 2h}"),
            "lesson.yaml:6:17: 'for' is 2h, outside 1ms to 10m");
        row("unknown thing to measure", step("measure: {page-cashe: {}}"),
            "lesson.yaml:6:15: measure has no 'page-cashe'; did you mean 'page-cache'?");
        row("nothing to measure", step("measure: {expect: []}"),
            "lesson.yaml:6:14: measure needs the name of a measurement; it may be: "
            "append-or-track, disk-writes, page-cache, zero-copy, partition-throughput, "
            "record-rate");
        row("two things to measure", step("measure: {page-cache: {}, zero-copy: {}}"),
            "lesson.yaml:6:42: a step measures one thing; make it two steps");
        row("unknown setting", step("measure: {page-cache: {mebibyte: 3}}"),
            "lesson.yaml:6:28: page-cache has no 'mebibyte'; did you mean 'mebibytes'?");
        row("setting out of bounds", step("measure: {page-cache: {mebibytes: 0}}"),
            "lesson.yaml:6:39: 'mebibytes' is 0, outside 1 to 1024");
        row("setting of choices", step("measure: {page-cache: {before-reading: evikt}}"),
            "lesson.yaml:6:44: 'before-reading' is 'evikt', which is none of nothing, evict; did "
            "you mean 'evict'?");
        row("unknown figure",
            step("measure: {page-cache: {}, expect: [{measured recent-rat: {value: 1}}]}"),
            "lesson.yaml:6:41: no measured is called 'recent-rat'; did you mean 'recent-rate'?");
        row("a measurement has no world",
            step("measure: {page-cache: {}, expect: [{topic a: {records: 1}}]}"),
            "lesson.yaml:6:41: a measurement has no world of its own; expect 'measured' here, and "
            "the rest in the step's own 'expect'");
        row("live and measured", step("live: {for: 1s}\n    measure: {page-cache: {}}"),
            "lesson.yaml:7:14: a step has 'live' or 'measure', not both; make it two steps");
        row("refused without commands", step("refused: '404'"),
            "lesson.yaml:6:14: nothing can be refused in a step without 'do'");
        row("a step proves what the lesson does not",
            kHead
                + "proves: [kafka.spread]\nsteps:\n  - proves: [kafka.ceiling]\n    expect: "
                  "[{client a: {sent: "
                  "1}}]\n",
            "lesson.yaml:6:14: the lesson does not say that it proves 'kafka.ceiling'; add it to "
            "the "
            "lesson's own 'proves'");
        row("proves without expecting",
            kHead + "proves: [kafka.spread]\nsteps:\n  - proves: [kafka.spread]\n",
            "lesson.yaml:6:13: a step without 'expect' proves nothing");
        row("a claim twice", kHead + "proves: [a, a]\n" + kStep,
            "lesson.yaml:4:13: 'a' is given twice");
    }
    void badInputIsRefusedWithItsPlace()
    {
        QFETCH(QByteArray, yaml);
        QFETCH(QString, problem);
        const QStringList problems = problemsIn(yaml);
        bool found = false;
        for (const QString &text : problems)
            found = found || text.startsWith(problem);
        QVERIFY2(found,
            qPrintable("expected: " + problem + "\nseen:     " + problems.join("\n          ")));
    }

    void everyProblemIsToldAtOnce()
    {
        const QStringList problems = problemsIn(
            kHead + "steps:\n  - run: soon\n    expects: []\n  - do: [{create-topik: {}}]\n");
        QCOMPARE(problems.size(), 3);
    }

    void aMissingFileIsToldByName()
    {
        const auto lesson = loadLesson("/no/such/lesson.yaml");
        QVERIFY(!lesson);
        QCOMPARE(lesson.error().front().text(),
            "/no/such/lesson.yaml: there is no such file, or it cannot be read; check the name and "
            "that you may "
            "read it");
    }

    void theCatalogueKeepsCourseOrderAndRefusesDuplicateIds()
    {
        QTemporaryDir directory;
        const std::filesystem::path root = directory.path().toStdString();
        const auto named = [](const char *id) {
            return "id: " + QByteArray(id) + "\ntitle: t\nsummary: s\n" + kStep;
        };
        write(root / "sqs/a.yaml", named("sqs.a"));
        write(root / "kafka/a.yaml", named("kafka.a"));
        write(root / "kafka/b.yaml", named("kafka.b"));
        write(root / "kafka/course.yaml", "[b, a]");
        const auto catalogue = loadCatalogue(root.string());
        QVERIFY(catalogue);
        std::vector<std::string> ids;
        for (const Lesson &lesson : catalogue->lessons)
            ids.push_back(lesson.id);
        QCOMPARE(ids, (std::vector<std::string>{"kafka.b", "kafka.a", "sqs.a"}));
        QVERIFY(catalogue->find("sqs.a") != nullptr);
        QVERIFY(catalogue->find("sqs.b") == nullptr);

        write(root / "sqs/twice.yaml", named("kafka.a"));
        const auto twice = loadCatalogue(root.string());
        QVERIFY(!twice);
        QCOMPARE(twice.error().front().text(),
            (root / "sqs/twice.yaml").string() + ": the id 'kafka.a' is taken by "
                + (root / "kafka/a.yaml").string() + "; give the lesson an id of its own");

        write(root / "sqs/twice.yaml", named("sqs.twice"));
        write(root / "kafka/course.yaml", "[bb]");
        const auto misspelt = loadCatalogue(root.string());
        QVERIFY(!misspelt);
        QCOMPARE(misspelt.error().front().text(),
            (root / "kafka/course.yaml").string()
                + ":1:2: there is no 'bb.yaml' left to put in order; did you mean 'b'?");
    }

    void theLedgerIsReadAsStrictly()
    {
        QTemporaryDir directory;
        const std::filesystem::path file = directory.path().toStdString() + "/claims.yaml";
        write(file,
            "kafka:\n"
            "  - {id: a, show: runn, verdict: holds, claim: x}\n"
            "  - {id: a, show: run, verdict: holds, claim: y}\n");
        const auto claims = loadClaims(file.string());
        QVERIFY(!claims);
        QCOMPARE(claims.error().size(), std::size_t{2});
        QCOMPARE(claims.error()[0].text(),
            file.string()
                + ":2:19: 'show' is 'runn', which is none of run, measure, drill, card; did you "
                  "mean 'run'?");
        QCOMPARE(claims.error()[1].text(), file.string() + ":3:5: the id 'a' is taken");
    }
};

QTEST_APPLESS_MAIN(TestLessonLoader)
#include "tst_lesson_loader.moc"
