#include "ui/stages/scene_painter.h"

#include <QPainterPath>

#include <algorithm>
#include <cmath>

namespace queuelab::ui {

QColor colourOf(const Theme &theme, Swatch swatch)
{
    switch (swatch) {
    case Swatch::None:
        return {};
    case Swatch::Ground:
        return theme.ground;
    case Swatch::Panel:
        return theme.panel;
    case Swatch::Raised:
        return theme.raised;
    case Swatch::Ink:
        return theme.ink;
    case Swatch::Muted:
        return theme.muted;
    case Swatch::Line:
        return theme.line;
    case Swatch::Ready:
        return theme.ready;
    case Swatch::ReadyTint:
        return theme.readyTint;
    case Swatch::InFlight:
        return theme.inFlight;
    case Swatch::InFlightText:
        return theme.inFlightText;
    case Swatch::InFlightTint:
        return theme.inFlightTint;
    case Swatch::Done:
        return theme.done;
    case Swatch::DoneTint:
        return theme.doneTint;
    case Swatch::DoneText:
        return theme.doneText;
    case Swatch::DoneFaded:
        return theme.doneFaded;
    case Swatch::Dead:
        return theme.dead;
    case Swatch::DeadTint:
        return theme.deadTint;
    case Swatch::System:
        return theme.system;
    case Swatch::SystemTint:
        return theme.systemTint;
    case Swatch::OnReady:
        return theme.onReady;
    }
    return {};
}

QColor inkOf(const Theme &theme, Swatch swatch)
{
    switch (swatch) {
    case Swatch::InFlight:
        return theme.inFlightText;
    case Swatch::Done:
        return theme.doneText;
    case Swatch::Dead:
        return theme.deadText;
    default:
        return colourOf(theme, swatch);
    }
}

ScenePainter::ScenePainter(const Theme &theme, const Measure &measure)
    : m_measure(measure)
{
    for (std::size_t swatch = 0; swatch < kSwatches; ++swatch)
        m_colours[swatch] = colourOf(theme, static_cast<Swatch>(swatch));
    for (std::size_t swatch = 0; swatch < kSwatches; ++swatch)
        m_inks[swatch] = inkOf(theme, static_cast<Swatch>(swatch));
}

void ScenePainter::paint(QPainter &painter, const Scene &scene, const QRectF &visible) const
{
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setRenderHint(QPainter::TextAntialiasing);
    for (const Mark &mark : scene.marks) {
        const QRectF bounds = boundsOf(mark);
        if (bounds.bottom() >= visible.top() && bounds.top() <= visible.bottom())
            paint(painter, mark);
    }
}

void ScenePainter::paint(QPainter &painter, const Mark &mark) const
{
    std::visit([&](const auto &one) { draw(painter, one); }, mark);
}

QPen ScenePainter::pen(Swatch swatch, double width, Dash dash) const
{
    if (swatch == Swatch::None)
        return QPen(Qt::NoPen);
    QPen pen(colour(swatch), width);
    pen.setCapStyle(dash == Dash::Solid ? Qt::RoundCap : Qt::FlatCap);
    if (dash == Dash::Dashed)
        pen.setDashPattern({4, 3});
    else if (dash == Dash::Dotted)
        pen.setDashPattern({2, 2.5});
    return pen;
}

void ScenePainter::hatch(QPainter &painter, const QRectF &rect, Swatch swatch) const
{
    // Lines from the lower left to the upper right, cut at the rectangle: no clip path needed.
    const double step = 5;
    painter.setPen(QPen(colour(swatch), 1.1));
    for (double at = step; at < rect.width() + rect.height(); at += step) {
        const double x1 = std::max(0.0, at - rect.height());
        const double x2 = std::min(rect.width(), at);
        painter.drawLine(QPointF(rect.left() + x1, rect.top() + (at - x1)),
            QPointF(rect.left() + x2, rect.top() + (at - x2)));
    }
}

void ScenePainter::draw(QPainter &painter, const BoxMark &box) const
{
    painter.setPen(box.hatched ? QPen(Qt::NoPen) : pen(box.border, box.width, box.dash));
    painter.setBrush(box.fill == Swatch::None ? QBrush(Qt::NoBrush) : QBrush(colour(box.fill)));
    // A one pixel border is crisp only in the middle of a pixel.
    const QRectF rect =
        box.border == Swatch::None ? box.rect : box.rect.adjusted(0.5, 0.5, -0.5, -0.5);
    switch (box.outline) {
    case Outline::Rounded:
        painter.drawRoundedRect(rect, box.radius, box.radius);
        break;
    case Outline::Hexagon: {
        const double notch = std::min(rect.width() / 4, rect.height() / 3);
        const QPointF corners[] = {{rect.left(), rect.center().y()},
            {rect.left() + notch, rect.top()}, {rect.right() - notch, rect.top()},
            {rect.right(), rect.center().y()}, {rect.right() - notch, rect.bottom()},
            {rect.left() + notch, rect.bottom()}};
        painter.drawPolygon(corners, 6);
        break;
    }
    case Outline::Flagged: {
        const double notch = std::min(rect.width() / 4, rect.height() / 2);
        const QPointF corners[] = {rect.topLeft(), {rect.right() - notch, rect.top()},
            {rect.right(), rect.center().y()}, {rect.right() - notch, rect.bottom()},
            rect.bottomLeft()};
        painter.drawPolygon(corners, 5);
        break;
    }
    }
    if (box.hatched) {
        hatch(painter, rect.adjusted(1, 1, -1, -1), box.border);
        painter.setPen(pen(box.border, box.width, box.dash));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(rect, box.radius, box.radius);
    }
    if (box.struck) {
        const QRectF inner = rect.adjusted(2, 2, -2, -2);
        painter.setPen(pen(box.border, std::max(1.5, box.width), Dash::Solid));
        painter.drawLine(inner.topLeft(), inner.bottomRight());
        painter.drawLine(inner.bottomLeft(), inner.topRight());
    }
}

void ScenePainter::draw(QPainter &painter, const LabelMark &label) const
{
    painter.setPen(m_inks[static_cast<std::size_t>(label.colour)]);
    painter.setFont(m_measure.font(label.face));
    painter.drawText(label.rect,
        static_cast<int>(label.align) | Qt::TextSingleLine | Qt::TextDontClip, label.text);
}

void ScenePainter::draw(QPainter &painter, const CurveMark &curve) const
{
    painter.setPen(pen(curve.colour, curve.width, curve.dash));
    painter.setBrush(Qt::NoBrush);
    if (curve.from == curve.leave && curve.arrive == curve.to) {
        painter.drawLine(curve.from, curve.to);
    } else {
        QPainterPath path(curve.from);
        path.cubicTo(curve.leave, curve.arrive, curve.to);
        painter.drawPath(path);
    }
    if (!curve.arrow)
        return;
    const QPointF way = curve.to - (curve.arrive == curve.to ? curve.from : curve.arrive);
    const double length = std::max(1e-6, std::hypot(way.x(), way.y()));
    const QPointF along = way / length * m_measure.px(8);
    const QPointF across(-along.y() * 0.5, along.x() * 0.5);
    const QPointF corners[] = {curve.to, curve.to - along + across, curve.to - along - across};
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour(curve.colour));
    painter.drawPolygon(corners, 3);
}

