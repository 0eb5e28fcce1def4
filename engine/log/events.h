#pragma once

#include "engine/core/trace.h"

#include <span>

namespace queuelab::log {

/// What the log engine records. Subject, actor, item, count and value are given behind each.
enum class LogEvent : EventKind {
    TopicCreated = 0x100, ///< subject topic, count partitions
    TopicDeleted, ///< subject topic
    BatchSent, ///< subject partition, actor producer, count records, value bytes
    BatchAppended, ///< subject partition, actor producer, detail the leader, item base offset,
                   ///< count records, value bytes
    BatchRefused, ///< subject partition, actor producer, value Kafka error code
    BatchAcked, ///< subject partition, actor producer, item base offset, count records, value
                ///< nanoseconds since send()
    BatchFailed, ///< subject partition, actor producer, count records, value Kafka error code
    SegmentRolled, ///< subject partition, item base offset of the new one
    SegmentDeleted, ///< subject partition, detail broker, item base offset, count records, value
                    ///< bytes; reason retention
    HighWatermarkMoved, ///< subject partition, item new high watermark
    RecordsFetched, ///< subject partition, actor consumer, item first offset, count records, value
                    ///< bytes
    RecordsPolled, ///< subject partition, actor consumer, item first offset, count records, value
                   ///< last offset
    OffsetReset, ///< subject partition, actor consumer, item new position; reason why
    OffsetCommitted, ///< subject partition, actor consumer, detail group, item offset
    CommitRefused, ///< subject group, actor member's client, value Kafka error code
    GroupStateChanged, ///< subject group, detail and value its new state, item generation; reason
                       ///< why
    MemberJoining, ///< subject group, actor member's client; its JoinGroup is parked
    MemberJoined, ///< subject group, actor member's client, value generation
    MemberSynced, ///< subject group, actor member's client, value generation
    MemberLeft, ///< subject group, actor member's client; reason left, session timeout,
                ///< max.poll.interval.ms, did not rejoin
    LeaderElectedInGroup, ///< subject group, actor member's client, value generation
    AssignmentComputed, ///< subject group, actor leader's client, detail assignor, count members,
                        ///< value generation
    PartitionAssigned, ///< subject partition, actor consumer, detail group, value generation
    PartitionRevoked, ///< subject partition, actor consumer, detail group, value generation, item
                      ///< its position, count records it had handled and not committed
    RequestTimedOut, ///< subject topic or group, actor client
    LogRecovered, ///< subject partition, item log end offset, value bytes cut
    PartitionsAdded, ///< subject topic, count new partitions, value partitions it has now
    RecordsDeleted, ///< subject partition, actor client, item first offset, count records, value
                    ///< new log start offset

    // The cluster.
    ControllerElected, ///< subject broker, value quorum epoch: it is the active controller
    ControllerResigned, ///< subject broker, value quorum epoch
    QuorumCandidate, ///< subject broker, value quorum epoch: it asks for votes
    BrokerRegistered, ///< subject broker, value broker epoch
    BrokerFenced, ///< subject broker; reason why
    BrokerUnfenced, ///< subject broker
    LeaderElected, ///< subject partition, actor the leader, detail the one before, value leader
                   ///< epoch; reason why
    PartitionOffline, ///< subject partition, detail the leader it had, value leader epoch
    IsrShrunk, ///< subject partition, actor the broker that left, count replicas in the ISR now
    IsrExpanded, ///< subject partition, actor the broker that came, count replicas in the ISR now
    BatchReplicated, ///< subject partition, actor follower, item base offset, count records, value
                     ///< bytes
    ReplicaTruncated, ///< subject partition, actor broker, item its new log end offset, count
                      ///< records cut, value the leader epoch it follows
    ConfigsAltered, ///< subject topic or group, detail "retention.ms=1000"

    // Producers.
    ProducerIdAssigned, ///< subject producer, value its producer id
    DuplicateAnswered, ///< subject partition, actor producer, item the original base offset, count
                       ///< records: the batch was there already

    // Groups.
    GroupLoaded, ///< subject group, actor broker, value generation: it is the coordinator now
    GroupUnloaded, ///< subject group, actor broker: it is no longer
    RebalanceCompleted, ///< subject group, actor the member that joined last, count members, value
                        ///< nanoseconds since the first of them waited
    OffsetsReset, ///< subject partition, actor client, detail group, item new offset, value by how
                  ///< much it moved

    // Applications.
    RecordRetried, ///< subject partition, actor consumer, detail retry topic, item offset, value
                   ///< attempt
    RecordDeadLettered, ///< subject partition, actor consumer, detail dead-letter topic, item
                        ///< offset, value attempts
    RecordRedriven, ///< subject partition, actor client, detail destination topic, item offset

    BrokerShuttingDown, ///< subject broker: a controlled shutdown begins, its leaders move away

