#include <QTest>

#include "controlled_cluster.h"

#include <set>

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::ControlledCluster;
using queuelab::log::testing::Three;

using Replicas = std::vector<std::int32_t>;

namespace {

const TopicPartition kOrders{"orders", 0};

} // namespace

class TestControllerTopics : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void leadersAndReplicasOfANewTopicAreSpread()
    {
        Three cluster;
        QCOMPARE(cluster.createTopic({"orders", 6, 2, {}, {}}), ErrorCode::None);
        const TopicImage &topic = *cluster.image().topic("orders");
        QCOMPARE(topic.partitions.size(), 6U);
        std::map<std::int32_t, int> leaders;
        std::map<std::int32_t, int> replicas;
        for (const PartitionImage &partition : topic.partitions) {
            QCOMPARE(partition.leader, partition.replicas.front());
            QCOMPARE(partition.isr, partition.replicas);
            ++leaders[partition.leader];
            for (const std::int32_t id : partition.replicas)
                ++replicas[id];
        }
        QCOMPARE(leaders, (std::map<std::int32_t, int>{{1, 2}, {2, 2}, {3, 2}}));
        QCOMPARE(replicas, (std::map<std::int32_t, int>{{1, 4}, {2, 4}, {3, 4}}));
        const Trace &trace = cluster.trace();
        const TraceEvent &created = trace.at(trace.lastOf(trace.names().find("orders")) - 1);
        QCOMPARE(created.kind, kind(LogEvent::TopicCreated));
        QCOMPARE(created.count, 6);
        QCOMPARE(cluster.count(LogEvent::LeaderElected, LogReason::NewTopic), 6U);
    }
    void afterARoundTheBrokersFollowEachOtherInAnotherOrder()
    {
        Three cluster;
        QCOMPARE(cluster.createTopic({"orders", 60, 3, {}, {}}), ErrorCode::None);
        std::set<Replicas> orders;
        for (const PartitionImage &partition : cluster.image().topic("orders")->partitions)
            orders.insert(partition.replicas);
        QCOMPARE(orders.size(), 6U);
    }
    void placementIsDecidedByTheSeed()
    {
        const auto placement = [](std::uint64_t seed) {
            Three cluster({}, seed);
            (void)cluster.createTopic({"orders", 7, 3, {}, {}});
            return *cluster.image().topic("orders");
        };
        QCOMPARE(placement(4), placement(4));
        QVERIFY(placement(4) != placement(5));
    }
    void aFencedBrokerGetsReplicasButIsNeitherFirstNorInSync()
    {
        Three cluster;
        cluster.kill(2);
        QCOMPARE(cluster.createTopic({"orders", 4, 3, {}, {}}), ErrorCode::None);
        for (const PartitionImage &partition : cluster.image().topic("orders")->partitions) {
            QCOMPARE(partition.replicas.back(), 2);
            QCOMPARE(
                partition.isr, Replicas(partition.replicas.begin(), partition.replicas.end() - 1));
        }
    }
    void minusOneMeansTheBrokersDefaults()
    {
        BrokerConfig config;
        config.numPartitions = 5;
        config.defaultReplicationFactor = 2;
        Three cluster(config);
        QCOMPARE(cluster.createTopic({"orders", -1, -1, {}, {}}), ErrorCode::None);
        const TopicImage &topic = *cluster.image().topic("orders");
        QCOMPARE(topic.partitions.size(), 5U);
        QCOMPARE(topic.partitions[0].replicas.size(), 2U);
    }
    void replicasByHandAreKept()
    {
        Three cluster;
        QCOMPARE(cluster.createTopic({"orders", -1, -1, {}, {{3, 1}, {2, 3}}}), ErrorCode::None);
        QCOMPARE(cluster.partition({"orders", 0}).replicas, (Replicas{3, 1}));
        QCOMPARE(cluster.partition({"orders", 1}).leader, 2);
    }
    void replicasByHandOnAFencedBrokerBeginOutOfSync()
    {
        Three cluster;
        cluster.kill(3);
        QCOMPARE(cluster.createAt("orders", {3, 1}), ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, 1);
        QCOMPARE(cluster.partition(kOrders).isr, Replicas{1});
        QCOMPARE(cluster.createAt("payments", {3}), ErrorCode::InvalidReplicaAssignment);
    }
    void refusedTopics_data()
    {
        QTest::addColumn<CreateTopicsRequest::Topic>("topic");
        QTest::addColumn<ErrorCode>("error");
        using Topic = CreateTopicsRequest::Topic;
        const auto row = [](const char *name, Topic topic, ErrorCode error) {
            QTest::newRow(name) << std::move(topic) << error;
        };
        row("no name", {"", 1, 1, {}, {}}, ErrorCode::InvalidTopicException);
        row("dot dot", {"..", 1, 1, {}, {}}, ErrorCode::InvalidTopicException);
        row("blank", {"a b", 1, 1, {}, {}}, ErrorCode::InvalidTopicException);
        row("too long", {std::string(250, 'a'), 1, 1, {}, {}}, ErrorCode::InvalidTopicException);
        row("collision", {"there_it.is", 1, 1, {}, {}}, ErrorCode::InvalidTopicException);
        row("exists", {"there.it.is", 1, 1, {}, {}}, ErrorCode::TopicAlreadyExists);
        row("metadata log", {"__cluster_metadata", 1, 1, {}, {}}, ErrorCode::InvalidRequest);
        row("no partitions", {"orders", 0, 1, {}, {}}, ErrorCode::InvalidPartitions);
        row("too many partitions", {"orders", 100'001, 1, {}, {}}, ErrorCode::InvalidPartitions);
        row("no replicas", {"orders", 1, 0, {}, {}}, ErrorCode::InvalidReplicationFactor);
        row("more replicas than brokers", {"orders", 1, 4, {}, {}},
            ErrorCode::InvalidReplicationFactor);
        row("unknown setting", {"orders", 1, 1, {{"retention", "1"}}, {}},
            ErrorCode::InvalidConfig);
        row("bad value", {"orders", 1, 1, {{"retention.ms", "-2"}}, {}}, ErrorCode::InvalidConfig);
        row("by hand and counted", {"orders", 1, -1, {}, {{1}}}, ErrorCode::InvalidRequest);
        row("by hand, unequal", {"orders", -1, -1, {}, {{1, 2}, {1}}},
            ErrorCode::InvalidReplicaAssignment);
        row("by hand, twice", {"orders", -1, -1, {}, {{1, 1}}},
            ErrorCode::InvalidReplicaAssignment);
        row("by hand, nobody", {"orders", -1, -1, {}, {{}}}, ErrorCode::InvalidReplicaAssignment);
        row("by hand, unknown", {"orders", -1, -1, {}, {{1, 9}}},
            ErrorCode::InvalidReplicaAssignment);
    }
    void refusedTopics()
    {
        QFETCH(CreateTopicsRequest::Topic, topic);
        QFETCH(ErrorCode, error);
        Three cluster;
        QCOMPARE(cluster.createTopic({"there.it.is", 1, 1, {}, {}}), ErrorCode::None);
        const std::int64_t end = cluster.logEndOffset();
        const auto answer = cluster.ask<CreateTopicsResponse>(CreateTopicsRequest{{topic}});
        QCOMPARE(answer.topics.at(0).error, error);
        QVERIFY(!answer.topics.at(0).message.empty());
        QCOMPARE(cluster.logEndOffset(), end);
    }
    void withEveryBrokerFencedNothingIsPlaced()
    {
        ControlledCluster cluster;
        (void)cluster.registerBroker(1);
        QCOMPARE(
            cluster.createTopic({"orders", 1, 1, {}, {}}), ErrorCode::InvalidReplicationFactor);
    }
    void aTopicNamedTwiceInARequestIsNotCreated()
    {
        Three cluster;
        const auto answer = cluster.ask<CreateTopicsResponse>(CreateTopicsRequest{
            {{"orders", 1, 1, {}, {}}, {"payments", 1, 1, {}, {}}, {"orders", 2, 1, {}, {}}}});
        QCOMPARE(answer.topics[0].error, ErrorCode::InvalidRequest);
        QCOMPARE(answer.topics[1].error, ErrorCode::None);
        QCOMPARE(answer.topics[2].error, ErrorCode::InvalidRequest);
        QCOMPARE(cluster.image().topics().size(), 1U);
    }
    void addedPartitionsGoOnWhereTheLastStands()
    {
        Three cluster;
        QCOMPARE(cluster.createTopic({"orders", -1, -1, {}, {{2, 3}}}), ErrorCode::None);
        const auto answer = cluster.ask<CreatePartitionsResponse>(
            CreatePartitionsRequest{.topics = {{"orders", 3}}, .validateOnly = false});
        QCOMPARE(answer.topics[0].error, ErrorCode::None);
        QCOMPARE(cluster.partition({"orders", 1}).replicas, (Replicas{3, 1}));
        QCOMPARE(cluster.partition({"orders", 2}).replicas, (Replicas{1, 2}));
        QCOMPARE(cluster.count(LogEvent::PartitionsAdded, LogReason::None, "orders"), 1U);
        const Trace &trace = cluster.trace();
        const TraceEvent &added = trace.at(trace.lastOf(trace.names().find("orders")) - 1);
        QCOMPARE(added.count, 2);
        QCOMPARE(added.value, 3);
    }
    void aDryRunAnswersAsIfAndChangesNothing()
    {
        Three cluster;
        QCOMPARE(cluster.createTopic({"orders", 1, 1, {}, {}}), ErrorCode::None);
        const std::int64_t end = cluster.logEndOffset();
        const auto answer = cluster.ask<CreatePartitionsResponse>(CreatePartitionsRequest{
            .topics = {{"orders", 3}, {"payments", 3}}, .validateOnly = true});
        QCOMPARE(answer.topics[0].error, ErrorCode::None);
        QCOMPARE(answer.topics[1].error, ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(cluster.logEndOffset(), end);
    }
    void partitionsOnlyGrow()
    {
        Three cluster;
        QCOMPARE(cluster.createTopic({"orders", 3, 1, {}, {}}), ErrorCode::None);
        for (const std::int32_t count : {-1, 2, 3, 100'001}) {
            const auto answer = cluster.ask<CreatePartitionsResponse>(
                CreatePartitionsRequest{.topics = {{"orders", count}}});
            QCOMPARE(answer.topics[0].error, ErrorCode::InvalidPartitions);
        }
    }
    void deletedTopicsAreGone()
    {
        Three cluster;
        QCOMPARE(cluster.createTopic({"orders", 3, 1, {}, {}}), ErrorCode::None);
        const auto answer =
            cluster.ask<DeleteTopicsResponse>(DeleteTopicsRequest{{"orders", "payments"}});
        QCOMPARE(answer.topics[0].error, ErrorCode::None);
        QCOMPARE(answer.topics[1].error, ErrorCode::UnknownTopicOrPartition);
        QVERIFY(cluster.image().topics().empty());
        QCOMPARE(cluster.count(LogEvent::TopicDeleted, LogReason::None, "orders"), 1U);
    }
    void settingsAreSetAndTakenBack()
    {
        Three cluster;
        QCOMPARE(cluster.createTopic({"orders", 1, 1, {{"segment.ms", "5"}}, {}}), ErrorCode::None);
        const auto alter = [&cluster](
                               const std::string &key, const std::optional<std::string> &value) {
            return cluster
                .ask<AlterConfigsResponse>(AlterConfigsRequest{{{"orders", {{key, value}}}}})
                .topics[0]
                .error;
        };
        QCOMPARE(alter("retention.ms", "1000"), ErrorCode::None);
        QCOMPARE(alter("segment.ms", std::nullopt), ErrorCode::None);
        QCOMPARE(cluster.image().topic("orders")->configs,
            (std::map<std::string, std::string>{{"retention.ms", "1000"}}));
        QCOMPARE(cluster.count(LogEvent::ConfigsAltered), 2U);
        const std::int64_t end = cluster.logEndOffset();
        QCOMPARE(alter("retention.ms", "1000"), ErrorCode::None); // it is so already
        QCOMPARE(alter("retention.ms", "soon"), ErrorCode::InvalidConfig);
        QCOMPARE(cluster.logEndOffset(), end);
        const auto unknown =
            cluster.ask<AlterConfigsResponse>(AlterConfigsRequest{{{"payments", {}}}});
        QCOMPARE(unknown.topics[0].error, ErrorCode::UnknownTopicOrPartition);
    }
    void aSmallerMinIsrEndsTheEligibilityOfOthers()
    {
        Three cluster;
        QCOMPARE(
            cluster.createAt("orders", {1, 2}, {{"min.insync.replicas", "2"}}), ErrorCode::None);
        cluster.kill(2);
        QCOMPARE(cluster.partition(kOrders).eligibleLeaderReplicas, Replicas{2});
        (void)cluster.ask<AlterConfigsResponse>(
            AlterConfigsRequest{{{"orders", {{"min.insync.replicas", "1"}}}}});
        QCOMPARE(cluster.partition(kOrders).eligibleLeaderReplicas, Replicas{});
    }
    void topicSettingsAreParsed_data()
    {
        QTest::addColumn<QByteArray>("key");
        QTest::addColumn<QByteArray>("value");
        QTest::addColumn<bool>("isValid");
        const auto row = [](const char *key, const char *value, bool isValid) {
            QTest::addRow("%s=%s", key, value) << QByteArray(key) << QByteArray(value) << isValid;
        };
        for (const char *codec : {"producer", "uncompressed", "gzip", "snappy", "lz4", "zstd"})
            row("compression.type", codec, true);
        row("compression.type", "none", false);
        row("compression.type", "brotli", false);
        row("unclean.leader.election.enable", "true", true);
        row("unclean.leader.election.enable", "false", true);
        row("unclean.leader.election.enable", "yes", false);
        row("message.timestamp.before.max.ms", "0", true);
        row("message.timestamp.before.max.ms", "-1", false);
        row("flush.ms", "9223372036854775807", true);
        row("flush.ms", "1000", false);
        row("flush.ms", "-1", false);
        row("file.delete.delay.ms", "0", true);
        row("file.delete.delay.ms", "-1", false);
    }
    void topicSettingsAreParsed()
    {
        QFETCH(QByteArray, key);
        QFETCH(QByteArray, value);
        QFETCH(bool, isValid);
        const auto parsed = LogConfig::parse({{key.toStdString(), value.toStdString()}});
        QCOMPARE(parsed.has_value(), isValid);
    }
    void parsedSettingsHaveTheirValues()
    {
        const LogConfig config = LogConfig::parse(
            {{"compression.type", "zstd"}, {"unclean.leader.election.enable", "true"},
                {"message.timestamp.before.max.ms", "7"}, {"file.delete.delay.ms", "9"}})
                                     .value();
        QCOMPARE(config.compression, CompressionType::Zstd);
        QVERIFY(config.uncleanLeaderElection);
        QCOMPARE(config.timestampBeforeMaxMs, 7);
        QCOMPARE(config.fileDeleteDelayMs, 9);
        const auto compression = [](const char *value) {
            return LogConfig::parse({{"compression.type", value}}).value().compression;
        };
        QCOMPARE(compression("uncompressed"), CompressionType::None);
        QVERIFY(!compression("producer"));
    }
    void aTopicsOwnSettingsGoBeforeTheBrokersDefaults()
    {
        const std::map<std::string, std::string> defaults{
            {"retention.ms", "1"}, {"segment.ms", "2"}};
        const LogConfig config = LogConfig::parse(defaults, {{"segment.ms", "3"}}).value();
        QCOMPARE(config.retentionMs, 1);
        QCOMPARE(config.segmentMs, 3);
    }
};

QTEST_APPLESS_MAIN(TestControllerTopics)
#include "tst_controller_topics.moc"
