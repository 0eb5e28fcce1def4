#include "engine/log/partition_log.h"

#include "engine/core/crc32c.h"
#include "engine/log/batch_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace queuelab::log {
namespace {

constexpr std::uint64_t kMaxChunkBytes = 16
    << 20; // asked of Files at a time, whatever a reader asks of us

std::string parentOf(const std::string &path)
{
    const std::size_t slash = path.rfind('/');
    return slash == std::string::npos ? std::string() : path.substr(0, slash);
}

} // namespace

PartitionLog::PartitionLog(std::string directory, LogConfig config)
    : m_directory(std::move(directory))
    , m_config(std::move(config))
{
}

Result<AppendResult, ErrorCode> PartitionLog::append(ByteView batch, std::int32_t leaderEpoch,
    Context &context, AppendOrigin origin, const ProducerTerms &terms)
{
    const std::int64_t nowMs = epochMillis(context.wallClock());
    auto valid = validateBatch(batch, m_config, nowMs, origin);
    if (!valid)
        return std::unexpected(valid.error());
    BatchHeader &header = valid->header;
    const std::optional<EndTransaction> marker = readEndTransaction(header, batch);
    if (marker) {
        if (const ErrorCode error = m_producers.checkMarker(header, *marker, terms);
            error != ErrorCode::None)
            return std::unexpected(error);
    } else if (header.producerId >= 0) {
        const auto original = m_producers.check(header, origin, terms);
        if (!original)
            return std::unexpected(original.error());
        if (*original) {
            return AppendResult{.baseOffset = (*original)->baseOffset,
                .lastOffset = (*original)->lastOffset,
                .logAppendTimeMs = m_config.logAppendTime ? (*original)->timestamp : -1,
                .duplicate = true};
        }
    }
    header.baseOffset = logEndOffset();
    header.partitionLeaderEpoch = leaderEpoch;
    AppendResult result{.baseOffset = header.baseOffset,
        .lastOffset = header.lastOffset(),
        .logAppendTimeMs = m_config.logAppendTime ? nowMs : -1};

    // The leader's own header goes to the file in front of the records, so the caller's bytes are
    // neither changed nor copied.
    std::array<std::uint8_t, kBatchHeaderBytes> front;
    writeBatchHeader(front.data(), header);
    const std::array<ByteView, 2> pieces{ByteView(front), valid->records};
    const auto stored = store(header, marker, pieces, context);
    if (!stored)
        return std::unexpected(stored.error());
    result.rolled = stored->rolled;
    result.ended = stored->ended;
    return result;
}

Result<AppendResult, ErrorCode> PartitionLog::replicate(
    std::span<const SharedBytes> pieces, Context &context)
{
    AppendResult result{.baseOffset = logEndOffset(), .lastOffset = logEndOffset() - 1};
    for (const SharedBytes &piece : pieces) {
        for (ByteView rest = piece.view(); !rest.empty();) {
            const auto header = checkBatch(rest);
            if (!header)
                return std::unexpected(errorFor(header.error()));
            if (header->baseOffset < logEndOffset())
                return std::unexpected(ErrorCode::InvalidRecord);
            const std::array<ByteView, 1> batch{rest.first(header->sizeBytes())};
            const auto stored = store(*header, readEndTransaction(*header, rest), batch, context);
            if (!stored)
                return std::unexpected(stored.error());
            result.rolled = result.rolled || stored->rolled;
            result.lastOffset = header->lastOffset();
            rest = rest.subspan(header->sizeBytes());
        }
    }
    return result;
}