void ScenePainter::draw(QPainter &painter, const RingMark &ring) const
{
    const QRectF rect(ring.centre.x() - ring.radius, ring.centre.y() - ring.radius, 2 * ring.radius,
        2 * ring.radius);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(colour(ring.rail), ring.width));
    painter.drawEllipse(rect);
    QPen arc(colour(ring.colour), ring.width);
    arc.setCapStyle(Qt::FlatCap);
    painter.setPen(arc);
    // Qt counts sixteenths of a degree counter-clockwise from three o'clock.
    const int span = static_cast<int>(std::lround(std::clamp(ring.left, 0.0, 1.0) * 360 * 16));
    painter.drawArc(rect, 90 * 16, -span);
}

void ScenePainter::draw(QPainter &painter, const DotMark &dot) const
{
    painter.setPen(pen(dot.border, dot.width, Dash::Solid));
    painter.setBrush(dot.fill == Swatch::None ? QBrush(Qt::NoBrush) : QBrush(colour(dot.fill)));
    painter.drawEllipse(dot.centre, dot.radius, dot.radius);
}

void ScenePainter::draw(QPainter &painter, const FlagMark &flag) const
{
    painter.setPen(QPen(colour(flag.colour), 2, Qt::SolidLine, Qt::FlatCap));
    painter.drawLine(flag.foot, flag.foot - QPointF(0, flag.pole));
    const QRectF &cloth = flag.cloth;
    const bool right = cloth.center().x() >= flag.foot.x();
    const double notch = cloth.height() * 0.35;
    const double near = right ? cloth.left() : cloth.right();
    const double far = right ? cloth.right() : cloth.left();
    const QPointF corners[] = {{near, cloth.top()}, {far, cloth.top()},
        {right ? far - notch : far + notch, cloth.center().y()}, {far, cloth.bottom()},
        {near, cloth.bottom()}};
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour(flag.colour));
    painter.drawPolygon(corners, 5);
    if (flag.text.isEmpty())
        return;
    const QRectF words = right ? cloth.adjusted(m_measure.px(4), 0, -notch, 0)
                               : cloth.adjusted(notch, 0, -m_measure.px(4), 0);
    draw(painter, LabelMark{words, flag.text, Face::Mono, flag.textColour, Qt::AlignCenter});
}

void ScenePainter::draw(QPainter &painter, const TriangleMark &triangle) const
{
    const double half = triangle.size / 2;
    const QPointF corners[] = {triangle.tip, triangle.tip + QPointF(half, triangle.size * 0.9),
        triangle.tip + QPointF(-half, triangle.size * 0.9)};
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour(triangle.colour));
    painter.drawPolygon(corners, 3);
}

void ScenePainter::draw(QPainter &painter, const StripesMark &stripes) const
{
    const double pitch = m_measure.px(4);
    const double wide = m_measure.px(2.5);
    const auto count = static_cast<int>(stripes.rect.width() / pitch);
    QColor shade = colour(stripes.colour);
    painter.setPen(Qt::NoPen);
    for (int stripe = 0; stripe < count; ++stripe) {
        if (stripes.fade)
            shade.setAlphaF(static_cast<float>(1 - 0.75 * stripe / std::max(1, count - 1)));
        painter.fillRect(QRectF(stripes.rect.left() + stripe * pitch, stripes.rect.top(), wide,
                             stripes.rect.height()),
            shade);
    }
}

} // namespace queuelab::ui
