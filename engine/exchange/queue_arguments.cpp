#include "engine/exchange/queue_arguments.h"

#include "engine/exchange/field_text.h"
#include "engine/exchange/names.h"

#include <fmt/format.h>

#include <charconv>
#include <limits>

namespace queuelab::exchange {

namespace {

constexpr std::int64_t kMaxExpiryMs = 315'360'000'000; // ten years (facts: rabbitmq.md 3.1)
constexpr std::int64_t kMaxPriority = 255;

/// The arguments a classic queue compares when it is declared again.
constexpr std::string_view kKnownArguments[] = {"x-expires", "x-message-ttl",
    "x-dead-letter-exchange", "x-dead-letter-routing-key", "x-max-length", "x-max-length-bytes",
    "x-max-priority", "x-overflow", "x-queue-mode", "x-single-active-consumer", "x-queue-type",
    "x-queue-version", "x-consumer-timeout"};

class ArgumentReader {
public:
    ArgumentReader(const std::string &queue, const FieldTable &arguments)
        : m_queue(queue)
        , m_arguments(arguments)
    {
    }

    std::optional<std::int64_t> integer(
        std::string_view key, std::int64_t low, std::int64_t high, std::string_view tooHigh)
    {
        const FieldValue *found = lookup(m_arguments, key);
        if (!found)
            return std::nullopt;
        const auto *number = std::get_if<std::int64_t>(&found->value);
        if (!number) {
            fail(key, fmt::format("\"expected integer, got {}\"", fieldTypeName(*found)));
            return std::nullopt;
        }
        if (*number < 0)
            fail(key, fmt::format("{{value_negative,{}}}", *number));
        else if (*number < low)
            fail(key, fmt::format("{{value_zero,{}}}", *number));
        else if (*number > high)
            fail(key, fmt::format("{{{},{}}}", tooHigh, *number));
        return *number;
    }

    std::optional<Duration> milliseconds(std::string_view key, std::int64_t low)
    {
        const auto number = integer(key, low, kMaxExpiryMs, "value_too_big");
        return number && !m_refusal ? std::optional<Duration>(std::chrono::milliseconds(*number))
                                    : std::nullopt;
    }

    std::optional<std::uint64_t> count(std::string_view key)
    {
        const auto number = integer(key, 0, std::numeric_limits<std::int64_t>::max(), {});
        return number ? std::optional(static_cast<std::uint64_t>(*number)) : std::nullopt;
    }

    template <class T> std::optional<T> typed(std::string_view key)
    {
        const FieldValue *found = lookup(m_arguments, key);
        if (!found)
            return std::nullopt;
        if (const auto *value = std::get_if<T>(&found->value))
            return *value;
        fail(key, fmt::format("{{unacceptable_type,{}}}", fieldTypeName(*found)));
        return std::nullopt;
    }

