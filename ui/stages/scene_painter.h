#pragma once

#include "ui/stages/measure.h"
#include "ui/stages/scene.h"
#include "ui/theme/theme.h"

#include <QBrush>
#include <QPainter>

#include <array>

namespace queuelab::ui {

/// The colour a swatch has in a theme; invalid for Swatch::None.
QColor colourOf(const Theme &theme, Swatch swatch);
/// The same for words, which need more contrast than a fill.
QColor inkOf(const Theme &theme, Swatch swatch);

/// Draws scenes in one theme. Keeps what is dear to make (the hatch) from one picture to the next.
class ScenePainter {
public:
    ScenePainter(const Theme &theme, const Measure &measure);

    /// Draws what of `scene` lies in `visible` (scene coordinates); the painter's origin is the
    /// scene's.
    void paint(QPainter &painter, const Scene &scene, const QRectF &visible) const;
    void paint(QPainter &painter, const Mark &mark) const;
    QColor colour(Swatch swatch) const { return m_colours[static_cast<std::size_t>(swatch)]; }

private:
    void draw(QPainter &painter, const BoxMark &box) const;
    void draw(QPainter &painter, const LabelMark &label) const;
    void draw(QPainter &painter, const CurveMark &curve) const;
    void draw(QPainter &painter, const RingMark &ring) const;
    void draw(QPainter &painter, const DotMark &dot) const;
    void draw(QPainter &painter, const FlagMark &flag) const;
    void draw(QPainter &painter, const TriangleMark &triangle) const;
    void draw(QPainter &painter, const StripesMark &stripes) const;

    QPen pen(Swatch swatch, double width, Dash dash) const;
    void hatch(QPainter &painter, const QRectF &rect, Swatch swatch) const;

    static constexpr std::size_t kSwatches = static_cast<std::size_t>(Swatch::OnReady) + 1;

    const Measure &m_measure;
    std::array<QColor, kSwatches> m_colours;
    std::array<QColor, kSwatches> m_inks;
};

} // namespace queuelab::ui
