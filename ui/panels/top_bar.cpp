#include "ui/panels/top_bar.h"

#include "ui/theme/style_sheet.h"
#include "ui/window/actions.h"

#include <QAction>
#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

TopBar::TopBar(const Actions &actions, QWidget *parent)
    : QFrame(parent)
    , m_place(new QLabel(this))
    , m_mode(new QLabel(this))
{
    setObjectName(u"topbar"_s);
    setRole(*this, "bar");
    auto *brand = new QLabel(u"Queuelab"_s, this);
    setRole(*brand, "brand");
    m_place->setObjectName(u"topbar.place"_s);
    m_place->setTextFormat(Qt::RichText);
    m_place->setSizePolicy(
        QSizePolicy::Ignored, QSizePolicy::Preferred); // gives way when it is narrow
    m_mode->setObjectName(u"topbar.mode"_s);
    setRole(*m_mode, "badge");
    m_mode->setSizePolicy(QSizePolicy::Preferred, QSizePolicy::Fixed);

    auto *row = new QHBoxLayout(this);
    row->setContentsMargins(16, 6, 12, 6);
    row->setSpacing(8);
    row->addWidget(brand);
    row->addSpacing(24);
    row->addWidget(m_place, 1);
    row->addWidget(m_mode);
    m_faults = addButton(actions.faults, false);
    row->addWidget(m_faults);
    row->addWidget(addButton(actions.commands, false));
    row->addWidget(addButton(actions.theme, true));
}

QToolButton *TopBar::addButton(QAction *action, bool icon)
{
    auto *button = new QToolButton(this);
    button->setObjectName(u"topbar."_s + action->objectName());
    button->setFocusPolicy(Qt::TabFocus);
    if (icon) {
        button->setDefaultAction(action);
        button->setToolButtonStyle(Qt::ToolButtonIconOnly);
        setRole(*button, "media");
        return button;
    }
    // The words carry the shortcut, as it is what one should learn.
    button->setText(
        action->text() + u"  "_s + action->shortcut().toString(QKeySequence::NativeText));
    button->setToolTip(action->toolTip());
    connect(button, &QToolButton::clicked, action, &QAction::trigger);
    return button;
}

void TopBar::setPlace(const QStringList &parts)
{
    QStringList shown;
    for (const QString &part : parts.mid(0, parts.size() - 1))
        shown += part.toHtmlEscaped();
    if (!parts.isEmpty())
        shown += u"<b>%1</b>"_s.arg(parts.last().toHtmlEscaped());
    m_place->setText(shown.join(u" &nbsp;›&nbsp; "_s));
}

void TopBar::setMode(world::Mode mode, quint64 seed)
{
    switch (mode) {
    case world::Mode::Deterministic:
        m_mode->setText(tr("Deterministic · seed %1").arg(seed));
        m_mode->setToolTip(tr("Virtual time, simulated clients: the same seed and commands give "
                              "the same run, byte for byte"));
        break;
    case world::Mode::Live:
        m_mode->setText(tr("Live"));
        m_mode->setToolTip(tr("Wall clock and real clients"));
        break;
    }
}

} // namespace queuelab::ui
