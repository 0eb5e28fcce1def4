#include "engine/log/group_config.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

namespace queuelab::log {
namespace {

/// A setting that is a whole number in [least, most].
struct GroupNumber {
    std::string_view key;
    std::int64_t least;
    std::int64_t most;
    void (*set)(GroupConfig &config, std::int64_t value);
};

template <auto kField> void setField(GroupConfig &config, std::int64_t value)
{
    using Field = std::remove_reference_t<decltype(config.*kField)>;
    config.*kField = Field(static_cast<typename Field::rep>(value));
}
template <auto kField> void setNumber(GroupConfig &config, std::int64_t value)
{
    using Field = std::remove_reference_t<decltype(config.*kField)>;
    config.*kField = static_cast<Field>(value);
}

// The limits are Kafka's defaults of group.consumer.min.session.timeout.ms and so on.
constexpr GroupNumber kGroupNumbers[] = {
    {"consumer.session.timeout.ms", 45'000, 60'000, setField<&GroupConfig::consumerSessionTimeout>},
    {"consumer.heartbeat.interval.ms", 5'000, 15'000,
        setField<&GroupConfig::consumerHeartbeatInterval>},
    {"share.session.timeout.ms", 45'000, 60'000, setField<&GroupConfig::shareSessionTimeout>},
    {"share.heartbeat.interval.ms", 5'000, 15'000, setField<&GroupConfig::shareHeartbeatInterval>},
    {"share.delivery.count.limit", 2, 10, setNumber<&GroupConfig::shareDeliveryCountLimit>},
    {"share.partition.max.record.locks", 100, 4'000,
        setNumber<&GroupConfig::sharePartitionMaxRecordLocks>},
};

constexpr std::string_view kLockDuration = "share.record.lock.duration.ms";
constexpr std::string_view kOffsetReset = "share.auto.offset.reset";
constexpr std::string_view kIsolationLevel = "share.isolation.level";
constexpr std::string_view kRenew = "share.renew.acknowledge.enable";

std::string knownGroupKeys()
{
    std::string keys;
    for (const GroupNumber &setting : kGroupNumbers)
        keys += fmt::format("{}, ", setting.key);
    return keys
        + fmt::format("{}, {}, {}, {}", kLockDuration, kOffsetReset, kIsolationLevel, kRenew);
}

std::string setWithin(std::string_view value, std::int64_t least, std::int64_t most,
    void (*set)(GroupConfig &config, std::int64_t value), GroupConfig &config)
{
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), number);
    if (error != std::errc() || end != value.data() + value.size())
        return fmt::format("'{}' is not a whole number", value);
    if (number < least || number > most)
        return fmt::format("{} is not in {} to {}", number, least, most);
    set(config, number);
    return {};
}

/// "P1DT2H3M4.5S" in milliseconds: ISO 8601 with days, hours, minutes and seconds, each at most
/// once and in this order.
std::optional<std::int64_t> isoMilliseconds(std::string_view text)
{
    struct Unit {
        char letter;
        std::int64_t milliseconds;
        bool isTime;
    };
    constexpr Unit kUnits[] = {
        {'D', 86'400'000, false}, {'H', 3'600'000, true}, {'M', 60'000, true}, {'S', 1'000, true}};
    constexpr std::int64_t kMost = 365 * 100 * std::int64_t{86'400'000};
    if (text.size() < 3 || text.front() != 'P')
        return std::nullopt;
    text.remove_prefix(1);
    bool inTime = false;
    std::int64_t total = 0;
    const Unit *next = std::begin(kUnits);
    while (!text.empty()) {
        if (text.front() == 'T' && !inTime) {
            inTime = true;
            text.remove_prefix(1);
        }
        std::int64_t number = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
        if (error != std::errc() || number < 0)
            return std::nullopt;
        text.remove_prefix(static_cast<std::size_t>(end - text.data()));
        std::int64_t thousandths = 0;
        if (!text.empty() && text.front() == '.') {
            text.remove_prefix(1);
            std::int64_t place = 100;
            for (; !text.empty() && text.front() >= '0' && text.front() <= '9'; place /= 10) {
                thousandths += (text.front() - '0') * place;
                text.remove_prefix(1);
            }
        }
        next = std::find_if(next, std::end(kUnits), [&](const Unit &unit) {
            return !text.empty() && unit.letter == text.front() && unit.isTime == inTime;
        });
        if (next == std::end(kUnits) || number > kMost / next->milliseconds
            || (thousandths != 0 && next->letter != 'S'))
            return std::nullopt;
        total += number * next->milliseconds + thousandths;
        ++next;
        text.remove_prefix(1);
    }
    return total;
}

