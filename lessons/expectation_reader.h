#pragma once

#include "engine/world/yaml.h"
#include "lessons/lesson.h"

#include <vector>

namespace queuelab::lessons {

/// Reads a list of expectations. Kinds, fields and values are checked here, so that an expectation
/// that was read can be evaluated; whether the thing exists is only known at run time. `live`
/// allows `measured`.
std::vector<Expectation> readExpectations(
    const YAML::Node &node, bool live, world::YamlProblems &problems);

} // namespace queuelab::lessons
