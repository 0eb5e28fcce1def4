#pragma once

#include "engine/core/result.h"
#include "engine/log/requests.h"
#include "engine/log/snapshot.h"

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

namespace queuelab::log {

// Moving a group's committed offsets by hand, as `kafka-consumer-groups --reset-offsets` does: ask
// for the ends of the partitions (resetQuestions), and commit what resetOffsets() makes of the
// answers. Pure functions; who asks and commits is the caller.

struct ToEarliest { };
struct ToLatest { };
/// The first record with this timestamp or a later one; the end when there is none.
struct ToTime {
    std::int64_t timestampMs = 0;
};
/// From what is committed; back when negative.
struct ByShift {
    std::int64_t records = 0;
};
struct ToOffset {
    std::int64_t offset = 0;
};
using ResetTarget = std::variant<ToEarliest, ToLatest, ToTime, ByShift, ToOffset>;

/// Whether the group may be reset: nobody must be a member of it, whose next commit would undo the
/// reset. The Error has Kafka's words.
Result<void, Error> resettable(const std::string &group, GroupState state);

/// What to ask for each partition before a reset.
struct ResetQuestions {
    ListOffsetsRequest earliest;
    ListOffsetsRequest latest;
    ListOffsetsRequest byTime; ///< only for ToTime; else it asks for nothing
};
ResetQuestions resetQuestions(
    const std::vector<TopicPartition> &partitions, const ResetTarget &target);

struct ResetAnswers {
    ListOffsetsResponse earliest;
    ListOffsetsResponse latest;
    ListOffsetsResponse byTime; ///< empty but for ToTime
};

/// One partition that is reset.
struct OffsetMove {
    TopicPartition partition;
    std::int64_t from = -1; ///< what was committed; -1 nothing
    std::int64_t to = 0;
    friend bool operator==(const OffsetMove &, const OffsetMove &) = default;
};
struct ResetPlan {
    OffsetCommitRequest request; ///< a simple commit
    std::vector<OffsetMove> moves{}; ///< one for each partition of the request
    std::vector<std::string> warnings{}; ///< what was asked for and could not be had; Kafka's words
};

/// The commit that resets `partitions` of an empty group: each offset lies in [log start, high
/// watermark]. An Error, and nothing is reset, when an end is not known or there is nothing
/// committed to shift from. `committed` is the answer to an OffsetFetch.
Result<ResetPlan, Error> resetOffsets(const std::string &group,
    const std::vector<TopicPartition> &partitions, const ResetTarget &target,
    const OffsetFetchResponse &committed, const ResetAnswers &answers);

} // namespace queuelab::log
