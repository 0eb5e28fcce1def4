#include "engine/log/offset_reset.h"

#include "engine/core/overloaded.h"

#include <algorithm>
#include <limits>
#include <optional>

namespace queuelab::log {

namespace {

ListOffsetsRequest askAll(const std::vector<TopicPartition> &partitions, std::int64_t timestamp)
{
    ListOffsetsRequest request;
    request.partitions.reserve(partitions.size());
    for (const TopicPartition &partition : partitions)
        request.partitions.push_back({partition, timestamp});
    return request;
}

/// Nothing when it was not answered, or with an error; -1 when there is no such record.
std::optional<std::int64_t> offsetIn(
    const ListOffsetsResponse &response, const TopicPartition &partition)
{
    const auto found = std::ranges::find(
        response.partitions, partition, &ListOffsetsResponse::Partition::partition);
    if (found == response.partitions.end() || found->error != ErrorCode::None)
        return std::nullopt;
    return found->offset;
}

std::int64_t committedIn(const OffsetFetchResponse &response, const TopicPartition &partition)
{
    const auto found = std::ranges::find(
        response.partitions, partition, &OffsetFetchResponse::Partition::partition);
    return found == response.partitions.end() ? -1 : found->committedOffset;
}

/// Offsets are never negative, so only the upper end can be left.
std::int64_t shifted(std::int64_t offset, std::int64_t records)
{
    const std::int64_t room = std::numeric_limits<std::int64_t>::max() - offset;
    return records > room ? std::numeric_limits<std::int64_t>::max() : offset + records;
}

std::string outOfRange(std::int64_t offset, std::string_view which, std::string_view end,
    const TopicPartition &partition, std::int64_t instead)
{
    return "New offset (" + std::to_string(offset) + ") is " + std::string(which) + " than "
        + std::string(end) + " offset for topic partition " + partition.name()
        + ". Value will be set to " + std::to_string(instead);
}

} // namespace

Result<void, Error> resettable(const std::string &group, GroupState state)
{
    if (state == GroupState::Empty || state == GroupState::Dead)
        return {};
    return std::unexpected(Error{"group " + group,
        "Assignments can only be reset if the group '" + group
            + "' is inactive, but the current state is " + std::string(groupStateName(state)) + ".",
        "stop its consumers first, and wait for their sessions to end"});
}

ResetQuestions resetQuestions(
    const std::vector<TopicPartition> &partitions, const ResetTarget &target)
{
    ResetQuestions questions{askAll(partitions, ListOffsetsRequest::kEarliest),
        askAll(partitions, ListOffsetsRequest::kLatest), {}};
    if (const auto *time = std::get_if<ToTime>(&target))
        questions.byTime = askAll(partitions, time->timestampMs);
    return questions;
}

Result<ResetPlan, Error> resetOffsets(const std::string &group,
    const std::vector<TopicPartition> &partitions, const ResetTarget &target,
    const OffsetFetchResponse &committed, const ResetAnswers &answers)
{
    ResetPlan reset;
    reset.request.group = group;
    const auto refuse = [](const TopicPartition &partition, std::string problem,
                            std::string remedy) {
        return std::unexpected(
            Error{"partition " + partition.name(), std::move(problem), std::move(remedy)});
    };
    for (const TopicPartition &partition : partitions) {
        const auto start = offsetIn(answers.earliest, partition);
        const auto end = offsetIn(answers.latest, partition);
        if (!start || !end) {
            return refuse(partition,
                "Error getting starting or ending offset of topic partition: " + partition.name(),
                "wait until the partition has a leader, or name one that exists");
        }
        const std::int64_t from = committedIn(committed, partition);
        if (std::holds_alternative<ByShift>(target) && from < 0) {
            return refuse(partition,
                "Cannot shift offset for partition " + partition.name()
                    + " since there is no current committed offset",
                "reset it to an offset, a time, or an end");
        }
        if (std::holds_alternative<ToTime>(target) && !offsetIn(answers.byTime, partition)) {
            return refuse(partition,
                "Error getting offset by timestamp of topic partition: " + partition.name(),
                "wait until the partition has a leader, or name one that exists");
        }
        const std::int64_t wanted = std::visit(
            Overloaded{
                [&](const ToEarliest &) { return *start; },
                [&](const ToLatest &) { return *end; },
                [&](const ToTime &) {
                    const std::int64_t found = *offsetIn(answers.byTime, partition);
                    if (found >= 0)
                        return found;
                    reset.warnings.push_back("Partition " + std::to_string(partition.partition)
                        + " from topic " + partition.topic
                        + " is empty. Falling back to latest known offset.");
                    return *end;
                },
                [&](const ByShift &shift) { return shifted(from, shift.records); },
                [&](const ToOffset &to) { return to.offset; },
            },
            target);
        const std::int64_t to = wanted > *end ? *end : std::max(wanted, *start);
        if (to < wanted)
            reset.warnings.push_back(outOfRange(wanted, "higher", "latest", partition, to));
        else if (to > wanted)
            reset.warnings.push_back(outOfRange(wanted, "lower", "earliest", partition, to));
        reset.request.partitions.push_back({partition, to});
        reset.moves.push_back({partition, from, to});
    }
    return reset;
}

} // namespace queuelab::log
