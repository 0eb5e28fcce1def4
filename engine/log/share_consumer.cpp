// A share consumer's outside, its membership, and what it knows of the cluster.

#include "engine/log/cluster_image.h"
#include "engine/log/share_consumer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

ShareConsumer::State::State(ShareConsumerConfig theConfig)
    : config(std::move(theConfig))
    , brokers(config.bootstrapServers)
{
}

ShareConsumer::ShareConsumer(std::string clientId, ShareConsumerConfig config)
    : m_state(std::make_unique<State>(std::move(config)))
{
    m_state->clientId = std::move(clientId);
}

ShareConsumer::ShareConsumer(const ShareConsumer &other)
    : m_state(std::make_unique<State>(*other.m_state))
{
}

ShareConsumer &ShareConsumer::operator=(const ShareConsumer &other)
{
    if (this != &other)
        m_state = std::make_unique<State>(*other.m_state);
    return *this;
}

ShareConsumer::ShareConsumer(ShareConsumer &&) noexcept = default;
ShareConsumer &ShareConsumer::operator=(ShareConsumer &&) noexcept = default;
ShareConsumer::~ShareConsumer() = default;

void ShareConsumer::start(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    state.name = context.trace.name(state.clientId);
    state.groupName = context.trace.name(state.config.group);
    TopicId uuid{}; // the client makes its own member id
    for (std::uint8_t &byte : uuid)
        byte = static_cast<std::uint8_t>(context.random.below(256));
    state.memberId = topicIdText(uuid);
    state.running = true;
    state.advance(context, effects);
}

void ShareConsumer::apply(
    RequestId id, const Response &response, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    const auto found = std::ranges::find(state.inFlight, id, &State::InFlight::id);
    if (found == state.inFlight.end())
        return;
    const State::InFlight request = *found;
    state.inFlight.erase(found);
    state.brokers.answered(request.broker);
    if (const auto *metadata = std::get_if<MetadataResponse>(&response)) {
        state.applyMetadata(*metadata, context);
    } else if (const auto *coordinator = std::get_if<FindCoordinatorResponse>(&response)) {
        const NodeId node{coordinator->node};
        if (coordinator->error != ErrorCode::None && !isRetriable(coordinator->error)) {
            state.failure = coordinator->error;
        } else if (coordinator->error != ErrorCode::None
            || !state.brokers.canReach(node, context.now)) {
            state.coordinatorLost(context);
        } else {
            state.coordinator = node;
            state.coordinatorFailures = 0;
        }
    } else if (const auto *heartbeat = std::get_if<ShareGroupHeartbeatResponse>(&response)) {
        state.applyHeartbeat(*heartbeat, context);
    } else if (const auto *fetched = std::get_if<ShareFetchResponse>(&response)) {
        state.applyFetch(request, *fetched, context);
    } else if (const auto *acknowledged = std::get_if<ShareAcknowledgeResponse>(&response)) {
        state.applyAcknowledge(request, *acknowledged, context);
    }
    state.advance(context, effects);
}

void ShareConsumer::connectionLost(NodeId broker, Context &context, ClientEffects &effects)
{
    m_state->lose(broker, context);
    m_state->advance(context, effects);
}

void ShareConsumer::wake(Context &context, ClientEffects &effects)
{
    m_state->askedWake.reset();
    m_state->advance(context, effects);
}

void ShareConsumer::close(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    if (!state.running)
        return;
    if (!state.config.explicitAcknowledgement)
        state.acceptDelivered();
    for (auto &[broker, session] : state.sessions) {
        if (session.epoch == 0)
            continue;
        session.epoch = ShareFetchRequest::kFinalEpoch;
        state.sendAcknowledgements(broker, session, context, effects);
    }
    if (state.coordinator && state.memberEpoch > 0) {
        state.send(State::Sent::Heartbeat, *state.coordinator,
            ShareGroupHeartbeatRequest{.group = state.config.group,
                .memberId = state.memberId,
                .memberEpoch = -1,
                .clientId = state.clientId},
            0, context, effects);
    }
    crash();
}

void ShareConsumer::crash()
{
    State fresh(m_state->config);
    fresh.clientId = m_state->clientId;
    fresh.refused = m_state->refused;
    fresh.nextRequest = m_state->nextRequest; // late answers find nobody
    *m_state = std::move(fresh);
}

std::uint64_t ShareConsumer::refused() const
{
    return m_state->refused;
}

