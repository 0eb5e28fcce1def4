#pragma once

#include "engine/core/trace.h"

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::world::simulation {

/// What poll() gave to applications, told by their own events.
class PollHistory {
public:
    struct Poll {
        std::string consumer;
        std::string partition; ///< "orders-3"
        std::int64_t first = 0;
        std::int64_t last = 0;
        std::int64_t count = 0; ///< records; those left out between first and last are not in it
        /// The last of the poll before, of the same assignment; -1: it is the first.
        std::int64_t previousLast = -1;
        Instant at{};
    };
    const std::vector<Poll> &polls() const { return m_polls; }

    void event(const TraceEvent &event, const NameTable &names);

private:
    std::vector<Poll> m_polls;
    std::map<std::pair<NameId, NameId>, std::int64_t> m_lasts; // by consumer and partition
};

} // namespace queuelab::world::simulation
