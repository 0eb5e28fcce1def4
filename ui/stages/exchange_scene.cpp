#include "ui/stages/exchange_scene.h"

#include "engine/exchange/broker.h"
#include "engine/exchange/events.h"
#include "ui/stages/words.h"

#include <algorithm>
#include <cmath>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

constexpr qsizetype kReasonLines =
    5; ///< why a binding does not match; the last line takes the rest
/// A binding stays lit so long after the last message it let through.
constexpr Duration kLit = std::chrono::milliseconds{1500};

QString fieldText(const exchange::FieldValue &value)
{
    if (const auto *word = std::get_if<std::string>(&value.value))
        return text(*word);
    if (const auto *number = std::get_if<std::int64_t>(&value.value))
        return QString::number(static_cast<qlonglong>(*number));
    if (const auto *flag = std::get_if<bool>(&value.value))
        return *flag ? u"true"_s : u"false"_s;
    if (const auto *real = std::get_if<double>(&value.value))
        return QString::number(*real);
    return u"…"_s;
}

} // namespace

QString bindingText(const exchange::BindingSnapshot &binding, const std::string &exchangeType)
{
    if (exchangeType == "fanout")
        return {};
    if (exchangeType != "headers")
        return text(binding.routingKey);
    QStringList words;
    for (const auto &[name, value] : binding.arguments)
        words += name == "x-match" ? fieldText(value) + u':' : text(name) + u'=' + fieldText(value);
    std::ranges::stable_partition(words, [](const QString &word) { return word.endsWith(u':'); });
    return words.join(u' ');
}

QString mismatchText(
    const exchange::BindingSnapshot &binding, const std::string &exchangeType, const QString &key)
{
    if (exchangeType == "topic")
        return text(exchange::topicMismatch(binding.routingKey, key.toStdString()));
    if (exchangeType == "direct" && text(binding.routingKey) != key)
        return QCoreApplication::translate("queuelab::ui::ExchangeScene", "the key is %1").arg(key);
    return {};
}

Thing bindingThing(const exchange::BindingSnapshot &binding)
{
    return {Thing::Kind::Binding, text(binding.source), -1,
        text(binding.destination) + u' ' + text(binding.routingKey)};
}

ExchangeScene::ExchangeScene(const world::Snapshot &snapshot, const SceneInput &input,
    const Measure &measure, const LastKeys &lastKeys)
    : m_snapshot(snapshot)
    , m_input(input)
    , m_measure(measure)
    , m_lastKeys(lastKeys)
    , m_view(makeExchangeView(snapshot))
    , m_sketch(m_scene, measure)
{
    layOut();
}

void ExchangeScene::layOut()
{
    m_scene.size = m_input.viewport;
    if (m_view.exchanges.empty() && m_view.queues.empty() && m_view.publishers.empty()) {
        m_sketch.emptyGround(tr("No exchanges or queues yet"),
            tr("declare-queue makes one: it keeps a message until a worker acknowledges it"));
        return;
    }
    planColumns(m_input.viewport.width());
    header();
    const double top = m_measure.height(Face::Title) + m_measure.px(44);
    const double bottom = m_input.viewport.height() - m_measure.px(kPad);
    placeQueues(top, bottom);
    placeExchanges(top, bottom);

    // Lines first: cards lie on them.
    bindings();
    defaultBindings();
    deadLetterLines();
    for (std::size_t index = 0; index < m_view.queues.size(); ++index) {
        const QueueView &queue = m_view.queues[index];
        for (const WorkerView &one : queue.workers)
            workerCurve(queue, one, m_workerRects.at(one.name + u'\n' + queue.name));
        queueCard(queue, m_queueRects[index]);
        for (const WorkerView &one : queue.workers)
            worker(one, m_workerRects.at(one.name + u'\n' + queue.name));
    }
    placePublishers(top, bottom);
    for (std::size_t index = 0; index < m_view.exchanges.size(); ++index)
        exchangeNode(m_view.exchanges[index], m_exchangeRects[index]);
    requeueArcs();
    for (const Mark &mark : m_scene.marks)
        m_scene.size.rheight() =
            std::max(m_scene.size.height(), boundsOf(mark).bottom() + m_measure.px(kPad));
}

