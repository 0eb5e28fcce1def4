#pragma once

#include "ui/session/frame.h"

#include <QFrame>

#include <optional>

class QAction;
class QComboBox;
class QLabel;
class QToolButton;

namespace queuelab::ui {

class Actions;
class TimeAxis;

/// The bar below the stage: play, steps, the time, the speed, and the line of time.
class TimelineBar final : public QFrame {
    Q_OBJECT

public:
    TimelineBar(const Actions &actions, QWidget *parent = nullptr);

    void setClock(const Clock &clock);
    TimeAxis &axis() { return *m_axis; }

Q_SIGNALS:
    /// Virtual seconds a second, 0 as fast as it goes; nothing: as each step is comfortable to
    /// watch.
    void speedChosen(std::optional<double> speed);

protected:
    void changeEvent(QEvent *event) override;

private:
    QToolButton *addButton(QAction *action, const char *role);
    void restyle();

    QLabel *m_time;
    QLabel *m_note;
    QComboBox *m_speed;
    TimeAxis *m_axis;
};

} // namespace queuelab::ui
