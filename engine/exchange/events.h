#pragma once

#include "engine/core/trace.h"

#include <span>

namespace queuelab::exchange {

/// What the exchange engine records. A message's `item` is its number in its queue
/// (BasicDeliver::messageNumber), so (queue, number) names one copy; DeadLettered links the copies.
enum class ExchangeEvent : EventKind {
    ConnectionOpened = 0x200, ///< subject client
    ConnectionClosed, ///< subject client, value reply code (0 in order); reason
    ChannelClosed, ///< subject client, item channel, value reply code; reason
    ExchangeDeclared, ///< subject exchange, detail type
    QueueDeclared, ///< subject queue, detail type
    QueueDeleted, ///< subject queue, count messages dropped
    Bound, ///< subject exchange, actor destination, detail binding key
    Unbound, ///< subject exchange, actor destination, detail binding key
    Published, ///< subject exchange, actor client, detail routing key, count queues that got a copy
    Unroutable, ///< subject exchange, actor client, detail routing key
    Returned, ///< subject exchange, actor client, detail routing key
    Enqueued, ///< subject queue, actor publisher, detail routing key, item message; of a dead
              ///< letter: actor the queue it died in, value its number there. Reason HandedOver:
              ///< straight to a consumer
    Delivered, ///< subject queue, actor client, item message, value delivery tag; reason
               ///< Redelivered when it is
    Acked, ///< subject queue, actor client, item message, value delivery tag
    Requeued, ///< subject queue, actor client, item message; reason
    DeadLettered, ///< subject queue it died in, actor client or none, detail exchange it goes to,
                  ///< item message; reason
    Dropped, ///< subject queue, item message (-1: it never got in), actor client or none; reason
    Confirmed, ///< subject exchange, actor client, value confirm tag, count how many
    ConfirmRefused, ///< subject exchange, actor client, value confirm tag
    ConsumerAdded, ///< subject queue, actor client, value prefetch
    ConsumerCancelled, ///< subject queue, actor client; reason
    QueuePurged, ///< subject queue, count messages
    CommandRefused, ///< subject client, detail reply text, value reply code
};

enum class ExchangeReason : EventReason {
    None = 0,
    Redelivered = 0x200,
    ChannelClosed,
    ConnectionLost,
    Nacked,
    Rejected,
    Recovered,
    Expired,
    MaxLength,
    NoDeadLetterExchange,
    DeadLetterCycle,
    QueueDeleted,
    ByClient,
    ByBroker,
    AckTimeout,
    HandedOver,
};

inline constexpr EventKind kind(ExchangeEvent event)
{
    return static_cast<EventKind>(event);
}
inline constexpr EventReason reason(ExchangeReason reason)
{
    return static_cast<EventReason>(reason);
}

std::span<const EventInfo> eventTable();
std::span<const ReasonInfo> reasonTable();

} // namespace queuelab::exchange
