#include "lessons/lesson.h"

#include "engine/log/events.h"
#include "engine/visibility/events.h"
#include "lessons/expectation.h"

#include <QFile>
#include <QTest>

using namespace queuelab;
using namespace queuelab::lessons;

namespace {

/// A world as it might be: one group with an idle member, queues of both kinds, a message in
/// flight.
world::Snapshot exampleSnapshot()
{
    world::Snapshot snapshot;
    snapshot.start = kVirtualStart;
    snapshot.now = kVirtualStart + 5s;

    log::TopicSnapshot topic;
    topic.name = "orders";
    for (std::int32_t i = 0; i < 2; ++i) {
        log::PartitionSnapshot partition;
        partition.partition = i;
        partition.leader = 1;
        partition.logStartOffset = 10 * i;
        partition.highWatermark = 100;
        partition.logEndOffset = 105;
        topic.partitions.push_back(partition);
    }
    snapshot.log.topics.push_back(topic);

    log::GroupSnapshot group;
    group.name = "billing";
    group.state = log::GroupState::Stable;
    group.generation = 3;
    group.protocol = "range";
    log::MemberSnapshot owner;
    owner.memberId = "billing-1-uuid";
    owner.assignment = {{"orders", 0}, {"orders", 1}};
    log::MemberSnapshot idle;
    idle.memberId = "billing-2-uuid";
    group.members = {idle, owner};
    group.committed = {{{"orders", 0}, 90, kVirtualStart}};
    snapshot.log.groups.push_back(group);
    world::OutcomeSnapshot outcome;
    outcome.engine = world::Engine::Log;
    outcome.name = "billing";
    outcome.handled = 95;
    outcome.latencyP99 = 120ms;
    snapshot.outcomes.push_back(outcome);

    exchange::QueueSnapshot rabbit;
    rabbit.name = "jobs";
    rabbit.messagesReady = 2;
    rabbit.messagesUnacknowledged = 1;
    exchange::MessageSnapshot dead;
    dead.label = "pay-13";
    dead.deaths = 1;
    dead.deathReason = "rejected";
    rabbit.ready.push_back(dead);
    exchange::QueueSnapshot both = rabbit;
    both.name = "shared";
    both.ready.clear();
    snapshot.exchange.queues = {rabbit, both};
    exchange::BindingSnapshot binding;
    binding.source = "events";
    binding.destination = "jobs";
    binding.routingKey = "payment.*";
    binding.matched = 7;
    snapshot.exchange.bindings.push_back(binding);

    visibility::QueueSnapshot sqs;
    sqs.name = "photos";
    sqs.notVisible = 1;
    visibility::MessageSnapshot photo;
    photo.label = "photo-7";
    photo.number = 1;
    photo.receiveCount = 2;
    photo.heldBy = "worker-2";
    sqs.shownInFlight.push_back(photo);
    visibility::QueueSnapshot shared;
    shared.name = "shared";
    snapshot.visibility.queues = {sqs, shared};

    world::ClientSnapshot client;
    client.name = "worker-2";
    client.role = world::ClientRole::Receiver;
    client.state = world::ClientState::Crashed;
    client.waiting = true;
    snapshot.clients.push_back(client);
    return snapshot;
}

/// What an expectation, written as in a lesson, gives on the example world.
ExpectationResult judge(const QByteArray &written, const Trace &trace = {},
    std::vector<Measurement> measurements = {}, Instant since = kVirtualStart)
{
    const QByteArray live = measurements.empty()
        ? "    expect:\n      - " + written + "\n"
        : "    live:\n      for: 1s\n      expect:\n        - " + written + "\n";
    const auto lesson = readLesson(
        "id: a\ntitle: t\nsummary: s\nsteps:\n  - run: 1s\n" + live.toStdString(), "l.yaml");
    if (!lesson)
        throw std::runtime_error(lesson.error().front().text());
    const Step &step = lesson->steps[0];
    const Expectation &expectation =
        measurements.empty() ? step.expectations[0] : step.live->expectations[0];
    const world::Snapshot snapshot = exampleSnapshot();
    return evaluate(expectation, {snapshot, trace, std::move(measurements), since});
}

} // namespace

