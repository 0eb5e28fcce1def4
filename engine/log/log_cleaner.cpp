#include "engine/log/log_cleaner.h"

#include "engine/log/batch_rewriter.h"
#include "engine/log/batch_scan.h"
#include "engine/log/cleaned_transactions.h"
#include "engine/log/events.h"
#include "engine/log/offset_map.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace queuelab::log {
namespace {

/// Read and written at a time: what was just read is walked over, and what was just made is
/// written, while the processor's second-level cache has it.
constexpr std::size_t kCleanerChunkBytes = 256 << 10;
/// Keys whose places in the table are asked for before the first is used.
constexpr std::size_t kAhead = 32;

using Segments = std::vector<std::shared_ptr<const Segment>>;

/// The closed segments from the one that holds `from` on.
std::span<const std::shared_ptr<const Segment>> closedFrom(
    const PartitionLog &log, std::int64_t from)
{
    const auto closed = log.closedSegments();
    if (from >= log.activeBaseOffset())
        return {};
    const auto after = std::ranges::upper_bound(
        closed, from, {}, [](const auto &segment) { return segment->baseOffset(); });
    const auto at = static_cast<std::size_t>(after - closed.begin());
    return closed.subspan(at == 0 ? 0 : at - 1);
}

/// A record on its way into the map.
struct Pending {
    KeyHash key;
    std::int64_t offset = 0;
};

/// What decides whether a record stays.
struct Walked {
    Walked() = default;
    explicit Walked(const RecordView &record)
        : offset(record.offset)
        , hasKey(record.key.has_value())
        , hasValue(record.value.has_value())
    {
    }

    std::int64_t offset = 0;
    bool hasKey = false;
    bool hasValue = false;
};

/// A record whose key is looked up.
struct LookedUp {
    Walked record;
    KeyHash key; // when it has one
    KeptRecord kept; // if it stays
};

class Cleaning {
public:
    Cleaning(PartitionLog &log, const Cleanable &range, const CleanerSettings &settings,
        NameId partition, NameId broker, Context &context)
        : m_log(log)
        , m_range(range)
        , m_settings(settings)
        , m_partition(partition)
        , m_broker(broker)
        , m_context(context)
        , m_nowMs(epochMillis(context.wallClock()))
        , m_producers(log.producers())
        , m_map(static_cast<std::uint64_t>(std::max<std::int64_t>(settings.dedupeBufferSize, 0)),
              settings.loadFactor, range.firstDirtyOffset, range.firstUncleanableOffset)
        , m_latestMapped(range.firstDirtyOffset - 1)
    {
    }

    Result<CleanResult, Error> run();

private:
    Result<void, Error> fillMap();
    Result<bool, Error> mapSegment(const Segment &segment, CleanedTransactions &transactions);
    Result<bool, Error> mapBatch(const Segment &segment, const BatchScan &scan);
    bool mapPending(std::size_t most);
    std::vector<Segments> groups() const;
    Result<void, Error> cleanGroup(const Segments &group);
    Result<void, Error> writeGroup(const Segments &group, Segment &cleaned);
    Result<void, Error> cleanBatch(const Segment &segment, const BatchScan &scan);
    bool staysEmpty(const BatchHeader &header) const;
    bool keepRecords(const BatchHeader &header, RecordCursor &cursor);
    bool keepLookedUp(const BatchHeader &header, RecordCursor &cursor);
    bool stays(const BatchHeader &header, const Walked &record, bool isSuperseded) const;
    void keep(const Walked &record, const KeptRecord &kept);
    Result<void, Error> ended(const Segment &segment, const BatchScan &scan) const;
    Error damaged(const Segment &segment, std::uint64_t position) const;

