#pragma once

#include "engine/world/snapshot.h"
#include "engine/world/world.h"
#include "ui/panels/message_model.h"
#include "ui/stages/thing.h"

#include <QWidget>

#include <memory>

class QComboBox;
class QLabel;
class QTableView;

namespace queuelab::ui {

/// The messages of one partition or queue.
class MessagePanel final : public QWidget {
    Q_OBJECT

public:
    explicit MessagePanel(QWidget *parent = nullptr);

    void setSnapshot(const std::shared_ptr<const world::Snapshot> &snapshot);
    /// Shows a partition ("orders-3") or a queue.
    void choose(const Thing &thing);
    /// The answer to recordsWished().
    void setRecords(const std::vector<world::World::MessageRow> &rows, Instant start);

Q_SIGNALS:
    void recordsWished(const QString &topic, int partition, qint64 fromOffset);
    void picked(const queuelab::ui::Thing &thing);

protected:
    void showEvent(QShowEvent *event) override;
    void changeEvent(QEvent *event) override;

private:
    void refreshSources();
    void refresh();
    void showExchangeQueue(const exchange::QueueSnapshot &queue);
    void showVisibilityQueue(const visibility::QueueSnapshot &queue);
    void restyle();

    std::shared_ptr<const world::Snapshot> m_snapshot;
    MessageModel *m_model;
    QComboBox *m_source;
    QLabel *m_note;
    QTableView *m_table;
};

} // namespace queuelab::ui
