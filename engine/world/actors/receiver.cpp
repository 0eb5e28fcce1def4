#include "engine/world/actor.h"

#include "engine/world/actors/shown.h"

#include <algorithm>
#include <charconv>
#include <deque>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::world {
namespace {

/// How long a client waits for an answer beyond the time it asked the queue to wait; AWS SDKs give
/// up a read after 60 s.
constexpr Duration kReceiveTimeout = std::chrono::seconds{60};

/// A worker that polls a queue, works on what it receives one message at a time, and deletes each
/// when it is done (or before, or never). A heartbeat keeps what it holds invisible while it works.
class ReceiverActor final : public Actor {
public:
    explicit ReceiverActor(AddReceiver command)
        : m_command(std::move(command))
    {
    }

    std::unique_ptr<Actor> clone() const override { return std::make_unique<ReceiverActor>(*this); }

    void start(ActorContext &context) override
    {
        m_stopping = false;
        if (m_command.heartbeat && !m_command.visibilityTimeout)
            m_settingsRequest = ask(visibility::GetQueueAttributes{m_command.queue}, context);
        act(context);
    }

    void wake(ActorContext &context) override { act(context); }

    void receive(
        RequestId request, const visibility::Response &response, ActorContext &context) override
    {
        if (m_poll && request == m_poll->request)
            pollAnswered(response, context);
        else if (m_settingsRequest && request == *m_settingsRequest)
            settingsAnswered(response);
        else if (!response)
            m_note = response.error().message; // of a delete or a heartbeat
        act(context);
    }

    void connectionLost(NodeId, ActorContext &context) override
    {
        m_poll.reset();
        m_nextPoll = context.base.now + m_command.pollInterval;
        m_note = "connection lost";
        act(context);
    }

    /// Finishes the message at hand and gives the others back at once.
    void stop(ActorContext &context) override
    {
        m_stopping = true;
        m_poll.reset();
        const std::size_t kept = m_workEnds ? 1 : 0;
        for (std::size_t i = kept; i < m_held.size(); ++i) {
            if (!m_held[i].deleted)
                changeVisibility(m_held[i], 0, context);
        }
        m_held.resize(std::min(m_held.size(), kept));
        act(context);
    }

    void crash() override
    {
        m_held.clear();
        m_workEnds.reset();
        m_nextHeartbeat.reset();
        m_poll.reset();
        m_settingsRequest.reset();
        m_nextPoll = Instant{};
        m_stopping = false;
        m_note.clear();
    }

    bool setProcessing(const Span &processing, ActorContext &) override
    {
        m_command.processing = processing;
        return true;
    }

    void describe(ClientSnapshot &out, const NameTable &) const override
    {
        out.role = ClientRole::Receiver;
        out.engine = Engine::Visibility;
        out.target = m_command.queue;
        out.received = m_received;
        out.handled = m_handled;
        out.handledAgain = m_handledAgain;
        out.waiting = m_poll && m_command.waitTimeSeconds > 0;
        out.lastPoll = m_lastPoll;
        out.holdingCount = m_held.size();
        for (std::size_t i = 0; i < std::min(m_held.size(), kShownMessages); ++i) {
            const Held &held = m_held[i];
            out.holding.push_back({.subject = m_command.queue,
                .item = held.number,
                .label = held.label,
                .redelivered = held.receiveCount > 1,
                .deliveries = held.receiveCount,
                .workEnds = i == 0 && m_workEnds ? *m_workEnds : Instant{}});
        }
        out.note = m_note;
    }

private:
    struct Held {
        std::string receiptHandle;
        std::int64_t number = -1;
        std::string label;
        std::int32_t receiveCount = 1;
        std::string producer; ///< from the stamp; empty when there is none
        std::uint64_t sequence = 0;
        Duration created{};
        bool deleted = false; ///< before the work
    };
    struct Poll {
        RequestId request;
        Instant givenUpAt;
    };

    // Does all there is to do now, and asks to be woken for the rest.
    void act(ActorContext &context)
    {
        work(context);
        if (context.out.crashed)
            return;
        beat(context);
        if (m_stopping) {
            if (m_held.empty())
                context.out.finished = true;
            return;
        }
        poll(context);
    }

    void work(ActorContext &context)
    {
        const Instant now = context.base.now;
        std::vector<std::string> done;
        while (!m_held.empty()) {
            if (!m_workEnds)
                m_workEnds = now + draw(m_command.processing, context.base.random);
            if (*m_workEnds > now) {
                context.out.wake(*m_workEnds);
                break;
            }
            m_workEnds.reset();
            // Dies in the middle of the work: nothing is handled, nothing deleted.
            if (context.base.random.chance(m_command.crashChance)) {
                context.out.crashed = true;
                context.out.finished = true;
                break;
            }
            Held held = std::move(m_held.front());
            m_held.pop_front();
            handled(held, context);
            if (m_command.deletes == "after")
                done.push_back(std::move(held.receiptHandle));
        }
        deleteMessages(std::move(done), context);
        if (m_held.empty())
            m_nextHeartbeat.reset();
    }

    void handled(const Held &held, ActorContext &context)
    {
        Trace &trace = context.base.trace;
        ++m_handled;
        Outcomes::Handling handling;
        handling.engine = Engine::Visibility;
        handling.scope = trace.name(m_command.queue);
        handling.item = held.number;
        if (!held.producer.empty()) {
            handling.producer = trace.name(held.producer);
            handling.sequence = held.sequence;
            handling.latency = context.base.now - context.worldStart - held.created;
        }
        if (context.outcomes.handled(handling))
            ++m_handledAgain;
    }

