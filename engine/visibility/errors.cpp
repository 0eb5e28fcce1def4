#include "engine/visibility/errors.h"

#include <fmt/format.h>

namespace queuelab::visibility {

std::string_view errorCode(ErrorKind kind)
{
    switch (kind) {
    case ErrorKind::QueueDoesNotExist:
        return "QueueDoesNotExist";
    case ErrorKind::QueueNameExists:
        return "QueueNameExists";
    case ErrorKind::InvalidAttributeName:
        return "InvalidAttributeName";
    case ErrorKind::InvalidAttributeValue:
        return "InvalidAttributeValue";
    case ErrorKind::InvalidParameterValue:
        return "InvalidParameterValueException";
    case ErrorKind::MissingParameter:
        return "MissingRequiredParameterException";
    case ErrorKind::InvalidMessageContents:
        return "InvalidMessageContents";
    case ErrorKind::ReceiptHandleIsInvalid:
        return "ReceiptHandleIsInvalid";
    case ErrorKind::MessageNotInflight:
        return "MessageNotInflight";
    case ErrorKind::OverLimit:
        return "OverLimit";
    case ErrorKind::TooManyEntriesInBatchRequest:
        return "TooManyEntriesInBatchRequest";
    case ErrorKind::EmptyBatchRequest:
        return "EmptyBatchRequest";
    case ErrorKind::BatchEntryIdsNotDistinct:
        return "BatchEntryIdsNotDistinct";
    case ErrorKind::InvalidBatchEntryId:
        return "InvalidBatchEntryId";
    case ErrorKind::BatchRequestTooLong:
        return "BatchRequestTooLong";
    case ErrorKind::UnsupportedOperation:
        return "UnsupportedOperation";
    }
    invariantBroken("every SQS error kind has a code");
}

std::uint16_t errorStatus(ErrorKind kind)
{
    switch (kind) {
    case ErrorKind::ReceiptHandleIsInvalid:
        return 404;
    case ErrorKind::OverLimit:
        return 403;
    default:
        return 400;
    }
}

SqsError queueDoesNotExist()
{
    return {ErrorKind::QueueDoesNotExist, "The specified queue does not exist."};
}

SqsError missingParameter(std::string_view parameter)
{
    return {ErrorKind::MissingParameter,
        fmt::format("The request must contain the parameter {}.", parameter)};
}

SqsError invalidParameter(
    std::string_view value, std::string_view parameter, std::string_view reason)
{
    return {ErrorKind::InvalidParameterValue,
        fmt::format("Value {} for parameter {} is invalid. Reason: {}", value, parameter, reason)};
}

SqsError outOfRange(
    std::int64_t value, std::string_view parameter, std::int64_t low, std::int64_t high)
{
    return invalidParameter(fmt::to_string(value), parameter,
        fmt::format("Must be >= {} and <= {}, if provided.", low, high));
}

SqsError invalidReceiptHandle(std::string_view handle)
{
    return {ErrorKind::ReceiptHandleIsInvalid,
        fmt::format("The input receipt handle \"{}\" is not a valid receipt handle.", handle)};
}

} // namespace queuelab::visibility
