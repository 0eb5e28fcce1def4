#include "app/cli/broken_invariant.h"

#include "app/cli/exit_code.h"
#include "app/cli/terminal.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>

namespace queuelab::cli {

namespace {

// The handler is a plain function, so what it saves has to be reachable from here. One run at a
// time, one thread.
const world::Session *g_session = nullptr;
std::string g_name;

[[noreturn]] void saveAndExit(std::string_view rule)
{
    fmt::print(stderr, "An invariant broke: {}\n", rule);
    if (g_session == nullptr)
        std::_Exit(static_cast<int>(ExitCode::InvariantBroken));
    const std::string path =
        fmt::format("broken-{}-seed-{}.session.yaml", g_name, g_session->world.seed);
    if (const Result<void, Error> saved = world::saveSession(*g_session, path); !saved)
        printError(saved.error());
    else
        fmt::print(stderr,
            "Seed {} and the session are in {}; run it again with: queuelab-cli run {}\n",
            g_session->world.seed, path, path);
    std::fflush(stdout);
    std::_Exit(static_cast<int>(ExitCode::InvariantBroken)); // no destructor runs on a broken world
}

} // namespace

InvariantGuard::InvariantGuard(const world::Session &session, std::string name)
{
    g_session = &session;
    g_name = std::move(name);
    setInvariantHandler(saveAndExit);
}

InvariantGuard::~InvariantGuard()
{
    g_session = nullptr;
}

} // namespace queuelab::cli
