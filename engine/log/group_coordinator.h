#pragma once

#include "engine/core/context.h"
#include "engine/log/broker_config.h"
#include "engine/log/broker_io.h"
#include "engine/log/cluster_image.h"
#include "engine/log/deadlines.h"
#include "engine/log/events.h"
#include "engine/log/group_records.h"
#include "engine/log/modern_group.h"
#include "engine/log/modern_group_records.h"
#include "engine/log/partition_log.h"
#include "engine/log/record_batch.h"
#include "engine/log/requests.h"
#include "engine/log/snapshot.h"

#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace queuelab::log {

/// offsets.retention.check.interval.ms: how often expired offsets and groups are looked for.
inline constexpr Duration kOffsetsRetentionCheckInterval = std::chrono::minutes{10};

/// The group coordinator, as Kafka 4.x has it (facts: kafka.md 3.1, 3.2, 3.6, 3.7). In the classic
/// protocol members join, the leader shares out, heartbeats keep members alive, offsets are
/// committed. What is shared out is opaque to it. In the protocol of KIP-848, and in share groups,
/// it shares out itself and members are told with their heartbeats. It keeps groups in memory and,
/// as records, in
/// __consumer_offsets, from which another coordinator takes them over. A value.
///
/// States of the classic protocol: Empty → PreparingRebalance (members send JoinGroup and wait) →
/// CompletingRebalance (they wait for the leader's assignment) → Stable; back to PreparingRebalance
/// whenever membership or a subscription changes.
///
/// Only what is committed in the log is handed out: an assignment reaches its members, and a commit
/// is seen by fetch(), when written() says so.
class GroupCoordinator {
public:
    /// `broker` is the one it lives on.
    explicit GroupCoordinator(const BrokerConfig &config, NodeId broker = NodeId{1});

    /// Answered now, or when the group's round of joining ends.
    void join(Caller caller, const JoinGroupRequest &request, Context &context, Effects &effects);
    /// Answered now, or when the leader's assignment stands in the log.
    void sync(Caller caller, const SyncGroupRequest &request, Context &context, Effects &effects);
    HeartbeatResponse heartbeat(const HeartbeatRequest &request, Context &context);
    LeaveGroupResponse leave(const LeaveGroupRequest &request, Context &context, Effects &effects);

    // Which groups are its own: those of the partitions of __consumer_offsets that its broker
    // leads.

    /// The broker became the leader of this partition: reads members, generations and offsets back
    /// from the log (all below `highWatermark`). Members get a whole session timeout from now. An
    /// Error when the log cannot be read; it then coordinates nothing of it. Nothing happens when
    /// it is loaded already.
    ///
    /// A new leader's high watermark may lag behind what its predecessor acknowledged. It must have
    /// reached the log end offset that the leader began with, or commits that clients count on
    /// would be missing; until then they are answered CoordinatorLoadInProgress.
    ///
    /// `image` names the topics that groups with assignment by the coordinator keep by their ids.
    Result<void, Error> load(std::int32_t partition, const PartitionLog &log,
        std::int64_t highWatermark, Context &context, const ClusterImage &image = ClusterImage());
    /// The broker leads it no longer: who waits is told NotCoordinator, the groups are forgotten.
    void unload(std::int32_t partition, Context &context, Effects &effects);
    /// Whether requests for this group belong here; others are answered NotCoordinator.
    bool coordinates(const std::string &group) const;

    // Offsets.

    /// Answered when the commit stands in the log, or at once when it is refused. `refused` has one
    /// code for each partition of the request, for those that the broker itself refuses (unknown
    /// topics); empty: it refuses none.
    void commit(Caller caller, const OffsetCommitRequest &request, NameId client, Context &context,
        Effects &effects, std::span<const ErrorCode> refused = {});
    OffsetFetchResponse fetch(const OffsetFetchRequest &request) const;
    /// Tombstones for what groups of its own committed in a topic that is no more.
    void forgetTopic(const std::string &topic, Context &context);

    // Groups with assignment by the coordinator (KIP-848) and share groups (KIP-932). `image` tells
    // which topics there are, with how many partitions.

    /// Answered now, or when what it changed stands in the log.
    void consumerHeartbeat(Caller caller, const ConsumerGroupHeartbeatRequest &request,
        NameId client, const ClusterImage &image, Context &context, Effects &effects);
    void shareHeartbeat(Caller caller, const ShareGroupHeartbeatRequest &request, NameId client,
        const ClusterImage &image, Context &context, Effects &effects);
    /// Topics came, went or got more partitions: groups that read them get a new target with their
    /// next heartbeat.
    void metadataChanged() { ++m_metadataVersion; }

