#pragma once

#include "engine/log/consumer.h"
#include "engine/log/events.h"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::log {

/// What a Consumer is made of. consumer.cpp is its outside and its agenda, consumer_cluster.cpp
/// knows whom to ask, consumer_membership.cpp joins and leaves the group, in the protocol of
/// KIP-848 consumer_heartbeat.cpp does, consumer_positions.cpp finds, checks and commits positions,
/// consumer_records.cpp fetches and hands out.
struct Consumer::State {
    /// Where it stands with its group.
    enum class Phase : std::uint8_t {
        Unjoined, ///< has to send JoinGroup, or to heartbeat with member epoch 0
        Joining, ///< JoinGroup is out
        Assigning, ///< it leads: looks up partition counts before it shares out
        Syncing, ///< SyncGroup is out
        Synced, ///< has its assignment; the application takes it over in its next poll()
        Stable,
    };
    enum class Sent : std::uint8_t {
        Metadata,
        FindCoordinator,
        Join,
        Sync,
        Heartbeat,
        ConsumerHeartbeat, ///< of KIP-848
        Leave,
        Commit,
        CommitFirst, ///< a reconciliation waits for it
        OffsetFetch,
        ListOffsets,
        Validate, ///< OffsetForLeaderEpoch
        Fetch,
    };
    static constexpr int kManyFailures = 30; ///< from here on the backoff is as long as it gets
    using Offsets = std::vector<std::pair<TopicPartition, std::int64_t>>;
    struct InFlight {
        RequestId id;
        Sent sent;
        NodeId broker;
        Instant expires;
        std::int32_t generation; ///< in which it was sent
        /// Commit, CommitFirst: what is committed; Fetch: from where; Validate: the positions.
        Offsets offsets;
    };
    struct Partition {
        NameId name = kNoName;
        std::int64_t position = -1; ///< the next record poll() gives; -1 not known yet
        std::int64_t start = -1; ///< its first position here
        std::int64_t committed = -1;
        std::int64_t fetched = -1; ///< the next offset to ask for
        std::int64_t readableEnd = -1; ///< as the last fetch told
        std::optional<LogReason> resetReason; ///< why ListOffsets has to find the position
        bool stuck = false; ///< auto.offset.reset is none and there is nothing to go by
        bool sought = false; ///< by seek(); not told to the trace yet
        bool buffered = false; ///< fetched records wait for poll()
        bool paused = false; ///< by pause()
        bool revoking = false; ///< a reconciliation gives it up: it is not read any more
        bool damaged = false; ///< the records in hand cannot be read: fetched again
        std::int32_t epoch = -1; ///< leader epoch of the record before the position; -1 not known
        std::int32_t validEpoch = -1; ///< leader epoch in which the position was found good
        std::int32_t askedEpoch = -1; ///< the same, of the Validate that is out
        Instant notBefore{}; ///< of the next try after an error
        std::int32_t failures = 0; ///< errors in a row
    };
    struct Leader {
        NodeId broker{-1};
        std::int32_t epoch = -1; ///< -1: whatever is heard next is news
    };
    /// What one fetch brought for one partition: checked, and not all handed out yet.
    struct Fetched {
        TopicPartition partition;
        std::vector<SharedBytes> pieces;
        std::size_t piece = 0; ///< the one in hand
        std::size_t at = 0; ///< of the next batch in it
        std::optional<RecordCursor> open; ///< the batch in hand
        std::int32_t epoch = -1; ///< of the batch in hand
        std::int64_t end = 0; ///< the offset after the last batch
        // read_committed.
        std::vector<FetchResponse::Partition::AbortedTransaction> aborted{}; ///< by first offset
        std::size_t begun = 0; ///< so many of them begin before the end of the batch in hand
        std::vector<std::int64_t> abortedProducers{}; ///< of those that no marker has ended yet
    };

