#pragma once

#include "engine/core/files.h"

#include <cstdint>
#include <optional>
#include <string>

namespace queuelab::log {

/// What a voter must not forget: the newest epoch it has heard of, and whom it voted for in it.
struct ElectionState {
    std::int32_t epoch = 0;
    std::int32_t leader = -1; ///< -1: not known
    std::int32_t votedFor = -1; ///< -1: nobody
    friend bool operator==(const ElectionState &, const ElectionState &) = default;
};

/// The file `quorum-state`, JSON of data version 1 as Kafka's FileQuorumStateStore writes it:
/// {"leaderId":-1,"leaderEpoch":2,"votedId":1,"votedDirectoryId":"AAAAAAAAAAAAAAAAAAAAAA",
/// "data_version":1}, on one line. Directory ids are not used.
Result<void, Error> writeElectionState(
    Files &files, const std::string &path, const ElectionState &state);
/// Nothing when there is no such file. Reads version 0 too. A file that does not say all of it is
/// an Error: who guesses might vote twice.
Result<std::optional<ElectionState>, Error> readElectionState(
    Files &files, const std::string &path);

} // namespace queuelab::log
