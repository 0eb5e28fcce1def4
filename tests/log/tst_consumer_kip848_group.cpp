#include <QtTest>

#include "engine/log/events.h"
#include "log_world.h"

#include <algorithm>
#include <map>
#include <set>

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::LogWorld;

namespace {

void createTopic(LogWorld &world, std::int32_t partitions)
{
    CreateTopicsRequest request;
    request.topics.push_back({"orders", partitions, 1, {}});
    QCOMPARE(world.askFor<CreateTopicsResponse>(request).topics.at(0).error, ErrorCode::None);
}

ConsumerConfig billing()
{
    ConsumerConfig config;
    config.group = "billing";
    config.topics = {"orders"};
    config.autoOffsetReset = OffsetReset::Earliest;
    config.groupProtocol = GroupProtocol::Consumer;
    return config;
}

/// Sends one record to each partition.
void sendToAll(LogWorld &world, std::size_t producer, std::int32_t partitions, int round)
{
    for (std::int32_t partition = 0; partition < partitions; ++partition) {
        world.send(producer, "orders", std::to_string(partition) + "/" + std::to_string(round), {},
            partition);
    }
}

/// Which live consumers think that they own a partition.
std::map<TopicPartition, std::vector<std::string>> owners(const LogWorld &world)
{
    std::map<TopicPartition, std::vector<std::string>> owners;
    for (const LogWorld::App &app : world.apps) {
        if (!app.alive || app.consumer.generation() < 0)
            continue;
        for (const Consumer::Position &position : app.consumer.positions())
            owners[position.partition].push_back(app.name);
    }
    return owners;
}

std::set<std::string> valuesSeen(const LogWorld &world)
{
    std::set<std::string> values;
    for (const LogWorld::App &app : world.apps) {
        for (const auto &[partition, records] : app.seen) {
            for (const LogWorld::Record &record : records)
                values.insert(record.value);
        }
    }
    return values;
}

std::uint64_t revocations(LogWorld &world)
{
    return world.trace().count(kind(LogEvent::PartitionRevoked));
}

} // namespace

