#include "lessons/expectation.h"

#include "lessons/expectation_kind.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace queuelab::lessons {

namespace {

struct Candidates {
    std::vector<const Kind *> kinds; ///< every kind the words could mean
    std::vector<const Kind *> found; ///< those of them that have something of that name
};

Candidates candidatesFor(const Expectation &expectation, const Evidence &evidence)
{
    Candidates candidates;
    for (const auto &kind : allKinds()) {
        const ExpectationKind &words = kind->words();
        const bool engineFits = expectation.engine.empty() || words.engine.empty()
            || words.engine == expectation.engine;
        if (words.name != expectation.kind || !engineFits)
            continue;
        candidates.kinds.push_back(kind.get());
        const std::vector<std::string> names = kind->names(evidence);
        if (std::ranges::find(names, expectation.name) != names.end())
            candidates.found.push_back(kind.get());
    }
    return candidates;
}

std::string_view engineTitle(std::string_view engine)
{
    return engine == "rabbitmq" ? "RabbitMQ" : engine == "sqs" ? "SQS" : "Kafka";
}

/// What is seen of the checks, or why nothing can be.
Result<std::vector<Seen>, std::string> look(
    const Expectation &expectation, const Evidence &evidence)
{
    const Candidates candidates = candidatesFor(expectation, evidence);
    if (candidates.found.size() > 1) {
        std::vector<std::string> words;
        for (const Kind *kind : candidates.found)
            words.push_back(
                fmt::format("{} {} {}", kind->words().engine, expectation.kind, expectation.name));
        return std::unexpected(
            fmt::format("more than one of that name: say {}", fmt::join(words, " or ")));
    }
    if (candidates.found.empty() && candidates.kinds.size() > 1) {
        std::vector<std::string> names;
        for (const Kind *kind : candidates.kinds) {
            const std::vector<std::string> more = kind->names(evidence);
            names.insert(names.end(), more.begin(), more.end());
        }
        return std::unexpected(notFound(expectation.kind, expectation.name, names));
    }
    const Kind &kind =
        candidates.found.empty() ? *candidates.kinds.front() : *candidates.found.front();
    for (const auto &[field, comparison] : expectation.checks) {
        if (kind.field(field) == nullptr)
            return std::unexpected(fmt::format("'{}' is a {} {}, which has no '{}'",
                expectation.name, engineTitle(kind.words().engine), kind.words().name, field));
    }
    return kind.see(expectation, evidence);
}

} // namespace

const ExpectationField *Kind::field(std::string_view name) const
{
    const auto at = std::ranges::find(m_words.fields, name, &ExpectationField::name);
    return at == m_words.fields.end() ? nullptr : &*at;
}

const Kinds &allKinds()
{
    static const Kinds kinds = [] {
        Kinds all;
        addLogKinds(all);
        addExchangeKinds(all);
        addVisibilityKinds(all);
        addWorldKinds(all);
        return all;
    }();
    return kinds;
}

const std::vector<ExpectationKind> &expectationKinds()
{
    static const std::vector<ExpectationKind> words = [] {
        std::vector<ExpectationKind> all;
        for (const auto &kind : allKinds())
            all.push_back(kind->words());
        return all;
    }();
    return words;
}

std::string notFound(
    std::string_view kind, std::string_view name, const std::vector<std::string> &names)
{
    if (names.empty())
        return fmt::format("no {} '{}'; there is none at all", kind, name);
    const std::optional<std::string> near = world::nearest(name, names);
    if (near)
        return fmt::format("no {} '{}'; nearest: {}", kind, name, *near);
    constexpr std::size_t kShown = 8;
    const std::span<const std::string> shown(names.data(), std::min(names.size(), kShown));
    return fmt::format("no {} '{}'; there are: {}{}", kind, name, fmt::join(shown, ", "),
        names.size() > kShown ? ", ..." : "");
}

world::OutcomeSnapshot outcomeOf(
    const world::Snapshot &snapshot, world::Engine engine, std::string_view name)
{
    for (const world::OutcomeSnapshot &outcome : snapshot.outcomes) {
        if (outcome.engine == engine && outcome.name == name)
            return outcome;
    }
    return {.engine = engine, .name = std::string(name)};
}

Seen number(std::uint64_t value)
{
    return static_cast<double>(value);
}

Seen number(std::int64_t value)
{
    return static_cast<double>(value);
}

ExpectationResult evaluate(const Expectation &expectation, const Evidence &evidence)
{
    ExpectationResult result;
    result.subject =
        fmt::format("{}{}{}{}{}", expectation.engine, expectation.engine.empty() ? "" : " ",
            expectation.kind, expectation.name.empty() ? "" : " ", expectation.name);
    result.place = expectation.place;
    result.at = evidence.snapshot.now - evidence.snapshot.start;

    const Result<std::vector<Seen>, std::string> seen = look(expectation, evidence);
    for (std::size_t i = 0; i < expectation.checks.size(); ++i) {
        const auto &[field, comparison] = expectation.checks[i];
        if (seen)
            result.checks.push_back({field, comparison.text, seenText((*seen)[i]),
                lessons::holds(comparison, (*seen)[i])});
        else
            result.checks.push_back({field, comparison.text, seen.error(), false});
    }
    return result;
}

bool ExpectationResult::holds() const
{
    return std::ranges::all_of(checks, &CheckResult::holds);
}

std::string ExpectationResult::text() const
{
    std::vector<std::string> parts;
    for (const CheckResult &check : checks) {
        parts.push_back(check.holds
                ? fmt::format("{} is {}", check.field, check.seen)
                : fmt::format("{}: expected {}, seen {}", check.field, check.expected, check.seen));
    }
    return fmt::format("{}: {}", subject, fmt::join(parts, "; "));
}

} // namespace queuelab::lessons
