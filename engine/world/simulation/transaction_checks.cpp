#include "engine/world/simulation/checks.h"

#include "engine/log/producer_entries.h"
#include "engine/world/simulation/findings.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <tuple>

namespace queuelab::world::simulation {

namespace {

using Outcome = TransactionHistory::Outcome;
using Transaction = TransactionHistory::Transaction;

/// Transactions as nodes, numbered from 0, with who follows whom.
class Graph {
public:
    void addEdge(std::size_t from, std::size_t to)
    {
        if (from != to)
            m_edges[from].insert(to);
    }
    void addEdges(const Graph &other)
    {
        for (const auto &[from, to] : other.m_edges)
            m_edges[from].insert(to.begin(), to.end());
    }
    /// Sets of nodes that all reach each other, of two or more (Tarjan's algorithm).
    std::vector<std::set<std::size_t>> circles() const
    {
        Search search{m_edges, {}, {}, {}, {}};
        for (const auto &[node, followers] : m_edges)
            search.visit(node);
        return std::move(search.circles);
    }

private:
    using Edges = std::map<std::size_t, std::set<std::size_t>>;
    struct Search {
        struct Node {
            std::size_t index = 0;
            std::size_t low = 0;
            bool isOnStack = true;
        };
        struct Frame {
            std::size_t node;
            std::set<std::size_t>::const_iterator next;
            std::set<std::size_t>::const_iterator end;
        };
        const Edges &edges;
        std::map<std::size_t, Node> nodes;
        std::vector<std::size_t> stack;
        std::vector<Frame> frames; // in place of recursion: chains are long
        std::vector<std::set<std::size_t>> circles;

        void enter(std::size_t node)
        {
            static const std::set<std::size_t> none;
            const auto followers = edges.find(node);
            const std::set<std::size_t> &after =
                followers == edges.end() ? none : followers->second;
            nodes[node] = {nodes.size(), nodes.size()};
            stack.push_back(node);
            frames.push_back({node, after.begin(), after.end()});
        }
        void visit(std::size_t first)
        {
            if (nodes.contains(first))
                return;
            enter(first);
            while (!frames.empty()) {
                Frame &frame = frames.back();
                if (frame.next == frame.end) {
                    leave(frame.node);
                    continue;
                }
                const std::size_t follower = *frame.next++;
                const auto known = nodes.find(follower);
                if (known == nodes.end())
                    enter(follower);
                else if (known->second.isOnStack)
                    nodes[frame.node].low = std::min(nodes[frame.node].low, known->second.index);
            }
        }
        void leave(std::size_t node)
        {
            frames.pop_back();
            const Node done = nodes.at(node);
            if (!frames.empty()) {
                Node &parent = nodes.at(frames.back().node);
                parent.low = std::min(parent.low, done.low);
            }
            if (done.low != done.index)
                return;
            std::set<std::size_t> circle;
            for (bool more = true; more;) {
                const std::size_t top = stack.back();
                stack.pop_back();
                nodes.at(top).isOnStack = false;
                circle.insert(top);
                more = top != node;
            }
            if (circle.size() > 1)
                circles.push_back(std::move(circle));
        }
    };
    Edges m_edges;
};

class TransactionCheck {
public:
    TransactionCheck(const Scenario &scenario, const History &history, const Logs &logs)
        : m_scenario(scenario)
        , m_history(history)
        , m_logs(logs)
    {
        for (const auto &[partition, content] : logs) {
            m_partitions.emplace(partition.name(), partition);
            for (const LoggedRecord &record : content.records) {
                if (record.decision != Decision::None)
                    m_logged.try_emplace(keyOf(partition, record), &record);
            }
        }
        const std::vector<Transaction> &transactions = history.transactions().transactions();
        for (std::size_t number = 0; number < transactions.size(); ++number) {
            for (const auto &[partition, batches] : transactions[number].records) {
                for (const auto &[baseSequence, records] : batches) {
                    for (std::size_t at = 0; at < records.size(); ++at)
                        m_transactionOf[keyOf(partition, transactions[number], baseSequence, at)] =
                            number;
                }
            }
        }
    }

