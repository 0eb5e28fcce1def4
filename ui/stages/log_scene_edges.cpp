// What is marked in a lane: segments, offsets that mean something, flags and positions of groups,
// numbers.

#include "engine/log/events.h"
#include "ui/stages/log_scene.h"
#include "ui/stages/log_words.h"
#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

void LogScene::edges(const Lane &lane, const Window &window, const Row &row, double top)
{
    const double reach = m_measure.px(4);
    for (const auto &segment : lane.partition->segments) {
        if (segment.baseOffset <= window.first || segment.baseOffset > window.end)
            continue;
        const double x = xOf(window, segment.baseOffset);
        m_sketch.line(
            {x, row.cellTop - reach}, {x, row.cellTop + row.cellHeight + reach}, Swatch::Ink, 2);
    }
    const std::int64_t start = lane.partition->logStartOffset;
    if (start <= 0)
        return;
    // What was before it is gone: retention deleted it.
    const double x = m_columns.cells - m_measure.px(2);
    m_sketch.line(
        {x, row.cellTop - reach}, {x, row.cellTop + row.cellHeight + reach}, Swatch::System, 2.5);
    if (m_detail != Detail::Dense)
        m_sketch.line(x, top + flagHeight() * static_cast<double>(m_flagRows - 1) - m_measure.px(2),
            m_measure.px(110), tr("from %1").arg(grouped(start)), Face::Mono, Swatch::System);
}

double LogScene::notesHeight() const
{
    return m_hasNotes && m_detail == Detail::Roomy ? m_measure.height(Face::Small) + m_measure.px(4)
                                                   : 0;
}

double LogScene::notesTop(const Row &row) const
{
    return row.cellTop + row.cellHeight + m_measure.height(Face::Small) + m_measure.px(7);
}

const EventRow *LogScene::justCleaned(const Lane &lane) const
{
    const auto found =
        std::find_if(m_input.recent.rbegin(), m_input.recent.rend(), [&](const EventRow &event) {
            return event.kind == log::kind(log::LogEvent::PartitionCleaned)
                && event.subject == lane.name;
        });
    return found == m_input.recent.rend() ? nullptr : &*found;
}

void LogScene::markedEdges(const Lane &lane, const Window &window, const Row &row)
{
    if (!m_hasNotes)
        return;
    std::vector<EdgeNote> notes = edgeNotes(lane, window, row);
    if (m_detail == Detail::Roomy)
        writeNotes(std::move(notes), notesTop(row));
}

std::vector<LogScene::EdgeNote> LogScene::edgeNotes(
    const Lane &lane, const Window &window, const Row &row)
{
    const log::PartitionSnapshot &partition = *lane.partition;
    std::vector<EdgeNote> notes;
    const double foot = m_detail == Detail::Roomy ? notesTop(row) - m_measure.px(1)
                                                  : row.cellTop + row.cellHeight + m_measure.px(4);
    const auto edge = [&](std::int64_t offset, const QString &words, Swatch colour, Dash dash,
                          const QString &terse = {}) {
        const double x = xOf(window, offset);
        const bool hidden = offset < window.first;
        if (!hidden)
            m_sketch.line({x, row.cellTop - m_measure.px(4)}, {x, foot}, colour, 2, dash);
        const QString sign = hidden ? u"‹ "_s : QString();
        notes.push_back({x, sign + words, sign + (terse.isEmpty() ? words : terse), colour});
    };
    if (lane.hasTransactions()) {
        const QString terse = tr("LSO %1").arg(grouped(partition.lastStableOffset));
        QString words = terse;
        if (partition.lastStableOffset == partition.highWatermark)
            words += tr(" = HW");
        else if (const QString who = LogWords::holder(lane, m_snapshot); !who.isEmpty())
            words += tr(", held back by %1").arg(who);
        edge(partition.lastStableOffset, words, Swatch::System, Dash::Dashed, terse);
        if (partition.lastStableOffset < partition.highWatermark && m_followers == 0)
            edge(partition.highWatermark, tr("HW %1").arg(grouped(partition.highWatermark)),
                Swatch::Ink, Dash::Dashed);
    }
    if (lane.isCompacted()) {
        edge(partition.firstDirtyOffset,
            tr("dirty from %1, %2 %")
                .arg(grouped(partition.firstDirtyOffset))
                .arg(partition.dirtyPercent),
            Swatch::InFlightText, Dash::Dotted,
            tr("dirty from %1").arg(grouped(partition.firstDirtyOffset)));
    }
    const GroupProgress *group = lane.of(m_view.selected);
    if (group && group->share) {
        edge(group->share->startOffset, tr("SPSO %1").arg(grouped(group->share->startOffset)),
            Swatch::DoneText, Dash::Solid);
        edge(group->share->endOffset, tr("SPEO %1").arg(grouped(group->share->endOffset)),
            Swatch::Ready, Dash::Solid);
    }
    if (const EventRow *cleaned = justCleaned(lane)) {
        notes.push_back({m_columns.cells,
            counted(static_cast<std::uint64_t>(cleaned->count), tr("compacted: 1 record removed"),
                tr("compacted: %1 records removed")),
            tr("−%1 records").arg(grouped(std::int64_t{cleaned->count})), Swatch::DoneText});
    }
    return notes;
}

