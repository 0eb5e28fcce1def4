#pragma once

#include "engine/core/trace.h"
#include "engine/world/snapshot.h"
#include "ui/stages/thing.h"
#include "ui/theme/theme.h"

#include <QWidget>

#include <memory>
#include <vector>

namespace queuelab::ui {

/// An event as the window shows it: the names are resolved, the words made. Rows are made on the
/// engine's thread, so that no widget needs its trace. A value.
struct EventRow {
    quint64 sequence = 0; ///< in the trace
    qint64 atNs = 0; ///< since the world's start
    EventKind kind = 0;
    EventTone tone = EventTone::Quiet;
    EventWeight weight = EventWeight::Routine;
    qint64 item = -1; ///< as TraceEvent
    qint64 count = 1;
    qint64 value = 0;
    QString title; ///< "partition assigned"
    QString subject; ///< "orders-5"
    QString actor;
    QString detail;
    QString text; ///< the sentence
};

/// A picture of one engine: draws snapshots, moves what an event says has moved, and says what is
/// under the mouse. Never touches an engine.
class Stage : public QWidget {
    Q_OBJECT

public:
    explicit Stage(QWidget *parent = nullptr);

    /// The newest state; replaces what was shown. Called at most once a frame.
    virtual void setSnapshot(std::shared_ptr<const world::Snapshot> snapshot) = 0;
    /// What happened since the last call, oldest first, for moves; may be only the newest of many.
    /// Called after the snapshot that shows their outcome.
    virtual void addEvents(const std::vector<EventRow> &events) = 0;
    /// What happened lately, oldest first: takes the place of what was remembered, ends all moves
    /// and begins none. For a picture that was not looking while it happened.
    virtual void recall(const std::vector<EventRow> &events) = 0;
    /// Another world, or a jump in time: forget moves under way and what was remembered of earlier
    /// snapshots.
    virtual void clear() = 0;
    /// What lies at `position`, in the widget's coordinates; Kind::None on empty ground.
    virtual Thing thingAt(const QPoint &position) const = 0;
    /// One line about a thing for tool tips and screen readers; empty when it knows nothing.
    virtual QString describe(const Thing &thing) const = 0;
    /// Draws one thing as chosen (its card is open in the inspector); Kind::None for none.
    virtual void setChosen(const Thing &thing) = 0;

    /// Moves become highlights.
    void setReduceMotion(bool reduce) { m_reduceMotion = reduce; }
    bool reduceMotion() const { return m_reduceMotion; }

Q_SIGNALS:
    void picked(const queuelab::ui::Thing &thing);

protected:
    const Theme &theme() const { return m_theme; }
    /// The theme or the type has changed: geometry may have to be laid out anew. The base class
    /// repaints.
    virtual void themeChanged() { }

    bool event(QEvent *event)
        override; // keeps m_theme current, answers tool tips with describe(thingAt())
    void mousePressEvent(QMouseEvent *event) override; // emits picked()

private:
    Theme m_theme;
    bool m_reduceMotion = false;
};

/// The stage that draws `engine`.
std::unique_ptr<Stage> makeStage(world::Engine engine);

} // namespace queuelab::ui
