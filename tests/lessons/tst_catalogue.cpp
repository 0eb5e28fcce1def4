#include "lessons/ledger.h"
#include "lessons/measures/scratch.h"
#include "lessons/report.h"
#include "lessons/runner.h"

#include <QFile>
#include <QTest>

using namespace queuelab;
using namespace queuelab::lessons;

namespace {

const Catalogue &catalogue()
{
    static const Catalogue loaded = [] {
        auto catalogue = loadCatalogue(QUEUELAB_SOURCE_DIR "/lessons/catalogue");
        if (!catalogue)
            throw std::runtime_error(catalogue.error().front().text());
        return std::move(*catalogue);
    }();
    return loaded;
}

/// Lessons that move millions of records or hours of time run with fewer seeds.
std::uint64_t seedsFor(const Lesson &lesson)
{
    if (lesson.id == "scenario.1")
        return 1;
    return lesson.id == "kafka.replay-outage" ? 5 : 20;
}

/// Plays a lesson in whose text `from` was replaced.
Result<LessonResult, std::string> playBroken(
    const QString &id, const QString &from, const QString &to, const RunOptions &options)
{
    const Lesson *lesson = catalogue().find(id.toStdString());
    if (lesson == nullptr)
        return std::unexpected("there is no such lesson");
    QFile file(QString::fromStdString(lesson->file));
    if (!file.open(QIODevice::ReadOnly))
        return std::unexpected("it cannot be read");
    QString text = QString::fromUtf8(file.readAll());
    if (!text.contains(from))
        return std::unexpected("it does not contain " + from.toStdString());
    const auto broken = readLesson(text.replace(from, to).toStdString(), lesson->file);
    if (!broken)
        return std::unexpected(broken.error().front().text());
    auto result = runLesson(*broken, options);
    if (!result)
        return std::unexpected(result.error().text());
    return std::move(*result);
}

/// The first step that does not hold, counted from 1.
int firstFailure(const LessonResult &result)
{
    const auto failing = std::ranges::find_if_not(result.steps, &StepResult::holds);
    return static_cast<int>(failing - result.steps.begin()) + 1;
}

} // namespace

