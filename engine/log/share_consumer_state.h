#pragma once

#include "engine/log/events.h"
#include "engine/log/share_consumer.h"

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

namespace queuelab::log {

/// What a ShareConsumer is made of. share_consumer.cpp is its outside, its membership and what it
/// knows of the cluster; share_consumer_records.cpp fetches, hands out and acknowledges.
struct ShareConsumer::State {
    enum class Sent : std::uint8_t { Metadata, FindCoordinator, Heartbeat, Fetch, Acknowledge };
    static constexpr int kManyFailures = 30; ///< from here on the backoff is as long as it gets

    /// What is said of a run of records.
    struct Said {
        TopicPartition partition;
        std::int64_t first = 0;
        std::int64_t last = 0;
        AcknowledgeType type = AcknowledgeType::Accept;
    };
    struct InFlight {
        RequestId id;
        Sent sent;
        NodeId broker;
        Instant expires;
        std::int64_t acknowledged = 0; ///< records that it acknowledges
    };
    /// With the leader of some of its partitions.
    struct Session {
        std::int32_t epoch = 0; ///< of the next request
        std::uint64_t life = 1; ///< counts sessions: locks of an earlier one are gone
        std::set<TopicPartition> partitions{}; ///< those that the broker knows of
        std::vector<Said> said{}; ///< to be sent
        Instant notBefore{}; ///< of the next request after a failure
        int failures = 0; ///< in a row
        bool isUrgent = false; ///< commit(): does not wait for a fetch
    };
    /// What one fetch brought of one partition, and is not handed out yet.
    struct Fetched {
        NodeId broker;
        std::uint64_t life = 0;
        TopicPartition partition;
        std::vector<SharedBytes> pieces;
        std::vector<AcquiredRecords> acquired;
    };
    /// A run of records that the application has.
    struct Delivered {
        NodeId broker;
        std::uint64_t life = 0;
        TopicPartition partition;
        std::int64_t first = 0;
        std::int64_t last = 0;
    };
    struct Leader {
        NodeId broker{-1};
        std::int32_t epoch = -1;
    };

    explicit State(ShareConsumerConfig config);

    std::string clientId;
    ShareConsumerConfig config;
    NameId name = kNoName;
    NameId groupName = kNoName;
    bool running = false;
    bool waiting = true; ///< in poll(): the last one gave nothing
    ErrorCode failure = ErrorCode::None;
    std::uint64_t refused = 0;

    // The group.
    std::optional<NodeId> coordinator;
    Instant coordinatorNotBefore{};
    int coordinatorFailures = 0;
    std::string memberId;
    std::int32_t memberEpoch = 0; ///< 0: joins with the next heartbeat
    bool heartbeatTellsAll = true; ///< the next one names what the coordinator may not know
    Instant nextHeartbeat{};
    std::optional<std::set<TopicPartition>> assignment;

    // The cluster.
    KnownBrokers brokers;
    std::map<TopicPartition, Leader> leaders;
    bool metadataWanted = true;
    Instant metadataNotBefore{};
    Instant metadataExpires{};
    int metadataFailures = 0;

    // The records.
    std::map<NodeId, Session> sessions;
    std::deque<Fetched> buffer;
    std::vector<Delivered> delivered;

    std::vector<InFlight> inFlight;
    std::uint64_t nextRequest = 1;
    std::optional<Instant> askedWake;

    void advance(Context &context, ClientEffects &effects);
    void askForNextWake(Instant now, ClientEffects &effects);
    void send(Sent sent, NodeId broker, Request &&request, std::int64_t acknowledged,
        Context &context, ClientEffects &effects);
    bool isOut(Sent sent) const;
    bool isBusy(NodeId broker) const; ///< a fetch or an acknowledgement is out to it
    void expireRequests(Context &context);
    void lose(NodeId broker, Context &context);
    void requestFailed(const InFlight &request, Context &context);
    Duration backoff(int failures, Context &context) const;

    // Cluster and group.
    void findCoordinator(Context &context, ClientEffects &effects);
    void coordinatorLost(Context &context);
    void requestMetadata(Context &context, ClientEffects &effects);
    void applyMetadata(const MetadataResponse &response, Context &context);
    void leaderMoved(const TopicPartition &partition, const std::optional<LeaderHint> &hint);
    void heartbeat(Context &context, ClientEffects &effects);
    void applyHeartbeat(const ShareGroupHeartbeatResponse &response, Context &context);

    // Records.
    std::map<NodeId, std::set<TopicPartition>> wantedByLeader() const;
    void sendRequests(Context &context, ClientEffects &effects);
    void sendFetch(NodeId broker, Session &session, const std::set<TopicPartition> &wanted,
        Context &context, ClientEffects &effects);
    std::map<TopicPartition, std::vector<AcknowledgementBatch>> takeSaid(
        Session &session, std::int64_t &count);
    void sendAcknowledgements(
        NodeId broker, Session &session, Context &context, ClientEffects &effects);
    void endSession(NodeId broker, Session &session);
    void applyFetch(const InFlight &request, const ShareFetchResponse &response, Context &context);
    void applyAcknowledge(
        const InFlight &request, const ShareAcknowledgeResponse &response, Context &context);
    void sessionError(const InFlight &request, ErrorCode error, Context &context);
    void handOut(
        const Fetched &fetched, const Handle &handle, std::int64_t &count, Context &context);
    void say(const Delivered &run, std::int64_t first, std::int64_t last, AcknowledgeType type);
    static void withdrawRenewals(
        Session &session, const TopicPartition &partition, std::int64_t first, std::int64_t last);
    void acceptDelivered();
};

} // namespace queuelab::log
