#include "engine/visibility/step.h"

#include <algorithm>
#include <type_traits>

namespace queuelab::visibility {

void Step::handle(const ClientRequest &request)
{
    const Caller caller{
        request.client, request.id, request.clientName, m_context.trace.name(request.clientName)};
    std::visit(
        [&](const auto &action) {
            Reply reply = carryOut(action, caller);
            if (!reply)
                return;
            if (!reply->has_value()) {
                NameId queue = kNoName;
                if constexpr (requires { action.queue; })
                    queue = m_context.trace.name(action.queue);
                recordRefusal(queue, caller, reply->error());
            }
            answer(caller.client, caller.request, std::move(*reply));
        },
        request.request);
}

void Step::handle(const ClientGone &gone)
{
    for (auto &[id, queue] : m_state.queues) {
        if (!queue.hasWaiters())
            continue;
        queue.forgetWaitersOf(gone.client);
        touch(id);
    }
}

void Step::handle(const WakeUp &)
{
    m_state.wakeAsked.reset();
}

void Step::settle()
{
    while (true) {
        while (!m_touched.empty()) {
            const Target touched = target(m_touched.front());
            m_touched.erase(m_touched.begin());
            serveWaiters(touched);
            reschedule(touched);
        }
        if (m_state.schedule.empty() || m_state.schedule.begin()->first > m_context.now)
            return;
        const auto [at, queue] = *m_state.schedule.begin();
        doDue(target(queue), at);
        touch(queue);
    }
}

void Step::askToBeWoken()
{
    std::optional<Instant> &asked = m_state.wakeAsked;
    if (asked && *asked <= m_context.now)
        asked.reset();
    if (m_state.schedule.empty())
        return;
    const Instant next = m_state.schedule.begin()->first;
    if (asked && *asked <= next)
        return;
    asked = next;
    m_effects.emplace_back(WakeAt{next});
}

// All that becomes visible at one moment does so before the next long poll is served, so that ten
// messages of one receive come back as ten. A long poll that ends at that moment is served like the
// others first.
void Step::doDue(const Target &target, Instant at)
{
    Queue &queue = *target.queue;
    auto due = queue.nextDue();
    if (due->kind == DueKind::LongPollEnds) {
        endLongPoll(target);
        return;
    }
    for (; due && due->at == at && due->kind != DueKind::LongPollEnds; due = queue.nextDue()) {
        const Slot slot = queue.firstOfDue(due->kind);
        const auto number = static_cast<std::int64_t>(queue.message(slot).number);
        switch (due->kind) {
        case DueKind::RetentionEnds:
            queue.remove(slot);
            record(VisibilityEvent::RetentionEnded, target.name, {.item = number});
            break;
        case DueKind::DelayOver:
            queue.show(slot);
            record(VisibilityEvent::BecameVisible, target.name,
                {.reason = reason(VisibilityReason::DelayOver), .item = number});
            break;
        case DueKind::VisibilityTimeoutOver:
            ++queue.counters.reappeared;
            makeVisibleAgain(target, slot, VisibilityReason::VisibilityTimeout);
            break;
        case DueKind::LongPollEnds:
            break;
        }
    }
}

void Step::endLongPoll(const Target &target)
{
    const Waiter waiter = target.queue->takeEndingWaiter();
    ++target.queue->counters.emptyReceives;
    record(VisibilityEvent::EmptyReceive, target.name,
        {.reason = reason(VisibilityReason::LongPollEnded),
            .actor = m_context.trace.name(m_state.clients.name(waiter.name))});
    answer(waiter.client, waiter.request, ReceiveMessageResult{});
}

void Step::serveWaiters(const Target &target)
{
    Queue &queue = *target.queue;
    while (queue.canServeWaiter()) {
        const Waiter &oldest = queue.oldestWaiter();
        auto messages = receive(target,
            {.client = oldest.name,
                .name = m_context.trace.name(m_state.clients.name(oldest.name)),
                .maxNumberOfMessages = oldest.maxNumberOfMessages,
                .visibilityTimeoutSeconds = oldest.visibilityTimeoutSeconds.value_or(
                    queue.settings.visibilityTimeoutSeconds)});
        if (messages.empty()) // every one of them went to the dead-letter queue
            break;
        const Waiter served = queue.takeOldestWaiter();
        answer(served.client, served.request, ReceiveMessageResult{std::move(messages)});
    }
}

void Step::reschedule(const Target &target)
{
    const auto due = target.queue->nextDue();
    const auto known = m_state.dueOf.find(target.id);
    if (known != m_state.dueOf.end()) {
        if (due && due->at == known->second)
            return;
        m_state.schedule.erase({known->second, target.id});
        if (!due) {
            m_state.dueOf.erase(known);
            return;
        }
        known->second = due->at;
    } else {
        if (!due)
            return;
        m_state.dueOf.emplace(target.id, due->at);
    }
    m_state.schedule.emplace(due->at, target.id);
}

void Step::forget(QueueId queue)
{
    if (const auto due = m_state.dueOf.find(queue); due != m_state.dueOf.end()) {
        m_state.schedule.erase({due->second, queue});
        m_state.dueOf.erase(due);
    }
    std::erase(m_touched, queue);
    m_state.queueIds.erase(m_state.queues.at(queue).name());
    m_state.queues.erase(queue);
}

std::optional<Step::Target> Step::find(std::string_view queue)
{
    const auto known = m_state.queueIds.find(queue);
    if (known == m_state.queueIds.end())
        return std::nullopt;
    return target(known->second);
}

Step::Target Step::target(QueueId id)
{
    Queue &queue = m_state.queues.at(id);
    return {id, &queue, m_context.trace.name(queue.name())};
}

void Step::touch(QueueId queue)
{
    if (std::ranges::find(m_touched, queue) == m_touched.end())
        m_touched.push_back(queue);
}

void Step::answer(ClientId client, RequestId request, Response response)
{
    m_effects.emplace_back(Answer{client, request, std::move(response)});
}

void Step::record(VisibilityEvent event, NameId queue, TraceEvent rest)
{
    rest.at = m_context.now;
    rest.kind = kind(event);
    rest.subject = queue;
    m_context.trace.record(rest);
}

void Step::recordRefusal(NameId queue, const Caller &caller, const SqsError &error)
{
    record(VisibilityEvent::RequestRefused, queue,
        {.actor = caller.name, .detail = m_context.trace.name(errorCode(error.kind))});
}

} // namespace queuelab::visibility
