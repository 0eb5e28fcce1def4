#include "engine/core/crc32c.h"

#include <array>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace queuelab {
namespace {

// Everything below is arithmetic with polynomials over GF(2) modulo Castagnoli's. They are kept
// bit-reflected, as the CRC itself is: in a 32-bit value, bit i is the coefficient of x^(31-i), so
// that x^0 is the highest bit.
constexpr std::uint32_t kPolynomial = 0x82F63B78;
constexpr std::uint32_t kOne = 0x80000000;

constexpr std::uint32_t timesX(std::uint32_t a)
{
    return (a >> 1) ^ ((a & 1) != 0 ? kPolynomial : 0);
}

constexpr std::array<std::array<std::uint32_t, 256>, 8> makeTables()
{
    std::array<std::array<std::uint32_t, 256>, 8> tables{};
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
        std::uint32_t crc = byte;
        for (int bit = 0; bit < 8; ++bit)
            crc = timesX(crc);
        tables[0][byte] = crc;
    }
    // tables[n][b]: byte b followed by n zero bytes.
    for (std::size_t n = 1; n < 8; ++n) {
        for (std::size_t byte = 0; byte < 256; ++byte) {
            const std::uint32_t before = tables[n - 1][byte];
            tables[n][byte] = (before >> 8) ^ tables[0][before & 0xff];
        }
    }
    return tables;
}
constexpr auto kTables = makeTables();

// The functions below work on the raw register: inverted on the way in and out by crc32c().
using Update = std::uint32_t (*)(std::uint32_t state, const std::uint8_t *data, std::size_t size);

std::uint32_t updatePortable(std::uint32_t state, const std::uint8_t *data, std::size_t size)
{
    for (; size >= 8; data += 8, size -= 8) { // slicing by 8: eight independent look-ups a step
        const std::uint32_t first = state
            ^ (std::uint32_t{data[0]} | std::uint32_t{data[1]} << 8 | std::uint32_t{data[2]} << 16
                | std::uint32_t{data[3]} << 24);
        state = kTables[7][first & 0xff] ^ kTables[6][(first >> 8) & 0xff]
            ^ kTables[5][(first >> 16) & 0xff] ^ kTables[4][first >> 24] ^ kTables[3][data[4]]
            ^ kTables[2][data[5]] ^ kTables[1][data[6]] ^ kTables[0][data[7]];
    }
    for (; size > 0; ++data, --size)
        state = (state >> 8) ^ kTables[0][(state ^ *data) & 0xff];
    return state;
}

#if defined(__x86_64__)

constexpr std::uint32_t multiply(std::uint32_t a, std::uint32_t b)
{
    std::uint32_t product = 0;
    for (std::uint32_t bit = kOne; bit != 0; bit >>= 1, b = timesX(b)) {
        if ((a & bit) != 0)
            product ^= b;
    }
    return product;
}

constexpr std::uint32_t powerOfX(std::uint64_t exponent)
{
    std::uint32_t result = kOne;
    for (std::uint32_t square = kOne >> 1; exponent != 0;
        exponent >>= 1, square = multiply(square, square)) {
        if ((exponent & 1) != 0)
            result = multiply(result, square);
    }
    return result;
}

inline std::uint64_t loadWord(const std::uint8_t *at)
{
    std::uint64_t word;
    std::memcpy(&word, at, sizeof word);
    return word;
}

/// The register after kBytes zero bytes. The carry-less product of two reflected 32-bit
/// polynomials, read as a reflected 64-bit one, carries an extra x, and crc32 over it multiplies by
/// x^32: so the constant is x^(bits - 33).
template <std::size_t kBytes>
__attribute__((target("sse4.2,pclmul"))) inline std::uint32_t skip(std::uint32_t state)
{
    static constexpr std::uint32_t kFactor = powerOfX(kBytes * 8 - 33);
    const __m128i product = _mm_clmulepi64_si128(_mm_cvtsi32_si128(static_cast<int>(state)),
        _mm_cvtsi32_si128(static_cast<int>(kFactor)), 0);
    return static_cast<std::uint32_t>(
        _mm_crc32_u64(0, static_cast<std::uint64_t>(_mm_cvtsi128_si64(product))));
}

/// One crc32 instruction takes three cycles but one can start every cycle, so three stretches of
/// the data run side by side and are joined at their ends.
template <std::size_t kStretch>
__attribute__((target("sse4.2,pclmul"))) inline std::uint32_t threeStretches(
    std::uint32_t state, const std::uint8_t *&data, std::size_t &size)
{
    for (; size >= 3 * kStretch; data += 3 * kStretch, size -= 3 * kStretch) {
        std::uint64_t first = state;
        std::uint64_t second = 0;
        std::uint64_t third = 0;
        for (std::size_t at = 0; at < kStretch; at += 8) {
            first = _mm_crc32_u64(first, loadWord(data + at));
            second = _mm_crc32_u64(second, loadWord(data + kStretch + at));
            third = _mm_crc32_u64(third, loadWord(data + 2 * kStretch + at));
        }
        state = skip<2 * kStretch>(static_cast<std::uint32_t>(first))
            ^ skip<kStretch>(static_cast<std::uint32_t>(second))
            ^ static_cast<std::uint32_t>(third);
    }
    return state;
}

