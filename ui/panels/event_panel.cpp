#include "ui/panels/event_panel.h"

#include "ui/widgets/tables.h"

#include <QComboBox>
#include <QEvent>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLineEdit>
#include <QTableView>
#include <QVBoxLayout>

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

void EventFilter::setText(const QString &text)
{
    m_text = text.trimmed();
    invalidateFilter();
}

void EventFilter::setWeight(EventWeight weight)
{
    m_weight = weight;
    invalidateFilter();
}

bool EventFilter::filterAcceptsRow(int row, const QModelIndex &parent) const
{
    const QModelIndex index = sourceModel()->index(row, 0, parent);
    if (index.data(EventModel::WeightRole).toInt() < static_cast<int>(m_weight))
        return false;
    return m_text.isEmpty()
        || index.data(EventModel::SearchRole).toString().contains(m_text, Qt::CaseInsensitive);
}

EventPanel::EventPanel(QWidget *parent)
    : QWidget(parent)
    , m_model(new EventModel(this))
    , m_filter(new EventFilter(this))
    , m_table(new QTableView(this))
    , m_bar(new QWidget(this))
{
    m_filter->setSourceModel(m_model);
    m_table->setObjectName(u"events.table"_s);
    m_table->setAccessibleName(tr("Events, newest first"));
    m_table->setModel(m_filter);
    setUpTable(*m_table);

    auto *text = new QLineEdit(m_bar);
    text->setObjectName(u"events.filter"_s);
    text->setPlaceholderText(tr("Filter events"));
    text->setClearButtonEnabled(true);
    text->setMaximumWidth(106);
    connect(text, &QLineEdit::textChanged, m_filter, &EventFilter::setText);
    auto *weight = new QComboBox(m_bar);
    weight->setObjectName(u"events.weight"_s);
    weight->setToolTip(tr("How much an event has to matter to be listed"));
    weight->addItem(tr("All events"), static_cast<int>(EventWeight::Routine));
    weight->addItem(tr("Notable"), static_cast<int>(EventWeight::Notable));
    weight->addItem(tr("Milestones"), static_cast<int>(EventWeight::Milestone));
    connect(weight, &QComboBox::currentIndexChanged, this, [this, weight](int index) {
        m_filter->setWeight(static_cast<EventWeight>(weight->itemData(index).toInt()));
    });
    auto *bar = new QHBoxLayout(m_bar);
    bar->setContentsMargins(0, 2, 8, 2);
    bar->addWidget(text);
    bar->addWidget(weight);

    connect(m_table, &QTableView::clicked, this, [this](const QModelIndex &index) {
        if (const EventRow *row = rowOf(index))
            Q_EMIT subjectPicked(row->subject, row->item);
    });
    connect(m_table, &QTableView::activated, this, [this](const QModelIndex &index) {
        if (const EventRow *row = rowOf(index))
            Q_EMIT seekWished(row->atNs);
    });
    m_table->setToolTip(
        tr("Click for what it happened to; Enter or a double click goes back to that moment"));

    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(m_table);
    restyle();
}

const EventRow *EventPanel::rowOf(const QModelIndex &index) const
{
    const QModelIndex source = m_filter->mapToSource(index);
    return source.isValid() ? &m_model->at(source.row()) : nullptr;
}

void EventPanel::restyle()
{
    const Theme theme = Theme::of(*this);
    m_model->setTheme(theme);
    m_table->verticalHeader()->setDefaultSectionSize(theme.px(22));
    m_table->verticalHeader()->setMinimumSectionSize(theme.px(16));
    m_table->setIconSize(QSize(theme.px(14), theme.px(14)));
    shareWidth();
}

void EventPanel::shareWidth()
{
    // Why it happened has the rest of the width, and more than half of it.
    const Theme theme = Theme::of(*this);
    const int room = width();
    m_table->setColumnWidth(EventModel::TimeColumn, theme.px(86));
    m_table->setColumnWidth(
        EventModel::TitleColumn, std::clamp(room / 5, theme.px(110), theme.px(190)));
    m_table->setColumnWidth(
        EventModel::SubjectColumn, std::clamp(room / 5, theme.px(110), theme.px(240)));
}

void EventPanel::resizeEvent(QResizeEvent *event)
{
    QWidget::resizeEvent(event);
    shareWidth();
}

void EventPanel::changeEvent(QEvent *event)
{
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange)
        restyle();
    QWidget::changeEvent(event);
}

} // namespace queuelab::ui
