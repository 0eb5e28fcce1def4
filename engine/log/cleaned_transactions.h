#pragma once

#include "engine/log/record_batch.h"
#include "engine/log/transaction_index.h"

#include <cstdint>
#include <map>
#include <set>
#include <vector>

namespace queuelab::log {

/// Follows the transactions of a log while compaction walks over its batches, front to back: which
/// data was aborted, and which markers nothing in the log needs any more (Kafka's
/// CleanedTransactionMetadata).
class CleanedTransactions {
public:
    /// All aborted transactions with records from where the walk begins on, in any order.
    explicit CleanedTransactions(std::vector<AbortedTxn> aborted);

    /// A batch of data. True when it belongs to an aborted transaction: nobody may read it.
    bool onData(const BatchHeader &header);
    /// A control batch. True when the walk has met no batch of the transaction that it ends, so
    /// that the marker says nothing about what is left. `batch` is all of it.
    bool onControl(const BatchHeader &header, ByteView batch);
    /// The aborted transactions whose markers were met and still are needed, since the last call:
    /// they stand in the transaction index of the segment that is being written.
    std::vector<AbortedTxn> takeNeeded();

private:
    struct Ongoing {
        AbortedTxn transaction;
        bool hasData = false;
    };
    void beginUpTo(std::int64_t offset);

    std::vector<AbortedTxn> m_aborted; // by first offset
    std::size_t m_next = 0; // in m_aborted: the first that has not begun
    std::map<std::int64_t, Ongoing> m_ongoingAborted; // by producer id
    std::set<std::int64_t> m_ongoingCommitted; // producer ids
    std::vector<AbortedTxn> m_needed;
};

} // namespace queuelab::log
