#pragma once

#include "engine/core/memory_files.h"
#include "engine/log/broker.h"
#include "engine/log/events.h"
#include "engine/log/record_batch.h"

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <tuple>
#include <utility>
#include <variant>
#include <vector>

namespace queuelab::log::testing {

/// Brokers that speak to each other in virtual time, with a fixed latency each way, and a hand that
/// knocks at any of them: the smallest network that behaves like TCP. Messages keep their order;
/// those to a dead broker are refused; those on a cut line wait until it is mended.
class LogCluster {
public:
    static constexpr Duration kLatency = std::chrono::milliseconds{1};

    explicit LogCluster(int brokers, BrokerConfig config = {}, std::uint64_t seed = 1)
        : m_config(std::move(config))
        , m_seeds(seed)
    {
        for (int id = 1; id <= brokers; ++id) {
            m_config.brokers.push_back(NodeId{id});
            m_config.quorumVoters.push_back(NodeId{id});
        }
        for (int id = 1; id <= brokers; ++id)
            m_nodes.emplace(id, Node(Broker(NodeId{id}, m_config), m_seeds.next()));
        for (int id = 1; id <= brokers; ++id)
            open(id);
    }

    Instant now() const { return m_now; }
    Trace &trace() { return m_trace; }
    MemoryFiles &files() { return m_files; }
    Broker &broker(int id) { return m_nodes.at(id).broker; }
    bool isAlive(int id) const { return m_nodes.at(id).alive; }
    /// Brokers in the order in which they asked to be closed after a controlled shutdown.
    std::vector<int> shutDown;
    std::vector<std::string> notes; ///< of openings since the start

    // Time.

    void run(Duration duration)
    {
        const Instant end = m_now + duration;
        while (!m_agenda.empty() && m_agenda.begin()->first <= end)
            step();
        m_now = end;
    }
    /// False when it did not come true within `limit`.
    template <class Condition>
    bool runUntil(Condition condition, Duration limit = std::chrono::minutes{1})
    {
        const Instant end = m_now + limit;
        while (!condition()) {
            if (m_agenda.empty() || m_agenda.begin()->first > end)
                return false;
            step();
        }
        return true;
    }

    // Faults.

    /// The process dies; with `powerLoss` what was not synced is gone too.
    void kill(int id, bool powerLoss = false)
    {
        Node &node = m_nodes.at(id);
        if (powerLoss)
            m_files.crash(directory(id));
        else
            m_files.closeAll(directory(id));
        node.alive = false;
        loseConnections(id);
    }
    void close(int id)
    {
        Node &node = m_nodes.at(id);
        Context context = contextOf(node);
        invariant(node.broker.close(context).has_value(), "the broker stops in order");
        node.alive = false;
        loseConnections(id);
    }
    void start(int id)
    {
        Node &node = m_nodes.at(id);
        node.broker = Broker(NodeId{id}, m_config);
        node.alive = true;
        ++node.life;
        open(id);
    }
    void loseDisk(int id) { invariant(m_files.remove(directory(id)).has_value(), "it is there"); }
    void beginShutDown(int id)
    {
        Node &node = m_nodes.at(id);
        Context context = contextOf(node);
        Effects effects;
        node.broker.shutDown(context, effects);
        carryOut(id, std::move(effects));
    }
    /// Cuts it off from all other brokers; the hand still reaches it.
    void isolate(int id) { m_isolated.insert(id); }
    void cut(int one, int other) { m_cut.insert(std::minmax({one, other})); }
    void mend()
    {
        m_isolated.clear();
        m_cut.clear();
        for (Message &message : std::exchange(m_onTheLine, {}))
            post(std::move(message));
    }

    // The hand.

