#include "engine/visibility/content.h"

#include "engine/visibility/errors.h"

#include <algorithm>
#include <string>

#include <fmt/format.h>

namespace queuelab::visibility {
namespace {

constexpr std::size_t kMaxAttributes = 10;
constexpr std::size_t kMaxAttributeNameBytes = 256;
constexpr std::size_t kMaxBatchIdLetters = 80;

bool isAlphanumeric(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// One code point of well-formed UTF-8 at the front of `text`, its length in `size`; nothing when
// malformed.
std::optional<char32_t> decodeUtf8(std::string_view text, std::size_t &size)
{
    const auto byte = [&](std::size_t i) { return static_cast<std::uint8_t>(text[i]); };
    const std::uint8_t lead = byte(0);
    char32_t smallest = 0;
    char32_t value = 0;
    if (lead < 0x80) {
        size = 1;
        return lead;
    }
    if ((lead & 0xe0) == 0xc0) {
        size = 2;
        smallest = 0x80;
        value = lead & 0x1f;
    } else if ((lead & 0xf0) == 0xe0) {
        size = 3;
        smallest = 0x800;
        value = lead & 0x0f;
    } else if ((lead & 0xf8) == 0xf0) {
        size = 4;
        smallest = 0x10000;
        value = lead & 0x07;
    } else {
        return std::nullopt;
    }
    if (text.size() < size)
        return std::nullopt;
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0) != 0x80)
            return std::nullopt;
        value = (value << 6) | (byte(i) & 0x3f);
    }
    if (value < smallest)
        return std::nullopt;
    return value;
}

bool isAllowed(char32_t c)
{
    return c == 0x9 || c == 0xa || c == 0xd || (c >= 0x20 && c <= 0xd7ff)
        || (c >= 0xe000 && c <= 0xfffd) || (c >= 0x10000 && c <= 0x10ffff);
}

bool isAllowedText(std::string_view text)
{
    while (true) {
        // Nearly all text is plain ASCII: pass over it without decoding.
        const auto special =
            std::ranges::find_if_not(text, [](char c) { return c >= 0x20 && c <= 0x7e; });
        text.remove_prefix(static_cast<std::size_t>(special - text.begin()));
        if (text.empty())
            return true;
        std::size_t size = 0;
        const auto c = decodeUtf8(text, size);
        if (!c || !isAllowed(*c))
            return false;
        text.remove_prefix(size);
    }
}

bool startsWithIgnoringCase(std::string_view text, std::string_view lowerCasePrefix)
{
    return text.size() >= lowerCasePrefix.size()
        && std::ranges::equal(
            text.substr(0, lowerCasePrefix.size()), lowerCasePrefix, [](char a, char b) {
                return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b;
            });
}

bool isAttributeName(std::string_view name)
{
    return !name.empty() && name.size() <= kMaxAttributeNameBytes
        && std::ranges::all_of(
            name, [](char c) { return isAlphanumeric(c) || c == '_' || c == '.' || c == '-'; })
        && name.front() != '.' && name.back() != '.' && name.find("..") == std::string_view::npos
        && !startsWithIgnoringCase(name, "aws.") && !startsWithIgnoringCase(name, "amazon.");
}

// "Number.int" is a Number with a label of the application's own.
std::string_view baseType(std::string_view dataType)
{
    return dataType.substr(0, dataType.find('.'));
}

// A decimal number of at most 38 digits: sign, digits with one point, exponent from -128 to 126.
bool isNumber(std::string_view text)
{
    constexpr std::size_t kMaxDigits = 38;
    constexpr int kLowestExponent = -128;
    constexpr int kHighestExponent = 126;
    std::size_t digits = 0;
    bool point = false;
    std::size_t i = !text.empty() && (text[0] == '-' || text[0] == '+') ? 1 : 0;
    for (; i < text.size() && text[i] != 'e' && text[i] != 'E'; ++i) {
        if (text[i] == '.' && !point)
            point = true;
        else if (text[i] >= '0' && text[i] <= '9')
            ++digits;
        else
            return false;
    }
    if (digits == 0 || digits > kMaxDigits)
        return false;
    if (i == text.size())
        return true;
    ++i;
    const bool negative = i < text.size() && text[i] == '-';
    if (i < text.size() && (text[i] == '-' || text[i] == '+'))
        ++i;
    int exponent = 0;
    const std::size_t exponentStart = i;
    for (; i < text.size(); ++i) {
        if (text[i] < '0' || text[i] > '9' || exponent > 1000)
            return false;
        exponent = exponent * 10 + (text[i] - '0');
    }
    if (negative)
        exponent = -exponent;
    return i > exponentStart && exponent >= kLowestExponent && exponent <= kHighestExponent;
}

