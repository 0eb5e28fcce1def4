#pragma once

#include "engine/core/time.h"
#include "engine/exchange/methods.h"
#include "engine/log/offset_reset.h"
#include "engine/world/yaml.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace queuelab::world {

struct WorldConfig;

/// Everything a person, a lesson, a fault plan or a test can do to a world. Each is a value with
/// named fields, in YAML written as `name: {field: value}`; command_fields.h lists the fields once,
/// for reading, writing, forms and help. Clients (producers, consumers, workers, ...) have names
/// that are unique in the world.

/// How long work takes: a fixed time, or uniform between two.
struct Span {
    Duration low{};
    Duration high{};
    friend bool operator==(const Span &, const Span &) = default;
};
enum class Arrival : std::uint8_t { Steady, Poisson };
/// Keys key-0 .. key-(count-1), rank r drawn with weight 1/(r+1)^skew; count 0 is no key.
struct Keys {
    std::uint64_t count = 0;
    double skew = 0;
    friend bool operator==(const Keys &, const Keys &) = default;
};
/// Bytes of a message body: fixed, or uniform between two.
struct Size {
    std::uint64_t low = 100;
    std::uint64_t high = 100;
    friend bool operator==(const Size &, const Size &) = default;
};
/// A duration that may be negative: "-1h".
struct SignedDuration {
    Duration value{};
    friend bool operator==(const SignedDuration &, const SignedDuration &) = default;
};
/// Settings under the originals' keys, as text: {linger.ms: "5"}.
using Settings = std::map<std::string, std::string>;

// The log.

