#include "client_fixture.h"

#include "engine/log/events.h"
#include "engine/log/producer.h"

#include <QTest>

#include <algorithm>
#include <array>
#include <deque>
#include <set>

using namespace queuelab;
using namespace queuelab::log;
using namespace queuelab::log::testing;
using namespace std::chrono_literals;

namespace {

using SentBatch = ClientBench::Sent<ProduceRequest>;

/// A producer that knows three brokers and the topic "orders"; the test answers its requests.
class Bench : public ClientBench {
public:
    explicit Bench(ProducerConfig config = settings(), std::vector<std::int32_t> leaders = {1})
        : producer("shop", std::move(config))
    {
        send("learn", 0);
        answerProducerId();
        answerMetadata(std::move(leaders), 0);
        advance(producer.config().linger);
        for (const SentBatch &sent : take<ProduceRequest>())
            answer(sent, ErrorCode::None, 0);
        drop();
    }

    static ProducerConfig settings()
    {
        ProducerConfig config;
        config.bootstrapServers = {NodeId{1}, NodeId{2}, NodeId{3}};
        return config;
    }

    void send(const std::string &value, std::int32_t partition = 0)
    {
        Context base = context();
        producer.send("orders", partition, epochMillis(now), {}, asBytes(value), base, effects);
    }
    /// A batch of so many records, sent at once.
    void sendBatch(int records, std::int32_t partition = 0)
    {
        for (int i = 0; i < records; ++i)
            send("x", partition);
        Context base = context();
        producer.flush(base, effects);
    }
    void answerProducerId(std::int64_t id = 7)
    {
        for (const auto &sent : take<InitProducerIdRequest>())
            apply(sent.id, InitProducerIdResponse{ErrorCode::None, id, 0});
    }
    void answerMetadata(const std::vector<std::int32_t> &leaders, std::int32_t epoch)
    {
        for (const auto &sent : take<MetadataRequest>()) {
            MetadataResponse response;
            response.brokers = {1, 2, 3};
            response.topics.push_back(describeTopic("orders", leaders, epoch));
            apply(sent.id, response);
        }
    }
    void answer(const SentBatch &sent, ErrorCode error, std::int64_t baseOffset = -1,
        std::optional<LeaderHint> leader = {})
    {
        ProduceResponse response;
        for (const ProduceRequest::Partition &batch : sent.request.partitions)
            response.partitions.push_back({batch.partition, error, baseOffset, -1, 0, leader});
        apply(sent.id, response);
    }
    void apply(RequestId id, const Response &response)
    {
        Context base = context();
        producer.apply(id, response, base, effects);
    }
    void lose(std::int32_t broker)
    {
        Context base = context();
        producer.connectionLost(NodeId{broker}, base, effects);
    }
    void advance(Duration by)
    {
        now += by;
        Context base = context();
        producer.wake(base, effects);
    }
    /// Nothing is heard of what is out; and what was delivered so far is of no interest.
    void drop()
    {
        std::vector<Delivery> old;
        producer.takeDeliveries(old);
    }
    std::vector<Delivery> deliveries()
    {
        std::vector<Delivery> taken;
        producer.takeDeliveries(taken);
        return taken;
    }

    Producer producer;
};

BatchHeader headerOf(const SentBatch &sent)
{
    return *checkBatch(sent.request.partitions.at(0).records.view());
}
/// "epoch 0, sequence 4": what the broker will hold it against.
QString stampOf(const SentBatch &sent)
{
    const BatchHeader header = headerOf(sent);
    return QStringLiteral("epoch %1, sequence %2")
        .arg(header.producerEpoch)
        .arg(header.baseSequence);
}

/// Three brokers whose logs never differ, with Kafka's check of sequences (facts: kafka.md 4.3).
/// Leaders move, connections break before or after an append, appends are refused for a while.
class ShakyCluster : public ClientBench {
public:
    static constexpr std::size_t kPartitions = 3;

    explicit ShakyCluster(std::uint64_t seed)
        : chance(seed)
        , producer("shop", settings())
    {
    }

    static ProducerConfig settings()
    {
        ProducerConfig config = Bench::settings();
        config.batchSize = 300;
        config.requestTimeout = 10'000s; // every request is answered or its connection breaks
        config.deliveryTimeout = 20'000s;
        return config;
    }

