#include "tests/exchange/lab.h"

#include <QtTest/QtTest>

#include <set>

using namespace queuelab;
using namespace queuelab::exchange;

namespace {

/// What became of one message of one queue, told from the trace alone and in the plainest way: so
/// that a bookkeeping error of the broker shows as a move that cannot be, or as a difference to its
/// snapshot.
class QueueModel {
public:
    enum class State { Ready, Unacked, Acked, DeadLettered, Dropped };

    explicit QueueModel(bool hasPriorities = false)
        : m_hasPriorities(hasPriorities)
    {
    }

    bool hasPriorities() const { return m_hasPriorities; }
    void enqueued(std::int64_t number)
    {
        require(number == std::int64_t(m_states.size()) + 1,
            "messages are numbered in the order they arrive");
        m_states.push_back(State::Ready);
        m_ready.insert(number);
    }
    void delivered(std::int64_t number, bool noAck)
    {
        if (!m_hasPriorities)
            require(!m_ready.empty() && *m_ready.begin() == number,
                "the oldest ready message is delivered first");
        move(number, State::Ready, noAck ? State::Acked : State::Unacked);
    }
    void acked(std::int64_t number) { move(number, State::Unacked, State::Acked); }
    void requeued(std::int64_t number) { move(number, State::Unacked, State::Ready); }
    void left(std::int64_t number, bool rejected, State to)
    {
        move(number, rejected ? State::Unacked : State::Ready, to);
    }
    void purged()
    {
        while (!m_ready.empty())
            move(*m_ready.begin(), State::Ready, State::Dropped);
    }

    std::uint64_t count(State state) const
    {
        return static_cast<std::uint64_t>(std::ranges::count(m_states, state));
    }
    const std::set<std::int64_t> &ready() const { return m_ready; }
    std::uint64_t total() const { return m_states.size(); }
    const std::vector<std::string> &problems() const { return m_problems; }

private:
    void require(bool holds, const char *rule)
    {
        if (!holds)
            m_problems.emplace_back(rule);
    }
    void move(std::int64_t number, State from, State to)
    {
        if (number < 1 || number > std::int64_t(m_states.size())) {
            require(false, "only messages that arrived move");
            return;
        }
        State &state = m_states[std::size_t(number - 1)];
        require(state == from, "a message moves from the state it is in");
        state = to;
        m_ready.erase(number);
        if (to == State::Ready)
            m_ready.insert(number);
    }

    bool m_hasPriorities;
    std::vector<State> m_states; // by number - 1
    std::set<std::int64_t> m_ready;
    std::vector<std::string> m_problems;
};

/// Random clients on a small broker with every kind of queue, the model beside it.
class Simulation {
public:
    explicit Simulation(std::uint64_t seed)
        : m_random(seed)
    {
        const Lab::Place setup = m_lab.connect(9);
        const std::string dead = "dead";
        m_lab.exchange(setup, "dlx", "direct");
        const auto dying = [&](FieldTable more) {
            more.emplace("x-dead-letter-exchange", "dlx");
            more.emplace("x-dead-letter-routing-key", dead);
            return more;
        };
        const std::vector<std::pair<std::string, FieldTable>> queues{{"dead", {}}, {"plain", {}},
            {"ttl", dying({{"x-message-ttl", 700}})}, {"short", dying({{"x-max-length", 5}})},
            {"refusing", dying({{"x-max-length", 5}, {"x-overflow", "reject-publish-dlx"}})},
            {"priority", dying({{"x-max-priority", 3}})},
            {"single", {{"x-single-active-consumer", true}}}};
        for (const auto &[name, arguments] : queues) {
            m_lab.queue(setup, name, arguments);
            m_lab.bind(setup, name, "amq.fanout", "");
            m_names.push_back(name);
            m_models.emplace(name, QueueModel(name == "priority"));
        }
        m_lab.bind(setup, "dead", "dlx", dead);
        for (const Lab::Place &place : kPlaces)
            open(place);
    }

    /// Nothing when all held, else the rule that broke.
    std::string step()
    {
        act();
        m_lab.settle();
        readAnswers();
        readTrace();
        return check();
    }
    /// From now on a copy goes on, and what it was copied from is gone.
    void continueOnACopy() { m_lab = Lab(m_lab); }

private:
    struct Client {
        std::set<std::uint64_t> tags; // outstanding
        std::set<std::string> consumers;
        std::uint64_t published = 0; // since confirm.select
        std::uint64_t confirmed = 0;
    };
    static constexpr Lab::Place kPlaces[] = {{1, 1}, {1, 2}, {2, 1}, {3, 1}};

