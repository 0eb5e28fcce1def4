#pragma once

#include "engine/world/session.h"

#include <string>

namespace queuelab::cli {

/// While this lives, a broken invariant of an engine saves `session` (which carries the seed) to a
/// file in the working directory, says so, and ends the program with exit code 3. `session` must
/// outlive it.
class InvariantGuard {
public:
    InvariantGuard(const world::Session &session, std::string name);
    ~InvariantGuard();
    InvariantGuard(const InvariantGuard &) = delete;
    InvariantGuard &operator=(const InvariantGuard &) = delete;
};

} // namespace queuelab::cli