ExchangeScene::Column ExchangeScene::exchangeColumn(int depth) const
{
    return {m_exchanges.left + depth * m_depthStep, m_exchanges.width};
}

ExchangeScene::Gaps ExchangeScene::sizeColumns(double ease)
{
    const bool exchanges = !m_view.exchanges.empty();
    const bool workers = std::ranges::any_of(
        m_view.queues, [](const QueueView &queue) { return !queue.workers.empty(); });
    const bool arcs = !m_view.deadLetters.empty();
    const auto between = [&](double least, double natural) {
        return std::lerp(std::min(least, natural), natural, ease);
    };
    const auto px = [&](double length) { return m_measure.px(length); };

    double keyWidth = 0;
    double deeperKeyWidth = 0;
    for (const BindingView &view : m_view.bindings) {
        keyWidth = std::max(keyWidth,
            m_sketch.pillWidth(
                bindingText(*view.binding, m_view.exchanges[view.source].exchange->type),
                Face::Mono));
        if (view.binding->toExchange)
            deeperKeyWidth = std::max(
                deeperKeyWidth, m_sketch.pillWidth(text(view.binding->routingKey), Face::Mono));
    }
    double publishedWidth = px(112);
    for (const auto &[exchange, key] : m_lastKeys)
        publishedWidth = std::max(publishedWidth, m_sketch.width(key, Face::Mono) + px(20));
    double nameWidth = px(48);
    for (const ExchangeNode &node : m_view.exchanges)
        nameWidth = std::max(nameWidth, m_sketch.width(exchangeName(node), Face::Strong));
    double countsWidth = 0;
    for (const QueueView &queue : m_view.queues)
        countsWidth = std::max(countsWidth,
            m_sketch.width(readyText(*queue.queue), Face::SmallStrong)
                + m_sketch.width(unackedText(*queue.queue), Face::SmallStrong));

    m_publishers.width =
        m_view.publishers.empty() ? 0 : between(px(84), std::min(publishedWidth, px(150)));
    m_exchanges.width = exchanges ? between(nameWidth + px(38), px(116)) : 0;
    m_queues.width = between(countsWidth + px(36), px(168));
    m_workers.width = workers ? between(px(106), px(142)) : 0;
    m_keys.width = exchanges ? between(px(96), std::min(keyWidth, px(140))) : 0;
    m_depthStep = m_exchanges.width + between(px(44), px(60)) + std::min(deeperKeyWidth, px(140));
    Gaps gaps;
    gaps.pad = between(px(8), px(kPad));
    gaps.publishers = m_view.publishers.empty() ? 0 : between(px(12), px(34));
    gaps.keys = exchanges ? between(px(10), px(20)) : 0;
    gaps.queues = exchanges ? between(px(arcs ? 36 : 12), px(arcs ? 44 : 30))
        : arcs              ? between(px(40), px(60))
                            : 0;
    gaps.workers = workers ? between(px(12), px(34)) : 0;
    gaps.needed = 2 * gaps.pad + m_publishers.width + gaps.publishers + m_exchanges.width
        + (m_view.depths - 1) * m_depthStep + gaps.keys + m_keys.width + gaps.queues
        + m_queues.width + gaps.workers + m_workers.width;
    return gaps;
}

