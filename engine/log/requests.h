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
    std::optional<std::vector<std::string>> topics; ///< nothing: all
    bool allowAutoTopicCreation = false;
};
struct PartitionMetadata {
    ErrorCode error = ErrorCode::None;
    std::int32_t partition = 0;
    std::int32_t leader = -1;
    std::int32_t leaderEpoch = -1;
    std::vector<std::int32_t> replicas;
    std::vector<std::int32_t> isr;
};
struct TopicMetadata {
    ErrorCode error = ErrorCode::None;
    std::string name;
    std::vector<PartitionMetadata> partitions;
};
struct MetadataResponse {
    std::vector<std::int32_t> brokers; ///< ids of the live ones
    std::int32_t controller = -1;
    std::vector<TopicMetadata> topics;
};

struct CreateTopicsRequest {
    struct Topic {
        std::string name;
        std::int32_t partitions = 1;
        std::int16_t replicationFactor = 1;
        std::map<std::string, std::string> configs; ///< "retention.ms" and so on
    };
    std::vector<Topic> topics;
};
struct CreateTopicsResponse {
    struct Topic {
        std::string name;
        ErrorCode error = ErrorCode::None;
        std::string message;
    };
    std::vector<Topic> topics;
};

struct CreatePartitionsRequest {
    struct Topic {
        std::string name;
        std::int32_t count = 0; ///< partitions it shall have in all; more than now
    };
    std::vector<Topic> topics;
    bool validateOnly = false; ///< answers as if, and changes nothing
};
struct CreatePartitionsResponse {
    struct Topic {
        std::string name;
        ErrorCode error = ErrorCode::None;
        std::string message;
    };
    std::vector<Topic> topics;
};

struct DeleteTopicsRequest {
    std::vector<std::string> topics;
};
struct DeleteTopicsResponse {
    struct Topic {
        std::string name;
        ErrorCode error = ErrorCode::None;
    };
    std::vector<Topic> topics;
};

struct ProduceRequest {
    struct Partition {
        TopicPartition partition;
        SharedBytes records; ///< exactly one record batch
    };
    std::int16_t acks = -1; ///< -1 all in-sync replicas, 1 the leader, 0 no answer at all
    std::chrono::milliseconds timeout{30'000};
    std::vector<Partition> partitions;
};
struct ProduceResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::int64_t baseOffset = -1;
        std::int64_t logAppendTimeMs = -1;
        std::int64_t logStartOffset = -1;
    };
    std::vector<Partition> partitions;
};

struct FetchRequest {
    struct Partition {
        TopicPartition partition;
        std::int64_t fetchOffset = 0;
        std::int32_t currentLeaderEpoch = -1; ///< -1 skips the check
        std::int32_t partitionMaxBytes = 1'048'576;
    };
    std::chrono::milliseconds maxWait{500};
    std::int32_t minBytes = 1;
    std::int32_t maxBytes = 52'428'800;
    std::vector<Partition> partitions;
};
struct FetchResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::int64_t highWatermark = -1;
        std::int64_t lastStableOffset = -1;
        std::int64_t logStartOffset = -1;
        std::vector<SharedBytes> records; ///< whole batches; each piece starts and ends at one
    };
    std::vector<Partition> partitions;
};

struct ListOffsetsRequest {
    static constexpr std::int64_t kLatest = -1;
    static constexpr std::int64_t kEarliest = -2;
    static constexpr std::int64_t kMaxTimestamp = -3;
    struct Partition {
        TopicPartition partition;
        std::int64_t timestamp = kLatest; ///< milliseconds since the epoch, or one of the above
    };
    std::vector<Partition> partitions;
};
struct ListOffsetsResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::int64_t timestamp = -1;
        std::int64_t offset = -1;
    };
    std::vector<Partition> partitions;
};

struct DeleteRecordsRequest {
    static constexpr std::int64_t kAll = -1; ///< up to the high watermark
    struct Partition {
        TopicPartition partition;
        std::int64_t beforeOffset = kAll; ///< the oldest offset that stays
    };
    std::vector<Partition> partitions;
};
struct DeleteRecordsResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::int64_t lowWatermark = -1; ///< the log start offset now
    };
    std::vector<Partition> partitions;
};

struct FindCoordinatorRequest {
    std::string group;
};
struct FindCoordinatorResponse {
    ErrorCode error = ErrorCode::None;
    std::int32_t node = -1;
};

