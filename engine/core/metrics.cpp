#include "engine/core/metrics.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace queuelab {

namespace {

// Values below 32 have a bucket each; above, every power of two is cut into 32 equal buckets.
constexpr int kSubBits = 5;
constexpr std::uint64_t kSub = 1U << kSubBits;

std::size_t bucketOf(std::uint64_t value)
{
    if (value < kSub)
        return value;
    const auto shift = static_cast<int>(std::bit_width(value)) - 1 - kSubBits;
    return (static_cast<std::size_t>(shift + 1) << kSubBits) + ((value >> shift) - kSub);
}

std::uint64_t upperBound(std::size_t bucket)
{
    if (bucket < kSub)
        return bucket;
    const std::size_t shift = (bucket >> kSubBits) - 1;
    const std::uint64_t base = kSub + (bucket & (kSub - 1));
    return ((base + 1) << shift) - 1;
}

} // namespace

void LatencyHistogram::record(Duration latency, std::uint64_t count)
{
    const auto value = static_cast<std::uint64_t>(std::max<std::int64_t>(latency.count(), 0));
    const std::size_t bucket = bucketOf(value);
    if (bucket >= m_buckets.size())
        m_buckets.resize(bucket + 1);
    m_buckets[bucket] += count;
    m_count += count;
    m_max = std::max(m_max, latency);
}

Duration LatencyHistogram::percentile(double percent) const
{
    if (m_count == 0)
        return {};
    const double wanted = static_cast<double>(m_count) * percent / 100;
    std::uint64_t seen = 0;
    for (std::size_t bucket = 0; bucket < m_buckets.size(); ++bucket) {
        seen += m_buckets[bucket];
        if (seen > 0 && static_cast<double>(seen) >= wanted)
            return std::min(Duration(static_cast<std::int64_t>(upperBound(bucket))), m_max);
    }
    return m_max;
}

void LatencyHistogram::merge(const LatencyHistogram &other)
{
    if (other.m_buckets.size() > m_buckets.size())
        m_buckets.resize(other.m_buckets.size());
    for (std::size_t bucket = 0; bucket < other.m_buckets.size(); ++bucket)
        m_buckets[bucket] += other.m_buckets[bucket];
    m_count += other.m_count;
    m_max = std::max(m_max, other.m_max);
}

RateSeries::RateSeries(Duration window)
    : m_window(window)
{
}

void RateSeries::add(Instant at, std::uint64_t count)
{
    const std::int64_t window = at.time_since_epoch() / m_window;
    if (!m_any) {
        m_any = true;
        m_oldest = m_newest = window;
    }
    if (window > m_newest) {
        const std::int64_t clear = std::min<std::int64_t>(window - m_newest, kWindows);
        for (std::int64_t i = 0; i < clear; ++i)
            m_counts[static_cast<std::size_t>(window - i) % kWindows] = 0;
        m_newest = window;
        m_oldest = std::max(m_oldest, window - static_cast<std::int64_t>(kWindows) + 1);
    }
    m_total += count;
    if (window >= m_oldest)
        m_counts[static_cast<std::size_t>(window) % kWindows] += static_cast<std::uint32_t>(count);
}

double RateSeries::perSecond(Instant now) const
{
    const std::int64_t last = now.time_since_epoch() / m_window - 1;
    if (!m_any || last < m_oldest || last > m_newest)
        return 0;
    return static_cast<double>(m_counts[static_cast<std::size_t>(last) % kWindows])
        / std::chrono::duration<double>(m_window).count();
}

RateSeries::Windows RateSeries::windows() const
{
    Windows out;
    if (!m_any)
        return out;
    out.firstWindow = m_oldest;
    for (std::int64_t window = m_oldest; window <= m_newest; ++window)
        out.counts.push_back(m_counts[static_cast<std::size_t>(window) % kWindows]);
    return out;
}

} // namespace queuelab
