#pragma once

#include "engine/core/memory_files.h"
#include "engine/log/events.h"
#include "engine/log/quorum.h"
#include "read_only_disk.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

namespace queuelab::log {

/// Voters 1..n, and observers behind them, on a small network: messages take 1 to 10 ms and keep
/// their order, links can be cut (then messages vanish without a word), nodes can die (then the
/// others lose their connections). After every step it checks what Raft promises; what is broken
/// first stands in `broken`.
class QuorumNet {
public:
    enum class Death { Process, Power, TornPower };

    QuorumNet(std::uint64_t seed, int voters, int observers = 0)
        : random(seed)
    {
        for (int id = 1; id <= voters; ++id)
            config.quorumVoters.push_back(NodeId(id));
        for (int id = 1; id <= voters + observers; ++id)
            m_nodes.emplace(id, Node{random.stream(fmt::format("node {}", id))});
        for (auto &[id, node] : m_nodes)
            start(id);
    }

    void start(int id)
    {
        Node &node = m_nodes.at(id);
        node.quorum = std::make_unique<Quorum>(NodeId(id), config);
        node.applied = 0;
        node.highWatermark = 0;
        Context context = contextOf(node);
        const auto opened = node.quorum->open(
            directory(id), std::exchange(node.closedInOrder, false), context, node.notes);
        if (!opened)
            fail(opened.error().text());
        finish(id, {});
    }
    void kill(int id, Death death)
    {
        Node &node = m_nodes.at(id);
        node.quorum.reset();
        ++node.life;
        if (death == Death::Process)
            files.closeAll(directory(id));
        else
            files.crash(directory(id), death == Death::TornPower ? &random : nullptr);
        for (auto &[other, its] : m_nodes) {
            if (other != id && its.quorum)
                schedule(other, its.life, its.life, PeerLost{NodeId(id)}, id);
        }
    }
    void stopInOrder(int id)
    {
        Node &node = m_nodes.at(id);
        Context context = contextOf(node);
        if (!node.quorum->close(context))
            fail("close");
        node.closedInOrder = true;
        kill(id, Death::Process);
    }
    /// One direction.
    void cut(int from, int to) { m_cut.insert({from, to}); }
    void isolate(int id)
    {
        for (const auto &[other, node] : m_nodes) {
            cut(id, other);
            cut(other, id);
        }
    }
    void heal() { m_cut.clear(); }
    /// What node `id` writes fails, until it is repaired.
    void breakDisk(int id) { m_nodes.at(id).diskBroken = true; }
    bool isDiskBroken(int id) const { return m_nodes.at(id).diskBroken; }
    void repairDisk(int id) { m_nodes.at(id).diskBroken = false; }

    void run(Duration duration)
    {
        const Instant end = now + duration;
        while (step(end)) { }
        now = end;
    }
    template <class Holds> bool runUntil(Holds holds, Duration limit)
    {
        const Instant end = now + limit;
        while (!holds()) {
            if (!step(end))
                return holds();
        }
        return true;
    }

