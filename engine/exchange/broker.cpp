#include "engine/exchange/broker.h"

#include "engine/exchange/state.h"

#include <algorithm>

namespace queuelab::exchange {

Broker::Broker(BrokerConfig config)
    : m_state(std::make_unique<State>(config))
{
}
Broker::Broker(const Broker &other)
    : m_state(std::make_unique<State>(*other.m_state))
{
}
Broker &Broker::operator=(const Broker &other)
{
    if (this != &other)
        m_state = std::make_unique<State>(*other.m_state);
    return *this;
}
Broker::Broker(Broker &&) noexcept = default;
Broker &Broker::operator=(Broker &&) noexcept = default;
Broker::~Broker() = default;

void Broker::apply(const Input &input, Context &context, Effects &effects)
{
    Step step{context, effects};
    m_state->apply(input, step);
}

BrokerSnapshot Broker::snapshot() const
{
    return m_state->snapshot();
}

Broker::State::State(BrokerConfig brokerConfig)
    : config(brokerConfig)
{
    declarePredeclared();
}

void Broker::State::apply(const Input &input, Step &step)
{
    // What was due before this input happens before it, even when the wake-up has not arrived yet.
    if (step.now() > wakeAsked || std::holds_alternative<WakeUp>(input))
        wakeAsked = kNever;
    if (confirmsDue < step.now())
        sendAllConfirms(step);
    runTimers(step);
    std::visit([&](const auto &what) { handle(what, step); }, input);
    deliverDeadLetters(step);
    askForWake(step);
}

void Broker::State::handle(const WakeUp &, Step &step)
{
    // Everything that came in at this moment was read: confirms go out together, as from an empty
    // mailbox.
    sendAllConfirms(step);
}

void Broker::State::runTimers(Step &step)
{
    while (!timers.empty() && timers.begin()->at <= step.now()) {
        const Timer timer = *timers.begin();
        timers.erase(timers.begin());
        if (timer.kind == Timer::Kind::Queue) {
            if (Queue *queue = queues.find(QueueId(timer.id)))
                queueTimerFired(*queue, step);
        } else if (Channel *channel = channels.find(ChannelId(timer.id))) {
            checkAckTimeout(*channel, step);
        }
        deliverDeadLetters(step);
    }
}

void Broker::State::askForWake(Step &step)
{
    const Instant timer = timers.empty() ? kNever : timers.begin()->at;
    const Instant wanted = std::min(timer, confirmsDue);
    if (wanted < wakeAsked) {
        wakeAsked = wanted;
        step.effects.push_back(WakeAt{wanted});
    }
}

} // namespace queuelab::exchange
