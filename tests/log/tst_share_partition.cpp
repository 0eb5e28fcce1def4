#include <QtTest>

#include "engine/core/memory_files.h"
#include "engine/log/share_partition.h"

#include <algorithm>
#include <map>
#include <string>

using namespace queuelab;
using namespace queuelab::log;

namespace {

using Member = SharePartition::Member;
using LogBatch = SharePartition::LogBatch;
using Settings = SharePartition::Settings;

constexpr Member kAda{1, NameId{1}};
constexpr Member kBob{2, NameId{2}};

/// A share-partition with what its functions want to be handed.
struct Lab {
    MemoryFiles files;
    Trace trace;
    Random random{1};
    Instant now = kVirtualStart;
    Settings settings{};
    SharePartition share{NameId{1}, NameId{2}};

    Context context() { return {now, random, trace, files}; }
    void load(std::int64_t start, const std::vector<ShareStateBatch> &batches = {})
    {
        Context context_ = context();
        share.load(start, batches, context_);
    }
    std::vector<AcquiredRecords> acquire(const Member &member, const std::vector<LogBatch> &batches,
        std::int32_t maxRecords = 500, bool recordLimit = false, std::int32_t batchSize = 500)
    {
        Context context_ = context();
        std::vector<AcquiredRecords> out;
        share.acquire(
            {member, maxRecords, batchSize, recordLimit}, batches, settings, context_, out);
        return out;
    }
    ErrorCode acknowledge(const Member &member, const std::vector<AcknowledgementBatch> &batches)
    {
        Context context_ = context();
        const auto result = share.acknowledge(member, batches, settings, context_);
        return result ? ErrorCode::None : result.error();
    }
    ErrorCode acknowledge(
        const Member &member, std::int64_t first, std::int64_t last, AcknowledgeType type)
    {
        return acknowledge(member, {{first, last, {type}}});
    }
    void release(const Member &member)
    {
        Context context_ = context();
        share.release(member, settings, context_);
    }
    /// What is written now; it is stored, or not.
    std::vector<ShareStateBatch> store(bool stored = true)
    {
        const SharePartition::Write *write = share.takeWrite();
        if (!write)
            return {};
        std::vector<ShareStateBatch> batches = write->batches;
        Context context_ = context();
        share.written(stored, settings, context_);
        return batches;
    }
    bool advance(Duration duration)
    {
        now += duration;
        Context context_ = context();
        return share.expire(settings, context_);
    }
    std::size_t count(LogEvent event, LogReason why = LogReason::None) const
    {
        return trace.count(kind(event), reason(why));
    }
    /// "0-4 ACQUIRED 1, 5-9 AVAILABLE 1"
    std::string runs() const
    {
        std::string text;
        for (const ShareRecordsSnapshot &run :
            share.snapshot(1'000, [](std::uint32_t) { return std::string_view(); })) {
            text += (text.empty() ? "" : ", ") + std::to_string(run.firstOffset) + "-"
                + std::to_string(run.lastOffset) + " "
                + std::string(shareRecordStateName(run.state)) + " "
                + std::to_string(run.deliveryCount);
        }
        return text;
    }
};

using Acquired = std::vector<AcquiredRecords>;

/// The same rules for every offset by itself: slow, and plain.
class Model {
public:
    struct Record {
        ShareRecordState state = ShareRecordState::Available;
        std::int16_t count = 0;
        std::uint32_t member = 0;
        Instant lockedUntil{};
        int write = 0; // it has changed since; 1 to be written, 2 is being written
    };

    explicit Model(std::int64_t first)
        : start(first)
        , end(first)
    {
    }

