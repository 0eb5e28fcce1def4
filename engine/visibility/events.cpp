#include "engine/visibility/events.h"

#include <array>

namespace queuelab::visibility {
namespace {

constexpr auto kEvents = [] {
    using enum EventTone;
    using enum EventWeight;
    return std::array{
        EventInfo{kind(VisibilityEvent::QueueCreated), "queue-created", System, Notable,
            "queue created", "{actor} created the queue {subject}"},
        EventInfo{kind(VisibilityEvent::QueueDeleted), "queue-deleted", System, Notable,
            "queue deleted",
            "{actor} deleted the queue {subject} with {count:message|messages} in it"},
        EventInfo{kind(VisibilityEvent::QueuePurged), "queue-purged", Dead, Notable, "queue purged",
            "{actor} purged the queue {subject}: {count:message is|messages are} gone"},
        EventInfo{kind(VisibilityEvent::AttributesChanged), "attributes-changed", System, Notable,
            "attributes changed", "{actor} changed attributes of the queue {subject}"},
        EventInfo{kind(VisibilityEvent::Sent), "sent", Ready, Routine, "message sent",
            "{actor} sent message {item} to {subject}"},
        EventInfo{kind(VisibilityEvent::Delayed), "delayed", Quiet, Routine, "message delayed",
            "message {item} stays invisible in {subject} for its delay of {value:duration}"},
        EventInfo{kind(VisibilityEvent::BecameVisible), "became-visible", Ready, Routine,
            "became visible", "message {item} in {subject} is visible: {reason}"},
        EventInfo{kind(VisibilityEvent::Received), "received", InFlight, Routine,
            "message received",
            "{actor} received message {item} from {subject}; receive count {value}"},
        EventInfo{kind(VisibilityEvent::Reappeared), "reappeared", Ready, Milestone,
            "message reappeared",
            "message {item} is visible again: {reason}; {actor} still held it"},
        EventInfo{kind(VisibilityEvent::VisibilityChanged), "visibility-changed", InFlight, Routine,
            "visibility changed",
            "{actor} set the visibility timeout of message {item} to {value:duration} from now"},
        EventInfo{kind(VisibilityEvent::Deleted), "deleted", Done, Routine, "message deleted",
            "{actor} deleted message {item} after {value:receive|receives}"},
        EventInfo{kind(VisibilityEvent::DeleteTooLate), "delete-too-late", Done, Notable,
            "deleted late",
            "{actor} deleted message {item} with an old receipt handle, after its visibility "
            "timeout "
            "had ended"},
        EventInfo{kind(VisibilityEvent::EmptyReceive), "empty-receive", Quiet, Routine,
            "empty receive", "{actor} received nothing from {subject}: {reason}"},
        EventInfo{kind(VisibilityEvent::LongPollStarted), "long-poll-started", Quiet, Routine,
            "long poll started",
            "{actor} waits up to {value:duration} for a message from {subject}"},
        EventInfo{kind(VisibilityEvent::DeadLettered), "dead-lettered", Dead, Milestone,
            "dead-lettered",
            "message {item} moved from {subject} to {detail} after {value:receive|receives}: "
            "{reason}"},
        EventInfo{kind(VisibilityEvent::RetentionEnded), "retention-ended", Dead, Notable,
            "retention ended",
            "message {item} in {subject} is gone: it was older than the retention period"},
        EventInfo{kind(VisibilityEvent::RequestRefused), "request-refused", Dead, Notable,
            "request refused", "a request of {actor} to {subject} was refused: {detail}"},
        EventInfo{kind(VisibilityEvent::DeletedAgain), "deleted-again", Quiet, Routine,
            "deleted again", "{actor} deleted message {item} of {subject}, which was gone already"},
    };
}();

constexpr std::array kReasons{
    ReasonInfo{reason(VisibilityReason::VisibilityTimeout), "visibility-timeout",
        "its visibility timeout ran out"},
    ReasonInfo{reason(VisibilityReason::VisibilitySetToZero), "visibility-set-to-zero",
        "its visibility timeout was set to 0"},
    ReasonInfo{reason(VisibilityReason::DelayOver), "delay-over", "its delay is over"},
    ReasonInfo{reason(VisibilityReason::ShortPoll), "short-poll", "a short poll does not wait"},
    ReasonInfo{reason(VisibilityReason::LongPollEnded), "long-poll-ended", "its long poll ended"},
    ReasonInfo{reason(VisibilityReason::MaxReceiveCount), "max-receive-count",
        "it had been received maxReceiveCount times"},
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

} // namespace queuelab::visibility