/// Writes a batch that was checked and has its place in the log; `pieces` are its bytes, `header`
/// what they begin with, `marker` what they say when they end a transaction. On failure the log is
/// as before.
Result<PartitionLog::Stored, ErrorCode> PartitionLog::store(const BatchHeader &header,
    const std::optional<EndTransaction> &marker, std::span<const ByteView> pieces, Context &context)
{
    if (m_epochs.begin(header.partitionLeaderEpoch, header.baseOffset))
        m_epochsWritten = false;
    if (!writeEpochs(context)) // before the first record it speaks of
        return std::unexpected(ErrorCode::KafkaStorageError);
    const bool rolls = m_active.mustRoll(header, m_config, context.now);
    if (rolls && !roll(context))
        return std::unexpected(ErrorCode::KafkaStorageError);
    const bool flushDue = header.recordCount >= m_config.flushMessages - m_unflushedRecords;
    if (flushDue && !syncNames(context))
        return std::unexpected(ErrorCode::KafkaStorageError);
    if (!m_active.append(context.files, pieces, header, m_config, flushDue))
        return std::unexpected(ErrorCode::KafkaStorageError);
    m_unflushedRecords = flushDue ? 0 : m_unflushedRecords + header.recordCount;
    Stored stored{.rolled = rolls};
    if (const auto ended = m_producers.note(header, marker)) {
        stored.ended = ended->transaction;
        if (!ended->transaction.committed)
            m_active.noteAborted(context.files, ended->aborted());
    }
    return stored;
}

/// Starts a new segment at the log's end. As in Kafka the old one is synced then. On failure
/// nothing changed.
Result<void, Error> PartitionLog::roll(Context &context)
{
    auto next = Segment::create(context.files, m_directory, logEndOffset(), context.now);
    if (!next)
        return std::unexpected(next.error());
    Result<void, Error> done = m_active.seal(context.files);
    m_namesDurable = false;
    if (done)
        done = writeSnapshot(context.files);
    if (done)
        done = syncNames(context);
    if (!done) {
        static_cast<void>(next->remove(context.files)); // create() takes leftovers over
        return done;
    }
    m_closed.push_back(std::make_shared<const Segment>(std::move(m_active)));
    m_active = std::move(*next);
    m_unflushedRecords = 0;
    return {};
}

/// The last segment whose base offset is at most `offset`.
std::size_t PartitionLog::segmentHolding(std::int64_t offset) const
{
    if (offset >= m_active.baseOffset())
        return m_closed.size();
    const auto after = std::ranges::upper_bound(
        m_closed, offset, {}, [](const auto &segment) { return segment->baseOffset(); });
    return after == m_closed.begin() ? 0 : static_cast<std::size_t>(after - m_closed.begin()) - 1;
}

Result<PartitionLog::ReadResult, ErrorCode> PartitionLog::read(std::int64_t from,
    std::int64_t limit, std::uint64_t maxBytes, std::vector<SharedBytes> &out,
    const Files &files) const
{
    if (from < m_logStartOffset || from > logEndOffset())
        return std::unexpected(ErrorCode::OffsetOutOfRange);
    limit = std::min(limit, logEndOffset());
    ReadResult result{.nextOffset = from};
    bool full = false;
    for (std::size_t i = segmentHolding(from);
        i < segmentCount() && !full && result.nextOffset < limit; ++i) {
        const Segment &current = segment(i);
        // The index leads to at most one interval before the wanted batch.
        const std::uint64_t chunk =
            std::min(maxBytes - std::min(maxBytes, result.bytes), kMaxChunkBytes)
            + static_cast<std::uint64_t>(m_config.indexIntervalBytes);
        BatchScan scan(files, current.log(), current.positionBefore(result.nextOffset),
            current.sizeBytes(), chunk);
        SharedBytes slice; // of the run of batches that is being gathered
        std::size_t start = 0;
        std::size_t end = 0;
        const auto handOver = [&] {
            if (end > start)
                out.push_back(slice.slice(start, end - start));
        };
        while (scan.next()) {
            const BatchHeader &header = scan.header();
            if (header.lastOffset() < from)
                continue;
            const std::uint64_t size = header.sizeBytes();
            full = header.lastOffset() >= limit
                || (result.bytes > 0 && result.bytes + size > maxBytes);
            if (full)
                break;
            if (scan.slice().view().data() != slice.view().data()
                || scan.positionInSlice() != end) {
                handOver();
                slice = scan.slice();
                start = scan.positionInSlice();
            }
            end = scan.positionInSlice() + size;
            result.bytes += size;
            result.recordCount += header.recordCount;
            result.nextOffset = header.lastOffset() + 1;
            // Behind the first chunk there is at most what is still allowed to look at.
            scan.setChunk(std::min(maxBytes - std::min(maxBytes, result.bytes), kMaxChunkBytes));
        }
        handOver();
        if (full || scan.stopped() == BatchScan::Stop::AtEnd)
            continue;
        if (result.bytes > 0) // first what is sound; who asks on from there gets the error
            break;
        return std::unexpected(scan.stopped() == BatchScan::Stop::Unreadable
                ? ErrorCode::KafkaStorageError
                : ErrorCode::CorruptMessage);
    }
    return result;
}

