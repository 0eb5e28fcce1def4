#include "lessons/report.h"

#include "lessons/report_lines.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <utility>

namespace queuelab::lessons {

namespace {

constexpr std::array<std::pair<std::string_view, ReportFormat>, 4> kFormats{{
    {"text", ReportFormat::Text},
    {"json", ReportFormat::Json},
    {"junit", ReportFormat::Junit},
    {"tap", ReportFormat::Tap},
}};

ReportCase caseOf(const std::string &step, const ExpectationResult &expectation)
{
    std::vector<std::string> fields;
    ReportCase reported;
    reported.place = expectation.place;
    for (const CheckResult &check : expectation.checks) {
        fields.push_back(check.field);
        if (!check.holds)
            reported.details.push_back(
                fmt::format("{}: expected {} {}, seen {}, at {}", expectation.subject, check.field,
                    check.expected, check.seen, formatClock(expectation.at)));
    }
    reported.holds = expectation.holds();
    reported.name =
        fmt::format("{}: {} {{{}}}", step, expectation.subject, fmt::join(fields, ", "));
    return reported;
}

/// 1234567 as "1,234,567".
std::string grouped(double value)
{
    std::string digits = fmt::format("{:.0f}", std::abs(value));
    for (std::size_t i = digits.size(); i > 3; i -= 3)
        digits.insert(i - 3, 1, ',');
    return value < 0 ? fmt::format("-{}", digits) : digits;
}

/// Colours of the terminal, or nothing.
struct Ink {
    std::string_view good;
    std::string_view bad;
    std::string_view quiet;
    std::string_view strong;
    std::string_view off;
};
constexpr Ink kColoured{"\033[32m", "\033[31m", "\033[2m", "\033[1m", "\033[0m"};
constexpr Ink kPlain{};

void appendStep(
    std::string &out, const LessonResult &lesson, const StepResult &step, const Ink &ink)
{
    const auto into = std::back_inserter(out);
    const bool good = step.holds();
    fmt::format_to(into, "  {}{}{} {} {}{}{}\n", good ? ink.good : ink.bad, good ? "ok  " : "FAIL",
        ink.off, stepName(step), ink.quiet, formatClock(step.at), ink.off);
    for (const Measurement &measurement : step.measurements)
        fmt::format_to(
            into, "         measured {}: {}\n", measurement.name, measurementText(measurement));
    if (good)
        return;
    LessonResult only;
    only.id = lesson.id;
    only.steps.push_back(step);
    for (const ReportCase &reported : reportCases(only)) {
        for (const std::string &detail : reported.details)
            fmt::format_to(into, "         {}{}{}\n", ink.bad, detail, ink.off);
        if (!reported.holds && !reported.place.empty())
            fmt::format_to(into, "         {}{}{}\n", ink.quiet, reported.place, ink.off);
    }
}

} // namespace

std::optional<ReportFormat> reportFormatByName(std::string_view name)
{
    const auto at = std::ranges::find(kFormats, name, [](const auto &f) { return f.first; });
    return at == kFormats.end() ? std::nullopt : std::optional(at->second);
}

std::string stepName(const StepResult &step)
{
    return step.title.empty() ? fmt::format("step {}", step.index + 1)
                              : fmt::format("step {}, {}", step.index + 1, step.title);
}

std::string measurementText(const Measurement &measurement)
{
    const bool whole =
        std::abs(measurement.value) >= 100 || std::floor(measurement.value) == measurement.value;
    const std::string number =
        whole ? grouped(measurement.value) : fmt::format("{:.2f}", measurement.value);
    return measurement.unit.empty() ? number : number + " " + measurement.unit;
}

std::vector<ReportCase> reportCases(const LessonResult &result)
{
    std::vector<ReportCase> cases;
    for (const StepResult &step : result.steps) {
        const std::string name = stepName(step);
        for (const CommandFailure &failure : step.failures)
            cases.push_back({fmt::format("{}: {}", name, failure.command), false, failure.place,
                {fmt::format("{} was refused with {}: {}", failure.command, failure.error.code,
                    failure.error.message)}});
        if (step.liveError)
            cases.push_back({fmt::format("{}: live", name), false, {}, {step.liveError->text()}});
        for (const ExpectationResult &expectation : step.expectations)
            cases.push_back(caseOf(name, expectation));
        if (step.failures.empty() && !step.liveError && step.expectations.empty())
            cases.push_back({fmt::format("{}: commands applied", name), true, {}, {}});
    }
    return cases;
}

std::string textReport(const std::vector<LessonResult> &results, bool colour)
{
    const Ink &ink = colour ? kColoured : kPlain;
    std::string out;
    const auto into = std::back_inserter(out);
    std::size_t good = 0;
    for (const LessonResult &lesson : results) {
        good += lesson.holds() ? 1 : 0;
        fmt::format_to(into, "{}{}{}  {}  {}seed {}{}\n", ink.strong, lesson.id, ink.off,
            lesson.title, ink.quiet, lesson.seed, ink.off);
        for (const StepResult &step : lesson.steps)
            appendStep(out, lesson, step, ink);
        if (!lesson.lastEvents.empty()) {
            fmt::format_to(into, "  The last events before it:\n");
            for (const std::string &event : lesson.lastEvents)
                fmt::format_to(into, "    {}\n", event);
        }
        fmt::format_to(into, "  {}{} of virtual time in {:.2f} s{}\n\n", ink.quiet,
            formatClock(lesson.virtualTime), secondsOf(lesson.wallTime), ink.off);
    }
    const bool all = good == results.size();
    fmt::format_to(
        into, "{}{} of {} hold{}\n", all ? ink.good : ink.bad, good, results.size(), ink.off);
    return out;
}

std::string tapReport(const std::vector<LessonResult> &results)
{
    std::string points;
    const auto into = std::back_inserter(points);
    std::size_t number = 0;
    for (const LessonResult &lesson : results) {
        const std::vector<ReportCase> cases = reportCases(lesson);
        fmt::format_to(into, "# {} {} seed {}\n", lesson.id, lesson.title, lesson.seed);
        for (const ReportCase &reported : cases) {
            // '#' would begin a directive in a TAP description.
            std::string name = fmt::format("{} {}", lesson.id, reported.name);
            std::ranges::replace(name, '#', '.');
            fmt::format_to(into, "{} {} - {}\n", reported.holds ? "ok" : "not ok", ++number, name);
            for (const std::string &detail : reported.details)
                fmt::format_to(into, "# {}\n", detail);
            if (!reported.holds && !reported.place.empty())
                fmt::format_to(into, "# {}\n", reported.place);
        }
        for (const StepResult &step : lesson.steps) {
            for (const Measurement &measurement : step.measurements)
                fmt::format_to(
                    into, "# measured {}: {}\n", measurement.name, measurementText(measurement));
        }
        for (const std::string &event : lesson.lastEvents)
            fmt::format_to(into, "# {}\n", event);
    }
    return fmt::format("TAP version 13\n1..{}\n{}", number, points);
}

std::string report(const std::vector<LessonResult> &results, ReportFormat format, bool colour)
{
    switch (format) {
    case ReportFormat::Text:
        return textReport(results, colour);
    case ReportFormat::Json:
        return jsonReport(results);
    case ReportFormat::Junit:
        return junitReport(results);
    case ReportFormat::Tap:
        return tapReport(results);
    }
    std::unreachable();
}

} // namespace queuelab::lessons
