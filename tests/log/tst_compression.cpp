#include "engine/log/compression.h"
#include "storage_fixture.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::log;

namespace {

Bytes bytesOf(const std::string &text)
{
    return {text.begin(), text.end()};
}

/// Half of it repeats, half does not.
Bytes mixed(std::size_t size)
{
    Random random(size);
    Bytes bytes(size);
    for (std::size_t i = 0; i < size; ++i)
        bytes[i] = i % 64 < 32 ? 'x' : static_cast<std::uint8_t>(random.below(256));
    return bytes;
}

Bytes compressed(CompressionType type, ByteView bytes)
{
    Bytes out;
    compress(type, bytes, out);
    return out;
}

void addCodecs()
{
    QTest::addColumn<int>("codec");
    for (int codec = 1; codec <= 4; ++codec)
        QTest::newRow(std::string(compressionName(CompressionType(codec))).c_str()) << codec;
}

/// Three records, of which the last has no value.
Bytes batchWith(CompressionType type)
{
    BatchBuilder builder;
    builder.setCompression(type);
    builder.append(kT, asBytes("k1"), asBytes(std::string(300, 'a')));
    const BatchBuilder::Header header{"h", asBytes("x")};
    builder.append(kT + 5, std::nullopt, asBytes("hello"), {&header, 1});
    builder.append(kT + 1, asBytes("k1"), std::nullopt);
    const ByteView batch = builder.finish();
    return {batch.begin(), batch.end()};
}

/// "0@+0 k1=aaa…", one line a record.
std::string recordsIn(ByteView batch)
{
    std::string text;
    RecordCursor cursor(batch);
    while (cursor.next()) {
        const RecordView &record = cursor.record();
        text += std::to_string(record.offset) + "@+" + std::to_string(record.timestamp - kT) + ' '
            + (record.key ? std::string(asText(*record.key)) : "null") + '='
            + (record.value ? std::string(asText(*record.value)) : "null") + ' '
            + std::to_string(record.headerCount) + '\n';
    }
    return cursor.ok() ? text : "damaged";
}

const std::string kRecords =
    "0@+0 k1=" + std::string(300, 'a') + " 0\n1@+5 null=hello 1\n" + "2@+1 k1=null 0\n";

} // namespace

