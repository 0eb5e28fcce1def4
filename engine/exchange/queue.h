#pragma once

#include "engine/core/trace.h"
#include "engine/exchange/message.h"
#include "engine/exchange/queue_arguments.h"
#include "engine/exchange/ready_messages.h"
#include "engine/exchange/unacked_list.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::exchange {

struct Consumer {
    ConsumerId id{0};
    std::string tag;
    QueueId queue{0};
    ChannelId channel{0};
    bool noAck = false;
    bool exclusive = false;
    std::uint16_t prefetch = 0; ///< 0 is no limit
    std::int64_t priority = 0;
    std::uint64_t unacked = 0;
    bool blocked =
        false; ///< found full when its turn came; not in its queue's turns until it has room again
};

/// Whose turn it is among consumers of one priority (facts: rabbitmq.md 4.1): the first takes a
/// message and goes to the end; one that is full leaves and comes back at the end.
struct Turns {
    std::int64_t priority = 0;
    std::deque<ConsumerId> order;
};

struct Queue {
    QueueId id{0};
    std::string name;
    NameId traceName = kNoName;
    bool durable = false;
    bool autoDelete = false;
    std::optional<ConnectionId> owner; ///< exclusive to it
    FieldTable arguments;
    QueueSettings settings;

    ReadyMessages ready;
    std::uint64_t lastNumber = 0; ///< of the newest message
    std::uint64_t unacked = 0; ///< held by clients

    std::vector<ConsumerId> consumers; ///< by registration
    std::vector<Turns> turns; ///< highest priority first; empty with a single active consumer
    ConsumerId active{0}; ///< the single active consumer; 0 none
    std::set<BindingId> bindings;
    Instant lastUsed{};
    Instant timer = kNever; ///< what it has in State::timers
    std::uint64_t routeMark = 0; ///< the routing that reached it last

    std::uint64_t published = 0;
    std::uint64_t delivered = 0;
    std::uint64_t redelivered = 0;
    std::uint64_t acknowledged = 0;
    std::uint64_t deadLettered = 0;
    std::uint64_t expired = 0;
    std::uint64_t dropped = 0;
};

struct Connection {
    std::string name;
    NameId traceName = kNoName;
    bool closing = false; ///< closed by the broker: what still comes is ignored
    std::map<ChannelNumber, ChannelId> channels;
};

/// Publisher confirms that are decided and not sent yet (facts: rabbitmq.md 4.4).
struct DecidedConfirm {
    std::uint64_t tag = 0;
    NameId exchange = kNoName;
};

struct Channel {
    ChannelId id{0};
    ConnectionId connection{0};
    ChannelNumber number = 0;
    NameId clientName = kNoName;
    Instant opened{};
    bool closing = false; ///< closed by the broker: what still comes is ignored until it is opened
                          ///< again or closed

    std::map<std::string, ConsumerId> consumers; ///< by tag
    std::uint16_t consumerPrefetch = 0; ///< for consumers to come
    std::uint16_t globalPrefetch = 0; ///< for the channel; 0 is no limit
    std::uint64_t lastDeliveryTag = 0;
    UnackedList unacked;
    bool timeoutArmed = false; ///< it has an entry in State::timers
    std::string lastQueue; ///< declared on this channel; what queue "" means

    bool confirms = false;
    std::uint64_t lastConfirmTag = 0;
    std::vector<DecidedConfirm> confirmed;
    std::vector<DecidedConfirm> refused;
};

} // namespace queuelab::exchange
