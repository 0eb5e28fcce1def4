#pragma once

#include "ui/stages/scene.h"
#include "ui/theme/theme.h"

#include <QFont>
#include <QFontMetricsF>
#include <QHash>

#include <array>
#include <vector>

namespace queuelab::ui {

/// The sizes of type and of what is sized with it. Widths are remembered, because the same few
/// hundred words are measured at every snapshot.
class Measure {
public:
    explicit Measure(const Theme &theme);

    const QFont &font(Face face) const { return m_fonts[static_cast<std::size_t>(face)]; }
    double width(const QString &text, Face face) const;
    /// Of a line of text.
    double height(Face face) const { return m_heights[static_cast<std::size_t>(face)]; }
    QString elided(const QString &text, Face face, double width) const;
    /// A length at 100 %, scaled.
    double px(double length) const { return length * m_scale; }

private:
    static constexpr std::size_t kFaces = 8;
    static constexpr qsizetype kRemembered =
        4096; ///< widths of one face; all are forgotten when it is full

    std::vector<QFont> m_fonts;
    std::vector<QFontMetricsF> m_metrics;
    std::array<double, kFaces> m_heights{};
    mutable std::array<QHash<QString, double>, kFaces> m_widths;
    double m_scale = 1;
};

} // namespace queuelab::ui