    // Transactions.
    TransactionStateChanged, ///< subject transactional id, actor producer, detail its new state as
                             ///< Kafka names it, item producer epoch, count partitions in it, value
                             ///< producer id; reason why
    PartitionAddedToTxn, ///< subject partition, actor producer, detail transactional id, value
                         ///< producer id
    TransactionalAppendRefused, ///< subject partition, actor producer, item producer epoch, value
                                ///< Kafka error code: the transaction does not have it, or has
                                ///< ended
    ProducerFenced, ///< subject producer, detail transactional id, item the epoch it had, value
                    ///< Kafka error code: a younger one has its place, it writes nothing more
    MarkerWritten, ///< subject partition, detail "COMMIT" or "ABORT", item its offset, count
                   ///< records of the transaction in this partition, value producer id
    LastStableOffsetMoved, ///< subject partition, item new last stable offset
    TransactionBegun, ///< subject producer, detail transactional id, item producer epoch
    TransactionEnded, ///< subject producer, detail "committed" or "aborted", item producer epoch,
                      ///< count records in it, value nanoseconds since it began
    TransactionFailed, ///< subject producer, detail transactional id, value Kafka error code
    TxnOffsetsPending, ///< subject group, actor producer, count offsets, value producer id: they
                       ///< count when the transaction commits
    TxnOffsetsDecided, ///< subject group, detail "committed" or "dropped", count offsets, value
                       ///< producer id
    TransactionsLoaded, ///< subject broker, count transactional ids, value partition of
                        ///< __transaction_state: it is their coordinator now

    // Compaction.
    PartitionCleaned, ///< subject partition, actor broker, item next first dirty offset, count
                      ///< records removed, value bytes saved
    SegmentsCleaned, ///< subject partition, actor broker, item base offset of the new segment,
                     ///< count records kept, value bytes kept

    // Groups with assignment by the coordinator (KIP-848), share groups (KIP-932).
    TargetAssignmentComputed, ///< subject group, detail assignor, count members, value group epoch
    MemberEpochChanged, ///< subject group, actor member's client, detail its state as Kafka names
                        ///< it, value member epoch
    MemberFenced, ///< subject group, actor member's client, value Kafka error code
    RecordsAcquired, ///< subject partition, actor consumer, detail group, item first offset, count
                     ///< records, value delivery count
    RecordsAcknowledged, ///< subject partition, actor consumer, detail group, item first offset,
                         ///< count records, value AcknowledgeType; reason the same
    AcquisitionLockExpired, ///< subject partition, actor consumer, detail group, item first offset,
                            ///< count records, value delivery count
    RecordsArchived, ///< subject partition, detail group, item first offset, count records, value
                     ///< delivery count; reason why
    AcknowledgementRefused, ///< subject partition, actor consumer, detail group, item first offset,
                            ///< value Kafka error code
    ShareStartOffsetMoved, ///< subject partition, detail group, item new start offset
    SharePartitionLoaded, ///< subject partition, actor broker, detail group, item start offset,
                          ///< value state epoch
};

enum class LogReason : EventReason {
    None = 0,
    NewMember = 0x100,
    MemberLeaves,
    SessionTimeout,
    MaxPollInterval,
    DidNotRejoin,
    DidNotSync,
    GroupFull, ///< group.max.size
    AssignmentNotStored, ///< the write of the assignment to __consumer_offsets failed
    MetadataChanged,
    AllJoined,
    RebalanceTimeout,
    AssignmentReceived,
    NobodyLeft,
    InitialDelay,
    RetentionTime,
    RetentionSize,
    NoCommittedOffset,
    OutOfRange,
    Rebalance,
    Unsubscribed,
    Seek,
    BelowLogStart,
    LeaderFenced, ///< the broker that led is gone
    PreferredLeader,
    UncleanElection, ///< outside the ISR: what the others had acknowledged may be lost
    ControlledShutdown,
    NewTopic,
    ReplicaLagging, ///< replica.lag.time.max.ms
    ReplicaFenced,
    HeartbeatsMissing, ///< broker.session.timeout.ms
    Restarted,
    LogsParted, ///< after a change of leader the follower had records that the leader had not
    ToEarliest,
    ToLatest,
    ToTime,
    ByShift,
    ToOffset,
    LastKnownLeader, ///< ISR and ELR are empty: the last that led is elected, whatever it has left
    ReplicaReturned, ///< an offline partition: a replica that has all is back
    AskedFor,

    TransactionBegins,
    CommitRequested,
    AbortRequested,
    MarkersWritten, ///< in all partitions of the transaction
    TransactionTimeout, ///< transaction.timeout.ms
    NewProducer, ///< another producer has taken the transactional id
    TransactionalIdExpired, ///< transactional.id.expiration.ms
    Accepted,
    Released,
    Rejected,
    Renewed,
    Gap,
    DeliveryLimit, ///< group.share.delivery.count.limit
    FellBelowLogStart,
};

inline constexpr EventKind kind(LogEvent event)
{
    return static_cast<EventKind>(event);
}
inline constexpr EventReason reason(LogReason reason)
{
    return static_cast<EventReason>(reason);
}

std::span<const EventInfo> eventTable();
std::span<const ReasonInfo> reasonTable();

} // namespace queuelab::log