    std::int64_t nextFetchOffset() const
    {
        for (std::int64_t offset = start; offset < end; ++offset) {
            if (isAvailable(records.at(offset)))
                return offset;
        }
        return end;
    }
    /// How many deliveries each offset has had, for those that are given now.
    std::map<std::int64_t, int> acquire(std::uint32_t member, const std::vector<LogBatch> &batches,
        int maxRecords, bool recordLimit, const Settings &settings, Instant now)
    {
        std::map<std::int64_t, int> given;
        const std::int64_t last = batches.back().lastOffset;
        for (std::int64_t offset = std::max(start, batches.front().firstOffset);
            offset < end && offset <= last; ++offset) {
            if (batchOf(batches, offset).isAborted && isAvailable(records.at(offset)))
                records.at(offset).state = ShareRecordState::Archived;
        }
        for (std::int64_t offset = std::max(start, batches.front().firstOffset);
            offset < end && offset <= last; ++offset) {
            Record &record = records.at(offset);
            if (!isAvailable(record))
                continue;
            if (static_cast<int>(given.size()) >= maxRecords && (recordLimit || !isSameRun(offset)))
                break;
            give(offset, member, settings, now, given);
        }
        const std::int64_t room = settings.maxRecordLocks - (end - start);
        std::int64_t most =
            std::min<std::int64_t>(maxRecords - static_cast<std::int64_t>(given.size()), room);
        if (last >= end && most > 0) {
            std::int64_t newEnd = std::min(end + most, last + 1);
            if (!recordLimit)
                newEnd = batchOf(batches, newEnd - 1).lastOffset + 1;
            for (; end < newEnd; ++end) {
                records[end] = {};
                if (batchOf(batches, end).isAborted)
                    records[end].state = ShareRecordState::Archived;
                else
                    give(end, member, settings, now, given);
            }
        }
        moveStart();
        return given;
    }
    ErrorCode acknowledge(std::uint32_t member, const AcknowledgementBatch &batch,
        const Settings &settings, Instant now)
    {
        if (batch.lastOffset < start)
            return ErrorCode::None;
        if (start == end)
            return ErrorCode::InvalidRecordState;
        if (batch.lastOffset >= end)
            return ErrorCode::InvalidRequest;
        const std::int64_t first = std::max(start, batch.firstOffset);
        for (std::int64_t offset = first; offset <= batch.lastOffset; ++offset) {
            const Record &record = records.at(offset);
            if (record.state != ShareRecordState::Acquired || record.member != member)
                return ErrorCode::InvalidRecordState;
        }
        for (std::int64_t offset = first; offset <= batch.lastOffset; ++offset) {
            Record &record = records.at(offset);
            const AcknowledgeType type = batch.types.size() == 1
                ? batch.types.front()
                : batch.types[static_cast<std::size_t>(offset - batch.firstOffset)];
            if (type == AcknowledgeType::Renew) {
                record.lockedUntil = now + settings.lockDuration;
                continue;
            }
            record.state = type == AcknowledgeType::Accept ? ShareRecordState::Acknowledged
                : type == AcknowledgeType::Release && record.count < settings.deliveryCountLimit
                ? ShareRecordState::Available
                : ShareRecordState::Archived;
            record.write = 1;
        }
        return ErrorCode::None;
    }
    void expire(const Settings &settings, Instant now)
    {
        for (auto &[offset, record] : records) {
            if (record.state == ShareRecordState::Acquired && record.lockedUntil <= now)
                takeBack(record, settings);
        }
        moveStart();
    }
    void release(std::uint32_t member, const Settings &settings)
    {
        for (auto &[offset, record] : records) {
            if (record.state == ShareRecordState::Acquired && record.member == member) {
                record.state = record.count < settings.deliveryCountLimit
                    ? ShareRecordState::Available
                    : ShareRecordState::Archived;
                record.write = 1;
            }
        }
    }
    void write()
    {
        for (auto &[offset, record] : records)
            record.write = record.write == 1 ? 2 : record.write;
    }
    void written(bool stored, const Settings &settings, Instant now)
    {
        for (auto &[offset, record] : records) {
            if (record.write != 2)
                continue;
            record.write = 0;
            if (stored)
                continue;
            record.state = ShareRecordState::Acquired;
            if (record.lockedUntil <= now)
                takeBack(record, settings);
        }
        moveStart();
    }
    void logStartMoved(std::int64_t logStart)
    {
        if (logStart <= start)
            return;
        start = logStart;
        end = std::max(end, start);
        records.erase(records.begin(), records.lower_bound(start));
        moveStart();
    }