class TestCatalogue : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theSectionsFollowTheCourse()
    {
        std::vector<std::string> sections;
        for (const Lesson &lesson : catalogue().lessons) {
            if (sections.empty() || sections.back() != lesson.section)
                sections.push_back(lesson.section);
        }
        QCOMPARE(sections,
            (std::vector<std::string>{
                "kafka", "rabbitmq", "sqs", "brokers", "dimensions", "traps", "scenarios"}));
    }

    void aSectionThatSaysItsOrderNamesAllOfItsLessons_data()
    {
        QTest::addColumn<QString>("section");
        QTest::addColumn<QStringList>("order");
        QTest::newRow("kafka") << "kafka"
                               << QStringList{"nxm", "append", "partitions", "offset", "pull",
                                      "ceiling", "order", "replay-outage", "io-model", "sequential",
                                      "page-cache", "zero-copy", "parallelism", "rps", "rebalance",
                                      "rebalance-protocols", "static-membership", "retention-size",
                                      "offset-reset", "acks", "min-insync", "unclean", "duplicates",
                                      "transactions", "zombie", "compaction", "share-group",
                                      "dead-letters"};
        QTest::newRow("rabbitmq") << "rabbitmq" << QStringList{"topic", "crash", "dlx"};
        QTest::newRow("brokers") << "brokers"
                                 << QStringList{
                                        "independent", "one", "two", "three", "rf3", "formula"};
        QTest::newRow("dimensions") << "dimensions" << QStringList{"exactly-once", "kafka-eos"};
        QTest::newRow("traps") << "traps"
                               << QStringList{"kafka.better", "kafka.more-partitions", "kafka.acks",
                                      "kafka.eos-default", "kafka.everything"};
    }
    void aSectionThatSaysItsOrderNamesAllOfItsLessons()
    {
        QFETCH(QString, section);
        QFETCH(QStringList, order);
        QStringList ids;
        for (const Lesson &lesson : catalogue().lessons) {
            if (lesson.section == section.toStdString())
                ids.append(QString::fromStdString(lesson.id).section(u'.', 1));
        }
        QCOMPARE(ids, order);
    }

    void everyLessonIsComplete()
    {
        const auto claims = loadClaims(QUEUELAB_SOURCE_DIR "/lessons/claims.yaml");
        QVERIFY2(claims, claims ? "" : claims.error().front().text().c_str());
        for (const Lesson &lesson : catalogue().lessons) {
            const char *id = lesson.id.c_str();
            QVERIFY2(lesson.steps.size() >= 3 && lesson.steps.size() <= 6, id);
            QVERIFY2(!lesson.interview.empty(), id);
            QVERIFY2(std::ranges::any_of(lesson.steps,
                         [](const Step &step) { return step.prediction.has_value(); }),
                id);
            const std::vector<Error> unknown = unknownClaims(lesson, *claims);
            QVERIFY2(unknown.empty(), unknown.empty() ? "" : unknown.front().text().c_str());
            for (const std::string &claim : lesson.proves) {
                const bool named = std::ranges::any_of(lesson.steps, [&](const Step &step) {
                    return std::ranges::find(step.proves, claim) != step.proves.end();
                });
                QVERIFY2(named, (lesson.id + " does not say which step proves " + claim).c_str());
            }
        }
    }

    void asWrittenItHolds_data()
    {
        QTest::addColumn<const Lesson *>("lesson");
        QTest::addColumn<std::uint64_t>("seed");
        for (const Lesson &lesson : catalogue().lessons) {
            for (std::uint64_t seed = 0; seed < seedsFor(lesson); ++seed)
                QTest::addRow(
                    "%s, seed %llu", lesson.id.c_str(), static_cast<unsigned long long>(seed))
                    << &lesson << seed;
        }
    }
    void asWrittenItHolds()
    {
        QFETCH(const Lesson *, lesson);
        QFETCH(std::uint64_t, seed);
        const auto result = runLesson(*lesson, {.seed = seed, .live = false, .measure = seed == 0});
        QVERIFY2(result, result ? "" : result.error().text().c_str());
        QVERIFY2(result->holds(), report({*result}, ReportFormat::Text).c_str());
    }

    void withItsDecidingSettingBrokenItFails_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<QString>("from");
        QTest::addColumn<QString>("to");
        QTest::addColumn<int>("failingStep"); // the first that fails, counted from 1
        const auto row = [](const char *id, const char *from, const char *to, int failingStep) {
            QTest::addRow("%s: %s", id, to)
                << QString(id) << QString(from) << QString(to) << failingStep;
        };
        row("kafka.nxm", "{queue: shop-reports, name: reports<shop}",
            "{queue: web-reports, name: reports<shop}", 1);
        row("kafka.nxm", "{queue: web-fraud, name: fraud<web}",
            "{queue: web-mail, name: fraud<web}", 2);
        row("kafka.nxm", "name: search, configs: {auto.offset.reset: earliest}",
            "name: search, configs: {auto.offset.reset: latest}", 3);
        row("kafka.nxm", "{group: fraud, topics", "{group: mail, topics", 4);
        row("kafka.append", "name: till-1, configs: {auto.offset.reset: earliest}",
            "name: till-1, configs: {auto.offset.reset: latest}", 2);
        row("kafka.append", "before-offset: 3", "before-offset: 5", 3);
        row("kafka.append", "linger.ms: 500", "linger.ms: 0", 4);
        row("kafka.partitions", "{name: orders, partitions: 3}", "{name: orders, partitions: 4}",
            1);
        row("kafka.partitions", "log: {brokers: 3}", "log: {brokers: 1}", 2);
        row("kafka.partitions", "partition: 1, before-offset: 4", "partition: 0, before-offset: 2",
            3);
        row("kafka.partitions", "keys: {count: 30}", "keys: {count: 1}", 4);
        row("kafka.partitions", "keys: {count: 1}", "keys: {count: 30}", 5);
        row("kafka.offset", "processing: 200ms, commit: after", "processing: 200ms, commit: never",
            1);
        row("kafka.offset", "group: billing, topics", "group: alarm, topics", 1);
        row("kafka.offset", "commit: never", "commit: after", 4);
        row("kafka.pull", "prefetch: 0", "prefetch: 10", 2);
        row("kafka.pull", "- pause-consumer: {name: puller}", "", 2);
        row("kafka.pull", "fetch.min.bytes: 4000, ", "", 4);
        row("kafka.ceiling", "{name: orders, partitions: 6}", "{name: orders, partitions: 8}", 1);
        row("kafka.ceiling", "{name: refunds, partitions: 8}", "{name: refunds, partitions: 6}", 4);
        row("kafka.order", "{name: payments, partitions: 3}", "{name: payments, partitions: 1}", 3);
        row("kafka.order", "{topic: wallet, partitions: 4}", "{topic: wallet, partitions: 6}", 5);
        row("kafka.order", "metadata.max.age.ms: \"1000\"", "metadata.max.age.ms: \"300000\"", 6);
        row("kafka.replay-outage", "{name: clicks, partitions: 3}",
            "{name: clicks, partitions: 3, configs: {segment.bytes: 1048576, retention.ms: "
            "600000}}",
            2);
        row("kafka.replay-outage", "prefetch: 10, processing: 5ms}",
            "prefetch: 10, processing: 5ms, fail-chance: 1, on-failure: requeue}", 1);
        row("kafka.io-model", "linger.ms: 200", "linger.ms: 0", 1);
        row("kafka.sequential", "internal.segment.bytes: 16384", "internal.segment.bytes: 1048576",
            1);
        row("kafka.page-cache", "name: screen-1, configs: {",
            "name: screen-1, configs: {fetch.min.bytes: 100000, fetch.max.wait.ms: 5000, ", 2);
        row("kafka.zero-copy", "size: 5000", "size: 50", 1);
        row("kafka.parallelism", "{name: narrow, partitions: 1}", "{name: narrow, partitions: 6}",
            1);
        row("kafka.parallelism", "{name: wide, partitions: 6}", "{name: wide, partitions: 1}", 2);
        row("kafka.parallelism", "{name: wider, partitions: 24}", "{name: wider, partitions: 6}",
            3);
        row("kafka.rebalance",
            "name: eager-late, processing: 10ms, configs: {auto.offset.reset: earliest, "
            "partition.assignment.strategy: range}",
            "name: eager-late, processing: 10ms, configs: {auto.offset.reset: earliest, "
            "partition.assignment.strategy: cooperative-sticky}",
            2);
        row("kafka.rebalance", "partition.assignment.strategy: cooperative-sticky",
            "partition.assignment.strategy: sticky", 1);
        row("kafka.rebalance",
            "name: coop-old, processing: 10ms, configs: {auto.offset.reset: earliest, "
            "partition.assignment.strategy: range}",
            "name: coop-old, processing: 10ms, configs: {auto.offset.reset: earliest, "
            "partition.assignment.strategy: cooperative-sticky}",
            4);
        row("kafka.static-membership", ", group.instance.id: anna", "", 4);
        row("kafka.static-membership", "group.instance.id: bert",
            "group.instance.id: bert, session.timeout.ms: 300000", 6);
        row("kafka.retention-size", "{retention.bytes: 50000, internal.segment.bytes: 10000}",
            "{internal.segment.bytes: 10000}", 1);
        row("kafka.retention-size", "retention.ms: 10000", "retention.ms: 100000", 3);
        row("kafka.retention-size", "segment.bytes: 1048576", "internal.segment.bytes: 10000", 4);
        row("kafka.offset-reset", "auto.offset.reset: latest}", "auto.offset.reset: earliest}", 1);
        row("kafka.offset-reset", "before-offset: 200", "before-offset: 100", 3);
        row("kafka.offset-reset", "auto.offset.reset: none", "auto.offset.reset: earliest", 4);
        row("kafka.acks", "acks: \"1\"", "acks: all", 2);
        row("kafka.acks",
            "name: shop-all, rate: 60/s, keys: {count: 90}, total: 2400, configs: {acks: all}",
            "name: shop-all, rate: 60/s, keys: {count: 90}, total: 2400, configs: {acks: \"1\"}",
            2);
        row("kafka.acks", "min.insync.replicas: 1}", "min.insync.replicas: 2}", 4);
        row("kafka.min-insync", "min.insync.replicas: 3", "min.insync.replicas: 2", 2);
        row("kafka.min-insync",
            "- alter-configs: {topic: strict, configs: {min.insync.replicas: 2}}", "", 4);
        row("kafka.unclean", "min.insync.replicas: 1}", "min.insync.replicas: 2}", 3);
        row("kafka.unclean", "min.insync.replicas: 1}",
            "min.insync.replicas: 1, unclean.leader.election.enable: true}", 4);
        row("kafka.unclean", "type: unclean}", "type: preferred}", 5);
        row("kafka.duplicates", "enable.idempotence: \"true\"", "enable.idempotence: \"false\"", 3);
        row("kafka.duplicates", ", retries: \"0\"", "", 5);
        row("kafka.dead-letters", "on-failure: block", "on-failure: skip", 1);
        row("kafka.dead-letters", "attempts: 3", "attempts: 2", 3);
        row("kafka.dead-letters", "- redrive: {from: orders-dlt}", "", 4);
        row("rabbitmq.topic", "queue: cards, key: payment.*", "queue: cards, key: \"payment.#\"",
            1);
        row("rabbitmq.crash", "ack: manual", "ack: auto", 1);
        row("rabbitmq.dlx", "on-failure: requeue", "on-failure: reject", 3);
        row("rabbitmq.dlx", "x-message-ttl: 3000", "x-message-ttl: 30000", 1);
        row("sqs.reappear", "VisibilityTimeout: 30", "VisibilityTimeout: 120", 3);
        row("sqs.too-slow", "{name: photos, attributes: {VisibilityTimeout: 10}}",
            "{name: photos, attributes: {VisibilityTimeout: 30}}", 2);
        row("sqs.too-slow", ", heartbeat: 5s", "", 3);
        row("brokers.independent", "{name: clicks, partitions: 3}", "{name: clicks, partitions: 9}",
            2);
        row("brokers.independent", "{name: wide, partitions: 30}", "{name: wide, partitions: 3}",
            3);
        row("brokers.one", "total: 600}",
            "total: 600, configs: {delivery.timeout.ms: 10000, request.timeout.ms: 5000}}", 3);
        row("brokers.one", "broker: 1, loses: disk", "broker: 1", 4);
        row("brokers.two", "log: {brokers: 2}", "log: {brokers: 2, controllers: 1}", 2);
        row("brokers.two", "{broker: 1, loses: disk}", "{broker: 1}", 5);
        row("brokers.three", "replication-factor: 3", "replication-factor: 1", 1);
        row("brokers.three", "log: {brokers: 3}", "log: {brokers: 3, controllers: 1}", 2);
        row("brokers.three", "- kill-broker: {broker: 2}", "", 5);
        row("brokers.rf3", "replication-factor: 3", "replication-factor: 2", 1);
        row("brokers.rf3", "- kill-broker: {broker: 1}", "- kill-broker: {broker: 2}", 5);
        row("brokers.formula", "partitions: 4, replication-factor: 4",
            "partitions: 4, replication-factor: 3", 2);
        row("brokers.formula", "- restart-broker: {broker: 4}", "", 3);
        row("trap.kafka.more-partitions", "partition.assignment.strategy: range",
            "partition.assignment.strategy: cooperative-sticky", 2);
        row("kafka.transactions", "isolation.level: read_committed",
            "isolation.level: read_uncommitted", 1);
        row("kafka.transactions", "transaction.timeout.ms: \"5000\"",
            "transaction.timeout.ms: \"50000\"", 6);
        row("kafka.zombie",
            "name: till-b, rate: 10/s, total: 20, configs: {transactional.id: till}",
            "name: till-b, rate: 10/s, total: 20, configs: {transactional.id: other}", 2);
        row("kafka.compaction", "cleanup.policy: compact, internal",
            "cleanup.policy: delete, internal", 1);
        row("kafka.compaction", "key: anna, tombstone: true", "key: anna, value: still-here", 3);
        row("kafka.rebalance-protocols", "partition.assignment.strategy: range",
            "partition.assignment.strategy: cooperative-sticky", 2);
        row("kafka.share-group", "on-failure: release", "on-failure: reject", 3);
        row("dim.exactly-once", "guarantee: exactly-once, transaction: {records: 20}",
            "guarantee: at-least-once", 3);
        row("dim.kafka-eos",
            "configs: {transactional.id: job}, transaction: {records: 10, hold: 100ms, "
            "abort-chance: 0.5}",
            "configs: {transactional.id: job}, transaction: {records: 10, hold: 100ms}", 3);
        row("trap.kafka.acks", "commit: after", "commit: before", 2);
        row("trap.kafka.eos-default", "guarantee: exactly-once, transaction: {records: 25}",
            "guarantee: at-least-once", 5);
        row("trap.kafka.better", "name: jobs-log, partitions: 4", "name: jobs-log, partitions: 8",
            2);
        row("trap.kafka.everything", "partitions: 6, replication-factor: 3",
            "partitions: 6, replication-factor: 1", 2);
        row("scenario.1", "partitions: 8", "partitions: 1", 1);
    }
    void withItsDecidingSettingBrokenItFails()
    {
        QFETCH(QString, id);
        QFETCH(QString, from);
        QFETCH(QString, to);
        QFETCH(int, failingStep);
        const auto result = playBroken(id, from, to, {.live = false, .measure = false});
        QVERIFY2(result, result ? "" : result.error().c_str());
        QCOMPARE(firstFailure(*result), failingStep);
    }

    void withItsMeasuredSettingBrokenItFails_data()
    {
        QTest::addColumn<QString>("id");
        QTest::addColumn<QString>("from");
        QTest::addColumn<QString>("to");
        QTest::addColumn<int>("failingStep");
        QTest::newRow("a reader of old data") << "kafka.page-cache" << "before-reading: nothing"
                                              << "before-reading: evict" << 3;
        QTest::newRow("a broker that copies")
            << "kafka.zero-copy" << "broker: sendfile" << "broker: buffer" << 2;
        QTest::newRow("batches as before")
            << "kafka.rps" << "batch-bytes: 16384, then-batch-bytes: 1}"
            << "batch-bytes: 16384, then-batch-bytes: 16384}" << 2;
        QTest::newRow("no more partitions")
            << "trap.kafka.more-partitions" << "many: 500" << "many: 10" << 3;
        QTest::newRow("no smaller transactions")
            << "dim.kafka-eos" << "{few: 10, many: 1000" << "{few: 1000, many: 1000" << 4;
    }
    void withItsMeasuredSettingBrokenItFails()
    {
        QFETCH(QString, id);
        QFETCH(QString, from);
        QFETCH(QString, to);
        QFETCH(int, failingStep);
        const auto directory = ScratchDirectory::createOnDisk();
        QVERIFY(directory);
        if (id == "kafka.page-cache" && isInMemory(directory->path()))
            QSKIP("the temporary directory is in memory, where nothing is evicted");
        const auto result = playBroken(id, from, to, {.live = false});
        QVERIFY2(result, result ? "" : result.error().c_str());
        QCOMPARE(firstFailure(*result), failingStep);
    }
};

QTEST_APPLESS_MAIN(TestCatalogue)
#include "tst_catalogue.moc"
