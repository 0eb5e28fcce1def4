#pragma once

#include "engine/log/broker_config.h"
#include "engine/log/broker_io.h"
#include "engine/log/snapshot.h"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace queuelab::log {

/// One broker, with a controller in the same process (process.roles=broker,controller): replicas of
/// partitions, the group coordinators it leads, and its part of the controller quorum. A state
/// machine whose state is a value: apply() is the only way to change it; the same state, input,
/// time and random stream give the same effects. A request that must wait (a fetch below min bytes,
/// a join, acks=all) is part of the state and answered by a later step.
///
/// A broker that is the only voter leads its quorum from open() on, and what it commits is
/// committed at once: then CreateTopics and the like are answered in the same step.
class Broker {
public:
    Broker(NodeId id, BrokerConfig config);
    Broker(const Broker &other);
    Broker &operator=(const Broker &other);
    Broker(Broker &&) noexcept;
    Broker &operator=(Broker &&) noexcept;
    ~Broker();

    /// Reads its directory "broker-<id>" in `context.files`: the metadata log, and (when it is the
    /// only voter) the partitions; else those follow when it learns what is committed. Called once
    /// before the first apply(); hand it a WakeUp then, with which it asks for its timers. Notes
    /// say what had to be cut or rebuilt.
    Result<std::vector<std::string>, Error> open(Context &context);
    /// What had to be cut or rebuilt since open(), taken out.
    std::vector<std::string> takeNotes();
    /// Begins a controlled shutdown: leaders move away, then the effect ShutDown comes. Called at
    /// most once in a life.
    void shutDown(Context &context, Effects &effects);
    /// Stops in order: flushes, writes checkpoints, closes the files.
    Result<void, Error> close(Context &context);

    /// Appends to `effects`, which the caller reuses.
    void apply(const Input &input, Context &context, Effects &effects);

    /// What this broker knows: its own replicas, and the cluster as its metadata says.
    /// clusterSnapshot() puts those of all brokers together.
    BrokerView view() const;
    /// What would be shown of a cluster of this broker alone.
    ClusterSnapshot snapshot() const;
    /// Read-only access for the message view: batches of a partition from `offset`, at most
    /// `maxBytes`.
    Result<std::vector<SharedBytes>, ErrorCode> peek(const TopicPartition &partition,
        std::int64_t offset, std::uint64_t maxBytes, const Files &files) const;

private:
    struct State;
    std::unique_ptr<State> m_state;
};

} // namespace queuelab::log
