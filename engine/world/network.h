#pragma once

#include "engine/core/random.h"
#include "engine/exchange/broker.h"
#include "engine/log/broker_io.h"
#include "engine/visibility/service.h"

#include <array>
#include <cstdint>
#include <variant>
#include <vector>

namespace queuelab::world {

/// The network of a world: connections between machines, and what waits on the agenda. Values;
/// network.cpp says how they behave.

/// Index of a client in the order of adding.
using HostIndex = std::uint32_t;
inline constexpr HostIndex kNoHost = UINT32_MAX;
using ConnectionIndex = std::uint32_t;

/// The two ends of a connection. Near is the client, or the broker with the lower number; far is
/// the engine, or the other broker.
enum class End : std::uint8_t { Near, Far };
constexpr End otherEnd(End end)
{
    return end == End::Near ? End::Far : End::Near;
}

// What travels on connections.

struct ToLog {
    log::ClientRequest request;
};
struct FromLog {
    log::Answer answer;
};
/// A PeerRequest or a PeerAnswer.
struct BetweenBrokers {
    log::Input input;
};
struct ToExchange {
    exchange::ClientMethod method;
};
struct FromExchange {
    exchange::ToClient method;
};
struct ToVisibility {
    visibility::ClientRequest request;
};
struct FromVisibility {
    visibility::Answer answer;
};
/// The client closed the connection, or its operating system did.
struct ClientLeft {
    ClientId client;
};
using Message = std::variant<ToLog, FromLog, BetweenBrokers, ToExchange, FromExchange, ToVisibility,
    FromVisibility, ClientLeft>;

/// A message on its way to one end of a connection.
struct Carried {
    ConnectionIndex connection;
    End to;
    std::uint32_t life; ///< of the connection, as the sender knew it
    Message message;
};
/// One end is about to learn that the connection broke, or was refused.
struct Broken {
    ConnectionIndex connection;
    End to;
    std::uint32_t life; ///< that the connection has had since
    ClientId client; ///< whose connection it was; 0 between brokers
};

// What else waits on the agenda.

/// A mended connection carries what waited on it.
struct Drain {
    ConnectionIndex connection;
};
struct WakeLog {
    NodeId node;
    std::uint32_t life;
};
struct WakeExchange { };
struct WakeVisibility { };
struct WakeClient {
    HostIndex host;
    ClientId life;
};
/// The answer to a request of yours that the log could not give at once.
struct YourAnswer {
    log::Answer answer;
};
/// The errand at the head of your line tries again (or learns that its broker is gone).
struct YourTurn {
    std::uint64_t errand;
};
using Item = std::variant<Carried, Broken, Drain, WakeLog, WakeExchange, WakeVisibility, WakeClient,
    YourAnswer, YourTurn>;

/// A TCP connection between two machines. What one end sends arrives at the other in order, or the
/// connection breaks: then everything on the line is lost, both ends that still live learn it, and
/// what they send afterwards goes over a new one (the next `life`). What an end sends before it has
/// learnt it is lost too.
struct Connection {
    Connection(HostIndex host, NodeId lowerBroker, NodeId toBroker, Random ownJitter)
        : client(host)
        , near(lowerBroker)
        , far(toBroker)
        , jitter(ownJitter)
    {
    }

    HostIndex client; ///< at the near end; kNoHost between brokers
    NodeId near; ///< the broker at the near end; 0 when a client is there
    NodeId far; ///< the broker at the far end; 0 for the exchange broker and the visibility service
    Random jitter;
    bool cut = false; ///< nothing passes; messages wait
    bool open = false; ///< something was sent in its present life
    std::uint32_t life = 1;
    std::array<std::uint32_t, 2> known{1, 1}; ///< the life each end takes for the present one
    std::array<Instant, 2> lastArrival{}; ///< at each end; later messages stay behind it
    std::vector<Item> waiting{}; ///< Carried and Broken, in order

    std::uint32_t &knownAt(End end) { return known[static_cast<std::size_t>(end)]; }
    Instant &lastArrivalAt(End end) { return lastArrival[static_cast<std::size_t>(end)]; }
    NodeId brokerAt(End end) const { return end == End::Near ? near : far; }
};

} // namespace queuelab::world
