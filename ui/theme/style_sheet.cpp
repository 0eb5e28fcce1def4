#include "ui/theme/style_sheet.h"

#include <QApplication>
#include <QStyle>
#include <QStyleFactory>
#include <QWidget>

#include <utility>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

// Words in @ are colours, sizes and families of the theme.
constexpr auto kSheet = R"(
QMainWindow, QDialog { background: @ground; }
QWidget { color: @ink; }
QToolTip { background: @panel; color: @ink; border: 1px solid @line; padding: 4px; }

QLabel { background: transparent; }
QLabel[role="title"] { font-size: @titlept; font-weight: 700; }
QLabel[role="heading"] { font-size: @basept; font-weight: 600; }
QLabel[role="question"] { font-size: @basept; font-weight: 600; }
QLabel[role="small"] { font-size: @smallpt; color: @muted; }
QLabel[role="caption"] { font-size: @smallpt; color: @muted; font-weight: 600; }
QLabel[role="ask"] { font-size: @smallpt; color: @inFlightText; font-weight: 600; }
QLabel[role="error"] { font-size: @smallpt; color: @deadText; }
QLabel[role="holds"] { font-size: @brandpt; font-weight: 700; color: @doneText; }
QLabel[role="fails"] { font-size: @brandpt; font-weight: 700; color: @deadText; }
QLabel[role="mono"] { font-family: "@mono"; font-size: @basept; }
QLabel[role="monosmall"] { font-family: "@mono"; font-size: @smallpt; color: @muted; }
QLabel[role="badge"] { font-size: @smallpt; color: @doneText; background: @doneTint; border-radius: 10px; padding: 3px 12px; }
QLabel[role="brand"] { font-size: @brandpt; font-weight: 700; }

QFrame[role="card"] { background: @panel; border: 1px solid @line; border-radius: 8px; }
QFrame[role="raised"] { background: @raised; border: 1px solid @line; border-radius: 8px; }
QFrame[role="bar"] { background: @panel; border: none; border-bottom: 1px solid @line; }
QFrame[role="side"] { background: @panel; border: none; border-right: 1px solid @line; }
QFrame[role="tint-done"] { background: @doneTint; border: none; border-radius: 6px; }
QFrame[role="tint-dead"] { background: @deadTint; border: none; border-radius: 6px; }
QFrame[role="tint-system"] { background: @systemTint; border: none; border-radius: 6px; }
QFrame[role="rule"] { background: @line; border: none; max-height: 1px; min-height: 1px; }

QPushButton, QToolButton { background: @panel; border: 1px solid @line; border-radius: 6px; padding: 4px 12px; color: @ink; font-weight: 500; }
QPushButton:hover, QToolButton:hover { border-color: @muted; }
QPushButton:focus, QToolButton:focus { border: 2px solid @ready; padding: 3px 11px; }
QPushButton:disabled, QToolButton:disabled { color: @muted; background: @ground; }
QPushButton[role="primary"] { background: @ready; color: @onReady; border: 1px solid @ready; font-weight: 600; padding: 6px 18px; }
QPushButton[role="primary"]:hover { border-color: @ink; }
QPushButton[role="primary"]:focus { border: 2px solid @ink; padding: 5px 17px; }
QPushButton[role="primary"]:disabled { background: @raised; color: @muted; border-color: @line; }
QPushButton[role="flat"], QToolButton[role="flat"] { border: none; background: transparent; padding: 4px 8px; color: @ready; }
QPushButton[role="flat"]:hover, QToolButton[role="flat"]:hover { background: @readyTint; }
QPushButton[role="chip"] { border-radius: 10px; padding: 2px 9px; font-size: @smallpt; color: @muted; }
QPushButton[role="chip"]:checked { background: @readyTint; border: 1px solid @ready; color: @ready; font-weight: 600; }
QPushButton[role="chip"]:focus { border: 1px solid @ready; }
QPushButton[role="choice"] { text-align: left; padding: 6px 10px; }
QToolButton[role="media"] { background: @raised; padding: 4px; }
QToolButton[role="media"]:focus { padding: 3px; }
QToolButton[role="media-main"] { background: @ready; border-color: @ready; padding: 4px; }
QToolButton[role="media-main"]:focus { border-color: @ink; padding: 3px; }
QToolButton::menu-indicator { image: none; }

QLineEdit, QSpinBox, QComboBox, QPlainTextEdit { background: @ground; border: 1px solid @line; border-radius: 6px; padding: 4px 8px; selection-background-color: @ready; selection-color: @onReady; }
QLineEdit:focus, QSpinBox:focus, QComboBox:focus, QPlainTextEdit:focus { border-color: @ready; }
QLineEdit[invalid="true"] { border-color: @dead; }
QComboBox::drop-down { border: none; width: 20px; }
QComboBox::down-arrow { image: url(:/icons/down-@mode.svg); width: 12px; height: 12px; }
QComboBox QAbstractItemView { background: @panel; border: 1px solid @line; selection-background-color: @readyTint; selection-color: @ink; }

