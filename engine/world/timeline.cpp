#include "engine/world/timeline.h"

#include "engine/core/memory_files.h"
#include "engine/world/events.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <numeric>

namespace queuelab::world {

namespace {

constexpr std::uint64_t kFirstCheckpointSteps = 2'000; // replaying so many takes a few milliseconds
constexpr std::size_t kMaxMarks = 500;
constexpr std::size_t kMaxBranches = 32;
constexpr std::uint64_t kCheckpointBytes = 512ULL << 20;

/// Short enough to stand over the time bar: a command by its name, anything else by what happened
/// and to what.
std::string markLabel(const TraceEvent &event, const EventInfo &info, const NameTable &names)
{
    if (event.kind == kind(WorldEvent::CommandApplied)
        || event.kind == kind(WorldEvent::CommandRefused)) {
        const std::string_view command = names.name(event.detail);
        return std::string(command.substr(0, command.find(':')));
    }
    return fmt::format("{} {}", info.title, names.name(event.subject));
}

} // namespace

Result<std::unique_ptr<Timeline>, Error> Timeline::create(Session session)
{
    auto world = World::create(session.world, std::make_unique<MemoryFiles>());
    if (!world)
        return std::unexpected(world.error());
    std::unique_ptr<Timeline> timeline(new Timeline);
    timeline->m_session = std::move(session);
    timeline->m_world = *std::move(world);
    timeline->m_checkpointSteps = kFirstCheckpointSteps;
    timeline->m_checkpoints.emplace(0, Checkpoint{timeline->m_world->copy(), 0});
    return timeline;
}

bool Timeline::seek(Duration target, std::uint64_t maxSteps)
{
    target = std::max(target, Duration{});
    if (target < position()) {
        const Instant at = m_world->start() + target;
        // Commands at `target` belong to it, so a checkpoint at the same time is as good as an
        // earlier one.
        auto from = std::prev(m_checkpoints.end());
        while (from != m_checkpoints.begin() && from->second.world->now() > at)
            --from;
        restore(from);
    }
    const bool reached = advance(target, maxSteps);
    m_session.end = std::max(m_session.end, position());
    collectMarks();
    return reached;
}

bool Timeline::stepForward()
{
    const bool moved = advanceOne();
    m_session.end = std::max(m_session.end, position());
    collectMarks();
    return moved;
}

bool Timeline::stepBack()
{
    const std::uint64_t here = place();
    if (here == 0) {
        const bool moved = position() > Duration{};
        restore(m_checkpoints.begin());
        return moved;
    }
    restore(
        std::prev(m_checkpoints.lower_bound(here))); // the beginning is at 0, below any other place
    while (place() + 1 < here)
        advanceOne();
    return true;
}

bool Timeline::runToNextEvent(EventWeight weight, Duration limit)
{
    const Duration until = position() + limit;
    bool found = false;
    while (!found) {
        const std::uint64_t seen = m_world->trace().end();
        const std::optional<Instant> due = m_world->nextDue();
        const std::optional<Instant> command = nextCommandAt();
        const std::optional<Instant> next = due && command ? std::min(due, command)
            : due                                          ? due
                                                           : command;
        if (!next || *next - m_world->start() > until) {
            advance(until, UINT64_MAX);
            break;
        }
        advanceOne();
        for (std::uint64_t event = seen; event < m_world->trace().end() && !found; ++event)
            found = eventInfo(m_world->trace().at(event).kind).weight >= weight;
    }
    m_session.end = std::max(m_session.end, position());
    collectMarks();
    return found;
}

Result<void, CommandError> Timeline::perform(const Command &command)
{
    m_world->runUntil(m_world->now()); // finish the present instant
    if (m_nextCommand < m_session.commands.size() || position() < m_session.end)
        keepBranch();
    dropFuture();
    m_session.commands.push_back({position(), command});
    m_session.end = position();
    ++m_nextCommand;
    Result<void, CommandError> outcome = m_world->apply(command);
    collectMarks();
    return outcome;
}

bool Timeline::switchTo(std::size_t index, Duration target)
{
    if (index >= m_branches.size())
        return false;
    std::swap(m_session, m_branches[index]);
    const Session &left = m_branches[index];
    std::size_t common = 0;
    const auto same = [&](std::size_t i) {
        const TimedCommand &a = m_session.commands[i];
        const TimedCommand &b = left.commands[i];
        return a.at == b.at && a.command == b.command;
    };
    while (common < m_session.commands.size() && common < left.commands.size() && same(common))
        ++common;
    // Checkpoints hold as far as both sessions are alike: until either has a command that the other
    // has not.
    Duration parted = Duration::max();
    for (const Session *session : {static_cast<const Session *>(&m_session), &left}) {
        if (common < session->commands.size())
            parted = std::min(parted, session->commands[common].at);
    }
    std::erase_if(m_checkpoints, [&](const auto &entry) {
        const Checkpoint &checkpoint = entry.second;
        return entry.first != 0
            && (checkpoint.nextCommand > common
                || checkpoint.world->now() - checkpoint.world->start() >= parted);
    });
    restore(std::prev(m_checkpoints.end()));
    m_marks.clear();
    m_marksSeen = 0;
    const Duration end = m_session.end;
    const bool reached = advance(target, UINT64_MAX);
    m_session.end = std::max(end, position());
    collectMarks();
    return reached;
}

std::vector<Timeline::Mark> Timeline::marks() const
{
    std::vector<Mark> all;
    all.reserve(m_marks.size());
    std::ranges::transform(
        m_marks, std::back_inserter(all), [](const auto &entry) { return entry.second; });
    return all;
}

void Timeline::setCheckpointsKept(std::size_t count)
{
    m_checkpointsKept = std::max<std::size_t>(count, 1);
    while (m_checkpoints.size() > m_checkpointsKept)
        thinCheckpoints();
}

std::optional<Instant> Timeline::nextCommandAt() const
{
    if (m_nextCommand == m_session.commands.size())
        return std::nullopt;
    return m_world->start() + m_session.commands[m_nextCommand].at;
}

void Timeline::applyNextCommand()
{
    // A refusal is part of the play: the trace says so, here as when it was first performed.
    (void)m_world->apply(m_session.commands[m_nextCommand].command);
    ++m_nextCommand;
}

bool Timeline::advance(Duration target, std::uint64_t maxSteps)
{
    const Instant end = m_world->start() + target;
    const std::uint64_t budgetEnd =
        maxSteps > UINT64_MAX - m_world->steps() ? UINT64_MAX : m_world->steps() + maxSteps;
    while (true) {
        const std::optional<Instant> command = nextCommandAt();
        const bool commandIsNext = command && *command <= end;
        const Instant until = commandIsNext ? *command : end;
        // In portions, so that checkpoints are made on the way.
        const std::uint64_t portion = std::min(m_checkpointSteps, budgetEnd - m_world->steps());
        if (!m_world->runUntil(until, portion)) {
            checkpointWhenDue();
            if (m_world->steps() >= budgetEnd)
                return false;
            continue;
        }
        if (!commandIsNext)
            break;
        applyNextCommand();
    }
    checkpointWhenDue();
    return true;
}

bool Timeline::advanceOne()
{
    const std::optional<Instant> due = m_world->nextDue();
    const std::optional<Instant> command = nextCommandAt();
    if (due && (!command || *due <= *command)) {
        m_world->step();
    } else if (command) {
        m_world->runUntil(*command);
        applyNextCommand();
    } else {
        return false;
    }
    checkpointWhenDue();
    return true;
}

void Timeline::checkpointWhenDue()
{
    const std::uint64_t last = m_checkpoints.rbegin()->first;
    if (place() < last + m_checkpointSteps || m_checkpointsKept == 1)
        return;
    m_checkpoints.emplace(place(), Checkpoint{m_world->copy(), m_nextCommand});
    while (m_checkpoints.size() > m_checkpointsKept
        || (m_checkpoints.size() > 1 && checkpointBytes() > kCheckpointBytes))
        thinCheckpoints();
}

/// What the checkpoints hold at most: bytes that two of them share are counted twice.
std::uint64_t Timeline::checkpointBytes() const
{
    return std::accumulate(m_checkpoints.begin(), m_checkpoints.end(), std::uint64_t{0},
        [](std::uint64_t sum, const auto &entry) {
            return sum + entry.second.world->memoryBytes();
        });
}

/// Drops every second checkpoint but the beginning, and makes later ones twice as far apart.
void Timeline::thinCheckpoints()
{
    bool drop = false;
    for (auto it = std::next(m_checkpoints.begin()); it != m_checkpoints.end();) {
        drop = !drop;
        it = drop ? m_checkpoints.erase(it) : std::next(it);
    }
    m_checkpointSteps *= 2;
}

void Timeline::restore(std::map<std::uint64_t, Checkpoint>::const_iterator from)
{
    m_world = from->second.world->copy();
    m_nextCommand = from->second.nextCommand;
}

void Timeline::collectMarks()
{
    const Trace &trace = m_world->trace();
    for (std::uint64_t sequence = std::max(m_marksSeen, trace.first()); sequence < trace.end();
        ++sequence) {
        const TraceEvent &event = trace.at(sequence);
        const EventInfo &info = eventInfo(event.kind);
        if (info.weight != EventWeight::Milestone)
            continue;
        m_marks.insert_or_assign(sequence,
            Mark{event.at - m_world->start(), info.tone, markLabel(event, info, trace.names())});
        if (m_marks.size() > kMaxMarks)
            m_marks.erase(m_marks.begin());
    }
    m_marksSeen = std::max(m_marksSeen, trace.end());
}

void Timeline::keepBranch()
{
    m_branches.push_back(m_session);
    if (m_branches.size() > kMaxBranches)
        m_branches.erase(m_branches.begin());
}

/// Forgets what this branch has recorded beyond the present place.
void Timeline::dropFuture()
{
    m_session.commands.resize(m_nextCommand);
    // One at this very place may have been made later, after a quiet time that now is not quiet any
    // more.
    std::erase_if(m_checkpoints, [&](const auto &entry) {
        return entry.first > place() || entry.second.world->now() > m_world->now();
    });
    const std::uint64_t events = m_world->trace().end();
    m_marks.erase(m_marks.lower_bound(events), m_marks.end());
    m_marksSeen = std::min(m_marksSeen, events);
}

} // namespace queuelab::world
