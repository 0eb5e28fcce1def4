#include "log_lab.h"

#include "engine/log/events.h"

#include "ui/panels/thing_facts.h"
#include "ui/panels/transaction_model.h"

#include <QAbstractItemModelTester>

using namespace queuelab;
using namespace queuelab::ui;
using namespace Qt::StringLiterals;
using test::LogLab;

namespace {

const log::PartitionSnapshot &partitionOf(const world::Snapshot &snapshot, std::string_view topic)
{
    for (const log::TopicSnapshot &one : snapshot.log.topics) {
        if (one.name == topic)
            return one.partitions.front();
    }
    qFatal("no such topic");
}

const world::ClientSnapshot &clientOf(const world::Snapshot &snapshot, std::string_view name)
{
    for (const world::ClientSnapshot &client : snapshot.clients) {
        if (client.name == name)
            return client;
    }
    qFatal("no such client");
}

bool hasFact(const world::Snapshot &snapshot, const Thing &thing, const QString &words)
{
    const ThingFacts found = factsOf(snapshot, thing);
    return std::ranges::any_of(found.facts,
        [&](const Fact &fact) { return fact.name.contains(words) || fact.value.contains(words); });
}

bool isOpen(const world::Snapshot &snapshot)
{
    const auto &partition = partitionOf(snapshot, "orders");
    return partition.highWatermark > partition.lastStableOffset + 2;
}

void addTransactions(LogLab &lab, const char *transaction)
{
    lab.apply("create-topic: {name: orders}");
    lab.apply(QStringLiteral("add-producer: {topic: orders, name: checkout, rate: 10/s, configs: "
                             "{transactional.id: pay}, transaction: %1}")
            .arg(QLatin1StringView(transaction))
            .toUtf8()
            .constData());
}

} // namespace

