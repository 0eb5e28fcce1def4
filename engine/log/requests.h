#pragma once

#include "engine/core/bytes.h"
#include "engine/log/types.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace queuelab::log {

/// The one door of the log engine: Kafka's requests, typed. Simulated clients, the window and the
/// wire codec all build these. Field names and meanings are Kafka's (facts: kafka.md 2.4, 2.5);
/// struct X has its answer in XResponse.

struct MetadataRequest {
    std::optional<std::vector<std::string>> topics{}; ///< nothing: all
    bool allowAutoTopicCreation = false;
};
struct PartitionMetadata {
    ErrorCode error = ErrorCode::None;
    std::int32_t partition = 0;
    std::int32_t leader = -1;
    std::int32_t leaderEpoch = -1;
    std::vector<std::int32_t> replicas{};
    std::vector<std::int32_t> isr{};
    std::vector<std::int32_t> offlineReplicas{};
};
struct TopicMetadata {
    ErrorCode error = ErrorCode::None;
    std::string name{};
    bool isInternal = false; ///< __consumer_offsets, __transaction_state, __share_group_state
    std::vector<PartitionMetadata> partitions{};
};
struct MetadataResponse {
    std::vector<std::int32_t> brokers{}; ///< ids of those that are registered and not fenced
    std::int32_t controller = -1; ///< the active controller; -1 not known
    std::vector<TopicMetadata> topics{};
    /// The cluster's finalized feature transaction.version: 2 with KIP-890, 1 without. On the wire
    /// clients learn it from ApiVersions.
    std::int16_t transactionVersion = 2;
};

struct CreateTopicsRequest {
    struct Topic {
        std::string name{};
        std::int32_t partitions = 1; ///< -1: num.partitions; not with `assignments`
        std::int16_t replicationFactor = 1; ///< -1: default.replication.factor
        std::map<std::string, std::string> configs{}; ///< "retention.ms" and so on
        /// Replicas of each partition, the preferred leader first; empty: the controller places
        /// them.
        std::vector<std::vector<std::int32_t>> assignments{};
    };
    std::vector<Topic> topics{};
};
struct CreateTopicsResponse {
    struct Topic {
        std::string name{};
        ErrorCode error = ErrorCode::None;
        std::string message{};
    };
    std::vector<Topic> topics{};
};

struct CreatePartitionsRequest {
    struct Topic {
        std::string name{};
        std::int32_t count = 0; ///< partitions it shall have in all; more than now
    };
    std::vector<Topic> topics{};
    bool validateOnly = false; ///< answers as if, and changes nothing
};
struct CreatePartitionsResponse {
    struct Topic {
        std::string name{};
        ErrorCode error = ErrorCode::None;
        std::string message{};
    };
    std::vector<Topic> topics{};
};

struct DeleteTopicsRequest {
    std::vector<std::string> topics{};
};
struct DeleteTopicsResponse {
    struct Topic {
        std::string name{};
        ErrorCode error = ErrorCode::None;
    };
    std::vector<Topic> topics{};
};

/// Who leads a partition now, told with an error so that clients need not ask.
struct LeaderHint {
    std::int32_t leader = -1;
    std::int32_t leaderEpoch = -1;
    friend bool operator==(const LeaderHint &, const LeaderHint &) = default;
};
/// Where an epoch ends in a log: the offset after its last record; -1, -1 when not known.
struct EpochEnd {
    std::int32_t epoch = -1;
    std::int64_t endOffset = -1;
    friend bool operator==(const EpochEnd &, const EpochEnd &) = default;
};

