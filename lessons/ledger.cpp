#include "lessons/ledger.h"

#include "engine/world/yaml.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <filesystem>
#include <set>

namespace queuelab::lessons {

namespace {

void readChoice(world::YamlMap &map, const std::string &key, std::string &out,
    const std::vector<std::string> &choices)
{
    const YAML::Node node = map.take(key);
    if (!node.IsDefined()) {
        map.problems().add(map.mark(), fmt::format("a claim needs '{}'", key));
        return;
    }
    if (!world::readYaml(node, map.problems(), out)
        || std::ranges::find(choices, out) != choices.end())
        return;
    const std::optional<std::string> near = world::nearest(out, choices);
    map.problems().add(node.Mark(),
        fmt::format("'{}' is '{}', which is none of {}", key, out, fmt::join(choices, ", ")),
        near ? fmt::format("did you mean '{}'?", *near) : std::string());
}

Claim readClaim(const YAML::Node &node, const std::string &section, world::YamlProblems &problems)
{
    Claim claim;
    claim.section = section;
    world::YamlMap map(node, "a claim", problems);
    map.required("id", claim.id);
    readChoice(map, "show", claim.show, {"run", "measure", "drill", "card"});
    readChoice(map, "verdict", claim.verdict, {"holds", "nuanced", "corrected"});
    map.required("claim", claim.text);
    map.optional("nuance", claim.nuance);
    map.optional("cells", claim.cells);
    map.finish();
    return claim;
}

/// The results of the steps of `lesson` that prove `claim`. A claim that no step names is proved by
/// the lesson as a whole: by every step that expects something.
std::vector<ClaimStatus::Proof> proofsIn(
    const Lesson &lesson, const std::string &claim, const LessonResult *result)
{
    const auto names = [&claim](const Step &step) {
        return std::ranges::find(step.proves, claim) != step.proves.end();
    };
    const bool named = std::ranges::any_of(lesson.steps, names);
    std::vector<ClaimStatus::Proof> proofs;
    for (std::size_t i = 0; i < lesson.steps.size(); ++i) {
        const Step &step = lesson.steps[i];
        if (named ? !names(step) : step.expectations.empty())
            continue;
        const StepResult *played =
            result != nullptr && i < result->steps.size() ? &result->steps[i] : nullptr;
        if (played != nullptr && played->leftOut && played->expectations.empty())
            continue; // it judged nothing in this run
        proofs.push_back({lesson.id, i + 1, played != nullptr && played->holds()});
    }
    return proofs;
}

} // namespace

bool ClaimStatus::proved() const
{
    return !proofs.empty() && std::ranges::all_of(proofs, &Proof::holds);
}

Result<std::vector<Claim>, std::vector<Error>> loadClaims(const std::string &path)
{
    world::YamlProblems problems(path);
    std::vector<Claim> claims;
    const YAML::Node root = world::loadYaml(path, problems);
    if (root.IsDefined() && !root.IsMap())
        problems.add(root.Mark(), "a ledger is a map of sections, each a list of claims");
    std::set<std::string> ids;
    if (root.IsDefined() && root.IsMap()) {
        for (const auto &section : root) {
            if (!section.first.IsScalar() || !section.second.IsSequence()) {
                problems.add(section.first.Mark(), "a section is a name with a list of claims");
                continue;
            }
            for (const auto &node : section.second) {
                Claim claim = readClaim(node, section.first.Scalar(), problems);
                if (!claim.id.empty() && !ids.insert(claim.id).second)
                    problems.add(node.Mark(), fmt::format("the id '{}' is taken", claim.id));
                claims.push_back(std::move(claim));
            }
        }
    }
    if (problems.any())
        return std::unexpected(problems.errors());
    return claims;
}

std::string claimsFile()
{
    // "..": also right when the catalogue was given with a slash at its end.
    return (std::filesystem::path(catalogueDirectory()) / ".." / "claims.yaml")
        .lexically_normal()
        .string();
}

std::vector<Error> unknownClaims(const Lesson &lesson, const std::vector<Claim> &claims)
{
    std::vector<std::string> ids;
    for (const Claim &claim : claims)
        ids.push_back(claim.id);
    std::vector<Error> errors;
    for (const std::string &id : lesson.proves) {
        if (std::ranges::find(ids, id) != ids.end())
            continue;
        const std::optional<std::string> near = world::nearest(id, ids);
        errors.push_back(
            {lesson.file, fmt::format("it proves '{}', which is no claim of the ledger", id),
                near ? fmt::format("did you mean '{}'?", *near) : std::string()});
    }
    return errors;
}

std::vector<ClaimStatus> judgeClaims(const std::vector<Claim> &claims, const Catalogue &catalogue,
    const std::vector<LessonResult> &results)
{
    std::vector<ClaimStatus> statuses;
    for (const Claim &claim : claims) {
        ClaimStatus status{claim, {}};
        for (const Lesson &lesson : catalogue.lessons) {
            if (std::ranges::find(lesson.proves, claim.id) == lesson.proves.end())
                continue;
            const auto result = std::ranges::find(results, lesson.id, &LessonResult::id);
            std::ranges::move(
                proofsIn(lesson, claim.id, result == results.end() ? nullptr : &*result),
                std::back_inserter(status.proofs));
        }
        statuses.push_back(std::move(status));
    }
    return statuses;
}

} // namespace queuelab::lessons
