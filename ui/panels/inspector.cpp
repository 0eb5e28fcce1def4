#include "ui/panels/inspector.h"

#include "ui/panels/story_view.h"
#include "ui/theme/style_sheet.h"
#include "ui/widgets/prose_label.h"

#include <QGridLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QScrollArea>
#include <QToolButton>
#include <QVBoxLayout>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

Inspector::Inspector(QWidget *parent)
    : QFrame(parent)
    , m_kind(new QLabel(this))
    , m_title(new QLabel(this))
    , m_facts(new QGridLayout)
    , m_storyTitle(new QLabel(tr("What happened to it"), this))
    , m_story(new StoryView(this))
    , m_scroll(new QScrollArea(this))
{
    setObjectName(u"inspector"_s);
    setRole(*this, "card");
    setRole(*m_kind, "small");
    setRole(*m_title, "heading");
    setRole(*m_storyTitle, "caption");
    m_title->setObjectName(u"inspector.title"_s);
    m_title->setTextInteractionFlags(Qt::TextSelectableByMouse);
    auto *close = new QToolButton(this);
    close->setText(u"×"_s);
    close->setAccessibleName(tr("Close"));
    close->setToolTip(tr("Close (Esc)"));
    close->setFocusPolicy(Qt::TabFocus);
    setRole(*close, "flat");
    connect(close, &QToolButton::clicked, this, &Inspector::closeWished);
    connect(m_story, &StoryView::seekWished, this, &Inspector::seekWished);

    auto *head = new QHBoxLayout;
    head->addWidget(m_title);
    head->addWidget(m_kind);
    head->addStretch(1);
    head->addWidget(close);

    m_facts->setColumnStretch(0, 2);
    m_facts->setColumnStretch(1, 3);
    m_facts->setHorizontalSpacing(12);
    m_facts->setVerticalSpacing(2);
    auto *body = new QWidget;
    auto *bodyColumn = new QVBoxLayout(body);
    bodyColumn->setContentsMargins(0, 0, 6, 0);
    bodyColumn->addLayout(m_facts);
    bodyColumn->addSpacing(4);
    bodyColumn->addWidget(m_storyTitle);
    bodyColumn->addWidget(m_story);
    bodyColumn->addStretch(1);
    m_scroll->setWidget(body);
    m_scroll->setWidgetResizable(true);
    m_scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);

    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(12, 8, 8, 8);
    column->setSpacing(4);
    column->addLayout(head);
    column->addWidget(m_scroll, 1);
    setMinimumSize(240, 110);
}

void Inspector::setThing(const Thing &thing)
{
    m_thing = thing;
    m_story->setRows({});
    m_storyTitle->hide();
    refresh();
}

void Inspector::setSnapshot(const std::shared_ptr<const world::Snapshot> &snapshot)
{
    m_snapshot = snapshot;
    if (m_thing.kind != Thing::Kind::None && isVisible())
        refresh();
}

void Inspector::setStory(const std::vector<EventRow> &rows)
{
    m_storyTitle->setVisible(!rows.empty());
    m_story->setRows(rows);
}

void Inspector::refresh()
{
    if (!m_snapshot)
        return;
    ThingFacts found = factsOf(*m_snapshot, m_thing);
    if (found.facts.empty())
        found = {found.kind, m_thing.name, {{tr("state"), tr("not in this world now")}}};
    m_kind->setText(found.kind);
    m_title->setText(found.title);

    // Labels are reused: facts change every frame, their number seldom.
    while (m_facts->count() > static_cast<int>(found.facts.size()) * 2)
        delete m_facts->takeAt(m_facts->count() - 1)->widget();
    for (std::size_t i = 0; i < found.facts.size(); ++i) {
        const int row = static_cast<int>(i);
        if (m_facts->count() <= row * 2) {
            auto *name = new ProseLabel({}, Qt::PlainText, m_scroll->widget());
            auto *value = new ProseLabel({}, Qt::PlainText, m_scroll->widget());
            setRole(*name, "small");
            setRole(*value, "mono");
            name->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
            value->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
            m_facts->addWidget(name, row, 0, Qt::AlignTop);
            m_facts->addWidget(value, row, 1);
        }
        const auto label = [&](int column) {
            return qobject_cast<ProseLabel *>(m_facts->itemAt(row * 2 + column)->widget());
        };
        label(0)->setProse(found.facts[i].name);
        label(1)->setProse(found.facts[i].value);
    }
}

} // namespace queuelab::ui