struct ProduceRequest {
    struct Partition {
        TopicPartition partition;
        SharedBytes records; ///< exactly one record batch
    };
    std::int16_t acks = -1; ///< -1 all in-sync replicas, 1 the leader, 0 no answer at all
    std::chrono::milliseconds timeout{30'000};
    std::vector<Partition> partitions{};
    /// Of the producer whose transaction the batches belong to; all of them are then transactional.
    std::optional<std::string> transactionalId{};
    /// Version 12 and later, transaction.version 2: the leader adds the partition to the
    /// transaction by itself. Else the producer has done that (AddPartitionsToTxn), and the leader
    /// only asks whether (KIP-890).
    bool addsPartitionsToTxn = false;
};
struct ProduceResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::int64_t baseOffset = -1;
        std::int64_t logAppendTimeMs = -1;
        std::int64_t logStartOffset = -1;
        std::optional<LeaderHint>
            currentLeader{}; ///< with NotLeaderOrFollower, when known (KIP-951)
    };
    std::vector<Partition> partitions{};
};

/// What a reader may see: up to the high watermark, or up to the last stable offset.
enum class IsolationLevel : std::uint8_t { ReadUncommitted, ReadCommitted };

struct FetchRequest {
    struct Partition {
        TopicPartition partition;
        std::int64_t fetchOffset = 0;
        std::int32_t currentLeaderEpoch = -1; ///< -1 skips the check
        std::int32_t partitionMaxBytes = 1'048'576;
        /// Followers: the epoch of the last record they have, so that the leader sees when the logs
        /// have parted (KIP-595); -1 skips that.
        std::int32_t lastFetchedEpoch = -1;
        std::int64_t logStartOffset = -1; ///< followers: where their log starts
    };
    std::int32_t replicaId = -1; ///< the follower that fetches; -1 a consumer
    std::int64_t replicaEpoch = -1; ///< the follower's broker epoch (KIP-903)
    IsolationLevel isolation = IsolationLevel::ReadUncommitted;
    std::chrono::milliseconds maxWait{500};
    std::int32_t minBytes = 1;
    std::int32_t maxBytes = 52'428'800;
    std::vector<Partition> partitions{};
};
struct FetchResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::int64_t highWatermark = -1;
        std::int64_t lastStableOffset = -1;
        std::int64_t logStartOffset = -1;
        std::vector<SharedBytes> records{}; ///< whole batches; each piece starts and ends at one
        /// With read_committed: the aborted transactions that have records in what was returned, by
        /// the order of their markers. Its data records from `firstOffset` to its ABORT marker are
        /// dropped by the reader.
        struct AbortedTransaction {
            std::int64_t producerId = -1;
            std::int64_t firstOffset = -1;
            friend bool operator==(
                const AbortedTransaction &, const AbortedTransaction &) = default;
        };
        std::vector<AbortedTransaction> abortedTransactions{};
        /// The logs have parted: the follower cuts its own to the smaller of this end and its end
        /// of this epoch, and fetches again.
        std::optional<EpochEnd> divergingEpoch{};
        std::optional<LeaderHint>
            currentLeader{}; ///< with NotLeaderOrFollower or FencedLeaderEpoch
    };
    std::vector<Partition> partitions{};
};

struct ListOffsetsRequest {
    static constexpr std::int64_t kLatest = -1;
    static constexpr std::int64_t kEarliest = -2;
    static constexpr std::int64_t kMaxTimestamp = -3;
    struct Partition {
        TopicPartition partition;
        std::int64_t timestamp = kLatest; ///< milliseconds since the epoch, or one of the above
        std::int32_t currentLeaderEpoch = -1; ///< -1 skips the check
    };
    IsolationLevel isolation = IsolationLevel::ReadUncommitted;
    std::vector<Partition> partitions{};
};
struct ListOffsetsResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::int64_t timestamp = -1;
        std::int64_t offset = -1;
        std::int32_t leaderEpoch = -1; ///< of the record at `offset`
    };
    std::vector<Partition> partitions{};
};

struct OffsetForLeaderEpochRequest {
    struct Partition {
        TopicPartition partition;
        std::int32_t currentLeaderEpoch = -1; ///< -1 skips the check
        std::int32_t leaderEpoch = -1; ///< whose end is asked for
    };
    std::vector<Partition> partitions{};
};
struct OffsetForLeaderEpochResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        EpochEnd end;
    };
    std::vector<Partition> partitions{};
};

