#include "engine/log/assignor.h"

#include "engine/log/sticky_assignor.h"

#include <algorithm>
#include <tuple>

namespace queuelab::log {

namespace {

/// Kafka's order of members everywhere: static ones by group.instance.id, then dynamic ones by
/// member id.
std::vector<const GroupMember *> sortedMembers(const std::vector<GroupMember> &members)
{
    std::vector<const GroupMember *> sorted;
    sorted.reserve(members.size());
    for (const GroupMember &member : members)
        sorted.push_back(&member);
    std::ranges::sort(sorted, {}, [](const GroupMember *member) {
        const bool dynamic = !member->groupInstanceId;
        return std::tuple(dynamic,
            std::string_view(dynamic ? member->memberId : *member->groupInstanceId),
            std::string_view(member->memberId));
    });
    return sorted;
}

bool isSubscribed(const GroupMember &member, const std::string &topic)
{
    return std::ranges::find(member.subscription.topics, topic) != member.subscription.topics.end();
}

Assignments assignRange(const std::vector<GroupMember> &members,
    const std::map<std::string, std::int32_t> &partitionCounts)
{
    Assignments assignments;
    for (const GroupMember &member : members)
        assignments[member.memberId];

    const std::vector<const GroupMember *> sorted = sortedMembers(members);
    for (const auto &[topic, partitions] : partitionCounts) {
        std::vector<const GroupMember *> subscribers;
        std::ranges::copy_if(sorted, std::back_inserter(subscribers),
            [&topic](const GroupMember *member) { return isSubscribed(*member, topic); });
        if (subscribers.empty())
            continue;
        const auto share = partitions / static_cast<std::int32_t>(subscribers.size());
        auto larger = partitions % static_cast<std::int32_t>(subscribers.size());
        std::int32_t next = 0;
        for (const GroupMember *member : subscribers) {
            const std::int32_t end = next + share + (larger-- > 0 ? 1 : 0);
            for (; next < end; ++next)
                assignments[member->memberId].push_back({topic, next});
        }
    }
    return assignments;
}

Assignments assignRoundRobin(const std::vector<GroupMember> &members,
    const std::map<std::string, std::int32_t> &partitionCounts)
{
    Assignments assignments;
    for (const GroupMember &member : members)
        assignments[member.memberId];

    const std::vector<const GroupMember *> sorted = sortedMembers(members);
    std::size_t next = 0; // in the circle of members; goes on from topic to topic
    for (const auto &[topic, partitions] : partitionCounts) {
        const auto subscribes = [&topic](const GroupMember *member) {
            return isSubscribed(*member, topic);
        };
        if (std::ranges::none_of(sorted, subscribes))
            continue;
        for (std::int32_t partition = 0; partition < partitions; ++partition) {
            while (!subscribes(sorted[next % sorted.size()]))
                ++next;
            assignments[sorted[next++ % sorted.size()]->memberId].push_back({topic, partition});
        }
    }
    return assignments;
}

/// What a member of a `sticky` group owned: told in its user data, as it has given it up already.
StickyUserData previousOf(const Subscription &subscription)
{
    if (!subscription.userData)
        return {};
    return decodeStickyUserData(*subscription.userData).value_or(StickyUserData{});
}

std::vector<StickyMember> stickyMembers(Assignor assignor, const std::vector<GroupMember> &members,
    const std::map<std::string, std::int32_t> &partitionCounts)
{
    std::vector<StickyMember> sticky;
    sticky.reserve(members.size());
    for (const GroupMember &member : members) {
        const Subscription &subscription = member.subscription;
        const StickyUserData previous = isCooperative(assignor)
            ? StickyUserData{subscription.owned, subscription.generation}
            : previousOf(subscription);
        StickyMember &entry = sticky.emplace_back(
            StickyMember{member.memberId, {}, previous.owned, previous.generation});
        std::ranges::copy_if(subscription.topics, std::back_inserter(entry.topics),
            [&](const std::string &topic) { return partitionCounts.contains(topic); });
        std::ranges::sort(entry.topics);
        const auto repeated = std::ranges::unique(entry.topics);
        entry.topics.erase(repeated.begin(), repeated.end());
    }
    std::ranges::sort(sticky, {}, &StickyMember::memberId);
    return sticky;
}

Assignments assignUnsorted(Assignor assignor, const std::vector<GroupMember> &members,
    const std::map<std::string, std::int32_t> &partitionCounts)
{
    switch (assignor) {
    case Assignor::Range:
        return assignRange(members, partitionCounts);
    case Assignor::RoundRobin:
        return assignRoundRobin(members, partitionCounts);
    case Assignor::Sticky:
    case Assignor::CooperativeSticky:
        break;
    }
    const std::vector<StickyMember> sticky = stickyMembers(assignor, members, partitionCounts);
    Assignments assignments = assignSticky(sticky, partitionCounts);
    if (isCooperative(assignor))
        withholdMovingPartitions(assignments, sticky);
    return assignments;
}

} // namespace

std::string_view assignorName(Assignor assignor)
{
    switch (assignor) {
    case Assignor::Range:
        return "range";
    case Assignor::RoundRobin:
        return "roundrobin";
    case Assignor::Sticky:
        return "sticky";
    case Assignor::CooperativeSticky:
        return "cooperative-sticky";
    }
    return {};
}

std::optional<Assignor> assignorByName(std::string_view name)
{
    for (const Assignor assignor :
        {Assignor::Range, Assignor::RoundRobin, Assignor::Sticky, Assignor::CooperativeSticky}) {
        if (name == assignorName(assignor))
            return assignor;
    }
    return std::nullopt;
}

bool isCooperative(Assignor assignor)
{
    return assignor == Assignor::CooperativeSticky;
}

Assignments assign(Assignor assignor, const std::vector<GroupMember> &members,
    const std::map<std::string, std::int32_t> &partitionCounts)
{
    Assignments assignments = assignUnsorted(assignor, members, partitionCounts);
    for (auto &[memberId, partitions] : assignments)
        std::ranges::sort(partitions);
    return assignments;
}

} // namespace queuelab::log
