#pragma once

#include "engine/log/events.h"
#include "engine/log/producer.h"

#include <deque>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::log {

/// What a Producer is made of: an open batch for each partition (the accumulator, producer.cpp),
/// finished batches in the order of their records, requests in flight (producer_sender.cpp), what
/// it knows of the cluster (producer_metadata.cpp), sequences (producer_sequences.cpp), and the
/// transaction (producer_transactions.cpp).
struct Producer::State {
    struct Place {
        std::size_t topic; ///< index in `topics`
        std::int32_t partition;
        friend bool operator==(const Place &, const Place &) = default;
    };
    /// Who writes, for a broker's check of sequences. The epoch counts up when sequences have to
    /// begin anew.
    struct Identity {
        std::int64_t id = -1;
        std::int16_t epoch = -1;
        friend bool operator==(const Identity &, const Identity &) = default;
    };
    struct Batch {
        Place place;
        std::int64_t firstRecord; ///< its place among all records for the partition, in order
        Bytes unsealed; ///< the batch until it is first sent: it lacks writer, sequence and CRC
        SharedBytes records{}; ///< the batch since then
        std::int32_t recordCount;
        std::int64_t memory; ///< what it holds of buffer.memory
        Instant firstSent;
        Instant retryAt{}; ///< not before, unless the leader has changed
        std::int32_t attempts = 0; ///< that failed
        std::int32_t triedLeaderEpoch = -1; ///< of the leader it was last sent to
        std::int32_t baseSequence = -1; ///< -1 before it is first sent
        bool sequenceReset = false; ///< an epoch later than it was first sent
        bool isSplit = false; ///< part of one that was too large

        std::size_t sizeBytes() const
        {
            return unsealed.empty() ? records.size() : unsealed.size();
        }
    };
    /// Kafka's TransactionManager for one partition.
    struct Sequences {
        Identity identity; ///< under which `next` counts
        std::int32_t next = 0;
        std::int32_t lastAcked = -1;
        /// Batches with a sequence that are neither acknowledged nor given up, by firstRecord.
        std::vector<std::int64_t> outstanding;
        /// The sequence after a batch that was given up and may yet have been written.
        std::optional<std::int32_t> unresolved;
    };
    /// Whether the transaction has a partition, with transaction.version 1. With 2 the partition's
    /// leader sees to that.
    enum class Membership : std::uint8_t { Outside, Wanted, Asked, Inside };
    struct Partition {
        BatchBuilder builder;
        Instant opened{}; ///< when the first record of the open batch came
        std::int64_t openMemory = 0; ///< what the open batch holds of buffer.memory
        std::int64_t records = 0; ///< closed into batches so far
        NameId name = kNoName;
        NodeId leader{-1}; ///< -1 not known
        std::int32_t leaderEpoch = -1; ///< -1: whatever is heard next is news
        std::deque<Batch> ready; ///< by firstRecord: a retried one takes its old place
        RequestId newestRequest{0}; ///< that carries a batch of it
        Sequences sequences;
        Membership membership = Membership::Outside;
    };
    /// Kafka's built-in partitioner for records without a key (KIP-794): stay with one partition
    /// for batch.size bytes.
    struct Sticky {
        std::int32_t partition = -1;
        std::int64_t bytes = 0;
    };
    struct WaitingRecord { ///< kept until the topic's metadata is known
        std::optional<std::int32_t> partition;
        std::int64_t timestampMs;
        std::optional<Bytes> key;
        std::optional<Bytes> value;
        std::vector<std::pair<std::string, std::optional<Bytes>>> headers;
        std::int64_t memory;
        Instant sent;
    };
    struct Topic {
        std::string name;
        std::vector<Partition> partitions; ///< empty: metadata not known yet
        Sticky sticky;
        std::deque<WaitingRecord> waiting;
        bool needsMetadata = true;
    };
    struct ProduceInFlight {
        RequestId id;
        NodeId broker;
        Instant sentAt;
        std::vector<Batch> batches; ///< those not given up
    };
    struct Question { ///< that any broker answers
        RequestId id;
        NodeId broker;
        Instant sentAt;
    };
    /// When a question may be asked again, and how often it has failed in a row.
    struct Backoff {
        Instant notBefore{};
        std::int32_t failures = 0;
    };

