#include "storage_fixture.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::log;

namespace {

/// Bytes of `batch` with one header field changed and a CRC that fits.
template <class T> Bytes patched(Bytes batch, std::size_t at, T value)
{
    storeBigEndian(batch.data() + at, value);
    storeBigEndian(batch.data() + 17, batchCrc(batch));
    return batch;
}

LogConfig smallSegments(std::int32_t bytes)
{
    LogConfig config;
    config.segmentBytes = bytes;
    return config;
}

std::string basesOf(const PartitionLog &log)
{
    std::string text;
    for (const SegmentInfo &info : log.segments())
        text += (text.empty() ? "" : " ") + std::to_string(info.baseOffset);
    return text;
}

/// Appends `count` batches of `records` records each.
void fill(PartitionLog &log, Storage &storage, int count, std::size_t records = 10)
{
    for (int i = 0; i < count; ++i)
        log.append(batchOf(records), 0, storage.context).value();
}

std::string readOffsets(const PartitionLog &log, const Storage &storage, std::int64_t from,
    std::int64_t limit = INT64_MAX, std::uint64_t maxBytes = UINT64_MAX)
{
    std::vector<SharedBytes> slices;
    const auto result = log.read(from, limit, maxBytes, slices, storage.files);
    if (!result)
        return std::string(errorName(result.error()));
    std::string text;
    std::uint64_t bytes = 0;
    for (const SharedBytes &slice : slices) {
        text += (text.empty() ? "" : " ") + offsetsIn(slice.view());
        bytes += slice.size();
    }
    return bytes == result->bytes ? text : "the byte count is wrong";
}

/// Refuses to write once told so, as a full disk does.
class FullDisk final : public Files {
public:
    bool full = false;
    MemoryFiles files;

    Result<FileId, Error> open(const std::string &path, bool create) override
    {
        if (full && create && !files.exists(path))
            return refused();
        return files.open(path, create);
    }
    void close(FileId file) override { files.close(file); }
    Result<std::uint64_t, Error> append(FileId file, std::span<const ByteView> pieces) override
    {
        if (!full)
            return files.append(file, pieces);
        const ByteView half[] = {pieces[0]}; // part of it reached the disk
        files.append(file, half).value();
        return refused();
    }
    Result<void, Error> writeAt(FileId file, std::uint64_t position, ByteView bytes) override
    {
        return full ? refused() : files.writeAt(file, position, bytes);
    }
    Result<void, Error> read(FileId file, std::uint64_t position, std::uint64_t size,
        std::vector<SharedBytes> &out) const override
    {
        return files.read(file, position, size, out);
    }
    std::uint64_t size(FileId file) const override { return files.size(file); }
    Result<void, Error> truncate(FileId file, std::uint64_t size) override
    {
        return full ? refused() : files.truncate(file, size);
    }
    Result<void, Error> sync(FileId file) override { return full ? refused() : files.sync(file); }
    bool exists(const std::string &path) const override { return files.exists(path); }
    Result<void, Error> createDirectories(const std::string &path) override
    {
        return full ? refused() : files.createDirectories(path);
    }
    Result<std::vector<std::string>, Error> list(const std::string &path) const override
    {
        return files.list(path);
    }
    Result<void, Error> rename(const std::string &from, const std::string &to) override
    {
        return full ? refused() : files.rename(from, to);
    }
    Result<void, Error> remove(const std::string &path) override
    {
        return full ? refused() : files.remove(path);
    }
    Result<void, Error> syncDirectory(const std::string &path) override
    {
        return full ? refused() : files.syncDirectory(path);
    }
    std::unique_ptr<Files> clone() const override { return nullptr; }
    std::uint64_t memoryBytes() const override { return files.memoryBytes(); }

private:
    static std::unexpected<Error> refused()
    {
        return std::unexpected(Error{"disk", "no space left", "free some space"});
    }
};

} // namespace

