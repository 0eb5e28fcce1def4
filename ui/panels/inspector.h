#pragma once

#include "ui/panels/thing_facts.h"
#include "ui/stages/stage.h"

#include <QFrame>

#include <memory>

class QGridLayout;
class QLabel;
class QScrollArea;

namespace queuelab::ui {

class StoryView;

/// The card of the thing that was clicked: its settings and state under their real names, and the
/// events that touched it. It stays open while time runs, and says so when the thing has gone.
class Inspector final : public QFrame {
    Q_OBJECT

public:
    explicit Inspector(QWidget *parent = nullptr);

    void setThing(const Thing &thing);
    const Thing &thing() const { return m_thing; }
    void setSnapshot(const std::shared_ptr<const world::Snapshot> &snapshot);
    void setStory(const std::vector<EventRow> &rows);

Q_SIGNALS:
    void closeWished();
    void seekWished(qint64 at);

private:
    void refresh();

    Thing m_thing;
    std::shared_ptr<const world::Snapshot> m_snapshot;
    QLabel *m_kind;
    QLabel *m_title;
    QGridLayout *m_facts;
    QLabel *m_storyTitle;
    StoryView *m_story;
    QScrollArea *m_scroll;
};

} // namespace queuelab::ui
