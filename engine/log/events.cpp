#include "engine/log/events.h"

#include <array>

namespace queuelab::log {

namespace {

constexpr EventInfo info(LogEvent event, std::string_view name, EventTone tone, EventWeight weight,
    std::string_view title, std::string_view text)
{
    return {kind(event), name, tone, weight, title, text};
}

constexpr auto kEvents = [] {
    using enum EventTone;
    using enum EventWeight;
    return std::array{
        info(LogEvent::TopicCreated, "topic-created", System, Notable, "topic created",
            "topic {subject} now exists, with {count:partition|partitions}"),
        info(LogEvent::TopicDeleted, "topic-deleted", System, Notable, "topic deleted",
            "topic {subject} and its records are gone"),
        info(LogEvent::BatchSent, "batch-sent", InFlight, Routine, "batch sent",
            "{actor} sends {count:record|records} ({value:byte|bytes}) to {subject}"),
        info(LogEvent::BatchAppended, "batch-appended", Ready, Routine, "batch appended",
            "{subject} takes {count:record|records} at offsets {item} to {last} "
            "({value:byte|bytes})"),
        info(LogEvent::BatchRefused, "batch-refused", Dead, Notable, "batch refused",
            "{subject} refuses a batch of {actor} with error {value}; nothing was written"),
        info(LogEvent::BatchAcked, "batch-acked", Done, Routine, "batch acknowledged",
            "{actor} learns that {subject} has its {count:record|records} from offset {item}, "
            "{value:duration} after handing over the first"),
        info(LogEvent::BatchFailed, "batch-failed", Dead, Notable, "batch failed",
            "{actor} gives up {count:record|records} for {subject}: error {value}"),
        info(LogEvent::SegmentRolled, "segment-rolled", System, Routine, "segment rolled",
            "{subject} starts a new segment file at offset {item}"),
        info(LogEvent::SegmentDeleted, "segment-deleted", Quiet, Notable, "segment deleted",
            "{subject} deletes the segment from offset {item} with {count:record|records}: "
            "{reason}"),
        info(LogEvent::HighWatermarkMoved, "high-watermark-moved", Ready, Routine,
            "high watermark moved", "consumers of {subject} may now read up to offset {item}"),
        info(LogEvent::RecordsFetched, "records-fetched", InFlight, Routine, "records fetched",
            "{actor} fetches {count:record|records} of {subject} from offset {item} "
            "({value:byte|bytes})"),
        info(LogEvent::RecordsPolled, "records-polled", InFlight, Routine, "records polled",
            "{actor} is handed {count:record|records} of {subject}, offsets {item} to {value}"),
        info(LogEvent::OffsetReset, "offset-reset", System, Notable, "position reset",
            "{actor} continues {subject} at offset {item}: {reason}"),
        info(LogEvent::OffsetCommitted, "offset-committed", Done, Routine, "offset committed",
            "{actor} commits offset {item} of {subject} for group {detail}"),
        info(LogEvent::CommitRefused, "commit-refused", Dead, Notable, "commit refused",
            "group {subject} refuses a commit of {actor} with error {value}"),
        info(LogEvent::GroupStateChanged, "group-state-changed", System, Notable,
            "group state changed", "group {subject} is {detail} in generation {item}: {reason}"),
        info(LogEvent::MemberJoining, "member-joining", System, Notable, "member asks to join",
            "{actor} asks to join {subject} and waits for the others"),
        info(LogEvent::MemberJoined, "member-joined", System, Notable, "member joined",
            "{actor} is a member of {subject} in generation {value}"),
        info(LogEvent::MemberSynced, "member-synced", System, Routine, "assignment handed out",
            "{actor} receives its assignment of {subject} in generation {value}"),
        info(LogEvent::MemberLeft, "member-left", Dead, Notable, "member gone",
            "{actor} is no longer a member of {subject}: {reason}"),
        info(LogEvent::LeaderElectedInGroup, "group-leader-elected", System, Routine,
            "leader chosen",
            "{actor} leads {subject} in generation {value} and will share out the partitions"),
        info(LogEvent::AssignmentComputed, "assignment-computed", System, Notable,
            "partitions shared out",
            "{actor} shares out the partitions of {subject} among {count:member|members} with the "
            "{detail} "
            "assignor"),
        info(LogEvent::PartitionAssigned, "partition-assigned", Ready, Notable,
            "partition assigned", "{subject} → {actor} in generation {value}"),
        info(LogEvent::PartitionRevoked, "partition-revoked", Quiet, Notable, "partition revoked",
            "{actor} gives up {subject}: {reason}"),
        info(LogEvent::RequestTimedOut, "request-timed-out", Dead, Notable, "request timed out",
            "{actor} hears nothing about {subject} in time"),
        info(LogEvent::LogRecovered, "log-recovered", System, Milestone, "log recovered",
            "{subject} was checked after an unclean stop: {value:byte|bytes} cut off, it now ends "
            "at "
            "offset {item}"),
        info(LogEvent::PartitionsAdded, "partitions-added", System, Notable, "partitions added",
            "topic {subject} gets {count:more partition|more partitions} and has {value} now; a "
            "key "
            "may map to another one from here on"),
        info(LogEvent::RecordsDeleted, "records-deleted", Quiet, Notable, "records deleted",
            "{actor} deletes {count:record|records} of {subject}; it starts at offset {value} now"),

        info(LogEvent::ControllerElected, "controller-elected", System, Milestone,
            "controller elected", "{subject} is the active controller from epoch {value} on"),
        info(LogEvent::ControllerResigned, "controller-resigned", Quiet, Milestone,
            "controller resigned", "{subject} is no longer the active controller of epoch {value}"),
        info(LogEvent::QuorumCandidate, "quorum-candidate", System, Notable, "candidate stands",
            "{subject} asks the voters to make it the controller of epoch {value}"),
        info(LogEvent::BrokerRegistered, "broker-registered", System, Notable, "broker registered",
            "{subject} is registered with broker epoch {value}; it is fenced until it has caught "
            "up"),
        info(LogEvent::BrokerFenced, "broker-fenced", Dead, Milestone, "broker fenced",
            "{subject} is fenced and leads nothing: {reason}"),
        info(LogEvent::BrokerUnfenced, "broker-unfenced", Ready, Notable, "broker unfenced",
            "{subject} may lead partitions and join their ISR"),
        info(LogEvent::LeaderElected, "leader-elected", System, Notable, "leader elected",
            "{actor} leads {subject} from leader epoch {value} on: {reason}"),
        info(LogEvent::PartitionOffline, "partition-offline", Dead, Milestone, "partition offline",
            "{subject} has lost its leader {detail}, and no replica may take over"),
        info(LogEvent::IsrShrunk, "isr-shrunk", Dead, Notable, "ISR shrunk",
            "{actor} leaves the ISR of {subject}, which has {count:replica|replicas} now: "
            "{reason}"),
        info(LogEvent::IsrExpanded, "isr-expanded", Ready, Notable, "ISR expanded",
            "{actor} is in the ISR of {subject}, which has {count:replica|replicas} now"),
        info(LogEvent::BatchReplicated, "batch-replicated", InFlight, Routine, "batch replicated",
            "{actor} has offsets {item} to {last} of {subject} too ({value:byte|bytes})"),
        info(LogEvent::ReplicaTruncated, "replica-truncated", Dead, Milestone, "replica truncated",
            "{actor} cuts {count:record|records} off its copy of {subject}, which ends at offset "
            "{item} now: the leader of epoch {value} does not have them"),
        info(LogEvent::ConfigsAltered, "configs-altered", System, Notable, "setting changed",
            "{subject} has {detail} from here on"),

        info(LogEvent::ProducerIdAssigned, "producer-id-assigned", System, Routine,
            "producer id assigned", "{subject} is idempotent under producer id {value}"),
        info(LogEvent::DuplicateAnswered, "duplicate-answered", Done, Notable, "duplicate answered",
            "{subject} has this batch of {actor} at offsets {item} to {last} already; it answers "
            "so "
            "and writes nothing"),

        info(LogEvent::GroupLoaded, "group-loaded", System, Notable, "group taken over",
            "{actor} coordinates {subject} from here on, as its log tells: generation {value}"),
        info(LogEvent::GroupUnloaded, "group-unloaded", System, Notable, "group given up",
            "{actor} no longer coordinates {subject}"),
        info(LogEvent::RebalanceCompleted, "rebalance-completed", Done, Notable,
            "rebalance completed",
            "{count:member|members} of {subject} have their assignment {value:duration} after the "
            "first of them waited; {actor} was the last to join"),
        info(LogEvent::OffsetsReset, "offsets-reset", System, Notable, "offset reset",
            "{actor} sets {detail} to offset {item} of {subject}, {value} from where it was"),

        info(LogEvent::RecordRetried, "record-retried", InFlight, Notable, "record put off",
            "{actor} could not handle offset {item} of {subject} at attempt {value} and sends it "
            "to "
            "{detail}"),
        info(LogEvent::RecordDeadLettered, "record-dead-lettered", Dead, Milestone,
            "record dead-lettered",
            "{actor} gives up on offset {item} of {subject} after {value:attempt|attempts} and "
            "sends "
            "it to {detail}"),
        info(LogEvent::RecordRedriven, "record-redriven", InFlight, Notable, "record redriven",
            "{actor} sends offset {item} of {subject} back to {detail}"),

        info(LogEvent::BrokerShuttingDown, "broker-shutting-down", Quiet, Milestone,
            "broker shutting down", "{subject} asks to stop; its leaders move away first"),

        info(LogEvent::TransactionStateChanged, "transaction-state-changed", System, Notable,
            "transaction state changed",
            "transaction {subject} is {detail} with producer epoch {item} and "
            "{count:partition|partitions}: {reason}"),
        info(LogEvent::PartitionAddedToTxn, "partition-added-to-txn", System, Routine,
            "partition added to transaction", "{subject} is part of the transaction {detail} now"),
        info(LogEvent::TransactionalAppendRefused, "transactional-append-refused", Dead, Notable,
            "transactional batch refused",
            "{subject} refuses a batch of {actor} with epoch {item}: error {value}; nothing was "
            "written"),
        info(LogEvent::ProducerFenced, "producer-fenced", Dead, Milestone, "producer fenced",
            "{subject} with epoch {item} is fenced: {detail} belongs to a younger producer, and it "
            "writes nothing more (error {value})"),
        info(LogEvent::MarkerWritten, "marker-written", Done, Notable, "transaction marker written",
            "{subject} takes a {detail} marker at offset {item}; it decides "
            "{count:record|records}"),
        info(LogEvent::LastStableOffsetMoved, "last-stable-offset-moved", Ready, Routine,
            "last stable offset moved",
            "with read_committed {subject} may be read up to offset {item}"),
        info(LogEvent::TransactionBegun, "transaction-begun", System, Routine, "transaction begun",
            "{subject} begins a transaction as {detail} with epoch {item}"),
        info(LogEvent::TransactionEnded, "transaction-ended", Done, Notable, "transaction ended",
            "{subject} has {detail} a transaction of {count:record|records} after "
            "{value:duration}"),
        info(LogEvent::TransactionFailed, "transaction-failed", Dead, Milestone,
            "transaction failed", "{subject} cannot go on with {detail}: error {value}"),
        info(LogEvent::TxnOffsetsPending, "txn-offsets-pending", InFlight, Routine,
            "offsets in a transaction",
            "{actor} hands in {count:offset|offsets} for {subject}; they count once its "
            "transaction "
            "commits"),
        info(LogEvent::TxnOffsetsDecided, "txn-offsets-decided", Done, Notable,
            "offsets of a transaction decided",
            "{count:offset|offsets} of {subject} are {detail} with their transaction"),
        info(LogEvent::TransactionsLoaded, "transactions-loaded", System, Notable,
            "transactions taken over",
            "{subject} coordinates {count:transactional id|transactional ids} of "
            "__transaction_state-{value} from here on"),

        info(LogEvent::PartitionCleaned, "partition-cleaned", Quiet, Notable, "partition compacted",
            "{actor} compacts {subject}: {count:record|records} ({value:byte|bytes}) go; offsets "
            "up to "
            "{item} are clean"),
        info(LogEvent::SegmentsCleaned, "segments-cleaned", Quiet, Routine, "segments compacted",
            "{actor} writes the segment from offset {item} of {subject} anew with "
            "{count:record|records} ({value:byte|bytes})"),

        info(LogEvent::TargetAssignmentComputed, "target-assignment-computed", System, Notable,
            "target assignment computed",
            "the coordinator shares out the partitions of {subject} among {count:member|members} "
            "with "
            "the {detail} assignor: group epoch {value}"),
        info(LogEvent::MemberEpochChanged, "member-epoch-changed", System, Routine,
            "member epoch changed", "{actor} is in epoch {value} of {subject}: {detail}"),
        info(LogEvent::MemberFenced, "member-fenced", Dead, Notable, "member fenced",
            "{subject} does not know {actor} in this epoch (error {value}); it joins anew"),
        info(LogEvent::RecordsAcquired, "records-acquired", InFlight, Routine, "records acquired",
            "{actor} acquires offsets {item} to {last} of {subject} for delivery {value}"),
        info(LogEvent::RecordsAcknowledged, "records-acknowledged", Done, Routine,
            "records acknowledged",
            "{actor} acknowledges offsets {item} to {last} of {subject}: {reason}"),
        info(LogEvent::AcquisitionLockExpired, "acquisition-lock-expired", Dead, Notable,
            "acquisition lock expired",
            "{actor} did not acknowledge offsets {item} to {last} of {subject} in time; delivery "
            "{value} has failed"),
        info(LogEvent::RecordsArchived, "records-archived", Dead, Notable, "records archived",
            "{detail} gets offsets {item} to {last} of {subject} never again: {reason}"),
        info(LogEvent::AcknowledgementRefused, "acknowledgement-refused", Dead, Notable,
            "acknowledgement refused",
            "{subject} refuses what {actor} says about offset {item}: error {value}"),
        info(LogEvent::ShareStartOffsetMoved, "share-start-offset-moved", Ready, Routine,
            "share start offset moved",
            "everything of {subject} below offset {item} is settled for {detail}"),
        info(LogEvent::SharePartitionLoaded, "share-partition-loaded", System, Routine,
            "share-partition taken over",
            "{actor} hands out {subject} to {detail} from offset {item} on"),
    };
}();

constexpr ReasonInfo info(LogReason value, std::string_view name, std::string_view text)
{
    return {reason(value), name, text};
}

constexpr std::array kReasons{
    info(LogReason::NewMember, "new-member", "a member joins"),
    info(LogReason::MemberLeaves, "member-leaves", "a member leaves"),
    info(LogReason::SessionTimeout, "session-timeout",
        "no heartbeat arrived for session.timeout.ms"),
    info(LogReason::MaxPollInterval, "max-poll-interval",
        "the application did not poll for max.poll.interval.ms"),
    info(LogReason::DidNotRejoin, "did-not-rejoin",
        "it did not rejoin within the rebalance timeout"),
    info(LogReason::DidNotSync, "did-not-sync", "it did not ask for its assignment in time"),
    info(LogReason::GroupFull, "group-full", "the group has group.max.size members"),
    info(LogReason::AssignmentNotStored, "assignment-not-stored",
        "the write to __consumer_offsets failed"),
    info(LogReason::MetadataChanged, "metadata-changed",
        "the topics, partitions or subscriptions changed"),
    info(LogReason::AllJoined, "all-joined", "every member has joined"),
    info(LogReason::RebalanceTimeout, "rebalance-timeout",
        "the rebalance timeout ended the wait for the others"),
    info(LogReason::AssignmentReceived, "assignment-received",
        "the leader has handed in the assignment"),
    info(LogReason::NobodyLeft, "nobody-left", "the last member is gone"),
    info(LogReason::InitialDelay, "initial-delay",
        "group.initial.rebalance.delay.ms has passed without a new member"),
    info(LogReason::RetentionTime, "retention-time", "its records are older than retention.ms"),
    info(
        LogReason::RetentionSize, "retention-size", "the partition is larger than retention.bytes"),
    info(LogReason::NoCommittedOffset, "no-committed-offset",
        "the group has no committed offset, so auto.offset.reset decides"),
    info(LogReason::OutOfRange, "out-of-range",
        "the offset it wanted is not in the log, so auto.offset.reset decides"),
    info(LogReason::Rebalance, "rebalance", "the group rebalances"),
    info(LogReason::Unsubscribed, "unsubscribed", "it has unsubscribed"),
    info(LogReason::Seek, "seek", "it was told to seek there"),
    info(LogReason::BelowLogStart, "below-log-start", "all its records were deleted before"),
    info(LogReason::LeaderFenced, "leader-fenced", "the broker that led is gone"),
    info(LogReason::PreferredLeader, "preferred-leader",
        "it stands first in the list of replicas, and leadership goes back to it"),
    info(LogReason::UncleanElection, "unclean-election",
        "it is outside the ISR, but unclean.leader.election.enable allows it; what it lacks is "
        "lost"),
    info(LogReason::ControlledShutdown, "controlled-shutdown", "a broker is shut down in order"),
    info(LogReason::NewTopic, "new-topic", "the partition is new"),
    info(LogReason::ReplicaLagging, "replica-lagging",
        "it has not caught up with the leader for replica.lag.time.max.ms"),
    info(LogReason::ReplicaFenced, "replica-fenced", "its broker is gone"),
    info(LogReason::HeartbeatsMissing, "heartbeats-missing",
        "no heartbeat arrived for broker.session.timeout.ms"),
    info(LogReason::Restarted, "restarted", "its broker was started anew"),
    info(LogReason::LogsParted, "logs-parted",
        "after a change of leader it had records that the leader had not"),
    info(LogReason::ToEarliest, "to-earliest", "to the earliest offset"),
    info(LogReason::ToLatest, "to-latest", "to the latest offset"),
    info(LogReason::ToTime, "to-time", "to the first record of a time"),
    info(LogReason::ByShift, "by-shift", "forward or back by a number of records"),
    info(LogReason::ToOffset, "to-offset", "to a given offset"),
    info(LogReason::LastKnownLeader, "last-known-leader",
        "no replica is known to have everything, so the last that led is the best guess"),
    info(LogReason::ReplicaReturned, "replica-returned", "a replica that has everything is back"),
    info(LogReason::AskedFor, "asked-for", "it was asked for"),
    info(LogReason::TransactionBegins, "transaction-begins", "its first partition was added"),
    info(LogReason::CommitRequested, "commit-requested", "its producer commits"),
    info(LogReason::AbortRequested, "abort-requested", "its producer aborts"),
    info(
        LogReason::MarkersWritten, "markers-written", "the markers stand in all of its partitions"),
    info(LogReason::TransactionTimeout, "transaction-timeout",
        "it was open for longer than transaction.timeout.ms"),
    info(LogReason::NewProducer, "new-producer", "a producer takes the transactional id"),
    info(LogReason::TransactionalIdExpired, "transactional-id-expired",
        "nobody used it for transactional.id.expiration.ms"),
    info(LogReason::Accepted, "accepted", "accept, it is done"),
    info(LogReason::Released, "released", "release, somebody shall have it again"),
    info(LogReason::Rejected, "rejected", "reject, nobody shall have it again"),
    info(LogReason::Renewed, "renewed", "renew, the work goes on"),
    info(LogReason::Gap, "gap", "there is no record there"),
    info(LogReason::DeliveryLimit, "delivery-limit",
        "it was delivered group.share.delivery.count.limit times"),
    info(LogReason::FellBelowLogStart, "fell-below-log-start",
        "its records were deleted from the log"),
};

} // namespace

std::span<const EventInfo> eventTable()
{
    return kEvents;
}

std::span<const ReasonInfo> reasonTable()
{
    return kReasons;
}

} // namespace queuelab::log
