#pragma once

#include "engine/core/trace.h"

#include <QColor>
#include <QFont>
#include <QPalette>

class QWidget;

namespace queuelab::ui {

/// The one visual language (colours by what they mean) and the type of the window. A value: a
/// widget asks for it with Theme::of(*this) and again at QEvent::PaletteChange and
/// QEvent::FontChange. ink, muted, ready, system and what ends in Text have a contrast of at
/// least 4.5:1 on `ground`, `panel`, `raised` and on their own tint.
struct Theme {
    bool dark = false;
    double scale = 1; ///< of type and of what is sized with it, 1 at 100 % (Ctrl+plus)

    QColor ground; ///< behind the panels
    QColor panel; ///< cards, tables
    QColor raised; ///< a card on a panel: a step away from it
    QColor ink;
    QColor muted; ///< second text
    QColor line; ///< borders, rails

    QColor ready; ///< ready, visible, not yet consumed: solid
    QColor readyTint; ///< ground behind ready text
    QColor inFlight; ///< unacked, invisible, fetched and uncommitted: fill only, no text in it
    QColor inFlightText;
    QColor inFlightTint;
    QColor done; ///< acked, deleted, committed past: fill and lines
    QColor doneText;
    QColor doneTint;
    QColor doneFaded; ///< a record that stays after it was consumed: fill
    QColor dead; ///< dead-lettered, lost, refused: fill and lines
    QColor deadText;
    QColor deadTint;
    QColor system; ///< what the machinery does by itself: joins, elections, branches of time
    QColor systemTint;
    QColor onReady; ///< text on solid ready

    static Theme light();
    static Theme darkTheme();
    /// Light or dark by the window colour of the palette.
    static Theme of(const QPalette &palette);
    /// As of(palette), with the scale of the application's font.
    static Theme of(const QWidget &widget);

    /// The palette that makes Qt's own widgets look like this theme, and that of() recognises.
    QPalette palette() const;

    /// The ink for an event's tone, and the fill for its dot or diamond.
    QColor toneText(EventTone tone) const;
    QColor toneFill(EventTone tone) const;
    QColor toneTint(EventTone tone) const;

    /// Points at 100 %; the result is scaled and never below 9 points. Inter and JetBrains Mono
    /// when they are installed, else the platform's fonts. uiFont is for words, monoFont for
    /// figures and names of things.
    QFont uiFont(double points = kBasePoints, QFont::Weight weight = QFont::Normal) const;
    QFont monoFont(double points = kBasePoints, QFont::Weight weight = QFont::Normal) const;
    /// A length at 100 %, scaled and rounded to whole pixels.
    int px(double length) const;

    static constexpr double kBasePoints = 10;
};

/// Ratio of the luminances as WCAG 2 defines it, 1 to 21.
double contrast(const QColor &text, const QColor &ground);

} // namespace queuelab::ui
