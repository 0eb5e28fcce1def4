// The cluster's side of the log's picture: a card for each broker, and under each lane how far its
// followers have come.

#include "ui/stages/log_scene.h"
#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

constexpr double kBrokerGap = 10;
constexpr double kBrokerWidthMost = 220;

} // namespace

std::size_t LogScene::followersShown() const
{
    std::size_t most = 1;
    for (const TopicView &topic : m_view.topics) {
        for (const Lane &lane : topic.lanes)
            most = std::max(most, lane.partition->replicaStates.size());
    }
    return most - 1;
}

double LogScene::brokers(double top)
{
    const double pad = m_measure.px(kPad);
    const double gap = m_measure.px(kBrokerGap);
    const auto count = static_cast<double>(m_snapshot.log.brokers.size());
    const double room = m_scene.size.width() - 2 * pad - (count - 1) * gap;
    const double wide = std::min(room / count, m_measure.px(kBrokerWidthMost));
    const double tall =
        m_measure.height(Face::Strong) + m_measure.height(Face::Small) + m_measure.px(14);
    double left = pad;
    for (const log::BrokerSnapshot &broker : m_snapshot.log.brokers) {
        brokerCard(broker, {left, top, wide, tall});
        left += wide + gap;
    }
    return top + tall;
}

void LogScene::brokerCard(const log::BrokerSnapshot &broker, const QRectF &rect)
{
    const BrokerState state = stateOf(broker);
    const bool isUp = state == BrokerState::Up;
    m_sketch.card(rect, state == BrokerState::Down ? Swatch::DeadTint : Swatch::Raised,
        isUp ? Swatch::Line : Swatch::Dead, isUp ? Dash::Solid : Dash::Dashed, isUp ? 1 : 1.3);
    const double inset = m_measure.px(10);
    const double left = rect.left() + inset;
    const double wide = rect.width() - 2 * inset;
    const double nameTop = rect.top() + m_measure.px(6);
    const double middle = nameTop + m_measure.height(Face::Strong) / 2;
    const double nameEnd =
        m_sketch.line(left, nameTop, wide, tr("broker %1").arg(broker.id), Face::Strong);

    // One word beside the name: what is wrong with it, else what more it is.
    QString word;
    Swatch colour = Swatch::System;
    Swatch tint = Swatch::SystemTint;
    if (state == BrokerState::Down || state == BrokerState::Fenced) {
        word = state == BrokerState::Down ? tr("down") : tr("fenced");
        colour = Swatch::Dead;
        tint = Swatch::DeadTint;
    } else if (broker.id == m_snapshot.log.controller) {
        word = tr("controller");
    } else if (!broker.isRegistered) {
        word = tr("starting");
        colour = Swatch::Muted;
        tint = Swatch::None;
    }
    if (!word.isEmpty() && nameEnd + m_measure.px(8) + m_sketch.pillWidth(word) <= rect.right())
        m_sketch.pill(nameEnd + m_measure.px(8), middle, word, colour, tint);

    const double factsTop = nameTop + m_measure.height(Face::Strong) + m_measure.px(1);
    const QString held =
        counted(static_cast<std::uint64_t>(broker.replicas), tr("1 replica"), tr("%1 replicas"));
    m_sketch.line(left, factsTop, wide,
        state == BrokerState::Down ? held : tr("leads %1 of %2").arg(broker.leads).arg(held),
        Face::Small, Swatch::Muted);
    const Thing thing{Thing::Kind::Broker, {}, broker.id, {}};
    m_sketch.spot(rect, thing, true, m_measure.px(6));
}

double LogScene::replicaPitch() const
{
    return m_detail == Detail::Roomy ? m_measure.height(Face::Small) : m_measure.px(9);
}

double LogScene::replicasHeight() const
{
    if (m_followers == 0)
        return 0;
    // Roomy has a line for the high watermark below.
    const double strips = static_cast<double>(m_followers) * replicaPitch();
    return m_detail == Detail::Roomy ? strips + m_measure.height(Face::Small) : strips;
}

double LogScene::replicasTop(const Row &row) const
{
    const double below = row.cellTop + row.cellHeight;
    return m_detail == Detail::Roomy
        ? below + m_measure.height(Face::Small) + m_measure.px(6) + notesHeight()
        : below + m_measure.px(5);
}

