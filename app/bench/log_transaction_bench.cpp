#include "app/bench/log_transaction_bench.h"

#include "app/bench/cpu_time.h"
#include "engine/core/memory_files.h"
#include "engine/log/broker.h"
#include "engine/log/producer.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

namespace queuelab::bench {
namespace {

constexpr std::uint64_t kRecordsInTransaction = 100;
constexpr std::array<std::size_t, 2> kRecordBytes{100, 1024};
constexpr Duration kBetweenRecords = std::chrono::microseconds{1};

/// A producer whose requests go straight to a broker, and whose answers come straight back.
class Line {
public:
    Line(Files &files, log::ProducerConfig config, std::size_t recordBytes)
        : m_context{kVirtualStart, m_random, m_trace, files}
        , m_broker(NodeId{1}, log::BrokerConfig{})
        , m_producer("bench", std::move(config))
        , m_value(recordBytes, std::uint8_t{'x'})
    {
    }

    Result<void, Error> open()
    {
        if (const auto opened = m_broker.open(m_context); !opened)
            return std::unexpected(opened.error());
        wakeBroker();
        if (isTransactional())
            m_producer.initTransactions(m_context, m_clientEffects);
        settle();
        return {};
    }

    void produce(std::uint64_t records)
    {
        const bool transactional = isTransactional();
        for (std::uint64_t done = 0; done < records; done += kRecordsInTransaction) {
            if (transactional)
                beginTransaction();
            for (std::uint64_t i = 0; i < kRecordsInTransaction; ++i) {
                m_context.now += kBetweenRecords;
                m_producer.send("bench", 0, epochMillis(m_context.now), std::nullopt,
                    ByteView(m_value), m_context, m_clientEffects);
                if (transactional && i + 1 == kRecordsInTransaction)
                    m_producer.commitTransaction(m_context, m_clientEffects);
                exchange();
            }
        }
        m_producer.flush(m_context, m_clientEffects);
        settle();
        invariant(m_producer.status().failedRecords == 0, "every record is appended");
    }
    std::uint64_t acknowledged() const { return m_producer.status().ackedRecords; }

private:
    bool isTransactional() const { return m_producer.config().transactionalId.has_value(); }

    void beginTransaction()
    {
        if (m_producer.transactionStatus() != log::TransactionStatus::Ready)
            settle();
        m_producer.beginTransaction(m_context);
    }

    /// Requests and answers, as long as there are any.
    void exchange()
    {
        while (!m_clientEffects.empty()) {
            std::swap(m_sending, m_clientEffects);
            for (log::ClientEffect &effect : m_sending) {
                if (auto *send = std::get_if<log::SendRequest>(&effect))
                    m_broker.apply(log::ClientRequest{kClient, send->id, std::move(send->request)},
                        m_context, m_brokerEffects);
                else
                    noteWake(std::get<log::WakeClientAt>(effect).at, m_clientWake);
            }
            m_sending.clear();
            takeAnswers();
        }
        m_deliveries.clear();
        m_producer.takeDeliveries(m_deliveries);
        if (m_clientWake && m_context.now >= *m_clientWake) {
            m_clientWake.reset();
            m_producer.wake(m_context, m_clientEffects);
        }
        if (m_brokerWake && m_context.now >= *m_brokerWake)
            wakeBroker();
    }

    void takeAnswers()
    {
        std::swap(m_answering, m_brokerEffects);
        for (log::Effect &effect : m_answering) {
            if (const auto *answer = std::get_if<log::Answer>(&effect))
                m_producer.apply(answer->id, answer->response, m_context, m_clientEffects);
            else if (const auto *wake = std::get_if<log::WakeAt>(&effect))
                noteWake(wake->at, m_brokerWake);
        }
        m_answering.clear();
    }

    void wakeBroker()
    {
        m_brokerWake.reset();
        m_broker.apply(log::WakeUp{}, m_context, m_brokerEffects);
        takeAnswers();
    }

    /// Until all that was sent is answered and no transaction is ending.
    void settle()
    {
        const auto isBusy = [this] {
            const log::Producer::Status status = m_producer.status();
            const log::TransactionStatus transaction = m_producer.transactionStatus();
            return status.bufferedRecords > 0 || status.inFlightRecords > 0
                || transaction == log::TransactionStatus::Ending
                || (isTransactional() && transaction == log::TransactionStatus::Uninitialized);
        };
        while (exchange(), isBusy()) {
            // To when somebody has something to do.
            m_context.now = std::max(m_context.now,
                std::min(
                    m_clientWake.value_or(Instant::max()), m_brokerWake.value_or(Instant::max())));
        }
    }

    static void noteWake(Instant at, std::optional<Instant> &wake)
    {
        if (!wake || at < *wake)
            wake = at;
    }

    static constexpr ClientId kClient{1};

    Random m_random{1};
    Trace m_trace;
    Context m_context;
    log::Broker m_broker;
    log::Producer m_producer;
    Bytes m_value;
    std::optional<Instant> m_clientWake;
    std::optional<Instant> m_brokerWake;
    std::vector<log::Delivery> m_deliveries;
    // Buffers that are filled, and swapped with those that are gone through.
    log::ClientEffects m_clientEffects;
    log::ClientEffects m_sending;
    log::Effects m_brokerEffects;
    log::Effects m_answering;
};

Result<double, Error> nanosecondsARecord(
    std::uint64_t records, const log::ProducerConfig &config, std::size_t recordBytes)
{
    MemoryFiles files;
    Line line(files, config, recordBytes);
    if (const auto opened = line.open(); !opened)
        return std::unexpected(opened.error());
    line.produce(kRecordsInTransaction); // makes the topics
    const std::uint64_t before = line.acknowledged();
    const auto begun = cpuTime();
    line.produce(records);
    const std::chrono::duration<double, std::nano> took = cpuTime() - begun;
    invariant(line.acknowledged() - before == records, "every record is acknowledged");
    return took.count() / static_cast<double>(records);
}

} // namespace

Result<std::vector<Figure>, Error> benchLogTransactions(const LogTransactionBenchOptions &options)
{
    log::ProducerConfig transactional;
    transactional.transactionalId = "bench";
    std::vector<Contender> contenders;
    for (const std::size_t bytes : kRecordBytes) {
        // As many as have the same bytes.
        const std::uint64_t wanted = options.records * kRecordBytes.front() / bytes;
        const std::uint64_t records =
            kRecordsInTransaction * std::max<std::uint64_t>(wanted / kRecordsInTransaction, 1);
        const std::size_t baseline = contenders.size();
        contenders.push_back({fmt::format("idempotent produce, {}-byte records", bytes),
            "ns CPU/record",
            [records, bytes] { return nanosecondsARecord(records, log::ProducerConfig{}, bytes); },
            baseline});
        contenders.push_back(
            {fmt::format("transactions of 100 records, {}-byte records", bytes), "ns CPU/record",
                [records, bytes, &transactional] {
                    return nanosecondsARecord(records, transactional, bytes);
                },
                baseline});
    }
    return measureInterleaved(contenders, options.rounds);
}

} // namespace queuelab::bench