__attribute__((target("sse4.2,pclmul"))) std::uint32_t updateSse42(
    std::uint32_t state, const std::uint8_t *data, std::size_t size)
{
    state = threeStretches<1024>(state, data, size);
    state = threeStretches<64>(state, data, size);
    std::uint64_t wide = state;
    for (; size >= 8; data += 8, size -= 8)
        wide = _mm_crc32_u64(wide, loadWord(data));
    state = static_cast<std::uint32_t>(wide);
    for (; size > 0; ++data, --size)
        state = _mm_crc32_u8(state, *data);
    return state;
}

__attribute__((target("avx512f"))) inline __m512i loadVector(const std::uint8_t *at)
{
    return _mm512_loadu_si512(at);
}

/// Moves each of the four 128-bit lanes `kBits` further from the end: lane * x^kBits, not fully
/// reduced. A lane is low * x^64 + high, and a product of two reflected 64-bit polynomials, read as
/// a reflected 128-bit one, carries an extra x: so the constants are x^(kBits + 63) and x^(kBits -
/// 1).
template <std::size_t kBits>
__attribute__((target("avx512f,vpclmulqdq"))) inline __m512i fold(__m512i lanes, __m512i next)
{
    static constexpr auto kLow = static_cast<long long>(std::uint64_t{powerOfX(kBits + 63)} << 32);
    static constexpr auto kHigh = static_cast<long long>(std::uint64_t{powerOfX(kBits - 1)} << 32);
    const __m512i factors = _mm512_set_epi64(kHigh, kLow, kHigh, kLow, kHigh, kLow, kHigh, kLow);
    const __m512i low = _mm512_clmulepi64_epi128(lanes, factors, 0x00);
    const __m512i high = _mm512_clmulepi64_epi128(lanes, factors, 0x11);
    return _mm512_ternarylogic_epi64(low, high, next, 0x96); // the exclusive or of all three
}

/// Folds 256 bytes a step into four vectors, those into one, and lets crc32 reduce the 64 bytes
/// that are left: they are congruent to all that was folded into them.
__attribute__((target("avx512f,vpclmulqdq,sse4.2,pclmul"))) std::uint32_t updateAvx512(
    std::uint32_t state, const std::uint8_t *data, std::size_t size)
{
    constexpr std::size_t kVector = 64;
    if (size < 4 * kVector)
        return updateSse42(state, data, size);
    __m512i a = _mm512_xor_si512(
        loadVector(data), _mm512_zextsi128_si512(_mm_cvtsi32_si128(static_cast<int>(state))));
    __m512i b = loadVector(data + kVector);
    __m512i c = loadVector(data + 2 * kVector);
    __m512i d = loadVector(data + 3 * kVector);
    data += 4 * kVector;
    size -= 4 * kVector;
    for (; size >= 4 * kVector; data += 4 * kVector, size -= 4 * kVector) {
        a = fold<4 * kVector * 8>(a, loadVector(data));
        b = fold<4 * kVector * 8>(b, loadVector(data + kVector));
        c = fold<4 * kVector * 8>(c, loadVector(data + 2 * kVector));
        d = fold<4 * kVector * 8>(d, loadVector(data + 3 * kVector));
    }
    a = fold<kVector * 8>(a, b);
    a = fold<kVector * 8>(a, c);
    a = fold<kVector * 8>(a, d);
    for (; size >= kVector; data += kVector, size -= kVector)
        a = fold<kVector * 8>(a, loadVector(data));
    std::uint8_t rest[kVector];
    _mm512_storeu_si512(rest, a);
    return updateSse42(updateSse42(0, rest, kVector), data, size);
}

Update chooseUpdate()
{
    __builtin_cpu_init();
    const bool sse42 = __builtin_cpu_supports("sse4.2") && __builtin_cpu_supports("pclmul");
    if (sse42 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("vpclmulqdq"))
        return updateAvx512;
    return sse42 ? updateSse42 : updatePortable;
}

#else

Update chooseUpdate()
{
    return updatePortable;
}

#endif

} // namespace

std::uint32_t crc32c(ByteView bytes, std::uint32_t seed)
{
    static const Update update = chooseUpdate();
    return ~update(~seed, bytes.data(), bytes.size());
}

std::uint32_t crc32cPortable(ByteView bytes, std::uint32_t seed)
{
    return ~updatePortable(~seed, bytes.data(), bytes.size());
}

} // namespace queuelab
