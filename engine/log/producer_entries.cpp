#include "engine/log/producer_entries.h"

#include "engine/core/crc32c.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <span>
#include <utility>

namespace queuelab::log {
namespace {

constexpr std::int16_t kSnapshotVersion = 1;
constexpr std::size_t kSnapshotCrcAt = 2;
constexpr std::size_t kSnapshotCrcCoversFrom = 6;
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
    const BatchHeader &header, AppendOrigin origin, const ProducerTerms &terms) const
{
    const auto found = m_producers.find(header.producerId);
    const Producer *known = found == m_producers.end() ? nullptr : &found->second;
    const bool ofClient = origin == AppendOrigin::Client;
    if (known && ofClient) {
        if (const Batch *batch = find(*known, header))
            return Original{
                batch->lastOffset - batch->offsetDelta, batch->lastOffset, batch->timestamp};
    }
    if (known && header.producerEpoch < known->epoch && !terms.anyEpoch)
        return std::unexpected(ErrorCode::InvalidProducerEpoch);
    if (ofClient) {
        if (const ErrorCode error = checkSequence(known, header, terms); error != ErrorCode::None)
            return std::unexpected(error);
    }
    if (known && known->currentTxnFirstOffset >= 0 && !header.isTransactional())
        return std::unexpected(ErrorCode::InvalidTxnState);
    return std::nullopt;
}

/// The batch that `header` repeats, when it is remembered.
const ProducerEntries::Batch *ProducerEntries::find(
    const Producer &producer, const BatchHeader &header)
{
    if (header.producerEpoch != producer.epoch)
        return nullptr;
    const std::int32_t lastSequence = sequenceAfter(header.baseSequence, header.lastOffsetDelta);
    const std::span batches = std::span(producer.batches).first(producer.count);
    const auto batch = std::ranges::find_if(batches, [&](const Batch &candidate) {
        return candidate.lastSequence == lastSequence
            && sequenceBefore(candidate.lastSequence, candidate.offsetDelta) == header.baseSequence;
    });
    return batch == batches.end() ? nullptr : &*batch;
}

ErrorCode ProducerEntries::checkSequence(
    const Producer *producer, const BatchHeader &header, const ProducerTerms &terms)
{
    const std::int32_t sequence = header.baseSequence;
    if (terms.beginsAtZero && sequence != 0 && (!producer || producer->count == 0))
        return ErrorCode::OutOfOrderSequenceNumber;
    if (sequence > terms.lowestSequence)
        return ErrorCode::OutOfOrderSequenceNumber;
    if (!producer) // never seen, or forgotten: any sequence may come
        return ErrorCode::None;
    if (terms.anyEpoch && header.producerEpoch < producer->epoch)
        return ErrorCode::None;
    const bool sameEpoch = header.producerEpoch == producer->epoch;
    const std::int32_t expected = sameEpoch && producer->count > 0
        ? sequenceAfter(producer->batches.front().lastSequence, 1)
        : 0;
    return sequence == expected ? ErrorCode::None : ErrorCode::OutOfOrderSequenceNumber;
}

ErrorCode ProducerEntries::checkMarker(
    const BatchHeader &header, const EndTransaction &marker, const ProducerTerms &terms) const
{
    const auto found = m_producers.find(header.producerId);
    if (found == m_producers.end())
        return ErrorCode::None;
    const Producer &known = found->second;
    const bool bumps = terms.markerVersion >= 2;
    // The same marker again, after its transaction has ended, changes nothing; nor can the last
    // epoch of all go up.
    const bool again = bumps && header.producerEpoch == known.epoch
        && (known.currentTxnFirstOffset < 0 || header.producerEpoch == kLastProducerEpoch);
    const bool tooOld =
        bumps ? header.producerEpoch <= known.epoch : header.producerEpoch < known.epoch;
    if (tooOld && !again && !terms.anyEpoch)
        return ErrorCode::InvalidProducerEpoch;
    if (marker.coordinatorEpoch < known.coordinatorEpoch)
        return ErrorCode::TransactionCoordinatorFenced;
    return ErrorCode::None;
}

std::optional<EndedTransaction> ProducerEntries::note(
    const BatchHeader &header, const std::optional<EndTransaction> &marker)
{
    if (header.producerId < 0 || (header.isControl() && !marker))
        return std::nullopt;
    Producer &producer = m_producers[header.producerId];
    if (producer.epoch != header.producerEpoch) {
        producer.epoch = header.producerEpoch;
        producer.count = 0;
    }
    producer.lastTimestamp = header.maxTimestamp;
    if (!marker) {
        noteData(producer, header);
        return std::nullopt;
    }
    producer.coordinatorEpoch = marker->coordinatorEpoch;
    const std::int64_t first = std::exchange(producer.currentTxnFirstOffset, -1);
    if (first < 0) // a transaction without records here
        return std::nullopt;
    const PartitionTransaction ended =
        m_transactions.end(first, header.baseOffset, marker->committed);
    return EndedTransaction{ended, m_transactions.firstOpen().value_or(header.baseOffset + 1)};
}

void ProducerEntries::noteData(Producer &producer, const BatchHeader &header)
{
    add(producer,
        {header.baseSequence < 0 ? -1 : sequenceAfter(header.baseSequence, header.lastOffsetDelta),
            header.lastOffsetDelta, header.lastOffset(), header.maxTimestamp});
    if (!header.isTransactional())
        return;
    if (producer.currentTxnFirstOffset < 0) {
        producer.currentTxnFirstOffset = header.baseOffset;
        m_transactions.begin(header.producerId, header.producerEpoch, header.baseOffset);
    }
    m_transactions.count(producer.currentTxnFirstOffset, header.recordCount);
}

void ProducerEntries::recount(const BatchHeader &header)
{
    const auto found = m_producers.find(header.producerId);
    if (found == m_producers.end() || header.isControl() || !header.isTransactional())
        return;
    const std::int64_t first = found->second.currentTxnFirstOffset;
    if (first >= 0 && header.baseOffset >= first)
        m_transactions.count(first, header.recordCount);
}

bool ProducerEntries::hasOpenTransaction(std::int64_t producerId, std::int16_t producerEpoch) const
{
    const auto found = m_producers.find(producerId);
    return found != m_producers.end() && found->second.currentTxnFirstOffset >= 0
        && found->second.epoch == producerEpoch;
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
        return entry.second.currentTxnFirstOffset < 0
            && entry.second.lastTimestamp <= nowMs - idleMs;
    });
}

