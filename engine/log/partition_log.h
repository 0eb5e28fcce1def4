#pragma once

#include "engine/core/context.h"
#include "engine/log/batch_validator.h"
#include "engine/log/leader_epochs.h"
#include "engine/log/log_config.h"
#include "engine/log/producer_entries.h"
#include "engine/log/record_batch.h"
#include "engine/log/requests.h"
#include "engine/log/segment.h"
#include "engine/log/transaction_index.h"
#include "engine/log/types.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace queuelab::log {

/// One segment, for snapshots and tools.
struct SegmentInfo {
    std::int64_t baseOffset = 0;
    std::int64_t nextOffset = 0; ///< after its last batch
    std::uint64_t sizeBytes = 0;
    std::int64_t maxTimestamp = -1;
    /// As many as are left after compaction; control records count. -1: not known, for after a stop
    /// in order a closed segment is not read; compaction counts anew what it writes.
    std::int64_t recordCount = 0;
};

struct AppendResult {
    std::int64_t baseOffset = 0;
    std::int64_t lastOffset = 0;
    std::int64_t logAppendTimeMs = -1; ///< -1 with CreateTime
    bool rolled = false; ///< a new segment was started for it
    /// The producer's own batch was there already: nothing was appended, the offsets are the
    /// original ones.
    bool duplicate = false;
    /// Of a marker: the transaction that it has ended. Nothing when it had no records here.
    std::optional<PartitionTransaction> ended{};
};

/// One partition's log on one broker: segments with offset and time index, through Files, in
/// Kafka's file formats (facts: kafka.md 1.5). A value: a copy shares the closed segments. It holds
/// file handles of the Files it was opened with, and is always used with that one, or, for a copy,
/// with a clone of it. Knows nothing of replication: who may read up to where is the broker's
/// business.
class PartitionLog {
public:
    /// Opens or creates `directory` (such as "broker-1/orders-3"). After an unclean stop every
    /// segment is checked from its front: a torn or corrupt tail is cut off, indexes are rebuilt,
    /// and segments behind a cut are deleted.
    static Result<PartitionLog, Error> open(std::string directory, LogConfig config,
        bool cleanShutdown, Context &context, RecoveryReport *report);

    /// Appends one batch as a leader does: checks it (facts: kafka.md 1.4), and, when it has a
    /// producer id, its place among what that producer has written (ProducerEntries::check,
    /// checkMarker), gives it the next offsets and `leaderEpoch`. On refusal nothing changed.
    /// KafkaStorageError when the files cannot be written.
    Result<AppendResult, ErrorCode> append(ByteView batch, std::int32_t leaderEpoch,
        Context &context, AppendOrigin origin = AppendOrigin::Client,
        const ProducerTerms &terms = {});
    /// Appends what a follower has fetched: whole batches that begin at logEndOffset(), with the
    /// offsets and epochs they have. Lengths, CRCs and the order of offsets are checked; sequences
    /// are taken over without a check. On an error the batches before the bad one are there.
    Result<AppendResult, ErrorCode> replicate(
        std::span<const SharedBytes> pieces, Context &context);

    struct ReadResult {
        std::uint64_t bytes = 0; ///< added to `out`
        std::int64_t nextOffset = 0; ///< after the last batch given
        std::int64_t recordCount =
            0; ///< records in the batches given, those before `from` included
    };
    /// Whole batches from the one that contains `from`, below `limit` (high watermark or last
    /// stable offset), at most `maxBytes`, but at least one batch. OffsetOutOfRange below
    /// logStartOffset() or above logEndOffset(), CorruptMessage when the file does not hold a batch
    /// where one must be. Each slice added to `out` starts and ends at a batch.
    Result<ReadResult, ErrorCode> read(std::int64_t from, std::int64_t limit,
        std::uint64_t maxBytes, std::vector<SharedBytes> &out, const Files &files) const;

    // Transactions (facts: kafka.md 1.3, 1.5, 4.4).

    /// Whether a batch of a transaction of this producer has been appended whose end has not.
    bool hasOpenTransaction(std::int64_t producerId, std::int16_t producerEpoch) const;
    /// The first offset of the earliest transaction that is open, or whose marker lies at or above
    /// `highWatermark`; else the high watermark. Never above it, nor below logStartOffset().
    std::int64_t lastStableOffset(std::int64_t highWatermark) const;
    /// Markers below `offset` will not be lost any more: what has ended with them need not be kept
    /// to answer lastStableOffset() for this high watermark and higher ones.
    void highWatermarkMoved(std::int64_t offset) { m_producers.replicatedTo(offset); }
    /// Those that may have records in [from, to) and were aborted, by the order of their markers:
    /// what the segments keep in `.txnindex`.
    std::vector<FetchResponse::Partition::AbortedTransaction> abortedTransactions(
        std::int64_t from, std::int64_t to) const;
    /// Open ones and those whose markers are remembered, by first offset, the newest `most`.
    std::vector<PartitionTransaction> transactions(std::size_t most) const;

