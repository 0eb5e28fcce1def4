#include "engine/log/consumer.h"
#include "engine/log/producer.h"

#include "engine/world/actor.h"
#include "engine/world/actors/dead_letters.h"
#include "engine/world/actors/log_client.h"
#include "engine/world/actors/shown.h"
#include "engine/world/client_configs.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <deque>
#include <map>

namespace queuelab::world {

namespace {

constexpr std::int32_t kDefaultTransactionRecords = 100; // in a transaction
/// The two clients share the application's connections; the producer's requests count from here.
constexpr std::uint64_t kProducerRequests = std::uint64_t{1} << 62;

enum class Guarantee : std::uint8_t { ExactlyOnce, AtLeastOnce, AtMostOnce };

Guarantee guaranteeOf(std::string_view word)
{
    if (word == "at-least-once")
        return Guarantee::AtLeastOnce;
    return word == "at-most-once" ? Guarantee::AtMostOnce : Guarantee::ExactlyOnce;
}

TransformerConfigs configsOf(
    const AddTransformer &command, const std::string &name, const std::vector<NodeId> &bootstrap)
{
    TransformerConfigs configs = transformerConfigs(command, name).value_or(TransformerConfigs{});
    if (!command.configs.contains("bootstrap.servers")) {
        configs.consumer.bootstrapServers = bootstrap;
        configs.producer.bootstrapServers = bootstrap;
    }
    return configs;
}

/// Kafka's consume-transform-produce: polls, works on each record, writes the result (here: the
/// record as it is) to another topic, and commits the offsets it has read: in one transaction with
/// the results (exactly once), after their acknowledgement (at least once), or before the work (at
/// most once). What is not committed when something fails is read again.
class TransformerActor final : public Actor {
public:
    TransformerActor(
        const AddTransformer &command, const std::string &name, const TransformerConfigs &configs)
        : m_command(command)
        , m_guarantee(guaranteeOf(command.guarantee))
        , m_consumer(name, configs.consumer)
        , m_producer(name, configs.producer)
        , m_connections(configs.consumer.bootstrapServers.size())
    {
    }

    std::unique_ptr<Actor> clone() const override
    {
        return std::make_unique<TransformerActor>(*this);
    }

    void start(ActorContext &context) override
    {
        crash(); // of an orderly end, too, nothing is left
        m_stopping = false;
        m_failure = log::ErrorCode::None;
        if (m_guarantee == Guarantee::ExactlyOnce)
            m_producer.initTransactions(context.base, m_produced);
        step(context);
    }

    void wake(ActorContext &context) override
    {
        m_producer.wake(context.base, m_produced);
        m_consumer.wake(context.base, m_effects);
        step(context);
    }

    void receive(RequestId id, const log::Response &response, ActorContext &context) override
    {
        m_connections.answered();
        if (id.value() >= kProducerRequests)
            m_producer.apply(
                RequestId{id.value() - kProducerRequests}, response, context.base, m_produced);
        else
            m_consumer.apply(id, response, context.base, m_effects);
        step(context);
    }

    void connectionLost(NodeId broker, ActorContext &context) override
    {
        m_connections.lost(broker);
        m_producer.connectionLost(broker, context.base, m_produced);
        m_consumer.connectionLost(broker, context.base, m_effects);
        step(context);
    }

    /// Finishes what the last poll gave it, commits, then leaves the group.
    void stop(ActorContext &context) override
    {
        m_stopping = true;
        step(context);
    }

    void crash() override
    {
        m_consumer.crash();
        m_producer.crash();
        m_effects.clear();
        m_produced.clear();
        forgetRound();
        m_committedTo.clear();
        m_isSubscribed = false;
        m_isCommitting = false;
    }

    bool setProcessing(const Span &processing, ActorContext &context) override
    {
        m_command.processing = processing; // from the next record on
        step(context);
        return true;
    }

