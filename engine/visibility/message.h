#pragma once

#include "engine/core/bytes.h"
#include "engine/core/time.h"
#include "engine/visibility/requests.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace queuelab::visibility {

/// Where a message lies in its queue's MessageStore. Reused after the message is gone, so whoever
/// keeps a slot keeps the message's number beside it.
using Slot = std::uint32_t;
inline constexpr Slot kNoSlot = 0xffff'ffff;

/// Numbers a client's name within one service (ClientNames).
using ClientNumber = std::uint32_t;

struct MessageId {
    std::uint64_t high = 0;
    std::uint64_t low = 0;
};

/// What few messages have, shared by all copies of the state.
struct MessageExtras {
    MessageAttributes attributes;
    std::string label;
};

/// A message's neighbours in an OrderedIndex, or the mark that it lies in the index's tree.
struct Links {
    Slot previous = kNoSlot;
    Slot next = kNoSlot;
    bool inTree = false;
};

enum class Place : std::uint8_t {
    Nowhere, ///< the slot is free
    Visible,
    InFlight,
    Delayed,
};

/// One stored message: about 150 bytes beside its body.
struct Message {
    std::uint64_t number = 0; ///< unique in the service, in order of sending
    MessageId id;
    SharedBytes body;
    std::shared_ptr<const MessageExtras>
        extras; ///< none when it has neither attributes nor a label
    Instant sent{};
    Instant firstReceived{}; ///< meaningful once receiveCount > 0
    std::int64_t order = 0; ///< rank among the visible ones; given when it first becomes visible
    Instant due{}; ///< in flight or delayed: when it becomes visible
    Duration timeout{}; ///< in flight or delayed: the span that `due` ends
    std::int32_t receiveCount = 0;
    std::int32_t receivedElsewhere = 0; ///< of those, before it came here as a dead letter
    ClientNumber holder = 0; ///< who received it last; meaningful once receiveCount > 0
    Place place = Place::Nowhere;
    bool extended = false; ///< in flight: ChangeMessageVisibility moved `due`
    Links byPlace; ///< in the index of its place
    Links byAge; ///< in the index by time of sending
};

/// The messages of one queue at stable slots, in chunks, so that growing never moves a million
/// messages. Memory follows the largest backlog. A value whose copy is cheap: copies share the
/// chunks, and whoever changes a message first takes its chunk for itself. So a reference from the
/// const at() is good only until something is changed.
class MessageStore {
public:
    Slot add(Message message)
    {
        if (m_free.empty())
            grow();
        const Slot slot = m_free.back();
        m_free.pop_back();
        at(slot) = std::move(message);
        ++m_size;
        return slot;
    }
    Message take(Slot slot)
    {
        Message &stored = at(slot);
        Message message = std::move(stored);
        stored = Message{};
        m_free.push_back(slot);
        --m_size;
        return message;
    }
    Message &at(Slot slot)
    {
        std::shared_ptr<Chunk> &chunk = m_chunks[slot / kChunk];
        if (chunk.use_count() != 1) [[unlikely]]
            chunk = std::make_shared<Chunk>(*chunk);
        return (*chunk)[slot % kChunk];
    }
    const Message &at(Slot slot) const { return (*m_chunks[slot / kChunk])[slot % kChunk]; }
    /// The message in `slot`, when it is there and is still the one with that number; else nullptr.
    const Message *find(Slot slot, std::uint64_t number) const
    {
        if (slot / kChunk >= m_chunks.size())
            return nullptr;
        const Message &message = at(slot);
        return message.place != Place::Nowhere && message.number == number ? &message : nullptr;
    }
    std::uint64_t size() const { return m_size; }

private:
    static constexpr std::size_t kChunk = 64;
    using Chunk = std::array<Message, kChunk>;

    void grow()
    {
        const auto first = static_cast<Slot>(m_chunks.size() * kChunk);
        m_chunks.push_back(std::make_shared<Chunk>());
        for (std::size_t i = kChunk; i > 0; --i)
            m_free.push_back(first + static_cast<Slot>(i - 1));
    }

    std::vector<std::shared_ptr<Chunk>> m_chunks;
    std::vector<Slot> m_free; // the last one is given out next
    std::uint64_t m_size = 0;
};

} // namespace queuelab::visibility