class TestPartitionLog : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void configKeysAreKafkas_data()
    {
        QTest::addColumn<QString>("key");
        QTest::addColumn<QString>("value");
        QTest::addColumn<bool>("valid");
        const std::tuple<const char *, const char *, bool> rows[] = {
            {"segment.bytes", "1048576", true}, {"segment.bytes", "1048575", false},
            {"internal.segment.bytes", "100", true}, {"retention.ms", "-1", true},
            {"retention.ms", "-2", false}, {"segment.ms", "0", false},
            {"index.interval.bytes", "0", true}, {"max.message.bytes", "5x", false},
            {"max.message.bytes", "", false}, {"max.message.bytes", "99999999999", false},
            {"flush.messages", "1", true}, {"min.insync.replicas", "0", false},
            {"message.timestamp.type", "LogAppendTime", true},
            {"message.timestamp.type", "logappendtime", false}, {"cleanup.policy", "delete", true},
            {"cleanup.policy", "compact", true}, {"segment.byte", "1048576", false}};
        for (const auto &[key, value, valid] : rows)
            QTest::addRow("%s=%s", key, value) << QString(key) << QString(value) << valid;
    }
    void configKeysAreKafkas()
    {
        QFETCH(QString, key);
        QFETCH(QString, value);
        const auto config = LogConfig::parse({{key.toStdString(), value.toStdString()}});
        QTEST(config.has_value(), "valid");
        if (!config) {
            QCOMPARE(config.error().key, key.toStdString());
            QVERIFY(!config.error().why.empty());
        }
    }
    void configSetsWhatItNames()
    {
        const auto config = LogConfig::parse({{"internal.segment.bytes", "4096"},
            {"retention.bytes", "77"}, {"message.timestamp.type", "LogAppendTime"}});
        QCOMPARE(config->segmentBytes, 4096);
        QCOMPARE(config->retentionBytes, 77);
        QVERIFY(config->logAppendTime);
        QCOMPARE(config->maxMessageBytes, LogConfig().maxMessageBytes);
    }

    void indexesAreKafkasByteForByte_data()
    {
        QTest::addColumn<int>("interval");
        QTest::newRow("Kafka's own run") << 100;
        QTest::newRow("one batch is not more than the interval") << 83;
    }
    void indexesAreKafkasByteForByte()
    {
        QFETCH(int, interval);
        Storage storage;
        LogConfig config;
        config.indexIntervalBytes = interval;
        PartitionLog log = storage.open(config);
        for (std::int64_t i = 0; i < 6; ++i) {
            const std::int64_t second = i == 2 ? kT - 5 : kT + 10 * i + 1;
            const Bytes batch = batchAt({kT + 10 * i, second}, "1234");
            QCOMPARE(batch.size(), std::size_t{83});
            log.append(batch, 0, storage.context).value();
        }
        QVERIFY(log.close(storage.context).has_value());
        QCOMPARE(storage.hexOf(Storage::path(0, ".index")),
            std::string("00000005000000a6000000090000014c"));
        QCOMPARE(storage.hexOf(Storage::path(0, ".timeindex")),
            std::string(
                "0000018bcfe56814000000050000018bcfe56829000000090000018bcfe568330000000b"));
    }
    void theTimeIndexNamesTheFirstBatchOfTheLargestTime()
    {
        Storage storage;
        PartitionLog log = storage.open();
        for (const std::int64_t at : {kT, kT + 1, kT + 1, kT})
            log.append(batchAt({at, at}), 0, storage.context).value();
        QVERIFY(log.close(storage.context).has_value());
        QCOMPARE(
            storage.hexOf(Storage::path(0, ".timeindex")), std::string("0000018bcfe5680100000003"));
    }
    void filesAreNamedByTheBaseOffsetInTwentyDigits()
    {
        Storage storage;
        PartitionLog log = storage.open(smallSegments(200));
        fill(log, storage, 2);
        const std::vector<std::string> expected{"00000000000000000000.index",
            "00000000000000000000.log", "00000000000000000000.timeindex",
            "00000000000000000010.log", "00000000000000000010.snapshot", "leader-epoch-checkpoint"};
        QCOMPARE(storage.files.list("broker-1/orders-3").value(), expected);
    }

    void appendGivesOffsetsAndLeaderEpochAndLeavesTheBatchAlone()
    {
        Storage storage;
        PartitionLog log = storage.open();
        const Bytes batch = batchOf(3);
        const Bytes before = batch;
        log.append(batch, 4, storage.context).value();
        const AppendResult result = log.append(batch, 5, storage.context).value();
        QCOMPARE(result.baseOffset, 3);
        QCOMPARE(result.lastOffset, 5);
        QCOMPARE(result.logAppendTimeMs, -1);
        QVERIFY(!result.rolled);
        QCOMPARE(batch, before);
        QCOMPARE(log.logEndOffset(), 6);

        const Bytes stored = readAll(log, storage.files, 3);
        const auto header = checkBatch(stored);
        QVERIFY(header.has_value());
        QCOMPARE(header->baseOffset, 3);
        QCOMPARE(header->partitionLeaderEpoch, 5);
        QVERIFY(std::equal(stored.begin() + 16, stored.end(), batch.begin() + 16, batch.end()));
    }
    void logAppendTimeStampsTheBatch()
    {
        Storage storage;
        LogConfig config;
        config.logAppendTime = true;
        PartitionLog log = storage.open(config);
        storage.setNow(kT + 777);
        const AppendResult result = log.append(batchAt({1, 2}), 0, storage.context).value();
        QCOMPARE(result.logAppendTimeMs, kT + 777);
        const Bytes stored = readAll(log, storage.files, 0);
        QVERIFY(checkBatch(stored).has_value()); // the CRC fits
        int count = 0;
        for (RecordCursor cursor(stored); cursor.next(); ++count)
            QCOMPARE(cursor.record().timestamp, kT + 777);
        QCOMPARE(count, 2);
    }

    void appendRefusesWhatALeaderRefuses_data()
    {
        QTest::addColumn<QByteArray>("batch");
        QTest::addColumn<QByteArray>("error");
        const auto row = [](const char *name, const Bytes &batch, const char *error) {
            QTest::newRow(name) << QByteArray(
                reinterpret_cast<const char *>(batch.data()), qsizetype(batch.size()))
                                << QByteArray(error);
        };
        const Bytes sound = batchOf(2);
        const Bytes cutOff(sound.begin(), sound.end() - 1);
        Bytes flipped = sound;
        flipped.back() ^= 1;
        Bytes two = sound;
        two.insert(two.end(), sound.begin(), sound.end());
        row("nothing", {}, "CORRUPT_MESSAGE");
        row("cut off", cutOff, "CORRUPT_MESSAGE");
        row("a flipped bit", flipped, "CORRUPT_MESSAGE");
        row("magic 1", patched(sound, 16, std::int8_t{1}), "INVALID_RECORD");
        row("two batches", two, "INVALID_RECORD");
        row("no record", batchAt({}), "INVALID_RECORD");
        row("fewer records than offsets", patched(sound, 57, std::int32_t{1}), "INVALID_RECORD");
        row("more records than offsets", patched(sound, 57, std::int32_t{3}), "INVALID_RECORD");
        row("a producer without sequence", patched(sound, 43, std::int64_t{9}), "INVALID_RECORD");
        row("a client's control batch", patched(sound, 21, std::int16_t{0x30}), "INVALID_RECORD");
        row("stamped by the client", patched(sound, 21, std::int16_t{0x08}), "INVALID_TIMESTAMP");
        row("an hour and 1 ms ahead", batchAt({kT + 3'600'001}), "INVALID_TIMESTAMP");
        row("an hour ahead", batchAt({kT + 3'600'000}), "NONE");
        row("no timestamp", batchAt({-1}), "NONE");
        row("the largest message", batchOf(1, 1'000 - 70), "NONE");
        row("one byte larger", batchOf(1, 1'000 - 69), "MESSAGE_TOO_LARGE");
    }
    void appendRefusesWhatALeaderRefuses()
    {
        QFETCH(QByteArray, batch);
        Storage storage;
        LogConfig config;
        config.maxMessageBytes = 1'000;
        PartitionLog log = storage.open(config);
        log.append(batchOf(1), 0, storage.context).value();
        const std::uint64_t sizeBefore = log.sizeBytes();
        const auto result = log.append(
            {reinterpret_cast<const std::uint8_t *>(batch.constData()), std::size_t(batch.size())},
            0, storage.context);
        const ErrorCode error = result ? ErrorCode::None : result.error();
        const std::string_view name = errorName(error);
        QTEST(QByteArray(name.data(), qsizetype(name.size())), "error");
        if (!result) {
            QCOMPARE(log.logEndOffset(), 1);
            QCOMPARE(log.sizeBytes(), sizeBefore);
            QCOMPARE(readOffsets(log, storage, 0), std::string("0-0"));
        }
    }
    void aBatchLargerThanASegmentIsRefused()
    {
        Storage storage;
        PartitionLog log = storage.open(smallSegments(100));
        QCOMPARE(log.append(batchOf(5), 0, storage.context).error(), ErrorCode::RecordListTooLarge);
    }
    void theBrokerMayAppendControlBatches()
    {
        Storage storage;
        PartitionLog log = storage.open();
        const Bytes marker =
            *fromHex("000000000000000c000000420000000202ea9ca7120030000000000000018bcfe5"
                     "68c80000018bcfe568c800000000000003e80003ffffffff0000000120000000"
                     "08000000010c00000000000500");
        const auto result = log.append(marker, 2, storage.context, AppendOrigin::Broker);
        QVERIFY(result.has_value());
        QCOMPARE(result->baseOffset, 0);
    }

    void segmentsRollBySize()
    {
        Storage storage;
        const auto size = std::int32_t(batchOf(10).size());
        PartitionLog log = storage.open(smallSegments(2 * size));
        fill(log, storage, 2);
        QCOMPARE(basesOf(log), std::string("0"));
        const AppendResult result = log.append(batchOf(10), 0, storage.context).value();
        QVERIFY(result.rolled);
        QCOMPARE(basesOf(log), std::string("0 20"));
    }
    void segmentsRollByTheTimeInTheRecords()
    {
        Storage storage;
        LogConfig config;
        config.segmentMs = 1'000;
        PartitionLog log = storage.open(config);
        log.append(batchAt({kT, kT + 5}), 0, storage.context).value();
        storage.setNow(kT + 500'000); // the clock does not matter while records have timestamps
        QVERIFY(!log.append(batchAt({kT + 1'005}), 0, storage.context)->rolled);
        QVERIFY(log.append(batchAt({kT + 1'006}), 0, storage.context)->rolled);
        QVERIFY(!log.append(batchAt({kT - 50'000}), 0, storage.context)->rolled);
    }
    void segmentsWithoutTimestampsRollByTheClock()
    {
        Storage storage;
        LogConfig config;
        config.segmentMs = 1'000;
        PartitionLog log = storage.open(config);
        log.append(batchAt({-1}), 0, storage.context).value();
        storage.setNow(kT + 1'000);
        QVERIFY(!log.append(batchAt({-1}), 0, storage.context)->rolled);
        storage.setNow(kT + 1'001);
        QVERIFY(log.append(batchAt({-1}), 0, storage.context)->rolled);
    }
    void segmentsRollWhenAnIndexIsFull()
    {
        Storage storage;
        LogConfig config;
        config.indexIntervalBytes = 0;
        config.segmentIndexBytes =
            16; // two entries, and one time entry, whose place is for closing
        PartitionLog log = storage.open(config);
        QVERIFY(!log.append(batchOf(1), 0, storage.context)->rolled);
        QVERIFY(log.append(batchOf(1), 0, storage.context)->rolled);
    }
    void anEmptySegmentIsNotRolled()
    {
        Storage storage;
        LogConfig config;
        config.segmentIndexBytes = 4;
        PartitionLog log = storage.open(config);
        QVERIFY(!log.append(batchOf(1), 0, storage.context)->rolled);
    }

    void readGivesWholeBatchesFromTheOneThatHoldsTheOffset()
    {
        Storage storage;
        const auto size = batchOf(10).size();
        PartitionLog log = storage.open(smallSegments(std::int32_t(3 * size)));
        fill(log, storage, 7);
        QCOMPARE(basesOf(log), std::string("0 30 60"));
        QCOMPARE(
            readOffsets(log, storage, 0), std::string("0-9 10-19 20-29 30-39 40-49 50-59 60-69"));
        QCOMPARE(readOffsets(log, storage, 15), std::string("10-19 20-29 30-39 40-49 50-59 60-69"));
        QCOMPARE(readOffsets(log, storage, 69), std::string("60-69"));
        QCOMPARE(readOffsets(log, storage, 70), std::string());
        QCOMPARE(readOffsets(log, storage, 0, INT64_MAX, 2 * size), std::string("0-9 10-19"));
        QCOMPARE(readOffsets(log, storage, 0, INT64_MAX, 3 * size - 1), std::string("0-9 10-19"));
        QCOMPARE(readOffsets(log, storage, 25, INT64_MAX, 2 * size), std::string("20-29 30-39"));
        QCOMPARE(readOffsets(log, storage, 0, INT64_MAX, 0), std::string("0-9")); // at least one
        QCOMPARE(readOffsets(log, storage, 0, 30), std::string("0-9 10-19 20-29"));
        QCOMPARE(readOffsets(log, storage, 0, 29), std::string("0-9 10-19"));
        QCOMPARE(readOffsets(log, storage, 30, 30), std::string());
        QCOMPARE(readOffsets(log, storage, -1), std::string("OFFSET_OUT_OF_RANGE"));
        QCOMPARE(readOffsets(log, storage, 71), std::string("OFFSET_OUT_OF_RANGE"));
    }
    void readCountsRecordsAndGivesTheNextOffset()
    {
        Storage storage;
        PartitionLog log = storage.open();
        fill(log, storage, 3);
        std::vector<SharedBytes> slices;
        const auto result = log.read(15, 20, 1'000'000, slices, storage.files).value();
        QCOMPARE(result.nextOffset, 20);
        QCOMPARE(result.recordCount, 10);
        const auto nothing = log.read(30, INT64_MAX, 1'000'000, slices, storage.files).value();
        QCOMPARE(nothing.nextOffset, 30);
        QCOMPARE(nothing.bytes, std::uint64_t{0});
    }
    void readOfADamagedLogGivesWhatIsSoundAndThenAnError()
    {
        Storage storage;
        PartitionLog log = storage.open();
        fill(log, storage, 3);
        const std::uint64_t size = batchOf(10).size();
        storage.overwrite(Storage::path(0, ".log"), size + 16, asBytes("x"));
        QCOMPARE(readOffsets(log, storage, 0), std::string("0-9"));
        QCOMPARE(readOffsets(log, storage, 10), std::string("CORRUPT_MESSAGE"));
    }

    void offsetForTimeFindsTheFirstRecordAtOrAfter_data()
    {
        QTest::addColumn<qint64>("time");
        QTest::addColumn<qint64>("limit");
        QTest::addColumn<qint64>("offset");
        QTest::addColumn<qint64>("timestamp");
        const auto row = [](qint64 time, qint64 limit, qint64 offset, qint64 timestamp) {
            QTest::addRow("%lld below %lld", time, limit) << time << limit << offset << timestamp;
        };
        // Offsets 0.. have the times 0 10 | 5 30 | 20 40 | 50 50 | 45 60, two batches a segment.
        row(0, 100, 0, 0);
        row(1, 100, 1, 10);
        row(10, 100, 1, 10);
        row(11, 100, 3, 30);
        row(31, 100, 5, 40);
        row(41, 100, 6, 50);
        row(51, 100, 9, 60);
        row(60, 100, 9, 60);
        row(61, 100, -1, -1);
        row(60, 9, -1, -1);
        row(31, 5, -1, -1);
        row(31, 6, 5, 40);
    }
    void offsetForTimeFindsTheFirstRecordAtOrAfter()
    {
        QFETCH(qint64, time);
        QFETCH(qint64, limit);
        for (const std::int32_t interval : {0, 4096}) {
            Storage storage;
            LogConfig config = smallSegments(2 * std::int32_t(batchOf(2).size()));
            config.indexIntervalBytes = interval;
            PartitionLog log = storage.open(config);
            for (const auto &times : std::vector<std::vector<std::int64_t>>{
                     {0, 10}, {5, 30}, {20, 40}, {50, 50}, {45, 60}})
                log.append(batchAt(times), 0, storage.context).value();
            const auto found = log.offsetForTime(time, limit, storage.files).value();
            QTEST(qint64(found.offset), "offset");
            QTEST(qint64(found.timestamp), "timestamp");
        }
    }

    void truncateCutsWholeBatches_data()
    {
        QTest::addColumn<qint64>("to");
        QTest::addColumn<QByteArray>("left");
        QTest::addColumn<qint64>("end");
        QTest::newRow("at the end")
            << qint64(60) << QByteArray("0-9 10-19 20-29 30-39 40-49 50-59") << qint64(60);
        QTest::newRow("beyond the end")
            << qint64(99) << QByteArray("0-9 10-19 20-29 30-39 40-49 50-59") << qint64(60);
        QTest::newRow("between batches")
            << qint64(50) << QByteArray("0-9 10-19 20-29 30-39 40-49") << qint64(50);
        QTest::newRow("inside a batch")
            << qint64(55) << QByteArray("0-9 10-19 20-29 30-39 40-49") << qint64(50);
        QTest::newRow("at a segment")
            << qint64(40) << QByteArray("0-9 10-19 20-29 30-39") << qint64(40);
        QTest::newRow("in a closed segment")
            << qint64(30) << QByteArray("0-9 10-19 20-29") << qint64(30);
        QTest::newRow("inside the first batch") << qint64(5) << QByteArray("") << qint64(0);
        QTest::newRow("to nothing") << qint64(0) << QByteArray("") << qint64(0);
    }
    void truncateCutsWholeBatches()
    {
        QFETCH(qint64, to);
        QFETCH(qint64, end);
        QFETCH(QByteArray, left);
        Storage storage;
        LogConfig config = smallSegments(2 * std::int32_t(batchOf(10).size()));
        config.indexIntervalBytes = 0;
        PartitionLog log = storage.open(config);
        fill(log, storage, 6);
        QVERIFY(log.truncateTo(to, storage.context).has_value());
        QCOMPARE(QByteArray::fromStdString(readOffsets(log, storage, 0)), left);
        QCOMPARE(log.logEndOffset(), end);

        // It goes on from there, and the indexes fit what is left.
        QCOMPARE(log.append(batchOf(10), 1, storage.context)->baseOffset, end);
        QVERIFY(log.close(storage.context).has_value());
        RecoveryReport report;
        PartitionLog again = storage.open(config, true, &report);
        QCOMPARE(report.notes.size(), std::size_t{0});
        QCOMPARE(again.logEndOffset(), end + 10);
        QVERIFY(readOffsets(again, storage, end).ends_with(std::to_string(end + 9)));
    }
    void truncateBelowTheStartEmptiesTheLog()
    {
        Storage storage;
        LogConfig config = smallSegments(std::int32_t(batchOf(10).size()));
        config.retentionBytes = 0;
        PartitionLog log = storage.open(config);
        fill(log, storage, 3);
        QCOMPARE(log.deleteOldSegments(storage.context, 20), std::size_t{2});
        QCOMPARE(log.logStartOffset(), 20);
        QVERIFY(log.truncateTo(7, storage.context).has_value());
        QCOMPARE(log.logStartOffset(), 7);
        QCOMPARE(log.logEndOffset(), 7);
        QCOMPARE(log.append(batchOf(1), 0, storage.context)->baseOffset, 7);
    }
    void truncateForgetsTheTimesThatWereCut()
    {
        Storage storage;
        LogConfig config;
        config.indexIntervalBytes = 0;
        PartitionLog log = storage.open(config);
        for (const std::int64_t at : {kT, kT + 100, kT + 50, kT + 200})
            log.append(batchAt({at}), 0, storage.context).value();
        QVERIFY(log.truncateTo(3, storage.context).has_value());
        QCOMPARE(log.segments().front().maxTimestamp, kT + 100);
        QVERIFY(log.truncateTo(1, storage.context).has_value());
        QCOMPARE(log.segments().front().maxTimestamp, kT);
        QVERIFY(log.truncateTo(0, storage.context).has_value());
        QCOMPARE(log.segments().front().maxTimestamp, -1);
    }

    void retentionByTimeDeletesWholeOldSegments()
    {
        Storage storage;
        LogConfig config = smallSegments(std::int32_t(batchAt({kT}).size()));
        config.retentionMs = 1'000;
        PartitionLog log = storage.open(config);
        for (const std::int64_t at : {kT, kT + 500, kT + 100, kT + 900})
            log.append(batchAt({at}), 0, storage.context).value();
        storage.setNow(kT + 1'000);
        QCOMPARE(
            log.deleteOldSegments(storage.context), std::size_t{0}); // exactly as old as allowed
        storage.setNow(kT + 1'200);
        QCOMPARE(
            log.deleteOldSegments(storage.context), std::size_t{1}); // stops at the first younger
        QCOMPARE(log.logStartOffset(), 1);
        QCOMPARE(readOffsets(log, storage, 0), std::string("OFFSET_OUT_OF_RANGE"));
        QVERIFY(!storage.files.exists(Storage::path(0, ".log")));
        QVERIFY(!storage.files.exists(Storage::path(0, ".index")));
        storage.setNow(kT + 100'000);
        QCOMPARE(log.deleteOldSegments(storage.context, 2),
            std::size_t{1}); // not above the high watermark
        QCOMPARE(log.deleteOldSegments(storage.context), std::size_t{2}); // the active one too
        QCOMPARE(basesOf(log), std::string("4"));
        QCOMPARE(log.deleteOldSegments(storage.context), std::size_t{0}); // but not an empty one
        QCOMPARE(log.logEndOffset(), 4);
    }
    void retentionBySizeKeepsAtLeastTheLimit()
    {
        Storage storage;
        const auto size = std::int32_t(batchOf(10).size());
        LogConfig config = smallSegments(size);
        config.retentionBytes = 2 * size;
        config.retentionMs = -1;
        PartitionLog log = storage.open(config);
        fill(log, storage, 5);
        QCOMPARE(log.deleteOldSegments(storage.context), std::size_t{3});
        QCOMPARE(basesOf(log), std::string("30 40"));
        QCOMPARE(log.deleteOldSegments(storage.context), std::size_t{0});
    }
    void raisingTheStartHidesAndThenDeletes()
    {
        Storage storage;
        PartitionLog log = storage.open(smallSegments(std::int32_t(batchOf(10).size())));
        fill(log, storage, 3);
        log.raiseLogStartOffset(15);
        QCOMPARE(readOffsets(log, storage, 10), std::string("OFFSET_OUT_OF_RANGE"));
        QCOMPARE(readOffsets(log, storage, 15), std::string("10-19 20-29"));
        QCOMPARE(log.deleteOldSegments(storage.context), std::size_t{1});
        QCOMPARE(log.logStartOffset(), 15);
        log.raiseLogStartOffset(3); // never back
        QCOMPARE(log.logStartOffset(), 15);
        log.raiseLogStartOffset(1'000);
        QCOMPARE(log.logStartOffset(), 30);
    }

    void deletedSegmentsKeepTheirFilesForADelay()
    {
        Storage storage;
        LogConfig config = smallSegments(std::int32_t(batchOf(10).size()));
        config.retentionBytes = 0;
        config.fileDeleteDelayMs = 60'000;
        PartitionLog log = storage.open(config);
        fill(log, storage, 3);
        QVERIFY(!log.nextDelayedDelete().has_value());
        storage.setNow(kT + 1'000);
        QCOMPARE(log.deleteOldSegments(storage.context, 20), std::size_t{2});
        QCOMPARE(log.nextDelayedDelete().value(), storage.context.now + 60s);
        for (const char *suffix : {".log", ".index", ".timeindex"}) {
            QVERIFY(!storage.files.exists(Storage::path(0, suffix)));
            QVERIFY(storage.files.exists(Storage::path(0, suffix) + ".deleted"));
        }
        storage.setNow(kT + 60'999);
        log.deleteDelayed(storage.context);
        QVERIFY(storage.files.exists(Storage::path(0, ".log.deleted")));
        storage.setNow(kT + 61'000);
        log.deleteDelayed(storage.context);
        QVERIFY(!storage.files.exists(Storage::path(0, ".log.deleted")));
        QVERIFY(!storage.files.exists(Storage::path(10, ".log.deleted")));
        QVERIFY(!log.nextDelayedDelete().has_value());
    }
    void withoutADelayDeletedSegmentsGoAtOnce()
    {
        Storage storage;
        LogConfig config = smallSegments(std::int32_t(batchOf(10).size()));
        config.retentionBytes = 0;
        config.fileDeleteDelayMs = 0;
        PartitionLog log = storage.open(config);
        fill(log, storage, 2);
        QCOMPARE(log.deleteOldSegments(storage.context, 10), std::size_t{1});
        QVERIFY(!storage.files.exists(Storage::path(0, ".log.deleted")));
    }
    void filesOfAnEmptyLogAreOpenedByItsFirstRecord()
    {
        Storage storage;
        PartitionLog log = storage.open();
        QVERIFY(storage.files.exists(Storage::path(0, ".log")));
        QVERIFY(!storage.files.exists(Storage::path(0, ".index")));
        fill(log, storage, 1);
        log.close(storage.context).value();
        QVERIFY(storage.files.exists(Storage::path(0, ".index")));
        QVERIFY(storage.files.exists(Storage::path(0, ".timeindex")));
    }

    void flushMessagesBoundsWhatACrashCanTake()
    {
        Storage storage;
        LogConfig config;
        config.flushMessages = 20;
        PartitionLog log = storage.open(config);
        fill(log, storage, 5);
        storage.files.crash("");
        const PartitionLog after = storage.open(config, false);
        QCOMPARE(after.logEndOffset(), 40);
    }
    void aRollMakesTheOldSegmentDurable()
    {
        Storage storage;
        const LogConfig config = smallSegments(2 * std::int32_t(batchOf(10).size()));
        PartitionLog log = storage.open(config);
        fill(log, storage, 3);
        storage.files.crash("");
        QCOMPARE(storage.open(config, false).logEndOffset(), 20);
    }

    void aCopyIsAForkOfItsOwn()
    {
        Storage storage;
        const LogConfig config = smallSegments(2 * std::int32_t(batchOf(10).size()));
        PartitionLog log = storage.open(config);
        fill(log, storage, 5);
        const std::unique_ptr<Files> forkFiles = storage.files.clone();
        Context forkContext{storage.context.now, storage.random, storage.trace, *forkFiles};
        PartitionLog fork = log;
        fork.append(batchOf(7), 1, forkContext).value();
        log.truncateTo(10, storage.context).value();
        QCOMPARE(fork.logEndOffset(), 57);
        QCOMPARE(offsetsIn(readAll(fork, *forkFiles, 0)),
            std::string("0-9 10-19 20-29 30-39 40-49 50-56"));
        QCOMPARE(readOffsets(log, storage, 0), std::string("0-9"));
        QVERIFY(fork.close(forkContext).has_value());
        QVERIFY(log.close(storage.context).has_value());
    }

    void aFullDiskIsAStorageErrorAndHarmsNothing()
    {
        FullDisk disk;
        Random random(1);
        Trace trace;
        Context context{Instant{std::chrono::milliseconds{kT}}, random, trace, disk};
        const LogConfig config = smallSegments(2 * std::int32_t(batchOf(10).size()));
        PartitionLog log = PartitionLog::open("p", config, true, context, nullptr).value();
        for (int i = 0; i < 3; ++i)
            log.append(batchOf(10), 0, context).value();

        disk.full = true;
        QCOMPARE(log.append(batchOf(5), 0, context).error(), ErrorCode::KafkaStorageError);
        QCOMPARE(log.append(batchOf(5), 0, context).error(), ErrorCode::KafkaStorageError);
        QCOMPARE(log.logEndOffset(), 30);
        QCOMPARE(offsetsIn(readAll(log, disk, 0)), std::string("0-9 10-19 20-29"));
        QVERIFY(!log.flush(context).has_value());
        QVERIFY(!log.truncateTo(5, context).has_value());
        QCOMPARE(log.deleteOldSegments(context), std::size_t{0});

        disk.full = false;
        QCOMPARE(log.append(batchOf(5), 0, context)->baseOffset, 30);
        disk.full = true; // now a roll is due
        QCOMPARE(log.append(batchOf(10), 0, context).error(), ErrorCode::KafkaStorageError);
        disk.full = false;
        const AppendResult rolled = log.append(batchOf(10), 0, context).value();
        QVERIFY(rolled.rolled);
        QCOMPARE(rolled.baseOffset, 35);
        QCOMPARE(offsetsIn(readAll(log, disk, 0)), std::string("0-9 10-19 20-29 30-34 35-44"));
        QVERIFY(log.close(context).has_value());
        RecoveryReport report;
        PartitionLog::open("p", config, true, context, &report).value();
        QCOMPARE(report.notes.size(), std::size_t{0});
    }
    void aDirectoryThatCannotBeMadeIsAnError()
    {
        FullDisk disk;
        disk.full = true;
        Random random(1);
        Trace trace;
        Context context{Instant{}, random, trace, disk};
        const auto log = PartitionLog::open("p", {}, true, context, nullptr);
        QVERIFY(!log.has_value());
        QCOMPARE(log.error().place, std::string("disk"));
    }

    void retriableErrorsAreThoseKafkasClientsRetry()
    {
        QVERIFY(isRetriable(ErrorCode::NotLeaderOrFollower));
        QVERIFY(isRetriable(ErrorCode::KafkaStorageError));
        QVERIFY(!isRetriable(ErrorCode::MessageTooLarge));
        QVERIFY(!isRetriable(ErrorCode::None));
        QCOMPARE(
            errorName(ErrorCode::NotLeaderOrFollower), std::string_view("NOT_LEADER_OR_FOLLOWER"));
    }
};

QTEST_APPLESS_MAIN(TestPartitionLog)
#include "tst_partition_log.moc"
