#pragma once

#include "engine/core/time.h"
#include "engine/exchange/methods.h"
#include "engine/world/yaml.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace queuelab::world {

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
/// Settings under the originals' keys, as text: {linger.ms: "5"}.
using Settings = std::map<std::string, std::string>;

// The log.

struct CreateTopic { ///< create-topic
    std::string name;
    std::int32_t partitions = 1;
    std::int32_t replicationFactor = 1;
    Settings configs;
};
struct DeleteTopic { ///< delete-topic
    std::string name;
};
struct Produce { ///< produce: one record by hand
    std::string topic;
    std::optional<std::string> key;
    std::string value;
    std::optional<std::int32_t> partition;
    std::int32_t count = 1;
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
    Settings configs; ///< consumer settings: auto.offset.reset, partition.assignment.strategy, ...
};

// The exchange broker.

struct DeclareExchange { ///< declare-exchange
    std::string name;
    std::string type = "direct";
    bool durable = true;
    exchange::FieldTable arguments;
};
struct DeclareQueue { ///< declare-queue
    std::string name;
    bool durable = true;
    exchange::FieldTable arguments;
};
struct DeleteQueueCommand { ///< delete-queue, of either queue engine
    std::string name;
};
struct Bind { ///< bind
    std::string exchange;
    std::string queue;
    std::string key;
    exchange::FieldTable arguments;
};
struct Unbind { ///< unbind
    std::string exchange;
    std::string queue;
    std::string key;
    exchange::FieldTable arguments;
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
};

// The visibility queue.

struct CreateQueue { ///< create-queue
    std::string name;
    Settings attributes; ///< VisibilityTimeout, DelaySeconds, RedrivePolicy, ...
};
struct SetQueueAttributes { ///< set-queue-attributes
    std::string name;
    Settings attributes;
};
struct SendMessage { ///< send-message: by hand
    std::string queue;
    std::string body;
    std::string label; ///< how the message is called in the lesson: "pay-17"
    std::optional<std::int32_t> delaySeconds;
    std::int32_t count = 1;
};
struct AddSender { ///< add-sender
    std::string queue;
    std::string name; ///< empty: "sender-N"
    Rate rate{10};
    Arrival arrival = Arrival::Steady;
    Size size;
    std::int32_t batch = 1; ///< messages a call, 1..10
    std::uint64_t total = 0;
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
};

// Any client.

struct CrashConsumer { ///< crash-consumer: the process dies without a word
    std::string name;
};
struct RestartConsumer { ///< restart-consumer: a crashed or stopped one starts again, with empty
                         ///< memory
    std::string name;
};
struct StopConsumer { ///< stop-consumer: leaves in order
    std::string name;
};
struct PauseConsumer { ///< pause-consumer: stops working and polling, its connection stays (a long
                       ///< GC pause)
    std::string name;
};
struct ResumeConsumer { ///< resume-consumer
    std::string name;
};
struct SetProcessing { ///< set-processing: changes how long its work takes
    std::string name;
    Span processing;
};
struct StopProducer { ///< stop-producer: any producer, publisher or sender
    std::string name;
};
struct SetRate { ///< set-rate
    std::string name;
    Rate rate;
};

// The machines and the network.

struct KillBroker { ///< kill-broker: the log's broker process dies; what was not synced survives,
                    ///< as the machine does not
    std::int32_t broker = 1;
};
struct RestartBroker { ///< restart-broker: it recovers from its files
    std::int32_t broker = 1;
};
struct CutLink { ///< cut-link: nothing passes between a client and the brokers
    std::string client;
};
struct MendLink { ///< mend-link
    std::string client;
};

using Command = std::variant<CreateTopic, DeleteTopic, Produce, AddProducer, AddConsumer,
    DeclareExchange, DeclareQueue, DeleteQueueCommand, Bind, Unbind, Publish, AddPublisher,
    AddWorker, CreateQueue, SetQueueAttributes, SendMessage, AddSender, AddReceiver, CrashConsumer,
    RestartConsumer, StopConsumer, PauseConsumer, ResumeConsumer, SetProcessing, StopProducer,
    SetRate, KillBroker, RestartBroker, CutLink, MendLink>;

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

/// Why a command could not be applied: the engine's own code, or ours when no engine was asked
/// ("unknown client").
struct CommandError {
    std::string
        code; ///< "UNKNOWN_TOPIC_OR_PARTITION", "404", "QueueDoesNotExist", "unknown-client"
    std::string message; ///< in plain words, with the nearest valid name where there is one
};

} // namespace queuelab::world
