#include "engine/world/world.h"
#include "lessons/expectation_kind.h"
#include "lessons/expectation_reader.h"
#include "lessons/lesson.h"
#include "lessons/measure_reader.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>

namespace queuelab::lessons {

namespace {

std::string placeOf(const YAML::Mark &mark, const world::YamlProblems &problems)
{
    return fmt::format("{}:{}:{}", problems.file(), mark.line + 1, mark.column + 1);
}

std::optional<Prediction> readPrediction(const YAML::Node &node, world::YamlProblems &problems)
{
    Prediction prediction;
    world::YamlMap map(node, "predict", problems);
    map.required("ask", prediction.ask);
    map.required("choices", prediction.choices);
    const YAML::Node answer = map.take("answer");
    std::int64_t number = 0;
    if (!answer.IsDefined()) {
        problems.add(map.mark(), "predict needs 'answer', counted from 1");
    } else if (world::readYaml(answer, problems, number)) {
        const auto last = static_cast<std::int64_t>(prediction.choices.size());
        if (number < 1 || number > last)
            problems.add(answer.Mark(),
                fmt::format("'answer' is {}, but the choices are numbered 1 to {}", number, last));
        else
            prediction.answer = static_cast<std::size_t>(number - 1);
    }
    map.required("because", prediction.because);
    map.finish();
    const std::set<std::string> different(prediction.choices.begin(), prediction.choices.end());
    if (different.size() != prediction.choices.size())
        problems.add(map.mark(), "two choices are the same");
    else if (prediction.choices.size() == 1)
        problems.add(map.mark(), "a prediction needs at least two choices");
    return prediction;
}

/// The client name a command gives by hand; two clients of one lesson must not share it.
std::string_view givenName(const world::Command &command)
{
    return std::visit(
        []<class C>(const C &c) -> std::string_view {
            constexpr bool addsClient = std::is_same_v<C, world::AddProducer>
                || std::is_same_v<C, world::AddConsumer>
                || std::is_same_v<C, world::AddShareConsumer>
                || std::is_same_v<C, world::AddPublisher> || std::is_same_v<C, world::AddWorker>
                || std::is_same_v<C, world::AddSender> || std::is_same_v<C, world::AddReceiver>;
            if constexpr (addsClient)
                return c.name;
            else
                return {};
        },
        command);
}

/// Reads the files of one lesson with what all its steps share.
class LessonReader {
public:
    LessonReader(const YAML::Node &root, Lesson &lesson, world::YamlProblems &problems)
        : m_root(root)
        , m_lesson(lesson)
        , m_problems(problems)
    {
    }

    void read()
    {
        world::YamlMap map(m_root, "a lesson", m_problems);
        if (map.required("id", m_lesson.id))
            checkId(map.take("id"));
        map.required("title", m_lesson.title);
        map.required("summary", m_lesson.summary);
        readProves(map.take("proves"), m_lesson.proves);
        if (const YAML::Node world = map.take("world"); world.IsDefined()) {
            if (std::optional<world::WorldConfig> config =
                    world::readWorldConfig(world, m_problems))
                m_lesson.world = std::move(*config);
        }
        readSteps(map.take("steps"), map.mark());
        map.optional("interview", m_lesson.interview);
        map.optional("nuance", m_lesson.nuance);
        map.finish();
    }

private:
    void checkId(const YAML::Node &node)
    {
        const auto valid = [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '-';
        };
        if (m_lesson.id.empty() || !std::ranges::all_of(m_lesson.id, valid))
            m_problems.add(node.Mark(),
                fmt::format(
                    "'{}' is not an id: small letters, digits, '.' and '-', as in kafka.ceiling",
                    m_lesson.id));
    }

    void readProves(const YAML::Node &node, std::vector<std::string> &out)
    {
        if (!node.IsDefined() || !world::readYaml(node, m_problems, out))
            return;
        std::set<std::string> seen;
        for (std::size_t i = 0; i < out.size(); ++i) {
            if (!seen.insert(out[i]).second)
                m_problems.add(node[i].Mark(), fmt::format("'{}' is given twice", out[i]));
        }
    }

    void readSteps(const YAML::Node &node, const YAML::Mark &lessonMark)
    {
        if (!node.IsDefined() || !node.IsSequence() || node.size() == 0) {
            m_problems.add(node.IsDefined() ? node.Mark() : lessonMark,
                "a lesson needs 'steps', a list of at least one step");
            return;
        }
        for (const auto &element : node)
            m_lesson.steps.push_back(readStep(element));
    }

