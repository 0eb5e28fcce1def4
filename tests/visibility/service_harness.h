#pragma once

#include "engine/core/memory_files.h"
#include "engine/visibility/events.h"
#include "engine/visibility/service.h"

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace queuelab::visibility {

/// A service with a clock moved by hand, an answer book and the wake-ups it asked for. A value, as
/// the service is.
class ServiceHarness {
public:
    explicit ServiceHarness(std::uint64_t seed = 1)
        : random(seed)
    {
    }

    /// Sends a request of `client` and returns its id; the answer, if there is one already, is in
    /// answers.
    std::uint64_t ask(Request request, const std::string &client = "client-1")
    {
        const std::uint64_t id = m_nextRequest++;
        apply(ClientRequest{clientId(client), RequestId(id), client, std::move(request)});
        return id;
    }
    /// Sends a request that must be answered at once.
    Response call(Request request, const std::string &client = "client-1")
    {
        return answers.at(ask(std::move(request), client));
    }
    template <class T> T expect(Request request, const std::string &client = "client-1")
    {
        return std::get<T>(call(std::move(request), client).value());
    }
    SqsError refusal(Request request, const std::string &client = "client-1")
    {
        return call(std::move(request), client).error();
    }

    void create(const std::string &queue, std::map<std::string, std::string> attributes = {})
    {
        expect<Done>(CreateQueue{queue, std::move(attributes)});
    }
    std::string send(const std::string &queue, const std::string &body,
        std::optional<std::int32_t> delaySeconds = {})
    {
        return expect<SendMessageResult>(
            SendMessage{queue, SharedBytes::fromText(body), delaySeconds, {}, {}})
            .messageId;
    }
    std::vector<ReceivedMessage> receive(const std::string &queue, std::int32_t max = 1,
        std::optional<std::int32_t> visibilityTimeout = {}, const std::string &client = "client-1")
    {
        return expect<ReceiveMessageResult>(
            ReceiveMessage{queue, max, visibilityTimeout, 0}, client)
            .messages;
    }
    /// The bodies of one short poll, in order.
    std::vector<std::string> bodies(const std::string &queue, std::int32_t max = 10)
    {
        return bodiesOf(receive(queue, max));
    }
    static std::vector<std::string> bodiesOf(const std::vector<ReceivedMessage> &messages)
    {
        std::vector<std::string> bodies;
        for (const ReceivedMessage &message : messages)
            bodies.emplace_back(message.body.text());
        return bodies;
    }
    std::uint64_t longPoll(const std::string &queue, std::int32_t waitSeconds,
        const std::string &client = "client-1", std::int32_t max = 1,
        std::optional<std::int32_t> visibilityTimeout = {})
    {
        return ask(ReceiveMessage{queue, max, visibilityTimeout, waitSeconds}, client);
    }
    bool answered(std::uint64_t request) const { return answers.contains(request); }
    std::vector<ReceivedMessage> messagesOf(std::uint64_t request) const
    {
        return std::get<ReceiveMessageResult>(answers.at(request).value()).messages;
    }
    void clientGone(const std::string &client) { apply(ClientGone{clientId(client)}); }

    /// Moves the clock, stopping to wake the service when it asked for it.
    void advance(Duration by)
    {
        const Instant end = now + by;
        while (m_wakeAt && *m_wakeAt <= end) {
            now = *m_wakeAt;
            m_wakeAt.reset();
            apply(WakeUp{});
        }
        now = end;
    }

    QueueSnapshot queue(const std::string &name) const
    {
        for (QueueSnapshot &found : service.snapshot().queues) {
            if (found.name == name)
                return found;
        }
        return {};
    }
    std::string attribute(const std::string &queue, const std::string &name)
    {
        return expect<QueueAttributes>(GetQueueAttributes{queue}).attributes[name];
    }
    std::uint64_t count(VisibilityEvent event, VisibilityReason why = VisibilityReason::None) const
    {
        return trace.count(kind(event), reason(why));
    }
    std::optional<Instant> wakeAt() const { return m_wakeAt; }

    static std::string redrivePolicy(const std::string &queue, int maxReceiveCount)
    {
        return "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:" + queue
            + "\",\"maxReceiveCount\":" + std::to_string(maxReceiveCount) + "}";
    }

    Service service{ServiceConfig{}};
    Random random;
    Trace trace;
    std::shared_ptr<MemoryFiles> files = std::make_shared<MemoryFiles>(); // nothing is written
    Instant now = kVirtualStart;
    std::map<std::uint64_t, Response> answers;

private:
    static ClientId clientId(const std::string &client)
    {
        // "client-7" is client 7: the same name is the same client in every test.
        return ClientId(
            static_cast<std::uint32_t>(std::stoul(client.substr(client.find('-') + 1))));
    }
    void apply(const Input &input)
    {
        Context context{now, random, trace, *files};
        Effects effects;
        service.apply(input, context, effects);
        for (const Effect &effect : effects) {
            if (const auto *answer = std::get_if<Answer>(&effect)) {
                const bool first = answers.emplace(answer->id.value(), answer->response).second;
                invariant(first, "a request is answered once");
            } else {
                const Instant at = std::get<WakeAt>(effect).at;
                if (!m_wakeAt || at < *m_wakeAt)
                    m_wakeAt = at;
            }
        }
    }

    std::uint64_t m_nextRequest = 1;
    std::optional<Instant> m_wakeAt;
};

} // namespace queuelab::visibility