    RequestId send(int id, Request request, std::string_view client = "hand")
    {
        const RequestId requestId{m_nextRequest++};
        Node &node = m_nodes.at(id);
        Context context = contextOf(node);
        Effects effects;
        node.broker.apply(ClientRequest{kHand, requestId, std::move(request), m_trace.name(client)},
            context, effects);
        carryOut(id, std::move(effects));
        return requestId;
    }
    template <class T> std::optional<T> take(RequestId id)
    {
        const auto found = m_answers.find(id.value());
        if (found == m_answers.end())
            return std::nullopt;
        T answer = std::get<T>(std::move(found->second));
        m_answers.erase(found);
        return answer;
    }
    /// Waits for the answer, at most a minute.
    template <class T> T ask(int id, Request request, std::string_view client = "hand")
    {
        const RequestId requestId = send(id, std::move(request), client);
        runUntil([&] { return m_answers.contains(requestId.value()); });
        auto answer = take<T>(requestId);
        invariant(answer.has_value(), "the request is answered within a minute");
        return std::move(*answer);
    }

    // What it came to.

    ClusterSnapshot snapshot() const
    {
        std::vector<BrokerView> views;
        std::vector<bool> alive;
        for (const auto &[id, node] : m_nodes) {
            views.push_back(node.broker.view());
            alive.push_back(node.alive);
        }
        return clusterSnapshot(std::move(views), alive);
    }
    PartitionSnapshot partition(const TopicPartition &name) const
    {
        for (const TopicSnapshot &topic : snapshot().topics) {
            if (topic.name == name.topic)
                return topic.partitions.at(static_cast<std::size_t>(name.partition));
        }
        return {};
    }
    /// A replica's figures as its broker has them.
    ReplicaSnapshot replica(int id, const TopicPartition &name) const
    {
        for (const ReplicaSnapshot &replica : partition(name).replicaStates) {
            if (replica.broker == id)
                return replica;
        }
        return {.broker = -1};
    }
    /// All brokers that live are registered, not fenced, and there is a controller.
    bool isReady() const
    {
        const ClusterSnapshot cluster = snapshot();
        for (const BrokerSnapshot &broker : cluster.brokers) {
            if (broker.alive && (!broker.isRegistered || broker.isFenced))
                return false;
        }
        return cluster.controller > 0;
    }
    /// Values of all records of a replica, with their offsets: "0:a 1:b".
    std::string records(int id, const TopicPartition &name)
    {
        std::string text;
        std::int64_t from = replica(id, name).logStartOffset;
        while (true) {
            const auto batches = m_nodes.at(id).broker.peek(name, from, 1 << 20, m_files);
            if (!batches || batches->empty())
                return text;
            for (const SharedBytes &piece : *batches) {
                for (ByteView rest = piece.view(); !rest.empty();) {
                    const auto header = readBatchHeader(rest);
                    for (RecordCursor cursor(rest.first(header->sizeBytes())); cursor.next();) {
                        const RecordView record = cursor.record();
                        text += (text.empty() ? "" : " ") + std::to_string(record.offset) + ":"
                            + std::string(asText(*record.value));
                    }
                    from = header->lastOffset() + 1;
                    rest = rest.subspan(header->sizeBytes());
                }
            }
        }
    }
    std::size_t count(LogEvent event) const { return m_trace.count(kind(event)); }

    static std::string directory(int id) { return "broker-" + std::to_string(id); }

private:
    static constexpr ClientId kHand{1};

    struct Node {
        Node(Broker theBroker, std::uint64_t seed)
            : broker(std::move(theBroker))
            , random(seed)
        {
        }
        Broker broker;
        Random random;
        bool alive = true;
        int life = 1;
    };
    struct Lost {
        NodeId peer;
    };
    struct Message {
        int from = 0;
        int fromLife = 0;
        int to = 0;
        int toLife = 0;
        std::variant<PeerRequest, PeerAnswer, Lost> what;
    };
    struct Wake {
        int id;
        int life;
    };
    using Event = std::variant<Message, Wake>;

    Context contextOf(Node &node) { return {m_now, node.random, m_trace, m_files}; }