    void send()
    {
        const auto partition = static_cast<std::int32_t>(chance.below(kPartitions));
        const std::string value = std::to_string(sent[static_cast<std::size_t>(partition)]++);
        Context base = context();
        producer.send("orders", partition, 0, {}, asBytes(value), base, effects);
    }

    /// One broker does the next thing that was asked of it.
    void answerOne(bool mayFail)
    {
        std::erase_if(effects, [this](ClientEffect &effect) {
            if (auto *request = std::get_if<SendRequest>(&effect))
                waiting.push_back(std::move(*request));
            return true;
        });
        now += std::chrono::milliseconds(chance.below(40));
        Context base = context();
        producer.wake(base, effects);
        if (mayFail && chance.chance(0.05)) {
            const std::size_t moved = chance.below(kPartitions);
            leaders[moved] = 1 + static_cast<std::int32_t>(chance.below(3));
            ++epochs[moved];
        }
        if (waiting.empty())
            return;
        // The oldest of some broker: a connection keeps its order.
        const NodeId broker = waiting[chance.below(waiting.size())].broker;
        if (mayFail && chance.chance(0.05))
            return lose(broker);
        const auto oldest = std::ranges::find(waiting, broker, &SendRequest::broker);
        const SendRequest request = std::move(*oldest);
        waiting.erase(oldest);
        const Response response = handle(request, mayFail);
        if (mayFail && chance.chance(0.05))
            return lose(broker); // it was done, and nobody hears of it
        producer.apply(request.id, response, base, effects);
    }

    Random chance;
    Producer producer;
    std::array<std::vector<std::string>, kPartitions> logs;
    std::array<int, kPartitions> sent{};

private:
    struct Written {
        std::int32_t first;
        std::int32_t last;
        std::int64_t offset;
    };
    struct Known { ///< of the producer, in one partition
        std::int16_t epoch = -1;
        std::deque<Written> newest;
    };

    void lose(NodeId broker)
    {
        std::erase_if(
            waiting, [broker](const SendRequest &request) { return request.broker == broker; });
        Context base = context();
        producer.connectionLost(broker, base, effects);
    }

    Response handle(const SendRequest &sentRequest, bool mayFail)
    {
        if (std::holds_alternative<InitProducerIdRequest>(sentRequest.request))
            return InitProducerIdResponse{ErrorCode::None, 7, 0};
        if (std::holds_alternative<MetadataRequest>(sentRequest.request)) {
            MetadataResponse response;
            response.brokers = {1, 2, 3};
            response.topics.push_back(describeTopic("orders", {leaders.begin(), leaders.end()}, 0));
            for (std::size_t i = 0; i < kPartitions; ++i)
                response.topics[0].partitions[i].leaderEpoch = epochs[i];
            return response;
        }
        ProduceResponse response;
        for (const auto &batch : std::get<ProduceRequest>(sentRequest.request).partitions) {
            const auto index = static_cast<std::size_t>(batch.partition.partition);
            ProduceResponse::Partition &result = response.partitions.emplace_back();
            result.partition = batch.partition;
            if (leaders[index] != sentRequest.broker.value()) {
                result.error = ErrorCode::NotLeaderOrFollower;
                if (chance.chance(0.5))
                    result.currentLeader = LeaderHint{leaders[index], epochs[index]};
            } else if (mayFail && known[index].epoch >= 0 && chance.chance(0.1)) {
                result.error = ErrorCode::NotEnoughReplicas;
            } else {
                append(index, batch.records.view(), result);
            }
        }
        return response;
    }

    void append(std::size_t index, ByteView batch, ProduceResponse::Partition &result)
    {
        const BatchHeader header = *checkBatch(batch);
        Known &entry = known[index];
        const std::int32_t last = header.baseSequence + header.recordCount - 1;
        const auto same = std::ranges::find_if(entry.newest, [&](const Written &written) {
            return written.first == header.baseSequence && written.last == last;
        });
        if (entry.epoch == header.producerEpoch && same != entry.newest.end()) {
            result.baseOffset = same->offset;
            return;
        }
        const std::int32_t expected =
            entry.epoch == header.producerEpoch ? entry.newest.back().last + 1 : 0;
        if (header.baseSequence != expected) {
            result.error = ErrorCode::OutOfOrderSequenceNumber;
            return;
        }
        if (entry.epoch != header.producerEpoch)
            entry = {header.producerEpoch, {}};
        result.baseOffset = static_cast<std::int64_t>(logs[index].size());
        entry.newest.push_back({header.baseSequence, last, result.baseOffset});
        if (entry.newest.size() > 5)
            entry.newest.pop_front();
        for (RecordCursor cursor(batch); cursor.next();)
            logs[index].emplace_back(asText(*cursor.record().value));
    }

