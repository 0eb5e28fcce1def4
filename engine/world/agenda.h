#pragma once

#include "engine/core/time.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace queuelab::world {

/// What is to happen when. Things due at the same time come out in the order they were put in.
/// Adding and taking cost O(log n), and payloads are not moved while they wait. A value.
template <class Payload> class Agenda {
public:
    void add(Instant at, Payload payload)
    {
        std::uint32_t slot = 0;
        if (m_free.empty()) {
            slot = static_cast<std::uint32_t>(m_slots.size());
            m_slots.push_back(std::move(payload));
        } else {
            slot = m_free.back();
            m_free.pop_back();
            m_slots[slot] = std::move(payload);
        }
        m_heap.push_back({at, m_added++, slot});
        siftUp(m_heap.size() - 1);
    }

    bool empty() const { return m_heap.empty(); }
    std::size_t size() const { return m_heap.size(); }
    std::optional<Instant> nextDue() const
    {
        return m_heap.empty() ? std::nullopt : std::optional(m_heap.front().at);
    }

    /// Takes out what is due next. Not when empty.
    Payload take()
    {
        const std::uint32_t slot = m_heap.front().slot;
        m_heap.front() = m_heap.back();
        m_heap.pop_back();
        if (!m_heap.empty())
            siftDown();
        m_free.push_back(slot);
        return std::move(m_slots[slot]);
    }

private:
    struct Entry {
        Instant at;
        std::uint64_t sequence;
        std::uint32_t slot;
        bool before(const Entry &other) const
        {
            return at != other.at ? at < other.at : sequence < other.sequence;
        }
    };
    /// Four children a node: half the levels of a binary heap, and siblings share a cache line.
    static constexpr std::size_t kChildren = 4;

    void siftUp(std::size_t at)
    {
        const Entry entry = m_heap[at];
        while (at > 0) {
            const std::size_t parent = (at - 1) / kChildren;
            if (!entry.before(m_heap[parent]))
                break;
            m_heap[at] = m_heap[parent];
            at = parent;
        }
        m_heap[at] = entry;
    }
    void siftDown()
    {
        const Entry entry = m_heap.front();
        std::size_t at = 0;
        while (true) {
            const std::size_t first = at * kChildren + 1;
            if (first >= m_heap.size())
                break;
            const std::size_t end = std::min(first + kChildren, m_heap.size());
            std::size_t least = first;
            for (std::size_t child = first + 1; child < end; ++child) {
                if (m_heap[child].before(m_heap[least]))
                    least = child;
            }
            if (!m_heap[least].before(entry))
                break;
            m_heap[at] = m_heap[least];
            at = least;
        }
        m_heap[at] = entry;
    }

    std::vector<Entry> m_heap;
    std::vector<Payload> m_slots;
    std::vector<std::uint32_t> m_free;
    std::uint64_t m_added = 0;
};

} // namespace queuelab::world
