#include "engine/world/driver.h"
#include "world_fixture.h"

using namespace queuelab;
using namespace queuelab::world;

namespace {

std::unique_ptr<Timeline> timelineOf(Session session)
{
    auto timeline = Timeline::create(std::move(session));
    if (!timeline)
        qFatal("%s", timeline.error().text().c_str());
    return *std::move(timeline);
}

/// A session in which all three engines work and something breaks, for a seed.
Session busySession(std::uint64_t seed)
{
    Session session;
    session.world.seed = seed;
    session.world.jitter = Duration(200us);
    session.world.logConfigs = {{"group.initial.rebalance.delay.ms", "500"}};
    const auto at = [&](Duration time, const std::string &text) {
        session.commands.push_back({time, command(text)});
    };
    at(0s, "create-topic: {name: orders, partitions: 4}");
    at(0s,
        "add-consumer: {group: g, topics: [orders], count: 2, processing: {low: 1ms, high: 20ms}}");
    at(0s, "declare-queue: {name: jobs, arguments: {x-max-length: 50}}");
    at(0s, "create-queue: {name: pay, attributes: {VisibilityTimeout: 2}}");
    at(1s,
        "add-producer: {topic: orders, rate: 60/s, arrival: poisson, keys: {count: 10, skew: 1}}");
    at(1s,
        "add-worker: {queue: jobs, count: 2, prefetch: 3, processing: {low: 5ms, high: 60ms}, "
        "crash-chance: 0.005}");
    at(1s, "add-publisher: {exchange: \"\", keys: [jobs], rate: 50/s, arrival: poisson}");
    at(1s, "add-sender: {queue: pay, rate: 20/s, arrival: poisson}");
    at(1s,
        "add-receiver: {queue: pay, count: 2, processing: {low: 10ms, high: 300ms}, crash-chance: "
        "0.01}");
    at(4s, "kill-broker: {}");
    at(5s, "restart-broker: {}");
    at(5s, "crash-consumer: {name: nobody}"); // refused, and part of the play all the same
    at(6s, "cut-link: {client: g-1}");
    at(8s, "mend-link: {client: g-1}");
    at(8s, "pause-consumer: {name: g-2}");
    at(9s, "resume-consumer: {name: g-2}");
    session.end = 10s;
    return session;
}

} // namespace

/// Going back, replaying and forking: the same place gives the same world, byte for byte.
class TestTimeline : public QObject {
    Q_OBJECT

private Q_SLOTS:
    void goingBackAndForthGivesTheSameTrace_data()
    {
        QTest::addColumn<quint64>("seed");
        for (quint64 seed = 1; seed <= 40; ++seed)
            QTest::addRow("seed %llu", static_cast<unsigned long long>(seed)) << seed;
    }
    void goingBackAndForthGivesTheSameTrace()
    {
        QFETCH(quint64, seed);
        const auto straight = timelineOf(busySession(seed));
        straight->seek(10s);
        const std::string expected = traceText(straight->world());

        const auto timeline = timelineOf(busySession(seed));
        Random random(seed);
        for (int jump = 0; jump < 12; ++jump) {
            const Duration target(random.between(0, Duration(10s).count()));
            QVERIFY(timeline->seek(target));
            QCOMPARE(timeline->position(), target);
            if (random.chance(0.3))
                timeline->stepForward();
            if (random.chance(0.3))
                timeline->stepBack();
        }
        QVERIFY(timeline->seek(10s));
        QCOMPARE(timeline->world().steps(), straight->world().steps());
        QVERIFY(traceText(timeline->world()) == expected);
        QVERIFY(timeline->branches().empty());
    }

    void aRecordedSessionReplaysAsItWasPerformed_data()
    {
        goingBackAndForthGivesTheSameTrace_data();
    }
    void aRecordedSessionReplaysAsItWasPerformed()
    {
        QFETCH(quint64, seed);
        // Performed by a hand at whatever moment, also in the middle of an instant.
        const Session script = busySession(seed);
        Session empty;
        empty.world = script.world;
        const auto performed = timelineOf(empty);
        Random random(seed + 1000);
        for (const TimedCommand &timed : script.commands) {
            const Duration at = timed.at + Duration(random.between(0, 1'000'000));
            performed->seek(std::max(at, performed->position()));
            for (std::uint64_t steps = random.below(3); steps > 0; --steps)
                performed->stepForward();
            (void)performed->perform(timed.command);
        }
        performed->seek(12s);
        QCOMPARE(performed->session().commands.size(), script.commands.size());
        const auto saved = readSession(writeSession(performed->session()), "saved");
        QVERIFY(saved);
        const auto replayed = timelineOf(*saved);
        replayed->seek(12s);
        QVERIFY(traceText(replayed->world()) == traceText(performed->world()));
    }

    void stepBackUndoesOneStepForward()
    {
        const auto timeline = timelineOf(busySession(3));
        std::vector<std::uint64_t> events;
        std::vector<Duration> positions;
        for (int i = 0; i < 400; ++i) {
            events.push_back(timeline->world().trace().end());
            positions.push_back(timeline->position());
            QVERIFY(timeline->stepForward());
        }
        for (int i = 399; i >= 0; i -= 7) {
            while (timeline->world().trace().end() > events[static_cast<std::size_t>(i)]
                || timeline->position() > positions[static_cast<std::size_t>(i)])
                QVERIFY(timeline->stepBack());
            QCOMPARE(timeline->position(), positions[static_cast<std::size_t>(i)]);
        }
    }