    bool isAlive(int id) const { return m_nodes.at(id).quorum != nullptr; }
    Quorum &at(int id) { return *m_nodes.at(id).quorum; }
    const std::vector<std::string> &notes(int id) const { return m_nodes.at(id).notes; }
    std::vector<int> ids() const
    {
        std::vector<int> all;
        for (const auto &[id, node] : m_nodes)
            all.push_back(id);
        return all;
    }
    /// The leader of the newest epoch that has one alive; 0 none.
    int leader() const
    {
        int best = 0;
        for (const auto &[id, node] : m_nodes) {
            if (node.quorum && node.quorum->isLeader()
                && (best == 0 || node.quorum->epoch() > m_nodes.at(best).quorum->epoch()))
                best = id;
        }
        return best;
    }
    bool allFollow(int leader) const
    {
        return std::ranges::all_of(m_nodes, [leader](const auto &entry) {
            return !entry.second.quorum || entry.second.quorum->leader() == NodeId(leader);
        });
    }
    /// All that live agree on one leader, and have all of its log, committed.
    bool isSettled() const
    {
        const int first = leader();
        if (first == 0 || !allFollow(first))
            return false;
        const std::int64_t end = m_nodes.at(first).quorum->logEndOffset();
        return std::ranges::all_of(m_nodes, [end](const auto &entry) {
            const Quorum *quorum = entry.second.quorum.get();
            return !quorum || (quorum->logEndOffset() == end && quorum->highWatermark() == end);
        });
    }
    /// Appends on node `id`; the offset when it took it.
    Result<std::int64_t, ErrorCode> append(int id, const std::vector<std::string> &values)
    {
        std::vector<Bytes> bytes;
        for (const std::string &value : values)
            bytes.emplace_back(value.begin(), value.end());
        Node &node = m_nodes.at(id);
        Context context = contextOf(node);
        Effects effects;
        const std::int32_t epoch = node.quorum->epoch();
        auto offset = node.quorum->append(bytes, context, effects);
        if (offset)
            m_promised.push_back({id, node.life, epoch, *offset, values.back()});
        finish(id, std::move(effects));
        return offset;
    }
    void resign(int id)
    {
        Node &node = m_nodes.at(id);
        Context context = contextOf(node);
        Effects effects;
        node.quorum->resign(context, effects);
        finish(id, std::move(effects));
    }
    /// Hands a request to a node, past the network, and gives the answer if it comes at once.
    std::optional<Response> tell(int id, int from, Request request)
    {
        Node &node = m_nodes.at(id);
        Context context = contextOf(node);
        Effects effects;
        node.quorum->apply(
            PeerRequest{NodeId(from), RequestId(0), std::move(request)}, context, effects);
        std::optional<Response> answer;
        std::erase_if(effects, [&answer](Effect &effect) {
            auto *given = std::get_if<AnswerPeer>(&effect);
            if (!given || given->id != RequestId(0))
                return false;
            answer = std::move(given->response);
            return true;
        });
        finish(id, std::move(effects));
        return answer;
    }

    /// By offset, what some node has seen committed.
    const std::map<std::int64_t, std::string> &committed() const { return m_committed; }
    std::uint64_t events(LogEvent event) const { return trace.count(kind(event)); }
    static std::string directory(int id) { return fmt::format("broker-{}", id); }

    MemoryFiles files;
    Trace trace;
    Random random;
    Instant now = kVirtualStart;
    BrokerConfig config;
    std::string broken;
    std::uint64_t messages = 0;

private:
    struct Node {
        Random random;
        std::unique_ptr<Quorum> quorum{}; // while it lives
        int life = 0;
        std::int64_t applied = 0;
        std::int64_t highWatermark = 0;
        bool closedInOrder = false;
        bool diskBroken = false;
        std::vector<std::string> notes{};
    };
    struct Delivery {
        int to = 0;
        int life = 0; // of the receiver, when it was sent
        int from = 0;
        int fromLife = 0;
        Input input;
    };
    /// A record that is safe once its leader has seen it committed.
    struct Promise {
        int node;
        int life;
        std::int32_t epoch;
        std::int64_t offset;
        std::string value;
    };

    Context contextOf(Node &node)
    {
        return {
            now, node.random, trace, node.diskBroken ? static_cast<Files &>(m_readOnly) : files};
    }

    void fail(std::string what)
    {
        if (broken.empty())
            broken = fmt::format("{} ms: {}", (now - kVirtualStart) / 1ms, what);
    }

    void schedule(int to, int life, int fromLife, Input input, int from)
    {
        Instant &last = m_lastArrival[{from, to}];
        last = std::max(last, now + Duration(random.between(1'000'000, 10'000'000)));
        m_agenda.emplace(last, Delivery{to, life, from, fromLife, std::move(input)});
    }

    bool step(Instant end)
    {
        std::optional<Instant> due;
        int waking = 0;
        for (const auto &[id, node] : m_nodes) {
            const auto at = node.quorum ? node.quorum->nextDeadline() : std::nullopt;
            if (at && (!due || *at < *due)) {
                due = at;
                waking = id;
            }
        }
        const bool message = !m_agenda.empty() && (!due || m_agenda.begin()->first <= *due);
        const std::optional<Instant> next = message ? m_agenda.begin()->first : due;
        if (!next || *next > end || !broken.empty())
            return false;
        now = std::max(now, *next);
        if (message) {
            auto delivery = m_agenda.extract(m_agenda.begin());
            deliver(std::move(delivery.mapped()));
        } else {
            Node &node = m_nodes.at(waking);
            Context context = contextOf(node);
            Effects effects;
            node.quorum->expire(context, effects);
            finish(waking, std::move(effects));
            const auto again = node.quorum->nextDeadline();
            if (again && *again <= now)
                fail(fmt::format("node {} wants to be woken in the past", waking));
        }
        return true;
    }