    void describe(ClientSnapshot &out, const NameTable &names) const override
    {
        out.group = m_command.group;
        out.target = fmt::format("{}", fmt::join(m_command.from, ", "));
        out.writesTo = m_command.to;
        out.received = m_received;
        out.handled = m_handled;
        out.failed = m_failed;
        out.sent = m_sent;
        out.confirmed = m_confirmed;
        out.transactionsCommitted = m_committed;
        out.transactionsAborted = m_aborted;
        out.lastPoll = m_lastPoll;
        out.holdingCount = m_held.size();
        for (const Held &held : m_held) {
            if (out.holding.size() == kShownMessages)
                break;
            HeldMessage &shown = out.holding.emplace_back();
            shown.subject = names.name(held.partition);
            shown.item = held.letter.offset;
            shown.label = labelOf(held.letter);
        }
        if (m_workEnds && !out.holding.empty())
            out.holding.front().workEnds = *m_workEnds;
        describePositions(m_consumer, out);
        describeTransactions(m_producer, out);
        for (PositionSnapshot &shown : out.positions) {
            // The consumer does not hear of what the producer commits.
            const auto committed = m_committedTo.find({shown.topic, shown.index});
            if (committed != m_committedTo.end())
                shown.committed = std::max(shown.committed, committed->second);
        }
        out.note = note(out.positions.empty());
    }

private:
    struct Held { ///< a record that poll() gave and that waits for its turn
        NameId partition = kNoName;
        std::int64_t timestampMs = 0;
        Letter letter;
    };
    struct Done { ///< of a partition since the last commit: offsets in [first, next)
        std::int64_t first = 0;
        std::int64_t next = 0;
    };

    static std::string labelOf(const Letter &letter)
    {
        const ByteView body = letter.value ? ByteView(*letter.value) : ByteView{};
        if (const std::optional<Stamp> stamp = readBody(body))
            return fmt::format("{}#{}", stamp->producer, stamp->sequence);
        return std::string(asText(body.first(std::min(body.size(), kLabelBytes))));
    }

    std::string note(bool ownsNothing) const
    {
        using log::TransactionStatus;
        if (m_failure == log::ErrorCode::ProducerFenced)
            return fmt::format("fenced: {}", log::errorName(m_failure));
        if (m_failure != log::ErrorCode::None)
            return fmt::format("ended: {}", log::errorName(m_failure));
        if (m_connections.areLost())
            return "connection lost";
        if (m_guarantee == Guarantee::ExactlyOnce && !m_isSubscribed)
            return "waits for its producer id";
        if (!m_consumer.isMember())
            return "joining the group";
        if (m_producer.transactionStatus() == TransactionStatus::Ending)
            return m_isCommitting ? "commits its transaction" : "aborts its transaction";
        if (m_holdUntil)
            return "holds its transaction open";
        return ownsNothing ? "idle: owns nothing" : "";
    }

    /// The application's loop, as far as it gets without waiting.
    void step(ActorContext &context)
    {
        takeDeliveries();
        while (!context.out.crashed && !context.out.finished && advance(context))
            takeDeliveries();
        for (log::ClientEffect &effect : m_produced) {
            if (auto *send = std::get_if<log::SendRequest>(&effect))
                send->id = RequestId{send->id.value() + kProducerRequests};
            m_effects.push_back(std::move(effect));
        }
        m_produced.clear();
        handOver(m_effects, context.out);
    }

    void takeDeliveries()
    {
        m_deliveries.clear();
        m_producer.takeDeliveries(m_deliveries);
        for (const log::Delivery &delivery : m_deliveries) {
            if (delivery.error == log::ErrorCode::None)
                m_confirmed += static_cast<std::uint64_t>(delivery.recordCount);
            else
                m_isLost = true; // what was read for them has no result
        }
    }

    /// Does one thing that can be done now; false when it has to wait.
    bool advance(ActorContext &context)
    {
        if (m_guarantee == Guarantee::ExactlyOnce && !tendTransaction(context))
            return false;
        if (!m_isSubscribed) {
            m_isSubscribed = true;
            m_consumer.start(context.base, m_effects);
        }
        if (m_workEnds) {
            if (context.base.now < *m_workEnds)
                return waitUntil(*m_workEnds, context);
            m_workEnds.reset();
            endWork(context);
            return true;
        }
        if (isRoundOver())
            return endRound(context);
        if (!m_held.empty()) {
            const Letter &letter = m_held.front().letter;
            const std::size_t bytes =
                (letter.key ? letter.key->size() : 0) + (letter.value ? letter.value->size() : 0);
            if (!m_producer.canTake(bytes, context.base, m_produced))
                return false; // until the next answer
            if (m_producer.transactionStatus() == log::TransactionStatus::Ready)
                m_producer.beginTransaction(context.base);
            m_workEnds = context.base.now + draw(m_command.processing, context.base.random);
            return true;
        }
        if (m_stopping && isSending(context))
            return false;
        if (m_stopping)
            return leave(context);
        return poll(context);
    }

    bool waitUntil(Instant when, ActorContext &context)
    {
        context.out.wake(when);
        return false;
    }