struct DeleteRecordsRequest {
    static constexpr std::int64_t kAll = -1; ///< up to the high watermark
    struct Partition {
        TopicPartition partition;
        std::int64_t beforeOffset = kAll; ///< the oldest offset that stays
    };
    std::vector<Partition> partitions{};
};
struct DeleteRecordsResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::int64_t lowWatermark = -1; ///< the log start offset now
    };
    std::vector<Partition> partitions{};
};

/// Set or delete settings of topics and groups (IncrementalAlterConfigs, resource types 2 and 32).
struct AlterConfigsRequest {
    struct Resource {
        std::string name{};
        std::map<std::string, std::optional<std::string>>
            configs{}; ///< nothing: back to the default
    };
    std::vector<Resource> topics{};
    std::vector<Resource> groups{}; ///< settings of group_config.h; the group need not exist
};
struct AlterConfigsResponse {
    struct Resource {
        std::string name{};
        ErrorCode error = ErrorCode::None;
        std::string message{};
    };
    std::vector<Resource> topics{}; ///< in the order of the request
    std::vector<Resource> groups{};
};

enum class ElectionType : std::uint8_t { Preferred, Unclean };
struct ElectLeadersRequest {
    ElectionType type = ElectionType::Preferred;
    std::optional<std::vector<TopicPartition>> partitions{}; ///< nothing: all that need it
};
struct ElectLeadersResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None; ///< ElectionNotNeeded when it has that leader
    };
    ErrorCode error = ErrorCode::None;
    std::vector<Partition> partitions{};
};

/// A producer id and epoch: for an idempotent producer a new id, for a transactional one the id of
/// its transactional id with the next epoch, which fences whoever used it before (facts: kafka.md
/// 4.3, 4.4).
struct InitProducerIdRequest {
    std::optional<std::string> transactionalId{};
    std::chrono::milliseconds transactionTimeout{60'000}; ///< transaction.timeout.ms
    std::int64_t producerId = -1; ///< version 3 and later: the one it has, to get its next epoch
    std::int16_t producerEpoch = -1;
};
struct InitProducerIdResponse {
    ErrorCode error = ErrorCode::None;
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
};

// Transactions (facts: kafka.md 4.4). All but TxnOffsetCommit, WriteTxnMarkers and the produce
// requests go to the transaction coordinator: FindCoordinator with the transactional id.

/// From a producer (transaction.version 1), or from a partition's leader that was sent a
/// transactional batch (version 4 and later): then with `verifyOnly` it asks whether the partition
/// is part of the ongoing transaction, and without it adds it.
struct AddPartitionsToTxnRequest {
    std::string transactionalId{};
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    bool verifyOnly = false;
    bool fromBroker = false; ///< version 4 and later
    std::vector<TopicPartition> partitions{};
};
struct AddPartitionsToTxnResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
    };
    std::vector<Partition> partitions{}; ///< in the order of the request
};
/// transaction.version 1: offsets of this group will be part of the transaction.
struct AddOffsetsToTxnRequest {
    std::string transactionalId{};
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    std::string group{};
};
struct AddOffsetsToTxnResponse {
    ErrorCode error = ErrorCode::None;
};
struct EndTxnRequest {
    std::string transactionalId{};
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    bool committed = false;
    /// Version 5 and later, transaction.version 2: the answer brings the next epoch.
    bool bumpsEpoch = false;
};
struct EndTxnResponse {
    ErrorCode error = ErrorCode::None;
    std::int64_t producerId = -1; ///< to go on with; -1 the same as before
    std::int16_t producerEpoch = -1;
};
/// Goes to the group's coordinator.
struct TxnOffsetCommitRequest {
    struct Partition {
        TopicPartition partition;
        std::int64_t committedOffset = 0; ///< the next offset to read
        std::int32_t committedLeaderEpoch = -1;
        std::string metadata{};
    };
    std::string transactionalId{};
    std::string group{};
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    std::int32_t generation = -1; ///< or member epoch; -1 with an empty member id: not checked
    std::string memberId{};
    std::optional<std::string> groupInstanceId{};
    std::vector<Partition> partitions{};
    /// Version 5 and later, transaction.version 2: the coordinator adds the group's partition of
    /// __consumer_offsets to the transaction by itself.
    bool addsPartitionsToTxn = false;
};
struct TxnOffsetCommitResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
    };
    std::vector<Partition> partitions{};
};
/// From the transaction coordinator to the leaders of what the transaction wrote to.
struct WriteTxnMarkersRequest {
    struct Marker {
        std::int64_t producerId = -1;
        std::int16_t producerEpoch = -1;
        bool committed = false;
        std::int32_t coordinatorEpoch = 0; ///< leader epoch of the coordinator's partition
        /// Version 2 and later: 2 when the producer's next epoch is one above the marker's.
        std::int16_t transactionVersion = 0;
        std::vector<TopicPartition> partitions{};
    };
    std::vector<Marker> markers{};
};
struct WriteTxnMarkersResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
    };
    struct Marker {
        std::int64_t producerId = -1;
        std::vector<Partition> partitions{};
    };
    std::vector<Marker> markers{};
};

