#pragma once

#include "engine/exchange/message.h"

#include <cstddef>
#include <deque>
#include <optional>
#include <vector>

namespace queuelab::exchange {

/// A delivery that its client has not settled.
struct Unacked {
    std::uint64_t tag = 0;
    QueueId queue{0}; ///< may be gone: then settling means nothing
    ConsumerId consumer{0}; ///< 0: it was a basic.get
    Instant deliveredAt{};
    Message message;
};

/// The unacknowledged deliveries of a channel by delivery tag. Tags are added rising and mostly
/// settled from the oldest on, so it is a row with holes; holes are closed when they outnumber what
/// is left.
class UnackedList {
public:
    std::size_t size() const { return m_open; }
    bool empty() const { return m_open == 0; }

    void add(Unacked delivery);
    std::optional<Unacked> take(std::uint64_t tag);
    /// Takes all up to and including `tag`, which must itself be there; appends nothing and answers
    /// false otherwise.
    bool takeUpTo(std::uint64_t tag, std::vector<Unacked> &out);
    void takeAll(std::vector<Unacked> &out);
    /// nullptr when empty.
    const Unacked *oldest() const { return m_row.empty() ? nullptr : &m_row.front(); }

    /// By rising tag, until `visit` answers false.
    template <class Visit> void forEachWhile(Visit visit) const
    {
        for (const Unacked &delivery : m_row) {
            if (isOpen(delivery) && !visit(delivery))
                return;
        }
    }

private:
    static bool isOpen(const Unacked &delivery) { return delivery.message.envelope != nullptr; }
    std::deque<Unacked>::iterator find(std::uint64_t tag);
    void tidy();

    std::deque<Unacked> m_row; // by tag; a hole has no envelope; the first is never a hole
    std::size_t m_open = 0;
};

} // namespace queuelab::exchange