    /// How a member of KIP-848 comes to own what the coordinator wants.
    struct Reconciliation {
        std::set<TopicPartition> target;
        Offsets commitFirst; ///< by auto-commit, before anything is given up; not answered yet
        Instant commitNotBefore{};
        Instant commitUntil{}; ///< then it goes on without
    };

    explicit State(ConsumerConfig config);

    std::string clientId;
    ConsumerConfig config;
    NameId name = kNoName;
    NameId groupName = kNoName;
    bool running = false;
    ErrorCode failure = ErrorCode::None;
    bool cooperative = false; ///< only when every assignor of the list is

    // The group.
    std::optional<NodeId> coordinator;
    Instant coordinatorNotBefore{};
    int coordinatorFailures = 0;
    Phase phase = Phase::Unjoined;
    Instant joinNotBefore{};
    bool rejoinNeeded = false;
    std::string rejoinReason;
    std::string memberId;
    std::int32_t generation = -1; ///< or member epoch; -1: not a member
    bool holdsAssignment = false;
    std::optional<StickyUserData> lastAssignment; ///< kept when the membership is lost
    LogReason lostReason = LogReason::Rebalance;
    std::vector<TopicPartition> newAssignment; ///< Synced
    JoinGroupResponse led; ///< Assigning: what the leader was told
    std::set<std::string>
        groupTopics; ///< what a leader's group subscribes to; empty: not the leader
    std::map<std::string, std::int32_t>
        assignedCounts; ///< what the leader's last assignment was made of
    Instant nextHeartbeat{};
    // The group, with group.protocol=consumer.
    std::chrono::milliseconds consumerHeartbeatInterval{0}; ///< as the coordinator said
    std::int32_t heartbeatFailures = 0; ///< in a row
    bool heartbeatTellsAll = true; ///< the next one leaves nothing out
    bool acknowledges = false; ///< the next one is due now, and says what it owns
    std::optional<std::set<TopicPartition>> target; ///< what it shall own; nothing: not told yet
    bool isReconciled = true; ///< with the target
    std::optional<Reconciliation> reconciliation; ///< under way
    // Both protocols.
    std::optional<Instant> nextAutoCommit;
    Offsets commitWanted; ///< by commit(), or by one that got no answer: still to be sent
    Instant commitNotBefore{};

    // The application.
    bool waiting = true; ///< blocked in poll(): the last one gave nothing
    Instant lastPoll{};

    // The cluster.
    KnownBrokers brokers;
    std::map<std::string, std::vector<Leader>> topics; ///< those that exist
    bool metadataWanted = true;
    Instant metadataNotBefore{};
    Instant metadataExpires{};
    int metadataFailures = 0;

    // The records.
    std::map<TopicPartition, Partition> partitions;
    std::deque<Fetched> buffer;
    std::vector<PolledRecords> polled;
    std::uint64_t fetchesSent = 0;

    std::vector<InFlight> inFlight;
    std::uint64_t nextRequest = 1;
    std::optional<Instant> askedWake;

    /// Does whatever can be done now, then asks to be woken for the rest. Called at the end of
    /// every step.
    void advance(Context &context, ClientEffects &effects);
    void ask(Instant at, ClientEffects &effects);
    void askForNextWake(Instant now, ClientEffects &effects);
    void send(Sent sent, NodeId broker, Request &&request, Duration timeout, Context &context,
        ClientEffects &effects, Offsets offsets = {});
    bool isOut(Sent sent) const;
    void forget(std::initializer_list<Sent> kinds);
    void requestFailed(const InFlight &request, Context &context);
    void lose(NodeId broker, Context &context);
    Duration backoff(int failures, Context &context) const;
    void backOff(Partition &partition, Context &context) const;
    void expireRequests(Context &context);

    // Cluster and coordinator.
    void findCoordinator(Context &context, ClientEffects &effects);
    void applyCoordinator(const FindCoordinatorResponse &response, Context &context);
    void coordinatorLost(Context &context);
    void requestMetadata(Context &context, ClientEffects &effects);
    void applyMetadata(const MetadataResponse &response, Context &context, ClientEffects &effects);
    Leader leaderOf(const TopicPartition &partition) const;
    /// True when the hint tells a newer leader.
    bool leaderIsWrong(const TopicPartition &partition, const std::optional<LeaderHint> &hint);
    std::map<std::string, std::int32_t> countsOf(const std::set<std::string> &names) const;

