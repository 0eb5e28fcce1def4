// The right half of the exchange's picture: queues with what is ready and what is unacked, workers
// with their prefetch slots, and the ways back.

#include "engine/exchange/events.h"
#include "ui/stages/exchange_scene.h"
#include "ui/stages/words.h"

#include <algorithm>
#include <cmath>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

Thing messageThing(const QString &queue, const exchange::MessageSnapshot &message)
{
    return {Thing::Kind::Message, queue, static_cast<qint64>(message.number), {}};
}

} // namespace

void ExchangeScene::redeliveredRing(
    const QRectF &cell, const exchange::MessageSnapshot &message, Swatch colour)
{
    if (!message.redelivered)
        return;
    const double radius = std::min(cell.width(), cell.height()) / 2 - m_measure.px(2.2);
    m_scene.marks.emplace_back(
        DotMark{cell.center(), radius, Swatch::None, colour, m_measure.px(1.6)});
}

void ExchangeScene::queueCard(const QueueView &queue, const QRectF &rect)
{
    const auto &state = *queue.queue;
    m_sketch.card(rect, queue.dead ? Swatch::DeadTint : Swatch::Raised,
        queue.dead ? Swatch::Dead : Swatch::Line);
    m_sketch.spot(rect, {Thing::Kind::Queue, queue.name, -1, {}}, true, m_measure.px(6));
    m_scene.setAnchor(Thing::Kind::Queue, queue.name, rect.center());

    const double inset = m_measure.px(11);
    const double left = rect.left() + inset;
    const double right = rect.right() - inset;
    double y = rect.top() + m_measure.px(8);
    const QString type = queue.dead
        ? tr("dead letters")
        : text(state.type) + (state.durable ? QString() : u" · "_s + tr("transient"));
    const double typeLeft = m_sketch.lineRight(right, y + m_measure.px(1), rect.width() * 0.55,
        type, Face::Small, queue.dead ? Swatch::Dead : Swatch::Muted);
    m_sketch.line(left, y, typeLeft - left - m_measure.px(6), queue.name, Face::Strong);
    y += m_measure.height(Face::Strong) + m_measure.px(5);
    queueCells(queue, {left, y, right - left, m_measure.px(17)});
    y += m_measure.px(17) + m_measure.px(4);

    if (queue.dead) {
        m_sketch.line(left, y, right - left, deathText(queue), Face::SmallStrong, Swatch::Dead);
        return;
    }
    double x =
        m_sketch.line(left, y, right - left, readyText(state), Face::SmallStrong, Swatch::Ready)
        + m_measure.px(12);
    x = m_sketch.line(
            x, y, std::max(0.0, right - x), unackedText(state), Face::SmallStrong, Swatch::InFlight)
        + m_measure.px(10);
    const std::uint64_t gone = state.deadLettered + state.dropped;
    const QString dead = state.deadLettered > 0 ? tr("%1 dead").arg(grouped(state.deadLettered))
                                                : tr("%1 dropped").arg(grouped(state.dropped));
    if (gone > 0 && x + m_sketch.width(dead, Face::SmallStrong) <= right)
        m_sketch.lineRight(right, y, right - x, dead, Face::SmallStrong, Swatch::Dead);
}

void ExchangeScene::queueCells(const QueueView &queue, const QRectF &area)
{
    const double pitch = m_measure.px(13);
    const auto fits = static_cast<std::size_t>(
        std::max(1.0, std::floor((area.width() + m_measure.px(2)) / pitch)));
    std::size_t index = 0;
    const auto place = [&] {
        const QRectF cell(area.left() + static_cast<double>(index) * pitch, area.top(),
            pitch - m_measure.px(2), area.height());
        ++index;
        return cell;
    };
    // The head of the queue is at the left, and what was handed out came from the head. Neither
    // hides the other.
    const std::size_t unackedFit = fits - std::min(queue.queue->ready.size(), fits / 2);
    for (const auto *message : queue.unacked) {
        if (index == unackedFit)
            break;
        const QRectF cell = place();
        m_sketch.cell(cell, Swatch::InFlight);
        redeliveredRing(cell, *message, Swatch::InFlightText);
        m_sketch.spot(cell, messageThing(queue.name, *message), false, m_measure.px(3));
    }
    for (const auto &message : queue.queue->ready) {
        if (index == fits)
            return;
        const QRectF cell = place();
        m_sketch.cell(cell, queue.dead ? Swatch::Dead : Swatch::Ready);
        redeliveredRing(cell, message, Swatch::OnReady);
        m_sketch.spot(cell, messageThing(queue.name, message), false, m_measure.px(3));
    }
    while (index < fits)
        m_sketch.hollowCell(place(), queue.dead ? Swatch::Dead : Swatch::Line, Swatch::None,
            queue.dead ? 0.6 : 1.1);
}

QString ExchangeScene::readyText(const exchange::QueueSnapshot &queue)
{
    return tr("%1 ready").arg(grouped(queue.messagesReady));
}

