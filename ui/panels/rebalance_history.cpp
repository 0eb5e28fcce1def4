#include "ui/panels/rebalance_history.h"

#include "engine/log/events.h"

#include <algorithm>
#include <set>

namespace queuelab::ui {

using namespace Qt::StringLiterals;
using log::LogEvent;

namespace {

/// A member that had to give something up rejoins at once; members that hear of a new one wait for
/// their next heartbeat, and that is another rebalance.
constexpr qint64 kSameRebalanceNs = 500'000'000;

bool isGroupEvent(EventKind kind)
{
    switch (static_cast<LogEvent>(kind)) {
    case LogEvent::GroupStateChanged:
    case LogEvent::MemberJoining:
    case LogEvent::MemberJoined:
    case LogEvent::MemberSynced:
    case LogEvent::MemberLeft:
    case LogEvent::AssignmentComputed:
    case LogEvent::PartitionAssigned:
    case LogEvent::PartitionRevoked:
    case LogEvent::RebalanceCompleted:
    case LogEvent::TargetAssignmentComputed:
    case LogEvent::MemberEpochChanged:
    case LogEvent::MemberFenced:
        return true;
    default:
        return false;
    }
}

const QString &groupOf(const EventRow &row)
{
    const auto kind = static_cast<LogEvent>(row.kind);
    return kind == LogEvent::PartitionAssigned || kind == LogEvent::PartitionRevoked ? row.detail
                                                                                     : row.subject;
}

bool is(const EventRow &row, LogEvent event)
{
    return row.kind == log::kind(event);
}

bool isLeaving(const EventRow &row)
{
    return is(row, LogEvent::MemberLeft) || is(row, LogEvent::MemberFenced);
}

/// Where the newest rebalance of a group begins and ends in its events.
struct Extent {
    qint64 fromNs = -1;
    qint64 toNs = -1;
    bool running = false;
    int rounds = 0;
};

void begin(Extent &extent, qint64 atNs)
{
    if (extent.running)
        return;
    if (extent.fromNs < 0 || atNs - extent.toNs > kSameRebalanceNs)
        extent = {atNs, atNs, true, 0};
    extent.running = true;
    ++extent.rounds;
}

/// Who is not where the coordinator's newest target wants it to be (KIP-848).
class TargetFollower {
public:
    void setTarget(const EventRow &row)
    {
        m_epoch = row.value;
        m_members = row.count;
    }
    void setMember(const EventRow &row)
    {
        if (row.value == m_epoch && row.detail == u"STABLE"_s)
            m_arrived.insert(row.actor);
        else
            m_arrived.erase(row.actor);
    }
    void remove(const QString &member)
    {
        if (m_arrived.erase(member) > 0)
            --m_members;
    }
    void forget() { m_arrived.clear(); }
    bool isReached() const { return static_cast<qint64>(m_arrived.size()) >= m_members; }

private:
    qint64 m_epoch = -1;
    qint64 m_members = 0;
    std::set<QString> m_arrived;
};

Extent newestExtent(const std::vector<const EventRow *> &rows)
{
    Extent extent;
    std::set<QString> waiting;
    TargetFollower target;
    for (const EventRow *row : rows) {
        if (is(*row, LogEvent::MemberJoining)) {
            begin(extent, row->atNs);
            waiting.insert(row->actor);
        } else if (is(*row, LogEvent::TargetAssignmentComputed)) {
            begin(extent, row->atNs);
            target.setTarget(*row);
            target.forget();
        } else if (is(*row, LogEvent::MemberEpochChanged)) {
            target.setMember(*row);
            if (extent.running)
                extent.toNs = row->atNs;
            extent.running = extent.running && !target.isReached();
        } else if (is(*row, LogEvent::MemberSynced) || isLeaving(*row)) {
            waiting.erase(row->actor);
            target.remove(row->actor);
            extent.toNs = row->atNs;
            extent.running = extent.running && !(waiting.empty() && target.isReached());
        } else if (is(*row, LogEvent::PartitionAssigned) && extent.fromNs >= 0
            && row->atNs - extent.toNs <= kSameRebalanceNs) {
            extent.toNs = row->atNs; // the application takes it over in its next poll
        }
    }
    return extent;
}

RebalanceWait waitOf(const QString &memberState)
{
    if (memberState == u"UNREVOKED_PARTITIONS"_s)
        return RebalanceWait::Revoke;
    return memberState == u"UNRELEASED_PARTITIONS"_s ? RebalanceWait::Release
                                                     : RebalanceWait::Nothing;
}

/// One member as the events go by.
struct Follower {
    RebalanceLane lane;
    RebalanceSpan now;

