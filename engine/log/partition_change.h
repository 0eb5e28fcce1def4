#pragma once

#include "engine/log/cluster_image.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <vector>

namespace queuelab::log {

/// Whether `broker` is one of the replicas in the list.
bool contains(const std::vector<std::int32_t> &brokers, std::int32_t broker);

/// How a partition finds its leader when the one it has may not lead any more.
enum class Election : std::uint8_t {
    Online, ///< from the ISR, or from the ELR when the ISR is empty
    Preferred, ///< as Online, but the first replica before the present leader
    Unclean, ///< as Online, and when that finds nobody, any replica that can lead
};

/// What a partition shall become.
struct PartitionTarget {
    std::vector<std::int32_t> isr{};
    Election election = Election::Online;
    std::int32_t uncleanShutdown = -1; ///< lost its page cache: it is not eligible any more
};

/// The rules of the cluster for it.
struct PartitionRules {
    std::int32_t minIsr = 1; ///< min.insync.replicas, at most the number of replicas
    bool eligibleLeaderReplicas = true; ///< the feature of KIP-966 is on
    std::function<bool(std::int32_t broker)> canLead{};
};

/// The change that takes `partition` to its target, with the election and the ELR that follow
/// (Kafka's PartitionChangeBuilder; facts: kafka.md 5). Nothing when nothing changes.
///
/// Elections go through the replicas in the order of the assignment. Replicas that leave the ISR
/// while it is smaller than `minIsr` stay eligible: the high watermark stands still then, so they
/// hold everything below it. An ISR that shrinks does not bump the leader epoch (metadata version
/// 3.6 and later).
std::optional<PartitionChangeRecord> partitionChange(const PartitionImage &partition,
    const TopicId &topicId, std::int32_t number, PartitionTarget target,
    const PartitionRules &rules);

} // namespace queuelab::log
