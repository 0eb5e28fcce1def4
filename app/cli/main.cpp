#include "app/cli/commands.h"
#include "engine/world/yaml.h"

#include <fmt/format.h>

#include <string>
#include <vector>

using namespace queuelab;

namespace {

/// CLI11 says which argument it did not expect; say also which word was probably meant.
void suggestCommand(const CLI::App &app, int argc, char **argv)
{
    std::vector<std::string> names;
    for (const CLI::App *command : app.get_subcommands({}))
        names.push_back(command->get_name());
    if (argc < 2 || !app.get_subcommands().empty())
        return;
    if (const std::optional<std::string> near = world::nearest(argv[1], names))
        fmt::print(stderr, "Did you mean '{}'?\n", *near);
}

} // namespace

int main(int argc, char **argv)
{
    CLI::App app("Queuelab without a window: runs the lessons on the real engines and reports");
    app.name("queuelab-cli");
    app.set_version_flag("--version", QUEUELAB_VERSION);
    app.require_subcommand(1);
    app.footer("Every command has --help with an example.\n\n"
               "Example:\n  queuelab-cli run --all --format junit --output report.xml");
    auto exit = cli::ExitCode::AllHold;
    cli::addList(app, exit);
    cli::addRun(app, exit);
    cli::addCheck(app, exit);
    cli::addClaims(app, exit);
    cli::addInspect(app, exit);
    cli::addSimulate(app, exit);
    cli::addBench(app, exit);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError &error) {
        const bool asked = app.exit(error) == 0; // --help and --version come this way too
        if (!asked)
            suggestCommand(app, argc, argv);
        return static_cast<int>(asked ? cli::ExitCode::AllHold : cli::ExitCode::BadInput);
    }
    return static_cast<int>(exit);
}
