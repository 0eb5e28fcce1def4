#pragma once

#include "engine/core/trace.h"
#include "engine/world/snapshot.h"
#include "lessons/lesson.h"

#include <map>
#include <string>
#include <vector>

namespace queuelab::lessons {

/// What a measurement gave, for `measured` expectations and reports.
struct Measurement {
    std::string name; ///< "records-per-second"
    double value = 0;
    std::string unit;
};

/// What an expectation may look at.
struct Evidence {
    const world::Snapshot &snapshot;
    const Trace &trace;
    std::vector<Measurement> measurements;
    Instant since{}; ///< when the step began
};

struct CheckResult {
    std::string field;
    std::string expected;
    std::string seen;
    bool holds = false;
};
struct ExpectationResult {
    std::string subject; ///< "group billing"
    std::string place; ///< file:line:column
    Duration at{}; ///< virtual time of the check
    std::vector<CheckResult> checks;
    bool holds() const;
    /// "group billing: state is Stable; idle-members: expected 1, seen 0"
    std::string text() const;
};

ExpectationResult evaluate(const Expectation &expectation, const Evidence &evidence);

/// What a field holds, and so what it may be compared with.
enum class FieldType : std::uint8_t { Number, Truth, Text, Time, List };
std::string_view fieldTypeName(FieldType type);

/// The fields of each kind, for refusing unknown ones with the nearest valid name, and for the
/// reference.
struct ExpectationField {
    std::string name;
    std::string help;
    FieldType type = FieldType::Number;
    std::vector<std::string> choices = {}; ///< of a text, when it can only be one of these
};
struct ExpectationKind {
    std::string name; ///< "group"
    std::string engine; ///< "kafka", "rabbitmq", "sqs", "" for all
    std::string nameHelp; ///< what stands behind the kind: "GROUP"; empty when nothing does
    std::string help;
    std::vector<ExpectationField> fields = {};
};
const std::vector<ExpectationKind> &expectationKinds();

} // namespace queuelab::lessons
