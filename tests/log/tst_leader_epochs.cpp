#include "storage_fixture.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::log;

namespace {

const std::string kCheckpoint = "broker-1/orders-3/leader-epoch-checkpoint";

/// "5:0 6:10": the epochs and where they begin.
std::string startsOf(const LeaderEpochs &epochs)
{
    std::string text;
    for (const LeaderEpochs::Start &start : epochs.starts()) {
        if (!text.empty())
            text += ' ';
        text += std::to_string(start.epoch) + ':' + std::to_string(start.offset);
    }
    return text;
}

LeaderEpochs epochsOf(std::initializer_list<LeaderEpochs::Start> starts)
{
    LeaderEpochs epochs;
    for (const auto &[epoch, offset] : starts)
        epochs.begin(epoch, offset);
    return epochs;
}

std::string fileText(Storage &storage, const std::string &path = kCheckpoint)
{
    const FileId file = storage.files.open(path, false).value();
    const Bytes bytes = readWhole(storage.files, file).value();
    storage.files.close(file);
    return std::string(asText(bytes));
}

void writeFile(Storage &storage, std::string_view text)
{
    replaceFile(storage.files, kCheckpoint, asBytes(text)).value();
}

/// Ten records for each of these epochs.
void append(PartitionLog &log, Storage &storage, std::initializer_list<std::int32_t> epochs)
{
    for (const std::int32_t epoch : epochs)
        log.append(batchOf(10), epoch, storage.context).value();
}

std::string endText(const EpochEnd &end)
{
    return std::to_string(end.epoch) + ' ' + std::to_string(end.endOffset);
}

} // namespace

