#pragma once

#include "ui/panels/rebalance_history.h"
#include "ui/stages/scene_painter.h"

#include <QCoreApplication>
#include <QScrollArea>

#include <memory>

namespace queuelab::ui {

/// Lays out rebalances beside each other in one scale of time: a lane for each member, what it owns
/// as a bar, what it waits for below it. So eager, cooperative and incremental are compared by
/// looking.
class RebalanceScene {
    Q_DECLARE_TR_FUNCTIONS(queuelab::ui::RebalanceScene)

public:
    static Scene layOut(
        const std::vector<Rebalance> &rebalances, const QSizeF &viewport, const Measure &measure);
};

/// The newest rebalance of each of three groups.
class RebalancePanel final : public QScrollArea {
    Q_OBJECT

public:
    static constexpr std::size_t kShown = 3;

    explicit RebalancePanel(QWidget *parent = nullptr);
    ~RebalancePanel() override;

    void append(const std::vector<EventRow> &rows);
    void replace(const std::vector<EventRow> &rows);
    /// Since the world's start: where a rebalance that runs has come to.
    void setNow(qint64 nowNs);
    const Scene &scene() const { return m_scene; }

protected:
    bool eventFilter(QObject *object, QEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;
    void showEvent(QShowEvent *event) override;
    void changeEvent(QEvent *event) override;

private:
    void refresh();
    void restyle();

    RebalanceHistory m_history;
    qint64 m_nowNs = 0;
    std::unique_ptr<Measure> m_measure;
    std::unique_ptr<ScenePainter> m_painter;
    Scene m_scene;
    QWidget *m_canvas;
};

} // namespace queuelab::ui
