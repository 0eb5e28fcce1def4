#include "engine/log/inspect.h"

#include "engine/log/batch_scan.h"
#include "engine/log/control_records.h"
#include "engine/log/inspect_records.h"
#include "engine/log/inspect_small_files.h"
#include "engine/log/segment.h"
#include "engine/log/transaction_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <iterator>

namespace queuelab::log {
namespace {

constexpr std::string_view kCodecNames[8] = {
    "none", "gzip", "snappy", "lz4", "zstd", "5", "6", "7"};

/// Bytes as text; what a terminal would not show, or would obey, is escaped.
std::string shown(const std::optional<ByteView> &bytes)
{
    if (!bytes)
        return "null";
    std::string text;
    for (const std::uint8_t byte : *bytes) {
        if (byte >= 0x20 && byte < 0x7f)
            text += static_cast<char>(byte);
        else
            fmt::format_to(std::back_inserter(text), "\\x{:02x}", byte);
    }
    return text;
}

std::int64_t sizeOf(const std::optional<ByteView> &bytes)
{
    return bytes ? static_cast<std::int64_t>(bytes->size()) : -1;
}

std::string_view nameOf(BatchFault fault)
{
    switch (fault) {
    case BatchFault::TooShort:
        return "is cut off";
    case BatchFault::BadMagic:
        return "has an unknown magic";
    case BatchFault::BadLength:
        return "has an impossible length";
    case BatchFault::BadCrc:
        return "does not have the CRC it says";
    case BatchFault::BadCount:
        return "has an impossible number of records";
    }
    return "is damaged";
}

/// A file that closes itself.
class OpenFile {
public:
    OpenFile(Files &files, const std::string &path)
        : m_files(files)
        , m_file(files.open(path, false))
    {
    }
    ~OpenFile()
    {
        if (m_file)
            m_files.close(*m_file);
    }
    OpenFile(const OpenFile &) = delete;
    OpenFile &operator=(const OpenFile &) = delete;

    bool ok() const { return m_file.has_value(); }
    FileId id() const { return *m_file; }
    const Error &error() const { return m_file.error(); }

private:
    Files &m_files;
    Result<FileId, Error> m_file;
};

class Inspector {
public:
    Inspector(Files &files, const InspectOptions &options)
        : m_files(files)
        , m_options(options)
    {
    }

    /// False when `path` is of no kind that is known.
    Result<bool, Error> file(const std::string &path)
    {
        const std::size_t slash = path.rfind('/');
        const std::string_view name =
            std::string_view(path).substr(slash == std::string::npos ? 0 : slash + 1);
        using Dump = Result<void, Error> (Inspector::*)(const std::string &, std::int64_t);
        constexpr std::array<std::pair<std::string_view, Dump>, 4> kKinds{{
            {".log", &Inspector::log},
            {".index", &Inspector::index},
            {".timeindex", &Inspector::timeIndex},
            {".txnindex", &Inspector::transactionIndex},
        }};
        for (const auto &[suffix, dump] : kKinds) {
            const auto base = segmentBaseOffset(name, suffix);
            if (!base)
                continue;
            line("Dumping {}", path);
            m_log = path.substr(0, path.size() - suffix.size()) + ".log";
            m_topic = topicIn(std::string_view(path).substr(0, slash));
            if (auto done = (this->*dump)(path, *base); !done)
                return std::unexpected(done.error());
            return true;
        }
        return smallFile(path, name);
    }
    /// All such files in `path` and below; false when there is none.
    Result<bool, Error> directory(const std::string &path, const std::vector<std::string> &names)
    {
        bool any = false;
        for (const std::string &name : names) {
            const std::string below = path.empty() ? name : path + "/" + name;
            const auto inside = m_files.list(below);
            const auto found = inside ? directory(below, *inside) : file(below);
            if (!found)
                return found;
            any = any || *found;
        }
        return any;
    }
    std::string takeText() { return std::move(m_text); }

private:
    /// "broker-1/orders-3" is a partition of "orders".
    static std::string_view topicIn(std::string_view directory)
    {
        directory.remove_prefix(directory.rfind('/') + 1); // npos + 1 is 0
        return directory.substr(0, directory.rfind('-'));
    }

