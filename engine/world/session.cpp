#include "engine/world/session.h"

#include "engine/world/yaml_values.h"

#include <fmt/format.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>

namespace queuelab::world {

namespace {

constexpr std::string_view kVersionKey = "queuelab-session";
constexpr std::int64_t kVersion = 1;

/// `{at: 5s, create-topic: {...}}`: a command with its time.
std::optional<TimedCommand> readTimed(
    const YAML::Node &node, const WorldConfig &world, YamlProblems &problems)
{
    if (!node.IsMap()) {
        problems.add(node.Mark(), "a command with its time is wanted here",
            "write {at: 5s, name: {field: value}}");
        return std::nullopt;
    }
    TimedCommand timed;
    bool hasTime = false;
    YAML::Node rest(YAML::NodeType::Map);
    std::size_t others = 0;
    for (const auto &entry : node) {
        if (entry.first.IsScalar() && entry.first.Scalar() == "at") {
            hasTime = readYaml(entry.second, problems, timed.at);
        } else {
            rest[entry.first] = entry.second;
            ++others;
        }
    }
    if (!hasTime)
        problems.add(node.Mark(), "a command needs 'at', its time since the world's start");
    if (others != 1) {
        problems.add(node.Mark(), fmt::format("one command is wanted beside 'at', not {}", others));
        return std::nullopt;
    }
    std::optional<Command> command = readCommand(rest, problems);
    if (!command || !hasTime)
        return std::nullopt;
    checkCommand(*command, world, node.Mark(), problems);
    timed.command = *std::move(command);
    return timed;
}

void readCommands(const YAML::Node &list, Session &session, YamlProblems &problems)
{
    if (!list.IsSequence()) {
        if (!list.IsNull())
            problems.add(list.Mark(), "'commands' must be a list");
        return;
    }
    Duration last{};
    for (const auto &element : list) {
        const YAML::Node node(element);
        std::optional<TimedCommand> timed = readTimed(node, session.world, problems);
        if (!timed)
            continue;
        if (timed->at < last)
            problems.add(node.Mark(),
                fmt::format(
                    "at {} comes after {}", formatDuration(timed->at), formatDuration(last)),
                "put the commands in order of time");
        last = std::max(last, timed->at);
        session.commands.push_back(*std::move(timed));
    }
}

} // namespace

Result<Session, std::vector<Error>> readSession(const std::string &text, const std::string &file)
{
    YamlProblems problems(file);
    const YAML::Node root = parseYaml(text, problems);
    if (problems.any())
        return std::unexpected(problems.errors());
    if (!root.IsDefined() || !root.IsMap()) {
        problems.add(YAML::Mark::null_mark(), "not a session file",
            fmt::format("its first line is '{}: {}'", kVersionKey, kVersion));
        return std::unexpected(problems.errors());
    }

    Session session;
    YamlMap map(root, "a session", problems);
    std::int64_t version = 0;
    if (map.required(std::string(kVersionKey), version) && version != kVersion)
        problems.add(map.mark(), fmt::format("this is a session of version {}", version),
            fmt::format("only version {} can be read here", kVersion));
    if (const std::optional<WorldConfig> world = readWorldConfig(map.take("world"), problems))
        session.world = *world;
    if (const YAML::Node commands = map.take("commands"); commands.IsDefined())
        readCommands(commands, session, problems);
    // The end stands last in the file, so a file that was cut off has none.
    if (!map.has("end")) {
        map.take("end");
        problems.add(map.mark(), "the session has no 'end'",
            "the file may have been cut off: save it again");
    } else if (map.required("end", session.end) && !session.commands.empty()
        && session.end < session.commands.back().at) {
        problems.add(map.mark(),
            fmt::format(
                "the session ends at {}, before its last command", formatDuration(session.end)));
    }
    map.finish();
    if (problems.any())
        return std::unexpected(problems.errors());
    return session;
}

Result<Session, std::vector<Error>> loadSession(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (file)
        text << file.rdbuf();
    if (!file)
        return std::unexpected(
            std::vector{Error{path, "cannot be read", "check the name and that you may read it"}});
    return readSession(text.str(), path);
}

std::string writeSession(const Session &session)
{
    std::string text = fmt::format(
        "{}: {}\nworld: {}\n", kVersionKey, kVersion, flowText(writeWorldConfig(session.world)));
    text += session.commands.empty() ? "commands: []\n" : "commands:\n";
    for (const TimedCommand &timed : session.commands)
        text += fmt::format(
            "  - {{at: {}, {}}}\n", formatDuration(timed.at), commandText(timed.command));
    text += fmt::format("end: {}\n", formatDuration(session.end));
    return text;
}

Result<void, Error> saveSession(const Session &session, const std::string &path)
{
    std::ofstream file(path, std::ios::binary | std::ios::trunc);
    file << writeSession(session);
    file.close();
    if (!file)
        return std::unexpected(
            Error{path, fmt::format("cannot be written: {}", std::strerror(errno)),
                "choose a directory you may write to"});
    return {};
}

} // namespace queuelab::world
