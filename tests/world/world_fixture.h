#pragma once

#include "engine/core/memory_files.h"
#include "engine/world/timeline.h"
#include "engine/world/trace_jsonl.h"

#include <QTest>

namespace queuelab::world {

inline Command command(const std::string &text)
{
    YamlProblems problems("test");
    const std::optional<Command> read = readCommand(parseYaml(text, problems), problems);
    if (!read)
        qFatal("%s", problems.errors().front().text().c_str());
    return *read;
}

/// The whole trace as JSON lines, for comparing runs byte by byte.
inline std::string traceText(const World &world)
{
    std::string text;
    for (std::uint64_t sequence = world.trace().first(); sequence < world.trace().end();
        ++sequence) {
        appendJson(world.trace().at(sequence), world.start(), world.trace().names(), text);
        text += '\n';
    }
    return text;
}

} // namespace queuelab::world