enum class CoordinatorType : std::int8_t { Group = 0, Transaction = 1, Share = 2 };
struct FindCoordinatorRequest {
    /// A group, a transactional id, or (Share) "group:topic-id:partition" with the topic id as
    /// text.
    std::string key{};
    CoordinatorType type = CoordinatorType::Group;
};
struct FindCoordinatorResponse {
    ErrorCode error = ErrorCode::None;
    std::int32_t node = -1;
};

struct JoinGroupRequest {
    struct Protocol {
        std::string name{}; ///< "range", "cooperative-sticky"
        SharedBytes
            metadata; ///< the embedded consumer protocol's Subscription; opaque to the broker
    };
    std::string group{};
    std::chrono::milliseconds sessionTimeout{45'000};
    std::chrono::milliseconds rebalanceTimeout{300'000};
    std::string
        memberId; ///< empty on the first try: answered MEMBER_ID_REQUIRED with a generated one
    std::optional<std::string> groupInstanceId{};
    std::string protocolType = "consumer";
    std::vector<Protocol> protocols{}; ///< in the member's order of preference
    std::string clientId{}; ///< from the request header
    std::string reason{};
    bool memberIdRequired =
        true; ///< false before version 4: a member without id is admitted at once
    bool canSkipAssignment = false; ///< version 9 and later: knows JoinGroupResponse's field
};
struct JoinGroupResponse {
    struct Member {
        std::string memberId{};
        std::optional<std::string> groupInstanceId{};
        SharedBytes metadata;
    };
    ErrorCode error = ErrorCode::None;
    std::int32_t generation = -1;
    std::string protocolName{};
    std::string leader{};
    std::string memberId{};
    std::vector<Member> members{}; ///< only for the leader
    /// A static member has come back as the leader of a generation that goes on: it leads, and
    /// hands in no assignment (KIP-814). Older clients are named their former id as the leader
    /// instead.
    bool skipAssignment = false;
};

struct SyncGroupRequest {
    struct Assignment {
        std::string memberId{};
        SharedBytes assignment;
    };
    std::string group{};
    std::int32_t generation = -1;
    std::string memberId{};
    std::optional<std::string> groupInstanceId{};
    std::vector<Assignment> assignments{}; ///< only from the leader
    std::optional<std::string> protocolType{}; ///< version 5 and later: must be the group's
    std::optional<std::string> protocolName{}; ///< the same
};
struct SyncGroupResponse {
    ErrorCode error = ErrorCode::None;
    std::string protocolName{};
    SharedBytes assignment;
};

struct HeartbeatRequest {
    std::string group{};
    std::int32_t generation = -1;
    std::string memberId{};
    std::optional<std::string> groupInstanceId{};
};
struct HeartbeatResponse {
    ErrorCode error = ErrorCode::None;
};

/// What Kafka's consumers give as the reason when they leave because poll() was not called for
/// max.poll.interval.ms.
inline constexpr std::string_view kPollTimeoutReason = "consumer poll timeout has expired.";

struct LeaveGroupRequest {
    struct Member {
        std::string memberId{};
        std::optional<std::string> groupInstanceId{};
        std::string reason{}; ///< version 5 and later; see kPollTimeoutReason
    };
    std::string group{};
    std::vector<Member> members{};
};
struct LeaveGroupResponse {
    ErrorCode error = ErrorCode::None;
    std::vector<ErrorCode> members{}; ///< one for each member of the request
};

struct OffsetCommitRequest {
    struct Partition {
        TopicPartition partition;
        std::int64_t committedOffset = 0; ///< the next offset to read
        std::int32_t committedLeaderEpoch = -1;
        std::string metadata{};
    };
    std::string group{};
    /// Of a classic member its generation, of one of KIP-848 its member epoch; -1 with an empty
    /// member id is a simple commit.
    std::int32_t generation = -1;
    std::string memberId{};
    std::optional<std::string> groupInstanceId{};
    std::vector<Partition> partitions{};
};
struct OffsetCommitResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
    };
    std::vector<Partition> partitions{};
};

