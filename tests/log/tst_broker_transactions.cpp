#include <QtTest>

#include "engine/log/events.h"
#include "log_transaction_fixture.h"
#include "log_world.h"

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::LogWorld;

namespace {

const TopicPartition kOrders{"orders", 0};
constexpr std::uint32_t kProducer = LogWorld::kHand;

/// One broker that asks no coordinator, with the topic "orders".
class Leader : public LogWorld {
public:
    explicit Leader(PlantedBug bug = PlantedBug::None)
        : LogWorld(withoutVerification(bug))
    {
        CreateTopicsRequest request;
        request.topics.push_back({.name = "orders"});
        askFor<CreateTopicsResponse>(request);
    }

    ProduceRequest request(Bytes batch, std::optional<std::string> transactionalId = "pay")
    {
        ProduceRequest wanted;
        wanted.transactionalId = std::move(transactionalId);
        wanted.partitions.push_back({kOrders, SharedBytes(std::move(batch))});
        return wanted;
    }
    /// "0", or the error's name.
    std::string produce(Bytes batch, std::optional<std::string> transactionalId = "pay")
    {
        const auto answer = std::get<ProduceResponse>(
            *ask(request(std::move(batch), std::move(transactionalId)), kProducer, "shop"))
                                .partitions.at(0);
        return answer.error == ErrorCode::None ? std::to_string(answer.baseOffset)
                                               : std::string(errorName(answer.error));
    }
    static WriteTxnMarkersRequest marker(std::int64_t producerId, bool committed,
        std::int16_t epoch = 0, std::vector<TopicPartition> partitions = {kOrders})
    {
        WriteTxnMarkersRequest wanted;
        wanted.markers.push_back({.producerId = producerId,
            .producerEpoch = epoch,
            .committed = committed,
            .coordinatorEpoch = 0,
            .transactionVersion = 1,
            .partitions = std::move(partitions)});
        return wanted;
    }
    ErrorCode end(std::int64_t producerId, bool committed, std::int16_t epoch = 0)
    {
        return askAsPeer<WriteTxnMarkersResponse>(marker(producerId, committed, epoch))
            .markers.at(0)
            .partitions.at(0)
            .error;
    }

    static FetchRequest fetchRequest(std::int64_t from, IsolationLevel isolation,
        std::int32_t minBytes = 1, std::chrono::milliseconds maxWait = 500ms)
    {
        FetchRequest wanted{.isolation = isolation, .maxWait = maxWait, .minBytes = minBytes};
        wanted.partitions.push_back({kOrders, from});
        return wanted;
    }
    FetchResponse::Partition fetch(
        std::int64_t from, IsolationLevel isolation = IsolationLevel::ReadCommitted)
    {
        return askFor<FetchResponse>(fetchRequest(from, isolation, 1, 0ms)).partitions.at(0);
    }
    /// A fetch that waits; its answer is taken with answerTo().
    RequestId wait(std::int64_t from, IsolationLevel isolation = IsolationLevel::ReadCommitted,
        std::int32_t minBytes = 1)
    {
        invariant(!ask(fetchRequest(from, isolation, minBytes)).has_value(), "the fetch waits");
        return lastRequest;
    }
    /// What it read, "-" when it waits on.
    std::string answerTo(RequestId fetch)
    {
        const auto answer = takeAnswer(fetch);
        return answer ? offsetsOf(std::get<FetchResponse>(*answer).partitions.at(0)) : "-";
    }
    static std::string offsetsOf(const FetchResponse::Partition &partition)
    {
        Bytes bytes;
        for (const SharedBytes &piece : partition.records)
            bytes.insert(bytes.end(), piece.view().begin(), piece.view().end());
        return offsetsIn(bytes);
    }
    static std::string abortedOf(const FetchResponse::Partition &partition)
    {
        std::string text;
        for (const auto &one : partition.abortedTransactions) {
            text += (text.empty() ? "" : " ") + std::to_string(one.producerId) + '@'
                + std::to_string(one.firstOffset);
        }
        return text;
    }
    ListOffsetsResponse::Partition list(std::int64_t timestamp, IsolationLevel isolation)
    {
        ListOffsetsRequest wanted{.isolation = isolation};
        wanted.partitions.push_back({kOrders, timestamp});
        return askFor<ListOffsetsResponse>(wanted).partitions.at(0);
    }

