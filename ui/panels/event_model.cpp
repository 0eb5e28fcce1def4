#include "ui/panels/event_model.h"

#include "engine/core/time.h"
#include "ui/stages/words.h"

#include <QPainter>

#include <algorithm>

namespace queuelab::ui {

namespace {

QIcon dot(const QColor &colour)
{
    QPixmap pixmap(32, 32);
    pixmap.fill(Qt::transparent);
    QPainter painter(&pixmap);
    painter.setRenderHint(QPainter::Antialiasing);
    painter.setPen(Qt::NoPen);
    painter.setBrush(colour);
    painter.drawEllipse(QRectF(7, 7, 18, 18));
    return QIcon(pixmap);
}

} // namespace

EventModel::EventModel(QObject *parent)
    : QAbstractTableModel(parent)
{
    setTheme(Theme::light());
}

void EventModel::setTheme(const Theme &theme)
{
    m_theme = theme;
    m_mono = theme.monoFont(9);
    m_strong = theme.uiFont(9.5, QFont::DemiBold);
    for (std::size_t tone = 0; tone < m_dots.size(); ++tone)
        m_dots[tone] = dot(theme.toneFill(static_cast<EventTone>(tone)));
    if (!m_rows.empty())
        Q_EMIT dataChanged(index(0, 0), index(rowCount() - 1, ColumnCount - 1));
}

void EventModel::append(const std::vector<EventRow> &rows)
{
    if (rows.size() >= kMaxRows) {
        replace(rows);
        return;
    }
    if (rows.empty())
        return;
    const std::size_t kept = std::min(m_rows.size(), kMaxRows - rows.size());
    if (kept < m_rows.size()) {
        beginRemoveRows({}, static_cast<int>(kept), static_cast<int>(m_rows.size()) - 1);
        m_rows.erase(m_rows.begin() + static_cast<std::ptrdiff_t>(kept), m_rows.end());
        endRemoveRows();
    }
    beginInsertRows({}, 0, static_cast<int>(rows.size()) - 1);
    for (const EventRow &row : rows)
        m_rows.push_front(row);
    endInsertRows();
}

void EventModel::replace(const std::vector<EventRow> &rows)
{
    beginResetModel();
    const std::size_t first = rows.size() > kMaxRows ? rows.size() - kMaxRows : 0;
    m_rows.assign(rows.rbegin(), rows.rend() - static_cast<std::ptrdiff_t>(first));
    endResetModel();
}

const EventRow &EventModel::at(int row) const
{
    return m_rows.at(static_cast<std::size_t>(row));
}

int EventModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

int EventModel::columnCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : ColumnCount;
}

QString EventModel::text(const EventRow &row, int column) const
{
    switch (column) {
    case TimeColumn:
        return clockText(row.atNs);
    case TitleColumn:
        return row.title;
    case SubjectColumn:
        return row.actor.isEmpty() || row.actor == row.subject
            ? row.subject
            : tr("%1 · %2").arg(row.subject, row.actor);
    case TextColumn:
        return row.text;
    default:
        return {};
    }
}

QVariant EventModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid | CheckIndexOption::ParentIsInvalid))
        return {};
    const EventRow &row = at(index.row());
    switch (role) {
    case Qt::DisplayRole:
        return text(row, index.column());
    case Qt::ToolTipRole:
        return index.column() == TextColumn ? row.text : QVariant();
    case Qt::DecorationRole:
        if (index.column() == TitleColumn)
            return m_dots[static_cast<std::size_t>(row.tone)];
        return {};
    case Qt::FontRole:
        if (index.column() == TitleColumn)
            return m_strong;
        return index.column() == TextColumn ? QVariant() : m_mono;
    case Qt::ForegroundRole:
        if (index.column() == TimeColumn || index.column() == TextColumn)
            return m_theme.muted;
        return m_theme.ink;
    case SortRole:
        return index.column() == TimeColumn ? QVariant(row.atNs) : text(row, index.column());
    case WeightRole:
        return static_cast<int>(row.weight);
    case SearchRole:
        return QString(row.title + u' ' + row.subject + u' ' + row.actor + u' ' + row.detail + u' '
            + row.text);
    default:
        return {};
    }
}

QVariant EventModel::headerData(int section, Qt::Orientation orientation, int role) const
{
    if (orientation != Qt::Horizontal || role != Qt::DisplayRole)
        return {};
    switch (section) {
    case TimeColumn:
        return tr("Time");
    case TitleColumn:
        return tr("Event");
    case SubjectColumn:
        return tr("Where");
    case TextColumn:
        return tr("Why");
    default:
        return {};
    }
}

} // namespace queuelab::ui
