#pragma once

#include "engine/core/bytes.h"
#include "engine/log/modern_group.h"
#include "engine/log/types.h"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace queuelab::log {

// The records of __consumer_offsets, byte for byte (facts: kafka.md 3.6). A record without a value
// (a tombstone) deletes what its key names.

/// Topics of the brokers themselves, which clients may not write to: __consumer_offsets,
/// __transaction_state, __share_group_state.
bool isInternalTopic(std::string_view name);

inline constexpr std::string_view kOffsetsTopic = "__consumer_offsets";
inline constexpr std::string_view kShareStateTopic = "__share_group_state";
inline constexpr std::int32_t kOffsetsPartitions = 50; ///< offsets.topic.num.partitions

/// The partition of __consumer_offsets that keeps a group, of __transaction_state that keeps a
/// transactional id, and so on: abs(String.hashCode) % partitions, where
/// abs(INT_MIN) is 0.
std::int32_t offsetsPartitionFor(
    std::string_view group, std::int32_t partitions = kOffsetsPartitions);

/// A group's place in one partition, as it was committed.
struct Commit {
    std::int64_t offset = -1; ///< the next one to read
    std::int32_t leaderEpoch = -1;
    std::string metadata{};
    std::int64_t timestampMs = 0; ///< when it was committed
    std::int64_t expireTimestampMs = -1; ///< clients before 2.1 could say when; -1 they did not
    friend bool operator==(const Commit &, const Commit &) = default;
};
/// Record type 1 (0 from very old brokers).
struct OffsetKey {
    std::string group;
    TopicPartition partition;
    friend bool operator==(const OffsetKey &, const OffsetKey &) = default;
};

/// A group of one generation: what a coordinator must know to take it over.
struct GroupMetadata {
    struct Member {
        std::string memberId{};
        std::optional<std::string> groupInstanceId{};
        std::string clientId{};
        std::string clientHost{};
        std::int32_t rebalanceTimeoutMs = -1; ///< -1: as its session timeout (version 0)
        std::int32_t sessionTimeoutMs = 0;
        SharedBytes subscription; ///< its metadata for the protocol in use
        SharedBytes assignment;
        friend bool operator==(const Member &, const Member &) = default;
    };
    std::string protocolType{}; ///< empty: no member has ever completed a round
    std::int32_t generation = 0;
    std::optional<std::string> protocol{};
    std::optional<std::string> leader{};
    std::int64_t stateTimestampMs = -1; ///< when it came into its state; -1 not known
    std::vector<Member> members{};
    friend bool operator==(const GroupMetadata &, const GroupMetadata &) = default;
};
/// Record type 2.
struct GroupKey {
    std::string group;
    friend bool operator==(const GroupKey &, const GroupKey &) = default;
};

/// Record types 3 to 8 of consumer groups (KIP-848) and 10 to 15 of share groups (KIP-932). Their
/// values: modern_group_records.h.
struct ModernKey {
    GroupType type = GroupType::Consumer;
    std::string group;
    ModernRecordKey key{};
    friend bool operator==(const ModernKey &, const ModernKey &) = default;
};

/// A type that is not known here, such as those of streams groups, or not written any more (4:
/// Kafka 4.1 has a hash in its place).
struct OtherKey {
    std::int16_t type = -1;
    friend bool operator==(const OtherKey &, const OtherKey &) = default;
};
using GroupRecordKey = std::variant<OffsetKey, GroupKey, ModernKey, OtherKey>;

Bytes encodeKey(const OffsetKey &key);
Bytes encodeKey(const GroupKey &key);
Bytes encodeKey(const ModernKey &key);
/// Nothing when it is malformed.
std::optional<GroupRecordKey> decodeGroupRecordKey(ByteView bytes);

/// Version 4, as Kafka writes it since 4.1; version 1 when there is an expiry.
Bytes encodeValue(const Commit &commit);
/// Versions 0 to 4; nothing when it is malformed or newer.
std::optional<Commit> decodeCommit(ByteView bytes);

/// Version 3: the newest that older brokers can read too, which is what Kafka writes (KIP-915).
Bytes encodeValue(const GroupMetadata &metadata);
/// Versions 0 to 4; nothing when it is malformed or newer.
std::optional<GroupMetadata> decodeGroupMetadata(ByteView bytes);

} // namespace queuelab::log
