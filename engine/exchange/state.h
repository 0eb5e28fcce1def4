#pragma once

#include "engine/exchange/broker.h"
#include "engine/exchange/events.h"
#include "engine/exchange/exchange.h"
#include "engine/exchange/queue.h"
#include "engine/exchange/refusal.h"
#include "engine/exchange/registry.h"
#include "engine/exchange/text_map.h"

#include <deque>
#include <set>
#include <unordered_map>

namespace queuelab::exchange {

/// What one apply() works with.
struct Step {
    Context &context;
    Effects &effects;

    Instant now() const { return context.now; }
    void record(ExchangeEvent event, TraceEvent fields)
    {
        fields.at = context.now;
        fields.kind = kind(event);
        context.trace.record(fields);
    }
};

struct Timer {
    enum class Kind : std::uint8_t {
        Queue, ///< its head expires, or it was unused for its x-expires
        Channel, ///< its oldest delivery may be due for the delivery acknowledgement timeout
    };
    Instant at{};
    Kind kind = Kind::Queue;
    std::uint32_t id = 0;
    friend auto operator<=>(const Timer &, const Timer &) = default;
};

/// Where a message that enters a queue comes from, for the trace.
struct Origin {
    NameId actor = kNoName; ///< the publisher, or the queue it died in
    NameId routingKey = kNoName;
    std::uint64_t diedAs = 0; ///< its number in the queue it died in
};

/// A dead letter on its way to one of the queues it was routed to.
struct DeadLetter {
    QueueId target{0};
    std::shared_ptr<const Envelope> envelope;
    Origin origin;
};

/// Everything a broker knows. Its functions lie in one file for each concern: connections.cpp,
/// topology.cpp (exchanges and bindings), queues.cpp, publishing.cpp, queueing.cpp (what goes in,
/// expires, overflows), delivery.cpp, settling.cpp (ack and its kin), dead_letters.cpp,
/// broker_snapshot.cpp.
struct Broker::State {
    explicit State(BrokerConfig brokerConfig);

    void apply(const Input &input, Step &step);

    // connections.cpp
    void handle(const ClientMethod &message, Step &step);
    void handle(const ConnectionLost &lost, Step &step);
    void handle(const WakeUp &, Step &step);
    void openConnection(ConnectionId id, const ConnectionOpen &method, Step &step);
    Checked openChannel(ConnectionId id, Connection &connection, ChannelNumber number, Step &step);
    void closeConnectionByClient(ConnectionId id, Step &step);
    void refuseOnChannel(ConnectionId id, ChannelNumber number, const Refusal &refusal,
        ExchangeReason why, Step &step);
    void endConnection(ConnectionId id, ExchangeReason why, std::uint16_t replyCode, Step &step);
    void endChannels(const std::vector<ChannelId> &ending, ExchangeReason why, Step &step);
    Duration ackTimeout(const Unacked &delivery) const;
    void armAckTimeout(Channel &channel, Step &step);
    void checkAckTimeout(Channel &channel, Step &step);

    // topology.cpp
    void declarePredeclared();
    Exchange &addExchange(const ExchangeDeclare &method, Router router);
    Exchange *findExchange(std::string_view name);
    Result<Exchange *, Refusal> needExchange(const std::string &name);
    Checked on(Channel &channel, const ExchangeDeclare &method, Step &step);
    Checked on(Channel &channel, const ExchangeDelete &method, Step &step);
    Checked on(Channel &channel, const ExchangeBind &method, Step &step);
    Checked on(Channel &channel, const ExchangeUnbind &method, Step &step);
    Checked on(Channel &channel, const QueueBind &method, Step &step);
    Checked on(Channel &channel, const QueueUnbind &method, Step &step);
    Checked bind(Exchange &source, Destination destination, const std::string &key,
        const FieldTable &arguments, Step &step);
    void unbind(Exchange &source, Destination destination, const std::string &key,
        const FieldTable &arguments, Step &step);
    /// Forgets the binding; does not delete an auto-delete source.
    void removeBinding(BindingId id, Step &step);
    void deleteIfUnused(ExchangeId id, Step &step);
    void deleteExchange(Exchange &exchange, Step &step);
    std::string destinationName(const Destination &destination) const;
    NameId traceNameOf(Exchange &exchange, Step &step);
    /// Routes by all keys of the envelope, into m_routed.
    void routeEnvelope(Exchange &start, const Envelope &envelope, Instant now);
    /// The queues a message goes to, each once, in a fixed order.
    void route(Exchange &start, const RoutingInput &input, Instant now, std::vector<QueueId> &out);

    // queues.cpp
    Queue *findQueue(std::string_view name);
    /// 404, or 405 when another connection owns it. "" is the channel's last declared queue.
    Result<Queue *, Refusal> needQueue(Channel &channel, const std::string &name);
    Checked on(Channel &channel, const QueueDeclare &method, Step &step);
    Checked on(Channel &channel, const QueuePurge &method, Step &step);
    Checked on(Channel &channel, const QueueDelete &method, Step &step);
    Checked redeclare(Channel &channel, Queue &queue, const QueueDeclare &method, Step &step);
    void answerDeclared(Channel &channel, Queue &queue, Step &step);
    void deleteQueue(Queue &queue, ExchangeReason why, Step &step);

