#include "ui/panels/lesson_panel.h"

#include "ui/panels/result_list.h"
#include "ui/theme/style_sheet.h"
#include "ui/widgets/prose_label.h"
#include "ui/widgets/step_dashes.h"
#include "ui/window/actions.h"

#include <QAbstractButton>
#include <QAction>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QScrollBar>
#include <QVBoxLayout>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

LessonPanel::LessonPanel(const Actions &actions, QWidget *parent)
    : QFrame(parent)
    , m_actions(actions)
    , m_count(new QLabel(this))
    , m_dashes(new StepDashes(this))
    , m_title(new QLabel(this))
    , m_scroll(new QScrollArea(this))
    , m_live(new QWidget(this))
    , m_progress(new QProgressBar(m_live))
    , m_again(new QPushButton(tr("Again"), this))
    , m_go(new QPushButton(this))
{
    setRole(*this, "card");
    setRole(*m_count, "small");
    setRole(*m_title, "title");
    setRole(*m_go, "primary");
    m_title->setWordWrap(true);
    m_title->setObjectName(u"lesson.title"_s);
    m_count->setObjectName(u"lesson.count"_s);
    m_go->setObjectName(u"lesson.go"_s);
    m_again->setObjectName(u"lesson.again.button"_s);
    m_scroll->setObjectName(u"lesson.text"_s);
    m_scroll->setWidgetResizable(true);
    m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    m_scroll->setFrameShape(QFrame::NoFrame);

    // What the run said is what one wants to read once it is there: when the text has grown, it
    // comes into sight.
    connect(m_scroll->verticalScrollBar(), &QScrollBar::rangeChanged, this, [this] {
        if (m_reveal)
            m_scroll->verticalScrollBar()->setValue(m_reveal->y());
    });

    m_progress->setRange(0, 1000);
    auto *cancel = new QPushButton(tr("Cancel"), m_live);
    cancel->setObjectName(u"lesson.cancelLive"_s);
    connect(cancel, &QPushButton::clicked, this, &LessonPanel::cancelLiveWished);
    auto *liveRow = new QHBoxLayout(m_live);
    liveRow->setContentsMargins(0, 0, 0, 0);
    liveRow->addWidget(m_progress, 1);
    liveRow->addWidget(cancel);
    m_live->hide();

    m_again->setToolTip(actionToolTip(*actions.again));
    m_go->setToolTip(actionToolTip(*actions.runStep));
    connect(m_again, &QPushButton::clicked, this, [this] { Q_EMIT againWished(m_step); });
    connect(m_go, &QPushButton::clicked, this, &LessonPanel::goOn);

    auto *head = new QHBoxLayout;
    head->addWidget(m_count);
    head->addStretch(1);
    head->addWidget(m_dashes);
    auto *foot = new QHBoxLayout;
    foot->addWidget(m_again);
    foot->addStretch(1);
    foot->addWidget(m_go);
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(14, 12, 14, 12);
    column->setSpacing(8);
    column->addLayout(head);
    column->addWidget(m_title);
    column->addWidget(m_scroll, 1);
    column->addWidget(m_live);
    column->addLayout(foot);
    setMinimumWidth(Theme::of(*this).px(300));
    setSandbox();
}

void LessonPanel::clear()
{
    m_prediction = nullptr;
    m_reveal = nullptr;
    m_body = new QWidget;
    // Whatever stands in it, the text is as wide as the panel and not wider.
    m_body->setMinimumWidth(1);
    m_column = new QVBoxLayout(m_body);
    m_column->setContentsMargins(0, 0, 8, 0);
    m_column->setSpacing(10);
    m_column->addStretch(1);
    m_scroll->setWidget(m_body); // deletes the one before
}

QLabel *LessonPanel::addText(const QString &markdown)
{
    auto *label = new ProseLabel(markdown, Qt::MarkdownText, m_body);
    m_column->insertWidget(m_column->count() - 1, label);
    return label;
}

void LessonPanel::addCaption(const QString &text)
{
    auto *label = new QLabel(text, m_body);
    setRole(*label, "caption");
    m_column->insertWidget(m_column->count() - 1, label);
}

void LessonPanel::setLesson(const lessons::Lesson &lesson, Begin begin)
{
    m_lesson = lesson;
    m_again->show();
    m_go->show();
    m_dashes->show();
    showStep(0, begin);
}

void LessonPanel::setSandbox()
{
    m_lesson.reset();
    m_state = State::Waiting;
    clear();
    m_count->setText(tr("Sandbox"));
    m_title->setText(tr("Build it by hand"));
    m_dashes->hide();
    m_again->hide();
    m_go->hide();
    m_live->hide();
    addText(tr(
        "An empty world with a Kafka cluster, a RabbitMQ broker and SQS. Time runs already.\n\n"
        "Press **%1** and type what you want: *create topic*, *add producer*, *add consumer*, "
        "*declare queue*, *add worker*. Every field says what it means and what it is when you "
        "leave "
        "it alone.\n\n"
        "**%2** breaks things: crash a consumer, kill a broker, cut a link.\n\n"
        "Drag the time bar back to any moment. What you change there starts another future; the "
        "one you left stays on the bar as a dashed line.\n\n"
        "**%3** saves all of it as a session: a seed and a list of timed commands, which gives the "
        "same run again on every machine.")
            .arg(m_actions.commands->shortcut().toString(QKeySequence::NativeText),
                m_actions.faults->shortcut().toString(QKeySequence::NativeText),
                m_actions.save->shortcut().toString(QKeySequence::NativeText)));
}

