#pragma once

#include "engine/core/random.h"
#include "engine/world/simulation/scenario.h"
#include "engine/world/snapshot.h"

#include <optional>
#include <string>
#include <vector>

namespace queuelab::world::simulation {

/// Draws faults one after another, and what mends each a while later. It looks at the world only to
/// keep to what the settings promise to survive: the power goes only where all replicas are in
/// sync, since page caches that two brokers lose one after the other are lost for good, in Kafka
/// too. What it draws is recorded, so that a session repeats it without it.
class Faults {
public:
    Faults(const Scenario &scenario, Random random)
        : m_scenario(scenario)
        , m_random(random)
    {
    }

    struct Timed {
        Duration at{}; ///< since the start
        Command command;
    };
    /// When next() is to be called again.
    Duration nextAt() const;
    /// What happens now; nothing when the dice say so.
    std::optional<Command> next(Duration now, const Snapshot &world);
    /// Everything that is still broken is mended; to be asked again until there is nothing.
    std::vector<Command> healAll(const Snapshot &world);

private:
    Command draw(const Snapshot &world, std::optional<Command> &mend);
    bool isHealthy(const Snapshot &world) const;
    std::int32_t anyBroker();
    std::string anyClient();
    std::optional<std::string> endedTransformer(const Snapshot &world) const;
    /// Something about this broker or client is broken now.
    bool isBusy(const std::string &thing) const;

    const Scenario &m_scenario;
    Random m_random;
    Duration m_nextFault = std::chrono::seconds{8};
    std::vector<Timed> m_mends; // what is broken now, with when and how it is mended
};

} // namespace queuelab::world::simulation