    /// A share-partition whose state the share coordinator shall begin to keep
    /// (InitializeShareGroupState). It is assigned once that is done.
    struct ShareInitialization {
        std::string group;
        TopicPartition partition;
        std::int32_t stateEpoch = 0;
    };
    /// Appends to `out`; the broker sends them, and tells what became of each.
    void takeShareInitializations(std::vector<ShareInitialization> &out);
    void shareInitialized(const std::string &group, const TopicPartition &partition,
        ErrorCode error, Context &context, Effects &effects);

    // Offsets in transactions (facts: kafka.md 3.6).

    /// As commit(), but the offsets count when the transaction commits. Whether the group's
    /// partition is part of the transaction the broker has found out before.
    void commitInTransaction(Caller caller, const TxnOffsetCommitRequest &request, NameId client,
        Context &context, Effects &effects, std::span<const ErrorCode> refused = {});
    /// A marker of this producer is committed in this partition of __consumer_offsets: its pending
    /// offsets count now, or are dropped.
    void transactionEnded(std::int32_t partition, std::int64_t producerId, bool committed,
        Context &context, Effects &effects);

    // What it writes. After every call that is not const the broker takes the writes, appends each
    // to its partition with acks=all, and says what became of it.

    struct Write {
        std::uint64_t id = 0;
        std::int32_t partition = 0; ///< of __consumer_offsets
        SharedBytes batch;
    };
    /// Appends to `out`, in the order in which they are to be written.
    void takeWrites(std::vector<Write> &out);
    /// The write is committed, or failed. Writes of one partition are told in their order. Those of
    /// a partition that was unloaded meanwhile are of no interest any more.
    void written(std::uint64_t id, ErrorCode error, Context &context, Effects &effects);

    /// Answers to this client are no longer sent. It stays a member until its session times out: as
    /// in Kafka, the end of a connection says nothing about the group.
    void clientGone(ClientId client);

    std::optional<Instant> nextDeadline() const { return m_deadlines.earliest(); }
    /// Carries out what is due.
    void expire(Context &context, Effects &effects);

    std::vector<GroupSnapshot> snapshot() const; ///< by name

private:
    enum class Due : std::uint8_t {
        InitialDelay,
        JoinPhase,
        SyncPhase,
        Session,
        ModernSession,
        Revocation,
        PendingMember,
        Retention
    };
    struct Deadline {
        Due due;
        std::string group; ///< all but Retention
        std::string memberId{}; ///< Session, ModernSession, Revocation, PendingMember
        /// SyncPhase: the generation; Revocation: the member epoch; Retention: the partition.
        std::int32_t number = -1;
    };
    using Handle = std::optional<Deadlines<Deadline>::Handle>;

    struct Protocol {
        std::string name;
        SharedBytes metadata;
        friend bool operator==(const Protocol &, const Protocol &) = default;
    };
    struct ParkedCall {
        Caller caller;
        bool gone = false; ///< the connection broke: it counts, but nobody is answered

        void answer(Response &&response, Effects &effects) const
        {
            if (!gone)
                caller.answer(std::move(response), effects);
        }
    };
    struct Member {
        std::string memberId;
        std::string clientId;
        NameId name = kNoName;
        std::optional<std::string> groupInstanceId;
        Duration sessionTimeout{};
        Duration rebalanceTimeout{};
        std::vector<Protocol> protocols; ///< in its order of preference
        SharedBytes assignment;
        std::optional<ParkedCall> joinCall;
        std::optional<ParkedCall> syncCall;
        bool isNew =
            false; ///< has not completed a join yet: not heartbeating, a longer timeout holds
        Handle session;
        Instant lastHeartbeat{};
    };
    /// How a member of a modern group is kept alive.
    struct Life {
        Handle session;
        Handle revocation; ///< while it has partitions to give up
        Instant lastHeartbeat{};
    };
    struct StoredCommit {
        Commit commit;
        std::int64_t order = 0; ///< later ones stand later in the log
    };
    using StoredCommits = std::map<TopicPartition, StoredCommit>;
    struct Group {
        std::string id;
        NameId name = kNoName;
        std::int32_t partition = 0; ///< of __consumer_offsets
        GroupState state = GroupState::Empty;
        GroupState previousState = GroupState::Empty;
        std::int64_t stateTimestampMs = -1; ///< when it came into its state; -1 not known
        std::int32_t generation = 0;
        std::string protocolType; ///< empty: a simple group, it only commits
        std::string protocolName;
        std::string leaderId; ///< empty: none
        std::map<std::string, Member> members;
        std::map<std::string, std::string> staticMembers; ///< group.instance.id → member id
        std::map<std::string, Handle>
            pendingMembers; ///< were given an id, have not come back with it yet
        std::set<std::string> pendingSync; ///< joined this generation, have not synced yet
        bool memberAddedWhileDelaying = false;
        Duration remainingDelay{}; ///< budget of the initial delay
        Duration currentDelay{};
        Handle joinDeadline;
        Handle syncDeadline;
        Instant firstJoinAt{}; ///< when the first of this round parked its JoinGroup
        NameId lastJoiner = kNoName; ///< whom the others waited for
        StoredCommits offsets;
        /// By producer id: what its transaction will commit, or not. None is empty.
        std::map<std::int64_t, StoredCommits> pendingTxn;

