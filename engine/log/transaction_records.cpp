#include "engine/log/transaction_records.h"

#include "engine/core/result.h"
#include "engine/log/classic_fields.h"
#include "engine/log/flexible_fields.h"

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::int16_t kKeyVersion = 0;
constexpr std::int16_t kPlain = 0; // versions of the value
constexpr std::int16_t kFlexible = 1;

constexpr std::uint32_t kPreviousProducerIdTag = 0;
constexpr std::uint32_t kNextProducerIdTag = 1;
constexpr std::uint32_t kClientTransactionVersionTag = 2;
constexpr std::uint32_t kNextProducerEpochTag = 3;

constexpr std::array<std::string_view, 8> kStateNames{"Empty", "Ongoing", "PrepareCommit",
    "PrepareAbort", "CompleteCommit", "CompleteAbort", "Dead", "PrepareEpochFence"};

/// Calls `each(partitions of one topic)`. `partitions` is sorted, so that those of a topic stand
/// together.
template <class Each> void forEachTopic(std::span<const TopicPartition> partitions, Each &&each)
{
    while (!partitions.empty()) {
        const auto end = std::ranges::find_if(partitions, [&](const TopicPartition &partition) {
            return partition.topic != partitions.front().topic;
        });
        const auto count = static_cast<std::size_t>(end - partitions.begin());
        each(partitions.first(count));
        partitions = partitions.subspan(count);
    }
}

std::size_t topicCount(std::span<const TopicPartition> partitions)
{
    std::size_t count = 0;
    forEachTopic(partitions, [&count](const auto &) { ++count; });
    return count;
}

void putPartitions(ByteWriter &out, const TransactionMetadata &metadata)
{
    if (metadata.state == TransactionState::Empty) {
        out.integer(std::int32_t{-1});
        return;
    }
    out.integer(static_cast<std::int32_t>(topicCount(metadata.partitions)));
    forEachTopic(metadata.partitions, [&out](std::span<const TopicPartition> ofTopic) {
        putString(out, ofTopic.front().topic);
        out.integer(static_cast<std::int32_t>(ofTopic.size()));
        for (const TopicPartition &partition : ofTopic)
            out.integer(partition.partition);
    });
}

void putPartitions(FlexibleWriter &out, const TransactionMetadata &metadata)
{
    if (metadata.state == TransactionState::Empty)
        return out.null();
    out.arrayLength(topicCount(metadata.partitions));
    forEachTopic(metadata.partitions, [&out](std::span<const TopicPartition> ofTopic) {
        out.string(ofTopic.front().topic);
        out.arrayLength(ofTopic.size());
        for (const TopicPartition &partition : ofTopic)
            out.integer(partition.partition);
        out.endStruct();
    });
}

/// False when there is no list, which only the state Empty may be without.
bool takePartitions(ByteReader &in, std::vector<TopicPartition> &partitions)
{
    const auto topics = in.integer<std::int32_t>();
    for (std::int32_t left = topics; left > 0 && in.ok(); --left) {
        const std::string topic = takeString(in);
        for (auto more = in.integer<std::int32_t>(); more > 0 && in.ok(); --more)
            partitions.push_back({topic, in.integer<std::int32_t>()});
    }
    return topics >= 0;
}

/// What a newer writer has put there too is passed over.
bool passOver(FlexibleReader &content)
{
    content.bytes(content.remaining());
    return true;
}

bool takePartitions(FlexibleReader &in, std::vector<TopicPartition> &partitions)
{
    const auto topics = in.arrayLength();
    for (std::uint32_t left = topics.value_or(0); left > 0 && in.ok(); --left) {
        const std::string topic = in.string();
        for (const std::int32_t partition : in.integers())
            partitions.push_back({topic, partition});
        in.endStruct([](std::uint32_t, FlexibleReader &content) { return passOver(content); });
    }
    return topics.has_value();
}

bool takeTag(TransactionMetadata &metadata, std::uint32_t tag, FlexibleReader &content)
{
    switch (tag) {
    case kPreviousProducerIdTag:
        metadata.previousProducerId = content.integer<std::int64_t>();
        return true;
    case kNextProducerIdTag:
        metadata.nextProducerId = content.integer<std::int64_t>();
        return true;
    case kClientTransactionVersionTag:
        metadata.clientTransactionVersion = content.integer<std::int16_t>();
        return true;
    case kNextProducerEpochTag:
        metadata.nextProducerEpoch = content.integer<std::int16_t>();
        return true;
    default:
        return passOver(content);
    }
}

