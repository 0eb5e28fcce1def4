#pragma once

#include "engine/core/time.h"
#include "engine/exchange/methods.h"

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace queuelab::exchange {

using ExchangeId = StrongId<struct ExchangeTag, std::uint32_t>;
using QueueId = StrongId<struct QueueTag, std::uint32_t>;
using BindingId = StrongId<struct BindingTag, std::uint32_t>;
using ChannelId = StrongId<struct ChannelTag, std::uint32_t>;
using ConsumerId = StrongId<struct ConsumerTag, std::uint32_t>;
/// An exchange's name, numbered by the broker: still readable when the exchange is gone.
using ExchangeNameId = StrongId<struct ExchangeNameTag, std::uint32_t>;

/// Later than everything.
inline constexpr Instant kNever = Instant::max();

/// Routing keys beside the one of basic.publish (facts: rabbitmq.md 2.3).
struct MoreKeys {
    std::vector<std::string> copy; ///< CC
    std::vector<std::string> blindCopy; ///< BCC: routed by, but removed from the headers
};

/// A message on its way through the broker: made once when it is published or dead-lettered, shared
/// by every queue that got it, never changed.
struct Envelope {
    SharedContent content; ///< never null
    std::string routingKey;
    ExchangeNameId exchange{0};
    std::shared_ptr<const MoreKeys> moreKeys; ///< usually null
};

/// One message in one queue, ready or held by a client.
struct Message {
    std::uint64_t number = 0; ///< in its queue, from 1, in order of arrival
    std::shared_ptr<const Envelope> envelope;
    Instant expires = kNever; ///< fixed when it arrives; kept when it is requeued
    std::uint32_t deliveries = 0;
    std::uint8_t priority = 0; ///< at most the queue's x-max-priority

    std::size_t bodyBytes() const { return envelope->content->body.size(); }
    bool redelivered() const { return deliveries > 0; }
};

} // namespace queuelab::exchange
