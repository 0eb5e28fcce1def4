#include "engine/log/sticky_assignor.h"

#include "engine/core/result.h"

#include <algorithm>
#include <deque>
#include <set>
#include <tuple>

namespace queuelab::log {

namespace {

bool exists(
    const TopicPartition &partition, const std::map<std::string, std::int32_t> &partitionCounts)
{
    const auto topic = partitionCounts.find(partition.topic);
    return topic != partitionCounts.end() && partition.partition >= 0
        && partition.partition < topic->second;
}

bool isSubscribed(const StickyMember &member, const std::string &topic)
{
    return std::ranges::binary_search(member.topics, topic);
}

/// What each member may call its own: partitions that still exist, that it still subscribes to, and
/// that nobody claims with the same or a higher generation. By index of the member.
std::vector<std::vector<TopicPartition>> validClaims(const std::vector<StickyMember> &members,
    const std::map<std::string, std::int32_t> &partitionCounts)
{
    struct Claim {
        std::size_t member;
        std::int32_t generation;
        bool doubled;
    };
    std::map<TopicPartition, Claim> claims;
    for (std::size_t i = 0; i < members.size(); ++i) {
        for (const TopicPartition &partition : members[i].owned) {
            if (!exists(partition, partitionCounts) || !isSubscribed(members[i], partition.topic))
                continue;
            const auto [at, isFirst] =
                claims.try_emplace(partition, Claim{i, members[i].generation, false});
            if (isFirst || at->second.member == i)
                continue;
            if (members[i].generation > at->second.generation)
                at->second = Claim{i, members[i].generation, false};
            else if (members[i].generation == at->second.generation)
                at->second.doubled = true;
        }
    }
    std::vector<std::vector<TopicPartition>> valid(members.size());
    for (const auto &[partition, claim] : claims) {
        if (!claim.doubled)
            valid[claim.member].push_back(partition);
    }
    return valid;
}

std::vector<TopicPartition> allPartitions(const std::vector<StickyMember> &members,
    const std::map<std::string, std::int32_t> &partitionCounts)
{
    std::set<std::string> subscribed;
    for (const StickyMember &member : members)
        subscribed.insert(member.topics.begin(), member.topics.end());
    std::vector<TopicPartition> all;
    for (const std::string &topic : subscribed) {
        const std::int32_t count = partitionCounts.at(topic);
        for (std::int32_t partition = 0; partition < count; ++partition)
            all.push_back({topic, partition});
    }
    return all;
}

std::vector<TopicPartition> unassignedOf(
    const std::vector<TopicPartition> &all, const std::vector<std::vector<TopicPartition>> &held)
{
    std::set<TopicPartition> assigned;
    for (const std::vector<TopicPartition> &partitions : held)
        assigned.insert(partitions.begin(), partitions.end());
    std::vector<TopicPartition> unassigned;
    std::ranges::copy_if(all, std::back_inserter(unassigned),
        [&](const TopicPartition &partition) { return !assigned.contains(partition); });
    return unassigned;
}

/// All members subscribe to the same topics: everybody holds minQuota or maxQuota partitions
/// (facts: kafka.md 3.4, "constrained").
std::vector<std::vector<TopicPartition>> assignConstrained(const std::vector<StickyMember> &members,
    const std::vector<TopicPartition> &all, std::vector<std::vector<TopicPartition>> claims)
{
    const std::size_t minQuota = all.size() / members.size();
    const std::size_t maxQuota = (all.size() + members.size() - 1) / members.size();
    const std::size_t expectedAtMax = all.size() % members.size();

    std::vector<std::vector<TopicPartition>> held(members.size());
    std::vector<std::size_t> below; // the quota: these take from the unassigned first
    std::deque<std::size_t> exact; // at minQuota, and may take one more
    std::size_t atMax = 0;
    for (std::size_t i = 0; i < members.size(); ++i) {
        std::vector<TopicPartition> &owned = claims[i];
        std::ranges::sort(owned, {}, [](const TopicPartition &partition) {
            return std::tuple(partition.partition, std::string_view(partition.topic));
        });
        if (owned.size() < minQuota) {
            below.push_back(i);
        } else if (owned.size() >= maxQuota && atMax < expectedAtMax) {
            owned.resize(maxQuota);
            if (++atMax == expectedAtMax)
                exact.clear();
        } else {
            owned.resize(minQuota);
            if (atMax < expectedAtMax)
                exact.push_back(i);
        }
        held[i] = std::move(owned);
    }

    std::size_t turn = 0;
    for (const TopicPartition &partition : unassignedOf(all, held)) {
        if (!below.empty()) {
            turn %= below.size();
            const std::size_t member = below[turn];
            held[member].push_back(partition);
            if (held[member].size() == minQuota) {
                exact.push_back(member);
                below.erase(below.begin() + static_cast<std::ptrdiff_t>(turn));
            } else {
                ++turn;
            }
        } else {
            invariant(!exact.empty(), "the quotas of the sticky assignor add up to all partitions");
            held[exact.front()].push_back(partition);
            exact.pop_front();
        }
    }
    return held;
}

/// Members subscribe to different topics (facts: kafka.md 3.4, "general").
class GeneralAssignment {
public:
    GeneralAssignment(
        const std::vector<StickyMember> &members, std::vector<std::vector<TopicPartition>> claims)
        : m_members(members)
        , m_held(std::move(claims))
    {
        for (std::size_t i = 0; i < m_members.size(); ++i) {
            for (const TopicPartition &partition : m_held[i])
                m_owner[partition] = i;
            for (const std::string &topic : m_members[i].topics)
                m_subscribers[topic].push_back(i);
        }
        m_previousOwner = m_owner;
    }

