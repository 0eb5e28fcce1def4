#pragma once

#include "engine/core/context.h"
#include "engine/log/broker_config.h"
#include "engine/log/broker_io.h"
#include "engine/log/deadlines.h"
#include "engine/log/events.h"
#include "engine/log/partition_log.h"
#include "engine/log/requests.h"
#include "engine/log/snapshot.h"
#include "engine/log/transaction_records.h"

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <variant>
#include <vector>

namespace queuelab::log {

/// The transaction coordinator, as Kafka 4.x has it (facts: kafka.md 4.4): it gives producers their
/// epochs, which fence their predecessors; it writes down which partitions a transaction has, and
/// its decision, before anybody acts on it; then it has markers written to all of them. It keeps
/// transactional ids in memory and, as records, in __transaction_state, from which another
/// coordinator takes them over, decided transactions too. A value.
///
/// Nothing is answered before the record that it depends on is committed. Of two requests for one
/// id whose records are not committed yet the second is told ConcurrentTransactions.
class TransactionCoordinator {
public:
    TransactionCoordinator(const BrokerConfig &config, NodeId broker);

    /// With a transactional id only. Answered when the epoch stands in the log; a transaction that
    /// is open is aborted first, which is answered ConcurrentTransactions (the client tries again).
    void initProducerId(Caller caller, const InitProducerIdRequest &request, NameId client,
        Context &context, Effects &effects);
    /// Whether the partitions are there at all the broker has found out before.
    void addPartitions(Caller caller, const AddPartitionsToTxnRequest &request, NameId client,
        Context &context, Effects &effects);
    /// `offsetsPartition` is the group's partition of __consumer_offsets.
    void addOffsets(Caller caller, const AddOffsetsToTxnRequest &request,
        const TopicPartition &offsetsPartition, NameId client, Context &context, Effects &effects);
    /// Answered when the decision stands in the log; the markers follow.
    void end(Caller caller, const EndTxnRequest &request, NameId client, Context &context,
        Effects &effects);

    // Which ids are its own: those of the partitions of __transaction_state that its broker leads.

    /// As GroupCoordinator::load(). Transactions that are decided go on: their markers are written
    /// (again). `coordinatorEpoch` is the partition's leader epoch.
    Result<void, Error> load(std::int32_t partition, std::int32_t coordinatorEpoch,
        const PartitionLog &log, std::int64_t highWatermark, Context &context);
    void unload(std::int32_t partition, Effects &effects);
    bool coordinates(const std::string &transactionalId) const;

    // What it wants of the broker. After every call that is not const the broker takes these.

    struct Write {
        std::uint64_t id = 0;
        std::int32_t partition = 0; ///< of __transaction_state
        SharedBytes batch;
    };
    void takeWrites(std::vector<Write> &out); ///< to append with acks=all, in this order
    void written(std::uint64_t id, ErrorCode error, Context &context, Effects &effects);

    /// A marker that one partition has to get. The broker sends it to whoever leads the partition,
    /// and tries again until it is written.
    struct MarkerWanted {
        std::string transactionalId;
        TopicPartition partition;
        std::int64_t producerId = -1;
        std::int16_t producerEpoch = -1;
        bool committed = false;
        std::int32_t coordinatorEpoch = 0;
        std::int16_t transactionVersion = 0;
    };
    void takeMarkers(std::vector<MarkerWanted> &out);
    /// Not when another coordinator has taken over since.
    bool stillWants(const MarkerWanted &marker) const;
    /// The marker is committed there, or will never be: the partition is gone.
    void markerWritten(const MarkerWanted &marker, Context &context);

    /// Ids of producers that are new: as many as are wanted, handed in by giveProducerId().
    std::size_t producerIdsWanted() const;
    void giveProducerId(std::int64_t producerId, Context &context, Effects &effects);
    /// None can be had at present: who waits for one is told to try again.
    void denyProducerIds(Context &context, Effects &effects);

    /// Answers to these callers are no longer sent.
    void callersGone(const std::function<bool(const Caller &)> &isGone);
    std::optional<Instant> nextDeadline() const { return m_deadlines.earliest(); }
    /// Carries out what is due: transactions that time out, ids that expire.
    void expire(Context &context);

    std::vector<TransactionSnapshot> snapshot() const; ///< by transactional id

private:
    enum class Due : std::uint8_t { AbortTimedOut, RemoveExpired, RetryComplete };
    struct Deadline {
        Due due;
        std::string transactionalId{}; ///< all but RemoveExpired
    };
    using Handle = std::optional<Deadlines<Deadline>::Handle>;

    // Who is answered, and how.
    struct ToInit { };
    struct ToAddPartitions {
        std::vector<TopicPartition> partitions;
    };
    struct ToAddOffsets { };
    struct ToEnd {
        bool bumpsEpoch = false;
    };
    struct Asker {
        Caller caller;
        NameId client = kNoName;
        std::variant<ToInit, ToAddPartitions, ToAddOffsets, ToEnd> what;
        bool gone = false; ///< the connection broke: nobody is answered

        void answer(ErrorCode error, Effects &effects, std::int64_t producerId = -1,
            std::int16_t producerEpoch = -1) const;
    };