std::vector<ProducerEntry> ProducerEntries::list(std::size_t most) const
{
    std::vector<ProducerEntry> entries;
    entries.reserve(std::min(most, m_producers.size()));
    for (const auto &[id, producer] : m_producers) {
        if (entries.size() == most)
            break;
        const Batch last = producer.count > 0 ? producer.batches.front() : Batch{};
        entries.push_back({id, producer.epoch, last.lastSequence, last.lastOffset, last.offsetDelta,
            producer.lastTimestamp, producer.coordinatorEpoch, producer.currentTxnFirstOffset});
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
    storeBigEndian(
        bytes.data() + kSnapshotCrcAt, crc32c(ByteView(bytes).subspan(kSnapshotCrcCoversFrom)));
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
    if (crc != crc32c(bytes.subspan(kSnapshotCrcCoversFrom)))
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
        producer.lastTimestamp = entry.timestamp;
        if (entry.lastOffset >= 0) {
            add(producer,
                {entry.lastSequence, entry.offsetDelta, entry.lastOffset, entry.timestamp});
        }
        if (entry.currentTxnFirstOffset >= 0) {
            producers.m_transactions.begin(
                entry.producerId, entry.producerEpoch, entry.currentTxnFirstOffset);
        }
    }
    return producers;
}

} // namespace queuelab::log
