#pragma once

#include "ui/stages/stage.h"
#include "ui/theme/theme.h"

#include <QAbstractTableModel>
#include <QIcon>

#include <array>
#include <deque>
#include <vector>

namespace queuelab::ui {

/// The newest events, newest first, at most kMaxRows.
class EventModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column { TimeColumn, TitleColumn, SubjectColumn, TextColumn, ColumnCount };
    enum Role { SortRole = Qt::UserRole, WeightRole, SearchRole };
    static constexpr std::size_t kMaxRows = 20'000;

    explicit EventModel(QObject *parent = nullptr);

    /// `rows` are oldest first and newer than what is here.
    void append(const std::vector<EventRow> &rows);
    void replace(const std::vector<EventRow> &rows);
    void setTheme(const Theme &theme);
    const EventRow &at(int row) const;

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role = Qt::DisplayRole) const override;
    QVariant headerData(
        int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    QString text(const EventRow &row, int column) const;

    std::deque<EventRow> m_rows; // newest first, as they are shown
    Theme m_theme;
    QFont m_mono;
    QFont m_strong;
    std::array<QIcon, 6> m_dots; // by EventTone
};

} // namespace queuelab::ui
