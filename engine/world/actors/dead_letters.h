#pragma once

#include "engine/core/context.h"
#include "engine/log/producer.h"
#include "engine/log/record_batch.h"
#include "engine/world/command.h"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace queuelab::world {

/// Retry topics and dead-letter topics, as applications around Kafka build them: the broker knows
/// nothing of it. What happened to a record travels in its headers, under Spring Kafka's names; the
/// values are text.
namespace headers {
inline constexpr std::string_view kOriginalTopic = "kafka_original-topic";
inline constexpr std::string_view kOriginalPartition = "kafka_original-partition";
inline constexpr std::string_view kOriginalOffset = "kafka_original-offset";
inline constexpr std::string_view kException = "kafka_exception-message";
inline constexpr std::string_view kAttempts = "retry_topic-attempts"; ///< this try's, from 1
inline constexpr std::string_view kNotBefore =
    "retry_topic-backoff-timestamp"; ///< milliseconds since the epoch
inline constexpr std::string_view kRedrives = "redrives"; ///< how often it was sent back
} // namespace headers

/// A record on its way from one topic to another. A value of its own, no view.
struct Letter {
    log::TopicPartition partition; ///< where it was read
    std::int64_t offset = -1;
    std::optional<Bytes> key;
    std::optional<Bytes> value;
    std::vector<std::pair<std::string, std::optional<Bytes>>> headers;

    Letter() = default;
    Letter(const log::TopicPartition &from, const log::RecordView &record);

    std::optional<std::string> text(std::string_view header) const;
    std::optional<std::int64_t> number(std::string_view header) const;
    void set(std::string_view header, std::string_view text);
    void remove(std::string_view header);

    /// Where it was first written.
    std::string originalTopic() const;
    /// Which try at it this is, from 1.
    std::int32_t attempt() const;
};

/// "<topic>-retry" for topic "orders" is "orders-retry".
std::string topicNamed(std::string_view pattern, std::string_view topic);

/// Adds what a failed try has to tell, and says which topic the letter goes to next.
struct NextStop {
    std::string topic;
    bool isDeadLetter = false;
};
NextStop readdress(
    Letter &letter, const Retry &retry, std::string_view exception, std::int64_t nowMs);

/// The producer inside a consuming application that passes letters on, one after the other: each is
/// written before the application goes on. Its requests have numbers of their own, so that both
/// clients of the application can share its connections. A value.
class Forwarder {
public:
    Forwarder(const std::string &clientId, std::vector<NodeId> bootstrap);

    /// Whether the answer to a request with this number is for it.
    static bool owns(RequestId id) { return id.value() >= kFirstRequest; }

    void send(const Letter &letter, std::string_view topic, Context &context);
    void receive(RequestId id, const log::Response &response, Context &context);
    void connectionLost(NodeId broker, Context &context);
    void wake(Context &context);
    void crash();

    bool isWaiting() const { return m_isWaiting; }
    /// What became of the letter sent last, once.
    std::optional<log::ErrorCode> takeResult();
    /// What it wants done goes to the end of `out`.
    void handOver(log::ClientEffects &out);

private:
    static constexpr std::uint64_t kFirstRequest = std::uint64_t{1} << 62;

    log::Producer m_producer;
    bool m_isWaiting = false;
    log::ClientEffects m_effects;
    std::vector<log::Delivery> m_deliveries;
};

} // namespace queuelab::world
