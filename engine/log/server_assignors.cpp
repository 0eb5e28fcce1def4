#include "engine/log/server_assignors.h"

#include "engine/log/uniform_assignor.h"

#include <algorithm>
#include <array>
#include <iterator>
#include <utility>
#include <vector>

namespace queuelab::log {
namespace {

constexpr std::array<std::string_view, 2> kNames{"uniform", "range"};

/// Only what exists, of topics and of partitions.
Assignees existing(const Assignees &members, const PartitionCounts &counts)
{
    Assignees out = members;
    for (auto &[id, member] : out) {
        std::erase_if(
            member.topics, [&](const std::string &topic) { return !counts.contains(topic); });
        std::erase_if(member.assigned, [&](const TopicPartition &partition) {
            const auto topic = counts.find(partition.topic);
            return topic == counts.end() || partition.partition >= topic->second;
        });
    }
    return out;
}

/// Static members first, by their instance ids, so that they keep their places over a restart.
std::vector<std::string> rangeOrder(const Assignees &members)
{
    std::vector<std::string> order;
    order.reserve(members.size());
    for (const auto &[id, member] : members)
        order.push_back(id);
    std::ranges::sort(order, {}, [&](const std::string &id) {
        const std::optional<std::string> &instance = members.at(id).instanceId;
        return std::pair(!instance.has_value(), instance ? *instance : id);
    });
    return order;
}

TargetAssignment assignRange(const Assignees &members, const PartitionCounts &counts)
{
    struct Topic {
        std::int32_t members = 0;
        std::int32_t extra = 0; ///< members that still get one more
        std::int32_t next = 0;
    };
    std::map<std::string, Topic> topics;
    for (const auto &[id, member] : members) {
        for (const std::string &topic : member.topics)
            ++topics[topic].members;
    }
    for (auto &[name, topic] : topics)
        topic.extra = counts.at(name) % topic.members;
    TargetAssignment target;
    for (const std::string &id : rangeOrder(members)) {
        PartitionSet &mine = target[id];
        for (const std::string &name : members.at(id).topics) {
            Topic &topic = topics.at(name);
            std::int32_t quota = counts.at(name) / topic.members;
            if (topic.extra > 0) {
                --topic.extra;
                ++quota;
            }
            for (; quota > 0; --quota)
                mine.insert({name, topic.next++});
        }
    }
    return target;
}

/// One run of Kafka's simple assignor: `partitions` among `subscribers`, who have `target` so far.
/// Takes from who has too much, then from partitions with too many members, then fills up.
class ShareRun {
public:
    ShareRun(const std::vector<TopicPartition> &partitions,
        const std::vector<std::string> &subscribers, TargetAssignment &target)
        : m_subscribers(subscribers)
        , m_target(target)
    {
        const auto count = static_cast<std::int64_t>(partitions.size());
        const auto members = static_cast<std::int64_t>(subscribers.size());
        m_sharing = count == 0 ? 0 : static_cast<std::size_t>((members + count - 1) / count);
        for (std::int64_t i = 0; i < members; ++i) {
            const auto upTo = [&](std::int64_t index) {
                return (static_cast<std::int64_t>(m_sharing) * count * index + members - 1)
                    / members;
            };
            m_wanted[subscribers[static_cast<std::size_t>(i)]] =
                static_cast<std::size_t>(upTo(i + 1) - upTo(i));
        }
        for (const TopicPartition &partition : partitions)
            m_sharers[partition];
        for (const std::string &id : subscribers) {
            for (const TopicPartition &partition : m_target[id]) {
                const auto shared = m_sharers.find(partition);
                if (shared == m_sharers.end())
                    continue;
                shared->second.insert(id);
                ++m_has[id];
            }
        }
    }

