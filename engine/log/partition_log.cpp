#include "engine/log/partition_log.h"

#include "engine/core/crc32c.h"
#include "engine/log/batch_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

namespace queuelab::log {
namespace {

constexpr std::int16_t kLogAppendTimeBit = 0x08;
constexpr std::string_view kEpochFile = "leader-epoch-checkpoint";
constexpr std::uint64_t kMaxChunkBytes = 16
    << 20; // asked of Files at a time, whatever a reader asks of us

ErrorCode errorFor(BatchFault fault)
{
    switch (fault) {
    case BatchFault::BadMagic:
    case BatchFault::BadCount:
        return ErrorCode::InvalidRecord;
    case BatchFault::TooShort:
    case BatchFault::BadLength:
    case BatchFault::BadCrc:
        return ErrorCode::CorruptMessage;
    }
    return ErrorCode::CorruptMessage;
}

/// The leader's checks of one produced batch, in Kafka's order (facts: kafka.md 1.4).
Result<BatchHeader, ErrorCode> validate(
    ByteView batch, const LogConfig &config, std::int64_t nowMs, AppendOrigin origin)
{
    if (batch.size() > static_cast<std::size_t>(config.maxMessageBytes))
        return std::unexpected(ErrorCode::MessageTooLarge);
    const auto header = checkBatch(batch);
    if (!header)
        return std::unexpected(errorFor(header.error()));
    if (header->sizeBytes() != batch.size()) // a second batch, or a part of one
        return std::unexpected(ErrorCode::InvalidRecord);
    if (header->recordCount <= 0 || header->lastOffsetDelta != header->recordCount - 1)
        return std::unexpected(ErrorCode::InvalidRecord);
    if (origin == AppendOrigin::Broker)
        return *header;
    if (header->isControl() || (header->producerId >= 0 && header->baseSequence < 0))
        return std::unexpected(ErrorCode::InvalidRecord);
    if (header->isLogAppendTime()) // only the leader stamps
        return std::unexpected(ErrorCode::InvalidTimestamp);
    if (!config.logAppendTime && header->maxTimestamp > nowMs
        && header->maxTimestamp - nowMs > config.timestampAfterMaxMs)
        return std::unexpected(ErrorCode::InvalidTimestamp);
    if (batch.size() > static_cast<std::size_t>(config.segmentBytes))
        return std::unexpected(ErrorCode::RecordListTooLarge);
    return *header;
}

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

Result<PartitionLog, Error> PartitionLog::open(std::string directory, LogConfig config,
    bool cleanShutdown, Context &context, RecoveryReport *report)
{
    PartitionLog log(std::move(directory), std::move(config));
    if (auto made = context.files.createDirectories(log.m_directory); !made)
        return std::unexpected(made.error());
    const auto names = context.files.list(log.m_directory);
    if (!names)
        return std::unexpected(names.error());
    RecoveryReport unread;
    if (auto done = log.recover(*names, cleanShutdown, context, report ? *report : unread); !done) {
        log.m_active.close(context.files);
        for (const auto &segment : log.m_closed)
            Segment(*segment).close(context.files);
        return std::unexpected(done.error());
    }
    return log;
}

/// Deletes a segment that recovery cannot keep.
Result<void, Error> PartitionLog::deleteLost(
    std::int64_t baseOffset, Context &context, RecoveryReport &report)
{
    const auto log = context.files.open(segmentPath(m_directory, baseOffset, ".log"), false);
    if (!log)
        return std::unexpected(log.error());
    const std::uint64_t bytes = context.files.size(*log);
    context.files.close(*log);
    report.bytesCut += bytes;
    report.notes.push_back(
        fmt::format("{:020}.log: deleted ({} bytes), it continues what was cut off before it",
            baseOffset, bytes));
    return removeSegmentFiles(context.files, m_directory, baseOffset);
}

/// Deletes what an earlier life left behind.
Result<void, Error> PartitionLog::removeLeftovers(
    const std::vector<std::string> &names, Files &files, RecoveryReport &report)
{
    for (const std::string &name : names) {
        std::string_view stem = name;
        const bool retired = stem.ends_with(kDeletedSuffix);
        if (retired)
            stem.remove_suffix(kDeletedSuffix.size());
        for (const std::string_view suffix : {".log", ".index", ".timeindex", ".snapshot"}) {
            const auto base = segmentBaseOffset(stem, suffix);
            const bool orphan = suffix.ends_with("index") && base
                && !std::ranges::binary_search(names, fmt::format("{:020}.log", *base));
            if (!base || !(retired || orphan))
                continue;
            if (!retired)
                report.notes.push_back(fmt::format("{}: index without a log, deleted", name));
            if (auto removed = files.remove(m_directory + "/" + name); !removed)
                return removed;
        }
    }
    return {};
}

/// Loads the segments among `names`; the last one becomes the active one.
Result<void, Error> PartitionLog::loadSegments(const std::vector<std::string> &names,
    bool cleanShutdown, Context &context, RecoveryReport &report, const BatchVisitor &visit)
{
    bool any = false;
    bool cut = false;
    for (const std::string &name : names) {
        const auto base = segmentBaseOffset(name, ".log");
        if (!base)
            continue;
        // Behind a cut, and behind a segment that reaches over this one's base, the order of
        // offsets is lost.
        if (any && (cut || *base < m_active.nextOffset())) {
            if (auto deleted = deleteLost(*base, context, report); !deleted)
                return deleted;
            continue;
        }
        if (any)
            m_closed.push_back(std::make_shared<const Segment>(std::move(m_active)));
        m_active = Segment();
        const std::uint64_t cutBefore = report.bytesCut;
        auto loaded = Segment::load(
            context.files, m_directory, *base, cleanShutdown, m_config, context.now, report, visit);
        if (!loaded)
            return std::unexpected(loaded.error());
        m_active = std::move(*loaded);
        any = true;
        cut = report.bytesCut > cutBefore;
    }
    if (!any) {
        auto made = Segment::create(context.files, m_directory, 0, context.now);
        if (!made)
            return std::unexpected(made.error());
        m_active = std::move(*made);
    }
    m_namesDurable = any && cleanShutdown && report.notes.empty();
    return {};
}

/// False when `leader-epoch-checkpoint` is missing or damaged.
Result<bool, Error> PartitionLog::readEpochs(Files &files, RecoveryReport &report)
{
    const auto file = files.open(fmt::format("{}/{}", m_directory, kEpochFile), false);
    if (!file)
        return std::unexpected(file.error());
    const auto bytes = readWhole(files, *file);
    files.close(*file);
    if (!bytes)
        return std::unexpected(bytes.error());
    auto epochs = LeaderEpochs::parse(asText(*bytes));
    if (!epochs) {
        report.notes.push_back(
            fmt::format("{}: {}; made anew from the log", kEpochFile, epochs.error()));
        return false;
    }
    m_epochs = std::move(*epochs);
    return true;
}

Result<void, Error> PartitionLog::writeEpochs(Context &context)
{
    if (m_epochsWritten)
        return {};
    auto written = replaceFile(
        context.files, fmt::format("{}/{}", m_directory, kEpochFile), asBytes(m_epochs.text()));
    m_epochsWritten = written.has_value();
    return written;
}

/// Shows `visit` the batches from the one that holds `from` on. They were not checked after a clean
/// stop: it ends, and says so, at the first that is none.
Result<void, Error> PartitionLog::walk(
    std::int64_t from, const Files &files, RecoveryReport &report, const BatchVisitor &visit) const
{
    for (std::size_t i = segmentHolding(from); i < segmentCount(); ++i) {
        const Segment &current = segment(i);
        BatchScan scan(files, current.log(), current.positionBefore(from), current.sizeBytes());
        while (scan.next()) {
            if (scan.header().lastOffset() >= from)
                visit(scan.header());
        }
        if (scan.stopped() == BatchScan::Stop::Unreadable)
            return std::unexpected(scan.error());
        if (scan.stopped() != BatchScan::Stop::AtEnd) {
            report.notes.push_back(fmt::format(
                "{:020}.log: no sound batch at {}, what leaders and producers wrote behind it is "
                "not known",
                current.baseOffset(), scan.position()));
            break;
        }
    }
    return {};
}

Result<void, Error> PartitionLog::recover(const std::vector<std::string> &names, bool cleanShutdown,
    Context &context, RecoveryReport &report)
{
    if (auto removed = removeLeftovers(names, context.files, report); !removed)
        return removed;
    Result<bool, Error> epochsKnown = false;
    if (std::ranges::binary_search(names, kEpochFile))
        epochsKnown = readEpochs(context.files, report);
    if (!epochsKnown)
        return std::unexpected(epochsKnown.error());
    const LeaderEpochs onDisk = m_epochs;

    // After an unclean stop every batch passes here, and may be of an epoch that the file does not
    // know yet.
    const BatchVisitor noteEpoch = [this](const BatchHeader &header) {
        m_epochs.begin(header.partitionLeaderEpoch, header.baseOffset);
    };
    if (auto loaded = loadSegments(names, cleanShutdown, context, report, noteEpoch); !loaded)
        return loaded;
    m_logStartOffset = segment(0).baseOffset();
    if (cleanShutdown && !*epochsKnown) {
        m_epochs = {};
        if (auto walked = walk(m_logStartOffset, context.files, report, noteEpoch); !walked)
            return walked;
    }
    m_epochs.cutEnd(logEndOffset());
    m_epochs.cutFront(m_logStartOffset);
    m_epochsWritten = m_epochs == onDisk;
    return {};
}

Result<AppendResult, ErrorCode> PartitionLog::append(
    ByteView batch, std::int32_t leaderEpoch, Context &context, AppendOrigin origin)
{
    const std::int64_t nowMs = epochMillis(context.wallClock());
    const auto valid = validate(batch, m_config, nowMs, origin);
    if (!valid)
        return std::unexpected(valid.error());
    BatchHeader header = *valid;
    header.baseOffset = logEndOffset();
    header.partitionLeaderEpoch = leaderEpoch;
    AppendResult result{.baseOffset = header.baseOffset, .lastOffset = header.lastOffset()};
    if (m_config.logAppendTime) {
        header.attributes = static_cast<std::int16_t>(header.attributes | kLogAppendTimeBit);
        header.maxTimestamp = nowMs;
        result.logAppendTimeMs = nowMs;
    }

    // The leader's own header goes to the file in front of the records, so the caller's bytes are
    // neither changed nor copied.
    std::array<std::uint8_t, kBatchHeaderBytes> front;
    writeBatchHeader(front.data(), header);
    const std::array<ByteView, 2> pieces{ByteView(front), batch.subspan(kBatchHeaderBytes)};
    if (m_config.logAppendTime) {
        constexpr std::size_t kCrcAt = 17;
        constexpr std::size_t kCoveredFrom = 21;
        header.crc = crc32c(pieces[1], crc32c(pieces[0].subspan(kCoveredFrom)));
        storeBigEndian(front.data() + kCrcAt, header.crc);
    }

    const auto rolled = store(header, pieces, context);
    if (!rolled)
        return std::unexpected(rolled.error());
    result.rolled = *rolled;
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
            const auto rolled = store(*header, batch, context);
            if (!rolled)
                return std::unexpected(rolled.error());
            result.rolled = result.rolled || *rolled;
            result.lastOffset = header->lastOffset();
            rest = rest.subspan(header->sizeBytes());
        }
    }
    return result;
}

/// Writes a batch that was checked and has its place in the log; `pieces` are its bytes, `header`
/// what they begin with. Whether a segment was started for it. On failure the log is as before.
Result<bool, ErrorCode> PartitionLog::store(
    const BatchHeader &header, std::span<const ByteView> pieces, Context &context)
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
    return rolls;
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
            if (header.codec() != 0)
                return TimestampOffset{header.maxTimestamp, header.baseOffset};
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
    if (offset >= logEndOffset())
        return {};
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
    return {};
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
        if (directory.empty())
            break;
    }
    m_namesDurable = true;
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
    Result<void, Error> done = writeEpochs(context);
    if (done)
        done = m_active.seal(context.files); // may make index files
    if (m_active.sizeBytes() > 0)
        m_namesDurable = false;
    if (done)
        done = syncNames(context);
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
        infos.push_back({current.baseOffset(), current.sizeBytes(), current.maxTimestamp()});
    }
    return infos;
}

} // namespace queuelab::log