    struct TimestampOffset {
        std::int64_t timestamp = -1;
        std::int64_t offset = -1;
    };
    /// The first record with a timestamp at or after `timestampMs`, below `limit`; both -1 when
    /// there is none. In a compressed batch it is the batch's first offset and largest timestamp.
    Result<TimestampOffset, Error> offsetForTime(
        std::int64_t timestampMs, std::int64_t limit, const Files &files) const;

    /// A leader begins an epoch at logEndOffset(): an entry in `leader-epoch-checkpoint`, on disk
    /// when this returns; while the log is empty it is written with the first record, so that
    /// thousands of new partitions cost no write each. Nothing when the log knows it or a later
    /// one.
    Result<void, Error> beginEpoch(std::int32_t epoch, Context &context);
    /// Of the newest record, or of beginEpoch(); -1 when there is none.
    std::int32_t latestEpoch() const;
    /// Where `epoch` ends in this log, by the rules of OffsetForLeaderEpoch (facts: kafka.md 5);
    /// the end of the newest is logEndOffset(). -1, -1 when not known.
    EpochEnd endOfEpoch(std::int32_t epoch) const;
    /// Of the record at `offset`; -1 when not known.
    std::int32_t epochAt(std::int64_t offset) const;

    /// Cuts the tail: [0-9][10-19][20-29] truncated to 20 leaves [0-9][10-19]; an offset inside a
    /// batch cuts the whole batch. Below logStartOffset() everything goes and the log starts again,
    /// empty, at `offset`.
    Result<void, Error> truncateTo(std::int64_t offset, Context &context);
    /// Everything goes; the log starts again, empty, at `offset`: what a follower does that is
    /// below its leader's log start.
    Result<void, Error> restartAt(std::int64_t offset, Context &context);
    /// Nothing below `offset` (at most logEndOffset()) is read any more; deleteOldSegments()
    /// deletes what lies wholly below. The caller keeps the figure over a restart, as Kafka's
    /// log-start-offset-checkpoint does.
    void raiseLogStartOffset(std::int64_t offset);
    /// Deletes old segments, oldest first: those wholly below logStartOffset(), then past
    /// retention.bytes, then past retention.ms; never one that reaches above `highWatermark`. When
    /// the active one matches too, a new one is started first (facts: kafka.md 6). Returns how
    /// many; what cannot be deleted stays and is tried again by the next call. As those that
    /// truncateTo() and restartAt() drop, their files get the suffix ".deleted", and
    /// deleteDelayed() removes them file.delete.delay.ms later (open() those of an earlier life).
    std::size_t deleteOldSegments(Context &context, std::int64_t highWatermark = INT64_MAX);
    /// Removes the files of deleted segments whose delay is over. deleteOldSegments() does it too.
    void deleteDelayed(Context &context);
    /// When deleteDelayed() has something to do; nothing when no file waits.
    std::optional<Instant> nextDelayedDelete() const;
    // Compaction: log_cleaner.h decides and rewrites, the log swaps.

    /// Closed segments, oldest first; the active one is none of them.
    std::span<const std::shared_ptr<const Segment>> closedSegments() const { return m_closed; }
    /// What all transaction indexes say, the active segment's too, by the order of the markers.
    std::vector<AbortedTxn> allAborted() const;
    /// Puts a segment that the cleaner has written (its files have the suffix ".cleaned") in the
    /// place of the closed segments with these base offsets, which follow each other. In Kafka's
    /// order: ".cleaned" becomes ".swap", the old ones become ".deleted", ".swap" loses its suffix;
    /// open() carries on from wherever that stopped. On an error it was undone, or, when that
    /// failed too, is finished by the next open(); this log goes on with the old ones either way.
    Result<void, Error> replaceSegments(
        const std::vector<std::int64_t> &replaced, Segment cleaned, Context &context);
    /// What was appended so far survives a crash of the machine. On an error nothing is promised
    /// and it may be tried again.
    Result<void, Error> flush(Context &context);
    /// Writes the indexes to their ends, syncs, closes: what a broker does when it is stopped in
    /// order. Not used after that.
    Result<void, Error> close(Context &context);

