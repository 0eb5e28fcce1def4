#include "engine/exchange/events.h"

#include <array>

namespace queuelab::exchange {

namespace {

constexpr auto kEvents = [] {
    using enum EventTone;
    using enum EventWeight;
    return std::to_array<EventInfo>({
        {kind(ExchangeEvent::ConnectionOpened), "connection-opened", System, Notable, "connected",
            "{subject} connected"},
        {kind(ExchangeEvent::ConnectionClosed), "connection-closed", System, Milestone,
            "connection closed", "the connection of {subject} ended: {reason}"},
        {kind(ExchangeEvent::ChannelClosed), "channel-closed", System, Milestone, "channel closed",
            "channel {item} of {subject} was closed with code {value}: {reason}"},
        {kind(ExchangeEvent::ExchangeDeclared), "exchange-declared", System, Notable,
            "exchange declared", "exchange {subject} declared, type {detail}"},
        {kind(ExchangeEvent::QueueDeclared), "queue-declared", System, Notable, "queue declared",
            "{detail} queue {subject} declared"},
        {kind(ExchangeEvent::QueueDeleted), "queue-deleted", System, Milestone, "queue deleted",
            "queue {subject} deleted with {count:message|messages} in it: {reason}"},
        {kind(ExchangeEvent::Bound), "bound", System, Notable, "bound",
            "{actor} bound to exchange {subject} with key '{detail}'"},
        {kind(ExchangeEvent::Unbound), "unbound", System, Notable, "unbound",
            "{actor} no longer bound to exchange {subject} with key '{detail}'"},
        {kind(ExchangeEvent::Published), "published", Ready, Routine, "published",
            "{actor} published to {subject} with key '{detail}': {count:queue|queues} got a copy"},
        {kind(ExchangeEvent::Unroutable), "unroutable", Dead, Notable, "unroutable",
            "no binding of {subject} matches key '{detail}': the message of {actor} is gone"},
        {kind(ExchangeEvent::Returned), "returned", Dead, Notable, "returned",
            "no binding of {subject} matches key '{detail}': the message goes back to {actor}"},
        {kind(ExchangeEvent::Enqueued), "enqueued", Ready, Routine, "in the queue",
            "message {item} from {actor} arrived in {subject} with key '{detail}'"},
        {kind(ExchangeEvent::Delivered), "delivered", InFlight, Routine, "delivered",
            "message {item} of {subject} delivered to {actor}"},
        {kind(ExchangeEvent::Acked), "acked", Done, Routine, "acknowledged",
            "{actor} acknowledged message {item}: {subject} forgets it"},
        {kind(ExchangeEvent::Requeued), "requeued", Ready, Notable, "requeued",
            "message {item} back to its place in {subject}, {actor} no longer holds it: {reason}"},
        {kind(ExchangeEvent::DeadLettered), "dead-lettered", Dead, Notable, "dead-lettered",
            "message {item} left {subject} for dead-letter exchange {detail}: {reason}"},
        {kind(ExchangeEvent::Dropped), "dropped", Dead, Notable, "dropped",
            "message {item} of {subject} is gone for good: {reason}"},
        {kind(ExchangeEvent::Confirmed), "confirmed", Done, Routine, "confirmed",
            "{count:message|messages} of {actor} to {subject} confirmed, the last is number "
            "{value}"},
        {kind(ExchangeEvent::ConfirmRefused), "confirm-refused", Dead, Notable, "publish refused",
            "{count:message|messages} of {actor} to {subject} refused (nack), the last is number "
            "{value}"},
        {kind(ExchangeEvent::ConsumerAdded), "consumer-added", System, Notable, "consumer added",
            "{actor} consumes from {subject} with prefetch {value} (0 is no limit)"},
        {kind(ExchangeEvent::ConsumerCancelled), "consumer-cancelled", System, Notable,
            "consumer gone", "{actor} no longer consumes from {subject}: {reason}"},
        {kind(ExchangeEvent::QueuePurged), "queue-purged", Dead, Milestone, "queue purged",
            "{count:ready message|ready messages} purged from {subject}"},
        {kind(ExchangeEvent::CommandRefused), "command-refused", Dead, Milestone, "refused",
            "the broker refused {subject}: {detail}"},
    });
}();

constexpr ReasonInfo kReasons[] = {
    {reason(ExchangeReason::Redelivered), "redelivered", "it was delivered before"},
    {reason(ExchangeReason::ChannelClosed), "channel-closed", "its channel closed"},
    {reason(ExchangeReason::ConnectionLost), "connection-lost", "the connection broke"},
    {reason(ExchangeReason::Nacked), "nacked", "the consumer gave it back (basic.nack)"},
    {reason(ExchangeReason::Rejected), "rejected", "the consumer rejected it"},
    {reason(ExchangeReason::Recovered), "recovered",
        "the consumer asked for everything again (basic.recover)"},
    {reason(ExchangeReason::Expired), "expired", "its time to live ran out"},
    {reason(ExchangeReason::MaxLength), "max-length", "the queue is full"},
    {reason(ExchangeReason::NoDeadLetterExchange), "no-dead-letter-exchange",
        "its dead-letter exchange does not exist"},
    {reason(ExchangeReason::DeadLetterCycle), "dead-letter-cycle",
        "it would go round in a circle without any consumer touching it"},
    {reason(ExchangeReason::QueueDeleted), "queue-deleted", "the queue was deleted"},
    {reason(ExchangeReason::ByClient), "by-client", "the client wanted it"},
    {reason(ExchangeReason::ByBroker), "by-broker", "the broker did it"},
    {reason(ExchangeReason::AckTimeout), "ack-timeout", "a delivery was not acknowledged in time"},
    {reason(ExchangeReason::HandedOver), "handed-over", "straight to a consumer that had room"},
};

} // namespace

std::span<const EventInfo> eventTable()
{
    return kEvents;
}
std::span<const ReasonInfo> reasonTable()
{
    return kReasons;
}

} // namespace queuelab::exchange
