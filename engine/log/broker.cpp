#include "engine/log/broker.h"

#include "engine/core/overloaded.h"
#include "engine/log/broker_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

bool isOf(const Caller &caller, ClientId client)
{
    return caller.peer.value() == 0 && caller.client == client;
}

} // namespace

Broker::Broker(NodeId id, BrokerConfig config)
    : m_state(std::make_unique<State>(id, std::move(config)))
{
}

Broker::Broker(const Broker &other)
    : m_state(std::make_unique<State>(*other.m_state))
{
}

Broker &Broker::operator=(const Broker &other)
{
    if (this != &other)
        m_state = std::make_unique<State>(*other.m_state);
    return *this;
}

Broker::Broker(Broker &&) noexcept = default;
Broker &Broker::operator=(Broker &&) noexcept = default;
Broker::~Broker() = default;

Result<std::vector<std::string>, Error> Broker::open(Context &context)
{
    State &state = *m_state;
    state.name = context.trace.name(state.directory);
    if (const auto opened = state.openDirectory(context); !opened)
        return std::unexpected(opened.error());
    if (const auto opened =
            state.quorum.open(state.directory, state.cleanShutdown, context, state.notes);
        !opened)
        return std::unexpected(opened.error());
    state.loadCheckpoints(context);
    state.incarnation = context.random.next();
    if (state.quorum.isLeader()) {
        // The only voter knows at once what is committed: all there is.
        state.applyCommitted(context);
        if (state.metadataFailure)
            return std::unexpected(*state.metadataFailure);
        Effects none;
        state.publish(context, none);
        invariant(none.empty(), "a broker that opens owes nobody an answer");
    }
    return takeNotes();
}

std::vector<std::string> Broker::takeNotes()
{
    return std::exchange(m_state->notes, {});
}

Result<void, Error> Broker::close(Context &context)
{
    State &state = *m_state;
    for (auto &[name, topic] : state.topics) {
        for (std::optional<State::Partition> &partition : topic.partitions) {
            if (!partition)
                continue;
            if (const auto closed = partition->log.close(context); !closed)
                return closed;
        }
    }
    if (const auto closed = state.quorum.close(context); !closed)
        return closed;
    return state.closeDirectory(context);
}

void Broker::apply(const Input &input, Context &context, Effects &effects)
{
    State &state = *m_state;
    if (!state.nextRetentionCheck) {
        state.start(context);
        state.quorum.expire(context, effects);
        state.settle(context, effects); // a broker alone is registered before it is asked anything
    }
    // What was due before this input happens before it.
    state.expire(context, effects);
    std::visit(Overloaded{
                   [&](const ClientRequest &request) {
                       state.handle(Caller{request.client, request.id}, request.name,
                           request.request, context, effects);
                   },
                   [&](const ClientGone &gone) {
                       state.dropParked(
                           [&](const Caller &caller) { return isOf(caller, gone.client); });
                       state.coordinator.clientGone(gone.client);
                       for (const ShareSessions::Key &key : state.shares.sessions.of(gone.client))
                           state.closeShareSession(key, 0, context);
                   },
                   [&](const WakeUp &) { state.askedWake.reset(); },
                   [&](const auto &peer) { state.handle(peer, context, effects); },
               },
        input);
    state.settle(context, effects);

    const std::optional<Instant> next = state.nextDeadline();
    if (next && (!state.askedWake || *next < *state.askedWake)) {
        state.askedWake = next;
        effects.emplace_back(std::in_place_type<WakeAt>, *next);
    }
}

void Broker::shutDown(Context &context, Effects &effects)
{
    State &state = *m_state;
    state.shuttingDown = true;
    state.nextCommunication = context.now;
    apply(WakeUp{}, context, effects);
}

void Broker::State::start(Context &context)
{
    nextRetentionCheck = context.now + config.retentionCheckInterval;
    nextCommunication = context.now;
    // Where it is alone nobody has noticed that it was away: it goes on as the one it was.
    const BrokerImage *known = isAlone() ? image.broker(id.value()) : nullptr;
    if (known && known->isActive())
        brokerEpoch = known->epoch;
}

