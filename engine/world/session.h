#pragma once

#include "engine/world/command.h"
#include "engine/world/world.h"

#include <string>
#include <vector>

namespace queuelab::world {

struct TimedCommand {
    Duration at{}; ///< since the world's start
    Command command;
};

/// A seed and a list of timed commands: a lesson, a demo, a bug report, a test. A world is what you
/// get by applying them. Commands are in order of time; those at the same time apply in the order
/// they stand.
struct Session {
    WorldConfig world;
    std::vector<TimedCommand> commands;
    Duration end{}; ///< how far it was played
};

/// A session file (YAML; `queuelab-session: 1` on its first line). Problems name file, line and
/// column.
Result<Session, std::vector<Error>> readSession(const std::string &text, const std::string &file);
Result<Session, std::vector<Error>> loadSession(const std::string &path);
std::string writeSession(const Session &session);
Result<void, Error> saveSession(const Session &session, const std::string &path);

} // namespace queuelab::world
