#include "engine/log/flexible_fields.h"

#include <algorithm>
#include <cstddef>

namespace queuelab::log {

void FlexibleWriter::unsignedVarint(std::uint64_t value)
{
    while (value >= 0x80) {
        m_out.push_back(static_cast<std::uint8_t>(value | 0x80));
        value >>= 7;
    }
    m_out.push_back(static_cast<std::uint8_t>(value));
}

void FlexibleWriter::string(std::string_view text)
{
    arrayLength(text.size());
    bytes(asBytes(text));
}

void FlexibleWriter::integers(const std::vector<std::int32_t> &values)
{
    arrayLength(values.size());
    for (const std::int32_t value : values)
        integer(value);
}

void FlexibleWriter::insertLength(std::size_t at)
{
    const std::size_t end = m_tagged.size();
    FlexibleWriter(m_tagged).unsignedVarint(end - at);
    const auto content = m_tagged.begin() + static_cast<std::ptrdiff_t>(at);
    std::rotate(content, m_tagged.begin() + static_cast<std::ptrdiff_t>(end), m_tagged.end());
}

void FlexibleWriter::endStruct()
{
    unsignedVarint(m_taggedCount);
    bytes(m_tagged);
    m_tagged.clear();
    m_taggedCount = 0;
}

std::uint32_t FlexibleReader::unsignedVarint()
{
    std::uint64_t value = 0;
    for (int shift = 0; shift <= 28; shift += 7) {
        const auto byte = m_bytes.integer<std::uint8_t>();
        value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
        if (byte < 0x80 && value <= UINT32_MAX)
            return static_cast<std::uint32_t>(value);
    }
    m_ok = false;
    return 0;
}

std::optional<std::uint32_t> FlexibleReader::arrayLength()
{
    const std::uint32_t lengthAndOne = unsignedVarint();
    if (lengthAndOne == 0)
        return std::nullopt;
    return lengthAndOne - 1;
}

std::optional<std::string> FlexibleReader::nullableString()
{
    const auto length = arrayLength();
    if (!length)
        return std::nullopt;
    return std::string(asText(bytes(*length)));
}

std::string FlexibleReader::string()
{
    auto text = nullableString();
    m_ok = m_ok && text.has_value();
    return text ? std::move(*text) : std::string();
}

std::vector<std::int32_t> FlexibleReader::integers()
{
    const auto length = arrayLength();
    m_ok = m_ok && length.has_value();
    std::vector<std::int32_t> values;
    for (std::uint32_t i = 0; length && i < *length && ok(); ++i)
        values.push_back(integer<std::int32_t>());
    return values;
}

} // namespace queuelab::log
