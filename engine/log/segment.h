#pragma once

#include "engine/core/files.h"
#include "engine/core/time.h"
#include "engine/log/log_config.h"
#include "engine/log/record_batch.h"
#include "engine/log/segment_index.h"
#include "engine/log/transaction_index.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::log {

/// What opening a partition had to mend, in words a person can act on.
struct RecoveryReport {
    std::uint64_t bytesCut = 0;
    std::vector<std::string>
        notes; ///< "00000000000000000000.log: torn batch at 4096 cut off (83 bytes)"
};

/// "broker-1/orders-3/00000000000000000042.log": the segment's base offset in 20 digits, and
/// ".log", ".index", ".timeindex" or ".txnindex".
std::string segmentPath(
    const std::string &directory, std::int64_t baseOffset, std::string_view suffix);
/// Deletes the segment's files and its producer snapshot; those that are already gone do not
/// matter.
Result<void, Error> removeSegmentFiles(
    Files &files, const std::string &directory, std::int64_t baseOffset);
/// Renames them to "<name>.deleted"; removeRetiredSegment() deletes those. Readers of the log are
/// not held up by a large file's deletion, and a person has time to take it back.
Result<void, Error> retireSegmentFiles(
    Files &files, const std::string &directory, std::int64_t baseOffset);
Result<void, Error> removeRetiredSegment(
    Files &files, const std::string &directory, std::int64_t baseOffset);
inline constexpr std::string_view kDeletedSuffix = ".deleted";
/// Of the files of a segment that the cleaner is writing, and of one that is whole and takes the
/// place of others: PartitionLog::replaceSegments().
inline constexpr std::string_view kCleanedSuffix = ".cleaned";
inline constexpr std::string_view kSwapSuffix = ".swap";
/// The base offset in such a file's name (without directory); nothing when it is not one.
std::optional<std::int64_t> segmentBaseOffset(std::string_view name, std::string_view suffix);

/// Sees each batch that a check of a segment found sound, front to back.
using BatchVisitor = std::function<void(const BatchHeader &header, ByteView batch)>;

/// One segment of a partition: `.log`, the two indexes beside it, and, when aborted transactions
/// have their markers in it, `.txnindex`. A value; the files are those
/// of the Files it is always used with. The index entries are kept in memory and written behind: a
/// log that was not closed in order gets its indexes rebuilt when it is opened, so they need not be
/// on disk before. A file is opened when it is first needed, so that a broker with thousands of
/// empty partitions holds none.
class Segment {
public:
    Segment() = default;
    /// An empty segment without files: they come with the first batch.
    Segment(std::string directory, std::int64_t baseOffset, Instant created);
    /// An empty segment: makes its `.log`. The indexes come with the first entries.
    static Result<Segment, Error> create(
        Files &files, const std::string &directory, std::int64_t baseOffset, Instant now);
    /// As create(), but its files have the suffix ".cleaned" until tookItsPlace(); those that an
    /// earlier attempt left go.
    static Result<Segment, Error> createCleaned(
        Files &files, const std::string &directory, std::int64_t baseOffset, Instant created);
    /// Opens one that is there. With `trustIndexes` (the log was closed in order) the indexes are
    /// read, and checked where it is cheap. Else, and when that check fails, every batch is checked
    /// and shown to `visit`, the log is cut at the first that is not sound, and the indexes are
    /// made anew. `report` gains what was mended.
    static Result<Segment, Error> load(Files &files, const std::string &directory,
        std::int64_t baseOffset, bool trustIndexes, const LogConfig &config, Instant now,
        RecoveryReport &report, const BatchVisitor &visit);

    std::int64_t baseOffset() const { return m_baseOffset; }
    /// After the last batch; the base offset while empty.
    std::int64_t nextOffset() const { return m_nextOffset; }
    std::uint64_t sizeBytes() const { return m_sizeBytes; }
    /// Of all records; -1 when none has one.
    std::int64_t maxTimestamp() const { return m_maxTimestamp; }
    /// The largest of its first batch: segment.ms and max.compaction.lag.ms count from it. -1 when
    /// it is empty.
    std::int64_t firstBatchTimestamp() const { return m_firstBatchTimestamp; }
    Instant created() const { return m_created; }
    /// Records in it, those of control batches included. Nothing when they were never counted: a
    /// segment whose indexes were trusted was not read.
    std::optional<std::int64_t> recordCount() const
    {
        return m_counted ? std::optional(m_recordCount) : std::nullopt;
    }
    std::uint64_t indexBytes() const { return m_entries.size() * kIndexEntryBytes; }
    std::uint64_t timeIndexBytes() const { return m_timeEntries.size() * kTimeIndexEntryBytes; }
    /// Open as soon as there are bytes in it.
    FileId log() const { return m_log; }

