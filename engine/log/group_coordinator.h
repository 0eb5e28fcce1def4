#pragma once

#include "engine/core/context.h"
#include "engine/log/broker_config.h"
#include "engine/log/broker_io.h"
#include "engine/log/deadlines.h"
#include "engine/log/events.h"
#include "engine/log/partition_log.h"
#include "engine/log/requests.h"
#include "engine/log/snapshot.h"

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::log {

/// The group coordinator of the classic protocol, as Kafka 4.x has it (facts: kafka.md 3.1, 3.2):
/// members join, the leader shares out, heartbeats keep members alive. It knows members and
/// generations; what is shared out is opaque to it. A value.
///
/// States: Empty → PreparingRebalance (members send JoinGroup and wait) → CompletingRebalance (they
/// wait for the leader's assignment) → Stable; back to PreparingRebalance whenever membership or a
/// subscription changes.
class GroupCoordinator {
public:
    explicit GroupCoordinator(const BrokerConfig &config);

    /// Answered now, or when the group's round of joining ends.
    void join(Caller caller, const JoinGroupRequest &request, Context &context, Effects &effects);
    /// Answered now, or when the leader has handed in the assignment.
    void sync(Caller caller, const SyncGroupRequest &request, Context &context, Effects &effects);
    HeartbeatResponse heartbeat(const HeartbeatRequest &request, Context &context);
    LeaveGroupResponse leave(const LeaveGroupRequest &request, Context &context, Effects &effects);

    // Which groups are its own: those of the partitions of __consumer_offsets that its broker
    // leads.

    /// The broker became the leader of this partition: reads members, generations and offsets back
    /// from the log (all below `highWatermark`). Members get a whole session timeout from now. An
    /// Error when the log cannot be read; it then coordinates nothing of it.
    Result<void, Error> load(std::int32_t partition, const PartitionLog &log,
        std::int64_t highWatermark, Context &context);
    /// The broker leads it no longer: who waits is told NotCoordinator, the groups are forgotten.
    void unload(std::int32_t partition, Context &context, Effects &effects);
    /// Whether requests for this group belong here; others are answered NotCoordinator.
    bool coordinates(const std::string &group) const;

    /// Whether this member may commit now; keeps its session alive if so.
    ErrorCode admitCommit(const OffsetCommitRequest &request, Context &context);
    /// The name in the trace of a member's client; kNoName when there is no such member.
    NameId nameOf(const std::string &group, const std::string &memberId) const;

    // Offsets.

    /// Answered when the commit stands in the log, or at once when it is refused.
    void commit(Caller caller, const OffsetCommitRequest &request, NameId client, Context &context,
        Effects &effects);
    OffsetFetchResponse fetch(const OffsetFetchRequest &request) const;
    /// Tombstones for what groups of its own committed in a topic that is no more.
    void forgetTopic(const std::string &topic, Context &context);

    // What it writes. After every call above the broker takes the writes, appends each to its
    // partition with acks=all, and says what became of it.

    struct Write {
        std::uint64_t id = 0;
        std::int32_t partition = 0; ///< of __consumer_offsets
        SharedBytes batch;
    };
    /// Appends to `out`, in the order in which they are to be written.
    void takeWrites(std::vector<Write> &out);
    /// The write is committed, or failed. Writes of one partition are told in their order.
    void written(std::uint64_t id, ErrorCode error, Context &context, Effects &effects);

    /// Answers to this client are no longer sent. It stays a member until its session times out: as
    /// in Kafka, the end of a connection says nothing about the group.
    void clientGone(ClientId client);

    std::optional<Instant> nextDeadline() const { return m_deadlines.earliest(); }
    /// Carries out what is due.
    void expire(Context &context, Effects &effects);

    std::vector<GroupSnapshot> snapshot() const; ///< by name

private:
    enum class Due : std::uint8_t { InitialDelay, JoinPhase, SyncPhase, Session, PendingMember };
    struct GroupDeadline {
        Due due;
        std::string group;
        std::string memberId; ///< Session, PendingMember
        std::int32_t generation = -1; ///< SyncPhase
    };
    using Handle = std::optional<Deadlines<GroupDeadline>::Handle>;

    struct Protocol {
        std::string name;
        SharedBytes metadata;
        friend bool operator==(const Protocol &, const Protocol &) = default;
    };
    struct ParkedCall {
        Caller caller;
        bool gone = false; ///< the connection broke: it counts, but nobody is answered
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
    struct Group {
        std::string id;
        NameId name = kNoName;
        GroupState state = GroupState::Empty;
        GroupState previousState = GroupState::Empty;
        std::int32_t generation = 0;
        std::string protocolType;
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
    };

    // Looking up and judging.
    Group *find(const std::string &group);
    ErrorCode checkMember(const Group &group, const std::string &memberId,
        const std::optional<std::string> &groupInstanceId) const;
    bool acceptsAnother(const Group &group, const std::string &memberId) const;
    static bool supportsProtocols(const Group &group, const JoinGroupRequest &request);
    static std::vector<Protocol> protocolsOf(const JoinGroupRequest &request);
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
    void parkJoin(Caller caller, const Group &group, Member &member, Context &context);
    void answerCurrentGeneration(Caller caller, const Group &group, const Member &member,
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

    BrokerConfig m_config;
    std::map<std::string, Group> m_groups;
    Deadlines<GroupDeadline> m_deadlines;
};

} // namespace queuelab::log
