#include "engine/exchange/names.h"
#include "engine/exchange/state.h"

#include <fmt/format.h>

#include <algorithm>

namespace queuelab::exchange {

namespace {

Checked sameFlag(std::string_view flag, const std::string &queue, bool current, bool declared)
{
    if (current == declared)
        return {};
    return refuse(ReplyCode::PreconditionFailed,
        fmt::format("inequivalent arg '{}' for {}: received '{}' but current is '{}'", flag,
            resourceText("queue", queue), declared, current));
}

std::unexpected<Refusal> refuseLocked(const std::string &queue)
{
    return refuse(ReplyCode::ResourceLocked,
        fmt::format("cannot obtain exclusive access to locked {}. It could be originally declared "
                    "on another "
                    "connection or the exclusive property value does not match that of the "
                    "original declaration.",
            resourceText("queue", queue)));
}

std::uint32_t shortCount(std::uint64_t count)
{
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(count, UINT32_MAX));
}

} // namespace

Queue *Broker::State::findQueue(std::string_view name)
{
    const auto found = queuesByName.find(name);
    return found == queuesByName.end() ? nullptr : &queues.at(found->second);
}

Result<Queue *, Refusal> Broker::State::needQueue(Channel &channel, const std::string &name)
{
    const std::string wanted = name.empty() ? channel.lastQueue : withoutLineBreaks(name);
    if (wanted.empty())
        return refuse(ReplyCode::NotFound, "no previously declared queue");
    Queue *queue = findQueue(wanted);
    if (!queue)
        return refuse(ReplyCode::NotFound, "no " + resourceText("queue", wanted));
    if (queue->owner && *queue->owner != channel.connection)
        return refuseLocked(wanted);
    return queue;
}

void Broker::State::answerDeclared(Channel &channel, Queue &queue, Step &step)
{
    channel.lastQueue = queue.name;
    send(channel,
        QueueDeclareOk{
            queue.name, shortCount(queue.ready.count()), shortCount(queue.consumers.size())},
        step);
}

Checked Broker::State::redeclare(
    Channel &channel, Queue &queue, const QueueDeclare &method, Step &step)
{
    if (queue.owner ? (*queue.owner != channel.connection || !method.exclusive) : method.exclusive)
        return refuseLocked(queue.name);
    // Exclusive queues are never durable, whatever was asked for.
    if (!queue.owner) {
        if (auto same = sameFlag("durable", queue.name, queue.durable, method.durable); !same)
            return same;
    }
    if (auto same = sameFlag("auto_delete", queue.name, queue.autoDelete, method.autoDelete); !same)
        return same;
    if (auto same = checkQueueArguments(queue.name, queue.arguments, method.arguments); !same)
        return same;
    queue.lastUsed = step.now();
    answerDeclared(channel, queue, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const QueueDeclare &method, Step &step)
{
    std::string name = withoutLineBreaks(method.queue);
    if (method.passive) {
        const auto queue = needQueue(channel, name);
        if (!queue)
            return std::unexpected(queue.error());
        (*queue)->lastUsed = step.now();
        answerDeclared(channel, **queue, step);
        return {};
    }
    if (Queue *current = findQueue(name))
        return redeclare(channel, *current, method, step);
    if (name.starts_with("amq.")) {
        return refuse(ReplyCode::AccessRefused,
            fmt::format("queue name '{}' contains reserved prefix 'amq.*'", name));
    }
    if (name.empty()) {
        do
            name = generatedName("amq.gen-", step.context.random);
        while (findQueue(name));
    }
    auto settings = readQueueArguments(name, method.arguments);
    if (!settings)
        return std::unexpected(settings.error());

    Queue queue;
    queue.name = name;
    queue.traceName = step.context.trace.name(name);
    queue.durable = method.durable && !method.exclusive;
    queue.autoDelete = method.autoDelete;
    if (method.exclusive)
        queue.owner = channel.connection;
    queue.arguments = method.arguments;
    queue.settings = std::move(*settings);
    queue.ready = ReadyMessages(queue.settings.maxPriority);
    queue.lastUsed = step.now();
    Queue &added = queues.add(std::move(queue));
    queuesByName.emplace(name, added.id);
    step.record(ExchangeEvent::QueueDeclared,
        {.subject = added.traceName, .detail = step.context.trace.name("classic")});
    armQueueTimer(added, step);
    answerDeclared(channel, added, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const QueuePurge &method, Step &step)
{
    const auto found = needQueue(channel, method.queue);
    if (!found)
        return std::unexpected(found.error());
    Queue &queue = **found;
    const std::uint64_t purged = queue.ready.count();
    queue.ready.clear();
    step.record(ExchangeEvent::QueuePurged,
        {.subject = queue.traceName, .count = static_cast<std::int64_t>(purged)});
    send(channel, MessageCountOk{shortCount(purged)}, step);
    return {};
}

Checked Broker::State::on(Channel &channel, const QueueDelete &method, Step &step)
{
    const auto found = needQueue(channel, method.queue);
    if (!found) {
        const std::string &name = method.queue.empty() ? channel.lastQueue : method.queue;
        if (found.error().code != ReplyCode::NotFound || name.empty())
            return std::unexpected(found.error());
        send(channel, MessageCountOk{}, step);
        return {};
    }
    Queue &queue = **found;
    if (method.ifUnused && !queue.consumers.empty())
        return refuse(ReplyCode::PreconditionFailed, resourceText("queue", queue.name) + " in use");
    if (method.ifEmpty && !queue.ready.empty())
        return refuse(
            ReplyCode::PreconditionFailed, resourceText("queue", queue.name) + " not empty");
    send(channel, MessageCountOk{shortCount(queue.ready.count())}, step);
    deleteQueue(queue, ExchangeReason::ByClient, step);
    return {};
}

void Broker::State::deleteQueue(Queue &queue, ExchangeReason why, Step &step)
{
    const std::vector<ConsumerId> leaving = queue.consumers;
    for (const ConsumerId id : leaving) {
        Consumer &consumer = consumers.at(id);
        send(channels.at(consumer.channel), BasicCancelNotify{consumer.tag}, step);
        removeConsumer(consumer, ExchangeReason::QueueDeleted, step);
    }
    std::vector<ExchangeId> sources;
    while (!queue.bindings.empty()) {
        const BindingId id = *queue.bindings.begin();
        sources.push_back(bindings.at(id).source);
        removeBinding(id, step);
    }
    step.record(ExchangeEvent::QueueDeleted,
        {.reason = reason(why),
            .subject = queue.traceName,
            .count = static_cast<std::int64_t>(queue.ready.count() + queue.unacked)});
    if (queue.timer != kNever)
        timers.erase({queue.timer, Timer::Kind::Queue, queue.id.value()});
    queuesByName.erase(queuesByName.find(queue.name));
    queues.remove(queue.id);
    for (const ExchangeId source : sources)
        deleteIfUnused(source, step);
}

} // namespace queuelab::exchange
