#include "ui/stages/stage.h"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QToolTip>

namespace queuelab::ui {

Stage::Stage(QWidget *parent)
    : QWidget(parent)
    , m_theme(Theme::of(*this))
{
    setMouseTracking(true);
    setMinimumSize(360, 240);
}

bool Stage::event(QEvent *event)
{
    switch (event->type()) {
    case QEvent::PaletteChange:
    case QEvent::FontChange:
        m_theme = Theme::of(*this);
        themeChanged();
        update();
        break;
    case QEvent::ToolTip: {
        const auto *help = static_cast<QHelpEvent *>(event);
        const QString text = describe(thingAt(help->pos()));
        if (text.isEmpty())
            QToolTip::hideText();
        else
            QToolTip::showText(help->globalPos(), text, this);
        return true;
    }
    default:
        break;
    }
    return QWidget::event(event);
}

void Stage::mousePressEvent(QMouseEvent *event)
{
    if (event->button() == Qt::LeftButton)
        Q_EMIT picked(thingAt(event->position().toPoint()));
    QWidget::mousePressEvent(event);
}

} // namespace queuelab::ui