class ConsumerKip848GroupTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theCoordinatorSharesOutEvenly()
    {
        LogWorld world;
        createTopic(world, 6);
        for (int i = 0; i < 3; ++i)
            world.addConsumer(billing());
        world.run(30s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 2, 2}));
        for (const LogWorld::App &app : world.apps)
            QVERIFY(app.consumer.isMember());
        QCOMPARE(world.group("billing").state, GroupState::Stable);
    }

    void whoComesLaterIsGivenItsShareAndOnlyThatMoves()
    {
        LogWorld world;
        createTopic(world, 6);
        const std::size_t producer = world.addProducer();
        world.addConsumer(billing());
        world.addConsumer(billing());
        world.run(20s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{3, 3}));
        const std::uint64_t before = revocations(world);
        world.addConsumer(billing());
        for (int round = 0; round < 200; ++round) {
            sendToAll(world, producer, 6, round);
            world.run(100ms);
        }
        world.run(5s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 2, 2}));
        QCOMPARE(revocations(world) - before, 2U);
        QCOMPARE(world.recordsSeen(), 1'200U); // each once
        QCOMPARE(valuesSeen(world).size(), 1'200U);
    }

    void whoLeavesIsReplacedByTheOthers()
    {
        LogWorld world;
        createTopic(world, 6);
        for (int i = 0; i < 3; ++i)
            world.addConsumer(billing());
        world.run(30s);
        world.close(1);
        world.run(15s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{3, 0, 3}));
    }

    void whoDiesIsReplacedAfterTheSessionTimeout()
    {
        LogWorld world;
        createTopic(world, 6);
        for (int i = 0; i < 3; ++i)
            world.addConsumer(billing());
        world.run(30s);
        world.crash(1);
        world.run(39s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 0, 2}));
        world.run(20s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{3, 0, 3}));
    }

    void aStaticMemberKeepsItsPartitionsWhileItIsAway()
    {
        LogWorld world;
        createTopic(world, 4);
        ConsumerConfig config = billing();
        config.groupInstanceId = "one";
        world.addConsumer(config);
        config.groupInstanceId = "two";
        world.addConsumer(config);
        world.run(20s);
        world.close(1);
        world.run(20s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 0}));
        world.apps[1].alive = true;
        world.step(1, [](Consumer &consumer, Context &context, ClientEffects &effects) {
            consumer.start(context, effects);
        });
        world.run(20s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 2}));
    }

    void aStuckApplicationLosesItsPartitionsAndComesBack()
    {
        LogWorld world;
        createTopic(world, 2);
        const std::size_t producer = world.addProducer();
        ConsumerConfig config = billing();
        config.maxPollInterval = 20s;
        world.addConsumer(config);
        world.addConsumer(config);
        world.run(20s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{1, 1}));
        world.apps[0].processing = 60s;
        sendToAll(world, producer, 2, 0);
        world.run(40s); // still at work
        QCOMPARE(world.apps[1].consumer.positions().size(), 2U);
        QCOMPARE(world.apps[0].consumer.generation(), -1);
        world.apps[0].processing = {};
        world.run(60s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{1, 1}));
    }

    void membersOutliveTheirCoordinator()
    {
        LogWorld world;
        createTopic(world, 6);
        for (int i = 0; i < 3; ++i)
            world.addConsumer(billing());
        world.run(30s);
        const std::uint64_t before = revocations(world);
        world.killBroker();
        world.run(10s);
        world.startBroker();
        world.run(30s);
        QCOMPARE(revocations(world), before);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 2, 2}));
    }

    void newPartitionsAreSharedOutToo()
    {
        LogWorld world;
        createTopic(world, 2);
        world.addConsumer(billing());
        world.addConsumer(billing());
        world.run(20s);
        world.askFor<CreatePartitionsResponse>(CreatePartitionsRequest{{{"orders", 6}}});
        world.run(20s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{3, 3}));
    }

    void anAssignorThatTheBrokerDoesNotHaveEndsIt()
    {
        LogWorld world;
        createTopic(world, 2);
        ConsumerConfig config = billing();
        config.groupRemoteAssignor = "sticky";
        world.addConsumer(config);
        world.run(5s);
        QCOMPARE(world.apps[0].consumer.failure(), ErrorCode::UnsupportedAssignor);
    }

    void noTwoOwnAPartitionAndEveryRecordIsRead_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 40; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void noTwoOwnAPartitionAndEveryRecordIsRead()
    {
        QFETCH(quint64, seed);
        constexpr std::int32_t kPartitions = 5;
        Random random(seed);
        LogWorld world({}, seed);
        createTopic(world, kPartitions);
        const std::size_t producer = world.addProducer();
        ConsumerConfig config = billing();
        config.enableAutoCommit = random.chance(0.5);
        int round = 0;
        const auto live = [&world] {
            std::vector<std::size_t> indexes;
            for (std::size_t i = 0; i < world.apps.size(); ++i) {
                if (world.apps[i].alive)
                    indexes.push_back(i);
            }
            return indexes;
        };
        for (int change = 0; change < 12; ++change) {
            const std::vector<std::size_t> alive = live();
            const std::uint64_t what = random.below(10);
            if (alive.empty() || (what < 5 && alive.size() < 7))
                world.addConsumer(config, random.chance(0.5) ? 20ms : 0ms);
            else if (what < 7)
                world.close(alive[random.below(alive.size())]);
            else if (what < 9)
                world.crash(alive[random.below(alive.size())]);
            else {
                world.killBroker();
                world.run(std::chrono::milliseconds(random.between(1, 3'000)));
                world.startBroker();
            }
            const std::int64_t steps = random.between(1, 120);
            for (std::int64_t i = 0; i < steps; ++i) {
                if (random.chance(0.2))
                    sendToAll(world, producer, kPartitions, round++);
                world.run(100ms);
                for (const auto &[partition, names] : owners(world)) {
                    QVERIFY2(names.size() == 1,
                        qPrintable(QString("%1 belongs to %2 and %3")
                                .arg(QString::fromStdString(partition.name()),
                                    QString::fromStdString(names[0]),
                                    QString::fromStdString(names.back()))));
                }
            }
        }
        if (live().empty())
            world.addConsumer(config);
        world.run(120s); // sessions of the dead end
        QCOMPARE(owners(world).size(), static_cast<std::size_t>(kPartitions));
        QCOMPARE(valuesSeen(world).size(), static_cast<std::size_t>(round * kPartitions));
        QCOMPARE(world.group("billing").state, GroupState::Stable);
    }
};

QTEST_APPLESS_MAIN(ConsumerKip848GroupTest)
#include "tst_consumer_kip848_group.moc"
