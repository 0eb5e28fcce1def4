#include "lessons/expectation_kind.h"
#include "lessons/pauses.h"

#include "engine/visibility/events.h"
#include "engine/world/world.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <utility>

namespace queuelab::lessons {

namespace {

using world::ClientSnapshot;

std::string stateName(world::ClientState state)
{
    switch (state) {
    case world::ClientState::Running:
        return "running";
    case world::ClientState::Paused:
        return "paused";
    case world::ClientState::Crashed:
        return "crashed";
    case world::ClientState::Stopped:
        return "stopped";
    }
    std::unreachable();
}

std::vector<std::string> clientNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const ClientSnapshot &client : evidence.snapshot.clients)
        names.push_back(client.name);
    return names;
}

/// A client, and what its trace can tell.
struct ClientView {
    const ClientSnapshot *client;
    const Evidence *evidence;
};

void addClient(Kinds &kinds)
{
    using C = ClientView;
    using F = FieldType;
    kinds.push_back(std::make_unique<KindOf<C>>(
        ExpectationKind{
            "client", "", "CLIENT", "A producer, consumer, publisher, worker, sender or receiver."},
        [](const Expectation &expectation, const Evidence &evidence) -> Result<C, std::string> {
            for (const ClientSnapshot &client : evidence.snapshot.clients) {
                if (client.name == expectation.name)
                    return C{&client, &evidence};
            }
            return std::unexpected(notFound("client", expectation.name, clientNames(evidence)));
        },
        clientNames,
        std::vector<ReadableField<C>>{
            {{"state", "whether its process lives", F::Text,
                 {"running", "paused", "crashed", "stopped"}},
                [](const C &c) -> Seen { return stateName(c.client->state); }},
            {{"sent", "messages it made and sent"},
                [](const C &c) { return number(c.client->sent); }},
            {{"confirmed", "of those, confirmed by the engine"},
                [](const C &c) { return number(c.client->confirmed); }},
            {{"failed", "of those, refused or given up"},
                [](const C &c) { return number(c.client->failed); }},
            {{"received", "messages handed to it"},
                [](const C &c) { return number(c.client->received); }},
            {{"handled", "messages it finished with"},
                [](const C &c) { return number(c.client->handled); }},
            {{"handled-again", "of those, handled before by anyone of its group or queue"},
                [](const C &c) { return number(c.client->handledAgain); }},
            {{"transactions-committed", "transactions it has committed"},
                [](const C &c) { return number(c.client->transactionsCommitted); }},
            {{"transactions-aborted", "transactions it has aborted"},
                [](const C &c) { return number(c.client->transactionsAborted); }},
            {{"holding", "messages it has and has not settled"},
                [](const C &c) { return number(c.client->holdingCount); }},
            {{"partitions", "partitions it owns"},
                [](const C &c) { return number(std::uint64_t{c.client->positions.size()}); }},
            {{"longest-pause",
                 "a consumer of Kafka: the longest time in this step without a record", F::Time},
                [](const C &c) -> Seen {
                    return longestPause(c.evidence->trace, c.client->name, c.evidence->since,
                        c.evidence->snapshot.now);
                }},
            {{"waiting", "whether it is in a long poll", F::Truth},
                [](const C &c) -> Seen { return c.client->waiting; }},
            {{"note", "why it does nothing; empty while it works", F::Text},
                [](const C &c) -> Seen { return c.client->note; }},
        }));
}

/// One message by its label, wherever it is.
struct MessageView {
    std::string queue;
    std::string state;
    std::string heldBy;
    std::int64_t receiveCount = 0;
    std::uint64_t deaths = 0;
    std::string deathReason;
    bool redelivered = false;
};

std::vector<std::pair<std::string, MessageView>> exchangeMessages(const Evidence &evidence)
{
    std::vector<std::pair<std::string, MessageView>> found;
    const auto add = [&found](const exchange::MessageSnapshot &message, const std::string &queue,
                         const std::string &state, const std::string &heldBy) {
        found.emplace_back(message.label,
            MessageView{queue, state, heldBy, message.deliveries, message.deaths,
                message.deathReason, message.redelivered});
    };
    for (const exchange::QueueSnapshot &queue : evidence.snapshot.exchange.queues) {
        for (const exchange::MessageSnapshot &message : queue.ready)
            add(message, queue.name, "ready", {});
    }
    for (const exchange::ConsumerSnapshot &consumer : evidence.snapshot.exchange.consumers) {
        for (const exchange::MessageSnapshot &message : consumer.unacked)
            add(message, consumer.queue, "unacked", consumer.connection);
    }
    return found;
}

