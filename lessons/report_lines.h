#pragma once

#include "lessons/runner.h"

#include <chrono>
#include <string>
#include <vector>

namespace queuelab::lessons {

/// One thing of a lesson that holds or does not: an expectation, a refused command, a live part
/// that could not run, or, where a step has none of these, the step itself. What JUnit calls a test
/// case and TAP a test point.
struct ReportCase {
    std::string name; ///< "step 2: group billing {idle-members}"
    bool holds = true;
    std::string place; ///< file:line:column; may be empty
    /// What was expected, what was seen and when; empty when it holds.
    std::vector<std::string> details;
};
std::vector<ReportCase> reportCases(const LessonResult &result);

/// "step 2, The seventh consumer"
std::string stepName(const StepResult &step);
/// "480,913 records/s", "10.03 s", "0.97"
std::string measurementText(const Measurement &measurement);

inline double secondsOf(Duration duration)
{
    return std::chrono::duration<double>(duration).count();
}

std::string textReport(const std::vector<LessonResult> &results, bool colour);
std::string jsonReport(const std::vector<LessonResult> &results);
std::string junitReport(const std::vector<LessonResult> &results);
std::string tapReport(const std::vector<LessonResult> &results);

} // namespace queuelab::lessons
