#include <QDir>
#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QProcess>
#include <QTemporaryDir>
#include <QTest>

namespace {

/// What one call of the built program gave.
struct Call {
    int exit = -1;
    QString output;
    QString errors;
};

Call cli(const QStringList &arguments, const QString &directory = {})
{
    QProcess process;
    process.setWorkingDirectory(directory);
    process.start(QUEUELAB_CLI, arguments);
    process.waitForFinished(120'000);
    return {process.exitStatus() == QProcess::NormalExit ? process.exitCode() : -1,
        QString::fromUtf8(process.readAllStandardOutput()),
        QString::fromUtf8(process.readAllStandardError())};
}

QByteArray contentOf(const QString &path)
{
    QFile file(path);
    return file.open(QIODevice::ReadOnly) ? file.readAll() : QByteArray();
}

void write(const QString &path, const QByteArray &text)
{
    QFile file(path);
    QVERIFY(file.open(QIODevice::WriteOnly));
    file.write(text);
}

/// A lesson that runs in no time and expects `messages` in its queue.
QByteArray smallLesson(const QByteArray &messages)
{
    return "id: test.small\ntitle: Small\nsummary: s\nsteps:\n"
           "  - do:\n"
           "      - create-queue: {name: jobs}\n"
           "      - send-message: {queue: jobs, body: hello}\n"
           "    run: 2s\n"
           "    expect:\n"
           "      - queue jobs: {ApproximateNumberOfMessages: "
        + messages + "}\n";
}

} // namespace

class TestCli : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void initTestCase() { QVERIFY(m_directory.isValid()); }

    void everyCommandHasHelpWithAnExample_data()
    {
        QTest::addColumn<QString>("command");
        for (const char *name : {"list", "run", "check", "claims", "inspect", "simulate", "bench"})
            QTest::newRow(name) << QString(name);
    }
    void everyCommandHasHelpWithAnExample()
    {
        QFETCH(QString, command);
        const Call call = cli({command, "--help"});
        QCOMPARE(call.exit, 0);
        QVERIFY2(call.output.contains("queuelab-cli " + command), qPrintable(call.output));
    }

    void simulateSaysItsOptionsAndHowItEnded()
    {
        const Call call = cli({"simulate", "--seeds", "1..2", "--time", "15s"});
        QCOMPARE(call.exit, 0);
        QVERIFY2(call.output.startsWith("simulate --engine log --seeds 1..2 --time 15s"),
            qPrintable(call.output));
        QVERIFY2(call.output.contains("2 seeds"), qPrintable(call.output));
        QVERIFY2(call.output.contains(": 0 failed"), qPrintable(call.output));
    }

    void simulateRefusesWhatItCannotRun_data()
    {
        QTest::addColumn<QStringList>("options");
        QTest::newRow("seeds backwards") << QStringList{"--seeds", "5..2"};
        QTest::newRow("no seeds") << QStringList{"--seeds", "many"};
        QTest::newRow("too short") << QStringList{"--time", "1s"};
        QTest::newRow("no such engine") << QStringList{"--engine", "kafka"};
    }
    void simulateRefusesWhatItCannotRun()
    {
        QFETCH(QStringList, options);
        const Call call = cli(QStringList{"simulate"} + options);
        QCOMPARE(call.exit, 2);
        QVERIFY(!call.errors.isEmpty());
    }

    void benchMeasuresEverythingTheLogPromisesAndLeavesNothingBehind()
    {
        QTemporaryDir directory;
        const Call call = cli({"bench", "log", "--rounds", "1", "--megabytes", "1",
            "--catch-up-megabytes", "1", "--records", "4000", "--partitions", "20", "--directory",
            directory.path(), "--format", "json"});
        QVERIFY2(call.exit == 0, qPrintable(call.errors));
        QStringList unmet{"append of", "build and append", "catching up on 1 MiB",
            "producer to consumer", "replication factor 3", "rebalance, 100 members",
            "produce a record, 20 partitions", "start with 20 partitions",
            "memory of a broker with 20 partitions", "start after a kill"};
        const QJsonObject json = QJsonDocument::fromJson(call.output.toUtf8()).object();
        QCOMPARE(json["engine"].toString(), QString("log"));
        for (const QJsonValue &figure : json["figures"].toArray()) {
            const QString name = figure["name"].toString();
            unmet.removeIf([&](const QString &part) { return name.contains(part); });
            QVERIFY2(!figure["unit"].toString().isEmpty(), qPrintable(name));
            QCOMPARE(figure["runs"].toInt(), 1);
            // A comparison names what it is with.
            QCOMPARE(figure["ratio"].isDouble(), figure["baseline"].isString());
        }
        QVERIFY2(unmet.isEmpty(), qPrintable(unmet.join(", ")));
        QVERIFY(QDir(directory.path()).isEmpty());
    }

