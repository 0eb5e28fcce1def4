#include <QtTest>

#include "log_world.h"

#include <map>
#include <set>

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::LogWorld;

namespace {

const TopicPartition kOrders{"orders", 0};

ConsumerConfig reader(const std::string &group, IsolationLevel isolation)
{
    ConsumerConfig config;
    config.group = group;
    config.topics = {"orders"};
    config.autoOffsetReset = OffsetReset::Earliest;
    config.isolationLevel = isolation;
    return config;
}

/// A broker whose transactions the test writes and ends itself, as a coordinator would.
class Shop {
public:
    explicit Shop(std::uint64_t seed = 1)
        : world(settings(), seed)
    {
        CreateTopicsRequest request;
        // A few batches in each segment.
        request.topics.push_back({"orders", 1, 1, {{"internal.segment.bytes", "400"}}});
        const auto created = world.askFor<CreateTopicsResponse>(request);
        invariant(created.topics.at(0).error == ErrorCode::None, "the topic is created");
    }

    void write(std::int64_t producer, const std::string &value)
    {
        BatchBuilder builder;
        builder.setProducer(producer, 0, m_sequences[producer]++);
        builder.setTransactional(true);
        builder.append(epochMillis(world.now()), std::nullopt, asBytes(value));
        ProduceRequest request;
        request.transactionalId = "producer-" + std::to_string(producer);
        request.partitions.push_back({kOrders, builder.take()});
        const auto answer = world.askFor<ProduceResponse>(std::move(request));
        invariant(answer.partitions.at(0).error == ErrorCode::None, "it is appended");
    }
    void end(std::int64_t producer, bool committed)
    {
        WriteTxnMarkersRequest request;
        WriteTxnMarkersRequest::Marker &marker = request.markers.emplace_back();
        marker.producerId = producer;
        marker.producerEpoch = 0;
        marker.committed = committed;
        marker.partitions.push_back(kOrders);
        world.askAsPeer<WriteTxnMarkersResponse>(std::move(request));
    }
    std::vector<std::string> seenBy(std::size_t app) const
    {
        std::vector<std::string> values;
        const auto found = world.apps[app].seen.find(kOrders);
        if (found != world.apps[app].seen.end()) {
            for (const LogWorld::Record &record : found->second)
                values.push_back(record.value);
        }
        return values;
    }

    LogWorld world;

private:
    static BrokerConfig settings()
    {
        BrokerConfig config;
        config.transactionPartitionVerification = false; // no coordinator knows these transactions
        return config;
    }

    std::map<std::int64_t, std::int32_t> m_sequences;
};

using Values = std::vector<std::string>;

} // namespace

class ReadCommittedTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void whatIsOpenIsSeenWhenItIsCommitted()
    {
        Shop shop;
        shop.world.addConsumer(reader("committed", IsolationLevel::ReadCommitted));
        shop.world.addConsumer(reader("uncommitted", IsolationLevel::ReadUncommitted));
        shop.world.run(10s);
        shop.write(7, "a");
        shop.world.run(1s);
        QCOMPARE(shop.seenBy(0), Values());
        QCOMPARE(shop.seenBy(1), Values({"a"}));
        shop.end(7, true);
        shop.world.run(1s);
        QCOMPARE(shop.seenBy(0), Values({"a"}));
        QCOMPARE(shop.world.apps[0].consumer.positions().at(0).position, 2); // the marker has one
    }

    void whatIsAbortedIsNeverSeen()
    {
        Shop shop;
        shop.world.addConsumer(reader("committed", IsolationLevel::ReadCommitted));
        shop.world.run(10s);
        shop.write(7, "a");
        shop.write(8, "b");
        shop.end(7, false);
        shop.write(7, "c");
        shop.end(8, true);
        shop.end(7, true);
        shop.world.run(1s);
        QCOMPARE(shop.seenBy(0), Values({"b", "c"}));
    }

    void latestIsTheLastStableOffset()
    {
        Shop shop;
        shop.write(7, "a");
        shop.end(7, true);
        shop.write(7, "b"); // open
        shop.write(8, "c");
        shop.end(8, true);
        ConsumerConfig config = reader("late", IsolationLevel::ReadCommitted);
        config.autoOffsetReset = OffsetReset::Latest;
        shop.world.addConsumer(config);
        shop.world.run(10s);
        QCOMPARE(shop.world.apps[0].consumer.positions().at(0).position, 2);
        shop.end(7, true);
        shop.world.run(1s);
        QCOMPARE(shop.seenBy(0), Values({"b", "c"}));
    }

    void anyMixtureIsReadInOneWay_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 50; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void anyMixtureIsReadInOneWay()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        Shop shop(seed);
        ConsumerConfig config = reader("committed", IsolationLevel::ReadCommitted);
        config.maxPollRecords = static_cast<std::int32_t>(random.between(1, 10));
        config.maxPartitionFetchBytes = static_cast<std::int32_t>(random.between(1, 2'000));
        shop.world.addConsumer(config, 1ms);
        std::map<std::int64_t, std::set<std::string>> open; // by producer
        std::set<std::string> aborted;
        Values written;
        const auto end = [&](std::int64_t producer, bool committed) {
            if (!committed)
                aborted.merge(open[producer]);
            open.erase(producer);
            shop.end(producer, committed);
        };
        for (int i = 0; i < 150; ++i) {
            const auto producer = static_cast<std::int64_t>(random.below(4));
            if (open.contains(producer) && random.chance(0.3)) {
                end(producer, random.chance(0.5));
            } else {
                written.push_back("record-" + std::to_string(i));
                open[producer].insert(written.back());
                shop.write(producer, written.back());
            }
            if (random.chance(0.1))
                shop.world.run(std::chrono::milliseconds(random.between(1, 2'000)));
            if (random.chance(0.02)) {
                shop.world.killBroker();
                shop.world.run(100ms);
                shop.world.startBroker();
                shop.world.run(1s);
            }
        }
        while (!open.empty())
            end(open.begin()->first, random.chance(0.5));
        std::erase_if(written, [&](const std::string &value) { return aborted.contains(value); });
        shop.world.addConsumer(reader("later", IsolationLevel::ReadCommitted));
        shop.world.run(30s);
        QCOMPARE(shop.seenBy(0), written);
        QCOMPARE(shop.seenBy(1), written);
    }
};

QTEST_APPLESS_MAIN(ReadCommittedTest)
#include "tst_read_committed.moc"
