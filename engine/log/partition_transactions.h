#pragma once

#include "engine/log/transaction_index.h"

#include <cstdint>
#include <deque>
#include <map>
#include <optional>
#include <vector>

namespace queuelab::log {

/// The transactions with records in a log, by which its last stable offset is found: those that are
/// open, those whose marker other replicas may not have yet, and, to be shown, the last few that
/// are settled. A value; every change costs the logarithm of how many are open or not replicated.
class PartitionTransactions {
public:
    /// No two begin at the same offset.
    void begin(std::int64_t producerId, std::int16_t producerEpoch, std::int64_t firstOffset);
    /// More records of the open one that began at `firstOffset`.
    void count(std::int64_t firstOffset, std::int32_t records);
    /// The open one that began at `firstOffset` has its marker; markers come with rising offsets.
    PartitionTransaction end(std::int64_t firstOffset, std::int64_t markerOffset, bool committed);
    /// Markers below `highWatermark` will not be lost any more.
    void replicatedTo(std::int64_t highWatermark);

    /// First offset of the earliest open one.
    std::optional<std::int64_t> firstOpen() const;
    /// First offset of the earliest that is open or has its marker at or above `highWatermark`.
    std::optional<std::int64_t> firstUnstable(std::int64_t highWatermark) const;
    /// Open ones and those whose markers are remembered, by first offset, the newest `most`.
    std::vector<PartitionTransaction> newest(std::size_t most) const;

private:
    static constexpr std::size_t kSettledKept = 32;

    std::map<std::int64_t, PartitionTransaction> m_open; // by first offset
    std::map<std::int64_t, PartitionTransaction> m_ended; // not replicated; by first offset
    std::deque<std::int64_t> m_endedByMarker; // first offsets of m_ended, by marker
    std::deque<PartitionTransaction> m_settled; // by marker
};

} // namespace queuelab::log
