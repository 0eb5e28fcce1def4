#pragma once

#include "lessons/lesson.h"

#include <QFrame>

#include <optional>
#include <vector>

class QButtonGroup;
class QLabel;

namespace queuelab::ui {

class ChoiceButton;

/// The question before a step: choose, say how sure you are, then run. After the run it shows which
/// answer was right.
class PredictionCard final : public QFrame {
    Q_OBJECT

public:
    struct Answer {
        std::size_t choice = 0;
        int surePercent = 0;
        bool right = false;
    };

    explicit PredictionCard(const lessons::Prediction &prediction, QWidget *parent = nullptr);

    /// Nothing until both an answer and how sure one is are chosen.
    std::optional<Answer> answer() const;
    /// Answers for a picture or a replay: `choice` with `surePercent`.
    void setAnswer(std::size_t choice, int surePercent);
    /// The step runs already, and can be answered until its end.
    void watch();
    /// The step runs: the answer stands.
    void lock();
    /// The step has run: shows what was right.
    void reveal();

Q_SIGNALS:
    void answered(); ///< answer() has become complete, or has changed

private:
    lessons::Prediction m_prediction;
    QLabel *m_caption;
    QButtonGroup *m_choices;
    QButtonGroup *m_sure;
    std::vector<ChoiceButton *> m_buttons;
};

} // namespace queuelab::ui