Result<PartitionLog::TimestampOffset, Error> PartitionLog::offsetForTime(
    std::int64_t timestampMs, std::int64_t limit, const Files &files) const
{
    for (std::size_t i = segmentHolding(m_logStartOffset); i < segmentCount(); ++i) {
        const Segment &current = segment(i);
        if (current.maxTimestamp() < timestampMs)
            continue;
        BatchScan scan(
            files, current.log(), current.positionBeforeTime(timestampMs), current.sizeBytes());
        while (scan.next()) {
            const BatchHeader &header = scan.header();
            if (header.baseOffset >= limit)
                return TimestampOffset{};
            if (header.maxTimestamp < timestampMs || header.lastOffset() < m_logStartOffset)
                continue;
            for (RecordCursor cursor(scan.bytes()); cursor.next();) {
                const RecordView &record = cursor.record();
                if (record.timestamp < timestampMs || record.offset < m_logStartOffset)
                    continue;
                return record.offset < limit ? TimestampOffset{record.timestamp, record.offset}
                                             : TimestampOffset{};
            }
        }
        if (scan.stopped() == BatchScan::Stop::Unreadable)
            return std::unexpected(scan.error());
        if (scan.stopped() != BatchScan::Stop::AtEnd) {
            return std::unexpected(Error{segmentPath(m_directory, current.baseOffset(), ".log"),
                fmt::format("no sound batch at {}", scan.position()),
                "stop and start the broker: it cuts off what is damaged"});
        }
    }
    return TimestampOffset{};
}

Result<void, Error> PartitionLog::writeEpochs(Context &context)
{
    if (m_epochsWritten)
        return {};
    auto written = replaceFile(context.files, fmt::format("{}/{}", m_directory, kLeaderEpochFile),
        asBytes(m_epochs.text()));
    m_epochsWritten = written.has_value();
    return written;
}

/// What is known of producers at the log's end, as a `.snapshot` file, unless it is there.
Result<void, Error> PartitionLog::writeSnapshot(Files &files)
{
    if (!m_snapshots.empty() && m_snapshots.back() == logEndOffset())
        return {};
    const auto file = files.open(segmentPath(m_directory, logEndOffset(), ".snapshot"), true);
    if (!file)
        return std::unexpected(file.error());
    Result<void, Error> done = files.truncate(*file, 0);
    if (done)
        done = files.writeAt(*file, 0, m_producers.snapshot());
    if (done)
        done = files.sync(*file);
    files.close(*file);
    if (done)
        m_snapshots.push_back(logEndOffset());
    return done;
}

/// Removes the snapshots at offsets in [from, to). One that cannot be removed does no harm but to
/// be found when the log is opened, where it is compared with the log's segments and its end.
void PartitionLog::dropSnapshots(std::int64_t from, std::int64_t to, Files &files)
{
    std::erase_if(m_snapshots, [&](std::int64_t offset) {
        const bool drop = offset >= from && offset < to;
        const std::string path = segmentPath(m_directory, offset, ".snapshot");
        if (drop && files.exists(path))
            static_cast<void>(files.remove(path));
        return drop;
    });
}

void PartitionLog::expireProducers(Instant now, Duration idle)
{
    m_producers.expire(
        epochMillis(now), std::chrono::floor<std::chrono::milliseconds>(idle).count());
}

std::vector<ProducerEntry> PartitionLog::producers(std::size_t most) const
{
    return m_producers.list(most);
}

Result<void, Error> PartitionLog::beginEpoch(std::int32_t epoch, Context &context)
{
    if (!m_epochs.begin(epoch, logEndOffset()))
        return {};
    m_epochsWritten = false;
    return sizeBytes() == 0 ? Result<void, Error>() : writeEpochs(context);
}