void Broker::State::handle(
    Caller caller, NameId client, const Request &request, Context &context, Effects &effects)
{
    if (Controller::decides(request)) {
        call(CallPurpose::Client, caller, request, context);
        return;
    }
    const auto answer = [&](auto &&response) {
        caller.answer(std::forward<decltype(response)>(response), effects);
    };
    std::visit(
        Overloaded{
            [&](const MetadataRequest &asked) { answer(metadata(asked, context)); },
            [&](const ProduceRequest &asked) { produce(caller, client, asked, context, effects); },
            [&](const FetchRequest &asked) { fetch(caller, client, asked, context, effects); },
            [&](const ListOffsetsRequest &asked) {
                answer(listOffsets(caller, asked, context.files));
            },
            [&](const OffsetForLeaderEpochRequest &asked) { answer(endsOfEpochs(asked)); },
            [&](const DeleteRecordsRequest &asked) {
                answer(deleteRecords(asked, client, context));
            },
            [&](const InitProducerIdRequest &asked) {
                if (asked.transactionalId)
                    initTransactions(caller, client, asked, context, effects);
                else
                    initProducerId(caller, client, context, effects);
            },
            [&](const AddPartitionsToTxnRequest &asked) {
                addPartitionsToTxn(caller, client, asked, context, effects);
            },
            [&](const AddOffsetsToTxnRequest &asked) {
                addOffsetsToTxn(caller, client, asked, context, effects);
            },
            [&](const EndTxnRequest &asked) { endTxn(caller, client, asked, context, effects); },
            [&](const FindCoordinatorRequest &asked) {
                answer(findCoordinator(asked, context, effects));
            },
            [&](const ShareFetchRequest &asked) {
                shareFetch(caller, client, asked, context, effects);
            },
            [&](const ShareAcknowledgeRequest &asked) {
                shareAcknowledge(caller, client, asked, context, effects);
            },
            [&](const InitializeShareGroupStateRequest &) {
                shareState(caller, request, context, effects);
            },
            [&](const ReadShareGroupStateRequest &) {
                shareState(caller, request, context, effects);
            },
            [&](const WriteShareGroupStateRequest &) {
                shareState(caller, request, context, effects);
            },
            [&](const DeleteShareGroupStateRequest &) {
                shareState(caller, request, context, effects);
            },
            [&](const TxnOffsetCommitRequest &asked) {
                commitInTransaction(caller, client, asked, context, effects);
            },
            [&](const WriteTxnMarkersRequest &asked) {
                writeMarkers(caller, client, asked, context, effects);
            },
            // Only brokers ask these: see the other overload.
            [&](const VoteRequest &) { answer(VoteResponse{ErrorCode::InvalidRequest}); },
            [&](const BeginQuorumEpochRequest &) {
                answer(BeginQuorumEpochResponse{ErrorCode::InvalidRequest});
            },
            [&](const EndQuorumEpochRequest &) {
                answer(EndQuorumEpochResponse{ErrorCode::InvalidRequest});
            },
            [&](const auto &) { coordinate(caller, client, request, context, effects); },
        },
        request);
}

void Broker::State::handle(const PeerRequest &input, Context &context, Effects &effects)
{
    const Caller caller{.id = input.id, .peer = input.from};
    const auto *fetched = std::get_if<FetchRequest>(&input.request);
    const bool ofMetadata = fetched && !fetched->partitions.empty()
        && fetched->partitions.front().partition.topic == kMetadataTopic;
    if (ofMetadata || std::holds_alternative<VoteRequest>(input.request)
        || std::holds_alternative<BeginQuorumEpochRequest>(input.request)
        || std::holds_alternative<EndQuorumEpochRequest>(input.request)) {
        quorum.apply(input, context, effects);
        return;
    }
    if (!Controller::decides(input.request)) {
        const NameId peer = input.from == id
            ? name
            : context.trace.name("broker-" + std::to_string(input.from.value()));
        handle(caller, peer, input.request, context, effects);
        return;
    }
    followQuorum(context, effects);
    if (controller)
        decide(caller, input.request, context, effects);
    else
        caller.answer(refusal(input.request, ErrorCode::NotController), effects);
}

void Broker::State::handle(const PeerAnswer &input, Context &context, Effects &effects)
{
    if ((input.id.value() & Quorum::kQuorumRequest) != 0) {
        quorum.apply(input, context, effects);
        return;
    }
    auto found = asksOut.extract(input.id.value());
    if (found.empty()) // it came too late
        return;
    Asked &out = found.mapped();
    askDeadlines.cancel(out.deadline);
    std::visit(
        Overloaded{
            [&](const CallAsk &it) {
                callAnswered(it.call, Response(input.response), context, effects);
            },
            [&](const ReplicaFetchAsk &) {
                fetchers[out.to].inFlight = false;
                fetchersChanged = true;
                if (const auto *response = std::get_if<FetchResponse>(&input.response))
                    replicaFetched(out.to, *response, context, effects);
            },
            [&](const LogEndsAsk &it) {
                if (const auto *response = std::get_if<ListOffsetsResponse>(&input.response))
                    logEndsKnown(it, *response, context);
            },
            [&](const ShareStateAsk &it) { shareStateAnswered(it, &input.response, context); },
            [&](const ShareInitializationAsk &it) {
                shareInitializationAnswered(it, &input.response, context, effects);
            },
            [&](const VerificationAsk &it) {
                verificationAnswered(it.verification, &input.response, context, effects);
            },
            [&](MarkersAsk &it) {
                markersAnswered(out.to, std::move(it), input.response, context);
            },
        },
        out.what);
}

