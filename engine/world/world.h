#pragma once

#include "engine/core/files.h"
#include "engine/core/trace.h"
#include "engine/log/broker_config.h"
#include "engine/log/broker_io.h"
#include "engine/world/command.h"
#include "engine/world/snapshot.h"

#include <cstdint>
#include <memory>
#include <span>

namespace queuelab::world {

/// What a world starts from; the `world:` map of a lesson or session.
struct WorldConfig {
    static constexpr std::int32_t kMostLogBrokers = 9;

    std::uint64_t seed = 1;
    std::int32_t logBrokers = 1; ///< log: {brokers: N}
    /// log: {controllers: V}: brokers 1 to V vote in the controller quorum; 0 is the smaller of 3
    /// and the brokers there are.
    std::int32_t logControllers = 0;
    Settings logConfigs; ///< log: {configs: {...}}, broker settings
    Duration latency = std::chrono::microseconds{500}; ///< network: {latency: 500us}, one way
    Duration jitter{}; ///< network: {jitter: 0s}, added at random up to this; order per connection
                       ///< is kept
    friend bool operator==(const WorldConfig &, const WorldConfig &) = default;
};
std::optional<WorldConfig> readWorldConfig(const YAML::Node &node, YamlProblems &problems);
YAML::Node writeWorldConfig(const WorldConfig &config);

/// Watches what reaches the log's brokers from clients, and clients from brokers: as checkers need
/// it, who must not believe what the brokers say of themselves.
class LogTap {
public:
    virtual ~LogTap() = default;
    virtual void request(NodeId broker, const log::ClientRequest &request, Instant now) = 0;
    virtual void answer(NodeId broker, const log::Answer &answer, Instant now) = 0;
};

/// Engines, simulated clients, the network between them, the agenda and the trace. One thread at a
/// time uses a world. A world is a value as long as its Files can be cloned (memory): copy() is a
/// checkpoint that shares what was already written, and the same config and the same commands at
/// the same times give the same trace, byte for byte.
class World {
public:
    /// `files` is where the engines store; `start` is kVirtualStart for a deterministic world, the
    /// wall clock's time for a live one. An Error when the directory cannot be used, with place and
    /// remedy.
    /// `bug` is for testing the checkers of the simulation.
    static Result<std::unique_ptr<World>, Error> create(WorldConfig config,
        std::unique_ptr<Files> files, Mode mode = Mode::Deterministic,
        Instant start = kVirtualStart, log::PlantedBug bug = log::PlantedBug::None);
    ~World();

    /// nullptr when the files cannot be cloned.
    std::unique_ptr<World> copy() const;

    /// Applies one command now. On refusal the trace says so, and the rest of the world is
    /// unharmed. A command that a log of several brokers cannot answer at once is accepted; your
    /// later commands to the log wait in line behind it, and if it is refused in the end the trace
    /// says command-failed.
    Result<void, CommandError> apply(const Command &command);

    /// When the next thing on the agenda is due; nothing when the agenda is empty.
    std::optional<Instant> nextDue() const;
    /// Runs the next thing on the agenda, moving now() to its time. False when there is none.
    bool step();
    /// Runs everything due up to and including `until`, then now() is `until`. Stops early, with
    /// now() at the last step, after `maxSteps` steps; returns whether it reached `until`.
    bool runUntil(Instant until, std::uint64_t maxSteps = UINT64_MAX);

    Instant now() const;
    Instant start() const;
    /// Bytes of the engines' files that lie in memory; 0 on a real directory.
    std::uint64_t memoryBytes() const;
    std::uint64_t steps() const;
    const WorldConfig &config() const;
    Mode mode() const;
    const Trace &trace() const;
    void setTraceSink(TraceSink *sink);
    /// Not owned, not copied with the world; nullptr for none.
    void setLogTap(LogTap *tap);

    /// Built anew at each call; costs what is shown, not what is stored.
    std::shared_ptr<const Snapshot> snapshot() const;

    /// One record or message, for the messages view.
    struct MessageRow {
        std::int64_t item = -1; ///< offset or number
        Instant at{};
        std::string key;
        std::string value; ///< at most 256 bytes
        std::uint64_t sizeBytes = 0;
        StoredRecord record; ///< what it is, and how its transaction ended
        std::string state; ///< "committed", "aborted", "COMMIT marker", ...
    };
    /// Records of a partition from `fromOffset`, at most `limit`.
    std::vector<MessageRow> records(const std::string &topic, std::int32_t partition,
        std::int64_t fromOffset, std::size_t limit) const;

    /// Whole batches of one broker's copy of a partition, from the one that holds `fromOffset` on.
    Result<std::vector<SharedBytes>, log::ErrorCode> replicaBatches(NodeId broker,
        const log::TopicPartition &partition, std::int64_t fromOffset,
        std::uint64_t maxBytes) const;

    /// Flushes and closes files in order (a live world on a real directory).
    Result<void, Error> close();

    struct State; ///< defined in world_state.h, for the files that implement the world

private:
    World();
    std::unique_ptr<State> m_state;
};

/// The words of every event of every engine, and of the world itself.
const EventInfo &eventInfo(EventKind kind);
std::string_view reasonText(EventReason reason);
std::string_view reasonName(EventReason reason);
/// The kind called `name` ("partition-assigned"), and all names.
std::optional<EventKind> eventByName(std::string_view name);
std::optional<EventReason> reasonByName(std::string_view name);
std::vector<std::string> eventNames();
/// Fills `text` (an EventInfo's, or its translation) with the fields of `event`.
std::string fillEventText(std::string_view text, const TraceEvent &event, const NameTable &names);
/// The sentence for an event, in English.
std::string describeEvent(const TraceEvent &event, const NameTable &names);

} // namespace queuelab::world
