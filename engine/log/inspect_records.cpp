#include "engine/log/inspect_records.h"

#include "engine/core/overloaded.h"
#include "engine/log/group_records.h"
#include "engine/log/transaction_records.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::log {
namespace {

constexpr std::string_view kDeleted = "<DELETE>"; // Kafka's word for a tombstone

std::optional<std::string> transactionText(const RecordView &record)
{
    const auto key = decodeTransactionKey(*record.key);
    if (!key)
        return std::nullopt;
    std::string payload(kDeleted);
    if (record.value) {
        const auto metadata = decodeTransactionMetadata(*record.value);
        if (!metadata)
            return std::nullopt;
        std::string partitions;
        for (const TopicPartition &partition : metadata->partitions)
            partitions += (partitions.empty() ? "" : ", ") + printable(partition.name());
        payload = fmt::format("producerId:{},producerEpoch:{},state={},partitions=[{}],"
                              "txnLastUpdateTimestamp={},txnTimeoutMs={}",
            metadata->producerId, metadata->producerEpoch, transactionStateName(metadata->state),
            partitions, metadata->lastUpdateMs, metadata->timeoutMs);
    }
    return fmt::format(
        "key: transaction_metadata::transactionalId={} payload: {}", printable(*key), payload);
}

std::optional<std::string> commitText(const OffsetKey &key, const RecordView &record)
{
    std::string payload(kDeleted);
    if (record.value) {
        const auto commit = decodeCommit(*record.value);
        if (!commit)
            return std::nullopt;
        payload = fmt::format("offset={}", commit->offset);
        if (!commit->metadata.empty())
            payload += ",metadata=" + printable(commit->metadata);
    }
    return fmt::format("key: offset_commit::group={},partition={} payload: {}",
        printable(key.group), printable(key.partition.name()), payload);
}

std::optional<std::string> groupText(const GroupKey &key, const RecordView &record)
{
    std::string payload(kDeleted);
    if (record.value) {
        const auto group = decodeGroupMetadata(*record.value);
        if (!group)
            return std::nullopt;
        std::string members;
        for (const GroupMetadata::Member &member : group->members)
            members += (members.empty() ? "" : ", ") + printable(member.memberId);
        payload = fmt::format("protocolType={},protocol={},generationId={},members=[{}]",
            printable(group->protocolType), printable(group->protocol.value_or("none")),
            group->generation, members);
    }
    return fmt::format("key: group_metadata::group={} payload: {}", printable(key.group), payload);
}

std::optional<std::string> offsetsText(const RecordView &record)
{
    const auto key = decodeGroupRecordKey(*record.key);
    if (!key)
        return std::nullopt;
    return std::visit(Overloaded{
                          [&](const OffsetKey &offset) { return commitText(offset, record); },
                          [&](const GroupKey &group) { return groupText(group, record); },
                          [](const auto &) { return std::optional<std::string>(); },
                      },
        *key);
}

} // namespace

std::string printable(std::string_view text)
{
    std::string shown(text);
    std::ranges::replace_if(shown, [](char c) { return c < 0x20 || c > 0x7e; }, '?');
    return shown;
}

std::optional<std::string> coordinatorRecordText(std::string_view topic, const RecordView &record)
{
    if (!record.key)
        return std::nullopt;
    if (topic == kTransactionTopic)
        return transactionText(record);
    if (topic == kOffsetsTopic)
        return offsetsText(record);
    return std::nullopt;
}

} // namespace queuelab::log
