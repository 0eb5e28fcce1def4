#include "lessons/comparison.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace queuelab::lessons {

namespace {

std::string_view trimmed(std::string_view text)
{
    while (text.starts_with(' '))
        text.remove_prefix(1);
    while (text.ends_with(' '))
        text.remove_suffix(1);
    return text;
}

std::optional<double> parseNumber(std::string_view text)
{
    std::string digits(text);
    std::erase(digits, '\''); // 30'000'000, as people write large numbers
    double number = 0;
    const char *end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, number);
    if (error != std::errc{} || stop != end)
        return std::nullopt;
    return number;
}

/// Numbers and times can be ordered; both become one number here.
std::optional<double> parseOrdered(std::string_view text, FieldType type)
{
    if (type == FieldType::Number)
        return parseNumber(text);
    const std::optional<Duration> duration = parseDuration(text);
    if (!duration)
        return std::nullopt;
    return static_cast<double>(duration->count());
}

/// Splits ">= 3" and "2..4"; anything else is a plain value to be equal to.
Comparison split(std::string_view text, FieldType type)
{
    static constexpr std::array<std::pair<std::string_view, Comparison::Kind>, 5> kOperators{{
        {">=", Comparison::Kind::GreaterOrEqual},
        {"<=", Comparison::Kind::LessOrEqual},
        {"!=", Comparison::Kind::NotEqual},
        {">", Comparison::Kind::Greater},
        {"<", Comparison::Kind::Less},
    }};
    for (const auto &[sign, kind] : kOperators) {
        if (text.starts_with(sign))
            return {kind, std::string(text), {std::string(trimmed(text.substr(sign.size())))}};
    }
    const std::size_t dots = text.find("..");
    const bool ordered = type == FieldType::Number || type == FieldType::Time;
    if (ordered && dots != std::string_view::npos) {
        return {Comparison::Kind::Between, std::string(text),
            {std::string(trimmed(text.substr(0, dots))),
                std::string(trimmed(text.substr(dots + 2)))}};
    }
    return {Comparison::Kind::Equal, std::string(text), {std::string(text)}};
}

std::optional<Comparison> readList(const YAML::Node &node, world::YamlProblems &problems)
{
    Comparison comparison{Comparison::Kind::List, {}, {}};
    if (!world::readYaml(node, problems, comparison.values))
        return std::nullopt;
    comparison.text = fmt::format("[{}]", fmt::join(comparison.values, ", "));
    return comparison;
}

bool fits(std::string_view value, const ExpectationField &field, const YAML::Node &node,
    world::YamlProblems &problems)
{
    const auto refuse = [&](std::string_view what, std::string remedy) {
        problems.add(node.Mark(), fmt::format("'{}': '{}' is not {}", field.name, value, what),
            std::move(remedy));
        return false;
    };
    switch (field.type) {
    case FieldType::Number:
        return parseNumber(value).has_value()
            || refuse("a number", "write 3, \">= 3\", \"< 5\" or 2..4");
    case FieldType::Time:
        return parseDuration(value).has_value()
            || refuse("a time", "write 300ms, \"< 5s\" or 1s..2s");
    case FieldType::Truth:
        return value == "true" || value == "false" || refuse("true or false", {});
    case FieldType::Text: {
        if (field.choices.empty() || std::ranges::find(field.choices, value) != field.choices.end())
            return true;
        const std::optional<std::string> near = world::nearest(value, field.choices);
        return refuse(fmt::format("one of {}", fmt::join(field.choices, ", ")),
            near ? fmt::format("did you mean '{}'?", *near) : std::string());
    }
    case FieldType::List:
        return true;
    }
    std::unreachable();
}

