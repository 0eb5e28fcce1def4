#pragma once

#include "engine/core/bytes.h"
#include "engine/core/result.h"

#include <cstdint>
#include <string>
#include <vector>

namespace queuelab::log {

/// A transaction that has records in a partition, of which the log does not know yet, or still
/// remembers, how it ended.
struct PartitionTransaction {
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    std::int64_t firstOffset = 0;
    std::int64_t markerOffset = -1; ///< -1: open
    std::int64_t recordCount = 0; ///< its records in this partition
    bool committed = false; ///< when it has ended
    friend bool operator==(const PartitionTransaction &, const PartitionTransaction &) = default;
};

/// An aborted transaction, as a segment's `.txnindex` keeps it: 34 bytes (facts: kafka.md 1.5,
/// golden bytes there). It stands in the index of the segment that holds its ABORT marker.
struct AbortedTxn {
    std::int64_t producerId = -1;
    std::int64_t firstOffset = -1;
    std::int64_t lastOffset = -1; ///< of the marker
    std::int64_t lastStableOffset = -1; ///< of the log when the marker was written
    friend bool operator==(const AbortedTxn &, const AbortedTxn &) = default;
};
inline constexpr std::size_t kAbortedTxnBytes = 34;

void appendAbortedTxn(Bytes &out, const AbortedTxn &transaction);
/// Else what is wrong with them: a torn entry, a version that is not 0, offsets that go back.
Result<std::vector<AbortedTxn>, std::string> parseTransactionIndex(ByteView bytes);

} // namespace queuelab::log
