#include <QtTest>

#include "engine/log/assignor.h"
#include "group_fixture.h"

#include <algorithm>
#include <list>
#include <set>

using namespace queuelab;
using namespace queuelab::log;
using queuelab::log::testing::GroupFixture;
using queuelab::log::testing::joinOf;
using Writes = GroupFixture::Writes;

namespace {

/// A consumer as far as its group is concerned: joins, leads, syncs, heartbeats, commits. It does
/// something only when it is told to look.
class Member {
public:
    Member(GroupFixture &fixture, const std::map<std::string, std::int32_t> &topics,
        Assignor assignor, std::string clientId, std::optional<std::string> instanceId)
        : m_fixture(fixture)
        , m_topics(topics)
        , m_assignor(assignor)
        , m_clientId(std::move(clientId))
        , m_instanceId(std::move(instanceId))
    {
        join();
    }

    bool alive = true;

    void look()
    {
        switch (m_phase) {
        case Phase::Joining:
            if (const auto answer = m_fixture.answer<JoinGroupResponse>(m_call))
                joined(*answer);
            break;
        case Phase::Syncing:
            if (const auto answer = m_fixture.answer<SyncGroupResponse>(m_call))
                synced(*answer);
            break;
        case Phase::Stable:
            heard(m_fixture.heartbeat(m_memberId, m_generation, m_instanceId));
            break;
        }
    }
    /// Works through a few records of everything that it has, and commits that.
    void work(Random &random)
    {
        if (m_positions.empty() || m_generation < 0)
            return;
        OffsetCommitRequest request{"g", m_generation, m_memberId, m_instanceId, {}};
        for (auto &[partition, position] : m_positions) {
            position += static_cast<std::int64_t>(random.below(5));
            request.partitions.push_back({partition, position, -1, {}});
        }
        m_fixture.commit(request);
    }
    void leave()
    {
        m_fixture.leave({"g", {{m_memberId, m_instanceId, {}}}});
        alive = false;
    }

    bool isStable() const { return m_phase == Phase::Stable; }
    std::int32_t generation() const { return m_generation; }
    const std::optional<std::string> &instanceId() const { return m_instanceId; }
    std::vector<TopicPartition> owned() const
    {
        std::vector<TopicPartition> partitions;
        for (const auto &[partition, position] : m_positions)
            partitions.push_back(partition);
        return partitions;
    }

private:
    enum class Phase { Joining, Syncing, Stable };

    void join()
    {
        if (!isCooperative(m_assignor))
            m_positions.clear();
        Subscription subscription;
        for (const auto &[topic, partitions] : m_topics)
            subscription.topics.push_back(topic);
        subscription.owned = owned();
        subscription.generation = m_generation;
        subscription.userData = encodeStickyUserData(m_assigned);
        JoinGroupRequest request = joinOf(m_clientId, m_memberId, m_instanceId);
        request.memberIdRequired = true;
        request.canSkipAssignment = true;
        request.protocols = {
            {std::string(assignorName(m_assignor)), encodeSubscription(subscription)}};
        m_phase = Phase::Joining;
        m_call = m_fixture.join(request);
    }
    void lose()
    {
        m_memberId.clear();
        m_generation = -1;
        m_positions.clear();
        join();
    }
    /// What Java's consumer does with an error of its group.
    void heard(ErrorCode error)
    {
        switch (error) {
        case ErrorCode::None:
        case ErrorCode::NotCoordinator:
            break;
        case ErrorCode::FencedInstanceId:
            // No other process goes by this name: the coordinator that gave out the id was lost
            // before it was written. Java's consumer ends, and its application starts it again.
        case ErrorCode::UnknownMemberId:
        case ErrorCode::IllegalGeneration:
            lose();
            break;
        default:
            join();
        }
    }
    void joined(const JoinGroupResponse &answer)
    {
        if (answer.error == ErrorCode::MemberIdRequired)
            m_memberId = answer.memberId;
        if (answer.error == ErrorCode::NotCoordinator
            || answer.error == ErrorCode::MemberIdRequired)
            return join();
        if (answer.error != ErrorCode::None)
            return heard(answer.error);
        m_memberId = answer.memberId;
        m_generation = answer.generation;
        SyncGroupRequest request{"g", m_generation, m_memberId, m_instanceId, {}};
        if (answer.leader == m_memberId && !answer.skipAssignment) {
            std::vector<GroupMember> members;
            for (const JoinGroupResponse::Member &member : answer.members) {
                members.push_back({member.memberId, member.groupInstanceId,
                    decodeSubscription(member.metadata.view()).value()});
            }
            for (const auto &[id, partitions] : assign(m_assignor, members, m_topics))
                request.assignments.push_back({id, encodeAssignment(partitions)});
        }
        m_phase = Phase::Syncing;
        m_call = m_fixture.sync(request);
    }
    void synced(const SyncGroupResponse &answer)
    {
        if (answer.error == ErrorCode::NotCoordinator)
            return join();
        if (answer.error != ErrorCode::None)
            return heard(answer.error);
        const auto assigned = decodeAssignment(answer.assignment.view()).value();
        m_assigned = {assigned, m_generation};
        m_phase = Phase::Stable;
        const std::set<TopicPartition> wanted(assigned.begin(), assigned.end());
        const auto lost = std::erase_if(
            m_positions, [&wanted](const auto &entry) { return !wanted.contains(entry.first); });
        for (const TopicPartition &partition : assigned) {
            if (!m_positions.contains(partition))
                m_positions[partition] =
                    std::max<std::int64_t>(m_fixture.committed("g", partition), 0);
        }
        if (isCooperative(m_assignor) && lost > 0)
            join(); // so that others may have what it gave up
    }

