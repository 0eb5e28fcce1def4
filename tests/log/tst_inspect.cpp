#include "engine/log/group_records.h"
#include "engine/log/inspect.h"
#include "engine/log/transaction_records.h"
#include "log_transaction_fixture.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::log;

namespace {

constexpr const char *kDirectory = "broker-1/orders-3";

/// Six batches in one segment with two index entries, closed in order.
void makeLog(Storage &storage)
{
    LogConfig config;
    config.indexIntervalBytes = 100;
    PartitionLog log = storage.open(config);
    for (std::int64_t i = 0; i < 6; ++i)
        log.append(batchAt({kT + 10 * i, kT + 10 * i + 1}, "1234"), 7, storage.context).value();
    log.close(storage.context).value();
}

/// Producer 7 aborts its transaction at 2, that of 8 is open.
void makeTransactionLog(Storage &storage)
{
    PartitionLog log = storage.open();
    append(log, storage, inTransaction(7, 0, 0)); // 0
    append(log, storage, inTransaction(8, 0, 0)); // 1
    mark(log, storage, 7, 1, false, 4); // 2
    log.close(storage.context).value();
}

/// One record, as a broker writes it to one of its own topics, in words.
std::string toldOf(const std::string &directory, const Bytes &key, std::optional<ByteView> value)
{
    Storage storage;
    PartitionLog log =
        PartitionLog::open(directory, LogConfig{}, true, storage.context, nullptr).value();
    BatchBuilder builder;
    builder.append(kT, key, value);
    log.append(builder.finish(), 0, storage.context).value();
    log.close(storage.context).value();
    const std::string text =
        inspect(storage.files, directory + "/00000000000000000000.log", {.records = true}).value();
    return text.substr(text.find("key: "));
}

int damagesIn(const std::string &text)
{
    return int(QString::fromStdString(text).count("\ndamaged: "));
}

} // namespace

