#pragma once

#include "ui/theme/theme.h"

#include <QAbstractButton>

namespace queuelab::ui {

/// One answer of a question: a round mark and text that wraps. After the run it says whether it was
/// right.
class ChoiceButton final : public QAbstractButton {
    Q_OBJECT

public:
    enum class Verdict { None, Right, Wrong };

    explicit ChoiceButton(const QString &text, QWidget *parent = nullptr);
    void setVerdict(Verdict verdict);

    QSize sizeHint() const override;
    bool hasHeightForWidth() const override { return true; }
    int heightForWidth(int width) const override;

protected:
    void paintEvent(QPaintEvent *event) override;
    void changeEvent(QEvent *event) override;

private:
    QRect textRect(int width) const;

    Theme m_theme;
    Verdict m_verdict = Verdict::None;
};

} // namespace queuelab::ui
