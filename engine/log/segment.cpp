#include "engine/log/segment.h"

#include "engine/log/batch_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>

namespace queuelab::log {
namespace {

constexpr std::size_t kNameDigits = 20;
// Index entries are written behind, so many at a time: one more call to the system for every batch
// would cost a fifth of the append itself.
constexpr std::size_t kIndexEntriesHeldBack = 64;

bool isOpen(FileId file)
{
    return file.value() >= 0;
}

void closeFile(Files &files, FileId &file)
{
    if (isOpen(file))
        files.close(file);
    file = FileId(-1);
}

/// What lies behind `from` gives way to `bytes`.
Result<void, Error> replaceTail(Files &files, FileId file, std::uint64_t from, ByteView bytes)
{
    if (auto cut = files.truncate(file, from); !cut)
        return cut;
    return files.writeAt(file, from, bytes);
}

constexpr std::array<std::string_view, 5> kSuffixes{".index", ".timeindex", ".txnindex",
    ".snapshot", ".log"}; // the log goes last: without the others it opens

/// Deletes those of the segment's files whose names have this ending behind.
Result<void, Error> removeFiles(
    Files &files, const std::string &directory, std::int64_t baseOffset, std::string_view ending)
{
    for (const std::string_view suffix : kSuffixes) {
        const std::string path = segmentPath(directory, baseOffset, suffix) + std::string(ending);
        if (!files.exists(path))
            continue;
        if (auto removed = files.remove(path); !removed)
            return removed;
    }
    return {};
}

} // namespace

std::string segmentPath(
    const std::string &directory, std::int64_t baseOffset, std::string_view suffix)
{
    return fmt::format("{}/{:020}{}", directory, baseOffset, suffix);
}

Result<void, Error> removeSegmentFiles(
    Files &files, const std::string &directory, std::int64_t baseOffset)
{
    return removeFiles(files, directory, baseOffset, {});
}

Result<void, Error> retireSegmentFiles(
    Files &files, const std::string &directory, std::int64_t baseOffset)
{
    for (const std::string_view suffix : kSuffixes) {
        const std::string path = segmentPath(directory, baseOffset, suffix);
        if (!files.exists(path))
            continue;
        if (auto renamed = files.rename(path, path + std::string(kDeletedSuffix)); !renamed)
            return renamed;
    }
    return {};
}

Result<void, Error> removeRetiredSegment(
    Files &files, const std::string &directory, std::int64_t baseOffset)
{
    return removeFiles(files, directory, baseOffset, kDeletedSuffix);
}

std::optional<std::int64_t> segmentBaseOffset(std::string_view name, std::string_view suffix)
{
    if (name.size() != kNameDigits + suffix.size() || !name.ends_with(suffix))
        return std::nullopt;
    std::int64_t offset = 0;
    const char *end = name.data() + kNameDigits;
    const auto [stopped, error] = std::from_chars(name.data(), end, offset);
    if (error != std::errc() || stopped != end || offset < 0)
        return std::nullopt;
    return offset;
}

Segment::Segment(std::string directory, std::int64_t baseOffset, Instant created)
    : m_directory(std::move(directory))
    , m_baseOffset(baseOffset)
    , m_nextOffset(baseOffset)
    , m_created(created)
{
}

/// Opens one of the segment's files unless it is open; it is made when it is not there.
Result<void, Error> Segment::open(Files &files, FileId &file, std::string_view suffix) const
{
    if (isOpen(file))
        return {};
    const auto opened =
        files.open(segmentPath(m_directory, m_baseOffset, suffix) + std::string(m_suffix), true);
    if (!opened)
        return std::unexpected(opened.error());
    file = *opened;
    return {};
}

Result<Segment, Error> Segment::create(
    Files &files, const std::string &directory, std::int64_t baseOffset, Instant now)
{
    Segment segment(directory, baseOffset, now);
    Result<void, Error> done = segment.open(files, segment.m_log, ".log");
    // A file of that name may be left of an earlier attempt that failed half-way.
    if (done)
        done = segment.mendTail(files);
    segment.close(files);
    if (done)
        done = segment.setAborted(files, {});
    if (!done)
        return std::unexpected(done.error());
    return segment;
}

Result<Segment, Error> Segment::createCleaned(
    Files &files, const std::string &directory, std::int64_t baseOffset, Instant created)
{
    Segment segment(directory, baseOffset, created);
    segment.m_suffix = kCleanedSuffix;
    if (auto removed = removeFiles(files, directory, baseOffset, kCleanedSuffix); !removed)
        return std::unexpected(removed.error());
    if (auto opened = segment.open(files, segment.m_log, ".log"); !opened)
        return std::unexpected(opened.error());
    return segment;
}

Result<Segment, Error> Segment::load(Files &files, const std::string &directory,
    std::int64_t baseOffset, bool trustIndexes, const LogConfig &config, Instant now,
    RecoveryReport &report, const BatchVisitor &visit)
{
    Segment segment(directory, baseOffset, now);
    if (auto opened = segment.open(files, segment.m_log, ".log"); !opened)
        return std::unexpected(opened.error());
    segment.m_sizeBytes = files.size(segment.m_log);
    if (segment.m_sizeBytes == 0) {
        segment.close(files);
        if (auto cleared = segment.setAborted(files, {}); !cleared)
            return std::unexpected(cleared.error());
        return segment;
    }

    Result<bool, Error> sound = false;
    if (trustIndexes && segment.readIndexes(files)) {
        sound = segment.scanTail(files);
        segment.m_counted = false;
    }
    Result<void, Error> done;
    if (!sound) {
        done = std::unexpected(sound.error());
    } else if (!*sound) {
        const std::string name = fmt::format("{:020}.log", baseOffset);
        if (trustIndexes) {
            report.notes.push_back(fmt::format(
                "{}: log and indexes do not agree, all batches checked, indexes rebuilt", name));
        }
        done = segment.rebuild(files, name, config, report, visit);
    } else {
        segment.readAborted(files, report);
    }
    segment.closeIndexes(files);
    if (!done) {
        segment.close(files);
        return std::unexpected(done.error());
    }
    return segment;
}

/// Whether the index files hold what this code, or Kafka, leaves when it closes a log in order.
bool Segment::readIndexes(Files &files)
{
    for (const std::string_view suffix : {".index", ".timeindex"}) {
        if (!files.exists(segmentPath(m_directory, m_baseOffset, suffix)))
            return false;
    }
    if (!openIndexes(files))
        return false;
    const auto index = readWhole(files, m_index);
    const auto timeIndex = readWhole(files, m_timeIndex);
    if (!index || !timeIndex || index->size() % kIndexEntryBytes != 0
        || timeIndex->size() % kTimeIndexEntryBytes != 0)
        return false;
    m_entries = decodeIndex(*index);
    m_timeEntries = decodeTimeIndex(*timeIndex);
    m_entriesWritten = m_entries.size();
    m_timeEntriesWritten = m_timeEntries.size();

    IndexEntry before{-1, 0};
    for (const IndexEntry &entry : m_entries) {
        if (entry.relativeOffset <= before.relativeOffset || entry.position <= before.position
            || static_cast<std::uint64_t>(entry.position) >= m_sizeBytes)
            return false;
        before = entry;
    }
    TimeIndexEntry timeBefore{-1, 0};
    for (const TimeIndexEntry &entry : m_timeEntries) {
        if (entry.timestamp <= timeBefore.timestamp
            || entry.relativeOffset < timeBefore.relativeOffset)
            return false;
        timeBefore = entry;
    }
    if (!m_timeEntries.empty()) {
        m_maxTimestamp = m_timeEntries.back().timestamp;
        m_offsetOfMaxTimestamp = m_baseOffset + m_timeEntries.back().relativeOffset;
    }
    return true;
}

/// Kafka's sanity check; a file that fails it is made anew from the batches.
void Segment::readAborted(Files &files, RecoveryReport &report)
{
    const std::string path = segmentPath(m_directory, m_baseOffset, ".txnindex");
    if (!files.exists(path))
        return;
    m_abortedKnown = false;
    std::string problem = "cannot be read";
    if (open(files, m_txnIndex, ".txnindex")) {
        if (const auto bytes = readWhole(files, m_txnIndex)) {
            auto transactions = parseTransactionIndex(*bytes);
            if (!transactions) {
                problem = transactions.error();
            } else if (!transactions->empty()
                && (transactions->front().lastOffset < m_baseOffset
                    || transactions->back().lastOffset >= m_nextOffset)) {
                problem = "has a marker outside the segment";
            } else {
                m_aborted = std::move(*transactions);
                m_abortedWritten = m_aborted.size();
                m_abortedKnown = true;
                return;
            }
        }
    }
    report.notes.push_back(
        fmt::format("{:020}.txnindex: {}; made anew from the log", m_baseOffset, problem));
}

/// Learns from the batches behind the last index entry where the log ends; false when they, or that
/// entry, are not sound.
Result<bool, Error> Segment::scanTail(const Files &files)
{
    BatchScan first(files, m_log, 0, m_sizeBytes, kBatchHeaderBytes);
    if (first.next())
        m_firstBatchTimestamp = first.header().maxTimestamp;
    const std::uint64_t from =
        m_entries.empty() ? 0 : static_cast<std::uint64_t>(m_entries.back().position);
    BatchScan scan(files, m_log, from, m_sizeBytes);
    while (scan.next()) {
        const BatchHeader &header = scan.header();
        if (header.baseOffset < m_nextOffset || header.lastOffsetDelta < 0)
            return false;
        if (scan.position() == from && !m_entries.empty()
            && header.lastOffset() != m_baseOffset + m_entries.back().relativeOffset)
            return false;
        m_nextOffset = header.lastOffset() + 1;
        noteTimestamp(header);
    }
    if (scan.stopped() == BatchScan::Stop::Unreadable)
        return std::unexpected(scan.error());
    return scan.stopped() == BatchScan::Stop::AtEnd
        && (m_timeEntries.empty()
            || m_timeEntries.back().relativeOffset < m_nextOffset - m_baseOffset);
}

Result<void, Error> Segment::rebuild(Files &files, const std::string &name, const LogConfig &config,
    RecoveryReport &report, const BatchVisitor &visit)
{
    m_entries.clear();
    m_timeEntries.clear();
    m_entriesWritten = 0;
    m_timeEntriesWritten = 0;
    m_nextOffset = m_baseOffset;
    m_recordCount = 0;
    m_counted = true;
    m_maxTimestamp = -1;
    // Without markers there is nothing to be learnt for it, and only a file of an earlier life.
    m_abortedKnown = !files.exists(segmentPath(m_directory, m_baseOffset, ".txnindex"));
    const std::uint64_t fileBytes = m_sizeBytes;
    std::string_view what = "torn batch";
    m_sizeBytes = 0;
    BatchScan scan(files, m_log, 0, fileBytes);
    while (scan.next()) {
        const BatchHeader &header = scan.header();
        if (!checkBatch(scan.bytes())) {
            what = "corrupt batch";
            break;
        }
        constexpr std::int64_t kMax = std::numeric_limits<std::int32_t>::max();
        if (header.baseOffset < m_nextOffset || header.lastOffset() - m_baseOffset > kMax
            || scan.position() > static_cast<std::uint64_t>(kMax)) {
            what = "batch with an impossible offset";
            break;
        }
        note(header, scan.position(), config.indexIntervalBytes);
        m_abortedKnown = m_abortedKnown && !header.isControl();
        visit(header, scan.bytes());
    }
    if (scan.stopped() == BatchScan::Stop::Unreadable)
        return std::unexpected(scan.error());
    if (scan.stopped() == BatchScan::Stop::Malformed)
        what = "corrupt batch header";
    if (m_sizeBytes < fileBytes) {
        const std::uint64_t cut = fileBytes - m_sizeBytes;
        report.bytesCut += cut;
        report.notes.push_back(
            fmt::format("{}: {} at {} cut off ({} bytes)", name, what, m_sizeBytes, cut));
        if (auto done = files.truncate(m_log, m_sizeBytes); !done)
            return done;
    }
    noteTimeIndexEntry();
    if (auto done = writeIndexes(files); !done)
        return done;
    return syncAll(files);
}

bool Segment::mustRoll(const BatchHeader &header, const LogConfig &config, Instant now) const
{
    if (m_sizeBytes == 0)
        return false;
    const auto segmentBytes = static_cast<std::uint64_t>(config.segmentBytes);
    if (m_sizeBytes + header.sizeBytes() > segmentBytes)
        return true;
    const std::int64_t ageMs = m_firstBatchTimestamp >= 0
        ? std::max(header.maxTimestamp, m_firstBatchTimestamp) - m_firstBatchTimestamp
        : epochMillis(now) - epochMillis(m_created);
    if (ageMs > config.maxSegmentMs())
        return true;
    // The time index keeps its last place for the entry that is made when the segment is closed.
    const auto indexBytes = static_cast<std::size_t>(config.segmentIndexBytes);
    if (m_entries.size() >= indexBytes / kIndexEntryBytes
        || m_timeEntries.size() + 1 >= indexBytes / kTimeIndexEntryBytes)
        return true;
    return header.lastOffset() - m_baseOffset > std::numeric_limits<std::int32_t>::max();
}

/// Takes a batch into account that starts at `position`, in Kafka's order: index first, then its
/// bytes. So the first batch never gets an entry.
void Segment::note(
    const BatchHeader &header, std::uint64_t position, std::int32_t indexIntervalBytes)
{
    if (position == 0)
        m_firstBatchTimestamp = header.maxTimestamp;
    noteTimestamp(header);
    const std::uint64_t lastEntry =
        m_entries.empty() ? 0 : static_cast<std::uint64_t>(m_entries.back().position);
    if (position - lastEntry > static_cast<std::uint64_t>(indexIntervalBytes)) {
        m_entries.push_back({static_cast<std::int32_t>(header.lastOffset() - m_baseOffset),
            static_cast<std::int32_t>(position)});
        noteTimeIndexEntry();
    }
    m_sizeBytes = position + header.sizeBytes();
    m_nextOffset = header.lastOffset() + 1;
    m_recordCount += header.recordCount;
}

void Segment::noteTimestamp(const BatchHeader &header)
{
    if (header.maxTimestamp > m_maxTimestamp) {
        m_maxTimestamp = header.maxTimestamp;
        m_offsetOfMaxTimestamp = header.lastOffset();
    }
}

void Segment::noteTimeIndexEntry()
{
    const std::int64_t last = m_timeEntries.empty() ? -1 : m_timeEntries.back().timestamp;
    if (m_maxTimestamp > last) {
        m_timeEntries.push_back(
            {m_maxTimestamp, static_cast<std::int32_t>(m_offsetOfMaxTimestamp - m_baseOffset)});
    }
}

/// A failed append may have left bytes behind that could not be cut off at once.
Result<void, Error> Segment::mendTail(Files &files)
{
    return files.size(m_log) == m_sizeBytes ? Result<void, Error>()
                                            : files.truncate(m_log, m_sizeBytes);
}

Result<void, Error> Segment::append(Files &files, std::span<const ByteView> pieces,
    const BatchHeader &header, const LogConfig &config, bool syncIt)
{
    if (auto opened = open(files, m_log, ".log"); !opened)
        return opened;
    if (auto mended = mendTail(files); !mended)
        return mended;
    const auto position = files.append(m_log, pieces);
    Result<void, Error> done;
    if (!position)
        done = std::unexpected(position.error());
    else if (syncIt)
        done = files.sync(m_log);
    if (!done) {
        // When cutting fails too, the next append tries it again before it writes.
        static_cast<void>(mendTail(files));
        return done;
    }
    note(header, *position, config.indexIntervalBytes);
    // A failure here costs nothing: the entries stay in memory and are written with the next ones.
    if (m_entries.size() >= m_entriesWritten + kIndexEntriesHeldBack)
        static_cast<void>(writeIndexes(files));
    return {};
}

Result<void, Error> Segment::appendRun(Files &files, ByteView batches, const LogConfig &config)
{
    constexpr auto kMost = static_cast<std::uint64_t>(std::numeric_limits<std::int32_t>::max());
    const std::string path = segmentPath(m_directory, m_baseOffset, ".log");
    if (m_sizeBytes + batches.size() > kMost) {
        return std::unexpected(Error{
            path, "a segment cannot hold more than 2 GiB", "lower the topic's segment.bytes"});
    }
    if (auto opened = open(files, m_log, ".log"); !opened)
        return opened;
    std::uint64_t position = m_sizeBytes;
    if (auto written = files.append(m_log, std::span(&batches, 1)); !written) {
        static_cast<void>(mendTail(files));
        return std::unexpected(written.error());
    }
    while (!batches.empty()) {
        const BatchHeader header = *readBatchHeader(batches);
        note(header, position, config.indexIntervalBytes);
        position += header.sizeBytes();
        batches = batches.subspan(header.sizeBytes());
    }
    return {};
}

/// Opens the index files, to read or write; they are made when they are not there.
Result<void, Error> Segment::openIndexes(Files &files)
{
    if (auto opened = open(files, m_index, ".index"); !opened)
        return opened;
    return open(files, m_timeIndex, ".timeindex");
}

/// Makes the index files hold what is in memory.
Result<void, Error> Segment::writeIndexes(Files &files)
{
    if (auto opened = openIndexes(files); !opened)
        return opened;
    const std::span<const IndexEntry> entries(m_entries);
    if (auto done = replaceTail(files, m_index, m_entriesWritten * kIndexEntryBytes,
            encodeIndex(entries.subspan(m_entriesWritten)));
        !done)
        return done;
    m_entriesWritten = m_entries.size();
    const std::span<const TimeIndexEntry> timeEntries(m_timeEntries);
    if (auto done = replaceTail(files, m_timeIndex, m_timeEntriesWritten * kTimeIndexEntryBytes,
            encodeTimeIndex(timeEntries.subspan(m_timeEntriesWritten)));
        !done)
        return done;
    m_timeEntriesWritten = m_timeEntries.size();
    return {};
}

void Segment::noteAborted(Files &files, const AbortedTxn &transaction)
{
    m_aborted.push_back(transaction);
    static_cast<void>(writeAborted(files)); // what is not written goes with the next
}

Result<void, Error> Segment::setAborted(Files &files, std::vector<AbortedTxn> transactions)
{
    m_aborted = std::move(transactions);
    m_abortedWritten = 0;
    m_abortedKnown = true;
    if (m_aborted.empty()) {
        closeFile(files, m_txnIndex);
        const std::string path =
            segmentPath(m_directory, m_baseOffset, ".txnindex") + std::string(m_suffix);
        return files.exists(path) ? files.remove(path) : Result<void, Error>();
    }
    Result<void, Error> done = writeAborted(files);
    if (done)
        done = files.sync(m_txnIndex);
    closeFile(files, m_txnIndex);
    return done;
}

/// Makes `.txnindex` hold what is in memory; there is none while there is nothing to write.
Result<void, Error> Segment::writeAborted(Files &files)
{
    if (m_abortedWritten == m_aborted.size())
        return {};
    if (auto opened = open(files, m_txnIndex, ".txnindex"); !opened)
        return opened;
    Bytes bytes;
    for (std::size_t i = m_abortedWritten; i < m_aborted.size(); ++i)
        appendAbortedTxn(bytes, m_aborted[i]);
    if (auto done = replaceTail(files, m_txnIndex, m_abortedWritten * kAbortedTxnBytes, bytes);
        !done)
        return done;
    m_abortedWritten = m_aborted.size();
    return {};
}

std::uint64_t Segment::positionBefore(std::int64_t offset) const
{
    const auto after = std::ranges::upper_bound(m_entries, offset, {},
        [this](const IndexEntry &entry) { return m_baseOffset + entry.relativeOffset; });
    return after == m_entries.begin() ? 0 : static_cast<std::uint64_t>(std::prev(after)->position);
}

std::uint64_t Segment::positionBeforeTime(std::int64_t timestampMs) const
{
    const auto after =
        std::ranges::upper_bound(m_timeEntries, timestampMs, {}, &TimeIndexEntry::timestamp);
    return after == m_timeEntries.begin()
        ? 0
        : positionBefore(m_baseOffset + std::prev(after)->relativeOffset);
}

Result<void, Error> Segment::sync(Files &files)
{
    return isOpen(m_log) ? files.sync(m_log) : Result<void, Error>();
}

Result<void, Error> Segment::syncAll(Files &files)
{
    for (const FileId file : {m_log, m_index, m_timeIndex}) {
        if (auto done = files.sync(file); !done)
            return done;
    }
    return isOpen(m_txnIndex) ? files.sync(m_txnIndex) : Result<void, Error>();
}

Result<void, Error> Segment::seal(Files &files)
{
    if (m_sizeBytes == 0) // nothing was ever written, or it was all cut off
        return sync(files);
    noteTimeIndexEntry();
    if (auto done = writeIndexes(files); !done)
        return done;
    if (auto done = writeAborted(files); !done)
        return done;
    if (auto done = syncAll(files); !done)
        return done;
    closeIndexes(files);
    return {};
}

void Segment::closeIndexes(Files &files)
{
    closeFile(files, m_index);
    closeFile(files, m_timeIndex);
    closeFile(files, m_txnIndex);
}

Result<void, Error> Segment::truncateTo(Files &files, std::int64_t offset)
{
    BatchScan scan(files, m_log, positionBefore(offset), m_sizeBytes);
    bool found = false;
    while (!found && scan.next())
        found = scan.header().lastOffset() >= offset;
    if (scan.stopped() == BatchScan::Stop::Unreadable)
        return std::unexpected(scan.error());
    if (!found) { // compaction has removed all from there on; the offsets go too
        m_nextOffset = std::min(m_nextOffset, std::max(offset, m_baseOffset));
        return {};
    }
    const std::uint64_t cut = scan.position();
    // Before the batch there may be a gap that compaction has left.
    const std::int64_t nextOffset =
        std::max(std::min(scan.header().baseOffset, offset), m_baseOffset);
    std::int64_t recordsCut = scan.header().recordCount;
    while (m_counted && scan.next())
        recordsCut += scan.header().recordCount;
    if (scan.stopped() == BatchScan::Stop::Unreadable)
        return std::unexpected(scan.error());
    if (auto done = files.truncate(m_log, cut); !done)
        return done;
    m_sizeBytes = cut;
    m_counted = cut == 0 || scan.stopped() == BatchScan::Stop::AtEnd;
    m_recordCount = cut == 0 ? 0 : m_recordCount - recordsCut;
    m_nextOffset = nextOffset;

    while (!m_entries.empty() && static_cast<std::uint64_t>(m_entries.back().position) >= cut)
        m_entries.pop_back();
    while (
        !m_timeEntries.empty() && m_baseOffset + m_timeEntries.back().relativeOffset >= nextOffset)
        m_timeEntries.pop_back();
    m_entriesWritten = std::min(m_entriesWritten, m_entries.size());
    m_timeEntriesWritten = std::min(m_timeEntriesWritten, m_timeEntries.size());
    if (auto done = writeIndexes(files); !done)
        return done;
    if (!m_aborted.empty() && m_aborted.back().lastOffset >= nextOffset) {
        std::vector<AbortedTxn> left = m_aborted;
        std::erase_if(left,
            [&](const AbortedTxn &transaction) { return transaction.lastOffset >= nextOffset; });
        if (auto done = setAborted(files, std::move(left)); !done)
            return done;
    }

    // What is not in a time index entry lies behind the last index entry.
    m_maxTimestamp = m_timeEntries.empty() ? -1 : m_timeEntries.back().timestamp;
    m_offsetOfMaxTimestamp =
        m_baseOffset + (m_timeEntries.empty() ? 0 : m_timeEntries.back().relativeOffset);
    if (m_sizeBytes == 0)
        m_firstBatchTimestamp = -1;
    BatchScan tail(files, m_log,
        m_entries.empty() ? 0 : static_cast<std::uint64_t>(m_entries.back().position), cut);
    while (tail.next())
        noteTimestamp(tail.header());
    if (tail.stopped() == BatchScan::Stop::Unreadable)
        return std::unexpected(tail.error());
    return {};
}

void Segment::close(Files &files)
{
    closeFile(files, m_log);
    closeIndexes(files);
}

Result<void, Error> Segment::retire(Files &files)
{
    Result<void, Error> retired = retireSegmentFiles(files, m_directory, m_baseOffset);
    if (retired)
        close(files);
    return retired;
}

Result<void, Error> Segment::remove(Files &files)
{
    Result<void, Error> removed = removeFiles(files, m_directory, m_baseOffset, m_suffix);
    if (removed)
        close(files);
    return removed;
}

} // namespace queuelab::log
