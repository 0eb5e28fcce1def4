#pragma once

#include "engine/core/context.h"
#include "engine/log/broker_config.h"
#include "engine/log/broker_io.h"
#include "engine/log/deadlines.h"
#include "engine/log/partition_log.h"
#include "engine/log/quorum_state.h"
#include "engine/log/snapshot.h"

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace queuelab::log {

/// One broker's part of the controller quorum: KRaft (KIP-595, pre-vote KIP-996; facts: kafka.md
/// 5). The voters elect a leader, the active controller, which appends to the metadata log
/// `__cluster_metadata-0`; the others, and brokers without a vote, fetch it. A record is committed
/// once a majority of the voters has it on disk. A value; part of a Broker, whose effects it
/// appends.
///
/// Its requests to peers have ids with kQuorumRequest set, so that their answers find it.
///
/// It syncs what it appends before it counts (as KRaft does), and keeps epoch and vote in the file
/// `quorum-state`, so that a restart never votes twice in an epoch. Nothing is read from a log
/// whose end is not known to be committed: until it has heard of a high watermark, highWatermark()
/// is 0. The log is not compacted into snapshots: it is as long as the cluster's history.
class Quorum {
public:
    static constexpr std::uint64_t kQuorumRequest = std::uint64_t{1} << 63;

    Quorum(NodeId self, const BrokerConfig &config);

    /// Reads the log and quorum-state below `directory` (the broker's). The only voter is the
    /// leader when this returns, and all it has is committed.
    Result<void, Error> open(const std::string &directory, bool cleanShutdown, Context &context,
        std::vector<std::string> &notes);
    Result<void, Error> close(Context &context);

    /// Vote, BeginQuorumEpoch, EndQuorumEpoch, and Fetch of kMetadataTopic, by another broker.
    /// Answered now or later.
    void apply(const PeerRequest &request, Context &context, Effects &effects);
    /// The answer to a request of its own.
    void apply(const PeerAnswer &answer, Context &context, Effects &effects);
    void peerLost(NodeId peer, Context &context, Effects &effects);
    std::optional<Instant> nextDeadline() const { return m_deadline; }
    /// Carries out what is due. After open() something is due at once.
    void expire(Context &context, Effects &effects);

    bool isLeader() const { return m_role == QuorumRole::Leader; }
    /// The active controller as far as it knows.
    std::optional<NodeId> leader() const { return m_leader; }
    std::int32_t epoch() const { return m_epoch; }
    /// As leader: appends these records as one batch. Returns the offset of the last: they are
    /// committed when highWatermark() is above it, which may be at once. NotController when it does
    /// not lead, KafkaStorageError when it cannot write (it then resigns).
    Result<std::int64_t, ErrorCode> append(
        const std::vector<Bytes> &values, Context &context, Effects &effects);
    /// Everything below is committed; never goes down in a life.
    std::int64_t highWatermark() const { return m_highWatermark; }
    std::int64_t logEndOffset() const { return m_log->logEndOffset(); }
    /// Calls `handle(offset, value)` for the records in [from, to), control records left out.
    Result<void, Error> read(std::int64_t from, std::int64_t to,
        const std::function<void(std::int64_t offset, ByteView value)> &handle,
        const Files &files) const;
    /// As leader: steps down in favour of the voter that is furthest (EndQuorumEpoch). Before a
    /// controlled shutdown.
    void resign(Context &context, Effects &effects);

    QuorumRole role() const { return m_role; }

private:
    /// One request at a time is out to a peer (KRaft's RequestManager).
    struct Connection {
        std::optional<RequestId> request{}; ///< out to it
        Instant until{}; ///< when the request times out; without one, when it may be asked again
        int losses = 0; ///< in a row
    };
    /// What a leader knows of a follower.
    struct Replica {
        std::int64_t endOffset = -1; ///< of what it has on disk; -1 it has not fetched yet
        std::int64_t toldHighWatermark = 0; ///< in the last answer to it
    };
    struct ParkedFetch {
        NodeId from;
        RequestId id;
        std::int64_t offset = 0;
        std::int32_t maxBytes = 0;
        Instant until{};
    };
    /// A leader that has stepped down tells the others.
    struct Resignation {
        std::vector<std::int32_t> successors{}; ///< best first
        std::set<NodeId> unaware{}; ///< have not acknowledged it yet
    };

    // quorum.cpp
    bool isVoter(NodeId node) const;
    std::size_t majority() const { return m_voters.size() / 2 + 1; }
    void act(Context &context, Effects &effects);
    void send(Context &context, Effects &effects);
    bool isReady(NodeId peer, Instant now) const;
    bool anyRequestOut() const;
    void ask(NodeId peer, Request request, Context &context, Effects &effects);
    void backOff(NodeId peer, Instant now);
    void releaseConnections(Instant now);
    void findDeadline(Instant now);

    // quorum_election.cpp
    Instant electionTimeout(Context &context) const;
    bool write(const ElectionState &state, Context &context);
    bool persist(Context &context);
    void enter(QuorumRole role, std::int32_t epoch, std::optional<NodeId> leader,
        std::optional<Instant> timeout, Context &context, Effects &effects);
    void becomeUnattached(std::int32_t epoch, Context &context, Effects &effects);
    void becomeFollower(std::int32_t epoch, NodeId leader, Context &context, Effects &effects);
    void becomeProspective(Context &context, Effects &effects);
    void becomeCandidate(Context &context, Effects &effects);
    void becomeLeader(Context &context, Effects &effects);
    void becomeResigned(Context &context, Effects &effects);
    void loseElection(Context &context, Effects &effects);
    void timeOut(Context &context, Effects &effects);
    void learn(std::int32_t epoch, std::int32_t leader, Context &context, Effects &effects);
    bool heed(NodeId from, ErrorCode error, std::int32_t epoch, std::int32_t leader,
        Context &context, Effects &effects);
    bool grants(const VoteRequest &vote) const;
    bool castVote(NodeId candidate, Context &context);
    bool votesGranted() const;
    bool votesRejected() const;
    VoteResponse answer(const VoteRequest &vote, Context &context, Effects &effects);
    BeginQuorumEpochResponse answer(
        const BeginQuorumEpochRequest &begin, Context &context, Effects &effects);
    EndQuorumEpochResponse answer(
        const EndQuorumEpochRequest &end, Context &context, Effects &effects);
    void take(NodeId from, const VoteResponse &vote, Context &context, Effects &effects);
    void take(
        NodeId from, const BeginQuorumEpochResponse &begin, Context &context, Effects &effects);
    void take(NodeId from, const EndQuorumEpochResponse &end, Context &context, Effects &effects);
    void askForVotes(Context &context, Effects &effects);

    // quorum_replication.cpp
    std::int32_t lastEpoch() const;
    void onFetch(
        const PeerRequest &request, const FetchRequest &fetch, Context &context, Effects &effects);
    std::optional<EpochEnd> divergence(const FetchRequest::Partition &fetch) const;
    void countFollower(NodeId follower, std::int64_t endOffset, Instant now);
    void advanceHighWatermark();
    void answerParked(Context &context, Effects &effects);
    FetchResponse::Partition emptyAnswer(ErrorCode error) const;
    FetchResponse::Partition records(const ParkedFetch &fetch, const Files &files) const;
    void take(NodeId from, const FetchResponse &fetched, Context &context, Effects &effects);
    bool takeRecords(const FetchResponse::Partition &fetched, Context &context);
    bool truncate(const EpochEnd &diverging, Context &context);
    bool sync(Context &context);
    void fetch(NodeId voter, Context &context, Effects &effects);
    void fetchFromAnyVoter(Context &context, Effects &effects);
    void fetchFromLeader(Context &context, Effects &effects);

    NodeId m_self;
    std::vector<NodeId> m_voters; // ascending
    Duration m_electionTimeout;
    Duration m_fetchTimeout;
    Duration m_electionBackoffMax;
    Duration m_requestTimeout;
    std::string m_statePath;
    std::optional<ElectionState> m_persisted; // what quorum-state says

    QuorumRole m_role = QuorumRole::Unattached;
    std::int32_t m_epoch = 0;
    std::optional<NodeId> m_leader;
    std::optional<NodeId> m_votedFor; // in m_epoch
    std::optional<PartitionLog> m_log; ///< from open() on
    bool m_unsynced = false; // the log has records that may not be on disk
    std::int64_t m_highWatermark = 0;

    // What runs out with the role: the election, the leader's silence, the majority's silence.
    std::optional<Instant> m_timeout;
    std::optional<Instant> m_deadline;
    std::map<NodeId, Connection> m_connections;
    std::uint64_t m_lastRequest = 0;

    // As prospective or candidate.
    std::map<NodeId, bool> m_votes;
    // As follower.
    bool m_leaderAnswers = false; // it has answered a fetch in this epoch
    // As one that has led.
    std::optional<Resignation> m_resignation;
    // As leader.
    std::int64_t m_epochStart = 0; // offset of this epoch's first record
    Instant m_announceAt{};
    std::map<NodeId, Replica> m_replicas;
    std::set<NodeId> m_heardFrom; // voters that fetched since m_timeout was set
    std::vector<ParkedFetch> m_parked;
};

} // namespace queuelab::log
