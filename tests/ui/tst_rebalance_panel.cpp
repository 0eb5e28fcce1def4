#include "engine/core/memory_files.h"
#include "engine/world/world.h"
#include "ui/panels/rebalance_panel.h"
#include "ui/session/event_rows.h"

#include <QTest>

#include <algorithm>

using namespace queuelab;
using namespace queuelab::ui;
using namespace Qt::StringLiterals;

namespace {

/// Two groups on one topic that differ in their assignor only; a third member joins each at 20 s.
class TwoGroups {
public:
    TwoGroups()
    {
        m_world = *world::World::create(
            {}, std::make_unique<MemoryFiles>(), world::Mode::Deterministic, kVirtualStart);
        apply("create-topic: {name: orders, partitions: 6}");
        apply("add-producer: {topic: orders, rate: 50/s}");
        addMembers(2);
        m_world->runUntil(kVirtualStart + 20s);
        addMembers(1);
    }
    /// Beside them one of KIP-848, with as many members.
    void addCoordinated(int count)
    {
        apply(QStringLiteral("add-consumer: {group: incremental, topics: [orders], count: %1, "
                             "configs: {group.protocol: consumer}}")
                .arg(count)
                .toStdString());
    }
    void runTo(Duration at) { m_world->runUntil(kVirtualStart + at); }
    std::vector<EventRow> rows() const
    {
        return makeEventRows(m_world->trace(), 0, 1'000'000, kVirtualStart);
    }
    qint64 nowNs() const { return (m_world->now() - kVirtualStart).count(); }

private:
    void addMembers(int count)
    {
        for (const char *assignor : {"range", "cooperative-sticky"}) {
            apply(QStringLiteral("add-consumer: {group: %1, topics: [orders], count: %2, configs: "
                                 "{partition.assignment.strategy: %1}}")
                    .arg(QString::fromLatin1(assignor))
                    .arg(count)
                    .toStdString());
        }
    }
    void apply(const std::string &command)
    {
        world::YamlProblems problems("test");
        const auto read = world::readCommand(YAML::Load(command), problems);
        QVERIFY(read);
        QVERIFY(m_world->apply(*read));
    }

    std::unique_ptr<world::World> m_world;
};

const Rebalance *of(const std::vector<Rebalance> &all, const QString &group)
{
    const auto found = std::ranges::find(all, group, &Rebalance::group);
    return found == all.end() ? nullptr : &*found;
}

} // namespace

/// The tab that shows a rebalance as protocol steps.
class TestRebalancePanel : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void eagerStopsAllAndCooperativeOnlyWhatMoves()
    {
        TwoGroups groups;
        groups.runTo(40s);
        RebalanceHistory history;
        history.append(groups.rows());
        const auto all = history.newest(2, groups.nowNs());
        const Rebalance *eager = of(all, u"range"_s);
        const Rebalance *cooperative = of(all, u"cooperative-sticky"_s);
        QVERIFY(eager && cooperative);

        QCOMPARE(eager->protocol, u"range"_s);
        QCOMPARE(eager->rounds, 1);
        QCOMPARE(eager->unread, 6);
        QVERIFY(eager->longestUnreadNs > 0);
        QCOMPARE(eager->lanes.size(), 3U);

        QCOMPARE(cooperative->rounds, 2);
        QCOMPARE(cooperative->unread, 2);
        for (const RebalanceLane &lane : cooperative->lanes) {
            const bool isNew = lane.spans.front().owned == 0;
            for (const RebalanceSpan &span : lane.spans)
                QVERIFY2(isNew || span.owned >= 2, qPrintable(lane.member));
        }
    }

    void aCoordinatorTakesOnlyWhatMoves()
    {
        TwoGroups groups;
        groups.addCoordinated(2);
        groups.runTo(40s);
        groups.addCoordinated(1);
        groups.runTo(60s);
        RebalanceHistory history;
        history.append(groups.rows());
        const auto all = history.newest(3, groups.nowNs());
        const Rebalance *eager = of(all, u"range"_s);
        const Rebalance *incremental = of(all, u"incremental"_s);
        QVERIFY(eager && incremental);
        QVERIFY(incremental->byCoordinator && !eager->byCoordinator);
        QCOMPARE(incremental->protocol, u"uniform"_s);
        QVERIFY(!incremental->running);
        QCOMPARE(incremental->lanes.size(), 3U);
        QCOMPARE(incremental->unread, 2);
        const auto without = [](const Rebalance &rebalance, const QString &member) {
            const auto lane = std::ranges::find(rebalance.lanes, member, &RebalanceLane::member);
            return lane == rebalance.lanes.end() ? -1 : lane->withoutNs;
        };
        // Those who were there before read on; with an eager assignor nobody does.
        QCOMPARE(without(*incremental, u"incremental-1"_s), 0);
        QCOMPARE(without(*incremental, u"incremental-2"_s), 0);
        QVERIFY(without(*incremental, u"incremental-3"_s) > 0);
        QVERIFY(without(*eager, u"range-1"_s) > 0);
    }

    void spansFollowEachOtherAndCoverTheRebalance()
    {
        TwoGroups groups;
        groups.runTo(40s);
        RebalanceHistory history;
        history.append(groups.rows());
        for (const Rebalance &rebalance : history.newest(2, groups.nowNs())) {
            QVERIFY(!rebalance.running);
            for (const RebalanceLane &lane : rebalance.lanes) {
                QCOMPARE(lane.spans.back().toNs, rebalance.toNs);
                for (std::size_t i = 1; i < lane.spans.size(); ++i)
                    QCOMPARE(lane.spans[i].fromNs, lane.spans[i - 1].toNs);
            }
        }
    }

    void aRebalanceUnderWayEndsNow()
    {
        TwoGroups groups;
        groups.runTo(20s + 100ms); // the new member waits for the others' heartbeats
        RebalanceHistory history;
        history.append(groups.rows());
        const auto all = history.newest(1, groups.nowNs());
        QCOMPARE(all.size(), 1U);
        QVERIFY(all.front().running);
        QCOMPARE(all.front().toNs, groups.nowNs());
    }

    void theMomentsBeforeAJumpAreForgotten()
    {
        TwoGroups groups;
        groups.runTo(40s);
        RebalanceHistory history;
        history.append(groups.rows());
        history.replace({});
        QVERIFY(history.newest(2, 0).empty());
    }

    void itIsDrawn_data()
    {
        QTest::addColumn<QSize>("size");
        QTest::newRow("wide") << QSize(1000, 220);
        QTest::newRow("narrow") << QSize(520, 160);
    }
    void itIsDrawn()
    {
        QFETCH(const QSize, size);
        TwoGroups groups;
        groups.runTo(40s);
        RebalancePanel panel;
        panel.resize(size);
        panel.append(groups.rows());
        panel.setNow(groups.nowNs());
        panel.show();
        QVERIFY(QTest::qWaitForWindowExposed(&panel));
        const QRectF whole({}, panel.scene().size);
        for (const Mark &mark : panel.scene().marks)
            QVERIFY(whole.adjusted(-1, -1, 1, 1).contains(boundsOf(mark)));
        QVERIFY(panel.scene().marks.size() > 20);
    }
};

QTEST_MAIN(TestRebalancePanel)
#include "tst_rebalance_panel.moc"