std::vector<TopicPartition> ShareConsumer::assignment() const
{
    if (!m_state->assignment)
        return {};
    return {m_state->assignment->begin(), m_state->assignment->end()};
}

std::int32_t ShareConsumer::memberEpoch() const
{
    return m_state->memberEpoch;
}

bool ShareConsumer::isMember() const
{
    return m_state->memberEpoch > 0 && m_state->assignment.has_value();
}

std::string ShareConsumer::memberId() const
{
    return m_state->memberId;
}

ErrorCode ShareConsumer::failure() const
{
    return m_state->failure;
}

const ShareConsumerConfig &ShareConsumer::config() const
{
    return m_state->config;
}

void ShareConsumer::State::advance(Context &context, ClientEffects &effects)
{
    if (!running || failure != ErrorCode::None)
        return;
    expireRequests(context);
    requestMetadata(context, effects);
    findCoordinator(context, effects);
    heartbeat(context, effects);
    sendRequests(context, effects);
    askForNextWake(context.now, effects);
}

void ShareConsumer::State::askForNextWake(Instant now, ClientEffects &effects)
{
    std::optional<Instant> next;
    const auto consider = [&](Instant at) {
        if (at > now && (!next || at < *next))
            next = at;
    };
    for (const InFlight &request : inFlight)
        consider(request.expires);
    consider(metadataNotBefore);
    consider(metadataExpires);
    consider(coordinatorNotBefore);
    consider(nextHeartbeat);
    consider(brokers.anyAt());
    for (const auto &[broker, session] : sessions) {
        consider(session.notBefore);
        if (const auto at = brokers.reconnectAt(broker))
            consider(*at);
    }
    if (!next || (askedWake && *askedWake > now && *askedWake <= *next))
        return;
    askedWake = next;
    effects.emplace_back(std::in_place_type<WakeClientAt>, *next);
}

void ShareConsumer::State::send(Sent sent, NodeId broker, Request &&request,
    std::int64_t acknowledged, Context &context, ClientEffects &effects)
{
    const RequestId id{nextRequest++};
    inFlight.push_back({id, sent, broker, context.now + config.requestTimeout, acknowledged});
    effects.emplace_back(std::in_place_type<SendRequest>, broker, id, std::move(request));
}

bool ShareConsumer::State::isOut(Sent sent) const
{
    return std::ranges::find(inFlight, sent, &InFlight::sent) != inFlight.end();
}

bool ShareConsumer::State::isBusy(NodeId broker) const
{
    return std::ranges::any_of(inFlight, [broker](const InFlight &request) {
        return request.broker == broker
            && (request.sent == Sent::Fetch || request.sent == Sent::Acknowledge);
    });
}

/// A request without an answer costs the connection.
void ShareConsumer::State::expireRequests(Context &context)
{
    for (;;) {
        const auto late = std::ranges::find_if(
            inFlight, [&](const InFlight &request) { return context.now >= request.expires; });
        if (late == inFlight.end())
            return;
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::RequestTimedOut),
            .subject = groupName,
            .actor = name});
        lose(late->broker, context);
    }
}

void ShareConsumer::State::lose(NodeId broker, Context &context)
{
    brokers.lost(broker, context.now, context.random);
    std::vector<InFlight> lost;
    for (const InFlight &request : inFlight) {
        if (request.broker == broker)
            lost.push_back(request);
    }
    std::erase_if(inFlight, [broker](const InFlight &request) { return request.broker == broker; });
    if (const auto session = sessions.find(broker); session != sessions.end())
        endSession(broker, session->second);
    if (coordinator == broker)
        coordinatorLost(context);
    metadataWanted = true;
    for (const InFlight &request : lost)
        requestFailed(request, context);
}

void ShareConsumer::State::requestFailed(const InFlight &request, Context &context)
{
    switch (request.sent) {
    case Sent::Metadata:
        metadataFailures = std::min(metadataFailures + 1, kManyFailures);
        metadataNotBefore = context.now + backoff(metadataFailures, context);
        break;
    case Sent::FindCoordinator:
        coordinatorLost(context);
        break;
    case Sent::Heartbeat:
        nextHeartbeat = context.now + backoff(1, context);
        break;
    case Sent::Fetch:
    case Sent::Acknowledge:
        refused += static_cast<std::uint64_t>(request.acknowledged);
        break;
    }
}

