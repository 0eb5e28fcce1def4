#pragma once

#include "lessons/lesson.h"

#include <QAbstractListModel>

#include <map>
#include <vector>

namespace queuelab::ui {

/// What is known of the learner and a lesson.
enum class LessonState : quint8 { New, Seen, PredictedRight };
struct LessonProgress {
    LessonState state = LessonState::New;
    bool due = false; ///< to be repeated
};

/// The course as a list: a heading for each section, its lessons, and the sandbox.
class CourseModel final : public QAbstractListModel {
    Q_OBJECT

public:
    enum class RowKind : quint8 { Section, Lesson, Sandbox };
    enum Role { KindRole = Qt::UserRole, IdRole, StateRole, DueRole, SearchRole };

    explicit CourseModel(const lessons::Catalogue &catalogue, QObject *parent = nullptr);

    void setProgress(const std::map<QString, LessonProgress> &progress);
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
        LessonProgress progress;
    };
    std::vector<Row> m_rows;
};

} // namespace queuelab::ui
