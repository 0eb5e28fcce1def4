#include <QTest>

#include "controlled_cluster.h"

#include <fmt/core.h>

#include <set>

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::ControlledCluster;
using queuelab::log::testing::Three;

using Replicas = std::vector<std::int32_t>;

namespace {

const TopicPartition kOrders{"orders", 0};

BrokerConfig withoutElr()
{
    BrokerConfig config;
    config.eligibleLeaderReplicas = false;
    return config;
}

/// What must hold after every decision.
std::string brokenRule(const ControlledCluster &cluster)
{
    const auto has = [](const Replicas &list, std::int32_t id) {
        return std::ranges::find(list, id) != list.end();
    };
    for (const auto &[name, topic] : cluster.image().topics()) {
        for (const PartitionImage &partition : topic.partitions) {
            for (const std::int32_t id : partition.isr) {
                if (!has(partition.replicas, id))
                    return "the ISR is part of the replicas";
                if (has(partition.eligibleLeaderReplicas, id))
                    return "nobody is in ISR and ELR";
            }
            if (std::set(partition.isr.begin(), partition.isr.end()).size() != partition.isr.size())
                return "nobody is in the ISR twice";
            if (partition.leader == -1)
                continue;
            if (!has(partition.isr, partition.leader))
                return "the leader is in the ISR";
            if (!cluster.broker(partition.leader).isActive())
                return "the leader is active";
        }
    }
    return cluster.replayAgrees() ? "" : "the records give the controller's image";
}

} // namespace

class TestController : public QObject {
    Q_OBJECT

private Q_SLOTS:
    // Brokers.

