#pragma once

#include "app/bench/measure.h"

#include <cstdint>
#include <string>
#include <vector>

namespace queuelab::bench {

struct LogStorageBenchOptions {
    std::string directory; ///< where the files are made, and removed again: tmpfs and a disk differ
    std::uint64_t bytesARun = 256 << 20; ///< size of the file of one run
    /// Size of the log that is read; half of what is free in the directory when that is less.
    std::uint64_t bytesToCatchUp = 1 << 30;
    int rounds = 5;
};

/// The log's storage against plain write(2) into a fresh file of the same directory, all without
/// fsync:
///   write 1 KiB records      prepared batches of about 16 KiB, one call each
///   append 1 KiB records     the same batches through PartitionLog::append on PosixFiles
///   write 100 B records      batches of about 16 KiB that were built before
///   build and append 100 B   the same records through BatchBuilder and PartitionLog::append
///   read                     read(2) of a file of such batches, a MiB at a time, in the page cache
///   catch up                 the same bytes through PartitionLog::read, as a consumer does
/// Values are MB/s of bytes that reach the file, or come from it. An Error when the directory
/// cannot be used.
Result<std::vector<Figure>, Error> benchLogStorage(const LogStorageBenchOptions &options);

} // namespace queuelab::bench
