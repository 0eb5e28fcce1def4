#pragma once

#include "engine/core/time.h"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

namespace queuelab::visibility {

/// The rules of standard queues once more, told by scanning one vector of messages at every step:
/// what the real service, with its indexes, must agree with. Queues are numbered in order of
/// creation.
class NaiveService {
public:
    struct Settings {
        std::int64_t visibilityTimeoutSeconds = 30;
        std::int64_t retentionSeconds = 345'600;
        std::optional<std::size_t> deadLetterQueue;
        std::int32_t maxReceiveCount = 0;
    };
    struct Got {
        std::uint64_t number = 0;
        std::int32_t receiveCount = 0;
        friend bool operator==(const Got &, const Got &) = default;
    };
    struct Answered {
        std::uint64_t request = 0;
        Instant at{};
        std::vector<Got> messages;
    };
    struct Counts {
        std::uint64_t visible = 0;
        std::uint64_t notVisible = 0;
        std::uint64_t delayed = 0;
        friend bool operator==(const Counts &, const Counts &) = default;
    };

    explicit NaiveService(std::size_t queues)
        : settings(queues)
        , reappeared(queues)
        , m_nextOrder(queues)
    {
    }

    std::uint64_t send(std::size_t queue, std::int64_t delaySeconds)
    {
        Message message;
        message.number = m_nextNumber++;
        message.queue = queue;
        message.sent = now;
        message.delayed = delaySeconds > 0;
        message.due = now + std::chrono::seconds(delaySeconds);
        if (!message.delayed)
            message.order = m_nextOrder[queue]++;
        m_messages.push_back(message);
        finish({queue});
        return message.number;
    }
    void receive(std::size_t queue, std::uint64_t request, std::size_t max,
        std::optional<std::int64_t> timeoutSeconds, std::int64_t waitSeconds)
    {
        std::vector<std::size_t> touched;
        const auto got = take(queue, max, timeoutSeconds, touched);
        if (!got.empty() || waitSeconds == 0)
            answered.push_back({request, now, got});
        else
            m_waiters.push_back(
                {queue, request, max, timeoutSeconds, now + std::chrono::seconds(waitSeconds)});
        finish(touched);
    }
    /// By the handle of the message's receive number `receive`.
    void remove(std::size_t queue, std::uint64_t number, std::int32_t receive)
    {
        std::erase_if(
            m_messages, [&](const Message &m) { return isOf(m, queue, number, receive); });
        finish({queue});
    }
    /// False when the message is not there any more, or the 12 hours of the receive at `receivedAt`
    /// do not allow it.
    bool changeVisibility(std::size_t queue, std::uint64_t number, std::int32_t receive,
        Instant receivedAt, std::int64_t seconds)
    {
        const auto message = std::ranges::find_if(
            m_messages, [&](const Message &m) { return isOf(m, queue, number, receive); });
        const Instant due = now + std::chrono::seconds(seconds);
        if (message == m_messages.end() || due > receivedAt + std::chrono::hours(12))
            return false;
        if (seconds > 0) {
            message->hidden = true;
            message->due = due;
        } else if (message->hidden) {
            show(*message);
        }
        finish({queue});
        return true;
    }
    void purge(std::size_t queue)
    {
        std::erase_if(m_messages, [&](const Message &m) { return m.queue == queue; });
    }
    void settingsChanged(std::size_t queue) { finish({queue}); }

    void advanceTo(Instant end)
    {
        doDue(end);
        now = end;
    }

    Counts counts(std::size_t queue) const
    {
        Counts counts;
        for (const Message &message : m_messages) {
            if (message.queue == queue)
                ++(message.hidden         ? counts.notVisible
                        : message.delayed ? counts.delayed
                                          : counts.visible);
        }
        return counts;
    }

    Instant now = kVirtualStart;
    std::vector<Settings> settings;
    std::vector<std::uint64_t> reappeared;
    std::vector<Answered> answered; ///< in order

private:
    struct Message {
        std::uint64_t number = 0;
        std::size_t queue = 0;
        Instant sent{};
        std::int64_t order = 0;
        bool hidden = false;
        bool delayed = false;
        Instant due{};
        std::int32_t receives = 0;
        std::int32_t receivesElsewhere = 0;
    };
    struct Waiter {
        std::size_t queue;
        std::uint64_t request;
        std::size_t max;
        std::optional<std::int64_t> timeoutSeconds;
        Instant end;
    };

    // A handle does not follow a message into another queue, nor back.
    static bool isOf(
        const Message &message, std::size_t queue, std::uint64_t number, std::int32_t receive)
    {
        return message.queue == queue && message.number == number
            && receive > message.receivesElsewhere;
    }
    bool isVisible(const Message &message) const { return !message.hidden && !message.delayed; }
    Instant expiry(const Message &message) const
    {
        return message.sent + std::chrono::seconds(settings[message.queue].retentionSeconds);
    }

