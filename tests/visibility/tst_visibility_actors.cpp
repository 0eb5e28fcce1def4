#include "engine/core/memory_files.h"
#include "engine/visibility/events.h"
#include "engine/world/actor.h"

#include <QTest>

#include <algorithm>

using namespace queuelab;
using namespace queuelab::visibility;
using namespace std::chrono_literals;
using world::AddReceiver;
using world::AddSender;

namespace {

/// A service and actors with no network between them: what one sends, the other has at the same
/// moment.
class Bench {
public:
    Bench() { ask("jobs", visibility::CreateQueue{"jobs", {{"VisibilityTimeout", "30"}}}); }

    void add(const std::string &name, std::unique_ptr<world::Actor> actor)
    {
        Player &player = m_players.emplace_back(Player{name, std::move(actor), {}, {}, false});
        step(player,
            [](world::Actor &added, world::ActorContext &context) { added.start(context); });
    }
    void send(const std::string &body, int count = 1)
    {
        for (int i = 0; i < count; ++i) {
            visibility::SendMessage message;
            message.queue = "jobs";
            message.body = SharedBytes::fromText(body);
            ask("hand", std::move(message));
        }
        settle();
    }
    void stop(const std::string &name)
    {
        step(player(name),
            [](world::Actor &actor, world::ActorContext &context) { actor.stop(context); });
    }
    void crash(const std::string &name)
    {
        Player &dead = player(name);
        dead.actor->crash();
        dead.wakeAt.reset();
        apply(ClientGone{idOf(dead)});
        settle();
    }
    void restart(const std::string &name)
    {
        step(player(name),
            [](world::Actor &actor, world::ActorContext &context) { actor.start(context); });
    }
    void setRate(const std::string &name, double perSecond)
    {
        step(player(name), [&](world::Actor &actor, world::ActorContext &context) {
            actor.setRate({perSecond}, context);
        });
    }
    void advance(Duration by)
    {
        const Instant end = m_now + by;
        while (true) {
            std::optional<Instant> next = m_serviceWake;
            for (const Player &player : m_players) {
                if (player.wakeAt && (!next || *player.wakeAt < *next))
                    next = player.wakeAt;
            }
            if (!next || *next > end)
                break;
            m_now = std::max(m_now, *next);
            if (m_serviceWake && *m_serviceWake <= m_now) {
                m_serviceWake.reset();
                apply(WakeUp{});
            }
            for (Player &player : m_players) {
                if (player.wakeAt && *player.wakeAt <= m_now) {
                    player.wakeAt.reset();
                    step(player, [](world::Actor &actor, world::ActorContext &context) {
                        actor.wake(context);
                    });
                }
            }
            settle();
        }
        m_now = end;
    }

    world::ClientSnapshot see(const std::string &name)
    {
        world::ClientSnapshot shown;
        player(name).actor->describe(shown, m_trace.names());
        return shown;
    }
    QueueSnapshot queue() const { return m_service.snapshot().queues.front(); }
    bool finished(const std::string &name) { return player(name).finished; }
    std::uint64_t count(VisibilityEvent event) const { return m_trace.count(kind(event)); }
    world::OutcomeSnapshot outcome() const { return m_outcomes.snapshot(m_trace.names()).at(0); }

private:
    struct Player {
        std::string name;
        std::unique_ptr<world::Actor> actor;
        std::optional<Instant> wakeAt;
        std::vector<std::pair<RequestId, Response>> inbox;
        bool finished;
    };

    Player &player(const std::string &name)
    {
        return *std::ranges::find(m_players, name, &Player::name);
    }
    ClientId idOf(const Player &player) const
    {
        return ClientId(static_cast<std::uint32_t>(&player - m_players.data()) + 1);
    }

