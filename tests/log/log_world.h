#pragma once

#include "engine/core/memory_files.h"
#include "engine/log/broker.h"
#include "engine/log/consumer.h"
#include "engine/log/producer.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace queuelab::log::testing {

/// One broker and its clients in virtual time, with a fixed latency each way: the smallest driver
/// that does what the world does. A value: a copy goes on by itself.
class LogWorld {
public:
    static constexpr Duration kLatency = std::chrono::milliseconds{1};

    struct Record {
        std::int64_t offset;
        std::string value;
        friend bool operator==(const Record &, const Record &) = default;
    };
    /// An application around a consumer: polls as soon as it may, and is busy for `processing`
    /// after each poll that gave records.
    struct App {
        std::string name;
        Consumer consumer;
        Duration processing{};
        std::optional<Instant> busyUntil;
        bool alive = true;
        bool stuck = false; ///< never polls again
        std::map<TopicPartition, std::vector<Record>> seen;
    };

    explicit LogWorld(BrokerConfig config = {}, std::uint64_t seed = 1)
        : m_config(config)
        , m_random(seed)
        , m_broker(NodeId{1}, config)
    {
        openBroker();
    }
    LogWorld(const LogWorld &other)
        : m_config(other.m_config)
        , m_now(other.m_now)
        , m_random(other.m_random)
        , m_trace(other.m_trace)
        , m_files(other.m_files->clone())
        , m_broker(other.m_broker)
        , m_brokerAlive(other.m_brokerAlive)
        , m_agenda(other.m_agenda)
        , m_nextManual(other.m_nextManual)
        , m_answers(other.m_answers)
        , producers(other.producers)
        , apps(other.apps)
    {
    }

    Instant now() const { return m_now; }
    Duration elapsed() const { return m_now - kVirtualStart; }
    Random &random() { return m_random; }
    Trace &trace() { return m_trace; }
    MemoryFiles &files() { return static_cast<MemoryFiles &>(*m_files); }
    Broker &broker() { return m_broker; }

    // Requests by hand.

    static constexpr std::uint32_t kHand = 1'000;

    /// Knocks with one request and returns the answer, if there is one at once.
    std::optional<Response> ask(
        Request request, std::uint32_t client = kHand, std::string_view name = {})
    {
        const RequestId id{m_nextManual++};
        Context context = makeContext();
        Effects effects;
        m_broker.apply(ClientRequest{ClientId{client}, id, std::move(request),
                           name.empty() ? kNoName : m_trace.name(name)},
            context, effects);
        lastRequest = id;
        carryOut(std::move(effects));
        return takeAnswer(id);
    }
    template <class T> T askFor(Request request, std::uint32_t client = kHand)
    {
        const std::optional<Response> answer = ask(std::move(request), client);
        invariant(answer && std::holds_alternative<T>(*answer), "the broker answers at once");
        return std::get<T>(*answer);
    }
    /// As another broker.
    template <class T> T askAsPeer(Request request)
    {
        const RequestId id{m_nextManual++};
        Context context = makeContext();
        Effects effects;
        m_broker.apply(PeerRequest{NodeId{2}, id, std::move(request)}, context, effects);
        lastRequest = id;
        carryOut(std::move(effects));
        const std::optional<Response> answer = takeAnswer(id);
        invariant(answer && std::holds_alternative<T>(*answer), "the broker answers at once");
        return std::get<T>(*answer);
    }
    /// The answer to an earlier request of the hand, once it has come.
    std::optional<Response> takeAnswer(RequestId id)
    {
        const auto found = m_answers.find(id.value());
        if (found == m_answers.end())
            return std::nullopt;
        Response answer = std::move(found->second);
        m_answers.erase(found);
        return answer;
    }
    void disconnect(std::uint32_t client)
    {
        Context context = makeContext();
        Effects effects;
        m_broker.apply(ClientGone{ClientId{client}}, context, effects);
        carryOut(std::move(effects));
    }
    RequestId lastRequest{0};

    // Clients.

    std::size_t addProducer(ProducerConfig config = {})
    {
        const std::size_t index = producers.size();
        producers.emplace_back("producer-" + std::to_string(index), config);
        return index;
    }
    std::int32_t send(std::size_t producer, const std::string &topic, const std::string &value,
        std::optional<std::string> key = {}, std::optional<std::int32_t> partition = {})
    {
        Context context = makeContext();
        ClientEffects effects;
        const std::int32_t chosen = producers[producer].send(topic, partition, epochMillis(m_now),
            key ? std::optional(asBytes(*key)) : std::nullopt, asBytes(value), context, effects);
        carryOut(producerClient(producer), std::move(effects));
        return chosen;
    }
    void flush(std::size_t producer)
    {
        Context context = makeContext();
        ClientEffects effects;
        producers[producer].flush(context, effects);
        carryOut(producerClient(producer), std::move(effects));
    }