    PartitionLog &m_log;
    const Cleanable &m_range;
    const CleanerSettings &m_settings;
    const NameId m_partition;
    const NameId m_broker;
    Context &m_context;
    const std::int64_t m_nowMs;
    const std::vector<ProducerEntry> m_producers; // by id
    OffsetMap m_map;
    std::int64_t m_latestMapped; // the map knows every key up to here
    std::optional<CleanedTransactions> m_transactions; // of the walk that writes
    BatchRewriter m_rewriter;
    std::array<Pending, kAhead> m_pending; // a ring: the n-th is at n % kAhead
    std::size_t m_met = 0; // records that were to be put into the map so far
    std::size_t m_put = 0; // of them those that are in it
    std::array<LookedUp, kAhead> m_lookedUp;
    std::vector<KeptRecord> m_kept; // of the batch at hand
    bool m_keepsTombstone = false; // among them
    Bytes m_out; // cleaned batches that are not in the file yet
    CleanResult m_result;
};

Error Cleaning::damaged(const Segment &segment, std::uint64_t position) const
{
    return Error{segmentPath(m_log.directory(), segment.baseOffset(), ".log"),
        fmt::format("no sound batch at {}, so it is not compacted", position),
        "stop and start the broker: it cuts off what is damaged"};
}

/// Whether the scan saw all of the segment.
Result<void, Error> Cleaning::ended(const Segment &segment, const BatchScan &scan) const
{
    if (scan.stopped() == BatchScan::Stop::AtEnd)
        return {};
    return std::unexpected(scan.stopped() == BatchScan::Stop::Unreadable
            ? scan.error()
            : damaged(segment, scan.position()));
}

Result<CleanResult, Error> Cleaning::run()
{
    m_result.nextDirtyOffset = m_range.firstDirtyOffset;
    if (m_range.firstUncleanableOffset <= m_range.firstDirtyOffset)
        return m_result;
    if (auto filled = fillMap(); !filled)
        return std::unexpected(filled.error());
    m_transactions.emplace(m_log.allAborted());
    std::uint64_t bytesBefore = 0;
    for (const Segments &group : groups()) {
        for (const auto &segment : group)
            bytesBefore += segment->sizeBytes();
        if (auto cleaned = cleanGroup(group); !cleaned)
            return std::unexpected(cleaned.error());
    }
    m_result.nextDirtyOffset = m_latestMapped + 1;
    m_context.trace.record({.at = m_context.now,
        .kind = kind(LogEvent::PartitionCleaned),
        .subject = m_partition,
        .actor = m_broker,
        .item = m_result.nextDirtyOffset,
        .count = m_result.recordsRemoved,
        .value = static_cast<std::int64_t>(bytesBefore)
            - static_cast<std::int64_t>(m_result.bytesKept)});
    return m_result;
}

Result<void, Error> Cleaning::fillMap()
{
    std::vector<AbortedTxn> aborted = m_log.allAborted();
    std::erase_if(aborted, [this](const AbortedTxn &transaction) {
        return transaction.lastOffset < m_range.firstDirtyOffset;
    });
    CleanedTransactions transactions(std::move(aborted));
    const auto dirty = closedFrom(m_log, m_range.firstDirtyOffset);
    for (std::size_t i = 0;
        i < dirty.size() && dirty[i]->baseOffset() < m_range.firstUncleanableOffset; ++i) {
        const auto whole = mapSegment(*dirty[i], transactions);
        if (!whole)
            return std::unexpected(whole.error());
        if (!*whole)
            return {};
        // Behind its last batch there may be a gap.
        const std::int64_t next =
            i + 1 < dirty.size() ? dirty[i + 1]->baseOffset() : m_range.firstUncleanableOffset;
        m_latestMapped = std::min(next, m_range.firstUncleanableOffset) - 1;
    }
    return {};
}

/// False when the map is full.
Result<bool, Error> Cleaning::mapSegment(const Segment &segment, CleanedTransactions &transactions)
{
    const std::uint64_t from = segment.positionBefore(m_range.firstDirtyOffset);
    BatchScan scan(m_context.files, segment.log(), from, segment.sizeBytes(), kCleanerChunkBytes);
    while (scan.next()) {
        const BatchHeader &header = scan.header();
        m_result.bytesRead += header.sizeBytes();
        if (header.isControl()) {
            transactions.onControl(header, scan.bytes());
        } else if (!transactions.onData(header)) {
            const auto whole = mapBatch(segment, scan);
            if (!whole || !*whole)
                return whole;
        }
    }
    if (auto all = ended(segment, scan); !all)
        return std::unexpected(all.error());
    return mapPending(0);
}

Result<bool, Error> Cleaning::mapBatch(const Segment &segment, const BatchScan &scan)
{
    const bool forgetsTombstones = m_settings.plantedBug == PlantedBug::TombstonesForgottenEarly;
    RecordCursor cursor(scan.bytes());
    while (cursor.next()) {
        const RecordView &record = cursor.record();
        if (!record.key || record.offset < m_range.firstDirtyOffset
            || (forgetsTombstones && !record.value))
            continue;
        if (!mapPending(kAhead - 1))
            return false;
        Pending &pending = m_pending[m_met++ % kAhead];
        pending.key = hashKey(*record.key);
        pending.offset = record.offset;
        m_map.prefetch(pending.key);
    }
    if (!cursor.ok())
        return std::unexpected(damaged(segment, scan.position()));
    return true;
}

/// Puts into the map what was met, until only so many wait. False when the map is full.
bool Cleaning::mapPending(std::size_t most)
{
    for (; m_met - m_put > most; ++m_put) {
        const Pending &pending = m_pending[m_put % kAhead];
        if (!m_map.hasRoomFor(pending.offset)) {
            m_latestMapped = std::max(m_latestMapped, pending.offset - 1);
            return false;
        }
        m_map.put(pending.key, pending.offset);
    }
    return true;
}

/// The segments up to where the map reaches; those that go together become one (Kafka's rule).
std::vector<Segments> Cleaning::groups() const
{
    constexpr std::int64_t kMostOffsets = std::numeric_limits<std::int32_t>::max();
    const auto segmentBytes = static_cast<std::uint64_t>(m_log.config().segmentBytes);
    const auto indexBytes = static_cast<std::uint64_t>(m_log.config().segmentIndexBytes);
    const auto closed = m_log.closedSegments();
    std::vector<Segments> groups;
    std::uint64_t bytes = 0;
    std::uint64_t index = 0;
    std::uint64_t timeIndex = 0;
    for (std::size_t i = 0; i < closed.size() && closed[i]->baseOffset() <= m_latestMapped; ++i) {
        const Segment &next = *closed[i];
        const std::int64_t lastOffset =
            (i + 1 < closed.size() ? closed[i + 1]->baseOffset() : m_range.firstUncleanableOffset)
            - 1;
        const bool joins = !groups.empty() && bytes + next.sizeBytes() <= segmentBytes
            && index + next.indexBytes() <= indexBytes
            && timeIndex + next.timeIndexBytes() <= indexBytes
            && (next.sizeBytes() == 0
                || lastOffset - groups.back().front()->baseOffset() <= kMostOffsets);
        if (!joins) {
            groups.emplace_back();
            bytes = 0;
            index = 0;
            timeIndex = 0;
        }
        groups.back().push_back(closed[i]);
        bytes += next.sizeBytes();
        index += next.indexBytes();
        timeIndex += next.timeIndexBytes();
    }
    return groups;
}

Result<void, Error> Cleaning::cleanGroup(const Segments &group)
{
    Files &files = m_context.files;
    const CleanResult before = m_result;
    const std::int64_t base = group.front()->baseOffset();
    auto cleaned = Segment::createCleaned(files, m_log.directory(), base, group.back()->created());
    if (!cleaned)
        return std::unexpected(cleaned.error());
    Result<void, Error> done = writeGroup(group, *cleaned);
    if (auto needed = m_transactions->takeNeeded(); done && !needed.empty())
        done = cleaned->setAborted(files, std::move(needed));
    if (done)
        done = cleaned->seal(files);
    if (!done) {
        static_cast<void>(cleaned->remove(files)); // else the next open() does it
        return done;
    }
    std::vector<std::int64_t> replaced;
    replaced.reserve(group.size());
    for (const auto &segment : group)
        replaced.push_back(segment->baseOffset());
    if (auto swapped = m_log.replaceSegments(replaced, std::move(*cleaned), m_context); !swapped)
        return swapped;
    m_context.trace.record({.at = m_context.now,
        .kind = kind(LogEvent::SegmentsCleaned),
        .subject = m_partition,
        .actor = m_broker,
        .item = base,
        .count = m_result.recordsKept - before.recordsKept,
        .value = static_cast<std::int64_t>(m_result.bytesKept - before.bytesKept)});
    return {};
}

Result<void, Error> Cleaning::writeGroup(const Segments &group, Segment &cleaned)
{
    m_out.clear();
    const auto write = [&]() -> Result<void, Error> {
        if (m_out.empty())
            return {};
        m_result.bytesKept += m_out.size();
        auto written = cleaned.appendRun(m_context.files, m_out, m_log.config());
        m_out.clear();
        return written;
    };
    for (const auto &segment : group) {
        BatchScan scan(
            m_context.files, segment->log(), 0, segment->sizeBytes(), kCleanerChunkBytes);
        while (scan.next()) {
            m_result.bytesRead += scan.header().sizeBytes();
            if (auto done = cleanBatch(*segment, scan); !done)
                return done;
            if (m_out.size() < kCleanerChunkBytes)
                continue;
            if (auto written = write(); !written)
                return written;
        }
        if (auto all = ended(*segment, scan); !all)
            return all;
    }
    return write();
}

/// Whether the batch says something when it has no records any more: the last sequence or, behind a
/// marker, the epoch of a producer that is known, by which retries and zombies are recognised; or
/// where the cleaned part of the log ends.
bool Cleaning::staysEmpty(const BatchHeader &header) const
{
    if (header.lastOffset() + 1 == m_range.firstUncleanableOffset)
        return true;
    if (header.producerId < 0)
        return false;
    const auto producer =
        std::ranges::lower_bound(m_producers, header.producerId, {}, &ProducerEntry::producerId);
    if (producer == m_producers.end() || producer->producerId != header.producerId)
        return false;
    return producer->lastOffset >= 0
        ? header.lastOffset() == producer->lastOffset
        : header.isControl() && header.producerEpoch == producer->producerEpoch;
}

bool Cleaning::stays(const BatchHeader &header, const Walked &record, bool isSuperseded) const
{
    if (record.offset > m_latestMapped)
        return true;
    if (!record.hasKey) // from before the topic was compacted
        return false;
    if (isSuperseded)
        return false;
    if (m_settings.plantedBug == PlantedBug::CompactionDropsLast
        && record.offset >= m_range.firstDirtyOffset)
        return false;
    if (m_settings.plantedBug == PlantedBug::TombstonesForgottenEarly && !record.hasValue)
        return false;
    const std::optional<std::int64_t> horizon = header.deleteHorizon();
    return record.hasValue || !horizon || m_nowMs < *horizon;
}

void Cleaning::keep(const Walked &record, const KeptRecord &kept)
{
    m_kept.push_back(kept);
    m_keepsTombstone = m_keepsTombstone || !record.hasValue;
}

/// Keeps what stays of a batch; false when one of its records is not well formed.
bool Cleaning::keepRecords(const BatchHeader &header, RecordCursor &cursor)
{
    const bool isControl = header.isControl();
    if (!isControl && !m_map.remembers(header.baseOffset, header.lastOffset()))
        return keepLookedUp(header, cursor);
    while (cursor.next()) {
        const Walked record(cursor.record());
        if (isControl || stays(header, record, m_map.isSuperseded(record.offset)))
            keep(record, {cursor.bytes(), cursor.record().timestamp});
    }
    return cursor.ok();
}

/// As keepRecords(), for records that were not put into the map.
bool Cleaning::keepLookedUp(const BatchHeader &header, RecordCursor &cursor)
{
    for (bool more = true; more;) {
        std::size_t count = 0;
        while (count < kAhead && (more = cursor.next())) {
            LookedUp &next = m_lookedUp[count++];
            next.record = Walked(cursor.record());
            next.kept = {cursor.bytes(), cursor.record().timestamp};
            if (next.record.hasKey) {
                next.key = hashKey(*cursor.record().key);
                m_map.prefetch(next.key);
            }
        }
        for (const auto &[record, key, kept] : std::span(m_lookedUp).first(count)) {
            if (stays(header, record, record.hasKey && record.offset < m_map.find(key)))
                keep(record, kept);
        }
    }
    return cursor.ok();
}

Result<void, Error> Cleaning::cleanBatch(const Segment &segment, const BatchScan &scan)
{
    const BatchHeader &header = scan.header();
    const ByteView batch = scan.bytes();
    const std::optional<std::int64_t> horizon = header.deleteHorizon();
    // Nobody reads aborted data. A marker stays until nothing of its transaction is left, and then
    // as long as a tombstone does, for readers that are on their way.
    const bool isNeedless = header.isControl() ? m_transactions->onControl(header, batch)
                                               : m_transactions->onData(header);
    const bool dropsAll = isNeedless && (!header.isControl() || (horizon && *horizon <= m_nowMs));
    m_kept.clear();
    m_keepsTombstone = false;
    std::optional<RecordCursor> cursor; // holds what a compressed batch's records are in
    if (!dropsAll && !keepRecords(header, cursor.emplace(batch)))
        return std::unexpected(damaged(segment, scan.position()));
    const auto kept = static_cast<std::int64_t>(m_kept.size());
    m_result.recordsKept += kept;
    m_result.recordsRemoved += header.recordCount - kept;
    const bool getsHorizon =
        !horizon && (m_keepsTombstone || (header.isControl() && isNeedless)) && kept > 0;
    if (kept > 0 && kept == header.recordCount && !getsHorizon) {
        m_out.insert(m_out.end(), batch.begin(), batch.end());
        return {};
    }
    if (kept == 0 && !staysEmpty(header))
        return {};
    if (!checkBatch(batch)) // with a new CRC nobody would see it any more
        return std::unexpected(damaged(segment, scan.position()));
    if (kept == 0)
        m_rewriter.empty(header, m_out);
    else
        m_rewriter.rewrite(header, m_kept,
            getsHorizon ? std::optional(m_nowMs + m_log.config().deleteRetentionMs) : horizon,
            m_out);
    return {};
}

} // namespace

