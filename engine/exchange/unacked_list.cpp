#include "engine/exchange/unacked_list.h"

#include <algorithm>
#include <utility>

namespace queuelab::exchange {

namespace {
constexpr std::size_t kHolesWorthClosing = 64;
}

void UnackedList::add(Unacked delivery)
{
    m_row.push_back(std::move(delivery));
    ++m_open;
}

std::deque<Unacked>::iterator UnackedList::find(std::uint64_t tag)
{
    const auto found = std::lower_bound(m_row.begin(), m_row.end(), tag,
        [](const Unacked &delivery, std::uint64_t wanted) { return delivery.tag < wanted; });
    return found != m_row.end() && found->tag == tag && isOpen(*found) ? found : m_row.end();
}

void UnackedList::tidy()
{
    while (!m_row.empty() && !isOpen(m_row.front()))
        m_row.pop_front();
    if (m_row.size() > kHolesWorthClosing && m_open < m_row.size() / 2)
        std::erase_if(m_row, [](const Unacked &delivery) { return !isOpen(delivery); });
}

std::optional<Unacked> UnackedList::take(std::uint64_t tag)
{
    const auto found = find(tag);
    if (found == m_row.end())
        return std::nullopt;
    std::optional<Unacked> taken(std::move(*found));
    --m_open;
    tidy();
    return taken;
}

bool UnackedList::takeUpTo(std::uint64_t tag, std::vector<Unacked> &out)
{
    if (find(tag) == m_row.end())
        return false;
    while (!m_row.empty() && m_row.front().tag <= tag) {
        if (isOpen(m_row.front())) {
            out.push_back(std::move(m_row.front()));
            --m_open;
        }
        m_row.pop_front();
    }
    tidy();
    return true;
}

void UnackedList::takeAll(std::vector<Unacked> &out)
{
    for (Unacked &delivery : m_row) {
        if (isOpen(delivery))
            out.push_back(std::move(delivery));
    }
    m_row.clear();
    m_open = 0;
}

} // namespace queuelab::exchange
