#include "engine/log/producer_entries.h"

#include "engine/core/crc32c.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>

namespace queuelab::log {
namespace {

constexpr std::int16_t kSnapshotVersion = 1;
constexpr std::size_t kCrcAt = 2;
constexpr std::size_t kCrcCoversFrom = 6;
constexpr std::size_t kSnapshotHeaderBytes = 10;
constexpr std::size_t kSnapshotEntryBytes = 46;
constexpr std::int32_t kMaxSequence = std::numeric_limits<std::int32_t>::max();

} // namespace

std::int32_t sequenceAfter(std::int32_t sequence, std::int32_t count)
{
    return sequence > kMaxSequence - count ? count - (kMaxSequence - sequence) - 1
                                           : sequence + count;
}

std::int32_t sequenceBefore(std::int32_t sequence, std::int32_t count)
{
    return sequence < count ? kMaxSequence - (count - sequence) + 1 : sequence - count;
}

Result<std::optional<ProducerEntries::Original>, ErrorCode> ProducerEntries::check(
    const BatchHeader &header) const
{
    const auto found = m_producers.find(header.producerId);
    if (found == m_producers.end()) // never seen, or forgotten: any sequence may come
        return std::nullopt;
    const Producer &producer = found->second;
    if (header.producerEpoch != producer.epoch) {
        if (header.producerEpoch < producer.epoch)
            return std::unexpected(ErrorCode::InvalidProducerEpoch);
        if (header.baseSequence != 0)
            return std::unexpected(ErrorCode::OutOfOrderSequenceNumber);
        return std::nullopt;
    }
    const std::int32_t lastSequence = sequenceAfter(header.baseSequence, header.lastOffsetDelta);
    for (const Batch &batch : std::span(producer.batches).first(producer.count)) {
        if (batch.lastSequence == lastSequence
            && sequenceBefore(batch.lastSequence, batch.offsetDelta) == header.baseSequence)
            return Original{
                batch.lastOffset - batch.offsetDelta, batch.lastOffset, batch.timestamp};
    }
    if (producer.count > 0
        && header.baseSequence != sequenceAfter(producer.batches.front().lastSequence, 1))
        return std::unexpected(ErrorCode::OutOfOrderSequenceNumber);
    return std::nullopt;
}

void ProducerEntries::note(const BatchHeader &header)
{
    if (header.producerId < 0 || header.isControl()) // a marker has no sequence
        return;
    Producer &producer = m_producers[header.producerId];
    if (producer.epoch != header.producerEpoch) {
        producer.epoch = header.producerEpoch;
        producer.count = 0;
    }
    add(producer,
        {sequenceAfter(header.baseSequence, header.lastOffsetDelta), header.lastOffsetDelta,
            header.lastOffset(), header.maxTimestamp});
}

void ProducerEntries::add(Producer &producer, const Batch &batch)
{
    producer.count = std::min(producer.count + 1, kBatchesKept);
    std::shift_right(producer.batches.begin(), producer.batches.end(), 1);
    producer.batches.front() = batch;
}

void ProducerEntries::expire(std::int64_t nowMs, std::int64_t idleMs)
{
    std::erase_if(m_producers, [&](const auto &entry) {
        return entry.second.batches.front().timestamp <= nowMs - idleMs;
    });
}

std::vector<ProducerEntry> ProducerEntries::list() const
{
    std::vector<ProducerEntry> entries;
    entries.reserve(m_producers.size());
    for (const auto &[id, producer] : m_producers) {
        const Batch &last = producer.batches.front();
        entries.push_back({id, producer.epoch, last.lastSequence, last.lastOffset, last.offsetDelta,
            last.timestamp, producer.coordinatorEpoch, producer.currentTxnFirstOffset});
    }
    return entries;
}

Bytes ProducerEntries::snapshot() const
{
    Bytes bytes;
    ByteWriter writer(bytes);
    writer.integer(kSnapshotVersion);
    writer.integer(std::uint32_t{0}); // the CRC, below
    writer.integer(static_cast<std::int32_t>(m_producers.size()));
    for (const ProducerEntry &entry : list()) {
        writer.integer(entry.producerId);
        writer.integer(entry.producerEpoch);
        writer.integer(entry.lastSequence);
        writer.integer(entry.lastOffset);
        writer.integer(entry.offsetDelta);
        writer.integer(entry.timestamp);
        writer.integer(entry.coordinatorEpoch);
        writer.integer(entry.currentTxnFirstOffset);
    }
    storeBigEndian(bytes.data() + kCrcAt, crc32c(ByteView(bytes).subspan(kCrcCoversFrom)));
    return bytes;
}

Result<std::vector<ProducerEntry>, std::string> ProducerEntries::parseSnapshot(ByteView bytes)
{
    ByteReader reader(bytes);
    const auto version = reader.integer<std::int16_t>();
    const auto crc = reader.integer<std::uint32_t>();
    const auto count = reader.integer<std::int32_t>();
    if (!reader.ok())
        return std::unexpected(fmt::format("{} bytes are no header", bytes.size()));
    if (version != kSnapshotVersion)
        return std::unexpected(fmt::format("unknown version {}, not 1", version));
    if (crc != crc32c(bytes.subspan(kCrcCoversFrom)))
        return std::unexpected("does not have the CRC it says");
    if (count < 0
        || bytes.size()
            != kSnapshotHeaderBytes + static_cast<std::size_t>(count) * kSnapshotEntryBytes)
        return std::unexpected(
            fmt::format("{} bytes where {} producers are said", bytes.size(), count));
    std::vector<ProducerEntry> entries;
    entries.reserve(static_cast<std::size_t>(count));
    for (std::int32_t i = 0; i < count; ++i) {
        ProducerEntry entry;
        entry.producerId = reader.integer<std::int64_t>();
        entry.producerEpoch = reader.integer<std::int16_t>();
        entry.lastSequence = reader.integer<std::int32_t>();
        entry.lastOffset = reader.integer<std::int64_t>();
        entry.offsetDelta = reader.integer<std::int32_t>();
        entry.timestamp = reader.integer<std::int64_t>();
        entry.coordinatorEpoch = reader.integer<std::int32_t>();
        entry.currentTxnFirstOffset = reader.integer<std::int64_t>();
        entries.push_back(entry);
    }
    return entries;
}

ProducerEntries ProducerEntries::of(const std::vector<ProducerEntry> &entries)
{
    ProducerEntries producers;
    for (const ProducerEntry &entry : entries) {
        Producer &producer = producers.m_producers[entry.producerId];
        producer.epoch = entry.producerEpoch;
        producer.coordinatorEpoch = entry.coordinatorEpoch;
        producer.currentTxnFirstOffset = entry.currentTxnFirstOffset;
        add(producer, {entry.lastSequence, entry.offsetDelta, entry.lastOffset, entry.timestamp});
    }
    return producers;
}

} // namespace queuelab::log
