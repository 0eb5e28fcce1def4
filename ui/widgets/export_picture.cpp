#include "ui/widgets/export_picture.h"

#include <QCoreApplication>
#include <QFileDialog>
#include <QMessageBox>
#include <QPainter>
#include <QSvgGenerator>
#include <QWidget>

namespace queuelab::ui {

namespace {
QString words(const char *text)
{
    return QCoreApplication::translate("ExportPicture", text);
}
} // namespace

bool writePicture(QWidget &widget, const QString &path)
{
    if (!path.endsWith(QStringLiteral(".svg"), Qt::CaseInsensitive))
        return widget.grab().save(path, "PNG");
    QSvgGenerator generator;
    generator.setFileName(path);
    generator.setSize(widget.size());
    generator.setViewBox(widget.rect());
    QPainter painter;
    if (!painter.begin(&generator))
        return false;
    widget.render(&painter);
    return painter.end();
}

void exportPicture(QWidget &widget)
{
    const QString path = QFileDialog::getSaveFileName(widget.window(), words("Save picture"),
        QStringLiteral("queuelab.svg"), words("Pictures (*.svg *.png)"));
    if (!path.isEmpty() && !writePicture(widget, path))
        QMessageBox::warning(widget.window(), words("Save picture"),
            words("%1 cannot be written; choose another folder or name.").arg(path));
}

} // namespace queuelab::ui
