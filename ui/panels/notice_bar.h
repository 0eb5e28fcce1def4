#pragma once

#include <QFrame>
#include <QTimer>

class QLabel;

namespace queuelab::ui {

/// One line over the stage: what went wrong stays until it is closed, what went well goes by
/// itself.
class NoticeBar final : public QFrame {
    Q_OBJECT

public:
    explicit NoticeBar(QWidget *parent = nullptr);

    void showProblem(const QString &text);
    void showDone(const QString &text);
    QString text() const;

private:
    QLabel *m_text;
    QTimer m_fade;
};

} // namespace queuelab::ui
