#include "engine/log/batch_rewriter.h"

#include "engine/log/compression.h"

#include <algorithm>

namespace queuelab::log {
namespace {

/// Fills in what depends on the bytes behind the header, which begins at `at`.
void seal(BatchHeader header, std::size_t at, Bytes &out)
{
    header.batchLength = static_cast<std::int32_t>(out.size() - at - kLogOverheadBytes);
    writeBatchHeader(out.data() + at, header);
    header.crc = batchCrc(ByteView(out).subspan(at));
    writeBatchHeader(out.data() + at, header);
}

/// The same records: those that lie one behind the other are copied in one go.
void copyRecords(std::span<const KeptRecord> kept, Bytes &out)
{
    for (std::size_t i = 0; i < kept.size();) {
        const std::uint8_t *const begin = kept[i].bytes.data();
        const std::uint8_t *end = begin;
        for (; i < kept.size() && kept[i].bytes.data() == end; ++i)
            end += kept[i].bytes.size();
        out.insert(out.end(), begin, end);
    }
}

/// The same records, their timestamps counted from another base.
void rebaseRecords(std::span<const KeptRecord> kept, std::int64_t baseTimestamp, Bytes &out)
{
    for (const KeptRecord &record : kept) {
        ByteReader reader(record.bytes);
        reader.varint(32); // its length
        const auto attributes = reader.integer<std::uint8_t>();
        reader.varint(64); // the timestamp as it was
        const ByteView rest = record.bytes.subspan(reader.position());
        // Unsigned: deltas of a hostile batch may overflow.
        const auto delta = static_cast<std::int64_t>(static_cast<std::uint64_t>(record.timestamp)
            - static_cast<std::uint64_t>(baseTimestamp));
        std::uint8_t front[2 * kMaxVarintBytes + 1];
        std::size_t size =
            storeVarint(front, static_cast<std::int64_t>(1 + varintSize(delta) + rest.size()));
        front[size++] = attributes;
        size += storeVarint(front + size, delta);
        out.insert(out.end(), front, front + size);
        out.insert(out.end(), rest.begin(), rest.end());
    }
}

} // namespace

void BatchRewriter::rewrite(const BatchHeader &original, std::span<const KeptRecord> kept,
    std::optional<std::int64_t> deleteHorizon, Bytes &out)
{
    BatchHeader header = original;
    header.recordCount = static_cast<std::int32_t>(kept.size());
    header.baseTimestamp = deleteHorizon.value_or(kept.front().timestamp);
    if (!original.isLogAppendTime())
        header.maxTimestamp = std::ranges::max_element(kept, {}, &KeptRecord::timestamp)->timestamp;
    if (deleteHorizon)
        header.attributes =
            static_cast<std::int16_t>(header.attributes | BatchHeader::kDeleteHorizonBit);

    const std::size_t at = out.size();
    out.resize(at + kBatchHeaderBytes);
    const auto codec = static_cast<CompressionType>(original.codec());
    const bool isPlain = codec == CompressionType::None;
    m_records.clear();
    Bytes &records = isPlain ? out : m_records;
    // With LogAppendTime the deltas in the records mean nothing: Kafka writes them anew too.
    if (header.baseTimestamp == original.baseTimestamp && !original.isLogAppendTime())
        copyRecords(kept, records);
    else
        rebaseRecords(kept, header.baseTimestamp, records);
    if (!isPlain)
        compress(codec, m_records, out);
    seal(header, at, out);
}

void BatchRewriter::empty(const BatchHeader &original, Bytes &out)
{
    BatchHeader header = original;
    header.recordCount = 0;
    header.baseTimestamp = -1;
    header.attributes = static_cast<std::int16_t>(
        header.attributes & ~(BatchHeader::kCodecBits | BatchHeader::kDeleteHorizonBit));
    const std::size_t at = out.size();
    out.resize(at + kBatchHeaderBytes);
    seal(header, at, out);
}

} // namespace queuelab::log