        // Of KIP-848 and share groups; `generation` is the group epoch, `members` is empty.
        std::optional<ModernGroup> modern;
        std::map<std::string, Life> lives; ///< by member id
        TopicIds topicIds; ///< of what it subscribes to, or did
        PartitionCounts topicSizes; ///< of what it subscribes to, as last looked at
        std::uint64_t seenMetadata = 0; ///< its subscriptions were held against this version
        std::uint64_t lastModernWrite = 0;
        std::vector<Bytes> toBury; ///< keys of records from when it was of another type
        std::map<TopicPartition, Instant> initializingSince;
    };

    // What is done when a write is committed, and what when it failed.
    struct NewGroup { }; ///< the group is known to a coordinator that takes over
    struct Emptied { };
    struct Assigned {
        std::int32_t generation = 0;
        std::map<std::string, SharedBytes> assignments; ///< by member id
    };
    struct StaticMemberReplaced {
        std::string newMemberId;
        Member before; ///< as it was, to go back to
        std::string leaderBefore;
        bool canSkipAssignment = false;
    };
    struct OffsetsCommitted {
        ParkedCall call;
        NameId committer = kNoName;
        OffsetCommitResponse response;
        std::vector<std::pair<TopicPartition, Commit>> commits;
    };
    struct TxnOffsetsWritten {
        ParkedCall call;
        NameId committer = kNoName;
        std::int64_t producerId = -1;
        TxnOffsetCommitResponse response;
        std::vector<std::pair<TopicPartition, Commit>> commits;
    };
    /// An answer that is given when what it says is committed.
    struct Reply {
        ParkedCall call;
        std::variant<ConsumerGroupHeartbeatResponse, ShareGroupHeartbeatResponse> response;
    };
    struct ModernWritten {
        std::vector<ModernRecordKey> keys;
        std::vector<Bytes> buried;
        std::vector<Reply> replies;
        std::vector<TopicPartition> toInitialize;
    };
    struct Tombstones {
        std::vector<TopicPartition> offsets;
        bool group = false; ///< the whole group
    };
    using WriteKind = std::variant<NewGroup, Emptied, Assigned, StaticMemberReplaced,
        OffsetsCommitted, TxnOffsetsWritten, ModernWritten, Tombstones>;
    struct PendingWrite {
        std::string group;
        std::int32_t partition = 0;
        WriteKind kind;
    };

    // Looking up and judging.
    Group *find(const std::string &group);
    Group &create(const std::string &group, Context &context);
    void forget(Group &group);
    ErrorCode checkMember(const Group &group, const std::string &memberId,
        const std::optional<std::string> &groupInstanceId) const;
    bool acceptsAnother(const Group &group, const std::string &memberId) const;
    static bool supportsProtocols(const Group &group, const JoinGroupRequest &request);
    static std::vector<Protocol> protocolsOf(const JoinGroupRequest &request);
    static SharedBytes metadataFor(const Member &member, const std::string &protocol);
    static std::string selectProtocol(const Group &group);
    static bool everybodyJoined(const Group &group);
    static Duration rebalanceTimeout(const Group &group);

