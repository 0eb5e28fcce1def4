#include "engine/exchange/ready_messages.h"

#include "engine/core/result.h"

namespace queuelab::exchange {

void MessageFifo::push(Message message)
{
    if (m_blocks.empty() || m_blocks.back()->size() == kBlockMessages) {
        m_blocks.push_back(std::make_shared<Block>());
        m_blocks.back()->reserve(kBlockMessages);
    } else if (m_blocks.back().use_count() > 1) {
        auto own = std::make_shared<Block>();
        own->reserve(kBlockMessages);
        *own = *m_blocks.back();
        m_blocks.back() = std::move(own);
    }
    m_blocks.back()->push_back(std::move(message));
}

Message MessageFifo::pop()
{
    Block &block = *m_blocks.front();
    const bool shared = m_blocks.front().use_count() > 1;
    Message message = shared ? block[m_head] : std::move(block[m_head]);
    if (++m_head == block.size()) {
        m_head = 0;
        if (m_blocks.size() == 1 && !shared)
            block.clear(); // keeps its memory for the next message: a short queue allocates nothing
        else
            m_blocks.pop_front();
    }
    return message;
}

void MessageFifo::clear()
{
    m_blocks.clear();
    m_head = 0;
}

void ReadyMessages::push(Message message)
{
    ++m_count;
    m_bytes += message.bodyBytes();
    m_lines[message.priority].fresh.push(std::move(message));
}

void ReadyMessages::giveBack(Message message)
{
    ++m_count;
    m_bytes += message.bodyBytes();
    Line &line = m_lines[message.priority];
    invariant(line.fresh.empty() || message.number < line.fresh.front().number,
        "a message that comes back belongs before those that were never out");
    const std::uint64_t number = message.number;
    const bool added = line.cameBack.emplace(number, std::move(message)).second;
    invariant(added, "a message comes back once");
}

const Message *ReadyMessages::front() const
{
    if (m_count == 0)
        return nullptr;
    auto line = m_lines.rbegin();
    while (line->empty())
        ++line;
    return line->cameBack.empty() ? &line->fresh.front() : &line->cameBack.begin()->second;
}

Message ReadyMessages::pop()
{
    auto line = m_lines.rbegin();
    while (line->empty())
        ++line;
    Message message = line->cameBack.empty()
        ? line->fresh.pop()
        : std::move(line->cameBack.extract(line->cameBack.begin()).mapped());
    --m_count;
    m_bytes -= message.bodyBytes();
    return message;
}

void ReadyMessages::clear()
{
    for (Line &line : m_lines)
        line = {};
    m_count = 0;
    m_bytes = 0;
}

} // namespace queuelab::exchange
