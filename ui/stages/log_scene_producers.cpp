// The writers' side of the log's picture: producers on the left, with their transactions.

#include "ui/stages/log_scene.h"
#include "ui/stages/log_words.h"
#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

/// Why its transactions are over, for a line of its own; empty while they are not.
QString failureOf(const TransactionView &transaction)
{
    const log::ErrorCode error = transaction.client->transactionError;
    return error == log::ErrorCode::None ? QString() : text(std::string(log::errorName(error)));
}

} // namespace

double LogScene::producerHeight(const LogView::Producer &producer, bool slim) const
{
    const double small = m_measure.height(Face::Small);
    double lines = 2;
    if (producer.transaction)
        lines += (slim ? 1 : 2) + (failureOf(*producer.transaction).isEmpty() ? 0 : 1);
    return m_measure.height(Face::Strong) + lines * small + m_measure.px(18);
}

void LogScene::producers(double areaTop, double areaBottom)
{
    if (m_view.producers.empty())
        return;
    const double gap = m_measure.px(12);
    const auto blockOf = [&](bool slim) {
        double block = -gap;
        for (const LogView::Producer &producer : m_view.producers)
            block += producerHeight(producer, slim) + gap;
        return block;
    };
    const bool slim = blockOf(false) > areaBottom - areaTop;
    double top = std::max(areaTop, (areaTop + areaBottom - blockOf(slim)) / 2);
    for (const LogView::Producer &producer : m_view.producers) {
        const QRectF rect(
            m_columns.producers, top, m_columns.producersWidth, producerHeight(producer, slim));
        producerCard(producer, rect, slim);
        const QString name = text(producer.client->name);
        const QPointF out(rect.right(), rect.center().y());
        m_scene.setAnchor(Thing::Kind::Client, name, out);
        top = rect.bottom() + gap;

        const bool running = producer.client->state == world::ClientState::Running;
        const auto topic =
            std::ranges::find(m_view.topics, text(producer.client->target), &TopicView::name);
        if (topic != m_view.topics.end())
            producerCurves(*topic, out, running ? Dash::Solid : Dash::Dashed);
    }
}

void LogScene::producerCard(const LogView::Producer &producer, const QRectF &rect, bool slim)
{
    const world::ClientSnapshot &client = *producer.client;
    const bool fenced = producer.transaction && producer.transaction->isFenced;
    const bool crashed = client.state == world::ClientState::Crashed;
    const bool running = client.state == world::ClientState::Running;
    const bool dead = crashed || fenced;
    m_sketch.card(rect, dead ? Swatch::DeadTint : Swatch::Raised,
        dead ? Swatch::Dead : Swatch::Line, running && !fenced ? Dash::Solid : Dash::Dashed,
        running && !fenced ? 1 : 1.3);
    m_sketch.spot(rect, {Thing::Kind::Client, text(client.name), -1, {}}, true, m_measure.px(6));

    const double strong = m_measure.height(Face::Strong);
    const double small = m_measure.height(Face::Small);
    const double left = rect.left() + m_measure.px(10);
    const double wide = rect.width() - m_measure.px(20);
    const double radius = m_measure.px(6);
    double y = rect.top() + m_measure.px(8);
    const bool open = producer.transaction && producer.transaction->timeLeft;
    m_sketch.line(left, y, open ? wide - 2 * radius - m_measure.px(6) : wide, text(client.name),
        Face::Strong, dead ? Swatch::Dead : Swatch::Ink);
    if (open)
        transactionRing(*producer.transaction, {left + wide - radius, y + strong / 2}, radius);
    y += strong + m_measure.px(1);

    QString state = tr("producer");
    if (crashed)
        state = tr("crashed");
    else if (client.state == world::ClientState::Paused)
        state = tr("paused");
    else if (client.state == world::ClientState::Stopped)
        state = tr("stopped");
    const double x = m_sketch.line(left, y, wide, running ? rateText(client.rate) : state,
        running ? Face::MonoStrong : Face::Small,
        crashed       ? Swatch::Dead
            : running ? Swatch::Ink
                      : Swatch::Muted);
    const double stateRoom = rect.right() - x - m_measure.px(18);
    if (running && m_sketch.width(state, Face::Small) <= stateRoom)
        m_sketch.lineRight(
            rect.right() - m_measure.px(10), y, stateRoom, state, Face::Small, Swatch::Muted);
    y += small;
    if (client.failed > 0)
        m_sketch.line(left, y, wide, tr("%1 failed").arg(grouped(client.failed)), Face::SmallStrong,
            Swatch::Dead);
    else
        m_sketch.line(
            left, y, wide, tr("%1 sent").arg(grouped(client.sent)), Face::Small, Swatch::Muted);
    y += small;
    if (!producer.transaction)
        return;
    if (!slim) {
        m_sketch.line(left, y, wide, LogWords::producerIdentity(client), Face::Small,
            fenced ? Swatch::Dead : Swatch::Muted);
        y += small;
    }
    m_sketch.line(left, y, wide, LogWords::shortState(*producer.transaction),
        fenced ? Face::SmallStrong : Face::Small,
        fenced     ? Swatch::Dead
            : open ? Swatch::InFlightText
                   : Swatch::Muted);
    y += small;
    m_sketch.line(left, y, wide, failureOf(*producer.transaction), Face::Small, Swatch::Dead);
}

void LogScene::transactionRing(const TransactionView &transaction, QPointF centre, double radius)
{
    m_scene.marks.emplace_back(RingMark{centre, radius, 2.5, transaction.partLeft,
        transaction.partLeft < 0.2 ? Swatch::Dead : Swatch::InFlight, Swatch::Line});
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

} // namespace queuelab::ui