    /// Only the first problem counts.
    void fail(std::string_view key, const std::string &why)
    {
        if (!m_refusal) {
            m_refusal = refuse(ReplyCode::PreconditionFailed,
                fmt::format(
                    "invalid arg '{}' for {}: {}", key, resourceText("queue", m_queue), why))
                            .error();
        }
    }
    const std::optional<Refusal> &refusal() const { return m_refusal; }

private:
    const std::string &m_queue;
    const FieldTable &m_arguments;
    std::optional<Refusal> m_refusal;
};

std::string receivedText(const FieldValue *value)
{
    if (!value)
        return "none";
    return fmt::format("the value '{}' of type '{}'", fieldText(*value), fieldTypeName(*value));
}

} // namespace

Result<QueueSettings, Refusal> readQueueArguments(
    const std::string &queue, const FieldTable &arguments)
{
    ArgumentReader reader(queue, arguments);
    QueueSettings settings;
    settings.messageTtl = reader.milliseconds("x-message-ttl", 0);
    settings.expires = reader.milliseconds("x-expires", 1);
    settings.maxLength = reader.count("x-max-length");
    settings.maxLengthBytes = reader.count("x-max-length-bytes");
    settings.deadLetterExchange = reader.typed<std::string>("x-dead-letter-exchange");
    settings.deadLetterRoutingKey = reader.typed<std::string>("x-dead-letter-routing-key");
    if (settings.deadLetterRoutingKey && !settings.deadLetterExchange)
        reader.fail("x-dead-letter-routing-key", "routing_key_but_no_dlx_defined");
    if (const auto priority =
            reader.integer("x-max-priority", 0, kMaxPriority, "max_value_exceeded"))
        settings.maxPriority = static_cast<std::uint8_t>(*priority);
    settings.singleActiveConsumer = reader.typed<bool>("x-single-active-consumer").value_or(false);
    settings.consumerTimeout = reader.milliseconds("x-consumer-timeout", 0);
    if (const auto overflow = reader.typed<std::string>("x-overflow")) {
        if (*overflow == "reject-publish")
            settings.overflow = Overflow::RejectPublish;
        else if (*overflow == "reject-publish-dlx")
            settings.overflow = Overflow::RejectPublishDlx;
        else if (*overflow != "drop-head")
            reader.fail("x-overflow", "invalid_overflow");
    }
    if (const auto type = reader.typed<std::string>("x-queue-type"); type && *type != "classic")
        reader.fail("x-queue-type", fmt::format("\"unsupported queue type '{}'\"", *type));
    if (reader.refusal())
        return std::unexpected(*reader.refusal());
    return settings;
}

Checked checkSameArgument(std::string_view key, const std::string &resource,
    const FieldTable &current, const FieldTable &declared)
{
    const FieldValue *was = lookup(current, key);
    const FieldValue *is = lookup(declared, key);
    if ((!was && !is) || (was && is && *was == *is))
        return {};
    const bool both = was && is;
    return refuse(ReplyCode::PreconditionFailed,
        fmt::format("inequivalent arg '{}' for {}: received {} but current is {}", key, resource,
            both ? fmt::format("'{}'", fieldText(*is)) : receivedText(is),
            both ? fmt::format("'{}'", fieldText(*was)) : receivedText(was)));
}

Checked checkQueueArguments(
    const std::string &queue, const FieldTable &current, const FieldTable &declared)
{
    const FieldValue classic("classic");
    for (const std::string_view key : kKnownArguments) {
        if (key == "x-queue-type") {
            // Leaving it out means classic.
            const FieldValue *was = lookup(current, key);
            const FieldValue *is = lookup(declared, key);
            if ((was ? *was : classic) == (is ? *is : classic))
                continue;
        }
        if (auto same = checkSameArgument(key, resourceText("queue", queue), current, declared);
            !same)
            return same;
    }
    return {};
}

Result<Duration, Refusal> readExpiration(const std::string &text)
{
    const auto invalid = [&](const std::string &why) {
        return refuse(
            ReplyCode::PreconditionFailed, fmt::format("invalid expiration '{}': {}", text, why));
    };
    const std::string_view digits = std::string_view(text).substr(text.starts_with('+') ? 1 : 0);
    if (digits.empty() || (text.starts_with('+') && digits.starts_with('-')))
        return invalid("no_integer");
    std::int64_t number = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error == std::errc::invalid_argument)
        return invalid("no_integer");
    if (end != digits.data() + digits.size()) {
        return invalid(fmt::format("{{leftover_string,\"{}\"}}",
            digits.substr(static_cast<std::size_t>(end - digits.data()))));
    }
    if (text.starts_with('-') && (number < 0 || error == std::errc::result_out_of_range))
        return invalid(fmt::format("{{value_negative,{}}}", digits));
    if (error == std::errc::result_out_of_range || number > kMaxExpiryMs)
        return invalid(fmt::format("{{value_too_big,{}}}", digits));
    return std::chrono::milliseconds(number);
}

} // namespace queuelab::exchange
