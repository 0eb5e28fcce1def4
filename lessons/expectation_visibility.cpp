#include "lessons/expectation_kind.h"

namespace queuelab::lessons {

namespace {

std::vector<std::string> sqsQueueNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const visibility::QueueSnapshot &queue : evidence.snapshot.visibility.queues)
        names.push_back(queue.name);
    return names;
}

struct SqsQueueView {
    const visibility::QueueSnapshot *queue;
    world::OutcomeSnapshot outcome;
};

} // namespace

void addVisibilityKinds(Kinds &kinds)
{
    using Q = SqsQueueView;
    kinds.push_back(std::make_unique<KindOf<Q>>(
        ExpectationKind{"queue", "sqs", "QUEUE",
            "A queue, and what the receivers made of its messages. Counters have CloudWatch's "
            "names."},
        [](const Expectation &expectation, const Evidence &evidence) -> Result<Q, std::string> {
            for (const visibility::QueueSnapshot &queue : evidence.snapshot.visibility.queues) {
                if (queue.name == expectation.name)
                    return Q{&queue,
                        outcomeOf(evidence.snapshot, world::Engine::Visibility, queue.name)};
            }
            return std::unexpected(notFound("queue", expectation.name, sqsQueueNames(evidence)));
        },
        sqsQueueNames,
        std::vector<ReadableField<Q>>{
            {{"ApproximateNumberOfMessages", "visible: ready to be received"},
                [](const Q &q) { return number(q.queue->visible); }},
            {{"ApproximateNumberOfMessagesNotVisible", "in flight: received, not deleted"},
                [](const Q &q) { return number(q.queue->notVisible); }},
            {{"ApproximateNumberOfMessagesDelayed", "not yet visible for the first time"},
                [](const Q &q) { return number(q.queue->delayed); }},
            {{"NumberOfMessagesSent", "messages sent to it"},
                [](const Q &q) { return number(q.queue->sent); }},
            {{"NumberOfMessagesReceived", "messages handed out, repeats included"},
                [](const Q &q) { return number(q.queue->received); }},
            {{"NumberOfMessagesDeleted", "messages deleted"},
                [](const Q &q) { return number(q.queue->deleted); }},
            {{"NumberOfEmptyReceives", "receives that gave no message"},
                [](const Q &q) { return number(q.queue->emptyReceives); }},
            {{"reappeared", "visibility timeouts that ran out"},
                [](const Q &q) { return number(q.queue->reappeared); }},
            {{"dead-lettered", "messages moved to the dead-letter queue"},
                [](const Q &q) { return number(q.queue->deadLettered); }},
            {{"handled", "different messages the receivers finished with"},
                [](const Q &q) { return number(q.outcome.handled); }},
            {{"handled-again", "handlings beyond the first of a message"},
                [](const Q &q) { return number(q.outcome.handledAgain); }},
            {{"out-of-order-overall", "messages handled after a later one of the same sender"},
                [](const Q &q) { return number(q.outcome.outOfOrderOverall); }},
            {{"latency-p99", "from making a message to having handled it, 99 of 100",
                 FieldType::Time},
                [](const Q &q) -> Seen { return q.outcome.latencyP99; }},
        }));
}

} // namespace queuelab::lessons
