#pragma once

#include "engine/core/bytes.h"
#include "engine/core/result.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace queuelab::log {

/// What stands in the metadata log, `__cluster_metadata-0`: every change to the cluster, in the
/// order in which all brokers carry it out. Names and fields are those of Kafka's records
/// (metadata/src/main/resources/common/metadata); encoded as Kafka encodes them, so that
/// kafka-dump-log --cluster-metadata-decoder reads them.

struct RegisterBrokerRecord {
    std::int32_t brokerId = 0;
    std::uint64_t incarnation = 0;
    std::int64_t brokerEpoch = -1;
    bool fenced = true;
    bool inControlledShutdown = false;
    friend bool operator==(const RegisterBrokerRecord &, const RegisterBrokerRecord &) = default;
};
/// Fencing, unfencing, the beginning of a controlled shutdown.
struct BrokerRegistrationChangeRecord {
    std::int32_t brokerId = 0;
    std::int64_t brokerEpoch = -1;
    std::optional<bool> fenced{}; ///< nothing: no change
    bool inControlledShutdown = false; ///< true: from now on
    friend bool operator==(
        const BrokerRegistrationChangeRecord &, const BrokerRegistrationChangeRecord &) = default;
};
struct TopicRecord {
    std::string name{};
    std::array<std::uint8_t, 16> topicId{};
    friend bool operator==(const TopicRecord &, const TopicRecord &) = default;
};
/// A partition, whole.
struct PartitionRecord {
    std::array<std::uint8_t, 16> topicId{};
    std::int32_t partition = 0;
    std::vector<std::int32_t> replicas{};
    std::vector<std::int32_t> isr{};
    std::int32_t leader = -1;
    std::int32_t leaderEpoch = 0;
    std::int32_t partitionEpoch = 0;
    std::vector<std::int32_t> eligibleLeaderReplicas{};
    std::vector<std::int32_t> lastKnownElr{};
    friend bool operator==(const PartitionRecord &, const PartitionRecord &) = default;
};
/// What of a partition changes. The partition epoch goes up by one with it; the leader epoch goes
/// up by one when `leader` is set, be it to the same one.
struct PartitionChangeRecord {
    std::array<std::uint8_t, 16> topicId{};
    std::int32_t partition = 0;
    std::optional<std::vector<std::int32_t>> isr{};
    std::optional<std::int32_t> leader{}; ///< -1: none
    std::optional<std::vector<std::int32_t>> replicas{};
    std::optional<std::vector<std::int32_t>> eligibleLeaderReplicas{};
    std::optional<std::vector<std::int32_t>> lastKnownElr{};
    friend bool operator==(const PartitionChangeRecord &, const PartitionChangeRecord &) = default;
};
struct RemoveTopicRecord {
    std::array<std::uint8_t, 16> topicId{};
    friend bool operator==(const RemoveTopicRecord &, const RemoveTopicRecord &) = default;
};
/// What a setting is of; Kafka's ConfigResource.Type.
enum class ConfigResource : std::int8_t { Topic = 2, Group = 32 };
/// A setting of a topic or a group; no value: back to the default.
struct ConfigRecord {
    std::string name{}; ///< of the topic or group
    std::string key{};
    std::optional<std::string> value{};
    ConfigResource resource = ConfigResource::Topic;
    friend bool operator==(const ConfigRecord &, const ConfigRecord &) = default;
};
struct ProducerIdsRecord {
    std::int32_t brokerId = 0;
    std::int64_t brokerEpoch = -1;
    std::int64_t nextProducerId = 0; ///< the first that has not been given to any broker
    friend bool operator==(const ProducerIdsRecord &, const ProducerIdsRecord &) = default;
};

using MetadataRecord =
    std::variant<RegisterBrokerRecord, BrokerRegistrationChangeRecord, TopicRecord, PartitionRecord,
        PartitionChangeRecord, RemoveTopicRecord, ConfigRecord, ProducerIdsRecord>;

/// The value of a record: frame version 1, api key, version, then the fields (flexible encoding).
Bytes encodeMetadataRecord(const MetadataRecord &record);
/// Error names what is wrong with it; an unknown kind of record is an Error too: it may not be left
/// out.
Result<MetadataRecord, Error> decodeMetadataRecord(ByteView value);

} // namespace queuelab::log
