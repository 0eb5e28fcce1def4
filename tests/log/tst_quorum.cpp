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
    switch (net.random.below(16)) {
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
        if (net.isAlive(id))
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
    case 10:
    case 11:
        net.heal();
        return;
    default:
        if (!net.isAlive(id))
            net.start(id);
        return;
    }
}

} // namespace

class TestQuorum : public QObject {
    Q_OBJECT

private Q_SLOTS:
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
