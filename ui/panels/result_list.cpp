#include "ui/panels/result_list.h"

#include "engine/core/time.h"
#include "lessons/report_lines.h"
#include "ui/theme/style_sheet.h"
#include "ui/widgets/prose_label.h"

#include <QFrame>
#include <QHBoxLayout>
#include <QLabel>
#include <QVBoxLayout>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

/// A tinted row: a tick or a cross, what it is about in strong type, and lines of detail.
QFrame *makeRow(bool holds, const QString &head, const QStringList &lines, QWidget *parent)
{
    auto *row = new QFrame(parent);
    row->setObjectName(holds ? u"lesson.result.holds"_s : u"lesson.result.fails"_s);
    setRole(*row, holds ? "tint-done" : "tint-dead");
    auto *mark = new QLabel(holds ? u"✓"_s : u"✗"_s, row);
    setRole(*mark, holds ? "holds" : "fails");
    mark->setAccessibleName(holds ? ResultList::tr("holds") : ResultList::tr("fails"));
    auto *words = new QVBoxLayout;
    words->setSpacing(1);
    auto *title = new ProseLabel(head, Qt::PlainText, row);
    setRole(*title, "heading");
    words->addWidget(title);
    for (const QString &line : lines) {
        auto *detail = new ProseLabel(line, Qt::PlainText, row);
        setRole(*detail, "monosmall");
        words->addWidget(detail);
    }
    auto *layout = new QHBoxLayout(row);
    layout->setContentsMargins(8, 6, 8, 6);
    layout->setSpacing(10);
    layout->addWidget(mark, 0, Qt::AlignTop);
    layout->addLayout(words, 1);
    return row;
}

QString toText(const std::string &text)
{
    return QString::fromStdString(text);
}

QStringList checkLines(const lessons::ExpectationResult &expectation)
{
    QStringList lines;
    for (const lessons::CheckResult &check : expectation.checks) {
        if (check.holds && check.expected == check.seen)
            lines += ResultList::tr("%1: %2").arg(toText(check.field), toText(check.seen));
        else if (check.holds)
            lines += ResultList::tr("%1: %2 (expected %3)")
                         .arg(toText(check.field), toText(check.seen), toText(check.expected));
        else
            lines += ResultList::tr("%1: expected %2, seen %3")
                         .arg(toText(check.field), toText(check.expected), toText(check.seen));
    }
    if (!expectation.holds())
        lines += ResultList::tr("at %1").arg(toText(formatClock(expectation.at)));
    return lines;
}

} // namespace

ResultList::ResultList(const lessons::StepResult &result, QWidget *parent)
    : QWidget(parent)
{
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(0, 0, 0, 0);
    column->setSpacing(6);
    auto *caption = new QLabel(tr("What the run says"), this);
    setRole(*caption, "caption");
    column->addWidget(caption);

    for (const lessons::CommandFailure &failure : result.failures)
        column->addWidget(makeRow(false, tr("refused: %1").arg(toText(failure.error.code)),
            {toText(failure.command), toText(failure.error.message), toText(failure.place)}, this));
    for (const lessons::ExpectationResult &expectation : result.expectations)
        column->addWidget(makeRow(
            expectation.holds(), toText(expectation.subject), checkLines(expectation), this));
    for (const lessons::Measurement &measurement : result.measurements)
        column->addWidget(makeRow(true,
            tr("%1: %2").arg(
                toText(measurement.name), toText(lessons::measurementText(measurement))),
            {tr("measured on this machine")}, this));
    if (result.liveError)
        column->addWidget(makeRow(
            false, tr("It could not be measured"), {toText(result.liveError->text())}, this));
}

} // namespace queuelab::ui
