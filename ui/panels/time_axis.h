#pragma once

#include "ui/panels/time_axis_geometry.h"
#include "ui/session/frame.h"
#include "ui/theme/theme.h"

#include <QWidget>

namespace queuelab::ui {

/// The line of time: what was played, where the world stands, marks of what happened, and futures
/// that were left. Drag to go to any moment that was played; click a left future to change to it.
class TimeAxis final : public QWidget {
    Q_OBJECT

public:
    explicit TimeAxis(QWidget *parent = nullptr);

    void setClock(const Clock &clock);
    /// Where `at` lies, in the widget's coordinates.
    int xFor(Nanoseconds at) const { return axis().xFor(at); }

    QSize sizeHint() const override;

Q_SIGNALS:
    void seekWished(qint64 target);
    void branchWished(int index);

protected:
    void paintEvent(QPaintEvent *event) override;
    void mousePressEvent(QMouseEvent *event) override;
    void mouseMoveEvent(QMouseEvent *event) override;
    void mouseReleaseEvent(QMouseEvent *event) override;
    void keyPressEvent(QKeyEvent *event) override;
    bool event(QEvent *event) override;

private:
    TimeAxisGeometry axis() const;
    int railY() const;
    int branchY(std::size_t index) const;
    void paintRail(QPainter &painter, const TimeAxisGeometry &axis) const;
    void paintTicks(QPainter &painter, const TimeAxisGeometry &axis) const;
    void paintBranches(QPainter &painter, const TimeAxisGeometry &axis) const;
    void paintMarks(QPainter &painter, const TimeAxisGeometry &axis) const;
    void dragTo(int x);
    QString toolTipAt(const QPoint &position) const;

    Theme m_theme;
    Clock m_clock;
    bool m_dragging = false;
    Nanoseconds m_dragged = 0;
};

} // namespace queuelab::ui
