#pragma once

#include "app/bench/measure.h"

#include <cstdint>
#include <vector>

namespace queuelab::bench {

struct LogWorldBenchOptions {
    std::uint64_t records =
        4'000'000; ///< of one run, at least 4; the four producers share them evenly
    int rounds = 5;
};

/// Four producers to four consumers of one group, through a deterministic world with all of it:
/// clients (idempotent, acks=all), network, files in memory, tracing. 100-byte values, eight
/// partitions. A run ends when the last record was handled.
///   producer to consumer   one broker, batches of up to 128 KiB; records a second of wall time
///   replication factor     three brokers, the clients' defaults, a quarter of the records; factor
///                          1 and 3; nanoseconds of CPU a record
Result<std::vector<Figure>, Error> benchLogWorld(const LogWorldBenchOptions &options);

} // namespace queuelab::bench
