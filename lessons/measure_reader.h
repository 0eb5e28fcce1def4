#pragma once

#include "engine/world/yaml.h"
#include "lessons/lesson.h"

#include <optional>

namespace queuelab::lessons {

/// Reads `{page-cache: {mebibytes: 64}, expect: [...]}`. Names, settings, their bounds and the
/// figures that are expected are checked; a setting that is left out has its usual value. Nothing
/// when it names no measurement.
std::optional<MeasureRun> readMeasureRun(const YAML::Node &node, world::YamlProblems &problems);

} // namespace queuelab::lessons