struct CreateTopic { ///< create-topic
    std::string name;
    std::int32_t partitions = 1;
    std::int32_t replicationFactor = 1;
    Settings configs;
    friend bool operator==(const CreateTopic &, const CreateTopic &) = default;
};
struct AddPartitions { ///< add-partitions: the number only grows
    std::string topic;
    std::int32_t partitions = 1; ///< how many it has then, in all
    friend bool operator==(const AddPartitions &, const AddPartitions &) = default;
};
struct DeleteTopic { ///< delete-topic
    std::string name;
    friend bool operator==(const DeleteTopic &, const DeleteTopic &) = default;
};
struct DeleteRecords { ///< delete-records: those of a partition that lie below an offset
    std::string topic;
    std::int32_t partition = 0;
    std::uint64_t beforeOffset = 0; ///< the oldest that stays
    friend bool operator==(const DeleteRecords &, const DeleteRecords &) = default;
};
struct AlterConfigs { ///< alter-configs: of a topic
    std::string topic;
    Settings configs;
    std::vector<std::string> defaults; ///< keys that go back to their default
    friend bool operator==(const AlterConfigs &, const AlterConfigs &) = default;
};
struct AlterGroupConfigs { ///< alter-group-configs: the group need not exist
    std::string group;
    Settings configs;
    std::vector<std::string> defaults; ///< keys that go back to their default
    friend bool operator==(const AlterGroupConfigs &, const AlterGroupConfigs &) = default;
};
struct ElectLeaders { ///< elect-leaders: asks the controller for an election
    std::string topic;
    std::optional<std::int32_t> partition; ///< nothing: all of the topic's
    std::string type = "preferred"; ///< preferred, unclean
    friend bool operator==(const ElectLeaders &, const ElectLeaders &) = default;
};
struct ResetOffsets { ///< reset-offsets: of a group that nobody is a member of
    std::string group;
    std::string topic;
    std::optional<std::int32_t> partition; ///< nothing: all of the topic's
    std::string to; ///< earliest, latest, "2026-01-01T00:00:10Z", or "+10s" since the world's start
    std::optional<std::int64_t> shift; ///< instead: by so many records, back when negative
    std::optional<std::uint64_t> offset; ///< instead: to this one
    friend bool operator==(const ResetOffsets &, const ResetOffsets &) = default;
};
/// Where a reset leads; what is wrong with the fields when they say none, several, or no moment.
Result<log::ResetTarget, std::string> resetTarget(const ResetOffsets &command, Instant start);
struct Produce { ///< produce: one record by hand
    std::string topic;
    std::optional<std::string> key;
    std::string value;
    std::optional<std::int32_t> partition;
    std::int32_t count = 1;
    bool tombstone = false; ///< records without a value: on a compacted topic they delete their key
    friend bool operator==(const Produce &, const Produce &) = default;
};
/// How an application with a transactional id groups its records into transactions.
struct Transactions {
    std::optional<std::int32_t> records; ///< in each; a producer's are of 10, a transformer's of at
                                         ///< most 100
    Duration hold{}; ///< waits so long before it ends one
    double abortChance = 0; ///< that it aborts one instead of committing it
    friend bool operator==(const Transactions &, const Transactions &) = default;
};
struct AddProducer { ///< add-producer
    std::string topic;
    std::string name; ///< empty: "producer-N"
    Rate rate{10};
    Arrival arrival = Arrival::Steady;
    Keys keys;
    Size size;
    std::uint64_t total = 0; ///< stops after so many records; 0 never
    Settings configs; ///< producer settings: acks, linger.ms, batch.size, ...
    Transactions transaction; ///< only with configs: {transactional.id: ...}
    double tombstoneChance = 0; ///< that a record with a key has no value
    friend bool operator==(const AddProducer &, const AddProducer &) = default;
};
/// What a consumer with `on-failure: retry-topic` does with a record whose work failed. `<topic>`
/// in a name stands for the topic the record was first written to.
struct Retry {
    Duration delay = std::chrono::seconds{5}; ///< before the next try
    std::int32_t attempts = 3; ///< tries in all; then it goes to the dead-letter topic
    std::string retryTopic = "<topic>-retry";
    std::string deadLetterTopic = "<topic>-dlt";
    friend bool operator==(const Retry &, const Retry &) = default;
};
struct AddConsumer { ///< add-consumer
    std::string group;
    std::vector<std::string> topics;
    std::int32_t count = 1;
    std::string name; ///< empty: "<group>-N"; with count > 1 a number is added
    Span processing; ///< for each record
    std::string commit = "auto"; ///< auto (as enable.auto.commit), after (each poll's records, once
                                 ///< handled), before, never
    double crashChance = 0; ///< for each record
    double failChance = 0; ///< of the work on a record
    std::string failsOn; ///< work on records whose value contains this always fails; empty: none
    std::string onFailure = "skip"; ///< skip, block (the partition stands still and the record is
                                    ///< tried again), retry-topic
    Retry retry; ///< block uses its delay
    Settings configs; ///< consumer settings: auto.offset.reset, partition.assignment.strategy, ...
    friend bool operator==(const AddConsumer &, const AddConsumer &) = default;
};

struct AddShareConsumer { ///< add-share-consumer: members of a share group (KIP-932)
    std::string group;
    std::vector<std::string> topics;
    std::int32_t count = 1;
    std::string name; ///< empty: "<group>-N"; with count > 1 a number is added
    Span processing; ///< for each record
    double crashChance = 0; ///< for each record
    double failChance = 0; ///< of the work on a record
    std::string failsOn; ///< work on records whose value contains this always fails; empty: none
    std::string onFailure = "release"; ///< release (somebody gets it again), reject (nobody does)
    Duration renewEvery{}; ///< while it works it renews the locks of what it holds; 0 never
    std::string acknowledge = "explicit"; ///< explicit: each record, once the work is done;
                                          ///< implicit: all of a poll, with the next one
    Settings configs; ///< share consumer settings: max.poll.records, share.acquire.mode, ...
    friend bool operator==(const AddShareConsumer &, const AddShareConsumer &) = default;
};
struct AddTransformer { ///< add-transformer: reads topics, writes each record's result to another
    std::string group;
    std::vector<std::string> from;
    std::string to;
    std::int32_t count = 1;
    std::string name; ///< empty: "<group>-N"; with count > 1 a number is added
    Span processing; ///< for each record
    std::string guarantee = "exactly-once"; ///< exactly-once, at-least-once, at-most-once
    Transactions transaction; ///< exactly-once
    double crashChance = 0; ///< for each record
    double failChance = 0; ///< of the work on a record
    Settings configs; ///< consumer and producer settings; transactional.id is its name by default
    friend bool operator==(const AddTransformer &, const AddTransformer &) = default;
};

