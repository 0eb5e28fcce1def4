#pragma once

#include "engine/exchange/message.h"

#include <algorithm>
#include <cstddef>
#include <deque>
#include <map>
#include <memory>
#include <vector>

namespace queuelab::exchange {

/// First in, first out, in blocks that copies share: copying a queue of a million messages copies
/// some ten thousand pointers. A block is copied when one of its sharers writes to it. One thread
/// at a time uses all copies.
class MessageFifo {
public:
    bool empty() const { return m_blocks.empty() || m_head == m_blocks.front()->size(); }
    void push(Message message);
    /// Only when not empty.
    const Message &front() const { return (*m_blocks.front())[m_head]; }
    Message pop();
    void clear();

    /// From the head, at most `limit`.
    template <class Visit> void forFirst(std::size_t limit, Visit visit) const
    {
        std::size_t from = m_head;
        for (const auto &block : m_blocks) {
            for (std::size_t i = from; i < block->size(); ++i) {
                if (limit-- == 0)
                    return;
                visit((*block)[i]);
            }
            from = 0;
        }
    }

private:
    static constexpr std::size_t kBlockMessages = 64;
    using Block = std::vector<Message>;

    std::deque<std::shared_ptr<Block>> m_blocks; // all full but the last one
    std::size_t m_head = 0; // in the first block; what lies before was taken
};

/// The ready messages of a queue: one line per priority (a queue without priorities has one), the
/// highest first, each in order of arrival. What clients give back goes to its original place.
///
/// Messages leave a line only at its head, so one that comes back belongs before all that were
/// never out: each line is a small ordered map of those that came back, followed by the others.
class ReadyMessages {
public:
    explicit ReadyMessages(std::uint8_t maxPriority = 0)
        : m_lines(maxPriority + std::size_t{1})
    {
    }

    bool empty() const { return m_count == 0; }
    std::uint64_t count() const { return m_count; }
    std::uint64_t bytes() const { return m_bytes; } ///< sum of the bodies

    void push(Message message);
    void giveBack(Message message);
    /// The next one to be delivered; nullptr when empty.
    const Message *front() const;
    /// Only when not empty.
    Message pop();
    void clear();

    template <class Visit> void forFirst(std::size_t limit, Visit visit) const
    {
        std::size_t left = limit;
        const auto counted = [&](const Message &message) {
            --left;
            visit(message);
        };
        for (auto line = m_lines.rbegin(); line != m_lines.rend() && left > 0; ++line) {
            for (auto back = line->cameBack.begin(); back != line->cameBack.end() && left > 0;
                ++back)
                counted(back->second);
            line->fresh.forFirst(left, counted);
        }
    }

private:
    struct Line {
        std::map<std::uint64_t, Message> cameBack; // by number; all below the numbers in `fresh`
        MessageFifo fresh;
        bool empty() const { return cameBack.empty() && fresh.empty(); }
    };

    std::vector<Line> m_lines; // by priority
    std::uint64_t m_count = 0;
    std::uint64_t m_bytes = 0;
};

} // namespace queuelab::exchange
