#include <QTest>

#include "engine/core/result.h"
#include "engine/log/cluster_image.h"
#include "engine/log/partition_change.h"

#include <numeric>
#include <stdexcept>

using namespace queuelab;
using namespace queuelab::log;

using Replicas = std::vector<std::int32_t>;

namespace {

constexpr TopicId kOrders{1, 2, 3};

ClusterImage imageOf(const std::vector<MetadataRecord> &records)
{
    ClusterImage image;
    for (const MetadataRecord &record : records)
        image.apply(record);
    return image;
}

const std::vector<MetadataRecord> kOneTopic{
    RegisterBrokerRecord{.brokerId = 1, .incarnation = 7, .brokerEpoch = 0},
    TopicRecord{"orders", kOrders},
    ConfigRecord{"orders", "retention.ms", "1000"},
    PartitionRecord{.topicId = kOrders, .replicas = {1, 2, 3}, .isr = {1, 2, 3}, .leader = 1},
};

/// min.insync.replicas 2, and these brokers alive.
PartitionRules rulesFor(const Replicas &alive, bool eligibleLeaderReplicas = true)
{
    return {.minIsr = 2,
        .eligibleLeaderReplicas = eligibleLeaderReplicas,
        .canLead = [alive](
                       std::int32_t id) { return std::ranges::find(alive, id) != alive.end(); }};
}

PartitionImage withIsr(const Replicas &isr, std::int32_t leader)
{
    return {.replicas = {1, 2, 3}, .isr = isr, .leader = leader, .leaderEpoch = 5};
}

} // namespace

