#include <QtTest>

#include "modern_members.h"

using namespace queuelab;
using namespace queuelab::log;
using namespace std::chrono_literals;
using queuelab::log::testing::GroupFixture;
using queuelab::log::testing::ModernConsumer;

namespace {

/// Consumers that come, go, change what they read, fall silent and are slow, while writes fail and
/// coordinators take over.
class RandomGroup {
public:
    explicit RandomGroup(std::uint64_t seed)
        : fixture({}, seed)
        , m_random(seed)
    {
        for (const char *topic : {"t", "u", "v"})
            fixture.setTopic(topic, static_cast<std::int32_t>(1 + m_random.below(6)));
    }

    GroupFixture fixture;

    /// What is wrong; empty: nothing.
    std::string step()
    {
        fixture.run(std::chrono::milliseconds{m_random.below(3'000)});
        const auto one = [&]() -> ModernConsumer * {
            return m_consumers.empty() ? nullptr : &m_consumers[m_random.below(m_consumers.size())];
        };
        switch (m_random.below(12)) {
        case 0:
            if (m_consumers.size() < 6)
                m_consumers.emplace_back(fixture, "m" + std::to_string(m_next++), topics());
            break;
        case 1:
            if (ModernConsumer *consumer = one()) {
                consumer->leave();
                std::erase_if(m_consumers,
                    [&](const ModernConsumer &other) { return other.id() == consumer->id(); });
            }
            break;
        case 2:
            if (ModernConsumer *consumer = one())
                consumer->subscribe(topics());
            break;
        case 3:
            if (ModernConsumer *consumer = one())
                consumer->isSlow = !consumer->isSlow;
            break;
        case 4:
            fixture.failOver();
            break;
        case 5:
            fixture.writes =
                m_random.chance(0.3) ? GroupFixture::Writes::Fail : GroupFixture::Writes::AtOnce;
            break;
        default:
            if (ModernConsumer *consumer = one())
                consumer->beat();
        }
        return overlap();
    }
    /// All is well for a while: then everything subscribed to is assigned, and nothing else.
    std::string rest()
    {
        fixture.writes = GroupFixture::Writes::AtOnce;
        for (ModernConsumer &consumer : m_consumers)
            consumer.isSlow = false;
        for (int round = 0; round < 30; ++round) {
            fixture.run(2s);
            for (ModernConsumer &consumer : m_consumers)
                consumer.beat();
            if (std::string problem = overlap(); !problem.empty())
                return problem;
        }
        std::set<TopicPartition> assigned;
        for (const ModernConsumer &consumer : m_consumers)
            assigned.insert(consumer.owned().begin(), consumer.owned().end());
        std::set<TopicPartition> wanted;
        const auto group = fixture.group();
        if (m_consumers.empty())
            return {};
        if (group->state != GroupState::Stable)
            return "the group does not come to rest: " + std::string(groupStateName(group->state));
        for (const MemberSnapshot &member : group->members)
            wanted.insert(member.target.begin(), member.target.end());
        if (assigned != wanted)
            return "not everything is assigned";
        for (const std::string &topic : topicsRead()) {
            const auto count = fixture.image.topic(topic)->partitions.size();
            for (std::size_t i = 0; i < count; ++i) {
                if (!wanted.contains({topic, static_cast<std::int32_t>(i)}))
                    return "nobody has a partition of " + topic;
            }
        }
        return {};
    }

private:
    std::vector<std::string> topics()
    {
        std::vector<std::string> chosen;
        for (const char *topic : {"t", "u", "v"}) {
            if (m_random.chance(0.6))
                chosen.emplace_back(topic);
        }
        return chosen.empty() ? std::vector<std::string>{"t"} : chosen;
    }
    std::set<std::string> topicsRead() const
    {
        std::set<std::string> read;
        for (const ModernConsumer &consumer : m_consumers)
            read.insert(consumer.topics().begin(), consumer.topics().end());
        return read;
    }
    /// A partition that two consumers read from. Those that the group has given up do not count:
    /// they do not know it yet, and may not commit.
    std::string overlap() const
    {
        const auto group = fixture.group();
        std::map<TopicPartition, std::string> owners;
        for (const ModernConsumer &consumer : m_consumers) {
            const bool isMember =
                group && std::ranges::any_of(group->members, [&](const auto &known) {
                    return known.memberId == consumer.id() && known.memberEpoch >= consumer.epoch();
                });
            if (!isMember)
                continue;
            for (const TopicPartition &partition : consumer.owned()) {
                const auto [at, isFirst] = owners.emplace(partition, consumer.id());
                if (!isFirst)
                    return partition.name() + " has two owners: " + at->second + ", "
                        + consumer.id();
            }
        }
        return {};
    }

    Random m_random;
    std::vector<ModernConsumer> m_consumers;
    int m_next = 0;
};

} // namespace

class ConsumerGroupsRandomTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void aPartitionHasOneOwnerAndEverythingIsAssignedAtRest_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 150; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void aPartitionHasOneOwnerAndEverythingIsAssignedAtRest()
    {
        QFETCH(quint64, seed);
        RandomGroup group(seed);
        for (int round = 0; round < 3; ++round) {
            for (int i = 0; i < 100; ++i) {
                if (const std::string problem = group.step(); !problem.empty())
                    QFAIL(problem.c_str());
            }
            if (const std::string problem = group.rest(); !problem.empty())
                QFAIL(problem.c_str());
        }
    }
};

QTEST_APPLESS_MAIN(ConsumerGroupsRandomTest)
#include "tst_consumer_groups_random.moc"
