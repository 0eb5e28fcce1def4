#include <QtTest>

#include "engine/log/events.h"
#include "log_world.h"

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::LogWorld;

namespace {

/// The group "g" seen through single requests: each member is a hand of its own.
class GroupByHand {
public:
    explicit GroupByHand(BrokerConfig config = {})
        : world(config)
    {
        world.ask(
            FindCoordinatorRequest{.key = "g"}); // its partition of __consumer_offsets is there
    }

    LogWorld world;

    static JoinGroupRequest request(const std::string &clientId, const std::string &memberId = {})
    {
        JoinGroupRequest join;
        join.group = "g";
        join.clientId = clientId;
        join.memberId = memberId;
        join.rebalanceTimeout = 60s;
        join.protocols = {{"range", SharedBytes::fromText("metadata")}};
        return join;
    }
    /// Asks for an id, comes back with it, and waits.
    std::pair<std::string, RequestId> startJoining(JoinGroupRequest join)
    {
        if (join.memberId.empty() && !join.groupInstanceId) {
            const auto first = world.askFor<JoinGroupResponse>(join);
            invariant(first.error == ErrorCode::MemberIdRequired, "a new member is given an id");
            join.memberId = first.memberId;
        }
        world.ask(join);
        return {join.memberId, world.lastRequest};
    }
    std::optional<JoinGroupResponse> joined(RequestId id)
    {
        auto answer = world.takeAnswer(id);
        if (!answer)
            return std::nullopt;
        return std::get<JoinGroupResponse>(*answer);
    }
    ErrorCode sync(const std::string &memberId, std::int32_t generation,
        std::vector<SyncGroupRequest::Assignment> assignments = {})
    {
        const auto answer = startSync(memberId, generation, std::move(assignments));
        return answer ? answer->error : ErrorCode::UnknownServerError;
    }
    std::optional<SyncGroupResponse> startSync(const std::string &memberId, std::int32_t generation,
        std::vector<SyncGroupRequest::Assignment> assignments = {})
    {
        auto answer =
            world.ask(SyncGroupRequest{"g", generation, memberId, {}, std::move(assignments)});
        if (!answer)
            return std::nullopt;
        return std::get<SyncGroupResponse>(*answer);
    }
    ErrorCode heartbeat(const std::string &memberId, std::int32_t generation)
    {
        return world.askFor<HeartbeatResponse>(HeartbeatRequest{"g", generation, memberId, {}})
            .error;
    }
    ErrorCode commit(const std::string &memberId, std::int32_t generation)
    {
        OffsetCommitRequest request{"g", generation, memberId, {}, {{{"t", 0}, 7, -1, {}}}};
        return world.askFor<OffsetCommitResponse>(request).partitions.at(0).error;
    }
    ErrorCode leave(const std::string &memberId)
    {
        return world.askFor<LeaveGroupResponse>(LeaveGroupRequest{"g", {{memberId, {}, {}}}})
            .members.at(0);
    }
    GroupState state() { return world.group("g").state; }

    /// A stable group of that many; the first leads. Returns the member ids.
    std::vector<std::string> stable(int members)
    {
        std::vector<std::string> ids;
        for (int i = 0; i < members; ++i)
            ids.push_back(startJoining(request("c" + std::to_string(i))).first);
        world.run(3s + 3s);
        world.run(1ms);
        invariant(state() == GroupState::CompletingRebalance, "the initial delay is over");
        for (std::size_t i = 1; i < ids.size(); ++i)
            startSync(ids[i], 1);
        startSync(ids[0], 1);
        invariant(state() == GroupState::Stable, "the leader has synced");
        return ids;
    }
};

void createTopic(LogWorld &world)
{
    CreateTopicsRequest request;
    request.topics.push_back({"t", 1, 1, {}});
    world.ask(request);
}

} // namespace

class GroupCoordinatorTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aSyncThatNamesAnotherProtocolIsRefused()
    {
        GroupByHand group;
        const std::string id = group.stable(1).at(0);
        SyncGroupRequest request{"g", 1, id, {}, {}};
        request.protocolType = "consumer";
        request.protocolName = "range";
        QCOMPARE(group.world.askFor<SyncGroupResponse>(request).error, ErrorCode::None);
        request.protocolName = "roundrobin";
        QCOMPARE(group.world.askFor<SyncGroupResponse>(request).error,
            ErrorCode::InconsistentGroupProtocol);
        request.protocolName = "range";
        request.protocolType = "connect";
        QCOMPARE(group.world.askFor<SyncGroupResponse>(request).error,
            ErrorCode::InconsistentGroupProtocol);
    }

    void aNewMemberIsGivenAnIdFirst()
    {
        GroupByHand group;
        const auto answer = group.world.askFor<JoinGroupResponse>(GroupByHand::request("worker"));
        QCOMPARE(answer.error, ErrorCode::MemberIdRequired);
        QVERIFY(answer.memberId.starts_with("worker-"));
        QCOMPARE(answer.memberId.size(), std::string("worker-").size() + 36);
        QCOMPARE(group.state(), GroupState::Empty);
    }

    void beforeVersion4AMemberIsAdmittedAtOnce()
    {
        GroupByHand group;
        JoinGroupRequest join = GroupByHand::request("old");
        join.memberIdRequired = false;
        QVERIFY(!group.world.ask(join));
        QCOMPARE(group.state(), GroupState::PreparingRebalance);
    }

    void theFirstRoundWaitsForTheInitialDelay()
    {
        GroupByHand group;
        const auto [id, request] = group.startJoining(GroupByHand::request("a"));
        group.world.run(2'999ms);
        QVERIFY(!group.joined(request));
        group.world.run(1ms);
        const auto answer = group.joined(request);
        QVERIFY(answer);
        QCOMPARE(answer->generation, 1);
        QCOMPARE(answer->leader, id);
        QCOMPARE(answer->members.size(), 1U);
        QCOMPARE(answer->protocolName, std::string("range"));
        QCOMPARE(group.state(), GroupState::CompletingRebalance);
    }

    void aMemberThatJoinsDuringTheDelayProlongsIt()
    {
        GroupByHand group;
        const auto first = group.startJoining(GroupByHand::request("a"));
        group.world.run(2s);
        const auto second = group.startJoining(GroupByHand::request("b"));
        group.world.run(1s); // 3 s after the first: armed anew
        QVERIFY(!group.joined(first.second));
        group.world.run(3s);
        QVERIFY(group.joined(first.second));
        const auto follower = group.joined(second.second);
        QVERIFY(follower);
        QVERIFY(follower->members.empty());
        QCOMPARE(follower->leader, first.first);
    }

    void theDelayNeverExceedsTheRebalanceTimeout()
    {
        GroupByHand group;
        JoinGroupRequest join = GroupByHand::request("a");
        join.rebalanceTimeout = 7s;
        const auto first = group.startJoining(join);
        for (int i = 0; i < 6; ++i) {
            group.world.run(1s);
            join.clientId = "b" + std::to_string(i);
            group.startJoining(join);
        }
        group.world.run(1s);
        QVERIFY(group.joined(first.second));
    }

    void joinIsRefused_data()
    {
        QTest::addColumn<int>("what");
        QTest::addColumn<ErrorCode>("error");
        QTest::newRow("empty group id") << 0 << ErrorCode::InvalidGroupId;
        QTest::newRow("session timeout too short") << 1 << ErrorCode::InvalidSessionTimeout;
        QTest::newRow("session timeout too long") << 2 << ErrorCode::InvalidSessionTimeout;
        QTest::newRow("member id in an unknown group") << 3 << ErrorCode::UnknownMemberId;
        QTest::newRow("no protocols") << 4 << ErrorCode::InconsistentGroupProtocol;
        QTest::newRow("no protocol type") << 5 << ErrorCode::InconsistentGroupProtocol;
    }
    void joinIsRefused()
    {
        QFETCH(int, what);
        QFETCH(ErrorCode, error);
        GroupByHand group;
        JoinGroupRequest join = GroupByHand::request("a");
        switch (what) {
        case 0:
            join.group.clear();
            break;
        case 1:
            join.sessionTimeout = 5'999ms;
            break;
        case 2:
            join.sessionTimeout = 1'800'001ms;
            break;
        case 3:
            join.memberId = "ghost";
            break;
        case 4:
            join.protocols.clear();
            break;
        case 5:
            join.protocolType.clear();
            break;
        }
        QCOMPARE(group.world.askFor<JoinGroupResponse>(join).error, error);
    }

    void protocolsMustMatchThoseOfTheGroup()
    {
        GroupByHand group;
        group.stable(1);
        JoinGroupRequest join = GroupByHand::request("other");
        join.protocols = {{"sticky", {}}};
        QCOMPARE(group.world.askFor<JoinGroupResponse>(join).error,
            ErrorCode::InconsistentGroupProtocol);
        join.protocols = {{"range", {}}};
        join.protocolType = "connect";
        QCOMPARE(group.world.askFor<JoinGroupResponse>(join).error,
            ErrorCode::InconsistentGroupProtocol);
    }

    void theProtocolAllSupportAndMostPreferWins()
    {
        GroupByHand group;
        const std::vector<std::vector<std::string>> lists{
            {"range", "sticky", "roundrobin"}, {"sticky", "range"}, {"sticky", "range"}};
        RequestId last{0};
        for (const auto &list : lists) {
            JoinGroupRequest join = GroupByHand::request("c");
            join.protocols.clear();
            for (const std::string &name : list)
                join.protocols.push_back({name, SharedBytes::fromText(name)});
            last = group.startJoining(join).second;
        }
        group.world.run(7s);
        QCOMPARE(group.joined(last)->protocolName, std::string("sticky"));
    }

    void aGroupHasASizeLimit()
    {
        BrokerConfig config;
        config.groupMaxSize = 1;
        GroupByHand group(config);
        group.stable(1);
        const auto answer = group.world.askFor<JoinGroupResponse>(GroupByHand::request("b"));
        QCOMPARE(answer.error, ErrorCode::GroupMaxSizeReached);
        QVERIFY(answer.memberId.empty());
    }

    void requestsInEachState()
    {
        GroupByHand group;
        createTopic(group.world);
        QCOMPARE(group.heartbeat("ghost", 1), ErrorCode::UnknownMemberId);
        QCOMPARE(group.sync("ghost", 1), ErrorCode::UnknownMemberId);
        QCOMPARE(group.commit("ghost", 1), ErrorCode::IllegalGeneration); // the group is unknown
        QCOMPARE(group.commit("", -1), ErrorCode::None); // a simple commit
        QCOMPARE(group.leave("ghost"), ErrorCode::UnknownMemberId);

        const auto leader = group.startJoining(GroupByHand::request("a"));
        const auto follower = group.startJoining(GroupByHand::request("b"));
        QCOMPARE(group.state(), GroupState::PreparingRebalance);
        QCOMPARE(group.sync(leader.first, 0), ErrorCode::RebalanceInProgress);
        QCOMPARE(group.heartbeat(leader.first, 0), ErrorCode::RebalanceInProgress);
        QCOMPARE(
            group.commit(leader.first, 0), ErrorCode::None); // the old generation's number holds
        QCOMPARE(group.commit("", -1), ErrorCode::UnknownMemberId);

        group.world.run(7s);
        QCOMPARE(group.state(), GroupState::CompletingRebalance);
        QCOMPARE(group.heartbeat(leader.first, 1), ErrorCode::None);
        QCOMPARE(group.heartbeat(leader.first, 0), ErrorCode::IllegalGeneration);
        QCOMPARE(group.commit(leader.first, 1), ErrorCode::RebalanceInProgress);
        QCOMPARE(group.sync(leader.first, 2), ErrorCode::IllegalGeneration);
        QVERIFY(!group.startSync(follower.first, 1));
        const RequestId parked = group.world.lastRequest;

        const auto synced = group.startSync(leader.first, 1,
            {{leader.first, SharedBytes::fromText("one")},
                {follower.first, SharedBytes::fromText("two")}});
        QCOMPARE(synced->assignment.text(), std::string_view("one"));
        const auto answer = group.world.takeAnswer(parked);
        QCOMPARE(std::get<SyncGroupResponse>(*answer).assignment.text(), std::string_view("two"));
        QCOMPARE(group.state(), GroupState::Stable);
        QCOMPARE(group.heartbeat(follower.first, 1), ErrorCode::None);
        QCOMPARE(group.commit(follower.first, 1), ErrorCode::None);
        QCOMPARE(group.commit(follower.first, 0), ErrorCode::IllegalGeneration);
        QCOMPARE(group.startSync(follower.first, 1)->assignment.text(), std::string_view("two"));
    }

    void aMemberTheLeaderLeavesOutIsSentNoBytes()
    {
        GroupByHand group;
        const auto leader = group.startJoining(GroupByHand::request("a"));
        const auto follower = group.startJoining(GroupByHand::request("b"));
        group.world.run(7s);
        group.startSync(leader.first, 1, {{leader.first, SharedBytes::fromText("all")}});
        const auto synced = group.startSync(follower.first, 1);
        QCOMPARE(synced->error, ErrorCode::None);
        QVERIFY(synced->assignment.empty());
    }

    void aFollowerThatRejoinsUnchangedGetsItsGenerationAtOnce()
    {
        GroupByHand group;
        const auto ids = group.stable(2);
        const auto answer =
            group.world.askFor<JoinGroupResponse>(GroupByHand::request("c1", ids[1]));
        QCOMPARE(answer.error, ErrorCode::None);
        QCOMPARE(answer.generation, 1);
        QCOMPARE(group.state(), GroupState::Stable);
    }

    void aFollowerWithChangedMetadataStartsARebalance()
    {
        GroupByHand group;
        const auto ids = group.stable(2);
        JoinGroupRequest join = GroupByHand::request("c1", ids[1]);
        join.protocols[0].metadata = SharedBytes::fromText("more topics");
        QVERIFY(!group.world.ask(join));
        QCOMPARE(group.state(), GroupState::PreparingRebalance);
        QCOMPARE(group.heartbeat(ids[0], 1), ErrorCode::RebalanceInProgress);
        QVERIFY(group.world.ask(
            GroupByHand::request("c0", ids[0]))); // the last to join: answered at once
        QCOMPARE(group.state(), GroupState::CompletingRebalance); // all joined: no delay any more
        QCOMPARE(group.world.group("g").generation, 2);
    }

    void theLeaderMayAlwaysStartARebalance()
    {
        GroupByHand group;
        const auto ids = group.stable(2);
        QVERIFY(!group.world.ask(GroupByHand::request("c0", ids[0])));
        QCOMPARE(group.state(), GroupState::PreparingRebalance);
    }

    void whoDoesNotRejoinInTimeIsRemoved()
    {
        GroupByHand group;
        const auto ids = group.stable(2);
        const auto newcomer = group.startJoining(GroupByHand::request("new"));
        for (int i = 0; i < 7; ++i) { // both old members heartbeat on, only one rejoins
            QCOMPARE(group.heartbeat(ids[1], 1), ErrorCode::RebalanceInProgress);
            if (i == 0)
                group.world.ask(GroupByHand::request("c0", ids[0]));
            group.world.run(i == 6 ? 1s : 10s - 1ms);
        }
        QCOMPARE(group.state(), GroupState::CompletingRebalance);
        QCOMPARE(group.world.group("g").members.size(), 2U);
        QCOMPARE(group.heartbeat(ids[1], 1), ErrorCode::UnknownMemberId);
        QCOMPARE(
            group.world.trace().count(kind(LogEvent::MemberLeft), reason(LogReason::DidNotRejoin)),
            1U);
        QVERIFY(group.joined(newcomer.second));
    }

    void anotherLeaderIsElectedWhenTheOldOneDoesNotRejoin()
    {
        GroupByHand group;
        const auto ids = group.stable(2);
        JoinGroupRequest join = GroupByHand::request("c1", ids[1]);
        join.protocols[0].metadata = SharedBytes::fromText("changed");
        group.world.ask(join);
        group.world.run(60s);
        QCOMPARE(group.world.group("g").leader, ids[1]);
    }

    void whoDoesNotSyncInTimeIsRemoved()
    {
        GroupByHand group;
        const auto leader = group.startJoining(GroupByHand::request("a"));
        const auto follower = group.startJoining(GroupByHand::request("b"));
        group.world.run(6s + 1ms);
        group.startSync(leader.first, 1);
        QCOMPARE(group.state(), GroupState::Stable);
        for (int i = 0; i < 6; ++i) {
            group.world.run(10s);
            if (group.state() == GroupState::Stable) {
                group.heartbeat(leader.first, 1);
                group.heartbeat(follower.first, 1);
            }
        }
        QCOMPARE(
            group.world.trace().count(kind(LogEvent::MemberLeft), reason(LogReason::DidNotSync)),
            1U);
        QCOMPARE(group.state(), GroupState::PreparingRebalance);
    }

    void aSessionEndsWithoutHeartbeats()
    {
        GroupByHand group;
        const auto ids = group.stable(2);
        group.world.run(44s);
        group.heartbeat(ids[0], 1);
        group.world.run(1s);
        QCOMPARE(group.state(), GroupState::PreparingRebalance);
        QCOMPARE(group.heartbeat(ids[1], 1), ErrorCode::UnknownMemberId);
        QCOMPARE(group.heartbeat(ids[0], 1), ErrorCode::RebalanceInProgress);
    }

    void aCommitKeepsTheSessionAlive()
    {
        GroupByHand group;
        createTopic(group.world);
        const auto ids = group.stable(1);
        for (int i = 0; i < 5; ++i) {
            group.world.run(40s);
            QCOMPARE(group.commit(ids[0], 1), ErrorCode::None);
        }
        QCOMPARE(group.state(), GroupState::Stable);
    }

    void aPendingIdExpiresWithTheSessionTimeout()
    {
        GroupByHand group;
        const auto ids = group.stable(1);
        group.world.askFor<JoinGroupResponse>(GroupByHand::request("late"));
        JoinGroupRequest join = GroupByHand::request("c0", ids[0]);
        QVERIFY(!group.world.ask(join)); // the leader rejoins; the pending one is waited for
        const RequestId request = group.world.lastRequest;
        group.world.run(44s);
        QVERIFY(!group.joined(request));
        group.world.run(2s);
        QVERIFY(group.joined(request));
    }

    void theLastMemberToLeaveEmptiesTheGroup()
    {
        GroupByHand group;
        const auto ids = group.stable(1);
        QCOMPARE(group.leave(ids[0]), ErrorCode::None);
        QCOMPARE(group.state(), GroupState::Empty);
        QCOMPARE(group.world.group("g").generation, 2);
        QCOMPARE(group.leave(ids[0]), ErrorCode::UnknownMemberId);
    }

    void leavingStartsARebalanceOfTheOthers()
    {
        GroupByHand group;
        const auto ids = group.stable(3);
        QCOMPARE(group.leave(ids[1]), ErrorCode::None);
        QCOMPARE(group.state(), GroupState::PreparingRebalance);
        QCOMPARE(group.world.group("g").members.size(), 2U);
    }

    void aRebalanceAnswersParkedSyncs()
    {
        GroupByHand group;
        group.startJoining(GroupByHand::request("a"));
        const auto follower = group.startJoining(GroupByHand::request("b"));
        group.world.run(7s);
        QVERIFY(!group.startSync(follower.first, 1));
        const RequestId parked = group.world.lastRequest;
        group.startJoining(GroupByHand::request("c"));
        const auto answer = group.world.takeAnswer(parked);
        QVERIFY(answer);
        QCOMPARE(std::get<SyncGroupResponse>(*answer).error, ErrorCode::RebalanceInProgress);
    }

    void aStaticMemberComesBackWithoutARebalance()
    {
        GroupByHand group;
        JoinGroupRequest join = GroupByHand::request("a");
        join.groupInstanceId = "host-1";
        group.world.ask(join);
        const RequestId first = group.world.lastRequest;
        group.world.run(6s);
        const std::string oldId = group.joined(first)->memberId;
        QVERIFY(oldId.starts_with("host-1-"));
        group.world.ask(
            SyncGroupRequest{"g", 1, oldId, "host-1", {{oldId, SharedBytes::fromText("x")}}});
        QCOMPARE(group.state(), GroupState::Stable);

        const auto back = group.world.askFor<JoinGroupResponse>(join);
        QCOMPARE(back.error, ErrorCode::None);
        QCOMPARE(back.generation, 1);
        QVERIFY(back.memberId != oldId);
        QCOMPARE(back.leader, oldId); // so that it does not share out anew
        QCOMPARE(group.state(), GroupState::Stable);
        const auto sync = group.world.askFor<SyncGroupResponse>(
            SyncGroupRequest{"g", 1, back.memberId, "host-1", {}});
        QCOMPARE(sync.assignment.text(), std::string_view("x"));
        // The old process is fenced off.
        QCOMPARE(
            group.world.askFor<HeartbeatResponse>(HeartbeatRequest{"g", 1, oldId, "host-1"}).error,
            ErrorCode::FencedInstanceId);
        QCOMPARE(
            group.world.askFor<HeartbeatResponse>(HeartbeatRequest{"g", 1, oldId, "host-9"}).error,
            ErrorCode::UnknownMemberId);
    }

    void anAdministratorRemovesAStaticMemberByItsInstanceId()
    {
        GroupByHand group;
        JoinGroupRequest join = GroupByHand::request("a");
        join.groupInstanceId = "host-1";
        group.world.ask(join);
        group.world.run(6s);
        LeaveGroupRequest leave{"g", {{"", "host-1", {}}, {"", "host-2", {}}}};
        const auto answer = group.world.askFor<LeaveGroupResponse>(leave);
        QCOMPARE(
            answer.members, (std::vector<ErrorCode>{ErrorCode::None, ErrorCode::UnknownMemberId}));
        QCOMPARE(group.state(), GroupState::Empty);
    }

    void aGoneClientStaysAMemberUntilItsSessionEnds()
    {
        GroupByHand group;
        JoinGroupRequest join = GroupByHand::request("a");
        join.memberIdRequired = false;
        group.world.ask(join, 2'000);
        const RequestId request = group.world.lastRequest;
        group.world.disconnect(2'000);
        group.world.run(3s + 1ms);
        QVERIFY(!group.joined(request)); // nobody is answered
        QCOMPARE(group.world.group("g").members.size(), 1U);
        group.world.run(46s);
        QCOMPARE(group.world.group("g").members.size(), 0U);
        QCOMPARE(group.state(), GroupState::Empty);
    }
};

QTEST_APPLESS_MAIN(GroupCoordinatorTest)
#include "tst_group_coordinator.moc"
