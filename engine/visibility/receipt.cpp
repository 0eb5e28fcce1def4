#include "engine/visibility/receipt.h"

#include <array>

namespace queuelab::visibility {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::size_t kWordDigits = 16;
constexpr std::size_t kWords = 5;

void writeWord(char *at, std::uint64_t word)
{
    for (std::size_t i = 0; i < kWordDigits; ++i)
        at[i] = kHexDigits[(word >> (4 * (kWordDigits - 1 - i))) & 0xf];
}

std::optional<std::uint64_t> readWord(std::string_view digits)
{
    std::uint64_t word = 0;
    for (const char digit : digits) {
        std::uint64_t value = 0;
        if (digit >= '0' && digit <= '9')
            value = static_cast<std::uint64_t>(digit - '0');
        else if (digit >= 'a' && digit <= 'f')
            value = static_cast<std::uint64_t>(digit - 'a' + 10);
        else
            return std::nullopt;
        word = (word << 4) | value;
    }
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
    std::string text;
    text.reserve(36);
    for (std::size_t i = 0; i < digits.size(); ++i) {
        if (i == 8 || i == 12 || i == 16 || i == 20)
            text += '-';
        text += digits[i];
    }
    return text;
}

} // namespace queuelab::visibility
