#pragma once

#include <CLI/CLI.hpp>

namespace queuelab::cli {

/// What a run of the program ended with; CI jobs depend on these numbers.
enum class ExitCode : int {
    AllHold = 0,
    ExpectationFailed = 1, ///< or a claim that is not proved
    BadInput = 2,
    InvariantBroken = 3,
};

// Each adds its subcommand to `app`; when that is chosen, it runs and puts its end into `exit`.
void addList(CLI::App &app, ExitCode &exit);
void addRun(CLI::App &app, ExitCode &exit);
void addCheck(CLI::App &app, ExitCode &exit);
void addClaims(CLI::App &app, ExitCode &exit);
void addInspect(CLI::App &app, ExitCode &exit);
void addBench(CLI::App &app, ExitCode &exit);

} // namespace queuelab::cli
