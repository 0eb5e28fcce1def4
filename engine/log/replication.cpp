#include "engine/log/replication.h"

#include <utility>

namespace queuelab::log {

void Replication::lead(std::int32_t self, const std::vector<std::int32_t> &replicas,
    const std::vector<std::int32_t> &isr, std::int64_t logEndOffset, bool ledBefore, Instant now)
{
    const std::vector<Follower> known =
        ledBefore ? std::exchange(m_followers, {}) : std::vector<Follower>{};
    m_followers.clear();
    m_epochStartOffset = logEndOffset;
    for (const std::int32_t broker : replicas) {
        if (broker == self)
            continue;
        Follower follower;
        if (const auto before = std::ranges::find(known, broker, &Follower::broker);
            before != known.end())
            follower = *before;
        follower.broker = broker;
        follower.leaderEndAtFetch = logEndOffset;
        if (hasBroker(isr, broker))
            follower.caughtUpAt = now;
        m_followers.push_back(follower);
    }
    std::ranges::sort(m_followers, {}, &Follower::broker);
}

bool Replication::fetched(std::int32_t follower, std::int64_t brokerEpoch, std::int64_t fetchOffset,
    std::int64_t logStartOffset, std::int64_t logEndOffset, Instant now)
{
    const auto found = std::ranges::find(m_followers, follower, &Follower::broker);
    if (found == m_followers.end())
        return false;
    // A follower that is always one fetch behind a busy leader is caught up as of its fetch before.
    if (fetchOffset >= logEndOffset)
        found->caughtUpAt = now;
    else if (found->fetchedAt && fetchOffset >= found->leaderEndAtFetch)
        found->caughtUpAt =
            std::max(found->caughtUpAt.value_or(*found->fetchedAt), *found->fetchedAt);
    found->brokerEpoch = brokerEpoch;
    found->logStartOffset = logStartOffset;
    found->logEndOffset = fetchOffset;
    found->leaderEndAtFetch = logEndOffset;
    found->fetchedAt = now;
    return true;
}

const Replication::Follower *Replication::follower(std::int32_t broker) const
{
    const auto found = std::ranges::find(m_followers, broker, &Follower::broker);
    return found == m_followers.end() ? nullptr : &*found;
}

bool Replication::isCaughtUp(
    const Follower &follower, std::int64_t logEndOffset, Instant now, Duration lagMax)
{
    return follower.logEndOffset == logEndOffset
        || (follower.caughtUpAt && now - *follower.caughtUpAt <= lagMax);
}

std::vector<std::int32_t> Replication::lagging(const std::vector<std::int32_t> &isr,
    std::int64_t logEndOffset, Instant now, Duration lagMax) const
{
    std::vector<std::int32_t> found;
    for (const Follower &follower : m_followers) {
        if (hasBroker(isr, follower.broker) && !isCaughtUp(follower, logEndOffset, now, lagMax))
            found.push_back(follower.broker);
    }
    return found;
}

} // namespace queuelab::log
