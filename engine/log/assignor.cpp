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

Assignments assignCooperativeSticky(const std::vector<GroupMember> &members,
    const std::map<std::string, std::int32_t> &partitionCounts)
{
    std::vector<StickyMember> sticky;
    sticky.reserve(members.size());
    for (const GroupMember &member : members) {
        StickyMember &entry = sticky.emplace_back(StickyMember{
            member.memberId, {}, member.subscription.owned, member.subscription.generation});
        std::ranges::copy_if(member.subscription.topics, std::back_inserter(entry.topics),
            [&](const std::string &topic) { return partitionCounts.contains(topic); });
        std::ranges::sort(entry.topics);
        const auto repeated = std::ranges::unique(entry.topics);
        entry.topics.erase(repeated.begin(), repeated.end());
    }
    std::ranges::sort(sticky, {}, &StickyMember::memberId);

    Assignments assignments = assignSticky(sticky, partitionCounts);
    withholdMovingPartitions(assignments, sticky);
    return assignments;
}

} // namespace

std::string_view assignorName(Assignor assignor)
{
    switch (assignor) {
    case Assignor::Range:
        return "range";
    case Assignor::CooperativeSticky:
        return "cooperative-sticky";
    }
    return {};
}

std::optional<Assignor> assignorByName(std::string_view name)
{
    for (const Assignor assignor : {Assignor::Range, Assignor::CooperativeSticky}) {
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
    Assignments assignments = assignor == Assignor::Range
        ? assignRange(members, partitionCounts)
        : assignCooperativeSticky(members, partitionCounts);
    for (auto &[memberId, partitions] : assignments)
        std::ranges::sort(partitions);
    return assignments;
}

} // namespace queuelab::log
