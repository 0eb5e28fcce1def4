#pragma once

#include "ui/stages/measure.h"
#include "ui/stages/scene.h"

namespace queuelab::ui {

constexpr double kPad = 14; ///< round what a stage shows, in pixels before scaling

/// Draws the pieces that the three stages share into a scene: cards, pills, cells, curves. One
/// language, one place.
class Sketch {
public:
    Sketch(Scene &scene, const Measure &measure)
        : m_scene(scene)
        , m_measure(measure)
    {
    }

    Scene &scene() { return m_scene; }
    const Measure &measure() const { return m_measure; }
    double px(double length) const { return m_measure.px(length); }
    double width(const QString &text, Face face) const { return m_measure.width(text, face); }
    double height(Face face) const { return m_measure.height(face); }

    void box(const BoxMark &mark) { m_scene.marks.emplace_back(mark); }
    /// Text in `rect`, elided where it is too long. Returns the right edge of the words when
    /// aligned left.
    double label(const QRectF &rect, const QString &text, Face face, Swatch colour = Swatch::Ink,
        Qt::Alignment align = Qt::AlignLeft | Qt::AlignVCenter);
    /// One line of text from (x, top), at most `width` wide.
    double line(double x, double top, double width, const QString &text, Face face,
        Swatch colour = Swatch::Ink);
    double lineRight(double right, double top, double width, const QString &text, Face face,
        Swatch colour = Swatch::Ink);

    double pillWidth(const QString &text, Face face = Face::Small) const;
    double pillHeight(Face face = Face::Small) const { return height(face) + px(2); }
    /// A rounded word with its left edge at x, its middle at `middle`.
    QRectF pill(double x, double middle, const QString &text, Swatch colour, Swatch tint,
        Face face = Face::Small);

    void card(const QRectF &rect, Swatch fill = Swatch::Raised, Swatch border = Swatch::Line,
        Dash dash = Dash::Solid, double width = 1);
    /// A record or message: solid in its colour, or hatched.
    void cell(const QRectF &rect, Swatch fill, bool hatched = false);
    /// A record that does not count: crossed out, on `ground`.
    void struckCell(const QRectF &rect, Swatch ground);
    /// A COMMIT or ABORT marker: a small round cell with a tick or a cross.
    void markerCell(const QRectF &rect, bool commit);
    /// A record without a value.
    void tombstoneCell(const QRectF &rect, Swatch colour);
    /// Where a record was.
    void gapCell(const QRectF &rect);
    void hollowCell(
        const QRectF &rect, Swatch border, Swatch fill = Swatch::None, double width = 1.3);

    /// Leaves and arrives level.
    void flow(QPointF from, QPointF to, Swatch colour, double width = 1.5, Dash dash = Dash::Solid,
        bool arrow = false);
    void line(QPointF from, QPointF to, Swatch colour, double width = 1, Dash dash = Dash::Solid);

    /// What a picture says while there is nothing to draw: that, and how to get something.
    void emptyGround(const QString &what, const QString &advice);

    void spot(const QRectF &rect, Thing thing, bool stop = false, double radius = 4);

    /// Entries from `right` to the left; returns the left edge. Nothing is drawn when they would
    /// pass `leftLimit`.
    struct Key {
        QString text;
        Swatch colour = Swatch::None;
        enum class Shape : quint8 { Solid, Hatched, Hollow, Struck, Commit, Abort, Gap, Tombstone };
        Shape shape = Shape::Solid;
    };
    double legendWidth(const std::vector<Key> &keys) const;
    void legend(double right, double middle, const std::vector<Key> &keys);

private:
    Scene &m_scene;
    const Measure &m_measure;
};

} // namespace queuelab::ui
