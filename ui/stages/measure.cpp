#include "ui/stages/measure.h"

namespace queuelab::ui {

Measure::Measure(const Theme &theme)
    : m_fonts{theme.uiFont(12, QFont::DemiBold), theme.uiFont(10, QFont::DemiBold),
          theme.uiFont(10), theme.uiFont(9), theme.uiFont(9, QFont::DemiBold), theme.monoFont(9),
          theme.monoFont(9, QFont::DemiBold), theme.monoFont(10, QFont::DemiBold)}
    , m_scale(theme.scale)
{
    m_metrics.reserve(kFaces);
    for (std::size_t face = 0; face < kFaces; ++face) {
        m_metrics.emplace_back(m_fonts[face]);
        m_heights[face] = m_metrics[face].height();
    }
}

double Measure::width(const QString &text, Face face) const
{
    auto &widths = m_widths[static_cast<std::size_t>(face)];
    const auto known = widths.constFind(text);
    if (known != widths.constEnd())
        return *known;
    if (widths.size() >= kRemembered)
        widths.clear();
    const double width = m_metrics[static_cast<std::size_t>(face)].horizontalAdvance(text);
    widths.insert(text, width);
    return width;
}

QString Measure::elided(const QString &text, Face face, double width) const
{
    // Half a pixel of tolerance: a rectangle made to measure must not cut its own text.
    if (this->width(text, face) <= width + 0.5)
        return text;
    return m_metrics[static_cast<std::size_t>(face)].elidedText(text, Qt::ElideRight, width);
}

} // namespace queuelab::ui
