#pragma once

#include "ui/stages/scene_stage.h"

namespace queuelab::ui {

/// The picture of the visibility queue: what is visible, hidden and for how long, and who holds it.
class VisibilityStage final : public SceneStage {
    Q_OBJECT

public:
    explicit VisibilityStage(QWidget *parent = nullptr);

protected:
    Scene layOut(const world::Snapshot &snapshot, const SceneInput &input,
        const Measure &measure) const override;
    QString describe(const world::Snapshot &snapshot, const Thing &thing) const override;
    QString summary(const world::Snapshot &snapshot) const override;
    std::optional<Travel> travelOf(const EventRow &event) const override;
    bool remembers(const EventRow &event) const override;

private:
    static QString describeMessage(
        const visibility::QueueSnapshot &queue, const Thing &thing, Instant now);
};

} // namespace queuelab::ui
