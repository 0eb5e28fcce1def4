#include "ui/panels/time_axis.h"

#include "engine/core/time.h"
#include "ui/stages/words.h"

#include <QHelpEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QPainterPath>
#include <QToolTip>

#include <algorithm>
#include <array>

namespace queuelab::ui {

namespace {

constexpr int kSide = 14; // room for the knob at both ends
constexpr int kReach = 7; // pixels within which a mark or branch is meant

/// Ticks lie on round moments: without the digits that are all zero.
QString tickText(Nanoseconds at)
{
    QString text = clockText(at);
    if (text.endsWith(QStringLiteral(".000")))
        text.chop(4);
    return text;
}

QPolygonF diamond(QPointF centre, double size)
{
    return QPolygonF({centre + QPointF(0, -size), centre + QPointF(size, 0),
        centre + QPointF(0, size), centre + QPointF(-size, 0)});
}

} // namespace

TimeAxis::TimeAxis(QWidget *parent)
    : QWidget(parent)
    , m_theme(Theme::of(*this))
{
    setObjectName(QStringLiteral("timeline.axis"));
    setAccessibleName(tr("Timeline"));
    setFocusPolicy(Qt::StrongFocus);
    setMouseTracking(true);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
}

QSize TimeAxis::sizeHint() const
{
    return {400, m_theme.px(58)};
}

void TimeAxis::setClock(const Clock &clock)
{
    m_clock = clock;
    update();
}

TimeAxisGeometry TimeAxis::axis() const
{
    const bool bounded = m_clock.limit != Clock::kNoLimit;
    const Nanoseconds last = bounded ? std::max(m_clock.end, m_clock.limit) : roomFor(m_clock.end);
    return {.lastNs = std::max<Nanoseconds>(last, 1),
        .left = kSide,
        .width = std::max(1, width() - 2 * kSide)};
}

int TimeAxis::railY() const
{
    return m_theme.px(27);
}

int TimeAxis::branchY(std::size_t index) const
{
    // Three rows at most: older futures share the last.
    return railY() + m_theme.px(7)
        + m_theme.px(5) * static_cast<int>(std::min<std::size_t>(index, 2));
}

void TimeAxis::paintEvent(QPaintEvent *)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    const TimeAxisGeometry here = axis();
    paintTicks(painter, here);
    paintRail(painter, here);
    paintBranches(painter, here);
    paintMarks(painter, here);

    const Nanoseconds position = m_dragging ? m_dragged : m_clock.position;
    painter.setPen(QPen(m_theme.ready, 2.5));
    painter.setBrush(m_theme.panel);
    painter.drawEllipse(QPointF(here.xFor(position), railY()), 7, 7);
    if (hasFocus()) {
        painter.setPen(QPen(m_theme.ready, 1, Qt::DotLine));
        painter.setBrush(Qt::NoBrush);
        painter.drawRoundedRect(rect().adjusted(1, 1, -1, -1), 6, 6);
    }
}

void TimeAxis::paintRail(QPainter &painter, const TimeAxisGeometry &axis) const
{
    const auto rail = [&](Nanoseconds from, Nanoseconds to, const QColor &colour) {
        painter.setPen(QPen(colour, 4, Qt::SolidLine, Qt::FlatCap));
        painter.drawLine(axis.xFor(from), railY(), axis.xFor(to), railY());
    };
    rail(0, axis.lastNs, m_theme.line);
    rail(0, m_clock.end, m_theme.dark ? m_theme.ready.darker(190) : m_theme.ready.lighter(190));
    rail(0, m_clock.position, m_theme.ready);
}

void TimeAxis::paintTicks(QPainter &painter, const TimeAxisGeometry &axis) const
{
    painter.setFont(m_theme.monoFont(9));
    painter.setPen(m_theme.muted);
    const QFontMetrics metrics = painter.fontMetrics();
    const int labelWidth = metrics.horizontalAdvance(tickText(axis.lastNs)) + 8;
    for (const Nanoseconds tick : axis.ticks(labelWidth)) {
        const QString text = tickText(tick);
        const int textWidth = metrics.horizontalAdvance(text);
        const int x = std::clamp(axis.xFor(tick) - textWidth / 2, 0, width() - textWidth);
        painter.drawText(x, height() - metrics.descent() - 2, text);
    }
}

void TimeAxis::paintBranches(QPainter &painter, const TimeAxisGeometry &axis) const
{
    painter.setBrush(Qt::NoBrush);
    painter.setFont(m_theme.uiFont(9, QFont::DemiBold));
    for (std::size_t i = 0; i < m_clock.branches.size(); ++i) {
        const Branch &branch = m_clock.branches[i];
        const double startX = axis.xFor(branch.fork);
        const double endX =
            std::max(startX + 16, double(axis.xFor(std::min(branch.end, axis.lastNs))));
        QPainterPath path(QPointF(startX, railY()));
        path.quadTo(startX + 2, branchY(i), startX + 10, branchY(i));
        path.lineTo(endX, branchY(i));
        painter.setPen(QPen(m_theme.system, 2, Qt::DashLine));
        painter.drawPath(path);
        painter.setPen(m_theme.system);
        painter.drawText(QPointF(std::min(endX + 4, width() - 12.0), branchY(i) + 4), branch.label);
    }
}