std::string applyReset(GroupConfig &config, std::string_view value)
{
    constexpr std::string_view kByDuration = "by_duration:";
    if (value == "latest" || value == "earliest") {
        config.shareAutoOffsetReset =
            value == "latest" ? ShareOffsetReset::Latest : ShareOffsetReset::Earliest;
        return {};
    }
    if (value.starts_with(kByDuration)) {
        if (const auto duration = isoMilliseconds(value.substr(kByDuration.size()))) {
            config.shareAutoOffsetReset = ShareOffsetReset::ByDuration;
            config.shareResetDuration = std::chrono::milliseconds{*duration};
            return {};
        }
    }
    return fmt::format(
        "'{}' is none of latest, earliest and by_duration:PnDTnHnMn.nS (ISO 8601)", value);
}

/// Why `value` is refused; empty when it was set.
std::string apply(
    GroupConfig &config, const BrokerConfig &broker, std::string_view key, std::string_view value)
{
    for (const GroupNumber &setting : kGroupNumbers) {
        if (setting.key == key)
            return setWithin(value, setting.least, setting.most, setting.set, config);
    }
    if (key == kLockDuration) {
        return setWithin(value, broker.shareMinRecordLockDuration.count(),
            broker.shareMaxRecordLockDuration.count(),
            setField<&GroupConfig::shareRecordLockDuration>, config);
    }
    if (key == kOffsetReset)
        return applyReset(config, value);
    if (key == kIsolationLevel) {
        if (value != "read_committed" && value != "read_uncommitted")
            return fmt::format("'{}' is neither read_committed nor read_uncommitted", value);
        config.shareIsolationLevel = value == "read_committed" ? IsolationLevel::ReadCommitted
                                                               : IsolationLevel::ReadUncommitted;
        return {};
    }
    if (key == kRenew) {
        if (value != "true" && value != "false")
            return fmt::format("'{}' is neither true nor false", value);
        config.shareRenewAcknowledge = value == "true";
        return {};
    }
    return fmt::format("no such group setting; there are {}", knownGroupKeys());
}

} // namespace

GroupConfig GroupConfig::defaults(const BrokerConfig &broker)
{
    GroupConfig config;
    config.consumerSessionTimeout = broker.consumerSessionTimeout;
    config.consumerHeartbeatInterval = broker.consumerHeartbeatInterval;
    config.shareSessionTimeout = broker.shareSessionTimeout;
    config.shareHeartbeatInterval = broker.shareHeartbeatInterval;
    config.shareRecordLockDuration = broker.shareRecordLockDuration;
    config.shareDeliveryCountLimit = broker.shareDeliveryCountLimit;
    config.sharePartitionMaxRecordLocks = broker.sharePartitionMaxRecordLocks;
    return config;
}

GroupConfig GroupConfig::of(
    const BrokerConfig &broker, const std::map<std::string, std::string> *configs)
{
    if (!configs)
        return defaults(broker);
    // The controller has refused what is invalid.
    return parse(broker, *configs).value_or(defaults(broker));
}

Result<GroupConfig, GroupConfig::Invalid> GroupConfig::parse(
    const BrokerConfig &broker, const std::map<std::string, std::string> &configs)
{
    GroupConfig config = defaults(broker);
    for (const auto &[key, value] : configs) {
        if (std::string why = apply(config, broker, key, value); !why.empty())
            return std::unexpected(Invalid{key, std::move(why)});
    }
    if (config.consumerHeartbeatInterval >= config.consumerSessionTimeout) {
        return std::unexpected(Invalid{
            "consumer.heartbeat.interval.ms", "it must be below consumer.session.timeout.ms"});
    }
    if (config.shareHeartbeatInterval >= config.shareSessionTimeout) {
        return std::unexpected(
            Invalid{"share.heartbeat.interval.ms", "it must be below share.session.timeout.ms"});
    }
    return config;
}

} // namespace queuelab::log