struct OffsetFetchRequest {
    std::string group{};
    std::optional<std::vector<TopicPartition>> partitions{}; ///< nothing: all that have a commit
    /// Version 7 and later: UnstableOffsetCommit for a partition with an offset in a transaction
    /// that has not ended.
    bool requireStable = false;
    std::optional<std::string> memberId{}; ///< version 9 and later, of groups of KIP-848
    std::int32_t memberEpoch = -1;
};
struct OffsetFetchResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::int64_t committedOffset = -1; ///< -1 when none is committed
        std::string metadata{};
        std::int32_t committedLeaderEpoch = -1; ///< of the last record read; -1 not known
    };
    ErrorCode error = ErrorCode::None;
    std::vector<Partition> partitions{};
};

// The consumer groups of KIP-848 and the share groups of KIP-932 (facts: kafka.md 3.7, 7). Kafka
// names topics by id in these; here as everywhere by name.

/// Membership of a group with assignment by the coordinator. What has not changed since the last
/// heartbeat may be left out.
struct ConsumerGroupHeartbeatRequest {
    std::string group{};
    std::string memberId{}; ///< a UUID that the client has made (version 1)
    std::int32_t memberEpoch = 0; ///< 0 joins, -1 leaves, -2 leaves for a while (static member)
    std::optional<std::string> groupInstanceId{};
    std::int32_t rebalanceTimeoutMs = -1; ///< -1: as before
    std::optional<std::vector<std::string>> subscribedTopics{};
    std::optional<std::string> serverAssignor{}; ///< "uniform", "range"
    std::optional<std::vector<TopicPartition>> owned{}; ///< what it has now
    std::string clientId{}; ///< from the request header
};
struct ConsumerGroupHeartbeatResponse {
    ErrorCode error = ErrorCode::None;
    std::string message{};
    std::string memberId{};
    std::int32_t memberEpoch = 0;
    std::chrono::milliseconds heartbeatInterval{5'000};
    std::optional<std::vector<TopicPartition>> assignment{}; ///< nothing: as before; else all of it
};
struct ShareGroupHeartbeatRequest {
    std::string group{};
    std::string memberId{};
    std::int32_t memberEpoch = 0; ///< 0 joins, -1 leaves
    std::optional<std::vector<std::string>> subscribedTopics{};
    std::string clientId{}; ///< from the request header
};
struct ShareGroupHeartbeatResponse {
    ErrorCode error = ErrorCode::None;
    std::string message{};
    std::string memberId{};
    std::int32_t memberEpoch = 0;
    std::chrono::milliseconds heartbeatInterval{5'000};
    std::optional<std::vector<TopicPartition>> assignment{};
};

/// What a consumer of a share group says about a record it has acquired (KIP-932).
enum class AcknowledgeType : std::int8_t {
    Gap = 0, ///< there is no record at this offset
    Accept = 1, ///< done
    Release = 2, ///< somebody shall have it again
    Reject = 3, ///< nobody shall: it cannot be processed
    Renew = 4, ///< still at work: the lock begins anew (4.2)
};
struct AcknowledgementBatch {
    std::int64_t firstOffset = 0;
    std::int64_t lastOffset = 0;
    std::vector<AcknowledgeType> types{}; ///< one for all, or one for each offset
    friend bool operator==(const AcknowledgementBatch &, const AcknowledgementBatch &) = default;
};
/// A run of records that were given to this consumer alone, until their acquisition lock ends.
struct AcquiredRecords {
    std::int64_t firstOffset = 0;
    std::int64_t lastOffset = 0;
    std::int16_t deliveryCount = 1; ///< this delivery included
    friend bool operator==(const AcquiredRecords &, const AcquiredRecords &) = default;
};
struct ShareFetchRequest {
    static constexpr std::int32_t kInitialEpoch = 0;
    static constexpr std::int32_t kFinalEpoch = -1;
    struct Partition {
        TopicPartition partition;
        std::vector<AcknowledgementBatch> acknowledgements{};
    };
    std::string group{};
    std::string memberId{};
    std::int32_t sessionEpoch = 0; ///< 0 opens a session, -1 closes it; then counts up
    std::chrono::milliseconds maxWait{500};
    std::int32_t minBytes = 1;
    std::int32_t maxBytes = 52'428'800;
    std::int32_t maxRecords = 500; ///< to acquire at most (max.poll.records)
    std::int32_t batchSize = 500; ///< the acquired runs are cut to about this size
    bool recordLimit = false; ///< share.acquire.mode=record_limit: never more than maxRecords (4.2)
    bool isRenewAck = false; ///< acknowledges with Renew, and fetches nothing
    std::vector<Partition> partitions{}; ///< added to the session, or with acknowledgements
    std::vector<TopicPartition> forgotten{}; ///< leave the session
};
struct ShareFetchResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        ErrorCode acknowledgeError = ErrorCode::None;
        std::optional<LeaderHint> currentLeader{};
        std::vector<SharedBytes> records{}; ///< whole batches
        std::vector<AcquiredRecords> acquired{}; ///< only these are for this consumer
    };
    ErrorCode error = ErrorCode::None;
    std::chrono::milliseconds acquisitionLockTimeout{0};
    std::vector<Partition> partitions{};
};
struct ShareAcknowledgeRequest {
    struct Partition {
        TopicPartition partition;
        std::vector<AcknowledgementBatch> acknowledgements{};
    };
    std::string group{};
    std::string memberId{};
    std::int32_t sessionEpoch = 0;
    bool isRenewAck = false;
    std::vector<Partition> partitions{};
};
struct ShareAcknowledgeResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::optional<LeaderHint> currentLeader{};
    };
    ErrorCode error = ErrorCode::None;
    std::chrono::milliseconds acquisitionLockTimeout{0};
    std::vector<Partition> partitions{};
};

