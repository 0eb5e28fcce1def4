#include "lessons/pauses.h"

#include "engine/log/events.h"

#include <algorithm>
#include <map>
#include <optional>

namespace queuelab::lessons {

namespace {

using log::LogEvent;

/// The first event at or after `time`: the trace is in the order of time.
std::uint64_t firstSince(const Trace &trace, Instant time)
{
    std::uint64_t low = trace.first();
    std::uint64_t high = trace.end();
    while (low < high) {
        const std::uint64_t middle = low + (high - low) / 2;
        if (trace.at(middle).at < time)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

} // namespace

Unread unreadPartitions(const Trace &trace, std::string_view group, Instant since, Instant now)
{
    Unread unread;
    const NameId name = trace.names().find(group);
    if (name == kNoName)
        return unread;
    std::map<NameId, Instant> givenUp;
    const auto add = [&unread](Duration pause) {
        unread.longest = std::max(unread.longest, pause);
        unread.total += pause;
    };
    for (std::uint64_t i = firstSince(trace, since); i < trace.end(); ++i) {
        const TraceEvent &event = trace.at(i);
        if (event.detail != name)
            continue;
        if (event.kind == log::kind(LogEvent::PartitionRevoked)) {
            givenUp.try_emplace(event.subject, event.at);
        } else if (event.kind == log::kind(LogEvent::PartitionAssigned)) {
            if (const auto begun = givenUp.extract(event.subject))
                add(event.at - begun.mapped());
        }
    }
    for (const auto &[partition, at] : givenUp)
        add(now - at);
    return unread;
}

Duration longestPause(const Trace &trace, std::string_view client, Instant since, Instant now)
{
    const NameId name = trace.names().find(client);
    if (name == kNoName)
        return {};
    const auto isHandedRecords = [&](std::uint64_t sequence) {
        const TraceEvent &event = trace.at(sequence);
        return event.kind == log::kind(LogEvent::RecordsPolled) && event.actor == name;
    };
    const std::uint64_t begin = firstSince(trace, since);
    std::optional<Instant> last; // handed a record, or the beginning when it was before that
    for (std::uint64_t i = begin; !last && i > trace.first(); --i) {
        if (isHandedRecords(i - 1))
            last = since;
    }
    Duration longest{};
    for (std::uint64_t i = begin; i < trace.end(); ++i) {
        if (!isHandedRecords(i))
            continue;
        if (last)
            longest = std::max(longest, trace.at(i).at - *last);
        last = trace.at(i).at;
    }
    return last ? std::max(longest, now - *last) : longest;
}

} // namespace queuelab::lessons