    Result<bool, Error> smallFile(const std::string &path, std::string_view name)
    {
        if (!isSmallFile(name))
            return false;
        const OpenFile file(m_files, path);
        if (!file.ok())
            return std::unexpected(file.error());
        const auto bytes = readWhole(m_files, file.id());
        if (!bytes)
            return std::unexpected(bytes.error());
        const SmallFile decoded = decodeSmallFile(name, *bytes);
        line("Dumping {}", path);
        for (const std::string &each : decoded.lines)
            line("{}", each);
        for (const std::string &each : decoded.damage)
            damaged(path, "{}", each);
        return true;
    }

    template <class... Args> void line(fmt::format_string<Args...> format, Args &&...args)
    {
        fmt::format_to(std::back_inserter(m_text), format, std::forward<Args>(args)...);
        m_text += '\n';
    }
    template <class... Args>
    void damaged(const std::string &path, fmt::format_string<Args...> format, Args &&...args)
    {
        line("damaged: {}: {}", path, fmt::format(format, std::forward<Args>(args)...));
    }

    Result<void, Error> log(const std::string &path, std::int64_t baseOffset)
    {
        const OpenFile file(m_files, path);
        if (!file.ok())
            return std::unexpected(file.error());
        line("Log starting offset: {}", baseOffset);
        std::int64_t nextOffset = baseOffset;
        std::uint64_t batches = 0;
        BatchScan scan(m_files, file.id(), 0, m_files.size(file.id()));
        while (scan.next()) {
            if (batches++ == m_options.maxBatches) {
                line("... {} bytes more", m_files.size(file.id()) - scan.position());
                return {};
            }
            batch(path, scan, nextOffset);
            nextOffset = std::max(nextOffset, scan.header().lastOffset() + 1);
        }
        if (scan.stopped() == BatchScan::Stop::Unreadable)
            return std::unexpected(scan.error());
        if (scan.stopped() != BatchScan::Stop::AtEnd) {
            damaged(path, "the batch at position {} {}; {} bytes from there on are not read",
                scan.position(),
                scan.stopped() == BatchScan::Stop::Torn ? "is cut off" : "has no sound header",
                m_files.size(file.id()) - scan.position());
        }
        return {};
    }

    void batch(const std::string &path, const BatchScan &scan, std::int64_t nextOffset)
    {
        const BatchHeader &header = scan.header();
        const auto sound = checkBatch(scan.bytes());
        const std::int32_t lastSequence = header.baseSequence < 0
            ? -1
            : (header.baseSequence + header.lastOffsetDelta) & INT32_MAX;
        line("baseOffset: {} lastOffset: {} count: {} baseSequence: {} lastSequence: {} "
             "producerId: {} "
             "producerEpoch: {} partitionLeaderEpoch: {} isTransactional: {} isControl: {} "
             "position: {} "
             "{}: {} size: {} magic: {} compresscodec: {} crc: {} isvalid: {}{}",
            header.baseOffset, header.lastOffset(), header.recordCount, header.baseSequence,
            lastSequence, header.producerId, header.producerEpoch, header.partitionLeaderEpoch,
            header.isTransactional(), header.isControl(), scan.position(), timeName(header),
            header.maxTimestamp, header.sizeBytes(), header.magic,
            kCodecNames[static_cast<std::size_t>(header.codec())], header.crc, sound.has_value(),
            sound ? markerOf(scan) : std::string());
        if (!sound) {
            damaged(path, "the batch at position {} {}", scan.position(), nameOf(sound.error()));
        } else if (header.baseOffset < nextOffset) {
            damaged(path, "the batch at position {} has offset {}, at least {} was due",
                scan.position(), header.baseOffset, nextOffset);
        }
        if (m_options.records)
            records(path, scan);
    }

    void records(const std::string &path, const BatchScan &scan)
    {
        const BatchHeader &header = scan.header();
        RecordCursor cursor(scan.bytes());
        while (cursor.next()) {
            const RecordView &record = cursor.record();
            const auto headers = readHeaders(record);
            std::string keys;
            if (headers) {
                for (const HeaderView &each : *headers) {
                    keys += fmt::format("{}{}={}", keys.empty() ? "" : ", ",
                        shown(asBytes(each.key)), shown(each.value));
                }
            }
            line("| offset: {} {}: {} keySize: {} valueSize: {} headers: [{}] {}", record.offset,
                timeName(header), record.timestamp, sizeOf(record.key), sizeOf(record.value), keys,
                header.isControl() ? markerText(record) : recordText(record));
            if (!headers)
                damaged(path, "the headers of offset {} are malformed", record.offset);
        }
        if (!cursor.ok()) {
            damaged(path, "the batch at position {} holds a malformed record", scan.position());
        }
    }

