#include "world_fixture.h"

#include "engine/log/events.h"
#include "engine/world/events.h"

using namespace queuelab;
using namespace queuelab::world;

namespace {

/// A world with a topic of two partitions that the share group "billing" reads from its beginning.
struct Lab {
    std::unique_ptr<World> world;

    explicit Lab(std::int32_t brokers = 1, std::uint64_t seed = 1)
    {
        WorldConfig config;
        config.seed = seed;
        config.logBrokers = brokers;
        auto created = World::create(config, std::make_unique<MemoryFiles>());
        if (!created)
            qFatal("%s", created.error().text().c_str());
        world = *std::move(created);
        run(5s);
        apply("create-topic: {name: orders, partitions: 2, replication-factor: "
            + std::to_string(brokers) + "}");
        apply(
            "alter-group-configs: {group: billing, configs: {share.auto.offset.reset: earliest}}");
        run(1s);
    }
    void apply(const std::string &text)
    {
        const auto applied = world->apply(command(text));
        QVERIFY2(applied,
            applied ? ""
                    : (text + ": " + applied.error().code + " " + applied.error().message).c_str());
    }
    void run(Duration duration) { world->runUntil(world->now() + duration); }
    OutcomeSnapshot outcome() const
    {
        const std::shared_ptr<const Snapshot> snapshot = world->snapshot();
        for (const OutcomeSnapshot &outcome : snapshot->outcomes) {
            if (outcome.name == "billing")
                return outcome;
        }
        return {};
    }
    /// Records that nobody needs to be given any more.
    std::int64_t settled() const
    {
        std::int64_t sum = 0;
        const std::shared_ptr<const Snapshot> snapshot = world->snapshot();
        for (const log::SharePartitionSnapshot &share : snapshot->log.sharePartitions)
            sum += share.startOffset;
        return sum;
    }
    std::uint64_t count(log::LogEvent event, log::LogReason why = log::LogReason::None) const
    {
        return world->trace().count(log::kind(event), log::reason(why));
    }
    std::int64_t archived(log::LogReason why) const
    {
        std::int64_t records = 0;
        const Trace &trace = world->trace();
        for (std::uint64_t at = trace.first(); at < trace.end(); ++at) {
            const TraceEvent &event = trace.at(at);
            if (event.kind == log::kind(log::LogEvent::RecordsArchived)
                && event.reason == log::reason(why))
                records += event.count;
        }
        return records;
    }
    std::int64_t mostDeliveries() const
    {
        std::int64_t most = 0;
        const Trace &trace = world->trace();
        for (std::uint64_t at = trace.first(); at < trace.end(); ++at) {
            if (trace.at(at).kind == log::kind(log::LogEvent::RecordsAcquired))
                most = std::max(most, trace.at(at).value);
        }
        return most;
    }
};

} // namespace