    /// A step that is under way: its record is being written, or (towards CompleteCommit and
    /// CompleteAbort) the markers before it are. While there is one, no other may begin.
    struct Transition {
        TransactionMetadata to;
        std::int16_t lastProducerEpoch = -1;
        LogReason reason = LogReason::None;
        bool fences = false; ///< the coordinator aborts, not the producer
    };
    struct Transaction {
        std::string transactionalId;
        NameId name = kNoName;
        NameId producer = kNoName; ///< the client that used it last
        std::int32_t partition = 0; ///< of __transaction_state
        TransactionMetadata metadata; ///< as it is committed
        /// The epoch its producer had before the last bump, if it may ask for that one again. Not
        /// stored, as in Kafka: such a retry does not survive the coordinator.
        std::int16_t lastProducerEpoch = -1;
        std::optional<Transition> next{};
        /// transaction.version 1: the epoch was raised for a fence whose record could not be
        /// written. It was given to nobody, so that the next try need not raise it again.
        bool failedFence = false;
        std::set<TopicPartition> markersLeft{}; ///< while PrepareCommit or PrepareAbort
        Handle timeout{}; ///< while Ongoing
        Handle retry{}; ///< the record of its completion could not be written
    };
    struct PendingWrite {
        std::int32_t partition = 0;
        std::vector<std::string> transactionalIds{}; ///< one; several when they expire
        std::optional<Asker> asker{};
    };
    /// What goes on when there is a producer id for it.
    struct TimedOut { };
    struct WaitsForProducerId {
        std::string transactionalId;
        std::optional<Asker> asker; ///< all but TimedOut
        std::variant<TimedOut, InitProducerIdRequest, EndTxnRequest> what;
    };

    // transaction_coordinator.cpp: looking up and judging; producers and their partitions
    Transaction *find(const std::string &transactionalId);
    std::int32_t partitionOf(const std::string &transactionalId) const;
    Transaction &create(std::string transactionalId, Context &context);
    void forget(std::map<std::string, Transaction>::iterator transaction);
    bool isOtherEpoch(const Transaction &transaction, std::int16_t producerEpoch) const;
    static void refuse(const Asker &asker, ErrorCode error, const std::string &transactionalId,
        std::int16_t producerEpoch, Context &context, Effects &effects);
    void init(const Asker &asker, const InitProducerIdRequest &request, Context &context,
        Effects &effects);
    static bool knowsProducer(const Transaction &transaction, const InitProducerIdRequest &request);
    void initIdle(Transaction &transaction, const Asker &asker,
        const InitProducerIdRequest &request, Context &context, Effects &effects);
    ErrorCode judgeAdding(const std::string &transactionalId, std::int64_t producerId,
        std::int16_t producerEpoch, const Transaction *transaction) const;
    AddPartitionsToTxnResponse verify(
        const AddPartitionsToTxnRequest &request, const Transaction *transaction) const;
    void add(Transaction &transaction, const Asker &asker,
        const std::vector<TopicPartition> &partitions, std::int16_t clientTransactionVersion,
        Context &context, Effects &effects);
    std::optional<std::int64_t> takeProducerId();
    static TransactionMetadata stepFrom(const Transaction &transaction, TransactionState state);

    // transaction_ending.cpp: decisions, their markers, timeouts and expiry
    void end(const Asker &asker, const EndTxnRequest &request, Context &context, Effects &effects);
    struct EndJudgement {
        ErrorCode error = ErrorCode::None;
        bool isDone = false; ///< with None: a retry of what is decided already
    };
    EndJudgement judgeEnd(const Transaction &transaction, const EndTxnRequest &request) const;
    EndJudgement judgeEndWithBump(
        const Transaction &transaction, const EndTxnRequest &request) const;
    static TransactionMetadata decided(const Transaction &transaction, TransactionState state,
        std::int16_t clientTransactionVersion, Context &context);
    static TransactionMetadata completed(const Transaction &transaction, Context &context);
    /// Aborts what is open under a higher epoch. False when that takes a producer id and there is
    /// none at present.
    bool fence(
        Transaction &transaction, LogReason reason, std::optional<Asker> asker, Context &context);
    void wantMarkers(Transaction &transaction, Context &context);
    void setTimeout(Transaction &transaction, Context &context);
    void timedOut(Transaction &transaction, Context &context);
    void removeExpired(Context &context);

    // transaction_persistence.cpp: what it writes, what becomes of it, taking ids over
    void begin(
        Transaction &transaction, Transition &&step, std::optional<Asker> asker, Context &context);
    void write(Transaction &transaction, std::optional<Asker> asker, Context &context);
    void rollBack(Transaction &transaction, const std::optional<Asker> &asker, ErrorCode error,
        Context &context, Effects &effects);
    void stepDone(Transaction &transaction, const std::optional<Asker> &asker, Context &context,
        Effects &effects);
    void recordStep(const Transaction &transaction, const TransactionMetadata &before,
        const Transition &step, Context &context) const;

    BrokerConfig m_config;
    NodeId m_broker;
    std::map<std::string, Transaction> m_transactions;
    std::map<std::int32_t, std::int32_t> m_loaded; ///< partitions, with the coordinator's epoch
    Deadlines<Deadline> m_deadlines;
    Handle m_nextExpiry; ///< set while a partition is loaded
    std::vector<Write> m_outbox;
    // Buffers of write(), kept for their room.
    BatchBuilder m_batch;
    Bytes m_key;
    Bytes m_value;
    std::map<std::uint64_t, PendingWrite> m_pending; ///< by id: in the order they were made
    std::uint64_t m_nextWrite = 1;
    std::vector<MarkerWanted> m_markers; ///< not taken yet
    std::deque<std::int64_t> m_freeProducerIds;
    std::deque<WaitsForProducerId> m_waiting; ///< oldest first
};

} // namespace queuelab::log
