#pragma once

#include "engine/core/time.h"
#include "engine/exchange/methods.h"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace queuelab::exchange {

/// What the exchange engine shows of itself; plain values, ordered by name. Counters carry the
/// management UI's names.

struct ExchangeSnapshot {
    std::string name; ///< "" is the default exchange
    std::string type;
    bool durable = false;
    std::uint64_t publishedIn = 0; ///< publish_in
    std::uint64_t publishedOut = 0; ///< publish_out: copies routed
    std::uint64_t unroutable = 0; ///< matched no binding
};
struct BindingSnapshot {
    std::string source;
    std::string destination; ///< a queue, or an exchange
    bool toExchange = false;
    std::string routingKey;
    FieldTable arguments;
    std::uint64_t matched = 0; ///< messages it let through
    Instant lastMatch{}; ///< for lighting it up; zero when never
};
/// A message near the head of a queue, or held by a consumer.
struct MessageSnapshot {
    std::uint64_t number = 0; ///< the engine's own, in order of enqueueing
    std::string label; ///< message_id property, else the first characters of the body
    std::string routingKey;
    bool redelivered = false;
    std::uint32_t deliveries = 0;
    std::uint32_t deaths = 0; ///< sum of the counts in x-death
    std::string deathReason; ///< of the newest death
    Instant expires{}; ///< zero when it does not expire
};
/// What a person calls a message: its message_id, else the beginning of its body as far as it is
/// readable.
std::string messageLabel(const Content &content);

struct QueueSnapshot {
    static constexpr std::size_t kShownMessages = 64;
    std::string name;
    std::string type = "classic";
    bool durable = false;
    FieldTable arguments;
    std::uint64_t messagesReady = 0; ///< messages_ready
    std::uint64_t messagesUnacknowledged = 0; ///< messages_unacknowledged
    std::uint64_t published = 0;
    std::uint64_t delivered = 0; ///< deliver_get
    std::uint64_t redelivered = 0; ///< redeliver
    std::uint64_t acknowledged = 0; ///< ack
    std::uint64_t deadLettered = 0;
    std::uint64_t expired = 0;
    std::uint64_t dropped = 0; ///< gone without a dead-letter exchange
    std::string deadLetterExchange; ///< "" and no key: none
    std::optional<std::string> deadLetterRoutingKey;
    std::vector<MessageSnapshot> ready; ///< from the head, at most kShownMessages
};
struct ConsumerSnapshot {
    std::string tag;
    std::string queue;
    std::string connection; ///< the client's name
    ConnectionId connectionId{0};
    ChannelNumber channel = 0;
    bool noAck = false;
    std::uint16_t prefetch = 0; ///< 0 is no limit
    std::vector<MessageSnapshot>
        unacked; ///< by delivery tag, at most QueueSnapshot::kShownMessages
    std::uint64_t unackedCount = 0;
};
struct BrokerSnapshot {
    std::vector<ExchangeSnapshot> exchanges;
    std::vector<BindingSnapshot>
        bindings; ///< by source, destination, key; those of the default exchange left out
    std::vector<QueueSnapshot> queues;
    std::vector<ConsumerSnapshot> consumers; ///< by queue, then order of registration
    std::uint32_t connections = 0;
};

} // namespace queuelab::exchange
