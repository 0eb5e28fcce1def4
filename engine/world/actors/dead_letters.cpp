#include "engine/world/actors/dead_letters.h"

#include <algorithm>
#include <charconv>

namespace queuelab::world {

namespace {

log::ProducerConfig forwarderConfig(std::vector<NodeId> bootstrap)
{
    log::ProducerConfig config;
    config.bootstrapServers = std::move(bootstrap);
    return config;
}

std::optional<Bytes> copyOf(std::optional<ByteView> bytes)
{
    return bytes ? std::optional(Bytes(bytes->begin(), bytes->end())) : std::nullopt;
}

std::optional<ByteView> viewOf(const std::optional<Bytes> &bytes)
{
    return bytes ? std::optional<ByteView>(*bytes) : std::nullopt;
}

} // namespace

Letter::Letter(const log::TopicPartition &from, const log::RecordView &record)
    : partition(from)
    , offset(record.offset)
    , key(copyOf(record.key))
    , value(copyOf(record.value))
{
    for (const log::HeaderView &header :
        log::readHeaders(record).value_or(std::vector<log::HeaderView>{}))
        headers.emplace_back(header.key, copyOf(header.value));
}

std::optional<std::string> Letter::text(std::string_view header) const
{
    for (const auto &[name, bytes] : headers) {
        if (name == header && bytes)
            return std::string(asText(*bytes));
    }
    return std::nullopt;
}

std::optional<std::int64_t> Letter::number(std::string_view header) const
{
    const std::optional<std::string> digits = text(header);
    if (!digits)
        return std::nullopt;
    std::int64_t read = 0;
    const auto [end, error] =
        std::from_chars(digits->data(), digits->data() + digits->size(), read);
    if (error != std::errc{} || end != digits->data() + digits->size())
        return std::nullopt;
    return read;
}

void Letter::set(std::string_view header, std::string_view text)
{
    remove(header);
    headers.emplace_back(header, Bytes(text.begin(), text.end()));
}

void Letter::remove(std::string_view header)
{
    std::erase_if(headers, [header](const auto &entry) { return entry.first == header; });
}

std::string Letter::originalTopic() const
{
    return text(headers::kOriginalTopic).value_or(partition.topic);
}

std::int32_t Letter::attempt() const
{
    constexpr std::int64_t kMost = 1'000'000;
    return static_cast<std::int32_t>(
        std::clamp(number(headers::kAttempts).value_or(1), std::int64_t{1}, kMost));
}

std::string topicNamed(std::string_view pattern, std::string_view topic)
{
    constexpr std::string_view kPlaceholder = "<topic>";
    std::string name(pattern);
    if (const std::size_t at = name.find(kPlaceholder); at != std::string::npos)
        name.replace(at, kPlaceholder.size(), topic);
    return name;
}

NextStop readdress(
    Letter &letter, const Retry &retry, std::string_view exception, std::int64_t nowMs)
{
    const std::string original = letter.originalTopic();
    const std::int32_t attempt = letter.attempt();
    if (!letter.text(headers::kOriginalTopic)) {
        letter.set(headers::kOriginalTopic, original);
        letter.set(headers::kOriginalPartition, std::to_string(letter.partition.partition));
        letter.set(headers::kOriginalOffset, std::to_string(letter.offset));
    }
    letter.set(headers::kException, exception);
    if (attempt >= retry.attempts) {
        letter.set(headers::kAttempts, std::to_string(attempt));
        letter.remove(headers::kNotBefore);
        return {topicNamed(retry.deadLetterTopic, original), true};
    }
    const auto delay = std::chrono::ceil<std::chrono::milliseconds>(retry.delay).count();
    letter.set(headers::kAttempts, std::to_string(attempt + 1));
    letter.set(headers::kNotBefore, std::to_string(nowMs + delay));
    return {topicNamed(retry.retryTopic, original), false};
}

Forwarder::Forwarder(const std::string &clientId, std::vector<NodeId> bootstrap)
    : m_producer(clientId, forwarderConfig(std::move(bootstrap)))
{
}

void Forwarder::send(const Letter &letter, std::string_view topic, Context &context)
{
    std::vector<log::BatchBuilder::Header> all;
    for (const auto &[name, value] : letter.headers)
        all.push_back({name, viewOf(value)});
    m_isWaiting = true;
    m_producer.send(topic, std::nullopt, epochMillis(context.wallClock()), viewOf(letter.key),
        viewOf(letter.value), context, m_effects, all);
}

void Forwarder::receive(RequestId id, const log::Response &response, Context &context)
{
    m_producer.apply(RequestId{id.value() - kFirstRequest}, response, context, m_effects);
}

void Forwarder::connectionLost(NodeId broker, Context &context)
{
    m_producer.connectionLost(broker, context, m_effects);
}

void Forwarder::wake(Context &context)
{
    m_producer.wake(context, m_effects);
}

void Forwarder::crash()
{
    m_producer.crash();
    m_isWaiting = false;
    m_effects.clear();
}

std::optional<log::ErrorCode> Forwarder::takeResult()
{
    m_deliveries.clear();
    m_producer.takeDeliveries(m_deliveries);
    if (m_deliveries.empty())
        return std::nullopt;
    m_isWaiting = false;
    return m_deliveries.front().error;
}

void Forwarder::handOver(log::ClientEffects &out)
{
    for (log::ClientEffect &effect : m_effects) {
        if (auto *send = std::get_if<log::SendRequest>(&effect))
            send->id = RequestId{send->id.value() + kFirstRequest};
        out.push_back(std::move(effect));
    }
    m_effects.clear();
}

} // namespace queuelab::world
