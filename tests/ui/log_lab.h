#pragma once

#include "engine/core/memory_files.h"
#include "engine/world/world.h"
#include "ui/session/event_rows.h"
#include "ui/stages/log_stage.h"

#include <QTest>

#include <algorithm>
#include <memory>
#include <vector>

namespace queuelab::test {

/// A real world, driven by commands as a lesson writes them, and the log's stage above it.
class LogLab {
public:
    explicit LogLab(int brokers = 1)
    {
        world::WorldConfig config;
        config.logBrokers = brokers;
        auto world = world::World::create(config, std::make_unique<MemoryFiles>());
        if (!world)
            qFatal("no world: %s", world.error().text().c_str());
        m_world = std::move(*world);
        m_stage.resize(1280, 800);
    }
    void apply(const char *command)
    {
        world::YamlProblems problems("test");
        const auto read = world::readCommand(YAML::Load(command), problems);
        if (!read || !m_world->apply(*read))
            qFatal("cannot: %s", command);
    }
    void runFor(Duration span) { m_world->runUntil(m_world->now() + span); }
    /// Goes on in small steps until `reached(snapshot)`, at most a minute.
    template <class Reached> bool runUntil(Reached reached)
    {
        for (int step = 0; step < 1200; ++step) {
            if (reached(*m_world->snapshot()))
                return true;
            runFor(50ms);
        }
        return false;
    }
    std::shared_ptr<const world::Snapshot> snapshot() const { return m_world->snapshot(); }
    const world::World &world() const { return *m_world; }
    std::vector<ui::EventRow> rows() const
    {
        return ui::makeEventRows(m_world->trace(), 0, 1'000'000, m_world->start());
    }

    /// The stage as it shows the present moment, through the eyes of `group` when one is named.
    const ui::Scene &look(const QString &group = {})
    {
        m_stage.setSnapshot(snapshot());
        m_stage.setChosen(
            group.isEmpty() ? ui::Thing{} : ui::Thing{ui::Thing::Kind::Group, group, -1, {}});
        m_stage.recall(rows());
        return m_stage.scene();
    }
    QString describe(const ui::Thing &thing) const
    {
        return static_cast<const ui::Stage &>(m_stage).describe(thing);
    }
    QString describeRecord(const QString &partition, qint64 offset) const
    {
        return describe({ui::Thing::Kind::Record, partition, offset, {}});
    }
    bool says(const QString &words)
    {
        return std::ranges::any_of(m_stage.scene().marks, [&](const ui::Mark &mark) {
            const auto *label = std::get_if<ui::LabelMark>(&mark);
            return label && label->text.contains(words);
        });
    }
    /// Cells of lanes that `wanted` accepts; the legend's swatches are smaller.
    template <class Wanted> int countBoxes(Wanted wanted)
    {
        return static_cast<int>(
            std::ranges::count_if(m_stage.scene().marks, [&](const ui::Mark &mark) {
                const auto *box = std::get_if<ui::BoxMark>(&mark);
                return box && box->rect.height() > 13 && wanted(*box);
            }));
    }

private:
    std::unique_ptr<world::World> m_world;
    ui::LogStage m_stage;
};

} // namespace queuelab::test