bool inOrder(Comparison::Kind kind, double seen, double first, double second)
{
    switch (kind) {
    case Comparison::Kind::Equal:
        return seen == first;
    case Comparison::Kind::NotEqual:
        return seen != first;
    case Comparison::Kind::Less:
        return seen < first;
    case Comparison::Kind::LessOrEqual:
        return seen <= first;
    case Comparison::Kind::Greater:
        return seen > first;
    case Comparison::Kind::GreaterOrEqual:
        return seen >= first;
    case Comparison::Kind::Between:
        return seen >= first && seen <= second;
    case Comparison::Kind::List:
        return false;
    }
    std::unreachable();
}

} // namespace

std::string_view fieldTypeName(FieldType type)
{
    switch (type) {
    case FieldType::Number:
        return "number";
    case FieldType::Truth:
        return "true or false";
    case FieldType::Text:
        return "text";
    case FieldType::Time:
        return "time";
    case FieldType::List:
        return "list";
    }
    std::unreachable();
}

std::optional<Comparison> readComparison(
    const YAML::Node &node, const ExpectationField &field, world::YamlProblems &problems)
{
    if (field.type == FieldType::List) {
        if (node.IsSequence())
            return readList(node, problems);
        problems.add(node.Mark(), fmt::format("'{}' is a list: write it as [2, 2, 2]", field.name));
        return std::nullopt;
    }
    if (!node.IsScalar()) {
        problems.add(node.Mark(),
            fmt::format("'{}' is compared with one {}", field.name, fieldTypeName(field.type)));
        return std::nullopt;
    }
    Comparison comparison = split(trimmed(node.Scalar()), field.type);
    const bool ordered = field.type == FieldType::Number || field.type == FieldType::Time;
    if (!ordered && comparison.kind != Comparison::Kind::Equal
        && comparison.kind != Comparison::Kind::NotEqual) {
        problems.add(node.Mark(),
            fmt::format("'{}' is a {}, which has no order: '{}' cannot be decided", field.name,
                fieldTypeName(field.type), comparison.text));
        return std::nullopt;
    }
    for (const std::string &value : comparison.values) {
        if (!fits(value, field, node, problems))
            return std::nullopt;
    }
    if (comparison.kind == Comparison::Kind::Between
        && *parseOrdered(comparison.values[0], field.type)
            > *parseOrdered(comparison.values[1], field.type)) {
        problems.add(node.Mark(),
            fmt::format("'{}': nothing lies in {}", field.name, comparison.text),
            "write the smaller bound first");
        return std::nullopt;
    }
    return comparison;
}

bool holds(const Comparison &comparison, const Seen &seen)
{
    if (const auto *list = std::get_if<std::vector<std::string>>(&seen))
        return comparison.kind == Comparison::Kind::List && comparison.values == *list;
    const bool isNumber = std::holds_alternative<double>(seen);
    if (isNumber || std::holds_alternative<Duration>(seen)) {
        const FieldType type = isNumber ? FieldType::Number : FieldType::Time;
        std::vector<double> bounds;
        for (const std::string &value : comparison.values) {
            const std::optional<double> bound = parseOrdered(value, type);
            if (!bound)
                return false;
            bounds.push_back(*bound);
        }
        const double value = isNumber ? std::get<double>(seen)
                                      : static_cast<double>(std::get<Duration>(seen).count());
        return !bounds.empty() && inOrder(comparison.kind, value, bounds.front(), bounds.back());
    }
    const bool equal = comparison.values.size() == 1 && comparison.values.front() == seenText(seen);
    return comparison.kind == Comparison::Kind::NotEqual
        ? !equal
        : comparison.kind == Comparison::Kind::Equal && equal;
}

std::string seenText(const Seen &seen)
{
    if (const auto *number = std::get_if<double>(&seen))
        return fmt::format("{}", *number);
    if (const auto *truth = std::get_if<bool>(&seen))
        return *truth ? "true" : "false";
    if (const auto *text = std::get_if<std::string>(&seen))
        return *text;
    if (const auto *duration = std::get_if<Duration>(&seen))
        return formatDuration(*duration);
    return fmt::format("[{}]", fmt::join(std::get<std::vector<std::string>>(seen), ", "));
}

} // namespace queuelab::lessons
