#include "engine/log/producer.h"

#include "engine/world/actor.h"
#include "engine/world/actors/log_client.h"
#include "engine/world/client_configs.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::world {

namespace {

/// A producer faster than this makes what is due in one go, so that half a million records a second
/// do not cost half a million wake-ups. Records still carry the time they were due.
constexpr Duration kQuantum = std::chrono::milliseconds{1};
constexpr std::size_t kKeyBytes = 32; // no key is longer
constexpr std::int32_t kDefaultRecords = 10; // in a transaction

log::ProducerConfig configOf(const AddProducer &command, const std::vector<NodeId> &bootstrap)
{
    log::ProducerConfig config = producerConfig(command).value_or(log::ProducerConfig{});
    if (!command.configs.contains("bootstrap.servers"))
        config.bootstrapServers = bootstrap;
    return config;
}

/// An application that writes to a topic of the log at its own rate; with a transactional id in
/// transactions of so many records.
class ProducerActor final : public Actor {
public:
    ProducerActor(
        const AddProducer &command, const std::string &name, const std::vector<NodeId> &bootstrap)
        : m_command(command)
        , m_name(name)
        , m_producer(name, configOf(command, bootstrap))
        , m_keys(command.keys)
        , m_connections(bootstrap.size())
    {
    }

    std::unique_ptr<Actor> clone() const override { return std::make_unique<ProducerActor>(*this); }

    void start(ActorContext &context) override
    {
        m_stopping = false;
        if (isTransactional()) {
            m_producer.crash(); // of an orderly end, too, nothing is left
            m_failure = log::ErrorCode::None;
            forgetTransaction();
            m_producer.initTransactions(context.base, m_effects);
        }
        m_arrivals.emplace(m_command.rate, m_command.arrival, m_command.total, context.base.now);
        step(context);
    }

    void wake(ActorContext &context) override
    {
        m_producer.wake(context.base, m_effects);
        step(context);
    }

    void receive(RequestId id, const log::Response &response, ActorContext &context) override
    {
        m_connections.answered();
        m_producer.apply(id, response, context.base, m_effects);
        step(context);
    }

    void connectionLost(NodeId broker, ActorContext &context) override
    {
        m_connections.lost(broker);
        m_producer.connectionLost(broker, context.base, m_effects);
        step(context);
    }

    void stop(ActorContext &context) override
    {
        m_stopping = true;
        m_producer.flush(context.base, m_effects);
        step(context);
    }

    void crash() override
    {
        m_producer.crash();
        m_effects.clear();
        m_deliveries.clear();
        forgetTransaction();
    }

    bool setRate(Rate rate, ActorContext &context) override
    {
        m_command.rate = rate;
        m_arrivals->setRate(rate, context.base.now);
        step(context);
        return true;
    }

    void describe(ClientSnapshot &out, const NameTable &) const override
    {
        out.target = m_command.topic;
        out.configuredRate = m_command.rate.perSecond;
        out.sent = m_sent;
        out.confirmed = m_confirmed;
        out.failed = m_failed;
        out.transactionsCommitted = m_committed;
        out.transactionsAborted = m_aborted;
        describeTransactions(m_producer, out);
        if (m_failure == log::ErrorCode::ProducerFenced)
            out.note = fmt::format("fenced: {}", log::errorName(m_failure));
        else if (m_failure != log::ErrorCode::None)
            out.note = fmt::format("ended: {}", log::errorName(m_failure));
        else if (m_connections.areLost())
            out.note = "connection lost";
        else if (m_holdUntil)
            out.note = "holds its transaction open";
        else if (m_isBlocked)
            out.note = "blocked: its buffer is full";
    }

private:
    bool isTransactional() const { return m_producer.config().transactionalId.has_value(); }
    bool hasMore() const { return !m_stopping && m_arrivals->next(); }

    void step(ActorContext &context)
    {
        if (isTransactional()) {
            while (advance(context)) { }
        } else if (hasMore()) {
            produce(context);
        }
        m_deliveries.clear();
        m_producer.takeDeliveries(m_deliveries);
        if (!isTransactional()) {
            for (const log::Delivery &delivery : m_deliveries) {
                const bool ok = delivery.error == log::ErrorCode::None;
                (ok ? m_confirmed : m_failed) += static_cast<std::uint64_t>(delivery.recordCount);
            }
        }
        handOver(m_effects, context.out);
        if (!hasMore()) {
            const log::Producer::Status status = m_producer.status();
            const bool isDone =
                m_stopping || (m_command.total != 0 && m_arrivals->made() >= m_command.total);
            if (isDone && status.bufferedRecords == 0 && status.inFlightRecords == 0)
                context.out.finished = !isTransactional() || isBetweenTransactions();
        }
    }

    bool isBetweenTransactions() const
    {
        const log::TransactionStatus status = m_producer.transactionStatus();
        return status == log::TransactionStatus::Ready
            || (m_stopping && status == log::TransactionStatus::Uninitialized);
    }

