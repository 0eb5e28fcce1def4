#include "lessons/report_lines.h"

#include <nlohmann/json.hpp>

#include <chrono>

namespace queuelab::lessons {

namespace {

using Json = nlohmann::ordered_json;

Json expectationJson(const ExpectationResult &expectation)
{
    Json checks = Json::array();
    for (const CheckResult &check : expectation.checks)
        checks.push_back({{"field", check.field}, {"expected", check.expected},
            {"seen", check.seen}, {"holds", check.holds}});
    return {{"subject", expectation.subject}, {"holds", expectation.holds()},
        {"at", formatClock(expectation.at)}, {"place", expectation.place},
        {"checks", std::move(checks)}};
}

Json stepJson(const StepResult &step)
{
    Json json{{"step", step.index + 1}, {"title", step.title}, {"holds", step.holds()},
        {"at", formatClock(step.at)}};
    Json &refused = json["refused"] = Json::array();
    for (const CommandFailure &failure : step.failures)
        refused.push_back({{"command", failure.command}, {"place", failure.place},
            {"code", failure.error.code}, {"message", failure.error.message}});
    Json &expectations = json["expectations"] = Json::array();
    for (const ExpectationResult &expectation : step.expectations)
        expectations.push_back(expectationJson(expectation));
    Json &measurements = json["measurements"] = Json::array();
    for (const Measurement &measurement : step.measurements)
        measurements.push_back(
            {{"name", measurement.name}, {"value", measurement.value}, {"unit", measurement.unit}});
    if (step.liveError)
        json["live-error"] = step.liveError->text();
    return json;
}

} // namespace

std::string jsonReport(const std::vector<LessonResult> &results)
{
    Json lessons = Json::array();
    bool all = true;
    for (const LessonResult &lesson : results) {
        all = all && lesson.holds();
        Json steps = Json::array();
        for (const StepResult &step : lesson.steps)
            steps.push_back(stepJson(step));
        lessons.push_back({{"id", lesson.id}, {"title", lesson.title}, {"file", lesson.file},
            {"seed", lesson.seed}, {"holds", lesson.holds()},
            {"virtual-seconds", secondsOf(lesson.virtualTime)},
            {"wall-seconds", secondsOf(lesson.wallTime)}, {"steps", std::move(steps)},
            {"last-events", lesson.lastEvents}});
    }
    return Json{{"holds", all}, {"lessons", std::move(lessons)}}.dump(
               2, ' ', false, Json::error_handler_t::replace)
        + "\n";
}

} // namespace queuelab::lessons
