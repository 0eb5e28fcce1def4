#pragma once

#include "engine/core/time.h"
#include "engine/exchange/methods.h"
#include "engine/exchange/refusal.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace queuelab::exchange {

enum class Overflow : std::uint8_t { DropHead, RejectPublish, RejectPublishDlx };

/// What the x-arguments of queue.declare say, read once (facts: rabbitmq.md 3.1).
struct QueueSettings {
    std::optional<Duration> messageTtl; ///< x-message-ttl
    std::optional<Duration> expires; ///< x-expires
    std::optional<std::uint64_t> maxLength; ///< x-max-length, ready messages
    std::optional<std::uint64_t> maxLengthBytes; ///< x-max-length-bytes, bodies of ready messages
    Overflow overflow = Overflow::DropHead; ///< x-overflow
    std::optional<std::string> deadLetterExchange;
    std::optional<std::string> deadLetterRoutingKey;
    std::uint8_t maxPriority = 0; ///< x-max-priority; 0: a single line
    bool singleActiveConsumer = false;
    std::optional<Duration> consumerTimeout; ///< x-consumer-timeout

    /// Whether so many ready messages with so many bytes of bodies are too much.
    bool exceededBy(std::uint64_t ready, std::uint64_t readyBytes) const
    {
        return (maxLength && ready > *maxLength)
            || (maxLengthBytes && readyBytes > *maxLengthBytes);
    }
};

/// 406 with RabbitMQ's text for a value that cannot be. Arguments it does not know are ignored.
Result<QueueSettings, Refusal> readQueueArguments(
    const std::string &queue, const FieldTable &arguments);

/// 406 when a redeclaration differs in an argument that queues know; others are ignored.
Checked checkQueueArguments(
    const std::string &queue, const FieldTable &current, const FieldTable &declared);

/// 406 when one argument of a redeclaration differs; `resource` as from resourceText().
Checked checkSameArgument(std::string_view key, const std::string &resource,
    const FieldTable &current, const FieldTable &declared);

/// The expiration property of a message, in milliseconds as a decimal string.
Result<Duration, Refusal> readExpiration(const std::string &text);

} // namespace queuelab::exchange
