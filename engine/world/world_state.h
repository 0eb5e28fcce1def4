#pragma once

#include "engine/log/broker.h"
#include "engine/world/actor.h"
#include "engine/world/agenda.h"
#include "engine/world/events.h"
#include "engine/world/network.h"
#include "engine/world/series.h"
#include "engine/world/world.h"

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace queuelab::world {

/// The inside of a world, shared by the files that implement it: world.cpp (making, copying,
/// running), network.cpp (connections), delivery.cpp (messages and wake-ups reach engines and
/// clients, and what these want done is carried out), lives.cpp (processes begin and end),
/// errands.cpp and commands_*.cpp (commands), world_snapshot.cpp and stored_records.cpp (looking).

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

inline constexpr ClientId kYourClient{1};

/// Whom a broker of the log cannot reach.
enum class Isolation : std::uint8_t { None, FromBrokers, FromEveryone };

/// A broker process of the log, and its machine.
struct LogNode {
    LogNode(NodeId number, std::string itsName, log::Broker process, Random ownRandom)
        : id(number)
        , name(std::move(itsName))
        , broker(std::move(process))
        , random(ownRandom)
    {
    }

    NodeId id;
    std::string name; ///< "broker-1", also its directory
    log::Broker broker;
    Random random;
    bool alive = true;
    bool stopping = false; ///< in a controlled shutdown
    std::uint32_t life = 1;
    Wakes wakes{};
    Isolation isolation = Isolation::None;
    Duration slowness{}; ///< added to the latency of each message to and from it
    Duration clockError{}; ///< how far its wall clock is ahead
};

/// The machine a simulated client runs on: its process and its connections.
struct Host {
    explicit Host(Random ownRandom)
        : random(ownRandom)
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
    Wakes wakes;
    bool stopping = false; ///< was told to stop and is about to
    bool linkCut = false; ///< all its connections
    ConnectionIndex firstConnection = 0; ///< to broker 1 of the log, the others follow; or the only
                                         ///< one
    std::uint32_t connections = 1;
    std::vector<Item> atTheDoor; ///< what arrived and waits for the client to be resumed
    std::uint64_t countBefore = 0; ///< messages at the last full second, for the rate
    double rate = 0;
};

/// A command of yours to the log on its way: one request after another, each when the one before
/// is answered.
struct Errand {
    explicit Errand(std::uint64_t itsNumber, Command what)
        : number(itsNumber)
        , command(std::move(what))
    {
    }

    std::uint64_t number; ///< so that an old YourTurn is told apart
    Command command;
    Instant stuckSince{}; ///< when it last got on
    std::int32_t made = 0; ///< produce: records written so far
    std::int32_t asking = 0; ///< produce: records in the request that is out
    std::optional<RequestId> request{}; ///< that is out
    NodeId asked{0}; ///< whom
    std::uint32_t askedLife = 0;
    /// reset-offsets: what was answered so far.
    std::optional<log::OffsetFetchResponse> committed{};
    log::ResetAnswers ends{};
    std::optional<log::ResetPlan> reset{};
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
    LogTap *logTap = nullptr;

    log::BrokerConfig logConfig;
    std::vector<LogNode> logNodes; ///< node n at n - 1
    std::vector<Connection> connections; ///< between brokers first, then those of each client
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
    std::deque<Errand> errands; ///< your line to the log; only the first is under way
    std::uint64_t errandsBegun = 0;
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

    // network.cpp
    void connectBrokers();
    /// Gives `host` its connections; it must be the last of `hosts`.
    void connect(Host &host);
    ConnectionIndex connectionOf(const Host &host, NodeId broker) const;
    ConnectionIndex connectionBetween(NodeId one, NodeId other) const;
    void send(ConnectionIndex index, End to, Message message);
    void arrive(Carried &&carried);
    void arrive(const Broken &broken);
    /// Everything on the line is lost. Both ends learn it after one latency, but for the `dead`
    /// one.
    void breakConnection(ConnectionIndex index, std::optional<End> dead = std::nullopt);
    /// The broker's process is gone, and its connections with it.
    void breakConnectionsOf(const LogNode &node);
    bool isBlocked(const Connection &connection) const;
    /// Call it after a mend: whatever can pass again is carried, in order, after one latency.
    /// Returns how many messages had waited.
    std::int64_t release();
    void drain(ConnectionIndex index);

    // delivery.cpp
    Context context(Random &random) { return {now, random, trace, *files}; }
    Context context(LogNode &node) { return {now, node.random, trace, *files, node.clockError}; }
    Host *hostOf(ClientId client);
    /// The host whose present life `client` is; nullptr when that life is over.
    Host *living(ClientId client);
    LogNode &nodeOf(NodeId id) { return logNodes[static_cast<std::size_t>(id.value() - 1)]; }
    const LogNode &nodeOf(NodeId id) const
    {
        return logNodes[static_cast<std::size_t>(id.value() - 1)];
    }
    /// The next thing on the agenda happens.
    void run(Item item);
    /// A message has come to the machine at that end, which lives.
    void deliver(Carried &&carried);
    /// The process at that end learns that the connection broke.
    void deliver(const Broken &broken);
    /// The engine (of the log: this broker) learns that the client's connection ended.
    void clientGone(ClientId client, NodeId broker);
    void wakeAt(Wakes &wakes, Instant at, Item item);
    void applyToLog(LogNode &node, const log::Input &input);
    void applyToExchange(const exchange::Input &input);
    void applyToVisibility(const visibility::Input &input);
    void carryOutLog(LogNode &node);
    void carryOutExchange();
    void carryOutVisibility();
    /// Lets `host`'s actor do `step(actor, context)` and carries out what it wants.
    template <class Step> void act(Host &host, Step &&step);
    void carryOutActor(Host &host);
    /// What arrived for a client is handed to it, or waits at its door while it is paused.
    template <class Arrived, class Step> void hand(ClientId client, Arrived &arrived, Step &&step);

    // lives.cpp
    void beginLife(Host &host);
    void endLife(Host &host, ClientState state, WorldReason why);
    void stop(Host &host);
    void resume(Host &host);
    /// The broker's process ends; its files are the caller's.
    void endLife(LogNode &node, WorldEvent event, WorldReason why = WorldReason::None);
    void beginShutDown(LogNode &node);
    /// A controlled shutdown is over: closes its files and ends its life.
    void finishShutDown(LogNode &node);
    Result<void, Error> restart(LogNode &node);
    void record(WorldEvent event, NameId subject, WorldReason why = WorldReason::None,
        std::int64_t count = 1, std::int64_t value = 0);

    // errands.cpp
    Result<void, CommandError> runErrand(Command command);
    void answerErrand(YourAnswer &&answer);
    void turnOfErrand(std::uint64_t number);

    // commands.cpp
    Result<void, CommandError> apply(const Command &command);

    // world_snapshot.cpp
    std::shared_ptr<const Snapshot> snapshot() const;
    log::ClusterSnapshot logSnapshot() const;
    void sampleReplication(const log::ClusterSnapshot &log);
    std::string cutOff(const Host &host) const;

    // stored_records.cpp
    /// The broker whose copy of the partition is looked at: the leader, else one that lives;
    /// nullptr when none does.
    const log::Broker *replicaOf(const log::PartitionSnapshot &partition) const;
    std::vector<LogTailSnapshot> logTails(const log::ClusterSnapshot &log) const;
    LogTailSnapshot logTail(const log::TopicPartition &name,
        const log::PartitionSnapshot &partition, const log::Broker &broker) const;
    std::vector<MessageRow> records(const std::string &topic, std::int32_t partition,
        std::int64_t fromOffset, std::size_t limit) const;
};

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
    carryOutActor(host);
}

template <class Arrived, class Step>
void World::State::hand(ClientId client, Arrived &arrived, Step &&step)
{
    Host *host = living(client);
    if (!host)
        return;
    if (host->state == ClientState::Paused)
        host->atTheDoor.emplace_back(std::move(arrived));
    else
        act(*host, step);
}

} // namespace queuelab::world
