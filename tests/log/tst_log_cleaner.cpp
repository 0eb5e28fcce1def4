#include "cleaner_fixture.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::log;

class TestLogCleaner : public QObject {
    Q_OBJECT

private Q_SLOTS:
    // facts: kafka.md 6, worked example, as Kafka's own Cleaner ran it.
    void theWorkedExampleOfTheFacts()
    {
        CleanerFixture it;
        it.addWorkedExample();
        QCOMPARE(it.bases(), (std::vector<std::int64_t>{0, 5, 8}));

        QCOMPARE(it.clean().nextDirtyOffset, 8);
        QCOMPARE(it.content(), std::string("4 B=null, 5 A=3, 6 D=1, 7 C=null, 8 A=4"));
        QCOMPARE(it.log.logEndOffset(), 9);
        QCOMPARE(it.bases(), (std::vector<std::int64_t>{0, 8}));
        const auto headers = it.headers();
        QCOMPARE(headers[0].deleteHorizon(), std::optional(kT + kDay)); // 4
        QCOMPARE(headers[1].deleteHorizon(), std::nullopt); // 5
        QCOMPARE(headers[3].deleteHorizon(), std::optional(kT + kDay)); // 7

        it.addRolled("E", "1");
        it.storage.setNow(kT + kDay - 1);
        const Cleanable second = it.range(it.firstDirty);
        QCOMPARE(second.cleanBytes, std::uint64_t{284});
        QCOMPARE(second.dirtyBytes, std::uint64_t{70});
        QVERIFY(second.dirtyRatio() > 0.197 && second.dirtyRatio() < 0.198);
        QVERIFY(!second.isDue(it.config));
        QCOMPARE(it.clean().nextDirtyOffset, 9);
        QCOMPARE(it.content(), std::string("4 B=null, 6 D=1, 7 C=null, 8 A=4, 9 E=1"));

        it.addRolled("F", "1");
        it.storage.setNow(kT + kDay);
        QCOMPARE(it.clean().nextDirtyOffset, 10);
        QCOMPARE(it.content(), std::string("6 D=1, 8 A=4, 9 E=1, 10 F=1"));
        QCOMPARE(it.bases(), (std::vector<std::int64_t>{0, 10}));
    }

    // What may be cleaned.

