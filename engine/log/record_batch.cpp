#include "engine/log/record_batch.h"

#include "engine/core/crc32c.h"
#include "engine/log/compression.h"

#include <algorithm>

namespace queuelab::log {
namespace {

// Where the header's fields lie (facts: kafka.md 1.1).
constexpr std::size_t kBatchLengthAt = 8;
constexpr std::size_t kLeaderEpochAt = 12;
constexpr std::size_t kMagicAt = 16;
constexpr std::size_t kCrcAt = 17;
constexpr std::size_t kAttributesAt = 21;
constexpr std::size_t kLastOffsetDeltaAt = 23;
constexpr std::size_t kBaseTimestampAt = 27;
constexpr std::size_t kMaxTimestampAt = 35;
constexpr std::size_t kProducerIdAt = 43;
constexpr std::size_t kProducerEpochAt = 51;
constexpr std::size_t kBaseSequenceAt = 53;
constexpr std::size_t kRecordCountAt = 57;

constexpr std::int16_t kTransactional = 0x10;

/// Reads one record without a bounds check per byte where one for the whole varint does.
class RecordReader {
public:
    RecordReader(const std::uint8_t *at, const std::uint8_t *end)
        : m_at(at)
        , m_end(end)
    {
    }

    const std::uint8_t *at() const { return m_at; }
    bool ok() const { return m_ok; }
    std::ptrdiff_t left() const { return m_end - m_at; }

    [[gnu::always_inline]] std::int64_t varint(int bits)
    {
        // Nearly all have one byte or two. What calls longVarint() gives it copies, so that this
        // reader can stay in registers.
        if (m_at < m_end && *m_at < 0x80)
            return zigZag(*m_at++);
        if (left() >= 2 && m_at[1] < 0x80) {
            const std::uint32_t raw = (m_at[0] & 0x7fU) | std::uint32_t{m_at[1]} << 7;
            m_at += 2;
            return zigZag(raw);
        }
        const Varint read = longVarint(m_at, m_end, bits);
        m_at += read.size;
        m_ok = m_ok && read.ok;
        return read.value;
    }
    void skipByte()
    {
        if (m_at < m_end)
            ++m_at;
        else
            m_ok = false;
    }
    /// Length and bytes; -1 is null. Made where they are to be: a copy would read in one piece what
    /// was just written in two, and the processor waits then.
    [[gnu::always_inline]] void nullableBytes(std::optional<ByteView> &bytes)
    {
        const std::int64_t size = varint(32);
        if (size < 0 || size > left()) {
            m_ok = m_ok && size == -1;
            bytes.reset();
            return;
        }
        bytes.emplace(m_at, static_cast<std::size_t>(size));
        m_at += size;
    }

private:
    struct Varint {
        std::int64_t value;
        std::size_t size;
        bool ok;
    };
    [[gnu::noinline]] static Varint longVarint(
        const std::uint8_t *at, const std::uint8_t *end, int bits)
    {
        ByteReader reader({at, end});
        const std::int64_t value = reader.varint(bits);
        return {value, reader.position(), reader.ok()};
    }
    static std::int64_t zigZag(std::uint32_t raw)
    {
        return static_cast<std::int64_t>(raw >> 1) ^ -static_cast<std::int64_t>(raw & 1);
    }

