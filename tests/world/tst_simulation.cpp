#include "engine/core/memory_files.h"
#include "engine/world/simulation/simulation.h"
#include "engine/world/timeline.h"

#include <QTest>

#include <fmt/format.h>

#include <set>

using namespace queuelab;
using namespace queuelab::world;
using namespace queuelab::world::simulation;

Q_DECLARE_METATYPE(queuelab::log::PlantedBug)

namespace {

/// Every anomaly of a report, one a line.
std::string textOf(const Report &report)
{
    std::string text = report.scenario.text() + '\n';
    for (const Anomaly &anomaly : report.anomalies)
        text += fmt::format("{} {} {}: {}\n", anomaly.isPromised ? "BROKEN" : "allowed",
            anomaly.count, anomalyName(anomaly.kind), anomaly.text);
    return text;
}

} // namespace

/// The log under random faults: what is promised holds for every seed, what is not promised is
/// found and named, and an engine that is broken on purpose is caught.
class TestSimulation : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void whatIsPromisedHolds_data()
    {
        QTest::addColumn<std::uint64_t>("seed");
        for (std::uint64_t seed = 1; seed <= 20; ++seed)
            QTest::addRow("seed %llu", static_cast<unsigned long long>(seed)) << seed;
    }
    void whatIsPromisedHolds()
    {
        QFETCH(std::uint64_t, seed);
        const Report report = simulate({.seed = seed, .time = 30s});
        QVERIFY2(!report.hasFailed(), textOf(report).c_str());
        QVERIFY2(report.acknowledged + report.read > 0, textOf(report).c_str());
        QVERIFY(report.faults > 0);
    }

    void theSameSeedGivesTheSameReport()
    {
        const Report one = simulate({.seed = 3, .time = 20s});
        const Report again = simulate({.seed = 3, .time = 20s});
        QCOMPARE(one.steps, again.steps);
        QCOMPARE(one.acknowledged, again.acknowledged);
        QCOMPARE(writeSession(one.session), writeSession(again.session));
    }

    void itsSessionRepeatsIt()
    {
        const Report report = simulate({.seed = 4, .time = 20s});
        const auto session = readSession(writeSession(report.session), "simulated");
        QVERIFY2(session, session ? "" : session.error().front().text().c_str());
        auto timeline = Timeline::create(*session);
        QVERIFY(timeline);
        (*timeline)->seek(session->end);
        QCOMPARE((*timeline)->world().steps(), report.steps);
    }

    void aPlantedBugIsCaught_data()
    {
        QTest::addColumn<log::PlantedBug>("bug");
        QTest::addColumn<QString>("found");
        QTest::addColumn<int>("seconds"); // that a seed runs
        QTest::newRow("acks=all is answered before replication")
            << log::PlantedBug::AcknowledgeEarly << "lost write" << 20;
        QTest::newRow("nothing is truncated")
            << log::PlantedBug::NoTruncation << "replicas differ" << 20;
        QTest::newRow("the high watermark is past the ISR")
            << log::PlantedBug::HighWatermarkPastIsr << "vanished read" << 20;
        QTest::newRow("no duplicate check")
            << log::PlantedBug::NoDuplicateCheck << "duplicate" << 20;
        QTest::newRow("overlapping assignment")
            << log::PlantedBug::OverlappingAssignment << "group not balanced" << 20;
        QTest::newRow("read_committed ignores the last stable offset")
            << log::PlantedBug::LastStableOffsetIgnored << "intermediate read (G1b)" << 20;
        QTest::newRow("aborted transactions are not named")
            << log::PlantedBug::AbortedTransactionsHidden << "aborted read (G1a)" << 20;
        QTest::newRow("old producer epochs are taken")
            << log::PlantedBug::NoTransactionFencing << "fenced write" << 60;
        QTest::newRow("offsets of a transaction count at once")
            << log::PlantedBug::TxnOffsetsAtOnce << "lost write" << 60;
        QTest::newRow("compaction drops a key's newest record")
            << log::PlantedBug::CompactionDropsLast << "lost value" << 20;
        QTest::newRow("tombstones go too early")
            << log::PlantedBug::TombstonesForgottenEarly << "revived value" << 20;
        QTest::newRow("an acquired record is given to others")
            << log::PlantedBug::ShareLockIgnored << "acquired twice" << 20;
        QTest::newRow("acknowledgements are not stored before they are answered")
            << log::PlantedBug::ShareStateNotWritten << "delivered again" << 20;
    }
    /// The first of some seeds that shows it is enough: not every seed meets every bug.
    void aPlantedBugIsCaught()
    {
        QFETCH(log::PlantedBug, bug);
        QFETCH(QString, found);
        QFETCH(int, seconds);
        constexpr std::uint64_t kSeeds = 40;
        std::set<std::string> others;
        for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
            const Report report =
                simulate({.seed = seed, .time = std::chrono::seconds{seconds}, .bug = bug});
            for (const Anomaly &anomaly : report.anomalies) {
                if (anomaly.isPromised && anomalyName(anomaly.kind) == found.toStdString())
                    return;
                if (anomaly.isPromised)
                    others.emplace(anomalyName(anomaly.kind));
            }
        }
        std::string met;
        for (const std::string &other : others)
            met += other + ", ";
        QFAIL(("no seed shows it; found instead: " + met).c_str());
    }

    void whatWeakSettingsLoseIsFoundAndNamed()
    {
        constexpr std::uint64_t kSeeds = 60;
        for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
            const Report report = simulate({.seed = seed, .time = 40s});
            for (const Anomaly &anomaly : report.anomalies) {
                if (anomaly.kind != AnomalyKind::LostWrite || anomaly.isPromised)
                    continue;
                const QString text = QString::fromStdString(anomaly.text);
                QVERIFY2(text.contains("acknowledged with acks="), anomaly.text.c_str());
                return;
            }
        }
        QFAIL("no seed lost anything with acks=1, one replica or an unclean election");
    }

    /// acks=all reaches the page caches of all in sync. When all of them stop uncleanly and the
    /// last leader is the one that lost power, Kafka loses what only the others still had.
    void whatTheLastKnownLeaderLostWithItsPowerIsExcusedAndNamed()
    {
        bool isNamed = false;
        for (const std::uint64_t seed : {196U, 446U, 599U, 1022U, 1052U, 1094U}) {
            const Report report = simulate({.seed = seed});
            QVERIFY2(!report.hasFailed(), textOf(report).c_str());
            isNamed = isNamed || textOf(report).find("only in page caches") != std::string::npos;
        }
        QVERIFY2(isNamed, "no seed elects a last known leader that lost power");
    }
};

QTEST_APPLESS_MAIN(TestSimulation)
#include "tst_simulation.moc"