void ExchangeScene::planColumns(double width)
{
    // A small window takes from the gaps and the cards alike, down to what their words need; only
    // then is there something to scroll.
    const double natural = sizeColumns(1).needed;
    const double least = sizeColumns(0).needed;
    const double ease =
        natural > least ? std::clamp((width - least) / (natural - least), 0.0, 1.0) : 1;
    Gaps gaps = sizeColumns(ease);
    m_scene.size.setWidth(std::max(width, gaps.needed));
    // What is left over makes room for lines first, then for more cells in a queue.
    const double spare = m_scene.size.width() - gaps.needed;
    gaps.publishers += gaps.publishers > 0 ? spare * 0.14 : 0;
    gaps.keys += gaps.keys > 0 ? spare * 0.08 : 0;
    gaps.queues += m_view.exchanges.empty() ? 0 : spare * 0.2;
    m_queues.width += std::min(spare * 0.25, m_measure.px(110));
    if (m_workers.width > 0) {
        gaps.workers += std::min(spare * 0.15, m_measure.px(70));
        m_workers.width += std::min(spare * 0.12, m_measure.px(60));
    }

    m_publishers.left = gaps.pad;
    m_exchanges.left = gaps.pad + m_publishers.width + gaps.publishers;
    m_keys.left =
        m_exchanges.left + m_exchanges.width + (m_view.depths - 1) * m_depthStep + gaps.keys;
    m_queues.left = m_keys.right() + gaps.queues;
    m_workers.left = m_queues.right() + gaps.workers;
}

void ExchangeScene::header()
{
    const double pad = m_measure.px(kPad);
    const double middle = m_measure.px(8) + m_measure.height(Face::Title) / 2 + m_measure.px(4);
    const double x = m_sketch.line(pad, middle - m_measure.height(Face::Title) / 2,
        m_measure.px(120), tr("vhost /"), Face::Title);
    std::vector<Sketch::Key> keys{{tr("ready"), Swatch::Ready}, {tr("unacked"), Swatch::InFlight}};
    if (!m_view.deadLetters.empty())
        keys.push_back({tr("dead-lettered"), Swatch::Dead});
    m_sketch.legend(m_scene.size.width() - pad, middle, keys);
    const double room =
        m_scene.size.width() - pad - m_sketch.legendWidth(keys) - x - m_measure.px(30);
    const QString facts =
        counted(m_snapshot.exchange.connections, tr("1 connection"), tr("%1 connections"))
        + u" · "_s + counted(m_view.queues.size(), tr("1 queue"), tr("%1 queues"));
    m_sketch.line(x + m_measure.px(12),
        middle - m_measure.height(Face::Small) / 2 + m_measure.px(1), room, facts, Face::Small,
        Swatch::Muted);
}

double ExchangeScene::queueHeight() const
{
    return m_measure.height(Face::Strong) + m_measure.height(Face::Small) + m_measure.px(42);
}

double ExchangeScene::workerHeight() const
{
    return m_measure.height(Face::Strong) + m_measure.height(Face::Small) + m_measure.px(32);
}

double ExchangeScene::slotHeight(const QueueView &queue) const
{
    const auto count = static_cast<double>(queue.workers.size());
    return std::max(queueHeight(), count * workerHeight() + (count - 1) * m_measure.px(8));
}

void ExchangeScene::placeQueues(double top, double bottom)
{
    double total = 0;
    for (const QueueView &queue : m_view.queues)
        total += slotHeight(queue);
    const auto count = static_cast<double>(m_view.queues.size());
    // Spread over the height when there is room, but not so far that they seem to have nothing to
    // do with each other.
    const double gap = std::clamp(
        (bottom - top - total) / std::max(1.0, count), m_measure.px(18), m_measure.px(90));
    const double used = total + (count - 1) * gap;
    double y = std::max(top, top + (bottom - top - used) / 2);
    for (const QueueView &queue : m_view.queues) {
        const double tall = slotHeight(queue);
        m_queueRects.emplace_back(
            m_queues.left, y + (tall - queueHeight()) / 2, m_queues.width, queueHeight());
        const auto workers = static_cast<double>(queue.workers.size());
        double workerTop = y
            + (tall - workers * workerHeight() - std::max(0.0, workers - 1) * m_measure.px(8)) / 2;
        for (const WorkerView &one : queue.workers) {
            m_workerRects[one.name + u'\n' + queue.name] =
                QRectF(m_workers.left, workerTop, m_workers.width, workerHeight());
            workerTop += workerHeight() + m_measure.px(8);
        }
        y += tall + gap;
    }
}

