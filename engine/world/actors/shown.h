#pragma once

#include <cstddef>

namespace queuelab::world {

/// How many of the messages that a client holds a snapshot names.
constexpr std::size_t kShownMessages = 64;
/// How much of a message without a stamp stands for it.
constexpr std::size_t kLabelBytes = 24;

} // namespace queuelab::world
