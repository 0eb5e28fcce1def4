#pragma once

#include "engine/world/command.h"
#include "engine/world/yaml.h"

#include <string>
#include <vector>

namespace queuelab::world {

/// Reading and writing the values that commands are made of. toYaml() writes what readYaml() reads
/// back to an equal value.

bool readYaml(const YAML::Node &node, YamlProblems &problems, Span &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, Size &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, Keys &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, Arrival &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, Retry &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, Transactions &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, SignedDuration &out);
/// Typed as YAML types plain scalars: 5 is a number, true a boolean, everything else and everything
/// quoted a text.
bool readYaml(const YAML::Node &node, YamlProblems &problems, exchange::FieldTable &out);

YAML::Node toYaml(const std::string &value);
YAML::Node toYaml(bool value);
YAML::Node toYaml(std::int32_t value);
YAML::Node toYaml(std::int64_t value);
YAML::Node toYaml(std::uint64_t value);
YAML::Node toYaml(double value);
YAML::Node toYaml(Duration value);
YAML::Node toYaml(SignedDuration value);
YAML::Node toYaml(Rate value);
YAML::Node toYaml(Arrival value);
YAML::Node toYaml(const Span &value);
YAML::Node toYaml(const Size &value);
YAML::Node toYaml(const Keys &value);
YAML::Node toYaml(const Retry &value);
YAML::Node toYaml(const Transactions &value);
YAML::Node toYaml(const Settings &value);
YAML::Node toYaml(const exchange::FieldTable &value);
YAML::Node toYaml(const std::vector<std::string> &value);
YAML::Node toYaml(const std::vector<std::int32_t> &value);
template <class T> YAML::Node toYaml(const std::optional<T> &value)
{
    return value ? toYaml(*value) : YAML::Node();
}

/// One line of YAML: {name: orders, topics: [a, "b c"]}. Scalars are quoted where reading them
/// plain would change them, or where the node is marked as text (tag "!").
std::string flowText(const YAML::Node &node);

} // namespace queuelab::world