std::vector<QRectF> ExchangeScene::spread(const std::vector<double> &wanted,
    const std::vector<double> &heights, const Column &column, double top, double gap) const
{
    // Each as near to its wanted middle as those above it allow; what was pushed down pulls its
    // neighbours up again.
    std::vector<double> tops;
    for (std::size_t index = 0; index < wanted.size(); ++index) {
        double y = std::max(top, wanted[index] - heights[index] / 2);
        if (index > 0)
            y = std::max(y, tops.back() + heights[index - 1] + gap);
        tops.push_back(y);
    }
    double excess = 0;
    for (std::size_t index = 0; index < wanted.size(); ++index)
        excess += tops[index] + heights[index] / 2 - wanted[index];
    if (!tops.empty()) {
        const double shift = std::clamp(
            excess / static_cast<double>(tops.size()), 0.0, std::max(0.0, tops.front() - top));
        for (double &y : tops)
            y -= shift;
    }
    std::vector<QRectF> rects;
    for (std::size_t index = 0; index < tops.size(); ++index)
        rects.emplace_back(column.left, tops[index], column.width, heights[index]);
    return rects;
}

void ExchangeScene::placeExchanges(double top, double bottom)
{
    m_exchangeRects.resize(m_view.exchanges.size());
    const double tall =
        m_measure.height(Face::Strong) + m_measure.height(Face::Small) + m_measure.px(36);
    // From the right: an exchange stands at the middle of what it is bound to.
    for (int depth = m_view.depths - 1; depth >= 0; --depth) {
        std::vector<std::pair<double, std::size_t>> wanted;
        for (std::size_t index = 0; index < m_view.exchanges.size(); ++index) {
            if (m_view.exchanges[index].depth != depth)
                continue;
            double sum = 0;
            double count = 0;
            for (const BindingView &view : m_view.bindings) {
                if (view.source != index)
                    continue;
                const bool placed =
                    !view.binding->toExchange || m_view.exchanges[view.destination].depth > depth;
                if (!placed)
                    continue;
                sum += view.binding->toExchange ? m_exchangeRects[view.destination].center().y()
                                                : m_queueRects[view.destination].center().y();
                ++count;
            }
            wanted.emplace_back(count > 0 ? sum / count : (top + bottom) / 2, index);
        }
        std::ranges::stable_sort(wanted, {}, &std::pair<double, std::size_t>::first);
        std::vector<double> middles;
        for (const auto &[middle, index] : wanted)
            middles.push_back(middle);
        const auto rects = spread(middles, std::vector<double>(middles.size(), tall),
            exchangeColumn(depth), top, m_measure.px(26));
        for (std::size_t place = 0; place < wanted.size(); ++place)
            m_exchangeRects[wanted[place].second] = rects[place];
    }
}

void ExchangeScene::placePublishers(double top, double bottom)
{
    std::vector<double> wanted;
    for (const auto *client : m_view.publishers) {
        const auto node =
            std::ranges::find(m_view.exchanges, text(client->target), &ExchangeNode::name);
        const auto index = static_cast<std::size_t>(node - m_view.exchanges.begin());
        wanted.push_back(node == m_view.exchanges.end() ? (top + bottom) / 2
                                                        : m_exchangeRects[index].center().y());
    }
    std::vector<std::size_t> order(wanted.size());
    for (std::size_t index = 0; index < order.size(); ++index)
        order[index] = index;
    std::ranges::stable_sort(order, {}, [&](std::size_t index) { return wanted[index]; });
    std::ranges::stable_sort(wanted);
    const double tall =
        m_measure.height(Face::Strong) + 2 * m_measure.height(Face::Small) + m_measure.px(18);
    const auto rects = spread(
        wanted, std::vector<double>(wanted.size(), tall), m_publishers, top, m_measure.px(12));
    for (std::size_t place = 0; place < order.size(); ++place)
        publisher(*m_view.publishers[order[place]], rects[place]);
}

