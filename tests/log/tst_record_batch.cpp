#include "engine/core/crc32c.h"
#include "engine/core/random.h"
#include "engine/log/record_batch.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::log;

namespace {

// Made by Kafka 4.3's own classes (facts: kafka.md 1.2).
constexpr const char *kPlain =
    "0000000000000000000000580000000002953ffe730000000000020000018bcfe568000000018bcfe56805ffffffff"
    "ffffffffffffffffffff0000000314000000046b310476310024000a02010a68656c6c6f0402680278026e0110"
    "000204046b310100";
constexpr const char *kTransactional =
    "000000000000000a00000043000000020257d177ac0010000000010000018bcfe568640000018bcfe5686400000000"
    "000003e800030000000700000002100000000261023100100000020262023200";
constexpr const char *kCommitMarker =
    "000000000000000c000000420000000202ea9ca7120030000000000000018bcfe568c80000018bcfe568c800000000"
    "000003e80003ffffffff000000012000000008000000010c00000000000500";
constexpr const char *kAbortMarker =
    "000000000000000c0000004200000002021ea2715a0030000000000000018bcfe568c80000018bcfe568c800000000"
    "000003e80003ffffffff000000012000000008000000000c00000000000500";
constexpr const char *kEmptied =
    "000000000000000a0000003100000002029b00705b001000000001ffffffffffffffff0000018bcfe5686400000000"
    "000003e800030000000700000000";
constexpr std::int64_t kT = 1'700'000'000'000;

/// The bytes with the leader epoch a broker would have put in; the CRC does not cover it.
Bytes withLeaderEpoch(ByteView batch, std::int32_t epoch)
{
    Bytes bytes(batch.begin(), batch.end());
    storeBigEndian(bytes.data() + 12, epoch);
    return bytes;
}

std::optional<ByteView> some(std::string_view text)
{
    return asBytes(text);
}

QByteArray shown(const std::optional<ByteView> &bytes)
{
    return bytes ? QByteArray(asText(*bytes).data(), qsizetype(bytes->size()))
                 : QByteArray("(null)");
}

std::int64_t readBack(std::string_view hex, int bits, bool *ok)
{
    const Bytes bytes = *fromHex(hex);
    ByteReader reader(bytes);
    const std::int64_t value = reader.varint(bits);
    *ok = reader.ok() && reader.remaining() == 0;
    return value;
}

} // namespace