std::int32_t PartitionLog::latestEpoch() const
{
    return m_epochs.latest();
}

EpochEnd PartitionLog::endOfEpoch(std::int32_t epoch) const
{
    return m_epochs.endOf(epoch, logEndOffset());
}

std::int32_t PartitionLog::epochAt(std::int64_t offset) const
{
    return offset < logEndOffset() ? m_epochs.at(offset) : -1;
}

/// The active segment goes, the one before it takes its place. When it was the only one, the caller
/// makes another at once.
Result<void, Error> PartitionLog::retireActive(Context &context)
{
    if (auto retired = m_active.retire(context.files); !retired)
        return retired;
    noteRetired(m_active.baseOffset(), context);
    if (!m_closed.empty()) {
        m_active = *m_closed.back();
        m_closed.pop_back();
    }
    return {};
}

void PartitionLog::noteRetired(std::int64_t baseOffset, const Context &context)
{
    m_namesDurable = false;
    m_retired.push_back(
        {baseOffset, context.now + std::chrono::milliseconds(m_config.fileDeleteDelayMs)});
}

void PartitionLog::deleteDelayed(Context &context)
{
    std::erase_if(m_retired, [&](const Retired &retired) {
        return retired.due <= context.now
            && removeRetiredSegment(context.files, m_directory, retired.baseOffset).has_value();
    });
}

std::optional<Instant> PartitionLog::nextDelayedDelete() const
{
    const auto first = std::ranges::min_element(m_retired, {}, &Retired::due);
    return first == m_retired.end() ? std::nullopt : std::optional(first->due);
}

Result<void, Error> PartitionLog::truncateTo(std::int64_t offset, Context &context)
{
    if (offset >= logEndOffset()) {
        // No record is cut, but an epoch may have begun here that the leader never had.
        if (m_epochs.cutEnd(offset))
            m_epochsWritten = false;
        return {};
    }
    if (offset < segment(0).baseOffset())
        return restartAt(offset, context);
    while (offset < m_active.baseOffset()) {
        if (auto retired = retireActive(context); !retired)
            return retired;
    }
    if (auto cut = m_active.truncateTo(context.files, offset); !cut)
        return cut;
    m_logStartOffset = std::min(m_logStartOffset, logEndOffset());
    if (m_epochs.cutEnd(logEndOffset()))
        m_epochsWritten = false;
    deleteDelayed(context);
    dropSnapshots(logEndOffset() + 1, INT64_MAX, context.files);
    RecoveryReport unread;
    return m_producers.empty() ? Result<void, Error>() : loadProducers(true, context.files, unread);
}

Result<void, Error> PartitionLog::restartAt(std::int64_t offset, Context &context)
{
    for (bool more = true; more;) {
        more = !m_closed.empty();
        if (auto retired = retireActive(context); !retired)
            return retired;
    }
    m_active = Segment(m_directory, offset, context.now);
    m_logStartOffset = offset;
    m_epochs = {};
    m_epochsWritten = false;
    m_producers = {};
    dropSnapshots(0, INT64_MAX, context.files);
    m_unflushedRecords = 0;
    auto made = Segment::create(context.files, m_directory, offset, context.now);
    if (!made)
        return std::unexpected(made.error());
    m_active = std::move(*made);
    deleteDelayed(context);
    return {};
}

void PartitionLog::raiseLogStartOffset(std::int64_t offset)
{
    m_logStartOffset = std::max(m_logStartOffset, std::min(offset, logEndOffset()));
    if (m_epochs.cutFront(m_logStartOffset))
        m_epochsWritten = false;
}