// The share coordinator keeps the state of share-partitions in __share_group_state. The leader of a
// partition reads and writes it there; the group coordinator creates and deletes it.

/// A run of records in the state that has to survive the leader: Available 0, Acknowledged 2,
/// Archived 4.
struct ShareStateBatch {
    std::int64_t firstOffset = 0;
    std::int64_t lastOffset = 0;
    std::int8_t deliveryState = 0;
    std::int16_t deliveryCount = 0;
    friend bool operator==(const ShareStateBatch &, const ShareStateBatch &) = default;
};
struct InitializeShareGroupStateRequest {
    std::string group{};
    TopicPartition partition;
    std::int32_t stateEpoch = 0; ///< the group epoch
    std::int64_t startOffset = -1; ///< -1: by share.auto.offset.reset, when it is first read
};
struct InitializeShareGroupStateResponse {
    ErrorCode error = ErrorCode::None;
};
struct ReadShareGroupStateRequest {
    std::string group{};
    TopicPartition partition;
    std::int32_t leaderEpoch = -1;
};
struct ReadShareGroupStateResponse {
    ErrorCode error = ErrorCode::None;
    std::int32_t stateEpoch = 0;
    std::int64_t startOffset = -1;
    std::vector<ShareStateBatch> batches{};
};
struct WriteShareGroupStateRequest {
    std::string group{};
    TopicPartition partition;
    std::int32_t stateEpoch = 0;
    std::int32_t leaderEpoch = -1;
    std::int64_t startOffset = -1; ///< -1: unchanged
    std::vector<ShareStateBatch> batches{}; ///< what has changed
};
struct WriteShareGroupStateResponse {
    ErrorCode error = ErrorCode::None;
};
struct DeleteShareGroupStateRequest {
    std::string group{};
    TopicPartition partition;
};
struct DeleteShareGroupStateResponse {
    ErrorCode error = ErrorCode::None;
};

