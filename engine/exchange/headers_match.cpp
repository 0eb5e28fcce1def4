#include "engine/exchange/headers_match.h"

#include "engine/exchange/field_text.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::exchange {

Result<HeadersPattern, Refusal> HeadersPattern::read(const FieldTable &arguments)
{
    HeadersPattern pattern;
    bool withX = false;
    if (const FieldValue *match = lookup(arguments, "x-match")) {
        const std::string *kind = std::get_if<std::string>(&match->value);
        if (!kind) {
            return refuse(ReplyCode::PreconditionFailed,
                fmt::format("Invalid x-match field type {} (value {}); expected longstr",
                    fieldTypeName(*match), fieldText(*match)));
        }
        withX = kind->ends_with("-with-x");
        pattern.m_all = *kind == "all" || *kind == "all-with-x";
        if (!pattern.m_all && *kind != "any" && *kind != "any-with-x") {
            return refuse(ReplyCode::PreconditionFailed,
                fmt::format("Invalid x-match field value <<\"{}\">>; expected all, any, "
                            "all-with-x, or any-with-x",
                    *kind));
        }
    }
    for (const auto &[key, value] : arguments) {
        if (key != "x-match" && (withX || !key.starts_with("x-")))
            pattern.m_wanted.emplace(key, value);
    }
    return pattern;
}

bool HeadersPattern::matches(const FieldTable &headers) const
{
    const auto holds = [&](const auto &wanted) {
        const auto found = headers.find(wanted.first);
        return found != headers.end()
            && (std::holds_alternative<std::monostate>(wanted.second.value)
                || found->second == wanted.second);
    };
    return m_all ? std::ranges::all_of(m_wanted, holds) : std::ranges::any_of(m_wanted, holds);
}

} // namespace queuelab::exchange
