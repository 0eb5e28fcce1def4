// The readers' side of the log's picture: flags in the lanes, producers on the left, groups on the
// right.

#include "ui/stages/log_scene.h"
#include "ui/stages/words.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

/// "P3", or "orders P3" where a group reads several topics.
QString partitionLabel(const QString &partition, bool withTopic)
{
    const qsizetype dash = partition.lastIndexOf(u'-');
    const QString number = u"P"_s + partition.mid(dash + 1);
    return withTopic ? partition.left(dash) + u' ' + number : number;
}

} // namespace

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
        if (group.committed < 0)
            continue;
        const bool selected = group.group == m_view.selected;
        const double x = xOf(window, group.committed);
        // Left of the cells it would point at the density bar, which shows it already.
        const bool hidden = group.committed < window.first;
        const Swatch colour = flagColour(group.group);
        const auto flagRow = static_cast<double>(std::min(group.group, m_flagRows - 1));
        if (m_detail == Detail::Dense || group.group >= m_flagRows) {
            if (!hidden)
                m_sketch.line({x, row.cellTop - m_measure.px(2)},
                    {x, row.cellTop + row.cellHeight + m_measure.px(2)}, colour,
                    selected ? 2.5 : 1.5);
            continue;
        }
        QString words = grouped(group.committed);
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

void LogScene::producers(double areaTop, double areaBottom)
{
    if (m_view.producers.empty())
        return;
    const double strong = m_measure.height(Face::Strong);
    const double small = m_measure.height(Face::Small);
    const double tall = strong + 2 * small + m_measure.px(18);
    const double gap = m_measure.px(12);
    const auto count = static_cast<double>(m_view.producers.size());
    const double block = count * tall + (count - 1) * gap;
    double top = std::max(areaTop, (areaTop + areaBottom - block) / 2);

    for (const auto *producer : m_view.producers) {
        const QString name = text(producer->name);
        const QRectF rect(m_columns.producers, top, m_columns.producersWidth, tall);
        const bool crashed = producer->state == world::ClientState::Crashed;
        const bool running = producer->state == world::ClientState::Running;
        m_sketch.card(rect, crashed ? Swatch::DeadTint : Swatch::Raised,
            crashed ? Swatch::Dead : Swatch::Line, running ? Dash::Solid : Dash::Dashed,
            running ? 1 : 1.3);
        const double left = rect.left() + m_measure.px(10);
        const double wide = rect.width() - m_measure.px(20);
        double y = rect.top() + m_measure.px(8);
        m_sketch.line(left, y, wide, name, Face::Strong);
        y += strong;
        QString state = tr("producer");
        if (crashed)
            state = tr("crashed");
        else if (producer->state == world::ClientState::Paused)
            state = tr("paused");
        else if (producer->state == world::ClientState::Stopped)
            state = tr("stopped");
        const double x = m_sketch.line(left, y + m_measure.px(1), wide,
            running ? rateText(producer->rate) : state, running ? Face::MonoStrong : Face::Small,
            crashed       ? Swatch::Dead
                : running ? Swatch::Ink
                          : Swatch::Muted);
        const double stateRoom = rect.right() - x - m_measure.px(18);
        if (running && m_sketch.width(state, Face::Small) <= stateRoom)
            m_sketch.lineRight(rect.right() - m_measure.px(10), y + m_measure.px(1), stateRoom,
                state, Face::Small, Swatch::Muted);
        y += small + m_measure.px(1);
        if (producer->failed > 0)
            m_sketch.line(left, y, wide, tr("%1 failed").arg(grouped(producer->failed)),
                Face::SmallStrong, Swatch::Dead);
        else
            m_sketch.line(left, y, wide, tr("%1 sent").arg(grouped(producer->sent)), Face::Small,
                Swatch::Muted);
        m_sketch.spot(rect, {Thing::Kind::Client, name, -1, {}}, true, m_measure.px(6));
        const QPointF out(rect.right(), rect.center().y());
        m_scene.setAnchor(Thing::Kind::Client, name, out);
        top += tall + gap;

        const QString target = text(producer->target);
        const auto topic = std::ranges::find(m_view.topics, target, &TopicView::name);
        if (topic == m_view.topics.end())
            continue;
        producerCurves(*topic, out, running ? Dash::Solid : Dash::Dashed);
    }
}

