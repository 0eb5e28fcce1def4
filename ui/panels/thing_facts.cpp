#include "ui/panels/thing_facts.h"

#include "ui/panels/fact_words.h"
#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;

namespace {

using namespace facts;

const world::ClientSnapshot *findClient(const world::Snapshot &snapshot, const QString &name)
{
    const auto found =
        std::ranges::find(snapshot.clients, name.toStdString(), &world::ClientSnapshot::name);
    return found == snapshot.clients.end() ? nullptr : &*found;
}

QString stateText(world::ClientState state)
{
    switch (state) {
    case world::ClientState::Running:
        return tr("running");
    case world::ClientState::Paused:
        return tr("paused");
    case world::ClientState::Crashed:
        return tr("crashed");
    case world::ClientState::Stopped:
        return tr("stopped");
    }
    return {};
}

QString roleText(world::ClientRole role)
{
    switch (role) {
    case world::ClientRole::Producer:
        return tr("producer");
    case world::ClientRole::Consumer:
        return tr("consumer");
    case world::ClientRole::Publisher:
        return tr("publisher");
    case world::ClientRole::Worker:
        return tr("worker with basic.consume");
    case world::ClientRole::Sender:
        return tr("sender");
    case world::ClientRole::Receiver:
        return tr("worker that polls");
    }
    return {};
}

ThingFacts clientFacts(const world::Snapshot &snapshot, const world::ClientSnapshot &client)
{
    ThingFacts out{roleText(client.role), toText(client.name), {}};
    const auto add = [&out](const QString &name, const QString &value) {
        out.facts.push_back({name, value});
    };
    add(tr("state"),
        client.note.empty() ? stateText(client.state)
                            : stateText(client.state) + u", "_s + toText(client.note));
    if (!client.target.empty())
        add(tr("works on"), toText(client.target));
    const bool makes = client.role == world::ClientRole::Producer
        || client.role == world::ClientRole::Publisher || client.role == world::ClientRole::Sender;
    add(tr("rate"), tr("%1 a second").arg(client.rate, 0, 'f', 1));
    if (makes) {
        add(tr("configured rate"), tr("%1 a second").arg(client.configuredRate, 0, 'g', 4));
        add(tr("sent"), figure(client.sent));
        add(tr("confirmed"), figure(client.confirmed));
        add(tr("failed"), figure(client.failed));
        for (Fact &fact : logClientFacts(snapshot, client))
            out.facts.push_back(std::move(fact));
        return out;
    }
    if (!client.group.empty())
        add(u"group.id"_s, toText(client.group));
    if (client.role == world::ClientRole::Worker) {
        add(u"prefetch"_s, client.prefetch == 0 ? tr("no limit") : figure(client.prefetch));
        add(u"no-ack"_s, yesNo(client.autoAck));
    }
    if (client.role == world::ClientRole::Receiver)
        add(tr("in a long poll"), yesNo(client.waiting));
    add(tr("received"), figure(client.received));
    add(tr("handled"), figure(client.handled));
    add(tr("handled again"), figure(client.handledAgain));
    add(tr("holding"), figure(client.holdingCount));
    if (client.lastPoll != Instant{})
        add(tr("last poll"), clock(snapshot, client.lastPoll));
    for (Fact &fact : logClientFacts(snapshot, client))
        out.facts.push_back(std::move(fact));
    for (const world::PositionSnapshot &position : client.positions)
        add(toText(position.partition),
            tr("position %1, committed %2").arg(position.position).arg(position.committed));
    return out;
}

ThingFacts exchangeQueueFacts(const exchange::QueueSnapshot &queue)
{
    ThingFacts out{tr("queue, %1").arg(toText(queue.type)), toText(queue.name),
        {{u"durable"_s, yesNo(queue.durable)}, {u"messages_ready"_s, figure(queue.messagesReady)},
            {u"messages_unacknowledged"_s, figure(queue.messagesUnacknowledged)},
            {u"deliver_get"_s, figure(queue.delivered)},
            {u"redeliver"_s, figure(queue.redelivered)}, {u"ack"_s, figure(queue.acknowledged)},
            {tr("dead-lettered"), figure(queue.deadLettered)},
            {tr("expired"), figure(queue.expired)}, {tr("dropped"), figure(queue.dropped)}}};
    if (!queue.deadLetterExchange.empty() || queue.deadLetterRoutingKey)
        out.facts.push_back({u"x-dead-letter-exchange"_s,
            queue.deadLetterExchange.empty() ? tr("the default exchange")
                                             : toText(queue.deadLetterExchange)});
    if (queue.deadLetterRoutingKey)
        out.facts.push_back({u"x-dead-letter-routing-key"_s, toText(*queue.deadLetterRoutingKey)});
    return out;
}

ThingFacts visibilityQueueFacts(
    const world::Snapshot &snapshot, const visibility::QueueSnapshot &queue)
{
    ThingFacts out{queue.fifo ? tr("FIFO queue") : tr("standard queue"), toText(queue.name),
        {{u"VisibilityTimeout"_s, tr("%1 s").arg(queue.visibilityTimeoutSeconds)},
            {u"DelaySeconds"_s, tr("%1 s").arg(queue.delaySeconds)},
            {u"ReceiveMessageWaitTimeSeconds"_s,
                tr("%1 s").arg(queue.receiveMessageWaitTimeSeconds)},
            {u"MessageRetentionPeriod"_s, tr("%1 s").arg(queue.messageRetentionPeriodSeconds)},
            {u"ApproximateNumberOfMessages"_s, figure(queue.visible)},
            {u"ApproximateNumberOfMessagesNotVisible"_s, figure(queue.notVisible)},
            {u"ApproximateNumberOfMessagesDelayed"_s, figure(queue.delayed)},
            {u"NumberOfMessagesSent"_s, figure(queue.sent)},
            {u"NumberOfMessagesReceived"_s, figure(queue.received)},
            {u"NumberOfMessagesDeleted"_s, figure(queue.deleted)},
            {u"NumberOfEmptyReceives"_s, figure(queue.emptyReceives)},
            {tr("came back"), figure(queue.reappeared)}}};
    if (!queue.deadLetterQueue.empty())
        out.facts.push_back({u"RedrivePolicy"_s,
            tr("to %1 after %2 receives")
                .arg(toText(queue.deadLetterQueue))
                .arg(queue.maxReceiveCount)});
    if (queue.oldestSent)
        out.facts.push_back({tr("oldest"), clock(snapshot, *queue.oldestSent)});
    return out;
}

ThingFacts exchangeFacts(
    const world::Snapshot &snapshot, const exchange::ExchangeSnapshot &exchange)
{
    ThingFacts out{tr("%1 exchange").arg(toText(exchange.type)),
        exchange.name.empty() ? tr("the default exchange") : toText(exchange.name),
        {{u"durable"_s, yesNo(exchange.durable)}, {u"publish_in"_s, figure(exchange.publishedIn)},
            {u"publish_out"_s, figure(exchange.publishedOut)},
            {tr("matched no binding"), figure(exchange.unroutable)}}};
    for (const exchange::BindingSnapshot &binding : snapshot.exchange.bindings)
        if (binding.source == exchange.name)
            out.facts.push_back({tr("→ %1").arg(toText(binding.destination)),
                tr("key %1, let %2 through")
                    .arg(binding.routingKey.empty() ? u"\"\""_s : toText(binding.routingKey))
                    .arg(binding.matched)});
    return out;
}

ThingFacts exchangeMessageFacts(const exchange::MessageSnapshot &message, const QString &state)
{
    ThingFacts out{tr("message"), toText(message.label),
        {{tr("state"), state}, {tr("routing key"), toText(message.routingKey)},
            {u"redelivered"_s, yesNo(message.redelivered)},
            {tr("deliveries"), figure(message.deliveries)}}};
    if (message.deaths > 0)
        out.facts.push_back({u"x-death"_s,
            counted(message.deaths, tr("once, because %1"), tr("%1 times, last because %2"))
                .arg(toText(message.deathReason))});
    return out;
}

ThingFacts visibilityMessageFacts(const world::Snapshot &snapshot,
    const visibility::MessageSnapshot &message, const QString &state)
{
    ThingFacts out{tr("message"), toText(message.label.empty() ? message.messageId : message.label),
        {{tr("state"), state}, {u"MessageId"_s, toText(message.messageId)},
            {u"ApproximateReceiveCount"_s, figure(message.receiveCount)},
            {u"SentTimestamp"_s, clock(snapshot, message.sent)}}};
    if (!message.heldBy.empty())
        out.facts.push_back({tr("held by"), toText(message.heldBy)});
    if (message.due != Instant{})
        out.facts.push_back({tr("visible again"),
            tr("%1, %2 after it was hidden")
                .arg(clock(snapshot, message.due), span(message.timeout))});
    return out;
}

ThingFacts messageFacts(const world::Snapshot &snapshot, const Thing &thing)
{
    const auto number = static_cast<std::uint64_t>(thing.item);
    for (const exchange::QueueSnapshot &queue : snapshot.exchange.queues)
        if (toText(queue.name) == thing.name)
            for (const exchange::MessageSnapshot &message : queue.ready)
                if (message.number == number)
                    return exchangeMessageFacts(message, tr("ready in %1").arg(thing.name));
    for (const exchange::ConsumerSnapshot &consumer : snapshot.exchange.consumers)
        if (toText(consumer.queue) == thing.name)
            for (const exchange::MessageSnapshot &message : consumer.unacked)
                if (message.number == number)
                    return exchangeMessageFacts(
                        message, tr("unacked by %1").arg(toText(consumer.connection)));
    if (const visibility::QueueSnapshot *queue =
            findNamed(snapshot.visibility.queues, thing.name)) {
        const std::pair<const std::vector<visibility::MessageSnapshot> *, QString> lists[] = {
            {&queue->shownVisible, tr("visible")}, {&queue->shownInFlight, tr("in flight")},
            {&queue->shownDelayed, tr("delayed")}};
        for (const auto &[messages, state] : lists)
            for (const visibility::MessageSnapshot &message : *messages)
                if (message.number == number)
                    return visibilityMessageFacts(snapshot, message, state);
    }
    // It has left the queue, or stands too far back to be shown: its story is in the trace.
    return {tr("message"), tr("message %1").arg(thing.item), {{tr("queue"), thing.name}}};
}

} // namespace