    std::size_t addConsumer(ConsumerConfig config, Duration processing = {}, std::string name = {})
    {
        const std::size_t index = apps.size();
        if (name.empty())
            name = "worker-" + std::to_string(index);
        apps.push_back({name, Consumer(name, std::move(config)), processing, {}, true, false, {}});
        step(index, [](Consumer &consumer, Context &context, ClientEffects &effects) {
            consumer.start(context, effects);
        });
        return index;
    }
    template <class Function> void step(std::size_t app, Function function)
    {
        Context context = makeContext();
        ClientEffects effects;
        function(apps[app].consumer, context, effects);
        carryOut(appClient(app), std::move(effects));
    }
    void crash(std::size_t app)
    {
        apps[app].alive = false;
        apps[app].consumer.crash();
        disconnect(appClient(app));
    }
    void close(std::size_t app)
    {
        step(app, [](Consumer &consumer, Context &context, ClientEffects &effects) {
            consumer.close(context, effects);
        });
        apps[app].alive = false;
    }

    // The broker's life.

    /// The process dies; with `powerLoss` what was not synced is gone too.
    void killBroker(bool powerLoss = false)
    {
        if (powerLoss)
            files().crash("broker-1", &m_random);
        else
            files().closeAll("broker-1");
        m_brokerAlive = false;
        loseConnections();
    }
    void stopBroker()
    {
        Context context = makeContext();
        invariant(m_broker.close(context).has_value(), "the broker stops in order");
        m_brokerAlive = false;
        loseConnections();
    }
    std::vector<std::string> startBroker()
    {
        m_broker = Broker(NodeId{1}, m_config);
        m_brokerAlive = true;
        return openBroker();
    }

    // Time.

    void run(Duration duration)
    {
        const Instant end = m_now + duration;
        while (!m_agenda.empty() && m_agenda.begin()->first <= end) {
            auto next = m_agenda.extract(m_agenda.begin());
            m_now = next.key();
            std::visit([this](auto &event) { happen(event); }, next.mapped());
        }
        m_now = end;
    }

    // What came of it.

    GroupSnapshot group(const std::string &name) const
    {
        for (const GroupSnapshot &group : m_broker.snapshot().groups) {
            if (group.name == name)
                return group;
        }
        return {};
    }
    /// The topic as the broker shows it; the name only when there is none.
    TopicSnapshot topic(const std::string &name) const
    {
        for (const TopicSnapshot &topic : m_broker.snapshot().topics) {
            if (topic.name == name)
                return topic;
        }
        return {.name = name};
    }
    std::size_t recordsSeen() const
    {
        std::size_t count = 0;
        for (const App &app : apps) {
            for (const auto &[partition, records] : app.seen)
                count += records.size();
        }
        return count;
    }
    std::vector<std::size_t> partitionsPerApp() const
    {
        std::vector<std::size_t> counts;
        for (const App &app : apps)
            counts.push_back(app.consumer.positions().size());
        return counts;
    }

private:
    struct ToBroker {
        std::uint32_t client;
        RequestId id;
        Request request;
    };
    struct ToClient {
        std::uint32_t client;
        RequestId id;
        Response response;
    };
    struct BrokerWake { };
    struct ClientWake {
        std::uint32_t client;
    };
    struct AppFree {
        std::size_t app;
    };
    using Event = std::variant<ToBroker, ToClient, BrokerWake, ClientWake, AppFree>;

    static constexpr std::uint32_t kProducers = 10'000;
    static std::uint32_t producerClient(std::size_t index)
    {
        return kProducers + static_cast<std::uint32_t>(index);
    }
    static std::uint32_t appClient(std::size_t index) { return static_cast<std::uint32_t>(index); }

    Context makeContext() { return {m_now, m_random, m_trace, *m_files}; }

