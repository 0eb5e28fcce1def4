#include "engine/log/share_session.h"

#include <limits>

namespace queuelab::log {

Result<ShareSession *, ErrorCode> ShareSessions::open(
    const Key &key, ClientId connection, NameId client, std::string_view clientName)
{
    const auto known = m_sessions.find(key);
    if (known == m_sessions.end() && m_sessions.size() >= static_cast<std::size_t>(m_most))
        return std::unexpected(ErrorCode::ShareSessionLimitReached);
    const std::uint32_t number =
        known == m_sessions.end() ? ++m_lastMember : known->second.member.number;
    ShareSession &session = m_sessions[key];
    session = {.member = {number, client}, .connection = connection};
    m_clients[number] = clientName.empty() ? key.second : std::string(clientName);
    return &session;
}

void ShareSessions::close(const Key &key)
{
    const auto session = m_sessions.extract(key);
    if (!session.empty())
        m_clients.erase(session.mapped().member.number);
}

std::string_view ShareSessions::clientOf(std::uint32_t member) const
{
    const auto found = m_clients.find(member);
    return found == m_clients.end() ? std::string_view() : found->second;
}

Result<ShareSession *, ErrorCode> ShareSessions::go(const Key &key, std::int32_t epoch)
{
    const auto found = m_sessions.find(key);
    if (found == m_sessions.end())
        return std::unexpected(ErrorCode::ShareSessionNotFound);
    ShareSession &session = found->second;
    if (epoch == ShareFetchRequest::kFinalEpoch)
        return &session;
    if (epoch != session.epoch)
        return std::unexpected(ErrorCode::InvalidShareSessionEpoch);
    session.epoch =
        session.epoch == std::numeric_limits<std::int32_t>::max() ? 1 : session.epoch + 1;
    return &session;
}

std::vector<ShareSessions::Key> ShareSessions::of(ClientId connection) const
{
    std::vector<Key> keys;
    for (const auto &[key, session] : m_sessions) {
        if (session.connection == connection)
            keys.push_back(key);
    }
    return keys;
}

} // namespace queuelab::log