    void beat(ActorContext &context)
    {
        if (!m_command.heartbeat || m_held.empty())
            return;
        const Instant now = context.base.now;
        if (!m_nextHeartbeat)
            m_nextHeartbeat = now + *m_command.heartbeat;
        if (*m_nextHeartbeat <= now) {
            for (const Held &held : m_held) {
                if (!held.deleted)
                    changeVisibility(
                        held, m_command.visibilityTimeout.value_or(m_queueTimeout), context);
            }
            m_nextHeartbeat = now + *m_command.heartbeat;
        }
        context.out.wake(*m_nextHeartbeat);
    }

    void poll(ActorContext &context)
    {
        const Instant now = context.base.now;
        if (m_poll && m_poll->givenUpAt <= now)
            m_poll.reset(); // the answer got lost; what it brought comes back by its timeout
        if (m_poll) {
            context.out.wake(m_poll->givenUpAt);
            return;
        }
        if (!m_held.empty())
            return;
        if (m_nextPoll > now) {
            context.out.wake(m_nextPoll);
            return;
        }
        visibility::ReceiveMessage request;
        request.queue = m_command.queue;
        request.maxNumberOfMessages = m_command.maxNumberOfMessages;
        request.visibilityTimeout = m_command.visibilityTimeout;
        request.waitTimeSeconds = m_command.waitTimeSeconds;
        m_lastPoll = now;
        m_poll = Poll{ask(std::move(request), context),
            now + std::chrono::seconds{m_command.waitTimeSeconds} + kReceiveTimeout};
        context.out.wake(m_poll->givenUpAt);
    }

    void pollAnswered(const visibility::Response &response, ActorContext &context)
    {
        m_poll.reset();
        m_nextPoll = context.base.now;
        if (!response) {
            m_note = response.error().message;
            m_nextPoll += m_command.pollInterval;
            return;
        }
        m_note.clear();
        const auto &messages = std::get<visibility::ReceiveMessageResult>(*response).messages;
        if (messages.empty()) {
            if (m_command.waitTimeSeconds == 0)
                m_nextPoll += m_command.pollInterval;
            return;
        }
        m_received += messages.size();
        const bool deleteFirst = m_command.deletes == "before";
        std::vector<std::string> handles;
        for (const visibility::ReceivedMessage &message : messages) {
            m_held.push_back(hold(message));
            m_held.back().deleted = deleteFirst;
            if (deleteFirst)
                handles.push_back(message.receiptHandle);
        }
        deleteMessages(std::move(handles), context);
    }

    static Held hold(const visibility::ReceivedMessage &message)
    {
        Held held;
        held.receiptHandle = message.receiptHandle;
        held.number = static_cast<std::int64_t>(message.number);
        held.receiveCount = message.approximateReceiveCount;
        const std::string_view text = message.body.text();
        if (const auto stamp = readBody(message.body.view())) {
            held.label = text.substr(0, text.find('@'));
            held.producer = stamp->producer;
            held.sequence = stamp->sequence;
            held.created = stamp->created;
        } else {
            held.label = text.substr(0, kLabelBytes);
        }
        return held;
    }

    void settingsAnswered(const visibility::Response &response)
    {
        m_settingsRequest.reset();
        if (!response)
            return;
        const auto &attributes = std::get<visibility::QueueAttributes>(*response).attributes;
        if (const auto timeout = attributes.find("VisibilityTimeout"); timeout != attributes.end())
            std::from_chars(timeout->second.data(), timeout->second.data() + timeout->second.size(),
                m_queueTimeout);
    }

    void deleteMessages(std::vector<std::string> handles, ActorContext &context)
    {
        if (handles.empty())
            return;
        if (handles.size() == 1) {
            ask(visibility::DeleteMessage{m_command.queue, std::move(handles.front())}, context);
            return;
        }
        visibility::DeleteMessageBatch batch;
        batch.queue = m_command.queue;
        for (std::string &handle : handles)
            batch.entries.push_back({std::to_string(batch.entries.size()), std::move(handle)});
        ask(std::move(batch), context);
    }

    void changeVisibility(const Held &held, std::int32_t seconds, ActorContext &context)
    {
        ask(visibility::ChangeMessageVisibility{m_command.queue, held.receiptHandle, seconds},
            context);
    }

    RequestId ask(visibility::Request request, ActorContext &context)
    {
        const RequestId id(m_nextRequest++);
        context.out.messages.push_back(Outbox::ToVisibility{id, std::move(request)});
        return id;
    }

    AddReceiver m_command;

    // What outlives a crash: the numbers by which calls are told apart, and the counts.
    std::uint64_t m_nextRequest = 1;
    std::uint64_t m_received = 0;
    std::uint64_t m_handled = 0;
    std::uint64_t m_handledAgain = 0;
    Instant m_lastPoll{};

    std::deque<Held> m_held; // the front is being worked on
    std::optional<Instant> m_workEnds;
    std::optional<Instant> m_nextHeartbeat;
    std::optional<Poll> m_poll;
    std::optional<RequestId> m_settingsRequest;
    std::int32_t m_queueTimeout = 30; // SQS's default, until the queue's own is known
    Instant m_nextPoll{};
    bool m_stopping = false;
    std::string m_note;
};

} // namespace

std::unique_ptr<Actor> makeReceiver(const AddReceiver &command, const std::string &)
{
    return std::make_unique<ReceiverActor>(command);
}

} // namespace queuelab::world