    void run()
    {
        for (const std::string &id : m_subscribers)
            takeFromOverfilled(id);
        for (auto &[partition, sharers] : m_sharers) {
            while (sharers.size() > m_sharing)
                take(partition, sharers, *sharers.begin());
        }
        fillUp();
    }

private:
    void take(const TopicPartition &partition, std::set<std::string> &sharers, std::string id)
    {
        sharers.erase(id);
        m_target[id].erase(partition);
        --m_has[id];
    }
    void takeFromOverfilled(const std::string &id)
    {
        for (auto at = m_sharers.begin(); at != m_sharers.end() && m_has[id] > m_wanted[id]; ++at) {
            if (at->second.contains(id))
                take(at->first, at->second, id);
        }
    }
    void fillUp()
    {
        std::vector<std::string> unfilled;
        std::ranges::copy_if(m_subscribers, std::back_inserter(unfilled),
            [&](const std::string &id) { return m_has[id] < m_wanted[id]; });
        std::size_t next = 0;
        bool gaveInThisRound = false;
        for (auto &[partition, sharers] : m_sharers) {
            while (sharers.size() < m_sharing && !unfilled.empty()) {
                if (next == unfilled.size()) {
                    if (!gaveInThisRound)
                        break; // all of them have it: a slight imbalance stays
                    next = 0;
                    gaveInThisRound = false;
                }
                const std::string &id = unfilled[next];
                if (!sharers.insert(id).second) {
                    ++next;
                    continue;
                }
                m_target[id].insert(partition);
                gaveInThisRound = true;
                if (++m_has[id] >= m_wanted[id])
                    unfilled.erase(unfilled.begin() + static_cast<std::ptrdiff_t>(next));
                else
                    ++next;
            }
        }
    }

    const std::vector<std::string> &m_subscribers;
    TargetAssignment &m_target;
    std::size_t m_sharing = 0; ///< members that a partition shall have
    std::map<std::string, std::size_t> m_wanted;
    std::map<std::string, std::size_t> m_has;
    std::map<TopicPartition, std::set<std::string>> m_sharers;
};

} // namespace

std::string_view serverAssignorName(ServerAssignor assignor)
{
    return kNames[static_cast<std::size_t>(assignor)];
}

std::optional<ServerAssignor> serverAssignorByName(std::string_view name)
{
    const auto found = std::ranges::find(kNames, name);
    if (found == kNames.end())
        return std::nullopt;
    return static_cast<ServerAssignor>(found - kNames.begin());
}

TargetAssignment assignPartitions(
    ServerAssignor assignor, const Assignees &members, const PartitionCounts &counts)
{
    const Assignees known = existing(members, counts);
    return assignor == ServerAssignor::Range ? assignRange(known, counts)
                                             : assignUniform(known, counts);
}

TargetAssignment assignShares(const Assignees &members, const PartitionSet &assignable)
{
    TargetAssignment target;
    std::map<std::string, std::vector<std::string>> subscribers; // by topic
    for (const auto &[id, member] : members) {
        PartitionSet &mine = target[id];
        std::ranges::copy_if(
            member.assigned, std::inserter(mine, mine.end()), [&](const TopicPartition &partition) {
                return member.topics.contains(partition.topic) && assignable.contains(partition);
            });
        for (const std::string &topic : member.topics)
            subscribers[topic].push_back(id);
    }
    const auto partitionsOf = [&](const auto &subscribed) {
        std::vector<TopicPartition> partitions;
        std::ranges::copy_if(assignable, std::back_inserter(partitions), subscribed);
        return partitions;
    };
    const bool isHomogeneous = std::ranges::all_of(members,
        [&](const auto &entry) { return entry.second.topics == members.begin()->second.topics; });
    if (isHomogeneous && !members.empty()) {
        std::vector<std::string> all;
        for (const auto &[id, member] : members)
            all.push_back(id);
        const auto partitions = partitionsOf(
            [&](const TopicPartition &partition) { return subscribers.contains(partition.topic); });
        ShareRun(partitions, all, target).run();
        return target;
    }
    // Balance is sought for each topic alone.
    for (const auto &[topic, ids] : subscribers) {
        const auto partitions =
            partitionsOf([&](const TopicPartition &partition) { return partition.topic == topic; });
        ShareRun(partitions, ids, target).run();
    }
    return target;
}

} // namespace queuelab::log
