#include <QTest>

#include "engine/log/control_records.h"
#include "engine/log/events.h"
#include "engine/log/record_batch.h"
#include "engine/world/workload.h"
#include "world_fixture.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>

using namespace queuelab;
using namespace queuelab::world;
using namespace std::chrono_literals;

namespace {

class Plant {
public:
    explicit Plant(std::int32_t brokers = 1, std::uint64_t seed = 1, const Settings &configs = {})
        : m_world(std::move(
              World::create(configuration(brokers, seed, configs), std::make_unique<MemoryFiles>())
                  .value()))
    {
        if (brokers > 1)
            run(5s); // a controller is there
        const int replicas = std::min(brokers, 3);
        for (const char *topic : {"orders", "invoices"}) {
            perform(fmt::format("create-topic: {{name: {}, partitions: 3, replication-factor: {}}}",
                topic, replicas));
        }
        run(1s);
    }

    static WorldConfig configuration(
        std::int32_t brokers, std::uint64_t seed, const Settings &configs)
    {
        WorldConfig config;
        config.seed = seed;
        config.logBrokers = brokers;
        config.logConfigs = configs;
        return config;
    }

    void perform(const std::string &text)
    {
        const auto done = m_world->apply(command(text));
        if (!done)
            qFatal("%s: %s", text.c_str(), done.error().message.c_str());
    }
    void run(Duration duration) { m_world->runUntil(m_world->now() + duration); }
    /// Whoever has crashed begins again, every second.
    void runAndRestart(Duration duration)
    {
        for (const Instant end = m_world->now() + duration; m_world->now() < end;) {
            run(1s);
            const std::shared_ptr<const Snapshot> snapshot = m_world->snapshot();
            for (const ClientSnapshot &client : snapshot->clients) {
                if (client.state == ClientState::Crashed)
                    perform("restart-consumer: {name: " + client.name + "}");
            }
        }
    }

    ClientSnapshot client(const std::string &name) const
    {
        const std::shared_ptr<const Snapshot> snapshot = m_world->snapshot();
        const auto found = std::ranges::find(snapshot->clients, name, &ClientSnapshot::name);
        return found == snapshot->clients.end() ? ClientSnapshot{} : *found;
    }
    std::uint64_t handledBy(const std::string &group) const
    {
        const std::shared_ptr<const Snapshot> snapshot = m_world->snapshot();
        const auto found = std::ranges::find(snapshot->outcomes, group, &OutcomeSnapshot::name);
        return found == snapshot->outcomes.end() ? 0 : found->handled;
    }
    std::uint64_t count(log::LogEvent event) const
    {
        return m_world->trace().count(log::kind(event));
    }

    /// The stamps of a topic's committed records and how often each is there, told from the batches
    /// and the markers of its leaders alone.
    std::map<std::string, int> committed(const std::string &topic) const
    {
        std::map<std::string, int> found;
        const std::shared_ptr<const Snapshot> snapshot = m_world->snapshot();
        for (const log::TopicSnapshot &shown : snapshot->log.topics) {
            if (shown.name != topic)
                continue;
            for (const log::PartitionSnapshot &partition : shown.partitions)
                addCommitted({topic, partition.partition}, NodeId{partition.leader}, found);
        }
        return found;
    }

private:
    void addCommitted(const log::TopicPartition &partition, NodeId leader,
        std::map<std::string, int> &found) const
    {
        std::map<std::int64_t, std::vector<std::string>> open; // by producer id
        const auto batches = m_world->replicaBatches(leader, partition, 0, UINT64_MAX);
        if (!batches)
            qFatal("%s cannot be read", partition.name().c_str());
        for (const SharedBytes &piece : *batches) {
            for (ByteView rest = piece.view(); !rest.empty();) {
                const log::BatchHeader header = *log::readBatchHeader(rest);
                const ByteView batch = rest.first(header.sizeBytes());
                rest = rest.subspan(header.sizeBytes());
                std::vector<std::string> &records = open[header.producerId];
                for (log::RecordCursor cursor(batch); cursor.next();) {
                    const log::RecordView &record = cursor.record();
                    if (header.isControl()) {
                        const bool isCommit = record.key && record.key->back() == 1;
                        for (const std::string &stamp : std::exchange(records, {}))
                            found[stamp] += isCommit ? 1 : 0;
                        continue;
                    }
                    const std::optional<Stamp> stamp = readBody(*record.value);
                    records.push_back(fmt::format("{}#{}", stamp->producer, stamp->sequence));
                    if (!header.isTransactional())
                        ++found[std::exchange(records, {}).front()];
                }
            }
        }
        std::erase_if(found, [](const auto &entry) { return entry.second == 0; });
    }

