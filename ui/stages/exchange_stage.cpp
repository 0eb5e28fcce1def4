#include "ui/stages/exchange_stage.h"

#include "engine/exchange/events.h"
#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;
using exchange::ExchangeEvent;

ExchangeStage::ExchangeStage(QWidget *parent)
    : SceneStage(world::Engine::Exchange, parent)
{
    setObjectName(u"stage.exchange"_s);
    setAccessibleName(tr("Exchange"));
}

void ExchangeStage::keepKeys(const std::vector<EventRow> &events)
{
    for (const EventRow &event : events) {
        if (event.kind == exchange::kind(ExchangeEvent::Published)
            || event.kind == exchange::kind(ExchangeEvent::Unroutable))
            m_lastKeys[event.subject] = event.detail;
    }
}

void ExchangeStage::addEvents(const std::vector<EventRow> &events)
{
    keepKeys(events);
    SceneStage::addEvents(events);
}

void ExchangeStage::recall(const std::vector<EventRow> &events)
{
    keepKeys(events);
    SceneStage::recall(events);
}

void ExchangeStage::clear()
{
    m_lastKeys.clear();
    SceneStage::clear();
}

Scene ExchangeStage::layOut(
    const world::Snapshot &snapshot, const SceneInput &input, const Measure &measure) const
{
    return ExchangeScene(snapshot, input, measure, m_lastKeys).take();
}

QString ExchangeStage::describeMessage(
    const exchange::BrokerSnapshot &broker, const Thing &thing) const
{
    const auto number = static_cast<std::uint64_t>(thing.item);
    const auto words = [&](const exchange::MessageSnapshot &message, const QString &where) {
        QString line =
            tr("message %1, key %2: %3").arg(text(message.label), text(message.routingKey), where);
        if (message.redelivered)
            line += u'\n'
                + counted(message.deliveries, tr("redelivered: delivered once so far"),
                    tr("redelivered: delivered %1 times so far"));
        if (message.deaths > 0)
            line += u'\n'
                + tr("dead-lettered %1×, last because %2")
                      .arg(message.deaths)
                      .arg(text(message.deathReason));
        return line;
    };
    for (const auto &queue : broker.queues) {
        if (text(queue.name) != thing.name)
            continue;
        const auto found =
            std::ranges::find(queue.ready, number, &exchange::MessageSnapshot::number);
        if (found != queue.ready.end())
            return words(*found, tr("ready in %1").arg(thing.name));
    }
    for (const auto &consumer : broker.consumers) {
        if (text(consumer.queue) != thing.name)
            continue;
        const auto found =
            std::ranges::find(consumer.unacked, number, &exchange::MessageSnapshot::number);
        if (found != consumer.unacked.end())
            return words(*found, tr("unacked, held by %1").arg(text(consumer.connection)));
    }
    return {};
}

QString ExchangeStage::describeBinding(
    const exchange::BrokerSnapshot &broker, const Thing &thing) const
{
    for (const auto &binding : broker.bindings) {
        if (bindingThing(binding) != thing)
            continue;
        const auto source =
            std::ranges::find(broker.exchanges, binding.source, &exchange::ExchangeSnapshot::name);
        const std::string type = source == broker.exchanges.end() ? std::string() : source->type;
        const QString key = bindingText(binding, type);
        QString words = tr("%1 to %2: lets %3 through; %4 so far")
                            .arg(text(binding.source), text(binding.destination),
                                key.isEmpty() ? tr("everything") : key, grouped(binding.matched));
        const auto last = m_lastKeys.find(thing.name);
        if (last == m_lastKeys.end())
            return words;
        const QString why = mismatchText(binding, type, last->second);
        if (!why.isEmpty())
            words += u'\n' + tr("%1 does not match: %2").arg(last->second, why);
        return words;
    }
    return {};
}

