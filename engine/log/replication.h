#pragma once

#include "engine/core/time.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <vector>

namespace queuelab::log {

inline bool hasBroker(const std::vector<std::int32_t> &brokers, std::int32_t broker)
{
    return std::ranges::find(brokers, broker) != brokers.end();
}

/// What the leader of a partition knows of the other replicas, and what follows from it: who is in
/// sync, and where the high watermark is (facts: kafka.md 5; Kafka's Partition and Replica). A
/// value; empty while the broker does not lead.
///
/// Two ISRs count: the committed one, as the metadata log has it, and the maximal one, which also
/// has the replicas that an AlterPartition still under way would add. The high watermark waits for
/// the maximal one, since the controller may have committed it already.
class Replication {
public:
    struct Follower {
        std::int32_t broker = 0;
        std::int64_t brokerEpoch = -1; ///< of the life that sent its newest fetch; -1 not known
        std::int64_t logStartOffset = 0;
        std::int64_t logEndOffset = -1; ///< by its newest fetch; -1 it has not fetched yet
        std::optional<Instant> caughtUpAt{}; ///< when it last had all there was
        std::int64_t leaderEndAtFetch = 0; ///< this leader's log end offset at its newest fetch
        std::optional<Instant> fetchedAt{};
    };

    /// The broker begins to lead, or leads on in a later epoch. Followers of the ISR count as
    /// caught up now; they are given replica.lag.time.max.ms to show themselves. What is known of
    /// where the others are is kept when it led before.
    void lead(std::int32_t self, const std::vector<std::int32_t> &replicas,
        const std::vector<std::int32_t> &isr, std::int64_t logEndOffset, bool ledBefore,
        Instant now);
    void resign() { m_followers.clear(); }
    /// The log's end when the leader's epoch began: who joins the ISR must have all before it.
    std::int64_t epochStartOffset() const { return m_epochStartOffset; }

    /// A follower, in the life `brokerEpoch`, has everything below `fetchOffset`. False when it is
    /// not one of the replicas.
    bool fetched(std::int32_t follower, std::int64_t brokerEpoch, std::int64_t fetchOffset,
        std::int64_t logStartOffset, std::int64_t logEndOffset, Instant now);
    const Follower *follower(std::int32_t broker) const;
    const std::vector<Follower> &followers() const { return m_followers; }

    /// Whether it has all, or had within the last `lagMax`.
    static bool isCaughtUp(
        const Follower &follower, std::int64_t logEndOffset, Instant now, Duration lagMax);
    /// Where the high watermark may be: the smallest log end offset of the leader and of those who
    /// `counts(follower)`.
    template <class Count>
    std::int64_t replicatedTo(std::int64_t logEndOffset, const Count &counts) const
    {
        std::int64_t offset = logEndOffset;
        for (const Follower &follower : m_followers) {
            if (follower.logEndOffset < offset && counts(follower))
                offset = follower.logEndOffset;
        }
        return offset;
    }
    /// Those of the ISR that have been behind for longer than `lagMax`.
    std::vector<std::int32_t> lagging(const std::vector<std::int32_t> &isr,
        std::int64_t logEndOffset, Instant now, Duration lagMax) const;

private:
    std::vector<Follower> m_followers; // by broker
    std::int64_t m_epochStartOffset = 0;
};

} // namespace queuelab::log
