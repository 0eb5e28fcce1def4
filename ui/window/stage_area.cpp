#include "ui/window/stage_area.h"

#include "ui/stages/scene_stage.h"
#include "ui/theme/style_sheet.h"
#include "ui/widgets/export_picture.h"

#include <QAction>
#include <QButtonGroup>
#include <QHBoxLayout>
#include <QPushButton>
#include <QStackedWidget>
#include <QVBoxLayout>

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

struct EngineOf {
    using Engine = world::Engine;
    std::optional<Engine> operator()(const world::CreateTopic &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::DeleteTopic &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::AddPartitions &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::DeleteRecords &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::Produce &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::AddProducer &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::AddConsumer &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::AddShareConsumer &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::AlterGroupConfigs &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::AddTransformer &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::AlterConfigs &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::ResetOffsets &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::ElectLeaders &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::KillBroker &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::RestartBroker &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::StopBroker &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::IsolateBroker &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::RejoinBroker &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::SlowBroker &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::SkipClock &) const { return Engine::Log; }
    std::optional<Engine> operator()(const world::DeclareExchange &) const
    {
        return Engine::Exchange;
    }
    std::optional<Engine> operator()(const world::DeclareQueue &) const { return Engine::Exchange; }
    std::optional<Engine> operator()(const world::Bind &) const { return Engine::Exchange; }
    std::optional<Engine> operator()(const world::Unbind &) const { return Engine::Exchange; }
    std::optional<Engine> operator()(const world::Publish &) const { return Engine::Exchange; }
    std::optional<Engine> operator()(const world::AddPublisher &) const { return Engine::Exchange; }
    std::optional<Engine> operator()(const world::AddWorker &) const { return Engine::Exchange; }
    std::optional<Engine> operator()(const world::CreateQueue &) const
    {
        return Engine::Visibility;
    }
    std::optional<Engine> operator()(const world::SetQueueAttributes &) const
    {
        return Engine::Visibility;
    }
    std::optional<Engine> operator()(const world::SendMessage &) const
    {
        return Engine::Visibility;
    }
    std::optional<Engine> operator()(const world::AddSender &) const { return Engine::Visibility; }
    std::optional<Engine> operator()(const world::AddReceiver &) const
    {
        return Engine::Visibility;
    }
    template <class Other> std::optional<Engine> operator()(const Other &) const
    {
        return std::nullopt;
    }
};

QString engineName(world::Engine engine)
{
    switch (engine) {
    case world::Engine::Log:
        return u"Kafka"_s;
    case world::Engine::Exchange:
        return u"RabbitMQ"_s;
    case world::Engine::Visibility:
        return u"SQS"_s;
    }
    return {};
}

} // namespace

std::optional<world::Engine> engineOf(const world::Command &command)
{
    return std::visit(EngineOf{}, command);
}

std::set<world::Engine> enginesOf(const lessons::Lesson &lesson)
{
    std::set<world::Engine> engines;
    for (const lessons::Step &step : lesson.steps)
        for (const world::Command &command : step.commands)
            if (const std::optional<world::Engine> engine = engineOf(command))
                engines.insert(*engine);
    return engines;
}