ThingFacts factsOf(const world::Snapshot &snapshot, const Thing &thing)
{
    switch (thing.kind) {
    case Thing::Kind::None:
        return {};
    case Thing::Kind::Topic:
        if (const auto *topic = findNamed(snapshot.log.topics, thing.name))
            return topicFacts(*topic);
        return {};
    case Thing::Kind::Partition:
        if (const PartitionOf found = findPartition(snapshot, thing.name); found.partition)
            return partitionFacts(snapshot, found);
        return {};
    case Thing::Kind::Record:
        if (const PartitionOf found = findPartition(snapshot, thing.name); found.partition)
            return recordFacts(snapshot, found, thing.item);
        return {};
    case Thing::Kind::Group:
        if (const auto *group = findNamed(snapshot.log.groups, thing.name))
            return groupFacts(snapshot, *group);
        return {};
    case Thing::Kind::Client:
        if (const auto *client = findClient(snapshot, thing.name))
            return clientFacts(snapshot, *client);
        return {};
    case Thing::Kind::Broker:
        for (const log::BrokerSnapshot &broker : snapshot.log.brokers)
            if (broker.id == thing.item)
                return brokerFacts(snapshot.log, broker);
        return {};
    case Thing::Kind::Exchange:
        if (const auto *exchange = findNamed(snapshot.exchange.exchanges, thing.name))
            return exchangeFacts(snapshot, *exchange);
        return {};
    case Thing::Kind::Binding:
        for (const exchange::BindingSnapshot &binding : snapshot.exchange.bindings)
            if (toText(binding.source) == thing.name
                && toText(binding.destination) + u' ' + toText(binding.routingKey) == thing.detail)
                return {tr("binding"), tr("%1 → %2").arg(thing.name, toText(binding.destination)),
                    {{tr("routing key"), toText(binding.routingKey)},
                        {tr("let through"), figure(binding.matched)}}};
        return {};
    case Thing::Kind::Queue:
        if (const auto *queue = findNamed(snapshot.exchange.queues, thing.name))
            return exchangeQueueFacts(*queue);
        if (const auto *queue = findNamed(snapshot.visibility.queues, thing.name))
            return visibilityQueueFacts(snapshot, *queue);
        return {};
    case Thing::Kind::Message:
        return messageFacts(snapshot, thing);
    }
    return {};
}

Thing thingNamed(const world::Snapshot &snapshot, const QString &name, qint64 item)
{
    if (name.isEmpty())
        return {};
    if (findPartition(snapshot, name).partition)
        return {item < 0 ? Thing::Kind::Partition : Thing::Kind::Record, name, item, {}};
    if (findNamed(snapshot.exchange.queues, name) || findNamed(snapshot.visibility.queues, name))
        return {item < 0 ? Thing::Kind::Queue : Thing::Kind::Message, name, item, {}};
    if (findClient(snapshot, name))
        return {Thing::Kind::Client, name, -1, {}};
    if (findNamed(snapshot.log.groups, name))
        return {Thing::Kind::Group, name, -1, {}};
    if (findNamed(snapshot.log.topics, name))
        return {Thing::Kind::Topic, name, -1, {}};
    if (findNamed(snapshot.exchange.exchanges, name))
        return {Thing::Kind::Exchange, name, -1, {}};
    return {};
}

QString traceName(const Thing &thing)
{
    return thing.kind == Thing::Kind::Broker ? u"broker-%1"_s.arg(thing.item) : thing.name;
}

} // namespace queuelab::ui