    template <class Do> void step(Player &player, Do act)
    {
        Context base{m_now, m_random, m_trace, m_files};
        world::Outbox out;
        world::ActorContext context{
            base, out, m_outcomes, kVirtualStart, m_trace.name(player.name)};
        act(*player.actor, context);
        player.finished = player.finished || out.finished;
        if (out.wakeAt && (!player.wakeAt || *out.wakeAt < *player.wakeAt))
            player.wakeAt = out.wakeAt;
        for (auto &message : out.messages) {
            auto &toQueue = std::get<world::Outbox::ToVisibility>(message);
            apply(ClientRequest{idOf(player), toQueue.id, player.name, std::move(toQueue.request)});
        }
        if (out.crashed)
            player.actor->crash();
        settle();
    }
    void ask(const std::string &name, Request request)
    {
        apply(ClientRequest{ClientId(1000), RequestId(0), name, std::move(request)});
    }
    void apply(const Input &input)
    {
        Context context{m_now, m_random, m_trace, m_files};
        Effects effects;
        m_service.apply(input, context, effects);
        for (Effect &effect : effects) {
            if (auto *answer = std::get_if<Answer>(&effect)) {
                if (answer->client.value() <= m_players.size())
                    m_players[answer->client.value() - 1].inbox.emplace_back(
                        answer->id, std::move(answer->response));
            } else {
                const Instant at = std::get<WakeAt>(effect).at;
                if (!m_serviceWake || at < *m_serviceWake)
                    m_serviceWake = at;
            }
        }
    }
    void settle()
    {
        for (std::size_t i = 0; i < m_players.size(); ++i) {
            while (!m_players[i].inbox.empty()) {
                auto [id, response] = std::move(m_players[i].inbox.front());
                m_players[i].inbox.erase(m_players[i].inbox.begin());
                step(m_players[i], [&](world::Actor &actor, world::ActorContext &context) {
                    actor.receive(id, response, context);
                });
            }
        }
    }

    Service m_service{ServiceConfig{}};
    Random m_random{7};
    Trace m_trace;
    MemoryFiles m_files;
    world::Outcomes m_outcomes;
    Instant m_now = kVirtualStart;
    std::optional<Instant> m_serviceWake;
    std::vector<Player> m_players;
};

AddSender addSender(double perSecond, std::int32_t batch, std::uint64_t total)
{
    AddSender command;
    command.queue = "jobs";
    command.rate = {perSecond};
    command.batch = batch;
    command.total = total;
    return command;
}

AddReceiver addReceiver(Duration processing)
{
    AddReceiver command;
    command.queue = "jobs";
    command.processing = {processing, processing};
    return command;
}

} // namespace

/// The simulated applications on a queue: senders and polling workers.
class TestVisibilityActors : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void senderSendsAtItsRate();
    void senderCollectsABatchAndSendsTheRestAtTheEnd();
    void senderCountsRefusedMessages();
    void senderGoesOnNumberingAfterARestart();
    void workerHandlesAndDeletesOneMessageAfterTheOther();
    void workerThatNeverDeletesSeesItsMessagesAgain();
    void workerThatDeletesBeforeLosesWhatItHeldInACrash();
    void crashedWorkersMessageGoesToAnotherAfterTheTimeout();
    void tooSlowWorkerHandlesTwiceWithoutAHeartbeat();
    void heartbeatKeepsAMessageHidden();
    void heartbeatFollowsTheQueuesOwnTimeout();
    void emptyShortPollsComeAtThePollInterval();
    void longPollIsRepeatedWhenItEndsEmpty();
    void stoppedWorkerFinishesOneAndGivesTheOthersBack();
    void workerCrashesByChance();
};

void TestVisibilityActors::senderSendsAtItsRate()
{
    Bench bench;
    bench.add("shop", world::makeSender(addSender(10, 1, 25), "shop"));
    bench.advance(1s);
    QVERIFY(bench.queue().sent >= 10 && bench.queue().sent <= 11);
    bench.setRate("shop", 100);
    bench.advance(1s);
    QCOMPARE(bench.queue().sent, 25U);
    QCOMPARE(bench.see("shop").sent, 25U);
    QCOMPARE(bench.see("shop").confirmed, 25U);
    QVERIFY(bench.finished("shop"));
}

void TestVisibilityActors::senderCollectsABatchAndSendsTheRestAtTheEnd()
{
    Bench bench;
    bench.add("shop", world::makeSender(addSender(10, 10, 12), "shop"));
    bench.advance(800ms);
    QCOMPARE(bench.queue().sent, 0U);
    bench.advance(200ms);
    QCOMPARE(bench.queue().sent, 10U);
    bench.advance(1s);
    QCOMPARE(bench.queue().sent, 12U);
    QVERIFY(bench.finished("shop"));
}

