#pragma once

#include <QRect>
#include <QtGlobal>

#include <span>
#include <vector>

namespace queuelab::ui {

/// Where moments lie on the time bar. Plain figures, so that it is tested without a screen.
struct TimeAxisGeometry {
    qint64 lastNs = 1; ///< the moment at the right end; the left end is 0. Above 0.
    int left = 0; ///< x of the left end
    int width = 1; ///< above 0

    int xFor(qint64 ns) const;
    /// The moment at `x`, inside [0, lastNs].
    qint64 nsFor(int x) const;
    /// Moments for tick labels: multiples of a round step, so that labels of `labelWidth` do not
    /// touch. 0 comes first.
    std::vector<qint64> ticks(int labelWidth) const;
};

/// A round span of time at least `wished` long: 1, 2, 5 times a power of ten below a minute, then
/// minutes, hours, days.
qint64 roundSpan(qint64 wishedNs);

/// The end of the axis for a world that goes on: room beyond `endNs`, in steps, so that the axis
/// does not creep.
qint64 roomFor(qint64 endNs);

/// Which of the labels centred at `centres` with `widths` can be shown between `left` and `right`
/// without touching, the earlier one winning; the result holds, for each, its left edge, or -1 when
/// it is left out.
std::vector<int> placeLabels(
    std::span<const int> centres, std::span<const int> widths, int left, int right, int gap);

} // namespace queuelab::ui
