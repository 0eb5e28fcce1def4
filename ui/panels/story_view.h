#pragma once

#include "ui/stages/stage.h"
#include "ui/theme/theme.h"

#include <QWidget>

#include <vector>

namespace queuelab::ui {

/// A life story: a line with a dot for each event, its time and what happened, oldest first.
class StoryView final : public QWidget {
    Q_OBJECT

public:
    explicit StoryView(QWidget *parent = nullptr);

    void setRows(std::vector<EventRow> rows);
    QSize sizeHint() const override;

Q_SIGNALS:
    void seekWished(qint64 at);

protected:
    void paintEvent(QPaintEvent *event) override;
    void mouseDoubleClickEvent(QMouseEvent *event) override;
    bool event(QEvent *event) override;

private:
    int rowHeight() const;
    int rowAt(const QPoint &position) const;

    std::vector<EventRow> m_rows;
    Theme m_theme;
};

} // namespace queuelab::ui
