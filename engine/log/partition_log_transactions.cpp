// Transactions in a partition: the last stable offset, and the index of what was aborted (facts:
// kafka.md 1.3, 1.5, 4.4).
#include "engine/log/partition_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace queuelab::log {

bool PartitionLog::hasOpenTransaction(std::int64_t producerId, std::int16_t producerEpoch) const
{
    return m_producers.hasOpenTransaction(producerId, producerEpoch);
}

std::int64_t PartitionLog::lastStableOffset(std::int64_t highWatermark) const
{
    const auto unstable = m_producers.transactions().firstUnstable(highWatermark);
    if (!unstable)
        return highWatermark;
    // What lies below the log's start is read by nobody.
    return std::min(highWatermark, std::max(*unstable, m_logStartOffset));
}

std::vector<FetchResponse::Partition::AbortedTransaction> PartitionLog::abortedTransactions(
    std::int64_t from, std::int64_t to) const
{
    std::vector<FetchResponse::Partition::AbortedTransaction> found;
    for (std::size_t i = segmentHolding(from); i < segmentCount(); ++i) {
        const std::span<const AbortedTxn> aborted = segment(i).aborted();
        for (auto next = std::ranges::lower_bound(aborted, from, {}, &AbortedTxn::lastOffset);
            next != aborted.end(); ++next) {
            if (next->firstOffset < to)
                found.push_back({next->producerId, next->firstOffset});
            if (next->lastStableOffset >= to) // those with later markers began later
                return found;
        }
    }
    return found;
}

std::vector<PartitionTransaction> PartitionLog::transactions(std::size_t most) const
{
    return m_producers.transactions().newest(most);
}

/// Makes the transaction indexes of those segments anew whose files are not to be relied on, from
/// the batches of the log and from what the snapshot before them says of open transactions.
Result<void, Error> PartitionLog::mendTransactionIndexes(Files &files, RecoveryReport &report)
{
    std::size_t first = 0;
    while (first < segmentCount() && segment(first).abortedKnown())
        ++first;
    if (first == segmentCount())
        return {};
    auto snapshot = newestSnapshot(segment(first).baseOffset(), files, report);
    if (!snapshot)
        return std::unexpected(snapshot.error());
    ProducerEntries &producers = snapshot->producers;
    std::vector<AbortedTxn> aborted;
    if (auto walked = walk(snapshot->offset, files, report,
            [&](const BatchHeader &header, ByteView batch) {
                const auto ended = producers.note(header, readEndTransaction(header, batch));
                if (ended && !ended->transaction.committed)
                    aborted.push_back(ended->aborted());
            });
        !walked)
        return walked;
    for (std::size_t i = first; i < segmentCount(); ++i) {
        if (segment(i).abortedKnown())
            continue;
        std::vector<AbortedTxn> ofSegment;
        std::ranges::copy_if(aborted, std::back_inserter(ofSegment), [&](const AbortedTxn &one) {
            return one.lastOffset >= segment(i).baseOffset()
                && one.lastOffset < segment(i).nextOffset();
        });
        Segment mended = segment(i);
        if (auto done = mended.setAborted(files, std::move(ofSegment)); !done)
            return done;
        if (i < m_closed.size())
            m_closed[i] = std::make_shared<const Segment>(std::move(mended));
        else
            m_active = std::move(mended);
    }
    return {};
}

} // namespace queuelab::log
