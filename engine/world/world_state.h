#pragma once

#include "engine/log/broker.h"
#include "engine/world/actor.h"
#include "engine/world/agenda.h"
#include "engine/world/events.h"
#include "engine/world/series.h"
#include "engine/world/world.h"

#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace queuelab::world {

/// The inside of a world, shared by the files that implement it: world.cpp (making, copying,
/// running), routing.cpp (network, deliveries, lives of clients), world_commands.cpp (commands) and
/// world_snapshot.cpp (looking).

/// Owns a T; copying clones it.
template <class T> class Cloned {
public:
    Cloned() = default;
    explicit Cloned(std::unique_ptr<T> value)
        : m_value(std::move(value))
    {
    }
    Cloned(const Cloned &other)
        : m_value(other.m_value ? other.m_value->clone() : nullptr)
    {
    }
    Cloned(Cloned &&) noexcept = default;
    Cloned &operator=(Cloned other) noexcept
    {
        m_value = std::move(other.m_value);
        return *this;
    }
    T *operator->() const { return m_value.get(); }
    T &operator*() const { return *m_value; }
    explicit operator bool() const { return m_value != nullptr; }

private:
    std::unique_ptr<T> m_value;
};

/// The wake-ups one machine has on the agenda, latest first. A new one goes there only when it is
/// earlier than all of them: being woken early is harmless, and the machine then asks again. So the
/// agenda never fills with old timers.
struct Wakes {
    std::vector<Instant> pending;
    /// Whether a wake-up at `at` must be put on the agenda.
    bool ask(Instant at)
    {
        if (!pending.empty() && pending.back() <= at)
            return false;
        pending.push_back(at);
        return true;
    }
    /// The earliest one came.
    void came() { pending.pop_back(); }
};

/// Index of a client in the order of adding.
using HostIndex = std::uint32_t;
inline constexpr ClientId kYourClient{1};

// What waits on the agenda: a message on its way, or a wake-up.

struct ToLog {
    NodeId node;
    log::ClientRequest request;
};
struct FromLog {
    NodeId node;
    log::Answer answer;
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
/// The engine learns that a client's connection broke.
struct ClientLeft {
    ClientId client;
};
/// A client learns that its connection to a broker of the log broke or was refused.
struct ConnectionBroke {
    ClientId client;
    NodeId node;
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
using Item = std::variant<ToLog, FromLog, ToExchange, FromExchange, ToVisibility, FromVisibility,
    ClientLeft, ConnectionBroke, WakeLog, WakeExchange, WakeVisibility, WakeClient>;

/// A broker process of the log on its machine.
struct LogNode {
    NodeId id;
    std::string name; ///< "broker-1", also its directory
    log::Broker broker;
    Random random;
    bool alive = true;
    std::uint32_t life = 1;
    Wakes wakes;
};

/// The machine a simulated client runs on: its process, its connection, its link.
struct Host {
    Host(Random ownRandom, Random itsLinkRandom)
        : random(ownRandom)
        , linkRandom(itsLinkRandom)
    {
    }

    std::string name;
    NameId nameId = kNoName;
    ClientRole role = ClientRole::Producer;
    Engine engine = Engine::Log;
    Cloned<Actor> actor;
    ClientState state = ClientState::Running;
    ClientId client{0}; ///< of the present or last life
    std::uint32_t life = 0;
    Random random; ///< the application's own
    Random linkRandom; ///< its link's jitter
    Wakes wakes;
    bool stopping = false; ///< was told to stop and is about to
    bool linkCut = false;
    std::vector<Item> onTheLine; ///< messages that wait for the link to be mended
    std::vector<Item> atTheDoor; ///< messages that wait for the client to be resumed
    Instant lastToEngine{}; ///< arrival of the last message, so that later ones stay behind it
    Instant lastToClient{};
    std::uint64_t countBefore = 0; ///< messages at the last full second, for the rate
    double rate = 0;
};

struct World::State {
    State(WorldConfig worldConfig, std::unique_ptr<Files> worldFiles, Mode worldMode,
        Instant worldStart, const log::BrokerConfig &logConfig);

    WorldConfig config;
    Mode mode;
    Instant start;
    Instant now;
    std::uint64_t steps = 0;
    Random root; ///< never drawn from: only streams of it are
    Cloned<Files> files;
    Trace trace;

