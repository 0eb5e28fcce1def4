#include "engine/log/cluster_image.h"

#include "engine/core/result.h"

#include <string_view>

namespace queuelab::log {

namespace {

constexpr std::string_view kTopicIsThere = "a metadata record speaks of a topic that is there";
constexpr std::string_view kBrokerIsThere =
    "a metadata record speaks of a registration that is there";

void set(std::map<std::string, std::string> &configs, const ConfigRecord &record)
{
    if (record.value)
        configs[record.key] = *record.value;
    else
        configs.erase(record.key);
}

} // namespace

std::string topicIdText(const TopicId &id)
{
    constexpr std::string_view kAlphabet =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    std::string text;
    std::uint32_t bits = 0;
    int count = 0;
    for (const std::uint8_t byte : id) {
        bits = bits << 8 | byte;
        for (count += 8; count >= 6; count -= 6)
            text += kAlphabet[bits >> (count - 6) & 0x3f];
    }
    text += kAlphabet[bits << (6 - count) & 0x3f];
    return text;
}

void ClusterImage::apply(const MetadataRecord &record)
{
    std::visit([this](const auto &one) { carryOut(one); }, record);
}

void ClusterImage::carryOut(const RegisterBrokerRecord &record)
{
    m_brokers[record.brokerId] = {.incarnation = record.incarnation,
        .epoch = record.brokerEpoch,
        .fenced = record.fenced,
        .inControlledShutdown = record.inControlledShutdown};
}

void ClusterImage::carryOut(const BrokerRegistrationChangeRecord &record)
{
    const auto found = m_brokers.find(record.brokerId);
    invariant(
        found != m_brokers.end() && found->second.epoch == record.brokerEpoch, kBrokerIsThere);
    if (record.fenced)
        found->second.fenced = *record.fenced;
    if (record.inControlledShutdown)
        found->second.inControlledShutdown = true;
}

void ClusterImage::carryOut(const TopicRecord &record)
{
    const bool isNew = m_names.emplace(record.topicId, record.name).second
        && m_topics.emplace(record.name, TopicImage{.name = record.name, .id = record.topicId})
               .second;
    invariant(isNew, "a topic is created with a name and an id that no other has");
}

void ClusterImage::carryOut(const PartitionRecord &record)
{
    TopicImage &topic = topicOf(record.topicId);
    invariant(record.partition == static_cast<std::int32_t>(topic.partitions.size()),
        "partitions are created in the order of their numbers");
    topic.partitions.push_back({.replicas = record.replicas,
        .isr = record.isr,
        .leader = record.leader,
        .leaderEpoch = record.leaderEpoch,
        .partitionEpoch = record.partitionEpoch,
        .eligibleLeaderReplicas = record.eligibleLeaderReplicas,
        .lastKnownElr = record.lastKnownElr});
}

void ClusterImage::carryOut(const PartitionChangeRecord &record)
{
    TopicImage &topic = topicOf(record.topicId);
    invariant(record.partition >= 0
            && record.partition < static_cast<std::int32_t>(topic.partitions.size()),
        "a metadata record changes a partition that is there");
    PartitionImage &partition = topic.partitions[static_cast<std::size_t>(record.partition)];
    if (record.replicas)
        partition.replicas = *record.replicas;
    if (record.isr)
        partition.isr = *record.isr;
    if (record.eligibleLeaderReplicas)
        partition.eligibleLeaderReplicas = *record.eligibleLeaderReplicas;
    if (record.lastKnownElr)
        partition.lastKnownElr = *record.lastKnownElr;
    if (record.leader) {
        partition.leader = *record.leader;
        ++partition.leaderEpoch;
    }
    ++partition.partitionEpoch;
}

void ClusterImage::carryOut(const RemoveTopicRecord &record)
{
    const auto found = m_names.find(record.topicId);
    invariant(found != m_names.end(), kTopicIsThere);
    m_topics.erase(found->second);
    m_names.erase(found);
}

void ClusterImage::carryOut(const ConfigRecord &record)
{
    if (record.resource == ConfigResource::Group) {
        std::map<std::string, std::string> &configs = m_groupConfigs[record.name];
        set(configs, record);
        if (configs.empty())
            m_groupConfigs.erase(record.name);
        return;
    }
    const auto found = m_topics.find(record.name);
    invariant(found != m_topics.end(), kTopicIsThere);
    set(found->second.configs, record);
}

void ClusterImage::carryOut(const ProducerIdsRecord &record)
{
    invariant(record.nextProducerId > m_nextProducerId, "producer ids are given out once");
    m_nextProducerId = record.nextProducerId;
}

TopicImage &ClusterImage::topicOf(const TopicId &id)
{
    const auto name = m_names.find(id);
    invariant(name != m_names.end(), kTopicIsThere);
    return m_topics.find(name->second)->second;
}

const BrokerImage *ClusterImage::broker(std::int32_t id) const
{
    const auto found = m_brokers.find(id);
    return found == m_brokers.end() ? nullptr : &found->second;
}

const TopicImage *ClusterImage::topic(std::string_view name) const
{
    const auto found = m_topics.find(name);
    return found == m_topics.end() ? nullptr : &found->second;
}

const TopicImage *ClusterImage::topic(const TopicId &id) const
{
    const auto found = m_names.find(id);
    return found == m_names.end() ? nullptr : topic(found->second);
}

const std::map<std::string, std::string> *ClusterImage::groupConfigs(std::string_view group) const
{
    const auto found = m_groupConfigs.find(group);
    return found == m_groupConfigs.end() ? nullptr : &found->second;
}

const PartitionImage *ClusterImage::partition(const TopicPartition &partition) const
{
    const TopicImage *found = topic(partition.topic);
    if (!found || partition.partition < 0
        || partition.partition >= static_cast<std::int32_t>(found->partitions.size()))
        return nullptr;
    return &found->partitions[static_cast<std::size_t>(partition.partition)];
}

} // namespace queuelab::log
