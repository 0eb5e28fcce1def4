#pragma once

#include "engine/core/result.h"
#include "engine/log/requests.h"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::log {

/// In each partition's directory.
inline constexpr std::string_view kLeaderEpochFile = "leader-epoch-checkpoint";

/// Which leader wrote what: the offsets at which the leader epochs of one log begin, as Kafka keeps
/// them in `leader-epoch-checkpoint` (facts: kafka.md 1.5, 5). Epochs and offsets both go up. A
/// small value: one entry for each leader that wrote something that is still there.
class LeaderEpochs {
public:
    struct Start {
        std::int32_t epoch = 0;
        std::int64_t offset = 0; ///< of the epoch's first record
        friend bool operator==(const Start &, const Start &) = default;
    };

    /// Kafka's text: a line "0" (its version), a line with the number of entries, then for each a
    /// line "<epoch> <start offset>". Else what is wrong with it.
    static Result<LeaderEpochs, std::string> parse(std::string_view text);
    std::string text() const;

    /// -1 when there is none.
    std::int32_t latest() const { return m_starts.empty() ? -1 : m_starts.back().epoch; }
    /// `epoch` begins at `offset`. False, and nothing changed, when it is negative or not newer
    /// than latest(). Epochs that began there or later have written nothing and go.
    bool begin(std::int32_t epoch, std::int64_t offset);
    /// Forgets what begins at or behind the log's new end. Whether there was something.
    bool cutEnd(std::int64_t logEndOffset);
    /// Forgets what ends at or before the log's new start; the epoch of the record there begins
    /// with it. Whether something changed.
    bool cutFront(std::int64_t logStartOffset);

    /// The rule of OffsetForLeaderEpoch: the newest epoch ends with the log; another one, or the
    /// next older one that is known, where the next newer one begins. -1, -1 when no newer one is
    /// known.
    EpochEnd endOf(std::int32_t epoch, std::int64_t logEndOffset) const;
    /// Of the record at `offset`; -1 when that is older than what is known.
    std::int32_t at(std::int64_t offset) const;

    std::span<const Start> starts() const { return m_starts; }
    friend bool operator==(const LeaderEpochs &, const LeaderEpochs &) = default;

private:
    std::vector<Start> m_starts;
};

} // namespace queuelab::log