Duration ShareConsumer::State::backoff(int failures, Context &context) const
{
    return exponentialBackoff(
        config.retryBackoff, config.retryBackoffMax, failures, context.random);
}

void ShareConsumer::State::findCoordinator(Context &context, ClientEffects &effects)
{
    if (coordinator || isOut(Sent::FindCoordinator) || context.now < coordinatorNotBefore)
        return;
    if (const auto broker = brokers.any(context.now, context.random)) {
        send(Sent::FindCoordinator, *broker, FindCoordinatorRequest{.key = config.group}, 0,
            context, effects);
    }
}

void ShareConsumer::State::coordinatorLost(Context &context)
{
    coordinator.reset();
    coordinatorFailures = std::min(coordinatorFailures + 1, kManyFailures);
    coordinatorNotBefore = context.now + backoff(coordinatorFailures, context);
}

void ShareConsumer::State::requestMetadata(Context &context, ClientEffects &effects)
{
    metadataWanted = metadataWanted || context.now >= metadataExpires;
    if (!metadataWanted || isOut(Sent::Metadata) || context.now < metadataNotBefore)
        return;
    const auto broker = brokers.any(context.now, context.random);
    if (!broker)
        return;
    MetadataRequest request;
    request.topics = config.topics;
    request.allowAutoTopicCreation = true;
    send(Sent::Metadata, *broker, std::move(request), 0, context, effects);
}

void ShareConsumer::State::applyMetadata(const MetadataResponse &response, Context &context)
{
    brokers.learn(response);
    metadataWanted = false;
    for (const TopicMetadata &topic : response.topics) {
        metadataWanted = metadataWanted || topic.error != ErrorCode::None;
        for (const PartitionMetadata &partition : topic.partitions) {
            metadataWanted = metadataWanted || partition.leader < 0;
            Leader &known = leaders[{topic.name, partition.partition}];
            if (partition.leaderEpoch >= known.epoch)
                known = {NodeId{partition.leader}, partition.leaderEpoch};
        }
    }
    metadataExpires = context.now + config.metadataMaxAge;
    metadataFailures = metadataWanted ? std::min(metadataFailures + 1, kManyFailures) : 0;
    metadataNotBefore = metadataWanted ? context.now + backoff(metadataFailures, context)
                                       : context.now + config.retryBackoff;
}

void ShareConsumer::State::leaderMoved(
    const TopicPartition &partition, const std::optional<LeaderHint> &hint)
{
    Leader &known = leaders[partition];
    if (hint && hint->leaderEpoch > known.epoch)
        known = {NodeId{hint->leader}, hint->leaderEpoch};
    else
        metadataWanted = true;
}

void ShareConsumer::State::heartbeat(Context &context, ClientEffects &effects)
{
    if (!coordinator || isOut(Sent::Heartbeat) || context.now < nextHeartbeat)
        return;
    ShareGroupHeartbeatRequest request{.group = config.group,
        .memberId = memberId,
        .memberEpoch = memberEpoch,
        .clientId = clientId};
    if (heartbeatTellsAll || memberEpoch == 0)
        request.subscribedTopics = config.topics;
    heartbeatTellsAll = true; // until it is answered: a lost answer may have had the assignment
    send(Sent::Heartbeat, *coordinator, std::move(request), 0, context, effects);
}

void ShareConsumer::State::applyHeartbeat(
    const ShareGroupHeartbeatResponse &response, Context &context)
{
    switch (response.error) {
    case ErrorCode::None:
        heartbeatTellsAll = false;
        memberEpoch = response.memberEpoch;
        nextHeartbeat = context.now + response.heartbeatInterval;
        if (response.assignment) {
            assignment.emplace(response.assignment->begin(), response.assignment->end());
            for (const TopicPartition &partition : *assignment)
                metadataWanted = metadataWanted || !leaders.contains(partition);
        }
        return;
    case ErrorCode::UnknownMemberId:
    case ErrorCode::FencedMemberEpoch:
        memberEpoch = 0; // joins anew; what it holds is its own until the locks end
        nextHeartbeat = context.now;
        return;
    case ErrorCode::NotCoordinator:
    case ErrorCode::CoordinatorNotAvailable:
        nextHeartbeat = context.now;
        return coordinatorLost(context);
    case ErrorCode::CoordinatorLoadInProgress:
        nextHeartbeat = context.now + backoff(1, context);
        return;
    default:
        failure = response.error;
    }
}

} // namespace queuelab::log
