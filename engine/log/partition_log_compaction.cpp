// How the segments that compaction writes take the place of others, at whatever moment the process
// dies (facts: kafka.md 1.5, suffixes; Kafka's LocalLog.replaceSegments and LogLoader).

#include "engine/log/batch_scan.h"
#include "engine/log/partition_log.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <limits>
#include <utility>

namespace queuelab::log {
namespace {

/// The log first: as long as another file of it has the suffix ".cleaned", a ".swap" is not whole;
/// and once the log has lost the suffix ".swap", what else has it belongs to that log.
constexpr std::array<std::string_view, 4> kSegmentFiles{
    ".log", ".index", ".timeindex", ".txnindex"};

/// Renames in order, and takes them back in the opposite order: every state on the way back is one
/// of the way there.
class Renames {
public:
    explicit Renames(Files &files)
        : m_files(files)
    {
    }

    Result<void, Error> rename(std::string from, std::string to)
    {
        if (auto renamed = m_files.rename(from, to); !renamed)
            return renamed;
        m_done.emplace_back(std::move(from), std::move(to));
        return {};
    }
    /// All files of the segment that are there.
    Result<void, Error> renameSegment(const std::string &directory, std::int64_t baseOffset,
        std::string_view fromSuffix, std::string_view toSuffix)
    {
        for (const std::string_view file : kSegmentFiles) {
            const std::string path = segmentPath(directory, baseOffset, file);
            std::string from = path + std::string(fromSuffix);
            if (!m_files.exists(from))
                continue;
            if (auto renamed = rename(std::move(from), path + std::string(toSuffix)); !renamed)
                return renamed;
        }
        return {};
    }
    /// False when that failed on the way.
    bool undo()
    {
        while (!m_done.empty()) {
            const auto &[from, to] = m_done.back();
            if (!m_files.rename(to, from))
                return false;
            m_done.pop_back();
        }
        return true;
    }

private:
    Files &m_files;
    std::vector<std::pair<std::string, std::string>> m_done;
};

/// The base offset of a segment's file whose name ends with `ending`, such as ".swap".
std::optional<std::int64_t> baseOffsetOf(std::string_view name, std::string_view ending)
{
    if (!name.ends_with(ending))
        return std::nullopt;
    name.remove_suffix(ending.size());
    for (const std::string_view file : kSegmentFiles) {
        if (const auto base = segmentBaseOffset(name, file))
            return base;
    }
    return std::nullopt;
}

/// The offset after the last batch in a `.log`; `baseOffset` when there is none.
Result<std::int64_t, Error> endOfLog(Files &files, const std::string &path, std::int64_t baseOffset)
{
    const auto log = files.open(path, false);
    if (!log)
        return std::unexpected(log.error());
    std::int64_t end = baseOffset;
    BatchScan scan(files, *log, 0, files.size(*log));
    while (scan.next())
        end = scan.header().lastOffset() + 1;
    files.close(*log);
    if (scan.stopped() == BatchScan::Stop::Unreadable)
        return std::unexpected(scan.error());
    return end;
}

} // namespace

std::vector<AbortedTxn> PartitionLog::allAborted() const
{
    std::vector<AbortedTxn> all;
    for (std::size_t i = 0; i < segmentCount(); ++i)
        all.insert(all.end(), segment(i).aborted().begin(), segment(i).aborted().end());
    return all;
}

Result<void, Error> PartitionLog::replaceSegments(
    const std::vector<std::int64_t> &replaced, Segment cleaned, Context &context)
{
    const std::int64_t base = cleaned.baseOffset();
    const auto first = std::ranges::find(
        m_closed, replaced.front(), [](const auto &segment) { return segment->baseOffset(); });
    const auto count = static_cast<std::ptrdiff_t>(replaced.size());
    invariant(base == replaced.front() && count <= m_closed.end() - first
            && std::equal(replaced.begin(), replaced.end(), first,
                [](std::int64_t offset, const auto &old) { return offset == old->baseOffset(); }),
        "a cleaned segment replaces closed segments that follow each other, from its own offset "
        "on");
    const auto last = first + count;

    Files &files = context.files;
    Renames renames(files);
    Result<void, Error> done =
        renames.renameSegment(m_directory, base, kCleanedSuffix, kSwapSuffix);
    // No name of the old ones goes before it is certain that the new ones are there.
    if (done)
        done = files.syncDirectory(m_directory);
    for (const std::int64_t old : replaced) {
        if (done)
            done = renames.renameSegment(m_directory, old, {}, kDeletedSuffix);
    }
    if (done)
        done = renames.renameSegment(m_directory, base, kSwapSuffix, {});
    if (!done) {
        // What cannot be taken back now, the next open() finishes.
        if (renames.undo())
            static_cast<void>(cleaned.remove(files));
        return done;
    }

    cleaned.tookItsPlace();
    for (auto old = first; old != last; ++old) {
        Segment(**old).close(files);
        noteRetired((*old)->baseOffset(), context);
    }
    // Where a segment began that is none any more, nobody looks for a snapshot.
    for (const std::int64_t old : replaced) {
        if (old != base)
            dropSnapshots(old, old + 1, files);
    }
    *first = std::make_shared<const Segment>(std::move(cleaned));
    m_closed.erase(first + 1, last);
    m_namesDurable = false;
    return syncNames(context);
}

/// Finishes or undoes what an earlier life's replaceSegments() had begun; whether there was
/// anything to do. A segment whose files are all called ".swap" is whole and takes its place, all
/// else that compaction wrote goes.
Result<bool, Error> PartitionLog::finishSwaps(
    const std::vector<std::string> &names, Files &files, RecoveryReport &report)
{
    std::int64_t firstCleaned = std::numeric_limits<std::int64_t>::max();
    for (const std::string &name : names) {
        if (const auto base = baseOffsetOf(name, kCleanedSuffix))
            firstCleaned = std::min(firstCleaned, *base);
    }
    std::vector<std::string> swaps;
    bool any = false;
    for (const std::string &name : names) {
        const auto swap = baseOffsetOf(name, kSwapSuffix);
        const bool isWhole = swap && *swap < firstCleaned;
        if (isWhole)
            swaps.push_back(name);
        if (isWhole || (!swap && !baseOffsetOf(name, kCleanedSuffix)))
            continue;
        if (auto removed = files.remove(m_directory + "/" + name); !removed)
            return std::unexpected(removed.error());
        any = true;
        report.notes.push_back(
            fmt::format("{}: left of a compaction that did not end, deleted", name));
    }
    if (swaps.empty())
        return any;

    for (const std::string &name : swaps) {
        const std::string_view log =
            std::string_view(name).substr(0, name.size() - kSwapSuffix.size());
        const auto base = segmentBaseOffset(log, ".log");
        if (!base) // its log has taken its place already
            continue;
        const auto end = endOfLog(files, m_directory + "/" + name, *base);
        if (!end)
            return std::unexpected(end.error());
        for (const std::string &old : names) {
            const auto offset = baseOffsetOf(old, {});
            if (!offset || (*offset != *base && (*offset < *base || *offset >= *end)))
                continue;
            if (auto removed = files.remove(m_directory + "/" + old); !removed)
                return std::unexpected(removed.error());
        }
        report.notes.push_back(
            fmt::format("{}: a compaction that was interrupted, finished: offsets {} to {}", name,
                *base, *end));
    }
    if (auto synced = files.syncDirectory(m_directory); !synced)
        return std::unexpected(synced.error());
    // The logs first, as above.
    std::ranges::stable_partition(
        swaps, [](const std::string &name) { return name.ends_with(".log.swap"); });
    for (const std::string &name : swaps) {
        const std::string path = m_directory + "/" + name;
        if (auto renamed = files.rename(path, path.substr(0, path.size() - kSwapSuffix.size()));
            !renamed)
            return std::unexpected(renamed.error());
    }
    if (auto synced = files.syncDirectory(m_directory); !synced)
        return std::unexpected(synced.error());
    return true;
}

} // namespace queuelab::log