    void deliver(Delivery delivery)
    {
        Node &node = m_nodes.at(delivery.to);
        const bool loss = std::holds_alternative<PeerLost>(delivery.input);
        if (!node.quorum || node.life != delivery.life)
            return;
        if (!loss
            && (m_cut.contains({delivery.from, delivery.to})
                || m_nodes.at(delivery.from).life != delivery.fromLife))
            return;
        ++messages;
        Context context = contextOf(node);
        Effects effects;
        if (auto *request = std::get_if<PeerRequest>(&delivery.input))
            node.quorum->apply(*request, context, effects);
        else if (auto *answer = std::get_if<PeerAnswer>(&delivery.input))
            node.quorum->apply(*answer, context, effects);
        else
            node.quorum->peerLost(std::get<PeerLost>(delivery.input).peer, context, effects);
        finish(delivery.to, std::move(effects));
    }

    void finish(int id, Effects effects)
    {
        Node &node = m_nodes.at(id);
        for (Effect &effect : effects) {
            if (auto *ask = std::get_if<AskPeer>(&effect)) {
                const int to = ask->to.value();
                Node &peer = m_nodes.at(to);
                if (peer.quorum)
                    schedule(to, peer.life, node.life,
                        PeerRequest{NodeId(id), ask->id, std::move(ask->request)}, id);
                else if (!m_cut.contains({id, to})) // connection refused
                    schedule(id, node.life, node.life, PeerLost{NodeId(to)}, to);
            } else if (auto *answer = std::get_if<AnswerPeer>(&effect)) {
                const int to = answer->to.value();
                schedule(to, m_nodes.at(to).life, node.life,
                    PeerAnswer{NodeId(id), answer->id, std::move(answer->response)}, id);
            } else {
                fail("an effect that is none of the quorum's");
            }
        }
        check(id, node);
    }

    void check(int id, Node &node)
    {
        const Quorum &quorum = *node.quorum;
        if (quorum.isLeader()) {
            const auto [entry, isNew] = m_leaders.try_emplace(quorum.epoch(), id);
            if (entry->second != id)
                fail(fmt::format(
                    "epoch {} has two leaders, {} and {}", quorum.epoch(), entry->second, id));
        }
        if (quorum.highWatermark() < node.highWatermark)
            fail(fmt::format("the high watermark of node {} went down", id));
        if (quorum.highWatermark() > quorum.logEndOffset())
            fail(fmt::format("node {} takes for committed what it has not got", id));
        node.highWatermark = quorum.highWatermark();
        std::map<std::int64_t, std::string> fresh;
        const auto read = quorum.read(
            node.applied, node.highWatermark,
            [&fresh](std::int64_t offset, ByteView value) { fresh[offset] = asText(value); },
            files);
        if (!read)
            fail(read.error().text());
        // Each node must read the same at the same offsets.
        for (std::int64_t offset = node.applied; offset < node.highWatermark; ++offset) {
            const auto record = fresh.find(offset);
            const std::string value = record == fresh.end() ? std::string() : record->second;
            const auto [entry, isNew] = m_committed.try_emplace(offset, value);
            if (entry->second != value)
                fail(fmt::format("offset {} was committed as '{}', node {} has '{}'", offset,
                    entry->second, id, value));
        }
        node.applied = node.highWatermark;
        // What the leader that took it has seen committed is what was handed in.
        std::erase_if(m_promised, [&](const Promise &promise) {
            if (promise.node != id)
                return false;
            if (promise.life != node.life || !quorum.isLeader() || quorum.epoch() != promise.epoch)
                return true;
            if (quorum.highWatermark() <= promise.offset)
                return false;
            if (m_committed.at(promise.offset) != promise.value)
                fail(fmt::format("'{}' is not at its offset {}", promise.value, promise.offset));
            return true;
        });
    }

    ReadOnlyDisk m_readOnly{files};
    std::map<int, Node> m_nodes;
    std::multimap<Instant, Delivery> m_agenda;
    std::map<std::pair<int, int>, Instant> m_lastArrival;
    std::set<std::pair<int, int>> m_cut;
    std::map<std::int32_t, int> m_leaders; // by epoch
    std::map<std::int64_t, std::string> m_committed; // control records are ""
    std::vector<Promise> m_promised;
};

} // namespace queuelab::log
