#pragma once

#include "engine/core/ids.h"
#include "engine/visibility/attributes.h"
#include "engine/visibility/message.h"
#include "engine/visibility/ordered_index.h"
#include "engine/visibility/receipt.h"

#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::visibility {

/// A long poll: a receive that waits for a message.
struct Waiter {
    ClientId client;
    RequestId request;
    ClientNumber name;
    std::int32_t maxNumberOfMessages = 1;
    std::optional<std::int32_t>
        visibilityTimeoutSeconds; ///< nothing: the queue's, when it is answered
    Instant end{}; ///< answered empty then
};

struct QueueCounters {
    std::uint64_t sent = 0;
    std::uint64_t received = 0;
    std::uint64_t deleted = 0;
    std::uint64_t emptyReceives = 0;
    std::uint64_t reappeared = 0;
    std::uint64_t deadLettered = 0;
};

/// What a queue has to do by itself at a time, in the order in which things at one moment happen: a
/// message that is too old is not seen any more, and one that becomes visible just as a long poll
/// ends is still handed to it.
enum class DueKind : std::uint8_t { RetentionEnds, DelayOver, VisibilityTimeoutOver, LongPollEnds };
struct Due {
    Instant at{};
    DueKind kind = DueKind::RetentionEnds;
    friend auto operator<=>(const Due &, const Due &) = default;
};

/// One standard queue: its messages, each in exactly one place (visible, in flight, delayed), its
/// long polls and its counters. It keeps the books; the Service decides, answers and records. A
/// value.
///
/// Order among the visible is the order of becoming visible for the first time. A message that
/// comes back keeps its rank, so it is received before later ones; from its third receive on it
/// goes to the back instead, as SQS does with messages that nobody manages to delete.
class Queue {
public:
    /// About 120,000 messages may be received and not deleted (facts: sqs.md 3.2).
    static constexpr std::uint64_t kMaxInFlight = 120'000;
    static constexpr std::int32_t kReceivesUntilBack = 3;

    Queue(std::string name, QueueSettings settings, std::uint64_t secret, Instant created);

    const std::string &name() const { return m_name; }
    std::uint64_t secret() const { return m_secret; } ///< of its receipt handles
    Instant created() const { return m_created; }

    // Messages. `Message &` and Slot stay valid until that message leaves.

    Slot addVisible(Message message);
    Slot addDelayed(Message message, Instant due, Duration delay);
    /// Out of the queue for good.
    Message remove(Slot slot);
    /// Removes all.
    std::uint64_t clear();

    const Message &message(Slot slot) const { return m_store.at(slot); }
    Message &message(Slot slot) { return m_store.at(slot); }
    /// The message the receipt was given for, if it is still in this queue.
    std::optional<Slot> find(const Receipt &receipt) const;

    /// The one to be received next; kNoSlot when none is visible.
    Slot firstVisible() const { return m_visible.front(m_store); }
    /// Ranks from here on belong to messages that come later than any there is now.
    std::int64_t nextOrder() const { return m_nextOrder; }
    /// Puts a message in flight, wherever it is.
    void hide(Slot slot, Instant due, Duration timeout);
    /// Makes a message visible that is in flight or delayed.
    void show(Slot slot);

    std::uint64_t size() const { return m_store.size(); }
    std::uint64_t visibleCount() const { return m_visible.size(); }
    std::uint64_t inFlightCount() const { return m_inFlight.size(); }
    std::uint64_t delayedCount() const { return m_delayed.size(); }
    std::optional<Instant> oldestSent() const;

    template <class See> void visitVisible(std::size_t limit, See see) const
    {
        visit(m_visible, limit, see);
    }
    template <class See> void visitInFlight(std::size_t limit, See see) const
    {
        visit(m_inFlight, limit, see);
    }
    template <class See> void visitDelayed(std::size_t limit, See see) const
    {
        visit(m_delayed, limit, see);
    }

    // Long polls.

    void wait(const Waiter &waiter);
    /// There is a long poll, and a message that may be handed to it.
    bool canServeWaiter() const;
    const Waiter &oldestWaiter() const { return m_waiters.begin()->second; }
    Waiter takeOldestWaiter();
    /// The one that ends first.
    Waiter takeEndingWaiter();
    void forgetWaitersOf(ClientId client);
    bool hasWaiters() const { return !m_waiters.empty(); }
    /// Oldest first.
    std::vector<ClientNumber> waitingClients() const;

    // Time.

    /// The next thing to do by itself, however far away; O(1).
    std::optional<Due> nextDue() const;
    Slot firstOfDue(DueKind kind) const;

    QueueSettings settings;
    Instant lastModified{};
    QueueCounters counters;

private:
    template <class Index, class See>
    void visit(const Index &index, std::size_t limit, See see) const
    {
        index.visit(m_store, limit, [&](Slot slot) { see(m_store.at(slot)); });
    }
    void makeVisible(Slot slot);
    void leavePlace(Slot slot);

    std::string m_name;
    std::uint64_t m_secret;
    Instant m_created;
    MessageStore m_store;
    OrderedIndex<ByOrder> m_visible;
    OrderedIndex<ByDue> m_inFlight;
    OrderedIndex<ByDue> m_delayed;
    OrderedIndex<ByAge> m_byAge;
    std::int64_t m_nextOrder = 0;
    std::map<std::uint64_t, Waiter> m_waiters; // by arrival
    std::set<std::pair<Instant, std::uint64_t>> m_waiterEnds;
    std::uint64_t m_nextWaiter = 0;
};

} // namespace queuelab::visibility