    std::map<std::int64_t, Record> records;
    std::int64_t start;
    std::int64_t end;
    /// Where runs end that the share-partition does not cut: a run is taken whole unless the limit
    /// is sharp. The test tells.
    std::map<std::int64_t, std::int64_t> runEnds;

private:
    static bool isAvailable(const Record &record)
    {
        return record.state == ShareRecordState::Available && record.write == 0;
    }
    bool isSameRun(std::int64_t offset) const
    {
        const auto run = runEnds.upper_bound(offset - 1);
        return run != runEnds.end() && run->second < offset;
    }
    static const LogBatch &batchOf(const std::vector<LogBatch> &batches, std::int64_t offset)
    {
        return *std::ranges::find_if(
            batches, [offset](const LogBatch &batch) { return batch.lastOffset >= offset; });
    }
    void give(std::int64_t offset, std::uint32_t member, const Settings &settings, Instant now,
        std::map<std::int64_t, int> &given)
    {
        Record &record = records.at(offset);
        record.state = ShareRecordState::Acquired;
        record.member = member;
        record.lockedUntil = now + settings.lockDuration;
        given[offset] = ++record.count;
    }
    static void takeBack(Record &record, const Settings &settings)
    {
        record.state = record.count < settings.deliveryCountLimit ? ShareRecordState::Available
                                                                  : ShareRecordState::Archived;
    }
    void moveStart()
    {
        while (start < end && records.at(start).write == 0
            && (records.at(start).state == ShareRecordState::Acknowledged
                || records.at(start).state == ShareRecordState::Archived))
            records.erase(start++);
    }
};

} // namespace

class SharePartitionTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void acquiredRecordsAreForOneMemberOnly()
    {
        Lab lab;
        lab.load(0);
        QCOMPARE(lab.acquire(kAda, {{0, 9}}), (Acquired{{0, 9, 1}}));
        QCOMPARE(lab.share.nextFetchOffset(lab.settings), 10);
        QVERIFY(lab.acquire(kBob, {{0, 9}}).empty());
        QCOMPARE(lab.runs(), "0-9 ACQUIRED 1");
    }

    void whoeverAcknowledgesWaitsForTheWriteThatHasIt()
    {
        Lab lab;
        lab.load(0);
        lab.acquire(kAda, {{0, 9}});
        Context context = lab.context();
        const std::vector<AcknowledgementBatch> front{{0, 4, {AcknowledgeType::Accept}}};
        const std::vector<AcknowledgementBatch> behind{{5, 9, {AcknowledgeType::Accept}}};
        const auto first = lab.share.acknowledge(kAda, front, lab.settings, context);
        // These go with the first ones as one run; they are no more stored than those.
        const auto second = lab.share.acknowledge(kAda, behind, lab.settings, context);
        QVERIFY(first && second && *first != 0);
        QCOMPARE(*second, *first);
        lab.acquire(kBob, {{10, 19}});
        const std::vector<AcknowledgementBatch> renewed{{10, 19, {AcknowledgeType::Renew}}};
        QCOMPARE(*lab.share.acknowledge(kBob, renewed, lab.settings, context),
            SharePartition::WriteId{0});
    }

    void theLastBatchIsTakenWholeUnlessTheLimitIsSharp()
    {
        Lab soft;
        soft.load(0);
        QCOMPARE(soft.acquire(kAda, {{0, 9}, {10, 19}, {20, 29}}, 12), (Acquired{{0, 19, 1}}));
        Lab sharp;
        sharp.load(0);
        QCOMPARE(sharp.acquire(kAda, {{0, 9}, {10, 19}}, 12, true), (Acquired{{0, 11, 1}}));
        QCOMPARE(sharp.acquire(kBob, {{10, 19}}, 500, true), (Acquired{{12, 19, 1}}));
    }

