#include "app/cli/targets.h"

#include "engine/world/yaml.h"

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <optional>

namespace queuelab::cli {

namespace {

bool namesFile(const std::string &word)
{
    return word.find('/') != std::string::npos || word.ends_with(".yaml") || word.ends_with(".yml");
}

bool isSession(const std::string &file)
{
    std::ifstream stream(file);
    std::string first;
    std::getline(stream, first);
    return first.starts_with("queuelab-session:");
}

Result<Target, std::vector<Error>> openFile(const std::string &file)
{
    if (isSession(file)) {
        Result<world::Session, std::vector<Error>> session = world::loadSession(file);
        if (!session)
            return std::unexpected(session.error());
        return SavedSession{file, std::move(*session)};
    }
    Result<lessons::Lesson, std::vector<Error>> lesson = lessons::loadLesson(file);
    if (!lesson)
        return std::unexpected(lesson.error());
    return std::move(*lesson);
}

Error unknownLesson(const std::string &word, const lessons::Catalogue &catalogue)
{
    std::vector<std::string> ids;
    for (const lessons::Lesson &lesson : catalogue.lessons)
        ids.push_back(lesson.id);
    const std::optional<std::string> near = world::nearest(word, ids);
    return {word, "no lesson has this id, and it is no file",
        near ? fmt::format("did you mean '{}'?", *near) : "'queuelab-cli list' shows them all"};
}

} // namespace

Result<lessons::Catalogue, std::vector<Error>> openCatalogue()
{
    return lessons::loadCatalogue(lessons::catalogueDirectory());
}

Result<std::vector<Target>, std::vector<Error>> findTargets(const std::vector<std::string> &words)
{
    std::optional<lessons::Catalogue> catalogue; // read when the first id comes
    std::vector<Target> targets;
    std::vector<Error> errors;
    const auto addErrors = [&errors](const std::vector<Error> &more) {
        errors.insert(errors.end(), more.begin(), more.end());
    };
    for (const std::string &word : words) {
        std::error_code ignored;
        if (namesFile(word) || std::filesystem::is_regular_file(word, ignored)) {
            if (Result<Target, std::vector<Error>> target = openFile(word))
                targets.push_back(std::move(*target));
            else
                addErrors(target.error());
            continue;
        }
        if (!catalogue) {
            Result<lessons::Catalogue, std::vector<Error>> loaded = openCatalogue();
            if (!loaded)
                return std::unexpected(loaded.error());
            catalogue = std::move(*loaded);
        }
        if (const lessons::Lesson *lesson = catalogue->find(word))
            targets.emplace_back(*lesson);
        else
            errors.push_back(unknownLesson(word, *catalogue));
    }
    if (!errors.empty())
        return std::unexpected(std::move(errors));
    return targets;
}

} // namespace queuelab::cli
