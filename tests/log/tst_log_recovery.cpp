#include "engine/core/posix_files.h"
#include "storage_fixture.h"

#include <QTemporaryDir>
#include <QTest>

#include <algorithm>

using namespace queuelab;
using namespace queuelab::log;

namespace {

LogConfig crashConfig()
{
    LogConfig config;
    config.segmentBytes = 2'000;
    config.indexIntervalBytes = 300;
    return config;
}

void fill(PartitionLog &log, Storage &storage, int count)
{
    for (int i = 0; i < count; ++i)
        log.append(batchOf(10), 0, storage.context).value();
}

void addSeeds(quint64 count)
{
    QTest::addColumn<quint64>("seed");
    for (quint64 seed = 1; seed <= count; ++seed)
        QTest::addRow("seed %llu", seed) << seed;
}

/// The indexes of all segments, as hex, to compare two logs.
std::string indexesOf(Storage &storage)
{
    std::string text;
    const auto names = storage.files.list("broker-1/orders-3").value();
    for (const std::string &name : names) {
        if (name.ends_with("index"))
            text += name + ' ' + storage.hexOf("broker-1/orders-3/" + name) + '\n';
    }
    return text;
}

} // namespace

class TestLogRecovery : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aCleanLogOpensAsItWasClosed()
    {
        Storage storage;
        PartitionLog log = storage.open(crashConfig());
        fill(log, storage, 50);
        const auto before = log.segments();
        const Bytes content = readAll(log, storage.files, 0);
        QVERIFY(log.close(storage.context).has_value());
        const std::string indexes = indexesOf(storage);
        RecoveryReport report;
        PartitionLog again = storage.open(crashConfig(), true, &report);
        QCOMPARE(report.notes.size(), std::size_t{0});
        QCOMPARE(again.logEndOffset(), 500);
        QCOMPARE(readAll(again, storage.files, 0), content);
        const auto after = again.segments();
        QCOMPARE(after.size(), before.size());
        for (std::size_t i = 0; i < after.size(); ++i)
            QCOMPARE(after[i].maxTimestamp, before[i].maxTimestamp);
        QVERIFY(again.close(storage.context).has_value());
        QCOMPARE(indexesOf(storage), indexes);
    }
    void rebuiltIndexesAreThoseThatWereWritten()
    {
        Storage storage;
        PartitionLog log = storage.open(crashConfig());
        fill(log, storage, 50);
        QVERIFY(log.close(storage.context).has_value());
        const std::string written = indexesOf(storage);
        RecoveryReport report;
        storage.open(crashConfig(), false, &report).close(storage.context).value();
        QCOMPARE(report.notes.size(), std::size_t{0});
        QCOMPARE(indexesOf(storage), written);
    }
    void aTornTailIsCutOffAndNamed()
    {
        Storage storage;
        PartitionLog log = storage.open();
        fill(log, storage, 3);
        QVERIFY(log.close(storage.context).has_value());
        const std::uint64_t size = batchOf(10).size();
        storage.cut(Storage::path(0, ".log"), 2 * size + 30);
        RecoveryReport report;
        const PartitionLog after = storage.open({}, false, &report);
        QCOMPARE(after.logEndOffset(), 20);
        QCOMPARE(report.bytesCut, std::uint64_t{30});
        QCOMPARE(report.notes.size(), std::size_t{1});
        QCOMPARE(report.notes[0],
            "00000000000000000000.log: torn batch at " + std::to_string(2 * size)
                + " cut off (30 bytes)");
    }
    void aCorruptBatchIsCutOffWithAllBehindIt()
    {
        Storage storage;
        LogConfig config;
        const std::uint64_t size = batchOf(10).size();
        config.segmentBytes = std::int32_t(3 * size);
        PartitionLog log = storage.open(config);
        fill(log, storage, 9);
        QVERIFY(log.close(storage.context).has_value());
        storage.overwrite(Storage::path(30, ".log"), size + 70, asBytes("\x7f"));
        RecoveryReport report;
        PartitionLog after = storage.open(config, false, &report);
        QCOMPARE(after.logEndOffset(), 40);
        QCOMPARE(report.bytesCut, 5 * size);
        QCOMPARE(report.notes.size(), std::size_t{2});
        QVERIFY(report.notes[0].starts_with("00000000000000000030.log: corrupt batch at "));
        QVERIFY(report.notes[1].starts_with("00000000000000000060.log: deleted"));
        QVERIFY(!storage.files.exists(Storage::path(60, ".log")));
        QVERIFY(!storage.files.exists(Storage::path(60, ".index")));
        QCOMPARE(after.append(batchOf(1), 0, storage.context)->baseOffset, 40);
    }
    void indexesThatDoNotFitAreRebuiltAlsoAfterACleanStop_data()
    {
        QTest::addColumn<QByteArray>("suffix");
        QTest::addColumn<QByteArray>("hex");
        QTest::newRow("half an entry") << QByteArray(".index") << QByteArray("000000");
        QTest::newRow("zeroes") << QByteArray(".index") << QByteArray("0000000000000000");
        QTest::newRow("beyond the log") << QByteArray(".index") << QByteArray("000000057fffffff");
        QTest::newRow("negative") << QByteArray(".index") << QByteArray("ffffffffffffffff");
        QTest::newRow("not a batch") << QByteArray(".index") << QByteArray("0000000500000007");
        QTest::newRow("wrong offset") << QByteArray(".index") << QByteArray("000000050000007f");
        QTest::newRow("half a time entry") << QByteArray(".timeindex") << QByteArray("00");
        QTest::newRow("time goes back") << QByteArray(
            ".timeindex") << QByteArray("000000000000000500000005000000000000000400000006");
        QTest::newRow("time beyond the log")
            << QByteArray(".timeindex") << QByteArray("00000000000000057fffffff");
    }
    void indexesThatDoNotFitAreRebuiltAlsoAfterACleanStop()
    {
        QFETCH(QByteArray, suffix);
        QFETCH(QByteArray, hex);
        Storage storage;
        PartitionLog log = storage.open(crashConfig());
        fill(log, storage, 5);
        QVERIFY(log.close(storage.context).has_value());
        const std::string written = indexesOf(storage);
        const std::string path = Storage::path(0, suffix.toStdString());
        storage.cut(path, 0);
        storage.overwrite(path, 0, *fromHex(hex.toStdString()));
        RecoveryReport report;
        PartitionLog after = storage.open(crashConfig(), true, &report);
        QCOMPARE(report.notes.size(), std::size_t{1});
        QVERIFY(report.notes[0].ends_with("indexes rebuilt"));
        QCOMPARE(report.bytesCut, std::uint64_t{0});
        QCOMPARE(after.logEndOffset(), 50);
        QVERIFY(after.close(storage.context).has_value());
        QCOMPARE(indexesOf(storage), written);
    }
    void missingAndOrphanedIndexesAreMended()
    {
        Storage storage;
        PartitionLog log = storage.open(crashConfig());
        fill(log, storage, 30);
        QVERIFY(log.close(storage.context).has_value());
        storage.files.remove(Storage::path(0, ".index")).value();
        const FileId orphan = storage.files.open(Storage::path(99'999, ".timeindex"), true).value();
        storage.files.close(orphan);
        RecoveryReport report;
        const PartitionLog after = storage.open(crashConfig(), true, &report);
        QCOMPARE(after.logEndOffset(), 300);
        QVERIFY(!storage.files.exists(Storage::path(99'999, ".timeindex")));
        QVERIFY(storage.files.exists(Storage::path(0, ".index")));
        QVERIFY(report.notes.size() >= 1);
    }
    void filesOfOthersInTheDirectoryAreLeftAlone()
    {
        Storage storage;
        storage.files.createDirectories("broker-1/orders-3").value();
        for (const char *name :
            {"partition.metadata", "0.log", "-0000000000000000001.log", "notes.txt"})
            storage.files.open(std::string("broker-1/orders-3/") + name, true).value();
        const PartitionLog log = storage.open();
        QCOMPARE(log.segments().size(), std::size_t{1});
        QVERIFY(storage.files.exists("broker-1/orders-3/0.log"));
    }
    void aLogThatWasNeverFlushedComesBackEmpty()
    {
        Storage storage;
        PartitionLog log = storage.open();
        fill(log, storage, 3);
        storage.files.crash("");
        PartitionLog after = storage.open({}, false);
        QCOMPARE(after.logEndOffset(), 0);
        QCOMPARE(after.append(batchOf(1), 0, storage.context)->baseOffset, 0);
    }
    void aProcessThatDiesLosesNothing()
    {
        Storage storage;
        PartitionLog log = storage.open(crashConfig());
        fill(log, storage, 40);
        storage.files.closeAll("broker-1");
        RecoveryReport report;
        const PartitionLog after = storage.open(crashConfig(), false, &report);
        QCOMPARE(after.logEndOffset(), 400);
        QCOMPARE(report.bytesCut, std::uint64_t{0});
    }

    void aBatchThatLiesInTwoSlicesIsReadWhole()
    {
        Storage storage;
        PartitionLog log = storage.open();
        for (int i = 0; i < 2; ++i)
            log.append(batchOf(1, 3'000), 0, storage.context).value();
        const Bytes content = readAll(log, storage.files, 0);
        log.close(storage.context).value();

        // As a copying tool may write it: cut where no batch ends.
        storage.files.remove(Storage::path(0, ".log")).value();
        const FileId file = storage.files.open(Storage::path(0, ".log"), true).value();
        for (const auto &[from, to] : {std::pair{0, 3'500}, {3'500, int(content.size())}}) {
            const ByteView piece[] = {
                ByteView(content).subspan(std::size_t(from), std::size_t(to - from))};
            storage.files.append(file, piece).value();
        }
        std::vector<SharedBytes> slices;
        storage.files.read(file, 0, content.size(), slices).value();
        QCOMPARE(slices.size(), std::size_t{2});
        RecoveryReport report;
        const PartitionLog after = storage.open({}, false, &report);
        QCOMPARE(report.notes.size(), std::size_t{0});
        QCOMPARE(readAll(after, storage.files, 0), content);
        QCOMPARE(offsetsIn(readAll(after, storage.files, 1)), std::string("1-1"));
    }

    void aRealDirectoryHoldsTheSameBytesAsMemory()
    {
        const QTemporaryDir directory;
        const auto real = PosixFiles::open(directory.path().toStdString()).value();
        Storage storage;
        Context realContext{storage.context.now, storage.random, storage.trace, *real};
        const std::string path = "broker-1/orders-3";
        PartitionLog inMemory = storage.open(crashConfig());
        PartitionLog onDisk =
            PartitionLog::open(path, crashConfig(), true, realContext, nullptr).value();
        Random random(1);
        for (int i = 0; i < 200; ++i) {
            const Bytes batch = batchOf(random.below(9) + 1, random.below(150));
            inMemory.append(batch, 0, storage.context).value();
            onDisk.append(batch, 0, realContext).value();
        }
        inMemory.truncateTo(700, storage.context).value();
        onDisk.truncateTo(700, realContext).value();
        QCOMPARE(readAll(onDisk, *real, 3), readAll(inMemory, storage.files, 3));
        inMemory.close(storage.context).value();
        onDisk.close(realContext).value();

        const auto names = storage.files.list(path).value();
        QCOMPARE(real->list(path).value(), names);
        for (const std::string &name : names) {
            const FileId file = real->open(path + '/' + name, false).value();
            QCOMPARE(toHex(readWhole(*real, file).value()), storage.hexOf(path + '/' + name));
            real->close(file);
        }
        RecoveryReport report;
        const PartitionLog again =
            PartitionLog::open(path, crashConfig(), false, realContext, &report).value();
        QCOMPARE(report.notes.size(), std::size_t{0});
        QCOMPARE(again.logEndOffset(), onDisk.logEndOffset());
    }

    void afterACrashTheLogIsAPrefixThatHoldsAllThatWasFlushed_data() { addSeeds(400); }
    void afterACrashTheLogIsAPrefixThatHoldsAllThatWasFlushed()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        Storage storage;
        LogConfig config = crashConfig();
        if (random.chance(0.3))
            config.flushMessages = random.between(1, 50);
        std::optional<PartitionLog> log = storage.open(config);
        Bytes appended; // what the log must hold, byte for byte
        std::uint64_t flushed = 0; // bytes of it that were promised to survive
        for (int round = 0; round < 6; ++round) {
            for (std::uint64_t step = random.below(60); step > 0; --step) {
                if (random.chance(0.1)) {
                    log->flush(storage.context).value();
                    flushed = appended.size();
                    continue;
                }
                Bytes batch = batchAt(std::vector<std::int64_t>(
                                          random.below(5) + 1, kT + random.between(-1'000, 1'000)),
                    std::string(random.below(200), 'x'));
                const auto leaderEpoch = std::int32_t(random.below(9));
                const AppendResult result =
                    log->append(batch, leaderEpoch, storage.context).value();
                if (result.rolled)
                    flushed = appended.size();
                storeBigEndian(batch.data(), result.baseOffset);
                storeBigEndian(batch.data() + 12, leaderEpoch);
                appended.insert(appended.end(), batch.begin(), batch.end());
            }
            if (random.chance(0.2)) {
                log->close(storage.context).value();
                flushed = appended.size();
                log = storage.open(config, true);
            } else {
                Random torn = random.stream("torn");
                storage.files.crash("", random.chance(0.8) ? &torn : nullptr);
                log = storage.open(config, false);
            }

            const Bytes found = readAll(*log, storage.files, 0);
            QVERIFY(found.size() >= flushed);
            QVERIFY(found.size() <= appended.size());
            QVERIFY(std::equal(found.begin(), found.end(), appended.begin()));
            QVERIFY(!offsetsIn(found).ends_with('?'));
            QCOMPARE(log->sizeBytes(), std::uint64_t{found.size()});
            appended.resize(found.size());
            flushed = appended.size(); // recovery synced what it kept
            for (std::int64_t offset = 0; offset < log->logEndOffset(); offset += 7) {
                std::vector<SharedBytes> slices;
                log->read(offset, INT64_MAX, 1, slices, storage.files).value();
                const auto header = readBatchHeader(slices.at(0).view());
                QVERIFY(header->baseOffset <= offset && offset <= header->lastOffset());
            }
        }
    }

    void flippedBitsNeverCrashAndWhatIsGivenIsSound_data() { addSeeds(400); }
    void flippedBitsNeverCrashAndWhatIsGivenIsSound()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        Storage storage;
        PartitionLog log = storage.open(crashConfig());
        fill(log, storage, 30);
        log.close(storage.context).value();
        const Bytes before = readAll(storage.open(crashConfig()), storage.files, 0);
        const auto names = storage.files.list("broker-1/orders-3").value();
        for (std::uint64_t flip = random.below(4) + 1; flip > 0; --flip) {
            const std::string path = "broker-1/orders-3/" + names[random.below(names.size())];
            const FileId file = storage.files.open(path, false).value();
            Bytes bytes = readWhole(storage.files, file).value();
            storage.files.close(file);
            if (bytes.empty())
                continue;
            const std::uint64_t at = random.below(bytes.size());
            bytes[at] = static_cast<std::uint8_t>(bytes[at] ^ (1U << random.below(8)));
            storage.overwrite(path, at, ByteView(bytes).subspan(at, 1));
        }

        // Trusted, it may give damaged batches, which their CRC shows; checked, only sound ones.
        const auto trusted = storage.tryOpen(crashConfig(), true);
        QVERIFY(trusted.has_value());
        for (std::int64_t offset = 0; offset <= 300; ++offset) {
            std::vector<SharedBytes> slices;
            static_cast<void>(trusted->read(offset, INT64_MAX, 500, slices, storage.files));
            static_cast<void>(trusted->offsetForTime(kT + offset - 150, 300, storage.files));
        }
        PartitionLog checked = storage.open(crashConfig(), false);
        const Bytes found = readAll(checked, storage.files, checked.logStartOffset());
        QVERIFY(!offsetsIn(found).ends_with('?'));
        // The leader epoch is the one field no checksum covers.
        QVERIFY(found.size() <= before.size());
        const std::int64_t end = checked.logEndOffset();
        QCOMPARE(checked.append(batchOf(2), 0, storage.context)->baseOffset, end);
    }
};

QTEST_APPLESS_MAIN(TestLogRecovery)
#include "tst_log_recovery.moc"
