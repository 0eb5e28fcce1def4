#pragma once

#include "ui/stages/log_view.h"
#include "ui/stages/scene_stage.h"

namespace queuelab::ui {

/// The picture of the log engine: lanes of records between producers and consumer groups.
class LogStage final : public SceneStage {
    Q_OBJECT

public:
    explicit LogStage(QWidget *parent = nullptr);

protected:
    Scene layOut(const world::Snapshot &snapshot, const SceneInput &input,
        const Measure &measure) const override;
    QString describe(const world::Snapshot &snapshot, const Thing &thing) const override;
    QString summary(const world::Snapshot &snapshot) const override;
    std::optional<Travel> travelOf(const EventRow &event) const override;
    bool remembers(const EventRow &event) const override;

private:
    static QString partitions(std::size_t count);
    static QString members(std::size_t count);
    static QString recordWords(const LogView &view, const Lane &lane, std::int64_t offset,
        const world::Snapshot &snapshot);
    /// How the group that is looked through sees it.
    static QString readWords(const LogView &view, const Lane &lane, std::int64_t offset,
        const QString &record, Instant now);
    /// A line of its own; empty without transactions.
    static QString transactionWords(const std::optional<TransactionView> &transaction);
    static QString memberWords(const GroupView &group, const MemberView &member);
    static QString brokerWords(
        const log::ClusterSnapshot &cluster, const log::BrokerSnapshot &broker);
    static QString replicaWords(
        const log::PartitionSnapshot &partition, const log::ReplicaSnapshot &replica);
};

} // namespace queuelab::ui