void Broker::State::handle(const PeerLost &input, Context &context, Effects &effects)
{
    quorum.peerLost(input.peer, context, effects);
    dropParked([&](const Caller &caller) { return caller.peer == input.peer; });
    std::erase_if(pendingAnswers, [&](const PendingAnswer &pending) {
        const auto *caller = std::get_if<Caller>(&pending.to);
        return caller && caller->peer == input.peer;
    });
    std::vector<AskId> lost;
    for (const auto &[askId, out] : asksOut) {
        if (out.to == input.peer)
            lost.push_back(askId);
    }
    for (const AskId askId : lost) {
        auto found = asksOut.extract(askId);
        askDeadlines.cancel(found.mapped().deadline);
        askFailed(std::move(found.mapped()), context, effects);
    }
}

void Broker::State::dropParked(const std::function<bool(const Caller &)> &isGone)
{
    std::vector<FetchId> gone;
    for (const auto &[fetchId, parked] : parkedFetches) {
        if (isGone(parked.caller))
            gone.push_back(fetchId);
    }
    for (const FetchId fetchId : gone) {
        unparkFetch(fetchId);
        parkedFetches.erase(fetchId);
    }
    for (auto next = verifying.begin(); next != verifying.end();) {
        Verifying &request = next->second;
        if (isGone(request.caller)) {
            releaseGuards(request, request.guards);
            verificationRetries.cancel(request.retry);
            next = verifying.erase(next);
        } else {
            ++next;
        }
    }
    std::erase_if(waitForProducerId, [&](const auto &waits) { return isGone(waits.first); });
    dropShareCalls(isGone);
    transactions.callersGone(isGone);
}

Broker::State::AskId Broker::State::ask(NodeId to, Request request, decltype(Asked::what) what,
    Duration timeout, Context &context, Effects &effects)
{
    const AskId askId = nextAsk++;
    asksOut.emplace_hint(asksOut.end(), askId,
        Asked{to, std::move(what), askDeadlines.set(context.now + timeout, askId)});
    if (to == id)
        asksToSelf.emplace_back(askId, std::move(request));
    else
        effects.emplace_back(std::in_place_type<AskPeer>, to, RequestId{askId}, std::move(request));
    return askId;
}

bool Broker::State::answerSelf(Context &context, Effects &effects)
{
    bool any = !asksToSelf.empty();
    for (auto &[askId, request] : std::exchange(asksToSelf, {}))
        handle(PeerRequest{id, RequestId{askId}, std::move(request)}, context, effects);
    std::vector<AnswerPeer> answers;
    std::erase_if(effects, [&](Effect &effect) {
        auto *answer = std::get_if<AnswerPeer>(&effect);
        if (!answer || answer->to != id)
            return false;
        answers.push_back(std::move(*answer));
        return true;
    });
    for (AnswerPeer &answer : answers) {
        handle(PeerAnswer{id, answer.id, std::move(answer.response)}, context, effects);
        any = true;
    }
    return any;
}

void Broker::State::askFailed(Asked &&out, Context &context, Effects &effects)
{
    std::visit(Overloaded{
                   [&](const CallAsk &it) { callLost(it.call, context); },
                   [&](const ReplicaFetchAsk &) {
                       Fetcher &fetcher = fetchers[out.to];
                       fetcher.inFlight = false;
                       fetcher.after = context.now + config.replicaFetchBackoff;
                       fetchersChanged = true;
                   },
                   [&](const LogEndsAsk &it) {
                       if (Partition *partition = find(it.partition))
                           backOff(*partition, context);
                   },
                   [&](const ShareStateAsk &it) { shareStateAnswered(it, nullptr, context); },
                   [&](const ShareInitializationAsk &it) {
                       shareInitializationAnswered(it, nullptr, context, effects);
                   },
                   [&](const VerificationAsk &it) {
                       verificationAnswered(it.verification, nullptr, context, effects);
                   },
                   [&](MarkersAsk &it) { markersLost(out.to, std::move(it), context); },
               },
        out.what);
}