void LogScene::writeNotes(std::vector<EdgeNote> notes, double top)
{
    std::ranges::stable_sort(notes, {}, &EdgeNote::x);
    const double gap = m_measure.px(12);
    const double end = m_columns.lanesRight;
    double needed = -gap;
    for (const EdgeNote &note : notes)
        needed += m_sketch.width(note.words, Face::Small) + 1 + gap;
    if (needed > end - m_columns.names) {
        for (EdgeNote &note : notes)
            note.words = note.terse;
    }
    // From left to right each under its edge, or behind the one before; then back from the right
    // end, as far as they reach beyond it.
    std::vector<double> lefts;
    double free = m_columns.cells;
    for (const EdgeNote &note : notes) {
        const double wide = m_sketch.width(note.words, Face::Small) + 1;
        lefts.push_back(std::max(free, note.x - wide / 2));
        free = lefts.back() + wide + gap;
    }
    double limit = end;
    for (std::size_t index = notes.size(); index-- > 0;) {
        const double wide = m_sketch.width(notes[index].words, Face::Small) + 1;
        lefts[index] = std::max(m_columns.names, std::min(lefts[index], limit - wide));
        limit = lefts[index] - gap;
    }
    for (std::size_t index = 0; index < notes.size(); ++index) {
        const double room =
            (index + 1 < notes.size() ? lefts[index + 1] - gap : end) - lefts[index];
        m_sketch.line(
            lefts[index], top, room, notes[index].words, Face::Small, notes[index].colour);
    }
}

QString LogScene::lagText(const GroupProgress &group)
{
    return tr("lag %1").arg(grouped(group.lag));
}

double LogScene::lagLeft(const Lane &lane) const
{
    const GroupProgress *group = lane.of(m_view.selected);
    if (!group)
        return m_columns.lanesRight;
    return m_columns.lanesRight - m_measure.px(kLagInset)
        - m_sketch.width(lagText(*group), Face::SmallStrong) - 1;
}