    // publishing.cpp
    Checked on(Channel &channel, const BasicPublish &method, Step &step);
    Checked on(Channel &channel, const ConfirmSelect &method, Step &step);
    void decideConfirm(
        Channel &channel, std::uint64_t tag, NameId exchange, bool accepted, Step &step);
    void sendConfirms(Channel &channel, Step &step);
    void sendAllConfirms(Step &step);

    // queueing.cpp
    /// False when the queue is full and refuses publishes.
    bool enqueue(Queue &queue, const std::shared_ptr<const Envelope> &envelope,
        const Origin &origin, Step &step);
    void dropOverLimit(Queue &queue, Step &step);
    void expireHead(Queue &queue, Step &step);
    void giveBack(Queue &queue, Unacked delivery, ExchangeReason why, NameId actor, Step &step);
    void armQueueTimer(Queue &queue, Step &step);
    void queueTimerFired(Queue &queue, Step &step);

    // delivery.cpp
    Checked on(Channel &channel, const BasicQos &method, Step &step);
    Checked on(Channel &channel, const BasicConsume &method, Step &step);
    Checked on(Channel &channel, const BasicCancel &method, Step &step);
    Checked on(Channel &channel, const BasicGet &method, Step &step);
    /// Its deliveries stay with the channel. Does not delete an auto-delete queue, nor hand over.
    void removeConsumer(Consumer &consumer, ExchangeReason why, Step &step);
    /// After consumers left: deletes an auto-delete queue without any, else hands out what is
    /// ready.
    void afterConsumersLeft(QueueId id, Step &step);
    /// With x-single-active-consumer: when the active one left, the next by priority, then by
    /// registration.
    void chooseActive(Queue &queue);
    bool hasRoom(const Consumer &consumer) const;
    /// The consumer whose turn it is and that can take a message; nullptr when there is none.
    Consumer *nextConsumer(Queue &queue);
    void addTurn(Queue &queue, const Consumer &consumer);
    void deliver(Queue &queue, Consumer &consumer, Message message, Step &step);
    /// Hands out ready messages as long as a consumer can take one.
    void dispatch(Queue &queue, Step &step);
    /// Consumers that were full and have room again take their turn.
    void unblock(Channel &channel, const std::vector<ConsumerId> &settled, Step &step);

    // settling.cpp
    Checked on(Channel &channel, const BasicAck &method, Step &step);
    Checked on(Channel &channel, const BasicNack &method, Step &step);
    Checked on(Channel &channel, const BasicReject &method, Step &step);
    Checked on(Channel &channel, const BasicRecover &method, Step &step);
    /// Takes what `tag` and `multiple` name out of the channel's list into m_taken; 406 for an
    /// unknown tag.
    Checked take(Channel &channel, std::uint64_t tag, bool multiple);
    /// What was taken goes back to its queues, or dies.
    void rejectTaken(Channel &channel, bool requeue, ExchangeReason why, Step &step);
    void requeueTaken(Channel &channel, ExchangeReason why, Step &step);
    /// The message of `delivery` is no longer held by the client; the queue it belongs to, or
    /// nullptr when that is gone.
    Queue *release(const Unacked &delivery);

    // dead_letters.cpp
    /// The message leaves its queue for good: to the dead-letter exchange, or nowhere. number 0: it
    /// was never in.
    void die(Queue &queue, std::uint64_t number, const std::shared_ptr<const Envelope> &envelope,
        ExchangeReason why, NameId actor, Step &step);
    void deliverDeadLetters(Step &step);

    // broker_snapshot.cpp
    BrokerSnapshot snapshot() const;

    void send(const Channel &channel, ServerMethod method, Step &step)
    {
        step.effects.push_back(ToClient{channel.connection, channel.number, std::move(method)});
    }
    void runTimers(Step &step);
    void askForWake(Step &step);
    const std::string &exchangeName(ExchangeNameId id) const { return exchangeNames[id.value()]; }

    BrokerConfig config;
    std::unordered_map<ConnectionId, Connection> connections; // looked up only
    std::unordered_map<std::uint64_t, ChannelId>
        channelIds; // by connection and number; looked up only
    Registry<Channel, ChannelId> channels;
    Registry<Exchange, ExchangeId> exchanges;
    TextMap<ExchangeId> exchangesByName;
    std::vector<std::string> exchangeNames; // by ExchangeNameId; every name that was ever used
    TextMap<ExchangeNameId> exchangeNameIds;
    Registry<Queue, QueueId> queues;
    TextMap<QueueId> queuesByName;
    Registry<Binding, BindingId> bindings;
    Registry<Consumer, ConsumerId> consumers;
    std::set<Timer> timers;
    std::deque<DeadLetter> deadLetters;
    std::vector<ChannelId> confirming; // channels with confirms to send
    Instant confirmsDue = kNever;
    Instant wakeAsked = kNever;
    std::uint64_t routeMark = 0;
    ExchangeId defaultExchange{0};

    // Reused between calls, empty in between.
    std::vector<BindingId> m_matched;
    std::vector<ExchangeId> m_toVisit;
    std::vector<QueueId> m_routed;
    std::vector<std::string_view> m_keys;
    std::vector<Unacked> m_taken;
    std::vector<ConsumerId> m_settled;
};

} // namespace queuelab::exchange
