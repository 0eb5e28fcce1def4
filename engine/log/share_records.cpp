#include "engine/log/share_records.h"

#include "engine/log/flexible_fields.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::log {

namespace {

constexpr std::int16_t kSnapshotKey = 0;
constexpr std::int16_t kUpdateKey = 1;
constexpr std::int16_t kValueVersion = 0;
constexpr std::uint32_t kDeliveryCompleteCount = 0; // a tag; for the lag that Kafka's tools show

void putBatches(FlexibleWriter &out, const std::vector<ShareStateBatch> &batches)
{
    out.arrayLength(batches.size());
    for (const ShareStateBatch &batch : batches) {
        out.integer(batch.firstOffset);
        out.integer(batch.lastOffset);
        out.integer(batch.deliveryState);
        out.integer(batch.deliveryCount);
        out.endStruct();
    }
}

std::vector<ShareStateBatch> readBatches(FlexibleReader &in)
{
    std::vector<ShareStateBatch> batches;
    for (std::uint32_t left = in.arrayLength().value_or(0); left > 0 && in.ok(); --left) {
        ShareStateBatch &batch = batches.emplace_back();
        batch.firstOffset = in.integer<std::int64_t>();
        batch.lastOffset = in.integer<std::int64_t>();
        batch.deliveryState = in.integer<std::int8_t>();
        batch.deliveryCount = in.integer<std::int16_t>();
        in.endStruct();
    }
    return batches;
}

void endValue(FlexibleReader &in)
{
    in.endStruct([](std::uint32_t tag, FlexibleReader &field) {
        field.integer<std::int32_t>();
        return tag == kDeliveryCompleteCount;
    });
}

bool isWhole(const FlexibleReader &in)
{
    return in.ok() && in.remaining() == 0;
}

} // namespace

std::string ShareStateKey::text() const
{
    return fmt::format("{}:{}:{}", group, topicIdText(topicId), partition);
}

Bytes encodeShareStateKey(const ShareStateKey &key, bool isUpdate)
{
    Bytes bytes;
    ByteWriter out(bytes);
    out.integer(isUpdate ? kUpdateKey : kSnapshotKey);
    out.integer(static_cast<std::int16_t>(key.group.size()));
    out.bytes(asBytes(key.group));
    out.bytes(key.topicId);
    out.integer(key.partition);
    return bytes;
}

std::optional<std::pair<ShareStateKey, bool>> decodeShareStateKey(ByteView bytes)
{
    ByteReader in(bytes);
    const auto type = in.integer<std::int16_t>();
    const auto size = in.integer<std::int16_t>();
    if ((type != kSnapshotKey && type != kUpdateKey) || size < 0)
        return std::nullopt;
    ShareStateKey key;
    key.group = asText(in.bytes(static_cast<std::size_t>(size)));
    const ByteView id = in.bytes(key.topicId.size());
    std::ranges::copy(id, key.topicId.begin());
    key.partition = in.integer<std::int32_t>();
    if (!in.ok() || in.remaining() != 0)
        return std::nullopt;
    return std::pair(std::move(key), type == kUpdateKey);
}

Bytes encodeValue(const ShareSnapshotRecord &record)
{
    Bytes bytes;
    FlexibleWriter out(bytes);
    out.integer(kValueVersion);
    out.integer(record.snapshotEpoch);
    out.integer(record.stateEpoch);
    out.integer(record.leaderEpoch);
    out.integer(record.startOffset);
    out.integer(record.createTimestampMs);
    out.integer(record.writeTimestampMs);
    putBatches(out, record.batches);
    out.endStruct();
    return bytes;
}

Bytes encodeValue(const ShareUpdateRecord &record)
{
    Bytes bytes;
    FlexibleWriter out(bytes);
    out.integer(kValueVersion);
    out.integer(record.snapshotEpoch);
    out.integer(record.leaderEpoch);
    out.integer(record.startOffset);
    putBatches(out, record.batches);
    out.endStruct();
    return bytes;
}

std::optional<ShareSnapshotRecord> decodeShareSnapshot(ByteView bytes)
{
    FlexibleReader in(bytes);
    if (in.integer<std::int16_t>() != kValueVersion)
        return std::nullopt;
    ShareSnapshotRecord record;
    record.snapshotEpoch = in.integer<std::int32_t>();
    record.stateEpoch = in.integer<std::int32_t>();
    record.leaderEpoch = in.integer<std::int32_t>();
    record.startOffset = in.integer<std::int64_t>();
    record.createTimestampMs = in.integer<std::int64_t>();
    record.writeTimestampMs = in.integer<std::int64_t>();
    record.batches = readBatches(in);
    endValue(in);
    return isWhole(in) ? std::optional(std::move(record)) : std::nullopt;
}

std::optional<ShareUpdateRecord> decodeShareUpdate(ByteView bytes)
{
    FlexibleReader in(bytes);
    if (in.integer<std::int16_t>() != kValueVersion)
        return std::nullopt;
    ShareUpdateRecord record;
    record.snapshotEpoch = in.integer<std::int32_t>();
    record.leaderEpoch = in.integer<std::int32_t>();
    record.startOffset = in.integer<std::int64_t>();
    record.batches = readBatches(in);
    endValue(in);
    return isWhole(in) ? std::optional(std::move(record)) : std::nullopt;
}

} // namespace queuelab::log