void TestVisibilityActors::senderCountsRefusedMessages()
{
    Bench bench;
    AddSender command = addSender(10, 1, 3);
    command.queue = "nowhere";
    bench.add("shop", world::makeSender(command, "shop"));
    bench.advance(1s);
    QCOMPARE(bench.see("shop").failed, 3U);
    QCOMPARE(bench.see("shop").confirmed, 0U);
    QCOMPARE(bench.see("shop").note, std::string("The specified queue does not exist."));
}

void TestVisibilityActors::senderGoesOnNumberingAfterARestart()
{
    Bench bench;
    bench.add("shop", world::makeSender(addSender(10, 1, 20), "shop"));
    bench.advance(950ms);
    bench.crash("shop");
    bench.advance(5s);
    const std::uint64_t before = bench.queue().sent;
    QVERIFY(before >= 9 && before <= 10);
    bench.restart("shop");
    bench.advance(10s);
    QCOMPARE(bench.queue().sent, 20U);
    bench.add("worker", world::makeReceiver(addReceiver(0s), "worker"));
    bench.advance(1s);
    QCOMPARE(bench.outcome().handled, 20U);
    QCOMPARE(bench.outcome().outOfOrderOverall, 0U);
}

void TestVisibilityActors::workerHandlesAndDeletesOneMessageAfterTheOther()
{
    Bench bench;
    AddReceiver command = addReceiver(2s);
    command.maxNumberOfMessages = 10;
    bench.add("worker", world::makeReceiver(command, "worker"));
    QVERIFY(bench.see("worker").waiting);
    bench.send("first"); // answers the long poll
    bench.send("more", 3);
    QVERIFY(!bench.see("worker").waiting);
    QCOMPARE(bench.see("worker").holding.size(), 1U);
    QCOMPARE(bench.see("worker").holding[0].label, std::string("first"));
    QVERIFY(bench.see("worker").holding[0].workEnds == kVirtualStart + 2s);
    bench.advance(2s);
    QCOMPARE(bench.queue().deleted, 1U);
    QCOMPARE(bench.see("worker").holdingCount, 3U);
    QVERIFY(bench.see("worker").holding[1].workEnds == Instant{});
    bench.advance(6s);
    QCOMPARE(bench.queue().deleted, 4U);
    QCOMPARE(bench.see("worker").handled, 4U);
    QCOMPARE(bench.count(VisibilityEvent::Reappeared), 0U);
    QVERIFY(bench.see("worker").waiting);
}

void TestVisibilityActors::workerThatNeverDeletesSeesItsMessagesAgain()
{
    Bench bench;
    AddReceiver command = addReceiver(1s);
    command.deletes = "never";
    bench.add("worker", world::makeReceiver(command, "worker"));
    bench.send("job");
    bench.advance(65s);
    QCOMPARE(bench.see("worker").handled, 3U); // at 1 s, 31 s and 61 s
    QCOMPARE(bench.see("worker").handledAgain, 2U);
}

void TestVisibilityActors::workerThatDeletesBeforeLosesWhatItHeldInACrash()
{
    Bench bench;
    AddReceiver command = addReceiver(10s);
    command.deletes = "before";
    bench.add("worker", world::makeReceiver(command, "worker"));
    bench.send("job");
    bench.advance(5s);
    bench.crash("worker");
    bench.advance(60s);
    QCOMPARE(bench.queue().visible + bench.queue().notVisible, 0U);
    QCOMPARE(bench.see("worker").handled, 0U);
}

void TestVisibilityActors::crashedWorkersMessageGoesToAnotherAfterTheTimeout()
{
    Bench bench;
    bench.add("worker-1", world::makeReceiver(addReceiver(10s), "worker-1"));
    bench.send("job");
    bench.advance(5s);
    bench.crash("worker-1");
    bench.add("worker-2", world::makeReceiver(addReceiver(10s), "worker-2"));
    bench.advance(25s - 1ns);
    QCOMPARE(bench.see("worker-2").received, 0U);
    bench.advance(1ns);
    QCOMPARE(bench.see("worker-2").received, 1U);
    QVERIFY(bench.see("worker-2").holding.at(0).redelivered);
    QCOMPARE(bench.see("worker-2").holding[0].deliveries, 2);
    bench.restart("worker-1");
    QCOMPARE(bench.see("worker-1").holdingCount, 0U);
}

