#include "ui/panels/time_axis_geometry.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace queuelab::ui {

namespace {

constexpr qint64 kSecond = 1'000'000'000;
constexpr qint64 kMinute = 60 * kSecond;
constexpr qint64 kHour = 60 * kMinute;
constexpr qint64 kDay = 24 * kHour;

} // namespace

int TimeAxisGeometry::xFor(qint64 ns) const
{
    const double part = static_cast<double>(ns) / static_cast<double>(lastNs);
    return left + static_cast<int>(std::lround(part * width));
}

qint64 TimeAxisGeometry::nsFor(int x) const
{
    const double part = static_cast<double>(x - left) / width;
    return std::clamp(static_cast<qint64>(part * static_cast<double>(lastNs)), qint64{0}, lastNs);
}

std::vector<qint64> TimeAxisGeometry::ticks(int labelWidth) const
{
    const int most = std::max(1, width / std::max(1, labelWidth * 2));
    const qint64 step = roundSpan(lastNs / most);
    std::vector<qint64> result;
    for (qint64 at = 0; at <= lastNs; at += step)
        result.push_back(at);
    return result;
}

qint64 roundSpan(qint64 wishedNs)
{
    if (wishedNs <= kSecond) {
        qint64 power = 1;
        while (power * 10 <= wishedNs)
            power *= 10;
        for (const qint64 factor : {1, 2, 5, 10})
            if (power * factor >= wishedNs)
                return power * factor;
    }
    for (const qint64 span : {kSecond, 2 * kSecond, 5 * kSecond, 10 * kSecond, 20 * kSecond,
             30 * kSecond, kMinute, 2 * kMinute, 5 * kMinute, 10 * kMinute, 30 * kMinute, kHour,
             2 * kHour, 6 * kHour, 12 * kHour})
        if (span >= wishedNs)
            return span;
    return (wishedNs + kDay - 1) / kDay * kDay;
}

qint64 roomFor(qint64 endNs)
{
    qint64 room = 20 * kSecond;
    while (room - room / 8 < endNs && room < std::numeric_limits<qint64>::max() / 2)
        room *= 2;
    return room;
}

std::vector<int> placeLabels(
    std::span<const int> centres, std::span<const int> widths, int left, int right, int gap)
{
    std::vector<int> result;
    result.reserve(centres.size());
    int free = left;
    for (std::size_t i = 0; i < centres.size(); ++i) {
        // Pushed inwards at the ends of the axis, but never away from its mark.
        const int wished =
            std::clamp(centres[i] - widths[i] / 2, left, std::max(left, right - widths[i]));
        if (wished < free || wished + widths[i] > right) {
            result.push_back(-1);
            continue;
        }
        result.push_back(wished);
        free = wished + widths[i] + gap;
    }
    return result;
}

} // namespace queuelab::ui
