#include "ui/panels/story_view.h"

#include "engine/core/time.h"
#include "ui/stages/words.h"

#include <QHelpEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QToolTip>

namespace queuelab::ui {

StoryView::StoryView(QWidget *parent)
    : QWidget(parent)
    , m_theme(Theme::of(*this))
{
    setObjectName(QStringLiteral("inspector.story"));
}

void StoryView::setRows(std::vector<EventRow> rows)
{
    m_rows = std::move(rows);
    QStringList lines;
    for (const EventRow &row : m_rows)
        lines += clockText(row.atNs) + u' ' + row.text;
    setAccessibleName(tr("What happened to it"));
    setAccessibleDescription(lines.join(u'\n'));
    setFixedHeight(sizeHint().height());
    update();
}

int StoryView::rowHeight() const
{
    return m_theme.px(21);
}

QSize StoryView::sizeHint() const
{
    return {220, static_cast<int>(m_rows.size()) * rowHeight() + 4};
}

int StoryView::rowAt(const QPoint &position) const
{
    const int row = position.y() / rowHeight();
    return row >= 0 && row < static_cast<int>(m_rows.size()) ? row : -1;
}

void StoryView::paintEvent(QPaintEvent *event)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const QFont mono = m_theme.monoFont(9);
    const QFont words = m_theme.uiFont(9.5);
    const int timeLeft = m_theme.px(18);
    const int textLeft = timeLeft + QFontMetrics(mono).horizontalAdvance(QStringLiteral("0:00.000"))
        + m_theme.px(10);
    const int dotX = m_theme.px(7);
    const int first = std::max(0, event->rect().top() / rowHeight());
    const int last =
        std::min(static_cast<int>(m_rows.size()) - 1, event->rect().bottom() / rowHeight());
    for (int i = first; i <= last; ++i) {
        const EventRow &row = m_rows[static_cast<std::size_t>(i)];
        const QRect line(0, i * rowHeight(), width(), rowHeight());
        const int centre = line.center().y();
        painter.setPen(QPen(m_theme.line, 2));
        if (i > 0)
            painter.drawLine(dotX, line.top(), dotX, centre);
        if (i + 1 < static_cast<int>(m_rows.size()))
            painter.drawLine(dotX, centre, dotX, line.bottom() + 1);
        painter.setPen(Qt::NoPen);
        painter.setBrush(m_theme.toneFill(row.tone));
        painter.drawEllipse(QPointF(dotX, centre), 4.5, 4.5);
        painter.setFont(mono);
        painter.setPen(m_theme.muted);
        painter.drawText(line.adjusted(timeLeft, 0, 0, 0), Qt::AlignVCenter, clockText(row.atNs));
        painter.setFont(words);
        painter.setPen(m_theme.ink);
        const QRect text = line.adjusted(textLeft, 0, -4, 0);
        painter.drawText(text, Qt::AlignVCenter,
            painter.fontMetrics().elidedText(row.text, Qt::ElideRight, text.width()));
    }
}

void StoryView::mouseDoubleClickEvent(QMouseEvent *event)
{
    if (const int row = rowAt(event->position().toPoint()); row >= 0)
        Q_EMIT seekWished(m_rows[static_cast<std::size_t>(row)].atNs);
}

bool StoryView::event(QEvent *event)
{
    switch (event->type()) {
    case QEvent::PaletteChange:
    case QEvent::FontChange:
        m_theme = Theme::of(*this);
        setFixedHeight(sizeHint().height());
        update();
        break;
    case QEvent::ToolTip: {
        const auto *help = static_cast<QHelpEvent *>(event);
        if (const int row = rowAt(help->pos()); row >= 0)
            QToolTip::showText(help->globalPos(), m_rows[static_cast<std::size_t>(row)].text, this);
        return true;
    }
    default:
        break;
    }
    return QWidget::event(event);
}

} // namespace queuelab::ui
