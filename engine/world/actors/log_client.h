#pragma once

#include "engine/log/client.h"
#include "engine/log/consumer.h"
#include "engine/log/producer.h"
#include "engine/world/actor.h"

#include <set>

namespace queuelab::world {

/// Whether a client of the log can reach any broker at all, for what it says about itself: lost is
/// only who has lost all of them and heard from none since. A value.
class Connections {
public:
    explicit Connections(std::size_t brokers)
        : m_brokers(brokers)
    {
    }
    void answered() { m_lost.clear(); }
    void lost(NodeId broker) { m_lost.insert(broker); }
    bool areLost() const { return m_lost.size() >= m_brokers; }

private:
    std::size_t m_brokers;
    std::set<NodeId> m_lost;
};

/// Where a consumer stands in its partitions and what it is allowed to see of them, for a snapshot.
inline void describePositions(const log::Consumer &consumer, ClientSnapshot &out)
{
    out.isolationLevel = consumer.config().isolationLevel == log::IsolationLevel::ReadCommitted
        ? "read_committed"
        : "read_uncommitted";
    for (const log::Consumer::Position &position : consumer.positions()) {
        out.positions.push_back({position.partition.name(), position.partition.topic,
            position.partition.partition, position.position, position.committed, position.fetched});
    }
}

/// Who a transactional producer takes itself for, for a snapshot; nothing of any other.
inline void describeTransactions(const log::Producer &producer, ClientSnapshot &out)
{
    const std::optional<std::string> &transactionalId = producer.config().transactionalId;
    if (!transactionalId)
        return;
    out.transactionalId = *transactionalId;
    out.producerId = producer.producerId();
    out.producerEpoch = producer.producerEpoch();
    out.transactionStatus = producer.transactionStatus();
    out.transactionError = producer.transactionError();
}

/// Hands what a log client wants done over to the world, in order, and empties `effects`.
inline void handOver(log::ClientEffects &effects, Outbox &out)
{
    for (log::ClientEffect &effect : effects) {
        if (auto *send = std::get_if<log::SendRequest>(&effect))
            out.messages.emplace_back(
                Outbox::ToLog{send->broker, send->id, std::move(send->request)});
        else if (const auto *wake = std::get_if<log::WakeClientAt>(&effect))
            out.wake(wake->at);
    }
    effects.clear();
}

} // namespace queuelab::world
