#pragma once

#include "engine/core/result.h"
#include "engine/log/broker_config.h"
#include "engine/log/requests.h"

#include <chrono>
#include <cstdint>
#include <map>
#include <string>

namespace queuelab::log {

/// Where a share group begins in a partition that it has not read before.
enum class ShareOffsetReset : std::uint8_t { Latest, Earliest, ByDuration };

/// The settings of a group, under Kafka's keys (GroupConfig of Kafka 4.3): those of the broker,
/// unless the group has its own. Unknown keys are refused.
struct GroupConfig {
    std::chrono::milliseconds consumerSessionTimeout{45'000}; ///< consumer.session.timeout.ms
    std::chrono::milliseconds consumerHeartbeatInterval{5'000}; ///< consumer.heartbeat.interval.ms
    std::chrono::milliseconds shareSessionTimeout{45'000}; ///< share.session.timeout.ms
    std::chrono::milliseconds shareHeartbeatInterval{5'000}; ///< share.heartbeat.interval.ms
    std::chrono::milliseconds shareRecordLockDuration{30'000}; ///< share.record.lock.duration.ms
    std::int16_t shareDeliveryCountLimit = 5; ///< share.delivery.count.limit
    std::int32_t sharePartitionMaxRecordLocks = 2'000; ///< share.partition.max.record.locks
    /// share.auto.offset.reset: latest, earliest or by_duration:PnDTnHnMn.nS.
    ShareOffsetReset shareAutoOffsetReset = ShareOffsetReset::Latest;
    std::chrono::milliseconds shareResetDuration{0}; ///< with ByDuration: that long ago
    IsolationLevel shareIsolationLevel = IsolationLevel::ReadUncommitted; ///< share.isolation.level
    bool shareRenewAcknowledge = true; ///< share.renew.acknowledge.enable

    struct Invalid {
        std::string key{};
        std::string why{};
    };
    /// What counts for a group by what it was given of its own; nullptr: nothing.
    static GroupConfig of(
        const BrokerConfig &broker, const std::map<std::string, std::string> *configs);
    /// What the broker has where the group has nothing of its own.
    static GroupConfig defaults(const BrokerConfig &broker);
    /// Ranges are those of the broker's settings group.share.min... and max..., and Kafka's
    /// defaults of such limits where the broker has no setting.
    static Result<GroupConfig, Invalid> parse(
        const BrokerConfig &broker, const std::map<std::string, std::string> &configs);
};

} // namespace queuelab::log
