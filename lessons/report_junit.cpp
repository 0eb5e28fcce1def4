#include "lessons/report_lines.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <chrono>

namespace queuelab::lessons {

namespace {

/// Text for an XML attribute or element. Control characters that XML 1.0 forbids become '?'.
std::string escaped(std::string_view text)
{
    std::string out;
    for (const char c : text) {
        const auto code = static_cast<unsigned char>(c);
        if (c == '&')
            out += "&amp;";
        else if (c == '<')
            out += "&lt;";
        else if (c == '>')
            out += "&gt;";
        else if (c == '"')
            out += "&quot;";
        else if (c == '\n')
            out += "&#10;";
        else
            out += code < 0x20 && c != '\t' ? '?' : c;
    }
    return out;
}

void appendSuite(std::string &out, const LessonResult &lesson)
{
    const auto into = std::back_inserter(out);
    const std::vector<ReportCase> cases = reportCases(lesson);
    const auto failures =
        std::ranges::count_if(cases, [](const ReportCase &reported) { return !reported.holds; });
    const double seconds = std::chrono::duration<double>(lesson.wallTime).count();
    fmt::format_to(into,
        "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"0\" "
        "time=\"{:.3f}\">\n",
        escaped(lesson.id), cases.size(), failures, seconds);
    fmt::format_to(
        into, "    <properties>\n      <property name=\"seed\" value=\"{}\"/>\n", lesson.seed);
    for (const StepResult &step : lesson.steps) {
        for (const Measurement &measurement : step.measurements)
            fmt::format_to(into, "      <property name=\"{}\" value=\"{}\"/>\n",
                escaped(measurement.name), measurement.value);
    }
    out += "    </properties>\n";
    for (const ReportCase &reported : cases) {
        fmt::format_to(into, "    <testcase classname=\"{}\" name=\"{}\" time=\"0\"",
            escaped(lesson.id), escaped(reported.name));
        if (reported.holds) {
            out += "/>\n";
            continue;
        }
        const std::string message = fmt::format("{}", fmt::join(reported.details, "; "));
        fmt::format_to(into, ">\n      <failure message=\"{}\">{}\n{}\n", escaped(message),
            escaped(message), escaped(reported.place));
        if (!lesson.lastEvents.empty())
            out += "The last events before it:\n";
        for (const std::string &event : lesson.lastEvents)
            fmt::format_to(into, "{}\n", escaped(event));
        out += "</failure>\n    </testcase>\n";
    }
    out += "  </testsuite>\n";
}

} // namespace

std::string junitReport(const std::vector<LessonResult> &results)
{
    std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
    for (const LessonResult &lesson : results)
        appendSuite(out, lesson);
    return out + "</testsuites>\n";
}

} // namespace queuelab::lessons
