#include "engine/world/yaml_values.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

namespace queuelab::world {

namespace {

/// What yaml-cpp gives a quoted scalar as its tag: it is text, whatever it looks like.
constexpr const char *kTextTag = "!";

/// A low and a high value, or one for both.
template <class T>
bool readRange(const YAML::Node &node, YamlProblems &problems, const char *what, T &low, T &high)
{
    if (!node.IsMap()) {
        if (!readYaml(node, problems, low))
            return false;
        high = low;
        return true;
    }
    YamlMap map(node, what, problems);
    const bool both = map.required("low", low) & map.required("high", high);
    map.finish();
    if (both && high < low) {
        problems.add(node.Mark(), "'low' is above 'high'", "swap them");
        return false;
    }
    return both;
}

template <class T> std::optional<T> wholeScalar(const std::string &text)
{
    T value{};
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

/// How a plain scalar is typed in a field table. "nan" and "inf", which from_chars takes, stay
/// text.
exchange::FieldValue plainValue(const std::string &text)
{
    if (text == "true" || text == "false")
        return text == "true";
    if (const auto number = wholeScalar<std::int64_t>(text))
        return *number;
    const bool looksNumeric = text.find_first_of("0123456789") != std::string::npos;
    if (const auto number = wholeScalar<double>(text); number && looksNumeric)
        return *number;
    return text;
}

/// Reads a field table. Aliases can make a small file nest for ever or grow without end, so depth
/// and size are bounded.
class FieldTableReader {
public:
    explicit FieldTableReader(YamlProblems &problems)
        : m_problems(problems)
    {
    }

    bool table(const YAML::Node &node, exchange::FieldTable &out, int depth)
    {
        bool all = true;
        for (const auto &entry : node) {
            std::string key;
            exchange::FieldValue field;
            if (readYaml(entry.first, m_problems, key) && value(entry.second, field, depth))
                out[key] = std::move(field);
            else
                all = false;
            if (m_left == 0)
                return false;
        }
        return all;
    }

private:
    static constexpr int kMaxDepth = 32;
    static constexpr int kMaxValues = 10'000;

    bool value(const YAML::Node &node, exchange::FieldValue &out, int depth)
    {
        if (m_left == 0)
            return false;
        if (--m_left == 0 || depth == kMaxDepth) {
            m_left = 0; // one problem is enough
            m_problems.add(node.Mark(),
                fmt::format(
                    "arguments hold at most {} values, nested {} deep", kMaxValues, kMaxDepth));
            return false;
        }
        switch (node.Type()) {
        case YAML::NodeType::Null:
            out = exchange::FieldValue();
            return true;
        case YAML::NodeType::Scalar:
            out = node.Tag() == kTextTag ? exchange::FieldValue(node.Scalar())
                                         : plainValue(node.Scalar());
            return true;
        case YAML::NodeType::Map: {
            exchange::FieldTable inner;
            const bool ok = table(node, inner, depth + 1);
            out = exchange::FieldValue(std::move(inner));
            return ok;
        }
        case YAML::NodeType::Sequence: {
            exchange::FieldArray array;
            bool all = true;
            for (const auto &element : node) {
                all = value(YAML::Node(element), array.emplace_back(), depth + 1) && all;
                if (m_left == 0)
                    return false;
            }
            out = exchange::FieldValue(std::move(array));
            return all;
        }
        case YAML::NodeType::Undefined:
            break;
        }
        return false;
    }

    YamlProblems &m_problems;
    int m_left = kMaxValues;
};

YAML::Node scalar(std::string text)
{
    return YAML::Node(std::move(text));
}

YAML::Node textScalar(const std::string &text)
{
    YAML::Node node(text);
    node.SetTag(kTextTag);
    return node;
}

YAML::Node fieldValueToYaml(const exchange::FieldValue &field)
{
    return std::visit(
        [](const auto &value) -> YAML::Node {
            using T = std::decay_t<decltype(value)>;
            if constexpr (std::is_same_v<T, std::monostate>) {
                return YAML::Node(YAML::NodeType::Null);
            } else if constexpr (std::is_same_v<T, bool>) {
                return toYaml(value);
            } else if constexpr (std::is_same_v<T, std::int64_t>) {
                return scalar(std::to_string(value));
            } else if constexpr (std::is_same_v<T, double>) {
                const std::string text = fmt::format("{}", value);
                // 2 would come back as a whole number.
                return scalar(wholeScalar<std::int64_t>(text) ? text + ".0" : text);
            } else if constexpr (std::is_same_v<T, std::string>) {
                const exchange::FieldValue plain = plainValue(value);
                return std::holds_alternative<std::string>(plain.value) ? scalar(value)
                                                                        : textScalar(value);
            } else if constexpr (std::is_same_v<T, exchange::Timestamp>) {
                return scalar(std::to_string(value.seconds)); // files have no timestamps: a number
            } else if constexpr (std::is_same_v<T, exchange::FieldTable>) {
                return toYaml(value);
            } else {
                YAML::Node list(YAML::NodeType::Sequence);
                for (const exchange::FieldValue &element : value)
                    list.push_back(fieldValueToYaml(element));
                return list;
            }
        },
        field.value);
}

/// Whether a scalar reads back as itself when it is written without quotes inside {}.
bool isPlain(std::string_view text)
{
    if (text.empty() || text == "null" || text == "Null" || text == "NULL")
        return false;
    const auto isWordCharacter = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
            || c == '_' || c == '.' || c == '/' || c == '+';
    };
    if (!isWordCharacter(text.front())
        && !(text.front() == '-' && text.size() > 1 && text[1] != ' '))
        return false;
    if (text.back() == ' ' || text == "---" || text == "...")
        return false;
    return std::ranges::all_of(text,
        [&](char c) { return isWordCharacter(c) || c == '-' || c == ' ' || c == '*' || c == '='; });
}

void appendQuoted(std::string_view text, std::string &out)
{
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\')
            out += fmt::format("\\{}", c);
        else if (c == '\n')
            out += "\\n";
        else if (c == '\t')
            out += "\\t";
        else if (byte < 0x20 || byte == 0x7f)
            out += fmt::format("\\x{:02x}", byte);
        else
            out += c;
    }
    out += '"';
}

void appendFlow(const YAML::Node &node, std::string &out)
{
    switch (node.Type()) {
    case YAML::NodeType::Scalar:
        if (node.Tag() != kTextTag && isPlain(node.Scalar()))
            out += node.Scalar();
        else
            appendQuoted(node.Scalar(), out);
        return;
    case YAML::NodeType::Sequence: {
        out += '[';
        const char *separator = "";
        for (const auto &element : node) {
            out += std::exchange(separator, ", ");
            appendFlow(element, out);
        }
        out += ']';
        return;
    }
    case YAML::NodeType::Map: {
        out += '{';
        const char *separator = "";
        for (const auto &entry : node) {
            out += std::exchange(separator, ", ");
            appendFlow(entry.first, out);
            out += ": ";
            appendFlow(entry.second, out);
        }
        out += '}';
        return;
    }
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
        out += "null";
        return;
    }
}

} // namespace

