#include "engine/world/command.h"
#include "engine/world/world.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::world;

namespace {

std::optional<Command> parse(const std::string &text, YamlProblems &problems)
{
    const YAML::Node node = parseYaml(text, problems);
    return problems.any() ? std::nullopt : readCommand(node, problems);
}

QString allText(const YamlProblems &problems)
{
    QString text;
    for (const Error &error : problems.errors())
        text += QString::fromStdString(error.text()) + '\n';
    return text;
}

} // namespace

Q_DECLARE_METATYPE(queuelab::world::Command)

/// Commands in YAML: what is read is what is written, and what is wrong is refused with its place.
class TestCommands : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyCommandReadsBackAsItWasWritten_data()
    {
        QTest::addColumn<QString>("text");
        const auto add = [](const char *text) { QTest::newRow(text) << QString(text); };
        add("create-topic: {name: orders}");
        add("create-topic: {name: orders, partitions: 6, replication-factor: 3, configs: "
            "{retention.ms: 60000}}");
        add("add-partitions: {topic: orders, partitions: 8}");
        add("delete-topic: {name: orders}");
        add("delete-records: {topic: orders, before-offset: 0}");
        add("delete-records: {topic: orders, partition: 2, before-offset: 17}");
        add("produce: {topic: orders, key: \"\", value: \"a: b\", count: 3}");
        add("produce: {topic: orders, value: hello, partition: 0}");
        add("add-producer: {topic: orders, name: shop, rate: 120/s, arrival: poisson, keys: "
            "{count: 100, skew: 0.9}, "
            "size: {low: 50, high: 500}, total: 1000, configs: {acks: all, linger.ms: 0}}");
        add("add-consumer: {group: billing, topics: [orders, returns], count: 3, name: b, "
            "processing: {low: 100ms, "
            "high: 300ms}, commit: after, crash-chance: 0.001, configs: {auto.offset.reset: "
            "earliest}}");
        add("add-producer: {topic: orders, configs: {transactional.id: till}, transaction: "
            "{records: 5, hold: 2s, abort-chance: 0.25}}");
        add("add-transformer: {group: billing, from: [orders, returns], to: invoices, count: 2, "
            "name: b, processing: 20ms, guarantee: at-least-once, crash-chance: 0.5, fail-chance: "
            "0.25, configs: {linger.ms: 0}}");
        add("add-transformer: {group: billing, from: [orders], to: invoices, transaction: "
            "{records: 7, hold: 1s}}");
        add("declare-exchange: {name: logs, type: topic, durable: false, arguments: "
            "{alternate-exchange: other}}");
        add("declare-queue: {name: jobs, arguments: {list: [1, two], none: null, ratio: 0.5, text: "
            "\"5\", "
            "x-max-length: 10, x-message-ttl: 5000, yes: true}}");
        add("delete-queue: {name: jobs}");
        add("bind: {exchange: logs, queue: jobs, key: \"*.error.#\"}");
        add("bind: {exchange: h, queue: jobs, arguments: {region: eu, x-match: all}}");
        add("unbind: {exchange: logs, queue: jobs, key: kern.*}");
        add("publish: {exchange: logs, key: kern.error, body: \"line 1\\nline 2\", message-id: "
            "pay-17, headers: {a: 1}, "
            "expiration: 5000, persistent: true, mandatory: true, count: 2}");
        add("add-publisher: {exchange: \"\", keys: [a, b], rate: 0.5/s, confirms: false, "
            "persistent: true, total: 7}");
        add("add-worker: {queue: jobs, count: 2, prefetch: 0, ack: auto, processing: 200ms, "
            "fail-chance: 0.5, "
            "on-failure: requeue, crash-chance: 1}");
        add("create-queue: {name: pay, attributes: {RedrivePolicy: \"{\\\"maxReceiveCount\\\": "
            "3}\", "
            "VisibilityTimeout: 30}}");
        add("set-queue-attributes: {name: pay, attributes: {DelaySeconds: 5}}");
        add("send-message: {queue: pay, body: x, label: pay-17, delay-seconds: 0, count: 4}");
        add("add-sender: {queue: pay, name: shop, rate: 30/s, batch: 10, total: 5}");
        add("add-receiver: {queue: pay, count: 2, processing: 40s, max-number-of-messages: 10, "
            "visibility-timeout: "
            "30, wait-time-seconds: 0, poll-interval: 2s, heartbeat: 15s, delete: never, "
            "crash-chance: 0.25}");
        for (const char *name : {"crash-consumer", "restart-consumer", "stop-consumer",
                 "pause-consumer", "resume-consumer", "stop-producer"})
            QTest::newRow(name) << QString("%1: {name: worker-1}").arg(name);
        add("set-processing: {name: worker-1, processing: 1500ms}");
        add("set-rate: {name: shop, rate: 5/s}");
        add("kill-broker: {}");
        add("restart-broker: {broker: 2}");
        add("cut-link: {client: worker-1}");
        add("mend-link: {client: worker-1}");
        add("alter-configs: {topic: orders, configs: {retention.ms: 1000}, defaults: "
            "[min.insync.replicas]}");
        add("reset-offsets: {group: billing, topic: orders, to: earliest}");
        add("reset-offsets: {group: billing, topic: orders, partition: 2, shift: -10}");
        add("reset-offsets: {group: billing, topic: orders, offset: 0}");
        add("elect-leaders: {topic: orders, partition: 0, type: unclean}");
        add("kill-broker: {broker: 2, loses: unsynced}");
        add("stop-broker: {broker: 3}");
        add("isolate-broker: {broker: 2, from: brokers}");
        add("rejoin-broker: {broker: 2}");
        add("slow-broker: {broker: 2, latency: 20ms}");
        add("skip-clock: {broker: 2, by: 1h}");
        add("skip-clock: {by: -1500ms}");
        add("cut-link: {client: worker-1, broker: 2}");
        add("mend-link: {brokers: [1, 3]}");
        add("reset-link: {client: worker-1, broker: 1}");
    }
    void everyCommandReadsBackAsItWasWritten()
    {
        QFETCH(QString, text);
        YamlProblems problems("test");
        const std::optional<Command> command = parse(text.toStdString(), problems);
        QVERIFY2(command, qPrintable(allText(problems)));
        QCOMPARE(QString::fromStdString(commandText(*command)), text);
        const std::optional<Command> again = readCommand(writeCommand(*command), problems);
        QVERIFY2(again, qPrintable(allText(problems)));
        QVERIFY(*again == *command);
        QVERIFY(text.startsWith(QString::fromUtf8(commandName(*command).data())));
    }

    void everyCommandHasFieldsAndHelp()
    {
        QCOMPARE(commandNames().size(), std::variant_size_v<Command>);
        for (const std::string &name : commandNames()) {
            QVERIFY(!commandHelp(name).empty());
            const std::vector<FieldInfo> fields = commandFields(name);
            QVERIFY(!fields.empty());
            for (const FieldInfo &field : fields) {
                QVERIFY(!field.help.empty());
                QVERIFY(!field.type.empty());
            }
        }
        QVERIFY(commandFields("create-topik").empty());
    }

    void fieldsKnowTheirDefaultsAndChoices()
    {
        const std::vector<FieldInfo> fields = commandFields("add-consumer");
        const auto commit = std::ranges::find(fields, "commit", &FieldInfo::name);
        QVERIFY(commit != fields.end());
        QCOMPARE(commit->choices, (std::vector<std::string>{"auto", "after", "before", "never"}));
        QCOMPARE(commit->defaultText, std::string("auto"));
        QVERIFY(fields.front().required);
    }

    void whatIsWrongIsRefusedWithItsPlaceAndTheNearestWord_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("place");
        QTest::addColumn<QString>("words");
        QTest::newRow("unknown command")
            << "create-topik: {name: a}" << "lab.yaml:1:1" << "did you mean 'create-topic'?";
        QTest::newRow("unknown key") << "create-topic:\n  name: a\n  partitons: 3" << "lab.yaml:3:3"
                                     << "did you mean 'partitions'?";
        QTest::newRow("missing key")
            << "create-topic: {partitions: 3}" << "lab.yaml:1:15" << "needs 'name'";
        QTest::newRow("wrong type")
            << "create-topic: {name: a, partitions: many}" << "lab.yaml:1:37"
            << "'many' is not a whole number";
        QTest::newRow("too many") << "create-topic: {name: a, partitions: 10001}" << "lab.yaml:1:37"
                                  << "outside 1 to 10000";
        QTest::newRow("too few") << "create-topic: {name: a, partitions: 0}" << "lab.yaml:1:37"
                                 << "outside 1 to 10000";
        QTest::newRow("choice") << "add-consumer: {group: g, topics: [a], commit: afer}"
                                << "lab.yaml:1:47"
                                << "did you mean 'after'?";
        QTest::newRow("chance") << "add-worker: {queue: q, crash-chance: 1.5}" << "lab.yaml:1:38"
                                << "outside 0 to 1";
        QTest::newRow("prefetch") << "add-worker: {queue: q, prefetch: 65536}" << "lab.yaml:1:34"
                                  << "outside 0 to 65535";
        QTest::newRow("duration") << "set-processing: {name: a, processing: 5}" << "lab.yaml:1:39"
                                  << "is not a duration";
        QTest::newRow("span") << "set-processing: {name: a, processing: {low: 3s, high: 1s}}"
                              << "lab.yaml:1:39"
                              << "'low' is above 'high'";
        QTest::newRow("rate") << "set-rate: {name: a, rate: fast}" << "lab.yaml:1:27"
                              << "is not a rate";
        QTest::newRow("arrival") << "add-producer: {topic: a, arrival: poison}" << "lab.yaml:1:35"
                                 << "did you mean 'poisson'?";
        QTest::newRow("client name") << "add-producer: {topic: a, name: \"a b\"}" << "lab.yaml:1:32"
                                     << "not a client's name";
        QTest::newRow("twice") << "create-topic: {name: a, name: b}" << "lab.yaml:1:25"
                               << "given twice";
        QTest::newRow("not a map") << "create-topic: 5" << "lab.yaml:1:15" << "must be a map";
        QTest::newRow("two commands")
            << "{create-topic: {name: a}, delete-topic: {name: a}}" << "lab.yaml:1:1"
            << "one command is wanted";
        QTest::newRow("a word") << "stop" << "lab.yaml:1:1" << "write it as name: {field: value}";
        QTest::newRow("endless alias") << "declare-queue: {name: q, arguments: &a {x: *a}}"
                                       << "lab.yaml:1:37" << "nested 32 deep";
        QTest::newRow("heartbeat")
            << "add-receiver: {queue: q, heartbeat: 0s}" << "lab.yaml:1:37" << "outside 1ms";
    }
    void whatIsWrongIsRefusedWithItsPlaceAndTheNearestWord()
    {
        QFETCH(QString, text);
        QFETCH(QString, place);
        QFETCH(QString, words);
        YamlProblems problems("lab.yaml");
        QVERIFY(!parse(text.toStdString(), problems));
        QCOMPARE(problems.errors().size(), std::size_t{1});
        QCOMPARE(QString::fromStdString(problems.errors().front().place), place);
        QVERIFY2(allText(problems).contains(words), qPrintable(allText(problems)));
    }

    void theImpossibleIsRefusedBeforeItRuns_data()
    {
        QTest::addColumn<QString>("text");
        QTest::addColumn<QString>("words");
        QTest::newRow("replicas") << "create-topic: {name: a, replication-factor: 7}"
                                  << "replication-factor is 7, but the world has 3 brokers";
        QTest::newRow("broker") << "kill-broker: {broker: 4}"
                                << "there is no broker 4: the world has 3";
        QTest::newRow("producer key")
            << "add-producer: {topic: a, configs: {linger.mss: 5}}" << "did you mean 'linger.ms'?";
        QTest::newRow("producer value")
            << "add-producer: {topic: a, configs: {acks: 2}}" << "write 0, 1 or all";
        QTest::newRow("consumer key")
            << "add-consumer: {group: g, topics: [a], configs: {session.timeout: 5}}"
            << "did you mean 'session.timeout.ms'?";
        QTest::newRow("assignor") << "add-consumer: {group: g, topics: [a], configs: "
                                     "{partition.assignment.strategy: sticki}}"
                                  << "range, roundrobin, sticky or cooperative-sticky";
        QTest::newRow("isolation") << "add-consumer: {group: g, topics: [a], configs: "
                                      "{isolation.level: committed}}"
                                   << "write read_uncommitted or read_committed";
        QTest::newRow("protocol") << "add-consumer: {group: g, topics: [a], configs: "
                                     "{group.protocol: new}}"
                                  << "write classic or consumer";
        const auto together =
            [](const char *key, const char *value, const char *protocol) {
                QTest::newRow(key)
                    << QString("add-consumer: {group: g, topics: [a], configs: "
                               "{group.protocol: %1, %2: %3}}")
                           .arg(protocol, key, value)
                    << QString("'%1' cannot be set with group.protocol=%2").arg(key, protocol);
            };
        together("session.timeout.ms", "6000", "consumer");
        together("heartbeat.interval.ms", "1000", "consumer");
        together("partition.assignment.strategy", "range", "consumer");
        together("group.remote.assignor", "uniform", "classic");
    }
    void theImpossibleIsRefusedBeforeItRuns()
    {
        QFETCH(QString, text);
        QFETCH(QString, words);
        YamlProblems problems("lab.yaml");
        const std::optional<Command> command = parse(text.toStdString(), problems);
        QVERIFY2(command, qPrintable(allText(problems)));
        WorldConfig world;
        world.logBrokers = 3;
        YAML::Mark mark;
        mark.line = 4;
        mark.column = 2;
        checkCommand(*command, world, mark, problems);
        QCOMPARE(problems.errors().size(), std::size_t{1});
        QCOMPARE(problems.errors().front().place, std::string("lab.yaml:5:3"));
        QVERIFY2(allText(problems).contains(words), qPrintable(allText(problems)));
    }

    void textsThatLookLikeSomethingElseSurvive_data()
    {
        QTest::addColumn<QString>("body");
        for (const char *body : {"", " ", "null", "~", "5", "true", "- a", "a: b", "#x", "{}",
                 "\"q\"", "back\\slash", "tab\there", "ünïcödé", "a, b", "'", "...", "---", "? x",
                 "trailing ", "line\nline", "&a", "*a", "!t"})
            QTest::newRow(body) << QString::fromUtf8(body);
    }
    void textsThatLookLikeSomethingElseSurvive()
    {
        QFETCH(QString, body);
        Produce produce;
        produce.topic = "t";
        produce.value = body.toStdString();
        Publish publish;
        publish.headers["x"] = exchange::FieldValue(body.toStdString());
        for (const Command &command : {Command(produce), Command(publish)}) {
            YamlProblems problems("test");
            const std::optional<Command> again = parse(commandText(command), problems);
            QVERIFY2(again, qPrintable(allText(problems)));
            QVERIFY2(*again == command, commandText(command).c_str());
        }
    }
};

QTEST_APPLESS_MAIN(TestCommands)
#include "tst_commands.moc"