double Cleanable::dirtyRatio() const
{
    const std::uint64_t total = cleanBytes + dirtyBytes;
    return total == 0 ? 0 : static_cast<double>(dirtyBytes) / static_cast<double>(total);
}

bool Cleanable::isDue(const LogConfig &config) const
{
    return dirtyBytes > 0 && (isOverdue || dirtyRatio() > config.minCleanableDirtyRatio);
}

Cleanable cleanableRange(const PartitionLog &log, std::int64_t checkpoint,
    std::int64_t highWatermark, std::int64_t nowMs)
{
    const LogConfig &config = log.config();
    Cleanable range;
    range.firstDirtyOffset = checkpoint < log.logStartOffset() || checkpoint > log.logEndOffset()
        ? log.logStartOffset()
        : checkpoint;
    const auto dirty = closedFrom(log, range.firstDirtyOffset);
    std::int64_t end = std::min(log.lastStableOffset(highWatermark), log.activeBaseOffset());
    if (config.minCompactionLagMs > 0) {
        const auto young = std::ranges::find_if(dirty, [&](const auto &segment) {
            return segment->maxTimestamp() > nowMs - config.minCompactionLagMs;
        });
        if (young != dirty.end())
            end = std::min(end, (*young)->baseOffset());
    }
    // Only whole segments: back to where the one begins in which that is.
    const auto behind = closedFrom(log, std::max(range.firstDirtyOffset, end));
    range.firstUncleanableOffset =
        behind.empty() ? log.activeBaseOffset() : behind.front()->baseOffset();

    std::int64_t oldest = std::numeric_limits<std::int64_t>::max();
    for (const auto &segment : dirty) {
        if (segment->baseOffset() < range.firstUncleanableOffset)
            range.dirtyBytes += segment->sizeBytes();
        if (segment->firstBatchTimestamp() > 0)
            oldest = std::min(oldest, segment->firstBatchTimestamp());
    }
    for (const auto &segment : log.closedSegments()) {
        if (segment->baseOffset() < range.firstDirtyOffset)
            range.cleanBytes += segment->sizeBytes();
    }
    range.isOverdue = oldest < nowMs - config.maxCompactionLagMs;
    return range;
}

Result<CleanResult, Error> cleanLog(PartitionLog &log, const Cleanable &range,
    const CleanerSettings &settings, NameId partition, NameId broker, Context &context)
{
    return Cleaning(log, range, settings, partition, broker, context).run();
}

} // namespace queuelab::log
