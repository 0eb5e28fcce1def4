#pragma once

#include "engine/visibility/message.h"

#include <compare>
#include <cstdint>
#include <set>

namespace queuelab::visibility {

/// Messages of one queue in the order of a key, equal keys in order of sending. Keys mostly grow (a
/// fixed timeout after now, the next rank, the time of sending), and those messages form a list
/// through their own Links: O(1) to add, to remove anywhere and to take the first. A key smaller
/// than the last one of the list goes into a tree: O(log n). `Key` has static `std::int64_t
/// key(const Message &)` and `links(Message &)`. Keys do not change while a message is in the
/// index. A value, valid beside a copy of its store.
template <class Key> class OrderedIndex {
public:
    bool empty() const { return m_size == 0; }
    std::uint64_t size() const { return m_size; }

    void insert(MessageStore &store, Slot slot)
    {
        Message &message = store.at(slot);
        Links &links = Key::links(message);
        ++m_size;
        if (m_tail != kNoSlot && entryOf(store, slot) < entryOf(store, m_tail)) {
            links = {.inTree = true};
            m_early.insert(entryOf(store, slot));
            return;
        }
        links = {.previous = m_tail};
        if (m_tail == kNoSlot)
            m_head = slot;
        else
            Key::links(store.at(m_tail)).next = slot;
        m_tail = slot;
    }

    void erase(MessageStore &store, Slot slot)
    {
        const Links links = Key::links(store.at(slot));
        --m_size;
        if (links.inTree) {
            m_early.erase(entryOf(store, slot));
            return;
        }
        if (links.previous == kNoSlot)
            m_head = links.next;
        else
            Key::links(store.at(links.previous)).next = links.next;
        if (links.next == kNoSlot)
            m_tail = links.previous;
        else
            Key::links(store.at(links.next)).previous = links.previous;
    }

    /// The first message; kNoSlot when empty.
    Slot front(const MessageStore &store) const
    {
        if (m_early.empty())
            return m_head;
        if (m_head == kNoSlot || *m_early.begin() < entryOf(store, m_head))
            return m_early.begin()->slot;
        return m_head;
    }

    /// Calls `see(slot)` for the first `limit` messages in order.
    template <class See> void visit(const MessageStore &store, std::size_t limit, See see) const
    {
        Slot listed = m_head;
        auto early = m_early.begin();
        for (; limit > 0 && (listed != kNoSlot || early != m_early.end()); --limit) {
            if (listed == kNoSlot || (early != m_early.end() && *early < entryOf(store, listed))) {
                see(early->slot);
                ++early;
            } else {
                see(listed);
                listed = Key::links(store.at(listed)).next;
            }
        }
    }

private:
    struct Entry {
        std::int64_t key;
        std::uint64_t number;
        Slot slot;
        friend auto operator<=>(const Entry &, const Entry &) = default;
    };
    static Entry entryOf(const MessageStore &store, Slot slot)
    {
        const Message &message = store.at(slot);
        return {Key::key(message), message.number, slot};
    }

    Slot m_head = kNoSlot;
    Slot m_tail = kNoSlot;
    std::set<Entry> m_early;
    std::uint64_t m_size = 0;
};

/// Visible messages as they are received.
struct ByOrder {
    static std::int64_t key(const Message &message) { return message.order; }
    static Links &links(Message &message) { return message.byPlace; }
    static const Links &links(const Message &message) { return message.byPlace; }
};
/// Messages in flight, or delayed, as they become visible.
struct ByDue {
    static std::int64_t key(const Message &message)
    {
        return message.due.time_since_epoch().count();
    }
    static Links &links(Message &message) { return message.byPlace; }
    static const Links &links(const Message &message) { return message.byPlace; }
};
/// All messages as their retention ends.
struct ByAge {
    static std::int64_t key(const Message &message)
    {
        return message.sent.time_since_epoch().count();
    }
    static Links &links(Message &message) { return message.byAge; }
    static const Links &links(const Message &message) { return message.byAge; }
};

} // namespace queuelab::visibility
