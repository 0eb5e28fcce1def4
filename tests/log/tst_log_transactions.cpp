#include "log_transaction_fixture.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::log;

namespace {

constexpr std::int16_t kMaxEpoch = std::numeric_limits<std::int16_t>::max();

/// Two batches of a transaction, or markers, fill a segment.
LogConfig twoBatchesASegment()
{
    LogConfig config;
    config.segmentBytes = std::int32_t(2 * inTransaction(0, 0, 0).size() + 20);
    return config;
}

std::string filesWith(Storage &storage, std::string_view suffix)
{
    std::string text;
    const auto names = storage.files.list("broker-1/orders-3").value();
    for (const std::string &name : names) {
        if (name.ends_with(suffix))
            text += (text.empty() ? "" : " ") + name.substr(18, 2);
    }
    return text;
}

/// Producer 7 has a transaction from 0 to 3 that is aborted, 8 one from 1 to 5 that is committed, 9
/// one from 4 on that is open.
void writeThreeTransactions(PartitionLog &log, Storage &storage)
{
    append(log, storage, inTransaction(7, 0, 0)); // 0
    append(log, storage, inTransaction(8, 0, 0)); // 1
    append(log, storage, inTransaction(7, 0, 1)); // 2
    mark(log, storage, 7, 0, false); // 3
    append(log, storage, inTransaction(9, 0, 0)); // 4
    mark(log, storage, 8, 0, true); // 5
}

constexpr const char *kThreeTransactions = "7/0 0..3 x2 abort, 8/0 1..5 x1 commit, 9/0 4.. x1 open";

} // namespace

class TestLogTransactions : public QObject {
    Q_OBJECT

private Q_SLOTS:
    // The bytes that Kafka's own classes wrote (facts: kafka.md 1.2, 1.5).

