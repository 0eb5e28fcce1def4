#include "ui/panels/command_palette.h"

#include "ui/panels/command_form.h"
#include "ui/theme/style_sheet.h"

#include <QAction>
#include <QGraphicsDropShadowEffect>
#include <QKeyEvent>
#include <QLineEdit>
#include <QListView>
#include <QPainter>
#include <QSortFilterProxyModel>
#include <QStackedWidget>
#include <QStandardItemModel>
#include <QStyledItemDelegate>
#include <QVBoxLayout>

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

enum Role { DetailRole = Qt::UserRole, SearchRole, CommandRole, LessonRole, ActionRole };

/// Keeps the entries that contain every word of the text, in any order.
class PaletteFilter final : public QSortFilterProxyModel {
public:
    using QSortFilterProxyModel::QSortFilterProxyModel;
    void setText(const QString &text)
    {
        m_words = text.split(u' ', Qt::SkipEmptyParts);
        invalidateFilter();
    }

protected:
    bool filterAcceptsRow(int row, const QModelIndex &parent) const override
    {
        const QString text = sourceModel()->index(row, 0, parent).data(SearchRole).toString();
        return std::ranges::all_of(
            m_words, [&](const QString &word) { return text.contains(word, Qt::CaseInsensitive); });
    }

private:
    QStringList m_words;
};

/// The name at the left in strong type, what it does at the right.
class PaletteDelegate final : public QStyledItemDelegate {
public:
    using QStyledItemDelegate::QStyledItemDelegate;

    QSize sizeHint(const QStyleOptionViewItem &option, const QModelIndex &) const override
    {
        return {100, Theme::of(*option.widget).px(28)};
    }

    void paint(QPainter *painter, const QStyleOptionViewItem &option,
        const QModelIndex &index) const override
    {
        const Theme theme = Theme::of(*option.widget);
        painter->save();
        painter->setRenderHint(QPainter::Antialiasing);
        if (option.state & (QStyle::State_Selected | QStyle::State_MouseOver)) {
            painter->setPen(Qt::NoPen);
            painter->setBrush(
                option.state.testFlag(QStyle::State_Selected) ? theme.readyTint : theme.raised);
            painter->drawRoundedRect(option.rect.adjusted(4, 1, -4, -1), 5, 5);
        }
        const QRect row = option.rect.adjusted(14, 0, -14, 0);
        painter->setFont(theme.uiFont(Theme::kBasePoints, QFont::DemiBold));
        painter->setPen(theme.ink);
        const QString title = index.data().toString();
        painter->drawText(row, Qt::AlignLeft | Qt::AlignVCenter, title);
        const int taken = painter->fontMetrics().horizontalAdvance(title) + 24;
        painter->setFont(theme.uiFont(9));
        painter->setPen(theme.muted);
        const QRect rest = row.adjusted(taken, 0, 0, 0);
        painter->drawText(rest, Qt::AlignRight | Qt::AlignVCenter,
            painter->fontMetrics().elidedText(
                index.data(DetailRole).toString(), Qt::ElideRight, rest.width()));
        painter->restore();
    }
};

} // namespace

CommandPalette::CommandPalette(
    const lessons::Catalogue &catalogue, const QList<QAction *> &actions, QWidget *parent)
    : QFrame(parent)
    , m_entries(new QStandardItemModel(this))
    , m_filter(new PaletteFilter(this))
    , m_pages(new QStackedWidget(this))
    , m_search(new QLineEdit(this))
    , m_list(new QListView(this))
    , m_form(new CommandForm(this))
{
    setObjectName(u"palette"_s);
    setRole(*this, "card");
    auto *shadow = new QGraphicsDropShadowEffect(this);
    shadow->setBlurRadius(32);
    shadow->setOffset(0, 8);
    shadow->setColor(QColor(0, 0, 0, 90));
    setGraphicsEffect(shadow);

    fill(catalogue, actions);
    m_filter->setSourceModel(m_entries);
    m_search->setObjectName(u"palette.search"_s);
    m_search->setPlaceholderText(tr("Type a command, a lesson, a claim, an action …"));
    m_search->installEventFilter(this);
    m_list->setObjectName(u"palette.list"_s);
    m_list->setModel(m_filter);
    m_list->setItemDelegate(new PaletteDelegate(m_list));
    m_list->setUniformItemSizes(true);
    m_list->setMouseTracking(true);
    m_list->setFocusPolicy(Qt::NoFocus);
    connect(m_search, &QLineEdit::textChanged, this, [this](const QString &text) {
        static_cast<PaletteFilter *>(m_filter)->setText(text);
        m_list->setCurrentIndex(m_filter->index(0, 0));
    });
    connect(m_search, &QLineEdit::returnPressed, this, [this] { choose(m_list->currentIndex()); });
    connect(m_list, &QListView::clicked, this, &CommandPalette::choose);
    connect(m_form, &CommandForm::performWished, this, &CommandPalette::performWished);
    connect(m_form, &CommandForm::backWished, this, &CommandPalette::open);

    auto *searchPage = new QWidget(this);
    auto *searchColumn = new QVBoxLayout(searchPage);
    searchColumn->setContentsMargins(12, 12, 12, 8);
    searchColumn->addWidget(m_search);
    searchColumn->addWidget(m_list, 1);
    m_pages->addWidget(searchPage);
    m_pages->addWidget(m_form);
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->addWidget(m_pages);
    parent->installEventFilter(this);
    hide();
}

