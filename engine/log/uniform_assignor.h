#pragma once

#include "engine/log/server_assignors.h"

namespace queuelab::log {

/// Kafka's UniformHomogeneousAssignmentBuilder where all members subscribe to the same topics, else
/// its UniformHeterogeneousAssignmentBuilder. `members` has only topics and partitions that exist.
TargetAssignment assignUniform(const Assignees &members, const PartitionCounts &counts);

} // namespace queuelab::log