    /// Takes other settings from the next append or check on.
    void configure(LogConfig config) { m_config = std::move(config); }
    /// Forgets producers that have not written for `idle` (producer.id.expiration.ms).
    void expireProducers(Instant now, Duration idle);
    /// Producers that are known, by id, the first `most`: what a producer snapshot holds.
    std::vector<ProducerEntry> producers(std::size_t most = SIZE_MAX) const;

    std::int64_t logStartOffset() const { return m_logStartOffset; }
    std::int64_t logEndOffset() const { return m_active.nextOffset(); }
    std::uint64_t sizeBytes() const;
    std::vector<SegmentInfo> segments() const;
    /// Where the segment begins that is written to.
    std::int64_t activeBaseOffset() const { return m_active.baseOffset(); }
    const LogConfig &config() const { return m_config; }
    const std::string &directory() const { return m_directory; }

private:
    PartitionLog(std::string directory, LogConfig config);

    Result<void, Error> recover(const std::vector<std::string> &names, bool cleanShutdown,
        Context &context, RecoveryReport &report);
    Result<bool, Error> finishSwaps(
        const std::vector<std::string> &names, Files &files, RecoveryReport &report);
    Result<void, Error> removeLeftovers(
        const std::vector<std::string> &names, Files &files, RecoveryReport &report);
    Result<void, Error> loadSegments(const std::vector<std::string> &names, bool cleanShutdown,
        Context &context, RecoveryReport &report, const BatchVisitor &visit);
    Result<void, Error> deleteLost(
        std::int64_t baseOffset, Context &context, RecoveryReport &report);
    Result<bool, Error> readEpochs(Files &files, RecoveryReport &report);
    bool findSnapshots(const std::vector<std::string> &names, Files &files);
    /// What snapshots at or below `upTo` say, and the offset up to which they do; the log's start
    /// when there is none that is sound.
    struct Snapshot {
        ProducerEntries producers;
        std::int64_t offset = 0;
        bool found = false;
        bool damaged = false; ///< a newer one was, and is gone
    };
    Result<Snapshot, Error> newestSnapshot(std::int64_t upTo, Files &files, RecoveryReport &report);
    Result<void, Error> loadProducers(
        bool walkWithoutSnapshot, Files &files, RecoveryReport &report);
    Result<void, Error> mendTransactionIndexes(Files &files, RecoveryReport &report);
    Result<void, Error> writeSnapshot(Files &files);
    void dropSnapshots(std::int64_t from, std::int64_t to, Files &files);
    Result<void, Error> writeEpochs(Context &context);
    Result<void, Error> walk(std::int64_t from, const Files &files, RecoveryReport &report,
        const BatchVisitor &visit) const;
    struct Stored {
        bool rolled = false; ///< a segment was started for it
        std::optional<PartitionTransaction> ended{}; ///< by this marker
    };
    Result<Stored, ErrorCode> store(const BatchHeader &header,
        const std::optional<EndTransaction> &marker, std::span<const ByteView> pieces,
        Context &context);
    std::size_t segmentCount() const { return m_closed.size() + 1; }
    const Segment &segment(std::size_t index) const
    {
        return index < m_closed.size() ? *m_closed[index] : m_active;
    }
    std::size_t segmentHolding(std::int64_t offset) const;
    Result<void, Error> roll(Context &context);
    Result<void, Error> syncNames(Context &context);
    std::size_t oldSegments(Instant now, std::int64_t highWatermark) const;
    Result<void, Error> retireActive(Context &context);
    void noteRetired(std::int64_t baseOffset, const Context &context);

    std::string m_directory;
    LogConfig m_config;
    std::vector<std::shared_ptr<const Segment>> m_closed; // oldest first
    Segment m_active;
    std::int64_t m_logStartOffset = 0;
    LeaderEpochs m_epochs;
    bool m_epochsWritten = true; // `leader-epoch-checkpoint` says the same
    ProducerEntries m_producers;
    std::vector<std::int64_t> m_snapshots; // offsets of the `.snapshot` files, going up
    /// A segment whose files have the suffix ".deleted".
    struct Retired {
        std::int64_t baseOffset;
        Instant due;
    };
    std::vector<Retired> m_retired; // the first is due first
    std::int64_t m_unflushedRecords = 0;
    bool m_namesDurable = false; // the directory was synced since a file was made in it
    bool m_parentsDurable = false; // so was the directory's own name, and those above it
};

} // namespace queuelab::log
