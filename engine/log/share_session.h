#pragma once

#include "engine/core/ids.h"
#include "engine/core/result.h"
#include "engine/log/share_partition.h"
#include "engine/log/types.h"

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace queuelab::log {

/// A member of a share group at one broker: which partitions it fetches there, and which request is
/// to come next (KIP-932; Kafka's ShareSession).
struct ShareSession {
    SharePartition::Member member{};
    ClientId connection{0}; ///< it ends with this connection
    std::int32_t epoch = 1; ///< of the next request
    std::vector<TopicPartition> partitions{}; ///< in the order in which they were added
};

/// The share sessions of a broker. A value.
class ShareSessions {
public:
    /// Group and member id.
    using Key = std::pair<std::string, std::string>;

    explicit ShareSessions(std::int32_t most)
        : m_most(most)
    {
    }

    /// Epoch 0: begins anew. A member that had a session keeps its number, and with it what it has
    /// acquired. ShareSessionLimitReached with group.share.max.share.sessions.
    Result<ShareSession *, ErrorCode> open(
        const Key &key, ClientId connection, NameId client, std::string_view clientName);
    /// Epoch -1, the last request, or the one that is expected: then the next is expected. Else
    /// InvalidShareSessionEpoch; ShareSessionNotFound when there is none.
    Result<ShareSession *, ErrorCode> go(const Key &key, std::int32_t epoch);
    void close(const Key &key);
    /// The client with this number, or the member id of one without a name; empty when its session
    /// has ended.
    std::string_view clientOf(std::uint32_t member) const;
    /// Those that end with a connection.
    std::vector<Key> of(ClientId connection) const;

private:
    std::int32_t m_most;
    std::uint32_t m_lastMember = 0;
    std::map<Key, ShareSession> m_sessions;
    std::map<std::uint32_t, std::string> m_clients;
};

} // namespace queuelab::log
