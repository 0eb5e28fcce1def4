#include "consumer_bench.h"

#include "engine/log/events.h"

#include <QTest>

#include <algorithm>

using namespace queuelab;
using namespace queuelab::log;
using namespace queuelab::log::testing;
using namespace std::chrono_literals;

namespace {

using Bench = ConsumerBench;

} // namespace

class ConsumerTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void eachLeaderIsAskedForItsPartitionsInItsEpoch()
    {
        Bench bench;
        const auto sent = bench.take<FetchRequest>();
        QCOMPARE(sent.size(), 2U);
        QCOMPARE(sent[0].broker.value(), 1);
        QCOMPARE(sent[1].broker.value(), 2);
        for (const auto &fetch : sent)
            QCOMPARE(fetch.request.partitions.at(0).currentLeaderEpoch, 3);
    }

    void aLostCoordinatorIsLookedForAgain()
    {
        Bench bench;
        bench.coordinator = 3;
        bench.lose(1);
        bench.advance(200ms);
        QCOMPARE(bench.coordinatorLookups, 2);
        bench.commit();
        QCOMPARE(bench.take<OffsetCommitRequest>().at(0).broker.value(), 3);
    }

    void aLostBrokerDisturbsOnlyWhatIsOutToIt()
    {
        Bench bench;
        const auto before = bench.take<FetchRequest>();
        QCOMPARE(before.size(), 2U);
        bench.lose(2);
        // The other fetch is still out, and its answer is taken.
        FetchResponse::Partition result;
        result.partition = kFirst;
        result.records = {batchOf(0, 2, 3)};
        bench.answer(before[0].id, FetchResponse{{result}});
        QCOMPARE(bench.poll().size(), 2U);
        QCOMPARE(bench.coordinatorLookups, 1);
    }

    void aCommitWithoutAnAnswerIsSentAgainAsItWas()
    {
        Bench bench;
        bench.give(kFirst, 0, 2);
        QCOMPARE(bench.poll().size(), 2U);
        bench.commit();
        const auto first = bench.take<OffsetCommitRequest>();
        QCOMPARE(first.size(), 1U);
        bench.settle();
        bench.give(kFirst, 2, 2);
        QCOMPARE(bench.poll().size(), 2U); // handed out, and not handled yet
        bench.coordinator = 2;
        bench.lose(1);
        bench.advance(200ms);
        bench.advance(200ms);
        const auto again = bench.take<OffsetCommitRequest>();
        QCOMPARE(again.size(), 1U);
        QCOMPARE(again[0].broker.value(), 2);
        QVERIFY(again[0].request.partitions.at(0).partition == kFirst);
        QCOMPARE(again[0].request.partitions.at(0).committedOffset, 2);
    }

    void aLeaderHintIsFollowedAtOnce()
    {
        Bench bench;
        FetchResponse::Partition moved;
        moved.error = ErrorCode::NotLeaderOrFollower;
        moved.currentLeader = LeaderHint{3, 4};
        bench.answerFetch(kFirst, moved);
        const auto sent = bench.take<FetchRequest>();
        QCOMPARE(sent.size(), 1U);
        QCOMPARE(sent[0].broker.value(), 3);
        QCOMPARE(sent[0].request.partitions.at(0).currentLeaderEpoch, 4);
    }

    void aNewLeaderIsAskedWhetherThePositionIsStillGood_data()
    {
        QTest::addColumn<int>("endEpoch");
        QTest::addColumn<int>("endOffset");
        QTest::addColumn<int>("position");
        QTest::addColumn<bool>("reset");
        QTest::newRow("it has all of it") << 3 << 5 << 4 << false;
        QTest::newRow("it ends just there") << 3 << 4 << 4 << false;
        QTest::newRow("it has less") << 3 << 2 << 2 << true;
        QTest::newRow("it has an older epoch only") << 1 << 1 << 1 << true;
    }
    void aNewLeaderIsAskedWhetherThePositionIsStillGood()
    {
        QFETCH(int, endEpoch);
        QFETCH(int, endOffset);
        QFETCH(int, position);
        QFETCH(bool, reset);
        Bench bench;
        bench.give(kFirst, 0, 4);
        QCOMPARE(bench.poll().size(), 4U);
        bench.leaders = {2, 2};
        bench.epoch = 4;
        bench.lose(1);
        bench.take<FetchRequest>();
        bench.advance(200ms);
        const auto asked = bench.take<OffsetForLeaderEpochRequest>();
        QCOMPARE(asked.size(), 1U);
        QCOMPARE(asked[0].broker.value(), 2);
        const auto &question = asked[0].request.partitions.at(0);
        QVERIFY(question.partition == kFirst);
        QCOMPARE(question.leaderEpoch, 3);
        QCOMPARE(question.currentLeaderEpoch, 4);
        for (const auto &fetch : bench.take<FetchRequest>()) {
            for (const auto &wanted : fetch.request.partitions)
                QVERIFY(fetch.broker != NodeId{2} || wanted.partition != kFirst);
        }
        OffsetForLeaderEpochResponse response;
        response.partitions.push_back({kFirst, ErrorCode::None, {endEpoch, endOffset}});
        bench.answer(asked[0].id, response);
        QCOMPARE(bench.position(kFirst), position);
        QCOMPARE(bench.trace.count(kind(LogEvent::OffsetReset), reason(LogReason::LogsParted)),
            reset ? 1U : 0U);
    }

    void aFencedEpochWaitsForMetadataBeforeItFetchesOn()
    {
        Bench bench;
        bench.give(kFirst, 0, 4);
        QCOMPARE(bench.poll().size(), 4U);
        bench.advance(200ms);
        FetchResponse::Partition fenced;
        fenced.error = ErrorCode::FencedLeaderEpoch;
        bench.answerFetch(kFirst, fenced);
        QCOMPARE(bench.take<FetchRequest>().size(), 0U);
        bench.epoch = 4; // the same leader, elected again
        bench.advance(200ms);
        QCOMPARE(bench.take<OffsetForLeaderEpochRequest>().at(0).broker.value(), 1);
    }

    void withoutAResetPolicyATruncatedPositionStops()
    {
        ConsumerConfig config = Bench::settings();
        config.autoOffsetReset = OffsetReset::None;
        Bench bench(config);
        bench.give(kFirst, 0, 4);
        QCOMPARE(bench.poll().size(), 4U);
        bench.leaders = {2, 2};
        bench.epoch = 4;
        bench.lose(1);
        bench.advance(200ms);
        const auto asked = bench.take<OffsetForLeaderEpochRequest>();
        OffsetForLeaderEpochResponse response;
        response.partitions.push_back({kFirst, ErrorCode::None, {3, 2}});
        bench.answer(asked.at(0).id, response);
        QCOMPARE(bench.position(kFirst), -1);
        bench.advance(5s);
        QCOMPARE(bench.take<ListOffsetsRequest>().size(), 0U);
    }

    void aPausedPartitionGivesNothingUntilItIsResumed()
    {
        Bench bench;
        bench.give(kFirst, 0, 3);
        bench.consumer.pause(kFirst);
        QVERIFY(!bench.consumer.hasRecords());
        QCOMPARE(bench.poll().size(), 0U);
        Context context = bench.context();
        bench.consumer.resume(kFirst, context, bench.effects);
        QVERIFY(bench.consumer.hasRecords());
        QCOMPARE(bench.poll().size(), 3U);
    }

    void whatIsGivenBackIsHandedOutAgain()
    {
        Bench bench;
        bench.give(kFirst, 0, 3);
        QCOMPARE(bench.poll().size(), 3U);
        bench.consumer.giveBack(kFirst, 1);
        QCOMPARE(bench.position(kFirst), 1);
        bench.give(kFirst, 3, 1); // was asked for before: of no use now
        QCOMPARE(bench.poll().size(), 0U);
        bench.give(kFirst, 1, 2);
        QCOMPARE(bench.poll().size(), 2U);
        QCOMPARE(bench.position(kFirst), 3);
    }

    void aRevokedPartitionTellsWhatWasNotCommitted()
    {
        Bench bench;
        bench.give(kFirst, 0, 3);
        QCOMPARE(bench.poll().size(), 3U);
        Context context = bench.context();
        bench.consumer.close(context, bench.effects);
        std::int64_t uncommitted = -1;
        for (std::uint64_t i = bench.trace.first(); i < bench.trace.end(); ++i) {
            const TraceEvent &event = bench.trace.at(i);
            if (event.kind == kind(LogEvent::PartitionRevoked) && event.item == 3)
                uncommitted = event.count;
        }
        QCOMPARE(uncommitted, 3);
    }
};

QTEST_APPLESS_MAIN(ConsumerTest)
#include "tst_consumer.moc"