    std::vector<std::string> openBroker()
    {
        Context context = makeContext();
        auto notes = m_broker.open(context);
        invariant(notes.has_value(), "the broker opens");
        m_agenda.emplace(m_now, BrokerWake{});
        return *notes;
    }
    void happen(BrokerWake &)
    {
        if (!m_brokerAlive)
            return;
        Context context = makeContext();
        Effects effects;
        m_broker.apply(WakeUp{}, context, effects);
        carryOut(std::move(effects));
    }
    void happen(ToBroker &message)
    {
        if (!m_brokerAlive) {
            m_agenda.emplace(m_now + kLatency, ToClient{message.client, RequestId{0}, {}});
            return;
        }
        const std::string &name = message.client >= kProducers
            ? "producer-" + std::to_string(message.client - kProducers)
            : apps[message.client].name;
        Context context = makeContext();
        Effects effects;
        m_broker.apply(ClientRequest{ClientId{message.client}, message.id,
                           std::move(message.request), m_trace.name(name)},
            context, effects);
        carryOut(std::move(effects));
    }
    void happen(ToClient &message)
    {
        Context context = makeContext();
        ClientEffects effects;
        const bool refused = message.id == RequestId{0};
        if (message.client >= kProducers) {
            Producer &producer = producers[message.client - kProducers];
            if (refused)
                producer.connectionLost(NodeId{1}, context, effects);
            else
                producer.apply(message.id, message.response, context, effects);
        } else if (apps[message.client].alive) {
            Consumer &consumer = apps[message.client].consumer;
            if (refused)
                consumer.connectionLost(NodeId{1}, context, effects);
            else
                consumer.apply(message.id, message.response, context, effects);
        }
        carryOut(message.client, std::move(effects));
        if (message.client < kProducers)
            poll(message.client);
    }
    void happen(ClientWake &wake)
    {
        Context context = makeContext();
        ClientEffects effects;
        if (wake.client >= kProducers)
            producers[wake.client - kProducers].wake(context, effects);
        else if (apps[wake.client].alive)
            apps[wake.client].consumer.wake(context, effects);
        carryOut(wake.client, std::move(effects));
        if (wake.client < kProducers)
            poll(wake.client);
    }
    void happen(AppFree &free)
    {
        apps[free.app].busyUntil.reset();
        poll(free.app);
    }

    void poll(std::size_t index)
    {
        App &app = apps[index];
        if (!app.alive || app.stuck || app.busyUntil)
            return;
        Context context = makeContext();
        ClientEffects effects;
        const auto &polled = app.consumer.poll(
            context, effects, [&app](const TopicPartition &partition, const RecordView &record) {
                app.seen[partition].push_back({record.offset,
                    record.value ? std::string(asText(*record.value)) : std::string("(null)")});
            });
        std::int64_t count = 0;
        for (const PolledRecords &run : polled)
            count += run.count;
        if (count > 0) {
            app.busyUntil = m_now + app.processing * count;
            m_agenda.emplace(*app.busyUntil, AppFree{index});
        }
        carryOut(appClient(index), std::move(effects));
    }

    void carryOut(Effects &&effects)
    {
        for (Effect &effect : effects) {
            if (auto *answer = std::get_if<Answer>(&effect)) {
                if (answer->client.value() == kHand
                    || (answer->client.value() > kHand && answer->client.value() < kProducers))
                    m_answers.emplace(answer->id.value(), std::move(answer->response));
                else
                    m_agenda.emplace(m_now + kLatency,
                        ToClient{answer->client.value(), answer->id, std::move(answer->response)});
            } else if (const auto *wake = std::get_if<WakeAt>(&effect)) {
                m_agenda.emplace(wake->at, BrokerWake{});
            } else if (auto *told = std::get_if<AnswerPeer>(&effect)) {
                m_answers.emplace(told->id.value(), std::move(told->response));
            } else {
                invariant(std::holds_alternative<ShutDown>(effect), "a broker alone asks nobody");
            }
        }
    }
    void carryOut(std::uint32_t client, ClientEffects &&effects)
    {
        for (ClientEffect &effect : effects) {
            if (auto *sent = std::get_if<SendRequest>(&effect))
                m_agenda.emplace(
                    m_now + kLatency, ToBroker{client, sent->id, std::move(sent->request)});
            else
                m_agenda.emplace(std::get<WakeClientAt>(effect).at, ClientWake{client});
        }
    }
    void loseConnections()
    {
        std::erase_if(m_agenda, [](const auto &entry) {
            return std::holds_alternative<ToClient>(entry.second)
                || std::holds_alternative<ToBroker>(entry.second);
        });
        for (std::size_t i = 0; i < producers.size(); ++i)
            m_agenda.emplace(m_now, ToClient{producerClient(i), RequestId{0}, {}});
        for (std::size_t i = 0; i < apps.size(); ++i)
            m_agenda.emplace(m_now, ToClient{appClient(i), RequestId{0}, {}});
    }

    BrokerConfig m_config;
    Instant m_now = kVirtualStart;
    Random m_random;
    Trace m_trace;
    std::unique_ptr<Files> m_files = std::make_unique<MemoryFiles>();
    Broker m_broker;
    bool m_brokerAlive = true;
    std::multimap<Instant, Event> m_agenda;
    std::uint64_t m_nextManual = 1;
    std::map<std::uint64_t, Response> m_answers; // to the hand, by request

public:
    std::vector<Producer> producers;
    std::vector<App> apps;
};

} // namespace queuelab::log::testing
