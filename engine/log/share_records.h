#pragma once

#include "engine/core/bytes.h"
#include "engine/log/cluster_image.h"
#include "engine/log/requests.h"

#include <compare>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::log {

// The records of __share_group_state, byte for byte (Kafka 4.3: ShareSnapshotKey and -Value,
// ShareUpdateKey and -Value). A snapshot holds all there is to know of a share-partition, an update
// what has changed since; a snapshot's key without a value deletes the share-partition.

/// A share-partition, as the share coordinator names it.
struct ShareStateKey {
    std::string group;
    TopicId topicId{};
    std::int32_t partition = 0;
    /// "billing:4wz7aBcSQaW9xNSjAQIDBA:3": what chooses the partition of __share_group_state.
    std::string text() const;
    friend auto operator<=>(const ShareStateKey &, const ShareStateKey &) = default;
};
struct ShareSnapshotRecord {
    std::int32_t snapshotEpoch = 0; ///< how many snapshots came before
    std::int32_t stateEpoch = 0;
    std::int32_t leaderEpoch = 0;
    std::int64_t startOffset = -1; ///< -1: not known yet
    std::int64_t createTimestampMs = 0;
    std::int64_t writeTimestampMs = 0;
    std::vector<ShareStateBatch> batches{};
    friend bool operator==(const ShareSnapshotRecord &, const ShareSnapshotRecord &) = default;
};
struct ShareUpdateRecord {
    std::int32_t snapshotEpoch = 0; ///< of the snapshot it goes with
    std::int32_t leaderEpoch = 0;
    std::int64_t startOffset = -1; ///< -1: unchanged
    std::vector<ShareStateBatch> batches{};
    friend bool operator==(const ShareUpdateRecord &, const ShareUpdateRecord &) = default;
};

/// The key of a snapshot (`isUpdate` false) or of an update.
Bytes encodeShareStateKey(const ShareStateKey &key, bool isUpdate);
/// The key, and whether it is an update's; nothing when it is malformed.
std::optional<std::pair<ShareStateKey, bool>> decodeShareStateKey(ByteView bytes);
Bytes encodeValue(const ShareSnapshotRecord &record);
Bytes encodeValue(const ShareUpdateRecord &record);
/// Nothing when they are malformed or of a newer version.
std::optional<ShareSnapshotRecord> decodeShareSnapshot(ByteView bytes);
std::optional<ShareUpdateRecord> decodeShareUpdate(ByteView bytes);

} // namespace queuelab::log
