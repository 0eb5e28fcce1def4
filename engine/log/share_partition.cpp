#include "engine/log/share_partition.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

LogReason reasonOf(AcknowledgeType type)
{
    switch (type) {
    case AcknowledgeType::Gap:
        return LogReason::Gap;
    case AcknowledgeType::Accept:
        return LogReason::Accepted;
    case AcknowledgeType::Release:
        return LogReason::Released;
    case AcknowledgeType::Reject:
        return LogReason::Rejected;
    case AcknowledgeType::Renew:
        return LogReason::Renewed;
    }
    return LogReason::None;
}

} // namespace

bool SharePartition::isSame(const ShareRecordsSnapshot &one, const ShareRecordsSnapshot &other)
{
    return one.state == other.state && one.deliveryCount == other.deliveryCount
        && one.member == other.member && one.lockedAt == other.lockedAt
        && one.lockedUntil == other.lockedUntil;
}

void SharePartition::load(
    std::int64_t startOffset, std::span<const ShareStateBatch> batches, Context &context)
{
    m_startOffset = startOffset;
    m_endOffset = startOffset;
    m_availableFrom = startOffset;
    for (const ShareStateBatch &batch : batches) {
        if (batch.lastOffset < m_endOffset)
            continue;
        if (batch.firstOffset > m_endOffset) // was given out, and nobody has said anything about it
            append(m_endOffset, batch.firstOffset - 1, ShareRecordState::Available);
        append(std::max(batch.firstOffset, m_endOffset), batch.lastOffset,
            static_cast<ShareRecordState>(batch.deliveryState));
        m_runs.back().deliveryCount = batch.deliveryCount;
    }
    moveStart(context);
}

/// The index of the run that holds `offset`, or of the first one after it.
std::size_t SharePartition::runAt(std::int64_t offset) const
{
    const auto found = std::ranges::partition_point(
        m_runs, [offset](const Run &run) { return run.last < offset; });
    return static_cast<std::size_t>(found - m_runs.begin());
}

/// Makes a run begin at `offset`; its index. The number of runs at the end offset.
std::size_t SharePartition::cutAt(std::int64_t offset)
{
    const std::size_t index = runAt(offset);
    if (index == m_runs.size() || m_runs[index].first >= offset)
        return index;
    Run rest = m_runs[index];
    rest.first = offset;
    m_runs[index].last = offset - 1;
    m_runs.insert(m_runs.begin() + static_cast<std::ptrdiff_t>(index) + 1, rest);
    return index + 1;
}

void SharePartition::append(std::int64_t first, std::int64_t last, ShareRecordState state)
{
    m_runs.push_back({.first = first, .last = last, .state = state});
    m_endOffset = last + 1;
}

bool SharePartition::mayAcquire(
    const Run &run, const Member &member, const Settings &settings) const
{
    return run.isAvailable() || (settings.ignoresLocks && run.isAcquired() && run.member != member);
}

std::int64_t SharePartition::nextFetchOffset(const Settings &settings)
{
    if (settings.ignoresLocks)
        m_availableFrom = m_startOffset;
    for (std::size_t i = runAt(m_availableFrom); i < m_runs.size(); ++i) {
        if (mayAcquire(m_runs[i], {}, settings)) {
            m_availableFrom = std::max(m_availableFrom, m_runs[i].first);
            return m_availableFrom;
        }
    }
    m_availableFrom = m_endOffset;
    return m_endOffset;
}

bool SharePartition::canAcquire(const Settings &settings)
{
    return nextFetchOffset(settings) < m_endOffset
        || m_endOffset - m_startOffset < settings.maxRecordLocks;
}

void SharePartition::lock(Run &run, const Member &member, Duration duration, Context &context)
{
    run.state = ShareRecordState::Acquired;
    run.member = member;
    run.lockedAt = context.now;
    run.lockedUntil = context.now + duration;
    // The duration may have been changed, so that a younger lock ends earlier.
    const auto at = std::ranges::upper_bound(m_locks, run.lockedUntil, {}, &Lock::until);
    m_locks.insert(at, {run.lockedUntil, run.first, run.last});
}

void SharePartition::acquire(const Acquisition &wanted, std::span<const LogBatch> batches,
    const Settings &settings, Context &context, std::vector<AcquiredRecords> &out)
{
    if (batches.empty() || wanted.maxRecords <= 0)
        return;
    for (const LogBatch &batch : batches) {
        if (!batch.isAborted)
            continue;
        (void)cutAt(batch.lastOffset + 1);
        for (std::size_t i = cutAt(batch.firstOffset);
            i < m_runs.size() && m_runs[i].first <= batch.lastOffset; ++i) {
            if (m_runs[i].isAvailable())
                m_runs[i].state = ShareRecordState::Archived;
        }
    }
    const std::int64_t last = batches.back().lastOffset;
    const std::int64_t again = acquireAgain(
        wanted, std::max(batches.front().firstOffset, m_startOffset), last, settings, context, out);
    if (last >= m_endOffset) {
        const std::int64_t room = settings.maxRecordLocks - (m_endOffset - m_startOffset);
        acquireNew(
            wanted, batches, std::min(wanted.maxRecords - again, room), settings, context, out);
    }
    moveStart(context);
}

