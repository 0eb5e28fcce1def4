// Transactions whose partition changes its leader, against the real coordinator.

#include <QtTest>

#include "log_cluster.h"
#include "log_transaction_fixture.h"

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::LogCluster;

namespace {

const TopicPartition kOrders{"orders", 0};

BrokerConfig settings()
{
    BrokerConfig config;
    config.transactionPartitions = 4;
    return config;
}

/// Five brokers; "orders" lives on 1, 2 and 3, the transactional id on 4 or 5.
class Cluster : public LogCluster {
public:
    Cluster()
        : LogCluster(5, settings())
    {
        invariant(runUntil([this] { return isReady(); }), "the cluster gets ready");
        CreateTopicsRequest request;
        request.topics.push_back({.name = "orders",
            .partitions = -1,
            .replicationFactor = -1,
            .assignments = {{1, 2, 3}}});
        ask<CreateTopicsResponse>(4, request);
        run(1s);
        for (int i = 0; coordinator() < 4; ++i) {
            transactionalId = "pay-" + std::to_string(i);
            run(500ms); // the topic of the coordinators is being made
        }
        runUntil([this] { return init().error == ErrorCode::None; });
        const InitProducerIdResponse initialized = init();
        producerId = initialized.producerId;
        epoch = initialized.producerEpoch;
    }

    std::string transactionalId;
    std::int64_t producerId = -1;
    std::int16_t epoch = -1;

    int coordinator()
    {
        return ask<FindCoordinatorResponse>(
            4, FindCoordinatorRequest{transactionalId, CoordinatorType::Transaction})
            .node;
    }
    ProduceResponse::Partition write(int leader, std::int32_t sequence)
    {
        ProduceRequest request;
        request.transactionalId = transactionalId;
        request.addsPartitionsToTxn = true;
        request.partitions.push_back(
            {kOrders, SharedBytes(inTransaction(producerId, epoch, sequence))});
        return ask<ProduceResponse>(leader, request).partitions.at(0);
    }
    ErrorCode end(bool committed)
    {
        const auto answer = ask<EndTxnResponse>(coordinator(),
            EndTxnRequest{.transactionalId = transactionalId,
                .producerId = producerId,
                .producerEpoch = epoch,
                .committed = committed,
                .bumpsEpoch = true});
        if (answer.error == ErrorCode::None && answer.producerId >= 0) {
            producerId = answer.producerId;
            epoch = answer.producerEpoch;
        }
        return answer.error;
    }
    FetchResponse::Partition read(int leader)
    {
        FetchRequest request{.isolation = IsolationLevel::ReadCommitted, .maxWait = 0ms};
        request.partitions.push_back({kOrders, 0});
        return ask<FetchResponse>(leader, request).partitions.at(0);
    }
    std::string offsetsRead(int leader)
    {
        const FetchResponse::Partition answer = read(leader);
        Bytes bytes;
        for (const SharedBytes &piece : answer.records)
            bytes.insert(bytes.end(), piece.view().begin(), piece.view().end());
        std::string text = offsetsIn(bytes);
        for (const auto &one : answer.abortedTransactions)
            text += ", aborted from " + std::to_string(one.firstOffset);
        return text;
    }
    bool waitForLeader(int leader)
    {
        return runUntil([&] {
            return partition(kOrders).leader == leader
                && read(leader).error != ErrorCode::NotLeaderOrFollower;
        });
    }
    bool waitUntilStable(std::int64_t offset)
    {
        return runUntil([&] { return partition(kOrders).lastStableOffset == offset; });
    }

private:
    InitProducerIdResponse init()
    {
        return ask<InitProducerIdResponse>(
            coordinator(), InitProducerIdRequest{.transactionalId = transactionalId});
    }
};

} // namespace

class TransactionFailoverTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theNewLeaderGoesOnWithTheTransaction_data()
    {
        QTest::addColumn<bool>("committed");
        QTest::addColumn<QByteArray>("first");
        QTest::addColumn<QByteArray>("last");
        QTest::newRow("commit") << true << QByteArray("0-0 1-1 2-2")
                                << QByteArray("0-0 1-1 2-2 3-3 4-4");
        QTest::newRow("abort") << false << QByteArray("0-0 1-1 2-2, aborted from 0")
                               << QByteArray("0-0 1-1 2-2 3-3 4-4, aborted from 0");
    }
    void theNewLeaderGoesOnWithTheTransaction()
    {
        QFETCH(bool, committed);
        QFETCH(QByteArray, first);
        QFETCH(QByteArray, last);
        Cluster cluster;
        QCOMPARE(cluster.write(1, 0).error, ErrorCode::None);
        cluster.run(1s); // followers hear of the high watermark
        QCOMPARE(cluster.partition(kOrders).highWatermark, 1);
        QCOMPARE(cluster.partition(kOrders).lastStableOffset, 0);
        QCOMPARE(cluster.offsetsRead(1), std::string());

        cluster.kill(1);
        QVERIFY(cluster.waitForLeader(2));
        QCOMPARE(cluster.partition(kOrders).lastStableOffset, 0);
        QCOMPARE(cluster.offsetsRead(2), std::string());
        const std::size_t added = cluster.count(LogEvent::PartitionAddedToTxn);
        QCOMPARE(cluster.write(2, 1).error, ErrorCode::None);
        QCOMPARE(cluster.count(LogEvent::PartitionAddedToTxn), added); // it was in the log
        QCOMPARE(cluster.end(committed), ErrorCode::None);
        QVERIFY(cluster.waitUntilStable(3));
        QCOMPARE(cluster.offsetsRead(2), first.toStdString());
        const auto markers = cluster.count(LogEvent::MarkerWritten);
        QCOMPARE(markers, std::size_t{1});

        // Another transaction, another leader: it has the same index.
        QCOMPARE(cluster.write(2, 0).error, ErrorCode::None);
        QCOMPARE(cluster.end(true), ErrorCode::None);
        QVERIFY(cluster.waitUntilStable(5));
        cluster.start(1);
        QVERIFY(cluster.runUntil([&] { return cluster.partition(kOrders).isr.size() == 3; }));
        cluster.kill(2);
        QVERIFY(cluster.waitForLeader(1));
        QVERIFY(cluster.waitUntilStable(5));
        QCOMPARE(cluster.offsetsRead(1), last.toStdString());
    }
    void aMarkerWaitsUntilItIsReplicated()
    {
        Cluster cluster;
        QCOMPARE(cluster.write(1, 0).error, ErrorCode::None);
        cluster.cut(1, 2);
        cluster.cut(1, 3);
        QCOMPARE(cluster.end(true), ErrorCode::None);
        cluster.run(1s);
        // It stands in the leader's log, and decides nothing yet.
        QCOMPARE(cluster.partition(kOrders).logEndOffset, 2);
        QCOMPARE(cluster.partition(kOrders).lastStableOffset, 0);
        cluster.mend();
        QVERIFY(cluster.waitUntilStable(2));
    }
    void aMarkerThatIsLostWithItsLeaderIsWrittenAgain()
    {
        Cluster cluster;
        QCOMPARE(cluster.write(1, 0).error, ErrorCode::None);
        cluster.run(1s);
        cluster.cut(1, 2);
        cluster.cut(1, 3);
        QCOMPARE(cluster.end(false), ErrorCode::None);
        cluster.run(500ms);
        QCOMPARE(cluster.count(LogEvent::MarkerWritten), std::size_t{1});
        cluster.kill(1);
        cluster.mend();
        QVERIFY(cluster.waitForLeader(2));
        QVERIFY(cluster.waitUntilStable(2));
        QCOMPARE(cluster.count(LogEvent::MarkerWritten), std::size_t{2});
        QCOMPARE(cluster.offsetsRead(2), std::string("0-0 1-1, aborted from 0"));
        // The old leader comes back with a marker that the others have never had.
        cluster.start(1);
        QVERIFY(cluster.runUntil([&] { return cluster.partition(kOrders).isr.size() == 3; }));
        cluster.kill(2);
        QVERIFY(cluster.waitForLeader(1));
        QVERIFY(cluster.waitUntilStable(2));
        QCOMPARE(cluster.offsetsRead(1), std::string("0-0 1-1, aborted from 0"));
    }
};

QTEST_APPLESS_MAIN(TransactionFailoverTest)
#include "tst_transaction_failover.moc"
