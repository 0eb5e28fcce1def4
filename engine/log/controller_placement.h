#pragma once

#include "engine/core/random.h"
#include "engine/log/cluster_image.h"

#include <cstdint>
#include <span>
#include <vector>

namespace queuelab::log {

/// Places the replicas of new partitions: Kafka's StripedReplicaPlacer with all brokers in one
/// rack. Replicas are consecutive in the list of brokers, each partition starts one further, so
/// leaders are spread; after a round the list is shuffled, so that not the same brokers always
/// follow each other. Fenced brokers come after all others and never first.
class ReplicaPlacer {
public:
    /// `existing` are the topic's partitions so far: the new ones go on where the last one stands.
    ReplicaPlacer(
        const ClusterImage &image, std::span<const PartitionImage> existing, Random &random);

    /// Brokers that can hold a replica: registered and not shutting down.
    std::size_t usableBrokers() const { return m_unfenced.size() + m_fenced.size(); }
    std::size_t unfencedBrokers() const { return m_unfenced.size(); }
    /// The next partition's replicas, the preferred leader first. Needs 1 <= `replicationFactor` <=
    /// usableBrokers() and one unfenced broker.
    std::vector<std::int32_t> place(std::int16_t replicationFactor);

private:
    std::vector<std::int32_t> m_unfenced;
    std::vector<std::int32_t> m_fenced;
    std::size_t m_unfencedStart = 0;
    std::size_t m_fencedStart = 0;
    std::size_t m_placed = 0; ///< in this round
    Random &m_random;
};

} // namespace queuelab::log
