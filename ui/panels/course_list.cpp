#include "ui/panels/course_list.h"

#include "ui/theme/style_sheet.h"

#include <QLineEdit>
#include <QListView>
#include <QPainter>
#include <QPushButton>
#include <QSortFilterProxyModel>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

/// Keeps the lessons that contain the text, and the headings of sections that have one left.
class CourseFilter final : public QSortFilterProxyModel {
public:
    using QSortFilterProxyModel::QSortFilterProxyModel;

protected:
    bool filterAcceptsRow(int row, const QModelIndex &parent) const override
    {
        const auto kind = [&](int at) {
            return static_cast<CourseModel::RowKind>(
                sourceModel()->index(at, 0, parent).data(CourseModel::KindRole).toInt());
        };
        const auto matches = [&](int at) {
            return sourceModel()
                ->index(at, 0, parent)
                .data(CourseModel::SearchRole)
                .toString()
                .contains(filterRegularExpression());
        };
        if (kind(row) != CourseModel::RowKind::Section)
            return matches(row);
        for (int at = row + 1;
            at < sourceModel()->rowCount(parent) && kind(at) != CourseModel::RowKind::Section; ++at)
            if (matches(at))
                return true;
        return false;
    }
};

class CourseDelegate final : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    QSize sizeHint(const QStyleOptionViewItem &option, const QModelIndex &index) const override
    {
        const Theme theme = Theme::of(*option.widget);
        const bool section = kindOf(index) == CourseModel::RowKind::Section;
        return {100, theme.px(section ? (index.row() == 0 ? 24 : 36) : 24)};
    }

    void paint(QPainter *painter, const QStyleOptionViewItem &option,
        const QModelIndex &index) const override
    {
        const Theme theme = Theme::of(*option.widget);
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        const QString title = index.data().toString();
        if (kindOf(index) == CourseModel::RowKind::Section) {
            painter->setFont(theme.uiFont(9, QFont::DemiBold));
            painter->setPen(theme.muted);
            painter->drawText(option.rect.adjusted(8, 0, -8, -theme.px(5)),
                Qt::AlignLeft | Qt::AlignBottom, title.toUpper());
        } else {
            paintLesson(*painter, theme, option, index, title);
        }
        painter->restore();
    }

private:
    static CourseModel::RowKind kindOf(const QModelIndex &index)
    {
        return static_cast<CourseModel::RowKind>(index.data(CourseModel::KindRole).toInt());
    }

    static void paintLesson(QPainter &painter, const Theme &theme,
        const QStyleOptionViewItem &option, const QModelIndex &index, const QString &title)
    {
        const bool current = option.state.testFlag(QStyle::State_Selected);
        const QRectF row = QRectF(option.rect).adjusted(0, 1, 0, -1);
        if (current || option.state.testFlag(QStyle::State_MouseOver)) {
            painter.setPen(Qt::NoPen);
            painter.setBrush(current ? theme.readyTint : theme.raised);
            painter.drawRoundedRect(row, 5, 5);
        }
        if (option.state.testFlag(QStyle::State_HasFocus)) {
            painter.setPen(QPen(theme.ready, 1));
            painter.setBrush(Qt::NoBrush);
            painter.drawRoundedRect(row.adjusted(0.5, 0.5, -0.5, -0.5), 5, 5);
        }
        const auto state =
            static_cast<lessons::LessonState>(index.data(CourseModel::StateRole).toInt());
        const bool due = state == lessons::LessonState::DueAgain;
        paintDot(painter, theme, QPointF(row.left() + 14, row.center().y()), state);

        int right = 8;
        if (due) {
            painter.setFont(theme.uiFont(9, QFont::DemiBold));
            painter.setPen(theme.inFlightText);
            painter.drawText(option.rect.adjusted(0, 0, -8, 0), Qt::AlignRight | Qt::AlignVCenter,
                CourseModel::tr("due"));
            right += painter.fontMetrics().horizontalAdvance(CourseModel::tr("due")) + 6;
        }
        painter.setFont(theme.uiFont(9.75, current ? QFont::DemiBold : QFont::Normal));
        painter.setPen(theme.ink);
        const QRect words = option.rect.adjusted(26, 0, -right, 0);
        painter.drawText(words, Qt::AlignLeft | Qt::AlignVCenter,
            painter.fontMetrics().elidedText(title, Qt::ElideRight, words.width()));
    }

    /// New is a ring, seen a grey disc, predicted right a green disc with a core, due an amber
    /// disc.
    static void paintDot(
        QPainter &painter, const Theme &theme, QPointF centre, lessons::LessonState state)
    {
        constexpr double radius = 4;
        painter.setPen(Qt::NoPen);
        switch (state) {
        case lessons::LessonState::New:
            painter.setPen(QPen(theme.muted, 1.5));
            painter.setBrush(Qt::NoBrush);
            painter.drawEllipse(centre, radius, radius);
            return;
        case lessons::LessonState::Seen:
            painter.setBrush(theme.muted);
            break;
        case lessons::LessonState::PredictedRight:
            painter.setBrush(theme.done);
            break;
        case lessons::LessonState::DueAgain:
            painter.setBrush(theme.inFlight);
            break;
        }
        painter.drawEllipse(centre, radius + 0.5, radius + 0.5);
        if (state == lessons::LessonState::PredictedRight) {
            painter.setBrush(theme.panel);
            painter.drawEllipse(centre, 1.6, 1.6);
        }
    }
};

} // namespace

