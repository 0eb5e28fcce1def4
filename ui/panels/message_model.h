#pragma once

#include "ui/theme/theme.h"

#include <QAbstractTableModel>

#include <vector>

namespace queuelab::ui {

/// A record or message as a table row.
struct MessageRow {
    qint64 item = -1; ///< offset, or the engine's number
    qint64 atNs = -1; ///< since the world's start; -1 unknown
    QString key; ///< key, routing key
    QString text; ///< value, or what the message is called
    QString size;
    QString state;
    /// Beyond ordinary: crossed out where it does not count, slanted where it is no application's.
    enum class Look : quint8 { Plain, Open, Aborted, Marker, Tombstone };
    Look look = Look::Plain;
    friend bool operator==(const MessageRow &, const MessageRow &) = default;
};

/// The records of a partition or the messages of a queue.
class MessageModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column {
        ItemColumn,
        TimeColumn,
        KeyColumn,
        TextColumn,
        SizeColumn,
        StateColumn,
        ColumnCount
    };
    enum Role { SortRole = Qt::UserRole };

    explicit MessageModel(QObject *parent = nullptr);

    /// Rows that are the same stay; what is new is inserted, what is gone removed. Both lists are
    /// ordered by item.
    void setRows(std::vector<MessageRow> rows);
    void clear();
    void setTheme(const Theme &theme);
    const MessageRow &at(int row) const { return m_rows.at(static_cast<std::size_t>(row)); }

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role = Qt::DisplayRole) const override;
    QVariant headerData(
        int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    QVariant fontOf(const MessageRow &row, int column) const;
    QVariant inkOf(const MessageRow &row, int column) const;

    std::vector<MessageRow> m_rows;
    Theme m_theme;
    QFont m_mono;
};

} // namespace queuelab::ui
