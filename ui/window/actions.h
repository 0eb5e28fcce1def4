#pragma once

#include "ui/theme/theme.h"

#include <QList>
#include <QObject>

class QAction;
class QKeySequence;

namespace queuelab::ui {

/// Everything the window can do, once each: menus, buttons, the palette and tests use these
/// actions. Object names
/// ("run.play") are stable, lessons point at them; tool tips say the shortcut.
class Actions final : public QObject {
    Q_OBJECT

public:
    explicit Actions(QObject *parent = nullptr);

    QAction *open;
    QAction *save;
    QAction *sandbox;
    QAction *quit;

    QAction *play;
    QAction *toStart;
    QAction *stepBack;
    QAction *stepForward;
    QAction *nextEvent;
    QAction *slower;
    QAction *faster;

    QAction *runStep;
    QAction *again;
    QAction *restartLesson;
    QAction *nextLesson;
    QAction *previousLesson;

    QAction *commands;
    QAction *faults;
    QAction *search;
    QAction *theme;
    QAction *larger;
    QAction *smaller;
    QAction *normalSize;
    QAction *reduceMotion;
    QAction *closeInspector;
    QAction *arrange;
    QAction *resetLayout;

    /// In the order in which they are listed.
    const QList<QAction *> &all() const { return m_all; }
    /// Draws the icons in the theme's ink.
    void restyle(const Theme &look);
    void showPlaying(bool playing);

private:
    QAction *add(const char *name, const QString &text, const QList<QKeySequence> &keys,
        const char *icon = nullptr);

    QList<QAction *> m_all;
    Theme m_theme;
    bool m_playing = false;
    bool m_stale = true; // the play icon is of another theme
};

/// "Step back (F9)": the tool tip of an action.
QString actionToolTip(const QAction &action);

} // namespace queuelab::ui
