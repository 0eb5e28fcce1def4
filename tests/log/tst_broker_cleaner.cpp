#include <QtTest>

#include "engine/log/events.h"
#include "log_cluster.h"
#include "log_world.h"

using namespace queuelab;
using namespace queuelab::log;
using namespace std::chrono_literals;
using queuelab::log::testing::LogCluster;
using queuelab::log::testing::LogWorld;

namespace {

using Configs = std::map<std::string, std::string>;

/// Each record begins a new segment.
Configs compacted(Configs more = {})
{
    more.insert({{"cleanup.policy", "compact"}, {"internal.segment.bytes", "100"}});
    return more;
}

SharedBytes recordOf(
    std::int64_t timestampMs, const std::string &key, const std::optional<std::string> &value)
{
    BatchBuilder builder;
    builder.append(
        timestampMs, asBytes(key), value ? std::optional(asBytes(*value)) : std::nullopt);
    return builder.take();
}

void create(LogWorld &world, const Configs &configs, std::int32_t partitions = 1)
{
    const auto created = world.askFor<CreateTopicsResponse>(
        CreateTopicsRequest{{{.name = "orders", .partitions = partitions, .configs = configs}}});
    QCOMPARE(created.topics.at(0).error, ErrorCode::None);
}

void produce(LogWorld &world, const std::string &key, const std::optional<std::string> &value,
    std::int32_t partition = 0)
{
    ProduceRequest request;
    request.acks = -1;
    request.partitions.push_back(
        {{"orders", partition}, recordOf(epochMillis(world.now()), key, value)});
    QCOMPARE(
        world.askFor<ProduceResponse>(std::move(request)).partitions.at(0).error, ErrorCode::None);
}

/// Offset and value of what is left of the partition.
std::map<std::int64_t, std::string> recordsOf(
    const Broker &broker, const Files &files, std::int32_t partition = 0)
{
    std::map<std::int64_t, std::string> records;
    const auto pieces = broker.peek({"orders", partition}, 0, UINT64_MAX, files).value();
    for (const SharedBytes &piece : pieces) {
        for (ByteView rest = piece.view(); !rest.empty();) {
            const std::size_t size = readBatchHeader(rest)->sizeBytes();
            for (RecordCursor cursor(rest.first(size)); cursor.next();) {
                records[cursor.record().offset] =
                    cursor.record().value ? asText(*cursor.record().value) : "null";
            }
            rest = rest.subspan(size);
        }
    }
    return records;
}

std::string textOf(Files &files, const std::string &path)
{
    const FileId file = files.open(path, false).value();
    const Bytes bytes = readWhole(files, file).value();
    files.close(file);
    return std::string(asText(bytes));
}

PartitionSnapshot snapshot(const LogWorld &world, std::size_t partition = 0)
{
    return world.topic("orders").partitions.at(partition);
}

/// The partitions in the order in which they were cleaned.
std::vector<std::string> cleanings(const Trace &trace)
{
    std::vector<std::string> names;
    for (std::uint64_t i = trace.first(); i < trace.end(); ++i) {
        if (trace.at(i).kind == kind(LogEvent::PartitionCleaned))
            names.emplace_back(trace.names().name(trace.at(i).subject));
    }
    return names;
}

const TopicPartition kOrders{"orders", 0};

/// Five brokers, all voters, ready: two that have a replica may die.
class Cluster : public LogCluster {
public:
    Cluster()
        : LogCluster(5)
    {
        invariant(runUntil([this] { return isReady(); }), "the cluster gets ready");
    }
    void create(std::vector<std::int32_t> replicas, Configs configs)
    {
        CreateTopicsRequest request;
        request.topics.push_back({.name = "orders",
            .partitions = -1,
            .replicationFactor = -1,
            .configs = std::move(configs),
            .assignments = {std::move(replicas)}});
        QCOMPARE(ask<CreateTopicsResponse>(4, request).topics.at(0).error, ErrorCode::None);
        run(1s); // all brokers hear of it
    }
    void produce(int leader, const std::string &key, const std::string &value)
    {
        ProduceRequest request;
        request.acks = -1;
        request.partitions.push_back({kOrders, recordOf(epochMillis(now()), key, value)});
        QCOMPARE(ask<ProduceResponse>(leader, request).partitions.at(0).error, ErrorCode::None);
    }
    std::string checkpoint(int id)
    {
        return textOf(files(), directory(id) + "/cleaner-offset-checkpoint");
    }
};

} // namespace

