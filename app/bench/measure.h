#pragma once

#include "engine/core/result.h"

#include <functional>
#include <span>
#include <string>
#include <vector>

namespace queuelab::bench {

/// One measured figure, with the plain thing it is compared to.
struct Figure {
    std::string name; ///< "append prepared batches"
    double value = 0; ///< median of the runs, in `unit`
    std::string unit; ///< "MB/s"
    std::string baseline; ///< what `ratio` compares with: "write(2) of the same bytes"; empty when
                          ///< with nothing
    double ratio = 0; ///< median over the runs of value / baseline's value of the same round; 0
                      ///< without a baseline
    int runs = 0;
};

/// Middle value; the mean of the two in the middle when their number is even. 0 of nothing.
double median(std::vector<double> values);

/// Runs one contender once and gives its figure.
using Run = std::function<Result<double, Error>()>;
struct Contender {
    std::string name;
    std::string unit;
    Run run;
    /// Which contender it is compared with; its own place in the list for none.
    std::size_t baseline = 0;
};

/// Runs all contenders once a round, one after another, after one round that does not count: what
/// the machine does meanwhile meets all of them alike, and each ratio is taken within a round.
Result<std::vector<Figure>, Error> measureInterleaved(
    std::span<const Contender> contenders, int rounds);

} // namespace queuelab::bench