    GroupFixture &m_fixture;
    const std::map<std::string, std::int32_t> &m_topics;
    Assignor m_assignor;
    std::string m_clientId;
    std::optional<std::string> m_instanceId;
    std::string m_memberId;
    std::int32_t m_generation = -1;
    Phase m_phase = Phase::Joining;
    std::uint64_t m_call = 0;
    std::map<TopicPartition, std::int64_t> m_positions; ///< what it owns, and the next offset
    StickyUserData m_assigned; ///< last
};

/// A group whose members come, go and crash while its coordinator moves and its log fails.
class Turmoil {
public:
    explicit Turmoil(std::uint64_t seed, bool logForgets = false)
        : m_random(seed)
        , m_assignor(static_cast<Assignor>(seed % 4))
        , m_fixture({}, seed + 1)
    {
        m_fixture.logForgets = logForgets;
        for (const char *topic : {"t0", "t1"})
            m_topics[topic] = 1 + static_cast<std::int32_t>(m_random.below(6));
        for (int i = 0; i < 3; ++i)
            addMember();
    }

    const Trace &trace() const { return m_fixture.trace; }
    /// Empty when all went well, else what did not.
    std::string run()
    {
        for (int step = 0; step < 150; ++step) {
            happen();
            if (const std::string problem = everybodyLooks(); !problem.empty())
                return problem + " in step " + std::to_string(step);
        }
        m_fixture.writes = Writes::AtOnce;
        m_fixture.finishWrites();
        for (int step = 0; step < 300; ++step) {
            if (const std::string problem = everybodyLooks(); !problem.empty())
                return problem + " while it calms down";
        }
        return checkSettled();
    }

private:
    void addMember()
    {
        std::optional<std::string> instanceId;
        if (m_random.below(3) == 0)
            instanceId = "host-" + std::to_string(m_random.below(3));
        // The same host starts its process again: the one before is dead.
        for (Member &member : m_members) {
            if (instanceId && member.instanceId() == instanceId)
                member.alive = false;
        }
        m_members.emplace_back(m_fixture, m_topics, m_assignor,
            "worker-" + std::to_string(m_nextMember++), instanceId);
    }
    Member *someone()
    {
        std::vector<Member *> living;
        for (Member &member : m_members) {
            if (member.alive)
                living.push_back(&member);
        }
        return living.empty() ? nullptr : living[m_random.below(living.size())];
    }
    void happen()
    {
        switch (m_random.below(12)) {
        case 0:
        case 1:
            if (m_members.size() < 30)
                addMember();
            break;
        case 2:
            if (Member *member = someone())
                member->leave();
            break;
        case 3:
            if (Member *member = someone())
                member->alive = false;
            break;
        case 4:
            m_fixture.failOver(m_random.below(3));
            break;
        case 5:
            m_fixture.writes = static_cast<Writes>(m_random.below(3));
            if (m_fixture.writes == Writes::AtOnce)
                m_fixture.finishWrites();
            break;
        case 6:
        case 7:
            m_fixture.finishWrites(
                m_random.below(4) == 0 ? ErrorCode::NotEnoughReplicas : ErrorCode::None,
                m_random.below(4));
            break;
        default:
            if (Member *member = someone())
                member->work(m_random);
        }
    }
    std::string everybodyLooks()
    {
        m_fixture.run(std::chrono::milliseconds{m_random.below(6'000)});
        for (Member &member : m_members) {
            if (member.alive)
                member.look();
        }
        std::map<std::pair<std::int32_t, TopicPartition>, int> owners;
        for (const Member &member : m_members) {
            if (!member.alive || !member.isStable())
                continue;
            for (const TopicPartition &partition : member.owned()) {
                if (++owners[{member.generation(), partition}] > 1)
                    return partition.name() + " has two owners in one generation";
            }
        }
        for (const auto &[topic, partitions] : m_topics) {
            for (std::int32_t i = 0; i < partitions; ++i) {
                const std::int64_t offset = m_fixture.committed("g", {topic, i});
                std::int64_t &highest = m_committed.try_emplace({topic, i}, -1).first->second;
                if (offset < highest)
                    return "the committed offset of " + topic + " went back from "
                        + std::to_string(highest) + " to " + std::to_string(offset);
                highest = offset;
            }
        }
        return {};
    }
    std::string checkSettled() const
    {
        std::map<TopicPartition, int> owners;
        std::set<std::int32_t> generations;
        bool anybody = false;
        for (const Member &member : m_members) {
            if (!member.alive)
                continue;
            anybody = true;
            if (!member.isStable())
                return "somebody is not a member";
            generations.insert(member.generation());
            for (const TopicPartition &partition : member.owned())
                ++owners[partition];
        }
        if (!anybody)
            return {};
        if (generations.size() != 1)
            return "members live in different generations";
        for (const auto &[topic, partitions] : m_topics) {
            for (std::int32_t i = 0; i < partitions; ++i) {
                if (owners[{topic, i}] != 1)
                    return topic + "-" + std::to_string(i) + " has "
                        + std::to_string(owners[{topic, i}]) + " owners";
            }
        }
        return {};
    }

    Random m_random;
    Assignor m_assignor;
    GroupFixture m_fixture;
    std::map<std::string, std::int32_t> m_topics;
    std::list<Member> m_members; // addresses stay
    std::map<TopicPartition, std::int64_t> m_committed;
    int m_nextMember = 0;
};

} // namespace

class GroupConvergenceTest : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyMemberSetConvergesAndNoCommitIsUndone_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 0; seed < 400; ++seed)
            QTest::addRow("seed %llu", seed) << seed;
    }
    void everyMemberSetConvergesAndNoCommitIsUndone()
    {
        QFETCH(quint64, seed);
        const std::string problem = Turmoil(seed).run();
        QVERIFY2(problem.empty(), problem.c_str());
    }

    void aLogThatForgetsIsFoundOut()
    {
        std::set<std::string> found;
        for (std::uint64_t seed = 0; seed < 40; ++seed)
            found.insert(Turmoil(seed, true).run().substr(0, 20));
        QVERIFY(found.contains("the committed offset"));
    }

    void theSameSeedGivesTheSameTrace()
    {
        for (const std::uint64_t seed : {3U, 12U}) {
            Turmoil one(seed);
            Turmoil other(seed);
            one.run();
            other.run();
            QVERIFY(one.trace().end() > 100);
            QCOMPARE(one.trace().end(), other.trace().end());
            for (std::uint64_t i = 0; i < one.trace().end(); ++i)
                QVERIFY(one.trace().at(i) == other.trace().at(i));
        }
    }
};

QTEST_APPLESS_MAIN(GroupConvergenceTest)
#include "tst_group_convergence.moc"
