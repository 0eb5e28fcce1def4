#pragma once

#include "engine/core/trace.h"

#include <span>

namespace queuelab::world {

/// What the world itself records: what was done to it, and the lives of clients, brokers and links.
enum class WorldEvent : EventKind {
    CommandApplied = 0x01, ///< subject "you", detail the command as in a session file
    CommandRefused, ///< subject "you", actor the error code, detail the command
    ClientStarted, ///< subject client, value its life, from 1
    ClientCrashed, ///< subject client; reason by chance or by command
    ClientStopped, ///< subject client; reason by command or work done
    ClientPaused, ///< subject client
    ClientResumed, ///< subject client, count messages that had waited for it
    BrokerKilled, ///< subject broker; reason what was lost
    BrokerRestarted, ///< subject broker
    LinkCut, ///< subject client
    LinkMended, ///< subject client, count messages that had waited on it
    CommandFailed, ///< subject "you", actor the error code, detail the command: it was accepted and
                   ///< refused later
    BrokerStopped, ///< subject broker: its controlled shutdown is over
    BrokerIsolated, ///< subject broker; reason from whom
    BrokerRejoined, ///< subject broker, count messages that had waited
    BrokerSlowed, ///< subject broker, value nanoseconds added to each message's way
    ClockSkipped, ///< subject broker, value nanoseconds
    LinkReset, ///< subject client
    ConnectionCut, ///< subject client or broker, actor the broker at the other end
    ConnectionMended, ///< as before, count messages that had waited
    ConnectionReset, ///< as before
};

enum class WorldReason : EventReason {
    None = 0,
    ByCommand = 0x01,
    ByChance,
    WorkDone,
    NothingLost, ///< only the process died
    UnsyncedLost, ///< the power went
    DiskLost,
    FromEveryone,
    FromBrokers,
};

/// The learner's own hand, as it is called in the trace and to the engines.
inline constexpr std::string_view kYou = "you";

inline constexpr EventKind kind(WorldEvent event)
{
    return static_cast<EventKind>(event);
}
inline constexpr EventReason reason(WorldReason reason)
{
    return static_cast<EventReason>(reason);
}

std::span<const EventInfo> eventTable();
std::span<const ReasonInfo> reasonTable();

} // namespace queuelab::world