void CommandPalette::fill(const lessons::Catalogue &catalogue, const QList<QAction *> &actions)
{
    const auto add = [this](const QString &title, const QString &detail, const QString &search,
                         int role, const QVariant &what) {
        auto *item = new QStandardItem(title);
        item->setData(detail, DetailRole);
        item->setData(QString(title + u' ' + detail + u' ' + search), SearchRole);
        item->setData(what, role);
        item->setEditable(false);
        m_entries->appendRow(item);
    };
    for (const std::string &name : world::commandNames()) {
        const QString command = QString::fromStdString(name);
        const std::string_view help = world::commandHelp(name);
        add(command, QString::fromUtf8(help.data(), static_cast<qsizetype>(help.size())),
            QString(command).replace(u'-', u' '), CommandRole, command);
    }
    for (const lessons::Lesson &lesson : catalogue.lessons) {
        QStringList claims;
        for (const std::string &claim : lesson.proves)
            claims += QString::fromStdString(claim);
        add(QString::fromStdString(lesson.title),
            tr("lesson · %1").arg(QString::fromStdString(lessons::sectionTitle(lesson.section))),
            QString::fromStdString(lesson.id + ' ' + lesson.summary) + u' ' + claims.join(u' '),
            LessonRole, QString::fromStdString(lesson.id));
    }
    for (QAction *action : actions) {
        QString text = action->text();
        add(text.remove(u'&'), action->shortcut().toString(QKeySequence::NativeText), QString(),
            ActionRole, QVariant::fromValue(static_cast<QObject *>(action)));
    }
}

void CommandPalette::place()
{
    const QSize room = parentWidget()->size();
    const int width = std::min(680, room.width() - 40);
    const int height = std::min(480, room.height() - 80);
    setGeometry((room.width() - width) / 2, 56, width, height);
}

void CommandPalette::open()
{
    m_pages->setCurrentIndex(0);
    m_search->clear();
    m_list->setCurrentIndex(m_filter->index(0, 0));
    place();
    show();
    raise();
    m_search->setFocus();
}

void CommandPalette::openForm(const QString &command)
{
    m_form->open(command, m_snapshot.get());
    m_pages->setCurrentWidget(m_form);
    place();
    show();
    raise();
    m_form->focusFirst();
}

void CommandPalette::showOutcome(const std::optional<world::CommandError> &error)
{
    if (error)
        m_form->showRefusal(*error);
    else
        hide();
}

void CommandPalette::choose(const QModelIndex &index)
{
    if (!index.isValid())
        return;
    if (const QString command = index.data(CommandRole).toString(); !command.isEmpty()) {
        openForm(command);
        return;
    }
    hide();
    if (const QString lesson = index.data(LessonRole).toString(); !lesson.isEmpty())
        Q_EMIT lessonChosen(lesson);
    else if (auto *action = qobject_cast<QAction *>(index.data(ActionRole).value<QObject *>()))
        action->trigger();
}

bool CommandPalette::eventFilter(QObject *watched, QEvent *event)
{
    if (watched == parent() && event->type() == QEvent::Resize && isVisible())
        place();
    if (watched == m_search && event->type() == QEvent::KeyPress) {
        const int key = static_cast<QKeyEvent *>(event)->key();
        const int by = key == Qt::Key_Down ? 1
            : key == Qt::Key_Up            ? -1
            : key == Qt::Key_PageDown      ? 10
            : key == Qt::Key_PageUp        ? -10
                                           : 0;
        if (by != 0 && m_filter->rowCount() > 0) {
            const int row =
                std::clamp(m_list->currentIndex().row() + by, 0, m_filter->rowCount() - 1);
            m_list->setCurrentIndex(m_filter->index(row, 0));
            return true;
        }
    }
    return QFrame::eventFilter(watched, event);
}

void CommandPalette::goBack()
{
    if (m_pages->currentWidget() == m_form)
        open();
    else
        hide();
}

} // namespace queuelab::ui