bool readYaml(const YAML::Node &node, YamlProblems &problems, Span &out)
{
    return readRange(node, problems, "a span of time", out.low, out.high);
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, Size &out)
{
    return readRange(node, problems, "a size", out.low, out.high);
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, Keys &out)
{
    YamlMap map(node, "keys", problems);
    const bool counted = map.required("count", out.count);
    if (map.has("skew"))
        map.ranged("skew", out.skew, 0, 10);
    map.finish();
    return counted;
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, SignedDuration &out)
{
    const bool isBack = node.IsScalar() && node.Scalar().starts_with('-');
    YAML::Node size = isBack ? YAML::Node(node.Scalar().substr(1)) : node;
    if (!readYaml(size, problems, out.value))
        return false;
    if (isBack)
        out.value = -out.value;
    return true;
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, Retry &out)
{
    YamlMap map(node, "retry", problems);
    constexpr std::int32_t kMostAttempts = 1'000;
    const std::size_t before = problems.errors().size();
    map.optional("delay", out.delay);
    map.ranged("attempts", out.attempts, 1, kMostAttempts);
    map.optional("retry-topic", out.retryTopic);
    map.optional("dead-letter-topic", out.deadLetterTopic);
    map.finish();
    return problems.errors().size() == before;
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, Transactions &out)
{
    YamlMap map(node, "transaction", problems);
    constexpr std::int32_t kMostRecords = 1'000'000;
    const std::size_t before = problems.errors().size();
    if (std::int32_t records = 0; map.ranged("records", records, 1, kMostRecords))
        out.records = records;
    map.optional("hold", out.hold);
    map.ranged("abort-chance", out.abortChance, 0, 1);
    map.finish();
    return problems.errors().size() == before;
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, Arrival &out)
{
    std::string word;
    if (!readYaml(node, problems, word))
        return false;
    if (word != "steady" && word != "poisson") {
        const std::optional<std::string> near = nearest(word, {"steady", "poisson"});
        problems.add(node.Mark(), fmt::format("'{}' is not an arrival", word),
            near ? fmt::format("did you mean '{}'?", *near) : "write steady or poisson");
        return false;
    }
    out = word == "steady" ? Arrival::Steady : Arrival::Poisson;
    return true;
}

