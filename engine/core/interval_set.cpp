#include "engine/core/interval_set.h"

#include <algorithm>
#include <iterator>

namespace queuelab {

std::uint64_t IntervalSet::insert(std::int64_t first, std::int64_t last)
{
    // The usual case first: what comes extends the newest interval.
    if (!m_intervals.empty()) {
        const auto newest = std::prev(m_intervals.end());
        if (first == newest->second + 1) {
            const auto added = static_cast<std::uint64_t>(last - first + 1);
            newest->second = last;
            m_size += added;
            return added;
        }
    }
    auto next = m_intervals.upper_bound(first);
    if (next != m_intervals.begin() && std::prev(next)->second >= first - 1)
        --next;
    std::int64_t mergedFirst = first;
    std::int64_t mergedLast = last;
    std::uint64_t already = 0;
    while (next != m_intervals.end() && next->first <= last + 1) {
        const std::int64_t overlapFirst = std::max(first, next->first);
        const std::int64_t overlapLast = std::min(last, next->second);
        if (overlapLast >= overlapFirst)
            already += static_cast<std::uint64_t>(overlapLast - overlapFirst + 1);
        mergedFirst = std::min(mergedFirst, next->first);
        mergedLast = std::max(mergedLast, next->second);
        next = m_intervals.erase(next);
    }
    m_intervals.emplace_hint(next, mergedFirst, mergedLast);
    const std::uint64_t added = static_cast<std::uint64_t>(last - first + 1) - already;
    m_size += added;
    return added;
}

bool IntervalSet::contains(std::int64_t value) const
{
    const auto after = m_intervals.upper_bound(value);
    return after != m_intervals.begin() && std::prev(after)->second >= value;
}

} // namespace queuelab
