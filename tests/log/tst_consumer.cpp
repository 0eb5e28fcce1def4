#include "client_fixture.h"

#include "engine/log/consumer.h"
#include "engine/log/events.h"

#include <QTest>

#include <algorithm>

using namespace queuelab;
using namespace queuelab::log;
using namespace queuelab::log::testing;
using namespace std::chrono_literals;

namespace {

const TopicPartition kFirst{"orders", 0};
const TopicPartition kSecond{"orders", 1};

SharedBytes batchOf(std::int64_t baseOffset, int records, std::int32_t leaderEpoch)
{
    BatchBuilder builder;
    builder.reset(baseOffset);
    for (int i = 0; i < records; ++i)
        builder.append(0, {}, asBytes(std::to_string(baseOffset + i)));
    Bytes bytes(builder.finish().begin(), builder.finish().end());
    BatchHeader header = *readBatchHeader(bytes);
    header.partitionLeaderEpoch = leaderEpoch; // outside the CRC
    writeBatchHeader(bytes.data(), header);
    return SharedBytes(std::move(bytes));
}

/// A consumer alone in its group, owning both partitions of "orders"; broker 1 is the coordinator
/// and leads the first, broker 2 leads the second. The test answers fetches and commits.
class Bench : public ClientBench {
public:
    explicit Bench(ConsumerConfig config = settings())
        : consumer("worker", std::move(config))
    {
        Context base = context();
        consumer.start(base, effects);
        settle();
        poll();
        settle();
    }

    static ConsumerConfig settings()
    {
        ConsumerConfig config;
        config.group = "billing";
        config.topics = {"orders"};
        config.enableAutoCommit = false;
        config.autoOffsetReset = OffsetReset::Earliest;
        config.bootstrapServers = {NodeId{1}, NodeId{2}, NodeId{3}};
        return config;
    }

    /// Answers everything that needs no decision of the test.
    void settle()
    {
        for (bool any = true; any;) {
            any = false;
            const auto reply = [&](RequestId id, const Response &response) {
                any = true;
                Context base = context();
                consumer.apply(id, response, base, effects);
            };
            for (const auto &sent : take<MetadataRequest>()) {
                MetadataResponse response;
                response.brokers = {1, 2, 3};
                response.topics.push_back(describeTopic("orders", leaders, epoch));
                reply(sent.id, response);
            }
            for (const auto &sent : take<FindCoordinatorRequest>()) {
                ++coordinatorLookups;
                reply(sent.id, FindCoordinatorResponse{ErrorCode::None, coordinator});
            }
            for (const auto &sent : take<JoinGroupRequest>()) {
                JoinGroupResponse response;
                response.generation = ++generation;
                response.protocolName = sent.request.protocols.front().name;
                response.leader = response.memberId = "me";
                response.members.push_back({"me", {}, sent.request.protocols.front().metadata});
                reply(sent.id, response);
            }
            for (const auto &sent : take<SyncGroupRequest>()) {
                reply(sent.id,
                    SyncGroupResponse{
                        ErrorCode::None, "range", sent.request.assignments.at(0).assignment});
            }
            for (const auto &sent : take<HeartbeatRequest>())
                reply(sent.id, HeartbeatResponse{});
            for (const auto &sent : take<OffsetFetchRequest>()) {
                OffsetFetchResponse response;
                for (const TopicPartition &partition : *sent.request.partitions)
                    response.partitions.push_back({partition, ErrorCode::None, 0, {}});
                reply(sent.id, response);
            }
        }
    }
    void advance(Duration by)
    {
        now += by;
        Context base = context();
        consumer.wake(base, effects);
        settle();
    }
    void lose(std::int32_t broker)
    {
        Context base = context();
        consumer.connectionLost(NodeId{broker}, base, effects);
    }
    void answer(RequestId id, const Response &response)
    {
        Context base = context();
        consumer.apply(id, response, base, effects);
    }
    /// Answers the fetch that asks for `partition`.
    void answerFetch(const TopicPartition &partition, FetchResponse::Partition result)
    {
        for (const auto &sent : take<FetchRequest>()) {
            fetched = sent.request;
            if (sent.request.partitions.front().partition != partition)
                continue;
            result.partition = partition;
            answer(sent.id, FetchResponse{{result}});
        }
    }
    void give(const TopicPartition &partition, std::int64_t offset, int records)
    {
        FetchResponse::Partition result;
        result.records = {batchOf(offset, records, epoch)};
        result.highWatermark = offset + records;
        answerFetch(partition, result);
    }
    std::vector<std::string> poll()
    {
        std::vector<std::string> values;
        Context base = context();
        consumer.poll(base, effects, [&](const TopicPartition &, const RecordView &record) {
            values.emplace_back(asText(*record.value));
        });
        return values;
    }
    void commit()
    {
        Context base = context();
        consumer.commit(base, effects);
    }
    std::int64_t position(const TopicPartition &partition) const
    {
        for (const Consumer::Position &position : consumer.positions()) {
            if (position.partition == partition)
                return position.position;
        }
        return -1;
    }

    Consumer consumer;
    std::vector<std::int32_t> leaders{1, 2};
    std::int32_t epoch = 3;
    std::int32_t coordinator = 1;
    std::int32_t generation = 0;
    int coordinatorLookups = 0;
    FetchRequest fetched;
};

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
