#pragma once

#include "engine/core/context.h"
#include "engine/visibility/events.h"
#include "engine/visibility/service.h"
#include "engine/visibility/state.h"

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace queuelab::visibility {

/// One step of the service: it changes the state, records what happens and says what is to be done.
/// Lives for one apply().
class Step {
public:
    Step(ServiceState &state, Context &context, Effects &effects)
        : m_state(state)
        , m_context(context)
        , m_effects(effects)
    {
    }

    void handle(const ClientRequest &request);
    void handle(const ClientGone &gone);
    void handle(const WakeUp &);

    /// Does everything whose time has come and hands messages to the long polls that can have them.
    void settle();
    /// Asks for what comes next by itself, unless an earlier wake-up is on its way already.
    void askToBeWoken();

private:
    /// A queue as this step works on it.
    struct Target {
        QueueId id;
        Queue *queue;
        NameId name;
    };
    struct Caller {
        ClientId client;
        RequestId request;
        const std::string &clientName;
        NameId name;
    };
    /// A receive that can be answered now.
    struct Ask {
        ClientNumber client;
        NameId name;
        std::int32_t maxNumberOfMessages;
        std::int32_t visibilityTimeoutSeconds;
    };
    /// Nothing: the request waits and is answered by a later step.
    using Reply = std::optional<Response>;

    // Queues (step_queues.cpp).
    Reply carryOut(const CreateQueue &request, const Caller &caller);
    Reply carryOut(const DeleteQueue &request, const Caller &caller);
    Reply carryOut(const SetQueueAttributes &request, const Caller &caller);
    Reply carryOut(const GetQueueAttributes &request, const Caller &caller);
    Reply carryOut(const ListQueues &request, const Caller &caller);
    Reply carryOut(const PurgeQueue &request, const Caller &caller);

    // Messages (step_messages.cpp).
    Reply carryOut(const SendMessage &request, const Caller &caller);
    Reply carryOut(const SendMessageBatch &request, const Caller &caller);
    Reply carryOut(const ReceiveMessage &request, const Caller &caller);
    Reply carryOut(const DeleteMessage &request, const Caller &caller);
    Reply carryOut(const DeleteMessageBatch &request, const Caller &caller);
    Reply carryOut(const ChangeMessageVisibility &request, const Caller &caller);

    MessageId send(const Target &target, const SendMessage &sent, const Caller &caller);
    std::vector<ReceivedMessage> receive(const Target &target, const Ask &ask);
    ReceivedMessage deliver(const Target &target, Slot slot, const Ask &ask);
    /// The receive after the last allowed one moves a message instead of returning it; true when
    /// this was one.
    bool movedToDeadLetterQueue(const Target &target, Slot slot);
    std::optional<SqsError> remove(
        const Target &target, const std::string &receiptHandle, const Caller &caller);
    void makeVisibleAgain(const Target &target, Slot slot, VisibilityReason why);

    // Time (step.cpp).
    void serveWaiters(const Target &target);
    void doDue(const Target &target, Instant at);
    void endLongPoll(const Target &target);
    void reschedule(const Target &target);
    void forget(QueueId queue);

    std::optional<Target> find(std::string_view queue);
    Target target(QueueId id);
    /// The queue changed: settle() looks after its long polls and its next due time.
    void touch(QueueId queue);
    void answer(ClientId client, RequestId request, Response response);
    void record(VisibilityEvent event, NameId queue, TraceEvent rest = {});
    void recordRefusal(NameId queue, const Caller &caller, const SqsError &error);

    ServiceState &m_state;
    Context &m_context;
    Effects &m_effects;
    std::vector<QueueId> m_touched;
};

} // namespace queuelab::visibility
