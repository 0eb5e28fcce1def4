#include "ui/panels/timeline_bar.h"

#include "engine/core/time.h"
#include "ui/panels/time_axis.h"
#include "ui/stages/words.h"
#include "ui/theme/style_sheet.h"
#include "ui/window/actions.h"

#include <QAction>
#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>
#include <QVBoxLayout>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

TimelineBar::TimelineBar(const Actions &actions, QWidget *parent)
    : QFrame(parent)
    , m_time(new QLabel(u"0:00.000"_s, this))
    , m_note(new QLabel(this))
    , m_speed(new QComboBox(this))
    , m_axis(new TimeAxis(this))
{
    setRole(*this, "card");
    setRole(*m_time, "mono");
    setRole(*m_note, "small");
    m_time->setObjectName(u"timeline.time"_s);
    m_time->setAccessibleName(tr("Virtual time"));

    m_speed->setObjectName(u"timeline.speed"_s);
    m_speed->setToolTip(tr("Speed: virtual seconds a second (%1 slower, %2 faster)")
            .arg(actions.slower->shortcut().toString(QKeySequence::NativeText),
                actions.faster->shortcut().toString(QKeySequence::NativeText)));
    m_speed->addItem(tr("speed auto"));
    for (const double speed : {0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 10.0, 60.0, 600.0, 3600.0})
        m_speed->addItem(tr("speed %1×").arg(speed), speed);
    m_speed->addItem(tr("speed max"), 0.0);
    connect(m_speed, &QComboBox::currentIndexChanged, this, [this](int index) {
        const QVariant speed = m_speed->itemData(index);
        Q_EMIT speedChosen(speed.isValid() ? std::optional(speed.toDouble()) : std::nullopt);
    });
    const auto shift = [this](int by) {
        m_speed->setCurrentIndex(std::clamp(m_speed->currentIndex() + by, 0, m_speed->count() - 1));
    };
    connect(actions.slower, &QAction::triggered, this, [shift] { shift(-1); });
    connect(actions.faster, &QAction::triggered, this, [shift] { shift(1); });

    auto *buttons = new QHBoxLayout;
    buttons->setSpacing(5);
    buttons->addWidget(addButton(actions.toStart, "media"));
    buttons->addWidget(addButton(actions.stepBack, "media"));
    buttons->addWidget(addButton(actions.play, "media-main"));
    buttons->addWidget(addButton(actions.stepForward, "media"));
    buttons->addWidget(addButton(actions.nextEvent, "media"));
    setTabOrder(buttons->itemAt(buttons->count() - 1)->widget(), m_speed);
    setTabOrder(m_speed, m_axis);

    auto *clock = new QHBoxLayout;
    clock->addWidget(m_time);
    clock->addSpacing(8);
    clock->addWidget(m_note, 1);
    auto *left = new QVBoxLayout;
    left->setSpacing(2);
    auto *top = new QHBoxLayout;
    top->addLayout(buttons);
    top->addSpacing(6);
    top->addWidget(m_speed);
    top->addStretch(1);
    left->addLayout(top);
    left->addLayout(clock);

    auto *row = new QHBoxLayout(this);
    row->setContentsMargins(12, 6, 8, 6);
    row->setSpacing(14);
    row->addLayout(left);
    row->addWidget(m_axis, 1);
    setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Fixed);
    restyle();
}

QToolButton *TimelineBar::addButton(QAction *action, const char *role)
{
    auto *button = new QToolButton(this);
    button->setDefaultAction(action);
    button->setToolButtonStyle(Qt::ToolButtonIconOnly);
    setRole(*button, role);
    return button;
}

void TimelineBar::setClock(const Clock &clock)
{
    m_time->setText(clockText(clock.position));
    QString note;
    if (clock.seeking)
        note = tr("on its way …");
    else if (clock.playing && clock.speed == 0)
        note = tr("as fast as it goes");
    else if (clock.playing)
        note = tr("playing at %1×").arg(clock.speed, 0, 'g', 3);
    else if (clock.position < clock.end)
        note = tr("in the past");
    else
        note = tr("paused");
    m_note->setText(note);
    m_axis->setClock(clock);
}

void TimelineBar::restyle()
{
    const Theme theme = Theme::of(*this);
    // A fixed width, so that the axis does not move with every digit.
    m_time->setMinimumWidth(QFontMetrics(theme.monoFont()).horizontalAdvance(u"00:00:00.000"_s));
    for (QToolButton *button : findChildren<QToolButton *>())
        button->setIconSize(QSize(theme.px(16), theme.px(16)));
}

void TimelineBar::changeEvent(QEvent *event)
{
    if (event->type() == QEvent::FontChange)
        restyle();
    QFrame::changeEvent(event);
}

} // namespace queuelab::ui
