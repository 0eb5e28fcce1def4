#pragma once

#include "engine/log/consumer.h"
#include "engine/world/actor.h"
#include "engine/world/actors/dead_letters.h"
#include "engine/world/actors/log_client.h"

#include <string>
#include <utility>
#include <vector>

namespace queuelab::world {

/// What applications have in common that read from the log and may pass records on: a consumer and
/// a forwarder on the same connections. Whatever happens goes to the one it is for; then step()
/// does what can be done now.
class ConsumingActor : public Actor {
public:
    void start(ActorContext &context) final
    {
        m_stopping = false;
        forget();
        m_consumer.start(context.base, m_effects);
        run(context);
    }
    void wake(ActorContext &context) final
    {
        m_consumer.wake(context.base, m_effects);
        m_forwarder.wake(context.base);
        run(context);
    }
    void receive(RequestId id, const log::Response &response, ActorContext &context) final
    {
        m_connections.answered();
        if (Forwarder::owns(id))
            m_forwarder.receive(id, response, context.base);
        else
            m_consumer.apply(id, response, context.base, m_effects);
        run(context);
    }
    void connectionLost(NodeId broker, ActorContext &context) final
    {
        m_connections.lost(broker);
        m_consumer.connectionLost(broker, context.base, m_effects);
        m_forwarder.connectionLost(broker, context.base);
        run(context);
    }
    void stop(ActorContext &context) final
    {
        m_stopping = true;
        run(context);
    }
    void crash() final
    {
        m_consumer.crash();
        m_forwarder.crash();
        m_effects.clear();
        forget();
    }

protected:
    ConsumingActor(
        const std::string &name, log::ConsumerConfig config, const std::vector<NodeId> &bootstrap)
        : m_consumer(name, std::move(config))
        , m_forwarder(name, m_consumer.config().bootstrapServers)
        , m_connections(bootstrap.size())
    {
    }

    /// The application's loop, as far as it gets without waiting.
    virtual void step(ActorContext &context) = 0;
    /// The application's own memory: each life begins without.
    virtual void forget() = 0;

    /// One step, and what the clients want done on account of it.
    void run(ActorContext &context)
    {
        step(context);
        m_forwarder.handOver(m_effects);
        handOver(m_effects, context.out);
    }

    log::Consumer m_consumer;
    Forwarder m_forwarder;
    Connections m_connections; // to the brokers of the bootstrap list
    bool m_stopping = false; // it leaves when it has finished what it holds
    log::ClientEffects m_effects; // reused
};

} // namespace queuelab::world
