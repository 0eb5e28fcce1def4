#include "engine/visibility/attributes.h"

#include "engine/visibility/errors.h"

#include <algorithm>
#include <array>
#include <charconv>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace queuelab::visibility {
namespace {

struct NumberAttribute {
    std::string_view name;
    std::int32_t QueueSettings::*field;
    std::int32_t low;
    std::int32_t high;
};
constexpr std::array kNumberAttributes{
    NumberAttribute{"VisibilityTimeout", &QueueSettings::visibilityTimeoutSeconds, 0, 43'200},
    NumberAttribute{"DelaySeconds", &QueueSettings::delaySeconds, 0, 900},
    NumberAttribute{
        "ReceiveMessageWaitTimeSeconds", &QueueSettings::receiveMessageWaitTimeSeconds, 0, 20},
    NumberAttribute{
        "MessageRetentionPeriod", &QueueSettings::messageRetentionPeriodSeconds, 60, 1'209'600},
    NumberAttribute{
        "MaximumMessageSize", &QueueSettings::maximumMessageSizeBytes, 1'024, 1'048'576},
};
constexpr std::array<std::string_view, 4> kFifoAttributes{
    "FifoQueue", "ContentBasedDeduplication", "DeduplicationScope", "FifoThroughputLimit"};
constexpr std::array<std::string_view, 4> kNotBuilt{
    "Policy", "RedriveAllowPolicy", "KmsMasterKeyId", "KmsDataKeyReusePeriodSeconds"};

template <class Names> bool contains(const Names &names, std::string_view name)
{
    return std::ranges::find(names, name) != names.end();
}

std::optional<std::int32_t> readNumber(std::string_view text)
{
    std::int32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size())
        return std::nullopt;
    return value;
}

SqsError invalidValue(std::string_view name)
{
    return {
        ErrorKind::InvalidAttributeValue, fmt::format("Invalid value for the parameter {}.", name)};
}

class RedrivePolicyReader {
public:
    RedrivePolicyReader(const std::string &text, const ServiceConfig &config,
        const std::function<bool(const std::string &)> &queueExists)
        : m_text(text)
        , m_config(config)
        , m_queueExists(queueExists)
    {
    }

    Result<RedrivePolicy, SqsError> read() const
    {
        const auto json = nlohmann::json::parse(m_text, nullptr, /*allow_exceptions=*/false);
        if (!json.is_object())
            return refused("Redrive policy is not a valid JSON map.");
        for (const char *key : {"deadLetterTargetArn", "maxReceiveCount"}) {
            if (!json.contains(key))
                return refused(
                    fmt::format("Redrive policy does not contain mandatory attribute: {}.", key));
        }
        for (const auto &[key, value] : json.items()) {
            if (key != "deadLetterTargetArn" && key != "maxReceiveCount")
                return refused(fmt::format("Only following attributes are supported: "
                                           "[deadLetterTargetArn, maxReceiveCount]; not {}.",
                    key));
        }
        const auto count = receiveCount(json["maxReceiveCount"]);
        if (!count)
            return std::unexpected(count.error());
        const auto target = targetQueue(json["deadLetterTargetArn"]);
        if (!target)
            return std::unexpected(target.error());
        return RedrivePolicy{*target, *count};
    }

private:
    std::unexpected<SqsError> refused(std::string_view reason) const
    {
        return std::unexpected(invalidParameter(m_text, "RedrivePolicy", reason));
    }

    // A number, or a number in a string: both are in use.
    Result<std::int32_t, SqsError> receiveCount(const nlohmann::json &value) const
    {
        const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
        const auto count = readNumber(text);
        if (!count || *count < 1 || *count > 1000)
            return refused(fmt::format("Invalid value for maxReceiveCount: {}, valid values are "
                                       "from 1 to 1000 both inclusive.",
                text));
        return *count;
    }

    Result<std::string, SqsError> targetQueue(const nlohmann::json &value) const
    {
        const std::string arn = value.is_string() ? value.get<std::string>() : value.dump();
        const std::string prefix = queueArn(m_config, "");
        if (!arn.starts_with("arn:aws:sqs:") || std::ranges::count(arn, ':') != 5)
            return refused("Invalid value for deadLetterTargetArn.");
        const std::string name = arn.substr(arn.rfind(':') + 1);
        if (!arn.starts_with(prefix) || !m_queueExists(name))
            return refused("Dead letter target does not exist.");
        return name;
    }

    const std::string &m_text;
    const ServiceConfig &m_config;
    const std::function<bool(const std::string &)> &m_queueExists;
};

Result<void, SqsError> applyOne(QueueSettings &settings, const std::string &name,
    const std::string &value, const ServiceConfig &config,
    const std::function<bool(const std::string &)> &queueExists)
{
    const auto number = std::ranges::find(kNumberAttributes, name, &NumberAttribute::name);
    if (number != kNumberAttributes.end()) {
        const auto read = readNumber(value);
        if (!read || *read < number->low || *read > number->high)
            return std::unexpected(invalidValue(name));
        settings.*number->field = *read;
        return {};
    }
    if (name == "RedrivePolicy") {
        if (value.empty()) {
            settings.redrive.reset();
            return {};
        }
        auto policy = RedrivePolicyReader(value, config, queueExists).read();
        if (!policy)
            return std::unexpected(std::move(policy.error()));
        settings.redrive = std::move(*policy);
        return {};
    }
    if (name == "SqsManagedSseEnabled") {
        if (value != "true" && value != "false")
            return std::unexpected(invalidValue(name));
        settings.sqsManagedSseEnabled = value == "true";
        return {};
    }
    if (name == "FifoQueue")
        return refuse(ErrorKind::InvalidAttributeName, "Unknown Attribute FifoQueue.");
    if (contains(kFifoAttributes, name))
        return refuse(ErrorKind::InvalidAttributeName,
            fmt::format("You can specify the {} only when FifoQueue is set to true.", name));
    if (contains(kNotBuilt, name))
        return refuse(ErrorKind::UnsupportedOperation,
            fmt::format("This engine does not have the attribute {} yet.", name));
    return refuse(ErrorKind::InvalidAttributeName, fmt::format("Unknown Attribute {}.", name));
}

} // namespace

std::string queueArn(const ServiceConfig &config, std::string_view queue)
{
    return fmt::format("arn:aws:sqs:{}:{}:{}", config.region, config.account, queue);
}

Result<void, SqsError> checkQueueName(std::string_view name)
{
    constexpr std::size_t kLongestName = 80;
    std::string_view stem = name;
    const bool fifo = stem.ends_with(".fifo");
    if (fifo)
        stem.remove_suffix(5);
    const bool valid =
        !stem.empty() && name.size() <= kLongestName && std::ranges::all_of(stem, [](char c) {
            return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9')
                || c == '-' || c == '_';
        });
    if (!valid)
        return refuse(ErrorKind::InvalidParameterValue,
            "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length");
    if (fifo)
        return refuse(ErrorKind::UnsupportedOperation, "This engine has no FIFO queues yet.");
    return {};
}

Result<void, SqsError> applyAttributes(QueueSettings &settings,
    const std::map<std::string, std::string> &given, const ServiceConfig &config,
    const std::function<bool(const std::string &)> &queueExists)
{
    QueueSettings changed = settings;
    for (const auto &[name, value] : given) {
        if (auto applied = applyOne(changed, name, value, config, queueExists); !applied)
            return applied;
    }
    settings = std::move(changed);
    return {};
}

Result<std::optional<std::string>, SqsError> firstDifference(const QueueSettings &settings,
    const std::map<std::string, std::string> &given, const ServiceConfig &config,
    const std::function<bool(const std::string &)> &queueExists)
{
    for (const auto &[name, value] : given) {
        QueueSettings changed = settings;
        if (auto applied = applyOne(changed, name, value, config, queueExists); !applied)
            return std::unexpected(std::move(applied.error()));
        if (changed != settings)
            return name;
    }
    return std::nullopt;
}

std::map<std::string, std::string> attributeTexts(
    const QueueSettings &settings, const ServiceConfig &config)
{
    std::map<std::string, std::string> texts;
    for (const NumberAttribute &attribute : kNumberAttributes)
        texts.emplace(attribute.name, fmt::to_string(settings.*attribute.field));
    texts.emplace("SqsManagedSseEnabled", settings.sqsManagedSseEnabled ? "true" : "false");
    if (settings.redrive) {
        const nlohmann::json policy{
            {"deadLetterTargetArn", queueArn(config, settings.redrive->deadLetterQueue)},
            {"maxReceiveCount", settings.redrive->maxReceiveCount}};
        texts.emplace("RedrivePolicy", policy.dump());
    }
    return texts;
}

} // namespace queuelab::visibility