QString ExchangeScene::unackedText(const exchange::QueueSnapshot &queue)
{
    return tr("%1 unacked").arg(grouped(queue.messagesUnacknowledged));
}

QString ExchangeScene::deathText(const QueueView &queue) const
{
    std::map<std::string, int> reasons;
    for (const auto &message : queue.queue->ready) {
        if (!message.deathReason.empty())
            ++reasons[message.deathReason];
    }
    if (reasons.empty() || queue.queue->messagesReady > queue.queue->ready.size())
        return tr("%1 ready").arg(grouped(queue.queue->messagesReady));
    QStringList words;
    for (const auto &[reason, count] : reasons)
        words += u"%1 %2"_s.arg(count).arg(text(reason));
    return words.join(u" · "_s);
}

void ExchangeScene::worker(const WorkerView &worker, const QRectF &rect)
{
    const bool crashed = worker.crashed();
    const bool paused = worker.client && worker.client->state == world::ClientState::Paused;
    const bool lost = !crashed && worker.consumers.empty();
    m_sketch.card(rect, crashed ? Swatch::DeadTint : Swatch::Panel,
        crashed              ? Swatch::Dead
            : paused || lost ? Swatch::Muted
            : !worker.client ? Swatch::System
                             : Swatch::Line,
        crashed || paused || lost || !worker.client ? Dash::Dashed : Dash::Solid,
        crashed || paused || lost ? 1.4 : 1);
    const Thing thing{Thing::Kind::Client, worker.name, -1, {}};
    m_sketch.spot(rect, thing, true, m_measure.px(6));
    m_scene.setAnchor(Thing::Kind::Client, worker.name, {rect.left(), rect.center().y()});

    const double inset = m_measure.px(10);
    const double left = rect.left() + inset;
    const double right = rect.right() - inset;
    double y = rect.top() + m_measure.px(6);
    const bool busy = worker.unacked > 0 || (worker.client && worker.client->holdingCount > 0);
    const QString state = crashed ? tr("crashed")
        : paused                  ? tr("paused")
        : lost                    ? tr("not connected")
        : busy                    ? tr("busy")
                                  : tr("idle");
    const double stateLeft =
        m_sketch.lineRight(right, y + m_measure.px(1), rect.width() * 0.6, state, Face::SmallStrong,
            crashed              ? Swatch::Dead
                : paused || lost ? Swatch::Muted
                : busy           ? Swatch::InFlight
                                 : Swatch::Done);
    m_sketch.line(left, y, stateLeft - left - m_measure.px(5), worker.name, Face::Strong);
    y += m_measure.height(Face::Strong) + m_measure.px(3);
    workerSlots(worker, {left, y, right - left, m_measure.px(13)});
    y += m_measure.px(13) + m_measure.px(3);
    m_sketch.line(left, y, right - left, workerText(worker), Face::Small,
        crashed ? Swatch::Dead : Swatch::Muted);
}

void ExchangeScene::workerSlots(const WorkerView &worker, const QRectF &area)
{
    const double pitch = m_measure.px(15);
    const auto fits = static_cast<std::uint64_t>(std::max(1.0, std::floor(area.width() / pitch)));
    std::uint64_t slots = std::max<std::uint64_t>(worker.unacked, worker.prefetch);
    if (worker.autoAck && worker.client)
        slots = worker.client->holdingCount;
    const bool more = slots > fits;
    const std::uint64_t shown = more ? fits - std::min<std::uint64_t>(fits - 1, 3) : slots;
    const Swatch border = worker.crashed() ? Swatch::Dead : Swatch::InFlight;
    for (std::uint64_t slot = 0; slot < shown; ++slot) {
        const QRectF cell(area.left() + static_cast<double>(slot) * pitch, area.top(),
            pitch - m_measure.px(2), area.height());
        const bool filled = worker.autoAck || slot < worker.unacked;
        if (!filled) {
            m_sketch.hollowCell(cell, border);
            continue;
        }
        m_sketch.cell(cell, Swatch::InFlight);
        if (slot >= worker.holding.size())
            continue;
        redeliveredRing(cell, *worker.holding[slot], Swatch::InFlightText);
        m_sketch.spot(
            cell, messageThing(worker.queue, *worker.holding[slot]), false, m_measure.px(3));
    }
    if (more)
        m_sketch.line(area.left() + static_cast<double>(shown) * pitch + m_measure.px(2),
            area.center().y() - m_measure.height(Face::Small) / 2, m_measure.px(60),
            tr("%1 of %2")
                .arg(grouped(worker.unacked),
                    worker.prefetch > 0 ? grouped(std::uint64_t{worker.prefetch}) : u"∞"_s),
            Face::Small, Swatch::InFlight);
}