    // Membership.
    void tendMembership(Context &context, ClientEffects &effects);
    void join(Context &context, ClientEffects &effects);
    void applyJoin(const JoinGroupResponse &response, Context &context, ClientEffects &effects);
    void shareOut(Context &context, ClientEffects &effects);
    void sendSync(std::vector<SyncGroupRequest::Assignment> &&assignments, Context &context,
        ClientEffects &effects);
    void applySync(const SyncGroupResponse &response, Context &context);
    void takeOverAssignment(Context &context);
    bool own(const std::set<TopicPartition> &assigned, Context &context);
    void applyHeartbeat(const HeartbeatResponse &response, Context &context);
    void groupError(ErrorCode error, Context &context);
    void fail(ErrorCode error, Context &context);
    void membershipLost(bool forgetMemberId, LogReason reason);
    void rejoin(std::string why);
    void leave(std::string_view why, Context &context, ClientEffects &effects);
    void revoke(
        std::map<TopicPartition, Partition>::iterator &at, LogReason reason, Context &context);
    void revokeAll(LogReason reason, Context &context);

    // Membership with assignment by the coordinator.
    void tendConsumerMembership(Context &context, ClientEffects &effects);
    void sendConsumerHeartbeat(Context &context, ClientEffects &effects);
    void applyConsumerHeartbeat(const ConsumerGroupHeartbeatResponse &response, Context &context);
    void consumerHeartbeatRefused(ErrorCode error, Context &context);
    void consumerHeartbeatFailed(Context &context);
    void reconcile(Context &context, ClientEffects &effects);
    void beginReconciliation(Context &context);
    void finishReconciliation(Context &context);
    void leaveConsumerGroup(Context &context, ClientEffects &effects);

    // Offsets and records.
    Offsets offsetsToCommit() const;
    void wantCommit(const Offsets &offsets);
    void autoCommit(Context &context, ClientEffects &effects);
    void commitWhatIsWanted(Context &context, ClientEffects &effects);
    void sendCommit(
        Offsets &&offsets, Context &context, ClientEffects &effects, Sent sent = Sent::Commit);
    void applyCommit(
        const InFlight &request, const OffsetCommitResponse &response, Context &context);
    void commitRefused(const InFlight &request, ErrorCode error, Context &context);
    void findPositions(Context &context, ClientEffects &effects);
    void applyOffsetFetch(const OffsetFetchResponse &response, Context &context);
    void applyListOffsets(const ListOffsetsResponse &response, Context &context);
    void setPosition(
        const TopicPartition &partition, Partition &owned, std::int64_t offset, std::int32_t epoch);
    static void forgetLostCommit(Partition &owned);
    void recordReset(const Partition &partition, LogReason reason, Context &context);
    bool isValid(const TopicPartition &partition, const Partition &owned) const;
    void validatePositions(Context &context, ClientEffects &effects);
    void applyValidation(
        const InFlight &request, const OffsetForLeaderEpochResponse &response, Context &context);
    void sendFetches(Context &context, ClientEffects &effects);
    void applyFetch(const InFlight &request, const FetchResponse &response, Context &context);
    bool takeIn(Partition &partition, const FetchResponse::Partition &result);
    void drop(const TopicPartition &partition);
    static bool isAborted(Fetched &fetched, const BatchHeader &header, ByteView batch);
    std::int32_t handOutFrom(Fetched &fetched, Partition &owned, std::int32_t most,
        const std::function<void(const TopicPartition &, const RecordView &)> &handle,
        Context &context);
    void handOut(const std::function<void(const TopicPartition &, const RecordView &)> &handle,
        Context &context);
};

} // namespace queuelab::log
