#pragma once

#include "engine/core/result.h"
#include "lessons/measures/measure.h"

#include <functional>
#include <span>
#include <vector>

namespace queuelab::lessons {

/// What one run gave: one figure or several, as many each time.
using Sample = std::vector<double>;
/// One run of one of the things compared.
using OneRun = std::function<Result<Sample, Error>()>;

/// What the contenders gave, round by round: samples[contender][round].
class Rounds {
public:
    explicit Rounds(std::vector<std::vector<Sample>> samples)
        : m_samples(std::move(samples))
    {
    }
    double median(std::size_t contender, std::size_t figure = 0) const;
    /// The median of the quotients of each round: noise that meets a whole round cancels out.
    double ratio(std::size_t dividend, std::size_t divisor, std::size_t figure = 0) const;

private:
    std::vector<std::vector<Sample>> m_samples;
};

/// Runs the contenders one after another, `rounds` times, after one round that does not count. A
/// cancelled measurement gives the rounds that were whole, and is an Error when there was none.
Result<Rounds, Error> takeTurns(
    std::span<const OneRun> contenders, std::int64_t rounds, const MeasureWatch &watch);

/// The middle value; the mean of the two in the middle when their number is even. Not of nothing.
double medianOf(std::vector<double> values);

} // namespace queuelab::lessons
