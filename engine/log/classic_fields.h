#pragma once

#include "engine/core/bytes.h"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace queuelab::log {

/// A string in the encoding of Kafka's messages and records from before KIP-482: 16 bits of length
/// and UTF-8. At most 32,767 bytes.
inline void putString(ByteWriter &out, std::string_view text)
{
    out.integer(static_cast<std::int16_t>(text.size()));
    out.bytes(asBytes(text));
}

/// Reads it. A null string reads as an empty one; a cut one makes the reader fail.
inline std::string takeString(ByteReader &in)
{
    const auto size = in.integer<std::int16_t>();
    return std::string(asText(in.bytes(static_cast<std::size_t>(std::max<std::int16_t>(size, 0)))));
}

} // namespace queuelab::log
