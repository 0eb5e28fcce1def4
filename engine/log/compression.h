#pragma once

#include "engine/core/bytes.h"
#include "engine/core/result.h"
#include "engine/log/types.h"

#include <cstddef>
#include <cstdint>

namespace queuelab::log {

/// The codecs of record batches, framed as Kafka's Java client frames them (facts: kafka.md 1.1):
/// gzip is RFC 1952, snappy the Xerial stream of blocks of 32 KiB, lz4 a frame of independent
/// blocks of 64 KiB, zstd a frame. Each at Kafka's default level.

/// A batch that unpacks to more is taken for a decompression bomb: a MiB of zstd can claim to be
/// many GiB. Kafka streams and has no bound.
inline constexpr std::size_t kMaxDecompressedBytes = std::size_t{128} << 20;

enum class CompressionFault : std::uint8_t {
    Corrupt, ///< not what the codec writes, or cut off
    TooLarge, ///< more than the bound comes out
};

/// Appends `bytes`, compressed, to `out`.
void compress(CompressionType type, ByteView bytes, Bytes &out);
/// Appends what was compressed to `out`, which may have grown by a part of it on a fault. Reads raw
/// snappy too, which librdkafka writes, and several gzip members or frames one after the other.
Result<void, CompressionFault> decompress(CompressionType type, ByteView bytes, Bytes &out,
    std::size_t mostBytes = kMaxDecompressedBytes);

} // namespace queuelab::log
