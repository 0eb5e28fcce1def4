#include "app/cli/broken_invariant.h"
#include "app/cli/commands.h"
#include "app/cli/targets.h"
#include "app/cli/terminal.h"
#include "lessons/ledger.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace queuelab::cli {

namespace {

using Json = nlohmann::ordered_json;
using lessons::ClaimStatus;

std::string_view verdictOf(const ClaimStatus &status)
{
    if (status.proofs.empty())
        return "unproved";
    return status.proved() ? status.claim.verdict : std::string_view("failed");
}

std::vector<std::string> proofTexts(const ClaimStatus &status)
{
    std::vector<std::string> texts;
    for (const ClaimStatus::Proof &proof : status.proofs)
        texts.push_back(
            fmt::format("{}@{}{}", proof.lesson, proof.step, proof.holds ? "" : " (fails)"));
    return texts;
}

std::string claimsText(const std::vector<ClaimStatus> &statuses, std::size_t proved, bool colour)
{
    const std::string_view strong = colour ? "\033[1m" : "";
    const std::string_view off = colour ? "\033[0m" : "";
    std::size_t idWidth = 0;
    for (const ClaimStatus &status : statuses)
        idWidth = std::max(idWidth, status.claim.id.size());
    std::string out;
    std::string section;
    for (const ClaimStatus &status : statuses) {
        if (status.claim.section != section) {
            section = status.claim.section;
            out += fmt::format("{}{}{}{}\n", out.empty() ? "" : "\n", strong, section, off);
        }
        out += fmt::format("  {:{}}  {:9}  {:7}  {}\n", status.claim.id, idWidth, verdictOf(status),
            status.claim.show, fmt::join(proofTexts(status), ", "));
    }
    return out + fmt::format("\n{} of {} claims are proved\n", proved, statuses.size());
}

std::string claimsJson(const std::vector<ClaimStatus> &statuses, std::size_t proved)
{
    Json claims = Json::array();
    for (const ClaimStatus &status : statuses) {
        Json proofs = Json::array();
        for (const ClaimStatus::Proof &proof : status.proofs)
            proofs.push_back(
                {{"lesson", proof.lesson}, {"step", proof.step}, {"holds", proof.holds}});
        Json json{{"id", status.claim.id}, {"section", status.claim.section},
            {"show", status.claim.show}, {"verdict", verdictOf(status)},
            {"proved", status.proved()}, {"claim", status.claim.text},
            {"nuance", status.claim.nuance}, {"proofs", std::move(proofs)}};
        if (!status.claim.cells.empty())
            json["cells"] = status.claim.cells;
        claims.push_back(std::move(json));
    }
    return Json{{"proved", proved}, {"of", statuses.size()}, {"claims", std::move(claims)}}.dump(
               2, ' ', false, Json::error_handler_t::replace)
        + "\n";
}

/// Runs every lesson that proves something, with its measurements, but without its live parts.
Result<std::vector<lessons::LessonResult>, Error> runAll(const lessons::Catalogue &catalogue)
{
    Progress progress;
    std::vector<lessons::LessonResult> results;
    for (const lessons::Lesson &lesson : catalogue.lessons) {
        if (lesson.proves.empty())
            continue;
        const auto show = [&](std::size_t step, double share) {
            progress.show(share > 0
                    ? fmt::format("{}, step {}, {:.0f} %", lesson.id, step + 1, share * 100)
                    : lesson.id);
        };
        const world::Session session = lesson.session();
        const InvariantGuard guard(session, lesson.id);
        Result<lessons::LessonResult, Error> result =
            lessons::runLesson(lesson, {.live = false, .progress = show});
        if (!result)
            return std::unexpected(result.error());
        results.push_back(std::move(*result));
    }
    return results;
}

ExitCode claims(const std::string &format)
{
    const Result<std::vector<lessons::Claim>, std::vector<Error>> ledger =
        lessons::loadClaims(lessons::claimsFile());
    const Result<lessons::Catalogue, std::vector<Error>> catalogue = openCatalogue();
    if (!ledger || !catalogue) {
        if (!ledger)
            printErrors(ledger.error());
        if (!catalogue)
            printErrors(catalogue.error());
        return ExitCode::BadInput;
    }
    const Result<std::vector<lessons::LessonResult>, Error> results = runAll(*catalogue);
    if (!results) {
        printError(results.error());
        return ExitCode::BadInput;
    }
    const std::vector<ClaimStatus> statuses = lessons::judgeClaims(*ledger, *catalogue, *results);
    const auto proved =
        static_cast<std::size_t>(std::ranges::count_if(statuses, &ClaimStatus::proved));
    const std::string text = format == "json" ? claimsJson(statuses, proved)
                                              : claimsText(statuses, proved, colourOnOutput());
    if (const Result<void, Error> written = writeOutput({}, text); !written) {
        printError(written.error());
        return ExitCode::BadInput;
    }
    return proved == statuses.size() ? ExitCode::AllHold : ExitCode::ExpectationFailed;
}

} // namespace

void addClaims(CLI::App &app, ExitCode &exit)
{
    CLI::App *command = app.add_subcommand("claims",
        "The ledger: each claim, the steps that prove it, and what they say when run now");
    auto format = std::make_shared<std::string>("text");
    command->add_option("--format", *format, "text or json")
        ->check(CLI::IsMember({"text", "json"}));
    command->footer(
        "Runs the lessons that prove something and measures, without their live parts, which take\n"
        "long; a step that only runs live proves nothing here. Exit code 1 while a\n"
        "claim is not proved.\n\n"
        "Example:\n  queuelab-cli claims --format json | jq '.claims[] | select(.proved | not) | "
        ".id'");
    command->callback([format, &exit] { exit = claims(*format); });
}

} // namespace queuelab::cli