    std::array<std::int32_t, kPartitions> leaders{1, 2, 3};
    std::array<std::int32_t, kPartitions> epochs{};
    std::array<Known, kPartitions> known;
    std::vector<SendRequest> waiting; // at the brokers, in the order they were sent
};

} // namespace

class ProducerTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theBackoffDoublesWithAFifthOfChanceUpToItsLimit_data()
    {
        QTest::addColumn<int>("failures");
        QTest::addColumn<int>("lowMs");
        QTest::addColumn<int>("highMs");
        QTest::newRow("first") << 1 << 80 << 120;
        QTest::newRow("second") << 2 << 160 << 240;
        QTest::newRow("fourth") << 4 << 640 << 960;
        QTest::newRow("fifth") << 5 << 800 << 1'000;
        QTest::newRow("hundredth") << 100 << 800 << 1'000;
    }
    void theBackoffDoublesWithAFifthOfChanceUpToItsLimit()
    {
        QFETCH(int, failures);
        QFETCH(int, lowMs);
        QFETCH(int, highMs);
        Random random(5);
        Duration lowest = Duration::max();
        Duration highest{};
        for (int i = 0; i < 1'000; ++i) {
            const Duration drawn = exponentialBackoff(100ms, 1'000ms, failures, random);
            lowest = std::min(lowest, drawn);
            highest = std::max(highest, drawn);
        }
        const Duration low = std::chrono::milliseconds(lowMs);
        const Duration high = std::chrono::milliseconds(highMs);
        QVERIFY(lowest >= low && lowest < low + (high - low) / 10);
        QVERIFY(highest <= high && highest > high - (high - low) / 10);
    }

    void aBackoffWithoutRoomToGrowIsConstant()
    {
        Random random(5);
        QVERIFY(exponentialBackoff(500ms, 300ms, 3, random) == Duration(300ms));
    }

    void nothingIsSentBeforeTheProducerIdIsKnown()
    {
        ClientBench bench;
        Producer producer("shop", Bench::settings());
        Context context = bench.context();
        producer.send("orders", 0, 0, {}, asBytes("a"), context, bench.effects);
        const auto metadata = bench.take<MetadataRequest>();
        QCOMPARE(metadata.size(), 1U);
        MetadataResponse response;
        response.brokers = {1};
        response.topics.push_back(describeTopic("orders", {1}, 0));
        producer.apply(metadata[0].id, response, context, bench.effects);
        producer.flush(context, bench.effects);
        QCOMPARE(bench.take<ProduceRequest>().size(), 0U);
        const auto init = bench.take<InitProducerIdRequest>();
        QCOMPARE(init.size(), 1U);
        producer.apply(
            init[0].id, InitProducerIdResponse{ErrorCode::None, 42, 0}, context, bench.effects);
        const auto sent = bench.take<ProduceRequest>();
        QCOMPARE(sent.size(), 1U);
        QCOMPARE(headerOf(sent[0]).producerId, 42);
        QCOMPARE(bench.trace.count(kind(LogEvent::ProducerIdAssigned)), 1U);
    }

    void sequencesCountTheRecordsOfEachPartition()
    {
        Bench bench(Bench::settings(), {1, 1}); // partition 0 has had one record
        bench.sendBatch(3, 0);
        bench.sendBatch(2, 0);
        bench.sendBatch(2, 1);
        const auto sent = bench.take<ProduceRequest>();
        QCOMPARE(sent.size(), 3U);
        QCOMPARE(stampOf(sent[0]), "epoch 0, sequence 1");
        QCOMPARE(stampOf(sent[1]), "epoch 0, sequence 4");
        QCOMPARE(stampOf(sent[2]), "epoch 0, sequence 0");
    }

    void withoutIdempotenceBatchesCarryNoSequence_data()
    {
        QTest::addColumn<int>("acks");
        QTest::addColumn<int>("retries");
        QTest::addColumn<int>("inFlight");
        QTest::newRow("acks=1") << 1 << 5 << 5;
        QTest::newRow("no retries") << -1 << 0 << 5;
        QTest::newRow("six in flight") << -1 << 5 << 6;
    }
    void withoutIdempotenceBatchesCarryNoSequence()
    {
        QFETCH(int, acks);
        QFETCH(int, retries);
        QFETCH(int, inFlight);
        ProducerConfig config = Bench::settings();
        config.acks = static_cast<std::int16_t>(acks);
        config.retries = retries;
        config.maxInFlight = inFlight;
        Bench bench(config);
        QVERIFY(!bench.producer.config().enableIdempotence);
        bench.sendBatch(1);
        QCOMPARE(headerOf(bench.take<ProduceRequest>().at(0)).producerId, -1);
    }

    void fiveRequestsAreInFlightAtMost()
    {
        Bench bench;
        for (int i = 0; i < 8; ++i)
            bench.sendBatch(1);
        const auto sent = bench.take<ProduceRequest>();
        QCOMPARE(sent.size(), 5U);
        bench.answer(sent[0], ErrorCode::None, 1);
        QCOMPARE(bench.take<ProduceRequest>().size(), 1U);
    }

    void afterALostConnectionBatchesAreSentAgainInOrderOneByOne()
    {
        Bench bench;
        bench.advance(1s); // the last metadata is not that new
        for (int i = 0; i < 3; ++i)
            bench.sendBatch(2);
        QCOMPARE(bench.take<ProduceRequest>().size(), 3U);
        bench.lose(1);
        QCOMPARE(bench.take<ProduceRequest>().size(), 0U);
        bench.answerMetadata({2}, 1); // broker 2 leads now: no reason to wait longer
        for (const char *expected :
            {"epoch 0, sequence 1", "epoch 0, sequence 3", "epoch 0, sequence 5"}) {
            const auto again = bench.take<ProduceRequest>();
            QCOMPARE(again.size(), 1U);
            QCOMPARE(again[0].broker.value(), 2);
            QCOMPARE(stampOf(again[0]), expected);
            bench.answer(again[0], ErrorCode::None, 10);
        }
        QCOMPARE(bench.deliveries().size(), 3U);
        QCOMPARE(bench.producer.status().bufferedBytes, 0);
    }

    void aLeaderHintIsFollowedAtOnce()
    {
        Bench bench;
        bench.sendBatch(1);
        bench.answer(bench.take<ProduceRequest>().at(0), ErrorCode::NotLeaderOrFollower, -1,
            LeaderHint{3, 1});
        const auto again = bench.take<ProduceRequest>();
        QCOMPARE(again.size(), 1U);
        QCOMPARE(again[0].broker.value(), 3);
        QCOMPARE(stampOf(again[0]), "epoch 0, sequence 1");
    }

    void anOlderEpochInMetadataIsNotBelieved()
    {
        Bench bench;
        bench.sendBatch(1);
        bench.answer(bench.take<ProduceRequest>().at(0), ErrorCode::NotLeaderOrFollower, -1,
            LeaderHint{3, 5});
        QCOMPARE(bench.take<ProduceRequest>().at(0).broker.value(), 3);
        bench.advance(1s);
        bench.answerMetadata({1}, 4); // a broker that lags behind
        bench.sendBatch(1);
        QCOMPARE(bench.take<ProduceRequest>().at(0).broker.value(), 3);
    }

    void anotherBrokerIsAskedWhenOneIsLost()
    {
        Bench bench;
        std::vector<std::int32_t> asked;
        for (int i = 0; i < 3; ++i) {
            bench.lose(i == 0 ? 1 : asked.back());
            bench.advance(200ms * (i + 1));
            for (const auto &sent : bench.take<MetadataRequest>())
                asked.push_back(sent.broker.value());
        }
        QCOMPARE(asked.size(), 3U);
        QVERIFY(asked[0] != 1);
        QVERIFY(asked[1] != asked[0]);
    }

    void aDuplicateIsASuccess()
    {
        Bench bench;
        bench.sendBatch(2);
        bench.answer(bench.take<ProduceRequest>().at(0), ErrorCode::None, 17); // its first offset
        bench.sendBatch(2);
        bench.answer(bench.take<ProduceRequest>().at(0), ErrorCode::DuplicateSequenceNumber);
        const std::vector<Delivery> deliveries = bench.deliveries();
        QCOMPARE(deliveries.size(), 2U);
        QCOMPARE(deliveries[0].baseOffset, 17);
        QCOMPARE(deliveries[1].error, ErrorCode::None);
        QCOMPARE(deliveries[1].baseOffset, -1);
        bench.sendBatch(1);
        QCOMPARE(stampOf(bench.take<ProduceRequest>().at(0)), "epoch 0, sequence 5");
    }

    void outOfOrderBehindAnOlderBatchIsTriedAgainAsItWas()
    {
        Bench bench;
        bench.sendBatch(1);
        bench.sendBatch(1);
        const auto sent = bench.take<ProduceRequest>();
        bench.answer(sent[0], ErrorCode::NotEnoughReplicas);
        bench.answer(sent[1], ErrorCode::OutOfOrderSequenceNumber);
        bench.advance(120ms);
        const auto first = bench.take<ProduceRequest>();
        QCOMPARE(first.size(), 1U);
        QCOMPARE(stampOf(first[0]), "epoch 0, sequence 1");
        bench.answer(first[0], ErrorCode::None, 1);
        const auto second = bench.take<ProduceRequest>();
        QCOMPARE(second.size(), 1U);
        QCOMPARE(stampOf(second[0]), "epoch 0, sequence 2");
    }

    void aGapThatNothingFillsBeginsANewEpoch()
    {
        Bench bench;
        bench.sendBatch(1);
        // The next in line, and still out of order: the broker lost what was acknowledged.
        bench.answer(bench.take<ProduceRequest>().at(0), ErrorCode::OutOfOrderSequenceNumber);
        bench.advance(120ms);
        const auto again = bench.take<ProduceRequest>();
        QCOMPARE(again.size(), 1U);
        QCOMPARE(stampOf(again[0]), "epoch 1, sequence 0");
        bench.answer(again[0], ErrorCode::None, 4);
        bench.sendBatch(1);
        QCOMPARE(stampOf(bench.take<ProduceRequest>().at(0)), "epoch 1, sequence 1");
    }

    void aBatchRefusedForGoodLeavesNoGap()
    {
        Bench bench;
        bench.sendBatch(1);
        bench.sendBatch(2);
        const auto sent = bench.take<ProduceRequest>();
        bench.answer(sent[0], ErrorCode::InvalidRecord);
        QCOMPARE(bench.deliveries().at(0).error, ErrorCode::InvalidRecord);
        bench.answer(sent[1], ErrorCode::OutOfOrderSequenceNumber);
        bench.advance(120ms);
        const auto again = bench.take<ProduceRequest>();
        QCOMPARE(again.size(), 1U);
        QCOMPARE(stampOf(again[0]), "epoch 1, sequence 0");
        QCOMPARE(headerOf(again[0]).recordCount, 2);
    }

    void otherPartitionsTakeTheNewEpochOnceNothingOfTheOldIsOut()
    {
        Bench bench(Bench::settings(), {1, 2});
        bench.sendBatch(1, 1);
        const auto old = bench.take<ProduceRequest>();
        bench.sendBatch(1, 0);
        bench.answer(bench.take<ProduceRequest>().at(0), ErrorCode::InvalidRecord);
        bench.sendBatch(1, 1);
        QCOMPARE(bench.take<ProduceRequest>().size(), 0U);
        bench.answer(old.at(0), ErrorCode::None, 0);
        QCOMPARE(stampOf(bench.take<ProduceRequest>().at(0)), "epoch 1, sequence 0");
    }

    void whatExpiredUnansweredHoldsBackNewBatchesUntilItsFateIsKnown()
    {
        ProducerConfig config = Bench::settings();
        config.deliveryTimeout = 10s;
        Bench bench(config);
        bench.sendBatch(1);
        bench.advance(9s);
        bench.sendBatch(1);
        const auto sent = bench.take<ProduceRequest>();
        QCOMPARE(sent.size(), 2U);
        bench.advance(1s); // the first is given up, and may have been written
        QCOMPARE(bench.deliveries().at(0).error, ErrorCode::RequestTimedOut);
        bench.sendBatch(1);
        QCOMPARE(bench.take<ProduceRequest>().size(), 0U);
        bench.answer(sent[1], ErrorCode::None, 2); // so the first was written
        QCOMPARE(stampOf(bench.take<ProduceRequest>().at(0)), "epoch 0, sequence 3");
    }

    void whatExpiredAloneBeginsANewEpoch()
    {
        ProducerConfig config = Bench::settings();
        config.deliveryTimeout = 10s;
        Bench bench(config);
        bench.sendBatch(1);
        QCOMPARE(bench.take<ProduceRequest>().size(), 1U);
        bench.advance(10s);
        bench.sendBatch(1);
        QCOMPARE(stampOf(bench.take<ProduceRequest>().at(0)), "epoch 1, sequence 0");
    }

    void afterTheLastRetryABatchFails()
    {
        ProducerConfig config = Bench::settings();
        config.retries = 2;
        Bench bench(config);
        bench.sendBatch(1);
        for (int tries = 0; tries < 3; ++tries) {
            const auto sent = bench.take<ProduceRequest>();
            QCOMPARE(sent.size(), 1U);
            bench.answer(sent[0], ErrorCode::NotEnoughReplicas);
            bench.advance(1s);
        }
        QCOMPARE(bench.take<ProduceRequest>().size(), 0U);
        QCOMPARE(bench.deliveries().at(0).error, ErrorCode::NotEnoughReplicas);
    }

    void aBatchThatIsTooLargeIsSplitAndKeepsItsSequences()
    {
        Bench bench;
        bench.sendBatch(4);
        // Within batch.size already: first cut to that, then into halves.
        bench.answer(bench.take<ProduceRequest>().at(0), ErrorCode::MessageTooLarge);
        auto sent = bench.take<ProduceRequest>();
        QCOMPARE(sent.size(), 1U);
        QCOMPARE(headerOf(sent[0]).recordCount, 4);
        bench.answer(sent[0], ErrorCode::MessageTooLarge);
        std::vector<QString> stamps;
        std::int32_t records = 0;
        for (sent = bench.take<ProduceRequest>(); !sent.empty();
            sent = bench.take<ProduceRequest>()) {
            QCOMPARE(sent.size(), 1U); // in order, so one by one
            stamps.push_back(stampOf(sent[0]));
            const std::int32_t sequence = headerOf(sent[0]).baseSequence;
            QCOMPARE(sequence, 1 + records);
            records += headerOf(sent[0]).recordCount;
            bench.answer(sent[0], ErrorCode::None, sequence);
        }
        QVERIFY(stamps.size() >= 2);
        QCOMPARE(records, 4);
        QCOMPARE(bench.producer.status().ackedRecords, 5U);
        QCOMPARE(bench.producer.status().bufferedBytes, 0);
    }

    void aRecordLargerThanMaxRequestSizeFailsAtOnce()
    {
        ProducerConfig config = Bench::settings();
        config.maxRequestSize = 1'000;
        Bench bench(config);
        bench.send(std::string(1'000, 'x'));
        QCOMPARE(bench.deliveries().at(0).error, ErrorCode::MessageTooLarge);
        QCOMPARE(bench.producer.status().bufferedRecords, 0);
    }

    void recordsWithoutAKeyAvoidPartitionsWithoutALeader()
    {
        ProducerConfig config = Bench::settings();
        config.batchSize = 100;
        Bench bench(config, {1, -1, -1, 1});
        std::set<std::int32_t> chosen;
        Context context = bench.context();
        for (int i = 0; i < 200; ++i) {
            chosen.insert(bench.producer.send(
                "orders", std::nullopt, 0, {}, asBytes("some value"), context, bench.effects));
        }
        QCOMPARE(chosen, (std::set<std::int32_t>{0, 3}));
    }

    void bufferMemoryIsABound()
    {
        ProducerConfig config = Bench::settings();
        config.bufferMemory = 3 * config.batchSize;
        config.linger = 10s;
        Bench bench(config, {1, 1, 1, 1});
        Context context = bench.context();
        for (std::int32_t partition = 0; partition < 3; ++partition) {
            QVERIFY(bench.producer.canTake(1, context, bench.effects));
            bench.send("x", partition);
        }
        QCOMPARE(bench.take<ProduceRequest>().size(), 0U);
        // Full: what lingers leaves now.
        QVERIFY(!bench.producer.canTake(1, context, bench.effects));
        const auto sent = bench.take<ProduceRequest>();
        QCOMPARE(sent.size(), 1U);
        bench.answer(sent[0], ErrorCode::None, 1);
        QVERIFY(bench.producer.canTake(1, context, bench.effects));
    }

    void batchesAreCompressedAsConfigured_data()
    {
        QTest::addColumn<int>("type");
        QTest::newRow("none") << 0;
        QTest::newRow("gzip") << 1;
        QTest::newRow("snappy") << 2;
        QTest::newRow("lz4") << 3;
        QTest::newRow("zstd") << 4;
    }
    void batchesAreCompressedAsConfigured()
    {
        QFETCH(int, type);
        ProducerConfig config = Bench::settings();
        config.compression = static_cast<CompressionType>(type);
        Bench bench(config);
        bench.sendBatch(50);
        // Also the parts of one that was too large.
        for (int round = 0; round < 3; ++round) {
            const auto sent = bench.take<ProduceRequest>();
            QCOMPARE(sent.size(), 1U);
            QCOMPARE(headerOf(sent[0]).codec(), type);
            int records = 0;
            RecordCursor cursor(sent[0].request.partitions.at(0).records.view());
            while (cursor.next())
                records += asText(*cursor.record().value) == "x";
            QVERIFY(cursor.ok());
            QCOMPARE(records, headerOf(sent[0]).recordCount);
            bench.answer(sent[0], ErrorCode::MessageTooLarge);
        }
    }

    void aShakyClusterHasEachRecordOnceAndInOrder_data()
    {
        QTest::addColumn<std::uint64_t>("seed");
        for (std::uint64_t seed = 1; seed <= 200; ++seed)
            QTest::addRow("seed %llu", static_cast<unsigned long long>(seed)) << seed;
    }
    void aShakyClusterHasEachRecordOnceAndInOrder()
    {
        QFETCH(std::uint64_t, seed);
        ShakyCluster cluster(seed);
        for (int i = 0; i < 600; ++i) {
            if (cluster.chance.chance(0.6))
                cluster.send();
            cluster.answerOne(true);
        }
        for (int i = 0; i < 3'000; ++i)
            cluster.answerOne(false);
        const Producer::Status status = cluster.producer.status();
        QCOMPARE(status.failedRecords, 0U);
        QCOMPARE(status.bufferedRecords, 0);
        QCOMPARE(status.inFlightRecords, 0);
        QCOMPARE(status.bufferedBytes, 0);
        for (std::size_t partition = 0; partition < ShakyCluster::kPartitions; ++partition) {
            std::vector<std::string> expected;
            for (int i = 0; i < cluster.sent[partition]; ++i)
                expected.push_back(std::to_string(i));
            QCOMPARE(cluster.logs[partition], expected);
        }
    }

    void headersGoWithTheRecordAlsoWhileTheTopicIsUnknown()
    {
        ClientBench bench;
        ProducerConfig config = Bench::settings();
        config.acks = 1;
        Producer producer("shop", config);
        Context context = bench.context();
        const std::vector<BatchBuilder::Header> headers{{"why", asBytes("because")}};
        producer.send("orders", 0, 0, {}, asBytes("a"), context, bench.effects, headers);
        MetadataResponse response;
        response.brokers = {1};
        response.topics.push_back(describeTopic("orders", {1}, 0));
        producer.apply(bench.take<MetadataRequest>().at(0).id, response, context, bench.effects);
        producer.flush(context, bench.effects);
        const auto sent = bench.take<ProduceRequest>();
        RecordCursor cursor(sent.at(0).request.partitions.at(0).records.view());
        QVERIFY(cursor.next());
        const auto read = readHeaders(cursor.record());
        QCOMPARE(read->size(), 1U);
        QCOMPARE(read->at(0).key, "why");
        QCOMPARE(asText(*read->at(0).value), "because");
    }
};

QTEST_APPLESS_MAIN(ProducerTest)
#include "tst_producer.moc"