    std::vector<std::vector<TopicPartition>> run(const std::vector<TopicPartition> &all)
    {
        // Partitions with few candidates first, so that the others can even things out.
        std::vector<TopicPartition> ordered = all;
        std::ranges::stable_sort(ordered, {}, [this](const TopicPartition &partition) {
            return m_subscribers[partition.topic].size();
        });
        for (const TopicPartition &partition : ordered) {
            if (!m_owner.contains(partition))
                give(partition, leastLoaded(m_subscribers[partition.topic]));
        }
        balance(ordered);
        return m_held;
    }

private:
    std::size_t leastLoaded(const std::vector<std::size_t> &candidates) const
    {
        return *std::ranges::min_element(
            candidates, {}, [this](std::size_t member) { return m_held[member].size(); });
    }

    void give(const TopicPartition &partition, std::size_t member)
    {
        if (const auto owner = m_owner.find(partition); owner != m_owner.end())
            std::erase(m_held[owner->second], partition);
        m_owner[partition] = member;
        m_held[member].push_back(partition);
    }

    std::uint64_t balanceScore() const
    {
        std::uint64_t score = 0;
        for (std::size_t i = 0; i < m_held.size(); ++i) {
            for (std::size_t j = i + 1; j < m_held.size(); ++j) {
                const std::size_t a = m_held[i].size();
                const std::size_t b = m_held[j].size();
                score += a > b ? a - b : b - a;
            }
        }
        return score;
    }

    /// Moves a partition while somebody who may have it holds at least two fewer than its owner.
    /// Each move lowers the sum of squared sizes, so this ends.
    void balance(const std::vector<TopicPartition> &ordered)
    {
        const auto heldBefore = m_held;
        const auto ownerBefore = m_owner;
        const std::uint64_t scoreBefore = balanceScore();
        bool moved = true;
        bool movedAny = false;
        while (moved) {
            moved = false;
            for (const TopicPartition &partition : ordered) {
                const std::vector<std::size_t> &candidates = m_subscribers[partition.topic];
                if (candidates.size() < 2)
                    continue;
                const std::size_t owner = m_owner.at(partition);
                const auto previous = m_previousOwner.find(partition);
                if (previous != m_previousOwner.end() && previous->second != owner
                    && m_held[owner].size() > m_held[previous->second].size() + 1) {
                    give(partition, previous->second);
                    moved = true;
                    continue;
                }
                const std::size_t least = leastLoaded(candidates);
                if (m_held[owner].size() > m_held[least].size() + 1) {
                    give(partition, least);
                    moved = true;
                }
            }
            movedAny = movedAny || moved;
        }
        if (movedAny && balanceScore() >= scoreBefore) {
            m_held = heldBefore;
            m_owner = ownerBefore;
        }
    }

    const std::vector<StickyMember> &m_members;
    std::vector<std::vector<TopicPartition>> m_held; // by index of the member
    std::map<TopicPartition, std::size_t> m_owner;
    std::map<TopicPartition, std::size_t> m_previousOwner;
    std::map<std::string, std::vector<std::size_t>> m_subscribers;
};

} // namespace

Assignments assignSticky(const std::vector<StickyMember> &members,
    const std::map<std::string, std::int32_t> &partitionCounts)
{
    Assignments assignments;
    if (members.empty())
        return assignments;
    const std::vector<TopicPartition> all = allPartitions(members, partitionCounts);
    std::vector<std::vector<TopicPartition>> claims = validClaims(members, partitionCounts);
    const bool equal = std::ranges::all_of(members,
        [&](const StickyMember &member) { return member.topics == members.front().topics; });
    std::vector<std::vector<TopicPartition>> held = equal
        ? assignConstrained(members, all, std::move(claims))
        : GeneralAssignment(members, std::move(claims)).run(all);
    for (std::size_t i = 0; i < members.size(); ++i)
        assignments[members[i].memberId] = std::move(held[i]);
    return assignments;
}

void withholdMovingPartitions(Assignments &assignments, const std::vector<StickyMember> &members)
{
    // A claim of an older generation is a memory of what the member has lost since.
    struct Owners {
        std::int32_t generation;
        std::set<std::string_view> memberIds;
    };
    std::map<TopicPartition, Owners> claims;
    for (const StickyMember &member : members) {
        for (const TopicPartition &partition : member.owned) {
            Owners &owners =
                claims.try_emplace(partition, Owners{member.generation, {}}).first->second;
            if (member.generation < owners.generation)
                continue;
            if (member.generation > owners.generation)
                owners = {member.generation, {}};
            owners.memberIds.insert(member.memberId);
        }
    }
    for (auto &[memberId, partitions] : assignments) {
        std::erase_if(partitions, [&claims, &memberId = memberId](const TopicPartition &partition) {
            const auto claim = claims.find(partition);
            if (claim == claims.end())
                return false;
            // Claimed by two: nobody may go on with it before both have given it up.
            const std::set<std::string_view> &owners = claim->second.memberIds;
            return owners.size() > 1 || !owners.contains(memberId);
        });
    }
}

} // namespace queuelab::log