class TestInspect : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aSoundPartitionIsTold()
    {
        Storage storage;
        makeLog(storage);
        const std::string text = inspect(storage.files, kDirectory).value();
        QVERIFY(text.contains("Dumping broker-1/orders-3/00000000000000000000.log\n"));
        QVERIFY(text.contains(
            "baseOffset: 2 lastOffset: 3 count: 2 baseSequence: -1 lastSequence: -1 producerId: -1 "
            "producerEpoch: -1 partitionLeaderEpoch: 7 isTransactional: false isControl: false "
            "position: 83 CreateTime: 1700000000011 size: 83 magic: 2 compresscodec: none crc: "));
        QVERIFY(text.contains("offset: 5 position: 166\noffset: 9 position: 332\n"));
        QVERIFY(text.contains("timestamp: 1700000000021 offset: 5\n"));
        QVERIFY(!text.contains("payload"));
        QCOMPARE(damagesIn(text), 0);
    }
    void recordsAreToldWhenAsked()
    {
        Storage storage;
        PartitionLog log = storage.open();
        BatchBuilder builder;
        const BatchBuilder::Header headers[] = {{"trace", asBytes("7")}, {"none", std::nullopt}};
        builder.append(kT, asBytes("k"), asBytes("line\nbreak"), headers);
        builder.append(kT + 1, std::nullopt, std::nullopt);
        log.append(builder.finish(), 0, storage.context).value();
        log.append(
               *fromHex("000000000000000c000000420000000202ea9ca7120030000000000000018bcfe568c80000"
                        "018bcfe568c800000000000003e80003ffffffff000000012000000008000000010c000000"
                        "00000500"),
               2, storage.context, AppendOrigin::Broker)
            .value();
        const std::string text = inspect(storage.files, kDirectory, {.records = true}).value();
        QVERIFY(
            text.contains("| offset: 0 CreateTime: 1700000000000 keySize: 1 valueSize: 10 headers: "
                          "[trace=7, none=null] key: k payload: line\\x0abreak\n"));
        QVERIFY(text.contains("| offset: 1 CreateTime: 1700000000001 keySize: -1 valueSize: -1 "
                              "headers: [] key: null payload: null\n"));
        QVERIFY(text.contains("endTxnMarker: COMMIT coordinatorEpoch: 5\n"));
    }
    void oneFileCanBeAskedFor()
    {
        Storage storage;
        makeLog(storage);
        const std::string text = inspect(storage.files, Storage::path(0, ".index")).value();
        QCOMPARE(text,
            std::string("Dumping broker-1/orders-3/00000000000000000000.index\n"
                        "offset: 5 position: 166\noffset: 9 position: 332\n"));
    }
    void aBoundOnBatchesIsKept()
    {
        Storage storage;
        makeLog(storage);
        const std::string text =
            inspect(storage.files, Storage::path(0, ".log"), {.maxBatches = 2}).value();
        QCOMPARE(QString::fromStdString(text).count("baseOffset:"), 2);
        QVERIFY(text.ends_with("... 332 bytes more\n"));
    }
    void damageIsNamedWithFileAndPosition_data()
    {
        QTest::addColumn<QByteArray>("suffix");
        QTest::addColumn<qint64>("position");
        QTest::addColumn<QByteArray>("hex"); // empty: cut the file there
        QTest::addColumn<QByteArray>("said");
        const auto row = [](const char *name, const char *suffix, qint64 position, const char *hex,
                             const char *said) {
            QTest::newRow(name) << QByteArray(suffix) << position << QByteArray(hex)
                                << QByteArray(said);
        };
        row("crc", ".log", 83 + 70, "ff", "the batch at position 83 does not have the CRC it says");
        row("offset", ".log", 83 + 7, "00",
            "the batch at position 83 has offset 0, at least 2 was due");
        row("magic", ".log", 83 + 16, "05", "the batch at position 83 has no sound header");
        row("cut", ".log", 490, "", "the batch at position 415 is cut off; 75 bytes");
        row("half an entry", ".index", 11, "", "3 bytes at position 8 are not a whole entry");
        row("no batch there", ".index", 4, "000000a7",
            "the entry at position 0 leads to no sound batch");
        row("out of the log", ".index", 12, "7fffffff",
            "the entry at position 8 leads out of the log");
        row("wrong offset", ".index", 0, "00000004",
            "the entry at position 0 leads to a batch that ends with offset 5");
        row("goes back", ".index", 8, "00000001", "the entry at position 8 does not go up");
        row("time goes back", ".timeindex", 12, "0000000000000001",
            "the entry at position 12 does not go up");
        row("no such offset", ".timeindex", 8, "00000004",
            "the entry at position 0 names no batch's last offset");
        row("wrong time", ".timeindex", 7, "16", "the entry at position 0 names a batch of time");
    }
    void damageIsNamedWithFileAndPosition()
    {
        QFETCH(QByteArray, suffix);
        QFETCH(qint64, position);
        QFETCH(QByteArray, hex);
        QFETCH(QByteArray, said);
        Storage storage;
        makeLog(storage);
        const std::string path = Storage::path(0, suffix.toStdString());
        if (hex.isEmpty())
            storage.cut(path, std::uint64_t(position));
        else
            storage.overwrite(path, std::uint64_t(position), *fromHex(hex.toStdString()));
        const std::string text = inspect(storage.files, kDirectory).value();
        const std::string expected = "damaged: " + path + ": " + said.toStdString();
        QVERIFY2(text.contains(expected), text.c_str());
    }
    void zeroesBehindTheEntriesAreKafkasRoomForMore()
    {
        Storage storage;
        makeLog(storage);
        storage.overwrite(Storage::path(0, ".index"), 16, Bytes(800, 0));
        storage.overwrite(Storage::path(0, ".timeindex"), 36, Bytes(1'200, 0));
        QCOMPARE(damagesIn(inspect(storage.files, kDirectory).value()), 0);
    }
    void anIndexAloneIsToldButNotChecked()
    {
        Storage storage;
        makeLog(storage);
        storage.files.remove(Storage::path(0, ".log")).value();
        const std::string text = inspect(storage.files, kDirectory).value();
        QVERIFY(text.contains("offset: 5 position: 166\n"));
        QCOMPARE(damagesIn(text), 2);
    }
    void directoriesAboveAPartitionAreWalked()
    {
        Storage storage;
        makeLog(storage);
        QVERIFY(inspect(storage.files, "").value().contains("Log starting offset: 0"));
    }
    void whatIsNoLogIsAnErrorWithARemedy()
    {
        Storage storage;
        storage.files.createDirectories("empty").value();
        storage.files.close(storage.files.open("notes.txt", true).value());
        for (const char *path : {"nowhere", "empty", "notes.txt"}) {
            const auto text = inspect(storage.files, path);
            QVERIFY(!text.has_value());
            QCOMPARE(text.error().place, std::string(path));
            QVERIFY(!text.error().remedy.empty());
        }
    }
    void compressedRecordsAreShownLikeOthers()
    {
        Storage storage;
        PartitionLog log = storage.open();
        BatchBuilder builder;
        for (const CompressionType type : {CompressionType::Gzip, CompressionType::Snappy,
                 CompressionType::Lz4, CompressionType::Zstd}) {
            builder.reset();
            builder.setCompression(type);
            builder.append(kT, asBytes("k"), asBytes(compressionName(type)));
            log.append(builder.finish(), 0, storage.context).value();
        }
        log.close(storage.context).value();
        const std::string text = inspect(storage.files, kDirectory, {.records = true}).value();
        QVERIFY(text.contains("compresscodec: zstd"));
        for (const char *name : {"gzip", "snappy", "lz4", "zstd"})
            QVERIFY(text.contains(std::string("headers: [] key: k payload: ") + name + '\n'));
        QCOMPARE(damagesIn(text), 0);
    }
    void smallFilesAreShownAndChecked_data()
    {
        QTest::addColumn<QByteArray>("name");
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<QByteArray>("said");
        const auto row = [](const char *test, const char *name, const char *content,
                             const char *said) {
            QTest::newRow(test) << QByteArray(name) << QByteArray(content) << QByteArray(said);
        };
        row("epochs", "leader-epoch-checkpoint", "0\n2\n0 0\n3 17\n",
            "leaderEpoch: 0 startOffset: 0\nleaderEpoch: 3 startOffset: 17\n");
        row("epochs, cut", "leader-epoch-checkpoint", "0\n2\n0 0\n",
            "damaged: p/leader-epoch-checkpoint: 1 entries where line 2 says 2\n");
        row("offsets", "replication-offset-checkpoint", "0\n1\norders 3 42\n",
            "topic: orders partition: 3 offset: 42\n");
        row("offsets of a newer format", "log-start-offset-checkpoint", "1\n0\n",
            "damaged: p/log-start-offset-checkpoint: line 1: unknown version '1', not 0\n");
        row("offsets, half a line", "recovery-point-offset-checkpoint", "0\n2\norders 3 42\nor 1",
            "topic: orders partition: 3 offset: 42\n"
            "damaged: p/recovery-point-offset-checkpoint: line 4: not a topic, a partition and an "
            "offset\n");
        row("offsets, too few", "recovery-point-offset-checkpoint", "0\n2\norders 3 42\n",
            "topic: orders partition: 3 offset: 42\n"
            "damaged: p/recovery-point-offset-checkpoint: 1 entries where line 2 says 2\n");
        row("offsets, empty", "cleaner-offset-checkpoint", "",
            "damaged: p/cleaner-offset-checkpoint: line 1: unknown version '', not 0\n");
        row("partition", "partition.metadata", "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\n",
            "version: 0\ntopic_id: AAAAAAAAAAAAAAAAAAAAAQ\n");
        row("partition, without id", "partition.metadata", "version: 0\n",
            "version: 0\ndamaged: p/partition.metadata: no topic_id of 22 characters\n");
        row("broker", "meta.properties", "#made\nversion=1\ncluster.id=c\nnode.id=1\n",
            "version=1\ncluster.id=c\nnode.id=1\n");
        row("broker of a newer format", "meta.properties", "version=2\ncluster.id=c\nnode.id=1\n",
            "version=2\ncluster.id=c\nnode.id=1\ndamaged: p/meta.properties: version 2 is not "
            "known, "
            "only 1: another release wrote this directory\n");
        row("quorum", "quorum-state",
            "{\"leaderId\":1,\"leaderEpoch\":2,\"votedId\":-1,\"data_version\":1}",
            "{\"leaderId\":1,\"leaderEpoch\":2,\"votedId\":-1,\"data_version\":1}\n");
        row("quorum, cut", "quorum-state", "{\"leaderId\":1,\"leaderEpoch\":2,\"votedId\":-1",
            "{\"leaderId\":1,\"leaderEpoch\":2,\"votedId\":-1\n"
            "damaged: p/quorum-state: not a JSON object\n"
            "damaged: p/quorum-state: no data_version\n");
        row("producers, cut", "00000000000000000007.snapshot", "x",
            "damaged: p/00000000000000000007.snapshot: 1 bytes are no header\n");
    }
    void smallFilesAreShownAndChecked()
    {
        QFETCH(QByteArray, name);
        QFETCH(QByteArray, content);
        QFETCH(QByteArray, said);
        Storage storage;
        storage.files.createDirectories("p").value();
        const std::string path = "p/" + name.toStdString();
        replaceFile(storage.files, path, asBytes(content.toStdString())).value();
        QCOMPARE(
            inspect(storage.files, path).value(), "Dumping " + path + '\n' + said.toStdString());
    }
    void aProducerSnapshotIsShownInTheDumpToolsWords()
    {
        Storage storage;
        PartitionLog log = storage.open();
        BatchBuilder builder;
        builder.setProducer(1000, 3, 7);
        builder.append(kT, asBytes("a"), asBytes("1"));
        builder.append(kT + 1, asBytes("b"), asBytes("2"));
        log.append(builder.finish(), 0, storage.context).value();
        log.close(storage.context).value();
        QCOMPARE(inspect(storage.files, Storage::path(2, ".snapshot")).value(),
            std::string(
                "Dumping broker-1/orders-3/00000000000000000002.snapshot\n"
                "producerId: 1000 producerEpoch: 3 coordinatorEpoch: -1 "
                "currentTxnFirstOffset: none firstSequence: 7 lastSequence: 8 lastOffset: 1 "
                "offsetDelta: 1 timestamp: 1700000000001\n"));
    }
    void transactionsAreTold()
    {
        Storage storage;
        makeTransactionLog(storage);
        const std::string text = inspect(storage.files, kDirectory).value();
        QVERIFY(text.contains(
            "version: 0 producerId: 7 firstOffset: 0 lastOffset: 2 lastStableOffset: 1\n"));
        QVERIFY(text.contains(" isvalid: true endTxnMarker: ABORT coordinatorEpoch: 4\n"));
        QVERIFY(text.contains("producerId: 7 producerEpoch: 1 coordinatorEpoch: 4 "
                              "currentTxnFirstOffset: none firstSequence: -1 lastSequence: -1 "
                              "lastOffset: -1 offsetDelta: 0 "));
        QVERIFY(text.contains("producerId: 8 producerEpoch: 0 coordinatorEpoch: -1 "
                              "currentTxnFirstOffset: 1 "));
        QCOMPARE(damagesIn(text), 0);
    }
    void aDamagedTransactionIndexIsNamed_data()
    {
        QTest::addColumn<qint64>("position");
        QTest::addColumn<QByteArray>("hex"); // empty: cut the file there
        QTest::addColumn<QByteArray>("said");
        const auto row = [](const char *name, qint64 position, const char *hex, const char *said) {
            QTest::newRow(name) << position << QByteArray(hex) << QByteArray(said);
        };
        row("cut", 30, "", "30 bytes are no whole number of 34-byte entries");
        row("version", 0, "0003", "entry 0 has unknown version 3");
        row("another producer", 9, "09", "no ABORT marker of producer 9 at offset 2");
        row("no marker there", 25, "01", "no ABORT marker of producer 7 at offset 1");
        row("behind the log", 25, "63", "no ABORT marker of producer 7 at offset 99");
    }
    void aDamagedTransactionIndexIsNamed()
    {
        QFETCH(qint64, position);
        QFETCH(QByteArray, hex);
        QFETCH(QByteArray, said);
        Storage storage;
        makeTransactionLog(storage);
        const std::string path = Storage::path(0, ".txnindex");
        if (hex.isEmpty())
            storage.cut(path, std::uint64_t(position));
        else
            storage.overwrite(path, std::uint64_t(position), *fromHex(hex.toStdString()));
        const std::string text = inspect(storage.files, path).value();
        const std::string expected = "damaged: " + path + ": " + said.toStdString() + '\n';
        QVERIFY2(text.contains(expected), text.c_str());
    }
    void recordsOfCoordinatorsAreToldInWords()
    {
        TransactionMetadata metadata{.producerId = 7,
            .producerEpoch = 2,
            .timeoutMs = 60'000,
            .state = TransactionState::Ongoing,
            .partitions = {{"orders", 0}, {"orders", 3}},
            .lastUpdateMs = kT};
        const Bytes transaction = encodeTransactionKey("pay");
        QCOMPARE(toldOf("__transaction_state-3", transaction, encodeValue(metadata, 2)),
            std::string("key: transaction_metadata::transactionalId=pay payload: "
                        "producerId:7,producerEpoch:2,state=Ongoing,partitions=[orders-0, "
                        "orders-3],txnLastUpdateTimestamp=1700000000000,txnTimeoutMs=60000\n"));
        QCOMPARE(toldOf("__transaction_state-3", transaction, std::nullopt),
            std::string("key: transaction_metadata::transactionalId=pay payload: <DELETE>\n"));
        QCOMPARE(toldOf("__consumer_offsets-0", encodeKey(OffsetKey{"shop", {"orders", 1}}),
                     encodeValue(Commit{.offset = 5})),
            std::string("key: offset_commit::group=shop,partition=orders-1 payload: offset=5\n"));
        QCOMPARE(toldOf("__consumer_offsets-0", encodeKey(GroupKey{"shop\x1b"}),
                     encodeValue(GroupMetadata{.protocolType = "consumer", .generation = 3})),
            std::string("key: group_metadata::group=shop? payload: protocolType=consumer,"
                        "protocol=none,generationId=3,members=[]\n"));
        // What is not understood is shown as it is.
        QCOMPARE(toldOf("__transaction_state-3", Bytes{0, 9}, asBytes("v")),
            std::string("key: \\x00\\x09 payload: v\n"));
        QVERIFY(toldOf("orders-3", transaction, asBytes("v")).ends_with("payload: v\n"));
    }
    void noDamageCrashesIt_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 300; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void noDamageCrashesIt()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        Storage storage;
        if (seed % 2 == 0)
            makeLog(storage);
        else
            makeTransactionLog(storage);
        for (const char *suffix : {".log", ".index", ".timeindex", ".txnindex"}) {
            const std::string path = Storage::path(0, suffix);
            if (!storage.files.exists(path))
                continue;
            const FileId file = storage.files.open(path, false).value();
            Bytes bytes = readWhole(storage.files, file).value();
            storage.files.close(file);
            for (std::uint64_t change = bytes.empty() ? 0 : random.below(6); change > 0; --change) {
                bytes[random.below(bytes.size())] = static_cast<std::uint8_t>(random.next());
            }
            storage.overwrite(path, 0, bytes);
            if (!bytes.empty() && random.chance(0.3))
                storage.cut(path, random.below(bytes.size()));
        }
        QVERIFY(inspect(storage.files, kDirectory, {.records = true}).has_value());
    }
};

QTEST_APPLESS_MAIN(TestInspect)
#include "tst_inspect.moc"