    void open(Lab::Place place)
    {
        if (!m_connected.contains(place.first)) {
            m_connected.insert(place.first);
            m_lab.send(
                {place.first, 0}, ConnectionOpen{fmt::format("client-{}", place.first), "/"});
        }
        m_lab.channel(place.first, place.second);
        m_lab.call<Ok>(place, ConfirmSelect{});
        m_lab.prefetch(place, static_cast<std::uint16_t>(m_random.below(5)));
        m_clients[place] = {};
    }
    const std::string &anyQueue() { return m_names[m_random.below(m_names.size())]; }
    std::uint64_t anyTag(const Client &client)
    {
        if (client.tags.empty() || m_random.chance(0.01))
            return 1'000'000; // never issued: the broker closes the channel
        return *std::next(client.tags.begin(), std::int64_t(m_random.below(client.tags.size())));
    }

    void publish(Lab::Place place)
    {
        Properties properties;
        if (m_random.chance(0.2))
            properties.expiration = std::to_string(m_random.below(1500));
        if (m_random.chance(0.3))
            properties.priority = static_cast<std::uint8_t>(m_random.below(5));
        const bool all = m_random.chance(0.1);
        m_lab.hand(place,
            Lab::message(
                all ? "amq.fanout" : "", all ? "" : anyQueue(), "m", std::move(properties)));
        ++m_clients[place].published;
    }

    void settleSome(Lab::Place place)
    {
        Client &client = m_clients[place];
        const std::uint64_t tag = anyTag(client);
        const bool known = client.tags.contains(tag);
        const bool multiple = m_random.chance(0.2);
        const bool requeue = m_random.chance(0.5);
        const std::uint64_t kind = m_random.below(4);
        if (kind == 3)
            m_lab.hand(place, BasicReject{tag, requeue});
        else if (kind == 2)
            m_lab.hand(place, BasicNack{tag, multiple, requeue});
        else
            m_lab.hand(place, BasicAck{tag, multiple});
        if (!known)
            return;
        if (multiple && kind != 3)
            client.tags.erase(client.tags.begin(), client.tags.upper_bound(tag));
        else
            client.tags.erase(tag);
    }

    void act()
    {
        const Lab::Place place = kPlaces[m_random.below(std::size(kPlaces))];
        if (!m_clients.contains(place)) {
            open(place);
            return;
        }
        const std::uint64_t dice = m_random.below(100);
        if (dice < 40) {
            const std::uint64_t burst = 1 + m_random.below(4);
            for (std::uint64_t i = 0; i < burst; ++i)
                publish(place);
        } else if (dice < 65) {
            if (!m_clients[place].tags.empty() || m_random.chance(0.05))
                settleSome(place);
        } else if (dice < 75) {
            const std::string tag = fmt::format("c{}", ++m_lastConsumer);
            const bool noAck = m_random.chance(0.1);
            if (noAck)
                m_noAckConsumers.insert(tag);
            const std::string &queue = anyQueue();
            m_queueOfTag.emplace(tag, queue);
            m_lab.hand(place, BasicConsume{queue, tag, noAck, false, {}});
            m_clients[place].consumers.insert(tag);
        } else if (dice < 82) {
            if (auto &consumers = m_clients[place].consumers; !consumers.empty()) {
                m_lab.hand(place, BasicCancel{*consumers.begin()});
                consumers.erase(consumers.begin());
            }
        } else if (dice < 87) {
            m_noAckGet = m_random.chance(0.3);
            m_getQueue = anyQueue();
            m_lab.hand(place, BasicGet{m_getQueue, m_noAckGet});
        } else if (dice < 89) {
            m_lab.hand(place,
                BasicQos{static_cast<std::uint16_t>(m_random.below(5)), m_random.chance(0.3)});
        } else if (dice < 90) {
            m_lab.hand(place, BasicRecover{true});
            m_clients[place].tags.clear();
        } else if (dice < 91) {
            m_lab.hand(place, QueuePurge{anyQueue()});
        } else if (dice < 92) {
            m_lab.hand(place, ChannelClose{});
            m_clients.erase(place);
        } else if (dice < 93) {
            m_lab.loseConnection(place.first);
            m_connected.erase(place.first);
            std::erase_if(
                m_clients, [&](const auto &client) { return client.first.first == place.first; });
        } else {
            m_lab.advance(std::chrono::milliseconds(m_random.below(400)));
        }
    }

    void readAnswers()
    {
        m_takenWithoutAck.clear();
        for (const Lab::Place &place : kPlaces) {
            for (const ServerMethod &method : m_lab.takeAll(place)) {
                if (const auto *delivery = std::get_if<BasicDeliver>(&method);
                    delivery && m_noAckConsumers.contains(delivery->consumerTag)) {
                    m_takenWithoutAck.emplace(m_queueOfTag.at(delivery->consumerTag),
                        std::int64_t(delivery->messageNumber));
                } else if (const auto *got = std::get_if<BasicGetOk>(&method); got && m_noAckGet) {
                    m_takenWithoutAck.emplace(m_getQueue, std::int64_t(got->messageNumber));
                }
                const auto found = m_clients.find(place);
                if (found == m_clients.end())
                    continue;
                Client &client = found->second;
                if (const auto *delivery = std::get_if<BasicDeliver>(&method)) {
                    if (!m_noAckConsumers.contains(delivery->consumerTag))
                        client.tags.insert(delivery->deliveryTag);
                } else if (const auto *got = std::get_if<BasicGetOk>(&method)) {
                    if (!m_noAckGet)
                        client.tags.insert(got->deliveryTag);
                } else if (const auto *ack = std::get_if<ConfirmAck>(&method)) {
                    client.confirmed = std::max(client.confirmed, ack->deliveryTag);
                } else if (const auto *nack = std::get_if<ConfirmNack>(&method)) {
                    client.confirmed = std::max(client.confirmed, nack->deliveryTag);
                } else if (std::holds_alternative<ChannelClosed>(method)) {
                    m_clients.erase(found);
                }
            }
        }
    }