QTextBrowser { background: transparent; border: none; }
QScrollArea { background: transparent; border: none; }
QScrollArea > QWidget > QWidget { background: transparent; }

QTableView, QListView, QTreeView { background: @panel; border: none; outline: none; gridline-color: transparent; selection-background-color: @readyTint; selection-color: @ink; }
QTableView::item { padding: 0 6px; }
QHeaderView { background: @panel; }
QHeaderView::section { background: @panel; color: @muted; border: none; border-bottom: 1px solid @line; padding: 3px 6px; font-size: @smallpt; font-weight: 500; }

QTabWidget::pane { border: none; border-top: 1px solid @line; }
QTabBar { background: transparent; }
QTabBar::tab { background: transparent; border: none; border-bottom: 2px solid transparent; padding: 6px 12px; color: @muted; }
QTabBar::tab:selected { color: @ink; border-bottom: 2px solid @ready; font-weight: 600; }
QTabBar::tab:focus { color: @ready; }

QMenu { background: @panel; border: 1px solid @line; padding: 4px; }
QMenu::item { padding: 5px 24px 5px 12px; border-radius: 4px; }
QMenu::item:selected { background: @readyTint; }
QMenu::item:disabled { color: @muted; }
QMenu::separator { height: 1px; background: @line; margin: 4px 8px; }

QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
QScrollBar::handle { background: @line; border-radius: 4px; margin: 1px; }
QScrollBar::handle:vertical { min-height: 24px; }
QScrollBar::handle:horizontal { min-width: 24px; }
QScrollBar::handle:hover { background: @muted; }
QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }

QDockWidget { font-size: @smallpt; color: @muted; }
QDockWidget::title { background: @raised; padding: 4px 8px; }
QMainWindow::separator { background: @ground; width: 6px; height: 6px; }
QMainWindow::separator:hover { background: @line; }

QProgressBar { background: @raised; border: 1px solid @line; border-radius: 5px; height: 10px; text-align: center; color: @ink; }
QProgressBar::chunk { background: @ready; border-radius: 4px; }
)";

QString points(double points)
{
    return QString::number(points, 'f', 1) + u"pt"_s;
}

} // namespace

QString styleSheet(const Theme &theme)
{
    const std::pair<QString, QString> words[] = {
        // Longer words stand before those they begin with.
        {u"@ground"_s, theme.ground.name()},
        {u"@panel"_s, theme.panel.name()},
        {u"@raised"_s, theme.raised.name()},
        {u"@ink"_s, theme.ink.name()},
        {u"@muted"_s, theme.muted.name()},
        {u"@line"_s, theme.line.name()},
        {u"@readyTint"_s, theme.readyTint.name()},
        {u"@ready"_s, theme.ready.name()},
        {u"@onReady"_s, theme.onReady.name()},
        {u"@inFlightText"_s, theme.inFlightText.name()},
        {u"@doneTint"_s, theme.doneTint.name()},
        {u"@doneText"_s, theme.doneText.name()},
        {u"@deadTint"_s, theme.deadTint.name()},
        {u"@deadText"_s, theme.deadText.name()},
        {u"@dead"_s, theme.dead.name()},
        {u"@systemTint"_s, theme.systemTint.name()},
        {u"@titlept"_s, points(theme.uiFont(14).pointSizeF())},
        {u"@brandpt"_s, points(theme.uiFont(12).pointSizeF())},
        {u"@basept"_s, points(theme.uiFont().pointSizeF())},
        {u"@smallpt"_s, points(theme.uiFont(9).pointSizeF())},
        {u"@mode"_s, theme.dark ? u"dark"_s : u"light"_s},
        {u"@mono"_s, theme.monoFont().family()},
    };
    QString sheet = QString::fromLatin1(kSheet);
    for (const auto &[word, value] : words)
        sheet.replace(word, value);
    return sheet;
}

void applyTheme(QApplication &application, const Theme &theme)
{
    QApplication::setStyle(QStyleFactory::create(u"Fusion"_s));
    QApplication::setPalette(theme.palette());
    QApplication::setFont(theme.uiFont());
    application.setStyleSheet(styleSheet(theme));
}

void setRole(QWidget &widget, const char *role)
{
    widget.setProperty("role", QString::fromLatin1(role));
    if (QStyle *style = widget.style()) {
        style->unpolish(&widget);
        style->polish(&widget);
    }
}

} // namespace queuelab::ui
