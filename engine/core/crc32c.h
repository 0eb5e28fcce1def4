#pragma once

#include "engine/core/bytes.h"

#include <cstdint>

namespace queuelab {

/// CRC-32C (Castagnoli), as Kafka's record batches carry it: crc32c("123456789") is 0xe3069283.
/// `seed` continues an earlier result, so crc32c(b, crc32c(a)) is the CRC of a followed by b. Uses
/// the processor's instructions where it has them (chosen at run time), a table otherwise; both
/// give the same value.
std::uint32_t crc32c(ByteView bytes, std::uint32_t seed = 0);

/// The portable implementation, for the test that compares the two.
std::uint32_t crc32cPortable(ByteView bytes, std::uint32_t seed = 0);

} // namespace queuelab
