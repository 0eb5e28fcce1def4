#include "lessons/lesson.h"

#include "engine/world/yaml.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <filesystem>
#include <map>

namespace queuelab::lessons {

namespace {

namespace fs = std::filesystem;

/// Sections in course order: the folder and the words people see. Folders that are not listed come
/// after, by name.
constexpr std::array<std::pair<std::string_view, std::string_view>, 7> kSections{{
    {"kafka", "Kafka"},
    {"rabbitmq", "RabbitMQ"},
    {"sqs", "SQS"},
    {"brokers", "Brokers"},
    {"dimensions", "Dimensions"},
    {"traps", "Traps"},
    {"scenarios", "Scenarios"},
}};

std::size_t sectionRank(std::string_view section)
{
    const auto at = std::ranges::find(kSections, section, [](const auto &s) { return s.first; });
    return static_cast<std::size_t>(at - kSections.begin());
}

std::vector<fs::path> sectionDirectories(const fs::path &directory)
{
    std::vector<fs::path> sections;
    for (const fs::directory_entry &entry : fs::directory_iterator(directory)) {
        if (entry.is_directory())
            sections.push_back(entry.path());
    }
    std::ranges::sort(sections, {}, [](const fs::path &path) {
        const std::string name = path.filename().string();
        return std::pair(sectionRank(name), name);
    });
    return sections;
}

/// The files of one section: those that course.yaml names, in its order, then the rest by name.
std::vector<fs::path> sectionFiles(const fs::path &section, std::vector<Error> &errors)
{
    std::vector<fs::path> rest;
    fs::path orderFile;
    for (const fs::directory_entry &entry : fs::directory_iterator(section)) {
        if (entry.path().filename() == "course.yaml")
            orderFile = entry.path();
        else if (entry.path().extension() == ".yaml")
            rest.push_back(entry.path());
    }
    std::ranges::sort(rest);
    if (orderFile.empty())
        return rest;

    world::YamlProblems problems(orderFile.string());
    std::vector<std::string> order;
    const YAML::Node node = world::loadYaml(orderFile.string(), problems);
    if (node.IsDefined())
        world::readYaml(node, problems, order);
    std::vector<std::string> names;
    for (const fs::path &file : rest)
        names.push_back(file.stem().string());
    std::vector<fs::path> files;
    for (std::size_t i = 0; i < order.size(); ++i) {
        const auto at = std::ranges::find(
            rest, order[i], [](const fs::path &file) { return file.stem().string(); });
        if (at == rest.end()) {
            const std::optional<std::string> near = world::nearest(order[i], names);
            problems.add(node[i].Mark(),
                fmt::format("there is no '{}.yaml' left to put in order", order[i]),
                near ? fmt::format("did you mean '{}'?", *near) : std::string());
            continue;
        }
        files.push_back(*at);
        rest.erase(at);
    }
    files.insert(files.end(), rest.begin(), rest.end());
    errors.insert(errors.end(), problems.errors().begin(), problems.errors().end());
    return files;
}

} // namespace

const Lesson *Catalogue::find(std::string_view id) const
{
    const auto at = std::ranges::find(lessons, id, &Lesson::id);
    return at == lessons.end() ? nullptr : &*at;
}

Result<Catalogue, std::vector<Error>> loadCatalogue(const std::string &directory)
{
    std::error_code failed;
    if (!fs::is_directory(directory, failed))
        return std::unexpected(std::vector<Error>{{directory, "there are no lessons here",
            "set QUEUELAB_LESSONS to the directory of the catalogue"}});

    Catalogue catalogue;
    std::vector<Error> errors;
    std::map<std::string, std::string> fileOfId;
    for (const fs::path &section : sectionDirectories(directory)) {
        for (const fs::path &file : sectionFiles(section, errors)) {
            Result<Lesson, std::vector<Error>> lesson = loadLesson(file.string());
            if (!lesson) {
                errors.insert(errors.end(), lesson.error().begin(), lesson.error().end());
                continue;
            }
            const auto [first, isNew] = fileOfId.emplace(lesson->id, lesson->file);
            if (!isNew)
                errors.push_back({lesson->file,
                    fmt::format("the id '{}' is taken by {}", lesson->id, first->second),
                    "give the lesson an id of its own"});
            catalogue.lessons.push_back(std::move(*lesson));
        }
    }
    if (!errors.empty())
        return std::unexpected(std::move(errors));
    return catalogue;
}

std::string catalogueDirectory()
{
    if (const char *set = std::getenv("QUEUELAB_LESSONS"); set != nullptr && *set != '\0')
        return set;
    std::error_code failed;
    const fs::path program = fs::read_symlink("/proc/self/exe", failed);
    const fs::path installed =
        program.parent_path().parent_path() / "share" / "queuelab" / "lessons" / "catalogue";
    if (!failed && fs::is_directory(installed, failed))
        return installed.string();
    return QUEUELAB_LESSONS_SOURCE "/catalogue";
}

std::string sectionTitle(std::string_view section)
{
    const std::size_t rank = sectionRank(section);
    if (rank < kSections.size())
        return std::string(kSections[rank].second);
    std::string title(section);
    if (!title.empty() && title.front() >= 'a' && title.front() <= 'z')
        title.front() = static_cast<char>(title.front() - 'a' + 'A');
    return title;
}

} // namespace queuelab::lessons