    bool leave(ActorContext &context)
    {
        if (m_isSubscribed)
            m_consumer.close(context.base, m_effects);
        context.out.finished = true;
        return false;
    }

    /// False while the application has to wait for its transaction, or has ended with it.
    bool tendTransaction(ActorContext &context)
    {
        using log::TransactionStatus;
        switch (m_producer.transactionStatus()) {
        case TransactionStatus::Uninitialized:
            if (m_stopping)
                leave(context);
            return false;
        case TransactionStatus::Ending:
            return false;
        case TransactionStatus::FatalError:
            m_failure = m_producer.transactionError();
            forgetRound();
            return leave(context);
        case TransactionStatus::AbortableError:
            abort(context);
            return true;
        case TransactionStatus::Ready:
            if (std::exchange(m_isCommitting, false)) {
                ++m_committed;
                for (const auto &[partition, done] : m_done)
                    m_committedTo[partition] = done.next;
                m_done.clear();
                m_doneRecords = 0;
            }
            // What an abort dropped is told late: it is no failure of what comes now.
            if (m_done.empty())
                m_isLost = false;
            return true;
        case TransactionStatus::InTransaction:
            return true;
        }
        return true;
    }

    /// False when nothing was there.
    bool poll(ActorContext &context)
    {
        m_lastPoll = context.base.now;
        const auto &runs = m_consumer.poll(context.base, m_effects,
            [&](const log::TopicPartition &partition, const log::RecordView &record) {
                ++m_received;
                if (m_held.empty() || m_held.back().letter.partition != partition)
                    m_lastPartition = context.base.trace.name(partition.name());
                m_held.push_back({m_lastPartition, record.timestamp, Letter(partition, record)});
            });
        if (runs.empty())
            return false;
        for (const log::PolledRecords &run : runs) {
            // A partition that was lost and came back: what was read of it before may be somebody
            // else's.
            const auto done = m_done.find(run.partition);
            if (done != m_done.end() && run.firstOffset < done->second.next)
                m_isLost = true;
        }
        if (m_guarantee == Guarantee::AtMostOnce)
            m_consumer.commit(context.base, m_effects);
        return true;
    }

    void endWork(ActorContext &context)
    {
        Random &random = context.base.random;
        if (m_command.crashChance > 0 && random.chance(m_command.crashChance)) {
            context.out.crashed = true;
            return;
        }
        const bool hasFailed = m_command.failChance > 0 && random.chance(m_command.failChance);
        if (hasFailed) {
            ++m_failed;
            if (m_guarantee == Guarantee::AtMostOnce)
                m_held.pop_front();
            else if (m_guarantee == Guarantee::ExactlyOnce)
                abort(context);
            else
                rewind();
            return;
        }
        const Letter &letter = m_held.front().letter;
        const auto view = [](const std::optional<Bytes> &bytes) {
            return bytes ? std::optional<ByteView>(*bytes) : std::nullopt;
        };
        m_headers.clear();
        for (const auto &[name, value] : letter.headers)
            m_headers.push_back({name, view(value)});
        m_producer.send(m_command.to, std::nullopt, m_held.front().timestampMs, view(letter.key),
            view(letter.value), context.base, m_produced, m_headers);
        ++m_sent;
        ++m_handled;
        if (m_guarantee != Guarantee::AtMostOnce) {
            const auto done =
                m_done.try_emplace(letter.partition, Done{letter.offset, letter.offset}).first;
            done->second.next = letter.offset + 1;
            ++m_doneRecords;
        }
        m_held.pop_front();
    }

    /// Whether what was done is to be committed now: a transaction is full, or there is nothing
    /// more to do.
    bool isRoundOver() const
    {
        if (m_doneRecords == 0)
            return false;
        if (m_guarantee == Guarantee::ExactlyOnce
            && m_doneRecords >= m_command.transaction.records.value_or(kDefaultTransactionRecords))
            return true;
        return m_held.empty()
            && (m_stopping || m_guarantee == Guarantee::AtLeastOnce || !m_consumer.hasRecords());
    }

