#pragma once

#include "engine/world/snapshot.h"
#include "ui/stages/thing.h"

#include <QString>

#include <optional>
#include <vector>

namespace queuelab::ui {

/// What the log's picture says, worked out from a snapshot: who has read how far, who owns what,
/// who is waited for. Points into the snapshot it was made from.

/// Where one group stands in one partition. Offsets are -1 when there is none.
struct GroupProgress {
    std::size_t group = 0; ///< index into LogView::groups
    std::int64_t committed = -1;
    std::int64_t position = -1; ///< next offset the application will be handed
    std::int64_t fetched = -1; ///< next offset to be fetched ahead
    std::int64_t lag = 0; ///< records behind the high watermark
    QString owner; ///< the client; empty when nobody reads it
    bool read = false; ///< its owner is alive and polls
};

/// How a record looks to a group.
enum class RecordState : std::uint8_t { Committed, HandedOut, FetchedAhead, Unread, NotReplicated };

struct Lane {
    QString name; ///< "orders-3"
    QString topic;
    const log::PartitionSnapshot *partition = nullptr;
    std::vector<GroupProgress>
        groups; ///< those that read this topic, in the order of LogView::groups
    const GroupProgress *of(std::size_t group) const;
    /// How `offset` looks to `group`; to nobody when there is none.
    RecordState state(std::int64_t offset, const GroupProgress *group) const;
};

enum class MemberState : std::uint8_t {
    Working,
    Idle, ///< owns nothing
    WaitsForJoin, ///< in JoinGroup, for the others
    WaitsForSync, ///< in SyncGroup, for the leader's assignment
    Outside, ///< runs, but is no member now
    Paused,
    Crashed,
};
struct MemberView {
    QString name;
    MemberState state = MemberState::Working;
    std::vector<QString> owned; ///< partitions, by name
    std::uint64_t holding = 0; ///< records handed out that it has not done
    std::int64_t ahead = 0; ///< records fetched and not handed out
    std::uint64_t again = 0; ///< records it handled that were handled before
    std::optional<Duration> sincePoll;
    Duration sinceHeartbeat{};
    bool inGroup = false;
    QString note;
};
struct GroupView {
    QString name;
    const log::GroupSnapshot *group = nullptr; ///< nullptr while no member has reached the broker
    std::vector<MemberView> members;
    /// Who the others wait for while it rebalances.
    std::vector<QString> waitedFor;
    bool severalTopics = false; ///< "P3" alone would not say which
    log::GroupState state() const { return group ? group->state : log::GroupState::Empty; }
};
struct TopicView {
    QString name;
    const log::TopicSnapshot *topic = nullptr;
    std::vector<Lane> lanes;
};
/// How a broker stands: what is wrong with it comes first.
enum class BrokerState : std::uint8_t { Down, Fenced, Up };
struct LogView {
    std::vector<TopicView> topics; ///< Kafka's own left out
    std::vector<GroupView> groups;
    std::vector<const world::ClientSnapshot *> producers;
    std::size_t selected =
        0; ///< the group whose eyes colour the records; no meaning without groups

    const Lane *lane(const QString &name) const;
};

BrokerState stateOf(const log::BrokerSnapshot &broker);
/// Where the log of a partition ends that reaches furthest, be it the leader's or that of a broker
/// which is down: behind the leader's end lie records that only that one has.
std::int64_t furthestEnd(const log::PartitionSnapshot &partition);
/// Leader, epoch, and how many of its replicas are in sync: "B2 e3".
QString leaderText(const log::PartitionSnapshot &partition, bool withEpoch);

/// `chosen` selects the group it names, or the one its client belongs to; else it is the first with
/// members.
LogView makeLogView(const world::Snapshot &snapshot, const Thing &chosen);

} // namespace queuelab::ui
