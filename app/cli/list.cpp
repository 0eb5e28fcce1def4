#include "app/cli/commands.h"
#include "app/cli/targets.h"
#include "app/cli/terminal.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include <algorithm>
#include <memory>

namespace queuelab::cli {

namespace {

using Json = nlohmann::ordered_json;

std::string listJson(const lessons::Catalogue &catalogue)
{
    Json all = Json::array();
    for (const lessons::Lesson &lesson : catalogue.lessons)
        all.push_back({{"id", lesson.id}, {"section", lesson.section}, {"title", lesson.title},
            {"summary", lesson.summary}, {"steps", lesson.steps.size()}, {"proves", lesson.proves},
            {"file", lesson.file}});
    return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string listText(const lessons::Catalogue &catalogue, bool colour)
{
    std::size_t idWidth = 0;
    std::size_t titleWidth = 0;
    for (const lessons::Lesson &lesson : catalogue.lessons) {
        idWidth = std::max(idWidth, lesson.id.size());
        titleWidth = std::max(titleWidth, lesson.title.size());
    }
    const std::string_view strong = colour ? "\033[1m" : "";
    const std::string_view off = colour ? "\033[0m" : "";
    std::string out;
    std::string section;
    for (const lessons::Lesson &lesson : catalogue.lessons) {
        if (lesson.section != section) {
            out += fmt::format("{}{}{}{}\n", out.empty() ? "" : "\n", strong,
                lessons::sectionTitle(lesson.section), off);
            section = lesson.section;
        }
        out += fmt::format("  {:{}}  {:{}}  {}\n", lesson.id, idWidth, lesson.title, titleWidth,
            fmt::join(lesson.proves, ", "));
    }
    return out;
}

ExitCode list(bool json)
{
    const Result<lessons::Catalogue, std::vector<Error>> catalogue = openCatalogue();
    if (!catalogue) {
        printErrors(catalogue.error());
        return ExitCode::BadInput;
    }
    const std::string text = json ? listJson(*catalogue) : listText(*catalogue, colourOnOutput());
    if (const Result<void, Error> written = writeOutput({}, text); !written) {
        printError(written.error());
        return ExitCode::BadInput;
    }
    return ExitCode::AllHold;
}

} // namespace

void addList(CLI::App &app, ExitCode &exit)
{
    CLI::App *command = app.add_subcommand("list", "The lessons: id, section, title, claims");
    auto json = std::make_shared<bool>(false);
    command->add_flag("--json", *json, "As JSON, for scripts");
    command->footer("Example:\n  queuelab-cli list --json | jq -r '.[].id'");
    command->callback([json, &exit] { exit = list(*json); });
}

} // namespace queuelab::cli