    void newRunsAreCutToTheBatchSizeBetweenBatches()
    {
        Lab lab;
        lab.load(0);
        QCOMPARE(lab.acquire(kAda, {{0, 6}, {7, 13}, {14, 20}, {21, 27}}, 100, false, 10),
            (Acquired{{0, 13, 1}, {14, 27, 1}}));
    }

    void asManyAreInFlightAsThereAreRecordLocks()
    {
        Lab lab;
        lab.settings.maxRecordLocks = 15;
        lab.load(0);
        lab.acquire(kAda, {{0, 9}});
        QVERIFY(lab.share.canAcquire(lab.settings));
        QCOMPARE(lab.acquire(kBob, {{10, 19}, {20, 29}}), (Acquired{{10, 19, 1}}));
        QVERIFY(!lab.share.canAcquire(lab.settings));
        QVERIFY(lab.acquire(kBob, {{20, 29}}).empty());
        QCOMPARE(lab.acknowledge(kAda, 0, 9, AcknowledgeType::Accept), ErrorCode::None);
        lab.store();
        QVERIFY(lab.share.canAcquire(lab.settings));
        QCOMPARE(lab.acquire(kAda, {{20, 29}}), (Acquired{{20, 29, 1}}));
    }

    void acknowledgementsCountWhenTheyAreStored()
    {
        Lab lab;
        lab.load(0);
        lab.acquire(kAda, {{0, 9}});
        QCOMPARE(lab.acknowledge(kAda,
                     {{0, 3, {AcknowledgeType::Accept}}, {4, 6, {AcknowledgeType::Release}},
                         {7, 9, {AcknowledgeType::Reject}}}),
            ErrorCode::None);
        QCOMPARE(lab.runs(), "0-9 ACQUIRED 1"); // as others see it
        QCOMPARE(lab.share.startOffset(), 0);
        QVERIFY(lab.acquire(kBob, {{0, 9}}).empty());
        QCOMPARE(
            lab.store(), (std::vector<ShareStateBatch>{{0, 3, 2, 1}, {4, 6, 0, 1}, {7, 9, 4, 1}}));
        QCOMPARE(lab.share.startOffset(), 4);
        QCOMPARE(lab.runs(), "4-6 AVAILABLE 1, 7-9 ARCHIVED 1");
        QCOMPARE(lab.acquire(kBob, {{0, 9}}), (Acquired{{4, 6, 2}}));
        QCOMPARE(lab.count(LogEvent::RecordsArchived, LogReason::Rejected), 1);
    }

    void anAcknowledgementThatIsNotStoredIsTakenBack()
    {
        Lab lab;
        lab.load(0);
        lab.acquire(kAda, {{0, 9}});
        lab.acknowledge(kAda, 0, 9, AcknowledgeType::Accept);
        lab.store(false);
        QCOMPARE(lab.runs(), "0-9 ACQUIRED 1");
        QCOMPARE(lab.acknowledge(kAda, 0, 9, AcknowledgeType::Accept), ErrorCode::None);
        lab.store();
        QCOMPARE(lab.share.startOffset(), 10);
    }

    void aLockThatExpiredWhileTheWriteWasOutEndsWithIt()
    {
        Lab lab;
        lab.load(0);
        lab.acquire(kAda, {{0, 9}});
        lab.acknowledge(kAda, 0, 9, AcknowledgeType::Accept);
        QVERIFY(lab.share.takeWrite() != nullptr);
        QVERIFY(!lab.advance(31s));
        QCOMPARE(lab.runs(), "0-9 ACQUIRED 1");
        Context context = lab.context();
        lab.share.written(false, lab.settings, context);
        QCOMPARE(lab.runs(), "0-9 AVAILABLE 1");
        QCOMPARE(lab.share.nextFetchOffset(lab.settings), 0);
    }

