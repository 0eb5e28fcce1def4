#pragma once

#include "ui/panels/course_model.h"

#include <QFrame>

class QLineEdit;
class QListView;
class QPushButton;
class QSortFilterProxyModel;

namespace queuelab::ui {

/// The course at the left: search, sections, lessons with the state of each, and the sandbox.
class CourseList final : public QFrame {
    Q_OBJECT

public:
    explicit CourseList(const lessons::Catalogue &catalogue, QWidget *parent = nullptr);

    void setProgress(const std::map<std::string, lessons::LessonProgress> &progress);
    void setCurrentLesson(const QString &id); ///< empty: the sandbox
    void setNothingCurrent(); ///< a lesson or session from outside the course
    void focusSearch();

Q_SIGNALS:
    void lessonChosen(const QString &id);
    void sandboxChosen();

private:
    void choose(const QModelIndex &index);

    CourseModel *m_model;
    QSortFilterProxyModel *m_filter;
    QLineEdit *m_search;
    QListView *m_list;
    QPushButton *m_review;
};

} // namespace queuelab::ui
