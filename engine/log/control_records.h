#pragma once

#include "engine/core/bytes.h"
#include "engine/log/record_batch.h"

#include <cstdint>
#include <optional>
#include <vector>

namespace queuelab::log {

/// What a control record says: the type in its key (facts: kafka.md 1.3).
enum class ControlType : std::int16_t { Abort = 0, Commit = 1, LeaderChange = 2 };

/// The type in a control record's key; nothing when it is malformed or not known here.
std::optional<ControlType> readControlType(ByteView key);

/// A batch with the control record that ends a transaction (Abort or Commit) of a producer. The log
/// that takes it gives it offset and leader epoch.
Bytes endTransactionBatch(ControlType type, std::int64_t producerId, std::int16_t producerEpoch,
    std::int32_t coordinatorEpoch, std::int64_t timestampMs);

/// What such a batch says beside who wrote it.
struct EndTransaction {
    bool committed = false;
    std::int32_t coordinatorEpoch = -1;
    friend bool operator==(const EndTransaction &, const EndTransaction &) = default;
};
/// Of the whole batch at the front of `bytes`, whose header was read. Nothing when it is no control
/// batch, another kind of one, malformed, or one that compaction has emptied.
std::optional<EndTransaction> readEndTransaction(const BatchHeader &header, ByteView bytes);

/// The first record of an epoch in the metadata log (LeaderChangeMessage, version 0).
struct LeaderChange {
    std::int32_t leader = -1;
    std::vector<std::int32_t> voters{};
    std::vector<std::int32_t> grantingVoters{}; ///< who voted for it; ascending
};
Bytes leaderChangeBatch(const LeaderChange &change, std::int64_t timestampMs);

} // namespace queuelab::log
