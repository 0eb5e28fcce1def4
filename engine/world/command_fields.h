#pragma once

#include "engine/world/command.h"

#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

namespace queuelab::world {

/// The fields of every command, described once. A visitor has
///     required(key, member, help, limits)  and  optional(key, member, help, limits)
/// and does what it likes with the member pointer: read it, write it, list it (command.cpp). Keys
/// are those of the files; the order is that of forms and of what is written.

/// What a field may hold, beyond its type.
struct Limits {
    double low = -std::numeric_limits<double>::infinity();
    double high = std::numeric_limits<double>::infinity();
    std::vector<std::string> choices;
    bool isClientName = false; ///< stamped into messages, so without spaces, '#' and '@'
};
inline Limits between(double low, double high)
{
    return {.low = low, .high = high, .choices = {}, .isClientName = false};
}
inline Limits oneOf(std::vector<std::string> choices)
{
    Limits limits;
    limits.choices = std::move(choices);
    return limits;
}
inline Limits clientName()
{
    Limits limits;
    limits.isClientName = true;
    return limits;
}

inline constexpr double kMaxPartitions = 10'000;
inline constexpr double kMaxBrokers = 9;
inline constexpr double kMaxHandMade = 100'000; ///< messages one hand-made command sends
inline constexpr double kMaxClients = 1'000; ///< clients one command adds
inline constexpr double kMaxPrefetch = 65'535; // a short in basic.qos
inline constexpr double kMaxVisibility = 43'200; // 12 hours, in seconds
inline constexpr double kMaxDelay = 900; // 15 minutes, in seconds
inline constexpr double kMaxWait = 20; // seconds of a long poll
inline constexpr double kShortest = 1e6; ///< 1 ms, in nanoseconds
inline constexpr double kSlowest = 6e10; ///< 1 minute, in nanoseconds
inline constexpr double kLongest = 8.64e15; ///< 100 days, in nanoseconds
inline constexpr double kMaxBatch = 10; // entries of an SQS batch, messages of a receive

template <class C> using Of = std::type_identity<C>;

// Each command: its word, what it does, its fields.

constexpr std::string_view commandWord(Of<CreateTopic>)
{
    return "create-topic";
}
constexpr std::string_view commandSentence(Of<CreateTopic>)
{
    return "Creates a topic with its partitions.";
}
template <class Visitor> void describe(Visitor &v, Of<CreateTopic>)
{
    v.required("name", &CreateTopic::name, "the topic's name", {});
    v.optional(
        "partitions", &CreateTopic::partitions, "how many partitions", between(1, kMaxPartitions));
    v.optional("replication-factor", &CreateTopic::replicationFactor,
        "brokers that hold a copy of each partition", between(1, kMaxBrokers));
    v.optional(
        "configs", &CreateTopic::configs, "topic settings such as {retention.ms: 60000}", {});
}

constexpr std::string_view commandWord(Of<AddPartitions>)
{
    return "add-partitions";
}
constexpr std::string_view commandSentence(Of<AddPartitions>)
{
    return "Raises a topic's number of partitions; what is in it stays where it is.";
}
template <class Visitor> void describe(Visitor &v, Of<AddPartitions>)
{
    v.required("topic", &AddPartitions::topic, "the topic", {});
    v.required("partitions", &AddPartitions::partitions,
        "how many partitions it has then, in all; more than now", between(1, kMaxPartitions));
}

constexpr std::string_view commandWord(Of<DeleteTopic>)
{
    return "delete-topic";
}
constexpr std::string_view commandSentence(Of<DeleteTopic>)
{
    return "Deletes a topic and its records.";
}
template <class Visitor> void describe(Visitor &v, Of<DeleteTopic>)
{
    v.required("name", &DeleteTopic::name, "the topic's name", {});
}

constexpr std::string_view commandWord(Of<AlterConfigs>)
{
    return "alter-configs";
}
constexpr std::string_view commandSentence(Of<AlterConfigs>)
{
    return "Changes a topic's settings.";
}
template <class Visitor> void describe(Visitor &v, Of<AlterConfigs>)
{
    v.required("topic", &AlterConfigs::topic, "the topic", {});
    v.optional(
        "configs", &AlterConfigs::configs, "topic settings such as {min.insync.replicas: 2}", {});
    v.optional("defaults", &AlterConfigs::defaults,
        "settings that go back to their default, such as [retention.ms]", {});
}

constexpr std::string_view commandWord(Of<AlterGroupConfigs>)
{
    return "alter-group-configs";
}
constexpr std::string_view commandSentence(Of<AlterGroupConfigs>)
{
    return "Changes a group's settings at the brokers.";
}
template <class Visitor> void describe(Visitor &v, Of<AlterGroupConfigs>)
{
    v.required("group", &AlterGroupConfigs::group, "the group; it need not exist yet", {});
    v.optional("configs", &AlterGroupConfigs::configs,
        "group settings such as {share.auto.offset.reset: earliest}", {});
    v.optional("defaults", &AlterGroupConfigs::defaults,
        "settings that go back to their default, such as [share.record.lock.duration.ms]", {});
}

constexpr std::string_view commandWord(Of<DeleteRecords>)
{
    return "delete-records";
}
constexpr std::string_view commandSentence(Of<DeleteRecords>)
{
    return "Deletes the oldest records of a partition, up to an offset.";
}
template <class Visitor> void describe(Visitor &v, Of<DeleteRecords>)
{
    v.required("topic", &DeleteRecords::topic, "the topic", {});
    v.optional("partition", &DeleteRecords::partition, "which of its partitions",
        between(0, kMaxPartitions - 1));
    v.required("before-offset", &DeleteRecords::beforeOffset,
        "the oldest offset that stays; at most the high watermark", {});
}

constexpr std::string_view commandWord(Of<ElectLeaders>)
{
    return "elect-leaders";
}
constexpr std::string_view commandSentence(Of<ElectLeaders>)
{
    return "Asks the controller to elect leaders anew.";
}
template <class Visitor> void describe(Visitor &v, Of<ElectLeaders>)
{
    v.required("topic", &ElectLeaders::topic, "the topic", {});
    v.optional("partition", &ElectLeaders::partition, "one of its partitions, otherwise all",
        between(0, kMaxPartitions - 1));
    v.optional("type", &ElectLeaders::type,
        "preferred: back to the first replica; unclean: any live replica, losing what only others "
        "have",
        oneOf({"preferred", "unclean"}));
}

constexpr std::string_view commandWord(Of<ResetOffsets>)
{
    return "reset-offsets";
}
constexpr std::string_view commandSentence(Of<ResetOffsets>)
{
    return "Moves the committed offsets of a group that nobody is a member of.";
}
template <class Visitor> void describe(Visitor &v, Of<ResetOffsets>)
{
    v.required("group", &ResetOffsets::group, "the consumer group; its members must have left", {});
    v.required("topic", &ResetOffsets::topic, "the topic", {});
    v.optional("partition", &ResetOffsets::partition, "one of its partitions, otherwise all",
        between(0, kMaxPartitions - 1));
    v.optional("to", &ResetOffsets::to,
        "earliest, latest, a time such as 2026-01-01T00:00:10Z, or +10s since the start", {});
    v.optional(
        "shift", &ResetOffsets::shift, "instead: by so many records, back when negative", {});
    v.optional("offset", &ResetOffsets::offset, "instead: to this offset", {});
}

constexpr std::string_view commandWord(Of<Produce>)
{
    return "produce";
}
constexpr std::string_view commandSentence(Of<Produce>)
{
    return "Writes records to a topic by hand.";
}
template <class Visitor> void describe(Visitor &v, Of<Produce>)
{
    v.required("topic", &Produce::topic, "the topic", {});
    v.optional("key", &Produce::key, "the records' key; without one any partition is taken", {});
    v.optional("value", &Produce::value, "the records' value", {});
    v.optional("partition", &Produce::partition, "the partition, instead of choosing by key",
        between(0, kMaxPartitions - 1));
    v.optional("count", &Produce::count, "how many records alike", between(1, kMaxHandMade));
    v.optional("tombstone", &Produce::tombstone,
        "without a value: on a compacted topic that deletes the key", {});
}

constexpr std::string_view commandWord(Of<AddProducer>)
{
    return "add-producer";
}
constexpr std::string_view commandSentence(Of<AddProducer>)
{
    return "Adds a producer that writes to a topic.";
}
template <class Visitor> void describe(Visitor &v, Of<AddProducer>)
{
    v.required("topic", &AddProducer::topic, "the topic it writes to", {});
    v.optional("name", &AddProducer::name, "its name; otherwise producer-N", clientName());
    v.optional("rate", &AddProducer::rate, "records a second, such as 120/s", {});
    v.optional("arrival", &AddProducer::arrival,
        "evenly spaced, or at random as independent users come", {});
    v.optional("keys", &AddProducer::keys,
        "{count: 100, skew: 0.9}: that many keys, drawn with that skew", {});
    v.optional(
        "size", &AddProducer::size, "bytes of a record's value, or {low: 100, high: 2000}", {});
    v.optional("total", &AddProducer::total, "stops after so many records; 0 never", {});
    v.optional("configs", &AddProducer::configs,
        "producer settings such as {acks: all, linger.ms: 5}", {});
    v.optional("transaction", &AddProducer::transaction,
        "{records: 10, hold: 0s, abort-chance: 0}: with configs: {transactional.id: ...}", {});
    v.optional("tombstone-chance", &AddProducer::tombstoneChance,
        "chance that a record with a key has no value: a compacted topic then forgets the key",
        between(0, 1));
}

constexpr std::string_view commandWord(Of<AddConsumer>)
{
    return "add-consumer";
}
constexpr std::string_view commandSentence(Of<AddConsumer>)
{
    return "Adds consumers to a group.";
}
template <class Visitor> void describe(Visitor &v, Of<AddConsumer>)
{
    v.required("group", &AddConsumer::group, "the consumer group", {});
    v.required("topics", &AddConsumer::topics, "the topics they subscribe to", {});
    v.optional("count", &AddConsumer::count, "how many consumers", between(1, kMaxClients));
    v.optional(
        "name", &AddConsumer::name, "its name; otherwise the group's with a number", clientName());
    v.optional("processing", &AddConsumer::processing,
        "work for each record, such as 20ms or {low: 10ms, high: 30ms}", {});
    v.optional("commit", &AddConsumer::commit,
        "when offsets are committed: auto as enable.auto.commit, after or before the work, never",
        oneOf({"auto", "after", "before", "never"}));
    v.optional("crash-chance", &AddConsumer::crashChance, "chance to crash, for each record",
        between(0, 1));
    v.optional("fail-chance", &AddConsumer::failChance, "chance that the work on a record fails",
        between(0, 1));
    v.optional("fails-on", &AddConsumer::failsOn,
        "work on records whose value contains this text always fails", {});
    v.optional("on-failure", &AddConsumer::onFailure,
        "what becomes of a record whose work failed: it is skipped, blocks its partition until it "
        "succeeds, or goes to a retry topic and in the end to a dead-letter topic",
        oneOf({"skip", "block", "retry-topic"}));
    v.optional("retry", &AddConsumer::retry,
        "{delay: 5s, attempts: 3, retry-topic: <topic>-retry, dead-letter-topic: <topic>-dlt}", {});
    v.optional("configs", &AddConsumer::configs,
        "consumer settings such as {auto.offset.reset: earliest}", {});
}

constexpr std::string_view commandWord(Of<AddShareConsumer>)
{
    return "add-share-consumer";
}
constexpr std::string_view commandSentence(Of<AddShareConsumer>)
{
    return "Adds consumers to a share group.";
}
template <class Visitor> void describe(Visitor &v, Of<AddShareConsumer>)
{
    v.required("group", &AddShareConsumer::group, "the share group", {});
    v.required("topics", &AddShareConsumer::topics, "the topics they subscribe to", {});
    v.optional("count", &AddShareConsumer::count, "how many consumers", between(1, kMaxClients));
    v.optional("name", &AddShareConsumer::name, "its name; otherwise the group's with a number",
        clientName());
    v.optional("processing", &AddShareConsumer::processing,
        "work for each record, such as 20ms or {low: 10ms, high: 30ms}", {});
    v.optional("acknowledge", &AddShareConsumer::acknowledge,
        "explicit: each record once its work is done; implicit: the next poll accepts all",
        oneOf({"explicit", "implicit"}));
    v.optional("crash-chance", &AddShareConsumer::crashChance, "chance to crash, for each record",
        between(0, 1));
    v.optional("fail-chance", &AddShareConsumer::failChance,
        "chance that the work on a record fails", between(0, 1));
    v.optional("fails-on", &AddShareConsumer::failsOn,
        "work on records whose value contains this text always fails", {});
    v.optional("on-failure", &AddShareConsumer::onFailure,
        "what it says of a record whose work failed: release it for another try, or reject it",
        oneOf({"release", "reject"}));
    v.optional("renew-every", &AddShareConsumer::renewEvery,
        "renews the locks of what it holds so often while it works; 0s never", {});
    v.optional("configs", &AddShareConsumer::configs,
        "share consumer settings such as {max.poll.records: 10}", {});
}

constexpr std::string_view commandWord(Of<AddTransformer>)
{
    return "add-transformer";
}
constexpr std::string_view commandSentence(Of<AddTransformer>)
{
    return "Adds applications that read topics in a group and write the results to another topic.";
}
template <class Visitor> void describe(Visitor &v, Of<AddTransformer>)
{
    v.required("group", &AddTransformer::group, "the consumer group it reads in", {});
    v.required("from", &AddTransformer::from, "the topics it reads", {});
    v.required("to", &AddTransformer::to, "the topic it writes to", {});
    v.optional("count", &AddTransformer::count, "how many", between(1, kMaxClients));
    v.optional("name", &AddTransformer::name, "its name; otherwise the group's with a number",
        clientName());
    v.optional("processing", &AddTransformer::processing,
        "work for each record, such as 20ms or {low: 10ms, high: 30ms}", {});
    v.optional("guarantee", &AddTransformer::guarantee,
        "exactly-once: results and offsets in one transaction; at-least-once: offsets once the "
        "results are acknowledged; at-most-once: offsets before the work",
        oneOf({"exactly-once", "at-least-once", "at-most-once"}));
    v.optional("transaction", &AddTransformer::transaction,
        "{records: 100, hold: 0s, abort-chance: 0}", {});
    v.optional("crash-chance", &AddTransformer::crashChance, "chance to crash, for each record",
        between(0, 1));
    v.optional("fail-chance", &AddTransformer::failChance,
        "chance that the work on a record fails: what is not committed is done again, or lost with "
        "at-most-once",
        between(0, 1));
    v.optional("configs", &AddTransformer::configs,
        "consumer and producer settings such as {auto.offset.reset: earliest}; transactional.id is "
        "its name unless you set one",
        {});
}

constexpr std::string_view commandWord(Of<Redrive>)
{
    return "redrive";
}
constexpr std::string_view commandSentence(Of<Redrive>)
{
    return "Sends the records of a dead-letter topic back to where they came from.";
}
template <class Visitor> void describe(Visitor &v, Of<Redrive>)
{
    v.required("from", &Redrive::from, "the dead-letter topic", {});
    v.optional("to", &Redrive::to, "the topic; otherwise each record's original topic", {});
    v.optional("name", &Redrive::name, "its name; otherwise redrive-N", clientName());
    v.optional("rate", &Redrive::rate, "records a second, such as 10/s", {});
    v.optional("total", &Redrive::total,
        "stops after so many records; 0 sends all that are there when it begins", {});
}

constexpr std::string_view commandWord(Of<DeclareExchange>)
{
    return "declare-exchange";
}
constexpr std::string_view commandSentence(Of<DeclareExchange>)
{
    return "Declares an exchange.";
}
template <class Visitor> void describe(Visitor &v, Of<DeclareExchange>)
{
    v.required("name", &DeclareExchange::name, "the exchange's name", {});
    v.optional("type", &DeclareExchange::type, "how it routes",
        oneOf({"direct", "fanout", "topic", "headers"}));
    v.optional("durable", &DeclareExchange::durable, "survives a restart of the broker", {});
    v.optional("arguments", &DeclareExchange::arguments, "x-arguments", {});
}

constexpr std::string_view commandWord(Of<DeclareQueue>)
{
    return "declare-queue";
}
constexpr std::string_view commandSentence(Of<DeclareQueue>)
{
    return "Declares a queue of the exchange broker.";
}
template <class Visitor> void describe(Visitor &v, Of<DeclareQueue>)
{
    v.required("name", &DeclareQueue::name, "the queue's name", {});
    v.optional("durable", &DeclareQueue::durable, "survives a restart of the broker", {});
    v.optional("arguments", &DeclareQueue::arguments,
        "x-arguments such as {x-dead-letter-exchange: dead}", {});
}

constexpr std::string_view commandWord(Of<DeleteQueueCommand>)
{
    return "delete-queue";
}
constexpr std::string_view commandSentence(Of<DeleteQueueCommand>)
{
    return "Deletes a queue of the exchange broker, or else of the visibility service.";
}
template <class Visitor> void describe(Visitor &v, Of<DeleteQueueCommand>)
{
    v.required("name", &DeleteQueueCommand::name, "the queue's name", {});
}

constexpr std::string_view commandWord(Of<Bind>)
{
    return "bind";
}
constexpr std::string_view commandSentence(Of<Bind>)
{
    return "Binds a queue to an exchange.";
}
template <class Visitor> void describe(Visitor &v, Of<Bind>)
{
    v.required("exchange", &Bind::exchange, "the exchange", {});
    v.required("queue", &Bind::queue, "the queue", {});
    v.optional("key", &Bind::key, "the binding key", {});
    v.optional(
        "arguments", &Bind::arguments, "for headers exchanges: {x-match: all, region: eu}", {});
}

constexpr std::string_view commandWord(Of<Unbind>)
{
    return "unbind";
}
constexpr std::string_view commandSentence(Of<Unbind>)
{
    return "Takes a binding away.";
}
template <class Visitor> void describe(Visitor &v, Of<Unbind>)
{
    v.required("exchange", &Unbind::exchange, "the exchange", {});
    v.required("queue", &Unbind::queue, "the queue", {});
    v.optional("key", &Unbind::key, "the binding key", {});
    v.optional("arguments", &Unbind::arguments, "the arguments it was bound with", {});
}

constexpr std::string_view commandWord(Of<Publish>)
{
    return "publish";
}
constexpr std::string_view commandSentence(Of<Publish>)
{
    return "Publishes messages to an exchange by hand.";
}
template <class Visitor> void describe(Visitor &v, Of<Publish>)
{
    v.optional("exchange", &Publish::exchange,
        "the exchange; without one the default exchange, which routes to the queue named by the "
        "key",
        {});
    v.optional("key", &Publish::key, "the routing key", {});
    v.optional("body", &Publish::body, "the message's body", {});
    v.optional("message-id", &Publish::messageId, "how the message is called", {});
    v.optional("headers", &Publish::headers, "the message's headers", {});
    v.optional("expiration", &Publish::expiration, "milliseconds until it expires", {});
    v.optional("persistent", &Publish::persistent, "written to disk by durable queues", {});
    v.optional("mandatory", &Publish::mandatory, "comes back when no queue takes it", {});
    v.optional("count", &Publish::count, "how many messages alike", between(1, kMaxHandMade));
}

constexpr std::string_view commandWord(Of<AddPublisher>)
{
    return "add-publisher";
}
constexpr std::string_view commandSentence(Of<AddPublisher>)
{
    return "Adds a publisher that writes to an exchange.";
}
template <class Visitor> void describe(Visitor &v, Of<AddPublisher>)
{
    v.required(
        "exchange", &AddPublisher::exchange, "the exchange; \"\" is the default exchange", {});
    v.optional("name", &AddPublisher::name, "its name; otherwise publisher-N", clientName());
    v.optional("keys", &AddPublisher::keys, "routing keys, used in turn", {});
    v.optional("rate", &AddPublisher::rate, "messages a second, such as 120/s", {});
    v.optional("arrival", &AddPublisher::arrival,
        "evenly spaced, or at random as independent users come", {});
    v.optional(
        "size", &AddPublisher::size, "bytes of a message's body, or {low: 100, high: 2000}", {});
    v.optional("confirms", &AddPublisher::confirms, "waits for publisher confirms", {});
    v.optional("persistent", &AddPublisher::persistent, "written to disk by durable queues", {});
    v.optional("mandatory", &AddPublisher::mandatory, "comes back when no queue takes it", {});
    v.optional("total", &AddPublisher::total, "stops after so many messages; 0 never", {});
}

constexpr std::string_view commandWord(Of<AddWorker>)
{
    return "add-worker";
}
constexpr std::string_view commandSentence(Of<AddWorker>)
{
    return "Adds workers that consume from a queue of the exchange broker.";
}
template <class Visitor> void describe(Visitor &v, Of<AddWorker>)
{
    v.required("queue", &AddWorker::queue, "the queue", {});
    v.optional("count", &AddWorker::count, "how many workers", between(1, kMaxClients));
    v.optional("name", &AddWorker::name, "its name; otherwise worker-N", clientName());
    v.optional("prefetch", &AddWorker::prefetch,
        "unacknowledged messages it may hold; 0 is no limit", between(0, kMaxPrefetch));
    v.optional("ack", &AddWorker::ack, "manual after the work, or auto as it is delivered",
        oneOf({"manual", "auto"}));
    v.optional("processing", &AddWorker::processing,
        "work for each message, such as 20ms or {low: 10ms, high: 30ms}", {});
    v.optional("fail-chance", &AddWorker::failChance, "chance that the work fails", between(0, 1));
    v.optional("on-failure", &AddWorker::onFailure, "what it does with a message whose work failed",
        oneOf({"reject", "requeue"}));
    v.optional("crash-chance", &AddWorker::crashChance, "chance to crash, for each message",
        between(0, 1));
}

constexpr std::string_view commandWord(Of<CreateQueue>)
{
    return "create-queue";
}
constexpr std::string_view commandSentence(Of<CreateQueue>)
{
    return "Creates a queue of the visibility service.";
}
template <class Visitor> void describe(Visitor &v, Of<CreateQueue>)
{
    v.required("name", &CreateQueue::name, "the queue's name", {});
    v.optional("attributes", &CreateQueue::attributes,
        "queue attributes such as {VisibilityTimeout: 30}", {});
}

constexpr std::string_view commandWord(Of<SetQueueAttributes>)
{
    return "set-queue-attributes";
}
constexpr std::string_view commandSentence(Of<SetQueueAttributes>)
{
    return "Changes attributes of a queue of the visibility service.";
}
template <class Visitor> void describe(Visitor &v, Of<SetQueueAttributes>)
{
    v.required("name", &SetQueueAttributes::name, "the queue's name", {});
    v.required("attributes", &SetQueueAttributes::attributes,
        "queue attributes such as {VisibilityTimeout: 30}", {});
}

constexpr std::string_view commandWord(Of<SendMessage>)
{
    return "send-message";
}
constexpr std::string_view commandSentence(Of<SendMessage>)
{
    return "Sends messages to a queue of the visibility service by hand.";
}
template <class Visitor> void describe(Visitor &v, Of<SendMessage>)
{
    v.required("queue", &SendMessage::queue, "the queue", {});
    v.optional("body", &SendMessage::body, "the message's body", {});
    v.optional("label", &SendMessage::label, "how the message is called", {});
    v.optional("delay-seconds", &SendMessage::delaySeconds,
        "seconds until it becomes visible; otherwise the queue's", between(0, kMaxDelay));
    v.optional("count", &SendMessage::count, "how many messages alike", between(1, kMaxHandMade));
}

constexpr std::string_view commandWord(Of<AddSender>)
{
    return "add-sender";
}
constexpr std::string_view commandSentence(Of<AddSender>)
{
    return "Adds a sender to a queue of the visibility service.";
}
template <class Visitor> void describe(Visitor &v, Of<AddSender>)
{
    v.required("queue", &AddSender::queue, "the queue", {});
    v.optional("name", &AddSender::name, "its name; otherwise sender-N", clientName());
    v.optional("rate", &AddSender::rate, "messages a second, such as 120/s", {});
    v.optional("arrival", &AddSender::arrival,
        "evenly spaced, or at random as independent users come", {});
    v.optional(
        "size", &AddSender::size, "bytes of a message's body, or {low: 100, high: 2000}", {});
    v.optional("batch", &AddSender::batch, "messages in one call", between(1, kMaxBatch));
    v.optional("total", &AddSender::total, "stops after so many messages; 0 never", {});
}

constexpr std::string_view commandWord(Of<AddReceiver>)
{
    return "add-receiver";
}
constexpr std::string_view commandSentence(Of<AddReceiver>)
{
    return "Adds workers that poll a queue of the visibility service.";
}
template <class Visitor> void describe(Visitor &v, Of<AddReceiver>)
{
    v.required("queue", &AddReceiver::queue, "the queue", {});
    v.optional("count", &AddReceiver::count, "how many workers", between(1, kMaxClients));
    v.optional("name", &AddReceiver::name, "its name; otherwise worker-N", clientName());
    v.optional("processing", &AddReceiver::processing,
        "work for each message, such as 20ms or {low: 10ms, high: 30ms}", {});
    v.optional("max-number-of-messages", &AddReceiver::maxNumberOfMessages,
        "messages it takes with one call", between(1, kMaxBatch));
    v.optional("visibility-timeout", &AddReceiver::visibilityTimeout,
        "seconds the messages stay hidden; otherwise the queue's", between(0, kMaxVisibility));
    v.optional("wait-time-seconds", &AddReceiver::waitTimeSeconds,
        "how long a poll may wait; 0 is a short poll", between(0, kMaxWait));
    v.optional("poll-interval", &AddReceiver::pollInterval,
        "pause after a short poll that came back empty", between(0, kLongest));
    v.optional("heartbeat", &AddReceiver::heartbeat,
        "extends the visibility timeout so often while it works", between(kShortest, kLongest));
    v.optional("delete", &AddReceiver::deletes,
        "when it deletes a message: after or before the work, never",
        oneOf({"after", "before", "never"}));
    v.optional("crash-chance", &AddReceiver::crashChance, "chance to crash, for each message",
        between(0, 1));
}

constexpr std::string_view commandWord(Of<CrashConsumer>)
{
    return "crash-consumer";
}
constexpr std::string_view commandSentence(Of<CrashConsumer>)
{
    return "A client's process dies without a word.";
}
template <class Visitor> void describe(Visitor &v, Of<CrashConsumer>)
{
    v.required("name", &CrashConsumer::name, "the client", {});
}

constexpr std::string_view commandWord(Of<RestartConsumer>)
{
    return "restart-consumer";
}
constexpr std::string_view commandSentence(Of<RestartConsumer>)
{
    return "A crashed or stopped client starts again, with empty memory.";
}
template <class Visitor> void describe(Visitor &v, Of<RestartConsumer>)
{
    v.required("name", &RestartConsumer::name, "the client", {});
}

constexpr std::string_view commandWord(Of<StopConsumer>)
{
    return "stop-consumer";
}
constexpr std::string_view commandSentence(Of<StopConsumer>)
{
    return "A client leaves in order.";
}
template <class Visitor> void describe(Visitor &v, Of<StopConsumer>)
{
    v.required("name", &StopConsumer::name, "the client", {});
}

constexpr std::string_view commandWord(Of<PauseConsumer>)
{
    return "pause-consumer";
}
constexpr std::string_view commandSentence(Of<PauseConsumer>)
{
    return "A client stops working and polling while its connection stays.";
}
template <class Visitor> void describe(Visitor &v, Of<PauseConsumer>)
{
    v.required("name", &PauseConsumer::name, "the client", {});
}

constexpr std::string_view commandWord(Of<ResumeConsumer>)
{
    return "resume-consumer";
}
constexpr std::string_view commandSentence(Of<ResumeConsumer>)
{
    return "A paused client goes on.";
}
template <class Visitor> void describe(Visitor &v, Of<ResumeConsumer>)
{
    v.required("name", &ResumeConsumer::name, "the client", {});
}

constexpr std::string_view commandWord(Of<SetProcessing>)
{
    return "set-processing";
}
constexpr std::string_view commandSentence(Of<SetProcessing>)
{
    return "Changes how long a client's work takes.";
}
template <class Visitor> void describe(Visitor &v, Of<SetProcessing>)
{
    v.required("name", &SetProcessing::name, "the client", {});
    v.required("processing", &SetProcessing::processing,
        "work for each message, such as 20ms or {low: 10ms, high: 30ms}", {});
}

constexpr std::string_view commandWord(Of<StopProducer>)
{
    return "stop-producer";
}
constexpr std::string_view commandSentence(Of<StopProducer>)
{
    return "A producer, publisher or sender stops in order.";
}
template <class Visitor> void describe(Visitor &v, Of<StopProducer>)
{
    v.required("name", &StopProducer::name, "the client", {});
}

constexpr std::string_view commandWord(Of<SetRate>)
{
    return "set-rate";
}
constexpr std::string_view commandSentence(Of<SetRate>)
{
    return "Changes the rate of a producer, publisher or sender.";
}
template <class Visitor> void describe(Visitor &v, Of<SetRate>)
{
    v.required("name", &SetRate::name, "the client", {});
    v.required("rate", &SetRate::rate, "messages a second, such as 120/s", {});
}

constexpr std::string_view commandWord(Of<KillBroker>)
{
    return "kill-broker";
}
constexpr std::string_view commandSentence(Of<KillBroker>)
{
    return "A broker process of the log dies.";
}
template <class Visitor> void describe(Visitor &v, Of<KillBroker>)
{
    v.optional("broker", &KillBroker::broker, "the broker's number", between(1, kMaxBrokers));
    v.optional("loses", &KillBroker::loses,
        "what is lost with it: nothing of its files, what was not synced (the power goes), or the "
        "whole disk",
        oneOf({"nothing", "unsynced", "disk"}));
}

constexpr std::string_view commandWord(Of<RestartBroker>)
{
    return "restart-broker";
}
constexpr std::string_view commandSentence(Of<RestartBroker>)
{
    return "A broker of the log that is down starts again and recovers from its files.";
}
template <class Visitor> void describe(Visitor &v, Of<RestartBroker>)
{
    v.optional("broker", &RestartBroker::broker, "the broker's number", between(1, kMaxBrokers));
}

constexpr std::string_view commandWord(Of<StopBroker>)
{
    return "stop-broker";
}
constexpr std::string_view commandSentence(Of<StopBroker>)
{
    return "A broker of the log shuts down in order: its leaders move away first.";
}
template <class Visitor> void describe(Visitor &v, Of<StopBroker>)
{
    v.optional("broker", &StopBroker::broker, "the broker's number", between(1, kMaxBrokers));
}

constexpr std::string_view commandWord(Of<IsolateBroker>)
{
    return "isolate-broker";
}
constexpr std::string_view commandSentence(Of<IsolateBroker>)
{
    return "Nothing passes to a broker of the log and from it; messages wait.";
}
template <class Visitor> void describe(Visitor &v, Of<IsolateBroker>)
{
    v.optional("broker", &IsolateBroker::broker, "the broker's number", between(1, kMaxBrokers));
    v.optional("from", &IsolateBroker::from, "from everyone, or from the other brokers only",
        oneOf({"everyone", "brokers"}));
}

constexpr std::string_view commandWord(Of<RejoinBroker>)
{
    return "rejoin-broker";
}
constexpr std::string_view commandSentence(Of<RejoinBroker>)
{
    return "Ends a broker's isolation; what waited is delivered.";
}
template <class Visitor> void describe(Visitor &v, Of<RejoinBroker>)
{
    v.optional("broker", &RejoinBroker::broker, "the broker's number", between(1, kMaxBrokers));
}

constexpr std::string_view commandWord(Of<SlowBroker>)
{
    return "slow-broker";
}
constexpr std::string_view commandSentence(Of<SlowBroker>)
{
    return "Every message to and from a broker of the log takes longer; 0s mends it.";
}
template <class Visitor> void describe(Visitor &v, Of<SlowBroker>)
{
    v.optional("broker", &SlowBroker::broker, "the broker's number", between(1, kMaxBrokers));
    v.required("latency", &SlowBroker::latency, "added to the network's latency, one way",
        between(0, kSlowest));
}

constexpr std::string_view commandWord(Of<SkipClock>)
{
    return "skip-clock";
}
constexpr std::string_view commandSentence(Of<SkipClock>)
{
    return "A broker's wall clock jumps ahead, or back.";
}
template <class Visitor> void describe(Visitor &v, Of<SkipClock>)
{
    v.optional("broker", &SkipClock::broker, "the broker's number", between(1, kMaxBrokers));
    v.required("by", &SkipClock::by, "by how much, such as 1h or -10m", {});
}

constexpr std::string_view commandWord(Of<CutLink>)
{
    return "cut-link";
}
constexpr std::string_view commandSentence(Of<CutLink>)
{
    return "Nothing passes on a link until it is mended; messages wait.";
}
template <class Visitor> void describe(Visitor &v, Of<CutLink>)
{
    v.optional("client", &CutLink::client, "the client", {});
    v.optional("broker", &CutLink::broker, "only the client's connection to this broker of the log",
        between(1, kMaxBrokers));
    v.optional(
        "brokers", &CutLink::brokers, "instead of a client: two brokers of the log, as [1, 3]", {});
}

constexpr std::string_view commandWord(Of<MendLink>)
{
    return "mend-link";
}
constexpr std::string_view commandSentence(Of<MendLink>)
{
    return "A cut link carries again, first what waited.";
}
template <class Visitor> void describe(Visitor &v, Of<MendLink>)
{
    v.optional("client", &MendLink::client, "the client", {});
    v.optional("broker", &MendLink::broker,
        "only the client's connection to this broker of the log", between(1, kMaxBrokers));
    v.optional("brokers", &MendLink::brokers,
        "instead of a client: two brokers of the log, as [1, 3]", {});
}

constexpr std::string_view commandWord(Of<ResetLink>)
{
    return "reset-link";
}
constexpr std::string_view commandSentence(Of<ResetLink>)
{
    return "Connections break: what is on the line is lost, and both sides learn it.";
}
template <class Visitor> void describe(Visitor &v, Of<ResetLink>)
{
    v.optional("client", &ResetLink::client, "the client", {});
    v.optional("broker", &ResetLink::broker,
        "only the client's connection to this broker of the log", between(1, kMaxBrokers));
    v.optional("brokers", &ResetLink::brokers,
        "instead of a client: two brokers of the log, as [1, 3]", {});
}

} // namespace queuelab::world