    bool endRound(ActorContext &context)
    {
        if (m_guarantee == Guarantee::AtLeastOnce) {
            if (isSending(context))
                return false;
            if (m_isLost) {
                rewind();
            } else {
                m_consumer.commit(context.base, m_effects);
                forgetRound();
            }
            return true;
        }
        if (!m_holdUntil)
            m_holdUntil = context.base.now + m_command.transaction.hold;
        if (context.base.now < *m_holdUntil)
            return waitUntil(*m_holdUntil, context);
        m_holdUntil.reset();
        const double chance = m_command.transaction.abortChance;
        if (hasLostPartition() || (chance > 0 && context.base.random.chance(chance))) {
            abort(context);
            return true;
        }
        std::vector<std::pair<log::TopicPartition, std::int64_t>> offsets;
        for (const auto &[partition, done] : m_done)
            offsets.emplace_back(partition, done.next);
        m_producer.sendOffsets(offsets, m_consumer.groupMetadata(), context.base, m_produced);
        m_producer.commitTransaction(context.base, m_produced);
        m_isCommitting = true;
        return true;
    }

    /// Whether results are on their way; none waits for linger.
    bool isSending(ActorContext &context)
    {
        m_producer.flush(context.base, m_produced);
        takeDeliveries();
        const log::Producer::Status status = m_producer.status();
        return status.bufferedRecords > 0 || status.inFlightRecords > 0;
    }

    void abort(ActorContext &context)
    {
        ++m_aborted;
        m_isCommitting = false;
        m_producer.abortTransaction(context.base, m_produced);
        rewind();
    }

    /// Whether a partition with work in this transaction has been somebody else's meanwhile: then
    /// its offsets are not this member's to commit.
    bool hasLostPartition() const
    {
        if (m_isLost)
            return true;
        const std::vector<log::Consumer::Position> positions = m_consumer.positions();
        if (m_consumer.generation() < 0)
            return true; // the group has dropped it
        return std::ranges::any_of(m_done, [&](const auto &entry) {
            const auto &[partition, done] = entry;
            const auto owned =
                std::ranges::find(positions, partition, &log::Consumer::Position::partition);
            return owned == positions.end() || owned->position < done.next
                || owned->committed > done.first;
        });
    }

    /// Reads again what was read and not committed. A partition that came back after it was lost
    /// begins where its group had committed meanwhile.
    void rewind()
    {
        std::map<log::TopicPartition, std::int64_t> firsts;
        for (const auto &[partition, done] : m_done)
            firsts.emplace(partition, done.first);
        for (const Held &held : m_held)
            firsts.emplace(held.letter.partition, held.letter.offset);
        for (const log::Consumer::Position &owned : m_consumer.positions()) {
            const auto first = firsts.find(owned.partition);
            if (first == firsts.end())
                continue;
            const std::int64_t offset = std::max(first->second, owned.committed);
            if (owned.position > offset)
                m_consumer.giveBack(owned.partition, offset);
        }
        forgetRound();
    }

    void forgetRound()
    {
        m_held.clear();
        m_workEnds.reset();
        m_holdUntil.reset();
        m_done.clear();
        m_doneRecords = 0;
        m_isLost = false;
    }

    AddTransformer m_command;
    Guarantee m_guarantee;
    log::Consumer m_consumer;
    log::Producer m_producer;
    bool m_isSubscribed = false; // the consumer has started
    bool m_stopping = false;
    Connections m_connections;
    log::ErrorCode m_failure = log::ErrorCode::None; // that ended it

    // A round: what is read, worked on and committed together.
    std::deque<Held> m_held; // in order
    std::optional<Instant> m_workEnds; // of m_held.front()
    std::map<log::TopicPartition, Done> m_done;
    std::int32_t m_doneRecords = 0;
    bool m_isLost = false; // it cannot be committed
    std::optional<Instant> m_holdUntil;
    bool m_isCommitting = false; // its transaction
    std::map<log::TopicPartition, std::int64_t> m_committedTo; // by its transactions

    Instant m_lastPoll{};
    std::uint64_t m_received = 0;
    std::uint64_t m_handled = 0;
    std::uint64_t m_failed = 0;
    std::uint64_t m_sent = 0;
    std::uint64_t m_confirmed = 0;
    std::uint64_t m_committed = 0;
    std::uint64_t m_aborted = 0;
    // Reused.
    NameId m_lastPartition = kNoName;
    std::vector<log::BatchBuilder::Header> m_headers;
    std::vector<log::Delivery> m_deliveries;
    log::ClientEffects m_effects; // the consumer's
    log::ClientEffects m_produced; // the producer's
};

} // namespace

std::unique_ptr<Actor> makeTransformer(
    const AddTransformer &command, const std::string &name, const std::vector<NodeId> &bootstrap)
{
    return std::make_unique<TransformerActor>(command, name, configsOf(command, name, bootstrap));
}

} // namespace queuelab::world