    std::string recordText(const RecordView &record) const
    {
        if (auto known = coordinatorRecordText(m_topic, record))
            return std::move(*known);
        return fmt::format("key: {} payload: {}", shown(record.key), shown(record.value));
    }

    /// How a batch ends a transaction, when it does: told without its record too.
    static std::string markerOf(const BatchScan &scan)
    {
        const auto marker = readEndTransaction(scan.header(), scan.bytes());
        if (!marker)
            return {};
        return fmt::format(" endTxnMarker: {} coordinatorEpoch: {}",
            marker->committed ? "COMMIT" : "ABORT", marker->coordinatorEpoch);
    }

    /// What a control record says (facts: kafka.md 1.3).
    static std::string markerText(const RecordView &record)
    {
        ByteReader key(record.key.value_or(ByteView()));
        key.integer<std::int16_t>(); // version
        const auto type = key.integer<std::int16_t>();
        if (!key.ok() || type < 0 || type > 1)
            return fmt::format("controlType: {}", key.ok() ? type : -1);
        ByteReader value(record.value.value_or(ByteView()));
        value.integer<std::int16_t>(); // version
        return fmt::format("endTxnMarker: {} coordinatorEpoch: {}", type == 1 ? "COMMIT" : "ABORT",
            value.integer<std::int32_t>());
    }

    static std::string_view timeName(const BatchHeader &header)
    {
        return header.isLogAppendTime() ? "LogAppendTime" : "CreateTime";
    }

    /// The whole index file, up to where it is only zeroes: the part Kafka keeps ready for entries
    /// to come.
    Result<Bytes, Error> indexBytes(const std::string &path, std::size_t entryBytes)
    {
        const OpenFile file(m_files, path);
        if (!file.ok())
            return std::unexpected(file.error());
        auto bytes = readWhole(m_files, file.id());
        if (!bytes)
            return bytes;
        const std::size_t extra = bytes->size() % entryBytes;
        if (extra != 0) {
            damaged(path, "{} bytes at position {} are not a whole entry", extra,
                bytes->size() - extra);
            bytes->resize(bytes->size() - extra);
        }
        const auto used = std::find_if(
            bytes->rbegin(), bytes->rend(), [](std::uint8_t byte) { return byte != 0; });
        const auto usedBytes = static_cast<std::size_t>(bytes->rend() - used);
        bytes->resize((usedBytes + entryBytes - 1) / entryBytes * entryBytes);
        return bytes;
    }

    Result<void, Error> index(const std::string &path, std::int64_t baseOffset)
    {
        const auto bytes = indexBytes(path, kIndexEntryBytes);
        if (!bytes)
            return std::unexpected(bytes.error());
        const OpenFile log(m_files, m_log);
        if (!log.ok())
            damaged(path, "cannot be checked without {}", m_log);
        std::int64_t before = -1;
        std::uint64_t at = 0;
        for (const IndexEntry &entry : decodeIndex(*bytes)) {
            const std::int64_t offset = baseOffset + entry.relativeOffset;
            line("offset: {} position: {}", offset, entry.position);
            if (offset <= before)
                damaged(path, "the entry at position {} does not go up", at);
            else if (log.ok())
                checkEntry(path, at, log.id(), entry, offset);
            before = offset;
            at += kIndexEntryBytes;
        }
        return {};
    }

    void checkEntry(const std::string &path, std::uint64_t at, FileId log, const IndexEntry &entry,
        std::int64_t offset)
    {
        const std::uint64_t size = m_files.size(log);
        if (entry.position < 0 || static_cast<std::uint64_t>(entry.position) >= size) {
            damaged(path, "the entry at position {} leads out of the log", at);
            return;
        }
        BatchScan scan(
            m_files, log, static_cast<std::uint64_t>(entry.position), size, kBatchHeaderBytes);
        if (!scan.next())
            damaged(path, "the entry at position {} leads to no sound batch", at);
        else if (scan.header().lastOffset() != offset)
            damaged(path, "the entry at position {} leads to a batch that ends with offset {}", at,
                scan.header().lastOffset());
    }

