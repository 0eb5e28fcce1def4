#include "quorum_net.h"

#include "engine/log/events.h"

#include <QTest>

using namespace queuelab;
using namespace queuelab::log;

namespace {

constexpr int kSeeds = 200;

/// Things that go wrong, drawn at random, while records are appended.
void disturb(QuorumNet &net)
{
    const std::vector<int> ids = net.ids();
    const int id = ids[net.random.below(ids.size())];
    const int other = ids[net.random.below(ids.size())];
    switch (net.random.below(17)) {
    case 0:
    case 1:
    case 2:
        if (net.isAlive(id)) {
            constexpr std::array kDeaths{
                QuorumNet::Death::Process, QuorumNet::Death::Power, QuorumNet::Death::TornPower};
            net.kill(id, kDeaths[net.random.below(kDeaths.size())]);
        }
        return;
    case 3:
        net.isolate(id);
        return;
    case 4:
        if (net.leader() != 0)
            net.isolate(net.leader());
        return;
    case 5:
        net.cut(id, other);
        return;
    case 6:
        if (net.isAlive(id))
            net.resign(id);
        return;
    case 7:
        if (net.isAlive(id) && !net.isDiskBroken(id))
            net.stopInOrder(id);
        return;
    case 8:
        if (!net.random.chance(0.3))
            return;
        for (const int one : ids) { // the whole site loses power
            if (net.isAlive(one))
                net.kill(one, QuorumNet::Death::TornPower);
        }
        return;
    case 9:
        net.breakDisk(id);
        return;
    case 10:
    case 11:
    case 12:
        net.heal();
        net.repairDisk(id);
        return;
    default:
        if (!net.isAlive(id)) {
            net.repairDisk(id);
            net.start(id);
        }
        return;
    }
}

bool settles(QuorumNet &net, Duration limit = 10s)
{
    return net.runUntil([&net] { return net.isSettled(); }, limit);
}

std::string stateOf(QuorumNet &net, int id)
{
    const FileId file =
        net.files.open(QuorumNet::directory(id) + "/__cluster_metadata-0/quorum-state", false)
            .value();
    const Bytes bytes = readWhole(net.files, file).value();
    net.files.close(file);
    return std::string(asText(bytes));
}

VoteRequest voteOf(int candidate, std::int32_t epoch, std::int32_t lastEpoch, std::int64_t end)
{
    return {.candidateEpoch = epoch,
        .candidateId = candidate,
        .lastOffsetEpoch = lastEpoch,
        .lastOffset = end};
}

FetchRequest fetchOf(
    int replica, std::int64_t offset, std::int32_t epoch, std::int32_t lastFetchedEpoch)
{
    FetchRequest request{.replicaId = replica, .maxWait = 0ms};
    FetchRequest::Partition partition{.partition = {std::string(kMetadataTopic), 0}};
    partition.fetchOffset = offset;
    partition.currentLeaderEpoch = epoch;
    partition.lastFetchedEpoch = lastFetchedEpoch;
    request.partitions.push_back(partition);
    return request;
}

} // namespace

