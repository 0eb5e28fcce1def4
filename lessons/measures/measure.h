#pragma once

#include "engine/core/result.h"
#include "lessons/expectation.h"

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::lessons {

/// A setting of a measurement: a whole number from `low` to `high`, or one of `choices`.
struct MeasureSetting {
    std::string name;
    std::string help;
    std::int64_t initial = 0; ///< of one with choices: its place among them
    std::int64_t low = 0;
    std::int64_t high = 0;
    std::vector<std::string> choices = {};
};
/// Every setting of a measurement by name; of one with choices its place among them.
using MeasureSettings = std::map<std::string, std::int64_t, std::less<>>;

/// Tells how far a measurement is, and asks whether to go on.
struct MeasureWatch {
    std::function<void(double)> progress = {}; ///< 0..1; may be empty
    const std::atomic<bool> *cancel = nullptr; ///< may be nullptr

    bool cancelled() const { return cancel != nullptr && cancel->load(std::memory_order_relaxed); }
};

/// A small measurement of this machine by the wall clock, a few seconds long: what it compares,
/// what can be set, and the figures it gives. It measures what it compares in turn, several times,
/// and gives medians; so that what else the machine does meets both alike.
struct Measure {
    std::string name; ///< "page-cache"
    std::string help;
    std::vector<MeasureSetting> settings;
    std::vector<ExpectationField> figures; ///< all that run() gives, in this order
    /// `directory` is empty, its own, on a disk where there is one. An Error when it cannot
    /// measure here, or was cancelled before the first round was whole.
    std::function<Result<std::vector<Measurement>, Error>(
        const MeasureSettings &settings, const std::string &directory, const MeasureWatch &watch)>
        run;
};

/// All measurements, in the order of the reference.
const std::vector<Measure> &allMeasures();
/// nullptr: no measurement is called that.
const Measure *findMeasure(std::string_view name);

// One a file.
Measure appendOrTrack();
Measure diskWrites();
Measure pageCache();
Measure zeroCopy();
Measure partitionThroughput();
Measure recordRate();
Measure partitionCosts();
Measure transactionCost();

} // namespace queuelab::lessons