struct Redrive { ///< redrive: sends what a dead-letter topic holds back to where it came from
    std::string from;
    std::string to; ///< empty: each record's original topic
    std::string name; ///< empty: "redrive-N"
    Rate rate{10};
    std::uint64_t total = 0; ///< stops after so many records; 0: all that are there now
    friend bool operator==(const Redrive &, const Redrive &) = default;
};

// The exchange broker.

struct DeclareExchange { ///< declare-exchange
    std::string name;
    std::string type = "direct";
    bool durable = true;
    exchange::FieldTable arguments;
    friend bool operator==(const DeclareExchange &, const DeclareExchange &) = default;
};
struct DeclareQueue { ///< declare-queue
    std::string name;
    bool durable = true;
    exchange::FieldTable arguments;
    friend bool operator==(const DeclareQueue &, const DeclareQueue &) = default;
};
struct DeleteQueueCommand { ///< delete-queue, of either queue engine
    std::string name;
    friend bool operator==(const DeleteQueueCommand &, const DeleteQueueCommand &) = default;
};
struct Bind { ///< bind
    std::string exchange;
    std::string queue;
    std::string key;
    exchange::FieldTable arguments;
    friend bool operator==(const Bind &, const Bind &) = default;
};
struct Unbind { ///< unbind
    std::string exchange;
    std::string queue;
    std::string key;
    exchange::FieldTable arguments;
    friend bool operator==(const Unbind &, const Unbind &) = default;
};
struct Publish { ///< publish: by hand
    std::string exchange; ///< empty: the default exchange
    std::string key;
    std::string body;
    std::string messageId;
    exchange::FieldTable headers;
    std::string expiration; ///< milliseconds
    bool persistent = false;
    bool mandatory = false;
    std::int32_t count = 1;
    friend bool operator==(const Publish &, const Publish &) = default;
};
struct AddPublisher { ///< add-publisher
    std::string exchange;
    std::string name; ///< empty: "publisher-N"
    std::vector<std::string> keys; ///< routing keys, in turn
    Rate rate{10};
    Arrival arrival = Arrival::Steady;
    Size size;
    bool confirms = true;
    bool persistent = false;
    bool mandatory = false;
    std::uint64_t total = 0;
    friend bool operator==(const AddPublisher &, const AddPublisher &) = default;
};
struct AddWorker { ///< add-worker: a RabbitMQ consumer with basic.consume
    std::string queue;
    std::int32_t count = 1;
    std::string name; ///< empty: "worker-N"
    std::int32_t prefetch = 1;
    std::string ack = "manual"; ///< manual (after the work), auto (no-ack)
    Span processing{Duration{}, Duration{}};
    double failChance = 0; ///< of the work; then `onFailure`
    std::string onFailure = "reject"; ///< reject (no requeue), requeue
    double crashChance = 0;
    friend bool operator==(const AddWorker &, const AddWorker &) = default;
};

// The visibility queue.

