#pragma once

#include "engine/world/snapshot.h"
#include "ui/theme/theme.h"

#include <QAbstractTableModel>

#include <vector>

namespace queuelab::ui {

/// A transactional id as a table row.
struct TransactionRow {
    QString id;
    QString state; ///< Kafka's name: "Ongoing"
    QString client; ///< who uses it now; empty when nobody the world knows
    QString fenced; ///< who was fenced, each with what it was told
    qint64 producerId = -1;
    int producerEpoch = -1;
    QString coordinator;
    QString timeLeft; ///< until it is aborted; empty when none is open
    QString partitions;
    friend bool operator==(const TransactionRow &, const TransactionRow &) = default;
};
/// By transactional id.
std::vector<TransactionRow> transactionRows(const world::Snapshot &snapshot);

/// The transactional ids that coordinators know.
class TransactionModel final : public QAbstractTableModel {
    Q_OBJECT

public:
    enum Column {
        IdColumn,
        StateColumn,
        TimeLeftColumn,
        ProducerIdColumn,
        EpochColumn,
        ClientColumn,
        FencedColumn,
        CoordinatorColumn,
        PartitionsColumn,
        ColumnCount
    };

    explicit TransactionModel(QObject *parent = nullptr);

    /// Rows that are the same stay; what is new is inserted, what is gone removed.
    void setRows(std::vector<TransactionRow> rows);
    void setTheme(const Theme &theme);
    const TransactionRow &at(int row) const { return m_rows.at(static_cast<std::size_t>(row)); }

    int rowCount(const QModelIndex &parent = {}) const override;
    int columnCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role = Qt::DisplayRole) const override;
    QVariant headerData(
        int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

private:
    static QString text(const TransactionRow &row, int column);
    QVariant inkOf(const TransactionRow &row, int column) const;

    std::vector<TransactionRow> m_rows; // by id
    Theme m_theme;
    QFont m_mono;
};

} // namespace queuelab::ui
