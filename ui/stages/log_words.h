#pragma once

#include "ui/stages/log_view.h"

#include <QCoreApplication>

namespace queuelab::ui {

/// What the stage, its tool tips and the panels say in the same words about transactions,
/// compaction and share groups.
class LogWords {
    Q_DECLARE_TR_FUNCTIONS(queuelab::ui::LogWords)

public:
    /// "in transaction, 12 s left", "fenced: PRODUCER_FENCED".
    static QString transactionState(const TransactionView &transaction);
    /// The same in as few words as a card has room for.
    static QString shortState(const TransactionView &transaction);
    /// "id 1000 · epoch 3"; empty while it has no id.
    static QString producerIdentity(const world::ClientSnapshot &client);
    /// Who keeps the last stable offset back: "checkout, id 1000, epoch 3"; empty when nobody does.
    static QString holder(const Lane &lane, const world::Snapshot &snapshot);
    /// What a place in a lane is, beyond how a group sees it; empty for a plain record.
    static QString slot(const Slot &slot, const world::Snapshot &snapshot);
    /// A record of a share-partition: its state, and what will end it.
    static QString shareRecord(
        const log::SharePartitionSnapshot &share, std::int64_t offset, Instant now);
};

} // namespace queuelab::ui