    std::vector<Anomaly> run()
    {
        for (const Transaction &transaction : m_history.transactions().transactions())
            check(transaction);
        fencedProducersWroteNothing();
        for (const PollHistory::Poll &poll : m_history.polls().polls())
            check(poll);
        for (const SimulatedTransformers &transformers : m_scenario.transformers)
            check(transformers);
        circles();
        std::vector<Anomaly> found;
        m_findings.appendTo(found);
        return found;
    }

private:
    /// Partition, producer id, epoch, sequence.
    using Key = std::tuple<log::TopicPartition, std::int64_t, std::int16_t, std::int32_t>;

    static Key keyOf(const log::TopicPartition &partition, const LoggedRecord &record)
    {
        return {partition, record.producerId, record.producerEpoch, record.sequence};
    }
    static Key keyOf(const log::TopicPartition &partition, const Transaction &transaction,
        std::int32_t baseSequence, std::size_t at)
    {
        return {partition, transaction.producerId, transaction.producerEpoch,
            log::sequenceAfter(baseSequence, static_cast<std::int32_t>(at))};
    }

    /// What may be lost with the power of a last known leader may undo any decision.
    bool isPromised(std::string_view topic) const
    {
        return m_scenario.topic(topic).isSafe() && !m_history.hasLostPower();
    }

    static std::string textOf(const Transaction &transaction)
    {
        return fmt::format("transaction of {} (producer id {}, epoch {})",
            transaction.transactionalId, transaction.producerId, transaction.producerEpoch);
    }

    void check(const Transaction &transaction)
    {
        std::size_t committed = 0;
        std::size_t rest = 0;
        bool arePromised = true;
        for (const auto &[partition, batches] : transaction.records) {
            // Compaction may have removed what it holds.
            if (m_scenario.topic(partition.topic).isCompacted)
                continue;
            const bool promised = isPromised(partition.topic);
            arePromised = arePromised && promised;
            for (const auto &[baseSequence, records] : batches) {
                for (std::size_t at = 0; at < records.size(); ++at) {
                    const auto found =
                        m_logged.find(keyOf(partition, transaction, baseSequence, at));
                    const bool isCommitted =
                        found != m_logged.end() && found->second->decision == Decision::Committed;
                    ++(isCommitted ? committed : rest);
                    checkRecord(transaction, partition,
                        found == m_logged.end() ? nullptr : found->second, promised);
                }
            }
        }
        if (transaction.outcome == Outcome::Unknown && committed > 0 && rest > 0)
            m_findings.add(AnomalyKind::FracturedTransaction, arePromised,
                fmt::format("{}: {} records are committed, {} are not", textOf(transaction),
                    committed, rest));
    }

    /// `record` is what stands in the log; nullptr: nothing does.
    void checkRecord(const Transaction &transaction, const log::TopicPartition &partition,
        const LoggedRecord *record, bool promised)
    {
        const auto where = [&] {
            return record ? fmt::format("{}, offset {} of {}", textOf(transaction), record->offset,
                                partition.name())
                          : fmt::format("{} in {}", textOf(transaction), partition.name());
        };
        if (record && record->decision == Decision::Open)
            m_findings.add(AnomalyKind::OpenTransaction, promised, where() + ": no marker");
        const bool isCommitted = record && record->decision == Decision::Committed;
        if (transaction.outcome == Outcome::Committed && !isCommitted)
            m_findings.add(AnomalyKind::LostWrite, promised,
                where() + ": committed, and its producer was told so, but not there as such");
        if (isCommitted && (transaction.outcome == Outcome::Aborted || !transaction.commitAsked))
            m_findings.add(AnomalyKind::AbortedRead, promised,
                where() + ": committed, though its producer did not ask for that");
    }

    void fencedProducersWroteNothing()
    {
        for (const TransactionHistory::FencedWrite &write : m_history.transactions().fencedWrites())
            m_findings.add(AnomalyKind::FencedWrite, isPromised(write.partition.topic),
                fmt::format("{} took a batch of {} with epoch {} when epoch {} was given out",
                    write.partition.name(), write.transactionalId, write.producerEpoch,
                    write.newestEpoch));
        for (const auto &[partition, content] : m_logs) {
            if (content.epochWentBack)
                m_findings.add(AnomalyKind::FencedWrite, isPromised(partition.topic),
                    fmt::format("{}: offset {} has an older producer epoch than what stands before",
                        partition.name(), *content.epochWentBack));
        }
    }

