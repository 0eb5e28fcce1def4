#include "ui/widgets/step_dashes.h"

#include "ui/theme/theme.h"

#include <QPainter>

namespace queuelab::ui {

namespace {
constexpr int kDash = 20;
constexpr int kDashGap = 6;
constexpr int kHeight = 5;
constexpr int kWidest = 160; // with many steps the dashes become shorter
} // namespace

void StepDashes::setProgress(int begun, int steps)
{
    m_begun = begun;
    m_steps = steps;
    updateGeometry();
    update();
}

QSize StepDashes::sizeHint() const
{
    return {std::min(kWidest, m_steps * (kDash + kDashGap)), kHeight + 4};
}

void StepDashes::paintEvent(QPaintEvent *)
{
    if (m_steps == 0)
        return;
    const Theme theme = Theme::of(*this);
    QPainter painter(this);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    const double pitch = static_cast<double>(width()) / m_steps;
    const double gap = std::min<double>(kDashGap, pitch / 3);
    for (int i = 0; i < m_steps; ++i) {
        painter.setBrush(i < m_begun ? theme.ready : theme.line);
        painter.drawRoundedRect(QRectF(i * pitch, (height() - kHeight) / 2.0, pitch - gap, kHeight),
            kHeight / 2.0, kHeight / 2.0);
    }
}

} // namespace queuelab::ui