void ExchangeScene::publisher(const world::ClientSnapshot &client, const QRectF &rect)
{
    const bool running = client.state == world::ClientState::Running;
    const bool crashed = client.state == world::ClientState::Crashed;
    const QString name = text(client.name);
    const auto last = std::ranges::find_if(
        m_input.recent.rbegin(), m_input.recent.rend(), [&](const EventRow &event) {
            return event.kind == exchange::kind(exchange::ExchangeEvent::Published)
                && event.actor == name;
        });
    const bool publishing = last != m_input.recent.rend();
    const QPointF out(rect.right(), rect.center().y());
    const auto node = std::ranges::find(m_view.exchanges, text(client.target), &ExchangeNode::name);
    if (node != m_view.exchanges.end()) {
        const QRectF &target =
            m_exchangeRects[static_cast<std::size_t>(node - m_view.exchanges.begin())];
        m_sketch.flow(out, {target.left(), target.center().y()},
            publishing ? Swatch::Ready : Swatch::Line, publishing ? 2 : 1.5,
            running ? Dash::Solid : Dash::Dashed);
    }
    m_sketch.card(rect, crashed ? Swatch::DeadTint : Swatch::Raised,
        crashed ? Swatch::Dead : Swatch::Line, running ? Dash::Solid : Dash::Dashed,
        running ? 1 : 1.3);
    const double left = rect.left() + m_measure.px(10);
    const double wide = rect.width() - m_measure.px(18);
    double y = rect.top() + m_measure.px(8);
    m_sketch.line(left, y, wide, name, Face::Strong);
    y += m_measure.height(Face::Strong) + m_measure.px(1);
    QString state = rateText(client.rate);
    if (crashed)
        state = tr("crashed");
    else if (!running)
        state = client.state == world::ClientState::Paused ? tr("paused") : tr("stopped");
    m_sketch.line(left, y, wide, state, running ? Face::MonoStrong : Face::Small,
        crashed       ? Swatch::Dead
            : running ? Swatch::Ink
                      : Swatch::Muted);
    y += m_measure.height(Face::Small) + m_measure.px(1);
    if (client.failed > 0)
        m_sketch.line(left, y, wide, tr("%1 failed").arg(grouped(client.failed)), Face::SmallStrong,
            Swatch::Dead);
    else if (publishing && !last->detail.isEmpty())
        m_sketch.line(left, y, wide, last->detail, Face::Mono, Swatch::Ready);
    else
        m_sketch.line(
            left, y, wide, tr("%1 sent").arg(grouped(client.sent)), Face::Small, Swatch::Muted);
    m_sketch.spot(rect, {Thing::Kind::Client, name, -1, {}}, true, m_measure.px(6));
    m_scene.setAnchor(Thing::Kind::Client, name, out);
}

QString ExchangeScene::exchangeName(const ExchangeNode &node)
{
    return node.name.isEmpty() ? tr("(default)") : node.name;
}

