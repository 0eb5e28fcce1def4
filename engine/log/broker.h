#pragma once

#include "engine/core/context.h"
#include "engine/log/requests.h"
#include "engine/log/snapshot.h"

#include <memory>
#include <optional>
#include <variant>
#include <vector>

namespace queuelab::log {

/// Broker-wide settings under Kafka's keys and defaults.
struct BrokerConfig {
    std::chrono::milliseconds groupMinSessionTimeout{6'000}; ///< group.min.session.timeout.ms
    std::chrono::milliseconds groupMaxSessionTimeout{1'800'000}; ///< group.max.session.timeout.ms
    std::chrono::milliseconds groupInitialRebalanceDelay{
        3'000}; ///< group.initial.rebalance.delay.ms
    std::int32_t groupMaxSize = INT32_MAX; ///< group.max.size
    std::int32_t numPartitions = 1; ///< num.partitions, for auto-created topics
    bool autoCreateTopics = true; ///< auto.create.topics.enable
    std::chrono::milliseconds retentionCheckInterval{300'000}; ///< log.retention.check.interval.ms
    std::map<std::string, std::string>
        topicDefaults; ///< topic keys that apply where a topic sets none
};

/// What reaches a broker: a client's request, the end of a client's connection, or the time it
/// asked to be woken at.
struct ClientRequest {
    ClientId client;
    RequestId id;
    Request request;
    NameId name = kNoName; ///< the client in the trace: the client id of its request header
};
struct ClientGone {
    ClientId client;
};
struct WakeUp { };
using Input = std::variant<ClientRequest, ClientGone, WakeUp>;

/// What a broker wants done, in this order.
struct Answer {
    ClientId client;
    RequestId id;
    Response response;
};
/// Wake me (WakeUp) at `at`. Only the earliest one asked for is kept; waking early is harmless.
struct WakeAt {
    Instant at;
};
using Effect = std::variant<Answer, WakeAt>;
using Effects = std::vector<Effect>;

/// One broker: topics, partitions and the group coordinator. A state machine whose state is a
/// value: apply() is the only way to change it; the same state, input, time and random stream give
/// the same effects. A request that must wait (a fetch below min bytes, a join) is part of the
/// state and answered by a later step.
class Broker {
public:
    Broker(NodeId id, BrokerConfig config);
    Broker(const Broker &other);
    Broker &operator=(const Broker &other);
    Broker(Broker &&) noexcept;
    Broker &operator=(Broker &&) noexcept;
    ~Broker();

    /// Reads its directory "broker-<id>" in `context.files`: topics, logs, committed offsets.
    /// Called once before the first apply(); hand it a WakeUp then, with which it asks for its
    /// timers. Notes say what had to be cut or rebuilt.
    Result<std::vector<std::string>, Error> open(Context &context);
    /// Stops in order: flushes, writes checkpoints, closes the files.
    Result<void, Error> close(Context &context);

    /// Appends to `effects`, which the caller reuses.
    void apply(const Input &input, Context &context, Effects &effects);

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
