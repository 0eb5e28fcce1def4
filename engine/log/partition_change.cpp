#include "engine/log/partition_change.h"

#include <algorithm>
#include <set>

namespace queuelab::log {

namespace {

constexpr std::int32_t kNoLeader = -1;

struct Elected {
    std::int32_t leader = kNoLeader;
    bool unclean = false;
};

/// One change in the making.
class Builder {
public:
    Builder(const PartitionImage &partition, PartitionTarget target, const PartitionRules &rules)
        : m_partition(partition)
        , m_rules(rules)
        , m_target(std::move(target))
    {
    }

    PartitionChangeRecord build()
    {
        const std::vector<std::int32_t> eligible = eligibleReplicas();
        const Elected elected = elect(eligible);
        PartitionChangeRecord record;
        m_elr = eligible;
        if (elected.leader != m_partition.leader) {
            record.leader = elected.leader;
            if (contains(m_elr, elected.leader)) {
                m_target.isr = {elected.leader};
                std::erase(m_elr, elected.leader);
            } else if (elected.unclean) {
                // Whoever else was in the ISR or eligible may have other records.
                m_target.isr = {elected.leader};
                m_elr.clear();
            }
        }
        if (m_elr != m_partition.eligibleLeaderReplicas)
            record.eligibleLeaderReplicas = m_elr;
        // Without ELR the last in-sync replica stays in the ISR: nothing else tells who has all.
        if ((!m_target.isr.empty() || m_rules.eligibleLeaderReplicas)
            && m_target.isr != m_partition.isr)
            record.isr = m_target.isr;
        keepLastKnownLeader(record);
        return record;
    }

private:
    std::vector<std::int32_t> eligibleReplicas() const
    {
        if (!m_rules.eligibleLeaderReplicas
            || static_cast<std::int32_t>(m_target.isr.size()) >= m_rules.minIsr)
            return {};
        std::set<std::int32_t> eligible(
            m_partition.eligibleLeaderReplicas.begin(), m_partition.eligibleLeaderReplicas.end());
        eligible.insert(m_partition.isr.begin(), m_partition.isr.end());
        for (const std::int32_t replica : m_target.isr)
            eligible.erase(replica);
        eligible.erase(m_target.uncleanShutdown);
        return {eligible.begin(), eligible.end()};
    }

    Elected elect(const std::vector<std::int32_t> &eligible) const
    {
        const auto isClean = [&](std::int32_t replica) {
            return (contains(m_target.isr, replica)
                       || (m_target.isr.empty() && contains(eligible, replica)))
                && m_rules.canLead(replica);
        };
        const auto first = [this](const auto &isGood) {
            const auto found = std::ranges::find_if(m_partition.replicas, isGood);
            return found == m_partition.replicas.end() ? kNoLeader : *found;
        };
        if (m_target.election == Election::Preferred && isClean(m_partition.replicas.front()))
            return {m_partition.replicas.front(), false};
        if (isClean(m_partition.leader))
            return {m_partition.leader, false};
        if (const std::int32_t leader = first(isClean); leader != kNoLeader)
            return {leader, false};
        // Nobody is known to have all; the last one that led is the best guess (KIP-966).
        if (m_rules.eligibleLeaderReplicas && m_target.isr.empty() && eligible.empty()
            && m_partition.lastKnownElr.size() == 1
            && m_rules.canLead(m_partition.lastKnownElr.front()))
            return {m_partition.lastKnownElr.front(), true};
        if (m_target.election == Election::Unclean) {
            if (const std::int32_t leader = first(m_rules.canLead); leader != kNoLeader)
                return {leader, true};
        }
        return {};
    }

    /// `lastKnownElr` holds the one that led when the ISR became empty, until there is a leader.
    void keepLastKnownLeader(PartitionChangeRecord &record) const
    {
        if (!m_rules.eligibleLeaderReplicas)
            return;
        if (record.isr && record.isr->empty()) {
            if (m_partition.leader != kNoLeader)
                record.lastKnownElr = std::vector{m_partition.leader};
        } else if (record.leader.value_or(m_partition.leader) != kNoLeader
            && !m_partition.lastKnownElr.empty()) {
            record.lastKnownElr.emplace();
        }
    }

    const PartitionImage &m_partition;
    const PartitionRules &m_rules;
    PartitionTarget m_target;
    std::vector<std::int32_t> m_elr;
};

} // namespace

bool contains(const std::vector<std::int32_t> &brokers, std::int32_t broker)
{
    return std::ranges::find(brokers, broker) != brokers.end();
}

std::optional<PartitionChangeRecord> partitionChange(const PartitionImage &partition,
    const TopicId &topicId, std::int32_t number, PartitionTarget target,
    const PartitionRules &rules)
{
    PartitionChangeRecord record = Builder(partition, std::move(target), rules).build();
    if (record == PartitionChangeRecord{})
        return std::nullopt;
    record.topicId = topicId;
    record.partition = number;
    return record;
}

} // namespace queuelab::log