void ExchangeScene::exchangeNode(const ExchangeNode &node, const QRectF &rect)
{
    m_sketch.box({.rect = rect,
        .fill = Swatch::Panel,
        .border = Swatch::Ink,
        .width = 1.4,
        .outline = Outline::Hexagon});
    const QString name = exchangeName(node);
    const double inset = m_measure.px(18);
    const double top = rect.center().y()
        - (m_measure.height(Face::Strong) + m_measure.height(Face::Small)) / 2 - m_measure.px(1);
    m_sketch.label(
        {rect.left() + inset, top, rect.width() - 2 * inset, m_measure.height(Face::Strong)}, name,
        Face::Strong, Swatch::Ink, Qt::AlignCenter);
    QString kind = text(node.exchange->type);
    const QString transient = kind + u" · "_s + tr("transient");
    if (!node.exchange->durable
        && m_sketch.width(transient, Face::Small) <= rect.width() - 2 * inset)
        kind = transient;
    m_sketch.label({rect.left() + inset, top + m_measure.height(Face::Strong) + m_measure.px(1),
                       rect.width() - 2 * inset, m_measure.height(Face::Small)},
        kind, Face::Small, Swatch::Muted, Qt::AlignCenter);
    if (node.exchange->unroutable > 0)
        m_sketch.label({rect.left(), rect.bottom() + m_measure.px(3), rect.width(),
                           m_measure.height(Face::Small)},
            tr("%1 unroutable").arg(grouped(node.exchange->unroutable)), Face::SmallStrong,
            Swatch::Dead, Qt::AlignCenter);
    m_sketch.spot(rect, {Thing::Kind::Exchange, node.name, -1, {}}, true, m_measure.px(10));
    m_scene.setAnchor(Thing::Kind::Exchange, node.name, {rect.left(), rect.center().y()});
}

bool ExchangeScene::isLit(const exchange::BindingSnapshot &binding) const
{
    return binding.matched > 0 && m_snapshot.now - binding.lastMatch <= kLit;
}

void ExchangeScene::bindings()
{
    // The keys of the last exchange column stand in a column of their own, in the order of where
    // they lead.
    std::vector<const BindingView *> order;
    for (const BindingView &view : m_view.bindings)
        order.push_back(&view);
    const auto from = [&](const BindingView *view) {
        return m_exchangeRects[view->source].center().y();
    };
    const auto to = [&](const BindingView *view) {
        return view->binding->toExchange ? m_exchangeRects[view->destination].center().y()
                                         : m_queueRects[view->destination].center().y();
    };
    std::ranges::stable_sort(order, [&](const BindingView *one, const BindingView *other) {
        const double left = from(one) * 0.4 + to(one) * 0.6;
        const double right = from(other) * 0.4 + to(other) * 0.6;
        return left < right;
    });
    double below = 0;
    std::vector<std::pair<double, QStringList>> reasons; // top, lines
    const double wide =
        m_queues.left - m_keys.left - m_measure.px(m_view.deadLetters.empty() ? 6 : 36);
    const double pill = m_sketch.pillHeight(Face::Mono);
    for (const BindingView *view : order) {
        double middle = from(view) * 0.4 + to(view) * 0.6;
        middle = std::max(middle, below + pill / 2);
        const auto &node = m_view.exchanges[view->source];
        const auto key = m_lastKeys.find(node.name);
        const Thing thing = bindingThing(*view->binding);
        // Why it did not match is said of what was published just now, and of what one points at.
        const bool recent = std::ranges::any_of(m_input.recent, [&](const EventRow &event) {
            return event.kind == exchange::kind(exchange::ExchangeEvent::Published)
                && event.subject == node.name;
        });
        QString why;
        if (key != m_lastKeys.end()
            && (recent || thing == m_input.hovered || thing == m_input.chosen))
            why = mismatchText(*view->binding, node.exchange->type, key->second);
        binding(*view, middle);
        below = middle + pill / 2 + m_measure.px(6);
        if (why.isEmpty() || view->binding->toExchange)
            continue;
        const QStringList lines = reasonLines(tr("no match: %1").arg(why), wide);
        reasons.emplace_back(below - m_measure.px(4), lines);
        below += static_cast<double>(lines.size()) * m_measure.height(Face::Small);
    }
    for (const auto &[top, lines] : reasons)
        mismatch(top, lines, wide);
}