    const std::uint8_t *m_at;
    const std::uint8_t *m_end;
    bool m_ok = true;
};

std::size_t nullableSize(const std::optional<ByteView> &bytes)
{
    return bytes ? varintSize(static_cast<std::int64_t>(bytes->size())) + bytes->size() : 1;
}

std::uint8_t *store(std::uint8_t *at, std::int64_t varint)
{
    const auto raw =
        (static_cast<std::uint64_t>(varint) << 1) ^ static_cast<std::uint64_t>(varint >> 63);
    if (raw < 0x80) { // nearly all have one byte or two
        *at = static_cast<std::uint8_t>(raw);
        return at + 1;
    }
    if (raw < 0x4000) {
        at[0] = static_cast<std::uint8_t>(raw | 0x80);
        at[1] = static_cast<std::uint8_t>(raw >> 7);
        return at + 2;
    }
    return at + storeVarint(at, varint);
}

std::uint8_t *storeNullable(std::uint8_t *at, const std::optional<ByteView> &bytes)
{
    if (!bytes)
        return store(at, -1);
    at = store(at, static_cast<std::int64_t>(bytes->size()));
    if (!bytes->empty())
        std::memcpy(at, bytes->data(), bytes->size());
    return at + bytes->size();
}

} // namespace

std::optional<BatchHeader> readBatchHeader(ByteView bytes)
{
    if (bytes.size() < kBatchHeaderBytes)
        return std::nullopt;
    const std::uint8_t *at = bytes.data();
    return BatchHeader{
        .baseOffset = loadBigEndian<std::int64_t>(at),
        .batchLength = loadBigEndian<std::int32_t>(at + kBatchLengthAt),
        .partitionLeaderEpoch = loadBigEndian<std::int32_t>(at + kLeaderEpochAt),
        .magic = loadBigEndian<std::int8_t>(at + kMagicAt),
        .crc = loadBigEndian<std::uint32_t>(at + kCrcAt),
        .attributes = loadBigEndian<std::int16_t>(at + kAttributesAt),
        .lastOffsetDelta = loadBigEndian<std::int32_t>(at + kLastOffsetDeltaAt),
        .baseTimestamp = loadBigEndian<std::int64_t>(at + kBaseTimestampAt),
        .maxTimestamp = loadBigEndian<std::int64_t>(at + kMaxTimestampAt),
        .producerId = loadBigEndian<std::int64_t>(at + kProducerIdAt),
        .producerEpoch = loadBigEndian<std::int16_t>(at + kProducerEpochAt),
        .baseSequence = loadBigEndian<std::int32_t>(at + kBaseSequenceAt),
        .recordCount = loadBigEndian<std::int32_t>(at + kRecordCountAt),
    };
}

void writeBatchHeader(std::uint8_t *at, const BatchHeader &header)
{
    storeBigEndian(at, header.baseOffset);
    storeBigEndian(at + kBatchLengthAt, header.batchLength);
    storeBigEndian(at + kLeaderEpochAt, header.partitionLeaderEpoch);
    storeBigEndian(at + kMagicAt, header.magic);
    storeBigEndian(at + kCrcAt, header.crc);
    storeBigEndian(at + kAttributesAt, header.attributes);
    storeBigEndian(at + kLastOffsetDeltaAt, header.lastOffsetDelta);
    storeBigEndian(at + kBaseTimestampAt, header.baseTimestamp);
    storeBigEndian(at + kMaxTimestampAt, header.maxTimestamp);
    storeBigEndian(at + kProducerIdAt, header.producerId);
    storeBigEndian(at + kProducerEpochAt, header.producerEpoch);
    storeBigEndian(at + kBaseSequenceAt, header.baseSequence);
    storeBigEndian(at + kRecordCountAt, header.recordCount);
}

std::uint32_t batchCrc(ByteView batch)
{
    return crc32c(batch.subspan(kAttributesAt));
}

void sealBatch(std::span<std::uint8_t> batch, std::int64_t producerId, std::int16_t producerEpoch,
    std::int32_t baseSequence)
{
    storeBigEndian(batch.data() + kProducerIdAt, producerId);
    storeBigEndian(batch.data() + kProducerEpochAt, producerEpoch);
    storeBigEndian(batch.data() + kBaseSequenceAt, baseSequence);
    storeBigEndian(batch.data() + kCrcAt, batchCrc(batch));
}

Result<BatchHeader, BatchFault> checkBatch(ByteView bytes)
{
    const auto header = readBatchHeader(bytes);
    if (!header)
        return std::unexpected(BatchFault::TooShort);
    if (header->magic != 2)
        return std::unexpected(BatchFault::BadMagic);
    if (header->batchLength < static_cast<std::int32_t>(kBatchHeaderBytes - kLogOverheadBytes))
        return std::unexpected(BatchFault::BadLength);
    if (header->sizeBytes() > bytes.size())
        return std::unexpected(BatchFault::TooShort);
    if (header->crc != batchCrc(bytes.first(header->sizeBytes())))
        return std::unexpected(BatchFault::BadCrc);
    if (header->recordCount < 0 || header->lastOffsetDelta < 0
        || header->lastOffsetDelta < header->recordCount - 1)
        return std::unexpected(BatchFault::BadCount);
    return *header;
}

std::optional<std::vector<HeaderView>> readHeaders(const RecordView &record)
{
    RecordReader reader(
        record.headerBytes.data(), record.headerBytes.data() + record.headerBytes.size());
    std::vector<HeaderView> headers;
    for (std::int32_t i = 0; i < record.headerCount && reader.ok(); ++i) {
        std::optional<ByteView> key;
        std::optional<ByteView> value;
        reader.nullableBytes(key);
        reader.nullableBytes(value);
        if (!key)
            return std::nullopt;
        headers.push_back({asText(*key), value});
    }
    if (!reader.ok() || reader.left() != 0)
        return std::nullopt;
    return headers;
}

RecordCursor::RecordCursor(ByteView batch)
{
    const auto header = readBatchHeader(batch);
    if (!header || header->sizeBytes() > batch.size()) {
        m_ok = false;
        return;
    }
    ByteView records = batch.subspan(kBatchHeaderBytes, header->sizeBytes() - kBatchHeaderBytes);
    if (header->codec() != 0) {
        const auto type = static_cast<CompressionType>(header->codec());
        Bytes decompressed;
        m_ok = decompress(type, records, decompressed).has_value();
        if (!m_ok)
            return;
        m_decompressed = SharedBytes(std::move(decompressed));
        records = m_decompressed.view();
    }
    m_at = records.data();
    m_end = m_at + records.size();
    m_baseOffset = header->baseOffset;
    m_baseTimestamp = header->baseTimestamp;
    if (header->isLogAppendTime())
        m_logAppendTime = header->maxTimestamp;
    m_left = header->recordCount;
}

bool RecordCursor::stop(bool ok)
{
    m_ok = m_ok && ok;
    m_left = 0;
    m_end = m_at;
    return false;
}

bool RecordCursor::next()
{
    if (m_left <= 0)
        return stop(m_at == m_end);
    RecordReader outer(m_at, m_end);
    const std::int64_t length = outer.varint(32);
    if (!outer.ok() || length < 0 || length > outer.left())
        return stop(false);
    const std::uint8_t *const recordEnd = outer.at() + length;
    RecordReader reader(outer.at(), recordEnd);
    reader.skipByte(); // attributes: none are defined
    const std::int64_t timestampDelta = reader.varint(64);
    const std::int64_t offsetDelta = reader.varint(32);
    reader.nullableBytes(m_record.key);
    reader.nullableBytes(m_record.value);
    const std::int64_t headerCount = reader.varint(32);
    // Two bytes are the shortest header, so a count that cannot be true is refused before anyone
    // reserves room for it.
    if (!reader.ok() || offsetDelta < 0 || headerCount < 0 || headerCount * 2 > reader.left()
        || (headerCount == 0 && reader.left() != 0))
        return stop(false);
    m_record.offset = m_baseOffset + offsetDelta;
    // Unsigned: deltas of a hostile batch may overflow.
    m_record.timestamp = m_logAppendTime >= 0
        ? m_logAppendTime
        : static_cast<std::int64_t>(static_cast<std::uint64_t>(m_baseTimestamp)
              + static_cast<std::uint64_t>(timestampDelta));
    m_record.headerBytes = ByteView(reader.at(), recordEnd);
    m_record.headerCount = static_cast<std::int32_t>(headerCount);
    m_begin = m_at;
    m_at = recordEnd;
    --m_left;
    return true;
}

void BatchBuilder::reset(std::int64_t baseOffset)
{
    m_used = kBatchHeaderBytes;
    m_baseOffset = baseOffset;
    m_baseTimestamp = -1;
    m_maxTimestamp = -1;
    m_producerId = -1;
    m_producerEpoch = -1;
    m_baseSequence = -1;
    m_count = 0;
    m_attributes = 0;
}

void BatchBuilder::setProducer(
    std::int64_t producerId, std::int16_t producerEpoch, std::int32_t baseSequence)
{
    m_producerId = producerId;
    m_producerEpoch = producerEpoch;
    m_baseSequence = baseSequence;
}

void BatchBuilder::setTransactional(bool transactional)
{
    m_attributes = transactional ? kTransactional : std::int16_t{0};
}

void BatchBuilder::setCompression(CompressionType type)
{
    m_compression = type;
}

void BatchBuilder::makeRoom(std::size_t bytes)
{
    if (m_buffer.size() < m_used + bytes)
        m_buffer.resize(std::max(m_used + bytes, m_buffer.size() * 2));
}

void BatchBuilder::append(std::int64_t timestampMs, std::optional<ByteView> key,
    std::optional<ByteView> value, std::span<const Header> headers)
{
    if (m_count == 0)
        m_baseTimestamp = timestampMs;
    m_maxTimestamp = m_count == 0 ? timestampMs : std::max(m_maxTimestamp, timestampMs);
    const std::int64_t timestampDelta = timestampMs - m_baseTimestamp;

    std::size_t length = 1 + varintSize(timestampDelta) + varintSize(m_count) + nullableSize(key)
        + nullableSize(value) + varintSize(static_cast<std::int64_t>(headers.size()));
    for (const Header &header : headers)
        length += nullableSize(asBytes(header.key)) + nullableSize(header.value);
    makeRoom(length + kMaxVarintBytes);

    std::uint8_t *at = m_buffer.data() + m_used;
    at = store(at, static_cast<std::int64_t>(length));
    *at++ = 0; // attributes: none are defined
    at = store(at, timestampDelta);
    at = store(at, m_count);
    at = storeNullable(at, key);
    at = storeNullable(at, value);
    at = store(at, static_cast<std::int64_t>(headers.size()));
    for (const Header &header : headers) {
        at = storeNullable(at, asBytes(header.key));
        at = storeNullable(at, header.value);
    }
    m_used = static_cast<std::size_t>(at - m_buffer.data());
    ++m_count;
}

/// The batch with its header, all but the CRC.
std::span<std::uint8_t> BatchBuilder::fillIn()
{
    makeRoom(0);
    Bytes *bytes = &m_buffer;
    std::size_t size = m_used;
    if (m_compression != CompressionType::None) {
        m_compressed.resize(kBatchHeaderBytes);
        compress(m_compression,
            ByteView(m_buffer).subspan(kBatchHeaderBytes, m_used - kBatchHeaderBytes),
            m_compressed);
        bytes = &m_compressed;
        size = m_compressed.size();
    }
    const BatchHeader header{
        .baseOffset = m_baseOffset,
        .batchLength = static_cast<std::int32_t>(size - kLogOverheadBytes),
        .attributes = static_cast<std::int16_t>(m_attributes | static_cast<int>(m_compression)),
        .lastOffsetDelta = std::max(m_count - 1, 0),
        .baseTimestamp = m_baseTimestamp,
        .maxTimestamp = m_maxTimestamp,
        .producerId = m_producerId,
        .producerEpoch = m_producerEpoch,
        .baseSequence = m_baseSequence,
        .recordCount = m_count,
    };
    writeBatchHeader(bytes->data(), header);
    return {bytes->data(), size};
}

ByteView BatchBuilder::finish()
{
    const std::span<std::uint8_t> batch = fillIn();
    storeBigEndian(batch.data() + kCrcAt, batchCrc(batch));
    return batch;
}

SharedBytes BatchBuilder::take()
{
    const ByteView batch = finish();
    return SharedBytes(Bytes(batch.begin(), batch.end()));
}

Bytes BatchBuilder::takeUnsealed()
{
    const std::span<std::uint8_t> batch = fillIn();
    return {batch.begin(), batch.end()};
}

} // namespace queuelab::log
