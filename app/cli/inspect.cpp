#include "engine/log/inspect.h"
#include "app/cli/commands.h"
#include "app/cli/terminal.h"
#include "engine/core/posix_files.h"

#include <fmt/format.h>

#include <filesystem>
#include <memory>

namespace queuelab::cli {

namespace {

namespace fs = std::filesystem;

ExitCode inspect(const std::string &path, const log::InspectOptions &options)
{
    std::error_code failed;
    const fs::path absolute = fs::canonical(path, failed);
    if (failed) {
        printError({path, "there is no such file or directory", "check the name"});
        return ExitCode::BadInput;
    }
    // The root is the directory above, so that a segment's indexes beside it can be read too.
    Result<std::unique_ptr<PosixFiles>, Error> files =
        PosixFiles::open(absolute.parent_path().string());
    if (!files) {
        printError(files.error());
        return ExitCode::BadInput;
    }
    const Result<std::string, Error> text =
        log::inspect(**files, absolute.filename().string(), options);
    const Result<void, Error> written =
        text ? writeOutput({}, *text) : Result<void, Error>(std::unexpected(text.error()));
    if (!written) {
        printError(written.error());
        return ExitCode::BadInput;
    }
    return ExitCode::AllHold;
}

} // namespace

void addInspect(CLI::App &app, ExitCode &exit)
{
    CLI::App *command = app.add_subcommand("inspect",
        "Decodes a broker's or partition's directory, a segment, an index or a checkpoint");
    auto path = std::make_shared<std::string>();
    auto options = std::make_shared<log::InspectOptions>();
    command->add_option("PATH", *path, "A directory such as orders-0, or a file in one")
        ->required();
    command->add_flag("--records", options->records, "Also each record");
    command->add_option(
        "--max-batches", options->maxBatches, "Stop after so many batches of a segment");
    command->footer("Example:\n  queuelab-cli inspect "
                    "data/broker-1/orders-0/00000000000000000000.log --records");
    command->callback([path, options, &exit] { exit = inspect(*path, *options); });
}

} // namespace queuelab::cli
