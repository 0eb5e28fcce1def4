#pragma once

#include "app/bench/measure.h"

#include <vector>

namespace queuelab::bench {

/// One broker in memory and a share group of ten consumers on ten partitions: each takes what it
/// can, and with its next fetch acknowledges what it had; the state of the group is stored as in
/// any other run. Records a second of CPU, and beside it what a fetch of the same records costs
/// that locks nothing.
Result<std::vector<Figure>, Error> benchLogShare(int rounds);

} // namespace queuelab::bench