/// Share groups in a world: consumers, their faults, and those of the brokers.
class TestShareWorld : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void moreConsumersThanPartitionsAllWork()
    {
        Lab lab;
        lab.apply("add-share-consumer: {group: billing, topics: [orders], count: 5, processing: "
                  "45ms, configs: {max.poll.records: 5, share.acquire.mode: record_limit}}");
        lab.apply("add-producer: {topic: orders, rate: 100/s, total: 500, keys: {count: 50}}");
        lab.run(60s);
        QCOMPARE(lab.outcome().handled, std::uint64_t{500});
        QCOMPARE(lab.outcome().handledAgain, std::uint64_t{0});
        QCOMPARE(lab.settled(), 500);
        const std::shared_ptr<const Snapshot> snapshot = lab.world->snapshot();
        for (const ClientSnapshot &client : snapshot->clients) {
            if (client.role == ClientRole::Consumer)
                QVERIFY2(client.handled > 0, client.name.c_str());
        }
    }

    void failedWorkIsTriedAgainUntilTheLimit()
    {
        Lab lab;
        lab.apply("add-share-consumer: {group: billing, topics: [orders], count: 2, fails-on: "
                  "poison}");
        lab.apply("produce: {topic: orders, value: poison}");
        lab.apply("produce: {topic: orders, value: good}");
        lab.run(30s);
        QCOMPARE(lab.outcome().handled, std::uint64_t{1});
        QCOMPARE(lab.mostDeliveries(), 5);
        QCOMPARE(lab.archived(log::LogReason::DeliveryLimit), 1);
        QCOMPARE(lab.settled(), 2);
    }

    void rejectedWorkIsGivenUpAtOnce()
    {
        Lab lab;
        lab.apply("add-share-consumer: {group: billing, topics: [orders], fails-on: poison, "
                  "on-failure: reject}");
        lab.apply("produce: {topic: orders, value: poison}");
        lab.run(30s);
        QCOMPARE(lab.mostDeliveries(), 1);
        QCOMPARE(lab.archived(log::LogReason::Rejected), 1);
        QCOMPARE(lab.settled(), 1);
    }

    void slowWorkLosesItsLockUnlessItRenews_data()
    {
        QTest::addColumn<std::string>("renew");
        QTest::addColumn<bool>("again");
        QTest::newRow("without") << std::string() << true;
        QTest::newRow("renewing") << std::string(", renew-every: 10s") << false;
    }
    void slowWorkLosesItsLockUnlessItRenews()
    {
        QFETCH(std::string, renew);
        QFETCH(bool, again);
        Lab lab;
        lab.apply("add-share-consumer: {group: billing, topics: [orders], count: 2, processing: "
                  "45s"
            + renew + "}");
        lab.apply("produce: {topic: orders, value: slow}");
        lab.run(200s);
        QCOMPARE(lab.outcome().handledAgain > 0, again);
        QCOMPARE(lab.count(log::LogEvent::AcquisitionLockExpired) > 0, again);
        QVERIFY(lab.outcome().handled == 1);
    }

    void nothingIsLostWhateverDies_data()
    {
        QTest::addColumn<int>("brokers");
        QTest::addColumn<quint64>("seed");
        for (const int brokers : {1, 3}) {
            for (quint64 seed = 1; seed <= 4; ++seed) {
                QTest::addRow(
                    "%d brokers, seed %llu", brokers, static_cast<unsigned long long>(seed))
                    << brokers << seed;
            }
        }
    }
    void nothingIsLostWhateverDies()
    {
        QFETCH(int, brokers);
        QFETCH(quint64, seed);
        Lab lab(brokers, seed);
        lab.apply("add-share-consumer: {group: billing, topics: [orders], count: 4, name: worker, "
                  "processing: {low: 1ms, high: 50ms}, fail-chance: 0.02, configs: "
                  "{max.poll.records: 20}}");
        lab.apply("add-producer: {topic: orders, rate: 50/s, total: 1000}");
        lab.run(8s);
        lab.apply("crash-consumer: {name: worker-1}");
        lab.run(4s);
        lab.apply("kill-broker: {broker: 1}");
        lab.run(5s);
        lab.apply("restart-broker: {broker: 1}");
        lab.apply("restart-consumer: {name: worker-1}");
        lab.run(180s);
        // What failed five times is archived, and told.
        const auto givenUp =
            static_cast<std::uint64_t>(lab.archived(log::LogReason::DeliveryLimit));
        QVERIFY(lab.outcome().handled + givenUp >= 1000);
        QCOMPARE(lab.settled(), 1000);
        QVERIFY(lab.mostDeliveries() <= 5);
    }

    void settingsOfGroupsAreRefusedByName()
    {
        Lab lab;
        for (const std::string setting : {"share.delivery.count.limit: 99", "share.delivery: 3"}) {
            const auto applied = lab.world->apply(
                command("alter-group-configs: {group: billing, configs: {" + setting + "}}"));
            QVERIFY(!applied);
            QCOMPARE(applied.error().code, std::string("INVALID_CONFIG"));
        }
    }
};

QTEST_APPLESS_MAIN(TestShareWorld)
#include "tst_share_world.moc"
