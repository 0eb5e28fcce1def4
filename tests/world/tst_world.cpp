#include "world_fixture.h"

#include "engine/core/posix_files.h"
#include "engine/world/events.h"

#include <QTemporaryDir>

#include <sstream>

using namespace queuelab;
using namespace queuelab::world;

namespace {

/// A world in memory and a short way to tell it what to do.
struct Lab {
    std::unique_ptr<World> world;

    explicit Lab(const WorldConfig &config = {})
    {
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
    ClientSnapshot client(const std::string &name) const
    {
        const auto snapshot = world->snapshot();
        for (const ClientSnapshot &client : snapshot->clients) {
            if (client.name == name)
                return client;
        }
        qFatal("no client %s", name.c_str());
    }
    OutcomeSnapshot outcome(const std::string &name) const
    {
        const auto snapshot = world->snapshot();
        for (const OutcomeSnapshot &outcome : snapshot->outcomes) {
            if (outcome.name == name)
                return outcome;
        }
        return {};
    }
    std::uint64_t count(EventKind kind) const { return world->trace().count(kind); }
};

/// A topic with a fast group, so that tests need not wait for the initial rebalance delay.
WorldConfig quick()
{
    WorldConfig config;
    config.logConfigs = {{"group.initial.rebalance.delay.ms", "0"}};
    return config;
}

} // namespace

/// Whole worlds: messages flow through each engine, faults do what they say, and runs repeat.
class TestWorld : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void recordsFlowFromProducerToGroup()
    {
        Lab lab(quick());
        lab.apply("create-topic: {name: orders, partitions: 6}");
        lab.apply("add-consumer: {group: billing, topics: [orders], count: 7, configs: "
                  "{auto.offset.reset: earliest}}");
        lab.run(10s);
        lab.apply("add-producer: {topic: orders, rate: 100/s, keys: {count: 50}, total: 500}");
        lab.run(20s);
        QCOMPARE(lab.outcome("billing").handled, std::uint64_t{500});
        QCOMPARE(lab.outcome("billing").handledAgain, std::uint64_t{0});
        QCOMPARE(lab.outcome("billing").outOfOrderInKey, std::uint64_t{0});
        QCOMPARE(lab.client("producer-1").confirmed, std::uint64_t{500});
        QCOMPARE(lab.client("producer-1").state, ClientState::Stopped);
        const auto snapshot = lab.world->snapshot();
        QCOMPARE(
            std::ranges::count(snapshot->clients, "idle: owns nothing", &ClientSnapshot::note), 1);
    }

    void messagesFlowThroughTheExchangeBroker()
    {
        Lab lab;
        lab.apply("declare-exchange: {name: logs, type: topic}");
        lab.apply("declare-queue: {name: jobs}");
        lab.apply("bind: {exchange: logs, queue: jobs, key: kern.*}");
        lab.apply("add-worker: {queue: jobs, count: 2, processing: 10ms}");
        lab.apply("add-publisher: {exchange: logs, keys: [kern.error, other.key], rate: 100/s, "
                  "total: 200}");
        lab.apply("publish: {exchange: logs, key: kern.info, body: by hand}");
        lab.run(10s);
        QCOMPARE(lab.outcome("jobs").handled, std::uint64_t{101});
        QCOMPARE(lab.client("publisher-1").sent, std::uint64_t{200});
        QCOMPARE(lab.world->snapshot()->exchange.queues.at(0).messagesReady, std::uint64_t{0});
    }

    void messagesFlowThroughTheVisibilityService()
    {
        Lab lab;
        lab.apply("create-queue: {name: pay}");
        lab.apply("add-sender: {queue: pay, rate: 50/s, total: 100}");
        lab.apply("add-receiver: {queue: pay, count: 3, processing: 20ms}");
        lab.apply("send-message: {queue: pay, body: hello, label: pay-17}");
        lab.run(30s);
        QCOMPARE(lab.outcome("pay").handled, std::uint64_t{101});
        QCOMPARE(lab.world->snapshot()->visibility.queues.at(0).visible, std::uint64_t{0});
        QCOMPARE(lab.client("sender-1").state, ClientState::Stopped);
    }

