#include "ui/stages/log_slots.h"

#include <algorithm>

namespace queuelab::ui {

namespace {

Slot::Kind kindOf(world::RecordKind kind)
{
    switch (kind) {
    case world::RecordKind::Data:
        return Slot::Kind::Record;
    case world::RecordKind::Tombstone:
        return Slot::Kind::Tombstone;
    case world::RecordKind::CommitMarker:
        return Slot::Kind::Commit;
    case world::RecordKind::AbortMarker:
        return Slot::Kind::Abort;
    case world::RecordKind::OtherControl:
        return Slot::Kind::Control;
    }
    return Slot::Kind::Record;
}

} // namespace

std::vector<Slot> newestSlots(
    const log::PartitionSnapshot &partition, const world::LogTailSnapshot *tail, std::size_t most)
{
    const std::int64_t start = partition.logStartOffset;
    const std::int64_t known = tail ? std::clamp(tail->to, start, partition.logEndOffset) : start;
    std::vector<Slot> slots; // newest first, until it is turned round
    std::int64_t next = partition.logEndOffset;
    for (; next > known && slots.size() < most; --next)
        slots.push_back({.offset = next - 1, .next = next});
    if (tail && next == known) {
        const std::int64_t from = std::max(tail->from, start);
        for (auto record = tail->records.rbegin();
            record != tail->records.rend() && record->offset >= from; ++record) {
            if (record->offset >= next)
                continue;
            if (record->offset + 1 < next && slots.size() < most)
                slots.push_back(
                    {.offset = record->offset + 1, .next = next, .kind = Slot::Kind::Gap});
            if (slots.size() >= most)
                break;
            slots.push_back({.offset = record->offset,
                .next = record->offset + 1,
                .kind = kindOf(record->kind),
                .fate = record->fate,
                .producerId = record->producerId,
                .producerEpoch = record->producerEpoch});
            next = record->offset;
        }
        if (next > from && slots.size() < most)
            slots.push_back({.offset = from, .next = next, .kind = Slot::Kind::Gap});
    }
    std::ranges::reverse(slots);
    return slots;
}

} // namespace queuelab::ui
