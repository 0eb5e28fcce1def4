#pragma once

#include "engine/core/result.h"
#include "engine/log/log_config.h"
#include "engine/log/record_batch.h"
#include "engine/log/types.h"

#include <cstdint>

namespace queuelab::log {

/// Who made a batch: only the broker itself may append control batches.
enum class AppendOrigin : std::uint8_t { Client, Broker };

/// Kafka's code for a batch that is not sound.
ErrorCode errorFor(BatchFault fault);

/// A produced batch as the leader stores it, but for its offset and leader epoch.
struct ValidBatch {
    BatchHeader header;
    ByteView
        records; ///< what follows the header: the producer's own bytes, or those in `recompressed`
    Bytes recompressed{}; ///< with a compression.type that the producer did not use
};

/// A leader's checks of one produced batch, in the order of Kafka's LogValidator (facts: kafka.md
/// 1.4), and what the topic's settings change in it: with LogAppendTime it is stamped `nowMs`, with
/// another compression.type its records are compressed anew. Either gives it a new CRC.
///
/// The records themselves are walked (as many as the header says, whole, numbered in order, none
/// too old or too new) when the batch is compressed, is to be compressed anew,
/// message.timestamp.before.max.ms is set, or the topic is compacted: then each must have a key.
/// Kafka walks those of every batch; for plain ones of 100 bytes that took a fifth of the whole
/// append.
Result<ValidBatch, ErrorCode> validateBatch(
    ByteView batch, const LogConfig &config, std::int64_t nowMs, AppendOrigin origin);

} // namespace queuelab::log
