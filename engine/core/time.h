#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace queuelab {

using namespace std::chrono_literals;

using Duration = std::chrono::nanoseconds;

/// The clock of a world. It has no now(): whoever needs the time is handed it.
struct WorldClock {
    using duration = Duration;
    using rep = duration::rep;
    using period = duration::period;
    using time_point = std::chrono::time_point<WorldClock, Duration>;
    static constexpr bool is_steady = true;
};

/// A moment in a world, in nanoseconds since the Unix epoch. Deterministic worlds start at
/// kVirtualStart; live worlds start at the wall clock's time, so that timestamps of real clients
/// make sense.
using Instant = WorldClock::time_point;

/// 2026-01-01T00:00:00Z, where every deterministic world begins.
inline constexpr Instant kVirtualStart{std::chrono::seconds{1'767'225'600}};

/// Milliseconds since the Unix epoch, as Kafka and SQS write them.
constexpr std::int64_t epochMillis(Instant at)
{
    return std::chrono::floor<std::chrono::milliseconds>(at.time_since_epoch()).count();
}

/// "5s", "300ms", "1.5h", "20us", "0s": a number and one of ns, us, ms, s, m, h, d. Nothing when it
/// is not that.
std::optional<Duration> parseDuration(std::string_view text);

/// The shortest text that parseDuration() reads back to the same value: "1500ms", "4h", "0s".
std::string formatDuration(Duration duration);

/// Time since the world's start as people read it: "0:09.204", "4:00:00.000".
std::string formatClock(Duration sinceStart);

} // namespace queuelab