    void theActiveSegmentAndWhatIsNotCommittedAreNotTouched()
    {
        CleanerFixture it;
        it.add("A", "1");
        it.addRolled("A", "2");
        it.addRolled("A", "3");
        const auto upTo = [&](std::int64_t highWatermark) {
            return cleanableRange(it.log, -1, highWatermark, it.storage.context)
                .firstUncleanableOffset;
        };
        QCOMPARE(upTo(3), 2); // where the active one begins
        QCOMPARE(upTo(1), 1);
        QCOMPARE(upTo(0), 0);
    }
    void aHighWatermarkInsideASegmentKeepsAllOfIt()
    {
        CleanerFixture it;
        it.add("A", "1");
        it.addRolled("B", "1");
        it.add("B", "2");
        it.addRolled("C", "1");
        const Cleanable range = cleanableRange(it.log, -1, 2, it.storage.context);
        QCOMPARE(range.firstUncleanableOffset, 1);
        QCOMPARE(range.dirtyBytes, it.log.segments()[0].sizeBytes);
    }
    void anOpenTransactionKeepsWhatFollowsIt()
    {
        CleanerFixture it;
        it.add("A", "1");
        it.roll();
        it.addTransactional(7, 0, {{"B", "1"}});
        it.addRolled("A", "2");
        it.addRolled("A", "3");
        QCOMPARE(it.range().firstUncleanableOffset, 1);
        it.end(ControlType::Commit, 7);
        QCOMPARE(it.range().firstUncleanableOffset, 3);
    }
    void aSegmentWithARecordYoungerThanMinCompactionLagIsNotTouched()
    {
        LogConfig config = compactedConfig();
        config.minCompactionLagMs = 1000;
        CleanerFixture it(config);
        it.add("A", "1");
        it.storage.setNow(kT + 500);
        it.addRolled("A", "2");
        it.addRolled("A", "3");
        it.storage.setNow(kT + 1'000 - 1);
        QCOMPARE(it.range().firstUncleanableOffset, 0);
        it.storage.setNow(kT + 1'000); // at most as young as that
        QCOMPARE(it.range().firstUncleanableOffset, 1);
        it.storage.setNow(kT + 1'500);
        QCOMPARE(it.range().firstUncleanableOffset, 2);
    }
    void aLogIsDueAboveTheRatioAndNotAtIt()
    {
        LogConfig config = compactedConfig();
        CleanerFixture it(config);
        it.add("A", "1");
        it.addRolled("B", "1");
        it.addRolled("C", "1");
        const Cleanable half = it.range(1);
        QCOMPARE(half.dirtyRatio(), 0.5);
        QVERIFY(!half.isDue(config));
        config.minCleanableDirtyRatio = 0.49;
        QVERIFY(half.isDue(config));
        QVERIFY(it.range(0).isDue(compactedConfig()));
    }
    void anOldDirtyRecordMakesItDueByMaxCompactionLag()
    {
        LogConfig config = compactedConfig();
        config.maxCompactionLagMs = 1000;
        CleanerFixture it(config);
        it.add("A", "1");
        it.addRolled("B", "1");
        it.addRolled("C", "1");
        it.storage.setNow(kT + 1000);
        QVERIFY(!it.range(1).isDue(config));
        it.storage.setNow(kT + 1001);
        QVERIFY(it.range(1).isDue(config));
        QVERIFY(!it.range(2).isDue(config)); // nothing is dirty
    }
    void maxCompactionLagClosesSegmentsToo()
    {
        LogConfig config = compactedConfig();
        config.maxCompactionLagMs = 1000;
        CleanerFixture it(config);
        it.add("A", "1");
        it.storage.setNow(kT + 1000);
        it.add("A", "2");
        QCOMPARE(it.bases().size(), std::size_t{1});
        it.storage.setNow(kT + 1001);
        it.add("A", "3");
        QCOMPARE(it.bases().size(), std::size_t{2});
    }
    void aCheckpointOutsideTheLogCountsFromItsStart()
    {
        CleanerFixture it;
        it.add("A", "1");
        it.add("B", "1");
        it.addRolled("C", "1");
        it.log.raiseLogStartOffset(1);
        QCOMPARE(it.range(-1).firstDirtyOffset, 1);
        QCOMPARE(it.range(0).firstDirtyOffset, 1);
        QCOMPARE(it.range(2).firstDirtyOffset, 2);
        QCOMPARE(it.range(4).firstDirtyOffset, 1);
    }

    // What stays.

    void recordsWithoutAKeyGo()
    {
        CleanerFixture it;
        it.append(batchOf(2)); // from before the topic was compacted
        it.add("A", "1");
        it.addRolled("A", "2");
        it.addRolled("A", "3");
        it.clean();
        QCOMPARE(it.content(), std::string("3 A=2, 4 A=3"));
    }
    void aWholeBatchThatStaysIsCopiedAsItIs()
    {
        CleanerFixture it;
        it.addBatch({{"A", "1"}, {"B", "1"}});
        it.addRolled("C", "1");
        const Bytes before = readAll(it.log, it.storage.files, 0);
        const CleanResult result = it.clean();
        QCOMPARE(readAll(it.log, it.storage.files, 0), before);
        QCOMPARE(result.recordsKept, 2);
        QCOMPARE(result.recordsRemoved, 0);
    }
    void whatIsLeftOfABatchKeepsItsFrame_data()
    {
        QTest::addColumn<int>("codec");
        for (int codec = 0; codec < 5; ++codec)
            QTest::addRow("codec %d", codec) << codec;
    }
    void whatIsLeftOfABatchKeepsItsFrame()
    {
        QFETCH(int, codec);
        CleanerFixture it;
        BatchBuilder builder;
        builder.setCompression(static_cast<CompressionType>(codec));
        builder.setProducer(40, 3, 100);
        it.fill(builder, {{"A", "1"}});
        builder.append(kT + 7, asBytes("B"), asBytes("1"),
            std::vector<BatchBuilder::Header>{{"trace", asBytes("x")}});
        builder.append(kT + 5, asBytes("C"), asBytes("1"));
        builder.append(kT + 9, asBytes("D"), asBytes("1"));
        it.append(builder);
        it.add("A", "2");
        it.add("D", "2");
        it.addRolled("E", "1");
        it.clean();
        QCOMPARE(it.content(), std::string("1 B=1, 2 C=1, 4 A=2, 5 D=2, 6 E=1"));
        const BatchHeader header = it.headers().front();
        QCOMPARE(header.codec(), codec);
        QCOMPARE(header.baseOffset, 0);
        QCOMPARE(header.lastOffset(), 3);
        QCOMPARE(header.producerId, 40);
        QCOMPARE(header.producerEpoch, 3);
        QCOMPARE(header.baseSequence, 100);
        QCOMPARE(header.recordCount, 2);
        // As Kafka's: the first that is left, the youngest that is left.
        QCOMPARE(header.baseTimestamp, kT + 7);
        QCOMPARE(header.maxTimestamp, kT + 7);
        const Bytes bytes = readAll(it.log, it.storage.files, 0);
        RecordCursor cursor(bytes);
        QVERIFY(cursor.next());
        QCOMPARE(cursor.record().timestamp, kT + 7);
        const auto headers = readHeaders(cursor.record());
        QCOMPARE(headers->front().key, std::string_view("trace"));
        QVERIFY(cursor.next());
        QCOMPARE(cursor.record().timestamp, kT + 5);
        QVERIFY(!cursor.next());
        QVERIFY(cursor.ok());
    }
    void aTombstoneKeepsItsTimestampWhenItGetsItsHorizon()
    {
        CleanerFixture it;
        it.addBatch({{"A", std::nullopt}, {"B", "1"}});
        it.addRolled("C", "1");
        it.storage.setNow(kT + 1000);
        it.clean();
        const Bytes bytes = readAll(it.log, it.storage.files, 0);
        const BatchHeader header = it.headers().front();
        QCOMPARE(header.deleteHorizon(), std::optional(kT + 1000 + kDay));
        QCOMPARE(header.maxTimestamp, kT);
        for (RecordCursor cursor(bytes); cursor.next();)
            QCOMPARE(cursor.record().timestamp, kT);
        // And the horizon stays when more of the batch goes.
        it.addRolled("B", "2");
        it.addRolled("D", "1");
        it.storage.setNow(kT + 2000);
        it.clean();
        QCOMPARE(it.headers().front().deleteHorizon(), std::optional(kT + 1000 + kDay));
        QCOMPARE(it.content(), std::string("0 A=null, 2 C=1, 3 B=2, 4 D=1"));
    }
    void withLogAppendTimeTheStampStays()
    {
        LogConfig config = compactedConfig();
        config.logAppendTime = true;
        CleanerFixture it(config);
        it.storage.setNow(kT + 50);
        it.addBatch({{"A", "1"}, {"B", std::nullopt}});
        it.add("A", "2");
        it.addRolled("C", "1");
        it.clean();
        const BatchHeader header = it.headers().front();
        QVERIFY(header.isLogAppendTime());
        QCOMPARE(header.maxTimestamp, kT + 50);
        QCOMPARE(header.deleteHorizon(), std::optional(kT + 50 + kDay));
        const Bytes bytes = readAll(it.log, it.storage.files, 0);
        RecordCursor cursor(bytes);
        QVERIFY(cursor.next());
        QCOMPARE(cursor.record().timestamp, kT + 50);
    }
    void theLastSequenceOfALiveProducerIsKeptInAnEmptyBatch()
    {
        CleanerFixture it;
        it.addProduced(40, 0, {{"A", "1"}, {"B", "1"}});
        it.addProduced(40, 2, {{"A", "2"}});
        it.add("A", "3");
        it.add("B", "2");
        it.addRolled("C", "1");
        it.clean();
        QCOMPARE(it.content(), std::string("3 A=3, 4 B=2, 5 C=1"));
        const BatchHeader header = it.headers().front();
        QCOMPARE(header.baseOffset, 2);
        QCOMPARE(header.lastOffset(), 2);
        QCOMPARE(header.producerId, 40);
        QCOMPARE(header.baseSequence, 2);
        QCOMPARE(header.recordCount, 0);
        QCOMPARE(header.maxTimestamp, kT);

        // After an unclean stop the producer is known from it: what it sends again is a duplicate.
        it.reopen(false);
        const AppendResult again = it.produce(40, 2, {{"A", "2"}}).value();
        QVERIFY(again.duplicate);
        QCOMPARE(again.baseOffset, 2);
        QCOMPARE(it.produce(40, 5, {{"A", "2"}}).error(), ErrorCode::OutOfOrderSequenceNumber);

        // And goes when the producer is forgotten.
        it.storage.setNow(kT + 10'000);
        it.log.expireProducers(it.storage.context.now, std::chrono::seconds{1});
        it.addRolled("C", "2");
        it.clean();
        QCOMPARE(it.headers().front().baseOffset, 3);
    }
    void theLastBatchOfTheRangeIsKeptEmpty()
    {
        CleanerFixture it;
        it.storage.setNow(kT);
        it.add("A", "1");
        it.add("B", std::nullopt);
        it.addRolled("A", "2");
        it.clean();
        it.storage.setNow(kT + kDay);
        it.firstDirty = -1;
        it.clean(); // the tombstone is past its horizon
        QCOMPARE(it.content(), std::string("0 A=1, 2 A=2"));
        const auto headers = it.headers();
        QCOMPARE(headers[1].baseOffset, 1);
        QCOMPARE(headers[1].recordCount, 0);
        QCOMPARE(it.log.segments()[0].nextOffset, 2);
        // When the range ends later it goes, too.
        it.addRolled("C", "1");
        it.clean();
        QCOMPARE(offsetsIn(readAll(it.log, it.storage.files, 0)), std::string("2-2 3-3"));
    }

    // Segments.

    void smallSegmentsBecomeOneUpToSegmentBytes()
    {
        LogConfig config = compactedConfig();
        CleanerFixture it(config);
        for (int i = 0; i < 6; ++i)
            it.addRolled("key-" + std::to_string(i), "1");
        const std::uint64_t size = it.log.segments()[0].sizeBytes;
        config.segmentBytes = static_cast<std::int32_t>(2 * size);
        it.config = config;
        it.log.configure(config);
        it.clean();
        QCOMPARE(it.bases(), (std::vector<std::int64_t>{0, 2, 4, 5}));
    }
    void aSegmentKnowsHowManyRecordsItHas()
    {
        CleanerFixture it;
        it.addBatch({{"A", "1"}, {"B", "1"}, {"A", "2"}});
        it.addRolled("A", "3");
        QCOMPARE(it.log.segments()[0].recordCount, 3);
        it.clean();
        QCOMPARE(it.log.segments()[0].recordCount, 2);
        it.reopen(true);
        QCOMPARE(it.log.segments()[0].recordCount, -1);
        it.reopen(false);
        QCOMPARE(it.log.segments()[0].recordCount, 2);
        it.log.truncateTo(3, it.storage.context).value();
        QCOMPARE(it.log.segments()[1].recordCount, 0);
        it.log.truncateTo(2, it.storage.context).value();
        QCOMPARE(it.log.segments()[0].recordCount, 0);
    }
    /// A follower that is told so by its leader would else be told so for ever.
    void aLogThatIsCutInAGapEndsThere()
    {
        CleanerFixture it;
        it.addWorkedExample();
        it.clean();
        it.log.truncateTo(8, it.storage.context).value();
        QCOMPARE(it.content(), "4 B=null, 5 A=3, 6 D=1, 7 C=null");
        it.log.truncateTo(2, it.storage.context).value(); // 0 to 3 have been removed
        QCOMPARE(it.content(), "");
        QCOMPARE(it.log.logEndOffset(), 2);
    }
    void theFilesOfReplacedSegmentsGoAfterTheirDelay()
    {
        CleanerFixture it;
        it.addWorkedExample();
        it.clean();
        QVERIFY(it.storage.files.exists(Storage::path(0, ".log.deleted")));
        QVERIFY(it.storage.files.exists(Storage::path(5, ".index.deleted")));
        QVERIFY(!it.storage.files.exists(Storage::path(5, ".log")));
        it.storage.setNow(kT + it.config.fileDeleteDelayMs);
        it.log.deleteDelayed(it.storage.context);
        for (const std::string &name : it.names())
            QVERIFY(name.starts_with("00000000000000000000.")
                || name.starts_with("00000000000000000008.") || name == "leader-epoch-checkpoint");
    }
    void retentionOfACompactedTopicIsOnlyWhatIsBelowTheLogStart()
    {
        LogConfig config = compactedConfig();
        config.retentionMs = 1;
        config.retentionBytes = 1;
        CleanerFixture it(config);
        it.add("A", "1");
        it.addRolled("B", "1");
        it.addRolled("C", "1");
        it.storage.setNow(kT + 1'000'000);
        QCOMPARE(it.log.deleteOldSegments(it.storage.context), std::size_t{0});
        it.log.raiseLogStartOffset(1);
        QCOMPARE(it.log.deleteOldSegments(it.storage.context), std::size_t{1});
        config.deletes = true; // "compact,delete"
        it.log.configure(config);
        it.storage.context.now += std::chrono::seconds{1};
        QCOMPARE(it.log.deleteOldSegments(it.storage.context), std::size_t{2});
        QCOMPARE(it.log.logStartOffset(), 3);
    }
    void withoutAPolicyEverythingStays()
    {
        LogConfig config =
            LogConfig::parse({{"cleanup.policy", ""}, {"retention.ms", "1"}}).value();
        CleanerFixture it(config);
        it.add("A", "1");
        it.addRolled("A", "2");
        it.storage.setNow(kT + 1'000'000);
        QCOMPARE(it.log.deleteOldSegments(it.storage.context), std::size_t{0});
    }

    // Memory.

    void aMapThatIsTooSmallCleansInSeveralRounds()
    {
        CleanerFixture it;
        for (int i = 0; i < 40; ++i)
            it.addBatch({{"key-" + std::to_string(i % 20), std::to_string(i)}, {"hot", "x"}});
        it.addRolled("end", "1");
        it.settings.dedupeBufferSize = 24 * 10; // 9 keys
        int rounds = 0;
        for (std::int64_t before = -1; before < 80; ++rounds) {
            const CleanResult result = it.clean();
            QVERIFY(result.nextDirtyOffset > before);
            before = result.nextDirtyOffset;
        }
        QVERIFY(rounds > 3);
        std::string expected;
        for (int i = 20; i < 40; ++i)
            expected += std::to_string(2 * i) + " key-" + std::to_string(i % 20) + "="
                + std::to_string(i) + ", ";
        QCOMPARE(it.content(), expected + "79 hot=x, 80 end=1");
    }

    // Readers.

    void readersFindTheirWayThroughGaps()
    {
        CleanerFixture it;
        it.addWorkedExample();
        it.addRolled("E", "1");
        it.storage.setNow(kT + 10);
        it.addRolled("F", "1");
        it.clean(); // leaves 4 6 7 8 9, and 10
        const auto firstFrom = [&](std::int64_t offset) {
            return readBatchHeader(readAll(it.log, it.storage.files, offset))->baseOffset;
        };
        QCOMPARE(firstFrom(0), 4);
        QCOMPARE(firstFrom(4), 4);
        QCOMPARE(firstFrom(5), 6);
        QCOMPARE(firstFrom(9), 9);
        QCOMPARE(it.log.offsetForTime(kT, INT64_MAX, it.storage.files)->offset, 4);
        QCOMPARE(it.log.offsetForTime(kT + 1, INT64_MAX, it.storage.files)->offset, 10);
    }
    void aFollowerTakesOverALogWithGaps()
    {
        CleanerFixture it;
        it.addWorkedExample();
        it.clean();
        CleanerFixture follower;
        std::vector<SharedBytes> pieces;
        it.log.read(0, INT64_MAX, UINT64_MAX, pieces, it.storage.files).value();
        QVERIFY(follower.log.replicate(pieces, follower.storage.context).has_value());
        QCOMPARE(follower.content(), it.content());
        QCOMPARE(follower.log.logEndOffset(), 9);
        follower.reopen(false);
        QCOMPARE(follower.content(), it.content());
    }
    void theIndexesOfACleanedSegmentAreThoseOfItsBatches()
    {
        LogConfig config = compactedConfig();
        config.indexIntervalBytes = 200;
        CleanerFixture it(config);
        for (int i = 0; i < 100; ++i) {
            it.storage.setNow(kT + i);
            it.add("key-" + std::to_string(i % 7 == 0 ? i : 1), std::to_string(i));
        }
        it.addRolled("end", "1");
        it.clean();
        const std::string index = it.storage.hexOf(Storage::path(0, ".index"));
        const std::string timeIndex = it.storage.hexOf(Storage::path(0, ".timeindex"));
        QVERIFY(!index.empty());
        QVERIFY(!timeIndex.empty());
        const std::string content = it.content();
        it.reopen(true);
        QCOMPARE(it.report.notes.size(), std::size_t{0});
        QCOMPARE(it.content(), content);
        it.reopen(false); // made anew
        QCOMPARE(it.report.notes.size(), std::size_t{0});
        QCOMPARE(it.storage.hexOf(Storage::path(0, ".index")), index);
        QCOMPARE(it.storage.hexOf(Storage::path(0, ".timeindex")), timeIndex);
    }

    // What goes wrong.

    void aDamagedLogIsNotCompacted()
    {
        CleanerFixture it;
        it.addBatch({{"A", "1"}, {"B", "1"}});
        it.add("A", "2");
        it.addRolled("C", "1");
        it.storage.overwrite(Storage::path(0, ".log"), 63, asBytes("\x7f"));
        const auto result =
            cleanLog(it.log, it.range(), it.settings, kNoName, kNoName, it.storage.context);
        QVERIFY(!result.has_value());
        QVERIFY(result.error().problem.starts_with("no sound batch at 0"));
        for (const std::string &name : it.names())
            QVERIFY2(!name.ends_with(".cleaned") && !name.ends_with(".deleted"), name.c_str());
    }
    void plantedBugsShow()
    {
        CleanerFixture drops;
        drops.settings.plantedBug = PlantedBug::CompactionDropsLast;
        drops.addWorkedExample();
        drops.clean();
        QVERIFY(!drops.content().contains("D=1"));
        CleanerFixture forgets;
        forgets.settings.plantedBug = PlantedBug::TombstonesForgottenEarly;
        forgets.addWorkedExample();
        forgets.clean();
        QVERIFY(forgets.content().contains("B=1")); // it was deleted
    }

    // Settings.

    void settingsOfCompaction_data()
    {
        QTest::addColumn<QByteArray>("key");
        QTest::addColumn<QByteArray>("value");
        QTest::addColumn<bool>("valid");
        const auto row = [](const char *key, const char *value, bool valid) {
            QTest::addRow("%s=%s", key, value) << QByteArray(key) << QByteArray(value) << valid;
        };
        row("cleanup.policy", "compact", true);
        row("cleanup.policy", "delete", true);
        row("cleanup.policy", "compact,delete", true);
        row("cleanup.policy", "delete, compact", true);
        row("cleanup.policy", "", true);
        row("cleanup.policy", "compact,", false);
        row("cleanup.policy", "compact,compact", false);
        row("cleanup.policy", "remove", false);
        row("min.cleanable.dirty.ratio", "0", true);
        row("min.cleanable.dirty.ratio", "1", true);
        row("min.cleanable.dirty.ratio", "0.25", true);
        row("min.cleanable.dirty.ratio", "1.01", false);
        row("min.cleanable.dirty.ratio", "-0.1", false);
        row("min.cleanable.dirty.ratio", "nan", false);
        row("min.cleanable.dirty.ratio", "half", false);
        row("min.compaction.lag.ms", "0", true);
        row("min.compaction.lag.ms", "-1", false);
        row("max.compaction.lag.ms", "1", true);
        row("max.compaction.lag.ms", "0", false);
        row("delete.retention.ms", "0", true);
        row("delete.retention.ms", "-1", false);
    }
    void settingsOfCompaction()
    {
        QFETCH(QByteArray, key);
        QFETCH(QByteArray, value);
        QFETCH(bool, valid);
        QCOMPARE(LogConfig::parse({{key.toStdString(), value.toStdString()}}).has_value(), valid);
    }
    void theMinimumLagIsNotAboveTheMaximum()
    {
        const auto parsed = LogConfig::parse(
            {{"min.compaction.lag.ms", "1001"}, {"max.compaction.lag.ms", "1000"}});
        QVERIFY(!parsed.has_value());
        QCOMPARE(parsed.error().key, std::string("min.compaction.lag.ms"));
    }
    void aCompactedTopicRefusesRecordsWithoutAKey()
    {
        CleanerFixture it;
        BatchBuilder builder;
        it.fill(builder, {{"A", "1"}});
        builder.append(kT, std::nullopt, asBytes("1"));
        QCOMPARE(it.log.append(builder.finish(), 0, it.storage.context).error(),
            ErrorCode::InvalidRecord);
        QCOMPARE(it.log.logEndOffset(), 0);
        it.log.configure({});
        QVERIFY(it.log.append(builder.finish(), 0, it.storage.context).has_value());
    }
};

QTEST_APPLESS_MAIN(TestLogCleaner)
#include "tst_log_cleaner.moc"
