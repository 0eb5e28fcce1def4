#pragma once

#include "ui/stages/thing.h"

#include <QHash>
#include <QPointF>
#include <QRectF>
#include <QSizeF>
#include <QString>

#include <optional>
#include <variant>
#include <vector>

namespace queuelab::ui {

/// Colours by what they mean; the theme says what they look like. Words in Done, Dead and InFlight
/// take the ink that is legible.
enum class Swatch : quint8 {
    None,
    Ground,
    Panel,
    Raised,
    Ink,
    Muted,
    Line,
    Ready,
    ReadyTint,
    InFlight,
    InFlightText,
    InFlightTint,
    Done,
    DoneTint,
    DoneText,
    DoneFaded,
    Dead,
    DeadTint,
    System,
    SystemTint,
    OnReady,
};

/// Type by what it is for. Figures and names of things are mono.
enum class Face : quint8 { Title, Strong, Body, Small, SmallStrong, Mono, MonoStrong, Figure };

enum class Dash : quint8 { Solid, Dashed, Dotted };
enum class Outline : quint8 {
    Rounded,
    Hexagon,
    Flagged /* an arrow to the right: a topic that fans out */
};

/// What a picture is made of, in scene coordinates. Plain values: laid out without a screen, tested
/// without one.
struct BoxMark {
    QRectF rect;
    double radius = 0;
    Swatch fill = Swatch::None;
    Swatch border = Swatch::None;
    double width = 1;
    Dash dash = Dash::Solid;
    Outline outline = Outline::Rounded;
    bool hatched = false; ///< in the border's colour
    bool struck = false; ///< crossed out in the border's colour
};
struct LabelMark {
    QRectF rect;
    QString text;
    Face face = Face::Body;
    Swatch colour = Swatch::Ink;
    Qt::Alignment align = Qt::AlignLeft | Qt::AlignVCenter;
};
/// From `from` to `to`, leaving and arriving along the control points.
struct CurveMark {
    QPointF from;
    QPointF leave;
    QPointF arrive;
    QPointF to;
    Swatch colour = Swatch::Line;
    double width = 1.5;
    Dash dash = Dash::Solid;
    bool arrow = false;
};
/// Runs down clockwise from noon: `left` of 1 remains.
struct RingMark {
    QPointF centre;
    double radius = 0;
    double width = 3;
    double left = 1;
    Swatch colour = Swatch::InFlight;
    Swatch rail = Swatch::Line;
};
struct DotMark {
    QPointF centre;
    double radius = 0;
    Swatch fill = Swatch::None;
    Swatch border = Swatch::None;
    double width = 1.5;
};
/// A flag on a pole: the cloth to the right of it, or to the left where there is no room.
struct FlagMark {
    QPointF foot;
    double pole = 0; ///< height
    QRectF cloth;
    QString text;
    Swatch colour = Swatch::DoneText;
    Swatch textColour = Swatch::OnReady;
};
/// Points up at `tip`.
struct TriangleMark {
    QPointF tip;
    double size = 0;
    Swatch colour = Swatch::InFlightText;
};
/// Thin stripes that fade from left to right: more of the same than can be shown.
struct StripesMark {
    QRectF rect;
    Swatch colour = Swatch::Ready;
    bool fade = true;
};

using Mark = std::variant<BoxMark, LabelMark, CurveMark, RingMark, DotMark, FlagMark, TriangleMark,
    StripesMark>;

/// Where everything that `mark` draws lies.
QRectF boundsOf(const Mark &mark);

/// A thing one can point at. `stop` says that Tab halts there; the arrow keys reach all.
struct Spot {
    QRectF rect;
    Thing thing;
    bool stop = false;
    double radius = 4; ///< of the outline when it is chosen
};

/// A picture of one moment: what is drawn, what can be pointed at, and from where to where things
/// can move.
class Scene {
public:
    QSizeF size; ///< the width is the viewport's, the height may be more
    std::vector<Mark> marks; ///< painted in this order
    std::vector<Spot> spots; ///< later ones lie on top

    /// The topmost spot under `point`; nullptr on empty ground.
    const Spot *spotAt(QPointF point) const;
    /// Where a thing that is shown in several places has its own: a group's card rather than one of
    /// its flags.
    const Spot *spotOf(const Thing &thing) const;
    /// The nearest spot from `from` towards (dx, dy), one of which is -1 or 1; nullptr when there
    /// is none.
    const Spot *neighbour(const Spot &from, int dx, int dy) const;

    void setAnchor(Thing::Kind kind, const QString &name, QPointF point);
    std::optional<QPointF> anchor(Thing::Kind kind, const QString &name) const;

private:
    QHash<std::pair<int, QString>, QPointF> m_anchors;
};

} // namespace queuelab::ui
