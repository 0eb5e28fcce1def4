// Around the visibility queue: who sends, who holds what, where dead letters go, and what has come
// back.

#include "engine/visibility/events.h"
#include "ui/stages/visibility_scene.h"
#include "ui/stages/words.h"

#include <algorithm>
#include <cmath>

namespace queuelab::ui {

using namespace Qt::StringLiterals;
using visibility::MessageSnapshot;

void VisibilityScene::senders(const BandView &view, const QRectF &target)
{
    const double tall =
        m_measure.height(Face::Strong) + 2 * m_measure.height(Face::Small) + m_measure.px(18);
    const double gap = m_measure.px(12);
    const auto count = static_cast<double>(view.senders.size());
    double y = std::max(target.top(), target.center().y() - (count * (tall + gap) - gap) / 2);
    for (const auto *sender : view.senders) {
        const bool running = sender->state == world::ClientState::Running;
        const bool crashed = sender->state == world::ClientState::Crashed;
        const QRectF rect(m_senders.left, y, m_senders.width, tall);
        const QPointF out(rect.right(), rect.center().y());
        m_sketch.flow(out, {target.left(), rect.center().y()},
            running && sender->rate > 0 ? Swatch::Ready : Swatch::Line,
            running && sender->rate > 0 ? 2 : 1.5, running ? Dash::Solid : Dash::Dashed);
        m_sketch.card(rect, crashed ? Swatch::DeadTint : Swatch::Raised,
            crashed ? Swatch::Dead : Swatch::Line, running ? Dash::Solid : Dash::Dashed,
            running ? 1 : 1.3);
        const double left = rect.left() + m_measure.px(10);
        const double wide = rect.width() - m_measure.px(18);
        double line = rect.top() + m_measure.px(8);
        m_sketch.line(left, line, wide, text(sender->name), Face::Strong);
        line += m_measure.height(Face::Strong) + m_measure.px(1);
        QString state = rateText(sender->rate);
        if (crashed)
            state = tr("crashed");
        else if (!running)
            state = sender->state == world::ClientState::Paused ? tr("paused") : tr("stopped");
        m_sketch.line(left, line, wide, state, running ? Face::MonoStrong : Face::Small,
            crashed       ? Swatch::Dead
                : running ? Swatch::Ink
                          : Swatch::Muted);
        line += m_measure.height(Face::Small) + m_measure.px(1);
        const bool failed = sender->failed > 0;
        m_sketch.line(left, line, wide,
            failed ? tr("%1 failed").arg(grouped(sender->failed))
                   : tr("%1 sent").arg(grouped(sender->sent)),
            failed ? Face::SmallStrong : Face::Small, failed ? Swatch::Dead : Swatch::Muted);
        m_sketch.spot(
            rect, {Thing::Kind::Client, text(sender->name), -1, {}}, true, m_measure.px(6));
        m_scene.setAnchor(Thing::Kind::Client, text(sender->name), out);
        y += tall + gap;
    }
}

double VisibilityScene::receivers(const BandView &view, double top, double bottom)
{
    const double full =
        m_measure.height(Face::Strong) + m_measure.height(Face::Small) + m_measure.px(16);
    const double small = m_measure.height(Face::Strong) + m_measure.px(8);
    const double gap = m_measure.px(10);
    const auto count = static_cast<double>(view.receivers.size());
    const bool slim = count * (full + gap) - gap > bottom - top;
    const double tall = slim ? small : full;
    // A few stand apart, level with what they hold; many stand close.
    const double pitch = std::clamp((bottom - top) / std::max(1.0, count),
        tall + m_measure.px(slim ? 4 : 10), tall + m_measure.px(44));
    double y = top + m_measure.px(slim ? 0 : 14);
    double last = top;
    for (const ReceiverView &receiver : view.receivers) {
        const QRectF rect(m_receivers.left, y, m_receivers.width, tall);
        receiverCard(receiver, rect, slim);
        last = rect.bottom();
        y += pitch;
    }
    return last;
}

void VisibilityScene::receiverCard(const ReceiverView &receiver, const QRectF &rect, bool slim)
{
    const bool crashed = receiver.state == ReceiverState::Crashed;
    const bool paused = receiver.state == ReceiverState::Paused;
    m_sketch.card(rect, crashed ? Swatch::DeadTint : Swatch::Panel,
        crashed                ? Swatch::Dead
            : paused           ? Swatch::Muted
            : !receiver.client ? Swatch::System
                               : Swatch::Line,
        crashed || paused || !receiver.client ? Dash::Dashed : Dash::Solid,
        crashed || paused ? 1.4 : 1);
    m_sketch.spot(rect, {Thing::Kind::Client, receiver.name, -1, {}}, true, m_measure.px(6));
    m_scene.setAnchor(Thing::Kind::Client, receiver.name, {rect.left(), rect.center().y()});
    m_receiverRects[receiver.name] = rect;

    QString state;
    Swatch colour = Swatch::Muted;
    switch (receiver.state) {
    case ReceiverState::Busy:
        state = tr("busy");
        colour = Swatch::InFlight;
        break;
    case ReceiverState::Waiting:
        state = tr("waiting");
        break;
    case ReceiverState::Idle:
        state = tr("idle");
        break;
    case ReceiverState::Paused:
        state = tr("paused");
        break;
    case ReceiverState::Crashed:
        state = tr("crashed");
        colour = Swatch::Dead;
        break;
    }
    const double inset = m_measure.px(11);
    const double block = m_measure.height(Face::Strong)
        + (slim ? 0 : m_measure.height(Face::Small) + m_measure.px(1));
    const double y = rect.center().y() - block / 2;
    const double x = m_sketch.lineRight(rect.right() - inset, y + m_measure.px(1),
        rect.width() * 0.5, state, Face::SmallStrong, colour);
    m_sketch.line(rect.left() + inset, y, x - rect.left() - inset - m_measure.px(5), receiver.name,
        Face::Strong, crashed ? Swatch::Dead : Swatch::Ink);
    if (!slim)
        m_sketch.line(rect.left() + inset, y + m_measure.height(Face::Strong) + m_measure.px(1),
            rect.width() - 2 * inset, receiverText(receiver), Face::Small,
            crashed ? Swatch::Dead : Swatch::Muted);
}

QString VisibilityScene::receiverText(const ReceiverView &receiver) const
{
    if (!receiver.client)
        return tr("real client");
    if (receiver.state == ReceiverState::Waiting)
        return tr("in a long poll");
    const auto &client = *receiver.client;
    if (!client.note.empty())
        return text(client.note);
    if (receiver.state == ReceiverState::Crashed)
        return receiver.holds > 0 ? tr("held %1 when it died").arg(grouped(receiver.holds))
                                  : tr("gone without a word");
    if (receiver.outrun)
        return tr("works on, but lost its message");
    if (!client.holding.empty() && client.holding.front().workEnds > m_snapshot.now)
        return tr("works %1 more").arg(spanText(client.holding.front().workEnds - m_snapshot.now));
    if (client.handledAgain > 0)
        return tr("%1 done, %2 again").arg(grouped(client.handled), grouped(client.handledAgain));
    return tr("%1 done").arg(grouped(client.handled));
}

double VisibilityScene::deadLetterCard(
    const BandView &view, const visibility::QueueSnapshot &queue, double top)
{
    const QRectF rect(m_receivers.left, top, m_receivers.width, deadLetterHeight());
    const QString name = text(queue.name);
    m_sketch.card(rect, Swatch::DeadTint, Swatch::Dead, Dash::Solid, 1.2);
    const Thing thing{Thing::Kind::Queue, name, -1, {}};
    m_sketch.spot(rect, thing, true, m_measure.px(6));
    m_scene.setAnchor(Thing::Kind::Queue, name, {rect.left(), rect.center().y()});
    const double inset = m_measure.px(11);
    const double left = rect.left() + inset;
    double y = rect.top() + m_measure.px(9);
    const QString count = grouped(queue.visible);
    const double x = rect.right() - inset - m_sketch.width(count, Face::Figure);
    m_sketch.label({x, y, rect.right() - inset - x + 1, m_measure.height(Face::Strong)}, count,
        Face::Figure, Swatch::Dead);
    m_sketch.line(left, y, x - left - m_measure.px(6), name, Face::Strong);
    y += m_measure.height(Face::Strong) + m_measure.px(2);
    m_sketch.line(left, y, rect.width() - 2 * inset,
        tr("maxReceiveCount %1").arg(view.queue->maxReceiveCount), Face::Small, Swatch::Dead);
    y += m_measure.height(Face::Small) + m_measure.px(5);
    const double wide = m_sketch.width(u"10×"_s, Face::SmallStrong) + m_measure.px(8);
    const double tall = rect.bottom() - y - m_measure.px(9);
    double cell = left;
    for (const MessageSnapshot &message : queue.shownVisible) {
        if (cell + wide > rect.right() - inset)
            break;
        const QRectF box(cell, y, wide, tall);
        m_sketch.box({.rect = box,
            .radius = m_measure.px(4),
            .fill = Swatch::Panel,
            .border = Swatch::Dead,
            .width = 1.2});
        m_sketch.label(box, u"%1×"_s.arg(message.receiveCount), Face::SmallStrong, Swatch::Dead,
            Qt::AlignCenter);
        m_sketch.spot(box, {Thing::Kind::Message, name, static_cast<qint64>(message.number), {}},
            false, m_measure.px(4));
        cell += wide + m_measure.px(5);
    }
    if (queue.visible == 0)
        m_sketch.line(left, y, rect.width() - 2 * inset, tr("empty"), Face::Small, Swatch::Muted);
    // From what is in flight to where it ends when it was received too often.
    const bool used = view.queue->deadLettered > 0;
    m_sketch.flow({m_inFlight.right(), rect.center().y()}, {rect.left(), rect.center().y()},
        Swatch::Dead, used ? 1.8 : 1.2, Dash::Dashed, true);
    return rect.bottom();
}

void VisibilityScene::holdingCurves(const BandView &view)
{
    for (const MessageSnapshot &message : view.queue->shownInFlight) {
        const auto from = m_inFlightRects.find(message.number);
        const auto to = m_receiverRects.find(text(message.heldBy));
        if (from == m_inFlightRects.end() || to == m_receiverRects.end())
            continue;
        const auto receiver = std::ranges::find(view.receivers, to->first, &ReceiverView::name);
        const bool dead = receiver->state == ReceiverState::Crashed;
        m_sketch.flow({from->second.right(), from->second.center().y()},
            {to->second.left(), to->second.center().y()},
            dead                   ? Swatch::Dead
                : message.extended ? Swatch::Done
                                   : Swatch::InFlight,
            1.8, dead ? Dash::Dotted : Dash::Solid);
    }
}

void VisibilityScene::returnArcs(
    const BandView &view, const QRectF &visible, const QRectF &inFlight)
{
    int row = 0;
    // What came back just now; a busy queue has its newest two shown.
    for (auto event = m_input.recent.rbegin(); event != m_input.recent.rend() && row < 2; ++event) {
        if (event->kind != visibility::kind(visibility::VisibilityEvent::Reappeared)
            || event->subject != view.name)
            continue;
        const auto number = static_cast<std::uint64_t>(event->item);
        const auto shown =
            std::ranges::find(view.queue->shownVisible, number, &MessageSnapshot::number);
        const QString name = shown == view.queue->shownVisible.end()
            ? u'#' + QString::number(number)
            : messageName(*shown);
        returnArc(visible, inFlight, number,
            tr("%1 is visible again: received %2× so far").arg(name).arg(event->value), row++);
    }
    if (row > 0)
        return;
    // What will come back before its receiver is done with it.
    constexpr Duration kSoon = std::chrono::seconds{5};
    for (const MessageSnapshot &message : view.queue->shownInFlight) {
        const auto ends = workEnds(view, message);
        if (!ends || *ends <= message.due || message.extended
            || message.due - m_snapshot.now > kSoon)
            continue;
        returnArc(visible, inFlight, message.number,
            tr("%1 visible again in %2: will be done twice")
                .arg(messageName(message), spanText(message.due - m_snapshot.now)),
            row);
        return;
    }
}

void VisibilityScene::returnArc(const QRectF &visible, const QRectF &inFlight, std::uint64_t number,
    const QString &words, int row)
{
    const auto card = m_visibleRects.find(number);
    const auto held = m_inFlightRects.find(number);
    const double rise = m_measure.px(26);
    QPointF start(inFlight.left() + m_measure.px(4), inFlight.top() + m_measure.px(14));
    if (held != m_inFlightRects.end())
        start = {held->second.left(), held->second.center().y()};
    const bool shown = card != m_visibleRects.end();
    const QPointF end = shown ? QPointF(card->second.center().x(), card->second.top())
                              : QPointF(visible.right() - m_measure.px(34), visible.top());
    m_scene.marks.emplace_back(
        CurveMark{start, start - QPointF(m_measure.px(30), rise + m_measure.px(20)),
            end + QPointF(m_measure.px(10), shown ? -2 * rise : -rise), end, Swatch::InFlightText,
            1.8, Dash::Dashed, true});
    const double wide = m_sketch.pillWidth(words);
    const double middle =
        visible.top() - m_measure.px(12) - row * (m_sketch.pillHeight() + m_measure.px(3));
    // On the line, or before its head where the line is short.
    const double x =
        shown ? (end.x() + start.x()) / 2 - wide / 2 : end.x() - m_measure.px(12) - wide;
    m_sketch.pill(std::clamp(x, m_measure.px(14), m_scene.size.width() - m_measure.px(14) - wide),
        middle, words, Swatch::InFlight, Swatch::InFlightTint);
}

} // namespace queuelab::ui