/// Records in flight that are available. How many it were.
std::int64_t SharePartition::acquireAgain(const Acquisition &wanted, std::int64_t from,
    std::int64_t to, const Settings &settings, Context &context, std::vector<AcquiredRecords> &out)
{
    std::int64_t count = 0;
    for (std::size_t i = runAt(from);
        i < m_runs.size() && m_runs[i].first <= to && count < wanted.maxRecords; ++i) {
        if (!mayAcquire(m_runs[i], wanted.member, settings))
            continue;
        if (m_runs[i].first < from)
            i = cutAt(from);
        std::int64_t end = std::min(m_runs[i].last, to) + 1;
        if (wanted.recordLimit)
            end = std::min(end, m_runs[i].first + wanted.maxRecords - count);
        (void)cutAt(end);
        Run &run = m_runs[i];
        lock(run, wanted.member, settings.lockDuration, context);
        ++run.deliveryCount;
        record(LogEvent::RecordsAcquired, run, run.deliveryCount, LogReason::None, context);
        out.push_back({run.first, run.last, run.deliveryCount});
        count += run.last - run.first + 1;
    }
    return count;
}

/// Records behind the end offset, at most `most` of them. Unless the limit is sharp, the batch of
/// the log with the last of them is taken to its end.
void SharePartition::acquireNew(const Acquisition &wanted, std::span<const LogBatch> batches,
    std::int64_t most, const Settings &settings, Context &context,
    std::vector<AcquiredRecords> &out)
{
    if (most <= 0)
        return;
    const auto firstNew = std::ranges::find_if(
        batches, [this](const LogBatch &batch) { return batch.lastOffset >= m_endOffset; });
    if (firstNew->firstOffset > m_endOffset) // the log has no records there
        append(m_endOffset, firstNew->firstOffset - 1, ShareRecordState::Archived);
    std::int64_t end = std::min(m_endOffset + most, batches.back().lastOffset + 1);
    std::int64_t runFirst = m_endOffset;
    const auto give = [&](std::int64_t until) {
        if (runFirst >= until)
            return;
        append(runFirst, until - 1, ShareRecordState::Acquired);
        Run &run = m_runs.back();
        run.deliveryCount = 1;
        lock(run, wanted.member, settings.lockDuration, context);
        record(LogEvent::RecordsAcquired, run, 1, LogReason::None, context);
        out.push_back({run.first, run.last, 1});
        runFirst = until;
    };
    for (auto batch = firstNew; batch != batches.end() && batch->firstOffset < end; ++batch) {
        if (!wanted.recordLimit && batch->lastOffset >= end)
            end = batch->lastOffset + 1;
        const std::int64_t from = std::max(batch->firstOffset, m_endOffset);
        if (batch->isAborted) {
            give(from);
            const std::int64_t last = std::min(batch->lastOffset, end - 1);
            append(runFirst, last, ShareRecordState::Archived);
            runFirst = last + 1;
        } else if (!wanted.recordLimit && from - runFirst >= wanted.batchSize) {
            give(from);
        }
    }
    give(end);
}

ErrorCode SharePartition::check(std::span<const AcknowledgementBatch> batches)
{
    std::int64_t next = 0;
    for (const AcknowledgementBatch &batch : batches) {
        const auto types = static_cast<std::int64_t>(batch.types.size());
        const bool isFine = batch.firstOffset >= next && batch.lastOffset >= batch.firstOffset
            && (types == 1 || types == batch.lastOffset - batch.firstOffset + 1)
            && std::ranges::all_of(batch.types, [](AcknowledgeType type) {
                   return type >= AcknowledgeType::Gap && type <= AcknowledgeType::Renew;
               });
        if (!isFine)
            return ErrorCode::InvalidRequest;
        next = batch.lastOffset + 1;
    }
    return ErrorCode::None;
}

ErrorCode SharePartition::judge(const Member &member, const AcknowledgementBatch &batch) const
{
    if (batch.lastOffset < m_startOffset)
        return ErrorCode::None;
    if (m_runs.empty())
        return ErrorCode::InvalidRecordState;
    if (batch.lastOffset >= m_endOffset)
        return ErrorCode::InvalidRequest;
    for (std::size_t i = runAt(batch.firstOffset);
        i < m_runs.size() && m_runs[i].first <= batch.lastOffset; ++i) {
        if (!m_runs[i].isAcquired() || m_runs[i].member != member)
            return ErrorCode::InvalidRecordState;
    }
    return ErrorCode::None;
}