class TestRecordBatch : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void varintIsZigZagLeb128_data()
    {
        QTest::addColumn<qint64>("value");
        QTest::addColumn<QByteArray>("hex");
        const std::pair<qint64, const char *> vectors[] = {{0, "00"}, {-1, "01"}, {1, "02"},
            {63, "7e"}, {64, "8001"}, {-64, "7f"}, {-65, "8101"}, {300, "d804"},
            {INT32_MAX, "feffffff0f"}, {INT32_MIN, "ffffffff0f"},
            {INT64_MAX, "feffffffffffffffff01"}, {INT64_MIN, "ffffffffffffffffff01"}};
        for (const auto &[value, hex] : vectors)
            QTest::newRow(hex) << value << QByteArray(hex);
    }
    void varintIsZigZagLeb128()
    {
        QFETCH(qint64, value);
        QFETCH(QByteArray, hex);
        std::uint8_t buffer[kMaxVarintBytes];
        const std::size_t size = storeVarint(buffer, value);
        QCOMPARE(QByteArray::fromStdString(toHex({buffer, size})), hex);
        QCOMPARE(varintSize(value), size);
        bool ok = false;
        QCOMPARE(readBack(hex.toStdString(), 64, &ok), value);
        QVERIFY(ok);
    }
    void overlongAndCutVarintsAreRefused_data()
    {
        QTest::addColumn<QByteArray>("hex");
        QTest::addColumn<int>("bits");
        QTest::newRow("empty") << QByteArray("") << 64;
        QTest::newRow("cut") << QByteArray("80") << 64;
        QTest::newRow("11 bytes") << QByteArray("8080808080808080808001") << 64;
        QTest::newRow("6 bytes for 32 bits") << QByteArray("808080808001") << 32;
        QTest::newRow("33 bits") << QByteArray("ffffffff1f") << 32;
    }
    void overlongAndCutVarintsAreRefused()
    {
        QFETCH(QByteArray, hex);
        QFETCH(int, bits);
        bool ok = true;
        readBack(hex.toStdString(), bits, &ok);
        QVERIFY(!ok);
    }

    void builderWritesTheBytesKafkaWrites()
    {
        BatchBuilder builder;
        builder.reset(0);
        builder.append(kT, some("k1"), some("v1"));
        const BatchBuilder::Header headers[] = {{"h", some("x")}, {"n", std::nullopt}};
        builder.append(kT + 5, std::nullopt, some("hello"), headers);
        builder.append(kT + 1, some("k1"), std::nullopt);
        QCOMPARE(builder.recordCount(), 3);
        QCOMPARE(builder.sizeBytes(), std::size_t{100});
        QCOMPARE(toHex(withLeaderEpoch(builder.finish(), 0)), std::string(kPlain));
    }
    void builderWritesAProducersTransactionalBatch()
    {
        BatchBuilder builder;
        builder.reset(10);
        builder.setTransactional(true);
        builder.setProducer(1000, 3, 7);
        builder.append(kT + 100, some("a"), some("1"));
        builder.append(kT + 100, some("b"), some("2"));
        QCOMPARE(toHex(withLeaderEpoch(builder.finish(), 2)), std::string(kTransactional));
    }
    void aBatchSealedLaterIsTheOneThatKnewItsProducerFromTheStart()
    {
        BatchBuilder builder;
        builder.reset(10);
        builder.setTransactional(true);
        builder.append(kT + 100, some("a"), some("1"));
        builder.append(kT + 100, some("b"), some("2"));
        Bytes batch = builder.takeUnsealed();
        QVERIFY(!checkBatch(batch).has_value());
        sealBatch(batch, 1000, 3, 7);
        QCOMPARE(toHex(withLeaderEpoch(batch, 2)), std::string(kTransactional));
    }
    void aReusedBuilderForgetsTheBatchBefore()
    {
        BatchBuilder builder;
        builder.setTransactional(true);
        builder.setProducer(1, 2, 3);
        for (int i = 0; i < 1000; ++i)
            builder.append(kT, some("key"), some(std::string(100, 'x')));
        const SharedBytes kept = builder.take();
        builder.reset(0);
        builder.append(kT, some("k1"), some("v1"));
        const BatchBuilder::Header headers[] = {{"h", some("x")}, {"n", std::nullopt}};
        builder.append(kT + 5, std::nullopt, some("hello"), headers);
        builder.append(kT + 1, some("k1"), std::nullopt);
        QCOMPARE(toHex(withLeaderEpoch(builder.finish(), 0)), std::string(kPlain));
        QVERIFY(checkBatch(kept.view()).has_value()); // what was taken is not touched
    }
    void anEmptyBuilderGivesASoundBatchWithoutRecords()
    {
        BatchBuilder builder;
        const auto header = checkBatch(builder.finish());
        QVERIFY(header.has_value());
        QCOMPARE(header->recordCount, 0);
        QCOMPARE(header->sizeBytes(), kBatchHeaderBytes);
    }

    void goldenBatchesAreSoundAndReencodeToThemselves_data()
    {
        QTest::addColumn<QByteArray>("hex");
        QTest::addColumn<qint64>("baseOffset");
        QTest::addColumn<qint64>("lastOffset");
        QTest::addColumn<int>("records");
        QTest::addColumn<int>("leaderEpoch");
        QTest::addColumn<bool>("transactional");
        QTest::addColumn<bool>("control");
        QTest::addColumn<qint64>("maxTimestamp");
        QTest::newRow("A plain") << QByteArray(kPlain) << qint64(0) << qint64(2) << 3 << 0 << false
                                 << false << qint64(kT + 5);
        QTest::newRow("B transactional") << QByteArray(kTransactional) << qint64(10) << qint64(11)
                                         << 2 << 2 << true << false << qint64(kT + 100);
        QTest::newRow("C commit") << QByteArray(kCommitMarker) << qint64(12) << qint64(12) << 1 << 2
                                  << true << true << qint64(kT + 200);
        QTest::newRow("D abort") << QByteArray(kAbortMarker) << qint64(12) << qint64(12) << 1 << 2
                                 << true << true << qint64(kT + 200);
        QTest::newRow("F emptied") << QByteArray(kEmptied) << qint64(10) << qint64(11) << 0 << 2
                                   << true << false << qint64(kT + 100);
    }
    void goldenBatchesAreSoundAndReencodeToThemselves()
    {
        QFETCH(QByteArray, hex);
        const Bytes bytes = *fromHex(hex.toStdString());
        const auto header = checkBatch(bytes);
        QVERIFY(header.has_value());
        QTEST(qint64(header->baseOffset), "baseOffset");
        QTEST(qint64(header->lastOffset()), "lastOffset");
        QTEST(int(header->recordCount), "records");
        QTEST(int(header->partitionLeaderEpoch), "leaderEpoch");
        QTEST(header->isTransactional(), "transactional");
        QTEST(header->isControl(), "control");
        QTEST(qint64(header->maxTimestamp), "maxTimestamp");
        QCOMPARE(header->sizeBytes(), bytes.size());
        QCOMPARE(batchCrc(bytes), header->crc);
        QCOMPARE(crc32cPortable(ByteView(bytes).subspan(21)), header->crc);

        Bytes again = bytes;
        std::fill_n(again.begin(), kBatchHeaderBytes, std::uint8_t{0xee});
        writeBatchHeader(again.data(), *header);
        QCOMPARE(again, bytes);

        RecordCursor cursor(bytes);
        int count = 0;
        while (cursor.next())
            ++count;
        QVERIFY(cursor.ok());
        QTEST(count, "records");
    }

    void cursorGivesKeysValuesHeadersAndTimes()
    {
        const Bytes bytes = *fromHex(kPlain);
        RecordCursor cursor(bytes);
        QVERIFY(cursor.next());
        QCOMPARE(cursor.record().offset, 0);
        QCOMPARE(cursor.record().timestamp, kT);
        QCOMPARE(shown(cursor.record().key), QByteArray("k1"));
        QCOMPARE(shown(cursor.record().value), QByteArray("v1"));
        QCOMPARE(readHeaders(cursor.record())->size(), std::size_t{0});
        QVERIFY(cursor.next());
        QCOMPARE(cursor.record().offset, 1);
        QCOMPARE(cursor.record().timestamp, kT + 5);
        QVERIFY(!cursor.record().key);
        QCOMPARE(shown(cursor.record().value), QByteArray("hello"));
        const auto headers = readHeaders(cursor.record());
        QVERIFY(headers.has_value());
        QCOMPARE(headers->size(), std::size_t{2});
        QCOMPARE((*headers)[0].key, std::string_view("h"));
        QCOMPARE(shown((*headers)[0].value), QByteArray("x"));
        QCOMPARE((*headers)[1].key, std::string_view("n"));
        QVERIFY(!(*headers)[1].value);
        QVERIFY(cursor.next());
        QCOMPARE(cursor.record().offset, 2);
        QCOMPARE(cursor.record().timestamp, kT + 1);
        QVERIFY(!cursor.record().value);
        QVERIFY(!cursor.next());
        QVERIFY(cursor.ok());
        QVERIFY(!cursor.next());
    }
    void logAppendTimeIsTheTimeOfAllRecords()
    {
        Bytes bytes = *fromHex(kPlain);
        bytes[22] = 0x08;
        int count = 0;
        for (RecordCursor cursor(bytes); cursor.next(); ++count)
            QCOMPARE(cursor.record().timestamp, kT + 5);
        QCOMPARE(count, 3);
    }
    void aCompressedBatchGivesNoRecordsAndIsNotOk()
    {
        Bytes bytes = *fromHex(kPlain);
        bytes[22] = 0x01;
        RecordCursor cursor(bytes);
        QVERIFY(!cursor.next());
        QVERIFY(!cursor.ok());
    }

    void whatWasBuiltIsReadBack_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 200; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void whatWasBuiltIsReadBack()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        struct Made {
            std::int64_t timestamp;
            std::optional<std::string> key, value;
            std::vector<std::pair<std::string, std::optional<std::string>>> headers;
        };
        const auto text = [&random]() -> std::optional<std::string> {
            if (random.chance(0.2))
                return std::nullopt;
            const std::size_t sizes[] = {0, 1, 62, 63, 64, 65, 127, 128, 8191, 8192, 20'000};
            return std::string(sizes[random.below(random.chance(0.9) ? 8 : 11)],
                static_cast<char>('a' + random.below(26)));
        };
        const auto view = [](const std::optional<std::string> &from) {
            return from ? std::optional<ByteView>(asBytes(*from)) : std::nullopt;
        };
        std::vector<Made> made(random.below(300) + 1);
        BatchBuilder builder;
        const std::int64_t base = random.between(0, INT64_MAX / 2);
        builder.reset(base);
        std::int64_t latest = INT64_MIN;
        for (Made &record : made) {
            record = {kT + random.between(-100'000'000'000, 100'000'000'000), text(), text(), {}};
            std::vector<BatchBuilder::Header> headers;
            for (std::uint64_t i = random.chance(0.8) ? 0 : random.below(4); i > 0; --i)
                record.headers.emplace_back(text().value_or(""), text());
            for (const auto &[key, value] : record.headers)
                headers.push_back({key, view(value)});
            const std::size_t before = builder.sizeBytes();
            builder.append(record.timestamp, view(record.key), view(record.value), headers);
            if (headers.empty()) {
                QVERIFY(builder.sizeBytes() - before <= BatchBuilder::recordSizeUpperBound(
                            record.key.value_or("").size(), record.value.value_or("").size()));
            }
            latest = std::max(latest, record.timestamp);
        }
        const ByteView batch = builder.finish();
        const auto header = checkBatch(batch);
        QVERIFY(header.has_value());
        QCOMPARE(header->maxTimestamp, latest);
        QCOMPARE(header->lastOffset(), base + std::int64_t(made.size()) - 1);
        RecordCursor cursor(batch);
        for (std::size_t i = 0; i < made.size(); ++i) {
            QVERIFY(cursor.next());
            QCOMPARE(cursor.record().offset, base + std::int64_t(i));
            QCOMPARE(cursor.record().timestamp, made[i].timestamp);
            QCOMPARE(shown(cursor.record().key), shown(view(made[i].key)));
            QCOMPARE(shown(cursor.record().value), shown(view(made[i].value)));
            const auto headers = readHeaders(cursor.record());
            QVERIFY(headers.has_value());
            QCOMPARE(headers->size(), made[i].headers.size());
            for (std::size_t h = 0; h < headers->size(); ++h) {
                QCOMPARE((*headers)[h].key, std::string_view(made[i].headers[h].first));
                QCOMPARE(shown((*headers)[h].value), shown(view(made[i].headers[h].second)));
            }
        }
        QVERIFY(!cursor.next());
        QVERIFY(cursor.ok());
    }

    void damageIsFoundAndNamed_data()
    {
        QTest::addColumn<int>("fault");
        QTest::addColumn<QByteArray>("hex");
        const QByteArray sound(kPlain);
        const auto patched = [&sound](int byte, const char *with) {
            return QByteArray(sound).replace(byte * 2, int(qstrlen(with)), with);
        };
        const auto row = [](const char *name, BatchFault fault, const QByteArray &hex) {
            QTest::newRow(name) << int(fault) << hex;
        };
        row("nothing", BatchFault::TooShort, "");
        row("half a header", BatchFault::TooShort, sound.left(60));
        row("cut behind the header", BatchFault::TooShort, sound.left(150));
        row("magic 1", BatchFault::BadMagic, patched(16, "01"));
        row("length below a header", BatchFault::BadLength, patched(8, "00000030"));
        row("negative length", BatchFault::BadLength, patched(8, "ffffffff"));
        row("length beyond the bytes", BatchFault::TooShort, patched(8, "7fffffff"));
        row("a flipped bit", BatchFault::BadCrc, patched(99, "01"));
        row("a wrong crc", BatchFault::BadCrc, patched(17, "00000000"));
        row("more records than offsets", BatchFault::BadCount, {});
    }
    void damageIsFoundAndNamed()
    {
        QFETCH(int, fault);
        QFETCH(QByteArray, hex);
        Bytes bytes = *fromHex(hex.toStdString());
        if (BatchFault(fault) == BatchFault::BadCount) {
            bytes = *fromHex(kPlain);
            storeBigEndian(
                bytes.data() + 23, std::int32_t{1}); // last offset delta, with a fitting CRC
            storeBigEndian(bytes.data() + 17, batchCrc(bytes));
        }
        const auto checked = checkBatch(bytes);
        QVERIFY(!checked.has_value());
        QCOMPARE(int(checked.error()), fault);
    }

    void hostileRecordsEndTheCursorAndNothingElse_data() { whatWasBuiltIsReadBack_data(); }
    void hostileRecordsEndTheCursorAndNothingElse()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        BatchBuilder builder;
        for (int i = 0; i < 20; ++i) {
            const BatchBuilder::Header headers[] = {{"name", some("value")}};
            builder.append(kT + i, some("key"), some("some value"), headers);
        }
        const ByteView made = builder.finish();
        Bytes bytes(made.begin(), made.end());
        for (int change = 0; change < 3;
            ++change) // behind a CRC that a hostile client can make fit
            bytes[random.between(57, std::int64_t(bytes.size()) - 1)] =
                static_cast<std::uint8_t>(random.next());
        std::size_t seen = 0;
        for (RecordCursor cursor(bytes); cursor.next(); ++seen) {
            const RecordView &record = cursor.record();
            for (const auto &part : {record.key, record.value, std::optional(record.headerBytes)}) {
                if (part && !part->empty()) {
                    QVERIFY(part->data() >= bytes.data());
                    QVERIFY(part->data() + part->size() <= bytes.data() + bytes.size());
                }
            }
            static_cast<void>(readHeaders(record));
        }
        QVERIFY(seen <= bytes.size());
    }
};

QTEST_APPLESS_MAIN(TestRecordBatch)
#include "tst_record_batch.moc"
