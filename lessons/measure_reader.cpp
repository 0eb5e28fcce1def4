#include "lessons/measure_reader.h"

#include "lessons/expectation_reader.h"
#include "lessons/measures/measure.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

namespace queuelab::lessons {

namespace {

std::vector<std::string> measureNames()
{
    std::vector<std::string> names;
    for (const Measure &measure : allMeasures())
        names.push_back(measure.name);
    return names;
}

/// The number a setting is kept as.
std::optional<std::int64_t> readSetting(
    const YAML::Node &node, const MeasureSetting &setting, world::YamlProblems &problems)
{
    if (setting.choices.empty()) {
        std::int64_t value = 0;
        if (!world::readYaml(node, problems, value))
            return std::nullopt;
        if (value >= setting.low && value <= setting.high)
            return value;
        problems.add(node.Mark(),
            fmt::format(
                "'{}' is {}, outside {} to {}", setting.name, value, setting.low, setting.high));
        return std::nullopt;
    }
    std::string word;
    if (!world::readYaml(node, problems, word))
        return std::nullopt;
    const auto at = std::ranges::find(setting.choices, word);
    if (at != setting.choices.end())
        return at - setting.choices.begin();
    const std::optional<std::string> near = world::nearest(word, setting.choices);
    problems.add(node.Mark(),
        fmt::format("'{}' is '{}', which is none of {}", setting.name, word,
            fmt::join(setting.choices, ", ")),
        near ? fmt::format("did you mean '{}'?", *near) : std::string());
    return std::nullopt;
}

} // namespace

std::optional<MeasureRun> readMeasureRun(const YAML::Node &node, world::YamlProblems &problems)
{
    world::YamlMap map(node, "measure", problems);
    const Measure *measure = nullptr;
    YAML::Node settings;
    for (const Measure &candidate : allMeasures()) {
        const YAML::Node found = map.take(candidate.name);
        if (!found.IsDefined())
            continue;
        if (measure != nullptr)
            problems.add(found.Mark(), "a step measures one thing", "make it two steps");
        measure = &candidate;
        settings.reset(found);
    }
    const YAML::Node expect = map.take("expect");
    map.finish();
    if (measure == nullptr) {
        problems.add(map.mark(), "measure needs the name of a measurement",
            fmt::format("it may be: {}", fmt::join(measureNames(), ", ")));
        return std::nullopt;
    }

    MeasureRun run;
    run.name = measure->name;
    world::YamlMap given(settings, measure->name, problems);
    for (const MeasureSetting &setting : measure->settings) {
        const YAML::Node value = given.take(setting.name);
        run.settings[setting.name] = value.IsDefined()
            ? readSetting(value, setting, problems).value_or(setting.initial)
            : setting.initial;
    }
    given.finish();
    if (expect.IsDefined())
        run.expectations =
            readExpectations(expect, {.world = false, .figures = &measure->figures}, problems);
    return run;
}

} // namespace queuelab::lessons
