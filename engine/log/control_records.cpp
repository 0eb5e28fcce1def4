#include "engine/log/control_records.h"

#include "engine/log/flexible_fields.h"
#include "engine/log/record_batch.h"

namespace queuelab::log {
namespace {

constexpr std::int16_t kControlBit = 0x20;
constexpr std::int16_t kControlRecordVersion = 0; // of key and values, all of them

/// A control record is the only one of its batch. Its batch differs from others in one bit, which
/// the CRC covers.
Bytes controlBatch(
    BatchBuilder &builder, ControlType type, ByteView value, std::int64_t timestampMs)
{
    Bytes key;
    ByteWriter writer(key);
    writer.integer(kControlRecordVersion);
    writer.integer(static_cast<std::int16_t>(type));
    builder.append(timestampMs, key, value);
    Bytes batch = builder.takeUnsealed();
    BatchHeader header = *readBatchHeader(batch);
    header.attributes = static_cast<std::int16_t>(header.attributes | kControlBit);
    writeBatchHeader(batch.data(), header); // the attributes count in the CRC
    header.crc = batchCrc(batch);
    writeBatchHeader(batch.data(), header);
    return batch;
}

void writeVoters(FlexibleWriter &out, const std::vector<std::int32_t> &voters)
{
    out.arrayLength(voters.size());
    for (const std::int32_t voter : voters) {
        out.integer(voter);
        out.endStruct();
    }
}

} // namespace

std::optional<ControlType> readControlType(ByteView key)
{
    ByteReader in(key);
    in.integer<std::int16_t>(); // the version
    const auto type = in.integer<std::int16_t>();
    const bool isKnown = type >= static_cast<std::int16_t>(ControlType::Abort)
        && type <= static_cast<std::int16_t>(ControlType::LeaderChange);
    if (!in.ok() || !isKnown)
        return std::nullopt;
    return static_cast<ControlType>(type);
}

Bytes endTransactionBatch(ControlType type, std::int64_t producerId, std::int16_t producerEpoch,
    std::int32_t coordinatorEpoch, std::int64_t timestampMs)
{
    Bytes value;
    ByteWriter writer(value);
    writer.integer(kControlRecordVersion);
    writer.integer(coordinatorEpoch);
    BatchBuilder builder;
    builder.reset();
    builder.setProducer(producerId, producerEpoch, -1);
    builder.setTransactional(true);
    return controlBatch(builder, type, value, timestampMs);
}

std::optional<EndTransaction> readEndTransaction(const BatchHeader &header, ByteView bytes)
{
    if (!header.isControl())
        return std::nullopt;
    RecordCursor cursor(bytes.first(header.sizeBytes()));
    if (!cursor.next() || !cursor.record().key || !cursor.record().value)
        return std::nullopt;
    const auto type = readControlType(*cursor.record().key);
    ByteReader value(*cursor.record().value);
    value.integer<std::int16_t>(); // the version
    const auto coordinatorEpoch = value.integer<std::int32_t>();
    if (!value.ok() || (type != ControlType::Abort && type != ControlType::Commit))
        return std::nullopt;
    return EndTransaction{type == ControlType::Commit, coordinatorEpoch};
}

Bytes leaderChangeBatch(const LeaderChange &change, std::int64_t timestampMs)
{
    Bytes value;
    FlexibleWriter out(value);
    out.integer(kControlRecordVersion);
    out.integer(change.leader);
    writeVoters(out, change.voters);
    writeVoters(out, change.grantingVoters);
    out.endStruct();
    BatchBuilder builder;
    return controlBatch(builder, ControlType::LeaderChange, value, timestampMs);
}

} // namespace queuelab::log