    log::BrokerConfig logConfig;
    std::vector<LogNode> logNodes; ///< node n at n - 1
    exchange::Broker exchange;
    Random exchangeRandom;
    Wakes exchangeWakes;
    visibility::Service visibility;
    Random visibilityRandom;
    Wakes visibilityWakes;

    std::vector<Host> hosts;
    std::vector<HostIndex> hostOfClient; ///< by ClientId; kNoHost for you and for 0
    Agenda<Item> agenda;
    Outcomes outcomes;
    SeriesRecorder series;
    Instant nextRates; ///< when the clients' rates are next measured
    std::vector<std::string> notes;

    Random yourRandom;
    std::uint64_t yourRequests = 0;
    bool yourConnectionOpen = false;
    bool yourChannelOpen = false;

    // Buffers that are reused; empty between steps.
    log::Effects logEffects;
    exchange::Effects exchangeEffects;
    visibility::Effects visibilityEffects;
    Outbox outbox;

    // world.cpp
    void advanceTo(Instant to);
    void runNext();
    void measureRates();
    void sample();

    // routing.cpp
    Context context(Random &random) { return {now, random, trace, *files}; }
    Host *hostOf(ClientId client);
    /// The host whose present life `client` is; nullptr when that life is over.
    Host *living(ClientId client);
    Instant toEngine(Host &host);
    Instant toClient(Host &host);
    void deliver(Item item);
    void wakeAt(Wakes &wakes, Instant at, Item item);
    void applyToLog(LogNode &node, const log::Input &input);
    void applyToExchange(const exchange::Input &input);
    void applyToVisibility(const visibility::Input &input);
    void carryOutLog(LogNode &node);
    void carryOutExchange();
    void carryOutVisibility();
    /// Lets `host`'s actor do `step(actor, context)` and carries out what it wants.
    template <class Step> void act(Host &host, Step &&step);
    void beginLife(Host &host);
    void endLife(Host &host, ClientState state, WorldReason why);
    void stop(Host &host);
    void resume(Host &host);
    void mend(Host &host);
    void kill(LogNode &node);
    Result<void, Error> restart(LogNode &node);
    void record(WorldEvent event, NameId subject, WorldReason why = WorldReason::None,
        std::int64_t count = 1, std::int64_t value = 0);

    // world_commands.cpp
    Result<void, CommandError> apply(const Command &command);

    // world_snapshot.cpp
    std::shared_ptr<const Snapshot> snapshot() const;
    log::ClusterSnapshot logSnapshot() const;
    std::vector<MessageRow> records(const std::string &topic, std::int32_t partition,
        std::int64_t fromOffset, std::size_t limit) const;
};

inline constexpr HostIndex kNoHost = UINT32_MAX;

template <class Step> void World::State::act(Host &host, Step &&step)
{
    // What was in the buffers is another actor's and was carried out; acting never nests.
    outbox.messages.clear();
    outbox.wakeAt.reset();
    outbox.finished = false;
    outbox.crashed = false;
    Context base = context(host.random);
    ActorContext actorContext{base, outbox, outcomes, start, host.nameId};
    step(*host.actor, actorContext);

    for (auto &message : outbox.messages) {
        const Instant arrival = toEngine(host);
        if (auto *toLog = std::get_if<Outbox::ToLog>(&message))
            agenda.add(arrival,
                ToLog{toLog->broker,
                    {host.client, toLog->id, std::move(toLog->request), host.nameId}});
        else if (auto *toExchange = std::get_if<Outbox::ToExchange>(&message))
            agenda.add(arrival,
                ToExchange{{host.client, toExchange->channel, std::move(toExchange->method)}});
        else if (auto *toVisibility = std::get_if<Outbox::ToVisibility>(&message))
            agenda.add(arrival,
                ToVisibility{
                    {host.client, toVisibility->id, host.name, std::move(toVisibility->request)}});
    }
    outbox.messages.clear();
    if (outbox.finished || outbox.crashed) {
        if (outbox.crashed)
            endLife(host, ClientState::Crashed, WorldReason::ByChance);
        else
            endLife(host, ClientState::Stopped,
                host.stopping ? WorldReason::ByCommand : WorldReason::WorkDone);
    } else if (outbox.wakeAt) {
        const auto index = static_cast<HostIndex>(&host - hosts.data());
        wakeAt(host.wakes, *outbox.wakeAt, WakeClient{index, host.client});
    }
}

} // namespace queuelab::world