void LessonPanel::showStep(std::size_t index, Begin begin)
{
    if (!m_lesson || index >= m_lesson->steps.size())
        return;
    const lessons::Step &step = m_lesson->steps[index];
    const int steps = static_cast<int>(m_lesson->steps.size());
    m_step = index;
    m_state = State::Waiting;
    clear();
    m_live->hide();
    m_count->setText(tr("Step %1 of %2").arg(index + 1).arg(steps));
    m_dashes->setProgress(static_cast<int>(index), steps);
    m_title->setText(
        withBreaks(QString::fromStdString(step.title.empty() ? m_lesson->title : step.title)));
    if (!step.say.empty())
        addText(QString::fromStdString(step.say));
    if (step.prediction) {
        m_prediction = new PredictionCard(*step.prediction, m_body);
        connect(m_prediction, &PredictionCard::answered, this, &LessonPanel::updateButtons);
        m_column->insertWidget(m_column->count() - 1, m_prediction);
        // It was made after everything else, and would be reached last.
        QWidget *before = m_scroll;
        for (QAbstractButton *button : m_prediction->findChildren<QAbstractButton *>()) {
            setTabOrder(before, button);
            before = button;
        }
        setTabOrder(before, m_again);
        setTabOrder(m_again, m_go);
    }
    updateButtons();
    if (begin == Begin::Running || (begin == Begin::AsWritten && !step.prediction)) {
        m_state = State::Running; // the question stays open until the run answers it
        if (m_prediction)
            m_prediction->watch();
        m_dashes->setProgress(static_cast<int>(index) + 1, steps);
        updateButtons();
        Q_EMIT runWished();
    }
}

bool LessonPanel::canRun() const
{
    return m_lesson && m_state == State::Waiting && (!m_prediction || m_prediction->answer());
}

void LessonPanel::goOn()
{
    if (!m_lesson)
        return;
    if (canRun()) {
        showRunning();
        Q_EMIT runWished();
    } else if (m_state == State::Judged) {
        if (m_step + 1 < m_lesson->steps.size())
            showStep(m_step + 1, Begin::AsWritten);
        else
            Q_EMIT nextLessonWished();
    }
}

void LessonPanel::showRunning()
{
    m_state = State::Running;
    if (m_prediction)
        m_prediction->lock();
    m_dashes->setProgress(static_cast<int>(m_step) + 1, static_cast<int>(m_lesson->steps.size()));
    updateButtons();
}

void LessonPanel::showResult(const lessons::StepResult &result)
{
    if (!m_lesson || result.index != m_step || m_state == State::Judged)
        return;
    m_state = State::Judged;
    m_dashes->setProgress(static_cast<int>(m_step) + 1, static_cast<int>(m_lesson->steps.size()));
    const lessons::Step &step = m_lesson->steps[m_step];
    if (m_prediction) {
        m_prediction->lock();
        m_prediction->reveal();
        if (const std::optional<PredictionCard::Answer> answer = m_prediction->answer())
            Q_EMIT predicted(m_step, answer->choice, answer->surePercent, answer->right);
    }
    auto *results = new ResultList(result, m_body);
    m_column->insertWidget(m_column->count() - 1, results);
    QString because = QString::fromStdString(step.because);
    if (step.prediction && !step.prediction->because.empty())
        because = QString::fromStdString(step.prediction->because)
            + (because.isEmpty() ? QString() : u"\n\n"_s + because);
    if (!because.isEmpty()) {
        addCaption(tr("Why"));
        addText(because);
    }
    if (m_step + 1 == m_lesson->steps.size())
        showEnd();
    if (!step.proves.empty()) {
        QStringList claims;
        for (const std::string &claim : step.proves)
            claims += QString::fromStdString(claim);
        setRole(*addText(tr("proves %1").arg(claims.join(u", "_s))), "small");
    }
    updateButtons();
    m_reveal = m_prediction ? static_cast<QWidget *>(m_prediction) : results;
}

void LessonPanel::showEnd()
{
    if (!m_lesson->interview.empty()) {
        addCaption(tr("In an interview, say"));
        QLabel *label = addText(QString::fromStdString(m_lesson->interview));
        setRole(*label, "heading");
    }
    if (!m_lesson->nuance.empty()) {
        addCaption(tr("Where it stops being true"));
        addText(QString::fromStdString(m_lesson->nuance));
    }
}

void LessonPanel::showLiveProgress(double progress)
{
    m_live->setVisible(progress >= 0);
    m_progress->setValue(static_cast<int>(progress * 1000));
    m_progress->setFormat(tr("running on this machine, %p%"));
}

void LessonPanel::changeEvent(QEvent *event)
{
    if (event->type() == QEvent::FontChange)
        setMinimumWidth(Theme::of(*this).px(300));
    QFrame::changeEvent(event);
}

void LessonPanel::updateButtons()
{
    if (!m_lesson)
        return;
    const bool last = m_step + 1 == m_lesson->steps.size();
    const QString keys = m_actions.runStep->shortcut().toString(QKeySequence::NativeText);
    switch (m_state) {
    case State::Waiting:
        m_go->setText(tr("Run"));
        m_go->setEnabled(canRun());
        m_go->setToolTip(canRun()
                ? actionToolTip(*m_actions.runStep)
                : tr("Choose an answer and say how sure you are, then run (%1)").arg(keys));
        break;
    case State::Running:
        m_go->setText(tr("Running …"));
        m_go->setEnabled(false);
        break;
    case State::Judged:
        m_go->setText(last ? tr("Next lesson") : tr("Next step"));
        m_go->setEnabled(true);
        m_go->setToolTip(actionToolTip(*m_actions.runStep));
        break;
    }
    m_again->setEnabled(m_state != State::Waiting);
}

} // namespace queuelab::ui
