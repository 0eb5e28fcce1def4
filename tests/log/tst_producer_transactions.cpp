#include "client_fixture.h"

#include "engine/log/events.h"
#include "engine/log/producer.h"

#include <QTest>

#include <algorithm>

using namespace queuelab;
using namespace queuelab::log;
using namespace queuelab::log::testing;
using namespace std::chrono_literals;

namespace {

using SentBatch = ClientBench::Sent<ProduceRequest>;

constexpr std::int32_t kTransactionCoordinator = 2;
constexpr std::int32_t kGroupCoordinator = 3;
constexpr std::int64_t kProducerId = 7;

/// A transactional producer whose brokers are played by the test: broker 1 leads "orders", broker 2
/// coordinates its transactions, broker 3 the group "billing".
class Bench : public ClientBench {
public:
    explicit Bench(std::int16_t version, ProducerConfig config = settings())
        : producer("shop", std::move(config))
        , m_version(version)
    {
    }
    static ProducerConfig settings()
    {
        ProducerConfig config;
        config.bootstrapServers = {NodeId{1}, NodeId{2}, NodeId{3}};
        config.transactionalId = "shop-1";
        return config;
    }

    void init(std::int16_t epoch = 0)
    {
        Context base = context();
        producer.initTransactions(base, effects);
        answerMetadata();
        answerCoordinator();
        answerInit(ErrorCode::None, epoch);
    }
    void begin()
    {
        Context base = context();
        producer.beginTransaction(base);
    }
    void send(const std::string &value, std::int32_t partition = 0)
    {
        Context base = context();
        producer.send("orders", partition, epochMillis(now), {}, asBytes(value), base, effects);
    }
    void flush()
    {
        Context base = context();
        producer.flush(base, effects);
    }
    void commit()
    {
        Context base = context();
        producer.commitTransaction(base, effects);
    }
    void abort()
    {
        Context base = context();
        producer.abortTransaction(base, effects);
    }
    void sendOffsets(std::int64_t offset)
    {
        Context base = context();
        producer.sendOffsets(
            {{{"orders", 0}, offset}}, {"billing", 4, "member-a", {}}, base, effects);
    }
    void advance(Duration by)
    {
        now += by;
        Context base = context();
        producer.wake(base, effects);
    }
    void lose(std::int32_t broker)
    {
        Context base = context();
        producer.connectionLost(NodeId{broker}, base, effects);
    }
    void apply(RequestId id, const Response &response)
    {
        Context base = context();
        producer.apply(id, response, base, effects);
    }
    void answerMetadata()
    {
        for (const auto &sent : take<MetadataRequest>()) {
            MetadataResponse response;
            response.brokers = {1, 2, 3};
            response.transactionVersion = m_version;
            for (const std::string &topic : *sent.request.topics)
                response.topics.push_back(describeTopic(topic, {1, 1}, 0));
            apply(sent.id, response);
        }
    }
    void answerCoordinator(ErrorCode error = ErrorCode::None)
    {
        for (const auto &sent : take<FindCoordinatorRequest>()) {
            const bool isGroup = sent.request.type == CoordinatorType::Group;
            apply(sent.id,
                FindCoordinatorResponse{
                    error, isGroup ? kGroupCoordinator : kTransactionCoordinator});
        }
    }
    void answerInit(ErrorCode error, std::int16_t epoch)
    {
        for (const auto &sent : take<InitProducerIdRequest>())
            apply(sent.id, InitProducerIdResponse{error, kProducerId, epoch});
    }
    void answerAddPartitions(ErrorCode error)
    {
        for (const auto &sent : take<AddPartitionsToTxnRequest>()) {
            AddPartitionsToTxnResponse response;
            for (const TopicPartition &partition : sent.request.partitions)
                response.partitions.push_back({partition, error});
            apply(sent.id, response);
        }
    }
    void answer(const SentBatch &sent, ErrorCode error)
    {
        ProduceResponse response;
        for (const ProduceRequest::Partition &batch : sent.request.partitions)
            response.partitions.push_back({batch.partition, error, 0, -1, 0, {}});
        apply(sent.id, response);
    }
    void answerProduce(ErrorCode error = ErrorCode::None)
    {
        for (const SentBatch &sent : take<ProduceRequest>())
            answer(sent, error);
    }
    void answerOffsets(ErrorCode error)
    {
        for (const auto &sent : take<TxnOffsetCommitRequest>()) {
            TxnOffsetCommitResponse response;
            for (const auto &partition : sent.request.partitions)
                response.partitions.push_back({partition.partition, error});
            apply(sent.id, response);
        }
    }
    /// The only EndTxn that is out; answered.
    EndTxnRequest answerEnd(ErrorCode error, std::int16_t nextEpoch = -1)
    {
        const auto sent = take<EndTxnRequest>();
        invariant(sent.size() == 1, "one EndTxn is out");
        apply(sent[0].id,
            EndTxnResponse{error, nextEpoch < 0 ? std::int64_t{-1} : kProducerId, nextEpoch});
        return sent[0].request;
    }
    std::vector<Delivery> deliveries()
    {
        std::vector<Delivery> taken;
        producer.takeDeliveries(taken);
        return taken;
    }
    std::uint64_t count(LogEvent event) const { return trace.count(kind(event)); }
    TransactionStatus status() const { return producer.transactionStatus(); }

