#include "ui/window/actions.h"

#include "ui/theme/icons.h"

#include <QAction>
#include <QKeySequence>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

QString actionToolTip(const QAction &action)
{
    QString text = action.text();
    text.remove(u'&');
    const QString keys = action.shortcut().toString(QKeySequence::NativeText);
    return keys.isEmpty() ? text : Actions::tr("%1 (%2)").arg(text, keys);
}

Actions::Actions(QObject *parent)
    : QObject(parent)
{
    open = add("file.open", tr("Open lesson or session …"), {QKeySequence::Open}, "open");
    save = add("file.save", tr("Save session …"), {QKeySequence::Save}, "save");
    sandbox = add("world.sandbox", tr("New sandbox"), {QKeySequence::New});

    play = add("run.play", tr("Play"), {Qt::Key_Space}, "play");
    toStart = add("run.toStart", tr("Back to the start"), {QKeySequence(Qt::CTRL | Qt::Key_Home)},
        "to-start");
    stepBack = add("run.stepBack", tr("Step back"), {Qt::Key_F9}, "step-back");
    stepForward = add("run.stepForward", tr("Step forward"), {Qt::Key_F10}, "step-forward");
    nextEvent =
        add("run.nextEvent", tr("To the next interesting event"), {Qt::Key_F11}, "next-event");
    slower = add("run.slower", tr("Slower"), {QKeySequence(Qt::CTRL | Qt::Key_BracketLeft)});
    faster = add("run.faster", tr("Faster"), {QKeySequence(Qt::CTRL | Qt::Key_BracketRight)});

    runStep = add("lesson.run", tr("Run the step, or go on to the next"),
        {QKeySequence(Qt::CTRL | Qt::Key_Return), Qt::Key_PageDown});
    again = add("lesson.again", tr("This step again"), {QKeySequence(Qt::CTRL | Qt::Key_R)});
    restartLesson = add("lesson.restart", tr("Restart the lesson"),
        {QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_R)});
    nextLesson = add("lesson.next", tr("Next lesson"), {QKeySequence(Qt::CTRL | Qt::Key_PageDown)});
    previousLesson =
        add("lesson.previous", tr("Previous lesson"), {QKeySequence(Qt::CTRL | Qt::Key_PageUp)});

    commands =
        add("view.commands", tr("Commands"), {QKeySequence(Qt::CTRL | Qt::Key_K)}, "command");
    faults = add("view.faults", tr("Faults"), {Qt::Key_F8}, "fault");
    search = add("view.search", tr("Search the course"), {QKeySequence::Find}, "search");
    theme = add("view.theme", tr("Light or dark"), {QKeySequence(Qt::CTRL | Qt::Key_T)}, "theme");
    larger = add("view.larger", tr("Larger type"),
        {QKeySequence::ZoomIn, QKeySequence(Qt::CTRL | Qt::Key_Equal)});
    smaller = add("view.smaller", tr("Smaller type"), {QKeySequence::ZoomOut});
    normalSize = add("view.normalSize", tr("Normal type"), {QKeySequence(Qt::CTRL | Qt::Key_0)});
    reduceMotion = add(
        "view.reduceMotion", tr("Reduce motion"), {QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_M)});
    reduceMotion->setCheckable(true);
    closeInspector = add("view.closeInspector", tr("Close the inspector"), {Qt::Key_Escape});
    arrange =
        add("view.arrange", tr("Arrange panels"), {QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_A)});
    arrange->setCheckable(true);
    resetLayout = add(
        "view.resetLayout", tr("Reset panels"), {QKeySequence(Qt::CTRL | Qt::SHIFT | Qt::Key_0)});
    quit = add("file.quit", tr("Quit"), {QKeySequence::Quit});
}

QAction *Actions::add(
    const char *name, const QString &text, const QList<QKeySequence> &keys, const char *icon)
{
    auto *action = new QAction(text, this);
    action->setObjectName(QLatin1String(name));
    action->setShortcuts(keys);
    action->setToolTip(actionToolTip(*action));
    if (icon)
        action->setProperty("iconName", QString::fromLatin1(icon));
    m_all.append(action);
    return action;
}

void Actions::restyle(const Theme &look)
{
    m_theme = look;
    m_stale = true;
    for (QAction *action : std::as_const(m_all)) {
        const QString icon = action->property("iconName").toString();
        if (!icon.isEmpty() && action != play)
            action->setIcon(themedIcon(icon, look.ink));
    }
    showPlaying(m_playing);
}

void Actions::showPlaying(bool playing)
{
    const bool same = playing == m_playing && !m_stale;
    m_playing = playing;
    if (same)
        return; // asked at every frame
    m_stale = false;
    play->setText(playing ? tr("Pause") : tr("Play"));
    play->setToolTip(actionToolTip(*play));
    play->setIcon(themedIcon(playing ? u"pause"_s : u"play"_s, m_theme.onReady));
}

} // namespace queuelab::ui
