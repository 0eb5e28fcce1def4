#pragma once

#include "engine/visibility/requests.h"

#include <cstdint>
#include <string>
#include <string_view>

namespace queuelab::visibility {

// The texts that clients and their tests look at (facts: sqs.md 1.3), each made in one place.

inline std::unexpected<SqsError> refuse(ErrorKind kind, std::string message)
{
    return std::unexpected(SqsError{kind, std::move(message)});
}

SqsError queueDoesNotExist();
SqsError missingParameter(std::string_view parameter);
/// "Value 11 for parameter MaxNumberOfMessages is invalid. Reason: ..."
SqsError invalidParameter(
    std::string_view value, std::string_view parameter, std::string_view reason);
/// The same with "Must be >= low and <= high, if provided."
SqsError outOfRange(
    std::int64_t value, std::string_view parameter, std::int64_t low, std::int64_t high);
/// Of a handle that this queue never gave out.
SqsError invalidReceiptHandle(std::string_view handle);

} // namespace queuelab::visibility
