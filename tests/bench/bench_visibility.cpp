#include "engine/core/memory_files.h"
#include "engine/visibility/service.h"

#include <benchmark/benchmark.h>

#include <malloc.h>

#include <algorithm>
#include <string>
#include <vector>

// Send, receive and delete in process, bodies of 100 bytes, batches of 10, with a number of
// messages in flight beside them; and the memory of stored messages. Figures for issue 6 (`bench
// visibility`).

namespace {

using namespace queuelab;
using namespace queuelab::visibility;

class Bench {
public:
    Bench()
    {
        ask(CreateQueue{"jobs", {{"VisibilityTimeout", "43200"}}});
        m_send.queue = "jobs";
        for (int i = 0; i < kBatch; ++i) {
            SendMessage message;
            message.body = SharedBytes::fromText(std::string(100, 'x'));
            m_send.entries.push_back({std::to_string(i), std::move(message)});
        }
    }

    static constexpr int kBatch = 10;

    void send()
    {
        // A producer makes each body; sharing one would flatter the figures.
        for (SendMessageBatch::Entry &entry : m_send.entries)
            entry.message.body = SharedBytes(Bytes(100, 'x'));
        ask(m_send);
    }
    std::vector<ReceivedMessage> receive()
    {
        ask(ReceiveMessage{"jobs", kBatch, {}, 0});
        return std::get<ReceiveMessageResult>(std::get<Answer>(m_effects.front()).response.value())
            .messages;
    }
    void remove(const std::vector<ReceivedMessage> &messages)
    {
        DeleteMessageBatch batch{"jobs", {}};
        for (std::size_t i = 0; i < messages.size(); ++i)
            batch.entries.push_back({m_send.entries[i].id, messages[i].receiptHandle});
        ask(std::move(batch));
    }
    // The limit of 120,000 in flight holds here too, so most of a large backlog is delayed: hidden
    // by the same index.
    void fillHidden(std::int64_t messages)
    {
        for (SendMessageBatch::Entry &entry : m_send.entries)
            entry.message.delaySeconds = 900;
        for (std::int64_t i = 0; i < messages; i += kBatch)
            send();
        for (SendMessageBatch::Entry &entry : m_send.entries)
            entry.message.delaySeconds.reset();
    }
    void fillInFlight(std::int64_t messages)
    {
        for (std::int64_t i = 0; i < messages; i += kBatch) {
            send();
            receive();
        }
    }

    Service copy() const { return m_service; }

private:
    void ask(Request request)
    {
        m_effects.clear();
        m_now += std::chrono::microseconds(10);
        Context context{m_now, m_random, m_trace, m_files};
        m_service.apply(ClientRequest{ClientId(1), RequestId(1), "bench", std::move(request)},
            context, m_effects);
    }

    Service m_service{ServiceConfig{}};
    Random m_random{1};
    Trace m_trace;
    MemoryFiles m_files;
    Instant m_now = kVirtualStart;
    SendMessageBatch m_send;
    Effects m_effects;
};

void sendReceiveDelete(benchmark::State &state)
{
    Bench bench;
    bench.fillInFlight(std::min<std::int64_t>(state.range(0), 100'000));
    bench.fillHidden(state.range(0) - std::min<std::int64_t>(state.range(0), 100'000));
    for (auto _ : state) {
        bench.send();
        bench.remove(bench.receive());
    }
    state.SetItemsProcessed(state.iterations() * Bench::kBatch);
}
BENCHMARK(sendReceiveDelete)->Arg(0)->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

// A checkpoint, and the first step after it, which takes what it changes for itself.
void copyOfAMillionMessages(benchmark::State &state)
{
    Bench bench;
    bench.fillHidden(1'000'000);
    for (auto _ : state) {
        const Service copy = bench.copy();
        bench.send();
    }
}
BENCHMARK(copyOfAMillionMessages)->Iterations(50);

void memoryOfAMillionMessages(benchmark::State &state)
{
    constexpr std::int64_t kMessages = 1'000'000;
    for (auto _ : state) {
        Bench bench;
        bench.fillHidden(kMessages / 2); // the trace and its ring are full after this
        const std::size_t before = mallinfo2().uordblks;
        bench.fillHidden(kMessages);
        const std::size_t after = mallinfo2().uordblks;
        state.counters["bytes a message beyond its body"] =
            static_cast<double>(after - before) / kMessages - 100;
    }
}
BENCHMARK(memoryOfAMillionMessages)->Iterations(1);

} // namespace

BENCHMARK_MAIN();
