#pragma once

#include <string_view>

namespace queuelab::log {

/// Whether a topic may be called so: 1 to 249 ASCII letters, digits, '.', '_' and '-', but not "."
/// and "..": it names a folder. Source: Kafka's Topic.validate.
bool isValidTopicName(std::string_view name);

} // namespace queuelab::log
