#pragma once

#include "engine/core/files.h"
#include "engine/core/result.h"
#include "engine/log/partition_log.h"

#include <cstdint>
#include <functional>
#include <string>

namespace queuelab::log {

// What coordinators that keep their state in a partition of an internal topic have in common.

/// Hands over every record below `highWatermark`, oldest first; control records are left out. An
/// Error (with `remedy`) when the log cannot be read or `take` returns false: it does not
/// understand the record.
Result<void, Error> readBack(const PartitionLog &log, std::int64_t highWatermark,
    const Files &files, const std::string &remedy,
    const std::function<bool(const RecordView &)> &take);

/// What a client is told when a write to the internal topic failed (facts: kafka.md 3.2.8).
ErrorCode coordinatorError(ErrorCode appendError);

} // namespace queuelab::log