    void listShowsTheLessonsBySection()
    {
        const Call text = cli({"list"});
        QCOMPARE(text.exit, 0);
        QVERIFY2(text.output.contains("Kafka\n  kafka.nxm"), qPrintable(text.output));
        QVERIFY(text.errors.isEmpty());
        const Call json = cli({"list", "--json"});
        const QJsonArray lessons = QJsonDocument::fromJson(json.output.toUtf8()).array();
        QVERIFY(lessons.size() >= 9);
        QCOMPARE(lessons[0].toObject()["id"].toString(), QString("kafka.nxm"));
        QVERIFY(lessons[0].toObject()["proves"].toArray().contains("kafka.nxm"));
    }

    void aLessonThatHoldsExitsZero()
    {
        const Call call = cli({"run", "sqs.reappear"});
        QCOMPARE(call.exit, 0);
        QVERIFY2(call.output.contains("1 of 1 hold"), qPrintable(call.output));
        QVERIFY2(!call.output.contains(QChar(27)), "colour must not go to a pipe");
        QVERIFY2(call.errors.isEmpty(), "progress must not go to a pipe");
    }

    void aFalsifiedExpectationExitsOneAndSaysWhatAndWhen()
    {
        const QString file = m_directory.filePath("false.yaml");
        write(file, smallLesson("2"));
        const Call call = cli({"run", file});
        QCOMPARE(call.exit, 1);
        QVERIFY2(call.output.contains(
                     "queue jobs: expected ApproximateNumberOfMessages 2, seen 1, at 0:02.000"),
            qPrintable(call.output));
        QVERIFY2(call.output.contains(file + ":10:9"), qPrintable(call.output));
    }

    void wrongInputExitsTwo_data()
    {
        QTest::addColumn<QStringList>("arguments");
        QTest::addColumn<QString>("message");
        const auto row = [](const char *name, const QStringList &arguments, const char *message) {
            QTest::newRow(name) << arguments << QString(message);
        };
        row("no command", {}, "A subcommand is required");
        row("unknown command", {"lst"}, "Did you mean 'list'?");
        row("unknown option", {"list", "--jsn"}, "--jsn");
        row("unknown lesson", {"run", "kafka.celing"},
            "kafka.celing: no lesson has this id, and it is no file; did you mean "
            "'kafka.ceiling'?");
        row("missing file", {"run", "no/such.yaml"}, "no/such.yaml: there is no such file");
        row("nothing to run", {"run"}, "run: nothing to run; name lessons or files, or say --all");
        row("all and one", {"run", "--all", "sqs.reappear"},
            "--all: runs the whole catalogue; leave the names away");
        row("unknown format", {"run", "sqs.reappear", "--format", "xml"}, "xml");
        row("no repetition", {"run", "sqs.reappear", "--repeat", "0"}, "--repeat");
        row("unwritable report", {"run", "sqs.reappear", "--output", "/no/such/r.xml"},
            "/no/such/r.xml: cannot be written: No such file or directory; choose a place");
        row("unwritable trace", {"run", "sqs.reappear", "--trace", "/no/such/t.jsonl"},
            "/no/such/t.jsonl: the trace cannot be written");
        row("a trace of several runs", {"run", "sqs.reappear", "--repeat", "2", "--trace", "t"},
            "--trace: one trace file holds one run");
        row("nothing to inspect", {"inspect", "/no/such/orders-0"},
            "/no/such/orders-0: there is no such file or directory; check the name");
    }
    void wrongInputExitsTwo()
    {
        QFETCH(QStringList, arguments);
        QFETCH(QString, message);
        const Call call = cli(arguments, m_directory.path());
        QCOMPARE(call.exit, 2);
        QVERIFY2(call.errors.contains(message), qPrintable(call.errors + call.output));
    }

