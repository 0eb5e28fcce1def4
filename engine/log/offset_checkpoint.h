#pragma once

#include "engine/core/files.h"
#include "engine/log/types.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>

namespace queuelab::log {

/// A file with one offset for each partition, in Kafka's format: a version line "0", the number of
/// entries, then lines "topic partition offset": `replication-offset-checkpoint`,
/// `log-start-offset-checkpoint` and `cleaner-offset-checkpoint`.
using CheckpointedOffsets = std::map<TopicPartition, std::int64_t>;

/// Nothing when the file is damaged; no entries when it is not there.
std::optional<CheckpointedOffsets> readOffsetCheckpoint(Files &files, const std::string &path);
Result<void, Error> writeOffsetCheckpoint(
    Files &files, const std::string &path, const CheckpointedOffsets &offsets);

} // namespace queuelab::log
