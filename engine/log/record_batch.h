#pragma once

#include "engine/core/bytes.h"
#include "engine/core/result.h"
#include "engine/log/types.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

namespace queuelab::log {

/// Record batch v2 (magic 2), byte for byte as Kafka stores and sends it (facts: kafka.md 1.1,
/// golden bytes 1.2).
inline constexpr std::size_t kBatchHeaderBytes = 61;
inline constexpr std::size_t kLogOverheadBytes =
    12; ///< baseOffset and batchLength, before what batchLength counts

/// The fixed header, decoded. Offsets and sequences of record i are base + i unless the batch was
/// compacted.
struct BatchHeader {
    std::int64_t baseOffset = 0;
    std::int32_t batchLength = 0; ///< bytes after this field; the whole batch is batchLength + 12
    std::int32_t partitionLeaderEpoch = -1;
    std::int8_t magic = 2;
    std::uint32_t crc = 0; ///< CRC-32C over everything from `attributes` on
    std::int16_t attributes = 0;
    std::int32_t lastOffsetDelta = 0;
    std::int64_t baseTimestamp = -1; ///< milliseconds since the epoch
    std::int64_t maxTimestamp = -1;
    std::int64_t producerId = -1;
    std::int16_t producerEpoch = -1;
    std::int32_t baseSequence = -1;
    std::int32_t recordCount = 0;

    std::size_t sizeBytes() const
    {
        return static_cast<std::size_t>(batchLength) + kLogOverheadBytes;
    }
    std::int64_t lastOffset() const { return baseOffset + lastOffsetDelta; }
    int codec() const { return attributes & kCodecBits; }
    bool isLogAppendTime() const { return (attributes & 0x08) != 0; }
    bool isTransactional() const { return (attributes & 0x10) != 0; }
    bool isControl() const { return (attributes & 0x20) != 0; }
    /// When the tombstones of the batch, or the transaction marker in it, may go (milliseconds
    /// since the epoch): compaction writes it where baseTimestamp stands, and the records'
    /// timestamps count from it.
    std::optional<std::int64_t> deleteHorizon() const
    {
        return (attributes & kDeleteHorizonBit) != 0 ? std::optional(baseTimestamp) : std::nullopt;
    }
    static constexpr std::int16_t kCodecBits = 0x07;
    static constexpr std::int16_t kDeleteHorizonBit = 0x40;
};

/// Decodes the header at the front of `bytes`. Nothing when fewer than 61 bytes are there. Checks
/// no field.
std::optional<BatchHeader> readBatchHeader(ByteView bytes);
/// Encodes it, as it is, into the 61 bytes at `at`.
void writeBatchHeader(std::uint8_t *at, const BatchHeader &header);
/// The CRC a batch must carry. `batch` is one whole batch.
std::uint32_t batchCrc(ByteView batch);
/// Writes into a whole batch who writes it and its first sequence (-1 of each: nobody whom brokers
/// know), and then its CRC.
void sealBatch(std::span<std::uint8_t> batch, std::int64_t producerId, std::int16_t producerEpoch,
    std::int32_t baseSequence);

enum class BatchFault : std::uint8_t { TooShort, BadMagic, BadLength, BadCrc, BadCount };
/// Whether the batch at the front of `bytes` is whole: length, magic, CRC and sane counts. Returns
/// its header.
Result<BatchHeader, BatchFault> checkBatch(ByteView bytes);

struct HeaderView {
    std::string_view key;
    std::optional<ByteView> value;
};
/// One record of a batch; views into the batch.
struct RecordView {
    std::int64_t offset = 0;
    std::int64_t timestamp = 0;
    std::optional<ByteView> key;
    std::optional<ByteView> value;
    ByteView headerBytes; ///< the encoded headers: decode with readHeaders() when they are wanted
    std::int32_t headerCount = 0;
};
/// Nothing when they are malformed.
std::optional<std::vector<HeaderView>> readHeaders(const RecordView &record);

/// Walks the records of one batch, without allocating when it is not compressed:
///   for (RecordCursor cursor(batch); cursor.next();) use(cursor.record());
/// After the loop ok() tells whether all of them were well formed, and could be decompressed. Views
/// of a compressed batch's records point into what the cursor holds, and live as long as it or a
/// copy of it.
class RecordCursor {
public:
    /// `batch` is a whole batch whose header was checked.
    explicit RecordCursor(ByteView batch);
    bool next();
    const RecordView &record() const { return m_record; }
    /// The current record as it is encoded, its length in front.
    ByteView bytes() const { return {m_begin, m_at}; }
    bool ok() const { return m_ok; }

private:
    bool stop(bool ok);

    const std::uint8_t *m_begin = nullptr; // the current record
    const std::uint8_t *m_at = nullptr; // the next record
    const std::uint8_t *m_end = nullptr;
    std::int64_t m_baseOffset = 0;
    std::int64_t m_baseTimestamp = 0;
    std::int64_t m_logAppendTime = -1; // of all records, when the leader stamped them
    std::int32_t m_left = 0;
    bool m_ok = true;
    RecordView m_record;
    SharedBytes m_decompressed; // what m_at walks over, when the batch is compressed
};

/// Builds one batch in a buffer that is reused: no allocation per record once it has
/// grown.
class BatchBuilder {
public:
    struct Header {
        std::string_view key;
        std::optional<ByteView> value;
    };

    /// Starts a new batch; the buffer keeps its capacity.
    void reset(std::int64_t baseOffset = 0);
    void setProducer(
        std::int64_t producerId, std::int16_t producerEpoch, std::int32_t baseSequence);
    void setTransactional(bool transactional);
    /// For this batch and those after it; finish() compresses.
    void setCompression(CompressionType type);
    void append(std::int64_t timestampMs, std::optional<ByteView> key,
        std::optional<ByteView> value, std::span<const Header> headers = {});
    std::int32_t recordCount() const { return m_count; }
    /// Bytes of the finished batch, header included; before compression.
    std::size_t sizeBytes() const { return m_used; }
    /// Upper bound of what append() of such a record adds, headers left out.
    static std::size_t recordSizeUpperBound(std::size_t keyBytes, std::size_t valueBytes)
    {
        return keyBytes + valueBytes + 21;
    }
    /// Fills in the header and the CRC. The view holds until the next reset() or append().
    ByteView finish();
    /// As finish(), but a copy of its own; the builder keeps its buffer.
    SharedBytes take();
    /// As take(), but left to be closed by sealBatch(): there is no CRC yet.
    Bytes takeUnsealed();

private:
    void makeRoom(std::size_t bytes);
    std::span<std::uint8_t> fillIn();

    Bytes m_compressed; // the finished batch, when it is compressed
    Bytes m_buffer; // grown geometrically; only the first m_used bytes count
    std::size_t m_used = kBatchHeaderBytes;
    std::int64_t m_baseOffset = 0;
    std::int64_t m_baseTimestamp = -1;
    std::int64_t m_maxTimestamp = -1;
    std::int64_t m_producerId = -1;
    std::int16_t m_producerEpoch = -1;
    std::int32_t m_baseSequence = -1;
    std::int32_t m_count = 0;
    std::int16_t m_attributes = 0; // without the codec
    CompressionType m_compression = CompressionType::None;
};

} // namespace queuelab::log