class TestBrokerCleaner : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aCompactedTopicIsCleanedWithinTheBackoff()
    {
        LogWorld world;
        create(world, compacted());
        for (const char *value : {"1", "2", "3"})
            produce(world, "A", value);
        QCOMPARE(snapshot(world).firstDirtyOffset, 0);
        QCOMPARE(snapshot(world).dirtyPercent, 100);
        world.run(14s);
        QCOMPARE(world.trace().count(kind(LogEvent::PartitionCleaned)), 0U);
        world.run(1s);
        QCOMPARE(world.trace().count(kind(LogEvent::PartitionCleaned)), 1U);
        QCOMPARE(world.trace().count(kind(LogEvent::SegmentsCleaned)), 2U);
        QCOMPARE(recordsOf(world.broker(), world.files()),
            (std::map<std::int64_t, std::string>{{1, "2"}, {2, "3"}}));
        const PartitionSnapshot after = snapshot(world);
        QCOMPARE(after.firstDirtyOffset, 2);
        QCOMPARE(after.dirtyPercent, 0);
        QCOMPARE(after.logEndOffset, 3);
        std::int64_t records = 0;
        for (const SegmentInfo &segment : after.segments)
            records += segment.recordCount;
        QCOMPARE(records, 2);
        QCOMPARE(textOf(world.files(), "broker-1/cleaner-offset-checkpoint"),
            std::string("0\n1\norders 0 2\n"));
        const TraceEvent &event = world.trace().at(world.trace().end() - 1);
        QCOMPARE(event.kind, kind(LogEvent::PartitionCleaned));
        QCOMPARE(event.item, 2);
        QCOMPARE(event.count, 1);
        QVERIFY(event.value > 0);
    }
    void theDirtiestIsCleanedFirst()
    {
        LogWorld world;
        create(world, compacted({{"min.cleanable.dirty.ratio", "0.1"}}), 2);
        for (int i = 0; i < 5; ++i)
            produce(world, "key-" + std::to_string(i), "1", 0);
        produce(world, "A", "1", 1);
        produce(world, "B", "1", 1);
        world.run(20s);
        QCOMPARE(cleanings(world.trace()), (std::vector<std::string>{"orders-0", "orders-1"}));
        // Of the first four fifths are clean, of the other one half.
        produce(world, "C", "1", 0);
        produce(world, "C", "1", 1);
        world.run(20s);
        QCOMPARE(cleanings(world.trace()),
            (std::vector<std::string>{"orders-0", "orders-1", "orders-1", "orders-0"}));
    }
    void aLogBelowTheRatioWaitsForMoreAndCostsNothingMeanwhile()
    {
        LogWorld world;
        create(world, compacted());
        for (const char *key : {"A", "B", "C", "D"})
            produce(world, key, "1");
        world.run(1min);
        produce(world, "A", "2");
        world.run(1h);
        QCOMPARE(cleanings(world.trace()).size(), std::size_t{1});
        for (const char *key : {"A", "B", "C"})
            produce(world, key, "3");
        world.run(1min);
        QCOMPARE(cleanings(world.trace()).size(), std::size_t{2});
    }
    void maxCompactionLagIsKeptWithoutFurtherRecords()
    {
        LogWorld world;
        create(world, compacted({{"max.compaction.lag.ms", "600000"}}));
        for (const char *key : {"A", "B", "C", "D"})
            produce(world, key, "1");
        world.run(1min);
        produce(world, "A", "2"); // closes D's segment: a quarter is dirty
        world.run(8min);
        QCOMPARE(cleanings(world.trace()).size(), std::size_t{1});
        world.run(2min);
        QCOMPARE(cleanings(world.trace()).size(), std::size_t{2});
    }
    void howFarALogIsCleanOutlivesTheBroker_data()
    {
        QTest::addColumn<bool>("inOrder");
        QTest::addRow("stopped") << true;
        QTest::addRow("killed") << false;
    }
    void howFarALogIsCleanOutlivesTheBroker()
    {
        QFETCH(bool, inOrder);
        LogWorld world;
        create(world, compacted());
        for (const char *value : {"1", "2", "3"})
            produce(world, "A", value);
        world.run(20s);
        if (inOrder)
            world.stopBroker();
        else
            world.killBroker();
        world.startBroker();
        QCOMPARE(snapshot(world).firstDirtyOffset, 2);
        produce(world, "A", "4");
        produce(world, "A", "5");
        world.run(20s);
        QCOMPARE(recordsOf(world.broker(), world.files()),
            (std::map<std::int64_t, std::string>{{3, "4"}, {4, "5"}}));
    }
    void aTopicThatIsCompactedLaterIsCleanedToo()
    {
        LogWorld world;
        create(world, {{"internal.segment.bytes", "100"}});
        for (const char *value : {"1", "2", "3"})
            produce(world, "A", value);
        world.run(1min);
        QCOMPARE(snapshot(world).firstDirtyOffset, -1);
        QCOMPARE(cleanings(world.trace()).size(), std::size_t{0});
        world.askFor<AlterConfigsResponse>(
            AlterConfigsRequest{{{"orders", {{"cleanup.policy", "compact,delete"}}}}, {}});
        world.run(20s);
        QCOMPARE(cleanings(world.trace()).size(), std::size_t{1});
    }
    void withoutACleanerNothingIsCleaned()
    {
        BrokerConfig config;
        config.logCleaner = false;
        LogWorld world(config);
        create(world, compacted());
        for (const char *value : {"1", "2", "3"})
            produce(world, "A", value);
        world.run(1min);
        QCOMPARE(cleanings(world.trace()).size(), std::size_t{0});
    }
    void aTopicOfTheSameNameBeginsDirty()
    {
        LogWorld world;
        create(world, compacted());
        for (const char *value : {"1", "2", "3"})
            produce(world, "A", value);
        world.run(20s);
        world.askFor<DeleteTopicsResponse>(DeleteTopicsRequest{{"orders"}});
        QCOMPARE(
            textOf(world.files(), "broker-1/cleaner-offset-checkpoint"), std::string("0\n0\n"));
        create(world, compacted());
        for (const char *value : {"4", "5", "6"})
            produce(world, "A", value);
        QCOMPARE(snapshot(world).firstDirtyOffset, 0);
    }
    void aDamagedLogIsLeftAloneUntilTheNextStart()
    {
        LogWorld world;
        create(world, compacted());
        for (const char *value : {"1", "2", "3"})
            produce(world, "A", value);
        const FileId file =
            world.files().open("broker-1/orders-0/00000000000000000000.log", false).value();
        world.files().writeAt(file, 61, asBytes("\x7f")).value();
        world.files().close(file);
        world.run(1min);
        QCOMPARE(cleanings(world.trace()).size(), std::size_t{0});
        const auto notes = world.broker().takeNotes();
        QCOMPARE(notes.size(), std::size_t{1});
        QVERIFY(notes[0].find("not compacted") != std::string::npos);
    }
    void recordsOfACompactedTopicCannotBeDeleted()
    {
        LogWorld world;
        create(world, compacted());
        produce(world, "A", "1");
        const auto deleteAll = [&] {
            return world
                .askFor<DeleteRecordsResponse>(
                    DeleteRecordsRequest{{{{"orders", 0}, DeleteRecordsRequest::kAll}}})
                .partitions.at(0)
                .error;
        };
        QCOMPARE(deleteAll(), ErrorCode::PolicyViolation);
        world.askFor<AlterConfigsResponse>(
            AlterConfigsRequest{{{"orders", {{"cleanup.policy", "compact,delete"}}}}, {}});
        QCOMPARE(deleteAll(), ErrorCode::None);
    }
    void groupsAreTakenOverFromACompactedTopic()
    {
        BrokerConfig config;
        config.offsetsTopicPartitions = 1;
        LogWorld world(config);
        create(world, {});
        const auto commit = [&](std::int64_t offset) {
            OffsetCommitRequest request{.group = "billing"};
            request.partitions.push_back({{"orders", 0}, offset});
            QCOMPARE(world.askFor<OffsetCommitResponse>(std::move(request)).partitions.at(0).error,
                ErrorCode::None);
        };
        const auto committed = [&] {
            return world
                .askFor<OffsetFetchResponse>(
                    OffsetFetchRequest{.group = "billing", .partitions = {{{"orders", 0}}}})
                .partitions.at(0)
                .committedOffset;
        };
        world.askFor<FindCoordinatorResponse>(FindCoordinatorRequest{"billing"});
        QCOMPARE(
            world.topic("__consumer_offsets").configs.at("cleanup.policy"), std::string("compact"));
        world.askFor<AlterConfigsResponse>(AlterConfigsRequest{
            {{"__consumer_offsets",
                {{"segment.bytes", std::nullopt}, {"internal.segment.bytes", "200"}}}},
            {}});
        for (std::int64_t offset = 1; offset <= 50; ++offset)
            commit(offset);
        world.run(20s);
        const PartitionSnapshot offsets = world.topic("__consumer_offsets").partitions.at(0);
        QVERIFY(offsets.firstDirtyOffset > 40);
        std::int64_t records = 0;
        for (const SegmentInfo &segment : offsets.segments)
            records += segment.recordCount;
        QVERIFY(records < 5);
        world.stopBroker();
        world.startBroker();
        QCOMPARE(committed(), 50);
    }
    void followersCleanTheirOwnCopies()
    {
        Cluster cluster;
        cluster.create({1, 2, 3}, compacted());
        for (const char *value : {"1", "2", "3", "4"})
            cluster.produce(1, "A", value);
        cluster.run(20s);
        QCOMPARE(cluster.count(LogEvent::PartitionCleaned), std::size_t{3});
        for (const int id : {1, 2, 3})
            QCOMPARE(cluster.records(id, kOrders), std::string("2:3 3:4"));
        // A follower that has lost everything takes the gaps over.
        cluster.kill(3);
        cluster.loseDisk(3);
        cluster.start(3);
        QVERIFY(cluster.runUntil([&] { return cluster.replica(3, kOrders).logEndOffset == 4; }));
        QCOMPARE(cluster.records(3, kOrders), std::string("2:3 3:4"));
    }
    void whatIsCutOffIsNotCleanWhenItIsWrittenAgain()
    {
        Cluster cluster;
        cluster.create({1, 2}, compacted({{"unclean.leader.election.enable", "true"}}));
        cluster.produce(1, "A", "1");
        cluster.kill(2);
        QVERIFY(cluster.runUntil([&] { return cluster.partition(kOrders).isr.size() == 1; }));
        for (const char *value : {"2", "3", "4", "5"})
            cluster.produce(1, "A", value);
        cluster.run(20s);
        QCOMPARE(cluster.checkpoint(1), std::string("0\n1\norders 0 4\n"));
        cluster.kill(1);
        cluster.start(2);
        QVERIFY(cluster.runUntil([&] { return cluster.partition(kOrders).leader == 2; }, 15min));
        cluster.run(1s); // it has heard of it
        cluster.produce(2, "A", "other");
        cluster.start(1);
        // What was compacted away stays away; what was cut comes from the new leader.
        QVERIFY(cluster.runUntil([&] { return cluster.records(1, kOrders) == "1:other"; }));
        QCOMPARE(cluster.checkpoint(1), std::string("0\n1\norders 0 1\n"));
    }
};

QTEST_APPLESS_MAIN(TestBrokerCleaner)
#include "tst_broker_cleaner.moc"
