#include "engine/core/memory_files.h"
#include "engine/exchange/broker.h"

#include <benchmark/benchmark.h>
#include <fmt/format.h>

using namespace queuelab;
using namespace queuelab::exchange;

namespace {

/// A broker with one client, without network or agenda around it.
class Bench {
public:
    Bench()
    {
        send(ConnectionOpen{"bench", "/"}, 0);
        send(ChannelOpen{});
    }

    void send(Method method, ChannelNumber channel = 1)
    {
        Context context{kVirtualStart, m_random, m_trace, m_files};
        effects.clear();
        m_broker.apply(ClientMethod{ConnectionId(1), channel, std::move(method)}, context, effects);
    }
    void queue(const std::string &name)
    {
        QueueDeclare method;
        method.queue = name;
        send(method);
    }
    void consume(const std::string &name, std::uint16_t prefetch)
    {
        send(BasicQos{prefetch, false});
        send(BasicConsume{name, "c", false, false, {}});
    }
    Broker copy() const { return m_broker; }

    Effects effects;

private:
    Broker m_broker{BrokerConfig()};
    Trace m_trace;
    Random m_random{1};
    MemoryFiles m_files;
};

SharedContent hundredBytes()
{
    return std::make_shared<const Content>(
        Content{{}, SharedBytes::fromText(std::string(100, 'x'))});
}

/// The whole life of a transient message: publish, route, deliver, ack; range(0): each its own
/// content.
void publishDeliverAck(benchmark::State &state)
{
    Bench bench;
    bench.queue("q");
    bench.send(QueueBind{"q", "amq.direct", "key", {}});
    bench.consume("q", 100);
    const bool ownContent = state.range(0) != 0;
    const SharedContent shared = hundredBytes();
    for (auto _ : state) {
        bench.send(BasicPublish{"amq.direct", "key", false, ownContent ? hundredBytes() : shared});
        const auto &delivery =
            std::get<BasicDeliver>(std::get<ToClient>(bench.effects.front()).method);
        bench.send(BasicAck{delivery.deliveryTag, false});
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(publishDeliverAck)->Arg(0)->Arg(1);

/// The same with `range(0)` messages ready in front: what a message costs must not grow with the
/// backlog.
void throughABacklog(benchmark::State &state)
{
    Bench bench;
    bench.queue("q");
    const SharedContent content = hundredBytes();
    for (std::int64_t i = 0; i < state.range(0); ++i)
        bench.send(BasicPublish{"", "q", false, content});
    bench.consume("q", 100);
    std::uint64_t tag = 0;
    for (auto _ : state) {
        bench.send(BasicPublish{"", "q", false, content});
        bench.send(BasicAck{++tag, false});
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(throughABacklog)->Arg(1'000)->Arg(1'000'000);

/// A key that matches one of `range(0)` topic bindings.
void routeByTopic(benchmark::State &state)
{
    Bench bench;
    bench.queue("q");
    for (std::int64_t i = 0; i < state.range(0); ++i)
        bench.send(QueueBind{"q", "amq.topic", fmt::format("region.{}.*.created", i), {}});
    bench.consume("q", 0);
    const SharedContent content = hundredBytes();
    std::uint64_t tag = 0;
    for (auto _ : state) {
        bench.send(BasicPublish{"amq.topic", "region.57.order.created", false, content});
        bench.send(BasicAck{++tag, false});
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(routeByTopic)->Arg(100)->Arg(100'000);

/// A checkpoint of a broker with `range(0)` ready messages.
void copyBroker(benchmark::State &state)
{
    Bench bench;
    bench.queue("q");
    const SharedContent content = hundredBytes();
    for (std::int64_t i = 0; i < state.range(0); ++i)
        bench.send(BasicPublish{"", "q", false, content});
    for (auto _ : state) {
        const Broker copy = bench.copy();
        benchmark::DoNotOptimize(&copy);
    }
}
BENCHMARK(copyBroker)->Arg(1'000)->Arg(1'000'000);

} // namespace

BENCHMARK_MAIN();
