#pragma once

#include "engine/log/metadata_record.h"
#include "engine/log/types.h"

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::log {

using TopicId = std::array<std::uint8_t, 16>;
/// 22 characters of URL-safe base64 without padding, as in partition.metadata.
std::string topicIdText(const TopicId &id);

struct BrokerImage {
    std::uint64_t incarnation = 0;
    std::int64_t epoch = -1;
    bool fenced = true;
    bool inControlledShutdown = false;
    /// May lead and be in an ISR.
    bool isActive() const { return !fenced && !inControlledShutdown; }
    friend bool operator==(const BrokerImage &, const BrokerImage &) = default;
};
struct PartitionImage {
    std::vector<std::int32_t> replicas{}; ///< the preferred leader first
    std::vector<std::int32_t> isr{};
    std::int32_t leader = -1; ///< -1: offline
    std::int32_t leaderEpoch = 0;
    std::int32_t partitionEpoch = 0;
    std::vector<std::int32_t>
        eligibleLeaderReplicas{}; ///< not in the ISR, but hold all below the HW
    std::vector<std::int32_t> lastKnownElr{};
    friend bool operator==(const PartitionImage &, const PartitionImage &) = default;
};
struct TopicImage {
    std::string name{};
    TopicId id{};
    std::map<std::string, std::string> configs{}; ///< those that are set
    std::vector<PartitionImage> partitions{};
    friend bool operator==(const TopicImage &, const TopicImage &) = default;
};

/// The cluster as a prefix of the metadata log describes it. A value; the same records give the
/// same image on every broker.
class ClusterImage {
public:
    /// Carries out one record, the one after the last. A record that does not fit (a partition of a
    /// topic that is not there) breaks an invariant: the log is then not ours.
    void apply(const MetadataRecord &record);

    const std::map<std::int32_t, BrokerImage> &brokers() const { return m_brokers; }
    const BrokerImage *broker(std::int32_t id) const;
    const std::map<std::string, TopicImage, std::less<>> &topics() const { return m_topics; }
    const TopicImage *topic(std::string_view name) const;
    const TopicImage *topic(const TopicId &id) const;
    const PartitionImage *partition(const TopicPartition &partition) const;
    /// The settings of a group that were set (group_config.h); nullptr when none was. The group
    /// need not exist.
    const std::map<std::string, std::string> *groupConfigs(std::string_view group) const;
    std::int64_t nextProducerId() const { return m_nextProducerId; }

    friend bool operator==(const ClusterImage &, const ClusterImage &) = default;

private:
    void carryOut(const RegisterBrokerRecord &record);
    void carryOut(const BrokerRegistrationChangeRecord &record);
    void carryOut(const TopicRecord &record);
    void carryOut(const PartitionRecord &record);
    void carryOut(const PartitionChangeRecord &record);
    void carryOut(const RemoveTopicRecord &record);
    void carryOut(const ConfigRecord &record);
    void carryOut(const ProducerIdsRecord &record);
    TopicImage &topicOf(const TopicId &id);

    std::map<std::int32_t, BrokerImage> m_brokers{};
    std::map<std::string, TopicImage, std::less<>> m_topics{};
    std::map<TopicId, std::string> m_names{};
    std::map<std::string, std::map<std::string, std::string>, std::less<>> m_groupConfigs{};
    std::int64_t m_nextProducerId = 0;
};

} // namespace queuelab::log
