#include "app/bench/log_share_bench.h"

#include "app/bench/cpu_time.h"
#include "engine/core/memory_files.h"
#include "engine/log/broker.h"
#include "engine/log/record_batch.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace queuelab::bench {
namespace {

constexpr const char *kTopic = "orders";
constexpr std::int32_t kPartitions = 10;
constexpr std::size_t kConsumers = 10;
constexpr std::int64_t kRecordsAPartition = 100'000;
constexpr int kRecordsABatch = 100;

/// A broker alone, its topic filled.
class Shop {
public:
    Shop()
        : m_context{kVirtualStart, m_random, m_trace, m_files}
        , m_broker(NodeId{1}, log::BrokerConfig{})
    {
    }

    Result<void, Error> open()
    {
        if (const auto opened = m_broker.open(m_context); !opened)
            return std::unexpected(opened.error());
        ask<log::CreateTopicsResponse>(
            log::CreateTopicsRequest{{{.name = kTopic, .partitions = kPartitions}}});
        log::AlterConfigsRequest earliest;
        earliest.groups.push_back({"group", {{"share.auto.offset.reset", "earliest"}}});
        ask<log::AlterConfigsResponse>(earliest);
        ask<log::FindCoordinatorResponse>(
            log::FindCoordinatorRequest{"any", log::CoordinatorType::Share});
        for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
            ask<log::InitializeShareGroupStateResponse>(
                log::InitializeShareGroupStateRequest{"group", {kTopic, partition}, 1, -1});
        }
        const Bytes value(100, std::uint8_t{'x'});
        for (std::int64_t made = 0; made < kRecordsAPartition; made += kRecordsABatch) {
            for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
                m_builder.reset();
                for (int i = 0; i < kRecordsABatch; ++i)
                    m_builder.append(epochMillis(kVirtualStart), std::nullopt, ByteView(value));
                log::ProduceRequest produce;
                produce.partitions.push_back({{kTopic, partition}, m_builder.take()});
                ask<log::ProduceResponse>(std::move(produce));
            }
        }
        return {};
    }

    /// The only answer to a request that does not wait.
    template <class Response> Response ask(log::Request request, std::size_t client = 0)
    {
        m_effects.clear();
        m_broker.apply(log::ClientRequest{ClientId{static_cast<std::uint32_t>(client)},
                           RequestId{m_nextRequest++}, std::move(request)},
            m_context, m_effects);
        for (log::Effect &effect : m_effects) {
            if (auto *answer = std::get_if<log::Answer>(&effect))
                return std::get<Response>(std::move(answer->response));
        }
        invariantBroken("a broker that is alone answers at once");
    }

private:
    Random m_random{1};
    Trace m_trace;
    MemoryFiles m_files;
    Context m_context;
    log::Broker m_broker;
    log::BatchBuilder m_builder;
    log::Effects m_effects;
    std::uint64_t m_nextRequest = 1;
};

double perSecond(std::int64_t records, std::chrono::nanoseconds took)
{
    return static_cast<double>(records) / std::chrono::duration<double>(took).count();
}

/// Ten consumers until everything is acquired and acknowledged.
Result<double, Error> runShareGroup()
{
    Shop shop;
    if (const auto opened = shop.open(); !opened)
        return std::unexpected(opened.error());
    struct Consumer {
        std::int32_t epoch = 0;
        std::vector<log::ShareFetchRequest::Partition> acknowledges;
    };
    std::array<Consumer, kConsumers> consumers;
    std::int64_t acknowledged = 0;
    const auto before = cpuTime();
    while (acknowledged < kPartitions * kRecordsAPartition) {
        for (std::size_t i = 0; i < kConsumers; ++i) {
            Consumer &consumer = consumers[i];
            log::ShareFetchRequest fetch;
            fetch.group = "group";
            fetch.memberId = fmt::format("member-{}", i);
            fetch.sessionEpoch = consumer.epoch++;
            fetch.maxWait = std::chrono::milliseconds{0};
            fetch.partitions = std::exchange(consumer.acknowledges, {});
            if (fetch.sessionEpoch == 0) {
                for (std::int32_t partition = 0; partition < kPartitions; ++partition)
                    fetch.partitions.push_back({{kTopic, partition}, {}});
            }
            const auto response = shop.ask<log::ShareFetchResponse>(std::move(fetch), i);
            for (const auto &partition : response.partitions) {
                invariant(partition.error == log::ErrorCode::None
                        && partition.acknowledgeError == log::ErrorCode::None,
                    "what was acquired is acknowledged");
                if (partition.acquired.empty())
                    continue;
                auto &entry = consumer.acknowledges.emplace_back();
                entry.partition = partition.partition;
                for (const log::AcquiredRecords &run : partition.acquired) {
                    entry.acknowledgements.push_back(
                        {run.firstOffset, run.lastOffset, {log::AcknowledgeType::Accept}});
                    acknowledged += run.lastOffset - run.firstOffset + 1;
                }
            }
        }
    }
    return perSecond(acknowledged, cpuTime() - before);
}

/// One consumer that reads the same records in pieces of the same size.
Result<double, Error> runPlainFetch()
{
    constexpr std::int32_t kBytes = 65'536;
    Shop shop;
    if (const auto opened = shop.open(); !opened)
        return std::unexpected(opened.error());
    const auto before = cpuTime();
    for (std::int32_t partition = 0; partition < kPartitions; ++partition) {
        for (std::int64_t offset = 0; offset < kRecordsAPartition;) {
            log::FetchRequest fetch;
            fetch.maxWait = std::chrono::milliseconds{0};
            fetch.partitions.push_back({{kTopic, partition}, offset, -1, kBytes});
            const auto response = shop.ask<log::FetchResponse>(std::move(fetch));
            for (const SharedBytes &piece : response.partitions.front().records) {
                for (ByteView rest = piece.view(); !rest.empty();) {
                    const log::BatchHeader header = *log::readBatchHeader(rest);
                    offset = header.lastOffset() + 1;
                    rest = rest.subspan(header.sizeBytes());
                }
            }
        }
    }
    return perSecond(kPartitions * kRecordsAPartition, cpuTime() - before);
}

} // namespace

Result<std::vector<Figure>, Error> benchLogShare(int rounds)
{
    const std::array<Contender, 2> contenders{
        Contender{"fetch, one consumer", "records/s CPU", runPlainFetch, 0},
        Contender{"share group of ten, acquire and acknowledge", "records/s CPU", runShareGroup, 0},
    };
    return measureInterleaved(contenders, rounds);
}

} // namespace queuelab::bench