QStringList ExchangeScene::reasonLines(const QString &words, double wide) const
{
    QStringList lines;
    QString rest = words;
    while (!rest.isEmpty()) {
        qsizetype end = rest.size();
        if (lines.size() + 1 < kReasonLines && m_sketch.width(rest, Face::Small) > wide) {
            while (end > 0 && m_sketch.width(rest.left(end), Face::Small) > wide)
                end = rest.lastIndexOf(u' ', end - 1);
            end = end <= 0 ? rest.size() : end;
        }
        lines += rest.left(end);
        rest = rest.mid(end).trimmed();
    }
    return lines;
}

void ExchangeScene::mismatch(double top, const QStringList &lines, double wide)
{
    for (const QString &line : lines) {
        // On a ground of its own, because lines pass behind it.
        m_sketch.box({.rect = {m_keys.left, top, std::min(wide, m_sketch.width(line, Face::Small)),
                          m_measure.height(Face::Small)},
            .fill = Swatch::Panel});
        m_sketch.line(m_keys.left, top, wide, line, Face::Small, Swatch::Muted);
        top += m_measure.height(Face::Small);
    }
}

void ExchangeScene::binding(const BindingView &view, double pillMiddle)
{
    const ExchangeNode &node = m_view.exchanges[view.source];
    const bool lit = isLit(*view.binding);
    const QRectF &source = m_exchangeRects[view.source];
    const QPointF out(source.right(), source.center().y());
    const QRectF &target = view.binding->toExchange ? m_exchangeRects[view.destination]
                                                    : m_queueRects[view.destination];
    const QPointF in(target.left(), target.center().y());
    const Swatch colour = lit ? Swatch::Ready : Swatch::Line;
    const double thick = lit ? 2 : 1.5;
    const QString key = bindingText(*view.binding, node.exchange->type);
    const Thing thing = bindingThing(*view.binding);
    if (key.isEmpty()) {
        m_sketch.flow(out, in, colour, thick);
        const QPointF middle = (out + in) / 2;
        m_sketch.spot({middle.x() - m_measure.px(12), middle.y() - m_measure.px(8),
                          m_measure.px(24), m_measure.px(16)},
            thing);
        return;
    }
    const double left = view.binding->toExchange ? source.right() + m_measure.px(22) : m_keys.left;
    const double room =
        view.binding->toExchange ? target.left() - left - m_measure.px(10) : m_keys.width;
    const QString words = m_measure.elided(key, Face::Mono, room - m_measure.px(14) + 1);
    const double wide = m_sketch.pillWidth(words, Face::Mono);
    m_sketch.flow(out, {left, pillMiddle}, colour, thick);
    m_sketch.flow({left + wide, pillMiddle}, in, colour, thick);
    const QRectF pill = m_sketch.pill(left, pillMiddle, words, lit ? Swatch::Ready : Swatch::Muted,
        lit ? Swatch::ReadyTint : Swatch::Raised, Face::Mono);
    m_sketch.box(
        {.rect = pill, .radius = pill.height() / 2, .border = lit ? Swatch::Ready : Swatch::Line});
    m_sketch.spot(pill, thing, true, pill.height() / 2);
}

void ExchangeScene::defaultBindings()
{
    const auto node = std::ranges::find(m_view.exchanges, QString(), &ExchangeNode::name);
    if (node == m_view.exchanges.end())
        return;
    // The default exchange reaches every queue by its name; drawn are those that nothing else
    // reaches.
    const QRectF &source =
        m_exchangeRects[static_cast<std::size_t>(node - m_view.exchanges.begin())];
    for (std::size_t index = 0; index < m_view.queues.size(); ++index) {
        const bool bound = std::ranges::any_of(m_view.bindings, [&](const BindingView &view) {
            return !view.binding->toExchange && view.destination == index;
        });
        if (!bound && !m_view.queues[index].dead)
            m_sketch.flow({source.right(), source.center().y()},
                {m_queueRects[index].left(), m_queueRects[index].center().y()},
                m_view.queues[index].queue->published > 0 ? Swatch::Ready : Swatch::Line, 1.5);
    }
}

} // namespace queuelab::ui
