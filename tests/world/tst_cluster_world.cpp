#include "world_fixture.h"

#include "engine/log/events.h"
#include "engine/world/events.h"

using namespace queuelab;
using namespace queuelab::world;

namespace {

/// A world with several brokers, and a short way to tell it what to do.
struct Lab {
    std::unique_ptr<World> world;

    explicit Lab(std::int32_t brokers = 3, Settings configs = {})
    {
        WorldConfig config;
        config.logBrokers = brokers;
        config.logConfigs = std::move(configs);
        config.logConfigs.emplace("group.initial.rebalance.delay.ms", "0");
        auto created = World::create(config, std::make_unique<MemoryFiles>());
        if (!created)
            qFatal("%s", created.error().text().c_str());
        world = *std::move(created);
    }
    void apply(const std::string &text)
    {
        const auto applied = world->apply(command(text));
        QVERIFY2(applied,
            applied ? ""
                    : (text + ": " + applied.error().code + " " + applied.error().message).c_str());
    }
    std::string refusal(const std::string &text)
    {
        const auto applied = world->apply(command(text));
        return applied ? std::string("not refused") : applied.error().code;
    }
    void run(Duration duration) { world->runUntil(world->now() + duration); }
    log::ClusterSnapshot log() const { return world->snapshot()->log; }
    log::PartitionSnapshot partition(const std::string &topic, std::size_t number = 0) const
    {
        for (const log::TopicSnapshot &candidate : log().topics) {
            if (candidate.name == topic)
                return candidate.partitions.at(number);
        }
        qFatal("no topic %s", topic.c_str());
    }
    ClientSnapshot client(const std::string &name) const
    {
        const std::shared_ptr<const Snapshot> snapshot = world->snapshot();
        for (const ClientSnapshot &client : snapshot->clients) {
            if (client.name == name)
                return client;
        }
        qFatal("no client %s", name.c_str());
    }
    std::uint64_t handled(const std::string &group) const
    {
        const std::shared_ptr<const Snapshot> snapshot = world->snapshot();
        for (const OutcomeSnapshot &outcome : snapshot->outcomes) {
            if (outcome.name == group)
                return outcome.handled;
        }
        return 0;
    }
    std::uint64_t count(WorldEvent event) const { return world->trace().count(kind(event)); }
    std::uint64_t count(log::LogEvent event) const
    {
        return world->trace().count(log::kind(event));
    }
    /// The code with which the newest command failed.
    std::string failure() const
    {
        const Trace &trace = world->trace();
        for (std::uint64_t sequence = trace.end(); sequence-- > trace.first();) {
            if (trace.at(sequence).kind == kind(WorldEvent::CommandFailed))
                return std::string(trace.names().name(trace.at(sequence).actor));
        }
        return "nothing failed";
    }
    /// Runs until the cluster has a controller and all brokers take part.
    void settle()
    {
        for (int second = 0; second < 30; ++second) {
            run(1s);
            const log::ClusterSnapshot cluster = log();
            if (cluster.controller > 0
                && std::ranges::none_of(cluster.brokers, &log::BrokerSnapshot::isFenced))
                return;
        }
        QFAIL("the cluster does not come up");
    }
};

} // namespace

