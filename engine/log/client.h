#pragma once

#include "engine/core/ids.h"
#include "engine/core/time.h"
#include "engine/log/requests.h"

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

} // namespace queuelab::log