    void show(Message &message)
    {
        if (message.delayed || message.receives - message.receivesElsewhere >= 3)
            message.order = m_nextOrder[message.queue]++;
        message.hidden = message.delayed = false;
    }

    std::vector<Got> take(std::size_t queue, std::size_t max,
        std::optional<std::int64_t> timeoutSeconds, std::vector<std::size_t> &touched)
    {
        const Settings &rules = settings[queue];
        const std::int64_t end = m_nextOrder[queue];
        const std::int64_t timeout = timeoutSeconds.value_or(rules.visibilityTimeoutSeconds);
        std::vector<Got> got;
        while (got.size() < max) {
            Message *first = nullptr;
            for (Message &message : m_messages) {
                if (message.queue == queue && isVisible(message) && message.order < end
                    && (first == nullptr || message.order < first->order))
                    first = &message;
            }
            if (first == nullptr)
                break;
            if (rules.deadLetterQueue
                && first->receives - first->receivesElsewhere >= rules.maxReceiveCount) {
                first->queue = *rules.deadLetterQueue;
                first->order = m_nextOrder[first->queue]++;
                first->receivesElsewhere = first->receives;
                touched.push_back(first->queue);
                continue;
            }
            first->hidden = true;
            first->due = now + std::chrono::seconds(timeout);
            got.push_back({first->number, ++first->receives});
        }
        if (timeout == 0) {
            for (const Got &one : got) {
                for (Message &message : m_messages) {
                    if (message.number == one.number)
                        show(message);
                }
            }
        }
        return got;
    }

    // A dead letter may come to a queue in which it is too old.
    void finish(std::vector<std::size_t> touched)
    {
        lookAfter(std::move(touched));
        doDue(now);
    }
    // Long polls get what is visible, the oldest poll first.
    void lookAfter(std::vector<std::size_t> touched)
    {
        while (!touched.empty()) {
            const std::size_t queue = touched.front();
            touched.erase(touched.begin());
            for (std::size_t i = 0; i < m_waiters.size();) {
                if (m_waiters[i].queue != queue) {
                    ++i;
                    continue;
                }
                const auto got =
                    take(queue, m_waiters[i].max, m_waiters[i].timeoutSeconds, touched);
                if (got.empty())
                    break;
                answered.push_back({m_waiters[i].request, now, got});
                m_waiters.erase(m_waiters.begin() + static_cast<std::ptrdiff_t>(i));
            }
        }
    }

    // One moment after the other; at each, one queue after the other; in each, messages before the
    // ends of long polls.
    void doDue(Instant end)
    {
        while (true) {
            std::optional<std::tuple<Instant, std::size_t, bool>> next;
            const auto consider = [&](Instant at, std::size_t queue, bool pollEnds) {
                const std::tuple candidate{at, queue, pollEnds};
                if (at <= end && (!next || candidate < *next))
                    next = candidate;
            };
            for (const Message &message : m_messages) {
                consider(expiry(message), message.queue, false);
                if (!isVisible(message))
                    consider(message.due, message.queue, false);
            }
            for (const Waiter &waiter : m_waiters)
                consider(waiter.end, waiter.queue, true);
            if (!next)
                return;
            const auto [at, queue, pollEnds] = *next;
            now = std::max(now, at);
            if (pollEnds)
                endPoll(queue, at);
            else
                becomeDue(queue, at);
            lookAfter({queue});
        }
    }

    void endPoll(std::size_t queue, Instant at)
    {
        const auto waiter = std::ranges::find_if(m_waiters, [&](const Waiter &candidate) {
            return candidate.queue == queue && candidate.end == at;
        });
        answered.push_back({waiter->request, now, {}});
        m_waiters.erase(waiter);
    }

    void becomeDue(std::size_t queue, Instant at)
    {
        std::erase_if(m_messages, [&](const Message &message) {
            return message.queue == queue && expiry(message) == at;
        });
        // Delays end before timeouts, and both in the order of sending: that is their order in the
        // queue when it is new.
        for (const bool delayed : {true, false}) {
            for (Message &message : m_messages) {
                if (message.queue != queue || isVisible(message) || message.due != at
                    || message.delayed != delayed)
                    continue;
                if (!delayed)
                    ++reappeared[queue];
                show(message);
            }
        }
    }

    std::vector<Message> m_messages; // in order of sending
    std::vector<Waiter> m_waiters; // in order of asking
    std::vector<std::int64_t> m_nextOrder;
    std::uint64_t m_nextNumber = 1;
};

} // namespace queuelab::visibility