void LogScene::producerCurves(const TopicView &topic, QPointF out, Dash dash)
{
    const double end = m_columns.names - m_measure.px(6);
    const auto middleOf = [&](const Lane &lane) {
        return m_scene.anchor(Thing::Kind::Partition, lane.name)->y();
    };
    // Many lanes hang on one rail: a curve to each would be a black fan.
    constexpr std::size_t kManyLanes = 24;
    const bool rail = topic.lanes.size() > kManyLanes;
    const double railX = end - m_measure.px(8);
    if (rail) {
        m_sketch.flow(out, {railX, out.y()}, Swatch::Line, 1.4, dash);
        m_sketch.line({railX, std::min(out.y(), middleOf(topic.lanes.front()))},
            {railX, middleOf(topic.lanes.back())}, Swatch::Line, 1.4, dash);
    }
    for (const Lane &lane : topic.lanes) {
        const QPointF in(end, middleOf(lane));
        if (rail)
            m_sketch.line({railX, in.y()}, in, Swatch::Line, 1.4);
        else
            m_sketch.flow(out, in, Swatch::Line, 1.4, dash);
    }
}

void LogScene::groups(double top, double bottom)
{
    if (m_view.groups.empty())
        return;
    std::size_t members = 0;
    for (const GroupView &group : m_view.groups)
        members += std::max<std::size_t>(1, group.members.size());
    const double foot = m_measure.height(Face::Small) + m_measure.px(10);
    double room = bottom - top - static_cast<double>(m_view.groups.size() - 1) * m_measure.px(10);
    for (const GroupView &group : m_view.groups)
        room -= groupHead(group) + foot;
    const double pitch = room / static_cast<double>(members);
    const double full =
        m_measure.height(Face::Strong) + m_measure.height(Face::Small) + m_measure.px(16);
    const double slim = m_measure.height(Face::Strong) + m_measure.px(6);
    m_memberGap = std::clamp(pitch - slim, m_measure.px(3), m_measure.px(8));
    const double each = pitch - m_memberGap;
    const double memberHeight = each >= full ? std::min(each, full + m_measure.px(28)) : slim;
    for (std::size_t index = 0; index < m_view.groups.size(); ++index)
        top = groupCard(m_view.groups[index], index, top, memberHeight) + m_measure.px(10);
}

QString LogScene::stateText(const GroupView &group)
{
    return text(std::string(log::groupStateName(group.state())));
}

bool LogScene::isSettling(const GroupView &group)
{
    return group.state() == log::GroupState::PreparingRebalance
        || group.state() == log::GroupState::CompletingRebalance;
}

bool LogScene::isStacked(const GroupView &group) const
{
    const QString state = stateText(group);
    const double swatch = m_view.groups.size() > 1 ? m_measure.px(16) : 0;
    return swatch + m_sketch.width(group.name, Face::Strong) + m_sketch.pillWidth(state)
        > m_columns.groupsWidth - m_measure.px(26);
}

double LogScene::groupHead(const GroupView &group) const
{
    const double strong = m_measure.height(Face::Strong);
    return strong + m_measure.px(16) + (isStacked(group) ? strong + m_measure.px(6) : 0)
        + (isSettling(group) ? m_measure.height(Face::Small) + m_measure.px(4) : 0);
}

double LogScene::groupCard(
    const GroupView &group, std::size_t index, double top, double memberHeight)
{
    const double strong = m_measure.height(Face::Strong);
    const double small = m_measure.height(Face::Small);
    const double inset = m_measure.px(10);
    const double left = m_columns.groups;
    const double width = m_columns.groupsWidth;
    const bool settling = isSettling(group);
    const QString state = stateText(group);
    const double pillWidth = m_sketch.pillWidth(state);
    const double swatch = m_view.groups.size() > 1 ? m_measure.px(16) : 0;
    const bool stacked = isStacked(group);
    const double gap = m_memberGap;
    const double head = groupHead(group);
    const auto count = static_cast<double>(group.members.size());
    const double foot = small + m_measure.px(10);
    const double body = group.members.empty() ? small + gap : count * (memberHeight + gap);
    const QRectF rect(left, top, width, head + body + foot);
    const bool selected = index == m_view.selected && m_view.groups.size() > 1;
    m_sketch.card(rect, Swatch::Raised, selected ? Swatch::Muted : Swatch::Line);
    m_sketch.spot(rect, {Thing::Kind::Group, group.name, -1, {}}, true, m_measure.px(6));

    const double middle = top + m_measure.px(8) + strong / 2;
    const double nameLeft = left + inset + swatch;
    if (swatch > 0) {
        // The same colour as its flags.
        m_sketch.box(
            {.rect = {left + inset, middle - m_measure.px(5), m_measure.px(10), m_measure.px(10)},
                .radius = m_measure.px(2),
                .fill = flagColour(index)});
    }
    const bool stable = group.state() == log::GroupState::Stable;
    const double pillLeft = rect.right() - inset - pillWidth;
    m_sketch.line(nameLeft, middle - strong / 2,
        (stacked ? rect.right() - inset : pillLeft - m_measure.px(6)) - nameLeft, group.name,
        Face::Strong);
    m_sketch.pill(stacked ? left + inset : pillLeft,
        stacked ? middle + strong + m_measure.px(4) : middle, state,
        stable         ? Swatch::Done
            : settling ? Swatch::InFlightText
                       : Swatch::Muted,
        stable         ? Swatch::DoneTint
            : settling ? Swatch::InFlightTint
                       : Swatch::None);

    double y = top + head;
    if (settling) {
        QString who;
        for (const QString &name : group.waitedFor)
            who += (who.isEmpty() ? QString() : u", "_s) + name;
        const bool joining = group.state() == log::GroupState::PreparingRebalance;
        const QString words = who.isEmpty() ? tr("waits for more members")
            : joining                       ? tr("waits for %1 to rejoin").arg(who)
                                            : tr("waits for the plan of %1").arg(who);
        m_sketch.line(left + inset, y - small - m_measure.px(6), width - 2 * inset, words,
            Face::Small, Swatch::InFlightText);
    }
    if (group.members.empty()) {
        m_sketch.line(
            left + inset, y, width - 2 * inset, tr("no members"), Face::Small, Swatch::Muted);
        y += small + gap;
    }
    for (const MemberView &member : group.members) {
        memberCard(group, member, {left + inset, y, width - 2 * inset, memberHeight});
        y += memberHeight + gap;
    }
    const QString protocol = group.group ? text(group.group->protocol) : QString();
    const QString words = group.group ? tr("gen %1").arg(group.group->generation)
            + (protocol.isEmpty() ? QString() : u" · "_s + protocol)
                                      : tr("not known to the broker yet");
    m_sketch.line(left + inset, y, width - 2 * inset, words, Face::Small, Swatch::Muted);
    return rect.bottom();
}

