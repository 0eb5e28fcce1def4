#pragma once

#include "engine/world/simulation/history.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

namespace queuelab::world::simulation {

/// What its transaction's marker says of a record.
enum class Decision : std::uint8_t {
    None, ///< it belongs to no transaction
    Committed,
    Aborted,
    Open ///< there is no marker
};
/// A data record as it stands in a log, told from the bytes alone.
struct LoggedRecord {
    std::int64_t offset = 0;
    RecordId id = 0; ///< 0: none of ours
    std::optional<std::string> key{};
    bool isTombstone = false;
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    std::int32_t sequence = -1;
    Decision decision = Decision::None;
    /// Whether a reader of committed transactions gets it.
    bool isVisible() const { return decision == Decision::None || decision == Decision::Committed; }
};
struct LogContent {
    std::vector<LoggedRecord> records; ///< by offset; without control records
    /// A batch or marker of a producer that stands behind one of a later epoch of it: its offset.
    std::optional<std::int64_t> epochWentBack{};

    /// Records in [first, last], all or only those that are visible.
    std::int64_t count(std::int64_t first, std::int64_t last, bool visibleOnly) const;
};

using Logs = std::map<log::TopicPartition, LogContent>;

/// Of each of the scenario's partitions what its leader's log holds now.
Logs readLogs(const Scenario &scenario, History &history, const World &world);

} // namespace queuelab::world::simulation
