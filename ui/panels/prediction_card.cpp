#include "ui/panels/prediction_card.h"

#include "ui/theme/style_sheet.h"
#include "ui/widgets/choice_button.h"
#include "ui/widgets/prose_label.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

PredictionCard::PredictionCard(const lessons::Prediction &prediction, QWidget *parent)
    : QFrame(parent)
    , m_prediction(prediction)
    , m_caption(new QLabel(tr("Before you run it"), this))
    , m_choices(new QButtonGroup(this))
    , m_sure(new QButtonGroup(this))
{
    setObjectName(u"lesson.prediction"_s);
    setRole(*this, "raised");
    setRole(*m_caption, "ask");
    auto *question = new ProseLabel(QString::fromStdString(prediction.ask), Qt::MarkdownText, this);
    setRole(*question, "question");

    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(12, 10, 12, 12);
    column->setSpacing(6);
    column->addWidget(m_caption);
    column->addWidget(question);
    for (std::size_t i = 0; i < prediction.choices.size(); ++i) {
        auto *button = new ChoiceButton(QString::fromStdString(prediction.choices[i]), this);
        button->setObjectName(u"lesson.choice.%1"_s.arg(i + 1));
        if (i < 4) { // the higher digits say how sure one is
            const QKeySequence keys(
                QKeyCombination(Qt::ALT, Qt::Key(Qt::Key_1 + static_cast<int>(i))));
            button->setShortcut(keys);
            button->setToolTip(tr("Choose this (%1)").arg(keys.toString(QKeySequence::NativeText)));
        }
        m_choices->addButton(button, static_cast<int>(i));
        m_buttons.push_back(button);
        column->addWidget(button);
    }

    auto *row = new QHBoxLayout;
    row->setSpacing(8);
    auto *how = new QLabel(tr("How sure?"), this);
    setRole(*how, "small");
    row->addWidget(how);
    for (const int percent : {50, 70, 90}) {
        auto *chip = new QPushButton(tr("%1%").arg(percent), this);
        chip->setObjectName(u"lesson.sure.%1"_s.arg(percent));
        chip->setCheckable(true);
        setRole(*chip, "chip");
        const QKeySequence keys(QKeyCombination(Qt::ALT, Qt::Key(Qt::Key_0 + percent / 10)));
        chip->setShortcut(keys);
        chip->setToolTip(
            tr("I am %1 % sure (%2)").arg(percent).arg(keys.toString(QKeySequence::NativeText)));
        m_sure->addButton(chip, percent);
        row->addWidget(chip);
    }
    row->addStretch(1);
    column->addSpacing(2);
    column->addLayout(row);

    const auto changed = [this] {
        if (answer())
            Q_EMIT answered();
    };
    connect(m_choices, &QButtonGroup::idClicked, this, changed);
    connect(m_sure, &QButtonGroup::idClicked, this, changed);
}

std::optional<PredictionCard::Answer> PredictionCard::answer() const
{
    if (m_choices->checkedId() < 0 || m_sure->checkedId() < 0)
        return std::nullopt;
    const auto choice = static_cast<std::size_t>(m_choices->checkedId());
    return Answer{.choice = choice,
        .surePercent = m_sure->checkedId(),
        .right = choice == m_prediction.answer};
}

void PredictionCard::setAnswer(std::size_t choice, int surePercent)
{
    if (QAbstractButton *button = m_choices->button(static_cast<int>(choice)))
        button->setChecked(true);
    if (QAbstractButton *button = m_sure->button(surePercent))
        button->setChecked(true);
}

void PredictionCard::watch()
{
    m_caption->setText(tr("While it runs"));
}

void PredictionCard::lock()
{
    m_caption->setText(tr("You predicted"));
    setRole(*m_caption, "caption");
    for (QAbstractButton *button : m_choices->buttons())
        button->setEnabled(false);
    for (QAbstractButton *button : m_sure->buttons())
        button->setEnabled(false);
}

void PredictionCard::reveal()
{
    const std::optional<Answer> given = answer();
    for (std::size_t i = 0; i < m_buttons.size(); ++i) {
        if (i == m_prediction.answer)
            m_buttons[i]->setVerdict(ChoiceButton::Verdict::Right);
        else if (given && given->choice == i)
            m_buttons[i]->setVerdict(ChoiceButton::Verdict::Wrong);
    }
}

} // namespace queuelab::ui