    // Joining.
    void joinNewMember(Caller caller, Group &group, const JoinGroupRequest &request,
        Context &context, Effects &effects);
    void joinKnownMember(Caller caller, Group &group, const JoinGroupRequest &request,
        Context &context, Effects &effects);
    void addMember(Caller caller, Group &group, const std::string &memberId,
        const JoinGroupRequest &request, Context &context, Effects &effects);
    void updateMember(Caller caller, Group &group, Member &member, const JoinGroupRequest &request,
        LogReason reason, Context &context, Effects &effects);
    void replaceStaticMember(Caller caller, Group &group, const std::string &newMemberId,
        const JoinGroupRequest &request, Context &context, Effects &effects);
    Member &renameStaticMember(Group &group, const std::string &from, const std::string &to);
    void dropPendingMember(Group &group, const std::string &memberId);
    void parkJoin(Caller caller, Group &group, Member &member, Context &context);
    void answerCurrentGeneration(const ParkedCall &call, const Group &group, const Member &member,
        const std::string &leaderId, Effects &effects) const;

    // The rounds.
    void changeState(Group &group, GroupState state, LogReason reason, Context &context);
    void rebalanceOrCompleteJoin(
        Group &group, LogReason reason, Context &context, Effects &effects);
    void prepareRebalance(Group &group, LogReason reason, Context &context, Effects &effects);
    void completeJoinIfAllJoined(
        Group &group, LogReason reason, Context &context, Effects &effects);
    void completeJoin(Group &group, LogReason reason, Context &context, Effects &effects);
    void initialDelayOver(Group &group, Context &context, Effects &effects);
    void syncPhaseOver(Group &group, std::int32_t generation, Context &context, Effects &effects);
    void answerParkedSyncs(Group &group, ErrorCode error, Context &context, Effects &effects);
    void removeMember(Group &group, const std::string &memberId, LogReason reason, Context &context,
        Effects &effects);
    void memberSynced(Group &group, const std::string &memberId);
    static void recordSynced(const Group &group, const Member &member, Context &context);
    void keepAlive(Group &group, Member &member, Context &context);
    void sessionExpired(
        Group &group, const std::string &memberId, Context &context, Effects &effects);

    // Offsets.
    /// The partitions of a commit that are admitted, with what is to be written for them.
    struct Commits {
        std::vector<std::pair<TopicPartition, Commit>> accepted;
        std::vector<ErrorCode> verdicts; ///< one for each partition of the request
        BatchBuilder batch;
    };
    static Commits gather(const std::string &group,
        std::span<const OffsetCommitRequest::Partition> wanted, ErrorCode admitted,
        std::span<const ErrorCode> refused, const Context &context);
    ErrorCode admitCommit(const OffsetCommitRequest &request, Context &context);
    ErrorCode admitCommitInTransaction(const TxnOffsetCommitRequest &request) const;
    /// Of a modern group: the verdict on each partition, put before `refused`.
    std::vector<ErrorCode> judgeModernCommit(const ModernGroup &group, std::int32_t epoch,
        const std::string &memberId, std::span<const OffsetCommitRequest::Partition> wanted,
        std::span<const ErrorCode> refused, bool inTransaction) const;
    static void materialize(StoredCommits &&pending, StoredCommits &offsets);
    ErrorCode admitFetch(const ModernGroup &group, const OffsetFetchRequest &request) const;
    std::set<TopicPartition> unstableOffsets(const std::string &group) const;
    void recordRefusedCommit(
        NameId group, NameId committer, ErrorCode error, Context &context) const;
    NameId nameOf(const std::string &group, const std::string &memberId) const;
    void expireOffsets(std::int32_t partition, Context &context);
    std::vector<TopicPartition> expiredOffsets(const Group &group, std::int64_t nowMs) const;
    static std::optional<std::set<std::string>> subscribedTopics(const Group &group);
    void bury(const std::string &group, std::vector<TopicPartition> offsets, bool wholeGroup,
        Context &context);

