#include "engine/core/memory_files.h"
#include "engine/exchange/broker.h"
#include "lessons/measures/measure.h"
#include "lessons/measures/real_log.h"
#include "lessons/measures/rounds.h"
#include "lessons/measures/scratch.h"

#include <chrono>
#include <filesystem>

namespace queuelab::lessons {

namespace {

using Clock = std::chrono::steady_clock;

double nanosecondsEach(Clock::time_point begun, std::size_t messages)
{
    const std::chrono::duration<double, std::nano> took = Clock::now() - begun;
    return took.count() / static_cast<double>(messages);
}

/// Appends the messages in batches and fetches each batch once, as a consumer does.
Result<Sample, Error> appendAndFetch(const std::string &root, const std::vector<Bytes> &values,
    std::size_t messages, std::size_t batchRecords)
{
    std::error_code ignored; // if it stays, opening it says so
    std::filesystem::remove_all(root, ignored);
    const Result<std::unique_ptr<RealLog>, Error> log = RealLog::open(root);
    if (!log)
        return std::unexpected(log.error());
    log::BatchBuilder builder;
    const auto begun = Clock::now();
    for (std::size_t first = 0; first < messages; first += batchRecords) {
        const std::size_t count = std::min(batchRecords, messages - first);
        const std::int64_t end = (*log)->endOffset();
        if (const Result<void, Error> done =
                (*log)->append(buildBatch(builder, values, first, count));
            !done)
            return std::unexpected(done.error());
        if (const Result<std::int64_t, Error> next = (*log)->fetch(end); !next)
            return std::unexpected(next.error());
    }
    return Sample{nanosecondsEach(begun, messages)};
}

/// One exchange broker with one queue, one publisher and one consumer.
class Tracker {
public:
    Tracker()
        : m_broker(exchange::BrokerConfig{})
        , m_context{Instant{}, m_random, m_trace, m_files}
    {
        for (const exchange::ConnectionId client : {kPublisher, kConsumer}) {
            send(client, 0, exchange::ConnectionOpen{.name = "measured"});
            send(client, 1, exchange::ChannelOpen{});
        }
        send(kPublisher, 1, exchange::QueueDeclare{.queue = kQueue, .arguments = {}});
        send(kConsumer, 1,
            exchange::BasicConsume{.queue = kQueue, .consumerTag = "c", .arguments = {}});
    }

    /// Published, handed to the consumer, acknowledged. How many were handed over: one.
    std::size_t deliver(const exchange::SharedContent &content)
    {
        send(kPublisher, 1, exchange::BasicPublish{{}, kQueue, false, content});
        std::size_t delivered = 0;
        for (const exchange::Effect &effect : std::exchange(m_effects, {})) {
            const auto *sent = std::get_if<exchange::ToClient>(&effect);
            const auto *delivery =
                sent ? std::get_if<exchange::BasicDeliver>(&sent->method) : nullptr;
            if (delivery == nullptr)
                continue;
            ++delivered;
            send(kConsumer, 1, exchange::BasicAck{delivery->deliveryTag, false});
        }
        return delivered;
    }

private:
    static constexpr exchange::ConnectionId kPublisher{1};
    static constexpr exchange::ConnectionId kConsumer{2};
    static constexpr const char *kQueue = "measured";

    void send(
        exchange::ConnectionId client, exchange::ChannelNumber channel, exchange::Method method)
    {
        m_effects.clear();
        m_broker.apply(
            exchange::ClientMethod{client, channel, std::move(method)}, m_context, m_effects);
    }

    exchange::Broker m_broker;
    Random m_random{1};
    Trace m_trace;
    MemoryFiles m_files;
    Context m_context;
    exchange::Effects m_effects;
};

Result<Sample, Error> publishAndAck(const std::vector<Bytes> &values, std::size_t messages)
{
    std::vector<exchange::SharedContent> contents;
    for (const Bytes &value : values) {
        auto content = std::make_shared<exchange::Content>();
        content->body = SharedBytes(Bytes(value));
        contents.push_back(std::move(content));
    }
    Tracker tracker;
    std::size_t delivered = 0;
    const auto begun = Clock::now();
    for (std::size_t i = 0; i < messages; ++i)
        delivered += tracker.deliver(contents[i % contents.size()]);
    const double each = nanosecondsEach(begun, messages);
    invariant(delivered == messages, "every published message reaches the consumer once");
    return Sample{each};
}

Result<std::vector<Measurement>, Error> measureAppendOrTrack(
    const MeasureSettings &settings, const std::string &directory, const MeasureWatch &watch)
{
    const auto messages = static_cast<std::size_t>(settings.at("messages"));
    const auto batchRecords = static_cast<std::size_t>(settings.at("batch-records"));
    const std::vector<Bytes> values =
        eventValues(static_cast<std::size_t>(settings.at("message-bytes")), 256);
    const std::string root = directory + "/log";
    const std::vector<OneRun> contenders{
        [&] { return appendAndFetch(root, values, messages, batchRecords); },
        [&] { return appendAndFetch(root, values, messages, 1); },
        [&] { return publishAndAck(values, messages); }};
    const Result<Rounds, Error> rounds = takeTurns(contenders, settings.at("rounds"), watch);
    if (!rounds)
        return std::unexpected(rounds.error());
    return std::vector<Measurement>{
        {"append-each", rounds->median(0), "ns"},
        {"append-alone-each", rounds->median(1), "ns"},
        {"track-each", rounds->median(2), "ns"},
        {"track-over-append", rounds->ratio(2, 0), "times"},
        {"alone-over-append", rounds->ratio(1, 0), "times"},
    };
}

} // namespace

Measure appendOrTrack()
{
    return {"append-or-track",
        "The same messages through two engines of this program: the log appends them in batches to "
        "a real file and fetches each batch once; the exchange broker routes, delivers and has "
        "acknowledged each message, in memory. No network in either.",
        {{"messages", "how many in a run", 50'000, 100, 10'000'000},
            {"message-bytes", "size of a message", 100, 1, 1'000'000},
            {"batch-records", "records in a batch of the log", 100, 1, 10'000},
            {"rounds", "how often all are measured", 3, 1, 99}},
        {{"append-each", "time of the log for a message, in batches"},
            {"append-alone-each", "time of the log for a message, with one message in a batch"},
            {"track-each", "time of the exchange broker for a message"},
            {"track-over-append", "how many times as much tracking costs as appending in batches"},
            {"alone-over-append", "how many times as much appending costs without batches"}},
        measureAppendOrTrack};
}

} // namespace queuelab::lessons