class TestQuorum : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aSingleVoterLeadsAndHasAllCommittedWhenItHasOpened()
    {
        QuorumNet net(1, 1);
        QVERIFY(net.at(1).isLeader());
        QCOMPARE(net.at(1).epoch(), 1);
        QCOMPARE(net.at(1).highWatermark(), 1); // the record of the leader change
        QCOMPARE(net.append(1, {"a", "b"}).value(), 2);
        QCOMPARE(net.at(1).highWatermark(), 3);
        net.kill(1, QuorumNet::Death::Power);
        net.start(1);
        QVERIFY(net.at(1).isLeader());
        QCOMPARE(net.at(1).epoch(), 2);
        QCOMPARE(net.at(1).highWatermark(), 4);
        QCOMPARE(net.committed().at(1), std::string("a"));
        QCOMPARE(net.committed().at(2), std::string("b"));
        QVERIFY2(net.broken.empty(), net.broken.c_str());
    }
    void votersElectOneLeaderAndKeepIt_data()
    {
        QTest::addColumn<quint64>("seed");
        QTest::addColumn<int>("voters");
        for (quint64 seed = 1; seed <= 20; ++seed) {
            for (const int voters : {2, 3, 5})
                QTest::addRow("seed %llu, %d voters", seed, voters) << seed << voters;
        }
    }
    void votersElectOneLeaderAndKeepIt()
    {
        QFETCH(const quint64, seed);
        QFETCH(const int, voters);
        QuorumNet net(seed, voters, 1);
        QVERIFY(settles(net));
        const int leader = net.leader();
        const std::int32_t epoch = net.at(leader).epoch();
        net.run(5min);
        QCOMPARE(net.leader(), leader);
        QCOMPARE(net.at(leader).epoch(), epoch);
        QVERIFY(net.isSettled());
        QCOMPARE(net.events(LogEvent::ControllerResigned), std::uint64_t{0});
        QVERIFY2(net.broken.empty(), net.broken.c_str());
    }
    void aMajorityOfTheVotersHasToLive_data()
    {
        QTest::addColumn<int>("voters");
        QTest::addColumn<int>("dead");
        QTest::addColumn<bool>("works");
        QTest::newRow("two cannot lose one") << 2 << 1 << false;
        QTest::newRow("three can lose one") << 3 << 1 << true;
        QTest::newRow("three cannot lose two") << 3 << 2 << false;
        QTest::newRow("four can lose one") << 4 << 1 << true;
        QTest::newRow("four cannot lose two") << 4 << 2 << false;
        QTest::newRow("five can lose two") << 5 << 2 << true;
    }
    void aMajorityOfTheVotersHasToLive()
    {
        QFETCH(const int, voters);
        QFETCH(const int, dead);
        QFETCH(const bool, works);
        QuorumNet net(7, voters);
        QVERIFY(settles(net));
        for (int i = 0; i < dead; ++i) // leaders, so that those who stay have to elect
            net.kill(net.leader() != 0 ? net.leader() : (net.isAlive(1) ? 1 : 2),
                QuorumNet::Death::Power);
        net.run(20s);
        QCOMPARE(net.leader() != 0, works);
        if (works) {
            QVERIFY(net.append(net.leader(), {"still here"}).has_value());
            QVERIFY(settles(net, 1s));
            QCOMPARE(net.committed().rbegin()->second, std::string("still here"));
        }
        QVERIFY2(net.broken.empty(), net.broken.c_str());
    }
    void anIsolatedLeaderStepsDownAndItsUncommittedRecordsAreCutOff()
    {
        QuorumNet net(3, 3);
        QVERIFY(settles(net));
        const int old = net.leader();
        net.isolate(old);
        QVERIFY(net.append(old, {"nobody else has it"}).has_value());
        net.run(net.config.quorumFetchTimeout * 3 / 2 + 1s);
        QVERIFY(!net.at(old).isLeader());
        QVERIFY(net.runUntil([&] { return net.leader() != 0; }, 10s));
        const int now = net.leader();
        QVERIFY(now != old);
        QVERIFY(net.append(now, {"the other way"}).has_value());
        net.run(5s);
        QVERIFY(net.append(old, {"x"}).error() == ErrorCode::NotController);
        net.heal();
        QVERIFY(settles(net));
        for (const auto &[offset, value] : net.committed())
            QVERIFY(value != "nobody else has it");
        QCOMPARE(net.at(old).logEndOffset(), net.at(now).logEndOffset());
        QVERIFY2(net.broken.empty(), net.broken.c_str());
    }
    // KIP-996: without pre-votes it would come back with a higher epoch and depose the leader.
    void aFollowerThatWasCutOffComesBackWithoutDisturbing()
    {
        QuorumNet net(4, 3);
        QVERIFY(settles(net));
        const int leader = net.leader();
        const std::int32_t epoch = net.at(leader).epoch();
        const int follower = leader % 3 + 1;
        net.isolate(follower);
        net.run(2min);
        QVERIFY(net.at(follower).role() != QuorumRole::Candidate);
        QCOMPARE(net.at(follower).epoch(), epoch);
        net.heal();
        QVERIFY(settles(net));
        QCOMPARE(net.leader(), leader);
        QCOMPARE(net.at(leader).epoch(), epoch);
        QVERIFY2(net.broken.empty(), net.broken.c_str());
    }
    void theBestSuccessorIsElectedAtOnceWhenTheLeaderResigns()
    {
        QuorumNet net(5, 3);
        QVERIFY(settles(net));
        const int leader = net.leader();
        const int behind = leader % 3 + 1;
        net.isolate(behind);
        QVERIFY(net.append(leader, {"a"}).has_value());
        net.run(100ms);
        net.heal();
        net.resign(leader);
        QVERIFY(!net.at(leader).isLeader());
        net.run(200ms);
        const int successor = net.leader();
        QVERIFY(successor != 0);
        QVERIFY(successor != leader && successor != behind);
        QVERIFY(settles(net));
        QCOMPARE(net.leader(), successor);
        QCOMPARE(net.events(LogEvent::ControllerResigned), std::uint64_t{1});
        QVERIFY2(net.broken.empty(), net.broken.c_str());
    }
    void aVoteOutlivesTheCrashOfTheMachine()
    {
        QuorumNet net(6, 3);
        QVERIFY(settles(net));
        const int voter = net.leader() % 3 + 1;
        const int one = voter % 3 + 1;
        const int two = one % 3 + 1;
        for (const int id : {1, 2, 3})
            net.isolate(id);
        const auto granted = [&](int candidate) {
            const auto answer = net.tell(voter, candidate, voteOf(candidate, 50, 40, 1000));
            return std::get<VoteResponse>(*answer).voteGranted;
        };
        QVERIFY(granted(one));
        QVERIFY(!granted(two));
        QCOMPARE(stateOf(net, voter),
            fmt::format(R"({{"leaderId":-1,"leaderEpoch":50,"votedId":{},)"
                        R"("votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA","data_version":1}})",
                one));
        net.kill(voter, QuorumNet::Death::Power);
        net.start(voter);
        QCOMPARE(net.at(voter).epoch(), 50);
        QVERIFY(!granted(two));
        QVERIFY(granted(one)); // the same again
        QVERIFY2(net.broken.empty(), net.broken.c_str());
    }
    void aVoteThatCannotBeWrittenIsNotGiven()
    {
        QuorumNet net(6, 3);
        QVERIFY(settles(net));
        const int voter = net.leader() % 3 + 1;
        const int candidate = voter % 3 + 1;
        net.breakDisk(voter);
        const auto vote = voteOf(candidate, 50, 40, 1000);
        QVERIFY(!std::get<VoteResponse>(*net.tell(voter, candidate, vote)).voteGranted);
        net.repairDisk(voter);
        QVERIFY(std::get<VoteResponse>(*net.tell(voter, candidate, vote)).voteGranted);
    }
    void aLeaderThatHasRestartedNeitherLeadsNorVotesInItsEpoch()
    {
        QuorumNet net(8, 3);
        QVERIFY(settles(net));
        const int leader = net.leader();
        const int other = leader % 3 + 1;
        const std::int32_t epoch = net.at(leader).epoch();
        net.isolate(leader);
        net.kill(leader, QuorumNet::Death::Process);
        net.start(leader);
        QVERIFY(!net.at(leader).isLeader());
        QCOMPARE(net.at(leader).epoch(), epoch);
        const auto answer = net.tell(leader, other, voteOf(other, epoch, epoch - 1, 1000));
        QVERIFY(!std::get<VoteResponse>(*answer).voteGranted);
    }
    void votesFollowKafkasRules_data()
    {
        // The voter has voted for nobody in its epoch, and its log ends at offset 1 in epoch 1.
        QTest::addColumn<int>("candidate");
        QTest::addColumn<int>("epochsAhead");
        QTest::addColumn<int>("lastEpoch");
        QTest::addColumn<int>("lastOffset");
        QTest::addColumn<bool>("preVote");
        QTest::addColumn<bool>("granted");
        QTest::addColumn<int>("error");
        const int fenced = int(ErrorCode::FencedLeaderEpoch);
        const int invalid = int(ErrorCode::InvalidRequest);
        QTest::newRow("log is equal") << 2 << 5 << 1 << 1 << false << true << 0;
        QTest::newRow("log is longer") << 2 << 5 << 1 << 9 << false << true << 0;
        QTest::newRow("log is shorter") << 2 << 5 << 1 << 0 << false << false << 0;
        QTest::newRow("shorter, but of a later epoch") << 2 << 5 << 2 << 0 << false << true << 0;
        QTest::newRow("longer, but of an earlier epoch") << 2 << 5 << 0 << 9 << false << false << 0;
        QTest::newRow("pre-vote") << 2 << 0 << 1 << 1 << true << true << 0;
        QTest::newRow("pre-vote, log is shorter") << 2 << 0 << 1 << 0 << true << false << 0;
        QTest::newRow("old epoch") << 2 << -1 << 0 << 9 << false << false << fenced;
        QTest::newRow("not a voter") << 9 << 5 << 1 << 1 << false << false << invalid;
        QTest::newRow("records of an epoch it asks for")
            << 2 << 5 << 99 << 9 << false << false << invalid;
        QTest::newRow("no such offset") << 2 << 5 << 1 << -1 << false << false << invalid;
    }
    void votesFollowKafkasRules()
    {
        QFETCH(const int, candidate);
        QFETCH(const int, epochsAhead);
        QFETCH(const int, lastEpoch);
        QFETCH(const int, lastOffset);
        QFETCH(const bool, preVote);
        QFETCH(const bool, granted);
        QFETCH(const int, error);
        QuorumNet net(1, 3);
        QVERIFY(net.runUntil([&net] { return net.at(1).epoch() > 0 && net.isSettled(); }, 10s));
        QCOMPARE(net.at(1).epoch(), 1);
        for (const int id : {1, 2, 3})
            net.isolate(id);
        net.kill(1, QuorumNet::Death::Process);
        net.start(1);
        // A new epoch whose leader nobody knows.
        net.tell(1, 3, voteOf(3, 3, 0, 0));
        auto request = voteOf(candidate, 3 + epochsAhead, lastEpoch, lastOffset);
        request.preVote = preVote;
        const auto answer = std::get<VoteResponse>(*net.tell(1, candidate, request));
        QCOMPARE(answer.voteGranted, granted);
        QCOMPARE(int(answer.error), error);
        QCOMPARE(answer.leaderEpoch, error == 0 ? 3 + epochsAhead : 3);
    }
    void aFollowerWhoseLeaderAnswersGrantsNoPreVote()
    {
        QuorumNet net(2, 3);
        QVERIFY(settles(net));
        const int follower = net.leader() % 3 + 1;
        const int other = follower % 3 + 1;
        auto request = voteOf(other, net.at(follower).epoch(), 1, 1000);
        request.preVote = true;
        QVERIFY(!std::get<VoteResponse>(*net.tell(follower, other, request)).voteGranted);
        QVERIFY(net.at(follower).leader().has_value());
    }
    // Raft, figure 8: a majority having a record of an earlier epoch does not make it safe.
    void recordsOfEarlierEpochsAreCommittedOnlyWithOneOfThePresent()
    {
        QuorumNet net(9, 3);
        QVERIFY(settles(net));
        const int leader = net.leader();
        const int follower = leader % 3 + 1;
        net.isolate(leader);
        QVERIFY(net.append(leader, {"old"}).has_value()); // at offset 1
        for (const int id : {1, 2, 3})
            net.kill(id, QuorumNet::Death::Process);
        net.heal();
        net.start(leader);
        net.start(follower); // its log is shorter: it cannot win
        QVERIFY(net.runUntil([&] { return net.leader() == leader; }, 20s));
        net.isolate(leader);
        const std::int32_t epoch = net.at(leader).epoch();
        QVERIFY(epoch > 1);
        QCOMPARE(net.at(leader).logEndOffset(), 3);
        net.tell(leader, follower, fetchOf(follower, 2, epoch, 1)); // it has "old" now
        QCOMPARE(net.at(leader).highWatermark(), 0);
        net.tell(leader, follower, fetchOf(follower, 3, epoch, epoch));
        QCOMPARE(net.at(leader).highWatermark(), 3);
    }
    void fetchesFollowKafkasRules_data()
    {
        QTest::addColumn<int>("epochsAhead");
        QTest::addColumn<qint64>("offset");
        QTest::addColumn<int>("lastEpoch");
        QTest::addColumn<bool>("toLeader");
        QTest::addColumn<int>("error");
        QTest::addColumn<int>("divergingEpoch");
        QTest::addColumn<qint64>("divergingEnd");
        QTest::newRow("from the start") << 0 << qint64(0) << 0 << true << 0 << -1 << qint64(-1);
        QTest::newRow("from the end") << 0 << qint64(2) << 1 << true << 0 << -1 << qint64(-1);
        QTest::newRow("longer than the leader")
            << 0 << qint64(9) << 1 << true << 0 << 1 << qint64(2);
        QTest::newRow("of an epoch it never had")
            << 0 << qint64(2) << 0 << true << 0 << 0 << qint64(0);
        QTest::newRow("old epoch") << -1 << qint64(0) << 0 << true
                                   << int(ErrorCode::FencedLeaderEpoch) << -1 << qint64(-1);
        QTest::newRow("future epoch") << 1 << qint64(0) << 0 << true
                                      << int(ErrorCode::UnknownLeaderEpoch) << -1 << qint64(-1);
        QTest::newRow("last epoch after the present one")
            << 0 << qint64(2) << 2 << true << int(ErrorCode::InvalidRequest) << -1 << qint64(-1);
        QTest::newRow("not the leader") << 0 << qint64(0) << 0 << false
                                        << int(ErrorCode::NotLeaderOrFollower) << -1 << qint64(-1);
    }
    void fetchesFollowKafkasRules()
    {
        QFETCH(const int, epochsAhead);
        QFETCH(const qint64, offset);
        QFETCH(const int, lastEpoch);
        QFETCH(const bool, toLeader);
        QFETCH(const int, error);
        QFETCH(const int, divergingEpoch);
        QFETCH(const qint64, divergingEnd);
        QuorumNet net(1, 3);
        QVERIFY(settles(net));
        const int leader = net.leader();
        const int follower = leader % 3 + 1;
        const int asked = toLeader ? leader : follower % 3 + 1;
        QCOMPARE(net.at(leader).epoch(), 1);
        QVERIFY(net.append(leader, {"a"}).has_value());
        QVERIFY(settles(net));
        const auto answer =
            net.tell(asked, follower, fetchOf(follower, offset, 1 + epochsAhead, lastEpoch));
        const auto &partition = std::get<FetchResponse>(*answer).partitions.at(0);
        QCOMPARE(int(partition.error), error);
        QVERIFY(partition.currentLeader == (LeaderHint{leader, 1}));
        const EpochEnd diverging = partition.divergingEpoch.value_or(EpochEnd{});
        QCOMPARE(diverging.epoch, divergingEpoch);
        QCOMPARE(diverging.endOffset, divergingEnd);
        QCOMPARE(partition.records.empty(), offset != 0 || error != 0);
    }
    void otherPartitionsAreNotServed()
    {
        QuorumNet net(1, 1);
        FetchRequest request = fetchOf(2, 0, 1, 0);
        request.partitions[0].partition = {"orders", 0};
        const auto answer = net.tell(1, 2, request);
        QVERIFY(std::get<FetchResponse>(*answer).partitions.at(0).error
            == ErrorCode::UnknownTopicOrPartition);
    }
    void whatIsAppendedIsCommittedEverywhereWithoutWaitingForATimeout()
    {
        QuorumNet net(10, 3, 1);
        QVERIFY(settles(net));
        net.run(1s);
        const Instant before = net.now;
        QVERIFY(net.append(net.leader(), {"a"}).has_value());
        QVERIFY(settles(net));
        // Four messages of at most 10 ms: records, fetch, high watermark; and one on its way.
        QVERIFY(net.now - before <= 40ms);
        QCOMPARE(net.committed().rbegin()->second, std::string("a"));
    }
    void observersFollowFromLeaderToLeader()
    {
        QuorumNet net(11, 3, 2);
        QVERIFY(settles(net));
        const int first = net.leader();
        QVERIFY(net.at(4).role() == QuorumRole::Observer);
        QCOMPARE(net.at(4).leader()->value(), first);
        net.kill(first, QuorumNet::Death::Power);
        QVERIFY(net.runUntil([&] { return net.leader() != 0; }, 10s));
        QVERIFY(net.append(net.leader(), {"from the second"}).has_value());
        QVERIFY(settles(net));
        QCOMPARE(net.at(4).leader()->value(), net.leader());
        QCOMPARE(net.at(5).highWatermark(), net.at(net.leader()).logEndOffset());
        QVERIFY(net.append(4, {"x"}).error() == ErrorCode::NotController);
        QVERIFY2(net.broken.empty(), net.broken.c_str());
    }
    void observersDoNotCount()
    {
        QuorumNet net(12, 2, 3);
        QVERIFY(settles(net));
        const int leader = net.leader();
        net.kill(3 - leader, QuorumNet::Death::Process);
        const std::int64_t before = net.at(leader).highWatermark();
        QVERIFY(net.append(leader, {"a"}).has_value());
        net.run(1s);
        QCOMPARE(net.at(3).logEndOffset(), net.at(leader).logEndOffset());
        QCOMPARE(net.at(leader).highWatermark(), before);
        net.run(10s);
        QCOMPARE(net.leader(), 0);
    }
    void aLeaderThatCannotWriteResigns()
    {
        QuorumNet net(13, 3);
        QVERIFY(settles(net));
        const int leader = net.leader();
        net.breakDisk(leader);
        QVERIFY(net.append(leader, {"lost"}).error() == ErrorCode::KafkaStorageError);
        QVERIFY(!net.at(leader).isLeader());
        QVERIFY(net.runUntil([&] { return net.leader() != 0 && net.leader() != leader; }, 10s));
        net.run(30s); // it cannot write: it must not come to lead again, nor be waited for
        QVERIFY(net.leader() != leader);
        QVERIFY(net.append(net.leader(), {"kept"}).has_value());
        net.run(1s);
        QCOMPARE(net.committed().rbegin()->second, std::string("kept"));
        net.repairDisk(leader);
        QVERIFY(settles(net));
        for (const auto &[offset, value] : net.committed())
            QVERIFY(value != "lost");
        QVERIFY2(net.broken.empty(), net.broken.c_str());
    }
    void aSingleVoterLeadsAgainOnceItsDiskIsRepaired()
    {
        QuorumNet net(14, 1);
        net.breakDisk(1);
        QVERIFY(net.append(1, {"lost"}).error() == ErrorCode::KafkaStorageError);
        net.run(10s);
        QVERIFY(!net.at(1).isLeader());
        QCOMPARE(net.at(1).epoch(), 1); // none was announced that is not on the disk
        net.repairDisk(1);
        QVERIFY(settles(net));
        QVERIFY(net.append(1, {"kept"}).has_value());
        QCOMPARE(net.committed().rbegin()->second, std::string("kept"));
    }
    void aDamagedStateFileIsRefused_data()
    {
        QTest::addColumn<QByteArray>("content");
        QTest::addColumn<QString>("problem");
        QTest::newRow("empty") << QByteArray() << "does not say epoch, leader and vote";
        QTest::newRow("torn") << QByteArray(R"({"leaderId":1,"leaderEpoch":2,"votedId")")
                              << "does not say epoch, leader and vote";
        QTest::newRow("no number")
            << QByteArray(R"({"leaderId":1,"leaderEpoch":"2","votedId":-1,"data_version":1})")
            << "does not say epoch, leader and vote";
        QTest::newRow("newer") << QByteArray(
            R"({"leaderId":1,"leaderEpoch":2,"votedId":-1,"data_version":2})")
                               << "data_version 2 is not known";
    }
    void aDamagedStateFileIsRefused()
    {
        QFETCH(const QByteArray, content);
        QFETCH(const QString, problem);
        MemoryFiles files;
        QVERIFY(replaceFile(files, "quorum-state", asBytes(content.toStdString())).has_value());
        const auto state = readElectionState(files, "quorum-state");
        QVERIFY(!state.has_value());
        QCOMPARE(QString::fromStdString(state.error().problem), problem);
    }
    void stateFilesOfOlderVersionsAndOtherLayoutsAreRead()
    {
        MemoryFiles files;
        QVERIFY(!readElectionState(files, "quorum-state").value().has_value());
        constexpr std::string_view kVersion0 = R"({ "clusterId" : "", "leaderId" : 1,
            "leaderEpoch" : 2, "votedId" : -1, "appliedOffset" : 0, "currentVoters" : [],
            "data_version" : 0 })";
        QVERIFY(replaceFile(files, "quorum-state", asBytes(kVersion0)).has_value());
        QVERIFY(*readElectionState(files, "quorum-state").value()
            == (ElectionState{.epoch = 2, .leader = 1, .votedFor = -1}));
    }
    void theSameSeedGivesTheSameTrace()
    {
        const auto run = [](std::uint64_t seed) {
            QuorumNet net(seed, 5, 2);
            for (int round = 0; round < 50; ++round) {
                net.run(500ms);
                disturb(net);
            }
            std::vector<TraceEvent> events;
            for (auto i = net.trace.first(); i < net.trace.end(); ++i)
                events.push_back(net.trace.at(i));
            return std::pair(events, net.messages);
        };
        QVERIFY(run(1) == run(1));
        QVERIFY(run(1) != run(2));
    }
    void whateverHappensNoCommittedRecordIsLostAndAnEpochHasOneLeader_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= kSeeds; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void whateverHappensNoCommittedRecordIsLostAndAnEpochHasOneLeader()
    {
        QFETCH(const quint64, seed);
        Random shape(seed);
        constexpr std::array kVoters{1, 2, 3, 3, 3, 4, 5, 5};
        const int voters = kVoters[shape.below(kVoters.size())];
        QuorumNet net(seed, voters, static_cast<int>(shape.between(0, 2)));
        std::size_t written = 0;
        for (int round = 0; round < 200; ++round) {
            net.run(net.random.exponential(500ms));
            disturb(net);
            for (const int id : net.ids()) {
                if (net.isAlive(id) && net.at(id).isLeader()) {
                    std::vector<std::string> values;
                    for (auto left = net.random.between(1, 3); left > 0; --left)
                        values.push_back(fmt::format("record {}", written++));
                    net.append(id, values);
                }
            }
            QVERIFY2(net.broken.empty(), net.broken.c_str());
        }
        net.heal();
        for (const int id : net.ids()) {
            net.repairDisk(id);
            if (!net.isAlive(id))
                net.start(id);
        }
        QVERIFY2(net.runUntil([&net] { return net.isSettled(); }, 30s), net.broken.c_str());
        // It is of use again, and all of them have the same.
        QVERIFY(net.append(net.leader(), {"the last"}).has_value());
        QVERIFY2(net.runUntil([&net] { return net.isSettled(); }, 2s), net.broken.c_str());
        QCOMPARE(net.committed().rbegin()->second, std::string("the last"));
        QVERIFY2(net.broken.empty(), net.broken.c_str());
    }
};

QTEST_APPLESS_MAIN(TestQuorum)
#include "tst_quorum.moc"
