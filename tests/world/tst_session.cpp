#include "engine/world/session.h"

#include <QTemporaryDir>
#include <QTest>

using namespace queuelab;
using namespace queuelab::world;

namespace {

const std::string kText = "queuelab-session: 1\n"
                          "world: {seed: 7, log: {configs: {group.initial.rebalance.delay.ms: 0}}, "
                          "network: {latency: 1ms}}\n"
                          "commands:\n"
                          "  - {at: 0s, create-topic: {name: orders, partitions: 6}}\n"
                          "  - {at: 1500ms, add-producer: {topic: orders, rate: 120/s}}\n"
                          "  - {at: 1500ms, add-consumer: {group: billing, topics: [orders]}}\n"
                          "end: 20s\n";

} // namespace

/// Session files: a seed and timed commands.
class TestSession : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aSessionReadsBackAsItWasWritten()
    {
        const auto session = readSession(kText, "demo.yaml");
        QVERIFY(session);
        QCOMPARE(session->world.seed, std::uint64_t{7});
        QCOMPARE(session->world.latency, Duration(1ms));
        QCOMPARE(session->commands.size(), std::size_t{3});
        QCOMPARE(session->commands[1].at, Duration(1500ms));
        QCOMPARE(session->end, Duration(20s));
        QCOMPARE(writeSession(*session), kText);
    }

    void aSavedSessionLoads()
    {
        QTemporaryDir directory;
        const std::string path = directory.filePath("demo.yaml").toStdString();
        const auto session = readSession(kText, "demo.yaml");
        QVERIFY(saveSession(*session, path));
        const auto loaded = loadSession(path);
        QVERIFY(loaded);
        QCOMPARE(writeSession(*loaded), kText);
    }

    void everyTruncationIsRefusedWithAPlaceAndWithoutACrash()
    {
        // The last byte is a line end that may be missing.
        for (std::size_t size = 0; size + 1 < kText.size(); ++size) {
            const auto session = readSession(kText.substr(0, size), "cut.yaml");
            // "end: 20" and "end: 2" are whole numbers without a unit, so even the last characters
            // count.
            QVERIFY2(!session, kText.substr(0, size).c_str());
            QVERIFY(!session.error().empty());
            QVERIFY(session.error().front().place.starts_with("cut.yaml"));
        }
    }

    void damagedFilesAreRefusedWithoutACrash()
    {
        Random random(5);
        for (int i = 0; i < 3000; ++i) {
            std::string text = kText;
            for (int flips = 0; flips < 3; ++flips)
                text[random.below(text.size())] = static_cast<char>(random.between(1, 126));
            const auto session = readSession(text, "bad.yaml");
            if (!session)
                QVERIFY(!session.error().front().problem.empty());
        }
    }

    void problemsNameFileLineAndColumn_data()
    {
        QTest::addColumn<QString>("from");
        QTest::addColumn<QString>("to");
        QTest::addColumn<QString>("place");
        QTest::addColumn<QString>("words");
        QTest::newRow("version") << "session: 1" << "session: 2" << "s.yaml:1:1"
                                 << "only version 1";
        QTest::newRow("unknown command")
            << "create-topic" << "create-topik" << "s.yaml:4:14" << "did you mean";
        QTest::newRow("order") << "at: 0s" << "at: 9s" << "s.yaml:5:5" << "in order of time";
        QTest::newRow("no time") << "at: 0s, " << "" << "s.yaml:4:5" << "needs 'at'";
        QTest::newRow("seed") << "seed: 7" << "seed: x" << "s.yaml:2:15" << "whole number";
        QTest::newRow("broker key")
            << "group.initial" << "group.initail" << "s.yaml:2:33" << "did you mean";
        QTest::newRow("brokers") << "log: {" << "log: {brokers: 12, " << "s.yaml:2:33"
                                 << "outside 1 to 9";
        QTest::newRow("end") << "end: 20s" << "end: 1s" << "s.yaml:1:1"
                             << "before its last command";
        QTest::newRow("unknown key")
            << "end: 20s" << "ende: 20s" << "s.yaml:7:1" << "has no 'ende'";
        QTest::newRow("syntax") << "partitions: 6}}" << "partitions: 6" << "s.yaml:6:3"
                                << "not valid YAML";
    }
    void problemsNameFileLineAndColumn()
    {
        QFETCH(QString, from);
        QFETCH(QString, to);
        QFETCH(QString, place);
        QFETCH(QString, words);
        const std::string text = QString::fromStdString(kText).replace(from, to).toStdString();
        const auto session = readSession(text, "s.yaml");
        QVERIFY(!session);
        const auto named = std::ranges::find_if(session.error(), [&](const Error &error) {
            return QString::fromStdString(error.text()).contains(words);
        });
        QString all;
        for (const Error &error : session.error())
            all += QString::fromStdString(error.text()) + '\n';
        QVERIFY2(named != session.error().end(), qPrintable(all));
        QCOMPARE(QString::fromStdString(named->place), place);
    }

    void missingFilesAndDirectoriesAreNamed()
    {
        const auto loaded = loadSession("/nowhere/demo.yaml");
        QVERIFY(!loaded);
        QCOMPARE(loaded.error().front().place, std::string("/nowhere/demo.yaml"));
        const auto saved = saveSession(Session{}, "/nowhere/demo.yaml");
        QVERIFY(!saved);
        QCOMPARE(saved.error().place, std::string("/nowhere/demo.yaml"));
    }
};

QTEST_APPLESS_MAIN(TestSession)
#include "tst_session.moc"
