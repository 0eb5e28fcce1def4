#include "ui/stages/scene.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace queuelab::ui {

namespace {

QRectF around(QPointF centre, double reach)
{
    return {centre.x() - reach, centre.y() - reach, 2 * reach, 2 * reach};
}

struct Bounds {
    QRectF operator()(const BoxMark &box) const { return box.rect; }
    QRectF operator()(const LabelMark &label) const { return label.rect; }
    QRectF operator()(const CurveMark &curve) const
    {
        const auto [left, right] =
            std::minmax({curve.from.x(), curve.leave.x(), curve.arrive.x(), curve.to.x()});
        const auto [top, bottom] =
            std::minmax({curve.from.y(), curve.leave.y(), curve.arrive.y(), curve.to.y()});
        return QRectF(QPointF(left, top), QPointF(right, bottom)).adjusted(-4, -4, 4, 4);
    }
    QRectF operator()(const RingMark &ring) const
    {
        return around(ring.centre, ring.radius + ring.width / 2);
    }
    QRectF operator()(const DotMark &dot) const
    {
        return around(dot.centre, dot.radius + dot.width / 2);
    }
    QRectF operator()(const FlagMark &flag) const
    {
        return flag.cloth.united(
            QRectF(flag.foot.x() - 1, flag.foot.y() - flag.pole, 2, flag.pole));
    }
    QRectF operator()(const TriangleMark &triangle) const
    {
        return {
            triangle.tip.x() - triangle.size / 2, triangle.tip.y(), triangle.size, triangle.size};
    }
    QRectF operator()(const StripesMark &stripes) const { return stripes.rect; }
};

} // namespace

QRectF boundsOf(const Mark &mark)
{
    return std::visit(Bounds{}, mark);
}

const Spot *Scene::spotAt(QPointF point) const
{
    for (auto spot = spots.rbegin(); spot != spots.rend(); ++spot) {
        if (spot->rect.contains(point))
            return &*spot;
    }
    return nullptr;
}

const Spot *Scene::spotOf(const Thing &thing) const
{
    const Spot *found = nullptr;
    for (const Spot &spot : spots) {
        if (spot.thing != thing)
            continue;
        if (spot.stop)
            return &spot;
        if (!found)
            found = &spot;
    }
    return found;
}

const Spot *Scene::neighbour(const Spot &from, int dx, int dy) const
{
    const QPointF start = from.rect.center();
    const Spot *best = nullptr;
    double bestCost = std::numeric_limits<double>::max();
    for (const Spot &spot : spots) {
        if (spot.thing == from.thing)
            continue;
        const QPointF way = spot.rect.center() - start;
        const double along = way.x() * dx + way.y() * dy;
        const double aside = std::abs(way.x() * dy) + std::abs(way.y() * dx);
        // Straight ahead beats near: what lies more aside than ahead is another direction's
        // neighbour.
        if (along < 1 || aside > 4 * along)
            continue;
        const double cost = along + 3 * aside;
        if (cost < bestCost) {
            bestCost = cost;
            best = &spot;
        }
    }
    return best;
}

void Scene::setAnchor(Thing::Kind kind, const QString &name, QPointF point)
{
    m_anchors.insert({static_cast<int>(kind), name}, point);
}

std::optional<QPointF> Scene::anchor(Thing::Kind kind, const QString &name) const
{
    const auto found = m_anchors.constFind({static_cast<int>(kind), name});
    if (found == m_anchors.constEnd())
        return std::nullopt;
    return *found;
}

} // namespace queuelab::ui
