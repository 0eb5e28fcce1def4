#include "engine/world/simulation/simulation.h"

#include "engine/core/memory_files.h"
#include "engine/world/simulation/checks.h"
#include "engine/world/simulation/faults.h"

#include <algorithm>

namespace queuelab::world::simulation {

namespace {

constexpr Duration kTimeToHeal = std::chrono::minutes{3};
constexpr Duration kLookInterval = std::chrono::seconds{1};
/// The last part of the time is without new faults.
constexpr Duration kCalm = std::chrono::seconds{5};

/// One seed under way.
class Run {
public:
    Run(const Options &options, Session *session)
        : m_options(options)
        , m_ownSession()
        , m_session(session ? *session : m_ownSession)
    {
        m_report.scenario = drawScenario(options.seed);
        m_session = Session{m_report.scenario.world, {}, {}};
    }

    Report go()
    {
        auto created = World::create(m_report.scenario.world, std::make_unique<MemoryFiles>(),
            Mode::Deterministic, kVirtualStart, m_options.bug);
        invariant(created.has_value(), "a drawn cluster can be made");
        m_world = *std::move(created);
        History history(m_report.scenario);
        m_world->setLogTap(&history);
        m_world->setTraceSink(&history);

        for (const Command &command : m_report.scenario.commands)
            perform(command);
        breakThings();
        std::vector<Anomaly> atRest = heal(history);

        m_report.anomalies = history.anomalies();
        const auto take = [&](std::vector<Anomaly> &&more) {
            std::ranges::move(more, std::back_inserter(m_report.anomalies));
        };
        take(std::move(atRest));
        take(checkLogs(m_report.scenario, history, *m_world));
        const Logs logs = readLogs(m_report.scenario, history, *m_world);
        take(checkTransactions(m_report.scenario, history, logs));
        take(checkCompacted(m_report.scenario, history, logs));
        take(checkShareGroups(m_report.scenario, history, logs));
        take(checkDirectories(m_report.scenario, *m_world));
        m_report.acknowledged = history.acknowledgedRecords();
        m_report.read = history.readRecords();
        m_report.steps = m_world->steps();
        m_session.end = position();
        m_report.session = m_session;
        m_world->setLogTap(nullptr);
        m_world->setTraceSink(nullptr);
        return std::move(m_report);
    }

private:
    Duration position() const { return m_world->now() - m_world->start(); }

    /// As a timeline does it, so that the session repeats it.
    bool perform(const Command &command)
    {
        m_world->runUntil(m_world->now());
        m_session.commands.push_back({position(), command});
        m_session.end = position();
        return m_world->apply(command).has_value();
    }

    void runTo(Duration at)
    {
        m_session.end = at;
        m_world->runUntil(m_world->start() + at);
    }

    void breakThings()
    {
        Faults faults(m_report.scenario, Random(m_options.seed).stream("faults"));
        const Duration until = m_options.time - kCalm;
        while (faults.nextAt() < until) {
            runTo(std::max(faults.nextAt(), position()));
            const std::optional<Command> command = faults.next(position(), *m_world->snapshot());
            if (command && perform(*command))
                ++m_report.faults;
        }
        runTo(until);
        for (int round = 0; round < 5; ++round) {
            const std::vector<Command> mends = faults.healAll(*m_world->snapshot());
            for (const Command &mend : mends)
                perform(mend);
            runTo(position() + kLookInterval);
        }
        for (const SimulatedProducer &producer : m_report.scenario.producers)
            perform(StopProducer{producer.name});
        m_faults.emplace(std::move(faults));
    }

    /// What is still not in order when the time to heal is over.
    std::vector<Anomaly> heal(const History &history)
    {
        const Duration healed = position();
        std::vector<Anomaly> wrong;
        while (position() < healed + kTimeToHeal) {
            runTo(position() + kLookInterval);
            const std::shared_ptr<const Snapshot> snapshot = m_world->snapshot();
            for (const Command &mend : m_faults->healAll(*snapshot))
                perform(mend);
            wrong = checkAtRest(m_report.scenario, history, *snapshot);
            if (wrong.empty() && haveStopped(*snapshot))
                break;
        }
        m_report.healedAfter = position() - healed;
        return wrong;
    }

    bool haveStopped(const Snapshot &snapshot) const
    {
        return std::ranges::none_of(snapshot.clients, [](const ClientSnapshot &client) {
            return client.role == ClientRole::Producer && client.state == ClientState::Running;
        });
    }

    Options m_options;
    Session m_ownSession;
    Session &m_session;
    Report m_report;
    std::unique_ptr<World> m_world;
    std::optional<Faults> m_faults;
};

} // namespace

bool Report::hasFailed() const
{
    return std::ranges::any_of(anomalies, &Anomaly::isPromised);
}

Report simulate(const Options &options, Session *session)
{
    return Run(options, session).go();
}

} // namespace queuelab::world::simulation
