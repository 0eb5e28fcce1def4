#pragma once

#include "ui/stages/scene.h"
#include "ui/stages/scene_painter.h"
#include "ui/stages/sketch.h"
#include "ui/stages/stage.h"

#include <QElapsedTimer>
#include <QPixmap>
#include <QScrollBar>
#include <QTimer>

#include <deque>
#include <memory>
#include <optional>

namespace queuelab::ui {

/// What a picture is laid out from, beside the snapshot. A value.
struct SceneInput {
    QSizeF viewport;
    Thing chosen;
    Thing hovered;
    /// Remarkable events of the last kRecent of world time, oldest first: "3 requeued" is seen for
    /// a moment, not only during the one frame in which it happened.
    std::vector<EventRow> recent;

    static constexpr Duration kRecent = std::chrono::seconds{3};
};

/// Something goes from one thing to another: a message from its publisher to a queue.
struct Travel {
    Thing::Kind fromKind = Thing::Kind::None;
    QString from;
    Thing::Kind toKind = Thing::Kind::None;
    QString to;
    Swatch colour = Swatch::Ready;
};

/// The widget that the three stages share: shows a Scene laid out from the newest snapshot, scrolls
/// it, points at its things with mouse and keyboard, and lets dots travel along its anchors. The
/// picture is laid out and painted once for each snapshot; what moves is drawn over it.
class SceneStage : public Stage {
    Q_OBJECT

public:
    /// Moves end after so long, and more events a second than this are not moved one by one.
    static constexpr int kMoveMs = 280;
    static constexpr int kMovedEventsPerSecond = 200;

    SceneStage(world::Engine engine, QWidget *parent);

    void setSnapshot(std::shared_ptr<const world::Snapshot> snapshot) override;
    void addEvents(const std::vector<EventRow> &events) override;
    void recall(const std::vector<EventRow> &events) override;
    void clear() override;
    Thing thingAt(const QPoint &position) const override;
    QString describe(const Thing &thing) const override;
    void setChosen(const Thing &thing) override;

    /// The picture as it is now.
    const Scene &scene() const;
    /// Draws the whole picture, not only what is scrolled into view, as shapes: for exports. Its
    /// size is scene().size.
    void drawTo(QPainter &painter) const;
    std::size_t movesUnderWay() const { return m_moves.size(); }
    const Thing &focusedThing() const { return m_focused; }

protected:
    virtual Scene layOut(
        const world::Snapshot &snapshot, const SceneInput &input, const Measure &measure) const = 0;
    virtual QString describe(const world::Snapshot &snapshot, const Thing &thing) const = 0;
    /// The state in a few sentences, for those who do not see the picture.
    virtual QString summary(const world::Snapshot &snapshot) const = 0;
    virtual std::optional<Travel> travelOf(const EventRow &event) const = 0;
    /// Whether the picture shows this event for a while.
    virtual bool remembers(const EventRow &event) const = 0;

    void themeChanged() override;
    void paintEvent(QPaintEvent *event) override;
    void resizeEvent(QResizeEvent *event) override;
    void mouseMoveEvent(QMouseEvent *event) override;
    void mousePressEvent(QMouseEvent *event) override;
    void leaveEvent(QEvent *event) override;
    void wheelEvent(QWheelEvent *event) override;
    void keyPressEvent(QKeyEvent *event) override;
    void focusInEvent(QFocusEvent *event) override;
    void focusOutEvent(QFocusEvent *event) override;
    bool focusNextPrevChild(bool next) override;

private:
    struct Move {
        QPointF from;
        QPointF to;
        Swatch colour = Swatch::Ready;
        qint64 startedMs = 0;
    };

    bool isOwn(const EventRow &event) const;
    void remember(const EventRow &event);
    void dirty();
    void layOutNow() const;
    QPointF scrolled() const;
    void drawOverlay(QPainter &painter) const;
    void drawMoves(QPainter &painter) const;
    bool tooManyToMove(std::size_t arrived);
    void tick();
    void setHovered(const Thing &thing);
    void setFocused(const Spot *spot);
    /// Whether there was one more thing to stop at; the first or last when none has the focus.
    bool stopAtNext(bool next);

    static constexpr std::size_t kRemembered = 256; ///< the oldest are forgotten first
    static constexpr std::size_t kMoves = 40; ///< more at once would be a blur

    const world::Engine m_engine;
    std::shared_ptr<const world::Snapshot> m_snapshot;
    std::deque<EventRow> m_recent;
    Thing m_chosen;
    Thing m_hovered;
    Thing m_focused;

    std::unique_ptr<Measure> m_measure;
    std::unique_ptr<ScenePainter> m_painter;
    // Made when they are looked at, so that a snapshot which is never painted costs nothing.
    mutable Scene m_scene;
    mutable bool m_sceneStale = true;
    mutable QPixmap m_picture; ///< of the visible part; null when stale
    QScrollBar *m_down;
    QScrollBar *m_across;

    std::vector<Move> m_moves;
    QElapsedTimer m_clock;
    QTimer m_ticker;
    qint64 m_secondStartMs = 0;
    std::size_t m_arrivedThisSecond = 0;
    std::size_t m_arrivedLastSecond = 0;
};

} // namespace queuelab::ui
