#include "engine/log/uniform_assignor.h"

#include <algorithm>
#include <numeric>
#include <tuple>
#include <utility>
#include <vector>

namespace queuelab::log {
namespace {

/// All subscribe to the same. A member keeps what it has up to its quota; who has room gets the
/// rest.
TargetAssignment assignHomogeneous(const Assignees &members, const PartitionCounts &counts)
{
    TargetAssignment target;
    const std::set<std::string> &topics = members.begin()->second.topics;
    if (topics.empty()) {
        for (const auto &[id, member] : members)
            target[id];
        return target;
    }
    PartitionSet owned;
    for (const auto &[id, member] : members)
        owned.insert(member.assigned.begin(), member.assigned.end());
    std::vector<TopicPartition> unassigned;
    std::size_t total = 0;
    for (const std::string &topic : topics) {
        const std::int32_t count = counts.at(topic);
        total += static_cast<std::size_t>(count);
        for (std::int32_t i = 0; i < count; ++i) {
            if (TopicPartition partition{topic, i}; !owned.contains(partition))
                unassigned.push_back(std::move(partition));
        }
    }
    std::size_t extra = total % members.size(); // members that get one more than the others
    std::size_t membersLeft = members.size();
    std::vector<std::pair<std::string, std::size_t>> withRoom;
    for (const auto &[id, member] : members) {
        PartitionSet &mine = target[id];
        bool takesExtra = extra > 0;
        std::size_t quota = total / members.size() + (takesExtra ? 1 : 0);
        for (const TopicPartition &partition : member.assigned) {
            if (!topics.contains(partition.topic))
                continue;
            if (quota > 0) {
                --quota;
                mine.insert(partition);
            } else {
                unassigned.push_back(partition);
            }
        }
        // The extra ones go to those who have them already, as long as enough members are left.
        if (quota > 0 && takesExtra && membersLeft > extra) {
            --quota;
            takesExtra = false;
        }
        if (quota > 0)
            withRoom.emplace_back(id, quota);
        extra -= takesExtra ? 1 : 0;
        --membersLeft;
    }
    auto next = unassigned.begin();
    for (const auto &[id, room] : withRoom) {
        for (std::size_t i = 0; i < room && next != unassigned.end(); ++i)
            target[id].insert(std::move(*next++));
    }
    return target;
}

/// Members in a row by load, from both ends of which partitions are given and taken: the least
/// loaded ones are filled up evenly, the most loaded ones emptied evenly.
class Balance {
public:
    Balance(const std::vector<std::size_t> &subscribers, const std::vector<std::int64_t> &loads)
        : m_loads(loads)
        , m_row(subscribers)
    {
        std::ranges::sort(
            m_row, {}, [&](std::size_t member) { return std::pair(loads[member], member); });
        m_leastLoad = loads[m_row.front()] - 1;
        m_mostBegin = m_mostEnd = m_row.size();
        m_mostLoad = loads[m_row.back()] + 1;
        m_nextMost = static_cast<std::ptrdiff_t>(m_row.size()) - 1;
    }

    std::int64_t imbalance() const { return m_loads[m_row.back()] - m_loads[m_row.front()]; }
    /// Whom to give the next partition to.
    std::size_t nextLeastLoaded()
    {
        if (m_nextLeast >= m_leastEnd) {
            ++m_leastLoad;
            while (m_leastEnd < m_row.size() && m_loads[m_row[m_leastEnd]] == m_leastLoad)
                ++m_leastEnd;
            m_nextLeast = 0;
        }
        return m_row[m_nextLeast++];
    }
    /// Whom to take the next partition from; nothing when nobody has one to give.
    std::optional<std::size_t> nextMostLoaded()
    {
        if (m_nextMost < static_cast<std::ptrdiff_t>(m_mostBegin)) {
            if (m_mostEnd <= m_mostBegin && m_mostBegin > 0)
                m_mostLoad = m_loads[m_row[m_mostBegin - 1]];
            else
                --m_mostLoad;
            while (m_mostBegin > 0 && m_loads[m_row[m_mostBegin - 1]] == m_mostLoad)
                --m_mostBegin;
            m_nextMost = static_cast<std::ptrdiff_t>(m_mostEnd) - 1;
        }
        if (m_nextMost < 0)
            return std::nullopt;
        return m_row[static_cast<std::size_t>(m_nextMost--)];
    }
    /// The last one from nextMostLoaded() has nothing to give.
    void excludeMostLoaded()
    {
        std::swap(m_row[static_cast<std::size_t>(m_nextMost + 1)], m_row[m_mostEnd - 1]);
        --m_mostEnd;
    }
    bool isReached() const { return m_mostLoad - m_leastLoad <= 1; }

private:
    const std::vector<std::int64_t> &m_loads; ///< as they change
    std::vector<std::size_t> m_row;
    std::size_t m_leastEnd = 0;
    std::int64_t m_leastLoad = 0;
    std::size_t m_nextLeast = 0;
    std::size_t m_mostBegin = 0;
    std::size_t m_mostEnd = 0;
    std::int64_t m_mostLoad = 0;
    std::ptrdiff_t m_nextMost = 0;
};

/// Subscriptions differ. What members have stays with them, the rest goes topic by topic to the
/// least loaded subscribers; then each topic's subscribers are evened out, again and again.
class HeterogeneousAssignment {
public:
    HeterogeneousAssignment(const Assignees &members, const PartitionCounts &counts)
    {
        m_loads.resize(members.size());
        for (const auto &[id, member] : members) {
            for (const std::string &name : member.topics) {
                Topic &topic = m_topics[name];
                topic.owners.resize(static_cast<std::size_t>(counts.at(name)), kNobody);
                topic.subscribers.push_back(m_ids.size());
            }
            for (const TopicPartition &partition : member.assigned) {
                if (!member.topics.contains(partition.topic))
                    continue;
                m_topics.at(partition.topic).owners[static_cast<std::size_t>(partition.partition)] =
                    static_cast<std::int64_t>(m_ids.size());
                ++m_loads[m_ids.size()];
            }
            m_ids.push_back(id);
        }
        for (auto &[name, topic] : m_topics)
            m_order.push_back(&topic);
        // Many partitions for a subscriber first, then few subscribers, then the name.
        std::ranges::stable_sort(m_order, [](const Topic *a, const Topic *b) {
            const std::size_t left = a->owners.size() * b->subscribers.size();
            const std::size_t right = b->owners.size() * a->subscribers.size();
            return std::tuple(right, a->subscribers.size())
                < std::tuple(left, b->subscribers.size());
        });
    }

