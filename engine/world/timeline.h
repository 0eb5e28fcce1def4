#pragma once

#include "engine/world/session.h"
#include "engine/world/world.h"

#include <map>
#include <memory>
#include <vector>

namespace queuelab::world {

/// When recorded commands apply: a command at time t applies after everything on the agenda that is
/// due at or before t has run, commands at the same t in their order, each after what the one
/// before it made due at t. perform() does the same, by finishing the present instant first. So a
/// replay is exact.
///
/// A session being played: the world at one position of it, with checkpoints, so that any moment
/// can be gone back to. Going back is the nearest checkpoint plus a short replay; a command in the
/// past forks: what was to come is kept as a branch. Deterministic worlds only. Not thread-safe.
class Timeline {
public:
    static Result<std::unique_ptr<Timeline>, Error> create(Session session);

    const World &world() const { return *m_world; }
    World &world() { return *m_world; }
    Duration position() const { return m_world->now() - m_world->start(); }
    /// How far this branch has been played.
    Duration end() const { return m_session.end; }
    const Session &session() const { return m_session; }

    /// Goes to `target`, forward by running (recorded commands are applied at their times), back by
    /// replay. Going past end() moves end(). Stops early after `maxSteps` agenda items; returns
    /// whether it got there.
    bool seek(Duration target, std::uint64_t maxSteps = UINT64_MAX);
    /// One agenda item or recorded command forward; false when there is none left.
    bool stepForward();
    /// To just before the last step.
    bool stepBack();
    /// Forward to just after the next event of at least this weight; false when none came within
    /// `limit`.
    bool runToNextEvent(EventWeight weight, Duration limit);

    /// Applies a command at the current position and records it. When later commands were recorded,
    /// or time was already played beyond this position, the old future becomes a branch.
    Result<void, CommandError> perform(const Command &command);

    /// The futures that were left, oldest first.
    const std::vector<Session> &branches() const { return m_branches; }
    /// Swaps the current session with branch `index` and goes to `target` in it.
    bool switchTo(std::size_t index, Duration target);

    /// A mark for the time bar: a milestone, in two or three words ("link cut g-1",
    /// "add-consumer").
    struct Mark {
        Duration at{};
        EventTone tone = EventTone::System;
        std::string label;
    };
    std::vector<Mark>
    marks() const; ///< milestones played so far on this branch, at most 500, in order of time

    /// How many checkpoints are kept (at least 1, the beginning); fewer use less memory, more make
    /// going back faster. They share what was written, but hold on to what the world has since
    /// deleted; so fewer are kept when their files grow beyond 512 MiB together.
    void setCheckpointsKept(std::size_t count);

private:
    Timeline() = default;

    /// A place in the play that is the same in every replay: how many agenda items were run and
    /// commands applied.
    struct Checkpoint {
        std::unique_ptr<World> world;
        std::size_t nextCommand = 0;
        std::uint64_t place() const { return world->steps() + nextCommand; }
    };
    std::uint64_t place() const { return m_world->steps() + m_nextCommand; }

    std::optional<Instant> nextCommandAt() const;
    bool advance(Duration target, std::uint64_t maxSteps);
    bool advanceOne();
    void applyNextCommand();
    void checkpointWhenDue();
    std::uint64_t checkpointBytes() const;
    void thinCheckpoints();
    void restore(std::map<std::uint64_t, Checkpoint>::const_iterator from);
    void collectMarks();
    void dropFuture();
    void keepBranch();

    Session m_session;
    std::unique_ptr<World> m_world;
    std::size_t m_nextCommand = 0; // of m_session.commands
    std::map<std::uint64_t, Checkpoint> m_checkpoints; // by place; the first is the beginning
    std::size_t m_checkpointsKept = 64;
    std::uint64_t m_checkpointSteps = 0; // between two of them; grows as they are thinned
    std::vector<Session> m_branches;
    std::map<std::uint64_t, Mark> m_marks; // by number of the trace event
    std::uint64_t m_marksSeen = 0; // trace events looked at so far
};

} // namespace queuelab::world