bool readYaml(const YAML::Node &node, YamlProblems &problems, exchange::FieldTable &out)
{
    if (!node.IsMap()) {
        problems.add(node.Mark(), "a map of arguments is wanted here");
        return false;
    }
    return FieldTableReader(problems).table(node, out, 0);
}

YAML::Node toYaml(const std::string &value)
{
    return scalar(value);
}

YAML::Node toYaml(bool value)
{
    return scalar(value ? "true" : "false");
}

YAML::Node toYaml(std::int32_t value)
{
    return scalar(std::to_string(value));
}

YAML::Node toYaml(std::int64_t value)
{
    return scalar(std::to_string(value));
}

YAML::Node toYaml(std::uint64_t value)
{
    return scalar(std::to_string(value));
}

YAML::Node toYaml(double value)
{
    return scalar(fmt::format("{}", value));
}

YAML::Node toYaml(Duration value)
{
    return scalar(formatDuration(value));
}

YAML::Node toYaml(Rate value)
{
    return scalar(formatRate(value));
}

YAML::Node toYaml(Arrival value)
{
    return scalar(value == Arrival::Steady ? "steady" : "poisson");
}

YAML::Node toYaml(const Span &value)
{
    if (value.low == value.high)
        return toYaml(value.low);
    YAML::Node map;
    map["low"] = toYaml(value.low);
    map["high"] = toYaml(value.high);
    return map;
}

YAML::Node toYaml(const Size &value)
{
    if (value.low == value.high)
        return toYaml(value.low);
    YAML::Node map;
    map["low"] = toYaml(value.low);
    map["high"] = toYaml(value.high);
    return map;
}

YAML::Node toYaml(const Keys &value)
{
    YAML::Node map;
    map["count"] = toYaml(value.count);
    if (value.skew != 0)
        map["skew"] = toYaml(value.skew);
    return map;
}

YAML::Node toYaml(const Retry &value)
{
    const Retry standard;
    YAML::Node map(YAML::NodeType::Map);
    if (value.delay != standard.delay)
        map["delay"] = toYaml(value.delay);
    if (value.attempts != standard.attempts)
        map["attempts"] = toYaml(value.attempts);
    if (value.retryTopic != standard.retryTopic)
        map["retry-topic"] = toYaml(value.retryTopic);
    if (value.deadLetterTopic != standard.deadLetterTopic)
        map["dead-letter-topic"] = toYaml(value.deadLetterTopic);
    return map;
}

YAML::Node toYaml(const Transactions &value)
{
    YAML::Node map(YAML::NodeType::Map);
    if (value.records)
        map["records"] = toYaml(*value.records);
    if (value.hold != Duration{})
        map["hold"] = toYaml(value.hold);
    if (value.abortChance != 0)
        map["abort-chance"] = toYaml(value.abortChance);
    return map;
}

YAML::Node toYaml(const Settings &value)
{
    YAML::Node map(YAML::NodeType::Map);
    for (const auto &[key, text] : value)
        map[key] = scalar(text);
    return map;
}

YAML::Node toYaml(const exchange::FieldTable &value)
{
    YAML::Node map(YAML::NodeType::Map);
    for (const auto &[key, field] : value)
        map[key] = fieldValueToYaml(field);
    return map;
}

YAML::Node toYaml(SignedDuration value)
{
    return scalar(formatDuration(value.value));
}

YAML::Node toYaml(const std::vector<std::int32_t> &value)
{
    YAML::Node list(YAML::NodeType::Sequence);
    for (const std::int32_t number : value)
        list.push_back(number);
    return list;
}

YAML::Node toYaml(const std::vector<std::string> &value)
{
    YAML::Node list(YAML::NodeType::Sequence);
    for (const std::string &text : value)
        list.push_back(text);
    return list;
}

std::string flowText(const YAML::Node &node)
{
    std::string text;
    appendFlow(node, text);
    return text;
}

} // namespace queuelab::world
