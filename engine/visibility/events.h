#pragma once

#include "engine/core/trace.h"

#include <span>

namespace queuelab::visibility {

/// What the visibility engine records. A message's `item` is its number (ReceivedMessage::number).
enum class VisibilityEvent : EventKind {
    QueueCreated = 0x300, ///< subject queue
    QueueDeleted, ///< subject queue, count messages
    QueuePurged, ///< subject queue, count messages
    AttributesChanged, ///< subject queue
    Sent, ///< subject queue, actor client, item message, detail label if one was given
    Delayed, ///< after Sent, with the same fields; value nanoseconds until visible
    BecameVisible, ///< subject queue, item message; reason delay over
    Received, ///< subject queue, actor client, item message, value receive count
    Reappeared, ///< subject queue, actor the client that held it, item message, value receive
                ///< count; reason
    VisibilityChanged, ///< subject queue, actor client, item message, value nanoseconds from now
    Deleted, ///< subject queue, actor client, item message, value receive count
    DeleteTooLate, ///< as Deleted, but through the handle of a receive whose timeout had ended
    EmptyReceive, ///< subject queue, actor client; reason short poll or long poll ended
    LongPollStarted, ///< subject queue, actor client, value nanoseconds it may wait
    DeadLettered, ///< subject queue, actor who held it last, detail dead-letter queue, item
                  ///< message, value receive count; reason
    RetentionEnded, ///< subject queue, item message
    RequestRefused, ///< subject queue, actor client, detail error code
    DeletedAgain, ///< subject queue, actor client, item message, gone already; value receive count
                  ///< of the handle
};

enum class VisibilityReason : EventReason {
    None = 0,
    VisibilityTimeout = 0x300,
    VisibilitySetToZero,
    DelayOver,
    ShortPoll,
    LongPollEnded,
    MaxReceiveCount,
};

inline constexpr EventKind kind(VisibilityEvent event)
{
    return static_cast<EventKind>(event);
}
inline constexpr EventReason reason(VisibilityReason reason)
{
    return static_cast<EventReason>(reason);
}

std::span<const EventInfo> eventTable();
std::span<const ReasonInfo> reasonTable();

} // namespace queuelab::visibility
