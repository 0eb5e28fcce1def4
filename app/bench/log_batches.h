#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace queuelab::bench {

/// What the measurements of the log's files have in common.
constexpr std::size_t kBatchBytes = 16 << 10; // batch.size
constexpr std::int64_t kTimestamp = 1'700'000'000'000;

using Clock = std::chrono::steady_clock;

inline double megabytesASecond(std::uint64_t bytes, Clock::duration took)
{
    return static_cast<double>(bytes) / 1e6 / std::chrono::duration<double>(took).count();
}

} // namespace queuelab::bench
