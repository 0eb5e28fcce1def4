#pragma once

#include "engine/core/context.h"
#include "engine/exchange/broker.h"
#include "engine/log/client.h"
#include "engine/visibility/service.h"
#include "engine/world/outcomes.h"
#include "engine/world/snapshot.h"
#include "engine/world/workload.h"

#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace queuelab::world {

/// What an actor wants done, appended to a buffer that is reused. The world sends the messages over
/// its network, in order, and wakes the actor at the earliest time it asked for (waking early is
/// harmless).
struct Outbox {
    struct ToLog {
        NodeId broker;
        RequestId id;
        log::Request request;
    };
    struct ToExchange {
        exchange::ChannelNumber channel = 1;
        exchange::Method method;
    };
    struct ToVisibility {
        RequestId id;
        visibility::Request request;
    };
    std::vector<std::variant<ToLog, ToExchange, ToVisibility>> messages;
    std::optional<Instant> wakeAt;
    bool finished = false; ///< the actor has ended by itself: it crashed by chance (see `crashed`)
                           ///< or its work is done
    bool crashed = false;

    void wake(Instant at)
    {
        if (!wakeAt || at < *wakeAt)
            wakeAt = at;
    }
};

struct ActorContext {
    Context &base; ///< now, the actor's own random stream, trace; engines' files are none of its
                   ///< business
    Outbox &out;
    Outcomes &outcomes;
    Instant worldStart;
    NameId name; ///< the actor's name in the trace
};

/// A simulated application with its client: a producer or a consumer of one of the engines. A state
/// machine like the engines; its state is a value (clone). The world decides whether it lives:
/// crash, restart, pause and cut links are done to it from outside, and every life has a connection
/// of its own.
class Actor {
public:
    virtual ~Actor() = default;
    virtual std::unique_ptr<Actor> clone() const = 0;

    /// Begins a life with empty memory: connects, subscribes, starts its schedule. Called after
    /// adding and after a restart.
    virtual void start(ActorContext &context) = 0;
    /// The time it asked for has come, or earlier.
    virtual void wake(ActorContext &context) = 0;
    virtual void receive(RequestId, const log::Response &, ActorContext &) { }
    virtual void receive(exchange::ChannelNumber, const exchange::ServerMethod &, ActorContext &) {
    }
    virtual void receive(RequestId, const visibility::Response &, ActorContext &) { }
    /// Its connection to a broker broke, or was refused. Brokers of the log are told apart by their
    /// ids; the other engines are one broker, NodeId 1.
    virtual void connectionLost(NodeId, ActorContext &) { }
    /// Leaves in order; sets out.finished when it has nothing more to say (at once, or in a later
    /// step).
    virtual void stop(ActorContext &context) = 0;
    /// The process dies: forget everything. The world tells the engine that the connection broke.
    virtual void crash() = 0;
    /// While paused it is neither woken nor handed messages; they wait. resume() is followed by
    /// what waited.
    virtual void pause() { }
    virtual void resume(ActorContext &context) { wake(context); }

    /// False when it has no such knob.
    virtual bool setProcessing(const Span &, ActorContext &) { return false; }
    virtual bool setRate(Rate, ActorContext &) { return false; }

    /// Fills in what it knows of itself; name and state are filled in by the world.
    virtual void describe(ClientSnapshot &out, const NameTable &names) const = 0;
};

// The actors, one for each add-... command; made in actors/*.cpp. `name` is resolved (never empty);
// `bootstrap` are the brokers that clients of the log ask first.
std::unique_ptr<Actor> makeProducer(
    const AddProducer &command, const std::string &name, const std::vector<NodeId> &bootstrap);
std::unique_ptr<Actor> makeConsumer(
    const AddConsumer &command, const std::string &name, const std::vector<NodeId> &bootstrap);
std::unique_ptr<Actor> makeTransformer(
    const AddTransformer &command, const std::string &name, const std::vector<NodeId> &bootstrap);
std::unique_ptr<Actor> makeShareConsumer(
    const AddShareConsumer &command, const std::string &name, const std::vector<NodeId> &bootstrap);
std::unique_ptr<Actor> makeRedriver(
    const Redrive &command, const std::string &name, const std::vector<NodeId> &bootstrap);
std::unique_ptr<Actor> makePublisher(const AddPublisher &command, const std::string &name);
std::unique_ptr<Actor> makeWorker(const AddWorker &command, const std::string &name);
std::unique_ptr<Actor> makeSender(const AddSender &command, const std::string &name);
std::unique_ptr<Actor> makeReceiver(const AddReceiver &command, const std::string &name);

} // namespace queuelab::world
