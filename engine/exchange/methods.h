#pragma once

#include "engine/core/bytes.h"
#include "engine/core/ids.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace queuelab::exchange {

/// The one door of the exchange engine: AMQP 0-9-1's methods with RabbitMQ's extensions, typed.
/// Simulated clients, the window and the wire codec all build these. Names and fields are the
/// protocol's (facts: rabbitmq.md 1.2).

/// AMQP field table values (facts: rabbitmq.md 1.4).
struct FieldValue;
using FieldTable = std::map<std::string, FieldValue>;
using FieldArray = std::vector<FieldValue>;
struct Timestamp {
    std::int64_t seconds = 0; ///< since the Unix epoch
    friend bool operator==(const Timestamp &, const Timestamp &) = default;
};
struct FieldValue {
    using Value = std::variant<std::monostate, bool, std::int64_t, double, std::string, Timestamp,
        FieldTable, FieldArray>;
    Value value;

    FieldValue() = default;
    template <class T>
        requires std::is_constructible_v<Value, T>
    FieldValue(T &&v)
        : value(std::forward<T>(v))
    {
    }
    FieldValue(const char *text)
        : value(std::string(text))
    {
    }
    FieldValue(int number)
        : value(static_cast<std::int64_t>(number))
    {
    }
    friend bool operator==(const FieldValue &, const FieldValue &) = default;
};

/// Content properties (facts: rabbitmq.md 1.3).
struct Properties {
    std::optional<std::string> contentType;
    std::optional<std::string> contentEncoding;
    FieldTable headers;
    std::optional<std::uint8_t> deliveryMode; ///< 2 is persistent
    std::optional<std::uint8_t> priority;
    std::optional<std::string> correlationId;
    std::optional<std::string> replyTo;
    std::optional<std::string> expiration; ///< milliseconds, as a decimal string
    std::optional<std::string> messageId;
    std::optional<Timestamp> timestamp;
    std::optional<std::string> type;
    std::optional<std::string> userId;
    std::optional<std::string> appId;
    friend bool operator==(const Properties &, const Properties &) = default;
};

/// Properties and body, shared by every queue that holds the message and never changed.
struct Content {
    Properties properties;
    SharedBytes body;
};
using SharedContent = std::shared_ptr<const Content>;

/// One TCP connection of a client; channel 0 of it is the connection itself.
using ConnectionId = ClientId;
using ChannelNumber = std::uint16_t;

// From the client.

struct ConnectionOpen {
    std::string name; ///< what the management UI calls client-provided name
    std::string virtualHost = "/";
};
struct ConnectionClose { };
struct ChannelOpen { };
struct ChannelClose { };
struct ExchangeDeclare {
    std::string exchange;
    std::string type = "direct";
    bool passive = false;
    bool durable = false;
    bool autoDelete = false;
    bool internal = false;
    FieldTable arguments;
};
struct ExchangeDelete {
    std::string exchange;
    bool ifUnused = false;
};
struct ExchangeBind {
    std::string destination;
    std::string source;
    std::string routingKey;
    FieldTable arguments;
};
struct ExchangeUnbind {
    std::string destination;
    std::string source;
    std::string routingKey;
    FieldTable arguments;
};
struct QueueDeclare {
    std::string queue; ///< empty: the broker names it
    bool passive = false;
    bool durable = false;
    bool exclusive = false;
    bool autoDelete = false;
    FieldTable arguments;
};
struct QueueBind {
    std::string queue;
    std::string exchange;
    std::string routingKey;
    FieldTable arguments;
};
struct QueueUnbind {
    std::string queue;
    std::string exchange;
    std::string routingKey;
    FieldTable arguments;
};
struct QueuePurge {
    std::string queue;
};
struct QueueDelete {
    std::string queue;
    bool ifUnused = false;
    bool ifEmpty = false;
};
struct BasicQos {
    std::uint16_t prefetchCount = 0; ///< 0 is no limit
    bool global = false; ///< false: for consumers made from now on, each; true: for the channel
};
struct BasicConsume {
    std::string queue;
    std::string consumerTag; ///< empty: the broker makes one
    bool noAck = false;
    bool exclusive = false;
    FieldTable arguments;
};
struct BasicCancel {
    std::string consumerTag;
};
struct BasicPublish {
    std::string exchange;
    std::string routingKey;
    bool mandatory = false;
    SharedContent content;
};
struct BasicGet {
    std::string queue;
    bool noAck = false;
};
struct BasicAck {
    std::uint64_t deliveryTag = 0;
    bool multiple = false;
};
struct BasicNack {
    std::uint64_t deliveryTag = 0;
    bool multiple = false;
    bool requeue = true;
};
struct BasicReject {
    std::uint64_t deliveryTag = 0;
    bool requeue = true;
};
struct BasicRecover {
    bool requeue = true;
};
struct ConfirmSelect { };

