#pragma once

#include "engine/core/result.h"
#include "engine/log/record_batch.h"
#include "engine/log/types.h"

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace queuelab::log {

/// What a log remembers of a producer (facts: kafka.md 1.5, `.snapshot`).
struct ProducerEntry {
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    std::int32_t lastSequence = -1;
    std::int64_t lastOffset = -1;
    std::int32_t offsetDelta = 0; ///< lastOffset minus the base offset of the last batch
    std::int64_t timestamp = -1; ///< of the youngest record of the last batch
    std::int32_t coordinatorEpoch = -1;
    std::int64_t currentTxnFirstOffset = -1;
    friend bool operator==(const ProducerEntry &, const ProducerEntry &) = default;
};

/// The sequence `count` after (or before) this one: after INT32_MAX comes 0.
std::int32_t sequenceAfter(std::int32_t sequence, std::int32_t count);
std::int32_t sequenceBefore(std::int32_t sequence, std::int32_t count);

/// The idempotent producers of one partition: of each the last five batches, by which a retry is
/// recognised and a gap refused (facts: kafka.md 4.3). A value.
class ProducerEntries {
public:
    /// A batch that is in the log already.
    struct Original {
        std::int64_t baseOffset = 0;
        std::int64_t lastOffset = 0;
        std::int64_t timestamp = -1;
    };

    /// What a leader finds of a batch with a producer id before it appends it: nothing to say, the
    /// original it repeats, InvalidProducerEpoch, or OutOfOrderSequenceNumber.
    Result<std::optional<Original>, ErrorCode> check(const BatchHeader &header) const;
    /// The batch is in the log, with the offset its header says. Sequences are not checked: a
    /// follower, and a recovery, take them as they are.
    void note(const BatchHeader &header);
    /// Forgets those whose last record is at least `idleMs` older than `nowMs`.
    void expire(std::int64_t nowMs, std::int64_t idleMs);
    bool empty() const { return m_producers.empty(); }
    /// By id.
    std::vector<ProducerEntry> list() const;

    /// The bytes of a `.snapshot` file. It keeps only the last batch of each producer, so after a
    /// restart only that one is recognised, as in Kafka.
    Bytes snapshot() const;
    /// Else what is wrong with them.
    static Result<std::vector<ProducerEntry>, std::string> parseSnapshot(ByteView bytes);
    static ProducerEntries of(const std::vector<ProducerEntry> &entries);

private:
    static constexpr std::size_t kBatchesKept = 5;
    struct Batch {
        std::int32_t lastSequence = -1;
        std::int32_t offsetDelta = 0;
        std::int64_t lastOffset = -1;
        std::int64_t timestamp = -1;
    };
    struct Producer {
        std::int16_t epoch = -1;
        std::int32_t coordinatorEpoch = -1;
        std::int64_t currentTxnFirstOffset = -1;
        std::array<Batch, kBatchesKept> batches{}; // the newest first
        std::size_t count = 0;
    };
    static void add(Producer &producer, const Batch &batch);

    std::map<std::int64_t, Producer> m_producers;
};

} // namespace queuelab::log
