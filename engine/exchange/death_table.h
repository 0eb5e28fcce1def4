#pragma once

#include "engine/core/time.h"
#include "engine/exchange/methods.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::exchange {

/// One death of a message (facts: rabbitmq.md 5).
struct Death {
    std::string_view queue;
    std::string_view reason; ///< rejected, expired, maxlen
    std::string_view exchange; ///< it was published to when it died
    std::vector<std::string_view> routingKeys; ///< its key and CC; not BCC
    std::optional<std::string> expiration; ///< its own, when it had one
    Instant at{};
};

/// Enters a death into a message's headers: the x-death table, newest first, one entry for each
/// queue and reason with a count; x-first-death-* at the first; x-last-death-* each time.
void recordDeath(FieldTable &headers, const Death &death);

/// Whether sending a message with these headers to `queue` would close a circle that no client had
/// a hand in.
bool isAutomaticCycle(const FieldTable &headers, std::string_view queue);

/// How often it died, and why the last time ("" when never).
struct DeathSummary {
    std::uint32_t deaths = 0;
    std::string lastReason;
};
DeathSummary summarizeDeaths(const FieldTable &headers);

} // namespace queuelab::exchange
