#pragma once

#include "engine/core/trace.h"

#include <span>

namespace queuelab::log {

/// What the log engine records. Subject, actor, item, count and value are given behind each.
enum class LogEvent : EventKind {
    TopicCreated = 0x100, ///< subject topic, count partitions
    TopicDeleted, ///< subject topic
    BatchSent, ///< subject partition, actor producer, count records, value bytes
    BatchAppended, ///< subject partition, actor producer, item base offset, count records, value
                   ///< bytes
    BatchRefused, ///< subject partition, actor producer, value Kafka error code
    BatchAcked, ///< subject partition, actor producer, item base offset, count records, value
                ///< nanoseconds since send()
    BatchFailed, ///< subject partition, actor producer, count records, value Kafka error code
    SegmentRolled, ///< subject partition, item base offset of the new one
    SegmentDeleted, ///< subject partition, item base offset, count records, value bytes; reason
                    ///< retention
    HighWatermarkMoved, ///< subject partition, item new high watermark
    RecordsFetched, ///< subject partition, actor consumer, item first offset, count records, value
                    ///< bytes
    RecordsPolled, ///< subject partition, actor consumer, item first offset, count records
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
    PartitionRevoked, ///< subject partition, actor consumer, detail group, value generation
    RequestTimedOut, ///< subject topic or group, actor client
    LogRecovered, ///< subject partition, item log end offset, value bytes cut
    PartitionsAdded, ///< subject topic, count new partitions, value partitions it has now
    RecordsDeleted, ///< subject partition, actor client, item first offset, count records, value
                    ///< new log start offset
};

enum class LogReason : EventReason {
    None = 0,
    NewMember = 0x100,
    MemberLeaves,
    SessionTimeout,
    MaxPollInterval,
    DidNotRejoin,
    DidNotSync,
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
