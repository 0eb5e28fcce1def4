#pragma once

#include "ui/theme/theme.h"

class QApplication;

namespace queuelab::ui {

/// Makes Qt's own widgets look like the theme. Widgets say what they are by the property "role":
/// labels title, heading, small, mono, caption; buttons primary, flat, chip; frames card, raised,
/// tint-ready, tint-done, tint-dead.
QString styleSheet(const Theme &theme);

/// Palette, type and style sheet of the whole application.
void applyTheme(QApplication &application, const Theme &theme);

/// Gives a widget a role of the style sheet, also after it was shown.
void setRole(QWidget &widget, const char *role);

} // namespace queuelab::ui
