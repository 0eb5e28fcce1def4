#pragma once

#include "engine/core/time.h"

#include <array>
#include <cstdint>
#include <string_view>

namespace queuelab {

/// xoshiro256**, seeded through splitmix64. Our own, because the sequences of std:: distributions
/// are left open by the standard and libm differs between machines: one seed gives one run
/// everywhere. A value: copying it copies the future.
class Random {
public:
    explicit Random(std::uint64_t seed);

    std::uint64_t next();
    /// Uniform in [0, bound), unbiased. `bound` > 0.
    std::uint64_t below(std::uint64_t bound);
    /// Uniform in [low, high]. `low` <= `high`.
    std::int64_t between(std::int64_t low, std::int64_t high);
    /// Uniform in [0, 1), 53 bits.
    double unit();
    /// True with the given probability in [0, 1].
    bool chance(double probability);
    /// Exponentially distributed with the given mean (arrivals of a Poisson process); at least 0.
    Duration exponential(Duration mean);
    /// An independent stream, decided by this stream's seed and the name only: adding an actor does
    /// not change what the others draw.
    Random stream(std::string_view name) const;

private:
    std::uint64_t m_seed;
    std::array<std::uint64_t, 4> m_state;
};

/// The natural logarithm by series: additions, multiplications and one division, so the same bits
/// on every machine. `x` > 0 and finite.
double portableLog(double x);

/// Draws ranks 0..n-1, rank r with weight 1/(r+1)^exponent: a few keys are hot, most are not.
/// Rejection-inversion, O(1) per draw, no tables. `n` >= 1, `exponent` >= 0 (0 is uniform).
class Zipf {
public:
    Zipf(std::uint64_t n, double exponent);
    std::uint64_t draw(Random &random) const;

private:
    double integral(double x) const;
    double integralInverse(double x) const;
    double weight(double x) const;

    std::uint64_t m_n;
    double m_exponent;
    double m_integralX1 = 0;
    double m_integralN = 0;
    double m_s = 0;
};

} // namespace queuelab