    void change(qint64 atNs, int owned, RebalanceWait wait)
    {
        if (owned == now.owned && wait == now.wait)
            return;
        if (atNs > now.fromNs) {
            now.toNs = atNs;
            lane.spans.push_back(now);
        }
        now = {atNs, atNs, owned, wait};
    }
};

} // namespace

void RebalanceHistory::append(const std::vector<EventRow> &rows)
{
    std::ranges::copy_if(rows, std::back_inserter(m_rows),
        [](const EventRow &row) { return isGroupEvent(row.kind); });
    if (m_rows.size() > kMaxRows)
        m_rows.erase(m_rows.begin(), m_rows.end() - static_cast<std::ptrdiff_t>(kMaxRows));
}

void RebalanceHistory::replace(const std::vector<EventRow> &rows)
{
    m_rows.clear();
    append(rows);
}

std::vector<Rebalance> RebalanceHistory::newest(std::size_t limit, qint64 nowNs) const
{
    std::set<QString> groups;
    for (const EventRow &row : m_rows)
        groups.insert(groupOf(row));
    std::vector<Rebalance> all;
    for (const QString &group : groups) {
        if (auto rebalance = newestOf(group, nowNs))
            all.push_back(std::move(*rebalance));
    }
    std::ranges::stable_sort(all, std::ranges::greater{}, &Rebalance::fromNs);
    if (all.size() > limit)
        all.resize(limit);
    return all;
}

std::optional<Rebalance> RebalanceHistory::newestOf(const QString &group, qint64 nowNs) const
{
    std::vector<const EventRow *> rows;
    for (const EventRow &row : m_rows) {
        if (groupOf(row) == group)
            rows.push_back(&row);
    }
    const Extent extent = newestExtent(rows);
    if (extent.fromNs < 0)
        return std::nullopt;

    Rebalance out;
    out.group = group;
    out.rounds = extent.rounds;
    out.running = extent.running;
    out.toNs = extent.running ? std::max(nowNs, extent.fromNs) : extent.toNs;
    out.fromNs = extent.fromNs;
    // A member that gives everything up does so before it asks to join.
    for (const EventRow *row : rows) {
        if (is(*row, LogEvent::PartitionRevoked) && row->atNs <= extent.fromNs
            && extent.fromNs - row->atNs <= kSameRebalanceNs) {
            out.fromNs = std::min(out.fromNs, row->atNs);
        }
    }

    std::map<QString, Follower> members;
    std::map<QString, qint64> givenUp; // partition → when
    std::set<QString> unread;
    for (const EventRow *row : rows) {
        if (row->atNs > out.toNs)
            break;
        const bool inside = row->atNs >= out.fromNs;
        if (is(*row, LogEvent::GroupStateChanged)) {
            out.generation = std::max(out.generation, row->item);
            continue;
        }
        if (is(*row, LogEvent::TargetAssignmentComputed)) {
            out.generation = std::max(out.generation, row->value);
            out.protocol = row->detail;
            out.byCoordinator = true;
            continue;
        }
        Follower &member = members[row->actor];
        const int owned = member.now.owned;
        switch (static_cast<LogEvent>(row->kind)) {
        case LogEvent::MemberJoining:
            member.change(row->atNs, owned, RebalanceWait::Join);
            break;
        case LogEvent::MemberJoined:
            // Of KIP-848 the member's state says what it waits for.
            if (!out.byCoordinator)
                member.change(row->atNs, owned, RebalanceWait::Sync);
            break;
        case LogEvent::MemberSynced:
            member.change(row->atNs, owned, RebalanceWait::Nothing);
            break;
        case LogEvent::PartitionAssigned:
            member.change(row->atNs, owned + 1, member.now.wait);
            if (const auto since = givenUp.find(row->subject); since != givenUp.end()) {
                if (inside && row->atNs > since->second) {
                    unread.insert(row->subject);
                    out.longestUnreadNs = std::max(out.longestUnreadNs, row->atNs - since->second);
                }
                givenUp.erase(since);
            }
            break;
        case LogEvent::PartitionRevoked:
            member.change(row->atNs, std::max(0, owned - 1), member.now.wait);
            givenUp[row->subject] = row->atNs;
            break;
        case LogEvent::MemberEpochChanged:
            member.change(row->atNs, owned, waitOf(row->detail));
            break;
        case LogEvent::MemberLeft:
        case LogEvent::MemberFenced:
            member.change(row->atNs, 0, RebalanceWait::Nothing);
            member.lane.hasLeft = true;
            break;
        case LogEvent::AssignmentComputed:
            out.protocol = row->detail;
            out.byCoordinator = false;
            if (inside)
                member.lane.sharedOutNs = row->atNs;
            break;
        case LogEvent::RebalanceCompleted:
            if (inside && row->count > 1)
                out.waitedFor = row->actor;
            break;
        default:
            break;
        }
    }
    for (const auto &[partition, since] : givenUp) {
        if (out.running && since >= out.fromNs) {
            unread.insert(partition);
            out.longestUnreadNs = std::max(out.longestUnreadNs, out.toNs - since);
        }
    }
    out.unread = static_cast<int>(unread.size());

    for (auto &[name, member] : members) {
        member.now.toNs = out.toNs;
        member.lane.spans.push_back(member.now);
        member.lane.member = name;
        // Of a life that goes back to the start only what falls into the rebalance.
        std::erase_if(
            member.lane.spans, [&](const RebalanceSpan &span) { return span.toNs <= out.fromNs; });
        if (member.lane.spans.empty())
            continue;
        RebalanceSpan &first = member.lane.spans.front();
        first.fromNs = std::max(first.fromNs, out.fromNs);
        const bool tookPart = std::ranges::any_of(member.lane.spans, [](const RebalanceSpan &span) {
            return span.owned > 0 || span.wait != RebalanceWait::Nothing;
        });
        if (!tookPart)
            continue;
        for (const RebalanceSpan &span : member.lane.spans)
            member.lane.withoutNs += span.owned == 0 ? span.toNs - span.fromNs : 0;
        out.lanes.push_back(std::move(member.lane));
    }
    // Members of a share group own nothing for themselves: there is nothing to hand over.
    const bool anybodyOwns = std::ranges::any_of(out.lanes, [](const RebalanceLane &lane) {
        return std::ranges::any_of(
            lane.spans, [](const RebalanceSpan &span) { return span.owned > 0; });
    });
    if (out.byCoordinator && !anybodyOwns)
        return std::nullopt;
    return out;
}

} // namespace queuelab::ui
