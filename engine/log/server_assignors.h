#pragma once

#include "engine/log/types.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace queuelab::log {

/// What a coordinator does in groups of KIP-848 and KIP-932: it shares out itself, as Kafka 4.3's
/// assignors in group.coordinator do. Where those leave the order to a hash table it is the order
/// of names here.
enum class ServerAssignor : std::uint8_t { Uniform, Range };
std::string_view serverAssignorName(ServerAssignor assignor); ///< "uniform"
std::optional<ServerAssignor> serverAssignorByName(std::string_view name);

using PartitionSet = std::set<TopicPartition>;
using TargetAssignment = std::map<std::string, PartitionSet>; ///< by member id; all have an entry

struct AssigneeMember {
    std::optional<std::string> instanceId{};
    std::set<std::string> topics{}; ///< subscribed to; those that do not exist do not count
    PartitionSet assigned{}; ///< of the target assignment before
};
using Assignees = std::map<std::string, AssigneeMember>; ///< by member id
using PartitionCounts = std::map<std::string, std::int32_t>; ///< of the topics that exist

/// Every partition that somebody subscribes to has one member. Uniform: sizes differ by at most one
/// where subscriptions allow it, then as little moves as possible. Range: each topic is cut into
/// runs, the same for topics of the same size, whatever was assigned before.
TargetAssignment assignPartitions(
    ServerAssignor assignor, const Assignees &members, const PartitionCounts &counts);

/// Share groups: a partition may have several members. With fewer members than partitions each has
/// one; else each has as many as it takes for every member to have something. `assignable` has the
/// partitions that can be given out.
TargetAssignment assignShares(const Assignees &members, const PartitionSet &assignable);

} // namespace queuelab::log