    /// Whether Kafka would start a new segment before appending this batch (facts: kafka.md 1.5,
    /// "Roll conditions").
    bool mustRoll(const BatchHeader &header, const LogConfig &config, Instant now) const;
    /// Appends one batch, given in pieces; `header` is what its first 61 bytes say. With `syncIt`
    /// it is durable before this returns. When it fails the segment is as before.
    Result<void, Error> append(Files &files, std::span<const ByteView> pieces,
        const BatchHeader &header, const LogConfig &config, bool syncIt);

    /// Appends sound batches that follow each other in `batches`, in one write; offsets go up, with
    /// gaps where compaction left them. When it fails the segment is as before.
    Result<void, Error> appendRun(Files &files, ByteView batches, const LogConfig &config);
    /// The suffix ".cleaned" is gone from the names of its files.
    void tookItsPlace() { m_suffix = {}; }

    /// A batch's start at or before the batch that contains `offset`.
    std::uint64_t positionBefore(std::int64_t offset) const;
    /// A batch's start at or before the first record with a timestamp of at least `timestampMs`.
    std::uint64_t positionBeforeTime(std::int64_t timestampMs) const;

    /// Aborted transactions whose markers lie in this segment, by the order of the markers.
    std::span<const AbortedTxn> aborted() const { return m_aborted; }
    /// Its marker was appended last. As with the other indexes a failure to write costs nothing.
    void noteAborted(Files &files, const AbortedTxn &transaction);
    /// False after load() when `.txnindex` is not to be relied on: then setAborted() is due.
    bool abortedKnown() const { return m_abortedKnown; }
    /// What the batches of this segment, and of those before it, say. `.txnindex` is written anew,
    /// or removed when there are none.
    Result<void, Error> setAborted(Files &files, std::vector<AbortedTxn> transactions);

    Result<void, Error> sync(Files &files);
    /// No more will be appended for now: the last time index entry, everything written and synced,
    /// the index files closed. Their names are the caller's to sync.
    Result<void, Error> seal(Files &files);
    /// Cuts off the batch that contains `offset` and all behind it.
    Result<void, Error> truncateTo(Files &files, std::int64_t offset);
    /// Closes what is open.
    void close(Files &files);
    /// Renames its files, to be deleted later, and closes them when that went well.
    Result<void, Error> retire(Files &files);
    /// Deletes its files at once, and closes them when that went well.
    Result<void, Error> remove(Files &files);

private:
    Result<void, Error> open(Files &files, FileId &file, std::string_view suffix) const;
    bool readIndexes(Files &files);
    void readAborted(Files &files, RecoveryReport &report);
    Result<bool, Error> scanTail(const Files &files);
    Result<void, Error> rebuild(Files &files, const std::string &name, const LogConfig &config,
        RecoveryReport &report, const BatchVisitor &visit);
    void note(const BatchHeader &header, std::uint64_t position, std::int32_t indexIntervalBytes);
    void noteTimestamp(const BatchHeader &header);
    void noteTimeIndexEntry();
    Result<void, Error> mendTail(Files &files);
    Result<void, Error> openIndexes(Files &files);
    Result<void, Error> writeIndexes(Files &files);
    Result<void, Error> writeAborted(Files &files);
    Result<void, Error> syncAll(Files &files);
    void closeIndexes(Files &files);

    std::string m_directory;
    std::string_view m_suffix; // of its files' names: kCleanedSuffix, or none
    std::int64_t m_baseOffset = 0;
    std::int64_t m_nextOffset = 0;
    std::uint64_t m_sizeBytes = 0;
    std::int64_t m_recordCount = 0;
    bool m_counted = true; // m_recordCount is true
    std::int64_t m_firstBatchTimestamp = -1; // the first batch's maxTimestamp
    std::int64_t m_maxTimestamp = -1;
    std::int64_t m_offsetOfMaxTimestamp = 0; // the last offset of the batch that holds it
    Instant m_created{};
    FileId m_log{-1}; // -1 of each: not open
    FileId m_index{-1};
    FileId m_timeIndex{-1};
    FileId m_txnIndex{-1};
    std::vector<IndexEntry> m_entries;
    std::vector<TimeIndexEntry> m_timeEntries;
    std::size_t m_entriesWritten = 0; // the front of m_entries that is in the file
    std::size_t m_timeEntriesWritten = 0;
    std::vector<AbortedTxn> m_aborted;
    std::size_t m_abortedWritten = 0;
    bool m_abortedKnown = true;
};

} // namespace queuelab::log
