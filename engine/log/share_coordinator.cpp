#include "engine/log/share_coordinator.h"

#include "engine/core/overloaded.h"
#include "engine/log/group_records.h"
#include "engine/log/record_batch.h"

#include <algorithm>
#include <compare>
#include <utility>

namespace queuelab::log {

namespace {

std::strong_ordering byProgress(const ShareStateBatch &one, const ShareStateBatch &other)
{
    if (one.deliveryCount != other.deliveryCount)
        return one.deliveryCount <=> other.deliveryCount;
    return one.deliveryState <=> other.deliveryState;
}

ShareStateBatch part(ShareStateBatch batch, std::int64_t first, std::int64_t last)
{
    batch.firstOffset = first;
    batch.lastOffset = last;
    return batch;
}

/// Puts `changed` over `known`, which is sorted and without overlaps, and stays so.
void overlay(std::vector<ShareStateBatch> &known, const ShareStateBatch &changed)
{
    const auto begin = std::ranges::partition_point(known,
        [&](const ShareStateBatch &batch) { return batch.lastOffset < changed.firstOffset; });
    std::vector<ShareStateBatch> pieces;
    std::int64_t next = changed.firstOffset;
    auto at = begin;
    for (; at != known.end() && at->firstOffset <= changed.lastOffset; ++at) {
        if (at->firstOffset < changed.firstOffset)
            pieces.push_back(part(*at, at->firstOffset, changed.firstOffset - 1));
        if (next < at->firstOffset)
            pieces.push_back(part(changed, next, at->firstOffset - 1));
        const std::int64_t last = std::min(at->lastOffset, changed.lastOffset);
        pieces.push_back(part(byProgress(changed, *at) >= 0 ? changed : *at,
            std::max(at->firstOffset, changed.firstOffset), last));
        if (at->lastOffset > changed.lastOffset)
            pieces.push_back(part(*at, changed.lastOffset + 1, at->lastOffset));
        next = last + 1;
    }
    if (next <= changed.lastOffset)
        pieces.push_back(part(changed, next, changed.lastOffset));
    known.insert(known.erase(begin, at), pieces.begin(), pieces.end());
}

/// Calls `use(offset, key, value)` for each record; false when one cannot be read.
template <class Use> bool forEachRecord(const SharedBytes &piece, Use &&use)
{
    for (ByteView rest = piece.view(); !rest.empty();) {
        const auto header = readBatchHeader(rest);
        if (!header)
            return false;
        const ByteView batch = rest.first(header->sizeBytes());
        RecordCursor cursor(batch);
        while (!header->isControl() && cursor.next()) {
            const RecordView &record = cursor.record();
            use(record.offset, record.key.value_or(ByteView{}), record.value);
        }
        if (!header->isControl() && !cursor.ok())
            return false;
        rest = rest.subspan(batch.size());
    }
    return true;
}

} // namespace

std::vector<ShareStateBatch> combineShareState(std::span<const ShareStateBatch> known,
    std::span<const ShareStateBatch> changed, std::int64_t startOffset)
{
    std::vector<ShareStateBatch> all(known.begin(), known.end());
    for (const ShareStateBatch &batch : changed)
        overlay(all, batch);
    std::vector<ShareStateBatch> combined;
    for (const ShareStateBatch &batch : all) {
        if (batch.lastOffset < startOffset)
            continue;
        const ShareStateBatch kept =
            part(batch, std::max(batch.firstOffset, startOffset), batch.lastOffset);
        if (!combined.empty() && combined.back().lastOffset + 1 == kept.firstOffset
            && byProgress(combined.back(), kept) == 0)
            combined.back().lastOffset = kept.lastOffset;
        else
            combined.push_back(kept);
    }
    return combined;
}

SharedBytes ShareCoordinator::Change::batch(std::int64_t nowMs) const
{
    BatchBuilder builder;
    builder.reset();
    std::visit(Overloaded{
                   [&](std::monostate) {
                       builder.append(nowMs, encodeShareStateKey(key, false), std::nullopt);
                   },
                   [&](const ShareSnapshotRecord &snapshot) {
                       builder.append(
                           nowMs, encodeShareStateKey(key, false), encodeValue(snapshot));
                   },
                   [&](const ShareUpdateRecord &update) {
                       builder.append(nowMs, encodeShareStateKey(key, true), encodeValue(update));
                   },
               },
        record);
    return builder.take();
}

Result<void, Error> ShareCoordinator::load(
    std::int32_t partition, const PartitionLog &log, std::int64_t highWatermark, const Files &files)
{
    constexpr std::uint64_t kChunkBytes = 1 << 20;
    Partition loaded;
    const auto failed = [&] {
        return std::unexpected(
            Error{log.directory(), "the state of its share-partitions cannot be read back",
                "elect another replica as leader"});
    };
    for (std::int64_t at = log.logStartOffset(); at < highWatermark;) {
        std::vector<SharedBytes> pieces;
        const auto read = log.read(at, highWatermark, kChunkBytes, pieces, files);
        if (!read)
            return failed();
        for (const SharedBytes &piece : pieces) {
            const bool isFine = forEachRecord(
                piece, [&](std::int64_t offset, ByteView key, std::optional<ByteView> value) {
                    const auto known = decodeShareStateKey(key);
                    if (!known) // of a later version: Kafka passes over it too
                        return;
                    Change change{partition, known->first, std::monostate{}};
                    if (value && known->second) {
                        if (auto update = decodeShareUpdate(*value))
                            change.record = std::move(*update);
                    } else if (value) {
                        if (auto snapshot = decodeShareSnapshot(*value))
                            change.record = std::move(*snapshot);
                    }
                    if (!value || !std::holds_alternative<std::monostate>(change.record))
                        applyRecord(loaded, change, offset);
                });
            if (!isFine)
                return failed();
        }
        if (read->nextOffset <= at)
            break; // what is left of the log holds no whole batch below the high watermark
        at = read->nextOffset;
    }
    m_partitions.insert_or_assign(partition, std::move(loaded));
    return {};
}

void ShareCoordinator::unload(std::int32_t partition)
{
    m_partitions.erase(partition);
}

std::vector<std::int32_t> ShareCoordinator::partitions() const
{
    std::vector<std::int32_t> numbers;
    for (const auto &[number, partition] : m_partitions)
        numbers.push_back(number);
    return numbers;
}

const ShareCoordinator::State *ShareCoordinator::find(
    std::int32_t partition, const ShareStateKey &key) const
{
    const std::map<ShareStateKey, State> &states = m_partitions.at(partition).states;
    const auto found = states.find(key);
    return found == states.end() ? nullptr : &found->second;
}

ShareCoordinator::Verdict ShareCoordinator::initialize(std::int32_t partition,
    const ShareStateKey &key, const InitializeShareGroupStateRequest &request,
    std::int64_t nowMs) const
{
    const State *known = find(partition, key);
    if (known && known->now.stateEpoch > request.stateEpoch)
        return std::unexpected(ErrorCode::FencedStateEpoch);
    if (known && known->now.stateEpoch == request.stateEpoch)
        return std::nullopt;
    return Change{partition, key,
        ShareSnapshotRecord{.snapshotEpoch = known ? known->now.snapshotEpoch + 1 : 0,
            .stateEpoch = request.stateEpoch,
            .startOffset = request.startOffset,
            .createTimestampMs = nowMs,
            .writeTimestampMs = nowMs}};
}

ShareCoordinator::Read ShareCoordinator::read(std::int32_t partition, const ShareStateKey &key,
    const ReadShareGroupStateRequest &request, std::int64_t nowMs) const
{
    const State *known = find(partition, key);
    if (!known)
        return {.response = {.error = ErrorCode::InvalidRequest}};
    if (known->now.leaderEpoch > request.leaderEpoch)
        return {.response = {.error = ErrorCode::FencedLeaderEpoch}};
    Read read{.response = {ErrorCode::None, known->now.stateEpoch, known->now.startOffset,
                  known->now.batches}};
    if (known->now.leaderEpoch < request.leaderEpoch) {
        WriteShareGroupStateRequest epochOnly;
        epochOnly.stateEpoch = known->now.stateEpoch;
        epochOnly.leaderEpoch = request.leaderEpoch;
        epochOnly.startOffset = known->now.startOffset;
        read.change = changeOf(partition, key, known, epochOnly, nowMs);
    }
    return read;
}

ShareCoordinator::Verdict ShareCoordinator::write(std::int32_t partition, const ShareStateKey &key,
    const WriteShareGroupStateRequest &request, std::int64_t nowMs) const
{
    const State *known = find(partition, key);
    if (!known)
        return std::unexpected(ErrorCode::InvalidRequest);
    if (request.leaderEpoch != -1 && known->now.leaderEpoch > request.leaderEpoch)
        return std::unexpected(ErrorCode::FencedLeaderEpoch);
    if (request.stateEpoch != -1 && known->now.stateEpoch > request.stateEpoch)
        return std::unexpected(ErrorCode::FencedStateEpoch);
    return changeOf(partition, key, known, request, nowMs);
}

ShareCoordinator::Change ShareCoordinator::changeOf(std::int32_t partition,
    const ShareStateKey &key, const State *known, const WriteShareGroupStateRequest &request,
    std::int64_t nowMs) const
{
    const ShareSnapshotRecord &now = known->now;
    const std::int32_t leaderEpoch =
        request.leaderEpoch == -1 ? now.leaderEpoch : request.leaderEpoch;
    if (known->updates < m_updatesPerSnapshot) {
        return {partition, key,
            ShareUpdateRecord{now.snapshotEpoch, leaderEpoch, request.startOffset,
                combineShareState({}, request.batches, request.startOffset)}};
    }
    const std::int64_t startOffset =
        request.startOffset == -1 ? now.startOffset : request.startOffset;
    return {partition, key,
        ShareSnapshotRecord{.snapshotEpoch = now.snapshotEpoch + 1,
            .stateEpoch = request.stateEpoch == -1 ? now.stateEpoch : request.stateEpoch,
            .leaderEpoch = leaderEpoch,
            .startOffset = startOffset,
            .createTimestampMs = now.createTimestampMs,
            .writeTimestampMs = nowMs,
            .batches = combineShareState(now.batches, request.batches, startOffset)}};
}

ShareCoordinator::Verdict ShareCoordinator::remove(
    std::int32_t partition, const ShareStateKey &key) const
{
    if (!find(partition, key))
        return std::nullopt;
    return Change{partition, key, std::monostate{}};
}

std::vector<ShareCoordinator::Change> ShareCoordinator::removeTopic(const TopicId &topicId) const
{
    std::vector<Change> changes;
    for (const auto &[number, partition] : m_partitions) {
        for (const auto &[key, state] : partition.states) {
            if (key.topicId == topicId)
                changes.push_back({number, key, std::monostate{}});
        }
    }
    return changes;
}

void ShareCoordinator::apply(const Change &change, std::int64_t offset)
{
    applyRecord(m_partitions.at(change.partition), change, offset);
}

void ShareCoordinator::applyRecord(Partition &partition, const Change &change, std::int64_t offset)
{
    partition.endOffset = offset + 1;
    std::visit(Overloaded{
                   [&](std::monostate) { partition.states.erase(change.key); },
                   [&](const ShareSnapshotRecord &snapshot) {
                       partition.states.insert_or_assign(change.key, State{snapshot, 0, offset});
                   },
                   [&](const ShareUpdateRecord &update) {
                       const auto [found, isNew] = partition.states.try_emplace(change.key);
                       State &state = found->second;
                       if (isNew) // its snapshot is gone
                           state.snapshotOffset = offset;
                       if (update.startOffset != -1)
                           state.now.startOffset = update.startOffset;
                       state.now.leaderEpoch = std::max(state.now.leaderEpoch, update.leaderEpoch);
                       state.now.batches = combineShareState(
                           state.now.batches, update.batches, state.now.startOffset);
                       ++state.updates;
                   },
               },
        change.record);
}

std::int64_t ShareCoordinator::redundantBelow(std::int32_t partition) const
{
    const Partition &known = m_partitions.at(partition);
    std::int64_t needed = known.endOffset;
    for (const auto &[key, state] : known.states)
        needed = std::min(needed, state.snapshotOffset);
    return needed;
}

} // namespace queuelab::log
