#pragma once

#include "engine/core/random.h"

#include <string>
#include <string_view>

namespace queuelab::exchange {

/// RabbitMQ drops line breaks from the names of exchanges and queues (facts: rabbitmq.md 2).
std::string withoutLineBreaks(std::string name);

/// `prefix` and 22 URL-safe base64 characters: "amq.gen-..." for queues, "amq.ctag-..." for
/// consumers.
std::string generatedName(std::string_view prefix, Random &random);

/// "queue 'q' in vhost '/'", as reply texts name things.
std::string resourceText(std::string_view kind, std::string_view name);

} // namespace queuelab::exchange
