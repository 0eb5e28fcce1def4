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
            m_rows.push_back(
                {.kind = RowKind::Section, .title = title, .id = {}, .toolTip = {}, .search = {}});
        }
        QStringList words{QString::fromStdString(lesson.title), QString::fromStdString(lesson.id),
            QString::fromStdString(lesson.summary)};
        for (const std::string &claim : lesson.proves)
            words += QString::fromStdString(claim);
        m_rows.push_back({.kind = RowKind::Lesson,
            .title = QString::fromStdString(lesson.title),
            .id = QString::fromStdString(lesson.id),
            .toolTip = QString::fromStdString(lesson.summary),
            .search = words.join(u' ')});
    }
    m_rows.push_back(
        {.kind = RowKind::Section, .title = tr("By hand"), .id = {}, .toolTip = {}, .search = {}});
    m_rows.push_back({.kind = RowKind::Sandbox,
        .title = tr("Sandbox"),
        .id = {},
        .toolTip = tr("An empty world: build a topology and break it"),
        .search = tr("Sandbox")});
}

void CourseModel::setProgress(const std::map<std::string, lessons::LessonProgress> &progress)
{
    for (std::size_t i = 0; i < m_rows.size(); ++i) {
        const auto found = progress.find(m_rows[i].id.toStdString());
        if (m_rows[i].kind != RowKind::Lesson || found == progress.end()
            || m_rows[i].state == found->second.state)
            continue;
        m_rows[i].state = found->second.state;
        const QModelIndex changed = index(static_cast<int>(i));
        Q_EMIT dataChanged(changed, changed, {StateRole, Qt::AccessibleTextRole});
    }
}

QStringList CourseModel::due() const
{
    QStringList ids;
    for (const Row &row : m_rows)
        if (row.state == lessons::LessonState::DueAgain)
            ids += row.id;
    return ids;
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
        switch (row.state) {
        case lessons::LessonState::New:
            return tr("%1, new").arg(row.title);
        case lessons::LessonState::Seen:
            return tr("%1, seen").arg(row.title);
        case lessons::LessonState::PredictedRight:
            return tr("%1, predicted right").arg(row.title);
        case lessons::LessonState::DueAgain:
            return tr("%1, due again").arg(row.title);
        }
        return row.title;
    case KindRole:
        return static_cast<int>(row.kind);
    case IdRole:
        return row.id;
    case StateRole:
        return static_cast<int>(row.state);
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
