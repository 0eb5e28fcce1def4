#pragma once

#include "app/bench/measure.h"

#include <cstdint>
#include <string>
#include <vector>

namespace queuelab::bench {

struct LogBrokerBenchOptions {
    std::string directory; ///< where the files of the broker that starts are made, and removed
    std::int32_t partitions = 10'000; ///< on one broker; at least 10
    int rounds = 5;
};

/// One broker, driven directly:
///   rebalance     a group of 100 members on 1,000 partitions, each rejoining with what it has:
///                 the broker, the leader's assignment, all encoding, and the storing of the
///                 group; microseconds of CPU
///   produce       a record to one partition, with ten partitions there and with many;
///                 nanoseconds of CPU
///   start         of a broker with many partitions of one record each, after an orderly stop and
///                 after a kill, on PosixFiles and on MemoryFiles; milliseconds until it serves
///   memory        what a started broker keeps resident, its files not counted; MB
/// An Error when the directory cannot be used, or the limit of open files is below one a partition.
Result<std::vector<Figure>, Error> benchLogBroker(const LogBrokerBenchOptions &options);

} // namespace queuelab::bench