    void checkNamesFileLineAndColumn()
    {
        const QString good = m_directory.filePath("good.yaml");
        write(good, smallLesson("1"));
        QCOMPARE(cli({"check", good}).exit, 0);
        const QString bad = m_directory.filePath("bad.yaml");
        write(bad, smallLesson("1").replace("create-queue", "create-kueue"));
        const Call call = cli({"check", good, bad});
        QCOMPARE(call.exit, 2);
        QVERIFY2(call.output.contains(good + ": a valid lesson"), qPrintable(call.output));
        QVERIFY2(call.errors.contains(bad + ":6:9: "), qPrintable(call.errors));
        QVERIFY2(call.errors.contains("did you mean 'create-queue'?"), qPrintable(call.errors));
        const QString claim = m_directory.filePath("claim.yaml");
        write(claim, smallLesson("1") + "proves: [sqs.hied]\n");
        QVERIFY(cli({"check", claim}).errors.contains("did you mean 'sqs.hide'?"));
    }

    void theSameRunGivesTheSameTrace()
    {
        const QString first = m_directory.filePath("a.jsonl");
        const QString second = m_directory.filePath("b.jsonl");
        QCOMPARE(cli({"run", "rabbitmq.crash", "--seed", "7", "--trace", first}).exit, 0);
        QCOMPARE(cli({"run", "rabbitmq.crash", "--seed", "7", "--trace", second}).exit, 0);
        QVERIFY(contentOf(first).count('\n') > 100);
        QVERIFY(contentOf(first) == contentOf(second));
        QVERIFY(QJsonDocument::fromJson(contentOf(first).split('\n').first()).isObject());
    }

    void reportsGoToAFileInTheFormatAskedFor()
    {
        const QString path = m_directory.filePath("report.xml");
        const Call call =
            cli({"run", "sqs.reappear", "sqs.too-slow", "--format", "junit", "--output", path});
        QCOMPARE(call.exit, 0);
        QVERIFY(call.output.isEmpty());
        QCOMPARE(contentOf(path).count("<testsuite "), 2);
        QVERIFY(cli({"run", "sqs.reappear", "--format", "tap"})
                .output.startsWith("TAP version 13\n1.."));
    }

    void repeatRunsOneSeedAfterTheOther()
    {
        const Call call =
            cli({"run", "sqs.reappear", "--seed", "40", "--repeat", "3", "--format", "json"});
        QCOMPARE(call.exit, 0);
        const QJsonArray lessons =
            QJsonDocument::fromJson(call.output.toUtf8()).object()["lessons"].toArray();
        QCOMPARE(lessons.size(), 3);
        QCOMPARE(lessons[2].toObject()["seed"].toInt(), 42);
    }

    void aSavedSessionRunsToo()
    {
        const QString file = m_directory.filePath("demo.session.yaml");
        write(file,
            "queuelab-session: 1\n"
            "world: {seed: 3}\n"
            "end: 5s\n"
            "commands:\n"
            "  - {at: 1s, create-queue: {name: jobs}}\n");
        const QString trace = m_directory.filePath("session.jsonl");
        const Call call = cli({"run", file, "--trace", trace});
        QVERIFY2(call.exit == 0, qPrintable(call.errors));
        QVERIFY2(call.output.contains("a saved session"), qPrintable(call.output));
        QVERIFY(contentOf(trace).contains("queue-created"));
    }

    void claimsExitOneWhileAnyIsNotProved()
    {
        const Call call = cli({"claims", "--format", "json"});
        const QJsonObject root = QJsonDocument::fromJson(call.output.toUtf8()).object();
        const int proved = root["proved"].toInt();
        QVERIFY(proved >= 20);
        QCOMPARE(call.exit, proved == root["of"].toInt() ? 0 : 1);
        for (const QJsonValue &value : root["claims"].toArray()) {
            const QJsonObject claim = value.toObject();
            if (claim["id"] == "kafka.ceiling")
                QCOMPARE(claim["proofs"].toArray().at(0).toObject()["step"].toInt(), 2);
        }
    }

private:
    QTemporaryDir m_directory;
};

QTEST_GUILESS_MAIN(TestCli)
#include "tst_cli.moc"