using Method = std::variant<ConnectionOpen, ConnectionClose, ChannelOpen, ChannelClose,
    ExchangeDeclare, ExchangeDelete, ExchangeBind, ExchangeUnbind, QueueDeclare, QueueBind,
    QueueUnbind, QueuePurge, QueueDelete, BasicQos, BasicConsume, BasicCancel, BasicPublish,
    BasicGet, BasicAck, BasicNack, BasicReject, BasicRecover, ConfirmSelect>;

// From the broker.

/// A class.method-ok that carries nothing: which one follows from the order, as on the wire.
struct Ok { };
struct QueueDeclareOk {
    std::string queue;
    std::uint32_t messageCount = 0; ///< ready ones
    std::uint32_t consumerCount = 0;
};
struct MessageCountOk { ///< queue.purge-ok and queue.delete-ok
    std::uint32_t messageCount = 0;
};
struct BasicConsumeOk {
    std::string consumerTag;
};
struct BasicCancelOk {
    std::string consumerTag;
};
/// The broker ended the consumer (its queue was deleted).
struct BasicCancelNotify {
    std::string consumerTag;
};
struct BasicDeliver {
    std::string consumerTag;
    std::uint64_t deliveryTag = 0;
    bool redelivered = false;
    std::string exchange;
    std::string routingKey;
    std::uint64_t messageNumber =
        0; ///< the engine's own number of this message in this queue, for traces
    SharedContent content;
};
struct BasicGetOk {
    std::uint64_t deliveryTag = 0;
    bool redelivered = false;
    std::string exchange;
    std::string routingKey;
    std::uint32_t messageCount = 0; ///< still ready
    std::uint64_t messageNumber = 0;
    SharedContent content;
};
struct BasicGetEmpty { };
struct BasicReturn {
    std::uint16_t replyCode = 312;
    std::string replyText = "NO_ROUTE";
    std::string exchange;
    std::string routingKey;
    SharedContent content;
};
struct ConfirmAck {
    std::uint64_t deliveryTag = 0;
    bool multiple = false;
};
struct ConfirmNack {
    std::uint64_t deliveryTag = 0;
    bool multiple = false;
};
/// The broker closed the channel or the connection (facts: rabbitmq.md 1.7): "404", "NOT_FOUND - no
/// queue 'q' in vhost '/'".
struct ChannelClosed {
    std::uint16_t replyCode = 0;
    std::string replyText;
};
struct ConnectionClosed {
    std::uint16_t replyCode = 0;
    std::string replyText;
};

using ServerMethod = std::variant<Ok, QueueDeclareOk, MessageCountOk, BasicConsumeOk, BasicCancelOk,
    BasicCancelNotify, BasicDeliver, BasicGetOk, BasicGetEmpty, BasicReturn, ConfirmAck,
    ConfirmNack, ChannelClosed, ConnectionClosed>;

} // namespace queuelab::exchange
