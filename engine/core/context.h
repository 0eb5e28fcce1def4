#pragma once

#include "engine/core/files.h"
#include "engine/core/random.h"
#include "engine/core/time.h"
#include "engine/core/trace.h"

namespace queuelab {

/// What a state machine is handed with every step, and all it may use of the world: no clock,
/// thread, file or random number comes from anywhere else. Holding none of it makes the machine's
/// state a value.
struct Context {
    Instant now;
    Random &random; ///< the machine's own stream
    Trace &trace;
    Files &files;
    Duration clockError{}; ///< how far this machine's wall clock is ahead of the world's

    /// What this machine's calendar shows: for timestamps and ages. Timeouts run by `now`, as a
    /// monotonic clock does.
    Instant wallClock() const { return now + clockError; }
};

} // namespace queuelab
