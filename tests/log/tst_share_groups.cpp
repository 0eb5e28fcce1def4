#include <QtTest>

#include "engine/log/events.h"
#include "engine/log/group_records.h"
#include "log_cluster.h"
#include "log_world.h"

#include <numeric>

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::LogCluster;
using queuelab::log::testing::LogWorld;

namespace {

const TopicPartition kOrders{"orders", 0};

SharedBytes batchOf(int records, std::int64_t timestampMs)
{
    BatchBuilder builder;
    builder.reset();
    for (int i = 0; i < records; ++i)
        builder.append(timestampMs, std::nullopt, asBytes("order"));
    return builder.take();
}

ShareFetchRequest fetchOf(
    const std::string &member, std::int32_t epoch, std::chrono::milliseconds maxWait = 0ms)
{
    ShareFetchRequest request;
    request.group = "billing";
    request.memberId = member;
    request.sessionEpoch = epoch;
    request.maxWait = maxWait;
    if (epoch == 0)
        request.partitions.push_back({kOrders, {}});
    return request;
}

ShareAcknowledgeRequest acknowledgementOf(const std::string &member, std::int32_t epoch,
    std::int64_t first, std::int64_t last, AcknowledgeType type = AcknowledgeType::Accept)
{
    ShareAcknowledgeRequest request;
    request.group = "billing";
    request.memberId = member;
    request.sessionEpoch = epoch;
    request.isRenewAck = type == AcknowledgeType::Renew;
    request.partitions.push_back({kOrders, {{first, last, {type}}}});
    return request;
}

std::vector<AcquiredRecords> acquiredOf(const ShareFetchResponse &response)
{
    return response.partitions.empty() ? std::vector<AcquiredRecords>{}
                                       : response.partitions.front().acquired;
}

/// A broker with a topic of one partition that the group "billing" may read from its beginning.
struct ShareWorld : LogWorld {
    explicit ShareWorld(BrokerConfig config = {}, bool isWarm = true)
        : LogWorld(std::move(config))
    {
        askFor<CreateTopicsResponse>(CreateTopicsRequest{{{.name = "orders", .partitions = 1}}});
        alter("share.auto.offset.reset", "earliest");
        initialize();
        if (isWarm)
            warm();
    }
    /// The broker has read the state of the share-partition: a fetch that does not wait finds it.
    void warm()
    {
        fetch("zoe", 0);
        fetch("zoe", -1);
    }
    void restart(bool kill = false)
    {
        kill ? killBroker() : stopBroker();
        startBroker();
        warm();
    }
    ErrorCode alter(const std::string &key, const std::string &value)
    {
        AlterConfigsRequest request;
        request.groups.push_back({"billing", {{key, value}}});
        return askFor<AlterConfigsResponse>(request).groups.at(0).error;
    }
    ErrorCode initialize(std::int32_t stateEpoch = 1)
    {
        askFor<FindCoordinatorResponse>(FindCoordinatorRequest{"any", CoordinatorType::Share});
        return askFor<InitializeShareGroupStateResponse>(
            InitializeShareGroupStateRequest{"billing", kOrders, stateEpoch, -1})
            .error;
    }
    void produce(int records)
    {
        ProduceRequest request;
        request.partitions.push_back({kOrders, batchOf(records, epochMillis(now()))});
        askFor<ProduceResponse>(request);
    }
    ShareFetchResponse fetch(const std::string &member, std::int32_t epoch)
    {
        return askFor<ShareFetchResponse>(fetchOf(member, epoch), clientOf(member));
    }
    ErrorCode acknowledge(const std::string &member, std::int32_t epoch, std::int64_t first,
        std::int64_t last, AcknowledgeType type = AcknowledgeType::Accept)
    {
        const auto response = askFor<ShareAcknowledgeResponse>(
            acknowledgementOf(member, epoch, first, last, type), clientOf(member));
        return response.error != ErrorCode::None ? response.error : response.partitions.at(0).error;
    }
    static std::uint32_t clientOf(const std::string &member)
    {
        return kHand + 1 + static_cast<std::uint32_t>(member.front() - 'a');
    }
    SharePartitionSnapshot share() const { return broker_().snapshot().sharePartitions.at(0); }
    const Broker &broker_() const { return const_cast<ShareWorld *>(this)->broker(); }
    std::optional<ShareFetchResponse> takeFetch(RequestId id)
    {
        auto answer = takeAnswer(id);
        if (!answer)
            return std::nullopt;
        return std::get<ShareFetchResponse>(*answer);
    }
};

using Acquired = std::vector<AcquiredRecords>;

} // namespace

class ShareGroupsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void membersShareThePartition()
    {
        ShareWorld world;
        world.produce(3);
        world.produce(3);
        const ShareFetchResponse first = world.fetch("ada", 0);
        QCOMPARE(first.error, ErrorCode::None);
        QCOMPARE(acquiredOf(first), (Acquired{{0, 5, 1}}));
        QCOMPARE(first.acquisitionLockTimeout, 30'000ms);
        world.produce(2);
        QCOMPARE(acquiredOf(world.fetch("bob", 0)), (Acquired{{6, 7, 1}}));
        QVERIFY(acquiredOf(world.fetch("bob", 1)).empty());
        QCOMPARE(world.acknowledge("ada", 1, 0, 3), ErrorCode::None);
        QCOMPARE(world.share().startOffset, 4);
        QCOMPARE(world.share().endOffset, 8);
        QCOMPARE(world.share().records.size(), std::size_t{2});
        QCOMPARE(world.share().records.at(0).state, ShareRecordState::Acquired);
        QCOMPARE(world.trace().count(kind(LogEvent::RecordsAcquired)), 2);
        QCOMPARE(world.trace().count(kind(LogEvent::RecordsAcknowledged)), 1);
    }

    void onlyBatchesWithAcquiredRecordsAreSent()
    {
        ShareWorld world;
        for (int i = 0; i < 4; ++i)
            world.produce(5);
        world.fetch("ada", 0);
        world.acknowledge("ada", 1, 0, 2, AcknowledgeType::Release);
        world.acknowledge("ada", 2, 15, 19, AcknowledgeType::Release);
        const ShareFetchResponse second = world.fetch("bob", 0);
        QCOMPARE(acquiredOf(second), (Acquired{{0, 2, 2}, {15, 19, 2}}));
        std::vector<std::int64_t> bases;
        for (const SharedBytes &piece : second.partitions.at(0).records)
            bases.push_back(readBatchHeader(piece.view())->baseOffset);
        QCOMPARE(bases, (std::vector<std::int64_t>{0, 15}));
    }

    void sessionsHaveEpochs()
    {
        ShareWorld world;
        world.produce(1);
        QCOMPARE(world.fetch("ada", 1).error, ErrorCode::ShareSessionNotFound);
        QCOMPARE(world.acknowledge("ada", 1, 0, 0), ErrorCode::ShareSessionNotFound);
        QCOMPARE(world.fetch("ada", 0).error, ErrorCode::None);
        QCOMPARE(world.acknowledge("ada", 0, 0, 0), ErrorCode::InvalidShareSessionEpoch);
        QCOMPARE(world.fetch("ada", 2).error, ErrorCode::InvalidShareSessionEpoch);
        QCOMPARE(world.acknowledge("ada", 1, 0, 0), ErrorCode::None);
        QCOMPARE(world.fetch("ada", 2).error, ErrorCode::None);
        // A member that opens anew keeps what it has acquired.
        world.produce(1);
        QCOMPARE(acquiredOf(world.fetch("ada", 3)), (Acquired{{1, 1, 1}}));
        QVERIFY(acquiredOf(world.fetch("ada", 0)).empty());
        QCOMPARE(world.acknowledge("ada", 1, 1, 1), ErrorCode::None);
        QCOMPARE(world.fetch("ada", -1).error, ErrorCode::None);
        QCOMPARE(world.fetch("ada", -1).error, ErrorCode::ShareSessionNotFound);
    }

    void acknowledgementsDoNotOpenASession()
    {
        ShareWorld world;
        ShareFetchRequest request = fetchOf("ada", 0);
        request.partitions.at(0).acknowledgements = {{0, 0, {AcknowledgeType::Accept}}};
        QCOMPARE(world.askFor<ShareFetchResponse>(request).error, ErrorCode::InvalidRequest);
    }

    void asManySessionsAsAreAllowed()
    {
        BrokerConfig config;
        config.shareMaxSessions = 1;
        ShareWorld world(config);
        QCOMPARE(world.fetch("ada", 0).error, ErrorCode::None);
        QCOMPARE(world.fetch("bob", 0).error, ErrorCode::ShareSessionLimitReached);
        world.fetch("ada", -1);
        QCOMPARE(world.fetch("bob", 0).error, ErrorCode::None);
    }

    void aFetchWaitsForRecords()
    {
        ShareWorld world;
        world.fetch("ada", 0);
        QVERIFY(!world.ask(fetchOf("ada", 1, 500ms), ShareWorld::clientOf("ada")));
        const RequestId waits = world.lastRequest;
        world.run(100ms);
        QVERIFY(!world.takeFetch(waits));
        world.produce(2);
        QCOMPARE(acquiredOf(world.takeFetch(waits).value()), (Acquired{{0, 1, 1}}));
        QVERIFY(!world.ask(fetchOf("ada", 2, 500ms), ShareWorld::clientOf("ada")));
        world.run(501ms);
        const auto empty = world.takeFetch(world.lastRequest);
        QVERIFY(empty && empty->error == ErrorCode::None && empty->partitions.empty());
    }

    void aFetchWaitsForAsManyBytesAsItWants()
    {
        ShareWorld world;
        world.fetch("ada", 0);
        ShareFetchRequest request = fetchOf("ada", 1, 500ms);
        request.minBytes = 150;
        QVERIFY(!world.ask(request, ShareWorld::clientOf("ada")));
        const RequestId waits = world.lastRequest;
        world.produce(1); // 61 bytes of header, and a little more
        QVERIFY(!world.takeFetch(waits));
        world.produce(20);
        QCOMPARE(acquiredOf(world.takeFetch(waits).value()), (Acquired{{0, 20, 1}}));
    }

    void whoWaitsGetsWhatALockOrAMemberGivesBack()
    {
        ShareWorld world;
        world.produce(4);
        world.fetch("ada", 0);
        world.fetch("bob", 0);
        QVERIFY(!world.ask(fetchOf("bob", 1, 60s), ShareWorld::clientOf("bob")));
        RequestId waits = world.lastRequest;
        world.run(29s);
        QVERIFY(!world.takeFetch(waits));
        world.run(2s);
        QCOMPARE(acquiredOf(world.takeFetch(waits).value()), (Acquired{{0, 3, 2}}));
        QCOMPARE(world.acknowledge("ada", 1, 0, 3), ErrorCode::InvalidRecordState);

        QVERIFY(!world.ask(fetchOf("ada", 2, 60s), ShareWorld::clientOf("ada")));
        waits = world.lastRequest;
        world.disconnect(ShareWorld::clientOf("bob"));
        QCOMPARE(acquiredOf(world.takeFetch(waits).value()), (Acquired{{0, 3, 3}}));
        QCOMPARE(world.acknowledge("bob", 2, 0, 3), ErrorCode::ShareSessionNotFound);
        // In order it is the same.
        world.fetch("ada", -1);
        QCOMPARE(acquiredOf(world.fetch("bob", 0)), (Acquired{{0, 3, 4}}));
    }

    void acknowledgementsGoWithAFetch()
    {
        ShareWorld world;
        world.produce(4);
        world.fetch("ada", 0);
        ShareFetchRequest request = fetchOf("ada", 1);
        request.partitions.push_back(
            {kOrders, {{0, 1, {AcknowledgeType::Accept}}, {2, 2, {AcknowledgeType::Release}}}});
        const auto good = world.askFor<ShareFetchResponse>(request, ShareWorld::clientOf("ada"));
        QCOMPARE(good.partitions.at(0).acknowledgeError, ErrorCode::None);
        QCOMPARE(acquiredOf(world.fetch("ada", 2)), (Acquired{{2, 2, 2}}));
        request.sessionEpoch = 3;
        const auto bad = world.askFor<ShareFetchResponse>(request, ShareWorld::clientOf("ada"));
        QCOMPARE(bad.error, ErrorCode::None);
        // 0 and 1 are settled, 2 is hers: 2 is released.
        QCOMPARE(bad.partitions.at(0).acknowledgeError, ErrorCode::None);
        request.sessionEpoch = 4;
        request.partitions.at(0).acknowledgements = {{3, 9, {AcknowledgeType::Accept}}};
        const auto worse = world.askFor<ShareFetchResponse>(request, ShareWorld::clientOf("ada"));
        QCOMPARE(worse.partitions.at(0).acknowledgeError, ErrorCode::InvalidRequest);
    }

    void renewingIsARequestOfItsOwn()
    {
        ShareWorld world;
        world.produce(2);
        world.fetch("ada", 0);
        world.run(20s);
        QCOMPARE(world.acknowledge("ada", 1, 0, 1, AcknowledgeType::Renew), ErrorCode::None);
        world.run(20s);
        QCOMPARE(world.share().records.at(0).state, ShareRecordState::Acquired);
        ShareAcknowledgeRequest plain = acknowledgementOf("ada", 2, 0, 1, AcknowledgeType::Renew);
        plain.isRenewAck = false;
        QCOMPARE(world.askFor<ShareAcknowledgeResponse>(plain, ShareWorld::clientOf("ada"))
                     .partitions.at(0)
                     .error,
            ErrorCode::InvalidRequest);
        QCOMPARE(world.alter("share.renew.acknowledge.enable", "false"), ErrorCode::None);
        QCOMPARE(
            world.acknowledge("ada", 3, 0, 1, AcknowledgeType::Renew), ErrorCode::InvalidRequest);
    }

    void aGroupBeginsWhereItsSettingSays_data()
    {
        QTest::addColumn<std::string>("reset");
        QTest::addColumn<qint64>("start");
        QTest::newRow("latest") << std::string("latest") << qint64{6};
        QTest::newRow("earliest") << std::string("earliest") << qint64{0};
        QTest::newRow("by_duration") << std::string("by_duration:PT10S") << qint64{3};
        QTest::newRow("longer ago") << std::string("by_duration:P1DT1H") << qint64{0};
        QTest::newRow("nothing since") << std::string("by_duration:PT0.5S") << qint64{6};
    }
    void aGroupBeginsWhereItsSettingSays()
    {
        QFETCH(std::string, reset);
        QFETCH(qint64, start);
        ShareWorld world({}, false);
        QCOMPARE(world.alter("share.auto.offset.reset", reset), ErrorCode::None);
        world.produce(3);
        world.run(60s);
        world.produce(3);
        world.run(5s);
        world.fetch("ada", 0);
        QCOMPARE(world.share().startOffset, start);
        // That is stored: it counts after a restart too, whatever was written meanwhile.
        world.produce(3);
        world.stopBroker();
        world.startBroker();
        world.fetch("ada", 0);
        QCOMPARE(world.share().startOffset, start);
    }

    void groupSettingsAreValidated_data()
    {
        QTest::addColumn<std::string>("key");
        QTest::addColumn<std::string>("value");
        QTest::addColumn<ErrorCode>("error");
        const auto row = [](const char *key, const char *value, ErrorCode error) {
            QTest::addRow("%s=%s", key, value) << std::string(key) << std::string(value) << error;
        };
        row("share.record.lock.duration.ms", "15000", ErrorCode::None);
        row("share.record.lock.duration.ms", "14999", ErrorCode::InvalidConfig);
        row("share.record.lock.duration.ms", "60001", ErrorCode::InvalidConfig);
        row("share.delivery.count.limit", "10", ErrorCode::None);
        row("share.delivery.count.limit", "1", ErrorCode::InvalidConfig);
        row("share.isolation.level", "read_committed", ErrorCode::None);
        row("share.isolation.level", "committed", ErrorCode::InvalidConfig);
        row("share.auto.offset.reset", "by_duration:PT1M", ErrorCode::None);
        row("share.auto.offset.reset", "by_duration:1M", ErrorCode::InvalidConfig);
        row("share.auto.offset.reset", "none", ErrorCode::InvalidConfig);
        row("share.heartbeat.interval.ms", "15000", ErrorCode::None);
        row("share.session.timeout.ms", "few", ErrorCode::InvalidConfig);
        row("retention.ms", "1000", ErrorCode::InvalidConfig);
    }
    void groupSettingsAreValidated()
    {
        QFETCH(std::string, key);
        QFETCH(std::string, value);
        QFETCH(ErrorCode, error);
        ShareWorld world;
        QCOMPARE(world.alter(key, value), error);
    }

    void settingsOfTheGroupCountAtOnceAndAfterARestart()
    {
        ShareWorld world;
        world.produce(2);
        QCOMPARE(world.alter("share.record.lock.duration.ms", "15000"), ErrorCode::None);
        QCOMPARE(world.fetch("ada", 0).acquisitionLockTimeout, 15'000ms);
        world.stopBroker();
        world.startBroker();
        QCOMPARE(world.fetch("ada", 0).acquisitionLockTimeout, 15'000ms);
    }

    void whatIsAcknowledgedStaysSoAfterARestart_data()
    {
        QTest::addColumn<bool>("kill");
        QTest::newRow("stopped in order") << false;
        QTest::newRow("killed") << true;
    }
    void whatIsAcknowledgedStaysSoAfterARestart()
    {
        QFETCH(bool, kill);
        ShareWorld world;
        world.produce(6);
        world.fetch("ada", 0);
        world.acknowledge("ada", 1, 0, 1);
        world.acknowledge("ada", 2, 4, 4);
        world.acknowledge("ada", 3, 3, 3, AcknowledgeType::Release);
        world.restart(kill);
        // 2 and 5 had been acquired, which is not stored: their count begins anew.
        QCOMPARE(acquiredOf(world.fetch("bob", 0)), (Acquired{{2, 2, 1}, {3, 3, 2}, {5, 5, 1}}));
    }

    void withoutStoringAcknowledgedRecordsComeBack()
    {
        BrokerConfig config;
        config.plantedBug = PlantedBug::ShareStateNotWritten;
        ShareWorld world(config);
        world.produce(2);
        world.fetch("ada", 0);
        QCOMPARE(world.acknowledge("ada", 1, 0, 1), ErrorCode::None);
        QCOMPARE(world.share().startOffset, 2);
        world.restart();
        QCOMPARE(acquiredOf(world.fetch("bob", 0)), (Acquired{{0, 1, 1}}));
    }

    void aLaterStateEpochFencesTheShareParition()
    {
        ShareWorld world;
        world.produce(2);
        world.fetch("ada", 0);
        QCOMPARE(world.initialize(1), ErrorCode::None); // asked twice: nothing changes
        QCOMPARE(world.initialize(2), ErrorCode::None);
        QCOMPARE(world.initialize(1), ErrorCode::FencedStateEpoch);
        QCOMPARE(world.acknowledge("ada", 1, 0, 1), ErrorCode::FencedStateEpoch);
        world.warm();
        QCOMPARE(acquiredOf(world.fetch("ada", 2)), (Acquired{{0, 1, 1}}));
    }

    void aShareParitionThatIsNotInitializedIsNotRead()
    {
        LogWorld world;
        world.askFor<CreateTopicsResponse>(CreateTopicsRequest{{{.name = "orders"}}});
        const auto answer = world.askFor<ShareFetchResponse>(fetchOf("ada", 0, 1ms));
        QCOMPARE(answer.partitions.at(0).error, ErrorCode::UnknownServerError);
        const auto unknown =
            world.askFor<ShareAcknowledgeResponse>(acknowledgementOf("ada", 1, 0, 0));
        QCOMPARE(unknown.partitions.at(0).error, ErrorCode::UnknownTopicOrPartition);
    }

    void deletedRecordsAreSettled()
    {
        ShareWorld world;
        world.produce(4);
        world.produce(4);
        world.fetch("ada", 0);
        DeleteRecordsRequest request;
        request.partitions.push_back({kOrders, 6});
        world.askFor<DeleteRecordsResponse>(request);
        world.fetch("ada", 1);
        QCOMPARE(world.share().startOffset, 6);
        QCOMPARE(world.acknowledge("ada", 2, 0, 7), ErrorCode::None);
        QCOMPARE(world.share().startOffset, 8);
    }

    /// Ten members, random acknowledgements, deaths and restarts: nothing is lost, nothing is given
    /// out more often than the limit, and what was accepted never again.
    void nothingIsLostOnOneBroker_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 20; ++seed)
            QTest::addRow("seed %llu", static_cast<unsigned long long>(seed)) << seed;
    }
    void nothingIsLostOnOneBroker()
    {
        QFETCH(quint64, seed);
        Random random(seed);
        ShareWorld world;
        const int total = 200;
        std::vector<int> deliveries(total, 0);
        std::vector<bool> settled(total, false);
        int produced = 0;
        std::map<std::string, std::int32_t> epochs;
        std::map<std::string, std::vector<AcquiredRecords>> held;
        for (int step = 0; step < 3'000; ++step) {
            if (produced < total && random.chance(0.3)) {
                const int count =
                    std::min<int>(total - produced, static_cast<int>(random.between(1, 8)));
                world.produce(count);
                produced += count;
            }
            const std::string member(1, static_cast<char>('a' + random.between(0, 9)));
            auto &mine = held[member];
            if (!epochs.contains(member) || mine.empty()) {
                const bool isOpen = epochs.contains(member);
                const auto answer = world.fetch(member, isOpen ? epochs[member] : 0);
                QCOMPARE(answer.error, ErrorCode::None);
                epochs[member] = isOpen ? epochs[member] + 1 : 1;
                for (const AcquiredRecords &run : acquiredOf(answer)) {
                    mine.push_back(run);
                    for (std::int64_t offset = run.firstOffset; offset <= run.lastOffset;
                        ++offset) {
                        const auto index = static_cast<std::size_t>(offset);
                        QVERIFY2(!settled[index], "an accepted record is given out again");
                        ++deliveries[index];
                        QVERIFY(run.deliveryCount <= 5);
                    }
                }
            } else {
                const AcquiredRecords run = mine.back();
                mine.pop_back();
                const AcknowledgeType type =
                    random.chance(0.7) ? AcknowledgeType::Accept : AcknowledgeType::Release;
                const ErrorCode error = world.acknowledge(
                    member, epochs[member]++, run.firstOffset, run.lastOffset, type);
                if (error == ErrorCode::None) {
                    for (std::int64_t offset = run.firstOffset; offset <= run.lastOffset; ++offset)
                        settled[static_cast<std::size_t>(offset)] =
                            type == AcknowledgeType::Accept || run.deliveryCount == 5;
                } else {
                    QCOMPARE(error, ErrorCode::InvalidRecordState); // its lock has expired
                }
            }
            world.run(std::chrono::milliseconds{random.between(0, 2'000)});
            if (random.chance(0.01)) {
                world.disconnect(ShareWorld::clientOf(member));
                epochs.erase(member);
                held.erase(member);
            }
            if (random.chance(0.003)) {
                world.restart(true);
                epochs.clear();
                held.clear();
            }
        }
        QCOMPARE(produced, total);
        QCOMPARE(world.share().startOffset, total);
        QVERIFY(std::ranges::all_of(deliveries, [](int count) { return count > 0; }));
    }

    void aNewLeaderGoesOnWithTheStoredState()
    {
        LogCluster cluster(3);
        QVERIFY(cluster.runUntil([&] { return cluster.isReady(); }));
        cluster.ask<CreateTopicsResponse>(1,
            CreateTopicsRequest{{{.name = "orders",
                .partitions = -1,
                .replicationFactor = -1,
                .assignments = {{1, 2, 3}}}}});
        const auto leaderOf = [&](const TopicPartition &partition) {
            return cluster.partition(partition).leader;
        };
        QVERIFY(cluster.runUntil([&] { return leaderOf(kOrders) == 1; }));
        AlterConfigsRequest settings;
        settings.groups.push_back({"billing", {{"share.auto.offset.reset", "earliest"}}});
        cluster.ask<AlterConfigsResponse>(1, settings);
        cluster.send(1, FindCoordinatorRequest{"any", CoordinatorType::Share});
        cluster.run(2s);
        ErrorCode error = ErrorCode::NotCoordinator;
        for (int id = 1; id <= 3 && error == ErrorCode::NotCoordinator; ++id) {
            error = cluster
                        .ask<InitializeShareGroupStateResponse>(
                            id, InitializeShareGroupStateRequest{"billing", kOrders, 1, -1})
                        .error;
        }
        QCOMPARE(error, ErrorCode::None);
        ProduceRequest produce;
        produce.partitions.push_back({kOrders, batchOf(10, epochMillis(cluster.now()))});
        cluster.ask<ProduceResponse>(1, produce);

        QCOMPARE(acquiredOf(cluster.ask<ShareFetchResponse>(1, fetchOf("ada", 0, 5s))),
            (Acquired{{0, 9, 1}}));
        QCOMPARE(cluster.ask<ShareAcknowledgeResponse>(1, acknowledgementOf("ada", 1, 0, 3))
                     .partitions.at(0)
                     .error,
            ErrorCode::None);
        QCOMPARE(cluster
                     .ask<ShareAcknowledgeResponse>(
                         1, acknowledgementOf("ada", 2, 6, 7, AcknowledgeType::Release))
                     .partitions.at(0)
                     .error,
            ErrorCode::None);
        const auto notLeader = cluster.ask<ShareFetchResponse>(2, fetchOf("bob", 0));
        QCOMPARE(notLeader.partitions.at(0).error, ErrorCode::NotLeaderOrFollower);
        QCOMPARE(notLeader.partitions.at(0).currentLeader->leader, 1);

        cluster.kill(1);
        QVERIFY(cluster.runUntil([&] { return leaderOf(kOrders) > 1; }));
        const int leader = leaderOf(kOrders);
        cluster.run(10s); // the share coordinator has moved too
        const auto again =
            cluster.ask<ShareFetchResponse>(leader, fetchOf("bob", leader == 2 ? 1 : 0, 20s));
        QCOMPARE(acquiredOf(again), (Acquired{{4, 5, 1}, {6, 7, 2}, {8, 9, 1}}));
    }
};

QTEST_APPLESS_MAIN(ShareGroupsTest)
#include "tst_share_groups.moc"
