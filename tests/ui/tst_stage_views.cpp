#include "stage_snapshots.h"

#include "ui/stages/exchange_view.h"
#include "ui/stages/log_view.h"
#include "ui/stages/visibility_view.h"
#include "ui/stages/words.h"

#include <QTest>

#include <numeric>

using namespace queuelab;
using namespace queuelab::ui;
using namespace Qt::StringLiterals;

/// What the pictures say, before anything is drawn.
class TestStageViews : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void figuresAreShort_data()
    {
        QTest::addColumn<QString>("written");
        QTest::addColumn<QString>("expected");
        QTest::newRow("no group needed") << grouped(std::int64_t{999}) << u"999"_s;
        QTest::newRow("thousands") << grouped(std::int64_t{604'800}) << u"604,800"_s;
        QTest::newRow("negative") << grouped(std::int64_t{-1000}) << u"-1,000"_s;
        QTest::newRow("short thousands") << shortened(12'345) << u"12k"_s;
        QTest::newRow("short millions") << shortened(3'400'000) << u"3.4M"_s;
        QTest::newRow("nothing") << spanText(0s) << u"0 s"_s;
        QTest::newRow("microseconds") << spanText(20us) << u"< 1 ms"_s;
        QTest::newRow("milliseconds") << spanText(12ms) << u"12 ms"_s;
        QTest::newRow("part of a second") << spanText(400ms) << u"0.4 s"_s;
        QTest::newRow("seconds") << spanText(17s) << u"17 s"_s;
        QTest::newRow("minutes") << spanText(5min) << u"5 min"_s;
        QTest::newRow("hours") << spanText(4h) << u"4 h"_s;
        QTest::newRow("days") << spanText(168h) << u"7 d"_s;
        QTest::newRow("over already") << spanText(-3s) << u"0 s"_s;
        QTest::newRow("slow rate") << rateText(0.5) << u"0.5/s"_s;
        QTest::newRow("rate") << rateText(1200) << u"1,200/s"_s;
        QTest::newRow("fast rate") << rateText(512'345) << u"512k/s"_s;
        QTest::newRow("one") << counted(1, u"1 member"_s, u"%1 members"_s) << u"1 member"_s;
        QTest::newRow("many") << counted(7, u"1 member"_s, u"%1 members"_s) << u"7 members"_s;
        QTest::newRow("cut") << cut(u"abcdef"_s, 4) << u"abc…"_s;
    }
    void figuresAreShort()
    {
        QFETCH(const QString, written);
        QTEST(written, "expected");
    }

    void aRecordLooksToAGroupAsFarAsItHasRead()
    {
        const auto snapshot = test::logSnapshot({.partitions = 6, .records = 40, .consumers = 6});
        const LogView view = makeLogView(snapshot, {});
        const Lane *lane = view.lane(u"orders-2"_s);
        QVERIFY(lane);
        const GroupProgress *group = lane->of(0);
        QVERIFY(group);
        QCOMPARE(group->committed, 37);
        QCOMPARE(group->position, 39);
        QCOMPARE(group->lag, 7);
        QCOMPARE(group->owner, u"c3"_s);
        QCOMPARE(lane->state(36, group), RecordState::Committed);
        QCOMPARE(lane->state(37, group), RecordState::HandedOut);
        QCOMPARE(lane->state(38, group), RecordState::HandedOut);
        QCOMPARE(lane->state(39, group), RecordState::FetchedAhead);
        QCOMPARE(lane->state(40, group), RecordState::Unread);
        QCOMPARE(lane->state(40, nullptr), RecordState::Unread);
        const Lane *lagging = view.lane(u"orders-4"_s);
        QCOMPARE(lagging->state(lagging->partition->highWatermark, lagging->of(0)),
            RecordState::NotReplicated);
    }

    void theMemberThatOwnsNothingIsIdle()
    {
        const auto snapshot = test::logSnapshot({.partitions = 6, .consumers = 7});
        const LogView view = makeLogView(snapshot, {});
        QCOMPARE(view.groups.size(), 1U);
        QCOMPARE(view.groups[0].members.size(), 7U);
        QCOMPARE(view.groups[0].members[5].state, MemberState::Working);
        QCOMPARE(view.groups[0].members[6].state, MemberState::Idle);
    }

    void aRebalanceNamesThoseItWaitsFor()
    {
        auto snapshot = test::logSnapshot(
            {.partitions = 2, .consumers = 3, .state = log::GroupState::PreparingRebalance});
        snapshot.log.groups[0].members[0].joinParked = true;
        snapshot.clients[3].state = world::ClientState::Crashed;
        const LogView view = makeLogView(snapshot, {});
        const std::vector<QString> expected{u"c2"_s, u"c3"_s};
        QCOMPARE(view.groups[0].waitedFor, expected);
        QCOMPARE(view.groups[0].members[0].state, MemberState::WaitsForJoin);
        QCOMPARE(view.groups[0].members[2].state, MemberState::Crashed);
    }

    void aPartitionOfACrashedMemberIsNotRead()
    {
        auto snapshot = test::logSnapshot({.partitions = 2, .consumers = 2});
        snapshot.clients[1].state = world::ClientState::Crashed;
        const LogView view = makeLogView(snapshot, {});
        QVERIFY(!view.lane(u"orders-0"_s)->of(0)->read);
        QVERIFY(view.lane(u"orders-1"_s)->of(0)->read);
    }

    void aCrashedMembersShareIsKeptForIt()
    {
        auto snapshot = test::logSnapshot({.partitions = 2, .consumers = 2});
        snapshot.clients[1].state = world::ClientState::Crashed;
        snapshot.clients[1].positions.clear();
        const LogView view = makeLogView(snapshot, {});
        const std::vector<QString> expected{u"orders-0"_s};
        QCOMPARE(view.groups[0].members[0].owned, expected);
        QCOMPARE(view.lane(u"orders-0"_s)->of(0)->owner, u"c1"_s);
    }

    void theChosenGroupColoursTheRecords()
    {
        auto snapshot = test::logSnapshot({.partitions = 1, .consumers = 1});
        auto audit = snapshot.log.groups[0];
        audit.name = "audit";
        audit.members.clear();
        snapshot.log.groups.insert(snapshot.log.groups.begin(), audit);
        QCOMPARE(makeLogView(snapshot, {}).selected, 1U); // the one with members
        QCOMPARE(makeLogView(snapshot, {Thing::Kind::Group, u"audit"_s, -1, {}}).selected, 0U);
        QCOMPARE(makeLogView(snapshot, {Thing::Kind::Client, u"c1"_s, -1, {}}).selected, 1U);
    }

    void kafkasOwnTopicsAreLeftOut()
    {
        auto snapshot = test::logSnapshot({});
        snapshot.log.topics.push_back(snapshot.log.topics[0]);
        snapshot.log.topics.back().name = "__consumer_offsets";
        QCOMPARE(makeLogView(snapshot, {}).topics.size(), 1U);
    }

    void crossingLinesAreCounted()
    {
        QCOMPARE(crossings({{0, 0}, {1, 1}}), 0U);
        QCOMPARE(crossings({{0, 1}, {1, 0}}), 1U);
        QCOMPARE(crossings({{0, 2}, {1, 1}, {2, 0}}), 3U);
        QCOMPARE(crossings({{0, 0}, {0, 1}}), 0U); // from one place
    }

    void thingsAreDrawnToTheMiddleOfWhatTheyAreLinkedWith()
    {
        const std::vector<std::size_t> expected{2, 1, 0, 3};
        QCOMPARE(orderByLeft(4, {{2, 0}, {1, 1}, {0, 2}}), expected);
    }

    void queuesStandSoThatBindingsDoNotCross()
    {
        auto snapshot = test::emptySnapshot();
        auto &broker = snapshot.exchange;
        // By name a, b, c, d the bindings of x and y would cross.
        broker.exchanges = {{"x", "fanout", true, 0, 0, 0}, {"y", "fanout", true, 0, 0, 0}};
        for (const auto &[source, queue] :
            {std::pair{"x", "b"}, {"x", "d"}, {"y", "a"}, {"y", "c"}}) {
            exchange::BindingSnapshot binding;
            binding.source = source;
            binding.destination = queue;
            broker.bindings.push_back(binding);
        }
        for (const auto *name : {"a", "b", "c", "d"})
            broker.queues.push_back(test::exchangeQueue(name, 0, 0));
        const ExchangeView view = makeExchangeView(snapshot);
        Links links;
        for (const BindingView &binding : view.bindings)
            links.emplace_back(binding.source, binding.destination);
        QCOMPARE(links.size(), 4U);
        QCOMPARE(crossings(links), 0U);
    }

    void aQueueOfDeadLettersIsKnownAsOne()
    {
        const auto snapshot = test::exchangeSnapshot();
        const ExchangeView view = makeExchangeView(snapshot);
        QCOMPARE(view.queues.back().name, u"card.dead"_s);
        QVERIFY(view.queues.back().dead);
        QCOMPARE(std::ranges::count_if(view.queues, &QueueView::dead), 1);
        QCOMPARE(view.deadLetters.size(), 1U);
        QVERIFY(view.deadLetters[0].folded);
        // Neither the dead-letter exchange nor an unused predeclared one is a node.
        QCOMPARE(view.exchanges.size(), 1U);
        QCOMPARE(view.exchanges[0].name, u"orders"_s);
    }

    void theDefaultExchangeIsDrawnWhenItIsUsed()
    {
        auto snapshot = test::exchangeSnapshot();
        snapshot.exchange.exchanges[0].publishedIn = 1;
        QCOMPARE(makeExchangeView(snapshot).exchanges.size(), 2U);
    }

    void bindingsBetweenExchangesMakeColumnsAndACycleEnds()
    {
        auto snapshot = test::emptySnapshot();
        snapshot.exchange.exchanges = {
            {"a", "fanout", true, 0, 0, 0}, {"b", "fanout", true, 0, 0, 0}};
        exchange::BindingSnapshot binding;
        binding.toExchange = true;
        binding.source = "a";
        binding.destination = "b";
        snapshot.exchange.bindings.push_back(binding);
        QCOMPARE(makeExchangeView(snapshot).depths, 2);
        std::swap(binding.source, binding.destination);
        snapshot.exchange.bindings.push_back(binding);
        QVERIFY(makeExchangeView(snapshot).depths <= 2);
    }

    void aDeadLetterQueueStandsBesideItsSource()
    {
        auto snapshot = test::visibilitySnapshot();
        VisibilityView view = makeVisibilityView(snapshot);
        QCOMPARE(view.bands.size(), 1U);
        QCOMPARE(view.bands[0].deadLetterQueues.size(), 1U);
        // Somebody works on the dead letters: they get a band of their own.
        snapshot.clients.push_back(
            test::visibilityClient("doctor", world::ClientRole::Receiver, "thumbnails-dlq"));
        view = makeVisibilityView(snapshot);
        QCOMPARE(view.bands.size(), 2U);
    }

    void aReceiverThatWasTooSlowIsOutrun()
    {
        auto snapshot = test::visibilitySnapshot();
        QVERIFY(!makeVisibilityView(snapshot).bands[0].receivers[0].outrun);
        // #17 came back and worker-3 has it now, while worker-1 still works on it.
        snapshot.visibility.queues[0].shownInFlight[0].heldBy = "worker-3";
        QVERIFY(makeVisibilityView(snapshot).bands[0].receivers[0].outrun);
    }

    void aReceiverIsWhatItDoes()
    {
        auto snapshot = test::visibilitySnapshot();
        snapshot.visibility.queues[0].shownInFlight[1].heldBy = "boto3";
        const VisibilityView view = makeVisibilityView(snapshot);
        const auto &receivers = view.bands[0].receivers;
        QCOMPARE(receivers.size(), 5U);
        QCOMPARE(receivers[0].state, ReceiverState::Busy);
        QCOMPARE(receivers[1].state, ReceiverState::Waiting);
        QCOMPARE(receivers[3].state, ReceiverState::Crashed);
        QCOMPARE(receivers[4].name, u"boto3"_s); // a real client, known by what it holds
        QVERIFY(!receivers[4].client);
    }
};

QTEST_APPLESS_MAIN(TestStageViews)
#include "tst_stage_views.moc"
