#pragma once

#include "lessons/runner.h"

#include <string>
#include <vector>

namespace queuelab::lessons {

enum class ReportFormat : std::uint8_t { Text, Json, Junit, Tap };
std::optional<ReportFormat> reportFormatByName(std::string_view name);

/// The results of a run in one of the formats. `colour` only matters for Text.
std::string report(
    const std::vector<LessonResult> &results, ReportFormat format, bool colour = false);

} // namespace queuelab::lessons
