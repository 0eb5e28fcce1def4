// The readers' side of the log's picture: groups on the right, and who owns what.

#include "ui/stages/log_scene.h"
#include "ui/stages/log_words.h"
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

bool waitsForPartitions(const MemberView &member)
{
    return member.state == MemberState::GivesUp || member.state == MemberState::WaitsForRelease;
}

} // namespace

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
    switch (group.state()) {
    case log::GroupState::PreparingRebalance:
    case log::GroupState::CompletingRebalance:
    case log::GroupState::Assigning:
    case log::GroupState::Reconciling:
        return true;
    case log::GroupState::Empty:
    case log::GroupState::Stable:
    case log::GroupState::Dead:
        break;
    }
    return false;
}

QString LogScene::settlingText(const GroupView &group) const
{
    QString who;
    for (const QString &name : group.waitedFor)
        who += (who.isEmpty() ? QString() : u", "_s) + name;
    switch (group.state()) {
    case log::GroupState::PreparingRebalance:
        return who.isEmpty() ? tr("waits for more members") : tr("waits for %1 to rejoin").arg(who);
    case log::GroupState::CompletingRebalance:
        return tr("waits for the plan of %1").arg(who);
    case log::GroupState::Assigning:
        return tr("the coordinator computes a target");
    case log::GroupState::Reconciling:
        return who.isEmpty() ? tr("members take over") : tr("waits for %1 to let go").arg(who);
    case log::GroupState::Empty:
    case log::GroupState::Stable:
    case log::GroupState::Dead:
        break;
    }
    return {};
}

QString LogScene::footText(const GroupView &group) const
{
    if (!group.group)
        return tr("not known to the broker yet");
    const log::GroupSnapshot &known = *group.group;
    QStringList words;
    switch (known.type) {
    case log::GroupType::Classic:
        words += tr("gen %1").arg(known.generation);
        break;
    case log::GroupType::Consumer:
        words += known.assignmentEpoch == known.generation
            ? tr("epoch %1").arg(known.generation)
            : tr("epoch %1, target of %2").arg(known.generation).arg(known.assignmentEpoch);
        break;
    case log::GroupType::Share:
        words += tr("share group, epoch %1").arg(known.generation);
        break;
    }
    if (group.readsCommitted)
        words += u"read_committed"_s;
    if (known.protocol.empty() || known.type == log::GroupType::Share)
        return words.join(u" · "_s);
    // What it reads matters more than how it was shared out.
    const QString all = (QStringList(words) << text(known.protocol)).join(u" · "_s);
    const double room = m_columns.groupsWidth - m_measure.px(20);
    return group.readsCommitted && m_sketch.width(all, Face::Small) > room ? words.join(u" · "_s)
                                                                           : all;
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
    if (settling)
        m_sketch.line(left + inset, y - small - m_measure.px(6), width - 2 * inset,
            settlingText(group), Face::Small, Swatch::InFlightText);
    if (group.members.empty()) {
        m_sketch.line(
            left + inset, y, width - 2 * inset, tr("no members"), Face::Small, Swatch::Muted);
        y += small + gap;
    }
    for (const MemberView &member : group.members) {
        memberCard(group, member, {left + inset, y, width - 2 * inset, memberHeight});
        y += memberHeight + gap;
    }
    m_sketch.line(left + inset, y, width - 2 * inset, footText(group), Face::Small, Swatch::Muted);
    return rect.bottom();
}

