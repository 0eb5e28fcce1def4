#include "engine/log/partition_transactions.h"

#include "engine/core/result.h"

#include <algorithm>

namespace queuelab::log {

void PartitionTransactions::begin(
    std::int64_t producerId, std::int16_t producerEpoch, std::int64_t firstOffset)
{
    m_open.emplace_hint(m_open.end(), firstOffset,
        PartitionTransaction{
            .producerId = producerId, .producerEpoch = producerEpoch, .firstOffset = firstOffset});
}

void PartitionTransactions::count(std::int64_t firstOffset, std::int32_t records)
{
    m_open.at(firstOffset).recordCount += records;
}

PartitionTransaction PartitionTransactions::end(
    std::int64_t firstOffset, std::int64_t markerOffset, bool committed)
{
    auto node = m_open.extract(firstOffset);
    invariant(!node.empty(), "only an open transaction ends");
    PartitionTransaction transaction = node.mapped();
    transaction.markerOffset = markerOffset;
    transaction.committed = committed;
    m_ended.emplace(firstOffset, transaction);
    m_endedByMarker.push_back(firstOffset);
    return transaction;
}

void PartitionTransactions::replicatedTo(std::int64_t highWatermark)
{
    while (!m_endedByMarker.empty()) {
        const auto next = m_ended.find(m_endedByMarker.front());
        if (next->second.markerOffset >= highWatermark)
            return;
        m_settled.push_back(next->second);
        if (m_settled.size() > kSettledKept)
            m_settled.pop_front();
        m_ended.erase(next);
        m_endedByMarker.pop_front();
    }
}

std::optional<std::int64_t> PartitionTransactions::firstOpen() const
{
    return m_open.empty() ? std::nullopt : std::optional(m_open.begin()->first);
}

std::optional<std::int64_t> PartitionTransactions::firstUnstable(std::int64_t highWatermark) const
{
    std::optional<std::int64_t> first = firstOpen();
    // The first one counts, unless replicatedTo() was not told of this high watermark.
    for (const auto &[offset, transaction] : m_ended) {
        if (first && *first < offset)
            break;
        if (transaction.markerOffset >= highWatermark)
            return offset;
    }
    return first;
}

std::vector<PartitionTransaction> PartitionTransactions::newest(std::size_t most) const
{
    std::vector<PartitionTransaction> all(m_settled.begin(), m_settled.end());
    for (const auto &[offset, transaction] : m_ended)
        all.push_back(transaction);
    for (const auto &[offset, transaction] : m_open)
        all.push_back(transaction);
    std::ranges::sort(all, {}, &PartitionTransaction::firstOffset);
    if (all.size() > most)
        all.erase(all.begin(), all.end() - static_cast<std::ptrdiff_t>(most));
    return all;
}

} // namespace queuelab::log
