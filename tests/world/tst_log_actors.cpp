#include <QTest>

#include "engine/log/events.h"
#include "engine/world/actors/dead_letters.h"
#include "world_fixture.h"

#include <set>

using namespace queuelab;
using namespace queuelab::world;
using namespace std::chrono_literals;

namespace {

class Shop {
public:
    Shop()
        : m_world(
              std::move(World::create(configuration(), std::make_unique<MemoryFiles>()).value()))
    {
        perform("create-topic: {name: orders, partitions: 2}");
        perform("create-topic: {name: orders-retry, partitions: 2}");
        perform("create-topic: {name: orders-dlt, partitions: 1}");
    }

    static WorldConfig configuration()
    {
        WorldConfig config;
        config.logBrokers = 1;
        return config;
    }

    void perform(const std::string &text)
    {
        const auto done = m_world->apply(command(text));
        if (!done)
            qFatal("%s", done.error().message.c_str());
    }
    void run(Duration duration) { m_world->runUntil(m_world->now() + duration); }

    std::uint64_t count(log::LogEvent event) const
    {
        return m_world->trace().count(log::kind(event));
    }
    std::vector<TraceEvent> events(log::LogEvent event) const
    {
        std::vector<TraceEvent> found;
        const Trace &trace = m_world->trace();
        for (std::uint64_t i = trace.first(); i < trace.end(); ++i) {
            if (trace.at(i).kind == log::kind(event))
                found.push_back(trace.at(i));
        }
        return found;
    }
    std::string name(NameId id) const { return std::string(m_world->trace().names().name(id)); }
    ClientSnapshot client(const std::string &name) const
    {
        const std::shared_ptr<const Snapshot> snapshot = m_world->snapshot();
        for (const ClientSnapshot &client : snapshot->clients) {
            if (client.name == name)
                return client;
        }
        return {};
    }
    World &world() { return *m_world; }

private:
    std::unique_ptr<World> m_world;
};

constexpr const char *kConsumer = "add-consumer: {group: billing, topics: [orders], commit: after, "
                                  "fails-on: poison, %1, configs: {auto.offset.reset: earliest}}";

std::string consumer(const char *how)
{
    return QString::fromLatin1(kConsumer).arg(QString::fromLatin1(how)).toStdString();
}

} // namespace

class LogActorsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aRecordThatFailsIsSkipped()
    {
        Shop shop;
        shop.perform(consumer("on-failure: skip"));
        shop.perform("produce: {topic: orders, value: poison, partition: 0}");
        shop.perform("produce: {topic: orders, value: fine, partition: 0}");
        shop.run(20s);
        QCOMPARE(shop.client("billing-1").failed, 1U);
        QCOMPARE(shop.client("billing-1").handled, 1U);
        QCOMPARE(shop.client("billing-1").positions.at(0).committed, 2);
    }

    void aBlockedPartitionStandsStillAndTheOthersGoOn()
    {
        Shop shop;
        shop.perform(consumer("on-failure: block, retry: {delay: 1s}"));
        shop.perform("produce: {topic: orders, value: poison, partition: 0}");
        shop.perform("produce: {topic: orders, value: behind, partition: 0}");
        shop.perform("produce: {topic: orders, value: elsewhere, partition: 1, count: 5}");
        shop.run(20s);
        const ClientSnapshot billing = shop.client("billing-1");
        QCOMPARE(billing.handled, 5U);
        QVERIFY(billing.failed >= 10); // once a second
        QVERIFY(billing.positions.at(0).committed <= 0);
        QCOMPARE(billing.positions.at(1).committed, 5);
    }

    void aRecordIsRetriedLaterAndThenDeadLettered()
    {
        Shop shop;
        shop.perform(consumer("on-failure: retry-topic, retry: {delay: 4s, attempts: 3}"));
        shop.perform("produce: {topic: orders, key: k, value: poison, partition: 1}");
        shop.perform("produce: {topic: orders, value: fine, partition: 1}");
        shop.run(30s);
        const ClientSnapshot billing = shop.client("billing-1");
        QCOMPARE(billing.failed, 3U); // attempts: in all
        QCOMPARE(billing.handled, 1U); // the one behind did not wait

        const auto retried = shop.events(log::LogEvent::RecordRetried);
        QCOMPARE(retried.size(), 2U);
        QCOMPARE(shop.name(retried[0].subject), "orders-1");
        QCOMPARE(shop.name(retried[0].detail), "orders-retry");
        QCOMPARE(retried[0].value, 1);
        QCOMPARE(retried[1].value, 2);
        QVERIFY(retried[1].at - retried[0].at >= 4s);
        const auto dead = shop.events(log::LogEvent::RecordDeadLettered);
        QCOMPARE(dead.size(), 1U);
        QCOMPARE(shop.name(dead[0].detail), "orders-dlt");
        QCOMPARE(dead[0].value, 3);
    }

    void whatHappenedToARecordIsInItsHeaders()
    {
        log::RecordView record;
        record.offset = 17;
        record.value = asBytes("poison");
        Letter letter({"orders", 1}, record);
        const Retry retry{.delay = 5s, .attempts = 2};

        NextStop next = readdress(letter, retry, "cannot process it", 1'000);
        QCOMPARE(next.topic, "orders-retry");
        QVERIFY(!next.isDeadLetter);
        QCOMPARE(*letter.text("kafka_original-topic"), "orders");
        QCOMPARE(*letter.number("kafka_original-partition"), 1);
        QCOMPARE(*letter.number("kafka_original-offset"), 17);
        QCOMPARE(*letter.text("kafka_exception-message"), "cannot process it");
        QCOMPARE(*letter.number("retry_topic-attempts"), 2);
        QCOMPARE(*letter.number("retry_topic-backoff-timestamp"), 6'000);

        letter.partition = {"orders-retry", 0}; // where it is read next
        letter.offset = 3;
        next = readdress(letter, retry, "again", 9'000);
        QCOMPARE(next.topic, "orders-dlt");
        QVERIFY(next.isDeadLetter);
        QCOMPARE(*letter.number("kafka_original-offset"), 17);
        QCOMPARE(*letter.text("kafka_exception-message"), "again");
        QCOMPARE(*letter.number("retry_topic-attempts"), 2);
        QVERIFY(!letter.number("retry_topic-backoff-timestamp"));
    }

    void aRecordMovedOnIsCommittedOnlyOnceItIsWritten()
    {
        Shop shop;
        shop.perform(consumer("on-failure: retry-topic"));
        shop.run(10s);
        shop.perform("produce: {topic: orders, value: poison, partition: 0}");
        for (int ms = 0; ms < 5'000 && shop.client("billing-1").failed == 0; ++ms)
            shop.run(1ms);
        shop.perform("kill-broker: {broker: 1}"); // before the retry is written
        shop.run(5s);
        QCOMPARE(shop.count(log::LogEvent::RecordRetried), 0U);
        shop.perform("restart-broker: {broker: 1}");
        shop.run(60s);
        QVERIFY(shop.count(log::LogEvent::RecordRetried) >= 1U);
        QVERIFY(shop.count(log::LogEvent::RecordDeadLettered) >= 1U);
    }

    void aRedriveSendsDeadLettersBackAndEnds()
    {
        Shop shop;
        shop.perform(consumer("on-failure: retry-topic, retry: {delay: 1s, attempts: 1}"));
        shop.perform("produce: {topic: orders, value: poison, partition: 0, count: 3}");
        shop.run(20s);
        QCOMPARE(shop.count(log::LogEvent::RecordDeadLettered), 3U);
        shop.perform("stop-consumer: {name: billing-1}");
        shop.run(1s);

        shop.perform("redrive: {from: orders-dlt, rate: 2/s}");
        shop.run(20s);
        const auto redriven = shop.events(log::LogEvent::RecordRedriven);
        QCOMPARE(redriven.size(), 3U);
        QCOMPARE(shop.name(redriven[0].detail), "orders");
        QVERIFY(redriven[2].at - redriven[0].at >= 900ms);
        QVERIFY(shop.client("redrive-1").state == ClientState::Stopped);

        // What was sent back is not sent again.
        shop.perform("redrive: {from: orders-dlt, rate: 2/s}");
        shop.run(20s);
        QCOMPARE(shop.count(log::LogEvent::RecordRedriven), 3U);
        QVERIFY(shop.client("redrive-2").state == ClientState::Stopped);
    }

    void aLetterIsSentBackThreeTimesAtMost()
    {
        Shop shop;
        shop.perform(consumer("on-failure: retry-topic, retry: {attempts: 1}"));
        shop.perform("produce: {topic: orders, value: poison, partition: 0}");
        for (int i = 0; i < 5; ++i) {
            shop.run(10s);
            shop.perform("redrive: {from: orders-dlt, rate: 10/s}");
        }
        shop.run(10s);
        QCOMPARE(shop.count(log::LogEvent::RecordRedriven), 3U);
        QCOMPARE(shop.count(log::LogEvent::RecordDeadLettered), 4U);
    }

    void aLeadersDeathLosesAndRepeatsNothingAndLeavesTheOrder()
    {
        WorldConfig config;
        config.logBrokers = 3;
        auto world = World::create(config, std::make_unique<MemoryFiles>()).value();
        const auto perform = [&](const std::string &text) {
            const auto done = world->apply(command(text));
            QVERIFY2(done.has_value(), done ? "" : done.error().message.c_str());
        };
        const auto run = [&](Duration duration) { world->runUntil(world->now() + duration); };
        run(5s);
        perform("create-topic: {name: orders, partitions: 3, replication-factor: 3, "
                "configs: {min.insync.replicas: 2}}");
        perform("add-producer: {topic: orders, name: shop, rate: 200/s, total: 4000, "
                "keys: {count: 20}}");
        perform("add-consumer: {group: billing, topics: [orders], "
                "configs: {auto.offset.reset: earliest}}");
        for (const char *broker : {"1", "2", "3"}) {
            run(5s);
            perform(std::string("kill-broker: {broker: ") + broker + "}");
            run(15s);
            perform(std::string("restart-broker: {broker: ") + broker + "}");
        }
        run(60s);
        const std::shared_ptr<const Snapshot> snapshot = world->snapshot();
        QCOMPARE(snapshot->clients.at(0).confirmed, 4'000U);
        QCOMPARE(snapshot->clients.at(0).failed, 0U);
        QCOMPARE(snapshot->outcomes.at(0).handled, 4'000U);
        QCOMPARE(snapshot->outcomes.at(0).outOfOrderInKey, 0U);
        for (const log::TopicSnapshot &topic : snapshot->log.topics) {
            std::int64_t records = 0;
            for (const log::PartitionSnapshot &partition : topic.partitions)
                records += partition.logEndOffset;
            if (topic.name == "orders")
                QCOMPARE(records, 4'000); // none twice
        }
    }

    void settingsThatContradictIdempotenceAreRefused_data()
    {
        QTest::addColumn<QString>("settings");
        QTest::addColumn<QString>("why");
        QTest::newRow("acks") << "{enable.idempotence: true, acks: 1}" << "acks";
        QTest::newRow("retries") << "{enable.idempotence: true, retries: 0}" << "retries";
        QTest::newRow("in flight") << "{max.in.flight.requests.per.connection: 6}" << "at most 5";
        QTest::newRow("only implied") << "{acks: 1}" << "";
        QTest::newRow("turned off")
            << "{enable.idempotence: false, max.in.flight.requests.per.connection: 6}" << "";
    }
    void settingsThatContradictIdempotenceAreRefused()
    {
        QFETCH(QString, settings);
        QFETCH(QString, why);
        Shop shop;
        const auto done = shop.world().apply(
            command("add-producer: {topic: orders, configs: " + settings.toStdString() + "}"));
        QCOMPARE(done.has_value(), why.isEmpty());
        if (!done)
            QVERIFY(done.error().message.contains(why.toStdString()));
    }
};

QTEST_APPLESS_MAIN(LogActorsTest)
#include "tst_log_actors.moc"
