#include "engine/world/yaml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <limits>
#include <numeric>
#include <sstream>

namespace queuelab::world {

namespace {

std::size_t editDistance(std::string_view a, std::string_view b)
{
    std::vector<std::size_t> row(b.size() + 1);
    std::iota(row.begin(), row.end(), std::size_t{0});
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t substitute = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, substitute});
        }
    }
    return row.back();
}

bool wantScalar(const YAML::Node &node, YamlProblems &problems, std::string_view what)
{
    if (node.IsScalar())
        return true;
    problems.add(node.Mark(),
        fmt::format("{} is wanted here, not a {}", what,
            node.IsMap()            ? "map"
                : node.IsSequence() ? "list"
                                    : "null"));
    return false;
}

template <class T>
bool readNumber(const YAML::Node &node, YamlProblems &problems, std::string_view what, T &out)
{
    if (!wantScalar(node, problems, what))
        return false;
    std::string text = node.Scalar();
    std::erase(text, '\''); // 500'000, as people write large numbers
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error == std::errc{} && end == text.data() + text.size())
        return true;
    if (error == std::errc::result_out_of_range)
        problems.add(node.Mark(), fmt::format("'{}' is too large", node.Scalar()));
    else
        problems.add(node.Mark(), fmt::format("'{}' is not {}", node.Scalar(), what));
    return false;
}

} // namespace

std::optional<std::string> nearest(
    std::string_view word, const std::vector<std::string> &candidates)
{
    const std::string *best = nullptr;
    std::size_t bestDistance = std::numeric_limits<std::size_t>::max();
    for (const std::string &candidate : candidates) {
        const std::size_t distance = editDistance(word, candidate);
        if (distance < bestDistance) {
            bestDistance = distance;
            best = &candidate;
        }
    }
    if (best == nullptr || bestDistance > std::max<std::size_t>(2, word.size() / 3))
        return std::nullopt;
    return *best;
}

void YamlProblems::add(const YAML::Mark &mark, std::string problem, std::string remedy)
{
    std::string place =
        mark.is_null() ? m_file : fmt::format("{}:{}:{}", m_file, mark.line + 1, mark.column + 1);
    m_errors.push_back({std::move(place), std::move(problem), std::move(remedy)});
}

YAML::Node parseYaml(const std::string &text, YamlProblems &problems)
{
    try {
        return YAML::Load(text);
    } catch (const YAML::Exception &exception) {
        problems.add(exception.mark, "not valid YAML: " + exception.msg);
        return YAML::Node(YAML::NodeType::Undefined);
    }
}

YAML::Node loadYaml(const std::string &path, YamlProblems &problems)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (file)
        text << file.rdbuf();
    if (!file || text.fail()) {
        problems.add(
            YAML::Mark::null_mark(), "cannot be read", "check the name and that you may read it");
        return YAML::Node(YAML::NodeType::Undefined);
    }
    return parseYaml(text.str(), problems);
}

std::optional<Rate> parseRate(std::string_view text)
{
    double number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc{} || number < 0)
        return std::nullopt;
    const std::string_view unit(end, static_cast<std::size_t>(text.data() + text.size() - end));
    if (unit.empty() || unit == "/s")
        return Rate{number};
    if (unit == "/min")
        return Rate{number / 60};
    if (unit == "/h")
        return Rate{number / 3600};
    return std::nullopt;
}

std::string formatRate(Rate rate)
{
    return fmt::format("{}/s", rate.perSecond);
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, std::string &out)
{
    if (!wantScalar(node, problems, "a text"))
        return false;
    out = node.Scalar();
    return true;
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, bool &out)
{
    if (!wantScalar(node, problems, "true or false"))
        return false;
    if (node.Scalar() == "true" || node.Scalar() == "false") {
        out = node.Scalar() == "true";
        return true;
    }
    problems.add(node.Mark(), fmt::format("'{}' is neither true nor false", node.Scalar()));
    return false;
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, std::int64_t &out)
{
    return readNumber(node, problems, "a whole number", out);
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, std::int32_t &out)
{
    return readNumber(node, problems, "a whole number", out);
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, std::uint64_t &out)
{
    return readNumber(node, problems, "a whole number of at least 0", out);
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, double &out)
{
    return readNumber(node, problems, "a number", out);
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, Duration &out)
{
    if (!wantScalar(node, problems, "a duration"))
        return false;
    const std::optional<Duration> duration = parseDuration(node.Scalar());
    if (!duration) {
        problems.add(node.Mark(), fmt::format("'{}' is not a duration", node.Scalar()),
            "write 300ms, 5s, 10m or 4h");
        return false;
    }
    out = *duration;
    return true;
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, Rate &out)
{
    if (!wantScalar(node, problems, "a rate"))
        return false;
    const std::optional<Rate> rate = parseRate(node.Scalar());
    if (!rate) {
        problems.add(node.Mark(), fmt::format("'{}' is not a rate", node.Scalar()),
            "write 120/s, 10/min or 1/h");
        return false;
    }
    out = *rate;
    return true;
}

bool readYaml(
    const YAML::Node &node, YamlProblems &problems, std::map<std::string, std::string> &out)
{
    if (!node.IsMap()) {
        problems.add(node.Mark(), "a map of settings is wanted here");
        return false;
    }
    bool all = true;
    for (const auto &entry : node) {
        std::string key;
        std::string value;
        if (readYaml(entry.first, problems, key) && readYaml(entry.second, problems, value))
            out[key] = value;
        else
            all = false;
    }
    return all;
}

YamlMap::YamlMap(YAML::Node node, std::string what, YamlProblems &problems)
    : m_node(std::move(node))
    , m_what(std::move(what))
    , m_problems(problems)
{
    // "stop-world:" without a value is a command without fields.
    if (m_node.IsDefined() && m_node.IsNull())
        m_node = YAML::Node(YAML::NodeType::Map);
    if (!m_node.IsDefined() || !m_node.IsMap()) {
        m_problems.add(m_node.IsDefined() ? m_node.Mark() : YAML::Mark::null_mark(),
            m_what + " must be a map");
        m_node = YAML::Node(YAML::NodeType::Map);
    }
    std::set<std::string> seen;
    for (const auto &entry : m_node) {
        if (!entry.first.IsScalar())
            m_problems.add(entry.first.Mark(), "a key must be a plain word");
        else if (!seen.insert(entry.first.Scalar()).second)
            m_problems.add(
                entry.first.Mark(), fmt::format("'{}' is given twice", entry.first.Scalar()));
    }
}

bool YamlMap::has(const std::string &key) const
{
    return YAML::Node(m_node)[key].IsDefined();
}

YAML::Node YamlMap::take(const std::string &key)
{
    m_known.insert(key);
    // Iterated rather than indexed: indexing a node for a missing key hands back a zombie that must
    // not be touched.
    for (const auto &entry : m_node) {
        if (entry.first.IsScalar() && entry.first.Scalar() == key)
            return entry.second;
    }
    return YAML::Node(YAML::NodeType::Undefined);
}

void YamlMap::finish()
{
    for (const auto &entry : m_node) {
        if (!entry.first.IsScalar() || m_known.contains(entry.first.Scalar()))
            continue;
        const std::vector<std::string> known(m_known.begin(), m_known.end());
        const std::optional<std::string> near = nearest(entry.first.Scalar(), known);
        m_problems.add(entry.first.Mark(),
            fmt::format("{} has no '{}'", m_what, entry.first.Scalar()),
            near ? fmt::format("did you mean '{}'?", *near)
                 : fmt::format("it may have: {}", fmt::format("{}", fmt::join(known, ", "))));
    }
}

} // namespace queuelab::world
