#pragma once

#include "engine/core/result.h"
#include "engine/visibility/requests.h"

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace queuelab::visibility {

/// The limits of what a message and a batch may hold (facts: sqs.md 2.5).
inline constexpr std::int32_t kMaxDelaySeconds = 900;
inline constexpr std::size_t kMaxBatchEntries = 10;
inline constexpr std::uint64_t kMaxBatchBytes = 1'048'576;

/// Bytes that count against MaximumMessageSize: the body and each attribute's name, data type and
/// value.
std::uint64_t messageSizeBytes(const SendMessage &message);

enum class SentAs : std::uint8_t { Message, BatchEntry };
/// Why the message is refused; nothing when it is fine. The wording of a size fault differs in a
/// batch.
std::optional<SqsError> checkMessage(
    const SendMessage &message, std::int32_t maximumMessageSizeBytes, SentAs sentAs);

/// The faults that refuse a whole batch: no entry, too many, an id's form, the same id twice; in
/// this order. `entryType` is as in "There should be at least one SendMessageBatchRequestEntry in
/// the request."
std::optional<SqsError> checkBatchIds(
    const std::vector<std::string_view> &ids, std::string_view entryType);
/// Of a send batch, after its ids.
std::optional<SqsError> checkBatchSize(const SendMessageBatch &batch);

} // namespace queuelab::visibility