void LogScene::memberCard(const GroupView &group, const MemberView &member, const QRectF &rect)
{
    const bool crashed = member.state == MemberState::Crashed;
    const bool quiet = member.state == MemberState::Idle || member.state == MemberState::Outside
        || member.state == MemberState::Paused;
    const bool waits =
        member.state == MemberState::WaitsForJoin || member.state == MemberState::WaitsForSync;
    m_sketch.card(rect, crashed ? Swatch::DeadTint : Swatch::Panel,
        crashed     ? Swatch::Dead
            : quiet ? Swatch::Muted
            : waits ? Swatch::InFlight
                    : Swatch::Line,
        crashed || quiet ? Dash::Dashed : Dash::Solid, crashed || quiet || waits ? 1.4 : 1);
    m_sketch.spot(rect, {Thing::Kind::Client, member.name, -1, {}}, true, m_measure.px(6));
    m_scene.setAnchor(Thing::Kind::Client, member.name, {rect.left(), rect.center().y()});

    const double strong = m_measure.height(Face::Strong);
    const double inset = m_measure.px(9);
    const bool slim = rect.height() < strong + m_measure.height(Face::Small) + m_measure.px(10);
    const double top = slim
        ? rect.center().y() - strong / 2
        : rect.center().y() - (strong + m_measure.height(Face::Small)) / 2 - m_measure.px(1);
    const double middle = top + strong / 2;
    double right = rect.right() - inset;

    // Records in its hands: filled dots; a ring around the last one says that it has handled some
    // twice.
    constexpr std::uint64_t kMostDots = 5;
    const double dot = m_measure.px(5);
    if (member.holding > kMostDots) {
        const QString more = u"×%1"_s.arg(shortened(static_cast<std::int64_t>(member.holding)));
        right = m_sketch.lineRight(right, middle - m_measure.height(Face::MonoStrong) / 2,
            m_measure.px(60), more, Face::MonoStrong, Swatch::InFlightText);
        right -= m_measure.px(3);
    }
    const auto dots = member.holding > kMostDots ? 1 : static_cast<int>(member.holding);
    for (int index = 0; index < dots; ++index) {
        const QPointF centre(right - dot, middle);
        m_scene.marks.emplace_back(
            DotMark{centre, dot - 1, Swatch::InFlight, Swatch::InFlightText, 1});
        right -= 2 * dot + m_measure.px(1);
    }
    right -= m_measure.px(4);

    const double nameRoom =
        std::max(m_measure.px(28), right - rect.left() - inset - m_measure.px(34));
    double x = m_sketch.line(rect.left() + inset, top, nameRoom, member.name, Face::Strong,
                   crashed ? Swatch::Dead : Swatch::Ink)
        + m_measure.px(7);
    std::size_t shown = 0;
    for (const QString &partition : member.owned) {
        const QString label = partitionLabel(partition, group.severalTopics);
        const auto rest = member.owned.size() - shown;
        const double more =
            rest > 1 ? m_sketch.width(u"+%1"_s.arg(rest - 1), Face::Small) + m_measure.px(3) : 0;
        if (x + m_sketch.pillWidth(label) + more > right) {
            m_sketch.line(x, middle - m_measure.height(Face::Small) / 2, right - x,
                u"+%1"_s.arg(rest), Face::Small, Swatch::Ready);
            break;
        }
        const QRectF pill = m_sketch.pill(x, middle, label, Swatch::Ready, Swatch::ReadyTint);
        m_sketch.spot(pill, {Thing::Kind::Partition, partition, -1, {}});
        x = pill.right() + m_measure.px(3);
        ++shown;
    }
    if (!slim) {
        memberSecondLine(member, rect, top + strong + m_measure.px(1));
    } else if (member.owned.empty()) {
        QString words = memberText(member);
        if (member.state == MemberState::Idle && m_sketch.width(words, Face::Small) > right - x)
            words = tr("idle");
        m_sketch.line(x, middle - m_measure.height(Face::Small) / 2, right - x, words, Face::Small,
            crashed ? Swatch::Dead : Swatch::Muted);
    }
}

