#include <QtTest>

#include "engine/log/events.h"
#include "engine/log/group_records.h"
#include "engine/log/replication.h"
#include "log_cluster.h"

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::LogCluster;

namespace {

const TopicPartition kOrders{"orders", 0};

/// Five brokers, all voters, ready: partitions live on 1, 2 and 3, so that two of those may die and
/// there is still a controller.
class FiveBrokers : public LogCluster {
public:
    FiveBrokers()
        : LogCluster(5)
    {
        invariant(runUntil([this] { return isReady(); }), "the cluster gets ready");
    }
};

ErrorCode create(LogCluster &cluster, std::vector<std::int32_t> replicas,
    std::map<std::string, std::string> configs = {}, int at = 4, const std::string &name = "orders")
{
    CreateTopicsRequest request;
    request.topics.push_back({.name = name,
        .partitions = -1,
        .replicationFactor = -1,
        .configs = std::move(configs),
        .assignments = {std::move(replicas)}});
    const auto answer = cluster.ask<CreateTopicsResponse>(at, request);
    cluster.run(1s); // all brokers hear of it
    return answer.topics.at(0).error;
}

SharedBytes batchOf(const LogCluster &cluster, const std::vector<std::string> &values,
    std::int64_t producerId = -1, std::int32_t sequence = -1)
{
    BatchBuilder builder;
    builder.reset();
    if (producerId >= 0)
        builder.setProducer(producerId, 0, sequence);
    for (const std::string &value : values)
        builder.append(epochMillis(cluster.now()), std::nullopt, asBytes(value));
    return builder.take();
}

ProduceRequest produceRequest(SharedBytes batch, std::int16_t acks,
    std::chrono::milliseconds timeout = 30s, TopicPartition partition = kOrders)
{
    ProduceRequest request;
    request.acks = acks;
    request.timeout = timeout;
    request.partitions.push_back({std::move(partition), std::move(batch)});
    return request;
}

ProduceResponse::Partition produce(LogCluster &cluster, int broker,
    const std::vector<std::string> &values, std::int16_t acks = -1,
    std::chrono::milliseconds timeout = 5s)
{
    return cluster
        .ask<ProduceResponse>(broker, produceRequest(batchOf(cluster, values), acks, timeout))
        .partitions.at(0);
}

FetchResponse::Partition fetch(
    LogCluster &cluster, int broker, std::int64_t offset, std::int32_t currentLeaderEpoch = -1)
{
    FetchRequest request{.maxWait = 0ms};
    request.partitions.push_back(
        {.partition = kOrders, .fetchOffset = offset, .currentLeaderEpoch = currentLeaderEpoch});
    return cluster.ask<FetchResponse>(broker, request).partitions.at(0);
}

std::string contentOf(LogCluster &cluster, const std::string &path)
{
    const auto file = cluster.files().open(path, false);
    if (!file)
        return {};
    const Bytes bytes = *readWhole(cluster.files(), *file);
    cluster.files().close(*file);
    return std::string(asText(bytes));
}

using Ids = std::vector<std::int32_t>;

std::set<std::int32_t> isrOf(const LogCluster &cluster)
{
    const Ids isr = cluster.partition(kOrders).isr;
    return {isr.begin(), isr.end()};
}
using IdSet = std::set<std::int32_t>;

bool waitForIsr(LogCluster &cluster, const IdSet &isr)
{
    const bool came = cluster.runUntil([&] { return isrOf(cluster) == isr; });
    cluster.run(100ms); // the leader has heard of it
    return came;
}
bool waitForLeader(LogCluster &cluster, int leader)
{
    return cluster.runUntil([&] {
        return cluster.partition(kOrders).leader == leader
            && fetch(cluster, leader, 0).error != ErrorCode::NotLeaderOrFollower;
    });
}

} // namespace

class ReplicationTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void brokersRegisterUnderOneController_data()
    {
        QTest::addColumn<int>("brokers");
        for (const int brokers : {1, 2, 3, 9})
            QTest::addRow("%d", brokers) << brokers;
    }
    void brokersRegisterUnderOneController()
    {
        QFETCH(int, brokers);
        LogCluster cluster(brokers);
        QVERIFY(cluster.runUntil([&] { return cluster.isReady(); }));
        cluster.run(1s); // all have heard of it
        const ClusterSnapshot shown = cluster.snapshot();
        QCOMPARE(std::ranges::count(shown.brokers, QuorumRole::Leader, &BrokerSnapshot::role), 1);
        const auto metadata = cluster.ask<MetadataResponse>(1, MetadataRequest{});
        QCOMPARE(metadata.brokers.size(), static_cast<std::size_t>(brokers));
        QCOMPARE(metadata.controller, shown.controller);
        QCOMPARE(cluster.count(LogEvent::BrokerRegistered), static_cast<std::size_t>(brokers));
        QCOMPARE(cluster.count(LogEvent::BrokerUnfenced), static_cast<std::size_t>(brokers));
    }

    void everyReplicaGetsWhatTheLeaderHas()
    {
        LogCluster cluster(3);
        QVERIFY(cluster.runUntil([&] { return cluster.isReady(); }));
        QCOMPARE(create(cluster, {2, 3, 1}, {}, 1), ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, 2);
        const auto answer = produce(cluster, 2, {"a", "b"});
        QCOMPARE(answer.error, ErrorCode::None);
        QCOMPARE(answer.baseOffset, 0);
        QCOMPARE(produce(cluster, 1, {"c"}).error, ErrorCode::NotLeaderOrFollower);
        QCOMPARE(produce(cluster, 1, {"c"}).currentLeader, (LeaderHint{2, 0}));
        // Acknowledged: all in-sync replicas have it, and consumers read it.
        for (const int id : {1, 2, 3})
            QCOMPARE(cluster.records(id, kOrders), std::string("0:a 1:b"));
        QCOMPARE(fetch(cluster, 2, 0).highWatermark, 2);
        QCOMPARE(fetch(cluster, 1, 0).error, ErrorCode::NotLeaderOrFollower);
        // Followers learn the high watermark with their next fetch.
        cluster.run(1s);
        QCOMPARE(cluster.replica(1, kOrders).highWatermark, 2);
        QCOMPARE(cluster.count(LogEvent::BatchAppended), 1U);
        QCOMPARE(cluster.count(LogEvent::BatchReplicated), 2U);
        QCOMPARE(cluster.count(LogEvent::HighWatermarkMoved), 1U);
    }

    /// The worked example of the facts (kafka.md 5), with the epochs 0 and 1.
    /// An ISR is asked for in the name of the lives that fetched (KIP-903).
    void theLeaderKnowsWhichLifeOfAFollowerFetched()
    {
        const Instant now = kVirtualStart;
        Replication replication;
        replication.lead(1, {1, 2, 3}, {1, 2, 3}, 10, false, now);
        QCOMPARE(replication.follower(2)->brokerEpoch, -1);
        QVERIFY(replication.fetched(2, 17, 10, 0, 10, now));
        QCOMPARE(replication.follower(2)->brokerEpoch, 17);
        replication.lead(1, {1, 2, 3}, {1, 2, 3}, 10, true, now); // it leads on
        QCOMPARE(replication.follower(2)->brokerEpoch, 17);
        QVERIFY(replication.fetched(2, 40, 4, 0, 10, now)); // restarted, with less
        QCOMPARE(replication.follower(2)->brokerEpoch, 40);
        QCOMPARE(replication.follower(3)->brokerEpoch, -1);
    }
    void aReturningLeaderTruncatesToWhereTheLogsParted()
    {
        FiveBrokers cluster;
        create(cluster, {1, 2, 3});
        for (int i = 0; i < 8; ++i)
            QCOMPARE(produce(cluster, 1, {std::to_string(i)}).error, ErrorCode::None);
        cluster.kill(3);
        QVERIFY(waitForIsr(cluster, {1, 2}));
        for (int i = 8; i < 10; ++i)
            QCOMPARE(produce(cluster, 1, {std::to_string(i)}).error, ErrorCode::None);
        cluster.run(1s);
        QCOMPARE(cluster.replica(2, kOrders).highWatermark, 10);
        cluster.isolate(1);
        produce(cluster, 1, {"lost"}, 1);
        QCOMPARE(produce(cluster, 1, {"lost"}, 1).baseOffset, 11);
        QCOMPARE(cluster.replica(1, kOrders).highWatermark, 10);
        cluster.run(10ms); // so that nothing is on its way when the line is mended
        cluster.kill(1);
        cluster.mend();

        QVERIFY(waitForLeader(cluster, 2));
        PartitionSnapshot partition = cluster.partition(kOrders);
        QCOMPARE(partition.leaderEpoch, 1);
        QCOMPARE(partition.isr, Ids{2});
        QCOMPARE(contentOf(cluster, "broker-2/orders-0/leader-epoch-checkpoint"),
            std::string("0\n2\n0 0\n1 10\n"));
        QCOMPARE(produce(cluster, 2, {"10"}).baseOffset, 10);

        cluster.start(3); // has 8: nothing to cut
        QVERIFY(waitForIsr(cluster, {2, 3}));
        QCOMPARE(cluster.count(LogEvent::ReplicaTruncated), 0U);
        cluster.start(1); // has 12
        QVERIFY(waitForIsr(cluster, {1, 2, 3}));
        QCOMPARE(cluster.count(LogEvent::ReplicaTruncated), 1U);
        const TraceEvent *cut = nullptr;
        for (std::uint64_t i = cluster.trace().first(); i < cluster.trace().end(); ++i) {
            if (cluster.trace().at(i).kind == kind(LogEvent::ReplicaTruncated))
                cut = &cluster.trace().at(i);
        }
        QCOMPARE(cut->item, 10);
        QCOMPARE(cut->count, 2);
        QCOMPARE(cut->value, 1);
        QCOMPARE(cluster.trace().names().name(cut->actor), std::string_view("broker-1"));
        const std::string all = "0:0 1:1 2:2 3:3 4:4 5:5 6:6 7:7 8:8 9:9 10:10";
        for (const int id : {1, 2, 3})
            QCOMPARE(cluster.records(id, kOrders), all);
    }

    void whatAcksPromise_data()
    {
        QTest::addColumn<int>("acks");
        QTest::addColumn<bool>("answered");
        QTest::addColumn<ErrorCode>("error");
        QTest::newRow("0: nothing, and it is lost") << 0 << false << ErrorCode::None;
        QTest::newRow("1: the leader had it, and it is lost") << 1 << true << ErrorCode::None;
        QTest::newRow("all: not acknowledged") << -1 << true << ErrorCode::RequestTimedOut;
    }
    void whatAcksPromise()
    {
        QFETCH(int, acks);
        QFETCH(bool, answered);
        QFETCH(ErrorCode, error);
        FiveBrokers cluster;
        create(cluster, {1, 2, 3});
        produce(cluster, 1, {"kept"});
        cluster.isolate(1);
        const RequestId id = cluster.send(
            1, produceRequest(batchOf(cluster, {"x"}), static_cast<std::int16_t>(acks), 2s));
        cluster.run(3s);
        const auto answer = cluster.take<ProduceResponse>(id);
        QCOMPARE(answer.has_value(), answered);
        if (answer)
            QCOMPARE(answer->partitions[0].error, error);
        QCOMPARE(cluster.replica(1, kOrders).logEndOffset, 2);
        cluster.kill(1);
        cluster.mend();
        QVERIFY(waitForLeader(cluster, 2));
        cluster.start(1);
        QVERIFY(waitForIsr(cluster, {1, 2, 3}));
        for (const int broker : {1, 2, 3})
            QCOMPARE(cluster.records(broker, kOrders), std::string("0:kept"));
    }

    void aProducerHearsWhenTheLeaderIsAnother()
    {
        FiveBrokers cluster;
        create(cluster, {1, 2, 3});
        cluster.isolate(1);
        const RequestId id = cluster.send(1, produceRequest(batchOf(cluster, {"x"}), -1, 10min));
        QVERIFY(cluster.runUntil([&] { return cluster.partition(kOrders).leader == 2; }));
        QVERIFY(!cluster.take<ProduceResponse>(id)); // it does not know yet
        cluster.mend();
        cluster.run(5s);
        const auto answer = cluster.take<ProduceResponse>(id);
        QVERIFY(answer);
        QCOMPARE(answer->partitions[0].error, ErrorCode::NotLeaderOrFollower);
        QCOMPARE(answer->partitions[0].currentLeader, (LeaderHint{2, 1}));
        QVERIFY(waitForIsr(cluster, {1, 2, 3}));
        QCOMPARE(cluster.records(1, kOrders), std::string());
    }

    void underMinIsrAcksAllIsRefusedAndNothingIsCommitted()
    {
        FiveBrokers cluster;
        create(cluster, {1, 2, 3}, {{"min.insync.replicas", "2"}});
        produce(cluster, 1, {"a"});
        cluster.kill(2);
        cluster.kill(3);
        QVERIFY(waitForIsr(cluster, {1}));
        QCOMPARE(produce(cluster, 1, {"b"}).error, ErrorCode::NotEnoughReplicas);
        QCOMPARE(cluster.replica(1, kOrders).logEndOffset, 1);
        QCOMPARE(produce(cluster, 1, {"c"}, 1).error, ErrorCode::None); // never sees it
        QCOMPARE(cluster.replica(1, kOrders).logEndOffset, 2);
        QCOMPARE(fetch(cluster, 1, 0).highWatermark, 1); // strict min ISR: it stays unseen
        cluster.start(2);
        QVERIFY(waitForIsr(cluster, {1, 2}));
        QCOMPARE(fetch(cluster, 1, 0).highWatermark, 2);
        QCOMPARE(cluster.records(2, kOrders), std::string("0:a 1:c"));
    }

    void anAppendThatTheIsrLeftAloneTimesOut()
    {
        FiveBrokers cluster;
        create(cluster, {1, 2, 3}, {{"min.insync.replicas", "3"}});
        cluster.kill(3);
        const RequestId id = cluster.send(1, produceRequest(batchOf(cluster, {"x"}), -1, 20s));
        QVERIFY(waitForIsr(cluster, {1, 2}));
        cluster.run(20s);
        const auto answer = cluster.take<ProduceResponse>(id);
        QVERIFY(answer);
        QCOMPARE(answer->partitions[0].error, ErrorCode::RequestTimedOut);
        QCOMPARE(cluster.records(2, kOrders), std::string("0:x")); // it is in the logs all the same
        QCOMPARE(fetch(cluster, 1, 0).highWatermark, 0);
    }

    void aFollowerThatLagsLeavesTheIsrAndComesBack()
    {
        FiveBrokers cluster;
        // All three beside the controller, so that only the replication is cut.
        Ids replicas{1, 2, 3, 4};
        std::erase(replicas, cluster.snapshot().controller);
        replicas.resize(3);
        const int leader = replicas.front();
        const int follower = replicas.back();
        create(cluster, replicas, {}, leader);
        produce(cluster, leader, {"a"});
        cluster.cut(leader, follower);
        produce(cluster, leader, {"b"}, 1);
        cluster.run(20s);
        QVERIFY(isrOf(cluster).contains(follower));
        QCOMPARE(fetch(cluster, leader, 0).highWatermark, 1); // it waits for the whole ISR
        QVERIFY(cluster.runUntil([&] { return !isrOf(cluster).contains(follower); }));
        QCOMPARE(
            cluster.trace().count(kind(LogEvent::IsrShrunk), reason(LogReason::ReplicaLagging)),
            1U);
        cluster.run(10ms);
        QCOMPARE(fetch(cluster, leader, 0).highWatermark, 2);
        QCOMPARE(cluster.partition(kOrders).leaderEpoch, 0); // a shrink is no new epoch
        cluster.mend();
        QVERIFY(cluster.runUntil([&] { return isrOf(cluster).contains(follower); }));
        QCOMPARE(cluster.count(LogEvent::IsrExpanded), 1U);
        QCOMPARE(cluster.records(follower, kOrders), std::string("0:a 1:b"));
    }

    void anUncleanElectionLosesAndSaysSo_data()
    {
        QTest::addColumn<bool>("unclean");
        QTest::newRow("allowed") << true;
        QTest::newRow("not allowed") << false;
    }
    void anUncleanElectionLosesAndSaysSo()
    {
        QFETCH(bool, unclean);
        FiveBrokers cluster;
        create(cluster, {1, 2}, {{"unclean.leader.election.enable", unclean ? "true" : "false"}});
        produce(cluster, 1, {"a"});
        cluster.kill(2);
        QVERIFY(waitForIsr(cluster, {1}));
        QCOMPARE(produce(cluster, 1, {"b"}).error, ErrorCode::None); // acknowledged with all
        cluster.kill(1);
        QVERIFY(cluster.runUntil([&] { return cluster.partition(kOrders).leader == -1; }));
        cluster.start(2);
        QVERIFY(cluster.runUntil([&] { return cluster.isReady(); }));
        cluster.run(6min); // the controller looks for offline partitions every five
        const auto elected = cluster.trace().count(
            kind(LogEvent::LeaderElected), reason(LogReason::UncleanElection));
        QCOMPARE(elected, unclean ? 1U : 0U);
        QCOMPARE(cluster.partition(kOrders).leader, unclean ? 2 : -1);
        cluster.start(1);
        QVERIFY(waitForIsr(cluster, {1, 2}));
        QCOMPARE(cluster.records(1, kOrders), std::string(unclean ? "0:a" : "0:a 1:b"));
        QCOMPARE(cluster.records(2, kOrders), std::string(unclean ? "0:a" : "0:a 1:b"));
    }

    void highWatermarksAreKeptOverARestart()
    {
        LogCluster cluster(3);
        QVERIFY(cluster.runUntil([&] { return cluster.isReady(); }));
        create(cluster, {1, 2, 3}, {}, 1);
        produce(cluster, 1, {"a", "b", "c"});
        cluster.run(6s);
        for (const int id : {1, 2, 3}) {
            QCOMPARE(
                contentOf(cluster, LogCluster::directory(id) + "/replication-offset-checkpoint"),
                std::string("0\n1\norders 0 3\n"));
        }
        for (const int id : {1, 2, 3})
            cluster.kill(id);
        for (const int id : {1, 2, 3})
            cluster.start(id);
        QVERIFY(cluster.runUntil([&] { return cluster.replica(3, kOrders).broker == 3; }));
        QCOMPARE(cluster.replica(3, kOrders).highWatermark, 3);
        QVERIFY(waitForIsr(cluster, {1, 2, 3}));
        for (const int id : {1, 2, 3})
            QCOMPARE(cluster.records(id, kOrders), std::string("0:a 1:b 2:c"));
    }

    void aControlledShutdownMovesLeadersAndLosesNothing()
    {
        FiveBrokers cluster;
        create(cluster, {1, 2, 3});
        produce(cluster, 1, {"a"});
        const RequestId parked = cluster.send(1, produceRequest(batchOf(cluster, {"b"}), -1));
        cluster.beginShutDown(1);
        QVERIFY(cluster.runUntil([&] { return cluster.shutDown == std::vector{1}; }));
        QCOMPARE(cluster.partition(kOrders).leader, 2);
        QVERIFY(!isrOf(cluster).contains(1));
        QVERIFY(cluster.take<ProduceResponse>(parked));
        cluster.close(1);
        const std::string marker = contentOf(cluster, "broker-1/.kafka_cleanshutdown");
        QVERIFY(marker.starts_with("{\"version\":0,\"brokerEpoch\":"));
        QCOMPARE(produce(cluster, 2, {"c"}).error, ErrorCode::None);
        cluster.start(1);
        QVERIFY(waitForIsr(cluster, {1, 2, 3}));
        QCOMPARE(cluster.records(1, kOrders), std::string("0:a 1:b 2:c"));
        QCOMPARE(cluster.count(LogEvent::ReplicaTruncated), 0U);
        QVERIFY(cluster.notes.empty());
        QVERIFY(!cluster.files().exists("broker-1/.kafka_cleanshutdown"));
        cluster.run(6min); // auto.leader.rebalance.enable
        QCOMPARE(cluster.partition(kOrders).leader, 1);
    }

    void twoVotersCannotLoseOne()
    {
        LogCluster cluster(2);
        QVERIFY(cluster.runUntil([&] { return cluster.isReady(); }));
        create(cluster, {1, 2}, {}, 1);
        create(cluster, {2, 1}, {}, 1, "payments");
        produce(cluster, 1, {"a"});
        cluster.kill(1);
        cluster.run(1min);
        // Nobody is there to fence it, to elect another leader, or to take it out of an ISR.
        QCOMPARE(cluster.snapshot().controller, -1);
        QCOMPARE(cluster.partition(kOrders).leader, 1);
        QCOMPARE(create(cluster, {2}, {}, 2, "new"), ErrorCode::RequestTimedOut);
        const auto answer = cluster.ask<ProduceResponse>(
            2, produceRequest(batchOf(cluster, {"x"}), -1, 1s, {"payments", 0}));
        QCOMPARE(answer.partitions[0].error, ErrorCode::RequestTimedOut);
        cluster.start(1);
        QVERIFY(cluster.runUntil([&] { return cluster.isReady(); }));
        QCOMPARE(create(cluster, {2}, {}, 2, "newer"), ErrorCode::None);
    }

    void requestsOfAnotherEpochAreFencedOff()
    {
        FiveBrokers cluster;
        create(cluster, {1, 2, 3});
        produce(cluster, 1, {"a"});
        cluster.kill(1);
        QVERIFY(waitForLeader(cluster, 2));
        QCOMPARE(fetch(cluster, 2, 0, 0).error, ErrorCode::FencedLeaderEpoch);
        QCOMPARE(fetch(cluster, 2, 0, 0).currentLeader, (LeaderHint{2, 1}));
        QCOMPARE(fetch(cluster, 2, 0, 1).error, ErrorCode::None);
        QCOMPARE(fetch(cluster, 2, 0, 2).error, ErrorCode::UnknownLeaderEpoch);
        OffsetForLeaderEpochRequest ends;
        ends.partitions.push_back({kOrders, 1, 0});
        ends.partitions.push_back({kOrders, 1, 1});
        ends.partitions.push_back({kOrders, 1, 7});
        ends.partitions.push_back({kOrders, 0, 1});
        produce(cluster, 2, {"b"});
        const auto answer = cluster.ask<OffsetForLeaderEpochResponse>(2, ends);
        QCOMPARE(answer.partitions[0].end, (EpochEnd{0, 1}));
        QCOMPARE(answer.partitions[1].end, (EpochEnd{1, 2}));
        QCOMPARE(answer.partitions[2].end, (EpochEnd{-1, -1}));
        QCOMPARE(answer.partitions[3].error, ErrorCode::FencedLeaderEpoch);
    }

    void aRetryAfterAFailoverIsRecognized()
    {
        FiveBrokers cluster;
        create(cluster, {1, 2, 3});
        const auto given = cluster.ask<InitProducerIdResponse>(1, InitProducerIdRequest{});
        QCOMPARE(given.error, ErrorCode::None);
        const auto other = cluster.ask<InitProducerIdResponse>(2, InitProducerIdRequest{});
        QVERIFY(other.producerId != given.producerId);
        const SharedBytes batch = batchOf(cluster, {"a", "b"}, given.producerId, 0);
        QCOMPARE(cluster.ask<ProduceResponse>(1, produceRequest(batch, -1)).partitions[0].error,
            ErrorCode::None);
        cluster.kill(1); // and the answer may have been lost
        QVERIFY(waitForLeader(cluster, 2));
        const auto again = cluster.ask<ProduceResponse>(2, produceRequest(batch, -1));
        QCOMPARE(again.partitions[0].error, ErrorCode::None);
        QCOMPARE(again.partitions[0].baseOffset, 0);
        QCOMPARE(cluster.count(LogEvent::DuplicateAnswered), 1U);
        QCOMPARE(cluster.records(2, kOrders), std::string("0:a 1:b"));
        const SharedBytes gap = batchOf(cluster, {"d"}, given.producerId, 3);
        QCOMPARE(cluster.ask<ProduceResponse>(2, produceRequest(gap, -1)).partitions[0].error,
            ErrorCode::OutOfOrderSequenceNumber);
    }

    void deletedRecordsGoOnEveryReplica()
    {
        FiveBrokers cluster;
        create(cluster, {1, 2, 3});
        for (const char *value : {"a", "b", "c"})
            produce(cluster, 1, {value});
        DeleteRecordsRequest request;
        request.partitions.push_back({kOrders, 2});
        QCOMPARE(cluster.ask<DeleteRecordsResponse>(1, request).partitions[0].lowWatermark, 2);
        cluster.run(1s);
        for (const int id : {1, 2, 3})
            QCOMPARE(cluster.replica(id, kOrders).logStartOffset, 2);
        cluster.run(6s);
        QCOMPARE(contentOf(cluster, "broker-3/log-start-offset-checkpoint"),
            std::string("0\n1\norders 0 2\n"));
        // One whose whole log is below begins anew.
        cluster.kill(3);
        QVERIFY(waitForIsr(cluster, {1, 2}));
        produce(cluster, 1, {"d", "e"});
        request.partitions[0].beforeOffset = 5;
        QCOMPARE(cluster.ask<DeleteRecordsResponse>(1, request).partitions[0].lowWatermark, 5);
        cluster.start(3);
        QVERIFY(waitForIsr(cluster, {1, 2, 3}));
        QCOMPARE(cluster.replica(3, kOrders).logStartOffset, 5);
        QCOMPARE(cluster.replica(3, kOrders).logEndOffset, 5);
    }

    void aDeletedTopicGoesEverywhere()
    {
        FiveBrokers cluster;
        create(cluster, {1, 2, 3});
        produce(cluster, 1, {"a"});
        cluster.kill(3);
        const RequestId parked = cluster.send(1, [] {
            FetchRequest request{.maxWait = 10min};
            request.partitions.push_back({.partition = kOrders, .fetchOffset = 1});
            return request;
        }());
        const auto answer = cluster.ask<DeleteTopicsResponse>(4, DeleteTopicsRequest{{"orders"}});
        QCOMPARE(answer.topics[0].error, ErrorCode::None);
        cluster.run(1s);
        QCOMPARE(cluster.take<FetchResponse>(parked)->partitions[0].error,
            ErrorCode::UnknownTopicOrPartition);
        QVERIFY(!cluster.files().exists("broker-1/orders-0"));
        QVERIFY(!cluster.files().exists("broker-2/orders-0"));
        QVERIFY(cluster.files().exists("broker-3/orders-0"));
        cluster.start(3);
        QVERIFY(cluster.runUntil([&] { return !cluster.files().exists("broker-3/orders-0"); }));
        QCOMPARE(cluster.notes.size(), 1U);
    }

    void aLostDiskIsReplicatedAnew()
    {
        FiveBrokers cluster;
        create(cluster, {1, 2, 3});
        produce(cluster, 1, {"a"});
        cluster.kill(3);
        cluster.loseDisk(3);
        produce(cluster, 1, {"b"}, 1);
        cluster.start(3);
        QVERIFY(cluster.runUntil([&] {
            return cluster.isReady() && isrOf(cluster) == IdSet{1, 2, 3}
            && cluster.records(3, kOrders) == "0:a 1:b";
        }));
    }

    void offsetsSurviveTheCoordinator()
    {
        FiveBrokers cluster;
        create(cluster, {1, 2, 3});
        int coordinator = -1;
        QVERIFY(cluster.runUntil([&] {
            coordinator =
                cluster.ask<FindCoordinatorResponse>(4, FindCoordinatorRequest{.key = "billing"})
                    .node;
            return coordinator > 0;
        }));
        const OffsetCommitRequest commit{"billing", -1, "", {}, {{kOrders, 7, -1, {}}}};
        QVERIFY(cluster.runUntil([&] {
            return cluster.ask<OffsetCommitResponse>(coordinator, commit).partitions[0].error
                == ErrorCode::None;
        }));
        const int other = coordinator == 1 ? 2 : 1;
        QCOMPARE(cluster.ask<OffsetCommitResponse>(other, commit).partitions[0].error,
            ErrorCode::NotCoordinator);
        cluster.kill(coordinator);
        int next = coordinator;
        QVERIFY(cluster.runUntil([&] {
            next =
                cluster
                    .ask<FindCoordinatorResponse>(other, FindCoordinatorRequest{.key = "billing"})
                    .node;
            return next > 0 && next != coordinator;
        }));
        OffsetFetchResponse answer;
        QVERIFY(cluster.runUntil([&] {
            answer = cluster.ask<OffsetFetchResponse>(next, OffsetFetchRequest{"billing", {}});
            return answer.error == ErrorCode::None;
        }));
        QCOMPARE(answer.partitions.at(0).committedOffset, 7);
        const auto groups = cluster.snapshot().groups;
        QCOMPARE(groups.size(), 1U);
        QCOMPARE(groups[0].coordinator, next);
    }

    /// With acks=all, min.insync.replicas=2 and no unclean election nothing acknowledged is lost,
    /// whatever dies, as long as it keeps its files.
    void nothingAcknowledgedIsLost_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 40; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void nothingAcknowledgedIsLost()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        LogCluster cluster(3, {}, seed);
        QVERIFY(cluster.runUntil([&] { return cluster.isReady(); }));
        create(cluster, {1, 2, 3}, {{"min.insync.replicas", "2"}}, 1);
        std::set<std::string> acknowledged;
        std::vector<std::pair<RequestId, std::string>> sent;
        for (int i = 0; i < 300; ++i) {
            const auto any = [&] { return 1 + static_cast<int>(random.below(3)); };
            switch (random.below(40)) {
            case 0:
                if (const int id = any(); cluster.isAlive(id))
                    cluster.kill(id);
                break;
            case 1:
                cluster.isolate(any());
                break;
            case 2:
                cluster.cut(1, 2 + static_cast<int>(random.below(2)));
                break;
            case 3:
            case 4:
                cluster.mend();
                break;
            case 5:
            case 6:
            case 7:
                if (const int id = any(); !cluster.isAlive(id))
                    cluster.start(id);
                break;
            default:
                break;
            }
            for (const int id : {1, 2, 3}) {
                if (!cluster.isAlive(id))
                    continue;
                const std::string value = std::to_string(i) + "@" + std::to_string(id);
                sent.emplace_back(
                    cluster.send(id, produceRequest(batchOf(cluster, {value}), -1, 5s)), value);
            }
            cluster.run(std::chrono::milliseconds(random.below(2'000)));
            std::erase_if(sent, [&](const auto &request) {
                const auto answer = cluster.take<ProduceResponse>(request.first);
                if (answer && answer->partitions[0].error == ErrorCode::None)
                    acknowledged.insert(request.second);
                return answer.has_value();
            });
        }
        cluster.mend();
        for (const int id : {1, 2, 3}) {
            if (!cluster.isAlive(id))
                cluster.start(id);
        }
        cluster.run(30s); // sessions of lives before have ended
        QVERIFY(cluster.runUntil(
            [&] { return cluster.isReady() && isrOf(cluster) == IdSet{1, 2, 3}; }, 5min));
        cluster.run(2s);
        const std::string all = cluster.records(1, kOrders);
        QCOMPARE(cluster.records(2, kOrders), all);
        QCOMPARE(cluster.records(3, kOrders), all);
        QVERIFY(acknowledged.size() > 20);
        for (const std::string &value : acknowledged)
            QVERIFY2((all + " ").find(":" + value + " ") != std::string::npos, value.c_str());
    }
};

QTEST_APPLESS_MAIN(ReplicationTest)
#include "tst_replication.moc"
