#include "engine/core/crc32c.h"
#include "storage_fixture.h"

#include <QTest>

#include <limits>

using namespace queuelab;
using namespace queuelab::log;

namespace {

constexpr std::int32_t kMaxSequence = std::numeric_limits<std::int32_t>::max();

/// `count` records of producer 1000.
Bytes produced(std::int32_t baseSequence, std::size_t count = 1, std::int16_t epoch = 0,
    std::int64_t producerId = 1000, std::int64_t timestamp = kT)
{
    BatchBuilder builder;
    builder.setProducer(producerId, epoch, baseSequence);
    for (std::size_t i = 0; i < count; ++i)
        builder.append(timestamp, std::nullopt, asBytes("v"));
    const ByteView batch = builder.finish();
    return {batch.begin(), batch.end()};
}

/// "0-2", "0-2 again", or the error's name.
std::string append(PartitionLog &log, Storage &storage, const Bytes &batch)
{
    const auto result = log.append(batch, 0, storage.context);
    if (!result)
        return std::string(errorName(result.error()));
    return std::to_string(result->baseOffset) + '-' + std::to_string(result->lastOffset)
        + (result->duplicate ? " again" : "");
}

/// "1000/0:8@11": producer, epoch, last sequence and its offset.
std::string producersOf(const PartitionLog &log)
{
    std::string text;
    for (const ProducerEntry &entry : log.producers()) {
        if (!text.empty())
            text += ' ';
        text += std::to_string(entry.producerId) + '/' + std::to_string(entry.producerEpoch) + ':'
            + std::to_string(entry.lastSequence) + '@' + std::to_string(entry.lastOffset);
    }
    return text;
}

std::string snapshotsIn(Storage &storage)
{
    std::string text;
    const auto names = storage.files.list("broker-1/orders-3").value();
    for (const std::string &name : names) {
        if (!name.ends_with(".snapshot"))
            continue;
        if (!text.empty())
            text += ' ';
        text += std::to_string(segmentBaseOffset(name, ".snapshot").value());
    }
    return text;
}

LogConfig twoBatchesASegment()
{
    LogConfig config;
    config.segmentBytes = std::int32_t(2 * produced(0).size());
    return config;
}

constexpr const char *kGolden =
    "000136ee5f2e0000000100000000000003e8000300000008000000000000000b000"
    "000010000018bcfe56864ffffffff000000000000000a";
const ProducerEntry kGoldenEntry{1000, 3, 8, 11, 1, 1'700'000'000'100, -1, 10};

} // namespace

