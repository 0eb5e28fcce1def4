#include "ui/panels/message_model.h"

#include "engine/core/time.h"
#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

MessageModel::MessageModel(QObject *parent)
    : QAbstractTableModel(parent)
    , m_theme(Theme::light())
{
}

void MessageModel::setTheme(const Theme &theme)
{
    m_theme = theme;
    m_mono = theme.monoFont(9);
    if (!m_rows.empty())
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
}

void MessageModel::clear()
{
    beginResetModel();
    m_rows.clear();
    endResetModel();
}

void MessageModel::setRows(std::vector<MessageRow> rows)
{
    std::size_t at = 0;
    for (MessageRow &row : rows) {
        // What stands before the next row and is not in the new list is gone.
        std::size_t gone = at;
        while (gone < m_rows.size() && m_rows[gone].item < row.item)
            ++gone;
        if (gone > at) {
            beginRemoveRows({}, static_cast<int>(at), static_cast<int>(gone) - 1);
            m_rows.erase(m_rows.begin() + static_cast<std::ptrdiff_t>(at),
                m_rows.begin() + static_cast<std::ptrdiff_t>(gone));
            endRemoveRows();
        }
        const int line = static_cast<int>(at);
        if (at < m_rows.size() && m_rows[at].item == row.item) {
            if (!(m_rows[at] == row)) {
                m_rows[at] = std::move(row);
                Q_EMIT dataChanged(index(line, 0), index(line, ColumnCount - 1));
            }
        } else {
            beginInsertRows({}, line, line);
            m_rows.insert(m_rows.begin() + static_cast<std::ptrdiff_t>(at), std::move(row));
            endInsertRows();
        }
        ++at;
    }
    if (at < m_rows.size()) {
        beginRemoveRows({}, static_cast<int>(at), static_cast<int>(m_rows.size()) - 1);
        m_rows.resize(at);
        endRemoveRows();
    }
}

int MessageModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int MessageModel::columnCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : ColumnCount;
}

QVariant MessageModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid))
        return {};
    const MessageRow &row = at(index.row());
    if (role == Qt::DisplayRole || role == Qt::ToolTipRole) {
        switch (index.column()) {
        case ItemColumn:
            return QString::number(row.item);
        case TimeColumn:
            return row.atNs < 0 ? QString() : clockText(row.atNs);
        case KeyColumn:
            return row.key;
        case TextColumn:
            return row.text;
        case SizeColumn:
            return row.size;
        case StateColumn:
            return row.state;
        default:
            return {};
        }
    }
    if (role == Qt::FontRole)
        return fontOf(row, index.column());
    if (role == Qt::ForegroundRole)
        return inkOf(row, index.column());
    if (role == SortRole)
        return row.item;
    return {};
}

QVariant MessageModel::fontOf(const MessageRow &row, int column) const
{
    if (column == StateColumn)
        return {};
    QFont font = m_mono;
    font.setStrikeOut(row.look == MessageRow::Look::Aborted && column != ItemColumn);
    font.setItalic(row.look == MessageRow::Look::Marker);
    return font;
}

QVariant MessageModel::inkOf(const MessageRow &row, int column) const
{
    switch (row.look) {
    case MessageRow::Look::Aborted:
        return m_theme.deadText;
    case MessageRow::Look::Open:
        return m_theme.inFlightText;
    case MessageRow::Look::Marker:
        return m_theme.system;
    case MessageRow::Look::Tombstone:
        if (column == StateColumn || column == TextColumn)
            return m_theme.muted;
        break;
    case MessageRow::Look::Plain:
        break;
    }
    return column == TimeColumn || column == SizeColumn ? QVariant(m_theme.muted) : QVariant();
}

QVariant MessageModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole)
        return {};
    switch (section) {
    case ItemColumn:
        return tr("Number");
    case TimeColumn:
        return tr("Time");
    case KeyColumn:
        return tr("Key");
    case TextColumn:
        return tr("Message");
    case SizeColumn:
        return tr("Size");
    case StateColumn:
        return tr("State");
    default:
        return {};
    }
}

} // namespace queuelab::ui
