#include "ui/panels/transaction_model.h"

#include "ui/stages/log_words.h"
#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

TransactionRow rowOf(const log::TransactionSnapshot &transaction, const world::Snapshot &snapshot)
{
    TransactionRow row{.id = text(transaction.transactionalId),
        .state = text(transaction.state),
        .client = {},
        .fenced = {},
        .producerId = transaction.producerId,
        .producerEpoch = transaction.producerEpoch,
        .coordinator = transaction.coordinator > 0
            ? TransactionModel::tr("broker %1").arg(transaction.coordinator)
            : TransactionModel::tr("none"),
        .timeLeft = {},
        .partitions = {}};
    QStringList clients;
    QStringList fenced;
    for (const world::ClientSnapshot &client : snapshot.clients) {
        if (client.transactionalId != transaction.transactionalId)
            continue;
        const auto view = transactionOf(client, snapshot);
        if (view && view->isFenced)
            fenced += text(client.name) + u": "_s + LogWords::transactionState(*view);
        else if (client.state != world::ClientState::Stopped)
            clients += text(client.name);
    }
    row.client = clients.join(u", "_s);
    row.fenced = fenced.join(u", "_s);
    if (transaction.state == "Ongoing")
        row.timeLeft = spanText(transaction.startedAt + transaction.timeout - snapshot.now);
    QStringList partitions;
    for (const log::TopicPartition &partition : transaction.partitions)
        partitions += text(partition.name());
    row.partitions = partitions.join(u", "_s);
    return row;
}

} // namespace

std::vector<TransactionRow> transactionRows(const world::Snapshot &snapshot)
{
    std::vector<TransactionRow> rows;
    rows.reserve(snapshot.log.transactions.size());
    for (const log::TransactionSnapshot &transaction : snapshot.log.transactions)
        rows.push_back(rowOf(transaction, snapshot));
    return rows;
}

TransactionModel::TransactionModel(QObject *parent)
    : QAbstractTableModel(parent)
    , m_theme(Theme::light())
{
}

void TransactionModel::setTheme(const Theme &theme)
{
    m_theme = theme;
    m_mono = theme.monoFont(9);
    if (!m_rows.empty())
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
}

void TransactionModel::setRows(std::vector<TransactionRow> rows)
{
    std::size_t at = 0;
    for (TransactionRow &row : rows) {
        const int line = static_cast<int>(at);
        while (at < m_rows.size() && m_rows[at].id < row.id) {
            beginRemoveRows({}, line, line);
            m_rows.erase(m_rows.begin() + line);
            endRemoveRows();
        }
        if (at == m_rows.size() || m_rows[at].id != row.id) {
            beginInsertRows({}, line, line);
            m_rows.insert(m_rows.begin() + line, std::move(row));
            endInsertRows();
        } else if (m_rows[at] != row) {
            m_rows[at] = std::move(row);
            Q_EMIT dataChanged(index(line, 0), index(line, ColumnCount - 1));
        }
        ++at;
    }
    if (at < m_rows.size()) {
        beginRemoveRows({}, static_cast<int>(at), static_cast<int>(m_rows.size()) - 1);
        m_rows.resize(at);
        endRemoveRows();
    }
}

int TransactionModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int TransactionModel::columnCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : ColumnCount;
}

QString TransactionModel::text(const TransactionRow &row, int column)
{
    switch (column) {
    case IdColumn:
        return row.id;
    case StateColumn:
        return row.state;
    case TimeLeftColumn:
        return row.timeLeft;
    case ProducerIdColumn:
        return QString::number(row.producerId);
    case EpochColumn:
        return QString::number(row.producerEpoch);
    case ClientColumn:
        return row.client;
    case FencedColumn:
        return row.fenced;
    case CoordinatorColumn:
        return row.coordinator;
    case PartitionsColumn:
        return row.partitions;
    default:
        return {};
    }
}

QVariant TransactionModel::inkOf(const TransactionRow &row, int column) const
{
    if (column == FencedColumn)
        return m_theme.deadText;
    if (column != StateColumn && column != TimeLeftColumn)
        return {};
    if (row.state == u"Ongoing")
        return m_theme.inFlightText;
    if (row.state == u"CompleteCommit")
        return m_theme.doneText;
    if (row.state == u"CompleteAbort")
        return m_theme.deadText;
    return row.state.startsWith(u"Prepare") ? QVariant(m_theme.system) : QVariant(m_theme.muted);
}

QVariant TransactionModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid))
        return {};
    const TransactionRow &row = at(index.row());
    if (role == Qt::DisplayRole || role == Qt::ToolTipRole)
        return text(row, index.column());
    if (role == Qt::ForegroundRole)
        return inkOf(row, index.column());
    if (role == Qt::FontRole && index.column() != StateColumn && index.column() != FencedColumn)
        return m_mono;
    return {};
}

QVariant TransactionModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole)
        return {};
    switch (section) {
    case IdColumn:
        return u"transactional.id"_s;
    case StateColumn:
        return tr("State");
    case TimeLeftColumn:
        return tr("Aborted in");
    case ProducerIdColumn:
        return tr("Producer id");
    case EpochColumn:
        return tr("Epoch");
    case ClientColumn:
        return tr("Used by");
    case FencedColumn:
        return tr("Fenced");
    case CoordinatorColumn:
        return tr("Coordinator");
    case PartitionsColumn:
        return tr("Partitions in it");
    default:
        return {};
    }
}

} // namespace queuelab::ui
