#pragma once

#include "engine/core/result.h"
#include "engine/core/time.h"
#include "engine/world/command.h"
#include "engine/world/session.h"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::lessons {

/// A comparison an expectation makes with what was seen. In YAML: 3 (equal), ">= 3", "2..4", [2, 2,
/// 2], true, Stable.
struct Comparison {
    enum class Kind : std::uint8_t {
        Equal,
        NotEqual,
        Less,
        LessOrEqual,
        Greater,
        GreaterOrEqual,
        Between,
        List
    };
    Kind kind = Kind::Equal;
    std::string text; ///< as written
    std::vector<std::string> values; ///< one; two for Between; all for List
};

/// `group billing: {state: Stable, idle-members: 1}`: about what the engine did, read from snapshot
/// and trace. The kinds and their fields are documented in README.md beside this file.
struct Expectation {
    std::string place; ///< file:line:column
    std::string engine; ///< "", or the word before the kind: "kafka", "rabbitmq", "sqs"
    std::string kind; ///< "group"
    std::string name; ///< "billing"; may be empty for kinds that have no name
    std::vector<std::pair<std::string, Comparison>> checks; ///< field and comparison, in file order
};

/// A question asked before the step runs.
struct Prediction {
    std::string ask;
    std::vector<std::string> choices;
    std::size_t answer = 0; ///< index into choices (the file counts from 1)
    std::string because; ///< shown after the run
};

/// A part of a step that runs by the wall clock, on real files in a directory of its own, in a live
/// world beside the lesson's. What it measured is reported; it leaves no event in the lesson's
/// trace.
struct LiveRun {
    Duration duration{};
    world::WorldConfig world;
    std::vector<world::Command> commands;
    std::vector<Expectation>
        expectations; ///< on the live world at its end; `measured` compares figures
};

/// A small measurement of the learner's machine (lessons/measures/measure.h), by the wall clock and
/// beside the lesson's world.
struct MeasureRun {
    std::string name; ///< of a Measure
    std::map<std::string, std::int64_t, std::less<>>
        settings; ///< all it has; of one with choices its place among them
    std::vector<Expectation> expectations; ///< of its figures
};

struct Step {
    std::string title; ///< short; may be empty
    std::string say; ///< Markdown
    std::optional<Prediction> prediction;
    std::vector<world::Command> commands;
    std::vector<std::string> commandPlaces; ///< file:line:column of each command
    Duration run{};
    std::optional<std::string> refused; ///< the error code one of the commands must be refused with
    std::vector<Expectation> expectations;
    std::optional<LiveRun> live; ///< at most one of the two
    std::optional<MeasureRun> measure;
    std::string because; ///< Markdown, shown after the run
    std::vector<std::string> proves; ///< claims this step proves; a subset of the lesson's

    /// Whether a part of it runs by the wall clock, after its time in the world.
    bool measures() const { return live || measure; }
};

/// One idea, shown by running it. A value; everything in it comes from its file.
struct Lesson {
    std::string id; ///< "kafka.ceiling"
    std::string title;
    std::string
        section; ///< folder in the catalogue: "kafka", "rabbitmq", "sqs", "scenarios", "traps"
    std::string file;
    std::string summary; ///< one line for lists
    std::vector<std::string> proves;
    world::WorldConfig world;
    std::vector<Step> steps;
    std::string interview; ///< what to say in an interview; Markdown
    std::string nuance; ///< where the claim stops being true; Markdown

    /// When step `index` begins, since the start of the world.
    Duration stepStart(std::size_t index) const;
    Duration stepEnd(std::size_t index) const { return stepStart(index) + steps[index].run; }
    /// The lesson as a session: commands at the times their steps begin.
    world::Session session(std::optional<std::uint64_t> seed = std::nullopt) const;
};

/// Reads one lesson; every problem with file:line:column and the nearest valid name.
Result<Lesson, std::vector<Error>> readLesson(const std::string &text, const std::string &file);
Result<Lesson, std::vector<Error>> loadLesson(const std::string &path);

/// The lessons that come with the program.
struct Catalogue {
    std::vector<Lesson>
        lessons; ///< by section in course order, then in the order of the section's `course.yaml`
    const Lesson *find(std::string_view id) const;
};
/// Loads every lesson below `directory`; duplicate ids are a problem.
Result<Catalogue, std::vector<Error>> loadCatalogue(const std::string &directory);
/// Where the catalogue lies: beside the executable when installed, else in the source tree.
/// $QUEUELAB_LESSONS overrides it.
std::string catalogueDirectory();
/// The words people see for a section: "Kafka", "RabbitMQ", "SQS", "Scenarios", ...
std::string sectionTitle(std::string_view section);

} // namespace queuelab::lessons