QString ExchangeStage::describe(const world::Snapshot &snapshot, const Thing &thing) const
{
    const auto &broker = snapshot.exchange;
    switch (thing.kind) {
    case Thing::Kind::Exchange:
        for (const auto &exchange : broker.exchanges) {
            if (text(exchange.name) == thing.name)
                return tr("%1 exchange %2: %3 in, %4 copies out, %5 unroutable")
                    .arg(text(exchange.type), thing.name.isEmpty() ? tr("(default)") : thing.name,
                        grouped(exchange.publishedIn), grouped(exchange.publishedOut),
                        grouped(exchange.unroutable));
        }
        break;
    case Thing::Kind::Queue:
        for (const auto &queue : broker.queues) {
            if (text(queue.name) == thing.name)
                return tr(
                    "queue %1: %2 ready, %3 unacked; %4 acknowledged, %5 dead-lettered, %6 dropped")
                    .arg(thing.name, grouped(queue.messagesReady),
                        grouped(queue.messagesUnacknowledged), grouped(queue.acknowledged),
                        grouped(queue.deadLettered), grouped(queue.dropped));
        }
        break;
    case Thing::Kind::Binding:
        return describeBinding(broker, thing);
    case Thing::Kind::Message:
        return describeMessage(broker, thing);
    case Thing::Kind::Client: {
        for (const auto &client : snapshot.clients) {
            if (text(client.name) != thing.name)
                continue;
            if (client.role == world::ClientRole::Publisher)
                return tr("publisher %1: %2 to %3, %4 sent, %5 confirmed, %6 failed")
                    .arg(thing.name, rateText(client.rate), text(client.target),
                        grouped(client.sent), grouped(client.confirmed), grouped(client.failed));
            return tr("worker %1 on %2: holds %3, handled %4, of those %5 handled before")
                .arg(thing.name, text(client.target), grouped(client.holdingCount),
                    grouped(client.handled), grouped(client.handledAgain));
        }
        for (const auto &consumer : broker.consumers) {
            if (text(consumer.connection) == thing.name)
                return tr("real client %1 on %2: %3 unacked")
                    .arg(thing.name, text(consumer.queue), grouped(consumer.unackedCount));
        }
        break;
    }
    case Thing::Kind::None:
    case Thing::Kind::Topic:
    case Thing::Kind::Partition:
    case Thing::Kind::Record:
    case Thing::Kind::Group:
    case Thing::Kind::Broker:
        break;
    }
    return {};
}

QString ExchangeStage::summary(const world::Snapshot &snapshot) const
{
    QStringList parts;
    for (const auto &queue : snapshot.exchange.queues)
        parts += tr("Queue %1 has %2 ready and %3 unacked.")
                     .arg(text(queue.name), grouped(queue.messagesReady),
                         grouped(queue.messagesUnacknowledged));
    for (const auto &client : snapshot.clients) {
        if (client.engine == world::Engine::Exchange && client.state == world::ClientState::Crashed)
            parts += tr("%1 has crashed.").arg(text(client.name));
    }
    return parts.isEmpty() ? tr("No queues yet.") : parts.join(u' ');
}

std::optional<Travel> ExchangeStage::travelOf(const EventRow &event) const
{
    using Kind = Thing::Kind;
    switch (static_cast<ExchangeEvent>(event.kind)) {
    case ExchangeEvent::Enqueued:
        return Travel{Kind::Client, event.actor, Kind::Queue, event.subject, Swatch::Ready};
    case ExchangeEvent::Unroutable:
        return Travel{Kind::Client, event.actor, Kind::Exchange, event.subject, Swatch::Dead};
    case ExchangeEvent::Delivered:
        return Travel{Kind::Queue, event.subject, Kind::Client, event.actor, Swatch::InFlight};
    case ExchangeEvent::Requeued:
        return Travel{Kind::Client, event.actor, Kind::Queue, event.subject, Swatch::InFlight};
    default:
        return std::nullopt;
    }
}

bool ExchangeStage::remembers(const EventRow &event) const
{
    return event.kind == exchange::kind(ExchangeEvent::Published)
        || event.kind == exchange::kind(ExchangeEvent::Requeued);
}

} // namespace queuelab::ui