void LogScene::memberCard(const GroupView &group, const MemberView &member, const QRectF &rect)
{
    const bool crashed = member.state == MemberState::Crashed
        || (member.transaction && member.transaction->isFenced);
    const bool quiet = member.state == MemberState::Idle || member.state == MemberState::Outside
        || member.state == MemberState::Paused;
    const bool waits = member.state == MemberState::WaitsForJoin
        || member.state == MemberState::WaitsForSync || member.state == MemberState::GivesUp
        || member.state == MemberState::WaitsForRelease;
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
    memberPills(group, member, x, right, middle);
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

void LogScene::memberPills(
    const GroupView &group, const MemberView &member, double left, double right, double middle)
{
    // What changes first, should there be no room for all.
    enum class Change : quint8 { Leaves, Comes, Stays };
    std::vector<std::pair<QString, Change>> pills;
    const auto givesUp = [&](const QString &partition) {
        return std::ranges::find(member.revoking, partition) != member.revoking.end();
    };
    for (const QString &partition : member.owned) {
        if (givesUp(partition))
            pills.emplace_back(partition, Change::Leaves);
    }
    for (const QString &partition : member.awaited)
        pills.emplace_back(partition, Change::Comes);
    for (const QString &partition : member.owned) {
        if (!givesUp(partition))
            pills.emplace_back(partition, Change::Stays);
    }
    double x = left;
    for (std::size_t index = 0; index < pills.size(); ++index) {
        const auto &[partition, change] = pills[index];
        QString label = partitionLabel(partition, group.severalTopics);
        if (change == Change::Leaves)
            label = u"−"_s + label;
        else if (change == Change::Comes)
            label = u"+"_s + label;
        const std::size_t rest = pills.size() - index;
        const double more =
            rest > 1 ? m_sketch.width(u"+%1"_s.arg(rest - 1), Face::Small) + m_measure.px(3) : 0;
        if (x + m_sketch.pillWidth(label) + more > right) {
            m_sketch.line(x, middle - m_measure.height(Face::Small) / 2, right - x,
                u"+%1"_s.arg(rest), Face::Small, Swatch::Ready);
            return;
        }
        const QRectF pill = m_sketch.pill(x, middle, label,
            change == Change::Stays ? Swatch::Ready : Swatch::InFlightText,
            change == Change::Stays        ? Swatch::ReadyTint
                : change == Change::Leaves ? Swatch::InFlightTint
                                           : Swatch::None);
        m_sketch.spot(pill, {Thing::Kind::Partition, partition, -1, {}});
        x = pill.right() + m_measure.px(3);
    }
}

QString LogScene::memberText(const MemberView &member) const
{
    const auto labels = [](const std::vector<QString> &partitions) {
        QStringList words;
        for (const QString &partition : partitions)
            words += partitionLabel(partition, false);
        return words.join(u", "_s);
    };
    if (member.transaction && member.transaction->isFenced)
        return LogWords::shortState(*member.transaction);
    switch (member.state) {
    case MemberState::Working:
        if (member.transaction && member.transaction->timeLeft)
            return LogWords::shortState(*member.transaction);
        if (member.lockLeft)
            return tr("holds %1, lock %2").arg(grouped(member.holding), spanText(*member.lockLeft));
        return member.sincePoll ? tr("poll %1 ago").arg(spanText(*member.sincePoll))
                                : tr("heartbeat %1 ago").arg(spanText(member.sinceHeartbeat));
    case MemberState::Idle:
        return tr("idle: owns nothing");
    case MemberState::WaitsForJoin:
        return tr("waits in JoinGroup");
    case MemberState::WaitsForSync:
        return tr("waits in SyncGroup");
    case MemberState::GivesUp:
        return tr("has to give up %1").arg(labels(member.revoking));
    case MemberState::WaitsForRelease:
        return tr("waits for %1").arg(labels(member.awaited));
    case MemberState::Outside:
        return member.note.isEmpty() ? tr("not in the group") : member.note;
    case MemberState::Paused:
        return tr("paused");
    case MemberState::Crashed:
        if (member.lockLeft)
            return tr("crashed, locks %1").arg(spanText(*member.lockLeft));
        return member.inGroup ? tr("crashed, silent for %1").arg(spanText(member.sinceHeartbeat))
                              : tr("crashed");
    }
    return {};
}

double LogScene::memberSecondLine(const MemberView &member, const QRectF &rect, double top)
{
    const double inset = m_measure.px(9);
    double right = rect.right() - inset;
    if (member.epoch >= 0) {
        right = m_sketch.lineRight(
            right, top, m_measure.px(60), tr("e%1").arg(member.epoch), Face::Mono, Swatch::System);
        right -= m_measure.px(6);
    }
    if (member.transaction && member.transaction->timeLeft) {
        const double radius = m_measure.px(5);
        transactionRing(
            *member.transaction, {right - radius, top + m_measure.height(Face::Small) / 2}, radius);
        right -= 2 * radius + m_measure.px(6);
    }
    if (member.again > 0 && member.state != MemberState::Crashed) {
        right = m_sketch.lineRight(right, top, m_measure.px(80),
            tr("%1 again").arg(grouped(member.again)), Face::Small, Swatch::InFlightText);
        right -= m_measure.px(6);
    } else if (member.ahead > 0 && member.epoch < 0 && member.state == MemberState::Working) {
        right = m_sketch.lineRight(right, top, m_measure.px(80),
            tr("%1 ahead").arg(shortened(member.ahead)), Face::Small, Swatch::InFlightText);
        right -= m_measure.px(6);
    }
    return m_sketch.line(rect.left() + inset, top, right - rect.left() - inset, memberText(member),
        Face::Small,
        member.state == MemberState::Crashed || (member.transaction && member.transaction->isFenced)
            ? Swatch::Dead
            : waitsForPartitions(member) ? Swatch::InFlightText
                                         : Swatch::Muted);
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