CourseList::CourseList(const lessons::Catalogue &catalogue, QWidget *parent)
    : QFrame(parent)
    , m_model(new CourseModel(catalogue, this))
    , m_filter(new CourseFilter(this))
    , m_search(new QLineEdit(this))
    , m_list(new QListView(this))
    , m_review(new QPushButton(this))
{
    setRole(*this, "side");
    m_filter->setSourceModel(m_model);
    m_search->setObjectName(u"course.search"_s);
    m_search->setPlaceholderText(tr("Search lessons, claims …"));
    m_search->setClearButtonEnabled(true);
    connect(m_search, &QLineEdit::textChanged, m_filter, [this](const QString &text) {
        m_filter->setFilterRegularExpression(QRegularExpression(
            QRegularExpression::escape(text.trimmed()), QRegularExpression::CaseInsensitiveOption));
    });
    connect(m_search, &QLineEdit::returnPressed, this, [this] {
        for (int row = 0; row < m_filter->rowCount(); ++row) {
            const QModelIndex index = m_filter->index(row, 0);
            if (index.flags().testFlag(Qt::ItemIsSelectable)) {
                choose(index);
                return;
            }
        }
    });

    m_list->setObjectName(u"course.list"_s);
    m_list->setAccessibleName(tr("Course"));
    m_list->setModel(m_filter);
    m_list->setItemDelegate(new CourseDelegate(m_list));
    m_list->setMouseTracking(true);
    m_list->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
    connect(m_list, &QListView::clicked, this, &CourseList::choose);
    connect(m_list, &QListView::activated, this, &CourseList::choose);

    m_review->setObjectName(u"course.review"_s);
    m_review->setToolTip(tr("Opens the first lesson whose prediction is due again"));
    setRole(*m_review, "flat");
    m_review->hide();
    connect(m_review, &QPushButton::clicked, this, [this] {
        const QStringList due = m_model->due();
        if (!due.isEmpty())
            Q_EMIT lessonChosen(due.first());
    });

    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(8, 10, 8, 8);
    column->addWidget(m_search);
    column->addWidget(m_list, 1);
    column->addWidget(m_review, 0, Qt::AlignLeft);
    setMinimumWidth(150);
}

void CourseList::choose(const QModelIndex &index)
{
    switch (static_cast<CourseModel::RowKind>(index.data(CourseModel::KindRole).toInt())) {
    case CourseModel::RowKind::Lesson:
        Q_EMIT lessonChosen(index.data(CourseModel::IdRole).toString());
        break;
    case CourseModel::RowKind::Sandbox:
        Q_EMIT sandboxChosen();
        break;
    case CourseModel::RowKind::Section:
        break;
    }
}

void CourseList::setProgress(const std::map<std::string, lessons::LessonProgress> &progress)
{
    m_model->setProgress(progress);
    const int due = static_cast<int>(m_model->due().size());
    m_review->setVisible(due > 0);
    m_review->setText(tr("Review: %n due", nullptr, due));
}

void CourseList::setCurrentLesson(const QString &id)
{
    const int row = id.isEmpty() ? m_model->sandboxRow() : m_model->rowOf(id);
    const QModelIndex index = m_filter->mapFromSource(m_model->index(row));
    m_list->setCurrentIndex(index);
    m_list->scrollTo(index);
}

void CourseList::setNothingCurrent()
{
    m_list->setCurrentIndex({});
}

void CourseList::focusSearch()
{
    m_search->setFocus(Qt::ShortcutFocusReason);
    m_search->selectAll();
}

} // namespace queuelab::ui
