#pragma once

#include "engine/core/files.h"

#include <cstdint>
#include <string>

namespace queuelab::log {

struct InspectOptions {
    bool records = false; ///< also each record: offset, timestamp, key, payload, headers
    std::uint64_t maxBatches = UINT64_MAX; ///< stop after so many batches of a segment
};

/// Decodes a partition's directory, or a broker's with all below it, or one file: `.log`, `.index`,
/// `.timeindex`, `.txnindex`, `.snapshot`, `leader-epoch-checkpoint` and the other checkpoints,
/// `partition.metadata`, `meta.properties`, `quorum-state`. Lines of text, in the words of Kafka's
/// kafka-dump-log: baseOffset, lastOffset, count, position, CreateTime, size, magic, compresscodec,
/// crc, isvalid. Indexes are checked against the `.log` beside them. What is damaged is told with
/// file and position, as lines that begin with "damaged:"; it never stops the program. An Error
/// only when `path` cannot be read or is none of these. Nothing is written.
Result<std::string, Error> inspect(
    Files &files, const std::string &path, const InspectOptions &options = {});

} // namespace queuelab::log
