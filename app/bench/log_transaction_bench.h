#pragma once

#include "app/bench/measure.h"

#include <cstdint>
#include <vector>

namespace queuelab::bench {

struct LogTransactionBenchOptions {
    std::uint64_t records = 500'000; ///< of 100 bytes, a run
    int rounds = 5;
};

/// One producer and one broker, no network between them, files in memory: records of 100 bytes, and
/// of 1 KiB, to one partition, idempotent, with acks=all, in full batches; and the same in
/// transactions of 100 records, each of which is committed before the next begins. Nanoseconds of
/// CPU a record.
Result<std::vector<Figure>, Error> benchLogTransactions(const LogTransactionBenchOptions &options);

} // namespace queuelab::bench