std::optional<SqsError> checkAttribute(const std::string &name, const MessageAttribute &attribute)
{
    const auto refused = [](std::string text) {
        return SqsError{ErrorKind::InvalidParameterValue, std::move(text)};
    };
    if (!isAttributeName(name))
        return refused(fmt::format("Message (user) attribute name \"{}\" is invalid: 1 to 256 "
                                   "letters, digits, hyphens, underscores and single dots inside, "
                                   "not beginning with AWS. or Amazon.",
            name));
    const std::string_view type = baseType(attribute.dataType);
    if (type != "String" && type != "Number" && type != "Binary")
        return refused(fmt::format("Message (user) attribute '{}' has an invalid type '{}': it "
                                   "must be String, Number or Binary, with an optional label.",
            name, attribute.dataType));
    if (attribute.dataType.size() > kMaxAttributeNameBytes)
        return refused(
            fmt::format("Message (user) attribute '{}' has a type longer than 256 bytes.", name));
    const bool empty =
        type == "Binary" ? attribute.binaryValue.empty() : attribute.stringValue.empty();
    if (empty)
        return refused(fmt::format(
            "Message (user) attribute '{}' must contain a non-empty value of type '{}'.", name,
            attribute.dataType));
    if (type != "Binary" && !isAllowedText(attribute.stringValue))
        return refused(
            fmt::format("Invalid characters found in message (user) attribute '{}'.", name));
    if (type == "Number" && !isNumber(attribute.stringValue))
        return refused(fmt::format(
            "Can't cast the value of message (user) attribute '{}' to a number.", name));
    return std::nullopt;
}

bool isBatchId(std::string_view id)
{
    return !id.empty() && id.size() <= kMaxBatchIdLetters && std::ranges::all_of(id, [](char c) {
        return isAlphanumeric(c) || c == '-' || c == '_';
    });
}

} // namespace

std::uint64_t messageSizeBytes(const SendMessage &message)
{
    std::uint64_t size = message.body.size();
    for (const auto &[name, attribute] : message.attributes) {
        size += name.size() + attribute.dataType.size();
        size += baseType(attribute.dataType) == "Binary" ? attribute.binaryValue.size()
                                                         : attribute.stringValue.size();
    }
    return size;
}

std::optional<SqsError> checkMessage(
    const SendMessage &message, std::int32_t maximumMessageSizeBytes, SentAs sentAs)
{
    if (message.body.empty())
        return missingParameter("MessageBody");
    if (message.delaySeconds
        && (*message.delaySeconds < 0 || *message.delaySeconds > kMaxDelaySeconds))
        return invalidParameter(fmt::to_string(*message.delaySeconds), "DelaySeconds",
            fmt::format("DelaySeconds must be >= 0 and <= {}.", kMaxDelaySeconds));
    if (message.attributes.size() > kMaxAttributes)
        return SqsError{ErrorKind::InvalidParameterValue,
            fmt::format("Number of message attributes [{}] exceeds the allowed maximum [{}].",
                message.attributes.size(), kMaxAttributes)};
    for (const auto &[name, attribute] : message.attributes) {
        if (auto error = checkAttribute(name, attribute))
            return error;
    }
    if (messageSizeBytes(message) > static_cast<std::uint64_t>(maximumMessageSizeBytes))
        return SqsError{ErrorKind::InvalidParameterValue,
            fmt::format("One or more parameters {} Reason: Message must be shorter than {} bytes.",
                sentAs == SentAs::Message ? "are invalid." : "cannot be validated.",
                maximumMessageSizeBytes)};
    if (!isAllowedText(message.body.text()))
        return SqsError{ErrorKind::InvalidMessageContents,
            "Invalid characters found. Valid unicode characters are #x9 | #xA | #xD | #x20 to "
            "#xD7FF | #xE000 to #xFFFD | #x10000 to #x10FFFF."};
    return std::nullopt;
}

std::optional<SqsError> checkBatchIds(
    const std::vector<std::string_view> &ids, std::string_view entryType)
{
    if (ids.empty())
        return SqsError{ErrorKind::EmptyBatchRequest,
            fmt::format("There should be at least one {} in the request.", entryType)};
    if (ids.size() > kMaxBatchEntries)
        return SqsError{ErrorKind::TooManyEntriesInBatchRequest,
            fmt::format("Maximum number of entries per request are {}. You have sent {}.",
                kMaxBatchEntries, ids.size())};
    if (!std::ranges::all_of(ids, isBatchId))
        return SqsError{ErrorKind::InvalidBatchEntryId,
            "A batch entry id can only contain alphanumeric characters, hyphens and underscores. "
            "It can be at most 80 letters long."};
    for (auto id = ids.begin(); id != ids.end(); ++id) {
        if (std::find(ids.begin(), id, *id) != id)
            return SqsError{
                ErrorKind::BatchEntryIdsNotDistinct, fmt::format("Id {} repeated.", *id)};
    }
    return std::nullopt;
}

std::optional<SqsError> checkBatchSize(const SendMessageBatch &batch)
{
    std::uint64_t size = 0;
    for (const SendMessageBatch::Entry &entry : batch.entries)
        size += messageSizeBytes(entry.message);
    if (size <= kMaxBatchBytes)
        return std::nullopt;
    return SqsError{ErrorKind::BatchRequestTooLong,
        fmt::format("Batch requests cannot be longer than {} bytes. You have sent {} bytes.",
            kMaxBatchBytes, size)};
}

} // namespace queuelab::visibility
