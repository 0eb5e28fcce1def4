#pragma once

#include <QString>

class QWidget;

namespace queuelab::ui {

/// Writes the widget as it looks now, as SVG or PNG by the file's ending; false when the file
/// cannot be written.
bool writePicture(QWidget &widget, const QString &path);

/// Asks for a file and writes the picture into it; says so when that fails.
void exportPicture(QWidget &widget);

} // namespace queuelab::ui
