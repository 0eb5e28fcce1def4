#include "engine/world/simulation/checks.h"

#include "engine/world/simulation/findings.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::world::simulation {

std::vector<Anomaly> checkShareGroups(
    const Scenario &scenario, const History &history, const Logs &logs)
{
    Findings findings;
    const auto isPromised = [&](const log::TopicPartition &partition) {
        return scenario.topic(partition.topic).isSafe() && !history.hasLostPower();
    };
    for (const ShareHistory::Breach &breach : history.shares().breaches()) {
        const bool isTwice = breach.kind == ShareHistory::Breach::Kind::AcquiredTwice;
        const auto &[group, partition] = breach.place;
        findings.add(isTwice ? AnomalyKind::AcquiredTwice : AnomalyKind::DeliveredAgain,
            isPromised(partition),
            fmt::format("{} was given offset {} of {} {}", group, breach.offset, partition.name(),
                isTwice ? "while another consumer had it"
                        : "after the broker had confirmed that it was settled"));
    }
    for (const SimulatedShareGroup &group : scenario.shareGroups) {
        for (const auto &[partition, content] : logs) {
            if (partition.topic != group.topic)
                continue;
            const auto told = history.shares().records().find({group.name, partition});
            for (const LoggedRecord &record : content.records) {
                const ShareHistory::Record *given = nullptr;
                if (told != history.shares().records().end()) {
                    const auto found = told->second.find(record.offset);
                    given = found == told->second.end() ? nullptr : &found->second;
                }
                if (!given)
                    findings.add(AnomalyKind::NeverDelivered, isPromised(partition),
                        fmt::format("{} was never given offset {} of {}", group.name, record.offset,
                            partition.name()));
                else if (given->highestCount > group.deliveryCountLimit)
                    findings.add(AnomalyKind::DeliveredAgain, isPromised(partition),
                        fmt::format("{} was given offset {} of {} for the {}th time; the limit is "
                                    "{}",
                            group.name, record.offset, partition.name(), given->highestCount,
                            group.deliveryCountLimit));
            }
        }
    }
    std::vector<Anomaly> found;
    findings.appendTo(found);
    return found;
}

} // namespace queuelab::world::simulation
