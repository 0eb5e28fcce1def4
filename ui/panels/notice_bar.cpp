#include "ui/panels/notice_bar.h"

#include "ui/theme/style_sheet.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QToolButton>

namespace queuelab::ui {

using namespace Qt::StringLiterals;
using namespace std::chrono_literals;

NoticeBar::NoticeBar(QWidget *parent)
    : QFrame(parent)
    , m_text(new QLabel(this))
{
    setObjectName(u"notice"_s);
    m_text->setObjectName(u"notice.text"_s);
    m_text->setWordWrap(true);
    m_text->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto *close = new QToolButton(this);
    close->setText(u"×"_s);
    close->setAccessibleName(tr("Close the message"));
    close->setToolTip(tr("Close the message"));
    close->setFocusPolicy(Qt::TabFocus);
    setRole(*close, "flat");
    connect(close, &QToolButton::clicked, this, &QWidget::hide);
    m_fade.setSingleShot(true);
    m_fade.setInterval(4s);
    connect(&m_fade, &QTimer::timeout, this, &QWidget::hide);
    auto *row = new QHBoxLayout(this);
    row->setContentsMargins(12, 4, 6, 4);
    row->addWidget(m_text, 1);
    row->addWidget(close, 0, Qt::AlignTop);
    hide();
}

void NoticeBar::showProblem(const QString &text)
{
    qInfo("shown: %s", qUtf8Printable(text)); // for the program's log
    m_fade.stop();
    m_text->setText(text);
    setRole(*this, "tint-dead");
    show();
}

void NoticeBar::showDone(const QString &text)
{
    m_text->setText(text);
    setRole(*this, "tint-done");
    show();
    m_fade.start();
}

QString NoticeBar::text() const
{
    return isVisible() ? m_text->text() : QString();
}

} // namespace queuelab::ui
