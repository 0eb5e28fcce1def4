#include "ui/widgets/prose_label.h"

#include <QAction>
#include <QClipboard>
#include <QGuiApplication>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

constexpr QChar kBreak(0x200B);
constexpr qsizetype kLongWord = 16; ///< shorter ones fit into every line
constexpr qsizetype kLongestRun = 24;

bool isBreakAfter(QChar before, QChar after)
{
    return (before.isLower() && after.isUpper()) || u"._:/=,-"_s.contains(before);
}

QString brokenWord(const QString &word)
{
    if (word.size() < kLongWord)
        return word;
    QString broken;
    qsizetype run = 0;
    for (qsizetype at = 0; at < word.size(); ++at) {
        // A surrogate pair stays together, and so does the mark of code or of strong type.
        if (at > 0 && word[at].isLetterOrNumber() && !word[at].isLowSurrogate()
            && (isBreakAfter(word[at - 1], word[at]) || run >= kLongestRun)) {
            broken += kBreak;
            run = 0;
        }
        broken += word[at];
        ++run;
    }
    return broken;
}

} // namespace

QString withBreaks(const QString &text)
{
    QString broken;
    QString word;
    const auto endWord = [&] {
        broken += word.contains(u"]("_s) ? word : brokenWord(word);
        word.clear();
    };
    for (const QChar letter : text) {
        if (letter.isSpace()) {
            endWord();
            broken += letter;
        } else {
            word += letter;
        }
    }
    endWord();
    return broken;
}

QString withoutBreaks(QString text)
{
    return text.remove(kBreak);
}

ProseLabel::ProseLabel(const QString &text, Qt::TextFormat format, QWidget *parent)
    : QLabel(withBreaks(text), parent)
{
    setTextFormat(format);
    setWordWrap(true);
    setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::LinksAccessibleByMouse);
    auto *copy = new QAction(tr("Copy"), this);
    copy->setShortcut(QKeySequence::Copy);
    copy->setShortcutContext(Qt::WidgetShortcut);
    connect(copy, &QAction::triggered, this,
        [this] { QGuiApplication::clipboard()->setText(withoutBreaks(selectedText())); });
    addAction(copy);
    setContextMenuPolicy(Qt::ActionsContextMenu);
}

} // namespace queuelab::ui
