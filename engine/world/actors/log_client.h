#pragma once

#include "engine/log/client.h"
#include "engine/world/actor.h"

namespace queuelab::world {

/// The broker that clients of the log know to begin with.
inline constexpr NodeId kBootstrapBroker{1};

/// Hands what a log client wants done over to the world, in order, and empties `effects`.
inline void handOver(log::ClientEffects &effects, Outbox &out)
{
    for (log::ClientEffect &effect : effects) {
        if (auto *send = std::get_if<log::SendRequest>(&effect))
            out.messages.emplace_back(
                Outbox::ToLog{send->broker, send->id, std::move(send->request)});
        else if (const auto *wake = std::get_if<log::WakeClientAt>(&effect))
            out.wake(wake->at);
    }
    effects.clear();
}

} // namespace queuelab::world