/// What the log's stage, the inspector and the tables show of transactions and compaction, on real
/// worlds.
class TestLogPictures : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void anOpenTransactionHoldsTheLastStableOffsetBack()
    {
        LogLab lab;
        addTransactions(lab, "{records: 5, hold: 3s}");
        QVERIFY(lab.runUntil(isOpen));
        const auto snapshot = lab.snapshot();
        const auto &partition = partitionOf(*snapshot, "orders");
        const LogView view = makeLogView(*snapshot, {});
        const Lane *lane = view.lane(u"orders-0"_s);
        QVERIFY(lane->holdsBack());
        QCOMPARE(lane->holdsBack()->producerId, clientOf(*snapshot, "checkout").producerId);

        lab.look();
        QVERIFY(lab.says(u"held back by checkout, id"_s));
        QVERIFY(lab.says(u"HW %1"_s.arg(partition.highWatermark)));
        QVERIFY(lab.says(u"open transaction"_s));
        QCOMPARE(lab.countBoxes([](const BoxMark &box) { return box.hatched; }),
            static_cast<int>(partition.highWatermark - partition.lastStableOffset));
        QVERIFY(lab.describeRecord(u"orders-0"_s, partition.lastStableOffset)
                .contains(u"open transaction of checkout"_s));
        QVERIFY(lab.describe({Thing::Kind::Partition, u"orders-0"_s, -1, {}})
                .contains(u"held back by checkout"_s));
    }

    void theTimeoutOfAnOpenTransactionRunsDown()
    {
        LogLab lab;
        addTransactions(lab, "{records: 5, hold: 30s}");
        QVERIFY(lab.runUntil(isOpen));
        const auto left = [&] {
            const auto snapshot = lab.snapshot();
            return transactionOf(clientOf(*snapshot, "checkout"), *snapshot)->timeLeft;
        };
        const auto before = left();
        QVERIFY(before && *before <= 60s && *before > 50s);
        lab.runFor(5s);
        QCOMPARE(*before - *left(), Duration(5s));
        lab.look();
        QVERIFY(lab.says(u"left"_s));
    }

    void abortedRecordsAreStruckAndMarkersAreCells()
    {
        LogLab lab;
        addTransactions(lab, "{records: 4, hold: 300ms, abort-chance: 1}");
        QVERIFY(lab.runUntil([](const world::Snapshot &snapshot) {
            return clientOf(snapshot, "checkout").transactionsAborted >= 2;
        }));
        const auto snapshot = lab.snapshot();
        QCOMPARE(snapshot->logTails.size(), 1U);
        const auto &records = snapshot->logTails[0].records;
        const auto aborted = std::ranges::count_if(records, [](const world::StoredRecord &record) {
            return record.fate == world::TransactionFate::Aborted
                && record.kind == world::RecordKind::Data;
        });
        QCOMPARE(aborted, 8);
        lab.look();
        QCOMPARE(lab.countBoxes([](const BoxMark &box) { return box.struck; }), 8);
        QVERIFY(lab.says(u"ABORT"_s));
        QVERIFY(lab.describeRecord(u"orders-0"_s, 0).contains(u"aborted by checkout"_s));
        QVERIFY(lab.describeRecord(u"orders-0"_s, 4).contains(u"ABORT marker"_s));
        QVERIFY(hasFact(
            *snapshot, {Thing::Kind::Record, u"orders-0"_s, 0, {}}, u"read_committed never"_s));
    }

    void theMessagesSayWhatDoesNotCount()
    {
        LogLab lab;
        addTransactions(lab, "{records: 4, hold: 300ms, abort-chance: 1}");
        lab.runFor(3s);
        const auto rows = lab.world().records("orders", 0, 0, 100);
        QVERIFY(rows.size() > 5);
        QCOMPARE(rows[0].state, std::string("aborted"));
        QCOMPARE(rows[4].state, std::string("ABORT marker"));
        QCOMPARE(rows[4].record.kind, world::RecordKind::AbortMarker);
    }

    void oneLogReadCommittedAndUncommitted()
    {
        LogLab lab;
        addTransactions(lab, "{records: 5, hold: 5s, abort-chance: 1}");
        for (const char *group : {"loose", "strict"}) {
            lab.apply(QStringLiteral("add-consumer: {group: %1, topics: [orders], configs: "
                                     "{auto.offset.reset: earliest, isolation.level: %2}}")
                    .arg(QLatin1StringView(group),
                        *group == 's' ? u"read_committed"_s : u"read_uncommitted"_s)
                    .toUtf8()
                    .constData());
        }
        lab.runFor(10s);
        QVERIFY(lab.runUntil(isOpen));
        lab.runFor(1s);
        const auto snapshot = lab.snapshot();
        const auto &partition = partitionOf(*snapshot, "orders");
        const LogView view = makeLogView(*snapshot, {});
        const Lane *lane = view.lane(u"orders-0"_s);
        const GroupProgress *loose = lane->of(0);
        const GroupProgress *strict = lane->of(1);
        QVERIFY(!loose->readsCommitted && strict->readsCommitted);
        QCOMPARE(strict->position, partition.lastStableOffset);
        QCOMPARE(loose->position, partition.highWatermark);

        // What was aborted was given to one of them all the same.
        const auto struckOn = [&](Swatch ground) {
            return lab.countBoxes(
                [&](const BoxMark &box) { return box.struck && box.fill == ground; });
        };
        lab.look(u"loose"_s);
        QVERIFY(struckOn(Swatch::InFlight) + struckOn(Swatch::DoneFaded) >= 5);
        lab.look(u"strict"_s);
        QCOMPARE(struckOn(Swatch::InFlight) + struckOn(Swatch::DoneFaded), 0);
        QVERIFY(struckOn(Swatch::DeadTint) >= 5);
        QVERIFY(lab.says(u"read_committed"_s));
        QVERIFY(
            hasFact(*snapshot, {Thing::Kind::Client, u"strict-1"_s, -1, {}}, u"read_committed"_s));
    }

    void aZombieIsFencedBeforeItKnows()
    {
        LogLab lab;
        addTransactions(lab, "{records: 5, hold: 1s}");
        lab.runFor(6s);
        lab.apply("pause-consumer: {name: checkout}");
        lab.apply("add-producer: {topic: orders, name: successor, rate: 10/s, configs: "
                  "{transactional.id: pay}, transaction: {records: 5, hold: 1s}}");
        lab.runFor(3s);
        lab.look();
        QVERIFY(lab.says(u"fenced by epoch"_s));
        const auto state = [&](const char *name) {
            const auto snapshot = lab.snapshot();
            return *transactionOf(clientOf(*snapshot, name), *snapshot);
        };
        QVERIFY(state("checkout").isFenced && !state("checkout").isTold);
        QVERIFY(!state("successor").isFenced);

        lab.apply("resume-consumer: {name: checkout}");
        lab.runFor(3s);
        lab.look();
        QVERIFY(state("checkout").isTold);
        QVERIFY(lab.says(u"PRODUCER_FENCED"_s));
        QVERIFY(hasFact(*lab.snapshot(), {Thing::Kind::Client, u"checkout"_s, -1, {}},
            u"fenced: PRODUCER_FENCED"_s));

        TransactionModel model;
        const QAbstractItemModelTester tester(&model);
        model.setRows(transactionRows(*lab.snapshot()));
        QCOMPARE(model.rowCount(), 1);
        QCOMPARE(model.at(0).id, u"pay"_s);
        QCOMPARE(model.at(0).client, u"successor"_s);
        QVERIFY(model.at(0).fenced.contains(u"checkout: fenced"_s));
        model.setRows({});
        QCOMPARE(model.rowCount(), 0);
    }

    void compactionLeavesGaps()
    {
        LogLab lab;
        lab.apply("create-topic: {name: orders, configs: {cleanup.policy: compact, segment.ms: "
                  "2000, min.cleanable.dirty.ratio: 0.2}}");
        lab.apply("add-producer: {topic: orders, rate: 2/s, keys: {count: 2}}");
        const auto cleaned = [&] {
            const auto rows = lab.rows();
            return std::ranges::any_of(rows, [](const EventRow &row) {
                return row.kind == log::kind(log::LogEvent::PartitionCleaned)
                    && row.subject == u"orders-0";
            });
        };
        for (int second = 0; second < 120 && !cleaned(); ++second)
            lab.runFor(1s);
        QVERIFY(cleaned());
        lab.look();
        QVERIFY(lab.says(u"compacted away"_s));
        QVERIFY(lab.says(u"dirty from"_s));
        QVERIFY(lab.says(u"compacted: "_s)); // for a while, as it has just happened
        const auto snapshot = lab.snapshot();
        const LogView view = makeLogView(*snapshot, {});
        const Lane *lane = view.lane(u"orders-0"_s);
        const auto slots = newestSlots(*lane->partition, lane->tail, 32);
        const auto gap = std::ranges::find(slots, Slot::Kind::Gap, &Slot::kind);
        QVERIFY(gap != slots.end());
        QVERIFY(gap->next <= lane->partition->firstDirtyOffset);
        QVERIFY(
            lab.describeRecord(u"orders-0"_s, gap->offset).contains(u"compaction has removed"_s));
        lab.runFor(10s);
        lab.look();
        QVERIFY(!lab.says(u"compacted: "_s));
    }

    void theNewestPlacesAreRecordsMarkersAndGaps()
    {
        using enum Slot::Kind;
        log::PartitionSnapshot partition;
        partition.logStartOffset = 2;
        partition.logEndOffset = 20;
        world::LogTailSnapshot tail;
        tail.from = 2;
        tail.to = 18;
        tail.records = {{.offset = 5}, {.offset = 9, .kind = world::RecordKind::Tombstone},
            {.offset = 17, .kind = world::RecordKind::CommitMarker}};
        std::vector<std::pair<std::int64_t, Slot::Kind>> found;
        for (const Slot &slot : newestSlots(partition, &tail, 20))
            found.emplace_back(slot.offset, slot.kind);
        const decltype(found) expected{{2, Gap}, {5, Record}, {6, Gap}, {9, Tombstone}, {10, Gap},
            {17, Commit}, {18, Record}, {19, Record}};
        QVERIFY(found == expected);
        QCOMPARE(newestSlots(partition, &tail, 4).front().offset, 10);
        QCOMPARE(newestSlots(partition, nullptr, 4).front().offset, 16);
        QVERIFY(newestSlots(partition, &tail, 0).empty());
    }
};

QTEST_MAIN(TestLogPictures)
#include "tst_log_pictures.moc"
