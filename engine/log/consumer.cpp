#include "engine/log/consumer.h"

#include "engine/log/consumer_state.h"

#include <algorithm>
#include <utility>

namespace queuelab::log {

namespace {

constexpr std::string_view kCloseReason = "the consumer is being closed";

} // namespace

Consumer::Consumer(std::string clientId, ConsumerConfig config)
    : m_state(std::make_unique<State>())
{
    m_state->clientId = std::move(clientId);
    m_state->config = std::move(config);
    m_state->cooperative = std::ranges::all_of(m_state->config.assignors, isCooperative);
}

Consumer::Consumer(const Consumer &other)
    : m_state(std::make_unique<State>(*other.m_state))
{
}

Consumer &Consumer::operator=(const Consumer &other)
{
    if (this != &other)
        m_state = std::make_unique<State>(*other.m_state);
    return *this;
}

Consumer::Consumer(Consumer &&) noexcept = default;
Consumer &Consumer::operator=(Consumer &&) noexcept = default;
Consumer::~Consumer() = default;

void Consumer::start(Context &context, ClientEffects &effects)
{
    crash(); // whatever it knew from an earlier life
    State &state = *m_state;
    state.running = true;
    state.name = context.trace.name(state.clientId);
    state.groupName = context.trace.name(state.config.group);
    state.lastPoll = context.now;
    state.advance(context, effects);
}

void Consumer::crash()
{
    auto fresh = std::make_unique<State>();
    fresh->clientId = std::move(m_state->clientId);
    fresh->config = std::move(m_state->config);
    fresh->cooperative = m_state->cooperative;
    fresh->nextRequest =
        m_state->nextRequest; // an answer to the old life must not match the new one
    m_state = std::move(fresh);
}

void Consumer::apply(
    RequestId id, const Response &response, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    const auto found = std::ranges::find(state.inFlight, id, &State::InFlight::id);
    if (!state.running || found == state.inFlight.end())
        return; // an answer that nobody waits for any more
    const State::InFlight request = std::move(*found);
    state.inFlight.erase(found);
    const auto as = [&response]<class T>(std::type_identity<T>) -> const T & {
        const T *typed = std::get_if<T>(&response);
        invariant(typed != nullptr, "an answer has the type of its request");
        return *typed;
    };
    switch (request.sent) {
    case State::Sent::Metadata:
        state.applyMetadata(as(std::type_identity<MetadataResponse>{}), context, effects);
        break;
    case State::Sent::FindCoordinator: {
        const auto &answer = as(std::type_identity<FindCoordinatorResponse>{});
        if (answer.error == ErrorCode::None)
            state.coordinator = NodeId{answer.node};
        else if (isRetriable(answer.error))
            state.coordinatorNotBefore = context.now + kRetryBackoff;
        else
            state.groupError(answer.error, context);
        break;
    }
    case State::Sent::Join:
        state.applyJoin(as(std::type_identity<JoinGroupResponse>{}), context, effects);
        break;
    case State::Sent::Sync:
        state.applySync(as(std::type_identity<SyncGroupResponse>{}), context);
        break;
    case State::Sent::Heartbeat:
        state.applyHeartbeat(as(std::type_identity<HeartbeatResponse>{}), context);
        break;
    case State::Sent::Leave:
        break;
    case State::Sent::Commit:
        state.applyCommit(request, as(std::type_identity<OffsetCommitResponse>{}), context);
        break;
    case State::Sent::OffsetFetch:
        state.applyOffsetFetch(as(std::type_identity<OffsetFetchResponse>{}), context);
        break;
    case State::Sent::ListOffsets:
        state.applyListOffsets(as(std::type_identity<ListOffsetsResponse>{}), context);
        break;
    case State::Sent::Fetch:
        state.applyFetch(request, as(std::type_identity<FetchResponse>{}), context);
        break;
    }
    state.advance(context, effects);
}

void Consumer::connectionLost(NodeId broker, Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    if (!state.running)
        return;
    std::vector<State::InFlight> lost;
    for (State::InFlight &request : state.inFlight) {
        if (request.broker == broker)
            lost.push_back(std::move(request));
    }
    std::erase_if(state.inFlight,
        [broker](const State::InFlight &request) { return request.broker == broker; });
    if (state.coordinator == broker)
        state.coordinatorLost(context);
    state.metadataWanted = true;
    state.metadataNotBefore = context.now + kRetryBackoff;
    state.fetchNotBefore[broker] = context.now + kRetryBackoff;
    for (const State::InFlight &request : lost)
        state.requestFailed(request, context);
    state.advance(context, effects);
}

void Consumer::wake(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    state.askedWake.reset();
    if (!state.running)
        return;
    state.expireRequests(context);
    state.advance(context, effects);
}

const std::vector<PolledRecords> &Consumer::poll(Context &context, ClientEffects &effects,
    const std::function<void(const TopicPartition &, const RecordView &)> &handle)
{
    State &state = *m_state;
    state.polled.clear();
    if (!state.running)
        return state.polled;
    // From here to the end the application is in poll(): rebalances and auto-commit happen now,
    // before new records.
    state.waiting = true;
    state.lastPoll = context.now;
    state.advance(context, effects);
    if (state.running)
        state.handOut(handle, context);
    state.waiting = state.polled.empty();
    state.sendFetches(context, effects);
    state.askForNextWake(context.now, effects);
    return state.polled;
}

bool Consumer::hasRecords() const
{
    const State &state = *m_state;
    // An eager member that has to rejoin gives its partitions up first, and its buffered records
    // with them.
    const bool givesUpFirst = state.generation < 0 || (state.rejoinNeeded && !state.cooperative);
    return !state.buffer.empty() && !givesUpFirst;
}

void Consumer::commit(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    state.commitWanted = state.running;
    state.advance(context, effects);
}

void Consumer::seek(const TopicPartition &partition, std::int64_t offset)
{
    State &state = *m_state;
    const auto found = state.partitions.find(partition);
    if (found == state.partitions.end())
        return;
    state.drop(partition);
    State::Partition &owned = found->second;
    owned.position = offset;
    owned.fetched = offset;
    owned.resetReason.reset();
    owned.stuck = false;
    owned.sought = true;
}

void Consumer::close(Context &context, ClientEffects &effects)
{
    State &state = *m_state;
    if (!state.running)
        return;
    if (state.config.enableAutoCommit && state.generation >= 0)
        state.sendCommit(context, effects);
    // A static member keeps its place: it is expected back within the session timeout.
    if (!state.config.groupInstanceId)
        state.leave(kCloseReason, context, effects);
    state.revokeAll(LogReason::Unsubscribed, context);
    state.membershipLost(true, LogReason::Unsubscribed);
    state.inFlight.clear();
    state.running = false;
}

std::vector<Consumer::Position> Consumer::positions() const
{
    std::vector<Position> positions;
    positions.reserve(m_state->partitions.size());
    for (const auto &[partition, owned] : m_state->partitions)
        positions.push_back({partition, owned.position, owned.committed, owned.fetched});
    return positions;
}

std::int32_t Consumer::generation() const
{
    return m_state->generation;
}

bool Consumer::isMember() const
{
    return m_state->generation >= 0 && m_state->holdsAssignment;
}

std::string Consumer::memberId() const
{
    return m_state->memberId;
}

const ConsumerConfig &Consumer::config() const
{
    return m_state->config;
}

ErrorCode Consumer::failure() const
{
    return m_state->failure;
}

// The agenda.

void Consumer::State::advance(Context &context, ClientEffects &effects)
{
    if (!running)
        return;
    findCoordinator(context, effects);
    requestMetadata(context, effects);
    tendMembership(context, effects);
    findPositions(context, effects);
    sendFetches(context, effects);
    askForNextWake(context.now, effects);
}

void Consumer::State::ask(Instant at, ClientEffects &effects)
{
    if (askedWake && *askedWake <= at)
        return;
    askedWake = at;
    effects.emplace_back(std::in_place_type<WakeClientAt>, at);
}

void Consumer::State::askForNextWake(Instant now, ClientEffects &effects)
{
    std::optional<Instant> next;
    // What is due already waits for an answer or for the application, not for time.
    const auto consider = [&next, now](Instant at) {
        if (at > now && (!next || at < *next))
            next = at;
    };
    for (const InFlight &request : inFlight)
        consider(request.expires);
    if (!coordinator)
        consider(coordinatorNotBefore);
    consider(metadataWanted ? metadataNotBefore : metadataExpires);
    if (phase == Phase::Unjoined || rejoinNeeded)
        consider(joinNotBefore);
    if (generation >= 0) {
        consider(nextHeartbeat);
        if (waiting && nextAutoCommit)
            consider(*nextAutoCommit);
        if (!waiting)
            consider(lastPoll + config.maxPollInterval);
    }
    for (const auto &[broker, at] : fetchNotBefore)
        consider(at);
    for (const auto &[partition, owned] : partitions)
        consider(owned.notBefore);
    if (next)
        ask(*next, effects);
}

void Consumer::State::send(Sent sent, NodeId broker, Request &&request, Duration timeout,
    Context &context, ClientEffects &effects, Offsets offsets)
{
    const RequestId id{nextRequest++};
    inFlight.push_back({id, sent, broker, context.now + timeout, generation, std::move(offsets)});
    effects.emplace_back(std::in_place_type<SendRequest>, broker, id, std::move(request));
}

bool Consumer::State::isOut(Sent sent) const
{
    return std::ranges::find(inFlight, sent, &InFlight::sent) != inFlight.end();
}

void Consumer::State::forget(std::initializer_list<Sent> kinds)
{
    std::erase_if(inFlight, [kinds](const InFlight &request) {
        return std::ranges::find(kinds, request.sent) != kinds.end();
    });
}

void Consumer::State::expireRequests(Context &context)
{
    std::vector<InFlight> late;
    for (InFlight &request : inFlight) {
        if (context.now >= request.expires)
            late.push_back(std::move(request));
    }
    std::erase_if(
        inFlight, [&](const InFlight &request) { return context.now >= request.expires; });
    for (const InFlight &request : late) {
        context.trace.record({.at = context.now,
            .kind = kind(LogEvent::RequestTimedOut),
            .subject = groupName,
            .actor = name});
        if (coordinator == request.broker && request.sent != Sent::Fetch
            && request.sent != Sent::Metadata)
            coordinatorLost(context);
        requestFailed(request, context);
    }
}

void Consumer::State::requestFailed(const InFlight &request, Context &context)
{
    const Instant retryAt = context.now + kRetryBackoff;
    switch (request.sent) {
    case Sent::Metadata:
        metadataWanted = true;
        metadataNotBefore = retryAt;
        break;
    case Sent::FindCoordinator:
        coordinatorNotBefore = retryAt;
        break;
    case Sent::Join:
    case Sent::Sync:
        phase = Phase::Unjoined;
        joinNotBefore = retryAt;
        break;
    case Sent::Heartbeat:
        nextHeartbeat = retryAt;
        break;
    case Sent::Fetch:
        fetchNotBefore[request.broker] = retryAt;
        break;
    case Sent::OffsetFetch:
    case Sent::ListOffsets:
        for (auto &[partition, owned] : partitions) {
            if (owned.position < 0)
                owned.notBefore = retryAt;
        }
        break;
    case Sent::Commit: // the next one says the same or more
    case Sent::Leave:
        break;
    }
}

void Consumer::State::findCoordinator(Context &context, ClientEffects &effects)
{
    if (coordinator || isOut(Sent::FindCoordinator) || context.now < coordinatorNotBefore)
        return;
    send(Sent::FindCoordinator, kBootstrapBroker, FindCoordinatorRequest{config.group},
        kRequestTimeout, context, effects);
}

void Consumer::State::coordinatorLost(Context &context)
{
    coordinator.reset();
    coordinatorNotBefore = context.now + kRetryBackoff;
}

void Consumer::State::requestMetadata(Context &context, ClientEffects &effects)
{
    metadataWanted = metadataWanted || context.now >= metadataExpires;
    if (!metadataWanted || isOut(Sent::Metadata) || context.now < metadataNotBefore)
        return;
    std::set<std::string> wanted(config.topics.begin(), config.topics.end());
    wanted.insert(groupTopics.begin(), groupTopics.end());
    MetadataRequest request;
    request.topics.emplace(wanted.begin(), wanted.end());
    request.allowAutoTopicCreation = true;
    send(Sent::Metadata, kBootstrapBroker, std::move(request), kRequestTimeout, context, effects);
}

void Consumer::State::applyMetadata(
    const MetadataResponse &response, Context &context, ClientEffects &effects)
{
    bool complete = true;
    for (const TopicMetadata &topic : response.topics) {
        if (topic.error != ErrorCode::None) {
            topics.erase(topic.name);
            complete = complete && !isRetriable(topic.error);
            continue;
        }
        std::vector<Leader> &leaders = topics[topic.name];
        leaders.assign(topic.partitions.size(), Leader{});
        for (const PartitionMetadata &partition : topic.partitions) {
            if (partition.partition >= 0
                && partition.partition < static_cast<std::int32_t>(leaders.size()))
                leaders[static_cast<std::size_t>(partition.partition)] = {
                    NodeId{partition.leader}, partition.leaderEpoch};
            complete = complete && partition.leader >= 0;
        }
    }
    metadataWanted = false;
    metadataFailures = complete ? 0 : std::min(metadataFailures + 1, 5);
    const Duration backoff =
        std::min(kRetryBackoff * (1 << std::max(metadataFailures - 1, 0)), kRetryBackoffMax);
    metadataExpires = context.now
        + (complete ? std::max<Duration>(config.metadataMaxAge, kRetryBackoff) : backoff);

    if (phase == Phase::Assigning)
        shareOut(context, effects);
    else if (phase == Phase::Stable && !groupTopics.empty()
        && countsOf(groupTopics) != assignedCounts)
        rejoin("cached metadata has changed since the assignment was made");
}

Consumer::State::Leader Consumer::State::leaderOf(const TopicPartition &partition) const
{
    const auto topic = topics.find(partition.topic);
    if (topic == topics.end() || partition.partition < 0
        || partition.partition >= static_cast<std::int32_t>(topic->second.size()))
        return {};
    return topic->second[static_cast<std::size_t>(partition.partition)];
}

std::map<std::string, std::int32_t> Consumer::State::countsOf(
    const std::set<std::string> &names) const
{
    std::map<std::string, std::int32_t> counts;
    for (const std::string &topic : names) {
        if (const auto found = topics.find(topic); found != topics.end())
            counts[topic] = static_cast<std::int32_t>(found->second.size());
    }
    return counts;
}

} // namespace queuelab::log
