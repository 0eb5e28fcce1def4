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

/// Records a second of wall time from four producers through one broker to four consumers, in a
/// deterministic world with all of it: clients, network, files in memory, tracing. 100-byte values,
/// batches of up to 128 KiB, eight partitions. A run ends when the last record was handled.
Result<std::vector<Figure>, Error> benchLogWorld(const LogWorldBenchOptions &options);

} // namespace queuelab::bench
