// Requests that the controller decides: on their way to it, and, while this broker is the active
// controller, their decision and the wait until it is committed.

#include "engine/log/broker_state.h"

#include "engine/core/overloaded.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

/// A response of the request's kind that names what the request names.
Response emptyResponse(const Request &request)
{
    return std::visit(
        Overloaded{
            [](const CreateTopicsRequest &asked) -> Response {
                CreateTopicsResponse response;
                for (const auto &topic : asked.topics)
                    response.topics.push_back({.name = topic.name});
                return response;
            },
            [](const CreatePartitionsRequest &asked) -> Response {
                CreatePartitionsResponse response;
                for (const auto &topic : asked.topics)
                    response.topics.push_back({.name = topic.name});
                return response;
            },
            [](const DeleteTopicsRequest &asked) -> Response {
                DeleteTopicsResponse response;
                for (const std::string &topic : asked.topics)
                    response.topics.push_back({.name = topic});
                return response;
            },
            [](const AlterConfigsRequest &asked) -> Response {
                AlterConfigsResponse response;
                for (const auto &topic : asked.topics)
                    response.topics.push_back({.name = topic.name});
                for (const auto &group : asked.groups)
                    response.groups.push_back({.name = group.name});
                return response;
            },
            [](const ElectLeadersRequest &asked) -> Response {
                ElectLeadersResponse response;
                if (asked.partitions) {
                    for (const TopicPartition &partition : *asked.partitions)
                        response.partitions.push_back({.partition = partition});
                }
                return response;
            },
            [](const BrokerRegistrationRequest &) -> Response {
                return BrokerRegistrationResponse{};
            },
            [](const BrokerHeartbeatRequest &) -> Response { return BrokerHeartbeatResponse{}; },
            [](const AlterPartitionRequest &) -> Response { return AlterPartitionResponse{}; },
            [](const AllocateProducerIdsRequest &) -> Response {
                return AllocateProducerIdsResponse{};
            },
            [](const auto &) -> Response {
                invariantBroken("only what the controller decides is refused for it");
            },
        },
        request);
}

template <class T>
concept HasError = requires(T response) { response.error; };
template <class T>
concept HasTopics = requires(T response) { response.topics; };
template <class T>
concept HasGroups = requires(T response) { response.groups; };

/// Says `error` of the whole answer, or where it has no such place of all that it names.
void sayError(Response &response, ErrorCode error)
{
    std::visit(
        [error]<class T>(T &answer) {
            if constexpr (HasError<T>)
                answer.error = error;
            else if constexpr (HasTopics<T>) {
                for (auto &topic : answer.topics)
                    topic.error = error;
            }
            if constexpr (HasGroups<T>) {
                for (auto &group : answer.groups)
                    group.error = error;
            }
        },
        response);
}

} // namespace

Response refusal(const Request &request, ErrorCode error)
{
    Response response = emptyResponse(request);
    sayError(response, error);
    return response;
}

bool isNotController(const Response &response)
{
    return std::visit(
        []<class T>(const T &answer) {
            if constexpr (HasError<T>) {
                return answer.error == ErrorCode::NotController;
            } else {
                const auto says = [](const auto &named) {
                    return !named.empty() && named.front().error == ErrorCode::NotController;
                };
                if constexpr (HasGroups<T>) {
                    if (says(answer.groups))
                        return true;
                }
                if constexpr (HasTopics<T>)
                    return says(answer.topics);
                return false;
            }
        },
        response);
}

void Broker::State::followQuorum(Context &context, Effects &effects)
{
    if (controller && (!quorum.isLeader() || quorum.epoch() != controllerEpoch)) {
        controller.reset();
        // What it decided last may be committed by its successor, or lost: nobody knows here.
        pendingChanges.clear();
        for (PendingAnswer &pending : std::exchange(pendingAnswers, {})) {
            if (const auto *own = std::get_if<CallId>(&pending.to)) {
                if (const auto waiting = calls.find(*own); waiting != calls.end()) {
                    waiting->second.decided = false;
                    unsentCalls.push_back(*own);
                }
            } else {
                sayError(pending.response, ErrorCode::NotController);
                std::get<Caller>(pending.to).answer(std::move(pending.response), effects);
            }
        }
    }
    // A controller knows all that was decided before it: it begins when that is committed.
    if (!controller && quorum.isLeader() && appliedOffset == quorum.logEndOffset()) {
        controller.emplace(config, image, context.now);
        controllerEpoch = quorum.epoch();
    }
    if (quorum.leader() == askedController)
        return;
    // The one they went to will not answer, or answer that it is none.
    askedController = quorum.leader();
    callsAfter.reset();
    for (auto &[callId, out] : calls) {
        if (!out.ask)
            continue;
        auto lost = asksOut.extract(*out.ask);
        askDeadlines.cancel(lost.mapped().deadline);
        out.ask.reset();
        unsentCalls.push_back(callId);
    }
}

Broker::State::CallId Broker::State::call(
    CallPurpose purpose, Caller caller, Request request, Context &context)
{
    const CallId callId = nextCall++;
    ControllerCall out{.purpose = purpose, .caller = caller, .request = std::move(request)};
    if (purpose == CallPurpose::Client)
        out.deadline = callDeadlines.set(context.now + kRequestTimeout, callId);
    calls.emplace_hint(calls.end(), callId, std::move(out));
    unsentCalls.push_back(callId);
    return callId;
}

