#include "ui/panels/chart_panel.h"

#include "ui/theme/style_sheet.h"
#include "ui/widgets/export_picture.h"

#include <QAction>
#include <QChart>
#include <QChartView>
#include <QEvent>
#include <QGraphicsLayout>
#include <QGridLayout>
#include <QLabel>
#include <QLegend>
#include <QLineSeries>
#include <QValueAxis>

#include <algorithm>
#include <array>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

/// Lines differ by colour and by dash, so that colour is not needed to tell them apart.
QPen linePen(const Theme &theme, std::size_t index)
{
    const std::array colours{theme.ready, theme.inFlight, theme.done, theme.system, theme.dead};
    const std::array dashes{Qt::SolidLine, Qt::DashLine, Qt::DotLine, Qt::DashDotLine};
    QPen pen(colours[index % colours.size()], 2);
    pen.setStyle(dashes[index / colours.size() % dashes.size()]);
    return pen;
}

} // namespace

ChartPanel::ChartPanel(QWidget *parent)
    : QWidget(parent)
    , m_theme(Theme::of(*this))
    , m_grid(new QGridLayout(this))
    , m_empty(new QLabel(
          tr("Nothing to draw yet: rates, lag and depth appear once something runs."), this))
{
    m_grid->setContentsMargins(4, 4, 4, 4);
    m_grid->setSpacing(4);
    setRole(*m_empty, "small");
    m_empty->setAlignment(Qt::AlignCenter);
    m_grid->addWidget(m_empty, 0, 0);
}

void ChartPanel::setSnapshot(const std::shared_ptr<const world::Snapshot> &snapshot)
{
    m_snapshot = snapshot;
    if (isVisible())
        refresh();
}

void ChartPanel::clear()
{
    for (auto &[unit, chart] : m_charts)
        delete chart.view; // and with it the chart, its axes and lines
    m_charts.clear();
    m_empty->show();
}

ChartPanel::Chart &ChartPanel::chartFor(const QString &unit)
{
    Chart &chart = m_charts[unit];
    if (chart.view)
        return chart;
    auto *picture = new QChart;
    picture->setAnimationOptions(QChart::NoAnimation);
    picture->setMargins(QMargins(2, 2, 2, 2));
    picture->layout()->setContentsMargins(0, 0, 0, 0);
    picture->setBackgroundRoundness(0);
    chart.time = new QValueAxis(picture);
    chart.value = new QValueAxis(picture);
    chart.time->setTickCount(3);
    chart.value->setTickCount(3);
    chart.value->setTitleText(unit);
    picture->addAxis(chart.time, Qt::AlignBottom);
    picture->addAxis(chart.value, Qt::AlignLeft);
    picture->legend()->setAlignment(Qt::AlignTop);
    picture->legend()->setMarkerShape(QLegend::MarkerShapeFromSeries);
    chart.view = new QChartView(picture, this);
    chart.view->setRenderHint(QPainter::Antialiasing);
    chart.view->setFrameShape(QFrame::NoFrame);
    chart.view->setMinimumSize(110, 100);
    chart.view->setAccessibleName(tr("Chart of %1 over time").arg(unit));
    chart.view->setContextMenuPolicy(Qt::ActionsContextMenu);
    auto *save = new QAction(tr("Save picture …"), chart.view);
    connect(save, &QAction::triggered, this, [view = chart.view] { exportPicture(*view); });
    chart.view->addAction(save);
    const int column = static_cast<int>(m_charts.size()) - 1;
    m_grid->addWidget(chart.view, 0, column);
    m_grid->setColumnStretch(column, 1);
    return chart;
}

QLineSeries &ChartPanel::lineFor(Chart &chart, const QString &name)
{
    QLineSeries *&line = chart.lines[name];
    if (!line) {
        line = new QLineSeries(chart.view->chart());
        line->setName(name);
        chart.view->chart()->addSeries(line);
        line->attachAxis(chart.time);
        line->attachAxis(chart.value);
        restyle(chart);
    }
    return *line;
}

void ChartPanel::refresh()
{
    if (!m_snapshot)
        return;
    std::map<QString, double> highest;
    double end = 1;
    for (const world::SeriesSnapshot &series : m_snapshot->series) {
        const QString unit = QString::fromStdString(series.unit);
        QList<QPointF> points;
        points.reserve(static_cast<qsizetype>(series.values.size()));
        const double start =
            std::chrono::duration<double>(series.start - m_snapshot->start).count();
        const double step = std::chrono::duration<double>(series.step).count();
        double &top = highest[unit];
        for (std::size_t i = 0; i < series.values.size(); ++i) {
            points.append(QPointF(start + step * static_cast<double>(i), series.values[i]));
            top = std::max(top, series.values[i]);
        }
        lineFor(chartFor(unit), QString::fromStdString(series.name)).replace(points);
        if (!points.isEmpty())
            end = std::max(end, points.last().x());
    }
    // All charts share one clock, so that what stands above each other happened together.
    double begin = 0;
    for (const world::SeriesSnapshot &series : m_snapshot->series)
        begin = std::max(
            begin, std::chrono::duration<double>(series.start - m_snapshot->start).count());
    for (auto &[unit, chart] : m_charts) {
        chart.time->setRange(std::min(begin, end - 1), end);
        chart.time->setLabelFormat(end - begin < 5 ? u"%.1f s"_s : u"%.0f s"_s);
        chart.value->setRange(0, std::max(1.0, highest[unit]));
        chart.value->applyNiceNumbers();
        chart.value->setLabelFormat(highest[unit] < 3 ? u"%.1f"_s : u"%.0f"_s);
    }
    m_empty->setVisible(m_charts.empty());
}

void ChartPanel::restyle(Chart &chart)
{
    QChart &picture = *chart.view->chart();
    const QFont font = m_theme.uiFont(9);
    picture.setBackgroundBrush(m_theme.panel);
    picture.setBackgroundPen(Qt::NoPen);
    picture.legend()->setLabelColor(m_theme.ink);
    picture.legend()->setFont(font);
    for (QValueAxis *axis : {chart.time, chart.value}) {
        axis->setLabelsColor(m_theme.muted);
        axis->setLabelsFont(m_theme.monoFont(9));
        axis->setTitleBrush(m_theme.muted);
        axis->setTitleFont(font);
        axis->setLinePen(QPen(m_theme.line));
        axis->setGridLinePen(QPen(m_theme.line));
    }
    chart.time->setGridLineVisible(false);
    std::size_t index = 0;
    for (const auto &[name, line] : chart.lines)
        line->setPen(linePen(m_theme, index++));
    chart.view->setBackgroundBrush(m_theme.panel);
}

void ChartPanel::restyle()
{
    m_theme = Theme::of(*this);
    for (auto &[unit, chart] : m_charts)
        restyle(chart);
}

void ChartPanel::showEvent(QShowEvent *event)
{
    QWidget::showEvent(event);
    refresh();
}

void ChartPanel::changeEvent(QEvent *event)
{
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange)
        restyle();
    QWidget::changeEvent(event);
}

} // namespace queuelab::ui
