#include "app/cli/commands.h"
#include "app/cli/targets.h"
#include "app/cli/terminal.h"
#include "lessons/ledger.h"

#include <fmt/format.h>

#include <memory>

namespace queuelab::cli {

namespace {

std::vector<Error> problemsOf(const std::string &file, const std::vector<lessons::Claim> &claims)
{
    const Result<lessons::Lesson, std::vector<Error>> lesson = lessons::loadLesson(file);
    return lesson ? lessons::unknownClaims(*lesson, claims) : lesson.error();
}

ExitCode check(const std::vector<std::string> &files)
{
    const Result<std::vector<lessons::Claim>, std::vector<Error>> claims =
        lessons::loadClaims(lessons::claimsFile());
    if (!claims) {
        printErrors(claims.error());
        return ExitCode::BadInput;
    }
    ExitCode exit = ExitCode::AllHold;
    for (const std::string &file : files) {
        const std::vector<Error> problems = problemsOf(file, *claims);
        printErrors(problems);
        if (problems.empty())
            fmt::print("{}: a valid lesson\n", file);
        else
            exit = ExitCode::BadInput;
    }
    return exit;
}

} // namespace

void addCheck(CLI::App &app, ExitCode &exit)
{
    CLI::App *command = app.add_subcommand("check", "Validates lesson files without running them");
    auto files = std::make_shared<std::vector<std::string>>();
    command->add_option("FILE", *files, "Lesson files")->required();
    command->footer(
        "Exit code 2 when a file has a problem; each is told with file, line and column.\n\n"
        "Example:\n  queuelab-cli check my-lessons/*.yaml");
    command->callback([files, &exit] { exit = check(*files); });
}

} // namespace queuelab::cli