    Result<void, Error> timeIndex(const std::string &path, std::int64_t baseOffset)
    {
        const auto bytes = indexBytes(path, kTimeIndexEntryBytes);
        if (!bytes)
            return std::unexpected(bytes.error());
        const OpenFile log(m_files, m_log);
        if (!log.ok())
            damaged(path, "cannot be checked without {}", m_log);
        std::optional<BatchScan> scan; // entries go up, so one walk over the log meets them all
        bool onBatch = false;
        if (log.ok()) {
            scan.emplace(m_files, log.id(), 0, m_files.size(log.id()));
            onBatch = scan->next();
        }
        TimeIndexEntry before{-1, 0};
        std::uint64_t at = 0;
        for (const TimeIndexEntry &entry : decodeTimeIndex(*bytes)) {
            const std::int64_t offset = baseOffset + entry.relativeOffset;
            line("timestamp: {} offset: {}", entry.timestamp, offset);
            if (entry.timestamp <= before.timestamp
                || entry.relativeOffset < before.relativeOffset) {
                damaged(path, "the entry at position {} does not go up", at);
            } else if (scan) {
                while (onBatch && scan->header().lastOffset() < offset)
                    onBatch = scan->next();
                if (!onBatch || scan->header().lastOffset() != offset)
                    damaged(path, "the entry at position {} names no batch's last offset", at);
                else if (scan->header().maxTimestamp != entry.timestamp)
                    damaged(path, "the entry at position {} names a batch of time {}", at,
                        scan->header().maxTimestamp);
            }
            before = entry;
            at += kTimeIndexEntryBytes;
        }
        return {};
    }

    Result<void, Error> transactionIndex(const std::string &path, std::int64_t)
    {
        const OpenFile file(m_files, path);
        if (!file.ok())
            return std::unexpected(file.error());
        const auto bytes = readWhole(m_files, file.id());
        if (!bytes)
            return std::unexpected(bytes.error());
        const auto entries = parseTransactionIndex(*bytes);
        if (!entries) {
            damaged(path, "{}", entries.error());
            return {};
        }
        const OpenFile log(m_files, m_log);
        if (!log.ok())
            damaged(path, "cannot be checked without {}", m_log);
        std::optional<BatchScan> scan; // markers go up, so one walk over the log meets them all
        bool onBatch = false;
        if (log.ok()) {
            scan.emplace(m_files, log.id(), 0, m_files.size(log.id()));
            onBatch = scan->next();
        }
        for (const AbortedTxn &entry : *entries) {
            line("version: 0 producerId: {} firstOffset: {} lastOffset: {} lastStableOffset: {}",
                entry.producerId, entry.firstOffset, entry.lastOffset, entry.lastStableOffset);
            if (!scan)
                continue;
            while (onBatch && scan->header().lastOffset() < entry.lastOffset)
                onBatch = scan->next();
            const auto marker = onBatch ? readEndTransaction(scan->header(), scan->bytes())
                                        : std::optional<EndTransaction>();
            if (!marker || marker->committed || scan->header().baseOffset != entry.lastOffset
                || scan->header().producerId != entry.producerId)
                damaged(path, "no ABORT marker of producer {} at offset {}", entry.producerId,
                    entry.lastOffset);
        }
        return {};
    }

    Files &m_files;
    const InspectOptions &m_options;
    std::string m_text;
    std::string_view m_topic; // by the name of the directory
    std::string m_log; // the `.log` beside the file that is looked at
};

} // namespace

Result<std::string, Error> inspect(
    Files &files, const std::string &path, const InspectOptions &options)
{
    if (!files.exists(path))
        return std::unexpected(Error{path, "no such file or directory", "check the name"});
    Inspector inspector(files, options);
    const auto names = files.list(path);
    const auto found = names ? inspector.directory(path, *names) : inspector.file(path);
    if (!found)
        return std::unexpected(found.error());
    if (!*found) {
        return std::unexpected(Error{path, names ? "holds no file of a log" : "is no file of a log",
            "give a broker's or a partition's directory, such as orders-3, or a file in it: "
            "00000000000000000000.log, .index, .timeindex, .txnindex or .snapshot, a checkpoint, "
            "partition.metadata, meta.properties or quorum-state"});
    }
    return inspector.takeText();
}

} // namespace queuelab::log