void LogScene::flags(const Lane &lane, const Window &window, const Row &row, double top)
{
    const bool named = m_view.groups.size() > 1;
    const double cloth = flagHeight();
    for (const GroupProgress &group : lane.groups) {
        const bool selected = group.group == m_view.selected;
        // Of the share group that is looked at the start offset is an edge of its own.
        const std::int64_t at = !group.share ? group.committed
            : selected                       ? -1
                                             : group.share->startOffset;
        if (at < 0)
            continue;
        const double x = xOf(window, at);
        // Left of the cells it would point at the density bar, which shows it already.
        const bool hidden = at < window.first;
        const Swatch colour = flagColour(group.group);
        const auto flagRow = static_cast<double>(std::min(group.group, m_flagRows - 1));
        if (m_detail == Detail::Dense || group.group >= m_flagRows) {
            if (!hidden)
                m_sketch.line({x, row.cellTop - m_measure.px(2)},
                    {x, row.cellTop + row.cellHeight + m_measure.px(2)}, colour,
                    selected ? 2.5 : 1.5);
            continue;
        }
        QString words = grouped(at);
        if (named)
            words = cut(m_view.groups[group.group].name, 10) + u' ' + words;
        if (hidden)
            words = u"‹ "_s + words;
        const double wide = m_sketch.width(words, Face::Mono) + m_measure.px(14);
        // Compact has the lag in the last row of flags.
        const bool besideLag = m_detail == Detail::Compact && group.group == m_flagRows - 1;
        const double limit = besideLag ? lagLeft(lane) - m_measure.px(4) : m_columns.lanesRight;
        const bool right = x + wide <= limit;
        const QRectF rect(
            right ? x : x - wide, top + flagRow * cloth, wide, cloth - m_measure.px(1));
        const double foot = row.cellTop + row.cellHeight + (selected ? m_measure.px(2) : 0);
        m_scene.marks.emplace_back(FlagMark{{x, foot}, foot - rect.top(), rect, words, colour,
            colour == Swatch::Ink || colour == Swatch::Muted ? Swatch::Panel : Swatch::OnReady});
        m_sketch.spot(rect, {Thing::Kind::Group, m_view.groups[group.group].name, -1, {}});
    }
    if (lane.hasTransactions() && m_detail == Detail::Roomy)
        otherPositions(lane, window, row);
    const GroupProgress *group = lane.of(m_view.selected);
    if (!group || group->position < 0 || group->position == group->committed
        || group->position < window.first)
        return;
    const double x = xOf(window, group->position);
    const double size = m_measure.px(m_detail == Detail::Roomy ? kPositionMark : 5);
    const QPointF tip(
        x, row.cellTop + row.cellHeight + m_measure.px(m_detail == Detail::Roomy ? 4 : 1));
    m_scene.marks.emplace_back(TriangleMark{tip, size, Swatch::InFlightText});
    if (m_detail != Detail::Roomy)
        return;
    // Right of the mark, or left of it where the lag stands.
    const QString words = grouped(group->position);
    const double wide = m_sketch.width(words, Face::Mono) + 1;
    const bool right = x + m_measure.px(7) + wide < lagLeft(lane) - m_measure.px(4);
    m_sketch.line(right ? x + m_measure.px(7) : x - m_measure.px(7) - wide,
        tip.y() - m_measure.px(1), wide, words, Face::Mono, Swatch::InFlightText);
}

void LogScene::otherPositions(const Lane &lane, const Window &window, const Row &row)
{
    // One that reads committed stands where another went on: both are seen at once.
    for (const GroupProgress &group : lane.groups) {
        if (group.group == m_view.selected || group.position < window.first
            || group.position == group.committed)
            continue;
        m_scene.marks.emplace_back(TriangleMark{
            {xOf(window, group.position), row.cellTop + row.cellHeight + m_measure.px(4)},
            m_measure.px(kPositionMark), flagColour(group.group)});
    }
}

void LogScene::numbers(const Lane &lane, const Row &row, double top)
{
    const double middle = row.cellTop + row.cellHeight / 2;
    m_sketch.lineRight(m_columns.lanesRight - m_measure.px(6),
        middle - m_measure.height(Face::Mono) / 2, m_columns.lanesRight - m_columns.cellsRight,
        grouped(lane.partition->logEndOffset), Face::Mono, Swatch::Muted);
    const GroupProgress *group = lane.of(m_view.selected);
    if (!group)
        return;
    // Red says that the lag will not shrink: nobody reads this partition.
    const bool stuck = group->lag > 0 && !group->read;
    const QString words = lagText(*group);
    const Face face = stuck ? Face::SmallStrong : Face::Small;
    const Swatch colour = stuck ? Swatch::Dead : Swatch::Muted;
    const double line = m_measure.height(face);
    switch (m_detail) {
    case Detail::Roomy:
        m_sketch.lineRight(m_columns.lanesRight - m_measure.px(kLagInset),
            row.cellTop + row.cellHeight + m_measure.px(4), m_measure.px(120), words, face, colour);
        break;
    case Detail::Compact:
        m_sketch.lineRight(m_columns.lanesRight - m_measure.px(kLagInset),
            top + flagHeight() * static_cast<double>(m_flagRows) - line - m_measure.px(1),
            m_measure.px(120), words, face, colour);
        break;
    case Detail::Dense:
        m_sketch.line(m_columns.lag, middle - line / 2, m_measure.px(90), words, face, colour);
        break;
    }
}

} // namespace queuelab::ui
