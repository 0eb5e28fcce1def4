#include "engine/visibility/content.h"
#include "engine/visibility/errors.h"
#include "engine/visibility/step.h"

#include <fmt/format.h>

namespace queuelab::visibility {
namespace {

constexpr std::int32_t kMaxMessagesPerReceive = 10;
constexpr std::int32_t kMaxWaitSeconds = 20;
constexpr std::int32_t kMaxVisibilityTimeoutSeconds = 43'200;
/// A receive may keep a message hidden for 12 hours in all, counted from the receive (facts:
/// sqs.md 3.1).
constexpr Duration kMaxHiddenByOneReceive = std::chrono::seconds(kMaxVisibilityTimeoutSeconds);

std::int64_t itemOf(const Message &message)
{
    return static_cast<std::int64_t>(message.number);
}

template <class Entry> std::vector<std::string_view> idsOf(const std::vector<Entry> &entries)
{
    std::vector<std::string_view> ids;
    for (const Entry &entry : entries)
        ids.push_back(entry.id);
    return ids;
}

std::optional<SqsError> checkReceive(const ReceiveMessage &request)
{
    if (request.maxNumberOfMessages < 1 || request.maxNumberOfMessages > kMaxMessagesPerReceive)
        return invalidParameter(fmt::to_string(request.maxNumberOfMessages), "MaxNumberOfMessages",
            fmt::format("Must be between 1 and {}, if provided.", kMaxMessagesPerReceive));
    if (request.waitTimeSeconds
        && (*request.waitTimeSeconds < 0 || *request.waitTimeSeconds > kMaxWaitSeconds))
        return outOfRange(*request.waitTimeSeconds, "WaitTimeSeconds", 0, kMaxWaitSeconds);
    if (request.visibilityTimeout
        && (*request.visibilityTimeout < 0
            || *request.visibilityTimeout > kMaxVisibilityTimeoutSeconds))
        return outOfRange(
            *request.visibilityTimeout, "VisibilityTimeout", 0, kMaxVisibilityTimeoutSeconds);
    return std::nullopt;
}

} // namespace

Step::Reply Step::carryOut(const SendMessage &request, const Caller &caller)
{
    const auto target = find(request.queue);
    if (!target)
        return std::unexpected(queueDoesNotExist());
    if (auto error =
            checkMessage(request, target->queue->settings.maximumMessageSizeBytes, SentAs::Message))
        return std::unexpected(std::move(*error));
    return SendMessageResult{messageIdText(send(*target, request, caller))};
}

Step::Reply Step::carryOut(const SendMessageBatch &request, const Caller &caller)
{
    const auto target = find(request.queue);
    if (!target)
        return std::unexpected(queueDoesNotExist());
    if (auto error = checkBatchIds(idsOf(request.entries), "SendMessageBatchRequestEntry"))
        return std::unexpected(std::move(*error));
    if (auto error = checkBatchSize(request))
        return std::unexpected(std::move(*error));
    BatchResult result;
    for (const auto &[id, message] : request.entries) {
        if (auto error = checkMessage(
                message, target->queue->settings.maximumMessageSizeBytes, SentAs::BatchEntry)) {
            recordRefusal(target->name, caller, *error);
            result.failed.push_back({id, std::move(*error)});
            continue;
        }
        result.successful.push_back(id);
        result.messageIds.push_back(messageIdText(send(*target, message, caller)));
    }
    return result;
}

MessageId Step::send(const Target &target, const SendMessage &sent, const Caller &caller)
{
    Queue &queue = *target.queue;
    Message message;
    message.number = m_state.nextMessage++;
    message.id = {m_context.random.next(), m_context.random.next()};
    message.body = sent.body;
    message.sent = m_context.now;
    if (!sent.attributes.empty() || !sent.label.empty())
        message.extras = std::make_shared<const MessageExtras>(sent.attributes, sent.label);
    const MessageId id = message.id;
    TraceEvent event{.actor = caller.name, .item = itemOf(message)};
    if (!sent.label.empty())
        event.detail = m_context.trace.name(sent.label);
    ++queue.counters.sent;
    record(VisibilityEvent::Sent, target.name, event);

    const Duration delay =
        std::chrono::seconds(sent.delaySeconds.value_or(queue.settings.delaySeconds));
    if (delay > Duration::zero()) {
        event.value = delay.count();
        record(VisibilityEvent::Delayed, target.name, event);
        queue.addDelayed(std::move(message), m_context.now + delay, delay);
    } else {
        queue.addVisible(std::move(message));
    }
    touch(target.id);
    return id;
}

Step::Reply Step::carryOut(const ReceiveMessage &request, const Caller &caller)
{
    const auto target = find(request.queue);
    if (!target)
        return std::unexpected(queueDoesNotExist());
    if (auto error = checkReceive(request))
        return std::unexpected(std::move(*error));
    Queue &queue = *target->queue;
    const Duration wait = std::chrono::seconds(
        request.waitTimeSeconds.value_or(queue.settings.receiveMessageWaitTimeSeconds));
    const bool shortPoll = wait == Duration::zero();
    // Long polls get no error here: they wait until something is deleted or comes back.
    if (shortPoll && queue.inFlightCount() >= Queue::kMaxInFlight)
        return refuse(ErrorKind::OverLimit,
            fmt::format("The queue has {} messages in flight, the most there may be.",
                Queue::kMaxInFlight));

    const ClientNumber client = m_state.clients.number(caller.clientName);
    auto messages = receive(*target,
        {.client = client,
            .name = caller.name,
            .maxNumberOfMessages = request.maxNumberOfMessages,
            .visibilityTimeoutSeconds =
                request.visibilityTimeout.value_or(queue.settings.visibilityTimeoutSeconds)});
    if (!messages.empty())
        return ReceiveMessageResult{std::move(messages)};
    if (shortPoll) {
        ++queue.counters.emptyReceives;
        record(VisibilityEvent::EmptyReceive, target->name,
            {.reason = reason(VisibilityReason::ShortPoll), .actor = caller.name});
        return ReceiveMessageResult{};
    }
    record(VisibilityEvent::LongPollStarted, target->name,
        {.actor = caller.name, .value = wait.count()});
    queue.wait({.client = caller.client,
        .request = caller.request,
        .name = client,
        .maxNumberOfMessages = request.maxNumberOfMessages,
        .visibilityTimeoutSeconds = request.visibilityTimeout,
        .end = m_context.now + wait});
    touch(target->id);
    return std::nullopt;
}

std::vector<ReceivedMessage> Step::receive(const Target &target, const Ask &ask)
{
    Queue &queue = *target.queue;
    const auto wanted = static_cast<std::size_t>(ask.maxNumberOfMessages);
    // A queue that is its own dead-letter queue gets messages back while they are looked through:
    // those are for a later receive.
    const std::int64_t end = queue.nextOrder();
    std::vector<ReceivedMessage> messages;
    std::vector<Slot> slots;
    while (messages.size() < wanted && queue.inFlightCount() < Queue::kMaxInFlight) {
        const Slot slot = queue.firstVisible();
        if (slot == kNoSlot || queue.message(slot).order >= end)
            break;
        touch(target.id);
        if (movedToDeadLetterQueue(target, slot))
            continue;
        messages.push_back(deliver(target, slot, ask));
        slots.push_back(slot);
    }
    if (ask.visibilityTimeoutSeconds == 0) {
        for (const Slot slot : slots)
            makeVisibleAgain(target, slot, VisibilityReason::VisibilitySetToZero);
    }
    return messages;
}

ReceivedMessage Step::deliver(const Target &target, Slot slot, const Ask &ask)
{
    Queue &queue = *target.queue;
    const Duration timeout = std::chrono::seconds(ask.visibilityTimeoutSeconds);
    Message &message = queue.message(slot);
    ++message.receiveCount;
    if (message.receiveCount == 1)
        message.firstReceived = m_context.now;
    message.holder = ask.client;
    queue.hide(slot, m_context.now + timeout, timeout);
    ++queue.counters.received;
    record(VisibilityEvent::Received, target.name,
        {.actor = ask.name, .item = itemOf(message), .value = message.receiveCount});
    const Receipt receipt{.slot = slot,
        .receiveCount = message.receiveCount,
        .number = message.number,
        .receivedAt = m_context.now,
        .nonce = m_context.random.next()};
    return {.messageId = messageIdText(message.id),
        .number = message.number,
        .receiptHandle = writeReceiptHandle(receipt, queue.secret()),
        .body = message.body,
        .attributes = message.extras ? message.extras->attributes : MessageAttributes{},
        .approximateReceiveCount = message.receiveCount,
        .sentTimestamp = epochMillis(message.sent),
        .approximateFirstReceiveTimestamp = epochMillis(message.firstReceived)};
}

// The count that decides is that of the receives from this queue: a dead letter goes on counting
// where it came from, but a dead-letter queue with a policy of its own begins anew. A deleted
// dead-letter queue takes nothing: messages stay.
bool Step::movedToDeadLetterQueue(const Target &target, Slot slot)
{
    Queue &queue = *target.queue;
    const auto &policy = queue.settings.redrive;
    const Message &candidate = queue.message(slot);
    if (!policy || candidate.receiveCount - candidate.receivedElsewhere < policy->maxReceiveCount)
        return false;
    const auto deadLetters = find(policy->deadLetterQueue);
    if (!deadLetters)
        return false;
    record(VisibilityEvent::DeadLettered, target.name,
        {.reason = reason(VisibilityReason::MaxReceiveCount),
            .actor = m_context.trace.name(m_state.clients.name(candidate.holder)),
            .detail = deadLetters->name,
            .item = itemOf(candidate),
            .value = candidate.receiveCount});
    ++queue.counters.deadLettered;
    Message message = queue.remove(slot);
    message.receivedElsewhere = message.receiveCount;
    deadLetters->queue->addVisible(std::move(message));
    touch(deadLetters->id);
    return true;
}

Step::Reply Step::carryOut(const DeleteMessage &request, const Caller &caller)
{
    const auto target = find(request.queue);
    if (!target)
        return std::unexpected(queueDoesNotExist());
    if (auto error = remove(*target, request.receiptHandle, caller))
        return std::unexpected(std::move(*error));
    return Done{};
}

Step::Reply Step::carryOut(const DeleteMessageBatch &request, const Caller &caller)
{
    const auto target = find(request.queue);
    if (!target)
        return std::unexpected(queueDoesNotExist());
    if (auto error = checkBatchIds(idsOf(request.entries), "DeleteMessageBatchRequestEntry"))
        return std::unexpected(std::move(*error));
    BatchResult result;
    for (const auto &[id, receiptHandle] : request.entries) {
        if (auto error = remove(*target, receiptHandle, caller)) {
            recordRefusal(target->name, caller, *error);
            result.failed.push_back({id, std::move(*error)});
        } else {
            result.successful.push_back(id);
        }
    }
    return result;
}

std::optional<SqsError> Step::remove(
    const Target &target, const std::string &receiptHandle, const Caller &caller)
{
    Queue &queue = *target.queue;
    if (receiptHandle.empty())
        return missingParameter("ReceiptHandle");
    const auto receipt = readReceiptHandle(receiptHandle, queue.secret());
    if (!receipt)
        return invalidReceiptHandle(receiptHandle);
    ++queue.counters.deleted;
    TraceEvent event{.actor = caller.name,
        .item = static_cast<std::int64_t>(receipt->number),
        .value = receipt->receiveCount};
    const auto slot = queue.find(*receipt);
    if (!slot) {
        record(VisibilityEvent::DeletedAgain, target.name, event);
        return std::nullopt;
    }
    const Message &message = queue.message(*slot);
    const bool stillHeld =
        message.place == Place::InFlight && message.receiveCount == receipt->receiveCount;
    event.value = message.receiveCount;
    record(
        stillHeld ? VisibilityEvent::Deleted : VisibilityEvent::DeleteTooLate, target.name, event);
    queue.remove(*slot);
    touch(target.id);
    return std::nullopt;
}

Step::Reply Step::carryOut(const ChangeMessageVisibility &request, const Caller &caller)
{
    const auto target = find(request.queue);
    if (!target)
        return std::unexpected(queueDoesNotExist());
    Queue &queue = *target->queue;
    if (request.receiptHandle.empty())
        return std::unexpected(missingParameter("ReceiptHandle"));
    const auto receipt = readReceiptHandle(request.receiptHandle, queue.secret());
    if (!receipt)
        return std::unexpected(invalidReceiptHandle(request.receiptHandle));
    if (request.visibilityTimeout < 0 || request.visibilityTimeout > kMaxVisibilityTimeoutSeconds)
        return std::unexpected(outOfRange(
            request.visibilityTimeout, "VisibilityTimeout", 0, kMaxVisibilityTimeoutSeconds));
    const auto slot = queue.find(*receipt);
    if (!slot)
        return std::unexpected(invalidParameter(request.receiptHandle, "ReceiptHandle",
            "Message does not exist or is not available for visibility timeout change."));
    const Duration timeout = std::chrono::seconds(request.visibilityTimeout);
    if (m_context.now + timeout > receipt->receivedAt + kMaxHiddenByOneReceive)
        return std::unexpected(
            invalidParameter(fmt::to_string(request.visibilityTimeout), "VisibilityTimeout",
                fmt::format("Total VisibilityTimeout for the message is beyond the limit [{} "
                            "seconds]",
                    kMaxVisibilityTimeoutSeconds)));

    Message &message = queue.message(*slot);
    record(VisibilityEvent::VisibilityChanged, target->name,
        {.actor = caller.name, .item = itemOf(message), .value = timeout.count()});
    if (timeout > Duration::zero()) {
        queue.hide(*slot, m_context.now + timeout, timeout);
        message.extended = true;
    } else if (message.place == Place::InFlight) {
        makeVisibleAgain(*target, *slot, VisibilityReason::VisibilitySetToZero);
    }
    touch(target->id);
    return Done{};
}

void Step::makeVisibleAgain(const Target &target, Slot slot, VisibilityReason why)
{
    const Message &message = target.queue->message(slot);
    record(VisibilityEvent::Reappeared, target.name,
        {.reason = reason(why),
            .actor = m_context.trace.name(m_state.clients.name(message.holder)),
            .item = itemOf(message),
            .value = message.receiveCount});
    target.queue->show(slot);
}

} // namespace queuelab::visibility