    void readTrace()
    {
        const Trace &trace = m_lab.trace();
        for (; m_read < trace.end(); ++m_read) {
            const TraceEvent &event = trace.at(m_read);
            const auto found = m_models.find(std::string(trace.names().name(event.subject)));
            if (found == m_models.end())
                continue;
            QueueModel &model = found->second;
            const auto died = [&](QueueModel::State state) {
                if (event.item > 0)
                    model.left(event.item, event.reason == reason(ExchangeReason::Rejected), state);
            };
            switch (static_cast<ExchangeEvent>(event.kind)) {
            case ExchangeEvent::Enqueued:
                model.enqueued(event.item);
                break;
            case ExchangeEvent::Delivered:
                model.delivered(event.item, m_takenWithoutAck.contains({found->first, event.item}));
                break;
            case ExchangeEvent::Acked:
                model.acked(event.item);
                break;
            case ExchangeEvent::Requeued:
                model.requeued(event.item);
                break;
            case ExchangeEvent::DeadLettered:
                died(QueueModel::State::DeadLettered);
                break;
            case ExchangeEvent::Dropped:
                died(QueueModel::State::Dropped);
                break;
            case ExchangeEvent::QueuePurged:
                model.purged();
                break;
            default:
                break;
            }
        }
    }

    std::string check() const
    {
        const BrokerSnapshot shown = m_lab.snapshot();
        for (const QueueSnapshot &queue : shown.queues) {
            const QueueModel &model = m_models.at(queue.name);
            if (!model.problems().empty())
                return queue.name + ": " + model.problems().front();
            if (queue.messagesReady != model.ready().size())
                return queue.name + ": ready messages differ from the model";
            if (queue.messagesUnacknowledged != model.count(QueueModel::State::Unacked))
                return queue.name + ": unacknowledged messages differ from the model";
            if (!model.hasPriorities()) {
                auto next = model.ready().begin();
                for (const MessageSnapshot &message : queue.ready) {
                    if (std::int64_t(message.number) != *next++)
                        return queue.name + ": ready messages stand in another order";
                }
            }
            if (!queue.ready.empty() && queue.ready[0].expires != Instant()
                && queue.ready[0].expires <= m_lab.now())
                return queue.name + ": an expired message is at the head";
            if (queue.name == "short" && queue.messagesReady > 5)
                return "the length limit is exceeded";
        }
        for (const ConsumerSnapshot &consumer : shown.consumers) {
            if (consumer.prefetch != 0 && consumer.unackedCount > consumer.prefetch)
                return consumer.tag + ": prefetch is exceeded";
        }
        for (const auto &[place, client] : m_clients) {
            if (client.confirmed != client.published)
                return "a publish is left without its confirm";
        }
        return {};
    }

    Lab m_lab;
    Random m_random;
    std::vector<std::string> m_names;
    std::map<std::string, QueueModel> m_models;
    std::map<Lab::Place, Client> m_clients; // of open channels
    std::set<std::uint32_t> m_connected;
    std::map<std::string, std::string> m_queueOfTag;
    std::set<std::string> m_noAckConsumers;
    std::set<std::pair<std::string, std::int64_t>>
        m_takenWithoutAck; // queue and number, in this step
    std::string m_getQueue;
    bool m_noAckGet = false;
    std::uint64_t m_lastConsumer = 0;
    std::uint64_t m_read = 0; // events of the trace so far
};

} // namespace

class TestExchangeSimulation : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void everyMessageIsInExactlyOnePlace_data();
    void everyMessageIsInExactlyOnePlace();
};

void TestExchangeSimulation::everyMessageIsInExactlyOnePlace_data()
{
    QTest::addColumn<quint64>("seed");
    for (quint64 seed = 1; seed <= 300; ++seed)
        QTest::addRow("seed %llu", seed) << seed;
}

void TestExchangeSimulation::everyMessageIsInExactlyOnePlace()
{
    QFETCH(quint64, seed);
    Simulation simulation(seed);
    for (int step = 0; step < 400; ++step) {
        if (step == 200)
            simulation.continueOnACopy();
        const std::string broken = simulation.step();
        QVERIFY2(broken.empty(), fmt::format("step {}: {}", step, broken).c_str());
    }
}

QTEST_APPLESS_MAIN(TestExchangeSimulation)
#include "tst_exchange_simulation.moc"