    /// Where a producer with a transactional id stands. It has one question at a time out to its
    /// coordinators, as Kafka's, so that they see them in order.
    struct Transaction {
        enum class Ask : std::uint8_t {
            FindCoordinator,
            FindGroupCoordinator,
            InitProducerId,
            AddPartitions,
            AddOffsets,
            CommitOffsets,
            End,
        };
        struct Asked {
            Ask what;
            Question question;
        };
        struct Offsets { ///< of one group, to be committed with it
            ConsumerGroupMetadata group;
            std::vector<TxnOffsetCommitRequest::Partition> partitions;
            bool isAsked = false; ///< the coordinator may know of the group already
            bool isAdded = false; ///< it does; always with transaction.version 2
        };

        TransactionStatus status = TransactionStatus::Uninitialized;
        ErrorCode error = ErrorCode::None;
        bool initWanted = false; ///< a producer id, or its next epoch, is to be asked for
        bool isCommitting = false; ///< while Ending: not aborting
        bool isStarted = false; ///< the coordinator may have it: it has to be told the end
        bool hasGap = false; ///< a sequence was given up: the next transaction needs a new epoch
        std::int16_t clusterVersion = -1; ///< transaction.version; -1 not known
        std::int16_t version = -1; ///< of this transaction
        Instant begun{};
        std::int64_t records = 0;
        std::vector<Place> places; ///< that are not Outside
        std::deque<Offsets> offsets;
        std::optional<Asked> asked;
        Instant notBefore{}; ///< of the next question
        std::optional<NodeId> coordinator;
        std::optional<NodeId> groupCoordinator;
        std::string group; ///< whose coordinator that is

        bool isAborting() const { return status == TransactionStatus::Ending && !isCommitting; }
    };

    explicit State(const ProducerConfig &config);

    std::string clientId;
    ProducerConfig config;
    NameId name = kNoName;

    std::vector<Topic> topics; // in order of first use; never removed
    std::map<std::string, std::size_t, std::less<>> topicIds; // name → index
    std::size_t lastTopic = 0;
    std::vector<Place> readyPlaces; // partitions with ready batches, longest waiting first
    std::deque<ProduceInFlight> inFlight; // in the order they were sent
    KnownBrokers brokers;
    std::optional<Question> metadata;
    Backoff metadataBackoff;
    std::optional<Instant> metadataExpires; // empty until there is any
    Identity identity; // id -1: not known
    std::optional<Question> producerId;
    Backoff producerIdBackoff;
    Transaction transaction;
    bool epochBumpWanted = false;
    std::vector<Place> restarting; // partitions whose sequences begin anew with the next epoch
    std::vector<Place> unresolved; // partitions with Sequences::unresolved
    std::uint64_t nextRequest = 1;
    std::optional<Instant> askedWake;
    std::vector<Delivery> deliveries;
    Status counters;

    // The accumulator.
    std::size_t topicIndex(std::string_view topic);
    std::int32_t choosePartition(Topic &topic, std::optional<ByteView> key, Random &random);
    void noteStickyBytes(Topic &topic, std::int32_t partition, std::int64_t bytes, Random &random);
    static bool allBatchesFull(const Partition &partition, std::int32_t batchSize);
    std::int32_t append(std::size_t topic, std::optional<std::int32_t> partition,
        std::int64_t timestampMs, std::optional<ByteView> key, std::optional<ByteView> value,
        std::span<const BatchBuilder::Header> headers, Context &context, ClientEffects &effects);
    Partition &at(const Place &place);
    Batch finishBatch(const Place &place);
    void finishAll();
    void queue(Batch &&batch);
    void expireWaiting(Context &context);
    NameId ownName(Context &context);
    void recordsFailed(const std::string &topic, std::int32_t count, Instant firstSent,
        ErrorCode error, Context &context);
    void ask(Instant when, ClientEffects &effects);
    void askForNextWake(Instant now, ClientEffects &effects);

