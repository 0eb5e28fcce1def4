#include "ui/panels/rebalance_panel.h"

#include "ui/stages/sketch.h"
#include "ui/stages/words.h"

#include <QEvent>
#include <QPaintEvent>
#include <QPainter>

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

constexpr double kPanelPad = 12;
constexpr double kGroupGap = 28; ///< between two groups
constexpr double kBar = 9; ///< what a member owns
constexpr double kWait = 5; ///< what it waits for

QString span(qint64 ns)
{
    return spanText(Duration{ns});
}

/// One group's rebalance in its column.
class Column {
    Q_DECLARE_TR_FUNCTIONS(queuelab::ui::RebalanceScene)

public:
    Column(Sketch &sketch, const Rebalance &rebalance, const QRectF &area, qint64 longestNs)
        : m_sketch(sketch)
        , m_rebalance(rebalance)
        , m_area(area)
        , m_longestNs(std::max<qint64>(longestNs, 1))
    {
        double names = 0;
        for (const RebalanceLane &lane : rebalance.lanes)
            names = std::max(names, sketch.width(lane.member, Face::Mono));
        m_left = area.left() + std::min(names, area.width() / 3) + sketch.px(10);
        double longest = 0;
        for (const RebalanceLane &lane : rebalance.lanes)
            longest = std::max(longest, sketch.width(withoutText(lane), Face::Small));
        m_right = area.right() - sketch.px(4) - (longest > 0 ? longest + sketch.px(8) : 0);
        for (const RebalanceLane &lane : rebalance.lanes) {
            for (const RebalanceSpan &one : lane.spans)
                m_mostOwned = std::max(m_mostOwned, one.owned);
        }
    }

    /// Returns the bottom.
    double draw()
    {
        double top = head();
        const double pitch = m_sketch.height(Face::Mono) + m_sketch.px(6);
        for (const RebalanceLane &lane : m_rebalance.lanes) {
            drawLane(lane, top, pitch);
            top += pitch;
        }
        return axis(top);
    }

private:
    double xOf(qint64 ns) const
    {
        return m_left
            + (m_right - m_left) * static_cast<double>(ns - m_rebalance.fromNs)
            / static_cast<double>(m_longestNs);
    }

    /// What a rebalance costs: who consumed nothing, and how long.
    static QString withoutText(const RebalanceLane &lane)
    {
        return lane.withoutNs > 0 ? tr("nothing for %1").arg(span(lane.withoutNs)) : QString();
    }

    double head()
    {
        const double title = m_sketch.height(Face::Strong);
        const double nameEnd = m_sketch.line(
            m_area.left(), m_area.top(), m_area.width() / 2, m_rebalance.group, Face::Strong);
        QString facts = m_rebalance.protocol;
        if (m_rebalance.byCoordinator)
            facts = tr("KIP-848, %1").arg(facts);
        if (!facts.isEmpty())
            facts += u" · "_s;
        facts += m_rebalance.rounds == 1 ? tr("1 round") : tr("%1 rounds").arg(m_rebalance.rounds);
        facts += u" · "_s + span(m_rebalance.toNs - m_rebalance.fromNs)
            + (m_rebalance.running ? u" …"_s : QString());
        m_sketch.line(nameEnd + m_sketch.px(10), m_area.top() + m_sketch.px(1),
            m_area.right() - nameEnd - m_sketch.px(10), facts, Face::Small, Swatch::Muted);
        QString cost = m_rebalance.unread == 0
            ? tr("no partition stood still")
            : tr("%1 stood still, at most %2")
                  .arg(counted(static_cast<std::uint64_t>(m_rebalance.unread), tr("1 partition"),
                           tr("%1 partitions")),
                      span(m_rebalance.longestUnreadNs));
        if (!m_rebalance.waitedFor.isEmpty())
            cost += u" · "_s + tr("waited longest for %1").arg(m_rebalance.waitedFor);
        m_sketch.line(m_area.left(), m_area.top() + title, m_area.width(), cost, Face::Small,
            m_rebalance.unread == 0 ? Swatch::DoneText : Swatch::Dead);
        return m_area.top() + title + m_sketch.height(Face::Small) + m_sketch.px(6);
    }

    void drawLane(const RebalanceLane &lane, double top, double pitch)
    {
        const double middle = top + pitch / 2;
        m_sketch.line(m_area.left(), middle - m_sketch.height(Face::Mono) / 2,
            m_left - m_area.left() - m_sketch.px(8), lane.member, Face::Mono,
            lane.hasLeft ? Swatch::Dead : Swatch::Ink);
        const double tall = m_sketch.px(kBar);
        const double barTop = middle - (tall + m_sketch.px(kWait)) / 2;
        for (const RebalanceSpan &one : lane.spans) {
            const double from = xOf(one.fromNs);
            const double wide = std::max(1.0, xOf(one.toNs) - from);
            if (one.owned > 0) {
                // As thick as its share: to give up one of three is not to give up all.
                const double share = tall * one.owned / std::max(1, m_mostOwned);
                m_sketch.box(
                    {.rect = {from, barTop + tall - share, wide, share}, .fill = Swatch::Ready});
            }
            if (one.wait != RebalanceWait::Nothing) {
                const bool others =
                    one.wait == RebalanceWait::Join || one.wait == RebalanceWait::Revoke;
                m_sketch.box(
                    {.rect = {from, barTop + tall + m_sketch.px(1), wide, m_sketch.px(kWait)},
                        .fill = others ? Swatch::InFlight : Swatch::System});
            }
        }
        if (lane.sharedOutNs >= m_rebalance.fromNs) {
            m_sketch.scene().marks.emplace_back(DotMark{
                {xOf(lane.sharedOutNs), middle}, m_sketch.px(4), Swatch::Panel, Swatch::Ink, 1.5});
        }
        const QString without = withoutText(lane);
        m_sketch.line(m_right + m_sketch.px(8), middle - m_sketch.height(Face::Small) / 2,
            m_area.right() - m_right - m_sketch.px(8), without, Face::Small, Swatch::InFlightText);
        m_sketch.spot({m_area.left(), top, m_area.width(), pitch},
            {Thing::Kind::Client, lane.member, -1, {}}, true);
    }

