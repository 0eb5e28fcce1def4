#include "engine/world/client_configs.h"
#include "engine/world/world_state.h"

#include "engine/core/memory_files.h"
#include "engine/log/record_batch.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

namespace queuelab::world {

namespace {

using Outcome = Result<void, CommandError>;

std::unexpected<CommandError> refused(std::string code, std::string message)
{
    return std::unexpected(CommandError{std::move(code), std::move(message)});
}

std::string withNearest(
    std::string message, std::string_view word, const std::vector<std::string> &candidates)
{
    if (const std::optional<std::string> near = nearest(word, candidates))
        message += fmt::format("; did you mean '{}'?", *near);
    return message;
}

/// Carries out one command on a world. Commands by hand go through the engines' own doors, as a
/// client called "you" without a network between, so that the answer is there at once.
class Hand {
public:
    explicit Hand(World::State &world)
        : m_world(world)
    {
    }

    Outcome operator()(const CreateTopic &command);
    Outcome operator()(const AddPartitions &command);
    Outcome operator()(const DeleteTopic &command);
    Outcome operator()(const DeleteRecords &command);
    Outcome operator()(const Produce &command);
    Outcome operator()(const AddProducer &command);
    Outcome operator()(const AddConsumer &command);
    Outcome operator()(const DeclareExchange &command);
    Outcome operator()(const DeclareQueue &command);
    Outcome operator()(const DeleteQueueCommand &command);
    Outcome operator()(const Bind &command);
    Outcome operator()(const Unbind &command);
    Outcome operator()(const Publish &command);
    Outcome operator()(const AddPublisher &command);
    Outcome operator()(const AddWorker &command);
    Outcome operator()(const CreateQueue &command);
    Outcome operator()(const SetQueueAttributes &command);
    Outcome operator()(const SendMessage &command);
    Outcome operator()(const AddSender &command);
    Outcome operator()(const AddReceiver &command);
    Outcome operator()(const CrashConsumer &command);
    Outcome operator()(const RestartConsumer &command);
    Outcome operator()(const StopConsumer &command) { return stop(command.name); }
    Outcome operator()(const PauseConsumer &command);
    Outcome operator()(const ResumeConsumer &command);
    Outcome operator()(const SetProcessing &command);
    Outcome operator()(const StopProducer &command) { return stop(command.name); }
    Outcome operator()(const SetRate &command);
    Outcome operator()(const KillBroker &command);
    Outcome operator()(const RestartBroker &command);
    Outcome operator()(const CutLink &command);
    Outcome operator()(const MendLink &command);

private:
    Result<log::Response, CommandError> askLog(log::Request request);
    Outcome askExchange(exchange::Method method);
    Outcome askExchangeOnce(exchange::Method method);
    Outcome askVisibility(visibility::Request request);

    Outcome logRefusal(
        log::ErrorCode error, std::string_view topic, std::string_view message = {}) const;
    Outcome stop(const std::string &name);
    Result<Host *, CommandError> find(const std::string &name) const;
    Result<Host *, CommandError> findRunning(const std::string &name) const;
    Result<LogNode *, CommandError> findBroker(std::int32_t number) const;
    std::vector<std::string> topicNames() const;
    std::vector<NodeId> bootstrapServers() const;

    /// Adds `count` clients: `make(name)` makes each one's actor. Without a name they are called
    /// prefix-1, prefix-2, ...
    template <class Make>
    Outcome add(ClientRole role, Engine engine, const std::string &name, const std::string &prefix,
        std::int32_t count, Make &&make);