    Step readStep(const YAML::Node &node)
    {
        Step step;
        world::YamlMap map(node, "a step", m_problems);
        map.optional("title", step.title);
        map.optional("say", step.say);
        if (const YAML::Node predict = map.take("predict"); predict.IsDefined())
            step.prediction = readPrediction(predict, m_problems);
        if (const YAML::Node commands = map.take("do"); commands.IsDefined())
            readCommands(
                commands, m_lesson.world, m_clientNames, step.commands, &step.commandPlaces);
        if (const YAML::Node run = map.take("run"); run.IsDefined()
            && world::readYaml(run, m_problems, step.run) && step.run < Duration::zero())
            m_problems.add(run.Mark(), "time does not run backwards");
        if (const YAML::Node refused = map.take("refused"); refused.IsDefined()) {
            if (world::readYaml(refused, m_problems, step.refused) && step.commands.empty())
                m_problems.add(refused.Mark(), "nothing can be refused in a step without 'do'");
        }
        if (const YAML::Node expect = map.take("expect"); expect.IsDefined())
            step.expectations = readExpectations(expect, {}, m_problems);
        if (const YAML::Node live = map.take("live"); live.IsDefined())
            step.live = readLive(live);
        if (const YAML::Node measure = map.take("measure"); measure.IsDefined()) {
            step.measure = readMeasureRun(measure, m_problems);
            if (step.live)
                m_problems.add(measure.Mark(), "a step has 'live' or 'measure', not both",
                    "make it two steps");
        }
        map.optional("because", step.because);
        if (const YAML::Node proves = map.take("proves"); proves.IsDefined()) {
            readProves(proves, step.proves);
            checkStepProves(proves, step);
        }
        map.finish();
        return step;
    }

    void checkStepProves(const YAML::Node &node, const Step &step)
    {
        for (std::size_t i = 0; i < step.proves.size(); ++i) {
            if (std::ranges::find(m_lesson.proves, step.proves[i]) == m_lesson.proves.end())
                m_problems.add(node[i].Mark(),
                    fmt::format("the lesson does not say that it proves '{}'", step.proves[i]),
                    "add it to the lesson's own 'proves'");
        }
        if (!step.proves.empty() && step.expectations.empty() && !step.refused
            && (!step.live || step.live->expectations.empty())
            && (!step.measure || step.measure->expectations.empty()))
            m_problems.add(node.Mark(), "a step without 'expect' proves nothing");
    }

    LiveRun readLive(const YAML::Node &node)
    {
        LiveRun live;
        world::YamlMap map(node, "live", m_problems);
        const YAML::Node length = map.take("for");
        if (!length.IsDefined())
            m_problems.add(map.mark(), "live needs 'for', how long it runs by the wall clock");
        else if (world::readYaml(length, m_problems, live.duration)
            && (live.duration <= Duration::zero() || live.duration > 10min))
            m_problems.add(length.Mark(),
                fmt::format("'for' is {}, outside 1ms to 10m", formatDuration(live.duration)));
        if (const YAML::Node world = map.take("world"); world.IsDefined()) {
            if (std::optional<world::WorldConfig> config =
                    world::readWorldConfig(world, m_problems))
                live.world = std::move(*config);
        }
        std::set<std::string, std::less<>> names;
        if (const YAML::Node commands = map.take("do"); commands.IsDefined())
            readCommands(commands, live.world, names, live.commands, nullptr);
        if (const YAML::Node expect = map.take("expect"); expect.IsDefined())
            live.expectations =
                readExpectations(expect, {.world = true, .figures = &liveFigures()}, m_problems);
        map.finish();
        return live;
    }

    void readCommands(const YAML::Node &node, const world::WorldConfig &config,
        std::set<std::string, std::less<>> &names, std::vector<world::Command> &out,
        std::vector<std::string> *places)
    {
        if (!node.IsSequence()) {
            m_problems.add(node.Mark(), "'do' is a list of commands");
            return;
        }
        for (const auto &element : node) {
            std::optional<world::Command> command = world::readCommand(element, m_problems);
            if (!command)
                continue;
            world::checkCommand(*command, config, element.Mark(), m_problems);
            if (const std::string_view name = givenName(*command);
                !name.empty() && !names.emplace(name).second)
                m_problems.add(element.Mark(),
                    fmt::format("a client called '{}' was added before", name),
                    "every client of a lesson has a name of its own");
            out.push_back(std::move(*command));
            if (places != nullptr)
                places->push_back(placeOf(element.Mark(), m_problems));
        }
    }

    YAML::Node m_root;
    Lesson &m_lesson;
    world::YamlProblems &m_problems;
    std::set<std::string, std::less<>> m_clientNames;
};

} // namespace

Result<Lesson, std::vector<Error>> readLesson(const std::string &text, const std::string &file)
{
    world::YamlProblems problems(file);
    const YAML::Node root = world::parseYaml(text, problems);
    Lesson lesson;
    lesson.file = file;
    lesson.section = std::filesystem::path(file).parent_path().filename().string();
    if (!problems.any())
        LessonReader(root, lesson, problems).read();
    if (problems.any())
        return std::unexpected(problems.errors());
    return lesson;
}

Result<Lesson, std::vector<Error>> loadLesson(const std::string &path)
{
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    if (file)
        text << file.rdbuf();
    std::error_code ignored;
    if (!file || std::filesystem::is_directory(path, ignored))
        return std::unexpected(
            std::vector<Error>{{path, "there is no such file, or it cannot be read",
                "check the name and that you may read it"}});
    return readLesson(text.str(), path);
}

} // namespace queuelab::lessons
