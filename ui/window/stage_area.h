#pragma once

#include "lessons/lesson.h"
#include "ui/session/frame.h"
#include "ui/stages/stage.h"

#include <QFrame>

#include <map>
#include <optional>
#include <set>

class QButtonGroup;
class QStackedWidget;

namespace queuelab::ui {

/// The engines that a command touches; none for faults, which say a client's name only.
std::optional<world::Engine> engineOf(const world::Command &command);
/// The engines a lesson uses, by its commands.
std::set<world::Engine> enginesOf(const lessons::Lesson &lesson);

/// The card with the pictures of the engines, one at a time; a switch appears when the world uses
/// several.
class StageArea final : public QFrame {
    Q_OBJECT

public:
    explicit StageArea(QWidget *parent = nullptr);

    /// Which pictures there are to choose from; the first is shown.
    void setEngines(const std::set<world::Engine> &engines);
    void setFrame(const Frame &frame);
    void showEngine(world::Engine engine);
    world::Engine shown() const { return m_shown; }
    void setChosen(const Thing &thing);
    void setReduceMotion(bool reduce);
    /// Ends what moves: the picture as it will stay.
    void comeToRest();

Q_SIGNALS:
    void picked(const queuelab::ui::Thing &thing);

private:
    Stage &current();
    void remember(const Frame &frame);

    static constexpr std::size_t kMostRecent = 2000;

    std::map<world::Engine, Stage *> m_stages;
    QStackedWidget *m_stack;
    QWidget *m_switch;
    QButtonGroup *m_buttons;
    world::Engine m_shown = world::Engine::Log;
    std::shared_ptr<const world::Snapshot> m_snapshot;
    /// Of all engines, the last SceneInput::kRecent of world time: what a picture that was hidden,
    /// or that shows another moment now, needs to show what has just happened.
    std::vector<EventRow> m_recent;
    quint64 m_world = 0;
    quint64 m_jump = 0;
};

} // namespace queuelab::ui
