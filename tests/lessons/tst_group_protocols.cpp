#include "engine/core/memory_files.h"
#include "engine/log/events.h"
#include "engine/world/world.h"
#include "lessons/pauses.h"

#include <QTest>

#include <algorithm>
#include <map>
#include <memory>
#include <string>

using namespace queuelab;
using namespace queuelab::lessons;
using namespace queuelab::world;

namespace {

constexpr std::int32_t kPartitions = 12;
const std::vector<std::string> kGroups{"eager", "cooperative", "incremental"};

AddConsumer memberOf(const std::string &group, std::int32_t count)
{
    AddConsumer command;
    command.group = group;
    command.topics = {"orders"};
    command.count = count;
    command.configs["auto.offset.reset"] = "earliest";
    if (group == "eager")
        command.configs["partition.assignment.strategy"] = "range";
    else if (group == "cooperative")
        command.configs["partition.assignment.strategy"] = "cooperative-sticky";
    else
        command.configs["group.protocol"] = "consumer";
    return command;
}

/// The fourth member, which comes later.
AddConsumer newcomerOf(const std::string &group)
{
    AddConsumer command = memberOf(group, 1);
    command.name = group + "-new";
    return command;
}

/// Three groups of three read the same busy topic, each by a protocol of its own. One of the three
/// is slow, and so slow to rejoin.
class Lab {
public:
    explicit Lab(std::int32_t brokers)
    {
        WorldConfig config;
        config.logBrokers = brokers;
        auto created = World::create(config, std::make_unique<MemoryFiles>());
        if (!created)
            qFatal("%s", created.error().text().c_str());
        m_world = *std::move(created);
        CreateTopic topic;
        topic.name = "orders";
        topic.partitions = kPartitions;
        topic.replicationFactor = std::min(brokers, 3);
        perform(topic);
        AddProducer producer;
        producer.topic = "orders";
        producer.rate = {2'000};
        producer.keys.count = 1'000;
        perform(producer);
        for (const std::string &group : kGroups)
            perform(memberOf(group, 2));
        for (const std::string &group : kGroups) {
            AddConsumer slow = memberOf(group, 1);
            slow.name = group + "-slow";
            slow.processing = {5s, 5s};
            slow.configs["max.poll.records"] = "1";
            perform(slow);
        }
        run(30s);
    }

    void perform(const Command &command)
    {
        if (const auto done = m_world->apply(command); !done)
            qFatal("%s", done.error().message.c_str());
    }
    void run(Duration duration) { m_world->runUntil(m_world->now() + duration); }

    struct Figures {
        Duration pause{}; ///< of the members that were there already, the longest
        Unread unread;
        std::size_t partitions = 0; ///< of the member that came
        std::uint64_t revoked = 0;
    };
    /// A fourth member comes to each group.
    std::map<std::string, Figures> scaleOut()
    {
        std::map<std::string, std::uint64_t> revokedBefore;
        for (const std::string &group : kGroups)
            revokedBefore[group] = revocations(group);
        const Instant since = m_world->now();
        for (const std::string &group : kGroups)
            perform(newcomerOf(group));
        run(30s);
        std::map<std::string, Figures> figures;
        const std::shared_ptr<const Snapshot> snapshot = m_world->snapshot();
        for (const std::string &group : kGroups) {
            Figures &of = figures[group];
            of.unread = unreadPartitions(m_world->trace(), group, since, m_world->now());
            of.revoked = revocations(group) - revokedBefore[group];
            for (const ClientSnapshot &client : snapshot->clients) {
                if (client.name == newcomerOf(group).name)
                    of.partitions = client.positions.size();
                else if (client.group == group && client.name != group + "-slow")
                    of.pause = std::max(of.pause,
                        longestPause(m_world->trace(), client.name, since, m_world->now()));
            }
        }
        return figures;
    }
    std::uint64_t handled(const std::string &group) const
    {
        const std::shared_ptr<const Snapshot> snapshot = m_world->snapshot();
        for (const OutcomeSnapshot &outcome : snapshot->outcomes) {
            if (outcome.name == group)
                return outcome.handled;
        }
        return 0;
    }
    std::uint64_t produced() const { return m_world->snapshot()->clients.front().confirmed; }

private:
    std::uint64_t revocations(const std::string &group) const
    {
        const Trace &trace = m_world->trace();
        const NameId name = trace.names().find(group);
        std::uint64_t count = 0;
        for (std::uint64_t i = trace.first(); i < trace.end(); ++i) {
            if (trace.at(i).kind == log::kind(log::LogEvent::PartitionRevoked)
                && trace.at(i).detail == name)
                ++count;
        }
        return count;
    }

    std::unique_ptr<World> m_world;
};

} // namespace

class GroupProtocolsTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void onlyWhatMovesStandsStill_data()
    {
        QTest::addColumn<int>("brokers");
        QTest::newRow("one broker") << 1;
        QTest::newRow("three brokers") << 3;
    }
    void onlyWhatMovesStandsStill()
    {
        QFETCH(int, brokers);
        Lab lab(brokers);
        auto figures = lab.scaleOut();
        for (const std::string &group : kGroups)
            QCOMPARE(figures[group].partitions, 3U);
        // Eager: everybody gives everything up, and waits for the slowest to notice.
        QCOMPARE(figures["eager"].revoked, std::uint64_t{kPartitions});
        QVERIFY(figures["eager"].pause > 500ms);
        // The other two move three partitions, and whoever keeps some reads on.
        for (const std::string group : {"cooperative", "incremental"}) {
            QCOMPARE(figures[group].revoked, 3U);
            QVERIFY(figures[group].pause < 100ms);
        }
    }
};

QTEST_APPLESS_MAIN(GroupProtocolsTest)
#include "tst_group_protocols.moc"