class TestCompression : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void whatIsCompressedComesBack_data()
    {
        QTest::addColumn<int>("codec");
        QTest::addColumn<int>("size");
        for (int codec = 0; codec <= 4; ++codec) {
            for (const int size : {0, 1, 100, 32'768, 32'769, 300'000})
                QTest::addRow("codec %d, %d bytes", codec, size) << codec << size;
        }
    }
    void whatIsCompressedComesBack()
    {
        QFETCH(int, codec);
        QFETCH(int, size);
        const Bytes bytes = mixed(std::size_t(size));
        const Bytes packed = compressed(CompressionType(codec), bytes);
        Bytes out = bytesOf("before"); // what is there stays
        QVERIFY(decompress(CompressionType(codec), packed, out).has_value());
        QCOMPARE(Bytes(out.begin(), out.begin() + 6), bytesOf("before"));
        QCOMPARE(Bytes(out.begin() + 6, out.end()), bytes);
    }
    void framingIsThatOfKafkasJavaClient_data()
    {
        QTest::addColumn<int>("codec");
        QTest::addColumn<QByteArray>("front");
        QTest::newRow("gzip: RFC 1952, deflate, no name, no time")
            << 1 << QByteArray("1f8b08000000000000");
        QTest::newRow("snappy: Xerial, version 1, compatible with 1, one block of 7 bytes")
            << 2 << QByteArray("82534e415050590000000001000000010000000705");
        // 0x60: version 1, blocks independent; 0x40: blocks of 64 KiB; 0x82: the checksum of these.
        QTest::newRow("lz4: a frame of independent blocks") << 3 << QByteArray("04224d18604082");
        QTest::newRow("zstd: a frame") << 4 << QByteArray("28b52ffd");
    }
    void framingIsThatOfKafkasJavaClient()
    {
        QFETCH(int, codec);
        QFETCH(QByteArray, front);
        const std::string hex = toHex(compressed(CompressionType(codec), asBytes("hello")));
        QCOMPARE(QByteArray::fromStdString(hex.substr(0, std::size_t(front.size()))), front);
    }
    void rawSnappyIsReadToo() // as librdkafka writes it
    {
        Bytes out;
        // Length 5, then a literal of 5 bytes.
        QVERIFY(decompress(CompressionType::Snappy, *fromHex("051068656c6c6f"), out).has_value());
        QCOMPARE(out, bytesOf("hello"));
    }
    void severalFramesInARowAreOneStream_data()
    {
        QTest::addColumn<int>("codec");
        for (const int codec : {1, 3, 4})
            QTest::newRow(std::string(compressionName(CompressionType(codec))).c_str()) << codec;
    }
    void severalFramesInARowAreOneStream()
    {
        QFETCH(int, codec);
        const auto type = CompressionType(codec);
        Bytes both = compressed(type, asBytes("one "));
        compress(type, asBytes("two"), both);
        Bytes out;
        QVERIFY(decompress(type, both, out).has_value());
        QCOMPARE(out, bytesOf("one two"));
    }

    void whatIsCutOffIsCorrupt_data() { addCodecs(); }
    void whatIsCutOffIsCorrupt()
    {
        QFETCH(int, codec);
        const auto type = CompressionType(codec);
        const Bytes packed = compressed(type, mixed(500));
        for (std::size_t size = 0; size < packed.size(); ++size) {
            // Xerial's header alone is an empty stream.
            if (type == CompressionType::Snappy && size == 16)
                continue;
            Bytes out;
            const auto done = decompress(type, ByteView(packed).first(size), out);
            QVERIFY2(!done.has_value(), std::to_string(size).c_str());
            QVERIFY(done.error() == CompressionFault::Corrupt);
        }
    }
    void flippedBitsNeverHarm_data() { addCodecs(); }
    void flippedBitsNeverHarm()
    {
        QFETCH(int, codec);
        const auto type = CompressionType(codec);
        const Bytes packed = compressed(type, mixed(500));
        for (std::size_t bit = 0; bit < packed.size() * 8; ++bit) {
            Bytes wrong = packed;
            wrong[bit / 8] = static_cast<std::uint8_t>(wrong[bit / 8] ^ (1U << bit % 8));
            Bytes out;
            static_cast<void>(decompress(type, wrong, out, 4'096));
            QVERIFY(out.size() <= 4'096);
        }
    }
    void aBombIsRefusedBeforeItFillsTheMemory_data() { addCodecs(); }
    void aBombIsRefusedBeforeItFillsTheMemory()
    {
        QFETCH(int, codec);
        const auto type = CompressionType(codec);
        const Bytes packed = compressed(type, Bytes(1'000'000, 0));
        Bytes out;
        const auto done = decompress(type, packed, out, 100'000);
        QVERIFY(!done.has_value() && done.error() == CompressionFault::TooLarge);
        QVERIFY(out.size() <= 100'000);
    }
    void aBlockThatClaimsToBeHugeIsRefused()
    {
        Bytes out; // raw snappy of 2^32 - 1 bytes, which are not there
        const auto done = decompress(CompressionType::Snappy, *fromHex("ffffffff0f00"), out);
        QVERIFY(!done.has_value() && done.error() == CompressionFault::TooLarge);
        QVERIFY(out.empty());
    }

    void aCompressedBatchReadsLikeAPlainOne_data() { addCodecs(); }
    void aCompressedBatchReadsLikeAPlainOne()
    {
        QFETCH(int, codec);
        const Bytes batch = batchWith(CompressionType(codec));
        const BatchHeader header = checkBatch(batch).value();
        QCOMPARE(header.codec(), codec);
        QCOMPARE(header.recordCount, 3);
        QCOMPARE(header.lastOffsetDelta, 2);
        QCOMPARE(header.maxTimestamp, kT + 5);
        QVERIFY(batch.size() < batchWith(CompressionType::None).size());
        QCOMPARE(recordsIn(batch), kRecords);
        QCOMPARE(recordsIn(batchWith(CompressionType::None)), kRecords);
    }
    void aGzipBatchHasKafkasHeader() // facts 1.2, E: but for length and CRC, which zlib decides
    {
        BatchBuilder builder;
        builder.setCompression(CompressionType::Gzip);
        builder.append(1'700'000'000'000, asBytes("k1"), asBytes("v1"));
        const Bytes batch(builder.finish().begin(), builder.finish().end());
        const std::string hex = toHex(ByteView(batch).first(kBatchHeaderBytes));
        QCOMPARE(hex.substr(0, 16), std::string("0000000000000000")); // baseOffset
        QCOMPARE(hex.substr(32, 2), std::string("02")); // magic
        QCOMPARE(hex.substr(42),
            std::string("0001000000000000018bcfe568000000018bcfe56800ffffffffffffffffffffffffffff"
                        "00000001"));
    }
    void theCodecStaysForTheBatchesAfterIt()
    {
        BatchBuilder builder;
        builder.setCompression(CompressionType::Zstd);
        for (int i = 0; i < 2; ++i) {
            builder.reset();
            builder.append(kT, std::nullopt, asBytes("value"));
            const SharedBytes batch = builder.take();
            QCOMPARE(checkBatch(batch.view())->codec(), 4);
            QCOMPARE(recordsIn(batch.view()), std::string("0@+0 null=value 0\n"));
        }
        builder.setCompression(CompressionType::None);
        QCOMPARE(checkBatch(builder.finish())->codec(), 0);
    }
    void aCopyOfACursorReadsOn()
    {
        std::optional<RecordCursor> first(batchWith(CompressionType::Lz4));
        QVERIFY(first->next());
        RecordCursor copy = *first;
        first.reset();
        QVERIFY(copy.next());
        QCOMPARE(std::string(asText(*copy.record().value)), std::string("hello"));
    }
    void whatDoesNotUnpackHasNoRecords()
    {
        Bytes batch = batchWith(CompressionType::Zstd);
        batch[kBatchHeaderBytes] ^= 0xff;
        QCOMPARE(recordsIn(batch), std::string("damaged"));
        batch = batchWith(CompressionType::None);
        batch[22] = 5; // a codec that does not exist
        QCOMPARE(recordsIn(batch), std::string("damaged"));
    }

    void theLeaderRefusesWhatDoesNotHoldItsRecords_data()
    {
        QTest::addColumn<int>("codec");
        QTest::addColumn<int>("at");
        QTest::addColumn<QByteArray>("hex");
        for (int codec = 0; codec <= 4; ++codec) {
            const auto row = [codec](const char *name, int at, const char *hex) {
                QTest::addRow("codec %d: %s", codec, name) << codec << at << QByteArray(hex);
            };
            if (codec != 0) { // those of a plain batch are not walked
                row("more records than there are", 57, "00000004");
                row("fewer records than there are", 57, "00000002");
            }
            row("another codec", 21, codec == 3 ? "0004" : "0003");
            row("no codec at all", 21, "0007");
        }
    }
    void theLeaderRefusesWhatDoesNotHoldItsRecords()
    {
        QFETCH(int, codec);
        QFETCH(int, at);
        QFETCH(QByteArray, hex);
        Bytes batch = batchWith(CompressionType(codec));
        std::ranges::copy(*fromHex(hex.toStdString()), batch.begin() + at);
        const std::int32_t count = readBatchHeader(batch)->recordCount;
        storeBigEndian(batch.data() + 23, count - 1); // lastOffsetDelta agrees with the count
        storeBigEndian(batch.data() + 17, batchCrc(batch));
        Storage storage;
        PartitionLog log = storage.open();
        QCOMPARE(log.append(batch, 0, storage.context).error(), ErrorCode::InvalidRecord);
        QCOMPARE(log.logEndOffset(), 0);
    }
    void aTopicMayRefuseRecordsThatAreTooOld_data()
    {
        QTest::addColumn<int>("codec");
        for (const int codec : {0, 4})
            QTest::addRow("codec %d", codec) << codec;
    }
    void aTopicMayRefuseRecordsThatAreTooOld()
    {
        QFETCH(int, codec);
        Storage storage;
        LogConfig config;
        config.timestampBeforeMaxMs = 1'000;
        PartitionLog log = storage.open(config);
        const Bytes batch = batchWith(CompressionType(codec)); // at kT, kT + 5, kT + 1
        storage.setNow(kT + 1'000);
        QVERIFY(log.append(batch, 0, storage.context).has_value());
        storage.setNow(kT + 1'001);
        QCOMPARE(log.append(batch, 0, storage.context).error(), ErrorCode::InvalidTimestamp);
        config.logAppendTime = true; // the leader's own time is never too old
        log.configure(config);
        QVERIFY(log.append(batch, 0, storage.context).has_value());
    }
    void recordsThatComeInAWrongOrderAreRefused()
    {
        BatchBuilder builder; // two records of 9 bytes, plain, in order
        builder.append(kT, std::nullopt, asBytes("ab"));
        builder.append(kT, std::nullopt, asBytes("cd"));
        Bytes batch(builder.finish().begin(), builder.finish().end());
        const std::size_t recordBytes = (batch.size() - kBatchHeaderBytes) / 2;
        std::swap(batch[kBatchHeaderBytes + 3], batch[kBatchHeaderBytes + recordBytes + 3]);
        storeBigEndian(batch.data() + 17, batchCrc(batch));
        Storage storage;
        LogConfig config;
        config.compression = CompressionType::Lz4; // so that they are walked
        PartitionLog log = storage.open(config);
        QCOMPARE(log.append(batch, 0, storage.context).error(), ErrorCode::InvalidRecord);
    }
    void compressionTypeOfTheTopicDecides_data()
    {
        QTest::addColumn<int>("from");
        QTest::addColumn<int>("to");
        for (int from = 0; from <= 4; ++from) {
            for (int to = -1; to <= 4; ++to)
                QTest::addRow("%d to %d", from, to) << from << to;
        }
    }
    void compressionTypeOfTheTopicDecides()
    {
        QFETCH(int, from);
        QFETCH(int, to); // -1: `producer`
        Storage storage;
        LogConfig config;
        if (to >= 0)
            config.compression = CompressionType(to);
        PartitionLog log = storage.open(config);
        const Bytes batch = batchWith(CompressionType(from));
        log.append(batch, 4, storage.context).value();
        const Bytes stored = readAll(log, storage.files, 0);
        const BatchHeader header = checkBatch(stored).value();
        QCOMPARE(header.codec(), to < 0 ? from : to);
        QCOMPARE(header.partitionLeaderEpoch, 4);
        QCOMPARE(recordsIn(stored), kRecords);
        if (to < 0 || to == from) { // kept byte for byte
            QCOMPARE(
                Bytes(stored.begin() + 16, stored.end()), Bytes(batch.begin() + 16, batch.end()));
        }
    }
    void recompressionKeepsTheProducerAndStampsTheTime()
    {
        BatchBuilder builder;
        builder.setProducer(1000, 3, 7);
        builder.setTransactional(true);
        builder.append(kT, asBytes("k"), asBytes("v"));
        Storage storage;
        LogConfig config;
        config.compression = CompressionType::Gzip;
        config.logAppendTime = true;
        PartitionLog log = storage.open(config);
        storage.setNow(kT + 50);
        log.append(builder.finish(), 0, storage.context).value();
        const Bytes stored = readAll(log, storage.files, 0);
        const BatchHeader header = checkBatch(stored).value();
        QCOMPARE(header.attributes, std::int16_t{0x19}); // gzip, LogAppendTime, transactional
        QCOMPARE(header.producerId, 1000);
        QCOMPARE(header.producerEpoch, std::int16_t{3});
        QCOMPARE(header.baseSequence, 7);
        QCOMPARE(recordsIn(stored), std::string("0@+50 k=v 0\n"));
    }
    void whatUnpacksToMoreThanATopicTakesIsRefused()
    {
        BatchBuilder builder;
        builder.setCompression(CompressionType::Zstd);
        builder.append(kT, std::nullopt, asBytes(std::string(100'000, 'a')));
        Storage storage;
        LogConfig config;
        config.maxMessageBytes = 50'000;
        PartitionLog packed = storage.open(config);
        QVERIFY(packed.append(builder.finish(), 0, storage.context).has_value());
        config.compression = CompressionType::None;
        packed.configure(config);
        QCOMPARE(packed.append(builder.finish(), 0, storage.context).error(),
            ErrorCode::MessageTooLarge);
    }
    void aLookUpByTimeFindsTheRecordInACompressedBatch_data() { addCodecs(); }
    void aLookUpByTimeFindsTheRecordInACompressedBatch()
    {
        QFETCH(int, codec);
        Storage storage;
        PartitionLog log = storage.open();
        log.append(batchWith(CompressionType(codec)), 0, storage.context).value();
        const auto found = log.offsetForTime(kT + 1, INT64_MAX, storage.files).value();
        QCOMPARE(found.offset, 1);
        QCOMPARE(found.timestamp, kT + 5);
    }
};

QTEST_APPLESS_MAIN(TestCompression)
#include "tst_compression.moc"
