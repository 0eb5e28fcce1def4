#include <QtTest>

#include "log_cluster.h"
#include "log_world.h"
#include "modern_members.h"

using namespace queuelab;
using namespace queuelab::log;
using namespace std::chrono_literals;
using queuelab::log::testing::consumerBeat;
using queuelab::log::testing::consumerJoin;
using queuelab::log::testing::LogCluster;
using queuelab::log::testing::LogWorld;

namespace {

using Partitions = std::vector<TopicPartition>;

/// The answer of whichever broker coordinates the group; it may take a while to be one.
ConsumerGroupHeartbeatResponse beat(
    LogCluster &cluster, const ConsumerGroupHeartbeatRequest &request)
{
    for (int tries = 0; tries < 60; ++tries) {
        for (int id = 1; id <= 3; ++id) {
            if (!cluster.isAlive(id))
                continue;
            const auto found =
                cluster.ask<FindCoordinatorResponse>(id, FindCoordinatorRequest{.key = "g"});
            if (found.error != ErrorCode::None || !cluster.isAlive(found.node))
                continue;
            auto answer = cluster.ask<ConsumerGroupHeartbeatResponse>(found.node, request);
            if (!isRetriable(answer.error))
                return answer;
        }
        cluster.run(1s);
    }
    qFatal("nobody coordinates the group");
}

} // namespace

class ModernGroupsBrokerTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aBrokerAloneAnswersInTheSameStep()
    {
        LogWorld world;
        world.ask(CreateTopicsRequest{{{.name = "t", .partitions = 2}}});
        world.ask(FindCoordinatorRequest{.key = "g"});
        const auto joined = world.askFor<ConsumerGroupHeartbeatResponse>(consumerJoin("a", {"t"}));
        QCOMPARE(joined.error, ErrorCode::None);
        QCOMPARE(joined.assignment.value(), (Partitions{{"t", 0}, {"t", 1}}));
        world.run(1s);
        world.ask(CreatePartitionsRequest{{{.name = "t", .count = 3}}});
        const auto grown =
            world.askFor<ConsumerGroupHeartbeatResponse>(consumerBeat("a", 1, joined.assignment));
        QCOMPARE(grown.assignment.value(), (Partitions{{"t", 0}, {"t", 1}, {"t", 2}}));
    }

    void sharePartitionsAreInitializedByTheBroker()
    {
        LogWorld world;
        world.ask(CreateTopicsRequest{{{.name = "t", .partitions = 2}}});
        world.ask(FindCoordinatorRequest{.key = "g"});
        const auto joined = world.askFor<ShareGroupHeartbeatResponse>(
            ShareGroupHeartbeatRequest{"g", "a", 0, {{"t"}}, "a"});
        QCOMPARE(joined.error, ErrorCode::None);
        world.run(5s);
        const auto next = world.askFor<ShareGroupHeartbeatResponse>(
            ShareGroupHeartbeatRequest{"g", "a", joined.memberEpoch, {}, "a"});
        QCOMPARE(next.assignment.value(), (Partitions{{"t", 0}, {"t", 1}}));
    }

    void aGroupsOwnSettingsSayHowOftenMembersReportAndWhenTheyAreGone()
    {
        LogWorld world;
        world.ask(CreateTopicsRequest{{{.name = "t", .partitions = 1}}});
        world.ask(FindCoordinatorRequest{.key = "g"});
        world.ask(AlterConfigsRequest{.groups = {{"g",
                                          {{"consumer.heartbeat.interval.ms", "6000"},
                                              {"consumer.session.timeout.ms", "50000"}}}}});
        const auto joined = world.askFor<ConsumerGroupHeartbeatResponse>(consumerJoin("a", {"t"}));
        QCOMPARE(joined.heartbeatInterval, 6s);
        world.run(48s); // the broker's own timeout is 45 s
        const auto late =
            world.askFor<ConsumerGroupHeartbeatResponse>(consumerBeat("a", 1, joined.assignment));
        QCOMPARE(late.error, ErrorCode::None);
        world.run(51s);
        const auto tooLate =
            world.askFor<ConsumerGroupHeartbeatResponse>(consumerBeat("a", 1, joined.assignment));
        QCOMPARE(tooLate.error, ErrorCode::UnknownMemberId);
    }

    void aShareGroupsOwnSettingsSayHowOftenMembersReportAndWhenTheyAreGone()
    {
        LogWorld world;
        world.ask(CreateTopicsRequest{{{.name = "t", .partitions = 1}}});
        world.ask(FindCoordinatorRequest{.key = "g"});
        world.ask(AlterConfigsRequest{.groups = {{"g",
                                          {{"share.heartbeat.interval.ms", "6000"},
                                              {"share.session.timeout.ms", "50000"}}}}});
        const auto joined = world.askFor<ShareGroupHeartbeatResponse>(
            ShareGroupHeartbeatRequest{"g", "a", 0, {{"t"}}, "a"});
        QCOMPARE(joined.heartbeatInterval, 6s);
        const ShareGroupHeartbeatRequest next{"g", "a", joined.memberEpoch, {}, "a"};
        world.run(48s); // the broker's own timeout is 45 s
        QCOMPARE(world.askFor<ShareGroupHeartbeatResponse>(next).error, ErrorCode::None);
        world.run(51s);
        QCOMPARE(world.askFor<ShareGroupHeartbeatResponse>(next).error, ErrorCode::UnknownMemberId);
    }

    void anotherBrokerGoesOnInMidReconciliation()
    {
        LogCluster cluster(3);
        cluster.run(5s);
        cluster.ask<CreateTopicsResponse>(
            1, CreateTopicsRequest{{{.name = "t", .partitions = 4, .replicationFactor = 3}}});
        beat(cluster, consumerJoin("a", {"t"}));
        cluster.run(1s);
        QCOMPARE(beat(cluster, consumerJoin("b", {"t"})).memberEpoch, 2);
        const Partitions all{{"t", 0}, {"t", 1}, {"t", 2}, {"t", 3}};
        const auto told = beat(cluster, consumerBeat("a", 1, all));
        QCOMPARE(told.assignment.value(), (Partitions{{"t", 0}, {"t", 1}}));

        const int before =
            cluster.ask<FindCoordinatorResponse>(1, FindCoordinatorRequest{.key = "g"}).node;
        cluster.kill(before);
        QVERIFY(!beat(cluster, consumerBeat("b", 2, Partitions{})).assignment);
        QCOMPARE(beat(cluster, consumerBeat("a", 1, told.assignment)).memberEpoch, 2);
        QCOMPARE(beat(cluster, consumerBeat("b", 2, Partitions{})).assignment.value(),
            (Partitions{{"t", 2}, {"t", 3}}));
    }
};

QTEST_APPLESS_MAIN(ModernGroupsBrokerTest)
#include "tst_modern_groups_broker.moc"
