#include "engine/exchange/death_table.h"
#include "engine/exchange/state.h"

#include <algorithm>
#include <map>
#include <tuple>

namespace queuelab::exchange {

namespace {

constexpr std::size_t kLabelCharacters = 24;

MessageSnapshot show(const Message &message)
{
    const DeathSummary deaths = summarizeDeaths(message.envelope->content->properties.headers);
    MessageSnapshot shown;
    shown.number = message.number;
    shown.label = messageLabel(*message.envelope->content);
    shown.routingKey = message.envelope->routingKey;
    shown.redelivered = message.redelivered();
    shown.deliveries = message.deliveries;
    shown.deaths = deaths.deaths;
    shown.deathReason = deaths.lastReason;
    if (message.expires != kNever)
        shown.expires = message.expires;
    return shown;
}

QueueSnapshot show(const Queue &queue)
{
    QueueSnapshot shown;
    shown.name = queue.name;
    shown.durable = queue.durable;
    shown.arguments = queue.arguments;
    shown.messagesReady = queue.ready.count();
    shown.messagesUnacknowledged = queue.unacked;
    shown.published = queue.published;
    shown.delivered = queue.delivered;
    shown.redelivered = queue.redelivered;
    shown.acknowledged = queue.acknowledged;
    shown.deadLettered = queue.deadLettered;
    shown.expired = queue.expired;
    shown.dropped = queue.dropped;
    shown.deadLetterExchange = queue.settings.deadLetterExchange.value_or("");
    shown.deadLetterRoutingKey = queue.settings.deadLetterRoutingKey;
    queue.ready.forFirst(QueueSnapshot::kShownMessages,
        [&](const Message &message) { shown.ready.push_back(show(message)); });
    return shown;
}

} // namespace

std::string messageLabel(const Content &content)
{
    if (content.properties.messageId)
        return *content.properties.messageId;
    std::string label;
    for (const char c : content.body.text().substr(0, kLabelCharacters)) {
        if (c < ' ' || c > '~')
            break;
        label += c;
    }
    return label;
}

BrokerSnapshot Broker::State::snapshot() const
{
    BrokerSnapshot shown;
    shown.connections = static_cast<std::uint32_t>(std::ranges::count_if(
        connections, [](const auto &connection) { return !connection.second.closing; }));

    exchanges.forEach([&](const Exchange &exchange) {
        shown.exchanges.push_back({exchange.name, exchange.type, exchange.durable,
            exchange.publishedIn, exchange.publishedOut, exchange.unroutable});
    });
    std::ranges::sort(shown.exchanges, {}, &ExchangeSnapshot::name);

    bindings.forEach([&](const Binding &binding) {
        shown.bindings.push_back(
            {exchanges.at(binding.source).name, destinationName(binding.destination),
                std::holds_alternative<ExchangeId>(binding.destination), binding.routingKey,
                binding.arguments, binding.matched, binding.lastMatch});
    });
    std::ranges::stable_sort(
        shown.bindings, [](const BindingSnapshot &a, const BindingSnapshot &b) {
            return std::tie(a.source, a.destination, a.routingKey)
                < std::tie(b.source, b.destination, b.routingKey);
        });

    std::vector<const Queue *> byName;
    queues.forEach([&](const Queue &queue) { byName.push_back(&queue); });
    std::ranges::sort(
        byName, {}, [](const Queue *queue) -> const std::string & { return queue->name; });
    std::map<ConsumerId, std::size_t> places;
    for (const Queue *queue : byName) {
        shown.queues.push_back(show(*queue));
        for (const ConsumerId id : queue->consumers) {
            const Consumer &consumer = consumers.at(id);
            const Channel &channel = channels.at(consumer.channel);
            ConsumerSnapshot consumerShown;
            consumerShown.tag = consumer.tag;
            consumerShown.queue = queue->name;
            consumerShown.connection = connections.at(channel.connection).name;
            consumerShown.connectionId = channel.connection;
            consumerShown.channel = channel.number;
            consumerShown.noAck = consumer.noAck;
            consumerShown.prefetch = consumer.prefetch;
            consumerShown.unackedCount = consumer.unacked;
            places.emplace(id, shown.consumers.size());
            shown.consumers.push_back(std::move(consumerShown));
        }
    }
    // Costs what is shown, not what is held.
    channels.forEach([&](const Channel &channel) {
        std::uint64_t left = 0;
        for (const auto &[tag, id] : channel.consumers) {
            left +=
                std::min<std::uint64_t>(consumers.at(id).unacked, QueueSnapshot::kShownMessages);
        }
        channel.unacked.forEachWhile([&](const Unacked &delivery) {
            if (left == 0)
                return false;
            const auto place = places.find(delivery.consumer);
            if (place == places.end())
                return true;
            std::vector<MessageSnapshot> &held = shown.consumers[place->second].unacked;
            if (held.size() < QueueSnapshot::kShownMessages) {
                held.push_back(show(delivery.message));
                --left;
            }
            return true;
        });
    });
    return shown;
}

} // namespace queuelab::exchange
