#pragma once

#include "lessons/lesson.h"
#include "lessons/study/study_store.h"

#include <QAbstractListModel>

#include <map>
#include <string>
#include <vector>

namespace queuelab::ui {

/// The course as a list: a heading for each section, its lessons, and the sandbox.
class CourseModel final : public QAbstractListModel {
    Q_OBJECT

public:
    enum class RowKind : quint8 { Section, Lesson, Sandbox };
    enum Role { KindRole = Qt::UserRole, IdRole, StateRole, SearchRole };

    explicit CourseModel(const lessons::Catalogue &catalogue, QObject *parent = nullptr);

    /// By lesson id, as the study store tells it.
    void setProgress(const std::map<std::string, lessons::LessonProgress> &progress);
    /// Lessons that wait to be repeated, in course order.
    QStringList due() const;
    /// The row of a lesson; -1 when there is none.
    int rowOf(const QString &id) const;
    int sandboxRow() const { return static_cast<int>(m_rows.size()) - 1; }

    int rowCount(const QModelIndex &parent = {}) const override;
    QVariant data(const QModelIndex &index, int role = Qt::DisplayRole) const override;
    Qt::ItemFlags flags(const QModelIndex &index) const override;

private:
    struct Row {
        RowKind kind = RowKind::Lesson;
        QString title;
        QString id;
        QString toolTip;
        QString search;
        lessons::LessonState state = lessons::LessonState::New;
    };
    std::vector<Row> m_rows;
};

} // namespace queuelab::ui
