#pragma once

#include "engine/core/context.h"
#include "engine/exchange/methods.h"
#include "engine/exchange/snapshot.h"

#include <memory>
#include <string>
#include <variant>
#include <vector>

namespace queuelab::exchange {

struct BrokerConfig {
    std::uint32_t consumerTimeoutMs = 1'800'000; ///< consumer_timeout
    std::uint16_t channelMax = 2047; ///< channel_max
};

/// What reaches the broker.
struct ClientMethod {
    ConnectionId connection;
    ChannelNumber channel = 0;
    Method method;
};
/// The client's TCP connection broke: no close handshake, everything unacked is requeued.
struct ConnectionLost {
    ConnectionId connection;
};
struct WakeUp { };
using Input = std::variant<ClientMethod, ConnectionLost, WakeUp>;

/// What the broker wants done, in this order.
struct ToClient {
    ConnectionId connection;
    ChannelNumber channel = 0;
    ServerMethod method;
};
/// Wake me (WakeUp) at `at`. Only the earliest one asked for is kept; waking early is harmless.
struct WakeAt {
    Instant at;
};
using Effect = std::variant<ToClient, WakeAt>;
using Effects = std::vector<Effect>;

/// One RabbitMQ node: exchanges, bindings, classic queues, connections with their channels. A state
/// machine whose state is a value: apply() is the only way to change it. Refusals are AMQP's (reply
/// code and text, channel or connection closed); they never throw and leave the rest unharmed.
class Broker {
public:
    explicit Broker(BrokerConfig config);
    Broker(const Broker &other);
    Broker &operator=(const Broker &other);
    Broker(Broker &&) noexcept;
    Broker &operator=(Broker &&) noexcept;
    ~Broker();

    /// Appends to `effects`, which the caller reuses. Names are kept as numbers of the trace: a
    /// broker is used with one trace, or copies of it, all its life.
    void apply(const Input &input, Context &context, Effects &effects);

    BrokerSnapshot snapshot() const;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

/// Whether a topic binding pattern matches a routing key: words split at '.', '*' is exactly one
/// word, '#' any number (facts: rabbitmq.md 2.1). For explaining a match to a person; routing
/// itself uses the broker's own structures.
bool topicMatches(std::string_view pattern, std::string_view routingKey);
/// Why it does not match, in plain words ("* takes one word, but 'card.eu' is two"); empty when it
/// does.
std::string topicMismatch(std::string_view pattern, std::string_view routingKey);

} // namespace queuelab::exchange
