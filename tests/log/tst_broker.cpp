#include <QtTest>

#include "engine/log/events.h"
#include "log_world.h"

#include <set>

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::LogWorld;

namespace {

CreateTopicsResponse::Topic create(LogWorld &world, CreateTopicsRequest::Topic topic)
{
    return world.askFor<CreateTopicsResponse>(CreateTopicsRequest{{std::move(topic)}}).topics.at(0);
}

SharedBytes batchOf(const std::vector<std::string> &values, std::int64_t timestampMs)
{
    BatchBuilder builder;
    builder.reset();
    for (const std::string &value : values)
        builder.append(timestampMs, std::nullopt, asBytes(value));
    return builder.take();
}

ProduceRequest produceRequest(const LogWorld &world, const std::vector<std::string> &values,
    std::int16_t acks = -1, TopicPartition partition = {"orders", 0})
{
    ProduceRequest request;
    request.acks = acks;
    request.partitions.push_back({std::move(partition), batchOf(values, epochMillis(world.now()))});
    return request;
}

ProduceResponse::Partition produce(LogWorld &world, const std::vector<std::string> &values,
    std::int16_t acks = -1, TopicPartition partition = {"orders", 0})
{
    return world.askFor<ProduceResponse>(produceRequest(world, values, acks, std::move(partition)))
        .partitions.at(0);
}

FetchRequest fetchFrom(
    std::int64_t offset, std::int32_t minBytes = 1, TopicPartition partition = {"orders", 0})
{
    FetchRequest request;
    request.minBytes = minBytes;
    request.partitions.push_back({std::move(partition), offset});
    return request;
}

std::size_t bytesOf(const FetchResponse::Partition &partition)
{
    std::size_t bytes = 0;
    for (const SharedBytes &piece : partition.records)
        bytes += piece.size();
    return bytes;
}

std::vector<std::string> valuesOf(const FetchResponse::Partition &partition)
{
    std::vector<std::string> values;
    for (const SharedBytes &piece : partition.records) {
        for (ByteView rest = piece.view(); !rest.empty();) {
            const std::size_t size = readBatchHeader(rest)->sizeBytes();
            for (RecordCursor cursor(rest.first(size)); cursor.next();)
                values.emplace_back(asText(*cursor.record().value));
            rest = rest.subspan(size);
        }
    }
    return values;
}

std::optional<FetchResponse> takeFetch(LogWorld &world, RequestId id)
{
    auto answer = world.takeAnswer(id);
    if (!answer)
        return std::nullopt;
    return std::get<FetchResponse>(*answer);
}

DeleteRecordsResponse::Partition deleteRecords(
    LogWorld &world, const std::string &topic, std::int64_t before, std::int32_t partition = 0)
{
    DeleteRecordsRequest request;
    request.partitions.push_back({{topic, partition}, before});
    return world.askFor<DeleteRecordsResponse>(request).partitions.at(0);
}

std::string contentOf(LogWorld &world, const std::string &path)
{
    const auto file = world.files().open(path, false);
    const Bytes bytes = *readWhole(world.files(), *file);
    world.files().close(*file);
    return std::string(asText(bytes));
}

} // namespace

class BrokerTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void topicsAreValidated_data()
    {
        QTest::addColumn<std::string>("name");
        QTest::addColumn<int>("partitions");
        QTest::addColumn<int>("replicas");
        QTest::addColumn<std::string>("key");
        QTest::addColumn<std::string>("value");
        QTest::addColumn<ErrorCode>("error");
        const auto row = [](const char *title, std::string name, int partitions, int replicas,
                             std::string key, std::string value, ErrorCode error) {
            QTest::newRow(title) << name << partitions << replicas << key << value << error;
        };
        row("good", "pay.ments_1-x", 3, 1, "retention.ms", "60000", ErrorCode::None);
        row("empty name", "", 1, 1, "", "", ErrorCode::InvalidTopicException);
        row("one dot", ".", 1, 1, "", "", ErrorCode::InvalidTopicException);
        row("two dots", "..", 1, 1, "", "", ErrorCode::InvalidTopicException);
        row("a slash", "a/b", 1, 1, "", "", ErrorCode::InvalidTopicException);
        row("249 characters", std::string(249, 'x'), 1, 1, "", "", ErrorCode::None);
        row("250 characters", std::string(250, 'x'), 1, 1, "", "",
            ErrorCode::InvalidTopicException);
        row("exists", "orders.eu", 1, 1, "", "", ErrorCode::TopicAlreadyExists);
        row("collides", "orders_eu", 1, 1, "", "", ErrorCode::InvalidTopicException);
        row("no partitions", "a", 0, 1, "", "", ErrorCode::InvalidPartitions);
        row("more replicas than brokers", "a", 1, 3, "", "", ErrorCode::InvalidReplicationFactor);
        row("no replicas", "a", 1, 0, "", "", ErrorCode::InvalidReplicationFactor);
        row("unknown config", "a", 1, 1, "retention.millis", "1", ErrorCode::InvalidConfig);
        row("bad value", "a", 1, 1, "retention.ms", "soon", ErrorCode::InvalidConfig);
    }
    void topicsAreValidated()
    {
        QFETCH(std::string, name);
        QFETCH(int, partitions);
        QFETCH(int, replicas);
        QFETCH(std::string, key);
        QFETCH(std::string, value);
        QFETCH(ErrorCode, error);
        LogWorld world;
        create(world, {"orders.eu", 1, 1, {}});
        CreateTopicsRequest::Topic topic{name, partitions, static_cast<std::int16_t>(replicas), {}};
        if (!key.empty())
            topic.configs[key] = value;
        const auto answer = create(world, topic);
        QCOMPARE(answer.error, error);
        QCOMPARE(answer.message.empty(), error == ErrorCode::None);
        QCOMPARE(world.broker().snapshot().topics.size(), error == ErrorCode::None ? 2U : 1U);
    }

    void metadataNamesLeadersAndStartsAutoCreation()
    {
        BrokerConfig config;
        config.numPartitions = 4;
        LogWorld world(config);
        create(world, {"orders", 2, 1, {}});
        MetadataRequest request;
        request.topics = {"orders", "new", "bad/name"};
        auto answer = world.askFor<MetadataResponse>(request);
        QCOMPARE(answer.brokers, std::vector<std::int32_t>{1});
        QCOMPARE(answer.topics[0].partitions.size(), 2U);
        QCOMPARE(answer.topics[0].partitions[1].leader, 1);
        QCOMPARE(answer.topics[0].partitions[1].isr, std::vector<std::int32_t>{1});
        QCOMPARE(answer.topics[1].error, ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(answer.topics[2].error, ErrorCode::InvalidTopicException);
        request.topics = {"new"};
        request.allowAutoTopicCreation = true;
        answer = world.askFor<MetadataResponse>(request);
        QCOMPARE(
            answer.topics[0].error, ErrorCode::UnknownTopicOrPartition); // creation has started
        answer = world.askFor<MetadataResponse>(request);
        QCOMPARE(answer.topics[0].partitions.size(), 4U);
        QCOMPARE(world.askFor<MetadataResponse>(MetadataRequest{}).topics.size(), 2U);
    }

    void theNumberOfPartitionsOnlyGrows_data()
    {
        QTest::addColumn<std::string>("topic");
        QTest::addColumn<int>("count");
        QTest::addColumn<bool>("validateOnly");
        QTest::addColumn<ErrorCode>("error");
        QTest::addColumn<int>("partitions");
        const auto row = [](const char *title, std::string topic, int count, bool validateOnly,
                             ErrorCode error, int partitions) {
            QTest::newRow(title) << topic << count << validateOnly << error << partitions;
        };
        row("more", "orders", 5, false, ErrorCode::None, 5);
        row("only asked", "orders", 5, true, ErrorCode::None, 3);
        row("as many", "orders", 3, false, ErrorCode::InvalidPartitions, 3);
        row("fewer", "orders", 2, false, ErrorCode::InvalidPartitions, 3);
        row("none", "orders", 0, false, ErrorCode::InvalidPartitions, 3);
        row("negative", "orders", -1, true, ErrorCode::InvalidPartitions, 3);
        row("too many", "orders", 100'001, false, ErrorCode::InvalidPartitions, 3);
        row("unknown topic", "ghost", 5, false, ErrorCode::UnknownTopicOrPartition, 3);
    }
    void theNumberOfPartitionsOnlyGrows()
    {
        QFETCH(std::string, topic);
        QFETCH(int, count);
        QFETCH(bool, validateOnly);
        QFETCH(ErrorCode, error);
        QFETCH(int, partitions);
        LogWorld world;
        create(world, {"orders", 3, 1, {}});
        const auto answer = world
                                .askFor<CreatePartitionsResponse>(
                                    CreatePartitionsRequest{{{topic, count}}, validateOnly})
                                .topics.at(0);
        QCOMPARE(answer.name, topic);
        QCOMPARE(answer.error, error);
        QCOMPARE(answer.message.empty(), error == ErrorCode::None);
        QCOMPARE(world.broker().snapshot().topics.at(0).partitions.size(),
            static_cast<std::size_t>(partitions));
        QCOMPARE(world.trace().count(kind(LogEvent::PartitionsAdded)), partitions > 3 ? 1U : 0U);
    }

    void addedPartitionsBelongToTheTopicForGood()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        produce(world, {"a"});
        QCOMPARE(
            produce(world, {"b"}, -1, {"orders", 1}).error, ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(world.askFor<CreatePartitionsResponse>(CreatePartitionsRequest{{{"orders", 2}}})
                     .topics.at(0)
                     .error,
            ErrorCode::None);
        QCOMPARE(produce(world, {"b"}, -1, {"orders", 1}).baseOffset, 0);
        QCOMPARE(contentOf(world, "broker-1/orders-1/partition.metadata"),
            contentOf(world, "broker-1/orders-0/partition.metadata")); // one topic id
        world.killBroker(); // without another word: it is there after the answer
        world.startBroker();
        const auto topic = world.broker().snapshot().topics.at(0);
        QCOMPARE(topic.partitions.size(), 2U);
        QCOMPARE(topic.partitions[1].logEndOffset, 1);
    }

    void aTopicNamedTwiceDoesNotGrow()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        const auto answer = world.askFor<CreatePartitionsResponse>(
            CreatePartitionsRequest{{{"orders", 2}, {"orders", 3}}});
        QCOMPARE(answer.topics.at(0).error, ErrorCode::InvalidRequest);
        QCOMPARE(answer.topics.at(1).error, ErrorCode::InvalidRequest);
        QCOMPARE(world.broker().snapshot().topics.at(0).partitions.size(), 1U);
    }

    void deletingATopicTakesItsCommitsAlong()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        world.ask(FindCoordinatorRequest{.key = "g"});
        world.ask(OffsetCommitRequest{"g", -1, "", {}, {{{"orders", 0}, 5, -1, {}}}});
        world.ask(fetchFrom(0));
        const RequestId parked = world.lastRequest;
        const auto answer =
            world.askFor<DeleteTopicsResponse>(DeleteTopicsRequest{{"orders", "ghost"}});
        QCOMPARE(answer.topics[0].error, ErrorCode::None);
        QCOMPARE(answer.topics[1].error, ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(takeFetch(world, parked)->partitions[0].error, ErrorCode::UnknownTopicOrPartition);
        const auto offsets = world.askFor<OffsetFetchResponse>(OffsetFetchRequest{"g", {}});
        QVERIFY(offsets.partitions.empty());
        QVERIFY(!world.files().exists("broker-1/orders-0"));
        world.stopBroker();
        world.startBroker();
        QCOMPARE(world.broker().snapshot().topics.size(), 1U); // __consumer_offsets
        QVERIFY(world.askFor<OffsetFetchResponse>(OffsetFetchRequest{"g", {}}).partitions.empty());
    }

    void produceAnswersWithTheBaseOffset()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        QCOMPARE(produce(world, {"a", "b"}).baseOffset, 0);
        const auto second = produce(world, {"c"}, 1);
        QCOMPARE(second.baseOffset, 2);
        QCOMPARE(second.error, ErrorCode::None);
        QCOMPARE(second.logAppendTimeMs, -1);
        const auto partition = world.broker().snapshot().topics[0].partitions[0];
        QCOMPARE(partition.logEndOffset, 3);
        QCOMPARE(partition.highWatermark, 3); // at once: there is one replica
        QCOMPARE(world.trace().count(kind(LogEvent::BatchAppended)), 2U); // one a batch
    }

    void acks0IsNotAnswered()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        QVERIFY(!world.ask(produceRequest(world, {"a"}, 0)));
        QCOMPARE(world.broker().snapshot().topics[0].partitions[0].logEndOffset, 1);
    }

    void produceIsRefused()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        create(world, {"safe", 1, 1, {{"min.insync.replicas", "2"}}});
        create(world, {"small", 1, 1, {{"max.message.bytes", "100"}}});
        QCOMPARE(produce(world, {"a"}, 2).error, ErrorCode::InvalidRequiredAcks);
        QCOMPARE(produce(world, {"a"}, -1, {"ghost", 0}).error, ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(
            produce(world, {"a"}, -1, {"orders", 1}).error, ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(
            produce(world, {"a"}, -1, {"orders", -1}).error, ErrorCode::UnknownTopicOrPartition);
        // min.insync.replicas asks for no more replicas than there are.
        QCOMPARE(produce(world, {"a"}, -1, {"safe", 0}).error, ErrorCode::None);
        QCOMPARE(produce(world, {std::string(200, 'x')}, 1, {"small", 0}).error,
            ErrorCode::MessageTooLarge);
        ProduceRequest corrupt = produceRequest(world, {"a"});
        Bytes bytes(corrupt.partitions[0].records.view().begin(),
            corrupt.partitions[0].records.view().end());
        bytes.back() ^= 1;
        corrupt.partitions[0].records = SharedBytes(std::move(bytes));
        QCOMPARE(
            world.askFor<ProduceResponse>(corrupt).partitions[0].error, ErrorCode::CorruptMessage);
        QCOMPARE(world.broker().snapshot().topics[0].partitions[0].logEndOffset, 0);
        QCOMPARE(world.trace().count(kind(LogEvent::BatchRefused)), 5U);
    }

    void aFetchReturnsWholeBatchesFromTheOneWithTheOffset()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        produce(world, {"a", "b", "c"});
        produce(world, {"d"});
        const auto answer = world.askFor<FetchResponse>(fetchFrom(1));
        QCOMPARE(valuesOf(answer.partitions[0]), (std::vector<std::string>{"a", "b", "c", "d"}));
        QCOMPARE(answer.partitions[0].highWatermark, 4);
        QCOMPARE(answer.partitions[0].logStartOffset, 0);
        const auto &fetched = world.trace().at(world.trace().end() - 1);
        QCOMPARE(fetched.kind, kind(LogEvent::RecordsFetched));
        QCOMPARE(fetched.item, 1);
        QCOMPARE(fetched.count, 3);
    }

    void fetchErrorsAreAnsweredAtOnce_data()
    {
        QTest::addColumn<std::string>("topic");
        QTest::addColumn<int>("offset");
        QTest::addColumn<int>("epoch");
        QTest::addColumn<ErrorCode>("error");
        QTest::newRow("unknown topic")
            << std::string("ghost") << 0 << -1 << ErrorCode::UnknownTopicOrPartition;
        QTest::newRow("past the end")
            << std::string("orders") << 2 << -1 << ErrorCode::OffsetOutOfRange;
        QTest::newRow("negative") << std::string("orders") << -1 << -1
                                  << ErrorCode::OffsetOutOfRange;
        QTest::newRow("newer epoch")
            << std::string("orders") << 0 << 1 << ErrorCode::UnknownLeaderEpoch;
    }
    void fetchErrorsAreAnsweredAtOnce()
    {
        QFETCH(std::string, topic);
        QFETCH(int, offset);
        QFETCH(int, epoch);
        QFETCH(ErrorCode, error);
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        produce(world, {"a"});
        FetchRequest request = fetchFrom(offset, 1'000, {topic, 0});
        request.partitions[0].currentLeaderEpoch = epoch;
        const auto answer = world.askFor<FetchResponse>(request);
        QCOMPARE(answer.partitions[0].error, error);
        QCOMPARE(answer.partitions[0].highWatermark, -1);
        QVERIFY(answer.partitions[0].records.empty());
    }

    void anEmptyFetchWaitsForAnAppendToItsPartition()
    {
        LogWorld world;
        create(world, {"orders", 2, 1, {}});
        QVERIFY(!world.ask(fetchFrom(0)));
        const RequestId parked = world.lastRequest;
        produce(world, {"elsewhere"}, -1, {"orders", 1});
        QVERIFY(!takeFetch(world, parked));
        produce(world, {"here"});
        const auto answer = takeFetch(world, parked);
        QVERIFY(answer);
        QCOMPARE(valuesOf(answer->partitions[0]), std::vector<std::string>{"here"});
    }

    void aFetchEndsAfterMaxWait()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        QVERIFY(!world.ask(fetchFrom(0)));
        const RequestId parked = world.lastRequest;
        world.run(499ms);
        QVERIFY(!takeFetch(world, parked));
        world.run(1ms);
        const auto answer = takeFetch(world, parked);
        QVERIFY(answer);
        QVERIFY(answer->partitions[0].records.empty());
        QCOMPARE(world.trace().count(kind(LogEvent::RecordsFetched)), 0U);
        FetchRequest impatient = fetchFrom(0);
        impatient.maxWait = 0ms;
        QVERIFY(world.askFor<FetchResponse>(impatient).partitions[0].records.empty());
    }

    void minBytesAreCollectedOverPartitions()
    {
        LogWorld world;
        create(world, {"orders", 2, 1, {}});
        const std::size_t size = batchOf({"x"}, 0).size();
        FetchRequest request = fetchFrom(0, static_cast<std::int32_t>(3 * size));
        request.partitions.push_back({{"orders", 1}, 0});
        produce(world, {"x"});
        QVERIFY(!world.ask(request));
        const RequestId parked = world.lastRequest;
        produce(world, {"x"}, -1, {"orders", 1});
        QVERIFY(!takeFetch(world, parked));
        produce(world, {"x"});
        const auto answer = takeFetch(world, parked);
        QVERIFY(answer);
        QCOMPARE(bytesOf(answer->partitions[0]), 2 * size);
        QCOMPARE(bytesOf(answer->partitions[1]), size);
    }

    void sizeLimitsHoldButTheFirstBatchAlwaysComes()
    {
        LogWorld world;
        create(world, {"orders", 2, 1, {}});
        const std::string big(1'000, 'x');
        for (int i = 0; i < 3; ++i) {
            produce(world, {big});
            produce(world, {big}, -1, {"orders", 1});
        }
        FetchRequest request = fetchFrom(0);
        request.partitions[0].partitionMaxBytes = 10;
        request.partitions.push_back({{"orders", 1}, 0, -1, 10});
        auto answer = world.askFor<FetchResponse>(request);
        QCOMPARE(valuesOf(answer.partitions[0]).size(), 1U);
        QCOMPARE(valuesOf(answer.partitions[1]).size(), 0U);
        request.partitions[0].partitionMaxBytes = 2'300;
        request.partitions[1].partitionMaxBytes = 2'300;
        request.maxBytes = 3'400;
        answer = world.askFor<FetchResponse>(request);
        QCOMPARE(valuesOf(answer.partitions[0]).size(), 2U);
        QCOMPARE(valuesOf(answer.partitions[1]).size(), 1U);
    }

    void aGoneClientsFetchIsForgotten()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        world.ask(fetchFrom(0), 2'000);
        const RequestId parked = world.lastRequest;
        world.disconnect(2'000);
        produce(world, {"a"});
        world.run(1s);
        QVERIFY(!takeFetch(world, parked));
    }

    void listOffsetsFindsEndsAndTimes()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        const auto at = [&world](std::int64_t timestamp) {
            ListOffsetsRequest request;
            request.partitions.push_back({{"orders", 0}, timestamp});
            return world.askFor<ListOffsetsResponse>(request).partitions.at(0);
        };
        QCOMPARE(at(ListOffsetsRequest::kMaxTimestamp).offset, -1);
        const std::int64_t start = epochMillis(world.now());
        for (int i = 0; i < 3; ++i) {
            produce(world, {"a", "b"});
            world.run(10s);
        }
        QCOMPARE(at(ListOffsetsRequest::kLatest).offset, 6);
        QCOMPARE(at(ListOffsetsRequest::kEarliest).offset, 0);
        QCOMPARE(at(ListOffsetsRequest::kMaxTimestamp).offset, 4);
        QCOMPARE(at(start + 1).offset, 2);
        QCOMPARE(at(start + 1).timestamp, start + 10'000);
        QCOMPARE(at(start + 20'001).offset, -1);
        QCOMPARE(at(start + 20'001).error, ErrorCode::None);
        QCOMPARE(at(-9).error, ErrorCode::UnsupportedVersion);
        ListOffsetsRequest unknown;
        unknown.partitions.push_back({{"ghost", 0}, -1});
        QCOMPARE(world.askFor<ListOffsetsResponse>(unknown).partitions[0].error,
            ErrorCode::UnknownTopicOrPartition);
    }

    void theCoordinatorIsThisBroker()
    {
        LogWorld world;
        QCOMPARE(world.askFor<FindCoordinatorResponse>(FindCoordinatorRequest{.key = "g"}).node, 1);
        QCOMPARE(world.askFor<FindCoordinatorResponse>(FindCoordinatorRequest{.key = ""}).error,
            ErrorCode::InvalidGroupId);
    }

    void offsetsAreCommittedAndRead()
    {
        LogWorld world;
        create(world, {"orders", 2, 1, {}});
        world.ask(FindCoordinatorRequest{.key = "g"});
        OffsetCommitRequest commit{"g", -1, "", {},
            {{{"orders", 0}, 7, 0, "note"}, {{"ghost", 0}, 1, -1, {}},
                {{"orders", 1}, 1, -1, std::string(4'097, 'm')}}};
        const auto answer = world.askFor<OffsetCommitResponse>(commit);
        QCOMPARE(answer.partitions[0].error, ErrorCode::None);
        QCOMPARE(answer.partitions[1].error, ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(answer.partitions[2].error, ErrorCode::OffsetMetadataTooLarge);
        const std::vector<TopicPartition> wanted{{"orders", 1}, {"orders", 0}};
        auto read = world.askFor<OffsetFetchResponse>(OffsetFetchRequest{"g", wanted});
        QCOMPARE(read.partitions[0].committedOffset, -1);
        QCOMPARE(read.partitions[1].committedOffset, 7);
        QCOMPARE(read.partitions[1].metadata, std::string("note"));
        read = world.askFor<OffsetFetchResponse>(OffsetFetchRequest{"g", {}});
        QCOMPARE(read.partitions.size(), 1U);
        read = world.askFor<OffsetFetchResponse>(OffsetFetchRequest{"nobody", wanted});
        QCOMPARE(read.partitions[0].committedOffset, -1);
        QCOMPARE(world.askFor<OffsetFetchResponse>(OffsetFetchRequest{"", {}}).error,
            ErrorCode::InvalidGroupId);
        QCOMPARE(world.group("g").committed.at(0).offset, 7);
    }

    void everythingIsThereAfterARestart_data()
    {
        QTest::addColumn<bool>("clean");
        QTest::newRow("stopped in order") << true;
        QTest::newRow("killed") << false;
    }
    void everythingIsThereAfterARestart()
    {
        QFETCH(bool, clean);
        LogWorld world;
        create(world, {"orders", 2, 1, {{"retention.ms", "3600000"}}});
        produce(world, {"a", "b"});
        world.ask(FindCoordinatorRequest{.key = "g"});
        world.ask(OffsetCommitRequest{"g", -1, "", {}, {{{"orders", 0}, 1, -1, {}}}});
        world.ask(OffsetCommitRequest{"g", -1, "", {}, {{{"orders", 0}, 2, -1, {}}}});
        if (clean)
            world.stopBroker();
        else
            world.killBroker();
        QCOMPARE(world.files().exists("broker-1/.kafka_cleanshutdown"), clean);
        const auto notes = world.startBroker();
        QVERIFY(!world.files().exists("broker-1/.kafka_cleanshutdown"));
        const TopicSnapshot topic = world.topic("orders");
        QCOMPARE(topic.configs.at("retention.ms"), std::string("3600000"));
        QCOMPARE(topic.partitions.size(), 2U);
        QCOMPARE(topic.partitions[0].highWatermark, 2);
        const auto read = world.askFor<OffsetFetchResponse>(OffsetFetchRequest{"g", {}});
        QCOMPARE(read.partitions.at(0).committedOffset, 2);
        QCOMPARE(valuesOf(world.askFor<FetchResponse>(fetchFrom(0)).partitions[0]),
            (std::vector<std::string>{"a", "b"}));
    }

    void aPowerLossTakesWhatWasNotSynced()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {{"flush.messages", "1"}}});
        create(world, {"lazy", 1, 1, {}});
        produce(world, {"kept"});
        produce(world, {"lost"}, -1, {"lazy", 0});
        world.killBroker(true);
        world.startBroker();
        const auto topics = world.broker().snapshot().topics;
        QCOMPARE(topics.at(0).name, std::string("lazy"));
        QCOMPARE(topics[0].partitions[0].logEndOffset, 0);
        QCOMPARE(topics.at(1).partitions[0].logEndOffset, 1);
    }

    void aDirectoryOfAnotherVersionOrNodeIsRefused_data()
    {
        QTest::addColumn<std::string>("properties");
        QTest::newRow("newer") << std::string("node.id=1\nversion=2\n");
        QTest::newRow("another node's") << std::string("node.id=2\nversion=1\n");
        QTest::newRow("damaged") << std::string("node");
    }
    void aDirectoryOfAnotherVersionOrNodeIsRefused()
    {
        QFETCH(std::string, properties);
        MemoryFiles files;
        QVERIFY(files.createDirectories("broker-1"));
        QVERIFY(replaceFile(files, "broker-1/meta.properties", asBytes(properties)));
        Random random(1);
        Trace trace;
        Context context{kVirtualStart, random, trace, files};
        Broker broker(NodeId{1}, {});
        const auto opened = broker.open(context);
        QVERIFY(!opened);
        QCOMPARE(opened.error().place, std::string("broker-1/meta.properties"));
        QVERIFY(!opened.error().remedy.empty());
    }

    void aDirectoryWithoutAReplicaIsRemoved()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        world.stopBroker();
        QVERIFY(world.files().createDirectories("broker-1/ghost-0"));
        QVERIFY(replaceFile(world.files(), "broker-1/orders-0/partition.metadata",
            asBytes("version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAA\n")));
        const std::vector<std::string> notes = world.startBroker();
        QCOMPARE(notes.size(), 2U);
        QVERIFY(notes[0].starts_with("broker-1/ghost-0: removed"));
        QVERIFY(notes[1].starts_with("broker-1/orders-0: removed"));
        QVERIFY(!world.files().exists("broker-1/ghost-0"));
        QVERIFY(world.files().exists("broker-1/orders-0")); // anew, and empty
    }

    void oldSegmentsAreDeletedByTheRetentionCheck()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {{"retention.ms", "600000"}, {"segment.ms", "60000"}}});
        for (int i = 0; i < 5; ++i) {
            produce(world, {"a"});
            world.run(2min);
        }
        const auto before = world.broker().snapshot().topics[0].partitions[0];
        QCOMPARE(before.segments.size(), 5U);
        world.run(7min);
        const auto after = world.broker().snapshot().topics[0].partitions[0];
        QVERIFY(after.logStartOffset > 0);
        QVERIFY(
            world.trace().count(kind(LogEvent::SegmentDeleted), reason(LogReason::RetentionTime))
            > 0);
        QCOMPARE(world.askFor<FetchResponse>(fetchFrom(0)).partitions[0].error,
            ErrorCode::OffsetOutOfRange);
    }

    void recordsAreDeletedUpToTheHighWatermark_data()
    {
        QTest::addColumn<std::string>("topic");
        QTest::addColumn<qint64>("before");
        QTest::addColumn<ErrorCode>("error");
        QTest::addColumn<qint64>("start");
        const auto row = [](const char *title, std::string topic, qint64 before, ErrorCode error,
                             qint64 start) {
            QTest::newRow(title) << topic << before << error << start;
        };
        row("some", "orders", 3, ErrorCode::None, 3);
        row("inside a batch", "orders", 4, ErrorCode::None, 4);
        row("all, by offset", "orders", 6, ErrorCode::None, 6);
        row("all, by -1", "orders", -1, ErrorCode::None, 6);
        row("what is gone already", "orders", 1, ErrorCode::None, 2);
        row("above the high watermark", "orders", 7, ErrorCode::OffsetOutOfRange, 2);
        row("negative", "orders", -2, ErrorCode::OffsetOutOfRange, 2);
        row("unknown topic", "ghost", 3, ErrorCode::UnknownTopicOrPartition, 2);
    }
    void recordsAreDeletedUpToTheHighWatermark()
    {
        QFETCH(std::string, topic);
        QFETCH(qint64, before);
        QFETCH(ErrorCode, error);
        QFETCH(qint64, start);
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        for (int i = 0; i < 3; ++i)
            produce(world, {"a", "b"});
        QCOMPARE(deleteRecords(world, "orders", 2).lowWatermark, 2);
        const auto answer = deleteRecords(world, topic, before);
        QCOMPARE(answer.error, error);
        QCOMPARE(answer.lowWatermark, error == ErrorCode::None ? start : -1);
        const auto partition = world.broker().snapshot().topics.at(0).partitions.at(0);
        QCOMPARE(partition.logStartOffset, start);
        QCOMPARE(partition.logEndOffset, 6);
        QCOMPARE(world.askFor<FetchResponse>(fetchFrom(start - 1)).partitions[0].error,
            ErrorCode::OffsetOutOfRange);
        ListOffsetsRequest earliest;
        earliest.partitions.push_back({{"orders", 0}, ListOffsetsRequest::kEarliest});
        QCOMPARE(world.askFor<ListOffsetsResponse>(earliest).partitions[0].offset, start);
    }

    void deletedRecordsStayDeleted_data()
    {
        QTest::addColumn<bool>("inOrder");
        QTest::addColumn<bool>("powerLoss");
        QTest::newRow("stopped in order") << true << false;
        QTest::newRow("killed") << false << false;
        QTest::newRow("power lost") << false << true;
    }
    void deletedRecordsStayDeleted()
    {
        QFETCH(bool, inOrder);
        QFETCH(bool, powerLoss);
        LogWorld world;
        create(world, {"a.b", 1, 1, {}});
        create(world, {"orders", 2, 1, {}});
        produce(world, {"a", "b", "c"}, -1, {"orders", 1});
        QCOMPARE(deleteRecords(world, "orders", 2, 1).error, ErrorCode::None);
        QCOMPARE(contentOf(world, "broker-1/log-start-offset-checkpoint"),
            std::string("0\n1\norders 1 2\n"));
        if (inOrder)
            world.stopBroker();
        else
            world.killBroker(powerLoss);
        world.startBroker();
        const auto partition = world.broker().snapshot().topics.at(1).partitions.at(1);
        QCOMPARE(partition.logStartOffset, 2);
        QCOMPARE(partition.logEndOffset, 3);
        QCOMPARE(world.askFor<FetchResponse>(fetchFrom(1, 1, {"orders", 1})).partitions[0].error,
            ErrorCode::OffsetOutOfRange);
    }

    void aNewTopicDoesNotInheritALogStart()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        produce(world, {"a", "b"});
        deleteRecords(world, "orders", 2);
        world.askFor<DeleteTopicsResponse>(DeleteTopicsRequest{{"orders"}});
        QCOMPARE(contentOf(world, "broker-1/log-start-offset-checkpoint"), std::string("0\n0\n"));
        create(world, {"orders", 1, 1, {}});
        produce(world, {"c", "d"});
        world.killBroker();
        world.startBroker();
        QCOMPARE(world.broker().snapshot().topics.at(0).partitions.at(0).logStartOffset, 0);
    }

    void aDamagedLogStartCheckpointIsLeftAside_data()
    {
        QTest::addColumn<std::string>("content");
        QTest::newRow("empty") << std::string();
        QTest::newRow("another version") << std::string("1\n1\norders 0 2\n");
        QTest::newRow("too few") << std::string("0\n2\norders 0 2\n");
        QTest::newRow("too many") << std::string("0\n1\norders 0 2\norders 1 2\n");
        QTest::newRow("no number") << std::string("0\n1\norders zero 2\n");
        QTest::newRow("cut off") << std::string("0\n1\norders 0 2");
    }
    void aDamagedLogStartCheckpointIsLeftAside()
    {
        QFETCH(std::string, content);
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        produce(world, {"a", "b", "c"});
        deleteRecords(world, "orders", 2);
        world.stopBroker();
        QVERIFY(
            replaceFile(world.files(), "broker-1/log-start-offset-checkpoint", asBytes(content)));
        const std::vector<std::string> notes = world.startBroker();
        QCOMPARE(notes.size(), 1U);
        QVERIFY(notes[0].find("log-start-offset-checkpoint") != std::string::npos);
        QCOMPARE(world.broker().snapshot().topics.at(0).partitions.at(0).logStartOffset, 0);
    }

    void segmentsBelowTheLogStartGoWithTheNextCheck()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {{"segment.ms", "60000"}}});
        for (int i = 0; i < 3; ++i) {
            produce(world, {"a"});
            world.run(61s);
        }
        QCOMPARE(world.broker().snapshot().topics[0].partitions[0].segments.size(), 3U);
        deleteRecords(world, "orders", 2);
        QCOMPARE(world.broker().snapshot().topics[0].partitions[0].segments.size(), 3U);
        world.run(5min);
        QCOMPARE(world.broker().snapshot().topics[0].partitions[0].segments.size(), 1U);
        QCOMPARE(
            world.trace().count(kind(LogEvent::SegmentDeleted), reason(LogReason::BelowLogStart)),
            2U);
    }

    void peekReadsWithoutATrace()
    {
        LogWorld world;
        create(world, {"orders", 1, 1, {}});
        produce(world, {"a"});
        const std::uint64_t events = world.trace().end();
        const auto batches = world.broker().peek({"orders", 0}, 0, 1'000, world.files());
        QCOMPARE(batches->size(), 1U);
        QCOMPARE(world.broker().peek({"ghost", 0}, 0, 1'000, world.files()).error(),
            ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(world.trace().end(), events);
    }

    void everyEventAndReasonHasWords()
    {
        std::set<std::string_view> names;
        EventKind expected = kind(LogEvent::TopicCreated);
        for (const EventInfo &info : eventTable()) {
            QCOMPARE(info.kind, expected++);
            QVERIFY(!info.title.empty() && !info.text.empty() && !info.text.ends_with('.'));
            QVERIFY(names.insert(info.name).second);
        }
        QCOMPARE(expected, kind(LogEvent::SharePartitionLoaded) + 1);
        EventReason reasonNumber = reason(LogReason::NewMember);
        for (const ReasonInfo &info : reasonTable()) {
            QCOMPARE(info.reason, reasonNumber++);
            QVERIFY(!info.text.empty());
        }
        QCOMPARE(reasonNumber, reason(LogReason::FellBelowLogStart) + 1);
    }
};

QTEST_APPLESS_MAIN(BrokerTest)
#include "tst_broker.moc"
