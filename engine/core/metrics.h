#pragma once

#include "engine/core/time.h"

#include <array>
#include <cstdint>
#include <vector>

namespace queuelab {

/// Latencies by log-linear buckets: relative error below 1/32, constant memory, O(1) to record. A
/// value.
class LatencyHistogram {
public:
    void record(Duration latency, std::uint64_t count = 1);
    std::uint64_t count() const { return m_count; }
    /// The smallest bucket bound that at least `percent` % of the recorded values do not exceed; 0
    /// when empty. `percent` in [0, 100].
    Duration percentile(double percent) const;
    Duration max() const { return m_max; }
    void merge(const LatencyHistogram &other);

private:
    std::vector<std::uint64_t> m_buckets; // grown on demand
    std::uint64_t m_count = 0;
    Duration m_max{0};
};

/// A count over time in equal windows: what a chart of a rate is drawn from. Keeps the newest
/// kWindows windows. A value.
class RateSeries {
public:
    static constexpr std::size_t kWindows = 240;
    explicit RateSeries(Duration window = std::chrono::seconds{1});

    void add(Instant at, std::uint64_t count = 1);
    std::uint64_t total() const { return m_total; }
    /// Events a second over the last full window before `now`.
    double perSecond(Instant now) const;
    Duration window() const { return m_window; }
    /// Counts of the windows, oldest first, the last one still filling; `firstWindow` * window() is
    /// the first one's start.
    struct Windows {
        std::int64_t firstWindow = 0;
        std::vector<std::uint64_t> counts;
    };
    Windows windows() const;

private:
    Duration m_window;
    std::int64_t m_newest = 0; // number of the newest window
    std::uint64_t m_total = 0;
    std::array<std::uint32_t, kWindows> m_counts{}; // window w lies at w % kWindows
    bool m_any = false;
    std::int64_t m_oldest = 0;
};

} // namespace queuelab
