#pragma once

#include "engine/core/ids.h"
#include "engine/core/random.h"
#include "engine/core/time.h"
#include "engine/log/requests.h"

#include <map>
#include <optional>
#include <variant>
#include <vector>

namespace queuelab::log {

/// What a client of the log wants done, appended to a buffer that is reused.
struct SendRequest {
    NodeId broker;
    RequestId id;
    Request request;
};
/// Wake me at `at`. Only the earliest is kept; waking early is harmless.
struct WakeClientAt {
    Instant at;
};
using ClientEffect = std::variant<SendRequest, WakeClientAt>;
using ClientEffects = std::vector<ClientEffect>;

/// murmur2 as Kafka's clients use it for keys (facts: kafka.md 4.1, vectors there).
std::int32_t murmur2(ByteView key);
/// (murmur2 & 0x7fffffff) % partitions.
std::int32_t partitionForKey(ByteView key, std::int32_t partitions);

/// How long Kafka's clients wait after `failures` (from 1) failed tries: `initial` doubled with
/// each, 20 % more or less by chance, at most `max` (ExponentialBackoff; KIP-580).
Duration exponentialBackoff(std::chrono::milliseconds initial, std::chrono::milliseconds max,
    std::int32_t failures, Random &random);

/// A random UUID as Kafka writes it (version 4, 22 characters of base64url; the first is no '-'),
/// for members of groups that make their id themselves.
std::string makeUuid(Random &random);

/// The brokers a client knows: those of bootstrap.servers until a metadata answer names others, and
/// again when none of those can be reached (metadata.recovery.strategy=rebootstrap, the default
/// since 4.0). One that cannot be reached is left alone for reconnect.backoff.ms (50), up to
/// reconnect.backoff.max.ms (1000). A value.
class KnownBrokers {
public:
    explicit KnownBrokers(std::vector<NodeId> bootstrap);

    void learn(const MetadataResponse &response);
    void answered(NodeId broker);
    void lost(NodeId broker, Instant now, Random &random);

    /// Whether it may be sent to; when not, from reconnectAt() on.
    bool canReach(NodeId broker, Instant now) const;
    std::optional<Instant> reconnectAt(NodeId broker) const;
    /// Any broker for a question that each of them answers: one that answered before, else one not
    /// tried yet. Nothing while all are left alone.
    std::optional<NodeId> any(Instant now, Random &random) const;
    /// When any() has an answer again.
    Instant anyAt() const;

private:
    struct Broken {
        Instant until{};
        std::int32_t failures = 0;
    };
    std::vector<NodeId> m_bootstrap;
    std::vector<NodeId> m_brokers; // without repetition, never empty
    std::map<NodeId, Broken> m_broken; // those that did not answer since
};

} // namespace queuelab::log
