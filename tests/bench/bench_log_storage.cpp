#include "engine/core/crc32c.h"
#include "engine/core/memory_files.h"
#include "engine/log/partition_log.h"

#include <benchmark/benchmark.h>

using namespace queuelab;
using namespace queuelab::log;

namespace {

constexpr std::int64_t kTimestamp = 1'700'000'000'000;

Bytes makeBatch(std::size_t records, std::size_t valueBytes)
{
    const Bytes value(valueBytes, 'v');
    BatchBuilder builder;
    for (std::size_t i = 0; i < records; ++i)
        builder.append(kTimestamp, std::nullopt, ByteView(value));
    const ByteView batch = builder.finish();
    return {batch.begin(), batch.end()};
}

void crc(benchmark::State &state, std::uint32_t (*function)(ByteView, std::uint32_t))
{
    const Bytes bytes(static_cast<std::size_t>(state.range(0)), 'x');
    for (auto _ : state)
        benchmark::DoNotOptimize(function(bytes, 0));
    state.SetBytesProcessed(state.iterations() * state.range(0));
}
BENCHMARK_CAPTURE(crc, fastest, crc32c)->Arg(64)->Arg(1024)->Arg(16 << 10)->Arg(1 << 20);
BENCHMARK_CAPTURE(crc, portable, crc32cPortable)->Arg(64)->Arg(16 << 10);

/// Time a record, batches of 149 records and their CRC included.
void builderAppend(benchmark::State &state)
{
    const Bytes value(static_cast<std::size_t>(state.range(0)), 'v');
    BatchBuilder builder;
    for (auto _ : state) {
        if (builder.recordCount() == 149) {
            benchmark::DoNotOptimize(builder.finish().data());
            builder.reset();
        }
        builder.append(kTimestamp + builder.recordCount(), std::nullopt, ByteView(value));
    }
    state.SetItemsProcessed(state.iterations());
}
BENCHMARK(builderAppend)->Arg(10)->Arg(100)->Arg(1024);

/// Time a record.
void cursorNext(benchmark::State &state)
{
    const Bytes batch = makeBatch(149, static_cast<std::size_t>(state.range(0)));
    std::int64_t records = 0;
    while (state.KeepRunningBatch(149)) {
        for (RecordCursor cursor(batch); cursor.next(); ++records)
            benchmark::DoNotOptimize(cursor.record().value->data());
    }
    state.SetItemsProcessed(records);
}
BENCHMARK(cursorNext)->Arg(100)->Arg(1024);

/// Time a batch, into memory as lessons have it; the log starts anew every 64 MiB.
void appendInMemory(benchmark::State &state)
{
    const Bytes batch = makeBatch(static_cast<std::size_t>(state.range(0)), 100);
    Random random(1);
    Trace trace;
    MemoryFiles files;
    Context context{Instant{std::chrono::milliseconds{kTimestamp}}, random, trace, files};
    PartitionLog log = PartitionLog::open("p", {}, true, context, nullptr).value();
    for (auto _ : state) {
        if (log.sizeBytes() > 64 << 20)
            log.truncateTo(0, context).value();
        benchmark::DoNotOptimize(log.append(batch, 0, context)->lastOffset);
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(batch.size()));
}
BENCHMARK(appendInMemory)->Arg(1)->Arg(149);

/// Time a fetch of one batch, at offsets all over 64 MiB.
void readInMemory(benchmark::State &state)
{
    const Bytes batch = makeBatch(149, 100);
    Random random(1);
    Trace trace;
    MemoryFiles files;
    Context context{Instant{std::chrono::milliseconds{kTimestamp}}, random, trace, files};
    PartitionLog log = PartitionLog::open("p", {}, true, context, nullptr).value();
    while (log.sizeBytes() < 64 << 20)
        log.append(batch, 0, context).value();
    std::vector<SharedBytes> slices;
    for (auto _ : state) {
        slices.clear();
        const auto from =
            static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(log.logEndOffset())));
        benchmark::DoNotOptimize(
            log.read(from, log.logEndOffset(), 16 << 10, slices, files)->bytes);
    }
}
BENCHMARK(readInMemory);

} // namespace

BENCHMARK_MAIN();
