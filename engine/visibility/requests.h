#pragma once

#include "engine/core/bytes.h"
#include "engine/core/ids.h"
#include "engine/core/result.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace queuelab::visibility {

/// The one door of the visibility engine: the SQS actions, typed. Simulated clients, the window and
/// the wire codec all build these. Names, defaults and limits are SQS's (facts: sqs.md 1). Queues
/// are named, not addressed by URL, here.

enum class ErrorKind : std::uint8_t {
    QueueDoesNotExist,
    QueueNameExists,
    InvalidAttributeName,
    InvalidAttributeValue,
    InvalidParameterValue,
    MissingParameter,
    InvalidMessageContents,
    ReceiptHandleIsInvalid,
    MessageNotInflight,
    OverLimit,
    TooManyEntriesInBatchRequest,
    EmptyBatchRequest,
    BatchEntryIdsNotDistinct,
    InvalidBatchEntryId,
    BatchRequestTooLong,
    UnsupportedOperation,
};
/// The name in the JSON protocol's __type ("QueueDoesNotExist") and the HTTP status.
std::string_view errorCode(ErrorKind kind);
std::uint16_t errorStatus(ErrorKind kind);

struct SqsError {
    ErrorKind kind = ErrorKind::InvalidParameterValue;
    std::string message; ///< as AWS words it
};

struct MessageAttribute {
    std::string dataType; ///< String, Number, Binary, with an optional .label
    std::string stringValue;
    Bytes binaryValue;
    friend bool operator==(const MessageAttribute &, const MessageAttribute &) = default;
};
using MessageAttributes = std::map<std::string, MessageAttribute>;

struct CreateQueue {
    std::string queue;
    std::map<std::string, std::string>
        attributes; ///< "VisibilityTimeout" = "30", "RedrivePolicy" = JSON, ...
};
struct DeleteQueue {
    std::string queue;
};
struct SetQueueAttributes {
    std::string queue;
    std::map<std::string, std::string> attributes;
};
struct GetQueueAttributes {
    std::string queue;
};
struct ListQueues { };
struct PurgeQueue {
    std::string queue;
};
struct SendMessage {
    std::string queue;
    SharedBytes body;
    std::optional<std::int32_t> delaySeconds; ///< 0..900; nothing: the queue's
    MessageAttributes attributes;
    std::string label; ///< for the trace and the stage; not part of SQS; empty: the first
                       ///< characters of the body
};
struct SendMessageBatch {
    struct Entry {
        std::string id;
        SendMessage message; ///< its queue is ignored
    };
    std::string queue;
    std::vector<Entry> entries;
};
struct ReceiveMessage {
    std::string queue;
    std::int32_t maxNumberOfMessages = 1; ///< 1..10
    std::optional<std::int32_t> visibilityTimeout; ///< seconds, 0..43200; nothing: the queue's
    std::optional<std::int32_t> waitTimeSeconds; ///< 0..20; nothing: the queue's
};
struct DeleteMessage {
    std::string queue;
    std::string receiptHandle;
};
struct DeleteMessageBatch {
    struct Entry {
        std::string id;
        std::string receiptHandle;
    };
    std::string queue;
    std::vector<Entry> entries;
};
struct ChangeMessageVisibility {
    std::string queue;
    std::string receiptHandle;
    std::int32_t visibilityTimeout = 0; ///< seconds from now, 0..43200
};

using Request = std::variant<CreateQueue, DeleteQueue, SetQueueAttributes, GetQueueAttributes,
    ListQueues, PurgeQueue, SendMessage, SendMessageBatch, ReceiveMessage, DeleteMessage,
    DeleteMessageBatch, ChangeMessageVisibility>;

struct Done { }; ///< the actions that answer nothing
struct SendMessageResult {
    std::string messageId;
};
struct BatchResult {
    struct Failed {
        std::string id;
        SqsError error;
    };
    std::vector<std::string> successful; ///< entry ids
    std::vector<std::string> messageIds; ///< of the successful sends, in the same order
    std::vector<Failed> failed;
};
struct ReceivedMessage {
    std::string messageId;
    std::uint64_t number = 0; ///< the engine's own number of this message, for traces
    std::string receiptHandle;
    SharedBytes body;
    MessageAttributes attributes;
    std::int32_t approximateReceiveCount = 1;
    std::int64_t sentTimestamp = 0; ///< milliseconds since the epoch
    std::int64_t approximateFirstReceiveTimestamp = 0;
};
struct ReceiveMessageResult {
    std::vector<ReceivedMessage> messages;
};
struct QueueAttributes {
    std::map<std::string, std::string> attributes;
};
struct QueueNames {
    std::vector<std::string> queues;
};

using Success = std::variant<Done, SendMessageResult, BatchResult, ReceiveMessageResult,
    QueueAttributes, QueueNames>;
using Response = Result<Success, SqsError>;

} // namespace queuelab::visibility
