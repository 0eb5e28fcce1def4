#include "ui/stages/visibility_view.h"

#include "ui/stages/words.h"

#include <algorithm>

namespace queuelab::ui {

using visibility::MessageSnapshot;
using visibility::QueueSnapshot;
using world::ClientRole;
using world::ClientSnapshot;
using world::ClientState;

namespace {

/// Receivers that left in order are gone; a sender that has sent all it had stays in the picture.
bool isClient(const ClientSnapshot &client, ClientRole role, const std::string &queue)
{
    return client.engine == world::Engine::Visibility && client.role == role
        && client.target == queue
        && (role == ClientRole::Sender || client.state != ClientState::Stopped);
}

std::uint64_t heldBy(const QueueSnapshot &queue, const std::string &client)
{
    return static_cast<std::uint64_t>(
        std::ranges::count(queue.shownInFlight, client, &MessageSnapshot::heldBy));
}

ReceiverState stateOf(const ReceiverView &receiver, const QueueSnapshot &queue)
{
    if (receiver.client && receiver.client->state == ClientState::Crashed)
        return ReceiverState::Crashed;
    if (receiver.client && receiver.client->state == ClientState::Paused)
        return ReceiverState::Paused;
    const bool polls =
        std::ranges::find(queue.waiting, receiver.name.toStdString()) != queue.waiting.end();
    if (polls || (receiver.client && receiver.client->waiting))
        return ReceiverState::Waiting;
    if (receiver.client ? receiver.client->holdingCount > 0 : receiver.holds > 0)
        return ReceiverState::Busy;
    return ReceiverState::Idle;
}

/// Whether the message it works on came back, went to another or was deleted meanwhile.
bool isOutrun(const ReceiverView &receiver, const QueueSnapshot &queue)
{
    if (!receiver.client || receiver.client->holding.empty()
        || queue.notVisible > queue.shownInFlight.size())
        return false;
    const auto number = static_cast<std::uint64_t>(receiver.client->holding.front().item);
    return std::ranges::none_of(queue.shownInFlight, [&](const MessageSnapshot &message) {
        return message.number == number && text(message.heldBy) == receiver.name;
    });
}

std::vector<ReceiverView> receiversOf(const QueueSnapshot &queue, const world::Snapshot &snapshot)
{
    std::vector<ReceiverView> receivers;
    for (const ClientSnapshot &client : snapshot.clients) {
        if (isClient(client, ClientRole::Receiver, queue.name))
            receivers.push_back({text(client.name), &client, {}, 0});
    }
    // Real clients show themselves by what they hold or wait for.
    const auto add = [&](const std::string &name) {
        const bool simulated = std::ranges::find(snapshot.clients, name, &ClientSnapshot::name)
            != snapshot.clients.end();
        const bool known =
            std::ranges::find(receivers, text(name), &ReceiverView::name) != receivers.end();
        if (!name.empty() && !simulated && !known)
            receivers.push_back({text(name), nullptr, {}, 0});
    };
    for (const std::string &name : queue.waiting)
        add(name);
    for (const MessageSnapshot &message : queue.shownInFlight)
        add(message.heldBy);
    for (ReceiverView &receiver : receivers) {
        receiver.holds = heldBy(queue, receiver.name.toStdString());
        receiver.state = stateOf(receiver, queue);
        receiver.outrun = isOutrun(receiver, queue);
    }
    return receivers;
}

} // namespace

VisibilityView makeVisibilityView(const world::Snapshot &snapshot)
{
    VisibilityView view;
    std::vector<BandView> aside;
    for (const QueueSnapshot &queue : snapshot.visibility.queues) {
        BandView band{text(queue.name), &queue, {}, receiversOf(queue, snapshot), {}};
        for (const ClientSnapshot &client : snapshot.clients) {
            if (isClient(client, ClientRole::Sender, queue.name))
                band.senders.push_back(&client);
        }
        const bool quiet = band.receivers.empty() && band.senders.empty();
        (quiet && !queue.deadLetterSources.empty() ? aside : view.bands).push_back(std::move(band));
    }
    for (const QueueSnapshot &queue : snapshot.visibility.queues) {
        for (const std::string &source : queue.deadLetterSources) {
            const auto band = std::ranges::find(view.bands, text(source), &BandView::name);
            if (band == view.bands.end())
                continue;
            band->deadLetterQueues.push_back(&queue);
            std::erase_if(aside, [&](const BandView &other) { return other.queue == &queue; });
            break;
        }
    }
    std::ranges::move(aside, std::back_inserter(view.bands));
    return view;
}

std::optional<Instant> workEnds(const BandView &band, const MessageSnapshot &message)
{
    const auto receiver =
        std::ranges::find(band.receivers, text(message.heldBy), &ReceiverView::name);
    if (receiver == band.receivers.end() || !receiver->client)
        return std::nullopt;
    for (const auto &held : receiver->client->holding) {
        if (held.item == static_cast<std::int64_t>(message.number) && held.workEnds != Instant{})
            return held.workEnds;
    }
    return std::nullopt;
}

QString messageName(const MessageSnapshot &message)
{
    constexpr std::size_t kShort = 8;
    if (!message.label.empty() && message.label.size() <= kShort)
        return text(message.label);
    return u'#' + QString::number(message.number);
}

} // namespace queuelab::ui
