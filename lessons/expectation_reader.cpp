#include "lessons/expectation_reader.h"

#include "engine/world/world.h"
#include "lessons/comparison.h"
#include "lessons/expectation_kind.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <set>

namespace queuelab::lessons {

namespace {

struct Subject {
    std::string engine;
    std::string kind;
    std::string name;
};

/// "rabbitmq queue jobs": the engine word may be left out, the rest is the name.
Subject splitSubject(std::string_view text)
{
    const auto word = [&text] {
        const std::size_t end = std::min(text.find(' '), text.size());
        const std::string first(text.substr(0, end));
        text.remove_prefix(std::min(text.size(), end + 1));
        return first;
    };
    Subject subject;
    subject.kind = word();
    if (subject.kind == "kafka" || subject.kind == "rabbitmq" || subject.kind == "sqs")
        subject.engine = std::exchange(subject.kind, word());
    subject.name = std::string(text);
    return subject;
}

std::vector<const Kind *> kindsOf(const Subject &subject)
{
    std::vector<const Kind *> found;
    for (const auto &kind : allKinds()) {
        const ExpectationKind &words = kind->words();
        const bool engineFits =
            subject.engine.empty() || words.engine.empty() || words.engine == subject.engine;
        if (words.name == subject.kind && engineFits)
            found.push_back(kind.get());
    }
    return found;
}

void refuseKind(const YAML::Node &key, const Subject &subject, world::YamlProblems &problems)
{
    std::set<std::string> names;
    bool known = false;
    for (const auto &kind : allKinds()) {
        known = known || kind->words().name == subject.kind;
        if (subject.engine.empty() || kind->words().engine.empty()
            || kind->words().engine == subject.engine)
            names.insert(kind->words().name);
    }
    const std::vector<std::string> list(names.begin(), names.end());
    const std::optional<std::string> near = world::nearest(subject.kind, list);
    const std::string what = known
        ? fmt::format("{} has no '{}' to expect something of", subject.engine, subject.kind)
        : fmt::format("'{}' is no kind of expectation", subject.kind);
    problems.add(key.Mark(), what,
        near && !known ? fmt::format("did you mean '{}'?", *near)
                       : fmt::format("it may be: {}", fmt::join(list, ", ")));
}

const ExpectationField *fieldOf(const std::vector<const Kind *> &kinds, const std::string &name)
{
    for (const Kind *kind : kinds) {
        if (const ExpectationField *field = kind->field(name))
            return field;
    }
    return nullptr;
}

void refuseField(const YAML::Node &key, const std::vector<const Kind *> &kinds,
    const std::string &kindName, world::YamlProblems &problems)
{
    std::vector<std::string> names;
    for (const Kind *kind : kinds) {
        for (const ExpectationField &field : kind->words().fields)
            names.push_back(field.name);
    }
    const std::optional<std::string> near = world::nearest(key.Scalar(), names);
    problems.add(key.Mark(), fmt::format("{} has no '{}'", kindName, key.Scalar()),
        near ? fmt::format("did you mean '{}'?", *near)
             : fmt::format("it may have: {}", fmt::join(names, ", ")));
}

/// Names that are fixed by the program, not by the lesson's world, are checked when the lesson is
/// read.
bool checkName(const YAML::Node &key, const Subject &subject, const Kind &kind,
    const ExpectationScope &scope, world::YamlProblems &problems)
{
    if (kind.words().nameHelp.empty() != subject.name.empty()) {
        problems.add(key.Mark(),
            subject.name.empty() ? fmt::format("'{}' needs a name behind it: {} {}", subject.kind,
                                       subject.kind, kind.words().nameHelp)
                                 : fmt::format("'{}' has no name behind it", subject.kind));
        return false;
    }
    if (!scope.world && subject.kind != "measured") {
        problems.add(key.Mark(), "a measurement has no world of its own",
            "expect 'measured' here, and the rest in the step's own 'expect'");
        return false;
    }
    std::vector<std::string> names;
    if (subject.kind == "event") {
        names = world::eventNames();
    } else if (subject.kind == "measured") {
        if (scope.figures == nullptr) {
            problems.add(
                key.Mark(), "nothing is measured here", "expect it under 'live' or 'measure'");
            return false;
        }
        for (const ExpectationField &figure : *scope.figures)
            names.push_back(figure.name);
    } else {
        return true;
    }
    if (std::ranges::find(names, subject.name) != names.end())
        return true;
    const std::optional<std::string> near = world::nearest(subject.name, names);
    problems.add(key.Mark(), fmt::format("no {} is called '{}'", subject.kind, subject.name),
        near ? fmt::format("did you mean '{}'?", *near)
             : fmt::format("it may be: {}", fmt::join(names, ", ")));
    return false;
}

void readChecks(const YAML::Node &node, const std::vector<const Kind *> &kinds,
    Expectation &expectation, world::YamlProblems &problems)
{
    if (!node.IsMap() || node.size() == 0) {
        problems.add(node.Mark(),
            fmt::format("say what is expected of {}, such as {{{}: ...}}", expectation.kind,
                kinds.front()->words().fields.front().name));
        return;
    }
    std::set<std::string> seen;
    for (const auto &entry : node) {
        if (!entry.first.IsScalar()) {
            problems.add(entry.first.Mark(), "a field is a plain word");
            continue;
        }
        const std::string &name = entry.first.Scalar();
        if (!seen.insert(name).second) {
            problems.add(entry.first.Mark(), fmt::format("'{}' is given twice", name));
            continue;
        }
        const ExpectationField *field = fieldOf(kinds, name);
        if (field == nullptr) {
            refuseField(entry.first, kinds, expectation.kind, problems);
            continue;
        }
        if (std::optional<Comparison> comparison = readComparison(entry.second, *field, problems))
            expectation.checks.emplace_back(name, std::move(*comparison));
    }
}

} // namespace

std::vector<Expectation> readExpectations(
    const YAML::Node &node, const ExpectationScope &scope, world::YamlProblems &problems)
{
    std::vector<Expectation> expectations;
    if (!node.IsSequence()) {
        problems.add(node.Mark(), "'expect' is a list, such as - group billing: {state: Stable}");
        return expectations;
    }
    for (const auto &element : node) {
        if (!element.IsMap() || element.size() != 1 || !element.begin()->first.IsScalar()) {
            problems.add(element.Mark(),
                "an expectation is one subject with its fields, such as group billing: {state: "
                "Stable}");
            continue;
        }
        const YAML::Node key = element.begin()->first;
        const Subject subject = splitSubject(key.Scalar());
        const std::vector<const Kind *> kinds = kindsOf(subject);
        if (kinds.empty()) {
            refuseKind(key, subject, problems);
            continue;
        }
        if (!checkName(key, subject, *kinds.front(), scope, problems))
            continue;
        Expectation expectation{
            fmt::format("{}:{}:{}", problems.file(), key.Mark().line + 1, key.Mark().column + 1),
            subject.engine, subject.kind, subject.name, {}};
        readChecks(element.begin()->second, kinds, expectation, problems);
        expectations.push_back(std::move(expectation));
    }
    return expectations;
}

} // namespace queuelab::lessons