QString LogScene::memberText(const MemberView &member) const
{
    switch (member.state) {
    case MemberState::Working:
        return member.sincePoll ? tr("poll %1 ago").arg(spanText(*member.sincePoll))
                                : tr("heartbeat %1 ago").arg(spanText(member.sinceHeartbeat));
    case MemberState::Idle:
        return tr("idle: owns nothing");
    case MemberState::WaitsForJoin:
        return tr("waits in JoinGroup");
    case MemberState::WaitsForSync:
        return tr("waits in SyncGroup");
    case MemberState::Outside:
        return member.note.isEmpty() ? tr("not in the group") : member.note;
    case MemberState::Paused:
        return tr("paused");
    case MemberState::Crashed:
        return member.inGroup ? tr("crashed, silent for %1").arg(spanText(member.sinceHeartbeat))
                              : tr("crashed");
    }
    return {};
}

double LogScene::memberSecondLine(const MemberView &member, const QRectF &rect, double top)
{
    const double inset = m_measure.px(9);
    double right = rect.right() - inset;
    if (member.again > 0 && member.state != MemberState::Crashed) {
        right = m_sketch.lineRight(right, top, m_measure.px(80),
            tr("%1 again").arg(grouped(member.again)), Face::Small, Swatch::InFlightText);
        right -= m_measure.px(6);
    } else if (member.ahead > 0 && member.state == MemberState::Working) {
        right = m_sketch.lineRight(right, top, m_measure.px(80),
            tr("%1 ahead").arg(shortened(member.ahead)), Face::Small, Swatch::InFlightText);
        right -= m_measure.px(6);
    }
    return m_sketch.line(rect.left() + inset, top, right - rect.left() - inset, memberText(member),
        Face::Small, member.state == MemberState::Crashed ? Swatch::Dead : Swatch::Muted);
}

void LogScene::ownerCurves()
{
    std::size_t count = 0;
    for (const GroupView &group : m_view.groups) {
        for (const MemberView &member : group.members)
            count += member.owned.size();
    }
    // More than so many are a thicket: those of what is pointed at stand out from it.
    constexpr std::size_t kManyCurves = 40;
    const bool many = count > kManyCurves;
    const auto pointedAt = [&](const MemberView &member, const QString &partition) {
        for (const Thing &thing : {m_input.hovered, m_input.chosen}) {
            if ((thing.kind == Thing::Kind::Client && thing.name == member.name)
                || (thing.kind == Thing::Kind::Partition && thing.name == partition))
                return true;
        }
        return false;
    };
    for (const bool front : {false, true}) {
        for (const GroupView &group : m_view.groups) {
            const bool selected = &group == &m_view.groups[m_view.selected];
            for (const MemberView &member : group.members) {
                for (const QString &partition : member.owned) {
                    const bool faint = many && !pointedAt(member, partition);
                    if (faint != front)
                        ownerCurve(member, partition, selected, faint);
                }
            }
        }
    }
}

void LogScene::ownerCurve(
    const MemberView &member, const QString &partition, bool selected, bool faint)
{
    const auto from = m_scene.anchor(Thing::Kind::Partition, partition);
    const auto to = m_scene.anchor(Thing::Kind::Client, member.name);
    if (!from || !to)
        return;
    const bool dead = member.state == MemberState::Crashed;
    const double x = m_columns.groups - m_columns.groupsGap + m_measure.px(4);
    const Swatch colour = dead ? Swatch::Dead
        : faint                ? Swatch::Line
        : selected             ? Swatch::Ready
                               : Swatch::Muted;
    m_sketch.flow({x, from->y()}, *to, colour, faint ? 1 : 1.5,
        dead           ? Dash::Dotted
            : selected ? Dash::Solid
                       : Dash::Dashed);
}

} // namespace queuelab::ui