    World::State &m_world;
};

// The log.

Result<log::Response, CommandError> Hand::askLog(log::Request request)
{
    LogNode &node = m_world.logNodes.front();
    if (!node.alive)
        return refused(std::string(log::errorName(log::ErrorCode::NetworkException)),
            fmt::format("{} is down; restart it first", node.name));
    const RequestId id{++m_world.yourRequests};
    Context base = m_world.context(node.random);
    m_world.logEffects.clear();
    node.broker.apply(
        log::ClientRequest{kYourClient, id, std::move(request), m_world.trace.name(kYou)}, base,
        m_world.logEffects);
    std::optional<log::Response> response;
    for (log::Effect &effect : m_world.logEffects) {
        auto *answer = std::get_if<log::Answer>(&effect);
        if (answer && answer->client == kYourClient && answer->id == id)
            response = std::move(answer->response);
    }
    m_world.carryOutLog(node);
    if (!response)
        return refused(std::string(log::errorName(log::ErrorCode::RequestTimedOut)),
            "the broker did not answer");
    return *std::move(response);
}

std::vector<std::string> Hand::topicNames() const
{
    std::vector<std::string> names;
    for (const log::TopicSnapshot &topic : m_world.logSnapshot().topics)
        names.push_back(topic.name);
    return names;
}

std::vector<NodeId> Hand::bootstrapServers() const
{
    std::vector<NodeId> brokers;
    for (const LogNode &node : m_world.logNodes)
        brokers.push_back(node.id);
    return brokers;
}

Outcome Hand::logRefusal(
    log::ErrorCode error, std::string_view topic, std::string_view message) const
{
    if (error == log::ErrorCode::None)
        return {};
    std::string text(message);
    if (text.empty())
        text = fmt::format("the broker refused it for topic '{}'", topic);
    if (error == log::ErrorCode::UnknownTopicOrPartition)
        text = withNearest(
            fmt::format("there is no such topic or partition of '{}'", topic), topic, topicNames());
    return refused(std::string(log::errorName(error)), std::move(text));
}

Outcome Hand::operator()(const CreateTopic &command)
{
    log::CreateTopicsRequest request;
    request.topics.push_back({command.name, command.partitions,
        static_cast<std::int16_t>(command.replicationFactor), command.configs});
    const auto response = askLog(std::move(request));
    if (!response)
        return std::unexpected(response.error());
    const log::CreateTopicsResponse::Topic &topic =
        std::get<log::CreateTopicsResponse>(*response).topics.at(0);
    return logRefusal(topic.error, command.name, topic.message);
}

Outcome Hand::operator()(const AddPartitions &command)
{
    log::CreatePartitionsRequest request;
    request.topics.push_back({command.topic, command.partitions});
    const auto response = askLog(std::move(request));
    if (!response)
        return std::unexpected(response.error());
    const log::CreatePartitionsResponse::Topic &topic =
        std::get<log::CreatePartitionsResponse>(*response).topics.at(0);
    return logRefusal(topic.error, command.topic, topic.message);
}

Outcome Hand::operator()(const DeleteTopic &command)
{
    const auto response = askLog(log::DeleteTopicsRequest{{command.name}});
    if (!response)
        return std::unexpected(response.error());
    return logRefusal(
        std::get<log::DeleteTopicsResponse>(*response).topics.at(0).error, command.name);
}

Outcome Hand::operator()(const DeleteRecords &command)
{
    // What no offset can be is out of range too, and must not turn into Kafka's -1.
    constexpr std::uint64_t kMaxOffset = std::numeric_limits<std::int64_t>::max();
    log::DeleteRecordsRequest request;
    request.partitions.push_back({{command.topic, command.partition},
        static_cast<std::int64_t>(std::min(command.beforeOffset, kMaxOffset))});
    const auto response = askLog(std::move(request));
    if (!response)
        return std::unexpected(response.error());
    const log::ErrorCode error =
        std::get<log::DeleteRecordsResponse>(*response).partitions.at(0).error;
    return logRefusal(error, command.topic,
        error == log::ErrorCode::OffsetOutOfRange ? "the offset lies above the high watermark"
                                                  : std::string_view());
}

Outcome Hand::operator()(const Produce &command)
{
    const auto metadata = askLog(log::MetadataRequest{{{command.topic}}, false});
    if (!metadata)
        return std::unexpected(metadata.error());
    const log::TopicMetadata &topic = std::get<log::MetadataResponse>(*metadata).topics.at(0);
    if (topic.error != log::ErrorCode::None)
        return logRefusal(topic.error, command.topic);

    const std::optional<ByteView> key =
        command.key ? std::optional(asBytes(*command.key)) : std::nullopt;
    const auto partitions = static_cast<std::int32_t>(topic.partitions.size());
    constexpr std::size_t kBatchBytes = 16'384; // batch.size of Kafka's producer
    log::BatchBuilder batch;
    for (std::int32_t made = 0; made < command.count;) {
        // As Kafka's producer: by key, else one partition for a whole batch and another for the
        // next.
        std::int32_t partition = 0;
        if (command.partition)
            partition = *command.partition;
        else if (key)
            partition = log::partitionForKey(*key, partitions);
        else
            partition = static_cast<std::int32_t>(
                m_world.yourRandom.below(static_cast<std::uint64_t>(partitions)));
        batch.reset();
        do {
            batch.append(epochMillis(m_world.now), key, asBytes(command.value));
            ++made;
        } while (made < command.count && batch.sizeBytes() + command.value.size() < kBatchBytes);
        log::ProduceRequest request;
        request.partitions.push_back({{command.topic, partition}, batch.take()});
        const auto response = askLog(std::move(request));
        if (!response)
            return std::unexpected(response.error());
        const log::ErrorCode error =
            std::get<log::ProduceResponse>(*response).partitions.at(0).error;
        if (error != log::ErrorCode::None)
            return logRefusal(error, command.topic);
    }
    return {};
}

Outcome Hand::operator()(const AddProducer &command)
{
    if (const auto config = producerConfig(command.configs); !config)
        return refused(std::string(log::errorName(log::ErrorCode::InvalidConfig)),
            fmt::format("{}; {}", config.error().problem, config.error().remedy));
    return add(ClientRole::Producer, Engine::Log, command.name, "producer", 1,
        [&](const std::string &name) { return makeProducer(command, name, bootstrapServers()); });
}

Outcome Hand::operator()(const AddConsumer &command)
{
    if (const auto config = consumerConfig(command); !config)
        return refused(std::string(log::errorName(log::ErrorCode::InvalidConfig)),
            fmt::format("{}; {}", config.error().problem, config.error().remedy));
    return add(ClientRole::Consumer, Engine::Log, command.name, command.group, command.count,
        [&](const std::string &name) { return makeConsumer(command, name, bootstrapServers()); });
}

// The exchange broker.

Outcome Hand::askExchangeOnce(exchange::Method method)
{
    Context base = m_world.context(m_world.exchangeRandom);
    const bool onConnection = std::holds_alternative<exchange::ConnectionOpen>(method);
    const exchange::ChannelNumber channel = onConnection ? 0 : 1;
    m_world.exchangeEffects.clear();
    m_world.exchange.apply(exchange::ClientMethod{kYourClient, channel, std::move(method)}, base,
        m_world.exchangeEffects);
    Outcome outcome;
    for (const exchange::Effect &effect : m_world.exchangeEffects) {
        const auto *answer = std::get_if<exchange::ToClient>(&effect);
        if (!answer || answer->connection != kYourClient)
            continue;
        // A refusal costs the channel or the whole connection; the next command opens them again.
        if (const auto *closed = std::get_if<exchange::ChannelClosed>(&answer->method)) {
            m_world.yourChannelOpen = false;
            outcome = refused(std::to_string(closed->replyCode), closed->replyText);
        } else if (const auto *lost = std::get_if<exchange::ConnectionClosed>(&answer->method)) {
            m_world.yourConnectionOpen = false;
            m_world.yourChannelOpen = false;
            outcome = refused(std::to_string(lost->replyCode), lost->replyText);
        }
    }
    m_world.carryOutExchange();
    return outcome;
}

Outcome Hand::askExchange(exchange::Method method)
{
    if (!m_world.yourConnectionOpen) {
        if (Outcome opened = askExchangeOnce(exchange::ConnectionOpen{std::string(kYou), "/"});
            !opened)
            return opened;
        m_world.yourConnectionOpen = true;
    }
    if (!m_world.yourChannelOpen) {
        if (Outcome opened = askExchangeOnce(exchange::ChannelOpen{}); !opened)
            return opened;
        m_world.yourChannelOpen = true;
    }
    return askExchangeOnce(std::move(method));
}

Outcome Hand::operator()(const DeclareExchange &command)
{
    exchange::ExchangeDeclare method;
    method.exchange = command.name;
    method.type = command.type;
    method.durable = command.durable;
    method.arguments = command.arguments;
    return askExchange(std::move(method));
}

Outcome Hand::operator()(const DeclareQueue &command)
{
    exchange::QueueDeclare method;
    method.queue = command.name;
    method.durable = command.durable;
    method.arguments = command.arguments;
    return askExchange(std::move(method));
}

Outcome Hand::operator()(const DeleteQueueCommand &command)
{
    const auto isIt = [&](const auto &queue) { return queue.name == command.name; };
    const std::vector<exchange::QueueSnapshot> exchangeQueues = m_world.exchange.snapshot().queues;
    if (std::ranges::any_of(exchangeQueues, isIt))
        return askExchange(exchange::QueueDelete{command.name});
    const std::vector<visibility::QueueSnapshot> visibilityQueues =
        m_world.visibility.snapshot().queues;
    if (std::ranges::any_of(visibilityQueues, isIt))
        return askVisibility(visibility::DeleteQueue{command.name});
    std::vector<std::string> names;
    std::ranges::transform(
        exchangeQueues, std::back_inserter(names), &exchange::QueueSnapshot::name);
    std::ranges::transform(
        visibilityQueues, std::back_inserter(names), &visibility::QueueSnapshot::name);
    return refused("unknown-queue",
        withNearest(fmt::format("there is no queue '{}'", command.name), command.name, names));
}

Outcome Hand::operator()(const Bind &command)
{
    return askExchange(
        exchange::QueueBind{command.queue, command.exchange, command.key, command.arguments});
}

Outcome Hand::operator()(const Unbind &command)
{
    return askExchange(
        exchange::QueueUnbind{command.queue, command.exchange, command.key, command.arguments});
}

Outcome Hand::operator()(const Publish &command)
{
    for (std::int32_t number = 1; number <= command.count; ++number) {
        auto content = std::make_shared<exchange::Content>();
        content->properties.headers = command.headers;
        content->properties.deliveryMode = command.persistent ? 2 : 1;
        if (!command.expiration.empty())
            content->properties.expiration = command.expiration;
        if (!command.messageId.empty())
            content->properties.messageId = command.count == 1
                ? command.messageId
                : fmt::format("{}-{}", command.messageId, number);
        content->body = SharedBytes::fromText(command.body);
        Outcome published = askExchange(
            exchange::BasicPublish{command.exchange, command.key, command.mandatory, content});
        if (!published)
            return published;
    }
    return {};
}

Outcome Hand::operator()(const AddPublisher &command)
{
    // Asked passively first, so that a wrong name is refused here and now, by the engine's own
    // code.
    exchange::ExchangeDeclare exists;
    exists.exchange = command.exchange;
    exists.passive = true;
    if (!command.exchange.empty()) {
        if (Outcome asked = askExchange(exists); !asked)
            return asked;
    }
    return add(ClientRole::Publisher, Engine::Exchange, command.name, "publisher", 1,
        [&](const std::string &name) { return makePublisher(command, name); });
}

Outcome Hand::operator()(const AddWorker &command)
{
    exchange::QueueDeclare exists;
    exists.queue = command.queue;
    exists.passive = true;
    if (Outcome asked = askExchange(exists); !asked)
        return asked;
    return add(ClientRole::Worker, Engine::Exchange, command.name, "worker", command.count,
        [&](const std::string &name) { return makeWorker(command, name); });
}

// The visibility service.

Outcome Hand::askVisibility(visibility::Request request)
{
    const RequestId id{++m_world.yourRequests};
    Context base = m_world.context(m_world.visibilityRandom);
    m_world.visibilityEffects.clear();
    m_world.visibility.apply(
        visibility::ClientRequest{kYourClient, id, std::string(kYou), std::move(request)}, base,
        m_world.visibilityEffects);
    Outcome outcome;
    for (const visibility::Effect &effect : m_world.visibilityEffects) {
        const auto *answer = std::get_if<visibility::Answer>(&effect);
        if (answer && answer->client == kYourClient && answer->id == id && !answer->response) {
            const visibility::SqsError &error = answer->response.error();
            outcome = refused(std::string(visibility::errorCode(error.kind)), error.message);
        }
    }
    m_world.carryOutVisibility();
    return outcome;
}

Outcome Hand::operator()(const CreateQueue &command)
{
    return askVisibility(visibility::CreateQueue{command.name, command.attributes});
}

Outcome Hand::operator()(const SetQueueAttributes &command)
{
    return askVisibility(visibility::SetQueueAttributes{command.name, command.attributes});
}

Outcome Hand::operator()(const SendMessage &command)
{
    for (std::int32_t number = 1; number <= command.count; ++number) {
        visibility::SendMessage request;
        request.queue = command.queue;
        request.body = SharedBytes::fromText(command.body);
        request.delaySeconds = command.delaySeconds;
        request.label = command.count == 1 || command.label.empty()
            ? command.label
            : fmt::format("{}-{}", command.label, number);
        if (Outcome sent = askVisibility(std::move(request)); !sent)
            return sent;
    }
    return {};
}

Outcome Hand::operator()(const AddSender &command)
{
    if (Outcome asked = askVisibility(visibility::GetQueueAttributes{command.queue}); !asked)
        return asked;
    return add(ClientRole::Sender, Engine::Visibility, command.name, "sender", 1,
        [&](const std::string &name) { return makeSender(command, name); });
}

Outcome Hand::operator()(const AddReceiver &command)
{
    if (Outcome asked = askVisibility(visibility::GetQueueAttributes{command.queue}); !asked)
        return asked;
    return add(ClientRole::Receiver, Engine::Visibility, command.name, "worker", command.count,
        [&](const std::string &name) { return makeReceiver(command, name); });
}

// Any client.

template <class Make>
Outcome Hand::add(ClientRole role, Engine engine, const std::string &name,
    const std::string &prefix, std::int32_t count, Make &&make)
{
    const auto isTaken = [&](const std::string &wanted) {
        return std::ranges::any_of(
            m_world.hosts, [&](const Host &host) { return host.name == wanted; });
    };
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
        Host host(m_world.root.stream(itsName), m_world.root.stream("link of " + itsName));
        host.nameId = m_world.trace.name(itsName);
        host.role = role;
        host.engine = engine;
        host.actor = Cloned<Actor>(make(itsName));
        host.name = std::move(itsName);
        m_world.hosts.push_back(std::move(host));
        m_world.beginLife(m_world.hosts.back());
    }
    return {};
}

Result<Host *, CommandError> Hand::find(const std::string &name) const
{
    const auto found = std::ranges::find(m_world.hosts, name, &Host::name);
    if (found != m_world.hosts.end())
        return &*found;
    std::vector<std::string> names;
    std::ranges::transform(m_world.hosts, std::back_inserter(names), &Host::name);
    return refused(
        "unknown-client", withNearest(fmt::format("there is no client '{}'", name), name, names));
}

Result<Host *, CommandError> Hand::findRunning(const std::string &name) const
{
    Result<Host *, CommandError> host = find(name);
    if (host && (*host)->state != ClientState::Running)
        return refused(
            "not-running", fmt::format("'{}' is not running; resume or restart it first", name));
    return host;
}

Outcome Hand::stop(const std::string &name)
{
    const auto host = findRunning(name);
    if (!host)
        return std::unexpected(host.error());
    m_world.stop(**host);
    return {};
}

Outcome Hand::operator()(const CrashConsumer &command)
{
    const auto host = find(command.name);
    if (!host)
        return std::unexpected(host.error());
    if ((*host)->state != ClientState::Running && (*host)->state != ClientState::Paused)
        return refused("not-running", fmt::format("'{}' does not run", command.name));
    m_world.endLife(**host, ClientState::Crashed, WorldReason::ByCommand);
    return {};
}

Outcome Hand::operator()(const RestartConsumer &command)
{
    const auto host = find(command.name);
    if (!host)
        return std::unexpected(host.error());
    if ((*host)->state != ClientState::Crashed && (*host)->state != ClientState::Stopped)
        return refused(
            "already-running", fmt::format("'{}' runs; crash or stop it first", command.name));
    m_world.beginLife(**host);
    return {};
}

Outcome Hand::operator()(const PauseConsumer &command)
{
    const auto host = findRunning(command.name);
    if (!host)
        return std::unexpected(host.error());
    (*host)->state = ClientState::Paused;
    (*host)->actor->pause();
    m_world.record(WorldEvent::ClientPaused, (*host)->nameId);
    return {};
}

Outcome Hand::operator()(const ResumeConsumer &command)
{
    const auto host = find(command.name);
    if (!host)
        return std::unexpected(host.error());
    if ((*host)->state != ClientState::Paused)
        return refused("not-paused", fmt::format("'{}' is not paused", command.name));
    m_world.resume(**host);
    return {};
}

Outcome Hand::operator()(const SetProcessing &command)
{
    const auto host = findRunning(command.name);
    if (!host)
        return std::unexpected(host.error());
    bool set = false;
    m_world.act(**host, [&](Actor &actor, ActorContext &context) {
        set = actor.setProcessing(command.processing, context);
    });
    if (!set)
        return refused("no-such-setting", fmt::format("'{}' has no processing time", command.name));
    return {};
}

Outcome Hand::operator()(const SetRate &command)
{
    const auto host = findRunning(command.name);
    if (!host)
        return std::unexpected(host.error());
    bool set = false;
    m_world.act(**host,
        [&](Actor &actor, ActorContext &context) { set = actor.setRate(command.rate, context); });
    if (!set)
        return refused("no-such-setting", fmt::format("'{}' has no rate", command.name));
    return {};
}

// The machines and the network.

Result<LogNode *, CommandError> Hand::findBroker(std::int32_t number) const
{
    if (number < 1 || number > static_cast<std::int32_t>(m_world.logNodes.size()))
        return refused("unknown-broker",
            fmt::format(
                "there is no broker {}: the world has {}", number, m_world.logNodes.size()));
    return &m_world.logNodes[static_cast<std::size_t>(number - 1)];
}

Outcome Hand::operator()(const KillBroker &command)
{
    const auto node = findBroker(command.broker);
    if (!node)
        return std::unexpected(node.error());
    if (!(*node)->alive)
        return refused("not-running", fmt::format("{} is down already", (*node)->name));
    auto *memory = dynamic_cast<MemoryFiles *>(&*m_world.files);
    if (!memory)
        return refused("live-world",
            "a broker on a real directory cannot be killed from inside its own process");
    m_world.kill(**node);
    memory->closeAll((*node)->name);
    return {};
}

Outcome Hand::operator()(const RestartBroker &command)
{
    const auto node = findBroker(command.broker);
    if (!node)
        return std::unexpected(node.error());
    if ((*node)->alive)
        return refused("already-running", fmt::format("{} runs", (*node)->name));
    if (const auto restarted = m_world.restart(**node); !restarted)
        return refused("recovery-failed", restarted.error().text());
    return {};
}

Outcome Hand::operator()(const CutLink &command)
{
    const auto host = find(command.client);
    if (!host)
        return std::unexpected(host.error());
    if ((*host)->linkCut)
        return refused(
            "already-cut", fmt::format("the link of '{}' is cut already", command.client));
    (*host)->linkCut = true;
    m_world.record(WorldEvent::LinkCut, (*host)->nameId);
    return {};
}

Outcome Hand::operator()(const MendLink &command)
{
    const auto host = find(command.client);
    if (!host)
        return std::unexpected(host.error());
    if (!(*host)->linkCut)
        return refused("not-cut", fmt::format("the link of '{}' is whole", command.client));
    m_world.mend(**host);
    return {};
}

} // namespace

Result<void, CommandError> World::State::apply(const Command &command)
{
    Result<void, CommandError> outcome = std::visit(Hand(*this), command);
    TraceEvent event;
    event.at = now;
    event.kind = kind(outcome ? WorldEvent::CommandApplied : WorldEvent::CommandRefused);
    event.subject = trace.name(kYou);
    event.detail = trace.name(commandText(command));
    if (!outcome)
        event.actor = trace.name(outcome.error().code);
    trace.record(event);
    return outcome;
}

} // namespace queuelab::world
