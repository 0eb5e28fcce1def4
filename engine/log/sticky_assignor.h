#pragma once

#include "engine/log/assignor.h"

#include <utility>
#include <vector>

namespace queuelab::log {

/// A member as the sticky algorithms see it: its subscribed topics that exist, what it owned and in
/// which generation.
struct StickyMember {
    std::string memberId;
    std::vector<std::string> topics;
    std::vector<TopicPartition> owned;
    std::int32_t generation = -1;
};

/// Kafka's sticky assignment (facts: kafka.md 3.4): balanced first, then as few moves as possible.
/// `members` are sorted by member id.
Assignments assignSticky(const std::vector<StickyMember> &members,
    const std::map<std::string, std::int32_t> &partitionCounts);

/// The cooperative half: takes out of `assignments` every partition that another member still owns.
/// It stays unassigned for this round; its owner gives it up and the group rebalances again.
void withholdMovingPartitions(Assignments &assignments, const std::vector<StickyMember> &members);

} // namespace queuelab::log
