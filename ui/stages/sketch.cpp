#include "ui/stages/sketch.h"

#include <algorithm>

namespace queuelab::ui {

double Sketch::label(
    const QRectF &rect, const QString &text, Face face, Swatch colour, Qt::Alignment align)
{
    if (text.isEmpty())
        return rect.left();
    const QString shown = m_measure.elided(text, face, rect.width());
    m_scene.marks.emplace_back(LabelMark{rect, shown, face, colour, align});
    return rect.left() + std::min(rect.width(), width(shown, face));
}

double Sketch::line(
    double x, double top, double width, const QString &text, Face face, Swatch colour)
{
    return label({x, top, width, height(face)}, text, face, colour);
}

double Sketch::lineRight(
    double right, double top, double width, const QString &text, Face face, Swatch colour)
{
    const double needed = std::min(width, m_measure.width(text, face) + 1);
    label({right - needed, top, needed, height(face)}, text, face, colour,
        Qt::AlignRight | Qt::AlignVCenter);
    return right - needed;
}

double Sketch::pillWidth(const QString &text, Face face) const
{
    return width(text, face) + px(14);
}

QRectF Sketch::pill(
    double x, double middle, const QString &text, Swatch colour, Swatch tint, Face face)
{
    const double tall = pillHeight(face);
    const QRectF rect(x, middle - tall / 2, pillWidth(text, face), tall);
    box({.rect = rect,
        .radius = tall / 2,
        .fill = tint,
        .border = tint == Swatch::None ? Swatch::Line : Swatch::None});
    label(rect, text, face, colour, Qt::AlignCenter);
    return rect;
}

void Sketch::card(const QRectF &rect, Swatch fill, Swatch border, Dash dash, double width)
{
    box({.rect = rect,
        .radius = px(6),
        .fill = fill,
        .border = border,
        .width = width,
        .dash = dash});
}

void Sketch::cell(const QRectF &rect, Swatch fill, bool hatched)
{
    box({.rect = rect,
        .radius = std::min(px(3), rect.width() / 4),
        .fill = hatched ? Swatch::Panel : fill,
        .border = hatched ? fill : Swatch::None,
        .hatched = hatched});
}

void Sketch::struckCell(const QRectF &rect, Swatch ground)
{
    box({.rect = rect,
        .radius = std::min(px(3), rect.width() / 4),
        .fill = ground,
        .border = Swatch::Dead,
        .width = 1.4,
        .struck = true});
}

void Sketch::markerCell(const QRectF &rect, bool commit)
{
    const double side = std::min({rect.width(), rect.height(), px(14)});
    const QPointF middle = rect.center();
    const Swatch colour = commit ? Swatch::DoneText : Swatch::Dead;
    m_scene.marks.emplace_back(
        DotMark{middle, side / 2 - 1, commit ? Swatch::DoneTint : Swatch::DeadTint, colour, 1.2});
    const double arm = side * 0.2;
    const QPointF a(arm, arm);
    const QPointF b(arm, -arm);
    if (commit) {
        const QPointF foot = middle + QPointF(-arm * 0.3, arm);
        line(middle + QPointF(-arm * 1.2, 0), foot, colour, 1.5);
        line(foot, middle + QPointF(arm * 1.3, -arm), colour, 1.5);
    } else {
        line(middle - a, middle + a, colour, 1.5);
        line(middle - b, middle + b, colour, 1.5);
    }
}

void Sketch::tombstoneCell(const QRectF &rect, Swatch colour)
{
    hollowCell(rect, colour, Swatch::None, 1.6);
    const double arm = rect.width() * 0.22;
    const QPointF middle = rect.center();
    line(middle - QPointF(arm, 0), middle + QPointF(arm, 0), colour, 2);
}

void Sketch::gapCell(const QRectF &rect)
{
    box({.rect = rect.adjusted(0.6, 0.6, -0.6, -0.6),
        .radius = std::min(px(3), rect.width() / 4),
        .border = Swatch::Muted,
        .dash = Dash::Dotted});
}

void Sketch::hollowCell(const QRectF &rect, Swatch border, Swatch fill, double width)
{
    box({.rect = rect.adjusted(0.6, 0.6, -0.6, -0.6),
        .radius = std::min(px(3), rect.width() / 4),
        .fill = fill,
        .border = border,
        .width = width});
}

void Sketch::flow(QPointF from, QPointF to, Swatch colour, double width, Dash dash, bool arrow)
{
    const double reach = std::max(px(8), std::abs(to.x() - from.x()) * 0.5);
    m_scene.marks.emplace_back(CurveMark{
        from, from + QPointF(reach, 0), to - QPointF(reach, 0), to, colour, width, dash, arrow});
}

void Sketch::line(QPointF from, QPointF to, Swatch colour, double width, Dash dash)
{
    m_scene.marks.emplace_back(CurveMark{from, from, to, to, colour, width, dash, false});
}

void Sketch::emptyGround(const QString &what, const QString &advice)
{
    const double middle = m_scene.size.height() / 2;
    const double wide = m_scene.size.width();
    label({0, middle - height(Face::Title) - px(4), wide, height(Face::Title)}, what, Face::Title,
        Swatch::Muted, Qt::AlignCenter);
    label({0, middle + px(4), wide, height(Face::Body)}, advice, Face::Body, Swatch::Muted,
        Qt::AlignCenter);
}

void Sketch::spot(const QRectF &rect, Thing thing, bool stop, double radius)
{
    m_scene.spots.push_back({rect, std::move(thing), stop, radius});
}

double Sketch::legendWidth(const std::vector<Key> &keys) const
{
    double total = 0;
    for (const Key &key : keys)
        total += px(12) + px(6) + width(key.text, Face::Small) + px(16);
    return keys.empty() ? 0 : total - px(16);
}

void Sketch::legend(double right, double middle, const std::vector<Key> &keys)
{
    double x = right - legendWidth(keys);
    const double side = px(12);
    for (const Key &key : keys) {
        const QRectF swatch(x, middle - side / 2, side, side);
        using Shape = Key::Shape;
        switch (key.shape) {
        case Shape::Solid:
        case Shape::Hatched:
            cell(swatch, key.colour, key.shape == Shape::Hatched);
            break;
        case Shape::Hollow:
            hollowCell(swatch, key.colour);
            break;
        case Shape::Struck:
            struckCell(swatch, key.colour);
            break;
        case Shape::Commit:
        case Shape::Abort:
            markerCell(swatch, key.shape == Shape::Commit);
            break;
        case Shape::Tombstone:
            tombstoneCell(swatch, key.colour);
            break;
        case Shape::Gap:
            gapCell(swatch);
            break;
        }
        x += side + px(6);
        const double wide = width(key.text, Face::Small);
        label({x, middle - height(Face::Small) / 2, wide + 1, height(Face::Small)}, key.text,
            Face::Small, Swatch::Muted);
        x += wide + px(16);
    }
}

} // namespace queuelab::ui