    void aRefusalCarriesTheEnginesOwnCode_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("code");
        const auto add = [](const char *text, const char *code) {
            QTest::newRow(text) << text << code;
        };
        add("create-topic: {name: orders}", "TOPIC_ALREADY_EXISTS");
        add("create-topic: {name: \"or ders\"}", "INVALID_TOPIC_EXCEPTION");
        add("create-topic: {name: x, configs: {retention: 5}}", "INVALID_CONFIG");
        add("create-topic: {name: x, replication-factor: 2}", "INVALID_REPLICATION_FACTOR");
        add("add-partitions: {topic: orders, partitions: 1}", "INVALID_PARTITIONS");
        add("add-partitions: {topic: order, partitions: 2}", "UNKNOWN_TOPIC_OR_PARTITION");
        add("delete-topic: {name: order}", "UNKNOWN_TOPIC_OR_PARTITION");
        add("delete-records: {topic: orders, before-offset: 1000}", "OFFSET_OUT_OF_RANGE");
        add("delete-records: {topic: orders, before-offset: 18446744073709551615}",
            "OFFSET_OUT_OF_RANGE");
        add("delete-records: {topic: orders, partition: 1, before-offset: 0}",
            "UNKNOWN_TOPIC_OR_PARTITION");
        add("produce: {topic: order, value: x}", "UNKNOWN_TOPIC_OR_PARTITION");
        add("produce: {topic: orders, value: x, partition: 9}", "UNKNOWN_TOPIC_OR_PARTITION");
        add("add-producer: {topic: orders, configs: {acks: 5}}", "INVALID_CONFIG");
        add("bind: {exchange: logs, queue: nothing}", "404");
        add("publish: {exchange: nothing, body: x}", "404");
        add("declare-exchange: {name: logs, type: fanout}", "406");
        add("add-worker: {queue: nothing}", "404");
        add("add-publisher: {exchange: nothing}", "404");
        add("send-message: {queue: nothing, body: x}", "QueueDoesNotExist");
        add("create-queue: {name: q, attributes: {VisibilityTimeout: 99999}}",
            "InvalidAttributeValue");
        add("add-receiver: {queue: nothing}", "QueueDoesNotExist");
        add("delete-queue: {name: nothing}", "unknown-queue");
        add("crash-consumer: {name: nobody}", "unknown-client");
        add("resume-consumer: {name: shop}", "not-paused");
        add("add-producer: {topic: orders, name: shop}", "name-in-use");
        add("set-processing: {name: shop, processing: 1s}", "no-such-setting");
        add("mend-link: {client: shop}", "not-cut");
        add("restart-broker: {}", "already-running");
        add("kill-broker: {broker: 2}", "unknown-broker");
    }
    void aRefusalCarriesTheEnginesOwnCode()
    {
        QFETCH(QString, text);
        QFETCH(QString, code);
        Lab lab;
        lab.apply("create-topic: {name: orders}");
        lab.apply("declare-exchange: {name: logs, type: topic}");
        lab.apply("add-producer: {topic: orders, name: shop}");
        QCOMPARE(QString::fromStdString(lab.refusal(text.toStdString())), code);
        QCOMPARE(lab.count(kind(WorldEvent::CommandRefused)), std::uint64_t{1});
        // The rest is unharmed: the next commands go through.
        lab.apply("declare-queue: {name: jobs}");
        lab.apply("bind: {exchange: logs, queue: jobs, key: a}");
        lab.apply("produce: {topic: orders, value: x}");
    }

    void anUnknownClientGetsTheNearestName()
    {
        Lab lab;
        lab.apply("create-topic: {name: orders}");
        lab.apply("add-producer: {topic: orders, name: shop}");
        const auto refused = lab.world->apply(command("set-rate: {name: shopp, rate: 5}"));
        QVERIFY(!refused);
        QVERIFY(QString::fromStdString(refused.error().message).contains("did you mean 'shop'?"));
    }

    void aCrashedConsumersRecordsAreHandledAgainByOthers()
    {
        Lab lab(quick());
        lab.apply("create-topic: {name: orders, partitions: 2}");
        lab.apply("add-consumer: {group: g, topics: [orders], count: 2, commit: after, processing: "
                  "100ms, configs: "
                  "{auto.offset.reset: earliest}}");
        lab.run(10s);
        lab.apply("add-producer: {topic: orders, rate: 20/s, keys: {count: 20}, total: 400}");
        lab.run(5s);
        lab.apply("crash-consumer: {name: g-1}");
        QCOMPARE(lab.client("g-1").state, ClientState::Crashed);
        lab.run(120s); // the session timeout, then the other one works it all off
        QCOMPARE(lab.outcome("g").handled, std::uint64_t{400});
        lab.apply("restart-consumer: {name: g-1}");
        lab.run(20s);
        QVERIFY(!lab.client("g-1").positions.empty());
    }

    void aCrashedWorkersMessagesAreRedelivered()
    {
        Lab lab;
        lab.apply("declare-queue: {name: jobs}");
        lab.apply("add-worker: {queue: jobs, name: w, prefetch: 10, processing: 1s}");
        lab.apply("publish: {key: jobs, body: x, count: 5}");
        lab.run(1500ms);
        QCOMPARE(lab.client("w").holdingCount, std::uint64_t{4});
        lab.apply("crash-consumer: {name: w}");
        lab.run(10ms);
        QCOMPARE(lab.world->snapshot()->exchange.queues.at(0).messagesReady, std::uint64_t{4});
        QCOMPARE(lab.world->snapshot()->exchange.connections, std::uint32_t{1}); // yours
        lab.apply("restart-consumer: {name: w}");
        lab.run(10s);
        QCOMPARE(lab.outcome("jobs").handled, std::uint64_t{5});
    }

    void acknowledgementsOnABrokenConnectionAreLostAndTheirMessagesRedelivered()
    {
        Lab lab;
        lab.apply("declare-queue: {name: jobs}");
        lab.apply("add-worker: {queue: jobs, name: w, prefetch: 10, processing: 100ms}");
        lab.apply("publish: {key: jobs, body: x, count: 3}");
        lab.run(50ms);
        lab.apply("cut-link: {client: w}");
        lab.run(1s);
        QCOMPARE(lab.client("w").handled, std::uint64_t{3});
        lab.apply("reset-link: {client: w}");
        lab.apply("add-worker: {queue: jobs, name: other}");
        lab.apply("mend-link: {client: w}");
        lab.run(5s);
        QCOMPARE(lab.client("other").handledAgain, std::uint64_t{3});
    }

    void aPausedConsumerIsThrownOutAndComesBack()
    {
        Lab lab(quick());
        lab.apply("create-topic: {name: orders, partitions: 2}");
        lab.apply("add-consumer: {group: g, topics: [orders], count: 2}");
        lab.run(10s);
        lab.apply("pause-consumer: {name: g-2}");
        const auto members = [&] { return lab.world->snapshot()->log.groups.at(0).members.size(); };
        lab.run(30s);
        QCOMPARE(members(), std::size_t{2});
        lab.run(30s);
        QCOMPARE(members(), std::size_t{1});
        QCOMPARE(lab.refusal("stop-consumer: {name: g-2}"), std::string("not-running"));
        lab.apply("resume-consumer: {name: g-2}");
        lab.run(10s);
        QCOMPARE(members(), std::size_t{2});
    }

    void aStoppedConsumerLeavesItsGroupAtOnce()
    {
        Lab lab(quick());
        lab.apply("create-topic: {name: orders}");
        lab.apply("add-consumer: {group: g, topics: [orders], count: 2}");
        lab.run(10s);
        lab.apply("stop-consumer: {name: g-1}");
        lab.run(1s);
        QCOMPARE(lab.client("g-1").state, ClientState::Stopped);
        QCOMPARE(lab.world->snapshot()->log.groups.at(0).members.size(), std::size_t{1});
    }

    void aCutLinkHoldsMessagesUntilItIsMended()
    {
        Lab lab;
        lab.apply("declare-queue: {name: jobs}");
        lab.apply("add-publisher: {exchange: \"\", keys: [jobs], rate: 10/s, total: 50}");
        lab.run(1s);
        lab.apply("cut-link: {client: publisher-1}");
        lab.run(10s);
        const std::uint64_t before = lab.world->snapshot()->exchange.queues.at(0).published;
        QVERIFY(before >= 9 && before <= 10);
        QVERIFY(!lab.client("publisher-1").note.empty());
        lab.apply("mend-link: {client: publisher-1}");
        lab.run(10s);
        QCOMPARE(lab.world->snapshot()->exchange.queues.at(0).published, std::uint64_t{50});
        QCOMPARE(lab.client("publisher-1").confirmed, std::uint64_t{50});
    }

    void aKilledBrokerComesBackWithWhatItAcknowledged()
    {
        Lab lab(quick());
        lab.apply("create-topic: {name: orders, partitions: 3}");
        lab.apply(
            "add-consumer: {group: g, topics: [orders], configs: {auto.offset.reset: earliest}}");
        lab.apply("add-producer: {topic: orders, rate: 100/s, total: 2000}");
        lab.run(5s);
        lab.apply("kill-broker: {}");
        QCOMPARE(
            lab.refusal("produce: {topic: orders, value: x}"), std::string("NETWORK_EXCEPTION"));
        QCOMPARE(lab.world->snapshot()->log.brokers.at(0).alive, false);
        lab.run(5s);
        lab.apply("restart-broker: {}");
        lab.run(60s);
        QCOMPARE(lab.client("producer-1").confirmed, std::uint64_t{2000});
        QCOMPARE(lab.outcome("g").handled >= 2000, true);
        const auto snapshot = lab.world->snapshot();
        std::int64_t records = 0;
        for (const log::PartitionSnapshot &partition :
            std::ranges::find(snapshot->log.topics, "orders", &log::TopicSnapshot::name)
                ->partitions)
            records += partition.logEndOffset;
        QVERIFY(records >= 2000);
    }

    void jitterKeepsTheOrderOfAConnection()
    {
        WorldConfig config;
        config.jitter = 50ms;
        Lab lab(config);
        lab.apply("declare-queue: {name: jobs}");
        lab.apply("add-worker: {queue: jobs, prefetch: 0}");
        lab.apply("add-publisher: {exchange: \"\", keys: [jobs], rate: 500/s, total: 2000}");
        lab.run(20s);
        QCOMPARE(lab.outcome("jobs").handled, std::uint64_t{2000});
        QCOMPARE(lab.outcome("jobs").outOfOrderOverall, std::uint64_t{0});
    }

    void aCopyGoesOnByItself()
    {
        Lab lab(quick());
        lab.apply("create-topic: {name: orders, partitions: 3}");
        lab.apply("add-producer: {topic: orders, rate: 200/s}");
        lab.apply("add-consumer: {group: g, topics: [orders], count: 2, processing: 3ms}");
        lab.run(3s);
        const std::unique_ptr<World> copy = lab.world->copy();
        QVERIFY(copy);
        copy->runUntil(copy->now() + 10s);
        const std::string ahead = traceText(*copy);
        lab.run(10s);
        QCOMPARE(traceText(*lab.world), ahead);
        QCOMPARE(lab.world->steps(), copy->steps());
    }

    void theSameSeedGivesTheSameBytesInTheSink()
    {
        const auto play = [](std::uint64_t seed) {
            WorldConfig config = quick();
            config.seed = seed;
            config.jitter = 1ms;
            Lab lab(config);
            std::ostringstream out;
            JsonlSink sink(out);
            lab.world->setTraceSink(&sink);
            lab.apply("create-topic: {name: orders, partitions: 3}");
            lab.apply("add-producer: {topic: orders, rate: 100/s, arrival: poisson, keys: {count: "
                      "9, skew: 1}}");
            lab.apply("add-consumer: {group: g, topics: [orders], count: 2, processing: {low: 1ms, "
                      "high: 9ms}}");
            lab.run(10s);
            sink.flush();
            return out.str();
        };
        QCOMPARE(play(1), play(1));
        QVERIFY(play(1) != play(2));
    }

    void recordsCanBeRead()
    {
        Lab lab;
        lab.apply("create-topic: {name: orders}");
        lab.apply("produce: {topic: orders, key: k, value: hello, count: 3}");
        const auto rows = lab.world->records("orders", 0, 1, 10);
        QCOMPARE(rows.size(), std::size_t{2});
        QCOMPARE(rows[0].item, std::int64_t{1});
        QCOMPARE(rows[0].key, std::string("k"));
        QCOMPARE(rows[0].value, std::string("hello"));
        QVERIFY(lab.world->records("nothing", 0, 0, 10).empty());
    }

    void aLiveWorldOnRealFilesKeepsItsRecords()
    {
        QTemporaryDir directory;
        const auto open = [&] {
            auto files = PosixFiles::open(directory.path().toStdString());
            if (!files)
                qFatal("%s", files.error().text().c_str());
            return World::create({}, *std::move(files), Mode::Live, kVirtualStart + 1h);
        };
        {
            auto world = open();
            QVERIFY(world);
            QVERIFY((*world)->apply(command("create-topic: {name: orders}")));
            QVERIFY((*world)->apply(command("produce: {topic: orders, value: kept}")));
            QVERIFY(!(*world)->copy());
            const auto refused = (*world)->apply(command("kill-broker: {}"));
            QVERIFY(!refused);
            QCOMPARE(refused.error().code, std::string("live-world"));
            QVERIFY((*world)->close());
        }
        auto world = open();
        QVERIFY(world);
        QCOMPARE((*world)->records("orders", 0, 0, 10).at(0).value, std::string("kept"));
    }

    void aWorldThatCannotBeIsRefused()
    {
        WorldConfig config;
        config.logConfigs = {{"num.partitons", "3"}};
        const auto unknown = World::create(config, std::make_unique<MemoryFiles>());
        QVERIFY(!unknown);
        QVERIFY(unknown.error().remedy.find("num.partitions") != std::string::npos);
        config = {};
        config.logBrokers = 10;
        QVERIFY(!World::create(config, std::make_unique<MemoryFiles>()));
        config.logBrokers = 3;
        config.logControllers = 4;
        QVERIFY(!World::create(config, std::make_unique<MemoryFiles>()));
    }

    void everyEventHasWords()
    {
        NameTable names;
        TraceEvent event;
        event.subject = names.intern("orders-0");
        event.value = 5;
        for (const std::string &name : eventNames()) {
            const std::optional<EventKind> kind = eventByName(name);
            QVERIFY(kind);
            QCOMPARE(std::string(eventInfo(*kind).name), name);
            event.kind = *kind;
            const std::string text = describeEvent(event, names);
            QVERIFY2(!text.empty() && text.find('{') == std::string::npos, text.c_str());
        }
        QVERIFY(!eventByName("no-such-event"));
        QCOMPARE(eventInfo(0xfff).name, std::string_view("unknown"));
        QCOMPARE(reasonByName("work-done"), std::optional(reason(WorldReason::WorkDone)));
    }

    void snapshotsShowRatesAndSeries()
    {
        Lab lab(quick());
        lab.apply("create-topic: {name: orders}");
        lab.apply("add-producer: {topic: orders, rate: 100/s}");
        lab.run(10500ms);
        QCOMPARE(lab.client("producer-1").rate, 100.0);
        const auto snapshot = lab.world->snapshot();
        const auto series = std::ranges::find(snapshot->series, "orders in", &SeriesSnapshot::name);
        QVERIFY(series != snapshot->series.end());
        QCOMPARE(series->values.size(), std::size_t{10});
        QCOMPARE(series->values.back(), 100.0);
        lab.apply("set-rate: {name: producer-1, rate: 0}");
        lab.run(1h);
        QCOMPARE(lab.client("producer-1").rate, 0.0);
        QVERIFY(lab.world->snapshot()->series.front().values.size() <= 240);
    }
};

QTEST_APPLESS_MAIN(TestWorld)
#include "tst_world.moc"