    Producer producer;

private:
    std::int16_t m_version;
};

/// One that is ready, and knows the topic.
class ReadyBench : public Bench {
public:
    explicit ReadyBench(std::int16_t version)
        : Bench(version)
    {
        init();
        begin();
        send("learn");
        answerMetadata();
        abort();
        answerAddPartitions(ErrorCode::None);
        for (const auto &end : take<EndTxnRequest>())
            apply(end.id, EndTxnResponse{ErrorCode::None, kProducerId, 0});
        deliveries();
    }
};

BatchHeader headerOf(const SentBatch &sent, std::size_t partition = 0)
{
    return *checkBatch(sent.request.partitions.at(partition).records.view());
}

} // namespace

class TstProducerTransactions : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theCoordinatorGivesTheProducerIdAndItsEpoch()
    {
        Bench bench(2);
        Context base = bench.context();
        bench.producer.initTransactions(base, bench.effects);
        bench.answerMetadata();
        const auto find = bench.take<FindCoordinatorRequest>();
        QCOMPARE(find.size(), 1U);
        QCOMPARE(find[0].request.key, "shop-1");
        QCOMPARE(find[0].request.type, CoordinatorType::Transaction);
        bench.apply(find[0].id, FindCoordinatorResponse{ErrorCode::None, kTransactionCoordinator});

        const auto init = bench.take<InitProducerIdRequest>();
        QCOMPARE(init.size(), 1U);
        QCOMPARE(init[0].broker, NodeId{kTransactionCoordinator});
        QCOMPARE(init[0].request.transactionalId, std::optional<std::string>("shop-1"));
        QCOMPARE(init[0].request.transactionTimeout, std::chrono::milliseconds{60'000});
        QCOMPARE(init[0].request.producerId, -1);
        QCOMPARE(bench.status(), TransactionStatus::Uninitialized);
        bench.apply(init[0].id, InitProducerIdResponse{ErrorCode::None, kProducerId, 3});
        QCOMPARE(bench.status(), TransactionStatus::Ready);
        QCOMPARE(bench.producer.producerId(), kProducerId);
        QCOMPARE(bench.producer.producerEpoch(), std::int16_t{3});
    }

    void initWaitsForTheTransactionOfItsPredecessorToEnd()
    {
        Bench bench(2);
        Context base = bench.context();
        bench.producer.initTransactions(base, bench.effects);
        bench.answerMetadata();
        bench.answerCoordinator();
        for (const ErrorCode error :
            {ErrorCode::ConcurrentTransactions, ErrorCode::CoordinatorLoadInProgress}) {
            bench.answerInit(error, 0);
            QVERIFY(bench.take<InitProducerIdRequest>().empty());
            bench.now += 100ms;
            bench.advance(0ms);
        }
        bench.answerInit(ErrorCode::None, 1);
        QCOMPARE(bench.status(), TransactionStatus::Ready);
    }

    void aCoordinatorThatMovedIsLookedUpAgain()
    {
        Bench bench(2);
        Context base = bench.context();
        bench.producer.initTransactions(base, bench.effects);
        bench.answerMetadata();
        bench.answerCoordinator(ErrorCode::CoordinatorNotAvailable);
        bench.advance(100ms);
        bench.answerCoordinator();
        bench.answerInit(ErrorCode::NotCoordinator, 0);
        bench.advance(100ms);
        QVERIFY(bench.take<InitProducerIdRequest>().empty());
        bench.answerCoordinator();
        bench.answerInit(ErrorCode::None, 1);
        QCOMPARE(bench.status(), TransactionStatus::Ready);
    }

    void versionTwoLetsThePartitionsLeaderAddIt()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.send("a");
        bench.flush();
        QVERIFY(bench.take<AddPartitionsToTxnRequest>().empty());
        const auto sent = bench.take<ProduceRequest>();
        QCOMPARE(sent.size(), 1U);
        QVERIFY(sent[0].request.addsPartitionsToTxn);
        QCOMPARE(sent[0].request.transactionalId, std::optional<std::string>("shop-1"));
        const BatchHeader header = headerOf(sent[0]);
        QVERIFY(header.isTransactional());
        QCOMPARE(header.producerId, kProducerId);
        QCOMPARE(header.baseSequence, 0);
    }

    void versionOneAddsAPartitionBeforeItsFirstBatchIsSent()
    {
        ReadyBench bench(1);
        bench.begin();
        bench.send("a");
        bench.flush();
        QVERIFY(bench.take<ProduceRequest>().empty());
        const auto add = bench.take<AddPartitionsToTxnRequest>();
        QCOMPARE(add.size(), 1U);
        QCOMPARE(add[0].broker, NodeId{kTransactionCoordinator});
        QCOMPARE(add[0].request.partitions, (std::vector<TopicPartition>{{"orders", 0}}));
        QVERIFY(!add[0].request.fromBroker);

        // The transaction before may still be ending: asked again sooner than other things.
        bench.apply(add[0].id,
            AddPartitionsToTxnResponse{{{{"orders", 0}, ErrorCode::ConcurrentTransactions}}});
        bench.advance(19ms);
        QVERIFY(bench.take<AddPartitionsToTxnRequest>().empty());
        bench.advance(1ms);
        bench.answerAddPartitions(ErrorCode::None);
        const auto sent = bench.take<ProduceRequest>();
        QCOMPARE(sent.size(), 1U);
        QVERIFY(!sent[0].request.addsPartitionsToTxn);
        QVERIFY(headerOf(sent[0]).isTransactional());

        // The second batch needs no leave any more, another partition does.
        bench.send("b");
        bench.flush();
        QCOMPARE(bench.take<ProduceRequest>().size(), 1U);
        bench.send("c", 1);
        bench.flush();
        QVERIFY(bench.take<ProduceRequest>().empty());
        QCOMPARE(bench.take<AddPartitionsToTxnRequest>().at(0).request.partitions,
            (std::vector<TopicPartition>{{"orders", 1}}));
    }

    void commitSendsEverythingFirst()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.send("a");
        bench.commit();
        QCOMPARE(bench.status(), TransactionStatus::Ending);
        QVERIFY(bench.take<EndTxnRequest>().empty());
        bench.answerProduce();
        const EndTxnRequest end = bench.answerEnd(ErrorCode::None, 1);
        QVERIFY(end.committed);
        QVERIFY(end.bumpsEpoch);
        QCOMPARE(end.producerEpoch, std::int16_t{0});
        QCOMPARE(bench.status(), TransactionStatus::Ready);
        QCOMPARE(bench.producer.producerEpoch(), std::int16_t{1});
        QCOMPARE(bench.count(LogEvent::TransactionEnded), 2U); // one more in ready()

        // The next one counts from 0 under its own epoch.
        bench.begin();
        bench.send("b");
        bench.flush();
        const BatchHeader header = headerOf(bench.take<ProduceRequest>().at(0));
        QCOMPARE(header.producerEpoch, std::int16_t{1});
        QCOMPARE(header.baseSequence, 0);
    }

    void versionOneGoesOnInItsEpoch()
    {
        ReadyBench bench(1);
        for (int sequence = 0; sequence < 3; ++sequence) {
            bench.begin();
            bench.send("a");
            bench.commit();
            bench.answerAddPartitions(ErrorCode::None);
            const auto sent = bench.take<ProduceRequest>();
            QCOMPARE(headerOf(sent.at(0)).baseSequence, sequence);
            QCOMPARE(headerOf(sent.at(0)).producerEpoch, std::int16_t{0});
            bench.answer(sent[0], ErrorCode::None);
            QVERIFY(!bench.answerEnd(ErrorCode::None).bumpsEpoch);
            QCOMPARE(bench.status(), TransactionStatus::Ready);
        }
    }

    void aTransactionWithNothingInItIsNobodysBusiness()
    {
        for (const std::int16_t version : {std::int16_t{1}, std::int16_t{2}}) {
            ReadyBench bench(version);
            bench.begin();
            bench.commit();
            QCOMPARE(bench.status(), TransactionStatus::Ready);
            QVERIFY(bench.take<EndTxnRequest>().empty());
        }
    }

    void abortDropsWhatWasNotSentAndWaitsForWhatWas()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.send("sent");
        bench.flush();
        const auto sent = bench.take<ProduceRequest>();
        bench.send("not sent");
        bench.abort();
        const auto dropped = bench.deliveries();
        QCOMPARE(dropped.size(), 1U);
        QCOMPARE(dropped[0].error, ErrorCode::OperationNotAttempted);
        QVERIFY(bench.take<EndTxnRequest>().empty());
        bench.answer(sent.at(0), ErrorCode::None);
        QVERIFY(!bench.answerEnd(ErrorCode::None, 1).committed);
        QCOMPARE(bench.status(), TransactionStatus::Ready);
        QCOMPARE(bench.producer.status().bufferedRecords, 0);
        QCOMPARE(bench.producer.status().bufferedBytes, 0);
    }

    void offsetsGoToTheGroupsCoordinator()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.sendOffsets(12);
        const auto find = bench.take<FindCoordinatorRequest>();
        QCOMPARE(find.size(), 1U);
        QCOMPARE(find[0].request.key, "billing");
        QCOMPARE(find[0].request.type, CoordinatorType::Group);
        bench.apply(find[0].id, FindCoordinatorResponse{ErrorCode::None, kGroupCoordinator});
        bench.commit();
        QVERIFY(bench.take<EndTxnRequest>().empty());
        const auto sent = bench.take<TxnOffsetCommitRequest>();
        QCOMPARE(sent.size(), 1U);
        QCOMPARE(sent[0].broker, NodeId{kGroupCoordinator});
        QCOMPARE(sent[0].request.group, "billing");
        QCOMPARE(sent[0].request.generation, 4);
        QCOMPARE(sent[0].request.memberId, "member-a");
        QCOMPARE(sent[0].request.partitions.at(0).committedOffset, 12);
        QVERIFY(sent[0].request.addsPartitionsToTxn);
        bench.apply(sent[0].id, TxnOffsetCommitResponse{{{{"orders", 0}, ErrorCode::None}}});
        QVERIFY(bench.answerEnd(ErrorCode::None, 1).committed);
    }

    void versionOneAddsTheGroupFirst()
    {
        ReadyBench bench(1);
        bench.begin();
        bench.sendOffsets(12);
        const auto add = bench.take<AddOffsetsToTxnRequest>();
        QCOMPARE(add.size(), 1U);
        QCOMPARE(add[0].broker, NodeId{kTransactionCoordinator});
        QCOMPARE(add[0].request.group, "billing");
        bench.apply(add[0].id, AddOffsetsToTxnResponse{});
        bench.answerCoordinator();
        const auto sent = bench.take<TxnOffsetCommitRequest>();
        QCOMPARE(sent.size(), 1U);
        QVERIFY(!sent[0].request.addsPartitionsToTxn);
    }

    void offsetsAreTriedAgainUntilTheGroupTakesThem()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.sendOffsets(12);
        bench.answerCoordinator();
        bench.answerOffsets(ErrorCode::CoordinatorLoadInProgress);
        bench.advance(100ms);
        bench.answerOffsets(ErrorCode::NotCoordinator);
        bench.advance(100ms);
        QVERIFY(bench.take<TxnOffsetCommitRequest>().empty());
        bench.answerCoordinator();
        bench.commit();
        bench.answerOffsets(ErrorCode::None);
        QVERIFY(bench.answerEnd(ErrorCode::None, 1).committed);
    }

    void endIsTriedAgainWhereverTheCoordinatorIsThen()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.send("a");
        bench.commit();
        bench.answerProduce();
        bench.answerEnd(ErrorCode::ConcurrentTransactions);
        bench.advance(100ms);
        bench.answerEnd(ErrorCode::NotCoordinator);
        bench.advance(100ms);
        bench.answerCoordinator();
        QCOMPARE(bench.take<EndTxnRequest>().size(), 1U);
        bench.lose(kTransactionCoordinator); // nobody knows whether it heard that
        bench.advance(100ms);
        bench.answerMetadata();
        bench.answerCoordinator();
        bench.answerEnd(ErrorCode::None, 1);
        QCOMPARE(bench.status(), TransactionStatus::Ready);
    }

    void aCoordinatorThatIsSilentIsGivenUpAfterRequestTimeout()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.send("a");
        bench.commit();
        bench.answerProduce();
        QCOMPARE(bench.take<EndTxnRequest>().size(), 1U);
        bench.advance(30s);
        bench.advance(100ms);
        bench.answerMetadata();
        bench.answerCoordinator();
        bench.answerEnd(ErrorCode::None, 1);
        QCOMPARE(bench.status(), TransactionStatus::Ready);
    }

    void errorsOfTheCoordinator_data()
    {
        QTest::addColumn<ErrorCode>("error");
        QTest::addColumn<ErrorCode>("becomes");
        QTest::newRow("fenced") << ErrorCode::ProducerFenced << ErrorCode::ProducerFenced;
        QTest::newRow("old epoch") << ErrorCode::InvalidProducerEpoch << ErrorCode::ProducerFenced;
        QTest::newRow("no such transaction")
            << ErrorCode::InvalidTxnState << ErrorCode::InvalidTxnState;
        QTest::newRow("another id")
            << ErrorCode::InvalidProducerIdMapping << ErrorCode::InvalidProducerIdMapping;
    }
    void errorsOfTheCoordinator()
    {
        QFETCH(const ErrorCode, error);
        QFETCH(const ErrorCode, becomes);
        ReadyBench bench(2);
        bench.begin();
        bench.send("a");
        bench.commit();
        bench.answerProduce();
        bench.answerEnd(error);
        QCOMPARE(bench.status(), TransactionStatus::FatalError);
        QCOMPARE(bench.producer.transactionError(), becomes);
        bench.advance(60s);
        QVERIFY(bench.take<EndTxnRequest>().empty());
    }

    void aBatchThatFailsKeepsTheTransactionFromCommitting_data()
    {
        QTest::addColumn<int>("version");
        QTest::addColumn<ErrorCode>("error");
        for (const int version : {1, 2}) {
            for (const ErrorCode error : {ErrorCode::InvalidTxnState, ErrorCode::InvalidRecord,
                     ErrorCode::InvalidProducerEpoch, ErrorCode::TransactionAbortable,
                     ErrorCode::OutOfOrderSequenceNumber}) {
                QTest::addRow("%s, version %d", std::string(errorName(error)).c_str(), version)
                    << version << error;
            }
        }
    }
    void aBatchThatFailsKeepsTheTransactionFromCommitting()
    {
        QFETCH(const int, version);
        QFETCH(const ErrorCode, error);
        ReadyBench bench(static_cast<std::int16_t>(version));
        bench.begin();
        bench.send("a");
        bench.commit();
        bench.answerAddPartitions(ErrorCode::None);
        bench.answerProduce(error);
        QCOMPARE(bench.status(), TransactionStatus::AbortableError);
        QCOMPARE(bench.producer.transactionError(), error);
        QVERIFY(bench.take<EndTxnRequest>().empty());
        QCOMPARE(bench.deliveries().at(0).error, error);

        bench.abort();
        QVERIFY(!bench.answerEnd(ErrorCode::None, version == 2 ? 1 : -1).committed);
        if (version == 1) {
            // A sequence was used up that is in no log: a new epoch is asked for, with the old one.
            QCOMPARE(bench.status(), TransactionStatus::Ending);
            const auto init = bench.take<InitProducerIdRequest>();
            QCOMPARE(init.size(), 1U);
            QCOMPARE(init[0].request.producerId, kProducerId);
            QCOMPARE(init[0].request.producerEpoch, std::int16_t{0});
            bench.apply(init[0].id, InitProducerIdResponse{ErrorCode::None, kProducerId, 1});
        }
        QCOMPARE(bench.status(), TransactionStatus::Ready);
        QCOMPARE(bench.producer.transactionError(), ErrorCode::None);
        QCOMPARE(bench.producer.producerEpoch(), std::int16_t{1});
        bench.begin();
        bench.send("b");
        bench.flush();
        bench.answerAddPartitions(ErrorCode::None);
        const BatchHeader header = headerOf(bench.take<ProduceRequest>().at(0));
        QCOMPARE(header.producerEpoch, std::int16_t{1});
        QCOMPARE(header.baseSequence, 0);
    }

    void whatFollowsAFailedBatchIsNotTriedForever()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.send("a");
        bench.flush();
        bench.send("b");
        bench.flush();
        const auto sent = bench.take<ProduceRequest>();
        QCOMPARE(sent.size(), 2U);
        bench.answer(sent[0], ErrorCode::InvalidRecord);
        bench.answer(sent[1], ErrorCode::OutOfOrderSequenceNumber);
        QCOMPARE(bench.status(), TransactionStatus::AbortableError);
        QCOMPARE(bench.producer.status().inFlightRecords, 0);
        QCOMPARE(bench.producer.status().bufferedRecords, 0);
    }

    void aFencedProducerSendsNothingMore()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.send("a");
        bench.flush();
        const auto sent = bench.take<ProduceRequest>();
        bench.send("b");
        bench.send("c", 1);
        bench.answer(sent.at(0), ErrorCode::ProducerFenced);
        QCOMPARE(bench.status(), TransactionStatus::FatalError);
        QVERIFY(bench.take<ProduceRequest>().empty());
        const auto failed = bench.deliveries();
        QCOMPARE(failed.size(), 3U);
        QVERIFY(std::ranges::all_of(failed,
            [](const Delivery &delivery) { return delivery.error == ErrorCode::ProducerFenced; }));
        QCOMPARE(bench.producer.status().bufferedBytes, 0);
        bench.advance(60s);
        QVERIFY(bench.take<EndTxnRequest>().empty());
        QVERIFY(bench.take<ProduceRequest>().empty());
    }

    void aMemberThatTheGroupHasLostAborts_data()
    {
        QTest::addColumn<ErrorCode>("error");
        QTest::newRow("unknown member") << ErrorCode::UnknownMemberId;
        QTest::newRow("old generation") << ErrorCode::IllegalGeneration;
        QTest::newRow("another has its instance id") << ErrorCode::FencedInstanceId;
        QTest::newRow("abortable") << ErrorCode::TransactionAbortable;
    }
    void aMemberThatTheGroupHasLostAborts()
    {
        QFETCH(const ErrorCode, error);
        ReadyBench bench(2);
        bench.begin();
        bench.sendOffsets(12);
        bench.answerCoordinator();
        bench.commit();
        bench.answerOffsets(error);
        QCOMPARE(bench.status(), TransactionStatus::AbortableError);
        QCOMPARE(bench.producer.transactionError(), error);
        bench.abort();
        QVERIFY(!bench.answerEnd(ErrorCode::None, 1).committed);
        QCOMPARE(bench.status(), TransactionStatus::Ready);
    }

    void aPartitionThatCannotBeAddedAborts()
    {
        ReadyBench bench(1);
        bench.begin();
        bench.send("a");
        bench.flush();
        bench.answerAddPartitions(ErrorCode::TransactionAbortable);
        QCOMPARE(bench.status(), TransactionStatus::AbortableError);
        QCOMPARE(bench.deliveries().at(0).error, ErrorCode::TransactionAbortable);
        bench.abort();
        // The coordinator knows of no transaction.
        QVERIFY(bench.take<EndTxnRequest>().empty());
        QCOMPARE(bench.status(), TransactionStatus::Ready);
    }

    void abortSettlesAPartitionThatMayHaveBeenAdded()
    {
        ReadyBench bench(1);
        bench.begin();
        bench.send("a");
        bench.flush();
        QCOMPARE(bench.take<AddPartitionsToTxnRequest>().size(), 1U);
        bench.abort();
        bench.lose(kTransactionCoordinator);
        bench.advance(100ms);
        bench.answerMetadata();
        bench.answerCoordinator();
        bench.answerAddPartitions(ErrorCode::None);
        QVERIFY(!bench.answerEnd(ErrorCode::None).committed);
        QCOMPARE(bench.status(), TransactionStatus::Ready);
    }

    void aRecordThatIsTooLargeFailsTheTransaction()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.send(std::string(2'000'000, 'x'));
        QCOMPARE(bench.status(), TransactionStatus::AbortableError);
        QCOMPARE(bench.producer.transactionError(), ErrorCode::MessageTooLarge);
    }

    void deliveryTimeoutFailsTheTransaction()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.send("a");
        bench.flush();
        QCOMPARE(bench.take<ProduceRequest>().size(), 1U);
        bench.advance(120s);
        QCOMPARE(bench.status(), TransactionStatus::AbortableError);
        QCOMPARE(bench.producer.transactionError(), ErrorCode::RequestTimedOut);
    }

    void aNewLifeAsksForItsEpochAgain()
    {
        ReadyBench bench(2);
        bench.begin();
        bench.send("a");
        bench.producer.crash();
        QCOMPARE(bench.status(), TransactionStatus::Uninitialized);
        bench.init(5);
        QCOMPARE(bench.status(), TransactionStatus::Ready);
        QCOMPARE(bench.producer.producerEpoch(), std::int16_t{5});
    }
};

QTEST_APPLESS_MAIN(TstProducerTransactions)
#include "tst_producer_transactions.moc"