class TestProducerEntries : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void sequencesWrapToZero()
    {
        QCOMPARE(sequenceAfter(kMaxSequence, 1), 0);
        QCOMPARE(sequenceAfter(kMaxSequence - 1, 3), 1);
        QCOMPARE(sequenceAfter(7, 2), 9);
        QCOMPARE(sequenceBefore(1, 3), kMaxSequence - 1);
        QCOMPARE(sequenceBefore(0, 1), kMaxSequence);
        QCOMPARE(sequenceBefore(9, 2), 7);
    }

    void aSnapshotIsKafkasBytes() // facts 1.5
    {
        const ProducerEntries producers = ProducerEntries::of({kGoldenEntry});
        QCOMPARE(toHex(producers.snapshot()), std::string(kGolden));
        const auto parsed = ProducerEntries::parseSnapshot(*fromHex(kGolden));
        QCOMPARE(parsed->size(), std::size_t{1});
        QVERIFY(parsed->front() == kGoldenEntry);
        QCOMPARE(ProducerEntries().snapshot().size(), std::size_t{10});
        QVERIFY(ProducerEntries::parseSnapshot(ProducerEntries().snapshot())->empty());
    }
    void aDamagedSnapshotIsToldWhy_data()
    {
        QTest::addColumn<int>("at");
        QTest::addColumn<QByteArray>("hex");
        QTest::addColumn<QByteArray>("problem");
        const auto row = [](const char *name, int at, const char *hex, const char *problem) {
            QTest::newRow(name) << at << QByteArray(hex) << QByteArray(problem);
        };
        row("cut in the header", 9, "", "9 bytes are no header");
        row("a newer version", 0, "0002", "unknown version 2, not 1");
        row("a flipped bit", 20, "ff", "does not have the CRC it says");
        row("cut in an entry", 55, "", "does not have the CRC it says");
    }
    void aDamagedSnapshotIsToldWhy()
    {
        QFETCH(int, at);
        QFETCH(QByteArray, hex);
        QFETCH(QByteArray, problem);
        Bytes bytes = *fromHex(kGolden);
        if (hex.isEmpty())
            bytes.resize(std::size_t(at));
        else
            std::ranges::copy(*fromHex(hex.toStdString()), bytes.begin() + at);
        QCOMPARE(ProducerEntries::parseSnapshot(bytes).error(), problem.toStdString());
    }
    void aSnapshotWithASoundCrcAndAWrongCountIsRefused()
    {
        Bytes bytes = *fromHex(kGolden);
        storeBigEndian(bytes.data() + 6, std::int32_t{2});
        storeBigEndian(bytes.data() + 2, crc32c(ByteView(bytes).subspan(6)));
        QCOMPARE(ProducerEntries::parseSnapshot(bytes).error(),
            std::string("56 bytes where 2 producers are said"));
    }

    void aRetryIsAnsweredWithTheOriginalOffsets()
    {
        Storage storage;
        PartitionLog log = storage.open();
        QCOMPARE(append(log, storage, batchOf(7)), std::string("0-6"));
        QCOMPARE(append(log, storage, produced(0, 3)), std::string("7-9"));
        QCOMPARE(append(log, storage, produced(0, 3)), std::string("7-9 again"));
        QCOMPARE(log.logEndOffset(), 10);
    }
    void fiveBatchesAreRemembered()
    {
        Storage storage;
        PartitionLog log = storage.open();
        for (std::int32_t i = 0; i < 6; ++i)
            append(log, storage, produced(i * 2, 2));
        for (std::int32_t i = 1; i < 6; ++i) {
            QCOMPARE(append(log, storage, produced(i * 2, 2)),
                std::to_string(i * 2) + '-' + std::to_string(i * 2 + 1) + " again");
        }
        QCOMPARE(append(log, storage, produced(0, 2)), std::string("OUT_OF_ORDER_SEQUENCE_NUMBER"));
        QCOMPARE(append(log, storage, produced(2, 3)), std::string("OUT_OF_ORDER_SEQUENCE_NUMBER"));
        QCOMPARE(log.logEndOffset(), 12);
    }
    void sequencesFollowKafkasRules_data()
    {
        QTest::addColumn<int>("sequence");
        QTest::addColumn<int>("epoch");
        QTest::addColumn<QByteArray>("answer");
        const auto row = [](const char *name, int sequence, int epoch, const char *answer) {
            QTest::newRow(name) << sequence << epoch << QByteArray(answer);
        };
        // After a batch with sequences 40-42, epoch 5, offsets 0-2.
        row("the next", 43, 5, "3-3");
        row("a gap", 44, 5, "OUT_OF_ORDER_SEQUENCE_NUMBER");
        row("going back", 41, 5, "OUT_OF_ORDER_SEQUENCE_NUMBER");
        row("an older epoch", 43, 4, "INVALID_PRODUCER_EPOCH");
        row("a newer epoch from zero", 0, 6, "3-3");
        row("a newer epoch from elsewhere", 43, 6, "OUT_OF_ORDER_SEQUENCE_NUMBER");
        row("no sequence", -1, 5, "INVALID_RECORD");
    }
    void sequencesFollowKafkasRules()
    {
        QFETCH(int, sequence);
        QFETCH(int, epoch);
        QFETCH(QByteArray, answer);
        Storage storage;
        PartitionLog log = storage.open();
        // A producer that is not known may begin anywhere.
        QCOMPARE(append(log, storage, produced(40, 3, 5)), std::string("0-2"));
        QCOMPARE(
            append(log, storage, produced(sequence, 1, std::int16_t(epoch))), answer.toStdString());
    }
    void aNewEpochForgetsTheOldOnesBatches()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, produced(0, 1, 5));
        append(log, storage, produced(0, 1, 6));
        QCOMPARE(append(log, storage, produced(0, 1, 6)), std::string("1-1 again"));
        QCOMPARE(append(log, storage, produced(1, 1, 6)), std::string("2-2"));
    }
    void sequencesWrapInTheLog()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, produced(kMaxSequence - 1, 2));
        QCOMPARE(append(log, storage, produced(0)), std::string("2-2"));
        QCOMPARE(append(log, storage, produced(1, 2)), std::string("3-4"));
        QCOMPARE(append(log, storage, produced(kMaxSequence - 1, 2)), std::string("0-1 again"));
    }
    void aBatchThatWrapsInsideIsRecognised()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, produced(kMaxSequence, 3)); // INT32_MAX, 0, 1
        QCOMPARE(producersOf(log), std::string("1000/0:1@2"));
        QCOMPARE(append(log, storage, produced(kMaxSequence, 3)), std::string("0-2 again"));
        QCOMPARE(append(log, storage, produced(2)), std::string("3-3"));
    }
    void producersDoNotDisturbEachOther()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, produced(0, 1, 0, 7));
        append(log, storage, produced(10, 1, 2, 8));
        append(log, storage, batchOf(1));
        QCOMPARE(producersOf(log), std::string("7/0:0@0 8/2:10@1"));
    }
    void aFollowerTakesSequencesAsTheyAre()
    {
        Storage leaderStorage;
        Storage storage;
        PartitionLog leader = leaderStorage.open();
        append(leader, leaderStorage, produced(0));
        append(leader, leaderStorage, produced(1, 4));
        PartitionLog follower = storage.open();
        append(follower, storage, produced(90)); // it lost what lay between
        std::vector<SharedBytes> pieces;
        leader.read(1, INT64_MAX, UINT64_MAX, pieces, leaderStorage.files).value();
        follower.replicate(pieces, storage.context).value();
        QCOMPARE(producersOf(follower), std::string("1000/0:4@4"));
        QCOMPARE(append(follower, storage, produced(1, 4)), std::string("1-4 again"));
    }
    void idleProducersAreForgotten()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, produced(0, 1, 0, 7, kT));
        append(log, storage, produced(0, 1, 0, 8, kT + 1));
        log.expireProducers(Instant{std::chrono::milliseconds{kT + 1'000}}, 1s);
        QCOMPARE(producersOf(log), std::string("8/0:0@1"));
        QCOMPARE(append(log, storage, produced(50, 1, 0, 7)), std::string("2-2"));
    }

    void snapshotsComeWithRollsAndAtTheClose()
    {
        Storage storage;
        PartitionLog log = storage.open(twoBatchesASegment());
        QCOMPARE(snapshotsIn(storage), std::string());
        for (std::int32_t i = 0; i < 5; ++i)
            append(log, storage, produced(i));
        QCOMPARE(snapshotsIn(storage), std::string("2 4"));
        log.close(storage.context).value();
        QCOMPARE(snapshotsIn(storage), std::string("2 4 5"));
        const auto entries =
            ProducerEntries::parseSnapshot(*fromHex(storage.hexOf(Storage::path(4, ".snapshot"))));
        QVERIFY(entries->at(0) == (ProducerEntry{1000, 0, 3, 3, 0, kT, -1, -1}));
    }
    void anEmptyLogClosesWithoutASnapshot()
    {
        Storage storage;
        storage.open().close(storage.context).value();
        QCOMPARE(snapshotsIn(storage), std::string());
    }
    void producersComeBack_data()
    {
        QTest::addColumn<bool>("clean");
        QTest::addColumn<QByteArray>("damage"); // suffix of the file to remove or harm
        QTest::addColumn<QByteArray>("note");
        QTest::newRow("after a clean stop") << true << QByteArray() << QByteArray();
        QTest::newRow("after an unclean stop") << false << QByteArray() << QByteArray();
        QTest::newRow("the newest snapshot is damaged")
            << true << QByteArray("harm 5")
            << QByteArray("00000000000000000005.snapshot: does not have the CRC it says; deleted, "
                          "the producers are learnt from the log");
        QTest::newRow("the newest snapshot is missing")
            << true << QByteArray("drop 5") << QByteArray();
        QTest::newRow("all are missing after an unclean stop")
            << false << QByteArray("drop 2 4 5") << QByteArray();
    }
    void producersComeBack()
    {
        QFETCH(bool, clean);
        QFETCH(QByteArray, damage);
        QFETCH(QByteArray, note);
        Storage storage;
        PartitionLog log = storage.open(twoBatchesASegment());
        append(log, storage, produced(0, 1, 0, 7));
        for (std::int32_t i = 0; i < 4; ++i)
            append(log, storage, produced(i));
        const std::string before = producersOf(log);
        log.close(storage.context).value();
        const QList<QByteArray> words = damage.split(' ');
        for (qsizetype i = 1; i < words.size(); ++i) {
            const std::string path = Storage::path(words[i].toInt(), ".snapshot");
            if (words[0] == "drop")
                storage.files.remove(path).value();
            else
                storage.overwrite(path, 12, asBytes("?"));
        }
        RecoveryReport report;
        PartitionLog again = storage.open(twoBatchesASegment(), clean, &report);
        QCOMPARE(producersOf(again), before);
        QCOMPARE(report.notes,
            note.isEmpty() ? std::vector<std::string>()
                           : std::vector<std::string>{note.toStdString()});
        QCOMPARE(append(again, storage, produced(3)), std::string("4-4 again"));
        QCOMPARE(append(again, storage, produced(4)), std::string("5-5"));
    }
    void aLogOfAVersionThatKnewNoProducersIsNotRead()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, produced(0));
        log.close(storage.context).value();
        storage.files.remove(Storage::path(1, ".snapshot")).value();
        QCOMPARE(producersOf(storage.open()), std::string());
    }
    void truncationTakesProducersBack()
    {
        Storage storage;
        PartitionLog log = storage.open(twoBatchesASegment());
        append(log, storage, produced(0, 1, 0, 7));
        for (std::int32_t i = 0; i < 5; ++i)
            append(log, storage, produced(i));
        log.close(storage.context).value();
        log = storage.open(twoBatchesASegment());
        QCOMPARE(snapshotsIn(storage), std::string("2 4 6"));
        log.truncateTo(3, storage.context).value();
        QCOMPARE(snapshotsIn(storage), std::string("2"));
        QCOMPARE(producersOf(log), std::string("7/0:0@0 1000/0:1@2"));
        QCOMPARE(append(log, storage, produced(2)), std::string("3-3"));
        log.truncateTo(0, storage.context).value();
        QCOMPARE(producersOf(log), std::string());
        QCOMPARE(snapshotsIn(storage), std::string());
    }
    void aLogThatBeginsAgainKnowsNoProducers()
    {
        Storage storage;
        PartitionLog log = storage.open(twoBatchesASegment());
        for (std::int32_t i = 0; i < 5; ++i)
            append(log, storage, produced(i));
        log.restartAt(100, storage.context).value();
        QCOMPARE(producersOf(log), std::string());
        QCOMPARE(snapshotsIn(storage), std::string());
    }
    void snapshotsGoWithTheirSegments()
    {
        Storage storage;
        LogConfig config = twoBatchesASegment();
        config.retentionMs = 1'000;
        PartitionLog log = storage.open(config);
        for (std::int32_t i = 0; i < 5; ++i)
            append(log, storage, produced(i, 1, 0, 1000, kT + i * 1'000));
        storage.setNow(kT + 4'500);
        QCOMPARE(log.deleteOldSegments(storage.context), std::size_t{2});
        QCOMPARE(snapshotsIn(storage), std::string("4"));
        QVERIFY(storage.files.exists(Storage::path(2, ".snapshot.deleted")));
        // What a producer wrote may be gone, what is known of it is not.
        QCOMPARE(append(log, storage, produced(3)), std::string("3-3 again"));
        storage.files.closeAll("broker-1");
        log = storage.open(config, false);
        QCOMPARE(producersOf(log), std::string("1000/0:4@4"));
    }
    void snapshotsOfEarlierLivesGo()
    {
        Storage storage;
        PartitionLog log = storage.open();
        for (std::int32_t i = 0; i < 3; ++i) { // three lives
            append(log, storage, produced(i));
            log.close(storage.context).value();
            log = storage.open();
        }
        QCOMPARE(snapshotsIn(storage), std::string("3"));
        QCOMPARE(producersOf(log), std::string("1000/0:2@2"));
    }

    void afterACrashProducersAreThoseOfTheRecordsThatAreThere_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 200; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void afterACrashProducersAreThoseOfTheRecordsThatAreThere()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        Storage storage;
        LogConfig config;
        config.segmentBytes = 400;
        std::optional<PartitionLog> log = storage.open(config);
        std::vector<std::int32_t> next(3, 0);
        for (int round = 0; round < 6; ++round) {
            for (std::uint64_t step = random.below(30); step > 0; --step) {
                const std::size_t id = random.below(3);
                const std::size_t count = random.below(3) + 1;
                const auto result = log->append(
                    produced(next[id], count, 0, std::int64_t(id)), round, storage.context);
                QVERIFY(result.has_value() && !result->duplicate);
                next[id] += std::int32_t(count);
                if (random.chance(0.1))
                    log->flush(storage.context).value();
                if (random.chance(0.05))
                    log->truncateTo(random.between(0, log->logEndOffset()), storage.context)
                        .value();
                for (std::size_t i = 0; i < next.size(); ++i)
                    next[i] = 0;
                for (const ProducerEntry &entry : log->producers())
                    next[std::size_t(entry.producerId)] = entry.lastSequence + 1;
            }
            if (random.chance(0.3)) {
                log->close(storage.context).value();
                log = storage.open(config, true);
            } else {
                Random torn = random.stream("torn");
                storage.files.crash("", random.chance(0.8) ? &torn : nullptr);
                log = storage.open(config, false);
            }
            // The records that are there say how far each producer is, and which epoch is the last.
            next.assign(3, 0);
            std::int32_t epoch = -1;
            const Bytes found = readAll(*log, storage.files, 0);
            for (ByteView rest = found; !rest.empty();) {
                const BatchHeader header = checkBatch(rest).value();
                next[std::size_t(header.producerId)] = header.baseSequence + header.recordCount;
                epoch = std::max(epoch, header.partitionLeaderEpoch);
                rest = rest.subspan(header.sizeBytes());
            }
            std::vector<std::int32_t> known(3, 0);
            for (const ProducerEntry &entry : log->producers())
                known[std::size_t(entry.producerId)] = entry.lastSequence + 1;
            QCOMPARE(known, next);
            QCOMPARE(log->latestEpoch(), epoch);
        }
    }
};

QTEST_APPLESS_MAIN(TestProducerEntries)
#include "tst_producer_entries.moc"
