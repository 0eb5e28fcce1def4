#include "engine/world/hand.h"

namespace queuelab::world {

std::string withNearest(
    std::string message, std::string_view word, const std::vector<std::string> &candidates)
{
    if (const std::optional<std::string> near = nearest(word, candidates))
        message += fmt::format("; did you mean '{}'?", *near);
    return message;
}

Result<void, CommandError> World::State::apply(const Command &command)
{
    Result<void, CommandError> outcome = std::visit(Hand(*this), command);
    TraceEvent event;
    event.at = now;
    event.kind = kind(outcome ? WorldEvent::CommandApplied : WorldEvent::CommandRefused);
    event.subject = trace.name(kYou);
    event.detail = trace.name(commandText(command));
    if (!outcome)
        event.actor = trace.name(outcome.error().code);
    trace.record(event);
    return outcome;
}

} // namespace queuelab::world