/// How many of the oldest segments the three rules give up, the active one included.
std::size_t PartitionLog::oldSegments(Instant now, std::int64_t highWatermark) const
{
    const auto nextBase = [this](std::size_t i) {
        return i + 1 < segmentCount() ? segment(i + 1).baseOffset() : logEndOffset();
    };
    const auto isActive = [this](std::size_t i) { return i + 1 == segmentCount(); };
    const auto mayGo = [&](std::size_t i) {
        return i < segmentCount() && nextBase(i) <= highWatermark
            && !(isActive(i) && segment(i).sizeBytes() == 0);
    };
    std::size_t count = 0;
    while (mayGo(count) && !isActive(count) && nextBase(count) <= m_logStartOffset)
        ++count;
    if (!m_config.deletes)
        return count;
    if (m_config.retentionBytes >= 0) {
        std::uint64_t left = 0;
        for (std::size_t i = count; i < segmentCount(); ++i)
            left += segment(i).sizeBytes();
        const auto limit = static_cast<std::uint64_t>(m_config.retentionBytes);
        while (mayGo(count) && left >= limit && left - limit >= segment(count).sizeBytes()) {
            left -= segment(count).sizeBytes();
            ++count;
        }
    }
    if (m_config.retentionMs >= 0) {
        const auto ageMs = [&](const Segment &old) {
            const std::int64_t youngest =
                old.maxTimestamp() >= 0 ? old.maxTimestamp() : epochMillis(old.created());
            return epochMillis(now) - youngest;
        };
        while (mayGo(count) && ageMs(segment(count)) > m_config.retentionMs)
            ++count;
    }
    return count;
}

std::size_t PartitionLog::deleteOldSegments(Context &context, std::int64_t highWatermark)
{
    std::size_t old = oldSegments(context.now, highWatermark);
    if (old == segmentCount() && !roll(context))
        --old; // the active one stays until a new one can be made
    std::size_t deleted = 0;
    for (; deleted < old; ++deleted) {
        if (!Segment(*m_closed[deleted]).retire(context.files))
            break;
        noteRetired(m_closed[deleted]->baseOffset(), context);
    }
    m_closed.erase(m_closed.begin(), m_closed.begin() + static_cast<std::ptrdiff_t>(deleted));
    raiseLogStartOffset(segment(0).baseOffset());
    dropSnapshots(0, segment(0).baseOffset(), context.files);
    deleteDelayed(context);
    return deleted;
}

/// Makes the names of the files durable, and of the directories they are in.
Result<void, Error> PartitionLog::syncNames(Context &context)
{
    if (m_namesDurable)
        return {};
    for (std::string directory = m_directory;; directory = parentOf(directory)) {
        if (auto synced = context.files.syncDirectory(directory); !synced)
            return synced;
        if (directory.empty() || m_parentsDurable) // files come and go, the directory stays
            break;
    }
    m_namesDurable = true;
    m_parentsDurable = true;
    return {};
}

Result<void, Error> PartitionLog::flush(Context &context)
{
    if (auto named = syncNames(context); !named)
        return named;
    if (auto synced = m_active.sync(context.files); !synced)
        return synced;
    m_unflushedRecords = 0;
    return {};
}

Result<void, Error> PartitionLog::close(Context &context)
{
    // A log that never held anything has nothing to lose: a broker may close thousands of them.
    const bool untouched = logEndOffset() == 0 && m_active.sizeBytes() == 0 && m_retired.empty();
    Result<void, Error> done;
    if (!untouched) {
        done = writeEpochs(context);
        if (done)
            done = m_active.seal(context.files); // may make index files
        if (done && logEndOffset() > m_logStartOffset)
            done = writeSnapshot(context.files);
        if (m_active.sizeBytes() > 0)
            m_namesDurable = false;
        if (done)
            done = syncNames(context);
    }
    m_active.close(context.files);
    for (const auto &closed : m_closed)
        Segment(*closed).close(context.files);
    return done;
}

std::uint64_t PartitionLog::sizeBytes() const
{
    std::uint64_t total = m_active.sizeBytes();
    for (const auto &closed : m_closed)
        total += closed->sizeBytes();
    return total;
}

std::vector<SegmentInfo> PartitionLog::segments() const
{
    std::vector<SegmentInfo> infos;
    for (std::size_t i = 0; i < segmentCount(); ++i) {
        const Segment &current = segment(i);
        infos.push_back({current.baseOffset(), current.nextOffset(), current.sizeBytes(),
            current.maxTimestamp(), current.recordCount().value_or(-1)});
    }
    return infos;
}

} // namespace queuelab::log
