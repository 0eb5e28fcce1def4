#include "ui/stages/visibility_stage.h"

#include "engine/visibility/events.h"
#include "ui/stages/visibility_scene.h"
#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

using namespace Qt::StringLiterals;
using visibility::MessageSnapshot;
using visibility::VisibilityEvent;

VisibilityStage::VisibilityStage(QWidget *parent)
    : SceneStage(world::Engine::Visibility, parent)
{
    setObjectName(u"stage.visibility"_s);
    setAccessibleName(tr("Visibility queue"));
}

Scene VisibilityStage::layOut(
    const world::Snapshot &snapshot, const SceneInput &input, const Measure &measure) const
{
    return VisibilityScene(snapshot, input, measure).take();
}

QString VisibilityStage::describeMessage(
    const visibility::QueueSnapshot &queue, const Thing &thing, Instant now)
{
    const auto number = static_cast<std::uint64_t>(thing.item);
    const auto in = [&](const std::vector<MessageSnapshot> &messages) {
        const auto found = std::ranges::find(messages, number, &MessageSnapshot::number);
        return found == messages.end() ? nullptr : &*found;
    };
    const auto received = [](const MessageSnapshot &message) {
        return message.receiveCount == 0 ? tr("never received")
                                         : tr("received %1×").arg(message.receiveCount);
    };
    if (const auto *message = in(queue.shownVisible))
        return tr("message %1: visible for %2, %3")
            .arg(messageName(*message), spanText(now - message->sent), received(*message));
    if (const auto *message = in(queue.shownInFlight))
        return tr("message %1: in flight, %2 by %3; visible again in %4 unless it is deleted%5")
            .arg(messageName(*message), received(*message), text(message->heldBy),
                spanText(message->due - now), message->extended ? tr(" (extended)") : QString());
    if (const auto *message = in(queue.shownDelayed))
        return tr("message %1: delayed, visible in %2")
            .arg(messageName(*message), spanText(message->due - now));
    return {};
}

QString VisibilityStage::describe(const world::Snapshot &snapshot, const Thing &thing) const
{
    for (const auto &queue : snapshot.visibility.queues) {
        if (text(queue.name) != thing.name)
            continue;
        if (thing.kind == Thing::Kind::Message)
            return describeMessage(queue, thing, snapshot.now);
        if (thing.kind == Thing::Kind::Queue)
            return tr("queue %1: %2 visible, %3 in flight, %4 delayed; %5 deleted, %6 came back, "
                      "%7 dead-lettered")
                .arg(thing.name, grouped(queue.visible), grouped(queue.notVisible),
                    grouped(queue.delayed), grouped(queue.deleted), grouped(queue.reappeared),
                    grouped(queue.deadLettered));
    }
    if (thing.kind != Thing::Kind::Client)
        return {};
    for (const auto &client : snapshot.clients) {
        if (text(client.name) != thing.name)
            continue;
        if (client.role == world::ClientRole::Sender)
            return tr("sender %1: %2 to %3, %4 sent, %5 failed")
                .arg(thing.name, rateText(client.rate), text(client.target), grouped(client.sent),
                    grouped(client.failed));
        return tr("receiver %1 on %2: holds %3, handled %4, of those %5 handled before")
            .arg(thing.name, text(client.target), grouped(client.holdingCount),
                grouped(client.handled), grouped(client.handledAgain));
    }
    return tr("real client %1").arg(thing.name);
}

QString VisibilityStage::summary(const world::Snapshot &snapshot) const
{
    QStringList parts;
    for (const auto &queue : snapshot.visibility.queues)
        parts += tr("Queue %1 has %2 visible, %3 in flight and %4 delayed.")
                     .arg(text(queue.name), grouped(queue.visible), grouped(queue.notVisible),
                         grouped(queue.delayed));
    for (const auto &client : snapshot.clients) {
        if (client.engine == world::Engine::Visibility
            && client.state == world::ClientState::Crashed)
            parts += tr("%1 has crashed.").arg(text(client.name));
    }
    return parts.isEmpty() ? tr("No queues yet.") : parts.join(u' ');
}

std::optional<Travel> VisibilityStage::travelOf(const EventRow &event) const
{
    using Kind = Thing::Kind;
    switch (static_cast<VisibilityEvent>(event.kind)) {
    case VisibilityEvent::Sent:
        return Travel{Kind::Client, event.actor, Kind::Queue, event.subject, Swatch::Ready};
    case VisibilityEvent::Received:
        return Travel{Kind::Queue, event.subject, Kind::Client, event.actor, Swatch::InFlight};
    case VisibilityEvent::Reappeared:
        return Travel{Kind::Client, event.actor, Kind::Queue, event.subject, Swatch::InFlight};
    case VisibilityEvent::DeadLettered:
        return Travel{Kind::Queue, event.subject, Kind::Queue, event.detail, Swatch::Dead};
    default:
        return std::nullopt;
    }
}

bool VisibilityStage::remembers(const EventRow &event) const
{
    return event.kind == visibility::kind(VisibilityEvent::Reappeared);
}

} // namespace queuelab::ui
