#pragma once

#include "engine/core/result.h"
#include "engine/core/time.h"

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::world {

/// The candidate nearest to `word` by edit distance, when it is near enough to be what was meant.
std::optional<std::string> nearest(
    std::string_view word, const std::vector<std::string> &candidates);

/// The problems found in one YAML text, each with file:line:column and, where one is known, the
/// nearest valid name. Reading goes on after a problem, so a person sees all of them at once.
class YamlProblems {
public:
    explicit YamlProblems(std::string file)
        : m_file(std::move(file))
    {
    }

    void add(const YAML::Mark &mark, std::string problem, std::string remedy = {});
    bool any() const { return !m_errors.empty(); }
    const std::vector<Error> &errors() const { return m_errors; }
    const std::string &file() const { return m_file; }

private:
    std::string m_file;
    std::vector<Error> m_errors;
};

/// Parses `text`; a syntax error becomes a problem and an undefined node.
YAML::Node parseYaml(const std::string &text, YamlProblems &problems);
/// Reads and parses the file `path`.
YAML::Node loadYaml(const std::string &path, YamlProblems &problems);

/// Messages a second: written "120/s", "10/min", "1/h" or a plain number, which is per second.
struct Rate {
    double perSecond = 0;
    friend bool operator==(const Rate &, const Rate &) = default;
};
std::optional<Rate> parseRate(std::string_view text);
std::string formatRate(Rate rate);

// One overload a type: true when `out` was read, else a problem was added.
bool readYaml(const YAML::Node &node, YamlProblems &problems, std::string &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, bool &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, std::int64_t &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, std::int32_t &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, std::uint64_t &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, double &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, Duration &out);
bool readYaml(const YAML::Node &node, YamlProblems &problems, Rate &out);
/// Scalars become text as written: settings such as {retention.ms: 60000}.
bool readYaml(
    const YAML::Node &node, YamlProblems &problems, std::map<std::string, std::string> &out);

template <class T>
bool readYaml(const YAML::Node &node, YamlProblems &problems, std::vector<T> &out)
{
    if (!node.IsSequence()) {
        problems.add(node.Mark(), "a list is wanted here");
        return false;
    }
    bool all = true;
    for (const auto &element : node) {
        T value{};
        all = readYaml(YAML::Node(element), problems, value) && all;
        out.push_back(std::move(value));
    }
    return all;
}
template <class T>
bool readYaml(const YAML::Node &node, YamlProblems &problems, std::optional<T> &out)
{
    T value{};
    if (!readYaml(node, problems, value))
        return false;
    out = std::move(value);
    return true;
}

/// Reads one map strictly: call required() and optional() for every key it may have, then finish(),
/// which refuses the keys nobody asked for and names the nearest valid one.
class YamlMap {
public:
    /// `what` names the map in messages: "create-topic".
    YamlMap(YAML::Node node, std::string what, YamlProblems &problems);

    bool has(const std::string &key) const;
    /// The node at `key`, marked as known; undefined when it is missing.
    YAML::Node take(const std::string &key);
    template <class T> bool required(const std::string &key, T &out)
    {
        const YAML::Node node = take(key);
        if (!node.IsDefined()) {
            m_problems.add(mark(), m_what + " needs '" + key + "'");
            return false;
        }
        return readYaml(node, m_problems, out);
    }
    template <class T> bool optional(const std::string &key, T &out)
    {
        const YAML::Node node = take(key);
        return node.IsDefined() && readYaml(node, m_problems, out);
    }
    /// As required()/optional(), and refuses values outside [low, high].
    template <class T, class Bound>
    bool ranged(const std::string &key, T &out, Bound low, Bound high)
    {
        const YAML::Node node = take(key);
        T value{};
        if (!node.IsDefined() || !readYaml(node, m_problems, value))
            return false;
        if (value < static_cast<T>(low) || value > static_cast<T>(high)) {
            m_problems.add(node.Mark(),
                "'" + key + "' is " + node.Scalar() + ", outside " + std::to_string(low) + " to "
                    + std::to_string(high));
            return false;
        }
        out = value;
        return true;
    }
    void finish();

    YAML::Mark mark() const { return m_node.Mark(); }
    YamlProblems &problems() { return m_problems; }

private:
    YAML::Node m_node;
    std::string m_what;
    YamlProblems &m_problems;
    std::set<std::string> m_known;
};

} // namespace queuelab::world
