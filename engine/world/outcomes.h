#pragma once

#include "engine/core/interval_set.h"
#include "engine/core/metrics.h"
#include "engine/core/trace.h"
#include "engine/world/snapshot.h"

#include <cstdint>
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
    /// Records that a message was handled; true when it had been handled before in this scope. Only
    /// first handlings are judged for order: a repetition is a duplicate, not a disorder. Order is
    /// that of the stamps' sequences; messages without a stamp are held against the item numbers of
    /// their own partition or queue.
    bool handled(const Handling &handling);

    std::vector<OutcomeSnapshot> snapshot(const NameTable &names) const; ///< by engine, then name

private:
    /// Who wrote last, as high as it got: the few producers of a scope, the last one asked for
    /// first.
    struct Highest {
        struct Entry {
            NameId producer;
            std::uint64_t sequence;
        };
        std::vector<Entry> entries;
        std::size_t last = 0;
        /// True when `sequence` comes after a higher one of the same producer.
        bool isLate(NameId producer, std::uint64_t sequence);
    };
    struct Partition {
        NameId name = kNoName;
        IntervalSet handled; // but for the run at its end that is not yet put in
        std::int64_t runFirst = 0; // the run being extended: [runFirst, runNext)
        std::int64_t runNext = 0;
        std::int64_t runLimit = 0; // the first item after the run that was handled before
        Highest highest;
        bool add(std::int64_t item); // true when it is new
        bool addSlowly(std::int64_t item);
    };
    struct Scope {
        Engine engine = Engine::Log;
        NameId name = kNoName;
        std::vector<Partition> partitions; // in order of first use
        std::size_t lastPartition = 0;
        Highest highest;
        std::unordered_map<std::uint64_t, std::uint64_t>
            lastByKey; // (producer, key) → highest sequence; looked up only
        LatencyHistogram latency;
        std::uint64_t handled = 0;
        std::uint64_t handledAgain = 0;
        std::uint64_t outOfOrderInPartition = 0;
        std::uint64_t outOfOrderInKey = 0;
        std::uint64_t outOfOrderOverall = 0;
        Partition &partition(NameId name);
    };
    Scope &scope(Engine engine, NameId name);

    std::vector<Scope> m_scopes; // in order of first use: groups and queues are few
    std::size_t m_lastScope = 0;
};

} // namespace queuelab::world
