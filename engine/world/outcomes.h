#pragma once

#include "engine/core/interval_set.h"
#include "engine/core/metrics.h"
#include "engine/core/trace.h"
#include "engine/world/snapshot.h"

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

namespace queuelab::world {

/// What the applications did with their messages, by consumer group or queue: how many were
/// handled, handled again, out of order, how late. O(1) a message, and small, because messages are
/// mostly handled in runs. A value.
class Outcomes {
public:
    struct Handling {
        Engine engine = Engine::Log;
        NameId scope = kNoName; ///< group or queue
        NameId partition = kNoName; ///< the log's partition; kNoName for queues
        std::int64_t item = -1; ///< offset, or the engine's message number
        NameId producer = kNoName; ///< from the stamp; kNoName when unknown
        std::uint64_t sequence = 0; ///< from the stamp; 0 unknown
        std::uint64_t keyHash = 0; ///< 0: no key
        Duration latency{}; ///< from creation to the end of handling
    };
    /// Records that a message was handled; true when it had been handled before in this scope.
    bool handled(const Handling &handling);

    std::vector<OutcomeSnapshot> snapshot(const NameTable &names) const; ///< by engine, then name

private:
    struct Scope {
        std::map<NameId, IntervalSet> handled; // by partition
        std::unordered_map<std::uint64_t, std::uint64_t>
            lastByKey; // (producer, key) → highest sequence; looked up only
        std::map<std::pair<NameId, NameId>, std::uint64_t> lastByPartition; // (partition, producer)
        std::map<NameId, std::uint64_t> lastByProducer;
        LatencyHistogram latency;
        OutcomeSnapshot counts;
    };
    std::map<std::pair<Engine, NameId>, Scope> m_scopes;
};

} // namespace queuelab::world
