#pragma once

#include <cstdint>
#include <map>

namespace queuelab {

/// A set of integers kept as disjoint intervals: what was handled, acked or fetched is mostly
/// contiguous, so a million numbers cost a few nodes. A value.
class IntervalSet {
public:
    /// Adds [first, last]; returns how many of them were not in the set before.
    std::uint64_t insert(std::int64_t first, std::int64_t last);
    bool contains(std::int64_t value) const;
    std::uint64_t size() const { return m_size; }
    const std::map<std::int64_t, std::int64_t> &intervals() const
    {
        return m_intervals;
    } ///< first → last

private:
    std::map<std::int64_t, std::int64_t> m_intervals;
    std::uint64_t m_size = 0;
};

} // namespace queuelab
