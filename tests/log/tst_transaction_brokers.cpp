#include <QtTest>

#include "engine/log/events.h"
#include "engine/log/transaction_records.h"
#include "log_cluster.h"

#include <algorithm>
#include <array>

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::LogCluster;

namespace {

const std::string kId = "transfer";

BrokerConfig configOf(std::int16_t transactionVersion)
{
    BrokerConfig config;
    config.transactionVersion = transactionVersion;
    config.transactionPartitions = 1;
    return config;
}

using Assignments = std::vector<std::vector<std::int32_t>>;
const Assignments kOneOnEach{{1}, {2}, {3}, {4}, {5}};
const Assignments kThreeOfEach{{1, 2, 3}, {2, 3, 4}, {3, 4, 5}, {4, 5, 1}, {5, 1, 2}};

/// Five brokers, of which two may die. The topic "orders" has five partitions;
/// __transaction_state lies on three brokers.
class FiveBrokers : public LogCluster {
public:
    explicit FiveBrokers(std::int16_t transactionVersion = 2,
        const Assignments &assignments = kOneOnEach, std::uint64_t seed = 1)
        : LogCluster(5, configOf(transactionVersion), seed)
    {
        invariant(runUntil([this] { return isReady(); }), "the cluster gets ready");
        CreateTopicsRequest request;
        request.topics.push_back({.name = "orders",
            .partitions = -1,
            .replicationFactor = -1,
            .configs = {{"min.insync.replicas", "2"}}, // never more than there are replicas
            .assignments = assignments});
        invariant(ask<CreateTopicsResponse>(1, request).topics.at(0).error == ErrorCode::None,
            "the topic is created");
        run(1s);
        (void)coordinator();
    }

    int anyAlive() const
    {
        int id = 1;
        while (!isAlive(id))
            ++id;
        return id;
    }
    /// The one that the brokers name, once it has taken over.
    int coordinator(const std::string &id = kId)
    {
        int node = -1;
        invariant(runUntil([&] {
            const RequestId asked =
                send(anyAlive(), FindCoordinatorRequest{id, CoordinatorType::Transaction});
            run(10ms);
            node = take<FindCoordinatorResponse>(asked)->node;
            return node > 0 && isAlive(node);
        }),
            "there is a coordinator");
        return node;
    }
    /// The one that leads the partition and lives.
    int leaderOf(int partitionNumber)
    {
        int leader = -1;
        invariant(runUntil([&] {
            leader = partition({"orders", partitionNumber}).leader;
            return leader > 0 && isAlive(leader);
        }),
            "there is a leader");
        return leader;
    }
    std::vector<std::int32_t> coordinatingReplicas() const
    {
        return partition({std::string(kTransactionTopic), 0}).replicas;
    }
    /// A broker outside those.
    int bystander(int other = 0) const
    {
        const auto replicas = coordinatingReplicas();
        for (int id = 1; id <= 5; ++id) {
            if (id != other && std::ranges::find(replicas, id) == replicas.end())
                return id;
        }
        return 0;
    }
    std::string state(const std::string &id = kId)
    {
        for (const TransactionSnapshot &shown : snapshot().transactions) {
            if (shown.transactionalId == id)
                return shown.state;
        }
        return "none";
    }
    bool waitForState(const std::string &state, const std::string &id = kId)
    {
        return runUntil([&] { return this->state(id) == state; });
    }
    // Who is asked next dies `killAfter` later.
    bool killWhileAsking = false;
    Duration killAfter{};
    int dead = 0;

