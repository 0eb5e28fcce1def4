#pragma once

#include "engine/world/world_state.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::world {

using Outcome = Result<void, CommandError>;

inline std::unexpected<CommandError> refused(std::string code, std::string message)
{
    return std::unexpected(CommandError{std::move(code), std::move(message)});
}
/// "NOT_CONTROLLER" with words.
inline std::unexpected<CommandError> refused(log::ErrorCode error, std::string message)
{
    return refused(std::string(log::errorName(error)), std::move(message));
}
/// `message`, with the nearest of `candidates` added where there is one.
std::string withNearest(
    std::string message, std::string_view word, const std::vector<std::string> &candidates);

/// Carries out one command on a world. Commands by hand go through the engines' own doors, as a
/// client called "you" without a network between, so that the answer is there at once; what the
/// log cannot answer at once becomes an errand (errands.cpp).
class Hand {
public:
    explicit Hand(World::State &world)
        : m_world(world)
    {
    }

    // The log: errands.cpp, commands_clients.cpp.
    Outcome operator()(const CreateTopic &command) { return m_world.runErrand(command); }
    Outcome operator()(const AddPartitions &command) { return m_world.runErrand(command); }
    Outcome operator()(const DeleteTopic &command) { return m_world.runErrand(command); }
    Outcome operator()(const AlterConfigs &command) { return m_world.runErrand(command); }
    Outcome operator()(const AlterGroupConfigs &command) { return m_world.runErrand(command); }
    Outcome operator()(const DeleteRecords &command) { return m_world.runErrand(command); }
    Outcome operator()(const Produce &command) { return m_world.runErrand(command); }
    Outcome operator()(const ElectLeaders &command) { return m_world.runErrand(command); }
    Outcome operator()(const ResetOffsets &command);
    Outcome operator()(const AddProducer &command);
    Outcome operator()(const AddConsumer &command);
    Outcome operator()(const AddShareConsumer &command);
    Outcome operator()(const AddTransformer &command);
    Outcome operator()(const Redrive &command) { return m_world.runErrand(command); }

    // The exchange broker: commands_exchange.cpp.
    Outcome operator()(const DeclareExchange &command);
    Outcome operator()(const DeclareQueue &command);
    Outcome operator()(const DeleteQueueCommand &command);
    Outcome operator()(const Bind &command);
    Outcome operator()(const Unbind &command);
    Outcome operator()(const Publish &command);
    Outcome operator()(const AddPublisher &command);
    Outcome operator()(const AddWorker &command);

    // The visibility service: commands_visibility.cpp.
    Outcome operator()(const CreateQueue &command);
    Outcome operator()(const SetQueueAttributes &command);
    Outcome operator()(const SendMessage &command);
    Outcome operator()(const AddSender &command);
    Outcome operator()(const AddReceiver &command);

    // Any client: commands_clients.cpp.
    Outcome operator()(const CrashConsumer &command);
    Outcome operator()(const RestartConsumer &command);
    Outcome operator()(const StopConsumer &command) { return stop(command.name); }
    Outcome operator()(const PauseConsumer &command);
    Outcome operator()(const ResumeConsumer &command);
    Outcome operator()(const SetProcessing &command);
    Outcome operator()(const StopProducer &command) { return stop(command.name); }
    Outcome operator()(const SetRate &command);

    // Brokers and the network: commands_machines.cpp.
    Outcome operator()(const KillBroker &command);
    Outcome operator()(const RestartBroker &command);
    Outcome operator()(const StopBroker &command);
    Outcome operator()(const IsolateBroker &command);
    Outcome operator()(const RejoinBroker &command);
    Outcome operator()(const SlowBroker &command);
    Outcome operator()(const SkipClock &command);
    Outcome operator()(const CutLink &command);
    Outcome operator()(const MendLink &command);
    Outcome operator()(const ResetLink &command);

    /// The clients of a command that adds them to the log, once it is their turn.
    Outcome addNow(const AddProducer &command);
    Outcome addNow(const AddConsumer &command);
    Outcome addNow(const AddShareConsumer &command);
    Outcome addNow(const AddTransformer &command);
    Outcome addNow(const Redrive &command);

private:
    Outcome askExchange(exchange::Method method);
    Outcome askExchangeOnce(exchange::Method method);
    Outcome askVisibility(visibility::Request request);

    Outcome stop(const std::string &name);
    Result<Host *, CommandError> find(const std::string &name) const;
    Result<Host *, CommandError> findRunning(const std::string &name) const;
    Result<LogNode *, CommandError> findBroker(std::int32_t number) const;
    Result<LogNode *, CommandError> findRunningBroker(std::int32_t number) const;
    bool isTaken(const std::string &name) const;
    std::vector<NodeId> allBrokers() const;

    /// One connection, or a client's whole link when `connection` is not set.
    struct Link {
        Host *host = nullptr;
        std::optional<ConnectionIndex> connection{};
        NameId near = kNoName;
        NameId far = kNoName; ///< of one connection
    };
    Result<Link, CommandError> findLink(const std::string &client,
        std::optional<std::int32_t> broker, const std::vector<std::int32_t> &brokers);
    void recordLink(WorldEvent event, const Link &link, std::int64_t count);
    bool &isCut(const Link &link);

    /// Adds `count` clients: `make(name)` makes each one's actor. Without a name they are called
    /// prefix-1, prefix-2, ...
    template <class Make>
    Outcome add(ClientRole role, Engine engine, const std::string &name, const std::string &prefix,
        std::int32_t count, Make &&make);

    World::State &m_world;
};

template <class Make>
Outcome Hand::add(ClientRole role, Engine engine, const std::string &name,
    const std::string &prefix, std::int32_t count, Make &&make)
{
    if (!name.empty() && count == 1 && isTaken(name))
        return refused("name-in-use", fmt::format("there is a client '{}' already", name));
    std::int32_t number = 0;
    for (std::int32_t added = 0; added < count; ++added) {
        std::string itsName = name;
        if (name.empty() || count > 1) {
            do {
                itsName = fmt::format("{}-{}", name.empty() ? prefix : name, ++number);
            } while (isTaken(itsName));
        }
        Host host(m_world.root.stream(itsName));
        host.nameId = m_world.trace.name(itsName);
        host.role = role;
        host.engine = engine;
        host.actor = Cloned<Actor>(make(itsName));
        host.name = std::move(itsName);
        m_world.hosts.push_back(std::move(host));
        m_world.connect(m_world.hosts.back());
        m_world.beginLife(m_world.hosts.back());
    }
    return {};
}

} // namespace queuelab::world
