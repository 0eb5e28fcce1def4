#pragma once

#include "engine/core/result.h"
#include "engine/log/batch_validator.h"
#include "engine/log/control_records.h"
#include "engine/log/partition_transactions.h"
#include "engine/log/record_batch.h"
#include "engine/log/types.h"

#include <array>
#include <cstdint>
#include <limits>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace queuelab::log {

/// What a log remembers of a producer (facts: kafka.md 1.5, `.snapshot`).
struct ProducerEntry {
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    std::int32_t lastSequence = -1; ///< -1: no batch of this epoch
    std::int64_t lastOffset = -1;
    std::int32_t offsetDelta = 0; ///< lastOffset minus the base offset of the last batch
    std::int64_t timestamp = -1; ///< of the youngest record of the last batch, or of the marker
    std::int32_t coordinatorEpoch = -1; ///< of the last marker
    std::int64_t currentTxnFirstOffset = -1; ///< -1: no transaction is open
    friend bool operator==(const ProducerEntry &, const ProducerEntry &) = default;
};

constexpr std::int16_t kLastProducerEpoch = std::numeric_limits<std::int16_t>::max();
/// Clients are given no epoch above it, so that the coordinator can always fence with one more.
constexpr std::int16_t kLastClientEpoch = kLastProducerEpoch - 1;

/// The sequence `count` after (or before) this one: after INT32_MAX comes 0.
std::int32_t sequenceAfter(std::int32_t sequence, std::int32_t count);
std::int32_t sequenceBefore(std::int32_t sequence, std::int32_t count);

/// What a leader knows of a batch beside its bytes, for the checks of Kafka's ProducerAppendInfo.
struct ProducerTerms {
    /// Of a marker: WriteTxnMarkersRequest's transactionVersion. From 2 on its epoch has to be
    /// above the producer's (KIP-1228), else not below.
    std::int16_t markerVersion = 0;
    /// The leader itself adds the partition to the transaction (transaction.version 2): a producer
    /// without batches here begins with sequence 0.
    bool beginsAtZero = false;
    /// The lowest first sequence of batches that wait for the same verification: an earlier one has
    /// to be appended first.
    std::int32_t lowestSequence = INT32_MAX;
    bool anyEpoch = false; ///< old epochs are as good as the newest (PlantedBug)
};

/// A transaction that a marker has ended.
struct EndedTransaction {
    PartitionTransaction transaction;
    /// First offset of the earliest transaction that is still open, else the offset after the
    /// marker: what `.txnindex` keeps of an aborted one.
    std::int64_t lastStableOffset = 0;

    AbortedTxn aborted() const ///< what the index keeps of it
    {
        return {transaction.producerId, transaction.firstOffset, transaction.markerOffset,
            lastStableOffset};
    }
};

/// The producers with an id of one partition: of each the last five batches, by which a retry is
/// recognised and a gap refused, and its transaction (facts: kafka.md 4.3, 4.4). A value.
class ProducerEntries {
public:
    /// A batch that is in the log already.
    struct Original {
        std::int64_t baseOffset = 0;
        std::int64_t lastOffset = 0;
        std::int64_t timestamp = -1;
    };

    /// What a leader finds of a data batch with a producer id before it appends it: nothing to say,
    /// the original it repeats, InvalidProducerEpoch, OutOfOrderSequenceNumber, or InvalidTxnState
    /// when it is not transactional while a transaction is open. Batches of the broker itself (a
    /// group's offsets) have no sequence.
    Result<std::optional<Original>, ErrorCode> check(
        const BatchHeader &header, AppendOrigin origin, const ProducerTerms &terms) const;
    /// Of a marker: None, InvalidProducerEpoch, or TransactionCoordinatorFenced when a younger
    /// coordinator has written one already.
    ErrorCode checkMarker(
        const BatchHeader &header, const EndTransaction &marker, const ProducerTerms &terms) const;
    /// The batch is in the log, with the offset its header says; `marker` when it is one. Nothing
    /// is checked: a follower, and a recovery, take batches as they are. The transaction that it
    /// has ended, if any.
    std::optional<EndedTransaction> note(
        const BatchHeader &header, const std::optional<EndTransaction> &marker);
    /// Counts a batch that a snapshot speaks of into its open transaction: snapshots keep no
    /// counts.
    void recount(const BatchHeader &header);
    /// Transactions with records here.
    const PartitionTransactions &transactions() const { return m_transactions; }
    bool hasOpenTransaction(std::int64_t producerId, std::int16_t producerEpoch) const;
    /// Markers below `offset` will not be lost any more.
    void replicatedTo(std::int64_t offset) { m_transactions.replicatedTo(offset); }
    /// Forgets those whose last record, or marker, is at least `idleMs` older than `nowMs`; none
    /// with an open transaction.
    void expire(std::int64_t nowMs, std::int64_t idleMs);
    bool empty() const { return m_producers.empty(); }
    /// By id, the first `most`.
    std::vector<ProducerEntry> list(std::size_t most = SIZE_MAX) const;

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
        std::int64_t lastTimestamp = -1;
        std::array<Batch, kBatchesKept> batches{}; // the newest first
        std::size_t count = 0;
    };
    static void add(Producer &producer, const Batch &batch);
    static ErrorCode checkSequence(
        const Producer *producer, const BatchHeader &header, const ProducerTerms &terms);
    static const Batch *find(const Producer &producer, const BatchHeader &header);
    void noteData(Producer &producer, const BatchHeader &header);

    std::map<std::int64_t, Producer> m_producers;
    PartitionTransactions m_transactions;
};

} // namespace queuelab::log