class TestExpectations : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void comparesWhatWasSeen_data()
    {
        QTest::addColumn<QByteArray>("written");
        QTest::addColumn<bool>("holds");
        const auto row = [](const char *written, bool holds) {
            QTest::newRow(written) << QByteArray(written) << holds;
        };
        row("group billing: {state: Stable}", true);
        row("kafka group billing: {state: Stable}", true);
        row("group billing: {state: Empty}", false);
        row("group billing: {state: \"!= Empty\"}", true);
        row("group billing: {members: 2, idle-members: 1, generation: 3, protocol: range}", true);
        row("group billing: {partitions-per-member: [2, 0]}", true);
        row("group billing: {partitions-per-member: [0, 2]}", false);
        // orders-0 is 10 behind its commit; orders-1 has none, so all of it from its start counts.
        row("group billing: {lag: 100, committed: 90, handled: 95, handled-again: 0}", true);
        row("group billing: {latency-p99: \"<= 120ms\"}", true);
        row("group billing: {latency-p99: 1s..2s}", false);
        row("topic orders: {partitions: 2, records: 200, records-per-partition: [105, 95]}", true);
        row("topic orders: {high-watermark-sum: 200, log-end-offset-sum: 210, "
            "log-start-offset-sum: 10}",
            true);
        row("partition orders-1: {log-start-offset: 10, high-watermark: 100, log-end-offset: 105, "
            "leader: 1}",
            true);
        row("partition orders-1: {high-watermark: \"> 100\"}", false);
        row("partition orders-1: {high-watermark: \">= 100\"}", true);
        row("partition orders-1: {high-watermark: \"< 100\"}", false);
        row("partition orders-1: {high-watermark: 100..101}", true);
        row("partition orders-1: {high-watermark: 101..102}", false);
        row("queue jobs: {messages_ready: 2, messages_unacknowledged: 1, messages: 3}", true);
        row("queue photos: {ApproximateNumberOfMessagesNotVisible: 1, ApproximateNumberOfMessages: "
            "0}",
            true);
        row("rabbitmq queue shared: {messages: 3}", true);
        row("sqs queue shared: {NumberOfMessagesSent: 0}", true);
        row("binding events -> jobs payment.*: {matched: 7}", true);
        row("message photo-7: {state: in flight, held-by: worker-2, receive-count: 2, redelivered: "
            "true, queue: photos}",
            true);
        row("message pay-13: {state: ready, deaths: 1, death-reason: rejected, held-by: \"\"}",
            true);
        row("client worker-2: {state: crashed, waiting: true, holding: 0}", true);
    }
    void comparesWhatWasSeen()
    {
        QFETCH(QByteArray, written);
        QFETCH(bool, holds);
        const ExpectationResult result = judge(written);
        QVERIFY2(result.holds() == holds, result.text().c_str());
        QCOMPARE(result.at, Duration(5s));
    }

    void whatIsNotThereFailsAndNamesTheNearest_data()
    {
        QTest::addColumn<QByteArray>("written");
        QTest::addColumn<QString>("text");
        const auto row = [](const char *written, const char *text) {
            QTest::newRow(written) << QByteArray(written) << QString::fromUtf8(text);
        };
        row("group billin: {members: 2}",
            "group billin: members: expected 2, seen no group 'billin'; nearest: billing");
        row("exchange events: {published: 1}",
            "exchange events: published: expected 1, seen no exchange 'events'; there is none at "
            "all");
        row("queue jbs: {messages: 1}",
            "queue jbs: messages: expected 1, seen no queue 'jbs'; nearest: jobs");
        row("queue shared: {handled: 0}",
            "queue shared: handled: expected 0, seen more than one of that name: say rabbitmq "
            "queue shared or sqs queue "
            "shared");
        row("queue jobs: {NumberOfMessagesSent: 1}",
            "queue jobs: NumberOfMessagesSent: expected 1, seen 'jobs' is a RabbitMQ queue, which "
            "has no "
            "'NumberOfMessagesSent'");
        row("client nobody-at-all: {sent: 1}",
            "client nobody-at-all: sent: expected 1, seen no client 'nobody-at-all'; there are: "
            "worker-2");
        row("event reappeared: {of: photos, count: 0}",
            "event reappeared: of: expected photos, seen nothing called 'photos' in the trace; "
            "count: expected 0, "
            "seen nothing called 'photos' in the trace");
    }
    void whatIsNotThereFailsAndNamesTheNearest()
    {
        QFETCH(QByteArray, written);
        QFETCH(QString, text);
        const ExpectationResult result = judge(written);
        QVERIFY(!result.holds());
        QCOMPARE(QString::fromStdString(result.text()), text);
    }

    void aFailureSaysWhatHeldAndWhatDidNot()
    {
        const ExpectationResult result = judge("group billing: {state: Stable, idle-members: 2}");
        QCOMPARE(result.text(), "group billing: state is Stable; idle-members: expected 2, seen 1");
    }

    void eventsAreCountedByThingAndReason()
    {
        Trace trace;
        const auto record = [&trace](std::string_view queue, visibility::VisibilityReason reason) {
            TraceEvent event;
            event.kind = visibility::kind(visibility::VisibilityEvent::Reappeared);
            event.reason = visibility::reason(reason);
            event.subject = trace.name(queue);
            trace.record(event);
        };
        record("photos", visibility::VisibilityReason::VisibilityTimeout);
        record("photos", visibility::VisibilityReason::VisibilitySetToZero);
        record("videos", visibility::VisibilityReason::VisibilityTimeout);
        QVERIFY(judge("event reappeared: {count: 3}", trace).holds());
        QVERIFY(judge("event reappeared: {of: photos, count: 2}", trace).holds());
        QVERIFY(judge("event reappeared: {of: photos, reason: visibility-timeout, count: 1}", trace)
                .holds());
    }

    void aDeletedMessageIsRememberedByTheTrace()
    {
        Trace trace;
        TraceEvent sent;
        sent.kind = visibility::kind(visibility::VisibilityEvent::Sent);
        sent.subject = trace.name("photos");
        sent.detail = trace.name("photo-1");
        sent.item = 9;
        trace.record(sent);
        TraceEvent deleted = sent;
        deleted.kind = visibility::kind(visibility::VisibilityEvent::Deleted);
        deleted.detail = kNoName;
        deleted.value = 2;
        trace.record(deleted);
        QVERIFY(judge("message photo-1: {state: deleted, receive-count: 2, queue: photos}", trace)
                .holds());
    }

    void pausesAreReadOffTheTrace_data()
    {
        QTest::addColumn<QByteArray>("written");
        QTest::addColumn<int>("sinceMs");
        const auto row = [](const char *written, int sinceMs) {
            QTest::addRow("%s since %d", written, sinceMs) << QByteArray(written) << sinceMs;
        };
        row("group billing: {unread-longest: 1500ms, unread-total: 2s}", 0);
        row("group billing: {unread-longest: 0s, unread-total: 0s}", 3'000);
        row("client worker-2: {longest-pause: 3500ms}", 0);
        row("client worker-2: {longest-pause: 2500ms}", 2'000); // counted from there
        row("client worker-2: {longest-pause: 500ms}", 4'100); // to the end
    }
    void pausesAreReadOffTheTrace()
    {
        QFETCH(QByteArray, written);
        QFETCH(int, sinceMs);
        Trace trace;
        const auto record = [&trace](int ms, log::LogEvent event, const char *partition,
                                const char *client, const char *group) {
            trace.record({.at = kVirtualStart + std::chrono::milliseconds(ms),
                .kind = log::kind(event),
                .subject = trace.name(partition),
                .actor = trace.name(client),
                .detail = *group == '\0' ? kNoName : trace.name(group)});
        };
        using log::LogEvent;
        record(500, LogEvent::RecordsPolled, "orders-0", "worker-2", "");
        record(1'000, LogEvent::RecordsPolled, "orders-0", "worker-2", "");
        record(1'000, LogEvent::PartitionRevoked, "orders-0", "worker-2", "billing");
        record(1'000, LogEvent::PartitionRevoked, "orders-1", "worker-2", "billing");
        record(1'000, LogEvent::PartitionRevoked, "orders-0", "auditor", "audit");
        record(1'500, LogEvent::PartitionAssigned, "orders-1", "worker-3", "billing");
        record(2'000, LogEvent::RecordsPolled, "orders-1", "worker-3", "");
        record(2'500, LogEvent::PartitionAssigned, "orders-0", "worker-2", "billing");
        record(4'500, LogEvent::RecordsPolled, "orders-0", "worker-2", "");
        const ExpectationResult result =
            judge(written, trace, {}, kVirtualStart + std::chrono::milliseconds(sinceMs));
        QVERIFY2(result.holds(), result.text().c_str());
    }

    void measurementsAreComparedByName()
    {
        const std::vector<Measurement> measured{{"appended", 12, "records"}};
        QVERIFY(judge("measured appended: {value: 12}", {}, measured).holds());
        QVERIFY(!judge("measured appended: {value: \"> 12\"}", {}, measured).holds());
        QVERIFY(!judge("measured consumed: {value: 0}", {}, measured).holds());
    }

    void theReadmeDocumentsEveryKindAndField()
    {
        QFile file(QUEUELAB_SOURCE_DIR "/lessons/README.md");
        QVERIFY(file.open(QIODevice::ReadOnly));
        const QString readme = QString::fromUtf8(file.readAll());
        for (const ExpectationKind &kind : expectationKinds()) {
            for (const ExpectationField &field : kind.fields) {
                const QString row = QString("| `%1` | %2 | %3 |")
                                        .arg(QString::fromStdString(field.name),
                                            QString::fromUtf8(fieldTypeName(field.type).data()),
                                            QString::fromStdString(field.help));
                QVERIFY2(readme.contains(row), qPrintable(row));
            }
        }
    }
};

QTEST_APPLESS_MAIN(TestExpectations)
#include "tst_expectations.moc"
