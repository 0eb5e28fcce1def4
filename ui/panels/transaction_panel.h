#pragma once

#include "engine/world/snapshot.h"
#include "ui/panels/transaction_model.h"
#include "ui/stages/thing.h"

#include <QWidget>

#include <memory>

class QTableView;

namespace queuelab::ui {

/// What the transaction coordinators know: a row for each transactional id, with the timeout of an
/// open transaction running down, and who was fenced.
class TransactionPanel final : public QWidget {
    Q_OBJECT

public:
    explicit TransactionPanel(QWidget *parent = nullptr);

    void setSnapshot(const std::shared_ptr<const world::Snapshot> &snapshot);
    /// Whether there is anything to show: a window without transactions needs no such tab.
    static bool concerns(const world::Snapshot &snapshot)
    {
        return !snapshot.log.transactions.empty();
    }
    const TransactionModel &model() const { return *m_model; }

Q_SIGNALS:
    void picked(const queuelab::ui::Thing &thing);

protected:
    void showEvent(QShowEvent *event) override;
    void changeEvent(QEvent *event) override;

private:
    void restyle();

    std::shared_ptr<const world::Snapshot> m_snapshot;
    TransactionModel *m_model;
    QTableView *m_table;
};

} // namespace queuelab::ui
