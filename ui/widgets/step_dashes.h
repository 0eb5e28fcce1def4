#pragma once

#include <QWidget>

namespace queuelab::ui {

/// How far one has come: a dash for each step, those begun in colour.
class StepDashes final : public QWidget {
    Q_OBJECT

public:
    using QWidget::QWidget;
    void setProgress(int begun, int steps);
    QSize sizeHint() const override;

protected:
    void paintEvent(QPaintEvent *event) override;

private:
    int m_begun = 0;
    int m_steps = 0;
};

} // namespace queuelab::ui
