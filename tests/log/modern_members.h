#pragma once

#include "group_fixture.h"

#include <map>
#include <set>
#include <string>
#include <vector>

namespace queuelab::log::testing {

inline ConsumerGroupHeartbeatRequest consumerJoin(const std::string &memberId,
    const std::vector<std::string> &topics, std::optional<std::string> instance = {})
{
    ConsumerGroupHeartbeatRequest request;
    request.group = "g";
    request.memberId = memberId;
    request.clientId = memberId;
    request.groupInstanceId = std::move(instance);
    request.rebalanceTimeoutMs = 60'000;
    request.subscribedTopics = topics;
    request.owned.emplace();
    return request;
}
inline ConsumerGroupHeartbeatRequest consumerBeat(const std::string &memberId, std::int32_t epoch,
    std::optional<std::vector<TopicPartition>> owned = {}, std::optional<std::string> instance = {})
{
    ConsumerGroupHeartbeatRequest request;
    request.group = "g";
    request.memberId = memberId;
    request.clientId = memberId;
    request.memberEpoch = epoch;
    request.groupInstanceId = std::move(instance);
    request.owned = std::move(owned);
    return request;
}

/// A consumer of KIP-848 as a client is one: it gives up what it is no longer assigned, when it is
/// let, and says so with its next heartbeat.
class ModernConsumer {
public:
    ModernConsumer(GroupFixture &fixture, std::string memberId, std::vector<std::string> topics)
        : m_fixture(&fixture)
        , m_id(std::move(memberId))
        , m_topics(std::move(topics))
    {
    }

    const std::string &id() const { return m_id; }
    const std::vector<std::string> &topics() const { return m_topics; }
    std::int32_t epoch() const { return m_epoch; }
    /// What it reads from.
    const std::vector<TopicPartition> &owned() const { return m_owned; }
    bool isSlow = false; ///< it does not come to giving up what it has to
    void subscribe(std::vector<std::string> topics)
    {
        m_topics = std::move(topics);
        m_tellsTopics = true;
    }

    ErrorCode beat()
    {
        ConsumerGroupHeartbeatRequest request = m_epoch == 0
            ? consumerJoin(m_id, m_topics)
            : testing::consumerBeat(m_id, m_epoch, m_owned);
        if (m_tellsTopics)
            request.subscribedTopics = m_topics;
        const auto answer =
            m_fixture->answer<ConsumerGroupHeartbeatResponse>(m_fixture->consumerBeat(request));
        if (!answer)
            return ErrorCode::RequestTimedOut;
        if (answer->error == ErrorCode::FencedMemberEpoch
            || answer->error == ErrorCode::UnknownMemberId) {
            m_owned.clear();
            m_assigned.clear();
            m_epoch = 0;
        }
        if (answer->error != ErrorCode::None)
            return answer->error;
        m_tellsTopics = false;
        m_epoch = answer->memberEpoch;
        if (answer->assignment)
            m_assigned = *answer->assignment;
        if (!isSlow)
            m_owned = m_assigned;
        return ErrorCode::None;
    }
    void leave()
    {
        m_owned.clear();
        m_fixture->answer<ConsumerGroupHeartbeatResponse>(
            m_fixture->consumerBeat(testing::consumerBeat(m_id, kLeaveEpoch)));
        m_epoch = 0;
    }

private:
    GroupFixture *m_fixture;
    std::string m_id;
    std::vector<std::string> m_topics;
    bool m_tellsTopics = false;
    std::int32_t m_epoch = 0;
    std::vector<TopicPartition> m_assigned;
    std::vector<TopicPartition> m_owned;
};

} // namespace queuelab::log::testing
