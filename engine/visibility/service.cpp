#include "engine/visibility/service.h"

#include "engine/visibility/state.h"
#include "engine/visibility/step.h"

#include <algorithm>

namespace queuelab::visibility {
namespace {

constexpr std::size_t kLabelBytes = 24;

// The label it was sent with, else how its body begins: whole characters of the first line.
std::string labelOf(const Message &message)
{
    if (message.extras && !message.extras->label.empty())
        return message.extras->label;
    std::string_view text = message.body.text();
    text = text.substr(0, text.find_first_of("\r\n"));
    std::size_t size = std::min(text.size(), kLabelBytes);
    const auto continues = [&](std::size_t i) {
        return (static_cast<std::uint8_t>(text[i]) & 0xc0) == 0x80;
    };
    while (size > 0 && size < text.size() && continues(size))
        --size;
    return std::string(text.substr(0, size));
}

MessageSnapshot snapshotOf(const Message &message, const ClientNames &clients)
{
    MessageSnapshot shown;
    shown.number = message.number;
    shown.messageId = messageIdText(message.id);
    shown.label = labelOf(message);
    shown.receiveCount = message.receiveCount;
    shown.sent = message.sent;
    shown.due = message.due;
    shown.timeout = message.timeout;
    shown.extended = message.extended;
    if (message.place == Place::InFlight)
        shown.heldBy = clients.name(message.holder);
    return shown;
}

QueueSnapshot snapshotOf(const Queue &queue, const ClientNames &clients)
{
    QueueSnapshot shown;
    shown.name = queue.name();
    shown.visibilityTimeoutSeconds = queue.settings.visibilityTimeoutSeconds;
    shown.delaySeconds = queue.settings.delaySeconds;
    shown.receiveMessageWaitTimeSeconds = queue.settings.receiveMessageWaitTimeSeconds;
    shown.messageRetentionPeriodSeconds = queue.settings.messageRetentionPeriodSeconds;
    if (queue.settings.redrive) {
        shown.deadLetterQueue = queue.settings.redrive->deadLetterQueue;
        shown.maxReceiveCount = queue.settings.redrive->maxReceiveCount;
    }
    shown.visible = queue.visibleCount();
    shown.notVisible = queue.inFlightCount();
    shown.delayed = queue.delayedCount();
    shown.sent = queue.counters.sent;
    shown.received = queue.counters.received;
    shown.deleted = queue.counters.deleted;
    shown.emptyReceives = queue.counters.emptyReceives;
    shown.reappeared = queue.counters.reappeared;
    shown.deadLettered = queue.counters.deadLettered;
    shown.oldestSent = queue.oldestSent();
    const auto showIn = [&](std::vector<MessageSnapshot> &list) {
        return [&](const Message &message) { list.push_back(snapshotOf(message, clients)); };
    };
    queue.visitVisible(QueueSnapshot::kShownMessages, showIn(shown.shownVisible));
    queue.visitInFlight(QueueSnapshot::kShownMessages, showIn(shown.shownInFlight));
    queue.visitDelayed(QueueSnapshot::kShownMessages, showIn(shown.shownDelayed));
    for (const ClientNumber client : queue.waitingClients())
        shown.waiting.push_back(clients.name(client));
    return shown;
}

} // namespace

struct Service::State : ServiceState {
    using ServiceState::ServiceState;
};

Service::Service(ServiceConfig config)
    : m_state(std::make_unique<State>(std::move(config)))
{
}

Service::Service(const Service &other)
    : m_state(std::make_unique<State>(*other.m_state))
{
}

Service &Service::operator=(const Service &other)
{
    if (this != &other)
        m_state = std::make_unique<State>(*other.m_state);
    return *this;
}

Service::Service(Service &&) noexcept = default;
Service &Service::operator=(Service &&) noexcept = default;
Service::~Service() = default;

void Service::apply(const Input &input, Context &context, Effects &effects)
{
    Step step(*m_state, context, effects);
    step.settle(); // what was due before the input came
    std::visit([&](const auto &what) { step.handle(what); }, input);
    step.settle();
    step.askToBeWoken();
}

ServiceSnapshot Service::snapshot() const
{
    ServiceSnapshot snapshot;
    for (const auto &[name, id] : m_state->queueIds)
        snapshot.queues.push_back(snapshotOf(m_state->queues.at(id), m_state->clients));
    for (const QueueSnapshot &source : snapshot.queues) {
        const auto target =
            std::ranges::find(snapshot.queues, source.deadLetterQueue, &QueueSnapshot::name);
        if (target != snapshot.queues.end())
            target->deadLetterSources.push_back(source.name);
    }
    return snapshot;
}

} // namespace queuelab::visibility