std::vector<std::pair<std::string, MessageView>> visibilityMessages(const Evidence &evidence)
{
    std::vector<std::pair<std::string, MessageView>> found;
    for (const visibility::QueueSnapshot &queue : evidence.snapshot.visibility.queues) {
        const auto add = [&](const std::vector<visibility::MessageSnapshot> &messages,
                             const std::string &state) {
            for (const visibility::MessageSnapshot &message : messages) {
                MessageView view{.queue = queue.name,
                    .state = state,
                    .heldBy = message.heldBy,
                    .receiveCount = message.receiveCount,
                    .deathReason = {},
                    .redelivered = message.receiveCount > 1};
                found.emplace_back(message.label, std::move(view));
            }
        };
        add(queue.shownVisible, "visible");
        add(queue.shownInFlight, "in flight");
        add(queue.shownDelayed, "delayed");
    }
    // What was deleted is no longer in a queue; the trace remembers it by its label.
    const Trace &trace = evidence.trace;
    for (std::uint64_t i = trace.first(); i < trace.end(); ++i) {
        const TraceEvent &event = trace.at(i);
        const bool sent = event.kind == visibility::kind(visibility::VisibilityEvent::Sent)
            || event.kind == visibility::kind(visibility::VisibilityEvent::Delayed);
        if (!sent || event.detail == kNoName)
            continue;
        const std::vector<std::uint64_t> life = trace.eventsOf(event.subject, event.item, 1);
        if (life.empty())
            continue;
        const TraceEvent &last = trace.at(life.back());
        if (last.kind == visibility::kind(visibility::VisibilityEvent::Deleted)) {
            MessageView view{.queue = std::string(trace.names().name(event.subject)),
                .state = "deleted",
                .heldBy = {},
                .receiveCount = last.value,
                .deathReason = {},
                .redelivered = last.value > 1};
            found.emplace_back(trace.names().name(event.detail), std::move(view));
        }
    }
    return found;
}

std::vector<std::pair<std::string, MessageView>> allMessages(
    const Evidence &evidence, std::string_view engine)
{
    std::vector<std::pair<std::string, MessageView>> all;
    if (engine != "sqs")
        all = exchangeMessages(evidence);
    if (engine != "rabbitmq")
        std::ranges::move(visibilityMessages(evidence), std::back_inserter(all));
    return all;
}

std::vector<std::string> messageNames(const Evidence &evidence)
{
    std::vector<std::string> names;
    for (const auto &[label, view] : allMessages(evidence, {}))
        names.push_back(label);
    return names;
}

Result<MessageView, std::string> findMessage(
    const Expectation &expectation, const Evidence &evidence)
{
    std::vector<MessageView> found;
    for (const auto &[label, view] : allMessages(evidence, expectation.engine)) {
        if (label == expectation.name)
            found.push_back(view);
    }
    if (found.empty())
        return std::unexpected(notFound("message", expectation.name, messageNames(evidence)));
    if (found.size() > 1) {
        std::vector<std::string> queues;
        for (const MessageView &view : found)
            queues.push_back(view.queue);
        return std::unexpected(
            fmt::format("{} messages called '{}', in {}: give each a label of its own",
                found.size(), expectation.name, fmt::join(queues, ", ")));
    }
    return found.front();
}

