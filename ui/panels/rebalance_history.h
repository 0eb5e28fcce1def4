#pragma once

#include "ui/stages/stage.h"

#include <QString>

#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace queuelab::ui {

/// What a member waits for.
enum class RebalanceWait : quint8 {
    Nothing,
    Join, ///< in JoinGroup, until all others are there
    Sync, ///< in SyncGroup, for the leader's assignment
    Revoke, ///< KIP-848: for its own application to let go of partitions
    Release, ///< KIP-848: for partitions that others have not let go yet
};
/// A stretch of time in which a member's part in the rebalance stays the same.
struct RebalanceSpan {
    qint64 fromNs = 0;
    qint64 toNs = 0;
    int owned = 0; ///< partitions it may read
    RebalanceWait wait = RebalanceWait::Nothing;
    friend bool operator==(const RebalanceSpan &, const RebalanceSpan &) = default;
};
struct RebalanceLane {
    QString member;
    std::vector<RebalanceSpan> spans; ///< oldest first, without gaps
    bool hasLeft = false;
    qint64 sharedOutNs = -1; ///< it led and computed the assignment then; -1 it did not
    qint64 withoutNs = 0; ///< so long it owned nothing, and consumed nothing
};
/// A group's newest rebalance: from the first member that asks to join (KIP-848: from the
/// coordinator's new target) to the moment when all have their assignment. Rounds that follow each
/// other at once (the two of a cooperative one) are one.
struct Rebalance {
    QString group;
    QString protocol; ///< "cooperative-sticky"
    bool byCoordinator = false; ///< KIP-848: the coordinator shares out, nobody waits for all
    qint64 generation = 0; ///< after it, or the newest it has reached; or the group epoch
    int rounds = 0;
    qint64 fromNs = 0;
    qint64 toNs = 0; ///< so far, while it runs
    bool running = false;
    std::vector<RebalanceLane> lanes; ///< by member
    /// Partitions that were given up and were nobody's for some time.
    int unread = 0;
    qint64 longestUnreadNs = 0;
    QString waitedFor; ///< who joined last of several
};

/// Puts rebalances together from events. Keeps the events that say something about groups, bounded.
class RebalanceHistory {
public:
    static constexpr std::size_t kMaxRows = 20'000;

    void append(const std::vector<EventRow> &rows);
    void replace(const std::vector<EventRow> &rows);

    /// The newest of each group, the latest begun first; at most `limit`. `nowNs` ends those that
    /// run.
    std::vector<Rebalance> newest(std::size_t limit, qint64 nowNs) const;

private:
    std::optional<Rebalance> newestOf(const QString &group, qint64 nowNs) const;

    std::deque<EventRow> m_rows; // oldest first
};

} // namespace queuelab::ui
