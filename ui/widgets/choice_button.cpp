#include "ui/widgets/choice_button.h"

#include <QEvent>
#include <QPainter>

namespace queuelab::ui {

namespace {
constexpr int kPadding = 8;
constexpr int kMark = 14;
constexpr int kTextFlags = Qt::TextWordWrap | Qt::AlignLeft | Qt::AlignVCenter;
} // namespace

ChoiceButton::ChoiceButton(const QString &text, QWidget *parent)
    : QAbstractButton(parent)
    , m_theme(Theme::of(*this))
{
    setText(text);
    setCheckable(true);
    setFocusPolicy(Qt::StrongFocus);
    setCursor(Qt::PointingHandCursor);
    QSizePolicy policy(QSizePolicy::Expanding, QSizePolicy::Minimum);
    policy.setHeightForWidth(true);
    setSizePolicy(policy);
}

void ChoiceButton::setVerdict(Verdict verdict)
{
    m_verdict = verdict;
    setAccessibleDescription(verdict == Verdict::Right ? tr("right")
            : verdict == Verdict::Wrong                ? tr("wrong")
                                                       : QString());
    update();
}

QRect ChoiceButton::textRect(int width) const
{
    const int left = 2 * kPadding + kMark;
    // Measured in the heavier weight, so that choosing does not make it wrap anew.
    const QFontMetrics metrics(m_theme.uiFont(Theme::kBasePoints, QFont::DemiBold));
    const int room = std::max(40, width - left - kPadding);
    return QRect(left, kPadding, room,
        metrics.boundingRect(QRect(0, 0, room, 10'000), kTextFlags, text()).height());
}

QSize ChoiceButton::sizeHint() const
{
    return {200, heightForWidth(std::max(200, width()))};
}

int ChoiceButton::heightForWidth(int width) const
{
    return textRect(width).height() + 2 * kPadding;
}

void ChoiceButton::paintEvent(QPaintEvent *)
{
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    QColor border = m_theme.line;
    QColor ground = m_theme.panel;
    QColor mark = m_theme.muted;
    if (m_verdict == Verdict::Right) {
        border = mark = m_theme.done;
        ground = m_theme.doneTint;
    } else if (m_verdict == Verdict::Wrong) {
        border = mark = m_theme.dead;
        ground = m_theme.deadTint;
    } else if (isChecked()) {
        border = mark = m_theme.ready;
        ground = m_theme.readyTint;
    } else if (underMouse() && isEnabled()) {
        border = m_theme.muted;
    }
    painter.setPen(QPen(border, hasFocus() ? 2 : 1));
    painter.setBrush(ground);
    painter.drawRoundedRect(QRectF(rect()).adjusted(1, 1, -1, -1), 6, 6);

    const QRectF circle(kPadding + 1, (height() - kMark) / 2.0, kMark, kMark);
    painter.setBrush(Qt::NoBrush);
    painter.setPen(QPen(mark, 1.6));
    if (m_verdict == Verdict::Wrong) {
        painter.drawLine(circle.topLeft() + QPointF(2, 2), circle.bottomRight() - QPointF(2, 2));
        painter.drawLine(circle.topRight() + QPointF(-2, 2), circle.bottomLeft() + QPointF(2, -2));
    } else if (m_verdict == Verdict::Right) {
        const QPointF points[] = {circle.topLeft() + QPointF(1, 7),
            circle.topLeft() + QPointF(5.5, 11.5), circle.topLeft() + QPointF(13, 2.5)};
        painter.setPen(QPen(mark, 2.2));
        painter.drawPolyline(points, 3);
    } else {
        painter.drawEllipse(circle);
        if (isChecked()) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(mark);
            painter.drawEllipse(circle.adjusted(4, 4, -4, -4));
        }
    }

    const bool strong = isChecked() || m_verdict != Verdict::None;
    painter.setFont(m_theme.uiFont(Theme::kBasePoints, strong ? QFont::DemiBold : QFont::Normal));
    painter.setPen(m_theme.ink);
    QRect words = textRect(width());
    words.setHeight(height() - 2 * kPadding);
    painter.drawText(words, kTextFlags, text());
}

void ChoiceButton::changeEvent(QEvent *event)
{
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange) {
        m_theme = Theme::of(*this);
        updateGeometry();
        update();
    }
    QAbstractButton::changeEvent(event);
}

} // namespace queuelab::ui