Result<SharePartition::WriteId, ErrorCode> SharePartition::acknowledge(const Member &member,
    std::span<const AcknowledgementBatch> batches, const Settings &settings, Context &context)
{
    for (const AcknowledgementBatch &batch : batches) {
        if (const ErrorCode error = judge(member, batch); error != ErrorCode::None) {
            context.trace.record({.at = context.now,
                .kind = kind(LogEvent::AcknowledgementRefused),
                .subject = m_partition,
                .actor = member.name,
                .detail = m_group,
                .item = batch.firstOffset,
                .count = batch.lastOffset - batch.firstOffset + 1,
                .value = static_cast<std::int64_t>(error)});
            return std::unexpected(error);
        }
    }
    bool changes = false;
    for (const AcknowledgementBatch &batch : batches)
        changes |= take(batch, settings, context);
    return changes ? m_nextWrite : WriteId{0};
}

/// Offsets of the same type go in one go. Whether there is anything to be stored.
bool SharePartition::take(
    const AcknowledgementBatch &batch, const Settings &settings, Context &context)
{
    const auto typeAt = [&batch](std::int64_t offset) {
        const auto index = static_cast<std::size_t>(offset - batch.firstOffset);
        return batch.types.size() == 1 ? batch.types.front() : batch.types[index];
    };
    bool changes = false;
    for (std::int64_t first = std::max(batch.firstOffset, m_startOffset);
        first <= batch.lastOffset;) {
        const AcknowledgeType type = typeAt(first);
        std::int64_t last = batch.lastOffset;
        if (batch.types.size() > 1) {
            for (last = first; last < batch.lastOffset && typeAt(last + 1) == type;)
                ++last;
        }
        changes |= transition(first, last, type, settings, context);
        first = last + 1;
    }
    return changes;
}

/// Whether there is anything to be stored: a renewed lock is not.
bool SharePartition::transition(std::int64_t first, std::int64_t last, AcknowledgeType type,
    const Settings &settings, Context &context)
{
    bool changes = false;
    (void)cutAt(last + 1);
    for (std::size_t i = cutAt(first); i < m_runs.size() && m_runs[i].first <= last; ++i) {
        Run &run = m_runs[i];
        if (type == AcknowledgeType::Renew) {
            lock(run, run.member, settings.lockDuration, context);
            record(LogEvent::RecordsAcknowledged, run, static_cast<std::int64_t>(type),
                reasonOf(type), context);
            continue;
        }
        const bool isUsedUp = run.deliveryCount >= settings.deliveryCountLimit;
        run.type = type;
        run.write = m_nextWrite;
        run.state = type == AcknowledgeType::Accept         ? ShareRecordState::Acknowledged
            : type == AcknowledgeType::Release && !isUsedUp ? ShareRecordState::Available
                                                            : ShareRecordState::Archived;
        changed(run);
        changes = true;
    }
    return changes;
}

SharePartition::WriteId SharePartition::release(
    const Member &member, const Settings &settings, Context &context)
{
    bool changes = false;
    for (std::size_t i = 0; i < m_runs.size(); ++i) {
        if (m_runs[i].isAcquired() && m_runs[i].member.number == member.number) {
            changes |= transition(
                m_runs[i].first, m_runs[i].last, AcknowledgeType::Release, settings, context);
        }
    }
    return changes ? m_nextWrite : WriteId{0};
}

void SharePartition::logStartMoved(std::int64_t logStartOffset, Context &context)
{
    if (logStartOffset <= m_startOffset)
        return;
    const auto end = static_cast<std::ptrdiff_t>(cutAt(std::min(logStartOffset, m_endOffset)));
    for (auto run = m_runs.begin(); run != m_runs.begin() + end; ++run) {
        if (!run->isSettled()) {
            record(LogEvent::RecordsArchived, *run, run->deliveryCount,
                LogReason::FellBelowLogStart, context);
        }
    }
    m_runs.erase(m_runs.begin(), m_runs.begin() + end);
    m_startOffset = logStartOffset;
    m_endOffset = std::max(m_endOffset, logStartOffset);
    m_availableFrom = std::max(m_availableFrom, logStartOffset);
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::ShareStartOffsetMoved),
        .subject = m_partition,
        .detail = m_group,
        .item = m_startOffset});
    moveStart(context);
}

std::optional<Instant> SharePartition::nextDeadline() const
{
    if (m_locks.empty())
        return std::nullopt;
    return m_locks.front().until;
}