void TimeAxis::paintMarks(QPainter &painter, const TimeAxisGeometry &axis) const
{
    painter.setFont(m_theme.uiFont(9));
    const QFontMetrics metrics = painter.fontMetrics();
    std::vector<int> centres;
    std::vector<int> widths;
    QStringList labels;
    for (const TimeMark &mark : m_clock.marks) {
        labels += metrics.elidedText(mark.label, Qt::ElideRight, m_theme.px(120));
        centres.push_back(axis.xFor(mark.at));
        widths.push_back(metrics.horizontalAdvance(labels.last()));
    }
    const std::vector<int> places = placeLabels(centres, widths, 0, width(), 10);
    for (std::size_t i = 0; i < m_clock.marks.size(); ++i) {
        const TimeMark &mark = m_clock.marks[i];
        painter.setPen(QPen(m_theme.panel, 1));
        painter.setBrush(m_theme.toneFill(mark.tone));
        painter.drawPolygon(diamond(QPointF(centres[i], railY() - 7), 5.5));
        if (places[i] < 0)
            continue;
        painter.setPen(m_theme.muted);
        painter.drawText(places[i], metrics.ascent() + 1, labels[static_cast<qsizetype>(i)]);
    }
}

void TimeAxis::dragTo(int x)
{
    m_dragged = std::min(axis().nsFor(x), m_clock.end);
    Q_EMIT seekWished(m_dragged);
    update();
}

void TimeAxis::mousePressEvent(QMouseEvent *event)
{
    if (event->button() != Qt::LeftButton)
        return;
    const QPoint position = event->position().toPoint();
    const TimeAxisGeometry here = axis();
    for (std::size_t i = 0; i < m_clock.branches.size(); ++i) {
        const Branch &branch = m_clock.branches[i];
        if (std::abs(position.y() - branchY(i)) < 4 && position.x() > here.xFor(branch.fork) + 4
            && position.x() < here.xFor(branch.end) + kSide) {
            Q_EMIT branchWished(static_cast<int>(i));
            return;
        }
    }
    m_dragging = true;
    dragTo(position.x());
}

void TimeAxis::mouseMoveEvent(QMouseEvent *event)
{
    if (m_dragging)
        dragTo(event->position().toPoint().x());
}

void TimeAxis::mouseReleaseEvent(QMouseEvent *event)
{
    if (event->button() == Qt::LeftButton && m_dragging) {
        m_dragging = false;
        update();
    }
}

void TimeAxis::keyPressEvent(QKeyEvent *event)
{
    const Nanoseconds stride = std::max<Nanoseconds>(axis().lastNs / 100, 1);
    switch (event->key()) {
    case Qt::Key_Left:
        Q_EMIT seekWished(std::max<Nanoseconds>(0, m_clock.position - stride));
        return;
    case Qt::Key_Right:
        Q_EMIT seekWished(std::min(m_clock.end, m_clock.position + stride));
        return;
    case Qt::Key_Home:
        Q_EMIT seekWished(0);
        return;
    case Qt::Key_End:
        Q_EMIT seekWished(m_clock.end);
        return;
    default:
        QWidget::keyPressEvent(event);
    }
}

QString TimeAxis::toolTipAt(const QPoint &position) const
{
    const TimeAxisGeometry here = axis();
    QStringList lines;
    for (const TimeMark &mark : m_clock.marks)
        if (std::abs(here.xFor(mark.at) - position.x()) <= kReach && position.y() <= railY())
            lines += tr("%1  %2").arg(clockText(mark.at), mark.label);
    if (!lines.isEmpty())
        return lines.mid(0, 12).join(u'\n');
    for (std::size_t i = 0; i < m_clock.branches.size(); ++i)
        if (std::abs(position.y() - branchY(i)) < 4
            && position.x() > here.xFor(m_clock.branches[i].fork))
            return tr("The future %1 that was left at %2; click to change to it")
                .arg(m_clock.branches[i].label, clockText(m_clock.branches[i].fork));
    return tr("%1: drag to go back to any moment").arg(clockText(here.nsFor(position.x())));
}

bool TimeAxis::event(QEvent *event)
{
    switch (event->type()) {
    case QEvent::PaletteChange:
    case QEvent::FontChange:
        m_theme = Theme::of(*this);
        updateGeometry();
        update();
        break;
    case QEvent::ToolTip: {
        const auto *help = static_cast<QHelpEvent *>(event);
        QToolTip::showText(help->globalPos(), toolTipAt(help->pos()), this);
        return true;
    }
    default:
        break;
    }
    return QWidget::event(event);
}

} // namespace queuelab::ui