    std::unique_ptr<World> m_world;
};

/// Each of so many records of "shop" exactly once.
QString differenceFromExactlyOnce(const std::map<std::string, int> &committed, int records)
{
    QString text;
    for (int i = 1; i <= records; ++i) {
        const std::string stamp = fmt::format("shop#{}", i);
        const auto found = committed.find(stamp);
        const int times = found == committed.end() ? 0 : found->second;
        if (times != 1)
            text += QStringLiteral("%1 %2 times; ").arg(QString::fromStdString(stamp)).arg(times);
    }
    return text;
}

} // namespace

class TransactionsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aProducerCommitsItsTransactions_data()
    {
        QTest::addColumn<QString>("version");
        QTest::newRow("transaction.version 1") << "1";
        QTest::newRow("transaction.version 2") << "2";
    }
    void aProducerCommitsItsTransactions()
    {
        QFETCH(const QString, version);
        Plant plant(1, 1, {{"transaction.version", version.toStdString()}});
        plant.perform("add-producer: {topic: orders, name: shop, rate: 50/s, total: 95, "
                      "configs: {transactional.id: till}}");
        plant.perform("add-consumer: {group: check, topics: [orders], "
                      "configs: {auto.offset.reset: earliest, isolation.level: read_committed}}");
        plant.run(30s);
        const ClientSnapshot shop = plant.client("shop");
        QCOMPARE(shop.transactionsCommitted, 10U); // nine of ten records, one of five
        QCOMPARE(shop.transactionsAborted, 0U);
        QCOMPARE(shop.confirmed, 95U);
        QVERIFY(shop.state == ClientState::Stopped);
        QCOMPARE(plant.handledBy("check"), 95U);
        QCOMPARE(differenceFromExactlyOnce(plant.committed("orders"), 95), QString());
    }

    void whatIsAbortedIsSeenOnlyUncommitted()
    {
        Plant plant;
        plant.perform("add-producer: {topic: orders, name: shop, rate: 50/s, total: 100, "
                      "configs: {transactional.id: till}, transaction: {abort-chance: 1, hold: "
                      "100ms}}"); // all are sent
        for (const char *level : {"read_committed", "read_uncommitted"}) {
            plant.perform(fmt::format("add-consumer: {{group: {}, topics: [orders], configs: "
                                      "{{auto.offset.reset: earliest, isolation.level: {}}}}}",
                level, level));
        }
        plant.run(30s);
        QCOMPARE(plant.client("shop").transactionsAborted, 10U);
        QCOMPARE(plant.client("shop").confirmed, 0U);
        QCOMPARE(plant.handledBy("read_committed"), 0U);
        QCOMPARE(plant.handledBy("read_uncommitted"), 100U);
    }

    void aTransactionThatIsHeldOpenHoldsReadersBack()
    {
        Plant plant;
        plant.perform("add-consumer: {group: check, topics: [orders], "
                      "configs: {auto.offset.reset: earliest, isolation.level: read_committed}}");
        plant.run(10s);
        plant.perform("add-producer: {topic: orders, name: shop, rate: 100/s, total: 10, "
                      "configs: {transactional.id: till}, transaction: {hold: 5s}}");
        plant.run(3s);
        QCOMPARE(plant.client("shop").note, "holds its transaction open");
        QCOMPARE(plant.handledBy("check"), 0U);
        plant.run(5s);
        QCOMPARE(plant.handledBy("check"), 10U);
    }

    void aSecondProducerFencesTheFirst()
    {
        Plant plant;
        plant.perform("add-producer: {topic: orders, name: first, rate: 20/s, "
                      "configs: {transactional.id: till}}");
        plant.run(10s);
        plant.perform("add-producer: {topic: orders, name: second, rate: 20/s, "
                      "configs: {transactional.id: till}}");
        plant.run(10s);
        const ClientSnapshot first = plant.client("first");
        QCOMPARE(first.note, "fenced: PRODUCER_FENCED");
        QVERIFY(first.state == ClientState::Stopped);
        QVERIFY(plant.client("second").transactionsCommitted > 5);
        plant.perform("restart-consumer: {name: first}"); // now it is the other way round
        plant.run(10s);
        QVERIFY(plant.client("first").state == ClientState::Running);
        QCOMPARE(plant.client("second").note, "fenced: PRODUCER_FENCED");
    }

    void everyRecordIsTransformedExactlyOnceWhateverCrashes_data()
    {
        QTest::addColumn<int>("seed");
        QTest::addColumn<QString>("version");
        QTest::addColumn<QString>("configs");
        for (int seed = 1; seed <= 4; ++seed) {
            for (const char *version : {"1", "2"}) {
                QTest::addRow("seed %d, transaction.version %s, classic", seed, version)
                    << seed << version << "auto.offset.reset: earliest, session.timeout.ms: 6000";
                QTest::addRow("seed %d, transaction.version %s, cooperative", seed, version)
                    << seed << version
                    << "auto.offset.reset: earliest, session.timeout.ms: 6000, "
                       "partition.assignment.strategy: cooperative-sticky";
            }
        }
    }
    void everyRecordIsTransformedExactlyOnceWhateverCrashes()
    {
        QFETCH(const int, seed);
        QFETCH(const QString, version);
        QFETCH(const QString, configs);
        constexpr int kRecords = 600;
        Plant plant(
            1, static_cast<std::uint64_t>(seed), {{"transaction.version", version.toStdString()}});
        plant.perform(fmt::format("add-producer: {{topic: orders, name: shop, rate: 40/s, "
                                  "total: {}, keys: {{count: 20}}}}",
            kRecords));
        plant.perform(fmt::format(
            "add-transformer: {{group: billing, from: [orders], to: invoices, count: 2, "
            "processing: 10ms, crash-chance: 0.01, fail-chance: 0.01, "
            "transaction: {{records: 7, abort-chance: 0.05}}, configs: {{{}}}}}",
            configs.toStdString()));
        plant.runAndRestart(200s);
        QCOMPARE(plant.client("shop").confirmed, std::uint64_t{kRecords});
        const QString wrong = differenceFromExactlyOnce(plant.committed("invoices"), kRecords);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
        // It was worth something: records were worked on more than once.
        std::uint64_t handled = 0;
        std::uint64_t aborted = 0;
        for (const char *name : {"billing-1", "billing-2"}) {
            handled += plant.client(name).handled;
            aborted += plant.client(name).transactionsAborted;
        }
        QVERIFY(handled > kRecords);
        QVERIFY(aborted > 0);
    }

    void everyRecordIsTransformedExactlyOnceWhenBrokersDie_data()
    {
        QTest::addColumn<int>("seed");
        for (int seed = 1; seed <= 3; ++seed)
            QTest::addRow("seed %d", seed) << seed;
    }
    void everyRecordIsTransformedExactlyOnceWhenBrokersDie()
    {
        QFETCH(const int, seed);
        constexpr int kRecords = 1'500;
        Plant plant(3, static_cast<std::uint64_t>(seed));
        plant.perform(fmt::format("add-producer: {{topic: orders, name: shop, rate: 40/s, "
                                  "total: {}, keys: {{count: 20}}}}",
            kRecords));
        plant.perform("add-transformer: {group: billing, from: [orders], to: invoices, "
                      "processing: 5ms, transaction: {records: 10}, "
                      "configs: {auto.offset.reset: earliest}}");
        for (const int broker : {1, 2, 3}) {
            plant.run(7s);
            plant.perform(fmt::format("kill-broker: {{broker: {}}}", broker));
            plant.run(15s);
            plant.perform(fmt::format("restart-broker: {{broker: {}}}", broker));
        }
        plant.run(120s);
        QCOMPARE(plant.client("shop").confirmed, std::uint64_t{kRecords});
        QCOMPARE(plant.client("billing-1").note, "");
        const QString wrong = differenceFromExactlyOnce(plant.committed("invoices"), kRecords);
        QVERIFY2(wrong.isEmpty(), qPrintable(wrong));
    }

    void aZombieIsFencedAndWritesNothingMore()
    {
        constexpr int kRecords = 400;
        Plant plant;
        plant.perform(fmt::format("add-producer: {{topic: orders, name: shop, rate: 40/s, "
                                  "total: {}, keys: {{count: 20}}}}",
            kRecords));
        const std::string settings = "configs: {transactional.id: biller, auto.offset.reset: "
                                     "earliest, session.timeout.ms: 6000}}";
        plant.perform("add-transformer: {group: billing, from: [orders], to: invoices, name: old, "
                      "transaction: {records: 20, hold: 500ms}, "
            + settings);
        plant.run(8s);
        plant.perform("pause-consumer: {name: old}");
        plant.perform("add-transformer: {group: billing, from: [orders], to: invoices, name: new, "
                      "transaction: {records: 20}, "
            + settings);
        plant.run(20s);
        plant.perform("resume-consumer: {name: old}");
        plant.run(30s);
        QCOMPARE(plant.client("old").note, "fenced: PRODUCER_FENCED");
        QVERIFY(plant.client("old").state == ClientState::Stopped);
        QVERIFY(plant.client("new").transactionsCommitted > 0);
        QCOMPARE(differenceFromExactlyOnce(plant.committed("invoices"), kRecords), QString());
    }

    void weakerGuaranteesRepeatOrLose_data()
    {
        QTest::addColumn<QString>("guarantee");
        QTest::newRow("at least once") << "at-least-once";
        QTest::newRow("at most once") << "at-most-once";
    }
    void weakerGuaranteesRepeatOrLose()
    {
        QFETCH(const QString, guarantee);
        constexpr int kRecords = 600;
        Plant plant;
        plant.perform(fmt::format("add-producer: {{topic: orders, name: shop, rate: 40/s, "
                                  "total: {}, keys: {{count: 20}}}}",
            kRecords));
        plant.perform(
            fmt::format("add-transformer: {{group: billing, from: [orders], to: invoices, "
                        "processing: 10ms, fail-chance: 0.05, guarantee: {}, "
                        "configs: {{auto.offset.reset: earliest, max.poll.records: 10}}}}",
                guarantee.toStdString()));
        plant.run(90s);
        std::uint64_t records = 0;
        const std::map<std::string, int> committed = plant.committed("invoices");
        for (const auto &[stamp, times] : committed)
            records += static_cast<std::uint64_t>(times);
        if (guarantee == "at-least-once") {
            QCOMPARE(committed.size(), std::size_t{kRecords});
            QVERIFY(records > kRecords);
        } else {
            QCOMPARE(records, committed.size()); // none twice
            QVERIFY(records < kRecords);
            QCOMPARE(records + plant.client("billing-1").failed, std::uint64_t{kRecords});
        }
    }

    void aTransformerThatIsStoppedCommitsWhatItHolds()
    {
        Plant plant;
        plant.perform("add-producer: {topic: orders, name: shop, rate: 100/s, total: 50}");
        plant.perform("add-transformer: {group: billing, from: [orders], to: invoices, "
                      "processing: 100ms, configs: {auto.offset.reset: earliest}}");
        plant.run(6s);
        QVERIFY(plant.client("billing-1").handled > 0);
        plant.perform("stop-consumer: {name: billing-1}");
        plant.run(10s);
        const ClientSnapshot billing = plant.client("billing-1");
        QVERIFY(billing.state == ClientState::Stopped);
        QCOMPARE(plant.committed("invoices").size(), static_cast<std::size_t>(billing.handled));
        plant.perform("restart-consumer: {name: billing-1}");
        plant.run(20s);
        QCOMPARE(differenceFromExactlyOnce(plant.committed("invoices"), 50), QString());
    }

    void settingsThatMakeNoSenseAreRefused_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("why");
        QTest::newRow("no idempotence")
            << "add-producer: {topic: orders, configs: {transactional.id: a, "
               "enable.idempotence: false}}"
            << "idempotent";
        QTest::newRow("acks") << "add-producer: {topic: orders, configs: {transactional.id: a, "
                                 "acks: 1}}"
                              << "acks";
        QTest::newRow("no id") << "add-producer: {topic: orders, transaction: {records: 5}}"
                               << "transactional.id";
        QTest::newRow("not exactly once")
            << "add-transformer: {group: g, from: [orders], to: invoices, guarantee: "
               "at-least-once, transaction: {records: 5}}"
            << "exactly-once";
        QTest::newRow("a setting of neither client")
            << "add-transformer: {group: g, from: [orders], to: invoices, configs: {batch.sise: 5}}"
            << "batch.size";
    }
    void settingsThatMakeNoSenseAreRefused()
    {
        QFETCH(const QString, text);
        QFETCH(const QString, why);
        auto world = World::create(Plant::configuration(1, 1, {}), std::make_unique<MemoryFiles>());
        const auto done = (*world)->apply(command(text.toStdString()));
        QVERIFY(!done);
        QVERIFY2(done.error().message.contains(why.toStdString()), done.error().message.c_str());
    }
};

QTEST_APPLESS_MAIN(TransactionsTest)
#include "tst_transactions.moc"