struct JoinGroupRequest {
    struct Protocol {
        std::string name; ///< "range", "cooperative-sticky"
        SharedBytes
            metadata; ///< the embedded consumer protocol's Subscription; opaque to the broker
    };
    std::string group;
    std::chrono::milliseconds sessionTimeout{45'000};
    std::chrono::milliseconds rebalanceTimeout{300'000};
    std::string
        memberId; ///< empty on the first try: answered MEMBER_ID_REQUIRED with a generated one
    std::optional<std::string> groupInstanceId;
    std::string protocolType = "consumer";
    std::vector<Protocol> protocols; ///< in the member's order of preference
    std::string clientId; ///< from the request header
    std::string reason;
    bool memberIdRequired =
        true; ///< false before version 4: a member without id is admitted at once
};
struct JoinGroupResponse {
    struct Member {
        std::string memberId;
        std::optional<std::string> groupInstanceId;
        SharedBytes metadata;
    };
    ErrorCode error = ErrorCode::None;
    std::int32_t generation = -1;
    std::string protocolName;
    std::string leader;
    std::string memberId;
    std::vector<Member> members; ///< only for the leader
};

struct SyncGroupRequest {
    struct Assignment {
        std::string memberId;
        SharedBytes assignment;
    };
    std::string group;
    std::int32_t generation = -1;
    std::string memberId;
    std::optional<std::string> groupInstanceId;
    std::vector<Assignment> assignments; ///< only from the leader
};
struct SyncGroupResponse {
    ErrorCode error = ErrorCode::None;
    std::string protocolName;
    SharedBytes assignment;
};

struct HeartbeatRequest {
    std::string group;
    std::int32_t generation = -1;
    std::string memberId;
    std::optional<std::string> groupInstanceId;
};
struct HeartbeatResponse {
    ErrorCode error = ErrorCode::None;
};

/// What Kafka's consumers give as the reason when they leave because poll() was not called for
/// max.poll.interval.ms.
inline constexpr std::string_view kPollTimeoutReason = "consumer poll timeout has expired.";

struct LeaveGroupRequest {
    struct Member {
        std::string memberId;
        std::optional<std::string> groupInstanceId;
        std::string reason; ///< version 5 and later; see kPollTimeoutReason
    };
    std::string group;
    std::vector<Member> members;
};
struct LeaveGroupResponse {
    ErrorCode error = ErrorCode::None;
    std::vector<ErrorCode> members; ///< one for each member of the request
};

struct OffsetCommitRequest {
    struct Partition {
        TopicPartition partition;
        std::int64_t committedOffset = 0; ///< the next offset to read
        std::int32_t committedLeaderEpoch = -1;
        std::string metadata;
    };
    std::string group;
    std::int32_t generation = -1; ///< -1 with an empty member id is a simple commit
    std::string memberId;
    std::optional<std::string> groupInstanceId;
    std::vector<Partition> partitions;
};
struct OffsetCommitResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
    };
    std::vector<Partition> partitions;
};

struct OffsetFetchRequest {
    std::string group;
    std::optional<std::vector<TopicPartition>> partitions; ///< nothing: all that have a commit
};
struct OffsetFetchResponse {
    struct Partition {
        TopicPartition partition;
        ErrorCode error = ErrorCode::None;
        std::int64_t committedOffset = -1; ///< -1 when none is committed
        std::string metadata;
    };
    ErrorCode error = ErrorCode::None;
    std::vector<Partition> partitions;
};

using Request = std::variant<MetadataRequest, CreateTopicsRequest, CreatePartitionsRequest,
    DeleteTopicsRequest, ProduceRequest, FetchRequest, ListOffsetsRequest, DeleteRecordsRequest,
    FindCoordinatorRequest, JoinGroupRequest, SyncGroupRequest, HeartbeatRequest, LeaveGroupRequest,
    OffsetCommitRequest, OffsetFetchRequest>;
using Response = std::variant<MetadataResponse, CreateTopicsResponse, CreatePartitionsResponse,
    DeleteTopicsResponse, ProduceResponse, FetchResponse, ListOffsetsResponse,
    DeleteRecordsResponse, FindCoordinatorResponse, JoinGroupResponse, SyncGroupResponse,
    HeartbeatResponse, LeaveGroupResponse, OffsetCommitResponse, OffsetFetchResponse>;

} // namespace queuelab::log
