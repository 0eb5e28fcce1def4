#pragma once

#include "engine/world/yaml.h"
#include "lessons/expectation.h"
#include "lessons/lesson.h"

#include <optional>
#include <string>
#include <variant>
#include <vector>

namespace queuelab::lessons {

/// What was seen of one field. The alternatives stand in the order of FieldType.
using Seen = std::variant<double, bool, std::string, Duration, std::vector<std::string>>;

/// Reads what `field` is compared with; a comparison that can never make sense for its type is a
/// problem.
std::optional<Comparison> readComparison(
    const YAML::Node &node, const ExpectationField &field, world::YamlProblems &problems);

bool holds(const Comparison &comparison, const Seen &seen);

/// "12", "true", "Stable", "1500ms", "[2, 2, 2]"
std::string seenText(const Seen &seen);

} // namespace queuelab::lessons