void TestVisibilityActors::tooSlowWorkerHandlesTwiceWithoutAHeartbeat()
{
    Bench bench;
    bench.add("worker-1", world::makeReceiver(addReceiver(40s), "worker-1"));
    bench.send("job");
    bench.add("worker-2", world::makeReceiver(addReceiver(40s), "worker-2"));
    bench.advance(100s);
    QCOMPARE(bench.outcome().handled, 1U);
    QCOMPARE(bench.outcome().handledAgain, 1U);
    QCOMPARE(bench.count(VisibilityEvent::DeleteTooLate), 1U);
    QCOMPARE(bench.count(VisibilityEvent::DeletedAgain), 1U);
}

void TestVisibilityActors::heartbeatKeepsAMessageHidden()
{
    Bench bench;
    AddReceiver command = addReceiver(100s);
    command.visibilityTimeout = 12;
    command.heartbeat = 10s;
    bench.add("worker-1", world::makeReceiver(command, "worker-1"));
    bench.send("job");
    bench.add("worker-2", world::makeReceiver(addReceiver(1s), "worker-2"));
    bench.advance(200s);
    QCOMPARE(bench.see("worker-1").handled, 1U);
    QCOMPARE(bench.see("worker-2").handled, 0U);
    QCOMPARE(bench.count(VisibilityEvent::Reappeared), 0U);
    QCOMPARE(bench.count(VisibilityEvent::VisibilityChanged), 9U); // at 10 s, 20 s ... 90 s
}

void TestVisibilityActors::heartbeatFollowsTheQueuesOwnTimeout()
{
    Bench bench;
    AddReceiver command = addReceiver(100s);
    command.heartbeat = 20s;
    bench.add("worker", world::makeReceiver(command, "worker"));
    bench.send("job");
    bench.advance(20s);
    QVERIFY(bench.queue().shownInFlight.at(0).due == kVirtualStart + 50s);
    QVERIFY(bench.queue().shownInFlight[0].extended);
}

void TestVisibilityActors::emptyShortPollsComeAtThePollInterval()
{
    Bench bench;
    AddReceiver command = addReceiver(1s);
    command.waitTimeSeconds = 0;
    command.pollInterval = 5s;
    bench.add("worker", world::makeReceiver(command, "worker"));
    QVERIFY(!bench.see("worker").waiting);
    bench.advance(12s);
    QCOMPARE(bench.queue().emptyReceives, 3U); // at 0 s, 5 s and 10 s
    QVERIFY(bench.see("worker").lastPoll == kVirtualStart + 10s);
}

void TestVisibilityActors::longPollIsRepeatedWhenItEndsEmpty()
{
    Bench bench;
    bench.add("worker", world::makeReceiver(addReceiver(1s), "worker"));
    bench.advance(65s);
    QCOMPARE(bench.queue().emptyReceives, 3U);
    QCOMPARE(bench.count(VisibilityEvent::LongPollStarted), 4U);
}

void TestVisibilityActors::stoppedWorkerFinishesOneAndGivesTheOthersBack()
{
    Bench bench;
    bench.send("job", 5);
    AddReceiver command = addReceiver(10s);
    command.maxNumberOfMessages = 10;
    bench.add("worker", world::makeReceiver(command, "worker"));
    bench.advance(4s);
    bench.stop("worker");
    QCOMPARE(bench.queue().visible, 4U);
    QVERIFY(!bench.finished("worker"));
    bench.advance(6s);
    QVERIFY(bench.finished("worker"));
    QCOMPARE(bench.queue().deleted, 1U);
    QCOMPARE(bench.queue().notVisible, 0U);
}

void TestVisibilityActors::workerCrashesByChance()
{
    Bench bench;
    AddReceiver command = addReceiver(1s);
    command.crashChance = 1;
    bench.add("worker", world::makeReceiver(command, "worker"));
    bench.send("job");
    bench.advance(1s);
    QVERIFY(bench.finished("worker"));
    QCOMPARE(bench.queue().deleted, 0U);
    QCOMPARE(bench.see("worker").handled, 0U);
    QCOMPARE(bench.see("worker").holdingCount, 0U);
}

QTEST_APPLESS_MAIN(TestVisibilityActors)
#include "tst_visibility_actors.moc"
