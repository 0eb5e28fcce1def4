#include <QtTest>

#include "engine/log/events.h"
#include "log_world.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::LogWorld;

namespace {

void createTopic(LogWorld &world, const std::string &name, std::int32_t partitions)
{
    CreateTopicsRequest request;
    request.topics.push_back({name, partitions, 1, {}});
    QCOMPARE(world.askFor<CreateTopicsResponse>(request).topics.at(0).error, ErrorCode::None);
}

ConsumerConfig billing(OffsetReset reset = OffsetReset::Earliest)
{
    ConsumerConfig config;
    config.group = "billing";
    config.topics = {"orders"};
    config.autoOffsetReset = reset;
    return config;
}

} // namespace

class ProducerConsumerTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void whatIsProducedIsConsumedInOrder()
    {
        LogWorld world;
        createTopic(world, "orders", 1);
        const std::size_t producer = world.addProducer();
        world.addConsumer(billing());
        for (int i = 0; i < 1000; ++i)
            world.send(producer, "orders", "order-" + std::to_string(i));
        world.run(5s);
        const auto &seen = world.apps[0].seen[{"orders", 0}];
        QCOMPARE(seen.size(), 1000);
        for (std::size_t i = 0; i < seen.size(); ++i) {
            QCOMPARE(seen[i].offset, static_cast<std::int64_t>(i));
            QCOMPARE(seen[i].value, "order-" + std::to_string(i));
        }
        QCOMPARE(world.producers[producer].status().ackedRecords, 1000U);
    }

    void sixPartitionsOverThreeConsumersAreTwoEach()
    {
        LogWorld world;
        createTopic(world, "orders", 6);
        for (int i = 0; i < 3; ++i)
            world.addConsumer(billing());
        world.run(10s);
        QCOMPARE(world.group("billing").state, GroupState::Stable);
        QCOMPARE(world.group("billing").generation, 1);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 2, 2}));
    }

    void theSeventhConsumerOwnsNothing()
    {
        LogWorld world;
        createTopic(world, "orders", 6);
        for (int i = 0; i < 7; ++i)
            world.addConsumer(billing());
        world.run(10s);
        std::vector<std::size_t> counts = world.partitionsPerApp();
        std::ranges::sort(counts);
        QCOMPARE(counts, (std::vector<std::size_t>{0, 1, 1, 1, 1, 1, 1}));
        QVERIFY(std::ranges::all_of(
            world.apps, [](const LogWorld::App &app) { return app.consumer.isMember(); }));
    }

    void aCrashIsFoundOutByTheSessionTimeoutOnly()
    {
        LogWorld world;
        createTopic(world, "orders", 6);
        for (int i = 0; i < 3; ++i)
            world.addConsumer(billing());
        world.run(10s);
        world.crash(2);
        world.run(40s);
        QCOMPARE(world.group("billing").members.size(), 3U);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 2, 0}));
        world.run(15s);
        QCOMPARE(world.group("billing").members.size(), 2U);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{3, 3, 0}));
        QCOMPARE(
            world.trace().count(kind(LogEvent::MemberLeft), reason(LogReason::SessionTimeout)), 1U);
    }

    void eagerMembersGiveUpEverythingInARebalance()
    {
        LogWorld world;
        createTopic(world, "orders", 6);
        world.addConsumer(billing());
        world.addConsumer(billing());
        world.run(10s);
        const std::uint64_t before = world.trace().count(kind(LogEvent::PartitionRevoked));
        world.addConsumer(billing());
        world.run(10s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 2, 2}));
        QCOMPARE(world.trace().count(kind(LogEvent::PartitionRevoked)) - before, 6U);
        QCOMPARE(world.group("billing").generation, 2);
    }

    void cooperativeMembersGiveUpOnlyWhatMoves()
    {
        LogWorld world;
        createTopic(world, "orders", 6);
        ConsumerConfig config = billing();
        config.assignors = {Assignor::CooperativeSticky};
        world.addConsumer(config);
        world.addConsumer(config);
        world.run(10s);
        QCOMPARE(world.group("billing").protocol, std::string("cooperative-sticky"));
        const std::uint64_t before = world.trace().count(kind(LogEvent::PartitionRevoked));
        const std::int32_t generation = world.group("billing").generation;
        world.addConsumer(config);
        world.run(10s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 2, 2}));
        QCOMPARE(world.trace().count(kind(LogEvent::PartitionRevoked)) - before, 2U);
        QCOMPARE(world.group("billing").generation, generation + 2); // two rounds
    }

    void stickyMembersGetBackWhatTheyGaveUp()
    {
        LogWorld world;
        createTopic(world, "orders", 6);
        ConsumerConfig config = billing();
        config.assignors = {Assignor::Sticky};
        world.addConsumer(config);
        world.addConsumer(config);
        world.run(10s);
        const auto ownedBy = [&world](std::size_t app) {
            std::set<std::int32_t> owned;
            for (const Consumer::Position &position : world.apps[app].consumer.positions())
                owned.insert(position.partition.partition);
            return owned;
        };
        const std::array<std::set<std::int32_t>, 2> before{ownedBy(0), ownedBy(1)};
        QCOMPARE(before[0].size(), 3U);
        const std::uint64_t revokedBefore = world.trace().count(kind(LogEvent::PartitionRevoked));
        world.addConsumer(config);
        world.run(10s);
        // All six are given up, as it is eager; four of them come back to who had them.
        QCOMPARE(world.trace().count(kind(LogEvent::PartitionRevoked)) - revokedBefore, 6U);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 2, 2}));
        QVERIFY(std::ranges::includes(before[0], ownedBy(0)));
        QVERIFY(std::ranges::includes(before[1], ownedBy(1)));
    }

    void cooperativeMembersReadOnDuringARebalance()
    {
        // One member is slow to come back; the other one's kept partitions go on meanwhile.
        const auto recordsDuringRebalance = [](std::vector<Assignor> assignors) {
            LogWorld world;
            createTopic(world, "orders", 4);
            ConsumerConfig config = billing();
            config.assignors = std::move(assignors);
            config.maxPollRecords = 1;
            const std::size_t producer = world.addProducer();
            world.addConsumer(config);
            world.addConsumer(config, 8s); // eight seconds for a record: the group waits for it
            world.run(10s);
            for (int i = 0; i < 4; ++i)
                world.send(producer, "orders", "first", {}, i);
            world.run(1s);
            world.addConsumer(config);
            world.run(4s);
            const std::size_t before = world.recordsSeen();
            for (int i = 0; i < 40; ++i)
                world.send(producer, "orders", "more", {}, i % 4);
            world.run(1s);
            return world.recordsSeen() - before;
        };
        QCOMPARE(recordsDuringRebalance({Assignor::Range}), 0U);
        QCOMPARE(recordsDuringRebalance({Assignor::CooperativeSticky}), 20U);
    }

    void closingHandsThePartitionsOverAtOnce()
    {
        LogWorld world;
        createTopic(world, "orders", 6);
        world.addConsumer(billing());
        world.addConsumer(billing());
        world.run(10s);
        world.close(1);
        world.run(4s); // one heartbeat later
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{6, 0}));
        QCOMPARE(
            world.trace().count(kind(LogEvent::MemberLeft), reason(LogReason::MemberLeaves)), 1U);
    }

    void anApplicationThatDoesNotPollLeavesTheGroup()
    {
        LogWorld world;
        createTopic(world, "orders", 2);
        ConsumerConfig config = billing();
        config.maxPollInterval = 30s;
        const std::size_t producer = world.addProducer();
        world.addConsumer(config);
        world.addConsumer(config, 40s);
        world.run(10s);
        world.send(producer, "orders", "slow", {}, 0);
        world.send(producer, "orders", "slow", {}, 1);
        world.run(29s);
        QCOMPARE(world.group("billing").members.size(), 2U);
        world.run(6s);
        QCOMPARE(
            world.trace().count(kind(LogEvent::MemberLeft), reason(LogReason::MaxPollInterval)),
            1U);
        QCOMPARE(world.apps[0].consumer.positions().size(), 2U);
        world.run(60s); // it polls again and comes back
        QCOMPARE(world.group("billing").members.size(), 2U);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{1, 1}));
        // The other one had read the slow one's record a second time.
        QCOMPARE(world.recordsSeen(), 3U);
    }

    void afterACrashTheRestIsReadAgainFromTheCommit()
    {
        LogWorld world;
        createTopic(world, "orders", 1);
        ConsumerConfig config = billing();
        config.maxPollRecords = 10;
        const std::size_t producer = world.addProducer();
        world.addConsumer(config, 100ms);
        for (int i = 0; i < 1'000; ++i)
            world.send(producer, "orders", std::to_string(i));
        world.run(12s);
        const std::int64_t committed = world.group("billing").committed.at(0).offset;
        const std::size_t seen = world.recordsSeen();
        QVERIFY(committed > 0);
        QVERIFY(static_cast<std::size_t>(committed) < seen);
        world.crash(0);
        world.addConsumer(config);
        world.run(60s);
        const auto &again = world.apps[1].seen[{"orders", 0}];
        QCOMPARE(again.front().offset, committed);
        QCOMPARE(again.back().offset, 999);
        // Seen twice: exactly what was handed out after the last commit.
        QCOMPARE(world.recordsSeen() - 1'000, seen - static_cast<std::size_t>(committed));
    }

    void autoCommitCommitsWhatThePreviousPollReturned()
    {
        LogWorld world;
        createTopic(world, "orders", 1);
        ConsumerConfig config = billing();
        config.maxPollRecords = 1;
        const std::size_t producer = world.addProducer();
        world.addConsumer(config, 6s);
        world.run(5s);
        world.send(producer, "orders", "a");
        world.send(producer, "orders", "b");
        world.run(5s);
        QVERIFY(world.group("billing").committed.empty()); // the first is still being processed
        world.run(2s);
        QCOMPARE(world.group("billing").committed.at(0).offset, 1);
    }

    void aCommitByHandIsCurrent()
    {
        LogWorld world;
        createTopic(world, "orders", 1);
        ConsumerConfig config = billing();
        config.enableAutoCommit = false;
        const std::size_t producer = world.addProducer();
        world.addConsumer(config);
        for (int i = 0; i < 10; ++i)
            world.send(producer, "orders", "x");
        world.run(60s);
        QVERIFY(world.group("billing").committed.empty());
        world.step(0, [](Consumer &consumer, Context &context, ClientEffects &effects) {
            consumer.commit(context, effects);
        });
        world.run(10ms);
        QCOMPARE(world.group("billing").committed.at(0).offset, 10);
        QCOMPARE(world.apps[0].consumer.positions().at(0).committed, 10);
    }

    void withoutACommitAutoOffsetResetDecides_data()
    {
        QTest::addColumn<int>("policy");
        QTest::addColumn<int>("seen");
        QTest::newRow("earliest") << static_cast<int>(OffsetReset::Earliest) << 10;
        QTest::newRow("latest") << static_cast<int>(OffsetReset::Latest) << 5;
        QTest::newRow("none") << static_cast<int>(OffsetReset::None) << 0;
    }
    void withoutACommitAutoOffsetResetDecides()
    {
        QFETCH(int, policy);
        QFETCH(int, seen);
        LogWorld world;
        createTopic(world, "orders", 1);
        const std::size_t producer = world.addProducer();
        for (int i = 0; i < 5; ++i)
            world.send(producer, "orders", "before");
        world.run(1s);
        world.addConsumer(billing(static_cast<OffsetReset>(policy)));
        world.run(5s);
        for (int i = 0; i < 5; ++i)
            world.send(producer, "orders", "after");
        world.run(5s);
        QCOMPARE(world.recordsSeen(), static_cast<std::size_t>(seen));
        QCOMPARE(
            world.trace().count(kind(LogEvent::OffsetReset), reason(LogReason::NoCommittedOffset)),
            1U);
    }

    void aPositionOutsideTheLogIsReset()
    {
        LogWorld world;
        createTopic(world, "orders", 1);
        const std::size_t producer = world.addProducer();
        for (int i = 0; i < 5; ++i)
            world.send(producer, "orders", "x");
        world.addConsumer(billing());
        world.run(10s);
        world.apps[0].consumer.seek({"orders", 0}, 1'000);
        world.run(5s);
        QCOMPARE(world.apps[0].consumer.positions()[0].position, 5);
        QCOMPARE(world.recordsSeen(), 10U); // earliest: from the front again
        QCOMPARE(
            world.trace().count(kind(LogEvent::OffsetReset), reason(LogReason::OutOfRange)), 1U);
        QCOMPARE(world.trace().count(kind(LogEvent::OffsetReset), reason(LogReason::Seek)), 1U);
    }

    void seekReplays()
    {
        LogWorld world;
        createTopic(world, "orders", 1);
        const std::size_t producer = world.addProducer();
        for (int i = 0; i < 10; ++i)
            world.send(producer, "orders", std::to_string(i));
        world.addConsumer(billing());
        world.run(10s);
        world.apps[0].consumer.seek({"orders", 0}, 7);
        world.run(2s);
        QCOMPARE(world.recordsSeen(), 13U);
        const std::vector<LogWorld::Record> &seen = world.apps[0].seen[{"orders", 0}];
        QCOMPARE(seen.back().value, std::string("9"));
    }

    void pollGivesAtMostMaxPollRecords()
    {
        LogWorld world;
        createTopic(world, "orders", 1);
        ConsumerConfig config = billing();
        config.maxPollRecords = 30;
        const std::size_t producer = world.addProducer();
        for (int i = 0; i < 100; ++i)
            world.send(producer, "orders", "x");
        world.run(1s);
        world.addConsumer(config, 1ms);
        world.run(10s);
        QCOMPARE(world.trace().count(kind(LogEvent::RecordsPolled)), 4U); // 30 + 30 + 30 + 10
        QCOMPARE(world.recordsSeen(), 100U);
    }

    void keysKeepTheirPartitionAndTheirOrder()
    {
        LogWorld world;
        createTopic(world, "orders", 6);
        const std::size_t producer = world.addProducer();
        world.addConsumer(billing());
        for (int i = 0; i < 600; ++i)
            world.send(producer, "orders", std::to_string(i), "key-" + std::to_string(i % 17));
        world.run(10s);
        std::map<int, int> last;
        std::map<int, std::set<std::int32_t>> places;
        for (const auto &[partition, records] : world.apps[0].seen) {
            for (const LogWorld::Record &record : records) {
                const int number = std::stoi(record.value);
                const auto previous = last.find(number % 17);
                QVERIFY(previous == last.end() || previous->second < number);
                last[number % 17] = number;
                places[number % 17].insert(partition.partition);
            }
        }
        QCOMPARE(last.size(), 17U);
        for (const auto &[key, partitions] : places)
            QCOMPARE(partitions.size(), 1U);
    }

    void withoutAKeyAPartitionIsKeptForABatch()
    {
        LogWorld world;
        createTopic(world, "orders", 6);
        const std::size_t producer = world.addProducer();
        world.send(producer, "orders", "first, to learn the partitions");
        world.run(1s);
        std::vector<std::int32_t> chosen;
        const std::string value(1'000, 'x');
        for (int i = 0; i < 200; ++i)
            chosen.push_back(world.send(producer, "orders", value));
        int switches = 0;
        for (std::size_t i = 1; i < chosen.size(); ++i)
            switches += chosen[i] != chosen[i - 1];
        // 200 KB: never for less than batch.size (16 KiB), for less than twice that.
        QVERIFY(switches <= 12);
        QVERIFY(switches >= 4);
    }

    void aBatchLingersUnlessItIsFull()
    {
        LogWorld world;
        createTopic(world, "orders", 1);
        ProducerConfig config;
        config.linger = 50ms;
        const std::size_t producer = world.addProducer(config);
        world.send(producer, "orders", "learn");
        world.run(1s);
        const std::uint64_t before = world.trace().count(kind(LogEvent::BatchSent));
        world.send(producer, "orders", "a");
        world.run(30ms);
        world.send(producer, "orders", "b");
        world.run(19ms);
        QCOMPARE(world.trace().count(kind(LogEvent::BatchSent)) - before, 0U);
        world.run(2ms);
        QCOMPARE(world.trace().count(kind(LogEvent::BatchSent)) - before, 1U);
        QCOMPARE(world.trace().at(world.trace().end() - 1).count, 2);
        for (int i = 0; i < 20; ++i)
            world.send(producer, "orders", std::string(1'000, 'x'));
        QCOMPARE(world.trace().count(kind(LogEvent::BatchSent)) - before, 2U); // full: at once
        world.flush(producer);
        QCOMPARE(world.trace().count(kind(LogEvent::BatchSent)) - before, 3U);
    }

    void atMostMaxInFlightRequestsAreOut()
    {
        LogWorld world;
        createTopic(world, "orders", 1);
        ProducerConfig config;
        config.maxInFlight = 2;
        const std::size_t producer = world.addProducer(config);
        world.send(producer, "orders", "learn");
        world.run(1s);
        for (int i = 0; i < 200; ++i)
            world.send(producer, "orders", std::string(1'000, 'x'));
        QVERIFY(world.producers[producer].status().inFlightRecords <= 2 * 16);
        QVERIFY(world.producers[producer].status().bufferedRecords >= 168);
        world.run(1s);
        QCOMPARE(world.producers[producer].status().ackedRecords, 201U);
    }

    void deliveriesTellWhatBecameOfEachBatch()
    {
        LogWorld world;
        createTopic(world, "orders", 2);
        const std::size_t producer = world.addProducer();
        world.send(producer, "orders", "a", {}, 1);
        world.send(producer, "orders", "b", {}, 1);
        world.run(1s);
        std::vector<Delivery> deliveries;
        world.producers[producer].takeDeliveries(deliveries);
        QCOMPARE(deliveries.size(), 1U);
        QVERIFY((deliveries[0].partition == TopicPartition{"orders", 1}));
        QCOMPARE(deliveries[0].baseOffset, 0);
        QCOMPARE(deliveries[0].recordCount, 2);
        deliveries.clear();
        world.producers[producer].takeDeliveries(deliveries);
        QVERIFY(deliveries.empty());
    }

    void recordsForAnUnknownTopicWaitForItsCreation()
    {
        LogWorld world;
        const std::size_t producer = world.addProducer();
        QCOMPARE(world.send(producer, "fresh", "a"), -1);
        world.run(1s); // auto.create.topics.enable
        QCOMPARE(world.producers[producer].status().ackedRecords, 1U);

        BrokerConfig config;
        config.autoCreateTopics = false;
        LogWorld strict(config);
        const std::size_t other = strict.addProducer();
        strict.send(other, "ghost", "a");
        strict.run(119s);
        QCOMPARE(strict.producers[other].status().failedRecords, 0U);
        strict.run(2s); // delivery.timeout.ms
        QCOMPARE(strict.producers[other].status().failedRecords, 1U);
        QCOMPARE(strict.producers[other].status().bufferedRecords, 0);
        std::vector<Delivery> deliveries;
        strict.producers[other].takeDeliveries(deliveries);
        QCOMPARE(deliveries.at(0).error, ErrorCode::UnknownTopicOrPartition);
    }

    void acks0IsDoneWhenSent()
    {
        LogWorld world;
        createTopic(world, "orders", 1);
        ProducerConfig config;
        config.acks = 0;
        const std::size_t producer = world.addProducer(config);
        for (int i = 0; i < 10; ++i)
            world.send(producer, "orders", "x");
        world.run(1s);
        QCOMPARE(world.producers[producer].status().ackedRecords, 10U);
        QCOMPARE(world.producers[producer].status().inFlightRecords, 0);
        world.killBroker();
        world.send(producer, "orders", "into the void");
        world.run(1s);
        QCOMPARE(world.producers[producer].status().ackedRecords, 11U);
    }

    void aRefusalThatCannotPassIsNotRetried()
    {
        LogWorld world;
        CreateTopicsRequest request;
        request.topics.push_back({"orders", 1, 1, {{"max.message.bytes", "200"}}});
        world.ask(request);
        const std::size_t producer = world.addProducer();
        world.send(producer, "orders", std::string(300, 'x'));
        world.run(1s);
        QCOMPARE(world.producers[producer].status().failedRecords, 1U);
        QCOMPARE(world.trace().count(kind(LogEvent::BatchSent)), 1U);
    }

    void aBrokersRestartLosesNothingAcknowledged()
    {
        LogWorld world;
        createTopic(world, "orders", 3);
        const std::size_t producer = world.addProducer();
        world.addConsumer(billing());
        world.addConsumer(billing());
        world.run(10s);
        for (int i = 0; i < 3'000; ++i) {
            world.send(producer, "orders", std::to_string(i), std::to_string(i));
            if (i == 1'500) {
                world.run(3ms);
                world.killBroker();
                world.run(2s);
                world.startBroker();
            } else if (i % 10 == 0) {
                world.run(1ms);
            }
        }
        world.run(60s);
        QCOMPARE(world.producers[producer].status().ackedRecords, 3'000U);
        QCOMPARE(world.group("billing").state, GroupState::Stable);
        std::set<std::string> values;
        for (const LogWorld::App &app : world.apps) {
            for (const auto &[partition, records] : app.seen) {
                for (const LogWorld::Record &record : records)
                    values.insert(record.value);
            }
        }
        QCOMPARE(values.size(), 3'000U);
    }

    void aLeaderNoticesNewTopics()
    {
        BrokerConfig broker;
        broker.autoCreateTopics = false;
        LogWorld world(broker);
        createTopic(world, "orders", 2);
        ConsumerConfig config = billing();
        config.topics = {"orders", "later"};
        world.addConsumer(config);
        world.run(10s);
        QCOMPARE(world.partitionsPerApp(), std::vector<std::size_t>{2});
        createTopic(world, "later", 3);
        world.run(5s);
        QCOMPARE(world.partitionsPerApp(), std::vector<std::size_t>{5});
    }

    void addedPartitionsAreFoundWhenMetadataIsOld()
    {
        LogWorld world;
        createTopic(world, "orders", 3);
        const std::size_t producer = world.addProducer();
        world.addConsumer(billing());
        world.addConsumer(billing());
        world.send(producer, "orders", "before", "customer-7"); // its hash: 1 of 3, 3 of 4
        world.run(10s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 1}));
        QCOMPARE(world.askFor<CreatePartitionsResponse>(CreatePartitionsRequest{{{"orders", 4}}})
                     .topics.at(0)
                     .error,
            ErrorCode::None);
        world.run(4min);
        QCOMPARE(world.send(producer, "orders", "still", "customer-7"), 1);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 1}));
        world.run(2min); // metadata.max.age.ms is over; then the leader asks for a rebalance
        QCOMPARE(world.send(producer, "orders", "after", "customer-7"), 3);
        world.run(10s);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{2, 2}));
        QCOMPARE(world.group("billing").generation, 2);
        QCOMPARE(world.recordsSeen(), 3U);
    }

    void howSoonAddedPartitionsAreFoundIsASetting()
    {
        LogWorld world;
        createTopic(world, "orders", 3);
        ProducerConfig producing;
        producing.metadataMaxAge = 1s;
        const std::size_t producer = world.addProducer(producing);
        ConsumerConfig config = billing();
        config.metadataMaxAge = 1s;
        world.addConsumer(config);
        world.send(producer, "orders", "before", "customer-7");
        world.run(10s);
        world.ask(CreatePartitionsRequest{{{"orders", 4}}});
        world.run(2s);
        QCOMPARE(world.send(producer, "orders", "after", "customer-7"), 3);
        world.run(5s);
        QCOMPARE(world.partitionsPerApp(), std::vector<std::size_t>{4});
        QCOMPARE(world.recordsSeen(), 2U);
    }

    void aFencedStaticMemberStops()
    {
        LogWorld world;
        createTopic(world, "orders", 2);
        ConsumerConfig config = billing();
        config.groupInstanceId = "host-1";
        world.addConsumer(config);
        world.run(10s);
        world.addConsumer(config);
        world.run(10s);
        QCOMPARE(world.apps[0].consumer.failure(), ErrorCode::FencedInstanceId);
        QCOMPARE(world.apps[1].consumer.failure(), ErrorCode::None);
        QCOMPARE(world.partitionsPerApp(), (std::vector<std::size_t>{0, 2}));
        QCOMPARE(world.group("billing").generation, 1); // no rebalance for it
    }

    void aCopyGoesOnExactlyAsTheOriginal()
    {
        LogWorld world({}, 7);
        createTopic(world, "orders", 4);
        const std::size_t producer = world.addProducer();
        world.addConsumer(billing(), 1ms);
        world.addConsumer(billing(), 2ms);
        const auto goOn = [producer](LogWorld &w) {
            for (int i = 0; i < 300; ++i) {
                w.send(producer, "orders", std::to_string(i),
                    i % 2 ? std::optional(std::to_string(i)) : std::nullopt);
                w.run(7ms);
                if (i == 100)
                    w.addConsumer(billing());
                if (i == 200)
                    w.crash(0);
            }
            w.run(60s);
        };
        for (int i = 0; i < 100; ++i) {
            world.send(producer, "orders", "before");
            world.run(13ms);
        }
        LogWorld copy(world);
        goOn(world);
        const std::uint64_t end = world.trace().end();
        QVERIFY(copy.trace().end() < end);
        goOn(copy);
        QCOMPARE(copy.trace().end(), end);
        for (std::uint64_t i = 0; i < end; ++i)
            QVERIFY(world.trace().at(i) == copy.trace().at(i));
        QCOMPARE(copy.apps.size(), world.apps.size());
        for (std::size_t i = 0; i < world.apps.size(); ++i)
            QVERIFY(world.apps[i].seen == copy.apps[i].seen);
    }

    void everyGroupConverges_data()
    {
        QTest::addColumn<std::uint64_t>("seed");
        for (std::uint64_t seed = 1; seed <= 200; ++seed)
            QTest::addRow("seed %llu", static_cast<unsigned long long>(seed)) << seed;
    }
    /// Members come, leave, crash, and the broker too; then a quiet time: every partition has one
    /// owner, everything that was acknowledged has been read, and positions never went back within
    /// one member's assignment.
    void everyGroupConverges()
    {
        QFETCH(std::uint64_t, seed);
        LogWorld world({}, seed);
        Random random = world.random().stream("test");
        const auto partitions = static_cast<std::int32_t>(random.between(1, 8));
        createTopic(world, "orders", partitions);
        ConsumerConfig config = billing();
        constexpr std::array kAssignors{
            Assignor::Range, Assignor::RoundRobin, Assignor::Sticky, Assignor::CooperativeSticky};
        config.assignors = {kAssignors[random.below(kAssignors.size())]};
        config.sessionTimeout = 6s;
        config.heartbeatInterval = 1s;
        config.maxPollInterval = 20s;
        const std::size_t producer = world.addProducer();
        int sent = 0;
        for (int i = 0; i < 25; ++i) {
            const std::uint64_t what = random.below(10);
            std::vector<std::size_t> alive;
            for (std::size_t app = 0; app < world.apps.size(); ++app) {
                if (world.apps[app].alive)
                    alive.push_back(app);
            }
            if (what < 4 && alive.size() < 10)
                world.addConsumer(config, random.exponential(5ms));
            else if (what == 4 && !alive.empty())
                world.close(alive[random.below(alive.size())]);
            else if (what == 5 && !alive.empty())
                world.crash(alive[random.below(alive.size())]);
            else if (what == 6) {
                world.killBroker();
                world.run(random.exponential(500ms));
                world.startBroker();
            }
            for (std::uint64_t n = random.below(50); n > 0; --n)
                world.send(
                    producer, "orders", std::to_string(sent++), std::to_string(random.below(20)));
            world.run(random.exponential(2s));
        }
        if (std::ranges::none_of(world.apps, &LogWorld::App::alive))
            world.addConsumer(config);
        world.run(3min);

        std::set<TopicPartition> owned;
        std::size_t members = 0;
        std::size_t most = 0;
        std::size_t least = SIZE_MAX;
        for (const LogWorld::App &app : world.apps) {
            if (!app.alive)
                continue;
            ++members;
            QVERIFY(app.consumer.isMember());
            const auto positions = app.consumer.positions();
            most = std::max(most, positions.size());
            least = std::min(least, positions.size());
            for (const auto &position : positions)
                QVERIFY(owned.insert(position.partition).second);
        }
        QCOMPARE(owned.size(), static_cast<std::size_t>(partitions));
        QVERIFY(most - least <= 1);
        const GroupSnapshot group = world.group("billing");
        QCOMPARE(group.state, GroupState::Stable);
        QCOMPARE(group.members.size(), members);
        QCOMPARE(world.producers[producer].status().ackedRecords, static_cast<std::uint64_t>(sent));
        std::set<std::string> values;
        for (const LogWorld::App &app : world.apps) {
            for (const auto &[partition, records] : app.seen) {
                for (const LogWorld::Record &record : records)
                    values.insert(record.value);
            }
        }
        QCOMPARE(values.size(), static_cast<std::size_t>(sent));
    }
};

QTEST_APPLESS_MAIN(ProducerConsumerTest)
#include "tst_producer_consumer.moc"
