#pragma once

#include <chrono>
#include <ctime>

namespace queuelab::bench {

/// CPU time that this process has used: what the rest of the machine does hardly counts in it.
inline std::chrono::nanoseconds cpuTime()
{
    std::timespec used{};
    ::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
    return std::chrono::seconds{used.tv_sec} + std::chrono::nanoseconds{used.tv_nsec};
}

} // namespace queuelab::bench