struct CreateQueue { ///< create-queue
    std::string name;
    Settings attributes; ///< VisibilityTimeout, DelaySeconds, RedrivePolicy, ...
    friend bool operator==(const CreateQueue &, const CreateQueue &) = default;
};
struct SetQueueAttributes { ///< set-queue-attributes
    std::string name;
    Settings attributes;
    friend bool operator==(const SetQueueAttributes &, const SetQueueAttributes &) = default;
};
struct SendMessage { ///< send-message: by hand
    std::string queue;
    std::string body;
    std::string label; ///< how the message is called in the lesson: "pay-17"
    std::optional<std::int32_t> delaySeconds;
    std::int32_t count = 1;
    friend bool operator==(const SendMessage &, const SendMessage &) = default;
};
struct AddSender { ///< add-sender
    std::string queue;
    std::string name; ///< empty: "sender-N"
    Rate rate{10};
    Arrival arrival = Arrival::Steady;
    Size size;
    std::int32_t batch = 1; ///< messages a call, 1..10
    std::uint64_t total = 0;
    friend bool operator==(const AddSender &, const AddSender &) = default;
};
struct AddReceiver { ///< add-receiver: a worker that polls
    std::string queue;
    std::int32_t count = 1;
    std::string name; ///< empty: "worker-N"
    Span processing{Duration{}, Duration{}};
    std::int32_t maxNumberOfMessages = 1;
    std::optional<std::int32_t> visibilityTimeout;
    std::int32_t waitTimeSeconds = 20;
    Duration pollInterval = std::chrono::seconds{1}; ///< between short polls that came back empty
    std::optional<Duration> heartbeat; ///< extends the visibility timeout so often while it works
    std::string deletes = "after"; ///< after, before, never (field `delete`)
    double crashChance = 0;
    friend bool operator==(const AddReceiver &, const AddReceiver &) = default;
};

// Any client.

struct CrashConsumer { ///< crash-consumer: the process dies without a word
    std::string name;
    friend bool operator==(const CrashConsumer &, const CrashConsumer &) = default;
};
struct RestartConsumer { ///< restart-consumer: a crashed or stopped one starts again, with empty
                         ///< memory
    std::string name;
    friend bool operator==(const RestartConsumer &, const RestartConsumer &) = default;
};
struct StopConsumer { ///< stop-consumer: leaves in order
    std::string name;
    friend bool operator==(const StopConsumer &, const StopConsumer &) = default;
};
struct PauseConsumer { ///< pause-consumer: stops working and polling, its connection stays (a long
                       ///< GC pause)
    std::string name;
    friend bool operator==(const PauseConsumer &, const PauseConsumer &) = default;
};
struct ResumeConsumer { ///< resume-consumer
    std::string name;
    friend bool operator==(const ResumeConsumer &, const ResumeConsumer &) = default;
};
struct SetProcessing { ///< set-processing: changes how long its work takes
    std::string name;
    Span processing;
    friend bool operator==(const SetProcessing &, const SetProcessing &) = default;
};
struct StopProducer { ///< stop-producer: any producer, publisher or sender
    std::string name;
    friend bool operator==(const StopProducer &, const StopProducer &) = default;
};
struct SetRate { ///< set-rate
    std::string name;
    Rate rate;
    friend bool operator==(const SetRate &, const SetRate &) = default;
};

// The machines and the network.

struct KillBroker { ///< kill-broker: a broker process of the log dies
    std::int32_t broker = 1;
    std::string loses = "nothing"; ///< nothing (only the process dies), unsynced (the power goes),
                                   ///< disk
    friend bool operator==(const KillBroker &, const KillBroker &) = default;
};
struct RestartBroker { ///< restart-broker: it recovers from its files
    std::int32_t broker = 1;
    friend bool operator==(const RestartBroker &, const RestartBroker &) = default;
};
struct StopBroker { ///< stop-broker: a controlled shutdown
    std::int32_t broker = 1;
    friend bool operator==(const StopBroker &, const StopBroker &) = default;
};
struct IsolateBroker { ///< isolate-broker: nothing passes to it and from it
    std::int32_t broker = 1;
    std::string from = "everyone"; ///< everyone, brokers (clients still reach it)
    friend bool operator==(const IsolateBroker &, const IsolateBroker &) = default;
};
struct RejoinBroker { ///< rejoin-broker: ends its isolation
    std::int32_t broker = 1;
    friend bool operator==(const RejoinBroker &, const RejoinBroker &) = default;
};
struct SlowBroker { ///< slow-broker: every message to and from it takes so much longer
    std::int32_t broker = 1;
    Duration latency{};
    friend bool operator==(const SlowBroker &, const SlowBroker &) = default;
};
struct SkipClock { ///< skip-clock: a broker's wall clock jumps
    std::int32_t broker = 1;
    SignedDuration by;
    friend bool operator==(const SkipClock &, const SkipClock &) = default;
};
/// A link is a client's to everything it speaks to (`client`), one of its connections (`client` and
/// `broker`), or that between two brokers (`brokers`).
struct CutLink { ///< cut-link: nothing passes; messages wait
    std::string client;
    std::optional<std::int32_t> broker; ///< nothing: all
    std::vector<std::int32_t> brokers;
    friend bool operator==(const CutLink &, const CutLink &) = default;
};
struct MendLink { ///< mend-link
    std::string client;
    std::optional<std::int32_t> broker; ///< nothing: all
    std::vector<std::int32_t> brokers;
    friend bool operator==(const MendLink &, const MendLink &) = default;
};
struct ResetLink { ///< reset-link: the connection breaks; what is on the line is lost
    std::string client;
    std::optional<std::int32_t> broker; ///< nothing: all
    std::vector<std::int32_t> brokers;
    friend bool operator==(const ResetLink &, const ResetLink &) = default;
};
/// Why these fields name no link; nothing when they do.
std::optional<std::string> linkProblem(const std::string &client,
    std::optional<std::int32_t> broker, const std::vector<std::int32_t> &brokers);

