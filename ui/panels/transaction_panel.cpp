#include "ui/panels/transaction_panel.h"

#include "ui/widgets/tables.h"

#include <QEvent>
#include <QHeaderView>
#include <QTableView>
#include <QVBoxLayout>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

TransactionPanel::TransactionPanel(QWidget *parent)
    : QWidget(parent)
    , m_model(new TransactionModel(this))
    , m_table(new QTableView(this))
{
    setObjectName(u"transactions"_s);
    m_table->setObjectName(u"transactions.table"_s);
    m_table->setAccessibleName(tr("Transactions"));
    m_table->setModel(m_model);
    setUpTable(*m_table);
    m_table->setToolTip(tr("Click for the producer that uses the transactional id"));
    connect(m_table, &QTableView::clicked, this, [this](const QModelIndex &index) {
        const QString client = m_model->at(index.row()).client;
        if (!client.isEmpty())
            Q_EMIT picked({Thing::Kind::Client, client.section(u", "_s, 0, 0), -1, {}});
    });
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(m_table);
    restyle();
}

void TransactionPanel::setSnapshot(const std::shared_ptr<const world::Snapshot> &snapshot)
{
    m_snapshot = snapshot;
    if (isVisible())
        m_model->setRows(transactionRows(*m_snapshot));
}

void TransactionPanel::showEvent(QShowEvent *event)
{
    QWidget::showEvent(event);
    if (m_snapshot)
        m_model->setRows(transactionRows(*m_snapshot));
}

void TransactionPanel::restyle()
{
    const Theme theme = Theme::of(*this);
    m_model->setTheme(theme);
    m_table->verticalHeader()->setDefaultSectionSize(theme.px(22));
    m_table->setColumnWidth(TransactionModel::IdColumn, theme.px(120));
    m_table->setColumnWidth(TransactionModel::StateColumn, theme.px(110));
    m_table->setColumnWidth(TransactionModel::TimeLeftColumn, theme.px(76));
    m_table->setColumnWidth(TransactionModel::ProducerIdColumn, theme.px(84));
    m_table->setColumnWidth(TransactionModel::EpochColumn, theme.px(54));
    m_table->setColumnWidth(TransactionModel::ClientColumn, theme.px(90));
    m_table->setColumnWidth(TransactionModel::FencedColumn, theme.px(190));
    m_table->setColumnWidth(TransactionModel::CoordinatorColumn, theme.px(84));
}

void TransactionPanel::changeEvent(QEvent *event)
{
    if (event->type() == QEvent::PaletteChange || event->type() == QEvent::FontChange)
        restyle();
    QWidget::changeEvent(event);
}

} // namespace queuelab::ui