// Between brokers and the controller quorum (facts: kafka.md 5). The metadata log is replicated by
// FetchRequest on the topic kMetadataTopic.

inline constexpr std::string_view kMetadataTopic = "__cluster_metadata"; ///< one partition, 0

/// KRaft: a candidate asks for a vote (KIP-595, pre-vote of KIP-996).
struct VoteRequest {
    std::int32_t candidateEpoch = 0;
    std::int32_t candidateId = 0;
    std::int32_t lastOffsetEpoch = 0;
    std::int64_t lastOffset = 0; ///< the candidate's log end offset
    bool preVote = false; ///< asks only whether it would get the vote
};
struct VoteResponse {
    ErrorCode error = ErrorCode::None;
    std::int32_t leaderId = -1;
    std::int32_t leaderEpoch = 0;
    bool voteGranted = false;
};
/// The new leader of the quorum makes itself known.
struct BeginQuorumEpochRequest {
    std::int32_t leaderId = 0;
    std::int32_t leaderEpoch = 0;
};
struct BeginQuorumEpochResponse {
    ErrorCode error = ErrorCode::None;
    std::int32_t leaderId = -1;
    std::int32_t leaderEpoch = 0;
};
/// The leader of the quorum resigns; the first preferred successor stands at once.
struct EndQuorumEpochRequest {
    std::int32_t leaderId = 0;
    std::int32_t leaderEpoch = 0;
    std::vector<std::int32_t> preferredSuccessors{}; ///< by how far they have fetched, best first
};
struct EndQuorumEpochResponse {
    ErrorCode error = ErrorCode::None;
    std::int32_t leaderId = -1;
    std::int32_t leaderEpoch = 0;
};