using Command = std::variant<CreateTopic, AddPartitions, DeleteTopic, AlterConfigs,
    AlterGroupConfigs, DeleteRecords, ElectLeaders, ResetOffsets, Produce, AddProducer, AddConsumer,
    AddShareConsumer, AddTransformer, Redrive, DeclareExchange, DeclareQueue, DeleteQueueCommand,
    Bind, Unbind, Publish, AddPublisher, AddWorker, CreateQueue, SetQueueAttributes, SendMessage,
    AddSender, AddReceiver, CrashConsumer, RestartConsumer, StopConsumer, PauseConsumer,
    ResumeConsumer, SetProcessing, StopProducer, SetRate, KillBroker, RestartBroker, StopBroker,
    IsolateBroker, RejoinBroker, SlowBroker, SkipClock, CutLink, MendLink, ResetLink>;

/// "create-topic": the name in YAML, in menus and in the trace.
std::string_view commandName(const Command &command);
/// All names, in the order of Command.
const std::vector<std::string> &commandNames();

/// Reads `{create-topic: {name: orders}}`; problems name the place and the nearest valid word.
std::optional<Command> readCommand(const YAML::Node &node, YamlProblems &problems);
/// Writes what readCommand() reads back to an equal command; fields at their default are left out.
YAML::Node writeCommand(const Command &command);
/// One line, as in a session file: "create-topic: {name: orders, partitions: 6}".
std::string commandText(const Command &command);

/// Refuses what can be seen to be impossible before anything runs: more replicas than the world has
/// brokers, a broker that is not there, client settings that do not exist or have no such value.
/// What only the engine can judge (an unknown queue, a topic setting) is left to it, so that a
/// lesson can show the refusal. `mark` is the command's place.
void checkCommand(const Command &command, const WorldConfig &world, const YAML::Mark &mark,
    YamlProblems &problems);

/// A field of a command, for forms, completion and the reference.
struct FieldInfo {
    std::string name;
    std::string
        type; ///< "text", "whole number", "duration", "rate", "list of texts", "settings", ...
    bool required = false;
    std::string defaultText;
    std::string help;
    std::vector<std::string> choices; ///< when only these are valid
};
std::vector<FieldInfo> commandFields(std::string_view commandName);
/// What the command does, one sentence.
std::string_view commandHelp(std::string_view commandName);

/// Why a command could not be applied: the engine's own code, or ours when no engine was asked
/// ("unknown client").
struct CommandError {
    std::string
        code; ///< "UNKNOWN_TOPIC_OR_PARTITION", "404", "QueueDoesNotExist", "unknown-client"
    std::string message; ///< in plain words, with the nearest valid name where there is one
};

} // namespace queuelab::world