QString ExchangeScene::workerText(const WorkerView &worker) const
{
    if (worker.crashed()
        || (worker.client && worker.consumers.empty() && !worker.client->note.empty()))
        return worker.client->note.empty() ? tr("connection lost") : text(worker.client->note);
    QString words = worker.autoAck ? tr("auto-ack")
        : worker.prefetch > 0      ? tr("prefetch %1").arg(worker.prefetch)
                                   : tr("no limit");
    if (worker.client && !worker.client->holding.empty()) {
        const Instant ends = worker.client->holding.front().workEnds;
        if (ends > m_snapshot.now)
            words += u" · "_s + tr("%1 left").arg(spanText(ends - m_snapshot.now));
    }
    return words;
}

void ExchangeScene::workerCurve(
    const QueueView &queue, const WorkerView &worker, const QRectF &rect)
{
    const auto index = static_cast<std::size_t>(
        std::ranges::find(m_view.queues, queue.name, &QueueView::name) - m_view.queues.begin());
    const QRectF &from = m_queueRects[index];
    const bool lost = worker.consumers.empty();
    const Swatch colour = worker.crashed() ? Swatch::Dead
        : worker.unacked > 0               ? Swatch::InFlight
                                           : Swatch::Line;
    m_sketch.flow({from.right(), from.center().y()}, {rect.left(), rect.center().y()}, colour,
        worker.unacked > 0 ? 2 : 1.5, lost || worker.crashed() ? Dash::Dotted : Dash::Solid);
}

void ExchangeScene::deadLetterLines()
{
    std::vector<std::pair<std::size_t, QString>> labelled;
    for (const DeadLetterView &way : m_view.deadLetters) {
        if (way.from == way.to)
            continue;
        const QRectF &from = m_queueRects[way.from];
        const QRectF &to = m_queueRects[way.to];
        // Out to the left and round: to the right stand the workers.
        const double reach = std::clamp(std::abs(to.center().y() - from.center().y()) * 0.25,
            m_measure.px(22), m_measure.px(40));
        const bool down = to.center().y() > from.center().y();
        const QPointF start(
            from.left(), down ? from.bottom() - m_measure.px(12) : from.top() + m_measure.px(12));
        const QPointF end(to.left(), down ? to.center().y() : to.bottom() - m_measure.px(12));
        const bool used = m_view.queues[way.from].queue->deadLettered > 0;
        m_scene.marks.emplace_back(CurveMark{start, start - QPointF(reach, 0),
            end - QPointF(reach, 0), end, Swatch::Dead, used ? 1.8 : 1.2, Dash::Dashed, true});
        const std::pair label(way.to, way.exchange);
        if (std::ranges::find(labelled, label) != labelled.end())
            continue;
        labelled.push_back(label);
        const QString words = way.exchange.isEmpty() ? tr("via the default exchange")
                                                     : tr("via %1").arg(way.exchange);
        const double x = m_sketch.line(to.left() + m_measure.px(8),
            to.top() - m_measure.height(Face::Small) - m_measure.px(2),
            to.width() - m_measure.px(8), words, Face::Small, Swatch::Dead);
        m_sketch.spot({to.left() + m_measure.px(8),
                          to.top() - m_measure.height(Face::Small) - m_measure.px(2),
                          x - to.left() - m_measure.px(8), m_measure.height(Face::Small)},
            {Thing::Kind::Exchange, way.exchange, -1, {}}, way.folded);
    }
}

void ExchangeScene::requeueArcs()
{
    std::map<std::pair<QString, QString>, std::uint64_t> requeued; // queue, worker
    for (const EventRow &event : m_input.recent) {
        if (event.kind == exchange::kind(exchange::ExchangeEvent::Requeued))
            ++requeued[{event.subject, event.actor}];
    }
    std::map<QString, int> stacked; // labels above each queue
    for (const auto &[way, count] : requeued) {
        const auto &[queue, client] = way;
        const auto place = std::ranges::find(m_view.queues, queue, &QueueView::name);
        if (place == m_view.queues.end())
            continue;
        const QRectF &to = m_queueRects[static_cast<std::size_t>(place - m_view.queues.begin())];
        const auto from = m_workerRects.find(client + u'\n' + queue);
        const double row = m_sketch.pillHeight() + m_measure.px(3);
        const double middle = to.top() - m_measure.px(14) - stacked[queue]++ * row;
        if (from != m_workerRects.end()) {
            const QPointF start(from->second.left(), from->second.top() + m_measure.px(14));
            const QPointF end(to.right() - m_measure.px(22), to.top());
            m_scene.marks.emplace_back(
                CurveMark{start, start - QPointF(m_measure.px(16), m_measure.px(14)),
                    end - QPointF(-m_measure.px(10), m_measure.px(26)), end, Swatch::InFlightText,
                    1.8, Dash::Dashed, true});
        }
        const QString words = tr("%1 requeued, redelivered=true").arg(grouped(count));
        const double wide = m_sketch.pillWidth(words);
        m_sketch.pill(to.right() - m_measure.px(40) - wide, middle, words, Swatch::InFlight,
            Swatch::InFlightTint);
    }
}

} // namespace queuelab::ui
