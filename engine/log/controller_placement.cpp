#include "engine/log/controller_placement.h"

#include "engine/core/result.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

std::size_t randomIndex(std::size_t size, Random &random)
{
    return size == 0 ? 0 : static_cast<std::size_t>(random.below(size));
}

void shuffle(std::vector<std::int32_t> &brokers, Random &random)
{
    for (std::size_t size = brokers.size(); size > 1; --size)
        std::swap(brokers[size - 1], brokers[randomIndex(size, random)]);
}

} // namespace

ReplicaPlacer::ReplicaPlacer(
    const ClusterImage &image, std::span<const PartitionImage> existing, Random &random)
    : m_random(random)
{
    for (const auto &[id, broker] : image.brokers()) {
        // Fencing ends a controlled shutdown: the broker has stopped, and may come back.
        if (broker.fenced || !broker.inControlledShutdown)
            (broker.fenced ? m_fenced : m_unfenced).push_back(id);
    }
    m_fencedStart = randomIndex(m_fenced.size(), random);
    const auto last = existing.empty()
        ? m_unfenced.end()
        : std::ranges::find(m_unfenced, existing.back().replicas.front());
    m_unfencedStart = last == m_unfenced.end()
        ? randomIndex(m_unfenced.size(), random)
        : static_cast<std::size_t>(last - m_unfenced.begin() + 1) % m_unfenced.size();
}

std::vector<std::int32_t> ReplicaPlacer::place(std::int16_t replicationFactor)
{
    const auto count = static_cast<std::size_t>(replicationFactor);
    invariant(count >= 1 && count <= usableBrokers() && !m_unfenced.empty(),
        "replicas are placed where there are enough brokers");
    if (m_placed == m_unfenced.size() && m_unfenced.size() > 1) {
        shuffle(m_fenced, m_random);
        shuffle(m_unfenced, m_random);
        m_placed = 0;
    }
    std::vector<std::int32_t> replicas;
    const auto take = [&](const std::vector<std::int32_t> &brokers, std::size_t start) {
        for (std::size_t i = 0; i < brokers.size() && replicas.size() < count; ++i)
            replicas.push_back(brokers[(start + i) % brokers.size()]);
    };
    take(m_unfenced, m_unfencedStart);
    take(m_fenced, m_fencedStart);
    m_unfencedStart = (m_unfencedStart + 1) % m_unfenced.size();
    if (!m_fenced.empty())
        m_fencedStart = (m_fencedStart + 1) % m_fenced.size();
    ++m_placed;
    return replicas;
}

} // namespace queuelab::log