void Broker::State::expire(Context &context, Effects &effects)
{
    const auto isDue = [&](const std::optional<Instant> &at) { return at && *at <= context.now; };
    if (isDue(quorum.nextDeadline()))
        quorum.expire(context, effects);
    while (const std::optional<FetchId> due = fetchDeadlines.takeDue(context.now))
        answerFetch(*due, context, effects);
    while (const std::optional<ProduceId> due = produceDeadlines.takeDue(context.now))
        produceTimedOut(*due, context, effects);
    while (const std::optional<VerificationId> due = verificationRetries.takeDue(context.now))
        verify(*due, context, effects);
    while (const std::optional<AskId> due = askDeadlines.takeDue(context.now)) {
        auto found = asksOut.extract(*due);
        askFailed(std::move(found.mapped()), context, effects);
    }
    while (const std::optional<CallId> due = callDeadlines.takeDue(context.now)) {
        auto found = calls.extract(*due);
        std::erase(unsentCalls, *due);
        found.mapped().caller.answer(
            refusal(found.mapped().request, ErrorCode::RequestTimedOut), effects);
    }
    coordinator.expire(context, effects);
    expireShares(context, effects);
    transactions.expire(context);
    while (auto due = markersLater.takeDue(context.now))
        placeMarker(std::move(*due), context);
    if (controller && isDue(controller->nextDeadline())) {
        // When it cannot be written the quorum has resigned, and the next controller sees to it.
        (void)appendChanges(controller->expire(context), context, effects);
    }
    if (isDue(nextIsrCheck))
        checkIsrs(context, effects);
    if (isDue(nextFetchRetry)) {
        nextFetchRetry.reset();
        fetchersChanged = true;
    }
    if (isDue(nextCheckpoint))
        saveCheckpoints(context);
    if (isDue(nextRetentionCheck)) {
        checkRetention(context);
        nextRetentionCheck = context.now + config.retentionCheckInterval;
    }
    if (isDue(nextDelayedDelete))
        deleteDelayed(context);
    if (isDue(nextCleaning))
        cleanDirtiest(context);
    if (isDue(shutDownBy))
        sayShutDown(context, effects);
}

void Broker::State::settle(Context &context, Effects &effects)
{
    for (bool again = true; again;) {
        followQuorum(context, effects);
        again = applyCommitted(context);
        if (published && !delta.empty()) {
            follow(std::exchange(delta, {}), context, effects);
            again = true;
        }
        again |= giveAnswers(context, effects);
        again |= loadGroups(context);
        again |= writeGroups(context, effects);
        again |= askShareInitializations(context, effects);
        again |= loadShareStates(context);
        again |= serveShares(context, effects);
        again |= askShareStates(context, effects);
        again |= loadTransactions(context);
        again |= giveTransactionalProducerIds(context, effects);
        again |= writeTransactions(context, effects);
        again |= sendMarkers(context, effects);
        communicate(context);
        again |= sendAlterPartition(context);
        again |= sendCalls(context, effects);
        again |= answerSelf(context, effects);
    }
    if (fetchersChanged)
        sendFetches(context, effects);
}

std::optional<Instant> Broker::State::nextDeadline() const
{
    std::optional<Instant> next = nextRetentionCheck;
    const auto consider = [&next](const std::optional<Instant> &other) {
        if (other && (!next || *other < *next))
            next = other;
    };
    consider(quorum.nextDeadline());
    consider(fetchDeadlines.earliest());
    consider(produceDeadlines.earliest());
    consider(verificationRetries.earliest());
    consider(askDeadlines.earliest());
    consider(callDeadlines.earliest());
    consider(coordinator.nextDeadline());
    consider(shares.callDeadlines.earliest());
    consider(shares.lockDeadlines.earliest());
    consider(shares.stateRetries.earliest());
    consider(shares.nextPrune);
    consider(transactions.nextDeadline());
    consider(markersLater.earliest());
    if (controller)
        consider(controller->nextDeadline());
    consider(nextIsrCheck);
    consider(nextCheckpoint);
    consider(nextDelayedDelete);
    consider(nextCleaning);
    consider(nextFetchRetry);
    if (!communicating)
        consider(nextCommunication);
    if (!unsentCalls.empty())
        consider(callsAfter);
    consider(shutDownBy);
    return next;
}

} // namespace queuelab::log