/// Clusters in a world: the network between brokers, faults, commands that wait, and that all of it
/// repeats.
class TestClusterWorld : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void brokersElectAControllerAndRegister_data()
    {
        QTest::addColumn<int>("brokers");
        for (const int brokers : {1, 2, 3, 5, 9})
            QTest::addRow("%d brokers", brokers) << brokers;
    }
    void brokersElectAControllerAndRegister()
    {
        QFETCH(int, brokers);
        Lab lab(brokers);
        lab.settle();
        QCOMPARE(lab.log().brokers.size(), static_cast<std::size_t>(brokers));
        const auto voters =
            std::ranges::count(lab.log().brokers, true, &log::BrokerSnapshot::isVoter);
        QCOMPARE(voters, std::min(brokers, 3));
    }

    void commandsOfTheFirstMomentWaitInLine()
    {
        Lab lab;
        lab.apply("create-topic: {name: orders, partitions: 3, replication-factor: 3}");
        lab.apply("add-producer: {topic: orders, rate: 50/s, total: 100}");
        lab.apply("produce: {topic: orders, key: k, value: hello}");
        QVERIFY(lab.world->snapshot()->clients.empty());
        lab.run(20s);
        QCOMPARE(lab.count(WorldEvent::CommandFailed), std::uint64_t{0});
        QCOMPARE(lab.client("producer-1").confirmed, std::uint64_t{100});
        std::int64_t records = 0;
        for (std::size_t number = 0; number < 3; ++number) {
            const log::PartitionSnapshot partition = lab.partition("orders", number);
            QCOMPARE(partition.replicas.size(), std::size_t{3});
            records += partition.highWatermark;
        }
        QCOMPARE(records, std::int64_t{101});
    }

    void whatIsRefusedLateIsAnEvent()
    {
        Lab lab;
        lab.apply("create-topic: {name: orders, replication-factor: 3}");
        lab.apply("create-topic: {name: orders, replication-factor: 3}");
        lab.apply("produce: {topic: nothing, value: x}");
        lab.run(20s);
        QCOMPARE(lab.count(WorldEvent::CommandFailed), std::uint64_t{2});
        QCOMPARE(lab.failure(), std::string("UNKNOWN_TOPIC_OR_PARTITION"));
        // Once the cluster is up the same is refused at once.
        QCOMPARE(lab.refusal("produce: {topic: nothing, value: x}"),
            std::string("UNKNOWN_TOPIC_OR_PARTITION"));
    }

    void withoutAMajorityACommandFailsAfterHalfAMinute()
    {
        Lab lab;
        lab.settle();
        lab.apply("kill-broker: {broker: 1}");
        lab.apply("kill-broker: {broker: 2}");
        lab.apply("create-topic: {name: orders}");
        lab.apply("create-topic: {name: returns}");
        lab.run(29s);
        QCOMPARE(lab.count(WorldEvent::CommandFailed), std::uint64_t{0});
        lab.run(60s);
        QCOMPARE(lab.count(WorldEvent::CommandFailed), std::uint64_t{2});
        lab.apply("kill-broker: {broker: 3}");
        QCOMPARE(lab.refusal("create-topic: {name: orders}"), std::string("NETWORK_EXCEPTION"));
    }

    void clientsFollowTheLeaderThatComesAfterADeadOne()
    {
        Lab lab(3, {{"broker.session.timeout.ms", "3000"}});
        lab.apply("create-topic: {name: orders, replication-factor: 3, configs: "
                  "{min.insync.replicas: 2}}");
        lab.apply("add-producer: {topic: orders, rate: 100/s, total: 2000}");
        lab.apply("add-consumer: {group: billing, topics: [orders], configs: {auto.offset.reset: "
                  "earliest}}");
        lab.run(15s);
        const std::int32_t leader = lab.partition("orders").leader;
        QVERIFY(leader > 0);
        lab.apply("kill-broker: {broker: " + std::to_string(leader) + "}");
        lab.run(60s);
        const log::PartitionSnapshot after = lab.partition("orders");
        QVERIFY(after.leader > 0 && after.leader != leader);
        QCOMPARE(after.isr.size(), std::size_t{2});
        QCOMPARE(lab.client("producer-1").confirmed, std::uint64_t{2000});
        QCOMPARE(lab.handled("billing"), std::uint64_t{2000});
        lab.apply("restart-broker: {broker: " + std::to_string(leader) + "}");
        lab.run(30s);
        QCOMPARE(lab.partition("orders").isr.size(), std::size_t{3});
        QCOMPARE(lab.count(WorldEvent::CommandFailed), std::uint64_t{0});
    }

    void aControlledShutdownMovesLeadersFirst()
    {
        Lab lab;
        lab.apply("create-topic: {name: orders, partitions: 3, replication-factor: 3}");
        lab.run(15s);
        const std::int32_t leader = lab.partition("orders").leader;
        lab.apply("stop-broker: {broker: " + std::to_string(leader) + "}");
        lab.run(15s);
        QCOMPARE(lab.count(WorldEvent::BrokerStopped), std::uint64_t{1});
        QVERIFY(lab.partition("orders").leader != leader);
        QCOMPARE(lab.count(log::LogEvent::PartitionOffline), std::uint64_t{0});
        lab.apply("restart-broker: {broker: " + std::to_string(leader) + "}");
        lab.run(15s);
        QCOMPARE(lab.partition("orders").isr.size(), std::size_t{3});
    }

    void anIsolatedLeaderIsReplacedAndComesBack_data()
    {
        QTest::addColumn<QString>("from");
        QTest::newRow("from everyone") << "everyone";
        QTest::newRow("from brokers") << "brokers";
    }
    void anIsolatedLeaderIsReplacedAndComesBack()
    {
        QFETCH(QString, from);
        Lab lab(3, {{"broker.session.timeout.ms", "3000"}});
        lab.apply("create-topic: {name: orders, replication-factor: 3, configs: "
                  "{min.insync.replicas: 2}}");
        lab.apply("add-producer: {topic: orders, rate: 50/s}");
        lab.run(15s);
        const std::int32_t leader = lab.partition("orders").leader;
        lab.apply("isolate-broker: {broker: " + std::to_string(leader)
            + ", from: " + from.toStdString() + "}");
        QCOMPARE(lab.refusal("isolate-broker: {broker: " + std::to_string(leader)
                     + ", from: " + from.toStdString() + "}"),
            std::string("already-isolated"));
        lab.run(20s);
        QVERIFY(lab.partition("orders").leader != leader);
        lab.apply("rejoin-broker: {broker: " + std::to_string(leader) + "}");
        lab.apply("stop-producer: {name: producer-1}");
        lab.run(40s);
        const log::PartitionSnapshot healed = lab.partition("orders");
        QCOMPARE(healed.isr.size(), std::size_t{3});
        for (const log::ReplicaSnapshot &replica : healed.replicaStates)
            QCOMPARE(replica.logEndOffset, healed.logEndOffset);
    }

    void aCutBetweenTwoBrokersStopsReplicationBetweenThemOnly()
    {
        Lab lab(3, {{"replica.lag.time.max.ms", "2000"}});
        lab.apply("create-topic: {name: orders, replication-factor: 3}");
        lab.apply("add-producer: {topic: orders, rate: 50/s}");
        lab.run(15s);
        const std::int32_t leader = lab.partition("orders").leader;
        const std::int32_t other = leader % 3 + 1;
        const std::string pair =
            "{brokers: [" + std::to_string(leader) + ", " + std::to_string(other) + "]}";
        lab.apply("cut-link: " + pair);
        lab.run(10s);
        // The controller may sit behind the cut too, but two of three see each other.
        const log::PartitionSnapshot cut = lab.partition("orders");
        QVERIFY(cut.isr.size() < 3);
        lab.apply("mend-link: " + pair);
        lab.run(20s);
        QCOMPARE(lab.partition("orders").isr.size(), std::size_t{3});
        QCOMPARE(lab.count(WorldEvent::ConnectionCut), std::uint64_t{1});
        QCOMPARE(lab.count(WorldEvent::ConnectionMended), std::uint64_t{1});
    }

    void messagesThatWaitedArriveInOrder()
    {
        // A producer that never times out and keeps five requests in flight: were the order of its
        // connection not kept, its records would stand in another order.
        Lab lab(1);
        lab.apply("create-topic: {name: orders}");
        lab.apply("add-consumer: {group: g, topics: [orders], configs: {auto.offset.reset: "
                  "earliest}}");
        lab.apply("add-producer: {topic: orders, rate: 200/s, total: 1000, configs: {linger.ms: 0, "
                  "enable.idempotence: false}}");
        for (int round = 0; round < 8; ++round) {
            lab.run(300ms);
            lab.apply("cut-link: {client: producer-1, broker: 1}");
            lab.run(Duration(100ms) + round * Duration(130us));
            lab.apply("mend-link: {client: producer-1, broker: 1}");
        }
        lab.run(30s);
        QCOMPARE(lab.handled("g"), std::uint64_t{1000});
        QCOMPARE(lab.world->snapshot()->outcomes.at(0).outOfOrderInPartition, std::uint64_t{0});
    }

    void aResetLosesWhatIsOnTheLine()
    {
        Lab lab(1);
        lab.apply("create-topic: {name: orders}");
        lab.apply("add-producer: {topic: orders, rate: 200/s, total: 1000, configs: {linger.ms: 0, "
                  "enable.idempotence: false}}");
        for (int round = 0; round < 8; ++round) {
            lab.run(Duration(301ms) + round * Duration(700us));
            lab.apply("reset-link: {client: producer-1, broker: 1}");
        }
        lab.run(30s);
        QCOMPARE(lab.client("producer-1").confirmed, std::uint64_t{1000});
        // Retried without idempotence: what had arrived before the reset is there twice.
        QVERIFY(lab.partition("orders").logEndOffset >= 1000);
        QCOMPARE(lab.count(WorldEvent::ConnectionReset), std::uint64_t{8});
    }

    void aSlowBrokerIsSlow()
    {
        Lab lab(1);
        lab.apply("create-topic: {name: orders}");
        lab.apply("slow-broker: {latency: 200ms}");
        lab.apply("add-producer: {topic: orders, rate: 10/s, total: 1, configs: {linger.ms: 0, "
                  "enable.idempotence: false}}");
        lab.run(800ms); // due at 100 ms; metadata there and back first
        QCOMPARE(lab.client("producer-1").confirmed, std::uint64_t{0});
        lab.run(1s);
        QCOMPARE(lab.client("producer-1").confirmed, std::uint64_t{1});
        lab.apply("slow-broker: {latency: 0s}");
    }

    void aSkippedClockStampsRecords()
    {
        Lab lab(1);
        lab.apply("create-topic: {name: orders, configs: {message.timestamp.type: LogAppendTime}}");
        lab.apply("produce: {topic: orders, value: x}");
        lab.apply("skip-clock: {by: 10m}");
        lab.apply("produce: {topic: orders, value: y}");
        lab.apply("skip-clock: {by: -20m}");
        lab.apply("produce: {topic: orders, value: z}");
        const auto rows = lab.world->records("orders", 0, 0, 10);
        QCOMPARE(rows.size(), std::size_t{3});
        QVERIFY(rows[1].at - rows[0].at == 10min);
        QVERIFY(rows[2].at - rows[0].at == -10min);
    }

    void aPowerLossTakesWhatWasNotSynced_data()
    {
        QTest::addColumn<QString>("loses");
        QTest::addColumn<bool>("isThere");
        QTest::newRow("only the process") << "nothing" << true;
        QTest::newRow("the power") << "unsynced" << false;
    }
    void aPowerLossTakesWhatWasNotSynced()
    {
        QFETCH(QString, loses);
        QFETCH(bool, isThere);
        Lab lab(1);
        lab.apply("create-topic: {name: orders}");
        lab.run(100ms);
        lab.apply("produce: {topic: orders, value: x, count: 1000}");
        lab.apply("kill-broker: {loses: " + loses.toStdString() + "}");
        lab.apply("restart-broker: {}");
        lab.run(1s);
        const std::int64_t end = lab.partition("orders").logEndOffset;
        QCOMPARE(end == 1000, isThere);
    }

    void aLostDiskIsFilledAgainByTheOthers()
    {
        Lab lab;
        lab.apply("create-topic: {name: orders, replication-factor: 3}");
        lab.apply("produce: {topic: orders, value: x, count: 500}");
        lab.run(15s);
        const std::int32_t leader = lab.partition("orders").leader;
        const std::string other = std::to_string(leader % 3 + 1);
        lab.apply("kill-broker: {broker: " + other + ", loses: disk}");
        lab.run(15s);
        lab.apply("restart-broker: {broker: " + other + "}");
        lab.run(40s);
        const log::PartitionSnapshot healed = lab.partition("orders");
        QCOMPARE(healed.isr.size(), std::size_t{3});
        for (const log::ReplicaSnapshot &replica : healed.replicaStates)
            QCOMPARE(replica.logEndOffset, std::int64_t{500});
    }

    void commandsThatCannotBeAreRefused_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("code");
        const auto add = [](const char *text, const char *code) {
            QTest::newRow(text) << text << code;
        };
        add("kill-broker: {broker: 4}", "unknown-broker");
        add("stop-broker: {broker: 4}", "unknown-broker");
        add("rejoin-broker: {broker: 2}", "not-isolated");
        add("slow-broker: {broker: 9, latency: 1s}", "unknown-broker");
        add("skip-clock: {broker: 9, by: 1s}", "unknown-broker");
        add("cut-link: {brokers: [1, 1]}", "no-such-link");
        add("cut-link: {brokers: [1, 7]}", "unknown-broker");
        add("cut-link: {broker: 1}", "no-such-link");
        add("cut-link: {client: nobody, broker: 1}", "unknown-client");
        add("mend-link: {brokers: [1, 2]}", "not-cut");
        add("alter-configs: {topic: nothing, configs: {retention.ms: 1000}}",
            "UNKNOWN_TOPIC_OR_PARTITION");
        add("elect-leaders: {topic: nothing}", "UNKNOWN_TOPIC_OR_PARTITION");
    }
    void commandsThatCannotBeAreRefused()
    {
        QFETCH(QString, text);
        QFETCH(QString, code);
        Lab lab;
        lab.settle();
        const std::string now = lab.refusal(text.toStdString());
        if (now != "not refused") {
            QCOMPARE(QString::fromStdString(now), code);
            return;
        }
        lab.run(1s);
        QCOMPARE(QString::fromStdString(lab.failure()), code);
    }

    void topicSettingsChange()
    {
        Lab lab;
        lab.apply("create-topic: {name: orders, replication-factor: 3}");
        lab.apply("alter-configs: {topic: orders, configs: {min.insync.replicas: 2}}");
        lab.run(15s);
        const auto configs = [&] {
            for (const log::TopicSnapshot &topic : lab.log().topics) {
                if (topic.name == "orders")
                    return topic.configs;
            }
            return std::map<std::string, std::string>{};
        };
        QCOMPARE(configs().at("min.insync.replicas"), std::string("2"));
        lab.apply("alter-configs: {topic: orders, defaults: [min.insync.replicas]}");
        lab.run(1s);
        QVERIFY(configs().empty());
    }

    void offsetsOfAnEmptyGroupAreReset_data()
    {
        QTest::addColumn<int>("brokers");
        QTest::addColumn<QString>("where");
        QTest::addColumn<std::int64_t>("offset");
        for (const int brokers : {1, 3}) {
            const auto add = [&](const char *where, std::int64_t offset) {
                QTest::addRow("%d brokers, %s", brokers, where)
                    << brokers << QString(where) << offset;
            };
            add("to: earliest", 0);
            add("to: latest", 200);
            add("shift: -50", 150);
            add("offset: 17", 17);
            add("to: 2026-01-01T00:00:00Z", 0);
        }
    }
    void offsetsOfAnEmptyGroupAreReset()
    {
        QFETCH(int, brokers);
        QFETCH(QString, where);
        QFETCH(std::int64_t, offset);
        Lab lab(brokers);
        lab.apply(
            "create-topic: {name: orders, replication-factor: " + std::to_string(brokers) + "}");
        lab.apply("produce: {topic: orders, value: x, count: 200}");
        lab.apply("add-consumer: {group: billing, topics: [orders], configs: {auto.offset.reset: "
                  "earliest}}");
        lab.run(20s);
        const std::string reset =
            "reset-offsets: {group: billing, topic: orders, " + where.toStdString() + "}";
        QCOMPARE(lab.refusal(reset), std::string("NON_EMPTY_GROUP"));
        lab.apply("stop-consumer: {name: billing-1}");
        lab.run(1s);
        lab.apply(reset);
        lab.run(1s);
        QCOMPARE(lab.count(WorldEvent::CommandFailed), std::uint64_t{0});
        QCOMPARE(lab.count(log::LogEvent::OffsetsReset), std::uint64_t{1});
        const log::ClusterSnapshot cluster = lab.log();
        QCOMPARE(cluster.groups.at(0).committed.at(0).offset, offset);
    }

    void theSameSessionGivesTheSameBytesAlsoAfterGoingBack()
    {
        Session session;
        session.world.logBrokers = 3;
        session.world.jitter = 2ms;
        session.world.logConfigs = {{"broker.session.timeout.ms", "3000"}};
        const auto at = [&](Duration when, const std::string &text) {
            session.commands.push_back({when, command(text)});
        };
        at(0s, "create-topic: {name: orders, partitions: 3, replication-factor: 3}");
        at(0s, "add-producer: {topic: orders, rate: 50/s, arrival: poisson}");
        at(0s, "add-consumer: {group: g, topics: [orders], count: 2, processing: 2ms}");
        at(9s, "kill-broker: {broker: 2, loses: unsynced}");
        at(14s, "restart-broker: {broker: 2}");
        at(16s, "isolate-broker: {broker: 1}");
        at(20s, "rejoin-broker: {broker: 1}");
        at(22s, "reset-link: {brokers: [1, 3]}");
        session.end = 30s;

        auto straight = Timeline::create(session);
        QVERIFY(straight);
        (*straight)->seek(30s);
        const std::string expected = traceText((*straight)->world());

        auto wandering = Timeline::create(session);
        QVERIFY(wandering);
        (*wandering)->seek(18s);
        (*wandering)->seek(7s);
        (*wandering)->seek(21s);
        for (int step = 0; step < 20; ++step)
            (*wandering)->stepBack();
        (*wandering)->seek(30s);
        QVERIFY(traceText((*wandering)->world()) == expected);

        // A fork does not disturb what it came from.
        const std::unique_ptr<World> copy = (*wandering)->world().copy();
        QVERIFY(copy);
        QVERIFY(copy->apply(command("kill-broker: {broker: 3}")));
        copy->runUntil(copy->now() + 10s);
        (*straight)->seek(40s);
        (*wandering)->seek(40s);
        QVERIFY(traceText((*wandering)->world()) == traceText((*straight)->world()));
    }

    void aClusterConfigurationIsReadAndWritten()
    {
        YamlProblems problems("lab.yaml");
        const auto config = readWorldConfig(
            parseYaml("{log: {brokers: 5, controllers: 3, configs: "
                      "{broker.session.timeout.ms: 5000, offsets.retention.minutes: "
                      "1}}}",
                problems),
            problems);
        QVERIFY(config);
        QCOMPARE(config->logBrokers, 5);
        QCOMPARE(config->logControllers, 3);
        const auto again = readWorldConfig(writeWorldConfig(*config), problems);
        QVERIFY(again && *again == *config);
        QVERIFY(
            !readWorldConfig(parseYaml("{log: {brokers: 3, controllers: 4}}", problems), problems));
        QVERIFY(!readWorldConfig(parseYaml("{log: {brokers: 10}}", problems), problems));
    }
};

QTEST_APPLESS_MAIN(TestClusterWorld)
#include "tst_cluster_world.moc"