    void anExpiredLockMakesRecordsAvailableAndArchivesThemAtTheLimit()
    {
        Lab lab;
        lab.settings.deliveryCountLimit = 2;
        lab.load(0);
        lab.acquire(kAda, {{0, 4}});
        QVERIFY(!lab.advance(29'999ms));
        QCOMPARE(lab.share.nextDeadline(), std::optional(kVirtualStart + 30s));
        QVERIFY(lab.advance(1ms));
        QCOMPARE(
            lab.acknowledge(kAda, 0, 4, AcknowledgeType::Accept), ErrorCode::InvalidRecordState);
        QCOMPARE(lab.acquire(kBob, {{0, 4}}), (Acquired{{0, 4, 2}}));
        QVERIFY(!lab.advance(30s));
        QCOMPARE(lab.share.startOffset(), 5);
        QCOMPARE(lab.count(LogEvent::AcquisitionLockExpired), 2);
        QCOMPARE(lab.count(LogEvent::RecordsArchived, LogReason::DeliveryLimit), 1);
        // Available after the first delivery, archived after the second: the store hears of both.
        QCOMPARE(lab.store(), (std::vector<ShareStateBatch>{{0, 4, 0, 1}, {0, 4, 4, 2}}));
    }

    void renewingBeginsTheLockAnewAndStoresNothing()
    {
        Lab lab;
        lab.load(0);
        lab.acquire(kAda, {{0, 4}});
        lab.advance(20s);
        QCOMPARE(lab.acknowledge(kAda, 0, 1, AcknowledgeType::Renew), ErrorCode::None);
        QVERIFY(lab.share.takeWrite() == nullptr);
        QVERIFY(lab.advance(10s));
        QCOMPARE(lab.runs(), "0-1 ACQUIRED 1, 2-4 AVAILABLE 1");
        QVERIFY(lab.advance(20s));
        QCOMPARE(lab.runs(), "0-4 AVAILABLE 1");
    }

    void aMemberThatGoesReleasesWhatItHas()
    {
        Lab lab;
        lab.load(0);
        lab.acquire(kAda, {{0, 4}});
        lab.acquire(kBob, {{5, 9}});
        lab.release(kAda);
        lab.store();
        QCOMPARE(lab.runs(), "0-4 AVAILABLE 1, 5-9 ACQUIRED 1");
    }

    void acknowledgementsOutOfLockAreRefused_data()
    {
        QTest::addColumn<qint64>("first");
        QTest::addColumn<qint64>("last");
        QTest::addColumn<bool>("byBob");
        QTest::addColumn<ErrorCode>("error");
        // 0-9 is settled, 10-14 Ada's, 15-19 available, 20-24 Bob's.
        QTest::newRow("settled") << qint64{0} << qint64{9} << false << ErrorCode::None;
        QTest::newRow("own") << qint64{10} << qint64{14} << false << ErrorCode::None;
        QTest::newRow("settled and own") << qint64{5} << qint64{12} << false << ErrorCode::None;
        QTest::newRow("another's")
            << qint64{10} << qint64{14} << true << ErrorCode::InvalidRecordState;
        QTest::newRow("available")
            << qint64{16} << qint64{16} << false << ErrorCode::InvalidRecordState;
        QTest::newRow("partly own")
            << qint64{14} << qint64{15} << false << ErrorCode::InvalidRecordState;
        QTest::newRow("not given out")
            << qint64{25} << qint64{30} << false << ErrorCode::InvalidRequest;
        QTest::newRow("past the end")
            << qint64{20} << qint64{25} << true << ErrorCode::InvalidRequest;
    }
    void acknowledgementsOutOfLockAreRefused()
    {
        QFETCH(qint64, first);
        QFETCH(qint64, last);
        QFETCH(bool, byBob);
        QFETCH(ErrorCode, error);
        Lab lab;
        lab.load(0);
        lab.acquire(kAda, {{0, 9}});
        lab.acknowledge(kAda, 0, 9, AcknowledgeType::Accept);
        lab.acquire(kAda, {{10, 14}});
        lab.acquire(kBob, {{15, 19}});
        lab.acknowledge(kBob, 15, 19, AcknowledgeType::Release);
        lab.acquire(kBob, {{20, 24}});
        lab.store();
        const std::string before = lab.runs();
        QCOMPARE(lab.acknowledge(byBob ? kBob : kAda, first, last, AcknowledgeType::Accept), error);
        if (error != ErrorCode::None) {
            QCOMPARE(lab.runs(), before);
            QVERIFY(lab.share.takeWrite() == nullptr);
            QCOMPARE(lab.count(LogEvent::AcknowledgementRefused), 1);
        }
    }

    void acknowledgingTwiceIsRefused()
    {
        Lab lab;
        lab.load(0);
        lab.acquire(kAda, {{0, 9}});
        QCOMPARE(lab.acknowledge(kAda, 3, 5, AcknowledgeType::Accept), ErrorCode::None);
        QCOMPARE(
            lab.acknowledge(kAda, 0, 9, AcknowledgeType::Accept), ErrorCode::InvalidRecordState);
        lab.store();
        QCOMPARE(
            lab.acknowledge(kAda, 5, 5, AcknowledgeType::Accept), ErrorCode::InvalidRecordState);
        QCOMPARE(lab.runs(), "0-2 ACQUIRED 1, 3-5 ACKNOWLEDGED 1, 6-9 ACQUIRED 1");
    }

    void batchesThatMakeNoSenseAreInvalidRequests_data()
    {
        using Batches = std::vector<AcknowledgementBatch>;
        QTest::addColumn<Batches>("batches");
        QTest::addColumn<ErrorCode>("error");
        constexpr AcknowledgeType kAccept = AcknowledgeType::Accept;
        QTest::newRow("one type") << Batches{{0, 9, {kAccept}}} << ErrorCode::None;
        QTest::newRow("a type each")
            << Batches{{0, 1, {kAccept, AcknowledgeType::Gap}}} << ErrorCode::None;
        QTest::newRow("upside down") << Batches{{9, 0, {kAccept}}} << ErrorCode::InvalidRequest;
        QTest::newRow("no type") << Batches{{0, 9, {}}} << ErrorCode::InvalidRequest;
        QTest::newRow("too few types")
            << Batches{{0, 2, {kAccept, kAccept}}} << ErrorCode::InvalidRequest;
        QTest::newRow("no such type")
            << Batches{{0, 2, {static_cast<AcknowledgeType>(5)}}} << ErrorCode::InvalidRequest;
        QTest::newRow("overlap") << Batches{{0, 5, {kAccept}}, {5, 9, {kAccept}}}
                                 << ErrorCode::InvalidRequest;
        QTest::newRow("going down")
            << Batches{{5, 9, {kAccept}}, {0, 4, {kAccept}}} << ErrorCode::InvalidRequest;
    }
    void batchesThatMakeNoSenseAreInvalidRequests()
    {
        QFETCH(std::vector<AcknowledgementBatch>, batches);
        QFETCH(ErrorCode, error);
        QCOMPARE(SharePartition::check(batches), error);
    }

    void whatFellBelowTheLogStartIsSettled()
    {
        Lab lab;
        lab.load(0);
        lab.acquire(kAda, {{0, 4}});
        lab.acquire(kBob, {{5, 9}});
        Context context = lab.context();
        lab.share.logStartMoved(7, context);
        QCOMPARE(lab.share.startOffset(), 7);
        QCOMPARE(lab.runs(), "7-9 ACQUIRED 1");
        QCOMPARE(lab.acknowledge(kAda, 0, 4, AcknowledgeType::Accept), ErrorCode::None);
        QCOMPARE(lab.acknowledge(kBob, 5, 9, AcknowledgeType::Accept), ErrorCode::None);
        lab.store();
        QCOMPARE(lab.share.startOffset(), 10);
        lab.share.logStartMoved(50, context);
        QCOMPARE(lab.share.endOffset(), 50);
        QCOMPARE(lab.count(LogEvent::RecordsArchived, LogReason::FellBelowLogStart), 2);
    }

    void abortedRecordsAreGivenToNobody()
    {
        Lab lab;
        lab.load(0);
        QCOMPARE(
            lab.acquire(kAda, {{0, 4}, {5, 7, true}, {8, 9}}), (Acquired{{0, 4, 1}, {8, 9, 1}}));
        QCOMPARE(lab.runs(), "0-4 ACQUIRED 1, 5-7 ARCHIVED 0, 8-9 ACQUIRED 1");
        // After a change of leader they stand there as available.
        Lab other;
        other.load(0, {{8, 9, 2, 1}});
        QCOMPARE(other.acquire(kBob, {{0, 4}, {5, 7, true}, {8, 9}}), (Acquired{{0, 4, 1}}));
    }

    void holesOfTheLogAreSettled()
    {
        Lab lab;
        lab.load(0);
        lab.acquire(kAda, {{0, 4}});
        QCOMPARE(lab.acquire(kBob, {{8, 9}}), (Acquired{{8, 9, 1}}));
        QCOMPARE(lab.runs(), "0-4 ACQUIRED 1, 5-7 ARCHIVED 0, 8-9 ACQUIRED 1");
        lab.acknowledge(kAda, 0, 4, AcknowledgeType::Accept);
        lab.store();
        QCOMPARE(lab.share.startOffset(), 8);
    }

    void aNewLeaderBeginsWithWhatWasStored()
    {
        Lab lab;
        lab.load(10, {{5, 12, 2, 1}, {15, 16, 0, 3}, {17, 19, 4, 5}});
        QCOMPARE(lab.share.startOffset(), 13);
        QCOMPARE(lab.share.endOffset(), 20);
        QCOMPARE(lab.runs(), "13-14 AVAILABLE 0, 15-16 AVAILABLE 3, 17-19 ARCHIVED 5");
        QCOMPARE(lab.acquire(kAda, {{10, 19}}), (Acquired{{13, 14, 1}, {15, 16, 4}}));
    }

    void aPlantedBugGivesLockedRecordsToOthers()
    {
        Lab lab;
        lab.settings.ignoresLocks = true;
        lab.load(0);
        lab.acquire(kAda, {{0, 9}});
        QCOMPARE(lab.share.nextFetchOffset(lab.settings), 0);
        QCOMPARE(lab.acquire(kBob, {{0, 9}}), (Acquired{{0, 9, 2}}));
    }

    /// Random members, batches, acknowledgements, failing writes, times and deleted records: what
    /// every single offset is must be what the plain model says.
    void everyOffsetIsWhatTheModelSays_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 150; ++seed)
            QTest::addRow("seed %llu", static_cast<unsigned long long>(seed)) << seed;
    }
    void everyOffsetIsWhatTheModelSays()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        Lab lab;
        lab.settings.deliveryCountLimit = static_cast<std::int16_t>(random.between(1, 4));
        lab.settings.maxRecordLocks = static_cast<std::int32_t>(random.between(5, 200));
        const std::int64_t start = random.between(0, 20);
        lab.load(start);
        Model model(start);
        std::vector<LogBatch> log;
        for (std::int64_t first = 0; first < 2'000;) {
            const std::int64_t last = first + random.between(0, 12);
            log.push_back({first, last, random.chance(0.1)});
            first = last + 1;
        }
        bool isOut = false;
        for (int step = 0; step < 400; ++step) {
            const Member member{static_cast<std::uint32_t>(random.between(1, 3)), NameId{1}};
            switch (random.between(0, 8)) {
            case 0:
            case 1:
            case 2: {
                const std::int64_t from = lab.share.nextFetchOffset(lab.settings);
                QCOMPARE(from, model.nextFetchOffset());
                auto first = std::ranges::find_if(
                    log, [from](const LogBatch &batch) { return batch.lastOffset >= from; });
                const auto count =
                    std::min<std::ptrdiff_t>(random.between(1, 8), log.end() - first);
                const std::vector<LogBatch> read(first, first + count);
                const auto maxRecords = static_cast<std::int32_t>(random.between(1, 30));
                const bool recordLimit = random.chance(0.5);
                if (!lab.share.canAcquire(lab.settings))
                    break;
                const Acquired acquired = lab.acquire(member, read, maxRecords, recordLimit);
                std::map<std::int64_t, int> given;
                model.runEnds.clear();
                for (const AcquiredRecords &run : acquired) {
                    model.runEnds[run.lastOffset] = run.firstOffset;
                    for (std::int64_t offset = run.firstOffset; offset <= run.lastOffset; ++offset)
                        given[offset] = run.deliveryCount;
                }
                QVERIFY(given
                    == model.acquire(
                        member.number, read, maxRecords, recordLimit, lab.settings, lab.now));
                break;
            }
            case 3:
            case 4: {
                AcknowledgementBatch batch;
                batch.firstOffset =
                    std::max<std::int64_t>(0, lab.share.startOffset() + random.between(-3, 25));
                batch.lastOffset = batch.firstOffset + random.between(0, 10);
                const auto types =
                    random.chance(0.5) ? batch.lastOffset - batch.firstOffset + 1 : 1;
                for (std::int64_t i = 0; i < types; ++i)
                    batch.types.push_back(static_cast<AcknowledgeType>(random.between(0, 4)));
                QCOMPARE(SharePartition::check({&batch, 1}), ErrorCode::None);
                QCOMPARE(lab.acknowledge(member, {batch}),
                    model.acknowledge(member.number, batch, lab.settings, lab.now));
                break;
            }
            case 5:
                lab.advance(std::chrono::seconds{random.between(0, 20)});
                model.expire(lab.settings, lab.now);
                break;
            case 6:
                if (!isOut && lab.share.takeWrite()) {
                    isOut = true;
                    model.write();
                } else if (isOut) {
                    const bool stored = random.chance(0.7);
                    Context context = lab.context();
                    lab.share.written(stored, lab.settings, context);
                    model.written(stored, lab.settings, lab.now);
                    isOut = false;
                }
                break;
            case 7:
                if (random.chance(0.3)) {
                    lab.release(member);
                    model.release(member.number, lab.settings);
                }
                break;
            default:
                if (random.chance(0.1)) {
                    const std::int64_t logStart = lab.share.startOffset() + random.between(0, 20);
                    Context context = lab.context();
                    lab.share.logStartMoved(logStart, context);
                    model.logStartMoved(logStart);
                }
            }
            QCOMPARE(lab.share.startOffset(), model.start);
            QCOMPARE(lab.share.endOffset(), model.end);
            std::int64_t next = model.start;
            for (const ShareRecordsSnapshot &run :
                lab.share.snapshot(10'000, [](std::uint32_t) { return std::string_view(); })) {
                QCOMPARE(run.firstOffset, next);
                for (; next <= run.lastOffset; ++next) {
                    const Model::Record &record = model.records.at(next);
                    const bool isHeld =
                        record.write != 0 || record.state == ShareRecordState::Acquired;
                    QCOMPARE(run.state, isHeld ? ShareRecordState::Acquired : record.state);
                    QCOMPARE(run.deliveryCount, record.count);
                }
            }
            QCOMPARE(next, model.end);
        }
    }
};

QTEST_APPLESS_MAIN(SharePartitionTest)
#include "tst_share_partition.moc"
