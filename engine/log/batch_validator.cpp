#include "engine/log/batch_validator.h"

#include "engine/core/crc32c.h"
#include "engine/log/compression.h"

#include <array>
#include <limits>

namespace queuelab::log {
namespace {

constexpr std::int16_t kLogAppendTimeBit = 0x08;
constexpr int kCodecs = 5;
constexpr std::size_t kCrcCoversFrom = 21;

/// The header's own claims.
Result<BatchHeader, ErrorCode> validateHeader(
    ByteView batch, const LogConfig &config, std::int64_t nowMs, AppendOrigin origin)
{
    if (batch.size() > static_cast<std::size_t>(config.maxMessageBytes))
        return std::unexpected(ErrorCode::MessageTooLarge);
    const auto header = checkBatch(batch);
    if (!header)
        return std::unexpected(errorFor(header.error()));
    if (header->sizeBytes() != batch.size()) // a second batch, or a part of one
        return std::unexpected(ErrorCode::InvalidRecord);
    if (header->recordCount <= 0 || header->lastOffsetDelta != header->recordCount - 1)
        return std::unexpected(ErrorCode::InvalidRecord);
    if (origin == AppendOrigin::Broker)
        return *header;
    if (header->isControl() || (header->producerId >= 0 && header->baseSequence < 0))
        return std::unexpected(ErrorCode::InvalidRecord);
    if (header->isLogAppendTime()) // only the leader stamps
        return std::unexpected(ErrorCode::InvalidTimestamp);
    if (!config.logAppendTime && header->maxTimestamp > nowMs
        && header->maxTimestamp - nowMs > config.timestampAfterMaxMs)
        return std::unexpected(ErrorCode::InvalidTimestamp);
    if (batch.size() > static_cast<std::size_t>(config.segmentBytes))
        return std::unexpected(ErrorCode::RecordListTooLarge);
    return *header;
}

/// The records: as many as the header says, whole, numbered in order, none too old or too new, all
/// with a key where the topic is compacted.
ErrorCode validateRecords(ByteView batch, const LogConfig &config, std::int64_t nowMs)
{
    RecordCursor cursor(batch);
    std::int64_t offset = readBatchHeader(batch)->baseOffset;
    ErrorCode found = ErrorCode::None;
    while (cursor.next()) {
        const RecordView &record = cursor.record();
        if (record.offset != offset++)
            return ErrorCode::InvalidRecord;
        if (config.compacts && !record.key)
            return ErrorCode::InvalidRecord;
        const bool tooOld = record.timestamp < nowMs - config.timestampBeforeMaxMs;
        const bool tooNew =
            record.timestamp > nowMs && record.timestamp - nowMs > config.timestampAfterMaxMs;
        if (!config.logAppendTime && record.timestamp >= 0 && (tooOld || tooNew))
            found = ErrorCode::InvalidTimestamp;
    }
    return cursor.ok() ? found : ErrorCode::InvalidRecord;
}

/// Gives `valid` the topic's codec.
ErrorCode recompress(ValidBatch &valid, const LogConfig &config)
{
    Bytes records;
    const auto from = static_cast<CompressionType>(valid.header.codec());
    if (!decompress(from, valid.records, records))
        return ErrorCode::InvalidRecord;
    compress(*config.compression, records, valid.recompressed);
    valid.records = valid.recompressed;
    valid.header.attributes =
        static_cast<std::int16_t>((valid.header.attributes & ~BatchHeader::kCodecBits)
            | static_cast<int>(*config.compression));
    valid.header.batchLength =
        static_cast<std::int32_t>(kBatchHeaderBytes - kLogOverheadBytes + valid.records.size());
    // Kafka looks at the sizes again.
    if (valid.header.sizeBytes() > static_cast<std::size_t>(config.maxMessageBytes))
        return ErrorCode::MessageTooLarge;
    if (valid.header.sizeBytes() > static_cast<std::size_t>(config.segmentBytes))
        return ErrorCode::RecordListTooLarge;
    return ErrorCode::None;
}

} // namespace

ErrorCode errorFor(BatchFault fault)
{
    switch (fault) {
    case BatchFault::BadMagic:
    case BatchFault::BadCount:
        return ErrorCode::InvalidRecord;
    case BatchFault::TooShort:
    case BatchFault::BadLength:
    case BatchFault::BadCrc:
        return ErrorCode::CorruptMessage;
    }
    return ErrorCode::CorruptMessage;
}

Result<ValidBatch, ErrorCode> validateBatch(
    ByteView batch, const LogConfig &config, std::int64_t nowMs, AppendOrigin origin)
{
    const auto header = validateHeader(batch, config, nowMs, origin);
    if (!header)
        return std::unexpected(header.error());
    ValidBatch valid{*header, batch.subspan(kBatchHeaderBytes)};
    if (header->codec() >= kCodecs)
        return std::unexpected(ErrorCode::InvalidRecord);
    const bool recode = config.compression && !header->isControl()
        && static_cast<int>(*config.compression) != header->codec();
    const bool boundsAge = config.timestampBeforeMaxMs != std::numeric_limits<std::int64_t>::max();
    if (origin == AppendOrigin::Client
        && (header->codec() != 0 || recode || boundsAge || config.compacts)) {
        if (const ErrorCode error = validateRecords(batch, config, nowMs); error != ErrorCode::None)
            return std::unexpected(error);
    }
    if (recode) {
        if (const ErrorCode error = recompress(valid, config); error != ErrorCode::None)
            return std::unexpected(error);
    }
    if (config.logAppendTime) {
        valid.header.attributes =
            static_cast<std::int16_t>(valid.header.attributes | kLogAppendTimeBit);
        valid.header.maxTimestamp = nowMs;
    }
    if (recode || config.logAppendTime) {
        std::array<std::uint8_t, kBatchHeaderBytes> front;
        writeBatchHeader(front.data(), valid.header);
        valid.header.crc = crc32c(valid.records, crc32c(ByteView(front).subspan(kCrcCoversFrom)));
    }
    return valid;
}

} // namespace queuelab::log
