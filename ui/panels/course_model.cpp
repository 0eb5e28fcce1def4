#include "ui/panels/course_model.h"

namespace queuelab::ui {

CourseModel::CourseModel(const lessons::Catalogue &catalogue, QObject *parent)
    : QAbstractListModel(parent)
{
    std::string section;
    for (const lessons::Lesson &lesson : catalogue.lessons) {
        if (lesson.section != section) {
            section = lesson.section;
            const QString title = QString::fromStdString(lessons::sectionTitle(section));
            m_rows.push_back({.kind = RowKind::Section,
                .title = title,
                .id = {},
                .toolTip = {},
                .search = {},
                .progress = {}});
        }
        QStringList words{QString::fromStdString(lesson.title), QString::fromStdString(lesson.id),
            QString::fromStdString(lesson.summary)};
        for (const std::string &claim : lesson.proves)
            words += QString::fromStdString(claim);
        m_rows.push_back({.kind = RowKind::Lesson,
            .title = QString::fromStdString(lesson.title),
            .id = QString::fromStdString(lesson.id),
            .toolTip = QString::fromStdString(lesson.summary),
            .search = words.join(u' '),
            .progress = {}});
    }
    m_rows.push_back({.kind = RowKind::Section,
        .title = tr("By hand"),
        .id = {},
        .toolTip = {},
        .search = {},
        .progress = {}});
    m_rows.push_back({.kind = RowKind::Sandbox,
        .title = tr("Sandbox"),
        .id = {},
        .toolTip = tr("An empty world: build a topology and break it"),
        .search = tr("Sandbox"),
        .progress = {}});
}

void CourseModel::setProgress(const std::map<QString, LessonProgress> &progress)
{
    for (std::size_t i = 0; i < m_rows.size(); ++i) {
        const auto found = progress.find(m_rows[i].id);
        if (m_rows[i].kind != RowKind::Lesson || found == progress.end())
            continue;
        m_rows[i].progress = found->second;
        const QModelIndex changed = index(static_cast<int>(i));
        Q_EMIT dataChanged(changed, changed, {StateRole, DueRole});
    }
}

int CourseModel::rowOf(const QString &id) const
{
    for (std::size_t i = 0; i < m_rows.size(); ++i)
        if (m_rows[i].kind == RowKind::Lesson && m_rows[i].id == id)
            return static_cast<int>(i);
    return -1;
}

int CourseModel::rowCount(const QModelIndex &parent) const
{
    return parent.isValid() ? 0 : static_cast<int>(m_rows.size());
}

QVariant CourseModel::data(const QModelIndex &index, int role) const
{
    if (!checkIndex(index, CheckIndexOption::IndexIsValid))
        return {};
    const Row &row = m_rows[static_cast<std::size_t>(index.row())];
    switch (role) {
    case Qt::DisplayRole:
        return row.title;
    case Qt::ToolTipRole:
        return row.toolTip;
    case Qt::AccessibleTextRole:
        if (row.kind != RowKind::Lesson)
            return row.title;
        switch (row.progress.state) {
        case LessonState::New:
            return tr("%1, new").arg(row.title);
        case LessonState::Seen:
            return tr("%1, seen").arg(row.title);
        case LessonState::PredictedRight:
            return tr("%1, predicted right").arg(row.title);
        }
        return row.title;
    case KindRole:
        return static_cast<int>(row.kind);
    case IdRole:
        return row.id;
    case StateRole:
        return static_cast<int>(row.progress.state);
    case DueRole:
        return row.progress.due;
    case SearchRole:
        return row.search;
    default:
        return {};
    }
}

Qt::ItemFlags CourseModel::flags(const QModelIndex &index) const
{
    if (index.isValid() && m_rows[static_cast<std::size_t>(index.row())].kind == RowKind::Section)
        return Qt::ItemIsEnabled;
    return QAbstractListModel::flags(index);
}

} // namespace queuelab::ui