void addMessage(Kinds &kinds)
{
    using M = MessageView;
    using F = FieldType;
    kinds.push_back(
        std::make_unique<KindOf<M>>(ExpectationKind{"message", "", "LABEL",
                                        "One message by its label (SQS) or its message id, else "
                                        "the beginning of its body (RabbitMQ)."},
            findMessage, messageNames,
            std::vector<ReadableField<M>>{
                {{"queue", "where it is", F::Text}, [](const M &m) -> Seen { return m.queue; }},
                {{"state", "what it is doing there", F::Text,
                     {"ready", "unacked", "visible", "in flight", "delayed", "deleted"}},
                    [](const M &m) -> Seen { return m.state; }},
                {{"held-by", "the client that has it; empty: nobody", F::Text},
                    [](const M &m) -> Seen { return m.heldBy; }},
                {{"receive-count", "how often it was handed out"},
                    [](const M &m) { return number(m.receiveCount); }},
                {{"redelivered", "whether it was handed out before", F::Truth},
                    [](const M &m) -> Seen { return m.redelivered; }},
                {{"deaths", "RabbitMQ: the counts of x-death, summed"},
                    [](const M &m) { return number(m.deaths); }},
                {{"death-reason", "RabbitMQ: of the newest death", F::Text,
                     {"rejected", "expired", "maxlen", "delivery_limit"}},
                    [](const M &m) -> Seen { return m.deathReason; }},
            }));
}

/// How often something happened; `of` and `reason` narrow it down rather than being checked.
struct EventView {
    std::uint64_t count = 0;
    std::string of;
    std::string reason;
};

std::string valueOf(const Expectation &expectation, std::string_view field)
{
    for (const auto &[name, comparison] : expectation.checks) {
        if (name == field)
            return comparison.values.front();
    }
    return {};
}

Result<EventView, std::string> countEvents(const Expectation &expectation, const Evidence &evidence)
{
    EventView view{0, valueOf(expectation, "of"), valueOf(expectation, "reason")};
    const std::optional<EventKind> kind = world::eventByName(expectation.name);
    if (!kind)
        return std::unexpected(notFound("event", expectation.name, world::eventNames()));
    NameId subject = kNoName;
    if (!view.of.empty()) {
        subject = evidence.trace.names().find(view.of);
        if (subject == kNoName)
            return std::unexpected(fmt::format("nothing called '{}' in the trace", view.of));
    }
    EventReason reason = 0;
    if (!view.reason.empty()) {
        const std::optional<EventReason> found = world::reasonByName(view.reason);
        if (!found)
            return std::unexpected(fmt::format("no reason is called '{}'", view.reason));
        reason = *found;
    }
    view.count = evidence.trace.count(*kind, reason, subject);
    return view;
}

void addEvent(Kinds &kinds)
{
    using V = EventView;
    using F = FieldType;
    kinds.push_back(std::make_unique<KindOf<V>>(
        ExpectationKind{"event", "", "NAME",
            "How often something happened since the start, such as event partition-revoked."},
        countEvents, [](const Evidence &) { return world::eventNames(); },
        std::vector<ReadableField<V>>{
            {{"count", "how often"}, [](const V &v) { return number(v.count); }},
            {{"of", "only to this partition, group, queue, exchange or client", F::Text},
                [](const V &v) -> Seen { return v.of; }},
            {{"reason", "only for this reason", F::Text},
                [](const V &v) -> Seen { return v.reason; }},
        }));
}

void addMeasured(Kinds &kinds)
{
    using M = const Measurement *;
    const auto names = [](const Evidence &evidence) {
        std::vector<std::string> all;
        for (const Measurement &measurement : evidence.measurements)
            all.push_back(measurement.name);
        return all;
    };
    kinds.push_back(std::make_unique<KindOf<M>>(
        ExpectationKind{"measured", "", "NAME",
            "A figure of a live part or a measurement. Expect directions and sums, never what one "
            "machine reaches."},
        [names](
            const Expectation &expectation, const Evidence &evidence) -> Result<M, std::string> {
            for (const Measurement &measurement : evidence.measurements) {
                if (measurement.name == expectation.name)
                    return &measurement;
            }
            return std::unexpected(notFound("measurement", expectation.name, names(evidence)));
        },
        names,
        std::vector<ReadableField<M>>{
            {{"value", "the figure"}, [](M m) -> Seen { return m->value; }},
        }));
}

} // namespace

void addWorldKinds(Kinds &kinds)
{
    addClient(kinds);
    addMessage(kinds);
    addEvent(kinds);
    addMeasured(kinds);
}

} // namespace queuelab::lessons
