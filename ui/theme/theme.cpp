#include "ui/theme/theme.h"

#include <QApplication>
#include <QFontDatabase>
#include <QWidget>

#include <algorithm>
#include <cmath>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

constexpr double kSmallestPoints = 9;

/// WCAG 2: https://www.w3.org/TR/WCAG22/#dfn-relative-luminance
double luminance(const QColor &colour)
{
    const auto linear = [](double channel) {
        return channel <= 0.04045 ? channel / 12.92 : std::pow((channel + 0.055) / 1.055, 2.4);
    };
    return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF())
        + 0.0722 * linear(colour.blueF());
}

QFont fontFrom(const QString &preferred, QFontDatabase::SystemFont fallback, double points,
    QFont::Weight weight)
{
    QFont font = QFontDatabase::hasFamily(preferred) ? QFont(preferred)
                                                     : QFontDatabase::systemFont(fallback);
    font.setPointSizeF(points);
    font.setWeight(weight);
    return font;
}

} // namespace

Theme Theme::light()
{
    Theme theme;
    theme.ground = QColor(0xF4F6F8);
    theme.panel = QColor(0xFFFFFF);
    theme.raised = QColor(0xF4F6F8);
    theme.ink = QColor(0x1B242D);
    theme.muted = QColor(0x5B6875);
    theme.line = QColor(0xDCE3EA);
    theme.ready = QColor(0x0B6FB8);
    theme.readyTint = QColor(0xE3F0FA);
    theme.inFlight = QColor(0xF2A900);
    theme.inFlightText = QColor(0x9A5A00); // C77700 has only 3.5:1 on white
    theme.inFlightTint = QColor(0xFDF0D0);
    theme.done = QColor(0x0E8A63);
    theme.doneText = QColor(0x0B7654);
    theme.doneTint = QColor(0xDDF2E8);
    theme.doneFaded = QColor(0x9AD8C0);
    theme.dead = QColor(0xC2410C);
    theme.deadText = QColor(0xB53B09);
    theme.deadTint = QColor(0xFBE5DB);
    theme.system = QColor(0x8B4E86);
    theme.systemTint = QColor(0xF3E5F2);
    theme.onReady = QColor(0xFFFFFF);
    return theme;
}

Theme Theme::darkTheme()
{
    Theme theme;
    theme.dark = true;
    theme.ground = QColor(0x12171C);
    theme.panel = QColor(0x1A2128);
    theme.raised = QColor(0x222B34);
    theme.ink = QColor(0xE7ECF1);
    theme.muted = QColor(0x9BA8B5);
    theme.line = QColor(0x2E3943);
    theme.ready = QColor(0x5BB0EE);
    theme.readyTint = QColor(0x1B3347);
    theme.inFlight = QColor(0xF2A900);
    theme.inFlightText = QColor(0xF6BD4F);
    theme.inFlightTint = QColor(0x3D3117);
    theme.done = QColor(0x45CBA0);
    theme.doneText = QColor(0x45CBA0);
    theme.doneTint = QColor(0x14352B);
    theme.doneFaded = QColor(0x287A60);
    theme.dead = QColor(0xFF8A5C);
    theme.deadText = QColor(0xFF8A5C);
    theme.deadTint = QColor(0x43271D);
    theme.system = QColor(0xD79BD1);
    theme.systemTint = QColor(0x3A2A3A);
    theme.onReady = QColor(0x12171C);
    return theme;
}

Theme Theme::of(const QPalette &palette)
{
    return luminance(palette.color(QPalette::Window)) < 0.18 ? darkTheme() : light();
}

Theme Theme::of(const QWidget &widget)
{
    Theme theme = of(widget.palette());
    const double points = QApplication::font().pointSizeF();
    theme.scale = points > 0 ? points / kBasePoints : 1;
    return theme;
}

QPalette Theme::palette() const
{
    QPalette palette;
    palette.setColor(QPalette::Window, ground);
    palette.setColor(QPalette::WindowText, ink);
    palette.setColor(QPalette::Base, panel);
    palette.setColor(QPalette::AlternateBase, raised);
    palette.setColor(QPalette::Text, ink);
    palette.setColor(QPalette::PlaceholderText, muted);
    palette.setColor(QPalette::Button, panel);
    palette.setColor(QPalette::ButtonText, ink);
    palette.setColor(QPalette::BrightText, deadText);
    palette.setColor(QPalette::ToolTipBase, panel);
    palette.setColor(QPalette::ToolTipText, ink);
    palette.setColor(QPalette::Highlight, ready);
    palette.setColor(QPalette::HighlightedText, onReady);
    palette.setColor(QPalette::Link, ready);
    palette.setColor(QPalette::LinkVisited, ready);
    palette.setColor(QPalette::Light, panel);
    palette.setColor(QPalette::Midlight, raised);
    palette.setColor(QPalette::Mid, line);
    palette.setColor(QPalette::Dark, line);
    palette.setColor(QPalette::Shadow, line);
    for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
        palette.setColor(QPalette::Disabled, role, muted);
    return palette;
}

QColor Theme::toneText(EventTone tone) const
{
    switch (tone) {
    case EventTone::Ready:
        return ready;
    case EventTone::InFlight:
        return inFlightText;
    case EventTone::Done:
        return doneText;
    case EventTone::Dead:
        return deadText;
    case EventTone::System:
        return system;
    case EventTone::Quiet:
        return muted;
    }
    return muted;
}

QColor Theme::toneFill(EventTone tone) const
{
    switch (tone) {
    case EventTone::Ready:
        return ready;
    case EventTone::InFlight:
        return inFlight;
    case EventTone::Done:
        return done;
    case EventTone::Dead:
        return dead;
    case EventTone::System:
        return system;
    case EventTone::Quiet:
        return muted;
    }
    return muted;
}

QColor Theme::toneTint(EventTone tone) const
{
    switch (tone) {
    case EventTone::Ready:
        return readyTint;
    case EventTone::InFlight:
        return inFlightTint;
    case EventTone::Done:
        return doneTint;
    case EventTone::Dead:
        return deadTint;
    case EventTone::System:
        return systemTint;
    case EventTone::Quiet:
        return raised;
    }
    return raised;
}

QFont Theme::uiFont(double points, QFont::Weight weight) const
{
    return fontFrom(
        u"Inter"_s, QFontDatabase::GeneralFont, std::max(kSmallestPoints, points * scale), weight);
}

QFont Theme::monoFont(double points, QFont::Weight weight) const
{
    return fontFrom(u"JetBrains Mono"_s, QFontDatabase::FixedFont,
        std::max(kSmallestPoints, points * scale), weight);
}

int Theme::px(double length) const
{
    return static_cast<int>(std::lround(length * scale));
}

double contrast(const QColor &text, const QColor &ground)
{
    const double one = luminance(text);
    const double other = luminance(ground);
    return (std::max(one, other) + 0.05) / (std::min(one, other) + 0.05);
}

} // namespace queuelab::ui