    /// The events of this kind, newest last, as "item/count/value".
    std::vector<std::string> events(LogEvent event)
    {
        std::vector<std::string> found;
        for (std::uint64_t next = trace().first(); next < trace().end(); ++next) {
            const TraceEvent &one = trace().at(next);
            if (one.kind == kind(event)) {
                found.push_back(std::to_string(one.item) + '/' + std::to_string(one.count) + '/'
                    + std::to_string(one.value));
            }
        }
        return found;
    }

private:
    static BrokerConfig withoutVerification(PlantedBug bug)
    {
        BrokerConfig config;
        config.transactionPartitionVerification = false;
        config.plantedBug = bug;
        return config;
    }
};

Bytes plain(std::size_t count = 1)
{
    return batchAt(std::vector<std::int64_t>(count, epochMillis(kVirtualStart)));
}

using Strings = std::vector<std::string>;

} // namespace

class BrokerTransactionsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void committedReadersStopAtTheLastStableOffset()
    {
        Leader leader;
        leader.produce(plain(2), {}); // 0, 1
        leader.produce(inTransaction(7, 0, 0, 2)); // 2, 3
        leader.produce(plain(), {}); // 4
        auto committed = leader.fetch(0);
        QCOMPARE(Leader::offsetsOf(committed), std::string("0-1"));
        QCOMPARE(committed.lastStableOffset, 2);
        QCOMPARE(committed.highWatermark, 5);
        QCOMPARE(Leader::abortedOf(committed), std::string());
        const auto all = leader.fetch(0, IsolationLevel::ReadUncommitted);
        QCOMPARE(Leader::offsetsOf(all), std::string("0-1 2-3 4-4"));
        QCOMPARE(all.lastStableOffset, 2);
        QCOMPARE(Leader::offsetsOf(leader.fetch(3)), std::string());

        QCOMPARE(leader.end(7, false), ErrorCode::None); // 5
        committed = leader.fetch(0);
        QCOMPARE(Leader::offsetsOf(committed), std::string("0-1 2-3 4-4 5-5"));
        QCOMPARE(Leader::abortedOf(committed), std::string("7@2"));
        QCOMPARE(committed.lastStableOffset, 6);
        QCOMPARE(
            Leader::abortedOf(leader.fetch(0, IsolationLevel::ReadUncommitted)), std::string());
    }
    void aCommittedReaderWaitsForTheDecision()
    {
        Leader leader;
        leader.produce(inTransaction(7, 0, 0)); // 0
        const RequestId committed = leader.wait(0);
        const RequestId all = leader.wait(1, IsolationLevel::ReadUncommitted);
        leader.produce(plain(), {}); // 1
        QCOMPARE(leader.answerTo(all), std::string("1-1"));
        QCOMPARE(leader.answerTo(committed), std::string("-"));
        leader.end(7, true); // 2
        QCOMPARE(leader.answerTo(committed), std::string("0-0 1-1 2-2"));
    }
    void withoutTransactionsACommittedReaderWaitsAsOthersDo()
    {
        Leader leader;
        const auto size = std::int32_t(plain().size());
        const RequestId committed = leader.wait(0, IsolationLevel::ReadCommitted, 2 * size);
        leader.produce(plain(), {});
        QCOMPARE(leader.answerTo(committed), std::string("-"));
        leader.produce(plain(), {});
        QCOMPARE(leader.answerTo(committed), std::string("0-0 1-1"));
        QCOMPARE(leader.events(LogEvent::LastStableOffsetMoved), Strings());
    }
    void aDecisionThatBringsTooLittleWakesNobody()
    {
        Leader leader;
        const auto size = std::int32_t(inTransaction(7, 0, 0).size());
        leader.produce(inTransaction(7, 0, 0)); // 0
        leader.produce(inTransaction(8, 0, 0)); // 1
        const RequestId committed = leader.wait(0, IsolationLevel::ReadCommitted, 2 * size);
        leader.end(7, true); // 2; the last stable offset is 1
        QCOMPARE(leader.answerTo(committed), std::string("-"));
        leader.end(8, true);
        QCOMPARE(leader.answerTo(committed), std::string("0-0 1-1 2-2 3-3"));
        leader.run(1s);
        QCOMPARE(leader.events(LogEvent::RecordsFetched).size(), std::size_t{1});
    }
    void aWaitThatEndsBringsWhatIsStable()
    {
        Leader leader;
        leader.produce(inTransaction(7, 0, 0));
        const RequestId committed = leader.wait(0);
        leader.run(1s);
        QCOMPARE(leader.answerTo(committed), std::string());
    }
    void offsetsAreListedByIsolation()
    {
        Leader leader;
        const std::int64_t t = epochMillis(kVirtualStart);
        leader.produce(batchAt({t, t + 10}), {}); // 0, 1
        BatchBuilder builder;
        builder.setProducer(7, 0, 0);
        builder.setTransactional(true);
        builder.append(t + 20, std::nullopt, asBytes("v"));
        const ByteView batch = builder.finish();
        leader.produce(Bytes(batch.begin(), batch.end())); // 2
        const auto committed = IsolationLevel::ReadCommitted;
        const auto uncommitted = IsolationLevel::ReadUncommitted;
        QCOMPARE(leader.list(ListOffsetsRequest::kLatest, committed).offset, 2);
        QCOMPARE(leader.list(ListOffsetsRequest::kLatest, uncommitted).offset, 3);
        QCOMPARE(leader.list(t + 10, committed).offset, 1);
        QCOMPARE(leader.list(t + 11, committed).offset, -1);
        QCOMPARE(leader.list(t + 11, uncommitted).offset, 2);
        QCOMPARE(leader.list(ListOffsetsRequest::kMaxTimestamp, uncommitted).offset, 2);
        QCOMPARE(leader.list(ListOffsetsRequest::kMaxTimestamp, committed).offset, -1);
        QCOMPARE(leader.list(ListOffsetsRequest::kEarliest, committed).offset, 0);
        leader.end(7, true); // 3
        QCOMPARE(leader.list(ListOffsetsRequest::kLatest, committed).offset, 4);
    }
    void whatHappensIsTold()
    {
        Leader leader;
        leader.produce(plain(), {}); // 0
        leader.produce(inTransaction(7, 0, 0, 2)); // 1, 2
        leader.produce(inTransaction(7, 0, 2)); // 3
        leader.produce(plain(), {}); // 4
        QCOMPARE(leader.events(LogEvent::LastStableOffsetMoved), Strings());
        leader.end(7, true); // 5
        leader.end(8, false); // 6: it wrote nothing here
        leader.produce(plain(), {}); // 7
        QCOMPARE(leader.events(LogEvent::LastStableOffsetMoved), Strings{"6/1/0"});
        QCOMPARE(leader.events(LogEvent::MarkerWritten), (Strings{"5/3/7", "6/0/8"}));
    }
    void aFencedProducerIsTold()
    {
        Leader leader;
        leader.produce(inTransaction(7, 0, 0));
        leader.end(7, false, 1); // by a coordinator that has given its place to another
        QCOMPARE(leader.produce(inTransaction(7, 0, 1)), std::string("INVALID_PRODUCER_EPOCH"));
        QCOMPARE(leader.events(LogEvent::ProducerFenced), Strings{"0/1/47"});
        QCOMPARE(leader.produce(inTransaction(7, 0, 1, 1, false), {}),
            std::string("INVALID_PRODUCER_EPOCH"));
        QCOMPARE(leader.events(LogEvent::ProducerFenced).size(), std::size_t{1});
        QCOMPARE(leader.produce(inTransaction(7, 1, 0)), std::string("2"));
    }
    void badTransactionalRequestsAreRefused()
    {
        Leader leader;
        QCOMPARE(leader.produce(inTransaction(7, 0, 0), {}),
            std::string("TRANSACTIONAL_ID_AUTHORIZATION_FAILED"));
        ProduceRequest two = leader.request(inTransaction(7, 0, 0));
        two.partitions.push_back({kOrders, SharedBytes(inTransaction(8, 0, 0))});
        const auto answer = leader.askFor<ProduceResponse>(two);
        for (const auto &partition : answer.partitions)
            QCOMPARE(partition.error, ErrorCode::InvalidProducerIdMapping);
        QCOMPARE(leader.topic("orders").partitions.at(0).logEndOffset, 0);
    }
    void markersAreTheBusinessOfBrokers()
    {
        Leader leader;
        leader.produce(inTransaction(7, 0, 0));
        const auto refused = leader.askFor<WriteTxnMarkersResponse>(Leader::marker(7, true));
        QCOMPARE(refused.markers.at(0).partitions.at(0).error, ErrorCode::InvalidRequest);
        QCOMPARE(leader.topic("orders").partitions.at(0).logEndOffset, 1);
    }
    void eachPartitionOfAMarkerHasItsAnswer()
    {
        Leader leader;
        leader.produce(inTransaction(7, 1, 0));
        WriteTxnMarkersRequest request =
            Leader::marker(7, true, 1, {{"orders", 9}, kOrders, {"nowhere", 0}});
        request.markers.push_back(Leader::marker(7, true, 0).markers.at(0));
        const auto answer = leader.askAsPeer<WriteTxnMarkersResponse>(request);
        QCOMPARE(answer.markers.size(), std::size_t{2});
        const auto &first = answer.markers.at(0).partitions;
        QCOMPARE(first.at(0).error, ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(first.at(1).error, ErrorCode::None);
        QCOMPARE(first.at(2).error, ErrorCode::UnknownTopicOrPartition);
        QVERIFY(first.at(1).partition == kOrders);
        QCOMPARE(answer.markers.at(1).partitions.at(0).error, ErrorCode::InvalidProducerEpoch);
        QVERIFY(
            leader.askAsPeer<WriteTxnMarkersResponse>(WriteTxnMarkersRequest{}).markers.empty());
    }
    void aSnapshotShowsTransactionsAndProducers()
    {
        Leader leader;
        leader.produce(inTransaction(7, 0, 0, 2)); // 0, 1
        leader.produce(inTransaction(8, 0, 0)); // 2
        leader.end(8, false); // 3
        const PartitionSnapshot shown = leader.topic("orders").partitions.at(0);
        QCOMPARE(shown.lastStableOffset, 0);
        QCOMPARE(shown.highWatermark, 4);
        QVERIFY(shown.transactions
            == (std::vector<PartitionTransaction>{{.producerId = 7,
                                                      .producerEpoch = 0,
                                                      .firstOffset = 0,
                                                      .markerOffset = -1,
                                                      .recordCount = 2},
                {.producerId = 8,
                    .producerEpoch = 0,
                    .firstOffset = 2,
                    .markerOffset = 3,
                    .recordCount = 1}}));
        QCOMPARE(shown.producers.size(), std::size_t{2});
        QCOMPARE(shown.producers.at(0).currentTxnFirstOffset, 0);
        QCOMPARE(shown.producers.at(1).currentTxnFirstOffset, -1);
    }
    void anOpenTransactionOutlivesTheBroker_data()
    {
        QTest::addColumn<bool>("inOrder");
        QTest::newRow("stopped") << true;
        QTest::newRow("killed") << false;
    }
    void anOpenTransactionOutlivesTheBroker()
    {
        QFETCH(bool, inOrder);
        Leader leader;
        leader.produce(inTransaction(8, 0, 0)); // 0
        leader.end(8, false); // 1
        leader.produce(inTransaction(7, 0, 0)); // 2
        leader.produce(plain(), {}); // 3
        if (inOrder)
            leader.stopBroker();
        else
            leader.killBroker();
        leader.startBroker();
        leader.run(10s);
        const auto committed = leader.fetch(0);
        QCOMPARE(committed.lastStableOffset, 2);
        QCOMPARE(Leader::offsetsOf(committed), std::string("0-0 1-1"));
        QCOMPARE(Leader::abortedOf(committed), std::string("8@0"));
        leader.end(7, true);
        QCOMPARE(leader.fetch(0).lastStableOffset, 5);
    }

    // Faults of the engine, planted to see that somebody notices.

    void plantedBugsTakeEffect()
    {
        Leader ignored(PlantedBug::LastStableOffsetIgnored);
        ignored.produce(inTransaction(7, 0, 0));
        QCOMPARE(Leader::offsetsOf(ignored.fetch(0)), std::string("0-0"));
        Leader hidden(PlantedBug::AbortedTransactionsHidden);
        hidden.produce(inTransaction(7, 0, 0));
        hidden.end(7, false);
        QCOMPARE(Leader::offsetsOf(hidden.fetch(0)), std::string("0-0 1-1"));
        QCOMPARE(Leader::abortedOf(hidden.fetch(0)), std::string());
        Leader lax(PlantedBug::NoTransactionFencing);
        lax.produce(inTransaction(7, 0, 0));
        lax.end(7, false, 1);
        QCOMPARE(lax.produce(inTransaction(7, 0, 0)), std::string("2"));
    }
};

QTEST_APPLESS_MAIN(BrokerTransactionsTest)
#include "tst_broker_transactions.moc"
