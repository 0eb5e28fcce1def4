#pragma once

#include "ui/panels/event_model.h"

#include <QSortFilterProxyModel>
#include <QWidget>

class QComboBox;
class QLineEdit;
class QTableView;

namespace queuelab::ui {

/// Shows the rows that weigh enough and contain the text.
class EventFilter final : public QSortFilterProxyModel {
    Q_OBJECT

public:
    using QSortFilterProxyModel::QSortFilterProxyModel;
    void setText(const QString &text);
    void setWeight(EventWeight weight);

protected:
    bool filterAcceptsRow(int row, const QModelIndex &parent) const override;

private:
    QString m_text;
    EventWeight m_weight = EventWeight::Routine;
};

/// The table of events with its filter.
class EventPanel final : public QWidget {
    Q_OBJECT

public:
    explicit EventPanel(QWidget *parent = nullptr);

    EventModel &model() { return *m_model; }
    QWidget *filterBar() { return m_bar; } ///< for the corner of the tabs

Q_SIGNALS:
    void subjectPicked(const QString &subject, qint64 item);
    void seekWished(qint64 at);

protected:
    void changeEvent(QEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;

private:
    void restyle();
    void shareWidth();
    const EventRow *rowOf(const QModelIndex &index) const;

    EventModel *m_model;
    EventFilter *m_filter;
    QTableView *m_table;
    QWidget *m_bar;
};

} // namespace queuelab::ui
