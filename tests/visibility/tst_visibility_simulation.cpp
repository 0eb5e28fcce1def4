#include "tests/visibility/naive_service.h"
#include "tests/visibility/service_harness.h"

#include <QTest>

#include <array>

using namespace queuelab;
using namespace queuelab::visibility;
using namespace std::chrono_literals;

namespace {

constexpr std::array<const char *, 3> kQueues{"dead", "jobs", "mail"};

/// Does the same random things to the service and to the naive one, and compares all there is to
/// see.
class Simulation {
public:
    explicit Simulation(std::uint64_t seed)
        : m_random(seed)
        , m_real(seed)
        , m_naive(kQueues.size())
    {
        for (const char *queue : kQueues)
            m_real.create(queue);
    }

    /// Empty when both agreed to the end, else what differed.
    std::string run(int steps)
    {
        for (int step = 0; step < steps && m_difference.empty(); ++step) {
            act();
            compare();
            if (!m_difference.empty())
                m_difference += " at step " + std::to_string(step);
        }
        return m_difference;
    }

private:
    struct Handle {
        std::size_t queue;
        std::string text;
        std::uint64_t number;
        std::int32_t receive;
        Instant receivedAt;
    };

    void act()
    {
        const std::size_t queue = m_random.below(kQueues.size());
        const std::uint64_t what = m_random.below(100);
        if (what < 25)
            send(queue);
        else if (what < 50)
            receive(queue);
        else if (what < 60)
            remove();
        else if (what < 70)
            changeVisibility();
        else if (what < 92)
            advance();
        else if (what < 99)
            changeSettings(queue);
        else
            purge(queue);
    }

    void send(std::size_t queue)
    {
        const auto delay = static_cast<std::int32_t>(m_random.chance(0.3) ? m_random.below(30) : 0);
        m_naive.send(queue, delay);
        m_real.send(kQueues[queue], "x", delay);
    }

    void receive(std::size_t queue)
    {
        const auto max = static_cast<std::int32_t>(m_random.between(1, 10));
        const auto wait = static_cast<std::int32_t>(m_random.chance(0.5) ? m_random.below(21) : 0);
        std::optional<std::int32_t> timeout;
        if (m_random.chance(0.6))
            timeout = static_cast<std::int32_t>(m_random.below(20));
        const std::uint64_t request =
            m_real.ask(ReceiveMessage{kQueues[queue], max, timeout, wait});
        m_polls.emplace(request, queue);
        m_naive.receive(queue, request, static_cast<std::size_t>(max), timeout, wait);
    }

    const Handle *anyHandle()
    {
        return m_handles.empty() ? nullptr : &m_handles[m_random.below(m_handles.size())];
    }

    void remove()
    {
        if (const Handle *handle = anyHandle()) {
            m_naive.remove(handle->queue, handle->number, handle->receive);
            m_real.expect<Done>(DeleteMessage{kQueues[handle->queue], handle->text});
        }
    }

    void changeVisibility()
    {
        const Handle *handle = anyHandle();
        if (handle == nullptr)
            return;
        const auto seconds = static_cast<std::int32_t>(m_random.chance(0.3) ? 0
                : m_random.chance(0.1)                                      ? 43'200
                                                                            : m_random.below(40));
        const bool expected = m_naive.changeVisibility(
            handle->queue, handle->number, handle->receive, handle->receivedAt, seconds);
        const bool done =
            m_real.call(ChangeMessageVisibility{kQueues[handle->queue], handle->text, seconds})
                .has_value();
        if (done != expected)
            m_difference = "change of visibility";
    }

    void advance()
    {
        // Whole seconds make many things happen at the same moment.
        const Duration by = m_random.chance(0.02) ? Duration(13h)
            : m_random.chance(0.8)                ? Duration(1s) * m_random.between(0, 12)
                                                  : Duration(m_random.between(0, 2'000'000'000));
        m_naive.advanceTo(m_naive.now + by);
        m_real.advance(by);
    }

    void changeSettings(std::size_t queue)
    {
        NaiveService::Settings &rules = m_naive.settings[queue];
        std::map<std::string, std::string> given;
        rules.visibilityTimeoutSeconds = m_random.between(0, 20);
        given["VisibilityTimeout"] = std::to_string(rules.visibilityTimeoutSeconds);
        rules.retentionSeconds = m_random.chance(0.5) ? m_random.between(60, 120) : 345'600;
        given["MessageRetentionPeriod"] = std::to_string(rules.retentionSeconds);
        if (m_random.chance(0.6)) {
            rules.deadLetterQueue = m_random.below(kQueues.size());
            rules.maxReceiveCount = static_cast<std::int32_t>(m_random.between(1, 4));
            given["RedrivePolicy"] = ServiceHarness::redrivePolicy(
                kQueues[*rules.deadLetterQueue], rules.maxReceiveCount);
        } else {
            rules.deadLetterQueue.reset();
            given["RedrivePolicy"] = "";
        }
        m_naive.settingsChanged(queue);
        m_real.expect<Done>(SetQueueAttributes{kQueues[queue], given});
    }

    void purge(std::size_t queue)
    {
        m_naive.purge(queue);
        m_real.expect<Done>(PurgeQueue{kQueues[queue]});
    }

    void compare()
    {
        for (const auto &[request, at, expected] : m_naive.answered) {
            if (!m_real.answered(request)) {
                m_difference = "receive " + std::to_string(request) + " not answered";
                return;
            }
            std::vector<NaiveService::Got> got;
            for (const ReceivedMessage &message : m_real.messagesOf(request)) {
                got.push_back({message.number, message.approximateReceiveCount});
                m_handles.push_back({m_polls.at(request), message.receiptHandle, message.number,
                    message.approximateReceiveCount, at});
            }
            if (got != expected)
                m_difference = "receive " + std::to_string(request);
            m_polls.erase(request);
        }
        m_naive.answered.clear();
        for (const auto &[request, queue] : m_polls) {
            if (m_real.answered(request))
                m_difference = "long poll " + std::to_string(request) + " answered too early";
        }
        for (std::size_t queue = 0; queue < kQueues.size(); ++queue) {
            const QueueSnapshot seen = m_real.queue(kQueues[queue]);
            const NaiveService::Counts counts{seen.visible, seen.notVisible, seen.delayed};
            if (counts != m_naive.counts(queue))
                m_difference = std::string("counts of ") + kQueues[queue];
            if (seen.reappeared != m_naive.reappeared[queue])
                m_difference = std::string("reappearances of ") + kQueues[queue];
        }
    }

    Random m_random;
    ServiceHarness m_real;
    NaiveService m_naive;
    std::map<std::uint64_t, std::size_t> m_polls; // unanswered as far as the naive service knows
    std::vector<Handle> m_handles;
    std::string m_difference;
};

} // namespace

class TestVisibilitySimulation : public QObject {
    Q_OBJECT
private Q_SLOTS:
    void serviceAgreesWithTheNaiveModel_data();
    void serviceAgreesWithTheNaiveModel();
};

void TestVisibilitySimulation::serviceAgreesWithTheNaiveModel_data()
{
    QTest::addColumn<quint64>("seed");
    for (quint64 seed = 1; seed <= 300; ++seed)
        QTest::addRow("seed %llu", seed) << seed;
}

void TestVisibilitySimulation::serviceAgreesWithTheNaiveModel()
{
    QFETCH(quint64, seed);
    Simulation simulation(seed);
    const std::string difference = simulation.run(300);
    QVERIFY2(difference.empty(), difference.c_str());
}

QTEST_APPLESS_MAIN(TestVisibilitySimulation)
#include "tst_visibility_simulation.moc"
