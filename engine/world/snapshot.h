#pragma once

#include "engine/core/time.h"
#include "engine/exchange/snapshot.h"
#include "engine/log/producer.h"
#include "engine/log/snapshot.h"
#include "engine/visibility/snapshot.h"

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace queuelab::world {

enum class Engine : std::uint8_t { Log, Exchange, Visibility };
enum class Mode : std::uint8_t { Deterministic, Live };
enum class ClientRole : std::uint8_t { Producer, Consumer, Publisher, Worker, Sender, Receiver };
enum class ClientState : std::uint8_t { Running, Paused, Crashed, Stopped };

/// A message a client holds and has not settled.
struct HeldMessage {
    std::string subject; ///< partition or queue
    std::int64_t item = -1; ///< offset or message number
    std::string label;
    bool redelivered = false;
    std::int32_t deliveries = 1;
    Instant workEnds{}; ///< when the client will be done with it; zero when it has not begun
};
struct PositionSnapshot {
    std::string partition; ///< "orders-3"
    std::string topic;
    std::int32_t index = 0;
    std::int64_t position = -1; ///< next offset it will be handed
    std::int64_t committed = -1;
    std::int64_t fetched = -1; ///< next offset to fetch
};
struct ClientSnapshot {
    std::string name;
    ClientRole role = ClientRole::Producer;
    ClientState state = ClientState::Running;
    Engine engine = Engine::Log;
    std::string target; ///< topic, exchange or queue
    std::string group; ///< consumers of the log
    double configuredRate = 0; ///< producers: messages a second
    double rate = 0; ///< messages a second over the last second
    std::uint64_t sent = 0;
    std::uint64_t confirmed = 0;
    std::uint64_t failed = 0;
    std::uint64_t received = 0;
    std::uint64_t handled = 0;
    std::uint64_t handledAgain =
        0; ///< of those, handled before by anyone of the same group or queue
    std::uint64_t transactionsCommitted = 0; ///< producers and transformers of the log
    std::uint64_t transactionsAborted = 0;
    std::string writesTo; ///< transformers: the topic
    std::uint16_t prefetch = 0; ///< workers; 0 is no limit
    bool autoAck = false;
    bool waiting = false; ///< receivers: in a long poll
    Instant lastPoll{};
    std::vector<HeldMessage> holding; ///< at most 64, in the order it will handle them
    std::uint64_t holdingCount = 0;
    std::vector<PositionSnapshot> positions; ///< consumers of the log
    std::string note; ///< "idle: owns nothing", "connection lost": why it does nothing
    std::string isolationLevel; ///< consumers of the log: "read_committed"
    /// Producers of the log with a transactional id, as they know themselves; the coordinator's
    /// view is in `log`.
    std::string transactionalId;
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    log::TransactionStatus transactionStatus = log::TransactionStatus::Uninitialized;
    log::ErrorCode transactionError = log::ErrorCode::None; ///< what led to an error status
};

/// What a record of a partition is.
enum class RecordKind : std::uint8_t {
    Data,
    Tombstone, ///< a key without a value: compaction deletes what the key had
    CommitMarker,
    AbortMarker,
    OtherControl,
};
/// How the transaction ended that a record belongs to.
enum class TransactionFate : std::uint8_t {
    None, ///< it belongs to none, or its end is not known here
    Open,
    Committed,
    Aborted,
};
struct StoredRecord {
    std::int64_t offset = 0;
    RecordKind kind = RecordKind::Data;
    TransactionFate fate = TransactionFate::None; ///< a marker's is what it says
    std::int64_t producerId = -1; ///< -1 without idempotence
    std::int16_t producerEpoch = -1;
    friend bool operator==(const StoredRecord &, const StoredRecord &) = default;
};
/// The newest records of a partition, as its leader's log holds them: every record with an offset
/// in [from, to) that is still there. An offset between that has none was compacted away, or lies
/// behind the records of a batch that was.
struct LogTailSnapshot {
    static constexpr std::size_t kRecords = 32;

    log::TopicPartition partition;
    std::int64_t from = 0;
    std::int64_t to = 0; ///< the log end offset, unless the records are too large to read them all
    std::vector<StoredRecord> records; ///< by offset; at most kRecords
};

/// What became of the messages of a group or queue as the applications saw them.
struct OutcomeSnapshot {
    Engine engine = Engine::Log;
    std::string name; ///< group or queue
    std::uint64_t handled = 0; ///< different messages
    std::uint64_t handledAgain = 0; ///< handlings beyond the first
    std::uint64_t outOfOrderInPartition = 0; ///< handled after a later one of the same partition
    std::uint64_t outOfOrderInKey = 0; ///< handled after a later one of the same key
    std::uint64_t outOfOrderOverall = 0; ///< handled after a later one of the whole topic or queue
    Duration latencyP50{}; ///< from creation to the end of handling
    Duration latencyP95{};
    Duration latencyP99{};
};

/// A quantity over time for a chart; value i belongs to start + i * step.
struct SeriesSnapshot {
    std::string name; ///< "orders in", "billing lag", "jobs ready", "jobs unacked"
    std::string unit; ///< "records/s", "records", "messages"
    Engine engine = Engine::Log;
    Instant start{};
    Duration step{};
    std::vector<double> values;
};

/// The whole world at one moment: an immutable value. Panels, expectations, checkers and exports
/// read this and the trace, nothing else.
struct Snapshot {
    std::uint64_t seed = 0;
    Mode mode = Mode::Deterministic;
    Instant start{};
    Instant now{};
    std::uint64_t events = 0; ///< trace events so far
    std::uint64_t steps = 0; ///< agenda items run so far
    log::ClusterSnapshot log;
    static constexpr std::size_t kLogTails = 64;
    std::vector<LogTailSnapshot> logTails; ///< in the order of `log`; at most kLogTails, none of
                                           ///< internal topics
    exchange::BrokerSnapshot exchange;
    visibility::ServiceSnapshot visibility;
    std::vector<ClientSnapshot> clients; ///< in the order they were added
    std::vector<OutcomeSnapshot> outcomes;
    std::vector<SeriesSnapshot> series;
    std::vector<std::string>
        notes; ///< what recovery had to mend, refused real clients, where recording stopped
};

} // namespace queuelab::world
