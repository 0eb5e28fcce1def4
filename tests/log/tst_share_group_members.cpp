#include <QtTest>

#include "modern_members.h"

using namespace queuelab;
using namespace queuelab::log;
using namespace std::chrono_literals;
using queuelab::log::testing::consumerJoin;
using queuelab::log::testing::GroupFixture;
using queuelab::log::testing::joinOf;

namespace {

using Partitions = std::vector<TopicPartition>;

ShareGroupHeartbeatRequest request(const std::string &memberId, std::int32_t epoch,
    std::optional<std::vector<std::string>> topics = {})
{
    return {"g", memberId, epoch, std::move(topics), memberId};
}
ShareGroupHeartbeatResponse beat(GroupFixture &fixture, const ShareGroupHeartbeatRequest &asked)
{
    const auto id = fixture.shareBeat(asked);
    return fixture.answer<ShareGroupHeartbeatResponse>(id).value();
}

} // namespace

class ShareGroupMembersTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void partitionsAreAssignedOnceTheirStateIsKept()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 2);
        const auto joined = beat(fixture, request("a", 0, {{"t"}}));
        QCOMPARE(joined.error, ErrorCode::None);
        QCOMPARE(joined.memberEpoch, 1);
        QCOMPARE(joined.assignment.value(), Partitions{});
        QCOMPARE(fixture.state(), GroupState::Stable);
        QCOMPARE(fixture.group()->type, GroupType::Share);

        const auto wanted = fixture.initializeShares();
        QCOMPARE(wanted.size(), std::size_t{2});
        QCOMPARE(wanted[0].group, std::string("g"));
        QCOMPARE(wanted[0].partition, (TopicPartition{"t", 0}));
        QCOMPARE(wanted[0].stateEpoch, 1);
        fixture.run(5s);
        const auto next = beat(fixture, request("a", 1));
        QCOMPARE(next.memberEpoch, 2);
        QCOMPARE(next.assignment.value(), (Partitions{{"t", 0}, {"t", 1}}));
        QVERIFY(fixture.initializeShares().empty());
        QVERIFY(!beat(fixture, request("a", 2)).assignment);
    }

    void membersShareAPartition()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 1);
        beat(fixture, request("a", 0, {{"t"}}));
        fixture.initializeShares();
        fixture.run(1s);
        beat(fixture, request("a", 1));
        fixture.run(1s);
        QCOMPARE(
            beat(fixture, request("b", 0, {{"t"}})).assignment.value(), (Partitions{{"t", 0}}));
        QVERIFY(!beat(fixture, request("a", 2)).assignment); // it keeps it
    }

    void aFailedInitializationIsAskedForAgain()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 1);
        beat(fixture, request("a", 0, {{"t"}}));
        QCOMPARE(
            fixture.initializeShares(ErrorCode::CoordinatorNotAvailable).size(), std::size_t{1});
        fixture.run(5s);
        QCOMPARE(beat(fixture, request("a", 1)).memberEpoch, 1);
        QCOMPARE(fixture.initializeShares().size(), std::size_t{1});
        fixture.run(1s);
        QCOMPARE(beat(fixture, request("a", 1)).memberEpoch, 2);
        QCOMPARE(fixture.group()->members[0].assignment, (Partitions{{"t", 0}}));
    }

    void oneThatIsNotAnsweredIsAskedForAgainAfterAWhile()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 1);
        beat(fixture, request("a", 0, {{"t"}}));
        std::vector<GroupCoordinator::ShareInitialization> taken;
        fixture.coordinator.takeShareInitializations(taken);
        QCOMPARE(taken.size(), std::size_t{1});
        fixture.run(29s);
        beat(fixture, request("a", 1));
        taken.clear();
        fixture.coordinator.takeShareInitializations(taken);
        QVERIFY(taken.empty());
        fixture.run(1s);
        beat(fixture, request("a", 1));
        QCOMPARE(fixture.initializeShares().size(), std::size_t{1});
    }

    void nothingIsInitializedBeforeItStandsInTheLog()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 1);
        fixture.writes = GroupFixture::Writes::Later;
        fixture.shareBeat(request("a", 0, {{"t"}}));
        QVERIFY(fixture.initializeShares().empty());
        fixture.finishWrites();
        QCOMPARE(fixture.initializeShares().size(), std::size_t{1});
    }

    void anotherCoordinatorTakesTheGroupOver()
    {
        GroupFixture fixture;
        fixture.setTopic("t", 2);
        beat(fixture, request("a", 0, {{"t"}}));
        fixture.initializeShares();
        fixture.run(1s);
        beat(fixture, request("a", 1));
        fixture.failOver();
        QCOMPARE(fixture.group()->type, GroupType::Share);
        QCOMPARE(fixture.group()->members[0].assignment, (Partitions{{"t", 0}, {"t", 1}}));
        QCOMPARE(beat(fixture, request("a", 2)).error, ErrorCode::None);
        QVERIFY(fixture.initializeShares().empty());
        QCOMPARE(beat(fixture, request("a", -1)).memberEpoch, -1);
        QCOMPARE(fixture.state(), GroupState::Empty);
        fixture.run(30 * 24h); // a share group does not expire
        fixture.failOver();
        QVERIFY(fixture.group());
    }

    void requestsAreRefusedAsInKafka()
    {
        BrokerConfig config;
        config.shareGroupMaxSize = 1;
        GroupFixture fixture(config);
        QCOMPARE(beat(fixture, request("", 0, {{"t"}})).error, ErrorCode::InvalidRequest);
        QCOMPARE(beat(fixture, request("a", 0)).error, ErrorCode::InvalidRequest);
        QCOMPARE(beat(fixture, request("a", -2)).error, ErrorCode::InvalidRequest);
        QCOMPARE(beat(fixture, request("a", 1)).error, ErrorCode::GroupIdNotFound);
        beat(fixture, request("a", 0, {{"t"}}));
        QCOMPARE(beat(fixture, request("b", 0, {{"t"}})).error, ErrorCode::GroupMaxSizeReached);
        QCOMPARE(beat(fixture, request("b", 1)).error, ErrorCode::UnknownMemberId);
        QCOMPARE(beat(fixture, request("a", 7)).error, ErrorCode::FencedMemberEpoch);
        // A group has one type.
        const auto consumer = fixture.consumerBeat(consumerJoin("c", {"t"}));
        QCOMPARE(fixture.answer<ConsumerGroupHeartbeatResponse>(consumer)->error,
            ErrorCode::GroupIdNotFound);
        const auto classic = fixture.join(joinOf("c"));
        QCOMPARE(fixture.answer<JoinGroupResponse>(classic)->error,
            ErrorCode::InconsistentGroupProtocol);
        OffsetCommitRequest commit;
        commit.group = "g";
        commit.partitions = {{{"t", 0}, 1, -1, {}}};
        const auto committed = fixture.commit(commit);
        QCOMPARE(fixture.answer<OffsetCommitResponse>(committed)->partitions[0].error,
            ErrorCode::GroupIdNotFound);
    }

    void whoFallsSilentIsRemoved()
    {
        GroupFixture fixture;
        beat(fixture, request("a", 0, {{"t"}}));
        fixture.run(46s);
        QCOMPARE(fixture.state(), GroupState::Empty);
    }
};

QTEST_APPLESS_MAIN(ShareGroupMembersTest)
#include "tst_share_group_members.moc"
