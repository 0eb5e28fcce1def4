#pragma once

#include "ui/theme/theme.h"

#include <QIcon>

namespace queuelab::ui {

/// The icon `name` of resources/icons, drawn in `colour` at any size. An unknown name gives an
/// empty icon.
QIcon themedIcon(const QString &name, const QColor &colour);

} // namespace queuelab::ui