    void check(const PollHistory::Poll &poll)
    {
        const auto isSharing =
            std::ranges::any_of(m_scenario.shareGroups, [&](const SimulatedShareGroup &group) {
                return std::ranges::find(group.members, poll.consumer) != group.members.end();
            });
        const auto known = m_partitions.find(poll.partition);
        if (isSharing || known == m_partitions.end() || !isPromised(known->second.topic)
            || m_scenario.topic(known->second.topic).isCompacted)
            return; // what stood there then may be gone
        const LogContent &content = m_logs.at(known->second);
        const bool committedOnly = m_scenario.readsCommitted(poll.consumer);
        const auto where = [&] {
            return fmt::format("{} was given {} records at offsets {} to {} of {}", poll.consumer,
                poll.count, poll.first, poll.last, poll.partition);
        };
        const std::int64_t expected = content.count(poll.first, poll.last, committedOnly);
        if (poll.count > expected)
            m_findings.add(AnomalyKind::AbortedRead, true,
                fmt::format("{}; only {} are to be read", where(), expected));
        if (poll.count < expected)
            m_findings.add(AnomalyKind::SkippedPoll, true,
                fmt::format("{}; {} are to be read", where(), expected));
        if (committedOnly)
            nothingWasReadEarly(poll, known->second, content);
        if (poll.previousLast < 0)
            return;
        const bool isTransformer = std::ranges::any_of(
            m_scenario.transformers, [&](const SimulatedTransformers &transformers) {
                return std::ranges::find(transformers.members, poll.consumer)
                    != transformers.members.end();
            });
        if (poll.first <= poll.previousLast && !isTransformer) // those go back to what they abort
            m_findings.add(AnomalyKind::NonMonotonicPoll, true,
                fmt::format("{}, after offset {}", where(), poll.previousLast));
        if (content.count(poll.previousLast + 1, poll.first - 1, committedOnly) > 0)
            m_findings.add(AnomalyKind::SkippedPoll, true,
                fmt::format("{}, after offset {}", where(), poll.previousLast));
    }

    void nothingWasReadEarly(const PollHistory::Poll &poll, const log::TopicPartition &partition,
        const LogContent &content)
    {
        auto record =
            std::ranges::lower_bound(content.records, poll.first, {}, &LoggedRecord::offset);
        for (; record != content.records.end() && record->offset <= poll.last; ++record) {
            const auto number = m_transactionOf.find(keyOf(partition, *record));
            if (record->decision != Decision::Committed || number == m_transactionOf.end())
                continue;
            const Transaction &transaction =
                m_history.transactions().transactions()[number->second];
            if (transaction.commitAsked && poll.at < *transaction.commitAsked)
                m_findings.add(AnomalyKind::IntermediateRead, true,
                    fmt::format("{} was given offset {} of {} before its transaction was to be "
                                "committed",
                        poll.consumer, record->offset, poll.partition));
        }
    }

    /// Every record that is to be read of one topic stands once in the other.
    void check(const SimulatedTransformers &transformers)
    {
        struct Seen {
            std::int64_t count = 0;
            std::string place; ///< of the first
        };
        const auto seenIn = [&](const std::string &topic) {
            std::map<RecordId, Seen> seen;
            for (const auto &[partition, content] : m_logs) {
                if (partition.topic != topic)
                    continue;
                for (const LoggedRecord &record : content.records) {
                    if (record.id == 0 || !record.isVisible())
                        continue;
                    Seen &of = seen[record.id];
                    if (of.count++ == 0)
                        of.place = fmt::format("offset {} of {}", record.offset, partition.name());
                }
            }
            return seen;
        };
        const bool promised = isPromised(transformers.from) && isPromised(transformers.to);
        const std::map<RecordId, Seen> read = seenIn(transformers.from);
        const std::map<RecordId, Seen> written = seenIn(transformers.to);
        const auto text = [&](const Seen &of, std::int64_t in, std::int64_t out) {
            return fmt::format("the record at {} is {} times in {} and {} times in {}", of.place,
                in, transformers.from, out, transformers.to);
        };
        for (const auto &[id, in] : read) {
            const auto found = written.find(id);
            const std::int64_t out = found == written.end() ? 0 : found->second.count;
            if (out < in.count)
                m_findings.add(AnomalyKind::LostWrite, promised, text(in, in.count, out));
            if (out > in.count)
                m_findings.add(AnomalyKind::Duplicate, promised, text(in, in.count, out));
        }
        for (const auto &[id, out] : written) {
            if (!read.contains(id))
                m_findings.add(AnomalyKind::AbortedRead, promised, text(out, 0, out.count));
        }
    }

