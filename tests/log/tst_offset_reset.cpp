#include <QtTest>

#include "engine/log/offset_reset.h"

using namespace queuelab;
using namespace queuelab::log;

namespace {

const TopicPartition kT0{"t", 0};

/// Partition t-0 from offset 10 to 20.
ResetAnswers answers(std::optional<std::int64_t> atTime = {})
{
    ResetAnswers given;
    given.earliest.partitions.push_back({kT0, ErrorCode::None, -1, 10});
    given.latest.partitions.push_back({kT0, ErrorCode::None, -1, 20});
    if (atTime)
        given.byTime.partitions.push_back({kT0, ErrorCode::None, -1, *atTime});
    return given;
}

OffsetFetchResponse committed(std::int64_t offset)
{
    return {ErrorCode::None, {{kT0, ErrorCode::None, offset, {}}}};
}

} // namespace

class OffsetResetTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aGroupWithMembersIsNotReset_data()
    {
        QTest::addColumn<GroupState>("state");
        QTest::addColumn<bool>("allowed");
        QTest::newRow("Empty") << GroupState::Empty << true;
        QTest::newRow("Dead") << GroupState::Dead << true;
        QTest::newRow("Stable") << GroupState::Stable << false;
        QTest::newRow("PreparingRebalance") << GroupState::PreparingRebalance << false;
        QTest::newRow("CompletingRebalance") << GroupState::CompletingRebalance << false;
    }
    void aGroupWithMembersIsNotReset()
    {
        QFETCH(GroupState, state);
        QFETCH(bool, allowed);
        const auto verdict = resettable("billing", state);
        QCOMPARE(verdict.has_value(), allowed);
        if (!allowed) {
            QCOMPARE(verdict.error().problem,
                "Assignments can only be reset if the group 'billing' is inactive, but the "
                "current state is "
                    + std::string(groupStateName(state)) + ".");
        }
    }

    void offsetsAreMovedToTheTargetWithinTheLog_data()
    {
        QTest::addColumn<ResetTarget>("target");
        QTest::addColumn<qint64>("committedOffset");
        QTest::addColumn<qint64>("atTime");
        QTest::addColumn<qint64>("expected");
        QTest::addColumn<std::string>("warning");
        const std::string none;
        const auto row = [&](const char *name, ResetTarget target, qint64 at, qint64 time,
                             qint64 to, const std::string &warning) {
            QTest::newRow(name) << target << at << time << to << warning;
        };
        row("earliest", ToEarliest{}, 15, -1, 10, none);
        row("latest", ToLatest{}, 15, -1, 20, none);
        row("time", ToTime{5}, 15, 13, 13, none);
        row("time behind the last record", ToTime{5}, 15, -1, 20,
            "Partition 0 from topic t is empty. Falling back to latest known offset.");
        row("back", ByShift{-3}, 15, -1, 12, none);
        row("forward", ByShift{3}, 15, -1, 18, none);
        row("to the end exactly", ByShift{5}, 15, -1, 20, none);
        row("back too far", ByShift{-6}, 15, -1, 10,
            "New offset (9) is lower than earliest offset for topic partition t-0. Value will be "
            "set to 10");
        row("forward too far", ByShift{6}, 15, -1, 20,
            "New offset (21) is higher than latest offset for topic partition t-0. Value will be "
            "set to 20");
        row("a shift beyond all offsets", ByShift{INT64_MAX}, 15, -1, 20,
            "New offset (9223372036854775807) is higher than latest offset for topic partition "
            "t-0. Value will be set to 20");
        row("a shift before all offsets", ByShift{INT64_MIN}, 15, -1, 10,
            "New offset (-9223372036854775793) is lower than earliest offset for topic partition "
            "t-0. Value will be set to 10");
        row("offset", ToOffset{17}, -1, -1, 17, none);
        row("offset below the log", ToOffset{-5}, -1, -1, 10,
            "New offset (-5) is lower than earliest offset for topic partition t-0. Value will be "
            "set to 10");
        row("offset above the log", ToOffset{99}, -1, -1, 20,
            "New offset (99) is higher than latest offset for topic partition t-0. Value will be "
            "set to 20");
    }
    void offsetsAreMovedToTheTargetWithinTheLog()
    {
        QFETCH(ResetTarget, target);
        QFETCH(qint64, committedOffset);
        QFETCH(qint64, atTime);
        QFETCH(qint64, expected);
        QFETCH(std::string, warning);
        const auto reset =
            resetOffsets("g", {kT0}, target, committed(committedOffset), answers(atTime));
        QVERIFY(reset);
        QCOMPARE(reset->request.group, std::string("g"));
        QCOMPARE(reset->request.generation, -1);
        QVERIFY(reset->request.memberId.empty());
        QCOMPARE(reset->request.partitions.at(0).committedOffset, expected);
        QCOMPARE(reset->moves.at(0), (OffsetMove{kT0, committedOffset, expected}));
        QCOMPARE(
            reset->warnings, warning.empty() ? std::vector<std::string>{} : std::vector{warning});
    }

    void nothingIsResetWhenOnePartitionCannotBe()
    {
        const std::vector<TopicPartition> both{kT0, {"t", 1}};
        ResetAnswers given = answers();
        given.earliest.partitions.push_back({{"t", 1}, ErrorCode::LeaderNotAvailable});
        given.latest.partitions.push_back({{"t", 1}, ErrorCode::None, -1, 4});
        const auto unknown = resetOffsets("g", both, ToLatest{}, committed(12), given);
        QVERIFY(!unknown);
        QCOMPARE(unknown.error().place, std::string("partition t-1"));
        given.earliest.partitions.back().error = ErrorCode::None;
        given.earliest.partitions.back().offset = 0;
        QVERIFY(resetOffsets("g", both, ToLatest{}, committed(12), given));
        const auto unshifted = resetOffsets("g", both, ByShift{1}, committed(12), given);
        QVERIFY(!unshifted);
        QCOMPARE(unshifted.error().problem,
            std::string("Cannot shift offset for partition t-1 since there is no current committed "
                        "offset"));
        QVERIFY(!resetOffsets("g", {kT0}, ToTime{5}, committed(12), answers()));
        QVERIFY(!resetOffsets("g", {{"ghost", 0}}, ToLatest{}, {}, answers()));
    }

    void bothEndsAreAskedForAndTheTimeOnlyWhenItIsTheTarget()
    {
        const auto ends = resetQuestions({kT0}, ByShift{1});
        QCOMPARE(ends.earliest.partitions.at(0).timestamp, ListOffsetsRequest::kEarliest);
        QCOMPARE(ends.latest.partitions.at(0).timestamp, ListOffsetsRequest::kLatest);
        QVERIFY(ends.byTime.partitions.empty());
        QCOMPARE(resetQuestions({kT0}, ToTime{5}).byTime.partitions.at(0).timestamp, 5);
    }
};

QTEST_APPLESS_MAIN(OffsetResetTest)
#include "tst_offset_reset.moc"
