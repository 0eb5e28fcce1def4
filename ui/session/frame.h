#pragma once

#include "engine/world/snapshot.h"
#include "engine/world/timeline.h"
#include "ui/stages/stage.h"

#include <QMetaType>
#include <QString>

#include <limits>
#include <memory>
#include <vector>

namespace queuelab::ui {

/// Nanoseconds since the world's start, as the window counts time.
using Nanoseconds = qint64;

struct TimeMark {
    Nanoseconds at = 0;
    EventTone tone = EventTone::System;
    QString label;
    friend bool operator==(const TimeMark &, const TimeMark &) = default;
};

/// A future that was left by changing the past.
struct Branch {
    Nanoseconds fork = 0; ///< where it parts from the present session
    Nanoseconds end = 0;
    QString label; ///< "A", "B", ...
    friend bool operator==(const Branch &, const Branch &) = default;
};

/// Where the world stands in time.
struct Clock {
    Nanoseconds position = 0;
    Nanoseconds end = 0; ///< how far it was played
    Nanoseconds limit = 0; ///< where playing stops by itself; kNoLimit in a sandbox
    bool playing = false;
    bool seeking = false; ///< on its way to a moment that takes more than a frame to reach
    double speed = 1; ///< virtual seconds a second; 0 as fast as it goes
    std::vector<TimeMark> marks;
    std::vector<Branch> branches;

    static constexpr Nanoseconds kNoLimit = std::numeric_limits<Nanoseconds>::max();
};

/// What the engine's thread shows the window: the newest state, and the events since the frame
/// before. A value.
struct Frame {
    /// Rows a frame carries at most; with more, the oldest are left out and `reset` is set.
    static constexpr std::size_t kMaxRows = 20'000;

    quint64 world = 0; ///< counts the worlds that were opened
    quint64 jump = 0; ///< counts the jumps of its time: when it changes, what was remembered of
                      ///< earlier frames is void
    std::shared_ptr<const world::Snapshot> snapshot;
    Clock clock;
    qint64 nextStep = 0; ///< of the lesson: steps begun so far
    qint64 runningStep = -1; ///< begun and not yet judged; -1 none
    bool reset = false; ///< `rows` are all there is to show, not only the new ones
    std::vector<EventRow> rows; ///< oldest first

    /// Takes over the rows of the frame that this one replaces before it was seen.
    void absorb(Frame earlier)
    {
        if (reset || world != earlier.world)
            return;
        reset = earlier.reset;
        earlier.rows.insert(earlier.rows.end(), std::make_move_iterator(rows.begin()),
            std::make_move_iterator(rows.end()));
        rows = std::move(earlier.rows);
        if (rows.size() > kMaxRows) {
            rows.erase(rows.begin(), rows.end() - static_cast<std::ptrdiff_t>(kMaxRows));
            reset = true;
        }
    }
};

} // namespace queuelab::ui