StageArea::StageArea(QWidget *parent)
    : QFrame(parent)
    , m_stack(new QStackedWidget(this))
    , m_switch(new QWidget(this))
    , m_buttons(new QButtonGroup(this))
{
    setObjectName(u"stages"_s);
    setRole(*this, "card");
    auto *switchRow = new QHBoxLayout(m_switch);
    switchRow->setContentsMargins(14, 8, 14, 0);
    switchRow->setSpacing(6);
    for (const world::Engine engine :
        {world::Engine::Log, world::Engine::Exchange, world::Engine::Visibility}) {
        std::unique_ptr<Stage> made = makeStage(engine);
        Stage *stage = made.release(); // the stack owns it
        m_stack->addWidget(stage);
        m_stages[engine] = stage;
        connect(stage, &Stage::picked, this, &StageArea::picked);
        auto *save = new QAction(tr("Save picture …"), stage);
        connect(save, &QAction::triggered, this, [stage] { exportPicture(*stage); });
        stage->addAction(save);
        stage->setContextMenuPolicy(Qt::ActionsContextMenu);

        const int number = static_cast<int>(engine);
        auto *button = new QPushButton(engineName(engine), m_switch);
        button->setObjectName(u"stages.%1"_s.arg(engineName(engine)));
        button->setCheckable(true);
        button->setFocusPolicy(Qt::TabFocus);
        const QKeySequence keys(QKeyCombination(Qt::CTRL, Qt::Key(Qt::Key_1 + number)));
        button->setShortcut(keys);
        button->setToolTip(
            tr("Show %1 (%2)").arg(engineName(engine), keys.toString(QKeySequence::NativeText)));
        setRole(*button, "chip");
        m_buttons->addButton(button, number);
        switchRow->addWidget(button);
    }
    switchRow->addStretch(1);
    connect(m_buttons, &QButtonGroup::idClicked, this,
        [this](int engine) { showEngine(static_cast<world::Engine>(engine)); });
    auto *column = new QVBoxLayout(this);
    column->setContentsMargins(1, 1, 1, 1);
    column->setSpacing(0);
    column->addWidget(m_switch);
    column->addWidget(m_stack, 1);
}

Stage &StageArea::current()
{
    return *m_stages.at(m_shown);
}

void StageArea::setEngines(const std::set<world::Engine> &engines)
{
    for (const auto &[engine, stage] : m_stages)
        m_buttons->button(static_cast<int>(engine))->setVisible(engines.contains(engine));
    m_switch->setVisible(engines.size() > 1);
    if (!engines.empty())
        showEngine(*engines.begin());
}

void StageArea::showEngine(world::Engine engine)
{
    const bool changed = engine != m_shown;
    m_shown = engine;
    m_buttons->button(static_cast<int>(engine))->setChecked(true);
    m_stack->setCurrentWidget(&current());
    // The hidden ones are not kept up to date: nobody pays for what nobody sees.
    if (changed && m_snapshot) {
        current().clear();
        current().setSnapshot(m_snapshot);
        current().recall(m_recent);
    }
}

void StageArea::comeToRest()
{
    current().recall(m_recent);
}

void StageArea::remember(const Frame &frame)
{
    // Rows that stood in an earlier frame too come again when the newest thousand were not all.
    if (!frame.rows.empty())
        std::erase_if(m_recent, [first = frame.rows.front().sequence](const EventRow &row) {
            return row.sequence >= first;
        });
    const qint64 since =
        (frame.snapshot->now - frame.snapshot->start - SceneInput::kRecent).count();
    std::erase_if(m_recent, [since](const EventRow &row) { return row.atNs < since; });
    const auto first = std::ranges::lower_bound(frame.rows, since, {}, &EventRow::atNs);
    m_recent.insert(m_recent.end(), first, frame.rows.end());
    if (m_recent.size() > kMostRecent)
        m_recent.erase(m_recent.begin(), m_recent.end() - static_cast<std::ptrdiff_t>(kMostRecent));
}

void StageArea::setFrame(const Frame &frame)
{
    if (frame.world != m_world || frame.jump != m_jump) {
        for (const auto &[engine, stage] : m_stages)
            stage->clear();
        m_recent.clear();
        m_world = frame.world;
        m_jump = frame.jump;
    }
    m_snapshot = frame.snapshot;
    remember(frame);
    current().setSnapshot(frame.snapshot);
    if (frame.reset)
        current().recall(m_recent);
    else
        current().addEvents(frame.rows);
}

void StageArea::setChosen(const Thing &thing)
{
    for (const auto &[engine, stage] : m_stages)
        stage->setChosen(thing);
}

void StageArea::setReduceMotion(bool reduce)
{
    for (const auto &[engine, stage] : m_stages)
        stage->setReduceMotion(reduce);
}

} // namespace queuelab::ui
