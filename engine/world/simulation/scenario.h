#pragma once

#include "engine/core/random.h"
#include "engine/world/command.h"
#include "engine/world/world.h"

#include <string>
#include <vector>

namespace queuelab::world::simulation {

/// A topic of a simulated cluster, with what Kafka promises for it.
struct SimulatedTopic {
    std::string name;
    std::int32_t partitions = 1;
    std::int32_t replicationFactor = 1;
    std::int32_t minInsyncReplicas = 1;
    bool uncleanElection = false;
    bool isCompacted = false;
    /// What is committed is on two brokers at least, and only those may lead: nothing committed is
    /// lost while one broker at a time fails for good.
    bool isSafe() const
    {
        return replicationFactor >= 2 && minInsyncReplicas >= 2 && !uncleanElection;
    }
};
struct SimulatedProducer {
    std::string name;
    std::string topic;
    std::int16_t acks = -1;
    bool idempotent = false;
    std::int32_t maxInFlight = 5;
    bool isTransactional = false; ///< its transactional id is its name
};
struct SimulatedGroup {
    std::string name;
    std::string topic;
    std::vector<std::string> members;
    bool readsCommitted = false;
    bool sharesOutServerSide = false; ///< group.protocol=consumer
};
/// Applications that read one topic and write each record to another, each in transactions with the
/// offsets it has read.
struct SimulatedTransformers {
    std::string group;
    std::string from;
    std::string to;
    std::vector<std::string> members;
    bool sharesOutServerSide = false; ///< group.protocol=consumer
};
struct SimulatedShareGroup {
    std::string name;
    std::string topic;
    std::vector<std::string> members;
    std::int16_t deliveryCountLimit = 5;
};

/// What one seed draws before its faults: a cluster, topics and those who write and read them.
struct Scenario {
    WorldConfig world;
    std::vector<SimulatedTopic> topics;
    std::vector<SimulatedProducer> producers;
    std::vector<SimulatedGroup> groups;
    std::vector<SimulatedTransformers> transformers;
    std::vector<SimulatedShareGroup> shareGroups;
    std::vector<Command> commands; ///< that set it up, at the start

    const SimulatedTopic &topic(std::string_view name) const;
    const SimulatedProducer *producer(std::string_view name) const;
    /// The transformers that write to this topic; nullptr: none do.
    const SimulatedTransformers *transformersTo(std::string_view topic) const;
    /// Whether this client reads only what is committed.
    bool readsCommitted(std::string_view client) const;
    /// "3 brokers; orders: 4 partitions, replication factor 3, ...": the options of this seed.
    std::string text() const;
};

/// Timeouts are shortened against Kafka's defaults, so that a minute holds many elections and
/// rebalances.
Scenario drawScenario(std::uint64_t seed);

} // namespace queuelab::world::simulation
