#pragma once

#include "engine/core/time.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace queuelab::visibility {

/// What the visibility engine shows of itself; plain values, ordered. Counters carry the names of
/// the queue attributes.

struct MessageSnapshot {
    std::uint64_t number = 0; ///< the engine's own, in order of sending
    std::string messageId;
    std::string label;
    std::int32_t receiveCount = 0;
    Instant sent{};
    Instant due{}; ///< in flight: when it becomes visible again; delayed: when it becomes visible;
                   ///< else zero
    Duration timeout{}; ///< the whole span that `due` ends, for drawing the ring
    std::string heldBy; ///< in flight: the client that received it last
    bool extended = false; ///< in flight: ChangeMessageVisibility moved `due`
};
struct QueueSnapshot {
    static constexpr std::size_t kShownMessages = 64;
    std::string name;
    bool fifo = false;
    std::int32_t visibilityTimeoutSeconds = 30;
    std::int32_t delaySeconds = 0;
    std::int32_t receiveMessageWaitTimeSeconds = 0;
    std::int64_t messageRetentionPeriodSeconds = 345'600;
    std::string deadLetterQueue; ///< empty: none
    std::int32_t maxReceiveCount = 0;
    std::vector<std::string> deadLetterSources; ///< queues whose dead letters come here
    std::uint64_t visible = 0; ///< ApproximateNumberOfMessages, exact here
    std::uint64_t notVisible = 0; ///< ApproximateNumberOfMessagesNotVisible
    std::uint64_t delayed = 0; ///< ApproximateNumberOfMessagesDelayed
    std::uint64_t sent = 0; ///< NumberOfMessagesSent
    std::uint64_t received = 0; ///< NumberOfMessagesReceived
    std::uint64_t deleted = 0; ///< NumberOfMessagesDeleted
    std::uint64_t emptyReceives = 0; ///< NumberOfEmptyReceives
    std::uint64_t reappeared = 0; ///< visibility timeouts that ran out
    std::uint64_t deadLettered = 0;
    std::optional<Instant> oldestSent;
    std::vector<MessageSnapshot>
        shownVisible; ///< next to be received first, at most kShownMessages
    std::vector<MessageSnapshot> shownInFlight; ///< earliest due first
    std::vector<MessageSnapshot> shownDelayed; ///< earliest due first
    std::vector<std::string> waiting; ///< clients in a long poll, oldest first
};
struct ServiceSnapshot {
    std::vector<QueueSnapshot> queues; ///< by name
};

} // namespace queuelab::visibility
