#pragma once

namespace queuelab::cli {

/// What a run of the program ended with; CI jobs depend on these numbers.
enum class ExitCode : int {
    AllHold = 0,
    ExpectationFailed = 1, ///< or a claim that is not proved
    BadInput = 2,
    InvariantBroken = 3,
};

} // namespace queuelab::cli
