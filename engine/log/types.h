#pragma once

#include "engine/core/ids.h"

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace queuelab::log {

/// The place of a record in its partition, from 0.
using Offset = StrongId<struct OffsetTag, std::int64_t>;

struct TopicPartition {
    std::string topic;
    std::int32_t partition = 0;
    /// "orders-3", as Kafka names the partition's directory.
    std::string name() const { return topic + "-" + std::to_string(partition); }
    friend auto operator<=>(const TopicPartition &, const TopicPartition &) = default;
};

/// Kafka's error codes, as on the wire (facts: kafka.md 2.6). Only those that some code here raises
/// or understands.
enum class ErrorCode : std::int16_t {
    UnknownServerError = -1,
    None = 0,
    OffsetOutOfRange = 1,
    CorruptMessage = 2,
    UnknownTopicOrPartition = 3,
    LeaderNotAvailable = 5,
    NotLeaderOrFollower = 6,
    RequestTimedOut = 7,
    MessageTooLarge = 10,
    OffsetMetadataTooLarge = 12,
    NetworkException = 13,
    CoordinatorLoadInProgress = 14,
    CoordinatorNotAvailable = 15,
    NotCoordinator = 16,
    InvalidTopicException = 17,
    RecordListTooLarge = 18,
    NotEnoughReplicas = 19,
    NotEnoughReplicasAfterAppend = 20,
    InvalidRequiredAcks = 21,
    IllegalGeneration = 22,
    InconsistentGroupProtocol = 23,
    InvalidGroupId = 24,
    UnknownMemberId = 25,
    InvalidSessionTimeout = 26,
    RebalanceInProgress = 27,
    InvalidTimestamp = 32,
    UnsupportedVersion = 35,
    TopicAlreadyExists = 36,
    InvalidPartitions = 37,
    InvalidReplicationFactor = 38,
    InvalidConfig = 40,
    InvalidRequest = 42,
    OutOfOrderSequenceNumber = 45,
    DuplicateSequenceNumber = 46,
    InvalidProducerEpoch = 47,
    KafkaStorageError = 56,
    FencedLeaderEpoch = 74,
    UnknownLeaderEpoch = 75,
    MemberIdRequired = 79,
    GroupMaxSizeReached = 81,
    FencedInstanceId = 82,
    InvalidRecord = 87,
};

/// "UNKNOWN_TOPIC_OR_PARTITION": the name Kafka's documentation uses.
std::string_view errorName(ErrorCode code);
/// Kafka's clients try again after these.
bool isRetriable(ErrorCode code);

} // namespace queuelab::log
