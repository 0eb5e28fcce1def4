// The records of a lane: cells for the newest, a bar for those before them, and what a share group
// has acquired.

#include "ui/stages/log_scene.h"
#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

/// Records before `first`. Compaction has left fewer than there are offsets: the segments count
/// them, of which only the newest are known.
std::int64_t recordsBefore(const Lane &lane, std::int64_t first, const std::vector<Slot> &slots)
{
    const log::PartitionSnapshot &partition = *lane.partition;
    const bool allKnown = !partition.segments.empty()
        && partition.segments.front().baseOffset <= partition.logStartOffset;
    if (!lane.isCompacted() || !allKnown)
        return first - partition.logStartOffset;
    std::int64_t records = 0;
    for (const log::SegmentInfo &segment : partition.segments)
        records +=
            segment.recordCount < 0 ? segment.nextOffset - segment.baseOffset : segment.recordCount;
    return std::max<std::int64_t>(0, records - std::ranges::count_if(slots, [](const Slot &slot) {
        return slot.kind != Slot::Kind::Gap;
    }));
}

/// What a group sees in a record, as a colour; None where it is drawn hollow or crossed out.
Swatch colourOf(RecordState state)
{
    switch (state) {
    case RecordState::Committed:
    case RecordState::Acknowledged:
        return Swatch::DoneFaded;
    case RecordState::HandedOut:
    case RecordState::FetchedAhead:
    case RecordState::Acquired:
        return Swatch::InFlight;
    case RecordState::Unread:
    case RecordState::Available:
    case RecordState::NotGivenOut:
        return Swatch::Ready;
    case RecordState::NotReplicated:
        return Swatch::Muted;
    case RecordState::Archived:
        return Swatch::DeadTint;
    }
    return Swatch::Muted;
}

} // namespace

void LogScene::cells(const Lane &lane, const Window &window, const Row &row)
{
    const GroupProgress *group = lane.of(m_view.selected);
    for (std::size_t index = 0; index < window.slots.size(); ++index) {
        const Slot &slot = window.slots[index];
        const QRectF rect(window.lefts[index] + m_measure.px(1), row.cellTop,
            window.lefts[index + 1] - window.lefts[index] - m_measure.px(2), row.cellHeight);
        switch (slot.kind) {
        case Slot::Kind::Record:
        case Slot::Kind::Tombstone:
            recordCell(rect, lane.state(slot.offset, group), slot, group && group->readsCommitted);
            break;
        case Slot::Kind::Commit:
        case Slot::Kind::Abort:
            m_sketch.markerCell(rect, slot.kind == Slot::Kind::Commit);
            break;
        case Slot::Kind::Control:
            m_sketch.hollowCell(rect, Swatch::Muted);
            break;
        case Slot::Kind::Gap:
            gap(rect, slot);
            break;
        }
        m_sketch.spot(
            rect, {Thing::Kind::Record, lane.name, slot.offset, {}}, false, m_measure.px(3));
    }
    if (window.end < lane.partition->logEndOffset)
        m_scene.marks.emplace_back(StripesMark{
            {window.lefts.back() + m_measure.px(1), row.cellTop, 1.5 * m_pitch, row.cellHeight},
            Swatch::Ready, true});
}

void LogScene::recordCell(
    const QRectF &rect, RecordState state, const Slot &slot, bool readsCommitted)
{
    const Swatch colour = colourOf(state);
    if (state == RecordState::NotReplicated) {
        m_sketch.cell(rect, colour, true);
    } else if (slot.fate == world::TransactionFate::Aborted) {
        // On the ground of what became of it: a group that reads uncommitted was given it all the
        // same.
        const bool wasGiven =
            !readsCommitted && (state == RecordState::Committed || state == RecordState::HandedOut);
        m_sketch.struckCell(rect, wasGiven ? colour : Swatch::DeadTint);
    } else if (state == RecordState::Archived) {
        m_sketch.struckCell(rect, colour);
    } else if (slot.fate == world::TransactionFate::Open) {
        m_sketch.cell(rect, colour == Swatch::DoneFaded ? Swatch::Done : colour, true);
    } else if (slot.kind == Slot::Kind::Tombstone) {
        m_sketch.tombstoneCell(rect, colour == Swatch::DoneFaded ? Swatch::Done : colour);
    } else if (state == RecordState::FetchedAhead) {
        m_sketch.hollowCell(rect, Swatch::InFlight, Swatch::InFlightTint, 1.8);
    } else if (state == RecordState::NotGivenOut) {
        m_sketch.hollowCell(rect, Swatch::Ready, Swatch::ReadyTint, 1.4);
    } else {
        m_sketch.cell(rect, colour);
    }
}