    // Groups with assignment by the coordinator: group_heartbeats.cpp, share_groups.cpp.
    /// A heartbeat of either type.
    struct Beat {
        GroupType type = GroupType::Consumer;
        std::string group;
        ModernMember member; ///< what it says of itself, where it says it
        std::int32_t epoch = 0;
        std::optional<std::set<std::string>> topics;
        std::optional<PartitionSet> owned;
        bool isFull = false; ///< it wants to be told its assignment
    };
    struct BeatAnswer {
        ErrorCode error = ErrorCode::None;
        std::int32_t epoch = 0;
        std::optional<std::vector<TopicPartition>> assignment;
        std::vector<TopicPartition> toInitialize;
    };
    BeatAnswer takeBeat(const Beat &beat, const ClusterImage &image, Context &context);
    BeatAnswer leaveModern(const Beat &beat, Context &context);
    ErrorCode admitBeat(const Beat &beat, Group *group) const;
    ErrorCode admitEpoch(const Beat &beat, const ModernMember &member) const;
    Group &modernGroup(const Beat &beat, Context &context);
    bool becomeClassic(Group &group);
    bool joinOrUpdate(Group &group, const Beat &beat);
    void updateEpoch(Group &group, bool subscriptionChanged, const ClusterImage &image);
    void updateTarget(Group &group, const ClusterImage &image, Context &context);
    void updateMember(Group &group, const Beat &beat, bool subscriptionChanged, Context &context);
    void showState(Group &group, LogReason why, Context &context);
    void showModern(const Group &group, GroupSnapshot &out) const;
    void keepModernAlive(
        Group &group, const std::string &memberId, const ClusterImage &image, Context &context);
    void cancel(Life &life);
    void reviveModern(Group &group, const ClusterImage &image, Context &context);
    void removeModern(Group &group, const std::string &memberId, LogReason why, Context &context);
    void revocationOver(
        Group &group, const std::string &memberId, std::int32_t epoch, Context &context);
    void answerWhenWritten(Group &group, std::vector<Reply> &&replies,
        std::vector<TopicPartition> &&toInitialize, Context &context, Effects &effects);
    std::vector<TopicPartition> sharesToInitialize(
        Group &group, const ClusterImage &image, const Context &context);

    // Persistence.
    std::int32_t partitionOf(const std::string &group) const;
    bool isBeingWritten(const std::string &group) const;
    void write(const std::string &group, WriteKind kind, BatchBuilder &batch);
    void writeMetadata(Group &group, WriteKind kind,
        const std::map<std::string, SharedBytes> &assignments, Context &context);
    struct Stored {
        std::optional<GroupMetadata> metadata;
        std::map<GroupType, std::map<ModernRecordKey, Bytes>> modern; ///< their values
        StoredCommits offsets;
        std::map<std::int64_t, StoredCommits> pendingTxn;
    };
    using StoredGroups = std::map<std::string, Stored>;
    static Result<StoredGroups, Error> readBack(
        const PartitionLog &log, std::int64_t highWatermark, const Files &files);
    static bool apply(const RecordView &record, std::int64_t producerId, StoredGroups &groups);
    static void applyMarker(
        const RecordView &marker, std::int64_t producerId, StoredGroups &groups);
    static void takeOver(Group &group, const GroupMetadata &metadata, Context &context);
    bool takeOverModern(
        Group &group, const Stored &stored, const ClusterImage &image, Context &context) const;
    void revive(Group &group, const ClusterImage &image, Context &context);
    void finish(const std::string &groupId, NewGroup &write, ErrorCode error, Context &context,
        Effects &effects);
    void finish(const std::string &groupId, Emptied &write, ErrorCode error, Context &context,
        Effects &effects);
    void finish(const std::string &groupId, Assigned &write, ErrorCode error, Context &context,
        Effects &effects);
    void finish(const std::string &groupId, StaticMemberReplaced &write, ErrorCode error,
        Context &context, Effects &effects);
    void finish(const std::string &groupId, OffsetsCommitted &write, ErrorCode error,
        Context &context, Effects &effects);
    void finish(const std::string &groupId, TxnOffsetsWritten &write, ErrorCode error,
        Context &context, Effects &effects);
    void finish(const std::string &groupId, ModernWritten &write, ErrorCode error, Context &context,
        Effects &effects);
    void finish(const std::string &groupId, Tombstones &write, ErrorCode error, Context &context,
        Effects &effects);

    BrokerConfig m_config;
    NodeId m_broker;
    std::map<std::string, Group> m_groups;
    std::map<std::int32_t, Handle>
        m_loaded; ///< partitions, with their next look for expired offsets
    Deadlines<Deadline> m_deadlines;
    std::vector<Write> m_outbox;
    std::map<std::uint64_t, PendingWrite> m_pending; ///< by id: in the order they were made
    std::uint64_t m_nextWrite = 1;
    std::uint64_t m_metadataVersion = 1; ///< goes up when topics change
    std::vector<ShareInitialization> m_shareInitializations;
    std::int64_t m_nextOrder = 0; ///< of a commit; above the offsets of all records read back
};

} // namespace queuelab::log
