#pragma once

#include "engine/log/control_records.h"
#include "storage_fixture.h"

#include <optional>
#include <string>

namespace queuelab::log {

/// `count` records "v" of a transaction of this producer.
inline Bytes inTransaction(std::int64_t producerId, std::int16_t epoch, std::int32_t sequence,
    std::size_t count = 1, bool transactional = true)
{
    BatchBuilder builder;
    builder.setProducer(producerId, epoch, sequence);
    builder.setTransactional(transactional);
    for (std::size_t i = 0; i < count; ++i)
        builder.append(kT, std::nullopt, asBytes("v"));
    const ByteView batch = builder.finish();
    return {batch.begin(), batch.end()};
}

/// "12-13", "12-13 again", or the error's name.
inline std::string told(const Result<AppendResult, ErrorCode> &result)
{
    if (!result)
        return std::string(errorName(result.error()));
    return std::to_string(result->baseOffset) + '-' + std::to_string(result->lastOffset)
        + (result->duplicate ? " again" : "");
}

inline std::string append(PartitionLog &log, Storage &storage, const Bytes &batch,
    AppendOrigin origin = AppendOrigin::Client, const ProducerTerms &terms = {})
{
    return told(log.append(batch, 0, storage.context, origin, terms));
}

inline std::string mark(PartitionLog &log, Storage &storage, std::int64_t producerId,
    std::int16_t epoch, bool committed, std::int32_t coordinatorEpoch = 0,
    const ProducerTerms &terms = {})
{
    return append(log, storage,
        endTransactionBatch(committed ? ControlType::Commit : ControlType::Abort, producerId, epoch,
            coordinatorEpoch, kT),
        AppendOrigin::Broker, terms);
}

/// "7@0 8@4": producer and first offset of each.
inline std::string abortedIn(const PartitionLog &log, std::int64_t from, std::int64_t to)
{
    std::string text;
    for (const auto &one : log.abortedTransactions(from, to)) {
        text += (text.empty() ? "" : " ") + std::to_string(one.producerId) + '@'
            + std::to_string(one.firstOffset);
    }
    return text;
}

/// "7/0 3..5 x2 commit": producer and epoch, first and marker's offset, records, what became of it.
inline std::string transactionsOf(const PartitionLog &log, std::size_t most = 100)
{
    std::string text;
    for (const PartitionTransaction &one : log.transactions(most)) {
        text += (text.empty() ? "" : ", ") + std::to_string(one.producerId) + '/'
            + std::to_string(one.producerEpoch) + ' ' + std::to_string(one.firstOffset) + "..";
        if (one.markerOffset >= 0)
            text += std::to_string(one.markerOffset);
        text += " x" + std::to_string(one.recordCount);
        text += one.markerOffset < 0 ? " open" : one.committed ? " commit" : " abort";
    }
    return text;
}

} // namespace queuelab::log
