#include <QtTest>

#include "engine/log/assignor.h"
#include "group_fixture.h"

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::GroupFixture;
using queuelab::log::testing::joinOf;
using Writes = GroupFixture::Writes;

namespace {

const TopicPartition kT0{"t", 0};

SharedBytes text(std::string_view bytes)
{
    return SharedBytes::fromText(bytes);
}

SyncGroupRequest syncOf(const std::string &memberId, std::int32_t generation,
    std::vector<SyncGroupRequest::Assignment> assignments = {})
{
    return {"g", generation, memberId, {}, std::move(assignments)};
}

OffsetCommitRequest commitOf(std::int64_t offset, const std::string &memberId = {},
    std::int32_t generation = -1, const std::string &group = "g")
{
    return {group, generation, memberId, {}, {{kT0, offset, -1, {}}}};
}

/// Members that have joined the next generation and not synced yet; the first leads.
std::vector<std::string> joined(GroupFixture &fixture, int members)
{
    std::vector<std::uint64_t> calls;
    for (int i = 0; i < members; ++i)
        calls.push_back(fixture.join(joinOf("c" + std::to_string(i))));
    fixture.run(6s);
    std::vector<std::string> ids;
    for (const std::uint64_t call : calls)
        ids.push_back(fixture.answer<JoinGroupResponse>(call).value().memberId);
    return ids;
}

/// The same, and each is assigned its number.
std::vector<std::string> stable(GroupFixture &fixture, int members)
{
    std::vector<std::string> ids = joined(fixture, members);
    std::vector<SyncGroupRequest::Assignment> assignments;
    for (std::size_t i = 0; i < ids.size(); ++i)
        assignments.push_back({ids[i], text(std::to_string(i))});
    fixture.sync(syncOf(ids[0], 1, assignments));
    for (std::size_t i = 1; i < ids.size(); ++i)
        fixture.sync(syncOf(ids[i], 1));
    invariant(fixture.state() == GroupState::Stable, "the group is stable");
    return ids;
}

} // namespace

class GroupPersistenceTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    // What is not in the log is not handed out.

    void anAssignmentReachesItsMembersWhenItIsWritten()
    {
        GroupFixture fixture;
        const auto ids = joined(fixture, 2);
        fixture.writes = Writes::Later;
        const auto follower = fixture.sync(syncOf(ids[1], 1));
        const auto leader =
            fixture.sync(syncOf(ids[0], 1, {{ids[0], text("one")}, {ids[1], text("two")}}));
        QCOMPARE(fixture.pendingWrites(), 1U);
        QCOMPARE(fixture.state(), GroupState::CompletingRebalance);
        QVERIFY(!fixture.answer<SyncGroupResponse>(leader));
        QVERIFY(!fixture.answer<SyncGroupResponse>(follower));
        fixture.finishWrites();
        QCOMPARE(fixture.state(), GroupState::Stable);
        QCOMPARE(
            fixture.answer<SyncGroupResponse>(leader)->assignment.text(), std::string_view("one"));
        QCOMPARE(fixture.answer<SyncGroupResponse>(follower)->assignment.text(),
            std::string_view("two"));
    }

    void aWriteThatFailsIsToldInTheCoordinatorsWords_data()
    {
        QTest::addColumn<ErrorCode>("error");
        QTest::addColumn<ErrorCode>("told");
        QTest::newRow("3") << ErrorCode::UnknownTopicOrPartition
                           << ErrorCode::CoordinatorNotAvailable;
        QTest::newRow("19") << ErrorCode::NotEnoughReplicas << ErrorCode::CoordinatorNotAvailable;
        QTest::newRow("20") << ErrorCode::NotEnoughReplicasAfterAppend
                            << ErrorCode::CoordinatorNotAvailable;
        QTest::newRow("7") << ErrorCode::RequestTimedOut << ErrorCode::CoordinatorNotAvailable;
        QTest::newRow("6") << ErrorCode::NotLeaderOrFollower << ErrorCode::NotCoordinator;
        QTest::newRow("56") << ErrorCode::KafkaStorageError << ErrorCode::NotCoordinator;
        QTest::newRow("10") << ErrorCode::MessageTooLarge << ErrorCode::UnknownServerError;
        QTest::newRow("2") << ErrorCode::CorruptMessage << ErrorCode::CorruptMessage;
    }
    void aWriteThatFailsIsToldInTheCoordinatorsWords()
    {
        QFETCH(ErrorCode, error);
        QFETCH(ErrorCode, told);
        GroupFixture fixture;
        const auto ids = joined(fixture, 2);
        fixture.writes = Writes::Fail;
        fixture.writeError = error;
        const auto follower = fixture.sync(syncOf(ids[1], 1));
        const auto leader = fixture.sync(syncOf(ids[0], 1, {{ids[0], text("one")}}));
        for (const std::uint64_t call : {leader, follower}) {
            const auto answer = fixture.answer<SyncGroupResponse>(call);
            QVERIFY(answer);
            QCOMPARE(answer->error, told);
            QVERIFY(answer->assignment.empty());
        }
        // All must join again.
        QCOMPARE(fixture.state(), GroupState::PreparingRebalance);
        QCOMPARE(fixture.heartbeat(ids[1], 1), ErrorCode::RebalanceInProgress);
        QCOMPARE(fixture.trace.count(
                     kind(LogEvent::GroupStateChanged), reason(LogReason::AssignmentNotStored)),
            1U);
        fixture.writes = Writes::AtOnce;
        fixture.join(joinOf("c0", ids[0]));
        fixture.join(joinOf("c1", ids[1]));
        QCOMPARE(fixture.group()->generation, 2);

        const auto commit = fixture.commit(commitOf(7, {}, -1, "other"));
        QCOMPARE(
            fixture.answer<OffsetCommitResponse>(commit)->partitions[0].error, ErrorCode::None);
        fixture.writes = Writes::Fail;
        const auto refused = fixture.commit(commitOf(8, {}, -1, "other"));
        QCOMPARE(fixture.answer<OffsetCommitResponse>(refused)->partitions[0].error, told);
        QCOMPARE(fixture.committed("other", kT0), 7);
    }

    void anAssignmentThatARoundHasOvertakenIsNotHandedOut()
    {
        GroupFixture fixture;
        const auto ids = joined(fixture, 1);
        fixture.writes = Writes::Later;
        const auto call = fixture.sync(syncOf(ids[0], 1, {{ids[0], text("all")}}));
        fixture.join(joinOf("late"));
        QCOMPARE(fixture.answer<SyncGroupResponse>(call)->error, ErrorCode::RebalanceInProgress);
        fixture.finishWrites();
        QCOMPARE(fixture.state(), GroupState::PreparingRebalance);
        // Its failure is of no interest either.
        fixture.join(joinOf("c0", ids[0]));
        QCOMPARE(fixture.group()->generation, 2);
        fixture.sync(syncOf(ids[0], 2, {{ids[0], text("all")}}));
        fixture.join(joinOf("later still"));
        fixture.finishWrites(ErrorCode::NotEnoughReplicas);
        QCOMPARE(fixture.state(), GroupState::PreparingRebalance);
    }

    void aCommitIsSeenWhenItIsWritten()
    {
        GroupFixture fixture;
        fixture.writes = Writes::Later;
        const auto first = fixture.commit(commitOf(5));
        const auto second = fixture.commit(commitOf(6));
        QVERIFY(!fixture.group());
        QCOMPARE(fixture.committed("g", kT0), -1);
        fixture.finishWrites(ErrorCode::None, 1);
        QVERIFY(fixture.answer<OffsetCommitResponse>(first));
        QVERIFY(!fixture.answer<OffsetCommitResponse>(second));
        QCOMPARE(fixture.committed("g", kT0), 5);
        fixture.finishWrites();
        QCOMPARE(fixture.committed("g", kT0), 6);
        QCOMPARE(fixture.group()->committed.at(0).offset, 6);
    }

    void partitionsThatCannotBeCommittedDoNotHoldBackTheOthers()
    {
        GroupFixture fixture;
        OffsetCommitRequest request = commitOf(5);
        request.partitions.push_back({{"ghost", 0}, 1, -1, {}});
        request.partitions.push_back({{"t", 1}, 1, -1, std::string(4'097, 'm')});
        request.partitions.push_back({{"t", 2}, 1, 3, std::string(4'096, 'm')});
        Effects effects;
        const std::vector<ErrorCode> refused{
            ErrorCode::None, ErrorCode::UnknownTopicOrPartition, ErrorCode::None, ErrorCode::None};
        fixture.coordinator.commit(
            {ClientId{1}, RequestId{1}}, request, kNoName, fixture.context(), effects, refused);
        std::vector<GroupCoordinator::Write> writes;
        fixture.coordinator.takeWrites(writes);
        QCOMPARE(writes.size(), 1U);
        QCOMPARE(readBatchHeader(writes[0].batch.view())->recordCount, 2);
        fixture.coordinator.written(writes[0].id, ErrorCode::None, fixture.context(), effects);
        const auto &answer =
            std::get<OffsetCommitResponse>(std::get<Answer>(effects.at(0)).response);
        QCOMPARE(answer.partitions[0].error, ErrorCode::None);
        QCOMPARE(answer.partitions[1].error, ErrorCode::UnknownTopicOrPartition);
        QCOMPARE(answer.partitions[2].error, ErrorCode::OffsetMetadataTooLarge);
        QCOMPARE(answer.partitions[3].error, ErrorCode::None);
    }

    void aGoneClientsCommitIsWrittenAndNotAnswered()
    {
        GroupFixture fixture;
        fixture.writes = Writes::Later;
        const auto call = fixture.commit(commitOf(5), 9);
        fixture.coordinator.clientGone(ClientId{9});
        fixture.finishWrites();
        QVERIFY(!fixture.answer<OffsetCommitResponse>(call));
        QCOMPARE(fixture.committed("g", kT0), 5);
    }

    void answersToAnotherBrokerGoThere()
    {
        GroupFixture fixture;
        Effects effects;
        fixture.coordinator.join(
            {ClientId{0}, RequestId{4}, NodeId{2}}, joinOf(""), fixture.context(), effects);
        fixture.coordinator.clientGone(ClientId{0}); // another client: no broker's call is its
        fixture.coordinator.unload(0, fixture.context(), effects);
        const auto &answer = std::get<AnswerPeer>(effects.at(0));
        QCOMPARE(answer.to, NodeId{2});
        QCOMPARE(answer.id, RequestId{4});
    }

    void aNewGroupLeavesARecord()
    {
        GroupFixture fixture;
        fixture.join(joinOf("a"));
        QCOMPARE(fixture.recordsOf(encodeKey(GroupKey{"g"})), 1U);
        fixture.failOver();
        QCOMPARE(fixture.state(), GroupState::Empty);
        QCOMPARE(fixture.group()->generation, 0);
    }

    void aGroupThatCannotBeWrittenIsNone()
    {
        GroupFixture fixture;
        fixture.writes = Writes::Fail;
        const auto call = fixture.join(joinOf("a"));
        QCOMPARE(
            fixture.answer<JoinGroupResponse>(call)->error, ErrorCode::CoordinatorNotAvailable);
        QVERIFY(!fixture.group());
        fixture.run(10min); // no deadline of it is left but the look for expired offsets
        QCOMPARE(fixture.trace.count(kind(LogEvent::MemberJoined)), 0U);
    }

    void anEmptyGroupIsWritten()
    {
        GroupFixture fixture;
        const auto ids = stable(fixture, 1);
        fixture.leave({"g", {{ids[0], {}, {}}}});
        fixture.failOver();
        QCOMPARE(fixture.state(), GroupState::Empty);
        QCOMPARE(fixture.group()->generation, 2);
        QVERIFY(fixture.group()->members.empty());
    }

    void ifItsEndIsNotWrittenTheGenerationBeforeComesBackAndTimesOut()
    {
        GroupFixture fixture;
        const auto ids = stable(fixture, 1);
        fixture.writes = Writes::Fail;
        fixture.leave({"g", {{ids[0], {}, {}}}});
        QCOMPARE(fixture.state(), GroupState::Empty);
        fixture.writes = Writes::AtOnce;
        fixture.failOver();
        QCOMPARE(fixture.state(), GroupState::Stable);
        fixture.run(45s);
        QCOMPARE(fixture.state(), GroupState::Empty);
    }

    // Static members.

    void aStaticMemberIsAnsweredWhenItsNewIdIsWritten()
    {
        GroupFixture fixture;
        const auto first = fixture.join(joinOf("a", {}, "host-1"));
        fixture.run(6s);
        const std::string oldId = fixture.answer<JoinGroupResponse>(first)->memberId;
        fixture.sync({"g", 1, oldId, "host-1", {{oldId, text("x")}}});
        fixture.writes = Writes::Later;
        const auto back = fixture.join(joinOf("a", {}, "host-1"));
        QVERIFY(!fixture.answer<JoinGroupResponse>(back));
        fixture.finishWrites();
        const auto answer = fixture.answer<JoinGroupResponse>(back);
        QCOMPARE(answer->error, ErrorCode::None);
        QCOMPARE(answer->generation, 1);
        QCOMPARE(answer->leader, oldId); // so that it does not share out anew
        QVERIFY(!answer->skipAssignment);
        fixture.failOver();
        QCOMPARE(fixture.heartbeat(oldId, 1), ErrorCode::UnknownMemberId);
        QCOMPARE(fixture.heartbeat(answer->memberId, 1), ErrorCode::None);
        const auto sync = fixture.sync({"g", 1, answer->memberId, "host-1", {}});
        QCOMPARE(fixture.answer<SyncGroupResponse>(sync)->assignment.text(), std::string_view("x"));
    }

    void aStaticLeaderThatCanSkipTheAssignmentStaysTheLeader()
    {
        GroupFixture fixture;
        const auto first = fixture.join(joinOf("a", {}, "host-1"));
        fixture.run(6s);
        const std::string oldId = fixture.answer<JoinGroupResponse>(first)->memberId;
        fixture.sync({"g", 1, oldId, "host-1", {{oldId, text("x")}}});
        JoinGroupRequest join = joinOf("a", {}, "host-1");
        join.canSkipAssignment = true;
        const auto answer = fixture.answer<JoinGroupResponse>(fixture.join(join));
        QCOMPARE(answer->leader, answer->memberId);
        QVERIFY(answer->skipAssignment);
        QCOMPARE(answer->members.size(), 1U);
        // It leads, so it may start a round: that one is shared out.
        join.memberId = answer->memberId;
        const auto again = fixture.answer<JoinGroupResponse>(fixture.join(join));
        QCOMPARE(again->generation, 2);
        QVERIFY(!again->skipAssignment);
    }

    void aStaticFollowerSkipsNothing()
    {
        GroupFixture fixture;
        const auto leader = fixture.join(joinOf("a", {}, "host-1"));
        const auto follower = fixture.join(joinOf("b", {}, "host-2"));
        fixture.run(6s);
        const std::string leaderId = fixture.answer<JoinGroupResponse>(leader)->memberId;
        const std::string followerId = fixture.answer<JoinGroupResponse>(follower)->memberId;
        fixture.sync({"g", 1, leaderId, "host-1", {{followerId, text("y")}}});
        JoinGroupRequest join = joinOf("b", {}, "host-2");
        join.canSkipAssignment = true;
        const auto answer = fixture.answer<JoinGroupResponse>(fixture.join(join));
        QCOMPARE(answer->leader, leaderId);
        QVERIFY(!answer->skipAssignment);
        QVERIFY(answer->members.empty());
        QCOMPARE(fixture.state(), GroupState::Stable);
    }

    void aStaticMemberWhoseNewIdIsNotWrittenGoesByTheOldOne()
    {
        GroupFixture fixture;
        const auto first = fixture.join(joinOf("a", {}, "host-1"));
        fixture.run(6s);
        const std::string oldId = fixture.answer<JoinGroupResponse>(first)->memberId;
        fixture.sync({"g", 1, oldId, "host-1", {{oldId, text("x")}}});
        fixture.writes = Writes::Fail;
        JoinGroupRequest join = joinOf("another", {}, "host-1");
        join.sessionTimeout = 10s;
        const auto answer = fixture.answer<JoinGroupResponse>(fixture.join(join));
        QCOMPARE(answer->error, ErrorCode::CoordinatorNotAvailable);
        QVERIFY(answer->memberId.empty());
        QCOMPARE(fixture.group()->members.at(0).memberId, oldId);
        QCOMPARE(fixture.group()->members.at(0).clientId, std::string("a"));
        QCOMPARE(fixture.group()->leader, oldId);
        QCOMPARE(fixture.heartbeat(oldId, 1), ErrorCode::None);
        fixture.run(11s); // its session timeout is the old one too
        QCOMPARE(fixture.state(), GroupState::Stable);
    }

    void aStaticMemberThatComesBackDuringTheSyncStartsAnotherRound()
    {
        GroupFixture fixture;
        fixture.join(joinOf("a", {}, "host-1"));
        fixture.join(joinOf("b", {}, "host-2"));
        fixture.run(6s);
        QCOMPARE(fixture.state(), GroupState::CompletingRebalance);
        const auto back = fixture.join(joinOf("b", {}, "host-2"));
        QCOMPARE(fixture.state(), GroupState::PreparingRebalance);
        QVERIFY(!fixture.answer<JoinGroupResponse>(back));
    }

    void aSecondProcessOfAStaticMemberFencesTheFirstThatWaits()
    {
        GroupFixture fixture;
        const auto first = fixture.join(joinOf("a", {}, "host-1"));
        const auto second = fixture.join(joinOf("a", {}, "host-1"));
        QCOMPARE(fixture.answer<JoinGroupResponse>(first)->error, ErrorCode::FencedInstanceId);
        fixture.run(6s);
        QCOMPARE(fixture.answer<JoinGroupResponse>(second)->error, ErrorCode::None);
        QCOMPARE(fixture.group()->members.size(), 1U);
    }

    void aStaticMemberOutlivesARoundThatItMisses()
    {
        GroupFixture fixture;
        const auto first = fixture.join(joinOf("a", {}, "host-1"));
        fixture.run(6s);
        const std::string id = fixture.answer<JoinGroupResponse>(first)->memberId;
        fixture.sync({"g", 1, id, "host-1", {}});
        JoinGroupRequest join = joinOf("b");
        join.rebalanceTimeout = 20s;
        const auto other = fixture.join(join);
        fixture.run(30s);
        QVERIFY(!fixture.answer<JoinGroupResponse>(other)); // 60 s are the largest timeout
        fixture.run(14s);
        QCOMPARE(fixture.group()->members.size(), 2U);
        fixture.run(1s); // its session, which began with the sync, is over
        QCOMPARE(fixture.group()->members.size(), 1U);
        QVERIFY(fixture.answer<JoinGroupResponse>(other));
    }

    // Taking over.

    void anotherCoordinatorGoesOnWhereTheFirstStopped()
    {
        GroupFixture fixture;
        const auto ids = stable(fixture, 3);
        fixture.commit(commitOf(7, ids[1], 1));
        const GroupSnapshot before = *fixture.group();
        fixture.run(40s);
        fixture.failOver();
        const GroupSnapshot after = *fixture.group();
        QCOMPARE(after.coordinator, 2);
        QCOMPARE(after.state, GroupState::Stable);
        QCOMPARE(after.generation, before.generation);
        QCOMPARE(after.protocol, before.protocol);
        QCOMPARE(after.leader, before.leader);
        QCOMPARE(after.members.size(), 3U);
        for (std::size_t i = 0; i < 3; ++i) {
            QCOMPARE(after.members[i].memberId, before.members[i].memberId);
            QCOMPARE(after.members[i].clientId, before.members[i].clientId);
        }
        QCOMPARE(after.committed.at(0).offset, 7);
        QCOMPARE(after.committed.at(0).at, before.committed.at(0).at);
        const auto sync = fixture.sync(syncOf(ids[2], 1));
        QCOMPARE(fixture.answer<SyncGroupResponse>(sync)->assignment.text(), std::string_view("2"));
        QCOMPARE(fixture.trace.count(kind(LogEvent::GroupLoaded)), 1U);
        QCOMPARE(fixture.trace.count(kind(LogEvent::GroupUnloaded)), 1U);
        // Sessions began anew.
        fixture.run(44s);
        QCOMPARE(fixture.heartbeat(ids[0], 1), ErrorCode::None);
        fixture.run(1s);
        QCOMPARE(fixture.heartbeat(ids[1], 1), ErrorCode::UnknownMemberId);
        QCOMPARE(fixture.heartbeat(ids[0], 1), ErrorCode::RebalanceInProgress);
    }

    void aRoundThatWasUnderWayIsForgotten()
    {
        GroupFixture fixture;
        const auto ids = stable(fixture, 1);
        const auto call = fixture.join(joinOf("late"));
        QCOMPARE(fixture.state(), GroupState::PreparingRebalance);
        fixture.failOver();
        const auto answer = fixture.answer<JoinGroupResponse>(call);
        QCOMPARE(answer->error, ErrorCode::NotCoordinator);
        QCOMPARE(fixture.state(), GroupState::Stable);
        QCOMPARE(fixture.heartbeat(ids[0], 1), ErrorCode::None);
        // Who joined in vain joins again, with an id that nobody knows.
        const auto again = fixture.join(joinOf("late", "late-id"));
        QCOMPARE(fixture.answer<JoinGroupResponse>(again)->error, ErrorCode::UnknownMemberId);
    }

    void whoWaitsIsToldThatTheCoordinatorHasMoved()
    {
        GroupFixture fixture;
        const auto ids = joined(fixture, 2);
        fixture.writes = Writes::Later;
        const auto follower = fixture.sync(syncOf(ids[1], 1));
        const auto leader = fixture.sync(syncOf(ids[0], 1, {{ids[0], text("one")}}));
        const auto commit = fixture.commit(commitOf(3, {}, -1, "other"));
        fixture.failOver();
        QCOMPARE(fixture.answer<SyncGroupResponse>(leader)->error, ErrorCode::NotCoordinator);
        QCOMPARE(fixture.answer<SyncGroupResponse>(follower)->error, ErrorCode::NotCoordinator);
        QCOMPARE(fixture.answer<OffsetCommitResponse>(commit)->partitions[0].error,
            ErrorCode::NotCoordinator);
        QCOMPARE(fixture.committed("other", kT0), -1);
    }

    void whatMadeItIntoTheLogIsThereThoughItsWriterNeverLearntOfIt()
    {
        GroupFixture fixture;
        const auto ids = joined(fixture, 1);
        fixture.writes = Writes::Later;
        fixture.sync(syncOf(ids[0], 1, {{ids[0], text("all")}}));
        fixture.commit(commitOf(3, {}, -1, "other"));
        fixture.failOver(2);
        QCOMPARE(fixture.state(), GroupState::Stable);
        QCOMPARE(fixture.committed("other", kT0), 3);
    }

    void aLateWordAboutAWriteIsIgnored()
    {
        GroupFixture fixture;
        Effects effects;
        fixture.coordinator.commit(
            {ClientId{1}, RequestId{1}}, commitOf(3), kNoName, fixture.context(), effects);
        std::vector<GroupCoordinator::Write> writes;
        fixture.coordinator.takeWrites(writes);
        fixture.coordinator.unload(0, fixture.context(), effects);
        QVERIFY(fixture.load());
        effects.clear();
        fixture.coordinator.written(writes.at(0).id, ErrorCode::None, fixture.context(), effects);
        QVERIFY(effects.empty());
        QCOMPARE(fixture.committed("g", kT0), -1);
    }

    void groupsOfOtherPartitionsAreRefused()
    {
        GroupFixture fixture;
        stable(fixture, 1);
        Effects effects;
        fixture.coordinator.unload(0, fixture.context(), effects);
        QVERIFY(!fixture.coordinator.coordinates("g"));
        QVERIFY(!fixture.coordinator.nextDeadline());
        QVERIFY(fixture.coordinator.snapshot().empty());
        QCOMPARE(fixture.answer<JoinGroupResponse>(fixture.join(joinOf("a")))->error,
            ErrorCode::NotCoordinator);
        QCOMPARE(fixture.answer<SyncGroupResponse>(fixture.sync(syncOf("a", 1)))->error,
            ErrorCode::NotCoordinator);
        QCOMPARE(fixture.heartbeat("a", 1), ErrorCode::NotCoordinator);
        QCOMPARE(fixture.leave({"g", {{"a", {}, {}}}}).error, ErrorCode::NotCoordinator);
        QCOMPARE(
            fixture.answer<OffsetCommitResponse>(fixture.commit(commitOf(1)))->partitions[0].error,
            ErrorCode::NotCoordinator);
        QCOMPARE(fixture.coordinator.fetch({"g", {}}).error, ErrorCode::NotCoordinator);
    }

    void aSecondLoadChangesNothing()
    {
        GroupFixture fixture;
        const auto ids = stable(fixture, 1);
        fixture.run(40s);
        QVERIFY(fixture.load());
        fixture.run(5s);
        QCOMPARE(fixture.heartbeat(ids[0], 1), ErrorCode::UnknownMemberId);
    }

    void aGroupAboveTheSizeLimitRebalancesAndTheLastFindsNoPlace()
    {
        GroupFixture fixture;
        const auto ids = stable(fixture, 3);
        fixture.config.groupMaxSize = 2;
        fixture.failOver();
        QCOMPARE(fixture.state(), GroupState::PreparingRebalance);
        fixture.join(joinOf("c0", ids[0]));
        fixture.join(joinOf("c1", ids[1]));
        const auto last = fixture.join(joinOf("c2", ids[2]));
        QCOMPARE(fixture.answer<JoinGroupResponse>(last)->error, ErrorCode::GroupMaxSizeReached);
        QCOMPARE(fixture.group()->members.size(), 2U);
        QCOMPARE(fixture.trace.count(kind(LogEvent::MemberLeft), reason(LogReason::GroupFull)), 1U);
    }

    void recordsOfOtherKindsOfGroupsAreLeftAlone()
    {
        GroupFixture fixture;
        fixture.commit(commitOf(3));
        fixture.appendRecord(fromHex("000300026731").value(), ByteView());
        fixture.failOver();
        QCOMPARE(fixture.committed("g", kT0), 3);
    }

    void aRecordThatCannotBeUnderstoodIsNamed_data()
    {
        QTest::addColumn<std::string>("key");
        QTest::addColumn<std::string>("value");
        QTest::newRow("key") << std::string("000200") << std::string("00");
        QTest::newRow("commit of a newer version")
            << std::string("00010002673100017400000000") << std::string("0005");
        QTest::newRow("group that is cut off")
            << std::string("000200026731") << std::string("0003000863");
    }
    void aRecordThatCannotBeUnderstoodIsNamed()
    {
        QFETCH(std::string, key);
        QFETCH(std::string, value);
        GroupFixture fixture;
        fixture.commit(commitOf(3));
        fixture.appendRecord(fromHex(key).value(), ByteView(fromHex(value).value()));
        Effects effects;
        fixture.coordinator.unload(0, fixture.context(), effects);
        const auto loaded = fixture.load();
        QVERIFY(!loaded);
        QCOMPARE(loaded.error().place, std::string("broker-1/__consumer_offsets-0"));
        QVERIFY(loaded.error().problem.ends_with("at offset 1"));
        QVERIFY(!fixture.coordinator.coordinates("g"));
        QVERIFY(fixture.coordinator.snapshot().empty());
    }

    void onlyWhatIsBelowTheHighWatermarkIsTakenOver()
    {
        GroupFixture fixture;
        fixture.commit(commitOf(3));
        fixture.commit(commitOf(4));
        GroupCoordinator other(fixture.config, NodeId{2});
        QVERIFY(other.load(0, fixture.log(), 1, fixture.context()));
        QCOMPARE(other.fetch({"g", std::vector{kT0}}).partitions.at(0).committedOffset, 3);
    }

    // Forgetting.

    void anEmptyGroupKeepsItsOffsetsForAWhile()
    {
        GroupFixture fixture;
        const auto ids = stable(fixture, 1);
        fixture.commit(commitOf(7, ids[0], 1));
        for (int day = 0; day < 10 * 24 * 60; ++day) { // it is alive: nothing expires
            fixture.run(30s);
            fixture.heartbeat(ids[0], 1);
        }
        fixture.leave({"g", {{ids[0], {}, {}}}});
        fixture.failOver(); // since when it is empty is in the log
        fixture.run(std::chrono::hours{24 * 7} - 1min);
        QCOMPARE(fixture.committed("g", kT0), 7);
        fixture.run(11min);
        QCOMPARE(fixture.committed("g", kT0), -1);
        QVERIFY(!fixture.group());
        QCOMPARE(fixture.recordsOf(encodeKey(GroupKey{"g"}), true), 1U);
        fixture.failOver();
        QVERIFY(!fixture.group());
    }

    void aSimpleGroupKeepsEachCommitForAWhile()
    {
        GroupFixture fixture;
        fixture.commit(commitOf(7));
        fixture.run(std::chrono::hours{24});
        OffsetCommitRequest later = commitOf(8);
        later.partitions[0].partition.partition = 1;
        fixture.commit(later);
        fixture.run(std::chrono::hours{24 * 6} + 10min);
        QCOMPARE(fixture.committed("g", kT0), -1);
        QCOMPARE(fixture.committed("g", {"t", 1}), 8);
        QVERIFY(fixture.group());
        fixture.run(std::chrono::hours{24});
        QVERIFY(!fixture.group());
    }

    void aStableGroupForgetsTopicsThatItNoLongerSubscribes()
    {
        GroupFixture fixture;
        JoinGroupRequest join = joinOf("a");
        join.protocols = {{"range", encodeSubscription({{"t"}, {}})}};
        const auto id = [&] {
            const auto call = fixture.join(join);
            fixture.run(6s);
            return fixture.answer<JoinGroupResponse>(call)->memberId;
        }();
        fixture.sync(syncOf(id, 1, {{id, {}}}));
        OffsetCommitRequest request = commitOf(7, id, 1);
        request.partitions.push_back({{"old", 0}, 9, -1, {}});
        fixture.commit(request);
        const auto live = [&](Duration duration) {
            for (const Instant end = fixture.now() + duration; fixture.now() < end;) {
                fixture.run(40s);
                fixture.heartbeat(id, 1);
            }
        };
        live(std::chrono::hours{24 * 7} - 10min);
        QCOMPARE(fixture.committed("g", {"old", 0}), 9);
        live(20min);
        QCOMPARE(fixture.committed("g", {"old", 0}), -1);
        QCOMPARE(fixture.committed("g", kT0), 7);
        QCOMPARE(fixture.state(), GroupState::Stable);
    }

    void anExpiryThatTheClientHasChosenCounts()
    {
        GroupFixture fixture;
        const std::int64_t nowMs = epochMillis(fixture.now());
        fixture.appendRecord(encodeKey(OffsetKey{"g", kT0}),
            ByteView(encodeValue(Commit{5, -1, {}, nowMs, nowMs + 60'000})));
        fixture.failOver();
        QCOMPARE(fixture.committed("g", kT0), 5);
        fixture.run(10min);
        QVERIFY(!fixture.group());
    }

    void whatIsBeingWrittenDoesNotExpire()
    {
        GroupFixture fixture;
        fixture.commit(commitOf(7));
        fixture.run(std::chrono::hours{24 * 7} - 5min);
        fixture.writes = Writes::Later;
        fixture.commit(commitOf(8));
        fixture.run(10min);
        QCOMPARE(fixture.pendingWrites(), 1U);
        fixture.writes = Writes::AtOnce;
        fixture.finishWrites();
        fixture.run(10min);
        QCOMPARE(fixture.committed("g", kT0), 8);
    }

    void aGroupThatComesBackWhileItIsBuriedLivesOn()
    {
        GroupFixture fixture;
        const auto ids = stable(fixture, 1);
        fixture.commit(commitOf(7, ids[0], 1));
        fixture.leave({"g", {{ids[0], {}, {}}}});
        fixture.run(std::chrono::hours{24 * 7} - 5min);
        fixture.writes = Writes::Later;
        fixture.run(15min);
        QCOMPARE(fixture.pendingWrites(), 1U);
        fixture.join(joinOf("b"));
        fixture.writes = Writes::AtOnce;
        fixture.finishWrites();
        QCOMPARE(fixture.state(), GroupState::PreparingRebalance);
        QCOMPARE(fixture.committed("g", kT0), -1);
    }

    void theCommitsOfADeletedTopicGoWithIt()
    {
        GroupFixture fixture;
        OffsetCommitRequest request = commitOf(7);
        request.partitions.push_back({{"kept", 0}, 9, -1, {}});
        fixture.commit(request);
        fixture.writes = Writes::Later;
        OffsetCommitRequest underWay = commitOf(1);
        underWay.partitions[0].partition.partition = 5;
        fixture.commit(underWay);
        fixture.coordinator.forgetTopic("t", fixture.context());
        fixture.run({});
        fixture.commit(commitOf(1, {}, -1, "other")); // takes the writes with it
        fixture.finishWrites();
        QCOMPARE(fixture.group()->committed.size(), 1U);
        QCOMPARE(fixture.committed("g", {"kept", 0}), 9);
        fixture.failOver();
        QCOMPARE(fixture.committed("g", kT0), -1);
        QCOMPARE(fixture.committed("g", {"t", 5}), -1);
        QCOMPARE(fixture.committed("g", {"kept", 0}), 9);
    }

    // What a rebalance cost.

    void aRebalanceTellsWhoKeptTheOthersWaiting()
    {
        GroupFixture fixture;
        const auto ids = stable(fixture, 3);
        fixture.join(joinOf("c1", ids[1]));
        QCOMPARE(fixture.state(), GroupState::Stable); // nothing new: no round
        JoinGroupRequest changed = joinOf("c1", ids[1]);
        changed.protocols[0].metadata = text("more");
        fixture.join(changed);
        fixture.run(2s);
        fixture.join(joinOf("c0", ids[0]));
        fixture.run(5s);
        fixture.join(joinOf("c2", ids[2]));
        fixture.run(1s);
        fixture.sync(syncOf(ids[0], 2, {}));
        const TraceEvent *completed = nullptr;
        for (std::uint64_t i = fixture.trace.first(); i < fixture.trace.end(); ++i) {
            if (fixture.trace.at(i).kind == kind(LogEvent::RebalanceCompleted))
                completed = &fixture.trace.at(i);
        }
        QVERIFY(completed);
        QCOMPARE(completed->actor, fixture.trace.name("c2"));
        QCOMPARE(completed->count, 3);
        QCOMPARE(Duration(completed->value), Duration(8s));
    }

    void aPendingIdThatRunsOutEndsTheFirstRoundsWait()
    {
        BrokerConfig config;
        config.groupInitialRebalanceDelay = 30s;
        GroupFixture fixture(config);
        JoinGroupRequest join = joinOf("slow");
        join.memberIdRequired = true;
        join.sessionTimeout = 6s;
        fixture.join(join);
        const auto first = fixture.join(joinOf("a"));
        fixture.run(6s);
        QVERIFY(fixture.answer<JoinGroupResponse>(first));
    }
};

QTEST_APPLESS_MAIN(GroupPersistenceTest)
#include "tst_group_persistence.moc"
