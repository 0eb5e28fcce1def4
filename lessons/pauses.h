#pragma once

#include "engine/core/trace.h"

#include <string_view>

namespace queuelab::lessons {

/// How long readers of the log stood still between `since` and `now`, by the trace. What the trace
/// has let go of by then is not seen.

/// Partitions that a member of the group gave up, and that were nobody's until another had them.
struct Unread {
    Duration longest{}; ///< of one partition
    Duration total{}; ///< of all of them, added up
};
Unread unreadPartitions(const Trace &trace, std::string_view group, Instant since, Instant now);

/// The longest time in which a consumer was handed no record, from the first that it was ever
/// handed.
Duration longestPause(const Trace &trace, std::string_view client, Instant since, Instant now);

} // namespace queuelab::lessons
