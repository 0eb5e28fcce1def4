#include "engine/world/simulation/poll_history.h"

#include "engine/log/events.h"

namespace queuelab::world::simulation {

void PollHistory::event(const TraceEvent &event, const NameTable &names)
{
    using log::LogEvent;
    const std::pair<NameId, NameId> reader{event.actor, event.subject};
    if (event.kind == log::kind(LogEvent::PartitionAssigned)
        || event.kind == log::kind(LogEvent::PartitionRevoked)
        || event.kind == log::kind(LogEvent::OffsetReset)) {
        m_lasts.erase(reader);
    } else if (event.kind == log::kind(LogEvent::RecordsPolled)) {
        const auto [last, isFirst] = m_lasts.try_emplace(reader, -1);
        m_polls.push_back(
            {std::string(names.name(event.actor)), std::string(names.name(event.subject)),
                event.item, event.value, event.count, last->second, event.at});
        last->second = event.value;
    }
}

} // namespace queuelab::world::simulation
