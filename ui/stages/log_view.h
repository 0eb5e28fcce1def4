#pragma once

#include "engine/world/snapshot.h"
#include "ui/stages/log_slots.h"
#include "ui/stages/thing.h"

#include <QString>

#include <map>
#include <optional>
#include <string>
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
    bool readsCommitted = false; ///< isolation.level=read_committed
    const log::SharePartitionSnapshot *share = nullptr; ///< of share groups, once they have one
};

/// How a record looks to a group; from Available on, to a share group.
enum class RecordState : std::uint8_t {
    Committed,
    HandedOut,
    FetchedAhead,
    Unread,
    NotReplicated,
    Available,
    Acquired,
    Acknowledged, ///< or settled in another way, below the start offset
    Archived,
    NotGivenOut, ///< from the end offset on
};

struct Lane {
    QString name; ///< "orders-3"
    QString topic;
    const log::PartitionSnapshot *partition = nullptr;
    const world::LogTailSnapshot *tail = nullptr;
    std::vector<GroupProgress>
        groups; ///< those that read this topic, in the order of LogView::groups
    const GroupProgress *of(std::size_t group) const;
    /// How `offset` looks to `group`; to nobody when there is none.
    RecordState state(std::int64_t offset, const GroupProgress *group) const;
    /// What lies at `offset`, as far as the newest places go.
    std::optional<Slot> slotAt(std::int64_t offset) const;
    bool isCompacted() const { return partition->firstDirtyOffset >= 0; }
    /// Whether there is anything to say about transactions here.
    bool hasTransactions() const;
    /// The open transaction that keeps the last stable offset where it is; nullptr when it waits
    /// for nothing but replication.
    const log::PartitionTransaction *holdsBack() const;
};

/// The run of one state that a record of a share-partition is in; nullptr when it is in none.
const log::ShareRecordsSnapshot *runOf(
    const log::SharePartitionSnapshot &share, std::int64_t offset);

/// A client's transactions: what it believes itself, and what its coordinator knows.
struct TransactionView {
    const world::ClientSnapshot *client = nullptr;
    const log::TransactionSnapshot *known = nullptr; ///< nullptr when nobody coordinates its id
    bool isFenced = false; ///< a younger producer has its place
    bool isTold = false; ///< and an answer has told it so
    std::int32_t youngerEpoch = -1; ///< of the one that has its place; -1 not known
    /// Of a transaction that is open: when its coordinator will abort it.
    std::optional<Duration> timeLeft;
    double partLeft = 0; ///< of the timeout, 0 to 1
};

enum class MemberState : std::uint8_t {
    Working,
    Idle, ///< owns nothing
    WaitsForJoin, ///< in JoinGroup, for the others
    WaitsForSync, ///< in SyncGroup, for the leader's assignment
    GivesUp, ///< KIP-848: has to give up partitions before it gets others
    WaitsForRelease, ///< KIP-848: what it shall have others still own
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
    const world::ClientSnapshot *client = nullptr; ///< nullptr of real clients
    // Of groups of KIP-848 and share groups.
    std::int32_t epoch = -1; ///< -1 in a classic group
    std::vector<QString> revoking; ///< owned, to be given up
    std::vector<QString> awaited; ///< shall have it, does not yet
    std::optional<Duration> lockLeft; ///< share: until its first acquisition lock expires
    std::optional<TransactionView> transaction; ///< of consume-transform-produce
};
struct GroupView {
    QString name;
    const log::GroupSnapshot *group = nullptr; ///< nullptr while no member has reached the broker
    std::vector<MemberView> members;
    /// Who the others wait for while it rebalances.
    std::vector<QString> waitedFor;
    bool severalTopics = false; ///< "P3" alone would not say which
    bool readsCommitted = false; ///< all of its members do
    log::GroupState state() const { return group ? group->state : log::GroupState::Empty; }
    log::GroupType type() const { return group ? group->type : log::GroupType::Classic; }
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
    struct Producer {
        const world::ClientSnapshot *client = nullptr;
        std::optional<TransactionView> transaction; ///< with a transactional id
    };
    std::vector<Producer> producers;
    std::size_t selected =
        0; ///< the group whose eyes colour the records; no meaning without groups

    const Lane *lane(const QString &name) const;
};

/// Whether it reads the log: consumers, share consumers, transformers.
bool isConsumer(const world::ClientSnapshot &client);
/// Nothing when the client has no transactional id.
std::optional<TransactionView> transactionOf(
    const world::ClientSnapshot &client, const world::Snapshot &snapshot);
/// Whom a producer id belongs to: the client's name, else its transactional id; empty when neither
/// is known. Of two clients with one transactional id the epoch tells.
QString producerName(
    std::int64_t producerId, std::int16_t producerEpoch, const world::Snapshot &snapshot);

GroupView makeGroup(
    const std::string &name, const log::GroupSnapshot *group, const world::Snapshot &snapshot);
/// Where `group` stands in each partition it has anything to do with, by the partition's name.
std::map<std::string, GroupProgress> progressOf(
    const GroupView &group, std::size_t index, const world::Snapshot &snapshot);

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