    void aTransactionIsKafkasBytes()
    {
        Storage storage;
        PartitionLog log = storage.open();
        log.restartAt(10, storage.context).value();
        BatchBuilder builder;
        builder.setProducer(1000, 3, 7);
        builder.setTransactional(true);
        builder.append(kT + 100, asBytes("a"), asBytes("1"));
        builder.append(kT + 100, asBytes("b"), asBytes("2"));
        log.append(builder.finish(), 2, storage.context).value();
        QCOMPARE(toHex(readAll(log, storage.files, 10)),
            std::string("000000000000000a00000043000000020257d177ac0010000000010000018bcfe568640000"
                        "018bcfe5686400000000000003e800030000000700000002100000000261023100100000"
                        "020262023200"));
        log.close(storage.context).value();
        QCOMPARE(storage.hexOf(Storage::path(12, ".snapshot")),
            std::string("000136ee5f2e0000000100000000000003e8000300000008000000000000000b0000000100"
                        "00018bcfe56864ffffffff000000000000000a"));
    }
    void markersAreKafkasBytes_data()
    {
        QTest::addColumn<bool>("committed");
        QTest::addColumn<QByteArray>("hex");
        QTest::newRow("commit")
            << true
            << QByteArray("000000000000000c000000420000000202ea9ca7120030000000000000018bcfe568c800"
                          "00018bcfe568c800000000000003e80003ffffffff000000012000000008000000010c00"
                          "000000000500");
        QTest::newRow("abort")
            << false
            << QByteArray("000000000000000c0000004200000002021ea2715a0030000000000000018bcfe568c800"
                          "00018bcfe568c800000000000003e80003ffffffff000000012000000008000000000c00"
                          "000000000500");
    }
    void markersAreKafkasBytes()
    {
        QFETCH(bool, committed);
        QFETCH(QByteArray, hex);
        Storage storage;
        PartitionLog log = storage.open();
        log.restartAt(12, storage.context).value();
        log.append(endTransactionBatch(
                       committed ? ControlType::Commit : ControlType::Abort, 1000, 3, 5, kT + 200),
               2, storage.context, AppendOrigin::Broker)
            .value();
        QCOMPARE(toHex(readAll(log, storage.files, 12)), hex.toStdString());
        const Bytes bytes = *fromHex(hex.toStdString());
        QVERIFY(readEndTransaction(*readBatchHeader(bytes), bytes)
            == (EndTransaction{.committed = committed, .coordinatorEpoch = 5}));
    }
    void theTransactionIndexIsKafkasBytes()
    {
        Storage storage;
        PartitionLog log = storage.open();
        log.restartAt(4, storage.context).value();
        append(log, storage, inTransaction(1000, 0, 0, 5)); // 4 to 8
        QVERIFY(!storage.files.exists(Storage::path(4, ".txnindex")));
        mark(log, storage, 1000, 0, false); // 9
        QCOMPARE(storage.hexOf(Storage::path(4, ".txnindex")),
            std::string("000000000000000003e800000000000000040000000000000009000000000000000a"));
    }
    void aCommitMakesNoIndex()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, inTransaction(7, 0, 0));
        mark(log, storage, 7, 0, true);
        mark(log, storage, 8, 0, false); // a transaction without records here
        log.close(storage.context).value();
        QCOMPARE(filesWith(storage, ".txnindex"), std::string());
        QCOMPARE(abortedIn(log, 0, 100), std::string());
    }
    void aDamagedTransactionIndexIsToldWhy_data()
    {
        QTest::addColumn<QByteArray>("hex");
        QTest::addColumn<QByteArray>("problem");
        const QByteArray good = "0000"
                                "0000000000000007"
                                "0000000000000000"
                                "0000000000000003"
                                "0000000000000001";
        QTest::newRow("torn") << good + "0000"
                              << QByteArray("36 bytes are no whole number of 34-byte entries");
        QTest::newRow("another version")
            << "0001" + good.mid(4) << QByteArray("entry 0 has unknown version 1");
        QTest::newRow("twice the same")
            << good + good << QByteArray("entry 1 has offsets out of order (0 to 3)");
        QTest::newRow("ends before it begins") << good.left(20) + "0000000000000004"
                + good.mid(36) << QByteArray("entry 0 has offsets out of order (4 to 3)");
    }
    void aDamagedTransactionIndexIsToldWhy()
    {
        QFETCH(QByteArray, hex);
        QFETCH(QByteArray, problem);
        QCOMPARE(parseTransactionIndex(*fromHex(hex.toStdString())).error(), problem.toStdString());
    }

    // What a leader refuses, as Kafka's ProducerAppendInfo (4.3). Nothing of it changes anything.

    void epochsAndMarkersFollowKafkasRules_data()
    {
        QTest::addColumn<int>("open"); // a transaction of producer 7, epoch 5, coordinator epoch 3
        QTest::addColumn<int>("epoch");
        QTest::addColumn<int>("coordinatorEpoch");
        QTest::addColumn<int>("version");
        QTest::addColumn<QByteArray>("answer");
        const auto row = [](const char *name, int open, int epoch, int coordinatorEpoch,
                             int version, const char *answer) {
            QTest::newRow(name) << open << epoch << coordinatorEpoch << version
                                << QByteArray(answer);
        };
        row("version 1, the same epoch", 1, 5, 3, 1, "3-3");
        row("version 1, a younger epoch", 1, 6, 3, 1, "3-3");
        row("version 1, an older epoch", 1, 4, 3, 1, "INVALID_PRODUCER_EPOCH");
        row("version 2, the same epoch", 1, 5, 3, 2, "INVALID_PRODUCER_EPOCH");
        row("version 2, the next epoch", 1, 6, 3, 2, "3-3");
        row("version 2, an older epoch", 1, 4, 3, 2, "INVALID_PRODUCER_EPOCH");
        row("version 2, once more after the end", 0, 5, 3, 2, "3-3");
        row("version 2, an older one after the end", 0, 4, 3, 2, "INVALID_PRODUCER_EPOCH");
        row("a younger coordinator", 1, 6, 4, 2, "3-3");
        row("an older coordinator", 1, 6, 2, 2, "TRANSACTION_COORDINATOR_FENCED");
        row("an older coordinator and epoch", 1, 4, 2, 1, "INVALID_PRODUCER_EPOCH");
    }
    void epochsAndMarkersFollowKafkasRules()
    {
        QFETCH(int, open);
        QFETCH(int, epoch);
        QFETCH(int, coordinatorEpoch);
        QFETCH(int, version);
        QFETCH(QByteArray, answer);
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, inTransaction(7, 5, 0)); // 0
        mark(log, storage, 7, 5, true, 3); // 1
        if (open != 0)
            append(log, storage, inTransaction(7, 5, 1)); // 2
        else
            append(log, storage, batchOf(1));
        const std::vector<ProducerEntry> before = log.producers();
        const std::string given = mark(log, storage, 7, std::int16_t(epoch), true, coordinatorEpoch,
            {.markerVersion = std::int16_t(version)});
        QCOMPARE(given, answer.toStdString());
        if (answer != "3-3") {
            QVERIFY(log.producers() == before);
            QCOMPARE(log.logEndOffset(), 3);
            QCOMPARE(log.hasOpenTransaction(7, 5), open != 0);
        } else {
            QCOMPARE(log.lastStableOffset(4), 4);
            QCOMPARE(log.producers().at(0).producerEpoch, epoch);
            QCOMPARE(log.producers().at(0).coordinatorEpoch, coordinatorEpoch);
        }
    }
    void theLastEpochOfAllEndsATransactionToo()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, inTransaction(7, kMaxEpoch, 0));
        QCOMPARE(
            mark(log, storage, 7, kMaxEpoch, false, 0, {.markerVersion = 2}), std::string("1-1"));
        QVERIFY(!log.hasOpenTransaction(7, kMaxEpoch));
    }
    void whileATransactionIsOpenItsProducerWritesNothingElse()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, inTransaction(7, 0, 0));
        QCOMPARE(append(log, storage, inTransaction(7, 0, 1, 1, false)),
            std::string("INVALID_TXN_STATE"));
        QCOMPARE(append(log, storage, inTransaction(8, 0, 0, 1, false)), std::string("1-1"));
        QCOMPARE(append(log, storage, inTransaction(7, 0, 1)), std::string("2-2"));
        mark(log, storage, 7, 0, true);
        QCOMPARE(append(log, storage, inTransaction(7, 0, 2, 1, false)), std::string("4-4"));
    }
    void anOldEpochWritesNothingMore()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, inTransaction(7, 0, 0));
        mark(log, storage, 7, 1, false, 0, {.markerVersion = 2}); // fenced by its coordinator
        QCOMPARE(
            append(log, storage, inTransaction(7, 0, 1)), std::string("INVALID_PRODUCER_EPOCH"));
        QCOMPARE(append(log, storage, inTransaction(7, 1, 1)),
            std::string("OUT_OF_ORDER_SEQUENCE_NUMBER"));
        QCOMPARE(append(log, storage, inTransaction(7, 1, 0)), std::string("2-2"));
        QVERIFY(log.hasOpenTransaction(7, 1));
        QVERIFY(!log.hasOpenTransaction(7, 0));
    }
    void aMarkerAloneMakesAnEpochKnown()
    {
        Storage storage;
        PartitionLog log = storage.open();
        QCOMPARE(mark(log, storage, 7, 4, false, 2), std::string("0-0"));
        QVERIFY(log.producers().at(0) == (ProducerEntry{7, 4, -1, -1, 0, kT, 2, -1}));
        QCOMPARE(
            append(log, storage, inTransaction(7, 3, 0)), std::string("INVALID_PRODUCER_EPOCH"));
        QCOMPARE(append(log, storage, inTransaction(7, 4, 9)),
            std::string("OUT_OF_ORDER_SEQUENCE_NUMBER"));
        log.close(storage.context).value();
        log = storage.open();
        QVERIFY(log.producers().at(0) == (ProducerEntry{7, 4, -1, -1, 0, kT, 2, -1}));
        QCOMPARE(append(log, storage, inTransaction(7, 4, 0)), std::string("1-1"));
    }
    void whereTheLeaderAddsThePartitionAProducerBeginsAtZero()
    {
        Storage storage;
        PartitionLog log = storage.open();
        const ProducerTerms terms{.beginsAtZero = true};
        QCOMPARE(append(log, storage, inTransaction(7, 0, 5), AppendOrigin::Client, terms),
            std::string("OUT_OF_ORDER_SEQUENCE_NUMBER"));
        QVERIFY(log.producers().empty());
        QCOMPARE(append(log, storage, inTransaction(8, 0, 5)), std::string("0-0"));
        QCOMPARE(append(log, storage, inTransaction(7, 0, 0), AppendOrigin::Client, terms),
            std::string("1-1"));
        QCOMPARE(append(log, storage, inTransaction(7, 0, 1), AppendOrigin::Client, terms),
            std::string("2-2"));
    }
    void aBatchDoesNotOvertakeAnEarlierOneThatWaitsWithIt()
    {
        Storage storage;
        PartitionLog log = storage.open();
        const ProducerTerms terms{.lowestSequence = 3};
        QCOMPARE(append(log, storage, inTransaction(7, 0, 4), AppendOrigin::Client, terms),
            std::string("OUT_OF_ORDER_SEQUENCE_NUMBER"));
        QCOMPARE(append(log, storage, inTransaction(7, 0, 3), AppendOrigin::Client, terms),
            std::string("0-0"));
    }
    void clientsWriteNoMarkers()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, inTransaction(7, 0, 0));
        QCOMPARE(append(log, storage, endTransactionBatch(ControlType::Commit, 7, 0, 0, kT)),
            std::string("INVALID_RECORD"));
        QVERIFY(log.hasOpenTransaction(7, 0));
    }
    void aCoordinatorsBatchesHaveNoSequence() // a group's offsets in a transaction
    {
        Storage storage;
        PartitionLog log = storage.open();
        const auto write = [&](std::int16_t epoch, bool transactional = true) {
            return append(
                log, storage, inTransaction(7, epoch, -1, 2, transactional), AppendOrigin::Broker);
        };
        QCOMPARE(write(2), std::string("0-1"));
        QCOMPARE(write(2), std::string("2-3"));
        QCOMPARE(write(1), std::string("INVALID_PRODUCER_EPOCH"));
        QCOMPARE(write(2, false), std::string("INVALID_TXN_STATE"));
        QVERIFY(log.producers().at(0) == (ProducerEntry{7, 2, -1, 3, 1, kT, -1, 0}));
        QCOMPARE(log.lastStableOffset(4), 0);
    }
    void aRetryOfABatchIsAnsweredBeforeAnythingElseIsAsked()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, inTransaction(7, 0, 0, 2));
        mark(log, storage, 7, 0, true);
        QCOMPARE(append(log, storage, inTransaction(7, 0, 0, 2)), std::string("0-1 again"));
        QVERIFY(!log.hasOpenTransaction(7, 0));
    }
    void anOpenTransactionKeepsItsProducer()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, inTransaction(7, 0, 0));
        append(log, storage, inTransaction(8, 0, 0));
        mark(log, storage, 8, 0, true);
        log.expireProducers(Instant{std::chrono::milliseconds{kT + 10'000}}, 1s);
        QCOMPARE(log.producers().size(), std::size_t{1});
        QVERIFY(log.hasOpenTransaction(7, 0));
        mark(log, storage, 7, 0, true); // at kT, its last sign of life
        log.expireProducers(Instant{std::chrono::milliseconds{kT + 10'000}}, 1s);
        QVERIFY(log.producers().empty());
    }

    // The last stable offset.

    void theLastStableOffsetStopsAtWhatIsNotDecided()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, batchOf(2)); // 0, 1
        QCOMPARE(log.lastStableOffset(2), 2);
        append(log, storage, inTransaction(7, 0, 0, 2)); // 2, 3
        append(log, storage, inTransaction(8, 0, 0)); // 4
        append(log, storage, batchOf(1)); // 5
        QCOMPARE(log.lastStableOffset(6), 2);
        QCOMPARE(log.lastStableOffset(1), 1); // never above the high watermark
        mark(log, storage, 7, 0, true); // 6
        // A marker that is not replicated decides nothing yet.
        QCOMPARE(log.lastStableOffset(6), 2);
        QCOMPARE(log.lastStableOffset(7), 4);
        log.highWatermarkMoved(7);
        QCOMPARE(log.lastStableOffset(7), 4);
        mark(log, storage, 8, 0, false); // 7
        QCOMPARE(log.lastStableOffset(7), 4);
        log.highWatermarkMoved(8);
        QCOMPARE(log.lastStableOffset(8), 8);
        QCOMPARE(transactionsOf(log), std::string("7/0 2..6 x2 commit, 8/0 4..7 x1 abort"));
        QCOMPARE(transactionsOf(log, 1), std::string("8/0 4..7 x1 abort"));
    }
    void onlySoManySettledTransactionsAreRemembered()
    {
        Storage storage;
        PartitionLog log = storage.open();
        for (std::int32_t i = 0; i < 40; ++i) {
            append(log, storage, inTransaction(7, 0, i));
            mark(log, storage, 7, 0, true);
        }
        QCOMPARE(log.transactions(100).size(), std::size_t{40});
        log.highWatermarkMoved(80);
        QCOMPARE(log.transactions(100).size(), std::size_t{32});
        QCOMPARE(log.transactions(100).front().firstOffset, 16);
    }
    void theLastStableOffsetIsNotBelowTheLogsStart()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, inTransaction(7, 0, 0, 4));
        log.raiseLogStartOffset(3);
        QCOMPARE(log.lastStableOffset(4), 3);
    }

    // Aborted transactions.

    void aReaderIsToldOfThoseThatHaveRecordsInWhatItGets_data()
    {
        QTest::addColumn<int>("from");
        QTest::addColumn<int>("to");
        QTest::addColumn<QByteArray>("aborted");
        const auto row = [](int from, int to, const char *aborted) {
            QTest::addRow("%d to %d", from, to) << from << to << QByteArray(aborted);
        };
        // 7 from 0 to 4, 8 from 1 to 3, 9 from 5 to 6.
        row(0, 1, "7@0");
        row(0, 2, "8@1 7@0");
        row(0, 7, "8@1 7@0 9@5");
        row(3, 4, "8@1 7@0");
        row(4, 5, "7@0");
        row(5, 6, "9@5");
        row(6, 7, "9@5");
        row(7, 9, "");
    }
    void aReaderIsToldOfThoseThatHaveRecordsInWhatItGets()
    {
        QFETCH(int, from);
        QFETCH(int, to);
        QFETCH(QByteArray, aborted);
        for (const bool inSegments : {false, true}) {
            Storage storage;
            const LogConfig config = inSegments ? twoBatchesASegment() : LogConfig{};
            PartitionLog log = storage.open(config);
            append(log, storage, inTransaction(7, 0, 0)); // 0
            append(log, storage, inTransaction(8, 0, 0)); // 1
            append(log, storage, batchOf(1)); // 2
            mark(log, storage, 8, 0, false); // 3
            mark(log, storage, 7, 0, false); // 4
            append(log, storage, inTransaction(9, 0, 0)); // 5
            mark(log, storage, 9, 0, false); // 6
            append(log, storage, batchOf(2)); // 7, 8
            QCOMPARE(abortedIn(log, from, to), aborted.toStdString());
            log.close(storage.context).value();
            QCOMPARE(filesWith(storage, ".txnindex"), std::string(inSegments ? "02 04 06" : "00"));
            QCOMPARE(abortedIn(storage.open(config), from, to), aborted.toStdString());
        }
    }

    // Other lives, other replicas.

    void transactionsComeBack_data()
    {
        QTest::addColumn<bool>("clean");
        QTest::addColumn<QByteArray>("lost"); // the suffix of files that are missing
        QTest::newRow("after a clean stop") << true << QByteArray();
        QTest::newRow("after an unclean stop") << false << QByteArray();
        QTest::newRow("without snapshots") << false << QByteArray(".snapshot");
        QTest::newRow("without transaction indexes") << false << QByteArray(".txnindex");
        QTest::newRow("without offset indexes") << true << QByteArray(".index");
    }
    void transactionsComeBack()
    {
        QFETCH(bool, clean);
        QFETCH(QByteArray, lost);
        for (const bool inSegments : {false, true}) {
            Storage storage;
            const LogConfig config = inSegments ? twoBatchesASegment() : LogConfig{};
            PartitionLog log = storage.open(config);
            writeThreeTransactions(log, storage);
            const std::vector<ProducerEntry> before = log.producers();
            QCOMPARE(transactionsOf(log), std::string(kThreeTransactions));
            if (clean)
                log.close(storage.context).value();
            else
                storage.files.closeAll("broker-1");
            if (!lost.isEmpty()) {
                const auto names = storage.files.list("broker-1/orders-3").value();
                for (const std::string &name : names) {
                    if (name.ends_with(lost.toStdString()))
                        storage.files.remove("broker-1/orders-3/" + name).value();
                }
            }
            log = storage.open(config, clean);
            QVERIFY(log.producers() == before);
            QCOMPARE(abortedIn(log, 0, 6), std::string("7@0"));
            QCOMPARE(log.lastStableOffset(6), 4);
            QVERIFY(log.hasOpenTransaction(9, 0));
            // What a snapshot does not keep, what has ended, is of no use any more; the records of
            // what is open are counted.
            QVERIFY(transactionsOf(log).ends_with("9/0 4.. x1 open"));
            QCOMPARE(filesWith(storage, ".txnindex"), std::string(inSegments ? "02" : "00"));
            mark(log, storage, 9, 0, false); // 6
            QCOMPARE(abortedIn(log, 0, 7), std::string("7@0 9@4"));
            QCOMPARE(log.lastStableOffset(7), 7);
        }
    }
    void aDamagedTransactionIndexIsMadeAnew_data()
    {
        QTest::addColumn<int>("at");
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<QByteArray>("note");
        QTest::newRow("another version")
            << 1 << QByteArray("\x05") << QByteArray("entry 0 has unknown version 5");
        QTest::newRow("longer") << 34 << QByteArray("\x05")
                                << QByteArray("35 bytes are no whole number of 34-byte entries");
        QTest::newRow("a marker elsewhere")
            << 25 << QByteArray("\x07") << QByteArray("has a marker outside the segment");
    }
    void aDamagedTransactionIndexIsMadeAnew()
    {
        QFETCH(int, at);
        QFETCH(QByteArray, bytes);
        QFETCH(QByteArray, note);
        Storage storage;
        PartitionLog log = storage.open(twoBatchesASegment());
        writeThreeTransactions(log, storage);
        log.close(storage.context).value();
        const std::string path = Storage::path(2, ".txnindex");
        const std::string before = storage.hexOf(path);
        storage.overwrite(path, std::uint64_t(at), asBytes(bytes.toStdString()));
        RecoveryReport report;
        log = storage.open(twoBatchesASegment(), true, &report);
        QCOMPARE(report.notes,
            std::vector<std::string>{"00000000000000000002.txnindex: " + note.toStdString()
                + "; made anew from the log"});
        QCOMPARE(storage.hexOf(path), before);
        QCOMPARE(abortedIn(log, 0, 6), std::string("7@0"));
    }
    void anIndexWithoutMarkersInItsSegmentGoes()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, batchOf(1));
        storage.files.closeAll("broker-1");
        const FileId file = storage.files.open(Storage::path(0, ".txnindex"), true).value();
        storage.files.writeAt(file, 0, Bytes(34)).value();
        storage.files.close(file);
        log = storage.open({}, false);
        QVERIFY(!storage.files.exists(Storage::path(0, ".txnindex")));
    }
    void whatACrashTookIsTakenBack()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, inTransaction(7, 0, 0)); // 0
        mark(log, storage, 7, 0, false); // 1
        append(log, storage, inTransaction(7, 0, 1)); // 2
        const std::uint64_t whole = log.sizeBytes();
        mark(log, storage, 7, 0, false); // 3
        storage.files.closeAll("broker-1");
        storage.cut(Storage::path(0, ".log"), whole + 40); // the marker is torn
        log = storage.open({}, false);
        QCOMPARE(log.logEndOffset(), 3);
        QCOMPARE(abortedIn(log, 0, 3), std::string("7@0"));
        QVERIFY(log.hasOpenTransaction(7, 0));
        QCOMPARE(log.lastStableOffset(3), 2);
        QCOMPARE(mark(log, storage, 7, 0, true), std::string("3-3"));
        QCOMPARE(abortedIn(log, 0, 4), std::string("7@0"));
    }
    void truncationOpensWhatHadEnded()
    {
        for (const bool inSegments : {false, true}) {
            Storage storage;
            PartitionLog log = storage.open(inSegments ? twoBatchesASegment() : LogConfig{});
            writeThreeTransactions(log, storage);
            log.truncateTo(5, storage.context).value();
            QCOMPARE(transactionsOf(log),
                std::string(inSegments ? "8/0 1.. x1 open, 9/0 4.. x1 open"
                                       : "7/0 0..3 x2 abort, 8/0 1.. x1 open, 9/0 4.. x1 open"));
            QCOMPARE(log.lastStableOffset(5), 1);
            QCOMPARE(abortedIn(log, 0, 5), std::string("7@0"));
            log.truncateTo(3, storage.context).value();
            QCOMPARE(abortedIn(log, 0, 3), std::string());
            QVERIFY(log.hasOpenTransaction(7, 0));
            QCOMPARE(log.lastStableOffset(3), 0);
            QCOMPARE(filesWith(storage, ".txnindex"), std::string());
            mark(log, storage, 7, 0, true);
            QCOMPARE(abortedIn(log, 0, 4), std::string());
            log.truncateTo(0, storage.context).value();
            QCOMPARE(transactionsOf(log), std::string());
            QCOMPARE(log.lastStableOffset(0), 0);
        }
    }
    void aLogThatBeginsAgainHasNoTransactions()
    {
        Storage storage;
        PartitionLog log = storage.open(twoBatchesASegment());
        writeThreeTransactions(log, storage);
        log.restartAt(2, storage.context).value(); // a segment began there
        QCOMPARE(transactionsOf(log), std::string());
        QCOMPARE(abortedIn(log, 0, 100), std::string());
        QCOMPARE(filesWith(storage, ".txnindex"), std::string());
        QCOMPARE(append(log, storage, inTransaction(7, 0, 0)), std::string("2-2"));
        log.close(storage.context).value();
        QCOMPARE(abortedIn(storage.open(), 2, 100), std::string());
    }
    void theIndexGoesWithItsSegment()
    {
        Storage storage;
        LogConfig config = twoBatchesASegment();
        config.retentionBytes = 0;
        PartitionLog log = storage.open(config);
        writeThreeTransactions(log, storage);
        QCOMPARE(log.deleteOldSegments(storage.context, 4), std::size_t{2});
        QVERIFY(!storage.files.exists(Storage::path(2, ".txnindex")));
        QVERIFY(storage.files.exists(Storage::path(2, ".txnindex.deleted")));
        QCOMPARE(abortedIn(log, 4, 6), std::string());
        storage.setNow(kT + config.fileDeleteDelayMs);
        log.deleteDelayed(storage.context);
        QVERIFY(!storage.files.exists(Storage::path(2, ".txnindex.deleted")));
        // The marker of 8 was not lost with the records of its transaction.
        storage.files.closeAll("broker-1");
        log = storage.open(config, false);
        QCOMPARE(log.lastStableOffset(6), 4);
        // One whose first records are gone is aborted all the same.
        append(log, storage, inTransaction(9, 0, 1)); // 6
        QCOMPARE(log.deleteOldSegments(storage.context, 6), std::size_t{1});
        mark(log, storage, 9, 0, false); // 7
        storage.files.closeAll("broker-1");
        log = storage.open(config, false);
        QCOMPARE(abortedIn(log, 6, 8), std::string("9@4"));
    }
    void aFollowerKnowsTheSame()
    {
        Storage leaderStorage;
        Storage storage;
        PartitionLog leader = leaderStorage.open();
        writeThreeTransactions(leader, leaderStorage);
        PartitionLog follower = storage.open(twoBatchesASegment());
        std::vector<SharedBytes> pieces;
        leader.read(0, INT64_MAX, UINT64_MAX, pieces, leaderStorage.files).value();
        follower.replicate(pieces, storage.context).value();
        QCOMPARE(transactionsOf(follower), std::string(kThreeTransactions));
        QVERIFY(follower.producers() == leader.producers());
        QCOMPARE(abortedIn(follower, 0, 6), std::string("7@0"));
        QCOMPARE(follower.lastStableOffset(6), 4);
        QCOMPARE(mark(follower, storage, 9, 0, true), std::string("6-6"));
    }
    void aCopyGoesOnByItself()
    {
        Storage storage;
        PartitionLog log = storage.open();
        writeThreeTransactions(log, storage);
        PartitionLog copy = log;
        const std::unique_ptr<Files> files = storage.files.clone();
        Context context{storage.context.now, storage.random, storage.trace, *files};
        copy.append(endTransactionBatch(ControlType::Abort, 9, 0, 0, kT), 0, context,
                AppendOrigin::Broker)
            .value();
        QCOMPARE(abortedIn(copy, 0, 7), std::string("7@0 9@4"));
        QCOMPARE(abortedIn(log, 0, 7), std::string("7@0"));
        QCOMPARE(mark(log, storage, 9, 0, true), std::string("6-6"));
    }
};

QTEST_APPLESS_MAIN(TestLogTransactions)
#include "tst_log_transactions.moc"
