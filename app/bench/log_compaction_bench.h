#pragma once

#include "app/bench/measure.h"

#include <cstdint>
#include <string>
#include <vector>

namespace queuelab::bench {

struct LogCompactionBenchOptions {
    std::string directory; ///< where the files are made, and removed again
    std::uint64_t bytesARun = 256 << 20; ///< size of the log that is compacted
    int rounds = 5;
};

/// Compaction of a log that was never cleaned, half of whose records are superseded, keys of 16
/// bytes drawn at random, segments of a quarter of it, the default dedupe buffer; against the same
/// input and output without any thought:
///   read(2) and write(2)   what the cleaner reads (the log twice: for the map, and to write) and
///                          what it keeps, a MiB at a time, with fsync of what was written
///   compaction             cleanLog, which syncs what it writes before it swaps
/// Values are MB/s of bytes read and written. Filling the log is not measured.
Result<std::vector<Figure>, Error> benchLogCompaction(const LogCompactionBenchOptions &options);

} // namespace queuelab::bench
