#include "engine/exchange/field_text.h"

#include "engine/core/overloaded.h"

#include <fmt/format.h>

#include <limits>

namespace queuelab::exchange {

namespace {

void appendCanonical(const FieldValue &value, std::string &out);

void appendCanonical(const FieldTable &table, std::string &out)
{
    out += '{';
    for (const auto &[key, value] : table) {
        out += fmt::format("{}:{}=", key.size(), key); // lengths make the text unambiguous
        appendCanonical(value, out);
    }
    out += '}';
}

void appendCanonical(const FieldValue &value, std::string &out)
{
    std::visit(
        Overloaded{
            [&](std::monostate) { out += 'V'; },
            [&](bool flag) { out += flag ? "t1" : "t0"; },
            [&](std::int64_t number) { out += fmt::format("l{};", number); },
            [&](double number) { out += fmt::format("d{:a};", number); },
            [&](const std::string &text) { out += fmt::format("S{}:{}", text.size(), text); },
            [&](const Timestamp &time) { out += fmt::format("T{};", time.seconds); },
            [&](const FieldTable &table) { appendCanonical(table, out); },
            [&](const FieldArray &array) {
                out += '[';
                for (const FieldValue &element : array)
                    appendCanonical(element, out);
                out += ']';
            },
        },
        value.value);
}

} // namespace

std::string_view fieldTypeName(const FieldValue &value)
{
    return std::visit(
        Overloaded{
            [](std::monostate) -> std::string_view { return "void"; },
            [](bool) -> std::string_view { return "bool"; },
            [](std::int64_t number) -> std::string_view {
                using Narrow = std::numeric_limits<std::int32_t>;
                return number >= Narrow::min() && number <= Narrow::max() ? "signedint" : "long";
            },
            [](double) -> std::string_view { return "double"; },
            [](const std::string &) -> std::string_view { return "longstr"; },
            [](const Timestamp &) -> std::string_view { return "timestamp"; },
            [](const FieldTable &) -> std::string_view { return "table"; },
            [](const FieldArray &) -> std::string_view { return "array"; },
        },
        value.value);
}

std::string fieldText(const FieldValue &value)
{
    return std::visit(Overloaded{
                          [](std::monostate) { return std::string("undefined"); },
                          [](bool flag) { return std::string(flag ? "true" : "false"); },
                          [](std::int64_t number) { return fmt::format("{}", number); },
                          [](double number) { return fmt::format("{}", number); },
                          [](const std::string &text) { return text; },
                          [](const Timestamp &time) { return fmt::format("{}", time.seconds); },
                          [](const FieldTable &table) { return canonicalText(table); },
                          [](const FieldArray &array) {
                              std::string text;
                              appendCanonical(FieldValue(array), text);
                              return text;
                          },
                      },
        value.value);
}

std::string canonicalText(const FieldTable &table)
{
    std::string text;
    appendCanonical(table, text);
    return text;
}

const FieldValue *lookup(const FieldTable &table, std::string_view key)
{
    // FieldTable compares std::string only, so this makes one; tables are short and empty ones are
    // the usual case.
    if (table.empty())
        return nullptr;
    const auto found = table.find(std::string(key));
    return found == table.end() ? nullptr : &found->second;
}

} // namespace queuelab::exchange