    /// Does one thing that can be done now; false when it has to wait.
    bool advance(ActorContext &context)
    {
        using log::TransactionStatus;
        switch (m_producer.transactionStatus()) {
        case TransactionStatus::Uninitialized:
        case TransactionStatus::Ending:
            return false;
        case TransactionStatus::Ready:
            if (m_inTransaction > 0)
                settle();
            if (!hasMore())
                return false;
            if (context.base.now < *m_arrivals->next()) {
                context.out.wake(*m_arrivals->next());
                return false;
            }
            m_producer.beginTransaction(context.base);
            return true;
        case TransactionStatus::InTransaction:
            if (!isFull() && hasMore())
                produce(context);
            if (m_producer.transactionStatus() == TransactionStatus::AbortableError)
                return true;
            return (isFull() || !hasMore()) && end(context);
        case TransactionStatus::AbortableError:
            abort(context);
            return true;
        case TransactionStatus::FatalError:
            m_failure = m_producer.transactionError();
            m_failed += m_inTransaction;
            forgetTransaction();
            context.out.finished = true;
            return false;
        }
        return false;
    }

    bool isFull() const
    {
        const std::int32_t wanted = m_command.transaction.records.value_or(kDefaultRecords);
        return m_inTransaction >= static_cast<std::uint64_t>(wanted);
    }

    bool end(ActorContext &context)
    {
        const Transactions &plan = m_command.transaction;
        if (!m_holdUntil)
            m_holdUntil = context.base.now + plan.hold;
        if (context.base.now < *m_holdUntil) {
            context.out.wake(*m_holdUntil);
            return false;
        }
        m_holdUntil.reset();
        if (plan.abortChance > 0 && context.base.random.chance(plan.abortChance)) {
            abort(context);
        } else {
            m_isCommitting = true;
            m_producer.commitTransaction(context.base, m_effects);
        }
        return true;
    }

    void abort(ActorContext &context)
    {
        m_holdUntil.reset();
        m_isCommitting = false;
        m_producer.abortTransaction(context.base, m_effects);
    }

    /// The transaction has ended as it was to.
    void settle()
    {
        ++(m_isCommitting ? m_committed : m_aborted);
        (m_isCommitting ? m_confirmed : m_failed) += m_inTransaction;
        forgetTransaction();
    }

    void forgetTransaction()
    {
        m_inTransaction = 0;
        m_isCommitting = false;
        m_holdUntil.reset();
    }

    void produce(ActorContext &context)
    {
        const Instant now = context.base.now;
        m_isBlocked = false;
        while (
            m_arrivals->next() && *m_arrivals->next() <= now && (!isTransactional() || maySend())) {
            const Instant due = *m_arrivals->next();
            // send() of Kafka's producer would block: the record is made as soon as there is room.
            const std::size_t mostBytes = m_command.size.high + kKeyBytes;
            m_isBlocked = !m_producer.canTake(mostBytes, context.base, m_effects);
            if (m_isBlocked)
                return;
            const std::string_view key = m_keys.pick(context.base.random);
            const std::uint64_t size = draw(m_command.size, context.base.random);
            writeBody({m_name, ++m_sequence, due - context.worldStart}, size, m_body);
            const bool isTombstone = !key.empty() && m_command.tombstoneChance > 0
                && context.base.random.chance(m_command.tombstoneChance);
            m_producer.send(m_command.topic, std::nullopt, epochMillis(due),
                key.empty() ? std::nullopt : std::optional(asBytes(key)),
                isTombstone ? std::nullopt : std::optional(asBytes(m_body)), context.base,
                m_effects);
            ++m_sent;
            if (isTransactional())
                ++m_inTransaction;
            m_arrivals->advance(context.base.random);
        }
        if (const std::optional<Instant> next = m_arrivals->next())
            context.out.wake(std::max(*next, now + kQuantum));
    }

    bool maySend() const
    {
        return !isFull() && m_producer.transactionStatus() == log::TransactionStatus::InTransaction;
    }

    AddProducer m_command;
    std::string m_name;
    log::Producer m_producer;
    std::optional<ArrivalProcess> m_arrivals; // from start() on
    KeyPicker m_keys;
    bool m_stopping = false;
    std::uint64_t m_inTransaction = 0; // records sent in it
    bool m_isCommitting = false;
    std::optional<Instant> m_holdUntil; // with all its records in it
    log::ErrorCode m_failure = log::ErrorCode::None; // that ended it
    Connections m_connections;
    bool m_isBlocked = false;
    std::uint64_t m_sequence =
        0; // goes on over restarts: no two messages of a producer are stamped alike
    std::uint64_t m_sent = 0;
    std::uint64_t m_confirmed = 0;
    std::uint64_t m_failed = 0;
    std::uint64_t m_committed = 0; // transactions
    std::uint64_t m_aborted = 0;
    // Reused.
    std::string m_body;
    log::ClientEffects m_effects;
    std::vector<log::Delivery> m_deliveries;
};

} // namespace

std::unique_ptr<Actor> makeProducer(
    const AddProducer &command, const std::string &name, const std::vector<NodeId> &bootstrap)
{
    return std::make_unique<ProducerActor>(command, name, bootstrap);
}

} // namespace queuelab::world