void LogScene::gap(const QRectF &rect, const Slot &slot)
{
    m_sketch.gapCell(rect);
    const QString words = shortened(slot.next - slot.offset);
    if (slot.next - slot.offset > 1 && m_sketch.width(words, Face::Small) <= rect.width())
        m_sketch.label(rect, words, Face::Small, Swatch::Muted, Qt::AlignCenter);
}

void LogScene::shareRuns(const Lane &lane, const Window &window, const Row &row, double top)
{
    const GroupProgress *group = lane.of(m_view.selected);
    if (!group || !group->share || m_detail == Detail::Dense || group->group >= m_flagRows)
        return;
    const double radius = m_measure.px(5);
    const double line = flagHeight();
    const double above = top + static_cast<double>(group->group) * line;
    double free = 0; // what is written ends here
    for (const log::ShareRecordsSnapshot &run : group->share->records) {
        if (run.lastOffset < window.first)
            continue;
        const double left = xOf(window, run.firstOffset) + m_measure.px(1);
        const double right = xOf(window, run.lastOffset + 1) - m_measure.px(1);
        if (run.state == log::ShareRecordState::Acquired && left >= free) {
            const double length =
                std::chrono::duration<double>(run.lockedUntil - run.lockedAt).count();
            const double rest =
                std::chrono::duration<double>(run.lockedUntil - m_snapshot.now).count();
            const double part = length > 0 ? std::clamp(rest / length, 0.0, 1.0) : 0;
            m_sketch.line({left, row.cellTop - m_measure.px(2)},
                {right, row.cellTop - m_measure.px(2)}, Swatch::InFlightText, 1.6);
            m_scene.marks.emplace_back(
                RingMark{{left + radius + 1, above + line / 2 - m_measure.px(1)}, radius, 2.5, part,
                    part < 0.2 ? Swatch::Dead : Swatch::InFlight, Swatch::Line});
            free = left + 2 * radius + m_measure.px(4);
            const QString words = text(run.member);
            const double wide = m_sketch.width(words, Face::Small);
            if (free + wide <= std::max(right, left + m_pitch)) {
                m_sketch.line(free, above, wide + 1, words, Face::Small, Swatch::InFlightText);
                free += wide;
            }
        }
        const bool counts = run.deliveryCount > 1
            && run.state != log::ShareRecordState::Acknowledged && m_detail == Detail::Roomy;
        if (counts) {
            const QString words = u"×%1"_s.arg(run.deliveryCount);
            const double wide = m_sketch.width(words, Face::Small) + 1;
            m_sketch.line((left + right - wide) / 2, row.cellTop + row.cellHeight + m_measure.px(3),
                wide, words, Face::Small,
                run.state == log::ShareRecordState::Archived ? Swatch::Dead : Swatch::InFlightText);
        }
    }
}

void LogScene::density(const Lane &lane, const Window &window, const Row &row)
{
    const std::int64_t start = lane.partition->logStartOffset;
    const std::int64_t count = window.first - start;
    if (count <= 0)
        return;
    const GroupProgress *group = lane.of(m_view.selected);
    const QRectF bar(m_columns.cells, row.cellTop + m_measure.px(1), window.densityWidth,
        row.cellHeight - m_measure.px(2));
    const auto xAt = [&](std::int64_t offset) {
        const double part = static_cast<double>(std::clamp(offset, start, window.first) - start)
            / static_cast<double>(count);
        return bar.left() + part * bar.width();
    };
    const std::int64_t settled = !group ? start
        : group->share                  ? group->share->startOffset
                                        : group->committed;
    const double committed = xAt(settled);
    const double position = std::max(committed, xAt(group ? group->position : start));
    const auto stretch = [&](double from, double to, Swatch colour) {
        if (to - from >= 1)
            m_scene.marks.emplace_back(
                StripesMark{{from, bar.top(), to - from, bar.height()}, colour, false});
    };
    stretch(bar.left(), committed, Swatch::DoneFaded);
    stretch(committed, position, Swatch::InFlight);
    stretch(position, bar.right(), Swatch::Ready);
    m_sketch.spot(bar, {Thing::Kind::Partition, lane.name, -1, {}});
    if (m_detail == Detail::Roomy)
        m_sketch.line(bar.left(), bar.bottom() + m_measure.px(5), bar.width() + m_measure.px(40),
            tr("%1 more").arg(shortened(recordsBefore(lane, window.first, window.slots))),
            Face::Small, Swatch::Muted);
}

} // namespace queuelab::ui