    double axis(double top)
    {
        m_sketch.line(
            {m_left, top + m_sketch.px(2)}, {m_right, top + m_sketch.px(2)}, Swatch::Line);
        const double y = top + m_sketch.px(4);
        m_sketch.line(m_left, y, m_sketch.px(90), text(formatClock(Duration{m_rebalance.fromNs})),
            Face::Mono, Swatch::Muted);
        m_sketch.lineRight(
            m_right, y, m_sketch.px(90), u"+"_s + span(m_longestNs), Face::Mono, Swatch::Muted);
        return y + m_sketch.height(Face::Mono);
    }

    Sketch &m_sketch;
    const Rebalance &m_rebalance;
    QRectF m_area;
    qint64 m_longestNs;
    double m_left = 0;
    double m_right = 0;
    int m_mostOwned = 0;
};

} // namespace

Scene RebalanceScene::layOut(
    const std::vector<Rebalance> &rebalances, const QSizeF &viewport, const Measure &measure)
{
    Scene scene;
    scene.size = viewport;
    Sketch sketch(scene, measure);
    if (rebalances.empty()) {
        sketch.emptyGround(tr("No rebalance yet"),
            tr("a consumer group has one whenever a member joins, leaves or is given up"));
        return scene;
    }
    const double pad = sketch.px(kPanelPad);
    const double legendTall = sketch.height(Face::Small);
    sketch.legend(viewport.width() - pad, pad + legendTall / 2,
        {{tr("owns partitions"), Swatch::Ready},
            {std::ranges::any_of(rebalances, &Rebalance::byCoordinator)
                    ? tr("waits for the others to join, or lets go")
                    : tr("waits for the others to join"),
                Swatch::InFlight},
            {tr("waits for its assignment"), Swatch::System}});

    qint64 longest = 0;
    for (const Rebalance &rebalance : rebalances)
        longest = std::max(longest, rebalance.toNs - rebalance.fromNs);
    const auto columns = static_cast<double>(rebalances.size());
    const double gap = sketch.px(kGroupGap);
    const double wide = (viewport.width() - 2 * pad - (columns - 1) * gap) / columns;
    double left = pad;
    for (const Rebalance &rebalance : rebalances) {
        const QRectF area(left, pad + legendTall + sketch.px(6), wide, viewport.height());
        const double bottom = Column(sketch, rebalance, area, longest).draw();
        scene.size.rheight() = std::max(scene.size.height(), bottom + pad);
        left += wide + gap;
    }
    return scene;
}

RebalancePanel::RebalancePanel(QWidget *parent)
    : QScrollArea(parent)
    , m_canvas(new QWidget(this))
{
    setObjectName(u"rebalances"_s);
    setAccessibleName(tr("Rebalances"));
    setFrameShape(QFrame::NoFrame);
    setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    setWidget(m_canvas);
    m_canvas->installEventFilter(this);
    restyle();
}

RebalancePanel::~RebalancePanel() = default;

void RebalancePanel::append(const std::vector<EventRow> &rows)
{
    m_history.append(rows);
}

void RebalancePanel::replace(const std::vector<EventRow> &rows)
{
    m_history.replace(rows);
}

void RebalancePanel::setNow(qint64 nowNs)
{
    m_nowNs = nowNs;
    if (isVisible())
        refresh();
}

void RebalancePanel::refresh()
{
    m_scene = RebalanceScene::layOut(
        m_history.newest(kShown, m_nowNs), QSizeF(viewport()->size()), *m_measure);
    m_canvas->resize(m_scene.size.toSize());
    m_canvas->update();
}

void RebalancePanel::restyle()
{
    const Theme theme = Theme::of(*this);
    m_measure = std::make_unique<Measure>(theme);
    m_painter = std::make_unique<ScenePainter>(theme, *m_measure);
    refresh();
}

bool RebalancePanel::eventFilter(QObject *object, QEvent *event)
{
    if (object != m_canvas || event->type() != QEvent::Paint)
        return QScrollArea::eventFilter(object, event);
    QPainter painter(m_canvas);
    painter.setRenderHint(QPainter::Antialiasing);
    const QRectF visible = static_cast<QPaintEvent *>(event)->rect();
    painter.fillRect(visible, m_painter->colour(Swatch::Panel));
    m_painter->paint(painter, m_scene, visible);
    return true;
}

void RebalancePanel::resizeEvent(QResizeEvent *event)
{
    QScrollArea::resizeEvent(event);
    refresh();
}

void RebalancePanel::showEvent(QShowEvent *event)
{
    QScrollArea::showEvent(event);
    refresh();
}

void RebalancePanel::changeEvent(QEvent *event)
{
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange)
        restyle();
    QScrollArea::changeEvent(event);
}

} // namespace queuelab::ui