bool SharePartition::expire(const Settings &settings, Context &context)
{
    const std::int64_t availableBefore = m_availableFrom;
    m_availableFrom = m_endOffset;
    while (!m_locks.empty() && m_locks.front().until <= context.now) {
        const Lock due = m_locks.front();
        m_locks.pop_front();
        for (std::size_t i = runAt(due.first); i < m_runs.size() && m_runs[i].first <= due.last;
            ++i) {
            Run &run = m_runs[i];
            if (run.isAcquired() && run.lockedUntil <= context.now)
                takeBack(run, settings, context);
        }
    }
    const bool any = m_availableFrom < m_endOffset;
    m_availableFrom = std::min(m_availableFrom, availableBefore);
    moveStart(context);
    return any;
}

/// Its lock has expired. That counts at once, and is stored behind it.
void SharePartition::takeBack(Run &run, const Settings &settings, Context &context)
{
    record(LogEvent::AcquisitionLockExpired, run, run.deliveryCount, LogReason::None, context);
    if (run.deliveryCount < settings.deliveryCountLimit) {
        run.state = ShareRecordState::Available;
        madeAvailable(run.first);
    } else {
        run.state = ShareRecordState::Archived;
        record(
            LogEvent::RecordsArchived, run, run.deliveryCount, LogReason::DeliveryLimit, context);
    }
    run.member = {};
    changed(run);
}

void SharePartition::madeAvailable(std::int64_t offset)
{
    m_availableFrom = std::min(m_availableFrom, offset);
}

void SharePartition::changed(const Run &run)
{
    const ShareStateBatch batch{
        run.first, run.last, static_cast<std::int8_t>(run.state), run.deliveryCount};
    if (!m_changes.empty()) {
        ShareStateBatch &before = m_changes.back();
        if (before.lastOffset + 1 == batch.firstOffset
            && before.deliveryState == batch.deliveryState
            && before.deliveryCount == batch.deliveryCount) {
            before.lastOffset = batch.lastOffset;
            return;
        }
    }
    m_changes.push_back(batch);
}

const SharePartition::Write *SharePartition::takeWrite()
{
    if (m_out || m_changes.empty())
        return nullptr;
    m_out.emplace(m_nextWrite++, m_startOffset, std::exchange(m_changes, {}));
    return &*m_out;
}

void SharePartition::written(bool stored, const Settings &settings, Context &context)
{
    const Write done = *std::exchange(m_out, std::nullopt);
    for (const ShareStateBatch &batch : done.batches) {
        for (std::size_t i = runAt(batch.firstOffset);
            i < m_runs.size() && m_runs[i].first <= batch.lastOffset; ++i) {
            Run &run = m_runs[i];
            if (run.write != done.id)
                continue;
            run.write = 0;
            if (stored) {
                recordSettled(run, context);
                if (run.isAvailable())
                    madeAvailable(run.first);
                run.member = {};
                continue;
            }
            run.state = ShareRecordState::Acquired;
            if (run.lockedUntil <= context.now)
                takeBack(run, settings, context);
        }
    }
    moveStart(context);
}

void SharePartition::recordSettled(const Run &run, Context &context) const
{
    record(LogEvent::RecordsAcknowledged, run, static_cast<std::int64_t>(run.type),
        reasonOf(run.type), context);
    if (run.state != ShareRecordState::Archived || run.type == AcknowledgeType::Gap)
        return;
    record(LogEvent::RecordsArchived, run, run.deliveryCount,
        run.type == AcknowledgeType::Reject ? LogReason::Rejected : LogReason::DeliveryLimit,
        context);
}

void SharePartition::moveStart(Context &context)
{
    const std::int64_t before = m_startOffset;
    while (!m_runs.empty() && m_runs.front().isSettled()) {
        m_startOffset = m_runs.front().last + 1;
        m_runs.pop_front();
    }
    while (!m_locks.empty() && m_locks.front().last < m_startOffset)
        m_locks.pop_front();
    m_availableFrom = std::max(m_availableFrom, m_startOffset);
    if (m_startOffset == before)
        return;
    context.trace.record({.at = context.now,
        .kind = kind(LogEvent::ShareStartOffsetMoved),
        .subject = m_partition,
        .detail = m_group,
        .item = m_startOffset});
}

void SharePartition::record(
    LogEvent event, const Run &run, std::int64_t value, LogReason why, Context &context) const
{
    context.trace.record({.at = context.now,
        .kind = kind(event),
        .reason = reason(why),
        .subject = m_partition,
        .actor = event == LogEvent::RecordsArchived ? kNoName : run.member.name,
        .detail = m_group,
        .item = run.first,
        .count = run.last - run.first + 1,
        .value = value});
}

} // namespace queuelab::log
