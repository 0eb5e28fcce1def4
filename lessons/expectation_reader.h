#pragma once

#include "engine/world/yaml.h"
#include "lessons/expectation.h"
#include "lessons/lesson.h"

#include <vector>

namespace queuelab::lessons {

/// What may be expected where a list stands.
struct ExpectationScope {
    bool world = true; ///< whether there is a world to expect something of
    /// The figures that `measured` may name; nullptr where nothing is measured.
    const std::vector<ExpectationField> *figures = nullptr;
};

/// Reads a list of expectations. Kinds, fields and values are checked here, so that an expectation
/// that was read can be evaluated; whether the thing exists is only known at run time.
std::vector<Expectation> readExpectations(
    const YAML::Node &node, const ExpectationScope &scope, world::YamlProblems &problems);

} // namespace queuelab::lessons
