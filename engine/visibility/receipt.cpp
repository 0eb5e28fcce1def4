#include "engine/visibility/receipt.h"

#include <algorithm>
#include <array>
#include <utility>

namespace queuelab::visibility {
namespace {

constexpr std::size_t kWordDigits = 16;
constexpr std::size_t kWords = 5;
constexpr std::string_view kHexDigits = "0123456789abcdef";

// Handles are written and read for every message, so both go through tables: two digits of each
// byte, and the value of each character (negative when it is no digit).
constexpr auto kDigitsOfByte = [] {
    std::array<std::array<char, 2>, 256> digits{};
    for (std::size_t byte = 0; byte < digits.size(); ++byte)
        digits[byte] = {kHexDigits[byte >> 4], kHexDigits[byte & 0xf]};
    return digits;
}();
constexpr auto kValueOfDigit = [] {
    std::array<std::int8_t, 256> values{};
    values.fill(-1);
    for (std::size_t i = 0; i < kHexDigits.size(); ++i)
        values[static_cast<std::uint8_t>(kHexDigits[i])] = static_cast<std::int8_t>(i);
    return values;
}();

void writeWord(char *at, std::uint64_t word)
{
    for (std::size_t i = 0; i < kWordDigits; i += 2) {
        const auto &digits = kDigitsOfByte[(word >> (4 * (kWordDigits - 2 - i))) & 0xff];
        at[i] = digits[0];
        at[i + 1] = digits[1];
    }
}

std::optional<std::uint64_t> readWord(std::string_view digits)
{
    std::uint64_t word = 0;
    int signs = 0; // negative once any digit was
    for (const char digit : digits) {
        const std::int8_t value = kValueOfDigit[static_cast<std::uint8_t>(digit)];
        signs |= value;
        word = (word << 4) | (static_cast<std::uint64_t>(value) & 0xf);
    }
    if (signs < 0)
        return std::nullopt;
    return word;
}

// The finalizer of splitmix64: every input bit reaches every output bit.
std::uint64_t mix(std::uint64_t value)
{
    value = (value ^ (value >> 30)) * 0xbf58'476d'1ce4'e5b9ULL;
    value = (value ^ (value >> 27)) * 0x94d0'49bb'1331'11ebULL;
    return value ^ (value >> 31);
}

using Words = std::array<std::uint64_t, kWords>;

std::uint64_t checkWord(const Words &words, std::uint64_t queueSecret)
{
    std::uint64_t check = queueSecret;
    for (std::size_t i = 0; i + 1 < kWords; ++i)
        check = mix(check ^ words[i]) + i;
    return check;
}

} // namespace

std::string writeReceiptHandle(const Receipt &receipt, std::uint64_t queueSecret)
{
    Words words{
        (std::uint64_t{receipt.slot} << 32) | static_cast<std::uint32_t>(receipt.receiveCount),
        receipt.number, static_cast<std::uint64_t>(receipt.receivedAt.time_since_epoch().count()),
        receipt.nonce, 0};
    words.back() = checkWord(words, queueSecret);
    std::string handle(kWords * kWordDigits, '0');
    for (std::size_t i = 0; i < kWords; ++i)
        writeWord(handle.data() + i * kWordDigits, words[i]);
    return handle;
}

std::optional<Receipt> readReceiptHandle(std::string_view handle, std::uint64_t queueSecret)
{
    if (handle.size() != kWords * kWordDigits)
        return std::nullopt;
    Words words{};
    for (std::size_t i = 0; i < kWords; ++i) {
        const auto word = readWord(handle.substr(i * kWordDigits, kWordDigits));
        if (!word)
            return std::nullopt;
        words[i] = *word;
    }
    if (words.back() != checkWord(words, queueSecret))
        return std::nullopt;
    return Receipt{.slot = static_cast<Slot>(words[0] >> 32),
        .receiveCount = static_cast<std::int32_t>(words[0] & 0xffff'ffff),
        .number = words[1],
        .receivedAt = Instant(Duration(static_cast<std::int64_t>(words[2]))),
        .nonce = words[3]};
}

std::string messageIdText(const MessageId &id)
{
    // RFC 9562 section 5.4: four bits say "version 4", two say "this variant"; all others are
    // random.
    const std::uint64_t high = (id.high & ~0xf000ULL) | 0x4000ULL;
    const std::uint64_t low = (id.low & ~(3ULL << 62)) | (2ULL << 62);
    std::array<char, 2 * kWordDigits> digits;
    writeWord(digits.data(), high);
    writeWord(digits.data() + kWordDigits, low);
    std::string text(36, '-');
    const auto *from = digits.data();
    for (const auto &[at, size] : {std::pair{0, 8}, {9, 4}, {14, 4}, {19, 4}, {24, 12}}) {
        std::copy_n(from, size, text.begin() + at);
        from += size;
    }
    return text;
}

} // namespace queuelab::visibility
