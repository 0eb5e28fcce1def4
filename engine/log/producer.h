#pragma once

#include "engine/core/context.h"
#include "engine/core/metrics.h"
#include "engine/log/client.h"
#include "engine/log/record_batch.h"

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::log {

/// A producer's settings under Kafka's keys and 4.x defaults.
struct ProducerConfig {
    std::int16_t acks = -1; ///< acks
    std::chrono::milliseconds linger{5}; ///< linger.ms (5 since 4.0)
    std::int32_t batchSize = 16'384; ///< batch.size
    std::int32_t maxInFlight = 5; ///< max.in.flight.requests.per.connection
    std::chrono::milliseconds deliveryTimeout{120'000}; ///< delivery.timeout.ms
    std::chrono::milliseconds requestTimeout{30'000}; ///< request.timeout.ms
    std::chrono::milliseconds retryBackoff{100}; ///< retry.backoff.ms
    std::chrono::milliseconds retryBackoffMax{1'000}; ///< retry.backoff.max.ms
    std::int32_t retries = INT32_MAX; ///< retries
    std::chrono::milliseconds metadataMaxAge{300'000}; ///< metadata.max.age.ms
    /// enable.idempotence: on by default, as in Kafka 3.0 and later. Needs acks=all, retries and at
    /// most 5 in flight, else a Producer goes on without. Kafka refuses the settings instead when
    /// it was asked for by name, and always when more than 5 are in flight (world/client_configs.h
    /// does that).
    bool enableIdempotence = true;
    CompressionType compression = CompressionType::None; ///< compression.type
    std::int64_t bufferMemory = 33'554'432; ///< buffer.memory
    std::int32_t maxRequestSize = 1'048'576; ///< max.request.size
    std::vector<NodeId> bootstrapServers{NodeId{1}}; ///< bootstrap.servers
    /// transactional.id: everything is sent in transactions. Needs idempotence.
    std::optional<std::string> transactionalId{};
    std::chrono::milliseconds transactionTimeout{60'000}; ///< transaction.timeout.ms
};

/// Where a transactional producer stands; which of its calls are allowed follows from it.
enum class TransactionStatus : std::uint8_t {
    Uninitialized, ///< initTransactions() has not been called, or is not through yet
    Ready, ///< beginTransaction()
    InTransaction, ///< send(), sendOffsets(), commitTransaction(), abortTransaction()
    Ending, ///< commit or abort is under way: wait
    AbortableError, ///< abortTransaction(), then go on; or as for FatalError
    FatalError, ///< fenced, or an answer that leaves no way on: only a new Producer helps
};

/// Whose offsets a transaction commits, as the consumer that read them says (groupMetadata()).
struct ConsumerGroupMetadata {
    std::string group{};
    std::int32_t generation = -1; ///< or member epoch
    std::string memberId{};
    std::optional<std::string> groupInstanceId{};
};

/// What became of a batch, told to the application.
struct Delivery {
    TopicPartition partition;
    ErrorCode error = ErrorCode::None;
    std::int64_t baseOffset = -1; ///< -1 when it failed
    std::int32_t recordCount = 0;
    Instant firstSent{}; ///< when its first record was handed to send()
};

/// Kafka's producer: batches by partition, lingers, sends, follows the partitions' leaders,
/// retries. With idempotence each batch carries a sequence, so that a retry is neither appended
/// twice nor out of order. A value; the application drives it: send() as often as canTake() says,
/// apply() with every answer, wake() at the time it asked for.
///
/// With a transactional id it follows the Java client's TransactionManager, with
/// transaction.version 2 or 1 as the cluster has it: initTransactions() once, then
/// beginTransaction(), sends, offsets, commitTransaction() or abortTransaction(), and again. None
/// of these waits; transactionStatus() says when they are through. A call that the status does not
/// allow breaks an invariant. It records batch-sent, -acked, -failed, producer-id-assigned and
/// transaction-begun, -ended, -failed in the trace; brokers record who was fenced.
class Producer {
public:
    Producer(std::string clientId, ProducerConfig config);
    Producer(const Producer &);
    Producer &operator=(const Producer &);
    Producer(Producer &&) noexcept;
    Producer &operator=(Producer &&) noexcept;
    ~Producer();

    /// Whether buffer.memory has room for a record with so many bytes of key and value. When it has
    /// not, everything batched is sent without waiting for linger, as Kafka's sender does while an
    /// application waits in send(); ask again after the next answer.
    bool canTake(std::size_t bytes, Context &context, ClientEffects &effects);
    /// Queues one record. `timestampMs` is its create time. Without a partition: by key, or sticky
    /// when there is no key. Returns the partition chosen, -1 while the topic's metadata is not
    /// known yet (the record is kept), or when it is larger than max.request.size: then it has
    /// failed with MessageTooLarge. Costs no allocation once the batch buffers have grown.
    std::int32_t send(std::string_view topic, std::optional<std::int32_t> partition,
        std::int64_t timestampMs, std::optional<ByteView> key, std::optional<ByteView> value,
        Context &context, ClientEffects &effects,
        std::span<const BatchBuilder::Header> headers = {});
    void apply(RequestId id, const Response &response, Context &context, ClientEffects &effects);
    /// The broker refused the connection or it broke: what is out to it is tried again, on the
    /// brokers that lead then.
    void connectionLost(NodeId broker, Context &context, ClientEffects &effects);
    void wake(Context &context, ClientEffects &effects);
    /// Sends what is batched without waiting for linger.
    void flush(Context &context, ClientEffects &effects);
    /// The process dies: everything not sent is gone.
    void crash();

    // Transactions.

    /// Asks the coordinator for producer id and epoch, which fences whoever had this transactional
    /// id, and ends what that one left open.
    void initTransactions(Context &context, ClientEffects &effects);
    void beginTransaction(Context &context);
    /// These offsets (the next ones to read) are committed for the group with the transaction.
    void sendOffsets(const std::vector<std::pair<TopicPartition, std::int64_t>> &offsets,
        const ConsumerGroupMetadata &group, Context &context, ClientEffects &effects);
    /// Sends what is batched first. When a batch fails meanwhile, nothing is committed and the
    /// status becomes AbortableError.
    void commitTransaction(Context &context, ClientEffects &effects);
    /// What is batched and not sent is dropped (its deliveries fail).
    void abortTransaction(Context &context, ClientEffects &effects);
    TransactionStatus transactionStatus() const;
    /// What led to AbortableError or FatalError; else None.
    ErrorCode transactionError() const;
    std::int64_t producerId() const; ///< -1: none yet
    std::int16_t producerEpoch() const;

    /// Takes the deliveries since the last call.
    void takeDeliveries(std::vector<Delivery> &out);

    struct Status {
        std::int64_t bufferedRecords = 0; ///< waiting in batches
        std::int64_t inFlightRecords = 0;
        std::int64_t bufferedBytes = 0; ///< of buffer.memory
        std::uint64_t ackedRecords = 0;
        std::uint64_t failedRecords = 0;
    };
    Status status() const;
    /// As it works by: without idempotence when the other settings do not allow it.
    const ProducerConfig &config() const;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace queuelab::log
