#pragma once

#include "engine/world/simulation/history.h"
#include "engine/world/simulation/log_content.h"

#include <vector>

namespace queuelab::world::simulation {

/// Why the world has not come to rest yet (a replica behind, a group that is not balanced), as
/// anomalies; none when all is well.
std::vector<Anomaly> checkAtRest(
    const Scenario &scenario, const History &history, const Snapshot &snapshot);

/// Holds what clients were told against what the logs hold now. Everything must be healed.
std::vector<Anomaly> checkLogs(const Scenario &scenario, History &history, const World &world);

/// Holds transactions, what readers were given, and what transformers made of it against the logs.
std::vector<Anomaly> checkTransactions(
    const Scenario &scenario, const History &history, const Logs &logs);

/// Holds compacted topics against the newest records of their keys.
std::vector<Anomaly> checkCompacted(
    const Scenario &scenario, const History &history, const Logs &logs);

/// Holds what share groups were given against the logs and the limit of deliveries.
std::vector<Anomaly> checkShareGroups(
    const Scenario &scenario, const History &history, const Logs &logs);

/// Every broker's process dies and starts again from its directory, in a copy of the world.
std::vector<Anomaly> checkDirectories(const Scenario &scenario, const World &world);

} // namespace queuelab::world::simulation
