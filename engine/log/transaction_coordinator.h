#pragma once

#include "engine/core/context.h"
#include "engine/log/broker_config.h"
#include "engine/log/broker_io.h"
#include "engine/log/deadlines.h"
#include "engine/log/partition_log.h"
#include "engine/log/requests.h"
#include "engine/log/snapshot.h"
#include "engine/log/transaction_records.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
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
    void unload(std::int32_t partition, Context &context, Effects &effects);
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
    /// The marker is committed there, or will never be (None): the partition is gone.
    void markerWritten(const MarkerWanted &marker, Context &context, Effects &effects);

    /// Ids of producers that are new: as many as are wanted, handed in by giveProducerId().
    std::size_t producerIdsWanted() const;
    void giveProducerId(std::int64_t producerId, Context &context, Effects &effects);

    /// Answers to this caller are no longer sent.
    void callerGone(const Caller &caller);
    std::optional<Instant> nextDeadline() const { return m_deadlines.earliest(); }
    /// Carries out what is due: transactions that time out, ids that expire.
    void expire(Context &context, Effects &effects);

    std::vector<TransactionSnapshot> snapshot() const; ///< by transactional id

private:
    enum class Due : std::uint8_t { AbortTimedOut, RemoveExpired };
    BrokerConfig m_config;
    NodeId m_broker;
    Deadlines<Due> m_deadlines;
};

} // namespace queuelab::log
