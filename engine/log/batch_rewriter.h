#pragma once

#include "engine/core/bytes.h"
#include "engine/log/record_batch.h"

#include <cstdint>
#include <optional>
#include <span>

namespace queuelab::log {

/// A record that stays.
struct KeptRecord {
    ByteView bytes; ///< as it is encoded, its length in front
    std::int64_t timestamp = -1;
};

/// Writes batches anew as compaction leaves them (Kafka's MemoryRecords.filterTo): fewer records,
/// the same offsets. Keeps its buffers: no allocation per batch once they have grown.
class BatchRewriter {
public:
    /// Appends to `out` the batch `original` with these records, at least one, and with
    /// `deleteHorizon` when there is one. Offsets, producer, sequence, leader epoch and codec are
    /// those of the original; the base timestamp is the first record's, or the horizon.
    void rewrite(const BatchHeader &original, std::span<const KeptRecord> kept,
        std::optional<std::int64_t> deleteHorizon, Bytes &out);
    /// Appends a batch without records: it says up to which offset and sequence there were some
    /// (facts: kafka.md 1.2, F).
    void empty(const BatchHeader &original, Bytes &out);

private:
    Bytes m_records; // before compression
};

} // namespace queuelab::log
