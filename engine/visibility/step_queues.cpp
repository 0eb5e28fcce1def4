#include "engine/visibility/attributes.h"
#include "engine/visibility/errors.h"
#include "engine/visibility/step.h"

#include <fmt/format.h>

namespace queuelab::visibility {
namespace {

std::string epochSeconds(Instant at)
{
    return fmt::to_string(std::chrono::floor<std::chrono::seconds>(at.time_since_epoch()).count());
}

} // namespace

Step::Reply Step::carryOut(const CreateQueue &request, const Caller &caller)
{
    if (auto valid = checkQueueName(request.queue); !valid)
        return std::unexpected(std::move(valid.error()));
    const auto fifo = request.attributes.find("FifoQueue");
    if (fifo != request.attributes.end() && fifo->second == "true")
        return refuse(ErrorKind::InvalidParameterValue,
            "The name of a FIFO queue can only include alphanumeric characters, hyphens, or "
            "underscores, must end with .fifo suffix and be 1 to 80 in length.");
    // A queue may be its own dead-letter queue, so its name counts as there while it is made.
    const auto exists = [&](const std::string &name) {
        return name == request.queue || m_state.queueIds.contains(name);
    };
    if (const auto known = find(request.queue)) {
        auto difference =
            firstDifference(known->queue->settings, request.attributes, m_state.config, exists);
        if (!difference)
            return std::unexpected(std::move(difference.error()));
        if (*difference)
            return refuse(ErrorKind::QueueNameExists,
                fmt::format("A queue already exists with the same name and a different value for "
                            "attribute {}",
                    **difference));
        return Done{};
    }
    QueueSettings settings;
    if (auto applied = applyAttributes(settings, request.attributes, m_state.config, exists);
        !applied)
        return std::unexpected(std::move(applied.error()));
    const QueueId id(m_state.nextQueue++);
    m_state.queueIds.emplace(request.queue, id);
    m_state.queues.emplace(
        id, Queue(request.queue, std::move(settings), m_context.random.next(), m_context.now));
    record(
        VisibilityEvent::QueueCreated, m_context.trace.name(request.queue), {.actor = caller.name});
    return Done{};
}

Step::Reply Step::carryOut(const DeleteQueue &request, const Caller &caller)
{
    const auto target = find(request.queue);
    if (!target)
        return std::unexpected(queueDoesNotExist());
    record(VisibilityEvent::QueueDeleted, target->name,
        {.actor = caller.name, .count = static_cast<std::int64_t>(target->queue->size())});
    answer(caller.client, caller.request, Done{});
    while (target->queue->hasWaiters()) {
        const Waiter waiter = target->queue->takeOldestWaiter();
        answer(waiter.client, waiter.request, std::unexpected(queueDoesNotExist()));
    }
    forget(target->id);
    return std::nullopt;
}

Step::Reply Step::carryOut(const SetQueueAttributes &request, const Caller &caller)
{
    const auto target = find(request.queue);
    if (!target)
        return std::unexpected(queueDoesNotExist());
    const auto exists = [&](const std::string &name) { return m_state.queueIds.contains(name); };
    auto applied =
        applyAttributes(target->queue->settings, request.attributes, m_state.config, exists);
    if (!applied)
        return std::unexpected(std::move(applied.error()));
    target->queue->lastModified = m_context.now;
    record(VisibilityEvent::AttributesChanged, target->name, {.actor = caller.name});
    touch(target->id); // the retention period may have ended for some
    return Done{};
}

Step::Reply Step::carryOut(const GetQueueAttributes &request, const Caller &)
{
    const auto target = find(request.queue);
    if (!target)
        return std::unexpected(queueDoesNotExist());
    const Queue &queue = *target->queue;
    QueueAttributes answered{attributeTexts(queue.settings, m_state.config)};
    auto &texts = answered.attributes;
    texts.emplace("ApproximateNumberOfMessages", fmt::to_string(queue.visibleCount()));
    texts.emplace("ApproximateNumberOfMessagesNotVisible", fmt::to_string(queue.inFlightCount()));
    texts.emplace("ApproximateNumberOfMessagesDelayed", fmt::to_string(queue.delayedCount()));
    texts.emplace("CreatedTimestamp", epochSeconds(queue.created()));
    texts.emplace("LastModifiedTimestamp", epochSeconds(queue.lastModified));
    texts.emplace("QueueArn", queueArn(m_state.config, queue.name()));
    return answered;
}

Step::Reply Step::carryOut(const ListQueues &, const Caller &)
{
    QueueNames names;
    for (const auto &[name, id] : m_state.queueIds)
        names.queues.push_back(name);
    return names;
}

Step::Reply Step::carryOut(const PurgeQueue &request, const Caller &caller)
{
    const auto target = find(request.queue);
    if (!target)
        return std::unexpected(queueDoesNotExist());
    const std::uint64_t count = target->queue->clear();
    record(VisibilityEvent::QueuePurged, target->name,
        {.actor = caller.name, .count = static_cast<std::int64_t>(count)});
    touch(target->id);
    return Done{};
}

} // namespace queuelab::visibility