    // The sender.
    void drain(Context &context, ClientEffects &effects);
    bool isSendable(const Place &place, Instant now);
    void sendBatches(NodeId broker, Context &context, ClientEffects &effects);
    void applyProduce(
        RequestId id, const ProduceResponse &response, Context &context, ClientEffects &effects);
    void applyResult(Batch &&batch, const ProduceResponse::Partition &result, Context &context);
    bool canRetry(const Batch &batch, ErrorCode error, Instant now);
    void retry(Batch &&batch, Context &context);
    void split(Batch &&batch);
    void giveUp(Batch &&batch, ErrorCode error, bool sequenceIsFree, Context &context);
    void delivered(Batch &batch, ErrorCode error, std::int64_t baseOffset, Context &context);
    void expireInFlight(Context &context);
    void expireReady(Context &context);
    std::size_t inFlightTo(NodeId broker) const;
    void lose(NodeId broker, Context &context);

    // The cluster.
    void requestMetadata(Context &context, ClientEffects &effects);
    void expireMetadata(Instant now);
    void applyMetadata(const MetadataResponse &response, Context &context, ClientEffects &effects);
    void applyPartitionMetadata(Topic &topic, const PartitionMetadata &described);
    void appendWaiting(std::size_t topic, Context &context, ClientEffects &effects);
    void leaderIsWrong(const Place &place, const std::optional<LeaderHint> &hint);
    std::optional<Question> askAny(
        Request &&request, Backoff &backoff, Context &context, ClientEffects &effects);
    void questionFailed(std::optional<Question> &question, Backoff &backoff, Context &context);

    // Sequences.
    void requestProducerId(Context &context, ClientEffects &effects);
    void applyProducerId(const InitProducerIdResponse &response, Context &context);
    void tendSequences(Context &context, ClientEffects &effects);
    bool sequencesAllow(const Place &place);
    bool maySequence(const Place &place);
    void seal(Batch &batch);
    void giveSequence(Batch &batch);
    void acknowledged(const Batch &batch);
    void forget(const Batch &batch);
    void outOfOrder(const Batch &batch);
    void keepSequence(Batch &part, const Batch &whole);
    void restartSequences(const Place &place);
    void wantEpochBump(const Place &place);
    void leaveUnresolved(const Batch &batch);
    bool isNext(const Batch &batch);

    // The transaction. Nothing of it is called without a transactional id.
    bool isTransactional() const { return config.transactionalId.has_value(); }
    /// The cluster's transaction.version is not known yet.
    bool versionIsMissing() const { return isTransactional() && transaction.clusterVersion < 0; }
    void tendTransaction(Context &context, ClientEffects &effects);
    std::optional<Transaction::Ask> nextAsk();
    bool askCoordinator(Transaction::Ask what, Context &context, ClientEffects &effects);
    Request requestFor(Transaction::Ask what);
    void applyTransaction(const Response &response, Context &context);
    ErrorCode resultOf(Transaction::Ask what, const Response &response);
    void succeeded(Transaction::Ask what, const Response &response, Context &context);
    void refused(Transaction::Ask what, ErrorCode error, Context &context);
    void loseTransactionQuestion(NodeId broker, Instant now);
    bool joinTransaction(const Place &place);
    bool transactionAllows(const Place &place);
    void becomeReady(Identity given, Context &context);
    void endTransaction(Context &context);
    void recordsRefused(ErrorCode error, Context &context);
    void failTransaction(TransactionStatus status, ErrorCode error, Context &context);
    void dropUnsent(ErrorCode error, Context &context);
    void dropAll(ErrorCode error, Context &context);
    void dropWaiting(ErrorCode error, Context &context);
    void drop(Batch &&batch, ErrorCode error, Context &context);
};

} // namespace queuelab::log
