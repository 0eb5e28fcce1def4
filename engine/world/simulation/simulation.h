#pragma once

#include "engine/world/session.h"
#include "engine/world/simulation/history.h"
#include "engine/world/simulation/scenario.h"

#include <string>
#include <vector>

namespace queuelab::world::simulation {

/// Below, no fault would come.
inline constexpr Duration kShortestTime = std::chrono::seconds{15};

/// One seed of the log's simulation: a random cluster with random clients, random faults, then
/// everything is healed and given time; meanwhile and afterwards checkers hold what the clients
/// were told against what the logs hold. The same seed gives the same run.
struct Options {
    std::uint64_t seed = 1;
    Duration time = std::chrono::seconds{60}; ///< with load and faults; at least kShortestTime
    /// For testing the checkers: a fault of the engine itself.
    log::PlantedBug bug = log::PlantedBug::None;
};

struct Report {
    Scenario scenario;
    Session session; ///< that repeats it; but not a planted bug
    std::vector<Anomaly> anomalies;
    std::uint64_t acknowledged = 0; ///< records
    std::uint64_t read = 0; ///< records, each counted once
    std::uint64_t faults = 0;
    std::uint64_t steps = 0;
    Duration healedAfter{}; ///< how long after the healing all was in order

    /// Whether a promise was broken; other anomalies are what the settings allow.
    bool hasFailed() const;
};

/// `session`, when given, is kept up to date while it runs, so that it can be saved when an
/// invariant of the engine breaks.
Report simulate(const Options &options, Session *session = nullptr);

} // namespace queuelab::world::simulation