struct BrokerRegistrationRequest {
    std::int32_t brokerId = 0;
    std::uint64_t incarnation =
        0; ///< drawn anew in every life of the process; Kafka's incarnation id
    std::int64_t previousBrokerEpoch = -1; ///< of its last clean shutdown; -1 it was not clean
};
struct BrokerRegistrationResponse {
    ErrorCode error = ErrorCode::None;
    std::int64_t brokerEpoch = -1; ///< the offset of its registration in the metadata log
};
struct BrokerHeartbeatRequest {
    std::int32_t brokerId = 0;
    std::int64_t brokerEpoch = -1;
    std::int64_t currentMetadataOffset = -1; ///< the newest metadata record it has applied
    bool wantFence = false;
    bool wantShutDown = false;
};
struct BrokerHeartbeatResponse {
    ErrorCode error = ErrorCode::None;
    bool isCaughtUp = false;
    bool isFenced = true;
    bool shouldShutDown = false; ///< it leads nothing any more
};
/// A leader asks for another ISR.
struct AlterPartitionRequest {
    struct Replica {
        std::int32_t broker = -1;
        std::int64_t brokerEpoch = -1; ///< -1 skips the check
    };
    struct Partition {
        TopicPartition partition;
        std::int32_t leaderEpoch = -1;
        std::vector<Replica> newIsr{};
        std::int32_t partitionEpoch = -1;
    };
    std::int32_t brokerId = 0;
    std::int64_t brokerEpoch = -1;
    std::vector<Partition> partitions{};
};
struct AlterPartitionResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::int32_t leader = -1;
        std::int32_t leaderEpoch = -1;
        std::vector<std::int32_t> isr{};
        std::int32_t partitionEpoch = -1;
    };
    ErrorCode error = ErrorCode::None; ///< of the request as a whole
    std::vector<Partition> partitions{};
};
/// A broker asks for a block of producer ids.
struct AllocateProducerIdsRequest {
    std::int32_t brokerId = 0;
    std::int64_t brokerEpoch = -1;
};
struct AllocateProducerIdsResponse {
    ErrorCode error = ErrorCode::None;
    std::int64_t producerIdStart = -1;
    std::int32_t producerIdLen = 0;
};

using Request = std::variant<MetadataRequest, CreateTopicsRequest, CreatePartitionsRequest,
    DeleteTopicsRequest, ProduceRequest, FetchRequest, ListOffsetsRequest,
    OffsetForLeaderEpochRequest, DeleteRecordsRequest, AlterConfigsRequest, ElectLeadersRequest,
    InitProducerIdRequest, FindCoordinatorRequest, JoinGroupRequest, SyncGroupRequest,
    HeartbeatRequest, LeaveGroupRequest, OffsetCommitRequest, OffsetFetchRequest, VoteRequest,
    BeginQuorumEpochRequest, EndQuorumEpochRequest, BrokerRegistrationRequest,
    BrokerHeartbeatRequest, AlterPartitionRequest, AllocateProducerIdsRequest,
    AddPartitionsToTxnRequest, AddOffsetsToTxnRequest, EndTxnRequest, TxnOffsetCommitRequest,
    WriteTxnMarkersRequest, ConsumerGroupHeartbeatRequest, ShareGroupHeartbeatRequest,
    ShareFetchRequest, ShareAcknowledgeRequest, InitializeShareGroupStateRequest,
    ReadShareGroupStateRequest, WriteShareGroupStateRequest, DeleteShareGroupStateRequest>;
/// The same order as Request.
using Response = std::variant<MetadataResponse, CreateTopicsResponse, CreatePartitionsResponse,
    DeleteTopicsResponse, ProduceResponse, FetchResponse, ListOffsetsResponse,
    OffsetForLeaderEpochResponse, DeleteRecordsResponse, AlterConfigsResponse, ElectLeadersResponse,
    InitProducerIdResponse, FindCoordinatorResponse, JoinGroupResponse, SyncGroupResponse,
    HeartbeatResponse, LeaveGroupResponse, OffsetCommitResponse, OffsetFetchResponse, VoteResponse,
    BeginQuorumEpochResponse, EndQuorumEpochResponse, BrokerRegistrationResponse,
    BrokerHeartbeatResponse, AlterPartitionResponse, AllocateProducerIdsResponse,
    AddPartitionsToTxnResponse, AddOffsetsToTxnResponse, EndTxnResponse, TxnOffsetCommitResponse,
    WriteTxnMarkersResponse, ConsumerGroupHeartbeatResponse, ShareGroupHeartbeatResponse,
    ShareFetchResponse, ShareAcknowledgeResponse, InitializeShareGroupStateResponse,
    ReadShareGroupStateResponse, WriteShareGroupStateResponse, DeleteShareGroupStateResponse>;

} // namespace queuelab::log
