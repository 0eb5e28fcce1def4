#pragma once

#include "engine/core/trace.h"
#include "ui/stages/stage.h"

#include <vector>

namespace queuelab::ui {

/// The event `sequence` of the trace in the window's words, translated; `start` is the world's.
EventRow makeEventRow(const Trace &trace, std::uint64_t sequence, Instant start);

/// The events [from, trace.end()), at most the newest `limit`.
std::vector<EventRow> makeEventRows(
    const Trace &trace, std::uint64_t from, std::size_t limit, Instant start);

/// The life story of one message (item of `subject`), or what happened to `subject` when `item` is
/// negative: its own events and those in which it was the actor among the newest ones; oldest
/// first, at most `limit`.
std::vector<EventRow> lifeStory(const Trace &trace, const std::string &subject, std::int64_t item,
    std::size_t limit, Instant start);

} // namespace queuelab::ui
