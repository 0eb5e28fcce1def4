#include "engine/visibility/queue.h"

#include <algorithm>

namespace queuelab::visibility {

Queue::Queue(std::string name, QueueSettings initialSettings, std::uint64_t secret, Instant created)
    : settings(std::move(initialSettings))
    , lastModified(created)
    , m_name(std::move(name))
    , m_secret(secret)
    , m_created(created)
{
}

Slot Queue::addVisible(Message message)
{
    const Slot slot = m_store.add(std::move(message));
    m_byAge.insert(m_store, slot);
    m_store.at(slot).order = m_nextOrder++;
    makeVisible(slot);
    return slot;
}

Slot Queue::addDelayed(Message message, Instant due, Duration delay)
{
    const Slot slot = m_store.add(std::move(message));
    m_byAge.insert(m_store, slot);
    Message &stored = m_store.at(slot);
    stored.due = due;
    stored.timeout = delay;
    stored.place = Place::Delayed;
    m_delayed.insert(m_store, slot);
    return slot;
}

Message Queue::remove(Slot slot)
{
    leavePlace(slot);
    m_byAge.erase(m_store, slot);
    return m_store.take(slot);
}

std::uint64_t Queue::clear()
{
    const std::uint64_t count = m_store.size();
    m_store = {};
    m_visible = {};
    m_inFlight = {};
    m_delayed = {};
    m_byAge = {};
    return count;
}

std::optional<Slot> Queue::find(const Receipt &receipt) const
{
    const Message *message = m_store.find(receipt.slot, receipt.number);
    // Dead letters may go in a circle: a handle from before the last move is as void as if the
    // message had stayed away.
    if (message == nullptr || receipt.receiveCount <= message->receivedElsewhere)
        return std::nullopt;
    return receipt.slot;
}

void Queue::hide(Slot slot, Instant due, Duration timeout)
{
    leavePlace(slot);
    Message &message = m_store.at(slot);
    message.due = due;
    message.timeout = timeout;
    message.place = Place::InFlight;
    m_inFlight.insert(m_store, slot);
}

void Queue::show(Slot slot)
{
    Message &message = m_store.at(slot);
    const bool firstTime = message.place == Place::Delayed;
    leavePlace(slot);
    if (firstTime || message.receiveCount - message.receivedElsewhere >= kReceivesUntilBack)
        message.order = m_nextOrder++;
    makeVisible(slot);
}

void Queue::makeVisible(Slot slot)
{
    Message &message = m_store.at(slot);
    message.due = {};
    message.timeout = {};
    message.extended = false;
    message.place = Place::Visible;
    m_visible.insert(m_store, slot);
}

void Queue::leavePlace(Slot slot)
{
    switch (m_store.at(slot).place) {
    case Place::Visible:
        m_visible.erase(m_store, slot);
        break;
    case Place::InFlight:
        m_inFlight.erase(m_store, slot);
        break;
    case Place::Delayed:
        m_delayed.erase(m_store, slot);
        break;
    case Place::Nowhere:
        invariantBroken("a stored message is visible, in flight or delayed");
    }
}

std::optional<Instant> Queue::oldestSent() const
{
    if (m_byAge.empty())
        return std::nullopt;
    return m_store.at(m_byAge.front(m_store)).sent;
}

void Queue::wait(const Waiter &waiter)
{
    m_waiterEnds.emplace(waiter.end, m_nextWaiter);
    m_waiters.emplace_hint(m_waiters.end(), m_nextWaiter, waiter);
    ++m_nextWaiter;
}

bool Queue::canServeWaiter() const
{
    return !m_waiters.empty() && !m_visible.empty() && m_inFlight.size() < kMaxInFlight;
}

Waiter Queue::takeOldestWaiter()
{
    const auto oldest = m_waiters.begin();
    const Waiter waiter = oldest->second;
    m_waiterEnds.erase({waiter.end, oldest->first});
    m_waiters.erase(oldest);
    return waiter;
}

Waiter Queue::takeEndingWaiter()
{
    const auto waiter = m_waiters.extract(m_waiterEnds.begin()->second);
    m_waiterEnds.erase(m_waiterEnds.begin());
    return waiter.mapped();
}

void Queue::forgetWaitersOf(ClientId client)
{
    std::erase_if(m_waiters, [&](const auto &entry) {
        if (entry.second.client != client)
            return false;
        m_waiterEnds.erase({entry.second.end, entry.first});
        return true;
    });
}

std::vector<ClientNumber> Queue::waitingClients() const
{
    std::vector<ClientNumber> clients;
    for (const auto &[arrival, waiter] : m_waiters)
        clients.push_back(waiter.name);
    return clients;
}

std::optional<Due> Queue::nextDue() const
{
    std::optional<Due> next;
    const auto consider = [&](Instant at, DueKind kind) {
        const Due due{at, kind};
        if (!next || due < *next)
            next = due;
    };
    if (!m_byAge.empty())
        consider(m_store.at(m_byAge.front(m_store)).sent
                + std::chrono::seconds(settings.messageRetentionPeriodSeconds),
            DueKind::RetentionEnds);
    if (!m_delayed.empty())
        consider(m_store.at(m_delayed.front(m_store)).due, DueKind::DelayOver);
    if (!m_inFlight.empty())
        consider(m_store.at(m_inFlight.front(m_store)).due, DueKind::VisibilityTimeoutOver);
    if (!m_waiterEnds.empty())
        consider(m_waiterEnds.begin()->first, DueKind::LongPollEnds);
    return next;
}

Slot Queue::firstOfDue(DueKind kind) const
{
    switch (kind) {
    case DueKind::RetentionEnds:
        return m_byAge.front(m_store);
    case DueKind::DelayOver:
        return m_delayed.front(m_store);
    case DueKind::VisibilityTimeoutOver:
        return m_inFlight.front(m_store);
    case DueKind::LongPollEnds:
        break;
    }
    return kNoSlot;
}

} // namespace queuelab::visibility
