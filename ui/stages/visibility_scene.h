#pragma once

#include "ui/stages/scene_stage.h"
#include "ui/stages/sketch.h"
#include "ui/stages/visibility_view.h"

#include <QCoreApplication>

#include <map>

namespace queuelab::ui {

/// Lays out visibility queues: what is visible, in flight and delayed, who sends and who holds
/// what. Used once.
class VisibilityScene {
    Q_DECLARE_TR_FUNCTIONS(queuelab::ui::VisibilityScene)

public:
    VisibilityScene(
        const world::Snapshot &snapshot, const SceneInput &input, const Measure &measure);

    Scene take() { return std::move(m_scene); }

private:
    struct Column {
        double left = 0;
        double width = 0;
        double right() const { return left + width; }
    };

    void layOut();
    void planColumns(double width);
    /// Returns its bottom.
    double band(const BandView &view, double top, double height, bool withLegend);
    void header(const BandView &view, double top, bool withLegend);
    void panelHeader(const QRectF &panel, const QString &title, std::uint64_t count, Swatch colour);
    void visiblePanel(const BandView &view, const QRectF &panel);
    void visibleCard(
        const BandView &view, const visibility::MessageSnapshot &message, const QRectF &rect);
    void badge(QPointF centre, std::int32_t count, Swatch colour, Swatch ground);
    void delayedPanel(const BandView &view, const QRectF &panel);
    void inFlightPanel(const BandView &view, const QRectF &panel);
    void inFlightCard(const BandView &view, const visibility::MessageSnapshot &message,
        const QRectF &rect, bool slim);
    void senders(const BandView &view, const QRectF &target);
    double receivers(const BandView &view, double top, double bottom);
    void receiverCard(const ReceiverView &receiver, const QRectF &rect, bool slim);
    QString receiverText(const ReceiverView &receiver) const;
    double deadLetterCard(const BandView &view, const visibility::QueueSnapshot &queue, double top);
    void holdingCurves(const BandView &view);
    void returnArcs(const BandView &view, const QRectF &visible, const QRectF &inFlight);
    void returnArc(const QRectF &visible, const QRectF &inFlight, std::uint64_t number,
        const QString &words, int row);

    double headerHeight() const;
    double panelHead() const;
    double deadLetterHeight() const;
    double delayedHeight() const;
    double cardWidth(const BandView &view) const;

    const world::Snapshot &m_snapshot;
    const SceneInput &m_input;
    const Measure &m_measure;
    const VisibilityView m_view;
    Scene m_scene;
    Sketch m_sketch;
    Column m_senders;
    Column m_visible;
    Column m_inFlight;
    Column m_receivers;
    std::map<std::uint64_t, QRectF>
        m_visibleRects; ///< of the band that is laid out, by message number
    std::map<std::uint64_t, QRectF> m_inFlightRects;
    std::map<QString, QRectF> m_receiverRects;
};

} // namespace queuelab::ui