class TestLeaderEpochs : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theFileIsKafkasText()
    {
        const LeaderEpochs epochs = epochsOf({{0, 0}, {3, 17}});
        QCOMPARE(epochs.text(), std::string("0\n2\n0 0\n3 17\n"));
        QCOMPARE(LeaderEpochs::parse(epochs.text()).value(), epochs);
        QCOMPARE(LeaderEpochs::parse("0\n0\n").value(), LeaderEpochs());
    }
    void aDamagedFileIsToldByItsLine_data()
    {
        QTest::addColumn<QByteArray>("text");
        QTest::addColumn<QByteArray>("problem");
        const auto row = [](const char *name, const char *text, const char *problem) {
            QTest::newRow(name) << QByteArray(text) << QByteArray(problem);
        };
        row("empty", "", "line 1: unknown version '', not 0");
        row("of a newer format", "1\n0\n", "line 1: unknown version '1', not 0");
        row("no count", "0\n", "line 2: not a number of entries");
        row("too few", "0\n2\n0 0\n", "1 entries where line 2 says 2");
        row("too many", "0\n1\n0 0\n1 5\n", "2 entries where line 2 says 1");
        row("half an entry", "0\n1\n7\n", "line 3: not an epoch and an offset");
        row("negative", "0\n1\n-1 0\n", "line 3: not an epoch and an offset");
        row("not a number", "0\n1\n1 x\n", "line 3: not an epoch and an offset");
        row("more than a number", "0\n1\n1 2 3\n", "line 3: not an epoch and an offset");
        row("epochs go back", "0\n2\n5 0\n4 9\n", "line 4: does not go up");
        row("offsets go back", "0\n2\n5 9\n6 9\n", "line 4: does not go up");
    }
    void aDamagedFileIsToldByItsLine()
    {
        QFETCH(QByteArray, text);
        QFETCH(QByteArray, problem);
        const auto parsed = LeaderEpochs::parse(text.toStdString());
        QVERIFY(!parsed.has_value());
        QCOMPARE(parsed.error(), problem.toStdString());
    }
    void onlyANewerEpochBeginsAndAnEmptyOneGivesWay()
    {
        LeaderEpochs epochs = epochsOf({{0, 0}, {2, 10}});
        QVERIFY(!epochs.begin(2, 15));
        QVERIFY(!epochs.begin(1, 15));
        QVERIFY(!epochs.begin(-1, 15));
        QVERIFY(epochs.begin(4, 10));
        QCOMPARE(startsOf(epochs), std::string("0:0 4:10"));
    }
    void theEndOfAnEpochFollowsKafkasRules_data()
    {
        QTest::addColumn<int>("epoch");
        QTest::addColumn<QByteArray>("end");
        QTest::newRow("undefined") << -1 << QByteArray("-1 -1");
        QTest::newRow("older than all") << 1 << QByteArray("1 5");
        QTest::newRow("known") << 2 << QByteArray("2 10");
        QTest::newRow("skipped: the next older one") << 3 << QByteArray("2 10");
        QTest::newRow("next to the newest") << 4 << QByteArray("4 20");
        QTest::newRow("the newest ends with the log") << 7 << QByteArray("7 33");
        QTest::newRow("newer than all") << 8 << QByteArray("-1 -1");
    }
    void theEndOfAnEpochFollowsKafkasRules()
    {
        QFETCH(int, epoch);
        QFETCH(QByteArray, end);
        const LeaderEpochs epochs = epochsOf({{2, 5}, {4, 10}, {7, 20}});
        QCOMPARE(endText(epochs.endOf(epoch, 33)), end.toStdString());
    }
    void withoutEpochsNothingIsKnown()
    {
        QCOMPARE(endText(LeaderEpochs().endOf(0, 33)), std::string("-1 -1"));
        QCOMPARE(LeaderEpochs().latest(), -1);
        QCOMPARE(LeaderEpochs().at(0), -1);
    }
    void anOffsetHasTheEpochThatBeganLastBefore()
    {
        const LeaderEpochs epochs = epochsOf({{2, 5}, {4, 10}});
        QCOMPARE(epochs.at(4), -1);
        QCOMPARE(epochs.at(5), 2);
        QCOMPARE(epochs.at(9), 2);
        QCOMPARE(epochs.at(10), 4);
    }
    void cutsAreThoseOfTheLog_data()
    {
        QTest::addColumn<bool>("front");
        QTest::addColumn<int>("offset");
        QTest::addColumn<QByteArray>("left");
        QTest::newRow("end in the last epoch") << false << 25 << QByteArray("2:5 4:10 7:20");
        QTest::newRow("end where the last begins") << false << 20 << QByteArray("2:5 4:10");
        QTest::newRow("end inside") << false << 12 << QByteArray("2:5 4:10");
        QTest::newRow("end before all") << false << 5 << QByteArray("");
        QTest::newRow("front before all") << true << 3 << QByteArray("2:5 4:10 7:20");
        QTest::newRow("front at the first") << true << 5 << QByteArray("2:5 4:10 7:20");
        QTest::newRow("front in the first") << true << 9 << QByteArray("2:9 4:10 7:20");
        QTest::newRow("front at the second") << true << 10 << QByteArray("4:10 7:20");
        QTest::newRow("front in the last") << true << 99 << QByteArray("7:99");
    }
    void cutsAreThoseOfTheLog()
    {
        QFETCH(bool, front);
        QFETCH(int, offset);
        QFETCH(QByteArray, left);
        const LeaderEpochs before = epochsOf({{2, 5}, {4, 10}, {7, 20}});
        LeaderEpochs epochs = before;
        const bool changed = front ? epochs.cutFront(offset) : epochs.cutEnd(offset);
        QCOMPARE(startsOf(epochs), left.toStdString());
        QCOMPARE(changed, !(epochs == before));
    }

    void anAppendNotesANewerEpoch()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, {0, 0, 3, 2, 3});
        QCOMPARE(fileText(storage), std::string("0\n2\n0 0\n3 20\n"));
        QCOMPARE(log.latestEpoch(), 3);
        QCOMPARE(log.epochAt(19), 0);
        QCOMPARE(log.epochAt(20), 3);
        QCOMPARE(log.epochAt(50), -1); // no record there
        QCOMPARE(endText(log.endOfEpoch(0)), std::string("0 20"));
        QCOMPARE(endText(log.endOfEpoch(3)), std::string("3 50"));
    }
    void aLeaderBeginsItsEpochAtTheEndOfTheLog()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, {5});
        log.beginEpoch(6, storage.context).value();
        QCOMPARE(fileText(storage), std::string("0\n2\n5 0\n6 10\n"));
        QCOMPARE(log.latestEpoch(), 6);
        QCOMPARE(endText(log.endOfEpoch(5)), std::string("5 10")); // facts 5, worked failover
        log.beginEpoch(5, storage.context).value();
        QCOMPARE(log.latestEpoch(), 6);
    }
    void anEpochOfAnEmptyLogIsWrittenWithItsFirstRecord()
    {
        Storage storage;
        PartitionLog log = storage.open();
        log.beginEpoch(4, storage.context).value();
        QCOMPARE(log.latestEpoch(), 4);
        QVERIFY(!storage.files.exists(kCheckpoint));
        append(log, storage, {4});
        QCOMPARE(fileText(storage), std::string("0\n1\n4 0\n"));
    }
    void truncationAndDeletedRecordsCutTheEpochs()
    {
        Storage storage;
        LogConfig config;
        config.segmentBytes = std::int32_t(2 * batchOf(10).size());
        PartitionLog log = storage.open(config);
        append(log, storage, {0, 1, 2, 3, 4});
        log.truncateTo(35, storage.context).value(); // in a batch of epoch 3: it goes whole
        QCOMPARE(log.latestEpoch(), 2);
        QCOMPARE(log.logEndOffset(), 30);
        log.raiseLogStartOffset(15);
        QCOMPARE(log.epochAt(15), 1);
        QCOMPARE(log.epochAt(14), -1);
        append(log, storage, {2}); // no new epoch, but the file has to follow before it
        QCOMPARE(fileText(storage), std::string("0\n2\n1 15\n2 20\n"));
        log.truncateTo(0, storage.context).value();
        QCOMPARE(log.latestEpoch(), -1);
        log.close(storage.context).value();
        QCOMPARE(fileText(storage), std::string("0\n0\n"));
    }
    void epochsComeBackAsTheyWere_data()
    {
        QTest::addColumn<bool>("clean");
        QTest::addColumn<QByteArray>("file");
        QTest::addColumn<int>("notes");
        for (const bool clean : {true, false}) {
            const auto row = [clean](const char *name, const char *file, int notes) {
                QTest::addRow("%s, %s stop", name, clean ? "clean" : "unclean")
                    << clean << QByteArray(file) << notes;
            };
            row("as written", "0\n3\n0 0\n2 10\n5 30\n", 0);
            row("missing", "", 0);
            row("damaged", "0\n3\n0 0\n2 1", clean ? 1 : 0); // else it is not read
        }
        QTest::newRow("behind the log") << false << QByteArray("0\n1\n0 0\n") << 0;
        QTest::newRow("of records that a crash took back")
            << false << QByteArray("0\n2\n0 0\n7 20\n") << 0;
        QTest::newRow("ahead of the log")
            << false << QByteArray("0\n4\n0 0\n2 10\n5 30\n6 40\n") << 0;
    }
    void epochsComeBackAsTheyWere()
    {
        QFETCH(bool, clean);
        QFETCH(QByteArray, file);
        QFETCH(int, notes);
        Storage storage;
        LogConfig config;
        config.segmentBytes = std::int32_t(3 * batchOf(10).size());
        PartitionLog log = storage.open(config);
        append(log, storage, {0, 2, 2, 5});
        log.close(storage.context).value();
        if (file.isEmpty())
            storage.files.remove(kCheckpoint).value();
        else
            writeFile(storage, file.toStdString());
        RecoveryReport report;
        PartitionLog again = storage.open(config, clean, &report);
        QCOMPARE(report.notes.size(), std::size_t(notes));
        if (notes > 0) {
            QCOMPARE(report.notes[0],
                std::string("leader-epoch-checkpoint: 2 entries where line 2 says 3; made anew "
                            "from the log"));
        }
        QCOMPARE(again.latestEpoch(), 5);
        QCOMPARE(endText(again.endOfEpoch(0)), std::string("0 10"));
        QCOMPARE(endText(again.endOfEpoch(2)), std::string("2 30"));
        append(again, storage, {5});
        again.close(storage.context).value();
        QCOMPARE(fileText(storage), std::string("0\n3\n0 0\n2 10\n5 30\n"));
    }

    void aFollowerTakesBatchesOverAsTheyAre()
    {
        Storage leaderStorage;
        Storage storage;
        LogConfig config;
        config.segmentBytes = std::int32_t(3 * batchOf(10).size());
        PartitionLog leader = leaderStorage.open(config);
        append(leader, leaderStorage, {0, 2, 2, 5});
        PartitionLog follower = storage.open(config);
        std::vector<SharedBytes> pieces;
        leader.read(0, INT64_MAX, UINT64_MAX, pieces, leaderStorage.files).value();
        QVERIFY(pieces.size() > 1);
        const AppendResult result = follower.replicate(pieces, storage.context).value();
        QCOMPARE(result.baseOffset, 0);
        QCOMPARE(result.lastOffset, 39);
        QVERIFY(result.rolled);
        QCOMPARE(readAll(follower, storage.files, 0), readAll(leader, leaderStorage.files, 0));
        QCOMPARE(fileText(storage), fileText(leaderStorage));
        QCOMPARE(follower.segments().size(), leader.segments().size());
        const AppendResult nothing = follower.replicate({}, storage.context).value();
        QCOMPARE(nothing.lastOffset, 39);
    }
    void aFollowerRefusesWhatIsNotSound_data()
    {
        QTest::addColumn<int>("at");
        QTest::addColumn<QByteArray>("bytes");
        QTest::addColumn<int>("error");
        const auto row = [](const char *name, int at, const char *hex, ErrorCode error) {
            QTest::newRow(name) << at << QByteArray(hex) << int(error);
        };
        row("a flipped bit", 70, "ff", ErrorCode::CorruptMessage);
        row("an old magic", 16, "01", ErrorCode::InvalidRecord);
        row("a length beyond the bytes", 8, "00ffffff", ErrorCode::CorruptMessage);
        row("an offset it has", 0, "0000000000000009", ErrorCode::InvalidRecord);
    }
    void aFollowerRefusesWhatIsNotSound()
    {
        QFETCH(int, at);
        QFETCH(QByteArray, bytes);
        QFETCH(int, error);
        Storage storage;
        PartitionLog follower = storage.open();
        Bytes first = batchOf(10);
        Bytes second = batchOf(10);
        storeBigEndian(second.data(), std::int64_t{10});
        const Bytes wrong = *fromHex(bytes.toStdString());
        std::ranges::copy(wrong, second.begin() + at);
        Bytes both = first;
        both.insert(both.end(), second.begin(), second.end());
        const std::vector<SharedBytes> pieces{SharedBytes(both)};
        QCOMPARE(int(follower.replicate(pieces, storage.context).error()), error);
        QCOMPARE(follower.logEndOffset(), 10); // the sound one before it is there
        QCOMPARE(readAll(follower, storage.files, 0).size(), first.size());
    }
    void aFollowerBelowItsLeadersStartBeginsAgainThere()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, {0, 2});
        log.restartAt(500, storage.context).value();
        QCOMPARE(log.logStartOffset(), 500);
        QCOMPARE(log.logEndOffset(), 500);
        QCOMPARE(log.latestEpoch(), -1);
        QVERIFY(!storage.files.exists(Storage::path(0, ".log")));
        QVERIFY(storage.files.exists(Storage::path(0, ".log.deleted")));
        QVERIFY(storage.files.exists(Storage::path(500, ".log")));
        append(log, storage, {3});
        QCOMPARE(fileText(storage), std::string("0\n1\n3 500\n"));
        log.close(storage.context).value();
        PartitionLog again = storage.open();
        QCOMPARE(again.logStartOffset(), 500);
        QCOMPARE(offsetsIn(readAll(again, storage.files, 500)), std::string("500-509"));
        QVERIFY(!storage.files.exists(Storage::path(0, ".log.deleted")));
    }
    void aLogMayBeginAgainWhereItBegan()
    {
        Storage storage;
        PartitionLog log = storage.open();
        append(log, storage, {0});
        log.restartAt(0, storage.context).value();
        QCOMPARE(log.logEndOffset(), 0);
        append(log, storage, {1, 1});
        log.close(storage.context).value();
        PartitionLog again = storage.open();
        QCOMPARE(offsetsIn(readAll(again, storage.files, 0)), std::string("0-9 10-19"));
    }
};

QTEST_APPLESS_MAIN(TestLeaderEpochs)
#include "tst_leader_epochs.moc"
