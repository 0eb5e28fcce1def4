#pragma once

#include "engine/world/simulation/history.h"

#include <vector>

namespace queuelab::world::simulation {

/// Why the world has not come to rest yet (a replica behind, a group that is not balanced), as
/// anomalies; none when all is well.
std::vector<Anomaly> checkAtRest(const Scenario &scenario, const Snapshot &snapshot);

/// Holds what clients were told against what the logs hold now. Everything must be healed.
std::vector<Anomaly> checkLogs(const Scenario &scenario, History &history, const World &world);

/// Every broker's process dies and starts again from its directory, in a copy of the world.
std::vector<Anomaly> checkDirectories(const Scenario &scenario, const World &world);

} // namespace queuelab::world::simulation
