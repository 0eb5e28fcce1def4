#pragma once

#include "app/cli/exit_code.h"

#include <CLI/CLI.hpp>

namespace queuelab::cli {

// Each adds its subcommand to `app`; when that is chosen, it runs and puts its end into `exit`.
void addList(CLI::App &app, ExitCode &exit);
void addRun(CLI::App &app, ExitCode &exit);
void addCheck(CLI::App &app, ExitCode &exit);
void addClaims(CLI::App &app, ExitCode &exit);
void addInspect(CLI::App &app, ExitCode &exit);
void addSimulate(CLI::App &app, ExitCode &exit);
void addBench(CLI::App &app, ExitCode &exit);

} // namespace queuelab::cli
