#include "engine/world/actor.h"

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::world {
namespace {

/// AWS SDKs give up waiting for an answer after 60 s; whether the messages were accepted is not
/// known then.
constexpr Duration kSendTimeout = std::chrono::seconds{60};

/// An application that sends messages to a queue at a rate, in calls of `batch` messages: a call
/// goes out when it is full, and what is left goes out with the last message.
class SenderActor final : public Actor {
public:
    SenderActor(AddSender command, std::string name)
        : m_command(std::move(command))
        , m_name(std::move(name))
    {
    }

    std::unique_ptr<Actor> clone() const override { return std::make_unique<SenderActor>(*this); }

    void start(ActorContext &context) override
    {
        m_leaving = false;
        if (m_command.total != 0 && m_made >= m_command.total) {
            context.out.finished = true;
            return;
        }
        const std::uint64_t left = m_command.total == 0 ? 0 : m_command.total - m_made;
        m_arrivals.emplace(m_command.rate, m_command.arrival, left, context.base.now);
        wake(context);
    }

    void wake(ActorContext &context) override
    {
        giveUpCalls(context);
        if (!m_arrivals)
            return;
        while (m_arrivals->next() && *m_arrivals->next() <= context.base.now)
            makeMessage(*m_arrivals->next(), context);
        if (const auto next = m_arrivals->next()) {
            context.out.wake(*next);
        } else if (m_command.total != 0 && m_made >= m_command.total) {
            flush(context);
            leave(context);
        }
    }

    void receive(
        RequestId request, const visibility::Response &response, ActorContext &context) override
    {
        const auto pending = m_pending.extract(request);
        if (!pending)
            return;
        if (!response) {
            m_failed += pending.mapped().messages;
            m_note = response.error().message;
        } else if (const auto *batch = std::get_if<visibility::BatchResult>(&*response)) {
            m_confirmed += batch->successful.size();
            m_failed += batch->failed.size();
            m_note = batch->failed.empty() ? std::string() : batch->failed.front().error.message;
        } else {
            m_confirmed += pending.mapped().messages;
            m_note.clear();
        }
        if (m_leaving)
            leave(context);
    }

    void connectionLost(NodeId, ActorContext &context) override
    {
        failPending();
        m_note = "connection lost";
        if (m_leaving)
            leave(context);
    }

    void stop(ActorContext &context) override
    {
        flush(context);
        leave(context);
    }

    void crash() override
    {
        m_unsent.clear();
        failPending();
        m_arrivals.reset();
        m_leaving = false;
        m_note.clear();
    }

    bool setRate(Rate rate, ActorContext &context) override
    {
        m_command.rate = rate;
        if (m_arrivals) {
            m_arrivals->setRate(rate, context.base.now);
            if (const auto next = m_arrivals->next())
                context.out.wake(*next);
        }
        return true;
    }

    void describe(ClientSnapshot &out, const NameTable &) const override
    {
        out.role = ClientRole::Sender;
        out.engine = Engine::Visibility;
        out.target = m_command.queue;
        out.configuredRate = m_command.rate.perSecond;
        out.sent = m_sent;
        out.confirmed = m_confirmed;
        out.failed = m_failed;
        out.note = m_note;
    }

private:
    struct Call {
        std::uint64_t messages;
        Instant givenUpAt;
    };

    void makeMessage(Instant due, ActorContext &context)
    {
        Random &random = context.base.random;
        writeBody({.producer = m_name, .sequence = ++m_made, .created = due - context.worldStart},
            draw(m_command.size, random), m_body);
        visibility::SendMessage message;
        message.queue = m_command.queue;
        message.body = SharedBytes::fromText(m_body);
        m_unsent.push_back(std::move(message));
        m_arrivals->advance(random);
        if (m_unsent.size() >= static_cast<std::size_t>(m_command.batch))
            flush(context);
    }

    void flush(ActorContext &context)
    {
        if (m_unsent.empty())
            return;
        const RequestId request(m_nextRequest++);
        m_pending.emplace(request, Call{m_unsent.size(), context.base.now + kSendTimeout});
        context.out.wake(m_pending.begin()->second.givenUpAt);
        m_sent += m_unsent.size();
        if (m_command.batch == 1) {
            context.out.messages.push_back(
                Outbox::ToVisibility{request, std::move(m_unsent.front())});
        } else {
            visibility::SendMessageBatch batch;
            batch.queue = m_command.queue;
            for (visibility::SendMessage &message : m_unsent)
                batch.entries.push_back({std::to_string(batch.entries.size()), std::move(message)});
            context.out.messages.push_back(Outbox::ToVisibility{request, std::move(batch)});
        }
        m_unsent.clear();
    }

    // Makes nothing more; it is gone when every call was answered.
    void leave(ActorContext &context)
    {
        m_leaving = true;
        m_arrivals.reset();
        if (m_pending.empty())
            context.out.finished = true;
    }

    // Calls are numbered and given up in the order they were made.
    void giveUpCalls(ActorContext &context)
    {
        while (!m_pending.empty() && m_pending.begin()->second.givenUpAt <= context.base.now) {
            m_failed += m_pending.begin()->second.messages;
            m_pending.erase(m_pending.begin());
            m_note = "no answer within 60 s";
        }
        if (!m_pending.empty())
            context.out.wake(m_pending.begin()->second.givenUpAt);
        if (m_leaving)
            leave(context);
    }

    void failPending()
    {
        for (const auto &[request, call] : m_pending)
            m_failed += call.messages;
        m_pending.clear();
    }

    AddSender m_command;
    std::string m_name;

    // What outlives a crash: the numbers by which messages and calls are told apart, and the
    // counts.
    std::uint64_t m_made = 0;
    std::uint64_t m_nextRequest = 1;
    std::uint64_t m_sent = 0;
    std::uint64_t m_confirmed = 0;
    std::uint64_t m_failed = 0;

    std::optional<ArrivalProcess> m_arrivals;
    std::vector<visibility::SendMessage> m_unsent;
    std::map<RequestId, Call> m_pending;
    bool m_leaving = false;
    std::string m_note;
    std::string m_body; // reused
};

} // namespace

std::unique_ptr<Actor> makeSender(const AddSender &command, const std::string &name)
{
    return std::make_unique<SenderActor>(command, name);
}

} // namespace queuelab::world
