#pragma once

#include "engine/world/snapshot.h"
#include "ui/theme/theme.h"

#include <QWidget>

#include <map>
#include <memory>

class QChart;
class QChartView;
class QGridLayout;
class QLabel;
class QLineSeries;
class QValueAxis;

namespace queuelab::ui {

/// The quantities of the snapshot over time: one chart for each unit, one line for each name.
class ChartPanel final : public QWidget {
    Q_OBJECT

public:
    explicit ChartPanel(QWidget *parent = nullptr);

    void setSnapshot(const std::shared_ptr<const world::Snapshot> &snapshot);
    /// Another world: other quantities.
    void clear();

protected:
    void showEvent(QShowEvent *event) override;
    void changeEvent(QEvent *event) override;

private:
    /// Of one unit.
    struct Chart {
        QChartView *view = nullptr;
        QValueAxis *time = nullptr;
        QValueAxis *value = nullptr;
        std::map<QString, QLineSeries *> lines; // by name
    };
    Chart &chartFor(const QString &unit);
    QLineSeries &lineFor(Chart &chart, const QString &name);
    void refresh();
    void restyle();
    void restyle(Chart &chart);

    std::shared_ptr<const world::Snapshot> m_snapshot;
    Theme m_theme;
    QGridLayout *m_grid;
    QLabel *m_empty;
    std::map<QString, Chart> m_charts; // by unit
};

} // namespace queuelab::ui