    void aBrokerIsFencedUntilItHasAppliedItsRegistration()
    {
        ControlledCluster cluster;
        const auto registered = cluster.registerBroker(1);
        QCOMPARE(registered.brokerEpoch, 0); // the offset of its record
        QVERIFY(cluster.broker(1).fenced);
        auto answer = cluster.ask<BrokerHeartbeatResponse>(BrokerHeartbeatRequest{1, 0, -1});
        QVERIFY(answer.isFenced && !answer.isCaughtUp);
        answer = cluster.ask<BrokerHeartbeatResponse>(BrokerHeartbeatRequest{1, 0, 0});
        QVERIFY(!answer.isFenced && answer.isCaughtUp);
        QVERIFY(cluster.broker(1).isActive());
        QCOMPARE(cluster.count(LogEvent::BrokerRegistered, LogReason::None, "broker-1"), 1U);
        QCOMPARE(cluster.count(LogEvent::BrokerUnfenced, LogReason::None, "broker-1"), 1U);
    }
    void aBrokerThatWantsToStayFencedDoes()
    {
        ControlledCluster cluster;
        (void)cluster.registerBroker(1);
        const auto answer = cluster.ask<BrokerHeartbeatResponse>(
            BrokerHeartbeatRequest{1, 0, 0, /*wantFence=*/true});
        QVERIFY(answer.isFenced && answer.isCaughtUp);
    }
    void aHeartbeatOfAnEarlierLifeIsStale()
    {
        Three cluster;
        const auto answer = cluster.ask<BrokerHeartbeatResponse>(
            BrokerHeartbeatRequest{1, cluster.broker(1).epoch + 1, 100});
        QCOMPARE(answer.error, ErrorCode::StaleBrokerEpoch);
        const auto unknown =
            cluster.ask<BrokerHeartbeatResponse>(BrokerHeartbeatRequest{7, 0, 100});
        QCOMPARE(unknown.error, ErrorCode::StaleBrokerEpoch);
    }
    void aRegistrationAskedTwiceIsOne()
    {
        Three cluster;
        const BrokerImage before = cluster.broker(2);
        const auto answer = cluster.ask<BrokerRegistrationResponse>(
            BrokerRegistrationRequest{2, before.incarnation, -1});
        QCOMPARE(answer.error, ErrorCode::None);
        QCOMPARE(answer.brokerEpoch, before.epoch);
        QCOMPARE(cluster.broker(2), before);
        QCOMPARE(cluster.count(LogEvent::BrokerRegistered, LogReason::None, "broker-2"), 1U);
    }
    void asLongAsItsSessionLastsABrokerIsNotRegisteredAgain()
    {
        Three cluster;
        QCOMPARE(cluster.registerBroker(1).error, ErrorCode::DuplicateBrokerRegistration);
        cluster.kill(1);
        const auto answer = cluster.registerBroker(1);
        QCOMPARE(answer.error, ErrorCode::None);
        QCOMPARE(answer.brokerEpoch, cluster.logEndOffset() - 1);
    }
    void heartbeatsThatStayOutFenceAfterTheSessionTimeout()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2, 3}), ErrorCode::None);
        cluster.pass(8'999ms);
        (void)cluster.heartbeat(2);
        (void)cluster.heartbeat(3);
        QVERIFY(!cluster.broker(1).fenced);
        cluster.pass(1ms);
        QVERIFY(cluster.broker(1).fenced && !cluster.broker(2).fenced);
        const PartitionImage partition = cluster.partition(kOrders);
        QCOMPARE(partition.leader, 2);
        QCOMPARE(partition.isr, (Replicas{2, 3}));
        QCOMPARE(partition.leaderEpoch, 1);
        QCOMPARE(
            cluster.count(LogEvent::BrokerFenced, LogReason::HeartbeatsMissing, "broker-1"), 1U);
        QCOMPARE(cluster.count(LogEvent::LeaderElected, LogReason::LeaderFenced, "orders-0"), 1U);
        QCOMPARE(cluster.count(LogEvent::IsrShrunk, LogReason::ReplicaFenced, "orders-0"), 1U);
    }
    void aFollowerThatIsFencedLeavesTheIsrWithoutAnElection()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2, 3}), ErrorCode::None);
        cluster.kill(2);
        QCOMPARE(cluster.partition(kOrders).isr, (Replicas{1, 3}));
        QCOMPARE(cluster.partition(kOrders).leader, 1);
        QCOMPARE(cluster.partition(kOrders).leaderEpoch, 0);
        QCOMPARE(cluster.partition(kOrders).partitionEpoch, 1);
    }
    void aNewControllerGivesEveryBrokerAWholeSession()
    {
        Three cluster;
        cluster.pass(8s);
        cluster.failOver();
        cluster.pass(8'999ms);
        QVERIFY(!cluster.broker(1).fenced);
        cluster.pass(1ms);
        QVERIFY(cluster.broker(1).fenced);
    }
    void aControlledShutdownMovesTheLeadersAndWaitsUntilTheOthersKnow()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2, 3}), ErrorCode::None);
        auto answer = cluster.askToStop(1);
        QVERIFY(!answer.shouldShutDown && !answer.isFenced);
        QVERIFY(cluster.broker(1).inControlledShutdown);
        QCOMPARE(cluster.partition(kOrders).leader, 2);
        QCOMPARE(cluster.partition(kOrders).isr, (Replicas{2, 3}));
        QCOMPARE(
            cluster.count(LogEvent::LeaderElected, LogReason::ControlledShutdown, "orders-0"), 1U);
        QCOMPARE(cluster.count(LogEvent::BrokerShuttingDown, LogReason::None, "broker-1"), 1U);

        (void)cluster.heartbeat(2);
        answer = cluster.askToStop(1);
        QVERIFY(!answer.shouldShutDown); // broker 3 may not know yet
        (void)cluster.heartbeat(3);
        answer = cluster.askToStop(1);
        QVERIFY(answer.shouldShutDown && answer.isFenced);
        QCOMPARE(
            cluster.count(LogEvent::BrokerFenced, LogReason::ControlledShutdown, "broker-1"), 1U);
    }
    void aBrokerThatLeadsNothingStopsAtOnceAndMayComeBackAtOnce()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2, 3}), ErrorCode::None);
        const std::int64_t epoch = cluster.broker(3).epoch;
        QVERIFY(cluster.askToStop(3).shouldShutDown);
        QCOMPARE(cluster.partition(kOrders).isr, (Replicas{1, 2}));
        QCOMPARE(cluster.start(3, epoch), ErrorCode::None);
        QVERIFY(cluster.broker(3).isActive());
    }
    void theLifeAfterAControlledShutdownIsNotToldToStop()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2, 3}), ErrorCode::None);
        const std::int64_t epoch = cluster.broker(1).epoch;
        QVERIFY(!cluster.askToStop(1).shouldShutDown);
        QCOMPARE(cluster.start(1, epoch), ErrorCode::None); // it did not wait for leave
        (void)cluster.heartbeat(2);
        (void)cluster.heartbeat(3);
        const auto answer = cluster.heartbeat(1);
        QVERIFY(!answer.shouldShutDown && !answer.isFenced);
    }
    void fencedInItsControlledShutdownABrokerBeginsAnew()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2, 3}), ErrorCode::None);
        QVERIFY(!cluster.askToStop(1).shouldShutDown);
        cluster.kill(1);
        QVERIFY(cluster.broker(1).fenced);
        QVERIFY(!cluster.heartbeat(1).isFenced);
        (void)cluster.heartbeat(2);
        (void)cluster.heartbeat(3);
        QVERIFY(!cluster.heartbeat(1).shouldShutDown);
    }
    void aNewControllerKnowsThatAFencedBrokerHasNoSession()
    {
        Three cluster;
        cluster.kill(1);
        cluster.failOver();
        QCOMPARE(cluster.registerBroker(1).error, ErrorCode::None);
    }
    void aBrokerAloneStopsInOrderAndLeadsAgainAfterwards()
    {
        ControlledCluster cluster;
        QCOMPARE(cluster.start(1), ErrorCode::None);
        QCOMPARE(cluster.createAt("orders", {1}), ErrorCode::None);
        const std::int64_t epoch = cluster.broker(1).epoch;
        QVERIFY(!cluster.askToStop(1).shouldShutDown);
        QVERIFY(cluster.askToStop(1).shouldShutDown);
        QCOMPARE(cluster.partition(kOrders).leader, -1);
        QCOMPARE(cluster.partition(kOrders).eligibleLeaderReplicas, Replicas{1});
        QCOMPARE(cluster.start(1, epoch), ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, 1);
        QCOMPARE(cluster.partition(kOrders).isr, Replicas{1});
        QCOMPARE(
            cluster.count(LogEvent::LeaderElected, LogReason::ReplicaReturned, "orders-0"), 1U);
    }
    void producerIdsComeInBlocksOfAThousand()
    {
        Three cluster;
        const auto allocate = [&cluster](std::int32_t id, std::int64_t epoch) {
            return cluster.ask<AllocateProducerIdsResponse>(AllocateProducerIdsRequest{id, epoch});
        };
        auto block = allocate(1, cluster.broker(1).epoch);
        QCOMPARE(block.producerIdStart, 0);
        QCOMPARE(block.producerIdLen, 1000);
        cluster.failOver();
        block = allocate(2, cluster.broker(2).epoch);
        QCOMPARE(block.producerIdStart, 1000);
        QCOMPARE(allocate(2, cluster.broker(1).epoch).error, ErrorCode::StaleBrokerEpoch);
    }

    // Leaders and ISRs.

    void aLeaderAltersItsIsr()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2, 3}), ErrorCode::None);
        auto answer = cluster.alterIsr(kOrders, {1, 3});
        QCOMPARE(answer.error, ErrorCode::None);
        QCOMPARE(answer.isr, (Replicas{1, 3}));
        QCOMPARE(answer.partitionEpoch, 1);
        QCOMPARE(answer.leaderEpoch, 0); // since metadata version 3.6
        QCOMPARE(cluster.count(LogEvent::IsrShrunk, LogReason::ReplicaLagging, "orders-0"), 1U);
        answer = cluster.alterIsr(kOrders, {1, 3, 2});
        QCOMPARE(answer.isr, (Replicas{1, 3, 2}));
        QCOMPARE(cluster.count(LogEvent::IsrExpanded, LogReason::None, "orders-0"), 1U);
    }
    void alterationsAreCheckedAsKafkaDoes()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2, 3}), ErrorCode::None);
        QCOMPARE(cluster.alterIsr(kOrders, {1, 2}).error, ErrorCode::None);
        cluster.kill(3);
        const auto alter = [&cluster](std::int32_t from, std::int32_t leaderEpoch,
                               std::int32_t partitionEpoch,
                               std::vector<AlterPartitionRequest::Replica> isr) {
            return cluster.alter(from, {kOrders, leaderEpoch, std::move(isr), partitionEpoch})
                .error;
        };
        QCOMPARE(alter(1, 1, 1, {{1}}), ErrorCode::NotController);
        QCOMPARE(alter(1, 0, 2, {{1}}), ErrorCode::NotController);
        QCOMPARE(alter(1, -1, 1, {{1}}), ErrorCode::FencedLeaderEpoch);
        QCOMPARE(alter(2, 0, 1, {{2}}), ErrorCode::InvalidRequest); // does not lead
        QCOMPARE(alter(1, 0, 0, {{1}}), ErrorCode::InvalidUpdateVersion);
        QCOMPARE(alter(1, 0, 1, {}), ErrorCode::InvalidRequest);
        QCOMPARE(alter(1, 0, 1, {{2}}), ErrorCode::InvalidRequest); // not without the leader
        QCOMPARE(alter(1, 0, 1, {{1}, {1}}), ErrorCode::InvalidRequest);
        QCOMPARE(alter(1, 0, 1, {{1}, {4}}), ErrorCode::InvalidRequest);
        QCOMPARE(alter(1, 0, 1, {{1}, {3}}), ErrorCode::IneligibleReplica); // fenced
        QCOMPARE(alter(1, 0, 1, {{1}, {2, cluster.broker(2).epoch + 1}}),
            ErrorCode::IneligibleReplica); // an earlier life
        QCOMPARE(cluster.alter(1, {{"payments", 0}, 0, {{1}}, 0}).error,
            ErrorCode::UnknownTopicOrPartition);
        const auto stale = cluster.ask<AlterPartitionResponse>(
            AlterPartitionRequest{1, cluster.broker(1).epoch + 1, {}});
        QCOMPARE(stale.error, ErrorCode::StaleBrokerEpoch);
        QCOMPARE(alter(1, 0, 1, {{1}}), ErrorCode::None);
    }
    void aReplicaThatShutsDownDoesNotEnterTheIsr()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2, 3}), ErrorCode::None);
        QCOMPARE(cluster.createAt("payments", {3, 1}), ErrorCode::None);
        (void)cluster.askToStop(3);
        QCOMPARE(cluster.alterIsr(kOrders, {1, 2, 3}).error, ErrorCode::IneligibleReplica);
    }
    /// facts: kafka.md 5, "worked failover", the controller's side.
    void theWorkedFailover()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2, 3}), ErrorCode::None);
        QCOMPARE(cluster.alterIsr(kOrders, {1, 2}).error, ErrorCode::None);
        cluster.kill(1);
        QCOMPARE(cluster.partition(kOrders).leader, 2);
        QCOMPARE(cluster.partition(kOrders).leaderEpoch, 1);
        QCOMPARE(cluster.partition(kOrders).isr, Replicas{2});
        QCOMPARE(cluster.start(1), ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, 2); // it follows until it has caught up
        QCOMPARE(cluster.alterIsr(kOrders, {2, 3, 1}).error, ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leaderEpoch, 1);
    }
    void withMinIsrTwoTheOneThatWentFirstStillMayLead()
    {
        Three cluster;
        QCOMPARE(
            cluster.createAt("orders", {1, 2}, {{"min.insync.replicas", "2"}}), ErrorCode::None);
        const std::int64_t epoch = cluster.broker(2).epoch;
        cluster.kill(2);
        cluster.kill(1);
        QCOMPARE(cluster.partition(kOrders).leader, -1);
        QCOMPARE(cluster.partition(kOrders).isr, Replicas{});
        QCOMPARE(cluster.partition(kOrders).eligibleLeaderReplicas, (Replicas{1, 2}));
        QCOMPARE(cluster.count(LogEvent::PartitionOffline, LogReason::None, "orders-0"), 1U);
        QCOMPARE(cluster.start(2, epoch), ErrorCode::None); // it was isolated, not stopped
        QCOMPARE(cluster.partition(kOrders).leader, 2);
        QCOMPARE(cluster.partition(kOrders).isr, Replicas{2});
        QCOMPARE(cluster.partition(kOrders).eligibleLeaderReplicas, Replicas{1});
    }
    void afterAnUncleanShutdownOfAllTheLastLeaderIsTheBestGuess()
    {
        Three cluster;
        QCOMPARE(
            cluster.createAt("orders", {1, 2}, {{"min.insync.replicas", "2"}}), ErrorCode::None);
        cluster.kill(1);
        cluster.kill(2);
        QCOMPARE(cluster.start(1), ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, -1); // 2 is eligible still: wait for it
        QCOMPARE(cluster.partition(kOrders).eligibleLeaderReplicas, Replicas{2});
        QCOMPARE(cluster.start(2), ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, 2);
        QCOMPARE(
            cluster.count(LogEvent::LeaderElected, LogReason::LastKnownLeader, "orders-0"), 1U);
    }
    /// The last leader is back already when the last eligible replica turns out to have stopped
    /// uncleanly too: the trace must not call that an unclean election, which is off.
    void theLastLeaderThatWaitsIsElectedWhenNobodyIsEligibleAnyMore()
    {
        Three cluster;
        QCOMPARE(
            cluster.createAt("orders", {1, 2}, {{"min.insync.replicas", "2"}}), ErrorCode::None);
        cluster.kill(1);
        cluster.kill(2);
        QCOMPARE(cluster.start(2), ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, -1);
        QCOMPARE(cluster.registerBroker(1).error, ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, 2);
        QCOMPARE(
            cluster.count(LogEvent::LeaderElected, LogReason::LastKnownLeader, "orders-0"), 1U);
        QCOMPARE(
            cluster.count(LogEvent::LeaderElected, LogReason::UncleanElection, "orders-0"), 0U);
    }
    void withoutElrThePartitionWaitsForTheLastInItsIsr()
    {
        Three cluster(withoutElr());
        QCOMPARE(cluster.createAt("orders", {1, 2}), ErrorCode::None);
        cluster.kill(2);
        cluster.kill(1);
        QCOMPARE(cluster.partition(kOrders).leader, -1);
        QCOMPARE(cluster.partition(kOrders).isr, Replicas{1});
        QCOMPARE(cluster.start(2), ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, -1);
        QCOMPARE(cluster.start(1), ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, 1);
    }
    void anUncleanElectionIsMadeAtOnceWhereTheTopicAllowsIt()
    {
        Three cluster(withoutElr());
        QCOMPARE(cluster.createAt("orders", {1, 2}, {{"unclean.leader.election.enable", "true"}}),
            ErrorCode::None);
        QCOMPARE(cluster.alterIsr(kOrders, {1}).error, ErrorCode::None);
        cluster.kill(1);
        QCOMPARE(cluster.partition(kOrders).leader, 2);
        QCOMPARE(cluster.partition(kOrders).isr, Replicas{2});
        QCOMPARE(
            cluster.count(LogEvent::LeaderElected, LogReason::UncleanElection, "orders-0"), 1U);
    }
    void switchedOnLaterUncleanElectionComesWithTheNextCheck()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2}), ErrorCode::None);
        QCOMPARE(cluster.alterIsr(kOrders, {1}).error, ErrorCode::None);
        cluster.kill(1);
        QCOMPARE(cluster.partition(kOrders).leader, -1);
        (void)cluster.ask<AlterConfigsResponse>(
            AlterConfigsRequest{{{"orders", {{"unclean.leader.election.enable", "true"}}}}});
        QCOMPARE(cluster.partition(kOrders).leader, -1);
        for (int beat = 0; beat < 50; ++beat) {
            cluster.pass(6s);
            (void)cluster.heartbeat(2);
        }
        QCOMPARE(cluster.partition(kOrders).leader, 2);
        QCOMPARE(
            cluster.count(LogEvent::LeaderElected, LogReason::UncleanElection, "orders-0"), 1U);
    }
    void electionsOnDemand()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2}), ErrorCode::None);
        const TopicPartition payments{"payments", 0};
        QCOMPARE(cluster.createAt("payments", {1}), ErrorCode::None);
        QCOMPARE(cluster.elect(ElectionType::Preferred, kOrders), ErrorCode::ElectionNotNeeded);
        QCOMPARE(cluster.elect(ElectionType::Unclean, kOrders), ErrorCode::ElectionNotNeeded);
        QCOMPARE(cluster.elect(ElectionType::Preferred, {"nothing", 0}),
            ErrorCode::UnknownTopicOrPartition);
        cluster.kill(1);
        QCOMPARE(cluster.elect(ElectionType::Preferred, kOrders),
            ErrorCode::PreferredLeaderNotAvailable);
        QCOMPARE(
            cluster.elect(ElectionType::Unclean, payments), ErrorCode::EligibleLeadersNotAvailable);
        QCOMPARE(cluster.start(1), ErrorCode::None);
        QCOMPARE(cluster.alterIsr(kOrders, {2, 1}).error, ErrorCode::None);
        QCOMPARE(cluster.elect(ElectionType::Preferred, kOrders), ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, 1);
        QCOMPARE(
            cluster.count(LogEvent::LeaderElected, LogReason::PreferredLeader, "orders-0"), 1U);
    }
    void anUncleanElectionOnDemandNeedsNoSetting()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2}), ErrorCode::None);
        QCOMPARE(cluster.alterIsr(kOrders, {1}).error, ErrorCode::None);
        cluster.kill(1);
        QCOMPARE(cluster.elect(ElectionType::Unclean, kOrders), ErrorCode::None);
        QCOMPARE(cluster.partition(kOrders).leader, 2);
    }
    void anElectionOfAllNamesOnlyThoseThatNeedOne()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2}), ErrorCode::None);
        QCOMPARE(cluster.createAt("payments", {2, 3}), ErrorCode::None);
        cluster.kill(1);
        const auto answer = cluster.ask<ElectLeadersResponse>(
            ElectLeadersRequest{ElectionType::Preferred, std::nullopt});
        QCOMPARE(answer.partitions.size(), 1U);
        QCOMPARE(answer.partitions[0].partition, kOrders);
        QCOMPARE(answer.partitions[0].error, ErrorCode::PreferredLeaderNotAvailable);
    }
    void leadersGoBackToThePreferredReplicaAfterAWhile()
    {
        for (const bool isOn : {true, false}) {
            BrokerConfig config;
            config.autoLeaderRebalance = isOn;
            Three cluster(config);
            QCOMPARE(cluster.createAt("orders", {1, 2}), ErrorCode::None);
            cluster.kill(1);
            QCOMPARE(cluster.start(1), ErrorCode::None);
            QCOMPARE(cluster.alterIsr(kOrders, {2, 1}).error, ErrorCode::None);
            for (int beat = 0; beat < 60; ++beat) {
                cluster.pass(5s);
                (void)cluster.heartbeat(1);
                (void)cluster.heartbeat(2);
            }
            QCOMPARE(cluster.partition(kOrders).leader, isOn ? 1 : 2);
        }
    }

    void eventsSayWhatBecameOfWhom()
    {
        Three cluster;
        QCOMPARE(cluster.createAt("orders", {1, 2}), ErrorCode::None);
        cluster.kill(1);
        cluster.kill(2);
        const Trace &trace = cluster.trace();
        const NameTable &names = trace.names();
        std::vector<std::string> story;
        for (const std::uint64_t sequence : trace.eventsOf(names.find("orders-0"))) {
            const TraceEvent &event = trace.at(sequence);
            const auto info = std::ranges::find(eventTable(), event.kind, &EventInfo::kind);
            const auto why = std::ranges::find(reasonTable(), event.reason, &ReasonInfo::reason);
            story.push_back(fmt::format("{} {} {} {} {}: {}", info->name, names.name(event.actor),
                names.name(event.detail), event.count, event.value, why->name));
        }
        const std::vector<std::string> expected{
            "leader-elected broker-1  1 0: new-topic",
            "isr-shrunk broker-1  1 0: replica-fenced",
            "leader-elected broker-2 broker-1 1 1: leader-fenced",
            "isr-shrunk broker-2  0 0: replica-fenced",
            "partition-offline  broker-2 1 2: leader-fenced",
        };
        QCOMPARE(story, expected);
        (void)cluster.ask<AlterConfigsResponse>(
            AlterConfigsRequest{{{"orders", {{"retention.ms", "1000"}}}}});
        const auto last = trace.at(trace.lastOf(names.find("orders")) - 1);
        QCOMPARE(last.kind, kind(LogEvent::ConfigsAltered));
        QCOMPARE(names.name(last.detail), std::string_view("retention.ms=1000"));
        (void)cluster.ask<AlterConfigsResponse>(
            AlterConfigsRequest{{{"orders", {{"retention.ms", std::nullopt}}}}});
        QCOMPARE(names.name(trace.at(trace.lastOf(names.find("orders")) - 1).detail),
            std::string_view("retention.ms=default"));
    }
    void everyEventAndReasonHasWords()
    {
        std::set<EventKind> kinds;
        std::set<std::string_view> names;
        for (const EventInfo &info : eventTable()) {
            kinds.insert(info.kind);
            QVERIFY2(names.insert(info.name).second, info.name.data());
            QVERIFY(!info.title.empty() && !info.text.empty());
        }
        for (EventKind one = kind(LogEvent::TopicCreated);
            one <= kind(LogEvent::BrokerShuttingDown); ++one)
            QVERIFY2(kinds.contains(one), qPrintable(QString::number(one)));
        std::set<EventReason> reasons;
        for (const ReasonInfo &info : reasonTable()) {
            reasons.insert(info.reason);
            QVERIFY(!info.text.empty());
        }
        for (EventReason one = reason(LogReason::NewMember); one <= reason(LogReason::AskedFor);
            ++one)
            QVERIFY2(reasons.contains(one), qPrintable(QString::number(one)));
    }

    /// Whatever brokers and leaders do: see brokenRule().
    void randomHistoriesKeepTheRules_data()
    {
        QTest::addColumn<int>("seed");
        for (int seed = 1; seed <= 200; ++seed)
            QTest::addRow("seed %d", seed) << seed;
    }
    void randomHistoriesKeepTheRules()
    {
        QFETCH(int, seed);
        Random random(static_cast<std::uint64_t>(seed));
        BrokerConfig config;
        config.eligibleLeaderReplicas = random.chance(0.5);
        ControlledCluster cluster(config, random.next());
        constexpr std::int32_t kBrokers = 5;
        const auto anyBroker = [&random] {
            return static_cast<std::int32_t>(random.between(1, kBrokers));
        };
        const auto anyPartition = [&random, &cluster]() -> std::optional<TopicPartition> {
            if (cluster.image().topics().empty())
                return std::nullopt;
            auto topic = cluster.image().topics().begin();
            std::advance(topic, random.below(cluster.image().topics().size()));
            return TopicPartition{topic->first,
                static_cast<std::int32_t>(random.below(topic->second.partitions.size()))};
        };
        std::map<TopicId, std::vector<PartitionImage>> last;
        for (int step = 0; step < 300; ++step) {
            const std::int32_t id = anyBroker();
            switch (random.below(10)) {
            case 0:
                (void)cluster.start(id, random.chance(0.5) ? cluster.broker(id).epoch : -1);
                break;
            case 1:
            case 2:
            case 3:
                if (cluster.broker(id).epoch >= 0)
                    (void)cluster.heartbeat(id);
                break;
            case 4:
                if (cluster.broker(id).epoch >= 0)
                    (void)cluster.askToStop(id);
                break;
            case 5:
                cluster.pass(std::chrono::milliseconds{random.between(0, 6'000)});
                break;
            case 6:
                (void)cluster.createTopic({"t" + std::to_string(random.below(4)),
                    static_cast<std::int32_t>(random.between(1, 4)),
                    static_cast<std::int16_t>(random.between(1, 3)),
                    {{"min.insync.replicas", std::to_string(random.between(1, 2))},
                        {"unclean.leader.election.enable", random.chance(0.3) ? "true" : "false"}},
                    {}});
                break;
            case 7:
            case 8:
                if (const auto chosen = anyPartition()) {
                    const PartitionImage partition = cluster.partition(*chosen);
                    if (partition.leader < 0)
                        break;
                    Replicas isr{partition.leader};
                    for (const std::int32_t replica : partition.replicas) {
                        if (replica != partition.leader && random.chance(0.7))
                            isr.push_back(replica);
                    }
                    (void)cluster.alterIsr(*chosen, isr);
                }
                break;
            default:
                if (random.chance(0.1))
                    cluster.failOver();
                else if (const auto chosen = anyPartition()) {
                    (void)cluster.elect(
                        random.chance(0.5) ? ElectionType::Preferred : ElectionType::Unclean,
                        *chosen);
                }
            }
            const std::string broken = brokenRule(cluster);
            QVERIFY2(broken.empty(), broken.c_str());
            for (const auto &[name, topic] : cluster.image().topics()) {
                std::vector<PartitionImage> &before = last[topic.id];
                for (std::size_t i = 0; i < before.size(); ++i) {
                    const PartitionImage &now = topic.partitions[i];
                    QVERIFY(now.partitionEpoch >= before[i].partitionEpoch);
                    QVERIFY(now.leaderEpoch >= before[i].leaderEpoch);
                    if (now.leader != before[i].leader)
                        QVERIFY(now.leaderEpoch > before[i].leaderEpoch);
                    if (now != before[i])
                        QVERIFY(now.partitionEpoch > before[i].partitionEpoch);
                }
                before = topic.partitions;
            }
        }
        ClusterImage replayed;
        for (const MetadataRecord &record : cluster.log()) {
            const auto decoded = decodeMetadataRecord(encodeMetadataRecord(record));
            QVERIFY(decoded.has_value());
            replayed.apply(*decoded);
        }
        QVERIFY(replayed == cluster.image());
    }
};

QTEST_APPLESS_MAIN(TestController)
#include "tst_controller.moc"
