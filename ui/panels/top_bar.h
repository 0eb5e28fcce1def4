#pragma once

#include "engine/world/snapshot.h"

#include <QFrame>

class QAction;
class QLabel;
class QToolButton;

namespace queuelab::ui {

class Actions;

/// The bar at the top: where one is, which mode the world runs in, and the few actions everyone
/// needs.
class TopBar final : public QFrame {
    Q_OBJECT

public:
    TopBar(const Actions &actions, QWidget *parent = nullptr);

    /// "Kafka › The seventh consumer"; the last part stands out.
    void setPlace(const QStringList &parts);
    void setMode(world::Mode mode, quint64 seed);
    /// Where the menu of the faults opens.
    QToolButton *faultsButton() { return m_faults; }

private:
    QToolButton *addButton(QAction *action, bool icon);

    QLabel *m_place;
    QLabel *m_mode;
    QToolButton *m_faults;
};

} // namespace queuelab::ui
