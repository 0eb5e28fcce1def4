#pragma once

#include "ui/stages/exchange_scene.h"

namespace queuelab::ui {

/// The picture of the exchange broker: a graph from publishers to workers.
class ExchangeStage final : public SceneStage {
    Q_OBJECT

public:
    explicit ExchangeStage(QWidget *parent = nullptr);

    void addEvents(const std::vector<EventRow> &events) override;
    void recall(const std::vector<EventRow> &events) override;
    void clear() override;

protected:
    Scene layOut(const world::Snapshot &snapshot, const SceneInput &input,
        const Measure &measure) const override;
    QString describe(const world::Snapshot &snapshot, const Thing &thing) const override;
    QString summary(const world::Snapshot &snapshot) const override;
    std::optional<Travel> travelOf(const EventRow &event) const override;
    bool remembers(const EventRow &event) const override;

private:
    void keepKeys(const std::vector<EventRow> &events);
    QString describeMessage(const exchange::BrokerSnapshot &broker, const Thing &thing) const;
    QString describeBinding(const exchange::BrokerSnapshot &broker, const Thing &thing) const;

    LastKeys m_lastKeys;
};

} // namespace queuelab::ui
