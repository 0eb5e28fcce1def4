#pragma once

#include "engine/core/result.h"
#include "engine/visibility/requests.h"
#include "engine/visibility/service.h"

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace queuelab::visibility {

struct RedrivePolicy {
    std::string deadLetterQueue; ///< the name in deadLetterTargetArn
    std::int32_t maxReceiveCount = 1; ///< 1..1000
    friend bool operator==(const RedrivePolicy &, const RedrivePolicy &) = default;
};

/// The settable attributes of a standard queue; defaults and ranges are SQS's (facts: sqs.md 1.4).
struct QueueSettings {
    std::int32_t visibilityTimeoutSeconds = 30; ///< 0..43200
    std::int32_t delaySeconds = 0; ///< 0..900
    std::int32_t receiveMessageWaitTimeSeconds = 0; ///< 0..20
    std::int32_t messageRetentionPeriodSeconds = 345'600; ///< 60..1209600: one minute to 14 days
    std::int32_t maximumMessageSizeBytes = 1'048'576; ///< 1024..1048576
    std::optional<RedrivePolicy> redrive;
    bool sqsManagedSseEnabled = true; ///< kept and shown only: nothing is encrypted here
    friend bool operator==(const QueueSettings &, const QueueSettings &) = default;
};

/// "arn:aws:sqs:us-east-1:000000000000:NAME".
std::string queueArn(const ServiceConfig &config, std::string_view queue);

/// 1 to 80 letters, digits, hyphens and underscores; a name for a FIFO queue (NAME.fifo) is refused
/// as not built yet.
Result<void, SqsError> checkQueueName(std::string_view name);

/// Changes `settings` by what was given, all of it or nothing. `queueExists` is asked about
/// dead-letter targets.
Result<void, SqsError> applyAttributes(QueueSettings &settings,
    const std::map<std::string, std::string> &given, const ServiceConfig &config,
    const std::function<bool(const std::string &)> &queueExists);

/// The first given attribute whose value is not the queue's: why CreateQueue on an existing name is
/// refused. Values that are themselves invalid are the Error.
Result<std::optional<std::string>, SqsError> firstDifference(const QueueSettings &settings,
    const std::map<std::string, std::string> &given, const ServiceConfig &config,
    const std::function<bool(const std::string &)> &queueExists);

/// The settable attributes as GetQueueAttributes writes them.
std::map<std::string, std::string> attributeTexts(
    const QueueSettings &settings, const ServiceConfig &config);

} // namespace queuelab::visibility