bool Broker::State::sendCalls(Context &context, Effects &effects)
{
    if (unsentCalls.empty() || (callsAfter && *callsAfter > context.now))
        return false;
    callsAfter.reset();
    const std::optional<NodeId> to = quorum.leader();
    if (!controller && (!to || *to == id))
        return false;
    for (const CallId callId : std::exchange(unsentCalls, {})) {
        ControllerCall &out = calls.at(callId);
        if (controller) {
            out.decided = true;
            decide(callId, Request(out.request), context, effects);
        } else if (to && *to != id) {
            // A heartbeat that is not answered in time is sent again before the session ends.
            const bool ofLife =
                out.purpose == CallPurpose::Registration || out.purpose == CallPurpose::Heartbeat;
            const Duration timeout = ofLife ? config.brokerSessionTimeout / 2 : kRequestTimeout;
            out.ask = ask(*to, out.request, CallAsk{callId}, timeout, context, effects);
        } else {
            unsentCalls.push_back(callId);
        }
    }
    return true;
}

void Broker::State::decide(
    std::variant<CallId, Caller> from, const Request &request, Context &context, Effects &effects)
{
    Controller::Decision decision = controller->decide(request, quorum.logEndOffset(), context);
    const auto offset = appendChanges(std::move(decision.changes), context, effects);
    if (offset) {
        pendingAnswers.push_back({*offset, from, std::move(decision.response)});
    } else if (const auto *own = std::get_if<CallId>(&from)) {
        retryCall(*own, context);
    } else {
        std::get<Caller>(from).answer(refusal(request, ErrorCode::NotController), effects);
    }
}

Result<std::int64_t, ErrorCode> Broker::State::appendChanges(
    std::vector<Controller::Change> &&changes, Context &context, Effects &effects)
{
    if (changes.empty())
        return quorum.logEndOffset() - 1;
    std::vector<Bytes> values;
    values.reserve(changes.size());
    for (const Controller::Change &change : changes)
        values.push_back(encodeMetadataRecord(change.record));
    const auto last = quorum.append(values, context, effects);
    if (!last) {
        controllerEpoch = -1; // its image has what the log has not: it ends with this step
        return last;
    }
    std::int64_t offset = *last - static_cast<std::int64_t>(changes.size());
    for (Controller::Change &change : changes)
        pendingChanges.push_back({++offset, std::move(change)});
    return last;
}

bool Broker::State::giveAnswers(Context &context, Effects &effects)
{
    bool any = false;
    while (!pendingAnswers.empty() && pendingAnswers.front().offset < appliedOffset) {
        PendingAnswer pending = std::move(pendingAnswers.front());
        pendingAnswers.pop_front();
        if (const auto *own = std::get_if<CallId>(&pending.to))
            callAnswered(*own, std::move(pending.response), context, effects);
        else
            std::get<Caller>(pending.to).answer(std::move(pending.response), effects);
        any = true;
    }
    return any;
}

void Broker::State::callAnswered(
    CallId callId, Response &&response, Context &context, Effects &effects)
{
    if (isNotController(response)) {
        retryCall(callId, context);
        return;
    }
    auto found = calls.extract(callId);
    if (found.empty()) // timed out while it was decided
        return;
    ControllerCall &out = found.mapped();
    callDeadlines.cancel(out.deadline);
    switch (out.purpose) {
    case CallPurpose::Client:
        out.caller.answer(std::move(response), effects);
        break;
    case CallPurpose::Topic:
        for (const auto &topic : std::get<CreateTopicsRequest>(out.request).topics)
            topicsAsked.erase(topic.name);
        break;
    case CallPurpose::Registration:
        registered(std::get<BrokerRegistrationResponse>(response), context);
        break;
    case CallPurpose::Heartbeat:
        heartbeatAnswered(std::get<BrokerHeartbeatResponse>(response), context, effects);
        break;
    case CallPurpose::AlterPartition:
        alterPartitionAnswered(std::get<AlterPartitionRequest>(out.request),
            std::get<AlterPartitionResponse>(response), context, effects);
        break;
    case CallPurpose::ProducerIds: {
        const auto &block = std::get<AllocateProducerIdsResponse>(response);
        producerIdsAsked = false;
        if (block.error == ErrorCode::None) {
            nextProducerId = block.producerIdStart;
            producerIdsEnd = block.producerIdStart + block.producerIdLen;
        }
        giveProducerIds(context, effects);
        break;
    }
    }
}

void Broker::State::callLost(CallId callId, const Context &context)
{
    const auto found = calls.find(callId);
    if (found == calls.end())
        return;
    if (found->second.purpose == CallPurpose::Heartbeat) {
        // Not this one again: a newer one says more.
        calls.erase(found);
        communicating = false;
        nextCommunication = context.now + kRetryBackoff;
        return;
    }
    retryCall(callId, context);
}

void Broker::State::retryCall(CallId callId, const Context &context)
{
    const auto found = calls.find(callId);
    if (found == calls.end())
        return;
    found->second.ask.reset();
    found->second.decided = false;
    unsentCalls.push_back(callId);
    callsAfter = context.now + kRetryBackoff;
}

void Broker::State::askForTopic(CreateTopicsRequest::Topic topic, Context &context)
{
    if (!topicsAsked.insert(topic.name).second)
        return;
    call(CallPurpose::Topic, {}, CreateTopicsRequest{{std::move(topic)}}, context);
}

} // namespace queuelab::log