    /// Kafka does not keep transactions apart: their writes interleave, so circles are no broken
    /// promise. They are named as in Jepsen's Kafka workload.
    void circles()
    {
        Graph writes;
        Graph reads;
        std::map<std::pair<std::string, RecordId>, std::size_t> writers; // by topic and record
        for (const auto &[partition, content] : m_logs) {
            std::optional<std::size_t> before;
            for (const LoggedRecord &record : content.records) {
                const auto number = m_transactionOf.find(keyOf(partition, record));
                if (record.decision != Decision::Committed || number == m_transactionOf.end())
                    continue;
                if (before)
                    writes.addEdge(*before, number->second);
                before = number->second;
                writers[{partition.topic, record.id}] = number->second;
            }
        }
        for (const SimulatedTransformers &transformers : m_scenario.transformers) {
            for (const auto &[key, writer] : writers) {
                const auto source = writers.find({transformers.from, key.second});
                if (key.first == transformers.to && source != writers.end())
                    reads.addEdge(source->second, writer);
            }
        }
        const std::vector<std::set<std::size_t>> byWrites = writes.circles();
        for (const std::set<std::size_t> &circle : byWrites)
            m_findings.add(AnomalyKind::WriteCycle, false,
                fmt::format("{} transactions stand in different orders in their partitions",
                    circle.size()));
        reads.addEdges(writes);
        for (const std::set<std::size_t> &circle : reads.circles()) {
            if (std::ranges::find(byWrites, circle) == byWrites.end())
                m_findings.add(AnomalyKind::CircularFlow, false,
                    fmt::format(
                        "{} transactions follow each other in a circle by what they wrote and read",
                        circle.size()));
        }
    }

    const Scenario &m_scenario;
    const History &m_history;
    const Logs &m_logs;
    std::map<std::string, log::TopicPartition> m_partitions; // by name
    std::map<Key, const LoggedRecord *> m_logged;
    std::map<Key, std::size_t> m_transactionOf;
    Findings m_findings;
};

} // namespace

std::vector<Anomaly> checkTransactions(
    const Scenario &scenario, const History &history, const Logs &logs)
{
    return TransactionCheck(scenario, history, logs).run();
}

std::vector<Anomaly> checkCompacted(
    const Scenario &scenario, const History &history, const Logs &logs)
{
    Findings findings;
    for (const auto &[partition, keys] : history.compaction().keys()) {
        const auto content = logs.find(partition);
        if (content == logs.end())
            continue;
        const bool promised = scenario.topic(partition.topic).isSafe() && !history.hasLostPower();
        std::map<std::string, std::int64_t> newest;
        for (const LoggedRecord &record : content->second.records) {
            if (record.key)
                newest[*record.key] = record.offset;
        }
        for (const auto &[key, told] : keys) {
            const auto found = newest.find(key);
            const auto text = [&](std::string_view what) {
                return fmt::format("{}: {} has offset {} acknowledged as the newest of {}, {}",
                    partition.name(), told.isTombstone ? "a tombstone" : "a record",
                    told.newestOffset, key, what);
            };
            if (found == newest.end()) {
                if (told.newestOffset >= 0 && !told.isTombstone && told.unsureTombstones.empty())
                    findings.add(AnomalyKind::LostValue, promised, text("and nothing is there"));
            } else if (found->second < told.newestOffset) {
                findings.add(told.isTombstone ? AnomalyKind::RevivedValue : AnomalyKind::LostValue,
                    promised,
                    text(fmt::format("and offset {} is the newest there", found->second)));
            }
        }
    }
    std::vector<Anomaly> found;
    findings.appendTo(found);
    return found;
}

} // namespace queuelab::world::simulation