    void open(int id)
    {
        Node &node = m_nodes.at(id);
        Context context = contextOf(node);
        const auto opened = node.broker.open(context);
        invariant(opened.has_value(), "the broker opens");
        notes.insert(notes.end(), opened->begin(), opened->end());
        m_agenda.emplace(m_now, Wake{id, node.life});
    }
    void step()
    {
        auto next = m_agenda.extract(m_agenda.begin());
        m_now = next.key();
        if (auto *message = std::get_if<Message>(&next.mapped())) {
            deliver(std::move(*message));
        } else {
            const Wake wake = std::get<Wake>(next.mapped());
            if (m_nodes.at(wake.id).alive && m_nodes.at(wake.id).life == wake.life)
                apply(wake.id, WakeUp{});
        }
    }
    void apply(int id, const Input &input)
    {
        Node &node = m_nodes.at(id);
        Context context = contextOf(node);
        Effects effects;
        node.broker.apply(input, context, effects);
        carryOut(id, std::move(effects));
        for (std::string &note : node.broker.takeNotes())
            notes.push_back(std::move(note));
    }
    void carryOut(int id, Effects &&effects)
    {
        const int life = m_nodes.at(id).life;
        for (Effect &effect : effects) {
            if (auto *answer = std::get_if<Answer>(&effect)) {
                m_answers.emplace(answer->id.value(), std::move(answer->response));
            } else if (auto *asks = std::get_if<AskPeer>(&effect)) {
                const int to = asks->to.value();
                invariant(to != id, "no broker asks itself");
                post({id, life, to, m_nodes.at(to).life,
                    PeerRequest{NodeId{id}, asks->id, std::move(asks->request)}});
            } else if (auto *answers = std::get_if<AnswerPeer>(&effect)) {
                const int to = answers->to.value();
                post({id, life, to, m_nodes.at(to).life,
                    PeerAnswer{NodeId{id}, answers->id, std::move(answers->response)}});
            } else if (std::holds_alternative<ShutDown>(effect)) {
                shutDown.push_back(id);
            } else {
                m_agenda.emplace(std::get<WakeAt>(effect).at, Wake{id, life});
            }
        }
    }
    void post(Message &&message) { m_agenda.emplace(m_now + kLatency, std::move(message)); }
    void deliver(Message &&message)
    {
        Node &to = m_nodes.at(message.to);
        // Of a connection that has ended with one of its ends.
        const bool ended = m_nodes.at(message.from).life != message.fromLife
            && !std::holds_alternative<Lost>(message.what);
        if (ended || (to.alive && to.life != message.toLife))
            return;
        if (m_isolated.contains(message.from) || m_isolated.contains(message.to)
            || m_cut.contains(std::minmax({message.from, message.to}))) {
            m_onTheLine.push_back(std::move(message));
            return;
        }
        if (!to.alive) {
            if (m_nodes.at(message.from).alive && std::holds_alternative<PeerRequest>(message.what))
                post({message.to, to.life, message.from, message.fromLife,
                    Lost{NodeId{message.to}}});
            return;
        }
        if (auto *request = std::get_if<PeerRequest>(&message.what))
            apply(message.to, std::move(*request));
        else if (auto *answer = std::get_if<PeerAnswer>(&message.what))
            apply(message.to, std::move(*answer));
        else
            apply(message.to, PeerLost{std::get<Lost>(message.what).peer});
    }
    void loseConnections(int id)
    {
        std::erase_if(m_onTheLine,
            [id](const Message &message) { return message.from == id || message.to == id; });
        for (const auto &[other, node] : m_nodes) {
            if (other != id && node.alive)
                post({id, m_nodes.at(id).life, other, node.life, Lost{NodeId{id}}});
        }
    }

    BrokerConfig m_config;
    Random m_seeds;
    Instant m_now = kVirtualStart;
    Trace m_trace;
    MemoryFiles m_files;
    std::map<int, Node> m_nodes;
    std::multimap<Instant, Event> m_agenda;
    std::set<int> m_isolated;
    std::set<std::pair<int, int>> m_cut;
    std::vector<Message> m_onTheLine;
    std::uint64_t m_nextRequest = 1;
    std::map<std::uint64_t, Response> m_answers; // to the hand, by request
};

} // namespace queuelab::log::testing
