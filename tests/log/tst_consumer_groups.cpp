#include <QtTest>

#include "modern_members.h"

using namespace queuelab;
using namespace queuelab::log;
using namespace std::chrono_literals;
using queuelab::log::testing::consumerBeat;
using queuelab::log::testing::consumerJoin;
using queuelab::log::testing::GroupFixture;
using queuelab::log::testing::joinOf;
using queuelab::log::testing::ModernConsumer;

namespace {

using Partitions = std::vector<TopicPartition>;

ConsumerGroupHeartbeatResponse beat(
    GroupFixture &fixture, const ConsumerGroupHeartbeatRequest &request)
{
    const auto id = fixture.consumerBeat(request);
    return fixture.answer<ConsumerGroupHeartbeatResponse>(id).value();
}
Partitions of(const std::string &topic, std::initializer_list<std::int32_t> numbers)
{
    Partitions partitions;
    for (const std::int32_t number : numbers)
        partitions.push_back({topic, number});
    return partitions;
}
MemberSnapshot member(const GroupFixture &fixture, const std::string &id)
{
    for (const MemberSnapshot &shown : fixture.group().value().members) {
        if (shown.memberId == id)
            return shown;
    }
    qFatal("there is no such member");
}
OffsetCommitRequest commitOf(
    const std::string &memberId, std::int32_t epoch, const TopicPartition &partition)
{
    OffsetCommitRequest request;
    request.group = "g";
    request.memberId = memberId;
    request.generation = epoch;
    request.partitions = {{partition, 5, -1, {}}};
    return request;
}
ErrorCode commit(GroupFixture &fixture, const OffsetCommitRequest &request)
{
    const auto id = fixture.commit(request);
    return fixture.answer<OffsetCommitResponse>(id).value().partitions.at(0).error;
}

/// "a" has everything of topic t (4 partitions) at epoch 1, "b" has joined and waits, at epoch 2.
struct TwoMembers {
    explicit TwoMembers(GroupFixture &fixture)
    {
        fixture.setTopic("t", 4);
        beat(fixture, consumerJoin("a", {"t"}));
        fixture.run(1s);
        joinedB = beat(fixture, consumerJoin("b", {"t"}));
    }
    ConsumerGroupHeartbeatResponse joinedB;
};

} // namespace

class ConsumerGroupsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void theFirstMemberGetsEverything()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 3);
        const auto joined = beat(fixture, consumerJoin("a", {"t"}));
        QCOMPARE(joined.error, ErrorCode::None);
        QCOMPARE(joined.memberEpoch, 1);
        QCOMPARE(joined.heartbeatInterval, 5s);
        QCOMPARE(joined.assignment.value(), of("t", {0, 1, 2}));
        const GroupSnapshot group = fixture.group().value();
        QCOMPARE(group.type, GroupType::Consumer);
        QCOMPARE(group.state, GroupState::Stable);
        QCOMPARE(group.generation, 1);
        QCOMPARE(group.assignmentEpoch, 1);
        QCOMPARE(group.protocol, std::string("uniform"));
        QCOMPARE(member(fixture, "a").state, std::string("STABLE"));
        QCOMPARE(member(fixture, "a").target, of("t", {0, 1, 2}));
        // Nothing has changed: nothing is told.
        QVERIFY(!beat(fixture, consumerBeat("a", 1)).assignment);
        // A full heartbeat is told all.
        ConsumerGroupHeartbeatRequest full = consumerJoin("a", {"t"});
        full.memberEpoch = 1;
        QCOMPARE(beat(fixture, full).assignment.value(), of("t", {0, 1, 2}));
    }

    void aPartitionIsHandedOverOnlyWhenItsOwnerHasGivenItUp()
    {
        GroupFixture fixture;
        const TwoMembers two(fixture);
        QCOMPARE(two.joinedB.memberEpoch, 2);
        QCOMPARE(two.joinedB.assignment.value(), Partitions{});
        QCOMPARE(member(fixture, "b").state, std::string("UNRELEASED_PARTITIONS"));
        QCOMPARE(fixture.state(), GroupState::Reconciling);

        // "a" is told to give up two. It stays in its epoch until it says that it has.
        auto a = beat(fixture, consumerBeat("a", 1, of("t", {0, 1, 2, 3})));
        QCOMPARE(a.memberEpoch, 1);
        QCOMPARE(a.assignment.value(), of("t", {0, 1}));
        QCOMPARE(member(fixture, "a").state, std::string("UNREVOKED_PARTITIONS"));
        QCOMPARE(member(fixture, "a").revoking, of("t", {2, 3}));
        QVERIFY(!beat(fixture, consumerBeat("b", 2, Partitions{})).assignment);
        a = beat(fixture, consumerBeat("a", 1, of("t", {0, 1, 3})));
        QCOMPARE(a.memberEpoch, 1);
        QVERIFY(!beat(fixture, consumerBeat("b", 2, Partitions{})).assignment);

        a = beat(fixture, consumerBeat("a", 1, of("t", {0, 1})));
        QCOMPARE(a.memberEpoch, 2);
        QVERIFY(!a.assignment);
        const auto b = beat(fixture, consumerBeat("b", 2, Partitions{}));
        QCOMPARE(b.assignment.value(), of("t", {2, 3}));
        QCOMPARE(fixture.state(), GroupState::Stable);
        QCOMPARE(member(fixture, "b").state, std::string("STABLE"));
    }

    void aHeartbeatThatDoesNotSayWhatItHasGivesNothingUp()
    {
        GroupFixture fixture;
        const TwoMembers two(fixture);
        beat(fixture, consumerBeat("a", 1, of("t", {0, 1, 2, 3})));
        QCOMPARE(beat(fixture, consumerBeat("a", 1)).memberEpoch, 1);
    }

    void whoLeavesSetsItsPartitionsFreeAtOnce()
    {
        GroupFixture fixture;
        const TwoMembers two(fixture);
        const auto left = beat(fixture, consumerBeat("a", kLeaveEpoch));
        QCOMPARE(left.error, ErrorCode::None);
        QCOMPARE(left.memberEpoch, kLeaveEpoch);
        QCOMPARE(fixture.state(), GroupState::Assigning);
        fixture.run(1s);
        const auto b = beat(fixture, consumerBeat("b", 2, Partitions{}));
        QCOMPARE(b.memberEpoch, 3);
        QCOMPARE(b.assignment.value(), of("t", {0, 1, 2, 3}));
        QCOMPARE(beat(fixture, consumerBeat("a", kLeaveEpoch)).error, ErrorCode::UnknownMemberId);
    }

    void targetsAreComputedAtMostOnceInTheAssignmentInterval()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 4);
        beat(fixture, consumerJoin("a", {"t"}));
        const auto b = beat(fixture, consumerJoin("b", {"t"}));
        QCOMPARE(b.memberEpoch, 1); // of the target there is
        QCOMPARE(fixture.state(), GroupState::Assigning);
        QCOMPARE(fixture.group()->generation, 2);
        QCOMPARE(fixture.group()->assignmentEpoch, 1);
        fixture.run(999ms);
        QCOMPARE(beat(fixture, consumerBeat("b", 1, Partitions{})).memberEpoch, 1);
        fixture.run(1ms);
        QCOMPARE(beat(fixture, consumerBeat("b", 1, Partitions{})).memberEpoch, 2);
        QCOMPARE(fixture.group()->assignmentEpoch, 2);
    }

    void whoDoesNotGiveUpInTimeIsRemoved()
    {
        GroupFixture fixture;
        const TwoMembers two(fixture);
        beat(fixture, consumerBeat("a", 1, of("t", {0, 1, 2, 3})));
        for (int i = 0; i < 5; ++i) {
            fixture.run(11s);
            QCOMPARE(
                beat(fixture, consumerBeat("a", 1, of("t", {0, 1, 2, 3}))).error, ErrorCode::None);
            beat(fixture, consumerBeat("b", 2, Partitions{}));
        }
        fixture.run(5s); // 60 s since it was told to
        QCOMPARE(
            beat(fixture, consumerBeat("a", 1, Partitions{})).error, ErrorCode::UnknownMemberId);
        QCOMPARE(beat(fixture, consumerBeat("b", 2, Partitions{})).assignment.value(),
            of("t", {0, 1, 2, 3}));
    }

    void aMemberThatFallsSilentIsRemoved()
    {
        GroupFixture fixture;
        const TwoMembers two(fixture);
        fixture.run(44s);
        beat(fixture, consumerBeat("b", 2, Partitions{}));
        fixture.run(2s);
        QCOMPARE(fixture.group()->members.size(), std::size_t{1});
        QCOMPARE(fixture.trace.count(kind(LogEvent::MemberLeft), reason(LogReason::SessionTimeout)),
            std::uint64_t{1});
    }

    void topicsThatComeOrGrowAreNoticedWithTheNextHeartbeat()
    {
        GroupFixture fixture;
        fixture.setTopic("other", 1);
        QCOMPARE(beat(fixture, consumerJoin("a", {"t"})).assignment.value(), Partitions{});
        fixture.run(1s);
        fixture.setTopic("other", 2);
        QCOMPARE(beat(fixture, consumerBeat("a", 1, Partitions{})).memberEpoch, 1);
        fixture.setTopic("t", 1);
        QCOMPARE(
            beat(fixture, consumerBeat("a", 1, Partitions{})).assignment.value(), of("t", {0}));
        fixture.run(1s);
        fixture.setTopic("t", 2);
        const auto grown = beat(fixture, consumerBeat("a", 2, of("t", {0})));
        QCOMPARE(grown.memberEpoch, 3);
        QCOMPARE(grown.assignment.value(), of("t", {0, 1}));
        fixture.run(1s);
        fixture.removeTopic("t");
        QCOMPARE(
            beat(fixture, consumerBeat("a", 3, of("t", {0, 1}))).assignment.value(), Partitions{});
    }

    void aTopicThatIsNoLongerSubscribedToGoesAtOnce()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 1);
        fixture.setTopic("u", 1);
        beat(fixture, consumerJoin("a", {"t", "u"}));
        ConsumerGroupHeartbeatRequest request =
            consumerBeat("a", 1, Partitions{{"t", 0}, {"u", 0}});
        request.subscribedTopics = {"t"};
        const auto answer = beat(fixture, request); // within the assignment interval
        QCOMPARE(answer.memberEpoch, 1);
        QCOMPARE(answer.assignment.value(), of("t", {0}));
        QCOMPARE(member(fixture, "a").revoking, of("u", {0}));
    }

    void theAssignorIsTheOneMostMembersAskFor()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 4);
        ConsumerGroupHeartbeatRequest request = consumerJoin("a", {"t"});
        request.serverAssignor = "range";
        beat(fixture, request);
        QCOMPARE(fixture.group()->protocol, std::string("range"));
    }

    // Who is refused.

    void requestsThatMakeNoSenseAreInvalid_data()
    {
        QTest::addColumn<int>("what");
        QTest::addColumn<int>("error");
        const int invalid = static_cast<int>(ErrorCode::InvalidRequest);
        QTest::newRow("no group") << 0 << invalid;
        QTest::newRow("no member id") << 1 << invalid;
        QTest::newRow("an empty instance id") << 2 << invalid;
        QTest::newRow("no rebalance timeout") << 3 << invalid;
        QTest::newRow("no partitions said") << 4 << invalid;
        QTest::newRow("partitions before joining") << 5 << invalid;
        QTest::newRow("no topics") << 6 << invalid;
        QTest::newRow("leaves for now without an instance id") << 7 << invalid;
        QTest::newRow("no such epoch") << 8 << invalid;
        QTest::newRow("no such assignor") << 9 << static_cast<int>(ErrorCode::UnsupportedAssignor);
    }
    void requestsThatMakeNoSenseAreInvalid()
    {
        QFETCH(int, what);
        QFETCH(int, error);
        GroupFixture fixture;
        ConsumerGroupHeartbeatRequest request = consumerJoin("a", {"t"});
        switch (what) {
        case 0:
            request.group.clear();
            break;
        case 1:
            request.memberId.clear();
            break;
        case 2:
            request.groupInstanceId = "";
            break;
        case 3:
            request.rebalanceTimeoutMs = -1;
            break;
        case 4:
            request.owned.reset();
            break;
        case 5:
            request.owned = of("t", {0});
            break;
        case 6:
            request.subscribedTopics.reset();
            break;
        case 7:
            request.memberEpoch = -2;
            break;
        case 8:
            request.memberEpoch = -3;
            break;
        case 9:
            request.serverAssignor = "sticky";
            break;
        }
        const auto answer = beat(fixture, request);
        QCOMPARE(static_cast<int>(answer.error), error);
        QVERIFY(!answer.message.empty());
        QVERIFY(!fixture.group());
    }

    void unknownGroupsAndMembersAreToldSo()
    {
        GroupFixture fixture;
        QCOMPARE(beat(fixture, consumerBeat("a", 1)).error, ErrorCode::GroupIdNotFound);
        QCOMPARE(beat(fixture, consumerBeat("a", kLeaveEpoch)).error, ErrorCode::GroupIdNotFound);
        beat(fixture, consumerJoin("a", {"t"}));
        QCOMPARE(beat(fixture, consumerBeat("b", 1)).error, ErrorCode::UnknownMemberId);
    }

    void anEpochThatIsNotTheMembersIsFenced()
    {
        GroupFixture fixture;
        const TwoMembers two(fixture);
        beat(fixture, consumerBeat("a", 1, of("t", {0, 1, 2, 3})));
        beat(fixture, consumerBeat("a", 1, of("t", {0, 1})));
        QCOMPARE(member(fixture, "a").memberEpoch, 2);
        QCOMPARE(beat(fixture, consumerBeat("a", 3)).error, ErrorCode::FencedMemberEpoch);
        // The answer with epoch 2 was lost: it may come with 1, if it has nothing that is not its.
        QCOMPARE(beat(fixture, consumerBeat("a", 1, of("t", {0, 1, 2}))).error,
            ErrorCode::FencedMemberEpoch);
        QCOMPARE(beat(fixture, consumerBeat("a", 1)).error, ErrorCode::FencedMemberEpoch);
        QCOMPARE(beat(fixture, consumerBeat("a", 1, of("t", {0, 1}))).memberEpoch, 2);
        QVERIFY(fixture.trace.count(kind(LogEvent::MemberFenced)) == 3);
    }

    void aFullGroupTakesNobodyMore()
    {
        BrokerConfig config;
        config.consumerGroupMaxSize = 1;
        GroupFixture fixture(config);
        beat(fixture, consumerJoin("a", {"t"}));
        QCOMPARE(beat(fixture, consumerJoin("b", {"t"})).error, ErrorCode::GroupMaxSizeReached);
        QCOMPARE(beat(fixture, consumerJoin("a", {"t"})).error, ErrorCode::None);
    }

    // Static members.

    void aStaticMemberFindsItsPartitionsAgain()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 4);
        beat(fixture, consumerJoin("a", {"t"}, "i"));
        fixture.run(1s);
        beat(fixture, consumerJoin("b", {"t"}));
        beat(fixture, consumerBeat("a", 1, of("t", {0, 1, 2, 3}), "i"));
        beat(fixture, consumerBeat("a", 1, of("t", {0, 1}), "i"));
        beat(fixture, consumerBeat("b", 2, Partitions{}));

        QCOMPARE(
            beat(fixture, consumerJoin("a2", {"t"}, "i")).error, ErrorCode::UnreleasedInstanceId);
        QCOMPARE(beat(fixture, consumerBeat("a", kLeaveForNowEpoch, {}, "i")).memberEpoch,
            kLeaveForNowEpoch);
        fixture.run(10s);
        QVERIFY(!beat(fixture, consumerBeat("b", 2, of("t", {2, 3}))).assignment);
        const auto back = beat(fixture, consumerJoin("a2", {"t"}, "i"));
        QCOMPARE(back.error, ErrorCode::None);
        QCOMPARE(back.memberEpoch, 2); // no rebalance
        QCOMPARE(back.assignment.value(), of("t", {0, 1}));
        QCOMPARE(fixture.group()->generation, 2);
        // The process from before is fenced.
        QCOMPARE(beat(fixture, consumerBeat("a", 2, {}, "i")).error, ErrorCode::FencedInstanceId);
        QCOMPARE(beat(fixture, consumerBeat("x", 2, {}, "j")).error, ErrorCode::UnknownMemberId);
    }

    void aStaticMemberThatStaysAwayIsRemovedInTheEnd()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 1);
        beat(fixture, consumerJoin("a", {"t"}, "i"));
        beat(fixture, consumerBeat("a", kLeaveForNowEpoch, {}, "i"));
        fixture.run(46s);
        QCOMPARE(fixture.state(), GroupState::Empty);
    }

    // Offsets.

    void aCommitNeedsTheMembersEpoch()
    {
        GroupFixture fixture;
        const TwoMembers two(fixture);
        QCOMPARE(commit(fixture, commitOf("a", 1, {"t", 0})), ErrorCode::None);
        QCOMPARE(fixture.committed("g", {"t", 0}), 5);
        QCOMPARE(commit(fixture, commitOf("a", 2, {"t", 0})), ErrorCode::StaleMemberEpoch);
        QCOMPARE(commit(fixture, commitOf("x", 1, {"t", 0})), ErrorCode::UnknownMemberId);
        QCOMPARE(commit(fixture, commitOf("", -1, {"t", 0})), ErrorCode::UnknownMemberId);
        beat(fixture, consumerBeat("a", 1, of("t", {0, 1, 2, 3})));
        QCOMPARE(commit(fixture, commitOf("a", 1, {"t", 2})), ErrorCode::None); // while revoking
        beat(fixture, consumerBeat("a", 1, of("t", {0, 1})));
        // With its epoch from before only what it had then and has now.
        QCOMPARE(commit(fixture, commitOf("a", 1, {"t", 0})), ErrorCode::None);
        QCOMPARE(commit(fixture, commitOf("a", 1, {"t", 2})), ErrorCode::StaleMemberEpoch);
        beat(fixture, consumerBeat("b", 2, Partitions{}));
        QCOMPARE(commit(fixture, commitOf("b", 1, {"t", 2})), ErrorCode::StaleMemberEpoch);
        QCOMPARE(commit(fixture, commitOf("b", 2, {"t", 2})), ErrorCode::None);
    }

    void aFetchOfOffsetsMayNameTheMember()
    {
        GroupFixture fixture;
        const TwoMembers two(fixture);
        OffsetFetchRequest request;
        request.group = "g";
        QCOMPARE(fixture.coordinator.fetch(request).error, ErrorCode::None);
        request.memberId = "a";
        request.memberEpoch = 1;
        QCOMPARE(fixture.coordinator.fetch(request).error, ErrorCode::None);
        request.memberEpoch = 2;
        QCOMPARE(fixture.coordinator.fetch(request).error, ErrorCode::StaleMemberEpoch);
        request.memberId = "x";
        QCOMPARE(fixture.coordinator.fetch(request).error, ErrorCode::UnknownMemberId);
    }

    void aTransactionsCommitIsCheckedToo()
    {
        GroupFixture fixture;
        const TwoMembers two(fixture);
        TxnOffsetCommitRequest request;
        request.group = "g";
        request.producerId = 9;
        request.producerEpoch = 0;
        request.partitions = {{{"t", 0}, 5, -1, {}}};
        const auto error = [&] {
            const auto id = fixture.commitInTransaction(request);
            return fixture.answer<TxnOffsetCommitResponse>(id)->partitions[0].error;
        };
        QCOMPARE(error(), ErrorCode::None);
        request.memberId = "a";
        request.generation = 2;
        QCOMPARE(error(), ErrorCode::IllegalGeneration);
        request.generation = 1;
        QCOMPARE(error(), ErrorCode::None);
        request.memberId = "x";
        QCOMPARE(error(), ErrorCode::UnknownMemberId);
    }

    // One type at a time.

    void anEmptyClassicGroupBecomesOneOfKip848AndBack()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 1);
        OffsetCommitRequest simple;
        simple.group = "g";
        simple.partitions = {{{"t", 0}, 7, -1, {}}};
        QCOMPARE(commit(fixture, simple), ErrorCode::None);
        QCOMPARE(beat(fixture, consumerJoin("a", {"t"})).error, ErrorCode::None);
        QCOMPARE(fixture.committed("g", {"t", 0}), 7);
        const auto refused = fixture.join(joinOf("c"));
        QCOMPARE(fixture.answer<JoinGroupResponse>(refused)->error,
            ErrorCode::InconsistentGroupProtocol);
        QCOMPARE(fixture.heartbeat("a", 1), ErrorCode::UnknownMemberId);

        beat(fixture, consumerBeat("a", kLeaveEpoch));
        const auto joining = fixture.join(joinOf("c"));
        fixture.run(3s);
        const auto joined = fixture.answer<JoinGroupResponse>(joining);
        QCOMPARE(joined->error, ErrorCode::None);
        QCOMPARE(fixture.group()->type, GroupType::Classic);
        QCOMPARE(fixture.committed("g", {"t", 0}), 7);
        QCOMPARE(beat(fixture, consumerJoin("a", {"t"})).error, ErrorCode::GroupIdNotFound);
        fixture.sync({"g", 1, joined->memberId, {}, {}});
        fixture.failOver();
        QCOMPARE(fixture.group()->type, GroupType::Classic);
        QCOMPARE(fixture.group()->members.size(), std::size_t{1});
    }

    // What stands in the log.

    void nobodyIsToldWhatIsNotInTheLog()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 2);
        fixture.writes = GroupFixture::Writes::Later;
        const auto joining = fixture.consumerBeat(consumerJoin("a", {"t"}));
        QVERIFY(!fixture.answer<ConsumerGroupHeartbeatResponse>(joining));
        // One that changes nothing waits for what it rests on.
        const auto next = fixture.consumerBeat(consumerBeat("a", 1));
        QVERIFY(!fixture.answer<ConsumerGroupHeartbeatResponse>(next));
        fixture.finishWrites();
        QCOMPARE(fixture.answer<ConsumerGroupHeartbeatResponse>(joining)->memberEpoch, 1);
        QCOMPARE(fixture.answer<ConsumerGroupHeartbeatResponse>(next)->memberEpoch, 1);
    }

    void whatCouldNotBeWrittenIsWrittenWithTheNextChange()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 2);
        fixture.writes = GroupFixture::Writes::Fail;
        QCOMPARE(beat(fixture, consumerJoin("a", {"t"})).error, ErrorCode::CoordinatorNotAvailable);
        fixture.writes = GroupFixture::Writes::AtOnce;
        QCOMPARE(beat(fixture, consumerJoin("a", {"t"})).assignment.value(), of("t", {0, 1}));
        fixture.failOver();
        QCOMPARE(beat(fixture, consumerBeat("a", 1, of("t", {0, 1}))).error, ErrorCode::None);
        QCOMPARE(member(fixture, "a").assignment, of("t", {0, 1}));
    }

    void anotherCoordinatorGoesOnInMidReconciliation()
    {
        GroupFixture fixture;
        const TwoMembers two(fixture);
        beat(fixture, consumerBeat("a", 1, of("t", {0, 1, 2, 3})));
        fixture.failOver();
        QCOMPARE(fixture.state(), GroupState::Reconciling);
        QCOMPARE(member(fixture, "a").revoking, of("t", {2, 3}));
        QCOMPARE(member(fixture, "a").clientId, std::string("a"));
        QVERIFY(!beat(fixture, consumerBeat("b", 2, Partitions{})).assignment);
        QCOMPARE(beat(fixture, consumerBeat("a", 1, of("t", {0, 1}))).memberEpoch, 2);
        QCOMPARE(
            beat(fixture, consumerBeat("b", 2, Partitions{})).assignment.value(), of("t", {2, 3}));
        QCOMPARE(fixture.state(), GroupState::Stable);
        fixture.failOver();
        QCOMPARE(fixture.state(), GroupState::Stable);
        beat(fixture, consumerBeat("b", kLeaveEpoch));
        fixture.failOver();
        QCOMPARE(fixture.group()->members.size(), std::size_t{1});
        QCOMPARE(fixture.group()->generation, 3);
        fixture.run(1s);
        QCOMPARE(beat(fixture, consumerBeat("a", 2, of("t", {0, 1}))).assignment.value(),
            of("t", {0, 1, 2, 3}));
    }

    void anEmptyGroupWithoutOffsetsIsDeleted()
    {
        BrokerConfig config;
        config.offsetsRetention = 1h;
        GroupFixture fixture(config);
        fixture.setTopic("t", 1);
        beat(fixture, consumerJoin("a", {"t"}));
        commit(fixture, commitOf("a", 1, {"t", 0}));
        beat(fixture, consumerBeat("a", kLeaveEpoch));
        fixture.run(50min);
        QVERIFY(fixture.group());
        fixture.run(20min);
        QVERIFY(!fixture.group());
        fixture.failOver();
        QVERIFY(!fixture.group());
    }

    void thePlantedBugGivesOneMembersPartitionsToAll()
    {
        BrokerConfig config;
        config.plantedBug = PlantedBug::OverlappingAssignment;
        GroupFixture fixture(config);
        const TwoMembers two(fixture);
        QCOMPARE(two.joinedB.assignment.value(), of("t", {0, 1}));
        QCOMPARE(member(fixture, "a").assignment, of("t", {0, 1, 2, 3}));
    }
};

QTEST_APPLESS_MAIN(ConsumerGroupsTest)
#include "tst_consumer_groups.moc"
