#pragma once

#include "engine/world/command.h"
#include "engine/world/snapshot.h"
#include "lessons/lesson.h"

#include <QFrame>

#include <memory>

class QAction;
class QLineEdit;
class QListView;
class QSortFilterProxyModel;
class QStackedWidget;
class QStandardItemModel;

namespace queuelab::ui {

class CommandForm;

/// Everything one can do, found by typing (Ctrl+K): commands of the world, lessons and their
/// claims, actions of the window. A command opens its form in the same place.
class CommandPalette final : public QFrame {
    Q_OBJECT

public:
    CommandPalette(
        const lessons::Catalogue &catalogue, const QList<QAction *> &actions, QWidget *parent);

    void setSnapshot(const std::shared_ptr<const world::Snapshot> &snapshot)
    {
        m_snapshot = snapshot;
    }
    /// Opens at the search, empty.
    void open();
    /// Opens the form of one command.
    void openForm(const QString &command);
    /// From a form to the search, from the search away.
    void goBack();
    /// The answer to performWished(): closes when nothing is wrong.
    void showOutcome(const std::optional<world::CommandError> &error);
    CommandForm &form() { return *m_form; }

Q_SIGNALS:
    void lessonChosen(const QString &id);
    void performWished(const queuelab::world::Command &command);

protected:
    bool eventFilter(QObject *watched, QEvent *event) override;

private:
    void fill(const lessons::Catalogue &catalogue, const QList<QAction *> &actions);
    void place();
    void choose(const QModelIndex &index);

    std::shared_ptr<const world::Snapshot> m_snapshot;
    QStandardItemModel *m_entries;
    QSortFilterProxyModel *m_filter;
    QStackedWidget *m_pages;
    QLineEdit *m_search;
    QListView *m_list;
    CommandForm *m_form;
};

} // namespace queuelab::ui
