#pragma once

#include "engine/core/trace.h"
#include "engine/log/requests.h"

#include <variant>
#include <vector>

namespace queuelab::log {

/// What reaches a broker: a client's request, the end of a client's connection, or the time it
/// asked to be woken at.
struct ClientRequest {
    ClientId client;
    RequestId id;
    Request request;
    NameId name = kNoName; ///< the client in the trace: the client id of its request header
};
struct ClientGone {
    ClientId client;
};
/// Another broker asks; from the same door as a client's.
struct PeerRequest {
    NodeId from;
    RequestId id;
    Request request;
};
/// Another broker's answer to an AskPeer.
struct PeerAnswer {
    NodeId from;
    RequestId id;
    Response response;
};
/// The connection to another broker broke, or was refused: what is out to it is not answered, and
/// what it asked need not be.
struct PeerLost {
    NodeId peer;
};
struct WakeUp { };
using Input = std::variant<ClientRequest, ClientGone, PeerRequest, PeerAnswer, PeerLost, WakeUp>;

/// What a broker wants done, in this order.
struct Answer {
    ClientId client;
    RequestId id;
    Response response;
};
/// Ask another broker of the cluster. Messages between two brokers keep their order.
struct AskPeer {
    NodeId to;
    RequestId id; ///< unique in this life of the broker
    Request request;
};
struct AnswerPeer {
    NodeId to;
    RequestId id;
    Response response;
};
/// A controlled shutdown has come to its end: it leads nothing any more. Close it.
struct ShutDown { };
/// Wake me (WakeUp) at `at`. Only the earliest one asked for is kept; waking early is harmless.
struct WakeAt {
    Instant at;
};
using Effect = std::variant<Answer, AskPeer, AnswerPeer, ShutDown, WakeAt>;
using Effects = std::vector<Effect>;

/// Who asked, so that the answer finds its way: a client, or (when `peer` is set) another broker.
struct Caller {
    ClientId client{0};
    RequestId id{0};
    NodeId peer{0}; ///< brokers count from 1

    void answer(Response &&response, Effects &effects) const
    {
        if (peer.value() != 0)
            effects.emplace_back(std::in_place_type<AnswerPeer>, peer, id, std::move(response));
        else
            effects.emplace_back(std::in_place_type<Answer>, client, id, std::move(response));
    }
};

} // namespace queuelab::log
