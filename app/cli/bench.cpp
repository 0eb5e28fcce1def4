#include "app/cli/commands.h"
namespace queuelab::cli {
void addBench(CLI::App &, ExitCode &) {}
}