    /// Kills a broker, or starts the one that is dead.
    void fault(Random &random)
    {
        if (dead != 0) {
            start(std::exchange(dead, 0));
        } else if (random.below(2) == 0) {
            killWhileAsking = true;
            killAfter = std::chrono::microseconds{random.below(6'000)};
        } else {
            dead = 1 + static_cast<int>(random.below(5));
            kill(dead, random.below(2) == 0);
        }
    }
    /// Nothing when no answer came within `limit`, or when it is dead.
    template <class T> std::optional<T> tryAsk(int id, Request request, Duration limit = 40s)
    {
        std::optional<T> answer;
        if (!isAlive(id))
            return answer;
        const RequestId asked = send(id, std::move(request), "app");
        if (killWhileAsking) {
            run(killAfter);
            killWhileAsking = false;
            if (isAlive(id)) {
                kill(id);
                dead = id;
            }
        }
        (void)runUntil([&] { return (answer = take<T>(asked)).has_value(); }, limit);
        return answer;
    }
    /// Values of a partition as a reader with read_committed sees them: "a b".
    std::string committed(int partitionNumber)
    {
        const TopicPartition name{"orders", partitionNumber};
        FetchRequest request{.isolation = IsolationLevel::ReadCommitted, .maxWait = 0ms};
        request.partitions.push_back({.partition = name, .fetchOffset = 0});
        const auto fetched =
            ask<FetchResponse>(leaderOf(partitionNumber), request).partitions.at(0);
        if (fetched.error != ErrorCode::None)
            return std::string(errorName(fetched.error));
        std::string text;
        for (const SharedBytes &piece : fetched.records) {
            for (ByteView rest = piece.view(); !rest.empty();) {
                const auto header = readBatchHeader(rest);
                const ByteView batch = rest.first(header->sizeBytes());
                rest = rest.subspan(header->sizeBytes());
                if (header->isControl() || isAborted(fetched, *header))
                    continue;
                for (RecordCursor cursor(batch); cursor.next();)
                    text += (text.empty() ? "" : " ") + std::string(asText(*cursor.record().value));
            }
        }
        return text;
    }

private:
    /// Whether the batch lies between the beginning of an aborted transaction and its marker.
    static bool isAborted(const FetchResponse::Partition &fetched, const BatchHeader &batch)
    {
        return std::ranges::any_of(fetched.abortedTransactions, [&](const auto &aborted) {
            return aborted.producerId == batch.producerId && aborted.firstOffset <= batch.baseOffset
                && batch.baseOffset < markerAfter(fetched, aborted.producerId, aborted.firstOffset);
        });
    }
    static std::int64_t markerAfter(
        const FetchResponse::Partition &fetched, std::int64_t producerId, std::int64_t offset)
    {
        for (const SharedBytes &piece : fetched.records) {
            for (ByteView rest = piece.view(); !rest.empty();) {
                const auto header = readBatchHeader(rest);
                rest = rest.subspan(header->sizeBytes());
                if (header->isControl() && header->producerId == producerId
                    && header->baseOffset > offset)
                    return header->baseOffset;
            }
        }
        return -1;
    }
};

/// A transactional producer that does one thing after another, and tries again while it may.
struct Producer {
    FiveBrokers &cluster;
    std::string id = kId;
    std::int16_t version = 2; ///< transaction.version
    std::int64_t producerId = -1;
    std::int16_t epoch = -1;
    std::map<int, std::int32_t> sequences{}; ///< by partition

    template <class T, class ErrorOf> T persist(Request request, ErrorOf errorOf)
    {
        while (true) {
            const auto answer = cluster.tryAsk<T>(cluster.coordinator(id), request);
            const ErrorCode error = answer ? errorOf(*answer) : ErrorCode::RequestTimedOut;
            if (answer && !isRetriable(error))
                return *answer;
            cluster.run(100ms);
        }
    }
    ErrorCode init()
    {
        const auto answer = persist<InitProducerIdResponse>(
            InitProducerIdRequest{.transactionalId = id}, [](const auto &it) { return it.error; });
        become(answer.error, answer.producerId, answer.producerEpoch);
        return answer.error;
    }
    ErrorCode send(int partitionNumber, const std::string &value)
    {
        const TopicPartition partition{"orders", partitionNumber};
        if (version < 2) {
            const auto added =
                persist<AddPartitionsToTxnResponse>(AddPartitionsToTxnRequest{.transactionalId = id,
                                                        .producerId = producerId,
                                                        .producerEpoch = epoch,
                                                        .partitions = {partition}},
                    [](const auto &it) { return it.partitions.at(0).error; });
            if (added.partitions.at(0).error != ErrorCode::None)
                return added.partitions.at(0).error;
        }
        BatchBuilder builder;
        builder.reset();
        builder.setProducer(producerId, epoch, sequences[partitionNumber]);
        builder.setTransactional(true);
        builder.append(epochMillis(cluster.now()), std::nullopt, asBytes(value));
        ProduceRequest request{.transactionalId = id, .addsPartitionsToTxn = version >= 2};
        request.partitions.push_back({partition, builder.take()});
        for (int tries = 0; tries < 600; ++tries) {
            const auto answer =
                cluster.tryAsk<ProduceResponse>(cluster.leaderOf(partitionNumber), request);
            const ErrorCode error =
                answer ? answer->partitions.at(0).error : ErrorCode::RequestTimedOut;
            if (error == ErrorCode::None)
                ++sequences[partitionNumber];
            if (!isRetriable(error))
                return error;
            cluster.run(100ms);
        }
        return ErrorCode::RequestTimedOut;
    }
    ErrorCode end(bool commits)
    {
        const auto answer = persist<EndTxnResponse>(EndTxnRequest{.transactionalId = id,
                                                        .producerId = producerId,
                                                        .producerEpoch = epoch,
                                                        .committed = commits,
                                                        .bumpsEpoch = version >= 2},
            [](const auto &it) { return it.error; });
        if (answer.producerId >= 0)
            become(answer.error, answer.producerId, answer.producerEpoch);
        return answer.error;
    }

private:
    void become(ErrorCode error, std::int64_t newId, std::int16_t newEpoch)
    {
        if (error != ErrorCode::None)
            return;
        producerId = newId;
        epoch = newEpoch;
        sequences.clear();
    }
};

} // namespace

class TransactionBrokersTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aTransactionAcrossBrokersIsSeenWholeOrNotAtAll_data()
    {
        QTest::addColumn<int>("version");
        QTest::addColumn<bool>("commits");
        for (const int version : {1, 2}) {
            QTest::addRow("commit, transaction.version %d", version) << version << true;
            QTest::addRow("abort, transaction.version %d", version) << version << false;
        }
    }
    void aTransactionAcrossBrokersIsSeenWholeOrNotAtAll()
    {
        QFETCH(int, version);
        QFETCH(bool, commits);
        FiveBrokers cluster(static_cast<std::int16_t>(version));
        Producer producer{.cluster = cluster, .version = static_cast<std::int16_t>(version)};
        QCOMPARE(producer.init(), ErrorCode::None);
        for (int partition = 0; partition < 5; ++partition)
            QCOMPARE(producer.send(partition, "pay"), ErrorCode::None);
        QCOMPARE(cluster.committed(0), std::string());
        QCOMPARE(producer.end(commits), ErrorCode::None);
        QVERIFY(cluster.waitForState(commits ? "CompleteCommit" : "CompleteAbort"));
        cluster.run(1s);
        for (int partition = 0; partition < 5; ++partition)
            QCOMPARE(cluster.committed(partition), std::string(commits ? "pay" : ""));
        QCOMPARE(cluster.count(LogEvent::MarkerWritten), std::size_t{5});
        QCOMPARE(producer.send(0, "more"), ErrorCode::None); // and the next one begins
        QCOMPARE(producer.end(true), ErrorCode::None);
        QVERIFY(cluster.waitForState("CompleteCommit"));
        QCOMPARE(cluster.committed(0), std::string(commits ? "pay more" : "more"));
    }
    void whatIsOpenOutlivesItsCoordinator()
    {
        FiveBrokers cluster;
        Producer producer{cluster};
        const int coordinator = cluster.coordinator();
        const int partition = cluster.bystander() - 1;
        producer.init();
        QCOMPARE(producer.send(partition, "one"), ErrorCode::None);
        cluster.kill(coordinator);
        QCOMPARE(producer.send(partition, "two"), ErrorCode::None);
        QCOMPARE(producer.end(true), ErrorCode::None);
        QVERIFY(cluster.coordinator() != coordinator);
        QVERIFY(cluster.waitForState("CompleteCommit"));
        QCOMPARE(cluster.committed(partition), std::string("one two"));
        QCOMPARE(producer.epoch, std::int16_t{1});
    }
    void markersToAPartitionWhoseLeaderIsDownWait()
    {
        FiveBrokers cluster;
        Producer producer{cluster};
        const int down = cluster.bystander();
        const int up = cluster.bystander(down);
        producer.init();
        producer.send(down - 1, "a");
        producer.send(up - 1, "b");
        cluster.kill(down);
        QCOMPARE(producer.end(true), ErrorCode::None);
        cluster.run(30s);
        QCOMPARE(cluster.state(), std::string("PrepareCommit"));
        QCOMPARE(cluster.committed(up - 1), std::string("b")); // who is up has its marker
        cluster.start(down);
        QVERIFY(cluster.waitForState("CompleteCommit"));
        QCOMPARE(cluster.committed(down - 1), std::string("a"));
    }
    void aCoordinatorThatDiesBetweenMarkersIsFollowedByOneThatWritesTheRest_data()
    {
        QTest::addColumn<bool>("commits");
        QTest::addColumn<bool>("powerLoss");
        QTest::addRow("commit") << true << false;
        QTest::addRow("abort") << false << false;
        QTest::addRow("commit, power loss") << true << true;
    }
    void aCoordinatorThatDiesBetweenMarkersIsFollowedByOneThatWritesTheRest()
    {
        QFETCH(bool, commits);
        QFETCH(bool, powerLoss);
        FiveBrokers cluster;
        Producer producer{cluster};
        const int down = cluster.bystander();
        const int up = cluster.bystander(down);
        producer.init();
        producer.send(down - 1, "a");
        producer.send(up - 1, "b");
        cluster.kill(down);
        QCOMPARE(producer.end(commits), ErrorCode::None);
        cluster.run(1s);
        const int first = cluster.coordinator();
        cluster.kill(first, powerLoss);
        cluster.start(down);
        QVERIFY(cluster.waitForState(commits ? "CompleteCommit" : "CompleteAbort"));
        QVERIFY(cluster.coordinator() != first);
        cluster.run(1s);
        QCOMPARE(cluster.committed(down - 1), std::string(commits ? "a" : ""));
        QCOMPARE(cluster.committed(up - 1), std::string(commits ? "b" : ""));
        QCOMPARE(producer.send(up - 1, "c"), ErrorCode::None);
        QCOMPARE(producer.end(true), ErrorCode::None);
        QVERIFY(cluster.waitForState("CompleteCommit"));
        cluster.run(1s);
        QCOMPARE(cluster.committed(up - 1), std::string(commits ? "b c" : "c"));
    }
    void aCoordinatorThatIsCutOffDecidesNothing()
    {
        FiveBrokers cluster;
        Producer producer{cluster};
        const int partition = cluster.bystander() - 1;
        producer.init();
        producer.send(partition, "a");
        const int old = cluster.coordinator();
        cluster.isolate(old);
        const RequestId late = cluster.send(old,
            EndTxnRequest{.transactionalId = kId,
                .producerId = producer.producerId,
                .producerEpoch = producer.epoch,
                .committed = true,
                .bumpsEpoch = true});
        cluster.run(20s); // the others have fenced it by now
        QVERIFY(!cluster.take<EndTxnResponse>(late));
        const auto moved = cluster.runUntil(
            [&] { return cluster.partition({std::string(kTransactionTopic), 0}).leader != old; });
        QVERIFY(moved);
        QCOMPARE(producer.end(false), ErrorCode::None);
        cluster.mend();
        QVERIFY(cluster.waitForState("CompleteAbort"));
        cluster.run(30s);
        QCOMPARE(cluster.state(), std::string("CompleteAbort"));
        const auto answer = cluster.take<EndTxnResponse>(late);
        QVERIFY(!answer || answer->error != ErrorCode::None);
        QCOMPARE(cluster.committed(partition), std::string());
    }
    void aProducerThatIsTooLateIsFencedEverywhere_data()
    {
        QTest::addColumn<int>("version");
        QTest::addRow("transaction.version 1") << 1;
        QTest::addRow("transaction.version 2") << 2;
    }
    void aProducerThatIsTooLateIsFencedEverywhere()
    {
        QFETCH(int, version);
        FiveBrokers cluster(static_cast<std::int16_t>(version));
        Producer producer{.cluster = cluster, .version = static_cast<std::int16_t>(version)};
        producer.init();
        QCOMPARE(producer.send(0, "slow"), ErrorCode::None);
        cluster.run(75s);
        QCOMPARE(cluster.state(), std::string("CompleteAbort"));
        const ErrorCode fenced =
            version == 2 ? ErrorCode::InvalidProducerEpoch : ErrorCode::ProducerFenced;
        QCOMPARE(producer.send(0, "too late"), fenced);
        QCOMPARE(producer.send(1, "too late"), fenced);
        QCOMPARE(cluster.committed(0), std::string());
        QCOMPARE(cluster.committed(1), std::string());
    }
    void aPartitionThatIsDeletedNeedsNoMarker()
    {
        FiveBrokers cluster;
        Producer producer{cluster};
        producer.init();
        const int down = cluster.bystander();
        producer.send(down - 1, "a");
        cluster.kill(down);
        QCOMPARE(producer.end(true), ErrorCode::None);
        cluster.run(10s);
        QCOMPARE(cluster.state(), std::string("PrepareCommit"));
        (void)cluster.ask<DeleteTopicsResponse>(
            cluster.anyAlive(), DeleteTopicsRequest{.topics = {"orders"}});
        QVERIFY(cluster.waitForState("CompleteCommit"));
    }
    void partitionsThatAreNotThereAreNotAdded()
    {
        FiveBrokers cluster;
        Producer producer{.cluster = cluster, .version = 1};
        producer.init();
        AddPartitionsToTxnRequest request{.transactionalId = kId,
            .producerId = producer.producerId,
            .producerEpoch = producer.epoch,
            .partitions = {{"orders", 0}, {"orders", 5}, {"nothing", 0}}};
        const auto answer = cluster.ask<AddPartitionsToTxnResponse>(cluster.coordinator(), request);
        QCOMPARE(answer.partitions.at(0).error, ErrorCode::OperationNotAttempted);
        QCOMPARE(answer.partitions.at(1).error, ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(answer.partitions.at(2).error, ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(cluster.state(), std::string("Empty"));
    }
    void onlyTheCoordinatorAnswers()
    {
        FiveBrokers cluster;
        const int coordinator = cluster.coordinator();
        for (int id = 1; id <= 5; ++id) {
            const auto answer = cluster.ask<InitProducerIdResponse>(
                id, InitProducerIdRequest{.transactionalId = kId});
            QCOMPARE(answer.error, id == coordinator ? ErrorCode::None : ErrorCode::NotCoordinator);
        }
    }

    /// Producers with two ids, each taken over now and then by a second producer, write to two
    /// partitions at a time; brokers die and come back. Every transaction whose end was
    /// acknowledged is seen whole or not at all, as decided; those whose producer was never told
    /// are whole or nowhere.
    void whateverDiesATransactionIsWholeOrNowhere_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 12; ++seed)
            QTest::addRow("seed %llu", static_cast<unsigned long long>(seed)) << seed;
    }
    void whateverDiesATransactionIsWholeOrNowhere()
    {
        QFETCH(quint64, seed);
        FiveBrokers cluster(2, kThreeOfEach, seed);
        Random random(seed);
        struct Written {
            std::array<int, 2> partitions;
            std::optional<bool> committed;
            std::array<bool, 2> sent;
        };
        std::map<std::string, Written> transactions;
        std::map<std::string, Producer> producers;
        for (int round = 0; round < 25; ++round) {
            const std::string id = random.below(2) == 0 ? "one" : "two";
            auto at = producers.find(id);
            if (at == producers.end() || random.below(4) == 0) {
                producers.erase(id); // another process takes the id
                at = producers.emplace(id, Producer{.cluster = cluster, .id = id}).first;
                QCOMPARE(at->second.init(), ErrorCode::None);
            }
            Producer &producer = at->second;
            const std::string value = "t" + std::to_string(round);
            Written written{{int(random.below(5)), int(random.below(5))}, {}, {}};
            bool isWhole = true;
            for (std::size_t i = 0; i < 2; ++i) {
                if (random.below(6) == 0)
                    cluster.fault(random);
                const ErrorCode error = producer.send(written.partitions[i], value);
                isWhole = isWhole && error == ErrorCode::None;
                written.sent[i] = error == ErrorCode::None;
            }
            if (random.below(3) == 0)
                cluster.fault(random);
            if (random.below(8) != 0) { // else its producer dies too
                const bool commits = isWhole && random.below(3) != 0;
                const ErrorCode error = producer.end(commits);
                if (error == ErrorCode::None)
                    written.committed = commits;
                else
                    producers.erase(id);
            } else {
                producers.erase(id);
            }
            transactions.emplace(value, written);
            cluster.run(std::chrono::milliseconds{random.below(500)});
        }
        cluster.killWhileAsking = false;
        if (cluster.dead != 0)
            cluster.start(cluster.dead);
        cluster.run(3min); // what is open times out
        for (const std::string id : {"one", "two"})
            QVERIFY2(cluster.state(id).starts_with("Complete"), cluster.state(id).c_str());
        std::map<std::string, int> seen;
        for (int partition = 0; partition < 5; ++partition) {
            std::string text = cluster.committed(partition);
            QVERIFY2(text.find('_') == std::string::npos, text.c_str());
            for (QString value : QString::fromStdString(text).split(' ', Qt::SkipEmptyParts))
                ++seen[value.toStdString()];
        }
        for (const auto &[value, written] : transactions) {
            const int whole = int(written.sent[0]) + int(written.sent[1]);
            const int count = seen[value];
            const std::string what = value + " seen " + std::to_string(count) + " times";
            if (written.committed)
                QVERIFY2(count == (*written.committed ? 2 : 0), what.c_str());
            else
                QVERIFY2(count == 0 || count == whole, what.c_str());
        }
    }
};

QTEST_APPLESS_MAIN(TransactionBrokersTest)
#include "tst_transaction_brokers.moc"