class TestClusterImage : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void topicIdsAreUrlSafeBase64WithoutPadding()
    {
        TopicId id{};
        QCOMPARE(topicIdText(id), std::string("AAAAAAAAAAAAAAAAAAAAAA"));
        id.fill(0xff);
        QCOMPARE(topicIdText(id), std::string("_____________________w"));
        std::iota(id.begin(), id.end(), std::uint8_t{0});
        QCOMPARE(topicIdText(id), std::string("AAECAwQFBgcICQoLDA0ODw"));
    }

    void recordsBuildTheCluster()
    {
        const ClusterImage image = imageOf(kOneTopic);
        QVERIFY(image.broker(1) && image.broker(1)->fenced && !image.broker(1)->isActive());
        QVERIFY(!image.broker(2));
        QCOMPARE(image.topic("orders"), image.topic(kOrders));
        QCOMPARE(image.topic("orders")->configs.at("retention.ms"), std::string("1000"));
        QCOMPARE(image.partition({"orders", 0})->isr, (Replicas{1, 2, 3}));
        QVERIFY(!image.partition({"orders", 1}) && !image.partition({"orders", -1}));
        QVERIFY(!image.partition({"payments", 0}));
    }
    void aBrokerIsFencedAndUnfencedUnderItsEpoch()
    {
        ClusterImage image = imageOf(kOneTopic);
        image.apply(
            BrokerRegistrationChangeRecord{.brokerId = 1, .brokerEpoch = 0, .fenced = false});
        QVERIFY(image.broker(1)->isActive());
        image.apply(BrokerRegistrationChangeRecord{
            .brokerId = 1, .brokerEpoch = 0, .inControlledShutdown = true});
        QVERIFY(!image.broker(1)->fenced && !image.broker(1)->isActive());
        image.apply(RegisterBrokerRecord{.brokerId = 1, .incarnation = 8, .brokerEpoch = 9});
        QVERIFY(image.broker(1)->fenced && !image.broker(1)->inControlledShutdown);
    }
    void everyChangeCountsInThePartitionEpochAndALeaderInTheLeaderEpoch()
    {
        ClusterImage image = imageOf(kOneTopic);
        image.apply(PartitionChangeRecord{.topicId = kOrders, .isr = Replicas{1, 2}});
        QCOMPARE(image.partition({"orders", 0})->partitionEpoch, 1);
        QCOMPARE(image.partition({"orders", 0})->leaderEpoch, 0);
        image.apply(PartitionChangeRecord{.topicId = kOrders, .leader = 1});
        QCOMPARE(image.partition({"orders", 0})->partitionEpoch, 2);
        QCOMPARE(image.partition({"orders", 0})->leaderEpoch, 1);
    }
    void settingsComeAndGo()
    {
        ClusterImage image = imageOf(kOneTopic);
        image.apply(ConfigRecord{"orders", "retention.ms", std::nullopt});
        QVERIFY(image.topic("orders")->configs.empty());
    }
    void aRemovedTopicLeavesNothingBehind()
    {
        ClusterImage image = imageOf(kOneTopic);
        image.apply(RemoveTopicRecord{kOrders});
        QVERIFY(!image.topic("orders") && !image.topic(kOrders));
        image.apply(TopicRecord{"orders", TopicId{9}});
        QVERIFY(image.topic("orders")->configs.empty());
    }
    void aRecordThatDoesNotFitBreaksAnInvariant_data()
    {
        QTest::addColumn<int>("row");
        for (int row = 0; row < static_cast<int>(misfits().size()); ++row)
            QTest::addRow("%d", row) << row;
    }
    void aRecordThatDoesNotFitBreaksAnInvariant()
    {
        QFETCH(int, row);
        setInvariantHandler(
            [](std::string_view rule) { throw std::logic_error(std::string(rule)); });
        ClusterImage image = imageOf(kOneTopic);
        QVERIFY_THROWS_EXCEPTION(
            std::logic_error, image.apply(misfits()[static_cast<std::size_t>(row)]));
        QVERIFY(image == imageOf(kOneTopic));
    }

    void theLeaderStaysWhileItIsInTheIsr()
    {
        const auto change =
            partitionChange(withIsr({1, 2, 3}, 2), kOrders, 4, {.isr = {2, 1}}, rulesFor({1, 2}));
        QCOMPARE(change,
            (PartitionChangeRecord{.topicId = kOrders, .partition = 4, .isr = Replicas{2, 1}}));
    }
    void nothingToChangeIsNoRecord()
    {
        QVERIFY(
            !partitionChange(withIsr({1, 2}, 1), kOrders, 0, {.isr = {1, 2}}, rulesFor({1, 2, 3})));
    }
    void electionsFollowTheOrderOfTheAssignment()
    {
        PartitionImage partition = withIsr({1, 3, 2}, 1);
        const auto change =
            partitionChange(partition, kOrders, 0, {.isr = {3, 2}}, rulesFor({2, 3}));
        QCOMPARE(change->leader, 2);
        partition.replicas = {1, 3, 2};
        QCOMPARE(
            partitionChange(partition, kOrders, 0, {.isr = {3, 2}}, rulesFor({2, 3}))->leader, 3);
    }
    void aPreferredElectionMovesTheLeaderToTheFirstReplicaOnlyIfThatIsInSync()
    {
        const auto preferred = [](const Replicas &isr) {
            return partitionChange(withIsr(isr, 2), kOrders, 0,
                {.isr = isr, .election = Election::Preferred}, rulesFor({1, 2, 3}));
        };
        QCOMPARE(preferred({1, 2, 3})->leader, 1);
        QVERIFY(!preferred({2, 3}));
    }
    void replicasThatLeaveBelowMinIsrStayEligible()
    {
        const auto above =
            partitionChange(withIsr({1, 2, 3}, 1), kOrders, 0, {.isr = {1, 2}}, rulesFor({1, 2}));
        QVERIFY(!above->eligibleLeaderReplicas);
        const auto below =
            partitionChange(withIsr({1, 2}, 1), kOrders, 0, {.isr = {1}}, rulesFor({1}));
        QCOMPARE(below->eligibleLeaderReplicas, Replicas{2});
        QVERIFY(!below->leader);
    }
    void theEligibleAreForgottenOnceEnoughAreInSync()
    {
        PartitionImage partition = withIsr({1}, 1);
        partition.eligibleLeaderReplicas = {2};
        const auto change =
            partitionChange(partition, kOrders, 0, {.isr = {1, 3}}, rulesFor({1, 3}));
        QCOMPARE(change->eligibleLeaderReplicas, Replicas{});
    }
    void anEligibleReplicaLeadsWhenTheIsrIsEmpty()
    {
        PartitionImage partition = withIsr({1}, 1);
        partition.eligibleLeaderReplicas = {3};
        const auto change = partitionChange(partition, kOrders, 0, {.isr = {}}, rulesFor({2, 3}));
        QCOMPARE(change->leader, 3);
        QCOMPARE(change->isr, Replicas{3});
        QCOMPARE(change->eligibleLeaderReplicas, Replicas{1});
        QVERIFY(!change->lastKnownElr);
    }
    void withNobodyLeftThePartitionIsOfflineAndRemembersWhoLed()
    {
        const auto change =
            partitionChange(withIsr({1}, 1), kOrders, 0, {.isr = {}}, rulesFor({2, 3}));
        QCOMPARE(change->leader, -1);
        QCOMPARE(change->isr, Replicas{});
        QCOMPARE(change->eligibleLeaderReplicas, Replicas{1});
        QCOMPARE(change->lastKnownElr, Replicas{1});
    }
    void withoutElrTheLastInSyncReplicaStaysInTheIsr()
    {
        const auto change =
            partitionChange(withIsr({1}, 1), kOrders, 0, {.isr = {}}, rulesFor({2, 3}, false));
        QCOMPARE(change, (PartitionChangeRecord{.topicId = kOrders, .leader = -1}));
    }
    void theLastKnownLeaderIsElectedWhenNobodyIsEligible()
    {
        PartitionImage partition = withIsr({}, -1);
        partition.lastKnownElr = {2};
        const auto change = partitionChange(partition, kOrders, 0, {}, rulesFor({1, 2}));
        QCOMPARE(change->leader, 2);
        QCOMPARE(change->isr, Replicas{2});
        QCOMPARE(change->lastKnownElr, Replicas{});
        QVERIFY(!partitionChange(partition, kOrders, 0, {}, rulesFor({1, 3})));
        partition.eligibleLeaderReplicas = {3}; // somebody is known to have all: wait for it
        QVERIFY(!partitionChange(partition, kOrders, 0, {}, rulesFor({1, 2})));
    }
    void aPartitionThatNobodyLedRemembersNobody()
    {
        // Offline since before the feature was switched on.
        const auto change = partitionChange(
            withIsr({1}, -1), kOrders, 0, {.isr = {}, .uncleanShutdown = 1}, rulesFor({2, 3}));
        QCOMPARE(change->isr, Replicas{});
        QVERIFY(!change->lastKnownElr);
    }
    void anUncleanShutdownEndsEligibility()
    {
        const auto change = partitionChange(
            withIsr({1}, 1), kOrders, 0, {.isr = {}, .uncleanShutdown = 1}, rulesFor({2, 3}));
        QCOMPARE(change->leader, -1);
        QVERIFY(!change->eligibleLeaderReplicas);
        QCOMPARE(change->lastKnownElr, Replicas{1});
    }
    void anUncleanElectionTakesTheFirstThatIsAliveAndIsAllThatIsInSync()
    {
        PartitionImage partition = withIsr({1}, 1);
        partition.eligibleLeaderReplicas = {};
        const auto change = partitionChange(
            partition, kOrders, 0, {.isr = {}, .election = Election::Unclean}, rulesFor({2, 3}));
        QCOMPARE(change->leader, 2);
        QCOMPARE(change->isr, Replicas{2});
        QVERIFY(!change->eligibleLeaderReplicas);
    }

private:
    static std::vector<MetadataRecord> misfits()
    {
        return {
            BrokerRegistrationChangeRecord{.brokerId = 2, .brokerEpoch = 0, .fenced = false},
            BrokerRegistrationChangeRecord{.brokerId = 1, .brokerEpoch = 1, .fenced = false},
            TopicRecord{"payments", kOrders},
            PartitionRecord{.topicId = kOrders, .partition = 2},
            PartitionRecord{.topicId = TopicId{5}, .partition = 0},
            PartitionChangeRecord{.topicId = kOrders, .partition = 1},
            PartitionChangeRecord{.topicId = TopicId{5}, .partition = 0},
            RemoveTopicRecord{TopicId{5}},
            ConfigRecord{"payments", "retention.ms", "1"},
            ProducerIdsRecord{.brokerId = 1, .brokerEpoch = 0, .nextProducerId = 0},
        };
    }
};

QTEST_APPLESS_MAIN(TestClusterImage)
#include "tst_cluster_image.moc"
