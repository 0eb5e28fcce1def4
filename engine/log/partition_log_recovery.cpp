// Opening a partition: what an earlier life left in its directory, and what has to be mended.
#include "engine/log/batch_scan.h"
#include "engine/log/partition_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace queuelab::log {

Result<PartitionLog, Error> PartitionLog::open(std::string directory, LogConfig config,
    bool cleanShutdown, Context &context, RecoveryReport *report)
{
    PartitionLog log(std::move(directory), std::move(config));
    if (auto made = context.files.createDirectories(log.m_directory); !made)
        return std::unexpected(made.error());
    auto names = context.files.list(log.m_directory);
    if (!names)
        return std::unexpected(names.error());
    RecoveryReport unread;
    RecoveryReport &mended = report ? *report : unread;
    const auto swapped = log.finishSwaps(*names, context.files, mended);
    if (!swapped)
        return std::unexpected(swapped.error());
    if (*swapped) {
        names = context.files.list(log.m_directory);
        if (!names)
            return std::unexpected(names.error());
    }
    if (auto done = log.recover(*names, cleanShutdown, context, mended); !done) {
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
        for (const std::string_view suffix :
            {".log", ".index", ".timeindex", ".txnindex", ".snapshot"}) {
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
    const auto file = files.open(fmt::format("{}/{}", m_directory, kLeaderEpochFile), false);
    if (!file)
        return std::unexpected(file.error());
    const auto bytes = readWhole(files, *file);
    files.close(*file);
    if (!bytes)
        return std::unexpected(bytes.error());
    auto epochs = LeaderEpochs::parse(asText(*bytes));
    if (!epochs) {
        report.notes.push_back(
            fmt::format("{}: {}; made anew from the log", kLeaderEpochFile, epochs.error()));
        return false;
    }
    m_epochs = std::move(*epochs);
    return true;
}

/// Finds the `.snapshot` files to go by: those at the start of a segment, and a newer one than the
/// last of these. Others, and those behind the log's end, are left of earlier lives and go. Whether
/// there was any.
bool PartitionLog::findSnapshots(const std::vector<std::string> &names, Files &files)
{
    for (const std::string &name : names) {
        const auto offset = segmentBaseOffset(name, ".snapshot");
        if (offset && files.exists(m_directory + "/" + name))
            m_snapshots.push_back(*offset);
    }
    const bool any = !m_snapshots.empty();
    dropSnapshots(logEndOffset() + 1, INT64_MAX, files);
    for (const std::int64_t offset : std::vector(m_snapshots)) {
        const bool newest = offset == m_snapshots.back() && offset > m_active.baseOffset();
        if (!newest && segment(segmentHolding(offset)).baseOffset() != offset)
            dropSnapshots(offset, offset + 1, files);
    }
    return any;
}

/// Those that are damaged go.
Result<PartitionLog::Snapshot, Error> PartitionLog::newestSnapshot(
    std::int64_t upTo, Files &files, RecoveryReport &report)
{
    Snapshot snapshot{.producers = {}, .offset = segment(0).baseOffset()};
    for (std::size_t left = m_snapshots.size(); left > 0; --left) {
        const std::int64_t offset = m_snapshots[left - 1];
        if (offset > upTo)
            continue;
        const auto file = files.open(segmentPath(m_directory, offset, ".snapshot"), false);
        if (!file)
            return std::unexpected(file.error());
        const auto bytes = readWhole(files, *file);
        files.close(*file);
        if (!bytes)
            return std::unexpected(bytes.error());
        if (const auto entries = ProducerEntries::parseSnapshot(*bytes)) {
            snapshot.producers = ProducerEntries::of(*entries);
            snapshot.offset = offset;
            snapshot.found = true;
            break;
        } else {
            report.notes.push_back(
                fmt::format("{:020}.snapshot: {}; deleted, the producers are learnt from the log",
                    offset, entries.error()));
            dropSnapshots(offset, offset + 1, files);
            snapshot.damaged = true;
        }
    }
    return snapshot;
}

/// Learns the producers from the newest sound snapshot and the batches behind it.
Result<void, Error> PartitionLog::loadProducers(
    bool walkWithoutSnapshot, Files &files, RecoveryReport &report)
{
    m_producers = {};
    auto snapshot = newestSnapshot(logEndOffset(), files, report);
    if (!snapshot)
        return std::unexpected(snapshot.error());
    if (!snapshot->found && !snapshot->damaged && !walkWithoutSnapshot)
        return {};
    m_producers = std::move(snapshot->producers);
    const std::int64_t known = snapshot->offset;
    const std::int64_t firstOpen = m_producers.transactions().firstOpen().value_or(known);
    return walk(std::max(std::min(known, firstOpen), segment(0).baseOffset()), files, report,
        [&](const BatchHeader &header, ByteView batch) {
            if (header.baseOffset < known)
                m_producers.recount(header);
            else
                static_cast<void>(m_producers.note(header, readEndTransaction(header, batch)));
        });
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
                visit(scan.header(), scan.bytes());
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
    // After an unclean stop every batch is looked at, and the epochs are learnt from them: the file
    // may speak of a truncation, or of records, that the crash took back.
    const bool epochsThere = std::ranges::binary_search(names, kLeaderEpochFile);
    Result<bool, Error> epochsKnown = false;
    if (cleanShutdown && epochsThere)
        epochsKnown = readEpochs(context.files, report);
    if (!epochsKnown)
        return std::unexpected(epochsKnown.error());
    const LeaderEpochs onDisk = m_epochs;
    const BatchVisitor noteEpoch = [this](const BatchHeader &header, ByteView) {
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
    m_epochsWritten = m_epochs == onDisk && *epochsKnown == epochsThere;

    // Kafka's rule: a log that was closed in order without a snapshot is of a version that knew no
    // producers.
    const bool knowsProducers = findSnapshots(names, context.files) || !cleanShutdown;
    if (auto mended = mendTransactionIndexes(context.files, report); !mended)
        return mended;
    return loadProducers(knowsProducers, context.files, report);
}

} // namespace queuelab::log