/// The fields that both versions have, up to the tagged ones. False when it is malformed.
template <class Reader> bool takeFields(Reader &in, TransactionMetadata &metadata)
{
    metadata.producerId = in.template integer<std::int64_t>();
    metadata.producerEpoch = in.template integer<std::int16_t>();
    metadata.timeoutMs = in.template integer<std::int32_t>();
    const auto state = in.template integer<std::int8_t>();
    if (state < 0 || static_cast<std::size_t>(state) >= kStateNames.size())
        return false;
    metadata.state = static_cast<TransactionState>(state);
    const bool hasPartitions = takePartitions(in, metadata.partitions);
    metadata.lastUpdateMs = in.template integer<std::int64_t>();
    metadata.startMs = in.template integer<std::int64_t>();
    return hasPartitions || metadata.state == TransactionState::Empty;
}

template <class Writer> void putFields(Writer &out, const TransactionMetadata &metadata)
{
    out.integer(metadata.producerId);
    out.integer(metadata.producerEpoch);
    out.integer(metadata.timeoutMs);
    out.integer(static_cast<std::int8_t>(metadata.state));
    putPartitions(out, metadata);
    out.integer(metadata.lastUpdateMs);
    out.integer(metadata.startMs);
}

/// Tags hold only what differs from its default.
void putTags(FlexibleWriter &out, const TransactionMetadata &metadata)
{
    const auto put = [&out]<class T>(std::uint32_t tag, T value, T standard) {
        if (value != standard)
            out.tagged(tag, [value](FlexibleWriter &content) { content.integer(value); });
    };
    put(kPreviousProducerIdTag, metadata.previousProducerId, std::int64_t{-1});
    put(kNextProducerIdTag, metadata.nextProducerId, std::int64_t{-1});
    put(kClientTransactionVersionTag, metadata.clientTransactionVersion, std::int16_t{0});
    put(kNextProducerEpochTag, metadata.nextProducerEpoch, std::int16_t{-1});
    out.endStruct();
}

} // namespace

std::string_view transactionStateName(TransactionState state)
{
    return kStateNames[static_cast<std::size_t>(state)];
}

bool isValidTransition(TransactionState from, TransactionState to)
{
    using enum TransactionState;
    const bool isIdle = from == Empty || from == CompleteCommit || from == CompleteAbort;
    switch (to) {
    case Empty:
    case Dead:
        return isIdle;
    case Ongoing:
        return isIdle || from == Ongoing;
    case PrepareCommit:
    case PrepareEpochFence:
        return from == Ongoing;
    case PrepareAbort:
        return isIdle || from == Ongoing || from == PrepareEpochFence;
    case CompleteCommit:
        return from == PrepareCommit;
    case CompleteAbort:
        return from == PrepareAbort;
    }
    invariantBroken("a transaction state has one of its values");
}

void encodeTransactionKey(std::string_view transactionalId, Bytes &out)
{
    out.clear();
    ByteWriter key(out);
    key.integer(kKeyVersion);
    putString(key, transactionalId);
}

Bytes encodeTransactionKey(std::string_view transactionalId)
{
    Bytes bytes;
    encodeTransactionKey(transactionalId, bytes);
    return bytes;
}

std::optional<std::string> decodeTransactionKey(ByteView bytes)
{
    ByteReader in(bytes);
    const auto version = in.integer<std::int16_t>();
    std::string transactionalId = takeString(in);
    if (!in.ok() || version != kKeyVersion)
        return std::nullopt;
    return transactionalId;
}

void encodeValue(const TransactionMetadata &metadata, std::int16_t transactionVersion, Bytes &out)
{
    out.clear();
    if (transactionVersion >= 1) {
        FlexibleWriter value(out);
        value.integer(kFlexible);
        putFields(value, metadata);
        putTags(value, metadata);
    } else {
        ByteWriter value(out);
        value.integer(kPlain);
        putFields(value, metadata);
    }
}

Bytes encodeValue(const TransactionMetadata &metadata, std::int16_t transactionVersion)
{
    Bytes bytes;
    encodeValue(metadata, transactionVersion, bytes);
    return bytes;
}

std::optional<TransactionMetadata> decodeTransactionMetadata(ByteView bytes)
{
    const auto version = ByteReader(bytes).integer<std::int16_t>();
    if (bytes.size() < sizeof(version) || version < kPlain || version > kFlexible)
        return std::nullopt;
    const ByteView fields = bytes.subspan(sizeof(version));
    TransactionMetadata metadata;
    bool isWhole = false;
    if (version == kFlexible) {
        FlexibleReader in(fields);
        isWhole = takeFields(in, metadata);
        in.endStruct([&metadata](std::uint32_t tag, FlexibleReader &content) {
            return takeTag(metadata, tag, content);
        });
        isWhole = isWhole && in.ok();
    } else {
        ByteReader in(fields);
        isWhole = takeFields(in, metadata) && in.ok();
    }
    if (!isWhole)
        return std::nullopt;
    std::ranges::sort(metadata.partitions);
    return metadata;
}

} // namespace queuelab::log
