#pragma once

#include "engine/exchange/methods.h"

namespace queuelab::world {

/// Publishers and workers have a connection with one channel each.
constexpr exchange::ChannelNumber kConnection = 0; // channel 0 is the connection itself
constexpr exchange::ChannelNumber kChannel = 1;

} // namespace queuelab::world