    TargetAssignment run()
    {
        assignRest();
        even();
        TargetAssignment target;
        for (const std::string &id : m_ids)
            target[id];
        for (const auto &[name, topic] : m_topics) {
            for (std::size_t i = 0; i < topic.owners.size(); ++i) {
                target[m_ids[static_cast<std::size_t>(topic.owners[i])]].insert(
                    {name, static_cast<std::int32_t>(i)});
            }
        }
        return target;
    }

private:
    static constexpr std::int64_t kNobody = -1;
    static constexpr int kRoundsMax = 16; ///< MAX_ITERATION_COUNT
    struct Topic {
        std::vector<std::int64_t> owners; ///< by partition: an index of m_ids
        std::vector<std::size_t> subscribers; ///< the same, ascending
    };

    void give(Topic &topic, std::size_t partition, std::size_t to)
    {
        std::int64_t &owner = topic.owners[partition];
        if (owner != kNobody)
            --m_loads[static_cast<std::size_t>(owner)];
        owner = static_cast<std::int64_t>(to);
        ++m_loads[to];
    }
    void assignRest()
    {
        for (Topic *topic : m_order) {
            Balance balance(topic->subscribers, m_loads);
            for (std::size_t i = 0; i < topic->owners.size(); ++i) {
                if (topic->owners[i] == kNobody)
                    give(*topic, i, balance.nextLeastLoaded());
            }
        }
    }
    void even()
    {
        const Topic *lastMoved = nullptr;
        for (int round = 0; round < kRoundsMax; ++round) {
            for (Topic *topic : m_order) {
                if (topic->subscribers.size() < 2)
                    continue;
                if (topic == lastMoved)
                    return; // once around without a move
                if (evenTopic(*topic) || !lastMoved)
                    lastMoved = topic;
            }
        }
    }
    bool evenTopic(Topic &topic)
    {
        Balance balance(topic.subscribers, m_loads);
        if (balance.imbalance() <= 1)
            return false;
        // What each had when it began, the last partition given away first.
        std::map<std::size_t, std::vector<std::size_t>> has;
        for (std::size_t i = 0; i < topic.owners.size(); ++i)
            has[static_cast<std::size_t>(topic.owners[i])].push_back(i);
        bool moved = false;
        while (true) {
            std::optional<std::size_t> from = balance.nextMostLoaded();
            while (from && has[*from].empty()) {
                balance.excludeMostLoaded();
                from = balance.nextMostLoaded();
            }
            if (!from)
                return moved;
            const std::size_t partition = has[*from].back();
            has[*from].pop_back();
            const std::size_t to = balance.nextLeastLoaded();
            if (balance.isReached())
                return moved;
            give(topic, partition, to);
            moved = true;
        }
    }

    std::vector<std::string> m_ids;
    std::vector<std::int64_t> m_loads; ///< partitions, by index of m_ids
    std::map<std::string, Topic> m_topics;
    std::vector<Topic *> m_order;
};

} // namespace

TargetAssignment assignUniform(const Assignees &members, const PartitionCounts &counts)
{
    if (members.empty())
        return {};
    const std::set<std::string> &topics = members.begin()->second.topics;
    const bool isHomogeneous = std::ranges::all_of(
        members, [&](const auto &entry) { return entry.second.topics == topics; });
    return isHomogeneous ? assignHomogeneous(members, counts)
                         : HeterogeneousAssignment(members, counts).run();
}

} // namespace queuelab::log
