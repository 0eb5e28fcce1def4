#pragma once

#include "engine/core/bytes.h"

#include <string>
#include <string_view>
#include <vector>

namespace queuelab::log {

/// A small file as text, and what is wrong with it.
struct SmallFile {
    std::vector<std::string> lines{};
    std::vector<std::string> damage{}; ///< "line 3: not an epoch and an offset"
};

/// Whether `name` is that of a file beside a broker's segments (facts: kafka.md 1.5): a producer
/// snapshot (`<offset>.snapshot`), `leader-epoch-checkpoint`, `partition.metadata`, a checkpoint of
/// offsets, `meta.properties`, `quorum-state`.
bool isSmallFile(std::string_view name);
SmallFile decodeSmallFile(std::string_view name, ByteView bytes);

} // namespace queuelab::log
