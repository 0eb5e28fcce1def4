#include "engine/core/time.h"

#include <fmt/format.h>

#include <array>
#include <limits>
#include <utility>

namespace queuelab {

namespace {

__extension__ using Signed128 = __int128; // gcc and clang have it; ISO C++ has no name for it

struct Unit {
    std::string_view name;
    std::int64_t nanoseconds;
};

constexpr std::array kUnits{
    Unit{"d", 86'400'000'000'000},
    Unit{"h", 3'600'000'000'000},
    Unit{"m", 60'000'000'000},
    Unit{"s", 1'000'000'000},
    Unit{"ms", 1'000'000},
    Unit{"us", 1'000},
    Unit{"ns", 1},
};

bool isDigit(char c)
{
    return c >= '0' && c <= '9';
}

} // namespace

std::optional<Duration> parseDuration(std::string_view text)
{
    // Integers and a decimal fraction, by hand: the result must not depend on a locale or on
    // rounding.
    std::size_t position = 0;
    Signed128 digits = 0;
    Signed128 scale = 1;
    bool any = false;
    bool fraction = false;
    for (; position < text.size(); ++position) {
        const char c = text[position];
        if (isDigit(c)) {
            any = true;
            digits = digits * 10 + (c - '0');
            if (fraction)
                scale *= 10;
            if (digits > std::numeric_limits<std::int64_t>::max() || scale > 1'000'000'000'000)
                return std::nullopt;
        } else if (c == '.' && any && !fraction) {
            fraction = true;
        } else {
            break;
        }
    }
    if (!any || (fraction && !isDigit(text[position - 1])))
        return std::nullopt;
    const std::string_view name = text.substr(position);
    for (const Unit &unit : kUnits) {
        if (unit.name != name)
            continue;
        const Signed128 scaled = digits * unit.nanoseconds;
        if (scaled % scale != 0 || scaled / scale > std::numeric_limits<std::int64_t>::max())
            return std::nullopt;
        return Duration(static_cast<std::int64_t>(scaled / scale));
    }
    return std::nullopt;
}

std::string formatDuration(Duration duration)
{
    const std::int64_t value = duration.count();
    if (value == 0)
        return "0s";
    for (const Unit &unit : kUnits) {
        if (value % unit.nanoseconds == 0)
            return fmt::format("{}{}", value / unit.nanoseconds, unit.name);
    }
    std::unreachable(); // every count is a multiple of 1 ns
}

std::string formatClock(Duration sinceStart)
{
    const std::string_view sign = sinceStart < Duration{} ? "-" : "";
    const std::int64_t millis =
        std::abs(std::chrono::duration_cast<std::chrono::milliseconds>(sinceStart).count());
    const std::int64_t seconds = millis / 1000;
    if (seconds < 3600)
        return fmt::format("{}{}:{:02}.{:03}", sign, seconds / 60, seconds % 60, millis % 1000);
    return fmt::format("{}{}:{:02}:{:02}.{:03}", sign, seconds / 3600, seconds / 60 % 60,
        seconds % 60, millis % 1000);
}

} // namespace queuelab