    void stepBackFromAQuietMomentGoesBeforeTheLastStep()
    {
        const auto timeline = timelineOf({});
        QVERIFY(!timeline->stepBack());
        QVERIFY(timeline->perform(command("create-topic: {name: a}")));
        timeline->seek(1s); // before the broker's first heartbeat
        QVERIFY(timeline->stepBack());
        QCOMPARE(timeline->position(), Duration(0));
        QVERIFY(timeline->world().snapshot()->log.topics.empty());
        QVERIFY(timeline->stepForward());
        QCOMPARE(timeline->world().snapshot()->log.topics.size(), std::size_t{1});
    }

    void aCommandInThePastForksAndTheOldFutureStays()
    {
        const auto timeline = timelineOf(busySession(5));
        timeline->seek(10s);
        const std::string before = traceText(timeline->world());
        timeline->seek(3s);
        QVERIFY(timeline->perform(command("crash-consumer: {name: g-1}")));
        QCOMPARE(timeline->branches().size(), std::size_t{1});
        QCOMPARE(timeline->end(), Duration(3s));
        QCOMPARE(timeline->session().commands.back().at, Duration(3s));
        timeline->seek(10s);
        const std::string forked = traceText(timeline->world());
        QVERIFY(forked != before);

        QVERIFY(timeline->switchTo(0, 10s));
        QVERIFY(traceText(timeline->world()) == before);
        QVERIFY(timeline->switchTo(0, 10s));
        QVERIFY(traceText(timeline->world()) == forked);
        QVERIFY(!timeline->switchTo(7, 10s));
    }

    void aForkAfterAQuietStretchReplaysExactly()
    {
        const auto timeline = timelineOf({});
        (void)timeline->perform(command("create-topic: {name: a}"));
        timeline->seek(60s);
        timeline->seek(10s);
        (void)timeline->perform(command("create-topic: {name: b}"));
        timeline->seek(70s);
        const std::string expected = traceText(timeline->world());
        timeline->seek(5s);
        timeline->seek(70s);
        QVERIFY(traceText(timeline->world()) == expected);
    }

    void fewCheckpointsGiveTheSameWorld()
    {
        const auto straight = timelineOf(busySession(9));
        straight->seek(10s);
        const auto timeline = timelineOf(busySession(9));
        timeline->setCheckpointsKept(1);
        timeline->seek(10s);
        timeline->seek(6s);
        timeline->seek(10s);
        QVERIFY(traceText(timeline->world()) == traceText(straight->world()));
    }

    void marksAreTheMilestonesOfThisBranch()
    {
        const auto timeline = timelineOf(busySession(2));
        timeline->seek(7s);
        const auto countOf = [&](const char *text) {
            const std::vector<Timeline::Mark> marks = timeline->marks();
            return std::ranges::count_if(marks, [&](const Timeline::Mark &mark) {
                return mark.label.find(text) != std::string::npos;
            });
        };
        QCOMPARE(countOf("link cut g-1"), 1);
        timeline->seek(2s);
        QCOMPARE(countOf("link cut g-1"), 1);
        timeline->seek(7s);
        QCOMPARE(countOf("link cut g-1"), 1);
        timeline->seek(2s);
        (void)timeline->perform(command("pause-consumer: {name: g-1}"));
        QCOMPARE(countOf("link cut g-1"), 0);
        const std::vector<Timeline::Mark> marks = timeline->marks();
        QVERIFY(std::ranges::is_sorted(marks, {}, &Timeline::Mark::at));
    }

    void runToNextEventStopsAtANotableOne()
    {
        const auto timeline = timelineOf(busySession(2));
        QVERIFY(timeline->runToNextEvent(EventWeight::Milestone, 1s));
        const std::uint64_t last = timeline->world().trace().end() - 1;
        QVERIFY(
            eventInfo(timeline->world().trace().at(last).kind).weight == EventWeight::Milestone);
        const auto quiet = timelineOf({});
        QVERIFY(!quiet->runToNextEvent(EventWeight::Milestone, 3s));
        QCOMPARE(quiet->position(), Duration(3s));
    }

    void theDriverFollowsTheWallClockAtItsSpeed()
    {
        const auto timeline = timelineOf(busySession(1));
        Driver driver;
        QVERIFY(!driver.advance(*timeline, 5s, 10s, UINT64_MAX));
        driver.play(100s, timeline->position(), 2);
        QVERIFY(!driver.advance(*timeline, 101s, 10s, UINT64_MAX));
        QCOMPARE(timeline->position(), Duration(2s));
        QVERIFY(driver.advance(*timeline, 103s, 10s, 10)); // behind: more to do at once
        QVERIFY(!driver.advance(*timeline, 103s, 10s, UINT64_MAX));
        QCOMPARE(timeline->position(), Duration(6s));
        driver.play(200s, timeline->position(), Driver::kFlatOut);
        while (driver.advance(*timeline, 200s, 10s, 100)) { }
        QCOMPARE(timeline->position(), Duration(10s));
        driver.pause();
        QVERIFY(!driver.advance(*timeline, 900s, 20s, UINT64_MAX));
    }
};

QTEST_APPLESS_MAIN(TestTimeline)
#include "tst_timeline.moc"
