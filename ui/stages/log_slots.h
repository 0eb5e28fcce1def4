#pragma once

#include "engine/world/snapshot.h"

#include <cstddef>
#include <vector>

namespace queuelab::ui {

/// One place in a lane: a record, a transaction's marker, or a stretch of offsets without records.
struct Slot {
    enum class Kind : std::uint8_t {
        Record,
        Tombstone,
        Commit,
        Abort,
        Control, ///< any other record that is not an application's
        Gap, ///< compaction has removed what was here
    };
    std::int64_t offset = 0;
    std::int64_t next = 0; ///< after it: a gap has several offsets
    Kind kind = Kind::Record;
    world::TransactionFate fate = world::TransactionFate::None;
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    friend bool operator==(const Slot &, const Slot &) = default;
};

/// The newest `most` places of a partition up to its log end offset, oldest first. Where `tail`
/// (may be nullptr) says nothing, every offset is taken for a record.
std::vector<Slot> newestSlots(
    const log::PartitionSnapshot &partition, const world::LogTailSnapshot *tail, std::size_t most);

} // namespace queuelab::ui
