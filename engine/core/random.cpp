#include "engine/core/random.h"

#include <bit>
#include <cmath>

namespace queuelab {

namespace {

__extension__ using Unsigned128 =
    unsigned __int128; // gcc and clang have it; ISO C++ has no name for it

std::uint64_t splitMix(std::uint64_t &state)
{
    state += 0x9e3779b97f4a7c15ULL;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

/// e^x by halving the argument and a Taylor series: basic arithmetic only, like portableLog().
double portableExp(double x)
{
    int halvings = 0;
    while (x > 0.5 || x < -0.5) {
        x /= 2;
        ++halvings;
    }
    double term = 1;
    double sum = 1;
    for (int i = 1; i < 20; ++i) {
        term = term * x / i;
        sum += term;
    }
    for (; halvings > 0; --halvings)
        sum *= sum;
    return sum;
}

} // namespace

Random::Random(std::uint64_t seed)
    : m_seed(seed)
{
    std::uint64_t state = seed;
    for (std::uint64_t &word : m_state)
        word = splitMix(state);
}

std::uint64_t Random::next()
{
    const std::uint64_t result = std::rotl(m_state[1] * 5, 7) * 9;
    const std::uint64_t shifted = m_state[1] << 17;
    m_state[2] ^= m_state[0];
    m_state[3] ^= m_state[1];
    m_state[1] ^= m_state[2];
    m_state[0] ^= m_state[3];
    m_state[2] ^= shifted;
    m_state[3] = std::rotl(m_state[3], 45);
    return result;
}

std::uint64_t Random::below(std::uint64_t bound)
{
    // Lemire's multiplication; the rejected sliver keeps it unbiased.
    auto product = static_cast<Unsigned128>(next()) * bound;
    if (static_cast<std::uint64_t>(product) < bound) {
        const std::uint64_t threshold = -bound % bound;
        while (static_cast<std::uint64_t>(product) < threshold)
            product = static_cast<Unsigned128>(next()) * bound;
    }
    return static_cast<std::uint64_t>(product >> 64);
}

std::int64_t Random::between(std::int64_t low, std::int64_t high)
{
    const std::uint64_t span =
        static_cast<std::uint64_t>(high) - static_cast<std::uint64_t>(low) + 1;
    const std::uint64_t drawn = span == 0 ? next() : below(span);
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(low) + drawn);
}

double Random::unit()
{
    return static_cast<double>(next() >> 11) * 0x1.0p-53;
}

bool Random::chance(double probability)
{
    return probability > 0 && unit() < probability;
}

Duration Random::exponential(Duration mean)
{
    const double drawn = -portableLog(1.0 - unit()) * static_cast<double>(mean.count());
    return Duration(static_cast<std::int64_t>(drawn));
}

Random Random::stream(std::string_view name) const
{
    std::uint64_t hash = 0xcbf29ce484222325ULL ^ m_seed; // FNV-1a over the name, from the seed
    for (const char c : name) {
        hash ^= static_cast<unsigned char>(c);
        hash *= 0x100000001b3ULL;
    }
    return Random(splitMix(hash));
}

double portableLog(double x)
{
    // x = m * 2^e with m in [sqrt(1/2), sqrt(2)); ln m = 2 artanh((m - 1) / (m + 1)).
    int exponent = 0;
    double mantissa = std::frexp(x, &exponent); // exact: only moves bits
    if (mantissa < 0.70710678118654752440) {
        mantissa *= 2;
        --exponent;
    }
    const double t = (mantissa - 1) / (mantissa + 1);
    const double square = t * t;
    double power = t;
    double sum = t;
    for (int i = 3; i < 25; i += 2) {
        power *= square;
        sum += power / i;
    }
    constexpr double ln2 = 0.69314718055994530942;
    return 2 * sum + exponent * ln2;
}

// Rejection-inversion after Hörmann and Derflinger, "Rejection-inversion to generate variates from
// monotone discrete distributions" (1996): ranks 1..n, weight(x) = x^-exponent, integral(x) = its
// antiderivative.

Zipf::Zipf(std::uint64_t n, double exponent)
    : m_n(n)
    , m_exponent(exponent)
{
    m_integralX1 = integral(1.5) - 1;
    m_integralN = integral(static_cast<double>(n) + 0.5);
    m_s = 2 - integralInverse(integral(2.5) - weight(2));
}

double Zipf::integral(double x) const
{
    const double logX = portableLog(x);
    const double power = (1 - m_exponent) * logX;
    if (power > -1e-8 && power < 1e-8)
        return logX * (1 + power / 2); // the limit as the exponent nears 1
    return (portableExp(power) - 1) / (1 - m_exponent);
}

double Zipf::integralInverse(double x) const
{
    double t = x * (1 - m_exponent);
    if (t < -1)
        t = -1; // rounding at the edge
    if (t > -1e-8 && t < 1e-8)
        return portableExp(x * (1 - t / 2));
    return portableExp(portableLog(1 + t) / (1 - m_exponent));
}

double Zipf::weight(double x) const
{
    return portableExp(-m_exponent * portableLog(x));
}

std::uint64_t Zipf::draw(Random &random) const
{
    if (m_exponent <= 0)
        return random.below(m_n);
    for (;;) {
        const double u = m_integralN + random.unit() * (m_integralX1 - m_integralN);
        const double x = integralInverse(u);
        const double bounded = x + 0.5;
        std::uint64_t rank = bounded < 1 ? 1 : static_cast<std::uint64_t>(bounded);
        if (rank > m_n)
            rank = m_n;
        const auto k = static_cast<double>(rank);
        if (k - x <= m_s || u >= integral(k + 0.5) - weight(k))
            return rank - 1;
    }
}

} // namespace queuelab
