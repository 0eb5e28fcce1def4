#include "engine/log/assignor.h"

#include "engine/log/classic_fields.h"

#include <algorithm>

namespace queuelab::log {

namespace {

// Kafka 4.x writes version 3 of both; readers take the prefix they know of newer versions.
constexpr std::int16_t kSubscriptionVersion = 3;
constexpr std::int16_t kAssignmentVersion = 3;

/// [{topic, [partition]}]: neighbours of the same topic share one entry.
void putPartitions(ByteWriter &out, std::vector<TopicPartition> partitions)
{
    std::ranges::sort(partitions);
    std::int32_t topics = 0;
    for (std::size_t i = 0; i < partitions.size(); ++i)
        topics += i == 0 || partitions[i].topic != partitions[i - 1].topic;
    out.integer(topics);
    for (std::size_t from = 0; from < partitions.size();) {
        std::size_t to = from;
        while (to < partitions.size() && partitions[to].topic == partitions[from].topic)
            ++to;
        putString(out, partitions[from].topic);
        out.integer(static_cast<std::int32_t>(to - from));
        for (; from < to; ++from)
            out.integer(partitions[from].partition);
    }
}

std::vector<TopicPartition> takePartitions(ByteReader &in)
{
    std::vector<TopicPartition> partitions;
    const auto topics = in.integer<std::int32_t>();
    for (std::int32_t i = 0; i < topics && in.ok(); ++i) {
        const std::string topic = takeString(in);
        const auto count = in.integer<std::int32_t>();
        for (std::int32_t j = 0; j < count && in.ok(); ++j) {
            const auto partition = in.integer<std::int32_t>();
            if (in.ok())
                partitions.push_back({topic, partition});
        }
    }
    return partitions;
}

constexpr std::int32_t kNullBytes = -1;

void putNullableBytes(ByteWriter &out, const std::optional<Bytes> &bytes)
{
    out.integer(bytes ? static_cast<std::int32_t>(bytes->size()) : kNullBytes);
    if (bytes)
        out.bytes(*bytes);
}

std::optional<Bytes> takeNullableBytes(ByteReader &in)
{
    const auto size = in.integer<std::int32_t>();
    if (size < 0)
        return std::nullopt;
    const ByteView bytes = in.bytes(static_cast<std::size_t>(size));
    return Bytes(bytes.begin(), bytes.end());
}

} // namespace

SharedBytes encodeSubscription(const Subscription &subscription)
{
    Bytes bytes;
    ByteWriter out(bytes);
    out.integer(kSubscriptionVersion);
    out.integer(static_cast<std::int32_t>(subscription.topics.size()));
    for (const std::string &topic : subscription.topics)
        putString(out, topic);
    putNullableBytes(out, subscription.userData);
    putPartitions(out, subscription.owned);
    out.integer(subscription.generation);
    out.integer(std::int16_t{-1}); // no rack
    return SharedBytes(std::move(bytes));
}

std::optional<Subscription> decodeSubscription(ByteView bytes)
{
    ByteReader in(bytes);
    Subscription subscription;
    const auto version = in.integer<std::int16_t>();
    const auto topics = in.integer<std::int32_t>();
    for (std::int32_t i = 0; i < topics && in.ok(); ++i)
        subscription.topics.push_back(takeString(in));
    subscription.userData = takeNullableBytes(in);
    if (version >= 1)
        subscription.owned = takePartitions(in);
    if (version >= 2)
        subscription.generation = in.integer<std::int32_t>();
    if (!in.ok() || version < 0)
        return std::nullopt;
    return subscription;
}

std::optional<std::vector<std::string>> decodeSubscribedTopics(ByteView bytes)
{
    ByteReader in(bytes);
    const auto version = in.integer<std::int16_t>();
    std::vector<std::string> subscribed;
    const auto topics = in.integer<std::int32_t>();
    for (std::int32_t i = 0; i < topics && in.ok(); ++i)
        subscribed.push_back(takeString(in));
    if (!in.ok() || version < 0)
        return std::nullopt;
    return subscribed;
}

Bytes encodeStickyUserData(const StickyUserData &data)
{
    Bytes bytes;
    ByteWriter out(bytes);
    putPartitions(out, data.owned);
    out.integer(data.generation);
    return bytes;
}

std::optional<StickyUserData> decodeStickyUserData(ByteView bytes)
{
    ByteReader in(bytes);
    StickyUserData data;
    data.owned = takePartitions(in);
    data.generation = in.integer<std::int32_t>();
    if (!in.ok())
        return std::nullopt;
    return data;
}

SharedBytes encodeAssignment(const std::vector<TopicPartition> &partitions)
{
    Bytes bytes;
    ByteWriter out(bytes);
    out.integer(kAssignmentVersion);
    putPartitions(out, partitions);
    out.integer(kNullBytes);
    return SharedBytes(std::move(bytes));
}

std::optional<std::vector<TopicPartition>> decodeAssignment(ByteView bytes)
{
    // A member the leader's assignment left out is sent no bytes at all.
    if (bytes.empty())
        return std::vector<TopicPartition>{};
    ByteReader in(bytes);
    const auto version = in.integer<std::int16_t>();
    std::vector<TopicPartition> partitions = takePartitions(in);
    (void)takeNullableBytes(in); // user data, which none of the assignors here uses
    if (!in.ok() || version < 0)
        return std::nullopt;
    return partitions;
}

} // namespace queuelab::log
