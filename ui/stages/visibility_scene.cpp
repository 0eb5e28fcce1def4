#include "ui/stages/visibility_scene.h"

#include "ui/stages/words.h"

#include <algorithm>
#include <cmath>

namespace queuelab::ui {

using namespace Qt::StringLiterals;
using visibility::MessageSnapshot;

namespace {

/// A ring turns red when less than this part of the visibility timeout is left.
constexpr double kNearlyOver = 0.1;

Thing messageThing(const QString &queue, const MessageSnapshot &message)
{
    return {Thing::Kind::Message, queue, static_cast<qint64>(message.number), {}};
}

double partLeft(const MessageSnapshot &message, Instant now)
{
    if (message.timeout <= Duration{})
        return 0;
    const auto left = std::chrono::duration<double>(message.due - now);
    return std::clamp(left / std::chrono::duration<double>(message.timeout), 0.0, 1.0);
}

} // namespace

VisibilityScene::VisibilityScene(
    const world::Snapshot &snapshot, const SceneInput &input, const Measure &measure)
    : m_snapshot(snapshot)
    , m_input(input)
    , m_measure(measure)
    , m_view(makeVisibilityView(snapshot))
    , m_sketch(m_scene, measure)
{
    layOut();
}

void VisibilityScene::layOut()
{
    m_scene.size = m_input.viewport;
    if (m_view.bands.empty()) {
        m_sketch.emptyGround(tr("No queues yet"),
            tr("create-queue makes one: receiving hides a message, deleting ends it"));
        return;
    }
    planColumns(m_input.viewport.width());
    const double pad = m_measure.px(kPad);
    const double gap = m_measure.px(12);
    const auto count = static_cast<double>(m_view.bands.size());
    const double room =
        (m_input.viewport.height() - m_measure.px(6) - pad - (count - 1) * gap) / count;
    const double least = headerHeight() + m_measure.px(180);
    double top = m_measure.px(6);
    for (const BandView &view : m_view.bands) {
        const bool first = &view == &m_view.bands.front();
        const double delayed = view.queue->delayed > 0 ? delayedHeight() : 0;
        top = band(view, top, std::max(room, least + delayed), first) + gap;
    }
    for (const Mark &mark : m_scene.marks)
        m_scene.size.rheight() = std::max(m_scene.size.height(), boundsOf(mark).bottom() + pad);
}

double VisibilityScene::headerHeight() const
{
    return m_measure.height(Face::Title) + m_measure.px(34);
}

double VisibilityScene::panelHead() const
{
    return m_measure.height(Face::Strong) + m_measure.px(18);
}

double VisibilityScene::delayedHeight() const
{
    return panelHead() + m_measure.px(40) + m_measure.px(14);
}

double VisibilityScene::deadLetterHeight() const
{
    return panelHead() + m_measure.height(Face::Small) + m_measure.px(46);
}

void VisibilityScene::planColumns(double width)
{
    bool senders = false;
    bool right = false;
    for (const BandView &view : m_view.bands) {
        senders = senders || !view.senders.empty();
        right = right || !view.receivers.empty() || !view.deadLetterQueues.empty();
    }
    // A small window takes from the air and the panels alike, down to what their words need; only
    // then is there something to scroll.
    double gapSenders = 0;
    double gapReceivers = 0;
    double gapPanels = 0;
    double pad = 0;
    double needed = 0;
    const auto size = [&](double ease) {
        const auto between = [&](double least, double natural) {
            return std::lerp(m_measure.px(least), m_measure.px(natural), ease);
        };
        pad = between(8, kPad);
        m_senders.width = senders ? between(94, 112) : 0;
        gapSenders = senders ? between(14, 34) : 0;
        m_inFlight.width = between(154, 158);
        m_receivers.width = right ? between(142, 164) : 0;
        gapReceivers = right ? between(22, 40) : 0;
        gapPanels = between(10, 20);
        m_visible.width = between(128, 190);
        needed = 2 * pad + m_senders.width + gapSenders + m_visible.width + gapPanels
            + m_inFlight.width + gapReceivers + m_receivers.width;
        return needed;
    };
    const double natural = size(1);
    const double least = size(0);
    size(std::clamp((width - least) / (natural - least), 0.0, 1.0));
    m_scene.size.setWidth(std::max(width, needed));
    const double spare = m_scene.size.width() - needed;
    gapSenders += senders ? std::min(spare * 0.06, m_measure.px(30)) : 0;
    gapReceivers += right ? std::min(spare * 0.1, m_measure.px(50)) : 0;
    m_receivers.width += right ? std::min(spare * 0.1, m_measure.px(46)) : 0;
    m_inFlight.width += std::min(spare * 0.08, m_measure.px(30));

    m_senders.left = pad;
    m_visible.left = pad + m_senders.width + gapSenders;
    m_receivers.left = m_scene.size.width() - pad - m_receivers.width;
    m_inFlight.left = m_receivers.left - gapReceivers - m_inFlight.width;
    m_visible.width = m_inFlight.left - gapPanels - m_visible.left;
}

double VisibilityScene::band(const BandView &view, double top, double height, bool withLegend)
{
    m_visibleRects.clear();
    m_inFlightRects.clear();
    m_receiverRects.clear();
    header(view, top, withLegend);
    const double panelTop = top + headerHeight();
    double bottom = top + height;

    double rightBottom = bottom;
    for (std::size_t index = 0; index < view.deadLetterQueues.size(); ++index)
        rightBottom -= deadLetterHeight() + m_measure.px(10);
    const double receiversBottom = receivers(view, panelTop, rightBottom);
    const double deadTop =
        std::max(receiversBottom + m_measure.px(14), rightBottom + m_measure.px(10));

    const double delayed = view.queue->delayed > 0 ? delayedHeight() + m_measure.px(12) : 0;
    const QRectF visible(m_visible.left, panelTop, m_visible.width, bottom - delayed - panelTop);
    const QRectF inFlight(m_inFlight.left, panelTop, m_inFlight.width, bottom - panelTop);
    senders(view, visible);
    double y = deadTop;
    for (const auto *queue : view.deadLetterQueues)
        y = deadLetterCard(view, *queue, y) + m_measure.px(10);
    visiblePanel(view, visible);
    if (delayed > 0)
        delayedPanel(view,
            {visible.left(), visible.bottom() + m_measure.px(12), visible.width(),
                delayedHeight()});
    inFlightPanel(view, inFlight);
    holdingCurves(view);
    returnArcs(view, visible, inFlight);
    return std::max({bottom, receiversBottom, y - m_measure.px(10)});
}

void VisibilityScene::header(const BandView &view, double top, bool withLegend)
{
    const auto &queue = *view.queue;
    const double pad = m_measure.px(kPad);
    const double middle = top + m_measure.px(6) + m_measure.height(Face::Title) / 2;
    const bool dead = !queue.deadLetterSources.empty();
    double x = m_sketch.line(pad, middle - m_measure.height(Face::Body) / 2, m_measure.px(160),
        dead ? tr("dead-letter queue") : tr("queue"), Face::Body,
        dead ? Swatch::Dead : Swatch::Muted);
    const double titleTop = middle - m_measure.height(Face::Title) / 2;
    x = m_sketch.line(x + m_measure.px(6), titleTop, m_measure.px(240), view.name, Face::Title);
    m_sketch.spot({pad, titleTop, x - pad, m_measure.height(Face::Title)},
        {Thing::Kind::Queue, view.name, -1, {}}, true);

    double right = m_scene.size.width() - pad;
    if (withLegend) {
        const std::vector<Sketch::Key> keys{{tr("visible"), Swatch::Ready},
            {tr("in flight"), Swatch::InFlight},
            {tr("delayed"), Swatch::Muted, Sketch::Key::Shape::Hatched}};
        right -= m_sketch.legendWidth(keys);
        m_sketch.legend(m_scene.size.width() - pad, middle, keys);
    }
    QString facts = (queue.fifo ? tr("FIFO") : tr("standard")) + u" · "_s
        + tr("visibility timeout %1")
              .arg(spanText(std::chrono::seconds(queue.visibilityTimeoutSeconds)));
    if (queue.receiveMessageWaitTimeSeconds > 0)
        facts += u" · "_s
            + tr("long poll %1")
                  .arg(spanText(std::chrono::seconds(queue.receiveMessageWaitTimeSeconds)));
    if (queue.delaySeconds > 0)
        facts += u" · "_s + tr("delay %1").arg(spanText(std::chrono::seconds(queue.delaySeconds)));
    m_sketch.line(x + m_measure.px(12),
        middle - m_measure.height(Face::Small) / 2 + m_measure.px(1), right - x - m_measure.px(28),
        facts, Face::Small, Swatch::Muted);
}

void VisibilityScene::panelHeader(
    const QRectF &panel, const QString &title, std::uint64_t count, Swatch colour)
{
    const double y = panel.top() + m_measure.px(9);
    const double inset = m_measure.px(12);
    m_sketch.line(panel.left() + inset, y, panel.width() / 2, title, Face::Strong);
    m_sketch.label(
        {panel.center().x(), y, panel.width() / 2 - inset, m_measure.height(Face::Strong)},
        grouped(count), Face::Figure, colour, Qt::AlignRight | Qt::AlignVCenter);
}

double VisibilityScene::cardWidth(const BandView &view) const
{
    double widest = m_measure.px(28);
    for (const MessageSnapshot &message : view.queue->shownVisible)
        widest = std::max(widest, m_sketch.width(messageName(message), Face::Mono));
    return widest + m_measure.px(14);
}

void VisibilityScene::visiblePanel(const BandView &view, const QRectF &panel)
{
    m_sketch.card(panel);
    const Thing thing{Thing::Kind::Queue, view.name, -1, {}};
    m_sketch.spot(panel, thing, false, m_measure.px(6));
    m_scene.setAnchor(Thing::Kind::Queue, view.name, {panel.left(), panel.center().y()});
    panelHeader(panel, tr("Visible"), view.queue->visible, Swatch::Ready);

    const double inset = m_measure.px(12);
    const double gap = m_measure.px(7);
    const QRectF area = panel.adjusted(inset, panelHead(), -inset, -inset);
    const double stripHeight = m_measure.px(22) + m_measure.height(Face::Small) + m_measure.px(10);
    const auto &messages = view.queue->shownVisible;
    double wide = 0;
    double tall = 0;
    std::size_t columns = 1;
    std::size_t shown = 0;
    // As large as they can be and still all be seen.
    for (const double size : {1.4, 1.2, 1.0}) {
        wide = cardWidth(view) * size;
        tall = m_measure.px(36) * size;
        const auto fits = [&](double length, double each) {
            return static_cast<std::size_t>(
                std::max(1.0, std::floor((length + gap) / (each + gap))));
        };
        columns = fits(area.width(), wide);
        shown = std::min(
            messages.size(), columns * fits(area.height() - m_measure.height(Face::Small), tall));
        if (shown < view.queue->visible)
            shown = std::min(messages.size(), columns * fits(area.height() - stripHeight, tall));
        if (shown == messages.size())
            break;
    }
    // Spread evenly: the last column ends where the panel's padding begins.
    const double pitch = columns > 1 && shown >= columns
        ? (area.width() - wide) / static_cast<double>(columns - 1)
        : wide + gap;
    double bottom = area.top();
    for (std::size_t index = 0; index < shown; ++index) {
        const QRectF rect(
            area.left() + static_cast<double>(index % columns) * std::min(pitch, wide + 2 * gap),
            area.top() + static_cast<double>(index / columns) * (tall + gap), wide, tall);
        visibleCard(view, messages[index], rect);
        bottom = rect.bottom();
    }
    if (view.queue->visible == 0) {
        m_sketch.label(
            area, tr("empty"), Face::Small, Swatch::Muted, Qt::AlignHCenter | Qt::AlignTop);
        return;
    }
    QString words;
    const std::uint64_t more = view.queue->visible - shown;
    if (more > 0) {
        const double room = std::max(
            0.0, area.bottom() - m_measure.height(Face::Small) - bottom - m_measure.px(14));
        const QRectF strip(
            area.left(), bottom + m_measure.px(8), area.width(), std::min(m_measure.px(22), room));
        m_scene.marks.emplace_back(StripesMark{strip, Swatch::Ready, true});
        bottom = strip.bottom();
        words = tr("%1 more").arg(grouped(more));
    }
    if (view.queue->oldestSent) {
        const QString age = spanText(m_snapshot.now - *view.queue->oldestSent);
        words += words.isEmpty() ? tr("oldest %1").arg(age) : tr(", oldest %1").arg(age);
    }
    m_sketch.line(
        area.left(), bottom + m_measure.px(5), area.width(), words, Face::Small, Swatch::Muted);
}

void VisibilityScene::badge(QPointF centre, std::int32_t count, Swatch colour, Swatch ground)
{
    const double radius = m_measure.px(9);
    m_scene.marks.emplace_back(DotMark{centre, radius, ground, colour, 1.6});
    m_sketch.label({centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius},
        QString::number(count), Face::SmallStrong, colour, Qt::AlignCenter);
}

void VisibilityScene::visibleCard(
    const BandView &view, const MessageSnapshot &message, const QRectF &rect)
{
    m_sketch.box({.rect = rect,
        .radius = m_measure.px(5),
        .fill = Swatch::ReadyTint,
        .border = Swatch::Ready,
        .width = 1.2});
    m_sketch.label(rect, messageName(message), Face::Mono, Swatch::Ready, Qt::AlignCenter);
    m_sketch.spot(rect, messageThing(view.name, message), false, m_measure.px(5));
    m_visibleRects[message.number] = rect;
    if (message.receiveCount > 0)
        badge(rect.topRight() + QPointF(-m_measure.px(3), m_measure.px(2)), message.receiveCount,
            Swatch::InFlightText, Swatch::InFlightTint);
}

void VisibilityScene::delayedPanel(const BandView &view, const QRectF &panel)
{
    m_sketch.card(panel, Swatch::Panel);
    panelHeader(panel, tr("Delayed"), view.queue->delayed, Swatch::Muted);
    const double wide = m_measure.px(58);
    const double gap = m_measure.px(8);
    double x = panel.left() + m_measure.px(12);
    for (const MessageSnapshot &message : view.queue->shownDelayed) {
        if (x + wide > panel.right() - m_measure.px(12))
            break;
        const QRectF rect(x, panel.top() + panelHead(), wide, m_measure.px(40));
        m_sketch.box({.rect = rect,
            .radius = m_measure.px(5),
            .fill = Swatch::Panel,
            .border = Swatch::Muted,
            .hatched = true});
        const QString left = spanText(message.due - m_snapshot.now);
        const double words = m_sketch.width(left, Face::Mono) + m_measure.px(8);
        m_sketch.box({.rect = {rect.center().x() - words / 2,
                          rect.center().y() - m_measure.height(Face::Mono) / 2, words,
                          m_measure.height(Face::Mono)},
            .radius = m_measure.px(3),
            .fill = Swatch::Panel});
        m_sketch.label(rect, left, Face::Mono, Swatch::Ink, Qt::AlignCenter);
        m_sketch.spot(rect, messageThing(view.name, message), false, m_measure.px(5));
        x += wide + gap;
    }
}

void VisibilityScene::inFlightPanel(const BandView &view, const QRectF &panel)
{
    m_sketch.card(panel);
    panelHeader(panel, tr("In flight"), view.queue->notVisible, Swatch::InFlight);
    const double inset = m_measure.px(11);
    const double gap = m_measure.px(8);
    const QRectF area = panel.adjusted(inset, panelHead(), -inset, -inset);
    const auto &messages = view.queue->shownInFlight;
    if (messages.empty()) {
        m_sketch.label(
            area, tr("nothing"), Face::Small, Swatch::Muted, Qt::AlignHCenter | Qt::AlignTop);
        return;
    }
    const auto count = static_cast<double>(messages.size());
    const double full =
        m_measure.height(Face::SmallStrong) + 2 * m_measure.height(Face::Small) + m_measure.px(16);
    const double small = m_measure.height(Face::Small) + m_measure.px(12);
    const bool slim = count * (full + gap) - gap > area.height();
    const double tall = slim ? small : full;
    const double lastLine = m_measure.height(Face::Small) + m_measure.px(2);
    auto fits = static_cast<std::size_t>(std::max(1.0, (area.height() + gap) / (tall + gap)));
    if (fits < view.queue->notVisible)
        fits = static_cast<std::size_t>(
            std::max(1.0, (area.height() + gap - lastLine) / (tall + gap)));
    const std::size_t shown = std::min(messages.size(), fits);
    double y = area.top();
    for (std::size_t index = 0; index < shown; ++index) {
        inFlightCard(view, messages[index], {area.left(), y, area.width(), tall}, slim);
        y += tall + gap;
    }
    if (shown < view.queue->notVisible)
        m_sketch.line(area.left(), y - m_measure.px(3), area.width(),
            tr("%1 more").arg(grouped(view.queue->notVisible - shown)), Face::Small, Swatch::Muted);
}

void VisibilityScene::inFlightCard(
    const BandView &view, const MessageSnapshot &message, const QRectF &rect, bool slim)
{
    const double part = partLeft(message, m_snapshot.now);
    const bool nearly = part < kNearlyOver;
    const Swatch urgency = nearly ? Swatch::Dead : Swatch::InFlight;
    m_sketch.box({.rect = rect,
        .radius = m_measure.px(6),
        .fill = Swatch::Panel,
        .border = urgency,
        .width = 1.3});
    m_sketch.spot(rect, messageThing(view.name, message), false, m_measure.px(6));
    m_inFlightRects[message.number] = rect;

    const QString name = messageName(message);
    const QString left = tr("%1 left").arg(spanText(message.due - m_snapshot.now));
    if (slim) {
        const double radius = m_measure.px(7);
        const QPointF centre(rect.left() + m_measure.px(9) + radius, rect.center().y());
        m_scene.marks.emplace_back(
            RingMark{centre, radius, m_measure.px(4), part, urgency, Swatch::Line});
        const double y = rect.center().y() - m_measure.height(Face::Small) / 2;
        const double x = m_sketch.lineRight(rect.right() - m_measure.px(8), y, rect.width() * 0.5,
            spanText(message.due - m_snapshot.now), Face::SmallStrong,
            nearly ? Swatch::Dead : Swatch::Ink);
        const QString words =
            message.receiveCount > 1 ? name + u" %1×"_s.arg(message.receiveCount) : name;
        m_sketch.line(centre.x() + radius + m_measure.px(8), y,
            x - centre.x() - radius - m_measure.px(12), words, Face::Mono,
            message.receiveCount > 1 ? Swatch::InFlight : Swatch::Ink);
        return;
    }
    const double radius = std::min(m_measure.px(21), rect.height() / 2 - m_measure.px(8));
    const QPointF centre(
        rect.left() + m_measure.px(9) + radius + m_measure.px(2), rect.center().y());
    m_scene.marks.emplace_back(
        RingMark{centre, radius, m_measure.px(4.5), part, urgency, Swatch::Line});
    // Received again: a second ring around the first.
    if (message.receiveCount > 1)
        m_scene.marks.emplace_back(
            DotMark{centre, radius + m_measure.px(4.5), Swatch::None, Swatch::InFlight, 1.3});
    const double inner = 2 * radius - m_measure.px(10);
    const bool inside = m_sketch.width(name, Face::Mono) <= inner;
    if (inside)
        m_sketch.label({centre.x() - radius, centre.y() - radius, 2 * radius, 2 * radius}, name,
            Face::Mono, Swatch::Ink, Qt::AlignCenter);

    const double x = centre.x() + radius + m_measure.px(9);
    const double wide = rect.right() - x - m_measure.px(6);
    QString received = tr("received %1×").arg(message.receiveCount);
    if (!inside)
        received = name + u" · %1×"_s.arg(message.receiveCount);
    const double block = m_measure.height(Face::SmallStrong)
        + (message.extended ? 2 : 1) * m_measure.height(Face::Small);
    double y = rect.center().y() - block / 2;
    m_sketch.line(x, y, wide, left, Face::SmallStrong, nearly ? Swatch::Dead : Swatch::Ink);
    y += m_measure.height(Face::SmallStrong);
    m_sketch.line(x, y, wide, received, Face::Small,
        message.receiveCount > 1 ? Swatch::InFlight : Swatch::Muted);
    y += m_measure.height(Face::Small);
    if (message.extended)
        m_sketch.line(x, y, wide, tr("extended"), Face::SmallStrong, Swatch::Done);
}

} // namespace queuelab::ui
