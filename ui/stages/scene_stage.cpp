#include "ui/stages/scene_stage.h"

#include <QFocusEvent>
#include <QKeyEvent>
#include <QMouseEvent>
#include <QPainter>
#include <QSignalBlocker>
#include <QWheelEvent>

#include <algorithm>
#include <cmath>

namespace queuelab::ui {

namespace {

/// The kinds of the log start at 0x100, of the exchange at 0x200, of visibility at 0x300
/// (engine/core/trace.h).
int eventBlock(world::Engine engine)
{
    switch (engine) {
    case world::Engine::Log:
        return 1;
    case world::Engine::Exchange:
        return 2;
    case world::Engine::Visibility:
        return 3;
    }
    return 0;
}

QPointF onCurve(QPointF from, QPointF to, double t)
{
    const double reach = std::max(8.0, std::abs(to.x() - from.x()) * 0.5);
    const QPointF leave = from + QPointF(reach, 0);
    const QPointF arrive = to - QPointF(reach, 0);
    const double u = 1 - t;
    return u * u * u * from + 3 * u * u * t * leave + 3 * u * t * t * arrive + t * t * t * to;
}

} // namespace

SceneStage::SceneStage(world::Engine engine, QWidget *parent)
    : Stage(parent)
    , m_engine(engine)
    , m_measure(std::make_unique<Measure>(theme()))
    , m_painter(std::make_unique<ScenePainter>(theme(), *m_measure))
    , m_down(new QScrollBar(Qt::Vertical, this))
    , m_across(new QScrollBar(Qt::Horizontal, this))
{
    setFocusPolicy(Qt::StrongFocus);
    for (QScrollBar *bar : {m_down, m_across}) {
        bar->hide();
        bar->setFocusPolicy(Qt::NoFocus);
        connect(bar, &QScrollBar::valueChanged, this, [this] {
            m_picture = {};
            update();
        });
    }
    m_clock.start();
    m_ticker.setInterval(16);
    connect(&m_ticker, &QTimer::timeout, this, &SceneStage::tick);
}

void SceneStage::setSnapshot(std::shared_ptr<const world::Snapshot> snapshot)
{
    m_snapshot = std::move(snapshot);
    dirty();
    const QString words = m_snapshot ? summary(*m_snapshot) : QString();
    if (words != accessibleDescription())
        setAccessibleDescription(words);
}

bool SceneStage::isOwn(const EventRow &event) const
{
    return event.kind >> 8 == eventBlock(m_engine);
}

void SceneStage::remember(const EventRow &event)
{
    if (!isOwn(event) || !remembers(event))
        return;
    m_recent.push_back(event);
    if (m_recent.size() > kRemembered)
        m_recent.pop_front();
    dirty();
}

void SceneStage::recall(const std::vector<EventRow> &events)
{
    m_recent.clear();
    m_moves.clear();
    m_ticker.stop();
    for (const EventRow &event : events)
        remember(event);
    dirty();
}

void SceneStage::addEvents(const std::vector<EventRow> &events)
{
    std::size_t arrived = 0;
    for (const EventRow &event : events) {
        arrived += isOwn(event) ? 1 : 0;
        remember(event);
    }
    if (arrived == 0 || tooManyToMove(arrived) || !isVisible())
        return;
    const QPointF offset = scrolled();
    for (const EventRow &event : events) {
        if (!isOwn(event) || m_moves.size() >= kMoves)
            continue;
        const auto travel = travelOf(event);
        if (!travel)
            continue;
        const auto from = scene().anchor(travel->fromKind, travel->from);
        const auto to = scene().anchor(travel->toKind, travel->to);
        if (from && to)
            m_moves.push_back({*from - offset, *to - offset, travel->colour, m_clock.elapsed()});
    }
    if (!m_moves.empty() && !m_ticker.isActive())
        m_ticker.start();
}

void SceneStage::clear()
{
    m_recent.clear();
    m_moves.clear();
    m_ticker.stop();
    dirty();
}

Thing SceneStage::thingAt(const QPoint &position) const
{
    const Spot *spot = scene().spotAt(QPointF(position) + scrolled());
    return spot ? spot->thing : Thing{};
}

QString SceneStage::describe(const Thing &thing) const
{
    if (!m_snapshot || thing.kind == Thing::Kind::None)
        return {};
    return describe(*m_snapshot, thing);
}

void SceneStage::setChosen(const Thing &thing)
{
    if (m_chosen == thing)
        return;
    m_chosen = thing;
    dirty();
}

const Scene &SceneStage::scene() const
{
    if (m_sceneStale)
        layOutNow();
    return m_scene;
}

void SceneStage::drawTo(QPainter &painter) const
{
    const Scene &picture = scene();
    painter.fillRect(QRectF({}, picture.size), theme().panel);
    m_painter->paint(painter, picture, QRectF({}, picture.size));
}

void SceneStage::dirty()
{
    m_sceneStale = true;
    m_picture = {};
    update();
}

void SceneStage::layOutNow() const
{
    m_sceneStale = false;
    m_picture = {};
    m_scene = {};
    if (!m_snapshot)
        return;
    SceneInput input{QSizeF(size()), m_chosen, m_hovered, {}};
    const qint64 since = (m_snapshot->now - m_snapshot->start - SceneInput::kRecent).count();
    std::ranges::copy_if(m_recent, std::back_inserter(input.recent),
        [since](const EventRow &event) { return event.atNs >= since; });

    // A bar takes room, which may make the picture higher: it is laid out again where a bar comes
    // or goes.
    const int thick = m_down->sizeHint().width();
    m_scene = layOut(*m_snapshot, input, *m_measure);
    const bool tall = m_scene.size.height() > height();
    if (tall) {
        input.viewport.rwidth() -= thick;
        m_scene = layOut(*m_snapshot, input, *m_measure);
    }
    const bool wide = m_scene.size.width() > input.viewport.width() + 0.5;
    const auto setBar = [](QScrollBar *bar, bool shown, double content, int page) {
        // Its signal would ask for the repaint that is under way.
        const QSignalBlocker quiet(bar);
        bar->setRange(0, shown ? static_cast<int>(std::ceil(content)) - page : 0);
        bar->setPageStep(page);
        bar->setSingleStep(24);
        bar->setVisible(shown);
    };
    setBar(m_down, tall, m_scene.size.height(), height() - (wide ? thick : 0));
    setBar(m_across, wide, m_scene.size.width(), width() - (tall ? thick : 0));
    m_down->setGeometry(width() - thick, 0, thick, height());
    m_across->setGeometry(0, height() - thick, width() - (tall ? thick : 0), thick);
}

QPointF SceneStage::scrolled() const
{
    return QPointF(m_across->value(), m_down->value());
}

void SceneStage::themeChanged()
{
    m_measure = std::make_unique<Measure>(theme());
    m_painter = std::make_unique<ScenePainter>(theme(), *m_measure);
    dirty();
}

void SceneStage::paintEvent(QPaintEvent *)
{
    const Scene &picture = scene();
    const QPointF offset = scrolled();
    if (m_picture.isNull() || m_picture.devicePixelRatio() != devicePixelRatioF()) {
        m_picture = QPixmap(size() * devicePixelRatioF());
        m_picture.setDevicePixelRatio(devicePixelRatioF());
        m_picture.fill(theme().panel);
        QPainter painter(&m_picture);
        painter.translate(-offset);
        m_painter->paint(painter, picture, QRectF(offset, QSizeF(size())));
    }
    QPainter painter(this);
    painter.drawPixmap(0, 0, m_picture);
    painter.setRenderHint(QPainter::Antialiasing);
    drawMoves(painter);
    painter.translate(-offset);
    drawOverlay(painter);
}

void SceneStage::drawOverlay(QPainter &painter) const
{
    const auto outline = [&](const Thing &thing, const QColor &colour, double width, double gap) {
        const Spot *spot = thing.kind == Thing::Kind::None ? nullptr : m_scene.spotOf(thing);
        if (!spot)
            return;
        painter.setBrush(Qt::NoBrush);
        painter.setPen(QPen(colour, width));
        painter.drawRoundedRect(
            spot->rect.adjusted(-gap, -gap, gap, gap), spot->radius + gap, spot->radius + gap);
    };
    outline(m_hovered, theme().muted, 1.2, 1.5);
    outline(m_chosen, theme().ink, 2, 2);
    if (hasFocus())
        outline(m_focused, theme().ready, 2, 4);
}

void SceneStage::drawMoves(QPainter &painter) const
{
    const qint64 now = m_clock.elapsed();
    const double radius = m_measure->px(5);
    for (const Move &move : m_moves) {
        const QColor colour = m_painter->colour(move.colour);
        if (reduceMotion()) {
            painter.setBrush(Qt::NoBrush);
            painter.setPen(QPen(colour, 3));
            painter.drawEllipse(move.to, radius + 3, radius + 3);
            continue;
        }
        const double t = std::clamp(static_cast<double>(now - move.startedMs) / kMoveMs, 0.0, 1.0);
        const double eased = t * t * (3 - 2 * t);
        painter.setPen(QPen(theme().panel, 1.5));
        painter.setBrush(colour);
        painter.drawEllipse(onCurve(move.from, move.to, eased), radius, radius);
    }
}

bool SceneStage::tooManyToMove(std::size_t arrived)
{
    const qint64 now = m_clock.elapsed();
    if (now - m_secondStartMs >= 1000) {
        m_arrivedLastSecond = now - m_secondStartMs < 2000 ? m_arrivedThisSecond : 0;
        m_arrivedThisSecond = 0;
        m_secondStartMs = now;
    }
    m_arrivedThisSecond += arrived;
    return std::max(m_arrivedThisSecond, m_arrivedLastSecond) > kMovedEventsPerSecond;
}

void SceneStage::tick()
{
    const qint64 now = m_clock.elapsed();
    std::erase_if(m_moves, [now](const Move &move) { return now - move.startedMs >= kMoveMs; });
    if (m_moves.empty())
        m_ticker.stop();
    update();
}

void SceneStage::resizeEvent(QResizeEvent *event)
{
    m_moves.clear();
    dirty();
    Stage::resizeEvent(event);
}

void SceneStage::setHovered(const Thing &thing)
{
    if (m_hovered == thing)
        return;
    m_hovered = thing;
    dirty();
}

void SceneStage::mouseMoveEvent(QMouseEvent *event)
{
    setHovered(thingAt(event->position().toPoint()));
    Stage::mouseMoveEvent(event);
}

void SceneStage::mousePressEvent(QMouseEvent *event)
{
    m_focused = thingAt(event->position().toPoint());
    Stage::mousePressEvent(event);
}

void SceneStage::leaveEvent(QEvent *event)
{
    setHovered({});
    Stage::leaveEvent(event);
}

void SceneStage::wheelEvent(QWheelEvent *event)
{
    // With Ctrl it is the window's, which scales the type.
    if (event->modifiers() & Qt::ControlModifier
        || (!m_down->isVisible() && !m_across->isVisible())) {
        event->ignore();
        return;
    }
    m_moves.clear();
    const QPoint pixels =
        event->pixelDelta().isNull() ? event->angleDelta() / 2 : event->pixelDelta();
    m_down->setValue(m_down->value() - pixels.y());
    m_across->setValue(m_across->value() - pixels.x());
    event->accept();
}

void SceneStage::setFocused(const Spot *spot)
{
    if (!spot)
        return;
    m_focused = spot->thing;
    const QRectF wanted = spot->rect.adjusted(-16, -16, 16, 16);
    const auto reveal = [](QScrollBar *bar, double from, double to) {
        if (from < bar->value())
            bar->setValue(static_cast<int>(from));
        else if (to > bar->value() + bar->pageStep())
            bar->setValue(static_cast<int>(to) - bar->pageStep());
    };
    reveal(m_down, wanted.top(), wanted.bottom());
    reveal(m_across, wanted.left(), wanted.right());
    setAccessibleDescription(describe(m_focused));
    update();
}

void SceneStage::keyPressEvent(QKeyEvent *event)
{
    const auto go = [&](int dx, int dy) {
        const Spot *from = scene().spotOf(m_focused);
        if (!from && !m_scene.spots.empty())
            setFocused(&m_scene.spots.front());
        else if (from)
            setFocused(m_scene.neighbour(*from, dx, dy));
    };
    switch (event->key()) {
    case Qt::Key_Left:
        return go(-1, 0);
    case Qt::Key_Right:
        return go(1, 0);
    case Qt::Key_Up:
        return go(0, -1);
    case Qt::Key_Down:
        return go(0, 1);
    case Qt::Key_Return:
    case Qt::Key_Enter:
        if (scene().spotOf(m_focused)) {
            Q_EMIT picked(m_focused);
            return;
        }
        break;
    default:
        break;
    }
    Stage::keyPressEvent(event);
}

void SceneStage::focusInEvent(QFocusEvent *event)
{
    if (event->reason() == Qt::TabFocusReason || event->reason() == Qt::BacktabFocusReason) {
        m_focused = {};
        stopAtNext(event->reason() == Qt::TabFocusReason);
    }
    update();
    Stage::focusInEvent(event);
}

void SceneStage::focusOutEvent(QFocusEvent *event)
{
    update();
    Stage::focusOutEvent(event);
}

bool SceneStage::focusNextPrevChild(bool next)
{
    return stopAtNext(next) || Stage::focusNextPrevChild(next);
}

bool SceneStage::stopAtNext(bool next)
{
    std::vector<const Spot *> stops;
    for (const Spot &spot : scene().spots) {
        if (spot.stop)
            stops.push_back(&spot);
    }
    const auto here =
        std::ranges::find(stops, m_focused, [](const Spot *spot) { return spot->thing; });
    const Spot *target = nullptr;
    if (here == stops.end())
        target = stops.empty() ? nullptr : next ? stops.front() : stops.back();
    else if (next)
        target = here + 1 == stops.end() ? nullptr : *(here + 1);
    else
        target = here == stops.begin() ? nullptr : *(here - 1);
    setFocused(target);
    return target != nullptr;
}

} // namespace queuelab::ui
