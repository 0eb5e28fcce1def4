#pragma once

#include "lessons/lesson.h"
#include "lessons/runner.h"
#include "ui/panels/prediction_card.h"

#include <QFrame>

#include <optional>

class QLabel;
class QProgressBar;
class QPushButton;
class QScrollArea;
class QVBoxLayout;

namespace queuelab::ui {

class Actions;
class StepDashes;

/// The lesson beside the stage: the step's text, the question, what the run said, and why. One
/// button goes on: it runs the step, goes to the next, or opens the next lesson.
class LessonPanel final : public QFrame {
    Q_OBJECT

public:
    explicit LessonPanel(const Actions &actions, QWidget *parent = nullptr);

    enum class Begin {
        AsWritten, ///< a question waits for its answer, a step without one runs at once
        Running, ///< the first step runs although it asks: there is something to see at once
        Standing, ///< nothing runs by itself
    };
    void setLesson(const lessons::Lesson &lesson, Begin begin = Begin::AsWritten);
    void setSandbox();
    /// Shows step `index` as not yet run.
    void showStep(std::size_t index, Begin begin);
    /// The step runs, on whoever's wish.
    void showRunning();
    void showResult(const lessons::StepResult &result);
    /// The live part: 0 to 1; negative when it has ended.
    void showLiveProgress(double progress);

    /// Presses the one button that goes on, if it can be pressed.
    void goOn();
    /// The step shown waits to be run, and nothing is missing for it.
    bool canRun() const;
    std::size_t step() const { return m_step; }
    PredictionCard *prediction() { return m_prediction; }

Q_SIGNALS:
    void runWished();
    void againWished(std::size_t step);
    void nextLessonWished();
    void cancelLiveWished();
    /// The step was run with this answer to its question.
    void predicted(std::size_t step, std::size_t choice, int surePercent, bool right);

protected:
    void changeEvent(QEvent *event) override;

private:
    enum class State { Waiting, Running, Judged };
    void clear();
    QLabel *addText(const QString &markdown);
    void addCaption(const QString &text);
    void updateButtons();
    void showEnd();

    const Actions &m_actions;
    std::optional<lessons::Lesson> m_lesson;
    std::size_t m_step = 0;
    State m_state = State::Waiting;

    QLabel *m_count;
    StepDashes *m_dashes;
    QLabel *m_title;
    QScrollArea *m_scroll;
    QWidget *m_body = nullptr;
    QVBoxLayout *m_column = nullptr;
    PredictionCard *m_prediction = nullptr;
    QWidget *m_reveal = nullptr; // in m_body; nothing before the step was judged
    QWidget *m_live;
    QProgressBar *m_progress;
    QPushButton *m_again;
    QPushButton *m_go;
};

} // namespace queuelab::ui
