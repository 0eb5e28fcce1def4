#pragma once

#include "engine/core/bytes.h"
#include "engine/log/types.h"

#include <map>
#include <optional>
#include <string>
#include <vector>

namespace queuelab::log {

/// The embedded consumer protocol (facts: kafka.md 3.3): what members tell the group's leader, and
/// what it answers.
struct Subscription {
    std::vector<std::string> topics;
    std::vector<TopicPartition>
        owned; ///< v1 and later: cooperative members keep these while they rejoin
    std::int32_t generation = -1; ///< v2 and later
    std::optional<Bytes> userData = std::nullopt; ///< the assignor's own
};
SharedBytes encodeSubscription(const Subscription &subscription);
std::optional<Subscription> decodeSubscription(ByteView bytes);
/// The part that a coordinator reads: what version 0 has in front.
std::optional<std::vector<std::string>> decodeSubscribedTopics(ByteView bytes);
SharedBytes encodeAssignment(const std::vector<TopicPartition> &partitions);
std::optional<std::vector<TopicPartition>> decodeAssignment(ByteView bytes);

/// The user data of `sticky`: an eager member has given everything up when it joins, so it tells
/// here what it was assigned last, and in which generation.
struct StickyUserData {
    std::vector<TopicPartition> owned;
    std::int32_t generation = -1;
};
Bytes encodeStickyUserData(const StickyUserData &data);
std::optional<StickyUserData> decodeStickyUserData(ByteView bytes);

enum class Assignor : std::uint8_t { Range, RoundRobin, Sticky, CooperativeSticky };
/// The names on the wire: "range", "roundrobin", "sticky", "cooperative-sticky".
std::string_view assignorName(Assignor assignor);
std::optional<Assignor> assignorByName(std::string_view name);
/// Cooperative members keep what they own while they rejoin; eager ones give everything up first.
bool isCooperative(Assignor assignor);

struct GroupMember {
    std::string memberId;
    std::optional<std::string> groupInstanceId;
    Subscription subscription;
};
using Assignments =
    std::map<std::string, std::vector<TopicPartition>>; ///< member id → partitions, sorted

/// The leader's work, exactly as Kafka's assignors do it (facts: kafka.md 3.4, vectors there).
/// `partitionCounts` has the topics that exist. Every member has an entry in the result, also when
/// it gets nothing.
Assignments assign(Assignor assignor, const std::vector<GroupMember> &members,
    const std::map<std::string, std::int32_t> &partitionCounts);

} // namespace queuelab::log