void LogScene::replicas(const Lane &lane, const Window &window, const Row &row)
{
    const log::PartitionSnapshot &partition = *lane.partition;
    const double thick = m_measure.px(m_detail == Detail::Roomy ? 7 : 4);
    double top = replicasTop(row);
    const double first = top;
    for (const log::ReplicaSnapshot &replica : partition.replicaStates) {
        if (replica.broker == partition.leader)
            continue;
        replicaStrip(lane, window, replica,
            {m_columns.cells, top + (replicaPitch() - thick) / 2,
                m_columns.cellsRight - m_columns.cells, thick});
        top += replicaPitch();
    }
    if (top == first || partition.highWatermark < window.first)
        return;
    // The high watermark: what lies left of it is on every replica in sync.
    const double x = xOf(window, partition.highWatermark);
    m_sketch.line({x, row.cellTop - m_measure.px(2)}, {x, top}, Swatch::Ink, 1.4, Dash::Dashed);
    if (m_detail != Detail::Roomy)
        return;
    const QString words = tr("HW %1").arg(grouped(partition.highWatermark));
    const double wide = m_sketch.width(words, Face::Small) + 1;
    m_sketch.line(std::min(x - wide / 2, m_columns.lanesRight - wide), top, wide, words,
        Face::Small, Swatch::Ink);
}

void LogScene::replicaStrip(const Lane &lane, const Window &window,
    const log::ReplicaSnapshot &replica, const QRectF &strip)
{
    const log::PartitionSnapshot &partition = *lane.partition;
    const double middle = strip.center().y();
    const bool roomy = m_detail == Detail::Roomy;
    const Swatch ink = replica.inSync ? Swatch::Muted : Swatch::Dead;

    const std::int64_t shared = std::min(replica.logEndOffset, partition.logEndOffset);
    const double begin = std::max(strip.left(), xOf(window, replica.logStartOffset));
    const double has = std::clamp(xOf(window, shared), begin, strip.right());
    const double end = std::clamp(xOf(window, partition.logEndOffset), has, strip.right());
    const double alone = std::clamp(xOf(window, replica.logEndOffset), has, strip.right());
    const auto stretch = [&](double from, double to) {
        return QRectF(from, strip.top(), to - from, strip.height());
    };
    const double radius = m_measure.px(2);
    if (has > begin) {
        m_sketch.box({.rect = stretch(begin, has),
            .radius = radius,
            .fill = replica.online ? ink : Swatch::None,
            .border = ink,
            .dash = replica.online ? Dash::Solid : Dash::Dotted});
    }
    if (end > has) // what the leader has and this one has not yet
        m_sketch.box({.rect = stretch(has, end),
            .radius = radius,
            .border = Swatch::Muted,
            .hatched = true});
    if (alone > has) // what only this one has: cut off when it follows a leader again
        m_sketch.box({.rect = stretch(has, alone),
            .radius = radius,
            .border = Swatch::Dead,
            .hatched = true});

    m_sketch.spot({m_columns.names, middle - replicaPitch() / 2,
                      m_columns.lanesRight - m_columns.names, replicaPitch()},
        {Thing::Kind::Broker, {}, replica.broker, {}});
    m_scene.setAnchor(Thing::Kind::Broker, lane.name + u'/' + QString::number(replica.broker),
        {strip.left(), middle});
    if (!roomy)
        return;
    const double top = middle - m_measure.height(Face::Small) / 2;
    QString name = u"B%1"_s.arg(replica.broker);
    if (!replica.online)
        name += u' ' + tr("down");
    else if (!replica.inSync)
        name += u' ' + tr("not in sync");
    m_sketch.lineRight(strip.left() - m_measure.px(8), top,
        strip.left() - m_measure.px(8) - m_columns.names, name, Face::Small, ink);
    const std::int64_t difference = replica.logEndOffset - partition.logEndOffset;
    if (difference == 0)
        return;
    m_sketch.lineRight(m_columns.lanesRight - m_measure.px(6), top,
        m_columns.lanesRight - m_columns.cellsRight,
        (difference > 0 ? u"+"_s : u"−"_s) + shortened(difference > 0 ? difference : -difference),
        Face::Small, difference > 0 ? Swatch::Dead : Swatch::Muted);
}

} // namespace queuelab::ui
