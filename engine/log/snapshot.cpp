#include "engine/log/snapshot.h"

namespace queuelab::log {

std::string_view groupStateName(GroupState state)
{
    switch (state) {
    case GroupState::Empty:
        return "Empty";
    case GroupState::PreparingRebalance:
        return "PreparingRebalance";
    case GroupState::CompletingRebalance:
        return "CompletingRebalance";
    case GroupState::Stable:
        return "Stable";
    case GroupState::Dead:
        return "Dead";
    }
    return "Dead";
}

std::string_view quorumRoleName(QuorumRole role)
{
    switch (role) {
    case QuorumRole::Unattached:
        return "unattached";
    case QuorumRole::Follower:
        return "follower";
    case QuorumRole::Prospective:
        return "prospective";
    case QuorumRole::Candidate:
        return "candidate";
    case QuorumRole::Leader:
        return "leader";
    case QuorumRole::Observer:
        return "observer";
    }
    return "unattached";
}

} // namespace queuelab::log
